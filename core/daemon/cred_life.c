/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to certificates while tunnels live: a new CRL may revoke that of a peer whose tunnel is up (close_on_revocation),
 * and our own come to their end. Peers are verified again on the crypto workers, a few at a time.
 */
#include "daemon/creds.h"

#include "base/count.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RUNNING_MAX = 16, TOLD_MAX = 256, LOOK_S = 10 };

static COUNTER(c_again, "cred.life.verified", "peers verified again because a CRL came");
static COUNTER(c_revoked, "cred.life.revoked", "IKE SAs closed because a new CRL revokes a certificate of the peer");

struct creds_peer {
	uint64_t id;
	const struct cert_ops *ops;
	size_t n;
	struct cert *certs[]; /* leaf first, the anchor last; references */
};

/* A peer that is verified again. */
struct again {
	struct work work;
	struct again *next;
	struct creds *c;
	uint64_t id;          /* of the creds_peer */
	struct cred_pool *pool;
	err_t err;
	char why[320];
	size_t n;
	struct cert *certs[]; /* references */
};

struct cred_life {
	uint64_t next_id, crls_seen;
	struct again *waiting;
	unsigned running;
	int64_t look_s;
	struct {
		uint8_t sha256[32];
		uint8_t level;
	} told[TOLD_MAX];
	size_t n_told;
};

/* ---- peers --------------------------------------------------------------------------------------------------------- */

void *creds_peer_new(struct creds *c, const struct cert_report *r)
{
	struct creds_peer *p = r && r->n_chain ? malloc(sizeof *p + r->n_chain * sizeof p->certs[0]) : NULL;

	if (!p)
		return NULL;
	p->id = ++c->life->next_id;
	p->ops = c->ops;
	p->n = r->n_chain;
	for (size_t i = 0; i < p->n; i++)
		p->certs[i] = c->ops->ref(r->chain[i]);
	return p;
}

void creds_peer_free(void *arg, void *peer)
{
	struct creds_peer *p = peer;

	(void)arg;
	for (size_t i = 0; p && i < p->n; i++)
		p->ops->unref(p->certs[i]);
	free(p);
}

static bool seen_before(const struct creds *c, const struct cert *cert)
{
	for (size_t i = 0; i < CREDS_SEEN_MAX && c->seen[i]; i++)
		if (memcmp(c->ops->info(c->seen[i])->sha256, c->ops->info(cert)->sha256, 32) == 0)
			return true;
	return false;
}

void creds_seen(struct creds *c, const struct cert_report *r)
{
	for (size_t i = 0; r && i + 1 < r->n_chain; i++) {
		struct cert **at = &c->seen[c->n_seen % CREDS_SEEN_MAX];
		if (seen_before(c, r->chain[i]))
			continue;
		if (*at)
			c->ops->unref(*at);
		*at = c->ops->ref(r->chain[i]);
		c->n_seen++;
	}
}

void creds_seen_clear(struct creds *c)
{
	for (size_t i = 0; i < CREDS_SEEN_MAX; i++) {
		if (c->seen[i])
			c->ops->unref(c->seen[i]);
		c->seen[i] = NULL;
	}
	c->n_seen = 0;
}

/* ---- a new CRL ------------------------------------------------------------------------------------------------------- */

static void again_free(struct again *a)
{
	for (size_t i = 0; i < a->n; i++)
		a->c->ops->unref(a->certs[i]);
	cred_pool_unref(a->pool);
	free(a);
}

static void again_run(struct work *w)
{
	struct again *a = (struct again *)w;
	struct cert_verify v = {
		.size = sizeof v, .flags = CERT_ALLOW_SHA1 | CERT_NO_ANCHOR_DATES, .leaf = a->certs[0], .intermediates = a->certs + 1,
		.n_intermediates = a->n - 1, .anchors = a->certs + a->n - 1, .n_anchors = 1, .crls = a->pool->crls,
		.n_crls = a->pool->n_crls, .time = (int64_t)time(NULL), .rev_mode = CERT_REV_RELAXED,
	};
	struct cert_report *r = NULL;

	a->err = a->pool->ops->verify(&v, &r);
	if (a->err)
		return;
	a->err = r->verdict;
	snprintf(a->why, sizeof a->why, "%s", r->text ? r->text : "");
	a->pool->ops->report_free(r);
}

/* The SA that has it now: a rekey hands it on. */
struct find {
	uint64_t id, unique;
};

static void find_sa(void *arg, const struct ike_sa_brief *sa)
{
	struct find *f = arg;
	const struct creds_peer *p = sa->peer;

	if (p && p->id == f->id && sa->conn->close_on_revocation)
		f->unique = sa->unique;
}

static void close_revoked(struct again *a)
{
	struct daemon *d = a->c->d;
	struct find f = { .id = a->id };

	ike_sa_walk(d->engine, find_sa, &f);
	if (!f.unique)
		return;
	count_inc(&c_revoked);
	LOGF(d->log, LOG_PKI, LOG_AUDIT, &(struct log_ctx){ .code = E_CERT_REVOKED }, "the peer of IKE SA %llu is not trusted any more: %s",
		(unsigned long long)f.unique, a->why);
	drive_cmd(d, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .ike_id = f.unique, .reason = E_CERT_REVOKED });
}

static void start(struct creds *c);

static void again_done(struct work *w, bool ran)
{
	struct again *a = (struct again *)w;
	struct creds *c = a->c;

	c->life->running--;
	if (ran && a->err == E_CERT_REVOKED)
		close_revoked(a);
	again_free(a);
	if (ran)
		start(c);
}

static void start(struct creds *c)
{
	struct cred_life *l = c->life;

	while (l->waiting && l->running < RUNNING_MAX) {
		struct again *a = l->waiting;
		a->pool = cred_set_pool(c->set);
		a->work = (struct work){ .run = again_run, .done = again_done };
		if (!a->pool || workers_put(c->d->workers, &a->work)) {
			cred_pool_unref(a->pool);
			a->pool = NULL;
			return; /* in a second */
		}
		l->waiting = a->next;
		l->running++;
		count_inc(&c_again);
	}
}

static void queue_sa(void *arg, const struct ike_sa_brief *sa)
{
	struct creds *c = arg;
	const struct creds_peer *p = sa->peer;
	struct again *a = sa->child || !p || !sa->conn->close_on_revocation ? NULL : calloc(1, sizeof *a + p->n * sizeof a->certs[0]);

	if (!a)
		return;
	a->c = c;
	a->id = p->id;
	a->n = p->n;
	for (size_t i = 0; i < p->n; i++)
		a->certs[i] = c->ops->ref(p->certs[i]);
	a->next = c->life->waiting;
	c->life->waiting = a;
}

static void drop_waiting(struct cred_life *l)
{
	while (l->waiting) {
		struct again *a = l->waiting;
		l->waiting = a->next;
		again_free(a);
	}
}

/* ---- our own ----------------------------------------------------------------------------------------------------------- */

/* 0: not yet; then the higher the nearer. */
static uint8_t level_of(int64_t left_s, uint64_t warn_s)
{
	return left_s < 0 ? 3 : left_s < (int64_t)(warn_s / 4) ? 2 : left_s < (int64_t)warn_s ? 1 : 0;
}

static bool is_news(struct cred_life *l, const uint8_t sha256[32], uint8_t level)
{
	for (size_t i = 0; i < l->n_told; i++)
		if (!memcmp(l->told[i].sha256, sha256, 32)) {
			bool news = level > l->told[i].level;
			l->told[i].level = level;
			return news;
		}
	if (l->n_told == TOLD_MAX)
		l->n_told = 0; /* some are told twice */
	memcpy(l->told[l->n_told].sha256, sha256, 32);
	l->told[l->n_told++].level = level;
	return true;
}

static void tell(struct creds *c, const struct cred_item *it, int64_t left_s)
{
	err_t e = left_s < 0 ? E_CERT_EXPIRED : E_CERT_EXPIRES;
	char dn[256], when[32], text[512];
	time_t at = (time_t)it->info->not_after;
	struct tm tm;

	if (!gmtime_r(&at, &tm) || !strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(when, sizeof when, "%lld", (long long)at);
	snprintf(text, sizeof text, "the %s \"%s\" %s on %s; %s", it->flags & CRED_CERT_CA ? "CA certificate" : "certificate",
		c->ops->dn_text(it->info->subject, dn, sizeof dn), left_s < 0 ? "has expired" : "expires", when,
		it->flags & CRED_CERT_CA ? "load its successor" : "renew it (adit-pki renew), and load the new one");
	LOGF(c->d->log, LOG_PKI, LOG_AUDIT, &(struct log_ctx){ .code = e }, "%s", text);
	if (c->d->api)
		api_server_alert(c->d->api, e, text);
}

static void look_at_own(struct creds *c)
{
	uint64_t warn_s = c->d->settings->expiry_warning_s;
	const struct cred_item *it;
	int64_t now_s = (int64_t)time(NULL);

	for (size_t i = 0; warn_s && (it = cred_set_cert(c->set, i)); i++) {
		int64_t left_s = it->info->not_after - now_s;
		uint8_t level = level_of(left_s, warn_s);
		if (level && (it->flags & CRED_CERT_CA || cred_set_key_of(c->set, it->info->spki)) && is_news(c->life, it->info->sha256, level))
			tell(c, it, left_s);
	}
}

/* ---- life ---------------------------------------------------------------------------------------------------------------- */

err_t creds_life_new(struct creds *c)
{
	c->life = calloc(1, sizeof *c->life);
	return c->life ? 0 : E_NOMEM;
}

void creds_life_free(struct creds *c)
{
	if (!c->life)
		return;
	drop_waiting(c->life);
	free(c->life);
	c->life = NULL;
}

void creds_life_second(struct creds *c)
{
	struct cred_life *l = c->life;
	uint64_t added = cred_set_crls_added(c->set);
	int64_t now_s = (int64_t)time(NULL);

	if (!c->ops)
		return;
	if (added != l->crls_seen && c->ops->verify && c->d->engine) {
		l->crls_seen = added;
		drop_waiting(l); /* they are queued anew */
		ike_sa_walk(c->d->engine, queue_sa, c);
	}
	start(c);
	if (now_s >= l->look_s || now_s < l->look_s - LOOK_S) {
		l->look_s = now_s + LOOK_S;
		look_at_own(c);
	}
}
