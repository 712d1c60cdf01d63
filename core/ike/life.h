/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clockwork of an IKE SA: lifetimes (rekey, re-authentication, hard end), half-open limit, DPD and keepalives, and
 * starting SAs anew. Inside of core/ike.
 */
#ifndef ADIT_IKE_LIFE_H
#define ADIT_IKE_LIFE_H

#include "ike/engine_int.h"

/* (Re)starts t_life for the first of rekey_ms, reauth_ms, end_ms, expire_ms; stops it when there is none. */
void life_arm(struct ike_engine *e, struct ike_sa *sa);
/* The SA ends with the certificates of the peer, when the connection wants it so; its initiator authenticates anew before. */
void life_expiry(struct ike_engine *e, struct ike_sa *sa);
/* (Re)starts t_alive for DPD and keepalives of an established SA. */
void alive_arm(struct ike_engine *e, struct ike_sa *sa);
/* Half-open limit of a responder's SA. */
void half_open_arm(struct ike_engine *e, struct ike_sa *sa);
/* Re-authentication: a new SA with the children of this one takes over. E_NOT_SUPPORTED: we are not its initiator. */
MUST err_t life_reauth(struct ike_engine *e, struct ike_sa *sa, struct diag **why);
/* An SA that was prepared to follow one that has ended now starts. */
void life_heir_start(struct ike_engine *e, handle heir);
/* The SA is up: timers run, events. */
void life_established(struct ike_engine *e, struct ike_sa *sa);
/* Nothing is left to be done on an SA that takes over from another: that one is deleted, now that all children are here. */
void life_replaced(struct ike_engine *e, struct ike_sa *sa);
/* The address of ours to call `remote` from, by the connection, else by the host's routes; its port is not set. NET_NONE: the
 * system chooses. False: there is none of its family, or no route. */
bool life_local_for(struct ike_engine *e, const struct conf_conn *c, const struct net_addr *remote, struct net_addr *local);
/* Begins anew with IKE_SA_INIT to another gateway; that is no further try. */
void life_redirect(struct ike_engine *e, struct ike_sa *sa, const struct net_addr *to);
/* Begins (again) with IKE_SA_INIT: new SPI, nonce and key exchange. */
void life_connect(struct ike_engine *e, struct ike_sa *sa);
/* After an exchange: an SA whose message IDs run out is rekeyed in time, and closed before the last (RFC 7296 section 2.2). */
void life_check_mids(struct ike_engine *e, struct ike_sa *sa);
/* Asks for liveness now (a hint that the peer has lost its state), at most every few seconds. */
void life_probe(struct ike_engine *e, struct ike_sa *sa, const char *text);

#endif
