/* SPDX-License-Identifier: Apache-2.0 */
#include "cred/own.h"

#include "cred/why.h"

#include <stdio.h>

enum { LOOK_MAX = 64 };

/* The best one so far, and why the others were not it. */
struct look {
	struct cred_set *s;
	const struct cred_own_ask *ask;
	const struct cred_item *cert;
	const struct cred_key *key;
	const struct cred_scheme *scheme;
	int score;
	bool no_key, no_name, no_scheme;
};

/* One that may have issued it, from the *at-th certificate on. */
static const struct cred_item *issuer_next(const struct cred_set *s, const struct cert_info *info, size_t *at)
{
	const struct cred_item *c;

	while ((c = cred_set_cert(s, (*at)++))) {
		bool ids = info->akid.n && c->info->skid.n;
		if (c->info->is_ca && slice_equal(c->info->subject, info->issuer) && (!ids || slice_equal(info->akid, c->info->skid)))
			return c;
	}
	return NULL;
}

static bool is_asked_for(const struct look *l, const struct cert_info *info)
{
	slice cas = l->ask->cas;

	for (size_t i = 0; i + CRED_KEYID_LEN <= cas.n; i += CRED_KEYID_LEN)
		if (!memcmp(cas.p + i, info->key_sha1, CRED_KEYID_LEN))
			return true;
	return false;
}

/* The best of those that may have issued it (a CA that is cross-signed has several certificates): under a root the peer asks
 * for, then one it asks for (peers ask for their intermediates, too), else the first there is. *left: how many certificates
 * may still be looked at. */
enum { RANK_NONE, RANK_ASKED, RANK_ROOT };
static const struct cred_item *issuer_towards(const struct look *l, const struct cert_info *info, unsigned *left, int *rank)
{
	const struct cred_item *best = NULL, *c;
	size_t at = 0;

	*rank = RANK_NONE;
	while (*rank < RANK_ROOT && *left && (c = issuer_next(l->s, info, &at))) {
		bool root = slice_equal(c->info->subject, c->info->issuer);
		int is = !is_asked_for(l, c->info) ? RANK_NONE : root ? RANK_ROOT : RANK_ASKED, above = RANK_NONE;
		--*left;
		if (!root)
			(void)issuer_towards(l, c->info, left, &above);
		is = above > is ? above : is;
		if (!best || is > *rank) {
			best = c;
			*rank = is;
		}
	}
	return best;
}

/* Does a CA the peer names stand above the certificate? */
static bool below(const struct look *l, const struct cert_info *info)
{
	unsigned left = LOOK_MAX;
	int rank;

	(void)issuer_towards(l, info, &left, &rank);
	return rank != RANK_NONE;
}

static bool is_configured(const struct conf_auth *r, slice der)
{
	for (uint16_t i = 0; i < r->n_certs; i++)
		if (slice_equal(slice_of(r->certs[i].p, r->certs[i].n), der))
			return true;
	return false;
}

static const struct cred_scheme *scheme_of(const struct look *l, const struct cred_key *k)
{
	const struct cred_scheme *s;
	size_t at = 0;

	while ((s = cred_scheme_next(&k->pub, l->ask->hashes, &l->ask->round->sigs, &at)))
		if (!l->ask->can || l->ask->can(l->ask->arg, k, s))
			return s;
	return NULL;
}

static void consider(struct look *l, const struct cred_item *c, bool configured)
{
	const struct cert_ops *ops = cred_set_ops(l->s);
	const struct cred_key *k = cred_set_key_of(l->s, c->info->spki);
	const struct cred_scheme *scheme = NULL;
	struct cert_why why;
	int score = 1;

	if (!k) {
		l->no_key |= configured;
		return;
	}
	if (ops->name_check(c->cert, &l->ask->id, CERT_NAME_IN_CN, &why)) {
		l->no_name = true;
		return;
	}
	if (cred_key_allowed(&k->pub, &l->ask->round->sigs, &why) == 0)
		scheme = scheme_of(l, k);
	if (!scheme) {
		l->no_scheme = true;
		return;
	}
	/* A peer that asks for CAs we are not under still gets what we have: it may know more than it said. */
	score += l->ask->cas.n && below(l, c->info) ? 4 : 0;
	score += c->info->not_before <= l->ask->now_s && l->ask->now_s <= c->info->not_after ? 2 : 0;
	if (score > l->score || (score == l->score && l->cert && c->info->not_after > l->cert->info->not_after)) {
		l->score = score;
		l->cert = c;
		l->key = k;
		l->scheme = scheme;
	}
}

static void take_chain(const struct look *l, const struct cert_info *info, struct cred_own *out)
{
	const struct cert_ops *ops = cred_set_ops(l->s);

	while (out->n_chain < CRED_CHAIN_MAX) {
		unsigned left = LOOK_MAX;
		int rank;
		const struct cred_item *up = issuer_towards(l, info, &left, &rank);
		if (!up || slice_equal(up->info->subject, up->info->issuer) || slice_equal(up->info->der, info->der))
			return;
		for (size_t i = 0; i < out->n_chain; i++)
			if (out->chain[i] == up->cert)
				return;
		out->chain[out->n_chain++] = ops->ref(up->cert);
		info = up->info;
	}
}

static err_t raw_key(struct look *l, struct cred_own *out)
{
	const struct conf_auth *r = l->ask->round;

	for (uint16_t i = 0; i < r->n_pubkeys; i++) {
		const struct cred_key *k = cred_set_key_of(l->s, slice_of(r->pubkeys[i].p, r->pubkeys[i].n));
		const struct cred_scheme *s = k ? scheme_of(l, k) : NULL;
		l->no_key |= !k;
		l->no_scheme |= k && !s;
		if (s) {
			out->key = k;
			out->scheme = s;
			return 0;
		}
	}
	return E_NO_KEY;
}

static err_t nothing(const struct look *l, struct cert_why *why)
{
	char id[160];

	conf_id_text(l->ask->id.type, l->ask->id.data, id, sizeof id);
	if (l->no_scheme)
		return cred_why(why, E_CERT_CONSTRAINT, "the key for '%s' can make no signature that the peer takes and local { auth = %s } "
			"allows; relax auth, or use another key", id, l->ask->round->method);
	if (l->no_key)
		return cred_why(why, E_NO_KEY, "no private key for the certificate of '%s' is loaded; put it into swanctl/private, or load it "
			"over the API", id);
	if (l->no_name)
		return cred_why(why, E_NO_KEY, "no certificate with a private key names '%s'; set local { id } to a name of the certificate, "
			"or local { certs }", id);
	return cred_why(why, E_NO_KEY, "there is no certificate with a private key for '%s'; load both, or name them in local { certs }", id);
}

err_t cred_own_find(struct cred_set *s, const struct cred_own_ask *ask, struct cred_own *out, struct cert_why *why)
{
	struct look l = { .s = s, .ask = ask };
	bool named = ask->round->n_certs > 0;
	const struct cred_item *c;

	*out = (struct cred_own){ 0 };
	if (ask->round->n_pubkeys && raw_key(&l, out) == 0)
		return 0;
	for (size_t i = 0; (c = cred_set_cert(s, i)); i++)
		if (named ? is_configured(ask->round, c->info->der) : !(c->flags & CRED_CERT_CA))
			consider(&l, c, named);
	if (!l.cert)
		return nothing(&l, why);
	out->below = !ask->cas.n || below(&l, l.cert->info);
	out->key = l.key;
	out->scheme = l.scheme;
	out->cert = cred_set_ops(s)->ref(l.cert->cert);
	take_chain(&l, l.cert->info, out);
	return 0;
}

void cred_own_fini(struct cred_set *s, struct cred_own *o)
{
	const struct cert_ops *ops = cred_set_ops(s);

	for (size_t i = 0; i < o->n_chain; i++)
		ops->unref(o->chain[i]);
	ops->unref(o->cert);
	*o = (struct cred_own){ 0 };
}
