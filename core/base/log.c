/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hub. Two locks: `slow` is held while a sink that may wait writes (only the log's thread does that), `fast` while
 * the others write. Who changes the sinks takes both, slow first, so each side may read them under its own lock.
 * The levels are atomic, because log_wants reads their maximum without a lock.
 */
#include "base/log.h"
#include "base/count.h"
#include "base/diag.h"
#include "base/log_focus.h"
#include "base/log_peer.h"
#include "base/log_queue.h"
#include "base/log_rate.h"

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
	_Atomic int8_t usual[LOG_SUB_COUNT]; /* without the rules */
	_Atomic bool has_rules, secrets;
	_Atomic uint32_t per_s; /* lines of one message */
	pthread_mutex_t fast, slow;
	struct slot slot[SINKS];
	struct log_queue *queue; /* from the first sink on that may wait */
	struct focus focus; /* under fast */
	pthread_mutex_t peers_lock; /* of what follows */
	struct log_peers peers;
	struct log_rate rate;
	uint64_t tick_ms;
};

static COUNTER(c_suppressed, "log.suppressed", "log lines caused by peers that were not written: rate limit");
static COUNTER(c_rate, "log.repeated", "log lines that were not written: too many of one message");

/* A sink that logs from within its write would wait for itself. */
static _Thread_local int depth;

static bool slot_wants(struct slot *s, const struct log_record *r)
{
	bool usual = (int)r->level <= atomic_load(&s->level[r->sub]);
	bool ruled = s->s.focus && (int)r->level <= r->boost;

	/* What came late has been seen by who wanted it anyway. */
	return r->late ? ruled && !usual : usual || ruled;
}

static void sinks_write(struct log *l, const struct log_record *r, bool may_wait)
{
	depth++;
	for (size_t i = 0; i < SINKS; i++) {
		struct slot *s = &l->slot[i];
		if (s->used && s->s.may_wait == may_wait && slot_wants(s, r))
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
	for (size_t i = 0; i < LOG_SUB_COUNT; i++) {
		atomic_init(&l->most[i], LOG_SILENT);
		atomic_init(&l->usual[i], LOG_SILENT);
	}
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
	focus_fini(&l->focus);
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
		atomic_store_explicit(&l->usual[i], most, memory_order_relaxed);
		int8_t rules = focus_most(&l->focus, (enum log_sub)i);
		atomic_store_explicit(&l->most[i], rules > most ? rules : most, memory_order_relaxed);
	}
	atomic_store(&l->has_rules, focus_any(&l->focus));
}

static void unlock_both(struct log *l)
{
	find_most(l);
	pthread_mutex_unlock(&l->fast);
	pthread_mutex_unlock(&l->slow);
}

static void set_levels(const struct log *l, struct slot *s, const int8_t level[LOG_SUB_COUNT])
{
	int8_t max = atomic_load(&l->secrets) ? LOG_SECRETS : LOG_RAW;

	for (size_t i = 0; i < LOG_SUB_COUNT; i++)
		atomic_store(&s->level[i], level[i] > max ? max : level[i]);
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
		set_levels(l, &l->slot[i], s->level);
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
		set_levels(l, &l->slot[id], level);
	find_most(l);
	pthread_mutex_unlock(&l->fast);
}

void log_name(struct log *l, int id, const char *name)
{
	pthread_mutex_lock(&l->fast);
	if (id >= 0 && id < SINKS && l->slot[id].used)
		snprintf(l->slot[id].s.name, sizeof l->slot[id].s.name, "%s", name);
	pthread_mutex_unlock(&l->fast);
}

bool log_sink_next(struct log *l, int *id, struct log_sink_view *out)
{
	bool found = false;

	pthread_mutex_lock(&l->fast);
	for (; !found && *id >= 0 && *id < SINKS; ++*id) {
		const struct slot *s = &l->slot[*id];
		if (!s->used)
			continue;
		found = true;
		memcpy(out->name, s->s.name, sizeof out->name);
		out->focus = s->s.focus;
		for (size_t k = 0; k < LOG_SUB_COUNT; k++)
			out->level[k] = atomic_load(&s->level[k]);
	}
	pthread_mutex_unlock(&l->fast);
	return found;
}

void log_rate_set(struct log *l, uint32_t per_s)
{
	atomic_store(&l->per_s, per_s);
}

void log_allow_secrets(struct log *l, bool yes)
{
	int8_t level[LOG_SUB_COUNT];

	atomic_store(&l->secrets, yes);
	if (yes)
		return;
	pthread_mutex_lock(&l->fast);
	for (size_t i = 0; i < SINKS; i++) {
		for (size_t k = 0; k < LOG_SUB_COUNT; k++)
			level[k] = atomic_load(&l->slot[i].level[k]);
		set_levels(l, &l->slot[i], level);
	}
	find_most(l);
	pthread_mutex_unlock(&l->fast);
}

err_t log_levels_may(const struct log *l, const int8_t level[LOG_SUB_COUNT], struct diag **why)
{
	for (size_t i = 0; i < LOG_SUB_COUNT; i++)
		if (level[i] > LOG_RAW && !atomic_load(&l->secrets))
			return diag_set(why, E_DENIED, "log level 4 writes keys: it is refused unless aditd.log_secrets = yes stands in the "
				"configuration");
	return 0;
}

static uint64_t now_ms(void);
static void emit(struct log *l, const struct log_record *r, bool keep);

/* ---- rules --------------------------------------------------------------------------------------------------------- */

uint64_t log_focus_add(struct log *l, const struct log_focus *f)
{
	struct log_focus in = *f;
	int8_t max = atomic_load(&l->secrets) ? LOG_SECRETS : LOG_RAW;

	for (size_t i = 0; i < LOG_SUB_COUNT; i++)
		in.level[i] = in.level[i] > max ? max : in.level[i];
	pthread_mutex_lock(&l->fast);
	uint64_t number = focus_add(&l->focus, &in, now_ms());
	find_most(l);
	pthread_mutex_unlock(&l->fast);
	return number;
}

bool log_focus_del(struct log *l, uint64_t number)
{
	pthread_mutex_lock(&l->fast);
	bool some = focus_del(&l->focus, number);
	find_most(l);
	pthread_mutex_unlock(&l->fast);
	return some;
}

bool log_focus_next(struct log *l, uint64_t after, struct log_focus_view *out)
{
	const struct focus_rule *best = NULL;
	uint64_t now = now_ms();

	pthread_mutex_lock(&l->fast);
	for (size_t i = 0; i < FOCUS_RULES; i++) {
		const struct focus_rule *r = &l->focus.rule[i];
		if (r->number > after && r->until_ms > now && (!best || r->number < best->number))
			best = r;
	}
	if (best) {
		*out = (struct log_focus_view){ .number = best->number, .kind = best->is.kind,
			.seconds_left = best->until_ms == UINT64_MAX ? 0 : (best->until_ms - now + 999) / 1000 };
		memcpy(out->level, best->is.level, sizeof out->level);
		memcpy(out->text, best->is.text, sizeof out->text);
	}
	pthread_mutex_unlock(&l->fast);
	return best != NULL;
}

void log_known(struct log *l, const struct log_ctx *ctx)
{
	struct focus_line *first;
	bool maybe;

	/* Also when the last rule has gone meanwhile: what was kept is given back. */
	pthread_mutex_lock(&l->fast);
	first = focus_take(&l->focus, ctx->ike_unique);
	pthread_mutex_unlock(&l->fast);
	for (const struct focus_line *k = first; k; k = k->next) {
		struct log_record r = { .time_ns = k->time_ns, .sub = k->sub, .level = k->level, .text = k->text, .ctx = *ctx,
			.late = true };
		r.ctx.spi_i = k->spi_i;
		r.ctx.spi_r = k->spi_r;
		r.ctx.code = k->code;
		r.ctx.peer = k->peer.family ? &k->peer : NULL;
		pthread_mutex_lock(&l->fast);
		r.boost = focus_level(&l->focus, r.sub, r.level, &r.ctx, &maybe);
		pthread_mutex_unlock(&l->fast);
		if ((int)r.level <= r.boost)
			emit(l, &r, false);
	}
	focus_lines_free(first);
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
	int8_t out[LOG_SUB_COUNT];

	memset(out, LOG_CONTROL, sizeof out);
	err_t e = log_levels_change(spec, out, why);
	if (!e)
		memcpy(level, out, sizeof out);
	return e;
}

err_t log_levels_change(const char *spec, int8_t level[LOG_SUB_COUNT], struct diag **why)
{
	static const char separators[] = ", \t";
	int8_t out[LOG_SUB_COUNT];

	memcpy(out, level, sizeof out);
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

static void emit(struct log *l, const struct log_record *r, bool keep)
{
	pthread_mutex_lock(&l->fast);
	sinks_write(l, r, false);
	bool queued = l->queue != NULL;
	if (keep)
		focus_keep(&l->focus, r);
	pthread_mutex_unlock(&l->fast);
	if (queued)
		log_queue_put(l->queue, r);
}

/* What the rules say of a line. False: nobody wants it, and it need not be made. */
static bool ruled(struct log *l, struct log_record *r, bool *keep)
{
	bool usual = (int)r->level <= atomic_load_explicit(&l->usual[r->sub], memory_order_relaxed);

	*keep = false;
	r->boost = LOG_SILENT;
	if (!atomic_load_explicit(&l->has_rules, memory_order_relaxed))
		return usual;
	pthread_mutex_lock(&l->fast);
	r->boost = focus_level(&l->focus, r->sub, r->level, &r->ctx, keep);
	pthread_mutex_unlock(&l->fast);
	return usual || *keep || (int)r->level <= r->boost;
}

/* Tells what was suppressed of a message. */
static void tell_repeated(struct log *l, const struct log_rate_told *t)
{
	struct log_record r = { .time_ns = clock_ns(CLOCK_REALTIME), .sub = t->sub, .level = t->level, .boost = LOG_SILENT };
	char text[512];

	if (!t->suppressed)
		return;
	count_add(&c_rate, t->suppressed);
	snprintf(text, sizeof text, "%llu more suppressed within a second: \"%s\" (aditd.log_rate)",
		(unsigned long long)t->suppressed, t->fmt);
	r.text = text;
	emit(l, &r, false);
}

/* Not too often? What was suppressed of it before is told. */
static bool rate_allows(struct log *l, const struct log_record *r, const char *fmt)
{
	uint32_t per_s = atomic_load_explicit(&l->per_s, memory_order_relaxed);
	struct log_rate_told told;

	if (!per_s || r->level <= LOG_AUDIT || (int)r->level <= r->boost)
		return true;
	pthread_mutex_lock(&l->peers_lock);
	bool may = log_rate_allow(&l->rate, fmt, r->sub, r->level, per_s, now_ms(), &told);
	pthread_mutex_unlock(&l->peers_lock);
	tell_repeated(l, &told);
	return may;
}

static struct log_record record_of(enum log_sub sub, enum log_level level, const struct log_ctx *ctx)
{
	struct log_record r = { .sub = sub, .level = level };

	if (ctx)
		r.ctx = *ctx;
	return r;
}

static void write_v(struct log *l, struct log_record *r, bool keep, const char *fmt, va_list ap)
{
	char text[LOG_TEXT];

	vsnprintf(text, sizeof text, fmt, ap);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	r->time_ns = clock_ns(CLOCK_REALTIME);
	r->text = text;
	emit(l, r, keep);
}

void log_write(struct log *l, enum log_sub sub, enum log_level level, const struct log_ctx *ctx, const char *fmt, ...)
{
	struct log_record r = record_of(sub, level, ctx);
	va_list ap;
	bool keep;

	if (depth || !log_wants(l, sub, level) || !ruled(l, &r, &keep) || !rate_allows(l, &r, fmt))
		return;
	va_start(ap, fmt);
	write_v(l, &r, keep, fmt, ap);
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
	struct log_rate_told told;
	uint64_t suppressed, now = now_ms();
	bool more;

	if (atomic_load(&l->has_rules)) {
		pthread_mutex_lock(&l->fast);
		if (focus_expire(&l->focus, now))
			find_most(l);
		pthread_mutex_unlock(&l->fast);
	}
	do {
		pthread_mutex_lock(&l->peers_lock);
		more = log_rate_next(&l->rate, now, &told);
		pthread_mutex_unlock(&l->peers_lock);
		if (more)
			tell_repeated(l, &told);
	} while (more);
	for (;;) {
		pthread_mutex_lock(&l->peers_lock);
		l->tick_ms = now;
		more = log_peers_next(&l->peers, now, &peer, &suppressed);
		pthread_mutex_unlock(&l->peers_lock);
		if (!more)
			return;
		tell_suppressed(l, &peer, suppressed);
	}
}

void log_peer(struct log *l, enum log_sub sub, enum log_level level, const struct log_ctx *ctx, const char *fmt, ...)
{
	static const struct net_addr nobody;
	struct log_record r = record_of(sub, level, ctx);
	va_list ap;
	bool keep;

	if (depth || !log_wants(l, sub, level) || !ruled(l, &r, &keep))
		return;
	uint64_t now = now_ms();
	pthread_mutex_lock(&l->peers_lock);
	bool tick = now - l->tick_ms >= 1000;
	pthread_mutex_unlock(&l->peers_lock);
	if (tick)
		log_tick(l);
	pthread_mutex_lock(&l->peers_lock);
	/* Who is looked at closely may talk. */
	bool may = (int)level <= r.boost || log_peers_allow(&l->peers, ctx && ctx->peer ? ctx->peer : &nobody, now);
	pthread_mutex_unlock(&l->peers_lock);
	if (!may || !rate_allows(l, &r, fmt))
		return;
	va_start(ap, fmt);
	write_v(l, &r, keep, fmt, ap);
	va_end(ap);
}
