/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the daemon as JSON in the types of the schema, errors, small texts. */
#include "tools/adit/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum cli_exit cli_fail(enum cli_exit code, const char *fmt, ...)
{
	va_list ap;
	fflush(stdout);
	fputs("adit: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

enum cli_exit cli_done(const struct cli *c, enum adit_api_status st)
{
	if (st == ADIT_API_OK)
		return CLI_OK;
	return cli_fail(st == ADIT_API_FAILED || st == ADIT_API_UNKNOWN || st == ADIT_API_MISUSE ? CLI_FAILED : CLI_CONNECT, "%s",
			adit_api_error(c->api));
}

void cli_diag(const struct diag *why)
{
	fflush(stdout);
	for (; why; why = why->next) {
		char text[2048];
		fprintf(stderr, "%s\n", diag_text(why, why->code, text, sizeof text));
	}
}

/* Bytes that are no UTF-8 cannot stand in JSON: shown escaped. */
static json_t *json_text(const char *s, size_t n)
{
	json_t *j = json_stringn(s, n);
	if (j)
		return j;
	char *out = malloc(4 * n + 1), *p = out;
	for (size_t i = 0; out && i < n; i++)
		p += s[i] >= ' ' && s[i] < 127 ? sprintf(p, "%c", s[i]) : sprintf(p, "\\x%02x", (unsigned char)s[i]);
	j = out ? json_string(out) : NULL;
	free(out);
	return j;
}

static json_t *json_value(const struct adit_node *n, const struct api_field *f)
{
	int64_t v;
	bool b;
	slice s = slice_of(n->value, n->n);
	if (f && (f->type == API_UINT || f->type == API_INT) && api_int(s, &v))
		return json_integer(v);
	if (f && f->type == API_BOOL && api_bool(s, &b))
		return json_boolean(b);
	return json_text(n->value, n->n);
}

static json_t *json_items(const struct adit_node *n)
{
	json_t *a = json_array();
	for (const struct adit_node *i = n->first; i; i = i->next)
		json_array_append_new(a, json_text(i->value, i->n));
	return a;
}

/* The name of the section goes first, unless it has a field of this name. */
static json_t *json_named(const struct adit_node *n, const struct api_field *fields, size_t n_fields)
{
	json_t *o = json_object(), *rest = cli_json(n, fields, n_fields);
	if (!json_object_get(rest, "name"))
		json_object_set_new(o, "name", json_text(n->name, strlen(n->name)));
	json_object_update(o, rest);
	json_decref(rest);
	return o;
}

json_t *cli_json(const struct adit_node *n, const struct api_field *fields, size_t n_fields)
{
	json_t *o = json_object();
	for (const struct adit_node *c = n->first; c; c = c->next) {
		const struct api_field *f = api_field_find(fields, n_fields, slice_str(c->name));
		json_t *v;
		if (c->kind == ADIT_NODE_VALUE) {
			v = json_value(c, f);
		} else if (c->kind == ADIT_NODE_LIST) {
			v = json_items(c);
		} else if (f && f->type == API_MAP) {
			v = json_array();
			for (const struct adit_node *s = c->first; s; s = s->next)
				json_array_append_new(v, json_named(s, f->fields, f->n_fields));
		} else {
			v = cli_json(c, f ? f->fields : NULL, f ? f->n_fields : 0);
		}
		json_object_set_new(o, c->name, v);
	}
	return o;
}

void cli_json_named(json_t *array, const struct adit_node *body, const struct api_event *e)
{
	for (const struct adit_node *c = body->first; c; c = c->next) {
		const struct api_field *f = api_field_find(e->fields, e->n_fields, slice_str(c->name));
		if (c->kind == ADIT_NODE_SECTION)
			json_array_append_new(array, json_named(c, f ? f->fields : NULL, f ? f->n_fields : 0));
	}
}

enum cli_exit cli_print_json(json_t *j)
{
	int bad = json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
	json_decref(j);
	return bad ? cli_fail(CLI_FAILED, "cannot write JSON") : CLI_OK;
}

const struct api_event *cli_event(const char *name)
{
	int i = api_event_find(slice_str(name));
	return i < 0 ? NULL : &api_events[i];
}

const struct api_method *cli_method(const char *name)
{
	int i = api_method_find(slice_str(name));
	return i < 0 ? NULL : &api_methods[i];
}

const char *cli_text(const struct adit_node *n, const char *path)
{
	const char *t = adit_node_text(n, path);
	return t ? t : "";
}

const char *cli_items(const struct adit_node *n, const char *path, char *buf, size_t cap)
{
	const struct adit_node *list = adit_node_at(n, path);
	size_t at = 0;
	buf[0] = 0;
	for (const struct adit_node *i = list ? list->first : NULL; i && at < cap; i = i->next) {
		int k = snprintf(buf + at, cap - at, "%s%s", at ? " " : "", i->value);
		at += k > 0 ? (size_t)k : 0;
	}
	return buf;
}
