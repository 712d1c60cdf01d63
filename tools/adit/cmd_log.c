/* SPDX-License-Identifier: Apache-2.0 */
/* The log: follow it, look at its levels, have more of it written about a connection, a peer or an identity. */
#include "tools/adit/cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- following ---------------------------------------------------------------------------------------------------- */

static void show_line(const struct adit_node *e)
{
	const char *sa = cli_text(e, "ikesa-name"), *id = cli_text(e, "ikesa-uniqueid");
	time_t now = time(NULL);
	struct tm tm;
	char when[32] = "";
	if (localtime_r(&now, &tm))
		strftime(when, sizeof when, "%H:%M:%S", &tm);
	printf("%s [%s%s] ", when, cli_text(e, "group"), cli_text(e, "level"));
	if (*sa)
		printf("<%s%s%s> ", sa, *id ? "|" : "", id);
	printf("%s\n", cli_text(e, "msg"));
}

static enum cli_exit follow(struct cli *c)
{
	const struct api_event *log = cli_event("log");
	enum adit_api_status st = adit_api_listen(c->api, "log");
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (!st) {
		const char *name;
		struct adit_node *e;
		st = adit_api_next(c->api, -1, &name, &e);
		if (!st && c->json) {
			json_t *j = api_json(e, log->fields, log->n_fields);
			json_dumpf(j, stdout, JSON_COMPACT);
			putchar('\n');
			json_decref(j);
		} else if (!st) {
			show_line(e);
		}
		adit_node_free(e);
		if (ferror(stdout))
			return CLI_OK;
	}
	return cli_done(c, st);
}

/* ---- levels ------------------------------------------------------------------------------------------------------- */

/* "1, ike=2": the most frequent level, and what differs from it. */
static void show_levels(const struct adit_node *levels)
{
	unsigned times[6] = { 0 }, most = 0;

	for (const struct adit_node *n = levels ? levels->first : NULL; n; n = n->next) {
		unsigned at = (unsigned)(atoi(cli_text(levels, n->name)) + 1) % 6;
		times[at]++;
		most = times[at] > times[most] ? at : most;
	}
	printf("%d", (int)most - 1);
	for (const struct adit_node *n = levels ? levels->first : NULL; n; n = n->next)
		if (atoi(cli_text(levels, n->name)) != (int)most - 1)
			printf(", %s=%s", n->name, cli_text(levels, n->name));
}

static enum cli_exit list_levels(struct cli *c)
{
	const struct api_method *m = cli_method("list-log-levels");
	struct adit_node *reply = NULL;
	enum cli_exit code = cli_done(c, adit_api_call(c->api, m->name, NULL, &reply));

	if (!code && c->json) {
		code = cli_print_json(api_json(reply, m->result, m->n_result));
	} else if (!code) {
		const struct adit_node *sinks = adit_node_at(reply, "sinks"), *rules = adit_node_at(reply, "rules");
		for (const struct adit_node *n = sinks ? sinks->first : NULL; n; n = n->next) {
			printf("%-24s ", n->name);
			show_levels(adit_node_at(n, "levels"));
			putchar('\n');
		}
		for (const struct adit_node *n = rules ? rules->first : NULL; n; n = n->next) {
			const char *left = cli_text(n, "seconds-left");
			printf("rule %s: %s %s at ", n->name, cli_text(n, "about"), cli_text(n, "is"));
			show_levels(adit_node_at(n, "levels"));
			printf(*left ? ", %s s left\n" : "\n", left);
		}
	}
	adit_node_free(reply);
	return code;
}

static enum cli_exit set_levels(struct cli *c)
{
	const struct { const char *arg, *value; } args[] = { { "sink", c->sink }, { "ike", c->ike }, { "peer", c->peer },
		{ "identity", c->identity }, { "seconds", c->seconds } };
	struct adit_msg *m = adit_msg_new();
	struct adit_node *reply = NULL;

	if (c->n_words < 2) {
		adit_msg_free(m);
		return cli_fail(CLI_USAGE, "levels are missing, as in: adit log set \"1, ike=2\"");
	}
	adit_msg_text(m, "levels", c->word[1]);
	for (size_t i = 0; i < ARRAY_LEN(args); i++)
		if (args[i].value)
			adit_msg_text(m, args[i].arg, args[i].value);
	enum cli_exit code = cli_done(c, adit_api_call(c->api, "set-log-level", m, &reply));
	if (!code && c->json) {
		const struct api_method *method = cli_method("set-log-level");
		code = cli_print_json(api_json(reply, method->result, method->n_result));
	} else if (!code && *cli_text(reply, "rule")) {
		printf("rule %s\n", cli_text(reply, "rule"));
	}
	adit_node_free(reply);
	return code;
}

static enum cli_exit clear_levels(struct cli *c)
{
	struct adit_msg *m = adit_msg_new();

	if (c->n_words > 1)
		adit_msg_text(m, "rule", c->word[1]);
	enum cli_exit code = cli_done(c, adit_api_call(c->api, "clear-log-level", m, NULL));
	return !code && c->json ? cli_print_json(json_object()) : code;
}

enum cli_exit cmd_log(struct cli *c)
{
	static const struct { const char *word; enum cli_exit (*run)(struct cli *c); } verbs[] = {
		{ "levels", list_levels }, { "set", set_levels }, { "clear", clear_levels } };

	for (size_t i = 0; c->n_words && i < ARRAY_LEN(verbs); i++)
		if (!strcmp(c->word[0], verbs[i].word))
			return verbs[i].run(c);
	return follow(c);
}
