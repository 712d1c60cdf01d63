/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public keys (SubjectPublicKeyInfo), private keys (PKCS #8) and ECDSA signatures as numbers: one strict reader for all
 * crypto plugins, certificates and credentials, so that each takes and refuses the same. DER only: lengths in their
 * shortest form, numbers without needless zeros and not negative, nothing left over; curves by name, points not
 * compressed. What comes out are slices of what went in. Any thread; nothing is allocated. E_BAD_VALUE: not well-
 * formed; E_NOT_SUPPORTED: a key or curve that IKE does not use.
 */
#ifndef ADIT_CRYPTO_KEYFMT_H
#define ADIT_CRYPTO_KEYFMT_H

#include "base/rdwr.h"
#include "plugin/abi.h"

enum keyfmt_type { KEYFMT_RSA = 1, KEYFMT_RSA_PSS, KEYFMT_EC, KEYFMT_ED25519, KEYFMT_ED448, KEYFMT_X25519, KEYFMT_X448 };

struct keyfmt {
	uint8_t type;       /* enum keyfmt_type */
	uint16_t group;     /* EC: IANA KE group of the curve */
	uint16_t len;       /* EC: bytes of a coordinate */
	bool pss_params;    /* RSA PSS: `pss` binds the key */
	struct sign_how pss;
	slice n, e, d, p, q, dp, dq, qi; /* RSA; without leading zeros */
	slice point;        /* EC: x | y; EdDSA and XDH: the public key; may be empty in a private key */
	slice priv;         /* EC: scalar without leading zeros; EdDSA and XDH: the private key */
};

enum { DER_INT = 0x02, DER_BITS = 0x03, DER_OCTETS = 0x04, DER_NULL = 0x05, DER_OID = 0x06, DER_SEQ = 0x30 };

/* The contents of the next element, which has to have this tag. */
static inline slice der_next(struct rd *r, uint8_t tag)
{
	if (rd_u8(r) != tag)
		rd_fail(r, E_BAD_VALUE);
	size_t n = rd_u8(r);
	if (n >= 0x80) {
		size_t k = n & 0x7f;
		n = 0;
		if (k < 1 || k > 3)
			rd_fail(r, E_BAD_VALUE);
		for (size_t i = 0; i < k && !r->err; i++)
			n = n << 8 | rd_u8(r);
		if (n < 0x80 || (k > 1 && n >> (8 * (k - 1)) == 0))
			rd_fail(r, E_BAD_VALUE);
	}
	return rd_bytes(r, n);
}

static inline bool der_at(const struct rd *r, uint8_t tag)
{
	return !r->err && rd_left(r) && r->p[0] == tag;
}

/* A number that is not negative, without the zero byte of its sign. */
static inline slice der_number(struct rd *r)
{
	slice s = der_next(r, DER_INT);
	if (r->err)
		return SLICE_NONE;
	if (!s.n || s.p[0] & 0x80 || (s.n > 1 && !s.p[0] && !(s.p[1] & 0x80))) {
		rd_fail(r, E_BAD_VALUE);
		return SLICE_NONE;
	}
	return s.p[0] ? s : slice_of(s.p + 1, s.n - 1);
}

#define KEYFMT_OID(s) { (const uint8_t *)(s), sizeof(s) - 1 }

static inline bool keyfmt_curve(slice oid, struct keyfmt *k)
{
	static const struct {
		slice oid;
		uint16_t group, len;
	} curves[] = {
		{ KEYFMT_OID("\x2a\x86\x48\xce\x3d\x03\x01\x07"), 19, 32 },
		{ KEYFMT_OID("\x2b\x81\x04\x00\x22"), 20, 48 },
		{ KEYFMT_OID("\x2b\x81\x04\x00\x23"), 21, 66 },
		{ KEYFMT_OID("\x2a\x86\x48\xce\x3d\x03\x01\x01"), 25, 24 },
		{ KEYFMT_OID("\x2b\x81\x04\x00\x21"), 26, 28 },
		{ KEYFMT_OID("\x2b\x24\x03\x03\x02\x08\x01\x01\x05"), 27, 28 },
		{ KEYFMT_OID("\x2b\x24\x03\x03\x02\x08\x01\x01\x07"), 28, 32 },
		{ KEYFMT_OID("\x2b\x24\x03\x03\x02\x08\x01\x01\x0b"), 29, 48 },
		{ KEYFMT_OID("\x2b\x24\x03\x03\x02\x08\x01\x01\x0d"), 30, 64 },
	};
	for (size_t i = 0; i < ARRAY_LEN(curves); i++)
		if (slice_equal(oid, curves[i].oid)) {
			k->group = curves[i].group;
			k->len = curves[i].len;
			return true;
		}
	return false;
}

static const struct keyfmt_hash_oid {
	slice oid;
	uint16_t hash;
} keyfmt_hashes[] = {
	{ KEYFMT_OID("\x2b\x0e\x03\x02\x1a"), PLUG_HASH_SHA1 },
	{ KEYFMT_OID("\x60\x86\x48\x01\x65\x03\x04\x02\x01"), PLUG_HASH_SHA256 },
	{ KEYFMT_OID("\x60\x86\x48\x01\x65\x03\x04\x02\x02"), PLUG_HASH_SHA384 },
	{ KEYFMT_OID("\x60\x86\x48\x01\x65\x03\x04\x02\x03"), PLUG_HASH_SHA512 },
	{ KEYFMT_OID("\x60\x86\x48\x01\x65\x03\x04\x02\x04"), PLUG_HASH_SHA224 },
	{ KEYFMT_OID("\x60\x86\x48\x01\x65\x03\x04\x02\x05"), PLUG_HASH_SHA512_224 },
	{ KEYFMT_OID("\x60\x86\x48\x01\x65\x03\x04\x02\x06"), PLUG_HASH_SHA512_256 },
	{ KEYFMT_OID("\x60\x86\x48\x01\x65\x03\x04\x02\x07"), PLUG_HASH_SHA3_224 },
	{ KEYFMT_OID("\x60\x86\x48\x01\x65\x03\x04\x02\x08"), PLUG_HASH_SHA3_256 },
	{ KEYFMT_OID("\x60\x86\x48\x01\x65\x03\x04\x02\x09"), PLUG_HASH_SHA3_384 },
	{ KEYFMT_OID("\x60\x86\x48\x01\x65\x03\x04\x02\x0a"), PLUG_HASH_SHA3_512 },
};

static inline uint16_t keyfmt_hash(slice oid)
{
	for (size_t i = 0; i < ARRAY_LEN(keyfmt_hashes); i++)
		if (slice_equal(oid, keyfmt_hashes[i].oid))
			return keyfmt_hashes[i].hash;
	return 0;
}

/* AlgorithmIdentifier of a hash: parameters NULL or none. */
static inline uint16_t keyfmt_hash_alg(struct rd r)
{
	slice oid = der_next(&r, DER_OID);
	if (!r.err && rd_left(&r) && der_next(&r, DER_NULL).n)
		return 0;
	return rd_close(&r) ? 0 : keyfmt_hash(oid);
}

/* RSASSA-PSS-params (RFC 4055 section 3.1). */
static inline err_t keyfmt_pss_params(struct rd r, struct sign_how *h)
{
	static const slice mgf1 = KEYFMT_OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08");
	*h = (struct sign_how){ PLUG_HASH_SHA1, PLUG_HASH_SHA1, 20 };
	if (der_at(&r, 0xa0)) {
		struct rd in = rd_of(der_next(&r, 0xa0));
		h->hash = keyfmt_hash_alg(rd_of(der_next(&in, DER_SEQ)));
		if (rd_close(&in))
			return E_BAD_VALUE;
	}
	if (der_at(&r, 0xa1)) {
		struct rd in = rd_of(der_next(&r, 0xa1)), mgf = rd_of(der_next(&in, DER_SEQ));
		if (!slice_equal(der_next(&mgf, DER_OID), mgf1))
			return E_BAD_VALUE;
		h->mgf_hash = keyfmt_hash_alg(rd_of(der_next(&mgf, DER_SEQ)));
		if (rd_close(&in) || rd_close(&mgf))
			return E_BAD_VALUE;
	}
	if (der_at(&r, 0xa2)) {
		struct rd in = rd_of(der_next(&r, 0xa2));
		slice len = der_number(&in);
		if (rd_close(&in) || len.n > 2)
			return E_BAD_VALUE;
		h->salt_len = 0;
		for (size_t i = 0; i < len.n; i++)
			h->salt_len = (uint16_t)(h->salt_len << 8 | len.p[i]);
	}
	if (der_at(&r, 0xa3)) {
		struct rd in = rd_of(der_next(&r, 0xa3));
		slice trailer = der_number(&in);
		if (rd_close(&in) || trailer.n != 1 || trailer.p[0] != 1)
			return E_BAD_VALUE;
	}
	if (rd_close(&r))
		return E_BAD_VALUE;
	return h->hash && h->mgf_hash ? 0 : E_NOT_SUPPORTED;
}

/* AlgorithmIdentifier of a key. */
static inline err_t keyfmt_algorithm(struct rd r, struct keyfmt *k)
{
	static const struct {
		slice oid;
		uint8_t type;
		uint16_t len;
	} types[] = {
		{ KEYFMT_OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), KEYFMT_RSA, 0 },
		{ KEYFMT_OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"), KEYFMT_RSA_PSS, 0 },
		{ KEYFMT_OID("\x2a\x86\x48\xce\x3d\x02\x01"), KEYFMT_EC, 0 },
		{ KEYFMT_OID("\x2b\x65\x70"), KEYFMT_ED25519, 32 },
		{ KEYFMT_OID("\x2b\x65\x71"), KEYFMT_ED448, 57 },
		{ KEYFMT_OID("\x2b\x65\x6e"), KEYFMT_X25519, 32 },
		{ KEYFMT_OID("\x2b\x65\x6f"), KEYFMT_X448, 56 },
	};
	slice oid = der_next(&r, DER_OID);
	*k = (struct keyfmt){ 0 };
	if (r.err)
		return E_BAD_VALUE;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (slice_equal(oid, types[i].oid)) {
			k->type = types[i].type;
			k->len = types[i].len;
		}
	if (!k->type)
		return E_NOT_SUPPORTED;
	if (k->type == KEYFMT_EC) {
		slice curve = der_next(&r, DER_OID);
		if (rd_close(&r))
			return E_BAD_VALUE;
		return keyfmt_curve(curve, k) ? 0 : E_NOT_SUPPORTED;
	}
	if (k->type == KEYFMT_RSA_PSS && rd_left(&r)) {
		struct rd params = rd_of(der_next(&r, DER_SEQ));
		k->pss_params = true;
		err_t e = rd_close(&r) ? E_BAD_VALUE : keyfmt_pss_params(params, &k->pss);
		return e;
	}
	/* RSA keys carry NULL; some writers leave it out. EdDSA and XDH have none (RFC 8410). */
	if (k->type == KEYFMT_RSA && rd_left(&r) && der_next(&r, DER_NULL).n)
		return E_BAD_VALUE;
	return rd_close(&r) ? E_BAD_VALUE : 0;
}

static inline err_t keyfmt_point(slice s, struct keyfmt *k)
{
	if (s.n != 2u * k->len + 1u || s.p[0] != 4)
		return E_BAD_VALUE;
	k->point = slice_of(s.p + 1, s.n - 1);
	return 0;
}

static inline err_t keyfmt_public(slice spki, struct keyfmt *k)
{
	struct rd all = rd_of(spki), r = rd_of(der_next(&all, DER_SEQ));
	struct rd alg = rd_of(der_next(&r, DER_SEQ));
	slice bits = der_next(&r, DER_BITS);

	if (rd_close(&all) || rd_close(&r) || bits.n < 2 || bits.p[0])
		return E_BAD_VALUE;
	bits = slice_of(bits.p + 1, bits.n - 1);
	err_t e = keyfmt_algorithm(alg, k);
	if (e)
		return e;
	if (k->type == KEYFMT_EC)
		return keyfmt_point(bits, k);
	if (k->len) {
		k->point = bits;
		return bits.n == k->len ? 0 : E_BAD_VALUE;
	}
	struct rd out = rd_of(bits), key = rd_of(der_next(&out, DER_SEQ));
	k->n = der_number(&key);
	k->e = der_number(&key);
	return rd_close(&out) || rd_close(&key) || !k->n.n || !k->e.n ? E_BAD_VALUE : 0;
}

/* Would an operation with this public key keep a worker busy? Whoever sends a key chooses how long it is. An exponent has at
 * most 256 bits (as in FIPS 186-5), above 3072 bits of the modulus at most 64. In bytes. */
enum { KEYFMT_RSA_MAX = 2048, KEYFMT_RSA_LONG = 384, KEYFMT_RSA_E_MAX = 32, KEYFMT_RSA_E_LONG = 8 };
static inline bool keyfmt_too_dear(size_t n_bytes, size_t e_bytes)
{
	return n_bytes > KEYFMT_RSA_MAX || e_bytes > (n_bytes > KEYFMT_RSA_LONG ? KEYFMT_RSA_E_LONG : KEYFMT_RSA_E_MAX);
}

static inline err_t keyfmt_private_rsa(struct rd r, struct keyfmt *k)
{
	struct rd key = rd_of(der_next(&r, DER_SEQ));
	slice *const part[] = { &k->n, &k->e, &k->d, &k->p, &k->q, &k->dp, &k->dq, &k->qi };

	if (der_number(&key).n || key.err)
		return key.err ? E_BAD_VALUE : E_NOT_SUPPORTED; /* several primes */
	for (size_t i = 0; i < ARRAY_LEN(part); i++) {
		*part[i] = der_number(&key);
		if (!part[i]->n)
			return E_BAD_VALUE;
	}
	return rd_close(&r) || rd_close(&key) ? E_BAD_VALUE : 0;
}

/* ECPrivateKey (RFC 5915). */
static inline err_t keyfmt_private_ec(struct rd r, struct keyfmt *k)
{
	struct rd key = rd_of(der_next(&r, DER_SEQ));
	slice version = der_number(&key);
	k->priv = der_next(&key, DER_OCTETS);
	/* It should be as long as the order, but GnuTLS writes it as if it were an INTEGER. */
	while (k->priv.n && !*k->priv.p)
		k->priv = slice_of(k->priv.p + 1, k->priv.n - 1);
	if (key.err || version.n != 1 || version.p[0] != 1 || !k->priv.n || k->priv.n > k->len)
		return E_BAD_VALUE;
	if (der_at(&key, 0xa0)) {
		struct keyfmt other = { 0 };
		struct rd in = rd_of(der_next(&key, 0xa0));
		slice curve = der_next(&in, DER_OID);
		if (rd_close(&in) || !keyfmt_curve(curve, &other) || other.group != k->group)
			return E_BAD_VALUE;
	}
	if (der_at(&key, 0xa1)) {
		struct rd in = rd_of(der_next(&key, 0xa1));
		slice bits = der_next(&in, DER_BITS);
		if (rd_close(&in) || bits.n < 2 || bits.p[0] || keyfmt_point(slice_of(bits.p + 1, bits.n - 1), k))
			return E_BAD_VALUE;
	}
	return rd_close(&r) || rd_close(&key) ? E_BAD_VALUE : 0;
}

static inline err_t keyfmt_private(slice pkcs8, struct keyfmt *k)
{
	struct rd all = rd_of(pkcs8), r = rd_of(der_next(&all, DER_SEQ));
	slice version = der_number(&r);
	struct rd alg = rd_of(der_next(&r, DER_SEQ));
	struct rd key = rd_of(der_next(&r, DER_OCTETS));

	if (rd_close(&all) || r.err || version.n > 1)
		return E_BAD_VALUE;
	/* Attributes and a copy of the public key may follow (RFC 5958). */
	while (der_at(&r, 0xa0) || der_at(&r, 0x81) || der_at(&r, 0xa1))
		der_next(&r, r.p[0]);
	if (rd_close(&r))
		return E_BAD_VALUE;
	err_t e = keyfmt_algorithm(alg, k);
	if (e)
		return e;
	if (k->type == KEYFMT_EC)
		return keyfmt_private_ec(key, k);
	if (!k->len)
		return keyfmt_private_rsa(key, k);
	k->priv = der_next(&key, DER_OCTETS);
	return rd_close(&key) || k->priv.n != k->len ? E_BAD_VALUE : 0;
}

/* DER of r and s to r | s of `len` bytes each; E_AUTH_FAILED when it is not DER or a number is too long. */
static inline err_t keyfmt_ecdsa_raw(slice sig, size_t len, uint8_t *raw)
{
	struct rd all = rd_of(sig), in = rd_of(der_next(&all, DER_SEQ));
	slice r = der_number(&in), s = der_number(&in);

	if (rd_close(&all) || rd_close(&in) || r.n > len || s.n > len)
		return E_AUTH_FAILED;
	memset(raw, 0, 2 * len);
	if (r.n)
		memcpy(raw + len - r.n, r.p, r.n);
	if (s.n)
		memcpy(raw + 2 * len - s.n, s.p, s.n);
	return 0;
}

static inline void keyfmt_put_number(struct wr *w, const uint8_t *p, size_t n)
{
	while (n > 1 && !*p) {
		p++;
		n--;
	}
	wr_u8(w, DER_INT);
	wr_u8(w, (uint8_t)(n + (*p >> 7)));
	if (*p >> 7)
		wr_u8(w, 0);
	wr_bytes(w, slice_of(p, n));
}

/* r | s to DER; *n is the room and then the length. E_SPACE. */
static inline err_t keyfmt_ecdsa_der(const uint8_t *raw, size_t len, uint8_t *out, size_t *n)
{
	uint8_t body[160];
	struct wr b = wr_of(body, sizeof body), w = wr_of(out, *n);

	keyfmt_put_number(&b, raw, len);
	keyfmt_put_number(&b, raw + len, len);
	wr_u8(&w, DER_SEQ);
	if (b.off >= 0x80)
		wr_u8(&w, 0x81);
	wr_u8(&w, (uint8_t)b.off);
	wr_bytes(&w, wr_done(&b));
	*n = w.off;
	return b.err ? b.err : w.err;
}

#endif
