/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC as integrity algorithm (RFC 4868) and PRF, AES-XCBC and AES-CMAC, and the hashes, of Libgcrypt. */
#include "plugins/crypto-common/xcbc.h"
#include "plugins/crypto-gcrypt/gcrypt_plugin.h"

struct gc_mac {
	gcry_md_hd_t h;
	int algo;
	uint16_t out_len;
};

static err_t hmac_open(void *ctx, int algo, uint16_t out_len, slice key)
{
	struct gc_mac *m = ctx;
	*m = (struct gc_mac){ NULL, algo, out_len };
	if (gcry_md_open(&m->h, algo, GCRY_MD_FLAG_HMAC))
		return E_CRYPTO;
	if (gcry_md_setkey(m->h, key.n ? key.p : (const uint8_t *)"", key.n)) {
		gcry_md_close(m->h);
		m->h = NULL;
		return E_CRYPTO;
	}
	return 0;
}

static err_t hmac_mac(void *ctx, const slice *v, size_t n, uint8_t *out)
{
	struct gc_mac *m = ctx;
	for (size_t i = 0; i < n; i++)
		if (v[i].n)
			gcry_md_write(m->h, v[i].p, v[i].n);
	const uint8_t *full = gcry_md_read(m->h, m->algo);
	if (!full)
		return E_CRYPTO;
	memcpy(out, full, m->out_len);
	gcry_md_reset(m->h);
	return 0;
}

static void hmac_close(void *ctx)
{
	struct gc_mac *m = ctx;
	if (m->h)
		gcry_md_close(m->h);
	explicit_bzero(m, sizeof *m);
}

err_t gc_digest(int algo, uint16_t out_len, const slice *v, size_t n, uint8_t *out)
{
	gcry_md_hd_t h;
	if (gcry_md_open(&h, algo, 0))
		return E_CRYPTO;
	for (size_t i = 0; i < n; i++)
		if (v[i].n)
			gcry_md_write(h, v[i].p, v[i].n);
	bool ok = true;
	if (algo == GCRY_MD_SHAKE128 || algo == GCRY_MD_SHAKE256) {
		ok = !gcry_md_extract(h, algo, out, out_len);
	} else {
		const uint8_t *full = gcry_md_read(h, algo);
		ok = full != NULL;
		if (full)
			memcpy(out, full, out_len);
	}
	gcry_md_close(h);
	return ok ? 0 : E_CRYPTO;
}

#define HMAC(name, algo, keylen, outlen) \
	static err_t name##_init(void *ctx, slice key) \
	{ \
		return hmac_open(ctx, algo, outlen, key); \
	} \
	const struct mac_ops gc_##name = { .size = sizeof(struct mac_ops), .key_len = keylen, .out_len = outlen, \
		.ctx_size = sizeof(struct gc_mac), .init = name##_init, .mac = hmac_mac, .fini = hmac_close };

#define HASH(name, algo, outlen) \
	static err_t name##_digest(const slice *v, size_t n, uint8_t *out) \
	{ \
		return gc_digest(algo, outlen, v, n, out); \
	} \
	const struct hash_ops gc_##name = { .size = sizeof(struct hash_ops), .out_len = outlen, .digest = name##_digest };

HMAC(integ_md5, GCRY_MD_MD5, 16, 12)
HMAC(prf_md5, GCRY_MD_MD5, 16, 16)
HMAC(integ_sha1, GCRY_MD_SHA1, 20, 12)
HMAC(integ_sha256, GCRY_MD_SHA256, 32, 16)
HMAC(integ_sha384, GCRY_MD_SHA384, 48, 24)
HMAC(integ_sha512, GCRY_MD_SHA512, 64, 32)
HMAC(prf_sha1, GCRY_MD_SHA1, 20, 20)
HMAC(prf_sha256, GCRY_MD_SHA256, 32, 32)
HMAC(prf_sha384, GCRY_MD_SHA384, 48, 48)
HMAC(prf_sha512, GCRY_MD_SHA512, 64, 64)
HASH(hash_sha1, GCRY_MD_SHA1, 20)
HASH(hash_sha256, GCRY_MD_SHA256, 32)
HASH(hash_sha384, GCRY_MD_SHA384, 48)
HASH(hash_sha512, GCRY_MD_SHA512, 64)
HASH(hash_md5, GCRY_MD_MD5, 16)
HASH(hash_sha224, GCRY_MD_SHA224, 28)
HASH(hash_sha512_224, GCRY_MD_SHA512_224, 28)
HASH(hash_sha512_256, GCRY_MD_SHA512_256, 32)
HASH(hash_sha3_224, GCRY_MD_SHA3_224, 28)
HASH(hash_sha3_256, GCRY_MD_SHA3_256, 32)
HASH(hash_sha3_384, GCRY_MD_SHA3_384, 48)
HASH(hash_sha3_512, GCRY_MD_SHA3_512, 64)
HASH(hash_shake128, GCRY_MD_SHAKE128, 32)
HASH(hash_shake256, GCRY_MD_SHAKE256, 64)

/* ---- XCBC and CMAC: blocks of AES in ECB ---- */

struct xcbc_ctx {
	gcry_cipher_hd_t aes;
	struct xcbc_keys k;
};

static err_t aes_key(void *aes, const uint8_t key[XCBC_BLOCK])
{
	gcry_cipher_hd_t *h = aes;
	if (!*h && gcry_cipher_open(h, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_ECB, 0))
		return E_CRYPTO;
	return gcry_cipher_setkey(*h, key, XCBC_BLOCK) ? E_CRYPTO : 0;
}

static void aes_block(const void *aes, uint8_t block[XCBC_BLOCK])
{
	gcry_cipher_encrypt(*(const gcry_cipher_hd_t *)aes, block, XCBC_BLOCK, NULL, 0);
}

static void xcbc_close(void *ctx)
{
	struct xcbc_ctx *c = ctx;
	if (c->aes)
		gcry_cipher_close(c->aes);
	explicit_bzero(c, sizeof *c);
}

XCBC_TABLES(gc_, struct xcbc_ctx, aes_key, aes_block, xcbc_close)
