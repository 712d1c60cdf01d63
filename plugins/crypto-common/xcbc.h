/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-XCBC-MAC (RFC 3566) and AES-CMAC (RFC 4493) over whatever encrypts a block, with the key rules of the PRFs made
 * of them (RFC 4434, RFC 4615). Both are one chain of blocks; they differ in the keys and in the last block.
 */
#ifndef ADIT_CRYPTO_COMMON_XCBC_H
#define ADIT_CRYPTO_COMMON_XCBC_H

#include "plugin/abi.h"

enum { XCBC_BLOCK = 16 };

/* One AES-128 block in place; `aes` is the caller's. */
typedef void xcbc_block_fn(const void *aes, uint8_t block[XCBC_BLOCK]);
/* Keys the caller's `aes` anew. */
typedef err_t xcbc_key_fn(void *aes, const uint8_t key[XCBC_BLOCK]);

struct xcbc_keys {
	uint8_t full[XCBC_BLOCK], part[XCBC_BLOCK]; /* K2, K3: for a last block that is full, or padded */
};

/* XCBC: the chain runs under K1, which `aes` has afterwards. */
static inline err_t xcbc_keys_make(void *aes, xcbc_key_fn *set_key, xcbc_block_fn *f, slice key, struct xcbc_keys *k)
{
	uint8_t k1[XCBC_BLOCK];
	err_t e = set_key(aes, key.p);
	if (e)
		return e;
	memset(k1, 1, sizeof k1);
	memset(k->full, 2, sizeof k->full);
	memset(k->part, 3, sizeof k->part);
	f(aes, k1);
	f(aes, k->full);
	f(aes, k->part);
	e = set_key(aes, k1);
	explicit_bzero(k1, sizeof k1);
	return e;
}

static inline void cmac_double(uint8_t b[XCBC_BLOCK])
{
	uint8_t carry = (uint8_t)-(b[0] >> 7) & 0x87;
	for (size_t i = 0; i + 1 < XCBC_BLOCK; i++)
		b[i] = (uint8_t)(b[i] << 1 | b[i + 1] >> 7);
	b[XCBC_BLOCK - 1] = (uint8_t)(b[XCBC_BLOCK - 1] << 1 ^ carry);
}

static inline err_t cmac_keys_make(void *aes, xcbc_key_fn *set_key, xcbc_block_fn *f, slice key, struct xcbc_keys *k)
{
	err_t e = set_key(aes, key.p);
	if (e)
		return e;
	memset(k->full, 0, sizeof k->full);
	f(aes, k->full);
	cmac_double(k->full);
	memcpy(k->part, k->full, sizeof k->part);
	cmac_double(k->part);
	return 0;
}

static inline void xcbc_run(const void *aes, xcbc_block_fn *f, const struct xcbc_keys *k, const slice *v, size_t n,
	uint8_t out[XCBC_BLOCK])
{
	uint8_t e[XCBC_BLOCK] = { 0 };
	size_t fill = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < v[i].n; j++) {
			/* The last block is not known before the next byte comes. */
			if (fill == XCBC_BLOCK) {
				f(aes, e);
				fill = 0;
			}
			e[fill++] ^= v[i].p[j];
		}
	const uint8_t *last = fill == XCBC_BLOCK ? k->full : k->part;
	if (fill < XCBC_BLOCK)
		e[fill] ^= 0x80;
	for (size_t i = 0; i < XCBC_BLOCK; i++)
		e[i] ^= last[i];
	f(aes, e);
	memcpy(out, e, XCBC_BLOCK);
	explicit_bzero(e, sizeof e);
}

/* Keys of the PRFs: shorter is padded with zeros (XCBC), longer is made 16 bytes by the function itself under zero;
 * the CMAC PRF does the latter with every length but 16. */
static inline err_t xcbc_prf_init(void *aes, xcbc_key_fn *set_key, xcbc_block_fn *f, bool cmac, slice key,
	struct xcbc_keys *k)
{
	uint8_t short_key[XCBC_BLOCK] = { 0 };
	err_t e = 0;
	if (key.n > XCBC_BLOCK || (cmac && key.n != XCBC_BLOCK)) {
		e = (cmac ? cmac_keys_make : xcbc_keys_make)(aes, set_key, f, slice_of(short_key, XCBC_BLOCK), k);
		if (!e)
			xcbc_run(aes, f, k, &key, 1, short_key);
	} else if (key.n) {
		memcpy(short_key, key.p, key.n);
	}
	if (!e)
		e = (cmac ? cmac_keys_make : xcbc_keys_make)(aes, set_key, f, slice_of(short_key, XCBC_BLOCK), k);
	explicit_bzero(short_key, sizeof short_key);
	return e;
}

/* The four tables over a context {struct AES aes; struct xcbc_keys k;} of one library: integ_xcbc, integ_cmac, prf_xcbc, prf_cmac. */
#define XCBC_TABLES(prefix, ctx_type, set_key, block, close) \
	XCBC_TABLE(prefix##integ_xcbc, ctx_type, set_key, block, close, false, false, 12) \
	XCBC_TABLE(prefix##integ_cmac, ctx_type, set_key, block, close, true, false, 12) \
	XCBC_TABLE(prefix##prf_xcbc, ctx_type, set_key, block, close, false, true, 16) \
	XCBC_TABLE(prefix##prf_cmac, ctx_type, set_key, block, close, true, true, 16)

#define XCBC_TABLE(name, ctx_type, set_key, block, close, cmac, prf, outlen) \
	static err_t name##_init(void *ctx, slice key) \
	{ \
		ctx_type *c = ctx; \
		memset(c, 0, sizeof *c); \
		if (!(prf) && key.n != XCBC_BLOCK) \
			return E_MISUSE; \
		err_t e = xcbc_prf_init(&c->aes, set_key, block, cmac, key, &c->k); \
		if (e) \
			close(ctx); \
		return e; \
	} \
	static err_t name##_mac(void *ctx, const slice *v, size_t n, uint8_t *out) \
	{ \
		ctx_type *c = ctx; \
		uint8_t full[XCBC_BLOCK]; \
		xcbc_run(&c->aes, block, &c->k, v, n, full); \
		memcpy(out, full, outlen); \
		return 0; \
	} \
	const struct mac_ops name = { .size = sizeof(struct mac_ops), .key_len = XCBC_BLOCK, .out_len = outlen, \
		.ctx_size = sizeof(ctx_type), .init = name##_init, .mac = name##_mac, .fini = close };

#endif
