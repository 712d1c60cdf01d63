/* SPDX-License-Identifier: Apache-2.0 */
#include "toy_crypto.h"

#include "base/htab.h"
#include "base/rdwr.h"

/* Chained SipHash over pieces; out of any length. */
static void digest(const slice *v, size_t n, uint8_t *out, size_t len)
{
	uint8_t state[16] = "toy toy toy toy";
	for (size_t i = 0; i < n; i++) {
		uint64_t a = siphash(state, v[i]);
		memcpy(state + 8 * (i & 1), &a, 8);
		state[15] = (uint8_t)(state[15] + v[i].n);
	}
	for (size_t at = 0; at < len; at += 8) {
		uint8_t no = (uint8_t)(at / 8);
		uint64_t a = siphash(state, slice_of(&no, 1));
		memcpy(out + at, &a, len - at < 8 ? len - at : 8);
	}
}

struct toy_key {
	uint8_t key[16];
};

static err_t key_init(void *ctx, slice key)
{
	struct toy_key *k = ctx;
	digest(&key, 1, k->key, sizeof k->key);
	return 0;
}

static err_t encr_init(void *ctx, slice key, slice salt)
{
	struct toy_key *k = ctx;
	digest((slice[]){ key, salt }, 2, k->key, sizeof k->key);
	return 0;
}

static void key_fini(void *ctx)
{
	memset(ctx, 0, sizeof(struct toy_key));
}

static void keystream(const struct toy_key *k, const struct encr_op *op, size_t iv_len)
{
	for (size_t at = 0; at < op->len; at += 8) {
		uint8_t block[24] = { 0 };
		memcpy(block, op->iv, iv_len);
		memcpy(block + 16, &at, sizeof at);
		uint64_t a = siphash(k->key, slice_of(block, sizeof block));
		for (size_t i = at; i < op->len && i < at + 8; i++, a >>= 8)
			op->buf[i] ^= (uint8_t)a;
	}
}

static void aead_icv(const struct toy_key *k, const struct encr_op *op, uint8_t *icv)
{
	digest((slice[]){ slice_of(k->key, 16), op->aad, slice_of(op->iv, 8), slice_of(op->buf, op->len) }, 4, icv, 16);
}

static void aead_seal(void *ctx, struct encr_op *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		keystream(ctx, &v[i], 8);
		aead_icv(ctx, &v[i], v[i].icv);
		v[i].res = 0;
	}
}

static void aead_open(void *ctx, struct encr_op *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t icv[16];
		aead_icv(ctx, &v[i], icv);
		v[i].res = memcmp(icv, v[i].icv, 16) ? E_INTEGRITY : 0;
		if (!v[i].res)
			keystream(ctx, &v[i], 8);
	}
}

static void cbc_both(void *ctx, struct encr_op *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		keystream(ctx, &v[i], 16);
		v[i].res = 0;
	}
}

static err_t mac32(void *ctx, const slice *v, size_t n, uint8_t *out)
{
	slice all[9] = { slice_of(((struct toy_key *)ctx)->key, 16) };
	if (n > 8)
		return E_MISUSE;
	memcpy(all + 1, v, n * sizeof *v);
	digest(all, n + 1, out, 32);
	return 0;
}

static err_t mac16(void *ctx, const slice *v, size_t n, uint8_t *out)
{
	uint8_t full[32];
	err_t e = mac32(ctx, v, n, full);
	memcpy(out, full, 16);
	return e;
}

/* "Diffie-Hellman" by addition: both sides know the sum. */
static err_t kex_offer(void *ctx, uint8_t *pub_i)
{
	memset(pub_i, 1, 32);
	memset(ctx, 1, 32);
	return 0;
}

static err_t sum(const uint8_t *a, slice b, uint8_t *ss)
{
	if (b.n != 32)
		return E_BAD_PUBLIC;
	for (size_t i = 0; i < 32; i++)
		ss[i] = (uint8_t)(a[i] + b.p[i]);
	return 0;
}

static err_t kex_answer(slice pub_i, uint8_t *pub_r, uint8_t *ss)
{
	memset(pub_r, 2, 32);
	return sum(pub_r, pub_i, ss);
}

static err_t kex_finish(void *ctx, slice pub_r, uint8_t *ss)
{
	return sum(ctx, pub_r, ss);
}

static void kex_fini(void *ctx)
{
	memset(ctx, 0, 32);
}

static err_t hash20(const slice *v, size_t n, uint8_t *out)
{
	digest(v, n, out, 20);
	return 0;
}

static err_t hash32(const slice *v, size_t n, uint8_t *out)
{
	digest(v, n, out, 32);
	return 0;
}

const struct encr_ops toy_aead = { .size = sizeof toy_aead, .key_len = 32, .salt_len = 4, .iv_len = 8, .icv_len = 16,
	.block_len = 1, .ctx_size = sizeof(struct toy_key), .init = encr_init, .seal = aead_seal, .open = aead_open,
	.fini = key_fini };
const struct encr_ops toy_cbc = { .size = sizeof toy_cbc, .key_len = 16, .iv_len = 16, .block_len = 16,
	.ctx_size = sizeof(struct toy_key), .init = encr_init, .seal = cbc_both, .open = cbc_both, .fini = key_fini };
const struct mac_ops toy_integ = { .size = sizeof toy_integ, .key_len = 32, .out_len = 16,
	.ctx_size = sizeof(struct toy_key), .init = key_init, .mac = mac16, .fini = key_fini };
const struct mac_ops toy_prf = { .size = sizeof toy_prf, .key_len = 32, .out_len = 32, .ctx_size = sizeof(struct toy_key),
	.init = key_init, .mac = mac32, .fini = key_fini };
const struct kex_ops toy_kex = { .size = sizeof toy_kex, .pub_i_len = 32, .pub_r_len = 32, .secret_len = 32, .ctx_size = 32,
	.offer = kex_offer, .answer = kex_answer, .finish = kex_finish, .fini = kex_fini };
const struct hash_ops toy_sha1 = { .size = sizeof toy_sha1, .out_len = 20, .digest = hash20 };
const struct hash_ops toy_hash = { .size = sizeof toy_hash, .out_len = 32, .digest = hash32 };

static const void *find(void *arg, uint16_t kind, uint16_t id, uint16_t bits)
{
	static const struct {
		uint16_t kind, id, bits;
		const void *ops;
	} rows[] = {
		{ PLUG_ENCR, 20, 256, &toy_aead }, { PLUG_ENCR, 12, 128, &toy_cbc }, { PLUG_INTEG, 12, 0, &toy_integ },
		{ PLUG_PRF, 5, 0, &toy_prf }, { PLUG_KEX, 31, 0, &toy_kex }, { PLUG_HASH, 1, 0, &toy_sha1 },
		{ PLUG_HASH, 2, 0, &toy_hash },
	};
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].kind == kind && rows[i].id == id && (!rows[i].bits || rows[i].bits == bits))
			return rows[i].ops;
	return NULL;
}

static err_t count_up(void *arg, uint8_t *out, size_t n)
{
	uint64_t *counter = arg;
	++*counter;
	slice s = slice_of(counter, sizeof *counter);
	digest(&s, 1, out, n);
	return 0;
}

void toy_crypto_init(struct crypto *c, uint64_t *counter)
{
	crypto_init(c, find, count_up, counter);
}
