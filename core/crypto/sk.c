/* SPDX-License-Identifier: Apache-2.0 */
/* Seal and open of SK and SKF payloads: RFC 7296 section 3.14, RFC 5282, RFC 7383. */
#include "crypto/sk.h"

#include "base/rdwr.h"

enum { IKE_LENGTH_AT = 24, PAYLOAD_LENGTH_AT = 2, PAYLOAD_MAX = 65535, IV_COUNTER_LEN = 8 };

struct sk_key sk_key_of(const struct crypto_algs *algs, const struct ike_keys *keys, bool by_initiator)
{
	return (struct sk_key){
		.encr = algs->encr,
		.integ = algs->integ,
		.encr_key = ike_key(keys, by_initiator ? IKE_SK_EI : IKE_SK_ER),
		.integ_key = ike_key(keys, by_initiator ? IKE_SK_AI : IKE_SK_AR),
	};
}

static size_t icv_len(const struct sk_key *k)
{
	return k->integ ? k->integ->out_len : k->encr->icv_len;
}

/* Padding and the pad length byte behind n bytes. */
static size_t pad_len(const struct sk_key *k, size_t n)
{
	size_t block = k->encr->block_len;
	return block - n % block;
}

size_t sk_sealed_len(const struct sk_key *k, size_t body_at, size_t n_inner)
{
	return sk_inner_at(k, body_at) + n_inner + pad_len(k, n_inner) + icv_len(k);
}

size_t sk_inner_max(const struct sk_key *k, size_t body_at, size_t cap)
{
	size_t fixed = sk_inner_at(k, body_at) + icv_len(k);
	if (cap <= fixed)
		return 0;
	size_t room = cap - fixed;
	room -= room % k->encr->block_len;
	return room ? room - 1 : 0;
}

/* Key and salt stand side by side in the keying material. An AEAD needs no integrity key, all else does. */
static err_t encr_init(const struct sk_key *k, struct crypto_ctx *ctx)
{
	size_t key_len = k->encr->key_len;
	if (k->encr_key.n != key_len + k->encr->salt_len || !k->integ == !k->encr->icv_len)
		return E_MISUSE;
	return k->encr->init(ctx->b, slice_of(k->encr_key.p, key_len),
		slice_of(k->encr_key.p + key_len, k->encr->salt_len));
}

static err_t make_iv(const struct crypto *c, const struct sk_key *k, uint64_t *counter, uint8_t *iv)
{
	if (k->encr->block_len > 1)
		return crypto_random(c, iv, k->encr->iv_len);
	if (k->encr->iv_len != IV_COUNTER_LEN)
		return k->encr->iv_len ? E_MISUSE : 0;
	if (*counter == UINT64_MAX || (k->encr->max_packets && *counter >= k->encr->max_packets))
		return E_LIMIT;
	struct wr w = wr_of(iv, IV_COUNTER_LEN);
	wr_u64(&w, (*counter)++);
	return w.err;
}

static err_t encrypt(const struct sk_key *k, uint8_t *msg, size_t body_at, size_t n, uint8_t *icv)
{
	struct crypto_ctx ctx CRYPTO_UNSET;
	uint8_t *body = msg + sk_inner_at(k, body_at);
	struct encr_op op = { .iv = msg + body_at, .buf = body, .len = n, .res = E_CRYPTO };

	if (!k->integ) {
		op.aad = slice_of(msg, body_at);
		op.icv = icv;
	}
	err_t e = encr_init(k, &ctx);
	if (e)
		return e;
	k->encr->seal(ctx.b, &op, 1);
	k->encr->fini(ctx.b);
	if (op.res || !k->integ)
		return op.res;
	const slice all = slice_of(msg, (size_t)(body - msg) + n);
	return crypto_mac(k->integ, k->integ_key, &all, 1, icv);
}

err_t sk_seal(const struct crypto *c, const struct sk_key *k, uint64_t *iv_counter, uint8_t *msg, size_t cap,
	size_t payload_at, size_t body_at, size_t n_inner, size_t *n_msg)
{
	size_t inner_at = sk_inner_at(k, body_at);
	size_t total = sk_sealed_len(k, body_at, n_inner);
	size_t pad = pad_len(k, n_inner);

	if (total > cap || total - payload_at > PAYLOAD_MAX)
		return E_SPACE;
	struct wr w = wr_of(msg + IKE_LENGTH_AT, 4);
	wr_u32(&w, (uint32_t)total);
	w = wr_of(msg + payload_at + PAYLOAD_LENGTH_AT, 2);
	wr_u16(&w, (uint16_t)(total - payload_at));
	memset(msg + inner_at + n_inner, 0, pad - 1);
	msg[inner_at + n_inner + pad - 1] = (uint8_t)(pad - 1);
	err_t e = make_iv(c, k, iv_counter, msg + body_at);
	if (!e)
		e = encrypt(k, msg, body_at, n_inner + pad, msg + total - icv_len(k));
	if (!e)
		*n_msg = total;
	return e;
}

static err_t decrypt(const struct sk_key *k, uint8_t *msg, size_t body_at, size_t n, uint8_t *icv)
{
	struct crypto_ctx ctx CRYPTO_UNSET;
	uint8_t *body = msg + sk_inner_at(k, body_at);
	struct encr_op op = { .iv = msg + body_at, .buf = body, .len = n, .res = E_CRYPTO };

	if (k->integ) {
		uint8_t want[CRYPTO_MAC_MAX];
		const slice all = slice_of(msg, (size_t)(body - msg) + n);
		err_t e = crypto_mac(k->integ, k->integ_key, &all, 1, want);
		if (!e && !mem_equal_ct(want, icv, k->integ->out_len))
			e = E_INTEGRITY;
		mem_wipe(want, sizeof want);
		if (e)
			return e;
	} else {
		op.aad = slice_of(msg, body_at);
		op.icv = icv;
	}
	err_t e = encr_init(k, &ctx);
	if (e)
		return e;
	k->encr->open(ctx.b, &op, 1);
	k->encr->fini(ctx.b);
	return op.res;
}

err_t sk_open(const struct sk_key *k, uint8_t *msg, size_t n_msg, size_t body_at, slice *inner)
{
	size_t inner_at = sk_inner_at(k, body_at);

	*inner = SLICE_NONE;
	if (n_msg < inner_at + icv_len(k) + 1)
		return E_TRUNCATED;
	size_t n = n_msg - inner_at - icv_len(k);
	/* Nobody can have sealed this: told as a failed check, so that it costs a stranger's packet nothing to refuse. */
	if (n % k->encr->block_len)
		return E_INTEGRITY;
	err_t e = decrypt(k, msg, body_at, n, msg + inner_at + n);
	if (e)
		return e;
	size_t pad = msg[inner_at + n - 1];
	if (pad + 1 > n)
		return E_SYNTAX;
	*inner = slice_of(msg + inner_at, n - pad - 1);
	return 0;
}
