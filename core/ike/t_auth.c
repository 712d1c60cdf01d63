/* SPDX-License-Identifier: Apache-2.0 */
/* AUTH: made before our message is written, verified before anything is applied. How is auth_psk.c and auth_sig.c. */
#include "ike/ask.h"
#include "ike/auth.h"
#include "ike/intermediate.h"
#include "ike/ppk.h"

static COUNTER(c_ok, "ike.auth.right", "peers authenticated");
static COUNTER(c_wrong, "ike.auth.wrong", "AUTH payloads that did not verify");

static const struct {
	uint8_t cls;
	const char *name;
	enum verdict (*make)(struct ike_xch *x, uint8_t peer_type, slice peer);
	enum verdict (*verify)(struct ike_xch *x, const struct ike_id *peer);
} ways[] = {
	{ CONF_AUTH_PSK, "a shared secret", auth_psk_make, auth_psk_verify },
	{ CONF_AUTH_ANY, "a shared secret", auth_psk_make, auth_psk_verify },
	{ CONF_AUTH_PUBKEY, "a signature", auth_sig_make, auth_sig_verify },
};

bool auth_is_of(uint8_t method, uint8_t cls)
{
	switch (method) {
	case AUTH_PSK:
		return cls == CONF_AUTH_PSK || cls == CONF_AUTH_ANY;
	case AUTH_RSA:
	case AUTH_ECDSA_256:
	case AUTH_ECDSA_384:
	case AUTH_ECDSA_521:
	case AUTH_DIGITAL_SIGNATURE:
		return cls == CONF_AUTH_PUBKEY;
	default:
		return false;
	}
}

bool auth_wants_certs(const struct conf_conn *c)
{
	for (uint16_t i = 0; i < c->n_remote; i++)
		if (c->remote[i].cls == CONF_AUTH_PUBKEY)
			return true;
	return false;
}

err_t auth_octets(const struct ike_sa *sa, bool of_initiator, const struct ike_id *id, uint8_t *buf, size_t cap,
	struct keymat_octets *o)
{
	const struct ike_setup *s = sa->setup;
	bool mine = of_initiator == sa->initiator;
	slice first = mine ? slice_of(s->init_mine, s->init_mine_len) : slice_of(s->init_peer, s->init_peer_len);
	/* The nonce is that of the other side. */
	slice nonce = mine ? slice_of(s->peer_nonce, s->peer_nonce_len) : slice_of(s->nonce, IKE_NONCE_LEN);
	struct wr w = wr_of(buf, cap);

	wire_id_body(&w, id->type, ike_id_slice(id));
	if (w.err)
		return w.err;
	return keymat_octets(sa->algs.prf, first, nonce, ike_key(ppk_keys(sa), of_initiator ? IKE_SK_PI : IKE_SK_PR), wr_done(&w),
		more_int_auth(sa), o);
}

static uint8_t class_of(const struct conf_auth *rounds, uint16_t n)
{
	return n ? rounds[0].cls : CONF_AUTH_PSK;
}

static enum verdict make_one(struct ike_xch *x, uint8_t peer_type, slice peer)
{
	struct ike_sa *sa = x->sa;
	uint8_t cls = class_of(sa->conn->local, sa->conn->n_local);
	char name[256];

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		if (ways[i].cls != cls)
			continue;
		enum verdict v = ways[i].make(x, peer_type, peer);
		if (v == V_DONE) {
			sa->facts |= FACT_AUTH_SENT;
			SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "authentication of '%s' (myself) with %s",
				conf_id_text(sa->local_id.type, ike_id_slice(&sa->local_id), name, sizeof name), x->proof->scheme);
		}
		return v;
	}
	return ike_close(x, E_NOT_SUPPORTED, "nothing that is loaded can authenticate with '%s'", sa->conn->local[0].method);
}

/* A second one goes along when a responder without our PPK is taken, too: made with the keys from before. */
static enum verdict make(struct ike_xch *x, uint8_t peer_type, slice peer)
{
	struct ike_proof *p = x->proof;
	enum verdict v;

	if (!p->ours.auth.n) {
		v = make_one(x, peer_type, peer);
		if (v != V_DONE || !ppk_optional(x))
			return v;
		p->ours = (struct ike_our_auth){ p->method, p->auth, p->certs, p->n_certs, p->scheme, p->note };
	}
	x->sa->setup->ppk_aside = true;
	v = make_one(x, peer_type, peer);
	x->sa->setup->ppk_aside = false;
	if (v != V_DONE)
		return v;
	p->no_ppk = p->auth;
	p->method = p->ours.method;
	p->auth = p->ours.auth;
	p->certs = p->ours.certs;
	p->n_certs = p->ours.n_certs;
	p->scheme = p->ours.scheme;
	p->note = p->ours.note;
	return V_DONE;
}

static enum verdict verify_by_conn(struct ike_xch *x, const struct ike_id *peer)
{
	struct ike_sa *sa = x->sa;
	uint8_t cls = class_of(sa->conn->remote, sa->conn->n_remote);
	char number[16];
	size_t i = 0;

	while (i < ARRAY_LEN(ways) && ways[i].cls != cls)
		i++;
	if (i == ARRAY_LEN(ways))
		return ike_close(x, E_NOT_SUPPORTED, "nothing that is loaded can verify '%s'", sa->conn->remote[0].method);
	if (!auth_is_of(x->in->auth->method, cls))
		return ike_close(x, E_AUTH_FAILED, "the peer authenticates by %s, this connection wants %s; set remote { auth } or "
			"what the peer does", wire_name_or(WIRE_AUTH, x->in->auth->method, number), ways[i].name);
	enum verdict v = x->dir == XCH_RX_REQUEST && !x->proof->ppk_known ? ppk_named(x) : V_DONE;
	x->proof->ppk_known = true;
	return v == V_DONE ? ways[i].verify(x, peer) : v;
}

/* Might another connection see it otherwise? Not when the trouble is ours. */
static bool may_try_next(const struct ike_xch *x)
{
	enum err_class c = err_class(x->err);

	return x->dir == XCH_RX_REQUEST && (c == ERR_PEER || c == ERR_POLICY) && x->err != E_TIMEOUT;
}

/* Each connection that was tried, and why it was not it. */
static enum verdict say_tried(struct ike_xch *x, const struct ike_id *peer)
{
	const struct ike_proof *p = x->proof;
	char name[256];
	TEXT_ON_STACK(t, 900);

	if (p->n_tried < 2)
		return V_CLOSE;
	for (uint8_t i = 0; i < p->n_tried; i++)
		text_fmt(&t, "%s'%s': %s", i ? "; " : "", p->tried[i].conn->name, p->tried[i].why);
	return ike_close(x, p->tried[0].err, "%u connections fit the peer '%s' and none accepts it: %s", p->n_tried,
		conf_id_text(peer->type, ike_id_slice(peer), name, sizeof name), t.p);
}

static enum verdict verify(struct ike_xch *x, const struct ike_id *peer)
{
	struct ike_sa *sa = x->sa;
	enum verdict v;
	char name[256];

	while ((v = verify_by_conn(x, peer)) == V_CLOSE && may_try_next(x) && ident_next(x)) {
		x->proof->ppk_known = false;
		x->err = 0;
		x->notify = 0;
		x->why = NULL;
	}
	if (v == V_WAIT)
		return v;
	if (v != V_DONE) {
		count_inc(&c_wrong);
		if (x->err == E_AUTH_FAILED)
			ppk_doubt(x);
		return say_tried(x, peer);
	}
	x->proof->peer_right = true;
	count_inc(&c_ok);
	SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "authentication of '%s' with %s successful",
		conf_id_text(peer->type, ike_id_slice(peer), name, sizeof name), x->proof->scheme);
	return V_DONE;
}

static enum verdict auth_check(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	const struct conf_id *want = sa->conn->n_remote ? &sa->conn->remote[0].id : NULL;

	if (!ike_proof_of(x))
		return ike_close(x, E_NOMEM, "no memory for the authentication");
	enum verdict ppk = x->dir == XCH_TX_REQUEST ? ppk_choose(x) : x->dir == XCH_RX_RESPONSE ? ppk_answered(x) : V_DONE;
	if (ppk != V_DONE)
		return ppk;
	if (x->dir == XCH_TX_REQUEST)
		return make(x, want ? want->type : ID_ANY, want ? slice_of(want->data, want->n) : SLICE_NONE);
	const struct wire_id *id = x->dir == XCH_RX_REQUEST ? x->in->id_i : x->in->id_r;
	struct ike_id peer = { (uint8_t *)id->data.p, (uint16_t)id->data.n, id->type };
	if (!x->proof->peer_right) {
		enum verdict v = verify(x, &peer);
		if (v != V_DONE)
			return v;
	}
	return x->dir == XCH_RX_RESPONSE ? V_DONE : make(x, peer.type, ike_id_slice(&peer));
}

static enum verdict auth_apply(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;

	ppk_apply(x);
	sa->facts |= FACT_PEER_AUTH_OK;
	sa->valid_until_s = x->proof->valid_until_s;
	sa->peer = x->proof->peer;
	x->proof->peer = NULL;
	return V_DONE;
}

static enum verdict auth_emit(struct ike_xch *x, struct ike_out *out)
{
	struct ike_env *env = &x->e->env;
	struct ike_sa *sa = x->sa;
	const struct ike_proof *p = x->proof;
	bool http = false;

	for (uint16_t i = 0; i < p->n_certs; i++)
		wire_put_cert(out, PLD_CERT, p->certs[i].enc, p->certs[i].data);
	if (x->dir == XCH_TX_REQUEST && env->ca_hashes && sa->conn->send_certreq && auth_wants_certs(sa->conn)) {
		wire_put_cert(out, PLD_CERTREQ, CERT_X509_SIGNATURE, env->ca_hashes(env->arg, sa->conn, &http));
		if (sa->conn->ocsp & CONF_OCSP_REQUEST)
			wire_put_cert(out, PLD_CERTREQ, CERT_OCSP, SLICE_NONE);
		if (http)
			wire_put_notify(out, N_HTTP_CERT_LOOKUP_SUPPORTED, SLICE_NONE);
	}
	wire_put_auth(out, p->method, p->auth);
	ppk_emit(x, out, p->no_ppk);
	return V_DONE;
}

const struct task_ops task_auth = {
	.name = "authentication",
	.order = 20,
	.check = auth_check,
	.apply = auth_apply,
	.emit = auth_emit,
	.drop = ike_proof_drop,
};
