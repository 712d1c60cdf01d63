/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The method `metrics`: first it goes over connections and SAs, a few per turn of the loop, then it tells a family per
 * step, so that no set-up waits for it at any number of SAs. Cardinality is bounded: only the first connections of the
 * configuration have samples of their own, and all other labels come from tables.
 */
#include "api/server/metric_put.h"

#include "base/arena.h"
#include "base/count.h"
#include "base/htab.h"
#include "config/store.h"
#include "plugin/registry.h"

#include <stdlib.h>
#include <time.h>

enum { CERTS_MAX = 200, CONNS_DEFAULT = 100, STATES = 24, VIEW_BYTES = 4 * 1024 * 1024, CONNS_PER_STEP = 64 };

struct state_count {
	const char *state; /* static text */
	uint64_t n;
};

struct conn_row {
	char *name;
	uint32_t ike_sas;
	bool up;
	struct ike_traffic live;
};

struct metrics {
	uint8_t phase;
	size_t at;              /* family, and for those of connections where it goes on */
	size_t conn_at;
	struct htab *by_name;   /* every connection -> its place */
	struct conn_row *conns; /* the first `limit` */
	uint8_t *up;            /* of every connection */
	size_t n, cap, limit;
	uint64_t conf_cursor;
	uint32_t sa_cursor;
	struct state_count ike[STATES], child[STATES];
	struct ike_traffic live; /* of all child SAs there are */
};

static void metrics_free(void *state)
{
	struct metrics *m = state;
	for (size_t i = 0; i < m->n && i < m->limit; i++)
		free(m->conns[i].name);
	free(m->conns);
	free(m->up);
	htab_free(m->by_name);
	free(m);
}

/* ---- going over what there is ------------------------------------------------------------------------------------------ */

static bool room(struct metrics *m)
{
	if (m->n < m->cap)
		return true;
	size_t cap = m->cap ? 2 * m->cap : 256;
	uint8_t *up = realloc(m->up, cap);
	if (!up)
		return false;
	m->up = up;
	size_t rows = cap < m->limit ? cap : m->limit;
	struct conn_row *v = rows ? reallocarray(m->conns, rows, sizeof *v) : NULL;
	if (rows && !v)
		return false;
	m->conns = v;
	m->cap = cap;
	return true;
}

/* False: that was the last one. */
static bool take_conn(struct api_call *call, struct metrics *m)
{
	const struct conf_conn *c = conf_store_next(call->s->env.store, &m->conf_cursor);
	if (!c)
		return false;
	/* Without memory for the rest their samples are missing, and nothing else. */
	if (!room(m) || htab_add(m->by_name, slice_str(c->name), m->n))
		return true;
	m->up[m->n] = 0;
	if (m->n < m->limit)
		m->conns[m->n] = (struct conn_row){ .name = strdup(c->name) };
	m->n++;
	return true;
}

static void tally(struct state_count v[STATES], const char *state)
{
	for (size_t i = 0; i < STATES; i++)
		if (!v[i].state || !strcmp(v[i].state, state)) {
			v[i].state = state;
			v[i].n++;
			return;
		}
}

static void traffic_sum(struct ike_traffic *to, const struct ike_child_view *c)
{
	ike_traffic_add(to, &c->in, false);
	ike_traffic_add(to, &c->out, true);
}

static bool is_up(const char *state)
{
	return !strcmp(state, "ESTABLISHED") || !strcmp(state, "REKEYING") || !strcmp(state, "REKEYED");
}

static bool take_sa(struct api_call *call, struct metrics *m)
{
	struct arena a;
	uint64_t place;
	arena_init(&a, VIEW_BYTES);
	const struct ike_view *v = ike_view_next(call->s->env.engine, loop_now_ms(), &m->sa_cursor, &a);
	bool known = v && v->conn && htab_find(m->by_name, slice_str(v->conn), &place);
	struct conn_row *row = known && place < m->limit ? &m->conns[place] : NULL;
	if (v)
		tally(m->ike, v->state);
	if (known && is_up(v->state))
		m->up[place] = 1;
	if (row)
		row->ike_sas++;
	for (uint16_t i = 0; v && i < v->n_children; i++) {
		tally(m->child, v->children[i].state);
		if (!v->children[i].has_usage)
			continue;
		traffic_sum(&m->live, &v->children[i]);
		if (row)
			traffic_sum(&row->live, &v->children[i]);
	}
	arena_fini(&a);
	return v != NULL;
}

/* ---- families of the whole daemon --------------------------------------------------------------------------------------- */

static void one(struct metric_out *o, const char *label, const char *value, uint64_t n)
{
	const struct metric_label l[] = { { label, value }, { NULL, NULL } };
	metric_put(o, l, n);
}

static void put_build(struct metric_out *o, struct metrics *m)
{
	(void)m;
	one(o, "version", o->call->s->env.version, 1);
}

static void put_start(struct metric_out *o, struct metrics *m)
{
	(void)m;
	metric_put(o, NULL, o->call->s->started_wall_s);
}

static void put_states(struct metric_out *o, const struct state_count v[STATES], const char *always)
{
	bool said = false;
	for (size_t i = 0; i < STATES && v[i].state; i++) {
		one(o, "state", v[i].state, v[i].n);
		said |= !strcmp(v[i].state, always);
	}
	if (!said)
		one(o, "state", always, 0);
}

static void put_ike(struct metric_out *o, struct metrics *m)
{
	put_states(o, m->ike, "ESTABLISHED");
}

static void put_child(struct metric_out *o, struct metrics *m)
{
	put_states(o, m->child, "INSTALLED");
}

static void put_half_open(struct metric_out *o, struct metrics *m)
{
	struct ike_stats st = { 0 };
	(void)m;
	ike_stats_get(o->call->s->env.engine, &st);
	metric_put(o, NULL, st.half_open);
}

static const char *result_name(err_t e)
{
	return e ? err_name(e) : "OK";
}

static void put_setup(void *arg, const struct ike_meter *x)
{
	const struct metric_label l[] = { { "version", "2" }, { "role", x->initiator ? "initiator" : "responder" },
					  { "result", result_name(x->result) }, { NULL, NULL } };
	if (!x->exchange)
		metric_put(arg, l, x->n);
}

static void put_exchange(void *arg, const struct ike_meter *x)
{
	const struct metric_label l[] = { { "version", "2" }, { "exchange", x->exchange }, { "purpose", x->story },
					  { "role", x->initiator ? "initiator" : "responder" }, { "result", result_name(x->result) },
					  { NULL, NULL } };
	if (x->exchange)
		metric_put(arg, l, x->n);
}

static void put_setups(struct metric_out *o, struct metrics *m)
{
	(void)m;
	ike_meters_each(o->call->s->env.engine, put_setup, o);
}

static void put_exchanges(struct metric_out *o, struct metrics *m)
{
	(void)m;
	ike_meters_each(o->call->s->env.engine, put_exchange, o);
}

/* Living and gone child SAs together: what never goes back. */
static struct ike_traffic sum(const struct api_call *call, const char *conn, const struct ike_traffic *live)
{
	struct ike_traffic t;
	if (ike_traffic_gone(call->s->env.engine, conn, &t))
		t = (struct ike_traffic){ 0 };
	uint64_t *a = (uint64_t *)&t;
	const uint64_t *b = (const uint64_t *)live;
	for (size_t i = 0; i < sizeof t / sizeof *a; i++)
		a[i] += b[i];
	return t;
}

enum { T_BYTES, T_PACKETS, T_ERRORS };

static void put_traffic(struct metric_out *o, const char *conn, const struct ike_traffic *live, int what)
{
	struct ike_traffic t = sum(o->call, conn, live);
	const struct {
		int what;
		const char *label, *word;
		uint64_t n;
	} rows[] = {
		{ T_BYTES, "direction", "in", t.bytes_in },	 { T_BYTES, "direction", "out", t.bytes_out },
		{ T_PACKETS, "direction", "in", t.packets_in },  { T_PACKETS, "direction", "out", t.packets_out },
		{ T_ERRORS, "reason", "replay", t.replay_drops }, { T_ERRORS, "reason", "integrity", t.icv_fails },
		{ T_ERRORS, "reason", "policy", t.policy_drops }, { T_ERRORS, "reason", "other", t.other_drops } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct metric_label l[3] = { { rows[i].label, rows[i].word } };
		if (conn)
			l[1] = (struct metric_label){ "connection", conn };
		if (rows[i].what == what)
			metric_put(o, l, rows[i].n);
	}
}

static void put_bytes(struct metric_out *o, struct metrics *m)
{
	put_traffic(o, NULL, &m->live, T_BYTES);
}

static void put_packets(struct metric_out *o, struct metrics *m)
{
	put_traffic(o, NULL, &m->live, T_PACKETS);
}

static void put_errors(struct metric_out *o, struct metrics *m)
{
	put_traffic(o, NULL, &m->live, T_ERRORS);
}

static void put_connections(struct metric_out *o, struct metrics *m)
{
	uint64_t up = 0;
	for (size_t i = 0; i < m->n; i++)
		up += m->up[i];
	one(o, "state", "up", up);
	one(o, "state", "down", m->n - up);
}

static void put_workers(struct metric_out *o, struct metrics *m)
{
	struct api_figures f = { 0 };
	(void)m;
	if (o->call->s->env.figures)
		o->call->s->env.figures(o->call->s->env.arg, &f);
	one(o, "state", "busy", f.workers_busy);
	one(o, "state", "idle", f.workers - f.workers_busy);
}

static void put_jobs(struct metric_out *o, struct metrics *m)
{
	struct api_figures f = { 0 };
	(void)m;
	if (o->call->s->env.figures)
		o->call->s->env.figures(o->call->s->env.arg, &f);
	metric_put(o, NULL, f.jobs_waiting);
}

static void put_timers(struct metric_out *o, struct metrics *m)
{
	struct api_figures f = { 0 };
	(void)m;
	if (o->call->s->env.figures)
		o->call->s->env.figures(o->call->s->env.arg, &f);
	metric_put(o, NULL, f.timers);
}

static void put_clients(struct metric_out *o, struct metrics *m)
{
	(void)m;
	metric_put(o, NULL, o->call->s->n_clients);
}

static void put_calls(struct metric_out *o, struct metrics *m)
{
	const struct api_tally *t = o->call->s->tally;
	(void)m;
	for (int i = 0; i < API_M_COUNT; i++) {
		struct metric_label l[] = { { "method", api_methods[i].name }, { "result", "done" }, { NULL, NULL } };
		if (t[i].done)
			metric_put(o, l, t[i].done);
		l[1].value = "failed";
		if (t[i].failed)
			metric_put(o, l, t[i].failed);
	}
}

/* Our own certificates and the authorities; those of peers come and go. The id tells equal subjects apart. */
static void put_certs(struct metric_out *o, struct metrics *m)
{
	static const uint8_t seed[16];
	const struct api_env *env = &o->call->s->env;
	struct api_cert c;
	unsigned n = 0;
	(void)m;
	for (uint64_t at = 0; env->creds && n < CERTS_MAX && env->creds->cert_next(env->arg, &at, &c);) {
		char id[24];
		if (strcmp(c.type, "X509") != 0 || c.not_after <= 0 || (!c.has_key && strcmp(c.flag, "CA") != 0))
			continue;
		snprintf(id, sizeof id, "%016llx", (unsigned long long)siphash(seed, c.der));
		const struct metric_label l[] = { { "subject", c.subject }, { "flag", c.flag }, { "id", id }, { NULL, NULL } };
		metric_put(o, l, (uint64_t)c.not_after);
		n++;
	}
}

static void put_queued(struct metric_out *o, struct metrics *m)
{
	uint64_t bytes = 0;
	(void)m;
	for (const struct api_client *c = o->call->s->clients; c; c = c->next)
		bytes += c->out_bytes;
	metric_put(o, NULL, bytes);
}

static const struct {
	struct metric_head head;
	void (*put)(struct metric_out *o, struct metrics *m);
} families[] = {
	{ { "adit_build", "Version of the daemon.", NULL, METRIC_INFO }, put_build },
	{ { "adit_start_time_seconds", "Time of the start, since 1970.", "seconds", METRIC_GAUGE }, put_start },
	{ { "adit_ike_sas", "IKE SAs by state.", NULL, METRIC_GAUGE }, put_ike },
	{ { "adit_ike_sas_half_open", "IKE SAs whose peer is not authenticated yet.", NULL, METRIC_GAUGE }, put_half_open },
	{ { "adit_child_sas", "Child SAs by state.", NULL, METRIC_GAUGE }, put_child },
	{ { "adit_connections", "Configured connections with an IKE SA that is up, and without one.", NULL, METRIC_GAUGE }, put_connections },
	{ { "adit_ike_setups", "Set-ups of IKE SAs by role and result.", NULL, METRIC_COUNTER }, put_setups },
	{ { "adit_exchanges", "Exchanges by type, purpose, role and result.", NULL, METRIC_COUNTER }, put_exchanges },
	{ { "adit_traffic_bytes", "Bytes of all child SAs, rekeyed and ended ones included.", "bytes", METRIC_COUNTER }, put_bytes },
	{ { "adit_traffic_packets", "Packets of all child SAs, rekeyed and ended ones included.", NULL, METRIC_COUNTER }, put_packets },
	{ { "adit_traffic_errors", "Packets that child SAs refused, by reason.", NULL, METRIC_COUNTER }, put_errors },
	{ { "adit_certificate_not_after_seconds", "When a certificate of ours or of an authority expires, since 1970.", "seconds",
	    METRIC_GAUGE }, put_certs },
	{ { "adit_workers", "Crypto workers by state.", NULL, METRIC_GAUGE }, put_workers },
	{ { "adit_crypto_jobs_waiting", "Key exchanges and signatures that wait for a worker.", NULL, METRIC_GAUGE }, put_jobs },
	{ { "adit_timers", "Timers that are set.", NULL, METRIC_GAUGE }, put_timers },
	{ { "adit_api_clients_connected", "Clients of the message API.", NULL, METRIC_GAUGE }, put_clients },
	{ { "adit_api_queued_bytes", "Bytes that wait for clients of the message API to read them.", "bytes", METRIC_GAUGE }, put_queued },
	{ { "adit_api_calls", "Calls of the message API by method and result.", NULL, METRIC_COUNTER }, put_calls },
};

/* Every counter of the daemon and its plugins: "ike.tx.given_up" is adit_ike_tx_given_up. */
static void put_counter(void *arg, const struct counter *c)
{
	char name[128];
	struct metric_out o;
	struct metric_head h = { name, c->help, NULL, METRIC_COUNTER };
	snprintf(name, sizeof name, "adit_%s", c->name);
	for (char *p = name; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", *p))
			*p = '_';
	metric_begin(&o, arg, &h);
	metric_put(&o, NULL, counter_get(c));
	metric_end(&o);
}

/* ---- families of connections --------------------------------------------------------------------------------------------- */

static void conn_up(struct metric_out *o, const struct metrics *m, size_t i)
{
	one(o, "connection", m->conns[i].name, m->up[i]);
}

static void conn_sas(struct metric_out *o, const struct metrics *m, size_t i)
{
	one(o, "connection", m->conns[i].name, m->conns[i].ike_sas);
}

static void conn_bytes(struct metric_out *o, const struct metrics *m, size_t i)
{
	put_traffic(o, m->conns[i].name, &m->conns[i].live, T_BYTES);
}

static void conn_packets(struct metric_out *o, const struct metrics *m, size_t i)
{
	put_traffic(o, m->conns[i].name, &m->conns[i].live, T_PACKETS);
}

static void conn_errors(struct metric_out *o, const struct metrics *m, size_t i)
{
	put_traffic(o, m->conns[i].name, &m->conns[i].live, T_ERRORS);
}

static const struct {
	struct metric_head head;
	void (*put)(struct metric_out *o, const struct metrics *m, size_t i);
} conn_families[] = {
	{ { "adit_connection_up", "1: the connection has an IKE SA that is up; 0: it is configured and down.", NULL, METRIC_GAUGE }, conn_up },
	{ { "adit_connection_ike_sas", "IKE SAs of a connection.", NULL, METRIC_GAUGE }, conn_sas },
	{ { "adit_connection_bytes", "Bytes of a connection's child SAs, rekeyed and ended ones included.", "bytes", METRIC_COUNTER },
	  conn_bytes },
	{ { "adit_connection_packets", "Packets of a connection's child SAs, rekeyed and ended ones included.", NULL, METRIC_COUNTER },
	  conn_packets },
	{ { "adit_connection_errors", "Packets that a connection's child SAs refused, by reason.", NULL, METRIC_COUNTER }, conn_errors },
};

/* The next connections of a family; true: the family is done. */
static bool step_conns(struct api_call *call, struct metrics *m)
{
	struct metric_out o;
	size_t shown = m->n < m->limit ? m->n : m->limit;
	metric_begin(&o, call, &conn_families[m->at].head);
	for (size_t k = 0; k < CONNS_PER_STEP && m->conn_at < shown; k++, m->conn_at++)
		if (m->conns[m->conn_at].name)
			conn_families[m->at].put(&o, m, m->conn_at);
	metric_end(&o);
	return m->conn_at >= shown;
}

/* ---- the method ------------------------------------------------------------------------------------------------------------ */

enum { P_CONNS, P_SAS, P_FAMILIES, P_COUNTERS, P_BY_CONN, P_DONE };

static bool step(struct api_call *call)
{
	struct metrics *m = call->state;
	struct metric_out o;
	switch (m->phase) {
	case P_CONNS:
		if (!take_conn(call, m))
			m->phase = P_SAS;
		break;
	case P_SAS:
		if (!take_sa(call, m))
			m->phase = P_FAMILIES;
		break;
	case P_FAMILIES:
		metric_begin(&o, call, &families[m->at].head);
		families[m->at].put(&o, m);
		metric_end(&o);
		if (++m->at == ARRAY_LEN(families))
			m->phase = P_COUNTERS;
		break;
	case P_COUNTERS:
		counter_each(put_counter, call);
		m->phase = P_BY_CONN;
		m->at = 0;
		break;
	case P_BY_CONN:
		if (!step_conns(call, m))
			break;
		m->conn_at = 0;
		if (++m->at == ARRAY_LEN(conn_families))
			m->phase = P_DONE;
		break;
	default:
		return false;
	}
	return true;
}

void api_do_metrics(struct api_call *call)
{
	static const uint8_t seed[16]; /* the names are the administrator's, not a peer's */
	struct metrics *m = calloc(1, sizeof *m);
	if (m)
		m->by_name = htab_new(0, seed);
	if (!m || !m->by_name) {
		free(m);
		api_fail(call, E_NOMEM, NULL);
		return;
	}
	counter_register_all();
	m->limit = api_arg_u64(call, "connections", CONNS_DEFAULT);
	call->state = m;
	call->state_free = metrics_free;
	api_stream(call, step);
}
