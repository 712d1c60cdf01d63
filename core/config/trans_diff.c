/* SPDX-License-Identifier: Apache-2.0 */
/* What a candidate would change, and what it and the running configuration look like, one object at a time. */
#include "config/trans_int.h"

#include <stdlib.h>

/* Sections of objects beside connections and secrets, and the one without. */
static const struct {
	const char *section;
	const struct conf_schema *schema;
	bool objects;
} rests[] = {
	{ "pools", &conf_schema_pool, true },
	{ "authorities", &conf_schema_authority, true },
	{ "aditd", &conf_schema_aditd, false },
};

/* ---- differences --------------------------------------------------------------------------------------------------- */

static bool conn_diff(const struct conf_conn *was, const struct cand *now, struct conf_diff *out)
{
	struct conf_node *a = conf_node_section(NULL, ""), *b = conf_node_section(NULL, "");
	struct conf_node *old = a && was ? conn_tree(was, a) : NULL, *new = NULL;

	if (b && now && now->conn)
		new = conn_tree(now->conn, b);
	else if (b && now && !now->removed && (new = conf_node_section(b, now->name)) &&
		conf_unpack(slice_of(now->source.p, now->source.n), new))
		new = NULL;
	*out = (struct conf_diff){ .section = "connections", .name = now ? now->name : was->name,
		.change = !was ? CONF_ADDED : !new ? CONF_REMOVED : CONF_CHANGED };
	err_t e = conf_delta_of(&conf_schema_conn, old, new, &out->delta);
	conf_node_free(&a);
	conf_node_free(&b);
	/* Only the order of keys or a default of the daemon may differ: that is no change of this object. */
	return e || out->change != CONF_CHANGED || out->delta.n_keys || out->delta.n_children;
}

static bool next_conn(struct conf_trans *t, struct conf_diff_at *at, struct conf_diff *out)
{
	const struct conf_store *s = t->hub->env.store;

	while (at->at < t->n_conns) {
		const struct cand *c = t->conns[at->at++];
		const struct conf_conn *was = conf_store_find(s, c->name);
		if (c->conn == was || (c->removed && !was))
			continue;
		if (conn_diff(was, c, out))
			return true;
		conf_delta_fini(&out->delta);
	}
	return false;
}

static bool next_gone(struct conf_trans *t, struct conf_diff_at *at, struct conf_diff *out)
{
	for (struct conf_conn *c; t->all_conns && (c = conf_store_next(t->hub->env.store, &at->at));)
		if (!cand_find(t, c->name))
			return conn_diff(c, NULL, out);
	return false;
}

static bool next_secret(struct conf_trans *t, struct conf_diff_at *at, struct conf_diff *out, bool gone)
{
	const struct conf_secrets *runs = conf_store_secrets(t->hub->env.store);
	const struct conf_secrets *walk = gone ? runs : t->secrets, *other = gone ? t->secrets : runs;
	struct conf_secret_view a, b;
	const char *id;

	if (conf_secrets_shared(runs, t->secrets))
		return false;
	while ((id = conf_secrets_at(walk, at->at))) {
		at->at++;
		if (!conf_secrets_find(walk, id, &a))
			continue;
		bool have = conf_secrets_find(other, id, &b);
		if (gone ? have : have && conf_secret_same(&a, &b))
			continue;
		*out = (struct conf_diff){ .section = "secrets", .name = id,
			.change = gone ? CONF_REMOVED : have ? CONF_CHANGED : CONF_ADDED };
		return true;
	}
	return false;
}

static const struct conf_node *nth(const struct conf_node *section, uint64_t n)
{
	const struct conf_node *c = section ? section->first : NULL;

	for (; c && n; n--)
		c = c->next;
	return c;
}

static bool rest_delta(size_t i, const struct conf_node *was, const struct conf_node *now, const char *name,
		       struct conf_diff *out)
{
	*out = (struct conf_diff){ .section = rests[i].section, .name = name,
		.change = !was ? CONF_ADDED : !now ? CONF_REMOVED : CONF_CHANGED };
	static const struct conf_node none = { .kind = CONF_SECTION };
	bool objects = rests[i].objects;
	if (!objects)
		out->change = CONF_CHANGED;
	err_t e = conf_delta_of(rests[i].schema, was || objects ? was : &none, now || objects ? now : &none, &out->delta);
	if (e || out->change != CONF_CHANGED || out->delta.n_keys)
		return true;
	conf_delta_fini(&out->delta);
	return false;
}

/* stage: which of the rests; objects of the candidate first, then those that are gone. */
static bool next_rest(struct conf_trans *t, size_t i, struct conf_diff_at *at, struct conf_diff *out)
{
	const struct conf_node *was = conf_node_child(conf_store_rest(t->hub->env.store), rests[i].section), *n;
	const struct conf_node *now = t->rest ? conf_node_child(t->rest, rests[i].section) : was;
	size_t n_now = now ? now->n : 0;

	if (!t->rest)
		return false;
	if (!rests[i].objects)
		return at->at++ == 0 && rest_delta(i, was, now, "", out);
	while (at->at < n_now) {
		n = nth(now, at->at++);
		if (rest_delta(i, was ? conf_node_child(was, n->name) : NULL, n, n->name, out))
			return true;
	}
	while (was && at->at < n_now + was->n) {
		n = nth(was, at->at++ - n_now);
		if ((!now || !conf_node_child(now, n->name)) && rest_delta(i, n, NULL, n->name, out))
			return true;
	}
	return false;
}

bool conf_trans_diff(struct conf_trans *t, struct conf_diff_at *at, struct conf_diff *out)
{
	enum { CONNS, GONE, SECRETS, SECRETS_GONE, RESTS };

	for (; at->stage < RESTS + ARRAY_LEN(rests); at->stage++, at->at = 0) {
		bool found = at->stage == CONNS ? next_conn(t, at, out) : at->stage == GONE ? next_gone(t, at, out) :
			at->stage < RESTS ? next_secret(t, at, out, at->stage == SECRETS_GONE) :
			next_rest(t, at->stage - RESTS, at, out);
		if (found)
			return true;
	}
	return false;
}

/* ---- showing ------------------------------------------------------------------------------------------------------- */

/* `section` below a fresh root, to put one object into; *in is the section. */
static struct conf_node *fresh(const char *section, struct conf_node **in)
{
	struct conf_node *root = conf_node_section(NULL, "");

	*in = root ? conf_node_section(root, section) : NULL;
	if (!*in)
		conf_node_free(&root);
	return root;
}

static struct conf_node *show_conn(struct conf_hub *h, struct conf_trans *t, struct conf_diff_at *at)
{
	struct conf_node *in, *root;
	const char *name = NULL;
	err_t e;

	/* What runs, as the candidate has it; then what the candidate adds. */
	while (at->stage == 0) {
		const struct conf_conn *c = conf_store_next(h->env.store, &at->at);
		const struct cand *k = c && t ? cand_find(t, c->name) : NULL;
		if (!c) {
			at->stage = 1;
			at->at = 0;
		} else if (!(t && (k ? k->removed : t->all_conns))) {
			name = c->name;
			break;
		}
	}
	while (!name && t && at->at < t->n_conns) {
		const struct cand *k = t->conns[at->at++];
		if (!k->removed && !conf_store_find(h->env.store, k->name))
			name = k->name;
	}
	if (!name || !(root = fresh("connections", &in)))
		return NULL;
	bool ok = t ? cand_tree(t, name, in, &e) != NULL : conn_tree(conf_store_find(h->env.store, name), in) != NULL;
	if (!ok)
		conf_node_free(&root);
	return root;
}

static struct conf_node *show_secret(struct conf_hub *h, struct conf_trans *t, struct conf_diff_at *at)
{
	const struct conf_secrets *s = t ? t->secrets : conf_store_secrets(h->env.store);
	const char *id = conf_secrets_at(s, at->at);
	struct conf_secret_view v;
	struct conf_node *in, *root;

	if (!id || !conf_secrets_find(s, id, &v) || !(root = fresh("secrets", &in)))
		return NULL;
	at->at++;
	if (!secret_tree(&v, in))
		conf_node_free(&root);
	return root;
}

static struct conf_node *show_rest(struct conf_hub *h, struct conf_trans *t, size_t i, struct conf_diff_at *at)
{
	const struct conf_node *rest = t ? cand_rest_look(t) : conf_store_rest(h->env.store);
	const struct conf_node *sec = conf_node_child(rest, rests[i].section);
	const struct conf_node *n = !sec ? NULL : rests[i].objects ? nth(sec, at->at) : at->at ? NULL : sec;
	struct conf_node *in, *root;

	if (!n || !(root = fresh(rests[i].section, &in)))
		return NULL;
	at->at++;
	struct conf_node *into = n == sec ? in : conf_node_section(in, n->name);
	if (!into || conf_node_merge(into, n, true))
		conf_node_free(&root);
	return root;
}

struct conf_node *conf_hub_show(struct conf_hub *h, struct conf_trans *t, const char *section, struct conf_diff_at *at)
{
	enum { CONNS, CONNS_NEW, SECRETS, RESTS };
	static const char *const names[] = { "connections", "connections", "secrets" };

	while (at->stage < RESTS + ARRAY_LEN(rests)) {
		size_t i = at->stage < RESTS ? 0 : at->stage - RESTS;
		const char *name = at->stage < RESTS ? names[at->stage] : rests[i].section;
		struct conf_node *root = section && strcmp(section, name) != 0 ? NULL :
			at->stage <= CONNS_NEW ? show_conn(h, t, at) : at->stage == SECRETS ? show_secret(h, t, at) :
			show_rest(h, t, i, at);
		if (root)
			return root;
		at->stage++;
		at->at = 0;
	}
	return NULL;
}
