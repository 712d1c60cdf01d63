/* SPDX-License-Identifier: Apache-2.0 */
/* Packets, MACs and hashes: a random key, IV and text each time; MACs and hashes get it in one piece and in two. */
#include "differ.h"

enum { AAD_MAX = 64, PRF_KEY_MAX = 256 };

bool differ_encr(struct differ_round *r)
{
	const struct encr_ops *a = r->ops[0];
	struct crypto_ctx ca, cb;
	uint8_t key[CRYPTO_KEY_MAX], iv[16], aad[AAD_MAX], plain[DIFFER_LEN_MAX], one[DIFFER_LEN_MAX], two[DIFFER_LEN_MAX],
		icv[16] = { 0 }, icv2[16] = { 0 };
	size_t len = differ_len() / a->block_len * a->block_len, n_aad = differ_next() % AAD_MAX;
	bool same = true;

	differ_fill(key, sizeof key);
	differ_fill(iv, sizeof iv);
	differ_fill(aad, n_aad);
	differ_fill(plain, len);
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
			icv2[differ_next() % a->icv_len] ^= (uint8_t)(1u << differ_next() % 8);
			b->open(cb.b, &y, 1);
			same = same && y.res == E_INTEGRITY;
		}
		b->fini(cb.b);
	}
	a->fini(ca.b);
	r->count.made++;
	return same;
}

bool differ_mac(struct differ_round *r)
{
	const struct mac_ops *a = r->ops[0];
	uint8_t key[PRF_KEY_MAX], in[DIFFER_LEN_MAX], x[CRYPTO_MAC_MAX], y[CRYPTO_MAC_MAX];
	size_t len = differ_len(), at = len ? differ_next() % len : 0;
	const slice k = slice_of(key, r->is.kind == PLUG_PRF ? differ_next() % sizeof key : a->key_len);
	const slice whole = slice_of(in, len), parts[] = { slice_of(in, at), slice_of(in + at, len - at) };

	differ_fill(key, sizeof key);
	differ_fill(in, len);
	if (crypto_mac(a, k, &whole, 1, x))
		return false;
	for (size_t i = 1; i < r->n; i++)
		if (crypto_mac(r->ops[i], k, parts, 2, y) || memcmp(x, y, a->out_len) != 0)
			return false;
	r->count.made++;
	return true;
}

bool differ_hash(struct differ_round *r)
{
	const struct hash_ops *a = r->ops[0];
	uint8_t in[DIFFER_LEN_MAX], x[CRYPTO_MAC_MAX], y[CRYPTO_MAC_MAX];
	size_t len = differ_len(), at = len ? differ_next() % len : 0;
	const slice whole = slice_of(in, len), parts[] = { slice_of(in, at), slice_of(in + at, len - at) };

	differ_fill(in, len);
	if (a->digest(&whole, 1, x))
		return false;
	for (size_t i = 1; i < r->n; i++) {
		const struct hash_ops *b = r->ops[i];
		if (b->digest(parts, 2, y) || memcmp(x, y, a->out_len) != 0)
			return false;
	}
	r->count.made++;
	return true;
}
