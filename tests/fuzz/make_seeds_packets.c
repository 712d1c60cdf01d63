/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds of the data plane in user space: packets as they stand inside ESP, fragments, segments. */
#include "tests/fuzz/make_seeds.h"

/* Packets as they stand inside ESP; flags as in fuzz_esp.c. */
void esp_seeds(void)
{
	static const uint8_t v4_udp[] = { 0x45, 0, 0, 32, 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 1, 0, 1, 10, 2, 0, 1, 4, 0, 0, 53, 0, 12, 0, 0,
		1, 2, 3, 4 };
	static const uint8_t v4_tcp_options[] = { 0x46, 2, 0, 48, 0, 1, 0, 0, 64, 6, 0, 0, 10, 1, 0, 1, 10, 2, 0, 1, 0x94, 4, 0, 0, 4, 0, 0,
		22, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4 };
	static const uint8_t v4_fragment[] = { 0x45, 0, 0, 28, 0, 1, 0x20, 9, 64, 17, 0, 0, 10, 1, 0, 1, 10, 2, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t v6_icmp[] = { 0x60, 0, 0, 0, 0, 8, 58, 64, 0xfd, [23] = 1, [24] = 0xfd, [39] = 2, [40] = 128, [47] = 1 };
	static const uint8_t v6_ext[] = { 0x60, 0, 0, 0, 0, 32, 0, 64, 0xfd, [23] = 1, [24] = 0xfd, [39] = 2, [40] = 44, [48] = 60,
		[56] = 17, [71] = 8 };
	static const struct {
		const char *name;
		slice packet;
		uint8_t next;
	} v[] = {
		{ "v4-udp", { v4_udp, sizeof v4_udp }, 4 }, { "v4-tcp-options", { v4_tcp_options, sizeof v4_tcp_options }, 4 },
		{ "v4-fragment", { v4_fragment, sizeof v4_fragment }, 4 }, { "v6-icmp", { v6_icmp, sizeof v6_icmp }, 41 },
		{ "v6-extensions", { v6_ext, sizeof v6_ext }, 41 }, { "dummy", { NULL, 0 }, 59 },
	};
	static const uint8_t variants[] = { 0, 1, 2, 3, 18, 4, 8, 9, 0x60 };
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		for (size_t k = 0; k < ARRAY_LEN(variants); k += 1 + (i > 0)) {
			uint8_t head[] = { variants[k], 0, (uint8_t)(9 * k), v[i].next };
			char name[64];
			snprintf(name, sizeof name, "%s-%02x", v[i].name, variants[k]);
			seed("esp", name, (slice[]){ slice_of(head, sizeof head), v[i].packet }, 2);
		}
	uint8_t sealed[] = { 4 /* raw */, 0, 0, 4, 0xc0, 1, 2, 3, 0, 0, 0, 1, [51] = 9 };
	seed1("esp", "raw", slice_of(sealed, sizeof sealed));
}

static void put_op(struct wr *w, uint8_t kind, uint16_t arg, slice packet)
{
	wr_u8(w, kind);
	wr_u16(w, arg);
	struct wr_mark len = wr_open(w, 2);
	wr_bytes(w, packet);
	wr_shut(w, len);
}

/* A fragment of `n` bytes at `off`; more: others follow. */
static void put_fragment(struct wr *w, bool v6, uint16_t off, uint16_t n, bool more)
{
	uint8_t b[128];
	struct wr p = wr_of(b, sizeof b);
	if (v6) {
		wr_u32(&p, 6u << 28);
		wr_u16(&p, (uint16_t)(8 + n));
		wr_u16(&p, 44 << 8 | 64);
		wr_bytes(&p, slice_of(seed_filler, 32));
		wr_u16(&p, 17 << 8);
		wr_u16(&p, (uint16_t)(off | more));
		wr_u32(&p, 7);
	} else {
		wr_u16(&p, 0x4500);
		wr_u16(&p, (uint16_t)(20 + n));
		wr_u16(&p, 7);
		wr_u16(&p, (uint16_t)(off / 8 | (more ? 0x2000 : 0)));
		wr_u32(&p, 64u << 24 | 17u << 16);
		wr_bytes(&p, slice_of(seed_filler, 8));
	}
	wr_bytes(&p, slice_of(seed_filler, n));
	put_op(w, 0, 1, wr_done(&p));
}

/* A TCP segment with a right checksum, which gro_add wants. */
static void put_tcp(struct wr *w, uint8_t kind, uint16_t arg, uint32_t seq, uint16_t n)
{
	uint8_t b[256];
	struct wr p = wr_of(b, sizeof b);
	wr_u16(&p, 0x4500);
	wr_u16(&p, (uint16_t)(40 + n));
	wr_u32(&p, 0);
	wr_u32(&p, 64u << 24 | 6u << 16);
	wr_bytes(&p, slice_of(seed_filler, 8));
	wr_u16(&p, 1000);
	wr_u16(&p, 80);
	wr_u32(&p, seq);
	wr_u32(&p, 1);
	wr_u32(&p, 0x50100400);
	wr_u32(&p, 0);
	wr_bytes(&p, slice_of(seed_filler, n));
	uint32_t sum = 6 + 20 + n;
	for (size_t i = 12; i < p.off; i += 2)
		sum += (uint32_t)(b[i] << 8 | (i + 1 < p.off ? b[i + 1] : 0));
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	b[36] = (uint8_t)(sum >> 8);
	b[37] = (uint8_t)sum;
	put_op(w, kind, arg, wr_done(&p));
}

/* Operations of fuzz_inet.c. */
void inet_seeds(void)
{
	uint8_t buf[2048];
	for (uint8_t v6 = 0; v6 < 2; v6++) {
		struct wr w = wr_of(buf, sizeof buf);
		put_fragment(&w, v6, 0, 16, true);
		put_fragment(&w, v6, 16, 8, true);
		put_fragment(&w, v6, 24, 5, false);
		seed1("inet", v6 ? "fragments-v6" : "fragments-v4", wr_done(&w));
		w = wr_of(buf, sizeof buf);
		put_fragment(&w, v6, 24, 5, false);
		put_fragment(&w, v6, 8, 16, true);
		put_fragment(&w, v6, 0, 16, true);
		seed1("inet", v6 ? "overlap-v6" : "overlap-v4", wr_done(&w));
		w = wr_of(buf, sizeof buf);
		put_fragment(&w, v6, 32, 8, true);
		put_fragment(&w, v6, 16, 8, false);
		put_fragment(&w, v6, 0, 8, true);
		seed1("inet", v6 ? "beyond-v6" : "beyond-v4", wr_done(&w));
	}
	struct wr w = wr_of(buf, sizeof buf);
	put_tcp(&w, 1, 30, 5, 100);
	seed1("inet", "segments", wr_done(&w));
	w = wr_of(buf, sizeof buf);
	put_tcp(&w, 2, 0, 5, 40);
	put_tcp(&w, 2, 0, 45, 40);
	put_tcp(&w, 2, 0, 85, 10);
	put_tcp(&w, 2, 0, 95, 10);
	seed1("inet", "join", wr_done(&w));
	w = wr_of(buf, sizeof buf);
	put_op(&w, 3, 6 << 8 | 20, slice_of(seed_filler, 60));
	seed1("inet", "checksum", wr_done(&w));
}
