/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MOBIKE (RFC 4555): an IKE SA and its children move to other addresses. Inside of core/ike.
 *
 * Both sides say in IKE_AUTH that they can and which further addresses they have. From then on the side that set the IKE
 * SA up (SA_MOVER, inherited by rekeying) decides: when addresses or routes of the host change it takes the address from which
 * the peer is reached now, sends what is in flight from there, and then asks the peer to follow (UPDATE_SA_ADDRESSES
 * with NAT detection and COOKIE2). Children move when the peer has answered. When the peer does not answer, its further
 * addresses are tried. The other side follows what an authentic request came from and checks that the peer
 * receives there (COOKIE2); a wrong answer ends the SA.
 */
#ifndef ADIT_IKE_MOBIKE_H
#define ADIT_IKE_MOBIKE_H

#include "ike/engine_int.h"

/* In IKE_AUTH: MOBIKE_SUPPORTED and further addresses. */
extern const struct task_ops task_mobike;
/* UPDATE_SA_ADDRESSES, both roles. */
extern const struct task_ops task_move;
/* COOKIE2 alone: does the peer receive at its new address? */
extern const struct task_ops task_reach;

/* Addresses or routes of the host have changed: SAs are looked at a moment later, some at a time. */
void mobike_host_changed(struct ike_engine *e);
/* The peer does not answer: another of its addresses is tried from now on, when there is one. */
void mobike_try_other(struct ike_engine *e, struct ike_sa *sa);
/* Further addresses of the peer in an INFORMATIONAL. */
void mobike_addresses(struct ike_xch *x);
/* COOKIE2 of a request goes back as it came. */
void mobike_emit_cookie2(const struct ike_xch *x, struct ike_out *out);
void mobike_free(struct ike_sa *sa);

#endif
