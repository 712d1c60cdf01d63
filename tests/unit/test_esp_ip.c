/* SPDX-License-Identifier: Apache-2.0 */
/* IP headers of the userspace data plane: parsing, checksums, ECN, fragments, ICMP errors, prefixes of ranges. */
#include "plugins/kernel-user/ip.h"
#include "plugins/kernel-user/rtnl.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const struct net_addr a4 = { .family = NET_V4, .a = { 10, 1, 0, 10 } };
static const struct net_addr b4 = { .family = NET_V4, .a = { 10, 2, 0, 10 } };
static const struct net_addr a6 = { .family = NET_V6, .a = { 0xfd, 1, [15] = 0x10 } };
static const struct net_addr b6 = { .family = NET_V6, .a = { 0xfd, 2, [15] = 0x10 } };

static uint16_t slow_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

Test(esp_ip, sums)
{
	uint8_t b[200];

	for (size_t i = 0; i < sizeof b; i++)
		b[i] = (uint8_t)(i * 37 + 11);
	for (size_t n = 0; n < sizeof b; n++)
		for (uint32_t s = 0; s < 0x30000; s += 0x3fff)
			cr_assert_eq(ip_sum(b, n, s) % 0xffff, slow_sum(b, n, s) % 0xffff, "%zu %x", n, s);
	memset(b, 0xff, sizeof b);
	cr_assert_eq(ip_sum(b, sizeof b, 0xffff), 0xffff);
}

/* RFC 6040 figure 4, written out. */
Test(esp_ip, ecn)
{
	static const int want[4][4] = { /* inner; outer not-ECT, ECT(0), ECT(1), CE */
		{ ECN_NOT, ECN_NOT, ECN_NOT, -1 },
		{ ECN_ECT0, ECN_ECT0, ECN_ECT1, ECN_CE },
		{ ECN_ECT1, ECN_ECT1, ECN_ECT1, ECN_CE },
		{ ECN_CE, ECN_CE, ECN_CE, ECN_CE },
	};
	static const uint8_t order[] = { ECN_NOT, ECN_ECT0, ECN_ECT1, ECN_CE };
	uint8_t out;

	for (int i = 0; i < 4; i++)
		for (int o = 0; o < 4; o++) {
			bool ok = ip_tos_in((uint8_t)(0xb8 | order[i]), (uint8_t)(0x20 | order[o]), false, true, &out);
			cr_assert_eq(ok, want[i][o] >= 0);
			if (ok)
				cr_assert_eq(out, 0xb8 | want[i][o], "inner %d outer %d", i, o);
			cr_assert(ip_tos_in((uint8_t)(0xb8 | order[i]), 0x20 | ECN_CE, false, false, &out));
			cr_assert_eq(out, 0xb8 | order[i]);
		}
	cr_assert(ip_tos_in(0xb8, 0x20, true, true, &out));
	cr_assert_eq(out, 0x20);
	cr_assert_eq(ip_tos_out(0xb8 | ECN_CE, true, true), 0xb8 | ECN_CE);
	cr_assert_eq(ip_tos_out(0xb8 | ECN_CE, false, true), ECN_CE);
	cr_assert_eq(ip_tos_out(0xb8 | ECN_CE, true, false), 0xb8);
}

Test(esp_ip, tos_keeps_the_checksum)
{
	uint8_t p[40];
	struct ip_pkt ip;

	for (unsigned from = 0; from < 256; from += 5)
		for (unsigned to = 0; to < 256; to += 3) {
			ip_build(p, &a4, &b4, IP_UDP, (uint8_t)from, (uint16_t)(from * 251), 0);
			ip_set_tos(p, NET_V4, (uint8_t)to);
			cr_assert_eq(ip_sum(p, 20, 0), 0xffff);
			cr_assert_eq(p[1], to);
			ip_build(p, &a6, &b6, IP_NO_NEXT, (uint8_t)from, 0, 0);
			ip_set_tos(p, NET_V6, (uint8_t)to);
			cr_assert_eq(ip_parse(slice_of(p, 40), &ip), 0);
			cr_assert_eq(ip.tos, to);
		}
}

Test(esp_ip, parse)
{
	uint8_t p[100] = { 0 };
	struct ip_pkt ip;

	size_t h = ip_build(p, &a4, &b4, IP_TCP, 0x10, 7, 20);
	memcpy(p + h, "\x12\x34\x00\x50", 4);
	cr_assert_eq(ip_parse(slice_of(p, sizeof p), &ip), 0); /* with padding behind it */
	cr_assert_eq(ip.len, 40);
	cr_assert(ip.ports);
	cr_assert_eq(ip.sport, 0x1234);
	cr_assert_eq(ip.dport, 80);
	cr_assert_not(ip.df);
	p[6] = 0x40;
	cr_assert_eq(ip_parse(slice_of(p, 40), &ip), 0);
	cr_assert(ip.df && !ip.fragment);
	p[7] = 1; /* not the first fragment: no ports */
	cr_assert_eq(ip_parse(slice_of(p, 40), &ip), 0);
	cr_assert(ip.fragment && !ip.ports);
	cr_assert_eq(ip_parse(slice_of(p, 39), &ip), E_TRUNCATED);
	p[0] = 0x44;
	cr_assert_eq(ip_parse(slice_of(p, 40), &ip), E_SYNTAX);
	p[0] = 0x4f;
	cr_assert_eq(ip_parse(slice_of(p, 40), &ip), E_TRUNCATED);
	p[0] = 0x55;
	cr_assert_eq(ip_parse(slice_of(p, 40), &ip), E_SYNTAX);
	cr_assert_eq(ip_parse(slice_of(p, 0), &ip), E_TRUNCATED);

	/* Hop-by-hop, fragment (first), UDP. */
	memset(p, 0, sizeof p);
	h = ip_build(p, &a6, &b6, 0, 0, 0, 8 + 8 + 8);
	p[h] = 44;
	p[h + 8] = IP_UDP;
	p[h + 8 + 3] = 1;
	memcpy(p + h + 16, "\x00\x35\x00\x36", 4);
	cr_assert_eq(ip_parse(slice_of(p, sizeof p), &ip), 0);
	cr_assert_eq(ip.proto, IP_UDP);
	cr_assert_eq(ip.hdr_len, 56);
	cr_assert(ip.fragment && ip.ports);
	cr_assert_eq(ip.dport, 0x36);
	p[h + 8 + 2] = 1;
	cr_assert_eq(ip_parse(slice_of(p, sizeof p), &ip), 0);
	cr_assert(ip.fragment && !ip.ports);
	/* Extension headers that lead out of the packet, and too many. */
	p[h + 1] = 200;
	cr_assert_eq(ip_parse(slice_of(p, sizeof p), &ip), E_TRUNCATED);
	memset(p, 0, sizeof p);
	ip_build(p, &a6, &b6, 60, 0, 0, 60);
	for (int i = 40; i < 100; i += 8)
		p[i] = 60;
	cr_assert_neq(ip_parse(slice_of(p, sizeof p), &ip), 0);
}

/* Whatever comes, nothing is read behind the packet (the sanitizers look) and lengths stay inside. */
Test(esp_ip, any_bytes, .timeout = 300)
{
	struct ip_pkt ip;
	uint64_t s = 1;

	for (int i = 0; i < 200000; i++) {
		size_t n = s >> 40 & 127;
		uint8_t *p = malloc(n ? n : 1);
		for (size_t k = 0; k < n; k++) {
			s = s * 6364136223846793005u + 1442695040888963407u;
			p[k] = (uint8_t)(s >> 56);
		}
		if (n > 6) {
			p[0] = (uint8_t)(i & 1 ? 0x40 | (p[0] & 15) : 0x60);
			p[2] = 0;
			p[3] &= 127;
			p[4] &= (uint8_t)(i & 1 ? 255 : 0);
			static const uint8_t next[] = { 0, 43, 44, 60, 51, 17, 58, 135 };
			p[6] = i & 1 ? p[6] : next[p[6] & 7];
		}
		if (ip_parse(slice_of(p, n), &ip) == 0) {
			cr_assert(ip.len <= n && ip.hdr_len <= ip.len);
			uint8_t out[IP_ICMP_ROOM];
			cr_assert(ip_icmp_error(IP_ICMP_TOO_BIG, 1300, slice_of(p, ip.len), &ip, out) <= sizeof out);
			ip_fix_upper(p, &ip);
		}
		free(p);
		s = s * 6364136223846793005u + 1;
	}
}

Test(esp_ip, selectors)
{
	struct ts_sel t = { .family = NET_V4, .port_hi = 65535, .lo = { 10, 1, 0, 0 }, .hi = { 10, 1, 0, 255 } };
	struct ip_pkt ip = { .family = NET_V4, .proto = IP_TCP, .ports = true };
	uint8_t in[16] = { 10, 1, 0, 9 }, out[16] = { 10, 1, 1, 0 };

	cr_assert(ip_matches(&t, &ip, in, 80));
	cr_assert_not(ip_matches(&t, &ip, out, 80));
	t.proto = IP_UDP;
	cr_assert_not(ip_matches(&t, &ip, in, 80));
	t.proto = IP_TCP;
	t.port_lo = t.port_hi = 80;
	cr_assert(ip_matches(&t, &ip, in, 80));
	cr_assert_not(ip_matches(&t, &ip, in, 81));
	ip.ports = false; /* a later fragment: only ANY or OPAQUE */
	cr_assert_not(ip_matches(&t, &ip, in, 0));
	t.port_lo = 65535;
	t.port_hi = 0;
	cr_assert(ip_matches(&t, &ip, in, 0));
	ip.ports = true;
	cr_assert_not(ip_matches(&t, &ip, in, 80));
}

Test(esp_ip, fragments)
{
	uint8_t p[4000], out[1500], again[4000] = { 0 };
	struct ip_pkt ip, f;

	for (size_t i = 0; i < sizeof p; i++)
		p[i] = (uint8_t)(i * 7);
	ip_build(p, &a4, &b4, IP_UDP, 0, 99, sizeof p - 20);
	cr_assert_eq(ip_parse(slice_of(p, sizeof p), &ip), 0);
	for (size_t mtu = 68; mtu <= 1500; mtu += 37) {
		size_t at = 0, n, count = 0, end = 0;
		memset(again, 0, sizeof again);
		while ((n = ip_v4_fragment(slice_of(p, sizeof p), &ip, mtu, &at, out))) {
			cr_assert(n <= mtu);
			cr_assert_eq(ip_parse(slice_of(out, n), &f), 0);
			cr_assert(f.fragment);
			cr_assert_eq(f.len, n);
			cr_assert_eq(ip_sum(out, 20, 0), 0xffff);
			size_t off = (size_t)((out[6] & 0x1f) << 8 | out[7]) * 8;
			memcpy(again + 20 + off, out + 20, n - 20);
			if (!(out[6] & 0x20))
				end = off + n - 20;
			count++;
		}
		cr_assert_eq(end, sizeof p - 20);
		cr_assert_eq(memcmp(again + 20, p + 20, sizeof p - 20), 0);
		cr_assert_geq(count, (sizeof p - 20) / (mtu - 20));
	}
}

/* 1500 bytes through a path of 1400: 1396 and 124, since all but the last carry a multiple of 8 (RFC 791); ten of them
 * make twenty. */
Test(esp_ip, fragments_of_1500_through_1400)
{
	static const struct {
		size_t bytes;
		unsigned offset;
		bool more;
	} want[] = { { 1396, 0, true }, { 124, 172, false } };
	uint8_t p[1500] = { 0 }, out[1400];
	struct ip_pkt ip;
	unsigned made = 0;

	ip_build(p, &a4, &b4, IP_UDP, 0, 99, sizeof p - 20);
	cr_assert_eq(ip_parse(slice_of(p, sizeof p), &ip), 0);
	for (int round = 0; round < 10; round++) {
		size_t at = 0, n;
		for (size_t i = 0; (n = ip_v4_fragment(slice_of(p, sizeof p), &ip, 1400, &at, out)); i++, made++) {
			cr_assert_lt(i, ARRAY_LEN(want));
			cr_assert_eq(n, want[i].bytes);
			cr_assert_eq((unsigned)(out[6] & 0x1f) << 8 | out[7], want[i].offset);
			cr_assert_eq((out[6] & 0x20) != 0, want[i].more);
		}
	}
	cr_assert_eq(made, 20);
}

Test(esp_ip, icmp_errors)
{
	uint8_t p[1500] = { 0 }, out[IP_ICMP_ROOM];
	struct ip_pkt ip, e;

	ip_build(p, &a4, &b4, IP_TCP, 0, 1, sizeof p - 20);
	cr_assert_eq(ip_parse(slice_of(p, sizeof p), &ip), 0);
	size_t n = ip_icmp_error(IP_ICMP_TOO_BIG, 1300, slice_of(p, sizeof p), &ip, out);
	cr_assert_eq(n, 576);
	cr_assert_eq(ip_parse(slice_of(out, n), &e), 0);
	cr_assert_eq(e.sport, 0x0304);
	cr_assert_eq(out[20 + 6] << 8 | out[20 + 7], 1300);
	cr_assert_eq(ip_sum(out + 20, n - 20, 0), 0xffff);
	cr_assert_eq(memcmp(e.dst, a4.a, 4), 0);
	/* Not about an ICMP error, not about a later fragment, not about multicast. */
	cr_assert_eq(ip_icmp_error(IP_ICMP_TOO_BIG, 1300, slice_of(out, n), &e, p), 0);
	ip_build(p, &a4, &(struct net_addr){ .family = NET_V4, .a = { 224, 0, 0, 1 } }, IP_UDP, 0, 1, 8);
	cr_assert_eq(ip_parse(slice_of(p, 28), &ip), 0);
	cr_assert_eq(ip_icmp_error(IP_ICMP_PROHIBITED, 0, slice_of(p, 28), &ip, out), 0);

	ip_build(p, &a6, &b6, IP_TCP, 0, 0, sizeof p - 40);
	cr_assert_eq(ip_parse(slice_of(p, sizeof p), &ip), 0);
	n = ip_icmp_error(IP_ICMP_TOO_BIG, 1300, slice_of(p, sizeof p), &ip, out);
	cr_assert_eq(n, 1280);
	cr_assert_eq(ip_parse(slice_of(out, n), &e), 0);
	cr_assert_eq(e.sport, 0x0200);
	cr_assert_eq(ip_sum(out + 40, n - 40, ip_pseudo_sum(&e, IP_ICMP6, (uint32_t)n - 40)), 0xffff);
}

Test(esp_ip, upper_checksum)
{
	uint8_t p[61] = { 0 };
	struct ip_pkt ip;

	for (int proto = IP_TCP; proto <= IP_UDP; proto += IP_UDP - IP_TCP)
		for (int v6 = 0; v6 < 2; v6++) {
			size_t at = proto == IP_TCP ? 16 : 6, h = ip_build(p, v6 ? &a6 : &a4, v6 ? &b6 : &b4, (uint8_t)proto, 0, 1, 21);
			memset(p + h, 0x5a, 21);
			cr_assert_eq(ip_parse(slice_of(p, h + 21), &ip), 0);
			ip_fix_upper(p, &ip);
			cr_assert_eq(ip_sum(p + h, 21, ip_pseudo_sum(&ip, (uint8_t)proto, 21)), 0xffff);
			p[h + at] = p[h + at + 1] = 0; /* UDP over IPv4 may go without */
			ip_fix_upper(p, &ip);
			cr_assert_eq(p[h + at] == 0 && p[h + at + 1] == 0, proto == IP_UDP && !v6);
		}
}

/* Every address of a range in exactly one prefix, none outside. */
Test(esp_ip, prefixes_of_ranges)
{
	uint8_t addr[64][16], bits[64];

	for (unsigned lo = 0; lo < 256; lo += 7)
		for (unsigned hi = lo; hi < 256; hi += 5) {
			struct ts_sel t = { .family = NET_V4, .lo = { 10, 0, 0, (uint8_t)lo }, .hi = { 10, 0, 0, (uint8_t)hi } };
			size_t n = rtnl_prefixes(&t, addr, bits, 64);
			unsigned at = lo;
			for (size_t i = 0; i < n; i++) {
				cr_assert_eq(addr[i][3], at);
				cr_assert(bits[i] >= 24 && bits[i] <= 32);
				at += 1u << (32 - bits[i]);
			}
			cr_assert_eq(at, hi + 1);
		}
	struct ts_sel all = { .family = NET_V6 };
	memset(all.hi, 0xff, 16);
	cr_assert_eq(rtnl_prefixes(&all, addr, bits, 64), 1);
	cr_assert_eq(bits[0], 0);
	all = (struct ts_sel){ .family = NET_V4, .lo = { 0, 0, 0, 1 }, .hi = { 255, 255, 255, 255 } };
	cr_assert_eq(rtnl_prefixes(&all, addr, bits, 64), 32);
}
