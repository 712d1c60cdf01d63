/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speed of every crypto plugin, algorithm by algorithm: the figures behind the priorities in the plugins.
 *
 *     crypto_bench PLUGIN-DIR [milliseconds per figure]
 *
 * Encryption and MACs: Gbit/s and packets per second for packets of 64, 512, 1424 and 8192 bytes with a standing context,
 * encryption in batches of 32 as a data plane has them, and messages of 512 bytes per second with a context of their own, as
 * IKE uses them. Key exchange: initiator (offer, finish) and responder (answer) per second. Signatures: signing and verifying
 * per second. One thread, per second of its processor time: what else runs on the machine does not count. Lines are: kind,
 * algorithm, plugin, figures.
 */
#include "crypto/algs.h"
#include "crypto/crypto.h"
#include "plugin/registry.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BUF = 8192, MESSAGE = 512, ROUND = 16, BATCH = 32, ICV_MAX = 64 };

static const size_t sizes[] = { 64, 512, 1424, 8192 };
static double seconds_each = 0.05;
static uint8_t buf[BATCH][BUF];

struct bench {
	const struct plug_feat_row *row;
	const char *plugin;
	char name[48];
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

typedef void work_fn(const struct plug_feat_row *r, struct crypto_ctx *ctx, size_t n);

/* Calls per second. */
static double rate(work_fn *f, const struct plug_feat_row *r, struct crypto_ctx *ctx, size_t n)
{
	uint64_t calls = 0;
	double start = now(), took;
	f(r, ctx, n);
	start = now();
	do {
		for (int i = 0; i < ROUND; i++)
			f(r, ctx, n);
		calls += ROUND;
		took = now() - start;
	} while (took < seconds_each);
	return (double)calls / took;
}

static void encr_init(const struct plug_feat_row *r, struct crypto_ctx *ctx)
{
	const struct encr_ops *o = r->ops;
	static const uint8_t key[CRYPTO_KEY_MAX] = { 1, 2, 3 };
	if (o->init(ctx->b, slice_of(key, o->key_len), slice_of(key, o->salt_len)))
		abort();
}

static void encr_seal(const struct plug_feat_row *r, struct crypto_ctx *ctx, size_t n, size_t packets)
{
	static const uint8_t iv[16];
	static uint8_t icv[BATCH][ICV_MAX];
	const struct encr_ops *o = r->ops;
	struct encr_op op[BATCH];
	for (size_t i = 0; i < packets; i++)
		op[i] = (struct encr_op){ .iv = iv, .aad = slice_of(iv, 8), .buf = buf[i], .len = n - n % o->block_len, .icv = icv[i] };
	o->seal(ctx->b, op, packets);
}

static void encr_batch(const struct plug_feat_row *r, struct crypto_ctx *ctx, size_t n)
{
	encr_seal(r, ctx, n, BATCH);
}

static void encr_message(const struct plug_feat_row *r, struct crypto_ctx *ctx, size_t n)
{
	const struct encr_ops *o = r->ops;
	encr_init(r, ctx);
	encr_seal(r, ctx, n, 1);
	o->fini(ctx->b);
}

static void mac_init(const struct plug_feat_row *r, struct crypto_ctx *ctx)
{
	const struct mac_ops *o = r->ops;
	static const uint8_t key[CRYPTO_KEY_MAX] = { 1, 2, 3 };
	if (o->init(ctx->b, slice_of(key, o->key_len)))
		abort();
}

static void mac_packet(const struct plug_feat_row *r, struct crypto_ctx *ctx, size_t n)
{
	const struct mac_ops *o = r->ops;
	const slice v = slice_of(buf[0], n);
	uint8_t out[CRYPTO_MAC_MAX];
	if (o->mac(ctx->b, &v, 1, out))
		abort();
}

static void mac_message(const struct plug_feat_row *r, struct crypto_ctx *ctx, size_t n)
{
	const struct mac_ops *o = r->ops;
	mac_init(r, ctx);
	mac_packet(r, ctx, n);
	o->fini(ctx->b);
}

static uint8_t peer_i[CRYPTO_PUB_MAX], peer_r[CRYPTO_PUB_MAX];

static void kex_initiator(const struct plug_feat_row *r, struct crypto_ctx *ctx, size_t n)
{
	const struct kex_ops *o = r->ops;
	uint8_t pub[CRYPTO_PUB_MAX], ss[CRYPTO_SS_MAX];
	(void)n;
	if (o->offer(ctx->b, pub) || o->finish(ctx->b, slice_of(peer_r, o->pub_r_len), ss))
		abort();
	o->fini(ctx->b);
}

static void kex_responder(const struct plug_feat_row *r, struct crypto_ctx *ctx, size_t n)
{
	const struct kex_ops *o = r->ops;
	uint8_t pub[CRYPTO_PUB_MAX], ss[CRYPTO_SS_MAX];
	(void)n;
	(void)ctx;
	if (o->answer(slice_of(peer_i, o->pub_i_len), pub, ss))
		abort();
}

/* With a loaded key, as a daemon has it. */
static void sign_once(const struct plug_feat_row *r, struct crypto_ctx *ctx, size_t n)
{
	const struct sign_ops *o = r->ops;
	uint8_t sig[4096];
	size_t len = sizeof sig;
	(void)n;
	if (o->sign(ctx->b, &r->kats->how, &r->kats->in, 1, sig, &len))
		abort();
}

static void verify_once(const struct plug_feat_row *r, struct crypto_ctx *ctx, size_t n)
{
	const struct sign_ops *o = r->ops;
	(void)n;
	if (o->verify(ctx->b, &r->kats->how, &r->kats->in, 1, r->kats->out))
		abort();
}

static void bench_sign(const struct bench *b, struct crypto_ctx *ctx)
{
	const struct sign_ops *o = b->row->ops;
	if (o->load_private(ctx->b, b->row->kats->aad))
		abort();
	printf(" %12.0f", rate(sign_once, b->row, ctx, 0));
	o->fini(ctx->b);
	if (o->load_public(ctx->b, b->row->kats->key))
		abort();
	printf(" %12.0f\n", rate(verify_once, b->row, ctx, 0));
	o->fini(ctx->b);
}

/* packets: does `each` of them. */
static void print_packets(const struct bench *b, work_fn *packets, int each, work_fn *message, struct crypto_ctx *ctx)
{
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		double rate_s = rate(packets, b->row, ctx, sizes[i]) * each;
		printf(" %7.2f %9.0f", rate_s * (double)sizes[i] * 8e-9, rate_s);
	}
	struct crypto_ctx own;
	printf(" %12.0f\n", rate(message, b->row, &own, MESSAGE));
}

static void bench_one(const struct bench *b)
{
	struct crypto_ctx ctx;
	const struct kex_ops *kex = b->row->ops;
	const struct encr_ops *encr = b->row->ops;
	const struct mac_ops *mac = b->row->ops;
	uint8_t ss[CRYPTO_SS_MAX];

	printf("%-6s %-22s %-14s", plug_kind_name(b->row->is.kind), b->name, b->plugin);
	switch (b->row->is.kind) {
	case PLUG_ENCR:
		encr_init(b->row, &ctx);
		print_packets(b, encr_batch, BATCH, encr_message, &ctx);
		encr->fini(ctx.b);
		break;
	case PLUG_INTEG:
		mac_init(b->row, &ctx);
		print_packets(b, mac_packet, 1, mac_message, &ctx);
		mac->fini(ctx.b);
		break;
	case PLUG_KEX:
		if (kex->offer(ctx.b, peer_i) || kex->answer(slice_of(peer_i, kex->pub_i_len), peer_r, ss))
			abort();
		kex->fini(ctx.b);
		printf(" %12.0f %12.0f\n", rate(kex_initiator, b->row, &ctx, 0), rate(kex_responder, b->row, &ctx, 0));
		break;
	case PLUG_SIGN:
		bench_sign(b, &ctx);
		break;
	default:
		break;
	}
}

static int by_algorithm(const void *x, const void *y)
{
	const struct bench *a = x, *b = y;
	if (a->row->is.kind != b->row->is.kind)
		return a->row->is.kind - b->row->is.kind;
	int c = strcmp(a->name, b->name);
	return c ? c : strcmp(a->plugin, b->plugin);
}

static err_t host_random(void *h, uint8_t *out, size_t n)
{
	(void)h;
	for (size_t done = 0; done < n; done += 256)
		if (getentropy(out + done, n - done < 256 ? n - done : 256) != 0)
			return E_CRYPTO;
	return 0;
}

static size_t add_plugin(struct bench *v, size_t n, size_t cap, const struct plug_desc *d)
{
	static const struct plug_host host = { .size = sizeof host, .random = host_random };
	void *self;
	if (d->magic != ADIT_ABI_MAGIC || strncmp(d->name, "crypto-", 7) != 0 || (d->start && d->start(&host, &self)))
		return n;
	for (size_t i = 0; i < d->n_feats && n < cap; i++) {
		const struct plug_feat_row *r = &d->feats[i];
		if (r->is.kind != PLUG_ENCR && r->is.kind != PLUG_INTEG && r->is.kind != PLUG_KEX && r->is.kind != PLUG_SIGN)
			continue;
		v[n].row = r;
		v[n].plugin = d->name;
		crypto_alg_name(&r->is, v[n++].name);
	}
	return n;
}

int main(int argc, char **argv)
{
	static struct bench all[1024];
	size_t n = 0;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: crypto_bench PLUGIN-DIR [milliseconds per figure]\n");
		return 2;
	}
	if (argc == 3)
		seconds_each = atof(argv[2]) / 1000;
	DIR *dir = opendir(argv[1]);
	if (!dir) {
		perror(argv[1]);
		return 1;
	}
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		char path[4096];
		const char *dot = strrchr(e->d_name, '.');
		if (strncmp(e->d_name, "crypto-", 7) != 0 || !dot || strcmp(dot, ".so") != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name);
		void *dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		const struct plug_desc *d = dl ? dlsym(dl, "adit_plugin") : NULL;
		if (d)
			n = add_plugin(all, n, ARRAY_LEN(all), d);
		else
			fprintf(stderr, "%s: %s\n", path, dlerror());
	}
	closedir(dir);
	qsort(all, n, sizeof all[0], by_algorithm);
	printf("# encr, integ: Gbit/s and packets per second for 64 512 1424 8192 bytes, messages of 512 bytes with own context per second\n"
		"# kex: initiator and responder per second; sign: signing and verifying per second; one thread, per second of its processor time\n");
	for (size_t i = 0; i < n; i++) {
		bench_one(&all[i]);
		fflush(stdout);
	}
	return n ? 0 : 1;
}
