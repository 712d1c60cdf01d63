/* SPDX-License-Identifier: Apache-2.0 */
/* What one test asks of one provider. */
#include "crypto/keymat.h"
#include "vec.h"

#include <stdlib.h>

/* A context as large as the provider wants, zeroed. */
static void *context(uint32_t size)
{
	size_t n = (size + 31u) & ~(size_t)15;
	void *p = aligned_alloc(16, n);
	if (!p)
		abort();
	memset(p, 0, n);
	return p;
}

static err_t aead(const struct vec *v, const struct encr_ops *o, bool seal, bool *same)
{
	uint8_t *buf = malloc(v->in.n + v->out.n + 1), icv[64];
	void *ctx = context(o->ctx_size);
	slice from = seal ? v->in : v->out, to = seal ? v->out : v->in;
	bool fits = v->icv.n == o->icv_len && v->iv.n == o->iv_len && from.n % o->block_len == 0;
	err_t e = fits && buf ? o->init(ctx, v->key, v->salt) : E_BAD_VALUE;
	if (!e) {
		struct encr_op op = { .iv = v->iv.p, .aad = v->aad, .buf = buf, .len = from.n, .icv = icv };
		if (from.n)
			memcpy(buf, from.p, from.n);
		memcpy(icv, v->icv.p, v->icv.n);
		(seal ? o->seal : o->open)(ctx, &op, 1);
		e = op.res;
		*same = !e && from.n == to.n && (!to.n || memcmp(buf, to.p, to.n) == 0) && memcmp(icv, v->icv.p, v->icv.n) == 0;
	}
	o->fini(ctx);
	free(ctx);
	free(buf);
	return e;
}

/* A valid test goes both ways, an invalid one is only opened. */
err_t vec_open_aead(const struct vec *v, const void *ops, bool *same)
{
	err_t e = aead(v, ops, false, same);
	return !e && *same && v->want == VEC_VALID ? aead(v, ops, true, same) : e;
}

err_t vec_crypt_cbc(const struct vec *v, const void *ops, bool *same)
{
	return vec_open_aead(v, ops, same);
}

static err_t mac_once(const struct mac_ops *o, slice key, const slice *in, size_t n, uint8_t *out)
{
	void *ctx = context(o->ctx_size);
	err_t e = o->init(ctx, key);
	if (!e) {
		e = o->mac(ctx, in, n, out);
		o->fini(ctx);
	}
	free(ctx);
	return e;
}

err_t vec_mac(const struct vec *v, const void *ops, bool *same)
{
	const struct mac_ops *o = ops;
	uint8_t out[CRYPTO_MAC_MAX];
	err_t e = mac_once(o, v->key, &v->in, 1, out);
	if (!e)
		*same = v->out.n && v->out.n <= o->out_len && memcmp(out, v->out.p, v->out.n) == 0;
	return e;
}

/* Keys of a length the algorithm does not have. */
err_t vec_mac_key_refused(const struct vec *v, const void *ops, bool *same)
{
	uint8_t out[CRYPTO_MAC_MAX];
	*same = true;
	return mac_once(ops, v->key, &v->in, 1, out);
}

err_t vec_hmac_of_hash(const struct vec *v, const void *ops, bool *same)
{
	const struct hash_ops *o = ops;
	uint8_t key[256] = { 0 }, pad[256], inner[64], out[64];
	size_t block = v->cut;
	err_t e = 0;
	if (v->key.n > block)
		e = o->digest(&v->key, 1, key);
	else if (v->key.n)
		memcpy(key, v->key.p, v->key.n);
	for (size_t i = 0; i < block; i++)
		pad[i] = key[i] ^ 0x36;
	const slice first[] = { slice_of(pad, block), v->in };
	if (!e)
		e = o->digest(first, 2, inner);
	for (size_t i = 0; i < block; i++)
		pad[i] = key[i] ^ 0x5c;
	const slice second[] = { slice_of(pad, block), slice_of(inner, o->out_len) };
	if (!e)
		e = o->digest(second, 2, out);
	if (!e)
		*same = v->out.n <= o->out_len && memcmp(out, v->out.p, v->out.n) == 0;
	return e;
}

err_t vec_digest(const struct vec *v, const void *ops, bool *same)
{
	const struct hash_ops *o = ops;
	uint8_t out[64];
	if (v->out.n > o->out_len)
		return E_NOT_SUPPORTED;
	err_t e = o->digest(&v->in, 1, out);
	*same = !e && memcmp(out, v->out.p, v->out.n) == 0;
	return e;
}

/* prf+ is what HKDF calls expand: key = input keying material, aad = info, cut = the size that is asked for. */
err_t vec_hkdf(const struct vec *v, const void *ops, bool *same)
{
	const struct mac_ops *o = ops;
	uint8_t prk[CRYPTO_MAC_MAX], zero[CRYPTO_MAC_MAX] = { 0 };
	size_t len = v->cut;
	uint8_t *out = malloc(len + 1);
	err_t e = out ? mac_once(o, v->salt.n ? v->salt : slice_of(zero, o->out_len), &v->key, 1, prk) : E_NOMEM;
	if (!e)
		e = keymat_prf_plus(o, slice_of(prk, o->out_len), &v->aad, 1, out, len);
	*same = !e && len == v->out.n && (!len || memcmp(out, v->out.p, len) == 0);
	free(out);
	return e;
}

err_t vec_kex(const struct vec *v, const void *ops, bool *same)
{
	const struct kex_ops *o = ops;
	uint8_t ss[CRYPTO_SS_MAX];
	void *ctx = context(o->ctx_size);
	err_t e = o->test_private ? o->test_private(ctx, v->key) : E_NOT_SUPPORTED;
	if (!e)
		e = o->finish(ctx, v->in, ss);
	*same = !e && v->out.n == o->secret_len && memcmp(ss, v->out.p, v->out.n) == 0;
	o->fini(ctx);
	free(ctx);
	return e;
}

/* in = public value of the peer, which the provider is to take or refuse. */
err_t vec_kex_answer(const struct vec *v, const void *ops, bool *same)
{
	const struct kex_ops *o = ops;
	uint8_t pub[CRYPTO_PUB_MAX], ss[CRYPTO_SS_MAX];
	err_t e = o->answer(v->in, pub, ss);
	*same = !e;
	return e;
}

/* The value could not even be read: refused before a provider sees it. */
err_t vec_kex_refused(const struct vec *v, const void *ops, bool *same)
{
	(void)v;
	(void)ops;
	(void)same;
	return E_BAD_PUBLIC;
}

err_t vec_verify(const struct vec *v, const void *ops, bool *same)
{
	const struct sign_ops *o = ops;
	void *ctx = context(o->ctx_size);
	err_t e = o->load_public(ctx, v->key);
	if (!e)
		e = o->verify(ctx, &v->how, &v->in, 1, v->out);
	*same = !e;
	o->fini(ctx);
	free(ctx);
	return e;
}

err_t vec_sign(const struct vec *v, const void *ops, bool *same)
{
	const struct sign_ops *o = ops;
	void *ctx = context(o->ctx_size);
	uint8_t out[4096];
	size_t len = sizeof out;
	err_t e = o->load_private ? o->load_private(ctx, v->key) : E_NOT_SUPPORTED;
	if (!e)
		e = o->sign(ctx, &v->how, &v->in, 1, out, &len);
	*same = !e && slice_equal(slice_of(out, len), v->out);
	o->fini(ctx);
	free(ctx);
	return e;
}

/* key = seed; in = encapsulation key; out = decapsulation key (may be empty: not compared); icv = cipher text (may be
 * empty), salt = its secret. */
err_t vec_mlkem_keys(const struct vec *v, const void *ops, bool *same)
{
	const struct kex_ops *o = ops;
	uint8_t pub[CRYPTO_PUB_MAX], dk[4096], ss[CRYPTO_SS_MAX];
	size_t n = 0;
	void *ctx = context(o->ctx_size);
	err_t e = o->test_private && o->test_public ? o->test_private(ctx, v->key) : E_NOT_SUPPORTED;
	bool ok = true;
	if (!e && v->in.n) {
		e = o->test_public(ctx, pub);
		ok = !e && slice_equal(slice_of(pub, o->pub_i_len), v->in);
	}
	if (!e && v->out.n) {
		e = o->test_export ? o->test_export(ctx, dk, sizeof dk, &n) : E_NOT_SUPPORTED;
		ok = ok && !e && slice_equal(slice_of(dk, n), v->out);
	}
	if (!e && v->salt.p) {
		e = o->finish(ctx, v->icv, ss);
		ok = ok && !e && slice_equal(slice_of(ss, o->secret_len), v->salt);
	}
	*same = ok;
	o->fini(ctx);
	free(ctx);
	return e;
}

/* key = encapsulation key, iv = randomness, in = cipher text, out = secret */
err_t vec_mlkem_encaps(const struct vec *v, const void *ops, bool *same)
{
	const struct kex_ops *o = ops;
	uint8_t ct[CRYPTO_PUB_MAX], ss[CRYPTO_SS_MAX];
	if (!o->test_answer)
		return E_NOT_SUPPORTED;
	err_t e = o->test_answer(v->key, v->iv, ct, ss);
	*same = !e && slice_equal(slice_of(ct, o->pub_r_len), v->in) && slice_equal(slice_of(ss, o->secret_len), v->out);
	return e;
}

err_t vec_mlkem_decaps(const struct vec *v, const void *ops, bool *same)
{
	return vec_kex(v, ops, same);
}
