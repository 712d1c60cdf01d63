/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual addresses of an IKE SA (RFC 7296 sections 2.19 and 3.15). Inside of core/ike.
 *
 * Who has `vips` asks for them in IKE_AUTH; what the peer gives becomes an address of this host (FX_VIP) before the first
 * child is installed, and goes with the SA. Who has `pools` gives: a lease belongs to the SA and to what it is rekeyed to.
 * "dynamic" in selectors is the virtual address, on both sides.
 */
#ifndef ADIT_IKE_VIPS_H
#define ADIT_IKE_VIPS_H

#include "ike/pool.h"

#define VIPS_MAX 4 /* of each side */

struct ike_vips {
	uint8_t n_local, n_remote, n_asked;
	struct net_addr local[VIPS_MAX];  /* ours, from the peer */
	struct net_addr asked[VIPS_MAX];  /* what we asked for, until there is an answer; all zero: any */
	struct net_addr remote[VIPS_MAX]; /* the peer's, from a pool */
	struct { struct ike_pool *pool; uint64_t at; } lease[VIPS_MAX];
};

/* CP in IKE_AUTH. */
extern const struct task_ops task_vips;

/* What "dynamic" stands for: borrowed from the SA. */
struct tsm_end;
void vips_ends(const struct ike_sa *sa, struct tsm_end *local, struct tsm_end *remote);
/* The peer asked for an address and gets none: its child cannot be made (INTERNAL_ADDRESS_FAILURE). */
bool vips_failed(const struct ike_xch *x);
/* Everything is given back: the SA ends. */
void vips_free(struct ike_engine *e, struct ike_sa *sa);

#endif
