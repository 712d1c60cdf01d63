/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

Test(secret, life_of_one)
{
	struct secret a, b = { 0 };

	cr_assert_eq(secret_copy(&a, SLICE_LIT("0123456789")), 0);
	cr_assert(slice_equal(secret_slice(&a), SLICE_LIT("0123456789")));
	secret_move(&b, &a);
	cr_assert_null(a.p);
	secret_trim(&b, 4);
	cr_assert(slice_equal(secret_slice(&b), SLICE_LIT("0123")));
	secret_fini(&b);
	secret_fini(&b);
	cr_assert_eq(secret_init(&a, 0), 0);
	secret_fini(&a);
}

Test(secret, sizes_are_zeroed_apart_and_reusable)
{
	static struct secret s[4000];

	for (int round = 0; round < 2; round++) {
		for (size_t n = 0; n < ARRAY_LEN(s); n++) {
			cr_assert_eq(secret_init(&s[n], n), 0);
			cr_assert_eq((uintptr_t)s[n].p % 16, 0);
			for (size_t i = 0; i < n; i++)
				cr_assert_eq(s[n].p[i], 0);
			if (n)
				memset(s[n].p, (int)n, n);
		}
		for (size_t n = 0; n < ARRAY_LEN(s); n++) {
			for (size_t i = 0; i < n; i++)
				cr_assert_eq(s[n].p[i], (uint8_t)n);
			secret_fini(&s[n]);
		}
	}
	cr_assert_eq(secret_init(&s[0], 3 << 20), 0);
	s[0].p[(3 << 20) - 1] = 1;
	secret_fini(&s[0]);
}

static size_t resident_kib(void)
{
	char line[128];
	size_t kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (fgets(line, sizeof line, f))
		if (sscanf(line, "VmRSS: %zu", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* A gateway with 100,000 SAs: the pool costs little more than the secrets themselves, and gives back. */
Test(secret, a_hundred_thousand_are_compact)
{
	enum { N = 100000, EACH = 150 };
	struct secret *s = calloc(N, sizeof *s);
	memset(s, 1, N * sizeof *s);
	size_t before = resident_kib();

	for (size_t i = 0; i < N; i++) {
		cr_assert_eq(secret_init(&s[i], EACH), 0);
		s[i].p[0] = 1;
	}
	size_t used = resident_kib() - before;
#ifndef __SANITIZE_ADDRESS__
	cr_assert_lt(used, N * EACH * 12 / 10 / 1024, "%zu KiB", used);
#else
	(void)used;
#endif
	for (size_t i = 0; i < N; i++)
		secret_fini(&s[i]);
	free(s);
}

static void *churn(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	struct secret s[64] = { 0 };

	for (int i = 0; i < 20000; i++) {
		struct secret *x = &s[rand_r(&seed) % 64];
		secret_fini(x);
		if (secret_init(x, (size_t)rand_r(&seed) % 3000))
			return (void *)1;
		if (x->n)
			x->p[x->n - 1] = 1;
	}
	for (size_t i = 0; i < 64; i++)
		secret_fini(&s[i]);
	return NULL;
}

Test(secret, any_thread)
{
	pthread_t t[4];
	void *bad;

	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, churn, (void *)i);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &bad);
		cr_assert_null(bad);
	}
}

Test(secret, comparing)
{
	cr_assert(mem_equal_ct("abc", "abc", 3));
	cr_assert_not(mem_equal_ct("abc", "abd", 3));
	cr_assert_not(mem_equal_ct("abc", "bbc", 3));
	cr_assert(mem_equal_ct("a", "b", 0));
}
