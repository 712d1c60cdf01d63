/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search for a path: from the leaf upwards, issuer by issuer, names compared in canonical form, signatures checked
 * on the way so that wrong turns end early. Issuers whose key identifier fits come first, anchors before intermediates.
 * All is bounded: length, number of paths, signatures.
 */
#include "der.h"
#include "verify.h"

#include <stdlib.h>

struct search {
	struct v *v;
	struct v_path p;
	enum v_goal goal;
	const struct cert *anchor; /* the only one to end at, or NULL */
	size_t deepest;            /* how far names and signatures led */
	struct cert *top;          /* the certificate whose issuer is not here */
};

static bool same_cert(const struct cert *a, const struct cert *b)
{
	return a == b || slice_equal(a->info.der, b->info.der);
}

static bool on_path(const struct v_path *p, const struct cert *c)
{
	for (size_t i = 0; i < p->n; i++)
		if (same_cert(p->v[i], c))
			return true;
	return false;
}

static bool is_anchor(const struct search *s, const struct cert *c)
{
	if (s->anchor)
		return same_cert(s->anchor, c);
	for (size_t i = 0; i < s->v->req->n_anchors; i++)
		if (same_cert(s->v->req->anchors[i], c))
			return true;
	return false;
}

/* A complete path: judge it, keep it when it is the best of those that failed. */
static bool judge(struct search *s)
{
	struct v *v = s->v;

	v->n_paths++;
	if (!v->quiet)
		v->path = (uint16_t)v->n_paths;
	v->fails = 0;
	v->err = 0;
	v->text = "";
	v->rev_until = 0;
	v_check_path(v, &s->p, s->goal);
	if (v->fails == 0) {
		v->best = s->p;
		return true;
	}
	if (!v->best.n || v->fails < v->best_fails) {
		v->best = s->p;
		v->best_fails = v->fails;
		v->best_err = v->err;
		v->best_text = v->text;
		v->best_no = v->path;
	}
	return false;
}

static bool key_id_fits(const struct cert *c, const struct cert *by)
{
	return c->info.akid.n && by->info.skid.n && slice_equal(c->info.akid, by->info.skid);
}

static bool climb(struct search *s);

static bool try_issuer(struct search *s, struct cert *by, bool anchor)
{
	struct v *v = s->v;
	struct cert *c = s->p.v[s->p.n - 1];
	size_t depth = s->p.n - 1;

	if (!x_name_same(&c->issuer, &by->subject) || on_path(&s->p, by))
		return false;
	if (!v_signed_cert(v, c, by)) {
		/* Several keys of one name are normal: only a signature no issuer made is a failure. */
		return false;
	}
	if (depth + 1 > s->deepest)
		s->deepest = depth + 1;
	s->p.v[s->p.n++] = by;
	bool ok = anchor ? judge(s) : climb(s);
	s->p.n--;
	return ok;
}

/* pass 0: issuers whose key identifier fits; 1: the others; 2: all. */
static bool try_list(struct search *s, struct cert *const *list, size_t n, bool anchors, int pass)
{
	struct cert *c = s->p.v[s->p.n - 1];

	for (size_t i = 0; i < n && s->v->n_paths < V_PATHS_MAX; i++) {
		if (pass < 2 && key_id_fits(c, list[i]) != (pass == 0))
			continue;
		if (anchors && s->anchor && !same_cert(s->anchor, list[i]))
			continue;
		/* An anchor below another one: the way beyond it comes last, for who wants a CA there. */
		if (!anchors && pass < 2 && is_anchor(s, list[i]))
			continue;
		if (try_issuer(s, list[i], anchors))
			return true;
	}
	return false;
}

static bool climb(struct search *s)
{
	const struct cert_verify *req = s->v->req;

	if (s->p.n >= V_DEPTH_MAX - 1 || s->v->n_paths >= V_PATHS_MAX)
		return false;
	if (s->p.n - 1 >= s->deepest) {
		s->deepest = s->p.n - 1;
		s->top = s->p.v[s->p.n - 1];
	}
	for (int pass = 0; pass < 2; pass++)
		if (try_list(s, req->anchors, req->n_anchors, true, pass) ||
		    try_list(s, req->intermediates, req->n_intermediates, false, pass))
			return true;
	return !s->anchor && s->goal == V_GOAL_PEER && try_list(s, req->anchors, req->n_anchors, false, 2);
}

static bool search(struct search *s, struct cert *leaf)
{
	s->p.v[0] = leaf;
	s->p.n = 1;
	s->top = leaf;
	if (is_anchor(s, leaf)) /* trusted as it is */
		return judge(s);
	return climb(s);
}

bool v_find_signer_path(struct v *v, struct cert *c, const struct cert *anchor, enum v_goal goal)
{
	struct v keep = *v;
	struct search s = { .v = v, .goal = goal, .anchor = anchor };

	if (v->nest >= V_NEST_MAX)
		return false;
	for (unsigned i = 0; i < v->nest; i++)
		if (same_cert(v->busy[i], c))
			return true;
	v->busy[v->nest++] = c;
	v->quiet++;
	v->n_paths = 0;
	bool ok = search(&s, c);
	keep.n_signatures = v->n_signatures;
	keep.nomem = v->nomem;
	keep.dates_off |= v->dates_off;
	*v = keep;
	return ok;
}

/* ---- no path at all ---- */

/* Is a certificate of this name here, though its key did not sign? */
static const struct cert *named(const struct v *v, const struct x_name *name, const struct cert *not)
{
	const struct cert_verify *req = v->req;

	for (size_t i = 0; i < req->n_anchors; i++)
		if (x_name_same(name, &req->anchors[i]->subject) && !same_cert(req->anchors[i], not))
			return req->anchors[i];
	for (size_t i = 0; i < req->n_intermediates; i++)
		if (x_name_same(name, &req->intermediates[i]->subject) && !same_cert(req->intermediates[i], not))
			return req->intermediates[i];
	return NULL;
}

static void no_path(struct v *v, const struct search *s)
{
	struct cert *top = s->top;
	const struct cert *by = named(v, &top->issuer, top);
	size_t depth = s->deepest;

	v->path = 1;
	if (by && v->n_signatures >= V_SIGNATURES_MAX)
		V_FAIL(v, depth, top, PATH, E_CERT_UNKNOWN_CA, "the search for a path was given up after %u signatures",
			v->n_signatures);
	else if (by)
		V_FAIL(v, depth, top, SIGNATURE, E_CERT_BAD_SIGNATURE,
		       "the issuer \"%s\" is here, but its key did not make this signature", v_dn(v, top->info.issuer));
	else if (top->info.flags & CERT_SELF_SIGNED)
		V_FAIL(v, depth, top, PATH, E_CERT_UNKNOWN_CA,
		       "\"%s\" is self-signed and no trust anchor of ours (%zu anchors)", v_dn(v, top->info.subject),
		       v->req->n_anchors);
	else
		V_FAIL(v, depth, top, PATH, E_CERT_UNKNOWN_CA,
		       "the issuer \"%s\"%s%s is missing: %zu steps above the leaf, %zu intermediates and %zu anchors "
		       "at hand",
		       v_dn(v, top->info.issuer), top->info.akid.n ? ", key id " : "",
		       top->info.akid.n ? v_hex(v, top->info.akid) : "", depth, v->req->n_intermediates,
		       v->req->n_anchors);
	if (!by && top->info.n_issuer_uris)
		v_want(v, (struct cert_want){ .kind = CERT_WANT_ISSUER, .decides = true, .cert = top,
			.uris = top->info.issuer_uris, .n_uris = top->info.n_issuer_uris });
	v->best = s->p;
	v->best.n = 1;
	v->best_err = v->err;
	v->best_text = v->text;
	v->best_no = 1;
}

/* ---- the request ---- */

static err_t read_policies(struct v *v)
{
	const struct cert_verify *req = v->req;

	v->policies = arena_get(&v->rep->arena, (req->n_policies + 1) * sizeof *v->policies);
	if (!v->policies)
		return E_NOMEM;
	for (size_t i = 0; i < req->n_policies; i++) {
		uint8_t oid[V_OID_MAX];
		size_t n;
		if (strcmp(req->policies[i], "any") == 0) {
			v->n_policies = 0;
			return 0;
		}
		err_t e = asn_oid_parse(req->policies[i], oid, sizeof oid, &n);
		if (e)
			return E_BAD_VALUE;
		if (slice_equal(slice_of(oid, n), SLICE_LIT("\x55\x1d\x20\x00"))) { /* anyPolicy by its number */
			v->n_policies = 0;
			return 0;
		}
		v->policies[v->n_policies] = arena_slice(&v->rep->arena, slice_of(oid, n));
		if (!v->policies[v->n_policies++].p)
			return E_NOMEM;
	}
	return 0;
}

static err_t keep_chain(struct v *v, const struct v_path *p)
{
	struct v_report *r = v->rep;

	r->chain = arena_get(&r->arena, p->n * sizeof *r->chain);
	if (!r->chain)
		return E_NOMEM;
	r->pub.valid_until = INT64_MAX;
	for (size_t i = 0; i < p->n; i++) {
		r->chain[i] = x_cert_ref(p->v[i]);
		r->pub.n_chain++;
		if (p->v[i]->info.not_after < r->pub.valid_until)
			r->pub.valid_until = p->v[i]->info.not_after;
	}
	return 0;
}

err_t x_verify(const struct cert_verify *req, struct cert_report **out)
{
	struct v v = { .req = req };

	*out = NULL;
	if (!req->leaf || req->size < sizeof *req)
		return E_MISUSE;
	err_t e = v_report_new(&v.rep);
	if (e)
		return e;
	e = read_policies(&v);
	if (e)
		goto fail;
	struct search s = { .v = &v, .goal = V_GOAL_PEER };
	struct v_report *r = v.rep;
	bool ok = search(&s, req->leaf);
	if (ok) {
		r->pub.text = arena_fmt(&r->arena, "valid by a path of %zu certificates to the anchor \"%s\"", v.best.n,
			v_dn(&v, v.best.v[v.best.n - 1]->info.subject));
		r->pub.path = v.path;
		r->pub.revocation_until = v.rev_until;
		r->pub.policies = v.good_policies;
		r->pub.n_policies = v.n_good_policies;
		r->pub.name = v.matched;
	} else {
		if (!v.best.n)
			no_path(&v, &s);
		r->pub.verdict = v.best_err;
		r->pub.text = v.best_text;
		r->pub.path = v.best_no;
	}
	e = keep_chain(&v, &v.best);
	if (v.nomem || !r->pub.text)
		e = E_NOMEM;
	if (e)
		goto fail;
	r->pub.remedy = ok ? "" : cert_remedy(r->pub.verdict);
	r->pub.nodes = r->nodes;
	r->pub.n_nodes = r->n_nodes;
	r->pub.chain = r->chain;
	r->pub.wants = r->wants;
	*out = &r->pub;
	return 0;
fail:
	x_report_free(&v.rep->pub);
	return e;
}
