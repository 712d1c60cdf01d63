/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the engine: what the files of core/ike offer each other. Not included from outside core/ike and its tests.
 * Every entry of engine.h sets now_ms and fx first, so that functions here find both in the engine. One thread.
 */
#ifndef ADIT_IKE_ENGINE_INT_H
#define ADIT_IKE_ENGINE_INT_H

#include "base/count.h"
#include "base/htab.h"
#include "ike/child.h"
#include "ike/engine.h"
#include "ike/job.h"
#include "ike/table.h"
#include "ike/timer.h"

struct ike_cmds;   /* cmd.c */
struct ike_counts; /* counts.c */
struct ike_meters; /* meter.c */
struct ike_dos;    /* dos.c */
struct ike_pool;   /* pool.c */

struct ike_engine {
	struct ike_env env;
	uint64_t now_ms;
	struct fx_list *fx;
	struct slab *sas;
	struct htab *by_spi;     /* our SPI of each IKE SA -> handle */
	struct htab *by_init;    /* responder's half-open SAs: peer's SPI and address -> handle */
	struct htab *by_ids;     /* both identities (hashed) -> first SA of a list (index.c) */
	struct htab *by_unique;  /* unique id -> handle */
	struct htab *by_conn;    /* connection and peer's address (hashed) -> first SA of a list that can take a further child */
	struct slab *waits;      /* struct ike_wait: tokens of jobs and kernel operations */
	struct timers timers;
	struct ike_xch *spare;   /* exchanges to be used again, with their arenas */
	uint32_t n_spare;
	uint32_t serial;
	uint8_t seed[16];        /* of tables and of ike_rand_below */
	uint64_t rand_count;
	uint8_t *buf;            /* ENGINE_BUF bytes: the message being written */
	struct arena scratch;    /* pieces of one unprotected message */
	uint64_t next_unique;    /* of IKE SAs; children count on their own */
	struct ike_timer t_roam; /* the host has changed: SAs are looked at, from roam_at on (t_mobike.c) */
	uint32_t roam_at;
	size_t half_bytes;       /* of requests whose fragments are not all here */
	uint32_t half_open;      /* SAs of ours as responder before IKE_AUTH */
	uint32_t connecting;     /* SAs of ours as initiator that are not up yet */
	uint32_t events_mask;
	bool stopping;
	struct ike_dos *dos;
	struct ike_cmds *cmds;
	struct ike_counts *counts;
	struct ike_meters *meters;
	struct ike_pool *pools;
	struct child_world *children;
};

#define ENGINE_BUF 65536

/* ---- effects (fx.c) ---------------------------------------------------------------------------------------------- */

/* Copies the datagram. Lost (and counted) when the list is full: as a lost packet. */
void fx_send(struct ike_engine *e, const struct net_addr *local, const struct net_addr *remote, uint8_t dscp, slice data);
struct fx *fx_add(struct ike_engine *e, uint8_t type); /* NULL: no room */

/* ---- failing ------------------------------------------------------------------------------------------------------ */

/* Sets x->err, x->notify (err_notify of the code) and x->why; returns V_REJECT. */
enum verdict ike_reject(struct ike_xch *x, err_t code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same; returns V_CLOSE. */
enum verdict ike_close(struct ike_xch *x, err_t code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Data of the notify (copied): the KE method of INVALID_KE_PAYLOAD. */
void ike_reject_data(struct ike_xch *x, slice data);
/* An error notify of the peer in x->in as a failure of our request: logs its meaning and the remedy; V_REJECT. */
enum verdict ike_refused(struct ike_xch *x, const struct wire_notify *n);

/* ---- SAs (sa.c) ---------------------------------------------------------------------------------------------------- */

/* A new SA with fresh SPI of ours in state NONE; *conn is referenced. NULL: no memory or a limit (counted, logged). */
struct ike_sa *ike_sa_new(struct ike_engine *e, bool initiator, struct conf_conn *conn, const struct net_addr *local,
	const struct net_addr *remote);
/* NULL when it is gone: a normal answer. */
struct ike_sa *ike_sa_at(struct ike_engine *e, handle h);
struct ike_sa *ike_sa_by_unique(struct ike_engine *e, uint64_t unique);
/* The next live SA, NULL at the end; SAs may come and go between calls. */
struct ike_sa *ike_sa_next(struct ike_engine *e, uint32_t *cursor);
/* The one place that changes the state: publishes nothing, sets and stops timers, checks the facts of the state. */
void ike_state_set(struct ike_engine *e, struct ike_sa *sa, uint8_t state);
/* The SA ends now: down events, children lost (with their actions), out of all tables; freed when nobody is inside.
 * The text is copied. */
void ike_sa_end(struct ike_engine *e, struct ike_sa *sa, err_t why, bool by_peer, const char *text);
/* An IKE rekey: `to` (from ike_sa_new, with SPIs, suite, keys set) gets everything of `from`: identities, connection,
 * children, queued work but deletes; it has a unique id of its own and goes to state UP, `from` goes to REKEYED. Publishes ike-rekey. */
void ike_sa_take_over(struct ike_engine *e, struct ike_sa *from, struct ike_sa *to);
/* Another SPI of ours for an SA that starts again. */
MUST err_t ike_sa_new_spi(struct ike_engine *e, struct ike_sa *sa);
void ike_setup_free(struct ike_sa *sa);
void inbox_free(struct ike_sa *sa);
void ike_id_set(struct ike_id *id, uint8_t type, slice data); /* copies; no memory: type 0 */
static inline slice ike_id_slice(const struct ike_id *id)
{
	return slice_of(id->data, id->n);
}
/* Our SPI. */
static inline uint64_t ike_sa_spi(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_i : sa->spi_r;
}
/* A fresh 64-bit SPI that no SA has, with the shard in its low bits. */
MUST err_t ike_spi_new(struct ike_engine *e, uint64_t *spi);
/* Sets lifetimes from the connection (rand time) and starts the timers. */
void ike_sa_lifetimes(struct ike_engine *e, struct ike_sa *sa);
/* For the ring of the SA; the text is static. */
void ike_note(struct ike_engine *e, struct ike_sa *sa, const char *text);

/* ---- exchanges of ours (xch.c) --------------------------------------------------------------------------------------- */

/* New zeroed work; NULL no memory. conn may be NULL. */
struct ike_work *ike_work_new(uint8_t story, struct conf_conn *conn, const struct conf_child *child, uint64_t cmd_id);
void ike_work_free(struct ike_work *w);
/* Queues work at its SA (takes it) and starts it when the window is free. Deletes go to the front. */
void ike_work_add(struct ike_engine *e, struct ike_sa *sa, struct ike_work *w);
/* Starts the next work when nothing of ours is in flight. */
void ike_work_run(struct ike_engine *e, struct ike_sa *sa);
/* Puts x->work back to be tried again at now + after_ms (TEMPORARY_FAILURE); x->work becomes NULL. */
void ike_work_again(struct ike_xch *x, uint64_t after_ms);

/* ---- making an IKE SA -------------------------------------------------------------------------------------------------- */

/* A child to be set up from a connection: joins an SA that is there or coming (connecting SAs included), else makes a
 * new one and starts IKE_SA_INIT. Takes the work (STORY_CHILD_NEW; its child may be NULL: IKE SA alone).
 * E_NOT_FOUND: the connection has no remote address, … with *why. The command of the work is told in every case. */
MUST err_t ike_initiate_child(struct ike_engine *e, struct ike_work *w, struct diag **why);

/* ---- commands (cmd.c) ------------------------------------------------------------------------------------------------------ */

/* Something a command waits for has ended. The last one makes the FX_REPLY. cmd_id 0 or unknown: nothing. */
void ike_cmd_done(struct ike_engine *e, uint64_t cmd_id, err_t err, const char *text, uint64_t ike_unique,
	uint64_t child_unique);
/* One thing more to wait for. */
void ike_cmd_hold(struct ike_engine *e, uint64_t cmd_id);

/* ---- events (view.c) -------------------------------------------------------------------------------------------------------- */

void ike_event_sa(struct ike_engine *e, uint8_t type, struct ike_sa *sa, bool up, err_t code, const char *text,
	struct ike_sa *other);
/* CHILD_UPDOWN of one child, named by its unique id; it has to be in sa->children. */
void ike_event_child(struct ike_engine *e, struct ike_sa *sa, uint64_t child_unique, bool up, err_t code, const char *text);
/* CHILD_REKEY: old and new child of the SA. */
void ike_event_child_rekey(struct ike_engine *e, struct ike_sa *sa, uint64_t old_unique, uint64_t new_unique);

/* ---- log, counters ------------------------------------------------------------------------------------------------------------- */

struct log_ctx ike_log_ctx(const struct ike_sa *sa); /* borrowed from the SA */
#define SA_LOG(e, sa, sub, level, ...) \
	do { \
		if (log_wants((e)->env.log, (sub), (level))) { \
			struct log_ctx sa_log_ctx_ = ike_log_ctx(sa); \
			log_write((e)->env.log, (sub), (level), &sa_log_ctx_, __VA_ARGS__); \
		} \
	} while (0)
/* swanctl's counters, of all and of the SA's connection. */
void ike_count(struct ike_engine *e, const struct ike_sa *sa, enum ike_count c);

/* Heap copy; NULL no memory. */
uint8_t *mem_dup(slice s);
/* A random number below n (n > 0): rand times, jitter, SPIs. Not for keys. */
uint64_t ike_rand_below(struct ike_engine *e, uint64_t n);

#endif
