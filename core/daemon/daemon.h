/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of aditd: the wiring of engine, sockets, workers, plugins, configuration and API. One struct, one thread (the
 * loop's) for everything here; other threads are those of the log and the workers, which know nothing of it.
 *
 * The engine is called through drive.c alone: it executes the effects of a call after the call, in order. What comes in
 * while effects are executed (an answer of the kernel, a command of the API) calls the engine at once, and its effects
 * wait behind those that are being executed.
 */
#ifndef ADIT_DAEMON_DAEMON_H
#define ADIT_DAEMON_DAEMON_H

#include "api/server/server.h"
#include "config/store.h"
#include "config/trans.h"
#include "crypto/crypto.h"
#include "daemon/options.h"
#include "ike/engine.h"
#include "os/hooks.h"
#include "os/resolve.h"
#include "os/udp.h"
#include "os/workers.h"
#include "plugin/loader.h"

enum { SHUTDOWN_MS = 2000, JOBS_WAITING = 4096 };

struct drive_list;
struct daemon_plane;
struct creds;
struct netplane;

struct daemon {
	struct options opt;
	struct log *log;
	int log_stderr; /* id of the sink, -1 none */
	struct loop *loop;

	struct conf_settings *settings;
	struct conf_daemon conf; /* what the engine reads: settings with the options of the command line above them */
	struct conf_store *store;
	struct conf_hub *hub;
	struct effects *effects;

	struct plug_registry *reg;
	struct plug_services services;
	struct loader *loader;
	struct crypto crypto;
	struct daemon_plane *plane;
	struct creds *creds;
	struct netplane *net;
	struct hooks *hooks;
	struct hooks_child hooks_child;
	uint32_t events_api, events_own; /* types of events the API's clients and the daemon itself listen to */
	struct conf_can can;
	struct suite_env can_ike, can_child;

	struct udp *udp;
	struct workers *workers;
	struct resolver *resolver; /* names of hosts */
	struct ike_engine *engine;
	struct api_server *api;

	/* drive.c */
	struct drive_list *fx_wait, **fx_wait_tail, *fx_free;
	bool fx_busy;
	struct loop_timer *tick;
	uint64_t tick_at_ms; /* when the timer fires; UINT64_MAX not */

	struct loop_timer *second, *idle;
	struct loop_signal *signals[4];
	uint64_t stop_at_ms; /* 0: not stopping */
	bool kept;           /* keep_state: what is in the kernel stays */
	bool running; /* from the ready line to the end */
	bool secrets_said;
	char *pidfile_path;
	int pidfile; /* descriptor, -1 none */
};

/* ---- drive.c: the engine and its effects ---- */

MUST err_t drive_start(struct daemon *d, struct diag **why);
void drive_stop(struct daemon *d);
void drive_rx(struct daemon *d, const struct net_addr *local, const struct net_addr *remote, slice data);
void drive_cmd(struct daemon *d, const struct ike_cmd *cmd);
void drive_forget(struct daemon *d, uint64_t cmd_id);
void drive_conf_changed(struct daemon *d);
void drive_adopt(struct daemon *d, const struct ike_adopt *a);
void drive_kern_event(struct daemon *d, const struct kern_event *ev);
void drive_kern_done(struct daemon *d, uint64_t token, err_t res);
void drive_sign_done(struct daemon *d, uint64_t token, err_t err, const char *why, const struct ike_signed *s);
void drive_trust_done(struct daemon *d, uint64_t token, err_t err, const char *why, const struct ike_trusted *t);
void drive_shutdown(struct daemon *d);

/* ---- plane.c: the data plane ---- */

/* Before the plugins start: which data plane is to be used; the others are left out. E_NOT_FOUND: the one asked for. */
MUST err_t plane_choose(struct daemon *d, struct diag **why);
/* After they started; without any it is said what will not work. */
MUST err_t plane_start(struct daemon *d, struct diag **why);
void plane_stop(struct daemon *d);
err_t plane_submit(struct daemon *d, struct kern_op *ops, size_t n, uint64_t token);
/* The functions of struct ike_env; arg is the daemon. */
bool plane_has(void *arg, uint32_t caps); /* env.kern_has */
err_t plane_can(void *arg, uint16_t encr_id, uint16_t encr_bits, uint16_t integ_id, bool esn);
err_t plane_usage(void *arg, uint8_t dir, uint32_t spi, const struct net_addr *dst, struct kern_usage *out);
void plane_esp(void *arg, const struct kern_udp *v, size_t n);
uint32_t plane_caps(const struct daemon *d);
uint32_t plane_left_reqid(void *arg, const struct kern_policy *pol);
uint32_t plane_first_reqid(const struct daemon *d);
uint32_t plane_last_reqid(const struct daemon *d);
/* At the end SAs and policies stay in the kernel. False: the data plane cannot do that. */
bool plane_keep(struct daemon *d);

/* ---- netplane.c: the host's network ---- */

MUST err_t netplane_start(struct daemon *d, struct diag **why);
/* Routes, addresses and interfaces stay for the next run. */
void netplane_keep(struct daemon *d);
/* Before the plugins end: what is made is theirs to remove. */
void netplane_end_use(struct daemon *d);
void netplane_stop(struct daemon *d);
/* Functions of struct ike_env. Path MTUs are kept for a few seconds. */
uint32_t netplane_path_mtu(void *arg, const struct net_addr *local, const struct net_addr *remote);
bool netplane_source(void *arg, const struct net_addr *remote, struct net_addr *out);
bool netplane_child_device(void *arg, uint64_t unique, char dev[16]);
/* The device an address of ours is on; false: not known. */
bool netplane_device_of(struct daemon *d, const struct net_addr *a, char dev[16]);
/* Addresses, links or routes have changed. */
void netplane_changed(struct daemon *d);
/* The data plane has done these: routes for policies follow. */
void netplane_policies(struct daemon *d, const struct kern_op *ops, size_t n);
/* A virtual address comes to the host or goes; why it did not is in the log. */
MUST err_t netplane_vip(struct daemon *d, const struct net_addr *a, bool add);
/* A connection that is about to be used: what it needs besides the engine is made ready. */
void netplane_conn(struct daemon *d, const struct conf_conn *c);
void netplane_conn_gone(struct daemon *d, const char *name);
void netplane_event(struct daemon *d, const struct ike_event *ev);
/* What is still up although the daemon ends goes down; before the engine is freed. */
void netplane_all_down(struct daemon *d);

/* ---- updown.c: scripts ---- */

MUST err_t updown_start(struct daemon *d, struct diag **why);
/* Waits for scripts that run. */
void updown_stop(struct daemon *d);
/* dev: the child's interface, "" none of its own. */
void updown_child(struct daemon *d, const struct ike_view *sa, const struct ike_child_view *c, bool up, const char *dev);

/* ---- conf.c: the configuration ---- */

/* Reads the files named by the options into d->settings and d->conf (not the connections). */
MUST err_t conf_read_settings(struct daemon *d, struct diag **why);
/* Reads connections and secrets and applies them; the start actions of what is new are done. */
MUST err_t conf_load_all(struct daemon *d, struct diag **why);
/* SIGHUP: both of the above, and the plugins are told. After an error nothing has changed. */
MUST err_t conf_reload(void *daemon, struct diag **why);
/* Settings of daemon and plugins alone: connections that came over the API stay. */
MUST err_t conf_reload_settings(void *daemon, struct diag **why);
/* The API changed one connection. */
void conf_conn_changed(void *daemon, const char *name);
void conf_start_actions(struct daemon *d, const struct conf_conn *c);
/* Are these settings fine for what is loaded? */
MUST err_t conf_check_settings(struct daemon *d, const struct conf_settings *s, struct diag **why);
/* Takes them over, and tells the plugins; they have been checked. */
void conf_take_settings(struct daemon *d, struct conf_settings **s);

/* ---- commit.c: transactions (config/trans.h) on this daemon ---- */

MUST err_t commit_start(struct daemon *d, struct diag **why);
void commit_stop(struct daemon *d);

/* ---- effects.c: what a commit does to living SAs ---- */

#define EFFECTS_ID (1ull << 63) /* bit of the ids of its commands */

struct effects;
struct plan;
MUST err_t effects_new(struct daemon *d);
void effects_free(struct daemon *d);
/* For a connection that changed (now NULL: that is gone). NULL: no memory. */
struct plan *effects_plan(const struct conf_conn *old, const struct conf_conn *now);
void effects_add(struct plan **list, struct plan *p);
void effects_run(struct daemon *d, struct plan *list); /* takes the list */
void effects_tick(struct daemon *d); /* once a second */
/* True: the reply was to a command of the effects. */
bool effects_reply(struct daemon *d, const struct fx *reply);

/* ---- plugconf.c ---- */

/* Settings of plugins against what the plugins declare; after the plugins were opened. */
MUST err_t plugconf_check(struct daemon *d, const struct conf_settings *s, struct diag **why);

/* ---- life.c ---- */

/* Everything from the options to the ready line. */
MUST err_t daemon_start(struct daemon *d, struct diag **why);
void daemon_stop(struct daemon *d);
/* Each finding in a line of its own, on standard error ("aditd: …") or in the log when there is one. */
void daemon_say(struct daemon *d, const struct diag *why, err_t code);

#endif
