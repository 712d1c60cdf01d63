/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC as integrity algorithm and PRF, AES-XCBC and AES-CMAC, and the hashes, of OpenSSL. */
#include "plugins/crypto-common/xcbc.h"
#include "plugins/crypto-openssl/openssl_plugin.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

static err_t hmac_open(void *ctx, const char *md, slice key)
{
	static const uint8_t none[1];
	EVP_MAC_CTX **h = ctx;
	OSSL_PARAM p[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)md, 0),
		OSSL_PARAM_construct_end() };

	*h = os_hmac() ? EVP_MAC_CTX_new(os_hmac()) : NULL;
	if (!*h || EVP_MAC_init(*h, key.n ? key.p : none, key.n, p) <= 0) {
		EVP_MAC_CTX_free(*h);
		*h = NULL;
		return E_CRYPTO;
	}
	return 0;
}

static err_t hmac_run(void *ctx, const slice *v, size_t n, uint8_t *out, size_t out_len)
{
	EVP_MAC_CTX *h = *(EVP_MAC_CTX **)ctx;
	uint8_t full[EVP_MAX_MD_SIZE];
	size_t len;
	if (EVP_MAC_init(h, NULL, 0, NULL) <= 0)
		return E_CRYPTO;
	for (size_t i = 0; i < n; i++)
		if (v[i].n && EVP_MAC_update(h, v[i].p, v[i].n) <= 0)
			return E_CRYPTO;
	if (EVP_MAC_final(h, full, &len, sizeof full) <= 0 || len < out_len)
		return E_CRYPTO;
	memcpy(out, full, out_len);
	explicit_bzero(full, sizeof full);
	return 0;
}

static void hmac_close(void *ctx)
{
	EVP_MAC_CTX **h = ctx;
	EVP_MAC_CTX_free(*h);
	*h = NULL;
}

static err_t digest(uint16_t id, size_t out_len, bool xof, const slice *v, size_t n, uint8_t *out)
{
	EVP_MD_CTX *h = EVP_MD_CTX_new();
	unsigned len;
	bool ok = h && os_hash(id) && EVP_DigestInit_ex2(h, os_hash(id), NULL) > 0;
	for (size_t i = 0; ok && i < n; i++)
		ok = !v[i].n || EVP_DigestUpdate(h, v[i].p, v[i].n) > 0;
	if (ok)
		ok = xof ? EVP_DigestFinalXOF(h, out, out_len) > 0 : EVP_DigestFinal_ex(h, out, &len) > 0;
	EVP_MD_CTX_free(h);
	return ok ? 0 : E_CRYPTO;
}

#define HMAC(name, md, keylen, outlen) \
	static err_t name##_init(void *ctx, slice key) \
	{ \
		return hmac_open(ctx, md, key); \
	} \
	static err_t name##_mac(void *ctx, const slice *v, size_t n, uint8_t *out) \
	{ \
		return hmac_run(ctx, v, n, out, outlen); \
	} \
	const struct mac_ops os_##name = { .size = sizeof(struct mac_ops), .key_len = keylen, .out_len = outlen, \
		.ctx_size = sizeof(EVP_MAC_CTX *), .init = name##_init, .mac = name##_mac, .fini = hmac_close };

#define HASH(name, id, outlen, xof) \
	static err_t name##_digest(const slice *v, size_t n, uint8_t *out) \
	{ \
		return digest(id, outlen, xof, v, n, out); \
	} \
	const struct hash_ops os_hash_##name = { .size = sizeof(struct hash_ops), .out_len = outlen, \
		.digest = name##_digest };

HMAC(integ_md5, "MD5", 16, 12)
HMAC(integ_sha1, "SHA1", 20, 12)
HMAC(integ_sha256, "SHA256", 32, 16)
HMAC(integ_sha384, "SHA384", 48, 24)
HMAC(integ_sha512, "SHA512", 64, 32)
HMAC(prf_md5, "MD5", 16, 16)
HMAC(prf_sha1, "SHA1", 20, 20)
HMAC(prf_sha256, "SHA256", 32, 32)
HMAC(prf_sha384, "SHA384", 48, 48)
HMAC(prf_sha512, "SHA512", 64, 64)
HASH(md5, PLUG_HASH_MD5, 16, false)
HASH(sha1, PLUG_HASH_SHA1, 20, false)
HASH(sha224, PLUG_HASH_SHA224, 28, false)
HASH(sha256, PLUG_HASH_SHA256, 32, false)
HASH(sha384, PLUG_HASH_SHA384, 48, false)
HASH(sha512, PLUG_HASH_SHA512, 64, false)
HASH(sha512_224, PLUG_HASH_SHA512_224, 28, false)
HASH(sha512_256, PLUG_HASH_SHA512_256, 32, false)
HASH(sha3_224, PLUG_HASH_SHA3_224, 28, false)
HASH(sha3_256, PLUG_HASH_SHA3_256, 32, false)
HASH(sha3_384, PLUG_HASH_SHA3_384, 48, false)
HASH(sha3_512, PLUG_HASH_SHA3_512, 64, false)
HASH(shake128, PLUG_HASH_SHAKE128, 32, true)
HASH(shake256, PLUG_HASH_SHAKE256, 64, true)

/* ---- XCBC and CMAC: blocks of AES in ECB ---- */

struct xcbc_ctx {
	EVP_CIPHER_CTX *aes;
	struct xcbc_keys k;
};

static err_t aes_key(void *aes, const uint8_t key[XCBC_BLOCK])
{
	EVP_CIPHER_CTX **h = aes;
	if (!*h)
		*h = EVP_CIPHER_CTX_new();
	if (!*h || !os_cipher[OS_C_ecb_128] || EVP_EncryptInit_ex2(*h, os_cipher[OS_C_ecb_128], key, NULL, NULL) <= 0)
		return E_CRYPTO;
	EVP_CIPHER_CTX_set_padding(*h, 0);
	return 0;
}

static void aes_block(const void *aes, uint8_t block[XCBC_BLOCK])
{
	int len;
	EVP_EncryptUpdate(*(EVP_CIPHER_CTX *const *)aes, block, &len, block, XCBC_BLOCK);
}

static void xcbc_close(void *ctx)
{
	struct xcbc_ctx *c = ctx;
	EVP_CIPHER_CTX_free(c->aes);
	explicit_bzero(c, sizeof *c);
}

XCBC_TABLES(os_, struct xcbc_ctx, aes_key, aes_block, xcbc_close)
