/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam between the IKE SA (engine part) and its child SAs (child part): what each asks of the other.
 *
 * The child part owns struct child_sa, struct child_neg (one negotiation, x->neg) and struct child_world (per engine:
 * look-up by SPI, traps and shunts, reqids). The tasks below are rows of the exchange table; their rules are in
 * ike/table.h. Everything here runs on the engine's thread; nothing waits but by V_WAIT.
 *
 * Kernel operations inside an exchange go through ike_kern (ike/job.h) and are waited for, so that the responder
 * answers only when its SAs stand; what is removed outside an exchange goes out without waiting (x NULL).
 */
#ifndef ADIT_IKE_CHILD_H
#define ADIT_IKE_CHILD_H

#include "ike/engine.h"
#include "ike/table.h"

struct child_world;

/* ---- tasks ------------------------------------------------------------------------------------------------------- */

/* A new child SA, in IKE_AUTH (no key exchange; x->exchange tells) and in CREATE_CHILD_SA, both roles. As initiator
 * x->work->child says which (in IKE_AUTH, too, x->work is the STORY_CHILD_NEW work; its child is NULL or x->work itself
 * is NULL for an IKE SA without child). A failure in IKE_AUTH leaves the IKE SA
 * alone: the task then answers V_DONE and emits its error notify instead of its payloads; in CREATE_CHILD_SA it answers
 * V_REJECT. As initiator it tells x->work->cmd_id (ike_cmd_done) and publishes the events in `done`; when its exchange
 * is rejected as a whole the engine tells the command. */
extern const struct task_ops task_child_create;
/* Rekey of a child: N(REKEY_SA), collisions with the peer's rekey and delete. */
extern const struct task_ops task_child_rekey;
/* Rekey of the IKE SA: new SPIs, nonces, key exchange; makes the new SA with ike_sa_new and hands everything over
 * with ike_sa_take_over; the winner of a collision by the lowest nonce (RFC 7296 section 2.8.1). */
extern const struct task_ops task_ike_rekey;
/* D payloads of ESP and AH: also of several SPIs; the answer has the other halves. */
extern const struct task_ops task_child_delete;

/* The table of collisions (my exchange in flight × the peer's request), decided before the checks of the peer's row.
 * V_DONE go on; V_DROP, V_REJECT (TEMPORARY_FAILURE, CHILD_SA_NOT_FOUND…). Only called while sa->tx is there. */
enum verdict child_collide(struct ike_xch *x);

/* ---- called by the engine ---------------------------------------------------------------------------------------- */

MUST err_t child_world_new(struct ike_engine *e, struct child_world **out);
void child_world_free(struct child_world *w);

/* The IKE SA ends (sa->flags, why). Kernel SAs and policies are removed, child-updown (down) is published unless the
 * whole IKE SA was never up, and all struct child_sa are freed. With `actions` what the configuration asks for in this
 * case is done: DPD action when `why` is E_TIMEOUT, close action when the peer deleted; trap: installed here; restart:
 * collected by ike_initiate_child. No actions with SA_KEEP_QUIET. */
void child_sa_lost(struct ike_sa *sa, struct ike_engine *e, err_t why, bool by_peer);
/* Moves all children from one IKE SA to another (rekey, re-authentication take-over); kernel state is not touched. */
void child_move_all(struct ike_sa *from, struct ike_sa *to);
/* The addresses or the encapsulation of the IKE SA changed: kernel SAs and policies follow. */
void child_addresses_changed(struct ike_engine *e, struct ike_sa *sa);
/* What ike_kern_watched handed out for a child failed: the child is deleted. */
void child_kern_failed(struct ike_engine *e, struct ike_sa *sa, uint64_t child_unique, err_t res);
/* Milliseconds since the last packet came in on any child of the SA, UINT64_MAX never: liveness proof. */
uint64_t child_idle_in_ms(struct ike_engine *e, const struct ike_sa *sa);
/* Re-authentication: for every child of `from` one ike_work of STORY_CHILD_NEW (same configuration and reqid) is queued
 * at `to`, the SA that is to take over. */
void child_queue_again(struct ike_engine *e, struct ike_sa *from, struct ike_sa *to);
/* Commands. child_cmd_terminate: every child that fits name / id / IKE SA (NULL any) gets STORY_CHILD_DELETE work with
 * cmd_id (or goes at once with force), returns how many. The same for rekey. install: traps and shunts by name. */
uint32_t child_cmd_terminate(struct ike_engine *e, const struct ike_cmd *cmd);
uint32_t child_cmd_rekey(struct ike_engine *e, const struct ike_cmd *cmd);
MUST err_t child_cmd_install(struct ike_engine *e, const struct ike_cmd *cmd, struct diag **why);
MUST err_t child_cmd_uninstall(struct ike_engine *e, const struct ike_cmd *cmd, struct diag **why);
/* Unique id of the SA's child that was made from this configuration (name, mode, selectors) and lives, 0 none. */
uint64_t child_same(const struct ike_sa *sa, const struct conf_child *child);
/* Whether a child of this name with the same selectors lives in an IKE SA of the connection, or is queued to be made. */
/* E_NEEDS: this host lacks what the child needs (struct conf_child.lacks); *why says what and the remedy. */
MUST err_t child_usable(const struct ike_engine *e, const struct conf_child *f, struct diag **why);
bool child_is_there(struct ike_engine *e, const struct conf_conn *conn, const struct conf_child *child);
void child_conf_changed(struct ike_engine *e);
/* At ike_shutdown: traps and shunts go. */
void child_world_stop(struct ike_engine *e);
void child_kern_event(struct ike_engine *e, const struct kern_event *ev);

/* ---- looking ----------------------------------------------------------------------------------------------------- */

uint32_t child_count(const struct child_world *w);
uint64_t child_world_bytes(const struct child_world *w);
uint16_t child_count_of(const struct ike_sa *sa);
/* Views of all children of the SA (unique 0) or of one, in `a`; *n how many. NULL: none or no memory. */
const struct ike_child_view *child_views(struct ike_engine *e, const struct ike_sa *sa, uint64_t unique,
					 struct arena *a, uint16_t *n);
const struct ike_policy_view *child_policy_next(struct child_world *w, uint32_t *cursor, struct arena *a);

#endif
