/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kernel-user/rtnl.h"
#include "plugins/kernel-common/span.h"
#include "plugins/kernel-common/table.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

enum { RTNL_BUF = 32 * 1024, RTNL_PREFIXES = 256, RTNL_PROTO = 98 /* rtm_protocol: tells our routes from others */ };

struct route {
	struct tab_node node; /* must be first */
	uint8_t family, bits;
	uint8_t addr[16];
	uint32_t refs;
};

struct local_addr {
	uint8_t family;
	uint8_t a[16];
};

struct rtnl {
	struct mnl_socket *ask, *news;
	uint32_t seq, table, priority, fwmark;
	unsigned link;
	bool rule[2];   /* v4, v6 */
	struct tab routes;
	struct pool route_pool;
	struct local_addr *addr;
	size_t n_addr;
	bool addr_known;
	_Alignas(struct nlmsghdr) uint8_t buf[RTNL_BUF];
};

static uint8_t af_of(uint8_t family)
{
	return family == NET_V4 ? AF_INET : AF_INET6;
}

/* ---- requests ---- */

static struct nlmsghdr *ask_head(struct rtnl *r, uint8_t *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);

	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | flags;
	m->nlmsg_seq = ++r->seq;
	return m;
}

/* Sends and reads the answer to its end; errno on failure. */
static err_t ask(struct rtnl *r, struct nlmsghdr *m, mnl_cb_t cb, void *arg)
{
	uint32_t seq = m->nlmsg_seq;

	if (mnl_socket_sendto(r->ask, m, m->nlmsg_len) < 0)
		return E_IO;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(r->ask, r->buf, sizeof r->buf);
		if (n < 0)
			return E_IO;
		int v = mnl_cb_run(r->buf, (size_t)n, seq, mnl_socket_get_portid(r->ask), cb, arg);
		if (v < 0 && errno == EPROTO)
			continue; /* rest of an older answer */
		if (v < 0)
			return errno == EPERM ? E_PERM : errno == EEXIST ? E_EXISTS : E_IO;
		if (v == MNL_CB_STOP)
			return 0;
	}
}

err_t rtnl_link_up(struct rtnl *r, const char *name, uint32_t mtu)
{
	_Alignas(struct nlmsghdr) uint8_t buf[512];

	r->link = if_nametoindex(name);
	if (!r->link)
		return E_IO;
	struct nlmsghdr *m = ask_head(r, buf, RTM_NEWLINK, NLM_F_ACK);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(m, sizeof *ifi);
	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = (int)r->link;
	mnl_attr_put_u32(m, IFLA_MTU, mtu);
	/* No link-local address, no router solicitations into the tunnel. Without IPv6 in the kernel this is refused. */
	struct nlattr *spec = mnl_attr_nest_start(m, IFLA_AF_SPEC);
	struct nlattr *v6 = mnl_attr_nest_start(m, AF_INET6);
	mnl_attr_put_u8(m, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(m, v6);
	mnl_attr_nest_end(m, spec);
	bool no_v6 = ask(r, m, NULL, NULL) != 0;

	m = ask_head(r, buf, RTM_NEWLINK, NLM_F_ACK);
	ifi = mnl_nlmsg_put_extra_header(m, sizeof *ifi);
	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = (int)r->link;
	ifi->ifi_flags = IFF_UP;
	ifi->ifi_change = IFF_UP;
	if (no_v6)
		mnl_attr_put_u32(m, IFLA_MTU, mtu);
	return ask(r, m, NULL, NULL);
}

static err_t rule_set(struct rtnl *r, uint8_t family, bool add)
{
	_Alignas(struct nlmsghdr) uint8_t buf[256];
	struct nlmsghdr *m = ask_head(r, buf, add ? RTM_NEWRULE : RTM_DELRULE,
		NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0));
	struct fib_rule_hdr *h = mnl_nlmsg_put_extra_header(m, sizeof *h);

	h->family = af_of(family);
	h->action = FR_ACT_TO_TBL;
	h->table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC;
	h->flags = r->fwmark ? FIB_RULE_INVERT : 0;
	mnl_attr_put_u32(m, FRA_TABLE, r->table);
	mnl_attr_put_u32(m, FRA_PRIORITY, r->priority);
	if (r->fwmark) {
		mnl_attr_put_u32(m, FRA_FWMARK, r->fwmark);
		mnl_attr_put_u32(m, FRA_FWMASK, UINT32_MAX);
	}
	err_t e = ask(r, m, NULL, NULL);
	return e == E_EXISTS ? 0 : e; /* left by one that was killed: ours now */
}

static err_t route_set(struct rtnl *r, const struct route *t, const struct net_addr *src, bool add)
{
	_Alignas(struct nlmsghdr) uint8_t buf[256];
	struct nlmsghdr *m = ask_head(r, buf, add ? RTM_NEWROUTE : RTM_DELROUTE,
		NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_REPLACE : 0));
	struct rtmsg *h = mnl_nlmsg_put_extra_header(m, sizeof *h);

	h->rtm_family = af_of(t->family);
	h->rtm_dst_len = t->bits;
	h->rtm_table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC;
	h->rtm_protocol = RTNL_PROTO;
	h->rtm_scope = t->family == NET_V4 && add ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	if (!add)
		h->rtm_scope = RT_SCOPE_NOWHERE;
	h->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(m, RTA_TABLE, r->table);
	mnl_attr_put(m, RTA_DST, net_addr_len(t->family), t->addr);
	mnl_attr_put_u32(m, RTA_OIF, r->link);
	if (add && src->family == t->family)
		mnl_attr_put(m, RTA_PREFSRC, net_addr_len(src->family), src->a);
	return ask(r, m, NULL, NULL);
}

/* ---- local addresses ---- */

static int on_addr(const struct nlmsghdr *m, void *arg)
{
	struct rtnl *r = arg;
	const struct ifaddrmsg *h = mnl_nlmsg_get_payload(m);
	const struct nlattr *a, *best = NULL;
	uint8_t family = h->ifa_family == AF_INET ? NET_V4 : h->ifa_family == AF_INET6 ? NET_V6 : NET_NONE;

	if (m->nlmsg_type != RTM_NEWADDR || !family)
		return MNL_CB_OK;
	mnl_attr_for_each(a, m, sizeof *h) {
		/* LOCAL is the own end of a point-to-point link, where ADDRESS is the other's. */
		if (mnl_attr_get_type(a) == IFA_LOCAL || (mnl_attr_get_type(a) == IFA_ADDRESS && !best))
			best = a;
	}
	if (!best || mnl_attr_get_payload_len(best) < net_addr_len(family))
		return MNL_CB_OK;
	struct local_addr *v = reallocarray(r->addr, r->n_addr + 1, sizeof *v);
	if (!v)
		return MNL_CB_OK;
	r->addr = v;
	v[r->n_addr] = (struct local_addr){ .family = family };
	memcpy(v[r->n_addr].a, mnl_attr_get_payload(best), net_addr_len(family));
	r->n_addr++;
	return MNL_CB_OK;
}

static void addr_load(struct rtnl *r)
{
	_Alignas(struct nlmsghdr) uint8_t buf[128];
	struct nlmsghdr *m = ask_head(r, buf, RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg *h = mnl_nlmsg_put_extra_header(m, sizeof *h);

	h->ifa_family = AF_UNSPEC;
	r->n_addr = 0;
	r->addr_known = ask(r, m, on_addr, r) == 0;
}

/* So that what the gateway itself sends fits the policy. */
static struct net_addr addr_inside(struct rtnl *r, const struct ts_sel *local)
{
	struct net_addr out = { .family = NET_NONE };
	size_t n = net_addr_len(local->family);

	if (!r->addr_known)
		addr_load(r);
	for (size_t i = 0; i < r->n_addr; i++) {
		const struct local_addr *a = &r->addr[i];
		bool link_local = a->family == NET_V6 && a->a[0] == 0xfe && (a->a[1] & 0xc0) == 0x80;
		if (a->family != local->family || link_local || memcmp(a->a, local->lo, n) < 0 ||
			memcmp(a->a, local->hi, n) > 0)
			continue;
		out.family = a->family;
		memcpy(out.a, a->a, 16);
		break;
	}
	return out;
}

/* ---- routes ---- */

size_t rtnl_prefixes(const struct ts_sel *t, uint8_t (*addr)[16], uint8_t *bits, size_t max)
{
	return span_split(t->lo, t->hi, net_addr_len(t->family), addr, bits, max);
}

static uint32_t route_hash(struct rtnl *r, const struct route *t)
{
	uint8_t key[18] = { t->family, t->bits };

	memcpy(key + 2, t->addr, 16);
	return tab_hash(&r->routes, key, sizeof key);
}

static struct route *route_find(struct rtnl *r, const struct route *t, uint32_t h)
{
	for (struct tab_node *n = tab_first(&r->routes, h); n; n = tab_next(n, h)) {
		struct route *x = (struct route *)n;
		if (x->family == t->family && x->bits == t->bits && memcmp(x->addr, t->addr, 16) == 0)
			return x;
	}
	return NULL;
}

static void route_drop(struct rtnl *r, const struct route *t)
{
	struct route *x = route_find(r, t, route_hash(r, t));

	if (!x || --x->refs)
		return;
	/* It may have gone with an address of its own accord; then there is nothing to do. */
	(void)!route_set(r, x, NULL, false);
	tab_del(&r->routes, &x->node);
	pool_put(&r->route_pool, x);
}

static err_t route_take(struct rtnl *r, const struct route *t, const struct net_addr *src)
{
	uint32_t h = route_hash(r, t);
	struct route *x = route_find(r, t, h);

	if (x) {
		x->refs++;
		return 0;
	}
	x = pool_get(&r->route_pool);
	if (!x)
		return E_NOMEM;
	x->family = t->family;
	x->bits = t->bits;
	memcpy(x->addr, t->addr, 16);
	x->refs = 1;
	err_t e = route_set(r, x, src, true);
	if (e) {
		pool_put(&r->route_pool, x);
		return e;
	}
	tab_add(&r->routes, &x->node, h);
	return 0;
}

static size_t routes_of(const struct ts_sel *t, struct route *v)
{
	uint8_t addr[RTNL_PREFIXES][16], bits[RTNL_PREFIXES];
	size_t n = rtnl_prefixes(t, addr, bits, RTNL_PREFIXES);

	for (size_t i = 0; i < n && i < RTNL_PREFIXES; i++) {
		v[i] = (struct route){ .family = t->family, .bits = bits[i] };
		memcpy(v[i].addr, addr[i], 16);
	}
	return n;
}

err_t rtnl_route_add(struct rtnl *r, const struct ts_sel *remote, const struct ts_sel *local, const struct net_addr *src)
{
	struct route v[RTNL_PREFIXES];
	size_t n = routes_of(remote, v);
	struct net_addr from = src->family ? *src : addr_inside(r, local);
	bool *rule = &r->rule[remote->family == NET_V6];
	err_t e = 0;

	if (n > RTNL_PREFIXES)
		return E_LIMIT;
	if (!*rule) {
		e = rule_set(r, remote->family, true);
		if (e)
			return e;
		*rule = true;
	}
	size_t i = 0;
	for (; i < n && !e; i++)
		e = route_take(r, &v[i], &from);
	if (e)
		for (i--; i-- > 0;)
			route_drop(r, &v[i]);
	return e;
}

void rtnl_route_del(struct rtnl *r, const struct ts_sel *remote)
{
	struct route v[RTNL_PREFIXES];
	size_t n = routes_of(remote, v);

	for (size_t i = 0; i < n && i < RTNL_PREFIXES; i++)
		route_drop(r, &v[i]);
}

/* ---- path MTU ---- */

struct path {
	uint32_t mtu, oif;
};

static int on_route(const struct nlmsghdr *m, void *arg)
{
	struct path *p = arg;
	const struct nlattr *a, *x;

	if (m->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	mnl_attr_for_each(a, m, sizeof(struct rtmsg)) {
		if (mnl_attr_get_type(a) == RTA_OIF)
			p->oif = mnl_attr_get_u32(a);
		if (mnl_attr_get_type(a) == RTA_METRICS)
			mnl_attr_for_each_nested(x, a)
				if (mnl_attr_get_type(x) == RTAX_MTU)
					p->mtu = mnl_attr_get_u32(x);
	}
	return MNL_CB_STOP;
}

static int on_link(const struct nlmsghdr *m, void *arg)
{
	const struct nlattr *a;

	if (m->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	mnl_attr_for_each(a, m, sizeof(struct ifinfomsg))
		if (mnl_attr_get_type(a) == IFLA_MTU)
			*(uint32_t *)arg = mnl_attr_get_u32(a);
	return MNL_CB_STOP;
}

uint32_t rtnl_path_mtu(struct rtnl *r, const struct net_addr *src, const struct net_addr *dst)
{
	_Alignas(struct nlmsghdr) uint8_t buf[256];
	struct path p = { 0 };
	uint32_t dev = 0;
	struct nlmsghdr *m = ask_head(r, buf, RTM_GETROUTE, 0);
	struct rtmsg *h = mnl_nlmsg_put_extra_header(m, sizeof *h);

	h->rtm_family = af_of(dst->family);
	h->rtm_dst_len = (uint8_t)(net_addr_len(dst->family) * 8);
	mnl_attr_put(m, RTA_DST, net_addr_len(dst->family), dst->a);
	if (src->family == dst->family) {
		h->rtm_src_len = h->rtm_dst_len;
		mnl_attr_put(m, RTA_SRC, net_addr_len(src->family), src->a);
	}
	if (r->fwmark)
		mnl_attr_put_u32(m, RTA_MARK, r->fwmark);
	if (ask(r, m, on_route, &p))
		return 0;
	if (p.oif) {
		m = ask_head(r, buf, RTM_GETLINK, 0);
		struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(m, sizeof *ifi);
		ifi->ifi_family = AF_UNSPEC;
		ifi->ifi_index = (int)p.oif;
		if (ask(r, m, on_link, &dev))
			dev = 0;
	}
	if (!p.mtu)
		return dev;
	return dev && dev < p.mtu ? dev : p.mtu;
}

/* ---- news ---- */

int rtnl_fd(const struct rtnl *r)
{
	return mnl_socket_get_fd(r->news);
}

static bool news_ours(const struct rtnl *r, const struct nlmsghdr *m)
{
	const struct nlattr *a;
	uint32_t table = 0;

	if (m->nlmsg_type != RTM_NEWROUTE && m->nlmsg_type != RTM_DELROUTE)
		return false;
	mnl_attr_for_each(a, m, sizeof(struct rtmsg))
		if (mnl_attr_get_type(a) == RTA_TABLE)
			table = mnl_attr_get_u32(a);
	return table == r->table;
}

bool rtnl_changed(struct rtnl *r)
{
	bool changed = false;

	for (int i = 0; i < 64; i++) {
		ssize_t n = recv(rtnl_fd(r), r->buf, sizeof r->buf, MSG_DONTWAIT);
		if (n < 0 && errno == ENOBUFS)
			changed = true; /* news were lost: there were many */
		else if (n <= 0)
			break;
		int left = n > 0 ? (int)n : 0;
		for (const struct nlmsghdr *m = (void *)r->buf; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
			changed |= !news_ours(r, m);
	}
	if (changed)
		r->addr_known = false;
	return changed;
}

/* ---- start and stop ---- */

err_t rtnl_open(struct rtnl **out, uint32_t table, uint32_t rule_priority, uint32_t fwmark, const uint64_t seed[2])
{
	struct rtnl *r = calloc(1, sizeof *r);

	if (!r)
		return E_NOMEM;
	r->table = table;
	r->priority = rule_priority;
	r->fwmark = fwmark;
	pool_init(&r->route_pool, sizeof(struct route));
	r->ask = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	r->news = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!tab_init(&r->routes, seed) || !r->ask || !r->news || mnl_socket_bind(r->ask, 0, MNL_SOCKET_AUTOPID) < 0 ||
		mnl_socket_bind(r->news, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
		MNL_SOCKET_AUTOPID) < 0) {
		rtnl_close(r);
		return E_IO;
	}
	*out = r;
	return 0;
}

void rtnl_close(struct rtnl *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; r->routes.bucket && i <= r->routes.mask; i++)
		for (struct tab_node *n = r->routes.bucket[i]; n; n = n->next)
			(void)!route_set(r, (struct route *)n, NULL, false);
	for (int i = 0; i < 2; i++)
		if (r->rule[i])
			(void)!rule_set(r, i ? NET_V6 : NET_V4, false);
	if (r->ask)
		mnl_socket_close(r->ask);
	if (r->news)
		mnl_socket_close(r->news);
	tab_fini(&r->routes);
	pool_fini(&r->route_pool);
	free(r->addr);
	free(r);
}
