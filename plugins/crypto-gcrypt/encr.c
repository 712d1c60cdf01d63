/* SPDX-License-Identifier: Apache-2.0 */
/* AES-CBC, AES-CTR (RFC 3686), AES-GCM (RFC 4106, RFC 5282) and ChaCha20-Poly1305 (RFC 7634) of Libgcrypt. */
#include "plugins/crypto-common/common.h"
#include "plugins/crypto-gcrypt/gcrypt_plugin.h"

enum { CTR_NONCE = 4, BLOCK = 16 };

struct gc_ctx {
	gcry_cipher_hd_t h;
	uint8_t salt[AEAD_SALT];
	uint8_t icv_len;
};

static err_t gc_open(void *ctx, int algo, int mode, uint8_t icv_len, slice key, slice salt, size_t salt_len)
{
	struct gc_ctx *c = ctx;
	c->h = NULL;
	c->icv_len = icv_len;
	if (salt.n != salt_len || key.n != gcry_cipher_get_algo_keylen(algo))
		return E_MISUSE;
	if (salt_len)
		memcpy(c->salt, salt.p, salt_len);
	if (gcry_cipher_open(&c->h, algo, mode, 0))
		return E_CRYPTO;
	if (gcry_cipher_setkey(c->h, key.p, key.n)) {
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
	if (op->len % BLOCK)
		return E_MISUSE;
	return gcry_cipher_setiv(c->h, op->iv, BLOCK) ? E_CRYPTO : 0;
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

static void aead_seal(void *ctx, struct encr_op *v, size_t n)
{
	struct gc_ctx *c = ctx;
	for (size_t i = 0; i < n; i++) {
		v[i].res = start_aead(c, &v[i]);
		if (!v[i].res)
			v[i].res = run_seal(c, &v[i]);
		if (!v[i].res && gcry_cipher_gettag(c->h, v[i].icv, c->icv_len))
			v[i].res = E_CRYPTO;
	}
}

static void aead_open(void *ctx, struct encr_op *v, size_t n)
{
	struct gc_ctx *c = ctx;
	for (size_t i = 0; i < n; i++) {
		v[i].res = start_aead(c, &v[i]);
		if (!v[i].res)
			v[i].res = run_open(c, &v[i]);
		if (!v[i].res && gcry_cipher_checktag(c->h, v[i].icv, c->icv_len))
			v[i].res = E_INTEGRITY;
	}
}

#define ENCR(name, algo, gcry_mode, mode, keylen, saltlen, ivlen, icvlen, block) \
	static err_t name##_init(void *ctx, slice key, slice salt) \
	{ \
		return gc_open(ctx, algo, gcry_mode, icvlen, key, salt, saltlen); \
	} \
	const struct encr_ops gc_##name = { .size = sizeof(struct encr_ops), .key_len = keylen, .salt_len = saltlen, \
		.iv_len = ivlen, .icv_len = icvlen, .block_len = block, .ctx_size = sizeof(struct gc_ctx), \
		.init = name##_init, .seal = mode##_seal, .open = mode##_open, .fini = gc_close };

#define CBC(bits, algo) ENCR(cbc_##bits, algo, GCRY_CIPHER_MODE_CBC, cbc, bits / 8, 0, BLOCK, 0, BLOCK)
#define CTR(bits, algo) ENCR(ctr_##bits, algo, GCRY_CIPHER_MODE_CTR, ctr, bits / 8, CTR_NONCE, AEAD_IV, 0, 1)
#define GCM(bits, icv, algo) \
	ENCR(gcm##icv##_##bits, algo, GCRY_CIPHER_MODE_GCM, aead, bits / 8, AEAD_SALT, AEAD_IV, icv, 1)

CBC(128, GCRY_CIPHER_AES128)
CBC(192, GCRY_CIPHER_AES192)
CBC(256, GCRY_CIPHER_AES256)
CTR(128, GCRY_CIPHER_AES128)
CTR(192, GCRY_CIPHER_AES192)
CTR(256, GCRY_CIPHER_AES256)
GCM(128, 16, GCRY_CIPHER_AES128)
GCM(192, 16, GCRY_CIPHER_AES192)
GCM(256, 16, GCRY_CIPHER_AES256)
GCM(128, 12, GCRY_CIPHER_AES128)
GCM(192, 12, GCRY_CIPHER_AES192)
GCM(256, 12, GCRY_CIPHER_AES256)
GCM(128, 8, GCRY_CIPHER_AES128)
GCM(192, 8, GCRY_CIPHER_AES192)
GCM(256, 8, GCRY_CIPHER_AES256)
ENCR(chacha, GCRY_CIPHER_CHACHA20, GCRY_CIPHER_MODE_POLY1305, aead, 32, AEAD_SALT, AEAD_IV, 16, 1)
