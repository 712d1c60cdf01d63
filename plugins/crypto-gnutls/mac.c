/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC as integrity algorithm (RFC 4868) and PRF, AES-XCBC and AES-CMAC, and the hashes, of Nettle: no memory beside
 * the context. */
#include "plugins/crypto-common/xcbc.h"
#include "plugins/crypto-gnutls/gnutls_plugin.h"

#include <nettle/aes.h>
#include <nettle/hmac.h>
#include <nettle/sha3.h>

/* Nettle's digest function leaves the context keyed, ready for the next message. */
#define HMAC_OF(sha) \
	static err_t sha##_init_key(void *ctx, slice key) \
	{ \
		hmac_##sha##_set_key(ctx, key.n, key.n ? key.p : (const uint8_t *)""); \
		return 0; \
	} \
	static void sha##_update_all(void *ctx, const slice *v, size_t n) \
	{ \
		for (size_t i = 0; i < n; i++) \
			if (v[i].n) \
				hmac_##sha##_update(ctx, v[i].n, v[i].p); \
	} \
	static void sha##_fini(void *ctx) \
	{ \
		explicit_bzero(ctx, sizeof(struct hmac_##sha##_ctx)); \
	}

#define HMAC(name, sha, keylen, outlen) \
	static err_t name##_mac(void *ctx, const slice *v, size_t n, uint8_t *out) \
	{ \
		sha##_update_all(ctx, v, n); \
		hmac_##sha##_digest(ctx, outlen, out); \
		return 0; \
	} \
	const struct mac_ops gt_##name = { .size = sizeof(struct mac_ops), .key_len = keylen, .out_len = outlen, \
		.ctx_size = sizeof(struct hmac_##sha##_ctx), .init = sha##_init_key, .mac = name##_mac, .fini = sha##_fini };

#define HASH(sha, outlen) \
	static err_t sha##_digest_all(const slice *v, size_t n, uint8_t *out) \
	{ \
		struct sha##_ctx c; \
		sha##_init(&c); \
		for (size_t i = 0; i < n; i++) \
			if (v[i].n) \
				sha##_update(&c, v[i].n, v[i].p); \
		sha##_digest(&c, outlen, out); \
		return 0; \
	} \
	const struct hash_ops gt_hash_##sha = { .size = sizeof(struct hash_ops), .out_len = outlen, \
		.digest = sha##_digest_all };

HMAC_OF(md5)
HMAC_OF(sha1)
HMAC_OF(sha256)
HMAC_OF(sha384)
HMAC_OF(sha512)
HMAC(integ_md5, md5, 16, 12)
HMAC(prf_md5, md5, 16, 16)
HMAC(integ_sha1, sha1, 20, 12)
HMAC(integ_sha256, sha256, 32, 16)
HMAC(integ_sha384, sha384, 48, 24)
HMAC(integ_sha512, sha512, 64, 32)
HMAC(prf_sha1, sha1, 20, 20)
HMAC(prf_sha256, sha256, 32, 32)
HMAC(prf_sha384, sha384, 48, 48)
HMAC(prf_sha512, sha512, 64, 64)
HASH(sha1, 20)
HASH(sha256, 32)
HASH(sha384, 48)
HASH(sha512, 64)
HASH(md5, 16)
HASH(sha224, 28)
HASH(sha512_224, 28)
HASH(sha512_256, 32)
HASH(sha3_224, 28)
HASH(sha3_256, 32)
HASH(sha3_384, 48)
HASH(sha3_512, 64)

/* ---- XCBC and CMAC ---- */

struct xcbc_ctx {
	struct aes128_ctx aes;
	struct xcbc_keys k;
};

static err_t aes_key(void *aes, const uint8_t key[XCBC_BLOCK])
{
	aes128_set_encrypt_key(aes, key);
	return 0;
}

static void aes_block(const void *aes, uint8_t block[XCBC_BLOCK])
{
	aes128_encrypt(aes, XCBC_BLOCK, block, block);
}

static void xcbc_close(void *ctx)
{
	explicit_bzero(ctx, sizeof(struct xcbc_ctx));
}

XCBC_TABLES(gt_, struct xcbc_ctx, aes_key, aes_block, xcbc_close)
