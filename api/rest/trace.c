/* SPDX-License-Identifier: Apache-2.0 */
/* The log of one connection or peer in detail, as server-sent events: a connection to aditd of its own for each listener. */
#include "api/rest/backend.h"
#include "api/rest/hub.h"
#include "api/rest/rest.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { TRACES_MAX = 8, SLICE_MS = 500, START_MS = 5000 };

static atomic_uint n_traces;

struct trace {
	struct rest *r;
	struct adit_api *a;
};

static char *block(const struct adit_node *line)
{
	const struct api_event *e = &api_events[api_event_find(SLICE_LIT("trace"))];
	json_t *j = api_json(line, e->fields, e->n_fields);
	json_object_set_new(j, "event", json_string("trace"));
	char *data = json_dumps(j, JSON_COMPACT), *text = NULL;
	if (data && asprintf(&text, "event: trace\ndata: %s\n\n", data) < 0)
		text = NULL;
	free(data);
	json_decref(j);
	return text;
}

static bool trace_next(void *arg, unsigned timeout_ms, char **text)
{
	struct trace *t = arg;
	*text = NULL;
	/* In slices: a gateway that stops does not wait for a silent listener. */
	for (unsigned waited = 0; waited < timeout_ms; waited += SLICE_MS) {
		struct adit_node *line = NULL;
		const char *name;
		if (hub_stopped(t->r->hub))
			return false;
		enum adit_api_status st = adit_api_next(t->a, SLICE_MS, &name, &line);
		if (st == ADIT_API_TIMEOUT)
			continue;
		if (st)
			return false;
		*text = block(line);
		adit_node_free(line);
		return *text != NULL;
	}
	return true;
}

static void trace_end(void *arg)
{
	struct trace *t = arg;
	adit_api_close(t->a);
	atomic_fetch_sub(&n_traces, 1);
	free(t);
}

static const char *const params[] = { "ike", "levels", "peer" };

/* What is asked for, as arguments of trace-start; NULL: answered. */
static struct adit_msg *wanted(struct rest_req *q)
{
	struct adit_msg *m = adit_msg_new();
	bool bad = false;
	for (size_t i = 0; i < ARRAY_LEN(params) && m && !bad; i++) {
		char buf[REST_PARAM_MAX];
		const char *v = rest_query(q, params[i], buf, sizeof buf, &bad);
		if (v)
			adit_msg_text(m, params[i], v);
	}
	if (!m || bad) {
		adit_msg_free(m);
		rest_problem(q, m ? MHD_HTTP_BAD_REQUEST : 0, m ? E_BAD_VALUE : E_NOMEM, m ? "a parameter of the query cannot be decoded" : NULL);
		return NULL;
	}
	return m;
}

static enum adit_api_status begin(struct trace *t, struct adit_msg *m)
{
	enum adit_api_status st = adit_api_open(backend_path(t->r->backend), &t->a);
	if (!st) {
		adit_api_set_timeout(t->a, START_MS);
		st = adit_api_listen(t->a, "trace");
	}
	if (st) {
		adit_msg_free(m);
		return st;
	}
	return adit_api_call(t->a, "trace-start", m, NULL);
}

void rest_do_trace(struct rest_req *q)
{
	struct adit_msg *m = wanted(q);
	if (!m)
		return;
	if (q->head) {
		adit_msg_free(m);
		rest_answer_static(q, MHD_HTTP_OK, "text/event-stream", "", 0);
		return;
	}
	struct trace *t = calloc(1, sizeof *t);
	if (!t || atomic_fetch_add(&n_traces, 1) >= TRACES_MAX) {
		if (t)
			atomic_fetch_sub(&n_traces, 1);
		adit_msg_free(m);
		rest_problemf(q, 0, t ? E_LIMIT : E_NOMEM, "%s", t ? "too many traces are running" : "out of memory");
		free(t);
		return;
	}
	t->r = q->r;
	enum adit_api_status st = begin(t, m);
	if (!st) {
		rest_events(q, trace_next, trace_end, t);
		return;
	}
	const char *code = t->a ? adit_api_errcode(t->a) : "";
	rest_problem(q, 0, st == ADIT_API_FAILED && *code ? rest_code(code) : st == ADIT_API_NOMEM ? E_NOMEM : E_IO,
		t->a ? adit_api_error(t->a) : NULL);
	trace_end(t);
}
