/* SPDX-License-Identifier: Apache-2.0 */
#include "ike/pool.h"

#include <stdlib.h>

static COUNTER(c_given, "pool.given", "virtual addresses given out");
static COUNTER(c_again, "pool.again", "virtual addresses given to the identity that had them before");
static COUNTER(c_full, "pool.full", "requests for a virtual address that found no free one");

struct lease {
	handle h;
	uint64_t at;
	struct ike_id id;
	uint64_t id_key;
	uint32_t online;            /* SAs that use it; several while one replaces another */
	struct lease *prev, *next;  /* offline: the longest unused first */
};

struct ike_pool {
	struct ike_pool *next;
	struct conf_pool *conf;
	struct slab *leases;
	struct htab *by_at, *by_id;
	struct lease *idle, *idle_end;
	uint64_t fresh;             /* places before it have been given once */
	uint64_t online;
	bool gone;                  /* not in the configuration any more */
};

/* One pool has at most so many leases. */
#define LEASES_MAX (1u << 20)

static void pool_free(struct ike_pool *p)
{
	uint32_t cursor = 0;
	handle h;

	if (!p)
		return;
	for (struct lease *l; p->leases && (l = slab_next(p->leases, &cursor, &h));)
		free(l->id.data);
	if (p->leases)
		slab_free(p->leases);
	htab_free(p->by_at);
	htab_free(p->by_id);
	conf_pool_free(p->conf);
	free(p);
}

static struct ike_pool *pool_new(struct ike_engine *e, struct conf_pool *c)
{
	struct ike_pool *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->leases = slab_new(sizeof(struct lease), LEASES_MAX);
	p->by_at = htab_new(8, e->seed);
	p->by_id = htab_new(8, e->seed);
	if (!p->leases || !p->by_at || !p->by_id) {
		pool_free(p);
		return NULL;
	}
	p->conf = c;
	return p;
}

void pools_free(struct ike_engine *e)
{
	while (e->pools) {
		struct ike_pool *p = e->pools;
		e->pools = p->next;
		pool_free(p);
	}
}

struct ike_pool *pool_find(const struct ike_engine *e, const char *name)
{
	for (struct ike_pool *p = e->pools; p; p = p->next)
		if (!p->gone && strcmp(p->conf->name, name) == 0)
			return p;
	return NULL;
}

const struct conf_pool *pool_conf(const struct ike_pool *p)
{
	return p->conf;
}

/* ---- leases -------------------------------------------------------------------------------------------------------- */

static void idle_out(struct ike_pool *p, struct lease *l)
{
	*(l->prev ? &l->prev->next : &p->idle) = l->next;
	*(l->next ? &l->next->prev : &p->idle_end) = l->prev;
	l->prev = l->next = NULL;
}

static void idle_in(struct ike_pool *p, struct lease *l)
{
	l->prev = p->idle_end;
	l->next = NULL;
	*(p->idle_end ? &p->idle_end->next : &p->idle) = l;
	p->idle_end = l;
}

static uint64_t key_of(const struct ike_engine *e, const struct ike_id *id)
{
	return siphash(e->seed, ike_id_slice(id)) ^ id->type;
}

static bool same_id(const struct ike_id *a, const struct ike_id *b)
{
	return a->type == b->type && slice_equal(ike_id_slice(a), ike_id_slice(b));
}

static struct lease *lease_at(const struct ike_pool *p, uint64_t at)
{
	uint64_t v;

	return htab_find(p->by_at, slice_of(&at, sizeof at), &v) ? slab_at(p->leases, handle_from_u64(v)) : NULL;
}

/* One of the identity that is idle, or in use with exactly the address that is wanted. */
static struct lease *lease_of(struct ike_engine *e, const struct ike_pool *p, const struct ike_id *id, bool wants, uint64_t want)
{
	uint64_t key = key_of(e, id), cursor = 0, v;
	struct lease *idle = NULL;

	while (htab_find_next(p->by_id, slice_of(&key, sizeof key), &cursor, &v)) {
		struct lease *l = slab_at(p->leases, handle_from_u64(v));
		if (!l || !same_id(&l->id, id))
			continue;
		if (wants && l->at == want)
			return l;
		if (!l->online && !idle)
			idle = l;
	}
	return idle;
}

static void lease_use(struct ike_pool *p, struct lease *l)
{
	if (!l->online) {
		idle_out(p, l);
		p->online++;
	}
	l->online++;
}

static void lease_free(struct ike_pool *p, struct lease *l)
{
	htab_del(p->by_at, slice_of(&l->at, sizeof l->at));
	htab_del_val(p->by_id, slice_of(&l->id_key, sizeof l->id_key), handle_u64(l->h));
	free(l->id.data);
	slab_put(p->leases, l->h);
}

static struct lease *lease_new(struct ike_engine *e, struct ike_pool *p, const struct ike_id *id, uint64_t at)
{
	handle h;
	struct lease *l = slab_get(p->leases, &h);

	if (!l)
		return NULL;
	l->h = h;
	l->at = at;
	ike_id_set(&l->id, id->type, ike_id_slice(id));
	l->id_key = key_of(e, id);
	err_t err = l->id.n == id->n ? htab_add(p->by_at, slice_of(&l->at, sizeof l->at), handle_u64(h)) : E_NOMEM;
	if (!err && htab_add_multi(p->by_id, slice_of(&l->id_key, sizeof l->id_key), handle_u64(h))) {
		htab_del(p->by_at, slice_of(&l->at, sizeof l->at));
		err = E_NOMEM;
	}
	if (err) {
		free(l->id.data);
		slab_put(p->leases, h);
		return NULL;
	}
	idle_in(p, l);
	return l;
}

err_t pool_acquire(struct ike_engine *e, struct ike_pool *p, const struct ike_id *id, const struct net_addr *want,
	struct net_addr *out, uint64_t *at)
{
	static const uint8_t any[16];
	uint64_t place = 0;
	bool wants = memcmp(want->a, any, sizeof any) != 0 && conf_pool_place(p->conf, want, &place);
	struct lease *l = lease_of(e, p, id, wants, place);

	if (l) {
		count_inc(&c_again);
	} else {
		bool taken = !wants || lease_at(p, place);
		if (taken) {
			while (p->fresh < p->conf->size && lease_at(p, p->fresh))
				p->fresh++;
			place = p->fresh;
		}
		if (place >= p->conf->size) {
			if (!p->idle) {
				count_inc(&c_full);
				return E_FULL;
			}
			place = p->idle->at;
			struct lease *old = p->idle;
			idle_out(p, old);
			lease_free(p, old);
		}
		l = lease_new(e, p, id, place);
		if (!l)
			return E_NOMEM;
	}
	lease_use(p, l);
	count_inc(&c_given);
	*out = conf_pool_at(p->conf, l->at);
	*at = l->at;
	return 0;
}

/* Pools that nobody uses any more and that are not configured go. */
static void sweep(struct ike_engine *e)
{
	for (struct ike_pool **at = &e->pools; *at;) {
		struct ike_pool *p = *at;
		if (!p->gone || p->online) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		pool_free(p);
	}
}

void pool_release(struct ike_engine *e, struct ike_pool *p, uint64_t at)
{
	struct lease *l = lease_at(p, at);

	if (!l || !l->online || --l->online)
		return;
	p->online--;
	idle_in(p, l);
	if (p->gone)
		sweep(e);
}

/* ---- configuration and views ------------------------------------------------------------------------------------------ */

void ike_pools_set(struct ike_engine *e, struct conf_pool **v)
{
	struct ike_pool *old;

	for (struct ike_pool *p = e->pools; p; p = p->next)
		p->gone = true;
	for (size_t i = 0; v[i]; i++) {
		for (old = e->pools; old; old = old->next)
			if (strcmp(old->conf->name, v[i]->name) == 0 && old->conf->size == v[i]->size &&
			    net_addr_same(&old->conf->first, &v[i]->first))
				break;
		if (old) {
			/* The same addresses: leases stay, attributes are the new ones. */
			conf_pool_free(old->conf);
			old->conf = v[i];
			old->gone = false;
			continue;
		}
		struct ike_pool *p = pool_new(e, v[i]);
		if (!p) {
			conf_pool_free(v[i]);
			continue;
		}
		p->next = e->pools;
		e->pools = p;
	}
	sweep(e);
}

const struct ike_pool_view *ike_pool_next(struct ike_engine *e, const char *after, struct arena *a)
{
	struct ike_pool *best = NULL;

	/* By name, so that pools may come and go between calls. */
	for (struct ike_pool *p = e->pools; p; p = p->next)
		if (!p->gone && (!after || strcmp(p->conf->name, after) > 0) && (!best || strcmp(p->conf->name, best->conf->name) < 0))
			best = p;
	struct ike_pool_view *v = best ? arena_get(a, sizeof *v) : NULL;
	if (v)
		*v = (struct ike_pool_view){ arena_str(a, slice_str(best->conf->name)), arena_str(a, slice_str(best->conf->base)),
			best->conf->size, best->online, slab_count(best->leases) - best->online };
	return v;
}

const struct ike_lease_view *ike_lease_next(struct ike_engine *e, const char *pool, uint32_t *cursor, struct arena *a)
{
	struct ike_pool *p = pool_find(e, pool);
	handle h;
	struct lease *l = p ? slab_next(p->leases, cursor, &h) : NULL;
	struct ike_lease_view *v = l ? arena_get(a, sizeof *v) : NULL;

	if (v)
		*v = (struct ike_lease_view){ conf_pool_at(p->conf, l->at), l->id.type, arena_slice(a, ike_id_slice(&l->id)),
			l->online != 0 };
	return v;
}
