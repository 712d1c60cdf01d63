/* SPDX-License-Identifier: Apache-2.0 */
/* AES and Camellia CBC and CTR (RFC 3686, 5529), AES-GCM and -CCM (RFC 4106, 4309, 5282), GMAC (RFC 4543),
 * ChaCha20-Poly1305 (RFC 7634), 3DES and DES of Libgcrypt. */
#include "plugins/crypto-common/common.h"
#include "plugins/crypto-gcrypt/gcrypt_plugin.h"

enum { CTR_NONCE = 4, BLOCK = 16, CCM_SALT = 3, CCM_NONCE = 11 };

struct gc_ctx {
	gcry_cipher_hd_t h;
	uint8_t salt[AEAD_SALT];
	uint8_t icv_len, block;
};

static err_t gc_open(void *ctx, int algo, int mode, uint8_t icv_len, uint8_t block, slice key, slice salt, size_t salt_len)
{
	struct gc_ctx *c = ctx;
	c->h = NULL;
	c->icv_len = icv_len;
	c->block = block;
	if (salt.n != salt_len || key.n != gcry_cipher_get_algo_keylen(algo))
		return E_MISUSE;
	if (salt_len)
		memcpy(c->salt, salt.p, salt_len);
	if (gcry_cipher_open(&c->h, algo, mode, 0))
		return E_CRYPTO;
	/* A weak DES key is as good as any other of an algorithm that has to be asked for by name. */
	gcry_cipher_ctl(c->h, GCRYCTL_SET_ALLOW_WEAK_KEY, NULL, 1);
	gcry_error_t err = gcry_cipher_setkey(c->h, key.p, key.n);
	if (err && gcry_err_code(err) != GPG_ERR_WEAK_KEY) {
		gcry_cipher_close(c->h);
		c->h = NULL;
		return E_CRYPTO;
	}
	return 0;
}

static void gc_close(void *ctx)
{
	struct gc_ctx *c = ctx;
	if (c->h)
		gcry_cipher_close(c->h);
	explicit_bzero(c, sizeof *c);
}

static err_t start_cbc(struct gc_ctx *c, const struct encr_op *op)
{
	if (op->len % c->block)
		return E_MISUSE;
	return gcry_cipher_setiv(c->h, op->iv, c->block) ? E_CRYPTO : 0;
}

/* Counter block: nonce, IV, a 32-bit counter from 1 (RFC 3686 section 4). */
static err_t start_ctr(struct gc_ctx *c, const struct encr_op *op)
{
	uint8_t block[BLOCK] = { 0 };
	memcpy(block, c->salt, CTR_NONCE);
	memcpy(block + CTR_NONCE, op->iv, AEAD_IV);
	block[BLOCK - 1] = 1;
	return gcry_cipher_setctr(c->h, block, BLOCK) ? E_CRYPTO : 0;
}

static err_t start_aead(struct gc_ctx *c, const struct encr_op *op)
{
	uint8_t nonce[AEAD_NONCE];
	crypto_common_nonce(nonce, c->salt, op->iv);
	if (gcry_cipher_setiv(c->h, nonce, sizeof nonce))
		return E_CRYPTO;
	if (op->aad.n && gcry_cipher_authenticate(c->h, op->aad.p, op->aad.n))
		return E_CRYPTO;
	return 0;
}

static err_t start_ccm(struct gc_ctx *c, const struct encr_op *op)
{
	uint8_t nonce[CCM_NONCE];
	uint64_t lens[3] = { op->len, op->aad.n, c->icv_len };
	memcpy(nonce, c->salt, CCM_SALT);
	memcpy(nonce + CCM_SALT, op->iv, AEAD_IV);
	if (gcry_cipher_setiv(c->h, nonce, sizeof nonce) || gcry_cipher_ctl(c->h, GCRYCTL_SET_CCM_LENGTHS, lens, sizeof lens))
		return E_CRYPTO;
	return op->aad.n && gcry_cipher_authenticate(c->h, op->aad.p, op->aad.n) ? E_CRYPTO : 0;
}

/* The IV is part of what is authenticated, and so is the payload, which stays as it is. */
static err_t start_gmac(struct gc_ctx *c, const struct encr_op *op)
{
	err_t e = start_aead(c, op);
	if (e || gcry_cipher_authenticate(c->h, op->iv, AEAD_IV) || (op->len && gcry_cipher_authenticate(c->h, op->buf, op->len)))
		return E_CRYPTO;
	return 0;
}

static err_t run_seal(struct gc_ctx *c, const struct encr_op *op)
{
	return op->len && gcry_cipher_encrypt(c->h, op->buf, op->len, NULL, 0) ? E_CRYPTO : 0;
}

static err_t run_open(struct gc_ctx *c, const struct encr_op *op)
{
	return op->len && gcry_cipher_decrypt(c->h, op->buf, op->len, NULL, 0) ? E_CRYPTO : 0;
}

#define PLAIN_MODE(mode) \
	static void mode##_seal(void *ctx, struct encr_op *v, size_t n) \
	{ \
		for (size_t i = 0; i < n; i++) { \
			v[i].res = start_##mode(ctx, &v[i]); \
			if (!v[i].res) \
				v[i].res = run_seal(ctx, &v[i]); \
		} \
	} \
	static void mode##_open(void *ctx, struct encr_op *v, size_t n) \
	{ \
		for (size_t i = 0; i < n; i++) { \
			v[i].res = start_##mode(ctx, &v[i]); \
			if (!v[i].res) \
				v[i].res = run_open(ctx, &v[i]); \
		} \
	}

PLAIN_MODE(cbc)
PLAIN_MODE(ctr)

#define AEAD_MODE(mode, has_data) \
	static void mode##_seal(void *ctx, struct encr_op *v, size_t n) \
	{ \
		struct gc_ctx *c = ctx; \
		for (size_t i = 0; i < n; i++) { \
			v[i].res = start_##mode(c, &v[i]); \
			if (!v[i].res && has_data) \
				v[i].res = run_seal(c, &v[i]); \
			if (!v[i].res && gcry_cipher_gettag(c->h, v[i].icv, c->icv_len)) \
				v[i].res = E_CRYPTO; \
		} \
	} \
	static void mode##_open(void *ctx, struct encr_op *v, size_t n) \
	{ \
		struct gc_ctx *c = ctx; \
		for (size_t i = 0; i < n; i++) { \
			v[i].res = start_##mode(c, &v[i]); \
			if (!v[i].res && has_data) \
				v[i].res = run_open(c, &v[i]); \
			if (!v[i].res && gcry_cipher_checktag(c->h, v[i].icv, c->icv_len)) \
				v[i].res = E_INTEGRITY; \
		} \
	}

AEAD_MODE(aead, true)
AEAD_MODE(ccm, true)
AEAD_MODE(gmac, false)

#define ENCR(name, algo, gcry_mode, mode, keylen, saltlen, ivlen, icvlen, block) \
	static err_t name##_init(void *ctx, slice key, slice salt) \
	{ \
		return gc_open(ctx, algo, gcry_mode, icvlen, block, key, salt, saltlen); \
	} \
	const struct encr_ops gc_##name = { .size = sizeof(struct encr_ops), .key_len = keylen, .salt_len = saltlen, \
		.iv_len = ivlen, .icv_len = icvlen, .block_len = block, .ctx_size = sizeof(struct gc_ctx), \
		.init = name##_init, .seal = mode##_seal, .open = mode##_open, .fini = gc_close };

#define CBC(bits, algo) ENCR(cbc_##bits, algo, GCRY_CIPHER_MODE_CBC, cbc, bits / 8, 0, BLOCK, 0, BLOCK)
#define CTR(bits, algo) ENCR(ctr_##bits, algo, GCRY_CIPHER_MODE_CTR, ctr, bits / 8, CTR_NONCE, AEAD_IV, 0, 1)
#define GCM(bits, icv, algo) \
	ENCR(gcm##icv##_##bits, algo, GCRY_CIPHER_MODE_GCM, aead, bits / 8, AEAD_SALT, AEAD_IV, icv, 1)

#define CAMELLIA(bits) \
	ENCR(cam_cbc_##bits, GCRY_CIPHER_CAMELLIA##bits, GCRY_CIPHER_MODE_CBC, cbc, bits / 8, 0, BLOCK, 0, BLOCK) \
	ENCR(cam_ctr_##bits, GCRY_CIPHER_CAMELLIA##bits, GCRY_CIPHER_MODE_CTR, ctr, bits / 8, CTR_NONCE, AEAD_IV, 0, 1)
#define CCM(bits, icv, algo) \
	ENCR(ccm##icv##_##bits, algo, GCRY_CIPHER_MODE_CCM, ccm, bits / 8, CCM_SALT, AEAD_IV, icv, 1)
#define AES(bits) \
	CBC(bits, GCRY_CIPHER_AES##bits) \
	CTR(bits, GCRY_CIPHER_AES##bits) \
	GCM(bits, 16, GCRY_CIPHER_AES##bits) \
	GCM(bits, 12, GCRY_CIPHER_AES##bits) \
	GCM(bits, 8, GCRY_CIPHER_AES##bits) \
	CCM(bits, 16, GCRY_CIPHER_AES##bits) \
	CCM(bits, 12, GCRY_CIPHER_AES##bits) \
	CCM(bits, 8, GCRY_CIPHER_AES##bits) \
	ENCR(gmac_##bits, GCRY_CIPHER_AES##bits, GCRY_CIPHER_MODE_GCM, gmac, bits / 8, AEAD_SALT, AEAD_IV, 16, 1) \
	CAMELLIA(bits)

AES(128)
AES(192)
AES(256)
ENCR(chacha, GCRY_CIPHER_CHACHA20, GCRY_CIPHER_MODE_POLY1305, aead, 32, AEAD_SALT, AEAD_IV, 16, 1)
ENCR(tdes, GCRY_CIPHER_3DES, GCRY_CIPHER_MODE_CBC, cbc, 24, 0, 8, 0, 8)
ENCR(des, GCRY_CIPHER_DES, GCRY_CIPHER_MODE_CBC, cbc, 8, 0, 8, 0, 8)
