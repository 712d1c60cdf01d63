/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EMSA-PSS with another hash in MGF1 than in the message (RFC 8017 section 9.1), which no library but OpenSSL has: put together
 * and taken apart here, around the library's RSA on a number. Nothing here is secret. Any thread.
 */
#ifndef ADIT_CRYPTO_COMMON_PSS_H
#define ADIT_CRYPTO_COMMON_PSS_H

#include "plugins/crypto-common/sign.h"

enum { PSS_ZEROS = 8, PSS_TRAILER = 0xbc };

/* A hash of the library's. E_NOT_SUPPORTED: it does not have it. */
typedef err_t pss_digest_fn(uint16_t hash, const slice *v, size_t n, uint8_t out[SIGN_HASH_MAX], slice *got);

static inline size_t pss_len(size_t em_bits)
{
	return (em_bits + 7) / 8;
}

/* Puts the mask of the seed over n bytes, or takes it off. */
static inline err_t pss_mask(pss_digest_fn *digest, uint16_t hash, slice seed, uint8_t *p, size_t n)
{
	uint8_t block[SIGN_HASH_MAX];
	for (uint8_t i = 0; n; i++) { /* a modulus has no 256 blocks of any hash */
		const uint8_t counter[4] = { 0, 0, 0, i };
		const slice v[] = { seed, slice_of(counter, sizeof counter) };
		slice got;
		err_t e = digest(hash, v, ARRAY_LEN(v), block, &got);
		if (e)
			return e;
		for (size_t k = 0; k < got.n && n; k++, n--)
			*p++ ^= block[k];
	}
	return 0;
}

static inline err_t pss_salted(pss_digest_fn *digest, uint16_t hash, slice message, slice salt, uint8_t out[SIGN_HASH_MAX])
{
	static const uint8_t zeros[PSS_ZEROS];
	const slice v[] = { slice_of(zeros, sizeof zeros), message, salt };
	slice got;
	return digest(hash, v, ARRAY_LEN(v), out, &got);
}

/* em: pss_len(em_bits) bytes, em_bits one less than the modulus has; message: its hash. E_NOT_SUPPORTED: no room. */
static inline err_t pss_encode(pss_digest_fn *digest, const struct sign_how *how, slice message, slice salt, size_t em_bits,
	uint8_t *em)
{
	uint8_t hash[SIGN_HASH_MAX];
	const size_t len = pss_len(em_bits);
	if (len < message.n + salt.n + 2)
		return E_NOT_SUPPORTED;
	const size_t db = len - message.n - 1;
	err_t e = pss_salted(digest, how->hash, message, salt, hash);
	if (e)
		return e;
	memset(em, 0, db);
	em[db - salt.n - 1] = 1;
	if (salt.n)
		memcpy(em + db - salt.n, salt.p, salt.n);
	memcpy(em + db, hash, message.n);
	em[len - 1] = PSS_TRAILER;
	e = pss_mask(digest, sign_mgf_hash(how), slice_of(em + db, message.n), em, db);
	em[0] &= (uint8_t)(0xff >> (8 * len - em_bits));
	return e;
}

/* Is em, which is changed, the encoding of the message with a salt of just this length? E_AUTH_FAILED. */
static inline err_t pss_check(pss_digest_fn *digest, const struct sign_how *how, slice message, size_t em_bits, uint8_t *em)
{
	uint8_t hash[SIGN_HASH_MAX];
	const size_t len = pss_len(em_bits);
	if (len < message.n + how->salt_len + 2u)
		return E_AUTH_FAILED;
	const size_t db = len - message.n - 1;
	const uint8_t top = (uint8_t)(0xff >> (8 * len - em_bits));
	if (em[len - 1] != PSS_TRAILER || em[0] & ~top)
		return E_AUTH_FAILED;
	err_t e = pss_mask(digest, sign_mgf_hash(how), slice_of(em + db, message.n), em, db);
	if (e)
		return e;
	em[0] &= top;
	const size_t zeros = db - how->salt_len - 1;
	for (size_t i = 0; i < zeros; i++)
		if (em[i])
			return E_AUTH_FAILED;
	if (em[zeros] != 1)
		return E_AUTH_FAILED;
	e = pss_salted(digest, how->hash, message, slice_of(em + zeros + 1, how->salt_len), hash);
	return e ? e : memcmp(hash, em + db, message.n) == 0 ? 0 : E_AUTH_FAILED;
}

#endif
