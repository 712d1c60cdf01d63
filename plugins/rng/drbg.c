/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/rng/drbg.h"

static err_t mac(const struct drbg *d, const struct mac_ops *hmac, const slice *v, size_t n, uint8_t *out)
{
	_Alignas(16) uint8_t ctx[DRBG_CTX_MAX];
	err_t e = hmac->init(ctx, slice_of(d->key, DRBG_LEN));
	if (!e)
		e = hmac->mac(ctx, v, n, out);
	hmac->fini(ctx);
	return e;
}

static err_t update(struct drbg *d, const struct mac_ops *hmac, slice data)
{
	err_t e = 0;
	for (uint8_t round = 0; round < (data.n ? 2 : 1) && !e; round++) {
		const slice parts[] = { slice_of(d->v, DRBG_LEN), slice_of(&round, 1), data };
		const slice v = slice_of(d->v, DRBG_LEN);
		uint8_t key[DRBG_LEN];
		e = mac(d, hmac, parts, ARRAY_LEN(parts), key);
		memcpy(d->key, key, DRBG_LEN);
		explicit_bzero(key, sizeof key);
		if (!e)
			e = mac(d, hmac, &v, 1, d->v);
	}
	return e;
}

err_t drbg_seed(struct drbg *d, const struct mac_ops *hmac, slice seed)
{
	if (hmac->out_len != DRBG_LEN || hmac->ctx_size > DRBG_CTX_MAX)
		return E_MISUSE;
	memset(d->key, 0, DRBG_LEN);
	memset(d->v, 1, DRBG_LEN);
	return update(d, hmac, seed);
}

err_t drbg_reseed(struct drbg *d, const struct mac_ops *hmac, slice entropy)
{
	return update(d, hmac, entropy);
}

err_t drbg_fill(struct drbg *d, const struct mac_ops *hmac, uint8_t *out, size_t n)
{
	err_t e = n > DRBG_REQUEST_MAX ? E_MISUSE : 0;
	while (n && !e) {
		const slice v = slice_of(d->v, DRBG_LEN);
		size_t piece = n < DRBG_LEN ? n : DRBG_LEN;
		e = mac(d, hmac, &v, 1, d->v);
		memcpy(out, d->v, piece);
		out += piece;
		n -= piece;
	}
	/* What was given out cannot be worked out again from the state. */
	return e ? e : update(d, hmac, SLICE_NONE);
}
