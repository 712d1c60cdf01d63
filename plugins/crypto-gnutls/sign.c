/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA (PKCS #1 v1.5 and PSS), ECDSA on the NIST curves, Ed25519 and Ed448 of Nettle. Keys are read by keyfmt.h and
 * handed over as numbers. RSA is blinded, and a signature is checked before it leaves; ECDSA and EdDSA are free of
 * branches on secrets. What the library lacks, PSS with another hash in MGF1, is put around its RSA on a number.
 */
#include "plugins/crypto-common/pss.h"
#include "plugins/crypto-common/sign.h"
#include "plugins/crypto-gnutls/gnutls_plugin.h"
#include "plugins/crypto-gnutls/mpz_secret.h"

#include <nettle/ecc-curve.h>
#include <nettle/ecdsa.h>
#include <nettle/eddsa.h>
#include <nettle/nettle-meta.h>
#include <nettle/pss.h>
#include <nettle/rsa.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <nettle/sha3.h>

enum { ED_KEY_MAX = ED448_KEY_SIZE, HASH_CTX_MAX = 512 };

struct gt_rsa {
	struct rsa_public_key pub;
	struct rsa_private_key priv;
	bool open, private;
	struct sign_bound bound;
};

struct gt_ecdsa {
	struct ecc_point point;
	struct ecc_scalar scalar;
	const struct ecc_curve *curve;
	const char *order;
	bool private;
	uint16_t len;
};

struct gt_ed {
	uint8_t pub[ED_KEY_MAX], priv[ED_KEY_MAX];
};

static const struct {
	uint16_t id;
	const struct nettle_hash *hash;
} hashes[] = {
	{ PLUG_HASH_SHA256, &nettle_sha256 }, { PLUG_HASH_SHA384, &nettle_sha384 }, { PLUG_HASH_SHA512, &nettle_sha512 },
	{ PLUG_HASH_SHA1, &nettle_sha1 }, { PLUG_HASH_SHA224, &nettle_sha224 }, { PLUG_HASH_SHA512_224, &nettle_sha512_224 },
	{ PLUG_HASH_SHA512_256, &nettle_sha512_256 }, { PLUG_HASH_SHA3_224, &nettle_sha3_224 },
	{ PLUG_HASH_SHA3_256, &nettle_sha3_256 }, { PLUG_HASH_SHA3_384, &nettle_sha3_384 },
	{ PLUG_HASH_SHA3_512, &nettle_sha3_512 },
};

static const struct nettle_hash *hash_of(uint16_t id)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (hashes[i].id == id && hashes[i].hash->context_size <= HASH_CTX_MAX)
			return hashes[i].hash;
	return NULL;
}

static slice digest(const struct nettle_hash *h, const slice *v, size_t n, uint8_t out[SIGN_HASH_MAX])
{
	_Alignas(16) uint8_t ctx[HASH_CTX_MAX];
	h->init(ctx);
	for (size_t i = 0; i < n; i++)
		if (v[i].n)
			h->update(ctx, v[i].n, v[i].p);
	h->digest(ctx, h->digest_size, out);
	return slice_of(out, h->digest_size);
}

/* The library cannot be told that there are no random numbers: *failed says it, and what was made is thrown away. */
static void random_of(void *failed, size_t n, uint8_t *out)
{
	if (!crypto_common_random(out, n))
		return;
	*(bool *)failed = true;
	memset(out, 1, n);
}

/* ---- RSA ---- */

static void set_number(mpz_t z, slice s)
{
	mpz_import(z, s.n, 1, 1, 0, 0, s.p);
}

static void rsa_close(void *ctx)
{
	struct gt_rsa *c = ctx;
	if (c->open) {
		mpz_ptr const secret[] = { c->priv.d, c->priv.p, c->priv.q, c->priv.a, c->priv.b, c->priv.c };
		for (size_t i = 0; i < ARRAY_LEN(secret); i++)
			explicit_bzero(secret[i]->_mp_d, (size_t)secret[i]->_mp_alloc * sizeof(mp_limb_t));
		rsa_public_key_clear(&c->pub);
		rsa_private_key_clear(&c->priv);
	}
	explicit_bzero(c, sizeof *c);
}

static err_t rsa_load(struct gt_rsa *c, const struct keyfmt *k, bool pss, bool private)
{
	err_t e = sign_rsa_check(k, pss, &c->bound);
	if (e)
		return e;
	rsa_public_key_init(&c->pub);
	rsa_private_key_init(&c->priv);
	c->open = true;
	c->private = private;
	set_number(c->pub.n, k->n);
	set_number(c->pub.e, k->e);
	if (private) {
		set_number(c->priv.d, k->d);
		set_number(c->priv.p, k->p);
		set_number(c->priv.q, k->q);
		set_number(c->priv.a, k->dp);
		set_number(c->priv.b, k->dq);
		set_number(c->priv.c, k->qi);
		if (!rsa_private_key_prepare(&c->priv))
			return E_BAD_VALUE;
	}
	return rsa_public_key_prepare(&c->pub) ? 0 : E_BAD_VALUE;
}

static err_t rsa_finish(struct gt_rsa *c, const mpz_t m, uint8_t *out, size_t *len)
{
	bool failed = false;
	mpz_t s;
	if (*len < c->pub.size)
		return E_SPACE;
	mpz_init(s);
	/* Compares s^e with m before it answers. */
	bool ok = rsa_compute_root_tr(&c->pub, &c->priv, &failed, random_of, s, m) && !failed &&
		mpz_secret_put(s, out, c->pub.size);
	mpz_clear(s);
	*len = c->pub.size;
	return ok ? 0 : E_CRYPTO;
}

static err_t pkcs1_message(const struct gt_rsa *c, const struct sign_how *how, const slice *v, size_t n, mpz_t m)
{
	const struct nettle_hash *h = hash_of(how->hash);
	uint8_t hash[SIGN_HASH_MAX], em[SIGN_RSA_MAX];
	if (!h)
		return E_NOT_SUPPORTED;
	err_t e = sign_pkcs1_encode(how->hash, digest(h, v, n, hash), em, c->pub.size);
	if (!e)
		mpz_import(m, c->pub.size, 1, 1, 0, 0, em);
	return e;
}

static err_t pss_hash(const struct gt_rsa *c, const struct sign_how *how, const slice *v, size_t n,
	const struct nettle_hash **h, uint8_t hash[SIGN_HASH_MAX])
{
	*h = hash_of(how->hash);
	if (sign_bound_check(&c->bound, how))
		return E_BAD_VALUE;
	if (!*h || !hash_of(sign_mgf_hash(how)))
		return E_NOT_SUPPORTED;
	digest(*h, v, n, hash);
	return 0;
}

static err_t pss_digest(uint16_t id, const slice *v, size_t n, uint8_t out[SIGN_HASH_MAX], slice *got)
{
	const struct nettle_hash *h = hash_of(id);
	if (!h)
		return E_NOT_SUPPORTED;
	*got = digest(h, v, n, out);
	return 0;
}

/* With one hash for both the library does it all. */
static err_t pss_put(const struct sign_how *how, const struct nettle_hash *h, const uint8_t *hash, const uint8_t *salt,
	size_t bits, mpz_t m)
{
	uint8_t em[SIGN_RSA_MAX];
	if (sign_mgf_hash(how) == how->hash)
		return pss_encode_mgf1(m, bits, h, how->salt_len, salt, hash) ? 0 : E_NOT_SUPPORTED;
	err_t e = pss_encode(pss_digest, how, slice_of(hash, h->digest_size), slice_of(salt, how->salt_len), bits, em);
	if (!e)
		mpz_import(m, pss_len(bits), 1, 1, 0, 0, em);
	return e;
}

static err_t pss_fits(const struct sign_how *how, const struct nettle_hash *h, const uint8_t *hash, size_t bits, const mpz_t m)
{
	uint8_t em[SIGN_RSA_MAX] = { 0 };
	const size_t len = pss_len(bits), n = (mpz_sizeinbase(m, 2) + 7) / 8;
	if (sign_mgf_hash(how) == how->hash)
		return pss_verify_mgf1(m, bits, h, how->salt_len, hash) ? 0 : E_AUTH_FAILED;
	if (n > len || len > sizeof em)
		return E_AUTH_FAILED;
	mpz_export(em + len - n, NULL, 1, 1, 0, 0, m);
	return pss_check(pss_digest, how, slice_of(hash, h->digest_size), bits, em);
}

static err_t pss_message(const struct gt_rsa *c, const struct sign_how *how, const slice *v, size_t n, mpz_t m)
{
	const struct nettle_hash *h;
	uint8_t hash[SIGN_HASH_MAX], salt[SIGN_RSA_MAX];
	err_t e = pss_hash(c, how, v, n, &h, hash);
	if (!e)
		e = how->salt_len > sizeof salt ? E_NOT_SUPPORTED : crypto_common_random(salt, how->salt_len);
	return e ? e : pss_put(how, h, hash, salt, mpz_sizeinbase(c->pub.n, 2) - 1, m);
}

static err_t rsa_sign(struct gt_rsa *c, bool pss, const struct sign_how *how, const slice *v, size_t n, uint8_t *out,
	size_t *len)
{
	mpz_t m;
	mpz_init(m);
	err_t e = !c->private ? E_MISUSE : pss ? pss_message(c, how, v, n, m) : pkcs1_message(c, how, v, n, m);
	if (!e)
		e = rsa_finish(c, m, out, len);
	mpz_clear(m);
	return e;
}

/* m = sig^e. A signature is as long as the modulus and less than it (RFC 8017 section 8.2.2). */
static err_t rsa_open(const struct gt_rsa *c, slice sig, mpz_t m)
{
	if (sig.n != c->pub.size)
		return E_AUTH_FAILED;
	set_number(m, sig);
	if (mpz_cmp(m, c->pub.n) >= 0)
		return E_AUTH_FAILED;
	mpz_powm(m, m, c->pub.e, c->pub.n);
	return 0;
}

static err_t pkcs1_verify(struct gt_rsa *c, const struct sign_how *how, const slice *v, size_t n, slice sig)
{
	mpz_t want, got;
	mpz_init(want);
	mpz_init(got);
	err_t e = pkcs1_message(c, how, v, n, want);
	if (!e)
		e = rsa_open(c, sig, got);
	if (!e && mpz_cmp(want, got) != 0)
		e = E_AUTH_FAILED;
	mpz_clear(want);
	mpz_clear(got);
	return e;
}

static err_t pss_verify(struct gt_rsa *c, const struct sign_how *how, const slice *v, size_t n, slice sig)
{
	const struct nettle_hash *h;
	uint8_t hash[SIGN_HASH_MAX];
	err_t e = pss_hash(c, how, v, n, &h, hash);
	mpz_t m;
	if (e)
		return e;
	mpz_init(m);
	e = rsa_open(c, sig, m);
	if (!e)
		e = pss_fits(how, h, hash, mpz_sizeinbase(c->pub.n, 2) - 1, m);
	mpz_clear(m);
	return e;
}

/* ---- ECDSA ---- */

static const struct curve {
	uint16_t group;
	const struct ecc_curve *(*get)(void);
	const char *order;
} curves[] = {
	{ 19, nettle_get_secp_256r1, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551" },
	{ 20, nettle_get_secp_384r1, "ffffffffffffffffffffffffffffffffffffffffffffffff"
		"c7634d81f4372ddf581a0db248b0a77aecec196accc52973" },
	{ 21, nettle_get_secp_521r1, "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409" },
	{ 25, nettle_get_secp_192r1, "ffffffffffffffffffffffff99def836146bc9b1b4d22831" },
	{ 26, nettle_get_secp_224r1, "ffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3d" },
};

static const struct curve *curve_of(uint16_t group)
{
	size_t i = 0;
	while (i + 1 < ARRAY_LEN(curves) && curves[i].group != group)
		i++;
	return &curves[i];
}

static void ecdsa_close(void *ctx)
{
	struct gt_ecdsa *c = ctx;
	if (c->curve) {
		gt_scalar_clear(&c->scalar, c->curve);
		ecc_point_clear(&c->point);
	}
	explicit_bzero(c, sizeof *c);
}

static err_t ecdsa_load(struct gt_ecdsa *c, const struct keyfmt *k, uint16_t group, bool private)
{
	if (k->type != KEYFMT_EC || k->group != group)
		return E_BAD_VALUE;
	c->curve = curve_of(group)->get();
	c->order = curve_of(group)->order;
	c->len = k->len;
	c->private = private;
	ecc_point_init(&c->point, c->curve);
	ecc_scalar_init(&c->scalar, c->curve);
	if (private) {
		mpz_t d;
		mpz_secret_get(d, k->priv.p, k->priv.n);
		bool ok = ecc_scalar_set(&c->scalar, d); /* 0 < d < n */
		mpz_secret_clear(d);
		if (!ok)
			return E_BAD_VALUE;
		ecc_point_mul_g(&c->point, &c->scalar);
	}
	if (!k->point.n)
		return 0;
	mpz_t x, y;
	mpz_secret_get(x, k->point.p, k->len);
	mpz_secret_get(y, k->point.p + k->len, k->len);
	bool ok = ecc_point_set(&c->point, x, y); /* on the curve, both below p */
	mpz_clear(x);
	mpz_clear(y);
	return ok ? 0 : E_BAD_VALUE;
}

static err_t ecdsa_sign_any(struct gt_ecdsa *c, const struct sign_how *how, const slice *v, size_t n, uint8_t *out,
	size_t *len, bool raw)
{
	const struct nettle_hash *h = hash_of(how->hash);
	uint8_t hash[SIGN_HASH_MAX], numbers[SIGN_RAW_MAX];
	struct dsa_signature sig;
	bool failed = false;
	if (!h || !c->private)
		return h ? E_MISUSE : E_NOT_SUPPORTED;
	slice d = digest(h, v, n, hash);
	dsa_signature_init(&sig);
	ecdsa_sign(&c->scalar, &failed, random_of, d.n, d.p, &sig);
	bool ok = !failed && mpz_secret_put(sig.r, numbers, c->len) && mpz_secret_put(sig.s, numbers + c->len, c->len);
	dsa_signature_clear(&sig);
	return ok ? sign_ecdsa_put(numbers, c->len, raw, out, len) : E_CRYPTO;
}

/* k times the point, or the generator when `p` is NULL: x and y, or false (k is 0). Nothing here is secret. */
static bool times(const struct gt_ecdsa *c, const mpz_t k, const struct ecc_point *p, mpz_t x, mpz_t y)
{
	struct ecc_scalar scalar;
	struct ecc_point r;
	ecc_scalar_init(&scalar, c->curve);
	ecc_point_init(&r, c->curve);
	bool ok = ecc_scalar_set(&scalar, k);
	if (ok && p)
		ecc_point_mul(&r, &scalar, p);
	else if (ok)
		ecc_point_mul_g(&r, &scalar);
	if (ok)
		ecc_point_get(&r, x, y);
	ecc_scalar_clear(&scalar);
	ecc_point_clear(&r);
	return ok;
}

/* The library adds the two halves of u1 G + u2 Q with a formula that has no case for equal ones, and refuses such a
 * signature. Then the sum is 2 u1 G. */
static bool ecdsa_verify_double(const struct gt_ecdsa *c, slice d, const struct dsa_signature *sig)
{
	mpz_t n, u1, u2, x, y, x2, y2;
	mpz_init_set_str(n, c->order, 16);
	mpz_inits(u1, u2, x, y, x2, y2, NULL);
	bool ok = mpz_sgn(sig->r) > 0 && mpz_sgn(sig->s) > 0 && mpz_cmp(sig->r, n) < 0 && mpz_cmp(sig->s, n) < 0;
	if (ok) {
		mpz_invert(u2, sig->s, n);
		set_number(u1, slice_of(d.p, d.n < c->len ? d.n : c->len));
		mpz_mul(u1, u1, u2);
		mpz_mod(u1, u1, n);
		mpz_mul(u2, u2, sig->r);
		mpz_mod(u2, u2, n);
		ok = times(c, u1, NULL, x, y) && times(c, u2, &c->point, x2, y2) && !mpz_cmp(x, x2) && !mpz_cmp(y, y2);
	}
	if (ok) {
		mpz_mul_2exp(u1, u1, 1);
		mpz_mod(u1, u1, n);
		ok = times(c, u1, NULL, x, y);
		mpz_mod(x, x, n);
		ok = ok && !mpz_cmp(x, sig->r);
	}
	mpz_clears(n, u1, u2, x, y, x2, y2, NULL);
	return ok;
}

static err_t ecdsa_verify_any(struct gt_ecdsa *c, const struct sign_how *how, const slice *v, size_t n, slice sig, bool raw)
{
	const struct nettle_hash *h = hash_of(how->hash);
	uint8_t hash[SIGN_HASH_MAX], numbers[SIGN_RAW_MAX];
	struct dsa_signature s;
	if (!h)
		return E_NOT_SUPPORTED;
	if (sign_ecdsa_get(sig, c->len, raw, numbers))
		return E_AUTH_FAILED;
	slice d = digest(h, v, n, hash);
	dsa_signature_init(&s);
	set_number(s.r, slice_of(numbers, c->len));
	set_number(s.s, slice_of(numbers + c->len, c->len));
	bool ok = ecdsa_verify(&c->point, d.n, d.p, &s) || ecdsa_verify_double(c, d, &s);
	dsa_signature_clear(&s);
	return ok ? 0 : E_AUTH_FAILED;
}

/* ---- EdDSA ---- */

static void ed_close(void *ctx)
{
	explicit_bzero(ctx, sizeof(struct gt_ed));
}

#define EDDSA(name, key_type, fn, key_len, sig_len) \
	static err_t name##_key(struct gt_ed *c, const struct keyfmt *k, bool private) \
	{ \
		if (k->type != key_type) \
			return E_BAD_VALUE; \
		memcpy(private ? c->priv : c->pub, private ? k->priv.p : k->point.p, key_len); \
		if (private) \
			fn##_public_key(c->pub, c->priv); \
		return 0; \
	} \
	static err_t name##_make(struct gt_ed *c, const slice *v, size_t n, uint8_t *out, size_t *len) \
	{ \
		slice all; \
		uint8_t *own; \
		err_t e = *len < sig_len ? E_SPACE : sign_one_piece(v, n, &all, &own); \
		if (e) \
			return e; \
		fn##_sign(c->pub, c->priv, all.n, all.p, out); \
		free(own); \
		*len = sig_len; \
		return 0; \
	} \
	static err_t name##_check(struct gt_ed *c, const slice *v, size_t n, slice sig) \
	{ \
		slice all; \
		uint8_t *own; \
		err_t e = sig.n != sig_len || !sign_ed_below_order(sig.p + key_len, key_len) ? E_AUTH_FAILED : \
			sign_one_piece(v, n, &all, &own); \
		if (e) \
			return e; \
		e = fn##_verify(c->pub, all.n, all.p, sig.p) ? 0 : E_AUTH_FAILED; \
		free(own); \
		return e; \
	} \
	SIGN_TABLE(gt, name, struct gt_ed, ed_close, sig_len, name##_key(c, &k, private), name##_make(c, v, n, out, len), \
		name##_check(c, v, n, sig))

EDDSA(ed25519, KEYFMT_ED25519, ed25519_sha512, ED25519_KEY_SIZE, ED25519_SIGNATURE_SIZE)
EDDSA(ed448, KEYFMT_ED448, ed448_shake256, ED448_KEY_SIZE, ED448_SIGNATURE_SIZE)

SIGN_TABLE(gt, rsa_pkcs1, struct gt_rsa, rsa_close, SIGN_RSA_MAX, rsa_load(c, &k, false, private),
	rsa_sign(c, false, how, v, n, out, len), pkcs1_verify(c, how, v, n, sig))
SIGN_TABLE(gt, rsa_pss, struct gt_rsa, rsa_close, SIGN_RSA_MAX, rsa_load(c, &k, true, private),
	rsa_sign(c, true, how, v, n, out, len), pss_verify(c, how, v, n, sig))

#define ECDSA_TABLES(group) \
	SIGN_TABLE(gt, ecdsa_##group, struct gt_ecdsa, ecdsa_close, SIGN_DER_MAX, ecdsa_load(c, &k, group, private), \
		ecdsa_sign_any(c, how, v, n, out, len, false), ecdsa_verify_any(c, how, v, n, sig, false)) \
	SIGN_TABLE(gt, ecdsa_raw_##group, struct gt_ecdsa, ecdsa_close, SIGN_RAW_MAX, ecdsa_load(c, &k, group, private), \
		ecdsa_sign_any(c, how, v, n, out, len, true), ecdsa_verify_any(c, how, v, n, sig, true))

ECDSA_TABLES(19)
ECDSA_TABLES(20)
ECDSA_TABLES(21)
ECDSA_TABLES(25)
ECDSA_TABLES(26)
