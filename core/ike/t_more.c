/* SPDX-License-Identifier: Apache-2.0 */
/* Task: an additional key exchange in IKE_INTERMEDIATE, both roles; what AUTH covers of it. See intermediate.h. */
#include "ike/keylog.h"
#include "ike/intermediate.h"

static COUNTER(c_done, "ike.intermediate.done", "additional key exchanges during the set-up of IKE SAs");

bool more_proposed(const struct conf_conn *c)
{
	for (uint16_t i = 0; i < c->n_props; i++)
		for (uint8_t k = 0; k < c->props[i]->n; k++)
			if (c->props[i]->tf[k].type >= SUITE_AKE1 && c->props[i]->tf[k].type <= SUITE_AKE7)
				return true;
	return false;
}

bool more_begin(struct ike_sa *sa)
{
	struct ike_setup *s = sa->setup;

	s->n_kes = suite_extra_kes(&sa->suite, s->kes);
	s->ke_at = 0;
	return s->n_kes > 0;
}

/* ---- what AUTH covers --------------------------------------------------------------------------------------------- */

/* Header, what stands before SK, the header of SK, as if there were neither IV, padding nor ICV; then the contents. */
static err_t seen(struct ike_sa *sa, bool by_initiator, slice message, size_t payload_at, uint8_t first, slice plain)
{
	struct ike_setup *s = sa->setup;
	uint8_t head[IKE_HDR_LEN], pld[IKE_PLD_LEN], *sum = s->int_auth + (by_initiator ? 0 : sa->algs.prf->out_len);
	slice before = slice_of(message.p + IKE_HDR_LEN, payload_at - IKE_HDR_LEN);
	struct wr w;

	memcpy(head, message.p, sizeof head);
	memcpy(pld, message.p + payload_at, sizeof pld);
	/* A fragment's header stands for that of the whole message. */
	if (!before.n)
		head[16] = PLD_SK;
	w = wr_of(head + 24, 4);
	wr_u32(&w, (uint32_t)(payload_at + IKE_PLD_LEN + plain.n));
	pld[0] = first;
	w = wr_of(pld + 2, 2);
	wr_u16(&w, (uint16_t)(IKE_PLD_LEN + plain.n));
	const slice v[] = { s->int_mid ? slice_of(sum, sa->algs.prf->out_len) : SLICE_NONE, slice_of(head, sizeof head), before,
		slice_of(pld, sizeof pld), plain };
	uint8_t out[CRYPTO_MAC_MAX];
	err_t err = crypto_mac(sa->algs.prf, ike_key(&sa->keys, by_initiator ? IKE_SK_PI : IKE_SK_PR), v, ARRAY_LEN(v), out);
	if (!err)
		memcpy(sum, out, sa->algs.prf->out_len);
	return err;
}

err_t more_seen_ours(struct ike_sa *sa, const struct ike_out *out)
{
	return seen(sa, sa->initiator, wr_done(&out->w), out->payload_at, wire_sk_first(out), wire_sk_inner(out));
}

static err_t seen_theirs(struct ike_xch *x)
{
	return seen(x->sa, !x->sa->initiator, x->in_bytes, x->in->sk.payload_at, x->in_first, x->in_plain);
}

slice more_int_auth(const struct ike_sa *sa)
{
	const struct ike_setup *s = sa->setup;

	if (!s || !s->int_mid)
		return SLICE_NONE;
	return slice_of(s->int_auth, 2u * sa->algs.prf->out_len + 4);
}

/* One exchange is through: the message ID of IKE_AUTH, which is covered as well, is the next. */
static void count_mid(struct ike_sa *sa, uint32_t mid)
{
	struct ike_setup *s = sa->setup;
	struct wr w = wr_of(s->int_auth + 2u * sa->algs.prf->out_len, 4);

	s->int_mid = mid + 1;
	wr_u32(&w, s->int_mid);
}

/* ---- keys ------------------------------------------------------------------------------------------------------------ */

static enum verdict next_keys(struct ike_xch *x, struct ike_keys *out)
{
	struct ike_sa *sa = x->sa;
	struct ike_setup *s = sa->setup;
	slice ss = secret_slice(&s->ke.ss), mine = slice_of(s->nonce, IKE_NONCE_LEN);
	slice theirs = slice_of(s->peer_nonce, s->peer_nonce_len);
	struct keymat_ike_in in = {
		.suite = &sa->suite,
		.algs = &sa->algs,
		.ni = sa->initiator ? mine : theirs,
		.nr = sa->initiator ? theirs : mine,
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.ss = &ss,
		.n_ss = 1,
	};
	err_t err = keymat_ike_next(&in, sa->algs.prf, ike_key(&sa->keys, IKE_SK_D), out);

	ike_ke_fini(&s->ke);
	if (err)
		return ike_close(x, err, "keys of the IKE SA cannot be made: %s", err_text(err));
	keylog_ike(x->e, sa, out);
	count_inc(&c_done);
	if (++s->ke_at == s->n_kes)
		sa->facts |= FACT_KE_DONE;
	else
		x->more = true;
	return V_DONE;
}

static void keys_set(struct ike_sa *sa, struct ike_keys *keys)
{
	ike_keys_fini(&sa->keys);
	ike_keys_move(&sa->keys, keys);
	sa->iv_counter = 0;
}

void more_keys_due(struct ike_sa *sa)
{
	if (sa->setup && sa->setup->next_keys.all.n)
		keys_set(sa, &sa->setup->next_keys);
}

/* ---- task ------------------------------------------------------------------------------------------------------------ */

static uint16_t method(const struct ike_sa *sa)
{
	return sa->setup->kes[sa->setup->ke_at];
}

static enum verdict closing(enum verdict v)
{
	return v == V_REJECT ? V_CLOSE : v;
}

static enum verdict more_check(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	char want[32], got[32];

	if (x->dir == XCH_TX_REQUEST)
		return closing(ke_offer(x, &sa->setup->ke, method(sa)));
	if (!x->in->ke)
		return closing(ike_refused(x, wire_error(x->in)));
	if (x->in->ke->method != method(sa))
		return ike_close(x, E_SYNTAX, "the next key exchange is %s, the peer sent one of %s",
			suite_alg_name(SUITE_KE, method(sa), want), suite_alg_name(SUITE_KE, x->in->ke->method, got));
	return x->dir == XCH_RX_REQUEST ? closing(ke_answer(x, &sa->setup->ke, method(sa), x->in->ke->data)) : V_DONE;
}

static enum verdict more_apply(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_setup *s = sa->setup;
	struct ike_keys keys = { 0 };
	enum verdict v = x->dir == XCH_RX_RESPONSE ? closing(ke_finish(x, &s->ke, x->in->ke->data)) : V_DONE;

	if (v != V_DONE)
		return v;
	err_t err = seen_theirs(x);
	if (err)
		return ike_close(x, err, "IKE_INTERMEDIATE cannot be authenticated: %s", err_text(err));
	if (x->dir == XCH_RX_REQUEST) {
		/* The answer is still sealed with the old keys. */
		s->ke_id = s->ke.id;
		s->ke_pub = arena_slice(&x->arena, slice_of(s->ke.pub, s->ke.pub_len));
		return next_keys(x, &s->next_keys);
	}
	count_mid(sa, x->mid);
	v = next_keys(x, &keys);
	if (v == V_DONE)
		keys_set(sa, &keys);
	return v;
}

static enum verdict more_emit(struct ike_xch *x, struct ike_out *out)
{
	struct ike_setup *s = x->sa->setup;

	if (x->dir == XCH_TX_REQUEST) {
		wire_put_ke(out, s->ke.id, slice_of(s->ke.pub, s->ke.pub_len));
		return V_DONE;
	}
	wire_put_ke(out, s->ke_id, s->ke_pub);
	s->ke_pub = SLICE_NONE;
	return V_DONE;
}

static void more_done(struct ike_xch *x)
{
	if (x->dir == XCH_RX_REQUEST)
		count_mid(x->sa, x->mid);
}

const struct task_ops task_more = {
	.name = "additional-ke",
	.order = 10,
	.check = more_check,
	.apply = more_apply,
	.emit = more_emit,
	.done = more_done,
};
