/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of names of hosts, by the system's resolver (getaddrinfo), without the loop waiting for it: each question has a
 * thread of its own while it lasts, at most RESOLVE_MAX at once. Thread: the loop's; the answer comes there.
 */
#ifndef ADIT_OS_RESOLVE_H
#define ADIT_OS_RESOLVE_H

#include "base/netaddr.h"
#include "os/loop.h"

enum { RESOLVE_MAX = 16, RESOLVE_ADDRS = 16 };

struct resolver;

/* An answer: err 0 and n addresses without ports, or why in one sentence. */
typedef void (*resolver_cb)(void *arg, uint64_t token, err_t err, const char *why, const struct net_addr *v, size_t n);

struct resolver *resolver_new(struct loop *l, resolver_cb cb, void *arg); /* NULL: no memory */
/* Nothing is answered any more; questions that still run end by themselves. Before loop_free. */
void resolver_free(struct resolver *r);
/* Exactly one answer follows when 0 is returned. E_FULL, E_NOMEM. */
MUST err_t resolver_ask(struct resolver *r, const char *name, uint64_t token);

#endif
