/* SPDX-License-Identifier: Apache-2.0 */
/* FIPS 203 sections 5 to 7: K-PKE and ML-KEM over it. */
#include "mlkem.h"
#include "keccak.h"
#include "poly.h"

enum { K_MAX = 4, POLY_BYTES = 384 };

const struct mlkem_params mlkem_512 = { 2, 3, 2, 10, 4, 800, 1632, 768 };
const struct mlkem_params mlkem_768 = { 3, 2, 2, 10, 4, 1184, 2400, 1088 };
const struct mlkem_params mlkem_1024 = { 4, 2, 2, 11, 5, 1568, 3168, 1568 };

static void wipe(void *p, size_t n)
{
	volatile uint8_t *v = p;

	while (n--)
		*v++ = 0;
}

/* H: SHA3-256, G: SHA3-512, J: SHAKE256 to 32 bytes (section 4.1). */
static void hash_h(const uint8_t *p, size_t n, uint8_t out[32])
{
	slice v = { p, n };
	keccak_once(SHA3_256_RATE, SHA3_SUFFIX, &v, 1, out, 32);
}

static void hash_g(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len, uint8_t out[64])
{
	slice v[2] = { { a, a_len }, { b, b_len } };
	keccak_once(SHA3_512_RATE, SHA3_SUFFIX, v, 2, out, 64);
}

static void hash_j(const uint8_t *z, const uint8_t *ct, size_t ct_len, uint8_t out[32])
{
	slice v[2] = { { z, 32 }, { ct, ct_len } };
	keccak_once(SHAKE256_RATE, SHAKE_SUFFIX, v, 2, out, 32);
}

/* out = A * v, or its transpose times v; A is made from rho as it goes. */
static void matrix_mul(const struct mlkem_params *p, const uint8_t rho[32], bool transposed, const struct poly *v,
	struct poly *out)
{
	struct poly a;

	for (uint8_t i = 0; i < p->k; i++) {
		memset(&out[i], 0, sizeof out[i]);
		for (uint8_t j = 0; j < p->k; j++) {
			poly_sample_ntt(&a, rho, transposed ? i : j, transposed ? j : i);
			poly_mul_add(&out[i], &a, &v[j]);
		}
	}
}

static void pke_keygen(const struct mlkem_params *p, const uint8_t d[32], uint8_t *ek, uint8_t *dk)
{
	struct poly s[K_MAX], t[K_MAX], e;
	uint8_t seeds[64], nonce = 0;

	hash_g(d, 32, &p->k, 1, seeds);
	const uint8_t *rho = seeds, *sigma = seeds + 32;
	for (uint8_t i = 0; i < p->k; i++) {
		poly_sample_noise(&s[i], p->eta1, sigma, nonce++);
		poly_ntt(&s[i]);
	}
	matrix_mul(p, rho, false, s, t);
	for (uint8_t i = 0; i < p->k; i++) {
		poly_sample_noise(&e, p->eta1, sigma, nonce++);
		poly_ntt(&e);
		poly_add(&t[i], &e);
		poly_encode(&t[i], 12, ek + (size_t)i * POLY_BYTES);
		poly_encode(&s[i], 12, dk + (size_t)i * POLY_BYTES);
	}
	memcpy(ek + (size_t)p->k * POLY_BYTES, rho, 32);
	poly_wipe(s, K_MAX);
	poly_wipe(&e, 1);
	wipe(seeds, sizeof seeds);
}

static void pke_encrypt(const struct mlkem_params *p, const uint8_t *ek, const uint8_t m[32], const uint8_t r[32],
	uint8_t *ct)
{
	struct poly y[K_MAX], u[K_MAX], t, v, e;
	uint8_t nonce = 0;

	for (uint8_t i = 0; i < p->k; i++) {
		poly_sample_noise(&y[i], p->eta1, r, nonce++);
		poly_ntt(&y[i]);
	}
	matrix_mul(p, ek + (size_t)p->k * POLY_BYTES, true, y, u);
	memset(&v, 0, sizeof v);
	for (uint8_t i = 0; i < p->k; i++) {
		poly_ntt_inverse(&u[i]);
		poly_sample_noise(&e, p->eta2, r, nonce++);
		poly_add(&u[i], &e);
		poly_encode(&u[i], p->du, ct + (size_t)i * 32 * p->du);
		poly_decode(&t, 12, ek + (size_t)i * POLY_BYTES);
		poly_mul_add(&v, &t, &y[i]);
	}
	poly_ntt_inverse(&v);
	poly_sample_noise(&e, p->eta2, r, nonce);
	poly_add(&v, &e);
	poly_decode(&e, 1, m);
	poly_add(&v, &e);
	poly_encode(&v, p->dv, ct + (size_t)p->k * 32 * p->du);
	poly_wipe(y, K_MAX);
	poly_wipe(u, K_MAX);
	poly_wipe(&v, 1);
	poly_wipe(&e, 1);
}

static void pke_decrypt(const struct mlkem_params *p, const uint8_t *dk, const uint8_t *ct, uint8_t m[32])
{
	struct poly u, s, v, w;

	memset(&w, 0, sizeof w);
	for (uint8_t i = 0; i < p->k; i++) {
		poly_decode(&u, p->du, ct + (size_t)i * 32 * p->du);
		poly_ntt(&u);
		poly_decode(&s, 12, dk + (size_t)i * POLY_BYTES);
		poly_mul_add(&w, &s, &u);
	}
	poly_ntt_inverse(&w);
	poly_decode(&v, p->dv, ct + (size_t)p->k * 32 * p->du);
	poly_sub(&v, &w);
	poly_encode(&v, 1, m);
	poly_wipe(&s, 1);
	poly_wipe(&v, 1);
	poly_wipe(&w, 1);
}

void mlkem_keygen(const struct mlkem_params *p, const uint8_t seed[MLKEM_SEED], uint8_t *ek, uint8_t *dk)
{
	pke_keygen(p, seed, ek, dk);
	uint8_t *at = dk + (size_t)p->k * POLY_BYTES;
	memcpy(at, ek, p->ek_len);
	hash_h(ek, p->ek_len, at + p->ek_len);
	memcpy(at + p->ek_len + 32, seed + 32, 32);
}

err_t mlkem_encaps(const struct mlkem_params *p, const uint8_t *ek, const uint8_t m[MLKEM_RANDOM], uint8_t *ct,
	uint8_t ss[MLKEM_SECRET])
{
	struct poly t;
	uint8_t h[32], kr[64];

	for (uint8_t i = 0; i < p->k; i++) {
		poly_decode(&t, 12, ek + (size_t)i * POLY_BYTES);
		if (!poly_is_reduced(&t))
			return E_BAD_PUBLIC;
	}
	hash_h(ek, p->ek_len, h);
	hash_g(m, 32, h, 32, kr);
	pke_encrypt(p, ek, m, kr + 32, ct);
	memcpy(ss, kr, MLKEM_SECRET);
	wipe(kr, sizeof kr);
	return 0;
}

err_t mlkem_decaps(const struct mlkem_params *p, const uint8_t *dk, const uint8_t *ct, uint8_t ss[MLKEM_SECRET])
{
	const uint8_t *ek = dk + (size_t)p->k * POLY_BYTES, *h = ek + p->ek_len, *z = h + 32;
	uint8_t m[32], kr[64], other[MLKEM_SECRET], again[MLKEM_CT_MAX], check[32];

	hash_h(ek, p->ek_len, check);
	if (memcmp(check, h, 32) != 0) /* both are public */
		return E_BAD_VALUE;
	pke_decrypt(p, dk, ct, m);
	hash_g(m, 32, h, 32, kr);
	hash_j(z, ct, p->ct_len, other);
	pke_encrypt(p, ek, m, kr + 32, again);
	uint32_t differs = 0;
	for (size_t i = 0; i < p->ct_len; i++)
		differs |= (uint32_t)(ct[i] ^ again[i]);
	uint8_t keep = (uint8_t)((differs - 1) >> 8); /* 0xff when all bytes are equal, else 0 */
	for (size_t i = 0; i < MLKEM_SECRET; i++)
		ss[i] = (uint8_t)((kr[i] & keep) | (other[i] & ~keep));
	wipe(m, sizeof m);
	wipe(kr, sizeof kr);
	wipe(other, sizeof other);
	wipe(again, sizeof again);
	return 0;
}
