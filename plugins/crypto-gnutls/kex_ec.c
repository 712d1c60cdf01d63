/* SPDX-License-Identifier: Apache-2.0 */
/* X25519 and X448 (RFC 8031) and the ECP groups 19 to 21, 25, 26 (RFC 5903, 5114) of Nettle's hogweed, with the checks of
 * RFC 6989. */
#include "plugins/crypto-common/ecp.h"
#include "plugins/crypto-gnutls/gnutls_plugin.h"
#include "plugins/crypto-gnutls/mpz_secret.h"

#include <nettle/curve25519.h>
#include <nettle/curve448.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>

#define XDH(name, curve, bytes) \
	static err_t name##_offer(void *ctx, uint8_t *pub) \
	{ \
		err_t e = crypto_common_random(ctx, bytes); \
		if (!e) \
			curve##_mul_g(pub, ctx); \
		return e; \
	} \
	static err_t name##_finish(void *ctx, slice pub, uint8_t *ss) \
	{ \
		if (pub.n != bytes) \
			return E_BAD_PUBLIC; \
		curve##_mul(ss, ctx, pub.p); \
		return crypto_common_is_zero(ss, bytes) ? E_BAD_PUBLIC : 0; \
	} \
	static err_t name##_answer(slice pub_i, uint8_t *pub_r, uint8_t *ss) \
	{ \
		uint8_t priv[bytes]; \
		err_t e = name##_offer(priv, pub_r); \
		if (!e) \
			e = name##_finish(priv, pub_i, ss); \
		explicit_bzero(priv, sizeof priv); \
		return e; \
	} \
	KEX_PRIVATE(name, bytes) \
	const struct kex_ops gt_##name = { .size = sizeof(struct kex_ops), .pub_i_len = bytes, .pub_r_len = bytes, \
		.secret_len = bytes, .ctx_size = bytes, .offer = name##_offer, .answer = name##_answer, \
		.finish = name##_finish, .fini = name##_fini, .test_private = name##_private };

XDH(x25519, curve25519, CURVE25519_SIZE)
XDH(x448, curve448, CURVE448_SIZE)

/* ---- ECP: a private value is `len` bytes, a public one x and y of `len` bytes each ---- */

struct ecp {
	const struct ecc_curve *(*curve)(void);
	size_t len;
	uint8_t top_mask; /* of the first byte of a private value */
};

static const struct ecp p192 = { nettle_get_secp_192r1, 24, 0xff };
static const struct ecp p224 = { nettle_get_secp_224r1, 28, 0xff };
static const struct ecp p256 = { nettle_get_secp_256r1, 32, 0xff };
static const struct ecp p384 = { nettle_get_secp_384r1, 48, 0xff };
static const struct ecp p521 = { nettle_get_secp_521r1, 66, 0x01 };

void gt_scalar_clear(struct ecc_scalar *s, const struct ecc_curve *curve)
{
	explicit_bzero(s->p, ecc_size(curve) * sizeof *s->p);
	ecc_scalar_clear(s);
}

static void point_clear(struct ecc_point *p, const struct ecc_curve *curve)
{
	explicit_bzero(p->p, 2 * ecc_size(curve) * sizeof *p->p);
	ecc_point_clear(p);
}

/* false: not in 1 … n-1. */
static bool scalar_set(const struct ecp *c, struct ecc_scalar *s, const uint8_t *priv)
{
	mpz_t k;
	mpz_secret_get(k, priv, c->len);
	bool ok = ecc_scalar_set(s, k);
	mpz_secret_clear(k);
	return ok;
}

static err_t put_point(const struct ecp *c, const struct ecc_point *p, uint8_t *out_x, uint8_t *out_y)
{
	mpz_t x, y;
	mpz_init2(x, c->len * 8 + GMP_NUMB_BITS);
	mpz_init2(y, c->len * 8 + GMP_NUMB_BITS);
	ecc_point_get(p, x, y);
	bool ok = mpz_secret_put(x, out_x, c->len) && (!out_y || mpz_secret_put(y, out_y, c->len));
	mpz_secret_clear(x);
	mpz_secret_clear(y);
	return ok ? 0 : E_CRYPTO;
}

/* false: a coordinate is not below p, or the point is not on the curve. */
static bool point_set(const struct ecp *c, struct ecc_point *p, slice pub)
{
	mpz_t x, y;
	if (pub.n != 2 * c->len)
		return false;
	mpz_secret_get(x, pub.p, c->len);
	mpz_secret_get(y, pub.p + c->len, c->len);
	bool ok = ecc_point_set(p, x, y);
	mpz_clear(x);
	mpz_clear(y);
	return ok;
}

static err_t ecp_offer(const struct ecp *c, uint8_t *priv, uint8_t *pub)
{
	const struct ecc_curve *curve = c->curve();
	struct ecc_scalar s;
	struct ecc_point p;
	err_t e;

	ecc_scalar_init(&s, curve);
	ecc_point_init(&p, curve);
	/* Uniform in 1 … n-1: drawn until it fits (the first draw does, nearly always). */
	do {
		e = crypto_common_random(priv, c->len);
		priv[0] &= c->top_mask;
	} while (!e && !scalar_set(c, &s, priv));
	if (!e) {
		ecc_point_mul_g(&p, &s);
		e = put_point(c, &p, pub, pub + c->len);
	}
	gt_scalar_clear(&s, curve);
	point_clear(&p, curve);
	return e;
}

static err_t ecp_finish(const struct ecp *c, const uint8_t *priv, slice pub, uint8_t *ss)
{
	const struct ecc_curve *curve = c->curve();
	struct ecc_scalar s;
	struct ecc_point p;
	err_t e = E_BAD_PUBLIC;

	ecc_scalar_init(&s, curve);
	ecc_point_init(&p, curve);
	if (!scalar_set(c, &s, priv)) {
		e = E_MISUSE;
	} else if (point_set(c, &p, pub)) {
		ecc_point_mul(&p, &s, &p);
		e = put_point(c, &p, ss, NULL);
	}
	gt_scalar_clear(&s, curve);
	point_clear(&p, curve);
	return e;
}

ECP(gt, ecp256, p256, 32)
ECP(gt, ecp384, p384, 48)
ECP(gt, ecp521, p521, 66)
ECP(gt, ecp192, p192, 24)
ECP(gt, ecp224, p224, 28)
