/* SPDX-License-Identifier: Apache-2.0 */
/* Methods that change the configuration: transactions of config/trans.h over the wire. Looking: m_config_look.c. */
#include "api/server/internal.h"

#include "config/parse.h"
#include "config/trans.h"

#include <stdlib.h>

/* A text over the API: no includes, and no more than a message holds. */
static const struct conf_limits text_limits = { .max_bytes = VICI_PACKET_MAX, .max_nodes = 1000000, .max_depth = 16,
	.max_includes = 0, .max_errors = 50 };

static struct conf_hub *hub_of(struct api_call *call)
{
	if (!call->s->env.hub)
		api_failf(call, E_NOT_SUPPORTED, "this daemon has no transactions");
	return call->s->env.hub;
}

/* The transaction the call names; NULL: that it is gone was said. */
static struct conf_trans *trans_of(struct api_call *call)
{
	uint64_t id = api_arg_u64(call, "transaction", 0);
	struct conf_hub *h = hub_of(call);
	struct conf_trans *t = h ? conf_trans_find(h, id) : NULL;

	if (h && !t)
		api_failf(call, E_NOT_FOUND, "there is no transaction %llu: it was committed, aborted, or not used for %d minutes",
			  (unsigned long long)id, TRANS_IDLE_MS / 60000);
	return t;
}

static const char *who(const struct api_call *call, char *buf, size_t cap)
{
	char by[API_TEXT_MAX + 1];
	struct text t = text_of(buf, cap);

	text_fmt(&t, "uid %u", (unsigned)call->client->uid);
	if (call->client->name[0])
		text_fmt(&t, ", %s", call->client->name);
	if (api_arg(call, "by", by, sizeof by)) {
		text_str(&t, ", for ");
		text_peer(&t, slice_str(by));
	}
	return buf;
}

void api_do_config_begin(struct api_call *call)
{
	uint64_t revision = api_arg_u64(call, "revision", 0);
	struct conf_hub *h = hub_of(call);
	struct conf_trans *t;
	struct diag *why = NULL;
	struct vici_out o;
	char by[256];

	if (!h)
		return;
	err_t err = conf_trans_begin(h, who(call, by, sizeof by), &t, &why);
	if (!err && revision)
		err = conf_trans_revision(t, revision, &why);
	if (err) {
		conf_trans_abort(&t);
		api_fail(call, err, why);
		return;
	}
	api_response(&o);
	vici_kv_str(&o, "success", "yes");
	vici_kv_u64(&o, "transaction", conf_trans_id(t));
	vici_kv_u64(&o, "revision", conf_hub_revision(h, NULL));
	api_reply(call, &o);
}

/* ---- load ---------------------------------------------------------------------------------------------------------- */

static err_t text_of_call(const struct api_call *call, char **out, size_t *n)
{
	size_t cursor = 0;
	slice v;

	*n = 0;
	*out = malloc(call->body.n + 1);
	if (!*out)
		return E_NOMEM;
	while (vici_find_item(call->body, "text", &cursor, &v)) {
		if (v.n)
			memcpy(*out + *n, v.p, v.n);
		*n += v.n;
	}
	return 0;
}

static err_t tree_of_call(const struct api_call *call, struct conf_node **out, struct diag **why)
{
	char name[256], *text;
	size_t n;
	err_t err = text_of_call(call, &text, &n);

	*out = NULL;
	if (!err && n) {
		err = conf_parse_text(slice_of(text, n), api_arg(call, "name", name, sizeof name) ? name : "text",
				      &text_limits, out, why);
	} else if (!err) {
		/* All of the call as a tree: its `config` is ours. */
		struct conf_node *all = conf_node_section(NULL, ""), *config = NULL;
		err = all ? api_tree_of(call->body, all, why) : E_NOMEM;
		config = err ? NULL : conf_node_child(all, "config");
		if (!err && (!config || config->kind != CONF_SECTION))
			err = diag_set(why, E_BAD_VALUE, "'config-load' needs the argument 'text' or 'config'");
		*out = err ? NULL : conf_node_copy(config);
		err = !err && !*out ? E_NOMEM : err;
		conf_node_free(&all);
	}
	if (text)
		explicit_bzero(text, n);
	free(text);
	return err;
}

void api_do_config_load(struct api_call *call)
{
	static const char *const modes[] = { [CONF_LOAD_MERGE] = "merge", [CONF_LOAD_SECTIONS] = "sections",
					     [CONF_LOAD_ALL] = "all" };
	struct conf_trans *t = trans_of(call);
	enum conf_load how = CONF_LOAD_MERGE;
	struct conf_node *root = NULL;
	struct diag *why = NULL;
	struct vici_out o;
	char mode[32];

	if (!t)
		return;
	if (api_arg(call, "mode", mode, sizeof mode))
		for (unsigned i = 0; i < ARRAY_LEN(modes); i++)
			how = strcmp(mode, modes[i]) ? how : (enum conf_load)i;
	err_t err = tree_of_call(call, &root, &why);
	if (err) {
		api_fail_findings(call, err, why);
		return;
	}
	err = conf_trans_load(t, root, how, &why);
	conf_node_free(&root);
	if (err == E_NOMEM) {
		api_fail(call, err, why);
		return;
	}
	/* What is wrong with single objects keeps the commit from being done, not the load. */
	api_response(&o);
	vici_kv_str(&o, "success", "yes");
	if (why)
		api_put_findings(&o, why);
	api_reply(call, &o);
	diag_free(&why);
}

static void set(struct api_call *call, bool with_value)
{
	struct conf_trans *t = trans_of(call);
	char path[2048], *value = NULL;
	struct diag *why = NULL;
	slice v = SLICE_NONE;
	err_t err = 0;

	if (!t)
		return;
	if (!api_arg(call, "path", path, sizeof path))
		err = diag_set(&why, E_BAD_VALUE, "'%s' needs a path that is not empty", call->m->name);
	if (!err && with_value && vici_find(call->body, "value", &v) && v.n && memchr(v.p, 0, v.n))
		err = diag_set(&why, E_BAD_VALUE, "the value holds a zero byte");
	if (!err && with_value && !(value = strndup(v.n ? (const char *)v.p : "", v.n)))
		err = E_NOMEM;
	if (!err)
		err = conf_trans_set(t, path, value, &why);
	if (value)
		explicit_bzero(value, strlen(value));
	free(value);
	if (err)
		api_fail(call, err, why);
	else
		api_ok(call);
}

void api_do_config_set(struct api_call *call)
{
	set(call, true);
}

void api_do_config_delete(struct api_call *call)
{
	set(call, false);
}

static void warned(struct api_call *call, const struct conf_trans *t)
{
	struct diag *why = NULL;
	struct vici_out o;

	conf_trans_warnings(t, &why);
	api_response(&o);
	vici_kv_str(&o, "success", "yes");
	if (why)
		api_put_warnings(&o, why);
	api_reply(call, &o);
	diag_free(&why);
}

void api_do_config_check(struct api_call *call)
{
	struct conf_trans *t = trans_of(call);
	struct diag *why = NULL;
	err_t err = t ? conf_trans_check(t, &why) : 0;

	if (t && err)
		api_fail_findings(call, err, why);
	else if (t)
		warned(call, t);
}

void api_do_config_abort(struct api_call *call)
{
	struct conf_trans *t = trans_of(call);

	if (!t)
		return;
	conf_trans_abort(&t);
	api_ok(call);
}

/* ---- commit and back ------------------------------------------------------------------------------------------------ */

static struct conf_commit how_of(const struct api_call *call, char comment[256])
{
	return (struct conf_commit){ .comment = api_arg(call, "comment", comment, 256),
				     .confirm_s = (uint32_t)api_arg_u64(call, "confirm", 0),
				     .no_effects = !api_arg_bool(call, "effects", true) };
}

static void committed(struct api_call *call, const struct conf_committed *c, const struct diag *warnings)
{
	struct vici_out o;

	api_response(&o);
	vici_kv_str(&o, "success", "yes");
	if (c->revision) {
		vici_kv_u64(&o, "revision", c->revision);
		vici_kv_u64(&o, "added", c->added);
		vici_kv_u64(&o, "changed", c->changed);
		vici_kv_u64(&o, "removed", c->removed);
	}
	if (warnings)
		api_put_warnings(&o, warnings);
	api_reply(call, &o);
}

void api_do_config_commit(struct api_call *call)
{
	struct conf_trans *t = trans_of(call);
	struct conf_committed done;
	struct diag *why = NULL, *warnings = NULL;
	char comment[256];

	if (!t)
		return;
	struct conf_commit how = how_of(call, comment);
	conf_trans_warnings(t, &warnings);
	err_t err = conf_trans_commit(&t, &how, &done, &why);
	for (const struct diag *w = err ? NULL : warnings; w; w = w->next)
		LOGF(call->s->env.log, LOG_CONFIG, LOG_CONTROL, &(struct log_ctx){ .code = w->code }, "%s", w->text);
	if (err)
		api_fail_findings(call, err, why);
	else
		committed(call, &done, warnings);
	diag_free(&warnings);
}

void api_do_config_confirm(struct api_call *call)
{
	struct conf_hub *h = hub_of(call);
	struct diag *why = NULL;
	err_t err = h ? conf_hub_confirm(h, &why) : 0;

	if (h && err)
		api_fail(call, err, why);
	else if (h)
		api_ok(call);
}

/* The revision that many before the newest; 0: there is none. */
static uint64_t back_of(struct conf_hub *h, uint64_t back)
{
	const struct conf_history *y = conf_hub_history(h);

	return back < y->n ? y->revs[y->n - 1 - back].number : 0;
}

void api_do_config_rollback(struct api_call *call)
{
	struct conf_hub *h = hub_of(call);
	uint64_t number = api_arg_u64(call, "revision", 0), back = api_arg_u64(call, "back", UINT64_MAX);
	struct conf_committed done;
	struct diag *why = NULL;
	char comment[256], by[256];
	err_t err = 0;

	if (!h)
		return;
	if (!number && back != UINT64_MAX && !(number = back_of(h, back)))
		err = diag_set(&why, E_NOT_FOUND, "the history does not go back %llu revisions", (unsigned long long)back);
	struct conf_commit how = how_of(call, comment);
	if (!err)
		err = conf_hub_rollback(h, number, who(call, by, sizeof by), &how, &done, &why);
	if (err)
		api_fail_findings(call, err, why);
	else
		committed(call, &done, NULL);
}
