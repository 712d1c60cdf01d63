/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/kat.h"

#include "base/secret.h"
#include "plugin/abi_cert.h"
#include "plugin/abi_cred.h"

#include <stdlib.h>

enum { CTX_MAX = 1 << 20, BUF_MAX = 65536 };

/* Every context, buffer and output of one test. */
struct work {
	void *ctx;
	uint8_t *buf;
	uint8_t icv[64];
};

static err_t work_open(struct work *w, size_t ctx_size, size_t buf_size)
{
	size_t n = (ctx_size + 15) & ~(size_t)15;

	w->ctx = aligned_alloc(16, n ? n : 16);
	w->buf = malloc(buf_size ? buf_size : 1);
	if (!w->ctx || !w->buf)
		return E_NOMEM;
	memset(w->ctx, 0, n);
	return 0;
}

static void work_shut(struct work *w)
{
	free(w->ctx);
	free(w->buf);
}

static err_t wrong(struct diag **why, size_t i, const char *what)
{
	return diag_set(why, E_KAT, "known-answer test %zu: %s", i + 1, what);
}

static err_t encr_both_ways(const struct encr_ops *ops, const struct plug_kat *k, size_t i, struct work *w,
	struct diag **why)
{
	struct encr_op op = { .iv = k->iv.p, .aad = k->aad, .buf = w->buf, .len = k->in.n, .icv = w->icv };

	if (k->in.n)
		memcpy(w->buf, k->in.p, k->in.n);
	ops->seal(w->ctx, &op, 1);
	if (op.res)
		return wrong(why, i, "encryption failed");
	if ((k->in.n && memcmp(w->buf, k->out.p, k->in.n) != 0) || memcmp(w->icv, k->out.p + k->in.n,
		ops->icv_len) != 0)
		return wrong(why, i, "encryption gives another result");
	op.res = 0;
	ops->open(w->ctx, &op, 1);
	if (op.res || (k->in.n && memcmp(w->buf, k->in.p, k->in.n) != 0))
		return wrong(why, i, "decryption gives another result");
	if (!ops->icv_len)
		return 0;
	memcpy(w->buf, k->out.p, k->in.n);
	w->icv[ops->icv_len - 1] ^= 1;
	op.res = 0;
	ops->open(w->ctx, &op, 1);
	return op.res == E_INTEGRITY ? 0 : wrong(why, i, "a forged ICV is accepted");
}

static err_t encr_test(const struct plug_feat_row *row, const struct plug_kat *k, size_t i, struct diag **why)
{
	const struct encr_ops *ops = row->ops;
	struct work w;

	if (k->key.n != ops->key_len || k->salt.n != ops->salt_len || k->iv.n != ops->iv_len || k->in.n > BUF_MAX ||
	    k->out.n != k->in.n + ops->icv_len)
		return wrong(why, i, "its lengths do not fit the algorithm");
	err_t e = work_open(&w, ops->ctx_size, k->in.n);
	if (!e && ops->init(w.ctx, k->key, k->salt)) {
		e = wrong(why, i, "the key is refused");
	} else if (!e) {
		e = encr_both_ways(ops, k, i, &w, why);
		ops->fini(w.ctx);
	}
	work_shut(&w);
	return e;
}

static err_t mac_test(const struct plug_feat_row *row, const struct plug_kat *k, size_t i, struct diag **why)
{
	const struct mac_ops *ops = row->ops;
	slice v[2] = { slice_of(k->in.p, k->in.n / 2), slice_of(k->in.p + k->in.n / 2, k->in.n - k->in.n / 2) };
	struct work w;

	if (k->out.n != ops->out_len)
		return wrong(why, i, "its lengths do not fit the algorithm");
	err_t e = work_open(&w, ops->ctx_size, ops->out_len);
	if (!e && ops->init(w.ctx, k->key)) {
		e = wrong(why, i, "the key is refused");
	} else if (!e) {
		/* Twice: a context can be used again. */
		for (int round = 0; round < 2 && !e; round++)
			if (ops->mac(w.ctx, v, 2, w.buf) || memcmp(w.buf, k->out.p, k->out.n) != 0)
				e = wrong(why, i, "gives another result");
		ops->fini(w.ctx);
	}
	work_shut(&w);
	return e;
}

static err_t hash_test(const struct plug_feat_row *row, const struct plug_kat *k, size_t i, struct diag **why)
{
	const struct hash_ops *ops = row->ops;
	uint8_t out[64];

	if (k->out.n != ops->out_len)
		return wrong(why, i, "its lengths do not fit the algorithm");
	if (ops->digest(&k->in, 1, out) || memcmp(out, k->out.p, k->out.n) != 0)
		return wrong(why, i, "gives another result");
	return 0;
}

/* Both sides with fresh keys come to the same secret. */
static err_t kex_round(const struct kex_ops *ops, struct diag **why)
{
	size_t pub_i = ops->pub_i_len, pub_r = ops->pub_r_len, n = ops->secret_len;
	struct work w;
	err_t e = work_open(&w, ops->ctx_size, pub_i + pub_r + 2 * n);

	if (!e) {
		uint8_t *i = w.buf, *r = i + pub_i, *si = r + pub_r, *sr = si + n;
		bool ok = ops->offer(w.ctx, i) == 0 && ops->answer(slice_of(i, pub_i), r, sr) == 0 &&
			ops->finish(w.ctx, slice_of(r, pub_r), si) == 0 && memcmp(si, sr, n) == 0;
		ops->fini(w.ctx);
		if (!ok)
			e = diag_set(why, E_KAT, "known-answer test: both sides of an exchange come to different "
				"secrets");
	}
	work_shut(&w);
	return e;
}

static err_t kex_test(const struct plug_feat_row *row, const struct plug_kat *k, size_t i, struct diag **why)
{
	const struct kex_ops *ops = row->ops;
	struct work w;

	if (!ops->test_private)
		return i ? 0 : kex_round(ops, why);
	if (k->in.n != ops->pub_r_len || k->out.n != ops->secret_len)
		return wrong(why, i, "its lengths do not fit the algorithm");
	err_t e = work_open(&w, ops->ctx_size, ops->secret_len);
	if (!e && ops->test_private(w.ctx, k->key)) {
		e = wrong(why, i, "the private value is refused");
		ops->fini(w.ctx);
	} else if (!e) {
		if (ops->finish(w.ctx, k->in, w.buf) || memcmp(w.buf, k->out.p, k->out.n) != 0)
			e = wrong(why, i, "gives another secret");
		ops->fini(w.ctx);
	}
	work_shut(&w);
	return e;
}

static err_t sign_verify(const struct sign_ops *ops, const struct plug_kat *k, slice sig, size_t i, struct work *w,
	struct diag **why)
{
	uint8_t bad[1024];
	err_t e = ops->load_public(w->ctx, k->key);

	if (e || sig.n > sizeof bad || !sig.n) {
		e = wrong(why, i, "the public key is refused");
		goto out;
	}
	memcpy(bad, sig.p, sig.n);
	bad[sig.n - 1] ^= 1;
	if (ops->verify(w->ctx, &k->how, &k->in, 1, sig))
		e = wrong(why, i, "a right signature is refused");
	else if (ops->verify(w->ctx, &k->how, &k->in, 1, slice_of(bad, sig.n)) != E_AUTH_FAILED)
		e = wrong(why, i, "a forged signature is accepted");
out:
	ops->fini(w->ctx);
	return e;
}

static err_t sign_own(const struct sign_ops *ops, const struct plug_kat *k, size_t i, struct work *w, slice *sig,
	struct diag **why)
{
	size_t len = ops->sig_max;
	err_t e = ops->load_private(w->ctx, k->aad);

	if (e)
		e = wrong(why, i, "the private key is refused");
	else if (ops->sign(w->ctx, &k->how, &k->in, 1, w->buf, &len) || !len || len > ops->sig_max)
		e = wrong(why, i, "signing fails");
	ops->fini(w->ctx);
	*sig = slice_of(w->buf, len);
	return e;
}

static err_t sign_test(const struct plug_feat_row *row, const struct plug_kat *k, size_t i, struct diag **why)
{
	const struct sign_ops *ops = row->ops;
	bool fixed = row->is.id == PLUG_SIGN_RSA_PKCS1 || row->is.id >= PLUG_SIGN_ED25519;
	struct work w;
	slice sig;
	err_t e = work_open(&w, ops->ctx_size, ops->sig_max);

	if (!e)
		e = sign_verify(ops, k, k->out, i, &w, why);
	if (!e && k->aad.n && ops->load_private) {
		e = sign_own(ops, k, i, &w, &sig, why);
		if (!e && fixed && !slice_equal(sig, k->out))
			e = wrong(why, i, "gives another signature");
		if (!e)
			e = sign_verify(ops, k, sig, i, &w, why);
	}
	work_shut(&w);
	return e;
}

/* A source has no known answer: two draws differ, and neither is empty. */
static err_t rng_test(const struct rng_ops *ops, struct diag **why)
{
	static const uint8_t none[32];
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	if (!ops->fill || ops->fill(a, sizeof a) || ops->fill(b, sizeof b))
		return diag_set(why, E_KAT, "it gives no random bytes");
	if (memcmp(a, b, sizeof a) == 0 || memcmp(a, none, sizeof a) == 0 || memcmp(b, none, sizeof b) == 0)
		return diag_set(why, E_KAT, "it gives the same bytes again");
	return 0;
}

/* ---- is the table one we can call? ---- */

static bool encr_sane(const void *ops)
{
	const struct encr_ops *o = ops;

	return o->ctx_size <= CTX_MAX && o->icv_len <= 64 && o->block_len && o->init && o->seal && o->open && o->fini;
}

static bool mac_sane(const void *ops)
{
	const struct mac_ops *o = ops;

	return o->ctx_size <= CTX_MAX && o->out_len && o->out_len <= 64 && o->init && o->mac && o->fini;
}

static bool hash_sane(const void *ops)
{
	const struct hash_ops *o = ops;

	return o->out_len && o->out_len <= 64 && o->digest;
}

static bool kex_sane(const void *ops)
{
	const struct kex_ops *o = ops;

	return o->ctx_size <= CTX_MAX && o->pub_i_len && o->pub_r_len && o->secret_len && o->offer && o->answer &&
		o->finish && o->fini;
}

static bool sign_sane(const void *ops)
{
	const struct sign_ops *o = ops;

	return o->ctx_size <= CTX_MAX && o->sig_max && o->sig_max <= 4096 && o->load_public && o->verify && o->fini &&
		!o->load_private == !o->sign;
}

/* The daemon calls every one of them without looking. */
static bool cert_sane(const void *ops)
{
	const struct cert_ops *o = ops;

	return o->parse && o->ref && o->unref && o->info && o->crl_parse && o->crl_ref && o->crl_unref && o->crl_info &&
		o->parse_any && o->objects_free && o->verify && o->report_free && o->ocsp_request && o->ocsp_answer &&
		o->name_check && o->map_parse && o->map_free && o->map_match && o->dn_text && o->key_matches && o->oid_check;
}

static const struct {
	uint16_t size;
	bool (*sane)(const void *ops);
	err_t (*test)(const struct plug_feat_row *row, const struct plug_kat *k, size_t i, struct diag **why);
} kinds[PLUG_KIND_END] = {
	[PLUG_ENCR] = { sizeof(struct encr_ops), encr_sane, encr_test },
	[PLUG_INTEG] = { sizeof(struct mac_ops), mac_sane, mac_test },
	[PLUG_PRF] = { sizeof(struct mac_ops), mac_sane, mac_test },
	[PLUG_HASH] = { sizeof(struct hash_ops), hash_sane, hash_test },
	[PLUG_KEX] = { sizeof(struct kex_ops), kex_sane, kex_test },
	[PLUG_SIGN] = { sizeof(struct sign_ops), sign_sane, sign_test },
	[PLUG_RNG] = { sizeof(struct rng_ops), NULL, NULL },
	[PLUG_KERNEL_SA] = { sizeof(struct kern_ops), NULL, NULL },
	[PLUG_CERT_VERIFY] = { sizeof(struct cert_ops), cert_sane, NULL },
	[PLUG_KERNEL_NET] = { sizeof(struct knet_ops), NULL, NULL },
	[PLUG_CRED] = { sizeof(struct cred_ops), NULL, NULL },
	[PLUG_FETCH] = { sizeof(struct fetch_ops), NULL, NULL },
	[PLUG_LOG] = { sizeof(struct log_ops), NULL, NULL },
	[PLUG_LISTEN] = { sizeof(struct listen_ops), NULL, NULL },
};

err_t kat_table(const struct plug_feat_row *row, struct diag **why)
{
	uint16_t kind = row->is.kind;

	if (kind >= PLUG_KIND_END || !kinds[kind].size)
		return diag_set(why, E_ABI, "this aditd does not know features of kind %u", kind);
	/* Every function table starts with its size. */
	if (!row->ops || *(const uint32_t *)row->ops < kinds[kind].size)
		return diag_set(why, E_ABI, "its function table is smaller than that of ABI %d.%d", ADIT_ABI_MAJOR,
			ADIT_ABI_MINOR);
	if (kinds[kind].sane && !kinds[kind].sane(row->ops))
		return diag_set(why, E_ABI, "its function table has impossible sizes or lacks a function");
	return 0;
}

err_t kat_run(const struct plug_feat_row *row, struct diag **why)
{
	uint16_t kind = row->is.kind;
	err_t bad = kat_table(row, why);

	if (bad)
		return bad;
	if (kind == PLUG_RNG)
		return rng_test(row->ops, why);
	if (!kinds[kind].test)
		return 0;
	if (!row->n_kats && kind != PLUG_KEX)
		return diag_set(why, E_KAT, "it brings no known-answer test");
	if (!row->n_kats)
		return kex_round(row->ops, why);
	for (size_t i = 0; i < row->n_kats; i++) {
		err_t e = kinds[kind].test(row, &row->kats[i], i, why);
		if (e)
			return e;
	}
	return 0;
}
