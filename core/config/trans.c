/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a transaction: begin, load, check, commit, abort. Single keys are set in trans_set.c. */
#include "config/trans_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

err_t conf_trans_begin(struct conf_hub *h, const char *who, struct conf_trans **out, struct diag **why)
{
	struct conf_trans *t;
	uint8_t seed[16];

	*out = NULL;
	if (h->n_open >= TRANS_MAX)
		return diag_set(why, E_LIMIT, "%u transactions are open: commit or abort one of them (an idle one ends after %d "
			"minutes)", h->n_open, TRANS_IDLE_MS / 60000);
	t = calloc(1, sizeof *t);
	if (!t)
		return E_NOMEM;
	t->hub = h;
	t->who = strdup(who ? who : "");
	t->secrets = conf_secrets_share(conf_store_secrets(h->env.store));
	if (getrandom(seed, sizeof seed, 0) == (ssize_t)sizeof seed)
		t->by_name = htab_new(0, seed);
	t->id = h->next_id++;
	t->base = conf_store_generation(h->env.store);
	t->used_ms = h->env.now_ms(h->env.arg);
	t->next = h->open;
	h->open = t;
	h->n_open++;
	if (!t->who || !t->secrets || !t->by_name) {
		conf_trans_abort(&t);
		return E_NOMEM;
	}
	*out = t;
	return 0;
}

void conf_trans_abort(struct conf_trans **ref)
{
	struct conf_trans *t = *ref;

	*ref = NULL;
	if (!t)
		return;
	for (struct conf_trans **p = &t->hub->open; *p; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			t->hub->n_open--;
			break;
		}
	for (size_t i = 0; i < t->n_conns; i++) {
		cand_empty(t->conns[i]);
		free(t->conns[i]);
	}
	free(t->conns);
	htab_free(t->by_name);
	while (t->bad_secrets) {
		struct cand_bad *b = t->bad_secrets;
		t->bad_secrets = b->next;
		diag_free(&b->why);
		free(b);
	}
	conf_secrets_free(t->secrets);
	conf_node_free(&t->rest);
	free(t->who);
	free(t);
}

struct conf_trans *conf_trans_find(struct conf_hub *h, uint64_t id)
{
	for (struct conf_trans *t = h->open; t; t = t->next)
		if (t->id == id) {
			t->used_ms = h->env.now_ms(h->env.arg);
			return t;
		}
	return NULL;
}

uint64_t conf_trans_id(const struct conf_trans *t)
{
	return t->id;
}

const char *conf_trans_who(const struct conf_trans *t)
{
	return t->who;
}

struct conf_trans *conf_trans_next(struct conf_hub *h, const struct conf_trans *before)
{
	return before ? before->next : h->open;
}

/* ---- load -------------------------------------------------------------------------------------------------------- */

static void drop_conns(struct conf_trans *t)
{
	for (size_t i = 0; i < t->n_conns; i++) {
		cand_empty(t->conns[i]);
		t->conns[i]->removed = true;
	}
	t->all_conns = true;
}

static void drop_secrets(struct conf_trans *t)
{
	while (t->bad_secrets)
		cand_secret_fine(t, t->bad_secrets->name);
	conf_secrets_clear(t->secrets);
}

struct load {
	struct conf_trans *t;
	struct diag **why;
	err_t first;
	unsigned bad;
};

/* Findings of this many objects are enough; the others are kept with their objects all the same. */
enum { SAY_MAX = 50 };

static void note(struct load *l, err_t e)
{
	if (!e)
		return;
	l->first = l->first ? l->first : e;
	if (++l->bad >= SAY_MAX)
		l->why = NULL;
}

/* The settings first: they hold defaults of the connections. */
static void load_rest(struct load *l, const struct conf_node *root, enum conf_load how)
{
	for (const struct conf_node *n = root->first; n; n = n->next) {
		if (n->kind != CONF_SECTION || !conf_is_rest(n->name))
			continue;
		struct conf_node *rest = cand_rest(l->t), *into = NULL;
		if (rest && how != CONF_LOAD_MERGE)
			conf_node_remove(rest, n->name);
		if (rest)
			into = conf_node_section(rest, n->name);
		/* An object replaces the one of its name; settings replace key by key. */
		bool objects = strcmp(n->name, "aditd") != 0;
		for (const struct conf_node *o = n->first; into && objects && o; o = o->next)
			conf_node_remove(into, o->name);
		note(l, into ? conf_node_merge(into, n, true) : E_NOMEM);
	}
}

static void load_top(struct load *l, const struct conf_node *n, enum conf_load how)
{
	struct conf_node *alone;

	if (strcmp(n->name, "connections") == 0 && n->kind == CONF_SECTION) {
		if (how == CONF_LOAD_SECTIONS)
			drop_conns(l->t);
		for (const struct conf_node *c = n->first; c; c = c->next)
			note(l, cand_load(l->t, c, l->why));
	} else if (strcmp(n->name, "secrets") == 0 && n->kind == CONF_SECTION) {
		if (how == CONF_LOAD_SECTIONS)
			drop_secrets(l->t);
		for (const struct conf_node *c = n->first; c; c = c->next)
			note(l, cand_secret(l->t, c, l->why));
	} else if (n->kind != CONF_SECTION || !conf_is_rest(n->name)) {
		/* A template, or what nobody knows: the check of the whole says which. */
		struct conf_set set;
		alone = conf_node_section(NULL, "");
		struct conf_node *copy = alone && n->kind == CONF_SECTION ? conf_node_section(alone, n->name) : NULL;
		if (copy) {
			copy->taken = n->taken;
			note(l, conf_node_place(copy, conf_node_file(n), n->line, n->column));
		} else if (alone && !conf_node_set_str(alone, n->name, "")) {
			note(l, E_NOMEM);
		}
		err_t e = alone ? conf_set_from(alone, l->t->hub->env.can, &set, l->why) : E_NOMEM;
		if (!e)
			conf_set_fini(&set);
		note(l, e);
		conf_node_free(&alone);
	}
}

err_t conf_trans_load(struct conf_trans *t, const struct conf_node *root, enum conf_load how, struct diag **why)
{
	struct load l = { .t = t, .why = why };

	if (how == CONF_LOAD_ALL) {
		drop_conns(t);
		drop_secrets(t);
		conf_node_free(&t->rest);
		t->rest = conf_node_section(NULL, "");
		if (!t->rest)
			return E_NOMEM;
	}
	load_rest(&l, root, how);
	for (const struct conf_node *n = root->first; n; n = n->next)
		load_top(&l, n, how);
	return l.first;
}

/* ---- a revision ---------------------------------------------------------------------------------------------------- */

err_t conf_trans_snap(struct conf_trans *t, const struct conf_snap *snap)
{
	drop_conns(t);
	drop_secrets(t);
	for (size_t i = 0; i < snap->n_conns; i++) {
		struct cand *c = cand_get(t, snap->conns[i]->name);
		if (!c)
			return E_NOMEM;
		c->conn = conf_conn_ref(snap->conns[i]);
	}
	conf_secrets_free(t->secrets);
	t->secrets = conf_secrets_share(snap->secrets);
	conf_node_free(&t->rest);
	t->rest = conf_node_section(NULL, "");
	t->again = true; /* settings that gave them defaults may be other ones now */
	return t->secrets && t->rest ? conf_unpack(slice_of(snap->rest.p, snap->rest.n), t->rest) : E_NOMEM;
}

err_t conf_trans_revision(struct conf_trans *t, uint64_t number, struct diag **why)
{
	struct conf_rev *r = conf_history_find(&t->hub->history, number);
	struct conf_node *root;

	if (!r)
		return diag_set(why, E_NOT_FOUND, "there is no revision %" PRIu64 ": the history shows which there are", number);
	if (r->snap)
		return conf_trans_snap(t, r->snap);
	err_t e = conf_rev_read(&t->hub->history, number, &root, why);
	if (e)
		return e;
	drop_conns(t);
	conf_node_free(&t->rest);
	t->rest = conf_node_section(NULL, "");
	e = t->rest ? conf_trans_load(t, root, CONF_LOAD_MERGE, why) : E_NOMEM;
	conf_node_free(&root);
	return e;
}

/* ---- check --------------------------------------------------------------------------------------------------------- */

err_t conf_trans_check(struct conf_trans *t, struct diag **why)
{
	struct load l = { .t = t, .why = why };
	struct conf_set set;

	if (t->rest) {
		err_t e = conf_set_from(t->rest, t->hub->env.can, &set, why);
		if (!e)
			conf_set_fini(&set);
		note(&l, e);
	}
	for (size_t i = 0; i < t->n_conns; i++)
		if (t->conns[i]->why) {
			diag_copy_all(l.why, t->conns[i]->why);
			note(&l, t->conns[i]->why->code ? t->conns[i]->why->code : E_BAD_VALUE);
		}
	for (const struct cand_bad *b = t->bad_secrets; b; b = b->next) {
		diag_copy_all(l.why, b->why);
		note(&l, b->why->code ? b->why->code : E_BAD_VALUE);
	}
	return l.first;
}

void conf_trans_warnings(const struct conf_trans *t, struct diag **why)
{
	unsigned n = 0;
	char text[500];

	for (size_t i = 0; i < t->n_conns && i < CONF_WARNINGS_LOOK && n < CONF_WARNINGS_MAX; i++)
		if (t->conns[i]->conn && conf_psk_weak(t->conns[i]->conn, t->secrets, NULL, text, sizeof text)) {
			(void)diag_at(why, E_WEAK_SECRET, NULL, 0, 0, "%s", text);
			n++;
		}
	for (size_t i = 0; i < t->n_conns && n < CONF_WARNINGS_MAX; i++)
		if (t->conns[i]->conn && t->conns[i]->conn->remarks) {
			diag_copy_all(why, t->conns[i]->conn->remarks);
			n++;
		}
}

/* ---- commit -------------------------------------------------------------------------------------------------------- */

/* Settings that are defaults of connections: with other ones every connection is made anew. */
static bool defaults_changed(const struct conf_trans *t, const struct conf_daemon *now)
{
	const struct conf_daemon *runs = t->hub->env.can->daemon;

	return runs && memcmp(&runs->retry, &now->retry, sizeof now->retry) != 0;
}

static err_t again(struct conf_trans *t, const struct conf_conn *c, struct diag **why)
{
	struct conf_node *root = conf_node_section(NULL, ""), *at = root ? conn_tree(c, root) : NULL;
	err_t e = at ? cand_load(t, at, why) : E_NOMEM;
	struct cand *k = e ? NULL : cand_find(t, c->name);

	/* The same with these defaults: the object of then stays the object. */
	if (k && k->conn && k->conn != c && memcmp(k->conn->digest, c->digest, sizeof c->digest) == 0) {
		conf_conn_unref(&k->conn);
		k->conn = conf_conn_ref((struct conf_conn *)c);
	}
	conf_node_free(&root);
	return e;
}

static err_t make_again(struct conf_trans *t, struct diag **why)
{
	size_t n = t->n_conns;
	uint64_t cursor = 0;
	err_t e = 0;

	for (size_t i = 0; i < n && !e; i++)
		if (t->conns[i]->conn) {
			struct conf_conn *c = conf_conn_ref(t->conns[i]->conn);
			e = again(t, c, why);
			conf_conn_unref(&c);
		}
	for (struct conf_conn *c; !e && !t->all_conns && (c = conf_store_next(t->hub->env.store, &cursor));)
		if (!cand_find(t, c->name))
			e = again(t, c, why);
	return e;
}

static err_t set_of(struct conf_trans *t, struct conf_set *set, uint32_t *flags, struct diag **why)
{
	err_t e = 0;

	*set = (struct conf_set){ 0 };
	*flags = t->all_conns ? CONF_REPLACE_CONNS : 0;
	if (t->rest) {
		e = conf_set_from(t->rest, t->hub->env.can, set, why);
		if (!e && !set->settings)
			e = conf_settings_new(&set->settings);
		if (!e && (t->again || defaults_changed(t, &set->settings->daemon)))
			e = make_again(t, why);
	}
	if (e)
		return e;
	free(set->conns);
	set->conns = calloc(t->n_conns + 1, sizeof *set->conns);
	set->gone = calloc(t->n_conns + 1, sizeof *set->gone);
	if (!set->conns || !set->gone)
		return E_NOMEM;
	for (size_t i = 0; i < t->n_conns; i++) {
		struct cand *c = t->conns[i];
		if (c->conn)
			set->conns[set->n_conns++] = conf_conn_ref(c->conn);
		else if (!(set->gone[set->n_gone] = strdup(c->name)))
			return E_NOMEM;
		else
			set->n_gone++;
	}
	if (conf_secrets_shared(t->secrets, conf_store_secrets(t->hub->env.store)))
		return 0;
	*flags |= CONF_REPLACE_SECRETS;
	conf_secrets_free(set->secrets);
	set->secrets = conf_secrets_share(t->secrets);
	return set->secrets ? 0 : E_NOMEM;
}

static void count(void *arg, enum conf_change what, const struct conf_conn *old, const struct conf_conn *now)
{
	struct conf_committed *c = arg;

	(void)old;
	(void)now;
	c->added += what == CONF_ADDED;
	c->changed += what == CONF_CHANGED;
	c->removed += what == CONF_REMOVED;
}

err_t conf_trans_apply(struct conf_trans *t, bool effects, struct conf_committed *out, struct diag **why)
{
	struct conf_hub *h = t->hub;
	struct conf_set set;
	uint32_t flags;

	*out = (struct conf_committed){ 0 };
	err_t e = set_of(t, &set, &flags, why);
	if (!e)
		e = h->env.apply(h->env.arg, &set, flags, effects, count, out, why);
	conf_set_fini(&set);
	return e;
}
