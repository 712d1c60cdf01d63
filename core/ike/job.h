/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key exchange as jobs: work for a crypto worker that names its exchange by handle and serial, so that a result whose
 * SA is gone is dropped. At most one job is in flight per exchange. A job owns all it touches: nothing of the SA.
 */
#ifndef ADIT_IKE_JOB_H
#define ADIT_IKE_JOB_H

#include "ike/table.h"

/* Each is called by a task, answers V_WAIT, and is called again with the same arguments when the task is resumed:
 * then it takes the result. V_DONE: *k has it. V_REJECT: x->err, x->notify and x->why are set (ike_reject); the
 * caller passes it on or makes V_CLOSE of it. With inline jobs the first call answers at once.
 * V_DROP: there is too much to do for a stranger, or the engine stops; passed on as it is.
 *   ke_offer   k->id chosen by the caller; makes k->pub
 *   ke_answer  the responder's half: k->pub and k->ss from the peer's public value
 *   ke_finish  after ke_offer: k->ss from the peer's public value */
enum verdict ke_offer(struct ike_xch *x, struct ike_ke *k, uint16_t id);
enum verdict ke_answer(struct ike_xch *x, struct ike_ke *k, uint16_t id, slice peer_pub);
enum verdict ke_finish(struct ike_xch *x, struct ike_ke *k, slice peer_pub);
/* Wipes and frees; *k is empty afterwards and may be used again. */
void ike_ke_fini(struct ike_ke *k);

/* Hands n kernel operations out (copied into the effects' arena; keys and selectors in it as well) and answers V_WAIT.
 * Called again after the wait with the same arguments it answers V_DONE, with the kernel's result in x->kern_res.
 * x NULL: nobody waits for the answer; V_DONE at once. */
enum verdict ike_kern(struct ike_engine *e, struct ike_xch *x, const struct kern_op *ops, size_t n);
/* Outside an exchange, for operations that add something to a child SA: when they fail child_kern_failed is called. */
void ike_kern_watched(struct ike_engine *e, const struct ike_sa *sa, uint64_t child_unique, const struct kern_op *ops, size_t n);

#endif
