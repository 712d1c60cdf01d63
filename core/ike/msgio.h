/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of an exchange in and out: opened and parsed, built and sealed, sent and sent again. Inside of core/ike.
 */
#ifndef ADIT_IKE_MSGIO_H
#define ADIT_IKE_MSGIO_H

#include "ike/engine_int.h"

/* Begins the message of x in the engine's buffer: header, and SK when the SA has keys and the exchange is protected. */
void msg_begin(struct ike_xch *x, struct ike_out *out, bool answer);
/* Ends and seals it and keeps it: the answer in sa->answer, the request in x->packet. Nothing is sent. */
MUST err_t msg_end_answer(struct ike_xch *x, struct ike_out *out);
MUST err_t msg_end_request(struct ike_xch *x, struct ike_out *out);
/* An answer of nothing but one error notify: built, kept and sent. */
MUST err_t msg_answer_error(struct ike_xch *x, uint16_t notify, slice data);
/* Sends sa->answer, for the first time or again. */
void msg_send_answer(struct ike_xch *x);
/* To where the request came from again; smaller: the peer has had to cut its request smaller. */
void msg_send_answer_again(struct ike_engine *e, struct ike_sa *sa, const struct net_addr *local, const struct net_addr *remote,
	bool smaller);

/* Copies the datagram into x's arena, opens and parses it: x->in. E_INTEGRITY and E_TRUNCATED…: it is not from the peer
 * when *authentic is false. E_AGAIN: an authentic fragment of a message that is not whole yet. */
MUST err_t msg_read(struct ike_xch *x, slice datagram, bool *authentic, struct diag **why);

/* The first half of it, for IKE_SA_INIT before there is an SA. */
MUST err_t msg_read_clear(struct ike_xch *x, slice datagram, struct diag **why);
/* "parsed IKE_AUTH request 1 [ … ]". */
void msg_log_in(struct ike_xch *x);

/* An answer outside any SA: header fields of the request, one notify; sent when the rate allows. */
void msg_answer_stranger(struct ike_engine *e, const struct net_addr *local, const struct net_addr *remote,
	const struct ike_hdr *hdr, uint16_t notify, slice data);

/* ---- window.c: our request in flight ---- */

/* Sends x->packet for the first time and starts the clock. */
void window_send(struct ike_xch *x);
/* The answer was none after all: the clock goes on with the wait of the last try. */
void window_rearm(struct ike_xch *x);
/* Gives up `after_ms` from now at the latest (a doubtful refusal came). */
void window_doubt(struct ike_xch *x, uint64_t after_ms);
/* The wait after the n-th try (from 0), before jitter, in milliseconds. */
double retry_wait_ms(const struct conf_retry *r, uint32_t n);
/* The settings that hold for an SA. */
const struct conf_retry *retry_of(const struct ike_engine *e, const struct ike_sa *sa);

#endif
