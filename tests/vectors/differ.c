/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every crypto plugin against every other on random input: differ PLUGIN-DIR [INPUTS [SECONDS]]. Each algorithm that
 * several plugins offer gets INPUTS inputs (10,000); the first plugin computes, the others have to agree, and open what
 * it sealed. An algorithm whose turn takes longer than SECONDS (2; 0 no limit: key exchange in large groups) is cut and
 * the line says how many inputs it got. One TAP line per algorithm; exit status 1 when a pair differs.
 */
#include "crypto/crypto.h"
#include "crypto/suite.h"
#include "plugin/loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LEN_MAX = 2048, AAD_MAX = 64, PROVIDERS = 8, INPUTS = 10000, SECONDS = 2 };

static uint64_t state[2] = { 0x9e3779b97f4a7c15u, 0xbf58476d1ce4e5b9u };

/* Repeatable input, not random numbers for keys: xorshift128+. */
static uint64_t next(void)
{
	uint64_t a = state[0], b = state[1];
	state[0] = b;
	a ^= a << 23;
	state[1] = a ^ b ^ a >> 17 ^ b >> 26;
	return state[1] + b;
}

static void fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(next() >> 24);
}

struct round {
	const void *ops[PROVIDERS];
	size_t n;
	uint16_t kind;
};

static bool encr_agree(const struct round *r)
{
	const struct encr_ops *a = r->ops[0];
	struct crypto_ctx ca, cb;
	uint8_t key[CRYPTO_KEY_MAX], iv[16], aad[AAD_MAX], plain[LEN_MAX], one[LEN_MAX], two[LEN_MAX], icv[16] = { 0 },
		icv2[16] = { 0 };
	size_t len = next() % LEN_MAX / a->block_len * a->block_len, n_aad = next() % AAD_MAX;
	bool same = true;

	fill(key, sizeof key);
	fill(iv, sizeof iv);
	fill(aad, n_aad);
	fill(plain, len);
	memcpy(one, plain, len);
	struct encr_op x = { .iv = iv, .aad = slice_of(aad, a->icv_len ? n_aad : 0), .buf = one, .len = len, .icv = icv };
	if (a->init(ca.b, slice_of(key, a->key_len), slice_of(key + a->key_len, a->salt_len)))
		return false;
	a->seal(ca.b, &x, 1);
	same = !x.res;
	for (size_t i = 1; i < r->n && same; i++) {
		const struct encr_ops *b = r->ops[i];
		struct encr_op y = { .iv = iv, .aad = x.aad, .buf = two, .len = len, .icv = icv2 };
		if (b->key_len != a->key_len || b->salt_len != a->salt_len ||
		    b->init(cb.b, slice_of(key, a->key_len), slice_of(key + a->key_len, a->salt_len)))
			return false;
		memcpy(two, plain, len);
		b->seal(cb.b, &y, 1);
		same = !y.res && memcmp(one, two, len) == 0 && memcmp(icv, icv2, a->icv_len) == 0;
		memcpy(two, one, len);
		memcpy(icv2, icv, sizeof icv);
		b->open(cb.b, &y, 1);
		same = same && !y.res && memcmp(two, plain, len) == 0;
		if (a->icv_len) {
			memcpy(two, one, len);
			icv2[next() % a->icv_len] ^= (uint8_t)(1u << next() % 8);
			b->open(cb.b, &y, 1);
			same = same && y.res == E_INTEGRITY;
		}
		b->fini(cb.b);
	}
	a->fini(ca.b);
	return same;
}

static bool mac_agree(const struct round *r)
{
	const struct mac_ops *a = r->ops[0];
	uint8_t key[256], in[LEN_MAX], x[CRYPTO_MAC_MAX], y[CRYPTO_MAC_MAX];
	size_t len = next() % LEN_MAX, at = len ? next() % len : 0;
	const slice k = slice_of(key, r->kind == PLUG_PRF ? next() % sizeof key : a->key_len);
	const slice whole = slice_of(in, len), parts[] = { slice_of(in, at), slice_of(in + at, len - at) };

	fill(key, sizeof key);
	fill(in, len);
	if (crypto_mac(a, k, &whole, 1, x))
		return false;
	for (size_t i = 1; i < r->n; i++)
		if (crypto_mac(r->ops[i], k, parts, 2, y) || memcmp(x, y, a->out_len) != 0)
			return false;
	return true;
}

static bool hash_agree(const struct round *r)
{
	const struct hash_ops *a = r->ops[0];
	uint8_t in[LEN_MAX], x[CRYPTO_MAC_MAX], y[CRYPTO_MAC_MAX];
	size_t len = next() % LEN_MAX, at = len ? next() % len : 0;
	const slice whole = slice_of(in, len), parts[] = { slice_of(in, at), slice_of(in + at, len - at) };

	fill(in, len);
	if (a->digest(&whole, 1, x))
		return false;
	for (size_t i = 1; i < r->n; i++) {
		const struct hash_ops *b = r->ops[i];
		if (b->digest(parts, 2, y) || memcmp(x, y, a->out_len) != 0)
			return false;
	}
	return true;
}

/* Each in turn begins, the next one answers. */
static bool kex_agree(const struct round *r)
{
	static uint8_t pub_i[CRYPTO_PUB_MAX], pub_r[CRYPTO_PUB_MAX], x[CRYPTO_SS_MAX], y[CRYPTO_SS_MAX];
	static unsigned turn;
	const struct kex_ops *a = r->ops[turn % r->n], *b = r->ops[(turn + 1) % r->n];
	struct crypto_ctx ctx;

	turn++;
	bool same = a->offer(ctx.b, pub_i) == 0 && b->answer(slice_of(pub_i, b->pub_i_len), pub_r, y) == 0 &&
		a->finish(ctx.b, slice_of(pub_r, a->pub_r_len), x) == 0 && memcmp(x, y, a->secret_len) == 0;
	a->fini(ctx.b);
	return same;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static const char *name_of(const struct plug_feat *f, char buf[64])
{
	static const uint8_t type[] = { [PLUG_ENCR] = SUITE_ENCR, [PLUG_INTEG] = SUITE_INTEG, [PLUG_PRF] = SUITE_PRF,
		[PLUG_KEX] = SUITE_KE };
	char alg[32];
	if (f->kind == PLUG_HASH)
		snprintf(buf, 64, "hash %u", f->id);
	else
		snprintf(buf, 64, "%s%s%.0u", suite_alg_name(type[f->kind], f->id, alg), f->arg ? "_" : "", f->arg);
	return buf;
}

int main(int argc, char **argv)
{
	static bool (*const agree[])(const struct round *) = { [PLUG_ENCR] = encr_agree, [PLUG_INTEG] = mac_agree,
		[PLUG_PRF] = mac_agree, [PLUG_HASH] = hash_agree, [PLUG_KEX] = kex_agree };
	const char *dir = argc > 1 ? argv[1] : ".libs";
	long inputs = argc > 2 ? atol(argv[2]) : INPUTS;
	double seconds = argc > 3 ? atof(argv[3]) : SECONDS;
	struct log *log = log_new();
	struct plug_services services = { .log = log, .reg = registry_new() };
	struct loader *l = NULL;
	const struct reg_feat *f;
	size_t cursor = 0;
	int line = 0, wrong = 0;

	if (!log || !services.reg || loader_new(&services, &l, NULL) || loader_open(l, dir, NULL, NULL)) {
		fprintf(stderr, "differ: no plugins in %s\n", dir);
		return 2;
	}
	loader_keep_only(l, PLUG_KERNEL_SA, NULL);
	loader_start(l, 0, NULL);
	f = registry_each_feat(services.reg, 0, &cursor);
	while (f) {
		struct round r = { .kind = f->is.kind };
		const struct plug_feat is = f->is;
		char name[64];
		for (; f && f->is.kind == is.kind && f->is.id == is.id && f->is.arg == is.arg;
		     f = registry_each_feat(services.reg, 0, &cursor))
			if (f->offered && r.n < PROVIDERS)
				r.ops[r.n++] = f->row->ops;
		if (r.n < 2 || is.kind >= ARRAY_LEN(agree) || !agree[is.kind])
			continue;
		double end = now() + seconds;
		long i = 0;
		bool same = true;
		for (; i < inputs && same && (seconds <= 0 || i < 10 || now() < end); i++)
			same = agree[is.kind](&r);
		wrong += !same;
		printf("%sok %d - %s %s: %zu plugins %s on %ld inputs\n", same ? "" : "not ", ++line, plug_kind_name(is.kind),
			name_of(&is, name), r.n, same ? "agree" : "differ", i);
	}
	printf("1..%d\n", line);
	loader_free(l);
	registry_free(services.reg);
	log_free(log);
	return wrong || !line;
}
