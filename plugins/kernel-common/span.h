/* SPDX-License-Identifier: Apache-2.0 */
/* A range of addresses or ports as prefixes (value and number of leading bits), as kernels want them. Header only. */
#ifndef ADIT_KERNEL_COMMON_SPAN_H
#define ADIT_KERNEL_COMMON_SPAN_H

#include "plugin/abi.h"

/* To the first value behind a prefix; false: there is none. */
static inline bool span_step(uint8_t *a, size_t bits)
{
	for (size_t i = (bits + 7) / 8, add = bits % 8 ? 1u << (8 - bits % 8) : 1; i-- > 0; add = 1) {
		unsigned v = a[i] + (unsigned)add;
		a[i] = (uint8_t)v;
		if (v < 256)
			return true;
	}
	return false;
}

/* The prefixes of lo..hi, both big-endian values of `len` bytes (2, 4 or 16). Returns how many there are; the first
 * `max` of them are written. */
static inline size_t span_split(const uint8_t *lo, const uint8_t *hi, size_t len, uint8_t (*value)[16], uint8_t *bits,
	size_t max)
{
	uint8_t at[16] = { 0 }, last[16];
	size_t n = 0;

	memcpy(at, lo, len);
	while (len && memcmp(at, hi, len) <= 0) {
		/* The shortest prefix that starts here and does not reach over the end. */
		size_t b = len * 8;
		while (b > 0) {
			size_t byte = (b - 1) / 8;
			uint8_t mask = (uint8_t)(0x80 >> (b - 1) % 8);
			if (at[byte] & mask)
				break;
			memcpy(last, at, 16);
			last[byte] |= (uint8_t)(mask | (mask - 1));
			memset(last + byte + 1, 0xff, len - byte - 1);
			if (memcmp(last, hi, len) > 0)
				break;
			b--;
		}
		if (n < max) {
			memcpy(value[n], at, 16);
			bits[n] = (uint8_t)b;
		}
		n++;
		if (b == 0 || !span_step(at, b))
			break;
	}
	return n;
}

#endif
