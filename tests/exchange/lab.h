/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two engines in one process with nothing real around them: a clock that is set by hand, a network whose messages are
 * delivered, dropped, doubled and reordered one by one, data planes that keep books of SAs and policies and can be told
 * to fail or to answer late, jobs that run at once or are held back. What is checked after each step:
 *   - no outbound gap (while lab.no_gap is set): what one side sends on, the other has as inbound SA, with the same
 * key; and an inbound SA stays for a second after the peer last sent on it and by lab_converged() at the end: both
 * sides have the same pairs, nothing is left in the data planes, every command was answered exactly once. A failed
 * check prints what happened and counts in lab.fails.
 */
#ifndef ADIT_TESTS_EXCHANGE_LAB_H
#define ADIT_TESTS_EXCHANGE_LAB_H

#include "base/log.h"
#include "ike/engine.h"

enum { LAB_SAS = 64, LAB_POLS = 256, LAB_MSGS = 64, LAB_HELD = 32, LAB_REPLIES = 32, LAB_KIDS = 4, LAB_VIPS = 16 };

struct lab_sa {
	struct kern_sa sa;
	uint8_t key[64];
	size_t key_len;
	uint64_t serial;       /* the newest outbound SA of a reqid is the one that is sent on */
	uint64_t last_sent_ms; /* of an inbound SA: when the peer last sent on it */
	uint64_t packets;
};

struct lab_reply {
	uint64_t cmd_id;
	err_t err;
	uint32_t times, matches;
	uint64_t child_unique;
	char text[160];
};

struct lab_node {
	struct lab *lab;
	const char *name;
	struct net_addr addr;
	struct ike_env env;
	struct ike_engine *e;
	struct fx_list fx;
	struct conf_daemon daemon;
	struct conf_conn conn;
	struct conf_conn *other; /* a second connection, found behind the first; NULL none */
	struct conf_child kids[LAB_KIDS];
	struct lab_sa sas[LAB_SAS];
	size_t n_sas;
	struct kern_policy pols[LAB_POLS];
	size_t n_pols;
	int kern_fail;         /* fail the next so many batches that add something */
	bool kern_hold, job_hold;
	uint64_t held_kern[LAB_HELD];
	err_t held_res[LAB_HELD];
	size_t n_held_kern;
	struct ike_job *held_jobs[LAB_HELD];
	size_t n_held_jobs;
	/* Signatures: a toy that binds the octets. Held-back questions are answered by lab_cred_answer. */
	bool cred_hold;
	size_t cert_bytes;     /* of each certificate it sends; 0 a few */
	uint64_t valid_until_s; /* of the peer's certificates, wall clock; 0 far away */
	bool http;             /* takes certificates as hash and URL */
	err_t sign_err, trust_err;
	const char *trust_err_conn; /* trust_err is of this connection alone; NULL: of all */
	uint8_t psk_wrong_id[8];    /* with this identity of ours the secret is another one */
	struct lab_ask {
		uint64_t token;
		uint8_t type;       /* FX_SIGN, FX_TRUST */
		uint64_t sum, said; /* of the octets; what the peer's AUTH says */
		uint16_t n_certs;
		uint8_t enc;        /* of the first certificate */
		bool asked, http, ocsp;
		uint32_t hashes;
		const char *conn;
	} asks[LAB_HELD];
	size_t n_asks;
	unsigned n_signed, n_trusted;
	int peers;             /* objects of struct ike_trusted that are out */
	struct lab_ask last_sign, last_trust;
	/* Names: every one has this address, or none with the error; held back until lab_name_answer. */
	struct net_addr name_addr;
	err_t name_err;
	bool name_hold;
	uint64_t held_names[LAB_HELD];
	size_t n_held_names;
	char name_asked[64];   /* looked up last */
	struct net_addr vips[LAB_VIPS]; /* virtual addresses of the host */
	size_t n_vips;
	struct lab_reply replies[LAB_REPLIES];
	size_t n_replies;
	uint32_t events[IKE_EV_ALERT + 1][2]; /* by type, down and up */
	err_t down_code;       /* of the last IKE SA that went down */
	char alert[512];       /* what the last alert says */
};

struct lab_msg {
	int to;
	struct net_addr src, dst;
	uint8_t *data;
	size_t n;
};

struct lab {
	struct lab_node n[2];
	struct lab_msg msgs[LAB_MSGS];
	size_t n_msgs;
	uint64_t now_ms;
	uint64_t serial;
	uint64_t seed;
	struct log *log;
	struct crypto crypto;
	bool toy_kex;          /* method 31 is a fast one of no strength (36 and 37, of ML-KEM's sizes, always are) */
	bool no_gap;
	bool nat;              /* node 0 is behind a NAT */
	unsigned fails;
	char story[512];       /* what is going on: printed with a failure */
};

/* How many additional key exchanges (RFC 9370) the proposals of the next laboratories have, in IKE and with pfs: 0 to 3. */
extern unsigned lab_extra_kes;

/* Makes both ends with one connection "c" and one child "k" ("k2" is further down, tunnel 10.3/16-10.4/16). pfs: the
 * child has a key exchange. Returns false (and says why) when the engines cannot be made. */
bool lab_init(struct lab *lab, uint64_t seed, bool toy_kex, bool pfs);
void lab_fini(struct lab *lab);
void lab_fail(struct lab *lab, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Commands; replies are found by cmd_id. */
void lab_do(struct lab *lab, int node, const struct ike_cmd *cmd);
const struct lab_reply *lab_reply(const struct lab *lab, int node, uint64_t cmd_id);
void lab_conf_changed(struct lab *lab, int node);
void lab_shutdown(struct lab *lab, int node);
/* One message in flight, by its place (0 is the oldest). */
void lab_deliver(struct lab *lab, size_t at);
void lab_drop(struct lab *lab, size_t at);
/* Delivers it and leaves a copy in flight. */
void lab_double(struct lab *lab, size_t at);
/* Delivers all, oldest first, as long as there are some (at most 200). */
void lab_flush(struct lab *lab);
/* Lets time pass up to `ms` from now: timers fire in order, everything that is sent is delivered at once. */
void lab_run(struct lab *lab, uint64_t ms);
/* As lab_run, but messages stay in flight. */
void lab_pass(struct lab *lab, uint64_t ms);
void lab_kern_event(struct lab *lab, int node, const struct kern_event *ev);
/* Held-back answers of the data plane and of jobs: the i-th of what is held is given. */
void lab_kern_answer(struct lab *lab, int node, size_t i);
void lab_job_answer(struct lab *lab, int node, size_t i);

/* The i-th question about credentials that is held back is answered. */
void lab_cred_answer(struct lab *lab, int node, size_t i);

void lab_name_answer(struct lab *lab, int node);

/* Brings up c/k between the two, node 0 initiating. */
bool lab_up(struct lab *lab);
/* How many child SAs, IKE SAs a node shows (state INSTALLED, ESTABLISHED; any state). */
unsigned lab_children(struct lab *lab, int node, const char *state);
unsigned lab_ikes(struct lab *lab, int node, const char *state);
/* Both sides agree and nothing is left over: kids child SAs and ikes IKE SAs on each side. */
void lab_converged(struct lab *lab, unsigned ikes, unsigned kids);

#endif
