/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revisions of the running configuration. One in memory is cheap: it shares the connections and secrets with the store
 * and with the other revisions. On disk it is a text file of mode 600 without secrets, so that it can be read, compared
 * and put back after the daemon was started again (secrets of the same name are then those that run).
 *
 * Thread: the loop's, but for conf_rev_write, which runs on any and may wait for the disk.
 */
#ifndef ADIT_CONFIG_HISTORY_H
#define ADIT_CONFIG_HISTORY_H

#include "config/pack.h"
#include "config/store.h"

/* The whole configuration at one time. Shared; what is in it never changes. */
struct conf_snap {
	atomic_uint refs;
	struct conf_conn **conns; /* in order; references held */
	size_t n_conns;
	struct conf_secrets *secrets;
	struct conf_packed rest;  /* the other sections */
};

/* What is there now. NULL: no memory. */
struct conf_snap *conf_snap_of(const struct conf_store *s);
struct conf_snap *conf_snap_ref(struct conf_snap *s);
void conf_snap_unref(struct conf_snap **s); /* loop thread; takes and nulls it */
/* Is it what the store has now? */
bool conf_snap_is_now(const struct conf_snap *snap, const struct conf_store *s);

enum { CONF_REVS_MAX = 20, CONF_COMMENT_MAX = 255 };

struct conf_rev {
	uint64_t number;         /* from 1 */
	uint64_t time_s;         /* since 1970 */
	char *who, *comment;     /* owned; one line each, comment may be NULL */
	unsigned added, changed, removed;
	bool confirmed;          /* false: it waits, or was taken back */
	struct conf_snap *snap;  /* NULL: on disk only */
};

struct conf_history {
	char *dir;               /* NULL: memory alone */
	int lock_fd;             /* -1 none: holds the folder */
	struct conf_rev revs[CONF_REVS_MAX]; /* the newest last */
	size_t n;
	uint64_t last;           /* the highest number there was */
};

/* Opens (and makes, mode 700) the folder and looks what is in it. dir NULL: none. After an error history is in memory
 * alone: E_IO, E_PERM, E_EXISTS (another daemon has it). */
MUST err_t conf_history_open(struct conf_history *h, const char *dir, struct diag **why);
void conf_history_close(struct conf_history *h);
/* Adds a revision; takes who, comment and snap. The oldest goes when there are too many; *gone (0 none) is its number. */
struct conf_rev *conf_history_add(struct conf_history *h, struct conf_rev *r, uint64_t *gone);
/* NULL: there is none (any more). */
struct conf_rev *conf_history_find(struct conf_history *h, uint64_t number);

/* A revision to its file; r and snap may be copies. *text of secrets is never written. E_IO with *why. */
MUST err_t conf_rev_write(const char *dir, const struct conf_rev *r, struct diag **why);
void conf_rev_remove(const char *dir, uint64_t number);
/* The tree of a revision that is on disk only. */
MUST err_t conf_rev_read(const struct conf_history *h, uint64_t number, struct conf_node **out, struct diag **why);

#endif
