/* SPDX-License-Identifier: Apache-2.0 */
#include "base/netaddr.h"

#include <criterion/criterion.h>

Test(netaddr, addresses_both_ways)
{
	static const struct { const char *in, *plain, *port; } row[] = {
		{ "10.1.0.1", "10.1.0.1", "10.1.0.1[0]" },
		{ "10.1.0.1:500", "10.1.0.1", "10.1.0.1[500]" },
		{ "fd00::1", "fd00::1", "fd00::1[0]" },
		{ "[fd00::1]:4500", "fd00::1", "fd00::1[4500]" },
		{ "::", "::", "::[0]" },
		{ "fe80::1%1", "fe80::1%1", "fe80::1%1[0]" },
	};
	char buf[NET_ADDR_TEXT];
	struct net_addr a;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		cr_assert_eq(net_addr_parse(row[i].in, &a), 0, "%s", row[i].in);
		cr_assert_str_eq(net_addr_text(&a, false, buf), row[i].plain);
		cr_assert_str_eq(net_addr_text(&a, true, buf), row[i].port);
	}
	static const char *const bad[] = { "", "10.1.0", "10.1.0.1:", "10.1.0.1:65536", "10.1.0.1:x", "[fd00::1]", "fd00:::1",
		"[10.1.0.1]:500", "host", "fe80::1%nosuchinterface", ":500",
		"1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		cr_assert_eq(net_addr_parse(bad[i], &a), E_BAD_VALUE, "%s", bad[i]);
	cr_assert_str_eq(net_addr_text(&(struct net_addr){ 0 }, false, buf), "%any");
}

Test(ts, text_both_ways)
{
	static const struct { const char *in, *out; } row[] = {
		{ "10.1.0.0/24", "10.1.0.0/24" },
		{ "10.1.0.77/24", "10.1.0.0/24" },
		{ "10.1.0.1", "10.1.0.1/32" },
		{ "0.0.0.0/0[udp/1000-2000]", "0.0.0.0/0[udp/1000-2000]" },
		{ "10.1.0.0/24[tcp/22]", "10.1.0.0/24[tcp/ssh]" },
		{ "10.1.0.0/24[6/http]", "10.1.0.0/24[tcp/http]" },
		{ "10.1.0.0/24[tcp]", "10.1.0.0/24[tcp]" },
		{ "10.1.0.0/24[any/any]", "10.1.0.0/24" },
		{ "10.1.0.0/24[/53]", "10.1.0.0/24[0/domain]" },
		{ "10.1.0.0/24[tcp/opaque]", "10.1.0.0/24[tcp/OPAQUE]" },
		{ "10.0.0.1/32[icmp/8(0)]", "10.0.0.1/32[icmp/8(0)]" },
		{ "10.0.0.1/32[icmp/8]", "10.0.0.1/32[icmp/8]" },
		{ "10.0.0.1/32[253/7]", "10.0.0.1/32[253/7]" },
		{ "fd00::1-fd00::9", "fd00::1..fd00::9" },
		{ "fd00::1..fd00::9[ipv6-icmp/128-129]", "fd00::1..fd00::9[ipv6-icmp/128-129]" },
		{ "10.0.0.0-10.0.0.255", "10.0.0.0/24" },
		{ "::/0", "::/0" },
		{ "fd00:1::/33", "fd00:1::/33" },
	};
	static const char *const bad[] = { "", "dynamic", "10.1.0.0/33", "10.1.0.0/", "10.1.0.0/x", "10.1.0.9-10.1.0.1",
		"10.1.0.1-fd00::1", "10.1.0.0/24[tcp", "10.1.0.0/24[nosuch]", "10.1.0.0/24[256]", "10.1.0.0/24[tcp/65536]",
		"10.1.0.0/24[tcp/9-8]", "10.1.0.0/24[icmp/256]", "10.1.0.0/24[tcp/22]x", "10.1.0.1:500" };
	char buf[TS_TEXT];
	struct ts_sel t, again;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		cr_assert_eq(ts_parse(row[i].in, &t), 0, "%s", row[i].in);
		cr_assert_str_eq(ts_text(&t, buf), row[i].out);
		cr_assert_eq(ts_parse(buf, &again), 0);
		cr_assert(ts_equal(&t, &again));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		cr_assert_eq(ts_parse(bad[i], &t), E_BAD_VALUE, "%s", bad[i]);
}

Test(ts, arithmetic)
{
	static const struct { const char *a, *b, *common; bool contains; } row[] = {
		{ "10.1.0.0/16", "10.1.2.0/24", "10.1.2.0/24", true },
		{ "10.1.2.0/24", "10.1.0.0/16", "10.1.2.0/24", false },
		{ "10.1.2.0/24", "10.1.3.0/24", NULL, false },
		{ "10.1.2.0/24", "fd00::/8", NULL, false },
		{ "10.0.0.1-10.0.0.9", "10.0.0.5-10.0.0.20", "10.0.0.5..10.0.0.9", false },
		{ "0.0.0.0/0[tcp]", "10.0.0.0/8", "10.0.0.0/8[tcp]", false },
		{ "0.0.0.0/0", "10.0.0.0/8[tcp/22]", "10.0.0.0/8[tcp/ssh]", true },
		{ "0.0.0.0/0[tcp]", "10.0.0.0/8[udp]", NULL, false },
		{ "0.0.0.0/0[tcp/20-30]", "0.0.0.0/0[tcp/25-40]", "0.0.0.0/0[tcp/25-30]", false },
		{ "0.0.0.0/0[tcp/20-21]", "0.0.0.0/0[tcp/25-40]", NULL, false },
		{ "0.0.0.0/0[tcp/opaque]", "0.0.0.0/0[tcp]", "0.0.0.0/0[tcp/OPAQUE]", false },
		{ "0.0.0.0/0[tcp]", "0.0.0.0/0[tcp/opaque]", "0.0.0.0/0[tcp/OPAQUE]", true },
		{ "0.0.0.0/0[tcp/opaque]", "0.0.0.0/0[tcp/22]", NULL, false },
	};
	struct ts_sel a, b, c, want;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		cr_assert_eq(ts_parse(row[i].a, &a), 0);
		cr_assert_eq(ts_parse(row[i].b, &b), 0);
		cr_assert_eq(ts_contains(&a, &b), row[i].contains, "%s %s", row[i].a, row[i].b);
		cr_assert_eq(ts_intersect(&a, &b, &c), row[i].common != NULL, "%s %s", row[i].a, row[i].b);
		if (!row[i].common)
			continue;
		if (ts_parse(row[i].common, &want) == 0)
			cr_assert(ts_equal(&c, &want));
		cr_assert(ts_contains(&a, &c) && ts_contains(&b, &c));
	}
	cr_assert_eq(ts_prefix_len(&(struct ts_sel){ .family = NET_V4, .lo = { 10 }, .hi = { 10, 255, 255, 254 } }), -1);
}
