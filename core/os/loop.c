/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libuv closes a handle later: each object is one allocation that frees itself in the close callback, and `gone` keeps
 * its user from being called in between.
 */
#include "os/loop.h"
#include "base/count.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

struct mail {
	void (*cb)(void *arg);
	void *arg;
};

struct loop {
	uv_loop_t uv;
	uv_async_t wake;
	uv_timer_t once; /* bounds the wait of loop_once */
	pthread_mutex_t lock;
	struct mail *box; /* ring of cap messages */
	size_t cap, first, n;
};

struct loop_watch {
	uv_poll_t uv;
	int fd;
	int events; /* wanted, LOOP_* */
	bool gone;
	void (*cb)(void *arg, int fd, int events);
	void *arg;
};

struct loop_timer {
	uv_timer_t uv;
	bool gone;
	uint64_t every_ms;
	void (*cb)(void *arg);
	void *arg;
};

struct loop_signal {
	uv_signal_t uv;
	bool gone;
	void (*cb)(void *arg, int signo);
	void *arg;
};

struct loop_wake {
	uv_async_t uv;
	bool gone;
	void (*cb)(void *arg);
	void *arg;
};

struct loop_flush {
	uv_prepare_t before_wait;
	uv_idle_t no_wait; /* while wanted, the loop does not wait */
	bool wanted;
	int open_handles;
	void (*cb)(void *arg);
	void *arg;
};

static COUNTER(c_dead, "loop.dead", "descriptors that are watched no longer, because their error stays");
static COUNTER(c_full, "loop.mailbox_full", "messages of other threads that found the mailbox of the loop full");

uint64_t loop_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

static void mailbox_read(uv_async_t *h)
{
	struct loop *l = h->data;

	pthread_mutex_lock(&l->lock);
	/* Only what is there now: a message that posts another one must not keep the loop here. */
	for (size_t n = l->n; n > 0; n--) {
		struct mail m = l->box[l->first];
		l->first = (l->first + 1) % l->cap;
		l->n--;
		pthread_mutex_unlock(&l->lock);
		m.cb(m.arg);
		pthread_mutex_lock(&l->lock);
	}
	if (l->n)
		uv_async_send(&l->wake);
	pthread_mutex_unlock(&l->lock);
}

err_t loop_new(struct loop **out, struct diag **why)
{
	struct loop *l = calloc(1, sizeof *l);
	int e;

	if (!l)
		return diag_set(why, E_NOMEM, "no memory for the event loop");
	e = uv_loop_init(&l->uv);
	if (e) {
		free(l);
		return diag_set(why, E_IO, "cannot make the event loop: %s", uv_strerror(e));
	}
	e = uv_async_init(&l->uv, &l->wake, mailbox_read);
	if (e) {
		uv_loop_close(&l->uv);
		free(l);
		return diag_set(why, E_IO, "cannot make the mailbox of the event loop: %s", uv_strerror(e));
	}
	uv_timer_init(&l->uv, &l->once);
	l->wake.data = l;
	pthread_mutex_init(&l->lock, NULL);
	*out = l;
	return 0;
}

static void watch_closed(uv_handle_t *h)
{
	free(h->data);
}

static void flush_closed(uv_handle_t *h)
{
	struct loop_flush *f = h->data;

	if (--f->open_handles == 0)
		free(f);
}

static void close_left(uv_handle_t *h, void *arg)
{
	struct loop *l = arg;

	if (uv_is_closing(h))
		return;
	if (h == (uv_handle_t *)&l->wake || h == (uv_handle_t *)&l->once)
		uv_close(h, NULL);
	else
		uv_close(h, h->type == UV_PREPARE || h->type == UV_IDLE ? flush_closed : watch_closed);
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	uv_walk(&l->uv, close_left, l);
	while (uv_loop_close(&l->uv) == UV_EBUSY)
		uv_run(&l->uv, UV_RUN_NOWAIT);
	pthread_mutex_destroy(&l->lock);
	free(l->box);
	free(l);
}

void loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

static void once_over(uv_timer_t *h)
{
	(void)h;
}

void loop_once(struct loop *l, uint64_t wait_ms)
{
	uv_update_time(&l->uv);
	if (wait_ms)
		uv_timer_start(&l->once, once_over, wait_ms, 0);
	uv_run(&l->uv, wait_ms ? UV_RUN_ONCE : UV_RUN_NOWAIT);
	uv_timer_stop(&l->once);
}

/* ---- descriptors ---- */

/* How often an error in a row is handed on; one that stays is of a descriptor that is of no use any more. */
enum { ERRORS_MAX = 16 };

static bool has_error(int fd)
{
	struct pollfd p = { .fd = fd };
	return poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLNVAL);
}

static void watch_ready(uv_poll_t *h, int status, int events)
{
	struct loop_watch *w = h->data;
	int ev = (events & UV_READABLE ? LOOP_READ : 0) | (events & UV_WRITABLE ? LOOP_WRITE : 0);

	if (w->gone)
		return;
	if (status >= 0) {
		w->cb(w->arg, w->fd, ev);
		return;
	}
	/* libuv watches a descriptor with an error no longer, but most errors are over when they have been read: a netlink
	 * socket says ENOBUFS once and goes on. */
	for (int i = 0; i < ERRORS_MAX; i++) {
		w->cb(w->arg, w->fd, 0);
		if (w->gone)
			return;
		if (!has_error(w->fd)) {
			loop_watch_events(w, w->events);
			return;
		}
	}
	count_inc(&c_dead);
}

void loop_watch_events(struct loop_watch *w, int events)
{
	int ev = (events & LOOP_READ ? UV_READABLE : 0) | (events & LOOP_WRITE ? UV_WRITABLE : 0);

	w->events = events;
	if (ev)
		uv_poll_start(&w->uv, ev, watch_ready);
	else
		uv_poll_stop(&w->uv);
}

struct loop_watch *loop_watch(struct loop *l, int fd, int events, void (*cb)(void *arg, int fd, int events), void *arg)
{
	struct loop_watch *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	if (uv_poll_init(&l->uv, &w->uv, fd)) {
		free(w);
		return NULL;
	}
	w->uv.data = w;
	w->fd = fd;
	w->cb = cb;
	w->arg = arg;
	loop_watch_events(w, events);
	return w;
}

void loop_unwatch(struct loop_watch *w)
{
	if (!w || w->gone)
		return;
	w->gone = true;
	uv_close((uv_handle_t *)&w->uv, watch_closed);
}

/* ---- timers ---- */

static void timer_fired(uv_timer_t *h)
{
	struct loop_timer *t = h->data;

	if (!t->gone)
		t->cb(t->arg);
}

void loop_timer_set(struct loop_timer *t, uint64_t after_ms)
{
	if (after_ms == UINT64_MAX) {
		uv_timer_stop(&t->uv);
		return;
	}
	/* libuv counts from the time it noted at the start of its turn: a long turn would make the timer early. */
	uv_update_time(t->uv.loop);
	uv_timer_start(&t->uv, timer_fired, after_ms, t->every_ms);
}

struct loop_timer *loop_timer(struct loop *l, uint64_t after_ms, uint64_t every_ms, void (*cb)(void *arg), void *arg)
{
	struct loop_timer *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	uv_timer_init(&l->uv, &t->uv);
	t->uv.data = t;
	t->every_ms = every_ms;
	t->cb = cb;
	t->arg = arg;
	loop_timer_set(t, after_ms);
	return t;
}

void loop_untimer(struct loop_timer *t)
{
	if (!t || t->gone)
		return;
	t->gone = true;
	uv_close((uv_handle_t *)&t->uv, watch_closed);
}

/* ---- signals ---- */

static void signal_came(uv_signal_t *h, int signo)
{
	struct loop_signal *s = h->data;

	if (!s->gone)
		s->cb(s->arg, signo);
}

struct loop_signal *loop_signal(struct loop *l, int signo, void (*cb)(void *arg, int signo), void *arg)
{
	struct loop_signal *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	uv_signal_init(&l->uv, &s->uv);
	s->uv.data = s;
	s->cb = cb;
	s->arg = arg;
	if (uv_signal_start(&s->uv, signal_came, signo)) {
		loop_unsignal(s);
		return NULL;
	}
	return s;
}

void loop_unsignal(struct loop_signal *s)
{
	if (!s || s->gone)
		return;
	s->gone = true;
	uv_close((uv_handle_t *)&s->uv, watch_closed);
}

/* ---- end of a turn ---- */

static void flush_due(uv_prepare_t *h)
{
	struct loop_flush *f = h->data;

	if (!f->wanted)
		return;
	f->wanted = false;
	uv_idle_stop(&f->no_wait);
	f->cb(f->arg);
}

static void flush_no_wait(uv_idle_t *h)
{
	(void)h;
}

struct loop_flush *loop_flush(struct loop *l, void (*cb)(void *arg), void *arg)
{
	struct loop_flush *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	uv_prepare_init(&l->uv, &f->before_wait);
	uv_idle_init(&l->uv, &f->no_wait);
	f->before_wait.data = f->no_wait.data = f;
	f->open_handles = 2;
	f->cb = cb;
	f->arg = arg;
	uv_prepare_start(&f->before_wait, flush_due);
	return f;
}

void loop_flush_want(struct loop_flush *f)
{
	if (f->wanted)
		return;
	f->wanted = true;
	/* Wanted by another prepare callback behind ours: the next turn must not wait before it. */
	uv_idle_start(&f->no_wait, flush_no_wait);
}

void loop_unflush(struct loop_flush *f)
{
	if (!f || uv_is_closing((uv_handle_t *)&f->before_wait))
		return;
	f->wanted = false;
	uv_close((uv_handle_t *)&f->before_wait, flush_closed);
	uv_close((uv_handle_t *)&f->no_wait, flush_closed);
}

/* ---- other threads ---- */

static void wake_came(uv_async_t *h)
{
	struct loop_wake *w = h->data;

	if (!w->gone)
		w->cb(w->arg);
}

struct loop_wake *loop_wake(struct loop *l, void (*cb)(void *arg), void *arg)
{
	struct loop_wake *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	if (uv_async_init(&l->uv, &w->uv, wake_came)) {
		free(w);
		return NULL;
	}
	w->uv.data = w;
	w->cb = cb;
	w->arg = arg;
	return w;
}

void loop_wake_send(struct loop_wake *w)
{
	uv_async_send(&w->uv);
}

void loop_unwake(struct loop_wake *w)
{
	if (!w || w->gone)
		return;
	w->gone = true;
	uv_close((uv_handle_t *)&w->uv, watch_closed);
}

/* Room for one more; the lock is held. */
static bool box_room(struct loop *l)
{
	if (l->n < l->cap)
		return true;
	if (l->cap >= LOOP_MAILBOX)
		return false;
	size_t cap = l->cap ? 2 * l->cap : 64;
	struct mail *box = calloc(cap, sizeof *box);
	if (!box)
		return false;
	for (size_t i = 0; i < l->n; i++)
		box[i] = l->box[(l->first + i) % l->cap];
	free(l->box);
	l->box = box;
	l->cap = cap;
	l->first = 0;
	return true;
}

err_t loop_post(struct loop *l, void (*cb)(void *arg), void *arg)
{
	pthread_mutex_lock(&l->lock);
	bool room = box_room(l);
	if (room)
		l->box[(l->first + l->n++) % l->cap] = (struct mail){ cb, arg };
	pthread_mutex_unlock(&l->lock);
	if (!room) {
		count_inc(&c_full);
		return E_FULL;
	}
	uv_async_send(&l->wake);
	return 0;
}
