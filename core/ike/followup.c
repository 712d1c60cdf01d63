/* SPDX-License-Identifier: Apache-2.0 */
#include "ike/followup.h"

#include "ike/wait.h"

enum { LINK_LEN = 8, PARKED_MS = 60000 };

static COUNTER(c_done, "ike.followup.done", "additional key exchanges of CREATE_CHILD_SA");
static COUNTER(c_lost, "ike.followup.lost", "CREATE_CHILD_SA exchanges of the peer that were never completed");
static COUNTER(c_stray, "ike.followup.stray", "IKE_FOLLOWUP_KE requests that belong to nothing here");

/* ---- rounds ---------------------------------------------------------------------------------------------------------- */

void follow_begin(struct child_neg *n)
{
	n->n_kes = n->suite.ke == SUITE_KE_NONE ? 0 : suite_extra_kes(&n->suite, n->kes);
}

uint16_t follow_method(const struct child_neg *n)
{
	return n->n_ss ? n->kes[n->n_ss - 1] : n->suite.ke;
}

enum verdict follow_expect(struct ike_xch *x, const struct child_neg *n)
{
	char want[32], got[32];
	uint16_t method = follow_method(n);

	if (x->job || x->in->ke->method == method)
		return V_DONE;
	return ike_reject(x, E_SYNTAX, "the key exchange that is due is %s, the peer sent one of %s",
		suite_alg_name(SUITE_KE, method, want), suite_alg_name(SUITE_KE, x->in->ke->method, got));
}

static enum verdict link_new(struct ike_xch *x, struct child_neg *n)
{
	uint8_t *link = arena_get(&x->arena, LINK_LEN);
	err_t err = link ? crypto_random(x->e->env.crypto, link, LINK_LEN) : E_NOMEM;

	if (err)
		return ike_reject(x, err, "no link for a further key exchange: %s", err_text(err));
	n->link = slice_of(link, LINK_LEN);
	return V_MORE;
}

enum verdict follow_next(struct ike_xch *x, struct child_neg *n)
{
	if (n->n_ss > n->n_kes)
		return V_DONE; /* resumed */
	secret_move(&n->ss[n->n_ss], &n->ke.ss);
	if (n->n_ss++)
		count_inc(&c_done);
	if (n->n_ss > n->n_kes)
		return V_DONE;
	if (x->dir == XCH_RX_REQUEST)
		return link_new(x, n);
	const struct wire_notify *w = wire_notify(x->in, N_ADDITIONAL_KEY_EXCHANGE);
	if (!w)
		return ike_reject(x, E_SYNTAX, "the peer does not say how the next key exchange goes on");
	n->link = arena_slice(&x->arena, w->data);
	return n->link.p || !w->data.n ? V_MORE : ike_reject(x, E_NOMEM, "out of memory");
}

void follow_emit_link(const struct child_neg *n, struct ike_out *out)
{
	if (n->n_ss && n->n_ss <= n->n_kes)
		wire_put_notify(out, N_ADDITIONAL_KEY_EXCHANGE, n->link);
}

void follow_emit(const struct child_neg *n, struct ike_out *out)
{
	wire_put_ke(out, n->ke.id, slice_of(n->ke.pub, n->ke.pub_len));
	follow_emit_link(n, out);
}

size_t follow_secrets(const struct child_neg *n, slice out[1 + SUITE_EXTRA_KES])
{
	for (size_t i = 0; i < n->n_ss; i++)
		out[i] = secret_slice(&n->ss[i]);
	return n->n_ss;
}

void follow_fini(struct child_neg *n)
{
	for (size_t i = 0; i < n->n_ss; i++)
		secret_fini(&n->ss[i]);
	n->n_ss = 0;
}

/* ---- parked ---------------------------------------------------------------------------------------------------------- */

void follow_drop(struct ike_sa *sa)
{
	struct ike_xch *x = sa->parked;

	sa->parked = NULL;
	if (x)
		ike_xch_put(x);
}

static void parked_due(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_sa *sa = TIMER_OF(t, struct ike_xch, timer)->sa;

	count_inc(&c_lost);
	SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "the peer did not go on with a %s: forgotten", ike_story_name(sa->parked->story));
	follow_drop(sa);
}

void follow_park(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;

	if (sa->parked) {
		count_inc(&c_lost);
		follow_drop(sa);
	}
	x->stage = XCH_CHECK;
	x->task = 0;
	sa->parked = x;
	timer_set(&x->e->timers, &x->timer, x->e->now_ms + PARKED_MS, parked_due);
}

struct ike_xch *follow_unpark(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_xch *p = sa->parked;
	const struct wire_notify *w = wire_notify(x->in, N_ADDITIONAL_KEY_EXCHANGE);

	if (!follow_round(x))
		return x;
	if (!p || !p->neg || !w || !slice_equal(w->data, p->neg->link)) {
		count_inc(&c_stray);
		return x;
	}
	sa->parked = NULL;
	timer_stop(&p->e->timers, &p->timer);
	struct arena in = p->in_arena;
	p->in_arena = x->in_arena;
	x->in_arena = in;
	p->in = x->in;
	p->in->arena = &p->in_arena;
	p->in_bytes = x->in_bytes;
	p->in_hash = x->in_hash;
	p->in_local = x->in_local;
	p->in_remote = x->in_remote;
	p->in_piece = x->in_piece;
	p->in_plain = x->in_plain;
	p->in_first = x->in_first;
	p->exchange = x->exchange;
	p->mid = x->mid;
	p->more = false;
	x->in = NULL;
	ike_xch_put(x);
	return p;
}
