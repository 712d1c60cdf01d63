/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway answers itself: health, who calls, the OpenAPI document, streams of events. */
#include "api/rest/auth.h"
#include "api/rest/backend.h"
#include "api/rest/hub.h"
#include "api/rest/rest.h"

#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

void rest_do_whoami(struct rest_req *q)
{
	rest_answer(q, MHD_HTTP_OK, json_pack("{s:s,s:s}", "name", q->who.name, "role", api_perm_name(q->who.role)), NULL);
}

void rest_do_healthz(struct rest_req *q)
{
	static const char ok[] = "ok\n";
	rest_answer_static(q, MHD_HTTP_OK, "text/plain; charset=utf-8", ok, sizeof ok - 1);
}

/* Tells whoever asks no more than that. */
void rest_do_readyz(struct rest_req *q)
{
	static const char ok[] = "ready\n", no[] = "aditd does not answer\n";
	enum { WAIT_MS = 3000 };
	struct adit_api *a;
	bool ready = false;
	if (!backend_take(q->r->backend, BACKEND_READ, WAIT_MS, &a, NULL)) {
		enum adit_api_status st = adit_api_call(a, "version", NULL, NULL);
		ready = st == ADIT_API_OK;
		backend_give(q->r->backend, BACKEND_READ, a, st);
	}
	if (ready)
		rest_answer_static(q, MHD_HTTP_OK, "text/plain; charset=utf-8", ok, sizeof ok - 1);
	else
		rest_answer_static(q, MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", no, sizeof no - 1);
}

void rest_do_openapi(struct rest_req *q)
{
	rest_answer_static(q, MHD_HTTP_OK, "application/json", rest_openapi, rest_n_openapi);
}

/* ---- streams of events ---- */

enum { HOLDS_S = 1 }; /* between two looks whether the caller is still let in */

struct stream {
	struct auth *auth;
	struct principal who;
	time_t looked_s;
	rest_next_cb *next;
	void (*end)(void *src);
	void *src;
	char *text; /* what is going out */
	size_t n, off;
};

/* A token that was revoked or is over ends what it began. */
static bool may_go_on(struct stream *s)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	if (t.tv_sec - s->looked_s < HOLDS_S)
		return true;
	s->looked_s = t.tv_sec;
	return auth_holds(s->auth, &s->who);
}

static ssize_t stream_read(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct stream *s = arg;
	(void)pos;
	if (!s->text) {
		if (!s->next(s->src, REST_KEEPALIVE_MS, &s->text) || !may_go_on(s))
			return MHD_CONTENT_READER_END_OF_STREAM;
		/* A comment now and then: a connection that is gone is noticed. */
		if (!s->text)
			s->text = strdup(": still here\n\n");
		if (!s->text)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		s->n = strlen(s->text);
		s->off = 0;
	}
	size_t n = s->n - s->off < max ? s->n - s->off : max;
	memcpy(buf, s->text + s->off, n);
	s->off += n;
	if (s->off == s->n) {
		free(s->text);
		s->text = NULL;
	}
	return (ssize_t)n;
}

static void stream_free(void *arg)
{
	struct stream *s = arg;
	s->end(s->src);
	free(s->text);
	free(s);
}

void rest_events(struct rest_req *q, rest_next_cb *next, void (*end)(void *src), void *src)
{
	enum { BLOCK = 16384 };
	struct stream *s = calloc(1, sizeof *s);
	if (s)
		*s = (struct stream){ .auth = q->r->auth, .who = q->who, .next = next, .end = end, .src = src };
	struct MHD_Response *resp = s ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, stream_read, s, stream_free) : NULL;
	if (!resp) {
		end(src);
		free(s);
		rest_problem(q, 0, E_NOMEM, NULL);
		return;
	}
	MHD_add_response_header(resp, "Content-Type", "text/event-stream");
	MHD_add_response_header(resp, "Cache-Control", "no-store");
	MHD_add_response_header(resp, "X-Accel-Buffering", "no");
	rest_queue(q, MHD_HTTP_OK, resp);
}

static bool sub_next(void *sub, unsigned timeout_ms, char **text)
{
	return hub_next(sub, timeout_ms, text);
}

static void sub_end(void *sub)
{
	hub_unsubscribe(sub);
}

static void stream(struct rest_req *q, uint64_t mask)
{
	/* Nobody listens, and the library would end the headers of an endless body with a chunk. */
	if (q->head) {
		rest_answer_static(q, MHD_HTTP_OK, "text/event-stream", "", 0);
		return;
	}
	const char *last = rest_header(q, "Last-Event-ID");
	struct hub_sub *sub;
	err_t err = hub_subscribe(q->r->hub, mask, last ? last : "", &sub);
	if (err)
		rest_problem(q, 0, err, err == E_LIMIT ? "too many event streams are open (max_streams of the gateway)" : NULL);
	else
		rest_events(q, sub_next, sub_end, sub);
}

static uint64_t bit_of(const char *name)
{
	int i = api_event_find(slice_str(name));
	return i < 0 || i > 62 ? 0 : UINT64_C(1) << i;
}

/* Events of a running list go to who asked for the list, and nobody else. */
static bool is_streamed(const char *event)
{
	for (size_t i = 0; i < api_n_methods; i++)
		if (api_methods[i].stream && !strcmp(api_methods[i].stream, event))
			return true;
	return false;
}

static uint64_t usual(uint8_t role)
{
	uint64_t mask = 0;
	for (size_t i = 0; i < api_n_events; i++)
		if (api_events[i].perm <= role && !is_streamed(api_events[i].name) && strcmp(api_events[i].name, "log") != 0)
			mask |= bit_of(api_events[i].name);
	return mask;
}

void rest_do_events(struct rest_req *q)
{
	char buf[REST_PARAM_MAX];
	bool bad = false;
	uint64_t mask = 0, may = usual(q->who.role) | bit_of("log");
	char *save = NULL, *v = (char *)(uintptr_t)rest_query(q, "events", buf, sizeof buf, &bad);
	for (char *w = v ? strtok_r(v, ",", &save) : NULL; w && !bad; w = strtok_r(NULL, ",", &save)) {
		uint64_t bit = bit_of(w) & may;
		bad = !bit && strcmp(w, "gateway") != 0;
		mask |= bit;
	}
	if (bad)
		rest_problem(q, MHD_HTTP_BAD_REQUEST, E_BAD_VALUE, "'events': names of events with commas between; docs/api.md lists them");
	else
		stream(q, v ? mask : usual(q->who.role));
}

void rest_do_logs(struct rest_req *q)
{
	stream(q, bit_of("log"));
}
