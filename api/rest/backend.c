/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rest/backend.h"

#include "api/rest/rest.h"
#include "base/count.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

static COUNTER(c_calls, "rest.backend.calls", "calls to aditd");
static COUNTER(c_busy, "rest.backend.busy", "requests refused because every connection to aditd was busy");
static COUNTER(c_down, "rest.backend.down", "calls that failed because aditd could not be reached");

enum { SLOTS_MAX = REST_READ_SLOTS > REST_ACT_SLOTS ? REST_READ_SLOTS : REST_ACT_SLOTS };

struct set {
	struct adit_api *idle[SLOTS_MAX];
	unsigned n_idle, n_out, max;
};

struct backend {
	char *path;
	pthread_mutex_t lock;
	pthread_cond_t given;
	struct set set[2];
};

err_t backend_new(const char *path, struct backend **out)
{
	struct backend *b = calloc(1, sizeof *b);
	pthread_condattr_t a;
	if (!b)
		return E_NOMEM;
	b->path = path ? strdup(path) : NULL;
	if (path && !b->path) {
		free(b);
		return E_NOMEM;
	}
	b->set[BACKEND_READ].max = REST_READ_SLOTS;
	b->set[BACKEND_ACT].max = REST_ACT_SLOTS;
	pthread_mutex_init(&b->lock, NULL);
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&b->given, &a);
	pthread_condattr_destroy(&a);
	*out = b;
	return 0;
}

void backend_free(struct backend *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < ARRAY_LEN(b->set); i++)
		while (b->set[i].n_idle)
			adit_api_close(b->set[i].idle[--b->set[i].n_idle]);
	pthread_cond_destroy(&b->given);
	pthread_mutex_destroy(&b->lock);
	free(b->path);
	free(b);
}

const char *backend_path(const struct backend *b)
{
	return b->path;
}

/* Nobody waits for anything on an idle connection: what can be read there is its end. */
static bool alive(struct adit_api *a)
{
	struct pollfd p = { .fd = adit_api_fd(a), .events = POLLIN };
	return p.fd >= 0 && poll(&p, 1, 0) == 0;
}

static void give(struct backend *b, enum backend_set which, struct adit_api *a)
{
	struct set *s = &b->set[which];
	pthread_mutex_lock(&b->lock);
	s->n_out--;
	if (a && s->n_idle < s->max) {
		s->idle[s->n_idle++] = a;
		a = NULL;
	}
	pthread_cond_signal(&b->given);
	pthread_mutex_unlock(&b->lock);
	adit_api_close(a);
}

err_t backend_take(struct backend *b, enum backend_set which, unsigned timeout_ms, struct adit_api **out, struct diag **why)
{
	struct set *s = &b->set[which];
	struct adit_api *a = NULL;
	struct timespec until;
	int full = 0;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += REST_SLOT_WAIT_MS / 1000;
	pthread_mutex_lock(&b->lock);
	while (s->n_out >= s->max && full != ETIMEDOUT)
		full = pthread_cond_timedwait(&b->given, &b->lock, &until);
	full = s->n_out >= s->max;
	if (!full) {
		s->n_out++;
		if (s->n_idle)
			a = s->idle[--s->n_idle];
	}
	pthread_mutex_unlock(&b->lock);
	if (full) {
		count_inc(&c_busy);
		return diag_set(why, E_FULL, "%u calls to aditd are under way already: try again in a moment", s->max);
	}
	if (a && !alive(a)) {
		adit_api_close(a);
		a = NULL;
	}
	if (!a && adit_api_open(b->path, &a) != ADIT_API_OK) {
		err_t err = diag_set(why, E_IO, "%s", adit_api_error(a));
		count_inc(&c_down);
		adit_api_close(a);
		give(b, which, NULL);
		return err;
	}
	adit_api_set_timeout(a, timeout_ms);
	count_inc(&c_calls);
	*out = a;
	return 0;
}

void backend_give(struct backend *b, enum backend_set which, struct adit_api *a, enum adit_api_status st)
{
	if (adit_api_fd(a) < 0 || (st != ADIT_API_OK && st != ADIT_API_FAILED && st != ADIT_API_UNKNOWN && st != ADIT_API_MISUSE)) {
		if (st == ADIT_API_IO)
			count_inc(&c_down);
		adit_api_close(a);
		a = NULL;
	}
	give(b, which, a);
}
