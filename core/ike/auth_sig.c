/* SPDX-License-Identifier: Apache-2.0 */
/* AUTH by a signature: the host signs and judges (ike/ask.h), here is what it is asked. */
#include "ike/ask.h"
#include "ike/auth.h"
#include "ike/ppk.h"

#include <alloca.h>

/* Certificates of one peer that are looked at: a chain is short, and each costs a parse. */
enum { CERTS_MAX = 32 };

enum verdict auth_sig_make(struct ike_xch *x, uint8_t peer_type, slice peer)
{
	struct ike_sa *sa = x->sa;
	struct ike_setup *s = sa->setup;
	size_t cap = sa->local_id.n + 8u;
	struct keymat_octets o;
	struct ike_auth_ask ask = {
		.my_type = sa->local_id.type, .my_id = ike_id_slice(&sa->local_id), .peer_type = peer_type, .peer_id = peer,
		.asked = s->peer_asked, .http = s->peer_http, .ocsp = s->peer_ocsp, .cas = slice_of(s->peer_cas, s->peer_cas_len),
	};

	err_t err = auth_octets(sa, sa->initiator, &sa->local_id, alloca(cap), cap, &o);
	return err ? ike_close(x, err, "the AUTH payload cannot be made: %s", err_text(err)) :
		ike_ask(x, FX_SIGN, &ask, o.v, ARRAY_LEN(o.v));
}

enum verdict auth_sig_verify(struct ike_xch *x, const struct ike_id *peer)
{
	struct ike_sa *sa = x->sa;
	const struct ike_msg *m = x->in;
	struct ike_cert certs[CERTS_MAX];
	size_t cap = peer->n + 8u;
	struct keymat_octets o;
	struct ike_auth_ask ask = {
		.my_type = sa->local_id.type, .my_id = ike_id_slice(&sa->local_id), .peer_type = peer->type,
		.peer_id = ike_id_slice(peer), .method = m->auth->method, .auth = ppk_auth_of(x), .certs = certs,
	};

	if (m->n_certs > CERTS_MAX)
		return ike_close(x, E_TOO_MANY, "the peer sent %u certificates, at most %d are looked at", m->n_certs, CERTS_MAX);
	for (uint16_t i = 0; i < m->n_certs; i++)
		certs[ask.n_certs++] = (struct ike_cert){ m->certs[i].enc, m->certs[i].data };
	err_t err = auth_octets(sa, !sa->initiator, peer, alloca(cap), cap, &o);
	return err ? ike_close(x, err, "the peer's AUTH payload cannot be verified: %s", err_text(err)) :
		ike_ask(x, FX_TRUST, &ask, o.v, ARRAY_LEN(o.v));
}
