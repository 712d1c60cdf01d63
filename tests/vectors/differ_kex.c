/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key exchanges. One input is a random private value of ours and a public value of the peer: all providers have to come
 * to the same secret or to refuse the pair alike. Five public values of eight are good ones, one is random bytes, one is
 * an edge (0, 1, 2, around the prime, all ones, points of small order, one bit of a good one), one has a wrong length.
 *
 * The power of a large MODP group takes time by the length of the exponent, so there most private values are of one to
 * three bytes; every one is of full length up to 2,048 bits, of larger groups one in FULL_3072 or FULL_LARGE. Every
 * WHOLE inputs one is a whole exchange between two providers in turn, with their own private values; of a KEM all are.
 */
#include "differ.h"
#include "plugins/crypto-common/modp_primes.h"

enum { WHOLE = 64, RENEW = 8, FULL_3072 = 4, FULL_LARGE = 32, SHORT_MAX = 3, PRIV_MAX = 128 };

static const struct fact {
	uint16_t group;
	uint8_t top_mask; /* of the first byte of a private value: most are then below the order */
	bool any;         /* any value of its length is good, no order to be below */
	slice prime;      /* MODP */
	uint8_t full;     /* MODP: one in so many private values is of full length */
} facts[] = {
#define PRIME(name) { name, sizeof name }
	{ 1, 0xff, true, PRIME(modp768_p), 1 },
	{ 2, 0xff, true, PRIME(modp1024_p), 1 },
	{ 5, 0xff, true, PRIME(modp1536_p), 1 },
	{ 14, 0xff, true, PRIME(modp2048_p), 1 },
	{ 15, 0xff, true, PRIME(modp3072_p), FULL_3072 },
	{ 16, 0xff, true, PRIME(modp4096_p), FULL_LARGE },
	{ 17, 0xff, true, PRIME(modp6144_p), FULL_LARGE },
	{ 18, 0xff, true, PRIME(modp8192_p), FULL_LARGE },
	{ 19, 0xff, false, { NULL, 0 }, 0 },
	{ 20, 0xff, false, { NULL, 0 }, 0 },
	{ 21, 0x01, false, { NULL, 0 }, 0 },
	{ 22, 0xff, false, PRIME(modp1024s160_p), 1 },
	{ 23, 0xff, false, PRIME(modp2048s224_p), 1 },
	{ 24, 0xff, false, PRIME(modp2048s256_p), 1 },
	{ 25, 0xff, false, { NULL, 0 }, 0 },
	{ 26, 0xff, false, { NULL, 0 }, 0 },
	{ 27, 0x7f, false, { NULL, 0 }, 0 },
	{ 28, 0x7f, false, { NULL, 0 }, 0 },
	{ 29, 0x7f, false, { NULL, 0 }, 0 },
	{ 30, 0x7f, false, { NULL, 0 }, 0 },
	{ 31, 0xff, true, { NULL, 0 }, 0 },
	{ 32, 0xff, true, { NULL, 0 }, 0 },
#undef PRIME
};

static const struct fact *fact_of(uint16_t group)
{
	for (size_t i = 0; i < ARRAY_LEN(facts); i++)
		if (facts[i].group == group)
			return &facts[i];
	return NULL;
}

/* Each in turn begins, the next one answers. */
static bool whole_exchange(struct differ_round *r)
{
	static uint8_t pub_i[CRYPTO_PUB_MAX], pub_r[CRYPTO_PUB_MAX], x[CRYPTO_SS_MAX], y[CRYPTO_SS_MAX];
	size_t at = (size_t)r->count.whole++ % r->n;
	const struct kex_ops *a = r->ops[at], *b = r->ops[(at + 1) % r->n];
	struct crypto_ctx ctx;

	bool same = a->offer(ctx.b, pub_i) == 0 && b->answer(slice_of(pub_i, b->pub_i_len), pub_r, y) == 0 &&
		a->finish(ctx.b, slice_of(pub_r, a->pub_r_len), x) == 0 && memcmp(x, y, a->secret_len) == 0;
	a->fini(ctx.b);
	r->count.made += same;
	return same;
}

static void make_private(const struct fact *f, uint8_t *priv, size_t len)
{
	size_t n = f->full > 1 && differ_next() % f->full ? 1 + differ_next() % SHORT_MAX : len;

	memset(priv, 0, len);
	differ_fill(priv + len - n, n);
	priv[0] &= f->top_mask;
	/* Curves: small values and such as are not below the order. */
	if (!f->prime.n && differ_next() % 32 == 0) {
		memset(priv, differ_next() % 2 ? 0xff : 0, len);
		priv[len - 1] = (uint8_t)(differ_next() % 4);
	}
	/* A power with exponent 0 is not what IKE does. */
	if (f->prime.n && !priv[len - 1])
		priv[len - 1] = 1;
}

static void make_edge(const struct fact *f, const uint8_t *good, uint8_t *pub, size_t len)
{
	static const uint8_t small_order[][32] = {
		{ 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d,
			0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 },
		{ 0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c,
			0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57 },
	};
	uint64_t which = differ_next() % 4;

	if (which == 0) {
		memcpy(pub, good, len);
		size_t bit = differ_next() % (8 * len);
		pub[bit / 8] ^= (uint8_t)(1u << bit % 8);
	} else if (which == 1 && f->prime.n) {
		memcpy(pub, f->prime.p, len);
		pub[len - 1] = (uint8_t)(pub[len - 1] + differ_next() % 4 - 2);
	} else if (which == 1 && len == sizeof small_order[0]) {
		memcpy(pub, small_order[differ_next() % 2], len);
	} else {
		memset(pub, which == 2 ? 0xff : 0, len);
		pub[differ_next() % 2 ? 0 : len - 1] = (uint8_t)(differ_next() % 4 - (which == 2));
	}
}

/* The peer's value; `good` is one, pub has room for one byte more. */
static slice make_public(const struct fact *f, const uint8_t *good, uint8_t *pub, size_t len)
{
	uint64_t which = differ_next() % 8;

	differ_fill(pub, len + 1);
	if (which == 7)
		return slice_of(pub, differ_next() % 2 ? len + 1 : differ_next() % len);
	if (which == 6)
		make_edge(f, good, pub, len);
	else if (which < 5 && !f->any)
		memcpy(pub, good, len);
	return slice_of(pub, len);
}

static err_t secret_of(const struct kex_ops *o, slice priv, slice pub, uint8_t *ss)
{
	struct crypto_ctx ctx;
	err_t e = o->test_private(ctx.b, priv);
	if (!e)
		e = o->finish(ctx.b, pub, ss);
	o->fini(ctx.b);
	return e;
}

bool differ_kex(struct differ_round *r)
{
	static uint8_t good[CRYPTO_PUB_MAX], pub[CRYPTO_PUB_MAX + 1], x[CRYPTO_SS_MAX], y[CRYPTO_SS_MAX];
	const struct fact *f = fact_of(r->is.id);
	const struct kex_ops *a = r->ops[0];
	uint8_t priv[PRIV_MAX];
	struct crypto_ctx ctx;

	if (!f || r->turn % WHOLE == 0)
		return whole_exchange(r);
	for (size_t i = 0; i < r->n; i++)
		if (!((const struct kex_ops *)r->ops[i])->test_private || a->ctx_size > sizeof priv)
			return whole_exchange(r);
	if (f->any) {
		differ_fill(good, a->pub_r_len);
	} else if (r->turn % RENEW == 1) {
		const struct kex_ops *o = r->ops[r->turn / RENEW % r->n];
		err_t e = o->offer(ctx.b, good);
		o->fini(ctx.b);
		if (e)
			return false;
	}
	make_private(f, priv, a->ctx_size);
	/* The context of a key exchange in a group is its private value. */
	const slice p = slice_of(priv, a->ctx_size), peer = make_public(f, good, pub, a->pub_r_len);
	err_t e = secret_of(a, p, peer, x);
	for (size_t i = 1; i < r->n; i++) {
		err_t other = secret_of(r->ops[i], p, peer, y);
		if (!e != !other || (!e && memcmp(x, y, a->secret_len) != 0))
			return false;
		/* Of two reasons (value not below the order, bad peer) each may name the one it finds first. */
		if (e != other && e != E_MISUSE && other != E_MISUSE)
			return false;
	}
	r->count.made += !e;
	r->count.refused += !!e;
	return true;
}
