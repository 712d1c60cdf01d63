/* SPDX-License-Identifier: Apache-2.0 */
/* The MODP groups 14 to 16 (RFC 3526) with Libgcrypt's integers; public values are checked (RFC 6989 section 2.1). */
#include "plugins/crypto-common/common.h"
#include "plugins/crypto-common/modp.h"
#include "plugins/crypto-gcrypt/gcrypt_plugin.h"

struct modp {
	const uint8_t *p;
	size_t len, exp_len;
};

static const struct modp g14 = { modp2048_p, sizeof modp2048_p, MODP_2048_EXP };
static const struct modp g15 = { modp3072_p, sizeof modp3072_p, MODP_3072_EXP };
static const struct modp g16 = { modp4096_p, sizeof modp4096_p, MODP_4096_EXP };

static gcry_mpi_t scan(const uint8_t *p, size_t n)
{
	gcry_mpi_t m;
	return gcry_mpi_scan(&m, GCRYMPI_FMT_USG, p, n, NULL) ? NULL : m;
}

/* 1 < y < p - 1 */
static bool is_public(gcry_mpi_t y, gcry_mpi_t p)
{
	gcry_mpi_t top = gcry_mpi_new(0);
	gcry_mpi_sub_ui(top, p, 1);
	bool ok = gcry_mpi_cmp_ui(y, 1) > 0 && gcry_mpi_cmp(y, top) < 0;
	gcry_mpi_release(top);
	return ok;
}

/* base to the power of the private value, base 2 when it is empty; g->len bytes, zeros before. */
static err_t modp_pow(const struct modp *g, const uint8_t *priv, slice base, uint8_t *out)
{
	gcry_mpi_t p = scan(g->p, g->len), x = scan(priv, g->exp_len), b = NULL, r = gcry_mpi_snew(0);
	err_t e = E_CRYPTO;
	size_t n;

	b = base.n ? scan(base.p, base.n) : gcry_mpi_set_ui(NULL, 2);
	if (!p || !x || !b)
		goto out;
	if (base.n && (base.n != g->len || !is_public(b, p))) {
		e = E_BAD_PUBLIC;
		goto out;
	}
	gcry_mpi_set_flag(x, GCRYMPI_FLAG_SECURE);
	gcry_mpi_powm(r, b, x, p);
	if (gcry_mpi_print(GCRYMPI_FMT_USG, NULL, 0, &n, r) || n > g->len)
		goto out;
	memset(out, 0, g->len - n);
	e = gcry_mpi_print(GCRYMPI_FMT_USG, out + g->len - n, n, &n, r) ? E_CRYPTO : 0;
out:
	gcry_mpi_release(p);
	gcry_mpi_release(x);
	gcry_mpi_release(b);
	gcry_mpi_release(r);
	return e;
}

static err_t modp_offer(const struct modp *g, uint8_t *priv, uint8_t *pub)
{
	err_t e = crypto_common_random(priv, g->exp_len);
	if (e)
		return e;
	priv[0] |= 0x80; /* all exponents of one length, never 0 */
	return modp_pow(g, priv, SLICE_NONE, pub);
}

static err_t modp_answer(const struct modp *g, slice pub_i, uint8_t *pub_r, uint8_t *ss)
{
	uint8_t priv[MODP_4096_EXP];
	err_t e = modp_offer(g, priv, pub_r);
	if (!e)
		e = pub_i.n ? modp_pow(g, priv, pub_i, ss) : E_BAD_PUBLIC;
	explicit_bzero(priv, sizeof priv);
	return e;
}

static err_t modp_private(const struct modp *g, void *ctx, slice priv)
{
	if (priv.n != g->exp_len)
		return E_MISUSE;
	memcpy(ctx, priv.p, priv.n);
	return 0;
}

#define MODP(name, g, bytes, exp_bytes) \
	static err_t name##_offer(void *ctx, uint8_t *pub) \
	{ \
		return modp_offer(&g, ctx, pub); \
	} \
	static err_t name##_answer(slice pub_i, uint8_t *pub_r, uint8_t *ss) \
	{ \
		return modp_answer(&g, pub_i, pub_r, ss); \
	} \
	static err_t name##_finish(void *ctx, slice pub, uint8_t *ss) \
	{ \
		return pub.n ? modp_pow(&g, ctx, pub, ss) : E_BAD_PUBLIC; \
	} \
	static void name##_fini(void *ctx) \
	{ \
		explicit_bzero(ctx, exp_bytes); \
	} \
	static err_t name##_private(void *ctx, slice priv) \
	{ \
		return modp_private(&g, ctx, priv); \
	} \
	const struct kex_ops gc_##name = { .size = sizeof(struct kex_ops), .pub_i_len = bytes, .pub_r_len = bytes, \
		.secret_len = bytes, .ctx_size = exp_bytes, .offer = name##_offer, .answer = name##_answer, \
		.finish = name##_finish, .fini = name##_fini, .test_private = name##_private };

MODP(modp2048, g14, 256, MODP_2048_EXP)
MODP(modp3072, g15, 384, MODP_3072_EXP)
MODP(modp4096, g16, 512, MODP_4096_EXP)
