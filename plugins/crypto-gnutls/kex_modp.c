/* SPDX-License-Identifier: Apache-2.0 */
/* The MODP groups (plugins/crypto-common/modp.h) with GMP in constant time. */
#include "plugins/crypto-common/modp.h"
#include "plugins/crypto-gnutls/gnutls_plugin.h"
#include "plugins/crypto-gnutls/mpz_secret.h"

static err_t modp_power(const struct modp *g, slice exponent, slice base, uint8_t *out)
{
	mpz_t p, x, b, r;

	mpz_secret_get(p, g->p.p, g->p.n);
	mpz_secret_get(x, exponent.p, exponent.n);
	mpz_secret_get(b, base.p, base.n);
	mpz_init2(r, g->p.n * 8 + GMP_NUMB_BITS);
	mpz_powm_sec(r, b, x, p);
	err_t e = mpz_secret_put(r, out, g->p.n) ? 0 : E_CRYPTO;
	mpz_clear(p);
	mpz_clear(b);
	mpz_secret_clear(x);
	mpz_secret_clear(r);
	return e;
}

MODP_TABLES(gt)
