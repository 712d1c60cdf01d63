/* SPDX-License-Identifier: Apache-2.0 */
/* SK payloads: every length comes back, everything that was changed on the way is seen. */
#include "crypto/sk.h"
#include "tests/unit/crypto_host.h"

enum { MSG_MAX = 512, PAYLOAD_AT = 28, BODY_AT = 32, SKF_BODY_AT = 36 };

static const struct suite suites[] = {
	{ .proto = SUITE_IKE, .encr = 20, .encr_bits = 256, .prf = 5 },
	{ .proto = SUITE_IKE, .encr = 18, .encr_bits = 128, .prf = 5 },
	{ .proto = SUITE_IKE, .encr = 28, .prf = 5 },
	{ .proto = SUITE_IKE, .encr = 12, .encr_bits = 256, .integ = 12, .prf = 5 },
	{ .proto = SUITE_IKE, .encr = 12, .encr_bits = 128, .integ = 2, .prf = 5 },
	{ .proto = SUITE_IKE, .encr = 13, .encr_bits = 192, .integ = 14, .prf = 5 },
};

struct sk_test {
	struct crypto_host h;
	struct crypto_algs algs;
	uint8_t key[2 * CRYPTO_KEY_MAX];
	struct sk_key k;
};

static bool sk_test_init(struct sk_test *t, const struct suite *s)
{
	uint16_t encr_len, integ_len;
	crypto_host_init(&t->h, ~0u);
	if (crypto_algs_of(&t->h.c, s, &t->algs, NULL) != 0)
		return false;
	cr_assert_eq(suite_key_lens(s, &encr_len, &integ_len), 0);
	cr_assert_eq(crypto_random(&t->h.c, t->key, sizeof t->key), 0);
	t->k = (struct sk_key){ t->algs.encr, t->algs.integ, slice_of(t->key, encr_len),
		slice_of(t->key + CRYPTO_KEY_MAX, integ_len) };
	return true;
}

/* A header and inner payloads with recognizable bytes, sealed. */
static size_t seal(const struct sk_test *t, uint64_t *counter, uint8_t *msg, size_t body_at, size_t n_inner)
{
	size_t n_msg = 0;
	for (size_t i = 0; i < MSG_MAX; i++)
		msg[i] = (uint8_t)(i * 7);
	cr_assert_eq(sk_seal(&t->h.c, &t->k, counter, msg, MSG_MAX, PAYLOAD_AT, body_at, n_inner, &n_msg), 0);
	cr_assert_eq(n_msg, sk_sealed_len(&t->k, body_at, n_inner));
	return n_msg;
}

static bool inner_is_right(const uint8_t *msg, slice inner, size_t at, size_t n)
{
	if (inner.n != n || inner.p != msg + at)
		return false;
	for (size_t i = 0; i < n; i++)
		if (inner.p[i] != (uint8_t)((at + i) * 7))
			return false;
	return true;
}

Test(sk, every_length_comes_back)
{
	for (size_t s = 0; s < ARRAY_LEN(suites); s++) {
		struct sk_test t;
		uint8_t msg[MSG_MAX];
		uint64_t counter = 0;
		slice inner;
		CRYPTO_NEED(&t.h, sk_test_init(&t, &suites[s]));
		for (size_t n = 0; n < 100; n++) {
			size_t body_at = n % 2 ? BODY_AT : SKF_BODY_AT;
			size_t n_msg = seal(&t, &counter, msg, body_at, n);
			cr_expect_eq((size_t)(msg[24] << 24 | msg[25] << 16 | msg[26] << 8 | msg[27]), n_msg);
			cr_expect_eq((size_t)(msg[30] << 8 | msg[31]), n_msg - PAYLOAD_AT);
			cr_assert_eq(sk_open(&t.k, msg, n_msg, body_at, &inner), 0);
			cr_assert(inner_is_right(msg, inner, sk_inner_at(&t.k, body_at), n), "suite %zu, %zu bytes", s, n);
		}
		cr_expect_eq(counter, t.algs.encr->block_len == 1 ? 100 : 0);
		registry_free(t.h.reg);
	}
}

Test(sk, every_changed_byte_is_seen)
{
	for (size_t s = 0; s < ARRAY_LEN(suites); s++) {
		struct sk_test t;
		uint8_t msg[MSG_MAX], copy[MSG_MAX];
		uint64_t counter = 5;
		slice inner;
		CRYPTO_NEED(&t.h, sk_test_init(&t, &suites[s]));
		size_t n_msg = seal(&t, &counter, msg, BODY_AT, 50);
		for (size_t i = 0; i < n_msg; i++) {
			memcpy(copy, msg, n_msg);
			copy[i] ^= 0x10;
			cr_expect_eq(sk_open(&t.k, copy, n_msg, BODY_AT, &inner), E_INTEGRITY, "suite %zu, byte %zu", s, i);
			cr_expect_eq(inner.n, 0);
		}
		for (size_t n = 0; n < n_msg; n++) {
			memcpy(copy, msg, n_msg);
			err_t e = sk_open(&t.k, copy, n, BODY_AT, &inner);
			cr_expect(e == E_INTEGRITY || e == E_TRUNCATED, "suite %zu, %zu bytes", s, n);
		}
		registry_free(t.h.reg);
	}
}

Test(sk, ivs_are_not_used_twice)
{
	struct sk_test t;
	uint8_t one[MSG_MAX], two[MSG_MAX];
	uint64_t counter = 0;

	CRYPTO_NEED(&t.h, sk_test_init(&t, &suites[0]));
	size_t n = seal(&t, &counter, one, BODY_AT, 40);
	seal(&t, &counter, two, BODY_AT, 40);
	cr_expect_neq(memcmp(one + BODY_AT, two + BODY_AT, t.k.encr->iv_len), 0);
	cr_expect_neq(memcmp(one + BODY_AT + 8, two + BODY_AT + 8, 40), 0);
	counter = UINT64_MAX;
	cr_expect_eq(sk_seal(&t.h.c, &t.k, &counter, one, MSG_MAX, PAYLOAD_AT, BODY_AT, 40, &n), E_LIMIT);
	registry_free(t.h.reg);
}

Test(sk, room_is_counted_exactly)
{
	for (size_t s = 0; s < ARRAY_LEN(suites); s++) {
		struct sk_test t;
		uint8_t msg[MSG_MAX];
		uint64_t counter = 0;
		size_t n_msg = 0;
		CRYPTO_NEED(&t.h, sk_test_init(&t, &suites[s]));
		for (size_t cap = 0; cap < 200; cap++) {
			size_t n = sk_inner_max(&t.k, BODY_AT, cap);
			if (n)
				cr_expect_leq(sk_sealed_len(&t.k, BODY_AT, n), cap);
			cr_expect_gt(sk_sealed_len(&t.k, BODY_AT, n + 1), cap);
			cr_expect_eq(sk_seal(&t.h.c, &t.k, &counter, msg, cap, PAYLOAD_AT, BODY_AT, n + 1, &n_msg), E_SPACE);
		}
		registry_free(t.h.reg);
	}
}

/* The peer knows the keys and writes a pad length that is longer than the payload. */
Test(sk, wrong_padding_of_the_peer)
{
	struct sk_test t;
	uint8_t msg[MSG_MAX];
	slice inner;

	CRYPTO_NEED(&t.h, sk_test_init(&t, &suites[0]));
	memset(msg, 0xff, sizeof msg);
	struct crypto_ctx ctx;
	struct encr_op op = { .iv = msg + BODY_AT, .aad = slice_of(msg, BODY_AT), .buf = msg + BODY_AT + 8, .len = 20,
		.icv = msg + BODY_AT + 8 + 20 };
	cr_assert_eq(t.k.encr->init(ctx.b, slice_of(t.key, 32), slice_of(t.key + 32, 4)), 0);
	t.k.encr->seal(ctx.b, &op, 1);
	t.k.encr->fini(ctx.b);
	cr_expect_eq(sk_open(&t.k, msg, BODY_AT + 8 + 20 + 16, BODY_AT, &inner), E_SYNTAX);
	registry_free(t.h.reg);
}
