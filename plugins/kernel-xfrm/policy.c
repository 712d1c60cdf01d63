/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies. The kernel has one policy for a name (direction, selectors, mark, interface id); here several uses of a name
 * stand in order of priority, then age, and the first is what the kernel has. A change of the first is one update in
 * the kernel, so that a name is never without a policy while it is used.
 */
#include "plugins/kernel-common/span.h"
#include "plugins/kernel-xfrm/xfrm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

enum { IP_COMP = 108 };

/* ---- names ---- */

struct side {
	uint8_t addr[SPLIT_MAX][16], bits[SPLIT_MAX];
	uint8_t port[32][16], port_bits[32];
	size_t n, n_port;
};

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static void ports_of(struct side *s, uint16_t lo, uint16_t hi)
{
	uint8_t l[2] = { (uint8_t)(lo >> 8), (uint8_t)lo }, h[2] = { (uint8_t)(hi >> 8), (uint8_t)hi };

	s->n_port = 1;
	s->port_bits[0] = 0;
	memset(s->port[0], 0, sizeof s->port[0]);
	if (lo <= hi && (lo != 0 || hi != UINT16_MAX)) /* OPAQUE has them the other way round: any */
		s->n_port = span_split(l, h, 2, s->port, s->port_bits, ARRAY_LEN(s->port));
}

static void side_of(struct side *s, const struct ts_sel *t)
{
	s->n = span_split(t->lo, t->hi, net_addr_len(t->family), s->addr, s->bits, SPLIT_MAX);
	ports_of(s, t->port_lo, t->port_hi);
}

/* ICMP: the kernel takes the type for the source port and the code for the destination port, whichever side said it. */
static void icmp_ports(struct side *src, struct side *dst, const struct ts_sel *a, const struct ts_sel *b)
{
	const struct ts_sel *t = a->port_lo || a->port_hi != UINT16_MAX ? a : b;

	ports_of(src, t->port_lo >> 8, t->port_hi == UINT16_MAX && !t->port_lo ? UINT16_MAX : t->port_hi >> 8);
	if (!t->port_lo && t->port_hi == UINT16_MAX)
		ports_of(src, 0, UINT16_MAX);
	if (t->port_lo >> 8 == t->port_hi >> 8 && (t->port_lo & 0xff || (t->port_hi & 0xff) != 0xff))
		ports_of(dst, t->port_lo & 0xff, t->port_hi & 0xff);
	else
		ports_of(dst, 0, UINT16_MAX);
}

static void put_port(const uint8_t *port, uint8_t bits, uint16_t *value, uint16_t *mask)
{
	memcpy(value, port, 2);
	*mask = htons((uint16_t)(bits ? 0xffff << (16 - bits) : 0));
}

err_t policy_keys(const struct kern_policy *p, struct xkey *v, size_t *n)
{
	bool out = p->dir == KERN_OUT;
	const struct ts_sel *from = out ? &p->local : &p->remote, *to = out ? &p->remote : &p->local;
	struct side src, dst;
	struct xkey key;

	/* Names are compared as bytes. */
	memset(&key, 0, sizeof key);
	key.mark = p->mark;
	key.mark_mask = p->mark_mask;
	key.if_id = p->if_id;
	key.dir = out ? XFRM_POLICY_OUT : p->dir == KERN_IN ? XFRM_POLICY_IN : XFRM_POLICY_FWD;
	*n = 0;
	if (p->interface[0]) {
		key.sel.ifindex = (int)if_nametoindex(p->interface);
		if (!key.sel.ifindex)
			return E_NOT_FOUND;
	}
	side_of(&src, from);
	side_of(&dst, to);
	key.sel.family = xfrm_af(from->family);
	key.sel.proto = from->proto ? from->proto : to->proto;
	if (is_icmp(key.sel.proto))
		icmp_ports(&src, &dst, from, to);
	size_t all = src.n * dst.n * src.n_port * dst.n_port;
	if (src.n > SPLIT_MAX || dst.n > SPLIT_MAX || all > SPLIT_MAX)
		return E_LIMIT;
	for (size_t i = 0; i < all; i++) {
		size_t a = i % src.n, b = i / src.n % dst.n, c = i / (src.n * dst.n) % src.n_port,
			d = i / (src.n * dst.n * src.n_port);
		struct xkey *o = &v[(*n)++];
		memcpy(o, &key, sizeof key);
		memcpy(&o->sel.saddr, src.addr[a], 16);
		memcpy(&o->sel.daddr, dst.addr[b], 16);
		o->sel.prefixlen_s = src.bits[a];
		o->sel.prefixlen_d = dst.bits[b];
		put_port(src.port[c], src.port_bits[c], &o->sel.sport, &o->sel.sport_mask);
		put_port(dst.port[d], dst.port_bits[d], &o->sel.dport, &o->sel.dport_mask);
	}
	return 0;
}

/* Lower wins. As strongSwan has it, so that both fit beside each other: a base for the kind, from which is taken what
 * the selector says exactly: prefixes (9 bits), protocol (1), ports (6), interface (1), trap or not (1). */
uint32_t policy_prio(const struct kern_policy *p, const struct xfrm_selector *sel)
{
	enum { BASE = 200000 };
	static const uint8_t kind[] = { [KERN_PASS] = 1, [KERN_PROTECT] = 2, [KERN_TRAP] = 3, [KERN_DROP] = 4 };
	unsigned ports = (unsigned)(__builtin_popcount(sel->sport_mask) + __builtin_popcount(sel->dport_mask));

	if (p->priority)
		return p->priority;
	return BASE * kind[p->action & 3] - (((uint32_t)sel->prefixlen_s + sel->prefixlen_d) << 9) -
		(sel->proto ? 1u << 8 : 0) - (ports << 2) - (sel->ifindex ? 2 : 0) - (p->action != KERN_TRAP);
}

void policy_key_text(const struct xkey *key, char *buf, size_t cap)
{
	static const char *const dirs[] = { "in", "out", "fwd" };
	char s[INET6_ADDRSTRLEN], d[INET6_ADDRSTRLEN];

	inet_ntop(key->sel.family, &key->sel.saddr, s, sizeof s);
	inet_ntop(key->sel.family, &key->sel.daddr, d, sizeof d);
	snprintf(buf, cap, "the policy src %s/%u dst %s/%u dir %s", s, key->sel.prefixlen_s, d, key->sel.prefixlen_d,
		key->dir < 3 ? dirs[key->dir] : "?");
}

static uint32_t key_hash(struct xfrm *k, const struct xkey *key)
{
	return tab_hash(&k->name, key, sizeof *key);
}

static struct xname *of_index_node(struct tab_node *n)
{
	return (struct xname *)((char *)n - offsetof(struct xname, by_index));
}

struct xname *policy_by_index(struct xfrm *k, uint32_t index)
{
	uint32_t h = tab_hash(&k->index, &index, sizeof index);

	for (struct tab_node *n = tab_first(&k->index, h); n; n = tab_next(n, h))
		if (of_index_node(n)->index == index)
			return of_index_node(n);
	return NULL;
}

/* Our number, a running one, the direction. */
static uint32_t index_new(struct xfrm *k, uint32_t dir)
{
	uint32_t index;

	do
		index = k->owner << 24 | (k->next_index++ & 0x1fffff) << 3 | dir;
	while (policy_by_index(k, index));
	return index;
}

struct xname *policy_name(struct xfrm *k, const struct xkey *key, bool make)
{
	uint32_t h = key_hash(k, key);

	for (struct tab_node *n = tab_first(&k->name, h); n; n = tab_next(n, h))
		if (memcmp(&((struct xname *)n)->key, key, sizeof *key) == 0)
			return (struct xname *)n;
	struct xname *x = make ? pool_get(&k->name_pool) : NULL;
	if (!x)
		return NULL;
	x->key = *key;
	x->index = index_new(k, key->dir);
	tab_add(&k->name, &x->node, h);
	tab_add(&k->index, &x->by_index, tab_hash(&k->index, &x->index, sizeof x->index));
	return x;
}

static void name_drop(struct xfrm *k, struct xname *x)
{
	tab_del(&k->name, &x->node);
	tab_del(&k->index, &x->by_index);
	pool_put(&k->name_pool, x);
}

void policy_dirty(struct xfrm *k, struct xname *x)
{
	if (x->dirty)
		return;
	x->dirty = true;
	x->dirty_next = k->dirty;
	k->dirty = x;
}

/* ---- uses ---- */

static void use_put(struct xname *x, struct xuse *u, struct xuse *before)
{
	struct xuse **at = before ? &before->next : &x->top;

	u->next = *at;
	*at = u;
}

static void use_take(struct xname *x, struct xuse *u)
{
	struct xuse **at = &x->top;

	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
}

err_t policy_add(struct xfrm *k, const struct kern_policy *p, const struct xkey *key, struct policy_undo *undo)
{
	struct xname *x = policy_name(k, key, true);
	struct xuse *u = x ? pool_get(&k->use_pool) : NULL;

	if (!u) {
		if (x && !x->top && !x->in_kernel)
			name_drop(k, x);
		return E_NOMEM;
	}
	*u = (struct xuse){ .cookie = p->cookie, .reqid = p->reqid, .prio = policy_prio(p, &key->sel), .action = p->action,
		.mode = p->mode, .proto = p->proto ? p->proto : 50, .ipcomp = p->ipcomp, .bare = p->bare,
		.offload = p->offload == KERN_OFFLOAD_PACKET,
		.family = p->dst.family ? p->dst.family : p->src.family };
	memcpy(u->src, p->src.a, 16);
	memcpy(u->dst, p->dst.a, 16);
	struct xuse *before = NULL;
	for (struct xuse *o = x->top; o && o->prio < u->prio; o = o->next)
		before = o;
	use_put(x, u, before);
	*undo = (struct policy_undo){ x, u, before, true };
	policy_dirty(k, x);
	return 0;
}

err_t policy_del(struct xfrm *k, const struct kern_policy *p, const struct xkey *key, struct policy_undo *undo)
{
	struct xname *x = policy_name(k, key, false);
	struct xuse *u = x ? x->top : NULL, *before = NULL, *prev = NULL;

	if (!u)
		return E_NOT_FOUND;
	for (struct xuse *o = x->top; o; prev = o, o = o->next)
		if (o->reqid == p->reqid && o->action == p->action) {
			u = o;
			before = prev;
			break;
		}
	use_take(x, u);
	*undo = (struct policy_undo){ x, u, before, false };
	policy_dirty(k, x);
	return 0;
}

void policy_undo(struct xfrm *k, struct policy_undo *u)
{
	if (u->added) {
		use_take(u->name, u->use);
		pool_put(&k->use_pool, u->use);
	} else {
		use_put(u->name, u->use, u->before);
	}
	policy_dirty(k, u->name);
}

void policy_settle(struct xfrm *k, struct policy_undo *u)
{
	if (!u->added)
		pool_put(&k->use_pool, u->use);
}

/* ---- into the kernel ---- */

static void put_name(struct nlmsghdr *m, const struct xkey *key)
{
	if (key->mark_mask)
		mnl_attr_put(m, XFRMA_MARK, sizeof(struct xfrm_mark), &(struct xfrm_mark){ key->mark, key->mark_mask });
	if (key->if_id)
		mnl_attr_put_u32(m, XFRMA_IF_ID, key->if_id);
}

static size_t templates(const struct xname *x, const struct xuse *u, struct xfrm_user_tmpl v[2])
{
	uint8_t mode = u->mode == KERN_TRANSPORT ? XFRM_MODE_TRANSPORT : u->mode == KERN_BEET ? XFRM_MODE_BEET :
		XFRM_MODE_TUNNEL;
	size_t n = 0;

	for (int comp = u->ipcomp; comp >= 0; comp--) {
		struct xfrm_user_tmpl *t = &v[n++];
		*t = (struct xfrm_user_tmpl){ .id.proto = comp ? IP_COMP : u->proto, .family = xfrm_af(u->family),
			.reqid = u->reqid, .mode = mode, .aalgos = UINT32_MAX, .ealgos = UINT32_MAX, .calgos = UINT32_MAX };
		if (mode != XFRM_MODE_TRANSPORT) {
			memcpy(&t->saddr, u->src, 16);
			memcpy(&t->id.daddr, u->dst, 16);
		}
		/* Small packets come uncompressed. */
		t->optional = comp && x->key.dir != XFRM_POLICY_OUT;
		if (comp)
			mode = XFRM_MODE_TRANSPORT;
	}
	return n;
}

static void put_policy(struct xfrm *k, struct xname *x, size_t op)
{
	const struct xuse *u = x->top;
	struct nlmsghdr *m = nl_msg(&k->nl, x->in_kernel ? XFRM_MSG_UPDPOLICY : XFRM_MSG_NEWPOLICY, 0, op, false);
	struct xfrm_userpolicy_info *i = mnl_nlmsg_put_extra_header(m, sizeof *i);

	i->sel = x->key.sel;
	i->lft = (struct xfrm_lifetime_cfg){ XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF, 0, 0, 0, 0 };
	i->priority = u->prio;
	i->index = x->index;
	i->dir = (uint8_t)x->key.dir;
	i->action = u->action == KERN_DROP ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW;
	i->share = XFRM_SHARE_ANY;
	if ((u->action == KERN_PROTECT && !u->bare) || u->action == KERN_TRAP) {
		struct xfrm_user_tmpl v[2];
		size_t n = templates(x, u, v);
		mnl_attr_put(m, XFRMA_TMPL, n * sizeof *v, v);
	}
	if (u->offload) {
		struct net_addr ours = { .family = u->family };
		memcpy(ours.a, x->key.dir == XFRM_POLICY_OUT ? u->src : u->dst, sizeof ours.a);
		struct xfrm_user_offload o = { .ifindex = (int)sa_device(&ours),
			.flags = (uint8_t)(XFRM_OFFLOAD_PACKET | (x->key.dir == XFRM_POLICY_IN ? XFRM_OFFLOAD_INBOUND : 0)) };
		mnl_attr_put(m, XFRMA_OFFLOAD_DEV, sizeof o, &o);
	}
	put_name(m, &x->key);
	nl_end(&k->nl, m);
}

/* By the index, which is ours alone. */
static void put_delete(struct xfrm *k, struct xname *x, size_t op)
{
	struct nlmsghdr *m = nl_msg(&k->nl, XFRM_MSG_DELPOLICY, 0, op, true);
	struct xfrm_userpolicy_id *i = mnl_nlmsg_put_extra_header(m, sizeof *i);

	i->sel = x->key.sel;
	i->index = x->index;
	i->dir = (uint8_t)x->key.dir;
	put_name(m, &x->key);
	nl_end(&k->nl, m);
}

int policy_sync(struct xfrm *k)
{
	struct xname *first = k->dirty;
	/* A name that is in the kernel only for an earlier run stays until its time is over. */
	for (struct xname *x = first; x; x = x->dirty_next) {
		if (x->top)
			put_policy(k, x, (size_t)(uintptr_t)x);
		else if (x->in_kernel && !x->left)
			put_delete(k, x, (size_t)(uintptr_t)x);
	}
	int err = nl_flush(&k->nl);
	if (err) {
		/* Some may stand: what is not wanted after all is then deleted by its index. */
		for (struct xname *x = first; x; x = x->dirty_next)
			x->in_kernel |= x->top != NULL;
		return err;
	}
	k->dirty = NULL;
	for (struct xname *x = first, *next; x; x = next) {
		next = x->dirty_next;
		x->dirty = false;
		x->in_kernel = x->top || x->left;
		if (x->top && x->left) {
			x->left = false;
			k->taken++;
		}
		if (!x->in_kernel)
			name_drop(k, x);
	}
	return 0;
}
