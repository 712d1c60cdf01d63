/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the daemon as JSON. */
#include "api/json/json.h"

#include <stdio.h>
#include <stdlib.h>

json_t *api_json_text(const char *s, size_t n)
{
	json_t *j = memchr(s, 0, n) ? NULL : json_stringn(s, n);
	if (j)
		return j;
	char *out = malloc(4 * n + 1), *p = out;
	for (size_t i = 0; out && i < n; i++)
		p += s[i] >= ' ' && s[i] < 127 ? sprintf(p, "%c", s[i]) : sprintf(p, "\\x%02x", (unsigned char)s[i]);
	j = out ? json_stringn(out, (size_t)(p - out)) : NULL;
	free(out);
	return j;
}

static bool is_text(slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > 126)
			return false;
	return true;
}

static json_t *hex(slice s)
{
	static const char digits[] = "0123456789abcdef";
	char *out = malloc(2 * s.n + 1);
	for (size_t i = 0; out && i < s.n; i++) {
		out[2 * i] = digits[s.p[i] >> 4];
		out[2 * i + 1] = digits[s.p[i] & 15];
	}
	json_t *j = out ? json_stringn(out, 2 * s.n) : NULL;
	free(out);
	return j;
}

static json_t *value(const struct adit_node *n, const struct api_field *f)
{
	int64_t v;
	bool b;
	slice s = slice_of(n->value, n->n);
	if (f && (f->type == API_UINT || f->type == API_INT) && api_int(s, &v))
		return json_integer(v);
	/* Bytes as they are: DER of a certificate. What is hexadecimal already is text. */
	if (f && f->type == API_HEX && !is_text(s))
		return hex(s);
	if (f && f->type == API_BOOL && api_bool(s, &b))
		return json_boolean(b);
	return api_json_text(n->value, n->n);
}

static json_t *items(const struct adit_node *n)
{
	json_t *a = json_array();
	for (const struct adit_node *i = n->first; i; i = i->next)
		json_array_append_new(a, api_json_text(i->value, i->n));
	return a;
}

json_t *api_json_named(const struct adit_node *n, const struct api_field *fields, size_t n_fields)
{
	json_t *o = json_object(), *rest = api_json(n, fields, n_fields);
	if (!json_object_get(rest, "name"))
		json_object_set_new(o, "name", api_json_text(n->name, strlen(n->name)));
	json_object_update(o, rest);
	json_decref(rest);
	return o;
}

/* Names of sections and keys may come from a peer or a file in any encoding; members of an object are UTF-8. */
static void set(json_t *o, const char *name, json_t *v)
{
	if (json_object_set(o, name, v)) {
		json_t *safe = api_json_text(name, strlen(name));
		if (safe)
			json_object_set(o, json_string_value(safe), v);
		json_decref(safe);
	}
	json_decref(v);
}

json_t *api_json(const struct adit_node *n, const struct api_field *fields, size_t n_fields)
{
	json_t *o = json_object();
	for (const struct adit_node *c = n->first; c; c = c->next) {
		const struct api_field *f = api_field_find(fields, n_fields, slice_str(c->name));
		json_t *v;
		if (c->kind == ADIT_NODE_VALUE) {
			v = value(c, f);
		} else if (c->kind == ADIT_NODE_LIST) {
			v = items(c);
		} else if (f && f->type == API_MAP) {
			v = json_array();
			for (const struct adit_node *s = c->first; s; s = s->next)
				json_array_append_new(v, api_json_named(s, f->fields, f->n_fields));
		} else {
			v = api_json(c, f ? f->fields : NULL, f ? f->n_fields : 0);
		}
		set(o, c->name, v);
	}
	return o;
}
