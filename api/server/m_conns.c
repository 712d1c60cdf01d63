/* SPDX-License-Identifier: Apache-2.0 */
/* Methods for connections: load, unload, list. A message becomes a tree and walks through the schema as a file does. */
#include "api/server/internal.h"

#include "api/server/conn_view.h"
#include "config/store.h"
#include "config/trans.h"

static err_t load(const struct api_call *call, struct conf_node *root, const char **name, char *warning, size_t cap, struct diag **why)
{
	err_t err = api_tree_of(call->body, root, why);
	if (err)
		return err;
	if (conf_node_count(root) != 1 || root->first->kind != CONF_SECTION)
		return diag_set(why, E_BAD_VALUE, "load-conn takes one section, the connection");
	*name = root->first->name;
	struct conf_conn *conn = NULL;
	enum conf_change change;
	if (call->s->env.hub && (err = conf_hub_may_change(call->s->env.hub, why)))
		return err;
	err = conf_conn_from(root->first, call->s->env.can, &conn, why);
	if (!err)
		err = conf_store_load(call->s->env.store, &conn, &change);
	if (err)
		return err;
	LOGF(call->s->env.log, LOG_CONFIG, LOG_CONTROL, NULL, "%s connection '%s'", change == CONF_SAME ? "unchanged:" :
	     change == CONF_ADDED ? "added" : "changed", *name);
	if (change != CONF_SAME)
		call->s->env.conf_changed(call->s->env.arg, *name);
	const struct conf_conn *now = conf_store_find(call->s->env.store, *name);
	if (now && conf_psk_weak(now, conf_store_secrets(call->s->env.store), NULL, warning, cap))
		LOGF(call->s->env.log, LOG_CONFIG, LOG_CONTROL, &(struct log_ctx){ .code = E_WEAK_SECRET }, "%s", warning);
	if (now)
		conf_log_remarks(call->s->env.log, now);
	if (now && now->remarks && !*warning)
		diag_text(now->remarks, now->remarks->code, warning, cap);
	return 0;
}

void api_do_load_conn(struct api_call *call)
{
	struct diag *why = NULL;
	const char *name = NULL;
	struct conf_node *root = conf_node_section(NULL, "");
	char warning[500] = "";
	err_t err = root ? load(call, root, &name, warning, sizeof warning, &why) : E_NOMEM;
	if (err) {
		LOGF(call->s->env.log, LOG_CONFIG, LOG_CONTROL, NULL, "connection '%s' refused: %s", name ? name : "",
		     why && why->text ? why->text : err_text(err));
		api_fail(call, err, why);
	} else {
		api_ok_warning(call, warning);
	}
	conf_node_free(&root);
}

void api_do_unload_conn(struct api_call *call)
{
	char name[VICI_NAME_MAX + 1];
	struct diag *why = NULL;
	err_t err = call->s->env.hub ? conf_hub_may_change(call->s->env.hub, &why) : 0;
	if (err) {
		api_fail(call, err, why);
		return;
	}
	if (!api_arg(call, "name", name, sizeof name) || conf_store_unload(call->s->env.store, name)) {
		api_failf(call, E_NOT_FOUND, "unload: connection '%s' not found", name);
		return;
	}
	LOGF(call->s->env.log, LOG_CONFIG, LOG_CONTROL, NULL, "removed connection '%s'", name);
	call->s->env.conf_changed(call->s->env.arg, name);
	api_ok(call);
}

void api_do_get_conns(struct api_call *call)
{
	struct vici_out o;
	uint64_t cursor = 0;
	api_response(&o);
	vici_list(&o, "conns");
	for (const struct conf_conn *c; (c = conf_store_next(call->s->env.store, &cursor));)
		vici_item_str(&o, c->name);
	vici_list_end(&o);
	api_reply(call, &o);
}

static bool step_conns(struct api_call *call)
{
	char buf[256];
	const char *only = api_arg(call, "ike", buf, sizeof buf);
	const struct conf_conn *c = conf_store_next(call->s->env.store, &call->cursor);
	if (c && (!only || !strcmp(only, c->name))) {
		struct vici_out o;
		api_event_start(&o, API_E_LIST_CONN);
		api_put_conn(&o, &call->s->env, c);
		api_event_to(call, &o, API_E_LIST_CONN);
	}
	return c != NULL;
}

void api_do_list_conns(struct api_call *call)
{
	api_stream(call, step_conns);
}
