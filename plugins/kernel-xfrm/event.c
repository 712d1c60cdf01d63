/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells by itself: acquires, lifetimes, new NAT mappings; and the look around when news were lost. */
#include "plugins/kernel-xfrm/xfrm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

enum { ROUNDS = 64, LOOK_MAX = 4096 };

static void tell(struct xfrm *k, const struct kern_event *ev)
{
	k->host->kern_event(k->host->h, ev);
}

/* ---- acquire ---- */

static struct ts_sel packet_end(const struct xfrm_selector *sel, bool src)
{
	struct ts_sel t = { .family = sel->family == AF_INET6 ? NET_V6 : NET_V4, .proto = sel->proto };
	const xfrm_address_t *a = src ? &sel->saddr : &sel->daddr;
	uint16_t port = ntohs(src ? sel->sport : sel->dport);

	memcpy(t.lo, a, net_addr_len(t.family));
	memcpy(t.hi, a, net_addr_len(t.family));
	if (sel->proto == IPPROTO_ICMP || sel->proto == IPPROTO_ICMPV6)
		port = (uint16_t)(ntohs(sel->sport) << 8 | (ntohs(sel->dport) & 0xff));
	t.port_lo = t.port_hi = port;
	if (!(src ? sel->sport_mask : sel->dport_mask) && !port) {
		t.port_lo = 0;
		t.port_hi = UINT16_MAX;
	}
	return t;
}

static const struct xuse *trap_of(const struct xname *x)
{
	const struct xuse *u = x ? x->top : NULL;

	while (u && u->action != KERN_TRAP)
		u = u->next;
	return u;
}

static struct kern_event acquire_of(const struct xuse *u, const struct xfrm_selector *sel)
{
	return (struct kern_event){ .type = KERN_EV_ACQUIRE, .dir = KERN_OUT, .proto = u->proto, .cookie = u->cookie,
		.local = packet_end(sel, true), .remote = packet_end(sel, false) };
}

static void on_acquire(struct xfrm *k, const struct nlmsghdr *m)
{
	const struct xfrm_user_acquire *a = mnl_nlmsg_get_payload(m);

	if (mnl_nlmsg_get_payload_len(m) < sizeof *a || a->policy.index >> 24 != k->owner)
		return;
	const struct xuse *u = trap_of(policy_by_index(k, a->policy.index));
	if (!u)
		return;
	struct kern_event ev = acquire_of(u, &a->sel);
	k->host->count(k->host->h, "acquires", 1);
	tell(k, &ev);
}

/* ---- lifetimes, mappings ---- */

static void expired(struct xfrm *k, struct xsa *s, bool hard)
{
	struct kern_event ev = { .type = hard ? KERN_EV_EXPIRE_HARD : KERN_EV_EXPIRE_SOFT, .dir = s->dir, .proto = s->proto,
		.spi = s->spi, .cookie = s->cookie };

	if (hard) {
		nl_clear(&k->nl);
		sa_del_msg(k, s, 0); /* an IPComp SA of its does not expire by volume */
		(void)nl_flush(&k->nl);
		sa_forget(k, s);
	}
	k->host->count(k->host->h, hard ? "expired_hard" : "expired_soft", 1);
	tell(k, &ev);
}

static void on_expire(struct xfrm *k, const struct nlmsghdr *m)
{
	const struct xfrm_user_expire *e = mnl_nlmsg_get_payload(m);

	if (mnl_nlmsg_get_payload_len(m) < sizeof *e || e->state.seq >> 24 != k->owner)
		return;
	struct xsa *s = sa_of_event(k, e->state.id.spi, &e->state.id.daddr, e->state.family);
	if (s && s->proto == e->state.id.proto)
		expired(k, s, e->hard);
}

static void on_mapping(struct xfrm *k, const struct nlmsghdr *m)
{
	const struct xfrm_user_mapping *e = mnl_nlmsg_get_payload(m);

	if (mnl_nlmsg_get_payload_len(m) < sizeof *e)
		return;
	struct xsa *s = sa_of_event(k, e->id.spi, &e->id.daddr, e->id.family);
	if (!s || s->dir != KERN_IN)
		return;
	struct kern_event ev = { .type = KERN_EV_MAPPING, .dir = s->dir, .proto = s->proto, .spi = s->spi,
		.cookie = s->cookie, .peer = xfrm_net_addr(&e->new_saddr, e->id.family) };
	ev.peer.port = ntohs(e->new_sport);
	k->host->count(k->host->h, "mappings", 1);
	tell(k, &ev);
}

/* ---- what others do ---- */

static void addr_text(const xfrm_address_t *a, uint16_t family, char *buf)
{
	if (!inet_ntop(family, a, buf, INET6_ADDRSTRLEN))
		buf[0] = 0;
}

/* A packet the kernel rejected for its headers (Mobile IPv6): seldom, and never ours to answer. */
static void on_report(struct xfrm *k, const struct nlmsghdr *m)
{
	const struct xfrm_user_report *r = mnl_nlmsg_get_payload(m);
	char s[INET6_ADDRSTRLEN], d[INET6_ADDRSTRLEN];
	uint32_t now_s = xfrm_now_s(k);

	if (mnl_nlmsg_get_payload_len(m) < sizeof *r)
		return;
	k->host->count(k->host->h, "reports", 1);
	if (k->report_s == now_s)
		return;
	k->report_s = now_s;
	addr_text(&r->sel.saddr, r->sel.family, s);
	addr_text(&r->sel.daddr, r->sel.family, d);
	xfrm_log(k, 1, "the kernel reports a packet of protocol %u from %s to %s with headers (%u) it does not accept", r->sel.proto, s,
		d, r->proto);
}

static bool uses_reqid(const struct xfrm *k, uint32_t reqid)
{
	for (uint32_t b = 0; b <= k->sa.mask; b++)
		for (const struct tab_node *n = k->sa.bucket[b]; n; n = n->next)
			if (((const struct xsa *)n)->reqid == reqid)
				return true;
	return false;
}

/* We move our SAs one by one ourselves; when another program moves those of a request id of ours, that is said. */
static void on_migrate(struct xfrm *k, const struct nlmsghdr *m)
{
	const struct nlattr *a;
	char s[INET6_ADDRSTRLEN], d[INET6_ADDRSTRLEN];

	if (mnl_nlmsg_get_payload_len(m) < sizeof(struct xfrm_userpolicy_id))
		return;
	mnl_attr_for_each(a, m, sizeof(struct xfrm_userpolicy_id)) {
		const struct xfrm_user_migrate *g = mnl_attr_get_payload(a);
		if (mnl_attr_get_type(a) != XFRMA_MIGRATE || mnl_attr_get_payload_len(a) < sizeof *g || !uses_reqid(k, g->reqid))
			continue;
		addr_text(&g->new_saddr, g->new_family, s);
		addr_text(&g->new_daddr, g->new_family, d);
		k->host->count(k->host->h, "migrated_by_others", 1);
		xfrm_log(k, 0, "another program has moved the SAs with our request id %u to %s and %s: bring their tunnel up anew, or let "
			"MOBIKE move it", g->reqid, s, d);
	}
}

/* ---- looking around ---- */

struct look {
	struct xfrm *k;
	struct tab_node **seen; /* SAs that stand */
	size_t n_seen;
	struct kern_event *ev;
	size_t n_ev;
};

static void look_trap(struct look *l, const struct xfrm_usersa_info *i)
{
	struct tab *t = &l->k->name;

	for (uint32_t b = 0; b <= t->mask; b++)
		for (struct tab_node *n = t->bucket[b]; n; n = n->next) {
			const struct xuse *u = trap_of((struct xname *)n);
			if (u && u->reqid == i->reqid && l->n_ev < LOOK_MAX) {
				l->ev[l->n_ev++] = acquire_of(u, &i->sel);
				return;
			}
		}
}

static int on_look(const struct nlmsghdr *m, void *arg)
{
	struct look *l = arg;
	const struct xfrm_usersa_info *i = mnl_nlmsg_get_payload(m);

	if (m->nlmsg_type != XFRM_MSG_NEWSA || mnl_nlmsg_get_payload_len(m) < sizeof *i)
		return MNL_CB_OK;
	if (!i->id.spi) {
		look_trap(l, i);
		return MNL_CB_OK;
	}
	struct xsa *s = i->seq >> 24 == l->k->owner ? sa_of_event(l->k, i->id.spi, &i->id.daddr, i->family) : NULL;
	if (!s || s->proto != i->id.proto || l->n_seen >= l->k->sa.n)
		return MNL_CB_OK;
	l->seen[l->n_seen++] = &s->node;
	if ((i->curlft.bytes >= i->lft.soft_byte_limit || i->curlft.packets >= i->lft.soft_packet_limit) &&
		l->n_ev < LOOK_MAX)
		l->ev[l->n_ev++] = (struct kern_event){ .type = KERN_EV_EXPIRE_SOFT, .dir = s->dir, .proto = s->proto,
			.spi = s->spi, .cookie = s->cookie };
	return MNL_CB_OK;
}

static int by_pointer(const void *a, const void *b)
{
	const struct tab_node *x = *(struct tab_node *const *)a, *y = *(struct tab_node *const *)b;

	return x < y ? -1 : x > y;
}

/* News were lost: what they would have told is found in the kernel's tables. Telling one twice does no harm. */
static void look_around(struct xfrm *k)
{
	_Alignas(struct nlmsghdr) uint8_t buf[256];
	struct look l = { .k = k };

	k->host->count(k->host->h, "news_lost", 1);
	xfrm_log(k, 1, "events of the kernel were lost (its buffer was full): looking at all SAs");
	l.seen = calloc((size_t)k->sa.n + 1, sizeof *l.seen);
	l.ev = calloc(2 * LOOK_MAX, sizeof *l.ev);
	struct nlmsghdr *m = nl_ask_head(&k->nl, buf, XFRM_MSG_GETSA, NLM_F_DUMP);
	if (!l.seen || !l.ev || nl_ask(&k->nl, m, on_look, &l))
		goto out;
	qsort(l.seen, l.n_seen, sizeof *l.seen, by_pointer);
	for (uint32_t b = 0; b <= k->sa.mask; b++)
		for (struct tab_node *n = k->sa.bucket[b], *next; n; n = next) {
			next = n->next;
			struct xsa *s = (struct xsa *)n;
			if (bsearch(&n, l.seen, l.n_seen, sizeof n, by_pointer) || l.n_ev >= 2 * LOOK_MAX)
				continue;
			l.ev[l.n_ev++] = (struct kern_event){ .type = KERN_EV_EXPIRE_HARD, .dir = s->dir, .proto = s->proto,
				.spi = s->spi, .cookie = s->cookie };
			sa_forget(k, s);
		}
	for (size_t i = 0; i < l.n_ev; i++)
		tell(k, &l.ev[i]);
out:
	free(l.seen);
	free(l.ev);
}

/* ---- the socket ---- */

static void on_news(void *arg, int fd, int events)
{
	struct xfrm *k = arg;
	_Alignas(struct nlmsghdr) uint8_t buf[16 * 1024];

	(void)events;
	for (int i = 0; i < ROUNDS; i++) {
		ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
		if (n < 0 && errno == ENOBUFS) {
			look_around(k);
			continue;
		}
		if (n <= 0)
			return;
		int left = (int)n;
		for (const struct nlmsghdr *m = (void *)buf; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			if (m->nlmsg_type == XFRM_MSG_ACQUIRE)
				on_acquire(k, m);
			else if (m->nlmsg_type == XFRM_MSG_EXPIRE)
				on_expire(k, m);
			else if (m->nlmsg_type == XFRM_MSG_MAPPING)
				on_mapping(k, m);
			else if (m->nlmsg_type == XFRM_MSG_REPORT)
				on_report(k, m);
			else if (m->nlmsg_type == XFRM_MSG_MIGRATE)
				on_migrate(k, m);
		}
	}
}

err_t event_open(struct xfrm *k, uint32_t buffer_bytes)
{
	static const int groups[] = { XFRMNLGRP_ACQUIRE, XFRMNLGRP_EXPIRE, XFRMNLGRP_MAPPING, XFRMNLGRP_REPORT,
		XFRMNLGRP_MIGRATE };
	int bytes = (int)buffer_bytes;

	k->news = mnl_socket_open2(NETLINK_XFRM, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!k->news || mnl_socket_bind(k->news, 0, MNL_SOCKET_AUTOPID) < 0)
		return E_IO;
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		if (mnl_socket_setsockopt(k->news, NETLINK_ADD_MEMBERSHIP, (void *)&groups[i], sizeof groups[i]) < 0)
			return errno == EPERM ? E_PERM : E_IO;
	int fd = mnl_socket_get_fd(k->news);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes))
		(void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	k->watch = k->host->watch(k->host->h, fd, 1, on_news, k);
	return k->watch ? 0 : E_NOMEM;
}

void event_close(struct xfrm *k)
{
	if (k->watch)
		k->host->unwatch(k->host->h, k->watch);
	if (k->news)
		mnl_socket_close(k->news);
	k->watch = NULL;
	k->news = NULL;
}
