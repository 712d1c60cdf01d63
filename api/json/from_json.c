/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as arguments of a call. */
#include "api/json/json.h"

#include "base/text.h"
#include "config/tree.h"

#include <stdio.h>

/* Bounds of the wire (api/vici/vici.h). */
enum { NAME_MAX_BYTES = 255, VALUE_MAX_BYTES = 65535, PATH_BYTES = 512 };

struct walk {
	struct adit_msg *out;
	struct diag **why;
	struct text path;
	int depth;
};

static const char *const type_names[] = { [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a text",
	[JSON_INTEGER] = "a number", [JSON_REAL] = "a number with a fraction", [JSON_TRUE] = "true", [JSON_FALSE] = "false",
	[JSON_NULL] = "null" };

static err_t wrong(struct walk *w, const json_t *v, const char *expected)
{
	return diag_set(w->why, E_BAD_VALUE, "'%s': expected %s, not %s", w->path.p, expected, type_names[json_typeof(v)]);
}

static void put(struct walk *w, const char *key, bool item, const char *p, size_t n)
{
	if (item)
		adit_msg_item(w->out, p, n);
	else
		adit_msg_bytes(w->out, key, p, n);
}

/* Whatever the schema says of the field; NULL: it says nothing. */
static const char *scalar_expected(const struct api_field *f, const json_t *v)
{
	switch (f ? f->type : API_ANY) {
	case API_BOOL:
		return json_is_boolean(v) ? NULL : "true or false";
	case API_UINT:
		return json_is_integer(v) && json_integer_value(v) >= 0 ? NULL : "a number of zero or more";
	case API_INT:
		return json_is_integer(v) ? NULL : "a number";
	case API_TEXT:
	case API_HEX:
	case API_BYTES:
	case API_ENUM:
		return json_is_string(v) ? NULL : "a text";
	case API_LIST:
		return json_is_string(v) ? NULL : "an array of texts";
	case API_SECTION:
	case API_MAP:
		return "an object";
	default:
		return NULL;
	}
}

static err_t scalar(struct walk *w, const char *key, bool item, const json_t *v, const struct api_field *f)
{
	char buf[64];
	const char *expected = json_is_null(v) ? "a value (leave out what is not set)" : scalar_expected(f, v);
	if (expected)
		return wrong(w, v, expected);
	if (json_is_string(v)) {
		if (json_string_length(v) > VALUE_MAX_BYTES)
			return diag_set(w->why, E_LIMIT, "'%s': a text may have %d bytes", w->path.p, VALUE_MAX_BYTES);
		put(w, key, item, json_string_value(v), json_string_length(v));
		return 0;
	}
	if (json_is_boolean(v))
		snprintf(buf, sizeof buf, "%s", json_is_true(v) ? "yes" : "no");
	else if (json_is_integer(v))
		snprintf(buf, sizeof buf, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else
		snprintf(buf, sizeof buf, "%.12g", json_real_value(v));
	put(w, key, item, buf, strlen(buf));
	return 0;
}

static err_t object(struct walk *w, const json_t *o, const struct api_field *fields, size_t n_fields);

static err_t list(struct walk *w, const char *key, const json_t *a, const struct api_field *f)
{
	size_t i;
	json_t *v;
	static const struct api_field text = { .name = "*", .type = API_TEXT };
	if (f && f->type != API_LIST && f->type != API_ANY)
		return wrong(w, a, f->type == API_SECTION || f->type == API_MAP ? "an object" : "a single value");
	adit_msg_list(w->out, key);
	json_array_foreach(a, i, v) {
		if (json_is_object(v) || json_is_array(v))
			return wrong(w, v, "an array of texts and numbers alone");
		err_t err = scalar(w, NULL, true, v, f && f->type == API_LIST ? &text : NULL);
		if (err)
			return err;
	}
	adit_msg_list_end(w->out);
	return 0;
}

static err_t section(struct walk *w, const char *key, const json_t *o, const struct api_field *f)
{
	err_t err;
	if (f && f->type != API_SECTION && f->type != API_MAP && f->type != API_ANY)
		return wrong(w, o, f->type == API_LIST ? "an array of texts" : "a single value");
	if (w->depth == API_JSON_DEPTH)
		return diag_set(w->why, E_LIMIT, "'%s': objects may be nested %d deep", w->path.p, API_JSON_DEPTH);
	w->depth++;
	adit_msg_section(w->out, key);
	if (f && f->type == API_MAP) {
		struct api_field any = *f;
		any.name = "*";
		any.type = API_SECTION;
		err = object(w, o, &any, 1);
	} else {
		err = object(w, o, f && f->fields ? f->fields : NULL, f ? f->n_fields : 0);
	}
	adit_msg_section_end(w->out);
	w->depth--;
	return err;
}

static err_t unknown(struct walk *w, const char *key, const struct api_field *fields, size_t n_fields)
{
	struct conf_near near = conf_near_of(key);
	TEXT_ON_STACK(name, 300);
	text_peer(&name, slice_str(key));
	for (size_t i = 0; i < n_fields; i++)
		conf_near_try(&near, fields[i].name);
	if (near.best)
		return diag_set(w->why, E_UNKNOWN_KEY, "unknown member '%s': did you mean '%s'?", name.p, near.best);
	return diag_set(w->why, E_UNKNOWN_KEY, "unknown member '%s'", name.p);
}

static err_t object(struct walk *w, const json_t *o, const struct api_field *fields, size_t n_fields)
{
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)o, key, v) {
		const struct api_field *f = fields ? api_field_find(fields, n_fields, slice_str(key)) : NULL;
		size_t n = w->path.n;
		err_t err;
		if (!*key || strlen(key) > NAME_MAX_BYTES)
			return diag_set(w->why, E_BAD_VALUE, "'%s': the name of a member has 1 to %d bytes", w->path.p, NAME_MAX_BYTES);
		if (fields && !f)
			return unknown(w, key, fields, n_fields);
		text_str(&w->path, n ? "." : "");
		text_peer(&w->path, slice_str(key));
		if (json_is_object(v))
			err = section(w, key, v, f);
		else if (json_is_array(v))
			err = list(w, key, v, f);
		else
			err = scalar(w, key, false, v, f);
		if (err)
			return err;
		w->path.n = n;
		w->path.p[n] = 0;
	}
	return 0;
}

err_t api_json_args(const json_t *o, const struct api_field *fields, size_t n_fields, struct adit_msg *out, struct diag **why)
{
	char buf[PATH_BYTES];
	struct walk w = { .out = out, .why = why, .path = text_of(buf, sizeof buf) };
	if (!json_is_object(o))
		return diag_set(why, E_BAD_VALUE, "expected an object, not %s", type_names[json_typeof(o)]);
	return object(&w, o, fields, n_fields);
}
