/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that act on SAs: up, down, rekey. */
#include "tools/adit/cli.h"

#include <stdlib.h>
#include <string.h>

/* Lines of the daemon's log that belong to the command; on standard error, so that --json stays clean. */
static void on_log(void *arg, const char *event, const struct adit_node *e)
{
	char group[32];

	(void)arg;
	(void)event;
	snprintf(group, sizeof group, "[%s]", cli_text(e, "group"));
	fprintf(stderr, "%s %s\n", cli_hue_err(HUE_FAINT, group), cli_text(e, "msg"));
}

static void say_matches(const char *method, unsigned long n)
{
	printf("%lu SA%s %s\n", n, n == 1 ? "" : "s", !strcmp(method, "terminate") ? "closed" : !strcmp(method, "rekey") ?
		n == 1 ? "is being rekeyed" : "are being rekeyed" : n == 1 ? "is being redirected" : "are being redirected");
}

static enum cli_exit command(struct cli *c, const char *method, struct adit_msg *m, json_t *results)
{
	struct adit_node *reply = NULL;
	const struct api_method *s = cli_method(method);
	adit_api_cb *log = c->json || !s->stream ? NULL : on_log;
	if (s->stream && c->loglevel)
		adit_msg_text(m, "loglevel", c->loglevel);
	if (s->stream && c->timeout)
		adit_msg_text(m, "timeout", c->timeout);
	enum adit_api_status st = log ? adit_api_stream(c->api, method, s->stream, m, log, NULL, &reply)
				      : adit_api_call(c->api, method, m, &reply);
	if (reply && results)
		json_array_append_new(results, api_json(reply, s->result, s->n_result));
	if (!st && !c->json && adit_node_text(reply, "matches"))
		say_matches(method, strtoul(cli_text(reply, "matches"), NULL, 10));
	adit_node_free(reply);
	if (st == ADIT_API_FAILED && !strcmp(method, "initiate") && !strcmp(adit_api_errcode(c->api), "EXISTS"))
		return CLI_OK; /* it is up, as was asked for */
	return cli_done(c, st);
}

/* Children of a connection, for `up NAME`. */
struct children {
	char **names;
	size_t n;
	bool found;
};

static void on_conn(void *arg, const char *event, const struct adit_node *body)
{
	struct children *k = arg;
	(void)event;
	const struct adit_node *conn = body->first;
	const struct adit_node *children = conn ? adit_node_at(conn, "children") : NULL;
	k->found |= conn != NULL;
	for (const struct adit_node *c = children ? children->first : NULL; c; c = c->next) {
		const char *mode = cli_text(c, "mode");
		char **more = strcmp(mode, "PASS") && strcmp(mode, "DROP") ? realloc(k->names, (k->n + 1) * sizeof *more) : NULL;
		if (more) {
			k->names = more;
			k->names[k->n] = strdup(c->name);
			k->n += k->names[k->n] != NULL;
		}
	}
}

static enum cli_exit up_one(struct cli *c, const char *child, json_t *results)
{
	struct adit_msg *m = adit_msg_new();
	adit_msg_text(m, "ike", c->word[0]);
	if (child)
		adit_msg_text(m, "child", child);
	enum cli_exit code = command(c, "initiate", m, results);
	if (!code && !c->json)
		printf("%s%s%s is %s\n", c->word[0], child ? "/" : "", child ? child : "", cli_state("up"));
	return code;
}

enum cli_exit cmd_up(struct cli *c)
{
	struct children k = { 0 };
	json_t *results = c->json ? json_array() : NULL;
	enum cli_exit code;
	if (c->child) {
		code = up_one(c, c->child, results);
	} else {
		struct adit_msg *m = adit_msg_new();
		adit_msg_text(m, "ike", c->word[0]);
		code = cli_done(c, adit_api_stream(c->api, "list-conns", "list-conn", m, on_conn, &k, NULL));
		if (!code && !k.found)
			code = cli_fail(CLI_FAILED, "there is no connection '%s'; \"adit list conns\" shows them", c->word[0]);
		else if (!code && !k.n)
			code = up_one(c, NULL, results);
		for (size_t i = 0; !code && i < k.n; i++)
			code = up_one(c, k.names[i], results);
		for (size_t i = 0; i < k.n; i++)
			free(k.names[i]);
		free(k.names);
	}
	if (results)
		cli_print_json(results);
	return code;
}

static bool target(struct cli *c, struct adit_msg *m)
{
	if (c->n_words)
		adit_msg_text(m, "ike", c->word[0]);
	if (c->child)
		adit_msg_text(m, "child", c->child);
	if (c->ike_id)
		adit_msg_text(m, "ike-id", c->ike_id);
	if (c->child_id)
		adit_msg_text(m, "child-id", c->child_id);
	return c->n_words || c->child || c->ike_id || c->child_id;
}

static enum cli_exit none(struct adit_msg *m, const char *usage)
{
	adit_msg_free(m);
	return cli_fail(CLI_USAGE, "which one? usage: adit %s", usage);
}

static enum cli_exit one_answer(struct cli *c, const char *method, struct adit_msg *m)
{
	json_t *results = c->json ? json_array() : NULL;
	enum cli_exit code = command(c, method, m, results);
	if (results && json_array_size(results))
		cli_print_json(json_incref(json_array_get(results, 0)));
	json_decref(results);
	return code;
}

enum cli_exit cmd_down(struct cli *c)
{
	struct adit_msg *m = adit_msg_new();
	if (!target(c, m))
		return none(m, "down NAME [--child CHILD] | --child CHILD | --ike-id N | --child-id N");
	if (c->force)
		adit_msg_text(m, "force", "yes");
	return one_answer(c, "terminate", m);
}

enum cli_exit cmd_rekey(struct cli *c)
{
	struct adit_msg *m = adit_msg_new();
	if (!target(c, m))
		return none(m, "rekey NAME [--child CHILD] | --child CHILD | --ike-id N | --child-id N");
	if (c->reauth)
		adit_msg_text(m, "reauth", "yes");
	return one_answer(c, "rekey", m);
}

enum cli_exit cmd_redirect(struct cli *c)
{
	struct adit_msg *m = adit_msg_new();
	if (c->n_words)
		adit_msg_text(m, "ike", c->word[0]);
	if (c->ike_id)
		adit_msg_text(m, "ike-id", c->ike_id);
	if (c->peer)
		adit_msg_text(m, "peer-ip", c->peer);
	if (c->remote_id)
		adit_msg_text(m, "peer-id", c->remote_id);
	if (!c->n_words && !c->ike_id && !c->peer && !c->remote_id)
		return none(m, "redirect NAME | --ike-id N | --peer ADDRESS | --remote-id ID --gateway ADDRESS");
	if (!c->gateway) {
		adit_msg_free(m);
		return cli_fail(CLI_USAGE, "where to? --gateway ADDRESS is missing");
	}
	adit_msg_text(m, "gateway", c->gateway);
	return one_answer(c, "redirect", m);
}
