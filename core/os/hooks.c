/* SPDX-License-Identifier: Apache-2.0 */
#include "os/hooks_int.h"
#include "base/count.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct waiting {
	struct waiting *next;
	size_t n;
	uint8_t data[];
};

struct hooks {
	struct log *log;
	struct hooks_child child;
	struct loop_watch *watch;
	struct waiting *first, **tail;
	unsigned n;
	hooks_fn *cb;
	void *arg;
};

static COUNTER(c_run, "hooks.run", "scripts handed to the helper process");
static COUNTER(c_full, "hooks.full", "scripts left out because too many wait");

err_t hooks_fork(bool debug, struct hooks_child *out, struct diag **why)
{
	int s[2];

	*out = (struct hooks_child){ -1, -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s))
		return diag_errno(why, E_IO, errno, "cannot make a socket for the helper that runs scripts");
	out->pid = fork();
	if (out->pid == 0) {
		close(s[0]);
		hooks_helper(s[1], debug);
	}
	close(s[1]);
	if (out->pid < 0) {
		close(s[0]);
		return diag_errno(why, E_IO, errno, "cannot start the helper that runs scripts");
	}
	out->fd = s[0];
	return 0;
}

/* ---- what comes back ---- */

static void told(struct hooks *h, char *buf, size_t n)
{
	struct hooks_told t;

	if (n <= sizeof t || buf[n - 1])
		return;
	memcpy(&t, buf, sizeof t);
	const char *label = buf + sizeof t;
	size_t len = strlen(label) + 1;
	h->cb(h->arg, (enum hooks_news)t.what, label, t.status, sizeof t + len < n ? label + len : "");
}

static void helper_lost(struct hooks *h)
{
	loop_unwatch(h->watch);
	h->watch = NULL;
	close(h->child.fd);
	h->child.fd = -1;
}

/* False: it is gone. */
static bool take_news(struct hooks *h)
{
	char buf[HOOKS_TOLD_MAX];

	for (;;) {
		ssize_t n = recv(h->child.fd, buf, sizeof buf, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
		told(h, buf, (size_t)n);
	}
}

/* ---- what goes out ---- */

/* True: it went or never will. */
static bool put(struct hooks *h, const void *p, size_t n)
{
	return send(h->child.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK &&
		errno != ENOBUFS);
}

static void put_waiting(struct hooks *h)
{
	struct waiting *w;

	while ((w = h->first) && put(h, w->data, w->n)) {
		h->first = w->next;
		if (!h->first)
			h->tail = &h->first;
		h->n--;
		free(w);
	}
	if (h->watch)
		loop_watch_events(h->watch, LOOP_READ | (h->first ? LOOP_WRITE : 0));
}

static void on_socket(void *arg, int fd, int events)
{
	struct hooks *h = arg;

	(void)fd, (void)events;
	if (!take_news(h)) {
		LOGF(h->log, LOG_DAEMON, LOG_AUDIT, NULL, "the helper that runs updown scripts has ended: none is run until "
			"aditd is started again");
		helper_lost(h);
		return;
	}
	put_waiting(h);
}

err_t hooks_new(struct loop *l, struct log *log, struct hooks_child *child, hooks_fn *cb, void *arg, struct hooks **out)
{
	struct hooks *h = calloc(1, sizeof *h);

	if (!h) {
		hooks_child_end(child);
		return E_NOMEM;
	}
	*h = (struct hooks){ .log = log, .child = *child, .cb = cb, .arg = arg };
	h->tail = &h->first;
	*child = (struct hooks_child){ -1, -1 };
	h->watch = loop_watch(l, h->child.fd, LOOP_READ, on_socket, h);
	*out = h;
	return h->watch ? 0 : E_NOMEM;
}

err_t hooks_run(struct hooks *h, const struct hooks_job *job)
{
	struct hooks_head head = { .key = job->key, .timeout_ms = job->timeout_ms, .n = 2 };
	size_t n = sizeof head + strlen(job->label) + 1 + strlen(job->script) + 1, at = sizeof head;

	for (const char *const *e = job->env; *e; e++, head.n++)
		n += strlen(*e) + 1;
	if (h->child.fd < 0)
		return E_STALE;
	if (n > HOOKS_JOB_MAX)
		return E_LIMIT;
	if (h->n >= HOOKS_WAITING) {
		count_inc(&c_full);
		return E_FULL;
	}
	struct waiting *w = malloc(sizeof *w + n);
	if (!w)
		return E_NOMEM;
	w->next = NULL;
	w->n = n;
	memcpy(w->data, &head, sizeof head);
	for (uint32_t i = 0; i < head.n; i++) {
		const char *s = i == 0 ? job->label : i == 1 ? job->script : job->env[i - 2];
		size_t len = strlen(s) + 1;
		memcpy(w->data + at, s, len);
		at += len;
	}
	*h->tail = w;
	h->tail = &w->next;
	h->n++;
	count_inc(&c_run);
	put_waiting(h);
	return 0;
}

/* ---- the end ---- */

void hooks_child_end(struct hooks_child *child)
{
	if (child->fd < 0)
		return;
	close(child->fd);
	(void)!waitpid(child->pid, NULL, 0);
	*child = (struct hooks_child){ -1, -1 };
}

void hooks_free(struct hooks *h)
{
	if (!h)
		return;
	loop_unwatch(h->watch);
	h->watch = NULL;
	uint64_t end = loop_now_ms() + HOOKS_STOP_MS, now;
	bool shut = false;
	while (h->child.fd >= 0 && (now = loop_now_ms()) < end) {
		put_waiting(h);
		if (!h->first && !shut) {
			shut = true;
			shutdown(h->child.fd, SHUT_WR);
		}
		if (!take_news(h))
			break;
		struct pollfd p = { .fd = h->child.fd, .events = (short)(POLLIN | (h->first ? POLLOUT : 0)) };
		(void)!poll(&p, 1, (int)(end - now));
	}
	if (h->child.fd >= 0)
		close(h->child.fd);
	/* A helper that is still at work ends by itself and becomes init's. */
	(void)!waitpid(h->child.pid, NULL, WNOHANG);
	while (h->first) {
		struct waiting *w = h->first;
		h->first = w->next;
		free(w);
	}
	free(h);
}
