/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA (PKCS #1 v1.5 and PSS), ECDSA, Ed25519 and Ed448 of Libgcrypt. Keys are read by keyfmt.h and handed over as
 * numbers. RSA and ECDSA are blinded by the library, and it checks an RSA signature before it gives it away. What it
 * lacks, PSS with another hash in MGF1, is put around its RSA on a number.
 */
#include "plugins/crypto-common/pss.h"
#include "plugins/crypto-common/sign.h"
#include "plugins/crypto-gcrypt/gcrypt_plugin.h"

#include <malloc.h>

struct gc_sign {
	gcry_sexp_t key;
	gcry_sexp_t public; /* of a private key that came without, once something was verified with it */
	const char *lacks_public; /* its curve */
	bool private, ed;
	uint16_t len; /* bytes of the modulus, or of r and of s */
	struct sign_bound bound;
};

static const struct {
	uint16_t id;
	int algo;
	const char *name;
} hashes[] = {
	{ PLUG_HASH_SHA256, GCRY_MD_SHA256, "sha256" }, { PLUG_HASH_SHA384, GCRY_MD_SHA384, "sha384" },
	{ PLUG_HASH_SHA512, GCRY_MD_SHA512, "sha512" }, { PLUG_HASH_SHA1, GCRY_MD_SHA1, "sha1" },
	{ PLUG_HASH_SHA224, GCRY_MD_SHA224, "sha224" }, { PLUG_HASH_SHA512_224, GCRY_MD_SHA512_224, "sha512-224" },
	{ PLUG_HASH_SHA512_256, GCRY_MD_SHA512_256, "sha512-256" }, { PLUG_HASH_SHA3_224, GCRY_MD_SHA3_224, "sha3-224" },
	{ PLUG_HASH_SHA3_256, GCRY_MD_SHA3_256, "sha3-256" }, { PLUG_HASH_SHA3_384, GCRY_MD_SHA3_384, "sha3-384" },
	{ PLUG_HASH_SHA3_512, GCRY_MD_SHA3_512, "sha3-512" },
};

static const char *hash_name(uint16_t id)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (hashes[i].id == id)
			return hashes[i].name;
	return NULL;
}

static err_t digest(uint16_t id, const slice *v, size_t n, uint8_t out[SIGN_HASH_MAX], slice *got)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		if (hashes[i].id != id)
			continue;
		*got = slice_of(out, gcry_md_get_algo_dlen(hashes[i].algo));
		return gc_digest(hashes[i].algo, (uint16_t)got->n, v, n, out);
	}
	return E_NOT_SUPPORTED;
}

/* An expression is one block of malloc, which the library frees as it is. */
static void wipe_free(gcry_sexp_t s)
{
	if (!s)
		return;
	explicit_bzero(s, malloc_usable_size(s));
	free(s);
}

static void sign_close(void *ctx)
{
	struct gc_sign *c = ctx;
	if (c->private)
		wipe_free(c->key);
	else
		gcry_sexp_release(c->key);
	gcry_sexp_release(c->public);
	explicit_bzero(c, sizeof *c);
}

static gcry_mpi_t number(slice s)
{
	gcry_mpi_t m;
	return gcry_mpi_scan(&m, GCRYMPI_FMT_USG, s.p, s.n, NULL) ? NULL : m;
}

/* The value behind `name` in a signature, right-aligned in len bytes. */
static err_t part(gcry_sexp_t from, const char *name, uint8_t *out, size_t len)
{
	gcry_sexp_t s = gcry_sexp_find_token(from, name, 0);
	size_t n = 0;
	const char *p = s ? gcry_sexp_nth_data(s, 1, &n) : NULL;
	for (; p && n > len && !*p; n--)
		p++;
	if (p && n <= len) {
		memset(out, 0, len - n);
		memcpy(out + len - n, p, n);
	}
	gcry_sexp_release(s);
	return p && n <= len ? 0 : E_CRYPTO;
}

/* Takes `data`; the signature is to be released. */
static err_t sign_data(struct gc_sign *c, gcry_sexp_t data, gcry_sexp_t *sig)
{
	err_t e = data && !gcry_pk_sign(sig, data, c->key) ? 0 : E_CRYPTO;
	gcry_sexp_release(data);
	return e;
}

/* The public key of a private one of EdDSA (RFC 8032 sections 5.1.5 and 5.2.5): the library does not tell it rightly. */
static bool ed_public(struct gc_sign *c, gcry_ctx_t ec, uint8_t *out)
{
	const bool ed448 = c->len == 57;
	uint8_t d[SIGN_HASH_MAX], h[SIGN_HASH_MAX], scalar[SIGN_HASH_MAX];
	const slice key = slice_of(d, c->len);
	gcry_mpi_point_t g = gcry_mpi_ec_get_point("g", ec, 1), p = gcry_mpi_point_new(0);
	gcry_mpi_t a = NULL, x = gcry_mpi_new(0), y = gcry_mpi_new(0);
	size_t n = 0;

	bool ok = g && !part(c->key, "d", d, c->len) &&
		!gc_digest(ed448 ? GCRY_MD_SHAKE256 : GCRY_MD_SHA512, c->len, &key, 1, h);
	h[0] &= ed448 ? 0xfc : 0xf8;
	if (ed448)
		h[56] = 0;
	h[ed448 ? 55 : 31] = ed448 ? h[55] | 0x80 : (h[31] & 0x7f) | 0x40;
	for (size_t i = 0; i < c->len; i++)
		scalar[i] = h[c->len - 1 - i];
	a = ok ? number(slice_of(scalar, c->len)) : NULL;
	if (a) {
		gcry_mpi_set_flag(a, GCRYMPI_FLAG_SECURE);
		gcry_mpi_ec_mul(p, a, g, ec);
	}
	ok = a && !gcry_mpi_ec_get_affine(x, y, p, ec) && !gcry_mpi_print(GCRYMPI_FMT_USG, scalar, c->len, &n, y);
	memset(out, 0, c->len);
	for (size_t i = 0; i < n && ok; i++)
		out[i] = scalar[n - 1 - i];
	out[c->len - 1] |= gcry_mpi_test_bit(x, 0) ? 0x80 : 0;
	explicit_bzero(d, sizeof d);
	explicit_bzero(h, sizeof h);
	explicit_bzero(scalar, sizeof scalar);
	gcry_mpi_point_release(g);
	gcry_mpi_point_release(p);
	gcry_mpi_release(a);
	gcry_mpi_release(x);
	gcry_mpi_release(y);
	return ok;
}

/* What verifies: a private key that came without its public one gets it now. NULL: it cannot. */
static gcry_sexp_t verify_key(struct gc_sign *c)
{
	uint8_t out[SIGN_HASH_MAX];
	gcry_ctx_t ec = NULL;
	gcry_mpi_t q = NULL;
	if (!c->lacks_public || c->public)
		return c->lacks_public ? c->public : c->key;
	if (gcry_mpi_ec_new(&ec, c->ed ? NULL : c->key, c->ed ? c->lacks_public : NULL))
		return NULL;
	bool bad = true;
	if (!c->ed && (q = gcry_mpi_ec_get_mpi("q", ec, 0)) != NULL)
		bad = gcry_sexp_build(&c->public, NULL, "(public-key(ecc(curve %s)(q%m)))", c->lacks_public, q) != 0;
	else if (c->ed && ed_public(c, ec, out))
		bad = gcry_sexp_build(&c->public, NULL, "(public-key(ecc(curve %s)(flags eddsa)(q%b)))", c->lacks_public,
			(int)c->len, out) != 0;
	if (bad)
		c->public = NULL;
	gcry_mpi_release(q);
	gcry_ctx_release(ec);
	return c->public;
}

/* Takes both. */
static err_t verify_data(struct gc_sign *c, gcry_sexp_t data, gcry_sexp_t sig)
{
	gcry_sexp_t key = verify_key(c);
	err_t e = data && sig && key && !gcry_pk_verify(sig, data, key) ? 0 : E_AUTH_FAILED;
	gcry_sexp_release(data);
	gcry_sexp_release(sig);
	return e;
}

/* ---- RSA ---- */

static err_t rsa_load(struct gc_sign *c, const struct keyfmt *k, bool pss, bool private)
{
	err_t e = sign_rsa_check(k, pss, &c->bound);
	if (e)
		return e;
	/* The library wants u = 1/p mod q: p and q change places, so that PKCS #8's 1/q mod p is it. */
	gcry_mpi_t v[] = { number(k->n), number(k->e), private ? number(k->d) : NULL, private ? number(k->q) : NULL,
		private ? number(k->p) : NULL, private ? number(k->qi) : NULL };
	bool ok = v[0] && v[1] && (!private || (v[2] && v[3] && v[4] && v[5]));
	c->private = private;
	c->len = (uint16_t)k->n.n;
	if (ok)
		ok = !(private ? gcry_sexp_build(&c->key, NULL, "(private-key(rsa(n%m)(e%m)(d%m)(p%m)(q%m)(u%m)))", v[0], v[1],
			v[2], v[3], v[4], v[5]) : gcry_sexp_build(&c->key, NULL, "(public-key(rsa(n%m)(e%m)))", v[0], v[1]));
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		if (v[i] && i >= 2)
			gcry_mpi_set_flag(v[i], GCRYMPI_FLAG_SECURE); /* wiped when released */
		gcry_mpi_release(v[i]);
	}
	return ok && (!private || !gcry_pk_testkey(c->key)) ? 0 : E_BAD_VALUE;
}

static bool pss_other_mgf(bool pss, const struct sign_how *how)
{
	return pss && sign_mgf_hash(how) != how->hash;
}

static err_t rsa_raw(slice em, gcry_sexp_t *data)
{
	gcry_mpi_t m = number(em);
	err_t e = m && !gcry_sexp_build(data, NULL, "(data(flags raw)(value %m))", m) ? 0 : E_CRYPTO;
	gcry_mpi_release(m);
	return e;
}

static err_t pss_other_data(const struct gc_sign *c, const struct sign_how *how, slice d, gcry_sexp_t *data)
{
	uint8_t salt[SIGN_RSA_MAX], em[SIGN_RSA_MAX];
	const size_t bits = gcry_pk_get_nbits(c->key) - 1;
	err_t e = how->salt_len > sizeof salt ? E_NOT_SUPPORTED : crypto_common_random(salt, how->salt_len);
	if (!e)
		e = pss_encode(digest, how, d, slice_of(salt, how->salt_len), bits, em);
	return e ? e : rsa_raw(slice_of(em, pss_len(bits)), data);
}

/* sig^e is what the library calls encryption. */
static err_t pss_other_verify(const struct gc_sign *c, const struct sign_how *how, const slice *v, size_t n, slice sig)
{
	uint8_t hash[SIGN_HASH_MAX], em[SIGN_RSA_MAX];
	const size_t bits = gcry_pk_get_nbits(c->key) - 1;
	gcry_sexp_t data = NULL, open = NULL;
	slice d;
	err_t e = digest(how->hash, v, n, hash, &d);
	if (!e)
		e = rsa_raw(sig, &data);
	if (!e)
		e = !gcry_pk_encrypt(&open, data, c->key) && !part(open, "a", em, pss_len(bits)) ? 0 : E_AUTH_FAILED;
	if (!e)
		e = pss_check(digest, how, d, bits, em);
	gcry_sexp_release(data);
	gcry_sexp_release(open);
	return e;
}

static err_t rsa_data(const struct gc_sign *c, bool pss, const struct sign_how *how, const slice *v, size_t n,
	gcry_sexp_t *data)
{
	uint8_t hash[SIGN_HASH_MAX], em[SIGN_RSA_MAX];
	slice d;
	err_t e = pss ? sign_bound_check(&c->bound, how) : 0;
	if (!e)
		e = digest(how->hash, v, n, hash, &d);
	if (e)
		return e;
	if (pss_other_mgf(pss, how))
		return pss_other_data(c, how, d, data);
	if (pss) {
		return gcry_sexp_build(data, NULL, "(data(flags pss)(hash %s %b)(salt-length %u))", hash_name(how->hash),
			(int)d.n, d.p, (unsigned)how->salt_len) ? E_CRYPTO : 0;
	}
	e = sign_pkcs1_encode(how->hash, d, em, c->len);
	return e ? e : rsa_raw(slice_of(em, c->len), data);
}

static err_t rsa_sign(struct gc_sign *c, bool pss, const struct sign_how *how, const slice *v, size_t n, uint8_t *out,
	size_t *len)
{
	gcry_sexp_t data = NULL, sig = NULL;
	err_t e = *len < c->len ? E_SPACE : rsa_data(c, pss, how, v, n, &data);
	if (!e)
		e = sign_data(c, data, &sig);
	if (!e)
		e = part(sig, "s", out, c->len);
	*len = c->len;
	gcry_sexp_release(sig);
	return e;
}

/* A signature is as long as the modulus, and not longer with zeros before it, and less (RFC 8017 section 8.2.2). */
static err_t rsa_verify(struct gc_sign *c, bool pss, const struct sign_how *how, const slice *v, size_t n, slice sig)
{
	gcry_sexp_t data = NULL, s = NULL, key = NULL;
	gcry_mpi_t m = NULL, modulus = NULL;
	const bool other = pss_other_mgf(pss, how);
	err_t e = sig.n != c->len ? E_AUTH_FAILED : other ? sign_bound_check(&c->bound, how) : rsa_data(c, pss, how, v, n, &data);
	if (e)
		return e;
	m = number(sig);
	key = gcry_sexp_find_token(c->key, "n", 0);
	modulus = key ? gcry_sexp_nth_mpi(key, 1, GCRYMPI_FMT_USG) : NULL;
	if (!m || !modulus || gcry_mpi_cmp(m, modulus) >= 0 || gcry_sexp_build(&s, NULL, "(sig-val(rsa(s%m)))", m)) {
		gcry_sexp_release(data);
		e = E_AUTH_FAILED;
	} else if (other) {
		gcry_sexp_release(s);
		e = pss_other_verify(c, how, v, n, sig);
	} else {
		e = verify_data(c, data, s);
	}
	gcry_mpi_release(m);
	gcry_mpi_release(modulus);
	gcry_sexp_release(key);
	return e;
}

/* ---- ECDSA ---- */

static const char *curve_name(uint16_t group)
{
	static const struct {
		uint16_t group;
		const char *name;
	} names[] = { { 19, "NIST P-256" }, { 20, "NIST P-384" }, { 21, "NIST P-521" }, { 25, "NIST P-192" },
		{ 26, "NIST P-224" }, { 27, "brainpoolP224r1" }, { 28, "brainpoolP256r1" }, { 29, "brainpoolP384r1" },
		{ 30, "brainpoolP512r1" } };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].group == group)
			return names[i].name;
	return "";
}

/* 0 < d < n */
static bool scalar_good(gcry_mpi_t d, gcry_ctx_t ec)
{
	gcry_mpi_t n = gcry_mpi_ec_get_mpi("n", ec, 1);
	bool ok = n && gcry_mpi_cmp_ui(d, 0) > 0 && gcry_mpi_cmp(d, n) < 0;
	gcry_mpi_release(n);
	return ok;
}

static err_t ec_load(struct gc_sign *c, const struct keyfmt *k, uint16_t group, bool private)
{
	uint8_t point[1 + SIGN_RAW_MAX] = { 4 };
	const char *curve = curve_name(group);
	gcry_ctx_t ec = NULL;
	gcry_mpi_t d = NULL;
	err_t e = E_BAD_VALUE;

	if (k->type != KEYFMT_EC || k->group != group)
		return E_BAD_VALUE;
	c->len = k->len;
	c->private = private;
	c->lacks_public = private && !k->point.n ? curve : NULL;
	if (gcry_mpi_ec_new(&ec, NULL, curve))
		return E_NOT_SUPPORTED;
	if (k->point.n && !gc_point_on_curve(ec, k->point))
		goto out;
	if (k->point.n)
		memcpy(point + 1, k->point.p, k->point.n);
	d = private ? number(k->priv) : NULL;
	if (private && (!d || !scalar_good(d, ec)))
		goto out;
	/* Signing does not look at the public key. */
	e = !(!private ? gcry_sexp_build(&c->key, NULL, "(public-key(ecc(curve %s)(q%b)))", curve, (int)k->point.n + 1,
		point) : !k->point.n ? gcry_sexp_build(&c->key, NULL, "(private-key(ecc(curve %s)(d%m)))", curve, d) :
		gcry_sexp_build(&c->key, NULL, "(private-key(ecc(curve %s)(q%b)(d%m)))", curve, (int)k->point.n + 1, point, d)) ?
		0 : E_BAD_VALUE;
out:
	if (d)
		gcry_mpi_set_flag(d, GCRYMPI_FLAG_SECURE);
	gcry_mpi_release(d);
	gcry_ctx_release(ec);
	return e;
}

/* The leftmost bits of the hash, as many as the order has: whole bytes for every curve here. */
static err_t ecdsa_data(const struct gc_sign *c, const struct sign_how *how, const slice *v, size_t n, gcry_sexp_t *data)
{
	uint8_t hash[SIGN_HASH_MAX];
	slice d;
	err_t e = digest(how->hash, v, n, hash, &d);
	if (e)
		return e;
	gcry_mpi_t m = number(slice_of(d.p, d.n < c->len ? d.n : c->len));
	e = m && !gcry_sexp_build(data, NULL, "(data(flags raw)(value %m))", m) ? 0 : E_CRYPTO;
	gcry_mpi_release(m);
	return e;
}

static err_t ecdsa_sign(struct gc_sign *c, const struct sign_how *how, const slice *v, size_t n, uint8_t *out, size_t *len,
	bool raw)
{
	uint8_t numbers[SIGN_RAW_MAX];
	gcry_sexp_t data = NULL, sig = NULL;
	err_t e = ecdsa_data(c, how, v, n, &data);
	if (!e)
		e = sign_data(c, data, &sig);
	if (!e)
		e = part(sig, "r", numbers, c->len);
	if (!e)
		e = part(sig, "s", numbers + c->len, c->len);
	gcry_sexp_release(sig);
	return e ? e : sign_ecdsa_put(numbers, c->len, raw, out, len);
}

static err_t ecdsa_verify(struct gc_sign *c, const struct sign_how *how, const slice *v, size_t n, slice sig, bool raw)
{
	uint8_t numbers[SIGN_RAW_MAX];
	gcry_sexp_t data = NULL, s = NULL;
	err_t e = sign_ecdsa_get(sig, c->len, raw, numbers);
	if (!e)
		e = ecdsa_data(c, how, v, n, &data);
	if (e)
		return e;
	gcry_mpi_t r = number(slice_of(numbers, c->len)), t = number(slice_of(numbers + c->len, c->len));
	if (r && t && gcry_sexp_build(&s, NULL, "(sig-val(ecdsa(r%m)(s%m)))", r, t))
		s = NULL;
	gcry_mpi_release(r);
	gcry_mpi_release(t);
	return verify_data(c, data, s);
}

/* ---- EdDSA ---- */

struct ed {
	const char *curve;
	uint8_t type, len; /* of keys and of half a signature */
};

static const struct ed ed25519_curve = { "Ed25519", KEYFMT_ED25519, 32 };
static const struct ed ed448_curve = { "Ed448", KEYFMT_ED448, 57 };

static err_t ed_load(struct gc_sign *c, const struct keyfmt *k, const struct ed *ed, bool private)
{
	if (k->type != ed->type)
		return E_BAD_VALUE;
	c->private = private;
	c->lacks_public = private ? ed->curve : NULL;
	c->ed = true;
	c->len = ed->len;
	/* The public key is worked out from the private one: one of another key would give the private one away. */
	return (private ? gcry_sexp_build(&c->key, NULL, "(private-key(ecc(curve %s)(flags eddsa)(d%b)))", ed->curve,
		(int)k->priv.n, k->priv.p) : gcry_sexp_build(&c->key, NULL, "(public-key(ecc(curve %s)(flags eddsa)(q%b)))",
		ed->curve, (int)k->point.n, k->point.p)) ? E_BAD_VALUE : 0;
}

static err_t ed_data(const struct ed *ed, const slice *v, size_t n, gcry_sexp_t *data)
{
	slice all;
	uint8_t *own;
	err_t e = sign_one_piece(v, n, &all, &own);
	if (!e && gcry_sexp_build(data, NULL, "(data(flags eddsa)(hash-algo %s)(value %b))",
	    ed->type == KEYFMT_ED25519 ? "sha512" : "shake256", (int)all.n, all.n ? all.p : (const uint8_t *)""))
		e = E_CRYPTO;
	free(own);
	return e;
}

static err_t ed_sign(struct gc_sign *c, const struct ed *ed, const slice *v, size_t n, uint8_t *out, size_t *len)
{
	gcry_sexp_t data = NULL, sig = NULL;
	err_t e = *len < 2u * c->len ? E_SPACE : ed_data(ed, v, n, &data);
	if (!e)
		e = sign_data(c, data, &sig);
	if (!e)
		e = part(sig, "r", out, c->len);
	if (!e)
		e = part(sig, "s", out + c->len, c->len);
	*len = 2u * c->len;
	gcry_sexp_release(sig);
	return e;
}

static err_t ed_verify(struct gc_sign *c, const struct ed *ed, const slice *v, size_t n, slice sig)
{
	gcry_sexp_t data = NULL, s = NULL;
	if (sig.n != 2u * c->len || !sign_ed_below_order(sig.p + c->len, c->len))
		return E_AUTH_FAILED;
	err_t e = ed_data(ed, v, n, &data);
	if (e)
		return e;
	if (gcry_sexp_build(&s, NULL, "(sig-val(eddsa(r%b)(s%b)))", (int)c->len, sig.p, (int)c->len, sig.p + c->len))
		s = NULL;
	return verify_data(c, data, s);
}

#define SIGN(name, max, load_call, sign_call, verify_call) \
	SIGN_TABLE(gc, name, struct gc_sign, sign_close, max, load_call, sign_call, verify_call)
#define ECDSA_TABLES(group) \
	SIGN(ecdsa_##group, SIGN_DER_MAX, ec_load(c, &k, group, private), ecdsa_sign(c, how, v, n, out, len, false), \
		ecdsa_verify(c, how, v, n, sig, false)) \
	SIGN(ecdsa_raw_##group, SIGN_RAW_MAX, ec_load(c, &k, group, private), ecdsa_sign(c, how, v, n, out, len, true), \
		ecdsa_verify(c, how, v, n, sig, true))

SIGN(rsa_pkcs1, SIGN_RSA_MAX, rsa_load(c, &k, false, private), rsa_sign(c, false, how, v, n, out, len),
	rsa_verify(c, false, how, v, n, sig))
SIGN(rsa_pss, SIGN_RSA_MAX, rsa_load(c, &k, true, private), rsa_sign(c, true, how, v, n, out, len),
	rsa_verify(c, true, how, v, n, sig))
SIGN(ed25519, 64, ed_load(c, &k, &ed25519_curve, private), ed_sign(c, &ed25519_curve, v, n, out, len),
	ed_verify(c, &ed25519_curve, v, n, sig))
SIGN(ed448, 114, ed_load(c, &k, &ed448_curve, private), ed_sign(c, &ed448_curve, v, n, out, len),
	ed_verify(c, &ed448_curve, v, n, sig))
ECDSA_TABLES(19)
ECDSA_TABLES(20)
ECDSA_TABLES(21)
ECDSA_TABLES(25)
ECDSA_TABLES(26)
ECDSA_TABLES(27)
ECDSA_TABLES(28)
ECDSA_TABLES(29)
ECDSA_TABLES(30)
