/* SPDX-License-Identifier: Apache-2.0 */
/* AUTH by a shared secret (RFC 7296 section 2.15, method 2). */
#include "ike/ask.h"
#include "ike/auth.h"

#include <alloca.h>

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

enum verdict auth_psk_make(struct ike_xch *x, uint8_t peer_type, slice peer)
{
	struct ike_sa *sa = x->sa;
	slice psk = secret_of(x, peer_type, peer);
	size_t cap = sa->local_id.n + 8u, len = sa->algs.prf->out_len;
	uint8_t *auth = arena_get(&x->arena, len);
	struct keymat_octets o;

	if (!psk.p)
		return no_secret(x, peer_type, peer);
	err_t err = auth ? auth_octets(sa, sa->initiator, &sa->local_id, alloca(cap), cap, &o) : E_NOMEM;
	if (!err)
		err = keymat_psk_auth(sa->algs.prf, psk, &o, auth);
	if (err)
		return ike_close(x, err, "the AUTH payload cannot be made: %s", err_text(err));
	x->proof->method = AUTH_PSK;
	x->proof->auth = slice_of(auth, len);
	x->proof->n_certs = 0;
	x->proof->scheme = "pre-shared key";
	return V_DONE;
}

enum verdict auth_psk_verify(struct ike_xch *x, const struct ike_id *peer)
{
	struct ike_sa *sa = x->sa;
	slice psk = secret_of(x, peer->type, ike_id_slice(peer));
	size_t cap = peer->n + 8u;
	struct keymat_octets o;
	char name[256];

	if (!psk.p)
		return no_secret(x, peer->type, ike_id_slice(peer));
	err_t err = auth_octets(sa, !sa->initiator, peer, alloca(cap), cap, &o);
	if (!err)
		err = keymat_psk_verify(sa->algs.prf, psk, &o, x->in->auth->data);
	if (err == E_AUTH_FAILED)
		return ike_close(x, err, "the peer '%s' has another shared secret; compare the secrets on both sides",
			conf_id_text(peer->type, ike_id_slice(peer), name, sizeof name));
	if (err)
		return ike_close(x, err, "the peer's AUTH payload cannot be verified: %s", err_text(err));
	x->proof->scheme = "pre-shared key";
	return V_DONE;
}
