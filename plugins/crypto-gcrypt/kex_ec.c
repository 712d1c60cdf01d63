/* SPDX-License-Identifier: Apache-2.0 */
/* X25519 (RFC 8031), the ECP groups 19 to 21, 25, 26 (RFC 5903, 5114) and Brainpool 27 to 30 (RFC 6954) of Libgcrypt,
 * with the checks of RFC 6989. Its X448 is left out: for some values of the peer (10, 2^224) it is wrong. */
#include "plugins/crypto-common/ecp.h"
#include "plugins/crypto-gcrypt/gcrypt_plugin.h"

enum { XDH_MAX = 32 };

static err_t xdh_mul(int curve, size_t len, uint8_t *out, const uint8_t *priv, const uint8_t *point)
{
	if (gcry_ecc_mul_point(curve, out, priv, point))
		return point ? E_BAD_PUBLIC : E_CRYPTO;
	return point && crypto_common_is_zero(out, len) ? E_BAD_PUBLIC : 0;
}

static err_t xdh_offer(int curve, size_t len, uint8_t *priv, uint8_t *pub)
{
	err_t e = crypto_common_random(priv, len);
	return e ? e : xdh_mul(curve, len, pub, priv, NULL);
}

static err_t xdh_finish(int curve, size_t len, const uint8_t *priv, slice pub, uint8_t *ss)
{
	return pub.n == len ? xdh_mul(curve, len, ss, priv, pub.p) : E_BAD_PUBLIC;
}

static err_t xdh_answer(int curve, size_t len, slice pub_i, uint8_t *pub_r, uint8_t *ss)
{
	uint8_t priv[XDH_MAX];
	err_t e = xdh_offer(curve, len, priv, pub_r);
	if (!e)
		e = xdh_finish(curve, len, priv, pub_i, ss);
	explicit_bzero(priv, sizeof priv);
	return e;
}

#define XDH(name, curve, bytes) \
	static err_t name##_offer(void *ctx, uint8_t *pub) \
	{ \
		return xdh_offer(curve, bytes, ctx, pub); \
	} \
	static err_t name##_answer(slice pub_i, uint8_t *pub_r, uint8_t *ss) \
	{ \
		return xdh_answer(curve, bytes, pub_i, pub_r, ss); \
	} \
	static err_t name##_finish(void *ctx, slice pub, uint8_t *ss) \
	{ \
		return xdh_finish(curve, bytes, ctx, pub, ss); \
	} \
	KEX_PRIVATE(name, bytes) \
	const struct kex_ops gc_##name = { .size = sizeof(struct kex_ops), .pub_i_len = bytes, .pub_r_len = bytes, \
		.secret_len = bytes, .ctx_size = bytes, .offer = name##_offer, .answer = name##_answer, \
		.finish = name##_finish, .fini = name##_fini, .test_private = name##_private };

XDH(x25519, GCRY_ECC_CURVE25519, 32)

/* ---- ECP: a private value is `len` bytes, a public one x and y of `len` bytes each ---- */

struct ecp {
	const char *curve;
	size_t len;
	uint8_t top_mask; /* of the first byte of a private value */
};

static const struct ecp p192 = { "NIST P-192", 24, 0xff };
static const struct ecp p224 = { "NIST P-224", 28, 0xff };
static const struct ecp b224 = { "brainpoolP224r1", 28, 0xff };
static const struct ecp b256 = { "brainpoolP256r1", 32, 0xff };
static const struct ecp b384 = { "brainpoolP384r1", 48, 0xff };
static const struct ecp b512 = { "brainpoolP512r1", 64, 0xff };
static const struct ecp p256 = { "NIST P-256", 32, 0xff };
static const struct ecp p384 = { "NIST P-384", 48, 0xff };
static const struct ecp p521 = { "NIST P-521", 66, 0x01 };

/* Right-aligned with zeros before it. */
static err_t put_mpi(uint8_t *out, size_t len, gcry_mpi_t m)
{
	size_t n;
	if (gcry_mpi_print(GCRYMPI_FMT_USG, NULL, 0, &n, m) || n > len)
		return E_CRYPTO;
	memset(out, 0, len - n);
	return gcry_mpi_print(GCRYMPI_FMT_USG, out + len - n, n, &n, m) ? E_CRYPTO : 0;
}

static gcry_mpi_t get_mpi(const uint8_t *p, size_t len, bool secret)
{
	gcry_mpi_t m;
	if (gcry_mpi_scan(&m, GCRYMPI_FMT_USG, p, len, NULL))
		return NULL;
	/* Libgcrypt aborts when a number without digits, which is 0, is to be secure. */
	if (secret && gcry_mpi_get_nbits(m))
		gcry_mpi_set_flag(m, GCRYMPI_FLAG_SECURE);
	return m;
}

static bool in_range(gcry_mpi_t v, const char *below, gcry_ctx_t ec)
{
	gcry_mpi_t limit = gcry_mpi_ec_get_mpi(below, ec, 1);
	bool ok = limit && gcry_mpi_cmp(v, limit) < 0;
	gcry_mpi_release(limit);
	return ok;
}

/* The peer's point, when it is one of the curve. */
static gcry_mpi_point_t get_point(slice pub, gcry_ctx_t ec)
{
	size_t len = pub.n / 2;
	gcry_mpi_t x = get_mpi(pub.p, len, false), y = get_mpi(pub.p + len, len, false);
	gcry_mpi_point_t p = NULL;
	if (x && y && in_range(x, "p", ec) && in_range(y, "p", ec)) {
		p = gcry_mpi_point_set(NULL, x, y, GCRYMPI_CONST_ONE);
		if (p && !gcry_mpi_ec_curve_point(p, ec)) {
			gcry_mpi_point_release(p);
			p = NULL;
		}
	}
	gcry_mpi_release(x);
	gcry_mpi_release(y);
	return p;
}

bool gc_point_on_curve(gcry_ctx_t ec, slice xy)
{
	gcry_mpi_point_t p = get_point(xy, ec);
	bool ok = p != NULL;
	gcry_mpi_point_release(p);
	return ok;
}

/* priv times the peer's point, or the generator when `pub` is empty; y may be NULL. */
static err_t ecp_mul(const struct ecp *c, const uint8_t *priv, slice pub, uint8_t *out_x, uint8_t *out_y)
{
	gcry_ctx_t ec = NULL;
	gcry_mpi_point_t p = NULL, r = gcry_mpi_point_new(0);
	gcry_mpi_t k = get_mpi(priv, c->len, true), x = gcry_mpi_snew(0), y = gcry_mpi_snew(0);
	err_t e = E_CRYPTO;

	if (pub.n && pub.n != 2 * c->len) {
		e = E_BAD_PUBLIC;
		goto out;
	}
	if (!k || gcry_mpi_ec_new(&ec, NULL, c->curve))
		goto out;
	if (crypto_common_is_zero(priv, c->len) || !in_range(k, "n", ec)) {
		e = E_MISUSE;
		goto out;
	}
	p = pub.n ? get_point(pub, ec) : gcry_mpi_ec_get_point("g", ec, 1);
	if (!p) {
		e = pub.n ? E_BAD_PUBLIC : E_CRYPTO;
		goto out;
	}
	gcry_mpi_ec_mul(r, k, p, ec);
	if (gcry_mpi_ec_get_affine(x, y, r, ec)) {
		e = E_BAD_PUBLIC;
		goto out;
	}
	e = put_mpi(out_x, c->len, x);
	if (!e && out_y)
		e = put_mpi(out_y, c->len, y);
out:
	gcry_mpi_release(k);
	gcry_mpi_release(x);
	gcry_mpi_release(y);
	gcry_mpi_point_release(p);
	gcry_mpi_point_release(r);
	gcry_ctx_release(ec);
	return e;
}

/* Uniform in 1 … n-1: drawn until it fits (the first draw does, nearly always). */
static err_t ecp_draw(const struct ecp *c, uint8_t *priv)
{
	gcry_ctx_t ec;
	err_t e;
	bool fits = false;

	if (gcry_mpi_ec_new(&ec, NULL, c->curve))
		return E_CRYPTO;
	do {
		e = crypto_common_random(priv, c->len);
		if (e)
			break;
		priv[0] &= c->top_mask;
		gcry_mpi_t k = get_mpi(priv, c->len, true);
		if (!k) {
			e = E_CRYPTO;
			break;
		}
		fits = in_range(k, "n", ec) && !crypto_common_is_zero(priv, c->len);
		gcry_mpi_release(k);
	} while (!fits);
	gcry_ctx_release(ec);
	return e;
}

static err_t ecp_offer(const struct ecp *c, uint8_t *priv, uint8_t *pub)
{
	err_t e = ecp_draw(c, priv);
	return e ? e : ecp_mul(c, priv, SLICE_NONE, pub, pub + c->len);
}

static err_t ecp_finish(const struct ecp *c, const uint8_t *priv, slice pub, uint8_t *ss)
{
	return pub.n ? ecp_mul(c, priv, pub, ss, NULL) : E_BAD_PUBLIC;
}

ECP(gc, ecp256, p256, 32)
ECP(gc, ecp384, p384, 48)
ECP(gc, ecp521, p521, 66)
ECP(gc, ecp192, p192, 24)
ECP(gc, ecp224, p224, 28)
ECP(gc, bp224, b224, 28)
ECP(gc, bp256, b256, 32)
ECP(gc, bp384, b384, 48)
ECP(gc, bp512, b512, 64)
