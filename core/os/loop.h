/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop of the daemon: file descriptors, timers, signals, and a mailbox for other threads. A thin layer over
 * libuv, so that nobody else includes uv.h.
 *
 * Thread: everything on the thread that runs the loop, except loop_post, loop_wake_send and loop_now_ms (any).
 * Callbacks may add and remove anything, also themselves; what was removed is not called again. Nothing
 * waits but loop_run.
 * Time: monotonic milliseconds (CLOCK_MONOTONIC).
 */
#ifndef ADIT_OS_LOOP_H
#define ADIT_OS_LOOP_H

#include "base/diag.h"

struct loop;
struct loop_watch;
struct loop_timer;
struct loop_signal;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };
/* Messages that wait in the mailbox at most; loop_post answers E_FULL beyond it and "loop.mailbox_full" counts it. */
enum { LOOP_MAILBOX = 16384 };

MUST err_t loop_new(struct loop **out, struct diag **why);
/* Takes back all that is still registered; waiting messages are dropped, their callbacks not called. */
void loop_free(struct loop *l);
/* Runs until loop_stop. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* Runs what is due and returns; may wait up to wait_ms for the first event. For tests and for a bounded shutdown. */
void loop_once(struct loop *l, uint64_t wait_ms);
/* Any thread. */
uint64_t loop_now_ms(void);

/* events: LOOP_READ | LOOP_WRITE. The descriptor stays the caller's and must outlive the watch; one watch per
 * descriptor. NULL: out of memory, or a descriptor that cannot be watched. cb's events may be 0: an
 * error is pending, which cb takes by reading. The watch goes on when it is over; one that stays after some calls ends
 * it ("loop.dead" counts them). */
struct loop_watch *loop_watch(struct loop *l, int fd, int events, void (*cb)(void *arg, int fd, int events), void *arg);
void loop_watch_events(struct loop_watch *w, int events);
void loop_unwatch(struct loop_watch *w); /* NULL is fine */

/* every_ms 0: fires once, but stays valid until loop_untimer; loop_timer_set starts it again. NULL: out of memory. */
struct loop_timer *loop_timer(struct loop *l, uint64_t after_ms, uint64_t every_ms, void (*cb)(void *arg), void *arg);
/* Fires after_ms from now; UINT64_MAX: not any more. Cheap. */
void loop_timer_set(struct loop_timer *t, uint64_t after_ms);
void loop_untimer(struct loop_timer *t); /* NULL is fine */

/* NULL when the signal cannot be caught. cb runs in the loop, not in the signal handler. */
struct loop_signal *loop_signal(struct loop *l, int signo, void (*cb)(void *arg, int signo), void *arg);
void loop_unsignal(struct loop_signal *s);

/* cb runs once before the loop waits again: for what is gathered during a turn and sent together. */
struct loop_flush;
struct loop_flush *loop_flush(struct loop *l, void (*cb)(void *arg), void *arg);
void loop_flush_want(struct loop_flush *f); /* at the end of this turn */
void loop_unflush(struct loop_flush *f);

/* A bell: cb runs on the loop thread soon after loop_wake_send, once for several. Sending: any thread, never fails. */
struct loop_wake;
struct loop_wake *loop_wake(struct loop *l, void (*cb)(void *arg), void *arg);
void loop_wake_send(struct loop_wake *w);
void loop_unwake(struct loop_wake *w); /* no other thread may send any more */

/* Runs cb(arg) on the loop thread soon, in the order posted. Any thread. E_FULL. */
MUST err_t loop_post(struct loop *l, void (*cb)(void *arg), void *arg);

#endif
