/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: JSON, problem details, headers that every answer has. */
#include "api/rest/idem.h"
#include "api/rest/rest.h"
#include "base/count.h"
#include "base/text.h"
#include "config/rest.h"

#include <gnutls/crypto.h>
#include <stdarg.h>
#include <stdlib.h>

static COUNTER(c_ok, "rest.answers.2xx", "requests that were done");
static COUNTER(c_wrong, "rest.answers.4xx", "requests that were wrong or not allowed");
static COUNTER(c_failed, "rest.answers.5xx", "requests that failed");

/* HTTP status of a class of errors, and of those that have one of their own. */
static const struct {
	err_t code;
	unsigned status;
} statuses[] = {
	{ E_NOT_FOUND, 404 }, { E_CHILD_NOT_FOUND, 404 }, { E_UNKNOWN_SPI, 404 }, { E_NO_CONN, 404 }, { E_EXISTS, 409 },
	{ E_DENIED, 403 },    { E_NOT_SUPPORTED, 501 },   { E_TIMEOUT, 504 },     { E_IO, 503 },      { E_RATE, 429 },
	{ E_SYNTAX, 400 },    { E_CONFLICT, 409 },
};
static const unsigned class_status[] = { [ERR_LOCAL] = 500, [ERR_SYSTEM] = 500, [ERR_PEER] = 502, [ERR_POLICY] = 409,
					 [ERR_CONFIG] = 422, [ERR_RESOURCE] = 503, [ERR_CANCELLED] = 409 };

unsigned rest_status(err_t code)
{
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (statuses[i].code == code)
			return statuses[i].status;
	unsigned c = (unsigned)err_class(code);
	return c < ARRAY_LEN(class_status) && class_status[c] ? class_status[c] : 500;
}

err_t rest_code(const char *name)
{
#define row(cls, id, num, notify, text) { #id, E_##id },
	static const struct { const char *name; err_t code; } rows[] = { ERR_ROWS(row) };
#undef row
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!strcmp(rows[i].name, name))
			return rows[i].code;
	return E_INTERNAL;
}

const char *rest_header(struct rest_req *q, const char *name)
{
	return MHD_lookup_connection_value(q->c, MHD_HEADER_KIND, name);
}

const char *rest_query(struct rest_req *q, const char *name, char *buf, size_t cap, bool *bad)
{
	const char *v = MHD_lookup_connection_value(q->c, MHD_GET_ARGUMENT_KIND, name);
	if (!v)
		return NULL;
	if (!rest_unescape(slice_str(v), buf, cap)) {
		*bad = true;
		return NULL;
	}
	return buf;
}

void rest_etag(const char *text, size_t n, char out[REST_ETAG])
{
	uint8_t hash[32];
	struct text t = text_of(out, REST_ETAG);
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, n, hash))
		memset(hash, 0, sizeof hash);
	text_str(&t, "\"");
	text_hex(&t, slice_of(hash, 16));
	text_str(&t, "\"");
}

/* Browsers of other origins get nothing unless the settings name them. */
static void cors(struct rest_req *q, struct MHD_Response *resp)
{
	const char *origin = rest_header(q, "Origin");
	for (char **o = q->r->conf->cors; origin && o && *o; o++)
		if (!strcmp(*o, origin)) {
			MHD_add_response_header(resp, "Access-Control-Allow-Origin", origin);
			MHD_add_response_header(resp, "Access-Control-Expose-Headers", "ETag, Link, Location, Retry-After");
			MHD_add_response_header(resp, "Vary", "Origin");
		}
}

static void audit(struct rest_req *q, unsigned status)
{
	bool looks = !q->verb || !strcmp(q->verb, "GET") || !strcmp(q->verb, "HEAD");
	if (!q->route || (looks && status < 500) || !log_wants(q->r->log, LOG_API, LOG_CONTROL))
		return;
	TEXT_ON_STACK(t, 800);
	for (int i = 0; i < q->path.n; i++) {
		text_str(&t, i ? ", " : " ");
		text_peer(&t, slice_str(q->path.param[i]));
	}
	LOGF(q->r->log, LOG_API, LOG_CONTROL, NULL, "%s: %s %s%s: %u", q->who.name[0] ? q->who.name : "(nobody)", q->verb, q->route->path,
	     t.p, status);
}

void rest_queue(struct rest_req *q, unsigned status, struct MHD_Response *resp)
{
	q->answered = true;
	if (!resp) {
		q->result = MHD_NO;
		return;
	}
	MHD_add_response_header(resp, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(resp, "Referrer-Policy", "no-referrer");
	if (q->tls)
		MHD_add_response_header(resp, "Strict-Transport-Security", "max-age=31536000");
	cors(q, resp);
	audit(q, status);
	count_inc(status < 400 ? &c_ok : status < 500 ? &c_wrong : &c_failed);
	q->result = MHD_queue_response(q->c, status, resp);
	MHD_destroy_response(resp);
}

/* text is owned: the response frees it. */
static struct MHD_Response *response_of(char *text, const char *type)
{
	struct MHD_Response *resp = text ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE) : NULL;
	if (!resp) {
		free(text);
		return NULL;
	}
	if (type)
		MHD_add_response_header(resp, "Content-Type", type);
	MHD_add_response_header(resp, "Cache-Control", "no-store");
	return resp;
}

static bool none_match(struct rest_req *q, const char *etag)
{
	const char *h = q->verb && (!strcmp(q->verb, "GET") || q->head) ? rest_header(q, "If-None-Match") : NULL;
	return h && (!strcmp(h, "*") || strstr(h, etag));
}

void rest_answer(struct rest_req *q, unsigned status, json_t *body, const char *etag)
{
	char made[REST_ETAG];
	char *text = body ? json_dumps(body, JSON_COMPACT) : strdup("");
	json_decref(body);
	if (text && etag && !*etag) {
		rest_etag(text, strlen(text), made);
		etag = made;
	}
	if (text && etag && none_match(q, etag)) {
		status = MHD_HTTP_NOT_MODIFIED;
		text[0] = 0;
	}
	if (q->entry)
		idem_done(q->r->idem, q->entry, text ? status : 500, text);
	q->entry = NULL;
	struct MHD_Response *resp = response_of(text, text && *text ? "application/json" : NULL);
	if (resp && etag)
		MHD_add_response_header(resp, "ETag", etag);
	if (resp && status == MHD_HTTP_CREATED)
		MHD_add_response_header(resp, "Location", q->url);
	rest_queue(q, status, resp);
}

void rest_answer_static(struct rest_req *q, unsigned status, const char *type, const void *p, size_t n)
{
	struct MHD_Response *resp = MHD_create_response_from_buffer(n, (void *)(uintptr_t)p, MHD_RESPMEM_PERSISTENT);
	if (resp) {
		MHD_add_response_header(resp, "Content-Type", type);
		MHD_add_response_header(resp, "Cache-Control", "no-cache");
	}
	rest_queue(q, status, resp);
}

void rest_answer_text(struct rest_req *q, unsigned status, const char *type, char *text)
{
	rest_queue(q, status, response_of(text, type));
}

void rest_problem_with(struct rest_req *q, unsigned status, err_t code, const char *detail, const char *header, const char *value,
		       json_t *more)
{
	char type[64];
	json_t *o = json_object();
	status = status ? status : rest_status(code);
	snprintf(type, sizeof type, "/api.html#error-%s", err_name(code));
	json_object_set_new(o, "type", json_string(type));
	json_object_set_new(o, "title", json_string(err_text(code)));
	json_object_set_new(o, "status", json_integer((json_int_t)status));
	json_object_set_new(o, "detail", api_json_text(detail ? detail : err_text(code), strlen(detail ? detail : err_text(code))));
	json_object_set_new(o, "code", json_string(err_name(code)));
	json_object_update_missing(o, more);
	json_decref(more);
	char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (q->entry)
		idem_done(q->r->idem, q->entry, text ? status : 500, text);
	q->entry = NULL;
	struct MHD_Response *resp = response_of(text, "application/problem+json");
	if (resp && status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(resp, "WWW-Authenticate", "Bearer realm=\"adit\"");
	if (resp && status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(resp, "Retry-After", "1");
	if (resp && header)
		MHD_add_response_header(resp, header, value);
	rest_queue(q, status, resp);
}

void rest_problem(struct rest_req *q, unsigned status, err_t code, const char *detail)
{
	rest_problem_with(q, status, code, detail, NULL, NULL, NULL);
}

void rest_problemf(struct rest_req *q, unsigned status, err_t code, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	rest_problem(q, status, code, text);
}

void rest_problem_diag(struct rest_req *q, unsigned status, err_t code, struct diag *why)
{
	char text[2048];
	rest_problem(q, status, code, diag_text(why, code, text, sizeof text));
	diag_free(&why);
}
