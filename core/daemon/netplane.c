/* SPDX-License-Identifier: Apache-2.0 */
/* The host's network as the engine asks for it. */
#include "daemon/daemon.h"

#include <stdlib.h>

enum { PATHS = 256 /* a power of two */, PATH_KEEP_MS = 5000 };

/* A list of many SAs asks for the same paths again and again. */
struct path {
	struct net_addr local, remote;
	uint64_t at_ms;
	uint32_t mtu;
};

struct netplane {
	struct path paths[PATHS];
};

err_t netplane_start(struct daemon *d, struct diag **why)
{
	d->net = calloc(1, sizeof *d->net);
	return d->net ? 0 : diag_set(why, E_NOMEM, "no memory for the network");
}

void netplane_stop(struct daemon *d)
{
	free(d->net);
	d->net = NULL;
}

static size_t path_slot(const struct net_addr *a)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < sizeof a->a; i++)
		h = (h ^ a->a[i]) * 16777619u;
	return (h ^ h >> 16) & (PATHS - 1);
}

uint32_t netplane_path_mtu(void *arg, const struct net_addr *local, const struct net_addr *remote)
{
	struct daemon *d = arg;
	struct path *p = &d->net->paths[path_slot(remote)];
	uint64_t now = loop_now_ms();

	if (p->at_ms && now - p->at_ms < PATH_KEEP_MS && net_addr_same(&p->local, local) &&
		net_addr_same(&p->remote, remote))
		return p->mtu;
	*p = (struct path){ *local, *remote, now, udp_path_mtu(local, remote, d->settings->fwmark) };
	return p->mtu;
}
