/* SPDX-License-Identifier: Apache-2.0 */
/* Key schedules of IKEv2: RFC 7296 sections 2.13 to 2.18, RFC 9370 section 2.2. */
#include "crypto/keymat.h"

#include "base/rdwr.h"

enum { SS_PIECES_MAX = 8, PRF_AES128_XCBC = 4, PRF_AES128_CMAC = 8, FIXED_PRF_HALF = 8 };

err_t keymat_prf_plus(const struct mac_ops *prf, slice key, const slice *seed, size_t n, uint8_t *out, size_t len)
{
	struct crypto_ctx ctx CRYPTO_UNSET;
	slice v[SS_PIECES_MAX + 6];
	uint8_t t[CRYPTO_MAC_MAX];
	uint8_t count = 0;
	size_t t_len = 0;

	if (n + 2 > ARRAY_LEN(v) || len > (size_t)255 * prf->out_len)
		return E_MISUSE;
	err_t e = prf->init(ctx.b, key);
	if (e)
		return e;
	memcpy(v + 1, seed, n * sizeof *v);
	v[n + 1] = slice_of(&count, 1);
	while (len > 0) {
		count++;
		v[0] = slice_of(t, t_len);
		e = prf->mac(ctx.b, v, n + 2, t);
		if (e)
			break;
		t_len = prf->out_len;
		size_t take = len < t_len ? len : t_len;
		memcpy(out, t, take);
		out += take;
		len -= take;
	}
	prf->fini(ctx.b);
	mem_wipe(t, sizeof t);
	return e;
}

slice ike_key(const struct ike_keys *k, enum ike_key_id which)
{
	const uint8_t len[IKE_SK_COUNT] = { k->d_len, k->integ_len, k->integ_len, k->encr_len, k->encr_len, k->d_len,
		k->d_len };
	size_t at = 0;
	for (unsigned i = 0; i < which; i++)
		at += len[i];
	if (at + len[which] > k->all.n)
		return SLICE_NONE;
	return slice_of(k->all.p + at, len[which]);
}

void ike_keys_drop_auth(struct ike_keys *k)
{
	size_t keep = (size_t)k->d_len + 2u * k->integ_len + 2u * k->encr_len;
	if (k->all.n > keep)
		secret_trim(&k->all, keep);
}

void ike_keys_fini(struct ike_keys *k)
{
	secret_fini(&k->all);
	*k = (struct ike_keys){ 0 };
}

void ike_keys_move(struct ike_keys *dst, struct ike_keys *src)
{
	ike_keys_fini(dst);
	secret_move(&dst->all, &src->all);
	dst->d_len = src->d_len;
	dst->integ_len = src->integ_len;
	dst->encr_len = src->encr_len;
	*src = (struct ike_keys){ 0 };
}

err_t ike_keys_copy(struct ike_keys *dst, const struct ike_keys *src)
{
	err_t e = secret_copy(&dst->all, secret_slice(&src->all));

	dst->d_len = src->d_len;
	dst->integ_len = src->integ_len;
	dst->encr_len = src->encr_len;
	return e;
}

/* {SK_d | …} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr) with the PRF of the new SA. */
static err_t derive(const struct keymat_ike_in *in, slice skeyseed, struct ike_keys *out)
{
	uint16_t encr_len, integ_len;
	err_t e = suite_key_lens(in->suite, &encr_len, &integ_len);
	if (e)
		return e;
	uint16_t d_len = in->algs->prf->key_len;
	if (encr_len > CRYPTO_KEY_MAX || integ_len > CRYPTO_KEY_MAX || d_len > CRYPTO_KEY_MAX)
		return E_MISUSE;
	e = secret_init(&out->all, 3u * d_len + 2u * integ_len + 2u * encr_len);
	if (e)
		return e;
	uint8_t spi[16];
	struct wr w = wr_of(spi, sizeof spi);
	wr_u64(&w, in->spi_i);
	wr_u64(&w, in->spi_r);
	const slice seed[] = { in->ni, in->nr, slice_of(spi, sizeof spi) };
	e = keymat_prf_plus(in->algs->prf, skeyseed, seed, ARRAY_LEN(seed), out->all.p, out->all.n);
	if (e) {
		secret_fini(&out->all);
		return e;
	}
	out->d_len = (uint8_t)d_len;
	out->integ_len = (uint8_t)integ_len;
	out->encr_len = (uint8_t)encr_len;
	return 0;
}

/* PRFs made of a block cipher take 64 bits of each nonce as their key (RFC 7296 section 2.14). */
static slice nonce_key_part(const struct suite *s, slice nonce)
{
	bool fixed = s->prf == PRF_AES128_XCBC || s->prf == PRF_AES128_CMAC;
	return fixed && nonce.n > FIXED_PRF_HALF ? slice_of(nonce.p, FIXED_PRF_HALF) : nonce;
}

err_t keymat_ike_first(const struct keymat_ike_in *in, struct ike_keys *out)
{
	uint8_t key[512], skeyseed[CRYPTO_MAC_MAX];
	struct wr w = wr_of(key, sizeof key);

	if (in->n_ss != 1)
		return E_MISUSE;
	wr_bytes(&w, nonce_key_part(in->suite, in->ni));
	wr_bytes(&w, nonce_key_part(in->suite, in->nr));
	if (w.err)
		return E_MISUSE;
	err_t e = crypto_mac(in->algs->prf, wr_done(&w), in->ss, 1, skeyseed);
	if (!e)
		e = derive(in, slice_of(skeyseed, in->algs->prf->out_len), out);
	mem_wipe(skeyseed, sizeof skeyseed);
	return e;
}

/* g^ir | Ni | Nr | SK(1) | … ; returns the number of pieces, 0 when there are too many. */
static size_t seed_pieces(slice v[SS_PIECES_MAX + 2], const slice *ss, size_t n_ss, slice ni, slice nr)
{
	size_t n = 0;
	if (n_ss > SS_PIECES_MAX)
		return 0;
	if (n_ss)
		v[n++] = ss[0];
	v[n++] = ni;
	v[n++] = nr;
	for (size_t i = 1; i < n_ss; i++)
		v[n++] = ss[i];
	return n;
}

err_t keymat_ike_next(const struct keymat_ike_in *in, const struct mac_ops *old_prf, slice old_sk_d,
	struct ike_keys *out)
{
	uint8_t skeyseed[CRYPTO_MAC_MAX];
	slice v[SS_PIECES_MAX + 2];
	size_t n = in->n_ss ? seed_pieces(v, in->ss, in->n_ss, in->ni, in->nr) : 0;

	if (!n)
		return E_MISUSE;
	err_t e = crypto_mac(old_prf, old_sk_d, v, n, skeyseed);
	if (!e)
		e = derive(in, slice_of(skeyseed, old_prf->out_len), out);
	mem_wipe(skeyseed, sizeof skeyseed);
	return e;
}

err_t keymat_ppk(const struct mac_ops *prf, slice ppk, struct ike_keys *keys)
{
	static const enum ike_key_id which[] = { IKE_SK_D, IKE_SK_PI, IKE_SK_PR };
	uint8_t mixed[ARRAY_LEN(which)][CRYPTO_KEY_MAX];
	err_t e = ppk.n ? 0 : E_MISUSE;

	/* All or nothing: the keys are changed when none failed. */
	for (size_t i = 0; i < ARRAY_LEN(which) && !e; i++) {
		const slice old = ike_key(keys, which[i]);
		e = old.n && old.n <= CRYPTO_KEY_MAX ? keymat_prf_plus(prf, ppk, &old, 1, mixed[i], old.n) : E_MISUSE;
	}
	for (size_t i = 0; i < ARRAY_LEN(which) && !e; i++) {
		const slice old = ike_key(keys, which[i]);
		memcpy(keys->all.p + (old.p - keys->all.p), mixed[i], old.n);
	}
	mem_wipe(mixed, sizeof mixed);
	return e;
}

slice child_key_encr(const struct child_keys *k, bool by_initiator)
{
	size_t at = by_initiator ? 0 : (size_t)k->encr_len + k->integ_len;
	return k->all.n ? slice_of(k->all.p + at, k->encr_len) : SLICE_NONE;
}

slice child_key_integ(const struct child_keys *k, bool by_initiator)
{
	size_t at = by_initiator ? k->encr_len : 2u * k->encr_len + k->integ_len;
	return k->all.n ? slice_of(k->all.p + at, k->integ_len) : SLICE_NONE;
}

void child_keys_fini(struct child_keys *k)
{
	secret_fini(&k->all);
	*k = (struct child_keys){ 0 };
}

err_t keymat_child(const struct mac_ops *prf, slice sk_d, const struct suite *child, slice ni, slice nr,
	const slice *ss, size_t n_ss, struct child_keys *out)
{
	slice v[SS_PIECES_MAX + 2];
	size_t n = seed_pieces(v, ss, n_ss, ni, nr);
	if (!n)
		return E_MISUSE;
	err_t e = suite_key_lens(child, &out->encr_len, &out->integ_len);
	if (!e)
		e = secret_init(&out->all, 2u * out->encr_len + 2u * out->integ_len);
	if (!e)
		e = keymat_prf_plus(prf, sk_d, v, n, out->all.p, out->all.n);
	if (e)
		child_keys_fini(out);
	return e;
}

err_t keymat_octets(const struct mac_ops *prf, slice first_msg, slice nonce, slice sk_p, slice id_body,
	slice int_auth, struct keymat_octets *o)
{
	o->v[0] = first_msg;
	o->v[1] = nonce;
	o->v[2] = slice_of(o->maced_id, prf->out_len);
	o->v[3] = int_auth;
	return crypto_mac(prf, sk_p, &id_body, 1, o->maced_id);
}

err_t keymat_psk_auth(const struct mac_ops *prf, slice psk, const struct keymat_octets *o, uint8_t *out)
{
	static const char pad[] = "Key Pad for IKEv2";
	uint8_t key[CRYPTO_MAC_MAX];
	const slice text = SLICE_LIT(pad);

	err_t e = crypto_mac(prf, psk, &text, 1, key);
	if (!e)
		e = crypto_mac(prf, slice_of(key, prf->out_len), o->v, ARRAY_LEN(o->v), out);
	mem_wipe(key, sizeof key);
	return e;
}

err_t keymat_psk_verify(const struct mac_ops *prf, slice psk, const struct keymat_octets *o, slice auth)
{
	uint8_t want[CRYPTO_MAC_MAX];
	err_t e = keymat_psk_auth(prf, psk, o, want);
	if (!e && (auth.n != prf->out_len || !mem_equal_ct(want, auth.p, auth.n)))
		e = E_AUTH_FAILED;
	mem_wipe(want, sizeof want);
	return e;
}
