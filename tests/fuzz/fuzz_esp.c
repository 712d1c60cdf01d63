/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ESP packets to the userspace data plane: from strangers (raw bytes), from a peer with the keys (the input is what is
 * inside), with one bit flipped on the way; then the inner packet goes through everything that looks at IP headers.
 *
 * Input: flags, then the low sequence number to start at (2), next header, then the bytes.
 */
#include "fuzz.h"
#include "plugins/kernel-user/esp.h"
#include "plugins/kernel-user/ip.h"
#include "toy_crypto.h"

const char *const fuzz_name = "esp";

enum { USE_CBC = 1, USE_ESN = 2, RAW = 4, FLIP = 8, NO_ENCR = 16, ROOM = 128 };

static err_t fill(void *h, uint8_t *out, size_t n)
{
	(void)h;
	memset(out, 7, n);
	return 0;
}

static void init(struct esp_keys *k, uint8_t flags, uint8_t dir)
{
	static const uint8_t keys[64] = { 1, 2, 3 };
	bool cbc = flags & USE_CBC, null = flags & NO_ENCR;
	struct kern_sa sa = { .dir = dir, .spi = 0xc0010203, .esn = flags & USE_ESN, .replay_window = 32,
		.encr_key = slice_of(keys, null ? 0 : cbc ? 16 : 36), .integ_key = slice_of(keys, cbc || null ? 32 : 0) };
	FUZZ_CHECK(esp_init(k, &sa, null ? NULL : cbc ? &toy_cbc : &toy_aead, cbc || null ? &toy_integ : NULL) == 0);
}

/* What the data plane does with the packet inside. */
static void look_at_ip(const uint8_t *p, uint32_t n)
{
	static uint8_t out[70000];
	struct ip_pkt ip;
	struct ts_sel all = { .family = NET_V4, .port_hi = 65535 };
	uint8_t *copy = malloc(n ? n : 1);
	uint8_t tos;

	FUZZ_CHECK(copy);
	if (n)
		memcpy(copy, p, n);
	slice s = slice_of(copy, n);
	if (ip_parse(s, &ip) == 0) {
		FUZZ_CHECK(ip.len <= n && ip.hdr_len <= ip.len);
		(void)ip_matches(&all, &ip, ip.src, ip.sport);
		size_t icmp = ip_icmp_error(IP_ICMP_TOO_BIG, 1280, s, &ip, out);
		FUZZ_CHECK(icmp <= IP_ICMP_ROOM);
		FUZZ_CHECK(ip_icmp_error(IP_ICMP_PROHIBITED, 0, s, &ip, out) <= IP_ICMP_ROOM);
		if (ip.family == NET_V4) {
			size_t at = 0, len, pieces = 0;
			while ((len = ip_v4_fragment(s, &ip, 576, &at, out)) != 0) {
				FUZZ_CHECK(len <= 576 && ++pieces <= 70000 / 8);
			}
			FUZZ_CHECK(at <= (size_t)ip.len - ip.hdr_len);
		}
		if (ip_tos_in(ip.tos, copy[0], true, true, &tos))
			ip_set_tos(copy, ip.family, tos);
		ip_fix_upper(copy, &ip);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	slice in = slice_of(data, n);
	uint8_t flags = fuzz_u8(&in);
	uint16_t start = fuzz_u16(&in);
	uint8_t next = fuzz_u8(&in);
	struct esp_keys out, rx;
	struct esp_rand rnd = { .fill = fill };
	static uint8_t buf[70000];

	if (in.n > 65000)
		return 0;
	init(&out, flags, KERN_OUT);
	init(&rx, flags, KERN_IN);
	out.seq = start;
	if (in.n)
		memcpy(buf + ROOM, in.p, in.n);
	struct esp_pkt pkt = { .p = buf + ROOM, .n = (uint32_t)in.n, .tfc = flags >> 5, .next = next };
	if (!(flags & RAW)) {
		uint32_t payload = pkt.n + pkt.tfc;
		esp_seal(&out, &pkt, 1, &rnd);
		FUZZ_CHECK(pkt.res == 0 && pkt.n == esp_sealed_len(&out, payload));
		if (flags & FLIP)
			/* The SPI is the caller's business: it found the SA by it. */
			pkt.p[4 + start % (pkt.n - 4)] ^= (uint8_t)(1u << (next & 7));
	}
	/* In memory of its own size. */
	uint8_t *p = malloc(pkt.n ? pkt.n : 1);
	FUZZ_CHECK(p);
	if (pkt.n)
		memcpy(p, pkt.p, pkt.n);
	struct esp_pkt got = { .p = p, .n = pkt.n };
	esp_open(&rx, &got, 1);
	if (flags & (RAW | FLIP)) {
		FUZZ_CHECK(got.res != 0);
	} else {
		FUZZ_CHECK(got.res == 0 && got.next == next && got.n == in.n + (flags >> 5));
		FUZZ_CHECK(in.n == 0 || memcmp(got.p, in.p, in.n) == 0);
		look_at_ip(got.p, got.n);
		/* The same packet again is a replay. */
		struct esp_pkt again = { .p = pkt.p, .n = pkt.n };
		esp_open(&rx, &again, 1);
		FUZZ_CHECK(again.res == E_STALE);
	}
	if (flags & RAW)
		look_at_ip(in.p, (uint32_t)in.n);
	free(p);
	esp_fini(&out);
	esp_fini(&rx);
	return 0;
}
