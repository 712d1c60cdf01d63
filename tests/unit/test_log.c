/* SPDX-License-Identifier: Apache-2.0 */
#include "base/count.h"
#include "base/diag.h"
#include "base/log.h"
#include "base/log_peer.h"
#include "os/loop.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

struct seen {
	atomic_int n;
	char text[LOG_TEXT], conn[32];
	struct net_addr peer;
	int wait_us, before;
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

/* Begins again when the machine stood still: what is counted by the second has to be written within one. */
static struct log *within_a_second(struct seen *s, void (*write)(struct log *l, struct seen *s))
{
	for (int tries = 1;; tries++) {
		struct log *l = log_new();
		uint64_t from = loop_now_ms();

		*s = (struct seen){ 0 };
		write(l, s);
		if (loop_now_ms() - from < 900 || tries == 20)
			return l;
		log_free(l);
	}
}

static void peer_floods(struct log *l, struct seen *s)
{
	struct net_addr a, b;
	struct log_ctx from_a = { .peer = &a }, from_b = { .peer = &b };

	cr_assert_eq(net_addr_parse("192.0.2.1", &a), 0);
	cr_assert_eq(net_addr_parse("192.0.2.2", &b), 0);
	add(l, s, LOG_CONTROL, false);
	for (int i = 0; i < 1000; i++)
		log_peer(l, LOG_ENCODING, LOG_CONTROL, &from_a, "bad");
	s->before = s->n;
	log_peer(l, LOG_ENCODING, LOG_CONTROL, &from_b, "bad");
}

Test(log, a_peer_cannot_flood)
{
	struct seen s;
	struct log *l = within_a_second(&s, peer_floods);
	char want[64];

	cr_assert_eq(s.before, LOG_PEER_PER_S);
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

/* ---- rules, repeated messages, keys ---- */

static int add_named(struct log *l, struct seen *s, int level, bool may_wait)
{
	struct log_sink sink = { .self = s, .write = see, .may_wait = may_wait, .focus = true, .name = "main" };

	memset(sink.level, level, sizeof sink.level);
	return log_add(l, &sink);
}

static bool id_is(const void *id, uint8_t type, slice data)
{
	return type == 2 && slice_equal(data, slice_str(id));
}

static unsigned n_freed;

static void id_gone(void *id)
{
	(void)id;
	n_freed++;
}

static uint64_t rule(struct log *l, uint8_t kind, const char *text, int level, uint64_t seconds)
{
	struct log_focus f = { .kind = kind, .seconds = seconds, .id = kind == LOG_FOCUS_ID ? (void *)(uintptr_t)text : NULL,
		.id_fits = id_is, .id_free = id_gone };

	memset(f.level, level, sizeof f.level);
	snprintf(f.text, sizeof f.text, "%s", text);
	if (kind == LOG_FOCUS_PEER)
		cr_assert_eq(ts_parse(text, &f.peer), 0);
	return log_focus_add(l, &f);
}

Test(log, rules_give_detail_to_some)
{
	struct log *l = log_new();
	struct seen quick = { 0 }, plain = { 0 };
	struct net_addr peer, other;

	cr_assert_eq(net_addr_parse("192.0.2.7", &peer), 0);
	cr_assert_eq(net_addr_parse("198.51.100.7", &other), 0);
	add_named(l, &quick, LOG_CONTROL, true);
	add(l, &plain, LOG_CONTROL, false);
	cr_assert_eq(rule(l, LOG_FOCUS_PEER, "192.0.2.0/24", LOG_RAW, 0), 1);
	cr_assert_eq(rule(l, LOG_FOCUS_CONN, "site", LOG_DETAIL, 0), 2);
	cr_assert(log_wants(l, LOG_IKE, LOG_RAW));
	struct log_ctx ctx[] = { { .peer = &peer }, { .peer = &other }, { .conn = "site" }, { .conn = "site", .conn_guess = true },
		{ .conn = "site2" }, { 0 } };
	static const int want[] = { 3, 1, 2, 1, 1, 1 };
	for (size_t i = 0; i < ARRAY_LEN(ctx); i++) {
		int before = quick.n, before_plain = plain.n;
		for (int level = 1; level <= 4; level++)
			log_write(l, LOG_IKE, (enum log_level)level, &ctx[i], "line");
		log_flush(l);
		cr_assert_eq(quick.n - before, want[i], "%zu: %d lines", i, quick.n - before);
		cr_assert_eq(plain.n - before_plain, 1, "a sink that takes no part");
	}
	/* A peer under a rule is not limited as others are. */
	int before = quick.n;
	for (int i = 0; i < 50; i++)
		log_peer(l, LOG_IKE, LOG_CONTROL, &ctx[0], "from a peer");
	log_flush(l);
	cr_assert_eq(quick.n - before, 50);
	cr_assert(log_focus_del(l, 1));
	cr_assert_not(log_focus_del(l, 1));
	cr_assert(log_wants(l, LOG_IKE, LOG_DETAIL) && !log_wants(l, LOG_IKE, LOG_RAW));
	cr_assert(log_focus_del(l, 0));
	cr_assert_not(log_wants(l, LOG_IKE, LOG_DETAIL));
	log_free(l);
}

Test(log, early_lines_are_kept_until_it_is_known_whose_they_are)
{
	struct log *l = log_new();
	struct seen s = { 0 };

	add_named(l, &s, LOG_AUDIT, false);
	rule(l, LOG_FOCUS_ID, "a.test", LOG_DETAIL, 0);
	rule(l, LOG_FOCUS_CONN, "site", LOG_DETAIL, 0);
	for (uint64_t sa = 1; sa <= 3; sa++) {
		struct log_ctx early = { .ike_unique = sa, .conn = "first", .conn_guess = true };
		for (int level = 0; level <= 3; level++)
			log_write(l, LOG_IKE, (enum log_level)level, &early, "early %d of %d", level, (int)sa);
	}
	cr_assert_eq(s.n, 3, "the audit lines alone");
	log_known(l, &(struct log_ctx){ .ike_unique = 1, .conn = "other", .id_type = 2, .id = SLICE_LIT("a.test") });
	cr_assert_eq(s.n, 5, "levels 1 and 2 of the first, the audit line not again");
	cr_assert_str_eq(s.text, "early 2 of 1");
	cr_assert_str_eq(s.conn, "other");
	log_known(l, &(struct log_ctx){ .ike_unique = 2, .conn = "other", .id_type = 2, .id = SLICE_LIT("b.test") });
	cr_assert_eq(s.n, 5, "nobody asked for these");
	log_known(l, &(struct log_ctx){ .ike_unique = 3, .conn = "site", .id_type = 2, .id = SLICE_LIT("b.test") });
	cr_assert_eq(s.n, 7);
	log_known(l, &(struct log_ctx){ .ike_unique = 1, .conn = "site" });
	cr_assert_eq(s.n, 7, "once");
	/* Bounds: lines of one SA, and a row that a newer SA takes. */
	for (int i = 0; i < 1000; i++)
		log_write(l, LOG_IKE, LOG_DETAIL, &(struct log_ctx){ .ike_unique = 9, .conn_guess = true }, "%d", i);
	log_known(l, &(struct log_ctx){ .ike_unique = 9, .conn = "site" });
	cr_assert_eq(s.n, 7 + 64);
	log_write(l, LOG_IKE, LOG_DETAIL, &(struct log_ctx){ .ike_unique = 10, .conn_guess = true }, "old");
	log_write(l, LOG_IKE, LOG_DETAIL, &(struct log_ctx){ .ike_unique = 10 + 1024, .conn_guess = true }, "new");
	log_known(l, &(struct log_ctx){ .ike_unique = 10, .conn = "site" });
	cr_assert_eq(s.n, 7 + 64);
	log_known(l, &(struct log_ctx){ .ike_unique = 10 + 1024, .conn = "site" });
	cr_assert_eq(s.n, 7 + 65);
	log_write(l, LOG_IKE, LOG_DETAIL, &(struct log_ctx){ .ike_unique = 11, .conn_guess = true }, "left over");
	log_free(l);
	cr_assert_eq(n_freed, 1);
}

Test(log, rules_end_and_are_bounded)
{
	struct log *l = log_new();
	struct log_focus_view v = { .number = 0 };
	unsigned n = 0;

	cr_assert_eq(rule(l, LOG_FOCUS_CONN, "short", LOG_DETAIL, 1), 1);
	for (unsigned i = 2; i <= 32; i++)
		cr_assert_eq(rule(l, LOG_FOCUS_CONN, "long", LOG_CONTROL, 0), i);
	cr_assert_eq(rule(l, LOG_FOCUS_ID, "more", LOG_DETAIL, 0), 0);
	cr_assert_eq(n_freed, 1, "the pattern of a rule that was not taken");
	while (log_focus_next(l, v.number, &v))
		n++;
	cr_assert_eq(n, 32);
	cr_assert(log_focus_next(l, 0, &v) && v.number == 1 && v.seconds_left <= 1);
	usleep(1100000);
	log_tick(l);
	cr_assert_not(log_wants(l, LOG_IKE, LOG_DETAIL));
	cr_assert(log_focus_next(l, 0, &v) && v.number == 2 && !v.seconds_left);
	log_free(l);
}

static void message_floods(struct log *l, struct seen *s)
{
	add_named(l, s, LOG_DETAIL, false);
	log_rate_set(l, 10);
	for (int i = 0; i < 100; i++) {
		log_write(l, LOG_IKE, LOG_CONTROL, NULL, "one %d", i);
		log_write(l, LOG_IKE, LOG_AUDIT, NULL, "audit %d", i);
	}
	s->before = s->n;
	log_write(l, LOG_IKE, LOG_CONTROL, NULL, "another");
}

Test(log, one_message_cannot_flood)
{
	struct seen s;
	struct log *l = within_a_second(&s, message_floods);

	cr_assert_eq(s.before, 110, "%d lines", s.before);
	cr_assert_eq(s.n, 111);
	usleep(1100000);
	log_tick(l);
	cr_assert_eq(s.n, 112);
	cr_assert(strstr(s.text, "90 more suppressed") && strstr(s.text, "\"one %d\""), "%s", s.text);
	log_write(l, LOG_IKE, LOG_CONTROL, NULL, "one %d", 1);
	cr_assert_eq(s.n, 113);
	log_free(l);
}

Test(log, keys_are_written_to_nobody_unless_allowed)
{
	struct log *l = log_new();
	struct seen s = { 0 };
	struct diag *why = NULL;
	int8_t level[LOG_SUB_COUNT];

	memset(level, LOG_SECRETS, sizeof level);
	add_named(l, &s, LOG_SECRETS, false);
	rule(l, LOG_FOCUS_CONN, "site", LOG_SECRETS, 0);
	log_write(l, LOG_IKE, LOG_SECRETS, &(struct log_ctx){ .conn = "site" }, "a key");
	cr_assert_eq(s.n, 0);
	cr_assert_eq(log_levels_may(l, level, &why), E_DENIED);
	diag_free(&why);
	log_allow_secrets(l, true);
	cr_assert_eq(log_levels_may(l, level, &why), 0);
	int id = 0;
	struct log_sink_view v;
	cr_assert(log_sink_next(l, &id, &v));
	cr_assert_str_eq(v.name, "main");
	cr_assert_eq(v.level[LOG_IKE], LOG_RAW);
	log_levels(l, id - 1, level);
	log_write(l, LOG_IKE, LOG_SECRETS, NULL, "a key");
	cr_assert_eq(s.n, 1);
	log_allow_secrets(l, false);
	log_write(l, LOG_IKE, LOG_SECRETS, NULL, "a key");
	cr_assert_eq(s.n, 1);
	cr_assert_not(log_sink_next(l, &id, &v));
	log_free(l);
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
