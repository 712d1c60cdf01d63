/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What several threads share: log, workers, mailbox, counters, secrets, random bytes. A plain program in TAP, because
 * ThreadSanitizer and Criterion do not go together: build with --enable-sanitizers=thread to look for races.
 */
#include "base/count.h"
#include "base/log.h"
#include "base/secret.h"
#include "os/loop.h"
#include "os/rng.h"
#include "os/workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 4 };

static int tests, failed;

static void result(bool ok, const char *name)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++tests, name);
	failed += !ok;
}

static void on_threads(void *(*run)(void *arg), void *arg)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, run, arg);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

/* ---- log ---- */

static void sink(void *self, const struct log_record *r)
{
	/* Not atomic: the log calls a sink for one record at a time. */
	*(uint64_t *)self += strlen(r->text) > 0;
}

static void *log_lines(void *arg)
{
	struct net_addr peer = { .family = NET_V4, .a = { 192, 0, 2, 1 } };

	for (int i = 0; i < 500; i++) {
		LOGF(arg, LOG_IKE, LOG_CONTROL, NULL, "line %d", i);
		log_peer(arg, LOG_IKE, LOG_CONTROL, &(struct log_ctx){ .peer = &peer }, "peer %d", i);
	}
	return NULL;
}

static void *sinks_come_and_go(void *arg)
{
	for (int i = 0; i < 40; i++) {
		uint64_t n = 0;
		struct log_sink s = { .self = &n, .write = sink, .may_wait = i & 1, .level = { [LOG_IKE] = LOG_DETAIL } };
		int id = log_add(arg, &s);
		log_levels(arg, id, (int8_t[LOG_SUB_COUNT]){ 0 });
		log_tick(arg);
		log_del(arg, id);
	}
	return NULL;
}

static void test_log(void)
{
	struct log *l = log_new();
	uint64_t quick = 0, slow = 0;
	struct log_sink s = { .self = &quick, .write = sink };
	pthread_t t;

	memset(s.level, LOG_CONTROL, sizeof s.level);
	log_add(l, &s);
	s.self = &slow;
	s.may_wait = true;
	log_add(l, &s);
	pthread_create(&t, NULL, sinks_come_and_go, l);
	on_threads(log_lines, l);
	pthread_join(t, NULL);
	log_flush(l);
	log_free(l);
	result(quick >= THREADS * 500 && slow > 0, "log: many writers, sinks come and go");
}

/* ---- mailbox and bell ---- */

static struct loop *loop;
static uint64_t mails; /* loop thread */
static struct loop_wake *bell;

static void mail(void *arg)
{
	(void)arg;
	if (++mails == THREADS * 1000)
		loop_stop(loop);
}

static void ring(void *arg)
{
	(void)arg;
}

static void *post(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		while (loop_post(loop, mail, arg))
			usleep(10);
		loop_wake_send(bell);
	}
	return NULL;
}

static void *post_all(void *arg)
{
	on_threads(post, arg);
	return NULL;
}

static void test_mailbox(void)
{
	pthread_t t;

	bell = loop_wake(loop, ring, NULL);
	pthread_create(&t, NULL, post_all, NULL);
	loop_run(loop);
	pthread_join(t, NULL);
	loop_unwake(bell);
	loop_once(loop, 0);
	result(mails == THREADS * 1000, "mailbox: posts of several threads");
}

/* ---- workers ---- */

struct job {
	struct work work;
	struct secret key;
	uint64_t value;
};

static COUNTER(c_ran, "test.ran", "jobs run by the test");
static unsigned given_back;

static void job_run(struct work *w)
{
	struct job *j = (struct job *)w;
	uint8_t nonce[16];

	count_inc(&c_ran);
	for (size_t i = 0; i < j->key.n; i++)
		j->value += j->key.p[i];
	if (rng_fill(nonce, sizeof nonce) == 0 && secret_init(&j->key, 0) == 0)
		j->value++;
}

static void job_done(struct work *w, bool ran)
{
	given_back += ran;
	free(w);
	if (given_back == 2000)
		loop_stop(loop);
}

static void test_workers(void)
{
	struct workers *w;
	bool ok = workers_new(loop, THREADS, 2000, &w, NULL) == 0;

	for (int i = 0; ok && i < 2000; i++) {
		struct job *j = calloc(1, sizeof *j);
		j->work = (struct work){ .run = job_run, .done = job_done };
		ok = workers_put(w, &j->work) == 0;
	}
	if (ok) {
		loop_run(loop);
		workers_free(w);
	}
	result(ok && given_back == 2000 && counter_get(&c_ran) == 2000, "workers: jobs go and come back");
}

/* ---- secrets ---- */

static void *secrets(void *arg)
{
	struct secret s[32] = { 0 };

	for (unsigned i = 0; i < 5000; i++) {
		struct secret *x = &s[i % 32];
		secret_fini(x);
		if (secret_init(x, i * 7 % 2500))
			atomic_store((atomic_bool *)arg, false);
		else if (x->n)
			memset(x->p, (int)i, x->n);
	}
	for (size_t i = 0; i < 32; i++)
		secret_fini(&s[i]);
	return NULL;
}

int main(void)
{
	atomic_bool ok = true;

	if (loop_new(&loop, NULL))
		return 1;
	test_log();
	test_mailbox();
	test_workers();
	on_threads(secrets, &ok);
	result(atomic_load(&ok), "secrets: several threads");
	loop_free(loop);
	printf("1..%d\n", tests);
	return failed != 0;
}
