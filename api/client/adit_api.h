/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libadit-api: talk to aditd from C. Installed as <adit/adit_api.h>; pkg-config module adit-api.
 *
 * A connection is used by one thread at a time. Calls wait for their answer, at most as long as adit_api_set_timeout
 * says. What the methods and events are, with their arguments and fields: docs/api.md, or the method `describe`.
 *
 *   struct adit_api *a;
 *   struct adit_node *reply;
 *   if (adit_api_open(NULL, &a) == ADIT_API_OK) {
 *       if (adit_api_call(a, "version", NULL, &reply) == ADIT_API_OK)
 *           printf("%s\n", adit_node_text(reply, "version"));
 *       else
 *           fprintf(stderr, "%s\n", adit_api_error(a));
 *       adit_node_free(reply);
 *   }
 *   adit_api_close(a);
 */
#ifndef ADIT_API_H
#define ADIT_API_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct adit_api; /* a connection */
struct adit_msg; /* arguments being written */

enum adit_api_status {
	ADIT_API_OK = 0,
	ADIT_API_CONNECT = 1,  /* nobody answers on the socket, or no permission */
	ADIT_API_IO = 2,       /* the connection broke: open a new one */
	ADIT_API_PROTOCOL = 3, /* what came is no message: open a new one */
	ADIT_API_UNKNOWN = 4,  /* the daemon has no such method or event */
	ADIT_API_FAILED = 5,   /* the daemon refused or failed: the reply says success = no */
	ADIT_API_NOMEM = 6,
	ADIT_API_TIMEOUT = 7,  /* open a new connection */
	ADIT_API_MISUSE = 8    /* the arguments do not nest or are too long */
};

/* ---- connection ---- */

/* path NULL: $ADIT_SOCKET, else the place this library was built for. *out is set in any case (for adit_api_error;
 * NULL only with ADIT_API_NOMEM) and is given back with adit_api_close. */
enum adit_api_status adit_api_open(const char *path, struct adit_api **out);
void adit_api_close(struct adit_api *a); /* NULL is fine */
/* One sentence about the last call that failed. Lives until the next call. */
const char *adit_api_error(const struct adit_api *a);
/* Name of the error the daemon gave ("NOT_FOUND"), "" when it gave none. */
const char *adit_api_errcode(const struct adit_api *a);
/* Of every wait; 0: for ever, the default. */
void adit_api_set_timeout(struct adit_api *a, unsigned timeout_ms);
/* To wait for it in a loop of one's own; adit_api_next(…, 0) then takes what came. */
int adit_api_fd(const struct adit_api *a);

/* ---- arguments ---- */

/* NULL: out of memory, which the functions below take as an argument, too. Names up to 255 bytes, values up to 65535. */
struct adit_msg *adit_msg_new(void);
void adit_msg_free(struct adit_msg *m);
void adit_msg_text(struct adit_msg *m, const char *key, const char *value);
void adit_msg_bytes(struct adit_msg *m, const char *key, const void *value, size_t n);
void adit_msg_int(struct adit_msg *m, const char *key, int64_t value);
void adit_msg_section(struct adit_msg *m, const char *name);
void adit_msg_section_end(struct adit_msg *m);
void adit_msg_list(struct adit_msg *m, const char *name);
void adit_msg_item(struct adit_msg *m, const void *value, size_t n);
void adit_msg_list_end(struct adit_msg *m);

/* ---- answers ---- */

enum adit_node_kind { ADIT_NODE_SECTION = 1, ADIT_NODE_VALUE = 2, ADIT_NODE_LIST = 3 };

/* A tree; read only. The root is a section without name. Items of a list are values without name. */
struct adit_node {
	const struct adit_node *next;  /* the one behind it in the same section or list */
	const struct adit_node *first; /* SECTION, LIST: what is inside */
	enum adit_node_kind kind;
	const char *name;
	const char *value; /* VALUE: n bytes and a closing zero */
	size_t n;
};

void adit_node_free(struct adit_node *root); /* NULL is fine */
/* "ikesas.total": names separated by dots (a name that holds a dot is found by walking). NULL: not there. */
const struct adit_node *adit_node_at(const struct adit_node *n, const char *path);
/* The value at a path; NULL: not there or no value. n may be NULL. */
const char *adit_node_text(const struct adit_node *n, const char *path);

/* ---- calls ---- */

/* m (NULL: no arguments) is freed in any case. *reply (may be NULL) is the answer, also with ADIT_API_FAILED; else NULL. */
enum adit_api_status adit_api_call(struct adit_api *a, const char *method, struct adit_msg *m, struct adit_node **reply);

/* Called for each event; the node lives until it returns. */
typedef void adit_api_cb(void *arg, const char *event, const struct adit_node *body);
/* As adit_api_call, with the events the method streams (its `stream` in docs/api.md). */
enum adit_api_status adit_api_stream(struct adit_api *a, const char *method, const char *event, struct adit_msg *m,
				     adit_api_cb *cb, void *arg, struct adit_node **reply);

/* ---- events ---- */

enum adit_api_status adit_api_listen(struct adit_api *a, const char *event);
enum adit_api_status adit_api_unlisten(struct adit_api *a, const char *event);
/* The next event, waiting up to timeout_ms (-1: for ever, 0: not). ADIT_API_TIMEOUT, after which the connection is
 * still good, when none came. *event lives until the next call; *body is the caller's. */
enum adit_api_status adit_api_next(struct adit_api *a, int timeout_ms, const char **event, struct adit_node **body);

#ifdef __cplusplus
}
#endif

#endif
