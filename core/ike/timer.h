/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers of one engine: a heap of intrusive nodes. A timer is embedded in the object it belongs to, costs 24 bytes and
 * O(log n) to set or stop; setting never fails for a lack of memory: the heap has room for every timer that was
 * announced with timer_reserve when its object was made. Due timers are called one after the other by timers_run; a
 * call may set, stop and free any timer, its own object included. One thread.
 */
#ifndef ADIT_IKE_TIMER_H
#define ADIT_IKE_TIMER_H

#include "base/err.h"

struct ike_engine;
struct ike_timer;

typedef void ike_timer_fn(struct ike_engine *e, struct ike_timer *t);

struct ike_timer {
	uint64_t at_ms;
	ike_timer_fn *fire;
	uint32_t pos; /* place in the heap, counted from 1; 0: not running */
};

struct timers {
	struct ike_timer **heap;
	uint32_t n, cap;
	uint32_t reserved; /* timers that exist */
};

void timers_init(struct timers *h);
void timers_fini(struct timers *h);
/* Room for n more timers, given back with timer_release when their object goes. E_NOMEM: make no such object. */
MUST err_t timer_reserve(struct timers *h, uint32_t n);
void timer_release(struct timers *h, uint32_t n);

/* (Re)starts the timer: at_ms is absolute. */
void timer_set(struct timers *h, struct ike_timer *t, uint64_t at_ms, ike_timer_fn *fire);
void timer_stop(struct timers *h, struct ike_timer *t); /* a stopped one is fine */
static inline bool timer_runs(const struct ike_timer *t)
{
	return t->pos != 0;
}

uint64_t timers_next_ms(const struct timers *h); /* UINT64_MAX none */
/* Takes the first timer that is due out of the heap, NULL none. */
struct ike_timer *timers_due(struct timers *h, uint64_t now_ms);

/* The object around a timer. */
#define TIMER_OF(t, type, member) ((type *)(void *)((char *)(t) - offsetof(type, member)))

#endif
