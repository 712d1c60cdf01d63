/* SPDX-License-Identifier: Apache-2.0 */
/* Outbound policy look-up against a list that is gone through from end to end. */
#include "plugins/kernel-user/policy.h"

#include <criterion/criterion.h>

static uint64_t state = 7;

static uint32_t rnd(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % below;
}

enum { MANY = 400 };

static struct policies t;
static struct policy *live[MANY];

static struct ts_sel random_sel(void)
{
	struct ts_sel s = { .family = rnd(4) ? NET_V4 : NET_V6, .port_hi = 65535 };
	size_t n = net_addr_len(s.family);

	s.lo[0] = s.hi[0] = 10;
	s.lo[n - 2] = s.hi[n - 2] = (uint8_t)rnd(4);
	switch (rnd(4)) {
	case 0: /* a host */
		s.lo[n - 1] = s.hi[n - 1] = (uint8_t)rnd(256);
		break;
	case 1: /* a prefix */
		s.hi[n - 1] = 255;
		break;
	case 2: /* everything */
		memset(s.lo, 0, 16);
		memset(s.hi, 0xff, n);
		break;
	case 3: /* a range that is none */
		s.lo[n - 1] = (uint8_t)(1 + rnd(100));
		s.hi[n - 1] = (uint8_t)(120 + rnd(100));
		break;
	}
	if (rnd(3) == 0) {
		s.proto = IP_TCP;
		if (rnd(2)) {
			s.port_lo = (uint16_t)rnd(4);
			s.port_hi = (uint16_t)(s.port_lo + rnd(3));
		}
	}
	return s;
}

static bool inside(const struct ts_sel *s, const struct ip_pkt *ip, const uint8_t *a, uint16_t port)
{
	return s->family == ip->family && memcmp(a, s->lo, 16) >= 0 && memcmp(a, s->hi, 16) <= 0 &&
		(!s->proto || s->proto == ip->proto) && port >= s->port_lo && port <= s->port_hi;
}

static struct policy *naive(const struct ip_pkt *ip)
{
	struct policy *best = NULL;

	for (int i = 0; i < MANY; i++) {
		struct policy *p = live[i];
		if (!p || p->dir != KERN_OUT || !inside(&p->local, ip, ip->src, ip->sport) ||
			!inside(&p->remote, ip, ip->dst, ip->dport))
			continue;
		bool better = !best || p->rank < best->rank;
		if (best && p->rank == best->rank) {
			bool pp = p->action == KERN_PROTECT, bp = best->action == KERN_PROTECT;
			better = pp != bp ? pp : p->age > best->age;
		}
		if (better)
			best = p;
	}
	return best;
}

static struct kern_policy name_of(const struct policy *p)
{
	return (struct kern_policy){ .dir = p->dir, .action = p->action, .reqid = p->reqid, .spi = p->spi, .cookie = p->cookie,
		.local = p->local, .remote = p->remote, .priority = p->priority };
}

Test(esp_policy, as_a_list, .timeout = 300)
{
	cr_assert_eq(policies_init(&t, (const uint64_t[]){ 3, 4 }), 0);
	for (int round = 0; round < 20000; round++) {
		int i = (int)rnd(MANY);
		if (live[i] && rnd(2)) {
			struct kern_policy n = name_of(live[i]);
			cr_assert_eq(policy_named(&t, &n), live[i]);
			policy_unlink(&t, live[i]);
			if (rnd(4) == 0) { /* as a failed batch puts it back */
				cr_assert_eq(policy_link(&t, live[i]), 0);
			} else {
				policy_free(&t, live[i]);
				live[i] = NULL;
			}
		} else if (!live[i]) {
			struct kern_policy k = { .dir = rnd(8) ? KERN_OUT : KERN_IN, .action = (uint8_t)rnd(4),
				.reqid = (uint32_t)round, .priority = rnd(2) ? 0 : 1000 + rnd(3), .local = random_sel() };
			do
				k.remote = random_sel();
			while (k.remote.family != k.local.family);
			cr_assert_eq(policy_add(&t, &k, &live[i]), 0);
		}
		struct ip_pkt ip = { .family = rnd(4) ? NET_V4 : NET_V6, .proto = rnd(2) ? IP_TCP : IP_UDP, .ports = true,
			.sport = (uint16_t)rnd(8), .dport = (uint16_t)rnd(8) };
		size_t n = net_addr_len(ip.family);
		ip.src[0] = ip.dst[0] = 10;
		ip.src[n - 2] = (uint8_t)rnd(5);
		ip.dst[n - 2] = (uint8_t)rnd(5);
		ip.src[n - 1] = (uint8_t)rnd(256);
		ip.dst[n - 1] = (uint8_t)rnd(256);
		cr_assert_eq(policy_find(&t, &ip), naive(&ip), "round %d", round);
	}
	policies_fini(&t);
}

Test(esp_policy, the_tunnel_wins_over_its_trap_and_the_newest_over_the_old)
{
	struct kern_policy k = { .dir = KERN_OUT, .action = KERN_TRAP, .reqid = 1,
		.local = { .family = NET_V4, .port_hi = 65535, .lo = { 10, 1 }, .hi = { 10, 1, 255, 255 } },
		.remote = { .family = NET_V4, .port_hi = 65535, .lo = { 10, 2 }, .hi = { 10, 2, 255, 255 } } };
	struct ip_pkt ip = { .family = NET_V4, .proto = 17, .ports = true, .src = { 10, 1, 1, 1 }, .dst = { 10, 2, 1, 1 } };
	struct policy *trap, *old, *new;

	cr_assert_eq(policies_init(&t, (const uint64_t[]){ 3, 4 }), 0);
	k.action = KERN_PROTECT;
	k.cookie = 1;
	cr_assert_eq(policy_add(&t, &k, &old), 0);
	k.action = KERN_TRAP;
	cr_assert_eq(policy_add(&t, &k, &trap), 0);
	cr_assert_eq(policy_find(&t, &ip), old);
	k.action = KERN_PROTECT;
	k.cookie = 2;
	cr_assert_eq(policy_add(&t, &k, &new), 0);
	cr_assert_eq(policy_find(&t, &ip), new);
	k.cookie = 1;
	cr_assert_eq(policy_named(&t, &k), old);
	k.cookie = 2;
	cr_assert_eq(policy_named(&t, &k), new);
	policy_unlink(&t, new);
	policy_free(&t, new);
	policy_unlink(&t, old);
	policy_free(&t, old);
	cr_assert_eq(policy_find(&t, &ip), trap);
	/* More specific selectors win without a priority. */
	k.remote.lo[2] = k.remote.hi[2] = 1;
	k.action = KERN_DROP;
	cr_assert_eq(policy_add(&t, &k, &new), 0);
	cr_assert_eq(policy_find(&t, &ip), new);
	policies_fini(&t);
}
