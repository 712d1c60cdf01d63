/* SPDX-License-Identifier: Apache-2.0 */
/* AES-CTR (RFC 3686) and ChaCha20-Poly1305 (RFC 7634) of Nettle: their contexts need no memory of their own. */
#include "plugins/crypto-common/common.h"
#include "plugins/crypto-gnutls/gnutls_plugin.h"

#include <nettle/aes.h>
#include <nettle/chacha-poly1305.h>
#include <nettle/ctr.h>

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
