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

/* ---- child SAs ---- */

void netplane_conn(struct daemon *d, const struct conf_conn *c)
{
	bool needs = false;

	for (uint16_t i = 0; i < c->n_children; i++)
		needs |= c->children[i]->updown != NULL;
	if (!needs || d->events_own)
		return;
	/* Views of child SAs are made for those who listen alone. */
	d->events_own = UINT32_C(1) << IKE_EV_CHILD_UPDOWN;
	ike_events_wanted(d->engine, d->events_api | d->events_own);
}

void netplane_child(struct daemon *d, const struct ike_view *sa, const struct ike_child_view *c, bool up)
{
	updown_child(d, sa, c, up);
}

void netplane_all_down(struct daemon *d)
{
	const struct ike_view *v;
	uint32_t cursor = 0;
	struct arena a;

	if (!d->events_own)
		return;
	arena_init(&a, (size_t)64 << 20);
	while ((v = ike_view_next(d->engine, loop_now_ms(), &cursor, &a))) {
		for (uint16_t i = 0; i < v->n_children; i++)
			if (v->children[i].up)
				netplane_child(d, v, &v->children[i], false);
		arena_reset(&a);
	}
	arena_fini(&a);
}

/* ---- paths ---- */

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
