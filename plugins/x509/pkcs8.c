/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PKCS #8 of a private key that GnuTLS has read, written by ourselves from its numbers: GnuTLS' own export leaves copies
 * of the key in freed memory. Written from the back to the front, so that each length is known when its header is due.
 */
#include "base/secret.h"
#include "der.h"
#include "crypto/keyfmt.h"
#include "verify.h"

enum { PKCS8_MAX = 16384 };

struct back {
	uint8_t *base;
	size_t at; /* where the next byte ends */
	bool full;
};

static void put(struct back *b, const uint8_t *p, size_t n)
{
	if (b->full || n > b->at) {
		b->full = true;
		return;
	}
	b->at -= n;
	if (n)
		memcpy(b->base + b->at, p, n);
}

static void put_byte(struct back *b, uint8_t v)
{
	put(b, &v, 1);
}

/* The header of all that was written since `end`. */
static void wrap(struct back *b, uint8_t tag, size_t end)
{
	size_t n = end - b->at, left = n;

	if (n < 0x80) {
		put_byte(b, (uint8_t)n);
	} else {
		uint8_t bytes = 0;
		for (; left; left >>= 8, bytes++)
			put_byte(b, (uint8_t)left);
		put_byte(b, 0x80 | bytes);
	}
	put_byte(b, tag);
}

/* A number that is not negative, from big-endian bytes with any leading zeros. */
static void put_number(struct back *b, const uint8_t *p, size_t n)
{
	size_t end = b->at;

	for (; n && !*p; p++)
		n--;
	put(b, p, n);
	if (!n || (*p & 0x80))
		put_byte(b, 0);
	wrap(b, ASN_INT, end);
}

/* n bytes with zeros in front up to `len`. */
static void put_padded(struct back *b, const gnutls_datum_t *d, size_t len)
{
	const uint8_t *p = d->data;
	size_t n = d->size;

	for (; n > len && !*p; p++)
		n--;
	put(b, p, n);
	for (; n < len; n++)
		put_byte(b, 0);
	b->full |= n > len;
}

static void drop(gnutls_datum_t *d)
{
	if (d->data)
		mem_wipe(d->data, d->size);
	gnutls_free(d->data);
}

static const uint8_t oid_rsa[] = { ASN_OID, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, ASN_NULL, 0 };
static const uint8_t oid_rsa_pss[] = { ASN_OID, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10 };
static const uint8_t oid_ec[] = { ASN_OID, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1 };
static const uint8_t oid_ed25519[] = { ASN_OID, 3, 0x2b, 0x65, 0x70 };
static const uint8_t oid_ed448[] = { ASN_OID, 3, 0x2b, 0x65, 0x71 };

/* The contents of privateKey, RSAPrivateKey of RFC 8017. */
static bool put_rsa(struct back *b, gnutls_x509_privkey_t key)
{
	/* m e d p q u e1 e2 of GnuTLS; RSAPrivateKey is m e d p q e1 e2 u */
	gnutls_datum_t v[8] = { { NULL, 0 } };
	static const int order[] = { 5, 7, 6, 4, 3, 2, 1, 0 };
	size_t end = b->at;
	bool ok = gnutls_x509_privkey_export_rsa_raw2(key, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) == 0;

	for (size_t i = 0; ok && i < ARRAY_LEN(order); i++)
		put_number(b, v[order[i]].data, v[order[i]].size);
	put_number(b, NULL, 0);
	wrap(b, ASN_SEQ, end);
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		drop(&v[i]);
	return ok;
}

/* ECPrivateKey of RFC 5915, or CurvePrivateKey of RFC 8410. */
static bool put_curve(struct back *b, gnutls_x509_privkey_t key, bool edwards, gnutls_ecc_curve_t *curve)
{
	gnutls_datum_t x = { NULL, 0 }, y = { NULL, 0 }, k = { NULL, 0 };
	size_t end = b->at;
	bool ok = gnutls_x509_privkey_export_ecc_raw(key, curve, &x, &y, &k) == 0;
	size_t len = ok ? (size_t)gnutls_ecc_curve_get_size(*curve) : 0;

	if (ok && edwards) {
		put(b, k.data, k.size);
		wrap(b, ASN_OCTETS, end);
	} else if (ok) {
		put_padded(b, &y, len);
		put_padded(b, &x, len);
		put_byte(b, 0x04); /* uncompressed */
		put_byte(b, 0);    /* unused bits */
		wrap(b, ASN_BITS, end);
		wrap(b, 0xa1, end);
		size_t scalar = b->at;
		put_padded(b, &k, len);
		wrap(b, ASN_OCTETS, scalar);
		put_number(b, &(uint8_t){ 1 }, 1);
		wrap(b, ASN_SEQ, end);
	}
	drop(&x);
	drop(&y);
	drop(&k);
	return ok;
}

static bool put_curve_oid(struct back *b, gnutls_ecc_curve_t curve)
{
	const char *dotted = gnutls_ecc_curve_get_oid(curve);
	uint8_t oid[32];
	size_t n, end = b->at;

	if (!dotted || asn_oid_parse(dotted, oid, sizeof oid, &n))
		return false;
	put(b, oid, n);
	wrap(b, ASN_OID, end);
	return true;
}

err_t x_pkcs8_of(gnutls_x509_privkey_t key, struct secret *out)
{
	struct secret room = { 0 };
	gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
	int pk = gnutls_x509_privkey_get_pk_algorithm(key);
	bool rsa = pk == GNUTLS_PK_RSA || pk == GNUTLS_PK_RSA_PSS;
	bool edwards = pk == GNUTLS_PK_EDDSA_ED25519 || pk == GNUTLS_PK_EDDSA_ED448;

	if (!rsa && !edwards && pk != GNUTLS_PK_ECDSA)
		return E_NOT_SUPPORTED;
	err_t err = secret_init(&room, PKCS8_MAX);
	if (err)
		return err;
	struct back b = { room.p, room.n, false };
	size_t end = b.at;
	bool ok = rsa ? put_rsa(&b, key) : put_curve(&b, key, edwards, &curve);
	wrap(&b, ASN_OCTETS, end);
	size_t alg = b.at;
	if (pk == GNUTLS_PK_RSA)
		put(&b, oid_rsa, sizeof oid_rsa);
	else if (pk == GNUTLS_PK_RSA_PSS)
		put(&b, oid_rsa_pss, sizeof oid_rsa_pss);
	else if (edwards)
		put(&b, pk == GNUTLS_PK_EDDSA_ED25519 ? oid_ed25519 : oid_ed448, sizeof oid_ed25519);
	else {
		ok = ok && put_curve_oid(&b, curve);
		put(&b, oid_ec, sizeof oid_ec);
	}
	wrap(&b, ASN_SEQ, alg);
	put_number(&b, NULL, 0);
	wrap(&b, ASN_SEQ, end);
	err = !ok ? E_CRYPTO : b.full ? E_SPACE : secret_copy(out, slice_of(b.base + b.at, end - b.at));
	secret_fini(&room);
	return err;
}

/* The number modulo m, which fits in 31 bits. */
static uint64_t residue(slice s, uint64_t m)
{
	uint64_t r = 0;

	for (size_t i = 0; i < s.n; i++)
		r = (r << 8 | s.p[i]) % m;
	return r;
}

/* Is n the product of p and q? Looked at modulo four primes, so that no copy of the factors is made. */
static bool is_product(const struct keyfmt *k)
{
	static const uint64_t primes[] = { 2147483647, 2147483629, 2147483587, 2147483579 };

	for (size_t i = 0; i < ARRAY_LEN(primes); i++)
		if (residue(k->n, primes[i]) != residue(k->p, primes[i]) * residue(k->q, primes[i]) % primes[i])
			return false;
	return true;
}

static bool is_brainpool(const struct keyfmt *k)
{
	return k->type == KEYFMT_EC && k->group >= 27 && k->group <= 30;
}

/* The AlgorithmIdentifier of a PKCS #8 that has been read. */
static slice algorithm_of(slice pkcs8)
{
	struct rd all = rd_of(pkcs8), r = rd_of(der_next(&all, DER_SEQ));

	(void)der_number(&r);
	const uint8_t *from = r.p;
	(void)der_next(&r, DER_SEQ);
	return slice_of(from, (size_t)(r.p - from));
}

err_t x_plain_spki(slice pkcs8, uint8_t *out, size_t cap, size_t *n)
{
	struct keyfmt k = { 0 };
	struct back b = { out, cap, false };

	if (keyfmt_private(pkcs8, &k))
		return E_NOT_SUPPORTED;
	if (k.type == KEYFMT_RSA && is_product(&k)) {
		put_number(&b, k.e.p, k.e.n);
		put_number(&b, k.n.p, k.n.n);
		wrap(&b, ASN_SEQ, cap);
	} else if (is_brainpool(&k) && k.point.n) {
		put(&b, k.point.p, k.point.n);
		put_byte(&b, 4); /* not compressed */
	} else {
		return E_NOT_SUPPORTED;
	}
	put_byte(&b, 0); /* unused bits */
	wrap(&b, ASN_BITS, cap);
	size_t end = b.at;
	slice alg = algorithm_of(pkcs8);
	if (k.type == KEYFMT_RSA) {
		put(&b, oid_rsa, sizeof oid_rsa); /* with its NULL, which not everybody writes */
		wrap(&b, ASN_SEQ, end);
	} else {
		put(&b, alg.p, alg.n);
	}
	wrap(&b, ASN_SEQ, cap);
	if (b.full)
		return E_SPACE;
	*n = cap - b.at;
	memmove(out, out + b.at, *n);
	return 0;
}
