/* SPDX-License-Identifier: Apache-2.0 */
/* The crypto plugins: published figures, and each against every other on random input. */
#include "plugin/kat.h"
#include "plugins/crypto-common/modp_primes.h"
#include "tests/unit/crypto_host.h"

#include <pthread.h>

enum { LEN_MAX = 700, AAD_MAX = 40 };

static void fill(uint8_t *p, size_t n)
{
	for (size_t done = 0; done < n; done += 256)
		cr_assert_eq(crypto_host_random(NULL, p + done, n - done < 256 ? n - done : 256), 0);
}

Test(crypto_plugins, give_the_published_figures)
{
	struct crypto_host h;
	crypto_host_init(&h, ~0u);
	for (size_t i = 0; i < CRYPTO_PLUGINS; i++)
		for (size_t f = 0; h.desc[i] && f < h.desc[i]->n_feats; f++) {
			const struct plug_feat_row *r = &h.desc[i]->feats[f];
			cr_expect_gt(r->n_kats, 0, "%s offers %s %u without a test", h.desc[i]->name,
				plug_kind_name(r->is.kind), r->is.id);
			struct diag *why = NULL;
			cr_expect_eq(kat_run(r, &why), 0, "%s: %s %u/%u: %s", h.desc[i]->name, plug_kind_name(r->is.kind),
				r->is.id, r->is.arg, why ? why->text : "");
			diag_free(&why);
		}
	registry_free(h.reg);
}

/* Calls f for every pair of different plugins that offer the same. */
static void each_pair(const struct crypto_host *h, uint16_t kind,
	void (*f)(const struct plug_feat_row *a, const struct plug_feat_row *b))
{
	for (size_t i = 0; i < CRYPTO_PLUGINS; i++)
		for (size_t k = 0; h->desc[i] && k < h->desc[i]->n_feats; k++) {
			const struct plug_feat_row *r = &h->desc[i]->feats[k];
			for (size_t j = 0; r->is.kind == kind && j < CRYPTO_PLUGINS; j++) {
				const struct reg_feat *o = i != j && h->desc[j] ?
					registry_of(h->reg, h->desc[j]->name, kind, r->is.id, r->is.arg) : NULL;
				if (o)
					f(r, o->row);
			}
		}
}

static void encr_pair(const struct plug_feat_row *ra, const struct plug_feat_row *rb)
{
	const struct encr_ops *a = ra->ops, *b = rb->ops;
	struct crypto_ctx ca, cb;
	uint8_t key[CRYPTO_KEY_MAX], iv[16], aad[AAD_MAX], plain[LEN_MAX], one[LEN_MAX], two[LEN_MAX], icv[16], icv2[16];

	cr_assert_eq(a->key_len, b->key_len);
	cr_assert_eq(a->salt_len, b->salt_len);
	cr_assert_eq(a->iv_len, b->iv_len);
	cr_assert_eq(a->icv_len, b->icv_len);
	cr_assert_eq(a->block_len, b->block_len);
	fill(key, sizeof key);
	cr_assert_eq(a->init(ca.b, slice_of(key, a->key_len), slice_of(key + a->key_len, a->salt_len)), 0);
	cr_assert_eq(b->init(cb.b, slice_of(key, a->key_len), slice_of(key + a->key_len, a->salt_len)), 0);
	for (size_t len = 0; len < LEN_MAX; len += a->block_len == 1 ? 1 + len / 16 : a->block_len) {
		fill(iv, sizeof iv);
		fill(aad, sizeof aad);
		fill(plain, len);
		memcpy(one, plain, len);
		memcpy(two, plain, len);
		struct encr_op x = { .iv = iv, .aad = slice_of(aad, len % AAD_MAX), .buf = one, .len = len, .icv = icv };
		struct encr_op y = { .iv = iv, .aad = slice_of(aad, len % AAD_MAX), .buf = two, .len = len, .icv = icv2 };
		a->seal(ca.b, &x, 1);
		b->seal(cb.b, &y, 1);
		cr_assert_eq(x.res, 0);
		cr_assert_eq(y.res, 0);
		cr_assert_arr_eq(one, two, len);
		cr_assert_arr_eq(icv, icv2, a->icv_len);
		b->open(cb.b, &x, 1);
		cr_assert_eq(x.res, 0);
		cr_assert_arr_eq(one, plain, len);
		if (!a->icv_len)
			continue;
		icv2[len % a->icv_len] ^= (uint8_t)(1u << len % 8);
		a->open(ca.b, &y, 1);
		cr_assert_eq(y.res, E_INTEGRITY, "%u/%u, %zu bytes: a wrong ICV is not seen", ra->is.id, ra->is.arg, len);
	}
	a->fini(ca.b);
	b->fini(cb.b);
}

static void mac_pair(const struct plug_feat_row *ra, const struct plug_feat_row *rb)
{
	const struct mac_ops *a = ra->ops, *b = rb->ops;
	uint8_t key[200], in[LEN_MAX], x[CRYPTO_MAC_MAX], y[CRYPTO_MAC_MAX];

	cr_assert_eq(a->out_len, b->out_len);
	cr_assert_eq(a->key_len, b->key_len);
	fill(key, sizeof key);
	fill(in, sizeof in);
	for (size_t len = 0; len < LEN_MAX; len += 1 + len / 8) {
		const slice whole = slice_of(in, len);
		const slice parts[] = { slice_of(in, len / 3), SLICE_NONE, slice_of(in + len / 3, len - len / 3) };
		const slice k = slice_of(key, ra->is.kind == PLUG_PRF ? len % sizeof key : a->key_len);
		struct crypto_ctx ctx;
		cr_assert_eq(crypto_mac(a, k, &whole, 1, x), 0);
		cr_assert_eq(b->init(ctx.b, k), 0);
		for (int again = 0; again < 2; again++) {
			cr_assert_eq(b->mac(ctx.b, parts, ARRAY_LEN(parts), y), 0);
			cr_assert_arr_eq(x, y, a->out_len);
		}
		b->fini(ctx.b);
	}
}

static void hash_pair(const struct plug_feat_row *ra, const struct plug_feat_row *rb)
{
	const struct hash_ops *a = ra->ops, *b = rb->ops;
	uint8_t in[LEN_MAX], x[CRYPTO_MAC_MAX], y[CRYPTO_MAC_MAX];

	cr_assert_eq(a->out_len, b->out_len);
	fill(in, sizeof in);
	for (size_t len = 0; len < LEN_MAX; len += 7) {
		const slice whole = slice_of(in, len), parts[] = { slice_of(in, len / 2), slice_of(in + len / 2, len - len / 2) };
		cr_assert_eq(a->digest(&whole, 1, x), 0);
		cr_assert_eq(b->digest(parts, 2, y), 0);
		cr_assert_arr_eq(x, y, a->out_len);
	}
}

static void kex_pair(const struct plug_feat_row *ra, const struct plug_feat_row *rb)
{
	const struct kex_ops *a = ra->ops, *b = rb->ops;
	struct crypto_ctx ctx;
	uint8_t pub_i[CRYPTO_PUB_MAX], pub_r[CRYPTO_PUB_MAX], x[CRYPTO_SS_MAX], y[CRYPTO_SS_MAX];

	cr_assert_eq(a->pub_i_len, b->pub_i_len);
	cr_assert_eq(a->secret_len, b->secret_len);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(a->offer(ctx.b, pub_i), 0);
		cr_assert_eq(b->answer(slice_of(pub_i, b->pub_i_len), pub_r, y), 0);
		cr_assert_eq(a->finish(ctx.b, slice_of(pub_r, a->pub_r_len), x), 0);
		cr_assert_arr_eq(x, y, a->secret_len);
		a->fini(ctx.b);
	}
}

#define EACH_PAIR(name, kind, f) \
	Test(crypto_plugins, name) \
	{ \
		struct crypto_host h; \
		crypto_host_init(&h, ~0u); \
		each_pair(&h, kind, f); \
		registry_free(h.reg); \
	}

EACH_PAIR(seal_what_the_others_open, PLUG_ENCR, encr_pair)
EACH_PAIR(agree_on_integrity, PLUG_INTEG, mac_pair)
EACH_PAIR(agree_on_prfs, PLUG_PRF, mac_pair)
EACH_PAIR(agree_on_hashes, PLUG_HASH, hash_pair)
EACH_PAIR(exchange_keys_with_each_other, PLUG_KEX, kex_pair)

/* Public values no honest peer sends: RFC 6989, RFC 8031 section 3. */
static void expect_refused(const struct plug_desc *d, const struct kex_ops *o, const uint8_t *pub, size_t n,
	const char *what)
{
	struct crypto_ctx ctx;
	uint8_t own[CRYPTO_PUB_MAX], ss[CRYPTO_SS_MAX];

	cr_assert_eq(o->offer(ctx.b, own), 0);
	cr_expect_eq(o->finish(ctx.b, slice_of(pub, n), ss), E_BAD_PUBLIC, "%s takes %s", d->name, what);
	cr_expect_eq(o->answer(slice_of(pub, n), own, ss), E_BAD_PUBLIC, "%s answers %s", d->name, what);
	o->fini(ctx.b);
}

/* Points of small order of Curve25519 (RFC 7748 section 6.1 lets the secret be all zero for them). */
static const char *const small_order[] = {
	"\xe0\xeb\x7a\x7c\x3b\x41\xb8\xae\x16\x56\xe3\xfa\xf1\x9f\xc4\x6a\xda\x09\x8d\xeb\x9c\x32\xb1\xfd\x86\x62\x05\x16"
	"\x5f\x49\xb8\x00",
	"\x5f\x9c\x95\xbc\xa3\x50\x8c\x24\xb1\xd0\xb1\x55\x9c\x83\xef\x5b\x04\x44\x5c\xc4\x58\x1c\x8e\x86\xd8\x22\x4e\xdd"
	"\xd0\x9f\x11\x57",
	"\xec\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	"\xff\xff\xff\x7f",
	"\xed\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	"\xff\xff\xff\x7f",
};

Test(crypto_plugins, refuse_bad_public_values)
{
	struct crypto_host h;
	uint8_t pub[CRYPTO_PUB_MAX];

	crypto_host_init(&h, ~0u);
	for (size_t i = 0; i < CRYPTO_PLUGINS; i++)
		for (size_t k = 0; h.desc[i] && k < h.desc[i]->n_feats; k++) {
			const struct plug_feat_row *r = &h.desc[i]->feats[k];
			const struct kex_ops *o = r->ops;
			if (r->is.kind != PLUG_KEX)
				continue;
			memset(pub, 0, sizeof pub);
			expect_refused(h.desc[i], o, pub, o->pub_i_len, "zero");
			expect_refused(h.desc[i], o, pub, 0, "an empty value");
			pub[o->pub_i_len - 1] = 1;
			if (r->is.id != 31 && r->is.id != 32)
				expect_refused(h.desc[i], o, pub, o->pub_i_len, "one");
			memset(pub, 0xff, sizeof pub);
			if (r->is.id != 31 && r->is.id != 32)
				expect_refused(h.desc[i], o, pub, o->pub_i_len, "a number over the prime");
			memcpy(pub, r->kats[0].in.p, o->pub_i_len);
			expect_refused(h.desc[i], o, pub, o->pub_i_len - 1u, "a value that is too short");
			expect_refused(h.desc[i], o, pub, o->pub_i_len + 1u, "a value that is too long");
			pub[o->pub_i_len - 1] ^= 1;
			if (r->is.id >= 19 && r->is.id <= 30 && (r->is.id < 22 || r->is.id > 24))
				expect_refused(h.desc[i], o, pub, o->pub_i_len, "a point that is not on the curve");
			for (size_t s = 0; r->is.id == 31 && s < ARRAY_LEN(small_order); s++)
				expect_refused(h.desc[i], o, (const uint8_t *)small_order[s], 32, "a point of small order");
		}
	registry_free(h.reg);
}

Test(crypto_plugins, refuse_the_value_of_order_two)
{
	static const struct {
		uint16_t id;
		const uint8_t *p;
	} groups[] = { { 14, modp2048_p }, { 15, modp3072_p }, { 16, modp4096_p } };
	struct crypto_host h;
	uint8_t pub[CRYPTO_PUB_MAX];

	crypto_host_init(&h, ~0u);
	for (size_t i = 0; i < CRYPTO_PLUGINS; i++)
		for (size_t g = 0; h.desc[i] && g < ARRAY_LEN(groups); g++) {
			const struct reg_feat *f = registry_of(h.reg, h.desc[i]->name, PLUG_KEX, groups[g].id, 0);
			if (!f)
				continue;
			const struct kex_ops *o = f->row->ops;
			memcpy(pub, groups[g].p, o->pub_i_len);
			expect_refused(h.desc[i], o, pub, o->pub_i_len, "the prime");
			pub[o->pub_i_len - 1] &= 0xfe;
			expect_refused(h.desc[i], o, pub, o->pub_i_len, "the prime less one");
		}
	registry_free(h.reg);
}

static void *work(void *arg)
{
	const struct crypto_host *h = arg;
	each_pair(h, PLUG_ENCR, encr_pair);
	each_pair(h, PLUG_PRF, mac_pair);
	each_pair(h, PLUG_HASH, hash_pair);
	each_pair(h, PLUG_KEX, kex_pair);
	return NULL;
}

Test(crypto_plugins, work_from_several_threads)
{
	struct crypto_host h;
	pthread_t thread[4];

	crypto_host_init(&h, ~0u);
	for (size_t i = 0; i < ARRAY_LEN(thread); i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, work, &h), 0);
	for (size_t i = 0; i < ARRAY_LEN(thread); i++)
		pthread_join(thread[i], NULL);
	registry_free(h.reg);
}

Test(crypto_plugins, refuse_wrong_lengths_of_keys)
{
	struct crypto_host h;
	struct crypto_ctx ctx;
	static const uint8_t key[CRYPTO_KEY_MAX + 1];

	crypto_host_init(&h, ~0u);
	for (size_t i = 0; i < CRYPTO_PLUGINS; i++)
		for (size_t k = 0; h.desc[i] && k < h.desc[i]->n_feats; k++) {
			const struct plug_feat_row *r = &h.desc[i]->feats[k];
			const struct encr_ops *o = r->ops;
			if (r->is.kind != PLUG_ENCR)
				continue;
			cr_expect_eq(o->init(ctx.b, slice_of(key, o->key_len + 1u), slice_of(key, o->salt_len)), E_MISUSE);
			cr_expect_eq(o->init(ctx.b, slice_of(key, o->key_len), slice_of(key, o->salt_len + 1u)), E_MISUSE);
		}
	registry_free(h.reg);
}
