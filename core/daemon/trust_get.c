/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verifications of peers fetch, and what is kept of it: CRLs, renewed before they end, OCSP answers by certificate.
 * Peers that want the same address wait for one request; a server that is gone is not asked again for a while.
 */
#include "daemon/trust_int.h"
#include "wire/proto.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	OCSP_KEPT_MAX = 4096,
	GETS_MAX = 512,            /* addresses that are known: under way, or to be renewed */
	CRL_BYTES = 32 << 20,      /* a million entries */
	OCSP_BYTES = 1 << 16, CERT_BYTES = 1 << 18,
	FETCH_MS = 8000, SOFT_WAIT_MS = 300,
	REDIRECTS = 5,
	RENEW_LEAST_S = 60, UNUSED_S = 86400,
	OWN_AGAIN_S = 60           /* an unusable answer about our own certificate is not asked for again before */
};

static COUNTER(c_crl, "cred.crl.fetched", "CRLs that were fetched");
static COUNTER(c_ocsp, "cred.ocsp.fetched", "OCSP answers that were fetched");
static COUNTER(c_renewed, "cred.crl.renewed", "CRLs fetched again before they ended");

/* ---- what is kept -------------------------------------------------------------------------------------------------- */

static void ocsp_drop(struct trusts *ts, struct kept_ocsp *k)
{
	struct kept_ocsp **at = &ts->ocsp;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	htab_del(ts->ocsp_of, slice_of(k->sha256, sizeof k->sha256));
	ts->n_ocsp--;
	free(k);
}

static struct kept_ocsp *ocsp_of(const struct trusts *ts, const uint8_t sha256[32])
{
	uint64_t v;

	return htab_find(ts->ocsp_of, slice_of(sha256, 32), &v) ? (struct kept_ocsp *)(uintptr_t)v : NULL;
}

static void ocsp_keep(struct trusts *ts, const uint8_t sha256[32], slice der, int64_t until_s)
{
	struct kept_ocsp *k = ocsp_of(ts, sha256);

	if (k)
		ocsp_drop(ts, k);
	if (ts->n_ocsp >= OCSP_KEPT_MAX && ts->ocsp)
		ocsp_drop(ts, ts->ocsp);
	k = calloc(1, sizeof *k + der.n);
	if (!k)
		return;
	memcpy(k->sha256, sha256, sizeof k->sha256);
	if (der.n)
		memcpy(k->der, der.p, der.n);
	k->n = der.n;
	k->until_s = until_s;
	if (htab_add(ts->ocsp_of, slice_of(k->sha256, sizeof k->sha256), (uintptr_t)k)) {
		free(k);
		return;
	}
	k->next = ts->ocsp;
	ts->ocsp = k;
	ts->n_ocsp++;
}

static void add_ocsp(struct trust *x, slice der)
{
	if (x->n_ocsp < MINE_MAX)
		x->ocsp[x->n_ocsp++] = (struct cert_ocsp){ .der = arena_slice(&x->arena, der) };
}

/* Answers that are here for the certificates of the peer, and those it brought along (RFC 4806). */
void trust_take_ocsp(struct trust *x)
{
	const struct hash_ops *h = crypto_hash(&x->ts->c->d->crypto, PLUG_HASH_SHA256);
	int64_t now = trust_wall();
	uint8_t sha[32];

	for (uint16_t i = 0; i < x->ask->n_certs; i++) {
		const struct ike_cert *c = &x->ask->certs[i];
		if (c->enc == CERT_OCSP && c->data.n <= OCSP_BYTES)
			add_ocsp(x, c->data);
		if (c->enc != CERT_X509_SIGNATURE || !h || h->digest(&c->data, 1, sha))
			continue;
		struct kept_ocsp *k = ocsp_of(x->ts, sha);
		if (k && k->until_s <= now)
			ocsp_drop(x->ts, k);
		else if (k && k->n)
			add_ocsp(x, slice_of(k->der, k->n));
	}
}

/* ---- fetching -------------------------------------------------------------------------------------------------------------- */

static void get_free(struct trusts *ts, struct get *g)
{
	const struct cert_ops *ops = ts->c->ops;

	ops->unref(g->cert);
	ops->unref(g->issuer);
	if (g->crl)
		ops->crl_unref(g->crl);
	if (g->objects)
		ops->objects_free(g->objects);
	free(g->body);
	free(g);
}

void trust_get_drop(struct trusts *ts, struct get *g)
{
	struct get **at = &ts->gets;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	ts->n_gets--;
	get_free(ts, g);
}

static void stop_waiting(struct trust *x, const struct get *g)
{
	for (struct waits **at = &x->waits; *at; at = &(*at)->next)
		if ((*at)->get == g) {
			*at = (*at)->next;
			return;
		}
}

/* Those who waited for it go on. */
static void wake(struct trusts *ts, struct get *g)
{
	struct trust *next;

	for (struct trust *x = ts->all; x; x = next) {
		next = x->next;
		bool waited = x->waits != NULL;
		struct cert_objects *o = g->objects;
		for (struct waits *w = x->waits; w; w = w->next)
			for (size_t i = 0; w->get == g && o && i < o->n && x->n_fetched < MINE_MAX; i++)
				if (o->v[i].kind == CERT_OBJ_CERT)
					x->fetched[x->n_fetched++] = ts->c->ops->ref(o->v[i].cert);
		for (struct waits *w = x->waits; w && g->kind == CERT_WANT_OCSP && !g->err; w = w->next)
			if (w->get == g)
				add_ocsp(x, slice_of(g->body, g->n_body));
		for (struct waits *w = x->waits; w && g->err; w = w->next)
			if (w->get == g)
				fetcher_text(x->fetch_why, sizeof x->fetch_why, g->url, g->why[0] ? g->why : err_text(g->err));
		stop_waiting(x, g);
		if (waited && !x->waits && !x->in_worker)
			trust_start(x);
	}
}

static void body_read(struct work *w)
{
	struct get *g = (struct get *)((char *)w - offsetof(struct get, work));
	const struct cert_ops *ops = g->ts->c->ops;
	slice body = slice_of(g->body, g->n_body);
	struct cert_why why = { "" };

	if (g->kind == CERT_WANT_OCSP) {
		struct cert_ocsp o = { .der = body };
		g->err = ops->ocsp_answer(&o, g->cert, g->issuer, trust_wall(), &g->answer, &why);
	} else if (g->kind == CERT_WANT_ISSUER) {
		g->err = ops->parse_any(body, NULL, &g->objects, &why);
	} else {
		/* Some servers hand out PEM. */
		g->err = ops->crl_parse(body, &g->crl, &why);
		if (g->err && ops->parse_any(body, NULL, &g->objects, NULL) == 0)
			for (size_t i = 0; i < g->objects->n && !g->crl; i++)
				if (g->objects->v[i].crl) {
					g->crl = ops->crl_ref(g->objects->v[i].crl);
					g->err = 0;
				}
	}
	snprintf(g->why, sizeof g->why, "%s", why.text);
}

/* When to fetch a list again: when nine tenths of its time are over. */
static int64_t renew_at(const struct cert_crl_info *i)
{
	int64_t life = i->next_update - i->this_update, now = trust_wall();

	if (!i->next_update || life <= 0)
		return 0;
	int64_t at = i->this_update + life - life / 10;
	return at > now + RENEW_LEAST_S ? at : now + RENEW_LEAST_S;
}

static void body_done(struct work *w, bool ran)
{
	struct get *g = (struct get *)((char *)w - offsetof(struct get, work));
	struct trusts *ts = g->ts;
	const struct cert_ops *ops = ts->c->ops;

	g->running = false;
	if (!ran)
		g->err = E_SHUTDOWN;
	if (!g->err && g->crl) {
		count_inc(&c_crl);
		g->renew_s = renew_at(ops->crl_info(g->crl));
		g->err = cred_set_add_crl(ts->c->set, CRED_SRC_FETCHED, g->crl);
	}
	if (!g->err && g->kind == CERT_WANT_OCSP) {
		count_inc(&c_ocsp);
		int64_t now = trust_wall(), until = g->answer.next_update ? g->answer.next_update : now + 300;
		ocsp_keep(ts, ops->info(g->cert)->sha256, slice_of(g->body, g->n_body), until);
	}
	if (g->err)
		LOGF(ts->c->d->log, LOG_PKI, LOG_CONTROL, &(struct log_ctx){ .code = g->err }, "what %s answers cannot be used: %s", g->url,
			g->why[0] ? g->why : err_text(g->err));
	/* An OCSP responder may know other certificates; a page instead of a CRL is one for every peer. */
	if (g->err && ran && g->kind != CERT_WANT_OCSP)
		fetcher_blame(ts->c->fetcher, g->url, g->why[0] ? g->why : err_text(g->err));
	else if (g->err && ran && g->own)
		ocsp_keep(ts, ops->info(g->cert)->sha256, SLICE_NONE, trust_wall() + OWN_AGAIN_S + RENEW_LEAST_S);
	if (!g->err)
		LOGF(ts->c->d->log, LOG_PKI, LOG_DETAIL, NULL, "fetched %s (%zu bytes)", g->url, g->n_body);
	if (ran)
		wake(ts, g);
	if (!g->err && g->kind == CERT_WANT_DELTA && !g->renew_s)
		fetcher_blame(ts->c->fetcher, g->url, "its delta CRL does not say when it ends");
	/* A CRL's address is remembered to fetch it again in time; the rest is done. */
	if ((g->kind == CERT_WANT_CRL || g->kind == CERT_WANT_DELTA) && !g->err && g->renew_s) {
		g->came_s = trust_wall();
		ops->crl_unref(g->crl);
		g->crl = NULL;
		free(g->body);
		g->body = NULL;
		g->n_body = 0;
		return;
	}
	trust_get_drop(ts, g);
}

static void get_done(void *arg, err_t res, slice body, const char *why)
{
	struct get *g = arg;
	struct trusts *ts = g->ts;

	g->err = res;
	if (!res && !(g->body = malloc(body.n ? body.n : 1)))
		g->err = E_NOMEM;
	if (g->err) {
		char text[512];
		fetcher_text(text, sizeof text, g->url, why);
		LOGF(ts->c->d->log, LOG_PKI, LOG_CONTROL, &(struct log_ctx){ .code = res }, "not fetched: %s", text);
		g->running = false;
		snprintf(g->why, sizeof g->why, "%s", why);
		wake(ts, g);
		trust_get_drop(ts, g);
		return;
	}
	memcpy(g->body, body.p, body.n);
	g->n_body = body.n;
	g->work = (struct work){ .run = body_read, .done = body_done };
	if (workers_put(ts->c->d->workers, &g->work)) {
		body_read(&g->work);
		body_done(&g->work, true);
	}
}

static struct get *get_of(const struct trusts *ts, uint8_t kind, const char *url, const struct cert *cert)
{
	for (struct get *g = ts->gets; g; g = g->next)
		if (g->kind == kind && strcmp(g->url, url) == 0 && (kind != CERT_WANT_OCSP || g->cert == cert ||
		    (g->cert && cert && slice_equal(ts->c->ops->info(g->cert)->der, ts->c->ops->info(cert)->der))))
			return g;
	return NULL;
}

/* NULL: no room. */
static struct get *get_new(struct trusts *ts, uint8_t kind, const char *url)
{
	size_t n = strlen(url) + 1;
	struct get *g = ts->n_gets < GETS_MAX ? calloc(1, sizeof *g + n) : NULL;

	if (!g)
		return NULL;
	g->ts = ts;
	g->kind = kind;
	memcpy(g->url, url, n);
	g->next = ts->gets;
	ts->gets = g;
	ts->n_gets++;
	return g;
}

static err_t get_start(struct get *g, slice post, char *said, size_t cap)
{
	struct fetch_req req = { .url = g->url, .post = post, .timeout_ms = FETCH_MS, .max_redirects = REDIRECTS,
		.max_bytes = g->kind == CERT_WANT_OCSP ? OCSP_BYTES : g->kind == CERT_WANT_ISSUER ? CERT_BYTES : CRL_BYTES,
		.content_type = post.n ? "application/ocsp-request" : NULL };
	char why[400];

	g->running = true;
	g->started_ms = loop_now_ms();
	err_t e = fetcher_get(g->ts->c->fetcher, &req, get_done, g, why, sizeof why);
	if (e != E_AGAIN) {
		g->running = false;
		LOGF(g->ts->c->d->log, LOG_PKI, LOG_DETAIL, &(struct log_ctx){ .code = e }, "%s is not asked: %s", g->url, why);
		if (cap)
			fetcher_text(said, cap, g->url, why);
	}
	return e;
}

static bool was_tried(const struct trust *x, const char *url, uint8_t kind)
{
	for (const struct tried *t = x->tried; t; t = t->next)
		if (t->kind == kind && strcmp(t->url, url) == 0)
			return true;
	return false;
}

static void note_tried(struct trust *x, const char *url, uint8_t kind)
{
	struct tried *t = arena_get(&x->arena, sizeof *t);

	if (!t)
		return;
	t->url = arena_str(&x->arena, slice_str(url));
	t->kind = kind;
	t->next = x->tried;
	if (t->url)
		x->tried = t;
}

/* Asks one address for what is wanted; true: it is under way. */
static bool want_from(struct trust *x, const struct cert_want *w, const char *url)
{
	struct trusts *ts = x->ts;
	const struct cert_ops *ops = ts->c->ops;
	struct get *g = get_of(ts, w->kind, url, w->cert);
	struct waits *wait;

	if (g)
		g->used_s = trust_wall();
	/* A slow server has made one peer wait: that is enough. One that failed is asked again without anybody waiting for it. */
	bool known_bad = fetcher_failed(ts->c->fetcher, url);
	if (g && g->running && x->soft && loop_now_ms() - g->started_ms > SOFT_WAIT_MS)
		return false;
	/* A delta that came a moment ago and builds on another CRL will not be another one now. */
	if (g && w->kind == CERT_WANT_DELTA && !g->running && g->came_s + RENEW_LEAST_S > trust_wall())
		return false;
	/* What failed a moment ago costs each further peer one look into a table. */
	char why[400];
	if (known_bad && w->kind != CERT_WANT_OCSP && (!g || !g->running) &&
	    fetcher_spares(ts->c->fetcher, url, w->decides ? why : NULL, sizeof why)) {
		if (w->decides)
			fetcher_text(x->fetch_why, sizeof x->fetch_why, url, why);
		return false;
	}
	if (!g || !g->running) {
		if (!g)
			g = get_new(ts, w->kind, url);
		if (!g)
			return false;
		if (w->kind == CERT_WANT_OCSP && !g->cert) {
			g->cert = ops->ref(w->cert);
			g->issuer = w->issuer ? ops->ref(w->issuer) : NULL;
		}
		g->used_s = trust_wall();
		if (get_start(g, w->kind == CERT_WANT_OCSP ? w->ocsp_request : SLICE_NONE, x->fetch_why, sizeof x->fetch_why) != E_AGAIN) {
			trust_get_drop(ts, g);
			return false;
		}
	}
	if (x->soft && known_bad)
		return false;
	wait = arena_get(&x->arena, sizeof *wait);
	if (!wait)
		return false;
	if (g->started_ms + SOFT_WAIT_MS > x->soft_ms)
		x->soft_ms = g->started_ms + SOFT_WAIT_MS;
	*wait = (struct waits){ g, x->waits };
	x->waits = wait;
	return true;
}

static bool ask_url(struct trust *x, const struct cert_want *w, const char *url)
{
	if (was_tried(x, url, w->kind))
		return false;
	note_tried(x, url, w->kind);
	return want_from(x, w, url);
}

/* One address after the other: those of the authority first, then those in the certificate. */
void trust_want(struct trust *x, const struct cert_want *w)
{
	const struct creds_authority *a = creds_authority_of(x->ts->c, w->issuer);
	char **mine = !a ? NULL : w->kind == CERT_WANT_OCSP ? a->ocsp_uris : w->kind == CERT_WANT_CRL ? a->crl_uris : NULL;
	char url[1024];

	for (; mine && *mine; mine++)
		if (ask_url(x, w, *mine))
			return;
	for (size_t i = 0; i < w->n_uris; i++) {
		if (!w->uris[i].n || w->uris[i].n >= sizeof url || memchr(w->uris[i].p, 0, w->uris[i].n))
			continue;
		memcpy(url, w->uris[i].p, w->uris[i].n);
		url[w->uris[i].n] = 0;
		/* A certificate must not make us read files of this host. */
		if ((strncasecmp(url, "http:", 5) == 0 || strncasecmp(url, "https:", 6) == 0) && ask_url(x, w, url))
			return;
	}
}

void trust_renew(struct trusts *ts)
{
	int64_t now = trust_wall();
	struct get *next;

	for (struct get *g = ts->gets; g; g = next) {
		next = g->next;
		if (g->running || !g->renew_s || g->renew_s > now)
			continue;
		g->renew_s = now + RENEW_LEAST_S;
		if (now - g->used_s > UNUSED_S || get_start(g, SLICE_NONE, NULL, 0) != E_AGAIN)
			trust_get_drop(ts, g);
		else
			count_inc(&c_renewed);
	}
}

void trusts_flush_ocsp(struct trusts *ts)
{
	while (ts->ocsp)
		ocsp_drop(ts, ts->ocsp);
}

/* ---- about our own certificates ------------------------------------------------------------------------------------------ */

static void own_fetch(struct trusts *ts, struct cert *cert, struct cert *issuer)
{
	const struct cert_ops *ops = ts->c->ops;
	const struct cert_info *info = ops->info(cert);
	const struct creds_authority *a = creds_authority_of(ts->c, issuer);
	uint8_t req[512];
	size_t n = sizeof req;
	char url[1024] = "";

	if (a && a->ocsp_uris && a->ocsp_uris[0])
		snprintf(url, sizeof url, "%s", a->ocsp_uris[0]);
	else if (info->n_ocsp_uris && info->ocsp_uris[0].n < sizeof url)
		snprintf(url, sizeof url, "%.*s", (int)info->ocsp_uris[0].n, (const char *)info->ocsp_uris[0].p);
	if (!url[0] || get_of(ts, CERT_WANT_OCSP, url, cert) || fetcher_spares(ts->c->fetcher, url, NULL, 0) ||
	    ops->ocsp_request(cert, issuer, SLICE_NONE, req, &n))
		return;
	struct get *g = get_new(ts, CERT_WANT_OCSP, url);
	if (!g)
		return;
	g->cert = ops->ref(cert);
	g->issuer = ops->ref(issuer);
	g->own = true;
	g->used_s = trust_wall();
	if (get_start(g, slice_of(req, n), NULL, 0) != E_AGAIN)
		trust_get_drop(ts, g);
}

slice trusts_own_ocsp(struct trusts *ts, struct cert *cert, struct cert *issuer)
{
	struct kept_ocsp *k = ocsp_of(ts, ts->c->ops->info(cert)->sha256);
	int64_t now = trust_wall();

	if (!k || k->until_s < now + RENEW_LEAST_S)
		own_fetch(ts, cert, issuer);
	return k && k->n && k->until_s > now ? slice_of(k->der, k->n) : SLICE_NONE;
}
