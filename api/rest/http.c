/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request: who calls, may he, the body, the way to the resource. */
#include "api/rest/auth.h"
#include "api/rest/deadline.h"
#include "api/rest/http.h"
#include "api/rest/idem.h"
#include "api/rest/limit.h"
#include "api/rest/page.h"
#include "base/count.h"
#include "base/secret.h"
#include "base/text.h"
#include "config/rest.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <time.h>

static COUNTER(c_requests, "rest.requests", "HTTP requests");
static COUNTER(c_limited, "rest.limited", "requests refused because the caller comes too often");
static COUNTER(c_large, "rest.too_large", "requests refused because their body is too large");

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The address a caller without a name is counted by; an IPv6 host has a /64. */
static const char *client_key(struct rest_req *q, char buf[64])
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(q->c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = i ? i->client_addr : NULL;
	char text[INET6_ADDRSTRLEN] = "unix";
	if (a && a->sa_family == AF_INET) {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, text, sizeof text);
	} else if (a && a->sa_family == AF_INET6) {
		struct in6_addr net = ((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
		if (!IN6_IS_ADDR_V4MAPPED(&net))
			memset(net.s6_addr + 8, 0, 8);
		inet_ntop(AF_INET6, &net, text, sizeof text);
	}
	snprintf(buf, 64, "@%s", text);
	return buf;
}

static void too_often(struct rest_req *q, unsigned wait_s)
{
	char text[24];
	count_inc(&c_limited);
	snprintf(text, sizeof text, "%u", wait_s);
	rest_problem_with(q, 0, E_RATE, "too many requests: try again after the seconds in Retry-After", "Retry-After", text, NULL);
}

static bool by_certificate(struct rest_req *q)
{
	const union MHD_ConnectionInfo *i = q->tls && q->r->conf->client_ca ?
						    MHD_get_connection_info(q->c, MHD_CONNECTION_INFO_GNUTLS_SESSION) : NULL;
	unsigned n = 0, status = 1;
	gnutls_session_t s = i ? (gnutls_session_t)i->tls_session : NULL;
	const gnutls_datum_t *v = s ? gnutls_certificate_get_peers(s, &n) : NULL;
	if (!v || !n || gnutls_certificate_verify_peers2(s, &status) || status)
		return false;
	return auth_cert(q->r->auth, slice_of(v[0].data, v[0].size), &q->who, NULL);
}

/* False: answered. */
static bool identify(struct rest_req *q)
{
	static const char scheme[] = "Bearer ";
	char key[64];
	const char *h = rest_header(q, "Authorization");
	struct diag *why = NULL;
	unsigned wait_s = limiter_take(q->r->failures, client_key(q, key), false, now_ms());
	/* Who guesses tokens is not heard any more, not even when it guesses right. */
	if (wait_s && h) {
		too_often(q, wait_s);
		return false;
	}
	bool known = h && !strncasecmp(h, scheme, sizeof scheme - 1) ? auth_token(q->r->auth, h + sizeof scheme - 1, &q->who, &why) :
								       !h && by_certificate(q);
	if (why) {
		char text[1024];
		LOGF(q->r->log, LOG_API, LOG_AUDIT, NULL, "nobody is let in: %s", diag_text(why, why->code, text, sizeof text));
		diag_free(&why);
	}
	if (!known && h) {
		limiter_take(q->r->failures, key, true, now_ms());
		LOGF(q->r->log, LOG_API, LOG_CONTROL, NULL, "a token that is not known, from %s", key + 1);
	}
	wait_s = limiter_take(q->r->requests, known ? q->who.name : key, true, now_ms());
	if (wait_s)
		too_often(q, wait_s);
	return !wait_s;
}

static void wrong_verb(struct rest_req *q, const char *path)
{
	static const char *const verbs[] = { "GET", "PUT", "POST", "DELETE" };
	struct rest_path p;
	char allow[64] = "";
	bool known, page = pages_have(q->r->pages, path);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (i ? rest_route_find(verbs[i], path, &p, &known) != NULL : page || rest_route_find(verbs[i], path, &p, &known))
			snprintf(allow + strlen(allow), sizeof allow - strlen(allow), "%s%s", allow[0] ? ", " : "", i ? verbs[i] : "GET, HEAD");
	char text[128];
	snprintf(text, sizeof text, "this resource takes %s", allow);
	rest_problem_with(q, MHD_HTTP_METHOD_NOT_ALLOWED, E_NOT_SUPPORTED, text, "Allow", allow, NULL);
}

static bool preflight(struct rest_req *q)
{
	const char *origin = rest_header(q, "Origin");
	struct MHD_Response *resp;
	bool listed = false;
	for (char **o = q->r->conf->cors; origin && o && *o; o++)
		listed |= !strcmp(*o, origin);
	if (!listed || strcmp(q->verb, "OPTIONS"))
		return false;
	resp = MHD_create_response_from_buffer(0, (void *)(uintptr_t)"", MHD_RESPMEM_PERSISTENT);
	if (resp) {
		MHD_add_response_header(resp, "Access-Control-Allow-Methods", "GET, PUT, POST, DELETE");
		MHD_add_response_header(resp, "Access-Control-Allow-Headers",
					"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID");
		MHD_add_response_header(resp, "Access-Control-Max-Age", "600");
	}
	rest_queue(q, MHD_HTTP_NO_CONTENT, resp);
	return true;
}

static bool announced(struct rest_req *q)
{
	const char *n = rest_header(q, "Content-Length");
	char *end;
	unsigned long long v = n ? strtoull(n, &end, 10) : 0;
	return v <= q->r->conf->max_body;
}

static void too_large(struct rest_req *q)
{
	count_inc(&c_large);
	rest_problemf(q, MHD_HTTP_CONTENT_TOO_LARGE, E_LIMIT, "a body may have %u bytes (max_body of the gateway)", q->r->conf->max_body);
}

/* What may stand there once: two that differ are read one way here and another way by whoever is in between. */
static const char *const once_only[] = { "Authorization", "Content-Length", "Content-Type", "Idempotency-Key" };

struct header_walk {
	unsigned n[ARRAY_LEN(once_only)];
	const char *twice;
};

static enum MHD_Result count_header(void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct header_walk *w = arg;
	(void)kind;
	(void)value;
	for (size_t i = 0; i < ARRAY_LEN(once_only); i++)
		if (!strcasecmp(key, once_only[i]) && w->n[i]++)
			w->twice = once_only[i];
	return MHD_YES;
}

/* False: answered. */
static bool unambiguous(struct rest_req *q)
{
	struct header_walk w = { .twice = NULL };
	MHD_get_connection_values(q->c, MHD_HEADER_KIND, count_header, &w);
	bool both = rest_header(q, "Transfer-Encoding") && rest_header(q, "Content-Length");
	if (w.twice)
		rest_problemf(q, MHD_HTTP_BAD_REQUEST, E_PARSE, "the header %s may stand there once", w.twice);
	else if (both)
		rest_problem(q, MHD_HTTP_BAD_REQUEST, E_PARSE, "a body has a Content-Length or a Transfer-Encoding, not both");
	return !w.twice && !both;
}

/* All that can be said before the body is read. */
static void begin(struct rest_req *q, const char *path)
{
	bool known;
	count_inc(&c_requests);
	if (preflight(q) || !unambiguous(q) || !identify(q))
		return;
	const struct rest_route *route = rest_route_find(q->verb, path, &q->path, &known);
	bool open = route && route->role == API_PERM_NONE, looks = !strcmp(q->verb, "GET") || q->head;
	if (!open && !known && looks && pages_serve(q, path))
		return;
	bool page = !route && !known && pages_have(q->r->pages, path);
	if (!open && !page && !q->who.role) {
		rest_problem(q, MHD_HTTP_UNAUTHORIZED, E_DENIED, "a token is needed: send \"Authorization: Bearer TOKEN\"; \"adit-rest token "
			     "add\" makes one");
	} else if (!route && (known || page)) {
		wrong_verb(q, path);
	} else if (!route) {
		rest_problem(q, MHD_HTTP_NOT_FOUND, E_NOT_FOUND, "there is no such resource: /openapi.json lists them");
	} else if (q->who.role < route->role) {
		q->route = route; /* for the log */
		rest_problemf(q, MHD_HTTP_FORBIDDEN, E_DENIED, "this needs the role %s; '%s' has the role %s", api_perm_name(route->role),
			      q->who.name, api_perm_name(q->who.role));
	} else if (!announced(q)) {
		too_large(q);
	} else {
		int i = route->method ? api_method_find(slice_str(route->method)) : -1;
		q->route = route;
		q->m = i < 0 ? NULL : &api_methods[i];
	}
}

/* False: the connection is to be closed. */
static bool add_body(struct rest_req *q, const char *p, size_t n)
{
	size_t max = q->r->conf->max_body;
	if (q->body_n + n > max) {
		/* Read on a little, so that the client hears why. */
		q->body_n += n;
		return q->body_n < 4 * max;
	}
	if (q->body_n + n > q->body_cap) {
		size_t cap = 2 * (q->body_n + n);
		uint8_t *b = malloc(cap);
		if (!b)
			return false;
		if (q->body) {
			memcpy(b, q->body, q->body_n);
			mem_wipe(q->body, q->body_cap);
			free(q->body);
		}
		q->body = b;
		q->body_cap = cap;
	}
	memcpy(q->body + q->body_n, p, n);
	q->body_n += n;
	return true;
}

/* With "Idempotency-Key": false when the answer is known already. */
static bool once(struct rest_req *q)
{
	const char *key = rest_header(q, "Idempotency-Key");
	unsigned status = 0;
	char *body = NULL, *what;
	if (!key || strcmp(q->verb, "POST"))
		return true;
	if (!*key || strlen(key) > IDEM_KEY_MAX) {
		rest_problemf(q, MHD_HTTP_BAD_REQUEST, E_BAD_VALUE, "an Idempotency-Key has 1 to %d characters", IDEM_KEY_MAX);
		return false;
	}
	size_t n = strlen(q->route->path), at = n + 1;
	what = calloc(1, n + 1 + (size_t)REST_PARAMS * REST_PARAM_MAX + q->body_n);
	if (!what) {
		rest_problem(q, 0, E_NOMEM, NULL);
		return false;
	}
	memcpy(what, q->route->path, n);
	for (int i = 0; i < q->path.n; i++, at += REST_PARAM_MAX)
		memcpy(what + at, q->path.param[i], strlen(q->path.param[i]));
	if (q->body_n)
		memcpy(what + at, q->body, q->body_n);
	enum idem_verdict v = idem_begin(q->r->idem, q->who.name, key, slice_of(what, at + q->body_n), now_ms(), &q->entry, &status, &body);
	mem_wipe(what, at + q->body_n);
	free(what);
	switch (v) {
	case IDEM_FIRST:
		return true;
	case IDEM_AGAIN: {
		struct MHD_Response *resp = MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_MUST_FREE);
		if (resp) {
			MHD_add_response_header(resp, "Content-Type", status < 400 ? "application/json" : "application/problem+json");
			MHD_add_response_header(resp, "Idempotency-Replayed", "true");
		}
		rest_queue(q, status, resp);
		return false;
	}
	case IDEM_RUNNING:
		rest_problem(q, MHD_HTTP_CONFLICT, E_AGAIN, "the request with this Idempotency-Key is still under way");
		return false;
	case IDEM_OTHER:
		rest_problem(q, MHD_HTTP_UNPROCESSABLE_CONTENT, E_BAD_VALUE, "this Idempotency-Key was used for another request");
		return false;
	default:
		rest_problem(q, MHD_HTTP_SERVICE_UNAVAILABLE, E_FULL, "too many requests with an Idempotency-Key are under way");
		return false;
	}
}

/* The body as JSON; false: answered. */
static bool parse(struct rest_req *q)
{
	static const char type[] = "application/json";
	json_error_t e;
	const char *t = rest_header(q, "Content-Type");
	if (!q->body_n)
		return true;
	if (!t || strncasecmp(t, type, sizeof type - 1) || (t[sizeof type - 1] && t[sizeof type - 1] != ';' && t[sizeof type - 1] != ' ')) {
		rest_problem(q, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, E_BAD_VALUE, "a body is JSON: send \"Content-Type: application/json\"");
		return false;
	}
	q->json = json_loadb((const char *)q->body, q->body_n, JSON_REJECT_DUPLICATES, &e);
	if (!q->json) {
		char text[JSON_ERROR_TEXT_LENGTH * 4];
		struct text safe = text_of(text, sizeof text);
		text_peer(&safe, slice_str(e.text));
		rest_problemf(q, MHD_HTTP_BAD_REQUEST, E_PARSE, "the body is no JSON: line %d, column %d: %s", e.line, e.column, text);
		return false;
	}
	return true;
}

/* Of the form a proxy is asked with, too: "http://host/path" (RFC 9112 section 3.2.2). */
static const char *path_of(const char *url)
{
	static const char *const schemes[] = { "http://", "https://" };
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (!strncasecmp(url, schemes[i], strlen(schemes[i]))) {
			const char *path = strchr(url + strlen(schemes[i]), '/');
			return path ? path : "/";
		}
	return url;
}

enum MHD_Result rest_on_request(void *arg, struct MHD_Connection *c, const char *url, const char *verb, const char *version,
				const char *upload, size_t *upload_n, void **ctx)
{
	const struct rest_listener *l = arg;
	struct rest_req *q = *ctx;
	(void)version;
	if (!q) {
		q = calloc(1, sizeof *q);
		if (!q)
			return MHD_NO;
		*ctx = q;
		*q = (struct rest_req){ .r = l->r, .c = c, .verb = verb, .url = path_of(url), .head = !strcmp(verb, "HEAD"), .tls = l->tls };
		begin(q, q->url);
		return q->answered ? q->result : MHD_YES;
	}
	if (q->answered)
		return MHD_NO;
	if (*upload_n) {
		size_t n = *upload_n;
		*upload_n = 0;
		return add_body(q, upload, n) ? MHD_YES : MHD_NO;
	}
	deadlines_arrived(c);
	if (q->body_n > l->r->conf->max_body)
		too_large(q);
	else if (once(q) && parse(q))
		rest_serve(q);
	return q->answered ? q->result : MHD_NO;
}

void rest_on_completed(void *arg, struct MHD_Connection *c, void **ctx, enum MHD_RequestTerminationCode why)
{
	struct rest_req *q = *ctx;
	(void)arg;
	(void)why;
	deadlines_again(c);
	if (!q)
		return;
	if (q->entry)
		idem_done(q->r->idem, q->entry, 500, NULL);
	if (q->body)
		mem_wipe(q->body, q->body_cap);
	free(q->body);
	json_decref(q->json);
	free(q);
	*ctx = NULL;
}
