/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments put together again, in any order, and what must not become a packet. */
#include "plugins/kernel-user/frag.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const struct net_addr a4 = { .family = NET_V4, .a = { 10, 1, 0, 10 } };
static const struct net_addr b4 = { .family = NET_V4, .a = { 10, 2, 0, 10 } };
static const struct net_addr a6 = { .family = NET_V6, .a = { 0xfd, 1, [15] = 0x10 } };
static const struct net_addr b6 = { .family = NET_V6, .a = { 0xfd, 2, [15] = 0x10 } };
static struct frags f;
static uint8_t whole[65535];

static uint8_t *give(uint8_t *p, size_t len, size_t *n)
{
	struct ip_pkt ip;

	cr_assert_eq(ip_parse(slice_of(p, len), &ip), 0);
	cr_assert(ip.fragment);
	return frag_add(&f, p, &ip, 1000, n);
}

/* IPv6 as a sender cuts it. */
static size_t v6_fragment(const uint8_t *p, size_t len, size_t mtu, size_t *at, uint32_t id, uint8_t *out)
{
	size_t left = len - 40 - *at, n = mtu - 48;

	if (!left)
		return 0;
	n = n >= left ? left : n & ~(size_t)7;
	memcpy(out, p, 40);
	out[4] = (uint8_t)((n + 8) >> 8);
	out[5] = (uint8_t)(n + 8);
	out[6] = 44;
	out[40] = p[6];
	out[41] = 0;
	out[42] = (uint8_t)(*at >> 8);
	out[43] = (uint8_t)(*at | (n < left));
	for (int i = 0; i < 4; i++)
		out[44 + i] = (uint8_t)(id >> (24 - 8 * i));
	memcpy(out + 48, p + 40 + *at, n);
	*at += n;
	return n + 48;
}

Test(esp_frag, in_any_order, .timeout = 300)
{
	static uint8_t piece[200][1500];
	size_t len[200], n;
	unsigned state = 1;

	for (int v6 = 0; v6 < 2; v6++)
		for (size_t total = 1600; total < 65000; total += 3171) {
			struct ip_pkt ip;
			size_t count = 0, at = 0, h = ip_build(whole, v6 ? &a6 : &a4, v6 ? &b6 : &b4, IP_UDP, 0, (uint16_t)total, total);
			for (size_t i = 0; i < total; i++)
				whole[h + i] = (uint8_t)(i * 13 >> 2);
			cr_assert_eq(ip_parse(slice_of(whole, h + total), &ip), 0);
			while ((len[count] = v6 ? v6_fragment(whole, h + total, 1400, &at, (uint32_t)total, piece[count]) :
				ip_v4_fragment(slice_of(whole, h + total), &ip, 1400, &at, piece[count])))
				count++;
			for (size_t left = count; left; left--) {
				state = state * 1103515245 + 12345;
				size_t i = (state >> 8) % left;
				uint8_t *p = give(piece[i], len[i], &n);
				cr_assert_eq(p != NULL, left == 1, "%zu left", left);
				if (p) {
					cr_assert_eq(n, h + total);
					cr_assert_eq(memcmp(p, whole, n), 0);
				}
				memcpy(piece[i], piece[left - 1], sizeof piece[i]);
				len[i] = len[left - 1];
			}
		}
	frags_fini(&f);
}

Test(esp_frag, overlaps_and_floods)
{
	uint8_t piece[4][1500];
	size_t len[4], at = 0, n;
	struct ip_pkt ip;

	ip_build(whole, &a4, &b4, IP_UDP, 0, 5, 3000);
	cr_assert_eq(ip_parse(slice_of(whole, 3020), &ip), 0);
	for (int i = 0; i < 3; i++)
		len[i] = ip_v4_fragment(slice_of(whole, 3020), &ip, 1400, &at, piece[i]);
	cr_assert_null(give(piece[0], len[0], &n));
	cr_assert_null(give(piece[0], len[0], &n)); /* an overlap ends it */
	cr_assert_null(give(piece[1], len[1], &n));
	cr_assert_null(give(piece[2], len[2], &n));
	/* More packets than there is room for: the oldest go, nothing grows. */
	for (unsigned i = 100; i < 1000; i++) {
		piece[0][4] = (uint8_t)(i >> 8);
		piece[0][5] = (uint8_t)i;
		cr_assert_null(give(piece[0], len[0], &n));
	}
	/* Behind the end of the longest packet. */
	piece[0][6] = 0x1f;
	piece[0][7] = 0xff;
	cr_assert_null(give(piece[0], len[0], &n));
	frags_fini(&f);
}
