/* SPDX-License-Identifier: Apache-2.0 */
/* Loop, mailbox, workers, random generator, readiness and pid file. */
#include "os/loop.h"
#include "os/ready.h"
#include "os/rng.h"
#include "os/workers.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct loop *l;

static void up(void)
{
	cr_assert_eq(loop_new(&l, NULL), 0);
}

static void down(void)
{
	loop_free(l);
}

TestSuite(os, .init = up, .fini = down, .timeout = 300);

struct tick {
	int n;
	struct loop_timer *t;
};

static void tick(void *arg)
{
	struct tick *t = arg;

	if (++t->n == 3) {
		loop_untimer(t->t);
		loop_stop(l);
	}
}

static void never(void *arg)
{
	cr_assert_fail("%p", arg);
}

Test(os, timers)
{
	struct tick t = { 0 };
	uint64_t from = loop_now_ms();

	t.t = loop_timer(l, 10, 5, tick, &t);
	struct loop_timer *off = loop_timer(l, 5, 0, never, NULL);
	loop_timer_set(off, UINT64_MAX);
	struct loop_timer *gone = loop_timer(l, 1, 0, never, NULL);
	loop_untimer(gone);
	loop_run(l);
	cr_assert_eq(t.n, 3);
	cr_assert_geq(loop_now_ms() - from, 20);
	loop_once(l, 20);
	cr_assert_eq(t.n, 3);
}

static void readable(void *arg, int fd, int events)
{
	char c;

	cr_assert(events & LOOP_READ);
	cr_assert_eq(read(fd, &c, 1), 1);
	*(char *)arg = c;
	loop_stop(l);
}

static void signalled(void *arg, int signo)
{
	*(int *)arg = signo;
	loop_stop(l);
}

Test(os, descriptors_and_signals)
{
	int p[2], signo = 0;
	char c = 0;

	cr_assert_eq(pipe(p), 0);
	struct loop_watch *w = loop_watch(l, p[0], LOOP_READ, readable, &c);
	cr_assert_eq(write(p[1], "x", 1), 1);
	loop_run(l);
	cr_assert_eq(c, 'x');
	loop_unwatch(w);
	struct loop_signal *s = loop_signal(l, SIGHUP, signalled, &signo);
	raise(SIGHUP);
	loop_run(l);
	cr_assert_eq(signo, SIGHUP);
	loop_unsignal(s);
}

struct peer {
	int errors, bytes;
};

static void refused_or_readable(void *arg, int fd, int events)
{
	struct peer *p = arg;
	char c;

	(void)events;
	if (recv(fd, &c, 1, MSG_DONTWAIT) == 1)
		p->bytes++;
	else
		p->errors += errno == ECONNREFUSED;
	loop_stop(l);
}

/* As a netlink socket that has lost news: the error is read, then there is more to read. */
Test(os, a_descriptor_is_watched_on_when_its_error_is_over, .timeout = 300)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, b = a;
	int us = socket(AF_INET, SOCK_DGRAM, 0), them = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t len = sizeof a;
	struct peer p = { 0, 0 };

	cr_assert_eq(bind(us, (void *)&a, sizeof a), 0);
	cr_assert_eq(getsockname(us, (void *)&a, &len), 0);
	cr_assert_eq(bind(them, (void *)&b, sizeof b), 0);
	cr_assert_eq(getsockname(them, (void *)&b, &len), 0);
	cr_assert_eq(connect(us, (void *)&b, sizeof b), 0);
	close(them);
	struct loop_watch *w = loop_watch(l, us, LOOP_READ, refused_or_readable, &p);
	for (int i = 1; i <= 3; i++) {
		cr_assert_eq(send(us, "x", 1, 0), 1);
		loop_run(l);
		cr_assert_eq(p.errors, i);
	}
	them = socket(AF_INET, SOCK_DGRAM, 0);
	cr_assert_eq(bind(them, (void *)&b, sizeof b), 0);
	cr_assert_eq(sendto(them, "x", 1, 0, (void *)&a, sizeof a), 1);
	loop_run(l);
	cr_assert_eq(p.bytes, 1);
	loop_unwatch(w);
	close(them);
	close(us);
}

static int got, flushed;
static struct loop_flush *flush;

static void count_mail(void *arg)
{
	if (++got == (int)(intptr_t)arg)
		loop_stop(l);
	loop_flush_want(flush);
}

static void count_flush(void *arg)
{
	(void)arg;
	flushed++;
}

static void *poster(void *arg)
{
	for (int i = 0; i < 2000; i++)
		while (loop_post(l, count_mail, arg))
			usleep(10);
	return NULL;
}

Test(os, mailbox_of_other_threads)
{
	pthread_t t[4];

	flush = loop_flush(l, count_flush, NULL);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, poster, (void *)(intptr_t)8000);
	loop_run(l);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	loop_once(l, 0);
	cr_assert_eq(got, 8000);
	cr_assert_geq(flushed, 1);
	loop_unflush(flush);
}

Test(os, a_full_mailbox_says_so)
{
	for (int i = 0; i < LOOP_MAILBOX; i++)
		cr_assert_eq(loop_post(l, never, NULL), 0);
	cr_assert_eq(loop_post(l, never, NULL), E_FULL);
}

struct job {
	struct work w;
	int in, out;
};

static int jobs_done, jobs_left;

static void job_run(struct work *w)
{
	struct job *j = (struct job *)w;

	j->out = j->in * 2;
}

static void job_done(struct work *w, bool ran)
{
	struct job *j = (struct job *)w;

	cr_assert_eq(ran, j->out == j->in * 2 && j->in);
	jobs_done += ran;
	jobs_left += !ran;
	if (jobs_done == 1000)
		loop_stop(l);
	free(j);
}

static struct job *job(int in)
{
	struct job *j = calloc(1, sizeof *j);

	*j = (struct job){ { .run = job_run, .done = job_done }, in, 0 };
	return j;
}

static void thousand(unsigned threads)
{
	struct workers *w;

	jobs_done = 0;
	cr_assert_eq(workers_new(l, threads, 1000, &w, NULL), 0);
	for (int i = 1; i <= 1000; i++)
		cr_assert_eq(workers_put(w, &job(i)->w), 0);
	if (threads == 0) {
		struct job *more = job(1);
		cr_assert_eq(workers_put(w, &more->w), E_FULL);
		free(more);
	}
	loop_run(l);
	cr_assert_eq(jobs_done, 1000);
	cr_assert_eq(workers_busy(w), 0);
	workers_free(w);
}

Test(os, workers_with_and_without_threads)
{
	thousand(3);
	thousand(0);
}

Test(os, workers_give_back_what_they_did_not_do)
{
	struct workers *w;

	for (unsigned threads = 0; threads < 3; threads++) {
		jobs_done = jobs_left = 0;
		cr_assert_eq(workers_new(l, threads, 100, &w, NULL), 0);
		for (int i = 1; i <= 50; i++)
			cr_assert_eq(workers_put(w, &job(i)->w), 0);
		workers_free(w);
		cr_assert_eq(jobs_done + jobs_left, 50);
		loop_once(l, 0);
	}
}

Test(os, random_bytes_differ)
{
	uint8_t a[64] = { 0 }, b[64] = { 0 }, big[5000] = { 0 };

	for (int i = 0; i < 100; i++) {
		cr_assert_eq(rng_fill(a, sizeof a), 0);
		cr_assert_eq(rng_fill(b, sizeof b), 0);
		cr_assert_neq(memcmp(a, b, sizeof a), 0);
	}
	cr_assert_eq(rng_fill(big, sizeof big), 0);
	cr_assert_neq(memcmp(big, big + 2500, 2500), 0);
}

Test(os, ready_reaches_the_manager)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char buf[64] = "", dir[] = "/tmp/adit-unit-XXXXXX";

	cr_assert_not_null(mkdtemp(dir));
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s/notify", dir);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	setenv("NOTIFY_SOCKET", sa.sun_path, 1);
	ready_notify("READY=1");
	cr_assert_eq(recv(fd, buf, sizeof buf, 0), 7);
	cr_assert_str_eq(buf, "READY=1");
	ready_reloading();
	cr_assert_gt(recv(fd, buf, sizeof buf - 1, 0), 0);
	cr_assert_eq(strncmp(buf, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	ready_notify("READY=1");
	close(fd);
	unlink(sa.sun_path);
	rmdir(dir);
}

Test(os, one_daemon_per_pid_file)
{
	char path[64], dir[] = "/tmp/adit-unit-XXXXXX", want[300], buf[400];
	struct diag *why = NULL;
	int fd, other;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/pid", dir);
	FILE *f = fopen(path, "w");
	fputs("99999999\n", f);
	fclose(f);
	cr_assert_eq(pidfile_take(path, &fd, NULL), 0, "a stale file is taken over");
	cr_assert_eq(pidfile_take(path, &other, &why), E_EXISTS);
	snprintf(want, sizeof want, "another aditd (pid %d) holds %s", (int)getpid(), path);
	cr_assert_eq(strncmp(diag_text(why, 0, buf, sizeof buf), want, strlen(want)), 0);
	diag_free(&why);
	pidfile_drop(path, fd);
	cr_assert_neq(access(path, F_OK), 0);
	cr_assert_eq(pidfile_take("/nonexistent/dir/pid", &fd, &why), E_IO);
	diag_free(&why);
	rmdir(dir);
}
