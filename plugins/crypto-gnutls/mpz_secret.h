/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to GMP integers and back; what held a secret is wiped before it is freed. */
#ifndef ADIT_CRYPTO_GNUTLS_MPZ_SECRET_H
#define ADIT_CRYPTO_GNUTLS_MPZ_SECRET_H

#include <gmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Initializes z, large enough that it does not move. */
static inline void mpz_secret_get(mpz_t z, const uint8_t *p, size_t n)
{
	mpz_init2(z, n * 8 + GMP_NUMB_BITS);
	mpz_import(z, n, 1, 1, 0, 0, p);
}

/* n bytes, zeros before; false when it does not fit. */
static inline bool mpz_secret_put(const mpz_t z, uint8_t *out, size_t n)
{
	size_t used = mpz_sgn(z) ? (mpz_sizeinbase(z, 2) + 7) / 8 : 0;
	if (used > n)
		return false;
	memset(out, 0, n);
	if (used)
		mpz_export(out + n - used, NULL, 1, 1, 0, 0, z);
	return true;
}

static inline void mpz_secret_clear(mpz_t z)
{
	explicit_bzero(z->_mp_d, (size_t)z->_mp_alloc * sizeof *z->_mp_d);
	mpz_clear(z);
}

#endif
