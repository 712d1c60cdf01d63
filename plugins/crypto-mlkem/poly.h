/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Polynomials of ML-KEM: 256 coefficients modulo q = 3329, always reduced to 0..q-1. Constant time throughout, but for
 * poly_sample_ntt, whose input is public.
 */
#ifndef ADIT_MLKEM_POLY_H
#define ADIT_MLKEM_POLY_H

#include "base/slice.h"

enum { MLKEM_N = 256, MLKEM_Q = 3329 };

struct poly {
	uint16_t c[MLKEM_N];
};

void poly_ntt(struct poly *f);
void poly_ntt_inverse(struct poly *f);
/* out += a * b, all in the NTT domain. */
void poly_mul_add(struct poly *out, const struct poly *a, const struct poly *b);
void poly_add(struct poly *out, const struct poly *a);
void poly_sub(struct poly *out, const struct poly *a);
/* Algorithm 7 on rho, j, i. */
void poly_sample_ntt(struct poly *out, const uint8_t rho[32], uint8_t j, uint8_t i);
/* Algorithm 8 on PRF_eta(seed, nonce); eta is 2 or 3. */
void poly_sample_noise(struct poly *out, uint8_t eta, const uint8_t seed[32], uint8_t nonce);
/* ByteEncode_d(Compress_d(f)) and back; d = 12 neither compresses nor reduces. 32 * d bytes. */
void poly_encode(const struct poly *f, uint8_t d, uint8_t *out);
void poly_decode(struct poly *f, uint8_t d, const uint8_t *in);
/* Every coefficient below q? For public values. */
bool poly_is_reduced(const struct poly *f);
void poly_wipe(struct poly *f, size_t n);

#endif
