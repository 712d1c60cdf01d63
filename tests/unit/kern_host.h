/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for the unit tests of the kernel plugins: a clock that is set by hand, one timer, the events and counters
 * that were told. No loop, no threads.
 */
#ifndef ADIT_TESTS_KERN_HOST_H
#define ADIT_TESTS_KERN_HOST_H

#include "plugin/abi.h"

#include <stdio.h>
#include <sys/random.h>

struct kern_host {
	uint64_t now_ms;
	void (*tick)(void *arg);
	void *tick_arg;
	struct kern_event ev[64];
	size_t n_ev;
};

static inline uint64_t kern_host_now(void *h)
{
	return ((struct kern_host *)h)->now_ms;
}

static inline err_t kern_host_random(void *h, uint8_t *out, size_t n)
{
	(void)h;
	return getrandom(out, n, 0) == (ssize_t)n ? 0 : E_IO;
}

static inline struct plug_timer *kern_host_timer(void *h, uint64_t after_ms, uint64_t every_ms,
	void (*cb)(void *arg), void *arg)
{
	struct kern_host *k = h;

	(void)after_ms, (void)every_ms;
	k->tick = cb;
	k->tick_arg = arg;
	return (struct plug_timer *)k;
}

static inline void kern_host_untimer(void *h, struct plug_timer *t)
{
	(void)t;
	((struct kern_host *)h)->tick = NULL;
}

static inline void kern_host_event(void *h, const struct kern_event *ev)
{
	struct kern_host *k = h;

	if (k->n_ev < ARRAY_LEN(k->ev))
		k->ev[k->n_ev++] = *ev;
}

static inline void kern_host_count(void *h, const char *name, uint64_t n)
{
	(void)h, (void)name, (void)n;
}

static inline void kern_host_log(void *h, int level, const char *text)
{
	(void)h;
	if (level <= 1)
		fprintf(stderr, "%s\n", text);
}

static inline struct plug_host kern_host_make(struct kern_host *k)
{
	return (struct plug_host){
		.size = sizeof(struct plug_host), .h = k, .log = kern_host_log, .random = kern_host_random,
		.now_ms = kern_host_now, .timer = kern_host_timer, .untimer = kern_host_untimer,
		.kern_event = kern_host_event, .count = kern_host_count,
	};
}

#endif
