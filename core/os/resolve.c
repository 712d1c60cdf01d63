/* SPDX-License-Identifier: Apache-2.0 */
#include "os/resolve.h"
#include "base/count.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct query {
	struct query *next;
	struct resolver *r;
	uint64_t token;
	bool done;  /* the answer is here, and posted */
	err_t err;
	char why[400];
	struct net_addr v[RESOLVE_ADDRS];
	size_t n;
	char name[256];
};

struct resolver {
	pthread_mutex_t lock;
	struct loop *loop;
	struct query *queries;
	unsigned running;
	bool dead; /* the last thread frees it */
	resolver_cb cb;
	void *arg;
};

static COUNTER(c_asked, "resolve.asked", "names of hosts looked up");
static COUNTER(c_full, "resolve.full", "names of hosts not looked up: too many at once");

static void destroy(struct resolver *r)
{
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void unlink_query(struct resolver *r, struct query *q)
{
	for (struct query **p = &r->queries; *p; p = &(*p)->next)
		if (*p == q) {
			*p = q->next;
			return;
		}
}

/* On the loop. */
static void deliver(void *arg)
{
	struct query *q = arg;
	struct resolver *r = q->r;

	pthread_mutex_lock(&r->lock);
	unlink_query(r, q);
	pthread_mutex_unlock(&r->lock);
	r->cb(r->arg, q->token, q->err, q->err ? q->why : NULL, q->v, q->n);
	free(q);
}

static void take(struct query *q, const struct addrinfo *list)
{
	for (const struct addrinfo *a = list; a && q->n < RESOLVE_ADDRS; a = a->ai_next) {
		struct net_addr *to = &q->v[q->n];
		if (a->ai_family == AF_INET) {
			*to = (struct net_addr){ .family = NET_V4 };
			memcpy(to->a, &((const struct sockaddr_in *)(const void *)a->ai_addr)->sin_addr, 4);
			q->n++;
		} else if (a->ai_family == AF_INET6) {
			*to = (struct net_addr){ .family = NET_V6 };
			memcpy(to->a, &((const struct sockaddr_in6 *)(const void *)a->ai_addr)->sin6_addr, 16);
			q->n++;
		}
	}
}

static void *run(void *arg)
{
	struct query *q = arg;
	struct resolver *r = q->r;
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list = NULL;
	int e = getaddrinfo(q->name, NULL, &hints, &list);

	if (!e)
		take(q, list);
	if (list)
		freeaddrinfo(list);
	if (!q->n) {
		q->err = E_NOT_FOUND;
		snprintf(q->why, sizeof q->why, "the name '%s' cannot be looked up: %s", q->name,
			e ? gai_strerror(e) : "it has no address");
	}
	pthread_mutex_lock(&r->lock);
	r->running--;
	bool dead = r->dead, last = dead && !r->running;
	q->done = true;
	/* A full mailbox is tried again by nobody: the question of the exchange has an end of its own. */
	if (dead || loop_post(r->loop, deliver, q)) {
		unlink_query(r, q);
		free(q);
	}
	pthread_mutex_unlock(&r->lock);
	if (last)
		destroy(r);
	return NULL;
}

struct resolver *resolver_new(struct loop *l, resolver_cb cb, void *arg)
{
	struct resolver *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	r->loop = l;
	r->cb = cb;
	r->arg = arg;
	return r;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->dead = true;
	/* Answers in the mailbox of a loop that does not run any more. */
	for (struct query **p = &r->queries; *p;) {
		struct query *q = *p;
		if (!q->done) {
			p = &q->next;
			continue;
		}
		*p = q->next;
		free(q);
	}
	bool last = !r->running;
	pthread_mutex_unlock(&r->lock);
	if (last)
		destroy(r);
}

err_t resolver_ask(struct resolver *r, const char *name, uint64_t token)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;

	if (strlen(name) >= sizeof ((struct query *)NULL)->name)
		return E_BAD_VALUE;
	struct query *q = calloc(1, sizeof *q);
	if (!q)
		return E_NOMEM;
	q->r = r;
	q->token = token;
	strcpy(q->name, name);
	pthread_mutex_lock(&r->lock);
	bool full = r->running >= RESOLVE_MAX;
	if (!full) {
		r->running++;
		q->next = r->queries;
		r->queries = q;
	}
	pthread_mutex_unlock(&r->lock);
	if (full) {
		count_inc(&c_full);
		free(q);
		return E_FULL;
	}
	/* Signals are for the loop thread alone. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	int no = pthread_create(&thread, &attr, run, q);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (no) {
		pthread_mutex_lock(&r->lock);
		r->running--;
		unlink_query(r, q);
		pthread_mutex_unlock(&r->lock);
		free(q);
		return E_NOMEM;
	}
	count_inc(&c_asked);
	return 0;
}
