/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of counters: a list ordered by name that only grows. The lock is recursive: a callback may count. */
#include "base/count.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct counter *first;

void counter_register(struct counter *c)
{
	pthread_mutex_lock(&lock);
	if (!atomic_load_explicit(&c->known, memory_order_relaxed)) {
		struct counter **at = &first;
		while (*at && strcmp((*at)->name, c->name) < 0)
			at = &(*at)->next;
		c->next = *at;
		*at = c;
		atomic_store_explicit(&c->known, true, memory_order_relaxed);
	}
	pthread_mutex_unlock(&lock);
}

void counter_each(void (*cb)(void *arg, const struct counter *c), void *arg)
{
	pthread_mutex_lock(&lock);
	for (const struct counter *c = first; c; c = c->next)
		cb(arg, c);
	pthread_mutex_unlock(&lock);
}

/* Ends of the section that COUNTER puts its pointers into; the linker defines them when there is one. */
extern struct counter *const __start_adit_counters[] __attribute__((weak, visibility("hidden")));
extern struct counter *const __stop_adit_counters[] __attribute__((weak, visibility("hidden")));

void counter_register_all(void)
{
	for (struct counter *const *p = __start_adit_counters; p < __stop_adit_counters; p++)
		counter_register(*p);
}
