/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <criterion/criterion.h>

Test(arena, pieces_are_zero_aligned_and_apart)
{
	struct arena a;

	arena_init(&a, 1 << 20);
	uint8_t *last = NULL;
	for (size_t n = 0; n < 200; n++) {
		uint8_t *p = arena_get(&a, n);
		cr_assert_not_null(p);
		cr_assert_eq((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n; i++)
			cr_assert_eq(p[i], 0);
		memset(p, 0xff, n);
		cr_assert_neq(p, last);
		last = p;
	}
	arena_fini(&a);
}

Test(arena, the_limit_holds_and_a_reset_gives_it_back)
{
	struct arena a;

	arena_init(&a, 10000);
	cr_assert_not_null(arena_get(&a, 9000));
	cr_assert_null(arena_get(&a, 1001));
	cr_assert_not_null(arena_get(&a, 1000));
	cr_assert_null(arena_get(&a, 1));
	cr_assert_null(arena_get(&a, SIZE_MAX));
	for (int i = 0; i < 3; i++) {
		arena_reset(&a);
		cr_assert_eq(a.used_bytes, 0);
		cr_assert_not_null(arena_get(&a, 10000));
	}
	arena_fini(&a);
}

Test(arena, text_and_copies)
{
	struct arena a;

	arena_init(&a, 100000);
	cr_assert_str_eq(arena_fmt(&a, "%s-%d", "x", 7), "x-7");
	cr_assert_str_eq(arena_str(&a, SLICE_LIT("abc")), "abc");
	cr_assert_str_eq(arena_str(&a, SLICE_NONE), "");
	cr_assert(slice_equal(arena_slice(&a, SLICE_LIT("bytes")), SLICE_LIT("bytes")));
	cr_assert_eq(arena_slice(&a, SLICE_NONE).n, 0);
	arena_fini(&a);
}
