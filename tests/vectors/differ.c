/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every crypto plugin against every other on random input: differ PLUGIN-DIR [INPUTS [SECONDS [WORKERS]]]. Each
 * algorithm that several plugins offer gets INPUTS inputs (10,000); what one computes all others have to compute, open
 * what it sealed, verify what it signed and refuse what was changed. SECONDS (0: no limit) cuts an algorithm that takes
 * longer, and its line then says how many inputs it got. WORKERS processes (2) share the algorithms. One TAP line per
 * algorithm; exit status 1 when a pair differs.
 */
#include "crypto/algs.h"
#include "crypto/crypto.h"
#include "plugin/loader.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LEN_MAX = 2048, AAD_MAX = 64, PROVIDERS = 8, INPUTS = 10000, ALGS_MAX = 512, ALL_PAIRS = 8, SIG_MAX = 4096 };

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

/* One algorithm. */
struct round {
	struct plug_feat is;
	const void *ops[PROVIDERS];
	const struct plug_feat_row *row[PROVIDERS];
	const char *plugin[PROVIDERS];
	size_t n;
	unsigned turn;             /* inputs so far */
	struct crypto_ctx ctx[PROVIDERS], public[PROVIDERS]; /* signatures: loaded keys */
	uint8_t pub[CRYPTO_PUB_MAX]; /* key exchange: the peer's value */
};

static bool encr_agree(struct round *r)
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

static bool mac_agree(struct round *r)
{
	const struct mac_ops *a = r->ops[0];
	uint8_t key[256], in[LEN_MAX], x[CRYPTO_MAC_MAX], y[CRYPTO_MAC_MAX];
	size_t len = next() % LEN_MAX, at = len ? next() % len : 0;
	const slice k = slice_of(key, r->is.kind == PLUG_PRF ? next() % sizeof key : a->key_len);
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

static bool hash_agree(struct round *r)
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
static bool kex_pair(struct round *r)
{
	static uint8_t pub_i[CRYPTO_PUB_MAX], pub_r[CRYPTO_PUB_MAX], x[CRYPTO_SS_MAX], y[CRYPTO_SS_MAX];
	const struct kex_ops *a = r->ops[r->turn % r->n], *b = r->ops[(r->turn + 1) % r->n];
	struct crypto_ctx ctx;

	bool same = a->offer(ctx.b, pub_i) == 0 && b->answer(slice_of(pub_i, b->pub_i_len), pub_r, y) == 0 &&
		a->finish(ctx.b, slice_of(pub_r, a->pub_r_len), x) == 0 && memcmp(x, y, a->secret_len) == 0;
	a->fini(ctx.b);
	return same;
}

static err_t kex_secret(const struct kex_ops *o, slice priv, slice pub, uint8_t *ss)
{
	struct crypto_ctx ctx;
	err_t e = o->test_private(ctx.b, priv);
	if (!e)
		e = o->finish(ctx.b, pub, ss);
	o->fini(ctx.b);
	return e;
}

/* A random private value and a public one: the same secret of all, or none (the value is not below the order). Every few
 * inputs a pair that goes both ways makes a new public value. */
static bool kex_agree(struct round *r)
{
	static uint8_t x[CRYPTO_SS_MAX], y[CRYPTO_SS_MAX];
	const struct kex_ops *a = r->ops[0], *next_one = r->ops[r->turn / ALL_PAIRS % r->n];
	struct crypto_ctx ctx;
	uint8_t priv[128];
	/* The context of a key exchange in a group is its private value. */
	const slice p = slice_of(priv, a->ctx_size);

	for (size_t i = 0; i < r->n; i++)
		if (!((const struct kex_ops *)r->ops[i])->test_private || a->ctx_size > sizeof priv)
			return kex_pair(r);
	if (r->turn % ALL_PAIRS == 0) {
		bool ok = kex_pair(r) && next_one->offer(ctx.b, r->pub) == 0;
		next_one->fini(ctx.b);
		if (!ok)
			return false;
	}
	fill(priv, sizeof priv);
	if (r->is.id == 21)
		priv[0] &= 1;
	err_t e = kex_secret(a, p, slice_of(r->pub, a->pub_r_len), x);
	for (size_t i = 1; i < r->n; i++) {
		const struct kex_ops *b = r->ops[i];
		err_t f = kex_secret(b, p, slice_of(r->pub, b->pub_r_len), y);
		if (!e != !f || (!e && memcmp(x, y, a->secret_len) != 0))
			return false;
	}
	return true;
}

/* One signs, in turn; all verify, and every few inputs all refuse another message and another signature. */
static bool sign_agree(struct round *r)
{
	static const uint16_t hashes[] = { PLUG_HASH_SHA256, PLUG_HASH_SHA384, PLUG_HASH_SHA512, PLUG_HASH_SHA1 };
	static const uint16_t lens[] = { 32, 48, 64, 20 };
	const struct sign_ops *a = r->ops[r->turn % r->n];
	const struct plug_kat *k = r->row[0]->kats;
	size_t h = next() % ARRAY_LEN(hashes), len = next() % LEN_MAX, room = SIG_MAX;
	const struct sign_how how = { hashes[h], 0, lens[h] };
	uint8_t in[LEN_MAX + 1], sig[SIG_MAX];

	for (size_t i = 0; i < r->n && !r->turn; i++) {
		const struct sign_ops *o = r->ops[i];
		if (o->ctx_size > sizeof r->ctx[i].b || o->load_private(r->ctx[i].b, k->aad) ||
		    o->load_public(r->public[i].b, k->key))
			return false;
	}
	fill(in, sizeof in);
	const slice m = slice_of(in, len), longer = slice_of(in, len + 1);
	if (a->sign(r->ctx[r->turn % r->n].b, &how, &m, 1, sig, &room))
		return false;
	for (size_t i = 0; i < r->n; i++) {
		const struct sign_ops *b = r->ops[i];
		void *key = r->public[i].b;
		if (b->verify(key, &how, &m, 1, slice_of(sig, room)))
			return false;
		if (r->turn % ALL_PAIRS)
			continue;
		size_t bit = next() % (8 * room);
		if (b->verify(key, &how, &longer, 1, slice_of(sig, room)) != E_AUTH_FAILED)
			return false;
		sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
		bool refused = b->verify(key, &how, &m, 1, slice_of(sig, room)) == E_AUTH_FAILED;
		sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (!refused)
			return false;
	}
	return true;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Shared by the processes. */
struct board {
	atomic_uint next;
	struct {
		bool done, same;
		long inputs;
	} v[ALGS_MAX];
};

static bool (*const agree[])(struct round *r) = { [PLUG_ENCR] = encr_agree, [PLUG_INTEG] = mac_agree,
	[PLUG_PRF] = mac_agree, [PLUG_HASH] = hash_agree, [PLUG_KEX] = kex_agree, [PLUG_SIGN] = sign_agree };

static void work(struct board *b, struct round *v, size_t n, long inputs, double seconds)
{
	/* The last ones first: key exchange and signatures take longest. */
	for (unsigned at; (at = atomic_fetch_add(&b->next, 1)) < n;) {
		struct round *r = &v[n - 1 - at];
		double end = now() + seconds;
		bool same = true;
		state[0] ^= (uint64_t)r->is.kind << 32 | (uint32_t)r->is.id << 16 | r->is.arg;
		for (; r->turn < inputs && same && (seconds <= 0 || r->turn < 10 || now() < end); r->turn++)
			same = agree[r->is.kind](r);
		b->v[n - 1 - at].same = same;
		b->v[n - 1 - at].inputs = r->turn;
		b->v[n - 1 - at].done = true;
	}
}

static size_t collect(const struct plug_registry *reg, struct round *v)
{
	const struct reg_feat *f;
	size_t cursor = 0, n = 0;

	f = registry_each_feat(reg, 0, &cursor);
	while (f && n < ALGS_MAX) {
		struct round *r = &v[n];
		*r = (struct round){ .is = f->is };
		for (; f && f->is.kind == r->is.kind && f->is.id == r->is.id && f->is.arg == r->is.arg;
		     f = registry_each_feat(reg, 0, &cursor))
			if (f->offered && r->n < PROVIDERS) {
				r->ops[r->n] = f->row->ops;
				r->row[r->n] = f->row;
				r->plugin[r->n++] = f->plugin->name;
			}
		n += r->n >= 2 && r->is.kind < ARRAY_LEN(agree) && agree[r->is.kind];
	}
	return n;
}

static int report(const struct board *b, const struct round *v, size_t n)
{
	int wrong = 0;

	for (size_t i = 0; i < n; i++) {
		char name[48];
		bool good = b->v[i].done && b->v[i].same;
		crypto_alg_name(&v[i].is, name);
		printf("%sok %zu - %s %s:", good ? "" : "not ", i + 1, plug_kind_name(v[i].is.kind), name);
		for (size_t k = 0; k < v[i].n; k++)
			printf("%s %s", k ? "," : "", v[i].plugin[k] + strlen("crypto-"));
		printf(" %s on %ld inputs\n", !b->v[i].done ? "did not end" : good ? "agree" : "differ", b->v[i].inputs);
		wrong += !good;
	}
	printf("1..%zu\n", n);
	return wrong;
}

int main(int argc, char **argv)
{
	static struct round v[ALGS_MAX];
	const char *dir = argc > 1 ? argv[1] : ".libs";
	long inputs = argc > 2 ? atol(argv[2]) : INPUTS;
	double seconds = argc > 3 ? atof(argv[3]) : 0;
	int workers = argc > 4 ? atoi(argv[4]) : 2;
	struct log *log = log_new();
	struct plug_services services = { .log = log, .reg = registry_new() };
	struct board *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct loader *l = NULL;

	if (!log || !services.reg || b == MAP_FAILED || loader_new(&services, &l, NULL) || loader_open(l, dir, NULL, NULL)) {
		fprintf(stderr, "differ: no plugins in %s\n", dir);
		return 2;
	}
	loader_keep_only(l, PLUG_KERNEL_SA, NULL);
	loader_start(l, 0, NULL);
	size_t n = collect(services.reg, v);
	fflush(NULL);
	for (int i = 1; i < workers; i++)
		if (fork() == 0) {
			work(b, v, n, inputs, seconds);
			_exit(0);
		}
	work(b, v, n, inputs, seconds);
	while (wait(NULL) > 0)
		;
	int wrong = report(b, v, n);
	loader_free(l);
	registry_free(services.reg);
	log_free(log);
	return wrong || !n;
}
