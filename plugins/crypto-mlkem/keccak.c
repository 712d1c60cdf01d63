/* SPDX-License-Identifier: Apache-2.0 */
/* Keccak-f[1600] and the sponge over it, FIPS 202 sections 3 and 4. */
#include "keccak.h"

static const uint64_t round_constants[24] = {
	0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
	0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
	0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
	0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
	0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};
/* The lanes in the order in which pi visits them, with the offsets of rho. */
static const uint8_t pi_lane[24] = { 10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1 };
static const uint8_t rho_bits[24] = { 1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44 };

static inline uint64_t rol(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static void permute(uint64_t a[25])
{
	for (int round = 0; round < 24; round++) {
		uint64_t c[5], d;

		for (int x = 0; x < 5; x++)
			c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
		for (int x = 0; x < 5; x++) {
			d = c[(x + 4) % 5] ^ rol(c[(x + 1) % 5], 1);
			for (int y = 0; y < 25; y += 5)
				a[y + x] ^= d;
		}
		uint64_t t = a[1];
		for (int i = 0; i < 24; i++) {
			uint64_t next = a[pi_lane[i]];
			a[pi_lane[i]] = rol(t, rho_bits[i]);
			t = next;
		}
		for (int y = 0; y < 25; y += 5) {
			for (int x = 0; x < 5; x++)
				c[x] = a[y + x];
			for (int x = 0; x < 5; x++)
				a[y + x] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
		}
		a[0] ^= round_constants[round];
	}
}

static inline void xor_byte(struct keccak *k, uint32_t at, uint8_t v)
{
	k->a[at / 8] ^= (uint64_t)v << (8 * (at % 8));
}

void keccak_init(struct keccak *k, uint32_t rate)
{
	memset(k, 0, sizeof *k);
	k->rate = rate;
}

void keccak_absorb(struct keccak *k, const uint8_t *p, size_t n)
{
	for (; n; n--, p++) {
		xor_byte(k, k->at, *p);
		if (++k->at == k->rate) {
			permute(k->a);
			k->at = 0;
		}
	}
}

void keccak_close(struct keccak *k, uint8_t suffix)
{
	xor_byte(k, k->at, suffix);
	xor_byte(k, k->rate - 1, 0x80);
	k->at = k->rate;
}

void keccak_squeeze(struct keccak *k, uint8_t *out, size_t n)
{
	for (; n; n--) {
		if (k->at == k->rate) {
			permute(k->a);
			k->at = 0;
		}
		*out++ = (uint8_t)(k->a[k->at / 8] >> (8 * (k->at % 8)));
		k->at++;
	}
}

void keccak_wipe(struct keccak *k)
{
	volatile uint64_t *v = k->a;

	for (int i = 0; i < 25; i++)
		v[i] = 0;
}

void keccak_once(uint32_t rate, uint8_t suffix, const slice *v, size_t n, uint8_t *out, size_t out_len)
{
	struct keccak k;

	keccak_init(&k, rate);
	for (size_t i = 0; i < n; i++)
		keccak_absorb(&k, v[i].p, v[i].n);
	keccak_close(&k, suffix);
	keccak_squeeze(&k, out, out_len);
	keccak_wipe(&k);
}
