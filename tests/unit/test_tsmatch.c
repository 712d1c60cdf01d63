/* SPDX-License-Identifier: Apache-2.0 */
/* Narrowing of traffic selectors and the choice of a child configuration (RFC 7296 sections 2.9, 2.23.1). */
#include "ike/tsmatch.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct ts_sel ts(const char *text)
{
	struct ts_sel t;
	cr_assert_eq(ts_parse(text, &t), 0, "%s", text);
	return t;
}

static struct net_addr addr(const char *text)
{
	struct net_addr a;
	cr_assert_eq(net_addr_parse(text, &a), 0, "%s", text);
	return a;
}

static void same(const struct tsm_set *s, size_t i, const char *text)
{
	char got[TS_TEXT];
	struct ts_sel want = ts(text);
	cr_assert_lt(i, s->n, "only %zu selectors", s->n);
	cr_assert(ts_equal(&s->v[i], &want), "selector %zu is %s, not %s", i, ts_text(&s->v[i], got), text);
}

Test(tsmatch, narrow_to_common_part)
{
	struct ts_sel ours[] = { ts("10.1.0.0/16"), ts("fd00::/32") };
	struct ts_sel peers[] = { ts("10.1.2.0/24"), ts("10.0.0.0/8[tcp/22]"), ts("fd00:0:1::/48") };
	struct tsm_set s;
	tsm_narrow(ours, 2, peers, 3, &s);
	cr_assert_eq(s.n, 3u);
	same(&s, 0, "10.1.2.0/24");
	same(&s, 1, "10.1.0.0/16[tcp/22]");
	same(&s, 2, "fd00:0:1::/48");
	cr_assert_not(s.cut);
}

Test(tsmatch, nothing_in_common)
{
	struct ts_sel ours[] = { ts("10.1.0.0/16") }, peers[] = { ts("10.2.0.0/16"), ts("::/0") };
	struct tsm_set s;
	tsm_narrow(ours, 1, peers, 2, &s);
	cr_assert_eq(s.n, 0u);
	tsm_narrow(ours, 1, peers, 0, &s);
	cr_assert_eq(s.n, 0u);
}

Test(tsmatch, contained_parts_are_left_out)
{
	struct ts_sel ours[] = { ts("0.0.0.0/0") };
	struct ts_sel peers[] = { ts("10.1.0.5/32[udp/53]"), ts("10.1.0.0/24"), ts("10.1.0.7/32") };
	struct tsm_set s;
	tsm_narrow(ours, 1, peers, 3, &s);
	cr_assert_eq(s.n, 1u);
	same(&s, 0, "10.1.0.0/24");
}

Test(tsmatch, first_selector_survives_the_bound)
{
	struct ts_sel ours[8], peers[9];
	for (int i = 0; i < 8; i++) {
		char t[64];
		snprintf(t, sizeof t, "10.%d.0.0/16", i);
		ours[i] = ts(t);
		snprintf(t, sizeof t, "10.0.0.0/8[tcp/%d]", i + 1);
		peers[i + 1] = ts(t);
	}
	peers[0] = ts("10.7.0.1/32[udp/500]");
	struct tsm_set s;
	tsm_narrow(ours, 8, peers, 9, &s);
	cr_assert(s.cut);
	cr_assert_eq(s.n, (size_t)TSM_MAX);
	same(&s, 0, "10.7.0.1/32[udp/500]");
}

Test(tsmatch, dynamic_is_the_tunnel_end_or_virtual_addresses)
{
	struct conf_ts conf[] = { { true, ts("0.0.0.0/0[udp/1701]") }, { false, ts("10.9.0.0/24") } };
	struct net_addr ends[] = { addr("192.0.2.1"), addr("2001:db8::1") };
	struct tsm_end end = { ends, 2 };
	struct tsm_set s;
	tsm_expand(conf, 2, &end, &s);
	cr_assert_eq(s.n, 3u);
	same(&s, 0, "192.0.2.1/32[udp/1701]");
	same(&s, 1, "2001:db8::1/128[udp/1701]");
	same(&s, 2, "10.9.0.0/24");
	tsm_expand(NULL, 0, &end, &s);
	cr_assert_eq(s.n, 2u);
	same(&s, 0, "192.0.2.1/32");
}

Test(tsmatch, answer_has_to_be_inside_what_was_asked)
{
	struct ts_sel asked[] = { ts("10.1.0.0/16"), ts("10.2.0.0/16") };
	struct ts_sel good[] = { ts("10.2.3.0/24") }, bad[] = { ts("10.2.3.0/24"), ts("10.3.0.0/24") };
	cr_assert(tsm_inside(good, 1, asked, 2));
	cr_assert_not(tsm_inside(bad, 2, asked, 2));
}

Test(tsmatch, addresses_behind_a_nat_are_replaced)
{
	struct tsm_set s = { .n = 1 };
	s.v[0] = ts("192.168.1.5/32[udp/1701]");
	struct net_addr seen = addr("203.0.113.9");
	cr_assert(tsm_single_addrs(s.v, s.n));
	tsm_readdress(&s, &seen);
	cr_assert_eq(s.n, 1u);
	same(&s, 0, "203.0.113.9/32[udp/1701]");
	s.v[0] = ts("10.0.0.0/31");
	cr_assert_not(tsm_single_addrs(s.v, s.n));
}

static bool all_but(const void *arg, const struct conf_child *child)
{
	return child != arg;
}

Test(tsmatch, best_child_is_chosen)
{
	struct conf_ts all[] = { { false, ts("0.0.0.0/0") } }, net1[] = { { false, ts("10.1.0.0/16") } },
		net2[] = { { false, ts("10.2.0.0/16") } }, other[] = { { false, ts("172.16.0.0/12") } };
	struct conf_child wide = { .mode = CONF_TUNNEL, .local_ts = all, .n_local_ts = 1, .remote_ts = all, .n_remote_ts = 1 };
	struct conf_child exact = { .mode = CONF_TUNNEL, .local_ts = net1, .n_local_ts = 1, .remote_ts = net2,
		.n_remote_ts = 1 };
	struct conf_child none = { .mode = CONF_TUNNEL, .local_ts = other, .n_local_ts = 1, .remote_ts = all,
		.n_remote_ts = 1 };
	struct conf_child shunt = wide;
	shunt.mode = CONF_DROP;
	struct conf_child trans = wide;
	trans.mode = CONF_TRANSPORT;
	struct conf_child *kids[] = { &shunt, &none, &wide, &exact, &trans };
	struct conf_conn conn = { .children = kids, .n_children = 5 };
	struct ts_sel l = ts("10.1.0.0/16"), r = ts("10.2.0.0/16");
	struct tsm_offer o = { .local = &l, .remote = &r, .n_local = 1, .n_remote = 1 };
	cr_assert_eq(tsm_choose(&conn, &o), &exact);
	o.usable = all_but;
	o.arg = &exact;
	cr_assert_eq(tsm_choose(&conn, &o), &wide, "what the host cannot do comes behind");
	conn.children = &kids[3];
	conn.n_children = 1;
	cr_assert_eq(tsm_choose(&conn, &o), &exact, "when nothing else fits it is chosen, to be refused with the reason");
	conn = (struct conf_conn){ .children = kids, .n_children = 5 };
	o.usable = NULL;
	l = ts("10.1.0.0/24");
	cr_assert_eq(tsm_choose(&conn, &o), &wide, "all of the offer allowed by both: the first one");
	o.transport = true;
	cr_assert_eq(tsm_choose(&conn, &o), &trans);
	conn.n_children = 2;
	cr_assert_null(tsm_choose(&conn, &o));
}
