/* SPDX-License-Identifier: Apache-2.0 */
/* X25519 and X448 (RFC 8031), the ECP groups 19 to 21, 25 and 26 (RFC 5903, 5114) and the Brainpool groups 27 to 30
 * (RFC 6954) of OpenSSL, with the checks of RFC 6989. */
#include "plugins/crypto-common/ecp.h"
#include "plugins/crypto-openssl/openssl_plugin.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>

enum { XDH_MAX = 56 };

/* ---- X25519, X448: the context is the private value ---- */

static err_t xdh_public(int type, size_t len, const uint8_t *priv, uint8_t *pub)
{
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(type, NULL, priv, len);
	size_t n = len;
	bool ok = k && EVP_PKEY_get_raw_public_key(k, pub, &n) > 0 && n == len;
	EVP_PKEY_free(k);
	return ok ? 0 : E_CRYPTO;
}

static err_t xdh_offer(int type, size_t len, uint8_t *priv, uint8_t *pub)
{
	err_t e = crypto_common_random(priv, len);
	return e ? e : xdh_public(type, len, priv, pub);
}

static err_t xdh_finish(int type, size_t len, const uint8_t *priv, slice pub, uint8_t *ss)
{
	if (pub.n != len)
		return E_BAD_PUBLIC;
	EVP_PKEY *own = EVP_PKEY_new_raw_private_key(type, NULL, priv, len);
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(type, NULL, pub.p, len);
	EVP_PKEY_CTX *c = own ? EVP_PKEY_CTX_new(own, NULL) : NULL;
	size_t n = len;
	err_t e = E_CRYPTO;
	if (c && peer && EVP_PKEY_derive_init(c) > 0 && EVP_PKEY_derive_set_peer(c, peer) > 0)
		e = EVP_PKEY_derive(c, ss, &n) > 0 && n == len && !crypto_common_is_zero(ss, len) ? 0 : E_BAD_PUBLIC;
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(own);
	EVP_PKEY_free(peer);
	return e;
}

static err_t xdh_answer(int type, size_t len, slice pub_i, uint8_t *pub_r, uint8_t *ss)
{
	uint8_t priv[XDH_MAX];
	err_t e = xdh_offer(type, len, priv, pub_r);
	if (!e)
		e = xdh_finish(type, len, priv, pub_i, ss);
	explicit_bzero(priv, sizeof priv);
	return e;
}

/* ---- ECP: a private value is `len` bytes, a public one x and y of `len` bytes each ---- */

struct ecp {
	int nid;
	size_t len;
	uint8_t top_mask; /* of the first byte of a private value */
};

/* Everything one operation needs; freed together, secrets wiped. */
struct ec_work {
	EC_GROUP *g;
	BN_CTX *bn;
	BIGNUM *k, *x, *y;
	EC_POINT *p, *r;
};

static bool ec_open(struct ec_work *w, const struct ecp *c)
{
	*w = (struct ec_work){ .g = EC_GROUP_new_by_curve_name(c->nid), .bn = BN_CTX_secure_new(), .k = BN_secure_new(),
		.x = BN_secure_new(), .y = BN_secure_new() };
	if (w->g) {
		w->p = EC_POINT_new(w->g);
		w->r = EC_POINT_new(w->g);
	}
	return w->g && w->bn && w->k && w->x && w->y && w->p && w->r;
}

static void ec_shut(struct ec_work *w)
{
	EC_POINT_free(w->p);
	EC_POINT_clear_free(w->r);
	BN_clear_free(w->k);
	BN_clear_free(w->x);
	BN_clear_free(w->y);
	BN_CTX_free(w->bn);
	EC_GROUP_free(w->g);
}

/* 0 < k < n */
static bool scalar_get(struct ec_work *w, const struct ecp *c, const uint8_t *priv)
{
	if (!BN_bin2bn(priv, (int)c->len, w->k))
		return false;
	BN_set_flags(w->k, BN_FLG_CONSTTIME);
	return !BN_is_zero(w->k) && BN_cmp(w->k, EC_GROUP_get0_order(w->g)) < 0;
}

static err_t point_put(struct ec_work *w, const struct ecp *c, uint8_t *out_x, uint8_t *out_y)
{
	if (EC_POINT_is_at_infinity(w->g, w->r))
		return E_BAD_PUBLIC;
	return EC_POINT_get_affine_coordinates(w->g, w->r, w->x, w->y, w->bn) > 0 &&
		BN_bn2binpad(w->x, out_x, (int)c->len) > 0 &&
		(!out_y || BN_bn2binpad(w->y, out_y, (int)c->len) > 0) ? 0 : E_CRYPTO;
}

static err_t ecp_public(const struct ecp *c, const uint8_t *priv, uint8_t *pub)
{
	struct ec_work w;
	err_t e = E_CRYPTO;
	if (ec_open(&w, c))
		e = !scalar_get(&w, c, priv) ? E_MISUSE : EC_POINT_mul(w.g, w.r, w.k, NULL, NULL, w.bn) <= 0 ? E_CRYPTO :
			point_put(&w, c, pub, pub + c->len);
	ec_shut(&w);
	return e;
}

static err_t ecp_offer(const struct ecp *c, uint8_t *priv, uint8_t *pub)
{
	err_t e;
	/* Uniform in 1 … n-1: drawn until it fits (the first draw does, nearly always). */
	do {
		e = crypto_common_random(priv, c->len);
		if (e)
			return e;
		priv[0] &= c->top_mask;
		e = ecp_public(c, priv, pub);
	} while (e == E_MISUSE);
	return e;
}

static err_t ecp_finish(const struct ecp *c, const uint8_t *priv, slice pub, uint8_t *ss)
{
	struct ec_work w;
	err_t e = E_CRYPTO;
	if (pub.n != 2 * c->len)
		return E_BAD_PUBLIC;
	if (!ec_open(&w, c))
		goto out;
	e = E_BAD_PUBLIC;
	if (!BN_bin2bn(pub.p, (int)c->len, w.x) || !BN_bin2bn(pub.p + c->len, (int)c->len, w.y) ||
	    BN_cmp(w.x, EC_GROUP_get0_field(w.g)) >= 0 || BN_cmp(w.y, EC_GROUP_get0_field(w.g)) >= 0)
		goto out;
	/* Setting the coordinates checks that the point is on the curve. */
	if (EC_POINT_set_affine_coordinates(w.g, w.p, w.x, w.y, w.bn) <= 0)
		goto out;
	e = !scalar_get(&w, c, priv) ? E_MISUSE : EC_POINT_mul(w.g, w.r, NULL, w.p, w.k, w.bn) <= 0 ? E_CRYPTO :
		point_put(&w, c, ss, NULL);
out:
	ec_shut(&w);
	return e;
}

#define KEX(name, publen, bytes, call_public, call_offer, call_answer, call_finish) \
	static err_t name##_offer(void *ctx, uint8_t *pub) \
	{ \
		uint8_t *priv = ctx; \
		return call_offer; \
	} \
	static err_t name##_answer(slice pub_i, uint8_t *pub_r, uint8_t *ss) \
	{ \
		return call_answer; \
	} \
	static err_t name##_finish(void *ctx, slice pub, uint8_t *ss) \
	{ \
		const uint8_t *priv = ctx; \
		return call_finish; \
	} \
	KEX_PRIVATE(name, bytes) \
	static err_t name##_public(void *ctx, uint8_t *pub) \
	{ \
		const uint8_t *priv = ctx; \
		return call_public; \
	} \
	const struct kex_ops os_##name = { .size = sizeof(struct kex_ops), .pub_i_len = publen, .pub_r_len = publen, \
		.secret_len = bytes, .ctx_size = bytes, .offer = name##_offer, .answer = name##_answer, \
		.finish = name##_finish, .fini = name##_fini, .test_private = name##_private, .test_public = name##_public };

#define XDH(name, type, bytes) \
	KEX(name, bytes, bytes, xdh_public(type, bytes, priv, pub), xdh_offer(type, bytes, priv, pub), \
		xdh_answer(type, bytes, pub_i, pub_r, ss), xdh_finish(type, bytes, priv, pub, ss))
#define CURVE(name, nid, bytes, mask) \
	static const struct ecp name##_curve = { nid, bytes, mask }; \
	KEX(name, 2 * bytes, bytes, ecp_public(&name##_curve, priv, pub), ecp_offer(&name##_curve, priv, pub), \
		ecp_answer(&name##_curve, pub_i, pub_r, ss), ecp_finish(&name##_curve, priv, pub, ss))

XDH(x25519, EVP_PKEY_X25519, 32)
XDH(x448, EVP_PKEY_X448, 56)
CURVE(ecp192, NID_X9_62_prime192v1, 24, 0xff)
CURVE(ecp224, NID_secp224r1, 28, 0xff)
CURVE(ecp256, NID_X9_62_prime256v1, 32, 0xff)
CURVE(ecp384, NID_secp384r1, 48, 0xff)
CURVE(ecp521, NID_secp521r1, 66, 0x01)
CURVE(bp224, NID_brainpoolP224r1, 28, 0xff)
CURVE(bp256, NID_brainpoolP256r1, 32, 0xff)
CURVE(bp384, NID_brainpoolP384r1, 48, 0xff)
CURVE(bp512, NID_brainpoolP512r1, 64, 0xff)
