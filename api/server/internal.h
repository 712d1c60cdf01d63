/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the API server: clients, calls, and what the methods are written with.
 *
 * A method is one function `api_do_NAME(call)`, found through the table that tools/apigen makes from the schema; its
 * arguments have been checked against the schema before. It ends the call with api_ok, api_fail or api_reply, or it
 * leaves it open: api_stream for a list that is given out in pieces, api_command for an engine command whose FX_REPLY
 * ends it. call->body stays valid until the call ends.
 */
#ifndef ADIT_API_INTERNAL_H
#define ADIT_API_INTERNAL_H

#include "api/gen/method_ids.h"
#include "api/schema/schema.h"
#include "api/server/server.h"
#include "api/vici/vici.h"

#include <pthread.h>
#include <stdio.h>

enum {
	API_IN_MAX = VICI_PACKET_MAX + 64 * 1024, /* bytes a client may have waiting for us */
	API_OUT_SOFT = 256 * 1024, /* bytes waiting for a client: beyond, events are lost and its requests wait */
	API_TURN_ITEMS = 64,       /* pieces of a list in one turn of the loop */
	API_LOG_LINES = 512        /* lines of other threads waiting for the loop */
};

struct api_call;
struct api_client;

typedef void (*api_handler)(struct api_call *call);
extern const api_handler api_handlers[API_M_COUNT];

/* Gives out one piece of a list; false when there is none left. */
typedef bool (*api_step)(struct api_call *call);

struct api_call {
	struct api_client *client;
	struct api_server *s;
	const struct api_method *m;
	uint8_t *packet;  /* owned: the request */
	size_t packet_n;
	slice body;       /* arguments, well-formed */
	api_step step;    /* of a stream */
	uint64_t cursor;  /* of the stream */
	struct {
		uint8_t stage;
		uint64_t at;
	} walk;           /* of a stream over the configuration */
	uint64_t cmd_id;  /* of an engine command that runs */
	int8_t loglevel;  /* of the control-log events; LOG_SILENT none */
	bool ended;
	struct api_call *outer; /* of a part of diagnostics: what it says becomes events of that */
	char ike[128];    /* what the control-log lines are filtered by; "" any */
	uint64_t ike_id;
	void *state;                /* of a stream that needs more than the cursor */
	void (*state_free)(void *state);
};

struct api_frame {
	struct api_frame *next;
	size_t n, off;
	uint8_t bytes[];
};

/* What a client wants to see of the log (trace-start). */
struct api_trace {
	bool on, has_peer;
	int8_t level[LOG_SUB_COUNT];
	char ike[128];
	struct ts_sel peer;
};

/* An event that happened, for list-events. */
struct api_past {
	uint8_t *body; /* elements; NULL none */
	size_t n;
	uint64_t time_ms;
	uint8_t id;
};
enum { API_PAST = 256, API_PAST_BYTES = 8192 };

struct api_client {
	struct api_client *next;
	struct api_server *s;
	struct loop_watch *watch;
	int fd;
	int watching;        /* LOOP_READ | LOOP_WRITE as set */
	uint8_t perm;        /* enum api_perm */
	bool eof, doomed;    /* closed at the end of this turn */
	uid_t uid;
	pid_t pid;
	char name[64];       /* as it said hello */
	struct api_trace trace;
	uint64_t registered; /* bits of enum api_event_id */
	uint8_t *in;
	size_t in_off, in_n, in_cap; /* taken up to in_off */
	struct api_frame *out, **out_tail;
	size_t out_bytes;
	uint64_t lost;       /* events since the last time it was told */
	struct api_call *call;
};

/* Calls of one method since the start. */
struct api_tally {
	uint64_t done, failed;
};

struct api_server {
	struct api_env env;
	char *path;
	int listen_fd;
	dev_t dev;
	ino_t ino;
	struct loop_watch *listen_watch;
	struct loop_flush *flush;
	struct loop_wake *wake;
	struct api_client *clients;
	unsigned n_clients;
	uint64_t next_cmd;
	uint64_t started_ms, started_wall_s;
	struct api_tally tally[API_M_COUNT];
	struct {
		uint64_t at_ms; /* 0: not asked yet */
		uint64_t sbrk, mmap, used, free;
	} heap; /* figures of the allocator */
	pthread_t thread;
	int sink;
	int8_t sink_level[LOG_SUB_COUNT]; /* the most detailed anybody wants */
	pthread_mutex_t log_lock;
	struct api_log_line *log_head, **log_tail;
	unsigned log_n;
	uint64_t log_lost;
	struct api_past past[API_PAST]; /* a ring: numbers past_first … past_next - 1 */
	uint64_t past_first, past_next;
	struct htab *sa_counts; /* connection -> IKE SAs, as config-diff saw them last */
};

/* ---- server.c: calls ---- */

/* A response to fill: api_reply() sends it and frees it. */
void api_response(struct vici_out *o);
void api_reply(struct api_call *call, struct vici_out *o);
void api_ok(struct api_call *call);
/* Success with what people should know; "" or NULL: nothing. */
void api_ok_warning(struct api_call *call, const char *text); /* success = yes */
/* success = no with code and sentence; why (may be NULL) is freed. Ends the call. */
void api_fail(struct api_call *call, err_t code, struct diag *why);
void api_failf(struct api_call *call, err_t code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* "success = no" and the rest into a response that has more to say; the reason alone. */
void api_put_error(struct vici_out *o, err_t code, const char *text);
void api_put_reason(struct vici_out *o, err_t code, const char *text);
void api_stream(struct api_call *call, api_step step);
/* Starts an engine command; cmd_id is filled in. */
void api_command(struct api_call *call, struct ike_cmd *cmd);
/* Arguments as texts: NULL when absent, else in buf. */
const char *api_arg(const struct api_call *call, const char *name, char *buf, size_t cap);
uint64_t api_arg_u64(const struct api_call *call, const char *name, uint64_t otherwise);
int64_t api_arg_i64(const struct api_call *call, const char *name, int64_t otherwise);
bool api_arg_bool(const struct api_call *call, const char *name, bool otherwise);

/* ---- client.c ---- */

MUST err_t api_client_new(struct api_server *s, int fd, uint8_t perm, struct api_client **out);
void api_client_free(struct api_client *c);
/* Queues a frame; events beyond the soft bound are dropped and counted. o is freed. */
void api_client_send(struct api_client *c, struct vici_out *o, bool droppable);
bool api_client_wants(const struct api_client *c, enum api_event_id id);
/* Goes on with what waits: stream, next request, writing. */
void api_client_turn(struct api_client *c);
void api_clients_changed(struct api_server *s); /* registrations changed: log levels, wanted events */

/* An event being written, for everybody who registered: api_event_done sends it to each and frees it. */
void api_event_start(struct vici_out *o, enum api_event_id id);
void api_event_done(struct api_server *s, struct vici_out *o, enum api_event_id id);
/* To the client of a call, if it registered for it. */
void api_event_to(struct api_call *call, struct vici_out *o, enum api_event_id id);
/* An answer or event of a part, for who asked for diagnostics; o is freed. */
void api_diagnostic(struct api_call *part, struct vici_out *o);

/* ---- tree.c ---- */

struct conf_node;
/* Elements of a well-formed body as a tree below `at`. */
MUST err_t api_tree_of(slice body, struct conf_node *at, struct diag **why);
/* A node and all below it; hide: secrets are masked. */
struct conf_schema;
void api_put_node(struct vici_out *o, const struct conf_node *n, const struct conf_schema *s, bool hide);
/* A map `findings` of all that is in the list. */
void api_put_findings(struct vici_out *o, const struct diag *why);
/* As findings, beside success: what is allowed, but not wise. */
void api_put_warnings(struct vici_out *o, const struct diag *why);
/* As api_fail, with the findings one by one. */
void api_fail_findings(struct api_call *call, err_t code, struct diag *why);

/* ---- events.c, log.c, views.c ---- */

/* Is it one that list-events tells later? */
bool api_event_kept(enum api_event_id id);
bool api_event_listened(const struct api_server *s, enum api_event_id id);
void api_log_levels(struct api_server *s);
MUST err_t api_log_start(struct api_server *s);
void api_log_stop(struct api_server *s);
void api_log_drain(void *server);

/* Which child SAs: of this name (NULL any), of this number (0 any), and of the places from … to-1. */
struct api_child_filter {
	const char *name;
	uint64_t unique;
	uint32_t from, to;
};
/* A section NAME { … } of an IKE SA; children (those that pass, NULL: all) when with_children. */
void api_put_ike(struct vici_out *o, const char *section, const struct ike_view *v, bool with_children,
		 const struct api_child_filter *f);
void api_put_ike_fields(struct vici_out *o, const struct ike_view *v);
void api_put_child(struct vici_out *o, const char *section, const struct ike_child_view *c);
void api_put_ts(struct vici_out *o, const char *list, const struct ts_sel *ts, size_t n);
const char *api_mode_name(uint8_t kern_mode);

#endif
