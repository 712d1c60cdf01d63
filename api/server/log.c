/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines as events: `log` for who registered, `control-log` for the client whose command runs. A line of the loop
 * thread goes to the queues of the clients at once, so that it stands before the answer of the command it belongs to;
 * lines of other threads wait in a short list for the loop. The log hub is told what levels anybody wants, so that
 * lines nobody listens to cost nothing.
 */
#include "api/server/internal.h"

#include <stdlib.h>

struct api_log_line {
	struct api_log_line *next;
	enum log_sub sub;
	int8_t level;
	uint64_t time_ms, ike_unique;
	struct net_addr peer; /* family NET_NONE: about none */
	err_t code;
	char conn[128];
	char text[];
};

/* The three letters operators of this field look for. */
static const char *group_of(enum log_sub sub)
{
	static const char *const names[LOG_SUB_COUNT] = {
		[LOG_ASN1] = "ASN", [LOG_CHILD] = "CHD",   [LOG_CONFIG] = "CFG",  [LOG_DAEMON] = "DMN",
		[LOG_ENCODING] = "ENC", [LOG_IKE] = "IKE", [LOG_IPSEC] = "ESP",   [LOG_JOB] = "JOB",
		[LOG_KERNEL] = "KNL", [LOG_MANAGER] = "MGR", [LOG_NETWORK] = "NET", [LOG_AUTH] = "IKE",
		[LOG_PKI] = "LIB",  [LOG_API] = "APP",     [LOG_PLUGIN] = "LIB",
	};
	return names[sub];
}

static struct api_log_line *line_new(const struct log_record *r)
{
	size_t n = strlen(r->text) + 1;
	struct api_log_line *l = malloc(sizeof *l + n);
	if (!l)
		return NULL;
	*l = (struct api_log_line){ .sub = r->sub, .level = (int8_t)r->level, .time_ms = r->time_ns / 1000000,
				    .ike_unique = r->ctx.ike_unique, .code = r->ctx.code };
	if (r->ctx.conn) {
		struct text t = text_of(l->conn, sizeof l->conn);
		text_str(&t, r->ctx.conn);
	}
	if (r->ctx.peer)
		l->peer = *r->ctx.peer;
	memcpy(l->text, r->text, n);
	return l;
}

static void put_common(struct vici_out *o, const struct api_log_line *l, bool thread)
{
	vici_kv_str(o, "group", group_of(l->sub));
	vici_kv_fmt(o, "level", "%d", l->level);
	if (thread)
		vici_kv_str(o, "thread", "0");
	if (l->conn[0] || l->ike_unique) {
		vici_kv_str(o, "ikesa-name", l->conn[0] ? l->conn : "(unnamed)");
		vici_kv_u64(o, "ikesa-uniqueid", l->ike_unique);
	}
	vici_kv_str(o, "msg", l->text);
}

/* Is the line about the SA the command works on? */
static bool concerns(const struct api_call *call, const struct api_log_line *l)
{
	if (call->ike_id)
		return l->ike_unique == call->ike_id;
	return !call->ike[0] || !strcmp(call->ike, l->conn);
}

static bool in_range(const struct ts_sel *t, const struct net_addr *a)
{
	size_t n = net_addr_len(a->family);
	return t->family == a->family && memcmp(t->lo, a->a, n) <= 0 && memcmp(a->a, t->hi, n) <= 0;
}

static bool traced(const struct api_trace *t, const struct api_log_line *l)
{
	if (!t->on || l->level > t->level[l->sub] || (t->ike[0] && strcmp(t->ike, l->conn)))
		return false;
	return !t->has_peer || (l->peer.family != NET_NONE && in_range(&t->peer, &l->peer));
}

static void deliver_trace(struct api_client *c, const struct api_log_line *l)
{
	struct vici_out o;
	if (!traced(&c->trace, l) || !api_client_wants(c, API_E_TRACE))
		return;
	api_event_start(&o, API_E_TRACE);
	put_common(&o, l, false);
	vici_kv_u64(&o, "time", l->time_ms);
	api_client_send(c, &o, true);
}

static void deliver(struct api_server *s, const struct api_log_line *l)
{
	struct vici_out o;
	if (l->level <= LOG_CONTROL && api_event_listened(s, API_E_LOG)) {
		api_event_start(&o, API_E_LOG);
		put_common(&o, l, true);
		vici_kv_str(&o, "subsystem", log_sub_name(l->sub));
		if (l->code)
			vici_kv_str(&o, "code", err_name(l->code));
		vici_kv_u64(&o, "time", l->time_ms);
		api_event_done(s, &o, API_E_LOG);
	}
	for (struct api_client *c = s->clients; c; c = c->next) {
		struct api_call *call = c->call;
		deliver_trace(c, l);
		if (!call || call->ended || l->level > call->loglevel || !concerns(call, l))
			continue;
		if (!api_client_wants(c, API_E_CONTROL_LOG))
			continue;
		api_event_start(&o, API_E_CONTROL_LOG);
		put_common(&o, l, false);
		api_client_send(c, &o, true);
	}
}

/* The hub calls this on the thread that logs; nothing here may log or change sinks. */
static void sink_write(void *self, const struct log_record *r)
{
	struct api_server *s = self;
	struct api_log_line *l = line_new(r);
	if (!l)
		return;
	if (pthread_equal(pthread_self(), s->thread)) {
		deliver(s, l);
		free(l);
		return;
	}
	pthread_mutex_lock(&s->log_lock);
	if (s->log_n < API_LOG_LINES) {
		*s->log_tail = l;
		s->log_tail = &l->next;
		s->log_n++;
		l = NULL;
	} else {
		s->log_lost++;
	}
	pthread_mutex_unlock(&s->log_lock);
	free(l);
	loop_wake_send(s->wake);
}

void api_log_drain(void *server)
{
	struct api_server *s = server;
	pthread_mutex_lock(&s->log_lock);
	struct api_log_line *l = s->log_head;
	uint64_t lost = s->log_lost;
	s->log_head = NULL;
	s->log_tail = &s->log_head;
	s->log_n = 0;
	s->log_lost = 0;
	pthread_mutex_unlock(&s->log_lock);
	while (l) {
		struct api_log_line *next = l->next;
		deliver(s, l);
		free(l);
		l = next;
	}
	for (struct api_client *c = s->clients; lost && c; c = c->next)
		if (api_client_wants(c, API_E_LOG))
			c->lost += lost;
}

void api_log_levels(struct api_server *s)
{
	int8_t want = api_event_listened(s, API_E_LOG) ? LOG_CONTROL : LOG_SILENT;
	for (struct api_client *c = s->clients; c; c = c->next)
		if (c->call && !c->call->ended && c->call->loglevel > want && api_client_wants(c, API_E_CONTROL_LOG))
			want = c->call->loglevel;
	int8_t level[LOG_SUB_COUNT];
	memset(level, want, sizeof level);
	for (struct api_client *c = s->clients; c; c = c->next)
		for (int i = 0; c->trace.on && api_client_wants(c, API_E_TRACE) && i < LOG_SUB_COUNT; i++)
			if (c->trace.level[i] > level[i])
				level[i] = c->trace.level[i];
	if (memcmp(level, s->sink_level, sizeof level) == 0)
		return;
	memcpy(s->sink_level, level, sizeof level);
	log_levels(s->env.log, s->sink, level);
}

err_t api_log_start(struct api_server *s)
{
	struct log_sink sink = { .self = s, .write = sink_write };
	memset(sink.level, LOG_SILENT, sizeof sink.level);
	memset(s->sink_level, LOG_SILENT, sizeof s->sink_level);
	s->sink = log_add(s->env.log, &sink);
	return s->sink < 0 ? E_LIMIT : 0;
}

void api_log_stop(struct api_server *s)
{
	if (s->sink >= 0)
		log_del(s->env.log, s->sink);
	while (s->log_head) {
		struct api_log_line *l = s->log_head;
		s->log_head = l->next;
		free(l);
	}
}
