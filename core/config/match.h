/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of connections by address, for store.c alone. Connections with an exact peer address are found by a hash
 * of it; those with prefixes, ranges or any address stand in groups, the more exact group first. Within a group the
 * order is that of loading (`seq`). Connections are borrowed. One thread.
 */
#ifndef ADIT_CONFIG_MATCH_H
#define ADIT_CONFIG_MATCH_H

#include "config/conn.h"

/* A list in order of seq; what is taken out leaves a gap (conn NULL) that is closed when half are gaps. */
struct match_list {
	struct match_slot {
		uint64_t seq;
		struct conf_conn *conn;
		uint32_t pair; /* which of the connection's pairs of addresses */
	} *v;
	size_t n, cap, gaps;
};

MUST err_t match_list_add(struct match_list *l, uint64_t seq, struct conf_conn *c, uint32_t pair);
void match_list_del(struct match_list *l, uint64_t seq, const struct conf_conn *c);
void match_list_fini(struct match_list *l);
/* Index of the first slot at or behind seq. */
size_t match_list_from(const struct match_list *l, uint64_t seq);

struct match;
struct match *match_new(const uint8_t seed[16]);
void match_free(struct match *m);
/* A connection nobody can call (no remote round) is not put in. E_NOMEM: nothing is left behind. */
MUST err_t match_add(struct match *m, struct conf_conn *c, uint64_t seq);
void match_del(struct match *m, struct conf_conn *c, uint64_t seq);
/* As conf_store_match, remote is known. */
struct conf_conn *match_next(const struct match *m, const struct net_addr *local, const struct net_addr *remote,
			     size_t *cursor);
/* Does one of the connection's own addresses fit? NULL and NET_NONE fit always. */
bool match_local_fits(const struct conf_conn *c, const struct net_addr *local);

#endif
