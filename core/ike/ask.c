/* SPDX-License-Identifier: Apache-2.0 */
#include "ike/ask.h"
#include "ike/wait.h"

static COUNTER(c_late, "ike.auth.late", "answers about credentials whose exchange was gone");

struct ike_proof *ike_proof_of(struct ike_xch *x)
{
	if (!x->proof)
		x->proof = arena_get(&x->arena, sizeof *x->proof);
	return x->proof;
}

void ike_proof_drop(struct ike_xch *x)
{
	struct ike_engine *e = x->e;

	if (x->proof && x->proof->peer && e->env.peer_free)
		e->env.peer_free(e->env.arg, x->proof->peer);
	for (uint8_t i = 0; x->proof && i < x->proof->n_tried; i++)
		conf_conn_unref(&x->proof->tried[i].conn);
	x->proof = NULL;
}

static bool ask_copy(struct arena *a, struct ike_auth_ask *q, const slice *octets, size_t n)
{
	size_t len = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		len += octets[i].n;
	uint8_t *all = arena_get(a, len ? len : 1);
	if (!all)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (octets[i].n)
			memcpy(all + at, octets[i].p, octets[i].n);
		at += octets[i].n;
	}
	q->octets = slice_of(all, len);
	q->my_id = arena_slice(a, q->my_id);
	q->peer_id = arena_slice(a, q->peer_id);
	q->cas = arena_slice(a, q->cas);
	q->auth = arena_slice(a, q->auth);
	struct ike_cert *v = q->n_certs ? arena_dup(a, q->certs, q->n_certs * sizeof *v) : NULL;
	for (uint16_t i = 0; v && i < q->n_certs; i++) {
		v[i].data = arena_slice(a, v[i].data);
		if (!v[i].data.p)
			return false;
	}
	q->certs = v;
	return !q->n_certs || v;
}

enum verdict ike_ask(struct ike_xch *x, uint8_t fx_type, struct ike_auth_ask *ask, const slice *octets, size_t n)
{
	struct ike_engine *e = x->e;
	struct ike_proof *p = ike_proof_of(x);
	struct fx *f = NULL;

	if (!p)
		return ike_close(x, E_NOMEM, "no memory for the authentication");
	if (p->answered) {
		p->answered = false;
		return p->err ? ike_close(x, p->err, "%s", p->why ? p->why : err_text(p->err)) : V_DONE;
	}
	struct ike_auth_ask *q = arena_dup(&e->fx->arena, ask, sizeof *ask);
	if (q && ask_copy(&e->fx->arena, q, octets, n))
		q->token = ike_wait_new(x, false);
	if (q && q->token)
		f = fx_add(e, fx_type);
	if (!f) {
		if (q && q->token)
			(void)ike_wait_take(e, q->token);
		return ike_close(x, E_FULL, "too many authentications wait");
	}
	x->for_cred = true;
	q->conn = x->sa->conn;
	q->unique = x->sa->unique;
	q->remote = x->sa->remote;
	q->hashes = x->sa->setup->peer_hashes;
	f->ask = q;
	return V_WAIT;
}

void ike_ask_overdue(struct ike_xch *x)
{
	x->proof->answered = true;
	x->proof->err = E_TIMEOUT;
	x->proof->why = "the key store, or a server that was asked about a certificate, did not answer in time";
}

static struct ike_xch *answer_to(struct ike_engine *e, uint64_t token, err_t err, const char *why)
{
	struct ike_xch *x = ike_wait_take(e, token);

	if (!x || !x->for_cred) {
		count_inc(&c_late);
		return NULL;
	}
	x->proof->answered = true;
	x->proof->err = err;
	x->proof->why = why ? arena_str(&x->arena, slice_str(why)) : NULL;
	return x;
}

static bool certs_keep(struct ike_xch *x, const struct ike_signed *s)
{
	struct ike_proof *p = x->proof;
	struct ike_cert *v = s->n_certs ? arena_dup(&x->arena, s->certs, s->n_certs * sizeof *v) : NULL;

	if (s->n_certs && !v)
		return false;
	for (uint16_t i = 0; i < s->n_certs; i++) {
		v[i].data = arena_slice(&x->arena, v[i].data);
		if (!v[i].data.p)
			return false;
	}
	p->certs = v;
	p->n_certs = s->n_certs;
	p->method = s->method;
	p->auth = arena_slice(&x->arena, s->auth);
	p->scheme = s->scheme ? arena_str(&x->arena, slice_str(s->scheme)) : "a signature";
	p->note = s->note ? arena_str(&x->arena, slice_str(s->note)) : NULL;
	return p->auth.p && p->scheme;
}

void ike_sign_done(struct ike_engine *e, uint64_t now_ms, uint64_t token, err_t err, const char *why,
	const struct ike_signed *s, struct fx_list *out)
{
	ike_enter(e, now_ms, out);
	struct ike_xch *x = answer_to(e, token, err, why);
	if (!x)
		return;
	if (!err && !certs_keep(x, s)) {
		x->proof->err = E_NOMEM;
		x->proof->why = "the certificates to send are too many for one message";
	}
	ike_resume(x);
}

void ike_trust_done(struct ike_engine *e, uint64_t now_ms, uint64_t token, err_t err, const char *why,
	const struct ike_trusted *t, struct fx_list *out)
{
	ike_enter(e, now_ms, out);
	struct ike_xch *x = answer_to(e, token, err, why);
	if (!x) {
		if (t && t->peer && e->env.peer_free)
			e->env.peer_free(e->env.arg, t->peer);
		return;
	}
	if (t) {
		ike_proof_of(x)->peer = t->peer;
		x->proof->valid_until_s = t->valid_until_s;
		x->proof->scheme = t->scheme ? arena_str(&x->arena, slice_str(t->scheme)) : "a signature";
	}
	ike_resume(x);
}
