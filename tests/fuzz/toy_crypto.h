/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Algorithms that protect nothing but behave like real ones: a fuzzer needs thousands of sealed messages per second, the
 * same in every run. Everything is made of SipHash. Provides ENCR 20 (AEAD, 8-byte IV, 16-byte ICV) and 12 (CBC shape,
 * 16-byte blocks), INTEG 12, PRF 5, KE 31, HASH 1
 * and 2, and a counting random generator.
 */
#ifndef ADIT_TESTS_TOY_CRYPTO_H
#define ADIT_TESTS_TOY_CRYPTO_H

#include "crypto/crypto.h"

extern const struct encr_ops toy_aead, toy_cbc;
extern const struct mac_ops toy_integ, toy_prf;
extern const struct kex_ops toy_kex;
extern const struct hash_ops toy_sha1, toy_hash;

/* *counter is the state of the random generator: the same start, the same bytes. */
void toy_crypto_init(struct crypto *c, uint64_t *counter);

#endif
