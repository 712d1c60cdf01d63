/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traffic selectors of child SAs: what we propose, what of the peer's proposal we take, which child configuration fits
 * (RFC 7296 sections 2.9 and 2.23.1). Pure functions of what is passed: any thread, nothing waits, nothing is
 * allocated.
 *
 * "Local" and "remote" are as this host sees them; whether that is TSi or TSr is the caller's business. Every result is
 * bounded by the caller's array; what did not fit is left out from the end, and the result says so.
 */
#ifndef ADIT_IKE_TSMATCH_H
#define ADIT_IKE_TSMATCH_H

#include "config/conn.h"

/* Most selectors of one side of a child SA that we keep (one proposal of a peer may hold more). */
#define TSM_MAX 32

/* What stands for "dynamic": the tunnel's own end, or virtual addresses in its place. */
struct tsm_end {
	const struct net_addr *addrs;
	size_t n;
};

struct tsm_set {
	struct ts_sel v[TSM_MAX];
	size_t n;
	bool cut; /* more would have been right */
};

/* The configured selectors with dynamic ones replaced by each address of the end; all zero: every address of the family.
 * None configured: one dynamic. */
void tsm_expand(const struct conf_ts *conf, size_t n, const struct tsm_end *end, struct tsm_set *out);

/* The narrowed set: every part that our policy and the peer's proposal have in common, none contained in another,
 * those that hold the peer's first (most specific) selector in front, so that a bound never cuts them off. Empty: no
 * common part. */
void tsm_narrow(const struct ts_sel *ours, size_t n_ours, const struct ts_sel *peers, size_t n_peers,
		struct tsm_set *out);

/* Is every one of the n selectors inside one of `whole`? What a responder answers must be inside what we asked for. */
bool tsm_inside(const struct ts_sel *part, size_t n, const struct ts_sel *whole, size_t n_whole);
bool tsm_set_equal(const struct ts_sel *a, size_t n_a, const struct ts_sel *b, size_t n_b);

/* Puts `addr` in the place of every selector's addresses; protocol and ports stay. RFC 7296 section 2.23.1: in
 * transport mode with a NAT the addresses of the peer's packets are not those it wrote into its selectors. */
void tsm_readdress(struct tsm_set *s, const struct net_addr *addr);
/* Is each selector a single address (what transport mode needs)? */
bool tsm_single_addrs(const struct ts_sel *v, size_t n);

/* Our end of a proposal of the peer, to choose a child configuration. */
struct tsm_offer {
	const struct ts_sel *local, *remote; /* TSr and TSi of a request, in the peer's order */
	size_t n_local, n_remote;
	bool transport;                      /* the peer asked for transport mode */
	struct tsm_end local_end, remote_end;
	/* Can this host do it? One it cannot is only chosen when nothing else fits. NULL: all. */
	bool (*usable)(const void *arg, const struct conf_child *child);
	const void *arg;
};

/* How well a child configuration fits: 0 not at all, else the larger the better. In this order: both sides equal; all
 * of the offer allowed; its first selectors allowed; some common part; with equal rank the one of the asked mode. */
int tsm_score(const struct conf_child *child, const struct tsm_offer *offer);
/* The best child of a connection, the first among equals; NULL when none has a common part. */
const struct conf_child *tsm_choose(const struct conf_conn *conn, const struct tsm_offer *offer);

#endif
