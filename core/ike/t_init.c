/* SPDX-License-Identifier: Apache-2.0 */
/* IKE_SA_INIT: algorithms, key exchange, nonces (RFC 7296 section 1.2), cookies (2.6), another KE method (1.3). */
#include "ike/init.h"
#include "ike/intermediate.h"
#include "ike/keylog.h"
#include "ike/msgio.h"

#define COOKIE_RETRIES 8
#define KE_RETRIES 4
/* An unprotected refusal is believed when no better answer comes within this time (RFC 7296 section 2.21.1). */
#define REFUSED_GRACE_MS 500

static COUNTER(c_cookie, "ike.init.cookies_received", "IKE_SA_INIT requests repeated with a cookie");
static COUNTER(c_ke, "ike.init.invalid_ke", "IKE_SA_INIT exchanges that needed another key exchange method");

static const struct suite_prop *const *props_of(const struct conf_conn *c)
{
	return (const struct suite_prop *const *)c->props;
}

bool suite_is_of(const struct suite *s, const struct suite_prop *const *v, size_t n)
{
	struct suite_tf tf[SUITE_TF_MAX];
	uint8_t n_tf = suite_transforms(s, tf);

	for (size_t i = 0; i < n; i++) {
		uint8_t have = 0;
		for (uint8_t j = 0; j < n_tf; j++)
			for (uint8_t k = 0; k < v[i]->n; k++)
				if (v[i]->tf[k].type == tf[j].type && v[i]->tf[k].id == tf[j].id && v[i]->tf[k].bits == tf[j].bits) {
					have++;
					break;
				}
		if (have == n_tf)
			return true;
	}
	return false;
}

/* ---- initiator ------------------------------------------------------------------------------------------------------- */

static enum verdict request_check(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_setup *s = sa->setup;
	char addr[NET_ADDR_TEXT];

	if (s->ke.pub)
		return V_DONE; /* repeated with a cookie: everything stays as it was */
	uint16_t ke = s->want_ke ? s->want_ke : suite_list_first_ke(props_of(sa->conn), sa->conn->n_props);
	if (!x->job)
		SA_LOG(x->e, sa, LOG_IKE, LOG_AUDIT, "initiating IKE_SA %s[%llu] to %s", sa->conn->name,
			(unsigned long long)sa->unique, net_addr_text(&sa->remote, false, addr));
	return ke_offer(x, &s->ke, ke);
}

static void emit_request(struct ike_xch *x, struct ike_out *out)
{
	struct ike_sa *sa = x->sa;
	struct ike_setup *s = sa->setup;

	if (s->cookie_len)
		wire_put_notify(out, N_COOKIE, slice_of(s->cookie, s->cookie_len));
	wire_put_sa_list(out, props_of(sa->conn), sa->conn->n_props, SLICE_NONE, 0);
	wire_put_ke(out, s->ke.id, slice_of(s->ke.pub, s->ke.pub_len));
	wire_put_nonce(out, slice_of(s->nonce, IKE_NONCE_LEN));
	if (more_proposed(sa->conn))
		wire_put_notify(out, N_INTERMEDIATE_EXCHANGE_SUPPORTED, SLICE_NONE);
}

static enum verdict again(struct ike_xch *x)
{
	x->sa->tx_mid = 0;
	return V_DONE;
}

static enum verdict got_cookie(struct ike_xch *x)
{
	struct ike_setup *s = x->sa->setup;
	slice c = wire_notify(x->in, N_COOKIE)->data;

	if (!c.n || c.n > IKE_COOKIE_MAX || s->cookie_retries >= COOKIE_RETRIES)
		return V_DROP;
	if (x->stage == XCH_CHECK)
		return V_DONE;
	s->cookie_retries++;
	memcpy(s->cookie, c.p, c.n);
	s->cookie_len = (uint8_t)c.n;
	count_inc(&c_cookie);
	SA_LOG(x->e, x->sa, LOG_IKE, LOG_DETAIL, "peer wants a cookie: repeating IKE_SA_INIT with it");
	return again(x);
}

static enum verdict got_invalid_ke(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_setup *s = sa->setup;
	slice d = wire_notify(x->in, N_INVALID_KE_PAYLOAD)->data;
	struct rd r = rd_of(d);
	uint16_t want = rd_u16(&r);
	char a[32], b[32];

	if (rd_close(&r) || want == s->ke.id || s->ke_retries >= KE_RETRIES)
		return V_DROP;
	if (x->doubtful)
		return V_DROP;
	if (!suite_list_has_ke(props_of(sa->conn), sa->conn->n_props, want)) {
		(void)ike_reject(x, E_INVALID_KE, "the peer wants key exchange %s, which this connection does not propose",
			suite_alg_name(SUITE_KE, want, a));
		window_doubt(x, REFUSED_GRACE_MS);
		return V_DROP;
	}
	if (x->stage == XCH_CHECK)
		return V_DONE;
	SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "peer didn't accept key exchange method %s, it requested %s",
		suite_alg_name(SUITE_KE, s->ke.id, a), suite_alg_name(SUITE_KE, want, b));
	count_inc(&c_ke);
	s->ke_retries++;
	s->want_ke = want;
	ike_ke_fini(&s->ke);
	return again(x);
}

static enum verdict got_refusal(struct ike_xch *x)
{
	const struct wire_notify *n = wire_error(x->in);

	if (x->stage == XCH_CHECK && !x->doubtful) {
		(void)ike_refused(x, n);
		window_doubt(x, REFUSED_GRACE_MS);
	}
	return V_DROP;
}

static enum verdict keys(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_setup *s = sa->setup;
	slice ss = secret_slice(&s->ke.ss), mine = slice_of(s->nonce, IKE_NONCE_LEN);
	slice theirs = slice_of(s->peer_nonce, s->peer_nonce_len);
	struct diag *why = NULL;
	char buf[300];
	err_t err = crypto_algs_of(x->e->env.crypto, &sa->suite, &sa->algs, &why);

	if (!err) {
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
		err = keymat_ike_first(&in, &sa->keys);
	}
	if (err) {
		(void)ike_close(x, err, "keys of the IKE SA cannot be made: %s", diag_text(why, err, buf, sizeof buf));
		diag_free(&why);
		return V_CLOSE;
	}
	ike_ke_fini(&s->ke);
	keylog_ike(x->e, sa, &sa->keys);
	sa->facts |= FACT_KE_FIRST;
	if (more_begin(sa))
		x->more = true;
	else
		sa->facts |= FACT_KE_DONE;
	return V_DONE;
}

static void peer_values(struct ike_xch *x)
{
	struct ike_setup *s = x->sa->setup;

	s->peer_nonce_len = (uint16_t)x->in->nonce->n;
	memcpy(s->peer_nonce, x->in->nonce->p, x->in->nonce->n);
}

static enum verdict keep_peer_init(struct ike_xch *x)
{
	struct ike_setup *s = x->sa->setup;

	s->init_peer = mem_dup(x->in_bytes);
	s->init_peer_len = (uint32_t)x->in_bytes.n;
	return s->init_peer ? V_DONE : ike_close(x, E_NOMEM, "no memory for the first message");
}

static enum verdict answer_check(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_setup *s = sa->setup;
	const struct ike_msg *m = x->in;
	struct diag *why = NULL;
	struct suite suite;
	char buf[300];

	if (wire_notify(m, N_COOKIE) && !m->sa)
		return got_cookie(x);
	if (wire_notify(m, N_INVALID_KE_PAYLOAD) && !m->sa)
		return got_invalid_ke(x);
	if (!m->sa || wire_error(m))
		return got_refusal(x);
	if (m->hdr.spi_r == 0)
		return V_DROP;
	if (x->job)
		return V_DONE;
	if (m->sa->n != 1) {
		(void)ike_close(x, E_NO_PROPOSAL, "the peer answered with %u proposals instead of one", m->sa->n);
		return V_CLOSE;
	}
	err_t err = suite_accept(props_of(sa->conn), sa->conn->n_props, m->sa->props[0], 0, &suite, &why);
	if (err) {
		(void)ike_close(x, err, "the peer chose algorithms that were not proposed: %s", diag_text(why, err, buf, sizeof buf));
		diag_free(&why);
		return V_CLOSE;
	}
	if (suite_extra_kes(&suite, NULL) && !wire_notify(m, N_INTERMEDIATE_EXCHANGE_SUPPORTED))
		return ike_close(x, E_NO_PROPOSAL, "the peer chose additional key exchanges, but does not support the exchanges "
			"they need (IKE_INTERMEDIATE)");
	if (m->ke->method != suite.ke || suite.ke != s->ke.id)
		return ike_close(x, E_SYNTAX, "the peer's KE payload is of method %u, the chosen suite has %u, ours was %u", m->ke->method,
			suite.ke, s->ke.id);
	return V_DONE;
}

static enum verdict answer_apply(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	const struct ike_msg *m = x->in;
	enum verdict v;

	if (!m->sa)
		return wire_notify(m, N_COOKIE) ? got_cookie(x) : got_invalid_ke(x);
	v = ke_finish(x, &sa->setup->ke, m->ke->data);
	if (v != V_DONE)
		return v == V_REJECT ? V_CLOSE : v;
	err_t err = suite_accept(props_of(sa->conn), sa->conn->n_props, m->sa->props[0], 0, &sa->suite, NULL);
	if (err)
		return ike_close(x, err, "the peer chose algorithms that were not proposed");
	sa->facts |= FACT_SUITE_OK;
	sa->spi_r = m->hdr.spi_r;
	if (wire_notify(m, N_CHILDLESS_IKEV2_SUPPORTED))
		sa->flags |= SA_CHILDLESS_OK;
	peer_values(x);
	v = keep_peer_init(x);
	return v == V_DONE ? keys(x) : v;
}

/* ---- responder ------------------------------------------------------------------------------------------------------- */

/* The first connection for these addresses that shares a suite with the peer; NULL and *why else. */
static struct conf_conn *choose(struct ike_xch *x, struct suite *suite, uint8_t *num, struct diag **why)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	const struct ike_msg *m = x->in;
	struct conf_conn *c;
	size_t cursor = 0, theirs;

	while ((c = e->env.conn_match(e->env.arg, &sa->local, &sa->remote, &cursor))) {
		diag_free(why);
		if (c->version != 1 && suite_select(props_of(c), c->n_props, (const struct suite_prop *const *)m->sa->props, m->sa->n, 0,
						    m->ke->method, suite, NULL, &theirs, why) == 0) {
			*num = m->sa->props[theirs]->num;
			return c;
		}
	}
	return NULL;
}

static enum verdict peer_check(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	struct diag *why = NULL;
	struct suite suite;
	char buf[400], a[32], b[32], addr[NET_ADDR_TEXT];
	uint8_t num, method[2];

	if (x->job)
		return ke_answer(x, &sa->setup->ke, sa->suite.ke, x->in->ke->data);
	SA_LOG(x->e, sa, LOG_IKE, LOG_AUDIT, "%s is initiating an IKE_SA", net_addr_text(&sa->remote, false, addr));
	struct conf_conn *c = choose(x, &suite, &num, &why);
	if (!c) {
		TEXT_ON_STACK(t, 700);
		for (uint16_t i = 0; i < x->in->sa->n; i++) {
			text_str(&t, i ? ", " : "");
			suite_prop_text(&t, x->in->sa->props[i]);
		}
		(void)ike_close(x, E_NO_PROPOSAL, "%s; received proposals: %s; add one of them to the connection's proposals",
			diag_text(why, E_NO_PROPOSAL, buf, sizeof buf), t.p);
		diag_free(&why);
		return V_CLOSE;
	}
	diag_free(&why);
	if (suite_extra_kes(&suite, NULL) && !wire_notify(x->in, N_INTERMEDIATE_EXCHANGE_SUPPORTED))
		return ike_close(x, E_NO_PROPOSAL, "the peer proposes additional key exchanges, but does not support the exchanges "
			"they need (IKE_INTERMEDIATE)");
	if (suite.ke != x->in->ke->method) {
		struct wr w = wr_of(method, sizeof method);
		wr_u16(&w, suite.ke);
		(void)ike_close(x, E_INVALID_KE, "key exchange method %s is not acceptable here, asking for %s",
			suite_alg_name(SUITE_KE, x->in->ke->method, a), suite_alg_name(SUITE_KE, suite.ke, b));
		ike_reject_data(x, slice_of(method, sizeof method));
		count_inc(&c_ke);
		return V_CLOSE;
	}
	/* The SA was made for this message alone: nothing of an established one changes. */
	sa->suite = suite;
	sa->setup->prop_num = num;
	if (c != sa->conn) {
		conf_conn_unref(&sa->conn);
		sa->conn = conf_conn_ref(c);
	}
	enum verdict v = ke_answer(x, &sa->setup->ke, suite.ke, x->in->ke->data);
	return v == V_REJECT ? V_CLOSE : v;
}

static enum verdict peer_apply(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_setup *s = sa->setup;

	if (crypto_random(x->e->env.crypto, s->nonce, IKE_NONCE_LEN))
		return ike_close(x, E_CRYPTO, "no random numbers for the nonce");
	sa->facts |= FACT_SUITE_OK;
	peer_values(x);
	s->ke_pub = arena_slice(&x->arena, slice_of(s->ke.pub, s->ke.pub_len));
	s->ke_id = s->ke.id;
	enum verdict v = keep_peer_init(x);
	return v == V_DONE ? keys(x) : v;
}

static void emit_answer(struct ike_xch *x, struct ike_out *out)
{
	struct ike_sa *sa = x->sa;
	struct ike_setup *s = sa->setup;

	wire_put_sa_suite(out, &sa->suite, s->prop_num, SLICE_NONE);
	wire_put_ke(out, s->ke_id, s->ke_pub);
	s->ke_pub = SLICE_NONE;
	wire_put_nonce(out, slice_of(s->nonce, IKE_NONCE_LEN));
	if (sa->setup->n_kes)
		wire_put_notify(out, N_INTERMEDIATE_EXCHANGE_SUPPORTED, SLICE_NONE);
	if (sa->conn->childless)
		wire_put_notify(out, N_CHILDLESS_IKEV2_SUPPORTED, SLICE_NONE);
}

/* ---- task -------------------------------------------------------------------------------------------------------------- */

static enum verdict init_check(struct ike_xch *x)
{
	if (x->dir == XCH_TX_REQUEST) {
		enum verdict v = request_check(x);
		return v == V_REJECT ? V_CLOSE : v;
	}
	return x->dir == XCH_RX_REQUEST ? peer_check(x) : answer_check(x);
}

static enum verdict init_apply(struct ike_xch *x)
{
	return x->dir == XCH_RX_REQUEST ? peer_apply(x) : answer_apply(x);
}

static enum verdict init_emit(struct ike_xch *x, struct ike_out *out)
{
	if (x->dir == XCH_TX_REQUEST)
		emit_request(x, out);
	else
		emit_answer(x, out);
	return V_DONE;
}

static void init_done(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;

	if (x->dir != XCH_TX_REQUEST && sa->facts & FACT_KE_FIRST && log_wants(x->e->env.log, LOG_IKE, LOG_CONTROL)) {
		TEXT_ON_STACK(t, 200);
		suite_text(&t, &sa->suite);
		SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "selected proposal: IKE:%s", t.p);
	}
}

const struct task_ops task_init = {
	.name = "init",
	.order = 10,
	.check = init_check,
	.apply = init_apply,
	.emit = init_emit,
	.done = init_done,
};
