/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads for work that takes long (key exchange, signatures). A piece of work is embedded in a struct of its owner;
 * `run` is called on a worker, then `done` on the loop thread. With no threads `run` is called on the loop thread, in
 * a later turn, one piece per turn. The queue is bounded; results never wait for room.
 */
#ifndef ADIT_OS_WORKERS_H
#define ADIT_OS_WORKERS_H

#include "os/loop.h"

struct workers;

struct work {
	void (*run)(struct work *w);            /* any thread; touches nothing but its own struct */
	/* Loop thread; ran false: the workers were stopped before. May free w. */
	void (*done)(struct work *w, bool ran);
	struct work *next;                      /* of the workers */
};

/* n_threads 0..256; max_waiting bounds the queue. */
MUST err_t workers_new(struct loop *l, unsigned n_threads, unsigned max_waiting, struct workers **out,
	struct diag **why);
/* Waits for the pieces that run now; all that were put and not given back are, by `done`, before it returns. */
void workers_free(struct workers *w);
/* Loop thread. E_FULL: counted by "workers.full"; done is not called. */
MUST err_t workers_put(struct workers *w, struct work *job);
/* Pieces put and not yet given back. Loop thread. */
unsigned workers_busy(const struct workers *w);

#endif
