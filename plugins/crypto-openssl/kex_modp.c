/* SPDX-License-Identifier: Apache-2.0 */
/* The MODP groups (plugins/crypto-common/modp.h) with OpenSSL's constant-time power. */
#include "plugins/crypto-common/modp.h"
#include "plugins/crypto-openssl/openssl_plugin.h"

#include <openssl/bn.h>

static err_t modp_power(const struct modp *g, slice exponent, slice base, uint8_t *out)
{
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *p = BN_bin2bn(g->p.p, (int)g->p.n, NULL), *b = BN_bin2bn(base.p, (int)base.n, NULL);
	BIGNUM *x = BN_secure_new(), *r = BN_secure_new();
	err_t e = E_CRYPTO;

	if (ctx && p && b && x && r && BN_bin2bn(exponent.p, (int)exponent.n, x)) {
		BN_set_flags(x, BN_FLG_CONSTTIME);
		if (BN_mod_exp_mont_consttime(r, b, x, p, ctx, NULL) > 0 && BN_bn2binpad(r, out, (int)g->p.n) > 0)
			e = 0;
	}
	BN_free(p);
	BN_clear_free(b);
	BN_clear_free(x);
	BN_clear_free(r);
	BN_CTX_free(ctx);
	return e;
}

MODP_TABLES(os)
