/* SPDX-License-Identifier: Apache-2.0 */
/* The running store: connections by name and in order, secrets, changes as a whole. The index by address is match.c. */
#include "config/store.h"

#include "base/htab.h"
#include "config/match.h"

#include <stdlib.h>
#include <sys/random.h>

/* All connections of one state of the store. */
struct tables {
	struct htab *by_name;   /* name → struct held */
	struct match_list order;/* in order of loading */
	struct match *match;
	uint64_t next_seq;
};

struct held {
	struct conf_conn *conn;
	uint64_t seq;
};

struct conf_store {
	struct tables t;
	struct conf_secrets *secrets;
	struct conf_node *rest;
	uint64_t generation;
};

static void tables_free(struct tables *t)
{
	uint64_t cursor = 0, v;

	while (t->by_name && htab_each(t->by_name, &cursor, &v)) {
		struct held *h = (struct held *)(uintptr_t)v;
		conf_conn_unref(&h->conn);
		free(h);
	}
	htab_free(t->by_name);
	match_list_fini(&t->order);
	match_free(t->match);
	*t = (struct tables){ 0 };
}

static err_t tables_new(struct tables *t)
{
	uint8_t seed[16];

	*t = (struct tables){ 0 };
	if (getrandom(seed, sizeof seed, 0) != (ssize_t)sizeof seed)
		return E_IO;
	t->by_name = htab_new(0, seed);
	t->match = match_new(seed);
	if (t->by_name && t->match)
		return 0;
	tables_free(t);
	return E_NOMEM;
}

static struct held *held_of(const struct tables *t, const char *name)
{
	uint64_t v;

	return htab_find(t->by_name, slice_str(name), &v) ? (struct held *)(uintptr_t)v : NULL;
}

static void tables_remove(struct tables *t, struct held *h)
{
	match_del(t->match, h->conn, h->seq);
	match_list_del(&t->order, h->seq, h->conn);
	htab_del(t->by_name, slice_str(h->conn->name));
	conf_conn_unref(&h->conn);
	free(h);
}

/* Takes a reference of its own. */
static err_t tables_put(struct tables *t, struct conf_conn *c, uint64_t seq)
{
	struct held *h = malloc(sizeof *h);

	if (!h)
		return E_NOMEM;
	*h = (struct held){ conf_conn_ref(c), seq };
	err_t e = htab_add(t->by_name, slice_str(c->name), (uintptr_t)h);
	if (e) {
		conf_conn_unref(&h->conn);
		free(h);
		return e;
	}
	e = match_list_add(&t->order, seq, c, 0);
	if (!e)
		e = match_add(t->match, c, seq);
	if (e)
		tables_remove(t, h);
	else if (seq >= t->next_seq)
		t->next_seq = seq + 1;
	return e;
}

err_t conf_store_new(struct conf_store **out)
{
	struct conf_store *s = calloc(1, sizeof *s);

	*out = NULL;
	if (!s)
		return E_NOMEM;
	s->secrets = conf_secrets_new();
	s->rest = conf_node_section(NULL, "");
	err_t e = s->secrets && s->rest ? tables_new(&s->t) : E_NOMEM;
	if (e)
		conf_store_free(s);
	else
		*out = s;
	return e;
}

void conf_store_free(struct conf_store *s)
{
	if (!s)
		return;
	tables_free(&s->t);
	conf_secrets_free(s->secrets);
	conf_node_free(&s->rest);
	free(s);
}

static enum conf_change change_of(const struct conf_conn *old, const struct conf_conn *now)
{
	return !old ? CONF_ADDED : memcmp(old->digest, now->digest, sizeof old->digest) == 0 ? CONF_SAME : CONF_CHANGED;
}

/* The state after the set: connections of the set in its order behind (or in the place of) those that stay. */
static err_t next_tables(const struct conf_store *s, const struct conf_set *set, bool all, struct tables *t)
{
	err_t e = tables_new(t);
	uint64_t seq = all ? 0 : s->t.next_seq;

	for (size_t i = 0; !e && !all && i < s->t.order.n; i++)
		if (s->t.order.v[i].conn)
			e = tables_put(t, s->t.order.v[i].conn, s->t.order.v[i].seq);
	for (size_t i = 0; !e && i < set->n_conns; i++) {
		struct conf_conn *c = set->conns[i];
		struct held *had = held_of(&s->t, c->name), *h = held_of(t, c->name);
		bool same = had && change_of(had->conn, c) == CONF_SAME;
		uint64_t at = h ? h->seq : seq++;

		if (h && same)
			continue;
		if (h)
			tables_remove(t, h);
		e = tables_put(t, same ? had->conn : c, at);
	}
	for (size_t i = 0; !e && i < set->n_gone; i++) {
		struct held *h = held_of(t, set->gone[i]);
		if (h)
			tables_remove(t, h);
	}
	if (e)
		tables_free(t);
	return e;
}

static void tell(const struct tables *old, const struct tables *now, const struct conf_set *set, bool all,
		 conf_change_fn *cb, void *arg)
{
	for (size_t i = 0; !all && i < set->n_gone; i++) {
		struct held *o = held_of(old, set->gone[i]);
		if (o && !held_of(now, set->gone[i]))
			cb(arg, CONF_REMOVED, o->conn, NULL);
	}
	for (size_t i = 0; i < set->n_conns; i++) {
		struct held *o = held_of(old, set->conns[i]->name), *n = held_of(now, set->conns[i]->name);
		cb(arg, change_of(o ? o->conn : NULL, n->conn), o ? o->conn : NULL, n->conn);
	}
	for (size_t i = 0; all && i < old->order.n; i++) {
		const struct conf_conn *c = old->order.v[i].conn;
		if (c && !held_of(now, c->name))
			cb(arg, CONF_REMOVED, c, NULL);
	}
}

/* ---- a few changes in a big store: made in place, so that their cost does not grow with what stays ---------------- */

enum { FEW = 64 };

struct step {
	struct conf_conn *old, *now; /* references; NULL: was not, is not there */
	uint64_t seq;
	enum conf_change what;
};

static void steps_drop(struct step *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		conf_conn_unref(&v[i].old);
		conf_conn_unref(&v[i].now);
	}
}

/* What was there a moment ago fits again. */
static void steps_back(struct conf_store *s, struct step *v, size_t n)
{
	for (size_t i = n; i-- > 0;) {
		struct held *h = v[i].what == CONF_SAME || !v[i].now ? NULL : held_of(&s->t, v[i].now->name);
		if (h)
			tables_remove(&s->t, h);
		if (v[i].what != CONF_SAME && v[i].old && !held_of(&s->t, v[i].old->name) && tables_put(&s->t, v[i].old, v[i].seq))
			break;
	}
	steps_drop(v, n);
}

static err_t step_one(struct conf_store *s, struct conf_conn *now, struct held *had, struct step *k)
{
	*k = (struct step){ .old = had ? conf_conn_ref(had->conn) : NULL, .seq = had ? had->seq : s->t.next_seq,
		.what = now ? change_of(had ? had->conn : NULL, now) : CONF_REMOVED };
	if (k->what == CONF_SAME) {
		k->now = conf_conn_ref(had->conn);
		return 0;
	}
	if (had)
		tables_remove(&s->t, had);
	k->now = now ? conf_conn_ref(now) : NULL;
	return now ? tables_put(&s->t, now, k->seq) : 0;
}

/* E_NOMEM: nothing has changed. */
static err_t apply_few(struct conf_store *s, const struct conf_set *set, struct step v[FEW], size_t *n)
{
	err_t e = 0;

	*n = 0;
	for (size_t i = 0; !e && i < set->n_gone; i++) {
		struct held *had = held_of(&s->t, set->gone[i]);
		if (had)
			e = step_one(s, NULL, had, &v[(*n)++]);
	}
	for (size_t i = 0; !e && i < set->n_conns; i++)
		e = step_one(s, set->conns[i], held_of(&s->t, set->conns[i]->name), &v[(*n)++]);
	if (e)
		steps_back(s, v, *n);
	return e;
}

err_t conf_store_apply(struct conf_store *s, struct conf_set *set, uint32_t flags, conf_change_fn *cb, void *arg)
{
	bool all = flags & CONF_REPLACE_CONNS;
	bool few = !all && set->n_conns + set->n_gone <= FEW;
	struct tables next = { 0 }, old;
	struct step steps[FEW];
	size_t n_steps = 0;
	err_t e = few ? apply_few(s, set, steps, &n_steps) : next_tables(s, set, all, &next);

	if (e)
		return e;
	if (set->secrets && !(flags & CONF_REPLACE_SECRETS))
		e = conf_secrets_absorb(s->secrets, set->secrets);
	if (e) {
		if (few)
			steps_back(s, steps, n_steps);
		else
			tables_free(&next);
		return e;
	}
	if (set->rest) {
		conf_node_free(&s->rest);
		s->rest = set->rest;
		set->rest = NULL;
	}
	if (flags & CONF_REPLACE_SECRETS) {
		if (set->secrets) {
			conf_secrets_free(s->secrets);
			s->secrets = set->secrets;
			set->secrets = NULL;
		} else {
			conf_secrets_clear(s->secrets);
		}
	}
	s->generation++;
	for (size_t i = 0; i < set->n_conns; i++)
		set->conns[i]->generation = s->generation;
	if (few) {
		for (size_t i = 0; cb && i < n_steps; i++)
			cb(arg, steps[i].what, steps[i].old, steps[i].now);
		steps_drop(steps, n_steps);
	} else {
		old = s->t;
		s->t = next;
		if (cb)
			tell(&old, &s->t, set, all, cb, arg);
		tables_free(&old);
	}
	for (size_t i = 0; i < set->n_conns; i++)
		conf_conn_unref(&set->conns[i]);
	set->n_conns = 0;
	return 0;
}

err_t conf_store_load(struct conf_store *s, struct conf_conn **ref, enum conf_change *change)
{
	struct conf_conn *c = *ref, *back = NULL;
	struct held *old = held_of(&s->t, c->name);
	enum conf_change what = change_of(old ? old->conn : NULL, c);
	uint64_t seq = old ? old->seq : s->t.next_seq;
	err_t e = 0;

	if (what != CONF_SAME) {
		if (old) {
			back = conf_conn_ref(old->conn);
			tables_remove(&s->t, old);
		}
		c->generation = s->generation + 1;
		e = tables_put(&s->t, c, seq);
		/* Out of memory, but what was there a moment ago fits again. */
		if (e && back && tables_put(&s->t, back, seq))
			e = E_NOMEM;
		conf_conn_unref(&back);
		s->generation += !e;
	}
	conf_conn_unref(ref);
	if (change)
		*change = what;
	return e;
}

err_t conf_store_unload(struct conf_store *s, const char *name)
{
	struct held *h = held_of(&s->t, name);

	if (!h)
		return E_NOT_FOUND;
	tables_remove(&s->t, h);
	s->generation++;
	return 0;
}

struct conf_conn *conf_store_find(const struct conf_store *s, const char *name)
{
	struct held *h = held_of(&s->t, name);

	return h ? h->conn : NULL;
}

size_t conf_store_count(const struct conf_store *s)
{
	return htab_count(s->t.by_name);
}

struct conf_conn *conf_store_next(const struct conf_store *s, uint64_t *cursor)
{
	const struct match_list *l = &s->t.order;

	for (size_t i = match_list_from(l, *cursor); i < l->n; i++)
		if (l->v[i].conn) {
			*cursor = l->v[i].seq + 1;
			return l->v[i].conn;
		}
	return NULL;
}

struct conf_conn *conf_store_match(const struct conf_store *s, const struct net_addr *local,
				   const struct net_addr *remote, size_t *cursor)
{
	if (remote && remote->family != NET_NONE)
		return match_next(s->t.match, local, remote, cursor);
	const struct match_list *l = &s->t.order;
	while (*cursor < l->n) {
		struct conf_conn *c = l->v[(*cursor)++].conn;
		if (c && c->n_remote && match_local_fits(c, local))
			return c;
	}
	return NULL;
}

uint64_t conf_store_generation(const struct conf_store *s)
{
	return s->generation;
}

struct conf_secrets *conf_store_secrets(struct conf_store *s)
{
	return s->secrets;
}

const struct conf_node *conf_store_rest(const struct conf_store *s)
{
	return s->rest;
}

struct conf_conn *conf_env_match(void *arg, const struct net_addr *local, const struct net_addr *remote,
				 size_t *cursor)
{
	return conf_store_match(arg, local, remote, cursor);
}

struct conf_conn *conf_env_find(void *arg, const char *name)
{
	return conf_store_find(arg, name);
}

bool conf_env_psk(void *arg, const struct conf_psk_ask *ask, struct conf_psk *out)
{
	return conf_secrets_psk(((struct conf_store *)arg)->secrets, ask, out);
}
