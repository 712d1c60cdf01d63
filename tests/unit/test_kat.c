/* SPDX-License-Identifier: Apache-2.0 */
/* The known-answer runner against toy algorithms that are right, wrong, or careless in one way each. */
#include "base/diag.h"
#include "plugin/kat.h"

#include <criterion/criterion.h>

/* A cipher that adds the key, and an ICV that is the sum of all. */
static int careless; /* 1: takes every ICV, 2: refuses keys, 3: decrypts wrongly */

static err_t toy_init(void *ctx, slice key, slice salt)
{
	(void)salt;
	*(uint8_t *)ctx = key.p[0];
	return careless == 2 ? E_CRYPTO : 0;
}

static uint8_t sum(const struct encr_op *v)
{
	uint8_t s = v->iv[0];

	for (size_t i = 0; i < v->aad.n; i++)
		s = (uint8_t)(s + v->aad.p[i]);
	for (size_t i = 0; i < v->len; i++)
		s = (uint8_t)(s + v->buf[i]);
	return s;
}

static void toy_seal(void *ctx, struct encr_op *v, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		for (size_t i = 0; i < v[k].len; i++)
			v[k].buf[i] = (uint8_t)(v[k].buf[i] + *(uint8_t *)ctx);
		*v[k].icv = sum(&v[k]);
		v[k].res = 0;
	}
}

static void toy_open(void *ctx, struct encr_op *v, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		v[k].res = careless == 1 || *v[k].icv == sum(&v[k]) ? 0 : E_INTEGRITY;
		for (size_t i = 0; i < v[k].len && careless != 3; i++)
			v[k].buf[i] = (uint8_t)(v[k].buf[i] - *(uint8_t *)ctx);
	}
}

static void toy_fini(void *ctx)
{
	*(uint8_t *)ctx = 0;
}

static const struct encr_ops encr = { .size = sizeof encr, .key_len = 1, .iv_len = 1, .icv_len = 1, .block_len = 1,
	.ctx_size = 1, .init = toy_init, .seal = toy_seal, .open = toy_open, .fini = toy_fini };
static const struct plug_kat good = { .key = { (const uint8_t *)"\1", 1 }, .iv = { (const uint8_t *)"\2", 1 },
	.aad = { (const uint8_t *)"\3", 1 }, .in = { (const uint8_t *)"ab", 2 }, .out = { (const uint8_t *)"bc\xca", 3 } };

static err_t run(const struct plug_feat_row *row, const char *want)
{
	struct diag *why = NULL;
	char buf[200];
	err_t e = kat_run(row, &why);

	if (want)
		cr_assert_str_eq(diag_text(why, e, buf, sizeof buf), want);
	diag_free(&why);
	return e;
}

Test(kat, ciphers)
{
	struct plug_kat k = good;
	struct plug_feat_row row = { .is = { PLUG_ENCR, 1, 8 }, .ops = &encr, .kats = &k, .n_kats = 1 };

	cr_assert_eq(run(&row, NULL), 0);
	cr_assert_gt(kat_speed(&row, 1), 0);
	k.out = slice_of("bd\xca", 3);
	cr_assert_eq(run(&row, "known-answer test 1: encryption gives another result"), E_KAT);
	k.out = slice_of("bc\xcb", 3);
	cr_assert_eq(run(&row, "known-answer test 1: encryption gives another result"), E_KAT);
	k = good;
	careless = 1;
	cr_assert_eq(run(&row, "known-answer test 1: a forged ICV is accepted"), E_KAT);
	careless = 2;
	cr_assert_eq(run(&row, "known-answer test 1: the key is refused"), E_KAT);
	cr_assert_eq(kat_speed(&row, 1), 0);
	careless = 3;
	cr_assert_eq(run(&row, "known-answer test 1: decryption gives another result"), E_KAT);
	careless = 0;
	k.key.n = 0;
	cr_assert_eq(run(&row, "known-answer test 1: its lengths do not fit the algorithm"), E_KAT);
	row.n_kats = 0;
	cr_assert_eq(run(&row, "it brings no known-answer test"), E_KAT);
	struct encr_ops odd = encr;
	odd.seal = NULL;
	row.ops = &odd;
	cr_assert_eq(run(&row, NULL), E_ABI);
	odd = encr;
	odd.ctx_size = 1u << 30;
	cr_assert_eq(run(&row, NULL), E_ABI);
	row.ops = NULL;
	cr_assert_eq(run(&row, NULL), E_ABI);
}

/* An exchange over addition: public is private + 1, the secret the sum of both privates (mod 256). */
static bool disagree;

static err_t kex_offer(void *ctx, uint8_t *pub)
{
	*(uint8_t *)ctx = 40;
	*pub = 41;
	return 0;
}

static err_t kex_answer(slice pub_i, uint8_t *pub_r, uint8_t *ss)
{
	*pub_r = 3;
	*ss = (uint8_t)(pub_i.p[0] - 1 + 2 + disagree);
	return 0;
}

static err_t kex_finish(void *ctx, slice pub_r, uint8_t *ss)
{
	*ss = (uint8_t)(*(uint8_t *)ctx + pub_r.p[0] - 1);
	return 0;
}

static err_t kex_private(void *ctx, slice priv)
{
	*(uint8_t *)ctx = priv.p[0];
	return 0;
}

Test(kat, key_exchanges)
{
	struct kex_ops ops = { .size = sizeof ops, .pub_i_len = 1, .pub_r_len = 1, .secret_len = 1, .ctx_size = 1,
		.offer = kex_offer, .answer = kex_answer, .finish = kex_finish, .fini = toy_fini, .test_private = kex_private };
	struct plug_kat k = { .key = SLICE_LIT("\5"), .in = SLICE_LIT("\7"), .out = SLICE_LIT("\x0b") };
	struct plug_feat_row row = { .is = { PLUG_KEX, 1, 0 }, .ops = &ops, .kats = &k, .n_kats = 1 };

	cr_assert_eq(run(&row, NULL), 0);
	cr_assert_gt(kat_speed(&row, 1), 0);
	k.out = SLICE_LIT("\x0c");
	cr_assert_eq(run(&row, "known-answer test 1: gives another secret"), E_KAT);
	row.n_kats = 0;
	cr_assert_eq(run(&row, NULL), 0, "without answers both sides have to agree");
	disagree = true;
	cr_assert_eq(run(&row, "known-answer test: both sides of an exchange come to different secrets"), E_KAT);
	ops.test_private = NULL;
	row.n_kats = 1;
	cr_assert_eq(run(&row, NULL), E_KAT);
	disagree = false;
	cr_assert_eq(run(&row, NULL), 0);
}

static err_t forgetful_mac(void *ctx, const slice *v, size_t n, uint8_t *out)
{
	*out = *(uint8_t *)ctx;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < v[i].n; j++)
			*out ^= v[i].p[j];
	*(uint8_t *)ctx = 99;
	return 0;
}

static err_t mac_init(void *ctx, slice key)
{
	*(uint8_t *)ctx = key.p[0];
	return 0;
}

Test(kat, a_mac_whose_context_serves_once)
{
	static const struct mac_ops ops = { .size = sizeof ops, .key_len = 1, .out_len = 1, .ctx_size = 1, .init = mac_init,
		.mac = forgetful_mac, .fini = toy_fini };
	struct plug_kat k = { .key = SLICE_LIT("\1"), .in = SLICE_LIT("\2\4"), .out = SLICE_LIT("\7") };
	struct plug_feat_row row = { .is = { PLUG_PRF, 1, 0 }, .ops = &ops, .kats = &k, .n_kats = 1 };

	cr_assert_eq(run(&row, "known-answer test 1: gives another result"), E_KAT);
}
