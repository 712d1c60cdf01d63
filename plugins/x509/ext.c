/* SPDX-License-Identifier: Apache-2.0 */
/* Extensions of certificates (RFC 5280 section 4.2) and the structures they share with those of CRLs. */
#include "der.h"
#include "x509.h"

/* Room for one more entry of a growing list in the arena; doubled when full. */
static void *grow(struct x_parse *x, void *v, size_t n, size_t size)
{
	if (n >= X_LIST_MAX)
		return NULL;
	if (n && (n & (n - 1)))
		return v;
	void *more = arena_get(x->arena, (n ? 2 * n : 1) * size);
	if (more && n)
		memcpy(more, v, n * size);
	return more;
}

/* ---- general names ----------------------------------------------------------------------------------------------- */

err_t x_gn_read(struct x_parse *x, uint8_t tag, slice body, struct x_gn *out)
{
	uint8_t kind = tag & 0x1f;

	*out = (struct x_gn){ kind, body, SLICE_NONE };
	bool constructed = kind == X_GN_OTHER || kind == X_GN_X400 || kind == X_GN_DIR || kind == X_GN_EDI;
	if ((tag & 0xc0) != 0x80 || kind > X_GN_RID || !(tag & 0x20) == constructed)
		return E_CERT_MALFORMED;
	if (kind == X_GN_DIR) {
		struct x_name name;
		err_t e = x_name_read(x->arena, body, &name);
		out->canon = e ? SLICE_NONE : name.canon;
		return e;
	}
	return 0;
}

err_t x_gns_read(struct x_parse *x, struct rd r, struct x_gns *out)
{
	*out = (struct x_gns){ 0 };
	while (rd_left(&r)) {
		uint8_t tag;
		slice body = asn_any(&r, &tag, NULL);
		out->v = grow(x, out->v, out->n, sizeof *out->v);
		if (!out->v)
			return out->n < X_LIST_MAX ? E_NOMEM : E_CERT_MALFORMED;
		err_t e = r.err ? E_CERT_MALFORMED : x_gn_read(x, tag, body, &out->v[out->n]);
		if (e)
			return e;
		out->n++;
	}
	return r.err ? E_CERT_MALFORMED : 0;
}

/* ---- distribution points ----------------------------------------------------------------------------------------- */

/* DistributionPointName: [0] fullName, [1] nameRelativeToCRLIssuer. */
err_t x_dp_name_read(struct x_parse *x, struct rd r, struct x_dp *dp)
{
	err_t e;

	dp->has_name = true;
	if (asn_at(&r, 0xa0))
		e = x_gns_read(x, asn_in(&r, 0xa0), &dp->full);
	else
		e = x_rdn_canon(x->arena, asn_next(&r, 0xa1), &dp->relative);
	return e ? e : rd_close(&r) ? E_CERT_MALFORMED : 0;
}

err_t x_dps_read(struct x_parse *x, struct rd r, struct x_dp **out, size_t *n)
{
	struct rd list = asn_in(&r, ASN_SEQ);

	if (rd_close(&r) || !rd_left(&list))
		return E_CERT_MALFORMED;
	while (rd_left(&list)) {
		struct rd one = asn_in(&list, ASN_SEQ);
		struct x_dp dp = { .reasons = X_REASONS_ALL };
		err_t e = 0;
		if (asn_at(&one, 0xa0))
			e = x_dp_name_read(x, asn_in(&one, 0xa0), &dp);
		if (!e && asn_at(&one, 0x81))
			dp.reasons = asn_named_bits(&one, 0x81) & X_REASONS_ALL;
		if (!e && asn_at(&one, 0xa2))
			e = x_gns_read(x, asn_in(&one, 0xa2), &dp.issuer);
		if (!e && rd_close(&one))
			e = E_CERT_MALFORMED;
		*out = e ? NULL : grow(x, *out, *n, sizeof **out);
		if (e || !*out)
			return e ? e : *n < X_LIST_MAX ? E_NOMEM : E_CERT_MALFORMED;
		(*out)[(*n)++] = dp;
	}
	return 0;
}

static err_t add_uri(struct x_parse *x, slice uri, slice **v, size_t *n)
{
	for (size_t i = 0; i < uri.n; i++)
		if (uri.p[i] <= 0x20 || uri.p[i] >= 0x7f)
			return 0; /* nothing that could be fetched */
	if (!uri.n || *n >= 16)
		return 0;
	*v = grow(x, *v, *n, sizeof **v);
	if (!*v)
		return E_NOMEM;
	(*v)[(*n)++] = uri;
	return 0;
}

err_t x_uris_of_dps(struct x_parse *x, const struct x_dp *v, size_t n, const slice **out, size_t *n_out)
{
	slice *uris = NULL;

	*n_out = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < v[i].full.n; k++)
			if (v[i].full.v[k].tag == X_GN_URI && add_uri(x, v[i].full.v[k].value, &uris, n_out))
				return E_NOMEM;
	*out = uris;
	return 0;
}

/* ---- one function per extension; r is a window on the contents of the OCTET STRING ------------------------------ */

static err_t ext_skid(struct x_parse *x, struct cert *c, struct rd r)
{
	(void)x;
	c->info.skid = asn_next(&r, ASN_OCTETS);
	return rd_close(&r);
}

static err_t ext_akid(struct x_parse *x, struct cert *c, struct rd r)
{
	struct rd in = asn_in(&r, ASN_SEQ);

	(void)x;
	if (asn_at(&in, 0x80))
		c->info.akid = asn_next(&in, 0x80);
	if (asn_at(&in, 0xa1))
		asn_next(&in, 0xa1);
	if (asn_at(&in, 0x82))
		asn_next(&in, 0x82);
	return rd_close(&r) ? E_CERT_MALFORMED : rd_close(&in);
}

static err_t ext_key_usage(struct x_parse *x, struct cert *c, struct rd r)
{
	(void)x;
	c->info.key_usage = asn_named_bits(&r, ASN_BITS);
	c->info.flags &= ~(uint32_t)CERT_NO_KEY_USAGE;
	return rd_close(&r);
}

static err_t ext_eku(struct x_parse *x, struct cert *c, struct rd r)
{
	static const struct {
		uint32_t bit;
		const char *oid;
	} rows[] = {
#define row(id, bit, name, oid) { CERT_EKU_##id, oid },
		CERT_EKU_ROWS(row)
#undef row
	};
	struct rd in = asn_in(&r, ASN_SEQ);

	(void)x;
	c->info.flags &= ~(uint32_t)CERT_NO_EKU;
	while (rd_left(&in)) {
		char text[64];
		slice oid = asn_next(&in, ASN_OID);
		uint32_t bit = CERT_EKU_OTHER;
		asn_oid_text(oid, text, sizeof text);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			if (strcmp(rows[i].oid, text) == 0)
				bit = rows[i].bit;
		c->info.ekus |= bit;
	}
	return rd_close(&r) ? E_CERT_MALFORMED : rd_close(&in);
}

static err_t ext_san(struct x_parse *x, struct cert *c, struct rd r)
{
	err_t e = x_gns_read(x, asn_in(&r, ASN_SEQ), &c->san);

	return e ? e : rd_close(&r) || !c->san.n ? E_CERT_MALFORMED : 0;
}

static err_t ext_basic(struct x_parse *x, struct cert *c, struct rd r)
{
	struct rd in = asn_in(&r, ASN_SEQ);

	(void)x;
	c->has_bc = true;
	if (asn_at(&in, ASN_BOOL))
		c->info.is_ca = asn_bool(&in);
	if (asn_at(&in, ASN_INT))
		c->info.path_len = asn_small(&in, ASN_INT, 1 << 16);
	return rd_close(&r) ? E_CERT_MALFORMED : rd_close(&in);
}

/* GeneralSubtrees. A minimum or maximum other than the default is not defined for any name form (section 4.2.1.10). */
static err_t subtrees(struct x_parse *x, struct rd r, struct x_gns *out, slice *odd)
{
	while (rd_left(&r)) {
		struct rd in = asn_in(&r, ASN_SEQ);
		uint8_t tag;
		slice body = asn_any(&in, &tag, NULL);
		out->v = grow(x, out->v, out->n, sizeof *out->v);
		if (!out->v)
			return out->n < X_LIST_MAX ? E_NOMEM : E_CERT_MALFORMED;
		err_t e = in.err ? E_CERT_MALFORMED : x_gn_read(x, tag, body, &out->v[out->n]);
		if (e)
			return e;
		out->n++;
		if ((asn_at(&in, 0x80) && asn_small(&in, 0x80, 9)) || asn_at(&in, 0x81)) {
			*odd = body;
			rd_rest(&in);
		}
		if (rd_close(&in))
			return E_CERT_MALFORMED;
	}
	return r.err ? E_CERT_MALFORMED : 0;
}

static err_t ext_name_constraints(struct x_parse *x, struct cert *c, struct rd r)
{
	struct rd in = asn_in(&r, ASN_SEQ);
	err_t e = 0;

	c->has_constraints = true;
	if (asn_at(&in, 0xa0))
		e = subtrees(x, asn_in(&in, 0xa0), &c->permitted, &c->permitted_bad);
	if (!e && asn_at(&in, 0xa1))
		e = subtrees(x, asn_in(&in, 0xa1), &c->excluded, &c->permitted_bad);
	return e ? e : rd_close(&r) ? E_CERT_MALFORMED : rd_close(&in);
}

static err_t ext_crl_dps(struct x_parse *x, struct cert *c, struct rd r)
{
	return x_dps_read(x, r, &c->dps, &c->n_dps);
}

static err_t ext_freshest(struct x_parse *x, struct cert *c, struct rd r)
{
	return x_dps_read(x, r, &c->fresh, &c->n_fresh);
}

static bool is_any_policy(slice oid)
{
	return slice_equal(oid, SLICE_LIT("\x55\x1d\x20\x00"));
}

static err_t ext_policies(struct x_parse *x, struct cert *c, struct rd r)
{
	struct rd list = asn_in(&r, ASN_SEQ);

	c->has_policies = true;
	if (rd_close(&r) || !rd_left(&list))
		return E_CERT_MALFORMED;
	while (rd_left(&list)) {
		struct rd in = asn_in(&list, ASN_SEQ);
		struct x_policy p = { asn_next(&in, ASN_OID) };
		if (rd_left(&in))
			asn_next(&in, ASN_SEQ); /* qualifiers are for people */
		if (rd_close(&in))
			return E_CERT_MALFORMED;
		for (size_t i = 0; i < c->n_policies; i++)
			if (slice_equal(c->policies[i].oid, p.oid))
				return E_CERT_MALFORMED;
		c->any_policy |= is_any_policy(p.oid);
		c->policies = grow(x, c->policies, c->n_policies, sizeof *c->policies);
		if (!c->policies)
			return c->n_policies < X_LIST_MAX ? E_NOMEM : E_CERT_MALFORMED;
		c->policies[c->n_policies++] = p;
	}
	return rd_close(&list);
}

static err_t ext_mappings(struct x_parse *x, struct cert *c, struct rd r)
{
	struct rd list = asn_in(&r, ASN_SEQ);

	if (rd_close(&r) || !rd_left(&list))
		return E_CERT_MALFORMED;
	while (rd_left(&list)) {
		struct rd in = asn_in(&list, ASN_SEQ);
		struct x_mapping m = { .issuer = asn_next(&in, ASN_OID) };
		m.subject = asn_next(&in, ASN_OID);
		if (rd_close(&in))
			return E_CERT_MALFORMED;
		c->mappings = grow(x, c->mappings, c->n_mappings, sizeof *c->mappings);
		if (!c->mappings)
			return c->n_mappings < X_LIST_MAX ? E_NOMEM : E_CERT_MALFORMED;
		c->mappings[c->n_mappings++] = m;
	}
	return rd_close(&list);
}

static err_t ext_policy_constraints(struct x_parse *x, struct cert *c, struct rd r)
{
	struct rd in = asn_in(&r, ASN_SEQ);

	(void)x;
	if (asn_at(&in, 0x80))
		c->require_explicit = asn_small(&in, 0x80, 1 << 16);
	if (asn_at(&in, 0x81))
		c->inhibit_mapping = asn_small(&in, 0x81, 1 << 16);
	return rd_close(&r) ? E_CERT_MALFORMED : rd_close(&in);
}

static err_t ext_inhibit_any(struct x_parse *x, struct cert *c, struct rd r)
{
	(void)x;
	c->inhibit_any = asn_small(&r, ASN_INT, 1 << 16);
	return rd_close(&r);
}

static err_t ext_access(struct x_parse *x, struct cert *c, struct rd r)
{
	static const slice ocsp = { (const uint8_t *)"\x2b\x06\x01\x05\x05\x07\x30\x01", 8 };
	static const slice issuers = { (const uint8_t *)"\x2b\x06\x01\x05\x05\x07\x30\x02", 8 };
	struct rd list = asn_in(&r, ASN_SEQ);
	slice *ocsp_v = NULL, *issuer_v = NULL;

	while (rd_left(&list)) {
		struct rd in = asn_in(&list, ASN_SEQ);
		slice oid = asn_next(&in, ASN_OID);
		uint8_t tag;
		slice body = asn_any(&in, &tag, NULL);
		if (rd_close(&in))
			return E_CERT_MALFORMED;
		if (tag != (0x80 | X_GN_URI))
			continue;
		if (slice_equal(oid, ocsp) && add_uri(x, body, &ocsp_v, &c->info.n_ocsp_uris))
			return E_NOMEM;
		if (slice_equal(oid, issuers) && add_uri(x, body, &issuer_v, &c->info.n_issuer_uris))
			return E_NOMEM;
	}
	c->info.ocsp_uris = ocsp_v;
	c->info.issuer_uris = issuer_v;
	return rd_close(&r) ? E_CERT_MALFORMED : rd_close(&list);
}

static err_t ext_nocheck(struct x_parse *x, struct cert *c, struct rd r)
{
	(void)x;
	asn_next(&r, ASN_NULL);
	c->info.flags |= CERT_OCSP_NOCHECK;
	return rd_close(&r);
}

/* Understood because there is nothing to do about it: issuerAltName. */
static err_t ext_nothing(struct x_parse *x, struct cert *c, struct rd r)
{
	(void)x;
	(void)c;
	(void)r;
	return 0;
}

static const struct ext_row {
	slice oid;
	const char *where;
	err_t (*read)(struct x_parse *x, struct cert *c, struct rd r);
} ext_rows[] = {
	{ { (const uint8_t *)"\x55\x1d\x0e", 3 }, "subjectKeyIdentifier", ext_skid },
	{ { (const uint8_t *)"\x55\x1d\x0f", 3 }, "keyUsage", ext_key_usage },
	{ { (const uint8_t *)"\x55\x1d\x11", 3 }, "subjectAltName", ext_san },
	{ { (const uint8_t *)"\x55\x1d\x12", 3 }, "issuerAltName", ext_nothing },
	{ { (const uint8_t *)"\x55\x1d\x13", 3 }, "basicConstraints", ext_basic },
	{ { (const uint8_t *)"\x55\x1d\x1e", 3 }, "nameConstraints", ext_name_constraints },
	{ { (const uint8_t *)"\x55\x1d\x1f", 3 }, "cRLDistributionPoints", ext_crl_dps },
	{ { (const uint8_t *)"\x55\x1d\x20", 3 }, "certificatePolicies", ext_policies },
	{ { (const uint8_t *)"\x55\x1d\x21", 3 }, "policyMappings", ext_mappings },
	{ { (const uint8_t *)"\x55\x1d\x23", 3 }, "authorityKeyIdentifier", ext_akid },
	{ { (const uint8_t *)"\x55\x1d\x24", 3 }, "policyConstraints", ext_policy_constraints },
	{ { (const uint8_t *)"\x55\x1d\x25", 3 }, "extKeyUsage", ext_eku },
	{ { (const uint8_t *)"\x55\x1d\x2e", 3 }, "freshestCRL", ext_freshest },
	{ { (const uint8_t *)"\x55\x1d\x36", 3 }, "inhibitAnyPolicy", ext_inhibit_any },
	{ { (const uint8_t *)"\x2b\x06\x01\x05\x05\x07\x01\x01", 8 }, "authorityInfoAccess", ext_access },
	{ { (const uint8_t *)"\x2b\x06\x01\x05\x05\x07\x30\x01\x05", 9 }, "ocspNoCheck", ext_nocheck },
};

err_t x_exts_read(struct x_parse *x, struct cert *c, struct rd r)
{
	uint64_t seen = 0;

	x->where = "the list of extensions";
	if (!rd_left(&r))
		return E_CERT_MALFORMED;
	while (rd_left(&r)) {
		x->where = "the list of extensions";
		struct rd in = asn_in(&r, ASN_SEQ);
		slice oid = asn_next(&in, ASN_OID);
		bool critical = asn_at(&in, ASN_BOOL) ? asn_bool(&in) : false;
		slice value = asn_next(&in, ASN_OCTETS);
		if (rd_close(&in))
			return E_CERT_MALFORMED;
		size_t i = 0;
		while (i < ARRAY_LEN(ext_rows) && !slice_equal(oid, ext_rows[i].oid))
			i++;
		if (i == ARRAY_LEN(ext_rows)) {
			if (critical && !c->unknown_critical.n)
				c->unknown_critical = oid;
			continue;
		}
		x->where = ext_rows[i].where;
		if (seen & 1ull << i) /* at most one of each: section 4.2 */
			return E_CERT_MALFORMED;
		seen |= 1ull << i;
		err_t e = ext_rows[i].read(x, c, rd_of(value));
		if (e)
			return e == E_NOMEM ? e : E_CERT_MALFORMED;
	}
	return r.err ? E_CERT_MALFORMED : 0;
}
