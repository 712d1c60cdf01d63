/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptor, start and stop. */
#include "plugins/kernel-net/net.h"

#include <stdlib.h>
#include <stdio.h>

static const char *conf(const struct plug_host *h, const char *key, const char *def)
{
	const char *v = h->conf ? h->conf(h->h, key) : NULL;

	return v && *v ? v : def;
}

static bool conf_yes(const struct plug_host *h, const char *key, const char *def)
{
	const char *v = conf(h, key, def);

	return strcmp(v, "yes") == 0 || strcmp(v, "true") == 0 || strcmp(v, "1") == 0 || strcmp(v, "on") == 0;
}

static err_t ops_path(void *self, const struct net_addr *src, const struct net_addr *dst, struct knet_path *out)
{
	return look_path(self, src, dst, out);
}

static err_t ops_device_of(void *self, const struct net_addr *a, char dev[16])
{
	struct ts_sel one = { .family = a->family };
	struct net_addr found;

	memcpy(one.lo, a->a, 16);
	memcpy(one.hi, a->a, 16);
	return look_local(self, &one, &found, dev);
}

static bool ops_wants_routes(void *self)
{
	return ((struct net *)self)->wants_routes;
}

static void ops_keep(void *self)
{
	((struct net *)self)->keep = true;
}

static void on_tick(void *arg)
{
	struct net *k = arg;

	if (k->follow) {
		k->follow = false;
		routes_follow(k);
	}
	mss_tick(k);
	if (k->age_s <= k->left_delay_s && k->age_s++ == k->left_delay_s) {
		vifs_drop_left(k);
		items_drop_left(k);
	}
}

static void net_stop(void *self)
{
	struct net *k = self;

	if (!k)
		return;
	if (k->tick)
		k->host->untimer(k->host->h, k->tick);
	news_close(k);
	if (k->nl.s && !k->keep)
		items_clear(k);
	if (k->nl.s)
		vifs_clear(k);
	mss_close(k);
	nl_close(&k->nl);
	tab_fini(&k->items);
	pool_fini(&k->item_pool);
	free(k);
}

static err_t net_start(const struct plug_host *host, void **self)
{
	struct net *k = calloc(1, sizeof *k);
	uint64_t seed[2];

	if (!k)
		return E_NOMEM;
	k->host = host;
	k->fwmark = host->fwmark;
	k->table = (uint32_t)strtoul(conf(host, "table", "220"), NULL, 0);
	k->priority = (uint32_t)strtoul(conf(host, "rule_priority", "220"), NULL, 0);
	k->left_delay_s = (uint32_t)strtoul(conf(host, "left_delay", "60"), NULL, 0);
	k->wants_routes = conf_yes(host, "install_routes", "yes");
	k->wants_vips = conf_yes(host, "install_virtual_ips", "yes");
	snprintf(k->vip_dev, sizeof k->vip_dev, "%s", conf(host, "virtual_ip_device", "lo"));
	pool_init(&k->item_pool, sizeof(struct item));
	err_t e = host->random(host->h, (uint8_t *)seed, sizeof seed);
	if (!e && !tab_init(&k->items, seed))
		e = E_NOMEM;
	if (!e)
		e = nl_open(&k->nl);
	if (!e)
		e = news_open(k);
	if (!e && !(k->tick = host->timer(host->h, 1000, 1000, on_tick, k)))
		e = E_NOMEM;
	if (e) {
		net_log(k, 0, "kernel-net: no rtnetlink: %s", e == E_PERM ? "aditd needs CAP_NET_ADMIN" : "the kernel refused it");
		net_stop(k);
		return e;
	}
	items_find_left(k);
	vifs_find_left(k);
	*self = k;
	return 0;
}

static const struct knet_ops net_ops = {
	.size = sizeof(struct knet_ops),
	.caps = KNET_CAP_VIF | KNET_CAP_MSS,
	.path = ops_path,
	.device_of = ops_device_of,
	.route = net_route,
	.addr = net_addr_set,
	.vif = net_vif,
	.vif_del = net_vif_del,
	.wants_routes = ops_wants_routes,
	.keep = ops_keep,
};

static const struct plug_feat_row net_feats[] = {
	{ .is = { PLUG_KERNEL_NET, 0, 0 }, .prio = 100, .ops = &net_ops },
};

static const struct plug_conf_key net_conf[] = {
	{ "install_routes", PLUG_CONF_BOOL, 0, 0, "yes",
		"routes to the remote selectors of policies in the kernel, through the next hop to the peer" },
	{ "table", PLUG_CONF_INT, 1, UINT32_MAX, "220", "routing table for these routes" },
	{ "rule_priority", PLUG_CONF_INT, 1, 32765, "220", "priority of the rule that looks into that table" },
	{ "install_virtual_ips", PLUG_CONF_BOOL, 0, 0, "yes", "whether virtual addresses we are given are put on this host" },
	{ "virtual_ip_device", PLUG_CONF_STRING, 0, 0, "lo", "device virtual addresses are put on" },
	{ "left_delay", PLUG_CONF_TIME_S, 0, 86400, "60",
		"how long routes, addresses and interfaces of an earlier run wait to be used again" },
	{ NULL, 0, 0, 0, NULL, NULL },
};

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "kernel-net",
	.version = "0.1.0",
	.summary = "routes, addresses and virtual interfaces of the Linux kernel",
	.feats = net_feats,
	.n_feats = ARRAY_LEN(net_feats),
	.conf = net_conf,
	.start = net_start,
	.stop = net_stop,
};
