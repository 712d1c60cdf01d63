/* SPDX-License-Identifier: Apache-2.0 */
/* FX_SIGN: key and certificates are chosen on the loop, the store signs on a crypto worker or answers later. */
#include "daemon/creds.h"

#include "base/count.h"
#include "base/rdwr.h"
#include "base/text.h"
#include "cred/hashurl.h"
#include "wire/proto.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SIG_MAX = 2048, SIGN_MS = 55000, HEAD_MAX = 128 };

static COUNTER(c_made, "cred.sign.made", "signatures made for peers");
static COUNTER(c_failed, "cred.sign.failed", "signatures that could not be made");
static COUNTER(c_late, "cred.sign.late", "signatures of a store that came too late");

struct creds_sign {
	struct work work;
	struct creds_sign *next;
	struct daemon *d;
	struct arena arena;
	struct ike_auth_ask *ask;
	const struct creds_store *store;
	struct cred_own own;
	uint64_t key, token, until_ms;
	slice spki;
	const struct cred_scheme *scheme;
	err_t err;
	uint8_t sig[SIG_MAX];
	size_t n_sig;
	char note[1200];
};

static void sign_free(struct creds_sign *s)
{
	cred_own_fini(s->d->creds->set, &s->own);
	if (s->ask)
		conf_conn_unref(&s->ask->conn);
	arena_fini(&s->arena);
	free(s);
}

/* The base of the addresses where certificates of this issuer are; NULL: they are nowhere. */
static const char *uri_base(const struct creds *c, const struct cert_info *info)
{
	for (size_t i = 0; i < c->n_authorities; i++) {
		const struct creds_authority *a = c->authorities[i];
		const struct cert_info *ca = c->ops->info(a->cert);
		bool ids = info->akid.n && ca->skid.n;
		if (a->base && slice_equal(ca->subject, info->issuer) && (!ids || slice_equal(info->akid, ca->skid)))
			return a->base;
	}
	return NULL;
}

/* The certificate itself, or its hash and URL for a peer that takes them. */
static struct ike_cert cert_to_send(struct creds_sign *s, const struct cert *cert)
{
	struct creds *c = s->d->creds;
	const struct cert_info *info = c->ops->info(cert);
	const struct hash_ops *h = crypto_hash(&s->d->crypto, PLUG_HASH_SHA1);
	bool may = s->ask->http && s->d->conf.hash_and_url && s->ask->conn->hash_and_url;
	const char *base = may ? uri_base(c, info) : NULL;
	uint8_t sha1[CRED_HASH_LEN];
	size_t n = base ? strlen(base) + 3 * CRED_HASH_LEN : 0;
	uint8_t *out = base && h && h->digest(&info->der, 1, sha1) == 0 ? arena_get(&s->arena, n) : NULL;

	if (!out || cred_url_make(sha1, base, out, &n))
		return (struct ike_cert){ CERT_X509_SIGNATURE, info->der };
	return (struct ike_cert){ CERT_URL_X509, slice_of(out, n) };
}

/* The answer about our certificate that goes along to a peer that asks for one (RFC 4806). */
static slice ocsp_to_send(struct creds_sign *s)
{
	struct creds *c = s->d->creds;
	const struct cert_info *info = c->ops->info(s->own.cert), *up;
	struct cert *issuer = s->own.n_chain ? s->own.chain[0] : NULL;
	const struct cred_item *it;

	if (!s->ask->ocsp || !(s->ask->conn->ocsp & CONF_OCSP_REPLY))
		return SLICE_NONE;
	for (size_t i = 0; !issuer && (it = cred_set_cert(c->set, i)); i++) {
		up = it->info;
		if (up->is_ca && slice_equal(up->subject, info->issuer) && (!info->akid.n || !up->skid.n || slice_equal(info->akid, up->skid)))
			issuer = it->cert;
	}
	return issuer ? trusts_own_ocsp(c->trusts, s->own.cert, issuer) : SLICE_NONE;
}

/* The certificates that go with the signature: our own first, then those between it and a trust anchor. */
static uint16_t certs_of(struct creds_sign *s, struct ike_cert out[CRED_CHAIN_MAX + 2])
{
	const struct conf_conn *conn = s->ask->conn;
	uint16_t n = 0;

	if (!conn->send_cert || (conn->send_cert == 1 && !s->ask->asked && s->own.cert))
		return 0;
	if (!s->own.cert) {
		out[n++] = (struct ike_cert){ CERT_RAW_PUBLIC_KEY, s->spki };
		return n;
	}
	out[n++] = cert_to_send(s, s->own.cert);
	for (size_t i = 0; i < s->own.n_chain; i++)
		out[n++] = cert_to_send(s, s->own.chain[i]);
	slice ocsp = ocsp_to_send(s);
	if (ocsp.n)
		out[n++] = (struct ike_cert){ CERT_OCSP, ocsp };
	return n;
}

static void finish(struct creds_sign *s, err_t e, const char *why)
{
	struct ike_cert certs[CRED_CHAIN_MAX + 2];
	uint8_t data[SIG_MAX + HEAD_MAX];
	struct wr w = wr_of(data, sizeof data);
	char text[400] = "";

	if (!e) {
		if (s->scheme->method == AUTH_DIGITAL_SIGNATURE) {
			wr_u8(&w, (uint8_t)s->scheme->alg_id.n);
			wr_bytes(&w, s->scheme->alg_id);
		}
		wr_bytes(&w, slice_of(s->sig, s->n_sig));
		e = w.err;
	}
	count_inc(e ? &c_failed : &c_made);
	if (e)
		snprintf(text, sizeof text, "the private key in %s does not sign with %s: %s", s->store->plugin, s->scheme->name,
			why ? why : err_text(e));
	struct ike_signed done = { .method = s->scheme->method, .auth = wr_done(&w), .certs = certs, .n_certs = certs_of(s, certs),
		.scheme = s->scheme->name, .note = s->note[0] ? s->note : NULL };
	for (uint16_t i = 0; !e && i < done.n_certs && s->own.cert && i <= s->own.n_chain; i++) {
		char dn[256];
		const struct cert_info *info = s->d->creds->ops->info(i ? s->own.chain[i - 1] : s->own.cert);
		LOGF(s->d->log, LOG_IKE, LOG_DETAIL, NULL, "sending %s cert \"%s\"%s", i ? "issuer" : "end entity",
			s->d->creds->ops->dn_text(info->subject, dn, sizeof dn), certs[i].enc == CERT_URL_X509 ? " as hash and URL" : "");
	}
	if (!e && done.n_certs && certs[done.n_certs - 1].enc == CERT_OCSP)
		LOGF(s->d->log, LOG_IKE, LOG_DETAIL, NULL, "sending an OCSP answer about our certificate");
	drive_sign_done(s->d, s->ask->token, e, e ? text : NULL, &done);
	sign_free(s);
}

static err_t do_sign(struct creds_sign *s)
{
	struct cred_sign what = { .key = s->key, .sign_id = s->scheme->sign_id, .how = s->scheme->how, .octets = s->ask->octets };

	s->n_sig = sizeof s->sig;
	return s->store->ops->sign ? s->store->ops->sign(s->store->self, &what, s->sig, &s->n_sig, s->token) : E_NOT_SUPPORTED;
}

static void work_run(struct work *w)
{
	struct creds_sign *s = (struct creds_sign *)w;

	s->err = do_sign(s);
}

static void work_done(struct work *w, bool ran)
{
	struct creds_sign *s = (struct creds_sign *)w;

	finish(s, ran ? s->err : E_SHUTDOWN, NULL);
}

static bool key_can(void *arg, const struct cred_key *k, const struct cred_scheme *s)
{
	const struct creds_store *st = creds_store_at(arg, k->source);

	return st && (!st->ops->can || st->ops->can(st->self, k->key, s->sign_id, &s->how) == 0);
}

static void start(struct creds *c, struct creds_sign *s)
{
	if (s->store->ops->flags & CRED_SYNC_WORKER) {
		s->work = (struct work){ .run = work_run, .done = work_done };
		if (workers_put(c->d->workers, &s->work) == 0)
			return;
		finish(s, E_FULL, "the crypto workers have too much to do");
		return;
	}
	if (c->n_signs >= CREDS_PENDING_MAX) {
		finish(s, E_FULL, "too many signatures wait for this store");
		return;
	}
	s->token = c->next_token++;
	s->until_ms = loop_now_ms() + SIGN_MS;
	s->next = c->signs;
	c->signs = s;
	c->n_signs++;
	err_t e = do_sign(s);
	if (e != E_AGAIN)
		creds_cred_done(c->d, s->token, e, slice_of(s->sig, s->n_sig), NULL);
}

/* A CA the peer asks for: by name when it is known here, else by the hash of its key. */
static void put_ca(const struct creds_sign *s, struct text *t, const uint8_t *hash)
{
	const struct cert_ops *ops = s->d->creds->ops;
	const struct cred_item *c;
	char dn[256];

	text_hex(t, slice_of(hash, CRED_KEYID_LEN));
	for (size_t i = 0; (c = cred_set_cert(s->d->creds->set, i)); i++)
		if (c->info->is_ca && memcmp(c->info->key_sha1, hash, CRED_KEYID_LEN) == 0) {
			text_fmt(t, " (\"%s\")", ops->dn_text(c->info->subject, dn, sizeof dn));
			return;
		}
}

static void put_anchors(const struct creds_sign *s, struct text *t)
{
	enum { NAMED = 4 };
	const struct cert_ops *ops = s->d->creds->ops;
	const struct cred_item *c;
	size_t n = 0;
	char dn[96];

	for (size_t i = 0; (c = cred_set_cert(s->d->creds->set, i)); i++)
		if (c->flags & CRED_CERT_CA && n++ < NAMED)
			text_fmt(t, "%s\"%s\"", n == 1 ? "; trust anchors here: " : ", ", ops->dn_text(c->info->subject, dn, sizeof dn));
	if (n > NAMED)
		text_fmt(t, " and %zu more", n - NAMED);
}

/* What the peer may well not take: it does not ask for our CA, or the time of our certificate is not now. Empty: nothing. */
static void own_note(struct creds_sign *s)
{
	enum { CAS_NAMED = 8 };
	const struct cert_ops *ops = s->d->creds->ops;
	const struct cert_info *info = ops->info(s->own.cert);
	int64_t now = (int64_t)time(NULL);
	err_t e = now > info->not_after ? E_CERT_EXPIRED : now < info->not_before ? E_CERT_NOT_YET : 0;
	struct text t = text_of(s->note, sizeof s->note);
	char dn[256], clock[160];

	if (e) {
		text_fmt(&t, "our certificate \"%s\" %s%s; %s", ops->dn_text(info->subject, dn, sizeof dn), e == E_CERT_EXPIRED ? "has expired" :
			"is not valid yet", creds_clock_text(e, clock, sizeof clock), cert_remedy(e));
	} else if (!s->own.below) {
		text_str(&t, "the peer asks for certificates of CAs it names by their keys ");
		for (size_t i = 0; i + CRED_KEYID_LEN <= s->ask->cas.n && i < CAS_NAMED * CRED_KEYID_LEN; i += CRED_KEYID_LEN) {
			text_str(&t, i ? ", " : "");
			put_ca(s, &t, s->ask->cas.p + i);
		}
		if (s->ask->cas.n > CAS_NAMED * CRED_KEYID_LEN)
			text_fmt(&t, " and %zu more", s->ask->cas.n / CRED_KEYID_LEN - CAS_NAMED);
		text_fmt(&t, ", ours is under \"%s\"", ops->dn_text(info->issuer, dn, sizeof dn));
		put_anchors(s, &t);
		text_str(&t, "; load a certificate of one of them here, or our CA there");
	}
	const struct log_ctx ctx = { .code = e, .peer = &s->ask->remote };
	if (s->note[0])
		LOGF(s->d->log, LOG_PKI, LOG_CONTROL, &ctx, "%s", s->note);
}

void creds_sign(struct daemon *d, const struct ike_auth_ask *ask)
{
	struct creds *c = d->creds;
	struct creds_sign *s = calloc(1, sizeof *s);
	struct cert_why why = { "no memory for a signature" };
	err_t e = E_NOMEM;

	if (!c || !c->ops) {
		free(s);
		drive_sign_done(d, ask->token, E_NOT_SUPPORTED, "nothing that is loaded reads certificates (plugin x509)", NULL);
		return;
	}
	if (s) {
		s->d = d;
		arena_init(&s->arena, 1 << 18);
		s->ask = creds_ask_keep(&s->arena, ask);
	}
	if (s && s->ask) {
		struct cred_own_ask q = { .round = &ask->conn->local[ask->round], .id = { ask->my_type, ask->my_id }, .cas = ask->cas,
			.hashes = ask->hashes, .now_s = (int64_t)time(NULL), .can = key_can, .arg = c };
		e = cred_own_find(c->set, &q, &s->own, &why);
	}
	if (e) {
		count_inc(&c_failed);
		drive_sign_done(d, ask->token, e, why.text, NULL);
		if (s)
			sign_free(s);
		return;
	}
	if (s->own.cert)
		own_note(s);
	s->store = creds_store_at(c, s->own.key->source);
	s->key = s->own.key->key;
	/* The set may change before the signature is there. */
	s->spki = arena_slice(&s->arena, s->own.key->spki);
	s->own.key = NULL;
	s->scheme = s->own.scheme;
	start(c, s);
}

void creds_cred_done(void *arg, uint64_t token, err_t res, slice sig, const char *why)
{
	struct daemon *d = arg;
	struct creds_sign **at = d->creds ? &d->creds->signs : NULL, *s;

	while (at && *at && (*at)->token != token)
		at = &(*at)->next;
	if (!at || !*at) {
		count_inc(&c_late);
		return;
	}
	s = *at;
	*at = s->next;
	d->creds->n_signs--;
	if (!res && sig.n > sizeof s->sig)
		res = E_SPACE;
	if (!res && sig.p != s->sig)
		memcpy(s->sig, sig.p, sig.n);
	s->n_sig = sig.n;
	finish(s, res, why);
}

void creds_sign_second(struct creds *c)
{
	uint64_t now = loop_now_ms();

	for (struct creds_sign **at = &c->signs, *s; (s = *at);) {
		if (s->until_ms > now) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		c->n_signs--;
		if (s->store->ops->cancel)
			s->store->ops->cancel(s->store->self, s->token);
		finish(s, E_TIMEOUT, "it did not answer in time");
	}
}

void creds_sign_stop(struct creds *c)
{
	while (c->signs) {
		struct creds_sign *s = c->signs;
		c->signs = s->next;
		sign_free(s);
	}
}
