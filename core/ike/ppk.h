/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Post-quantum preshared keys (RFC 8784). Inside of core/ike.
 *
 * USE_PPK goes both ways in IKE_SA_INIT (task_ppk). In IKE_AUTH the initiator names its key (PPK_IDENTITY); it is mixed into
 * SK_d, SK_pi and SK_pr, so that AUTH proves it and all keys of children come from it. An initiator that can do without sends
 * the AUTH of an SA without it along (NO_PPK_AUTH), for a responder that does not have the key; whether that one took it is
 * in its answer. What else is in IKE_AUTH is as ever: t_auth.c asks the functions below at the right places. The keys from
 * before stay in the set-up until the SA is up; a peer that is refused takes the SA along.
 */
#ifndef ADIT_IKE_PPK_H
#define ADIT_IKE_PPK_H

#include "ike/engine_int.h"

/* USE_PPK in IKE_SA_INIT. */
extern const struct task_ops task_ppk;

/* A connection that has to use a PPK and has none need not begin: false, and *why says so. */
bool ppk_begin(struct ike_engine *e, const struct conf_conn *c, struct diag **why);
/* Initiator, before AUTH is made: the key is chosen and mixed in. V_DONE, V_CLOSE. Again after a wait it does nothing. */
enum verdict ppk_choose(struct ike_xch *x);
/* Initiator: is a second AUTH to be made, without the key, for NO_PPK_AUTH? */
bool ppk_optional(const struct ike_xch *x);
/* Responder: which key the peer names, and whether the present connection agrees. Before the peer's AUTH is verified; again for
 * each connection that is tried. V_DONE, V_CLOSE. */
enum verdict ppk_named(struct ike_xch *x);
/* Initiator: did the responder use it? V_DONE, V_CLOSE. */
enum verdict ppk_answered(struct ike_xch *x);
/* The value the peer's AUTH is verified with: of its AUTH payload or of NO_PPK_AUTH. */
slice ppk_auth_of(const struct ike_xch *x);
/* Of which keys the octets of AUTH are made. */
const struct ike_keys *ppk_keys(const struct ike_sa *sa);
/* PPK_IDENTITY, and NO_PPK_AUTH when no_ppk is not empty. */
void ppk_emit(const struct ike_xch *x, struct ike_out *out, slice no_ppk);
/* The peer's AUTH was wrong: says that the PPK may be the reason, when there is one. */
void ppk_doubt(struct ike_xch *x);
/* The SA is authenticated: tells so. */
void ppk_apply(struct ike_xch *x);

#endif
