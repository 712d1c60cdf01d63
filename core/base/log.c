/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hub. Two locks: `slow` is held while a sink that may wait writes (only the log's thread does that), `fast` while
 * the others write. Who changes the sinks takes both, slow first, so each side may read them under its own lock.
 * The levels are atomic, because log_wants reads their maximum without a lock.
 */
#include "base/log.h"
#include "base/count.h"
#include "base/diag.h"
#include "base/log_peer.h"
#include "base/log_queue.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum { SINKS = 16 };

struct slot {
	bool used;
	struct log_sink s;
	_Atomic int8_t level[LOG_SUB_COUNT];
};

struct log {
	_Atomic int8_t most[LOG_SUB_COUNT]; /* the most detailed level anybody wants */
	pthread_mutex_t fast, slow;
	struct slot slot[SINKS];
	struct log_queue *queue; /* from the first sink on that may wait */
	pthread_mutex_t peers_lock;
	struct log_peers peers;
	uint64_t tick_ms;
};

static COUNTER(c_suppressed, "log.suppressed", "log lines caused by peers that were not written: rate limit");

/* A sink that logs from within its write would wait for itself. */
static _Thread_local int depth;

static void sinks_write(struct log *l, const struct log_record *r, bool may_wait)
{
	depth++;
	for (size_t i = 0; i < SINKS; i++) {
		struct slot *s = &l->slot[i];
		if (s->used && s->s.may_wait == may_wait && r->level <= atomic_load(&s->level[r->sub]))
			s->s.write(s->s.self, r);
	}
	depth--;
}

static void queue_write(void *arg, const struct log_record *r)
{
	struct log *l = arg;

	pthread_mutex_lock(&l->slow);
	sinks_write(l, r, true);
	pthread_mutex_unlock(&l->slow);
}

static void queue_idle(void *arg)
{
	struct log *l = arg;

	pthread_mutex_lock(&l->slow);
	depth++;
	for (size_t i = 0; i < SINKS; i++)
		if (l->slot[i].used && l->slot[i].s.may_wait && l->slot[i].s.flush)
			l->slot[i].s.flush(l->slot[i].s.self);
	depth--;
	pthread_mutex_unlock(&l->slow);
}

struct log *log_new(void)
{
	struct log *l = calloc(1, sizeof *l);
	uint8_t seed[16] = { 0 };

	if (!l)
		return NULL;
	for (size_t i = 0; i < LOG_SUB_COUNT; i++)
		atomic_init(&l->most[i], LOG_SILENT);
	pthread_mutex_init(&l->fast, NULL);
	pthread_mutex_init(&l->slow, NULL);
	pthread_mutex_init(&l->peers_lock, NULL);
	/* Without a seed a peer might share the row of another one: no harm worth an error. */
	if (getrandom(seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
		seed[0] = 1;
	log_peers_init(&l->peers, seed);
	return l;
}

void log_free(struct log *l)
{
	if (!l)
		return;
	log_queue_free(l->queue);
	pthread_mutex_destroy(&l->fast);
	pthread_mutex_destroy(&l->slow);
	pthread_mutex_destroy(&l->peers_lock);
	free(l);
}

static void lock_both(struct log *l)
{
	pthread_mutex_lock(&l->slow);
	pthread_mutex_lock(&l->fast);
}

/* Under the fast lock. */
static void find_most(struct log *l)
{
	for (size_t i = 0; i < LOG_SUB_COUNT; i++) {
		int8_t most = LOG_SILENT;
		for (size_t k = 0; k < SINKS; k++) {
			int8_t v = l->slot[k].used ? atomic_load(&l->slot[k].level[i]) : LOG_SILENT;
			most = v > most ? v : most;
		}
		atomic_store_explicit(&l->most[i], most, memory_order_relaxed);
	}
}

static void unlock_both(struct log *l)
{
	find_most(l);
	pthread_mutex_unlock(&l->fast);
	pthread_mutex_unlock(&l->slow);
}

static void set_levels(struct slot *s, const int8_t level[LOG_SUB_COUNT])
{
	for (size_t i = 0; i < LOG_SUB_COUNT; i++)
		atomic_store(&s->level[i], level[i]);
}

int log_add(struct log *l, const struct log_sink *s)
{
	int id = -1;

	lock_both(l);
	if (s->may_wait && !l->queue)
		l->queue = log_queue_new(queue_write, queue_idle, l);
	for (int i = 0; i < SINKS && (!s->may_wait || l->queue); i++) {
		if (l->slot[i].used)
			continue;
		l->slot[i].s = *s;
		l->slot[i].used = true;
		set_levels(&l->slot[i], s->level);
		id = i;
		break;
	}
	unlock_both(l);
	return id;
}

void log_levels(struct log *l, int id, const int8_t level[LOG_SUB_COUNT])
{
	/* Not the slow lock: the loop must not wait for somebody's disk. */
	pthread_mutex_lock(&l->fast);
	if (id >= 0 && id < SINKS && l->slot[id].used)
		set_levels(&l->slot[id], level);
	find_most(l);
	pthread_mutex_unlock(&l->fast);
}

void log_del(struct log *l, int id)
{
	if (id < 0 || id >= SINKS)
		return;
	log_flush(l);
	lock_both(l);
	l->slot[id].used = false;
	unlock_both(l);
}

void log_flush(struct log *l)
{
	pthread_mutex_lock(&l->fast);
	struct log_queue *q = l->queue;
	pthread_mutex_unlock(&l->fast);
	if (q)
		log_queue_flush(q);
}

static bool word_level(const char *word, size_t n, int8_t level[LOG_SUB_COUNT])
{
	const char *eq = memchr(word, '=', n);
	const char *value = eq ? eq + 1 : word;
	size_t name_n = eq ? (size_t)(eq - word) : 0, value_n = (size_t)(word + n - value);
	bool found = !eq || (name_n == 7 && strncmp(word, "default", 7) == 0);
	int v;

	if (value_n == 1 && *value >= '0' && *value <= '4')
		v = *value - '0';
	else if (value_n == 2 && memcmp(value, "-1", 2) == 0)
		v = -1;
	else
		return false;
	if (found) {
		memset(level, v, LOG_SUB_COUNT);
		return true;
	}
	for (size_t i = 0; i < LOG_SUB_COUNT; i++)
		if (strlen(log_sub_name(i)) == name_n && strncmp(log_sub_name(i), word, name_n) == 0) {
			level[i] = (int8_t)v;
			found = true;
		}
	return found;
}

err_t log_levels_parse(const char *spec, int8_t level[LOG_SUB_COUNT], struct diag **why)
{
	static const char separators[] = ", \t";
	int8_t out[LOG_SUB_COUNT];

	memset(out, LOG_CONTROL, sizeof out);
	/* The default holds for what is not named, wherever it stands. */
	for (int pass = 0; pass < 2; pass++) {
		for (const char *w = spec + strspn(spec, separators); *w; w += strspn(w, separators)) {
			size_t n = strcspn(w, separators);
			const char *eq = memchr(w, '=', n);
			bool is_default = !eq || (eq - w == 7 && strncmp(w, "default", 7) == 0);
			if (is_default == (pass == 0) && !word_level(w, n, out))
				return diag_set(why, E_BAD_VALUE, "log level \"%.*s\": expected SUBSYSTEM=LEVEL, where "
					"LEVEL is -1 to 4 and SUBSYSTEM one of default asn1 child config daemon "
					"encoding ike ipsec job kernel manager network auth pki api plugin", (int)n, w);
			w += n;
		}
	}
	memcpy(level, out, sizeof out);
	return 0;
}

bool log_wants(const struct log *l, enum log_sub sub, enum log_level level)
{
	return l && (int)level <= atomic_load_explicit(&l->most[sub], memory_order_relaxed);
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000u;
}

static void emit(struct log *l, enum log_sub sub, enum log_level level, const struct log_ctx *ctx, const char *text)
{
	struct log_record r = { .time_ns = clock_ns(CLOCK_REALTIME), .sub = sub, .level = level, .text = text };

	if (ctx)
		r.ctx = *ctx;
	pthread_mutex_lock(&l->fast);
	sinks_write(l, &r, false);
	bool queued = l->queue != NULL;
	pthread_mutex_unlock(&l->fast);
	if (queued)
		log_queue_put(l->queue, &r);
}

static void write_v(struct log *l, enum log_sub sub, enum log_level level, const struct log_ctx *ctx, const char *fmt,
	va_list ap)
{
	char text[LOG_TEXT];

	if (depth || !log_wants(l, sub, level))
		return;
	vsnprintf(text, sizeof text, fmt, ap);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	emit(l, sub, level, ctx, text);
}

void log_write(struct log *l, enum log_sub sub, enum log_level level, const struct log_ctx *ctx, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_v(l, sub, level, ctx, fmt, ap);
	va_end(ap);
}

static void tell_suppressed(struct log *l, const struct net_addr *peer, uint64_t suppressed)
{
	struct log_ctx ctx = { .peer = peer->family ? peer : NULL };
	char addr[NET_ADDR_TEXT];

	count_add(&c_suppressed, suppressed);
	log_write(l, LOG_NETWORK, LOG_CONTROL, &ctx, "%llu lines about %s were suppressed (at most %d per second)",
		(unsigned long long)suppressed, peer->family ? net_addr_text(peer, false, addr) : "many peers",
		peer->family ? LOG_PEER_PER_S : LOG_PEER_ALL_PER_S);
}

void log_tick(struct log *l)
{
	struct net_addr peer;
	uint64_t suppressed, now = now_ms();

	for (;;) {
		pthread_mutex_lock(&l->peers_lock);
		l->tick_ms = now;
		bool more = log_peers_next(&l->peers, now, &peer, &suppressed);
		pthread_mutex_unlock(&l->peers_lock);
		if (!more)
			return;
		tell_suppressed(l, &peer, suppressed);
	}
}

void log_peer(struct log *l, enum log_sub sub, enum log_level level, const struct log_ctx *ctx, const char *fmt, ...)
{
	static const struct net_addr nobody;
	va_list ap;

	if (depth || !log_wants(l, sub, level))
		return;
	uint64_t now = now_ms();
	pthread_mutex_lock(&l->peers_lock);
	bool tick = now - l->tick_ms >= 1000;
	pthread_mutex_unlock(&l->peers_lock);
	if (tick)
		log_tick(l);
	pthread_mutex_lock(&l->peers_lock);
	bool may = log_peers_allow(&l->peers, ctx && ctx->peer ? ctx->peer : &nobody, now);
	pthread_mutex_unlock(&l->peers_lock);
	if (!may)
		return;
	va_start(ap, fmt);
	write_v(l, sub, level, ctx, fmt, ap);
	va_end(ap);
}
