/* SPDX-License-Identifier: Apache-2.0 */
/* TCP cut into segments and joined again; what must not be joined. */
#include "plugins/kernel-user/gso.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const struct net_addr a4 = { .family = NET_V4, .a = { 10, 1, 0, 10 } };
static const struct net_addr b4 = { .family = NET_V4, .a = { 10, 2, 0, 10 } };
static const struct net_addr a6 = { .family = NET_V6, .a = { 0xfd, 1, [15] = 0x10 } };
static const struct net_addr b6 = { .family = NET_V6, .a = { 0xfd, 2, [15] = 0x10 } };

enum { OPTIONS = 12 };

static uint8_t whole[70000];

/* A TCP packet with n bytes of payload and the timestamps option. */
static struct ip_pkt make(uint8_t *p, bool v6, uint32_t seq, uint32_t n, uint8_t flags)
{
	struct ip_pkt ip;
	size_t h = ip_build(p, v6 ? &a6 : &a4, v6 ? &b6 : &b4, IP_TCP, 0xb8, 77, 20 + OPTIONS + n);

	memset(p + h, 0, 20 + OPTIONS);
	memcpy(p + h, "\x12\x34\x00\x50", 4);
	for (int i = 0; i < 4; i++)
		p[h + 4 + (size_t)i] = (uint8_t)(seq >> (24 - 8 * i));
	p[h + 12] = (20 + OPTIONS) / 4 << 4;
	p[h + 13] = flags;
	memcpy(p + h + 20, "\1\1\10\12abcdefgh", OPTIONS);
	for (uint32_t i = 0; i < n; i++)
		p[h + 20 + OPTIONS + i] = (uint8_t)((seq + i) * 31 >> 3);
	cr_assert_eq(ip_parse(slice_of(p, h + 20 + OPTIONS + n), &ip), 0);
	ip_fix_upper(p, &ip);
	return ip;
}

static bool sums_right(const uint8_t *p, const struct ip_pkt *ip)
{
	uint32_t n = ip->len - ip->hdr_len;

	return (ip->family == NET_V6 || ip_sum(p, 20, 0) == 0xffff) &&
		ip_sum(p + ip->hdr_len, n, ip_pseudo_sum(ip, IP_TCP, n)) == 0xffff;
}

Test(esp_gso, cut_and_joined_again, .timeout = 300)
{
	static uint8_t seg[80][1500], again[70000];
	static const uint32_t lens[] = { 1, 100, 1299, 1300, 1301, 2600, 9999, 40000, 65000 };

	for (size_t c = 0; c < 2 * ARRAY_LEN(lens); c++) {
		bool v6 = c % 2;
		uint32_t n = lens[c / 2], seq = 0xffffff00u, at = 0;
		struct ip_pkt ip = make(whole, v6, seq, n, 0x18), one, got;
		struct gso g;
		struct gro r = { 0 };
		size_t count = 0;
		cr_assert_eq(gso_open(&g, whole, &ip, 1300), 0);
		for (uint32_t len; (len = gso_next(&g, seg[count], &one)); count++) {
			cr_assert_eq(ip_parse(slice_of(seg[count], len), &got), 0);
			cr_assert_eq(got.len, len);
			cr_assert_eq(memcmp(&got, &one, sizeof got), 0);
			cr_assert(sums_right(seg[count], &got));
			at += len - g.hdr;
			cr_assert_eq((seg[count][got.hdr_len + 13] & 8) != 0, at == n, "PSH on the last alone");
			if (v6 || count)
				cr_assert(v6 || (seg[count][4] << 8 | seg[count][5]) == 77 + (int)count);
			cr_assert_eq(gro_add(&r, seg[count], &got), GRO_JOINED);
		}
		cr_assert_eq(at, n);
		cr_assert_eq(count, (n + 1299) / 1300);
		struct virtio_net_hdr vh;
		gro_close(&r, &vh);
		cr_assert_eq(r.n, count);
		size_t len = r.ip.len;
		memcpy(again, r.p, len);
		for (int i = 1; i < r.n; i++) {
			memcpy(again + len, r.piece[i - 1].p, r.piece[i - 1].n);
			len += r.piece[i - 1].n;
		}
		cr_assert_eq(len, ip.len);
		if (count > 1) {
			cr_assert_eq(vh.gso_size, 1300);
			cr_assert_eq(gso_checksum(again, len, vh.csum_start, vh.csum_offset), 0);
		}
		cr_assert_eq(memcmp(again, whole, len), 0);
	}
}

static enum gro_verdict after(uint8_t *second, const struct ip_pkt *ip)
{
	static uint8_t first[1500];
	struct gro g = { 0 };
	struct ip_pkt f = make(first, ip->family == NET_V6, 1000, 100, 0x10);

	cr_assert_eq(gro_add(&g, first, &f), GRO_JOINED);
	return gro_add(&g, second, ip);
}

Test(esp_gso, what_is_not_joined)
{
	uint8_t p[1500];
	struct ip_pkt ip = make(p, false, 1100, 100, 0x10);

	cr_assert_eq(after(p, &ip), GRO_JOINED);
	ip = make(p, false, 1100, 101, 0x10); /* longer than the first */
	cr_assert_eq(after(p, &ip), GRO_FLUSH);
	ip = make(p, false, 1101, 100, 0x10); /* a gap */
	cr_assert_eq(after(p, &ip), GRO_FLUSH);
	ip = make(p, false, 1100, 0, 0x10); /* an acknowledgement alone */
	cr_assert_eq(after(p, &ip), GRO_FLUSH);
	ip = make(p, false, 1100, 100, 0x11); /* FIN */
	cr_assert_eq(after(p, &ip), GRO_FLUSH);
	ip = make(p, false, 1100, 100, 0x90); /* CWR */
	cr_assert_eq(after(p, &ip), GRO_FLUSH);
	ip = make(p, false, 1100, 100, 0x10);
	p[60] ^= 1; /* a wrong checksum stays with its packet */
	cr_assert_eq(after(p, &ip), GRO_FLUSH);
	ip = make(p, false, 1100, 100, 0x10);
	p[44] ^= 1; /* other options */
	ip_fix_upper(p, &ip);
	cr_assert_eq(after(p, &ip), GRO_FLUSH);
	ip = make(p, false, 1100, 100, 0x10);
	p[8]--; /* TTL */
	cr_assert_eq(after(p, &ip), GRO_FLUSH);
	ip = make(p, false, 1100, 100, 0x10);
	p[21] ^= 1; /* another port */
	cr_assert_eq(ip_parse(slice_of(p, ip.len), &ip), 0);
	ip_fix_upper(p, &ip);
	cr_assert_eq(after(p, &ip), GRO_OTHER);
	ip = make(p, true, 1100, 100, 0x10);
	cr_assert_eq(after(p, &ip), GRO_JOINED);
	ip_build(p, &a4, &b4, IP_UDP, 0, 1, 100);
	cr_assert_eq(ip_parse(slice_of(p, 120), &ip), 0);
	cr_assert_eq(after(p, &ip), GRO_ALONE);
}

Test(esp_gso, closed_by_a_short_one_or_psh)
{
	static uint8_t a[1500], b[1500], c[1500];
	struct gro g = { 0 };
	struct ip_pkt x = make(a, false, 0, 100, 0x10), y = make(b, false, 100, 50, 0x10), z = make(c, false, 150, 50, 0x10);

	cr_assert_eq(gro_add(&g, a, &x), GRO_JOINED);
	cr_assert_eq(gro_add(&g, b, &y), GRO_JOINED);
	cr_assert_eq(gro_add(&g, c, &z), GRO_FLUSH);
	g.n = 0;
	x = make(a, false, 0, 100, 0x18);
	cr_assert_eq(gro_add(&g, a, &x), GRO_JOINED);
	y = make(b, false, 100, 100, 0x10);
	cr_assert_eq(gro_add(&g, b, &y), GRO_FLUSH);
}

Test(esp_gso, broken_headers)
{
	uint8_t p[200];
	struct gso g;
	struct ip_pkt ip = make(p, false, 0, 100, 0x10);

	cr_assert_eq(gso_open(&g, p, &ip, 0), E_SYNTAX);
	p[32] = 0x10; /* a TCP header of 4 bytes */
	cr_assert_eq(gso_open(&g, p, &ip, 50), E_SYNTAX);
	p[32] = 0xf0;
	ip.len = 60;
	cr_assert_eq(gso_open(&g, p, &ip, 50), E_SYNTAX);
	cr_assert_eq(gso_checksum(p, 100, 99, 0), E_SYNTAX);
	cr_assert_eq(gso_checksum(p, 100, 101, 0), E_SYNTAX);
	cr_assert_eq(gso_checksum(p, 100, 20, 79), E_SYNTAX);
}
