/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which SAs share identities, and which share connection and peer address: lists through the SAs whose heads are in hash
 * tables, so that entering and leaving is O(1) however many share a key. Inside of core/ike.
 */
#ifndef ADIT_IKE_INDEX_H
#define ADIT_IKE_INDEX_H

#include "ike/engine_int.h"

/* Established SAs by both identities. */
void index_ids_add(struct ike_engine *e, struct ike_sa *sa);
void index_ids_del(struct ike_engine *e, struct ike_sa *sa);
/* The next established SA between the same identities behind `after` (NULL: the first), but not `sa` itself. */
struct ike_sa *index_same_ids(struct ike_engine *e, const struct ike_sa *sa, const struct ike_sa *after);

/* SAs that can take a further child, or will be able to: by connection and address of the peer. */
void index_conn_add(struct ike_engine *e, struct ike_sa *sa);
void index_conn_del(struct ike_engine *e, struct ike_sa *sa);
/* The first of the list; go on with sa->peers.next. Others with the same hash are among them. */
struct ike_sa *index_conn_first(struct ike_engine *e, const struct conf_conn *c, const struct net_addr *remote);

#endif
