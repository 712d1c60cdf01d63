/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's network as the daemon uses it: the plugin of kind kernel-net, paths and source addresses, routes for the
 * policies of a data plane that makes none itself. Interfaces are in netvif.c, scripts in updown.c.
 */
#include "daemon/netplane.h"

#include <stdlib.h>

enum { PATHS = 256 /* a power of two */, PATH_KEEP_MS = 5000 };

/* A list of many SAs asks for the same paths again and again. */
struct path {
	struct net_addr local, remote;
	uint64_t at_ms;
	uint32_t mtu;
};

struct netpaths {
	struct path v[PATHS];
};

static const struct net_addr nowhere = { .family = NET_NONE };

/* ---- start and stop ---- */

err_t netplane_start(struct daemon *d, struct diag **why)
{
	const struct reg_feat *f = registry_best(d->reg, PLUG_KERNEL_NET, 0, 0);

	d->net = calloc(1, sizeof *d->net);
	if (d->net)
		d->net->paths = calloc(1, sizeof *d->net->paths);
	if (!d->net || !d->net->paths)
		return diag_set(why, E_NOMEM, "no memory for the network");
	if (f) {
		d->net->ops = f->row->ops;
		d->net->self = f->plugin->self;
	}
	d->can.net_vifs = f && d->net->ops->caps & KNET_CAP_VIF;
	return netvif_start(d->net) ? 0 : diag_set(why, E_NOMEM, "no memory for the network");
}

void netplane_keep(struct daemon *d)
{
	if (d->net->ops && KNET_OPS_HAS(d->net->ops, keep))
		d->net->ops->keep(d->net->self);
}

void netplane_end_use(struct daemon *d)
{
	if (!d->net)
		return;
	netvif_stop(d->net);
	d->net->ops = NULL;
}

void netplane_stop(struct daemon *d)
{
	if (d->net)
		free(d->net->paths);
	free(d->net);
	d->net = NULL;
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
	struct path *p = &d->net->paths->v[path_slot(remote)];
	uint64_t now = loop_now_ms();
	struct knet_path way;
	uint32_t mtu;

	if (p->at_ms && now - p->at_ms < PATH_KEEP_MS && net_addr_same(&p->local, local) &&
		net_addr_same(&p->remote, remote))
		return p->mtu;
	if (d->net->ops)
		mtu = d->net->ops->path(d->net->self, local, remote, &way) ? 0 : way.mtu;
	else
		mtu = udp_path_mtu(local, remote, d->settings->fwmark);
	*p = (struct path){ *local, *remote, now, mtu };
	return mtu;
}

bool netplane_source(void *arg, const struct net_addr *remote, struct net_addr *out)
{
	struct daemon *d = arg;
	struct knet_path way;

	if (d->net->ops && d->net->ops->path(d->net->self, &nowhere, remote, &way) == 0 && way.source.family) {
		*out = way.source;
		return true;
	}
	return udp_source_of(remote, d->settings->fwmark, out);
}

bool netplane_device_of(struct daemon *d, const struct net_addr *a, char dev[16])
{
	return d->net->ops && d->net->ops->device_of(d->net->self, a, dev) == 0;
}

void netplane_changed(struct daemon *d)
{
	if (!d->net)
		return;
	for (size_t i = 0; i < PATHS; i++)
		d->net->paths->v[i].at_ms = 0;
	netvif_follow(d);
}

/* ---- routes for policies ---- */

/* Policies with a mark have routes of their own: to the device that sets it. */
static bool wants_route(const struct kern_policy *p)
{
	return p->dir == KERN_OUT && p->route && !p->mark && !p->mark_mask && p->mode != KERN_TRANSPORT && p->dst.family &&
		(p->action == KERN_PROTECT || p->action == KERN_TRAP);
}

void netplane_policies(struct daemon *d, const struct kern_op *ops, size_t n)
{
	struct netplane *net = d->net;
	char why[256], text[TS_TEXT];

	if (!net || !net->ops || plane_caps(d) & (KERN_CAP_ROUTE | KERN_CAP_NULL) || !net->ops->wants_routes(net->self))
		return;
	for (size_t i = 0; i < n; i++) {
		const struct kern_policy *p = &ops[i].pol;
		bool add = ops[i].verb == KERN_POLICY_ADD;
		if ((!add && ops[i].verb != KERN_POLICY_DEL) || ops[i].res || !wants_route(p))
			continue;
		struct knet_route r = { .dst = p->remote, .peer = p->dst, .source = p->source_ip, .local = p->local };
		err_t e = net->ops->route(net->self, &r, add, why, sizeof why);
		if (e && add)
			LOGF(d->log, LOG_KERNEL, LOG_AUDIT, &(struct log_ctx){ .code = e }, "policy to %s: %s",
				ts_text(&p->remote, text), why);
	}
}

/* ---- virtual addresses ---- */

err_t netplane_vip(struct daemon *d, const struct net_addr *a, bool add)
{
	struct knet_addr k = { .addr = *a, .bits = (uint8_t)(net_addr_len(a->family) * 8) };
	char why[256];

	if (!d->net->ops)
		return E_NOT_SUPPORTED;
	err_t e = d->net->ops->addr(d->net->self, &k, add, why, sizeof why);
	if (e)
		LOGF(d->log, LOG_KERNEL, LOG_AUDIT, &(struct log_ctx){ .code = e }, "virtual address: %s", why);
	return e;
}

/* ---- events of the engine ---- */

void netplane_conn(struct daemon *d, const struct conf_conn *c)
{
	bool needs = c->vif.kind != CONF_VIF_NONE;

	for (uint16_t i = 0; i < c->n_children; i++)
		needs |= c->children[i]->updown != NULL || c->children[i]->inject.on;
	netvif_conn(d, c);
	if (!needs || d->events_own)
		return;
	/* Views of child SAs are made for those who listen alone. */
	d->events_own = UINT32_C(1) << IKE_EV_CHILD_UPDOWN | UINT32_C(1) << IKE_EV_CHILD_REKEY |
		UINT32_C(1) << IKE_EV_IKE_UPDATE;
	ike_events_wanted(d->engine, d->events_api | d->events_own);
}

static void child(struct daemon *d, const struct ike_view *sa, const struct ike_child_view *c, bool up)
{
	char dev[16] = "";

	/* A script finds the interface, also when the child goes. */
	if (up)
		netvif_child(d, sa, c, true, dev);
	else
		(void)netplane_child_device(d, c->unique, dev);
	updown_child(d, sa, c, up, dev);
	if (!up)
		netvif_child(d, sa, c, false, dev);
}

void netplane_event(struct daemon *d, const struct ike_event *ev)
{
	if (!d->events_own || !ev->sa)
		return;
	if (ev->type == IKE_EV_CHILD_UPDOWN && ev->conn)
		child(d, ev->sa, &ev->sa->children[0], ev->up);
	else if (ev->type == IKE_EV_CHILD_REKEY && ev->sa->n_children == 2)
		netvif_renamed(d, &ev->sa->children[0], &ev->sa->children[1]);
	else if (ev->type == IKE_EV_IKE_UPDATE)
		netvif_moved(d, ev->sa);
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
				child(d, v, &v->children[i], false);
		arena_reset(&a);
	}
	arena_fini(&a);
}
