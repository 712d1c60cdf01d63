/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the child part: what child*.c and t_*.c of child SAs share. Not included from elsewhere.
 *
 * A child SA lives in the world's slab and in its IKE SA's list. Make before break: a rekeyed child and its replacement
 * stand side by side. The initiator of a rekeying sends on the new pair at once; the responder keeps the new outbound
 * SA back (`late`) until the peer deletes the old pair or uses the new one (RFC 7296 section 2.8). The inbound half
 * of an old pair stays for delete_rekeyed_delay_s, so that nothing in flight is lost. One thread (the engine's).
 */
#ifndef ADIT_IKE_CHILD_INT_H
#define ADIT_IKE_CHILD_INT_H

#include "ike/collide.h"
#include "ike/engine_int.h"
#include "ike/tsmatch.h"
#include "wire/out.h"

/* Pairs of selectors of one child: each makes up to three policies. */
#define CHILD_PAIRS_MAX 128

enum child_state {
	CHILD_S_INSTALLED = 1,
	CHILD_S_REKEYING, /* our rekeying is queued or out */
	CHILD_S_REKEYED,  /* replaced; its delete is to come, from us or from the peer */
	CHILD_S_DELETING, /* our delete is queued or out */
	CHILD_S_DELETED,  /* only the inbound SA still stands, for what is in flight */
	CHILD_S_COUNT
};

enum child_flag {
	CHILD_IN = 1u << 0,        /* stands in the kernel: the inbound SA */
	CHILD_OUT = 1u << 1,       /* the outbound SA */
	CHILD_POLICIES = 1u << 2,  /* the policies */
	CHILD_ENCAP = 1u << 3,
	CHILD_OURS = 1u << 4,      /* we started the exchange that made it */
	CHILD_UP_TOLD = 1u << 5,
	CHILD_BY_PEER = 1u << 6,   /* REKEYED: the peer replaced it and is to delete it */
	CHILD_REDUNDANT = 1u << 7, /* lost a collision: never sent on */
	CHILD_UNWANTED = 1u << 8   /* asked to go: what replaces it meanwhile goes, too */
};

/* What the data plane said last of one direction. */
struct child_seen {
	uint64_t bytes, packets;
};

struct child_sa {
	struct child_sa *next;   /* of its IKE SA */
	struct ike_sa *sa;
	handle h;
	uint64_t unique;
	struct conf_conn *conn;  /* of conf; reference held */
	const struct conf_child *conf;
	struct ts_sel *ts;       /* n_local, then n_remote; ours to free */
	struct child_keys *late; /* outbound keys that are still to be installed, else NULL */
	uint64_t replaced_by;    /* unique of the child that took over, 0 none */
	uint64_t installed_ms, rekey_ms, life_ms; /* absolute; 0 none */
	uint64_t wake_ms;        /* state REKEYED, DELETED: when to look again */
	struct ike_timer timer;
	uint32_t reqid, spi_in, spi_out;
	uint16_t cpi_in, cpi_out;        /* IPComp, 0 none */
	uint16_t flags;
	uint8_t n_local, n_remote;
	uint8_t state, proto, mode;
	struct suite suite;
	struct child_seen seen[2]; /* in, out */
};

/* One configured child whose first packet starts it (trap), or whose traffic passes or is dropped (shunt). */
struct child_trap {
	struct child_trap *next;
	uint64_t id;            /* cookie in the kernel's acquire */
	struct conf_conn *conn; /* reference held */
	const struct conf_child *conf;
	struct ts_sel *ts;      /* n_local, then n_remote */
	uint8_t n_local, n_remote;
	uint32_t reqid;
	struct net_addr local, remote; /* outer; of shunts none */
	uint64_t busy_until_ms; /* an acquire is being served */
};

struct child_world {
	struct slab *children;
	struct htab *by_spi; /* inbound SPI -> handle; 0 while it is being negotiated */
	struct child_trap *traps;
	uint64_t next_unique, next_trap;
	uint32_t next_reqid;
	bool reqids_again; /* all have been given once: those in use are passed over */
	uint32_t n_traps;
};

/* One negotiation, in the arena of its exchange. */
struct child_neg {
	struct conf_conn *conn;          /* reference held */
	const struct conf_child *conf;
	struct suite suite;
	struct ike_ke ke;                /* the one that is under way or was done last */
	struct secret ss[1 + SUITE_EXTRA_KES]; /* shared secrets of those that are done */
	uint8_t n_ss;
	uint16_t kes[SUITE_EXTRA_KES];   /* additional ones, and how many (RFC 9370) */
	uint8_t n_kes;
	slice link;                      /* what the next IKE_FOLLOWUP_KE names this by; in the arena */
	struct child_keys keys;
	slice ni, nr;                    /* in the arena */
	uint32_t spi_in, spi_out, reqid;
	uint8_t proto, mode, prop_num;
	bool want_ke;                    /* a key exchange is part of it */
	bool peer_tfc_off;
	bool spi_held;                   /* spi_in is in by_spi and ours to take out */
	uint16_t cpi_in, cpi_out;        /* IPComp, 0 none */
	bool cpi_held;                   /* cpi_in is in by_spi and ours to take out */
	bool installing;                 /* operations went to the kernel, no child owns the result yet */
	bool failed;                     /* the child alone failed (IKE_AUTH), or only its SAs here */
	uint16_t fail_notify;
	slice fail_data;
	err_t fail_err;
	const char *fail_why;
	uint32_t n_gone;                 /* delete: children that the peer's request names, */
	uint64_t *gone;                  /* by unique id */
	uint64_t old;                    /* child that is rekeyed, 0 none */
	bool unwanted;                   /* it was asked to go, and the peer has deleted it since */
	uint64_t made;                   /* child that came out of it */
	struct tsm_set local, remote;    /* what is proposed, then what was agreed */
	struct tsm_set tell_local, tell_remote; /* in the answer: NAT may have changed what is installed */
	struct kern_op *ops;
	size_t n_ops;
	/* Collision: what the peer's exchange over the same SA made while ours is out. */
	uint64_t rival;                  /* unique of its child, 0 none */
	handle rival_sa;                 /* of its IKE SA */
	slice rival_ni, rival_nr;        /* in the arena of our exchange */
	uint32_t early[8];               /* SPIs of the peer that it has deleted before its answer is here */
	uint8_t n_early;
	/* IKE rekey */
	handle new_sa;
	uint64_t peer_spi;
	struct ike_keys ike_keys;
	struct crypto_algs algs;
};

/* ---- child.c: objects -------------------------------------------------------------------------------------------- */

MUST err_t child_spi_new(struct ike_engine *e, uint32_t *spi);
void child_spi_free(struct ike_engine *e, uint32_t spi);
/* Makes the child of a finished negotiation and puts it into the list of the IKE SA; takes its SPI. NULL: no memory. */
struct child_sa *child_new(struct ike_engine *e, struct ike_sa *sa, struct child_neg *n, bool ours);
/* Out of all tables; what stands in the kernel is removed; freed. */
void child_free(struct ike_engine *e, struct child_sa *c);
struct child_sa *child_of(const struct ike_sa *sa, uint64_t unique);
/* By the SPI the peer calls its own. */
struct child_sa *child_by_out(const struct ike_sa *sa, uint8_t proto, uint32_t spi_out);
/* INSTALLED or REKEYING. */
bool child_alive(const struct child_sa *c);
void child_state_set(struct child_sa *c, uint8_t state);
const char *child_state_name(uint8_t state);
/* Sets the timer to the first thing that is due. */
void child_timer_set(struct ike_engine *e, struct child_sa *c);
/* Lifetimes from the configuration with rand time, counted from now. */
void child_lifetimes(struct ike_engine *e, struct child_sa *c);
/* child-updown, once each way. */
void child_tell(struct ike_engine *e, struct child_sa *c, bool up, err_t why, const char *text);
static inline const struct ts_sel *child_local(const struct child_sa *c)
{
	return c->ts;
}
static inline const struct ts_sel *child_remote(const struct child_sa *c)
{
	return c->ts + c->n_local;
}

/* Work about a child, queued at its IKE SA. */
void child_queue_rekey(struct ike_engine *e, struct child_sa *c, uint64_t cmd_id);
void child_queue_delete(struct ike_engine *e, struct child_sa *c, err_t why, uint64_t cmd_id);
/* The pair is deleted (both sides know): inbound kept for a while when it was rekeyed, else all removed and freed.
 * The child is not to be used afterwards. */
void child_deleted(struct ike_engine *e, struct child_sa *c, err_t why, bool by_peer);
/* What close_action or dpd_action ask for. */
void child_action(struct ike_engine *e, struct conf_conn *conn, const struct conf_child *conf, uint8_t action);

/* ---- child_opts.c ------------------------------------------------------------------------------------------------ */

/* The configured reqid, that of the trap, that of a policy an earlier run has left, else a new one. */
uint32_t child_reqid_first(const struct ike_engine *e);
/* 0: all the data plane has are in use. */
uint32_t child_reqid_pick(struct ike_engine *e, const struct conf_conn *conn, const struct conf_child *f,
	const struct ts_sel *local, const struct ts_sel *remote);
/* What stands in the kernel: %unique, %unique-dir and %same are replaced. dir: KERN_IN, KERN_OUT. */
uint32_t child_mark(const struct conf_child *f, uint32_t reqid, uint8_t dir);
uint32_t child_set_mark(const struct conf_child *f, uint32_t reqid, uint8_t dir);
uint32_t child_if_id(const struct conf_conn *conn, const struct conf_child *f, uint32_t reqid, uint8_t dir);

/* ---- ipcomp.c ---------------------------------------------------------------------------------------------------- */

/* Initiator's request; responder: whether and with which CPIs; initiator: the answer. */
void ipcomp_offer(struct ike_xch *x, struct child_neg *n);
void ipcomp_accept(struct ike_xch *x, struct child_neg *n);
void ipcomp_take(struct ike_xch *x, struct child_neg *n);
void ipcomp_emit(const struct child_neg *n, struct ike_out *out);
/* Gives the CPI of a negotiation back, unless a child has taken it. */
void ipcomp_drop(struct ike_engine *e, struct child_neg *n);

/* ---- child_kern.c: what stands in the kernel --------------------------------------------------------------------- */

/* The operations that install a child, in `a`: *n_ops of them. NULL: no memory. out, pols: with outbound SA, policies.
 */
struct kern_op *child_install_ops(struct ike_engine *e, const struct ike_sa *sa, const struct child_neg *n, bool ours,
	bool out, bool pols, struct arena *a, size_t *n_ops);
/* Takes away what the flags (CHILD_IN, CHILD_OUT, CHILD_POLICIES) say and the child still has. Does not wait. */
void child_remove(struct ike_engine *e, struct child_sa *c, uint16_t what);
/* SAs of a negotiation that ends while the kernel works on it. */
void child_remove_neg(struct ike_engine *e, const struct ike_sa *sa, const struct child_neg *n, bool out, bool pols);
/* From now on the new pair is the one that is sent on; the old one keeps its inbound SA. A second call does nothing. */
void child_switch(struct ike_engine *e, struct child_sa *old, struct child_sa *new);
/* Adds or removes the policies of a trap or shunt; not waited for. */
void child_trap_policies(struct ike_engine *e, const struct child_trap *t, bool add);

/* ---- child_trap.c ------------------------------------------------------------------------------------------------ */

struct child_trap *child_trap_find(const struct child_world *w, const char *conn, const char *child);
MUST err_t child_trap_add(struct ike_engine *e, struct conf_conn *conn, const struct conf_child *conf,
			  struct diag **why);
void child_trap_del(struct ike_engine *e, struct child_trap *t);
/* A child of the trap is up, or its negotiation has failed: the next packet may ask again. */
void child_trap_served(struct ike_engine *e, uint32_t reqid);
uint32_t child_trap_reqid(const struct ike_engine *e, const char *conn, const char *child); /* 0 none */
void child_acquire(struct ike_engine *e, const struct kern_event *ev);

/* ---- neg.c: the parts of a negotiation that creation and rekeying share ------------------------------------------ */

struct child_neg *neg_get(struct ike_xch *x); /* the exchange's own, made at first use; NULL no memory */
/* Initiator: SPI, nonce, selectors, key exchange of a request. May wait. */
enum verdict neg_propose(struct ike_xch *x, struct child_neg *n);
enum verdict neg_emit_request(struct ike_xch *x, struct child_neg *n, struct ike_out *out);
/* Responder: n->conn, n->conf are set when the child is rekeyed, else chosen here. May wait. */
enum verdict neg_check_request(struct ike_xch *x, struct child_neg *n);
enum verdict neg_emit_answer(struct ike_xch *x, struct child_neg *n, struct ike_out *out);
/* Initiator: the answer. May wait. */
enum verdict neg_check_answer(struct ike_xch *x, struct child_neg *n);
/* Installs and makes the child; *out is NULL until V_DONE. May wait. V_REJECT: nothing stands. */
enum verdict neg_install(struct ike_xch *x, struct child_neg *n, bool with_out, bool with_policies,
			 struct child_sa **out);
void neg_drop(struct ike_xch *x);
/* Has the peer deleted the child already whose answer is here only now? */
bool neg_deleted_early(const struct child_neg *n);
/* Error notify of an answer: was our request put back to be tried again (another key exchange method, the peer is
 * busy)? x->err and x->why are set then. offered: the method of our KE payload. */
bool neg_try_again(struct ike_xch *x, const struct wire_notify *err, uint16_t offered,
		   const struct suite_prop *const *v, size_t n_props);
/* Time to wait after TEMPORARY_FAILURE: longer with each try, with jitter. */
uint64_t neg_retry_ms(struct ike_engine *e, const struct ike_work *w);

/* ---- collisions -------------------------------------------------------------------------------------------------- */

/* What is under way here, seen from the peer's request x; `c` is the child it names (NULL: none of ours, or the request
 * names none when `named` is false). */
const struct clash_row *child_clash(const struct ike_xch *x, const struct child_sa *c, bool named);
/* The negotiation of ours that is out and will bring a child SA, NULL none. */
struct child_neg *child_awaited(const struct ike_sa *sa);
/* The row's verdict as the answer: V_DONE or a rejection with its notify. */
enum verdict child_clash_answer(struct ike_xch *x, const struct clash_row *row);
/* Our exchange over the same child, or over the IKE SA (c NULL), that is under way; NULL none. */
struct ike_xch *child_rival_of(const struct ike_xch *x, const struct child_sa *c);
/* Notes at our exchange that the peer's over the same SA has made a rival. */
void child_rival(struct ike_xch *ours, const struct child_neg *theirs);
/* The peer uses an IKE SA of its own making while our rekeying of the old one is still out: it has won. */
void ike_rekey_claimed(struct ike_engine *e, struct ike_sa *sa);
/* The peer ends the old IKE SA while our rekeying of it is out: when the peer's own was answered, that one has won. */
void ike_rekey_forgotten(struct ike_xch *ours);

/* ESP and AH: protocol ids of IKE payloads from IP protocol numbers and back; 0 none. */
static inline uint8_t child_wire_proto(uint8_t proto)
{
	return proto == 51 ? PROTO_AH : PROTO_ESP;
}
static inline uint8_t child_ip_proto(uint8_t wire)
{
	return wire == PROTO_AH ? 51 : wire == PROTO_ESP ? 50 : 0;
}

#endif
