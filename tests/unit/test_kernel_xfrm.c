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
#include <linux/xfrm.h>

enum { SOCKS = 2, FD = 1000, MSGS = 64, QUEUE = 256, OWNER = 173, ASK = 0, NEWS = 1 };

/* ---- the kernel ---- */

struct stored {
	size_t n;
	_Alignas(struct nlmsghdr) uint8_t b[1024];
};

static struct {
	int opened;
	struct stored sa[MSGS], pol[MSGS];
	size_t n_sa, n_pol;
	struct stored queue[SOCKS][QUEUE];
	size_t head[SOCKS], tail[SOCKS];
	bool lost;               /* the next look for events finds that some were lost */
	int open_err;            /* errno of socket() */
	int refuse;              /* errno for SAs, */
	uint8_t refuse_proto;    /* of this protocol, 0 all; */
	unsigned refuse_after;   /* not for the first ones */
	bool refuse_policy;      /* for policies instead */
	bool refuse_offload;     /* only those with an offload */
	bool no_if_id;           /* an old kernel: it forgets them */
	unsigned n_new, n_upd, n_del; /* messages about policies */
} kern;

static struct mnl_socket *const socks[SOCKS] = { (struct mnl_socket *)&kern.queue[0], (struct mnl_socket *)&kern.queue[1] };

struct mnl_socket *fake_open(int bus, int flags)
{
	(void)bus, (void)flags;
	errno = kern.open_err;
	return kern.open_err || kern.opened == SOCKS ? NULL : socks[kern.opened++];
}

int fake_bind(struct mnl_socket *s, unsigned groups, pid_t pid)
{
	(void)s, (void)groups, (void)pid;
	return 0;
}

int fake_close(struct mnl_socket *s)
{
	(void)s;
	kern.opened--;
	return 0;
}

int fake_fd(const struct mnl_socket *s)
{
	return FD + (s == socks[1]);
}

unsigned fake_portid(const struct mnl_socket *s)
{
	(void)s;
	return 0;
}

int fake_option(const struct mnl_socket *s, int type, void *buf, socklen_t n)
{
	(void)s, (void)type, (void)buf, (void)n;
	return 0;
}

static void answer(int sock, const void *p, size_t n)
{
	struct stored *q = &kern.queue[sock][kern.tail[sock]++ % QUEUE];

	cr_assert(n <= sizeof q->b && kern.tail[sock] - kern.head[sock] < QUEUE);
	memcpy(q->b, p, n);
	q->n = n;
}

static void ack(const struct nlmsghdr *to, int err)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} m = { { sizeof m, NLMSG_ERROR, 0, to->nlmsg_seq, 0 }, { -err, *to } };

	answer(ASK, &m, sizeof m);
}

static void tell_stored(const struct stored *s, const struct nlmsghdr *to, bool many)
{
	_Alignas(struct nlmsghdr) uint8_t b[1024];
	struct nlmsghdr *h = (struct nlmsghdr *)(void *)b;

	memcpy(b, s->b, s->n);
	h->nlmsg_seq = to->nlmsg_seq;
	h->nlmsg_flags = many ? NLM_F_MULTI : 0;
	answer(ASK, b, s->n);
}

static struct xfrm_usersa_info *sa_of(const struct stored *s)
{
	return mnl_nlmsg_get_payload((struct nlmsghdr *)(void *)s->b);
}

static struct xfrm_userpolicy_info *pol_of(const struct stored *s)
{
	return mnl_nlmsg_get_payload((struct nlmsghdr *)(void *)s->b);
}

static struct stored *sa_find(const xfrm_address_t *dst, uint32_t spi, uint8_t proto)
{
	for (size_t i = 0; i < kern.n_sa; i++) {
		const struct xfrm_usersa_info *s = sa_of(&kern.sa[i]);
		if (s->id.spi == spi && s->id.proto == proto && memcmp(&s->id.daddr, dst, sizeof *dst) == 0)
			return &kern.sa[i];
	}
	return NULL;
}

static struct stored *pol_find(const struct xfrm_selector *sel, uint32_t index, uint8_t dir)
{
	for (size_t i = 0; i < kern.n_pol; i++) {
		const struct xfrm_userpolicy_info *p = pol_of(&kern.pol[i]);
		if (p->dir == dir && (index ? p->index == index : memcmp(&p->sel, sel, sizeof *sel) == 0))
			return &kern.pol[i];
	}
	return NULL;
}

static bool has_attr(const struct nlmsghdr *m, size_t skip, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, m, (unsigned)skip)
		if (mnl_attr_get_type(a) == type)
			return true;
	return false;
}

static void keep(struct stored *s, const struct nlmsghdr *m)
{
	const struct nlattr *a;
	size_t skip = m->nlmsg_type == XFRM_MSG_NEWSA ? sizeof(struct xfrm_usersa_info) : sizeof(struct xfrm_userpolicy_info);
	struct nlmsghdr *h = mnl_nlmsg_put_header(s->b);

	h->nlmsg_type = m->nlmsg_type == XFRM_MSG_NEWSA ? XFRM_MSG_NEWSA : XFRM_MSG_NEWPOLICY;
	memcpy(mnl_nlmsg_put_extra_header(h, skip), mnl_nlmsg_get_payload(m), skip);
	mnl_attr_for_each(a, m, (unsigned)skip)
		if (mnl_attr_get_type(a) != XFRMA_IF_ID || !kern.no_if_id)
			mnl_attr_put(h, mnl_attr_get_type(a), mnl_attr_get_payload_len(a), mnl_attr_get_payload(a));
	s->n = h->nlmsg_len;
}

static int new_sa(const struct nlmsghdr *m)
{
	const struct xfrm_usersa_info *i = mnl_nlmsg_get_payload(m);
	bool mine = !kern.refuse_policy && (!kern.refuse_proto || kern.refuse_proto == i->id.proto) &&
		(!kern.refuse_offload || has_attr(m, sizeof *i, XFRMA_OFFLOAD_DEV));

	if (kern.refuse && mine) {
		if (!kern.refuse_after)
			return kern.refuse;
		kern.refuse_after--;
	}
	if (sa_find(&i->id.daddr, i->id.spi, i->id.proto))
		return EEXIST;
	cr_assert(kern.n_sa < MSGS);
	keep(&kern.sa[kern.n_sa++], m);
	return 0;
}

static int new_policy(const struct nlmsghdr *m)
{
	const struct xfrm_userpolicy_info *i = mnl_nlmsg_get_payload(m);
	struct stored *old = pol_find(&i->sel, 0, i->dir);
	bool update = m->nlmsg_type == XFRM_MSG_UPDPOLICY;

	if (kern.refuse && kern.refuse_policy)
		return kern.refuse;
	kern.n_new += !update;
	kern.n_upd += update;
	if (old && !update)
		return EEXIST;
	cr_assert(old || kern.n_pol < MSGS);
	keep(old ? old : &kern.pol[kern.n_pol++], m);
	return 0;
}

static int work(const struct nlmsghdr *m)
{
	const struct xfrm_usersa_id *id = mnl_nlmsg_get_payload(m);
	const struct xfrm_userpolicy_id *pid = mnl_nlmsg_get_payload(m);
	struct stored *s;

	switch (m->nlmsg_type) {
	case XFRM_MSG_NEWSA:
		return new_sa(m);
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		return new_policy(m);
	case XFRM_MSG_DELSA:
		s = sa_find(&id->daddr, id->spi, id->proto);
		if (s)
			*s = kern.sa[--kern.n_sa];
		return s ? 0 : ESRCH;
	case XFRM_MSG_DELPOLICY:
		kern.n_del++;
		s = pol_find(&pid->sel, pid->index, pid->dir);
		if (s)
			*s = kern.pol[--kern.n_pol];
		return s ? 0 : ENOENT;
	}
	return 0;
}

static void dump(const struct nlmsghdr *m, const struct stored *v, size_t n)
{
	struct {
		struct nlmsghdr h;
		int zero;
	} done = { { sizeof done, NLMSG_DONE, NLM_F_MULTI, m->nlmsg_seq, 0 }, 0 };

	for (size_t i = 0; i < n; i++)
		tell_stored(&v[i], m, true);
	answer(ASK, &done, sizeof done);
}

ssize_t fake_send(const struct mnl_socket *s, const void *buf, size_t n)
{
	int left = (int)n;

	(void)s;
	for (const struct nlmsghdr *m = buf; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
		const struct xfrm_usersa_id *id = mnl_nlmsg_get_payload(m);
		bool all = (m->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
		if (m->nlmsg_type == XFRM_MSG_GETPOLICY) {
			dump(m, kern.pol, kern.n_pol);
		} else if (m->nlmsg_type == XFRM_MSG_GETSA && all) {
			dump(m, kern.sa, kern.n_sa);
		} else if (m->nlmsg_type == XFRM_MSG_GETSA) {
			const struct stored *x = sa_find(&id->daddr, id->spi, id->proto);
			if (x)
				tell_stored(x, m, false);
			else
				ack(m, ESRCH);
		} else {
			ack(m, work(m));
		}
	}
	return (ssize_t)n;
}

ssize_t fake_recv(int fd, void *buf, size_t n, int flags)
{
	int sock = fd - FD;

	(void)flags;
	cr_assert(sock == ASK || sock == NEWS);
	if (sock == NEWS && kern.lost) {
		kern.lost = false;
		errno = ENOBUFS;
		return -1;
	}
	if (kern.head[sock] == kern.tail[sock]) {
		errno = EAGAIN;
		return -1;
	}
	const struct stored *q = &kern.queue[sock][kern.head[sock]++ % QUEUE];
	cr_assert(q->n <= n);
	memcpy(buf, q->b, q->n);
	return (ssize_t)q->n;
}

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
	cr_assert_eq(fd, FD + NEWS);
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
	memset(&kern, 0, sizeof kern);
	fake = (struct kern_host){ .now_ms = 1000000 };
	ops = adit_plugin.feats[0].ops;
	lost_counted = 0;
}

static void up(void)
{
	setup();
	cr_assert_eq(start(), 0, "%s", said);
	cr_assert_eq(kern.n_sa, 0, "trials stay in the kernel");
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
			kern.refuse = rows[i].err;
			kern.refuse_after = after;
			said[0] = 0;
			lines = 0;
			cr_assert_eq(tunnel(0x100), rows[i].is, "%s", strerrorname_np(rows[i].err));
			cr_assert(has_said(rows[i].remedy), "%s", said);
			cr_assert_eq(lines, 1, "%s", said);
			cr_assert_eq(kern.n_sa + kern.n_pol, 0);
			kern.refuse = 0;
			cr_assert_eq(tunnel(0x100), 0);
			struct kern_op v[] = { pol_op(KERN_POLICY_DEL, 7), sa_op(KERN_SA_DEL, KERN_IN, 0x100),
				sa_op(KERN_SA_DEL, KERN_OUT, 0x101) };
			cr_assert_eq(ops->submit(self, v, 3, 1), 0);
			cr_assert_eq(kern.n_sa + kern.n_pol, 0);
		}
}

Test(kernel_xfrm, a_refused_policy)
{
	kern.refuse = EINVAL;
	kern.refuse_policy = true;
	cr_assert_eq(tunnel(0x100), E_BAD_VALUE);
	cr_assert(has_said("the policy src 10.1.0.0/24 dst 10.2.0.0/24 dir out"), "%s", said);
	cr_assert_eq(kern.n_sa + kern.n_pol, 0);
	kern.refuse = 0;
	cr_assert_eq(tunnel(0x100), 0);
}

Test(kernel_xfrm, offload_only_where_there_is_some)
{
	struct kern_op auto_op = sa_op(KERN_SA_ADD, KERN_OUT, 1), ask = sa_op(KERN_SA_ADD, KERN_OUT, 2);

	auto_op.sa.offload = KERN_OFFLOAD_AUTO;
	ask.sa.offload = KERN_OFFLOAD_CRYPTO;
	kern.refuse = EINVAL;
	kern.refuse_offload = true;
	cr_assert_eq(ops->submit(self, &auto_op, 1, 1), 0);
	cr_assert(has_said("has no hardware offload"), "%s", said);
	cr_assert_eq(lines, 1, "%s", said);
	cr_assert_eq(ops->submit(self, &ask, 1, 1), E_BAD_VALUE);
	cr_assert_eq(kern.n_sa, 1);
}

/* ---- kernels that lack something ---- */

Test(kernel_xfrm_start, no_xfrm)
{
	char why[256];

	kern.open_err = EPROTONOSUPPORT;
	cr_assert_eq(ops->probe(why, sizeof why), E_NOT_SUPPORTED);
	cr_assert(strstr(why, "load the module xfrm_user"), "%s", why);
	cr_assert_eq(start(), E_NOT_SUPPORTED);
}

Test(kernel_xfrm_start, no_esp)
{
	char why[256];

	kern.refuse = EPROTONOSUPPORT;
	kern.refuse_proto = 50;
	cr_assert_eq(ops->probe(why, sizeof why), E_NOT_SUPPORTED);
	cr_assert(strstr(why, "load the modules esp4 and esp6"), "%s", why);
	cr_assert_eq(start(), E_NOT_SUPPORTED);
	cr_assert(has_said("this kernel has no ESP"), "%s", said);
}

Test(kernel_xfrm_start, no_privilege)
{
	char why[256];

	kern.refuse = EPERM;
	cr_assert_eq(ops->probe(why, sizeof why), E_PERM);
	cr_assert(strstr(why, "CAP_NET_ADMIN is missing"), "%s", why);
}

Test(kernel_xfrm_start, no_ah)
{
	kern.refuse = EPROTONOSUPPORT;
	kern.refuse_proto = 51;
	cr_assert_eq(start(), 0, "%s", said);
	cr_assert_not(ops->caps_now(self) & KERN_CAP_AH);
	cr_assert(ops->caps_now(self) & KERN_CAP_IPCOMP && ops->caps_now(self) & KERN_CAP_IF_ID);
}

Test(kernel_xfrm_start, no_interface_ids)
{
	kern.no_if_id = true;
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
	keep(&kern.pol[kern.n_pol++], m);
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
	keep(&kern.sa[kern.n_sa++], m);
}

Test(kernel_xfrm, a_policy_of_another_program_in_the_way)
{
	foreign_policy(2);
	cr_assert_eq(tunnel(0x100), E_EXISTS);
	cr_assert(has_said("the policy src 10.1.0.0/24 dst 10.2.0.0/24 dir out") && has_said("of another program"), "%s", said);
	cr_assert_eq(kern.n_pol, 1, "it was touched");
	cr_assert_eq(pol_of(&kern.pol[0])->index, 25);
	cr_assert_eq(kern.n_sa, 0);
}

Test(kernel_xfrm, the_end_leaves_what_others_have)
{
	foreign_policy(3);
	foreign_sa();
	cr_assert_eq(tunnel(0x100), 0);
	cr_assert_eq(kern.n_sa, 3);
	down();
	cr_assert_eq(kern.n_sa, 1);
	cr_assert_eq(kern.n_pol, 1);
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
	cr_assert_eq(kern.n_sa, 3);
	cr_assert_eq(kern.n_pol, 3);
	cr_assert_eq(start(), 0);
	cr_assert(has_said("an earlier run has left 2 SAs and 2 policies"), "%s", said);
	struct kern_op again = pol_op(KERN_POLICY_ADD, 7);
	cr_assert_eq(ops->left_reqid(self, &again.pol), 7);
	cr_assert_eq(ops->first_reqid(self), 10);

	kern.n_new = kern.n_upd = kern.n_del = 0;
	cr_assert_eq(tunnel(0x200), 0);
	cr_assert(kern.n_new == 0 && kern.n_upd == 1 && kern.n_del == 0, "%u new, %u updated, %u deleted", kern.n_new, kern.n_upd,
		kern.n_del);
	cr_assert_eq(kern.n_sa, 5, "both pairs stand");
	fake.now_ms += 6000;
	fake.tick(fake.tick_arg);
	cr_assert_eq(kern.n_sa, 3, "the old pair goes a little later");
	fake.now_ms += 60000;
	fake.tick(fake.tick_arg);
	cr_assert_eq(kern.n_pol, 2, "what nobody took is removed");
	cr_assert_eq(kern.n_sa, 3);
	down();
	cr_assert_eq(kern.n_sa, 1, "another program's SA stays");
	cr_assert_eq(kern.n_pol, 1, "and its policy");
}

/* A policy that moves is never missing. */
Test(kernel_xfrm, policies_move_in_one_update)
{
	cr_assert_eq(tunnel(0x100), 0);
	kern.n_new = kern.n_upd = kern.n_del = 0;
	struct kern_op v[] = { pol_op(KERN_POLICY_DEL, 7), pol_op(KERN_POLICY_ADD, 7) };
	v[1].pol.dst.a[3] = 77;
	cr_assert_eq(ops->submit(self, v, 2, 1), 0);
	cr_assert(kern.n_new == 0 && kern.n_upd == 1 && kern.n_del == 0, "%u new, %u updated, %u deleted", kern.n_new, kern.n_upd,
		kern.n_del);
}

/* ---- events ---- */

/* The buffer of the event socket was full: what the events would have told is found, and told once. */
Test(kernel_xfrm, lost_events)
{
	cr_assert_eq(tunnel(0x100), 0);
	cr_assert_eq(tunnel(0x200), 0);
	for (size_t i = 0; i < kern.n_sa; i++) {
		struct xfrm_usersa_info *s = sa_of(&kern.sa[i]);
		if (ntohl(s->id.spi) == 0x101) { /* over its soft limit */
			s->lft.soft_byte_limit = 1000;
			s->curlft.bytes = 1001;
		}
	}
	struct stored *gone = sa_find(&(xfrm_address_t){ .a4 = htonl(0xc000020a) }, htonl(0x200), 50);
	cr_assert_not_null(gone); /* over its hard one */
	*gone = kern.sa[--kern.n_sa];
	fake.n_ev = 0;
	kern.lost = true;
	on_news(on_news_arg, FD + NEWS, 1);
	cr_assert_eq(lost_counted, 1);
	cr_assert(has_said("events of the kernel were lost"), "%s", said);
	cr_assert_eq(fake.n_ev, 2);
	for (size_t i = 0; i < 2; i++)
		cr_assert(fake.ev[i].type == KERN_EV_EXPIRE_SOFT ? fake.ev[i].spi == 0x101 && fake.ev[i].dir == KERN_OUT :
			fake.ev[i].type == KERN_EV_EXPIRE_HARD && fake.ev[i].spi == 0x200 && fake.ev[i].dir == KERN_IN);
}

Test(kernel_xfrm, a_window_of_4096_with_esn)
{
	struct kern_op op = sa_op(KERN_SA_ADD, KERN_IN, 5);
	const struct nlattr *a;
	bool found = false;

	op.sa.esn = true;
	op.sa.replay_window = 4096;
	cr_assert_eq(ops->submit(self, &op, 1, 1), 0);
	mnl_attr_for_each(a, (struct nlmsghdr *)(void *)kern.sa[0].b, sizeof(struct xfrm_usersa_info)) {
		const struct xfrm_replay_state_esn *r = mnl_attr_get_payload(a);
		if (mnl_attr_get_type(a) != XFRMA_REPLAY_ESN_VAL)
			continue;
		found = true;
		cr_assert_eq(r->replay_window, 4096);
		cr_assert_eq(r->bmp_len, 128);
	}
	cr_assert(found && sa_of(&kern.sa[0])->flags & XFRM_STATE_ESN);
	op.sa.spi = 6;
	op.sa.replay_window = 4097;
	cr_assert_eq(ops->submit(self, &op, 1, 1), E_BAD_VALUE);
}
