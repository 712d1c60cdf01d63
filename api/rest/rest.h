/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adit-rest: HTTP and JSON for the message API. Inside of the program.
 *
 * An ordinary, unprivileged client of aditd over libadit-api. Each HTTP connection has a thread (libmicrohttpd), so that
 * a slow client or a slow answer of the daemon holds up nobody else. Everything has a bound and a defined behaviour when
 * it is reached: HTTP connections (in all and per address), bytes of a body, requests per client and second, connections
 * to aditd (one set for looking, another for what may take its time), event streams, kept events, remembered answers.
 *
 * Who may what: a token or a client certificate has a role; the schema says which one a method needs. Without a known
 * token every path below /api answers the same; without the role nothing is looked up before that is said.
 *
 * Threads: functions that take a struct rest_req run on the thread of its connection and may wait; the parts of struct
 * rest lock themselves.
 */
#ifndef ADIT_REST_H
#define ADIT_REST_H

#include "api/json/json.h"
#include "api/rest/route.h"
#include "base/log.h"

#include <microhttpd.h>
#include <pthread.h>

enum {
	REST_PAGE = 100,          /* items of a page without `limit` */
	REST_PAGE_MAX = 1000,
	REST_STREAM_MAX = 10000,  /* items of an answer without pages */
	REST_READ_SLOTS = 12,     /* connections to aditd for looking */
	REST_ACT_SLOTS = 12,      /* and for commands that may take their time */
	REST_SLOT_WAIT_MS = 5000, /* for a free one: then 503 */
	REST_READ_TIMEOUT_MS = 20000,
	REST_ACT_TIMEOUT_MS = 60000, /* of a command that names no timeout */
	REST_ACT_TIMEOUT_MAX_MS = 300000,
	REST_KEEPALIVE_MS = 15000, /* a comment on a silent event stream */
	REST_IDLE_S = 45           /* an HTTP connection without traffic is closed */
};

struct rest_conf; /* conf.h */
struct auth;      /* auth.h */
struct backend;   /* backend.h */
struct deadlines; /* deadline.h */
struct hub;       /* hub.h */
struct idem;      /* idem.h */
struct limiter;   /* limit.h */
struct pages;     /* page.h */

struct rest {
	const struct rest_conf *conf;
	struct log *log;
	struct auth *auth;
	struct backend *backend;
	struct hub *hub;
	struct deadlines *deadlines;
	struct idem *idem;
	struct limiter *requests, *failures;
	struct pages *pages;
	pthread_mutex_t write_lock; /* conditional writes: look, compare, change */
	const char *version;
};

/* Who calls. */
struct principal {
	char name[64];
	uint8_t role; /* enum api_perm */
	uint8_t kind, hash[32]; /* of the token or certificate, for auth_holds() */
};

struct rest_req {
	struct rest *r;
	struct MHD_Connection *c;
	const struct rest_route *route;
	const struct api_method *m; /* of the route, or NULL */
	struct rest_path path;
	struct principal who;
	const char *verb, *url;
	bool head;             /* HEAD: headers alone */
	bool tls;
	uint8_t *body;         /* owned, wiped: it may hold a secret */
	size_t body_n, body_cap;
	size_t announced;      /* Content-Length, 0 none */
	json_t *json;          /* of the body; owned */
	struct idem_entry *entry; /* the answer is remembered there */
	bool answered;
	enum MHD_Result result; /* of queueing the answer */
};

/* ---- answer.c: each ends the request. ---- */

/* body (owned, freed) may be NULL: no content. etag: NULL none; made from the body when it is "". */
void rest_answer(struct rest_req *q, unsigned status, json_t *body, const char *etag);
/* Bytes that live as long as the program. */
void rest_answer_static(struct rest_req *q, unsigned status, const char *type, const void *p, size_t n);
/* A text of the heap, which is freed. */
void rest_answer_text(struct rest_req *q, unsigned status, const char *type, char *text);
/* Problem details (RFC 9457): status 0 is the one that goes with the code. detail NULL: the sentence of the code. */
void rest_problem(struct rest_req *q, unsigned status, err_t code, const char *detail);
/* With one more header, and more members (owned, freed); both may be NULL. */
void rest_problem_with(struct rest_req *q, unsigned status, err_t code, const char *detail, const char *header, const char *value,
		       json_t *more);
void rest_problemf(struct rest_req *q, unsigned status, err_t code, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* The finding, which is freed. */
void rest_problem_diag(struct rest_req *q, unsigned status, err_t code, struct diag *why);
/* Queues a response that a function made; takes it. */
void rest_queue(struct rest_req *q, unsigned status, struct MHD_Response *resp);
/* "\"…\"" of the JSON text of a value, as it is put out. */
enum { REST_ETAG = 40 };
void rest_etag(const char *text, size_t n, char out[REST_ETAG]);
const char *rest_header(struct rest_req *q, const char *name);
/* A parameter of the query, decoded, in buf; NULL: not there. *bad: it cannot be decoded. */
const char *rest_query(struct rest_req *q, const char *name, char *buf, size_t cap, bool *bad);
/* Status that goes with an error code. */
unsigned rest_status(err_t code);
/* The code of this name ("NOT_FOUND"); E_INTERNAL when nobody has it. */
err_t rest_code(const char *name);

/* ---- resource.c ---- */

/* Answers a request whose caller and role have been checked. */
void rest_serve(struct rest_req *q);

/* ---- builtins ---- */

/* The next block of a text/event-stream, in *text (of the heap); NULL: none came within timeout_ms. False: it is over. */
typedef bool rest_next_cb(void *src, unsigned timeout_ms, char **text);
/* Answers with a stream of server-sent events; end(src) is called once, whatever happens. */
void rest_events(struct rest_req *q, rest_next_cb *next, void (*end)(void *src), void *src);

void rest_do_events(struct rest_req *q);
void rest_do_logs(struct rest_req *q);
void rest_do_trace(struct rest_req *q);
void rest_do_whoami(struct rest_req *q);
void rest_do_metrics(struct rest_req *q);
void rest_do_healthz(struct rest_req *q);
void rest_do_readyz(struct rest_req *q);
void rest_do_openapi(struct rest_req *q);

/* ---- listen.c: life ---- */

struct rest_http;
/* Listens as the settings say: sockets and keys first (they may need privileges that are given up later), then threads. */
MUST err_t rest_http_listen(struct rest *r, struct rest_http **out, struct diag **why);
MUST err_t rest_http_start(struct rest_http *h, struct diag **why);
/* No new requests, and the end of those that run; the event streams have to be told before (hub_stop). */
void rest_http_stop(struct rest_http *h);
/* "https://127.0.0.1:8443", for the log; NULL behind the last. */
const char *rest_http_where(const struct rest_http *h, size_t i);

#endif
