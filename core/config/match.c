/* SPDX-License-Identifier: Apache-2.0 */
/* The index of connections by address. */
#include "config/match.h"

#include "base/htab.h"

#include <stdlib.h>

/* How exact an address is given: any 0, a prefix its length + 1, one address more than each of them. */
enum { EXACT = 255 };

struct group {
	uint16_t quality; /* remote << 8 | local */
	struct match_list list;
};

/* Groups, the more exact first. */
struct ladder {
	struct group *v;
	size_t n;
};

struct match {
	struct htab *exact; /* family and address of the peer → struct ladder */
	struct ladder wild;
};

/* ---- lists ---------------------------------------------------------------------------------------------------- */

size_t match_list_from(const struct match_list *l, uint64_t seq)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->v[mid].seq < seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

err_t match_list_add(struct match_list *l, uint64_t seq, struct conf_conn *c, uint32_t pair)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 4;
		struct match_slot *v = realloc(l->v, cap * sizeof *v);
		if (!v)
			return E_NOMEM;
		l->v = v;
		l->cap = cap;
	}
	/* Most often the newest; a replaced connection goes back to its place, behind what is left of its old one. */
	size_t at = match_list_from(l, seq + 1);
	memmove(&l->v[at + 1], &l->v[at], (l->n - at) * sizeof *l->v);
	l->v[at] = (struct match_slot){ seq, c, pair };
	l->n++;
	return 0;
}

void match_list_del(struct match_list *l, uint64_t seq, const struct conf_conn *c)
{
	for (size_t i = match_list_from(l, seq); i < l->n && l->v[i].seq == seq; i++)
		if (l->v[i].conn == c) {
			l->v[i].conn = NULL;
			l->gaps++;
		}
	if (l->gaps * 2 <= l->n)
		return;
	size_t k = 0;
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].conn)
			l->v[k++] = l->v[i];
	l->n = k;
	l->gaps = 0;
}

void match_list_fini(struct match_list *l)
{
	free(l->v);
	*l = (struct match_list){ 0 };
}

/* ---- ladders ---------------------------------------------------------------------------------------------------- */

static void ladder_fini(struct ladder *d)
{
	for (size_t i = 0; i < d->n; i++)
		match_list_fini(&d->v[i].list);
	free(d->v);
	*d = (struct ladder){ 0 };
}

static struct group *ladder_group(struct ladder *d, uint16_t quality, bool make)
{
	size_t at = 0;

	while (at < d->n && d->v[at].quality > quality)
		at++;
	if (at < d->n && d->v[at].quality == quality)
		return &d->v[at];
	if (!make)
		return NULL;
	struct group *v = realloc(d->v, (d->n + 1) * sizeof *v);
	if (!v)
		return NULL;
	d->v = v;
	memmove(&v[at + 1], &v[at], (d->n - at) * sizeof *v);
	v[at] = (struct group){ .quality = quality };
	d->n++;
	return &v[at];
}

/* ---- pairs of addresses --------------------------------------------------------------------------------------- */

/* Bits all addresses of the range have in common. */
static unsigned common_bits(const struct ts_sel *t)
{
	unsigned max = 8u * net_addr_len(t->family), n = 0;

	while (n < max && !((t->lo[n / 8] ^ t->hi[n / 8]) >> (7 - n % 8) & 1))
		n++;
	return n;
}

static uint8_t quality_of(const struct ts_sel *t)
{
	unsigned n;

	if (!t)
		return 0;
	n = common_bits(t);
	return n == 8u * net_addr_len(t->family) ? EXACT : (uint8_t)(n + 1);
}

static bool fits(const struct ts_sel *t, const struct net_addr *a)
{
	if (!t || !a || a->family == NET_NONE)
		return true;
	size_t len = net_addr_len(a->family);
	return t->family == a->family && memcmp(a->a, t->lo, len) >= 0 && memcmp(a->a, t->hi, len) <= 0;
}

static uint32_t n_local(const struct conf_conn *c)
{
	return c->n_local_nets ? c->n_local_nets : 1;
}

static uint32_t n_pairs(const struct conf_conn *c)
{
	return (c->n_remote_nets ? c->n_remote_nets : 1) * n_local(c);
}

/* NULL: any address. */
static const struct ts_sel *pair_remote(const struct conf_conn *c, uint32_t pair)
{
	return c->n_remote_nets ? &c->remote_nets[pair / n_local(c)] : NULL;
}

static const struct ts_sel *pair_local(const struct conf_conn *c, uint32_t pair)
{
	return c->n_local_nets ? &c->local_nets[pair % n_local(c)] : NULL;
}

static uint16_t pair_quality(const struct conf_conn *c, uint32_t pair)
{
	return (uint16_t)(quality_of(pair_remote(c, pair)) << 8 | quality_of(pair_local(c, pair)));
}

/* A connection may fit by several of its pairs: only the most exact one of them speaks. */
static bool is_best_pair(const struct conf_conn *c, uint32_t pair, const struct net_addr *local,
			 const struct net_addr *remote)
{
	uint16_t q = pair_quality(c, pair);

	for (uint32_t p = 0, n = n_pairs(c); p < n; p++) {
		uint16_t other = pair_quality(c, p);
		if ((other > q || (other == q && p < pair)) && fits(pair_remote(c, p), remote) && fits(pair_local(c,
			p), local))
			return false;
	}
	return true;
}

bool match_local_fits(const struct conf_conn *c, const struct net_addr *local)
{
	for (uint32_t p = 0; p < n_local(c); p++)
		if (fits(pair_local(c, p), local))
			return true;
	return false;
}

/* ---- the index --------------------------------------------------------------------------------------------------- */

enum { KEY_LEN = 17 };

static slice key_of(uint8_t family, const uint8_t a[16], uint8_t buf[KEY_LEN])
{
	buf[0] = family;
	memcpy(buf + 1, a, 16);
	return slice_of(buf, KEY_LEN);
}

struct match *match_new(const uint8_t seed[16])
{
	struct match *m = calloc(1, sizeof *m);

	if (m)
		m->exact = htab_new(KEY_LEN, seed);
	if (m && !m->exact) {
		free(m);
		return NULL;
	}
	return m;
}

void match_free(struct match *m)
{
	uint64_t cursor = 0, v;

	if (!m)
		return;
	while (htab_each(m->exact, &cursor, &v)) {
		struct ladder *d = (struct ladder *)(uintptr_t)v;
		ladder_fini(d);
		free(d);
	}
	htab_free(m->exact);
	ladder_fini(&m->wild);
	free(m);
}

/* The ladder a pair stands on; made when it is not there. */
static struct ladder *ladder_of(struct match *m, const struct ts_sel *remote, bool make)
{
	uint8_t buf[KEY_LEN];
	uint64_t v;

	if (quality_of(remote) != EXACT)
		return &m->wild;
	slice key = key_of(remote->family, remote->lo, buf);
	if (htab_find(m->exact, key, &v))
		return (struct ladder *)(uintptr_t)v;
	struct ladder *d = make ? calloc(1, sizeof *d) : NULL;
	if (d && htab_add(m->exact, key, (uintptr_t)d)) {
		free(d);
		return NULL;
	}
	return d;
}

static bool is_empty(const struct ladder *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].list.n > d->v[i].list.gaps)
			return false;
	return true;
}

void match_del(struct match *m, struct conf_conn *c, uint64_t seq)
{
	uint8_t buf[KEY_LEN];

	for (uint32_t p = 0, n = n_pairs(c); p < n; p++) {
		const struct ts_sel *remote = pair_remote(c, p);
		struct ladder *d = ladder_of(m, remote, false);
		struct group *g = d ? ladder_group(d, pair_quality(c, p), false) : NULL;

		if (g)
			match_list_del(&g->list, seq, c);
		if (d && d != &m->wild && is_empty(d)) {
			htab_del(m->exact, key_of(remote->family, remote->lo, buf));
			ladder_fini(d);
			free(d);
		}
	}
}

err_t match_add(struct match *m, struct conf_conn *c, uint64_t seq)
{
	if (!c->n_remote)
		return 0;
	for (uint32_t p = 0, n = n_pairs(c); p < n; p++) {
		struct ladder *d = ladder_of(m, pair_remote(c, p), true);
		struct group *g = d ? ladder_group(d, pair_quality(c, p), true) : NULL;

		if (!g || match_list_add(&g->list, seq, c, p)) {
			match_del(m, c, seq);
			return E_NOMEM;
		}
	}
	return 0;
}

struct conf_conn *match_next(const struct match *m, const struct net_addr *local, const struct net_addr *remote,
			     size_t *cursor)
{
	uint8_t buf[KEY_LEN];
	uint64_t v;
	const struct ladder *ladders[2] = { NULL, &m->wild };
	size_t before = 0;

	if (htab_find(m->exact, key_of(remote->family, remote->a, buf), &v))
		ladders[0] = (const struct ladder *)(uintptr_t)v;
	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; ladders[k] && i < ladders[k]->n; i++) {
			const struct match_list *l = &ladders[k]->v[i].list;
			while (*cursor < before + l->n) {
				const struct match_slot *s = &l->v[*cursor - before];
				++*cursor;
				if (s->conn && fits(pair_remote(s->conn, s->pair), remote) &&
				    fits(pair_local(s->conn, s->pair), local) && is_best_pair(s->conn, s->pair,
				    local, remote))
					return s->conn;
			}
			before += l->n;
		}
	}
	return NULL;
}
