/* SPDX-License-Identifier: Apache-2.0 */
#include "base/count.h"
#include "base/diag.h"
#include "base/log.h"
#include "base/log_peer.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

struct seen {
	atomic_int n;
	char text[LOG_TEXT], conn[32];
	struct net_addr peer;
	int wait_us;
	struct log *log;
};

static void see(void *self, const struct log_record *r)
{
	struct seen *s = self;

	if (s->wait_us)
		usleep((unsigned)s->wait_us);
	snprintf(s->text, sizeof s->text, "%s", r->text);
	snprintf(s->conn, sizeof s->conn, "%s", r->ctx.conn ? r->ctx.conn : "");
	if (r->ctx.peer)
		s->peer = *r->ctx.peer;
	if (s->log)
		log_write(s->log, LOG_IKE, LOG_AUDIT, NULL, "a sink that logs");
	atomic_fetch_add(&s->n, 1);
}

static int add(struct log *l, struct seen *s, int level, bool may_wait)
{
	struct log_sink sink = { .self = s, .write = see, .may_wait = may_wait };

	memset(sink.level, level, sizeof sink.level);
	return log_add(l, &sink);
}

Test(log, records_reach_who_wants_them)
{
	struct log *l = log_new();
	struct seen quick = { 0 }, slow = { 0 };

	cr_assert_not(log_wants(l, LOG_IKE, LOG_AUDIT));
	int id = add(l, &quick, LOG_CONTROL, false);
	cr_assert_geq(add(l, &slow, LOG_DETAIL, true), 0);
	cr_assert(log_wants(l, LOG_IKE, LOG_DETAIL));
	cr_assert_not(log_wants(l, LOG_IKE, LOG_RAW));
	char name[] = "net-net";
	struct log_ctx ctx = { .conn = name };
	LOGF(l, LOG_IKE, LOG_CONTROL, &ctx, "one\ntwo %d", 3);
	LOGF(l, LOG_IKE, LOG_DETAIL, &ctx, "detail");
	LOGF(l, LOG_IKE, LOG_RAW, &ctx, "raw");
	memset(name, 'x', 3);
	log_flush(l);
	cr_assert_eq(quick.n, 1);
	cr_assert_str_eq(quick.text, "one two 3");
	cr_assert_eq(slow.n, 2);
	cr_assert_str_eq(slow.conn, "net-net");
	log_del(l, id);
	LOGF(l, LOG_IKE, LOG_CONTROL, NULL, "three");
	log_free(l);
	cr_assert_eq(quick.n, 1);
	cr_assert_eq(slow.n, 3);
}

Test(log, a_sink_may_log_without_harm)
{
	struct log *l = log_new();
	struct seen s = { .log = l };

	add(l, &s, LOG_CONTROL, false);
	log_write(l, LOG_IKE, LOG_AUDIT, NULL, "x");
	cr_assert_eq(s.n, 1);
	log_free(l);
}

/* A disk that is too slow loses records, says so, and stops nobody. */
Test(log, a_slow_sink_is_bounded)
{
	struct log *l = log_new();
	struct seen s = { .wait_us = 20 };

	add(l, &s, LOG_CONTROL, true);
	for (int i = 0; i < 20000; i++)
		log_write(l, LOG_IKE, LOG_AUDIT, NULL, "line %d", i);
	log_flush(l);
	log_write(l, LOG_IKE, LOG_AUDIT, NULL, "last");
	log_free(l);
	cr_assert_lt(s.n, 20001);
	cr_assert_gt(s.n, 4096);
	cr_assert_str_eq(s.text, "last");
}

static void *writer(void *arg)
{
	for (int i = 0; i < 1000; i++)
		LOGF((struct log *)arg, LOG_NETWORK, LOG_CONTROL, NULL, "n %d", i);
	return NULL;
}

Test(log, any_thread)
{
	struct log *l = log_new();
	struct seen quick = { 0 }, slow = { 0 };
	pthread_t t[4];

	add(l, &quick, LOG_CONTROL, false);
	add(l, &slow, LOG_CONTROL, true);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, writer, l);
	for (int i = 0; i < 50; i++) {
		struct seen other = { 0 };
		int id = add(l, &other, LOG_DETAIL, i & 1);
		log_levels(l, id, (int8_t[LOG_SUB_COUNT]){ 0 });
		log_del(l, id);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	log_free(l);
	cr_assert_eq(quick.n, 4000);
	cr_assert_geq(slow.n, 1);
}

Test(log, sixteen_sinks)
{
	struct log *l = log_new();
	struct seen s = { 0 };

	for (int i = 0; i < 16; i++)
		cr_assert_geq(add(l, &s, 1, false), 0);
	cr_assert_eq(add(l, &s, 1, false), -1);
	log_free(l);
}

Test(log, a_peer_cannot_flood)
{
	struct log *l = log_new();
	struct seen s = { 0 };
	struct net_addr a, b;
	char want[64];

	cr_assert_eq(net_addr_parse("192.0.2.1", &a), 0);
	cr_assert_eq(net_addr_parse("192.0.2.2", &b), 0);
	add(l, &s, LOG_CONTROL, false);
	struct log_ctx from_a = { .peer = &a }, from_b = { .peer = &b };
	for (int i = 0; i < 1000; i++)
		log_peer(l, LOG_ENCODING, LOG_CONTROL, &from_a, "bad");
	cr_assert_eq(s.n, LOG_PEER_PER_S);
	log_peer(l, LOG_ENCODING, LOG_CONTROL, &from_b, "bad");
	cr_assert_eq(s.n, LOG_PEER_PER_S + 1);
	usleep(1100000);
	log_tick(l);
	cr_assert_eq(s.n, LOG_PEER_PER_S + 2);
	snprintf(want, sizeof want, "%d lines about 192.0.2.1 were suppressed", 1000 - LOG_PEER_PER_S);
	cr_assert_eq(strncmp(s.text, want, strlen(want)), 0, "%s", s.text);
	log_free(l);
}

Test(log, many_peers_cannot_flood_either)
{
	static struct log_peers p;
	struct net_addr a = { .family = NET_V4 };
	uint64_t n, lines = 0, told = 0;

	log_peers_init(&p, (const uint8_t[16]){ 0 });
	for (uint32_t i = 0; i < 100000; i++) {
		memcpy(a.a, &i, 4);
		lines += log_peers_allow(&p, &a, 5000);
	}
	cr_assert_eq(lines, LOG_PEER_ALL_PER_S);
	while (log_peers_next(&p, 7000, &a, &n))
		told += n;
	cr_assert_eq(told, 100000 - LOG_PEER_ALL_PER_S);
}

Test(log, levels_as_text)
{
	int8_t v[LOG_SUB_COUNT];
	struct diag *why = NULL;

	cr_assert_eq(log_levels_parse("ike=2, child=-1,default=0", v, &why), 0);
	cr_assert_eq(v[LOG_IKE], 2);
	cr_assert_eq(v[LOG_CHILD], -1);
	cr_assert_eq(v[LOG_NETWORK], 0);
	cr_assert_eq(log_levels_parse("4", v, &why), 0);
	cr_assert_eq(v[LOG_PLUGIN], 4);
	cr_assert_eq(log_levels_parse("", v, &why), 0);
	cr_assert_eq(v[LOG_IKE], 1);
	static const char *const bad[] = { "ike=5", "ike=", "nosuch=1", "ike=2=3", "x", "=1" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		cr_assert_eq(log_levels_parse(bad[i], v, &why), E_BAD_VALUE, "%s", bad[i]);
		cr_assert_not_null(why);
		diag_free(&why);
	}
}

static COUNTER(c_b, "test.b", "");
static COUNTER(c_a, "test.a", "");

static void order(void *arg, const struct counter *c)
{
	const char **last = arg;

	cr_assert(!*last || strcmp(*last, c->name) <= 0);
	*last = c->name;
}

Test(count, ordered_by_name)
{
	const char *last = NULL;

	count_inc(&c_b);
	count_add(&c_a, 5);
	count_inc(&c_a);
	cr_assert_eq(counter_get(&c_a), 6);
	counter_each(order, &last);
	cr_assert_str_eq(last, "test.b");
}
