/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All checks of one path (RFC 5280 section 6.1), from the certificate below the anchor to the leaf. A failure does not
 * end them: the tree shows everything that is wrong at once. What the anchor's certificate says about itself (dates,
 * being a CA, path length, name constraints) is honoured too, as its owner means it (RFC 5937).
 */
#include "base/text.h"
#include "config/dn.h"
#include "verify.h"

struct state {
	struct v *v;
	const struct v_path *p;
	enum v_goal goal;
	struct v_limit limits;
	struct v_policy *policy;
	int32_t path_len; /* how many more CAs may follow */
};

static void check_dates(struct state *st, size_t depth)
{
	struct v *v = st->v;
	const struct cert *c = st->p->v[depth];
	int64_t now = v->req->time;

	if (depth == st->p->n - 1 && depth && v->req->flags & CERT_NO_ANCHOR_DATES)
		return;
	if (now < c->info.not_before) {
		v->dates_off = true;
		V_FAIL(v, depth, c, VALIDITY, E_CERT_NOT_YET, "not valid before %s, and it is %s",
		       v_time(v, c->info.not_before), v_time(v, now));
	} else if (now > c->info.not_after) {
		v->dates_off = true;
		V_FAIL(v, depth, c, VALIDITY, E_CERT_EXPIRED, "expired at %s, and it is %s",
		       v_time(v, c->info.not_after), v_time(v, now));
	} else {
		V_OK(v, depth, c, VALIDITY, "valid from %s to %s", v_time(v, c->info.not_before),
		     v_time(v, c->info.not_after));
	}
}

static void check_algorithm(struct state *st, size_t depth)
{
	struct v *v = st->v;
	const struct cert *c = st->p->v[depth];
	const struct cert_verify *req = v->req;
	const char *weak = v_alg_weak(v, &c->alg), *name = gnutls_sign_get_name(c->alg.alg);

	V_OK(v, depth, c, SIGNATURE, "signed by \"%s\"", v_dn(v, c->info.issuer));
	if (weak) {
		V_FAIL(v, depth, c, ALGORITHM, E_CERT_WEAK, "signed with %s", weak);
		return;
	}
	bool listed = !req->n_schemes || st->goal != V_GOAL_PEER;
	for (size_t i = 0; i < req->n_schemes && !listed; i++)
		listed = req->schemes[i].sig_id == c->info.sig_id &&
			 (!req->schemes[i].hash || req->schemes[i].hash == c->info.sig_hash);
	if (!listed)
		V_FAIL(v, depth, c, ALGORITHM, E_CERT_WEAK, "signed with %s, which the connection does not accept",
		       name);
	else
		V_OK(v, depth, c, ALGORITHM, "signed with %s", name ? name : "?");
}

static void check_key(struct state *st, size_t depth)
{
	static const char *const kinds[] = {
		"a key of unknown kind", "RSA", "RSA-PSS", "ECDSA", "Ed25519", "Ed448", "DSA"
	};
	enum { RSA_FLOOR = 1024 };
	struct v *v = st->v;
	const struct cert *c = st->p->v[depth];
	const struct cert_verify *req = v->req;
	uint8_t kind = c->info.key_kind;
	bool ok = !req->n_strengths || st->goal != V_GOAL_PEER;
	unsigned want = 0;

	if ((kind == CERT_KEY_RSA || kind == CERT_KEY_RSA_PSS || kind == CERT_KEY_DSA) &&
	    c->info.key_bits < RSA_FLOOR) {
		V_FAIL(v, depth, c, KEY, E_CERT_WEAK, "%s key of %u bits: less than %d is no protection", kinds[kind],
			c->info.key_bits, RSA_FLOOR);
		return;
	}
	for (size_t i = 0; i < req->n_strengths && !ok; i++) {
		bool same = req->strengths[i].key_kind == kind ||
			    (kind == CERT_KEY_RSA_PSS && req->strengths[i].key_kind == CERT_KEY_RSA);
		ok = same && c->info.key_bits >= req->strengths[i].min_bits;
		want = same && req->strengths[i].min_bits > want ? req->strengths[i].min_bits : want;
	}
	if (ok)
		V_OK(v, depth, c, KEY, "%s of %u bits", kinds[kind], c->info.key_bits);
	else if (want)
		V_FAIL(v, depth, c, KEY, E_CERT_WEAK, "%s of %u bits, the connection wants %u", kinds[kind],
		       c->info.key_bits, want);
	else
		V_FAIL(v, depth, c, KEY, E_CERT_WEAK, "%s is a kind of key the connection does not accept",
		       kinds[kind]);
}

/* The certificate at `depth` issued the one below it: section 6.1.4 (k) to (n). */
static void check_issuer(struct state *st, size_t depth)
{
	struct v *v = st->v;
	const struct cert *c = st->p->v[depth];
	bool anchor = depth == st->p->n - 1;

	/* A self-signed root of version 1 cannot say that it is a CA: whoever made it an anchor says it. */
	if (!c->info.is_ca && !(anchor && !(c->info.flags & CERT_V3))) {
		V_FAIL(v, depth, c, CA, E_CERT_NOT_CA, c->has_bc ? "basicConstraints says it is no CA" :
			"it has no basicConstraints that make it a CA");
		return;
	}
	if (!(c->info.key_usage & CERT_KU_CERT_SIGN)) {
		V_FAIL(v, depth, c, KEY_USAGE, E_CERT_USAGE, "keyUsage lacks keyCertSign, which issuing needs");
		return;
	}
	V_OK(v, depth, c, CA, "a CA that may sign certificates");
	if (!anchor && !c->info.self_issued) {
		if (st->path_len <= 0) {
			V_FAIL(v, depth, c, PATH_LEN, E_CERT_PATH_LEN, "a CA above it allows no further CA here");
			return;
		}
		st->path_len--;
	}
	if (c->info.path_len >= 0 && c->info.path_len < st->path_len)
		st->path_len = c->info.path_len;
}

static void check_extensions(struct state *st, size_t depth)
{
	struct v *v = st->v;
	const struct cert *c = st->p->v[depth];

	if (c->unknown_critical.n)
		V_FAIL(v, depth, c, EXTENSIONS, E_CERT_CRITICAL, "critical extension %s is not known here",
			v_oid(v, c->unknown_critical));
	else
		V_OK(v, depth, c, EXTENSIONS, "all critical extensions are known");
}

static void check_names(struct state *st, size_t depth)
{
	struct v *v = st->v;
	const struct cert *c = st->p->v[depth];

	if (!st->limits.n || (c->info.self_issued && depth))
		return;
	const char *bad = v_limit_check(v, &st->limits, c);
	if (bad)
		V_FAIL(v, depth, c, NAME_CONSTRAINTS, E_CERT_NAME_CONSTRAINT, "%s", bad);
	else
		V_OK(v, depth, c, NAME_CONSTRAINTS, "all names are inside the limits of %zu CAs", st->limits.n);
}

/* ---- the leaf ---- */

static void eku_text(uint32_t ekus, struct text *t)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} rows[] = {
#define row(id, bit, name, oid) { CERT_EKU_##id, name },
		CERT_EKU_ROWS(row)
#undef row
		{ CERT_EKU_OTHER, "others" }
	};
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (ekus & rows[i].bit) {
			text_fmt(t, "%s%s", any ? ", " : "", rows[i].name);
			any = true;
		}
	if (!any)
		text_str(t, "none");
}

static void check_usage(struct state *st)
{
	/* Every purpose that IKE is used with in the field counts (RFC 4945 section 5.1.3.12 names ipsecIKE alone). */
	static const uint32_t ike = CERT_EKU_IKE | CERT_EKU_ANY | CERT_EKU_SERVER_AUTH | CERT_EKU_CLIENT_AUTH |
		CERT_EKU_IKE_INTERMEDIATE | CERT_EKU_IPSEC_END | CERT_EKU_IPSEC_TUNNEL | CERT_EKU_IPSEC_USER;
	struct v *v = st->v;
	const struct cert *c = st->p->v[0];
	const struct cert_verify *req = v->req;
	TEXT_ON_STACK(has, 256);
	TEXT_ON_STACK(want, 256);

	if (st->goal == V_GOAL_CRL_SIGNER) {
		if (!(c->info.key_usage & CERT_KU_CRL_SIGN))
			V_FAIL(v, 0, c, KEY_USAGE, E_CERT_USAGE, "keyUsage lacks cRLSign");
		return;
	}
	if (st->goal != V_GOAL_PEER)
		return;
	eku_text(c->info.ekus, &has);
	eku_text(req->need_eku, &want);
	if (req->flags & CERT_FOR_IKE) {
		if (!(c->info.key_usage & (CERT_KU_SIGN | CERT_KU_NON_REPUDIATION)))
			V_FAIL(v, 0, c, KEY_USAGE, E_CERT_USAGE,
				"keyUsage has neither digitalSignature nor nonRepudiation, which IKE signatures need");
		else
			V_OK(v, 0, c, KEY_USAGE, c->info.flags & CERT_NO_KEY_USAGE ? "keyUsage is not limited" :
				"keyUsage allows signatures");
		if (!(c->info.flags & CERT_NO_EKU) && !(c->info.ekus & ike))
			V_FAIL(v, 0, c, EKU, E_CERT_USAGE,
			       "extKeyUsage has %s; IKE needs ipsecIKE, serverAuth, clientAuth, "
			       "iKEIntermediate or anyExtendedKeyUsage",
			       has.p);
	}
	if (req->need_eku && !(c->info.ekus & (req->need_eku | CERT_EKU_ANY)))
		V_FAIL(v, 0, c, EKU, E_CERT_USAGE, "extKeyUsage has %s, the connection wants %s", has.p, want.p);
	else if (req->need_eku)
		V_OK(v, 0, c, EKU, "extKeyUsage has %s", has.p);
}

static bool ca_on_path(const struct v_path *p, const struct cert *ca)
{
	for (size_t i = 1; i < p->n; i++)
		if (slice_equal(p->v[i]->info.der, ca->info.der))
			return true;
	return false;
}

static void check_constraints(struct state *st)
{
	struct v *v = st->v;
	const struct cert_verify *req = v->req;
	const struct cert *c = st->p->v[0];
	struct cert_why why;
	bool found = false;

	for (size_t i = 0; i < req->n_need_ca && !found; i++)
		found = ca_on_path(st->p, req->need_ca[i]) ||
			(st->p->n == 1 && slice_equal(req->need_ca[i]->info.der, c->info.der));
	if (req->n_need_ca && !found)
		V_FAIL(v, 0, c, CONSTRAINT, E_CERT_CONSTRAINT,
		       "none of the CAs the connection names is on the path; it ends at \"%s\"",
		       v_dn(v, st->p->v[st->p->n - 1]->info.subject));
	else if (found)
		V_OK(v, 0, c, CONSTRAINT, "the path has a CA the connection names");
	if (req->need_ca_name && req->need_ca_name->type) {
		found = false;
		for (size_t i = 1; i < st->p->n && !found; i++)
			found = x_name_find(st->p->v[i], req->need_ca_name, 0, NULL) != NULL;
		if (!found)
			V_FAIL(v, 0, c, CONSTRAINT, E_CERT_CONSTRAINT, "no CA of the path is \"%s\"",
			       req->need_ca_name->type == 9 ? v_dn(v, req->need_ca_name->data)
							    : "the one the connection names");
		else
			V_OK(v, 0, c, CONSTRAINT, "a CA of the path has the identity the connection names");
	}
	if (req->name.type) {
		v->matched = x_name_find(c, &req->name, req->flags, &why);
		if (v->matched)
			V_OK(v, 0, c, NAME, "%s", why.text);
		else
			V_FAIL(v, 0, c, NAME, E_CERT_NAME, "%s", why.text);
	}
	if (req->map) {
		if (x_map_match(req->map, c, &why))
			V_FAIL(v, 0, c, MAP, E_CERT_MAP, "%s", why.text);
		else
			V_OK(v, 0, c, MAP, "the certificate map matches");
	}
}

/* When dates did not fit: is it the clock rather than the certificates? */
static void check_clock(struct state *st)
{
	enum { CLOCK_FLOOR = 1735689600 /* 2025-01-01: no Adit is older */ };
	struct v *v = st->v;
	size_t before = 0, after = 0;
	int64_t now = v->req->time;
	const struct cert *c = st->p->v[0];

	for (size_t i = 0; i < st->p->n; i++) {
		before += now < st->p->v[i]->info.not_before;
		after += now > st->p->v[i]->info.not_after;
	}
	if (!v->dates_off)
		return;
	if (now < CLOCK_FLOOR)
		V_NOTE(v, 0, c, CLOCK, E_CERT_NOT_YET, "our clock says %s, which cannot be: it is not set",
		       v_time(v, now));
	else if (before == st->p->n)
		V_NOTE(v, 0, c, CLOCK, E_CERT_NOT_YET,
		       "all %zu certificates of the path, the anchor too, begin after our clock's %s: "
		       "the clock is probably behind",
		       before, v_time(v, now));
	else if (after == st->p->n)
		V_NOTE(v, 0, c, CLOCK, E_CERT_EXPIRED,
		       "all %zu certificates of the path, the anchor too, ended before our clock's %s: "
		       "the clock may be ahead",
		       after, v_time(v, now));
}

void v_check_path(struct v *v, const struct v_path *p, enum v_goal goal)
{
	struct state st = { .v = v, .p = p, .goal = goal, .path_len = V_DEPTH_MAX };
	size_t top = p->n - 1;
	const struct cert *anchor = p->v[top];
	bool policy_ok = true;

	check_dates(&st, top);
	if (top) {
		check_issuer(&st, top);
		check_key(&st, top);
		if (anchor->has_constraints)
			st.limits.by[st.limits.n++] = anchor;
	} else {
		V_OK(v, 0, anchor, PATH, "the certificate itself is a trust anchor");
		check_key(&st, 0);
	}
	st.policy = goal == V_GOAL_PEER && top ? v_policy_new(v, top) : NULL;
	for (size_t i = 1; i <= top; i++) {
		size_t depth = top - i;
		const struct cert *c = p->v[depth];
		check_algorithm(&st, depth);
		check_key(&st, depth);
		check_dates(&st, depth);
		check_names(&st, depth);
		policy_ok = policy_ok && st.policy && v_policy_step(st.policy, c, i, depth);
		check_extensions(&st, depth);
		if (!depth)
			break;
		check_issuer(&st, depth);
		if (c->has_constraints)
			st.limits.by[st.limits.n++] = c;
	}
	if (policy_ok && st.policy)
		v_policy_end(st.policy, p->v[0], 0);
	check_usage(&st);
	if (goal == V_GOAL_PEER)
		check_constraints(&st);
	/* A path that fails anyway needs no CRLs fetched for it. */
	if (!v->fails || goal == V_GOAL_PEER)
		for (size_t i = 0; i < top; i++)
			v_check_revocation(v, p, top - 1 - i);
	if (v->fails)
		check_clock(&st);
}
