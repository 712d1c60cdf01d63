/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task: rekeying of a child SA, both roles and both at once (RFC 7296 sections 1.3.3, 2.8, 2.8.1).
 *
 * When both sides rekey the same child at the same time both new ones come up. The one that our own exchange made is
 * compared with the rival when our answer is here: with the lowest nonce in it it is redundant and we delete it, else
 * we delete the old child and the peer deletes the rival.
 */
#include "ike/followup.h"
#include "ike/life.h"

#include <stdlib.h>

/* After a refusal the child is tried again, while it lives. */
enum { REFUSED_RETRY_MS = 60000 };

static struct child_sa *alive(const struct ike_sa *sa, uint64_t unique)
{
	struct child_sa *c = child_of(sa, unique);
	return c && child_alive(c) ? c : NULL;
}

/* child-rekey; when the old one is gone already, the new one simply came up. */
static void tell_rekeyed(struct ike_engine *e, struct ike_sa *sa, struct child_sa *old, struct child_sa *new)
{
	if (new->flags & CHILD_UP_TOLD)
		return;
	ike_count(e, sa, IKE_CNT_CHILD_REKEY);
	if (!old || !(old->flags & CHILD_UP_TOLD)) {
		child_tell(e, new, true, 0, NULL);
		return;
	}
	new->flags |= CHILD_UP_TOLD;
	old->flags &= (uint16_t)~CHILD_UP_TOLD;
	ike_event_child_rekey(e, sa, old->unique, new->unique);
}

/* The peer's new child takes the old one's place; the peer will delete the old one. */
static void replaced_by_peer(struct ike_engine *e, struct ike_sa *sa, struct child_sa *old, struct child_sa *new)
{
	new->flags &= (uint16_t)~CHILD_REDUNDANT;
	if (old) {
		old->replaced_by = new->unique;
		if (child_alive(old)) {
			child_state_set(old, CHILD_S_REKEYED);
			old->flags |= CHILD_BY_PEER;
			old->wake_ms = e->now_ms + 1000;
			child_timer_set(e, old);
		}
	}
	tell_rekeyed(e, sa, old, new);
}

/* ---- check ------------------------------------------------------------------------------------------------------- */

static enum verdict check_tx(struct ike_xch *x)
{
	struct child_sa *c = child_of(x->sa, x->work->child_unique);
	if (follow_round(x))
		return neg_propose(x, x->neg);
	if (!c || !child_alive(c)) {
		/* The peer was faster, or the child is gone: nothing to do, and nothing wrong. */
		ike_cmd_done(x->e, x->work->cmd_id, c && c->replaced_by ? 0 : E_STALE,
			     c && c->replaced_by ? NULL : "the child to rekey is gone", x->sa->unique,
			     c ? c->replaced_by : 0);
		x->work->cmd_id = 0;
		return V_DROP;
	}
	struct child_neg *n = neg_get(x);
	if (!n)
		return ike_reject(x, E_NOMEM, "out of memory");
	child_state_set(c, CHILD_S_REKEYING);
	if (!n->conf) {
		n->conf = c->conf;
		n->conn = conf_conn_ref(c->conn);
		n->old = c->unique;
		n->reqid = c->reqid;
	}
	return neg_propose(x, n);
}

static enum verdict check_request(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	struct child_neg *n = neg_get(x);
	const struct wire_notify *w = wire_notify(x->in, N_REKEY_SA);
	if (!n)
		return ike_reject(x, E_NOMEM, "out of memory");
	if (!w && !follow_round(x))
		return ike_reject(x, E_SYNTAX, "the notify REKEY_SA is missing");
	if (!n->conf) {
		ike_rekey_claimed(x->e, sa);
		struct child_sa *c = child_by_out(sa, child_ip_proto(w->proto), wire_spi4(w->spi));
		enum verdict v = child_clash_answer(x, child_clash(x, c, true));
		if (v == V_DONE && !c)
			v = ike_reject(x, E_CHILD_NOT_FOUND, "no child has the SPI %08x of the peer",
				       wire_spi4(w->spi));
		if (v != V_DONE && x->err == E_CHILD_NOT_FOUND) {
			x->notify_proto = w->proto;
			x->notify_spi = wire_spi4(w->spi);
		}
		if (v != V_DONE)
			return v;
		n->conf = c->conf;
		n->conn = conf_conn_ref(c->conn);
		n->old = c->unique;
		n->reqid = c->reqid;
	}
	if (follow_round(x) && !x->job) {
		/* The world may have changed since the first round. */
		ike_rekey_claimed(x->e, sa);
		enum verdict v = child_clash_answer(x, child_clash(x, child_of(sa, n->old), true));
		if (v != V_DONE)
			return v;
	}
	return neg_check_request(x, n);
}

/* The peer does not know the child any more: here it goes, too, and is made anew. */
static void make_anew(struct ike_xch *x, struct child_sa *old)
{
	struct ike_work *w = ike_work_new(STORY_CHILD_NEW, old->conn, old->conf, x->work ? x->work->cmd_id : 0);
	SA_LOG(x->e, x->sa, LOG_CHILD, LOG_CONTROL, "the peer has no child '%s' (%08x) any more: it is made anew",
	       old->conf->name, old->spi_in);
	if (w) {
		w->reqid = old->reqid;
		if (x->work)
			x->work->cmd_id = 0;
		ike_work_add(x->e, x->sa, w);
	}
	child_tell(x->e, old, false, E_CHILD_NOT_FOUND, "the peer does not know it any more");
	child_free(x->e, old);
}

static enum verdict refused(struct ike_xch *x, struct child_neg *n, const struct wire_notify *err)
{
	struct ike_sa *sa = x->sa;
	struct child_sa *old = alive(sa, n->old);
	/* The peer's own rekeying or delete was faster. */
	if (!old || alive(sa, n->rival)) {
		if (x->work) {
			ike_cmd_done(x->e, x->work->cmd_id, 0, NULL, sa->unique, n->rival);
			x->work->cmd_id = 0;
		}
		return ike_reject(x, E_COLLISION, "the peer has rekeyed or deleted child '%s' itself", n->conf->name);
	}
	if (neg_try_again(x, err, n->want_ke ? n->ke.id : 0, (const struct suite_prop *const *)n->conf->props,
			  n->conf->n_props))
		return V_REJECT;
	enum verdict v = ike_refused(x, err);
	if (err->type == N_CHILD_SA_NOT_FOUND) {
		make_anew(x, old);
		return v;
	}
	child_state_set(old, CHILD_S_INSTALLED);
	old->rekey_ms = x->e->now_ms + REFUSED_RETRY_MS;
	if (err->type == N_NO_ADDITIONAL_SAS) {
		/* A peer that makes one child per IKE SA only: a new IKE SA brings the new child (section 1.3). */
		struct diag *why = NULL;
		old->rekey_ms = 0;
		if (life_reauth(x->e, sa, &why))
			SA_LOG(x->e, sa, LOG_CHILD, LOG_CONTROL,
			       "child '%s' lives on until its hard lifetime: the peer has to "
			       "authenticate again",
			       n->conf->name);
		diag_free(&why);
	}
	child_timer_set(x->e, old);
	return v;
}

static enum verdict check(struct ike_xch *x)
{
	if (x->dir == XCH_TX_REQUEST)
		return check_tx(x);
	if (x->dir == XCH_RX_REQUEST)
		return check_request(x);
	const struct wire_notify *err = wire_error(x->in);
	return err ? refused(x, x->neg, err) : neg_check_answer(x, x->neg);
}

/* ---- apply ------------------------------------------------------------------------------------------------------- */

static enum verdict apply_request(struct ike_xch *x, struct child_neg *n)
{
	struct child_sa *c, *old = child_of(x->sa, n->old);
	if (!old || old->state == CHILD_S_DELETED)
		return ike_reject(x, E_CHILD_NOT_FOUND, "the child to rekey has gone meanwhile");
	return neg_install(x, n, false, false, &c);
}

/* Have we lost against a rival that the peer has made over the same child? */
static bool lost(const struct ike_xch *x, const struct child_neg *n)
{
	return alive(x->sa, n->rival) && clash_mine_lowest(n->ni, n->nr, n->rival_ni, n->rival_nr);
}

static enum verdict apply_answer(struct ike_xch *x, struct child_neg *n)
{
	struct ike_sa *sa = x->sa;
	struct child_sa *c, *old = child_of(sa, n->old), *rival = alive(sa, n->rival);
	if (!n->ops && neg_deleted_early(n)) {
		/* The peer took the old one for replaced. */
		if (old && child_alive(old) && !rival)
			child_queue_delete(x->e, old, 0, 0);
		return ike_reject(x, E_COLLISION, "the peer has deleted the new child '%s' right away", n->conf->name);
	}
	bool out = !lost(x, n);
	/* When there are policies already the new child takes them over. */
	bool pols = out && !(old && (old->flags & CHILD_POLICIES)) && !(rival && (rival->flags & CHILD_POLICIES));
	/* The decision is made once: operations that went out do not change when the world does while the kernel works.
	 */
	if (n->ops) {
		out = n->n_ops > 1 && n->ops[1].verb == KERN_SA_ADD;
		pols = n->n_ops > 1u + out;
	}
	enum verdict v = neg_install(x, n, out, pols, &c);
	if (v == V_REJECT) {
		err_t err = x->err;
		c = child_new(x->e, sa, n, true);
		if (c) {
			c->flags |= CHILD_REDUNDANT;
			child_queue_delete(x->e, c, err, 0);
		}
		if (old && old->state == CHILD_S_REKEYING) {
			child_state_set(old, CHILD_S_INSTALLED);
			old->rekey_ms = x->e->now_ms + REFUSED_RETRY_MS;
			child_timer_set(x->e, old);
		}
	}
	return v;
}

static enum verdict apply(struct ike_xch *x)
{
	if (x->dir == XCH_TX_REQUEST)
		return V_DONE;
	return x->dir == XCH_RX_REQUEST ? apply_request(x, x->neg) : apply_answer(x, x->neg);
}

/* ---- emit, done -------------------------------------------------------------------------------------------------- */

static enum verdict emit(struct ike_xch *x, struct ike_out *out)
{
	struct child_neg *n = x->neg;
	if (x->dir != XCH_TX_REQUEST)
		return neg_emit_answer(x, n, out);
	struct child_sa *old = child_of(x->sa, n->old);
	if (follow_round(x))
		return neg_emit_request(x, n, out);
	if (!old || old->state != CHILD_S_REKEYING || n->rival)
		return V_DROP;
	wire_put_notify_spi(out, N_REKEY_SA, child_wire_proto(old->proto), old->spi_in, SLICE_NONE);
	return neg_emit_request(x, n, out);
}

/* The old one was asked to go while its replacement was under way: that goes, too. */
static bool unwanted(struct ike_xch *x, struct child_sa *old, struct child_sa *new)
{
	if (!x->neg->unwanted && !(old && (old->flags & CHILD_UNWANTED)))
		return false;
	if (old)
		old->replaced_by = new->unique;
	new->flags |= CHILD_UNWANTED;
	child_queue_delete(x->e, new, 0, 0);
	return true;
}

static void done_request(struct ike_xch *x, struct child_neg *n)
{
	struct child_sa *old = child_of(x->sa, n->old), *new = child_of(x->sa, n->made);
	struct ike_xch *ours = old ? child_rival_of(x, old) : NULL;
	if (!new)
		return;
	if (unwanted(x, old, new))
		return;
	if (!ours) {
		replaced_by_peer(x->e, x->sa, old, new);
		return;
	}
	/* Which one stays is known when our own answer is here. Until then the peer's stands ready. */
	new->flags |= CHILD_REDUNDANT;
	old->replaced_by = new->unique;
	child_rival(ours, n);
	SA_LOG(x->e, x->sa, LOG_CHILD, LOG_CONTROL, "both sides rekey child '%s' at the same time", old->conf->name);
}

/* The peer's child is redundant: it will delete it. */
static void stand_down(struct ike_engine *e, struct child_sa *rival, struct child_sa *new)
{
	child_switch(e, rival, new);
	rival->flags |= CHILD_REDUNDANT | CHILD_BY_PEER;
	child_state_set(rival, CHILD_S_REKEYED);
	rival->wake_ms = e->now_ms + 1000;
	child_timer_set(e, rival);
}

static void won(struct ike_xch *x, struct child_sa *old, struct child_sa *new)
{
	tell_rekeyed(x->e, x->sa, old, new);
	if (!old)
		return;
	child_switch(x->e, old, new);
	old->replaced_by = new->unique;
	if (child_alive(old))
		child_queue_delete(x->e, old, 0, 0);
}

static void done(struct ike_xch *x)
{
	struct child_neg *n = x->neg;
	if (x->dir == XCH_TX_REQUEST || !n)
		return;
	if (x->dir == XCH_RX_REQUEST) {
		done_request(x, n);
		return;
	}
	struct ike_sa *sa = x->sa;
	struct child_sa *old = child_of(sa, n->old), *new = child_of(sa, n->made), *rival = alive(sa, n->rival);
	if (x->work) {
		ike_cmd_done(x->e, x->work->cmd_id, 0, NULL, sa->unique, n->made);
		x->work->cmd_id = 0;
	}
	if (!new)
		return;
	if (new->late) {
		/* Made without an outbound SA: redundant. */
		SA_LOG(x->e, sa, LOG_CHILD, LOG_CONTROL, "child '%s' (%08x) is redundant: the peer's rekeying stays",
		       new->conf->name, new->spi_in);
		new->flags |= CHILD_REDUNDANT;
		n->rival = 0;
		if (rival && !unwanted(x, old, rival))
			replaced_by_peer(x->e, sa, old, rival);
		child_queue_delete(x->e, new, 0, 0);
		return;
	}
	n->rival = 0;
	if (rival)
		stand_down(x->e, rival, new);
	if (!unwanted(x, old, new))
		won(x, old, new);
}

static void drop(struct ike_xch *x)
{
	struct child_neg *n = x->neg;
	/* Ours came to nothing: the peer's is the one that stays. */
	if (n && n->rival && x->sa->state != IKE_S_GONE) {
		struct child_sa *rival = alive(x->sa, n->rival);
		struct child_sa *old = child_of(x->sa, n->old);
		if (rival && !unwanted(x, old, rival))
			replaced_by_peer(x->e, x->sa, old, rival);
	}
	neg_drop(x);
}

const struct task_ops task_child_rekey = {
	.name = "child-rekey", .order = 60, .check = check, .apply = apply, .emit = emit, .done = done, .drop = drop,
};
