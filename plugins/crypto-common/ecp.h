/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of the ECP groups (RFC 5903): a private value has the bytes of a coordinate, a public one is x and y. All of
 * a plugin's tables are made from its `struct ecp`, a curve as its library knows it, and two functions of the library:
 *
 *     static err_t ecp_offer(const struct ecp *c, uint8_t *priv, uint8_t *pub);
 *     static err_t ecp_finish(const struct ecp *c, const uint8_t *priv, slice pub, uint8_t *ss);
 *
 * The first draws a private value in 1 … n-1 and gives its public one; the second refuses with E_BAD_PUBLIC what is no
 * point of the curve (RFC 6989 section 2.3).
 */
#ifndef ADIT_CRYPTO_COMMON_ECP_H
#define ADIT_CRYPTO_COMMON_ECP_H

#include "plugins/crypto-common/kex_private.h"

enum { ECP_MAX = 66 }; /* bytes of a coordinate */

struct ecp;

static err_t ecp_offer(const struct ecp *c, uint8_t *priv, uint8_t *pub);
static err_t ecp_finish(const struct ecp *c, const uint8_t *priv, slice pub, uint8_t *ss);

static inline err_t ecp_answer(const struct ecp *c, slice pub_i, uint8_t *pub_r, uint8_t *ss)
{
	uint8_t priv[ECP_MAX];
	err_t e = ecp_offer(c, priv, pub_r);
	if (!e)
		e = ecp_finish(c, priv, pub_i, ss);
	explicit_bzero(priv, sizeof priv);
	return e;
}

#define ECP(prefix, name, c, bytes) \
	static err_t name##_offer(void *ctx, uint8_t *pub) \
	{ \
		return ecp_offer(&c, ctx, pub); \
	} \
	static err_t name##_answer(slice pub_i, uint8_t *pub_r, uint8_t *ss) \
	{ \
		return ecp_answer(&c, pub_i, pub_r, ss); \
	} \
	static err_t name##_finish(void *ctx, slice pub, uint8_t *ss) \
	{ \
		return ecp_finish(&c, ctx, pub, ss); \
	} \
	KEX_PRIVATE(name, bytes) \
	const struct kex_ops prefix##_##name = { .size = sizeof(struct kex_ops), .pub_i_len = 2 * bytes, \
		.pub_r_len = 2 * bytes, .secret_len = bytes, .ctx_size = bytes, .offer = name##_offer, \
		.answer = name##_answer, .finish = name##_finish, .fini = name##_fini, .test_private = name##_private };

#endif
