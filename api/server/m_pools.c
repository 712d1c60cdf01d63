/* SPDX-License-Identifier: Apache-2.0 */
/* Methods for pools of virtual addresses. Loading is a commit of the configuration like any other. */
#include "api/server/internal.h"

#include "config/trans.h"

#include <stdio.h>
#include <stdlib.h>

static const char *who(const struct api_call *call, char *buf, size_t cap)
{
	snprintf(buf, cap, "uid %u", (unsigned)call->client->uid);
	return buf;
}

/* The message's one section below `pools`. */
static err_t load(struct api_call *call, struct conf_node *body, struct conf_node *root, struct diag **why)
{
	struct conf_committed done;
	struct conf_commit how = { .comment = "load-pool" };
	char by[32];
	err_t err = api_tree_of(call->body, body, why);

	if (err)
		return err;
	if (conf_node_count(body) != 1 || body->first->kind != CONF_SECTION)
		return diag_set(why, E_BAD_VALUE, "load-pool takes one section, the pool");
	struct conf_node *pools = conf_node_section(root, "pools");
	err = pools ? conf_node_merge(pools, body, true) : E_NOMEM;
	if (!err)
		err = conf_hub_load(call->s->env.hub, root, CONF_LOAD_MERGE, who(call, by, sizeof by), &how, &done, why);
	return err;
}

void api_do_load_pool(struct api_call *call)
{
	struct diag *why = NULL;
	struct conf_node *body = conf_node_section(NULL, ""), *root = conf_node_section(NULL, "");
	err_t err = !call->s->env.hub ? E_NOT_SUPPORTED : body && root ? load(call, body, root, &why) : E_NOMEM;

	if (err)
		api_fail(call, err, why);
	else
		api_ok(call);
	conf_node_free(&body);
	conf_node_free(&root);
}

static err_t unload(struct api_call *call, const char *name, struct diag **why)
{
	struct conf_committed done;
	struct conf_commit how = { .comment = "unload-pool" };
	struct conf_trans *t;
	char by[32], path[VICI_NAME_MAX + 16];
	err_t err = conf_trans_begin(call->s->env.hub, who(call, by, sizeof by), &t, why);

	snprintf(path, sizeof path, "pools.\"%s\"", name);
	if (!err)
		err = conf_trans_set(t, path, NULL, why);
	if (!err)
		err = conf_trans_commit(&t, &how, &done, why);
	conf_trans_abort(&t);
	return err;
}

void api_do_unload_pool(struct api_call *call)
{
	char name[VICI_NAME_MAX + 1];
	struct diag *why = NULL;
	struct arena a;
	bool there = false;

	arena_init(&a, 1 << 20);
	if (api_arg(call, "name", name, sizeof name))
		for (const struct ike_pool_view *v = NULL; !there && (v = ike_pool_next(call->s->env.engine, v ? v->name : NULL, &a));)
			there = strcmp(v->name, name) == 0;
	arena_fini(&a);
	if (!there) {
		api_failf(call, E_NOT_FOUND, "%s not found: no pool has this name", name);
		return;
	}
	err_t err = call->s->env.hub ? unload(call, name, &why) : E_NOT_SUPPORTED;
	if (err)
		api_fail(call, err, why);
	else
		api_ok(call);
}

/* ---- list-leases ---- */

struct lease_walk {
	char pool[VICI_NAME_MAX + 1]; /* "" before the first */
	uint32_t cursor;
	bool in_pool;
};

static void put_lease(struct vici_out *o, const struct ike_lease_view *l)
{
	char addr[NET_ADDR_TEXT], id[512];

	vici_kv_str(o, "address", net_addr_text(&l->addr, false, addr));
	vici_kv_str(o, "identity", conf_id_text(l->id_type, l->id, id, sizeof id));
	vici_kv_str(o, "status", l->online ? "online" : "offline");
}

/* To the next pool; false: that was the last. */
static bool next_pool(struct api_call *call, struct lease_walk *w, struct arena *a)
{
	char only[VICI_NAME_MAX + 1];
	bool named = api_arg(call, "pool", only, sizeof only) != NULL;

	for (;;) {
		const struct ike_pool_view *v = ike_pool_next(call->s->env.engine, w->pool[0] ? w->pool : NULL, a);
		if (!v || snprintf(w->pool, sizeof w->pool, "%s", v->name) >= (int)sizeof w->pool)
			return false;
		if (named && strcmp(only, w->pool) != 0)
			continue;
		w->cursor = 0;
		w->in_pool = true;
		return true;
	}
}

static bool step_leases(struct api_call *call)
{
	struct lease_walk *w = call->state;
	char status[16];
	struct arena a;
	struct vici_out o;

	arena_init(&a, 1 << 20);
	bool more = w->in_pool || next_pool(call, w, &a);
	const struct ike_lease_view *l = more ? ike_lease_next(call->s->env.engine, w->pool, &w->cursor, &a) : NULL;
	if (!l)
		w->in_pool = false;
	const char *only = api_arg(call, "status", status, sizeof status);
	if (l && (!only || l->online == (strcmp(only, "online") == 0))) {
		api_event_start(&o, API_E_LIST_LEASE);
		vici_kv_str(&o, "pool", w->pool);
		put_lease(&o, l);
		api_event_to(call, &o, API_E_LIST_LEASE);
	}
	arena_fini(&a);
	return more;
}

void api_do_list_leases(struct api_call *call)
{
	call->state = calloc(1, sizeof(struct lease_walk));
	call->state_free = free;
	if (!call->state)
		api_fail(call, E_NOMEM, NULL);
	else
		api_stream(call, step_leases);
}

/* ---- get-pools ---- */

static void put_leases(struct api_call *call, struct vici_out *o, const char *pool, struct arena *a)
{
	uint32_t cursor = 0;
	unsigned n = 0;
	const struct ike_lease_view *l;

	vici_section(o, "leases");
	while ((l = ike_lease_next(call->s->env.engine, pool, &cursor, a))) {
		char key[16];
		snprintf(key, sizeof key, "%u", n++);
		vici_section(o, key);
		put_lease(o, l);
		vici_section_end(o);
	}
	vici_section_end(o);
}

void api_do_get_pools(struct api_call *call)
{
	char only[VICI_NAME_MAX + 1], leases[8];
	bool named = api_arg(call, "name", only, sizeof only) != NULL;
	bool with = api_arg(call, "leases", leases, sizeof leases) && strcmp(leases, "yes") == 0;
	const struct ike_pool_view *v = NULL;
	struct vici_out o;
	struct arena a;

	arena_init(&a, (size_t)64 << 20);
	api_response(&o);
	while ((v = ike_pool_next(call->s->env.engine, v ? v->name : NULL, &a))) {
		if (named && strcmp(only, v->name) != 0)
			continue;
		vici_section(&o, v->name);
		vici_kv_str(&o, "base", v->base);
		vici_kv_u64(&o, "size", v->size);
		vici_kv_u64(&o, "online", v->online);
		vici_kv_u64(&o, "offline", v->offline);
		if (with)
			put_leases(call, &o, v->name, &a);
		vici_section_end(&o);
	}
	api_reply(call, &o);
	arena_fini(&a);
}
