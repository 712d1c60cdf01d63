/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search for a path: from the leaf upwards through the certificates that reach.c found. Those in date come first, then
 * those nearest to an anchor. All is bounded: length, number of paths, steps, signatures.
 */
#include "der.h"
#include "verify.h"

#include <stdlib.h>

struct search {
	struct v *v;
	struct v_path p;
	enum v_goal goal;
	struct v_reach reach;
	bool *on_path; /* of each `who` of the reach */
};

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

static bool give_up(struct v *v)
{
	if (v->n_paths < V_PATHS_MAX && v->n_steps < V_STEPS_MAX)
		return false;
	v->gave_up = true;
	return true;
}

/* From certificate `at` of the reach upwards. No name with its key is twice on a path (RFC 4158 section 2.4.2). */
static bool climb(struct search *s, const struct v_node_up *at)
{
	struct v_reach *r = &s->reach;

	if (s->p.n >= V_DEPTH_MAX - 1)
		return false;
	for (size_t k = 0; k < at->n_by; k++) {
		uint16_t who = at->by[k];
		if (s->on_path[who])
			continue;
		bool ok = false;
		s->on_path[who] = true;
		for (size_t i = 0; i < r->who[who].n && !ok; i++) {
			const struct v_node_up *up = &r->nodes[r->order[r->who[who].first + i]];
			if (up->height == V_NO_HEIGHT)
				continue;
			if (give_up(s->v))
				break;
			s->v->n_steps++;
			s->p.v[s->p.n++] = up->c;
			/* An anchor may be below another one: the way beyond is for who wants a CA there. */
			ok = (up->anchor && judge(s)) || climb(s, up);
			s->p.n--;
		}
		s->on_path[who] = false;
		if (ok)
			return true;
	}
	return false;
}

static bool search(struct search *s, struct cert *leaf, const struct cert *anchor)
{
	struct v *v = s->v;

	s->p.v[0] = leaf;
	s->p.n = 1;
	if (v_is_anchor(v, leaf, anchor)) /* trusted as it is */
		return judge(s);
	if (!v_reach_find(v, leaf, anchor, &s->reach))
		return false;
	s->on_path = calloc(s->reach.n_who + 1, sizeof *s->on_path);
	v->nomem |= !s->on_path;
	return s->on_path && climb(s, &s->reach.nodes[0]);
}

static void search_fini(struct search *s)
{
	v_reach_fini(&s->reach);
	free(s->on_path);
}

bool v_find_signer_path(struct v *v, struct cert *c, const struct cert *anchor, enum v_goal goal)
{
	struct v keep = *v;
	struct search s = { .v = v, .goal = goal };

	if (v->nest >= V_NEST_MAX)
		return false;
	for (unsigned i = 0; i < v->nest; i++)
		if (v_same_cert(v->busy[i], c))
			return true;
	v->busy[v->nest++] = c;
	v->quiet++;
	v->n_paths = 0;
	bool ok = search(&s, c, anchor);
	search_fini(&s);
	keep.n_signatures = v->n_signatures;
	keep.n_steps = v->n_steps;
	keep.gave_up |= v->gave_up;
	keep.nomem = v->nomem;
	keep.dates_off |= v->dates_off;
	*v = keep;
	return ok;
}

/* ---- no path at all ---- */

/* Is a certificate of the issuer's name here, though its key did not sign? */
static bool issuer_named(const struct v *v, const struct cert *c)
{
	const struct cert_verify *req = v->req;

	for (size_t i = 0; i < req->n_anchors + req->n_intermediates; i++) {
		const struct cert *by = i < req->n_anchors ? req->anchors[i] : req->intermediates[i - req->n_anchors];
		bool itself = c->info.self_issued && memcmp(by->key_sha256, c->key_sha256, 32) == 0;
		if (x_name_same(&c->issuer, &by->subject) && !itself)
			return true;
	}
	return false;
}

static void no_path(struct v *v, const struct search *s)
{
	const struct v_node_up *highest = v_reach_top(&s->reach);
	struct cert *top = highest->c;
	size_t depth = highest->depth;
	bool by = issuer_named(v, top);

	v->path = 1;
	if (v->gave_up)
		V_FAIL(v, depth, top, PATH, E_CERT_UNKNOWN_CA,
			"the search for a path was given up after %zu certificates, %u steps and %u signatures", s->reach.n_nodes,
			v->n_steps, v->n_signatures);
	else if (highest->n_by)
		V_FAIL(v, depth, top, PATH, E_CERT_UNKNOWN_CA,
			"the CAs above \"%s\" sign one another, and none of them is a trust anchor of ours (%zu anchors)",
			v_dn(v, top->info.subject), v->req->n_anchors);
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
	bool ok = search(&s, req->leaf, NULL);
	if (ok) {
		r->pub.text = arena_fmt(&r->arena, "valid by a path of %zu certificates to the anchor \"%s\"", v.best.n,
			v_dn(&v, v.best.v[v.best.n - 1]->info.subject));
		r->pub.path = v.path;
		r->pub.revocation_until = v.rev_until;
		r->pub.policies = v.good_policies;
		r->pub.n_policies = v.n_good_policies;
		r->pub.name = v.matched;
	} else {
		if (!v.best.n && s.reach.n_nodes)
			no_path(&v, &s);
		else if (v.gave_up)
			V_NOTE(&v, 0, req->leaf, PATH, 0, "the search for a better path was given up after %u paths, %u steps and %u "
				"signatures", v.n_paths, v.n_steps, v.n_signatures);
		r->pub.verdict = v.best_err;
		r->pub.text = v.best_text;
		r->pub.path = v.best_no;
	}
	search_fini(&s);
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
