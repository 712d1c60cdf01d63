/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel of books behind the netlink sockets of kernel-xfrm. */
#define FAKE_XFRM_ITSELF
#include "tests/unit/fake_xfrm.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

struct fake_kern fake_kern;

static struct mnl_socket *const socks[FAKE_SOCKS] = { (struct mnl_socket *)&fake_kern.queue[0],
	(struct mnl_socket *)&fake_kern.queue[1] };

struct mnl_socket *fake_open(int bus, int flags)
{
	(void)bus, (void)flags;
	errno = fake_kern.open_err;
	return fake_kern.open_err || fake_kern.opened == FAKE_SOCKS ? NULL : socks[fake_kern.opened++];
}

int fake_bind(struct mnl_socket *s, unsigned groups, pid_t pid)
{
	(void)s, (void)groups, (void)pid;
	return 0;
}

int fake_close(struct mnl_socket *s)
{
	(void)s;
	fake_kern.opened--;
	return 0;
}

int fake_fd(const struct mnl_socket *s)
{
	return FAKE_FD + (s == socks[1]);
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
	struct fake_stored *q = &fake_kern.queue[sock][fake_kern.tail[sock]++ % FAKE_QUEUE];

	cr_assert(n <= sizeof q->b && fake_kern.tail[sock] - fake_kern.head[sock] < FAKE_QUEUE);
	memcpy(q->b, p, n);
	q->n = n;
}

static void ack(const struct nlmsghdr *to, int err)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} m = { { sizeof m, NLMSG_ERROR, 0, to->nlmsg_seq, 0 }, { -err, *to } };

	answer(FAKE_ASK, &m, sizeof m);
}

static void tell_stored(const struct fake_stored *s, const struct nlmsghdr *to, bool many)
{
	_Alignas(struct nlmsghdr) uint8_t b[1024];
	struct nlmsghdr *h = (struct nlmsghdr *)(void *)b;

	memcpy(b, s->b, s->n);
	h->nlmsg_seq = to->nlmsg_seq;
	h->nlmsg_flags = many ? NLM_F_MULTI : 0;
	answer(FAKE_ASK, b, s->n);
}

struct xfrm_usersa_info *fake_sa_of(const struct fake_stored *s)
{
	return mnl_nlmsg_get_payload((struct nlmsghdr *)(void *)s->b);
}

struct xfrm_userpolicy_info *fake_pol_of(const struct fake_stored *s)
{
	return mnl_nlmsg_get_payload((struct nlmsghdr *)(void *)s->b);
}

struct fake_stored *fake_sa_find(const xfrm_address_t *dst, uint32_t spi, uint8_t proto)
{
	for (size_t i = 0; i < fake_kern.n_sa; i++) {
		const struct xfrm_usersa_info *s = fake_sa_of(&fake_kern.sa[i]);
		if (s->id.spi == spi && s->id.proto == proto && memcmp(&s->id.daddr, dst, sizeof *dst) == 0)
			return &fake_kern.sa[i];
	}
	return NULL;
}

static struct fake_stored *pol_find(const struct xfrm_selector *sel, uint32_t index, uint8_t dir)
{
	for (size_t i = 0; i < fake_kern.n_pol; i++) {
		const struct xfrm_userpolicy_info *p = fake_pol_of(&fake_kern.pol[i]);
		if (p->dir == dir && (index ? p->index == index : memcmp(&p->sel, sel, sizeof *sel) == 0))
			return &fake_kern.pol[i];
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

void fake_keep(struct fake_stored *s, const struct nlmsghdr *m)
{
	const struct nlattr *a;
	size_t skip = m->nlmsg_type == XFRM_MSG_NEWSA ? sizeof(struct xfrm_usersa_info) : sizeof(struct xfrm_userpolicy_info);
	struct nlmsghdr *h = mnl_nlmsg_put_header(s->b);

	h->nlmsg_type = m->nlmsg_type == XFRM_MSG_NEWSA ? XFRM_MSG_NEWSA : XFRM_MSG_NEWPOLICY;
	memcpy(mnl_nlmsg_put_extra_header(h, skip), mnl_nlmsg_get_payload(m), skip);
	mnl_attr_for_each(a, m, (unsigned)skip)
		if (mnl_attr_get_type(a) != XFRMA_IF_ID || !fake_kern.no_if_id)
			mnl_attr_put(h, mnl_attr_get_type(a), mnl_attr_get_payload_len(a), mnl_attr_get_payload(a));
	s->n = h->nlmsg_len;
}

static int new_sa(const struct nlmsghdr *m)
{
	const struct xfrm_usersa_info *i = mnl_nlmsg_get_payload(m);
	bool mine = !fake_kern.refuse_policy && (!fake_kern.refuse_proto || fake_kern.refuse_proto == i->id.proto) &&
		(!fake_kern.refuse_offload || has_attr(m, sizeof *i, XFRMA_OFFLOAD_DEV));

	if (fake_kern.refuse && mine) {
		if (!fake_kern.refuse_after)
			return fake_kern.refuse;
		fake_kern.refuse_after--;
	}
	if (fake_sa_find(&i->id.daddr, i->id.spi, i->id.proto))
		return EEXIST;
	cr_assert(fake_kern.n_sa < FAKE_MSGS);
	fake_keep(&fake_kern.sa[fake_kern.n_sa++], m);
	return 0;
}

static int new_policy(const struct nlmsghdr *m)
{
	const struct xfrm_userpolicy_info *i = mnl_nlmsg_get_payload(m);
	struct fake_stored *old = pol_find(&i->sel, 0, i->dir);
	bool update = m->nlmsg_type == XFRM_MSG_UPDPOLICY;

	if (fake_kern.refuse && fake_kern.refuse_policy)
		return fake_kern.refuse;
	fake_kern.n_new += !update;
	fake_kern.n_upd += update;
	if (old && !update)
		return EEXIST;
	cr_assert(old || fake_kern.n_pol < FAKE_MSGS);
	fake_keep(old ? old : &fake_kern.pol[fake_kern.n_pol++], m);
	return 0;
}

static int work(const struct nlmsghdr *m)
{
	const struct xfrm_usersa_id *id = mnl_nlmsg_get_payload(m);
	const struct xfrm_userpolicy_id *pid = mnl_nlmsg_get_payload(m);
	struct fake_stored *s;

	switch (m->nlmsg_type) {
	case XFRM_MSG_NEWSA:
		return new_sa(m);
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		return new_policy(m);
	case XFRM_MSG_DELSA:
		s = fake_sa_find(&id->daddr, id->spi, id->proto);
		if (s)
			*s = fake_kern.sa[--fake_kern.n_sa];
		return s ? 0 : ESRCH;
	case XFRM_MSG_DELPOLICY:
		fake_kern.n_del++;
		s = pol_find(&pid->sel, pid->index, pid->dir);
		if (s)
			*s = fake_kern.pol[--fake_kern.n_pol];
		return s ? 0 : ENOENT;
	}
	return 0;
}

static void dump(const struct nlmsghdr *m, const struct fake_stored *v, size_t n)
{
	struct {
		struct nlmsghdr h;
		int zero;
	} done = { { sizeof done, NLMSG_DONE, NLM_F_MULTI, m->nlmsg_seq, 0 }, 0 };

	for (size_t i = 0; i < n; i++)
		tell_stored(&v[i], m, true);
	answer(FAKE_ASK, &done, sizeof done);
}

ssize_t fake_send(const struct mnl_socket *s, const void *buf, size_t n)
{
	int left = (int)n;

	(void)s;
	for (const struct nlmsghdr *m = buf; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
		const struct xfrm_usersa_id *id = mnl_nlmsg_get_payload(m);
		bool all = (m->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
		if (m->nlmsg_type == XFRM_MSG_GETPOLICY) {
			dump(m, fake_kern.pol, fake_kern.n_pol);
		} else if (m->nlmsg_type == XFRM_MSG_GETSA && all) {
			dump(m, fake_kern.sa, fake_kern.n_sa);
		} else if (m->nlmsg_type == XFRM_MSG_GETSA) {
			const struct fake_stored *x = fake_sa_find(&id->daddr, id->spi, id->proto);
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
	int sock = fd - FAKE_FD;

	(void)flags;
	cr_assert(sock == FAKE_ASK || sock == FAKE_NEWS);
	if (sock == FAKE_NEWS && fake_kern.lost) {
		fake_kern.lost = false;
		errno = ENOBUFS;
		return -1;
	}
	if (fake_kern.head[sock] == fake_kern.tail[sock]) {
		errno = EAGAIN;
		return -1;
	}
	const struct fake_stored *q = &fake_kern.queue[sock][fake_kern.head[sock]++ % FAKE_QUEUE];
	cr_assert(q->n <= n);
	memcpy(buf, q->b, q->n);
	return (ssize_t)q->n;
}
