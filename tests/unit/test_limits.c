/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of use, pins, names of algorithms. */
#include "crypto/algs.h"
#include "crypto/limits.h"
#include "tests/unit/crypto_host.h"

Test(limits, end_a_key_of_a_small_block_early)
{
	cr_expect_leq(crypto_limit_of(3, true).bytes, (uint64_t)1 << 27);
	cr_expect_eq(crypto_limit_of(20, true).packets, (uint64_t)1 << 32);
	cr_expect_eq(crypto_limit_of(28, true).bytes, UINT64_MAX);
	cr_expect_eq(crypto_limit_of(28, true).packets, UINT64_MAX);
	cr_expect_eq(crypto_limit_of(28, false).packets, UINT32_MAX, "the sequence numbers end");
	cr_expect_eq(crypto_limit_of(20, false).packets, UINT32_MAX);
	cr_expect_eq(crypto_limit_hard(0, UINT64_MAX), 0, "none stays none");
	cr_expect_eq(crypto_limit_hard(5, 100), 5);
	cr_expect_eq(crypto_limit_hard(0, 100), 100);
	cr_expect_eq(crypto_limit_soft(0, 100), 75, "the rekey comes before the end");
	cr_expect_eq(crypto_limit_soft(90, 100), 75);
}

static const char *pin_gcm(void *arg, const char *name)
{
	return strcmp(name, "AES_GCM_16_128") == 0 ? arg : NULL;
}

struct seen {
	size_t n;
	bool gcm, weak_3des;
};

static void see(struct seen *s, const struct crypto_alg_row *row)
{
	s->n++;
	s->gcm |= strcmp(row->name, "AES_GCM_16_128") == 0 && row->rank == 1 && strcmp(row->why, "configured") == 0;
	s->weak_3des |= strcmp(row->name, "3DES_CBC") == 0 && row->weak;
}

Test(limits, pins_one_algorithm_to_a_plugin)
{
	struct crypto_host h;
	struct diag *why = NULL;
	struct seen seen = { 0 };
	struct crypto_alg_row row;
	size_t cursor = 0;

	crypto_host_init(&h, ~0u);
	const char *slow = h.desc[1] ? "crypto-gnutls" : NULL;
	CRYPTO_NEED(&h, slow && h.desc[0]);
	cr_assert_eq(crypto_pin_all(h.reg, pin_gcm, (void *)(uintptr_t)slow, NULL), 0);
	cr_expect_str_eq(registry_best(h.reg, PLUG_ENCR, 20, 128)->plugin->name, slow);
	while (crypto_algs_next(h.reg, &cursor, &row))
		see(&seen, &row);
	cr_expect_gt(seen.n, 100);
	cr_expect(seen.gcm);
	cr_expect(seen.weak_3des);
	cr_expect_eq(crypto_pin_all(h.reg, pin_gcm, (void *)(uintptr_t) "crypto-none", &why), E_NOT_FOUND);
	cr_expect_not_null(why);
	diag_free(&why);
	registry_free(h.reg);
}
