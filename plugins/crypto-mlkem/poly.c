/* SPDX-License-Identifier: Apache-2.0 */
#include "poly.h"
#include "keccak.h"

static const uint16_t zetas[128] = {
#include "zetas.inc"
};

/* floor(n / q) for n below 2^24, without a division (whose time depends on n on many machines): 2^36 / q rounded up;
 * the error of the factor stays below q, so that n times it stays below 2^36. */
static inline uint32_t div_q(uint32_t n)
{
	return (uint32_t)((uint64_t)n * 20642679u >> 36);
}

static inline uint16_t mul_q(uint32_t a, uint32_t b)
{
	uint32_t n = a * b;
	return (uint16_t)(n - div_q(n) * MLKEM_Q);
}

/* n - q when n is at least q, for n below 2q. */
static inline uint16_t cut_q(uint32_t n)
{
	uint32_t r = n - MLKEM_Q;
	return (uint16_t)(r + (MLKEM_Q & (0u - (r >> 31))));
}

static inline uint16_t add_q(uint16_t a, uint16_t b)
{
	return cut_q((uint32_t)a + b);
}

static inline uint16_t sub_q(uint16_t a, uint16_t b)
{
	return cut_q((uint32_t)a + MLKEM_Q - b);
}

void poly_ntt(struct poly *f)
{
	unsigned i = 1;

	for (unsigned len = 128; len >= 2; len /= 2)
		for (unsigned start = 0; start < MLKEM_N; start += 2 * len) {
			uint16_t z = zetas[i++];
			for (unsigned j = start; j < start + len; j++) {
				uint16_t t = mul_q(z, f->c[j + len]);
				f->c[j + len] = sub_q(f->c[j], t);
				f->c[j] = add_q(f->c[j], t);
			}
		}
}

void poly_ntt_inverse(struct poly *f)
{
	unsigned i = 127;

	for (unsigned len = 2; len <= 128; len *= 2)
		for (unsigned start = 0; start < MLKEM_N; start += 2 * len) {
			uint16_t z = zetas[i--];
			for (unsigned j = start; j < start + len; j++) {
				uint16_t t = f->c[j];
				f->c[j] = add_q(t, f->c[j + len]);
				f->c[j + len] = mul_q(z, sub_q(f->c[j + len], t));
			}
		}
	for (unsigned j = 0; j < MLKEM_N; j++)
		f->c[j] = mul_q(f->c[j], 3303); /* 128^-1 mod q */
}

void poly_mul_add(struct poly *out, const struct poly *a, const struct poly *b)
{
	for (unsigned i = 0; i < MLKEM_N / 2; i++) {
		/* the roots are +zeta and -zeta in turn: zeta^(2 bitrev7(i) + 1) */
		uint16_t root = zetas[64 + i / 2];
		if (i & 1)
			root = (uint16_t)(MLKEM_Q - root);
		const uint16_t *x = &a->c[2 * i], *y = &b->c[2 * i];
		uint16_t lo = add_q(mul_q(x[0], y[0]), mul_q(mul_q(x[1], y[1]), root));
		uint16_t hi = add_q(mul_q(x[0], y[1]), mul_q(x[1], y[0]));
		out->c[2 * i] = add_q(out->c[2 * i], lo);
		out->c[2 * i + 1] = add_q(out->c[2 * i + 1], hi);
	}
}

void poly_add(struct poly *out, const struct poly *a)
{
	for (unsigned i = 0; i < MLKEM_N; i++)
		out->c[i] = add_q(out->c[i], a->c[i]);
}

void poly_sub(struct poly *out, const struct poly *a)
{
	for (unsigned i = 0; i < MLKEM_N; i++)
		out->c[i] = sub_q(out->c[i], a->c[i]);
}

void poly_sample_ntt(struct poly *out, const uint8_t rho[32], uint8_t j, uint8_t i)
{
	struct keccak k;
	uint8_t ji[2] = { j, i }, b[SHAKE128_RATE];
	unsigned n = 0;

	keccak_init(&k, SHAKE128_RATE);
	keccak_absorb(&k, rho, 32);
	keccak_absorb(&k, ji, 2);
	keccak_close(&k, SHAKE_SUFFIX);
	while (n < MLKEM_N) {
		keccak_squeeze(&k, b, sizeof b);
		for (unsigned at = 0; at < sizeof b && n < MLKEM_N; at += 3) {
			uint16_t d1 = (uint16_t)(b[at] | (b[at + 1] & 15) << 8);
			uint16_t d2 = (uint16_t)(b[at + 1] >> 4 | b[at + 2] << 4);
			if (d1 < MLKEM_Q)
				out->c[n++] = d1;
			if (d2 < MLKEM_Q && n < MLKEM_N)
				out->c[n++] = d2;
		}
	}
}

void poly_sample_noise(struct poly *out, uint8_t eta, const uint8_t seed[32], uint8_t nonce)
{
	uint8_t b[64 * 3];
	slice in[2] = { { seed, 32 }, { &nonce, 1 } };
	unsigned bit = 0;

	keccak_once(SHAKE256_RATE, SHAKE_SUFFIX, in, 2, b, (size_t)64 * eta);
	for (unsigned i = 0; i < MLKEM_N; i++) {
		uint16_t x = 0, y = 0;
		for (unsigned e = 0; e < eta; e++, bit++)
			x = (uint16_t)(x + (b[bit / 8] >> bit % 8 & 1));
		for (unsigned e = 0; e < eta; e++, bit++)
			y = (uint16_t)(y + (b[bit / 8] >> bit % 8 & 1));
		out->c[i] = sub_q(x, y);
	}
	volatile uint8_t *v = b;
	for (size_t i = 0; i < sizeof b; i++)
		v[i] = 0;
}

void poly_encode(const struct poly *f, uint8_t d, uint8_t *out)
{
	uint32_t acc = 0;
	unsigned have = 0;

	for (unsigned i = 0; i < MLKEM_N; i++) {
		uint32_t v = f->c[i];
		if (d < 12) /* round(2^d / q * v) mod 2^d */
			v = div_q((v << d) + MLKEM_Q / 2) & ((1u << d) - 1);
		acc |= v << have;
		for (have += d; have >= 8; have -= 8, acc >>= 8)
			*out++ = (uint8_t)acc;
	}
}

void poly_decode(struct poly *f, uint8_t d, const uint8_t *in)
{
	uint32_t acc = 0;
	unsigned have = 0;

	for (unsigned i = 0; i < MLKEM_N; i++) {
		for (; have < d; have += 8)
			acc |= (uint32_t)*in++ << have;
		uint32_t v = acc & ((1u << d) - 1);
		acc >>= d;
		have -= d;
		if (d < 12) /* round(q / 2^d * v) */
			v = (v * MLKEM_Q + (1u << (d - 1))) >> d;
		f->c[i] = (uint16_t)v;
	}
}

bool poly_is_reduced(const struct poly *f)
{
	for (unsigned i = 0; i < MLKEM_N; i++)
		if (f->c[i] >= MLKEM_Q)
			return false;
	return true;
}

void poly_wipe(struct poly *f, size_t n)
{
	volatile uint8_t *v = (uint8_t *)f;

	for (size_t i = 0; i < n * sizeof *f; i++)
		v[i] = 0;
}
