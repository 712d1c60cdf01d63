/* SPDX-License-Identifier: Apache-2.0 */
/* CRLs and delta CRLs: from DER to what the checks look at (RFC 5280 section 5). */
#include "der.h"
#include "x509.h"

#include <stdlib.h>

enum { ENTRIES_MAX = 4 << 20 };

static bool oid_is(slice oid, uint8_t last)
{
	return oid.n == 3 && oid.p[0] == 0x55 && oid.p[1] == 0x1d && oid.p[2] == last;
}

/* cRLReason, invalidityDate, certificateIssuer; another critical one makes the whole CRL unusable (section 5.3). */
static err_t entry_exts(struct x_parse *x, struct cert_crl *c, struct rd r, struct x_revoked *v)
{
	while (rd_left(&r)) {
		struct rd in = asn_in(&r, ASN_SEQ);
		slice oid = asn_next(&in, ASN_OID);
		bool critical = asn_at(&in, ASN_BOOL) ? asn_bool(&in) : false;
		struct rd value = asn_in(&in, ASN_OCTETS);
		if (rd_close(&in))
			return E_CERT_MALFORMED;
		if (oid_is(oid, 21)) {
			slice reason = asn_next(&value, ASN_ENUM);
			if (rd_close(&value) || reason.n != 1)
				return E_CERT_MALFORMED;
			v->reason = reason.p[0];
		} else if (oid_is(oid, 29)) {
			struct x_gns names;
			err_t e = x_gns_read(x, asn_in(&value, ASN_SEQ), &names);
			if (e)
				return e;
			struct x_name *name = arena_get(x->arena, sizeof *name);
			if (!name)
				return E_NOMEM;
			for (size_t i = 0; i < names.n; i++)
				if (names.v[i].tag == X_GN_DIR)
					*name = (struct x_name){ names.v[i].value, names.v[i].canon };
			if (!name->der.n)
				return E_CERT_MALFORMED;
			v->issuer = name;
		} else if (critical && !oid_is(oid, 24) && !c->unknown_critical.n) {
			c->unknown_critical = oid;
		}
	}
	return r.err ? E_CERT_MALFORMED : 0;
}

static int by_serial(const void *a, const void *b)
{
	const struct x_revoked *x = a, *y = b;
	size_t n = x->serial.n < y->serial.n ? x->serial.n : y->serial.n;
	int d = memcmp(x->serial.p, y->serial.p, n);

	return d ? d : x->serial.n < y->serial.n ? -1 : x->serial.n > y->serial.n;
}

static err_t read_entries(struct x_parse *x, struct cert_crl *c, struct rd r)
{
	struct rd count = r;
	size_t n = 0;

	while (rd_left(&count)) {
		asn_next(&count, ASN_SEQ);
		if (++n > ENTRIES_MAX)
			return E_CERT_MALFORMED;
	}
	if (count.err)
		return E_CERT_MALFORMED;
	c->revoked = calloc(n + 1, sizeof *c->revoked);
	if (!c->revoked)
		return E_NOMEM;
	const struct x_name *issuer = &c->issuer; /* stays until an entry names another */
	while (rd_left(&r)) {
		struct x_revoked *v = &c->revoked[c->n_revoked++];
		struct rd in = asn_in(&r, ASN_SEQ);
		v->serial = asn_int(&in, ASN_INT);
		v->at = asn_time(&in);
		v->issuer = issuer;
		if (rd_left(&in)) {
			err_t e = entry_exts(x, c, asn_in(&in, ASN_SEQ), v);
			if (e)
				return e;
		}
		if (rd_close(&in))
			return E_CERT_MALFORMED;
		issuer = v->issuer;
	}
	qsort(c->revoked, c->n_revoked, sizeof *c->revoked, by_serial);
	return 0;
}

/* issuingDistributionPoint, section 5.2.5. */
static err_t read_idp(struct x_parse *x, struct cert_crl *c, struct rd value)
{
	struct rd in = asn_in(&value, ASN_SEQ);

	c->has_idp = true;
	if (rd_close(&value))
		return E_CERT_MALFORMED;
	while (rd_left(&in)) {
		uint8_t tag;
		slice body = asn_any(&in, &tag, NULL);
		bool yes = body.n == 1 && body.p[0] == 0xff;
		if (in.err)
			return E_CERT_MALFORMED;
		if (tag == 0xa0) {
			err_t e = x_dp_name_read(x, rd_of(body), &c->idp);
			if (e)
				return e;
		} else if (tag == 0x81) {
			c->only_user = yes;
		} else if (tag == 0x82) {
			c->only_ca = yes;
		} else if (tag == 0x83) {
			uint8_t bits[64] = { ASN_BITS };
			struct wr w = wr_of(bits, sizeof bits);
			asn_put(&w, ASN_BITS, body);
			struct rd again = rd_of(wr_done(&w));
			c->idp.reasons = asn_named_bits(&again, ASN_BITS) & X_REASONS_ALL;
			if (w.err || again.err)
				return E_CERT_MALFORMED;
		} else if (tag == 0x84) {
			c->indirect = yes;
		} else if (tag == 0x85) {
			c->only_attr = yes;
		} else {
			return E_CERT_MALFORMED;
		}
	}
	return in.err ? E_CERT_MALFORMED : 0;
}

static err_t read_exts(struct x_parse *x, struct cert_crl *c, struct rd r)
{
	struct x_dp *fresh = NULL;
	size_t n_fresh = 0;
	err_t e = 0;

	while (rd_left(&r) && !e) {
		struct rd in = asn_in(&r, ASN_SEQ);
		slice oid = asn_next(&in, ASN_OID);
		bool critical = asn_at(&in, ASN_BOOL) ? asn_bool(&in) : false;
		slice body = asn_next(&in, ASN_OCTETS);
		struct rd value = rd_of(body);
		if (rd_close(&in))
			return E_CERT_MALFORMED;
		if (oid_is(oid, 20)) {
			c->info.number = asn_int(&value, ASN_INT);
			e = rd_close(&value);
		} else if (oid_is(oid, 27)) {
			c->info.base = asn_int(&value, ASN_INT);
			e = rd_close(&value);
		} else if (oid_is(oid, 28)) {
			e = read_idp(x, c, value);
		} else if (oid_is(oid, 35)) {
			struct rd akid = asn_in(&value, ASN_SEQ);
			if (asn_at(&akid, 0x80))
				c->info.akid = asn_next(&akid, 0x80);
			e = akid.err;
		} else if (oid_is(oid, 46)) {
			e = x_dps_read(x, value, &fresh, &n_fresh);
		} else if (critical && !oid_is(oid, 18) && !c->unknown_critical.n) {
			c->unknown_critical = oid;
		}
	}
	if (!e)
		e = r.err ? E_CERT_MALFORMED
			  : x_uris_of_dps(x, fresh, n_fresh, &c->info.fresh_uris, &c->info.n_fresh_uris);
	return e == E_NOMEM || !e ? e : E_CERT_MALFORMED;
}

static err_t read_crl(struct x_parse *x, struct cert_crl *c)
{
	struct rd all = rd_of(c->info.der), out = asn_in(&all, ASN_SEQ);
	uint8_t sig_id;
	uint16_t hash;

	c->tbs = asn_whole(&out, ASN_SEQ);
	slice outer = asn_whole(&out, ASN_SEQ);
	c->sig = asn_signature(&out);
	if (rd_close(&out) || rd_close(&all))
		return E_CERT_MALFORMED;
	struct rd alg = rd_of(outer), tbs = rd_of(c->tbs), r = asn_in(&tbs, ASN_SEQ);
	c->alg = x_sigalg_read(asn_next(&alg, ASN_SEQ), &c->sig_oid, &sig_id, &hash);
	x->where = "the version";
	if (asn_at(&r, ASN_INT) && asn_small(&r, ASN_INT, 9) != 1)
		return E_CERT_MALFORMED;
	x->where = "the signature algorithm, which stands in two places that differ";
	if (!slice_equal(asn_whole(&r, ASN_SEQ), outer))
		return E_CERT_MALFORMED;
	x->where = "the issuer's name";
	c->info.issuer = asn_whole(&r, ASN_SEQ);
	err_t e = x_name_read(&c->arena, c->info.issuer, &c->issuer);
	if (e)
		return e;
	x->where = "the times of update";
	c->info.this_update = asn_time(&r);
	if (asn_at_time(&r))
		c->info.next_update = asn_time(&r);
	if (r.err)
		return E_CERT_MALFORMED;
	x->where = "the list of revoked certificates";
	if (asn_at(&r, ASN_SEQ)) {
		e = read_entries(x, c, asn_in(&r, ASN_SEQ));
		if (e)
			return e;
	}
	x->where = "the list of extensions";
	if (asn_at(&r, 0xa0)) {
		struct rd in = asn_in(&r, 0xa0), exts = asn_in(&in, ASN_SEQ);
		if (rd_close(&in))
			return E_CERT_MALFORMED;
		e = read_exts(x, c, exts);
		if (e)
			return e;
	}
	return rd_close(&r) || rd_close(&tbs) ? E_CERT_MALFORMED : 0;
}

err_t x_crl_parse(slice der, struct cert_crl **out, struct cert_why *why)
{
	*out = NULL;
	if (der.n > X_CRL_MAX)
		return x_fail(why, E_CERT_MALFORMED, "a CRL of %zu bytes is larger than any we read (%d)", der.n,
			      X_CRL_MAX);
	struct cert_crl *c = calloc(1, sizeof *c);
	if (!c)
		return x_fail(why, E_NOMEM, "out of memory");
	arena_init(&c->arena, 16 * der.n + 65536);
	atomic_init(&c->refs, 1);
	pthread_mutex_init(&c->memo.lock, NULL);
	c->info.size = sizeof c->info;
	c->idp.reasons = X_REASONS_ALL;
	c->info.der = arena_slice(&c->arena, der);
	struct x_parse x = { &c->arena, "its outer structure" };
	err_t e = der.n && !c->info.der.p ? E_NOMEM : read_crl(&x, c);
	if (e) {
		x_crl_unref(c);
		return e == E_NOMEM ? x_fail(why, e, "%s", err_text(e)) :
			x_fail(why, E_CERT_MALFORMED, "the CRL is not well-formed: %s", x.where);
	}
	c->info.n_revoked = c->n_revoked;
	*out = c;
	return 0;
}

struct cert_crl *x_crl_ref(struct cert_crl *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void x_crl_unref(struct cert_crl *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	pthread_mutex_destroy(&c->memo.lock);
	arena_fini(&c->arena);
	free(c->revoked);
	free(c);
}
