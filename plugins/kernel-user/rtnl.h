/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the data plane asks of the kernel's routing (rtnetlink over libmnl): the link, the rule, the routes, local
 * addresses, path MTUs, and news about changes. Requests are answered by the kernel at once. Loop thread.
 */
#ifndef ADIT_KERNEL_USER_RTNL_H
#define ADIT_KERNEL_USER_RTNL_H

#include "base/netaddr.h"

struct rtnl;

/* seed: of the table of routes. E_IO, E_NOMEM. */
MUST err_t rtnl_open(struct rtnl **out, uint32_t table, uint32_t rule_priority, uint32_t fwmark, const uint64_t seed[2]);
/* Takes away what was added. */
void rtnl_close(struct rtnl *r);

/* Up, with this MTU, without IPv6 autoconfiguration; routes go through this link from now on. */
MUST err_t rtnl_link_up(struct rtnl *r, const char *name, uint32_t mtu);
/* Routes that lead the addresses of a selector into the link; equal routes are counted. Adds the rule of the family
 * with the first. src NET_NONE: a local address inside `local`, else the kernel's choice. A failure leaves nothing. */
MUST err_t rtnl_route_add(struct rtnl *r, const struct ts_sel *remote, const struct ts_sel *local,
	const struct net_addr *src);
void rtnl_route_del(struct rtnl *r, const struct ts_sel *remote);
/* MTU of the path to dst as the kernel knows it; 0 unknown. */
uint32_t rtnl_path_mtu(struct rtnl *r, const struct net_addr *src, const struct net_addr *dst);
/* A socket that is readable when addresses or routes of the host changed; rtnl_changed reads it empty and tells
 * whether something happened that is not our own doing. */
int rtnl_fd(const struct rtnl *r);
bool rtnl_changed(struct rtnl *r);
/* The prefixes that cover a range, for tests: up to max; returns how many there are. */
size_t rtnl_prefixes(const struct ts_sel *t, uint8_t (*addr)[16], uint8_t *bits, size_t max);

#endif
