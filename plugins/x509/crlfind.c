/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status of a certificate by CRLs: RFC 5280 section 6.3.3. For each distribution point, and for the issuer itself,
 * the CRLs that cover it are taken until all reasons are covered: complete ones, each with the newest delta that fits;
 * of the issuer or of another that the certificate names; signed by any certificate of that name which leads to the
 * same anchor and may sign CRLs.
 */
#include "verify.h"

#include <stdlib.h>

/* One certificate whose status is looked for. */
struct look {
	struct v *v;
	const struct v_path *p;
	size_t i;
	struct cert *c;
	struct v_status *s;
	uint16_t reasons; /* covered so far */
};

static void note(struct look *k, err_t e, const char *text)
{
	/* What is stale says more than what is unusable, that more than nothing. */
	if (k->s->err != E_CRL_STALE)
		k->s->err = e;
	if (e == E_CRL_STALE)
		k->s->stale = true;
	if (!k->s->text || e == E_CRL_STALE)
		k->s->text = text;
	k->v->nomem |= !text;
	V_NOTE(k->v, k->i, k->c, CRL, e, "%s", text ? text : "");
}

#define NOTE(k, e, ...) note(k, e, arena_fmt(&(k)->v->rep->arena, __VA_ARGS__))

/* ---- does a CRL cover a distribution point: (b) --------------------------------------------------------------- */

/* Names of a distribution point: full ones, or the relative one below each of its bases. */
static bool names_meet(struct v *v, const struct x_dp *a, const struct x_name *const *bases_a, size_t n_a,
		       const struct x_dp *b, const struct x_name *base_b)
{
	struct x_gn ra = { X_GN_DIR, SLICE_NONE, SLICE_NONE }, rb = ra;
	const struct x_gns one_b = { &rb, 1 };
	const struct x_gns *list_b = &b->full;

	if (b->relative.n) {
		uint8_t *p = arena_get(&v->rep->arena, base_b->canon.n + b->relative.n);
		if (!p)
			return false;
		memcpy(p, base_b->canon.p, base_b->canon.n);
		memcpy(p + base_b->canon.n, b->relative.p, b->relative.n);
		rb.canon = slice_of(p, base_b->canon.n + b->relative.n);
		list_b = &one_b;
	}
	for (size_t k = 0; k < (a->relative.n ? n_a : 1); k++) {
		const struct x_gns one_a = { &ra, 1 }, *list_a = &a->full;
		if (a->relative.n) {
			uint8_t *p = arena_get(&v->rep->arena, bases_a[k]->canon.n + a->relative.n);
			if (!p)
				return false;
			memcpy(p, bases_a[k]->canon.p, bases_a[k]->canon.n);
			memcpy(p + bases_a[k]->canon.n, a->relative.p, a->relative.n);
			ra.canon = slice_of(p, bases_a[k]->canon.n + a->relative.n);
			list_a = &one_a;
		}
		for (size_t x = 0; x < list_a->n; x++)
			for (size_t y = 0; y < list_b->n; y++) {
				const struct x_gn *g = &list_a->v[x], *h = &list_b->v[y];
				if (g->tag == h->tag && (g->tag == X_GN_DIR ? slice_equal(g->canon, h->canon)
									    : slice_equal(g->value, h->value)))
					return true;
			}
	}
	return false;
}

static bool dp_names_issuer(const struct x_dp *dp, const struct x_name *issuer)
{
	for (size_t i = 0; i < dp->issuer.n; i++)
		if (dp->issuer.v[i].tag == X_GN_DIR && slice_equal(dp->issuer.v[i].canon, issuer->canon))
			return true;
	return false;
}

/* NULL: it covers; else why not. "": it is about something else altogether. */
static const char *covers(struct look *k, const struct x_dp *dp, const struct cert_crl *crl)
{
	const struct cert *c = k->c;

	if (dp->issuer.n) {
		if (!dp_names_issuer(dp, &crl->issuer))
			return "";
		if (!crl->indirect)
			return "the certificate names another CRL issuer, but the CRL does not say that it is indirect";
	} else if (!x_name_same(&crl->issuer, &c->issuer)) {
		return "";
	}
	if (!crl->has_idp)
		return NULL;
	if (crl->idp.has_name) {
		bool meet;
		if (dp->has_name) {
			const struct x_name *bases[16];
			struct x_name named[16];
			size_t n = 0;
			for (size_t i = 0; i < dp->issuer.n && n < ARRAY_LEN(named); i++)
				if (dp->issuer.v[i].tag == X_GN_DIR) {
					named[n] = (struct x_name){ dp->issuer.v[i].value, dp->issuer.v[i].canon };
					bases[n] = &named[n];
					n++;
				}
			if (!n)
				bases[n++] = &c->issuer;
			meet = names_meet(k->v, dp, bases, n, &crl->idp, &crl->issuer);
		} else {
			struct x_dp as = { .has_name = true, .full = dp->issuer };
			meet = names_meet(k->v, &as, NULL, 0, &crl->idp, &crl->issuer);
		}
		if (!meet)
			return "it is for another distribution point";
	}
	if (crl->only_user && c->info.is_ca)
		return "it lists no CA certificates";
	if (crl->only_ca && !c->info.is_ca)
		return "it lists CA certificates only";
	if (crl->only_attr)
		return "it lists attribute certificates only";
	return NULL;
}

/* ---- who signed it: (f) (g) ------------------------------------------------------------------------------------ */

static bool may_sign(struct look *k, struct cert_crl *crl, struct cert *by, bool on_path)
{
	struct v *v = k->v;

	if (!x_name_same(&crl->issuer, &by->subject) || !(by->info.key_usage & CERT_KU_CRL_SIGN) ||
	    !v_signed(v, &crl->memo, crl->tbs, crl->sig, &crl->alg, by))
		return false;
	/* Certificates of the path are judged by its own checks. */
	return on_path || v_find_signer_path(v, by, k->p->v[k->p->n - 1], V_GOAL_CRL_SIGNER);
}

/* Whose key made the signature, or NULL. */
static const struct cert *signer_of(struct look *k, struct cert_crl *crl)
{
	const struct cert_verify *req = k->v->req;
	const struct v_path *p = k->p;

	if (v_alg_weak(k->v, &crl->alg))
		return NULL;
	for (size_t i = k->i + 1; i < p->n; i++)
		if (may_sign(k, crl, p->v[i], true))
			return p->v[i];
	for (size_t i = 0; i < req->n_intermediates; i++)
		if (may_sign(k, crl, req->intermediates[i], false))
			return req->intermediates[i];
	for (size_t i = 0; i < req->n_anchors; i++)
		if (may_sign(k, crl, req->anchors[i], false))
			return req->anchors[i];
	return NULL;
}

/* The same, with a word when there is none. */
static const struct cert *signer_told(struct look *k, struct cert_crl *crl)
{
	const char *weak = v_alg_weak(k->v, &crl->alg);
	const struct cert *by = signer_of(k, crl);

	if (weak)
		NOTE(k, E_CRL_BAD, "the CRL of \"%s\" is signed with %s", v_dn(k->v, crl->info.issuer), weak);
	else if (!by)
		NOTE(k, E_CRL_BAD,
		     "the CRL of \"%s\" has no valid signature of a certificate of that name that may sign CRLs",
		     v_dn(k->v, crl->info.issuer));
	return by;
}

/* ---- times, deltas: (a) (c) (h) ----------------------------------------------------------------------------- */

static int number_cmp(slice a, slice b)
{
	while (a.n > 1 && !a.p[0])
		a = slice_of(a.p + 1, a.n - 1);
	while (b.n > 1 && !b.p[0])
		b = slice_of(b.p + 1, b.n - 1);
	return a.n != b.n ? (a.n < b.n ? -1 : 1) : a.n ? memcmp(a.p, b.p, a.n) : 0;
}

static bool same_scope(struct v *v, const struct cert_crl *a, const struct cert_crl *b)
{
	const struct x_name *base = &a->issuer;

	if (a->has_idp != b->has_idp || a->only_user != b->only_user || a->only_ca != b->only_ca ||
	    a->only_attr != b->only_attr || a->indirect != b->indirect || a->idp.reasons != b->idp.reasons ||
	    a->idp.has_name != b->idp.has_name)
		return false;
	return !a->idp.has_name || names_meet(v, &a->idp, &base, 1, &b->idp, &b->issuer);
}

static bool is_current(const struct cert_crl *crl, int64_t now)
{
	return crl->info.this_update <= now && crl->info.next_update >= now;
}

/* The newest delta that builds on this CRL and that the same key signed (RFC 5280 section 5.2.4), or NULL. One that is out of
 * date only tells what was revoked after the CRL was made. */
static struct cert_crl *delta_of(struct look *k, const struct cert_crl *base, const struct cert *signer, bool current)
{
	const struct cert_verify *req = k->v->req;
	struct cert_crl *best = NULL;

	for (size_t i = 0; i < req->n_crls; i++) {
		struct cert_crl *d = req->crls[i];
		if (!d->info.base.n || !base->info.number.n || !d->info.number.n ||
		    !x_name_same(&d->issuer, &base->issuer) || !same_scope(k->v, base, d) ||
		    number_cmp(d->info.base, base->info.number) > 0 ||
		    number_cmp(d->info.number, base->info.number) < 0 || d->unknown_critical.n)
			continue;
		if (current ? !is_current(d, req->time) : d->info.this_update > req->time ||
		    d->info.this_update < base->info.this_update)
			continue;
		if (best && number_cmp(best->info.number, d->info.number) >= 0)
			continue;
		const struct cert *by = signer_of(k, d);
		if (by && memcmp(by->key_sha256, signer->key_sha256, 32) == 0)
			best = d;
	}
	return best;
}

static const struct x_revoked *listed(const struct cert_crl *crl, const struct cert *c)
{
	size_t lo = 0, hi = crl->n_revoked;
	const struct x_revoked key = { .serial = c->serial };

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct x_revoked *r = &crl->revoked[mid];
		size_t n = r->serial.n < key.serial.n ? r->serial.n : key.serial.n;
		int d = memcmp(r->serial.p, key.serial.p, n);
		if (d < 0 || (d == 0 && r->serial.n < key.serial.n))
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < crl->n_revoked && slice_equal(crl->revoked[lo].serial, c->serial); lo++)
		if (x_name_same(crl->revoked[lo].issuer, &c->issuer))
			return &crl->revoked[lo];
	return NULL;
}

static void say_revoked(struct look *k, const struct cert_crl *crl, const struct x_revoked *r)
{
	struct v *v = k->v;

	k->s->state = V_REVOKED;
	k->s->text = arena_fmt(&v->rep->arena, "serial %s was revoked at %s (%s), says %s%s%sof %s by \"%s\"",
			       v_hex(v, k->c->serial), v_time(v, r->at), x_reason_name(r->reason),
			       crl->info.base.n ? "delta CRL " : "CRL ",
			       crl->info.number.n ? v_hex(v, crl->info.number) : "", crl->info.number.n ? " " : "",
			       v_time(v, crl->info.this_update), v_dn(v, crl->info.issuer));
	v->nomem |= !k->s->text;
}

/* Does a newer complete CRL of the same key and scope not list it any more (a hold that was taken back)? */
static bool taken_back(struct look *k, const struct cert_crl *crl, const struct cert *signer)
{
	const struct cert_verify *req = k->v->req;

	for (size_t i = 0; i < req->n_crls; i++) {
		struct cert_crl *n = req->crls[i];
		if (n->info.base.n || n->info.this_update <= crl->info.this_update || n->info.this_update > req->time ||
		    n->unknown_critical.n || !x_name_same(&n->issuer, &crl->issuer) || !same_scope(k->v, crl, n) || listed(n, k->c))
			continue;
		const struct cert *by = signer_of(k, n);
		if (by && memcmp(by->key_sha256, signer->key_sha256, 32) == 0)
			return true;
	}
	return false;
}

/* A CRL or delta that is out of date still tells who was revoked; whether it was taken back since is worth a look. */
static bool is_revoked(struct look *k, const struct cert_crl *crl, const struct cert *signer)
{
	enum { REMOVE = 8 };
	int64_t now = k->v->req->time;

	for (int current = 1; current >= 0; current--) {
		const struct cert_crl *delta = crl->info.number.n ? delta_of(k, crl, signer, current) : NULL;
		const struct x_revoked *r = delta ? listed(delta, k->c) : NULL;
		if (!r)
			continue;
		if (r->reason == REMOVE)
			return false;
		k->s->stale = !is_current(delta, now);
		say_revoked(k, delta, r);
		return true;
	}
	const struct x_revoked *r = listed(crl, k->c);
	if (!r || taken_back(k, crl, signer))
		return false;
	k->s->stale = !is_current(crl, now);
	say_revoked(k, crl, r);
	return true;
}

/* What was revoked since the complete CRL is where it, or the certificate, says (RFC 5280 sections 5.2.6 and 4.2.1.15). */
static void want_delta(struct look *k, const struct cert_crl *crl)
{
	bool mine = crl->info.n_fresh_uris > 0;

	if (k->v->quiet || (!mine && !k->c->n_fresh_uris))
		return;
	v_want(k->v, (struct cert_want){ .kind = CERT_WANT_DELTA, .cert = k->c, .issuer = k->p->v[k->i + 1],
		.uris = mine ? crl->info.fresh_uris : k->c->fresh_uris,
		.n_uris = mine ? crl->info.n_fresh_uris : k->c->n_fresh_uris });
}

/* Takes one complete CRL that covers the distribution point. */
static void take(struct look *k, const struct x_dp *dp, struct cert_crl *crl)
{
	struct v *v = k->v;
	int64_t now = v->req->time;
	uint16_t reasons = dp->reasons & crl->idp.reasons;

	/* Enough is known to call it good: does this one say otherwise? The order of CRLs decides nothing. */
	if (!(reasons & ~k->reasons)) {
		const struct cert *by = crl->unknown_critical.n || crl->info.this_update > now ? NULL : signer_of(k, crl);
		if (by)
			(void)is_revoked(k, crl, by);
		return;
	}
	if (crl->unknown_critical.n) {
		NOTE(k, E_CRL_BAD, "the CRL of \"%s\" has a critical extension that is not known here: %s",
		     v_dn(v, crl->info.issuer), v_oid(v, crl->unknown_critical));
		return;
	}
	if (crl->info.this_update > now) {
		v->dates_off = true;
		NOTE(k, E_CRL_STALE, "the CRL of \"%s\" is from %s, and it is %s", v_dn(v, crl->info.issuer),
			v_time(v, crl->info.this_update), v_time(v, now));
		return;
	}
	const struct cert *signer = signer_told(k, crl);
	if (!signer || is_revoked(k, crl, signer))
		return;
	/* A delta in date makes an old base as good as a new one: together they are a complete CRL. */
	const struct cert_crl *delta = delta_of(k, crl, signer, true);
	if (!delta)
		want_delta(k, crl);
	if (!delta && !is_current(crl, now)) {
		NOTE(k, E_CRL_STALE,
		     crl->info.next_update ? "the CRL of \"%s\" was to be replaced at %s, and it is %s"
					   : "the CRL of \"%s\" does not say when it ends (nextUpdate: %s; now %s)",
		     v_dn(v, crl->info.issuer), v_time(v, crl->info.next_update), v_time(v, now));
		return;
	}
	k->reasons |= reasons;
	int64_t until = delta ? delta->info.next_update : crl->info.next_update;
	if (!k->s->until || until < k->s->until)
		k->s->until = until;
	V_OK(v, k->i, k->c, CRL, "not listed in CRL %s%sof %s by \"%s\"%s",
	     crl->info.number.n ? v_hex(v, crl->info.number) : "", crl->info.number.n ? " " : "", v_time(v, crl->info.this_update),
	     v_dn(v, crl->info.issuer), delta ? " nor in its delta" : "");
}

static void take_all(struct look *k, const struct x_dp *dp)
{
	const struct cert_verify *req = k->v->req;

	for (size_t i = 0; i < req->n_crls && k->s->state != V_REVOKED; i++) {
		struct cert_crl *crl = req->crls[i];
		if (crl->info.base.n)
			continue;
		const char *why = covers(k, dp, crl);
		if (!why)
			take(k, dp, crl);
		else if (*why && k->reasons != X_REASONS_ALL)
			NOTE(k, E_CRL_MISSING, "the CRL of \"%s\" does not apply: %s", v_dn(k->v, crl->info.issuer),
			     why);
	}
}

void v_status_by_crl(struct v *v, const struct v_path *p, size_t i, struct v_status *s)
{
	struct look k = { .v = v, .p = p, .i = i, .c = p->v[i], .s = s };
	/* Section 6.3.3, last paragraph: CRLs of the issuer that no distribution point tells about. */
	struct x_gn self = { X_GN_DIR, k.c->issuer.der, k.c->issuer.canon };
	const struct x_dp issuer = { .has_name = true, .full = { &self, 1 }, .reasons = X_REASONS_ALL };

	for (size_t d = 0; d < k.c->n_dps && s->state != V_REVOKED; d++)
		take_all(&k, &k.c->dps[d]);
	if (s->state != V_REVOKED)
		take_all(&k, &issuer);
	if (s->state == V_REVOKED)
		return;
	if (k.reasons == X_REASONS_ALL) {
		s->state = V_GOOD;
		s->text = arena_fmt(&v->rep->arena, "not listed in a CRL that is good until %s", v_time(v, s->until));
		v->nomem |= !s->text;
	} else if (k.reasons) {
		s->err = E_CRL_MISSING;
		s->text = "its CRLs cover only some of the reasons to revoke";
	}
}
