/* SPDX-License-Identifier: Apache-2.0 */
/* Key derivation of IKEv1 (RFC 2409 section 5) and IKEv2 (RFC 7296 sections 2.13 to 2.18) as NIST's CAVP tests it. */
#include "crypto/keymat.h"
#include "base/rdwr.h"
#include "vec.h"

#include <stdio.h>

enum { OUTS = 8, PIECES = 6, DKM_MAX = 1024 };

/* What a record gives, for the providers one after the other. */
struct kdf {
	bool v1, psk;
	slice ni, nr, gir, gir_new, spi_i, spi_r, secret;
	struct {
		const char *name;
		slice want;
	} out[OUTS];
};

static const struct kdf *now; /* of the test that is run: struct vec has no room for it */

static err_t mac(const struct mac_ops *o, slice key, const slice *v, size_t n, uint8_t *out)
{
	return crypto_mac(o, key, v, n, out);
}

static bool fits(const struct kdf *k, size_t at, slice got)
{
	return !k->out[at].want.p || slice_equal(k->out[at].want, got);
}

static err_t run_v1(const struct vec *v, const void *ops, bool *same)
{
	const struct kdf *k = now;
	const struct mac_ops *o = ops;
	uint8_t id[CRYPTO_MAC_MAX], d[CRYPTO_MAC_MAX], a[CRYPTO_MAC_MAX], e_key[CRYPTO_MAC_MAX], nonces[1024];
	const uint8_t zero = 0, one = 1, two = 2;
	const size_t n = o->out_len;
	struct wr w = wr_of(nonces, sizeof nonces);
	(void)v;
	wr_bytes(&w, k->ni);
	wr_bytes(&w, k->nr);
	const slice both = wr_done(&w);
	err_t e = k->psk ? mac(o, k->secret, &both, 1, id) : mac(o, both, &k->gir, 1, id);
	const slice of_d[] = { k->gir, k->spi_i, k->spi_r, slice_of(&zero, 1) };
	if (!e)
		e = mac(o, slice_of(id, n), of_d, 4, d);
	const slice of_a[] = { slice_of(d, n), k->gir, k->spi_i, k->spi_r, slice_of(&one, 1) };
	if (!e)
		e = mac(o, slice_of(id, n), of_a, 5, a);
	const slice of_e[] = { slice_of(a, n), k->gir, k->spi_i, k->spi_r, slice_of(&two, 1) };
	if (!e)
		e = mac(o, slice_of(id, n), of_e, 5, e_key);
	*same = !e && fits(k, 0, slice_of(id, n)) && fits(k, 1, slice_of(d, n)) && fits(k, 2, slice_of(a, n)) &&
		fits(k, 3, slice_of(e_key, n));
	return e;
}

static bool dkm(const struct mac_ops *o, const struct kdf *k, size_t at, slice key, const slice *seed, size_t n)
{
	uint8_t out[DKM_MAX];
	slice want = k->out[at].want;
	if (!want.p)
		return true;
	return want.n <= sizeof out && keymat_prf_plus(o, key, seed, n, out, want.n) == 0 &&
		slice_equal(slice_of(out, want.n), want);
}

static err_t run_v2(const struct vec *v, const void *ops, bool *same)
{
	const struct kdf *k = now;
	const struct mac_ops *o = ops;
	uint8_t nonces[1024], seed[CRYPTO_MAC_MAX], d[CRYPTO_MAC_MAX], rekey[CRYPTO_MAC_MAX];
	struct wr w = wr_of(nonces, sizeof nonces);
	const size_t n = o->out_len;
	(void)v;
	wr_bytes(&w, k->ni);
	wr_bytes(&w, k->nr);
	err_t e = mac(o, wr_done(&w), &k->gir, 1, seed);
	const slice ike[] = { k->ni, k->nr, k->spi_i, k->spi_r };
	if (!e)
		e = keymat_prf_plus(o, slice_of(seed, n), ike, 4, d, n);
	const slice fresh[] = { k->gir_new, k->ni, k->nr };
	if (!e)
		e = mac(o, slice_of(d, n), fresh, 3, rekey);
	*same = !e && fits(k, 0, slice_of(seed, n)) && dkm(o, k, 1, slice_of(seed, n), ike, 4) &&
		dkm(o, k, 2, slice_of(d, n), ike, 2) && dkm(o, k, 3, slice_of(d, n), fresh, 3) && fits(k, 4, slice_of(rekey, n));
	return e;
}

bool vec_kdf(struct vec_runner *r, const struct vec_record *rec, const char *id)
{
	static const char *const v1_outs[] = { "SKEYID", "SKEYID_d", "SKEYID_a", "SKEYID_e" };
	static const char *const v2_outs[] = { "SKEYSEED", "DKM", "DKM(Child SA)", "DKM(Child SA D-H)", "SKEYSEED(Rekey)" };
	struct vec v = { .want = VEC_VALID, .kind = PLUG_PRF };
	struct kdf k = { 0 };
	bool v2 = vec_get(rec, "SKEYSEED") != NULL;

	k.v1 = vec_get(rec, "SKEYID") != NULL;
	if (!k.v1 && !v2)
		return false;
	uint16_t hash = vec_hash(vec_get(rec, "hash"));
	v.alg = hash == PLUG_HASH_SHA1 ? 2 : hash >= PLUG_HASH_SHA256 && hash <= PLUG_HASH_SHA512 ? (uint16_t)(hash + 3) : 0;
	snprintf(v.id, sizeof v.id, "%s", id);
	if (!v.alg)
		vec_skip(&v, "a hash of which IKE has no PRF");
	bool ok = vec_get_hex(r, rec, "Ni", &k.ni) && vec_get_hex(r, rec, "Nr", &k.nr);
	if (k.v1) {
		ok = ok && vec_get_hex(r, rec, "g^xy", &k.gir) && vec_get_hex(r, rec, "CKY_I", &k.spi_i) &&
			vec_get_hex(r, rec, "CKY_R", &k.spi_r);
		k.psk = vec_get_hex(r, rec, "pre-shared-key", &k.secret);
		for (size_t i = 0; i < ARRAY_LEN(v1_outs); i++)
			vec_get_hex(r, rec, v1_outs[i], &k.out[i].want);
	} else {
		ok = ok && vec_get_hex(r, rec, "g^ir", &k.gir) && vec_get_hex(r, rec, "SPIi", &k.spi_i) &&
			vec_get_hex(r, rec, "SPIr", &k.spi_r);
		vec_get_hex(r, rec, "g^ir (new)", &k.gir_new);
		for (size_t i = 0; i < ARRAY_LEN(v2_outs); i++)
			vec_get_hex(r, rec, v2_outs[i], &k.out[i].want);
	}
	if (!ok)
		vec_skip(&v, "an input is missing");
	v.run = k.v1 ? run_v1 : run_v2;
	now = &k;
	vec_run(r, &v);
	now = NULL;
	return true;
}
