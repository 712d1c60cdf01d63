/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the adit command: the commands, and how they answer. One thread; everything may wait for the daemon. */
#ifndef ADIT_TOOLS_CLI_H
#define ADIT_TOOLS_CLI_H

#include "api/client/adit_api.h"
#include "api/json/json.h"
#include "base/diag.h"

#include <stdio.h>

/* Exit codes, part of the interface: scripts rely on them. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,  /* aditd refused or failed */
	CLI_USAGE = 2,   /* the command line is wrong */
	CLI_CONNECT = 3, /* aditd cannot be reached, or the connection broke */
	CLI_CONFIG = 4,  /* the configuration has errors */
	CLI_CONFLICT = 5 /* somebody else has changed the configuration meanwhile, or a commit waits to be confirmed */
};

enum { CLI_WORDS = 12 };

/* The command line, taken apart. Texts point into argv. */
struct cli {
	const char *socket;
	bool json, yaml, force, reauth, all, merge, defaults, no_effects, yes, help;
	const char *child, *ike_id, *child_id, *timeout;
	const char *loglevel, *watch, *section, *transaction, *confirm, *comment, *from, *output, *levels, *gateway, *peer, *local,
		*remote_id, *local_id, *sink, *ike, *identity, *seconds;
	const char *word[CLI_WORDS]; /* behind the command's name */
	int n_words;
	struct adit_api *api; /* open when the command needs it */
};

struct cli_cmd {
	const char *name, *usage, *doc;
	int min_words, max_words;
	bool offline; /* does not talk to the daemon */
	enum cli_exit (*run)(struct cli *c);
	const char *words;            /* what the first word may be, separated by blanks; NULL anything */
	const struct cli_cmd *subs;   /* commands below this one (NULL name ends them); the first word chooses */
};

extern const struct cli_cmd cli_cmds[];
extern const size_t cli_n_cmds;

struct cli_option {
	const char *name;
	size_t off;       /* in struct cli */
	const char *arg;  /* NULL: it is a flag */
	bool number;
	const char *doc;
};
extern const struct cli_option cli_options[];
extern const size_t cli_n_options;
/* False: what is wrong was said. */
bool cli_options_parse(struct cli *c, int argc, char *argv[]);

/* Values are printed as YAML instead of JSON. */
extern bool cli_yaml;

extern const struct cli_cmd cli_config_cmds[];

enum cli_exit cmd_check(struct cli *c);
enum cli_exit cmd_completion(struct cli *c);
enum cli_exit cmd_manual(struct cli *c);
enum cli_exit cmd_counters(struct cli *c);
enum cli_exit cmd_describe(struct cli *c);
enum cli_exit cmd_down(struct cli *c);
enum cli_exit cmd_diagnostics(struct cli *c);
enum cli_exit cmd_events(struct cli *c);
enum cli_exit cmd_explain(struct cli *c);
enum cli_exit cmd_trace(struct cli *c);
enum cli_exit cmd_help(struct cli *c);
enum cli_exit cmd_import(struct cli *c);
enum cli_exit cmd_list(struct cli *c);
enum cli_exit cmd_load(struct cli *c);
enum cli_exit cmd_log(struct cli *c);
enum cli_exit cmd_metrics(struct cli *c);
enum cli_exit cmd_mtu(struct cli *c);
enum cli_exit cmd_redirect(struct cli *c);
enum cli_exit cmd_rekey(struct cli *c);
enum cli_exit cmd_stats(struct cli *c);
enum cli_exit cmd_status(struct cli *c);
enum cli_exit cmd_up(struct cli *c);
enum cli_exit cmd_version(struct cli *c);

/* ---- colour.c: on a terminal alone, and not when NO_COLOR or TERM=dumb asks for none ---- */

enum cli_hue { HUE_GOOD, HUE_BUSY, HUE_BAD, HUE_STRONG, HUE_FAINT };
/* The text in a colour for standard output, or as it is. Good until the fourth call after this one. */
const char *cli_hue(enum cli_hue hue, const char *text);
/* The same for standard error. */
const char *cli_hue_err(enum cli_hue hue, const char *text);
/* The state of an SA, a plugin or a connection in the colour that goes with it. */
const char *cli_state(const char *state);

/* ---- out.c ---- */

/* "adit: text" on standard error; gives code back. */
enum cli_exit cli_fail(enum cli_exit code, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Exit code of a call; says why when it is not 0. */
enum cli_exit cli_done(const struct cli *c, enum adit_api_status st);
/* Every finding on a line of its own. */
void cli_diag(const struct diag *why);
/* The sections of an event like list-sa as objects with a name, added to the array. */
void cli_json_named(json_t *array, const struct adit_node *event_body, const struct api_event *e);
void cli_print_yaml(FILE *f, const json_t *j);
/* Prints as JSON, or as YAML with --yaml, and frees. */
enum cli_exit cli_print_json(json_t *j);
const struct api_event *cli_event(const char *name);
const struct api_method *cli_method(const char *name);
/* Value or "". */
const char *cli_text(const struct adit_node *n, const char *path);
/* "a b c" of a list; buf is returned. */
const char *cli_items(const struct adit_node *n, const char *path, char *buf, size_t cap);

/* ---- config_send.c: the configuration to the daemon and back ---- */

struct conf_node;
/* Reads FILE (text, or JSON when it begins with a brace; "-": standard input) and checks it; 0 and *root, else what
 * is wrong was said. */
enum cli_exit config_read(const struct cli *c, const char *file, bool check, struct conf_node **root);
/* Begins a transaction; "" when that failed, which was said. */
const char *config_begin(struct cli *c, char id[24]);
/* The one that --transaction names, or the only open one of this user; "" none, which was said. */
const char *config_open(struct cli *c, char id[24]);
/* Loads a tree in as many calls as it takes: how "merge", "sections" (connections, secrets, pools and authorities are
 * replaced, aditd when it is in the tree) or "all". */
enum cli_exit config_send(struct cli *c, const char *id, const struct conf_node *root, const char *how);
/* Findings of the last answer, one per line. */
void config_findings(const struct adit_node *reply);
enum cli_exit config_done(struct cli *c, enum adit_api_status st, const struct adit_node *reply);
/* The configuration as the daemon shows it, as a tree; NULL: why not was said. */
struct conf_node *config_fetch(struct cli *c, const char *id, const char *section, bool defaults, enum cli_exit *code);
enum cli_exit config_diff_show(struct cli *c, const char *id, unsigned *n);
enum cli_exit config_commit_id(struct cli *c, const char *id);
/* Puts a tree of an answer below a node. */
bool config_tree(const struct adit_node *from, struct conf_node *into);

/* ---- show.c: one object as text ---- */

void show_sa(const struct adit_node *sa);
void show_conn(const struct adit_node *conn);
void show_policy(const struct adit_node *p);
void show_plugin(const struct adit_node *p);

#endif
