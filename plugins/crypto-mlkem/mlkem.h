/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ML-KEM-512, -768 and -1024 (FIPS 203) in portable C. No branch and no address depends on a secret. Everything is a
 * pure function of its arguments; randomness comes from the caller. Any thread.
 */
#ifndef ADIT_MLKEM_H
#define ADIT_MLKEM_H

#include "base/err.h"

enum { MLKEM_SEED = 64, MLKEM_RANDOM = 32, MLKEM_SECRET = 32, MLKEM_EK_MAX = 1568, MLKEM_DK_MAX = 3168, MLKEM_CT_MAX = 1568 };

struct mlkem_params {
	uint8_t k, eta1, eta2, du, dv;
	uint16_t ek_len, dk_len, ct_len;
};

extern const struct mlkem_params mlkem_512, mlkem_768, mlkem_1024;

/* Algorithm 16: seed is d then z. Writes ek_len and dk_len bytes. */
void mlkem_keygen(const struct mlkem_params *p, const uint8_t seed[MLKEM_SEED], uint8_t *ek, uint8_t *dk);
/* Algorithms 17 and 20 with the randomness m given. E_BAD_PUBLIC when a coefficient of ek is not reduced (section 7.2). */
MUST err_t mlkem_encaps(const struct mlkem_params *p, const uint8_t *ek, const uint8_t m[MLKEM_RANDOM], uint8_t *ct,
	uint8_t ss[MLKEM_SECRET]);
/* Algorithms 18 and 21. A wrong cipher text gives a secret nobody knows (implicit rejection), in the same time.
 * E_BAD_VALUE when dk is not well-formed: the hash of its ek does not fit (section 7.3). */
MUST err_t mlkem_decaps(const struct mlkem_params *p, const uint8_t *dk, const uint8_t *ct, uint8_t ss[MLKEM_SECRET]);

#endif
