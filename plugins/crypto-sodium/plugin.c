/* SPDX-License-Identifier: Apache-2.0 */
/* crypto-sodium: ChaCha20-Poly1305 (RFC 7634), X25519 (RFC 8031), HMAC-SHA-2 and Ed25519 (RFC 8420) of libsodium. See
 * README.md. */
#include "plugins/crypto-common/common.h"
#include "plugins/crypto-common/kats_encr.h"
#include "plugins/crypto-common/kats_kex.h"
#include "plugins/crypto-common/kats_mac.h"
#include "plugins/crypto-common/kats_sign.h"
#include "plugins/crypto-common/sign.h"

#include <sodium.h>

enum {
	CHACHA_KEY = crypto_aead_chacha20poly1305_IETF_KEYBYTES,
	CHACHA_ICV = crypto_aead_chacha20poly1305_IETF_ABYTES,
	X25519_LEN = crypto_scalarmult_BYTES
};

/* ---- ChaCha20-Poly1305 ---- */

struct chacha_ctx {
	uint8_t key[CHACHA_KEY];
	uint8_t salt[AEAD_SALT];
};

static err_t chacha_init(void *ctx, slice key, slice salt)
{
	struct chacha_ctx *c = ctx;
	if (key.n != sizeof c->key || salt.n != sizeof c->salt)
		return E_MISUSE;
	memcpy(c->key, key.p, key.n);
	memcpy(c->salt, salt.p, salt.n);
	return 0;
}

static void chacha_seal(void *ctx, struct encr_op *v, size_t n)
{
	struct chacha_ctx *c = ctx;
	for (size_t i = 0; i < n; i++) {
		uint8_t nonce[AEAD_NONCE];
		crypto_common_nonce(nonce, c->salt, v[i].iv);
		v[i].res = crypto_aead_chacha20poly1305_ietf_encrypt_detached(v[i].buf, v[i].icv, NULL, v[i].buf, v[i].len,
			v[i].aad.p, v[i].aad.n, NULL, nonce, c->key) ? E_CRYPTO : 0;
	}
}

static void chacha_open(void *ctx, struct encr_op *v, size_t n)
{
	struct chacha_ctx *c = ctx;
	for (size_t i = 0; i < n; i++) {
		uint8_t nonce[AEAD_NONCE];
		crypto_common_nonce(nonce, c->salt, v[i].iv);
		v[i].res = crypto_aead_chacha20poly1305_ietf_decrypt_detached(v[i].buf, NULL, v[i].buf, v[i].len, v[i].icv,
			v[i].aad.p, v[i].aad.n, nonce, c->key) ? E_INTEGRITY : 0;
	}
}

static void chacha_fini(void *ctx)
{
	sodium_memzero(ctx, sizeof(struct chacha_ctx));
}

static const struct encr_ops chacha = { .size = sizeof(struct encr_ops), .key_len = CHACHA_KEY, .salt_len = AEAD_SALT,
	.iv_len = AEAD_IV, .icv_len = CHACHA_ICV, .block_len = 1, .ctx_size = sizeof(struct chacha_ctx),
	.init = chacha_init, .seal = chacha_seal, .open = chacha_open, .fini = chacha_fini };

/* ---- HMAC ---- */

/* The state after the key stays; each message works on a copy of it. */
#define HMAC_OF(sha, full) \
	static err_t sha##_init(void *ctx, slice key) \
	{ \
		crypto_auth_hmac##sha##_init(ctx, key.n ? key.p : (const uint8_t *)"", key.n); \
		return 0; \
	} \
	static void sha##_run(const void *ctx, const slice *v, size_t n, uint8_t *out, size_t out_len) \
	{ \
		crypto_auth_hmac##sha##_state s; \
		uint8_t all[full]; \
		memcpy(&s, ctx, sizeof s); \
		for (size_t i = 0; i < n; i++) \
			if (v[i].n) \
				crypto_auth_hmac##sha##_update(&s, v[i].p, v[i].n); \
		crypto_auth_hmac##sha##_final(&s, all); \
		memcpy(out, all, out_len); \
		sodium_memzero(all, sizeof all); \
		sodium_memzero(&s, sizeof s); \
	} \
	static void sha##_fini(void *ctx) \
	{ \
		sodium_memzero(ctx, sizeof(crypto_auth_hmac##sha##_state)); \
	}

#define HMAC(name, sha, keylen, outlen) \
	static err_t name##_mac(void *ctx, const slice *v, size_t n, uint8_t *out) \
	{ \
		sha##_run(ctx, v, n, out, outlen); \
		return 0; \
	} \
	static const struct mac_ops name = { .size = sizeof(struct mac_ops), .key_len = keylen, .out_len = outlen, \
		.ctx_size = sizeof(crypto_auth_hmac##sha##_state), .init = sha##_init, .mac = name##_mac, .fini = sha##_fini };

HMAC_OF(sha256, crypto_auth_hmacsha256_BYTES)
HMAC_OF(sha512, crypto_auth_hmacsha512_BYTES)
HMAC(integ_sha256, sha256, 32, 16)
HMAC(integ_sha512, sha512, 64, 32)
HMAC(prf_sha256, sha256, 32, 32)
HMAC(prf_sha512, sha512, 64, 64)

/* ---- X25519 ---- */

static err_t x25519_offer(void *ctx, uint8_t *pub)
{
	err_t e = crypto_common_random((uint8_t *)ctx, X25519_LEN);
	if (e)
		return e;
	return crypto_scalarmult_base(pub, ctx) ? E_CRYPTO : 0;
}

static err_t x25519_finish(void *ctx, slice pub, uint8_t *ss)
{
	if (pub.n != X25519_LEN)
		return E_BAD_PUBLIC;
	/* Fails for the points of small order by itself; the all-zero secret is what RFC 8031 section 3 refuses. */
	if (crypto_scalarmult(ss, ctx, pub.p) || crypto_common_is_zero(ss, X25519_LEN))
		return E_BAD_PUBLIC;
	return 0;
}

static err_t x25519_answer(slice pub_i, uint8_t *pub_r, uint8_t *ss)
{
	uint8_t priv[X25519_LEN];
	err_t e = x25519_offer(priv, pub_r);
	if (!e)
		e = x25519_finish(priv, pub_i, ss);
	sodium_memzero(priv, sizeof priv);
	return e;
}

static void x25519_fini(void *ctx)
{
	sodium_memzero(ctx, X25519_LEN);
}

static err_t x25519_private(void *ctx, slice priv)
{
	if (priv.n != X25519_LEN)
		return E_MISUSE;
	memcpy(ctx, priv.p, X25519_LEN);
	return 0;
}

static const struct kex_ops x25519 = { .size = sizeof(struct kex_ops), .pub_i_len = X25519_LEN, .pub_r_len = X25519_LEN,
	.secret_len = X25519_LEN, .ctx_size = X25519_LEN, .offer = x25519_offer, .answer = x25519_answer,
	.finish = x25519_finish, .fini = x25519_fini, .test_private = x25519_private };

/* ---- Ed25519 ---- */

/* The library's private key is the seed and the public key, which is worked out, never taken from outside. */
struct ed {
	uint8_t pub[crypto_sign_PUBLICKEYBYTES], priv[crypto_sign_SECRETKEYBYTES];
};

static void ed_close(void *ctx)
{
	sodium_memzero(ctx, sizeof(struct ed));
}

static err_t ed_load(struct ed *c, const struct keyfmt *k, bool private)
{
	if (k->type != KEYFMT_ED25519)
		return E_BAD_VALUE;
	if (private)
		return crypto_sign_seed_keypair(c->pub, c->priv, k->priv.p) ? E_CRYPTO : 0;
	memcpy(c->pub, k->point.p, sizeof c->pub);
	return 0;
}

static err_t ed_sign(const struct ed *c, const slice *v, size_t n, uint8_t *out, size_t *len)
{
	slice all;
	uint8_t *own;
	err_t e = *len < crypto_sign_BYTES ? E_SPACE : sign_one_piece(v, n, &all, &own);
	if (e)
		return e;
	e = crypto_sign_detached(out, NULL, all.p, all.n, c->priv) ? E_CRYPTO : 0;
	free(own);
	*len = crypto_sign_BYTES;
	return e;
}

static err_t ed_verify(const struct ed *c, const slice *v, size_t n, slice sig)
{
	slice all;
	uint8_t *own;
	err_t e = sig.n != crypto_sign_BYTES ? E_AUTH_FAILED : sign_one_piece(v, n, &all, &own);
	if (e)
		return e;
	e = crypto_sign_verify_detached(sig.p, all.p, all.n, c->pub) ? E_AUTH_FAILED : 0;
	free(own);
	return e;
}

SIGN_TABLE(so, ed25519, struct ed, ed_close, crypto_sign_BYTES, ed_load(c, &k, private),
	ed_sign(c, v, n, out, len), ed_verify(c, v, n, sig))

/* ---- the plugin ---- */

/* Priorities follow what was measured against the other crypto plugins (README.md). */
static const struct plug_feat_row feats[] = {
	{ .is = { PLUG_ENCR, 28, 256 }, .prio = 50, .ops = &chacha, KATS(chacha20_poly1305) },
	{ .is = { PLUG_INTEG, 12, 0 }, .prio = 10, .ops = &integ_sha256, KATS(integ_sha256) },
	{ .is = { PLUG_INTEG, 14, 0 }, .prio = 10, .ops = &integ_sha512, KATS(integ_sha512) },
	{ .is = { PLUG_PRF, 5, 0 }, .prio = 10, .ops = &prf_sha256, KATS(prf_sha256) },
	{ .is = { PLUG_PRF, 7, 0 }, .prio = 10, .ops = &prf_sha512, KATS(prf_sha512) },
	{ .is = { PLUG_KEX, 31, 0 }, .prio = 90, .ops = &x25519, KATS(x25519) },
	{ .is = { PLUG_SIGN, PLUG_SIGN_ED25519, 0 }, .prio = 40, .ops = &so_ed25519, KATS(ed25519) },
};

static err_t start(const struct plug_host *host, void **self)
{
	(void)host;
	*self = NULL;
	return sodium_init() < 0 ? E_CRYPTO : 0;
}

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "crypto-sodium",
	.version = "0.1.0",
	.summary = "algorithms of libsodium: X25519, ChaCha20-Poly1305, HMAC-SHA-2, Ed25519",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
	.start = start,
};
