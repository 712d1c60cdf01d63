/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slab.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(slab, a_stale_handle_is_a_normal_answer)
{
	struct slab *s = slab_new(40, 0);
	handle h, again;

	cr_assert_null(slab_at(s, HANDLE_NONE));
	uint8_t *p = slab_get(s, &h);
	memset(p, 1, 40);
	cr_assert_eq(slab_at(s, h), p);
	slab_put(s, h);
	cr_assert_null(slab_at(s, h));
	slab_put(s, h);
	cr_assert_eq(slab_count(s), 0);
	uint8_t *q = slab_get(s, &again);
	cr_assert_eq(again.idx, h.idx, "the place is used again");
	cr_assert_not(handle_equal(again, h));
	for (int i = 0; i < 40; i++)
		cr_assert_eq(q[i], 0);
	cr_assert_null(slab_at(s, h));
	slab_free(s);
}

Test(slab, handles_stay_stale_when_their_chunk_was_given_back)
{
	enum { N = 5000 };
	struct slab *s = slab_new(100, 0);
	static handle old[N], now[N];

	for (int i = 0; i < N; i++)
		cr_assert_not_null(slab_get(s, &old[i]));
	for (int i = 0; i < N; i++)
		slab_put(s, old[i]);
	for (int i = 0; i < N; i++)
		cr_assert_not_null(slab_get(s, &now[i]));
	for (int i = 0; i < N; i++) {
		cr_assert_null(slab_at(s, old[i]));
		cr_assert_not_null(slab_at(s, now[i]));
	}
	slab_free(s);
}

Test(slab, the_bound_holds)
{
	struct slab *s = slab_new(8, 3);
	handle h[3], more;

	for (int i = 0; i < 3; i++)
		cr_assert_not_null(slab_get(s, &h[i]));
	cr_assert_null(slab_get(s, &more));
	slab_put(s, h[1]);
	cr_assert_not_null(slab_get(s, &more));
	slab_free(s);
}

Test(slab, walking_sees_every_live_object_once)
{
	enum { N = 3000 };
	struct slab *s = slab_new(sizeof(int), 0);
	handle h[N], at;
	uint32_t cursor = 0;
	int seen[N] = { 0 }, *p;

	for (int i = 0; i < N; i++)
		*(int *)slab_get(s, &h[i]) = i;
	for (int i = 0; i < N; i += 3)
		slab_put(s, h[i]);
	while ((p = slab_next(s, &cursor, &at))) {
		cr_assert_eq(slab_at(s, at), p);
		seen[*p]++;
		if (*p % 2)
			slab_put(s, at);
	}
	for (int i = 0; i < N; i++)
		cr_assert_eq(seen[i], i % 3 != 0);
	slab_free(s);
}

Test(slab, random_use_against_a_model)
{
	enum { N = 2000 };
	struct slab *s = slab_new(200, 0);
	static handle h[N];
	static uint8_t *at[N];

	srand(1);
	for (int round = 0; round < 200000; round++) {
		int i = rand() % N;
		if (at[i]) {
			cr_assert_eq(slab_at(s, h[i]), at[i]);
			cr_assert_eq(at[i][7], (uint8_t)i);
			slab_put(s, h[i]);
			at[i] = NULL;
		} else {
			at[i] = slab_get(s, &h[i]);
			at[i][7] = (uint8_t)i;
		}
	}
	slab_free(s);
}
