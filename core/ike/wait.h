/* SPDX-License-Identifier: Apache-2.0 */
/* How an answer from outside (job, kernel) finds its exchange again, and how exchanges run on. Inside of core/ike. */
#ifndef ADIT_IKE_WAIT_H
#define ADIT_IKE_WAIT_H

#include "ike/engine_int.h"

struct ike_wait {
	handle sa;
	uint32_t serial; /* of the exchange that waits; 0: none, the answer is about `child` */
	uint64_t child;
};

/* A token for what x waits for now, and x->waiting; the wait has an end of its own. 0: no memory. */
uint64_t ike_wait_new(struct ike_xch *x, bool for_kern);
/* The exchange that waits for the token, no longer waiting; NULL when it is gone. */
struct ike_xch *ike_wait_take(struct ike_engine *e, uint64_t token);
/* Wipes and frees a job whose result nobody takes. */
void ike_job_drop(struct ike_job *j);

/* Every entry of engine.h begins with this. */
static inline void ike_enter(struct ike_engine *e, uint64_t now_ms, struct fx_list *out)
{
	if (now_ms > e->now_ms)
		e->now_ms = now_ms;
	e->fx = out;
}

/* ---- running (xch.c) ---- */

/* A fresh exchange object; NULL: no memory. */
struct ike_xch *ike_xch_get(struct ike_engine *e, struct ike_sa *sa, uint8_t dir);
/* Calls the tasks' drop and takes the object back; the SA's pointer to it is the caller's business. */
void ike_xch_put(struct ike_xch *x);
/* Goes on where x stands, until it waits or is through. Enters and leaves the SA; x may be gone afterwards. */
void ike_resume(struct ike_xch *x);
/* The peer's request in x->in: row and tasks. The SA must be entered. */
void ike_run_request(struct ike_xch *x);
/* A request of ours, sa->tx: checks, message, first sending. */
void ike_run_ask(struct ike_xch *x);
/* The answer to sa->tx, parsed into x->in. */
void ike_run_answer(struct ike_xch *x);

/* A call is inside the SA from enter to leave: it stays until then. */
static inline void ike_sa_enter(struct ike_sa *sa)
{
	sa->busy++;
}
void ike_sa_leave(struct ike_engine *e, struct ike_sa *sa);
/* Handles what waited in the inbox while exchanges waited; the SA is entered. */
void ike_inbox_run(struct ike_engine *e, struct ike_sa *sa);
static inline bool ike_sa_waits(const struct ike_sa *sa)
{
	return (sa->rx && sa->rx->waiting) || (sa->tx && sa->tx->waiting);
}

extern struct counter ike_rx_malformed, ike_rx_duplicate;

/* A message for the SA, its header read; the SA is entered and does not wait. */
void ike_sa_rx(struct ike_engine *e, struct ike_sa *sa, const struct ike_hdr *h, const struct net_addr *local,
	const struct net_addr *remote, slice datagram);
/* Keeps a message for an SA that waits; bounded. */
void ike_inbox_put(struct ike_engine *e, struct ike_sa *sa, const struct net_addr *local, const struct net_addr *remote,
	slice datagram);
void ike_count_in(struct ike_engine *e, const struct ike_sa *sa, const struct ike_hdr *h);

/* Sends one of our messages, all its fragments, and notes it for keepalives. */
void ike_send(struct ike_engine *e, struct ike_sa *sa, const struct ike_packet *p);
/* The same from and to other addresses than those of the SA: an answer goes to where its request came from. */
void ike_send_to(struct ike_engine *e, struct ike_sa *sa, const struct ike_packet *p, const struct net_addr *local,
	const struct net_addr *remote);
/* One datagram of no message: a NAT keepalive. */
void ike_send_bytes(struct ike_engine *e, struct ike_sa *sa, slice datagram);

#endif
