/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The crypto services the engine is given: look-ups of algorithms among what the plugins provide, and random bytes.
 *
 * `struct crypto` is a small view: two functions and their argument. The daemon makes one over the plugin registry,
 * a test makes one over a table of its own. It is never changed after crypto_init(); any thread may use it.
 * The function tables it answers live as long as the plugins, that is until the process ends: an SA may keep them.
 */
#ifndef ADIT_CRYPTO_CRYPTO_H
#define ADIT_CRYPTO_CRYPTO_H

#include "base/diag.h"
#include "plugin/abi.h"

/* Largest context of a provider that is used: contexts are made on the stack, one per message. */
#define CRYPTO_CTX_MAX 8192
/* Largest output of a PRF, integrity or hash algorithm; largest key with salt; largest KE public value and secret. */
#define CRYPTO_MAC_MAX 64
#define CRYPTO_KEY_MAX 64
#define CRYPTO_PUB_MAX 2048
#define CRYPTO_SS_MAX 1024

/* A context of any provider, made on the stack and wiped by its own fini. Declared with CRYPTO_UNSET, because setting
 * all of it to zero for each message (-ftrivial-auto-var-init) costs more than what it is used for. */
#define CRYPTO_UNSET __attribute__((uninitialized))
struct crypto_ctx {
	_Alignas(16) uint8_t b[CRYPTO_CTX_MAX];
};

/* The best provider's function table, or NULL: as plug_host.find. */
typedef const void *crypto_find_fn(void *arg, uint16_t kind, uint16_t id, uint16_t bits);
typedef err_t crypto_random_fn(void *arg, uint8_t *out, size_t n);

struct crypto {
	crypto_find_fn *find;
	crypto_random_fn *random;
	void *arg;
};

void crypto_init(struct crypto *c, crypto_find_fn *find, crypto_random_fn *random, void *arg);

/* NULL when nothing that is loaded provides it, or when what is provided has a context or an output over the maxima
 * above. Ids are IANA's. `bits` is the key length without salt; 0 for the one length of an algorithm that has one
 * (ChaCha20-Poly1305). They do not wait. */
const struct encr_ops *crypto_encr(const struct crypto *c, uint16_t id, uint16_t bits);
const struct mac_ops *crypto_integ(const struct crypto *c, uint16_t id);
const struct mac_ops *crypto_prf(const struct crypto *c, uint16_t id);
const struct hash_ops *crypto_hash(const struct crypto *c, uint16_t id);
const struct kex_ops *crypto_kex(const struct crypto *c, uint16_t id);

/* Random bytes fit for keys, nonces and SPIs. E_CRYPTO when the source fails: the caller gives up what it does. */
MUST err_t crypto_random(const struct crypto *c, uint8_t *out, size_t n);

struct suite;

/* The providers of a chosen IKE suite. `integ` is NULL with an AEAD. An IKE SA keeps one of these. */
struct crypto_algs {
	const struct encr_ops *encr;
	const struct mac_ops *integ;
	const struct mac_ops *prf;
};

/* E_NOT_SUPPORTED names the algorithm in why. */
MUST err_t crypto_algs_of(const struct crypto *c, const struct suite *s, struct crypto_algs *out, struct diag **why);

/* One MAC over n pieces, with a context of its own on the stack. `out` has ops->out_len bytes. */
MUST err_t crypto_mac(const struct mac_ops *ops, slice key, const slice *v, size_t n, uint8_t *out);

#endif
