/* SPDX-License-Identifier: Apache-2.0 */
/* adit config: check, look at, change, commit and take back the configuration. */
#include "tools/adit/cli.h"

#include "api/json/conf_json.h"
#include "config/parse.h"
#include "config/value.h"
#include "config/write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_FILE ADIT_SYSCONF_DIR "/adit/adit.conf"

/* ---- check, show ----------------------------------------------------------------------------------------------------- */

static enum cli_exit run_check(struct cli *c)
{
	struct conf_node *root;
	enum cli_exit code = config_read(c, c->word[0], true, &root);

	conf_node_free(&root);
	if (!code && !c->json)
		printf("%s: no errors\n", c->word[0]);
	return code;
}

enum cli_exit cmd_check(struct cli *c)
{
	return run_check(c);
}

static enum cli_exit print_tree(const struct cli *c, const struct conf_node *root)
{
	char *text;

	if (c->json)
		return cli_print_json(conf_json(root, &conf_schema_root));
	text = conf_write(root, &conf_schema_root, 0, 0, NULL);
	if (!text)
		return cli_fail(CLI_FAILED, "out of memory");
	fputs(text, stdout);
	free(text);
	return CLI_OK;
}

static enum cli_exit run_show(struct cli *c)
{
	enum cli_exit code;
	struct conf_node *root = config_fetch(c, c->transaction, c->n_words ? c->word[0] : c->section, c->defaults, &code);

	if (!root)
		return code;
	code = print_tree(c, root);
	conf_node_free(&root);
	return code;
}

/* ---- diff ------------------------------------------------------------------------------------------------------------ */

struct diffs {
	json_t *array; /* NULL: as text */
	const struct api_event *event;
	unsigned n;
};

static void show_key(const struct adit_node *k)
{
	const char *was = adit_node_text(k, "was"), *now = adit_node_text(k, "now"), *effect = cli_text(k, "effect");

	if (was)
		printf("  - %s = %s\n", k->name, was);
	if (now)
		printf("  + %s = %s%s%s%s\n", k->name, now, strcmp(effect, "none") ? "    (" : "", strcmp(effect, "none") ? effect : "",
			strcmp(effect, "none") ? ")" : "");
	else
		printf("      (%s)\n", effect);
}

static void on_change(void *arg, const char *event, const struct adit_node *d)
{
	static const struct { const char *change, *sign; enum cli_hue hue; } signs[] = {
		{ "added", "+", HUE_GOOD }, { "removed", "-", HUE_BAD }, { "changed", "~", HUE_BUSY } };
	struct diffs *all = arg;
	const char *change = cli_text(d, "change"), *effect = cli_text(d, "effect"), *sas = cli_text(d, "sas");

	(void)event;
	all->n++;
	if (all->array) {
		json_array_append_new(all->array, api_json(d, all->event->fields, all->event->n_fields));
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (!strcmp(change, signs[i].change))
			fputs(cli_hue(signs[i].hue, signs[i].sign), stdout);
	printf(" %s%s%s  %s", cli_text(d, "section"), *cli_text(d, "name") ? "." : "", cli_text(d, "name"), change);
	if (strcmp(effect, "none") || *sas)
		printf(": %s%s%s%s", effect, *sas ? " of " : "", sas, *sas ? (strcmp(sas, "1") ? " SAs" : " SA") : "");
	putchar('\n');
	const struct adit_node *keys = adit_node_at(d, "keys"), *children = adit_node_at(d, "children");
	for (const struct adit_node *k = keys ? keys->first : NULL; k; k = k->next)
		show_key(k);
	for (const struct adit_node *k = children ? children->first : NULL; k; k = k->next)
		if (strcmp(cli_text(k, "change"), "changed"))
			printf("  %s child %s (%s)\n", strcmp(cli_text(k, "change"), "added") ? "-" : "+", k->name, cli_text(k, "effect"));
}

enum cli_exit config_diff_show(struct cli *c, const char *id, unsigned *n)
{
	struct diffs d = { .array = c->json ? json_array() : NULL, .event = cli_event("config-change") };
	struct adit_msg *m = adit_msg_new();

	adit_msg_text(m, "transaction", id);
	enum cli_exit code = cli_done(c, adit_api_stream(c->api, "config-diff", "config-change", m, on_change, &d, NULL));
	if (d.array && !code)
		code = cli_print_json(d.array);
	else if (!code && !d.n)
		printf("nothing differs from what runs\n");
	if (n)
		*n = d.n;
	return code;
}

static enum cli_exit call_id(struct cli *c, const char *method, const char *id)
{
	struct adit_node *reply = NULL;
	struct adit_msg *m = adit_msg_new();

	adit_msg_text(m, "transaction", id);
	enum cli_exit code = config_done(c, adit_api_call(c->api, method, m, &reply), reply);
	adit_node_free(reply);
	return code;
}

static const char *mode_of(const struct cli *c)
{
	return c->merge ? "merge" : c->all ? "all" : "sections";
}

/* A transaction with the file in it; "" after an error that was said. */
static const char *load_file(struct cli *c, const char *file, char id[24], enum cli_exit *code)
{
	struct conf_node *root;

	id[0] = 0;
	*code = config_read(c, file, false, &root);
	if (*code)
		return id;
	if (!*config_begin(c, id)) {
		*code = CLI_FAILED;
	} else if ((*code = config_send(c, id, root, mode_of(c)))) {
		(void)call_id(c, "config-abort", id);
		id[0] = 0;
	}
	conf_node_free(&root);
	return id;
}

static enum cli_exit run_diff(struct cli *c)
{
	enum cli_exit code = CLI_FAILED;
	char id[24];

	if (!c->n_words)
		return *config_open(c, id) ? config_diff_show(c, id, NULL) : CLI_FAILED;
	if (!*load_file(c, c->word[0], id, &code))
		return code;
	code = config_diff_show(c, id, NULL);
	enum cli_exit end = call_id(c, "config-abort", id);
	return code ? code : end;
}

/* ---- changing -------------------------------------------------------------------------------------------------------- */

static enum cli_exit run_load(struct cli *c)
{
	const char *file = c->n_words ? c->word[0] : DEFAULT_FILE;
	enum cli_exit code;
	char id[24];

	if (!*load_file(c, file, id, &code))
		return code;
	code = config_diff_show(c, id, NULL);
	if (!code && !c->json)
		printf("%s is in transaction %s: \"adit config commit\" makes it run, \"adit config abort\" forgets it\n", file, id);
	return code;
}

static enum cli_exit edit_key(struct cli *c, const char *method, const char *value)
{
	struct adit_node *reply = NULL, *status = NULL;
	struct adit_msg *m;
	char id[24];

	/* The first change begins a transaction. */
	if (c->transaction) {
		config_open(c, id);
	} else {
		enum cli_exit bad = cli_done(c, adit_api_call(c->api, "config-status", NULL, &status));
		const struct adit_node *open = bad ? NULL : adit_node_at(status, "transactions");
		if (bad)
			return bad;
		if (open && open->first)
			config_open(c, id);
		else
			config_begin(c, id);
		adit_node_free(status);
	}
	if (!*id)
		return CLI_FAILED;
	m = adit_msg_new();
	adit_msg_text(m, "transaction", id);
	adit_msg_text(m, "path", c->word[0]);
	if (value)
		adit_msg_text(m, "value", value);
	enum cli_exit code = config_done(c, adit_api_call(c->api, method, m, &reply), reply);
	adit_node_free(reply);
	return code;
}

static enum cli_exit run_set(struct cli *c)
{
	return edit_key(c, "config-set", c->word[1]);
}

static enum cli_exit run_delete(struct cli *c)
{
	return edit_key(c, "config-delete", NULL);
}

static bool put_how(const struct cli *c, struct adit_msg *m)
{
	uint64_t s = 0;

	if (c->confirm && conf_value_time_s(slice_str(c->confirm), &s)) {
		cli_fail(CLI_USAGE, "--confirm %s: a time as 60s or 5m is expected", c->confirm);
		return false;
	}
	if (s)
		adit_msg_int(m, "confirm", (int64_t)s);
	if (c->comment)
		adit_msg_text(m, "comment", c->comment);
	if (c->no_effects)
		adit_msg_text(m, "effects", "no");
	return true;
}

static enum cli_exit say_done(struct cli *c, const char *method, enum adit_api_status st, const struct adit_node *reply)
{
	const struct api_method *s = cli_method(method);
	enum cli_exit code = config_done(c, st, reply);

	if (code)
		return code;
	if (c->json)
		return cli_print_json(api_json(reply, s->result, s->n_result));
	if (!*cli_text(reply, "revision"))
		printf("nothing differed: nothing was done\n");
	else
		printf("revision %s runs: %s added, %s changed, %s removed\n", cli_text(reply, "revision"), cli_text(reply, "added"),
			cli_text(reply, "changed"), cli_text(reply, "removed"));
	if (c->confirm && *cli_text(reply, "revision"))
		printf("it is taken back after %s unless you say \"adit config confirm\"\n", c->confirm);
	return CLI_OK;
}

enum cli_exit config_commit_id(struct cli *c, const char *id)
{
	struct adit_node *reply = NULL;
	struct adit_msg *m = adit_msg_new();

	adit_msg_text(m, "transaction", id);
	if (!put_how(c, m)) {
		adit_msg_free(m);
		return CLI_USAGE;
	}
	enum adit_api_status st = adit_api_call(c->api, "config-commit", m, &reply);
	enum cli_exit code = say_done(c, "config-commit", st, reply);
	adit_node_free(reply);
	return code;
}

static enum cli_exit commit_file(struct cli *c, const char *file)
{
	enum cli_exit code;
	char id[24];

	if (!*load_file(c, file, id, &code))
		return code;
	code = config_commit_id(c, id);
	if (code && code != CLI_CONNECT)
		(void)call_id(c, "config-abort", id);
	return code;
}

static enum cli_exit run_commit(struct cli *c)
{
	char id[24];

	if (c->n_words)
		return commit_file(c, c->word[0]);
	return *config_open(c, id) ? config_commit_id(c, id) : CLI_FAILED;
}

enum cli_exit cmd_load(struct cli *c)
{
	return commit_file(c, c->n_words ? c->word[0] : DEFAULT_FILE);
}

static enum cli_exit run_abort(struct cli *c)
{
	char id[24];

	return *config_open(c, id) ? call_id(c, "config-abort", id) : CLI_FAILED;
}

static enum cli_exit run_confirm(struct cli *c)
{
	return cli_done(c, adit_api_call(c->api, "config-confirm", NULL, NULL));
}

static enum cli_exit run_rollback(struct cli *c)
{
	struct adit_node *reply = NULL;
	struct adit_msg *m = adit_msg_new();
	const char *n = c->n_words ? c->word[0] : "1";
	const struct api_method *s = cli_method("config-rollback");
	const struct api_field *back = api_field_find(s->args, s->n_args, slice_str("back"));

	if (n[strspn(n, "0123456789")] || strtoull(n, NULL, 10) > (unsigned long long)back->max) {
		adit_msg_free(m);
		return cli_fail(CLI_USAGE, "rollback %s: how many revisions back is a number from 0 to %d", n, (int)back->max);
	}
	adit_msg_text(m, "back", n);
	if (!put_how(c, m)) {
		adit_msg_free(m);
		return CLI_USAGE;
	}
	enum adit_api_status st = adit_api_call(c->api, "config-rollback", m, &reply);
	enum cli_exit code = say_done(c, "config-rollback", st, reply);
	adit_node_free(reply);
	return code;
}

/* ---- history, status -------------------------------------------------------------------------------------------------- */

static void on_revision(void *arg, const char *event, const struct adit_node *r)
{
	struct diffs *all = arg;
	time_t at = (time_t)strtoll(cli_text(r, "time"), NULL, 10);
	struct tm tm;
	char when[32] = "", counts[64];

	(void)event;
	if (all->array) {
		json_array_append_new(all->array, api_json(r, all->event->fields, all->event->n_fields));
		return;
	}
	if (!all->n++)
		printf("%4s %8s  %-19s  %-14s  %-24s %s\n", "back", "revision", "time", "+ ~ -", "by", "comment");
	if (localtime_r(&at, &tm))
		strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(counts, sizeof counts, "%s %s %s", cli_text(r, "added"), cli_text(r, "changed"), cli_text(r, "removed"));
	printf("%4s %8s  %-19s  %-14s  %-24s %s%s\n", cli_text(r, "back"), cli_text(r, "revision"), when, counts, cli_text(r, "by"),
		cli_text(r, "comment"), strcmp(cli_text(r, "confirmed"), "no") ? "" : " (not confirmed)");
}

static enum cli_exit run_history(struct cli *c)
{
	struct diffs d = { .array = c->json ? json_array() : NULL, .event = cli_event("config-revision") };
	enum cli_exit code = cli_done(c, adit_api_stream(c->api, "config-history", "config-revision", NULL, on_revision, &d, NULL));

	return d.array && !code ? cli_print_json(d.array) : code;
}

static enum cli_exit run_status(struct cli *c)
{
	struct adit_node *reply = NULL;
	const struct api_method *s = cli_method("config-status");
	enum cli_exit code = cli_done(c, adit_api_call(c->api, "config-status", NULL, &reply));

	if (!code && c->json) {
		code = cli_print_json(api_json(reply, s->result, s->n_result));
	} else if (!code) {
		printf("revision %s runs%s\n", cli_text(reply, "revision"),
			strcmp(cli_text(reply, "changed"), "yes") ? "" : ", with changes by single commands since");
		if (*cli_text(reply, "pending"))
			printf("revision %s is taken back in %s s unless confirmed\n", cli_text(reply, "pending"), cli_text(reply, "left"));
		const struct adit_node *all = adit_node_at(reply, "transactions");
		for (const struct adit_node *t = all ? all->first : NULL; t; t = t->next)
			printf("transaction %s is open: %s\n", t->name, cli_text(t, "by"));
	}
	adit_node_free(reply);
	return code;
}

/* ---- edit -------------------------------------------------------------------------------------------------------------- */

static char ask(const char *question)
{
	char line[64];

	fprintf(stderr, "%s ", question);
	return fgets(line, sizeof line, stdin) ? line[0] : 'n';
}

static int run_editor(const char *path)
{
	const char *editor = getenv("VISUAL") ? getenv("VISUAL") : getenv("EDITOR") ? getenv("EDITOR") : "vi";
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		/* As every program that starts an editor does: its text may hold options. */
		char cmd[512];
		snprintf(cmd, sizeof cmd, "%s \"$1\"", editor);
		execl("/bin/sh", "sh", "-c", cmd, "sh", path, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 ? status : -1;
}

static enum cli_exit write_file(struct cli *c, const char *path)
{
	enum cli_exit code;
	struct conf_node *root = config_fetch(c, NULL, NULL, false, &code);
	char *text = NULL;

	if (root) {
		/* Secrets cannot be shown; what is not in the text stays as it is. */
		conf_node_remove(root, "secrets");
		text = conf_write(root, &conf_schema_root, 0, 0, NULL);
	}
	FILE *f = text ? fopen(path, "we") : NULL;
	if (f) {
		fprintf(f, "# The running configuration without secrets, which stay as they are. Save and leave the editor to go on;\n"
			"# an empty file changes nothing.\n%s", text);
		if (fclose(f))
			code = cli_fail(CLI_FAILED, "cannot write %s", path);
	} else if (!code) {
		code = cli_fail(CLI_FAILED, "cannot write %s", path);
	}
	free(text);
	conf_node_free(&root);
	return code;
}

/* The sections of the text replace those that run. */
static enum cli_exit edited(struct cli *c, const char *path, char id[24])
{
	struct conf_node *root;
	enum cli_exit code = config_read(c, path, false, &root);

	id[0] = 0;
	if (code)
		return code;
	if (root->first && *config_begin(c, id)) {
		/* Only what is in the text: an "all or nothing" of the sections that are there. */
		struct adit_msg *m = adit_msg_new();
		adit_msg_text(m, "transaction", id);
		adit_msg_text(m, "mode", "sections");
		adit_msg_section(m, "config");
		static const char *const shown[] = { "connections", "pools", "authorities", "aditd" };
		for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
			adit_msg_section(m, shown[i]);
			adit_msg_section_end(m);
		}
		adit_msg_section_end(m);
		code = cli_done(c, adit_api_call(c->api, "config-load", m, NULL));
		if (!code)
			code = config_send(c, id, root, "merge");
	}
	conf_node_free(&root);
	return code;
}

static enum cli_exit run_edit(struct cli *c)
{
	char path[] = "/tmp/adit-config-XXXXXX", id[24] = "";
	int fd = mkstemp(path);
	enum cli_exit code;
	bool again = true;
	unsigned n = 0;

	if (fd < 0)
		return cli_fail(CLI_FAILED, "cannot make a file in /tmp");
	close(fd);
	code = write_file(c, path);
	while (!code && again) {
		again = false;
		if (run_editor(path))
			code = cli_fail(CLI_FAILED, "the editor failed: set EDITOR");
		else
			code = edited(c, path, id);
		if (code == CLI_CONFIG && isatty(0) && ask("edit again? [y/n]") == 'y') {
			again = true;
			code = CLI_OK;
			if (*id)
				(void)call_id(c, "config-abort", id);
		}
	}
	if (!code && *id)
		code = config_diff_show(c, id, &n);
	if (!code && n && (c->yes || ask("commit? [y/n]") == 'y'))
		code = config_commit_id(c, id);
	else if (*id)
		(void)call_id(c, "config-abort", id);
	unlink(path);
	return code;
}

/* ---- the table --------------------------------------------------------------------------------------------------------- */

const struct cli_cmd cli_config_cmds[] = {
	{ "check", "config check FILE", "find all errors of a configuration file, without a daemon", 1, 1, true, run_check, NULL, NULL },
	{ "show", "config show [SECTION] [--defaults] [--transaction N]", "what runs, or a candidate, without secrets", 0, 1, false,
	  run_show, "connections secrets pools authorities aditd", NULL },
	{ "load", "config load [FILE] [--merge | --all]", "put a file into a new transaction and show what it would change", 0, 1, false,
	  run_load, NULL, NULL },
	{ "set", "config set PATH VALUE", "set one key in the open transaction, or in a new one", 2, 2, false, run_set, NULL, NULL },
	{ "delete", "config delete PATH", "take a key, section or object out", 1, 1, false, run_delete, NULL, NULL },
	{ "diff", "config diff [FILE] [--merge | --all]", "what a commit would change and do to living SAs", 0, 1, false, run_diff, NULL,
	  NULL },
	{ "commit", "config commit [FILE] [--confirm TIME] [--comment TEXT] [--no-effects]",
	  "make the open transaction, or a file, what runs: all of it or nothing", 0, 1, false, run_commit, NULL, NULL },
	{ "confirm", "config confirm", "keep the commit that waits for it", 0, 0, false, run_confirm, NULL, NULL },
	{ "abort", "config abort", "forget the open transaction", 0, 0, false, run_abort, NULL, NULL },
	{ "rollback", "config rollback [N] [--confirm TIME]", "go back N revisions, 1 without it", 0, 1, false, run_rollback, NULL, NULL },
	{ "history", "config history", "the revisions, the newest first", 0, 0, false, run_history, NULL, NULL },
	{ "status", "config status", "which revision runs, what waits, what is open", 0, 0, false, run_status, NULL, NULL },
	{ "edit", "config edit [--yes]", "change what runs in your editor, then look at the difference and commit", 0, 0, false, run_edit,
	  NULL, NULL },
	{ NULL, NULL, NULL, 0, 0, false, NULL, NULL, NULL },
};
