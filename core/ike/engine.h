/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IKE engine as everybody outside core/ike sees it (principles P2 to P5).
 *
 * It does no I/O, reads no clock and has no globals. In go datagrams, ticks, results of jobs, answers of the kernel
 * and commands; out come effects: SEND, JOB, KERNEL, EVENT, REPLY. The caller executes the effects after each call, in
 * order, and then resets the list. Two engines in one process are a test (tests/exchange).
 *
 * Thread: one owner thread per engine, for every function here but ike_job_run, which runs on any. Nothing waits.
 * Time: now_ms is monotonic milliseconds from any origin and never goes back. Datagrams come without the non-ESP marker.
 */
#ifndef ADIT_IKE_ENGINE_H
#define ADIT_IKE_ENGINE_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/log.h"
#include "config/psk.h"
#include "crypto/crypto.h"
#include "plugin/abi.h"

struct ike_engine;

/* What an engine is given; every pointer is borrowed for its whole life. */
struct ike_env {
	const struct crypto *crypto; /* algorithms and randomness */
	struct log *log;
	const struct conf_daemon *conf;
	uint8_t shard;      /* goes into the low bits of our SPIs (design section 4) */
	uint8_t shard_bits; /* 0..6 */
	bool inline_jobs;   /* run jobs at once instead of emitting FX_JOB (no worker threads) */
	void *arg;          /* first argument of the functions below */
	/* Connections that fit this pair of addresses, best first (family NET_NONE fits every one: all connections);
	 * *cursor starts with 0; NULL at the end. Borrowed. */
	struct conf_conn *(*conn_match)(void *arg, const struct net_addr *local, const struct net_addr *remote,
					size_t *cursor);
	struct conf_conn *(*conn_find)(void *arg, const char *name);
	/* The shared secret for a peer; false: there is none. What comes is borrowed until the engine returns. */
	bool (*psk)(void *arg, const struct conf_psk_ask *ask, struct conf_psk *out);
	/* The address of ours from which `remote` is reached, without port; false: no route. NULL: unknown. */
	bool (*local_addr)(void *arg, const struct net_addr *remote, struct net_addr *out);
	/* What the data plane can do (kern_ops.can). NULL: everything. */
	err_t (*kern_can)(void *arg, uint16_t encr_id, uint16_t encr_bits, uint16_t integ_id, bool esn);
	/* Counters of an installed SA (kern_ops.usage); answers from memory. */
	err_t (*kern_usage)(void *arg, uint8_t dir, uint32_t spi, const struct net_addr *dst, struct kern_usage *out);
	/* MTU of the path between two addresses, 0 unknown; NULL: always unknown. */
	uint32_t (*path_mtu)(void *arg, const struct net_addr *local, const struct net_addr *remote);
	/* The virtual interface of a child SA; false: it has none. NULL: none has. */
	bool (*child_device)(void *arg, uint64_t child_unique, char dev[16]);
	/* The reqid of an outbound policy of this name that an earlier run has left in the kernel, 0 none
	 * (kern_ops.left_reqid). NULL: there are none. */
	uint32_t (*kern_left_reqid)(void *arg, const struct kern_policy *pol);
	uint32_t kern_first_reqid; /* reqids below it may be in use; 0: none is */
	uint32_t kern_last_reqid;  /* the highest the data plane takes; 0: no bound */
	uint32_t kern_caps;
	/* Has it all of these KERN_CAP_… by now? A module may have been loaded since the start. NULL: kern_caps tells. */
	bool (*kern_has)(void *arg, uint32_t caps);
	/* Wall clock, for texts and absolute times alone. */
	uint64_t (*wall_s)(void *arg);
	/* Hashes of signatures that can be made and verified here: 1 << IANA number; 0: RFC 7427 is not offered. */
	uint32_t sig_hashes;
	/* The CAs a peer of this connection may come from: SHA-1 of their keys, 20 bytes each (RFC 7296 section 3.7). *http:
	 * certificates may come as hash and URL. Borrowed for the call. NULL: there are none. */
	slice (*ca_hashes)(void *arg, const struct conf_conn *conn, bool *http);
	/* What a certificate names, for a sentence: `its certificate "C=CH, CN=gw" names gw.test`. "" when it cannot be read. buf
	 * is returned. NULL: certificates are not read here. */
	char *(*cert_names)(void *arg, slice der, char *buf, size_t cap);
	/* Gives back what struct ike_trusted brought. */
	void (*peer_free)(void *arg, void *peer);
};

/* ---- what comes out ------------------------------------------------------------------------------------------ */

enum fx_type { FX_SEND = 1, FX_JOB, FX_KERNEL, FX_EVENT, FX_REPLY, FX_SIGN, FX_TRUST, FX_VIP, FX_RESOLVE };

struct ike_job;

/* A CERT payload: encoding (enum cert_enc) and its data. */
struct ike_cert {
	uint8_t enc;
	slice data;
};

/* What an exchange asks of the credentials: FX_SIGN wants our AUTH payload made with a key that fits identity and
 * connection (ike_sign_done), FX_TRUST whether the peer's is right and who vouches for it (ike_trust_done). The engine
 * sees no key and reads no certificate. Everything is in the list's arena but conn, which the SA refers to: who keeps it
 * takes a reference. Exactly one answer is wanted; after a minute the engine does without. */
struct ike_auth_ask {
	uint64_t token;
	struct conf_conn *conn;
	uint16_t round;        /* of conn->local (FX_SIGN) or conn->remote (FX_TRUST) */
	uint64_t unique;       /* of the SA, for log lines */
	struct net_addr remote;
	uint8_t my_type, peer_type; /* peer_type 0: not known yet */
	slice my_id, peer_id;
	uint32_t hashes;       /* the peer announced these (RFC 7427): 1 << IANA number; 0: nothing */
	slice octets;          /* what is signed, RFC 7296 section 2.15 */
	/* FX_SIGN */
	bool asked;            /* a request for certificates came; cas are its CAs, 20 bytes each, maybe none */
	bool http;             /* the peer takes hash and URL */
	bool ocsp;             /* it asks for an OCSP answer about our certificate (RFC 4806) */
	slice cas;
	/* FX_TRUST */
	uint8_t method;        /* of the peer's AUTH payload */
	slice auth;
	const struct ike_cert *certs;
	uint16_t n_certs;
};

/* The answers; borrowed for the call. */
struct ike_signed {
	uint8_t method;        /* enum auth_method */
	slice auth;            /* data of the AUTH payload */
	const struct ike_cert *certs; /* to send, our own first */
	uint16_t n_certs;
	const char *scheme;    /* for the log */
	const char *note;      /* why the peer may not take it and what to do: said when it refuses; NULL nothing */
};

struct ike_trusted {
	const char *scheme;
	uint64_t valid_until_s; /* wall clock: when the chain expires, 0 never */
	void *peer;             /* kept with the SA for others (ike_view.peer), given back by env.peer_free; may be NULL */
};

enum ike_event_type {
	IKE_EV_IKE_UPDOWN = 1, IKE_EV_IKE_REKEY, IKE_EV_IKE_UPDATE, IKE_EV_CHILD_UPDOWN, IKE_EV_CHILD_REKEY, IKE_EV_ALERT
};

struct ike_child_view;
struct ike_view;

struct ike_event {
	uint8_t type; /* enum ike_event_type */
	bool up;
	err_t code;                   /* of an alert, or why it went down; 0 asked for */
	const char *text;             /* the sentence that goes with it, or NULL */
	const struct ike_view *sa;    /* state after the event, children of interest only; in the list's arena */
	struct conf_conn *conn;       /* CHILD_UPDOWN: keeps children[0].conf alive; the list's own reference */
	const struct ike_view *other; /* the new SA of a rekey; for CHILD_REKEY sa->children[0] is old, [1] new */
};

struct fx {
	struct fx *next;
	uint8_t type;
	union {
		struct {
			struct net_addr local, remote; /* with ports; a local port of port_natt wants the non-ESP marker */
			slice data;                    /* lives until fx_reset */
			uint8_t dscp;                  /* of the IP packet, 0 to 63 */
		} send;
		struct ike_job *job; /* the receiver runs it (ike_job_run) and gives it back with ike_done, always */
		struct {
			struct kern_op *ops; /* in the list's arena */
			size_t n;
			uint64_t token; /* for ike_kern_done; 0: nobody waits for the answer */
		} kernel;
		struct ike_event event;
		struct ike_auth_ask *ask;
		/* A virtual address becomes one of this host, before what follows in the list, or is taken away. `outer` is the
		 * address the tunnel has: a device to put it on. */
		struct {
			bool add;
			struct net_addr addr, outer;
		} vip;
		/* The addresses of a host are wanted (ike_resolve_done); exactly one answer, within half a minute. */
		struct {
			uint64_t token;
			const char *name;
			uint8_t family; /* the one to be preferred */
		} resolve;
		struct {
			uint64_t cmd_id;
			err_t err;         /* 0: done */
			const char *text;  /* why it failed, one sentence */
			uint32_t matches;  /* SAs the command applied to */
			uint64_t ike_unique, child_unique;
		} reply;
	};
};

struct fx_list {
	struct arena arena;
	struct fx *head, **tail;
};

void fx_init(struct fx_list *l);
void fx_reset(struct fx_list *l);
void fx_fini(struct fx_list *l);

/* ---- life ---------------------------------------------------------------------------------------------------- */

struct conf_pool;
/* These are the pools from now on (the pointers are taken, the array is not): leases of a pool stay while its name and
 * addresses do; of one that goes they end with their SAs. */
void ike_pools_set(struct ike_engine *e, struct conf_pool **pools);

/* Which event types somebody listens to; views are only made for those. Default all. */
void ike_events_wanted(struct ike_engine *e, uint32_t type_mask);
MUST err_t ike_engine_new(const struct ike_env *env, struct ike_engine **out);
/* Frees everything at once and sends nothing: call ike_shutdown first. */
void ike_engine_free(struct ike_engine *e);
/* Deletes every SA: DELETE requests go out, kernel SAs and policies are removed when answered or given up. No new SA is
 * accepted from now on. Done when ike_idle() says so; the caller bounds the time and may then just free. */
void ike_shutdown(struct ike_engine *e, uint64_t now_ms, struct fx_list *out);
bool ike_idle(const struct ike_engine *e);
/* Connections were added, changed or removed: traps of vanished children go, SAs keep the version they were made with. */
void ike_conf_changed(struct ike_engine *e, uint64_t now_ms, struct fx_list *out);

/* Which SAs take over another version of their connection. */
struct ike_adopt {
	void *arg;
	/* The version an SA that has `old` is to have; NULL: it keeps it. Borrowed for the call. */
	struct conf_conn *(*version)(void *arg, const struct conf_conn *old);
	/* An SA that is in the middle of an exchange keeps its version for now: call again a little later. */
	void (*busy)(void *arg, const struct conf_conn *old);
	/* May a living child take it over (nothing that stands in the data plane changed)? */
	bool (*child)(void *arg, const char *conn, const char *child);
};
void ike_conf_adopt(struct ike_engine *e, uint64_t now_ms, const struct ike_adopt *a, struct fx_list *out);

/* Every living SA, and each of its children behind it, in few words: cheap enough for all of 100,000 at once. */
struct ike_sa_brief {
	uint64_t unique;
	const struct conf_conn *conn;    /* the version it has */
	void *peer;                      /* of struct ike_trusted */
	bool initiator, up;
	const struct conf_child *child;  /* NULL: the SA itself */
	uint64_t child_unique;
};
void ike_sa_walk(struct ike_engine *e, void (*cb)(void *arg, const struct ike_sa_brief *sa), void *arg);

/* ---- what goes in -------------------------------------------------------------------------------------------- */

void ike_rx(struct ike_engine *e, uint64_t now_ms, const struct net_addr *local, const struct net_addr *remote,
	    slice datagram, struct fx_list *out);
/* What FX_SEND asked for did not leave this host, and why: when it was a request of an SA, its log tells, and so does the reason
 * it ends for unless a later try leaves. False: of no SA. Gives no effects. */
bool ike_unsent(struct ike_engine *e, const struct net_addr *local, const struct net_addr *remote, slice datagram, const char *why);
/* When ike_tick wants to be called next; UINT64_MAX never. */
uint64_t ike_next_ms(const struct ike_engine *e);
void ike_tick(struct ike_engine *e, uint64_t now_ms, struct fx_list *out);
/* Does the work of a job; any thread, does not touch the engine. */
void ike_job_run(struct ike_job *job);
/* Gives a job back, run or not, and frees it. When its SA is gone nothing else happens. */
void ike_done(struct ike_engine *e, uint64_t now_ms, struct ike_job *job, struct fx_list *out);
/* The kernel's answer to FX_KERNEL with a token. */
void ike_kern_done(struct ike_engine *e, uint64_t now_ms, uint64_t token, err_t res, struct fx_list *out);
void ike_kern_event(struct ike_engine *e, uint64_t now_ms, const struct kern_event *ev, struct fx_list *out);
/* The answers to FX_SIGN and FX_TRUST. err: why is one sentence with cause and remedy. */
void ike_sign_done(struct ike_engine *e, uint64_t now_ms, uint64_t token, err_t err, const char *why,
	const struct ike_signed *s, struct fx_list *out);
void ike_trust_done(struct ike_engine *e, uint64_t now_ms, uint64_t token, err_t err, const char *why,
	const struct ike_trusted *t, struct fx_list *out);

/* The answer to FX_RESOLVE; err: why is one sentence. */
void ike_resolve_done(struct ike_engine *e, uint64_t now_ms, uint64_t token, err_t err, const char *why, const struct net_addr *addrs,
	size_t n, struct fx_list *out);

/* ---- commands ------------------------------------------------------------------------------------------------ */

enum ike_verb { IKE_CMD_INITIATE = 1, IKE_CMD_TERMINATE, IKE_CMD_REKEY, IKE_CMD_INSTALL, IKE_CMD_UNINSTALL, IKE_CMD_REDIRECT };

struct ike_cmd {
	uint8_t verb;
	uint64_t cmd_id;         /* comes back in FX_REPLY; 0: no reply wanted */
	const char *ike, *child; /* names; NULL any/none */
	uint64_t ike_id, child_id; /* unique ids; 0 any */
	/* REDIRECT: where to, and which clients besides ike and ike_id; texts as in the configuration, NULL any. */
	const char *gateway, *peer_ip, *peer_id;
	bool force;              /* TERMINATE: do not wait for the peer */
	bool reauth;             /* REKEY */
	err_t reason;            /* TERMINATE of an IKE SA: goes with the event and into the log; 0: it was asked for */
	bool unless_there;       /* INITIATE of a child: nothing to do when it lives already, with the same selectors, or is coming */
	uint64_t timeout_ms;     /* give up waiting (not the SA) after this long; 0 never */
	bool no_wait;            /* the FX_REPLY tells what was begun, at once */
	bool no_limits;
};

/* Starts a command. Exactly one FX_REPLY with its cmd_id follows, at once or later. */
void ike_do(struct ike_engine *e, uint64_t now_ms, const struct ike_cmd *cmd, struct fx_list *out);
/* Nobody waits for this command any more. */
void ike_cmd_forget(struct ike_engine *e, uint64_t cmd_id);

/* Does an SA pair of an earlier run still carry this child's traffic, so that it should be set up soon? */
bool ike_left_behind(struct ike_engine *e, const struct conf_conn *conn, const struct conf_child *f);

/* ---- looking ------------------------------------------------------------------------------------------------- */

struct ike_child_view {
	struct conf_conn *conn;        /* the versions it was made with; borrowed as long as the child or the event lives */
	const struct conf_child *conf;
	uint64_t unique;
	const char *name, *state; /* "INSTALLED", "REKEYING", "DELETED"… as swanctl prints it */
	uint32_t reqid;
	uint8_t mode, proto;
	bool encap, esn, up; /* up: told with an event, and not down since */
	uint32_t spi_in, spi_out;
	uint16_t encr, encr_bits, integ, ke, ake[7]; /* IANA; 0 none */
	struct kern_usage in, out;
	bool has_usage;
	uint64_t rekey_in_s, life_in_s; /* from now; 0 none */
	uint64_t install_ago_s;
	const struct ts_sel *local_ts, *remote_ts;
	uint16_t n_local_ts, n_remote_ts;
	uint32_t mark_in, mark_out, if_id_in, if_id_out;
	char device[16];        /* its virtual interface, "" none */
	uint16_t cpi_in, cpi_out; /* IPComp, 0 none */
	uint32_t path_mtu, mtu; /* of the path, and the longest packet that goes through it under this SA; 0 unknown */
	handle h;
};

struct ike_view {
	handle h;
	uint64_t unique;
	const char *conn;
	uint8_t version;
	const char *state; /* "CONNECTING", "ESTABLISHED", "REKEYING", "DELETING"… */
	struct net_addr local, remote;
	uint8_t local_id_type, remote_id_type;
	slice local_id, remote_id;
	bool initiator;
	uint64_t spi_i, spi_r;
	bool nat_local, nat_remote, nat_fake;
	struct suite suite;
	bool pq;  /* a post-quantum secret is part of its keys */
	bool ppk; /* a preshared one is (RFC 8784) */
	uint64_t established_ago_s;
	uint64_t rekey_in_s, reauth_in_s; /* from now; 0 none */
	uint64_t valid_until_s;           /* wall clock: the peer's certificates; 0 none */
	void *peer;                       /* of struct ike_trusted */
	const char *tasks_queued[8], *tasks_active[8], *tasks_passive[8]; /* NULL-terminated unless full */
	const struct net_addr *local_vips, *remote_vips; /* virtual addresses */
	uint8_t n_local_vips, n_remote_vips;
	const struct ike_child_view *children;
	uint16_t n_children;
	struct { uint64_t ms_ago; const char *text; } ring[8]; /* last events of this SA, newest first */
	uint8_t n_ring;
};

/* The next SA at or behind *cursor (start with 0) as a view in `a`; NULL at the end. SAs may come and go between calls,
 * so a long list can be given out in pieces. */
const struct ike_view *ike_view_next(struct ike_engine *e, uint64_t now_ms, uint32_t *cursor, struct arena *a);
const struct ike_view *ike_view_get(struct ike_engine *e, uint64_t now_ms, handle h, struct arena *a);
const struct ike_view *ike_view_unique(struct ike_engine *e, uint64_t now_ms, uint64_t unique, struct arena *a);

struct ike_policy_view {
	const char *conn, *child;
	uint8_t mode;
	bool trap; /* else pass or drop */
	const struct ts_sel *local_ts, *remote_ts;
	uint16_t n_local_ts, n_remote_ts;
};
/* Installed traps and shunts, as ike_view_next. */
const struct ike_policy_view *ike_policy_next(struct ike_engine *e, uint32_t *cursor, struct arena *a);

struct ike_pool_view {
	const char *name, *base;
	uint64_t size, online, offline;
};
/* The first pool whose name is behind `after` (NULL: the first of all); NULL at the end. */
const struct ike_pool_view *ike_pool_next(struct ike_engine *e, const char *after, struct arena *a);

struct ike_lease_view {
	struct net_addr addr;
	uint8_t id_type;
	slice id;
	bool online;
};
/* Leases of a pool, as ike_view_next. */
const struct ike_lease_view *ike_lease_next(struct ike_engine *e, const char *pool, uint32_t *cursor, struct arena *a);

struct ike_stats {
	uint32_t ike_sas, half_open /* in both roles */, children;
	uint64_t bytes_tables; /* memory in tables and SAs */
};
void ike_stats_get(const struct ike_engine *e, struct ike_stats *out);

/* The counters `swanctl --counters` shows; conn NULL: all connections together. */
enum ike_count {
	IKE_CNT_IKE_REKEY_INIT, IKE_CNT_IKE_REKEY_RESP, IKE_CNT_CHILD_REKEY, IKE_CNT_INVALID, IKE_CNT_INVALID_SPI,
	IKE_CNT_INIT_IN_REQ, IKE_CNT_INIT_IN_RESP, IKE_CNT_INIT_OUT_REQ, IKE_CNT_INIT_OUT_RESP, IKE_CNT_AUTH_IN_REQ,
	IKE_CNT_AUTH_IN_RESP, IKE_CNT_AUTH_OUT_REQ, IKE_CNT_AUTH_OUT_RESP, IKE_CNT_CREATE_CHILD_IN_REQ,
	IKE_CNT_CREATE_CHILD_IN_RESP, IKE_CNT_CREATE_CHILD_OUT_REQ, IKE_CNT_CREATE_CHILD_OUT_RESP, IKE_CNT_INFO_IN_REQ,
	IKE_CNT_INFO_IN_RESP, IKE_CNT_INFO_OUT_REQ, IKE_CNT_INFO_OUT_RESP, IKE_COUNT_END
};
const char *ike_count_name(enum ike_count c); /* "ike-rekey-init" */
/* E_NOT_FOUND when no such connection has been counted. */
MUST err_t ike_counts(const struct ike_engine *e, const char *conn, uint64_t out[IKE_COUNT_END]);
/* Names of connections that have counters; *cursor from 0; NULL at the end. */
const char *ike_counts_next(const struct ike_engine *e, uint32_t *cursor);
/* To 0; of one that has none nothing happens. */
void ike_counts_reset(struct ike_engine *e, const char *conn);

/* Set-ups of IKE SAs and exchanges by result; they never go back. */
struct ike_meter {
	const char *exchange, *story; /* "CREATE_CHILD_SA", "child-rekey"; NULL: the set-up of an IKE SA */
	bool initiator;               /* of the exchange */
	err_t result;                 /* 0: done */
	uint64_t n;
};
void ike_meters_each(const struct ike_engine *e, void (*cb)(void *arg, const struct ike_meter *m), void *arg);

/* Traffic of child SAs; errors of both directions together. */
struct ike_traffic {
	uint64_t bytes_in, packets_in, bytes_out, packets_out, replay_drops, icv_fails, policy_drops, other_drops;
};
void ike_traffic_add(struct ike_traffic *t, const struct kern_usage *u, bool out);
/* Of the child SAs that are gone, of a connection or of all (NULL): with what the living ones show it is the sum that
 * never goes back. E_NOT_FOUND (and zeros): there were none. */
err_t ike_traffic_gone(const struct ike_engine *e, const char *conn, struct ike_traffic *out);

#endif
