/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin rng: the generator of SP 800-90A against figures of another implementation, and the plugin's source. */
#include "plugins/rng/drbg.h"
#include "tests/unit/crypto_host.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

extern const struct plug_desc adit_plugin; /* of plugins/rng/plugin.c */

static struct crypto_host h;

static const void *find(void *arg, uint16_t kind, uint16_t id, uint16_t bits)
{
	(void)arg;
	return registry_find(h.reg, kind, id, bits);
}

static const char *reseed = "1048576";

static const char *conf(void *arg, const char *key)
{
	(void)arg;
	return strcmp(key, "reseed_bytes") == 0 ? reseed : "5m";
}

static const struct plug_host host = { .size = sizeof host, .find = find, .conf = conf };

static const struct rng_ops *open_rng(void **self)
{
	crypto_host_init(&h, ~0u);
	if (!find(NULL, PLUG_PRF, 7, 0))
		cr_skip_test("no plugin with HMAC-SHA2-512 is built");
	cr_assert_eq(adit_plugin.start(&host, self), 0);
	return adit_plugin.feats[0].ops;
}

Test(rng, generator_gives_the_figures_of_the_standard)
{
	static const uint8_t first[100] = { 0x4c, 0xdf, 0xc1, 0x62, 0xb7, 0x4c, 0xc2, 0xd7, 0xb6, 0x23, 0x6a, 0xff, 0x3c, 0x8c, 0x62, 0x68, 0xed, 0xf8,
		0xf8, 0xe2, 0x83, 0xdb, 0xda, 0x4b, 0x01, 0x4a, 0x50, 0x39, 0x03, 0x29, 0x16, 0x63, 0x49, 0x6f, 0x86, 0xce,
		0xd5, 0xb9, 0x1a, 0x7e, 0xd6, 0x1b, 0xbd, 0x24, 0x3d, 0x56, 0x8d, 0x19, 0x49, 0xe3, 0x52, 0x04, 0x02, 0x6a,
		0x9b, 0x36, 0x56, 0xb7, 0x18, 0x25, 0xf9, 0x8f, 0x05, 0x96, 0x62, 0xaa, 0xd9, 0x95, 0xb1, 0xba, 0xae, 0x5c,
		0xb3, 0x91, 0x8d, 0x40, 0x99, 0x48, 0x78, 0xf3, 0x91, 0xdc, 0xe5, 0xfb, 0x23, 0xc0, 0xfc, 0xf6, 0x39, 0x14,
		0x09, 0xc0, 0xd4, 0x89, 0xba, 0x6b, 0x09, 0x79, 0x02, 0x8d };
	static const uint8_t second[64] = { 0x6b, 0x89, 0xb5, 0x54, 0x91, 0xad, 0xd9, 0x85, 0x93, 0x58, 0x6d, 0xb7, 0xfd, 0xf1, 0xd8, 0x12, 0xd4, 0x9e,
		0x97, 0x5d, 0xe2, 0xec, 0x9a, 0xec, 0x79, 0xd9, 0xe7, 0xc5, 0x1c, 0xee, 0xfc, 0xd0, 0x5c, 0xb4, 0xb5, 0xf6,
		0x2a, 0xd8, 0x22, 0x6e, 0x17, 0x27, 0x0c, 0xa2, 0x12, 0x5e, 0x2b, 0xbe, 0xf9, 0xfb, 0xe5, 0x61, 0xf3, 0xcd,
		0x64, 0x43, 0x7c, 0x48, 0x61, 0x06, 0x95, 0x02, 0x6c, 0x39 };
	uint8_t seed[192], out[100];
	struct drbg d;

	crypto_host_init(&h, ~0u);
	const struct mac_ops *hmac = find(NULL, PLUG_PRF, 7, 0);
	if (!hmac)
		cr_skip_test("no plugin with HMAC-SHA2-512 is built");
	for (size_t i = 0; i < sizeof seed; i++)
		seed[i] = (uint8_t)i;
	cr_assert_eq(drbg_seed(&d, hmac, slice_of(seed, 96)), 0);
	cr_assert_eq(drbg_fill(&d, hmac, out, sizeof first), 0);
	cr_assert_arr_eq(out, first, sizeof first);
	cr_assert_eq(drbg_reseed(&d, hmac, slice_of(seed + 96, 96)), 0);
	cr_assert_eq(drbg_fill(&d, hmac, out, sizeof second), 0);
	cr_assert_arr_eq(out, second, sizeof second);
	cr_assert_eq(drbg_fill(&d, hmac, out, DRBG_REQUEST_MAX + 1), E_MISUSE);
	registry_free(h.reg);
}

Test(rng, another_hash_is_refused)
{
	struct drbg d;

	crypto_host_init(&h, ~0u);
	const struct mac_ops *hmac = find(NULL, PLUG_PRF, 5, 0);
	if (hmac)
		cr_assert_eq(drbg_seed(&d, hmac, SLICE_NONE), E_MISUSE);
	registry_free(h.reg);
}

static void *draw(void *out)
{
	const struct rng_ops *ops = adit_plugin.feats[0].ops;

	cr_assert_eq(ops->fill(out, 32), 0);
	return NULL;
}

Test(rng, threads_and_children_do_not_repeat)
{
	void *self;
	const struct rng_ops *ops = open_rng(&self);
	uint8_t got[4][32], child[32];
	pthread_t t[3];
	int fd[2];

	for (int i = 0; i < 3; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, draw, got[i]), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	cr_assert_eq(pipe(fd), 0);
	pid_t pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		bool ok = ops->fill(child, sizeof child) == 0 && write(fd[1], child, sizeof child) == (ssize_t)sizeof child;
		_exit(ok ? 0 : 1);
	}
	cr_assert_eq(ops->fill(got[3], 32), 0);
	cr_assert_eq(read(fd[0], child, sizeof child), (ssize_t)sizeof child);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 4; i++) {
		cr_assert_arr_neq(child, got[i], 32);
		for (int k = 0; k < i; k++)
			cr_assert_arr_neq(got[i], got[k], 32);
	}
	adit_plugin.stop(self);
	registry_free(h.reg);
}

Test(rng, long_requests_pass_a_new_seed)
{
	static uint8_t out[100000];
	void *self;
	size_t ones = 0;

	reseed = "1024";
	const struct rng_ops *ops = open_rng(&self);
	cr_assert_eq(ops->fill(out, sizeof out), 0);
	for (size_t i = 0; i < sizeof out; i++)
		ones += (size_t)__builtin_popcount(out[i]);
	/* Half of 800,000 bits within ten standard deviations. */
	cr_assert(ones > 395500 && ones < 404500, "%zu ones", ones);
	adit_plugin.stop(self);
	registry_free(h.reg);
}
