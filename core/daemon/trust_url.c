/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates that a peer sends as hash and URL (RFC 7296 section 3.6): fetched before its first verification, and kept by
 * their hash. Nobody has authenticated the peer yet, so everything is bounded: hosts, size, time, redirects, how many of one
 * peer and at once, and what is kept. What cannot be had is said with its URL.
 */
#include "cred/hashurl.h"
#include "daemon/trust_int.h"
#include "wire/proto.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	LOOKUPS_MAX = 64, PEER_MAX = 8,
	CERT_BYTES = 1 << 16, BUNDLE_BYTES = 1 << 18, FETCH_MS = 8000, REDIRECTS = 3,
	KEPT_MAX = 4096, KEPT_BYTES = 8 << 20,
	KEY_LEN = 1 + CRED_HASH_LEN
};

static COUNTER(c_fetched, "cred.url.fetched", "certificates and bundles of peers fetched by hash and URL");
static COUNTER(c_failed, "cred.url.failed", "certificates and bundles of peers that could not be had by hash and URL");
static COUNTER(c_kept, "cred.url.kept", "certificates and bundles of peers that were here by their hash already");
static COUNTER(c_full, "cred.url.full", "certificates of peers not looked up because too many were under way");

struct lookup {
	struct lookup *next;
	struct trusts *ts;
	uint8_t key[KEY_LEN];
	char url[];
};

struct kept_url {
	struct kept_url *next;
	uint8_t key[KEY_LEN];
	size_t n;
	uint8_t der[];
};

/* ---- what is kept -------------------------------------------------------------------------------------------------- */

static struct kept_url *kept(const struct trusts *ts, const uint8_t key[KEY_LEN])
{
	uint64_t v;

	return htab_find(ts->url_of, slice_of(key, KEY_LEN), &v) ? (struct kept_url *)(uintptr_t)v : NULL;
}

static void drop_oldest(struct trusts *ts)
{
	struct kept_url *k = ts->urls;

	ts->urls = k->next;
	if (!ts->urls)
		ts->urls_end = &ts->urls;
	htab_del(ts->url_of, slice_of(k->key, KEY_LEN));
	ts->n_urls--;
	ts->url_bytes -= k->n;
	free(k);
}

void trusts_flush_urls(struct trusts *ts)
{
	while (ts->urls)
		drop_oldest(ts);
}

static void keep(struct trusts *ts, const uint8_t key[KEY_LEN], slice der)
{
	struct kept_url *k = kept(ts, key) ? NULL : malloc(sizeof *k + der.n);

	if (!k)
		return;
	while (ts->urls && (ts->n_urls >= KEPT_MAX || ts->url_bytes + der.n > KEPT_BYTES))
		drop_oldest(ts);
	k->next = NULL;
	k->n = der.n;
	memcpy(k->key, key, KEY_LEN);
	memcpy(k->der, der.p, der.n);
	if (htab_add(ts->url_of, slice_of(k->key, KEY_LEN), (uintptr_t)k)) {
		free(k);
		return;
	}
	*ts->urls_end = k;
	ts->urls_end = &k->next;
	ts->n_urls++;
	ts->url_bytes += der.n;
}

/* ---- when all is here ------------------------------------------------------------------------------------------------ */

struct certs {
	struct ike_cert v[CRED_PEER_CERTS_MAX];
	uint16_t n;
};

static void add_cert(struct certs *c, uint8_t enc, slice data)
{
	if (c->n < CRED_PEER_CERTS_MAX)
		c->v[c->n++] = (struct ike_cert){ enc, data };
}

/* NULL: it was read to its end. */
static const char *take_bundle(struct trust *x, slice der, struct certs *c)
{
	struct rd r = cred_bundle_open(der);
	slice one;
	bool crl;

	while (cred_bundle_next(&r, &one, &crl))
		if (!crl)
			add_cert(c, CERT_X509_SIGNATURE, one);
		else if (x->n_crls < MINE_MAX && x->ts->c->ops->crl_parse(one, &x->crls[x->n_crls], NULL) == 0)
			x->n_crls++;
	return r.err ? "what is there is not a bundle of certificates" : NULL;
}

/* The payloads as if the certificates themselves had come. */
static void settle(struct trust *x)
{
	struct ike_auth_ask *q = x->ask;
	struct certs c = { .n = 0 };
	const struct log_ctx ctx = { .code = E_CERT_FETCH, .peer = &q->remote };
	bool leaf = false;
	char name[256], text[sizeof x->t.why];

	for (uint16_t i = 0; i < q->n_certs; i++) {
		struct part *p = &x->parts[i];
		if (!p->url) {
			add_cert(&c, q->certs[i].enc, q->certs[i].data);
			leaf |= q->certs[i].enc == CERT_X509_SIGNATURE;
			continue;
		}
		if (!p->why && q->certs[i].enc == CERT_URL_BUNDLE)
			p->why = take_bundle(x, p->der, &c);
		else if (!p->why)
			add_cert(&c, CERT_X509_SIGNATURE, p->der);
		leaf |= !p->why;
		if (!p->why)
			continue;
		/* Without an issuer there may be another path; without its own certificate a peer is nobody. */
		snprintf(x->fetch_why, sizeof x->fetch_why, "%.390s", p->why);
		if (!leaf) {
			snprintf(text, sizeof text, "the certificate that '%s' sent as hash and URL cannot be had: %.400s; make the address "
				"reachable from here, or let the peer send the certificate itself (hash_and_url = no)",
				conf_id_text(q->peer_type, q->peer_id, name, sizeof name), p->why);
			trust_finish(x, E_CERT_FETCH, text);
			return;
		}
		LOGF(x->ts->c->d->log, LOG_PKI, LOG_CONTROL, &ctx,
			"an issuer that the peer sent as hash and URL is left out: %s", p->why);
	}
	struct ike_cert *v = c.n ? arena_dup(&x->arena, c.v, c.n * sizeof *v) : NULL;
	q->certs = v;
	q->n_certs = v ? c.n : 0;
	trust_begin(x);
}

/* ---- looking up -------------------------------------------------------------------------------------------------------- */

static void PRINTF_LIKE(3, 4) fails(struct trust *x, struct part *p, const char *fmt, ...)
{
	char text[640];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	count_inc(&c_failed);
	p->why = arena_str(&x->arena, slice_str(text));
	if (!p->why)
		p->why = err_text(E_NOMEM);
}

static bool hash_is(const struct trusts *ts, slice der, const uint8_t key[KEY_LEN])
{
	const struct hash_ops *h = crypto_hash(&ts->c->d->crypto, PLUG_HASH_SHA1);
	uint8_t sha1[CRED_HASH_LEN];

	return h && h->digest(&der, 1, sha1) == 0 && memcmp(sha1, key + 1, CRED_HASH_LEN) == 0;
}

static void part_done(struct trust *x, struct part *p, slice der, const char *why)
{
	p->wait = NULL;
	x->n_parts_wait--;
	if (why)
		fails(x, p, "%s", why);
	else
		p->der = arena_slice(&x->arena, der);
	if (!p->why && !p->der.p)
		p->why = err_text(E_NOMEM);
}

static void lookup_done(void *arg, err_t res, slice body, const char *why)
{
	struct lookup *l = arg;
	struct trusts *ts = l->ts;
	struct lookup **at = &ts->lookups;
	struct trust *next;
	char text[400] = "";

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	ts->n_lookups--;
	if (res) {
		fetcher_text(text, sizeof text, l->url, why);
	} else if (!hash_is(ts, body, l->key)) {
		snprintf(text, sizeof text, "%.250s: what is there (%zu bytes) does not have the SHA-1 hash that was sent; it has to be the "
			"DER of that very %s", l->url, body.n, l->key[0] == CERT_URL_BUNDLE ? "bundle" : "certificate");
	} else {
		count_inc(&c_fetched);
		keep(ts, l->key, body);
		LOGF(ts->c->d->log, LOG_PKI, LOG_DETAIL, NULL, "fetched %s (%zu bytes) by its hash", l->url, body.n);
	}
	for (struct trust *x = ts->all; x; x = next) {
		next = x->next;
		bool waited = x->n_parts_wait > 0;
		for (uint16_t i = 0; waited && i < x->ask->n_certs; i++)
			if (x->parts[i].wait == l)
				part_done(x, &x->parts[i], body, text[0] ? text : NULL);
		if (waited && !x->n_parts_wait)
			settle(x);
	}
	free(l);
}

/* NULL: why is said. */
static struct lookup *lookup_start(struct trust *x, struct part *p, const uint8_t key[KEY_LEN], const char *url)
{
	struct trusts *ts = x->ts;
	const struct daemon *d = ts->c->d;
	char why[400] = "";
	size_t n = strlen(url) + 1;

	for (struct lookup *l = ts->lookups; l; l = l->next)
		if (memcmp(l->key, key, KEY_LEN) == 0 && strcmp(l->url, url) == 0)
			return l;
	if (!cred_url_host_is(url, d->settings->hash_and_url_hosts)) {
		fails(x, p, "%.300s: nothing is fetched from this host; add it to aditd { hash_and_url_hosts }", url);
		return NULL;
	}
	struct lookup *l = ts->n_lookups < LOOKUPS_MAX ? calloc(1, sizeof *l + n) : NULL;
	if (!l) {
		count_inc(&c_full);
		fails(x, p, "%.300s: too many certificates are being fetched; try again later", url);
		return NULL;
	}
	l->ts = ts;
	memcpy(l->key, key, KEY_LEN);
	memcpy(l->url, url, n);
	struct fetch_req req = { .url = url, .timeout_ms = FETCH_MS, .max_redirects = d->settings->hash_and_url_hosts ? 0 : REDIRECTS,
		.max_bytes = key[0] == CERT_URL_BUNDLE ? BUNDLE_BYTES : CERT_BYTES };
	err_t e = fetcher_get(ts->c->fetcher, &req, lookup_done, l, why, sizeof why);
	if (e != E_AGAIN) {
		char text[512];
		fetcher_text(text, sizeof text, url, why);
		fails(x, p, "%s", text);
		free(l);
		return NULL;
	}
	l->next = ts->lookups;
	ts->lookups = l;
	ts->n_lookups++;
	return l;
}

static void look_up(struct trust *x, const struct ike_cert *c, struct part *p, unsigned nth)
{
	const struct daemon *d = x->ts->c->d;
	char url[CRED_URL_MAX + 1];
	struct cert_why why = { "" };
	uint8_t key[KEY_LEN];
	slice sha1;

	p->url = true;
	if (!d->conf.hash_and_url || !x->ask->conn->hash_and_url) {
		fails(x, p, "it is not allowed here; set hash_and_url = yes in aditd { } and in the connection, when it should be");
		return;
	}
	if (cred_url_parse(c->data, &sha1, url, &why)) {
		fails(x, p, "%s", why.text);
		return;
	}
	if (nth >= PEER_MAX) {
		fails(x, p, "more than %d certificates of one peer are not fetched", PEER_MAX);
		return;
	}
	key[0] = c->enc;
	memcpy(key + 1, sha1.p, CRED_HASH_LEN);
	const struct kept_url *k = kept(x->ts, key);
	if (k) {
		count_inc(&c_kept);
		p->der = arena_slice(&x->arena, slice_of(k->der, k->n));
		p->why = p->der.p ? NULL : err_text(E_NOMEM);
		return;
	}
	p->wait = lookup_start(x, p, key, url);
	x->n_parts_wait += p->wait != NULL;
}

void trust_urls(struct trust *x)
{
	struct ike_auth_ask *q = x->ask;
	unsigned n = 0;

	for (uint16_t i = 0; i < q->n_certs; i++)
		n += q->certs[i].enc == CERT_URL_X509 || q->certs[i].enc == CERT_URL_BUNDLE;
	if (!n) {
		trust_begin(x);
		return;
	}
	x->parts = arena_get(&x->arena, q->n_certs * sizeof *x->parts);
	if (!x->parts) {
		trust_finish(x, E_NOMEM, err_text(E_NOMEM));
		return;
	}
	n = 0;
	for (uint16_t i = 0; i < q->n_certs; i++)
		if (q->certs[i].enc == CERT_URL_X509 || q->certs[i].enc == CERT_URL_BUNDLE)
			look_up(x, &q->certs[i], &x->parts[i], n++);
	if (!x->n_parts_wait)
		settle(x);
}

/* ---- life ---------------------------------------------------------------------------------------------------------------- */

err_t trust_urls_new(struct trusts *ts)
{
	uint8_t seed[16];
	err_t e = crypto_random(&ts->c->d->crypto, seed, sizeof seed);

	ts->urls_end = &ts->urls;
	ts->url_of = e ? NULL : htab_new(KEY_LEN, seed);
	return ts->url_of ? 0 : E_NOMEM;
}

void trust_urls_free(struct trusts *ts)
{
	while (ts->lookups) {
		struct lookup *l = ts->lookups;
		ts->lookups = l->next;
		fetcher_forget(ts->c->fetcher, l);
		free(l);
	}
	trusts_flush_urls(ts);
	htab_free(ts->url_of);
}
