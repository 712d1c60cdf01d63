/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encryption of OpenSSL: AES and Camellia CBC and CTR (RFC 3602, 3686, 5529), AES-GCM, -CCM (RFC 4106, 4309, 5282),
 * GMAC (RFC 4543), ChaCha20-Poly1305 (RFC 7634), 3DES. A context of the library has one direction, so ours makes the
 * one that is asked for first: a message needs one only.
 */
#include "plugins/crypto-common/common.h"
#include "plugins/crypto-openssl/openssl_plugin.h"

enum { CTR_NONCE = 4, BLOCK = 16, KEY_MAX = 32, CCM_SALT = 3, CCM_NONCE = 11 };

struct os_alg {
	enum os_cipher cipher;
	uint8_t key_len, salt_len, icv_len, block;
};

struct os_ctx {
	EVP_CIPHER_CTX *dir[2];
	const struct os_alg *alg;
	uint8_t key[KEY_MAX], salt[AEAD_SALT];
};

static err_t os_init(void *ctx, const struct os_alg *alg, slice key, slice salt)
{
	struct os_ctx *c = ctx;
	memset(c, 0, sizeof *c);
	c->alg = alg;
	if (salt.n != alg->salt_len || key.n != alg->key_len)
		return E_MISUSE;
	if (!os_cipher[alg->cipher])
		return E_NOT_SUPPORTED;
	memcpy(c->key, key.p, key.n);
	if (salt.n)
		memcpy(c->salt, salt.p, salt.n);
	return 0;
}

static void os_fini(void *ctx)
{
	struct os_ctx *c = ctx;
	EVP_CIPHER_CTX_free(c->dir[0]);
	EVP_CIPHER_CTX_free(c->dir[1]);
	explicit_bzero(c, sizeof *c);
}

/* nonce_len 0: the mode's own. */
static EVP_CIPHER_CTX *direction(struct os_ctx *c, bool seal, int nonce_len, bool ccm)
{
	EVP_CIPHER_CTX *h = c->dir[seal];
	if (h)
		return h;
	h = EVP_CIPHER_CTX_new();
	if (!h)
		return NULL;
	bool ok = EVP_CipherInit_ex2(h, os_cipher[c->alg->cipher], NULL, NULL, seal, NULL) > 0 &&
		(!nonce_len || nonce_len == EVP_CIPHER_CTX_get_iv_length(h) ||
		EVP_CIPHER_CTX_ctrl(h, EVP_CTRL_AEAD_SET_IVLEN, nonce_len, NULL) > 0) &&
		(!ccm || EVP_CIPHER_CTX_ctrl(h, EVP_CTRL_AEAD_SET_TAG, c->alg->icv_len, NULL) > 0) &&
		EVP_CipherInit_ex2(h, NULL, c->key, NULL, seal, NULL) > 0;
	if (!ok) {
		EVP_CIPHER_CTX_free(h);
		return NULL;
	}
	if (c->alg->block > 1)
		EVP_CIPHER_CTX_set_padding(h, 0);
	c->dir[seal] = h;
	return h;
}

static bool update(EVP_CIPHER_CTX *h, uint8_t *out, const uint8_t *in, size_t n)
{
	int len;
	return !n || (n <= INT32_MAX && EVP_CipherUpdate(h, out, &len, in, (int)n) > 0);
}

static err_t run_cbc(struct os_ctx *c, const struct encr_op *op, bool seal)
{
	EVP_CIPHER_CTX *h;
	if (op->len % c->alg->block)
		return E_MISUSE;
	h = direction(c, seal, 0, false);
	return h && EVP_CipherInit_ex2(h, NULL, NULL, op->iv, seal, NULL) > 0 && update(h, op->buf, op->buf, op->len) ?
		0 : E_CRYPTO;
}

/* Counter block: nonce, IV, a 32-bit counter from 1 (RFC 3686 section 4). */
static err_t run_ctr(struct os_ctx *c, const struct encr_op *op, bool seal)
{
	EVP_CIPHER_CTX *h = direction(c, seal, 0, false);
	uint8_t block[BLOCK] = { 0 };
	memcpy(block, c->salt, CTR_NONCE);
	memcpy(block + CTR_NONCE, op->iv, AEAD_IV);
	block[BLOCK - 1] = 1;
	return h && EVP_CipherInit_ex2(h, NULL, NULL, block, seal, NULL) > 0 && update(h, op->buf, op->buf, op->len) ?
		0 : E_CRYPTO;
}

static err_t finish_aead(struct os_ctx *c, EVP_CIPHER_CTX *h, const struct encr_op *op, bool seal)
{
	int len;
	uint8_t none[BLOCK];
	if (!seal)
		return EVP_CIPHER_CTX_ctrl(h, EVP_CTRL_AEAD_SET_TAG, c->alg->icv_len, op->icv) > 0 &&
			EVP_CipherFinal_ex(h, none, &len) > 0 ? 0 : E_INTEGRITY;
	return EVP_CipherFinal_ex(h, none, &len) > 0 &&
		EVP_CIPHER_CTX_ctrl(h, EVP_CTRL_AEAD_GET_TAG, c->alg->icv_len, op->icv) > 0 ? 0 : E_CRYPTO;
}

static err_t run_aead(struct os_ctx *c, const struct encr_op *op, bool seal)
{
	EVP_CIPHER_CTX *h = direction(c, seal, AEAD_NONCE, false);
	uint8_t nonce[AEAD_NONCE];
	crypto_common_nonce(nonce, c->salt, op->iv);
	if (!h || EVP_CipherInit_ex2(h, NULL, NULL, nonce, seal, NULL) <= 0 || !update(h, NULL, op->aad.p, op->aad.n) ||
	    !update(h, op->buf, op->buf, op->len))
		return E_CRYPTO;
	return finish_aead(c, h, op, seal);
}

/* The IV is part of what is authenticated, and so is the payload, which stays as it is. */
static err_t run_gmac(struct os_ctx *c, const struct encr_op *op, bool seal)
{
	EVP_CIPHER_CTX *h = direction(c, seal, AEAD_NONCE, false);
	uint8_t nonce[AEAD_NONCE];
	crypto_common_nonce(nonce, c->salt, op->iv);
	if (!h || EVP_CipherInit_ex2(h, NULL, NULL, nonce, seal, NULL) <= 0 || !update(h, NULL, op->aad.p, op->aad.n) ||
	    !update(h, NULL, op->iv, AEAD_IV) || !update(h, NULL, op->buf, op->len))
		return E_CRYPTO;
	return finish_aead(c, h, op, seal);
}

static err_t run_ccm(struct os_ctx *c, const struct encr_op *op, bool seal)
{
	EVP_CIPHER_CTX *h = direction(c, seal, CCM_NONCE, true);
	uint8_t nonce[CCM_NONCE], dummy[1];
	int len;
	memcpy(nonce, c->salt, CCM_SALT);
	memcpy(nonce + CCM_SALT, op->iv, AEAD_IV);
	if (!h || op->len > INT32_MAX ||
	    (!seal && EVP_CIPHER_CTX_ctrl(h, EVP_CTRL_AEAD_SET_TAG, c->alg->icv_len, op->icv) <= 0) ||
	    EVP_CipherInit_ex2(h, NULL, NULL, nonce, seal, NULL) <= 0 ||
	    EVP_CipherUpdate(h, NULL, &len, NULL, (int)op->len) <= 0 || !update(h, NULL, op->aad.p, op->aad.n))
		return E_CRYPTO;
	/* This mode checks the ICV with the data, so data there must be, even none. */
	uint8_t *buf = op->len ? op->buf : dummy;
	if (EVP_CipherUpdate(h, buf, &len, buf, (int)op->len) <= 0)
		return seal ? E_CRYPTO : E_INTEGRITY;
	if (!seal)
		return 0;
	return EVP_CipherFinal_ex(h, dummy, &len) > 0 &&
		EVP_CIPHER_CTX_ctrl(h, EVP_CTRL_AEAD_GET_TAG, c->alg->icv_len, op->icv) > 0 ? 0 : E_CRYPTO;
}

#define DIRECTIONS(mode) \
	static void mode##_seal(void *ctx, struct encr_op *v, size_t n) \
	{ \
		for (size_t i = 0; i < n; i++) \
			v[i].res = run_##mode(ctx, &v[i], true); \
	} \
	static void mode##_open(void *ctx, struct encr_op *v, size_t n) \
	{ \
		for (size_t i = 0; i < n; i++) \
			v[i].res = run_##mode(ctx, &v[i], false); \
	}

DIRECTIONS(cbc)
DIRECTIONS(ctr)
DIRECTIONS(aead)
DIRECTIONS(gmac)
DIRECTIONS(ccm)

#define ENCR(name, c, mode, keylen, saltlen, ivlen, icvlen, block) \
	static const struct os_alg name##_alg = { OS_C_##c, keylen, saltlen, icvlen, block }; \
	static err_t name##_init(void *ctx, slice key, slice salt) \
	{ \
		return os_init(ctx, &name##_alg, key, salt); \
	} \
	const struct encr_ops os_##name = { .size = sizeof(struct encr_ops), .key_len = keylen, .salt_len = saltlen, \
		.iv_len = ivlen, .icv_len = icvlen, .block_len = block, .ctx_size = sizeof(struct os_ctx), \
		.init = name##_init, .seal = mode##_seal, .open = mode##_open, .fini = os_fini };

#define LENGTHS(bits) \
	ENCR(cbc_##bits, cbc_##bits, cbc, bits / 8, 0, BLOCK, 0, BLOCK) \
	ENCR(cam_cbc_##bits, cam_cbc_##bits, cbc, bits / 8, 0, BLOCK, 0, BLOCK) \
	ENCR(ctr_##bits, ctr_##bits, ctr, bits / 8, CTR_NONCE, AEAD_IV, 0, 1) \
	ENCR(cam_ctr_##bits, cam_ctr_##bits, ctr, bits / 8, CTR_NONCE, AEAD_IV, 0, 1) \
	ENCR(gcm16_##bits, gcm_##bits, aead, bits / 8, AEAD_SALT, AEAD_IV, 16, 1) \
	ENCR(gcm12_##bits, gcm_##bits, aead, bits / 8, AEAD_SALT, AEAD_IV, 12, 1) \
	ENCR(gcm8_##bits, gcm_##bits, aead, bits / 8, AEAD_SALT, AEAD_IV, 8, 1) \
	ENCR(gmac_##bits, gcm_##bits, gmac, bits / 8, AEAD_SALT, AEAD_IV, 16, 1) \
	ENCR(ccm16_##bits, ccm_##bits, ccm, bits / 8, CCM_SALT, AEAD_IV, 16, 1) \
	ENCR(ccm12_##bits, ccm_##bits, ccm, bits / 8, CCM_SALT, AEAD_IV, 12, 1) \
	ENCR(ccm8_##bits, ccm_##bits, ccm, bits / 8, CCM_SALT, AEAD_IV, 8, 1)

LENGTHS(128)
LENGTHS(192)
LENGTHS(256)
ENCR(chacha, chacha, aead, 32, AEAD_SALT, AEAD_IV, 16, 1)
ENCR(tdes, tdes, cbc, 24, 0, 8, 0, 8)
