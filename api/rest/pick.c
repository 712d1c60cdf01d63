/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rest/pick.h"

#include <stdlib.h>

/* An SA with very many children comes in several events of the same number. */
static const char continued[] = "child-sas";

static void init(struct pick *p, const struct rest_req *q, size_t limit)
{
	int i = api_event_find(slice_str(q->m->stream));
	const struct api_field *any = i < 0 ? NULL : api_field_find(api_events[i].fields, api_events[i].n_fields, slice_str("*"));
	const struct api_field *key = any && q->route->key ? api_field_find(any->fields, any->n_fields, slice_str(q->route->key)) : NULL;
	*p = (struct pick){ .route = q->route, .event = i < 0 ? NULL : &api_events[i], .limit = limit,
			    .by_number = key && key->type == API_UINT };
	p->v = calloc(limit + 1, sizeof *p->v);
}

bool pick_page(struct pick *p, struct rest_req *q)
{
	char buf[REST_PARAM_MAX], *end;
	bool bad = false;
	unsigned long limit = REST_PAGE;
	const char *v = rest_query(q, "limit", buf, sizeof buf, &bad);
	if (v) {
		limit = strtoul(v, &end, 10);
		bad |= *v < '0' || *v > '9' || *end || !limit || limit > REST_PAGE_MAX;
	}
	if (bad) {
		rest_problemf(q, MHD_HTTP_BAD_REQUEST, E_BAD_VALUE, "'limit': a number from 1 to %d", REST_PAGE_MAX);
		return false;
	}
	init(p, q, limit);
	v = rest_query(q, "after", p->after, sizeof p->after, &bad);
	bad |= v && p->by_number && (!*v || v[strspn(v, "0123456789")]);
	for (const char *f = p->route->filters; f && *f && p->n_filters < ARRAY_LEN(p->filter);) {
		size_t n = strcspn(f, ",");
		char name[64];
		snprintf(name, sizeof name, "%.*s", (int)n, f);
		v = rest_query(q, name, p->filter[p->n_filters].value, REST_PARAM_MAX, &bad);
		/* The name stays where the table has it. */
		if (v)
			p->filter[p->n_filters++].name = f;
		f += n + (f[n] == ',');
	}
	if (bad || !p->v) {
		pick_fini(p);
		rest_problem(q, bad ? MHD_HTTP_BAD_REQUEST : 0, bad ? E_BAD_VALUE : E_NOMEM, bad ? "'after' or a filter is no value that can be there" : NULL);
		return false;
	}
	return true;
}

void pick_item(struct pick *p, struct rest_req *q)
{
	init(p, q, 1);
	if (p->route->key)
		memcpy(p->only, q->path.param[0], sizeof p->only);
}

static int compare(const struct pick *p, const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	return p->by_number && n != m ? (n < m ? -1 : 1) : strcmp(a, b);
}

static const char *text_at(const struct adit_node *item, const char *name)
{
	const struct adit_node *c = item->first;
	while (c && strcmp(c->name, name))
		c = c->next;
	return c && c->kind == ADIT_NODE_VALUE ? c->value : NULL;
}

static bool passes(const struct pick *p, const struct adit_node *item)
{
	for (size_t i = 0; i < p->n_filters; i++) {
		char name[64];
		snprintf(name, sizeof name, "%.*s", (int)strcspn(p->filter[i].name, ","), p->filter[i].name);
		const char *is = text_at(item, name);
		if (strcmp(is ? is : "", p->filter[i].value))
			return false;
	}
	return true;
}

static void join(json_t *into, json_t *from)
{
	json_array_extend(json_object_get(into, continued), json_object_get(from, continued));
	json_decref(from);
}

static void keep(struct pick *p, const char *key, json_t *item)
{
	size_t at = p->n;
	while (at && compare(p, p->v[at - 1].key, key) > 0)
		at--;
	if (at && !compare(p, p->v[at - 1].key, key)) {
		join(p->v[at - 1].item, item);
		return;
	}
	char *copy = at > p->limit ? NULL : strdup(key);
	if (!copy) {
		json_decref(item);
		return;
	}
	if (p->n > p->limit) {
		free(p->v[--p->n].key);
		json_decref(p->v[p->n].item);
	}
	memmove(p->v + at + 1, p->v + at, (p->n - at) * sizeof *p->v);
	p->v[at] = (struct picked){ copy, item };
	p->n++;
}

/* Would it be thrown away again at once? Then it need not be made. */
static bool too_far(const struct pick *p, const char *key)
{
	return p->n > p->limit && compare(p, p->v[p->n - 1].key, key) < 0;
}

void pick_event(void *arg, const char *event, const struct adit_node *body)
{
	struct pick *p = arg;
	(void)event;
	for (const struct adit_node *c = body->first; c && p->v; c = c->next) {
		const struct api_field *f = p->event ? api_field_find(p->event->fields, p->event->n_fields, slice_str(c->name)) : NULL;
		const char *key = c->kind == ADIT_NODE_SECTION && p->route->key ? text_at(c, p->route->key) : NULL;
		key = key ? key : c->name;
		if (c->kind != ADIT_NODE_SECTION || (*p->only && strcmp(p->only, key)) || (*p->after && compare(p, key, p->after) <= 0) ||
		    too_far(p, key) || !passes(p, c))
			continue;
		json_t *item = api_json_named(c, f ? f->fields : NULL, f ? f->n_fields : 0);
		if (item)
			keep(p, key, item);
	}
}

json_t *pick_take(struct pick *p)
{
	return p->n ? json_incref(p->v[0].item) : NULL;
}

void pick_answer(struct pick *p, struct rest_req *q)
{
	json_t *o = json_object(), *items = json_array();
	bool more = p->n > p->limit;
	for (size_t i = 0; i < p->n && i < p->limit; i++)
		json_array_append(items, p->v[i].item);
	json_object_set_new(o, "items", items);
	if (more)
		json_object_set_new(o, "next", api_json_text(p->v[p->limit - 1].key, strlen(p->v[p->limit - 1].key)));
	rest_answer(q, MHD_HTTP_OK, o, "");
}

void pick_fini(struct pick *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].key);
		json_decref(p->v[i].item);
	}
	free(p->v);
	p->v = NULL;
	p->n = 0;
}
