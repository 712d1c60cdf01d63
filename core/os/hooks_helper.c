/* SPDX-License-Identifier: Apache-2.0 */
/* The helper process: takes jobs, runs them, tells their output. One thread, plain poll. */
#include "base/diag.h"
#include "os/caps.h"
#include "os/hooks_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
	struct job *next;
	struct hooks_head head;
	const char *label, *script;
	char **env; /* NULL-terminated, into text */
	/* while it runs */
	pid_t pid;  /* 0: it waits */
	int out;    /* its output, -1 at the end */
	uint64_t end_ms;
	bool killed;
	unsigned lines, cut;
	size_t n_line;
	char line[HOOKS_LINE_MAX + 1];
	size_t n;
	char text[];
};

struct helper {
	int fd, signals;
	bool orphan; /* the daemon is gone */
	struct job *jobs, **tail; /* in order of arrival, running ones too */
	unsigned n, running;
};

static void tell(const struct helper *h, const struct job *j, enum hooks_news what, int status, const char *line)
{
	char buf[HOOKS_TOLD_MAX];
	struct hooks_told t = { (uint32_t)what, status };
	size_t n = sizeof t, label = strnlen(j->label, HOOKS_LABEL_MAX), len = strnlen(line, HOOKS_LINE_MAX);

	memcpy(buf, &t, sizeof t);
	memcpy(buf + n, j->label, label);
	n += label;
	buf[n++] = 0;
	memcpy(buf + n, line, len);
	n += len;
	buf[n++] = 0;
	/* A daemon that does not read loses news, never holds up scripts. */
	(void)!send(h->fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- jobs come in ---- */

static struct job *job_read(const char *p, size_t n)
{
	struct hooks_head head;

	if (n <= sizeof head)
		return NULL;
	memcpy(&head, p, sizeof head);
	p += sizeof head;
	n -= sizeof head;
	if (head.n < 2 || head.n > n || p[n - 1])
		return NULL;
	struct job *j = calloc(1, sizeof *j + n);
	if (!j)
		return NULL;
	j->env = calloc(head.n - 1, sizeof *j->env);
	if (!j->env) {
		free(j);
		return NULL;
	}
	memcpy(j->text, p, n);
	j->head = head;
	j->out = -1;
	char *at = j->text, *end = j->text + n;
	for (uint32_t i = 0; i < head.n && at < end; i++, at += strlen(at) + 1) {
		if (i == 0)
			j->label = at;
		else if (i == 1)
			j->script = at;
		else
			j->env[i - 2] = at;
	}
	return j;
}

static void job_free(struct job *j)
{
	free(j->env);
	free(j);
}

static void take_jobs(struct helper *h)
{
	static char buf[HOOKS_JOB_MAX];

	for (;;) {
		ssize_t n = recv(h->fd, buf, sizeof buf, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n <= 0) {
			h->orphan = true;
			return;
		}
		struct job *j = job_read(buf, (size_t)n);
		if (!j)
			continue;
		if (h->n >= HOOKS_WAITING) {
			tell(h, j, HOOKS_FULL, 0, "");
			job_free(j);
			continue;
		}
		*h->tail = j;
		h->tail = &j->next;
		h->n++;
	}
}

/* ---- and run ---- */

static uint64_t now_ms(void)
{
	return loop_now_ms();
}

static _Noreturn void become(const struct job *j, int out)
{
	sigset_t none;
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *env[256] = { path };
	size_t n = 1;

	setsid();
	dup2(out, 1);
	dup2(out, 2);
	close_range(3, ~0u, 0);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (char **e = j->env; *e && n < ARRAY_LEN(env) - 1; e++)
		env[n++] = *e;
	env[n] = NULL;
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char *)j->script, NULL };
	execve("/bin/sh", argv, env);
	_exit(127);
}

static void job_start(struct helper *h, struct job *j)
{
	int p[2];

	j->end_ms = now_ms() + j->head.timeout_ms;
	if (pipe2(p, O_CLOEXEC | O_NONBLOCK)) {
		j->pid = -1;
		return;
	}
	j->pid = fork();
	if (j->pid == 0) {
		/* The script writes as to any pipe. */
		fcntl(p[1], F_SETFL, 0);
		become(j, p[1]);
	}
	close(p[1]);
	j->out = p[0];
	if (j->pid > 0)
		h->running++;
	else
		j->pid = -1;
}

static void line_end(struct helper *h, struct job *j)
{
	if (!j->n_line)
		return;
	j->line[j->n_line] = 0;
	j->n_line = 0;
	if (j->lines++ < HOOKS_LINES)
		tell(h, j, HOOKS_LINE, 0, j->line);
	else
		j->cut++;
}

static void job_output(struct helper *h, struct job *j)
{
	char buf[4096];
	ssize_t n;

	/* Bounded: another script's turn comes although this one writes without end. */
	for (int i = 0; i < 16 && (n = read(j->out, buf, sizeof buf)) > 0; i++)
		for (ssize_t k = 0; k < n; k++) {
			if (buf[k] == '\n' || j->n_line == HOOKS_LINE_MAX)
				line_end(h, j);
			if (buf[k] != '\n' && buf[k])
				j->line[j->n_line++] = buf[k];
		}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(j->out);
		j->out = -1;
	}
}

/* Takes it out of the list. */
static void job_over(struct helper *h, struct job *j, int status)
{
	if (j->out >= 0)
		job_output(h, j);
	line_end(h, j);
	if (j->out >= 0)
		close(j->out);
	if (j->cut)
		tell(h, j, HOOKS_CUT, (int)j->cut, "");
	tell(h, j, j->killed ? HOOKS_KILLED : HOOKS_END,
		WIFEXITED(status) ? WEXITSTATUS(status) : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : 255, "");
	struct job **at = &h->jobs;
	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	if (!*at)
		h->tail = at;
	h->n--;
	job_free(j);
}

static void reap(struct helper *h)
{
	struct signalfd_siginfo si;
	int status;
	pid_t pid;

	while (read(h->signals, &si, sizeof si) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (struct job *j = h->jobs; j; j = j->next)
			if (j->pid == pid) {
				/* What it left in the background goes, too, when it was killed. */
				h->running--;
				job_over(h, j, status);
				break;
			}
}

static bool key_is_free(const struct helper *h, const struct job *j)
{
	for (const struct job *b = h->jobs; b != j; b = b->next)
		if (b->head.key == j->head.key)
			return false;
	return true;
}

static void start_some(struct helper *h)
{
	struct job *next;

	for (struct job *j = h->jobs; j && h->running < HOOKS_SIDE_BY_SIDE; j = next) {
		next = j->next;
		if (j->pid || !key_is_free(h, j))
			continue;
		job_start(h, j);
		if (j->pid < 0) {
			tell(h, j, HOOKS_LINE, 0, "no process can be made for it");
			job_over(h, j, 255 << 8);
		}
	}
}

static int kill_late(struct helper *h)
{
	uint64_t now = now_ms(), next = UINT64_MAX;

	for (struct job *j = h->jobs; j; j = j->next) {
		if (j->pid <= 0)
			continue;
		if (now >= j->end_ms && !j->killed) {
			j->killed = true;
			kill(-j->pid, SIGKILL);
			kill(j->pid, SIGKILL);
		}
		if (!j->killed && j->end_ms < next)
			next = j->end_ms;
	}
	return next == UINT64_MAX ? -1 : next - now > 60000 ? 60000 : (int)(next - now);
}

static void wait_for_news(struct helper *h, int timeout)
{
	struct pollfd p[2 + HOOKS_SIDE_BY_SIDE] = { { .fd = h->orphan ? -1 : h->fd, .events = POLLIN },
		{ .fd = h->signals, .events = POLLIN } };
	struct job *who[ARRAY_LEN(p)];
	nfds_t n = 2;

	for (struct job *j = h->jobs; j && n < ARRAY_LEN(p); j = j->next)
		if (j->pid > 0 && j->out >= 0) {
			who[n] = j;
			p[n++] = (struct pollfd){ .fd = j->out, .events = POLLIN };
		}
	if (poll(p, n, timeout) <= 0)
		return;
	for (nfds_t i = 2; i < n; i++)
		if (p[i].revents)
			job_output(h, who[i]);
	if (p[0].revents)
		take_jobs(h);
	if (p[1].revents)
		reap(h);
}

_Noreturn void hooks_helper(int fd, bool debug)
{
	struct helper h = { .fd = 3 };
	sigset_t set;
	int null = open("/dev/null", O_RDWR);

	h.tail = &h.jobs;
	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
	if (fd != 3)
		dup2(fd, 3);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	close_range(4, ~0u, 0);
	prctl(PR_SET_NAME, "adit-hooks");
	/* They go to the whole group of a terminal or service; this process ends with its daemon. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (caps_drop(NULL, debug, NULL))
		_exit(1);
	caps_for_scripts();
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	h.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (h.signals < 0)
		_exit(1);
	while (!h.orphan || h.jobs) {
		start_some(&h);
		wait_for_news(&h, kill_late(&h));
	}
	_exit(0);
}
