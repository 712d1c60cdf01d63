/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_queue.h"
#include "base/count.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct item {
	struct item *next;
	size_t bytes;
	struct log_record r;
	struct net_addr peer;
	char strings[];
};

struct log_queue {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more, written;
	struct item *first, **last;
	size_t records, bytes;
	uint64_t put, done; /* records ever put, and written with idle() behind them */
	uint64_t lost;      /* not yet told */
	bool stop;
	void (*write)(void *arg, const struct log_record *r);
	void (*idle)(void *arg);
	void *arg;
};

static COUNTER(c_lost, "log.lost", "log records lost because the queue of the log was full");

static size_t room_of(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static const char *keep(char **at, const char *s)
{
	char *to = *at;
	size_t n = room_of(s);

	if (!s)
		return NULL;
	memcpy(to, s, n);
	*at += n;
	return to;
}

static struct item *item_new(const struct log_record *r)
{
	size_t bytes = sizeof(struct item) + room_of(r->text) + room_of(r->ctx.conn) + room_of(r->ctx.child);
	struct item *it = malloc(bytes);

	if (!it)
		return NULL;
	char *at = it->strings;
	it->next = NULL;
	it->bytes = bytes;
	it->r = *r;
	it->r.text = keep(&at, r->text);
	it->r.ctx.conn = keep(&at, r->ctx.conn);
	it->r.ctx.child = keep(&at, r->ctx.child);
	if (r->ctx.peer) {
		it->peer = *r->ctx.peer;
		it->r.ctx.peer = &it->peer;
	}
	return it;
}

static void tell_lost(struct log_queue *q, uint64_t lost, uint64_t time_ns)
{
	char text[96];

	snprintf(text, sizeof text, "%llu log records were lost: the log could not be written fast enough",
		(unsigned long long)lost);
	q->write(q->arg, &(struct log_record){ .time_ns = time_ns, .sub = LOG_DAEMON, .level = LOG_AUDIT,
		.text = text });
}

/* Writes all of a chain; the lock is not held. */
static void write_chain(struct log_queue *q, struct item *it, uint64_t lost)
{
	if (lost)
		tell_lost(q, lost, it->r.time_ns);
	while (it) {
		struct item *next = it->next;
		q->write(q->arg, &it->r);
		free(it);
		it = next;
	}
	q->idle(q->arg);
}

static void *run(void *arg)
{
	struct log_queue *q = arg;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		while (!q->first && !q->stop)
			pthread_cond_wait(&q->more, &q->lock);
		if (!q->first)
			break;
		struct item *chain = q->first;
		uint64_t upto = q->put, lost = q->lost;
		q->first = NULL;
		q->last = &q->first;
		q->records = q->bytes = 0;
		q->lost = 0;
		pthread_mutex_unlock(&q->lock);
		write_chain(q, chain, lost);
		pthread_mutex_lock(&q->lock);
		q->done = upto;
		pthread_cond_broadcast(&q->written);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

struct log_queue *log_queue_new(void (*write)(void *arg, const struct log_record *r), void (*idle)(void *arg),
	void *arg)
{
	struct log_queue *q = calloc(1, sizeof *q);
	sigset_t all, before;

	if (!q)
		return NULL;
	q->last = &q->first;
	q->write = write;
	q->idle = idle;
	q->arg = arg;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->more, NULL);
	pthread_cond_init(&q->written, NULL);
	/* Signals are for the loop thread alone. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int no = pthread_create(&q->thread, NULL, run, q);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (no) {
		free(q);
		return NULL;
	}
	pthread_setname_np(q->thread, "adit-log");
	return q;
}

void log_queue_free(struct log_queue *q)
{
	if (!q)
		return;
	pthread_mutex_lock(&q->lock);
	q->stop = true;
	pthread_cond_signal(&q->more);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->thread, NULL);
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->more);
	pthread_cond_destroy(&q->written);
	free(q);
}

void log_queue_put(struct log_queue *q, const struct log_record *r)
{
	struct item *it = item_new(r);

	pthread_mutex_lock(&q->lock);
	if (!it || q->records >= LOG_QUEUE_RECORDS || q->bytes + it->bytes > LOG_QUEUE_BYTES) {
		q->lost++;
		count_inc(&c_lost);
		free(it);
	} else {
		*q->last = it;
		q->last = &it->next;
		q->records++;
		q->bytes += it->bytes;
		q->put++;
		pthread_cond_signal(&q->more);
	}
	pthread_mutex_unlock(&q->lock);
}

void log_queue_flush(struct log_queue *q)
{
	if (pthread_equal(pthread_self(), q->thread))
		return;
	pthread_mutex_lock(&q->lock);
	uint64_t upto = q->put;
	while (q->done < upto)
		pthread_cond_wait(&q->written, &q->lock);
	pthread_mutex_unlock(&q->lock);
}
