/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual interfaces: XFRM, VTI, GRE. Made, taken over, brought to the state that is asked for, removed. */
#include "plugins/kernel-net/net.h"

#include <net/if.h> /* before those of linux */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/ip6_tunnel.h>
#include <linux/net_namespace.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { GRE_TTL = 64, ADDRS = 64 };

static const char *kind_of(const struct knet_vif *v)
{
	bool v6 = v->local.family == NET_V6 || v->remote.family == NET_V6;

	switch (v->kind) {
	case KNET_XFRM:
		return "xfrm";
	case KNET_VTI:
		return v6 ? "vti6" : "vti";
	default:
		return v6 ? "ip6gre" : "gre";
	}
}

/* The kernel's module for it. */
static const char *module_of(const struct knet_vif *v)
{
	bool v6 = v->local.family == NET_V6 || v->remote.family == NET_V6;

	return v->kind == KNET_XFRM ? "xfrm_interface" : v->kind == KNET_VTI ? (v6 ? "ip6_vti" : "ip_vti") :
		v6 ? "ip6_gre" : "ip_gre";
}

static struct vif *vif_find(struct net *k, const char *name)
{
	for (struct vif *v = k->vifs; v; v = v->next)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

static struct vif *vif_new(struct net *k, const char *name)
{
	struct vif *v = calloc(1, sizeof *v);

	if (!v)
		return NULL;
	snprintf(v->name, sizeof v->name, "%s", name);
	v->next = k->vifs;
	k->vifs = v;
	return v;
}

static void vif_free(struct net *k, struct vif *v)
{
	struct vif **at = &k->vifs;

	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	free(v);
}

/* ---- namespaces ---- */

static int on_nsid(const struct nlmsghdr *m, void *arg)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, m, sizeof(struct rtgenmsg))
		if (mnl_attr_get_type(a) == NETNSA_NSID)
			*(int *)arg = (int)mnl_attr_get_u32(a);
	return MNL_CB_STOP;
}

/* Its number here, for requests about devices in it; -1: none, errno. */
static int nsid_of(struct net *k, int fd)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MSG];
	int id = -1;

	for (int i = 0; i < 2 && id < 0; i++) {
		struct nlmsghdr *m = nl_head(&k->nl, buf, i ? RTM_NEWNSID : RTM_GETNSID, i ? NLM_F_ACK : 0);
		mnl_nlmsg_put_extra_header(m, sizeof(struct rtgenmsg));
		mnl_attr_put_u32(m, NETNSA_FD, (uint32_t)fd);
		if (i)
			mnl_attr_put_u32(m, NETNSA_NSID, UINT32_MAX); /* any that is free */
		(void)nl_ask(&k->nl, m, i ? NULL : on_nsid, &id);
		if (i) {
			m = nl_head(&k->nl, buf, RTM_GETNSID, 0);
			mnl_nlmsg_put_extra_header(m, sizeof(struct rtgenmsg));
			mnl_attr_put_u32(m, NETNSA_FD, (uint32_t)fd);
			(void)nl_ask(&k->nl, m, on_nsid, &id);
		}
	}
	return id;
}

static int netns_open(const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "/run/netns/%.64s", name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* ---- messages ---- */

static void put_addr(struct nlmsghdr *m, uint16_t type, const struct net_addr *a)
{
	if (a->family)
		mnl_attr_put(m, type, net_addr_len(a->family), a->a);
}

static void put_gre(struct nlmsghdr *m, const struct knet_vif *v, uint32_t link, bool v6)
{
	put_addr(m, IFLA_GRE_LOCAL, &v->local);
	put_addr(m, IFLA_GRE_REMOTE, &v->remote);
	mnl_attr_put_u16(m, IFLA_GRE_IFLAGS, v->key_in ? GRE_KEY : 0);
	mnl_attr_put_u16(m, IFLA_GRE_OFLAGS, v->key_out ? GRE_KEY : 0);
	mnl_attr_put_u32(m, IFLA_GRE_IKEY, htobe32(v->key_in));
	mnl_attr_put_u32(m, IFLA_GRE_OKEY, htobe32(v->key_out));
	mnl_attr_put_u8(m, IFLA_GRE_TTL, GRE_TTL);
	if (link)
		mnl_attr_put_u32(m, IFLA_GRE_LINK, link);
	if (v6) {
		/* No destination option of 8 bytes in each packet. */
		mnl_attr_put_u8(m, IFLA_GRE_ENCAP_LIMIT, 0);
		mnl_attr_put_u32(m, IFLA_GRE_FLAGS, IP6_TNL_F_IGN_ENCAP_LIMIT);
	}
}

static void put_vti(struct nlmsghdr *m, const struct knet_vif *v, uint32_t link)
{
	put_addr(m, IFLA_VTI_LOCAL, &v->local);
	put_addr(m, IFLA_VTI_REMOTE, &v->remote);
	mnl_attr_put_u32(m, IFLA_VTI_IKEY, htobe32(v->key_in));
	mnl_attr_put_u32(m, IFLA_VTI_OKEY, htobe32(v->key_out));
	if (link)
		mnl_attr_put_u32(m, IFLA_VTI_LINK, link);
}

static int link_make(struct net *k, const struct knet_vif *v, uint32_t index, uint32_t link)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MSG];
	const char *kind = kind_of(v);
	struct nlmsghdr *m = nl_head(&k->nl, buf, RTM_NEWLINK, NLM_F_ACK | (index ? 0 : NLM_F_CREATE | NLM_F_EXCL));
	struct ifinfomsg *h = mnl_nlmsg_put_extra_header(m, sizeof *h);

	h->ifi_family = AF_UNSPEC;
	h->ifi_index = (int)index;
	if (!index)
		mnl_attr_put_strz(m, IFLA_IFNAME, v->name);
	struct nlattr *info = mnl_attr_nest_start(m, IFLA_LINKINFO);
	mnl_attr_put_str(m, IFLA_INFO_KIND, kind);
	struct nlattr *data = mnl_attr_nest_start(m, IFLA_INFO_DATA);
	if (v->kind == KNET_XFRM) {
		mnl_attr_put_u32(m, IFLA_XFRM_IF_ID, v->if_id);
		if (link)
			mnl_attr_put_u32(m, IFLA_XFRM_LINK, link);
	} else if (v->kind == KNET_VTI) {
		put_vti(m, v, link);
	} else {
		put_gre(m, v, link, strcmp(kind, "ip6gre") == 0);
	}
	mnl_attr_nest_end(m, data);
	mnl_attr_nest_end(m, info);
	return nl_ask(&k->nl, m, NULL, NULL);
}

static int link_del(struct net *k, int nsid, const char *name)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MSG];
	struct nlmsghdr *m = nl_head(&k->nl, buf, RTM_DELLINK, NLM_F_ACK);
	struct ifinfomsg *h = mnl_nlmsg_put_extra_header(m, sizeof *h);

	h->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(m, IFLA_IFNAME, name);
	if (nsid >= 0)
		mnl_attr_put_u32(m, IFLA_TARGET_NETNSID, (uint32_t)nsid);
	return nl_ask(&k->nl, m, NULL, NULL);
}

/* master UINT32_MAX: as it is. ns_fd -1: stays here. */
static int link_set(struct net *k, uint32_t index, const char *alias, uint32_t mtu, uint32_t master, int ns_fd, bool up)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MSG];
	struct nlmsghdr *m = nl_head(&k->nl, buf, RTM_NEWLINK, NLM_F_ACK);
	struct ifinfomsg *h = mnl_nlmsg_put_extra_header(m, sizeof *h);

	h->ifi_family = AF_UNSPEC;
	h->ifi_index = (int)index;
	if (up)
		h->ifi_flags = h->ifi_change = IFF_UP;
	if (ns_fd >= 0)
		mnl_attr_put_u32(m, IFLA_NET_NS_FD, (uint32_t)ns_fd);
	if (alias)
		mnl_attr_put_strz(m, IFLA_IFALIAS, alias);
	if (mtu)
		mnl_attr_put_u32(m, IFLA_MTU, mtu);
	if (master != UINT32_MAX)
		mnl_attr_put_u32(m, IFLA_MASTER, master);
	return nl_ask(&k->nl, m, NULL, NULL);
}

/* ---- one interface ---- */

static bool same_bytes(const uint8_t have[16], const struct net_addr *want)
{
	return memcmp(have, want->a, 16) == 0;
}

static bool fits(const struct link_facts *f, const struct knet_vif *v, uint32_t link)
{
	if (strcmp(f->kind, kind_of(v)) != 0)
		return false;
	if (v->kind == KNET_XFRM)
		return f->if_id == v->if_id && (!link || f->link == link);
	return f->key_in == v->key_in && f->key_out == v->key_out && same_bytes(f->local, &v->local) &&
		same_bytes(f->remote, &v->remote);
}

static bool alias_is_ours(const struct link_facts *f)
{
	return strncmp(f->alias, OUR_ALIAS, strlen(OUR_ALIAS)) == 0;
}

static bool is_loopback(const struct net_addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == NET_V4 ? a->a[0] == 127 : memcmp(a->a, one, 16) == 0;
}

/* Those of another interface, as host addresses; returns how many there are now. */
static size_t borrow(struct net *k, const char *name, struct knet_addr *want, size_t n)
{
	uint32_t from = if_nametoindex(name);
	size_t own = n, m = from ? look_addrs(k, from, want + n, ADDRS - n) : 0;

	for (size_t i = own; i < own + m; i++) {
		want[n] = want[i];
		want[n].bits = (uint8_t)(net_addr_len(want[i].addr.family) * 8);
		n += !is_loopback(&want[i].addr);
	}
	return n;
}

static void addrs_sync(struct net *k, const struct knet_vif *v, uint32_t index)
{
	struct knet_addr want[ADDRS], have[ADDRS];
	size_t n = 0, m = look_addrs(k, index, have, ADDRS);
	char why[256], text[NET_ADDR_TEXT];

	for (size_t i = 0; i < v->n_addrs && n < ADDRS; i++)
		want[n++] = v->addrs[i];
	if (*v->borrow) {
		size_t own = n;
		n = borrow(k, v->borrow, want, n);
		if (n == own)
			net_log(k, 0, "kernel-net: %s borrows the addresses of %s, which has none or does not exist", v->name,
				v->borrow);
	}
	for (size_t i = 0; i < m; i++) {
		bool stays = false;
		for (size_t j = 0; j < n; j++)
			stays |= net_addr_same(&have[i].addr, &want[j].addr) && have[i].bits == want[j].bits;
		if (!stays)
			(void)!addr_put(k, index, &have[i].addr, have[i].bits, false);
	}
	for (size_t j = 0; j < n; j++) {
		int err = addr_put(k, index, &want[j].addr, want[j].bits, true);
		if (err && err != EEXIST) {
			(void)nl_fail(k, err, why, sizeof why, "put the address %s on %s",
				net_addr_text(&want[j].addr, false, text), v->name);
			net_log(k, 0, "kernel-net: %s", why);
		}
		addr_taken_over(k, index, &want[j]);
	}
}

/* In this namespace: found or made; *index. Foreign ones are only looked at. */
static err_t link_here(struct net *k, const struct knet_vif *v, struct vif *own, uint32_t link, uint32_t *index, char *why,
	size_t cap)
{
	struct link_facts f;
	int err = look_link(k, v->name, 0, &f);

	if (!err && !alias_is_ours(&f) && !fits(&f, v, link)) {
		snprintf(why, cap, "cannot make the interface %s: there is one of this name, and it is %s%s%s: choose another "
			"vif_name, or remove it (ip link del %s)", v->name, strcmp(f.kind, kind_of(v)) ? "of the kind " :
			"set up differently (", *f.kind ? f.kind : "physical", strcmp(f.kind, kind_of(v)) ? "" : ")", v->name);
		return E_EXISTS;
	}
	own->foreign = !err && !alias_is_ours(&f);
	if (!err && !own->foreign && !fits(&f, v, link) &&
		(strcmp(f.kind, kind_of(v)) != 0 || link_make(k, v, f.index, link))) {
		/* Ours, but not any more what is asked for. */
		(void)!link_del(k, -1, v->name);
		err = ENODEV;
	}
	if (err) {
		err = link_make(k, v, 0, link);
		if (err == EEXIST && v->kind != KNET_XFRM)
			return nl_fail(k, err, why, cap, "make the interface %s (%s of these addresses and keys)", v->name, kind_of(v));
		if (err)
			return nl_fail(k, err, why, cap, "make the interface %s (%s, module %s)", v->name, kind_of(v), module_of(v));
		err = look_link(k, v->name, 0, &f);
		if (err)
			return nl_fail(k, err, why, cap, "find the interface %s again", v->name);
		k->host->count(k->host->h, "interfaces_made", 1);
	}
	*index = f.index;
	return 0;
}

static err_t move_there(struct net *k, const struct knet_vif *v, struct vif *own, uint32_t link, const char *alias, char *why,
	size_t cap)
{
	struct link_facts f;
	uint32_t index;
	int fd = netns_open(v->netns);

	if (fd < 0) {
		snprintf(why, cap, "cannot move the interface %s: there is no network namespace '%s' (ip netns add %s)", v->name,
			v->netns, v->netns);
		return E_NOT_FOUND;
	}
	int nsid = nsid_of(k, fd), err;
	bool there = nsid >= 0 && look_link_in(k, nsid, v->name, 0, &f) == 0;
	if (there && alias_is_ours(&f) && fits(&f, v, link)) {
		close(fd);
		return 0; /* taken over as it is: from here its MTU cannot be changed */
	}
	if (there && alias_is_ours(&f))
		(void)!link_del(k, nsid, v->name);
	err_t e = link_here(k, v, own, link, &index, why, cap);
	if (!e) {
		err = link_set(k, index, alias, v->mtu, UINT32_MAX, -1, false);
		if (!err)
			err = link_set(k, index, NULL, 0, UINT32_MAX, fd, true);
		if (err) {
			e = nl_fail(k, err, why, cap, "move the interface %s to the namespace %s", v->name, v->netns);
			(void)!link_del(k, -1, v->name);
		}
	}
	close(fd);
	return e;
}

static err_t set_here(struct net *k, const struct knet_vif *v, struct vif *own, uint32_t index, const char *alias, char *why,
	size_t cap)
{
	struct link_facts vrf = { 0 };
	int err;

	if (own->foreign) {
		net_log(k, 1, "kernel-net: the interface %s is there already: it is used as it is, and stays", v->name);
		return 0;
	}
	if (*v->vrf) {
		err = look_link(k, v->vrf, 0, &vrf);
		if (err || strcmp(vrf.kind, "vrf") != 0) {
			snprintf(why, cap, "cannot put the interface %s into the VRF %s: %s", v->name, v->vrf, err ?
				"there is no such device (ip link add NAME type vrf table N)" : "this device is no VRF");
			return E_NOT_FOUND;
		}
	}
	/* The VRF before the addresses: a change of it takes them away. */
	err = link_set(k, index, alias, v->mtu, vrf.index, -1, false);
	if (!err) {
		addrs_sync(k, v, index);
		err = link_set(k, index, NULL, 0, UINT32_MAX, -1, true);
	}
	return err ? nl_fail(k, err, why, cap, "set up the interface %s", v->name) : 0;
}

err_t net_vif(void *self, const struct knet_vif *v, char *why, size_t cap)
{
	struct net *k = self;
	struct vif *own = vif_find(k, v->name);
	uint32_t index = 0, link = *v->link ? if_nametoindex(v->link) : 0;
	char alias[64];
	bool fresh = !own;

	if (*v->link && !link)
		return nl_fail(k, ENODEV, why, cap, "make the interface %s over %s", v->name, v->link);
	if (!own)
		own = vif_new(k, v->name);
	if (!own)
		return E_NOMEM;
	snprintf(alias, sizeof alias, OUR_ALIAS "%s%s%s", v->owner ? v->owner : v->name, v->netns ? " in " : "",
		v->netns ? v->netns : "");
	err_t e = v->netns ? move_there(k, v, own, link, alias, why, cap) : link_here(k, v, own, link, &index, why, cap);
	if (!e && !v->netns) {
		e = set_here(k, v, own, index, alias, why, cap);
		if (e && fresh && !own->foreign)
			(void)!link_del(k, -1, v->name);
	}
	if (e) {
		if (fresh)
			vif_free(k, own);
		return e;
	}
	own->left = false;
	snprintf(own->netns, sizeof own->netns, "%s", v->netns ? v->netns : "");
	bool mss = own->mss_v4 != v->mss_v4 || own->mss_v6 != v->mss_v6 || own->in_vrf != (*v->vrf != 0);
	own->mss_v4 = v->mss_v4;
	own->mss_v6 = v->mss_v6;
	own->in_vrf = *v->vrf != 0;
	if (mss)
		mss_changed(k);
	return 0;
}

static void remove_link(struct net *k, const struct vif *v)
{
	int fd = *v->netns ? netns_open(v->netns) : -1;
	int nsid = fd >= 0 ? nsid_of(k, fd) : -1;

	if (!v->foreign && (!*v->netns || nsid >= 0))
		(void)!link_del(k, nsid, v->name);
	if (fd >= 0)
		close(fd);
}

void net_vif_del(void *self, const char *name)
{
	struct net *k = self;
	struct vif *v = vif_find(k, name);

	if (!v)
		return;
	bool mss = v->mss_v4 || v->mss_v6;
	remove_link(k, v);
	vif_free(k, v);
	if (mss)
		mss_changed(k);
}

/* ---- what an earlier run left ---- */

static void left_link(void *arg, const struct link_facts *f)
{
	struct net *k = arg;
	struct vif *v = alias_is_ours(f) && !vif_find(k, f->name) ? vif_new(k, f->name) : NULL;

	if (!v)
		return;
	v->left = true;
	k->mss_made = true; /* it may have had rules, too: they go with the next change, or at the end */
}

void vifs_find_left(struct net *k)
{
	look_links(k, left_link, k);
}

void vifs_drop_left(struct net *k)
{
	for (struct vif *v = k->vifs, *next; v; v = next) {
		next = v->next;
		if (!v->left)
			continue;
		net_log(k, 1, "kernel-net: the interface %s of an earlier run is removed: nothing needs it any more", v->name);
		net_vif_del(k, v->name);
	}
}

void vifs_clear(struct net *k)
{
	while (k->vifs) {
		if (!k->keep)
			remove_link(k, k->vifs);
		vif_free(k, k->vifs);
	}
}
