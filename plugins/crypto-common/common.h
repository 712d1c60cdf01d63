/* SPDX-License-Identifier: Apache-2.0 */
/* What every crypto plugin needs and no library gives in the same way: random bytes, constant-time checks. */
#ifndef ADIT_CRYPTO_COMMON_COMMON_H
#define ADIT_CRYPTO_COMMON_COMMON_H

#include "plugin/abi.h"

#include <errno.h>
#include <sys/random.h>

/* From the kernel: no state in the process, no lock, no file to open behind the sandbox. */
static inline err_t crypto_common_random(uint8_t *out, size_t n)
{
	while (n > 0) {
		ssize_t r = getrandom(out, n, 0);
		if (r < 0 && errno != EINTR)
			return E_CRYPTO;
		if (r > 0) {
			out += r;
			n -= (size_t)r;
		}
	}
	return 0;
}

static inline bool crypto_common_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	volatile uint8_t differ = 0;
	for (size_t i = 0; i < n; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

static inline bool crypto_common_is_zero(const uint8_t *p, size_t n)
{
	volatile uint8_t any = 0;
	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return any == 0;
}

/* The nonce of the AEADs of IPsec: salt of four bytes, IV of eight (RFC 4106, RFC 7634). */
enum { AEAD_SALT = 4, AEAD_IV = 8, AEAD_NONCE = 12 };

static inline void crypto_common_nonce(uint8_t nonce[AEAD_NONCE], const uint8_t *salt, const uint8_t *iv)
{
	memcpy(nonce, salt, AEAD_SALT);
	memcpy(nonce + AEAD_SALT, iv, AEAD_IV);
}

#endif
