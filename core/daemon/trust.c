/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FX_TRUST: verify with what is here, fetch what would decide, verify again. The verification runs on a worker; CRLs and
 * OCSP answers that came are kept for all peers and renewed before they end. Peers that want the same address wait for one
 * request. A connection whose revocation is relaxed waits a moment at most, and not at all for a server that has shown to
 * be slow or gone.
 */
#include "daemon/trust_int.h"

#include "wire/proto.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	ROUNDS_MAX = 8,            /* verifications of one peer */
	PENDING_MAX = 4096,        /* peers under way */
	TRUST_MS = 25000, LOOK_MS = 100
};

static COUNTER(c_right, "cred.trust.right", "peers whose certificates were accepted");
static COUNTER(c_wrong, "cred.trust.wrong", "peers whose certificates were not accepted");
static COUNTER(c_rounds, "cred.trust.rounds", "verifications of certificates");
static COUNTER(c_full, "cred.trust.full", "peers refused because too many were being verified");

/* ---- the end of a verification ------------------------------------------------------------------------------------------ */

static void explain(struct trust *x, enum log_level level)
{
	const struct cert_report *r = x->t.report;
	struct log *log = x->ts->c->d->log;
	static const char *const verdicts[] = { "", "right", "note", "wrong" };

	for (size_t i = 0; r && i < r->n_nodes; i++) {
		const struct cert_node *n = &r->nodes[i];
		enum log_level l = n->verdict == CERT_FAIL ? level : LOG_DETAIL;
		if (n->verdict < ARRAY_LEN(verdicts) && log_wants(log, LOG_PKI, l))
			log_write(log, LOG_PKI, l, &(struct log_ctx){ .code = n->err, .peer = &x->ask->remote },
				"path %u, \"%s\": %s? %s: %s%s%s", n->path, n->subject ? n->subject : "", cert_check_question(n->check),
				verdicts[n->verdict], n->text ? n->text : "", n->remedy && *n->remedy && n->verdict == CERT_FAIL ? "; " : "",
				n->verdict == CERT_FAIL && n->remedy ? n->remedy : "");
	}
}

static void forget(struct trust *x)
{
	struct trusts *ts = x->ts;
	const struct cert_ops *ops = ts->c->ops;
	struct trust **at = &ts->all;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	ts->n--;
	cred_trust_clear(&x->t);
	cred_pool_unref(x->t.pool);
	for (size_t i = 0; i < x->n_fetched; i++)
		ops->unref(x->fetched[i]);
	for (size_t i = 0; i < x->n_known; i++)
		ops->unref(x->known[i]);
	for (size_t i = 0; i < x->n_crls; i++)
		ops->crl_unref(x->crls[i]);
	if (x->ask)
		conf_conn_unref(&x->ask->conn);
	arena_fini(&x->arena);
	free(x);
}

void trust_finish(struct trust *x, err_t e, const char *why)
{
	struct daemon *d = x->ts->c->d;
	struct ike_trusted ok = { .scheme = x->t.scheme, .valid_until_s = x->t.valid_until_s };

	if (!e)
		creds_seen(x->ts->c, x->t.report);
	if (!e && x->ask->conn->close_on_revocation)
		ok.peer = creds_peer_new(x->ts->c, x->t.report);
	count_inc(e ? &c_wrong : &c_right);
	explain(x, LOG_CONTROL);
	uint64_t token = x->ask->token;
	char text[sizeof x->t.why + sizeof x->fetch_why + 160], clock[160];
	bool unknown = e == E_CRL_MISSING || e == E_CRL_STALE || e == E_OCSP_BAD || e == E_CRL_BAD || e == E_CERT_UNKNOWN_CA;
	snprintf(text, sizeof text, "%s%s%s%s%s", why ? why : "", unknown && x->fetch_why[0] ? " (" : "", unknown ? x->fetch_why : "",
		unknown && x->fetch_why[0] ? ")" : "", creds_clock_text(e, clock, sizeof clock));
	const struct log_ctx ctx = { .code = e, .peer = &x->ask->remote };
	if (e)
		LOGF(d->log, LOG_PKI, LOG_CONTROL, &ctx, "the peer is not trusted: %s", text);
	drive_trust_done(d, token, e, e ? text : NULL, e ? NULL : &ok);
	forget(x);
}

/* ---- rounds ------------------------------------------------------------------------------------------------------------------ */

/* A list of an authority's, for a certificate that names no address itself. */
static void want_authoritys_crl(struct trust *x, const struct cert_want *w)
{
	const struct cert_info *info = x->ts->c->ops->info(w->cert);

	if (w->kind == CERT_WANT_OCSP && !info->n_crl_uris)
		trust_want(x, &(struct cert_want){ .kind = CERT_WANT_CRL, .cert = w->cert, .issuer = w->issuer });
}

/* Also what does not decide: a relaxed connection still wants to know what is revoked. Issuers are not fetched from the address
 * in a certificate that nobody has vouched for yet. */
static bool fetch_more(struct trust *x)
{
	const struct cert_report *r = x->t.report;

	if (!r || x->rounds >= ROUNDS_MAX)
		return false;
	for (size_t i = 0; i < r->n_wants; i++)
		if (r->wants[i].kind != CERT_WANT_ISSUER) {
			trust_want(x, &r->wants[i]);
			want_authoritys_crl(x, &r->wants[i]);
		}
	return x->waits != NULL;
}

static void work_run(struct work *w)
{
	struct trust *x = (struct trust *)w;

	cred_trust_run(&x->t);
}

static void work_done(struct work *w, bool ran)
{
	struct trust *x = (struct trust *)w;

	x->in_worker = false;
	if (!ran) {
		trust_finish(x, E_SHUTDOWN, err_text(E_SHUTDOWN));
		return;
	}
	x->soft_ms = 0;
	if (fetch_more(x)) {
		if (!x->ts->looking)
			loop_timer_set(x->ts->look, LOOK_MS);
		x->ts->looking = true;
		return;
	}
	trust_finish(x, x->t.err, x->t.why);
}

/* One verification with all that is here now. */
void trust_start(struct trust *x)
{
	struct creds *c = x->ts->c;

	cred_trust_clear(&x->t);
	cred_pool_unref(x->t.pool);
	x->t.pool = cred_set_pool(c->set);
	x->t.fetched = x->fetched;
	x->t.n_fetched = x->n_fetched;
	x->t.ocsp = x->ocsp;
	x->t.n_ocsp = x->n_ocsp;
	x->t.crls = x->crls;
	x->t.n_crls = x->n_crls;
	x->t.now_s = trust_wall();
	x->rounds++;
	count_inc(&c_rounds);
	if (!x->t.pool) {
		trust_finish(x, E_NOMEM, err_text(E_NOMEM));
		return;
	}
	x->work = (struct work){ .run = work_run, .done = work_done };
	x->in_worker = true;
	if (workers_put(c->d->workers, &x->work) == 0)
		return;
	x->in_worker = false;
	trust_finish(x, E_FULL, "the crypto workers have too much to do; try again later");
}

/* Certificates here that may be the peer's: looked at when it sends none. */
static void take_known(struct trust *x)
{
	const struct cert_ops *ops = x->ts->c->ops;
	struct cert_name name = { x->ask->peer_type, x->ask->peer_id };
	const struct cred_item *c;
	struct cert_why why;

	for (uint16_t i = 0; i < x->ask->n_certs; i++)
		if (x->ask->certs[i].enc == CERT_X509_SIGNATURE)
			return;
	for (size_t i = 0; (c = cred_set_cert(x->ts->c->set, i)) && x->n_known < MINE_MAX; i++)
		if (!(c->flags & CRED_CERT_CA) && ops->name_check(c->cert, &name, CERT_NAME_IN_CN | CERT_NAME_EXACT, &why) == 0)
			x->known[x->n_known++] = ops->ref(c->cert);
}

void trust_begin(struct trust *x)
{
	trust_take_ocsp(x);
	take_known(x);
	x->t.known = x->known;
	x->t.n_known = x->n_known;
	trust_start(x);
}

void trusts_ask(struct trusts *ts, const struct ike_auth_ask *ask)
{
	struct trust *x = ts->n < PENDING_MAX ? calloc(1, sizeof *x) : NULL;

	if (!x) {
		count_inc(&c_full);
		drive_trust_done(ts->c->d, ask->token, E_FULL, "too many peers are being verified; try again later", NULL);
		return;
	}
	x->ts = ts;
	arena_init(&x->arena, 1 << 20);
	x->next = ts->all;
	ts->all = x;
	ts->n++;
	x->ask = creds_ask_keep(&x->arena, ask);
	if (!x->ask) {
		drive_trust_done(ts->c->d, ask->token, E_NOMEM, "no memory to verify the peer", NULL);
		forget(x);
		return;
	}
	x->until_ms = loop_now_ms() + TRUST_MS;
	x->t = (struct cred_trust){ .crypto = &ts->c->d->crypto, .round = &x->ask->conn->remote[x->ask->round], .ask = x->ask };
	x->soft = x->t.round->revocation == CONF_REV_RELAXED;
	trust_urls(x);
}

/* ---- time ------------------------------------------------------------------------------------------------------------------------ */

/* Who has waited long enough goes on with what is here. */
static void look(void *arg)
{
	struct trusts *ts = arg;
	uint64_t now = loop_now_ms();
	struct trust *next;

	ts->looking = false;

	for (struct trust *x = ts->all; x; x = next) {
		next = x->next;
		if (x->in_worker || !x->waits)
			continue;
		if (now >= x->until_ms || (x->soft && now >= x->soft_ms)) {
			x->waits = NULL;
			trust_finish(x, x->t.err, x->t.why);
		} else {
			ts->looking = true;
		}
	}
	if (ts->looking)
		loop_timer_set(ts->look, LOOK_MS);
}

void trusts_second(struct trusts *ts)
{
	trust_renew(ts);
}

/* ---- life ------------------------------------------------------------------------------------------------------------------------ */

err_t trusts_new(struct creds *c, struct trusts **out)
{
	struct trusts *ts = calloc(1, sizeof *ts);
	uint8_t seed[16];

	if (!ts)
		return E_NOMEM;
	ts->c = c;
	ts->look = loop_timer(c->d->loop, UINT64_MAX, 0, look, ts);
	ts->ocsp_of = !ts->look || crypto_random(&c->d->crypto, seed, sizeof seed) ? NULL : htab_new(0, seed);
	if (!ts->ocsp_of || trust_urls_new(ts)) {
		htab_free(ts->ocsp_of);
		loop_untimer(ts->look);
		free(ts);
		return E_NOMEM;
	}
	*out = ts;
	return 0;
}

void trusts_free(struct trusts *ts)
{
	if (!ts)
		return;
	while (ts->all)
		forget(ts->all);
	while (ts->gets) {
		fetcher_forget(ts->c->fetcher, ts->gets);
		trust_get_drop(ts, ts->gets);
	}
	trusts_flush_ocsp(ts);
	trust_urls_free(ts);
	loop_untimer(ts->look);
	htab_free(ts->ocsp_of);
	free(ts);
}
