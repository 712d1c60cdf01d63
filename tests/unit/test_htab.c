/* SPDX-License-Identifier: Apache-2.0 */
#include "base/htab.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const uint8_t seed[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

/* First and last vectors of the reference (key 00..0f, input 00..). */
Test(htab, siphash_vectors)
{
	uint8_t in[15];

	for (uint8_t i = 0; i < sizeof in; i++)
		in[i] = i;
	cr_assert_eq(siphash(seed, slice_of(in, 0)), UINT64_C(0x726fdb47dd0e0e31));
	cr_assert_eq(siphash(seed, slice_of(in, 15)), UINT64_C(0xa129ca6149be45e5));
}

Test(htab, adding_finding_removing)
{
	struct htab *t = htab_new(4, seed);
	uint64_t v;

	cr_assert_eq(htab_add(t, SLICE_LIT("abcd"), 7), 0);
	cr_assert_eq(htab_add(t, SLICE_LIT("abcd"), 8), E_EXISTS);
	cr_assert_eq(htab_add(t, SLICE_LIT("abc"), 8), E_MISUSE);
	cr_assert(htab_find(t, SLICE_LIT("abcd"), &v) && v == 7);
	cr_assert_not(htab_find(t, SLICE_LIT("abce"), &v));
	cr_assert_not(htab_find(t, SLICE_LIT("abc"), &v));
	cr_assert(htab_del(t, SLICE_LIT("abcd")));
	cr_assert_not(htab_del(t, SLICE_LIT("abcd")));
	cr_assert_eq(htab_count(t), 0);
	htab_free(t);
}

Test(htab, several_values_under_keys_of_any_length)
{
	struct htab *t = htab_new(0, seed);
	char key[300];
	uint64_t cursor, v;

	memset(key, 'k', sizeof key);
	cr_assert_eq(htab_add(t, slice_of(key, 257), 1), E_MISUSE);
	for (uint64_t n = 0; n <= 256; n++)
		for (uint64_t i = 0; i < 3; i++)
			cr_assert_eq(htab_add_multi(t, slice_of(key, n), n * 10 + i), 0);
	for (uint64_t n = 0; n <= 256; n++) {
		unsigned seen = 0;
		cursor = 0;
		while (htab_find_next(t, slice_of(key, n), &cursor, &v)) {
			cr_assert_eq(v / 10, n);
			seen |= 1u << v % 10;
		}
		cr_assert_eq(seen, 7);
		cr_assert(htab_del_val(t, slice_of(key, n), n * 10 + 1));
		cr_assert_not(htab_del_val(t, slice_of(key, n), n * 10 + 1));
	}
	cr_assert_eq(htab_count(t), 257 * 2);
	htab_free(t);
}

/* Grows and shrinks while a model checks every answer. */
Test(htab, random_use_against_a_model)
{
	enum { KEYS = 40000 };
	struct htab *t = htab_new(4, seed);
	static uint8_t in[KEYS];
	size_t count = 0;
	uint64_t v;

	srand(2);
	for (int round = 0; round < 400000; round++) {
		/* Mostly adding, then mostly removing. */
		uint32_t k = (uint32_t)(rand() % KEYS);
		bool add = rand() % 10 < (round < 200000 ? 8 : 2);
		slice key = slice_of(&k, 4);
		cr_assert_eq(htab_find(t, key, &v), in[k]);
		cr_assert(!in[k] || v == k * 3ull);
		if (add) {
			cr_assert_eq(htab_add(t, key, k * 3ull), in[k] ? E_EXISTS : 0);
			count += !in[k];
			in[k] = 1;
		} else {
			cr_assert_eq(htab_del(t, key), in[k]);
			count -= in[k];
			in[k] = 0;
		}
		cr_assert_eq(htab_count(t), count);
		if (round % 20000 == 0) {
			uint64_t cursor = 0, sum = 0, want = 0, n = 0;
			for (; htab_each(t, &cursor, &v); n++)
				sum += v;
			for (uint64_t i = 0; i < KEYS; i++)
				want += in[i] ? i * 3 : 0;
			cr_assert_eq(n, count);
			cr_assert_eq(sum, want);
		}
	}
	htab_free(t);
}
