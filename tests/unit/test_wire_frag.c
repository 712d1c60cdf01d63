/* SPDX-License-Identifier: Apache-2.0 */
/* Reassembly of fragments: any order, duplicates, a new splitting, limits. */
#include "wire/frag.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static err_t add(struct frag_set *f, uint32_t mid, uint16_t n, uint16_t total, slice plain, slice *whole, uint8_t *first)
{
	struct wire_sk sk = { .frag = n, .total = total, .first = n == 1 ? PLD_IDI : PLD_NONE };
	return frag_add(f, mid, &sk, plain, whole, first);
}

Test(frag, any_order_gives_the_message)
{
	static const uint8_t orders[][3] = { { 1, 2, 3 }, { 1, 3, 2 }, { 2, 1, 3 }, { 2, 3, 1 }, { 3, 1, 2 }, { 3, 2, 1 } };
	static const slice parts[] = { SLICE_LIT("abc"), SLICE_LIT("defg"), SLICE_LIT("h") };
	struct frag_set f = { 0 };
	slice whole;
	uint8_t first;

	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		for (int k = 0; k < 3; k++) {
			cr_assert_eq(add(&f, 7, orders[i][k], 3, parts[orders[i][k] - 1], &whole, &first), 0);
			cr_assert_eq(whole.p != NULL, k == 2);
			/* The same again changes nothing. */
			if (k < 2)
				cr_assert_eq(add(&f, 7, orders[i][k], 3, SLICE_LIT("other"), &whole, &first), 0);
		}
		cr_assert(slice_equal(whole, SLICE_LIT("abcdefgh")));
		cr_assert_eq(first, PLD_IDI);
		cr_assert(!f.active);
		free((void *)whole.p);
	}
}

Test(frag, new_splitting_and_new_message_start_anew)
{
	struct frag_set f = { 0 };
	slice whole;
	uint8_t first;

	cr_assert_eq(add(&f, 7, 1, 2, SLICE_LIT("long"), &whole, &first), 0);
	cr_assert_eq(add(&f, 7, 1, 3, SLICE_LIT("a"), &whole, &first), 0);
	cr_assert_eq(f.total, 3);
	cr_assert_eq(add(&f, 7, 2, 2, SLICE_LIT("late"), &whole, &first), 0);
	cr_assert_eq(f.have, 1);
	cr_assert_eq(add(&f, 8, 1, 1, SLICE_NONE, &whole, &first), 0);
	cr_assert(whole.p && whole.n == 0);
	free((void *)whole.p);
	cr_assert(!f.active);
}

Test(frag, limits_hold)
{
	static uint8_t big[40000];
	struct frag_set f = { 0 };
	slice whole;
	uint8_t first;

	cr_assert_eq(add(&f, 7, 1, FRAG_MAX + 1, SLICE_LIT("a"), &whole, &first), E_TOO_MANY);
	cr_assert_eq(add(&f, 7, 0, 1, SLICE_LIT("a"), &whole, &first), E_SYNTAX);
	cr_assert_eq(add(&f, 7, 1, 3, slice_of(big, sizeof big), &whole, &first), 0);
	cr_assert_eq(add(&f, 7, 2, 3, slice_of(big, sizeof big), &whole, &first), E_TOO_MANY);
	cr_assert(!f.active && !f.v);
	frag_fini(&f);
}
