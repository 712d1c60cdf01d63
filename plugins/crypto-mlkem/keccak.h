/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-3 and SHAKE (FIPS 202): what ML-KEM needs of them. Constant time for a given length; nothing is allocated. The
 * state of a secret input is the caller's to wipe (keccak_wipe). Any thread.
 */
#ifndef ADIT_MLKEM_KECCAK_H
#define ADIT_MLKEM_KECCAK_H

#include "base/slice.h"

enum { SHAKE128_RATE = 168, SHAKE256_RATE = 136, SHA3_256_RATE = 136, SHA3_512_RATE = 72 };
enum { SHA3_SUFFIX = 0x06, SHAKE_SUFFIX = 0x1f };

struct keccak {
	uint64_t a[25];
	uint32_t at; /* bytes of the block absorbed or squeezed */
	uint32_t rate;
};

void keccak_init(struct keccak *k, uint32_t rate);
void keccak_absorb(struct keccak *k, const uint8_t *p, size_t n);
/* Pads; from now on only keccak_squeeze. */
void keccak_close(struct keccak *k, uint8_t suffix);
void keccak_squeeze(struct keccak *k, uint8_t *out, size_t n);
void keccak_wipe(struct keccak *k);

/* One call over up to three pieces: init, absorb, close, squeeze, wipe. */
void keccak_once(uint32_t rate, uint8_t suffix, const slice *v, size_t n, uint8_t *out, size_t out_len);

#endif
