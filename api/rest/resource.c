/* SPDX-License-Identifier: Apache-2.0 */
/* Resources: a request becomes a call of the method its route names, the answer becomes JSON. */
#include "api/rest/backend.h"
#include "api/rest/pick.h"
#include "api/rest/rest.h"
#include "base/text.h"

#include <stdlib.h>
#include <time.h>

enum { LOCK_WAIT_S = 5 };

/* No argument at all is taken, which is something else than not knowing them. */
static const struct api_field nothing[1];

/* ---- arguments ---- */

static void put_fixed(const struct rest_req *q, struct adit_msg *m)
{
	const struct rest_route *r = q->route;
	for (const char *p = r->set; p && *p; p += strcspn(p, ","), p += *p == ',') {
		char key[64];
		size_t k = strcspn(p, "=");
		snprintf(key, sizeof key, "%.*s", (int)k, p);
		slice v = slice_of(p + k + 1, strcspn(p + k + 1, ","));
		if (slice_equal(v, SLICE_LIT("{who}")))
			v = slice_str(q->who.name);
		adit_msg_bytes(m, key, v.p, v.n);
	}
	/* The section has the name of the path, and nothing else stands beside it. */
	for (int i = 0; i < q->path.n && r->kind != REST_SECTION; i++) {
		slice arg, name = slice_of(q->path.name[i], q->path.name_n[i]);
		char key[64];
		if (!rest_pair(r->bind, name, &arg))
			arg = name;
		snprintf(key, sizeof key, "%.*s", (int)arg.n, (const char *)arg.p);
		if (api_field_find(q->m->args, q->m->n_args, arg))
			adit_msg_text(m, key, q->path.param[i]);
	}
}

/* Is this argument of the method the caller's to give? */
static bool is_free(const struct rest_req *q, const char *name)
{
	const struct rest_route *r = q->route;
	slice v, s = slice_str(name);
	const struct api_field *f = api_field_find(q->m->args, q->m->n_args, s);
	if (!f || strcmp(f->name, name) || rest_word_in(r->leave, s) || rest_pair(r->set, s, &v))
		return false;
	for (int i = 0; i < q->path.n; i++) {
		slice p = slice_of(q->path.name[i], q->path.name_n[i]);
		if (rest_pair(r->bind, p, &v) ? slice_equal(v, s) : slice_equal(p, s))
			return false;
	}
	return true;
}

enum { QUERY_MAX = 16 };

struct query_walk {
	struct rest_req *q;
	struct adit_msg *m;
	const char *seen[QUERY_MAX];
	size_t n;
	char why[256];
};

/* Two of a name are told: one of them would be left out unseen. */
static bool is_new(struct query_walk *w, const char *key)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->seen[i], key))
			return false;
	if (w->n == QUERY_MAX)
		return false;
	w->seen[w->n++] = key;
	return true;
}

static enum MHD_Result wrong_query(struct query_walk *w, const char *what, const char *key)
{
	TEXT_ON_STACK(t, 128);
	text_peer(&t, slice_str(key));
	snprintf(w->why, sizeof w->why, what, t.p);
	return MHD_NO;
}

static enum MHD_Result take_query(void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct query_walk *w = arg;
	const struct rest_route *r = w->q->route;
	char text[1024];
	(void)kind;
	bool paged = r->kind == REST_LIST && (!strcmp(key, "limit") || !strcmp(key, "after")),
	     picks = paged || rest_word_in(r->filters, slice_str(key));
	if (!picks && !is_free(w->q, key))
		return wrong_query(w, "unknown parameter '%s' in the query", key);
	if (!value)
		return wrong_query(w, "the parameter '%s' of the query has no value", key);
	if (!is_new(w, key))
		return wrong_query(w, "the parameter '%s' stands in the query more than once", key);
	if (!rest_unescape(slice_str(value), text, sizeof text))
		return wrong_query(w, "the parameter '%s' of the query cannot be decoded", key);
	if (picks)
		return MHD_YES;
	adit_msg_text(w->m, key, text);
	return MHD_YES;
}

/* Members of the body that are the path's or make no sense here are told as unknown. */
static err_t put_body(struct rest_req *q, struct adit_msg *m, struct diag **why)
{
	const char *key;
	json_t *v;
	if (q->route->kind == REST_SECTION) {
		adit_msg_section(m, q->path.param[q->path.n - 1]);
		err_t err = api_json_args(q->json, NULL, 0, m, why);
		adit_msg_section_end(m);
		return err;
	}
	if (json_is_object(q->json))
		json_object_foreach(q->json, key, v)
			if (api_field_find(q->m->args, q->m->n_args, slice_str(key)) && !is_free(q, key)) {
				TEXT_ON_STACK(t, 128);
				text_peer(&t, slice_str(key));
				return diag_set(why, E_UNKNOWN_KEY, "unknown member '%s': the path says it already, or it makes no sense here", t.p);
			}
	return api_json_args(q->json, q->m->args ? q->m->args : nothing, q->m->n_args, m, why);
}

/* The arguments of the call; NULL: answered. */
static struct adit_msg *arguments(struct rest_req *q)
{
	struct adit_msg *m = adit_msg_new();
	struct query_walk w = { .q = q, .m = m };
	struct diag *why = NULL;
	bool in_body = !strcmp(q->verb, "PUT") || !strcmp(q->verb, "POST");
	put_fixed(q, m);
	MHD_get_connection_values(q->c, MHD_GET_ARGUMENT_KIND, take_query, &w);
	if (w.why[0] || (in_body && MHD_get_connection_values(q->c, MHD_GET_ARGUMENT_KIND, NULL, NULL))) {
		rest_problem(q, MHD_HTTP_BAD_REQUEST, E_UNKNOWN_KEY, w.why[0] ? w.why : "arguments of PUT and POST go into the JSON body");
		adit_msg_free(m);
		return NULL;
	}
	if (in_body && q->route->kind == REST_SECTION && !q->json) {
		rest_problem(q, MHD_HTTP_BAD_REQUEST, E_NEEDS, "a JSON object is needed as the body");
		adit_msg_free(m);
		return NULL;
	}
	err_t err = q->json && in_body ? put_body(q, m, &why) : 0;
	if (err) {
		/* A text that is longer than a message carries is the caller's, no shortage of ours. */
		rest_problem_diag(q, err == E_LIMIT ? MHD_HTTP_UNPROCESSABLE_CONTENT : 0, err, why);
		adit_msg_free(m);
		return NULL;
	}
	return m;
}

/* ---- calls ---- */

static unsigned timeout_of(const struct rest_req *q)
{
	json_int_t t = json_integer_value(json_object_get(q->json, "timeout"));
	if (q->route->kind != REST_ACT)
		return REST_READ_TIMEOUT_MS;
	/* The daemon gives up first and says why. */
	return t > 0 && t < REST_ACT_TIMEOUT_MAX_MS ? (unsigned)t + 2000 : REST_ACT_TIMEOUT_MAX_MS + 2000;
}

/* Whoever asks for something that takes time and says no end has one nevertheless. */
static void bound_wait(const struct rest_req *q, struct adit_msg *m)
{
	json_t *t = json_object_get(q->json, "timeout");
	if (q->route->kind == REST_ACT && api_field_find(q->m->args, q->m->n_args, slice_str("timeout")) && !t)
		adit_msg_int(m, "timeout", REST_ACT_TIMEOUT_MS);
}

static bool waits_too_long(struct rest_req *q)
{
	json_t *t = json_object_get(q->json, "timeout");
	if (q->route->kind != REST_ACT || !json_is_integer(t) ||
	    (json_integer_value(t) != 0 && json_integer_value(t) <= REST_ACT_TIMEOUT_MAX_MS))
		return false;
	rest_problemf(q, 0, E_BAD_VALUE, "'timeout': 1 to %d ms, or a negative number: do not wait", REST_ACT_TIMEOUT_MAX_MS);
	return true;
}

/* A result without what HTTP says already. */
static json_t *result(const struct api_method *m, const struct adit_node *reply)
{
	json_t *o = api_json(reply, m->result, m->n_result);
	json_object_del(o, "success");
	json_object_del(o, "errmsg");
	json_object_del(o, "errcode");
	return o;
}

static void failed(struct rest_req *q, enum adit_api_status st, const char *text, const char *code, json_t *more)
{
	switch (st) {
	case ADIT_API_FAILED:
		/* swanctl's fields are older than the codes: a failure without one is nobody's fault but the daemon's. */
		rest_problem_with(q, 0, *code ? rest_code(code) : E_INTERNAL, text, NULL, NULL, json_incref(more));
		break;
	case ADIT_API_TIMEOUT:
		rest_problem(q, 0, E_TIMEOUT, text);
		break;
	case ADIT_API_UNKNOWN:
		rest_problem(q, 0, E_NOT_SUPPORTED, text);
		break;
	case ADIT_API_MISUSE:
		rest_problem(q, 0, E_BAD_VALUE, text);
		break;
	case ADIT_API_NOMEM:
		rest_problem(q, 0, E_NOMEM, NULL);
		break;
	default:
		rest_problem(q, 0, E_IO, text);
	}
	json_decref(more);
}

/* One call; m is taken. True: *reply is the caller's. False: answered. */
static bool call(struct rest_req *q, const struct api_method *method, struct adit_msg *m, adit_api_cb *cb, void *arg,
		 struct adit_node **reply)
{
	enum backend_set set = q->route->kind == REST_ACT ? BACKEND_ACT : BACKEND_READ;
	struct adit_api *a;
	struct diag *why = NULL;
	*reply = NULL;
	err_t err = backend_take(q->r->backend, set, timeout_of(q), &a, &why);
	if (err) {
		adit_msg_free(m);
		rest_problem_diag(q, 0, err, why);
		return false;
	}
	enum adit_api_status st = method->stream && cb ? adit_api_stream(a, method->name, method->stream, m, cb, arg, reply) :
							 adit_api_call(a, method->name, m, reply);
	if (st) {
		char text[2048], code[64];
		snprintf(text, sizeof text, "%s", adit_api_error(a));
		snprintf(code, sizeof code, "%s", adit_api_errcode(a));
		backend_give(q->r->backend, set, a, st);
		json_t *more = *reply ? result(method, *reply) : NULL;
		adit_node_free(*reply);
		*reply = NULL;
		failed(q, st, text, code, more);
		return false;
	}
	backend_give(q->r->backend, set, a, st);
	return true;
}

/* ---- kinds ---- */

static void serve_list(struct rest_req *q)
{
	struct pick p;
	struct adit_node *reply;
	if (!pick_page(&p, q))
		return;
	struct adit_msg *m = arguments(q);
	if (m && call(q, q->m, m, pick_event, &p, &reply)) {
		adit_node_free(reply);
		pick_answer(&p, q);
	}
	pick_fini(&p);
}

/* The item of the path as JSON (NULL: there is none), by the route of its GET. False: answered. */
static bool look_up(struct rest_req *q, json_t **item)
{
	struct pick p;
	struct adit_node *reply;
	struct adit_msg *m = arguments(q);
	*item = NULL;
	if (!m)
		return false;
	pick_item(&p, q);
	bool done = call(q, q->m, m, pick_event, &p, &reply);
	if (done) {
		adit_node_free(reply);
		*item = pick_take(&p);
	}
	pick_fini(&p);
	return done;
}

static void not_there(struct rest_req *q)
{
	TEXT_ON_STACK(t, 600);
	text_peer(&t, slice_str(q->path.param[q->path.n - 1]));
	rest_problemf(q, 0, E_NOT_FOUND, "there is nothing named '%s'", t.p);
}

/* NULL: there is no such thing. */
static void answer_item(struct rest_req *q, json_t *item)
{
	if (item)
		rest_answer(q, MHD_HTTP_OK, item, "");
	else
		not_there(q);
}

static void serve_item(struct rest_req *q)
{
	json_t *item;
	if (look_up(q, &item))
		answer_item(q, item);
}

static void serve_part(struct rest_req *q)
{
	json_t *item, *e;
	size_t i;
	if (!look_up(q, &item))
		return;
	json_t *array = json_object_get(item, q->route->part), *found = NULL;
	json_array_foreach(array, i, e) {
		const char *name = json_string_value(json_object_get(e, q->route->key));
		if (q->path.n > 1 && name && !strcmp(name, q->path.param[1]))
			found = e;
	}
	if (item && q->path.n == 1)
		rest_answer(q, MHD_HTTP_OK, json_pack("{s:O}", "items", array), "");
	else if (found)
		rest_answer(q, MHD_HTTP_OK, json_incref(found), "");
	else
		not_there(q);
	json_decref(item);
}

/* Everything a method streams: events one behind the other, or put together. */
struct gathered {
	json_t *into; /* an array, or an object */
	size_t n;
};

static void gather(void *arg, const char *event, const struct adit_node *body)
{
	struct gathered *g = arg;
	int i = api_event_find(slice_str(event));
	if (i < 0 || g->n++ >= REST_STREAM_MAX)
		return;
	json_t *o = api_json(body, api_events[i].fields, api_events[i].n_fields);
	if (json_is_array(g->into))
		json_array_append(g->into, o);
	else
		json_object_update_recursive(g->into, o);
	json_decref(o);
}

/* NULL: answered. */
static json_t *gather_all(struct rest_req *q, json_t *into)
{
	struct gathered g = { .into = into };
	struct adit_msg *m = arguments(q);
	struct adit_node *reply;
	bool done = m && call(q, q->m, m, gather, &g, &reply);
	if (done)
		adit_node_free(reply);
	if (done && g.n > REST_STREAM_MAX)
		rest_problemf(q, MHD_HTTP_CONTENT_TOO_LARGE, E_LIMIT, "there are %zu, an answer has %d at most: ask for less", g.n, REST_STREAM_MAX);
	if (done && g.n <= REST_STREAM_MAX)
		return into;
	json_decref(into);
	return NULL;
}

static void serve_stream(struct rest_req *q)
{
	json_t *items = gather_all(q, json_array());
	if (items)
		rest_answer(q, MHD_HTTP_OK, json_pack("{s:o}", "items", items), "");
}

/* The object of the path in a tree (NULL: there is none), or the whole tree. False: answered. */
static bool look_up_tree(struct rest_req *q, json_t **out)
{
	json_t *tree = gather_all(q, json_object());
	*out = !tree ? NULL : q->route->part ?
		       json_incref(json_object_get(json_object_get(tree, q->route->part), q->path.param[q->path.n - 1])) : json_incref(tree);
	json_decref(tree);
	return tree != NULL;
}

static void serve_tree(struct rest_req *q)
{
	json_t *o;
	if (!look_up_tree(q, &o))
		return;
	if (o)
		rest_answer(q, MHD_HTTP_OK, o, "");
	else
		not_there(q);
}

/* One section of a result that has one for each name (NULL: there is none). False: answered. */
static bool look_up_section(struct rest_req *q, json_t **item)
{
	struct adit_node *reply;
	struct adit_msg *m = arguments(q);
	*item = NULL;
	if (!m || !call(q, q->m, m, NULL, NULL, &reply))
		return false;
	json_t *o = result(q->m, reply);
	adit_node_free(reply);
	*item = json_incref(json_object_get(o, q->path.param[q->path.n - 1]));
	json_decref(o);
	return true;
}

static void serve_section(struct rest_req *q)
{
	json_t *item;
	if (look_up_section(q, &item))
		answer_item(q, item);
}

/* ---- conditional writes ---- */

static bool etag_in(const char *header, const char *etag)
{
	return header && (!strcmp(header, "*") || strstr(header, etag));
}

static const struct rest_route *route_of_get(const char *path)
{
	for (size_t i = 0; i < rest_n_routes; i++)
		if (!strcmp(rest_routes[i].path, path) && !strcmp(rest_routes[i].verb, "GET"))
			return &rest_routes[i];
	return NULL;
}

/* What nobody may read has a name: "there" as JSON when the list of names has it. */
static bool look_up_name(struct rest_req *q, json_t **item)
{
	char list[32];
	struct adit_node *reply;
	const char *names = q->route->names;
	size_t n = strcspn(names, ","), i;
	int at = api_method_find(slice_of(names, n));
	json_t *e;
	*item = NULL;
	snprintf(list, sizeof list, "%s", names + n + 1);
	if (at < 0 || !call(q, &api_methods[at], adit_msg_new(), NULL, NULL, &reply))
		return at < 0;
	json_t *o = result(&api_methods[at], reply);
	adit_node_free(reply);
	json_array_foreach(json_object_get(o, list), i, e)
		if (!strcmp(json_string_value(e), q->path.param[q->path.n - 1]))
			*item = json_incref(e);
	json_decref(o);
	return true;
}

/* The version of what is there, "" when there is nothing. False: answered. */
static bool version_of(struct rest_req *q, char etag[REST_ETAG])
{
	struct rest_req look = *q;
	json_t *item = NULL;
	bool done;
	etag[0] = 0;
	look.verb = "GET";
	look.json = NULL;
	look.entry = NULL;
	if (q->route->names) {
		done = look_up_name(&look, &item);
	} else {
		look.route = route_of_get(q->route->path);
		look.m = &api_methods[api_method_find(slice_str(look.route->method))];
		done = look.route->section ? look_up_section(&look, &item) :
		       look.route->kind == REST_TREE ? look_up_tree(&look, &item) : look_up(&look, &item);
	}
	q->answered = look.answered;
	q->result = look.result;
	/* A name alone is no version: nothing but "*" stands for it. */
	if (item && q->route->names) {
		snprintf(etag, REST_ETAG, "\n");
		json_decref(item);
		return done;
	}
	char *text = item ? json_dumps(item, JSON_COMPACT) : NULL;
	if (text)
		rest_etag(text, strlen(text), etag);
	free(text);
	json_decref(item);
	return done;
}

/* May the change be made? *made: there was nothing before. False: answered. */
static bool condition(struct rest_req *q, bool *made)
{
	char etag[REST_ETAG];
	const char *match = rest_header(q, "If-Match"), *none = rest_header(q, "If-None-Match");
	if (!version_of(q, etag))
		return false;
	*made = !etag[0];
	if (!etag[0] && !strcmp(q->verb, "DELETE")) {
		not_there(q);
		return false;
	}
	bool asks = match || none || q->route->conditional == REST_COND_MUST;
	if (!asks || (match ? etag[0] && etag_in(match, etag) : !etag[0] || (none && !etag_in(none, etag))))
		return true;
	if (!match && !none)
		rest_problem(q, MHD_HTTP_PRECONDITION_REQUIRED, E_NEEDS,
			     "a change names the version it was made for: send If-Match with the ETag of a GET, or \"*\"");
	else
		rest_problem(q, MHD_HTTP_PRECONDITION_FAILED, E_STALE, !etag[0] ? "there is nothing of this name" : match ?
			     "the resource has changed since this ETag: read it again" : "there is already something of this name");
	return false;
}

static void serve_call(struct rest_req *q)
{
	struct adit_msg *m;
	struct adit_node *reply;
	bool made = false, get = !strcmp(q->verb, "GET") || q->head, act = q->route->kind == REST_ACT;
	if (waits_too_long(q) || (q->route->conditional && !condition(q, &made)))
		return;
	m = arguments(q);
	if (!m)
		return;
	bound_wait(q, m);
	if (!call(q, q->m, m, NULL, NULL, &reply))
		return;
	json_t *o = result(q->m, reply);
	adit_node_free(reply);
	if (get || act) {
		rest_answer(q, MHD_HTTP_OK, o, get ? "" : NULL);
	} else {
		json_decref(o);
		rest_answer(q, made ? MHD_HTTP_CREATED : MHD_HTTP_NO_CONTENT, NULL, NULL);
	}
}

/* One conditional change at a time: nobody changes between the look and the call. */
static void serve_alone(struct rest_req *q)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LOCK_WAIT_S;
	if (pthread_mutex_timedlock(&q->r->write_lock, &until)) {
		rest_problem(q, MHD_HTTP_SERVICE_UNAVAILABLE, E_FULL, "another change is under way: try again in a moment");
		return;
	}
	serve_call(q);
	pthread_mutex_unlock(&q->r->write_lock);
}

/* Numbers begin at 1; in a message 0 stands for no choice, which a path cannot mean. */
static bool is_zero(const struct rest_req *q, int i)
{
	slice name = slice_of(q->path.name[i], q->path.name_n[i]), arg;
	const struct api_field *f = !q->m ? NULL : api_field_find(q->m->args, q->m->n_args, rest_pair(q->route->bind, name, &arg) ? arg : name);
	const char *v = q->path.param[i];
	return f && f->type == API_UINT && !v[strspn(v, "0")];
}

void rest_serve(struct rest_req *q)
{
	for (int i = 0; i < q->path.n; i++)
		if (is_zero(q, i)) {
			not_there(q);
			return;
		}
	switch (q->route->kind) {
	case REST_LIST: serve_list(q); break;
	case REST_ITEM: serve_item(q); break;
	case REST_PART: serve_part(q); break;
	case REST_STREAM: serve_stream(q); break;
	case REST_TREE: serve_tree(q); break;
	case REST_BUILTIN: q->route->run(q); break;
	default:
		if (q->route->section)
			serve_section(q);
		else if (q->route->conditional)
			serve_alone(q);
		else
			serve_call(q);
	}
}
