/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap of pointers to intrusive timers; each timer knows its place. */
#include "ike/timer.h"

#include <stdlib.h>

void timers_init(struct timers *h)
{
	*h = (struct timers){ 0 };
}

void timers_fini(struct timers *h)
{
	free(h->heap);
	*h = (struct timers){ 0 };
}

err_t timer_reserve(struct timers *h, uint32_t n)
{
	if (n > UINT32_MAX / 2 - h->reserved)
		return E_LIMIT;
	uint32_t need = h->reserved + n;
	if (need > h->cap) {
		uint32_t cap = h->cap ? h->cap : 64;
		while (cap < need)
			cap *= 2;
		struct ike_timer **heap = realloc(h->heap, cap * sizeof *heap);
		if (!heap)
			return E_NOMEM;
		h->heap = heap;
		h->cap = cap;
	}
	h->reserved = need;
	return 0;
}

void timer_release(struct timers *h, uint32_t n)
{
	h->reserved -= n;
}

static void place(struct timers *h, uint32_t i, struct ike_timer *t)
{
	h->heap[i] = t;
	t->pos = i + 1;
}

static void up(struct timers *h, uint32_t i)
{
	struct ike_timer *t = h->heap[i];

	for (; i && h->heap[(i - 1) / 2]->at_ms > t->at_ms; i = (i - 1) / 2)
		place(h, i, h->heap[(i - 1) / 2]);
	place(h, i, t);
}

static void down(struct timers *h, uint32_t i)
{
	struct ike_timer *t = h->heap[i];

	for (;;) {
		uint32_t c = 2 * i + 1;
		if (c >= h->n)
			break;
		if (c + 1 < h->n && h->heap[c + 1]->at_ms < h->heap[c]->at_ms)
			c++;
		if (h->heap[c]->at_ms >= t->at_ms)
			break;
		place(h, i, h->heap[c]);
		i = c;
	}
	place(h, i, t);
}

void timer_set(struct timers *h, struct ike_timer *t, uint64_t at_ms, ike_timer_fn *fire)
{
	t->fire = fire;
	t->at_ms = at_ms;
	if (!t->pos) {
		place(h, h->n++, t);
		up(h, h->n - 1);
		return;
	}
	up(h, t->pos - 1);
	down(h, t->pos - 1);
}

void timer_stop(struct timers *h, struct ike_timer *t)
{
	if (!t->pos)
		return;
	uint32_t i = t->pos - 1;
	t->pos = 0;
	struct ike_timer *last = h->heap[--h->n];
	if (last == t)
		return;
	place(h, i, last);
	up(h, i);
	down(h, last->pos - 1);
}

uint64_t timers_next_ms(const struct timers *h)
{
	return h->n ? h->heap[0]->at_ms : UINT64_MAX;
}

struct ike_timer *timers_due(struct timers *h, uint64_t now_ms)
{
	if (!h->n || h->heap[0]->at_ms > now_ms)
		return NULL;
	struct ike_timer *t = h->heap[0];
	timer_stop(h, t);
	return t;
}
