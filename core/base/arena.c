/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/poison.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_BYTES = 4096, ALIGN = 16 };

struct arena_block {
	struct arena_block *next; /* older */
	size_t cap, used;
	_Alignas(ALIGN) uint8_t data[];
};

void arena_init(struct arena *a, size_t limit_bytes)
{
	*a = (struct arena){ NULL, 0, limit_bytes };
}

static struct arena_block *block_new(struct arena *a, size_t need)
{
	size_t cap = need > BLOCK_BYTES - sizeof(struct arena_block) ? need : BLOCK_BYTES - sizeof(struct arena_block);
	struct arena_block *b = malloc(sizeof *b + cap);

	if (!b)
		return NULL;
	*b = (struct arena_block){ a->head, cap, 0 };
	mem_poison(b->data, cap);
	a->head = b;
	return b;
}

void *arena_get(struct arena *a, size_t n)
{
	if (n > SIZE_MAX / 2 || a->used_bytes > a->limit_bytes || n > a->limit_bytes - a->used_bytes)
		return NULL;
	size_t room = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (room == 0)
		room = ALIGN;
	struct arena_block *b = a->head;
	if (!b || b->cap - b->used < room)
		b = block_new(a, room);
	if (!b)
		return NULL;
	void *p = b->data + b->used;
	b->used += room;
	a->used_bytes += n;
	mem_unpoison(p, n);
	return memset(p, 0, n);
}

void *arena_dup(struct arena *a, const void *p, size_t n)
{
	void *q = arena_get(a, n);

	if (q && n)
		memcpy(q, p, n);
	return q;
}

slice arena_slice(struct arena *a, slice s)
{
	void *p = s.n ? arena_dup(a, s.p, s.n) : NULL;

	return p ? slice_of(p, s.n) : SLICE_NONE;
}

char *arena_str(struct arena *a, slice s)
{
	char *p = s.n < SIZE_MAX ? arena_get(a, s.n + 1) : NULL;

	if (p && s.n)
		memcpy(p, s.p, s.n);
	return p;
}

char *arena_fmt(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	char *p = arena_get(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void arena_reset(struct arena *a)
{
	struct arena_block *b = a->head;

	while (b && b->next) {
		struct arena_block *older = b->next;
		mem_unpoison(b->data, b->cap);
		free(b);
		b = older;
	}
	a->head = b;
	a->used_bytes = 0;
	if (b) {
		mem_poison_fill(b->data, b->used);
		mem_poison(b->data, b->cap);
		b->used = 0;
	}
}

void arena_fini(struct arena *a)
{
	arena_reset(a);
	if (a->head)
		mem_unpoison(a->head->data, a->head->cap);
	free(a->head);
	a->head = NULL;
}
