/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kernel-user/policy.h"

/* Prefix length of the address range of a selector, -1 when it is none. */
static int sel_bits(const struct ts_sel *t)
{
	size_t n = net_addr_len(t->family);
	int bits = 0;
	size_t i = 0;

	for (; i < n && t->lo[i] == t->hi[i]; i++)
		bits += 8;
	if (i == n)
		return bits;
	uint8_t diff = t->lo[i] ^ t->hi[i];
	if ((diff & (diff + 1)) || (t->lo[i] & diff))
		return -1;
	bits += __builtin_clz(diff) - 24;
	while (++i < n)
		if (t->lo[i] != 0 || t->hi[i] != 0xff)
			return -1;
	return bits;
}

static void addr_mask(uint8_t out[16], const uint8_t in[16], uint8_t bits)
{
	size_t whole = bits / 8;

	memset(out, 0, 16);
	memcpy(out, in, whole);
	if (bits % 8)
		out[whole] = in[whole] & (uint8_t)(0xff00 >> bits % 8);
}

static uint32_t addr_hash(const struct policies *t, const struct policy_shape *s, const uint8_t local[16],
	const uint8_t remote[16])
{
	uint8_t key[36] = { s->family, s->local_bits, s->remote_bits };

	addr_mask(key + 4, local, s->local_bits);
	addr_mask(key + 20, remote, s->remote_bits);
	return tab_hash(&t->by_addr, key, sizeof key);
}

static uint32_t name_hash(const struct policies *t, uint8_t dir, const struct ts_sel *local, const struct ts_sel *remote)
{
	uint8_t key[2 * sizeof *local + 1];

	memcpy(key, local, sizeof *local);
	memcpy(key + sizeof *local, remote, sizeof *remote);
	key[sizeof key - 1] = dir;
	return tab_hash(&t->by_name, key, sizeof key);
}

static bool sel_ports(const struct ts_sel *t)
{
	return t->port_lo != 0 || t->port_hi != 65535;
}

/* More specific selectors win: what has no number of its own gets one from the selectors. */
static uint32_t sel_rank(const struct ts_sel *local, const struct ts_sel *remote)
{
	uint32_t rank = 1u << 18;
	const struct ts_sel *v[] = { local, remote };

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		int bits = sel_bits(v[i]);
		rank -= (bits < 0 ? 1u : (uint32_t)bits * 4u + 2u) * 64u;
		rank -= v[i]->proto ? 8 : 0;
		rank -= sel_ports(v[i]) ? 16 : 0;
	}
	return rank;
}

err_t policies_init(struct policies *t, const uint64_t seed[2])
{
	*t = (struct policies){ 0 };
	pool_init(&t->pool, sizeof(struct policy));
	if (tab_init(&t->by_name, seed) && tab_init(&t->by_addr, seed))
		return 0;
	policies_fini(t);
	return E_NOMEM;
}

static void held_free(struct policy *p)
{
	while (p->held) {
		struct held *h = p->held;
		p->held = h->next;
		free(h);
	}
}

void policies_fini(struct policies *t)
{
	for (uint32_t i = 0; t->by_name.bucket && i <= t->by_name.mask; i++)
		for (struct tab_node *n = t->by_name.bucket[i]; n; n = n->next)
			held_free((struct policy *)n);
	for (size_t i = 0; i < t->n_shape; i++)
		free(t->shape[i]);
	free(t->shape);
	tab_fini(&t->by_name);
	tab_fini(&t->by_addr);
	pool_fini(&t->pool);
	*t = (struct policies){ 0 };
}

/* ---- linking ---- */

static struct policy_shape *shape_get(struct policies *t, uint8_t family, uint8_t local_bits, uint8_t remote_bits)
{
	for (size_t i = 0; i < t->n_shape; i++) {
		struct policy_shape *s = t->shape[i];
		if (s->family == family && s->local_bits == local_bits && s->remote_bits == remote_bits)
			return s;
	}
	struct policy_shape **v = reallocarray(t->shape, t->n_shape + 1, sizeof *v);
	if (!v)
		return NULL;
	t->shape = v;
	struct policy_shape *s = malloc(sizeof *s);
	if (!s)
		return NULL;
	*s = (struct policy_shape){ family, local_bits, remote_bits, 0 };
	t->shape[t->n_shape++] = s;
	return s;
}

static void shape_put(struct policies *t, struct policy_shape *s)
{
	if (--s->n)
		return;
	for (size_t i = 0; i < t->n_shape; i++)
		if (t->shape[i] == s)
			t->shape[i] = t->shape[--t->n_shape];
	free(s);
}

err_t policy_link(struct policies *t, struct policy *p)
{
	int lb = sel_bits(&p->local), rb = sel_bits(&p->remote);

	if (p->dir == KERN_OUT && lb >= 0 && rb >= 0) {
		p->shape = shape_get(t, p->local.family, (uint8_t)lb, (uint8_t)rb);
		if (!p->shape)
			return E_NOMEM;
		p->shape->n++;
		tab_add(&t->by_addr, &p->by_addr, addr_hash(t, p->shape, p->local.lo, p->remote.lo));
	} else if (p->dir == KERN_OUT) {
		struct policy **at = &t->wild;
		while (*at && (*at)->rank < p->rank)
			at = &(*at)->wild_next;
		p->wild_next = *at;
		*at = p;
	}
	tab_add(&t->by_name, &p->by_name, name_hash(t, p->dir, &p->local, &p->remote));
	t->n_whole += p->whole;
	return 0;
}

void policy_unlink(struct policies *t, struct policy *p)
{
	tab_del(&t->by_name, &p->by_name);
	t->n_whole -= p->whole;
	if (p->shape) {
		tab_del(&t->by_addr, &p->by_addr);
		shape_put(t, p->shape);
		p->shape = NULL;
		return;
	}
	for (struct policy **at = &t->wild; *at; at = &(*at)->wild_next)
		if (*at == p) {
			*at = p->wild_next;
			return;
		}
}

err_t policy_add(struct policies *t, const struct kern_policy *in, struct policy **out)
{
	if (in->local.family != in->remote.family || !net_addr_len(in->local.family))
		return E_BAD_VALUE;
	struct policy *p = pool_get(&t->pool);
	if (!p)
		return E_NOMEM;
	p->local = in->local;
	p->remote = in->remote;
	p->dir = in->dir;
	p->action = in->action;
	p->mode = in->mode;
	p->priority = in->priority;
	p->rank = in->priority ? in->priority : sel_rank(&in->local, &in->remote);
	p->mark = in->mark;
	p->mark_mask = in->mark_mask;
	p->if_id = in->if_id;
	p->reqid = in->reqid;
	p->spi = in->spi;
	p->cookie = in->cookie;
	p->source_ip = in->source_ip;
	p->age = ++t->age;
	p->whole = p->dir == KERN_OUT && (sel_ports(&p->local) || sel_ports(&p->remote) || p->mode == KERN_TRANSPORT);
	err_t e = policy_link(t, p);
	if (e)
		pool_put(&t->pool, p);
	*out = e ? NULL : p;
	return e;
}

void policy_free(struct policies *t, struct policy *p)
{
	held_free(p);
	pool_put(&t->pool, p);
}

/* ---- finding ---- */

struct policy *policy_named(struct policies *t, const struct kern_policy *in)
{
	uint32_t h = name_hash(t, in->dir, &in->local, &in->remote);
	struct policy *best = NULL;
	int best_score = -1;

	for (struct tab_node *n = tab_first(&t->by_name, h); n; n = tab_next(n, h)) {
		struct policy *p = (struct policy *)n;
		if (p->dir != in->dir || p->mark != in->mark || p->mark_mask != in->mark_mask || p->if_id != in->if_id ||
			p->priority != in->priority || memcmp(&p->local, &in->local, sizeof in->local) != 0 ||
			memcmp(&p->remote, &in->remote, sizeof in->remote) != 0)
			continue;
		int score = (p->action == in->action) * 8 + (p->reqid == in->reqid) * 4 + (p->spi == in->spi) * 2 +
			(p->cookie == in->cookie);
		if (score > best_score || (score == best_score && p->age > best->age)) {
			best = p;
			best_score = score;
		}
	}
	return best;
}

static bool policy_before(const struct policy *a, const struct policy *b)
{
	if (!b)
		return true;
	if (a->rank != b->rank)
		return a->rank < b->rank;
	if ((a->action == KERN_PROTECT) != (b->action == KERN_PROTECT))
		return a->action == KERN_PROTECT;
	return a->age > b->age;
}

static bool policy_matches(const struct policy *p, const struct ip_pkt *ip)
{
	return ip_matches(&p->local, ip, ip->src, ip->sport) && ip_matches(&p->remote, ip, ip->dst, ip->dport);
}

struct policy *policy_find(const struct policies *t, const struct ip_pkt *ip)
{
	struct policy *best = NULL;

	for (size_t i = 0; i < t->n_shape; i++) {
		const struct policy_shape *s = t->shape[i];
		if (s->family != ip->family)
			continue;
		uint32_t h = addr_hash(t, s, ip->src, ip->dst);
		for (struct tab_node *n = tab_first(&t->by_addr, h); n; n = tab_next(n, h)) {
			struct policy *p = (struct policy *)((char *)n - offsetof(struct policy, by_addr));
			if (policy_before(p, best) && policy_matches(p, ip))
				best = p;
		}
	}
	for (struct policy *p = t->wild; p && (!best || p->rank <= best->rank); p = p->wild_next)
		if (policy_before(p, best) && policy_matches(p, ip))
			best = p;
	return best;
}
