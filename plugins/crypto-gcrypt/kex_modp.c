/* SPDX-License-Identifier: Apache-2.0 */
/* The MODP groups (plugins/crypto-common/modp.h) with Libgcrypt's power for secret exponents. */
#include "plugins/crypto-common/modp.h"
#include "plugins/crypto-gcrypt/gcrypt_plugin.h"

static gcry_mpi_t scan(slice s)
{
	gcry_mpi_t m;
	return gcry_mpi_scan(&m, GCRYMPI_FMT_USG, s.p, s.n, NULL) ? NULL : m;
}

static err_t modp_power(const struct modp *g, slice exponent, slice base, uint8_t *out)
{
	gcry_mpi_t p = scan(g->p), x = scan(exponent), b = scan(base), r = gcry_mpi_snew(0);
	err_t e = E_CRYPTO;
	size_t n, len = g->p.n;

	if (!p || !x || !b || !r)
		goto out;
	if (gcry_mpi_get_nbits(x)) /* Libgcrypt aborts when 0 is to be secure */
		gcry_mpi_set_flag(x, GCRYMPI_FLAG_SECURE);
	gcry_mpi_powm(r, b, x, p);
	if (gcry_mpi_print(GCRYMPI_FMT_USG, NULL, 0, &n, r) || n > len)
		goto out;
	memset(out, 0, len - n);
	e = gcry_mpi_print(GCRYMPI_FMT_USG, out + len - n, n, &n, r) ? E_CRYPTO : 0;
out:
	gcry_mpi_release(p);
	gcry_mpi_release(x);
	gcry_mpi_release(b);
	gcry_mpi_release(r);
	return e;
}

MODP_TABLES(gc)
