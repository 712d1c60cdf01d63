/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of the API as compact text for people. */
#include "tools/adit/cli.h"

#include <stdlib.h>
#include <string.h>

static bool has(const struct adit_node *n, const char *key)
{
	return adit_node_text(n, key) != NULL;
}

/* "AES_GCM_16-128/PRF_HMAC_SHA2_256/CURVE_25519" */
static void show_suite(const struct adit_node *n)
{
	static const char *const keys[] = { "integ-alg", "prf-alg", "dh-group", "ake1", "ake2", "ake3", "ake4", "ake5", "ake6",
					    "ake7" };
	fputs(cli_text(n, "encr-alg"), stdout);
	if (has(n, "encr-keysize"))
		printf("-%s", cli_text(n, "encr-keysize"));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (has(n, keys[i]))
			printf("/%s", cli_text(n, keys[i]));
}

/* Seconds as people say them: "59s", "12m", "3h 20m", "4d 2h". */
static const char *span(const char *seconds, char buf[32])
{
	unsigned long long s = strtoull(seconds, NULL, 10);
	if (s < 120)
		snprintf(buf, 32, "%llus", s);
	else if (s < 7200)
		snprintf(buf, 32, "%llum", s / 60);
	else if (s < 172800)
		snprintf(buf, 32, "%lluh %llum", s / 3600, s % 3600 / 60);
	else
		snprintf(buf, 32, "%llud %lluh", s / 86400, s % 86400 / 3600);
	return buf;
}

static void show_flow(const struct adit_node *c, const char *way, const char *arrow)
{
	char key[32], t[32];
	snprintf(key, sizeof key, "spi-%s", way);
	printf("      %s %s  ", arrow, cli_text(c, key));
	snprintf(key, sizeof key, "bytes-%s", way);
	printf("%12s bytes ", cli_text(c, key));
	snprintf(key, sizeof key, "packets-%s", way);
	printf("%9s packets", cli_text(c, key));
	snprintf(key, sizeof key, "use-%s", way);
	if (has(c, key))
		printf("  last %s ago", span(cli_text(c, key), t));
	putchar('\n');
}

static void show_child(const struct adit_node *c)
{
	char buf[2048], t[32];
	printf("  %s #%s  %s  %s%s", cli_text(c, "name"), cli_text(c, "uniqueid"), cli_state(cli_text(c, "state")), cli_text(c, "mode"),
	       has(c, "encap") ? " in UDP" : "");
	if (has(c, "protocol")) {
		printf("  %s:", cli_text(c, "protocol"));
		show_suite(c);
		if (has(c, "esn"))
			fputs("/ESN", stdout);
	}
	if (has(c, "install-time"))
		printf("  installed %s ago", span(cli_text(c, "install-time"), t));
	if (has(c, "rekey-time"))
		printf(", rekey in %s", span(cli_text(c, "rekey-time"), t));
	if (has(c, "life-time"))
		printf(", ends in %s", span(cli_text(c, "life-time"), t));
	putchar('\n');
	printf("      %s", cli_items(c, "local-ts", buf, sizeof buf));
	printf(" === %s", cli_items(c, "remote-ts", buf, sizeof buf));
	if (has(c, "interface"))
		printf("  dev %s", cli_text(c, "interface"));
	if (has(c, "mtu"))
		printf("  mtu %s of %s", cli_text(c, "mtu"), cli_text(c, "path-mtu"));
	putchar('\n');
	if (has(c, "spi-in")) {
		show_flow(c, "in", "in ");
		show_flow(c, "out", "out");
	}
}

static void show_tasks(const struct adit_node *sa, const char *list, const char *says)
{
	char buf[1024];
	if (adit_node_at(sa, list))
		printf("  %s: %s\n", says, cli_items(sa, list, buf, sizeof buf));
}

void show_sa(const struct adit_node *sa)
{
	char t[32];
	printf("%s #%s  %s  IKEv%s  %s_i%s %s_r%s\n", cli_hue(HUE_STRONG, sa->name), cli_text(sa, "uniqueid"),
	       cli_state(cli_text(sa, "state")), cli_text(sa, "version"), cli_text(sa, "initiator-spi"), has(sa, "initiator") ? "*" : "",
	       cli_text(sa, "responder-spi"), has(sa, "initiator") ? "" : "*");
	printf("  %s[%s] '%s' — %s[%s] '%s'%s%s\n", cli_text(sa, "local-host"), cli_text(sa, "local-port"),
	       cli_text(sa, "local-id"), cli_text(sa, "remote-host"), cli_text(sa, "remote-port"), cli_text(sa, "remote-id"),
	       has(sa, "nat-local") ? "  we are behind a NAT" : "", has(sa, "nat-remote") ? "  the peer is behind a NAT" : "");
	if (has(sa, "encr-alg")) {
		fputs("  ", stdout);
		show_suite(sa);
		if (has(sa, "established"))
			printf("  up %s", span(cli_text(sa, "established"), t));
		if (has(sa, "rekey-time"))
			printf(", rekey in %s", span(cli_text(sa, "rekey-time"), t));
		if (has(sa, "reauth-time"))
			printf(", re-authentication in %s", span(cli_text(sa, "reauth-time"), t));
		putchar('\n');
	}
	show_tasks(sa, "tasks-active", "at work");
	show_tasks(sa, "tasks-passive", "answering");
	show_tasks(sa, "tasks-queued", "waiting");
	const struct adit_node *children = adit_node_at(sa, "child-sas");
	for (const struct adit_node *c = children ? children->first : NULL; c; c = c->next)
		show_child(c);
}

static void show_auth(const struct adit_node *conn, const char *side)
{
	for (const struct adit_node *c = conn->first; c; c = c->next)
		if (c->kind == ADIT_NODE_SECTION && !strncmp(c->name, side, strlen(side)))
			printf("  %-6s  %s%s%s\n", side, cli_text(c, "class"), has(c, "id") ? " as " : "", cli_text(c, "id"));
}

static bool nonzero(const struct adit_node *n, const char *key)
{
	return strcmp(cli_text(n, key), "0") && has(n, key);
}

void show_conn(const struct adit_node *conn)
{
	char buf[2048], t[32];
	printf("%s  %s", cli_hue(HUE_STRONG, conn->name), cli_text(conn, "version"));
	if (nonzero(conn, "rekey_time"))
		printf(", rekey every %s", span(cli_text(conn, "rekey_time"), t));
	if (nonzero(conn, "reauth_time"))
		printf(", re-authentication every %s", span(cli_text(conn, "reauth_time"), t));
	if (nonzero(conn, "dpd_delay"))
		printf(", dead peer check after %s", span(cli_text(conn, "dpd_delay"), t));
	printf("\n  %s", cli_items(conn, "local_addrs", buf, sizeof buf));
	printf(" — %s\n", cli_items(conn, "remote_addrs", buf, sizeof buf));
	show_auth(conn, "local");
	show_auth(conn, "remote");
	const struct adit_node *children = adit_node_at(conn, "children");
	for (const struct adit_node *c = children ? children->first : NULL; c; c = c->next) {
		printf("  child %s  %s  %s", c->name, cli_text(c, "mode"), cli_items(c, "local-ts", buf, sizeof buf));
		printf(" === %s", cli_items(c, "remote-ts", buf, sizeof buf));
		if (nonzero(c, "rekey_time"))
			printf("  rekey every %s", span(cli_text(c, "rekey_time"), t));
		putchar('\n');
	}
}

void show_policy(const struct adit_node *p)
{
	char buf[2048];
	printf("%s  %s  %s", p->name, cli_text(p, "mode"), cli_items(p, "local-ts", buf, sizeof buf));
	printf(" === %s\n", cli_items(p, "remote-ts", buf, sizeof buf));
}

/* Where the line of features is. */
struct feats {
	char kind[24];
	int column;
};

/* "KIND:NAME (best: …)" of one kind on a line, with a star where this plugin serves it; what is left out, and why, below. */
static void show_feat(struct feats *at, const char *text)
{
	enum { WIDTH = 110 };
	size_t kind = strcspn(text, ":"), name = strcspn(text, " ") - kind;
	bool out = strstr(text, " (left out") != NULL, first = strncmp(at->kind, text, kind) || at->kind[kind];
	if (at->column && (first || out || at->column + (int)name + 2 > WIDTH)) {
		putchar('\n');
		at->column = 0;
	}
	if (out) {
		printf("  %s\n", text);
		at->kind[0] = 0;
		return;
	}
	if (!at->column)
		at->column = printf("  %-11.*s", first ? (int)kind : 0, text);
	at->column += printf(" %.*s%s", (int)name - 1, text + kind + 1, strstr(text, " (best") ? "*" : "");
	snprintf(at->kind, sizeof at->kind, "%.*s", (int)kind, text);
}

void show_plugin(const struct adit_node *p)
{
	printf("%s %s  %s%s%s  %s\n", cli_hue(HUE_STRONG, p->name), cli_text(p, "version"), cli_state(cli_text(p, "state")), has(p, "why") ? ": " : "",
	       cli_text(p, "why"), cli_text(p, "summary"));
	const struct adit_node *f = adit_node_at(p, "features");
	struct feats at = { .column = 0 };
	for (const struct adit_node *i = f ? f->first : NULL; i; i = i->next)
		show_feat(&at, i->value);
	if (at.column)
		putchar('\n');
}
