/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: from DER to what the checks look at (RFC 5280 section 4.1). */
#include "der.h"
#include "crypto/keyfmt.h"
#include "x509.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

err_t x_fail(struct cert_why *why, err_t e, const char *fmt, ...)
{
	va_list ap;

	if (why) {
		va_start(ap, fmt);
		vsnprintf(why->text, sizeof why->text, fmt, ap);
		va_end(ap);
	}
	return e;
}

/* Signature algorithms that have no GnuTLS name by their OID alone. */
static const slice oid_pss = { (const uint8_t *)"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", 9 };

static gnutls_digest_algorithm_t digest_of(uint16_t hash)
{
	static const struct {
		uint16_t hash;
		gnutls_digest_algorithm_t dig;
	} rows[] = { { PLUG_HASH_SHA256, GNUTLS_DIG_SHA256 }, { PLUG_HASH_SHA384, GNUTLS_DIG_SHA384 },
		{ PLUG_HASH_SHA512, GNUTLS_DIG_SHA512 }, { PLUG_HASH_SHA1, GNUTLS_DIG_SHA1 } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].hash == hash)
			return rows[i].dig;
	return GNUTLS_DIG_UNKNOWN;
}

struct x_sigalg x_sigalg_read(slice body, slice *oid_out, uint8_t *sig_id, uint16_t *hash)
{
	static const struct {
		gnutls_digest_algorithm_t dig;
		uint16_t hash;
	} hashes[] = { { GNUTLS_DIG_MD5, PLUG_HASH_MD5 }, { GNUTLS_DIG_SHA1, PLUG_HASH_SHA1 },
		{ GNUTLS_DIG_SHA224, PLUG_HASH_SHA224 }, { GNUTLS_DIG_SHA256, PLUG_HASH_SHA256 },
		{ GNUTLS_DIG_SHA384, PLUG_HASH_SHA384 }, { GNUTLS_DIG_SHA512, PLUG_HASH_SHA512 } };
	static const struct {
		gnutls_pk_algorithm_t pk;
		uint8_t id;
	} ids[] = { { GNUTLS_PK_RSA, PLUG_SIGN_RSA_PKCS1 }, { GNUTLS_PK_RSA_PSS, PLUG_SIGN_RSA_PSS },
		{ GNUTLS_PK_ECDSA, PLUG_SIGN_ECDSA }, { GNUTLS_PK_EDDSA_ED25519, PLUG_SIGN_ED25519 },
		{ GNUTLS_PK_EDDSA_ED448, PLUG_SIGN_ED448 } };
	struct x_sigalg a = { .alg = GNUTLS_SIGN_UNKNOWN };
	struct rd r = rd_of(body);
	slice oid = asn_next(&r, ASN_OID);
	char text[64];

	*oid_out = oid;
	*sig_id = 0;
	*hash = 0;
	if (r.err)
		return a;
	if (slice_equal(oid, oid_pss)) {
		struct sign_how how;
		struct rd params = asn_in(&r, ASN_SEQ);
		if (rd_close(&r) || keyfmt_pss_params(params, &how) || how.hash != how.mgf_hash)
			return a;
		a.pss = true;
		a.salt_len = how.salt_len;
		a.hash = digest_of(how.hash);
		a.alg = a.hash == GNUTLS_DIG_UNKNOWN ? GNUTLS_SIGN_UNKNOWN
						     : gnutls_pk_to_sign(GNUTLS_PK_RSA_PSS, a.hash);
		*sig_id = PLUG_SIGN_RSA_PSS;
		*hash = how.hash;
		return a;
	}
	a.alg = gnutls_oid_to_sign(asn_oid_text(oid, text, sizeof text));
	a.hash = gnutls_sign_get_hash_algorithm(a.alg);
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (hashes[i].dig == a.hash)
			*hash = hashes[i].hash;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (ids[i].pk == gnutls_sign_get_pk_algorithm(a.alg))
			*sig_id = ids[i].id;
	return a;
}

/* False: a signature of this key would take seconds to verify. */
static bool key_facts(struct cert_info *info)
{
	enum { DSA_MAX = 4096 / 8 };
	static const uint8_t kinds[] = { [KEYFMT_RSA] = CERT_KEY_RSA, [KEYFMT_RSA_PSS] = CERT_KEY_RSA_PSS,
		[KEYFMT_EC] = CERT_KEY_EC, [KEYFMT_ED25519] = CERT_KEY_ED25519, [KEYFMT_ED448] = CERT_KEY_ED448,
		[KEYFMT_X25519] = CERT_KEY_OTHER, [KEYFMT_X448] = CERT_KEY_OTHER };
	static const slice dsa = { (const uint8_t *)"\x2a\x86\x48\xce\x38\x04\x01", 7 };
	static const struct {
		uint16_t group, bits;
	} curves[] = { { 19, 256 }, { 20, 384 }, { 21, 521 }, { 25, 192 }, { 26, 224 },
		       { 27, 224 }, { 28, 256 }, { 29, 384 }, { 30, 512 } };
	struct keyfmt k;

	if (keyfmt_public(info->spki, &k) == 0) {
		info->key_kind = kinds[k.type];
		info->key_group = k.group;
		info->key_bits = k.type == KEYFMT_ED25519 ? 256 : k.type == KEYFMT_ED448 ? 448 : 0;
		for (size_t i = 0; i < ARRAY_LEN(curves); i++)
			if (curves[i].group == k.group)
				info->key_bits = curves[i].bits;
		if (k.n.n) {
			unsigned bits = (unsigned)(8 * k.n.n);
			for (uint8_t top = k.n.p[0]; !(top & 0x80); top = (uint8_t)(top << 1))
				bits--;
			info->key_bits = bits > UINT16_MAX ? UINT16_MAX : (uint16_t)bits;
		}
		return !keyfmt_too_dear(k.n.n, k.e.n);
	}
	struct rd r = rd_of(info->spki), in = asn_in(&r, ASN_SEQ), alg = asn_in(&in, ASN_SEQ);
	if (slice_equal(asn_next(&alg, ASN_OID), dsa)) {
		info->key_kind = CERT_KEY_DSA;
		struct rd params = asn_in(&alg, ASN_SEQ);
		slice p = asn_int(&params, ASN_INT);
		if (!params.err)
			info->key_bits = (uint16_t)(8 * (p.n - (p.p[0] == 0)));
		return params.err || p.n <= DSA_MAX + 1;
	}
	return true;
}

/* The names an ID payload can carry: the subject, then the alternative names. */
static err_t list_names(struct cert *c)
{
	struct cert_name *v = arena_get(&c->arena, (c->san.n + 1) * sizeof *v);
	size_t n = 0;

	if (!v)
		return E_NOMEM;
	if (c->subject.canon.n)
		v[n++] = (struct cert_name){ 9, c->subject.der };
	for (size_t i = 0; i < c->san.n; i++) {
		const struct x_gn *g = &c->san.v[i];
		uint8_t type = g->tag == X_GN_DNS ? 2 : g->tag == X_GN_EMAIL ? 3 : g->tag == X_GN_DIR ? 9 :
			g->tag == X_GN_IP && g->value.n == 4 ? 1 : g->tag == X_GN_IP && g->value.n == 16 ? 5 : 0;
		if (type)
			v[n++] = (struct cert_name){ type, g->value };
	}
	c->info.names = v;
	c->info.n_names = n;
	return 0;
}

static err_t read_tbs(struct x_parse *x, struct cert *c, slice outer_alg)
{
	struct rd all = rd_of(c->tbs), r = asn_in(&all, ASN_SEQ);
	int32_t version = 0;
	err_t e;

	x->where = "the version";
	if (asn_at(&r, 0xa0)) {
		struct rd in = asn_in(&r, 0xa0);
		version = asn_small(&in, ASN_INT, 9);
		if (rd_close(&in) || version < 1)
			return E_CERT_MALFORMED;
	}
	if (version > 2)
		return E_CERT_MALFORMED;
	x->where = "the serial number";
	c->info.serial = asn_int(&r, ASN_INT);
	slice inner_alg = asn_whole(&r, ASN_SEQ);
	if (r.err)
		return E_CERT_MALFORMED;
	x->where = "the signature algorithm, which stands in two places that differ";
	if (!slice_equal(inner_alg, outer_alg))
		return E_CERT_MALFORMED;
	x->where = "the issuer's name";
	c->info.issuer = asn_whole(&r, ASN_SEQ);
	e = x_name_read(&c->arena, c->info.issuer, &c->issuer);
	if (e)
		return e;
	x->where = "the validity";
	struct rd dates = asn_in(&r, ASN_SEQ);
	c->info.not_before = asn_time(&dates);
	c->info.not_after = asn_time(&dates);
	if (rd_close(&dates))
		return E_CERT_MALFORMED;
	x->where = "the subject's name";
	c->info.subject = asn_whole(&r, ASN_SEQ);
	e = x_name_read(&c->arena, c->info.subject, &c->subject);
	if (e)
		return e;
	x->where = "the public key";
	c->info.spki = asn_whole(&r, ASN_SEQ);
	if (r.err)
		return E_CERT_MALFORMED;
	x->where = "the unique identifiers";
	for (uint8_t tag = 0x81; tag <= 0x82; tag++)
		if (asn_at(&r, tag))
			asn_next(&r, tag);
	if (asn_at(&r, 0xa3)) {
		x->where = "the list of extensions";
		struct rd in = asn_in(&r, 0xa3), exts = asn_in(&in, ASN_SEQ);
		if (rd_close(&in) || version != 2)
			return E_CERT_MALFORMED;
		e = x_exts_read(x, c, exts);
		if (e)
			return e;
	}
	if (version == 2)
		c->info.flags |= CERT_V3;
	if (rd_close(&r) == 0 && rd_close(&all) == 0)
		return 0;
	x->where = "what follows the last field";
	return E_CERT_MALFORMED;
}

static err_t read_cert(struct x_parse *x, struct cert *c)
{
	struct rd all = rd_of(c->info.der), r = asn_in(&all, ASN_SEQ), alg;

	x->where = "its outer structure";
	c->tbs = asn_whole(&r, ASN_SEQ);
	slice outer = asn_whole(&r, ASN_SEQ);
	c->sig = asn_signature(&r);
	if (rd_close(&r) || rd_close(&all))
		return E_CERT_MALFORMED;
	alg = rd_of(outer);
	c->alg = x_sigalg_read(asn_next(&alg, ASN_SEQ), &c->sig_oid, &c->info.sig_id, &c->info.sig_hash);
	err_t e = read_tbs(x, c, outer);
	if (e)
		return e;
	if (!key_facts(&c->info)) {
		x->where = "the public key, which is too long (RSA of more than 16384 bits, or a needlessly long exponent)";
		return E_CERT_MALFORMED;
	}
	c->serial = c->info.serial;
	c->info.self_issued = x_name_same(&c->subject, &c->issuer);
	if (c->info.self_issued && (!c->info.akid.n || !c->info.skid.n || slice_equal(c->info.akid, c->info.skid)))
		c->info.flags |= CERT_SELF_SIGNED;
	e = list_names(c);
	if (!e)
		e = x_uris_of_dps(x, c->dps, c->n_dps, &c->info.crl_uris, &c->info.n_crl_uris);
	if (!e)
		e = x_uris_of_dps(x, c->fresh, c->n_fresh, &c->fresh_uris, &c->n_fresh_uris);
	if (!e && (gnutls_hash_fast(GNUTLS_DIG_SHA256, c->info.der.p, c->info.der.n, c->info.sha256) ||
	    gnutls_hash_fast(GNUTLS_DIG_SHA1, c->info.spki.p, c->info.spki.n, c->info.key_sha1) ||
	    gnutls_hash_fast(GNUTLS_DIG_SHA256, c->info.spki.p, c->info.spki.n, c->key_sha256)))
		e = E_CRYPTO;
	return e;
}

err_t x_cert_parse(slice der, struct cert **out, struct cert_why *why)
{
	*out = NULL;
	if (der.n > X_CERT_MAX)
		return x_fail(why, E_CERT_MALFORMED, "a certificate of %zu bytes is larger than any we read (%d)",
			      der.n, X_CERT_MAX);
	struct cert *c = calloc(1, sizeof *c);
	if (!c)
		return x_fail(why, E_NOMEM, "out of memory");
	arena_init(&c->arena, 16 * der.n + 65536);
	atomic_init(&c->refs, 1);
	pthread_mutex_init(&c->memo.lock, NULL);
	c->info = (struct cert_info){ .size = sizeof c->info, .flags = CERT_NO_KEY_USAGE | CERT_NO_EKU, .path_len = -1,
		.key_usage = UINT16_MAX };
	c->require_explicit = c->inhibit_mapping = c->inhibit_any = -1;
	c->info.der = arena_slice(&c->arena, der);
	struct x_parse x = { &c->arena, "its outer structure" };
	err_t e = der.n && !c->info.der.p ? E_NOMEM : read_cert(&x, c);
	if (e) {
		x_cert_unref(c);
		return e == E_NOMEM || e == E_CRYPTO ? x_fail(why, e, "%s", err_text(e)) :
			x_fail(why, E_CERT_MALFORMED, "the certificate is not well-formed: %s", x.where);
	}
	*out = c;
	return 0;
}

struct cert *x_cert_ref(struct cert *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void x_cert_unref(struct cert *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	pthread_mutex_destroy(&c->memo.lock);
	arena_fini(&c->arena);
	free(c);
}
