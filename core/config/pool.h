/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of virtual addresses as the engine uses it: typed and checked, from a section of `pools` in swanctl.conf. Plain
 * data; whoever holds the pointer frees it.
 */
#ifndef ADIT_CONFIG_POOL_H
#define ADIT_CONFIG_POOL_H

#include "base/diag.h"
#include "base/netaddr.h"
#include "config/tree.h"

/* An attribute of the configuration payload that goes along with an address. */
struct conf_pool_attr {
	uint16_t type; /* IANA: 3 INTERNAL_IP4_DNS… */
	uint16_t n;
	uint8_t *data; /* owned */
};

struct conf_pool {
	char *name;
	char *base;            /* as configured, without prefix length: "10.3.0.0" */
	struct net_addr first; /* the first that is given out; NET_NONE: attributes alone */
	uint64_t size;         /* how many */
	struct conf_pool_attr *attrs;
	uint16_t n_attrs;
};

/* `section` is one pool. A prefix of more than two addresses keeps its first and last one; a range gives all. Of a
 * larger prefix the first 2^31 addresses are used. All errors with their place in *why. */
MUST err_t conf_pool_from(const struct conf_node *section, struct conf_pool **out, struct diag **why);
/* Attributes without addresses: a section with the words of a pool but addrs. */
MUST err_t conf_attributes_from(const struct conf_node *section, struct conf_pool **out, struct diag **why);
void conf_pool_free(struct conf_pool *p);
/* All of the section `pools` (NULL: none); *out is NULL-terminated, free() it when its pools were taken. */
MUST err_t conf_pools_from(const struct conf_node *pools, struct conf_pool ***out, struct diag **why);
/* The address at a place, and back; false: not of this pool. */
struct net_addr conf_pool_at(const struct conf_pool *p, uint64_t at);
bool conf_pool_place(const struct conf_pool *p, const struct net_addr *a, uint64_t *at);

#endif
