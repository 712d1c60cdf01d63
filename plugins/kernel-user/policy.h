/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policies (SPD) of the userspace data plane: look-up by name for adding and deleting, and the look-up of an
 * outbound packet. Policies whose selectors are prefixes lie in one hash table under (prefix lengths, masked
 * addresses): a packet costs one probe for each pair of prefix lengths in use, whatever the number of policies.
 * Ranges that are no prefix stand in a list. One thread.
 *
 * Which policy is in effect for a packet: lowest priority number, then PROTECT before the others (a tunnel before the
 * trap it came from), then the newest.
 */
#ifndef ADIT_KERNEL_USER_POLICY_H
#define ADIT_KERNEL_USER_POLICY_H

#include "plugins/kernel-common/table.h"
#include "plugins/kernel-user/ip.h"

struct sa_group;

enum { POLICY_QUEUE = 8 }; /* packets kept while an SA is negotiated */

/* A packet that waits for an SA. */
struct held {
	struct held *next;
	uint32_t n;
	uint8_t p[];
};

struct policy {
	struct tab_node by_name; /* must be first */
	struct tab_node by_addr;
	struct policy *wild_next;
	struct policy_shape *shape; /* NULL: in the list of ranges, or not outbound */
	struct ts_sel local, remote;
	uint8_t dir, action, mode;
	bool route;           /* has routes in the kernel */
	bool whole;           /* has to see whole packets: ports, transport mode */
	uint32_t priority;    /* as given */
	uint32_t rank;        /* lower wins: the priority, or from the selectors */
	uint32_t mark, mark_mask, if_id, reqid, spi;
	uint64_t age, cookie; /* age: larger is newer */
	struct net_addr source_ip;
	struct sa_group *sas; /* of PROTECT: the SAs of the reqid */
	/* TRAP */
	struct held *held;
	uint32_t n_held;
	uint64_t asked_ms;    /* time of the last acquire, 0 none since an SA came */
	struct policy *held_next, **held_link; /* policies with held packets */
	struct policy *ev_next;
	bool ev_queued;
	struct ip_pkt ev_pkt; /* what hit the trap */
};

/* A pair of prefix lengths in use. */
struct policy_shape {
	uint8_t family, local_bits, remote_bits;
	uint32_t n;
};

struct policies {
	struct pool pool;
	struct tab by_name, by_addr;
	struct policy_shape **shape;
	size_t n_shape;
	struct policy *wild; /* by rank */
	uint32_t n_whole;    /* outbound policies that have to see whole packets */
	uint64_t age;
};

MUST err_t policies_init(struct policies *t, const uint64_t seed[2]);
/* Policies that are still there are dropped. */
void policies_fini(struct policies *t);

/* Makes a policy and puts it in effect. E_NOMEM, E_BAD_VALUE (families of the selectors differ). */
MUST err_t policy_add(struct policies *t, const struct kern_policy *in, struct policy **out);
/* The policy an operation names: the best match of action, reqid, spi and cookie, newest first; NULL. */
struct policy *policy_named(struct policies *t, const struct kern_policy *in);
/* Takes it out of effect and puts it back: between the two it is still whole. policy_link: E_NOMEM. */
void policy_unlink(struct policies *t, struct policy *p);
MUST err_t policy_link(struct policies *t, struct policy *p);
/* Of one that is unlinked. */
void policy_free(struct policies *t, struct policy *p);
/* For an outbound packet; NULL none. */
struct policy *policy_find(const struct policies *t, const struct ip_pkt *ip);

#endif
