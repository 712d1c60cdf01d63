/* SPDX-License-Identifier: Apache-2.0 */
/* Methods that look at SAs, policies and counters. A list goes out in pieces, one SA or policy at a time. */
#include "api/server/conn_view.h"
#include "api/server/internal.h"
#include "config/store.h"

enum {
	VIEW_BYTES = 4 * 1024 * 1024, /* bound of one SA's view */
	CHILDREN_PER_EVENT = 256      /* an SA with more is told in several events, each within a packet's bound */
};

static bool sa_passes(const struct ike_view *v, const char *ike, uint64_t ike_id, const struct api_child_filter *f)
{
	if ((ike && strcmp(ike, v->conn ? v->conn : "")) || (ike_id && ike_id != v->unique))
		return false;
	if (!f->name && !f->unique)
		return true;
	for (uint16_t i = 0; i < v->n_children; i++)
		if ((!f->name || !strcmp(f->name, v->children[i].name)) && (!f->unique || f->unique == v->children[i].unique))
			return true;
	return false;
}

static bool step_sas(struct api_call *call)
{
	char ike[256], child[256];
	struct api_child_filter f = { .name = api_arg(call, "child", child, sizeof child),
				      .unique = api_arg_u64(call, "child-id", 0) };
	const char *name = api_arg(call, "ike", ike, sizeof ike);
	uint64_t id = api_arg_u64(call, "ike-id", 0);
	uint32_t cursor = (uint32_t)call->cursor;
	struct arena a;
	arena_init(&a, VIEW_BYTES);
	const struct ike_view *v = ike_view_next(call->s->env.engine, loop_now_ms(), &cursor, &a);
	call->cursor = cursor;
	bool more = v && sa_passes(v, name, id, &f);
	for (f.from = 0; more; f.from = f.to) {
		struct vici_out o;
		f.to = f.from + CHILDREN_PER_EVENT;
		api_event_start(&o, API_E_LIST_SA);
		api_put_ike(&o, v->conn ? v->conn : "(unnamed)", v, true, &f);
		api_event_to(call, &o, API_E_LIST_SA);
		more = f.to < v->n_children;
	}
	arena_fini(&a);
	return v != NULL;
}

void api_do_list_sas(struct api_call *call)
{
	api_stream(call, step_sas);
}

static bool policy_passes(const struct api_call *call, const struct ike_policy_view *p)
{
	char buf[256];
	const char *child = api_arg(call, "child", buf, sizeof buf);
	if (child && strcmp(child, p->child))
		return false;
	const char *ike = api_arg(call, "ike", buf, sizeof buf);
	if (ike && strcmp(ike, p->conn))
		return false;
	bool trap = api_arg_bool(call, "trap", false), pass = api_arg_bool(call, "pass", false);
	bool drop = api_arg_bool(call, "drop", false);
	if (!trap && !pass && !drop)
		return true;
	return p->trap ? trap : p->mode == CONF_PASS ? pass : p->mode == CONF_DROP && drop;
}

/* As configured, "dynamic" included, while the configuration is still there. */
static void put_policy_ts(struct vici_out *o, const struct api_call *call, const struct ike_policy_view *p)
{
	const struct conf_conn *conn = conf_store_find(call->s->env.store, p->conn);
	const struct conf_child *c = conn ? conf_conn_child(conn, p->child) : NULL;

	if (c) {
		api_put_conf_ts(o, "local-ts", c->local_ts, c->n_local_ts);
		api_put_conf_ts(o, "remote-ts", c->remote_ts, c->n_remote_ts);
	} else {
		api_put_ts(o, "local-ts", p->local_ts, p->n_local_ts);
		api_put_ts(o, "remote-ts", p->remote_ts, p->n_remote_ts);
	}
}

static bool step_policies(struct api_call *call)
{
	uint32_t cursor = (uint32_t)call->cursor;
	struct arena a;
	arena_init(&a, VIEW_BYTES);
	const struct ike_policy_view *p = ike_policy_next(call->s->env.engine, &cursor, &a);
	call->cursor = cursor;
	if (p && policy_passes(call, p)) {
		char name[VICI_NAME_MAX + 1];
		struct vici_out o;
		snprintf(name, sizeof name, "%.120s/%.120s", p->conn, p->child);
		api_event_start(&o, API_E_LIST_POLICY);
		vici_section(&o, name);
		vici_kv_str(&o, "child", p->child);
		vici_kv_str(&o, "ike", p->conn);
		vici_kv_str(&o, "mode", api_mode_name(p->mode));
		put_policy_ts(&o, call, p);
		vici_section_end(&o);
		api_event_to(call, &o, API_E_LIST_POLICY);
	}
	arena_fini(&a);
	return p != NULL;
}

void api_do_list_policies(struct api_call *call)
{
	api_stream(call, step_policies);
}

static void put_counts(struct vici_out *o, const char *name, const uint64_t v[IKE_COUNT_END])
{
	vici_section(o, name);
	for (int i = 0; i < IKE_COUNT_END; i++)
		vici_kv_u64(o, ike_count_name((enum ike_count)i), v[i]);
	vici_section_end(o);
}

void api_do_get_counters(struct api_call *call)
{
	const struct ike_engine *e = call->s->env.engine;
	char buf[256];
	const char *name = api_arg(call, "name", buf, sizeof buf);
	bool all = api_arg_bool(call, "all", false);
	uint64_t v[IKE_COUNT_END];
	err_t err = all ? 0 : ike_counts(e, name, v);
	if (err) {
		api_failf(call, err, "no counters found for this connection: '%s'", name ? name : "");
		return;
	}
	struct vici_out o;
	api_response(&o);
	vici_section(&o, "counters");
	if (!all)
		put_counts(&o, name ? name : "", v);
	uint32_t cursor = 0;
	for (const char *c; all && (c = ike_counts_next(e, &cursor));)
		if (!ike_counts(e, c, v))
			put_counts(&o, c, v);
	vici_section_end(&o);
	vici_kv_str(&o, "success", "yes");
	api_reply(call, &o);
}

void api_do_reset_counters(struct api_call *call)
{
	struct ike_engine *e = call->s->env.engine;
	char buf[256];
	const char *name = api_arg(call, "name", buf, sizeof buf);
	uint32_t cursor = 0;
	/* A connection without counters has nothing to set to 0: done. */
	if (api_arg_bool(call, "all", false))
		for (const char *c; (c = ike_counts_next(e, &cursor));)
			ike_counts_reset(e, c);
	else
		ike_counts_reset(e, name);
	api_ok(call);
}
