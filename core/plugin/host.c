/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/host.h"
#include "base/count.h"
#include "base/diag.h"
#include "os/rng.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { SINKS = 16, COUNTERS_MAX = 256 };

struct sink {
	const struct log_ops *ops;
	void *sink;
	int id; /* of the log hub; -1: not used */
};

struct named {
	struct counter c;
	_Atomic(struct named *) next;
	const char *last; /* behind "plugin.NAME." */
	char name[];
};

struct host {
	struct plug_host api;
	const struct plug_services *s;
	char *plugin;
	const struct plug_conf_key *conf;
	struct sink sink[SINKS];
	pthread_mutex_t lock; /* of new counters */
	_Atomic(struct named *) counters;
	unsigned n_counters;
};

/* ---- configuration ---- */

/* "main.path" fits the row "*.path". */
static bool key_fits(const char *row, const char *key)
{
	while (*row && *key) {
		if (*row == '*') {
			row++;
			key += strcspn(key, ".");
		} else if (*row++ != *key++) {
			return false;
		}
	}
	return !*row && !*key;
}

static const struct plug_conf_key *conf_row(const struct plug_conf_key *conf, const char *key)
{
	for (const struct plug_conf_key *k = conf; k && k->key; k++)
		if (key_fits(k->key, key))
			return k;
	return NULL;
}

static bool is_bool(const char *v)
{
	static const char *const words[] = { "yes", "no", "true", "false", "on", "off", "enabled", "disabled", "1",
		"0" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i], v) == 0)
			return true;
	return false;
}

/* NULL when the value is fine, else what is expected. */
static const char *conf_wrong(const struct plug_conf_key *k, const char *v, char *buf, size_t cap)
{
	char *end;

	if (k->type == PLUG_CONF_BOOL)
		return is_bool(v) ? NULL : "yes or no";
	if (k->type == PLUG_CONF_PATH)
		return *v == '/' || strcmp(v, "stdout") == 0 || strcmp(v, "stderr") == 0 ? NULL : "an absolute path";
	if (k->type != PLUG_CONF_INT && k->type != PLUG_CONF_TIME_S)
		return NULL;
	long long n = strtoll(v, &end, 10);
	bool number = end != v && (!*end || (k->type == PLUG_CONF_TIME_S && !end[1] && strchr("smhd", *end)));
	if (number && ((!k->min && !k->max) || (n >= k->min && n <= k->max)))
		return NULL;
	snprintf(buf, cap, "a number from %lld to %lld%s", (long long)k->min, (long long)k->max,
		k->type == PLUG_CONF_TIME_S ? " with s, m, h or d" : "");
	return buf;
}

err_t host_conf_check(const struct plug_conf_key *conf, const char *key, const char *value, char *buf, size_t cap)
{
	const struct plug_conf_key *k = conf_row(conf, key);
	char numbers[96];

	if (!k)
		return E_UNKNOWN_KEY;
	const char *wrong = conf_wrong(k, value, numbers, sizeof numbers);
	if (!wrong)
		return 0;
	snprintf(buf, cap, "%s", wrong);
	return E_BAD_VALUE;
}

static const char *h_conf(void *arg, const char *key)
{
	struct host *h = arg;
	const struct plug_conf_key *k = conf_row(h->conf, key);
	const char *v = h->s->conf ? h->s->conf(h->s->arg, h->plugin, key) : NULL;
	char buf[96];

	if (!v)
		return k ? k->def : NULL;
	const char *wrong = k ? conf_wrong(k, v, buf, sizeof buf) : NULL;
	if (!wrong)
		return v;
	LOGF(h->s->log, LOG_CONFIG, LOG_AUDIT, NULL, "plugins.%s.%s = %s: expected %s; the default (%s) is "
		"used", h->plugin, key, v, wrong, k->def ? k->def : "none");
	return k->def;
}

static void h_conf_each(void *arg, const char *key, void (*cb)(void *cb_arg, const char *name), void *cb_arg)
{
	struct host *h = arg;

	if (h->s->conf_each)
		h->s->conf_each(h->s->arg, h->plugin, key, cb, cb_arg);
}

/* ---- log ---- */

static void h_log(void *arg, int level, const char *text)
{
	struct host *h = arg;

	LOGF(h->s->log, LOG_PLUGIN, (enum log_level)level, NULL, "%s: %s", h->plugin, text);
}

static void sink_write(void *self, const struct log_record *r)
{
	struct sink *s = self;

	s->ops->write(s->sink, r);
}

static void sink_flush(void *self)
{
	struct sink *s = self;

	if (s->ops->flush)
		s->ops->flush(s->sink);
}

static int h_log_sink(void *arg, const struct log_ops *ops, void *sink, const char *levels)
{
	struct host *h = arg;
	struct log_sink ls = { .write = sink_write, .may_wait = true, .flush = sink_flush, .focus = true };
	struct diag *why = NULL;
	char buf[512];

	if (!h->s->log || ops->size < sizeof *ops)
		return -1;
	if (log_levels_parse(levels ? levels : "", ls.level, &why)) {
		LOGF(h->s->log, LOG_CONFIG, LOG_AUDIT, NULL, "plugin %s: %s", h->plugin, diag_text(why, 0, buf,
			sizeof buf));
		diag_free(&why);
		return -1;
	}
	/* The hub leaves level 4 out by itself. */
	if (log_levels_may(h->s->log, ls.level, &why)) {
		LOGF(h->s->log, LOG_CONFIG, LOG_AUDIT, NULL, "plugin %s: %s", h->plugin, diag_text(why, 0, buf, sizeof buf));
		diag_free(&why);
	}
	snprintf(ls.name, sizeof ls.name, "%s", h->plugin);
	for (int i = 0; i < SINKS; i++) {
		struct sink *s = &h->sink[i];
		if (s->id >= 0)
			continue;
		s->ops = ops;
		s->sink = sink;
		ls.self = s;
		s->id = log_add(h->s->log, &ls);
		return s->id >= 0 ? i : -1;
	}
	return -1;
}

static void h_log_sink_name(void *arg, int id, const char *name)
{
	struct host *h = arg;
	char text[48];

	if (id < 0 || id >= SINKS || h->sink[id].id < 0)
		return;
	snprintf(text, sizeof text, "%s/%s", h->plugin, name);
	log_name(h->s->log, h->sink[id].id, text);
}

static void h_log_unsink(void *arg, int id)
{
	struct host *h = arg;

	if (id < 0 || id >= SINKS || h->sink[id].id < 0)
		return;
	log_del(h->s->log, h->sink[id].id);
	h->sink[id].id = -1;
}

/* ---- services ---- */

static const void *h_find(void *arg, uint16_t kind, uint16_t id, uint16_t bits)
{
	struct host *h = arg;

	return h->s->reg ? registry_find(h->s->reg, kind, id, bits) : NULL;
}

static uint64_t h_now_ms(void *arg)
{
	(void)arg;
	return loop_now_ms();
}

static struct plug_watch *h_watch(void *arg, int fd, int events, void (*cb)(void *cb_arg, int fd, int events),
	void *cb_arg)
{
	struct host *h = arg;

	return h->s->loop ? (struct plug_watch *)loop_watch(h->s->loop, fd, events, cb, cb_arg) : NULL;
}

static void h_unwatch(void *arg, struct plug_watch *w)
{
	(void)arg;
	loop_unwatch((struct loop_watch *)w);
}

static struct plug_timer *h_timer(void *arg, uint64_t after_ms, uint64_t every_ms, void (*cb)(void *cb_arg),
	void *cb_arg)
{
	struct host *h = arg;

	return h->s->loop ? (struct plug_timer *)loop_timer(h->s->loop, after_ms, every_ms, cb, cb_arg) : NULL;
}

static void h_untimer(void *arg, struct plug_timer *t)
{
	(void)arg;
	loop_untimer((struct loop_timer *)t);
}

static err_t h_post(void *arg, void (*cb)(void *cb_arg), void *cb_arg)
{
	struct host *h = arg;

	return h->s->loop ? loop_post(h->s->loop, cb, cb_arg) : E_NOT_SUPPORTED;
}

static err_t h_udp_send(void *arg, const struct net_addr *local, const struct net_addr *remote, const slice *v,
	size_t n, unsigned how)
{
	struct host *h = arg;

	return h->s->udp_send ? h->s->udp_send(h->s->arg, local, remote, v, n, how) : E_NOT_SUPPORTED;
}

static void h_kern_event(void *arg, const struct kern_event *ev)
{
	struct host *h = arg;

	if (h->s->kern_event)
		h->s->kern_event(h->s->arg, ev);
}

static void h_kern_done(void *arg, uint64_t token, err_t res)
{
	struct host *h = arg;

	if (h->s->kern_done)
		h->s->kern_done(h->s->arg, token, res);
}

static void h_cred_done(void *arg, uint64_t token, err_t res, slice sig, const char *why)
{
	struct host *h = arg;

	if (h->s->cred_done)
		h->s->cred_done(h->s->arg, token, res, sig, why);
}

static void h_cred_loaded(void *arg, uint64_t token, err_t res, uint64_t key, const char *why)
{
	struct host *h = arg;

	if (h->s->cred_loaded)
		h->s->cred_loaded(h->s->arg, token, res, key, why);
}

static void h_cred_changed(void *arg)
{
	struct host *h = arg;

	if (h->s->cred_changed)
		h->s->cred_changed(h->s->arg, h->plugin);
}

static void h_fetch_done(void *arg, uint64_t token, err_t res, unsigned status, slice body, const char *why)
{
	struct host *h = arg;

	if (h->s->fetch_done)
		h->s->fetch_done(h->s->arg, token, res, status, body, why);
}

/* ---- counters ---- */

static struct named *named_find(struct host *h, const char *name)
{
	struct named *c = atomic_load(&h->counters);

	while (c && strcmp(c->last, name) != 0)
		c = atomic_load(&c->next);
	return c;
}

/* The counter stays for ever: the list of all counters has it. */
static struct named *named_new(struct host *h, const char *name)
{
	size_t n = strlen("plugin.") + strlen(h->plugin) + 1 + strlen(name) + 1;
	struct named *c = h->n_counters < COUNTERS_MAX ? calloc(1, sizeof *c + n) : NULL;

	if (!c)
		return NULL;
	snprintf(c->name, n, "plugin.%s.%s", h->plugin, name);
	c->last = c->name + n - 1 - strlen(name);
	c->c.name = c->name;
	c->c.help = "counted by a plugin";
	atomic_store(&c->next, atomic_load(&h->counters));
	atomic_store(&h->counters, c);
	h->n_counters++;
	return c;
}

static void h_count(void *arg, const char *name, uint64_t n)
{
	struct host *h = arg;
	struct named *c = named_find(h, name);

	if (!c) {
		pthread_mutex_lock(&h->lock);
		c = named_find(h, name);
		c = c ? c : named_new(h, name);
		pthread_mutex_unlock(&h->lock);
	}
	if (c)
		count_add(&c->c, n);
}

struct host *host_new(const struct plug_services *s, const char *plugin, const struct plug_conf_key *conf)
{
	struct host *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->plugin = strdup(plugin);
	if (!h->plugin) {
		free(h);
		return NULL;
	}
	h->s = s;
	h->conf = conf;
	for (int i = 0; i < SINKS; i++)
		h->sink[i].id = -1;
	pthread_mutex_init(&h->lock, NULL);
	h->api = (struct plug_host){ .size = sizeof h->api, .h = h, .conf = h_conf, .conf_each = h_conf_each,
		.log = h_log, .log_sink = h_log_sink, .log_unsink = h_log_unsink, .log_sink_name = h_log_sink_name, .find = h_find, .random = rng_random,
		.now_ms = h_now_ms, .watch = h_watch, .unwatch = h_unwatch, .timer = h_timer, .untimer = h_untimer,
		.post = h_post, .udp_send = h_udp_send, .kern_event = h_kern_event, .kern_done = h_kern_done,
		.count = h_count, .fwmark = s->fwmark, .cred_done = h_cred_done, .cred_loaded = h_cred_loaded,
		.cred_changed = h_cred_changed, .fetch_done = h_fetch_done };
	return h;
}

const struct plug_host *host_api(struct host *h)
{
	return &h->api;
}

void host_free(struct host *h)
{
	if (!h)
		return;
	for (int i = 0; i < SINKS; i++)
		h_log_unsink(h, i);
	pthread_mutex_destroy(&h->lock);
	free(h->plugin);
	free(h);
}
