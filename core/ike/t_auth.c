/* SPDX-License-Identifier: Apache-2.0 */
/* AUTH by a shared secret: made before our message is written, verified before anything is applied. */
#include "ike/auth.h"
#include "ike/intermediate.h"

#include <alloca.h>

static COUNTER(c_ok, "ike.auth.right", "peers authenticated by shared secret");
static COUNTER(c_wrong, "ike.auth.wrong", "AUTH payloads that did not verify");

/* The octets of one side. `buf` keeps the ID body as long as *o is used. */
static err_t octets(const struct ike_sa *sa, bool of_initiator, uint8_t *buf, size_t cap, struct keymat_octets *o)
{
	const struct ike_setup *s = sa->setup;
	bool mine = of_initiator == sa->initiator;
	const struct ike_id *id = mine ? &sa->local_id : &sa->remote_id;
	slice first = mine ? slice_of(s->init_mine, s->init_mine_len) : slice_of(s->init_peer, s->init_peer_len);
	/* The nonce is that of the other side. */
	slice nonce = mine ? slice_of(s->peer_nonce, s->peer_nonce_len) : slice_of(s->nonce, IKE_NONCE_LEN);
	struct wr w = wr_of(buf, cap);

	wire_id_body(&w, id->type, ike_id_slice(id));
	if (w.err)
		return w.err;
	return keymat_octets(sa->algs.prf, first, nonce, ike_key(&sa->keys, of_initiator ? IKE_SK_PI : IKE_SK_PR), wr_done(&w),
		more_int_auth(sa), o);
}

static slice secret_of(struct ike_xch *x, uint8_t peer_type, slice peer)
{
	struct ike_sa *sa = x->sa;

	return x->e->env.psk(x->e->env.arg, sa->local_id.type, ike_id_slice(&sa->local_id), peer_type, peer);
}

static enum verdict no_secret(struct ike_xch *x, uint8_t peer_type, slice peer)
{
	char a[256], b[256];

	return ike_close(x, E_NO_SECRET, "no shared secret for '%s' and '%s'; add one to secrets with both as id",
		conf_id_text(x->sa->local_id.type, ike_id_slice(&x->sa->local_id), a, sizeof a), conf_id_text(peer_type, peer, b, sizeof b));
}

static enum verdict make(struct ike_xch *x, slice psk)
{
	struct ike_sa *sa = x->sa;
	struct ike_setup *s = sa->setup;
	struct keymat_octets o;
	size_t cap = sa->local_id.n + 8u;
	err_t err = octets(sa, sa->initiator, alloca(cap), cap, &o);

	if (!err)
		err = keymat_psk_auth(sa->algs.prf, psk, &o, s->auth);
	if (err)
		return ike_close(x, err, "the AUTH payload cannot be made: %s", err_text(err));
	s->auth_len = (uint8_t)sa->algs.prf->out_len;
	sa->facts |= FACT_AUTH_SENT;
	return V_DONE;
}

static enum verdict verify(struct ike_xch *x, const struct ike_id *peer, slice psk)
{
	struct ike_sa *sa = x->sa;
	const struct wire_auth *auth = x->in->auth;
	struct keymat_octets o;
	size_t cap = peer->n + 8u;
	char name[256], number[16];

	if (auth->method != AUTH_PSK)
		return ike_close(x, E_AUTH_FAILED, "the peer authenticates by %s, this connection wants a shared secret",
			wire_name_or(WIRE_AUTH, auth->method, number));
	struct ike_id keep = sa->remote_id;
	sa->remote_id = *peer;
	err_t err = octets(sa, !sa->initiator, alloca(cap), cap, &o);
	sa->remote_id = keep;
	if (!err)
		err = keymat_psk_verify(sa->algs.prf, psk, &o, auth->data);
	if (err == E_AUTH_FAILED) {
		count_inc(&c_wrong);
		return ike_close(x, err, "the peer '%s' has another shared secret; compare the secrets on both sides",
			conf_id_text(peer->type, ike_id_slice(peer), name, sizeof name));
	}
	if (err)
		return ike_close(x, err, "the peer's AUTH payload cannot be verified: %s", err_text(err));
	count_inc(&c_ok);
	SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "authentication of '%s' with pre-shared key successful",
		conf_id_text(peer->type, ike_id_slice(peer), name, sizeof name));
	return V_DONE;
}

static enum verdict auth_check(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	const struct conf_id *want = sa->conn->n_remote ? &sa->conn->remote[0].id : NULL;
	char name[256];

	if (x->dir == XCH_TX_REQUEST) {
		uint8_t type = want ? want->type : ID_ANY;
		slice peer = want ? slice_of(want->data, want->n) : SLICE_NONE;
		slice psk = secret_of(x, type, peer);
		if (!psk.p)
			return no_secret(x, type, peer);
		SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "authentication of '%s' (myself) with pre-shared key",
			conf_id_text(sa->local_id.type, ike_id_slice(&sa->local_id), name, sizeof name));
		return make(x, psk);
	}
	const struct wire_id *id = x->dir == XCH_RX_REQUEST ? x->in->id_i : x->in->id_r;
	struct ike_id peer = { (uint8_t *)id->data.p, (uint16_t)id->data.n, id->type };
	slice psk = secret_of(x, peer.type, ike_id_slice(&peer));
	if (!psk.p)
		return no_secret(x, peer.type, ike_id_slice(&peer));
	enum verdict v = verify(x, &peer, psk);
	if (v != V_DONE || x->dir == XCH_RX_RESPONSE)
		return v;
	return make(x, psk);
}

static enum verdict auth_apply(struct ike_xch *x)
{
	x->sa->facts |= FACT_PEER_AUTH_OK;
	return V_DONE;
}

static enum verdict auth_emit(struct ike_xch *x, struct ike_out *out)
{
	struct ike_setup *s = x->sa->setup;

	wire_put_auth(out, AUTH_PSK, slice_of(s->auth, s->auth_len));
	return V_DONE;
}

const struct task_ops task_auth = {
	.name = "authentication",
	.order = 20,
	.check = auth_check,
	.apply = auth_apply,
	.emit = auth_emit,
};
