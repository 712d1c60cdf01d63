/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task: rekeying of the IKE SA, both roles and both at once (RFC 7296 sections 1.3.2, 2.8.1, 2.18). The new SA inherits
 * everything; the side that made it deletes the old one. When both sides rekey at once both new SAs come up; the
 * peer's stands by (state UP, nothing moved) until our answer is here or the peer uses it. The one with the lowest
 * nonce is redundant: its maker deletes it.
 */
#include "ike/keylog.h"
#include "ike/followup.h"
#include "ike/life.h"

enum { REFUSED_RETRY_MS = 60000 };

#define props(conn) ((const struct suite_prop *const *)(conn)->props)

static enum verdict no_memory(struct ike_xch *x)
{
	return ike_reject(x, E_NOMEM, "out of memory");
}

static void put_spi8(uint8_t b[8], uint64_t spi)
{
	struct wr w = wr_of(b, 8);
	wr_u64(&w, spi);
}

static struct ike_sa *new_sa(struct ike_xch *x, struct child_neg *n, bool initiator)
{
	struct ike_sa *sa = x->sa, *new = ike_sa_new(x->e, initiator, sa->conn, &sa->local, &sa->remote);
	if (new) {
		n->new_sa = new->h;
		new->flags |= SA_KEEP_QUIET | SA_STANDBY;
	}
	return new;
}

/* What the new SA needs to stand on its own before anything is handed over to it. */
static void stand_by(struct ike_engine *e, struct ike_sa *old, struct ike_sa *new)
{
	ike_id_set(&new->local_id, old->local_id.type, ike_id_slice(&old->local_id));
	ike_id_set(&new->remote_id, old->remote_id.type, ike_id_slice(&old->remote_id));
	new->flags |= old->flags & (SA_NAT_LOCAL | SA_NAT_REMOTE | SA_NAT_FAKE | SA_NATT | SA_PEER_NATD | SA_FRAG |
				     SA_PQ | SA_PPK | SA_MOBIKE | SA_MOVER);
	new->facts |= FACT_SUITE_OK | FACT_KE_DONE | FACT_REKEYED |
		      (old->facts & (FACT_PEER_ID_OK | FACT_PEER_AUTH_OK | FACT_AUTH_SENT | FACT_COOKIE_OK));
	new->reauth_ms = old->reauth_ms;
	new->replaces = old->h;
	ike_state_set(e, new, IKE_S_UP);
}

/* A delete that still waited for its turn is meant for what the old SA was: it follows to the new one. */
static struct ike_work *queued_delete(struct ike_sa *sa)
{
	for (struct ike_work **p = &sa->work; *p; p = &(*p)->next) {
		struct ike_work *w = *p;
		if (w->story != STORY_IKE_DELETE)
			continue;
		*p = w->next;
		if (!*p)
			sa->work_end = p;
		w->next = NULL;
		return w;
	}
	return NULL;
}

static void take_over(struct ike_engine *e, struct ike_sa *old, struct ike_sa *new)
{
	struct ike_work *end = queued_delete(old);
	new->flags &= ~(uint32_t)(SA_KEEP_QUIET | SA_STANDBY);
	new->replaces = HANDLE_NONE;
	ike_sa_take_over(e, old, new);
	old->flags |= SA_CLOSE_TOLD;
	if (end)
		ike_work_add(e, new, end);
}

static void queue_delete(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_work *w = ike_work_new(STORY_IKE_DELETE, NULL, NULL, 0);
	if (w)
		ike_work_add(e, sa, w);
}

/* ---- request ----------------------------------------------------------------------------------------------------- */

static enum verdict check_tx(struct ike_xch *x)
{
	struct child_neg *n = neg_get(x);
	struct ike_sa *sa = x->sa;
	if (follow_round(x))
		return ke_offer(x, &n->ke, follow_method(n));
	if (sa->state != IKE_S_UP)
		return V_DROP;
	if (!n)
		return no_memory(x);
	if (handle_none(n->new_sa)) {
		uint8_t *nonce = arena_get(&x->arena, IKE_NONCE_LEN);
		if (!nonce || !new_sa(x, n, true))
			return no_memory(x);
		err_t err = crypto_random(x->e->env.crypto, nonce, IKE_NONCE_LEN);
		if (err)
			return ike_reject(x, err, "no nonce: %s", err_text(err));
		n->ni = slice_of(nonce, IKE_NONCE_LEN);
		n->want_ke = true;
	}
	/* The method of the SA is one the peer takes. */
	uint16_t ke = x->work && x->work->ke ? x->work->ke : sa->suite.ke;
	if (!suite_list_has_ke(props(sa->conn), sa->conn->n_props, ke))
		ke = suite_list_first_ke(props(sa->conn), sa->conn->n_props);
	return ke_offer(x, &n->ke, ke);
}

static enum verdict emit_tx(struct ike_xch *x, struct ike_out *out)
{
	struct child_neg *n = x->neg;
	struct ike_sa *new = ike_sa_at(x->e, n->new_sa);
	uint8_t spi[8];
	if (new && follow_round(x)) {
		follow_emit(n, out);
		return V_DONE;
	}
	if (!new || x->sa->state != IKE_S_UP || !handle_none(n->rival_sa))
		return V_DROP;
	put_spi8(spi, ike_sa_spi(new));
	wire_put_sa_list(out, props(x->sa->conn), x->sa->conn->n_props, slice_of(spi, 8), 0);
	wire_put_nonce(out, n->ni);
	wire_put_ke(out, n->ke.id, slice_of(n->ke.pub, n->ke.pub_len));
	return V_DONE;
}

static enum verdict pick_suite(struct ike_xch *x, struct child_neg *n)
{
	const struct ike_msg *m = x->in;
	struct ike_sa *sa = x->sa;
	struct diag *why = NULL;
	char text[512];
	size_t at = 0;
	err_t err = suite_select(props(sa->conn), sa->conn->n_props, (const struct suite_prop *const *)m->sa->props,
				 m->sa->n, 0, m->ke->method, &n->suite, NULL, &at, &why);
	if (!err)
		err = crypto_algs_of(x->e->env.crypto, &n->suite, &n->algs, &why);
	if (err) {
		ike_reject(x, err == E_NOT_SUPPORTED ? E_NO_PROPOSAL : err, "rekeying of the IKE SA: %s",
			   diag_text(why, err, text, sizeof text));
		diag_free(&why);
		return V_REJECT;
	}
	n->prop_num = m->sa->props[at]->num;
	n->peer_spi = at < m->sa->n ? wire_spi8(m->sa->spis[at]) : 0;
	if (!n->peer_spi)
		return ike_reject(x, E_SYNTAX, "the proposal to rekey the IKE SA has no SPI");
	if (m->ke->method != n->suite.ke) {
		uint8_t method[2] = { (uint8_t)(n->suite.ke >> 8), (uint8_t)n->suite.ke };
		char name[32];
		ike_reject(x, E_INVALID_KE, "rekeying of the IKE SA wants key exchange %s",
			   suite_alg_name(SUITE_KE, n->suite.ke, name));
		ike_reject_data(x, slice_of(method, 2));
		return V_REJECT;
	}
	follow_begin(n);
	return V_DONE;
}

static enum verdict check_request(struct ike_xch *x)
{
	struct child_neg *n = neg_get(x);
	if (!n)
		return no_memory(x);
	if (!n->nr.p) {
		ike_rekey_claimed(x->e, x->sa);
		enum verdict v = child_clash_answer(x, child_clash(x, NULL, false));
		if (v == V_DONE)
			v = pick_suite(x, n);
		if (v != V_DONE)
			return v;
		uint8_t *nonce = arena_get(&x->arena, IKE_NONCE_LEN);
		if (!nonce)
			return no_memory(x);
		err_t err = crypto_random(x->e->env.crypto, nonce, IKE_NONCE_LEN);
		if (err)
			return ike_reject(x, err, "no nonce: %s", err_text(err));
		n->ni = arena_slice(&x->arena, *x->in->nonce);
		n->nr = slice_of(nonce, IKE_NONCE_LEN);
		/* Its SPI is told in the first of several rounds. */
		if (!n->ni.p || (n->n_kes && !new_sa(x, n, false)))
			return no_memory(x);
	} else if (follow_round(x) && !x->job) {
		/* The world may have changed since the first round. */
		enum verdict v = child_clash_answer(x, child_clash(x, NULL, false));
		if (v != V_DONE)
			return v;
	}
	enum verdict v = follow_expect(x, n);
	if (v == V_DONE)
		v = ke_answer(x, &n->ke, follow_method(n), x->in->ke->data);
	return v == V_DONE ? follow_next(x, n) : v;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

/* Suite, SPIs and keys go into the new SA. */
static enum verdict key_new(struct ike_xch *x, struct child_neg *n, struct ike_sa *new)
{
	struct ike_sa *sa = x->sa;
	slice ss[1 + SUITE_EXTRA_KES];
	*(new->initiator ? &new->spi_r : &new->spi_i) = n->peer_spi;
	new->suite = n->suite;
	new->algs = n->algs;
	struct keymat_ike_in in = {
		.suite = &n->suite,
		.algs = &n->algs,
		.ni = n->ni,
		.nr = n->nr,
		.spi_i = new->spi_i,
		.spi_r = new->spi_r,
		.ss = ss,
		.n_ss = follow_secrets(n, ss),
	};
	err_t err = keymat_ike_next(&in, sa->algs.prf, ike_key(&sa->keys, IKE_SK_D), &new->keys);
	follow_fini(n);
	if (err)
		return ike_reject(x, err, "keys of the new IKE SA cannot be made: %s", err_text(err));
	keylog_ike(x->e, new, &new->keys);
	return V_DONE;
}

static enum verdict apply_request(struct ike_xch *x, struct child_neg *n)
{
	struct ike_sa *new;
	if (x->sa->state != IKE_S_UP)
		return ike_reject(x, E_TEMPORARY, "the IKE SA is being replaced or deleted");
	new = handle_none(n->new_sa) ? new_sa(x, n, false) : ike_sa_at(x->e, n->new_sa);
	if (!new)
		return no_memory(x);
	enum verdict v = key_new(x, n, new);
	if (v == V_DONE)
		stand_by(x->e, x->sa, new);
	return v;
}

static enum verdict emit_answer(struct ike_xch *x, struct ike_out *out)
{
	struct child_neg *n = x->neg;
	struct ike_sa *new = ike_sa_at(x->e, n->new_sa);
	uint8_t spi[8];
	if (follow_round(x)) {
		follow_emit(n, out);
		return V_DONE;
	}
	if (!new)
		return ike_reject(x, E_INTERNAL, "the new IKE SA is gone");
	put_spi8(spi, ike_sa_spi(new));
	wire_put_sa_suite(out, &n->suite, n->prop_num, slice_of(spi, 8));
	wire_put_nonce(out, n->nr);
	wire_put_ke(out, n->ke.id, slice_of(n->ke.pub, n->ke.pub_len));
	follow_emit_link(n, out);
	return V_DONE;
}

static void done_request(struct ike_xch *x, struct child_neg *n)
{
	struct ike_xch *ours = child_rival_of(x, NULL);
	struct ike_sa *new = ike_sa_at(x->e, n->new_sa);
	if (!new || x->sa->state != IKE_S_UP)
		return;
	ike_count(x->e, x->sa, IKE_CNT_IKE_REKEY_RESP);
	if (ours) {
		SA_LOG(x->e, x->sa, LOG_IKE, LOG_CONTROL, "both sides rekey the IKE SA at the same time");
		child_rival(ours, n);
	} else {
		take_over(x->e, x->sa, new);
	}
	n->new_sa = HANDLE_NONE;
}

/* ---- answer ------------------------------------------------------------------------------------------------------ */

static enum verdict check_answer(struct ike_xch *x, struct child_neg *n)
{
	const struct ike_msg *m = x->in;
	struct ike_sa *sa = x->sa;
	const struct wire_notify *refusal = wire_error(m);
	struct diag *why = NULL;
	char text[512];
	if (refusal) {
		if (sa->state == IKE_S_UP && handle_none(n->rival_sa) &&
		    neg_try_again(x, refusal, n->ke.id, props(sa->conn), sa->conn->n_props))
			return V_REJECT;
		if (sa->state == IKE_S_UP && handle_none(n->rival_sa)) {
			/* Tried again while the SA lives. */
			sa->rekey_ms = x->e->now_ms + REFUSED_RETRY_MS;
			life_arm(x->e, sa);
		}
		return ike_refused(x, refusal);
	}
	if (!n->nr.p) {
		if (m->sa->n != 1)
			return ike_reject(x, E_SYNTAX,
					  "the answer to the rekeying of the IKE SA has several proposals");
		err_t err = suite_accept(props(sa->conn), sa->conn->n_props, m->sa->props[0], 0, &n->suite, &why);
		if (!err)
			err = crypto_algs_of(x->e->env.crypto, &n->suite, &n->algs, &why);
		if (err) {
			ike_reject(x, err, "rekeying of the IKE SA: %s", diag_text(why, err, text, sizeof text));
			diag_free(&why);
			return V_REJECT;
		}
		n->peer_spi = wire_spi8(m->sa->spis[0]);
		if (!n->peer_spi || m->ke->method != n->suite.ke || n->ke.id != n->suite.ke)
			return ike_reject(
				x, E_SYNTAX,
				"the answer to the rekeying of the IKE SA lacks an SPI or has another key exchange "
				"than its proposal");
		n->nr = arena_slice(&x->arena, *m->nonce);
		if (!n->nr.p)
			return no_memory(x);
		follow_begin(n);
	}
	enum verdict v = follow_expect(x, n);
	if (v == V_DONE)
		v = ke_finish(x, &n->ke, m->ke->data);
	return v == V_DONE ? follow_next(x, n) : v;
}

static enum verdict apply_answer(struct ike_xch *x, struct child_neg *n)
{
	struct ike_sa *new = ike_sa_at(x->e, n->new_sa);
	return new ? key_new(x, n, new) : ike_reject(x, E_STALE, "the new IKE SA is gone");
}

static void done_answer(struct ike_xch *x, struct child_neg *n)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa, *new = ike_sa_at(e, n->new_sa), *rival = ike_sa_at(e, n->rival_sa);
	bool claimed = sa->state != IKE_S_UP;
	if (!new)
		return;
	ike_count(e, sa, IKE_CNT_IKE_REKEY_INIT);
	n->new_sa = n->rival_sa = HANDLE_NONE;
	if (x->work) {
		ike_cmd_done(e, x->work->cmd_id, 0, NULL, new->unique, 0);
		x->work->cmd_id = 0;
	}
	stand_by(e, sa, new);
	if (claimed || (rival && clash_mine_lowest(n->ni, n->nr, n->rival_ni, n->rival_nr))) {
		SA_LOG(e, new, LOG_IKE, LOG_CONTROL, "this new IKE SA is redundant: the peer's rekeying stays");
		new->flags &= ~(uint32_t)SA_STANDBY;
		ike_state_set(e, new, IKE_S_REKEYED);
		queue_delete(e, new);
		if (!claimed)
			take_over(e, sa, rival);
		return;
	}
	take_over(e, sa, new);
	/* Nothing is sent on the redundant one; the peer deletes it, or its time does. */
	if (rival) {
		rival->flags &= ~(uint32_t)SA_STANDBY;
		ike_state_set(e, rival, IKE_S_REKEYED);
	}
	queue_delete(e, sa);
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

void ike_rekey_claimed(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_sa *old = ike_sa_at(e, sa->replaces);
	struct ike_xch *ours = old ? old->tx : NULL;
	if (sa->state != IKE_S_UP || !ours || ours->story != STORY_IKE_REKEY || !ours->neg ||
	    !handle_equal(ours->neg->rival_sa, sa->h))
		return;
	ours->neg->rival_sa = HANDLE_NONE;
	take_over(e, old, sa);
}

void ike_rekey_forgotten(struct ike_xch *ours)
{
	struct child_neg *n = ours->neg;
	struct ike_sa *rival = n ? ike_sa_at(ours->e, n->rival_sa) : NULL;
	if (!rival || ours->sa->state != IKE_S_UP)
		return;
	n->rival_sa = HANDLE_NONE;
	take_over(ours->e, ours->sa, rival);
}

/* ---- the task ---------------------------------------------------------------------------------------------------- */

static enum verdict check(struct ike_xch *x)
{
	if (x->dir == XCH_TX_REQUEST)
		return check_tx(x);
	return x->dir == XCH_RX_REQUEST ? check_request(x) : check_answer(x, x->neg);
}

static enum verdict apply(struct ike_xch *x)
{
	if (x->dir == XCH_TX_REQUEST)
		return V_DONE;
	return x->dir == XCH_RX_REQUEST ? apply_request(x, x->neg) : apply_answer(x, x->neg);
}

static enum verdict emit(struct ike_xch *x, struct ike_out *out)
{
	return x->dir == XCH_TX_REQUEST ? emit_tx(x, out) : emit_answer(x, out);
}

static void done(struct ike_xch *x)
{
	if (x->dir == XCH_RX_REQUEST)
		done_request(x, x->neg);
	else if (x->dir == XCH_RX_RESPONSE)
		done_answer(x, x->neg);
}

static void drop(struct ike_xch *x)
{
	struct child_neg *n = x->neg;
	if (!n)
		return;
	struct ike_sa *new = ike_sa_at(x->e, n->new_sa);
	/* Ours came to nothing: the peer's is the one that stays, unless the old one ends with all it has. */
	ike_rekey_forgotten(x);
	struct ike_sa *rival = ike_sa_at(x->e, n->rival_sa);
	if (rival)
		ike_sa_end(x->e, rival, 0, false, "not needed");
	if (new)
		ike_sa_end(x->e, new, 0, false, "not needed");
	neg_drop(x);
}

const struct task_ops task_ike_rekey = {
	.name = "ike-rekey", .order = 60, .check = check, .apply = apply, .emit = emit, .done = done, .drop = drop,
};
