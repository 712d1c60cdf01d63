/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the adit command: the commands, and how they answer. One thread; everything may wait for the daemon. */
#ifndef ADIT_TOOLS_CLI_H
#define ADIT_TOOLS_CLI_H

#include "api/client/adit_api.h"
#include "api/json/json.h"
#include "base/diag.h"

/* Exit codes, part of the interface: scripts rely on them. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,  /* aditd refused or failed */
	CLI_USAGE = 2,   /* the command line is wrong */
	CLI_CONNECT = 3, /* aditd cannot be reached, or the connection broke */
	CLI_CONFIG = 4   /* the configuration file has errors */
};

enum { CLI_WORDS = 12 };

/* The command line, taken apart. Texts point into argv. */
struct cli {
	const char *socket;
	bool json, force, reauth, all;
	const char *child, *ike_id, *child_id, *timeout;
	const char *loglevel;
	const char *word[CLI_WORDS]; /* behind the command's name */
	int n_words;
	struct adit_api *api; /* open when the command needs it */
};

struct cli_cmd {
	const char *name, *usage, *doc;
	int min_words, max_words;
	bool offline; /* does not talk to the daemon */
	enum cli_exit (*run)(struct cli *c);
};

extern const struct cli_cmd cli_cmds[];
extern const size_t cli_n_cmds;

enum cli_exit cmd_check(struct cli *c);
enum cli_exit cmd_counters(struct cli *c);
enum cli_exit cmd_describe(struct cli *c);
enum cli_exit cmd_down(struct cli *c);
enum cli_exit cmd_help(struct cli *c);
enum cli_exit cmd_list(struct cli *c);
enum cli_exit cmd_load(struct cli *c);
enum cli_exit cmd_log(struct cli *c);
enum cli_exit cmd_mtu(struct cli *c);
enum cli_exit cmd_rekey(struct cli *c);
enum cli_exit cmd_stats(struct cli *c);
enum cli_exit cmd_status(struct cli *c);
enum cli_exit cmd_up(struct cli *c);
enum cli_exit cmd_version(struct cli *c);

/* ---- out.c ---- */

/* "adit: text" on standard error; gives code back. */
enum cli_exit cli_fail(enum cli_exit code, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Exit code of a call; says why when it is not 0. */
enum cli_exit cli_done(const struct cli *c, enum adit_api_status st);
/* Every finding on a line of its own. */
void cli_diag(const struct diag *why);
/* The sections of an event like list-sa as objects with a name, added to the array. */
void cli_json_named(json_t *array, const struct adit_node *event_body, const struct api_event *e);
/* Prints and frees. */
enum cli_exit cli_print_json(json_t *j);
const struct api_event *cli_event(const char *name);
const struct api_method *cli_method(const char *name);
/* Value or "". */
const char *cli_text(const struct adit_node *n, const char *path);
/* "a b c" of a list; buf is returned. */
const char *cli_items(const struct adit_node *n, const char *path, char *buf, size_t cap);

/* ---- show.c: one object as text ---- */

void show_sa(const struct adit_node *sa);
void show_conn(const struct adit_node *conn);
void show_policy(const struct adit_node *p);
void show_plugin(const struct adit_node *p);

#endif
