/* SPDX-License-Identifier: Apache-2.0 */
/* Key schedules: a NIST CAVP case (SHA-1), and figures computed with Python's hmac module (SHA-256). */
#include "crypto/keymat.h"
#include "tests/unit/crypto_host.h"

#define HEX_MAX 256

struct bytes {
	uint8_t b[HEX_MAX];
	size_t n;
};

static struct bytes hex(const char *s)
{
	struct bytes o = { .n = strlen(s) / 2 };
	for (size_t i = 0; i < o.n; i++) {
		unsigned v;
		cr_assert_eq(sscanf(s + 2 * i, "%2x", &v), 1);
		o.b[i] = (uint8_t)v;
	}
	return o;
}

static slice sl(const struct bytes *b)
{
	return slice_of(b->b, b->n);
}

#define CAVP_DKM \
	"a14293677cc80ff8f9cc0eee30d895da9d8f405666e30ef0dfcb63c634a46002a2a63080e514a062768b76606f9fa5e992204fc5a670bde3" \
	"f10d6b027113936a5c55b648a194ae587b0088d52204b702c979fa280870d2ed41efa9c549fd11198af1670b143d384bd275c5f594cf266b" \
	"05ebadca855e4249520a441a81157435a7a56cc4"
#define CAVP_CHILD \
	"8059e3ee8810e6c3a91bc8bcd2a7a41151b8d0e6ae239c7b38093ad85ef4c5811a8e7b5d1cdabd9560b2d5e092d1f24e2d4b85eccdf0ad0d" \
	"c9abd94b51ee71814ca6dbc8bb51b6309f5b9545c7eb35cf5580b1e521a8fe20754a2d883ba0c2cf285f524aea6545b33106bc03e614296d"
#define CAVP_CHILD_DH \
	"bb43244c1860ad65ee1e211ffe8bb3661750c8f89cb9f547df7f4fa61d37301628190e38c66232eab4b3ab14c400a5197dd3730ed4820a8a" \
	"10394d51e1c0400052f63ebd36b0e7ef53aaed31eba4a5080d7d4b5666023a8bbb5ffb7857240f9a05884d1b7d2f933708450b7b3288f1fc"

/* SHA-1 everywhere and AES-128 make 132 bytes, as much as CAVP shows. */
static const struct suite sha1_aes128 = { .proto = SUITE_IKE, .encr = 12, .encr_bits = 128, .integ = 2, .prf = 2 };
static const struct suite sha1_aes256 = { .proto = SUITE_ESP, .encr = 12, .encr_bits = 256, .integ = 2 };

struct cavp {
	struct crypto_host h;
	struct crypto_algs algs;
	struct bytes ni, nr, ss, ss_new, dkm;
	uint64_t spi_i, spi_r;
};

static bool cavp_init(struct cavp *t)
{
	crypto_host_init(&t->h, ~0u);
	if (crypto_algs_of(&t->h.c, &sha1_aes128, &t->algs, NULL) != 0)
		return false;
	t->ni = hex("32b50d5f4a3763f3");
	t->nr = hex("9206a04b26564cb1");
	t->ss = hex("4b2c1f971981a8ad8d0abeafabf38cf75fc8349c148142465ed9c8b516b8be52");
	t->ss_new = hex("863f3c9d06efd39d2b907b97f8699e5dd5251ef64a2a176f36ee40c87d4f9330");
	t->dkm = hex(CAVP_DKM);
	t->spi_i = 0x34c9e7c188868785;
	t->spi_r = 0x3ff77d760d2b2199;
	return true;
}

static struct keymat_ike_in cavp_in(const struct cavp *t, const slice *ss)
{
	return (struct keymat_ike_in){ &sha1_aes128, &t->algs, sl(&t->ni), sl(&t->nr), t->spi_i, t->spi_r, ss, 1 };
}

Test(keymat, first_keys_of_cavp)
{
	static struct cavp t;
	CRYPTO_NEED(&t.h, cavp_init(&t));
	struct ike_keys k = { 0 };
	const slice ss = sl(&t.ss);
	const struct keymat_ike_in in = cavp_in(&t, &ss);

	cr_assert_eq(keymat_ike_first(&in, &k), 0);
	cr_assert_eq(k.all.n, t.dkm.n);
	cr_assert_arr_eq(k.all.p, t.dkm.b, t.dkm.n);
	static const struct {
		enum ike_key_id id;
		size_t at, n;
	} parts[] = { { IKE_SK_D, 0, 20 }, { IKE_SK_AI, 20, 20 }, { IKE_SK_AR, 40, 20 }, { IKE_SK_EI, 60, 16 },
		{ IKE_SK_ER, 76, 16 }, { IKE_SK_PI, 92, 20 }, { IKE_SK_PR, 112, 20 } };
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		cr_expect(slice_equal(ike_key(&k, parts[i].id), slice_of(t.dkm.b + parts[i].at, parts[i].n)));
	ike_keys_drop_auth(&k);
	cr_expect_eq(k.all.n, 92);
	cr_expect_eq(ike_key(&k, IKE_SK_PI).n, 0);
	cr_expect_eq(ike_key(&k, IKE_SK_ER).n, 16);
	struct ike_keys other = { 0 };
	ike_keys_move(&other, &k);
	cr_expect_eq(ike_key(&k, IKE_SK_D).n, 0);
	cr_expect_eq(ike_key(&other, IKE_SK_D).n, 20);
	ike_keys_fini(&other);
	registry_free(t.h.reg);
}

Test(keymat, child_keys_of_cavp)
{
	static struct cavp t;
	CRYPTO_NEED(&t.h, cavp_init(&t));
	const slice sk_d = slice_of(t.dkm.b, 20), ss = sl(&t.ss_new);
	const struct bytes plain = hex(CAVP_CHILD), pfs = hex(CAVP_CHILD_DH);
	struct child_keys k = { 0 };

	cr_assert_eq(keymat_child(t.algs.prf, sk_d, &sha1_aes256, sl(&t.ni), sl(&t.nr), NULL, 0, &k), 0);
	cr_assert_eq(k.all.n, 104);
	cr_expect_arr_eq(k.all.p, plain.b, 104);
	cr_expect(slice_equal(child_key_encr(&k, true), slice_of(plain.b, 32)));
	cr_expect(slice_equal(child_key_integ(&k, true), slice_of(plain.b + 32, 20)));
	cr_expect(slice_equal(child_key_encr(&k, false), slice_of(plain.b + 52, 32)));
	cr_expect(slice_equal(child_key_integ(&k, false), slice_of(plain.b + 84, 20)));
	child_keys_fini(&k);
	cr_assert_eq(keymat_child(t.algs.prf, sk_d, &sha1_aes256, sl(&t.ni), sl(&t.nr), &ss, 1, &k), 0);
	cr_expect_arr_eq(k.all.p, pfs.b, 104);
	child_keys_fini(&k);
	registry_free(t.h.reg);
}

Test(keymat, rekey_seed_of_cavp)
{
	static struct cavp t;
	CRYPTO_NEED(&t.h, cavp_init(&t));
	const slice ss = sl(&t.ss_new);
	const struct keymat_ike_in in = cavp_in(&t, &ss);
	const struct bytes skeyseed = hex("63e81194946ebd05df7df5ebf5d8750056bf1f1d");
	const struct bytes spis = hex("34c9e7c1888687853ff77d760d2b2199");
	const slice seed[] = { sl(&t.ni), sl(&t.nr), sl(&spis) };
	struct ike_keys k = { 0 };
	uint8_t want[132];

	cr_assert_eq(keymat_ike_next(&in, t.algs.prf, slice_of(t.dkm.b, 20), &k), 0);
	cr_assert_eq(keymat_prf_plus(t.algs.prf, sl(&skeyseed), seed, ARRAY_LEN(seed), want, sizeof want), 0);
	cr_expect_arr_eq(k.all.p, want, sizeof want);
	ike_keys_fini(&k);
	registry_free(t.h.reg);
}

Test(keymat, aead_keys_and_psk_auth)
{
	static struct crypto_host h;
	const struct suite gcm = { .proto = SUITE_IKE, .encr = 20, .encr_bits = 256, .prf = 5, .ke = 31 };
	struct crypto_algs algs;
	crypto_host_init(&h, ~0u);
	CRYPTO_NEED(&h, crypto_algs_of(&h.c, &gcm, &algs, NULL) == 0);
	const struct bytes ni = hex("101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f");
	const struct bytes nr = hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
	const struct bytes want = hex("04a049b4bad08d658f1992cd5af4935ccdf3b5d2c148d9d59c8aa216cfe69123fbb0440e98624098006e"
		"b6183200458f0adb4d7c1700e0fb6e602c45dbbd47da618f7d9c77f8e6013460a7276cfa714b5af85a7297a2103480ca2a72da2dba69c8"
		"42314cb2b4e24f80c662024e001c3371cc0ee6e45d29eb329a78890f9f4bf0ca48023b19bed9f1590136250a0027b3368d635f976c030e"
		"03e55dae3aedd34667c46c71513ffb24");
	const struct bytes auth = hex("138f4502717a7f1e2aa5a355e76513cfd71f5bd32fd332be4c4029024a1fc854");
	uint8_t g[32], out[CRYPTO_MAC_MAX];
	memset(g, 0x42, sizeof g);
	const slice ss = slice_of(g, sizeof g), id = SLICE_LIT("\x02\0\0\0gwa.test"), psk = SLICE_LIT("secret psk");
	const struct keymat_ike_in in = { &gcm, &algs, sl(&ni), sl(&nr), 0x0102030405060708, 0x1112131415161718, &ss, 1 };
	struct ike_keys k = { 0 };
	struct keymat_octets o;

	cr_assert_null(algs.integ);
	cr_assert_eq(keymat_ike_first(&in, &k), 0);
	cr_assert_eq(k.all.n, want.n);
	cr_expect_arr_eq(k.all.p, want.b, want.n);
	cr_expect_eq(ike_key(&k, IKE_SK_EI).n, 36);
	cr_expect_eq(ike_key(&k, IKE_SK_AI).n, 0);
	cr_assert_eq(keymat_octets(algs.prf, SLICE_LIT("first message"), sl(&nr), ike_key(&k, IKE_SK_PI), id, SLICE_NONE, &o),
		0);
	cr_assert_eq(keymat_psk_auth(algs.prf, psk, &o, out), 0);
	cr_expect_arr_eq(out, auth.b, auth.n);
	cr_expect_eq(keymat_psk_verify(algs.prf, psk, &o, sl(&auth)), 0);
	cr_expect_eq(keymat_psk_verify(algs.prf, SLICE_LIT("secret Psk"), &o, sl(&auth)), E_AUTH_FAILED);
	cr_expect_eq(keymat_psk_verify(algs.prf, psk, &o, slice_of(auth.b, 31)), E_AUTH_FAILED);
	cr_expect_eq(keymat_psk_verify(algs.prf, psk, &o, SLICE_NONE), E_AUTH_FAILED);
	ike_keys_fini(&k);
	registry_free(h.reg);
}

Test(keymat, additional_exchanges_follow_the_nonces)
{
	static struct cavp t;
	CRYPTO_NEED(&t.h, cavp_init(&t));
	const slice ss[] = { sl(&t.ss), sl(&t.ss_new) }, sk_d = slice_of(t.dkm.b, 20);
	const slice seed[] = { ss[0], sl(&t.ni), sl(&t.nr), ss[1] };
	struct child_keys k = { 0 };
	uint8_t want[104];

	cr_assert_eq(keymat_child(t.algs.prf, sk_d, &sha1_aes256, sl(&t.ni), sl(&t.nr), ss, 2, &k), 0);
	cr_assert_eq(keymat_prf_plus(t.algs.prf, sk_d, seed, ARRAY_LEN(seed), want, sizeof want), 0);
	cr_expect_arr_eq(k.all.p, want, sizeof want);
	child_keys_fini(&k);
	const slice many[9] = { { 0 } };
	cr_expect_eq(keymat_child(t.algs.prf, sk_d, &sha1_aes256, sl(&t.ni), sl(&t.nr), many, 9, &k), E_MISUSE);
	registry_free(t.h.reg);
}

/* RFC 8784 section 3; figures computed with Python's hmac module. */
Test(keymat, mixes_a_ppk_into_three_keys)
{
	static const uint8_t old[] = "dddddddddddddddddddddddddddddddd" "aaaaaaaaaaaaaaaaaaaaeeeeeeeeeeee"
		"iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiirrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr";
	struct crypto_host h;
	struct ike_keys k = { .d_len = 32, .integ_len = 10, .encr_len = 6 };

	crypto_host_init(&h, ~0u);
	const struct mac_ops *prf = crypto_prf(&h.c, 5);
	CRYPTO_NEED(&h, prf);
	cr_assert_eq(secret_init(&k.all, 3 * 32 + 2 * 16), 0);
	memcpy(k.all.p, old, k.all.n);
	cr_assert_eq(keymat_ppk(prf, slice_str("post-quantum key"), &k), 0);
	struct bytes d = hex("272064f999aa1ab8c0f27fe93d4ec649d532261b6c9b6565929f6bef6be751bb"), i = hex("608f6fde193873a5986635cff45c2321250f55f545092b6b233648347cdc5514"), r = hex("7003ea2208a58c1e1ead4e188f460f3e2ea608a069768ac62e8068ad7f483dc8");
	cr_expect(slice_equal(ike_key(&k, IKE_SK_D), sl(&d)));
	cr_expect(slice_equal(ike_key(&k, IKE_SK_PI), sl(&i)));
	cr_expect(slice_equal(ike_key(&k, IKE_SK_PR), sl(&r)));
	cr_expect_arr_eq(k.all.p + 32, old + 32, 32, "the other keys stay");
	cr_expect_eq(keymat_ppk(prf, SLICE_NONE, &k), E_MISUSE);
	ike_keys_fini(&k);
	registry_free(h.reg);
}
