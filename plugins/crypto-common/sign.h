/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the signatures of all libraries have in common: which RSA keys are taken, what the parameters of a PSS key bind,
 * the encodings that are put together before the library sees a number, and the frame of a function table. Keys are
 * read by keyfmt.h, so that a library's own, wider readers see nothing from outside. Any thread.
 */
#ifndef ADIT_CRYPTO_COMMON_SIGN_H
#define ADIT_CRYPTO_COMMON_SIGN_H

#include "crypto/keyfmt.h"
#include "plugins/crypto-common/common.h"

#include <stdlib.h>

enum {
	SIGN_RSA_MIN = 128, SIGN_RSA_MAX = 2048, /* bytes of a modulus */
	SIGN_RAW_MAX = 132,  /* r | s of the largest curve */
	SIGN_DER_MAX = 144,  /* the same in DER */
	SIGN_HASH_MAX = 64,
	SIGN_MESSAGE_MAX = 1 << 20 /* of EdDSA, which takes its message in one piece */
};

/* What a key says about PSS: its parameters bind every signature made with it (RFC 4055 section 3.3). */
struct sign_bound {
	bool set;
	struct sign_how how;
};

static inline uint16_t sign_mgf_hash(const struct sign_how *how)
{
	return how->mgf_hash ? how->mgf_hash : how->hash;
}

static inline err_t sign_bound_check(const struct sign_bound *b, const struct sign_how *how)
{
	return b->set && (b->how.hash != how->hash || b->how.mgf_hash != sign_mgf_hash(how) ||
		how->salt_len < b->how.salt_len) ? E_BAD_VALUE : 0;
}

/* E_BAD_VALUE: no RSA key, or not one for this scheme; E_NOT_SUPPORTED: too short or too long. */
static inline err_t sign_rsa_check(const struct keyfmt *k, bool pss, struct sign_bound *bound)
{
	if (k->type != KEYFMT_RSA && !(pss && k->type == KEYFMT_RSA_PSS))
		return E_BAD_VALUE;
	if (k->n.n < SIGN_RSA_MIN || k->n.n > SIGN_RSA_MAX || keyfmt_too_dear(k->n.n, k->e.n))
		return E_NOT_SUPPORTED;
	if (!(k->n.p[k->n.n - 1] & 1) || !(k->e.p[k->e.n - 1] & 1) || (k->e.n == 1 && k->e.p[0] == 1) || k->e.n > k->n.n)
		return E_BAD_VALUE;
	*bound = (struct sign_bound){ k->pss_params, k->pss };
	return 0;
}

/* EMSA-PKCS1-v1_5 (RFC 8017 section 9.2), as long as the modulus: a verifier compares all of it. */
static inline err_t sign_pkcs1_encode(uint16_t hash, slice digest, uint8_t *em, size_t len)
{
	slice oid = SLICE_NONE;
	for (size_t i = 0; i < ARRAY_LEN(keyfmt_hashes); i++)
		if (keyfmt_hashes[i].hash == hash)
			oid = keyfmt_hashes[i].oid;
	size_t info = 10 + oid.n + digest.n;
	if (!oid.n || len < info + 11)
		return E_NOT_SUPPORTED;
	memset(em, 0xff, len);
	em[0] = 0;
	em[1] = 1;
	uint8_t *p = em + len - info;
	const uint8_t head[] = { DER_SEQ, (uint8_t)(info - 2), DER_SEQ, (uint8_t)(oid.n + 4), DER_OID, (uint8_t)oid.n };
	const uint8_t tail[] = { DER_NULL, 0, DER_OCTETS, (uint8_t)digest.n };
	p[-1] = 0;
	memcpy(p, head, sizeof head);
	memcpy(p + sizeof head, oid.p, oid.n);
	memcpy(p + sizeof head + oid.n, tail, sizeof tail);
	memcpy(p + sizeof head + oid.n + sizeof tail, digest.p, digest.n);
	return 0;
}

/* The pieces of a message as one. *own is to be given to free() afterwards. */
static inline err_t sign_one_piece(const slice *v, size_t n, slice *all, uint8_t **own)
{
	size_t total = 0, at = 0;
	*own = NULL;
	*all = n ? v[0] : SLICE_NONE;
	if (n <= 1)
		return 0;
	for (size_t i = 0; i < n; i++)
		total += v[i].n;
	if (total > SIGN_MESSAGE_MAX || !(*own = malloc(total + 1)))
		return E_NOMEM;
	for (size_t i = 0; i < n; at += v[i++].n)
		if (v[i].n)
			memcpy(*own + at, v[i].p, v[i].n);
	*all = slice_of(*own, total);
	return 0;
}

/* r | s as the feature writes it, raw or DER; *len is the room and then the length. E_SPACE. */
static inline err_t sign_ecdsa_put(const uint8_t *numbers, size_t len, bool raw, uint8_t *out, size_t *room)
{
	if (!raw)
		return keyfmt_ecdsa_der(numbers, len, out, room);
	if (*room < 2 * len)
		return E_SPACE;
	memcpy(out, numbers, 2 * len);
	*room = 2 * len;
	return 0;
}

/* And back; E_AUTH_FAILED: a signature of another form or length. */
static inline err_t sign_ecdsa_get(slice sig, size_t len, bool raw, uint8_t *numbers)
{
	if (!raw)
		return keyfmt_ecdsa_raw(sig, len, numbers);
	if (sig.n != 2 * len)
		return E_AUTH_FAILED;
	memcpy(numbers, sig.p, sig.n);
	return 0;
}

/* s below the order of the group (little endian, of the key's length): else one signature could be written in several
 * ways (RFC 8032 sections 5.1.7, 5.2.7), and libraries that read fewer bytes would take any in the last one. */
static inline bool sign_ed_below_order(const uint8_t *s, size_t len)
{
	static const uint8_t order_25519[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde,
		0xf9, 0xde, 0x14, [31] = 0x10 };
	static const uint8_t order_448[57] = { 0xf3, 0x44, 0x58, 0xab, 0x92, 0xc2, 0x78, 0x23, 0x55, 0x8f, 0xc5, 0x8d, 0x72,
		0xc2, 0x6c, 0x21, 0x90, 0x36, 0xd6, 0xae, 0x49, 0xdb, 0x4e, 0xc4, 0xe9, 0x23, 0xca, 0x7c, [28 ... 54] = 0xff, 0x3f };
	const uint8_t *order = len == sizeof order_448 ? order_448 : order_25519;
	for (size_t i = len; i-- > 0;)
		if (s[i] != order[i])
			return s[i] < order[i];
	return false;
}

/* A function table `prefix_name` over `context`, which is zeroed before a key is loaded; `fini` wipes it. In the calls:
 * c the context, k the key as it was read and `private`; how, v, n, out, len and sig as sign_ops has them. */
#define SIGN_TABLE(prefix, name, context, fini_fn, max, load_call, sign_call, verify_call) \
	static err_t prefix##_##name##_load(void *ctx, slice der, bool private) \
	{ \
		context *c = ctx; \
		struct keyfmt k; \
		memset(c, 0, sizeof *c); \
		err_t e = private ? keyfmt_private(der, &k) : keyfmt_public(der, &k); \
		return e ? e : load_call; \
	} \
	static err_t prefix##_##name##_load_public(void *ctx, slice spki) \
	{ \
		return prefix##_##name##_load(ctx, spki, false); \
	} \
	static err_t prefix##_##name##_load_private(void *ctx, slice pkcs8) \
	{ \
		return prefix##_##name##_load(ctx, pkcs8, true); \
	} \
	static err_t prefix##_##name##_sign(void *ctx, const struct sign_how *how, const slice *v, size_t n, uint8_t *out, \
		size_t *len) \
	{ \
		context *c = ctx; \
		(void)how; \
		return sign_call; \
	} \
	static err_t prefix##_##name##_verify(void *ctx, const struct sign_how *how, const slice *v, size_t n, slice sig) \
	{ \
		context *c = ctx; \
		(void)how; \
		return verify_call; \
	} \
	const struct sign_ops prefix##_##name = { .size = sizeof(struct sign_ops), .ctx_size = sizeof(context), \
		.sig_max = max, .load_public = prefix##_##name##_load_public, \
		.load_private = prefix##_##name##_load_private, .sign = prefix##_##name##_sign, \
		.verify = prefix##_##name##_verify, .fini = fini_fn };

#endif
