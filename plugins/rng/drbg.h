/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC_DRBG of NIST SP 800-90A Rev. 1 section 10.1.2 over a PRF with 64 bytes of output. Pure: the caller brings the
 * entropy and counts. One state belongs to one thread; wipe it when done.
 */
#ifndef ADIT_RNG_DRBG_H
#define ADIT_RNG_DRBG_H

#include "plugin/abi.h"

enum { DRBG_LEN = 64, DRBG_CTX_MAX = 8192, DRBG_REQUEST_MAX = 1 << 16 };

struct drbg {
	uint8_t key[DRBG_LEN], v[DRBG_LEN];
};

/* Starts anew from seed material (entropy, nonce, personalization, one behind the other). */
MUST err_t drbg_seed(struct drbg *d, const struct mac_ops *hmac, slice seed);
/* Mixes fresh entropy into the state. */
MUST err_t drbg_reseed(struct drbg *d, const struct mac_ops *hmac, slice entropy);
/* At most DRBG_REQUEST_MAX bytes, E_MISUSE. After an error `out` is not random. */
MUST err_t drbg_fill(struct drbg *d, const struct mac_ops *hmac, uint8_t *out, size_t n);

#endif
