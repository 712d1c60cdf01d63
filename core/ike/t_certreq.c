/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both sides tell each other about signatures before IKE_AUTH: hash algorithms (RFC 7427 section 4), requests for
 * certificates (RFC 7296 section 3.7), hash and URL (section 3.6). Read wherever it may come, written in IKE_SA_INIT;
 * what goes into IKE_AUTH is written by t_auth.c.
 */
#include "ike/auth.h"
#include "ike/init.h"

#include <stdlib.h>

enum {
	CA_LEN = 20,
	CAS_MAX = 256,   /* of the peer that are remembered */
	CAS_SENT = 48,   /* in the answer to IKE_SA_INIT, which cannot be fragmented */
	CONNS_MAX = 64,  /* candidates that are asked whether they want certificates */
	HASHES = 16
};

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static void read_hashes(struct ike_xch *x)
{
	const struct wire_notify *n = wire_notify(x->in, N_SIGNATURE_HASH_ALGORITHMS);
	struct rd r = rd_of(n ? n->data : SLICE_NONE);
	uint32_t hashes = 0;

	while (rd_left(&r) >= 2) {
		uint16_t h = rd_u16(&r);
		if (h < 32)
			hashes |= 1u << h;
	}
	x->sa->setup->peer_hashes = hashes & x->e->env.sig_hashes;
}

static void read_requests(struct ike_xch *x)
{
	struct ike_setup *s = x->sa->setup;
	const struct ike_msg *m = x->in;
	size_t n = 0;

	s->peer_http = s->peer_http || wire_notify(m, N_HTTP_CERT_LOOKUP_SUPPORTED);
	for (uint16_t i = 0; i < m->n_certreqs; i++)
		if (m->certreqs[i].enc == CERT_OCSP) {
			s->peer_ocsp = true;
		} else if (m->certreqs[i].enc == CERT_X509_SIGNATURE) {
			s->peer_asked = true;
			n += m->certreqs[i].data.n / CA_LEN;
		}
	if (n > CAS_MAX)
		n = CAS_MAX;
	if (!n || s->peer_cas || !(s->peer_cas = malloc(n * CA_LEN)))
		return;
	for (uint16_t i = 0; i < m->n_certreqs; i++) {
		slice d = m->certreqs[i].data;
		size_t room = n * CA_LEN - s->peer_cas_len, len = d.n - d.n % CA_LEN;
		if (m->certreqs[i].enc != CERT_X509_SIGNATURE || !len)
			continue;
		len = len < room ? len : room;
		memcpy(s->peer_cas + s->peer_cas_len, d.p, len);
		s->peer_cas_len += (uint32_t)len;
	}
}

static enum verdict certreq_check(struct ike_xch *x)
{
	if (x->dir == XCH_TX_REQUEST || !x->sa->setup || !x->in)
		return V_DONE;
	if (x->exchange == XCHG_IKE_SA_INIT)
		read_hashes(x);
	read_requests(x);
	return V_DONE;
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

static void put_hashes(const struct ike_env *env, struct ike_out *out)
{
	uint8_t buf[2 * HASHES];
	struct wr w = wr_of(buf, sizeof buf);

	for (uint16_t h = 1; h < HASHES; h++)
		if (env->sig_hashes & 1u << h)
			wr_u16(&w, h);
	wire_put_notify(out, N_SIGNATURE_HASH_ALGORITHMS, wr_done(&w));
}

static bool signs(const struct conf_conn *c)
{
	for (uint16_t i = 0; i < c->n_local; i++)
		if (c->local[i].cls == CONF_AUTH_PUBKEY)
			return true;
	return auth_wants_certs(c);
}

/* The peer's identity is not known yet: does any connection for these addresses want certificates, and an OCSP answer? */
static bool some_ask(struct ike_xch *x, bool *ocsp)
{
	bool any = false;
	struct ike_env *env = &x->e->env;
	struct conf_conn *c;
	size_t cursor = 0;

	for (int i = 0; i < CONNS_MAX && (c = env->conn_match(env->arg, &x->sa->local, &x->sa->remote, &cursor)); i++)
		if (c->send_certreq && auth_wants_certs(c)) {
			any = true;
			*ocsp |= (c->ocsp & CONF_OCSP_REQUEST) != 0;
		}
	return any;
}

static enum verdict certreq_emit(struct ike_xch *x, struct ike_out *out)
{
	struct ike_env *env = &x->e->env;
	bool http = false, ocsp = false;

	if (x->exchange != XCHG_IKE_SA_INIT)
		return V_DONE;
	if (x->dir == XCH_TX_REQUEST) {
		if (env->sig_hashes && signs(x->sa->conn))
			put_hashes(env, out);
		return V_DONE;
	}
	if (x->sa->setup->peer_hashes)
		put_hashes(env, out);
	if (env->ca_hashes && some_ask(x, &ocsp)) {
		slice cas = env->ca_hashes(env->arg, NULL, &http);
		cas.n = cas.n < CAS_SENT * CA_LEN ? cas.n : CAS_SENT * CA_LEN;
		wire_put_cert(out, PLD_CERTREQ, CERT_X509_SIGNATURE, cas);
		/* Any responder will do: none is named. */
		if (ocsp)
			wire_put_cert(out, PLD_CERTREQ, CERT_OCSP, SLICE_NONE);
		if (http)
			wire_put_notify(out, N_HTTP_CERT_LOOKUP_SUPPORTED, SLICE_NONE);
	}
	return V_DONE;
}

const struct task_ops task_certreq = {
	.name = "certificate requests",
	.order = 15,
	.check = certreq_check,
	.emit = certreq_emit,
};
