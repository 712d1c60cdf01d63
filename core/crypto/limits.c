/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/limits.h"

#define BYTES_64_BIT ((uint64_t)64 << 20)
#define BYTES_128_BIT ((uint64_t)1 << 52)
#define PACKETS_GCM ((uint64_t)1 << 32)

static struct crypto_limit limit_of_encr(uint16_t encr_id)
{
	switch (encr_id) {
	case 0: case 11: case 28: case 31: /* none, NULL, ChaCha20-Poly1305: the sequence number ends first */
		return (struct crypto_limit){ UINT64_MAX, UINT64_MAX };
	case 1: case 2: case 3: case 4: case 5: case 6: case 7: case 8: case 9:
		return (struct crypto_limit){ UINT64_MAX, BYTES_64_BIT };
	case 18: case 19: case 20: case 21: case 30:
		return (struct crypto_limit){ PACKETS_GCM, BYTES_128_BIT };
	default:
		return (struct crypto_limit){ UINT64_MAX, BYTES_128_BIT };
	}
}

struct crypto_limit crypto_limit_of(uint16_t encr_id, bool esn)
{
	struct crypto_limit l = limit_of_encr(encr_id);
	if (!esn && l.packets > UINT32_MAX)
		l.packets = UINT32_MAX;
	return l;
}

uint64_t crypto_limit_hard(uint64_t configured, uint64_t limit)
{
	if (limit == UINT64_MAX)
		return configured;
	return configured && configured < limit ? configured : limit;
}

uint64_t crypto_limit_soft(uint64_t configured, uint64_t limit)
{
	if (limit == UINT64_MAX)
		return configured;
	limit -= limit / 4;
	return configured && configured < limit ? configured : limit;
}
