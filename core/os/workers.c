/* SPDX-License-Identifier: Apache-2.0 */
#include "os/workers.h"
#include "base/count.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct queue {
	struct work *first, **last;
};

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct queue waiting, ready;
	unsigned n_waiting, max_waiting, busy;
	bool stop;
	struct loop_wake *wake;  /* something is ready */
	struct loop_flush *turn; /* without threads */
	unsigned n_threads;
	pthread_t thread[];
};

static COUNTER(c_full, "workers.full", "pieces of work refused because the queue of the workers was full");
static COUNTER(c_done, "workers.done", "pieces of work done by the workers");

static void queue_put(struct queue *q, struct work *j)
{
	j->next = NULL;
	*q->last = j;
	q->last = &j->next;
}

static struct work *queue_get(struct queue *q)
{
	struct work *j = q->first;

	if (j) {
		q->first = j->next;
		if (!q->first)
			q->last = &q->first;
	}
	return j;
}

static struct work *queue_all(struct queue *q)
{
	struct work *j = q->first;

	q->first = NULL;
	q->last = &q->first;
	return j;
}

static void give_back(struct workers *w, struct work *chain, bool ran)
{
	while (chain) {
		struct work *j = chain;
		chain = j->next;
		w->busy--;
		j->done(j, ran);
	}
}

static void ready_came(void *arg)
{
	struct workers *w = arg;

	pthread_mutex_lock(&w->lock);
	struct work *chain = queue_all(&w->ready);
	pthread_mutex_unlock(&w->lock);
	give_back(w, chain, true);
}

static void *run(void *arg)
{
	struct workers *w = arg;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->waiting.first && !w->stop)
			pthread_cond_wait(&w->more, &w->lock);
		if (w->stop)
			break;
		struct work *j = queue_get(&w->waiting);
		w->n_waiting--;
		pthread_mutex_unlock(&w->lock);
		j->run(j);
		count_inc(&c_done);
		pthread_mutex_lock(&w->lock);
		queue_put(&w->ready, j);
		loop_wake_send(w->wake);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Without threads: one piece at the end of each turn. */
static void one_inline(void *arg)
{
	struct workers *w = arg;
	struct work *j = queue_get(&w->waiting);

	if (!j)
		return;
	w->n_waiting--;
	j->run(j);
	count_inc(&c_done);
	w->busy--;
	j->done(j, true);
	if (w->waiting.first)
		loop_flush_want(w->turn);
}

static err_t start_threads(struct workers *w, unsigned n, struct diag **why)
{
	sigset_t all, before;
	char name[16];

	/* Signals are for the loop thread alone. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (; w->n_threads < n; w->n_threads++) {
		int no = pthread_create(&w->thread[w->n_threads], NULL, run, w);
		if (no) {
			pthread_sigmask(SIG_SETMASK, &before, NULL);
			return diag_errno(why, E_IO, no, "cannot start worker thread %u of %u (fewer: --workers)",
				w->n_threads + 1, n);
		}
		snprintf(name, sizeof name, "adit-work%u", w->n_threads);
		pthread_setname_np(w->thread[w->n_threads], name);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return 0;
}

err_t workers_new(struct loop *l, unsigned n_threads, unsigned max_waiting, struct workers **out, struct diag **why)
{
	if (n_threads > 256)
		return diag_set(why, E_BAD_VALUE, "%u worker threads: at most 256", n_threads);
	struct workers *w = calloc(1, sizeof *w + n_threads * sizeof w->thread[0]);
	if (!w)
		return diag_set(why, E_NOMEM, "no memory for workers");
	w->max_waiting = max_waiting;
	w->waiting.last = &w->waiting.first;
	w->ready.last = &w->ready.first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	err_t e = 0;
	if (!n_threads) {
		w->turn = loop_flush(l, one_inline, w);
		e = w->turn ? 0 : diag_set(why, E_NOMEM, "no memory for workers");
	} else {
		w->wake = loop_wake(l, ready_came, w);
		e = w->wake ? start_threads(w, n_threads, why) : diag_set(why, E_NOMEM, "no memory for workers");
	}
	if (e) {
		workers_free(w);
		return e;
	}
	*out = w;
	return 0;
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->n_threads; i++)
		pthread_join(w->thread[i], NULL);
	loop_unflush(w->turn);
	loop_unwake(w->wake);
	give_back(w, queue_all(&w->ready), true);
	give_back(w, queue_all(&w->waiting), false);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->more);
	free(w);
}

err_t workers_put(struct workers *w, struct work *job)
{
	pthread_mutex_lock(&w->lock);
	bool room = w->n_waiting < w->max_waiting && !w->stop;
	if (room) {
		queue_put(&w->waiting, job);
		w->n_waiting++;
		pthread_cond_signal(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
	if (!room) {
		count_inc(&c_full);
		return E_FULL;
	}
	w->busy++;
	if (w->turn)
		loop_flush_want(w->turn);
	return 0;
}

unsigned workers_busy(const struct workers *w)
{
	return w->busy;
}
