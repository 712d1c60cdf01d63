/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel-xfrm over a kernel of books: what it says and does when the kernel refuses, lacks something, holds what another
 * program or an earlier run has made, or loses events. With the kernel itself: tests/contract, tests/vm.
 */
#define FAKE_XFRM_ITSELF
#include "tests/unit/fake_xfrm.h"
#include "tests/unit/kern_host.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>

/* ---- the host ---- */

extern const struct plug_desc adit_plugin;

static struct kern_host fake;
static struct plug_host host;
static void *self;
static const struct kern_ops *ops;
static char said[2048]; /* all lines of the log */
static unsigned lines, lost_counted;
static void (*on_news)(void *arg, int fd, int events);
static void *on_news_arg;

static void note_line(void *h, int level, const char *text)
{
	(void)h, (void)level;
	size_t n = strlen(said);

	snprintf(said + n, sizeof said - n, "%s\n", text);
	lines++;
}

static void note_count(void *h, const char *name, uint64_t n)
{
	(void)h;
	if (strcmp(name, "news_lost") == 0)
		lost_counted += (unsigned)n;
}

static struct plug_watch *note_watch(void *h, int fd, int events, void (*cb)(void *arg, int fd, int events), void *arg)
{
	(void)h, (void)events;
	cr_assert_eq(fd, FAKE_FD + FAKE_NEWS);
	on_news = cb;
	on_news_arg = arg;
	return (struct plug_watch *)&on_news;
}

static void note_unwatch(void *h, struct plug_watch *w)
{
	(void)h, (void)w;
}

static const char *no_conf(void *h, const char *key)
{
	(void)h;
	return strcmp(key, "left_time") == 0 ? "60" : NULL;
}

static err_t start(void)
{
	host = kern_host_make(&fake);
	host.log = note_line;
	host.count = note_count;
	host.watch = note_watch;
	host.unwatch = note_unwatch;
	host.conf = no_conf;
	said[0] = 0;
	lines = 0;
	return adit_plugin.start(&host, &self);
}

static void setup(void)
{
	memset(&fake_kern, 0, sizeof fake_kern);
	fake = (struct kern_host){ .now_ms = 1000000 };
	ops = adit_plugin.feats[0].ops;
	lost_counted = 0;
}

static void up(void)
{
	setup();
	cr_assert_eq(start(), 0, "%s", said);
	cr_assert_eq(fake_kern.n_sa, 0, "trials stay in the kernel");
	said[0] = 0;
	lines = 0;
}

static void down(void)
{
	if (self)
		adit_plugin.stop(self);
	self = NULL;
}

static bool has_said(const char *text)
{
	return strstr(said, text) != NULL;
}

static struct kern_op sa_op(uint8_t verb, uint8_t dir, uint32_t spi)
{
	static const uint8_t key[64] = { 1 };
	struct kern_op op = { .verb = verb };

	op.sa = (struct kern_sa){ .dir = dir, .proto = 50, .mode = KERN_TUNNEL, .spi = spi, .cookie = spi, .reqid = 7,
		.src = { .family = NET_V4, .a = { 192, 0, 2, 1 } },
		.dst = { .family = NET_V4, .a = { 192, 0, 2, (uint8_t)(dir + 10) } },
		.encr_id = 12, .encr_bits = 128, .integ_id = 12, .encr_key = { key, 16 }, .integ_key = { key, 32 },
		.replay_window = 32 };
	return op;
}

static struct kern_op pol_op(uint8_t verb, uint32_t reqid)
{
	struct kern_op op = { .verb = verb };

	op.pol = (struct kern_policy){ .dir = KERN_OUT, .action = KERN_PROTECT, .mode = KERN_TUNNEL, .proto = 50, .reqid = reqid,
		.src = { .family = NET_V4, .a = { 192, 0, 2, 1 } }, .dst = { .family = NET_V4, .a = { 192, 0, 2, 11 } },
		.local = { .family = NET_V4, .port_hi = 65535, .hi = { 10, 1, 0, 255 }, .lo = { 10, 1, 0, 0 } },
		.remote = { .family = NET_V4, .port_hi = 65535, .hi = { 10, 2, 0, 255 }, .lo = { 10, 2, 0, 0 } } };
	return op;
}

static err_t tunnel(uint32_t spi)
{
	struct kern_op v[] = { sa_op(KERN_SA_ADD, KERN_IN, spi), sa_op(KERN_SA_ADD, KERN_OUT, spi + 1),
		pol_op(KERN_POLICY_ADD, 7) };

	return ops->submit(self, v, 3, 1);
}

/* ---- refusals ---- */

TestSuite(kernel_xfrm, .init = up, .fini = down);
TestSuite(kernel_xfrm_start, .init = setup, .fini = down);

/* Each is one line with the remedy; of the batch nothing stays, and the next one works. */
Test(kernel_xfrm, a_refused_sa)
{
	static const struct {
		int err;
		err_t is;
		const char *remedy;
	} rows[] = {
		{ EPERM, E_PERM, "CAP_NET_ADMIN is missing" },
		{ EEXIST, E_EXISTS, "ip xfrm state and ip xfrm policy show it" },
		{ ENOSYS, E_NOT_SUPPORTED, "load its module or change the proposal" },
		{ EPROTONOSUPPORT, E_NOT_SUPPORTED, "load the modules esp4, esp6, ah4, ah6" },
		{ EOPNOTSUPP, E_NOT_SUPPORTED, "the kernel or the network interface cannot do it" },
		{ EINVAL, E_BAD_VALUE, "too old for it or does not allow this combination" },
		{ ENOMEM, E_NOMEM, "the kernel has no memory for it" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (unsigned after = 0; after < 2; after++) {
			fake_kern.refuse = rows[i].err;
			fake_kern.refuse_after = after;
			said[0] = 0;
			lines = 0;
			cr_assert_eq(tunnel(0x100), rows[i].is, "%s", strerrorname_np(rows[i].err));
			cr_assert(has_said(rows[i].remedy), "%s", said);
			cr_assert_eq(lines, 1, "%s", said);
			cr_assert_eq(fake_kern.n_sa + fake_kern.n_pol, 0);
			fake_kern.refuse = 0;
			cr_assert_eq(tunnel(0x100), 0);
			struct kern_op v[] = { pol_op(KERN_POLICY_DEL, 7), sa_op(KERN_SA_DEL, KERN_IN, 0x100),
				sa_op(KERN_SA_DEL, KERN_OUT, 0x101) };
			cr_assert_eq(ops->submit(self, v, 3, 1), 0);
			cr_assert_eq(fake_kern.n_sa + fake_kern.n_pol, 0);
		}
}

Test(kernel_xfrm, a_refused_policy)
{
	fake_kern.refuse = EINVAL;
	fake_kern.refuse_policy = true;
	cr_assert_eq(tunnel(0x100), E_BAD_VALUE);
	cr_assert(has_said("the policy src 10.1.0.0/24 dst 10.2.0.0/24 dir out"), "%s", said);
	cr_assert_eq(fake_kern.n_sa + fake_kern.n_pol, 0);
	fake_kern.refuse = 0;
	cr_assert_eq(tunnel(0x100), 0);
}

Test(kernel_xfrm, offload_only_where_there_is_some)
{
	struct kern_op auto_op = sa_op(KERN_SA_ADD, KERN_OUT, 1), ask = sa_op(KERN_SA_ADD, KERN_OUT, 2);

	auto_op.sa.offload = KERN_OFFLOAD_AUTO;
	ask.sa.offload = KERN_OFFLOAD_CRYPTO;
	fake_kern.refuse = EINVAL;
	fake_kern.refuse_offload = true;
	cr_assert_eq(ops->submit(self, &auto_op, 1, 1), 0);
	cr_assert(has_said("has no hardware offload"), "%s", said);
	cr_assert_eq(lines, 1, "%s", said);
	cr_assert_eq(ops->submit(self, &ask, 1, 1), E_BAD_VALUE);
	cr_assert_eq(fake_kern.n_sa, 1);
}

/* In packet mode the card applies the policy, too, and takes no SA without. */
Test(kernel_xfrm, packet_offload_of_policies)
{
	struct kern_op op = pol_op(KERN_POLICY_ADD, 7);
	const struct nlattr *a;
	struct xfrm_user_offload o = { 0 };

	op.pol.offload = KERN_OFFLOAD_PACKET;
	cr_assert_eq(ops->submit(self, &op, 1, 1), 0);
	cr_assert_eq(fake_kern.n_pol, 1);
	mnl_attr_for_each(a, (struct nlmsghdr *)(void *)fake_kern.pol[0].b, sizeof(struct xfrm_userpolicy_info))
		if (mnl_attr_get_type(a) == XFRMA_OFFLOAD_DEV)
			memcpy(&o, mnl_attr_get_payload(a), sizeof o);
	cr_assert_eq(o.flags, op.pol.dir == KERN_IN ? XFRM_OFFLOAD_PACKET | XFRM_OFFLOAD_INBOUND : XFRM_OFFLOAD_PACKET);
}

/* ---- kernels that lack something ---- */

Test(kernel_xfrm_start, no_xfrm)
{
	char why[256];

	fake_kern.open_err = EPROTONOSUPPORT;
	cr_assert_eq(ops->probe(why, sizeof why), E_NOT_SUPPORTED);
	cr_assert(strstr(why, "load the module xfrm_user"), "%s", why);
	cr_assert_eq(start(), E_NOT_SUPPORTED);
}

Test(kernel_xfrm_start, no_esp)
{
	char why[256];

	fake_kern.refuse = EPROTONOSUPPORT;
	fake_kern.refuse_proto = 50;
	cr_assert_eq(ops->probe(why, sizeof why), E_NOT_SUPPORTED);
	cr_assert(strstr(why, "load the modules esp4 and esp6"), "%s", why);
	cr_assert_eq(start(), E_NOT_SUPPORTED);
	cr_assert(has_said("this kernel has no ESP"), "%s", said);
}

Test(kernel_xfrm_start, no_privilege)
{
	char why[256];

	fake_kern.refuse = EPERM;
	cr_assert_eq(ops->probe(why, sizeof why), E_PERM);
	cr_assert(strstr(why, "CAP_NET_ADMIN is missing"), "%s", why);
}

Test(kernel_xfrm_start, no_ah)
{
	fake_kern.refuse = EPROTONOSUPPORT;
	fake_kern.refuse_proto = 51;
	cr_assert_eq(start(), 0, "%s", said);
	cr_assert_not(ops->caps_now(self) & KERN_CAP_AH);
	cr_assert(ops->caps_now(self) & KERN_CAP_IPCOMP && ops->caps_now(self) & KERN_CAP_IF_ID);
}

Test(kernel_xfrm_start, no_interface_ids)
{
	fake_kern.no_if_id = true;
	cr_assert_eq(start(), 0, "%s", said);
	cr_assert_not(ops->caps_now(self) & KERN_CAP_IF_ID);
	cr_assert(has_said("no interface ids") && has_said("Linux 4.19"), "%s", said);
	cr_assert_eq(tunnel(0x100), 0);
}

/* ---- others, and an earlier run ---- */

/* A policy as another program has it: an index of its own. */
static void foreign_policy(uint8_t third)
{
	_Alignas(struct nlmsghdr) uint8_t buf[512];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
	struct xfrm_userpolicy_info *i = mnl_nlmsg_put_extra_header(m, sizeof *i);

	m->nlmsg_type = XFRM_MSG_NEWPOLICY;
	i->sel.family = AF_INET;
	i->sel.saddr.a4 = htonl(0x0a010000);
	i->sel.daddr.a4 = htonl(0x0a000000 | (uint32_t)third << 16);
	i->sel.prefixlen_s = i->sel.prefixlen_d = 24;
	i->index = 9 + third * 8u;
	i->dir = XFRM_POLICY_OUT;
	fake_keep(&fake_kern.pol[fake_kern.n_pol++], m);
}

static void foreign_sa(void)
{
	_Alignas(struct nlmsghdr) uint8_t buf[512];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
	struct xfrm_usersa_info *i = mnl_nlmsg_put_extra_header(m, sizeof *i);

	m->nlmsg_type = XFRM_MSG_NEWSA;
	i->id.spi = htonl(0x999);
	i->id.proto = 50;
	i->id.daddr.a4 = htonl(0xc0000263);
	i->family = AF_INET;
	i->seq = 3;
	fake_keep(&fake_kern.sa[fake_kern.n_sa++], m);
}

Test(kernel_xfrm, a_policy_of_another_program_in_the_way)
{
	foreign_policy(2);
	cr_assert_eq(tunnel(0x100), E_EXISTS);
	cr_assert(has_said("the policy src 10.1.0.0/24 dst 10.2.0.0/24 dir out") && has_said("of another program"), "%s", said);
	cr_assert_eq(fake_kern.n_pol, 1, "it was touched");
	cr_assert_eq(fake_pol_of(&fake_kern.pol[0])->index, 25);
	cr_assert_eq(fake_kern.n_sa, 0);
}

Test(kernel_xfrm, the_end_leaves_what_others_have)
{
	foreign_policy(3);
	foreign_sa();
	cr_assert_eq(tunnel(0x100), 0);
	cr_assert_eq(fake_kern.n_sa, 3);
	down();
	cr_assert_eq(fake_kern.n_sa, 1);
	cr_assert_eq(fake_kern.n_pol, 1);
}

/* After a crash: what a tunnel takes over is updated in its place, the rest goes when its time is over. */
Test(kernel_xfrm, an_earlier_run)
{
	struct kern_op other = pol_op(KERN_POLICY_ADD, 9);

	other.pol.remote = (struct ts_sel){ .family = NET_V4, .port_hi = 65535, .hi = { 10, 4, 0, 255 }, .lo = { 10, 4, 0, 0 } };
	foreign_policy(3);
	foreign_sa();
	cr_assert_eq(tunnel(0x100), 0);
	cr_assert_eq(ops->submit(self, &other, 1, 1), 0);
	ops->keep(self); /* what a crash is for the kernel */
	down();
	cr_assert_eq(fake_kern.n_sa, 3);
	cr_assert_eq(fake_kern.n_pol, 3);
	cr_assert_eq(start(), 0);
	cr_assert(has_said("an earlier run has left 2 SAs and 2 policies"), "%s", said);
	struct kern_op again = pol_op(KERN_POLICY_ADD, 7);
	cr_assert_eq(ops->left_reqid(self, &again.pol), 7);
	cr_assert_eq(ops->first_reqid(self), 10);

	fake_kern.n_new = fake_kern.n_upd = fake_kern.n_del = 0;
	cr_assert_eq(tunnel(0x200), 0);
	cr_assert(fake_kern.n_new == 0 && fake_kern.n_upd == 1 && fake_kern.n_del == 0, "%u new, %u updated, %u deleted",
		fake_kern.n_new, fake_kern.n_upd, fake_kern.n_del);
	cr_assert_eq(fake_kern.n_sa, 5, "both pairs stand");
	fake.now_ms += 6000;
	fake.tick(fake.tick_arg);
	cr_assert_eq(fake_kern.n_sa, 3, "the old pair goes a little later");
	fake.now_ms += 60000;
	fake.tick(fake.tick_arg);
	cr_assert_eq(fake_kern.n_pol, 2, "what nobody took is removed");
	cr_assert_eq(fake_kern.n_sa, 3);
	down();
	cr_assert_eq(fake_kern.n_sa, 1, "another program's SA stays");
	cr_assert_eq(fake_kern.n_pol, 1, "and its policy");
}

/* A policy that moves is never missing. */
Test(kernel_xfrm, policies_move_in_one_update)
{
	cr_assert_eq(tunnel(0x100), 0);
	fake_kern.n_new = fake_kern.n_upd = fake_kern.n_del = 0;
	struct kern_op v[] = { pol_op(KERN_POLICY_DEL, 7), pol_op(KERN_POLICY_ADD, 7) };
	v[1].pol.dst.a[3] = 77;
	cr_assert_eq(ops->submit(self, v, 2, 1), 0);
	cr_assert(fake_kern.n_new == 0 && fake_kern.n_upd == 1 && fake_kern.n_del == 0, "%u new, %u updated, %u deleted",
		fake_kern.n_new, fake_kern.n_upd, fake_kern.n_del);
}

/* ---- events ---- */

/* The buffer of the event socket was full: what the events would have told is found, and told once. */
Test(kernel_xfrm, lost_events)
{
	cr_assert_eq(tunnel(0x100), 0);
	cr_assert_eq(tunnel(0x200), 0);
	for (size_t i = 0; i < fake_kern.n_sa; i++) {
		struct xfrm_usersa_info *s = fake_sa_of(&fake_kern.sa[i]);
		if (ntohl(s->id.spi) == 0x101) { /* over its soft limit */
			s->lft.soft_byte_limit = 1000;
			s->curlft.bytes = 1001;
		}
	}
	struct fake_stored *gone = fake_sa_find(&(xfrm_address_t){ .a4 = htonl(0xc000020a) }, htonl(0x200), 50);
	cr_assert_not_null(gone); /* over its hard one */
	*gone = fake_kern.sa[--fake_kern.n_sa];
	fake.n_ev = 0;
	fake_kern.lost = true;
	on_news(on_news_arg, FAKE_FD + FAKE_NEWS, 1);
	cr_assert_eq(lost_counted, 1);
	cr_assert(has_said("events of the kernel were lost"), "%s", said);
	cr_assert_eq(fake.n_ev, 2);
	for (size_t i = 0; i < 2; i++)
		cr_assert(fake.ev[i].type == KERN_EV_EXPIRE_SOFT ? fake.ev[i].spi == 0x101 && fake.ev[i].dir == KERN_OUT :
			fake.ev[i].type == KERN_EV_EXPIRE_HARD && fake.ev[i].spi == 0x200 && fake.ev[i].dir == KERN_IN);
}

static void event(uint16_t type, const void *head, size_t n, uint16_t attr, const void *data, size_t n_data)
{
	struct fake_stored *q = &fake_kern.queue[FAKE_NEWS][fake_kern.tail[FAKE_NEWS]++ % FAKE_QUEUE];
	struct nlmsghdr *m = mnl_nlmsg_put_header(q->b);

	m->nlmsg_type = type;
	memcpy(mnl_nlmsg_put_extra_header(m, n), head, n);
	if (n_data)
		mnl_attr_put(m, attr, n_data, data);
	q->n = m->nlmsg_len;
	on_news(on_news_arg, FAKE_FD + FAKE_NEWS, 1);
}

/* What another program or the kernel's own headers did: said, and nothing of ours changes. */
Test(kernel_xfrm, reports_and_migrations)
{
	struct xfrm_user_report r = { .proto = 60, .sel = { .family = AF_INET6, .proto = 6 } };
	struct xfrm_userpolicy_id id = { .dir = XFRM_POLICY_OUT };
	struct xfrm_user_migrate g = { .new_daddr.a4 = htonl(0xc0000201), .new_saddr.a4 = htonl(0xc0000202), .reqid = 8,
		.old_family = AF_INET, .new_family = AF_INET };

	cr_assert_eq(tunnel(0x100), 0);
	event(XFRM_MSG_REPORT, &r, sizeof r, 0, NULL, 0);
	cr_assert(has_said("protocol 6 from :: to ::"), "%s", said);
	event(XFRM_MSG_REPORT, &r, 3, 0, NULL, 0); /* cut short */
	event(XFRM_MSG_MIGRATE, &id, sizeof id, XFRMA_MIGRATE, &g, sizeof g);
	cr_assert(!has_said("another program has moved"), "a request id that is not ours");
	g.reqid = 7;
	event(XFRM_MSG_MIGRATE, &id, sizeof id, XFRMA_MIGRATE, &g, 8);
	cr_assert(!has_said("another program has moved"), "cut short");
	event(XFRM_MSG_MIGRATE, &id, sizeof id, XFRMA_MIGRATE, &g, sizeof g);
	cr_assert(has_said("another program has moved the SAs with our request id 7 to 192.0.2.2 and 192.0.2.1"), "%s", said);
}

/* A static SA of an earlier run has the same SPI: it makes room. */
Test(kernel_xfrm, a_static_sa_that_was_left)
{
	cr_assert_eq(tunnel(0x100), 0);
	ops->keep(self);
	down();
	cr_assert_eq(fake_kern.n_sa, 2);
	cr_assert_eq(start(), 0);
	cr_assert_eq(tunnel(0x100), 0);
	cr_assert_eq(fake_kern.n_sa, 2, "one pair");
	fake.now_ms += 100000;
	fake.tick(fake.tick_arg);
	cr_assert_eq(fake_kern.n_sa, 2, "which is ours now");
}

Test(kernel_xfrm, a_window_of_4096_with_esn)
{
	struct kern_op op = sa_op(KERN_SA_ADD, KERN_IN, 5);
	const struct nlattr *a;
	bool found = false;

	op.sa.esn = true;
	op.sa.replay_window = 4096;
	cr_assert_eq(ops->submit(self, &op, 1, 1), 0);
	mnl_attr_for_each(a, (struct nlmsghdr *)(void *)fake_kern.sa[0].b, sizeof(struct xfrm_usersa_info)) {
		const struct xfrm_replay_state_esn *r = mnl_attr_get_payload(a);
		if (mnl_attr_get_type(a) != XFRMA_REPLAY_ESN_VAL)
			continue;
		found = true;
		cr_assert_eq(r->replay_window, 4096);
		cr_assert_eq(r->bmp_len, 128);
	}
	cr_assert(found && fake_sa_of(&fake_kern.sa[0])->flags & XFRM_STATE_ESN);
	op.sa.spi = 6;
	op.sa.replay_window = 4097;
	cr_assert_eq(ops->submit(self, &op, 1, 1), E_BAD_VALUE);
}
