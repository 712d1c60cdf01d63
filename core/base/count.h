/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters. Declared statically where they are counted and registered at first use; metrics, `adit` and the API read
 * the registry by name. Relaxed atomics: any thread.
 */
#ifndef ADIT_BASE_COUNT_H
#define ADIT_BASE_COUNT_H

#include "slice.h"

#include <stdatomic.h>

struct counter {
	const char *name; /* "ike.rx.malformed": subsystem first */
	const char *help;
	_Atomic uint64_t v;
	struct counter *next;
	atomic_bool known;
};

/* The pointer stands in a list that the linker makes, so that metrics can tell of counters that nothing was counted on. */
#define COUNTER(var, name, help) \
	struct counter var = { name, help, 0, NULL, false }; \
	static struct counter *const var##_listed __attribute__((section("adit_counters"), used)) = &var

void counter_register(struct counter *c);

static inline void count_add(struct counter *c, uint64_t n)
{
	if (!atomic_load_explicit(&c->known, memory_order_relaxed))
		counter_register(c);
	atomic_fetch_add_explicit(&c->v, n, memory_order_relaxed);
}

static inline void count_inc(struct counter *c)
{
	count_add(c, 1);
}

static inline uint64_t counter_get(const struct counter *c)
{
	return atomic_load_explicit(&c->v, memory_order_relaxed);
}

/* Registers every counter of this program, counted on or not; those of plugins come with their first use. */
void counter_register_all(void);

/* Calls cb for each registered counter, ordered by name. */
void counter_each(void (*cb)(void *arg, const struct counter *c), void *arg);

#endif
