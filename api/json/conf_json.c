/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json/conf_json.h"

#include "api/json/json.h"
#include "config/value.h"

#include <stdio.h>
#include <string.h>

static bool is_list(const struct conf_key *k)
{
	switch (k ? k->type : CONF_T_ANY) {
	case CONF_T_STRINGS:
	case CONF_T_ADDRS:
	case CONF_T_TS:
	case CONF_T_IKE_PROPS:
	case CONF_T_ESP_PROPS:
	case CONF_T_AH_PROPS:
		return true;
	default:
		return false;
	}
}

static json_t *items(const struct conf_node *n)
{
	struct conf_items it = { 0 };
	json_t *a = json_array();

	while (conf_items_next(n, &it))
		json_array_append_new(a, api_json_text((const char *)it.text.p, it.text.n));
	return a;
}

static json_t *value(const struct conf_node *n, const struct conf_key *k)
{
	slice text = slice_of(n->text ? n->text : "", n->len);
	int64_t num;
	bool b;

	if (n->kind == CONF_LIST || (is_list(k) && n->len))
		return items(n);
	if (k && k->type == CONF_T_BOOL && !conf_value_bool(text, &b))
		return json_boolean(b);
	/* Words and units stay what was written: only a plain number is one. */
	if (k && k->type != CONF_T_ENUM && k->type != CONF_T_STRING && k->type != CONF_T_SECRET && k->type != CONF_T_ID &&
	    k->type != CONF_T_DSCP && n->len && n->len < 19 && (text.p[0] != '0' || n->len == 1) &&
	    strspn(n->text, "0123456789") == n->len && !conf_value_int(text, &num))
		return json_integer(num);
	return api_json_text((const char *)text.p, text.n);
}

static json_t *section(const struct conf_node *sec, const struct conf_schema *s, bool any_names)
{
	json_t *o = json_object();

	for (const struct conf_node *n = sec->first; o && n; n = n->next) {
		const struct conf_key *k = s && !any_names ? conf_schema_key(s, n->name) : NULL;
		json_object_set_new(o, n->name, n->kind == CONF_SECTION ?
			section(n, any_names ? s : k ? k->sub : NULL, k && k->type == CONF_T_SECTIONS) : value(n, k));
	}
	return o;
}

json_t *conf_json(const struct conf_node *sec, const struct conf_schema *s)
{
	return section(sec, s, false);
}

/* ---- the other way ------------------------------------------------------------------------------------------------- */

static err_t wrong(const struct conf_node *at, const char *key, const char *what, struct diag **why)
{
	char path[512];

	conf_node_path(at, path, sizeof path);
	return diag_set(why, E_BAD_VALUE, "'%s%s%s' %s", path, *path ? "." : "", key, what);
}

static err_t scalar_text(const json_t *v, char *buf, size_t cap, slice *out)
{
	if (json_is_string(v))
		*out = slice_of(json_string_value(v), json_string_length(v));
	else if (json_is_integer(v))
		*out = slice_of(buf, (size_t)snprintf(buf, cap, "%" JSON_INTEGER_FORMAT, json_integer_value(v)));
	else if (json_is_real(v))
		*out = slice_of(buf, (size_t)snprintf(buf, cap, "%.6g", json_real_value(v)));
	else if (json_is_boolean(v))
		*out = json_is_true(v) ? SLICE_LIT("yes") : SLICE_LIT("no");
	else
		return E_BAD_VALUE;
	return 0;
}

static err_t list(const json_t *a, struct conf_node *into, const char *key, struct diag **why)
{
	struct conf_node *l = conf_node_list(into, key);
	char buf[64];
	slice text;
	err_t e = l ? 0 : wrong(into, key, "is longer than a name may be, or there is no memory", why);

	for (size_t i = 0; !e && i < json_array_size(a); i++) {
		if (scalar_text(json_array_get(a, i), buf, sizeof buf, &text))
			return wrong(into, key, "is a list of texts or numbers", why);
		e = conf_node_add_item(l, text);
	}
	return e;
}

err_t conf_json_tree(const json_t *object, struct conf_node *into, struct diag **why)
{
	const char *key;
	json_t *v;
	err_t e = 0;

	if (!json_is_object(object))
		return diag_set(why, E_BAD_VALUE, "an object with the sections of the configuration is expected");
	/* An iterator of jansson wants a value that may change. */
	json_object_foreach((json_t *)(uintptr_t)object, key, v) {
		char buf[64];
		slice text;
		if (json_is_null(v))
			continue;
		if (json_is_object(v)) {
			struct conf_node *sub = conf_node_section(into, key);
			e = sub ? conf_json_tree(v, sub, why) : wrong(into, key, "is nested too deep, or no name", why);
		} else if (json_is_array(v)) {
			e = list(v, into, key, why);
		} else if (scalar_text(v, buf, sizeof buf, &text) || !conf_node_set(into, key, text)) {
			e = wrong(into, key, "is no value", why);
		}
		if (e)
			return e;
	}
	return e;
}
