/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of kernel-net: addresses, links, routes and rules over rtnetlink, MSS over nftables. One thread (the loop's).
 *
 * What is ours in the kernel carries a mark: routes, rules and addresses the protocol number OUR_PROTO, links an alias
 * that begins with OUR_ALIAS, packet rules a table of their own. What an earlier run left is found at the start, taken
 * over when it is asked for again, and what nobody asked for is removed after `left_delay`.
 */
#ifndef ADIT_KERNEL_NET_H
#define ADIT_KERNEL_NET_H

#include "plugins/kernel-common/table.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#ifndef IFA_PROTO
#define IFA_PROTO 11 /* Linux 5.18 */
#endif

enum { OUR_PROTO = 98, NL_BUF = 32 * 1024, LINKS_MAX = 65536, SPLIT_MAX = 256, MSG = 1024 };
#define OUR_ALIAS "adit: "

/* One socket for requests: the kernel has worked a request off when the call that sends it returns. */
struct nl {
	struct mnl_socket *s;
	uint32_t seq;
	char text[160]; /* what the kernel says about a refusal, "" nothing */
	_Alignas(struct nlmsghdr) uint8_t in[NL_BUF];
};

/* A route or an address of ours, by what was asked for. */
struct item_key {
	uint8_t what; /* ITEM_… */
	uint8_t family, bits, pad;
	uint32_t table, metric;
	uint8_t dst[16];
	char dev[16];
};
enum { ITEM_ROUTE = 1, ITEM_ADDR, ITEM_LEFT_ROUTE, ITEM_LEFT_ADDR /* of an earlier run: without dev */ };

struct item {
	struct tab_node node; /* must be first */
	struct item_key key;
	uint32_t refs;
	uint32_t oif;         /* device it is on */
	bool foreign;         /* an address that was there already: stays */
	struct net_addr peer, gateway, source, fixed_gateway;
};

/* An interface of ours. */
struct vif {
	struct vif *next;
	char name[16];
	char netns[64];  /* it was moved to, "" none */
	bool foreign;    /* it was there and is not ours: never changed or removed */
	bool left;       /* of an earlier run, not asked for yet */
	bool in_vrf;
	uint16_t mss_v4, mss_v6;
};

struct net {
	const struct plug_host *host;
	struct nl nl;
	struct mnl_socket *news;
	struct plug_watch *watch;
	struct plug_timer *tick;
	uint32_t table, priority, fwmark, left_delay_s;
	char vip_dev[16];
	bool wants_routes, wants_vips, rule[2], said_table;
	bool keep; /* at the end everything stays */
	uint32_t age_s;
	bool follow; /* something changed: routes_follow at the next tick */
	struct tab items;
	struct pool item_pool;
	struct vif *vifs;
	struct nft_ctx *nft;
	bool mss_dirty, mss_made;
};

/* ---- nl.c ---- */

err_t nl_open(struct nl *nl);
void nl_close(struct nl *nl);
struct nlmsghdr *nl_head(struct nl *nl, void *buf, uint16_t type, uint16_t flags);
/* Sends and reads the answer to its end; 0 or an errno. */
int nl_ask(struct nl *nl, struct nlmsghdr *m, mnl_cb_t cb, void *arg);
/* err_t of an errno, and the sentence: "cannot WHAT: reason; remedy". */
err_t nl_fail(struct net *k, int err, char *why, size_t cap, const char *fmt, ...) PRINTF_LIKE(5, 6);
void net_log(struct net *k, int level, const char *fmt, ...) PRINTF_LIKE(3, 4);
static inline uint8_t nl_af(uint8_t family)
{
	return family == NET_V4 ? AF_INET : AF_INET6;
}

/* ---- look.c ---- */

struct link_facts {
	uint32_t index, mtu, master, vrf_table, if_id, link, key_in, key_out;
	char kind[16], alias[64], name[16];
	uint8_t local[16], remote[16];
};

err_t look_path(struct net *k, const struct net_addr *src, const struct net_addr *dst, struct knet_path *out);
/* The first address of ours inside a range (its device: "" any); E_NOT_FOUND. */
err_t look_local(struct net *k, const struct ts_sel *range, struct net_addr *out, char dev[16]);
/* By name, or by index when name is NULL; nsid: another namespace's number, -1 none. errno. */
int look_link_in(struct net *k, int nsid, const char *name, uint32_t index, struct link_facts *out);
static inline int look_link(struct net *k, const char *name, uint32_t index, struct link_facts *out)
{
	return look_link_in(k, -1, name, index, out);
}
void look_links(struct net *k, void (*cb)(void *arg, const struct link_facts *f), void *arg);
/* Addresses of a device, as many as fit; returns how many. */
size_t look_addrs(struct net *k, uint32_t index, struct knet_addr *v, size_t max);
err_t news_open(struct net *k);
void news_close(struct net *k);

/* ---- route.c: routes, rules and addresses ---- */

err_t net_route(void *self, const struct knet_route *r, bool add, char *why, size_t cap);
err_t net_addr_set(void *self, const struct knet_addr *a, bool add, char *why, size_t cap);
/* Puts an address on a device without counting it: it goes with the device. errno. */
int addr_put(struct net *k, uint32_t index, const struct net_addr *a, uint8_t bits, bool add);
void items_find_left(struct net *k);
/* An address of an interface is wanted again: it does not go with what is left. */
void addr_taken_over(struct net *k, uint32_t index, const struct knet_addr *a);
void items_drop_left(struct net *k);
/* All of ours go; the rules, too. */
void items_clear(struct net *k);
/* The network has changed: routes to peers follow the way to them. */
void routes_follow(struct net *k);

/* ---- vif.c ---- */

err_t net_vif(void *self, const struct knet_vif *v, char *why, size_t cap);
void net_vif_del(void *self, const char *name);
void vifs_find_left(struct net *k);
void vifs_drop_left(struct net *k);
void vifs_clear(struct net *k);

/* ---- mss.c ---- */

/* The interfaces have changed: the packet rules follow, at once when there are few, else with the next second. */
void mss_changed(struct net *k);
void mss_tick(struct net *k);
void mss_close(struct net *k);

#endif
