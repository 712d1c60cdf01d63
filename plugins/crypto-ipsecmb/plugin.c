/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto-ipsecmb: AES-GCM, AES-CBC, AES-CTR and ChaCha20-Poly1305 of Intel's IPsec multi-buffer library, for the packets of
 * the data plane. GCM and ChaCha20-Poly1305 are called directly, without state that threads share; CBC and CTR go to
 * the library in bursts, through a manager of the thread's own. See README.md.
 */
#include "plugins/crypto-common/common.h"
#include "plugins/crypto-common/rows.h"

#include <intel-ipsec-mb.h>
#include <pthread.h>
#include <stdlib.h>

enum { BLOCK = 16, CTR_NONCE = 4, BURST = 32, ALIGN = 64, SCHEDULE = 15 * 16, CHACHA_KEY = 32 };

/* Function pointers for this processor: read only after start, so any thread may call through it. */
static IMB_MGR *shared;

/* The library wants its keys at multiples of 64; a context is given at multiples of 16. */
static void *aligned(void *ctx)
{
	return (void *)(((uintptr_t)ctx + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1));
}

/* ---- AES-GCM ---- */

struct gcm {
	struct gcm_key_data key;
	uint8_t salt[AEAD_SALT];
};

typedef void gcm_fn(const struct gcm_key_data *, struct gcm_context_data *, uint8_t *, const uint8_t *, uint64_t,
	const uint8_t *, const uint8_t *, uint64_t, uint8_t *, uint64_t);

/* The nonces of a batch are written ahead of their use: read at once, they would stall the processor. The attribute
 * keeps the compiler from clearing what is filled anyway. */
struct nonces {
	_Alignas(16) uint8_t b[BURST][BLOCK];
};
#define UNSET __attribute__((uninitialized))

static inline void nonces_make(struct nonces *x, const struct gcm *g, const struct encr_op *v, size_t n)
{
	uint32_t salt;
	memcpy(&salt, g->salt, sizeof salt);
	for (size_t i = 0; i < n; i++) {
		memcpy(x->b[i], &salt, AEAD_SALT);
		memcpy(x->b[i] + AEAD_SALT, v[i].iv, AEAD_IV);
	}
}

static inline void gcm_seal(void *ctx, struct encr_op *v, size_t n, gcm_fn *f, size_t icv_len)
{
	const struct gcm *g = aligned(ctx);
	struct gcm_context_data c UNSET;
	struct nonces x UNSET;
	for (size_t batch; n; v += batch, n -= batch) {
		batch = n < BURST ? n : BURST;
		nonces_make(&x, g, v, batch);
		for (size_t i = 0; i < batch; i++) {
			f(&g->key, &c, v[i].buf, v[i].buf, v[i].len, x.b[i], v[i].aad.p, v[i].aad.n, v[i].icv, icv_len);
			v[i].res = 0;
		}
	}
}

static inline void gcm_open(void *ctx, struct encr_op *v, size_t n, gcm_fn *f, size_t icv_len)
{
	const struct gcm *g = aligned(ctx);
	struct gcm_context_data c UNSET;
	struct nonces x UNSET;
	uint8_t own[BLOCK];
	for (size_t batch; n; v += batch, n -= batch) {
		batch = n < BURST ? n : BURST;
		nonces_make(&x, g, v, batch);
		for (size_t i = 0; i < batch; i++) {
			f(&g->key, &c, v[i].buf, v[i].buf, v[i].len, x.b[i], v[i].aad.p, v[i].aad.n, own, icv_len);
			v[i].res = crypto_common_equal(own, v[i].icv, icv_len) ? 0 : E_INTEGRITY;
		}
	}
}

static void gcm_fini(void *ctx)
{
	explicit_bzero(aligned(ctx), sizeof(struct gcm));
}

#define GCM_ICV(bits, icvlen) \
	static void gcm##icvlen##_##bits##_seal(void *ctx, struct encr_op *v, size_t n) \
	{ \
		gcm_seal(ctx, v, n, shared->gcm##bits##_enc, icvlen); \
	} \
	static void gcm##icvlen##_##bits##_open(void *ctx, struct encr_op *v, size_t n) \
	{ \
		gcm_open(ctx, v, n, shared->gcm##bits##_dec, icvlen); \
	} \
	static const struct encr_ops mb_gcm##icvlen##_##bits = { .size = sizeof(struct encr_ops), .key_len = bits / 8, \
		.salt_len = AEAD_SALT, .iv_len = AEAD_IV, .icv_len = icvlen, .block_len = 1, \
		.ctx_size = sizeof(struct gcm) + ALIGN, .init = gcm_##bits##_init, .seal = gcm##icvlen##_##bits##_seal, \
		.open = gcm##icvlen##_##bits##_open, .fini = gcm_fini };

#define GCM_BITS(bits) \
	static err_t gcm_##bits##_init(void *ctx, slice key, slice salt) \
	{ \
		struct gcm *g = aligned(ctx); \
		if (key.n != bits / 8 || salt.n != AEAD_SALT) \
			return E_MISUSE; \
		shared->gcm##bits##_pre(key.p, &g->key); \
		memcpy(g->salt, salt.p, AEAD_SALT); \
		return 0; \
	} \
	GCM_ICV(bits, 16) \
	GCM_ICV(bits, 12) \
	GCM_ICV(bits, 8)

GCM_BITS(128)
GCM_BITS(192)
GCM_BITS(256)

/* ---- ChaCha20-Poly1305 ---- */

struct chacha {
	uint8_t key[CHACHA_KEY], salt[AEAD_SALT];
};

static err_t chacha_init(void *ctx, slice key, slice salt)
{
	struct chacha *c = ctx;
	if (key.n != sizeof c->key || salt.n != sizeof c->salt)
		return E_MISUSE;
	memcpy(c->key, key.p, key.n);
	memcpy(c->salt, salt.p, salt.n);
	return 0;
}

static void chacha_one(struct chacha *c, const struct encr_op *op, chacha_poly_enc_dec_update_t update, uint8_t *tag)
{
	struct chacha20_poly1305_context_data s;
	uint8_t nonce[AEAD_NONCE];
	crypto_common_nonce(nonce, c->salt, op->iv);
	shared->chacha20_poly1305_init(c->key, &s, nonce, op->aad.p, op->aad.n);
	update(c->key, &s, op->buf, op->buf, op->len);
	shared->chacha20_poly1305_finalize(&s, tag, BLOCK);
}

static void chacha_seal(void *ctx, struct encr_op *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		chacha_one(ctx, &v[i], shared->chacha20_poly1305_enc_update, v[i].icv);
		v[i].res = 0;
	}
}

static void chacha_open(void *ctx, struct encr_op *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t own[BLOCK];
		chacha_one(ctx, &v[i], shared->chacha20_poly1305_dec_update, own);
		v[i].res = crypto_common_equal(own, v[i].icv, BLOCK) ? 0 : E_INTEGRITY;
	}
}

static void chacha_fini(void *ctx)
{
	explicit_bzero(ctx, sizeof(struct chacha));
}

static const struct encr_ops mb_chacha = { .size = sizeof(struct encr_ops), .key_len = CHACHA_KEY, .salt_len = AEAD_SALT,
	.iv_len = AEAD_IV, .icv_len = BLOCK, .block_len = 1, .ctx_size = sizeof(struct chacha), .init = chacha_init,
	.seal = chacha_seal, .open = chacha_open, .fini = chacha_fini };

/* ---- CBC and CTR: bursts through a manager of the thread ---- */

static pthread_key_t manager_key;
static pthread_once_t manager_once = PTHREAD_ONCE_INIT;
static bool manager_key_made;

static void manager_free(void *m)
{
	free_mb_mgr(m);
}

static void manager_prepare(void)
{
	manager_key_made = pthread_key_create(&manager_key, manager_free) == 0;
}

static IMB_MGR *manager(void)
{
	pthread_once(&manager_once, manager_prepare);
	IMB_MGR *m = manager_key_made ? pthread_getspecific(manager_key) : NULL;
	if (m || !manager_key_made)
		return m;
	m = alloc_mb_mgr(0);
	if (!m)
		return NULL;
	IMB_ARCH arch;
	init_mb_mgr_auto(m, &arch);
	if (pthread_setspecific(manager_key, m)) {
		free_mb_mgr(m);
		return NULL;
	}
	return m;
}

struct plain {
	_Alignas(ALIGN) uint8_t enc[SCHEDULE];
	_Alignas(ALIGN) uint8_t dec[SCHEDULE];
	uint8_t nonce[CTR_NONCE];
	uint8_t key_len;
};

static err_t plain_init(void *ctx, slice key, slice salt, size_t key_len, size_t salt_len)
{
	struct plain *p = aligned(ctx);
	if (key.n != key_len || salt.n != salt_len)
		return E_MISUSE;
	(key_len == 16 ? shared->keyexp_128 : key_len == 24 ? shared->keyexp_192 : shared->keyexp_256)(key.p, p->enc, p->dec);
	p->key_len = (uint8_t)key_len;
	if (salt_len)
		memcpy(p->nonce, salt.p, salt_len);
	return 0;
}

static void plain_fini(void *ctx)
{
	explicit_bzero(aligned(ctx), sizeof(struct plain));
}

/* At most BURST packets. */
static void plain_burst(struct plain *p, IMB_MGR *m, struct encr_op *v, size_t n, bool ctr, bool seal)
{
	IMB_JOB job[BURST] UNSET;
	uint8_t block[BURST][BLOCK] UNSET;
	size_t jobs = 0;

	for (size_t i = 0; i < n; i++) {
		v[i].res = !m ? E_CRYPTO : !ctr && v[i].len % BLOCK ? E_MISUSE : 0;
		if (v[i].res || !v[i].len)
			continue;
		IMB_JOB *j = &job[jobs];
		memset(j, 0, sizeof *j);
		*j = (IMB_JOB){ .enc_keys = p->enc, .dec_keys = p->dec, .key_len_in_bytes = p->key_len, .src = v[i].buf,
			.dst = v[i].buf, .msg_len_to_cipher_in_bytes = v[i].len, .iv = v[i].iv, .iv_len_in_bytes = BLOCK };
		if (ctr) {
			/* Counter block: nonce, IV, a 32-bit counter from 1 (RFC 3686 section 4). */
			memset(block[jobs], 0, BLOCK);
			memcpy(block[jobs], p->nonce, CTR_NONCE);
			memcpy(block[jobs] + CTR_NONCE, v[i].iv, AEAD_IV);
			block[jobs][BLOCK - 1] = 1;
			j->iv = block[jobs];
		}
		jobs++;
	}
	if (!jobs)
		return;
	uint32_t done = IMB_SUBMIT_CIPHER_BURST(m, job, (uint32_t)jobs, ctr ? IMB_CIPHER_CNTR : IMB_CIPHER_CBC,
		seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT, p->key_len);
	if (done != jobs)
		for (size_t i = 0; i < n; i++)
			v[i].res = E_CRYPTO;
}

static void plain_all(void *ctx, struct encr_op *v, size_t n, bool ctr, bool seal)
{
	IMB_MGR *m = manager();
	for (size_t i = 0; i < n; i += BURST)
		plain_burst(aligned(ctx), m, v + i, n - i < BURST ? n - i : BURST, ctr, seal);
}

#define PLAIN_DIRECTIONS(mode, is_ctr) \
	static void mode##_seal(void *ctx, struct encr_op *v, size_t n) \
	{ \
		plain_all(ctx, v, n, is_ctr, true); \
	} \
	static void mode##_open(void *ctx, struct encr_op *v, size_t n) \
	{ \
		plain_all(ctx, v, n, is_ctr, false); \
	}

PLAIN_DIRECTIONS(cbc, false)
PLAIN_DIRECTIONS(ctr, true)

#define PLAIN(mode, bits, saltlen, ivlen, block) \
	static err_t mode##_##bits##_init(void *ctx, slice key, slice salt) \
	{ \
		return plain_init(ctx, key, salt, bits / 8, saltlen); \
	} \
	static const struct encr_ops mb_##mode##_##bits = { .size = sizeof(struct encr_ops), .key_len = bits / 8, \
		.salt_len = saltlen, .iv_len = ivlen, .block_len = block, .ctx_size = sizeof(struct plain) + ALIGN, \
		.init = mode##_##bits##_init, .seal = mode##_seal, .open = mode##_open, .fini = plain_fini };

PLAIN(cbc, 128, 0, BLOCK, BLOCK)
PLAIN(cbc, 192, 0, BLOCK, BLOCK)
PLAIN(cbc, 256, 0, BLOCK, BLOCK)
PLAIN(ctr, 128, CTR_NONCE, AEAD_IV, 1)
PLAIN(ctr, 192, CTR_NONCE, AEAD_IV, 1)
PLAIN(ctr, 256, CTR_NONCE, AEAD_IV, 1)

/* ---- the plugin ---- */

static const struct plug_feat_row feats[] = {
	ROWS_AES(mb)
	ENCR(28, 256, 70, mb_chacha, chacha20_poly1305)
};

static err_t start(const struct plug_host *host, void **self)
{
	IMB_ARCH arch;
	(void)host;
	*self = NULL;
	if (shared)
		return 0;
	shared = alloc_mb_mgr(0);
	if (!shared)
		return E_NOMEM;
	init_mb_mgr_auto(shared, &arch);
	if (arch != IMB_ARCH_NONE && !imb_get_errno(shared))
		return 0;
	free_mb_mgr(shared);
	shared = NULL;
	return E_NOT_SUPPORTED;
}

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "crypto-ipsecmb",
	.version = "0.1.0",
	.summary = "packets in batches with Intel's IPsec multi-buffer library: AES-GCM, AES-CBC, AES-CTR, ChaCha20-Poly1305",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
	.start = start,
};
