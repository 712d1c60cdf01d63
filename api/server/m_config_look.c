/* SPDX-License-Identifier: Apache-2.0 */
/* Methods that look at the configuration: differences, history, the tree itself; the event of a commit. */
#include "api/server/internal.h"

#include "base/htab.h"
#include "config/trans.h"

#include <stdlib.h>
#include <sys/random.h>

static const char *change_name(uint8_t change)
{
	return change == CONF_ADDED ? "added" : change == CONF_REMOVED ? "removed" : "changed";
}

/* ---- config-diff ------------------------------------------------------------------------------------------------------ */

static void count_sa(void *arg, const struct ike_sa_brief *sa)
{
	struct htab *t = arg;
	slice name = slice_str(sa->conn->name);
	uint64_t n = 0;

	if (sa->child)
		return;
	if (htab_find(t, name, &n))
		htab_del(t, name);
	if (htab_add(t, name, n + 1))
		return; /* no memory: it counts as none */
}

static void count_sas(struct api_server *s)
{
	uint8_t seed[16];

	htab_free(s->sa_counts);
	s->sa_counts = getrandom(seed, sizeof seed, 0) == (ssize_t)sizeof seed ? htab_new(0, seed) : NULL;
	if (s->sa_counts)
		ike_sa_walk(s->env.engine, count_sa, s->sa_counts);
}

static void put_keys(struct vici_out *o, const struct conf_delta *d)
{
	vici_section(o, "keys");
	for (size_t i = 0; i < d->n_keys; i++) {
		const struct conf_delta_key *k = &d->keys[i];
		vici_section(o, k->path);
		if (k->was)
			vici_kv_str(o, "was", k->was);
		if (k->now)
			vici_kv_str(o, "now", k->now);
		vici_kv_str(o, "effect", conf_effect_name(k->effect));
		vici_section_end(o);
	}
	vici_section_end(o);
}

static void put_children(struct vici_out *o, const struct conf_delta *d)
{
	vici_section(o, "children");
	for (size_t i = 0; i < d->n_children; i++) {
		vici_section(o, d->children[i].name);
		vici_kv_str(o, "change", change_name(d->children[i].change));
		vici_kv_str(o, "effect", conf_effect_name(d->children[i].effect));
		vici_section_end(o);
	}
	vici_section_end(o);
}

static void put_diff(struct api_call *call, const struct conf_diff *d)
{
	struct vici_out o;
	uint64_t sas = 0;

	api_event_start(&o, API_E_CONFIG_CHANGE);
	vici_kv_str(&o, "section", d->section);
	vici_kv_str(&o, "name", d->name);
	vici_kv_str(&o, "change", change_name(d->change));
	vici_kv_str(&o, "effect", conf_effect_name(d->delta.greatest));
	if (!strcmp(d->section, "connections") && call->s->sa_counts && htab_find(call->s->sa_counts, slice_str(d->name), &sas))
		vici_kv_u64(&o, "sas", sas);
	if (d->delta.n_keys)
		put_keys(&o, &d->delta);
	if (d->delta.n_children)
		put_children(&o, &d->delta);
	api_event_to(call, &o, API_E_CONFIG_CHANGE);
}

/* The transaction may end between two pieces. */
static bool step_diff(struct api_call *call)
{
	struct conf_trans *t = conf_trans_find(call->s->env.hub, api_arg_u64(call, "transaction", 0));
	struct conf_diff_at at = { call->walk.stage, call->walk.at };
	struct conf_diff d;

	if (!t || !conf_trans_diff(t, &at, &d))
		return false;
	call->walk.stage = at.stage;
	call->walk.at = at.at;
	put_diff(call, &d);
	conf_delta_fini(&d.delta);
	return true;
}

static bool known_trans(struct api_call *call, bool needed)
{
	uint64_t id = api_arg_u64(call, "transaction", 0);

	if (!call->s->env.hub)
		api_failf(call, E_NOT_SUPPORTED, "this daemon has no transactions");
	else if ((needed || id) && !conf_trans_find(call->s->env.hub, id))
		api_failf(call, E_NOT_FOUND, "there is no transaction %llu: it was committed, aborted, or not used for %d minutes",
			  (unsigned long long)id, TRANS_IDLE_MS / 60000);
	else
		return true;
	return false;
}

void api_do_config_diff(struct api_call *call)
{
	if (!known_trans(call, true))
		return;
	count_sas(call->s);
	api_stream(call, step_diff);
}

/* ---- config-show ------------------------------------------------------------------------------------------------------ */

/* Keys that are not set, at their defaults; in the sections that are there. */
static void add_defaults(struct conf_node *at, const struct conf_schema *s)
{
	for (size_t i = 0; s && i < s->n; i++) {
		const struct conf_key *k = &s->keys[i];
		if (k->def && !(k->flags & (CONF_LATER | CONF_SUFFIX | CONF_ANY_NAME)) && !k->sub && !conf_node_child(at, k->name))
			conf_node_set_str(at, k->name, k->def);
	}
	for (struct conf_node *n = at->first; s && n; n = n->next) {
		const struct conf_key *k = n->kind == CONF_SECTION ? conf_schema_key(s, n->name) : NULL;
		if (!k || !k->sub)
			continue;
		if (k->type != CONF_T_SECTIONS)
			add_defaults(n, k->sub);
		for (struct conf_node *o = k->type == CONF_T_SECTIONS ? n->first : NULL; o; o = o->next)
			if (o->kind == CONF_SECTION)
				add_defaults(o, k->sub);
	}
}

static bool step_show(struct api_call *call)
{
	uint64_t id = api_arg_u64(call, "transaction", 0);
	struct conf_trans *t = id ? conf_trans_find(call->s->env.hub, id) : NULL;
	struct conf_diff_at at = { call->walk.stage, call->walk.at };
	char section[64], name[256];
	struct vici_out o;

	if (id && !t)
		return false;
	struct conf_node *root = conf_hub_show(call->s->env.hub, t, api_arg(call, "section", section, sizeof section), &at);
	call->walk.stage = at.stage;
	call->walk.at = at.at;
	if (!root)
		return false;
	const struct conf_node *object = root->first->first;
	const char *only = api_arg(call, "name", name, sizeof name);
	if (!only || (object && !strcmp(only, object->name) && strcmp(root->first->name, "aditd"))) {
		if (api_arg_bool(call, "defaults", false))
			add_defaults(root, &conf_schema_root);
		api_event_start(&o, API_E_CONFIG_OBJECT);
		for (const struct conf_node *n = root->first; n; n = n->next)
			api_put_node(&o, n, &conf_schema_root, true);
		api_event_to(call, &o, API_E_CONFIG_OBJECT);
	}
	conf_node_free(&root);
	return true;
}

void api_do_config_show(struct api_call *call)
{
	if (known_trans(call, false))
		api_stream(call, step_show);
}

/* ---- config-history, config-status ------------------------------------------------------------------------------------- */

static bool step_history(struct api_call *call)
{
	struct conf_history *y = conf_hub_history(call->s->env.hub);
	struct vici_out o;

	if (call->cursor >= y->n)
		return false;
	const struct conf_rev *r = &y->revs[y->n - 1 - call->cursor];
	api_event_start(&o, API_E_CONFIG_REVISION);
	vici_kv_u64(&o, "revision", r->number);
	vici_kv_u64(&o, "back", call->cursor++);
	vici_kv_u64(&o, "time", r->time_s);
	vici_kv_str(&o, "by", r->who ? r->who : "");
	if (r->comment)
		vici_kv_str(&o, "comment", r->comment);
	vici_kv_u64(&o, "added", r->added);
	vici_kv_u64(&o, "changed", r->changed);
	vici_kv_u64(&o, "removed", r->removed);
	vici_kv_str(&o, "confirmed", r->confirmed ? "yes" : "no");
	if (!r->snap)
		vici_kv_str(&o, "stored", "yes");
	api_event_to(call, &o, API_E_CONFIG_REVISION);
	return true;
}

void api_do_config_history(struct api_call *call)
{
	if (known_trans(call, false))
		api_stream(call, step_history);
}

void api_do_config_status(struct api_call *call)
{
	struct conf_hub *h = call->s->env.hub;
	struct vici_out o;
	uint32_t left;
	bool changed;

	if (!known_trans(call, false))
		return;
	api_response(&o);
	vici_kv_u64(&o, "revision", conf_hub_revision(h, &changed));
	vici_kv_str(&o, "changed", changed ? "yes" : "no");
	if (conf_hub_pending(h, &left)) {
		vici_kv_u64(&o, "pending", conf_hub_pending(h, &left));
		vici_kv_u64(&o, "left", left);
	}
	vici_section(&o, "transactions");
	for (const struct conf_trans *t = NULL; (t = conf_trans_next(h, t));) {
		char num[24];
		snprintf(num, sizeof num, "%llu", (unsigned long long)conf_trans_id(t));
		vici_section(&o, num);
		vici_kv_str(&o, "by", conf_trans_who(t));
		vici_section_end(&o);
	}
	vici_section_end(&o);
	api_reply(call, &o);
}

void api_server_config(struct api_server *s, const struct conf_told *t)
{
	static const char *const words[] = { [CONF_TOLD_COMMITTED] = "committed", [CONF_TOLD_CONFIRMED] = "confirmed",
					     [CONF_TOLD_ROLLED_BACK] = "rolled-back" };
	struct vici_out o;

	api_event_start(&o, API_E_CONFIG);
	vici_kv_str(&o, "what", words[t->what]);
	vici_kv_u64(&o, "revision", t->rev->number);
	vici_kv_str(&o, "by", t->rev->who ? t->rev->who : "");
	if (t->rev->comment)
		vici_kv_str(&o, "comment", t->rev->comment);
	if (t->confirm_s)
		vici_kv_u64(&o, "confirm", t->confirm_s);
	if (t->instead_of)
		vici_kv_u64(&o, "instead-of", t->instead_of);
	api_event_done(s, &o, API_E_CONFIG);
}
