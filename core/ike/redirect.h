/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redirect (RFC 5685): a gateway sends its clients to another one. Inside of core/ike.
 *
 * The client says in IKE_SA_INIT that it follows (REDIRECT_SUPPORTED, or REDIRECTED_FROM when it was sent here). The
 * gateway redirects in three places: instead of an answer to IKE_SA_INIT, without making an SA (aditd.redirect_gateway,
 * when the thresholds are reached); in IKE_AUTH when both sides are authenticated (redirect_gateway of the connection);
 * and in an INFORMATIONAL on command. Only the side that did not set the first IKE SA up redirects, and only one that
 * did follows; both marks are inherited by rekeying.
 *
 * The client stays with its connection: identity and selectors that are wanted of the new gateway are the same (section
 * 3). What was set up follows make-before-break: a new IKE SA with the same children is made with the new gateway, the
 * old one is deleted when that is up. A loop is noticed by the number of redirects within a time (section 7).
 */
#ifndef ADIT_IKE_REDIRECT_H
#define ADIT_IKE_REDIRECT_H

#include "ike/engine_int.h"
#include "wire/gateway.h"

/* In IKE_SA_INIT, IKE_AUTH and INFORMATIONAL, both roles. */
extern const struct task_ops task_redirect;

/* Redirects a client may be told to remember: bound of aditd.redirect_limit. */
#define REDIRECT_TIMES 16

/* What an SA remembers of the redirects that led to it. */
struct ike_redir {
	struct net_addr from; /* the gateway that sent us; NET_NONE: none, this is the configured one again */
	struct net_addr home; /* the configured address the first call went to */
	uint32_t n;           /* redirects so far; the last of them at at_ms[(n - 1) % REDIRECT_TIMES] */
	uint64_t at_ms[REDIRECT_TIMES];
};

/* The peer's request for IKE_SA_INIT in x->in is answered with REDIRECT: no SA is made. False: it is to be served. */
bool redirect_stranger(struct ike_xch *x, const struct net_addr *local, const struct net_addr *remote);
/* The command: how many clients are sent away; 0 with *why. */
uint32_t redirect_cmd(struct ike_engine *e, const struct ike_cmd *cmd, struct diag **why);
/* A new SA for the same purpose: counts redirects on, and is found under the same address. */
void redirect_inherit(const struct ike_sa *from, struct ike_sa *to);
/* The name was not looked up in time. */
void redirect_overdue(struct ike_xch *x);

#endif
