/* SPDX-License-Identifier: Apache-2.0 */
/* ML-KEM: hashes against FIPS 202 examples, agreement of both ends, implicit rejection, refusal of bad public values. */
#include "plugins/crypto-mlkem/keccak.h"
#include "plugins/crypto-mlkem/mlkem.h"

#include <criterion/criterion.h>

static const struct mlkem_params *const all[] = { &mlkem_512, &mlkem_768, &mlkem_1024 };

static void hash_is(uint32_t rate, uint8_t suffix, const char *in, const uint8_t *want, size_t n)
{
	uint8_t out[64];
	slice v = slice_str(in);

	keccak_once(rate, suffix, &v, 1, out, n);
	cr_assert_arr_eq(out, want, n);
}

Test(mlkem, sha3_examples)
{
	static const uint8_t sha3_256_abc[] = { 0x3a, 0x98, 0x5d, 0xa7, 0x4f, 0xe2, 0x25, 0xb2, 0x04, 0x5c, 0x17,
		0x2d, 0x6b, 0xd3, 0x90, 0xbd, 0x85, 0x5f, 0x08, 0x6e, 0x3e, 0x9d, 0x52, 0x5b, 0x46, 0xbf, 0xe2, 0x45,
		0x11, 0x43, 0x15, 0x32 };
	static const uint8_t shake128_empty[] = { 0x7f, 0x9c, 0x2b, 0xa4, 0xe8, 0x8f, 0x82, 0x7d, 0x61, 0x60, 0x45,
		0x50, 0x76, 0x05, 0x85, 0x3e };

	hash_is(SHA3_256_RATE, SHA3_SUFFIX, "abc", sha3_256_abc, sizeof sha3_256_abc);
	hash_is(SHAKE128_RATE, SHAKE_SUFFIX, "", shake128_empty, sizeof shake128_empty);
}

static void pair(const struct mlkem_params *p, uint8_t salt, uint8_t *ek, uint8_t *dk)
{
	uint8_t seed[MLKEM_SEED];

	for (size_t i = 0; i < sizeof seed; i++)
		seed[i] = (uint8_t)(i * 7 + salt);
	mlkem_keygen(p, seed, ek, dk);
}

Test(mlkem, both_ends_agree)
{
	uint8_t ek[MLKEM_EK_MAX], dk[MLKEM_DK_MAX], ct[MLKEM_CT_MAX], a[MLKEM_SECRET], b[MLKEM_SECRET], m[MLKEM_RANDOM];

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		for (uint8_t salt = 0; salt < 20; salt++) {
			pair(all[i], salt, ek, dk);
			memset(m, salt, sizeof m);
			cr_assert_eq(mlkem_encaps(all[i], ek, m, ct, a), 0);
			cr_assert_eq(mlkem_decaps(all[i], dk, ct, b), 0);
			cr_assert_arr_eq(a, b, sizeof a);
		}
}

Test(mlkem, a_changed_cipher_text_gives_another_secret)
{
	uint8_t ek[MLKEM_EK_MAX], dk[MLKEM_DK_MAX], ct[MLKEM_CT_MAX], a[MLKEM_SECRET], b[MLKEM_SECRET], again[MLKEM_SECRET];
	uint8_t m[MLKEM_RANDOM] = { 1 };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		pair(all[i], 3, ek, dk);
		cr_assert_eq(mlkem_encaps(all[i], ek, m, ct, a), 0);
		for (size_t at = 0; at < all[i]->ct_len; at += 97) {
			ct[at] ^= 0x10;
			cr_assert_eq(mlkem_decaps(all[i], dk, ct, b), 0);
			cr_assert(memcmp(a, b, sizeof a) != 0);
			cr_assert_eq(mlkem_decaps(all[i], dk, ct, again), 0);
			cr_assert_arr_eq(b, again, sizeof b);
			ct[at] ^= 0x10;
		}
	}
}

Test(mlkem, a_coefficient_that_is_not_reduced_is_refused)
{
	uint8_t ek[MLKEM_EK_MAX], dk[MLKEM_DK_MAX], ct[MLKEM_CT_MAX], a[MLKEM_SECRET], m[MLKEM_RANDOM] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		pair(all[i], 9, ek, dk);
		ek[0] = 0x01; /* 0xd01 = 3329 = q in the first 12 bits */
		ek[1] = (uint8_t)((ek[1] & 0xf0) | 0x0d);
		cr_assert_eq(mlkem_encaps(all[i], ek, m, ct, a), E_BAD_PUBLIC);
	}
}

Test(mlkem, a_damaged_private_key_is_refused)
{
	uint8_t ek[MLKEM_EK_MAX], dk[MLKEM_DK_MAX], ct[MLKEM_CT_MAX] = { 0 }, a[MLKEM_SECRET];

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		pair(all[i], 5, ek, dk);
		dk[all[i]->dk_len - 40] ^= 1; /* in the stored hash */
		cr_assert_eq(mlkem_decaps(all[i], dk, ct, a), E_BAD_VALUE);
	}
}
