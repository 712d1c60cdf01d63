/* SPDX-License-Identifier: Apache-2.0 */
/* ESP itself: vectors, round trips over all algorithms and lengths, replays, broken packets, the end of the numbers. */
#include "plugins/kernel-user/esp.h"
#include "tests/unit/crypto_host.h"

static struct crypto_host ch;

struct alg {
	uint16_t encr, bits, integ;
	uint8_t integ_len;
};

static const struct alg algs[] = {
	{ 20, 128, 0, 0 }, { 20, 256, 0, 0 }, { 28, 256, 0, 0 }, { 12, 128, 12, 32 }, { 12, 256, 14, 64 }, { 12, 128, 2, 20 },
	{ 13, 128, 12, 32 }, { ESP_ENCR_NULL, 0, 12, 32 },
};

static void up(void)
{
	crypto_host_init(&ch, ~0u);
}

TestSuite(esp_seal, .init = up, .timeout = 300);

static err_t test_random(void *h, uint8_t *out, size_t n)
{
	(void)h;
	return getrandom(out, n, 0) == (ssize_t)n ? 0 : E_CRYPTO;
}

static struct esp_rand rnd = { .fill = test_random };

static bool make(struct esp_keys *k, const struct alg *a, uint8_t dir, bool esn, uint32_t window)
{
	static uint8_t key[64], mac_key[64];
	const struct encr_ops *encr = NULL;
	const struct mac_ops *integ = NULL;

	for (size_t i = 0; i < sizeof key; i++) {
		key[i] = (uint8_t)i;
		mac_key[i] = (uint8_t)(0x40 + i);
	}
	if (a->encr != ESP_ENCR_NULL)
		encr = registry_find(ch.reg, PLUG_ENCR, a->encr, a->bits);
	if (a->integ)
		integ = registry_find(ch.reg, PLUG_INTEG, a->integ, 0);
	if ((a->encr != ESP_ENCR_NULL && !encr) || (a->integ && !integ))
		return false;
	struct kern_sa sa = { .dir = dir, .spi = 0x12345678, .esn = esn, .replay_window = window,
		.integ_key = slice_of(mac_key, a->integ_len) };
	if (encr) {
		memcpy(key + encr->key_len, "\xa0\xa1\xa2\xa3", 4);
		sa.encr_key = slice_of(key, encr->key_len + encr->salt_len);
	}
	cr_assert_eq(esp_init(k, &sa, encr, integ), 0);
	return true;
}

static size_t unhex(const char *s, uint8_t *out)
{
	size_t n = 0;

	for (; s[0] && s[1]; s += 2) {
		unsigned v;
		sscanf(s, "%2x", &v);
		out[n++] = (uint8_t)v;
	}
	return n;
}

/* 50 bytes of payload, made with an independent implementation. */
static const struct {
	size_t alg;
	bool esn;
	uint64_t before; /* sequence number before */
	uint8_t next;
	const char *hex;
} vectors[] = {
	{ 0, true, 0x100000004, 4, "123456780000000500000001000000059d6fc7341ca5d8e45abff8397db62fdc6fc65a32454f472ed2e9fd55a36e9f"
		"fab5f513d1fc19c63e4536db3d72a6b9ba13cff1731e34b41068567955a3b53cb86e3c9baa" },
	{ 2, false, 6, 41, "12345678000000070000000000000007e99ab894bb0993de27b13ce7f1fddd363c89e27eca8f54c175b9364310e8d32a4777fd"
		"56d653043ef91a8c3ac579385c80e130ab11583059351473b6fc84435d6e1e0f05" },
	{ 3, true, 0x300000008, 4, "1234567800000009f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff9abe7b143b28ca0cb7d29b163be7d99f64c72e397ed1c0"
		"1d8c09ee61234b0d5381ff86525739f3e745689a6d2f6af0452295b945857c1d547e0da46e69878fc44f081828fab159d092c6f91125961d0d" },
};

/* HMAC-SHA-256 cut to 96 bits instead of 128: the same packet without its last four bytes. */
Test(esp_seal, truncation_to_96_bits)
{
	static uint8_t mac_key[32] = { 1 };
	const struct mac_ops *integ = registry_find(ch.reg, PLUG_INTEG, 12, 0);
	struct kern_sa sa = { .dir = KERN_OUT, .spi = 0x1234, .integ_id = 12, .integ_key = slice_of(mac_key, sizeof mac_key),
		.replay_window = 32 };
	struct esp_keys full, cut, in;
	uint8_t a[128] = { 0 }, b[128] = { 0 };

	CRYPTO_NEED(&ch, integ);
	cr_assert_eq(esp_init(&full, &sa, NULL, integ), 0);
	sa.sha256_96 = true;
	cr_assert_eq(esp_init(&cut, &sa, NULL, integ), 0);
	sa.dir = KERN_IN;
	cr_assert_eq(esp_init(&in, &sa, NULL, integ), 0);
	struct esp_pkt x = { .p = a + 32, .n = 22, .next = 4 }, y = { .p = b + 32, .n = 22, .next = 4 };
	esp_seal(&full, &x, 1, &rnd);
	esp_seal(&cut, &y, 1, &rnd);
	cr_assert(x.res == 0 && y.res == 0);
	cr_assert_eq(x.n, y.n + 4);
	cr_assert_eq(y.n, esp_sealed_len(&cut, 22));
	cr_assert_arr_eq(x.p, y.p, y.n);
	for (size_t i = 0; i < 4; i++)
		cr_assert_eq(y.p[y.n + i], 0, "nothing is written behind the packet");
	y.p[y.n - 1] ^= 1;
	esp_open(&in, &y, 1);
	cr_assert_eq(y.res, E_INTEGRITY);
	struct esp_pkt z = { .p = b + 32, .n = 22, .next = 4 };
	esp_seal(&cut, &z, 1, &rnd);
	esp_open(&in, &z, 1);
	cr_assert_eq(z.res, 0);
	cr_assert_eq(z.n, 22);
	esp_fini(&full);
	esp_fini(&cut);
	esp_fini(&in);
}

Test(esp_seal, vectors)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		const struct alg *a = &algs[vectors[i].alg];
		uint8_t want[256], buf[256] = { 0 }, *payload = buf + 32;
		size_t n = unhex(vectors[i].hex, want);
		struct esp_keys in, out;
		if (!make(&out, a, KERN_OUT, vectors[i].esn, 0))
			continue;
		payload[0] = 0x45;
		for (uint8_t k = 1; k < 50; k++)
			payload[k] = k;
		out.seq = vectors[i].before;
		struct esp_pkt p = { .p = payload, .n = 50, .next = vectors[i].next };
		esp_seal(&out, &p, 1, &rnd);
		cr_assert_eq(p.res, 0);
		cr_assert_eq(p.n, n);
		cr_assert_eq(p.n, esp_sealed_len(&out, 50));
		if (out.counter_iv)
			cr_assert_eq(memcmp(p.p, want, n), 0, "vector %zu", i);
		cr_assert(make(&in, a, KERN_IN, vectors[i].esn, 64));
		in.replay.top = vectors[i].before;
		p = (struct esp_pkt){ .p = want, .n = (uint32_t)n };
		esp_open(&in, &p, 1);
		cr_assert_eq(p.res, 0);
		cr_assert_eq(p.n, 50);
		cr_assert_eq(p.next, vectors[i].next);
		cr_assert_eq(p.seq, vectors[i].before + 1);
		cr_assert_eq(p.p[49], 49);
		esp_fini(&in);
		esp_fini(&out);
	}
}

/* draft-mcgrew-gcm-test, case 1: 64-bit numbers. */
Test(esp_seal, published_vector)
{
	uint8_t key[20], pkt[256];
	size_t n = unhex("4c80cdefbb5d10da906ac73c3613a6342e443b68", key);
	const struct encr_ops *encr = registry_find(ch.reg, PLUG_ENCR, 20, 128);
	struct esp_keys in;

	if (!encr)
		cr_skip_test("no AES-GCM");
	struct kern_sa sa = { .dir = KERN_IN, .spi = 0x4321, .esn = true, .replay_window = 64, .encr_key = slice_of(key, n) };
	cr_assert_eq(esp_init(&in, &sa, encr, NULL), 0);
	n = unhex("00004321000000004956ed7e3b244cfefecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3"
		"cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce61bc17d768fd9732459018148f6cbe722fd04796562dfdb4", pkt);
	in.replay.top = 0x87654320ffffffffu;
	struct esp_pkt p = { .p = pkt, .n = (uint32_t)n };
	esp_open(&in, &p, 1);
	/* The trailer of the draft is 01 02 02 01: padding that RFC 4303 allows, next header 1. */
	cr_assert_eq(p.res, 0);
	cr_assert_eq(p.n, 68);
	cr_assert_eq(p.next, 1);
	esp_fini(&in);
}

Test(esp_seal, round_trips)
{
	static uint8_t buf[ESP_BATCH][1800];

	for (size_t a = 0; a < ARRAY_LEN(algs); a++)
		for (int esn = 0; esn < 2; esn++) {
			struct esp_keys in, out;
			if (!make(&out, &algs[a], KERN_OUT, esn, 0))
				continue;
			cr_assert(make(&in, &algs[a], KERN_IN, esn, 128));
			if (esn)
				out.seq = in.replay.top = UINT32_MAX - 100; /* across the wrap */
			for (uint32_t len = 0; len < 1500; len += 61) {
				struct esp_pkt v[ESP_BATCH];
				for (uint32_t i = 0; i < ESP_BATCH; i++) {
					memset(buf[i], (int)(len + i), sizeof buf[i]);
					v[i] = (struct esp_pkt){ .p = buf[i] + 64, .n = len + i, .next = 4, .tfc = i % 5 == 0 ? 100 : 0 };
				}
				esp_seal(&out, v, ESP_BATCH, &rnd);
				for (uint32_t i = 0; i < ESP_BATCH; i++)
					cr_assert_eq(v[i].n, esp_sealed_len(&out, len + i + (i % 5 == 0 ? 100 : 0)));
				/* Every tenth is broken in one bit; one comes twice in the same batch. */
				for (uint32_t i = 0; i < ESP_BATCH; i += 10)
					v[i].p[4 + (len * 7 + i * 13) % (v[i].n - 4)] ^= 1; /* the SPI is the caller's */
				static uint8_t twice[1800];
				memcpy(twice, v[1].p, v[1].n);
				struct esp_pkt dup = { .p = twice, .n = v[1].n };
				v[ESP_BATCH - 1] = dup;
				esp_open(&in, v, ESP_BATCH);
				for (uint32_t i = 0; i < ESP_BATCH; i++) {
					if (i % 10 == 0) {
						cr_assert_neq(v[i].res, 0, "alg %zu len %u", a, len + i);
						continue;
					}
					if (i == ESP_BATCH - 1) {
						cr_assert_eq(v[i].res, E_STALE);
						continue;
					}
					cr_assert_eq(v[i].res, 0, "alg %zu len %u i %u: %s", a, len, i, err_name(v[i].res));
					cr_assert_eq(v[i].n, len + i + (i % 5 == 0 ? 100 : 0));
					for (uint32_t k = 0; k < len + i; k++)
						cr_assert_eq(v[i].p[k], (uint8_t)(len + i));
				}
			}
			esp_fini(&in);
			esp_fini(&out);
		}
}

Test(esp_seal, room_and_length_agree)
{
	for (size_t a = 0; a < ARRAY_LEN(algs); a++) {
		struct esp_keys k;
		if (!make(&k, &algs[a], KERN_OUT, false, 0))
			continue;
		for (uint32_t n = 0; n < 3000; n++) {
			uint32_t room = esp_room(&k, n);
			if (room) {
				cr_assert_leq(esp_sealed_len(&k, room), n);
				cr_assert_gt(esp_sealed_len(&k, room + 1), n);
			}
		}
		esp_fini(&k);
	}
}

Test(esp_seal, short_and_odd_lengths)
{
	for (size_t a = 0; a < ARRAY_LEN(algs); a++) {
		struct esp_keys k;
		if (!make(&k, &algs[a], KERN_IN, false, 64))
			continue;
		for (uint32_t n = 0; n < 200; n++) {
			uint8_t *b = calloc(1, n ? n : 1);
			if (n > 8)
				b[7] = 1;
			struct esp_pkt p = { .p = b, .n = n };
			esp_open(&k, &p, 1);
			cr_assert_neq(p.res, 0);
			free(b);
		}
		cr_assert_eq(k.replay.top, 0);
		esp_fini(&k);
	}
}

Test(esp_seal, numbers_never_wrap)
{
	struct esp_keys k;
	uint8_t buf[256] = { 0 };

	if (!make(&k, &algs[0], KERN_OUT, false, 0))
		cr_skip_test("no AES-GCM");
	k.seq = UINT32_MAX - 1;
	struct esp_pkt p = { .p = buf + 64, .n = 20 };
	esp_seal(&k, &p, 1, &rnd);
	cr_assert_eq(p.res, 0);
	cr_assert_eq(p.seq, UINT32_MAX);
	p = (struct esp_pkt){ .p = buf + 64, .n = 20 };
	esp_seal(&k, &p, 1, &rnd);
	cr_assert_eq(p.res, E_LIMIT);
	esp_fini(&k);
}

Test(esp_seal, integrity_is_not_optional)
{
	const struct encr_ops *cbc = registry_find(ch.reg, PLUG_ENCR, 12, 128), *gcm = registry_find(ch.reg, PLUG_ENCR, 20, 128);
	uint8_t key[64] = { 0 };
	struct kern_sa sa = { .dir = KERN_IN, .spi = 1, .encr_key = slice_of(key, 16) };
	struct esp_keys k;

	cr_assert_eq(esp_init(&k, &sa, NULL, NULL), E_NOT_SUPPORTED);
	if (cbc)
		cr_assert_eq(esp_init(&k, &sa, cbc, NULL), E_NOT_SUPPORTED);
	if (gcm)
		cr_assert_eq(esp_init(&k, &sa, gcm, NULL), E_BAD_VALUE, "no salt");
}
