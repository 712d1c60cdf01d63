/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a provider is: the same small job again and again for a given time. The processor time of the thread is
 * measured, the best of three rounds counts: what else runs on the machine shall not decide. */
#include "plugin/kat.h"

#include <stdlib.h>
#include <time.h>

enum { PIECE = 1024, MODP_LARGE = 256 };

struct bench {
	const void *ops;
	void *ctx;
	uint8_t *buf; /* PIECE bytes and the largest public values, or a signature */
	const struct plug_kat *kat; /* SIGN: whose key is used */
};

static bool encr_once(struct bench *b)
{
	const struct encr_ops *o = b->ops;
	uint8_t iv[64] = { 0 }, icv[64];
	struct encr_op op = { .iv = iv, .aad = slice_of(b->buf, 8), .buf = b->buf, .len = PIECE, .icv = icv };

	o->seal(b->ctx, &op, 1);
	return op.res == 0;
}

static bool mac_once(struct bench *b)
{
	const struct mac_ops *o = b->ops;
	slice v = slice_of(b->buf, PIECE);
	uint8_t out[64];

	return o->mac(b->ctx, &v, 1, out) == 0;
}

static bool hash_once(struct bench *b)
{
	const struct hash_ops *o = b->ops;
	slice v = slice_of(b->buf, PIECE);
	uint8_t out[64];

	return o->digest(&v, 1, out) == 0;
}

static bool kex_once(struct bench *b)
{
	const struct kex_ops *o = b->ops;
	uint8_t *i = b->buf, *r = i + o->pub_i_len, *ss = r + o->pub_r_len;
	/* All powers of a large MODP group cost the same, and each takes long: one tells enough. */
	bool one = o->secret_len >= MODP_LARGE;
	bool ok = o->offer(b->ctx, i) == 0 && (one || o->answer(slice_of(i, o->pub_i_len), r, ss) == 0);

	o->fini(b->ctx);
	return ok;
}

static bool sign_once(struct bench *b)
{
	const struct sign_ops *o = b->ops;
	size_t len = o->sig_max;

	return o->sign(b->ctx, &b->kat->how, &b->kat->in, 1, b->buf, &len) == 0;
}

static bool verify_once(struct bench *b)
{
	const struct sign_ops *o = b->ops;

	return o->verify(b->ctx, &b->kat->how, &b->kat->in, 1, b->kat->out) == 0;
}

static bool rng_once(struct bench *b)
{
	const struct rng_ops *o = b->ops;

	return o->fill(b->buf, PIECE) == 0;
}

enum { ROUNDS = 3 };

static uint64_t used_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Jobs per second in one round of at least ns; 0: a job failed. */
static uint64_t one_round(bool (*once)(struct bench *b), struct bench *b, uint64_t ns)
{
	uint64_t from = used_ns(), used = 0, n = 0;

	do {
		if (!once(b))
			return 0;
		n++;
		used = used_ns() - from;
	} while (used < ns);
	return n * 1000000000u / (used ? used : 1);
}

static uint32_t repeat(bool (*once)(struct bench *b), struct bench *b, unsigned us)
{
	uint64_t best = 0, ns = us * 1000ull / ROUNDS;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t v = one_round(once, b, ns);
		if (!v)
			return 0;
		best = v > best ? v : best;
		/* One that takes longer than all of the time is measured well enough by one. */
		if (v < 1000000 / (us ? us : 1))
			break;
	}
	return best > UINT32_MAX ? UINT32_MAX : (uint32_t)best;
}

static uint32_t keyed(const struct plug_feat_row *row, struct bench *b, unsigned us)
{
	static const uint8_t key[512] = { 1 };
	uint32_t v = 0;

	if (row->is.kind == PLUG_ENCR) {
		const struct encr_ops *o = row->ops;
		if (o->key_len > sizeof key || o->init(b->ctx, slice_of(key, o->key_len), slice_of(key, o->salt_len)))
			return 0;
		v = repeat(encr_once, b, us);
		o->fini(b->ctx);
	} else {
		const struct mac_ops *o = row->ops;
		if (o->key_len > sizeof key || o->init(b->ctx, slice_of(key, o->key_len)))
			return 0;
		v = repeat(mac_once, b, us);
		o->fini(b->ctx);
	}
	return v;
}

/* Signatures with the key of the first known-answer test; who cannot sign is measured at verifying. */
static uint32_t signing(const struct plug_feat_row *row, struct bench *b, unsigned us)
{
	const struct sign_ops *o = row->ops;
	bool both = o->load_private && row->n_kats && row->kats[0].aad.n;
	uint32_t v = 0;

	if (!row->n_kats)
		return 0;
	b->kat = &row->kats[0];
	if (!(both ? o->load_private(b->ctx, b->kat->aad) : o->load_public(b->ctx, b->kat->key)))
		v = repeat(both ? sign_once : verify_once, b, us);
	o->fini(b->ctx);
	return v;
}

static size_t ctx_size(const struct plug_feat_row *row)
{
	switch (row->is.kind) {
	case PLUG_ENCR:
		return ((const struct encr_ops *)row->ops)->ctx_size;
	case PLUG_INTEG:
	case PLUG_PRF:
		return ((const struct mac_ops *)row->ops)->ctx_size;
	case PLUG_KEX:
		return ((const struct kex_ops *)row->ops)->ctx_size;
	case PLUG_SIGN:
		return ((const struct sign_ops *)row->ops)->ctx_size;
	default:
		return 0;
	}
}

uint32_t kat_speed(const struct plug_feat_row *row, unsigned us)
{
	size_t n = (ctx_size(row) + 31u) & ~(size_t)15, room = PIECE;
	uint32_t v = 0;

	if (row->is.kind == PLUG_KEX) {
		const struct kex_ops *o = row->ops;
		room = (size_t)o->pub_i_len + o->pub_r_len + o->secret_len;
	}
	if (row->is.kind == PLUG_SIGN)
		room = ((const struct sign_ops *)row->ops)->sig_max;
	struct bench b = { row->ops, aligned_alloc(16, n), calloc(1, room), NULL };
	if (b.ctx && b.buf) {
		memset(b.ctx, 0, n);
		if (row->is.kind == PLUG_ENCR || row->is.kind == PLUG_INTEG || row->is.kind == PLUG_PRF)
			v = keyed(row, &b, us);
		else if (row->is.kind == PLUG_HASH)
			v = repeat(hash_once, &b, us);
		else if (row->is.kind == PLUG_KEX)
			v = repeat(kex_once, &b, us);
		else if (row->is.kind == PLUG_SIGN)
			v = signing(row, &b, us);
		else if (row->is.kind == PLUG_RNG)
			v = repeat(rng_once, &b, us);
	}
	free(b.ctx);
	free(b.buf);
	return v;
}
