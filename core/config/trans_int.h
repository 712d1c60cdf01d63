/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of transactions: for trans*.c alone. */
#ifndef ADIT_CONFIG_TRANS_INT_H
#define ADIT_CONFIG_TRANS_INT_H

#include "base/htab.h"
#include "config/trans.h"

/* One connection of a candidate that differs from what ran at the start. */
struct cand {
	struct conf_conn *conn;     /* typed, reference held; NULL: removed or wrong */
	struct conf_packed source;  /* of a wrong one */
	struct diag *why;           /* what is wrong with it */
	bool removed;
	char name[];
};

/* A secret that is wrong: it is in no set. */
struct cand_bad {
	struct cand_bad *next;
	struct diag *why;
	char name[];
};

struct conf_trans {
	struct conf_trans *next;
	struct conf_hub *hub;
	uint64_t id, base; /* generation of the store it began with */
	uint64_t used_ms;
	char *who;
	bool all_conns;    /* connections that are not in `conns` go */
	struct htab *by_name; /* name -> struct cand */
	struct cand **conns;  /* in the order they came */
	size_t n_conns, cap_conns;
	struct conf_secrets *secrets; /* all of the candidate; shared with the store until it differs */
	struct cand_bad *bad_secrets;
	struct conf_node *rest;       /* all of the candidate; NULL: as it runs */
	bool again;                   /* defaults of the connections changed: all are made anew at the commit */
};

struct conf_hub {
	struct conf_hub_env env;
	struct conf_history history;
	struct conf_trans *open;
	unsigned n_open;
	uint64_t next_id;
	uint64_t pending;          /* revision that waits for its confirmation, 0 none */
	uint64_t pending_until_ms;
	struct conf_snap *before;  /* what ran before the pending one */
	uint64_t before_number;
};

struct cand *cand_find(const struct conf_trans *t, const char *name);
/* A cand of this name, emptied; made when it is not there. NULL: no memory. */
struct cand *cand_get(struct conf_trans *t, const char *name);
void cand_empty(struct cand *c);
/* The candidate's version of a connection below `root` (unpacked); NULL: it has none, or no memory (*err). */
struct conf_node *cand_tree(struct conf_trans *t, const char *name, struct conf_node *root, err_t *err);
/* Makes a connection of the candidate from its section. */
MUST err_t cand_load(struct conf_trans *t, const struct conf_node *section, struct diag **why);
/* A secret of the candidate from its section; a wrong one is noted. */
MUST err_t cand_secret(struct conf_trans *t, const struct conf_node *section, struct diag **why);
void cand_secret_fine(struct conf_trans *t, const char *name);
/* The other sections of the candidate, to be changed. NULL: no memory. */
struct conf_node *cand_rest(struct conf_trans *t);
const struct conf_node *cand_rest_look(const struct conf_trans *t);
/* What the candidate may ask for, with the defaults of its own settings. *s is to be freed. */
struct conf_can cand_can(struct conf_trans *t, struct conf_settings **s);
/* The candidate becomes the snapshot. */
MUST err_t conf_trans_snap(struct conf_trans *t, const struct conf_snap *snap);
/* Makes the candidate what runs; it has been checked. */
MUST err_t conf_trans_apply(struct conf_trans *t, bool effects, struct conf_committed *out, struct diag **why);
/* A connection's section, unpacked below root. */
struct conf_node *conn_tree(const struct conf_conn *c, struct conf_node *root);
/* secrets.NAME { id-1 = …, secret = <hidden> }. */
struct conf_node *secret_tree(const struct conf_secret_view *v, struct conf_node *root);

#endif
