/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel plugins build their SA and policy tables from; header only, so that a plugin stays one object that
 * needs nothing but the plugin ABI.
 *
 *  pool   objects of one size from chunks; addresses never move; a free object costs no system call
 *  table  intrusive hash table; nodes of one hash are met newest first; adding cannot fail
 *  wheel  objects with a time in seconds, found when they are due; O(1) to arm and to disarm
 *
 * One thread each. Nothing waits.
 */
#ifndef ADIT_KERNEL_COMMON_TABLE_H
#define ADIT_KERNEL_COMMON_TABLE_H

#include "plugin/abi.h"

#include <stdlib.h>

/* ---- pool ---- */

enum { POOL_CHUNK_BYTES = 64 * 1024 };

struct pool {
	size_t object_bytes;
	void *free_list;  /* linked through the first word */
	void **chunk;
	size_t n_chunk, cap_chunk, n_used;
};

static inline void pool_init(struct pool *p, size_t object_bytes)
{
	*p = (struct pool){ .object_bytes = (object_bytes + 7) & ~(size_t)7 };
}

static inline bool pool_grow(struct pool *p)
{
	if (p->n_chunk == p->cap_chunk) {
		size_t cap = p->cap_chunk ? 2 * p->cap_chunk : 8;
		void **v = reallocarray(p->chunk, cap, sizeof *v);
		if (!v)
			return false;
		p->chunk = v;
		p->cap_chunk = cap;
	}
	size_t n = POOL_CHUNK_BYTES / p->object_bytes;
	uint8_t *c = malloc(n * p->object_bytes);
	if (!c)
		return false;
	p->chunk[p->n_chunk++] = c;
	for (size_t i = n; i-- > 0;) {
		*(void **)(c + i * p->object_bytes) = p->free_list;
		p->free_list = c + i * p->object_bytes;
	}
	return true;
}

/* Zeroed; NULL: out of memory. */
static inline void *pool_get(struct pool *p)
{
	if (!p->free_list && !pool_grow(p))
		return NULL;
	void *o = p->free_list;
	p->free_list = *(void **)o;
	p->n_used++;
	memset(o, 0, p->object_bytes);
	return o;
}

static inline void pool_put(struct pool *p, void *o)
{
	*(void **)o = p->free_list;
	p->free_list = o;
	p->n_used--;
}

static inline void pool_fini(struct pool *p)
{
	for (size_t i = 0; i < p->n_chunk; i++)
		free(p->chunk[i]);
	free(p->chunk);
	*p = (struct pool){ 0 };
}

/* ---- table ---- */

struct tab_node {
	struct tab_node *next;
	uint32_t hash;
};

struct tab {
	struct tab_node **bucket;
	uint32_t mask; /* buckets - 1 */
	uint32_t n;
	uint64_t seed[2];
};

static inline bool tab_init(struct tab *t, const uint64_t seed[2])
{
	*t = (struct tab){ .mask = 63, .seed = { seed[0] | 1, seed[1] | 1 } };
	t->bucket = calloc(t->mask + 1, sizeof *t->bucket);
	return t->bucket != NULL;
}

static inline void tab_fini(struct tab *t)
{
	free(t->bucket);
	*t = (struct tab){ 0 };
}

static inline uint64_t tab_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* Seeded, so that a peer who chooses SPIs cannot make chains. */
static inline uint32_t tab_hash(const struct tab *t, const void *key, size_t n)
{
	const uint8_t *p = key;
	uint64_t h = t->seed[0] ^ n;

	for (; n > 0;) {
		uint64_t w = 0;
		size_t k = n < 8 ? n : 8;
		memcpy(&w, p, k);
		h = tab_mix(h ^ w, t->seed[1] ^ 0x9e3779b97f4a7c15u);
		p += k;
		n -= k;
	}
	h = tab_mix(h ^ t->seed[1], 0xd6e8feb86659fd93u);
	return (uint32_t)(h ^ h >> 32);
}

/* Twice as many buckets; chains keep their order. Without memory the old ones do. */
static inline void tab_grow(struct tab *t)
{
	uint32_t old = t->mask + 1, mask = 2 * old - 1;
	struct tab_node **v = calloc(2 * (size_t)old, sizeof(struct tab_node *));

	if (!v)
		return;
	for (uint32_t i = 0; i < old; i++) {
		struct tab_node **lo = &v[i], **hi = &v[i + old];
		for (struct tab_node *n = t->bucket[i]; n; n = n->next) {
			struct tab_node ***tail = n->hash & old ? &hi : &lo;
			**tail = n;
			*tail = &n->next;
		}
		*lo = *hi = NULL;
	}
	free(t->bucket);
	t->bucket = v;
	t->mask = mask;
}

static inline void tab_add(struct tab *t, struct tab_node *n, uint32_t hash)
{
	if (t->n > t->mask && t->mask < UINT32_MAX / 2)
		tab_grow(t);
	struct tab_node **b = &t->bucket[hash & t->mask];
	n->hash = hash;
	n->next = *b;
	*b = n;
	t->n++;
}

static inline void tab_del(struct tab *t, struct tab_node *n)
{
	struct tab_node **p = &t->bucket[n->hash & t->mask];

	while (*p && *p != n)
		p = &(*p)->next;
	if (!*p)
		return;
	*p = n->next;
	t->n--;
}

/* The nodes of a hash: for (n = tab_first(t, h); n; n = tab_next(n, h)). */
static inline struct tab_node *tab_next(const struct tab_node *n, uint32_t hash)
{
	struct tab_node *x = n->next;

	while (x && x->hash != hash)
		x = x->next;
	return x;
}

static inline struct tab_node *tab_first(const struct tab *t, uint32_t hash)
{
	struct tab_node *n = t->bucket[hash & t->mask];

	return !n || n->hash == hash ? n : tab_next(n, hash);
}

/* ---- wheel ---- */

enum { WHEEL_SLOTS = 4096 };

struct wheel_node {
	struct wheel_node *next, **link; /* link NULL: not armed */
	uint32_t due_s;
};

struct wheel {
	struct wheel_node *slot[WHEEL_SLOTS];
	uint32_t now_s; /* every slot up to here has been looked at */
};

static inline void wheel_disarm(struct wheel_node *n)
{
	if (!n->link)
		return;
	*n->link = n->next;
	if (n->next)
		n->next->link = n->link;
	n->link = NULL;
}

/* due_s is on the scale of wheel_due's now_s; what is past is due at the next second. */
static inline void wheel_arm(struct wheel *w, struct wheel_node *n, uint32_t due_s)
{
	wheel_disarm(n);
	n->due_s = due_s > w->now_s ? due_s : w->now_s + 1;
	struct wheel_node **s = &w->slot[n->due_s % WHEEL_SLOTS];
	n->next = *s;
	if (n->next)
		n->next->link = &n->next;
	n->link = s;
	*s = n;
}

/* One node that is due, disarmed, or NULL when all up to now_s have been given. */
static inline struct wheel_node *wheel_due(struct wheel *w, uint32_t now_s)
{
	while (w->now_s < now_s) {
		for (struct wheel_node *n = w->slot[(w->now_s + 1) % WHEEL_SLOTS]; n; n = n->next)
			if (n->due_s <= w->now_s + 1) {
				wheel_disarm(n);
				return n;
			}
		w->now_s++;
	}
	return NULL;
}

#endif
