/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of the running configuration as transactions: begin, load or set, check, diff, commit or abort; a history to
 * roll back to; a commit that is taken back by itself unless it is confirmed.
 *
 * A transaction holds a candidate: what differs from the configuration that ran when it began. Nothing that runs is
 * touched before the commit, which takes all of it or nothing. Of two transactions that began at the same time the
 * second to commit gets E_CONFLICT; so does every commit while another waits for its confirmation. Transactions belong
 * to nobody's connection: they end by commit, abort, or TRANS_IDLE_MS without use.
 *
 * One thread (the loop's); nothing waits. All of it is bounded (TRANS_MAX, the limits of the parser).
 */
#ifndef ADIT_CONFIG_TRANS_H
#define ADIT_CONFIG_TRANS_H

#include "config/effect.h"
#include "config/history.h"
#include "config/store.h"

enum { TRANS_MAX = 16, TRANS_IDLE_MS = 15 * 60 * 1000, TRANS_CONFIRM_MAX_S = 86400 };

struct conf_hub;
struct conf_trans;

/* What happened, for those who follow. */
enum conf_told_what { CONF_TOLD_COMMITTED = 1, CONF_TOLD_CONFIRMED, CONF_TOLD_ROLLED_BACK };
struct conf_told {
	uint8_t what;                /* enum conf_told_what */
	const struct conf_rev *rev;  /* the revision that runs now */
	uint32_t confirm_s;          /* it is taken back after this long, 0 not */
	uint64_t instead_of;         /* ROLLED_BACK: the revision that was not confirmed or not wanted */
};

struct conf_hub_env {
	struct conf_store *store;
	const struct conf_can *can; /* its `daemon` are the settings that run */
	void *arg;
	uint64_t (*now_ms)(void *arg);
	uint64_t (*wall_s)(void *arg);
	/* Makes the set what runs: settings when set->settings, then conf_store_apply with cb, then what living SAs need
	 * (effects false: they keep the version they were made with). An error: nothing has changed. */
	err_t (*apply)(void *arg, struct conf_set *set, uint32_t flags, bool effects, conf_change_fn *cb, void *cb_arg,
		       struct diag **why);
	/* A revision is to be kept on disk, `gone` (0 none) to be removed there. NULL: memory alone. */
	void (*keep)(void *arg, const struct conf_rev *rev, uint64_t gone);
	void (*tell)(void *arg, const struct conf_told *told); /* may be NULL */
};

MUST err_t conf_hub_new(const struct conf_hub_env *env, struct conf_hub **out);
void conf_hub_free(struct conf_hub *h);
struct conf_history *conf_hub_history(struct conf_hub *h);
/* Once a second: takes back what was not confirmed, ends transactions nobody uses. */
void conf_hub_tick(struct conf_hub *h);

/* ---- one transaction --------------------------------------------------------------------------------------------- */

/* who: one line for the history. E_LIMIT: TRANS_MAX are open. */
MUST err_t conf_trans_begin(struct conf_hub *h, const char *who, struct conf_trans **out, struct diag **why);
/* By the number that names it; counts as use. NULL: there is none. */
struct conf_trans *conf_trans_find(struct conf_hub *h, uint64_t id);
uint64_t conf_trans_id(const struct conf_trans *t);
void conf_trans_abort(struct conf_trans **t);
struct conf_trans *conf_trans_next(struct conf_hub *h, const struct conf_trans *before); /* NULL: the first */
const char *conf_trans_who(const struct conf_trans *t);

enum conf_load {
	CONF_LOAD_MERGE = 0, /* connections, secrets, pools, authorities of a name replace those of the name; the rest stays */
	CONF_LOAD_SECTIONS,  /* each section of the top that is there replaces the whole section */
	CONF_LOAD_ALL        /* the candidate becomes this and nothing else */
};
/* Puts a whole tree into the candidate. What is wrong with an object is kept for conf_trans_check; *why lists it, too,
 * with its place, and the first error is returned, but everything was taken. */
MUST err_t conf_trans_load(struct conf_trans *t, const struct conf_node *root, enum conf_load how, struct diag **why);
/* One key: "connections.gw.children.net.rekey_time"; a name with a dot stands in quotes. value NULL: the key, section or
 * object goes. An error in the path changes nothing; a wrong value is taken and found by conf_trans_check. */
MUST err_t conf_trans_set(struct conf_trans *t, const char *path, const char *value, struct diag **why);
/* The candidate becomes this revision. E_NOT_FOUND. Secrets of a revision from before a restart are those that run. */
MUST err_t conf_trans_revision(struct conf_trans *t, uint64_t number, struct diag **why);

/* Everything wrong with the candidate: 0 and no findings, or the first error. */
MUST err_t conf_trans_check(struct conf_trans *t, struct diag **why);
/* What is allowed, but not wise, in the objects it changes. */
void conf_trans_warnings(const struct conf_trans *t, struct diag **why);

struct conf_diff {
	const char *section;   /* "connections", "secrets", "pools", "authorities", "aditd" */
	const char *name;      /* of the object; "" of a section without objects */
	uint8_t change;        /* enum conf_change: ADDED, CHANGED, REMOVED */
	struct conf_delta delta;
};
struct conf_diff_at {
	uint8_t stage;
	uint64_t at;
};
/* The next object that differs from what runs: *at starts with {0}. False at the end. conf_delta_fini(&out->delta). */
bool conf_trans_diff(struct conf_trans *t, struct conf_diff_at *at, struct conf_diff *out);

struct conf_commit {
	const char *comment;  /* or NULL */
	uint32_t confirm_s;   /* taken back unless confirmed within; 0 not */
	bool no_effects;      /* living SAs keep the version they were made with */
};
struct conf_committed {
	uint64_t revision;    /* 0: nothing differed, nothing was done */
	unsigned added, changed, removed; /* connections */
};
/* E_CONFLICT, or what conf_trans_check says: then the transaction stays open and nothing has changed. After success it
 * is gone (*t is NULL). */
MUST err_t conf_trans_commit(struct conf_trans **t, const struct conf_commit *how, struct conf_committed *out,
			     struct diag **why);

/* ---- without a transaction in hand -------------------------------------------------------------------------------- */

/* A tree in one go: begin, load, commit. how CONF_LOAD_ALL: a file that was read again. */
MUST err_t conf_hub_load(struct conf_hub *h, const struct conf_node *root, enum conf_load how, const char *who,
			 const struct conf_commit *commit, struct conf_committed *out, struct diag **why);
/* E_NOT_FOUND: nothing waits. */
MUST err_t conf_hub_confirm(struct conf_hub *h, struct diag **why);
/* Revision that waits for its confirmation, 0 none, and how long it still has. */
uint64_t conf_hub_pending(const struct conf_hub *h, uint32_t *left_s);
/* The newest revision; *changed: something came over the API since (load-conn …), which is no revision yet. */
uint64_t conf_hub_revision(const struct conf_hub *h, bool *changed);
/* Back to a revision; 0: to the one before the newest. */
MUST err_t conf_hub_rollback(struct conf_hub *h, uint64_t number, const char *who, const struct conf_commit *how,
			     struct conf_committed *out, struct diag **why);
/* May the API change a connection by itself (load-conn)? Not while a commit waits: E_CONFLICT. */
MUST err_t conf_hub_may_change(const struct conf_hub *h, struct diag **why);

/* ---- looking ------------------------------------------------------------------------------------------------------ */

/* The objects of the candidate (t NULL: of what runs) one by one, as a section `section.name` in a tree of their own;
 * secrets without what is secret. section NULL: all. *at starts with {0}; NULL at the end, or no memory. */
struct conf_node *conf_hub_show(struct conf_hub *h, struct conf_trans *t, const char *section, struct conf_diff_at *at);

#endif
