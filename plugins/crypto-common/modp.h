/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MODP groups: primes of RFC 2409 and RFC 3526 (generator 2; safe primes, so a private exponent of twice the
 * group's strength in bits is enough: RFC 7919 section 5.2 counts the same way) and the three groups of RFC 5114 with
 * their subgroups. All of a plugin's tables are made from one function of its library:
 *
 *     static err_t modp_power(const struct modp *g, slice exponent, slice base, uint8_t *out);
 *
 * base to the exponent modulo the prime, g->len bytes with zeros before; in constant time for the exponent.
 */
#ifndef ADIT_CRYPTO_COMMON_MODP_H
#define ADIT_CRYPTO_COMMON_MODP_H

#include "plugins/crypto-common/kex_private.h"
#include "plugins/crypto-common/modp_primes.h"

enum { MODP_EXP_MAX = 56, MODP_LEN_MAX = 1024 };

struct modp {
	slice p, g, q;  /* q empty: a safe prime */
	size_t exp_len; /* bytes of a private exponent */
};

static err_t modp_power(const struct modp *g, slice exponent, slice base, uint8_t *out);

/* 1 < y < p - 1; in a subgroup y^q = 1 (RFC 6989 section 2.1 and 2.2). */
static inline err_t modp_check(const struct modp *g, slice y)
{
	uint8_t v[MODP_LEN_MAX];
	size_t n = g->p.n;

	if (y.n != n)
		return E_BAD_PUBLIC;
	/* The prime is odd, so p - 1 differs from it in the last bit only. */
	int top = memcmp(y.p, g->p.p, n - 1);
	if (top > 0 || (top == 0 && y.p[n - 1] >= g->p.p[n - 1] - 1))
		return E_BAD_PUBLIC;
	if (crypto_common_is_zero(y.p, n - 1) && y.p[n - 1] < 2)
		return E_BAD_PUBLIC;
	if (!g->q.n)
		return 0;
	err_t e = modp_power(g, g->q, y, v);
	return e ? e : crypto_common_is_zero(v, n - 1) && v[n - 1] == 1 ? 0 : E_BAD_PUBLIC;
}

static inline err_t modp_offer(const struct modp *g, uint8_t *priv, uint8_t *pub)
{
	err_t e;
	do {
		e = crypto_common_random(priv, g->exp_len);
		if (!g->q.n)
			priv[0] |= 0x80; /* all exponents of one length, never 0 */
	} while (!e && g->q.n && (memcmp(priv, g->q.p, g->q.n) >= 0 || crypto_common_is_zero(priv, g->exp_len)));
	return e ? e : modp_power(g, slice_of(priv, g->exp_len), g->g, pub);
}

static inline err_t modp_finish(const struct modp *g, const uint8_t *priv, slice pub, uint8_t *ss)
{
	err_t e = modp_check(g, pub);
	return e ? e : modp_power(g, slice_of(priv, g->exp_len), pub, ss);
}

static inline err_t modp_answer(const struct modp *g, slice pub_i, uint8_t *pub_r, uint8_t *ss)
{
	uint8_t priv[MODP_EXP_MAX];
	err_t e = modp_offer(g, priv, pub_r);
	if (!e)
		e = modp_finish(g, priv, pub_i, ss);
	explicit_bzero(priv, sizeof priv);
	return e;
}

#define MODP_SLICE(a) { a, sizeof(a) }
#define MODP(prefix, name, bytes, prime, gen, order, exp_bytes) \
	static const struct modp name##_group = { prime, gen, order, exp_bytes }; \
	static err_t name##_offer(void *ctx, uint8_t *pub) \
	{ \
		return modp_offer(&name##_group, ctx, pub); \
	} \
	static err_t name##_answer(slice pub_i, uint8_t *pub_r, uint8_t *ss) \
	{ \
		return modp_answer(&name##_group, pub_i, pub_r, ss); \
	} \
	static err_t name##_finish(void *ctx, slice pub, uint8_t *ss) \
	{ \
		return modp_finish(&name##_group, ctx, pub, ss); \
	} \
	KEX_PRIVATE(name, exp_bytes) \
	static err_t name##_public(void *ctx, uint8_t *pub) \
	{ \
		return modp_power(&name##_group, slice_of(ctx, exp_bytes), name##_group.g, pub); \
	} \
	const struct kex_ops prefix##_##name = { .size = sizeof(struct kex_ops), .pub_i_len = bytes, .pub_r_len = bytes, \
		.secret_len = bytes, .ctx_size = exp_bytes, .offer = name##_offer, .answer = name##_answer, \
		.finish = name##_finish, .fini = name##_fini, .test_private = name##_private, .test_public = name##_public };

static const uint8_t modp_two[1] = { 2 };

#define MODP_SAFE(prefix, bits, exp_bytes) \
	MODP(prefix, modp##bits, bits / 8, MODP_SLICE(modp##bits##_p), MODP_SLICE(modp_two), { NULL }, exp_bytes)
#define MODP_SUB(prefix, bits, sub) \
	MODP(prefix, modp##bits##s##sub, bits / 8, MODP_SLICE(modp##bits##s##sub##_p), MODP_SLICE(modp##bits##s##sub##_g), \
		MODP_SLICE(modp##bits##s##sub##_q), sub / 8)
#define MODP_TABLES(prefix) \
	MODP_SAFE(prefix, 768, 32) \
	MODP_SAFE(prefix, 1024, 32) \
	MODP_SAFE(prefix, 1536, 32) \
	MODP_SAFE(prefix, 2048, 32) \
	MODP_SAFE(prefix, 3072, 36) \
	MODP_SAFE(prefix, 4096, 42) \
	MODP_SAFE(prefix, 6144, 48) \
	MODP_SAFE(prefix, 8192, 56) \
	MODP_SUB(prefix, 1024, 160) \
	MODP_SUB(prefix, 2048, 224) \
	MODP_SUB(prefix, 2048, 256)

#endif
