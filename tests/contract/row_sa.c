/* SPDX-License-Identifier: Apache-2.0 */
/* Replays, lifetimes, what chooses an SA, moving one. */
#include "tests/contract/rows.h"

#include <stdio.h>

/* ---- replays and forgeries ---- */

static bool wrong_way(struct lab *l, bool on)
{
	return lab_sh(l, LAB_A, "ip neigh replace 198.51.100.2 lladdr 02:00:00:00:00:%s dev wire", on ? "ee" : "02") == 0;
}

static unsigned inject(struct lab *l, const uint8_t *p, size_t n)
{
	struct talk t = { .from = LAB_A, .family = NET_V4, .quiet_ms = ROW_QUIET_MS, .inject = p, .inject_len = n };

	return lab_talk(l, &t);
}

/* A packet that B gets after `by` later ones, and then once more. */
static bool late(struct lab *l, unsigned by, unsigned arrives)
{
	struct talk t = { .from = LAB_A, .family = NET_V4, .n = 1, .quiet_ms = ROW_QUIET_MS }, more = { .from = LAB_A, .family = NET_V4, .n = by };
	uint8_t p[FRAME_MAX];
	size_t n;

	if (!wrong_way(l, true))
		return lab_fail(l, "the wire cannot be cut");
	bool got = seen(l, t, p, &n, NULL);
	wrong_way(l, false);
	if (!got)
		return lab_fail(l, "no packet was seen on the wire");
	if (!want(l, LAB_A, lab_talk(l, &more), by))
		return false;
	unsigned first = inject(l, p, n), again = inject(l, p, n);
	return first == arrives && !again ? true : lab_fail(l, "late by %u packets: %u arrived, and %u of its copy", by, first, again);
}

bool r_window(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();

	t.window = r->arg;
	if (!tun_up(l, &t))
		return false;
	if (!l->moves)
		return true;
	return late(l, 10, 1) && (r->arg == 32 ? late(l, 40, 0) : late(l, 120, 1));
}

bool r_forged(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	struct kern_usage u = { 0 };
	uint8_t p[FRAME_MAX];
	size_t n;

	if (!tun_up(l, &t))
		return false;
	if (!seen(l, (struct talk){ 0 }, p, &n, NULL))
		return lab_fail(l, "no packet was seen on the wire");
	(void)inject(l, p, n);
	p[20 + 6]++; /* a sequence number B has not seen, which the ICV does not fit */
	unsigned got = inject(l, p, n);
	if (got)
		return lab_fail(l, "a packet with a wrong ICV arrived");
	if (!r->caps)
		return true;
	(void)lab_usage(l, LAB_B, KERN_IN, t.spi[LAB_B], &u);
	return u.icv_fails && u.replay_drops ? true : lab_fail(l, "counted: %llu wrong ICVs, %llu replays",
		(unsigned long long)u.icv_fails, (unsigned long long)u.replay_drops);
}

/* ---- lifetimes, events ---- */

bool r_time(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();

	(void)r;
	t.life = (struct kern_life){ .soft_s = 1, .hard_s = 3 };
	if (!tun_up(l, &t))
		return false;
	if (!lab_event(l, LAB_A, KERN_EV_EXPIRE_SOFT, t.spi[LAB_B]))
		return lab_fail(l, "no soft limit was told");
	return lab_event(l, LAB_A, KERN_EV_EXPIRE_HARD, t.spi[LAB_B]) ? true : lab_fail(l, "no hard limit was told");
}

bool r_volume(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	struct talk talk = { .from = LAB_A, .family = NET_V4, .n = 12, .size = 500, .quiet_ms = 2 * ROW_QUIET_MS };

	t.life = r->arg ? (struct kern_life){ .soft_bytes = 1500, .hard_bytes = 3500 } :
		(struct kern_life){ .soft_packets = 3, .hard_packets = 6 };
	if (!tun_up(l, &t))
		return false;
	unsigned got = lab_talk(l, &talk);
	if (!lab_event(l, LAB_A, KERN_EV_EXPIRE_SOFT, t.spi[LAB_B]))
		return lab_fail(l, "no soft limit was told");
	if (!lab_event(l, LAB_A, KERN_EV_EXPIRE_HARD, t.spi[LAB_B]))
		return lab_fail(l, "no hard limit was told");
	return got >= 3 && got <= 8 ? true : lab_fail(l, "%u packets of 12 went over the limit", got);
}

static void other_port(struct kern_sa *s, int side)
{
	if (side == LAB_A && s->dir == KERN_OUT)
		s->src.port = NATT_OTHER;
}

bool r_mapping(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	struct talk talk = { .from = LAB_A, .family = NET_V4, .n = ROW_PACKETS, .quiet_ms = ROW_QUIET_MS };

	(void)r;
	t.encap = true;
	t.sa = other_port;
	if (!tun_up(l, &t))
		return false;
	(void)lab_talk(l, &talk);
	if (!lab_event(l, LAB_B, KERN_EV_MAPPING, t.spi[LAB_B]))
		return lab_fail(l, "no new mapping was told");
	for (size_t i = 0; i < l->side[LAB_B].n_ev; i++) {
		const struct kern_event *ev = &l->side[LAB_B].ev[i];
		struct net_addr a = lab_addr(LAB_A, false, NET_V4, 0);
		if (ev->type == KERN_EV_MAPPING && (!net_addr_same(&ev->peer, &a) || ev->peer.port != NATT_OTHER))
			return lab_fail(l, "the mapping was told with port %u", ev->peer.port);
	}
	return true;
}

/* ---- what chooses an SA ---- */

static void with_if_id(struct kern_sa *s, int side)
{
	(void)side;
	s->if_id = 7;
}

static void pol_if_id(struct kern_policy *p, int side)
{
	(void)side;
	p->if_id = 7;
	p->route = false;
}

bool r_if_id(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();

	(void)r;
	t.sa = with_if_id;
	t.pol = pol_if_id;
	if (!tun_up(l, &t))
		return false;
	for (int i = 0; l->moves && i < LAB_SIDES; i++)
		if (lab_sh(l, i, "ip link add x7 type xfrm dev wire if_id 7 && ip link set x7 up && ip route replace 10.%d.0.0/24 dev x7 "
			"src 10.%d.0.1", i == LAB_A ? 2 : 1, i == LAB_A ? 1 : 2))
			return lab_fail(l, "no XFRM interface can be made");
	bool ok = both_ways(l, (struct talk){ 0 });
	for (int i = 0; l->moves && i < LAB_SIDES; i++)
		(void)lab_sh(l, i, "ip link del x7; ip route replace 10.%d.0.0/24 via 198.51.100.%d src 10.%d.0.1", i == LAB_A ? 2 : 1,
			i == LAB_A ? 2 : 1, i == LAB_A ? 1 : 2);
	return ok;
}

static void sa_mark(struct kern_sa *s, int side)
{
	if (side == LAB_A && s->dir == KERN_OUT) {
		s->mark_out = 5;
		s->mark_out_mask = 0xff;
	}
}

static void pol_mark(struct kern_policy *p, int side)
{
	if (side == LAB_A && p->dir == KERN_OUT) {
		p->mark = 5;
		p->mark_mask = 0xff;
	}
}

bool r_mark(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	struct talk with = { .mark = 5 }, without = { .quiet_ms = ROW_QUIET_MS };
	uint8_t p[FRAME_MAX];
	size_t n;

	(void)r;
	t.sa = sa_mark;
	t.pol = pol_mark;
	if (!tun_up(l, &t))
		return false;
	if (l->moves && !seen(l, with, p, &n, NULL))
		return lab_fail(l, "a packet with the mark was not protected");
	return l->moves && seen(l, without, p, &n, NULL) ? lab_fail(l, "a packet without the mark was protected") : true;
}

static void sa_set_mark(struct kern_sa *s, int side)
{
	if (side == LAB_B && s->dir == KERN_IN) {
		s->set_mark = 9;
		s->set_mark_mask = UINT32_MAX;
	}
}

bool r_set_mark(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	struct talk talk = { .from = LAB_A, .family = NET_V4, .n = 1 };

	(void)r;
	t.sa = sa_set_mark;
	if (!tun_up(l, &t))
		return false;
	if (l->moves && (lab_talk(l, &talk) != 1 || talk.got_mark != 9))
		return lab_fail(l, "the packet came with mark %u", talk.got_mark);
	return true;
}

static void sa_mark_in(struct kern_sa *s, int side)
{
	if (side == LAB_B && s->dir == KERN_IN) {
		s->mark_sa = true;
		s->mark_in = 4;
		s->mark_in_mask = 0xff;
	}
}

bool r_mark_sa(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	struct talk talk = { .from = LAB_A, .family = NET_V4, .n = 1, .quiet_ms = ROW_QUIET_MS };

	(void)r;
	t.sa = sa_mark_in;
	if (!tun_up(l, &t))
		return false;
	if (!l->moves)
		return true;
	if (lab_talk(l, &talk))
		return lab_fail(l, "an SA with a mark was found without");
	if (lab_sh(l, LAB_B, "nft 'add table ip m; add chain ip m c { type filter hook prerouting priority mangle; }; "
		"add rule ip m c ip protocol esp meta mark set 4'"))
		return lab_fail(l, "packets cannot be marked with nft");
	talk.quiet_ms = 0;
	unsigned got = lab_talk(l, &talk);
	(void)lab_sh(l, LAB_B, "nft delete table ip m");
	return want(l, LAB_A, got, 1);
}

/* ---- moving ---- */

static struct net_addr moved_to;

/* A's end is the new one wherever the old one stood. */
static void move_end(struct net_addr *a)
{
	struct net_addr old = lab_addr(LAB_A, false, NET_V4, 0);

	if (net_addr_same(a, &old))
		memcpy(a->a, moved_to.a, sizeof a->a);
}

static bool move_side(struct lab *l, const struct tun *t, int side)
{
	struct kern_op v[2 + 6] = { { .verb = KERN_SA_UPDATE }, { .verb = KERN_SA_UPDATE } };

	tun_sa(t, side, KERN_IN, &v[0].sa);
	tun_sa(t, side, KERN_OUT, &v[1].sa);
	for (int i = 0; i < 2; i++) {
		move_end(&v[i].sa.src);
		move_end(&v[i].sa.dst);
		if (lab_submit(l, side, &v[i], 1))
			return lab_fail(l, "an SA cannot be moved: %s", l->side[side].said);
	}
	for (uint8_t dir = KERN_IN; dir <= KERN_FWD; dir++) {
		struct kern_op *del = &v[2 + dir], *add = &v[5 + dir];
		*del = *add = (struct kern_op){ .verb = KERN_POLICY_DEL };
		add->verb = KERN_POLICY_ADD;
		tun_policy(t, side, dir, NET_V4, &del->pol);
		add->pol = del->pol;
		move_end(&add->pol.src);
		move_end(&add->pol.dst);
	}
	return lab_submit(l, side, v + 2, 6) ? lab_fail(l, "policies cannot be moved: %s", l->side[side].said) : true;
}

bool r_move(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	uint8_t p[FRAME_MAX];
	size_t n;

	(void)r;
	(void)!net_addr_parse("198.51.100.11", &moved_to);
	if (!tun_up(l, &t) || !both_ways(l, (struct talk){ 0 }))
		return false;
	if (l->moves && (lab_sh(l, LAB_A, "ip addr add 198.51.100.11/24 dev wire") ||
		lab_sh(l, LAB_B, "ip neigh replace 198.51.100.11 lladdr 02:00:00:00:00:01 dev wire")))
		return lab_fail(l, "the host cannot get another address");
	bool ok = move_side(l, &t, LAB_A) && move_side(l, &t, LAB_B) && both_ways(l, (struct talk){ 0 });
	if (ok && l->moves && (!seen(l, (struct talk){ 0 }, p, &n, NULL) || memcmp(p + 12, moved_to.a, 4) != 0))
		ok = lab_fail(l, "packets do not come from the new address");
	lab_clear(l);
	if (l->moves)
		(void)lab_sh(l, LAB_A, "ip addr del 198.51.100.11/24 dev wire");
	return ok;
}
