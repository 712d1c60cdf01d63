/* SPDX-License-Identifier: Apache-2.0 */
/* Routes, the rule for the table of our own, and addresses. */
#include "plugins/kernel-common/span.h"
#include "plugins/kernel-net/net.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <net/if.h>
#include <stdio.h>

/* ---- the table of what is ours ---- */

static struct item *item_find(struct net *k, const struct item_key *key)
{
	uint32_t h = tab_hash(&k->items, key, sizeof *key);

	for (struct tab_node *n = tab_first(&k->items, h); n; n = tab_next(n, h))
		if (memcmp(&((struct item *)n)->key, key, sizeof *key) == 0)
			return (struct item *)n;
	return NULL;
}

static struct item *item_new(struct net *k, const struct item_key *key)
{
	struct item *i = pool_get(&k->item_pool);

	if (!i)
		return NULL;
	i->key = *key;
	tab_add(&k->items, &i->node, tab_hash(&k->items, key, sizeof *key));
	return i;
}

static void item_free(struct net *k, struct item *i)
{
	tab_del(&k->items, &i->node);
	pool_put(&k->item_pool, i);
}

static struct item *item_left(struct net *k, const struct item_key *key)
{
	struct item_key left = *key;

	left.what = key->what == ITEM_ROUTE ? ITEM_LEFT_ROUTE : ITEM_LEFT_ADDR;
	memset(left.dev, 0, sizeof left.dev);
	return item_find(k, &left);
}

/* Calls cb for every item; it may free the one it is given. */
static void items_each(struct net *k, void (*cb)(struct net *k, struct item *i))
{
	for (uint32_t b = 0; k->items.bucket && b <= k->items.mask; b++)
		for (struct tab_node *n = k->items.bucket[b], *next; n; n = next) {
			next = n->next;
			cb(k, (struct item *)n);
		}
}

/* ---- messages ---- */

static int rule_set(struct net *k, uint8_t family, bool add)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MSG];
	struct nlmsghdr *m = nl_head(&k->nl, buf, add ? RTM_NEWRULE : RTM_DELRULE,
		NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0));
	struct fib_rule_hdr *h = mnl_nlmsg_put_extra_header(m, sizeof *h);

	h->family = nl_af(family);
	h->action = FR_ACT_TO_TBL;
	h->table = k->table < 256 ? (uint8_t)k->table : RT_TABLE_UNSPEC;
	h->flags = k->fwmark ? FIB_RULE_INVERT : 0;
	mnl_attr_put_u32(m, FRA_TABLE, k->table);
	mnl_attr_put_u32(m, FRA_PRIORITY, k->priority);
	if (k->fwmark) {
		mnl_attr_put_u32(m, FRA_FWMARK, k->fwmark);
		mnl_attr_put_u32(m, FRA_FWMASK, UINT32_MAX);
	}
	mnl_attr_put_u8(m, FRA_PROTOCOL, OUR_PROTO);
	int err = nl_ask(&k->nl, m, NULL, NULL);
	return add && err == EEXIST ? 0 : err; /* left by one that was killed, or the same rule of another: it does */
}

static int route_msg(struct net *k, const struct item *i, bool add, uint16_t flags)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MSG];
	const struct item_key *key = &i->key;
	size_t len = net_addr_len(key->family);
	struct nlmsghdr *m = nl_head(&k->nl, buf, add ? RTM_NEWROUTE : RTM_DELROUTE, NLM_F_ACK | flags);
	struct rtmsg *h = mnl_nlmsg_put_extra_header(m, sizeof *h);
	bool via = i->gateway.family == key->family;

	h->rtm_family = nl_af(key->family);
	h->rtm_dst_len = key->bits;
	h->rtm_table = key->table < 256 ? (uint8_t)key->table : RT_TABLE_UNSPEC;
	h->rtm_protocol = OUR_PROTO;
	h->rtm_scope = !add ? RT_SCOPE_NOWHERE : key->family == NET_V4 && !via ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	h->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(m, RTA_TABLE, key->table);
	mnl_attr_put(m, RTA_DST, len, key->dst);
	mnl_attr_put_u32(m, RTA_OIF, i->oif);
	if (key->metric)
		mnl_attr_put_u32(m, RTA_PRIORITY, key->metric);
	if (add && via) {
		mnl_attr_put(m, RTA_GATEWAY, len, i->gateway.a);
		/* A next hop that was named need not be inside a network of the device. */
		h->rtm_flags = i->fixed_gateway.family ? RTNH_F_ONLINK : 0;
	}
	if (add && i->source.family == key->family)
		mnl_attr_put(m, RTA_PREFSRC, len, i->source.a);
	return nl_ask(&k->nl, m, NULL, NULL);
}

int addr_put(struct net *k, uint32_t index, const struct net_addr *a, uint8_t bits, bool add)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MSG];
	struct nlmsghdr *m = nl_head(&k->nl, buf, add ? RTM_NEWADDR : RTM_DELADDR,
		NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0));
	struct ifaddrmsg *h = mnl_nlmsg_put_extra_header(m, sizeof *h);

	h->ifa_family = nl_af(a->family);
	h->ifa_prefixlen = bits;
	h->ifa_index = index;
	/* Nobody else can have it, so that it may be used at once. */
	h->ifa_flags = a->family == NET_V6 ? IFA_F_NODAD : 0;
	mnl_attr_put(m, IFA_LOCAL, net_addr_len(a->family), a->a);
	mnl_attr_put(m, IFA_ADDRESS, net_addr_len(a->family), a->a);
	if (add)
		mnl_attr_put_u8(m, IFA_PROTO, OUR_PROTO);
	return nl_ask(&k->nl, m, NULL, NULL);
}

/* ---- routes ---- */

static err_t table_of(struct net *k, const struct knet_route *r, uint32_t *out, char *why, size_t cap)
{
	struct link_facts f;

	*out = r->table ? r->table : k->table;
	if (!*r->vrf)
		return 0;
	int err = look_link(k, r->vrf, 0, &f);
	if (err)
		return nl_fail(k, err, why, cap, "put a route into the VRF %s", r->vrf);
	if (strcmp(f.kind, "vrf") != 0) {
		snprintf(why, cap, "cannot put a route into the VRF %s: this device is no VRF", r->vrf);
		return E_BAD_VALUE;
	}
	*out = f.vrf_table;
	return 0;
}

/* Device, gateway and source of a route as things are now. */
static err_t way_of(struct net *k, struct item *i, const struct knet_route *r, char *why, size_t cap)
{
	struct knet_path path;
	char text[NET_ADDR_TEXT];

	i->gateway = i->fixed_gateway;
	if (*i->key.dev) {
		i->oif = if_nametoindex(i->key.dev);
		if (!i->oif)
			return nl_fail(k, ENODEV, why, cap, "route through %s", i->key.dev);
	} else {
		const struct net_addr *to = i->fixed_gateway.family ? &i->fixed_gateway : &i->peer;
		if (look_path(k, &(struct net_addr){ .family = NET_NONE }, to, &path)) {
			snprintf(why, cap, "cannot install a route through the tunnel: there is no route to %s itself",
				net_addr_text(to, false, text));
			return E_NOT_FOUND;
		}
		i->oif = if_nametoindex(path.dev);
		if (!i->fixed_gateway.family)
			i->gateway = path.gateway;
	}
	if (r)
		i->source = r->source;
	if (r && !i->source.family && r->local.family && look_local(k, &r->local, &i->source, NULL))
		i->source.family = NET_NONE;
	return 0;
}

struct owner_look {
	const struct item_key *key;
	bool foreign;
};

static int on_owner(const struct nlmsghdr *m, void *arg)
{
	struct owner_look *o = arg;
	const struct rtmsg *h = mnl_nlmsg_get_payload(m);
	const struct nlattr *a;
	uint8_t dst[16] = { 0 };
	uint32_t table = h->rtm_table, metric = 0;

	if (m->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	mnl_attr_for_each(a, m, sizeof *h) {
		if (mnl_attr_get_type(a) == RTA_DST && mnl_attr_get_payload_len(a) <= 16)
			memcpy(dst, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
		if (mnl_attr_get_type(a) == RTA_TABLE)
			table = mnl_attr_get_u32(a);
		if (mnl_attr_get_type(a) == RTA_PRIORITY)
			metric = mnl_attr_get_u32(a);
	}
	if (table == o->key->table && h->rtm_dst_len == o->key->bits && memcmp(dst, o->key->dst, 16) == 0 &&
		(metric == o->key->metric || (!o->key->metric && o->key->family == NET_V6)) && h->rtm_protocol != OUR_PROTO)
		o->foreign = true;
	return MNL_CB_OK;
}

static bool is_foreign(struct net *k, const struct item_key *key)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MSG];
	struct owner_look o = { .key = key };
	struct nlmsghdr *m = nl_head(&k->nl, buf, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *h = mnl_nlmsg_put_extra_header(m, sizeof *h);

	h->rtm_family = nl_af(key->family);
	mnl_attr_put_u32(m, RTA_TABLE, key->table);
	(void)nl_ask(&k->nl, m, on_owner, &o);
	return o.foreign;
}

static void key_text(const struct item_key *key, char buf[96])
{
	struct net_addr a = { .family = key->family };
	char text[NET_ADDR_TEXT];

	memcpy(a.a, key->dst, 16);
	snprintf(buf, 96, "%s/%u", net_addr_text(&a, false, text), key->bits);
}

static err_t route_take(struct net *k, const struct item_key *key, const struct knet_route *r, char *why, size_t cap)
{
	struct item *i = item_find(k, key), *left;
	char text[96];

	if (i) {
		i->refs++;
		return 0;
	}
	i = item_new(k, key);
	if (!i)
		return E_NOMEM;
	i->refs = 1;
	i->peer = r->peer;
	i->fixed_gateway = r->gateway;
	key_text(key, text);
	err_t e = way_of(k, i, r, why, cap);
	if (!e) {
		left = item_left(k, key);
		int err = route_msg(k, i, true, NLM_F_CREATE | (left ? NLM_F_REPLACE : NLM_F_EXCL));
		/* The same through another device of ours is fine. */
		if (err == EEXIST && !is_foreign(k, key))
			err = route_msg(k, i, true, NLM_F_CREATE | NLM_F_APPEND);
		if (err == EEXIST) {
			k->nl.text[0] = 0;
			snprintf(why, cap, "cannot install the route to %s: table %u has one of another program: set another table "
				"(aditd.plugins.kernel-net.table), or remove it", text, key->table);
			e = E_EXISTS;
		} else if (err) {
			e = nl_fail(k, err, why, cap, "install the route to %s in table %u", text, key->table);
		} else if (left) {
			item_free(k, left);
		}
	}
	if (e)
		item_free(k, i);
	return e;
}

static void route_drop(struct net *k, const struct item_key *key)
{
	struct item *i = item_find(k, key);

	if (!i || --i->refs)
		return;
	/* It may have gone with an address or its device of its own accord; then there is nothing to do. */
	(void)!route_msg(k, i, false, 0);
	item_free(k, i);
}

err_t net_route(void *self, const struct knet_route *r, bool add, char *why, size_t cap)
{
	struct net *k = self;
	uint8_t dst[SPLIT_MAX][16], bits[SPLIT_MAX];
	struct item_key key = { .what = ITEM_ROUTE, .family = r->dst.family, .metric = r->metric };
	size_t len = net_addr_len(r->dst.family), n, i;

	memset(dst, 0, sizeof dst);
	n = span_split(r->dst.lo, r->dst.hi, len, dst, bits, SPLIT_MAX);
	if (n > SPLIT_MAX) {
		snprintf(why, cap, "cannot install routes to a range of more than %d prefixes: write it as prefixes", SPLIT_MAX);
		return E_LIMIT;
	}
	err_t e = table_of(k, r, &key.table, why, cap);
	if (e)
		return e;
	memcpy(key.dev, r->dev, strnlen(r->dev, sizeof key.dev - 1));
	bool *rule = &k->rule[r->dst.family == NET_V6];
	if (add && key.table == k->table && !*rule) {
		int err = rule_set(k, r->dst.family, true);
		if (err)
			return nl_fail(k, err, why, cap, "make the rule %u for table %u", k->priority, k->table);
		*rule = true;
	}
	for (i = 0; i < n && !e; i++) {
		key.bits = bits[i];
		memcpy(key.dst, dst[i], 16);
		if (add)
			e = route_take(k, &key, r, why, cap);
		else
			route_drop(k, &key);
	}
	if (e)
		for (i--; i-- > 0;) {
			key.bits = bits[i];
			memcpy(key.dst, dst[i], 16);
			route_drop(k, &key);
		}
	return e;
}

static void follow_one(struct net *k, struct item *i)
{
	struct item before = *i;
	char why[256];

	if (i->key.what != ITEM_ROUTE)
		return;
	if (way_of(k, i, NULL, why, sizeof why)) {
		i->oif = before.oif;
		i->gateway = before.gateway;
		return; /* no way at the moment: it comes back with the network */
	}
	bool moved = i->oif != before.oif || !net_addr_same(&i->gateway, &before.gateway);
	if (moved && before.oif)
		(void)!route_msg(k, &before, false, 0);
	/* Also what has gone with an address or a link that was down. */
	int err = route_msg(k, i, true, NLM_F_CREATE | NLM_F_EXCL);
	if (err && err != EEXIST && i->source.family) {
		i->source.family = NET_NONE; /* that address is gone */
		(void)!route_msg(k, i, true, NLM_F_CREATE | NLM_F_EXCL);
	}
}

void routes_follow(struct net *k)
{
	items_each(k, follow_one);
}

/* ---- addresses ---- */

err_t net_addr_set(void *self, const struct knet_addr *a, bool add, char *why, size_t cap)
{
	struct net *k = self;
	struct item_key key = { .what = ITEM_ADDR, .family = a->addr.family, .bits = a->bits };
	const char *dev = *a->dev ? a->dev : k->vip_dev;
	char text[96];

	memcpy(key.dst, a->addr.a, 16);
	memcpy(key.dev, dev, strnlen(dev, sizeof key.dev - 1));
	key_text(&key, text);
	struct item *i = item_find(k, &key), *left;
	if (!*a->dev && !k->wants_vips)
		return 0;
	if (!add) {
		if (i && !--i->refs) {
			if (!i->foreign)
				(void)!addr_put(k, i->oif, &a->addr, a->bits, false);
			item_free(k, i);
		}
		return 0;
	}
	if (i) {
		i->refs++;
		return 0;
	}
	uint32_t index = if_nametoindex(key.dev);
	if (!index)
		return nl_fail(k, ENODEV, why, cap, "put the address %s on %s", text, key.dev);
	left = item_left(k, &key);
	bool again = left && left->oif == index;
	int err = addr_put(k, index, &a->addr, a->bits, true);
	if (err && err != EEXIST)
		return nl_fail(k, err, why, cap, "put the address %s on %s", text, key.dev);
	i = item_new(k, &key);
	if (!i)
		return E_NOMEM;
	i->refs = 1;
	i->oif = index;
	i->foreign = err == EEXIST && !again;
	if (i->foreign)
		net_log(k, 1, "kernel-net: the address %s is on %s already: it is used and stays", text, key.dev);
	if (again)
		item_free(k, left);
	return 0;
}

/* ---- what an earlier run left ---- */

struct left_look {
	struct net *k;
	unsigned in_table; /* routes of others in our table */
};

static int on_left_route(const struct nlmsghdr *m, void *arg)
{
	struct left_look *l = arg;
	const struct rtmsg *h = mnl_nlmsg_get_payload(m);
	const struct nlattr *a;
	struct item_key key = { .what = ITEM_LEFT_ROUTE, .bits = h->rtm_dst_len, .table = h->rtm_table,
		.family = h->rtm_family == AF_INET ? NET_V4 : NET_V6 };
	uint32_t oif = 0;

	if (m->nlmsg_type != RTM_NEWROUTE || (h->rtm_family != AF_INET && h->rtm_family != AF_INET6))
		return MNL_CB_OK;
	mnl_attr_for_each(a, m, sizeof *h) {
		if (mnl_attr_get_type(a) == RTA_DST && mnl_attr_get_payload_len(a) <= 16)
			memcpy(key.dst, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
		if (mnl_attr_get_type(a) == RTA_TABLE)
			key.table = mnl_attr_get_u32(a);
		if (mnl_attr_get_type(a) == RTA_PRIORITY)
			key.metric = mnl_attr_get_u32(a);
		if (mnl_attr_get_type(a) == RTA_OIF)
			oif = mnl_attr_get_u32(a);
	}
	if (h->rtm_protocol != OUR_PROTO) {
		l->in_table += key.table == l->k->table && h->rtm_type == RTN_UNICAST;
		return MNL_CB_OK;
	}
	/* The metric the kernel gives to an IPv6 route without one. */
	if (key.family == NET_V6 && key.metric == 1024)
		key.metric = 0;
	struct item *i = item_find(l->k, &key) ? NULL : item_new(l->k, &key);
	if (i)
		i->oif = oif;
	return MNL_CB_OK;
}

static int on_left_addr(const struct nlmsghdr *m, void *arg)
{
	struct left_look *l = arg;
	const struct ifaddrmsg *h = mnl_nlmsg_get_payload(m);
	const struct nlattr *a, *own = NULL;
	struct item_key key = { .what = ITEM_LEFT_ADDR, .bits = h->ifa_prefixlen,
		.family = h->ifa_family == AF_INET ? NET_V4 : NET_V6 };
	uint8_t proto = 0;

	if (m->nlmsg_type != RTM_NEWADDR || (h->ifa_family != AF_INET && h->ifa_family != AF_INET6))
		return MNL_CB_OK;
	mnl_attr_for_each(a, m, sizeof *h) {
		if (mnl_attr_get_type(a) == IFA_LOCAL || (mnl_attr_get_type(a) == IFA_ADDRESS && !own))
			own = a;
		if (mnl_attr_get_type(a) == IFA_PROTO)
			proto = mnl_attr_get_u8(a);
	}
	if (proto != OUR_PROTO || !own || mnl_attr_get_payload_len(own) > 16)
		return MNL_CB_OK;
	memcpy(key.dst, mnl_attr_get_payload(own), mnl_attr_get_payload_len(own));
	struct item *i = item_find(l->k, &key) ? NULL : item_new(l->k, &key);
	if (i)
		i->oif = h->ifa_index;
	return MNL_CB_OK;
}

/* The rule for our table of an earlier run: ours to remove. */
static int on_left_rule(const struct nlmsghdr *m, void *arg)
{
	struct left_look *l = arg;
	const struct fib_rule_hdr *h = mnl_nlmsg_get_payload(m);
	const struct nlattr *a;
	uint32_t table = h->table, priority = 0;
	uint8_t proto = 0;

	if (m->nlmsg_type != RTM_NEWRULE)
		return MNL_CB_OK;
	mnl_attr_for_each(a, m, sizeof *h) {
		if (mnl_attr_get_type(a) == FRA_TABLE)
			table = mnl_attr_get_u32(a);
		if (mnl_attr_get_type(a) == FRA_PRIORITY)
			priority = mnl_attr_get_u32(a);
		if (mnl_attr_get_type(a) == FRA_PROTOCOL)
			proto = mnl_attr_get_u8(a);
	}
	if (proto == OUR_PROTO && table == l->k->table && priority == l->k->priority)
		l->k->rule[h->family == AF_INET6] = true;
	return MNL_CB_OK;
}

void items_find_left(struct net *k)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	_Alignas(struct nlmsghdr) uint8_t buf[MSG];
	struct left_look l = { .k = k };

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		struct nlmsghdr *m = nl_head(&k->nl, buf, RTM_GETROUTE, NLM_F_DUMP);
		struct rtmsg *h = mnl_nlmsg_put_extra_header(m, sizeof *h);
		h->rtm_family = families[i];
		(void)nl_ask(&k->nl, m, on_left_route, &l);
		m = nl_head(&k->nl, buf, RTM_GETRULE, NLM_F_DUMP);
		((struct fib_rule_hdr *)mnl_nlmsg_put_extra_header(m, sizeof(struct fib_rule_hdr)))->family = families[i];
		(void)nl_ask(&k->nl, m, on_left_rule, &l);
	}
	struct nlmsghdr *m = nl_head(&k->nl, buf, RTM_GETADDR, NLM_F_DUMP);
	mnl_nlmsg_put_extra_header(m, sizeof(struct ifaddrmsg));
	(void)nl_ask(&k->nl, m, on_left_addr, &l);
	if (l.in_table)
		net_log(k, 1, "kernel-net: table %u has %u routes of another program: they stay; to keep apart, set "
			"aditd.plugins.kernel-net.table", k->table, l.in_table);
}

void addr_taken_over(struct net *k, uint32_t index, const struct knet_addr *a)
{
	struct item_key key = { .what = ITEM_LEFT_ADDR, .family = a->addr.family, .bits = a->bits };

	memcpy(key.dst, a->addr.a, 16);
	struct item *i = item_find(k, &key);
	if (i && i->oif == index)
		item_free(k, i);
}

static void drop_left(struct net *k, struct item *i)
{
	struct net_addr a = { .family = i->key.family };

	memcpy(a.a, i->key.dst, 16);
	if (i->key.what == ITEM_LEFT_ROUTE)
		(void)!route_msg(k, i, false, 0);
	else if (i->key.what == ITEM_LEFT_ADDR)
		(void)!addr_put(k, i->oif, &a, i->key.bits, false);
	else
		return;
	k->host->count(k->host->h, "left_removed", 1);
	item_free(k, i);
}

void items_drop_left(struct net *k)
{
	items_each(k, drop_left);
}

static void drop_ours(struct net *k, struct item *i)
{
	struct net_addr a = { .family = i->key.family };

	memcpy(a.a, i->key.dst, 16);
	if (i->key.what == ITEM_ROUTE)
		(void)!route_msg(k, i, false, 0);
	else if (i->key.what == ITEM_ADDR && !i->foreign)
		(void)!addr_put(k, i->oif, &a, i->key.bits, false);
	item_free(k, i);
}

void items_clear(struct net *k)
{
	items_drop_left(k);
	items_each(k, drop_ours);
	for (unsigned i = 0; i < 2; i++)
		if (k->rule[i])
			(void)!rule_set(k, i ? NET_V6 : NET_V4, false);
}
