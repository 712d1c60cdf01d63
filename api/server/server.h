/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server of the message API: a Unix socket on the loop, clients with permissions from their credentials, commands,
 * streamed lists, events, log lines. The vici wire (api/vici/vici.h), methods and events of api/schema.
 *
 * Bounded throughout (principle P7): clients, bytes a client may have waiting in each direction, pieces of a list per
 * turn of the loop. A client that does not read loses events, is told how many, and harms nobody; its own requests
 * wait until it reads. Requests of one client are done one after the other, in their order.
 *
 * Thread: the loop's, for everything here; the log sink inside takes lines from any thread. Nothing waits.
 */
#ifndef ADIT_API_SERVER_H
#define ADIT_API_SERVER_H

#include "api/server/creds_env.h"
#include "ike/engine.h"
#include "os/loop.h"

#include <sys/types.h>

struct api_server;
struct conf_can;
struct conf_hub;
struct conf_told;
struct conf_store;
struct plug_registry;

/* Figures for `stats` that only the daemon knows. */
struct api_figures {
	uint32_t workers, workers_busy, jobs_waiting, timers;
};

/* What the server works on; everything is borrowed for its whole life. Functions are called on the loop thread. */
struct api_env {
	struct loop *loop;
	struct log *log;
	struct ike_engine *engine;
	struct conf_store *store;
	const struct plug_registry *registry;
	struct conf_hub *hub;        /* transactions; NULL: there are none */
	const struct conf_can *can;  /* what a connection may ask for */
	const char *version;         /* of the daemon */
	gid_t group_read, group_operate, group_configure; /* (gid_t)-1: none; root and our own user may everything */
	unsigned max_clients;        /* 0: 64 */

	void *arg; /* first argument of the functions below */
	/* ike_do() and the execution of its effects; the reply comes to api_server_reply, maybe before this returns. */
	void (*run)(void *arg, const struct ike_cmd *cmd);
	/* ike_cmd_forget(). */
	void (*forget)(void *arg, uint64_t cmd_id);
	/* The store was changed: ike_conf_changed() and the execution of its effects. `conn` is the name that changed. */
	void (*conf_changed)(void *arg, const char *conn);
	/* Reads the settings again, not the connections. NULL: not supported. */
	err_t (*reload)(void *arg, struct diag **why);
	/* Certificates and private keys; its functions get `arg`. NULL: there are none. */
	const struct api_creds *creds;
	/* NULL: all zero. */
	void (*figures)(void *arg, struct api_figures *out);
	/* Which events somebody listens to: a mask of 1 << enum ike_event_type, for ike_events_wanted(). NULL: not told. */
	void (*events_wanted)(void *arg, uint32_t mask);
};

/* Opens the socket. A file left over by a daemon that is gone is taken over; E_EXISTS when one answers on it; E_IO,
 * E_PERM with the path and the remedy. The file is 0600 without groups, 0660 with one, 0666 with several (or when it may
 * not be given to the group): the credentials of the caller decide in any case. */
MUST err_t api_server_new(const struct api_env *env, const char *path, struct api_server **out, struct diag **why);
/* Closes everything and removes the socket file, if it is still ours. Outstanding commands are forgotten. */
void api_server_free(struct api_server *s);

/* An FX_EVENT of the engine. */
void api_server_event(struct api_server *s, const struct ike_event *ev);
/* An FX_REPLY of the engine; false when nobody waits for this command any more. */
bool api_server_reply(struct api_server *s, const struct fx *reply);
/* A key that api_creds.load_key was asked for; false when nobody waits for it any more. */
bool api_server_key_loaded(struct api_server *s, uint64_t cmd_id, err_t err, const uint8_t id[API_KEYID_LEN], const char *why);
/* Tells every client of `alert` about something that is not an event of the engine. */
void api_server_alert(struct api_server *s, err_t code, const char *text);

/* Tells every client of `config` what became of a commit. */
void api_server_config(struct api_server *s, const struct conf_told *told);

/* A client over a descriptor that is connected already (socketpair: tests, inherited sockets); fd is taken. */
MUST err_t api_server_adopt(struct api_server *s, int fd, uint8_t perm);
/* A server without a listening socket, for api_server_adopt alone. */
MUST err_t api_server_new_detached(const struct api_env *env, struct api_server **out, struct diag **why);

#endif
