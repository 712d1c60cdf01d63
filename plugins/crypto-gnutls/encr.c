/* SPDX-License-Identifier: Apache-2.0 */
/* AES-GCM (RFC 4106, RFC 5282) and AES-CBC with GnuTLS's own accelerated code. */
#include "plugins/crypto-common/common.h"
#include "plugins/crypto-gnutls/gnutls_plugin.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

enum { BLOCK = 16 };

struct gcm_ctx {
	gnutls_aead_cipher_hd_t h;
	uint8_t salt[AEAD_SALT];
	uint8_t icv_len;
};

static gnutls_datum_t datum(slice s)
{
	return (gnutls_datum_t){ (unsigned char *)(uintptr_t)s.p, (unsigned)s.n };
}

static err_t gcm_open_ctx(void *ctx, gnutls_cipher_algorithm_t algo, uint8_t icv_len, slice key, slice salt)
{
	struct gcm_ctx *c = ctx;
	const gnutls_datum_t k = datum(key);
	c->h = NULL;
	c->icv_len = icv_len;
	if (salt.n != AEAD_SALT || key.n != gnutls_cipher_get_key_size(algo))
		return E_MISUSE;
	memcpy(c->salt, salt.p, AEAD_SALT);
	return gnutls_aead_cipher_init(&c->h, algo, &k) < 0 ? E_CRYPTO : 0;
}

static void gcm_close(void *ctx)
{
	struct gcm_ctx *c = ctx;
	if (c->h)
		gnutls_aead_cipher_deinit(c->h);
	explicit_bzero(c, sizeof *c);
}

/* Both directions differ in the call and in what its failure means. */
static err_t gcm_run(struct gcm_ctx *c, const struct encr_op *op, bool seal)
{
	uint8_t nonce[AEAD_NONCE];
	const giovec_t aad = { (void *)(uintptr_t)op->aad.p, op->aad.n }, body = { op->buf, op->len };
	size_t tag = c->icv_len;

	crypto_common_nonce(nonce, c->salt, op->iv);
	if (seal)
		return gnutls_aead_cipher_encryptv2(c->h, nonce, sizeof nonce, &aad, op->aad.n ? 1 : 0, &body, 1, op->icv,
			&tag) < 0 ? E_CRYPTO : 0;
	return gnutls_aead_cipher_decryptv2(c->h, nonce, sizeof nonce, &aad, op->aad.n ? 1 : 0, &body, 1, op->icv, tag) < 0 ?
		E_INTEGRITY : 0;
}

static void gcm_seal(void *ctx, struct encr_op *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v[i].res = gcm_run(ctx, &v[i], true);
}

static void gcm_open(void *ctx, struct encr_op *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v[i].res = gcm_run(ctx, &v[i], false);
}

static err_t cbc_open_ctx(void *ctx, gnutls_cipher_algorithm_t algo, slice key, slice salt)
{
	gnutls_cipher_hd_t *h = ctx;
	const gnutls_datum_t k = datum(key);
	uint8_t zero[BLOCK] = { 0 };
	const gnutls_datum_t iv = { zero, sizeof zero };
	*h = NULL;
	if (salt.n || key.n != gnutls_cipher_get_key_size(algo))
		return E_MISUSE;
	return gnutls_cipher_init(h, algo, &k, &iv) < 0 ? E_CRYPTO : 0;
}

static void cbc_close(void *ctx)
{
	gnutls_cipher_hd_t *h = ctx;
	if (*h)
		gnutls_cipher_deinit(*h);
	*h = NULL;
}

static err_t cbc_start(gnutls_cipher_hd_t h, const struct encr_op *op)
{
	if (op->len % BLOCK)
		return E_MISUSE;
	gnutls_cipher_set_iv(h, (void *)(uintptr_t)op->iv, BLOCK);
	return 0;
}

static void cbc_seal(void *ctx, struct encr_op *v, size_t n)
{
	gnutls_cipher_hd_t h = *(gnutls_cipher_hd_t *)ctx;
	for (size_t i = 0; i < n; i++) {
		v[i].res = cbc_start(h, &v[i]);
		if (!v[i].res && gnutls_cipher_encrypt2(h, v[i].buf, v[i].len, v[i].buf, v[i].len) < 0)
			v[i].res = E_CRYPTO;
	}
}

static void cbc_open(void *ctx, struct encr_op *v, size_t n)
{
	gnutls_cipher_hd_t h = *(gnutls_cipher_hd_t *)ctx;
	for (size_t i = 0; i < n; i++) {
		v[i].res = cbc_start(h, &v[i]);
		if (!v[i].res && gnutls_cipher_decrypt2(h, v[i].buf, v[i].len, v[i].buf, v[i].len) < 0)
			v[i].res = E_CRYPTO;
	}
}

#define GCM(bits, icv) \
	static err_t gcm##icv##_##bits##_init(void *ctx, slice key, slice salt) \
	{ \
		return gcm_open_ctx(ctx, GNUTLS_CIPHER_AES_##bits##_GCM, icv, key, salt); \
	} \
	const struct encr_ops gt_gcm##icv##_##bits = { .size = sizeof(struct encr_ops), .key_len = bits / 8, \
		.salt_len = AEAD_SALT, .iv_len = AEAD_IV, .icv_len = icv, .block_len = 1, \
		.ctx_size = sizeof(struct gcm_ctx), .init = gcm##icv##_##bits##_init, .seal = gcm_seal, .open = gcm_open, \
		.fini = gcm_close };

#define CBC(bits) \
	static err_t cbc_##bits##_init(void *ctx, slice key, slice salt) \
	{ \
		return cbc_open_ctx(ctx, GNUTLS_CIPHER_AES_##bits##_CBC, key, salt); \
	} \
	const struct encr_ops gt_cbc_##bits = { .size = sizeof(struct encr_ops), .key_len = bits / 8, .iv_len = BLOCK, \
		.block_len = BLOCK, .ctx_size = sizeof(gnutls_cipher_hd_t), .init = cbc_##bits##_init, .seal = cbc_seal, \
		.open = cbc_open, .fini = cbc_close };

GCM(128, 16)
GCM(192, 16)
GCM(256, 16)
GCM(128, 12)
GCM(192, 12)
GCM(256, 12)
GCM(128, 8)
GCM(192, 8)
GCM(256, 8)
CBC(128)
CBC(192)
CBC(256)
