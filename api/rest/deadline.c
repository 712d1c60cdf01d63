/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rest/deadline.h"

#include "base/count.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static COUNTER(c_slow, "rest.slow", "connections that were closed because a request did not come to its end in time");

struct waiter {
	struct deadlines *d;
	struct waiter *prev, *next;
	uint64_t since_ms; /* 0: a request is being answered */
	int fd;
};

struct deadlines {
	pthread_mutex_t lock;
	struct waiter *first;
};

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000 + 1;
}

struct deadlines *deadlines_new(void)
{
	struct deadlines *d = calloc(1, sizeof *d);
	if (d)
		pthread_mutex_init(&d->lock, NULL);
	return d;
}

void deadlines_free(struct deadlines *d)
{
	if (d)
		pthread_mutex_destroy(&d->lock);
	free(d);
}

static void begin(struct deadlines *d, struct MHD_Connection *c, void **ctx)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct waiter *w = i ? calloc(1, sizeof *w) : NULL;
	*ctx = w;
	if (!w)
		return;
	*w = (struct waiter){ .d = d, .fd = i->connect_fd, .since_ms = now_ms() };
	pthread_mutex_lock(&d->lock);
	w->next = d->first;
	if (w->next)
		w->next->prev = w;
	d->first = w;
	pthread_mutex_unlock(&d->lock);
}

/* The library closes the socket after this: nobody shuts down a number that has become another connection's. */
static void end(struct deadlines *d, void **ctx)
{
	struct waiter *w = *ctx;
	*ctx = NULL;
	if (!w)
		return;
	pthread_mutex_lock(&d->lock);
	if (w->next)
		w->next->prev = w->prev;
	if (w->prev)
		w->prev->next = w->next;
	else
		d->first = w->next;
	pthread_mutex_unlock(&d->lock);
	free(w);
}

void deadlines_notify(void *arg, struct MHD_Connection *c, void **ctx, enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		begin(arg, c, ctx);
	else
		end(arg, ctx);
}

static void set(struct MHD_Connection *c, uint64_t since_ms)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct waiter *w = i ? i->socket_context : NULL;
	if (!w)
		return;
	pthread_mutex_lock(&w->d->lock);
	w->since_ms = since_ms;
	pthread_mutex_unlock(&w->d->lock);
}

void deadlines_arrived(struct MHD_Connection *c)
{
	set(c, 0);
}

void deadlines_again(struct MHD_Connection *c)
{
	set(c, now_ms());
}

size_t deadlines_sweep(struct deadlines *d, uint64_t longest_ms)
{
	uint64_t now = now_ms();
	size_t n = 0;
	pthread_mutex_lock(&d->lock);
	for (struct waiter *w = d->first; w; w = w->next)
		if (w->since_ms && now - w->since_ms > longest_ms) {
			shutdown(w->fd, SHUT_RDWR);
			w->since_ms = 0;
			n++;
		}
	pthread_mutex_unlock(&d->lock);
	count_add(&c_slow, n);
	return n;
}
