/* SPDX-License-Identifier: Apache-2.0 */
/* Traps, shunts, selectors, several uses of one name. */
#include "tests/contract/rows.h"

#include <stdio.h>

bool r_trap(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	struct kern_op op = { .verb = KERN_POLICY_ADD };
	struct talk talk = { .from = LAB_A, .family = NET_V4, .n = 1, .quiet_ms = ROW_QUIET_MS };

	(void)r;
	/* A reqid for which the kernel does not wait for an SA already. */
	t.reqid = 70;
	tun_policy(&t, LAB_A, KERN_OUT, NET_V4, &op.pol);
	op.pol.action = KERN_TRAP;
	op.pol.cookie = 4711;
	if (lab_submit(l, LAB_A, &op, 1))
		return lab_fail(l, "a trap was refused");
	if (!l->moves)
		return true;
	if (lab_talk(l, &talk))
		return lab_fail(l, "a packet went by the trap");
	if (!lab_event(l, LAB_A, KERN_EV_ACQUIRE, 4711))
		return lab_fail(l, "no acquire was told");
	if (!tun_up(l, &t))
		return false;
	(void)lab_talk(l, &talk); /* what the trap has kept comes, too, where it does */
	if (!both_ways(l, (struct talk){ 0 }) || !tun_down(l, &t))
		return false;
	talk.quiet_ms = ROW_QUIET_MS;
	return lab_talk(l, &talk) ? lab_fail(l, "without the tunnel a packet went by the trap") : true;
}

/* ---- policies ---- */

void narrow(struct kern_policy *p, int side, const char *b)
{
	(void)!ts_parse(b, side == LAB_A ? &p->remote : &p->local);
}

static bool shunt(struct lab *l, int side, uint8_t dir, uint8_t action, uint32_t priority, const char *b)
{
	struct tun t = tun_default();
	struct kern_op op = { .verb = KERN_POLICY_ADD };

	tun_policy(&t, side, dir, NET_V4, &op.pol);
	narrow(&op.pol, side, b);
	op.pol.action = action;
	op.pol.priority = priority;
	op.pol.reqid = 0;
	op.pol.route = op.pol.route && action != KERN_DROP;
	return lab_submit(l, side, &op, 1) == 0 ? true : lab_fail(l, "a shunt was refused: %s", l->side[side].said);
}

bool r_pass(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	uint8_t p[FRAME_MAX];
	size_t n;
	unsigned got;

	(void)r;
	if (!tun_up(l, &t) || !shunt(l, LAB_A, KERN_OUT, KERN_PASS, 0, "10.2.0.9/32") ||
		!shunt(l, LAB_B, KERN_IN, KERN_PASS, 0, "10.2.0.9/32"))
		return false;
	if (!l->moves)
		return true;
	if (seen(l, (struct talk){ .dst = 9 }, p, &n, &got) || got != 1)
		return lab_fail(l, got ? "a packet that passes was protected" : "a packet that passes did not arrive");
	return seen(l, (struct talk){ 0 }, p, &n, NULL) ? true : lab_fail(l, "beside the shunt nothing is protected");
}

bool r_drop(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	struct talk talk = { .from = LAB_A, .family = NET_V4, .dst = 9, .n = 1, .quiet_ms = ROW_QUIET_MS };

	(void)r;
	if (!tun_up(l, &t) || !shunt(l, LAB_A, KERN_OUT, KERN_DROP, 10, "10.2.0.9/32"))
		return false;
	if (!l->moves)
		return true;
	if (lab_talk(l, &talk))
		return lab_fail(l, "a packet to be dropped arrived");
	return both_ways(l, (struct talk){ 0 });
}

bool r_uses(struct lab *l, const struct row *r)
{
	struct tun a = tun_default(), b = tun_default();

	(void)r;
	b.reqid = 8;
	return tun_up(l, &a) && tun_up(l, &b) && both_ways(l, (struct talk){ 0 }) && tun_down(l, &a) &&
		both_ways(l, (struct talk){ 0 }) && tun_down(l, &b);
}

static const char *ports;

static void pol_ports(struct kern_policy *p, int side)
{
	narrow(p, side, ports);
}

/* What is inside goes through the tunnel, what is not goes without. */
static bool only(struct lab *l, const char *b, struct talk inside, struct talk outside)
{
	struct tun t = tun_default();
	uint8_t p[FRAME_MAX];
	size_t n;
	unsigned got;

	ports = b;
	t.pol = pol_ports;
	if (!tun_up(l, &t))
		return false;
	if (!l->moves)
		return true;
	if (!seen(l, inside, p, &n, &got) || got != 1)
		return lab_fail(l, "a packet inside the selector %s", got ? "went in the clear" : "did not arrive");
	return seen(l, outside, p, &n, &got) || got != 1 ? lab_fail(l, "a packet outside the selector %s", got ? "was protected" :
		"did not arrive") : true;
}

bool r_port(struct lab *l, const struct row *r)
{
	(void)r;
	return only(l, "10.2.0.0/24[udp/5005]", (struct talk){ .port = 5005 }, (struct talk){ .port = 5006 });
}

bool r_port_range(struct lab *l, const struct row *r)
{
	(void)r;
	return only(l, "10.2.0.0/24[udp/5001-5009]", (struct talk){ .port = 5009 }, (struct talk){ .port = 5010 });
}

bool r_addr_range(struct lab *l, const struct row *r)
{
	(void)r;
	return only(l, "10.2.0.1-10.2.0.6", (struct talk){ .dst = 5 }, (struct talk){ .dst = 7 });
}

static void pol_interface(struct kern_policy *p, int side)
{
	(void)side;
	if (p->dir == KERN_OUT)
		snprintf(p->interface, sizeof p->interface, "wire");
}

bool r_interface(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();

	(void)r;
	t.pol = l->moves ? pol_interface : NULL;
	return tun_up(l, &t) && both_ways(l, (struct talk){ 0 });
}

bool r_bare(struct lab *l, const struct row *r)
{
	struct tun t = tun_default();
	struct kern_op op = { .verb = KERN_POLICY_ADD };

	(void)r;
	tun_policy(&t, LAB_A, KERN_FWD, NET_V4, &op.pol);
	struct ts_sel was = op.pol.local;
	op.pol.local = op.pol.remote;
	op.pol.remote = was;
	op.pol.bare = true;
	return lab_submit(l, LAB_A, &op, 1) ? lab_fail(l, "refused") : true;
}
