/* SPDX-License-Identifier: Apache-2.0 */
/* explain-match: the search for a connection as the engine does it, told step by step; trace-start, list-events. */
#include "api/server/internal.h"

#include "base/htab.h"
#include "config/store.h"

#include <sys/random.h>

/* Connections that do not fit and are told of. */
enum { OTHERS_MAX = 100 };

struct question {
	struct net_addr local, remote;
	struct conf_id local_id, remote_id;
};

/* 0: it does not fit, and *why says why; else the more exact the higher. */
static int score_of(const struct question *q, const struct conf_conn *c, const char **why)
{
	const struct conf_id *me = c->n_local ? &c->local[0].id : NULL, *peer = c->n_remote ? &c->remote[0].id : NULL;
	int p = 1, m = 1;

	*why = "is for IKEv1 only";
	if (c->version == 1)
		return 0;
	*why = "has only policies that talk to nobody";
	if (!c->n_remote)
		return 0;
	*why = "has another identity in remote { id }";
	if (q->remote_id.type && peer->type)
		p = conf_id_match(peer, q->remote_id.type, slice_of(q->remote_id.data, q->remote_id.n));
	if (!p)
		return 0;
	*why = "has another identity in local { id }";
	if (q->local_id.type && me && me->type)
		m = conf_id_match(me, q->local_id.type, slice_of(q->local_id.data, q->local_id.n));
	if (!m)
		return 0;
	*why = "";
	return p * 1000 + m;
}

static void put_candidate(struct vici_out *o, const struct conf_conn *c, bool fits, unsigned rank, const char *why)
{
	vici_section(o, c->name);
	vici_kv_str(o, "fits", fits ? "yes" : "no");
	if (fits)
		vici_kv_u64(o, "rank", rank);
	vici_kv_str(o, "why", why);
	vici_section_end(o);
}

static err_t read_addr(const struct api_call *call, const char *name, struct net_addr *out, struct diag **why)
{
	char text[API_TEXT_MAX + 1];

	if (!api_arg(call, name, text, sizeof text))
		return 0;
	return net_addr_parse(text, out) ? diag_set(why, E_BAD_VALUE, "'%s' = '%s' is no address", name, text) : 0;
}

static err_t read_id(const struct api_call *call, const char *name, struct conf_id *out, struct diag **why)
{
	char text[1025];

	if (!api_arg(call, name, text, sizeof text))
		return 0;
	return conf_id_parse(text, out) ? diag_set(why, E_BAD_VALUE, "'%s' = '%s' is no identity", name, text) : 0;
}

static bool has_secret(const struct api_call *call, const struct question *q, const struct conf_conn *c)
{
	const struct conf_id *me = q->local_id.type ? &q->local_id : c->n_local ? &c->local[0].id : NULL;
	const struct conf_id *peer = q->remote_id.type ? &q->remote_id : &c->remote[0].id;
	struct conf_id none = { 0 };

	me = me ? me : &none;
	struct conf_psk_ask ask = { .my_type = me->type, .my_id = slice_of(me->data, me->n), .peer_type = peer->type,
		.peer_id = slice_of(peer->data, peer->n), .addr = &q->remote };
	struct conf_psk psk;
	const struct api_creds *creds = call->s->env.creds;
	return creds && creds->psk ? creds->psk(call->s->env.arg, &ask, &psk) :
		conf_secrets_psk(conf_store_secrets(call->s->env.store), &ask, &psk);
}

/* A set of connections; NULL: no memory, then some may be named twice. */
static struct htab *seen_new(void)
{
	uint8_t seed[16];

	return getrandom(seed, sizeof seed, 0) == (ssize_t)sizeof seed ? htab_new(8, seed) : NULL;
}

static void answer(struct api_call *call, const struct question *q)
{
	const struct conf_store *s = call->s->env.store;
	const struct conf_conn *best = NULL;
	size_t cursor = 0;
	unsigned rank = 0, others = 0;
	size_t left = 0;
	struct htab *seen = seen_new();
	int best_score = 0;
	const char *why;
	struct vici_out o;

	api_response(&o);
	vici_kv_str(&o, "success", "yes");
	vici_section(&o, "candidates");
	for (const struct conf_conn *c; (c = conf_store_match(s, &q->local, &q->remote, &cursor));) {
		int score = score_of(q, c, &why);
		rank++;
		if (score > best_score) {
			best_score = score;
			best = c;
		}
		uint64_t key = (uintptr_t)c;
		if (seen && htab_add(seen, slice_of(&key, sizeof key), 1)) {
			htab_free(seen);
			seen = NULL;
		}
		if (rank <= 2 * OTHERS_MAX)
			put_candidate(&o, c, score > 0, rank, score ? "fits" : why);
		else
			left++;
	}
	/* Of what the addresses let through all was told above; of the others as many as anybody reads. */
	uint64_t all = 0;
	size_t rest = conf_store_count(s) > rank ? conf_store_count(s) - rank : 0;
	for (const struct conf_conn *c; rest && others < OTHERS_MAX && (c = conf_store_next(s, &all));) {
		uint64_t key = (uintptr_t)c;
		if (seen && htab_find(seen, slice_of(&key, sizeof key), NULL))
			continue;
		others++;
		put_candidate(&o, c, false, 0, !c->n_remote ? "has only policies that talk to nobody" :
			      "does not have these addresses in local_addrs and remote_addrs");
	}
	htab_free(seen);
	left += rest > others ? rest - others : 0;
	vici_section_end(&o);
	if (best) {
		vici_kv_str(&o, "match", best->name);
		if (best->remote[0].cls == CONF_AUTH_PSK)
			vici_kv_str(&o, "secret", has_secret(call, q, best) ? "yes" : "no");
	}
	if (left)
		vici_kv_u64(&o, "left", left);
	api_reply(call, &o);
}

void api_do_explain_match(struct api_call *call)
{
	struct question q = { 0 };
	struct diag *why = NULL;
	err_t err = read_addr(call, "remote", &q.remote, &why);

	if (!err)
		err = read_addr(call, "local", &q.local, &why);
	if (!err)
		err = read_id(call, "remote-id", &q.remote_id, &why);
	if (!err)
		err = read_id(call, "local-id", &q.local_id, &why);
	if (err)
		api_fail(call, err, why);
	else
		answer(call, &q);
	conf_id_fini(&q.local_id);
	conf_id_fini(&q.remote_id);
}

/* ---- traces ----------------------------------------------------------------------------------------------------------- */

void api_do_trace_start(struct api_call *call)
{
	struct api_trace t = { .on = true };
	struct diag *why = NULL;
	char levels[API_TEXT_MAX + 1], peer[API_TEXT_MAX + 1];
	err_t err = log_levels_parse(api_arg(call, "levels", levels, sizeof levels) ? levels : "2", t.level, &why);

	for (int i = 0; !err && i < LOG_SUB_COUNT; i++)
		if (t.level[i] > LOG_RAW)
			err = diag_set(&why, E_DENIED, "level 4 shows keys: a trace goes to level 3");
	if (!err && api_arg(call, "peer", peer, sizeof peer)) {
		err = ts_parse(peer, &t.peer);
		if (err)
			err = diag_set(&why, E_BAD_VALUE, "'peer' = '%s' is no address, network or range", peer);
		t.has_peer = !err;
	}
	if (err) {
		api_fail(call, err, why);
		return;
	}
	if (!api_arg(call, "ike", t.ike, sizeof t.ike))
		t.ike[0] = 0;
	call->client->trace = t;
	api_log_levels(call->s);
	api_ok(call);
}

void api_do_trace_stop(struct api_call *call)
{
	call->client->trace.on = false;
	api_log_levels(call->s);
	api_ok(call);
}

/* ---- the last events --------------------------------------------------------------------------------------------------- */

static bool step_events(struct api_call *call)
{
	const struct api_server *s = call->s;
	char name[64];
	const char *only = api_arg(call, "event", name, sizeof name);
	struct vici_out o;

	if (call->cursor < s->past_first)
		call->cursor = s->past_first;
	if (call->cursor >= s->past_next)
		return false;
	const struct api_past *p = &s->past[call->cursor++ % API_PAST];
	if (!p->body || (only && strcmp(only, api_events[p->id].name)))
		return true;
	api_event_start(&o, API_E_LIST_EVENT);
	vici_kv_u64(&o, "number", call->cursor);
	vici_kv_str(&o, "event", api_events[p->id].name);
	vici_kv_u64(&o, "time", p->time_ms);
	vici_section(&o, "data");
	vici_out_body(&o, slice_of(p->body, p->n));
	vici_section_end(&o);
	api_event_to(call, &o, API_E_LIST_EVENT);
	return true;
}

void api_do_list_events(struct api_call *call)
{
	call->cursor = api_arg_u64(call, "after", 0);
	api_stream(call, step_events);
}
