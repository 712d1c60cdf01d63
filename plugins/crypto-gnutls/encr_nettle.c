/* SPDX-License-Identifier: Apache-2.0 */
/* AES-CTR and Camellia CBC and CTR (RFC 3686, 5529), AES-CCM (RFC 4309), GMAC (RFC 4543), ChaCha20-Poly1305 (RFC 7634),
 * 3DES and DES of Nettle: their contexts need no memory of their own. */
#include "plugins/crypto-common/common.h"
#include "plugins/crypto-gnutls/gnutls_plugin.h"

#include <nettle/aes.h>
#include <nettle/camellia.h>
#include <nettle/cbc.h>
#include <nettle/ccm.h>
#include <nettle/chacha-poly1305.h>
#include <nettle/ctr.h>
#include <nettle/des.h>
#include <nettle/gcm.h>

enum { BLOCK = 16, CTR_NONCE = 4, CHACHA_ICV = 16 };

struct ctr_ctx {
	union {
		struct aes128_ctx a128;
		struct aes192_ctx a192;
		struct aes256_ctx a256;
	};
	uint8_t nonce[CTR_NONCE];
};

struct rfc7634_ctx {
	struct chacha_poly1305_ctx c;
	uint8_t salt[AEAD_SALT];
};

/* Counter block: nonce, IV, a 32-bit counter from 1 (RFC 3686 section 4). Encrypting and decrypting are the same. */
static void ctr_run(struct ctr_ctx *c, nettle_cipher_func *f, struct encr_op *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t block[BLOCK] = { 0 };
		memcpy(block, c->nonce, CTR_NONCE);
		memcpy(block + CTR_NONCE, v[i].iv, AEAD_IV);
		block[BLOCK - 1] = 1;
		ctr_crypt(&c->a128, f, BLOCK, block, v[i].len, v[i].buf, v[i].buf);
		v[i].res = 0;
	}
}

static void ctr_fini(void *ctx)
{
	explicit_bzero(ctx, sizeof(struct ctr_ctx));
}

#define CTR(bits) \
	static err_t ctr_##bits##_init(void *ctx, slice key, slice salt) \
	{ \
		struct ctr_ctx *c = ctx; \
		if (key.n != bits / 8 || salt.n != CTR_NONCE) \
			return E_MISUSE; \
		aes##bits##_set_encrypt_key(&c->a##bits, key.p); \
		memcpy(c->nonce, salt.p, CTR_NONCE); \
		return 0; \
	} \
	static void ctr_##bits##_run(void *ctx, struct encr_op *v, size_t n) \
	{ \
		ctr_run(ctx, (nettle_cipher_func *)aes##bits##_encrypt, v, n); \
	} \
	const struct encr_ops gt_ctr_##bits = { .size = sizeof(struct encr_ops), .key_len = bits / 8, \
		.salt_len = CTR_NONCE, .iv_len = AEAD_IV, .block_len = 1, .ctx_size = sizeof(struct ctr_ctx), \
		.init = ctr_##bits##_init, .seal = ctr_##bits##_run, .open = ctr_##bits##_run, .fini = ctr_fini };

CTR(128)
CTR(192)
CTR(256)

static err_t chacha_init(void *ctx, slice key, slice salt)
{
	struct rfc7634_ctx *c = ctx;
	if (key.n != CHACHA_POLY1305_KEY_SIZE || salt.n != AEAD_SALT)
		return E_MISUSE;
	chacha_poly1305_set_key(&c->c, key.p);
	memcpy(c->salt, salt.p, AEAD_SALT);
	return 0;
}

static void chacha_start(struct rfc7634_ctx *c, const struct encr_op *op)
{
	uint8_t nonce[AEAD_NONCE];
	crypto_common_nonce(nonce, c->salt, op->iv);
	chacha_poly1305_set_nonce(&c->c, nonce);
	chacha_poly1305_update(&c->c, op->aad.n, op->aad.p);
}

static void chacha_seal(void *ctx, struct encr_op *v, size_t n)
{
	struct rfc7634_ctx *c = ctx;
	for (size_t i = 0; i < n; i++) {
		chacha_start(c, &v[i]);
		chacha_poly1305_encrypt(&c->c, v[i].len, v[i].buf, v[i].buf);
		chacha_poly1305_digest(&c->c, CHACHA_ICV, v[i].icv);
		v[i].res = 0;
	}
}

static void chacha_open(void *ctx, struct encr_op *v, size_t n)
{
	struct rfc7634_ctx *c = ctx;
	for (size_t i = 0; i < n; i++) {
		uint8_t icv[CHACHA_ICV];
		chacha_start(c, &v[i]);
		chacha_poly1305_decrypt(&c->c, v[i].len, v[i].buf, v[i].buf);
		chacha_poly1305_digest(&c->c, sizeof icv, icv);
		v[i].res = crypto_common_equal(icv, v[i].icv, sizeof icv) ? 0 : E_INTEGRITY;
	}
}

static void chacha_fini(void *ctx)
{
	explicit_bzero(ctx, sizeof(struct rfc7634_ctx));
}

const struct encr_ops gt_chacha = { .size = sizeof(struct encr_ops), .key_len = CHACHA_POLY1305_KEY_SIZE,
	.salt_len = AEAD_SALT, .iv_len = AEAD_IV, .icv_len = CHACHA_ICV, .block_len = 1,
	.ctx_size = sizeof(struct rfc7634_ctx), .init = chacha_init, .seal = chacha_seal, .open = chacha_open,
	.fini = chacha_fini };

/* ---- CCM: a context is made per message, since it starts with the lengths ---- */

enum { CCM_SALT = 3, CCM_NONCE = 11 };

struct ccm_key {
	union {
		struct aes128_ctx a128;
		struct aes192_ctx a192;
		struct aes256_ctx a256;
	};
	uint8_t salt[CCM_SALT];
};

static void ccm_begin(struct ccm_key *k, nettle_cipher_func *f, struct ccm_ctx *c, const struct encr_op *op, size_t icv)
{
	uint8_t nonce[CCM_NONCE];
	memcpy(nonce, k->salt, CCM_SALT);
	memcpy(nonce + CCM_SALT, op->iv, AEAD_IV);
	ccm_set_nonce(c, &k->a128, f, sizeof nonce, nonce, op->aad.n, op->len, icv);
	ccm_update(c, &k->a128, f, op->aad.n, op->aad.p);
}

static void ccm_seal_all(struct ccm_key *k, nettle_cipher_func *f, struct encr_op *v, size_t n, size_t icv)
{
	for (size_t i = 0; i < n; i++) {
		struct ccm_ctx c;
		ccm_begin(k, f, &c, &v[i], icv);
		ccm_encrypt(&c, &k->a128, f, v[i].len, v[i].buf, v[i].buf);
		ccm_digest(&c, &k->a128, f, icv, v[i].icv);
		v[i].res = 0;
	}
}

static void ccm_open_all(struct ccm_key *k, nettle_cipher_func *f, struct encr_op *v, size_t n, size_t icv)
{
	for (size_t i = 0; i < n; i++) {
		struct ccm_ctx c;
		uint8_t own[BLOCK];
		ccm_begin(k, f, &c, &v[i], icv);
		ccm_decrypt(&c, &k->a128, f, v[i].len, v[i].buf, v[i].buf);
		ccm_digest(&c, &k->a128, f, icv, own);
		v[i].res = crypto_common_equal(own, v[i].icv, icv) ? 0 : E_INTEGRITY;
	}
}

static void ccm_fini(void *ctx)
{
	explicit_bzero(ctx, sizeof(struct ccm_key));
}

#define CCM_ICV(bits, icvlen) \
	static void ccm##icvlen##_##bits##_seal(void *ctx, struct encr_op *v, size_t n) \
	{ \
		ccm_seal_all(ctx, (nettle_cipher_func *)aes##bits##_encrypt, v, n, icvlen); \
	} \
	static void ccm##icvlen##_##bits##_open(void *ctx, struct encr_op *v, size_t n) \
	{ \
		ccm_open_all(ctx, (nettle_cipher_func *)aes##bits##_encrypt, v, n, icvlen); \
	} \
	const struct encr_ops gt_ccm##icvlen##_##bits = { .size = sizeof(struct encr_ops), .key_len = bits / 8, \
		.salt_len = CCM_SALT, .iv_len = AEAD_IV, .icv_len = icvlen, .block_len = 1, .ctx_size = sizeof(struct ccm_key), \
		.init = ccm_##bits##_init, .seal = ccm##icvlen##_##bits##_seal, .open = ccm##icvlen##_##bits##_open, \
		.fini = ccm_fini };

#define CCM(bits) \
	static err_t ccm_##bits##_init(void *ctx, slice key, slice salt) \
	{ \
		struct ccm_key *k = ctx; \
		if (key.n != bits / 8 || salt.n != CCM_SALT) \
			return E_MISUSE; \
		aes##bits##_set_encrypt_key(&k->a##bits, key.p); \
		memcpy(k->salt, salt.p, CCM_SALT); \
		return 0; \
	} \
	CCM_ICV(bits, 16) \
	CCM_ICV(bits, 12) \
	CCM_ICV(bits, 8)

CCM(128)
CCM(192)
CCM(256)

/* ---- GMAC: the IV is part of what is authenticated, and so is the payload, which stays as it is ---- */

#define GMAC(bits) \
	struct gmac_##bits { \
		struct gcm_aes##bits##_ctx c; \
		uint8_t salt[AEAD_SALT]; \
	}; \
	static err_t gmac_##bits##_init(void *ctx, slice key, slice salt) \
	{ \
		struct gmac_##bits *g = ctx; \
		if (key.n != bits / 8 || salt.n != AEAD_SALT) \
			return E_MISUSE; \
		gcm_aes##bits##_set_key(&g->c, key.p); \
		memcpy(g->salt, salt.p, AEAD_SALT); \
		return 0; \
	} \
	static void gmac_##bits##_tag(struct gmac_##bits *g, const struct encr_op *op, uint8_t *tag) \
	{ \
		uint8_t nonce[AEAD_NONCE], all[BLOCK]; \
		struct gcm_ctx *c = &g->c.gcm; \
		size_t fill = 0; \
		const slice part[] = { op->aad, slice_of(op->iv, AEAD_IV), slice_of(op->buf, op->len) }; \
		crypto_common_nonce(nonce, g->salt, op->iv); \
		gcm_set_iv(c, &g->c.key, sizeof nonce, nonce); \
		/* All pieces but the last have to be whole blocks. */ \
		for (size_t i = 0; i < ARRAY_LEN(part); i++) \
			for (size_t k = 0; k < part[i].n;) { \
				size_t whole = fill ? 0 : (part[i].n - k) / BLOCK * BLOCK; \
				if (whole) { \
					gcm_update(c, &g->c.key, whole, part[i].p + k); \
					k += whole; \
					continue; \
				} \
				all[fill++] = part[i].p[k++]; \
				if (fill == BLOCK) { \
					gcm_update(c, &g->c.key, BLOCK, all); \
					fill = 0; \
				} \
			} \
		gcm_update(c, &g->c.key, fill, all); \
		gcm_digest(c, &g->c.key, &g->c.cipher, (nettle_cipher_func *)aes##bits##_encrypt, BLOCK, tag); \
	} \
	static void gmac_##bits##_seal(void *ctx, struct encr_op *v, size_t n) \
	{ \
		for (size_t i = 0; i < n; i++) { \
			gmac_##bits##_tag(ctx, &v[i], v[i].icv); \
			v[i].res = 0; \
		} \
	} \
	static void gmac_##bits##_open(void *ctx, struct encr_op *v, size_t n) \
	{ \
		for (size_t i = 0; i < n; i++) { \
			uint8_t own[BLOCK]; \
			gmac_##bits##_tag(ctx, &v[i], own); \
			v[i].res = crypto_common_equal(own, v[i].icv, BLOCK) ? 0 : E_INTEGRITY; \
		} \
	} \
	static void gmac_##bits##_fini(void *ctx) \
	{ \
		explicit_bzero(ctx, sizeof(struct gmac_##bits)); \
	} \
	const struct encr_ops gt_gmac_##bits = { .size = sizeof(struct encr_ops), .key_len = bits / 8, \
		.salt_len = AEAD_SALT, .iv_len = AEAD_IV, .icv_len = BLOCK, .block_len = 1, \
		.ctx_size = sizeof(struct gmac_##bits), .init = gmac_##bits##_init, .seal = gmac_##bits##_seal, \
		.open = gmac_##bits##_open, .fini = gmac_##bits##_fini };

GMAC(128)
GMAC(192)
GMAC(256)

/* ---- CBC of Camellia, 3DES, DES: a context holds the key schedules of both directions ---- */

#define CBC(name, type, keylen, block, set_enc, set_dec, encrypt, decrypt) \
	struct name##_pair { \
		struct type enc, dec; \
	}; \
	static err_t name##_init(void *ctx, slice key, slice salt) \
	{ \
		struct name##_pair *c = ctx; \
		if (key.n != keylen || salt.n) \
			return E_MISUSE; \
		(void)set_enc(&c->enc, key.p); \
		(void)set_dec(&c->dec, key.p); \
		return 0; \
	} \
	static void name##_seal(void *ctx, struct encr_op *v, size_t n) \
	{ \
		struct name##_pair *c = ctx; \
		for (size_t i = 0; i < n; i++) { \
			uint8_t iv[block]; \
			memcpy(iv, v[i].iv, block); \
			v[i].res = v[i].len % block ? E_MISUSE : 0; \
			if (!v[i].res) \
				cbc_encrypt(&c->enc, (nettle_cipher_func *)encrypt, block, iv, v[i].len, v[i].buf, v[i].buf); \
		} \
	} \
	static void name##_open(void *ctx, struct encr_op *v, size_t n) \
	{ \
		struct name##_pair *c = ctx; \
		for (size_t i = 0; i < n; i++) { \
			uint8_t iv[block]; \
			memcpy(iv, v[i].iv, block); \
			v[i].res = v[i].len % block ? E_MISUSE : 0; \
			if (!v[i].res) \
				cbc_decrypt(&c->dec, (nettle_cipher_func *)decrypt, block, iv, v[i].len, v[i].buf, v[i].buf); \
		} \
	} \
	static void name##_fini(void *ctx) \
	{ \
		explicit_bzero(ctx, sizeof(struct name##_pair)); \
	} \
	const struct encr_ops gt_##name = { .size = sizeof(struct encr_ops), .key_len = keylen, .iv_len = block, \
		.block_len = block, .ctx_size = sizeof(struct name##_pair), .init = name##_init, .seal = name##_seal, \
		.open = name##_open, .fini = name##_fini };

CBC(cam_cbc_128, camellia128_ctx, 16, 16, camellia128_set_encrypt_key, camellia128_set_decrypt_key, camellia128_crypt,
	camellia128_crypt)
CBC(cam_cbc_192, camellia256_ctx, 24, 16, camellia192_set_encrypt_key, camellia192_set_decrypt_key, camellia192_crypt,
	camellia192_crypt)
CBC(cam_cbc_256, camellia256_ctx, 32, 16, camellia256_set_encrypt_key, camellia256_set_decrypt_key, camellia256_crypt,
	camellia256_crypt)
CBC(tdes, des3_ctx, 24, 8, des3_set_key, des3_set_key, des3_encrypt, des3_decrypt)
CBC(des, des_ctx, 8, 8, des_set_key, des_set_key, des_encrypt, des_decrypt)

#define CAM_CTR(bits, type) \
	struct cam_ctr_##bits { \
		struct type c; \
		uint8_t nonce[CTR_NONCE]; \
	}; \
	static err_t cam_ctr_##bits##_init(void *ctx, slice key, slice salt) \
	{ \
		struct cam_ctr_##bits *c = ctx; \
		if (key.n != bits / 8 || salt.n != CTR_NONCE) \
			return E_MISUSE; \
		camellia##bits##_set_encrypt_key(&c->c, key.p); \
		memcpy(c->nonce, salt.p, CTR_NONCE); \
		return 0; \
	} \
	static void cam_ctr_##bits##_run(void *ctx, struct encr_op *v, size_t n) \
	{ \
		struct cam_ctr_##bits *c = ctx; \
		for (size_t i = 0; i < n; i++) { \
			uint8_t block[BLOCK] = { 0 }; \
			memcpy(block, c->nonce, CTR_NONCE); \
			memcpy(block + CTR_NONCE, v[i].iv, AEAD_IV); \
			block[BLOCK - 1] = 1; \
			ctr_crypt(&c->c, (nettle_cipher_func *)camellia##bits##_crypt, BLOCK, block, v[i].len, v[i].buf, v[i].buf); \
			v[i].res = 0; \
		} \
	} \
	static void cam_ctr_##bits##_fini(void *ctx) \
	{ \
		explicit_bzero(ctx, sizeof(struct cam_ctr_##bits)); \
	} \
	const struct encr_ops gt_cam_ctr_##bits = { .size = sizeof(struct encr_ops), .key_len = bits / 8, \
		.salt_len = CTR_NONCE, .iv_len = AEAD_IV, .block_len = 1, .ctx_size = sizeof(struct cam_ctr_##bits), \
		.init = cam_ctr_##bits##_init, .seal = cam_ctr_##bits##_run, .open = cam_ctr_##bits##_run, \
		.fini = cam_ctr_##bits##_fini };

CAM_CTR(128, camellia128_ctx)
CAM_CTR(192, camellia256_ctx)
CAM_CTR(256, camellia256_ctx)
