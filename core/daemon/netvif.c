/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual interfaces and injected routes. An interface belongs to a connection (a name without "%u": made when the
 * configuration is loaded, gone with it) or to a session (made with its first child SA, gone with the last). Its MTU is
 * the plaintext MTU of the child SA that came last.
 */
#include "crypto/esp_mtu.h"
#include "daemon/netplane.h"

#include <stdio.h>
#include <stdlib.h>

enum { BUCKETS = 1024, V6_LEAST = 1280 };

struct live_vif {
	struct live_vif *next;
	struct conf_conn *conn;  /* referenced */
	struct knet_vif v;
	uint32_t number;         /* in the place of %u */
	unsigned refs;           /* child SAs */
	bool own;                /* of a connection, not of a session */
	struct esp_shape shape;  /* of the last child; proto 0 with gre 0: none came yet */
	uint64_t ike_unique;     /* template: the session */
	char owner[48];
};

struct live_child {
	struct live_child *next; /* in its bucket */
	uint64_t unique;
	struct live_vif *vif;    /* or NULL */
	size_t n_routes;
	struct knet_route routes[];
};

struct netvifs {
	struct live_vif *vifs;
	struct live_child *bucket[BUCKETS];
};

bool netvif_start(struct netplane *n)
{
	n->vifs = calloc(1, sizeof *n->vifs);
	return n->vifs != NULL;
}

static void vif_free(struct netvifs *all, struct live_vif *v)
{
	struct live_vif **at = &all->vifs;

	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	conf_conn_unref(&v->conn);
	free(v);
}

void netvif_stop(struct netplane *n)
{
	struct netvifs *all = n->vifs;

	if (!all)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (all->bucket[i]) {
			struct live_child *c = all->bucket[i];
			all->bucket[i] = c->next;
			free(c);
		}
	while (all->vifs)
		vif_free(all, all->vifs);
	free(all);
	n->vifs = NULL;
}

static struct live_child **child_at(struct netvifs *all, uint64_t unique)
{
	struct live_child **at = &all->bucket[unique % BUCKETS];

	while (*at && (*at)->unique != unique)
		at = &(*at)->next;
	return at;
}

/* ---- one interface ---- */

static bool is_template(const struct conf_conn *c)
{
	return strchr(c->vif.name, '%') != NULL;
}

/* False: it could not be made; that was said. */
static bool vif_apply(struct daemon *d, struct live_vif *v)
{
	const struct conf_vif *f = &v->conn->vif;
	char why[320];
	struct knet_addr addrs[32];

	v->v.owner = v->owner;
	v->v.netns = f->netns;
	v->v.n_addrs = f->n_addrs;
	v->v.addrs = addrs;
	for (uint16_t i = 0; i < f->n_addrs; i++)
		addrs[i] = (struct knet_addr){ .addr = f->addrs[i], .bits = f->bits[i] };
	v->v.mss_v4 = f->mss_clamp && v->v.mtu ? esp_mss(v->v.mtu, NET_V4) : 0;
	v->v.mss_v6 = f->mss_clamp && v->v.mtu ? esp_mss(v->v.mtu, NET_V6) : 0;
	err_t e = d->net->ops ? d->net->ops->vif(d->net->self, &v->v, why, sizeof why) : E_NOT_SUPPORTED;
	v->v.addrs = NULL;
	if (e)
		LOGF(d->log, LOG_KERNEL, LOG_AUDIT, (&(struct log_ctx){ .code = e, .conn = v->conn->name }), "connection '%s': %s",
			v->conn->name, d->net->ops ? why : "there is no plugin that makes interfaces (kernel-net)");
	return !e;
}

/* From the session's SA and path, unless it is configured. True: it has changed. */
static bool mtu_follow(struct daemon *d, struct live_vif *v, const struct net_addr *local, const struct net_addr *remote)
{
	uint32_t mtu = v->conn->vif.mtu, path;

	if (!mtu && (v->shape.proto || v->shape.gre)) {
		path = netplane_path_mtu(d, local, remote);
		mtu = path ? esp_plain_mtu(&v->shape, path) : 0;
	}
	if (!mtu || mtu == v->v.mtu)
		return false;
	v->v.mtu = mtu;
	if (mtu < V6_LEAST)
		LOGF(d->log, LOG_KERNEL, LOG_CONTROL, &(struct log_ctx){ .conn = v->conn->name }, "interface %s: its MTU is %u, so "
			"that IPv6 cannot go through it (RFC 8200 asks for %d)", v->v.name, mtu, V6_LEAST);
	return true;
}

static bool gre_child(const struct ike_child_view *c)
{
	return c->n_local_ts && c->local_ts[0].proto == 47;
}

static bool if_ids_are(const struct live_vif *v, uint32_t if_id)
{
	return v->v.kind != KNET_XFRM || v->v.if_id == if_id;
}

static uint32_t free_number(const struct netvifs *all)
{
	for (uint32_t n = 1;; n++) {
		const struct live_vif *v = all->vifs;
		while (v && v->number != n)
			v = v->next;
		if (!v)
			return n;
	}
}

/* c NULL: of a connection before any child is up. */
static struct live_vif *vif_new(struct daemon *d, struct conf_conn *conn, const struct ike_view *sa,
	const struct ike_child_view *c)
{
	const struct conf_vif *f = &conn->vif;
	const struct conf_child *first = c ? c->conf : conn->n_children ? conn->children[0] : NULL;
	struct live_vif *v = calloc(1, sizeof *v);
	bool gre = f->kind == CONF_VIF_GRE || (f->kind == CONF_VIF_AUTO && (c ? gre_child(c) : first && first->n_local_ts &&
		first->local_ts[0].sel.proto == 47));

	if (!v)
		return NULL;
	v->conn = conf_conn_ref(conn);
	v->own = !is_template(conn);
	v->ike_unique = v->own || !sa ? 0 : sa->unique;
	v->v.kind = gre ? KNET_GRE : f->kind == CONF_VIF_VTI ? KNET_VTI : KNET_XFRM;
	memcpy(v->v.link, f->link, sizeof v->v.link);
	memcpy(v->v.vrf, f->vrf, sizeof v->v.vrf);
	memcpy(v->v.borrow, f->borrow, sizeof v->v.borrow);
	if (v->v.kind == KNET_XFRM) {
		v->v.if_id = c ? c->if_id_out : first && first->if_id_out ? first->if_id_out : conn->if_id_out;
	} else if (v->v.kind == KNET_VTI) {
		v->v.key_in = c ? c->mark_in : first ? first->mark_in : 0;
		v->v.key_out = c ? c->mark_out : first ? first->mark_out : 0;
	} else {
		v->v.key_in = v->v.key_out = f->key;
	}
	if (v->v.kind != KNET_XFRM && sa) {
		v->v.local = sa->local;
		v->v.remote = sa->remote;
	} else if (v->v.kind != KNET_XFRM && conn->n_remote_addrs) {
		v->v.remote = conn->remote_addrs[0];
		if (conn->n_local_addrs)
			v->v.local = conn->local_addrs[0];
		else
			(void)netplane_source(d, &v->v.remote, &v->v.local);
	} else if (v->v.kind != KNET_XFRM && conn->n_local_addrs) {
		v->v.local = conn->local_addrs[0];
	}
	v->number = v->own ? 0 : v->v.kind == KNET_XFRM ? v->v.if_id : free_number(d->net->vifs);
	const char *u = strchr(f->name, '%');
	if (u)
		snprintf(v->v.name, sizeof v->v.name, "%.*s%u%s", (int)(u - f->name), f->name, v->number, u + 2);
	else
		memcpy(v->v.name, f->name, sizeof v->v.name);
	snprintf(v->owner, sizeof v->owner, "%.40s", conn->name);
	v->v.mtu = f->mtu;
	v->next = d->net->vifs->vifs;
	d->net->vifs->vifs = v;
	return v;
}

static void vif_drop(struct daemon *d, struct live_vif *v)
{
	if (d->net->ops)
		d->net->ops->vif_del(d->net->self, v->v.name);
	vif_free(d->net->vifs, v);
}

/* ---- connections ---- */

static struct live_vif *vif_of_conn(const struct netvifs *all, const char *name)
{
	struct live_vif *v = all->vifs;

	while (v && (!v->own || strcmp(v->conn->name, name) != 0))
		v = v->next;
	return v;
}

void netvif_conn(struct daemon *d, const struct conf_conn *c)
{
	struct live_vif *v = vif_of_conn(d->net->vifs, c->name);

	if (v && v->refs) {
		/* With child SAs: what can be changed under them is, the rest comes when they are set up again. */
		if (c->vif.kind != v->conn->vif.kind || strcmp(c->vif.name, v->conn->vif.name) != 0)
			return;
		conf_conn_unref(&v->conn);
		v->conn = conf_conn_ref((struct conf_conn *)c);
		memcpy(v->v.vrf, c->vif.vrf, sizeof v->v.vrf);
		memcpy(v->v.borrow, c->vif.borrow, sizeof v->v.borrow);
		v->v.mtu = c->vif.mtu ? c->vif.mtu : v->v.mtu;
		(void)vif_apply(d, v);
		return;
	}
	if (v && (c->vif.kind == CONF_VIF_NONE || strcmp(v->v.name, c->vif.name) != 0)) {
		vif_drop(d, v);
		v = NULL;
	} else if (v) {
		vif_free(d->net->vifs, v); /* brought to its new state below */
	}
	if (c->vif.kind == CONF_VIF_NONE || is_template(c))
		return;
	v = vif_new(d, (struct conf_conn *)c, NULL, NULL);
	if (v && !vif_apply(d, v))
		vif_free(d->net->vifs, v);
}

void netplane_conn_gone(struct daemon *d, const char *name)
{
	struct live_vif *v = d->net ? vif_of_conn(d->net->vifs, name) : NULL;

	if (!v)
		return;
	if (v->refs)
		v->own = false; /* goes with its last child SA */
	else
		vif_drop(d, v);
}

/* ---- children ---- */

static struct live_vif *vif_of_child(struct daemon *d, const struct ike_view *sa, const struct ike_child_view *c)
{
	struct live_vif *v;

	for (v = d->net->vifs->vifs; v; v = v->next)
		if (strcmp(v->conn->name, c->conn->name) == 0 && if_ids_are(v, c->if_id_out) &&
			(v->own || v->v.kind == KNET_XFRM || v->ike_unique == sa->unique))
			break;
	return v ? v : vif_new(d, c->conn, sa, c);
}

static struct live_vif *vif_up(struct daemon *d, const struct ike_view *sa, const struct ike_child_view *c)
{
	struct live_vif *v;

	if (c->conn->vif.kind == CONF_VIF_NONE || (c->conn->vif.kind == CONF_VIF_AUTO && !gre_child(c) && !c->if_id_out))
		return NULL;
	v = vif_of_child(d, sa, c);
	if (!v)
		return NULL;
	bool gre = v->v.kind == KNET_GRE;
	v->shape = (struct esp_shape){ .proto = c->proto, .mode = c->mode, .outer = sa->remote.family,
		.encap = c->encap ? ESP_IN_UDP : ESP_IN_IP, .gre = gre ? c->local_ts[0].family : NET_NONE,
		.gre_words = gre && c->conn->vif.key, .encr = c->encr, .integ = c->integ };
	if (v->v.kind != KNET_XFRM) {
		v->v.local = sa->local;
		v->v.remote = sa->remote;
	}
	(void)mtu_follow(d, v, &sa->local, &sa->remote);
	v->refs++;
	if (vif_apply(d, v))
		return v;
	if (!--v->refs && !v->own)
		vif_free(d->net->vifs, v);
	return NULL;
}

static void vif_down(struct daemon *d, struct live_vif *v)
{
	if (!v || --v->refs || v->own)
		return;
	vif_drop(d, v);
}

static void inject(struct daemon *d, const struct ike_view *sa, const struct ike_child_view *c, struct live_child *l)
{
	const struct conf_inject *j = &c->conf->inject;
	char why[320];

	for (uint16_t i = 0; i < c->n_remote_ts; i++) {
		struct knet_route r = { .dst = c->remote_ts[i], .peer = sa->remote, .table = j->table, .metric = j->metric };
		struct net_addr hop;
		memcpy(r.vrf, j->vrf, sizeof r.vrf);
		if (c->n_local_ts)
			r.local = c->local_ts[0];
		if (r.local.family != r.dst.family)
			r.local.family = NET_NONE;
		if (j->next_hop && net_addr_parse(j->next_hop, &hop) == 0)
			r.gateway = hop;
		else if (j->next_hop)
			snprintf(r.dev, sizeof r.dev, "%s", j->next_hop);
		else if (l->vif)
			memcpy(r.dev, l->vif->v.name, sizeof r.dev);
		/* An interface in a VRF has its routes there. */
		if (l->vif && !*r.vrf && r.table == 254 && *r.dev)
			memcpy(r.vrf, l->vif->v.vrf, sizeof r.vrf);
		err_t e = d->net->ops ? d->net->ops->route(d->net->self, &r, true, why, sizeof why) : E_NOT_SUPPORTED;
		if (e)
			LOGF(d->log, LOG_KERNEL, LOG_AUDIT, (&(struct log_ctx){ .code = e, .conn = c->conn->name }), "child '%s': %s",
				c->name, d->net->ops ? why : "there is no plugin that makes routes (kernel-net)");
		else
			l->routes[l->n_routes++] = r;
	}
}

void netvif_child(struct daemon *d, const struct ike_view *sa, const struct ike_child_view *c, bool up, char dev[16])
{
	struct live_child **at = child_at(d->net->vifs, c->unique), *l = *at;
	char why[320];

	if (!up) {
		if (!l)
			return;
		*at = l->next;
		for (size_t i = 0; i < l->n_routes && d->net->ops; i++)
			(void)!d->net->ops->route(d->net->self, &l->routes[i], false, why, sizeof why);
		vif_down(d, l->vif);
		free(l);
		return;
	}
	if (l || (c->conn->vif.kind == CONF_VIF_NONE && !c->conf->inject.on))
		return;
	l = calloc(1, sizeof *l + c->n_remote_ts * sizeof l->routes[0]);
	if (!l)
		return;
	l->unique = c->unique;
	l->vif = vif_up(d, sa, c);
	if (l->vif)
		memcpy(dev, l->vif->v.name, 16);
	*at = l;
	if (c->conf->inject.on)
		inject(d, sa, c, l);
}

bool netplane_child_device(void *arg, uint64_t unique, char dev[16])
{
	struct daemon *d = arg;
	const struct live_child *l = d->net && d->net->vifs ? *child_at(d->net->vifs, unique) : NULL;

	if (l && l->vif)
		memcpy(dev, l->vif->v.name, 16);
	return l && l->vif;
}

void netvif_renamed(struct daemon *d, const struct ike_child_view *old, const struct ike_child_view *now)
{
	struct live_child **at = child_at(d->net->vifs, old->unique), *l = *at;

	if (!l || *child_at(d->net->vifs, now->unique))
		return;
	*at = l->next;
	l->unique = now->unique;
	at = child_at(d->net->vifs, l->unique);
	l->next = NULL;
	*at = l;
}

/* Routes whose next hop is that to the peer lead to where it is now. */
static void routes_moved(struct daemon *d, struct live_child *l, const struct net_addr *peer)
{
	char why[320];

	for (size_t i = 0; i < l->n_routes && d->net->ops; i++) {
		struct knet_route *r = &l->routes[i];
		if (*r->dev || r->gateway.family || net_addr_same(&r->peer, peer))
			continue;
		(void)!d->net->ops->route(d->net->self, r, false, why, sizeof why);
		r->peer = *peer;
		err_t e = d->net->ops->route(d->net->self, r, true, why, sizeof why);
		if (!e)
			continue;
		LOGF(d->log, LOG_KERNEL, LOG_AUDIT, &(struct log_ctx){ .code = e }, "a peer has moved: %s", why);
		*r = l->routes[--l->n_routes];
		i--;
	}
}

void netvif_moved(struct daemon *d, const struct ike_view *sa)
{
	for (uint16_t i = 0; i < sa->n_children; i++) {
		const struct ike_child_view *c = &sa->children[i];
		struct live_child *l = *child_at(d->net->vifs, c->unique);
		if (l)
			routes_moved(d, l, &sa->remote);
		if (!l || !l->vif)
			continue;
		l->vif->shape.outer = sa->remote.family;
		l->vif->shape.encap = c->encap ? ESP_IN_UDP : ESP_IN_IP;
		if (l->vif->v.kind != KNET_XFRM) {
			l->vif->v.local = sa->local;
			l->vif->v.remote = sa->remote;
		}
		(void)mtu_follow(d, l->vif, &sa->local, &sa->remote);
		(void)vif_apply(d, l->vif);
	}
}

void netvif_follow(struct daemon *d)
{
	const struct ike_view *sa;
	uint32_t cursor = 0;
	struct arena a;

	if (!d->engine || !d->net->vifs || !d->net->vifs->vifs)
		return;
	arena_init(&a, (size_t)64 << 20);
	while ((sa = ike_view_next(d->engine, loop_now_ms(), &cursor, &a))) {
		for (uint16_t i = 0; i < sa->n_children; i++) {
			const struct live_child *l = *child_at(d->net->vifs, sa->children[i].unique);
			if (l && l->vif && mtu_follow(d, l->vif, &sa->local, &sa->remote))
				(void)vif_apply(d, l->vif);
		}
		arena_reset(&a);
	}
	arena_fini(&a);
}
