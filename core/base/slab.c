/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of chunks; a chunk has a power of two of objects. The generation of a slot is odd while an object lives
 * in it and even while it is free. A chunk that is given back leaves the highest generation of its slots in the
 * directory, so that a handle of old stays stale when the place is used again.
 */
#include "base/slab.h"
#include "base/poison.h"
#include "base/secret.h"

#include <stdlib.h>

enum { CHUNK_BYTES = 32768, PER_MIN_SHIFT = 3, PER_MAX_SHIFT = 8, NONE = UINT16_MAX };

struct chunk {
	uint32_t dir;               /* index in the directory */
	uint32_t live;
	uint16_t free_head;         /* first free slot, NONE when full */
	struct chunk *prev, *next;  /* list of chunks with room */
	uint32_t *gen;
	uint16_t *link;             /* next free slot */
	uint8_t *obj;
};

struct dir_entry {
	struct chunk *c;
	uint32_t gen;       /* highest generation of a chunk that stood here */
	uint32_t next_free; /* directory entries without chunk: index + 1, 0 end */
};

struct slab {
	size_t size;        /* of one object, rounded to 16 */
	uint32_t shift;     /* objects of a chunk: 1 << shift */
	uint32_t max, count;
	struct dir_entry *dir;
	uint32_t n_dir, cap_dir;
	uint32_t free_dir;  /* index + 1 */
	struct chunk *room; /* chunks with a free slot */
	uint32_t empties;   /* chunks without any object; one is kept */
};

struct slab *slab_new(size_t object_size, uint32_t max_objects)
{
	struct slab *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->size = (object_size + 15) & ~(size_t)15;
	if (!s->size)
		s->size = 16;
	s->max = max_objects ? max_objects : UINT32_C(1) << 31;
	s->shift = PER_MIN_SHIFT;
	while (s->shift < PER_MAX_SHIFT && s->size << (s->shift + 1) <= CHUNK_BYTES)
		s->shift++;
	return s;
}

static void chunk_free(struct slab *s, struct chunk *c)
{
	mem_unpoison(c->obj, s->size << s->shift);
	free(c->obj);
	free(c->gen);
	free(c->link);
	free(c);
}

void slab_free(struct slab *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n_dir; i++) {
		struct chunk *c = s->dir[i].c;
		if (!c)
			continue;
		mem_unpoison(c->obj, s->size << s->shift);
		mem_wipe(c->obj, s->size << s->shift);
		chunk_free(s, c);
	}
	free(s->dir);
	free(s);
}

static void room_link(struct slab *s, struct chunk *c)
{
	c->prev = NULL;
	c->next = s->room;
	if (s->room)
		s->room->prev = c;
	s->room = c;
}

static void room_unlink(struct slab *s, struct chunk *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		s->room = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

/* Index of a directory entry without chunk; UINT32_MAX: out of memory. */
static uint32_t dir_entry_get(struct slab *s)
{
	if (s->free_dir) {
		uint32_t i = s->free_dir - 1;
		s->free_dir = s->dir[i].next_free;
		return i;
	}
	if (s->n_dir == s->cap_dir) {
		uint32_t cap = s->cap_dir ? 2 * s->cap_dir : 16;
		struct dir_entry *d = reallocarray(s->dir, cap, sizeof *d);
		if (!d)
			return UINT32_MAX;
		s->dir = d;
		s->cap_dir = cap;
	}
	s->dir[s->n_dir] = (struct dir_entry){ NULL, 0, 0 };
	return s->n_dir++;
}

static struct chunk *chunk_new(struct slab *s)
{
	uint32_t per = UINT32_C(1) << s->shift;
	uint32_t d = dir_entry_get(s);
	if (d == UINT32_MAX)
		return NULL;
	struct chunk *c = calloc(1, sizeof *c);
	if (c) {
		c->gen = calloc(per, sizeof *c->gen);
		c->link = calloc(per, sizeof *c->link);
		c->obj = calloc(per, s->size);
	}
	if (!c || !c->gen || !c->link || !c->obj) {
		if (c) {
			free(c->gen);
			free(c->link);
			free(c->obj);
			free(c);
		}
		s->dir[d].next_free = s->free_dir;
		s->free_dir = d + 1;
		return NULL;
	}
	c->dir = d;
	for (uint32_t i = 0; i < per; i++) {
		c->gen[i] = s->dir[d].gen;
		c->link[i] = i + 1 < per ? (uint16_t)(i + 1) : NONE;
	}
	mem_poison(c->obj, s->size << s->shift);
	s->dir[d].c = c;
	s->empties++;
	room_link(s, c);
	return c;
}

void *slab_get(struct slab *s, handle *h)
{
	if (s->count >= s->max)
		return NULL;
	struct chunk *c = s->room ? s->room : chunk_new(s);
	if (!c)
		return NULL;
	uint16_t i = c->free_head;
	c->free_head = c->link[i];
	if (c->free_head == NONE)
		room_unlink(s, c);
	if (c->live++ == 0)
		s->empties--;
	c->gen[i]++;
	s->count++;
	*h = (handle){ c->dir << s->shift | i, c->gen[i] };
	uint8_t *p = c->obj + i * s->size;
	mem_unpoison(p, s->size);
	return p;
}

/* The chunk and slot of a live handle. */
static struct chunk *find(const struct slab *s, handle h, uint32_t *slot)
{
	uint32_t d = h.idx >> s->shift;
	struct chunk *c = d < s->n_dir ? s->dir[d].c : NULL;

	*slot = h.idx & ((UINT32_C(1) << s->shift) - 1);
	return c && (h.gen & 1) && c->gen[*slot] == h.gen ? c : NULL;
}

void *slab_at(const struct slab *s, handle h)
{
	uint32_t i;
	struct chunk *c = find(s, h, &i);

	return c ? c->obj + i * s->size : NULL;
}

static void chunk_give_back(struct slab *s, struct chunk *c)
{
	struct dir_entry *d = &s->dir[c->dir];

	for (uint32_t i = 0; i < UINT32_C(1) << s->shift; i++)
		if (c->gen[i] > d->gen)
			d->gen = c->gen[i];
	room_unlink(s, c);
	d->c = NULL;
	d->next_free = s->free_dir;
	s->free_dir = c->dir + 1;
	s->empties--;
	chunk_free(s, c);
}

void slab_put(struct slab *s, handle h)
{
	uint32_t i;
	struct chunk *c = find(s, h, &i);

	if (!c)
		return;
	mem_wipe(c->obj + i * s->size, s->size);
	mem_poison(c->obj + i * s->size, s->size);
	c->gen[i]++;
	if (c->free_head == NONE)
		room_link(s, c);
	c->link[i] = c->free_head;
	c->free_head = (uint16_t)i;
	s->count--;
	if (--c->live == 0 && ++s->empties > 1)
		chunk_give_back(s, c);
}

uint32_t slab_count(const struct slab *s)
{
	return s->count;
}

void *slab_next(const struct slab *s, uint32_t *cursor, handle *h)
{
	uint32_t per = UINT32_C(1) << s->shift;

	while (*cursor >> s->shift < s->n_dir) {
		struct chunk *c = s->dir[*cursor >> s->shift].c;
		if (!c || !c->live) {
			*cursor = ((*cursor >> s->shift) + 1) << s->shift;
			continue;
		}
		uint32_t i = (*cursor)++ & (per - 1);
		if (!(c->gen[i] & 1))
			continue;
		*h = (handle){ c->dir << s->shift | i, c->gen[i] };
		return c->obj + i * s->size;
	}
	return NULL;
}
