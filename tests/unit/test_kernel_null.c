/* SPDX-License-Identifier: Apache-2.0 */
/* kernel-null: books of SAs and policies, undo of a failed batch, lifetimes, many SAs. */
#include <criterion/criterion.h>

#include "tests/unit/kern_host.h"

extern const struct plug_desc adit_plugin;

static struct kern_host fake;
static struct plug_host host;
static void *self;
static const struct kern_ops *ops;

static void up(void)
{
	fake = (struct kern_host){ .now_ms = 1000000 };
	host = kern_host_make(&fake);
	cr_assert_eq(adit_plugin.start(&host, &self), 0);
	ops = adit_plugin.feats[0].ops;
}

static void down(void)
{
	adit_plugin.stop(self);
}

static struct kern_op sa_op(uint8_t verb, uint8_t dir, uint32_t spi)
{
	struct kern_op op = { .verb = verb };
	op.sa = (struct kern_sa){ .dir = dir, .proto = 50, .mode = KERN_TUNNEL, .spi = spi, .cookie = spi,
		.dst = { .family = NET_V4, .a = { 192, 0, 2, dir } } };
	return op;
}

static struct kern_op policy_op(uint8_t verb, uint8_t action, uint32_t reqid)
{
	struct kern_op op = { .verb = verb };
	op.pol = (struct kern_policy){ .dir = KERN_OUT, .action = action, .reqid = reqid,
		.local = { .family = NET_V4, .port_hi = 65535, .hi = { 10, 1, 0, 255 }, .lo = { 10, 1, 0, 0 } },
		.remote = { .family = NET_V4, .port_hi = 65535, .hi = { 10, 2, 0, 255 }, .lo = { 10, 2, 0, 0 } } };
	return op;
}

static bool known(uint8_t dir, uint32_t spi)
{
	struct kern_usage u;
	return ops->usage(self, dir, spi, &(struct net_addr){ .family = NET_NONE }, &u) == 0;
}

TestSuite(kernel_null, .init = up, .fini = down);

Test(kernel_null, a_failed_batch_leaves_nothing)
{
	struct kern_op first[] = { sa_op(KERN_SA_ADD, KERN_IN, 1), policy_op(KERN_POLICY_ADD, KERN_TRAP, 7) };
	cr_assert_eq(ops->submit(self, first, 2, 0), 0);

	struct kern_op bad[] = { sa_op(KERN_SA_ADD, KERN_IN, 2), sa_op(KERN_SA_DEL, KERN_IN, 1),
		policy_op(KERN_POLICY_DEL, KERN_TRAP, 7), sa_op(KERN_SA_DEL, KERN_OUT, 99) };
	cr_assert_eq(ops->submit(self, bad, 4, 0), E_NOT_FOUND);
	cr_assert_eq(bad[3].res, E_NOT_FOUND);
	cr_assert(known(KERN_IN, 1));
	cr_assert_not(known(KERN_IN, 2));

	struct kern_op last[] = { policy_op(KERN_POLICY_DEL, KERN_TRAP, 7), sa_op(KERN_SA_DEL, KERN_IN, 1) };
	cr_assert_eq(ops->submit(self, last, 2, 0), 0);
	cr_assert_eq(ops->submit(self, last, 1, 0), E_NOT_FOUND);
	cr_assert_not(known(KERN_IN, 1));
}

Test(kernel_null, an_update_moves_the_address)
{
	struct kern_op op = sa_op(KERN_SA_ADD, KERN_OUT, 5);
	struct kern_usage u;
	cr_assert_eq(ops->submit(self, &op, 1, 0), 0);
	cr_assert_eq(ops->submit(self, &op, 1, 0), E_EXISTS);
	op.verb = KERN_SA_UPDATE;
	op.sa.dst.a[3] = 77;
	cr_assert_eq(ops->submit(self, &op, 1, 0), 0);
	cr_assert_eq(ops->usage(self, KERN_OUT, 5, &op.sa.dst, &u), 0);
}

Test(kernel_null, lifetimes_are_told_once)
{
	struct kern_op op = sa_op(KERN_SA_ADD, KERN_IN, 9);
	op.sa.life = (struct kern_life){ .soft_s = 10, .hard_s = 5000 };
	cr_assert_eq(ops->submit(self, &op, 1, 0), 0);
	for (int i = 0; i < 6000; i++) {
		fake.now_ms += 1000;
		fake.tick(fake.tick_arg);
		if (i < 8)
			cr_assert_eq(fake.n_ev, 0);
	}
	cr_assert_eq(fake.n_ev, 2);
	cr_assert_eq(fake.ev[0].type, KERN_EV_EXPIRE_SOFT);
	cr_assert_eq(fake.ev[1].type, KERN_EV_EXPIRE_HARD);
	cr_assert_eq(fake.ev[1].spi, 9);
	cr_assert_eq(fake.ev[1].cookie, 9);
}

Test(kernel_null, a_hundred_thousand)
{
	for (uint32_t i = 1; i <= 100000; i++) {
		struct kern_op v[] = { sa_op(KERN_SA_ADD, KERN_IN, i), sa_op(KERN_SA_ADD, KERN_OUT, i),
			policy_op(KERN_POLICY_ADD, KERN_PROTECT, i) };
		v[2].pol.remote.lo[2] = v[2].pol.remote.hi[2] = (uint8_t)i;
		v[2].pol.remote.lo[1] = v[2].pol.remote.hi[1] = (uint8_t)(i >> 8);
		cr_assert_eq(ops->submit(self, v, 3, 0), 0);
	}
	for (uint32_t i = 1; i <= 100000; i += 3) {
		struct kern_op v[] = { sa_op(KERN_SA_DEL, KERN_IN, i) };
		cr_assert_eq(ops->submit(self, v, 1, 0), 0);
		cr_assert_not(known(KERN_IN, i));
		cr_assert(known(KERN_OUT, i));
	}
}
