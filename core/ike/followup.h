/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE_FOLLOWUP_KE (RFC 9370 section 2.2.4): additional key exchanges of a new child SA, of a child's rekeying and of
 * the rekeying of the IKE SA. Inside of core/ike.
 *
 * The story stays that of the CREATE_CHILD_SA it follows, and so do its tasks and its struct child_neg. Initiator: the
 * exchange goes on with a request of its own (V_MORE of the answer's check). Responder: it is parked at the SA (sa->parked)
 * until the request that brings its link; one per SA, for a minute, and what does not come is forgotten without a trace,
 * since nothing is applied before the last round. Counted.
 */
#ifndef ADIT_IKE_FOLLOWUP_H
#define ADIT_IKE_FOLLOWUP_H

#include "ike/child_int.h"

static inline bool follow_round(const struct ike_xch *x)
{
	return x->exchange == XCHG_IKE_FOLLOWUP_KE;
}

/* Which additional key exchanges the suite of n wants. Before the first follow_next. */
void follow_begin(struct child_neg *n);
/* The method of the key exchange that is due. */
uint16_t follow_method(const struct child_neg *n);
/* Is the peer's KE payload of that method? V_DONE or a rejection. Not while a job is under way. */
enum verdict follow_expect(struct ike_xch *x, const struct child_neg *n);
/* A key exchange of n is done, its secret is kept. V_MORE: another one follows. */
enum verdict follow_next(struct ike_xch *x, struct child_neg *n);
/* Request of a follow-up, or its answer; and what the answer to CREATE_CHILD_SA says of it. */
void follow_emit(const struct child_neg *n, struct ike_out *out);
void follow_emit_link(const struct child_neg *n, struct ike_out *out);
/* All shared secrets in their order; how many. */
size_t follow_secrets(const struct child_neg *n, slice out[1 + SUITE_EXTRA_KES]);
void follow_fini(struct child_neg *n);

/* ---- parked exchanges (xch.c calls these) ---- */

void follow_park(struct ike_xch *x);
/* The parked exchange a request in x belongs to, with that request in it; x is given back then. Otherwise x itself. */
struct ike_xch *follow_unpark(struct ike_xch *x);
void follow_drop(struct ike_sa *sa);

#endif
