/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that look: status, list, counters, stats, version, describe. */
#include "config.h"
#include "tools/adit/cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- lists that the daemon streams ---- */

struct listing {
	json_t *array; /* everything is collected; NULL: as text */
	bool direct;   /* as JSON or YAML, each object as soon as it is here: 100,000 SAs need no memory */
	unsigned printed;
	void (*show)(const struct adit_node *n);
	const struct api_event *event;
	unsigned n;
};

static void print_now(struct listing *l, const struct adit_node *body)
{
	json_t *some = json_array(), *one;
	size_t i;
	cli_json_named(some, body, l->event);
	if (cli_yaml && json_array_size(some)) {
		cli_print_yaml(stdout, some);
		l->printed++;
	}
	json_array_foreach(some, i, one) {
		if (cli_yaml)
			break;
		fputs(l->printed++ ? ",\n" : "[\n", stdout);
		json_dumpf(one, stdout, JSON_INDENT(2));
	}
	json_decref(some);
}

static void on_item(void *arg, const char *event, const struct adit_node *body)
{
	struct listing *l = arg;
	(void)event;
	if (l->array)
		cli_json_named(l->array, body, l->event);
	if (l->direct)
		print_now(l, body);
	for (const struct adit_node *c = body->first; c; c = c->next) {
		if (c->kind != ADIT_NODE_SECTION)
			continue;
		l->n++;
		if (!l->array && !l->direct && l->show)
			l->show(c);
	}
}

static enum cli_exit stream(struct cli *c, const char *method, struct listing *l)
{
	l->event = cli_event(cli_method(method)->stream);
	return cli_done(c, adit_api_stream(c->api, method, l->event->name, NULL, on_item, l, NULL));
}

static enum cli_exit list_stream(struct cli *c, const char *method, void (*show)(const struct adit_node *n))
{
	struct listing l = { .direct = c->json, .show = show };
	enum cli_exit code = stream(c, method, &l);
	if (l.direct && !cli_yaml && (l.printed || !code))
		fputs(l.printed ? "\n]\n" : "[]\n", stdout);
	else if (l.direct && !l.printed && !code)
		fputs("[]\n", stdout);
	return code;
}

static enum cli_exit list_conns(struct cli *c)
{
	return list_stream(c, "list-conns", show_conn);
}

static enum cli_exit list_sas(struct cli *c)
{
	return list_stream(c, "list-sas", show_sa);
}

static enum cli_exit list_policies(struct cli *c)
{
	return list_stream(c, "list-policies", show_policy);
}

/* A call whose answer is shown by `show`, or as JSON. */
static enum cli_exit show_call(struct cli *c, const char *method, struct adit_msg *args, void (*show)(const struct adit_node *reply))
{
	struct adit_node *reply;
	const struct api_method *m = cli_method(method);
	enum cli_exit code = cli_done(c, adit_api_call(c->api, method, args, &reply));
	if (!code && c->json)
		code = cli_print_json(api_json(reply, m->result, m->n_result));
	else if (!code)
		show(reply);
	adit_node_free(reply);
	return code;
}

/* "12.4 Gbit/s" of what works on bytes, "3,100/s" of the rest. */
static const char *speed_text(const struct adit_node *a, char buf[32])
{
	const char *kind = cli_text(a, "kind");
	double v = strtod(cli_text(a, "speed"), NULL);
	if (v <= 0)
		snprintf(buf, 32, "-");
	else if (strcmp(kind, "kex") && strcmp(kind, "sign"))
		snprintf(buf, 32, "%.2f Gbit/s", v * 1024 * 8e-9);
	else
		snprintf(buf, 32, "%.0f/s", v);
	return buf;
}

static void show_alg(const struct adit_node *a)
{
	char speed[32], used[64], rank[16] = "-";
	bool left_out = !strcmp(cli_text(a, "rank"), "0");
	if (!left_out)
		snprintf(rank, sizeof rank, "%s", cli_text(a, "rank"));
	printf("%-6s %-22s %-15s %4s %14s  %-10s %s%s%s\n", cli_text(a, "kind"), a->name, cli_text(a, "provider"), rank,
	       speed_text(a, speed), cli_items(a, "used", used, sizeof used), left_out ? "left out: " : "", cli_text(a, "why"),
	       strcmp(cli_text(a, "weak"), "yes") ? "" : *cli_text(a, "why") ? ", weak" : "weak");
}

static enum cli_exit list_algs(struct cli *c)
{
	if (!c->json)
		printf("%-6s %-22s %-15s %4s %14s  %-10s %s\n", "KIND", "ALGORITHM", "PROVIDER", "RANK", "SPEED", "USED", "WHY");
	return list_stream(c, "list-algorithms", show_alg);
}

static enum cli_exit list_plugins(struct cli *c)
{
	struct adit_node *reply;
	const struct api_method *m = cli_method("list-plugins");
	enum cli_exit code = cli_done(c, adit_api_call(c->api, "list-plugins", NULL, &reply));
	const struct adit_node *plugins = code ? NULL : adit_node_at(reply, "plugins");
	if (!code && c->json) {
		json_t *j = api_json(reply, m->result, m->n_result);
		json_t *list = json_incref(json_object_get(j, "plugins"));
		json_decref(j);
		code = cli_print_json(list);
	} else {
		for (const struct adit_node *p = plugins ? plugins->first : NULL; p; p = p->next)
			show_plugin(p);
	}
	adit_node_free(reply);
	return code;
}

/* One event each, without a name of its own: an array of what they say. */
struct flat {
	const struct api_event *event;
	json_t *all;
};

static void take_lease(void *arg, const char *name, const struct adit_node *e)
{
	struct flat *f = arg;

	(void)name;
	if (f->all)
		json_array_append_new(f->all, api_json(e, f->event->fields, f->event->n_fields));
	else
		printf("%-16s %-40s %-8s %s\n", cli_text(e, "pool"), cli_text(e, "address"), cli_text(e, "status"), cli_text(e, "identity"));
}

static enum cli_exit list_leases(struct cli *c)
{
	struct flat f = { cli_event("list-lease"), c->json ? json_array() : NULL };
	enum cli_exit code = cli_done(c, adit_api_stream(c->api, "list-leases", "list-lease", NULL, take_lease, &f, NULL));

	if (!code && f.all)
		return cli_print_json(f.all);
	json_decref(f.all);
	return code;
}

/* ---- credentials ---- */

/* "in 29 days", "in 3 hours", "expired". */
static const char *until_text(const struct adit_node *n, char buf[48])
{
	unsigned long long s = strtoull(cli_text(n, "expires-in"), NULL, 10);
	const char *state = cli_text(n, "state");

	if (!*cli_text(n, "not-after"))
		snprintf(buf, 48, "-");
	else if (strcmp(state, "valid"))
		snprintf(buf, 48, "%s", state);
	else if (s >= 2 * 86400)
		snprintf(buf, 48, "in %llu days", s / 86400);
	else
		snprintf(buf, 48, "in %llu hours", s / 3600);
	return buf;
}

static void show_cert(const struct adit_node *n)
{
	char until[48], place[600];
	bool crl = !strcmp(cli_text(n, "kind"), "crls");

	snprintf(place, sizeof place, "%s%s%s", cli_text(n, "where"), *cli_text(n, "label") ? " " : "", cli_text(n, "label"));
	printf("%-11s %-20.20s %-13s %-3s %s%s\n", cli_text(n, "type"), cli_text(n, "not-after"), until_text(n, until),
	       !strcmp(cli_text(n, "has-key"), "yes") ? "key" : "-", crl ? "CRL of " : "", cli_text(n, crl ? "issuer" : "subject"));
	printf("            serial %s, issued by %s; %s\n", cli_text(n, "serial"), cli_text(n, "issuer"), place);
}

static void show_key(const struct adit_node *n)
{
	printf("%-40s %-10s %-8s %s\n", n->name, cli_text(n, "algorithm"), cli_text(n, "where"), cli_text(n, "label"));
}

static void show_secret(const struct adit_node *n)
{
	printf("%-24s %-6s %-8s %s\n", n->name, cli_text(n, "type"), cli_text(n, "where"),
	       *cli_text(n, "owners") ? cli_text(n, "owners") : "(everybody)");
}

static void show_authority(const struct adit_node *n)
{
	char buf[2048];

	printf("%s  %s\n", n->name, cli_text(n, "cacert"));
	if (adit_node_at(n, "crl_uris"))
		printf("  CRL %s\n", cli_items(n, "crl_uris", buf, sizeof buf));
	if (adit_node_at(n, "ocsp_uris"))
		printf("  OCSP %s\n", cli_items(n, "ocsp_uris", buf, sizeof buf));
}

static enum cli_exit list_kind(struct cli *c, const char *kind, void (*show)(const struct adit_node *n))
{
	struct listing l = { .direct = c->json, .show = show, .event = cli_event("list-credential") };
	struct adit_msg *m = adit_msg_new();

	if (!m)
		return cli_fail(CLI_FAILED, "out of memory");
	adit_msg_text(m, "kind", kind);
	enum cli_exit code = cli_done(c, adit_api_stream(c->api, "list-credentials", l.event->name, m, on_item, &l, NULL));
	if (l.direct && !cli_yaml && (l.printed || !code))
		fputs(l.printed ? "\n]\n" : "[]\n", stdout);
	else if (l.direct && !l.printed && !code)
		fputs("[]\n", stdout);
	return code;
}

static enum cli_exit list_certs(struct cli *c)
{
	if (!c->json)
		printf("%-11s %-20s %-13s %-3s %s\n", "TYPE", "UNTIL", "ENDS", "KEY", "SUBJECT");
	return list_kind(c, "certs", show_cert);
}

static enum cli_exit list_crls(struct cli *c)
{
	if (!c->json)
		printf("%-11s %-20s %-13s %-3s %s\n", "TYPE", "NEXT", "DUE", "", "ISSUER");
	return list_kind(c, "crls", show_cert);
}

static enum cli_exit list_keys(struct cli *c)
{
	if (!c->json)
		printf("%-40s %-10s %-8s %s\n", "KEY", "KIND", "WHERE", "LABEL");
	return list_kind(c, "keys", show_key);
}

static enum cli_exit list_secrets(struct cli *c)
{
	if (!c->json)
		printf("%-24s %-6s %-8s %s\n", "SECRET", "TYPE", "WHERE", "OWNERS");
	return list_kind(c, "secrets", show_secret);
}

static enum cli_exit list_authorities(struct cli *c)
{
	return list_stream(c, "list-authorities", show_authority);
}

static void show_pools(const struct adit_node *reply)
{
	printf("%-20s %-40s %20s %8s %8s\n", "POOL", "FIRST ADDRESS", "ADDRESSES", "IN USE", "KEPT");
	for (const struct adit_node *p = reply->first; p; p = p->next)
		if (p->kind == ADIT_NODE_SECTION)
			printf("%-20s %-40s %20s %8s %8s\n", p->name, cli_text(p, "base"), cli_text(p, "size"), cli_text(p, "online"),
			       cli_text(p, "offline"));
}

static enum cli_exit list_pools(struct cli *c)
{
	return show_call(c, "get-pools", NULL, show_pools);
}

enum cli_exit cmd_list(struct cli *c)
{
	static const struct {
		const char *word;
		enum cli_exit (*run)(struct cli *c);
	} lists[] = { { "conns", list_conns }, { "sas", list_sas }, { "policies", list_policies }, { "algs", list_algs },
		      { "plugins", list_plugins }, { "pools", list_pools }, { "leases", list_leases }, { "certs", list_certs }, { "crls", list_crls },
		      { "keys", list_keys },
		      { "secrets", list_secrets }, { "authorities", list_authorities } };
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (!strcmp(c->word[0], lists[i].word))
			return lists[i].run(c);
	return cli_fail(CLI_USAGE, "there is no list '%s'; \"adit help list\" names them", c->word[0]);
}

/* ---- status ---- */

static void show_brief(const struct adit_node *sa)
{
	const struct adit_node *children = adit_node_at(sa, "child-sas");
	/* Before the peers have told who they are there are only addresses. */
	bool known = strcmp(cli_text(sa, "remote-id"), "%any") != 0;
	printf("  %s #%s  %s  %s ↔ %s\n", cli_hue(HUE_STRONG, sa->name), cli_text(sa, "uniqueid"), cli_state(cli_text(sa, "state")),
	       cli_text(sa, known ? "local-id" : "local-host"), cli_text(sa, known ? "remote-id" : "remote-host"));
	for (const struct adit_node *c = children ? children->first : NULL; c; c = c->next) {
		char buf[1024];
		printf("    %s #%s  %s  %s", cli_text(c, "name"), cli_text(c, "uniqueid"), cli_state(cli_text(c, "state")),
		       cli_items(c, "local-ts", buf, sizeof buf));
		printf(" === %s  in %s bytes, out %s bytes\n", cli_items(c, "remote-ts", buf, sizeof buf), cli_text(c, "bytes-in"),
		       cli_text(c, "bytes-out"));
	}
}

enum cli_exit cmd_status(struct cli *c)
{
	struct adit_node *stats, *version = NULL;
	const struct api_method *ms = cli_method("stats"), *mv = cli_method("version");
	struct listing conns = { 0 }, sas = { .array = c->json ? json_array() : NULL, .show = show_brief };
	enum cli_exit code = cli_done(c, adit_api_call(c->api, "stats", NULL, &stats));
	if (!code)
		code = cli_done(c, adit_api_call(c->api, "version", NULL, &version));
	if (!code)
		code = stream(c, "list-conns", &conns);
	if (!code && !c->json)
		printf("aditd %s, up %s, %u connections, %s IKE SAs (%s half-open), %s child SAs\n", cli_text(version, "version"),
		       cli_text(stats, "uptime.running"), conns.n, cli_text(stats, "ikesas.total"),
		       cli_text(stats, "ikesas.half-open"), cli_text(stats, "childsas"));
	if (!code)
		code = stream(c, "list-sas", &sas);
	if (!code && c->json) {
		json_t *j = api_json(version, mv->result, mv->n_result), *s = api_json(stats, ms->result, ms->n_result);
		json_object_set(j, "uptime", json_object_get(s, "uptime"));
		json_object_set(j, "ikesas", json_object_get(s, "ikesas"));
		json_object_set(j, "childsas", json_object_get(s, "childsas"));
		json_object_set_new(j, "connections", json_integer(conns.n));
		json_object_set(j, "sas", sas.array);
		json_decref(s);
		code = cli_print_json(j);
	}
	json_decref(sas.array);
	adit_node_free(stats);
	adit_node_free(version);
	return code;
}

/* ---- single answers ---- */

static void show_tree(const struct adit_node *n, int indent)
{
	for (const struct adit_node *c = n->first; c; c = c->next) {
		char buf[4096];
		if (c->kind == ADIT_NODE_SECTION) {
			printf("%*s%s:\n", indent, "", *c->name ? c->name : "all connections");
			show_tree(c, indent + 2);
		} else if (c->kind == ADIT_NODE_LIST) {
			printf("%*s%-24s %s\n", indent, "", c->name, cli_items(n, c->name, buf, sizeof buf));
		} else if (strcmp(c->name, "success")) {
			printf("%*s%-24s %s\n", indent, "", c->name, c->value);
		}
	}
}

static void show_all(const struct adit_node *reply)
{
	show_tree(reply, 0);
}

static void show_counters(const struct adit_node *reply)
{
	show_tree(adit_node_at(reply, "counters"), 0);
}

enum cli_exit cmd_stats(struct cli *c)
{
	return show_call(c, "stats", NULL, show_all);
}

enum cli_exit cmd_counters(struct cli *c)
{
	struct adit_msg *m = adit_msg_new();
	if (c->n_words)
		adit_msg_text(m, "name", c->word[0]);
	if (c->all)
		adit_msg_text(m, "all", "yes");
	return show_call(c, "get-counters", m, show_counters);
}

static void show_version(const struct adit_node *v)
{
	printf("aditd %s (%s %s, %s)\n", cli_text(v, "version"), cli_text(v, "sysname"), cli_text(v, "release"),
	       cli_text(v, "machine"));
	if (strcmp(cli_text(v, "version"), PACKAGE_VERSION))
		printf("adit  %s\n", PACKAGE_VERSION);
}

enum cli_exit cmd_version(struct cli *c)
{
	return show_call(c, "version", NULL, show_version);
}

static void show_fields(const struct adit_node *n, const char *title, int indent)
{
	if (!n || !n->first)
		return;
	printf("%*s%s:\n", indent, "", title);
	for (const struct adit_node *f = n->first; f; f = f->next) {
		printf("%*s%-16s %s%s%s%s  %s\n", indent + 2, "", f->name, cli_text(f, "type"), *cli_text(f, "unit") ? " in " : "",
		       cli_text(f, "unit"), *cli_text(f, "required") ? ", required" : "", cli_text(f, "doc"));
		for (const struct adit_node *s = f->first; s; s = s->next)
			if (s->kind == ADIT_NODE_SECTION)
				show_fields(s, f->name, indent + 4);
	}
}

static void show_describe(const struct adit_node *reply)
{
	const struct adit_node *methods = adit_node_at(reply, "methods");
	bool one = methods && methods->first && !methods->first->next;
	for (const struct adit_node *m = methods ? methods->first : NULL; m; m = m->next) {
		if (!one) {
			printf("%-18s %-10s %s\n", m->name, cli_text(m, "permission"), cli_text(m, "doc"));
			continue;
		}
		printf("%s: %s\n%s since %s, needs %s%s%s\n", m->name, cli_text(m, "doc"), cli_text(m, "status"),
		       cli_text(m, "since"), cli_text(m, "permission"), *cli_text(m, "stream") ? ", streams " : "",
		       cli_text(m, "stream"));
		show_fields(adit_node_at(m, "args"), "arguments", 0);
		show_fields(adit_node_at(m, "result"), "result", 0);
	}
}

enum cli_exit cmd_describe(struct cli *c)
{
	struct adit_msg *m = adit_msg_new();
	if (c->n_words)
		adit_msg_text(m, "method", c->word[0]);
	return show_call(c, "describe", m, show_describe);
}
