/* SPDX-License-Identifier: Apache-2.0 */
/* RSA (PKCS #1 v1.5 and PSS), ECDSA, Ed25519 and Ed448 of OpenSSL. Keys are read by keyfmt.h and handed over as
 * numbers, so that the library's own, wider readers see nothing from outside. RSA is blinded by the library. */
#include "plugins/crypto-common/sign.h"
#include "plugins/crypto-openssl/openssl_plugin.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

struct sign_ctx {
	EVP_PKEY *key;
	uint16_t len;        /* EC: bytes of r and of s */
	struct sign_bound bound;
};

static void sign_fini(void *ctx)
{
	struct sign_ctx *c = ctx;
	EVP_PKEY_free(c->key);
	explicit_bzero(c, sizeof *c);
}

static EVP_PKEY *from_params(const char *type, int selection, OSSL_PARAM_BLD *b)
{
	OSSL_PARAM *p = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *k = NULL;
	if (!p || !c || EVP_PKEY_fromdata_init(c) <= 0 || EVP_PKEY_fromdata(c, &k, selection, p) <= 0)
		k = NULL;
	EVP_PKEY_CTX_free(c);
	OSSL_PARAM_free(p);
	return k;
}

static EVP_PKEY *rsa_key(const struct keyfmt *k, bool private)
{
	static const char *const names[] = { OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D,
		OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1,
		OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };
	const slice v[] = { k->n, k->e, k->d, k->p, k->q, k->dp, k->dq, k->qi };
	BIGNUM *n[ARRAY_LEN(v)] = { NULL };
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	bool ok = b != NULL;
	for (size_t i = 0; ok && i < (private ? ARRAY_LEN(v) : 2); i++) {
		n[i] = BN_secure_new();
		ok = n[i] && BN_bin2bn(v[i].p, (int)v[i].n, n[i]) && OSSL_PARAM_BLD_push_BN(b, names[i], n[i]) > 0;
	}
	EVP_PKEY *key = ok ? from_params("RSA", private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, b) : NULL;
	OSSL_PARAM_BLD_free(b);
	for (size_t i = 0; i < ARRAY_LEN(n); i++)
		BN_clear_free(n[i]);
	return key;
}

static err_t rsa_load(struct sign_ctx *c, const struct keyfmt *k, bool pss, bool private)
{
	err_t e = sign_rsa_check(k, pss, &c->bound);
	if (e)
		return e;
	c->key = rsa_key(k, private);
	return c->key ? 0 : E_BAD_VALUE;
}

static const char *curve_name(uint16_t group)
{
	static const struct {
		uint16_t group;
		const char *name;
	} names[] = { { 19, "prime256v1" }, { 20, "secp384r1" }, { 21, "secp521r1" }, { 25, "prime192v1" },
		{ 26, "secp224r1" }, { 27, "brainpoolP224r1" }, { 28, "brainpoolP256r1" }, { 29, "brainpoolP384r1" },
		{ 30, "brainpoolP512r1" } };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].group == group)
			return names[i].name;
	return NULL;
}

/* A private key without its public one gets it from the library. */
static err_t ec_public_of(uint16_t group, slice priv, size_t len, uint8_t *point)
{
	uint8_t whole[SIGN_RAW_MAX / 2] = { 0 }; /* as long as the order: zeros in front were left out */
	const struct kex_ops *o = group == 19 ? &os_ecp256 : group == 20 ? &os_ecp384 : group == 21 ? &os_ecp521 :
		group == 25 ? &os_ecp192 : group == 26 ? &os_ecp224 : group == 27 ? &os_bp224 : group == 28 ? &os_bp256 :
		group == 29 ? &os_bp384 : &os_bp512;
	memcpy(whole + len - priv.n, priv.p, priv.n);
	err_t e = o->test_public(whole, point);
	explicit_bzero(whole, sizeof whole);
	return e;
}

static err_t ec_load(struct sign_ctx *c, const struct keyfmt *k, uint16_t group, bool private)
{
	uint8_t point[1 + SIGN_RAW_MAX] = { 4 };
	if (k->type != KEYFMT_EC || k->group != group)
		return E_BAD_VALUE;
	c->len = k->len;
	if (k->point.n)
		memcpy(point + 1, k->point.p, k->point.n);
	else if (ec_public_of(group, k->priv, k->len, point + 1))
		return E_BAD_VALUE;
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	BIGNUM *d = private ? BN_secure_new() : NULL;
	bool ok = b && OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, curve_name(group), 0) > 0 &&
		OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2u * k->len) > 0;
	if (ok && private)
		ok = d && BN_bin2bn(k->priv.p, (int)k->priv.n, d) && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, d) > 0;
	c->key = ok ? from_params("EC", private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, b) : NULL;
	OSSL_PARAM_BLD_free(b);
	BN_clear_free(d);
	return c->key ? 0 : E_BAD_VALUE;
}

static err_t ed_load(struct sign_ctx *c, const struct keyfmt *k, int nid, uint8_t type, bool private)
{
	if (k->type != type)
		return E_BAD_VALUE;
	c->key = private ? EVP_PKEY_new_raw_private_key(nid, NULL, k->priv.p, k->priv.n) :
		EVP_PKEY_new_raw_public_key(nid, NULL, k->point.p, k->point.n);
	return c->key ? 0 : E_BAD_VALUE;
}

/* ---- one operation ---- */

enum scheme { PKCS1, PSS, ECDSA, ED };

static err_t op_start(struct sign_ctx *c, enum scheme scheme, const struct sign_how *how, bool sign, EVP_MD_CTX *h)
{
	EVP_PKEY_CTX *p = NULL;
	const EVP_MD *md = scheme == ED ? NULL : os_hash(how->hash);
	if (scheme != ED && (!md || how->hash == PLUG_HASH_SHAKE128 || how->hash == PLUG_HASH_SHAKE256))
		return E_NOT_SUPPORTED;
	if ((sign ? EVP_DigestSignInit(h, &p, md, NULL, c->key) : EVP_DigestVerifyInit(h, &p, md, NULL, c->key)) <= 0)
		return E_CRYPTO;
	if (scheme != PSS)
		return 0;
	if (sign_bound_check(&c->bound, how))
		return E_BAD_VALUE;
	const EVP_MD *mgf = os_hash(sign_mgf_hash(how));
	if (!mgf)
		return E_NOT_SUPPORTED;
	return EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) > 0 && EVP_PKEY_CTX_set_rsa_mgf1_md(p, mgf) > 0 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(p, how->salt_len) > 0 ? 0 : E_CRYPTO;
}

static err_t sign_any(struct sign_ctx *c, enum scheme scheme, const struct sign_how *how, const slice *v, size_t n,
	uint8_t *out, size_t *len)
{
	EVP_MD_CTX *h = EVP_MD_CTX_new();
	err_t e = h ? op_start(c, scheme, how, true, h) : E_NOMEM;
	if (!e && scheme == ED) {
		slice all;
		uint8_t *own;
		e = sign_one_piece(v, n, &all, &own);
		if (!e && EVP_DigestSign(h, out, len, all.p, all.n) <= 0)
			e = E_CRYPTO;
		free(own);
	} else if (!e) {
		for (size_t i = 0; i < n && !e; i++)
			if (v[i].n && EVP_DigestSignUpdate(h, v[i].p, v[i].n) <= 0)
				e = E_CRYPTO;
		if (!e && EVP_DigestSignFinal(h, out, len) <= 0)
			e = E_CRYPTO;
	}
	EVP_MD_CTX_free(h);
	return e;
}

static err_t verify_any(struct sign_ctx *c, enum scheme scheme, const struct sign_how *how, const slice *v, size_t n,
	slice sig)
{
	EVP_MD_CTX *h = EVP_MD_CTX_new();
	err_t e = h ? op_start(c, scheme, how, false, h) : E_NOMEM;
	if (!e && scheme == ED) {
		slice all;
		uint8_t *own;
		e = sign_one_piece(v, n, &all, &own);
		if (!e && EVP_DigestVerify(h, sig.p, sig.n, all.p, all.n) != 1)
			e = E_AUTH_FAILED;
		free(own);
	} else if (!e) {
		for (size_t i = 0; i < n && !e; i++)
			if (v[i].n && EVP_DigestVerifyUpdate(h, v[i].p, v[i].n) <= 0)
				e = E_CRYPTO;
		if (!e && EVP_DigestVerifyFinal(h, sig.p, sig.n) != 1)
			e = E_AUTH_FAILED;
	}
	EVP_MD_CTX_free(h);
	return e;
}

/* A signature is as long as the modulus, and not longer with zeros before it (RFC 8017 section 8.2.2). */
static err_t rsa_verify(struct sign_ctx *c, enum scheme scheme, const struct sign_how *how, const slice *v, size_t n,
	slice sig)
{
	return sig.n == (size_t)EVP_PKEY_get_size(c->key) ? verify_any(c, scheme, how, v, n, sig) : E_AUTH_FAILED;
}

static err_t ecdsa_verify(struct sign_ctx *c, const struct sign_how *how, const slice *v, size_t n, slice sig, bool raw)
{
	uint8_t numbers[SIGN_RAW_MAX], der[SIGN_DER_MAX];
	size_t der_len = sizeof der;
	if (sign_ecdsa_get(sig, c->len, raw, numbers))
		return E_AUTH_FAILED;
	if (keyfmt_ecdsa_der(numbers, c->len, der, &der_len))
		return E_CRYPTO;
	return verify_any(c, ECDSA, how, v, n, slice_of(der, der_len));
}

static err_t ecdsa_sign(struct sign_ctx *c, const struct sign_how *how, const slice *v, size_t n, uint8_t *out,
	size_t *len, bool raw)
{
	uint8_t numbers[SIGN_RAW_MAX], der[SIGN_DER_MAX + 8];
	size_t der_len = sizeof der;
	err_t e = sign_any(c, ECDSA, how, v, n, der, &der_len);
	if (e)
		return e;
	if (keyfmt_ecdsa_raw(slice_of(der, der_len), c->len, numbers))
		return E_CRYPTO;
	return sign_ecdsa_put(numbers, c->len, raw, out, len);
}

#define SIGN(name, max, load_call, sign_call, verify_call) \
	SIGN_TABLE(os, name, struct sign_ctx, sign_fini, max, load_call, sign_call, verify_call)
#define ECDSA_TABLES(group) \
	SIGN(ecdsa_##group, SIGN_DER_MAX, ec_load(c, &k, group, private), ecdsa_sign(c, how, v, n, out, len, false), \
		ecdsa_verify(c, how, v, n, sig, false)) \
	SIGN(ecdsa_raw_##group, SIGN_RAW_MAX, ec_load(c, &k, group, private), ecdsa_sign(c, how, v, n, out, len, true), \
		ecdsa_verify(c, how, v, n, sig, true))

SIGN(rsa_pkcs1, SIGN_RSA_MAX, rsa_load(c, &k, false, private), sign_any(c, PKCS1, how, v, n, out, len),
	rsa_verify(c, PKCS1, how, v, n, sig))
SIGN(rsa_pss, SIGN_RSA_MAX, rsa_load(c, &k, true, private), sign_any(c, PSS, how, v, n, out, len),
	rsa_verify(c, PSS, how, v, n, sig))
SIGN(ed25519, 64, ed_load(c, &k, EVP_PKEY_ED25519, KEYFMT_ED25519, private), sign_any(c, ED, how, v, n, out, len),
	verify_any(c, ED, how, v, n, sig))
SIGN(ed448, 114, ed_load(c, &k, EVP_PKEY_ED448, KEYFMT_ED448, private), sign_any(c, ED, how, v, n, out, len),
	verify_any(c, ED, how, v, n, sig))
ECDSA_TABLES(19)
ECDSA_TABLES(20)
ECDSA_TABLES(21)
ECDSA_TABLES(25)
ECDSA_TABLES(26)
ECDSA_TABLES(27)
ECDSA_TABLES(28)
ECDSA_TABLES(29)
ECDSA_TABLES(30)
