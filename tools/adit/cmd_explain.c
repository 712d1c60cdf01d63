/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that help to find out why: explain, trace, events, diagnostics. */
#include "config.h"
#include "tools/adit/cli.h"

#include "api/json/conf_json.h"
#include "config/write.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* ---- explain ---------------------------------------------------------------------------------------------------------- */

static void show_match(const struct adit_node *r)
{
	const struct adit_node *all = adit_node_at(r, "candidates");
	const char *match = cli_text(r, "match");

	if (*match)
		printf("'%s' takes this peer%s\n", cli_hue(HUE_GOOD, match), strcmp(cli_text(r, "secret"), "no") ? "" :
			", but there is no shared secret for these identities: add one to secrets");
	else
		printf("no connection takes this peer\n");
	for (const struct adit_node *c = all ? all->first : NULL; c; c = c->next)
		printf("  %-3s %s  %s\n", cli_text(c, "rank"), c->name, strcmp(c->name, match) ? cli_text(c, "why") : cli_hue(HUE_GOOD, "chosen"));
	if (*cli_text(r, "left"))
		printf("  and %s that do not have these addresses\n", cli_text(r, "left"));
}

enum cli_exit cmd_explain(struct cli *c)
{
	const struct api_method *s = cli_method("explain-match");
	struct adit_msg *m = adit_msg_new();
	struct adit_node *reply = NULL;

	adit_msg_text(m, "remote", c->word[0]);
	if (c->local)
		adit_msg_text(m, "local", c->local);
	if (c->remote_id)
		adit_msg_text(m, "remote-id", c->remote_id);
	if (c->local_id)
		adit_msg_text(m, "local-id", c->local_id);
	enum cli_exit code = cli_done(c, adit_api_call(c->api, "explain-match", m, &reply));
	if (!code && c->json)
		code = cli_print_json(api_json(reply, s->result, s->n_result));
	else if (!code)
		show_match(reply);
	if (!code && !*cli_text(reply, "match"))
		code = CLI_FAILED;
	adit_node_free(reply);
	return code;
}

/* ---- trace ------------------------------------------------------------------------------------------------------------ */

enum cli_exit cmd_trace(struct cli *c)
{
	const struct api_event *e = cli_event("trace");
	struct adit_msg *m = adit_msg_new();

	if (c->n_words)
		adit_msg_text(m, "ike", c->word[0]);
	if (c->levels)
		adit_msg_text(m, "levels", c->levels);
	if (c->peer)
		adit_msg_text(m, "peer", c->peer);
	enum adit_api_status st = adit_api_listen(c->api, "trace");
	if (!st)
		st = adit_api_call(c->api, "trace-start", m, NULL);
	else
		adit_msg_free(m);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (!st && !ferror(stdout)) {
		struct adit_node *line;
		const char *name;
		st = adit_api_next(c->api, -1, &name, &line);
		if (!st && c->json) {
			json_t *j = api_json(line, e->fields, e->n_fields);
			json_dumpf(j, stdout, JSON_COMPACT);
			putchar('\n');
			json_decref(j);
		} else if (!st) {
			const char *sa = cli_text(line, "ikesa-name"), *id = cli_text(line, "ikesa-uniqueid");
			printf("[%s%s] %s%s%s%s%s%s\n", cli_text(line, "group"), cli_text(line, "level"), *sa ? "<" : "", sa,
				*id ? "|" : "", id, *sa ? "> " : "", cli_text(line, "msg"));
		}
		adit_node_free(line);
	}
	return cli_done(c, st);
}

/* ---- events ----------------------------------------------------------------------------------------------------------- */

struct collect {
	json_t *array;
	const struct api_event *event;
};

static void on_past(void *arg, const char *event, const struct adit_node *e)
{
	struct collect *all = arg;
	time_t at = (time_t)(strtoll(cli_text(e, "time"), NULL, 10) / 1000);
	const struct adit_node *data = adit_node_at(e, "data");
	const char *name = cli_text(e, "event");
	char when[32] = "";
	struct tm tm;

	(void)event;
	if (all->array) {
		json_array_append_new(all->array, api_json(e, all->event->fields, all->event->n_fields));
		return;
	}
	if (localtime_r(&at, &tm))
		strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s  %-12s ", when, name);
	if (!strcmp(name, "alert"))
		printf("%s: %s", cli_hue(HUE_BAD, cli_text(data, "alert")), cli_text(data, "msg"));
	else if (!strcmp(name, "config"))
		printf("revision %s %s by %s", cli_text(data, "revision"), cli_text(data, "what"), cli_text(data, "by"));
	else
		for (const struct adit_node *sa = data ? data->first : NULL; sa; sa = sa->next)
			if (sa->kind == ADIT_NODE_SECTION)
				printf("%s #%s %s  %s ↔ %s", sa->name, cli_text(sa, "uniqueid"), cli_state(*cli_text(data, "up") ? "up" : "down"),
					cli_text(sa, "local-id"), cli_text(sa, "remote-id"));
	putchar('\n');
}

enum cli_exit cmd_events(struct cli *c)
{
	struct collect all = { c->json ? json_array() : NULL, cli_event("list-event") };
	enum cli_exit code = cli_done(c, adit_api_stream(c->api, "list-events", "list-event", NULL, on_past, &all, NULL));

	return all.array && !code ? cli_print_json(all.array) : code;
}

/* ---- diagnostics ------------------------------------------------------------------------------------------------------ */

/* One piece under the name of its method: what streams is an array. */
static void on_part(void *arg, const char *event, const struct adit_node *body)
{
	const char *part = cli_text(body, "part");
	const struct api_method *m = cli_method(part);
	const struct adit_node *data = adit_node_at(body, "data");
	json_t *all = arg, *array = json_object_get(all, part);

	(void)event;
	if (!m || !data)
		return;
	const struct api_event *e = m->stream ? cli_event(m->stream) : NULL;
	if (!e) {
		json_object_set_new(all, part, api_json(data, m->result, m->n_result));
		return;
	}
	if (!array) {
		array = json_array();
		json_object_set_new(all, part, array);
	}
	json_array_append_new(array, api_json(data, e->fields, e->n_fields));
}

/* Everything a bug report needs; the daemon leaves secrets out. */
enum cli_exit cmd_diagnostics(struct cli *c)
{
	json_t *all = json_object();

	json_object_set_new(all, "adit", json_string(PACKAGE_VERSION));
	enum cli_exit code = cli_done(c, adit_api_stream(c->api, "diagnostics", "diagnostic", NULL, on_part, all, NULL));
	mode_t old = umask(077);
	FILE *f = code || !c->output ? stdout : fopen(c->output, "we");
	umask(old);
	if (!code && !f)
		code = cli_fail(CLI_FAILED, "cannot write %s: %s", c->output, strerror(errno));
	if (!code) {
		json_dumpf(all, f, JSON_INDENT(1));
		fputc('\n', f);
	}
	if (f && f != stdout && fclose(f))
		code = cli_fail(CLI_FAILED, "cannot write %s", c->output);
	json_decref(all);
	return code;
}
