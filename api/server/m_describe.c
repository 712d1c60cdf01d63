/* SPDX-License-Identifier: Apache-2.0 */
/* The schema as an answer. */
#include "api/server/internal.h"

#include <inttypes.h>

static void put_words(struct vici_out *o, const char *list, const char *words)
{
	vici_list(o, list);
	for (const char *p = words; p && *p;) {
		size_t n = strcspn(p, ",");
		vici_item(o, slice_of(p, n));
		p += n + (p[n] == ',');
	}
	vici_list_end(o);
}

static void put_fields(struct vici_out *o, const char *section, const struct api_field *f, size_t n)
{
	vici_section(o, section);
	for (size_t i = 0; i < n; i++, f++) {
		vici_section(o, f->name);
		vici_kv_str(o, "type", api_type_name(f->type));
		vici_kv_str(o, "doc", f->doc);
		if (f->unit)
			vici_kv_str(o, "unit", f->unit);
		if (f->ranged) {
			vici_kv_fmt(o, "min", "%" PRId64, f->min);
			vici_kv_fmt(o, "max", "%" PRId64, f->max);
		}
		if (f->required)
			vici_kv_str(o, "required", "yes");
		if (f->secret)
			vici_kv_str(o, "secret", "yes");
		if (f->values)
			put_words(o, "values", f->values);
		if (f->n_fields)
			put_fields(o, "fields", f->fields, f->n_fields);
		vici_section_end(o);
	}
	vici_section_end(o);
}

static void put_method(struct vici_out *o, const struct api_method *m)
{
	vici_section(o, m->name);
	vici_kv_str(o, "doc", m->doc);
	vici_kv_str(o, "group", m->group);
	vici_kv_str(o, "since", m->since);
	vici_kv_str(o, "status", m->status);
	vici_kv_str(o, "permission", api_perm_name(m->perm));
	if (m->stream)
		vici_kv_str(o, "stream", m->stream);
	put_fields(o, "args", m->args, m->n_args);
	put_fields(o, "result", m->result, m->n_result);
	put_words(o, "errors", m->errors);
	vici_section_end(o);
}

static void put_event(struct vici_out *o, const struct api_event *e)
{
	vici_section(o, e->name);
	vici_kv_str(o, "doc", e->doc);
	vici_kv_str(o, "since", e->since);
	vici_kv_str(o, "status", e->status);
	vici_kv_str(o, "permission", api_perm_name(e->perm));
	put_fields(o, "fields", e->fields, e->n_fields);
	vici_section_end(o);
}

static void put_errors(struct vici_out *o)
{
	static const struct {
		const char *name, *class_name, *text;
	} rows[] = {
#define row(cls, name, num, notify, text) { #name, #cls, text },
		ERR_ROWS(row)
#undef row
	};
	vici_section(o, "errors");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		vici_section(o, rows[i].name);
		vici_kv_str(o, "class", rows[i].class_name);
		vici_kv_str(o, "doc", rows[i].text);
		vici_section_end(o);
	}
	vici_section_end(o);
}

void api_do_describe(struct api_call *call)
{
	char method[64], event[64];
	bool one_method = api_arg(call, "method", method, sizeof method) != NULL;
	bool one_event = api_arg(call, "event", event, sizeof event) != NULL;
	int m = one_method ? api_method_find(slice_str(method)) : 0;
	int e = one_event ? api_event_find(slice_str(event)) : 0;
	if (m < 0 || e < 0) {
		const char *near = m < 0 ? api_method_near(slice_str(method)) : NULL;
		api_failf(call, E_NOT_FOUND, "there is no %s '%s'%s%s%s", m < 0 ? "method" : "event", m < 0 ? method : event,
			  near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
		return;
	}
	struct vici_out o;
	api_response(&o);
	if (one_method || !one_event) {
		vici_section(&o, "methods");
		for (size_t i = one_method ? (size_t)m : 0; i < (one_method ? (size_t)m + 1 : api_n_methods); i++)
			put_method(&o, &api_methods[i]);
		vici_section_end(&o);
	}
	if (one_event || !one_method) {
		vici_section(&o, "events");
		for (size_t i = one_event ? (size_t)e : 0; i < (one_event ? (size_t)e + 1 : api_n_events); i++)
			put_event(&o, &api_events[i]);
		vici_section_end(&o);
	}
	if (!one_method && !one_event)
		put_errors(&o);
	vici_kv_str(&o, "success", "yes");
	api_reply(call, &o);
}
