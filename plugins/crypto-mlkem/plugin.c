/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ML-KEM as key exchange methods 35, 36 and 37 (RFC 9370 and its registry): offer makes a key pair and sends the
 * encapsulation key, answer encapsulates, finish decapsulates. The lowest priority: a library that has it is taken.
 */
#include "plugin/abi.h"
#include "kats.h"
#include "mlkem.h"

struct ctx {
	uint8_t ek[MLKEM_EK_MAX], dk[MLKEM_DK_MAX];
};

static const struct plug_host *host;

static void wipe(void *p, size_t n)
{
	volatile uint8_t *v = p;

	while (n--)
		*v++ = 0;
}

static err_t offer(const struct mlkem_params *p, struct ctx *c, uint8_t *pub)
{
	uint8_t seed[MLKEM_SEED];

	if (host->random(host->h, seed, sizeof seed))
		return E_CRYPTO;
	mlkem_keygen(p, seed, c->ek, c->dk);
	memcpy(pub, c->ek, p->ek_len);
	wipe(seed, sizeof seed);
	return 0;
}

static err_t answer(const struct mlkem_params *p, slice ek, uint8_t *ct, uint8_t *ss)
{
	uint8_t m[MLKEM_RANDOM];

	if (ek.n != p->ek_len)
		return E_BAD_PUBLIC;
	if (host->random(host->h, m, sizeof m))
		return E_CRYPTO;
	err_t e = mlkem_encaps(p, ek.p, m, ct, ss);
	wipe(m, sizeof m);
	return e;
}

static err_t finish(const struct mlkem_params *p, struct ctx *c, slice ct, uint8_t *ss)
{
	return ct.n == p->ct_len ? mlkem_decaps(p, c->dk, ct.p, ss) : E_BAD_PUBLIC;
}

static err_t test_private(const struct mlkem_params *p, struct ctx *c, slice seed)
{
	if (seed.n == p->dk_len) {
		/* An expanded key: it holds the encapsulation key behind the secret vector. */
		memcpy(c->dk, seed.p, seed.n);
		memcpy(c->ek, seed.p + 384u * p->k, p->ek_len);
		return 0;
	}
	if (seed.n != MLKEM_SEED)
		return E_BAD_VALUE;
	mlkem_keygen(p, seed.p, c->ek, c->dk);
	return 0;
}

static err_t test_public(const struct mlkem_params *p, const struct ctx *c, uint8_t *pub)
{
	memcpy(pub, c->ek, p->ek_len);
	return 0;
}

static err_t test_answer(const struct mlkem_params *p, slice ek, slice m, uint8_t *ct, uint8_t *ss)
{
	if (ek.n != p->ek_len)
		return E_BAD_PUBLIC;
	return m.n == MLKEM_RANDOM ? mlkem_encaps(p, ek.p, m.p, ct, ss) : E_BAD_VALUE;
}

static err_t test_export(const struct mlkem_params *p, const struct ctx *c, uint8_t *out, size_t cap, size_t *n)
{
	if (cap < p->dk_len)
		return E_SPACE;
	memcpy(out, c->dk, p->dk_len);
	*n = p->dk_len;
	return 0;
}

static void fini(void *c)
{
	wipe(c, sizeof(struct ctx));
}

#define METHOD(bits, ek, ct) \
	static err_t offer_##bits(void *c, uint8_t *pub) { return offer(&mlkem_##bits, c, pub); } \
	static err_t answer_##bits(slice pub, uint8_t *out, uint8_t *ss) { return answer(&mlkem_##bits, pub, out, ss); } \
	static err_t finish_##bits(void *c, slice pub, uint8_t *ss) { return finish(&mlkem_##bits, c, pub, ss); } \
	static err_t private_##bits(void *c, slice seed) { return test_private(&mlkem_##bits, c, seed); } \
	static err_t public_##bits(void *c, uint8_t *pub) { return test_public(&mlkem_##bits, c, pub); } \
	static err_t test_##bits(slice pub, slice rnd, uint8_t *out, uint8_t *ss) \
	{ \
		return test_answer(&mlkem_##bits, pub, rnd, out, ss); \
	} \
	static err_t export_##bits(void *c, uint8_t *out, size_t cap, size_t *n) \
	{ \
		return test_export(&mlkem_##bits, c, out, cap, n); \
	} \
	static const struct kex_ops ops_##bits = { .size = sizeof(struct kex_ops), .pub_i_len = ek, .pub_r_len = ct, \
		.secret_len = MLKEM_SECRET, .ctx_size = sizeof(struct ctx), .offer = offer_##bits, .answer = answer_##bits, \
		.finish = finish_##bits, .fini = fini, .test_private = private_##bits, \
		.test_public = public_##bits, .test_answer = test_##bits, .test_export = export_##bits };
METHOD(512, 800, 768)
METHOD(768, 1184, 1088)
METHOD(1024, 1568, 1568)

static const struct plug_kat kat_512 = { .key = SLICE_LIT(KAT_SEED), .in = SLICE_LIT(KAT_512_CT), .out = SLICE_LIT(KAT_512_SS) };
static const struct plug_kat kat_768 = { .key = SLICE_LIT(KAT_SEED), .in = SLICE_LIT(KAT_768_CT), .out = SLICE_LIT(KAT_768_SS) };
static const struct plug_kat kat_1024 = { .key = SLICE_LIT(KAT_SEED), .in = SLICE_LIT(KAT_1024_CT), .out = SLICE_LIT(KAT_1024_SS) };

static const struct plug_feat_row feats[] = {
	{ .is = { PLUG_KEX, 35, 0 }, .prio = 10, .ops = &ops_512, .kats = &kat_512, .n_kats = 1 },
	{ .is = { PLUG_KEX, 36, 0 }, .prio = 10, .ops = &ops_768, .kats = &kat_768, .n_kats = 1 },
	{ .is = { PLUG_KEX, 37, 0 }, .prio = 10, .ops = &ops_1024, .kats = &kat_1024, .n_kats = 1 },
};

static err_t start(const struct plug_host *h, void **self)
{
	host = h;
	*self = NULL;
	return 0;
}

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "crypto-mlkem",
	.version = "1.0",
	.summary = "ML-KEM-512, -768 and -1024 (FIPS 203) in portable constant-time C",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
	.start = start,
};
