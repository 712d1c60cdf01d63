/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases of virtual addresses. Inside of core/ike; engine.h has what others may ask.
 *
 * A peer that comes back gets its address again as long as no other needed it: a lease that ends goes offline and is given
 * away last, the longest unused first. An identity may hold several. Bounded by the size of the pool; counted. A pool whose
 * range changes goes on under the same name with fresh leases; the old one lives until its last lease has ended. One thread.
 */
#ifndef ADIT_IKE_POOL_H
#define ADIT_IKE_POOL_H

#include "config/pool.h"
#include "ike/engine_int.h"

struct ike_pool;

/* NULL when there is none of this name. */
struct ike_pool *pool_find(const struct ike_engine *e, const char *name);
const struct conf_pool *pool_conf(const struct ike_pool *p);
/* An address for the identity; `want` (family of the pool, all zero: any) is given when it is free or was this
 * identity's before. E_FULL: none is left, E_NOMEM. *at is for pool_release. */
MUST err_t pool_acquire(struct ike_engine *e, struct ike_pool *p, const struct ike_id *id, const struct net_addr *want,
	struct net_addr *out, uint64_t *at);
void pool_release(struct ike_engine *e, struct ike_pool *p, uint64_t at);

void pools_free(struct ike_engine *e);

#endif
