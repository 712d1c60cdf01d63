/* SPDX-License-Identifier: Apache-2.0 */
/* Looking: addresses, links, the way to a peer, and news about changes. */
#include "plugins/kernel-net/net.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <sys/socket.h>

/* ---- the way to an address ---- */

struct path_look {
	struct knet_path *out;
	uint32_t oif, mtu;
};

static void addr_of(struct net_addr *out, uint8_t af, const struct nlattr *a)
{
	uint8_t family = af == AF_INET ? NET_V4 : NET_V6;

	if (mnl_attr_get_payload_len(a) < net_addr_len(family))
		return;
	*out = (struct net_addr){ .family = family };
	memcpy(out->a, mnl_attr_get_payload(a), net_addr_len(family));
}

static int on_path(const struct nlmsghdr *m, void *arg)
{
	struct path_look *p = arg;
	const struct rtmsg *h = mnl_nlmsg_get_payload(m);
	const struct nlattr *a, *x;

	if (m->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	mnl_attr_for_each(a, m, sizeof *h)
		switch (mnl_attr_get_type(a)) {
		case RTA_OIF:
			p->oif = mnl_attr_get_u32(a);
			break;
		case RTA_GATEWAY:
			addr_of(&p->out->gateway, h->rtm_family, a);
			break;
		case RTA_PREFSRC:
			addr_of(&p->out->source, h->rtm_family, a);
			break;
		case RTA_METRICS:
			mnl_attr_for_each_nested(x, a)
				if (mnl_attr_get_type(x) == RTAX_MTU)
					p->mtu = mnl_attr_get_u32(x);
			break;
		}
	return MNL_CB_STOP;
}

err_t look_path(struct net *k, const struct net_addr *src, const struct net_addr *dst, struct knet_path *out)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MSG];
	struct path_look p = { .out = out };
	struct link_facts l;

	*out = (struct knet_path){ .mtu = 0 };
	struct nlmsghdr *m = nl_head(&k->nl, buf, RTM_GETROUTE, 0);
	struct rtmsg *h = mnl_nlmsg_put_extra_header(m, sizeof *h);
	h->rtm_family = nl_af(dst->family);
	h->rtm_dst_len = (uint8_t)(net_addr_len(dst->family) * 8);
	mnl_attr_put(m, RTA_DST, net_addr_len(dst->family), dst->a);
	if (src->family == dst->family) {
		h->rtm_src_len = h->rtm_dst_len;
		mnl_attr_put(m, RTA_SRC, net_addr_len(src->family), src->a);
	}
	if (dst->scope)
		mnl_attr_put_u32(m, RTA_OIF, dst->scope);
	/* The rule for our own table does not look at what has the daemon's mark. */
	if (k->fwmark)
		mnl_attr_put_u32(m, RTA_MARK, k->fwmark);
	if (nl_ask(&k->nl, m, on_path, &p) || !p.oif || look_link(k, NULL, p.oif, &l))
		return E_NOT_FOUND;
	out->mtu = p.mtu && p.mtu < l.mtu ? p.mtu : l.mtu;
	memcpy(out->dev, l.name, sizeof out->dev);
	if (!out->source.family && src->family == dst->family)
		out->source = *src;
	return 0;
}

/* ---- addresses ---- */

struct addr_look {
	const struct ts_sel *range; /* NULL: of the device `index` */
	uint32_t index;
	struct knet_addr *v;
	uint32_t first_index;
	size_t n, max;
};

static int on_addr(const struct nlmsghdr *m, void *arg)
{
	struct addr_look *l = arg;
	const struct ifaddrmsg *h = mnl_nlmsg_get_payload(m);
	const struct nlattr *a, *best = NULL;
	struct net_addr addr = { .family = NET_NONE };

	if (m->nlmsg_type != RTM_NEWADDR || (h->ifa_family != AF_INET && h->ifa_family != AF_INET6))
		return MNL_CB_OK;
	mnl_attr_for_each(a, m, sizeof *h)
		/* LOCAL is the own end of a point-to-point link, where ADDRESS is the other's. */
		if (mnl_attr_get_type(a) == IFA_LOCAL || (mnl_attr_get_type(a) == IFA_ADDRESS && !best))
			best = a;
	if (best)
		addr_of(&addr, h->ifa_family, best);
	size_t len = net_addr_len(addr.family);
	bool link_local = addr.family == NET_V6 && addr.a[0] == 0xfe && (addr.a[1] & 0xc0) == 0x80;
	if (!addr.family || link_local || l->n == l->max || (!l->range && h->ifa_index != l->index))
		return MNL_CB_OK;
	if (l->range && (addr.family != l->range->family || memcmp(addr.a, l->range->lo, len) < 0 ||
				memcmp(addr.a, l->range->hi, len) > 0))
		return MNL_CB_OK;
	if (!l->n)
		l->first_index = h->ifa_index;
	l->v[l->n++] = (struct knet_addr){ .addr = addr, .bits = h->ifa_prefixlen };
	return MNL_CB_OK;
}

static void addrs_dump(struct net *k, struct addr_look *l)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MSG];
	struct nlmsghdr *m = nl_head(&k->nl, buf, RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg *h = mnl_nlmsg_put_extra_header(m, sizeof *h);

	h->ifa_family = l->range ? nl_af(l->range->family) : AF_UNSPEC;
	(void)nl_ask(&k->nl, m, on_addr, l);
}

err_t look_local(struct net *k, const struct ts_sel *range, struct net_addr *out, char dev[16])
{
	struct knet_addr one;
	struct addr_look l = { .range = range, .v = &one, .max = 1 };
	struct link_facts f;

	addrs_dump(k, &l);
	if (!l.n)
		return E_NOT_FOUND;
	*out = one.addr;
	if (dev) {
		int err = look_link(k, NULL, l.first_index, &f);
		if (err)
			return E_NOT_FOUND;
		memcpy(dev, f.name, 16);
	}
	return 0;
}

size_t look_addrs(struct net *k, uint32_t index, struct knet_addr *v, size_t max)
{
	struct addr_look l = { .index = index, .v = v, .max = max };

	addrs_dump(k, &l);
	return l.n;
}

/* ---- links ---- */

static void text_of_attr(char *out, size_t cap, const struct nlattr *a)
{
	size_t n = mnl_attr_get_payload_len(a);

	n = n < cap ? n : cap - 1;
	memcpy(out, mnl_attr_get_payload(a), n);
	out[n] = 0;
}

static uint32_t be32_of(const struct nlattr *a)
{
	return be32toh(mnl_attr_get_u32(a));
}

static void bytes_of(uint8_t out[16], const struct nlattr *a)
{
	size_t n = mnl_attr_get_payload_len(a);

	memcpy(out, mnl_attr_get_payload(a), n < 16 ? n : 16);
}

static void link_data(struct link_facts *f, const struct nlattr *data)
{
	const struct nlattr *a;
	bool gre = strstr(f->kind, "gre") != NULL, vti = strncmp(f->kind, "vti", 3) == 0;

	mnl_attr_for_each_nested(a, data) {
		uint16_t t = mnl_attr_get_type(a);
		if (strcmp(f->kind, "xfrm") == 0 && t == IFLA_XFRM_IF_ID)
			f->if_id = mnl_attr_get_u32(a);
		else if (strcmp(f->kind, "xfrm") == 0 && t == IFLA_XFRM_LINK)
			f->link = mnl_attr_get_u32(a);
		else if (strcmp(f->kind, "vrf") == 0 && t == IFLA_VRF_TABLE)
			f->vrf_table = mnl_attr_get_u32(a);
		else if ((gre && t == IFLA_GRE_IKEY) || (vti && t == IFLA_VTI_IKEY))
			f->key_in = be32_of(a);
		else if ((gre && t == IFLA_GRE_OKEY) || (vti && t == IFLA_VTI_OKEY))
			f->key_out = be32_of(a);
		else if ((gre && t == IFLA_GRE_LOCAL) || (vti && t == IFLA_VTI_LOCAL))
			bytes_of(f->local, a);
		else if ((gre && t == IFLA_GRE_REMOTE) || (vti && t == IFLA_VTI_REMOTE))
			bytes_of(f->remote, a);
	}
}

static bool link_of(const struct nlmsghdr *m, struct link_facts *f)
{
	const struct ifinfomsg *h = mnl_nlmsg_get_payload(m);
	const struct nlattr *a, *x, *data = NULL;

	if (m->nlmsg_type != RTM_NEWLINK)
		return false;
	*f = (struct link_facts){ .index = (uint32_t)h->ifi_index };
	mnl_attr_for_each(a, m, sizeof *h)
		switch (mnl_attr_get_type(a)) {
		case IFLA_IFNAME:
			text_of_attr(f->name, sizeof f->name, a);
			break;
		case IFLA_IFALIAS:
			text_of_attr(f->alias, sizeof f->alias, a);
			break;
		case IFLA_MTU:
			f->mtu = mnl_attr_get_u32(a);
			break;
		case IFLA_MASTER:
			f->master = mnl_attr_get_u32(a);
			break;
		case IFLA_LINKINFO:
			mnl_attr_for_each_nested(x, a) {
				if (mnl_attr_get_type(x) == IFLA_INFO_KIND)
					text_of_attr(f->kind, sizeof f->kind, x);
				else if (mnl_attr_get_type(x) == IFLA_INFO_DATA)
					data = x;
			}
			break;
		}
	if (data)
		link_data(f, data);
	return true;
}

static int on_link(const struct nlmsghdr *m, void *arg)
{
	return link_of(m, arg) ? MNL_CB_STOP : MNL_CB_OK;
}

int look_link_in(struct net *k, int nsid, const char *name, uint32_t index, struct link_facts *out)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MSG];
	struct nlmsghdr *m = nl_head(&k->nl, buf, RTM_GETLINK, 0);
	struct ifinfomsg *h = mnl_nlmsg_put_extra_header(m, sizeof *h);

	h->ifi_family = AF_UNSPEC;
	h->ifi_index = (int)index;
	if (name)
		mnl_attr_put_strz(m, IFLA_IFNAME, name);
	if (nsid >= 0)
		mnl_attr_put_u32(m, IFLA_TARGET_NETNSID, (uint32_t)nsid);
	return nl_ask(&k->nl, m, on_link, out);
}

struct links_look {
	void (*cb)(void *arg, const struct link_facts *f);
	void *arg;
	unsigned n;
};

static int on_each_link(const struct nlmsghdr *m, void *arg)
{
	struct links_look *l = arg;
	struct link_facts f;

	if (link_of(m, &f) && l->n++ < LINKS_MAX)
		l->cb(l->arg, &f);
	return MNL_CB_OK;
}

void look_links(struct net *k, void (*cb)(void *arg, const struct link_facts *f), void *arg)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MSG];
	struct links_look l = { cb, arg, 0 };
	struct nlmsghdr *m = nl_head(&k->nl, buf, RTM_GETLINK, NLM_F_DUMP);
	struct ifinfomsg *h = mnl_nlmsg_put_extra_header(m, sizeof *h);

	h->ifi_family = AF_UNSPEC;
	(void)nl_ask(&k->nl, m, on_each_link, &l);
}

/* ---- news ---- */

/* What we do ourselves is no news: routes of our protocol, links with our alias. */
static bool ours(const struct nlmsghdr *m)
{
	struct link_facts f;

	if (m->nlmsg_type == RTM_NEWROUTE || m->nlmsg_type == RTM_DELROUTE)
		return ((const struct rtmsg *)mnl_nlmsg_get_payload(m))->rtm_protocol == OUR_PROTO;
	if (m->nlmsg_type == RTM_NEWADDR || m->nlmsg_type == RTM_DELADDR) {
		const struct nlattr *a;
		mnl_attr_for_each(a, m, sizeof(struct ifaddrmsg))
			if (mnl_attr_get_type(a) == IFA_PROTO)
				return mnl_attr_get_u8(a) == OUR_PROTO;
		return false;
	}
	return link_of(m, &f) && strncmp(f.alias, OUR_ALIAS, strlen(OUR_ALIAS)) == 0;
}

static void on_news(void *arg, int fd, int events)
{
	_Alignas(struct nlmsghdr) static uint8_t buf[NL_BUF];
	struct net *k = arg;
	bool changed = false;

	(void)events;
	for (int i = 0; i < 64; i++) {
		ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
		if (n < 0 && errno == ENOBUFS) {
			changed = true; /* news were lost: there were many */
			k->host->count(k->host->h, "news_lost", 1);
			continue;
		}
		if (n <= 0)
			break;
		int left = (int)n;
		for (const struct nlmsghdr *m = (const void *)buf; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
			changed |= !ours(m);
	}
	k->follow |= changed;
	if (changed)
		k->host->kern_event(k->host->h, &(struct kern_event){ .type = KERN_EV_LINK });
}

err_t news_open(struct net *k)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV6_ROUTE };

	k->news = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!k->news || mnl_socket_bind(k->news, 0, MNL_SOCKET_AUTOPID) < 0)
		return E_IO;
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		int g = groups[i];
		if (mnl_socket_setsockopt(k->news, NETLINK_ADD_MEMBERSHIP, &g, sizeof g) < 0)
			return E_IO;
	}
	k->watch = k->host->watch(k->host->h, mnl_socket_get_fd(k->news), 1, on_news, k);
	return k->watch ? 0 : E_NOMEM;
}

void news_close(struct net *k)
{
	if (k->watch)
		k->host->unwatch(k->host->h, k->watch);
	if (k->news)
		mnl_socket_close(k->news);
	k->watch = NULL;
	k->news = NULL;
}
