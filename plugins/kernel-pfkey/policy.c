/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies. Several uses of one name (a trap, the tunnel above it, the next tunnel beside that) stand in a list; the
 * first is what the kernel has.
 */
#include "plugins/kernel-common/span.h"
#include "plugins/kernel-pfkey/pfkey.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

enum { PROTO_ANY = 255 }; /* IPSEC_PROTO_ANY */

/* ---- names ---- */

/* A single port or all of them: the protocol has no ranges. For ICMP type and code stand in both. */
static bool port_of(const struct ts_sel *t, uint16_t *out)
{
	*out = t->port_lo == t->port_hi ? t->port_lo : 0;
	return t->port_lo == t->port_hi || (t->port_lo == 0 && t->port_hi == UINT16_MAX);
}

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

err_t pf_policy_keys(const struct kern_policy *p, struct pf_key *v, size_t *n)
{
	const struct ts_sel *from = p->dir == KERN_OUT ? &p->local : &p->remote;
	const struct ts_sel *to = p->dir == KERN_OUT ? &p->remote : &p->local;
	uint8_t src[SPLIT_MAX][16], dst[SPLIT_MAX][16], src_bits[SPLIT_MAX], dst_bits[SPLIT_MAX];
	struct pf_key key;
	size_t len = net_addr_len(from->family);

	*n = 0;
	memset(&key, 0, sizeof key);
	memset(src, 0, sizeof src);
	memset(dst, 0, sizeof dst);
	key.dir = p->dir;
	key.family = from->family;
	key.proto = from->proto ? from->proto : to->proto;
	if (!port_of(from, &key.src_port) || !port_of(to, &key.dst_port))
		return E_NOT_SUPPORTED;
	/* As the kernel compares them: the type as source port, the code as destination port. */
	if (is_icmp(key.proto)) {
		uint16_t both = key.src_port ? key.src_port : key.dst_port;
		key.src_port = both >> 8;
		key.dst_port = both & 0xff;
	}
	size_t a = span_split(from->lo, from->hi, len, src, src_bits, SPLIT_MAX);
	size_t b = span_split(to->lo, to->hi, len, dst, dst_bits, SPLIT_MAX);
	if (a > SPLIT_MAX || b > SPLIT_MAX || a * b > SPLIT_MAX)
		return E_LIMIT;
	for (size_t i = 0; i < a * b; i++) {
		struct pf_key *o = &v[(*n)++];
		memcpy(o, &key, sizeof key);
		o->src_bits = src_bits[i % a];
		o->dst_bits = dst_bits[i / a];
		memcpy(o->src, src[i % a], 16);
		memcpy(o->dst, dst[i / a], 16);
	}
	return 0;
}

static struct pf_name *name_of(struct pfkey *k, const struct pf_key *key, bool make)
{
	uint32_t h = tab_hash(&k->names, key, sizeof *key);

	for (struct tab_node *t = tab_first(&k->names, h); t; t = tab_next(t, h))
		if (memcmp(&((struct pf_name *)t)->key, key, sizeof *key) == 0)
			return (struct pf_name *)t;
	struct pf_name *x = make ? pool_get(&k->name_pool) : NULL;
	if (!x)
		return NULL;
	memcpy(&x->key, key, sizeof *key);
	tab_add(&k->names, &x->node, h);
	return x;
}

static void name_drop(struct pfkey *k, struct pf_name *x)
{
	tab_del(&k->names, &x->node);
	pool_put(&k->name_pool, x);
}

struct pf_name *pf_policy_by_id(struct pfkey *k, uint32_t id)
{
	for (uint32_t b = 0; k->names.bucket && b <= k->names.mask; b++)
		for (struct tab_node *t = k->names.bucket[b]; t; t = t->next)
			if (((struct pf_name *)t)->id == id)
				return (struct pf_name *)t;
	return NULL;
}

/* ---- messages ---- */

/* Lower wins. As strongSwan and kernel-xfrm compute it: a base for the kind, less what the selector says exactly. */
static uint32_t prio_of(const struct kern_policy *p, const struct pf_key *key)
{
	enum { BASE = 200000 };
	static const uint8_t kind[] = { [KERN_PASS] = 1, [KERN_PROTECT] = 2, [KERN_TRAP] = 3, [KERN_DROP] = 4 };
	unsigned ports = (key->src_port ? 16u : 0) + (key->dst_port ? 16u : 0);

	if (p->priority)
		return p->priority;
	return BASE * kind[p->action & 3] - (((uint32_t)key->src_bits + key->dst_bits) << 9) - (key->proto ? 1u << 8 : 0) -
		(ports << 2) - (p->action != KERN_TRAP);
}

static bool has_template(const struct pf_use *u)
{
	return u && !u->bare && (u->action == KERN_PROTECT || u->action == KERN_TRAP);
}

static void put_policy(struct pf_msg *m, const struct pf_key *key, const struct pf_use *u)
{
	static const uint8_t dirs[] = { [KERN_IN] = IPSEC_DIR_INBOUND, [KERN_OUT] = IPSEC_DIR_OUTBOUND, [KERN_FWD] = IPSEC_DIR_FWD };
	bool protect = has_template(u), tunnel = u && u->mode == KERN_TUNNEL;
	size_t addr = protect && tunnel ? (u->dst.family == NET_V4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) : 0;
	size_t req = protect ? (sizeof(struct sadb_x_ipsecrequest) + 2 * addr + 7) / 8 * 8 : 0;
	struct sadb_x_policy *p = pf_ext(m, SADB_X_EXT_POLICY, sizeof *p + req);

	if (!p)
		return;
	p->sadb_x_policy_dir = dirs[key->dir];
	p->sadb_x_policy_type = protect ? IPSEC_POLICY_IPSEC : u && u->action == KERN_DROP ? IPSEC_POLICY_DISCARD :
		IPSEC_POLICY_NONE;
	p->sadb_x_policy_priority = u ? u->prio : 0;
	if (!protect)
		return;
	struct sadb_x_ipsecrequest *r = (struct sadb_x_ipsecrequest *)(p + 1);
	r->sadb_x_ipsecrequest_len = (uint16_t)req;
	r->sadb_x_ipsecrequest_proto = u->proto;
	r->sadb_x_ipsecrequest_mode = tunnel ? IPSEC_MODE_TUNNEL : IPSEC_MODE_TRANSPORT;
	r->sadb_x_ipsecrequest_level = IPSEC_LEVEL_UNIQUE;
	r->sadb_x_ipsecrequest_reqid = u->reqid;
	if (tunnel) {
		uint8_t *at = (uint8_t *)(r + 1);
		at += pf_sockaddr(at, &u->src, 0);
		pf_sockaddr(at, &u->dst, 0);
	}
}

static void put_ends(struct pf_msg *m, const struct pf_key *key)
{
	struct net_addr src = { .family = key->family }, dst = { .family = key->family };
	uint8_t proto = key->proto ? key->proto : PROTO_ANY;

	memcpy(src.a, key->src, 16);
	memcpy(dst.a, key->dst, 16);
	pf_put_addr(m, SADB_EXT_ADDRESS_SRC, &src, key->src_bits, proto, key->src_port);
	pf_put_addr(m, SADB_EXT_ADDRESS_DST, &dst, key->dst_bits, proto, key->dst_port);
}

static void on_added(void *arg, const struct pf_in *in)
{
	const struct sadb_x_policy *p = (const struct sadb_x_policy *)in->ext[SADB_X_EXT_POLICY];

	if (p)
		*(uint32_t *)arg = p->sadb_x_policy_id;
}

int pf_policy_remove(struct pfkey *k, const struct pf_key *key)
{
	struct pf_msg m;

	pf_begin(k, &m, SADB_X_SPDDELETE, SADB_SATYPE_UNSPEC);
	put_ends(&m, key);
	put_policy(&m, key, NULL);
	int err = pf_ask(k, &m, NULL, NULL);
	return err == ENOENT || err == ESRCH ? 0 : err;
}

/* Brings the kernel in line with the list; errno. */
static int name_sync(struct pfkey *k, struct pf_name *x)
{
	struct pf_msg m;
	int err;

	/* A name that is there only for an earlier run stays until its time is over. */
	if (!x->top && x->left)
		return 0;
	if (!x->top) {
		err = x->in_kernel ? pf_policy_remove(k, &x->key) : 0;
		if (!err && x->in_kernel)
			pf_journal_policy(k, &x->key, 0, 0, PF_GOES);
		x->in_kernel &= err != 0;
		return err;
	}
	pf_begin(k, &m, x->in_kernel ? SADB_X_SPDUPDATE : SADB_X_SPDADD, SADB_SATYPE_UNSPEC);
	put_ends(&m, &x->key);
	put_policy(&m, &x->key, x->top);
	pf_journal_policy(k, &x->key, has_template(x->top) ? x->top->reqid : 0, x->top->prio,
		x->in_kernel ? PF_CHANGES : PF_COMES);
	err = pf_ask(k, &m, on_added, &x->id);
	if (err && !x->in_kernel)
		pf_journal_policy(k, &x->key, 0, 0, PF_GOES);
	x->in_kernel |= !err;
	if (!err && x->left) {
		x->left = false;
		k->taken++;
	}
	return err;
}

static void key_text(const struct pf_key *key, char buf[160])
{
	static const char *const dirs[] = { [KERN_IN] = "in", [KERN_OUT] = "out", [KERN_FWD] = "fwd" };
	struct net_addr src = { .family = key->family }, dst = { .family = key->family };
	char s[NET_ADDR_TEXT], d[NET_ADDR_TEXT];

	memcpy(src.a, key->src, 16);
	memcpy(dst.a, key->dst, 16);
	snprintf(buf, 160, "%s/%u to %s/%u %s", net_addr_text(&src, false, s), key->src_bits, net_addr_text(&dst, false, d),
		key->dst_bits, dirs[key->dir]);
}

/* ---- uses ---- */

static struct pf_use *use_find(struct pf_name *x, const struct kern_policy *p)
{
	for (struct pf_use *u = x->top; u; u = u->next)
		if (u->reqid == p->reqid && u->action == p->action)
			return u;
	return x->top;
}

static void use_take(struct pf_name *x, struct pf_use *u)
{
	struct pf_use **at = &x->top;

	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
}

static void use_put(struct pf_name *x, struct pf_use *u, struct pf_use *before)
{
	struct pf_use **at = before ? &before->next : &x->top;

	u->next = *at;
	*at = u;
}

static void touch(struct pfkey *k, struct pf_name *x)
{
	if (x->dirty)
		return;
	x->dirty = true;
	x->dirty_next = k->dirty;
	k->dirty = x;
}

static bool room_for_change(struct pfkey *k)
{
	if (k->n_changes < k->cap_changes)
		return true;
	size_t cap = k->cap_changes ? 2 * k->cap_changes : 32;
	struct pf_change *v = reallocarray(k->changes, cap, sizeof *v);
	if (!v)
		return false;
	k->changes = v;
	k->cap_changes = cap;
	return true;
}

static err_t add_one(struct pfkey *k, const struct kern_policy *p, const struct pf_key *key, size_t op)
{
	struct pf_name *x = room_for_change(k) ? name_of(k, key, true) : NULL;
	struct pf_use *u = x ? pool_get(&k->use_pool) : NULL, *before = NULL;

	if (!u) {
		if (x && !x->top && !x->in_kernel && !x->dirty)
			name_drop(k, x);
		return E_NOMEM;
	}
	*u = (struct pf_use){ .cookie = p->cookie, .reqid = p->reqid, .prio = prio_of(p, key), .action = p->action,
		.mode = p->mode, .proto = p->proto ? p->proto : 50, .bare = p->bare, .src = p->src, .dst = p->dst };
	for (struct pf_use *o = x->top; o && o->prio < u->prio; o = o->next)
		before = o;
	use_put(x, u, before);
	k->changes[k->n_changes++] = (struct pf_change){ x, u, before, op, true };
	touch(k, x);
	return 0;
}

static err_t del_one(struct pfkey *k, const struct kern_policy *p, const struct pf_key *key, size_t op)
{
	struct pf_name *x = name_of(k, key, false);
	struct pf_use *u = x ? use_find(x, p) : NULL, *before = NULL;

	if (!u)
		return E_NOT_FOUND;
	if (!room_for_change(k))
		return E_NOMEM;
	for (struct pf_use *o = x->top; o != u; o = o->next)
		before = o;
	use_take(x, u);
	k->changes[k->n_changes++] = (struct pf_change){ x, u, before, op, false };
	touch(k, x);
	return 0;
}

static err_t check(struct pfkey *k, const struct kern_policy *p)
{
	const char *what = p->mark || p->mark_mask ? "marks" : p->if_id ? "interface ids" : p->mode == KERN_BEET ? "BEET mode" :
		p->ipcomp ? "IPComp" : *p->interface ? "interfaces" : p->reqid > REQID_MAX ? "request ids over 16383" : NULL;

	if (what)
		pf_log(k, 1, "kernel-pfkey: a policy cannot be installed: PF_KEY has no room for %s", what);
	return what ? E_NOT_SUPPORTED : 0;
}

err_t pf_policy_add(struct pfkey *k, const struct kern_policy *p, size_t op)
{
	struct pf_key keys[SPLIT_MAX];
	size_t n;
	err_t e = check(k, p);

	if (e)
		return e;
	e = pf_policy_keys(p, keys, &n);
	if (e)
		pf_log(k, 1, "kernel-pfkey: a policy cannot be installed: %s", e == E_LIMIT ? "its addresses make too many prefixes" :
			"PF_KEY has no ranges of ports");
	for (size_t i = 0; !e && i < n; i++)
		e = add_one(k, p, &keys[i], op);
	return e;
}

err_t pf_policy_del(struct pfkey *k, const struct kern_policy *p, size_t op)
{
	struct pf_key keys[SPLIT_MAX];
	size_t n;
	err_t e = pf_policy_keys(p, keys, &n);

	for (size_t i = 0; !e && i < n; i++)
		e = del_one(k, p, &keys[i], op);
	return e;
}

/* ---- batches ---- */

static size_t op_of(const struct pfkey *k, const struct pf_name *x)
{
	for (size_t i = 0; i < k->n_changes; i++)
		if (k->changes[i].x == x)
			return k->changes[i].op;
	return 0;
}

err_t pf_policies_sync(struct pfkey *k, size_t *op)
{
	char text[160];

	while (k->dirty) {
		struct pf_name *x = k->dirty;
		int err = name_sync(k, x);
		if (err) {
			*op = op_of(k, x);
			key_text(&x->key, text);
			return pf_fail(k, err, "%s the policy %s", x->top ? "install" : "remove", text);
		}
		k->dirty = x->dirty_next;
		x->dirty = false;
	}
	return 0;
}

/* Names that nothing uses any more go. */
static void end_batch(struct pfkey *k)
{
	for (size_t i = 0; i < k->n_changes; i++) {
		struct pf_name *x = k->changes[i].x;
		if (!x || x->top || x->in_kernel || x->dirty)
			continue;
		for (size_t n = i; n < k->n_changes; n++)
			if (k->changes[n].x == x)
				k->changes[n].x = NULL;
		name_drop(k, x);
	}
	k->n_changes = 0;
}

void pf_policies_undo(struct pfkey *k)
{
	for (size_t i = k->n_changes; i-- > 0;) {
		struct pf_change *c = &k->changes[i];
		if (c->added) {
			use_take(c->x, c->u);
			pool_put(&k->use_pool, c->u);
		} else {
			use_put(c->x, c->u, c->before);
		}
		touch(k, c->x);
	}
	/* What was refused before is so again; all others get their turn. */
	for (struct pf_name *x = k->dirty; x; x = x->dirty_next) {
		(void)name_sync(k, x);
		x->dirty = false;
	}
	k->dirty = NULL;
	end_batch(k);
}

void pf_policies_settle(struct pfkey *k)
{
	for (size_t i = 0; i < k->n_changes; i++)
		if (!k->changes[i].added)
			pool_put(&k->use_pool, k->changes[i].u);
	end_batch(k);
}

void pf_policies_clear(struct pfkey *k)
{
	for (uint32_t b = 0; k->names.bucket && b <= k->names.mask; b++)
		for (struct tab_node *t = k->names.bucket[b], *next; t; t = next) {
			struct pf_name *x = (struct pf_name *)t;
			next = t->next;
			if (x->in_kernel)
				(void)!pf_policy_remove(k, &x->key);
		}
}

/* ---- what an earlier run has left ---- */

err_t pf_policy_left(struct pfkey *k, const struct pf_key *key, uint32_t id, uint32_t reqid, uint32_t prio)
{
	struct pf_name *x = name_of(k, key, true);

	if (!x)
		return E_NOMEM;
	x->id = id;
	x->left_reqid = reqid;
	x->left_prio = prio;
	x->in_kernel = x->left = true;
	return 0;
}

uint32_t pf_policies_unleave(struct pfkey *k)
{
	uint32_t n = 0;

	for (uint32_t b = 0; b <= k->names.mask; b++)
		for (struct tab_node *t = k->names.bucket[b], *next; t; t = next) {
			struct pf_name *x = (struct pf_name *)t;
			next = t->next;
			if (!x->left)
				continue;
			x->left = false;
			(void)name_sync(k, x);
			if (!x->top && !x->in_kernel)
				name_drop(k, x);
			n++;
		}
	return n;
}

uint32_t pf_policy_left_reqid(struct pfkey *k, const struct kern_policy *p)
{
	struct pf_key keys[SPLIT_MAX];
	size_t n;

	if (!k->left_until_s || pf_policy_keys(p, keys, &n) || !n)
		return 0;
	const struct pf_name *x = name_of(k, &keys[0], false);
	return x && x->left ? x->left_reqid : 0;
}
