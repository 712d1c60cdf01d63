/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptor, start and stop, and the operations of struct kern_ops. */
#include "plugins/kernel-user/plane.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MTU_DEFAULT = 1400 };

static const char *const counter_names[CTR_COUNT] = {
#define row(id, name) [CTR_##id] = name,
	PLANE_COUNTERS(row)
#undef row
};

void plane_log(struct plane *k, int level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	k->host->log(k->host->h, level, text);
}

err_t plane_cannot(struct plane *k, const char *it, const char *what)
{
	plane_log(k, 1, "kernel-user: %s cannot be installed: this data plane has no %s; kernel-xfrm does it", it, what);
	return E_NOT_SUPPORTED;
}

static void plane_now(struct plane *k)
{
	k->now_ms = k->host->now_ms(k->host->h);
}

/* ---- operations ---- */

/* How to take back one operation. */
struct undo {
	struct sa *sa;
	struct policy *pol;
	struct net_addr src, dst; /* of an UPDATE */
	bool encap;
};

static err_t op_policy_check(struct plane *k, const struct kern_policy *p)
{
	const char *what = p->mark || p->mark_mask ? "marks" : p->if_id ? "interface ids" : p->mode == KERN_BEET ? "BEET mode" :
		p->proto == 51 ? "AH" : p->ipcomp ? "IPComp" : *p->interface ? "policies of one network interface" :
		p->bare ? "policies for what is forwarded out" : NULL;

	if (what)
		return plane_cannot(k, "a policy", what);
	if (p->dir > KERN_FWD || p->action > KERN_TRAP)
		return E_BAD_VALUE;
	/* Without a mark nothing keeps our own packets to the peer out of the tunnel. */
	if (p->route && !k->host->fwmark && net_addr_len(p->dst.family) && p->remote.family == p->dst.family &&
		memcmp(p->dst.a, p->remote.lo, 16) >= 0 && memcmp(p->dst.a, p->remote.hi, 16) <= 0) {
		plane_log(k, 1, "kernel-user: the remote selector holds the peer itself, which needs a mark on the daemon's "
			"sockets: set aditd.fwmark");
		return E_NOT_SUPPORTED;
	}
	return 0;
}

static err_t op_policy_add(struct plane *k, const struct kern_policy *in, struct undo *u)
{
	struct policy *p;
	err_t e = op_policy_check(k, in);

	if (!e)
		e = policy_add(&k->policies, in, &p);
	if (e)
		return e;
	if (p->dir == KERN_OUT && p->action == KERN_PROTECT) {
		p->sas = sa_group_get(k, p->reqid);
		e = p->sas ? 0 : E_NOMEM;
	}
	if (!e && p->dir == KERN_OUT && in->route) {
		e = rtnl_route_add(k->rtnl, &p->remote, &p->local, &p->source_ip);
		p->route = !e;
		if (e)
			plane_log(k, 1, "kernel-user: cannot install the route of a policy (errno %d)", errno);
	}
	if (e) {
		policy_unlink(&k->policies, p);
		sa_group_put(k, p->sas);
		policy_free(&k->policies, p);
		return e;
	}
	u->pol = p;
	return 0;
}

static void op_policy_drop(struct plane *k, struct policy *p)
{
	if (p->route)
		rtnl_route_del(k->rtnl, &p->remote);
	sa_group_put(k, p->sas);
	out_forget_held(p);
	policy_free(&k->policies, p);
}

static err_t op_sa_update(struct plane *k, const struct kern_sa *in, struct undo *u)
{
	struct sa *s = sa_find(k, in->dir, in->spi, &in->dst);

	if (!s)
		s = sa_find(k, in->dir, in->spi, NULL);
	if (!s)
		return E_NOT_FOUND;
	if (!in->encap && !k->raw)
		return E_NOT_SUPPORTED;
	u->sa = s;
	u->src = s->src;
	u->dst = s->dst;
	u->encap = s->encap;
	s->src = in->src;
	s->dst = in->dst;
	s->encap = in->encap;
	s->mapped.family = NET_NONE;
	if (s->dir == KERN_OUT)
		sa_path(k, s, true);
	return 0;
}

static err_t op_apply(struct plane *k, struct kern_op *op, struct undo *u)
{
	switch (op->verb) {
	case KERN_SA_ADD:
		return sa_add(k, &op->sa, &u->sa);
	case KERN_SA_UPDATE:
		return op_sa_update(k, &op->sa, u);
	case KERN_SA_DEL:
		u->sa = sa_find(k, op->sa.dir, op->sa.spi, &op->sa.dst);
		if (!u->sa)
			return E_NOT_FOUND;
		sa_unlink(k, u->sa);
		return 0;
	case KERN_POLICY_ADD:
		return op_policy_add(k, &op->pol, u);
	case KERN_POLICY_DEL:
		u->pol = policy_named(&k->policies, &op->pol);
		if (!u->pol)
			return E_NOT_FOUND;
		event_forget_trap(k, u->pol);
		policy_unlink(&k->policies, u->pol);
		return 0;
	}
	return E_MISUSE;
}

static void op_undo(struct plane *k, uint8_t verb, struct undo *u)
{
	switch (verb) {
	case KERN_SA_ADD:
		sa_unlink(k, u->sa);
		sa_free(k, u->sa);
		break;
	case KERN_SA_UPDATE:
		u->sa->src = u->src;
		u->sa->dst = u->dst;
		u->sa->encap = u->encap;
		if (u->sa->dir == KERN_OUT)
			sa_path(k, u->sa, true);
		break;
	case KERN_SA_DEL:
		sa_link(k, u->sa);
		break;
	case KERN_POLICY_ADD:
		policy_unlink(&k->policies, u->pol);
		op_policy_drop(k, u->pol);
		break;
	case KERN_POLICY_DEL:
		if (policy_link(&k->policies, u->pol))
			op_policy_drop(k, u->pol);
		break;
	}
}

static void op_commit(struct plane *k, const struct kern_op *op, struct undo *u)
{
	if (op->verb == KERN_SA_DEL)
		sa_free(k, u->sa);
	else if (op->verb == KERN_POLICY_DEL)
		op_policy_drop(k, u->pol);
	else if (op->verb == KERN_SA_ADD && u->sa->dir == KERN_IN)
		in_unpark(k, u->sa->keys.spi);
}

static err_t user_submit(void *self, struct kern_op *ops, size_t n, uint64_t token)
{
	struct plane *k = self;
	struct undo few[16], *undo = n <= ARRAY_LEN(few) ? few : calloc(n, sizeof *undo);
	err_t e = undo ? 0 : E_NOMEM;
	size_t i = 0;

	(void)token;
	plane_now(k);
	for (; !e && i < n; i++)
		e = ops[i].res = op_apply(k, &ops[i], &undo[i]);
	if (e) {
		for (i = i ? i - 1 : 0; i-- > 0;) {
			op_undo(k, ops[i].verb, &undo[i]);
			ops[i].res = E_STALE;
		}
	} else {
		for (i = 0; i < n; i++)
			op_commit(k, &ops[i], &undo[i]);
		out_held(k);
	}
	if (undo != few)
		free(undo);
	return e;
}

static err_t user_can(void *self, uint16_t encr_id, uint16_t encr_bits, uint16_t integ_id, bool esn)
{
	const struct encr_ops *encr;
	const struct mac_ops *integ;

	(void)esn;
	return sa_algs(self, encr_id, encr_bits, integ_id, &encr, &integ);
}

static err_t user_usage(void *self, uint8_t dir, uint32_t spi, const struct net_addr *dst, struct kern_usage *out)
{
	struct plane *k = self;
	const struct sa *s = sa_find(k, dir, spi, dst);

	if (!s)
		return E_NOT_FOUND;
	*out = (struct kern_usage){
		.bytes = s->bytes, .packets = s->packets, .replay_drops = s->replay_drops, .icv_fails = s->icv_fails,
		.policy_drops = s->policy_drops, .other_drops = s->other_drops,
		.use_time_s = s->used_ms ? (k->host->now_ms(k->host->h) - s->used_ms) / 1000 : UINT64_MAX,
	};
	return 0;
}

static void user_esp_in_udp(void *self, const struct kern_udp *v, size_t n)
{
	struct plane *k = self;
	struct in_pkt in[ESP_BATCH];

	plane_now(k);
	while (n) {
		size_t m = n < ESP_BATCH ? n : ESP_BATCH;
		for (size_t i = 0; i < m; i++)
			in[i] = (struct in_pkt){ v[i].local, v[i].remote, v[i].p, (uint32_t)v[i].n, v[i].tos, true };
		in_batch(k, in, m);
		v += m;
		n -= m;
	}
}

static void user_each_alg(void *self, void (*cb)(void *arg, uint8_t kind, uint16_t id, uint16_t bits), void *arg)
{
	static const struct plug_feat algs[] = {
		{ PLUG_ENCR, ESP_ENCR_NULL, 0 }, { PLUG_ENCR, 12, 128 }, { PLUG_ENCR, 12, 192 }, { PLUG_ENCR, 12, 256 },
		{ PLUG_ENCR, 13, 128 }, { PLUG_ENCR, 13, 192 }, { PLUG_ENCR, 13, 256 }, { PLUG_ENCR, 20, 128 },
		{ PLUG_ENCR, 20, 192 }, { PLUG_ENCR, 20, 256 }, { PLUG_ENCR, 28, 256 }, { PLUG_INTEG, 2, 0 },
		{ PLUG_INTEG, 12, 0 }, { PLUG_INTEG, 13, 0 }, { PLUG_INTEG, 14, 0 }, { PLUG_INTEG, 1, 0 },
		{ PLUG_INTEG, 5, 0 }, { PLUG_INTEG, 8, 0 }, { PLUG_ENCR, 19, 128 }, { PLUG_ENCR, 19, 192 }, { PLUG_ENCR, 19, 256 },
		{ PLUG_ENCR, 18, 128 }, { PLUG_ENCR, 18, 192 }, { PLUG_ENCR, 18, 256 }, { PLUG_ENCR, 16, 128 },
		{ PLUG_ENCR, 16, 192 }, { PLUG_ENCR, 16, 256 }, { PLUG_ENCR, 15, 128 }, { PLUG_ENCR, 15, 192 },
		{ PLUG_ENCR, 15, 256 }, { PLUG_ENCR, 14, 128 }, { PLUG_ENCR, 14, 192 }, { PLUG_ENCR, 14, 256 },
		{ PLUG_ENCR, 23, 128 }, { PLUG_ENCR, 23, 192 }, { PLUG_ENCR, 23, 256 }, { PLUG_ENCR, 3, 192 },
		{ PLUG_ENCR, 24, 128 }, { PLUG_ENCR, 24, 192 }, { PLUG_ENCR, 24, 256 }, { PLUG_ENCR, 21, 128 },
		{ PLUG_ENCR, 21, 192 }, { PLUG_ENCR, 21, 256 }, { PLUG_ENCR, 2, 64 },
	};
	const struct plug_host *h = ((struct plane *)self)->host;

	for (size_t i = 0; i < ARRAY_LEN(algs); i++)
		if (algs[i].id == ESP_ENCR_NULL || h->find(h->h, algs[i].kind, algs[i].id, algs[i].arg))
			cb(arg, (uint8_t)algs[i].kind, algs[i].id, algs[i].arg);
}

/* ---- the loop ---- */

static void on_tun(void *arg, int fd, int events)
{
	(void)fd, (void)events;
	out_read(arg);
}

static void on_raw(void *arg, int fd, int events)
{
	(void)events;
	plane_now(arg);
	raw_read(arg, fd);
}

static void on_wake(void *arg, int fd, int events)
{
	(void)fd, (void)events;
	event_wake(arg);
}

static void on_news(void *arg, int fd, int events)
{
	struct plane *k = arg;
	struct kern_event ev = { .type = KERN_EV_LINK };

	(void)fd, (void)events;
	if (rtnl_changed(k->rtnl))
		k->host->kern_event(k->host->h, &ev);
}

static void on_tick(void *arg)
{
	struct plane *k = arg;

	plane_now(k);
	k->icmp_left = ICMP_PER_SECOND;
	sa_lifetimes(k, (uint32_t)(k->now_ms / 1000));
	out_held(k);
	event_flush(k);
	for (int i = 0; i < CTR_COUNT; i++)
		if (k->ctr[i] != k->ctr_told[i]) {
			k->host->count(k->host->h, counter_names[i], k->ctr[i] - k->ctr_told[i]);
			k->ctr_told[i] = k->ctr[i];
		}
}

/* ---- start and stop ---- */

static int64_t conf_int(const struct plug_host *h, const char *key, int64_t def)
{
	const char *v = h->conf ? h->conf(h->h, key) : NULL;

	return v && *v ? strtoll(v, NULL, 0) : def;
}

static bool conf_bool(const struct plug_host *h, const char *key, bool def)
{
	const char *v = h->conf ? h->conf(h->h, key) : NULL;

	if (!v || !*v)
		return def;
	return strcmp(v, "yes") == 0 || strcmp(v, "true") == 0 || strcmp(v, "1") == 0 || strcmp(v, "on") == 0;
}

static void user_stop(void *self)
{
	struct plane *k = self;

	if (!k)
		return;
	const struct plug_host *h = k->host;
	struct plug_watch *w[] = { k->tun_watch, k->raw_watch[0], k->raw_watch[1], k->rtnl_watch, k->wake_watch };
	for (size_t i = 0; i < ARRAY_LEN(w); i++)
		if (w[i])
			h->unwatch(h->h, w[i]);
	if (k->tick)
		h->untimer(h->h, k->tick);
	for (uint32_t i = 0; k->sas.bucket && i <= k->sas.mask; i++)
		for (struct tab_node *n = k->sas.bucket[i]; n; n = n->next) {
			struct sa *s = (struct sa *)n;
			esp_fini(&s->keys);
			free(s->ts);
		}
	rtnl_close(k->rtnl);
	raw_close(k->raw);
	if (k->tun >= 0)
		close(k->tun);
	if (k->wake >= 0)
		close(k->wake);
	policies_fini(&k->policies);
	tab_fini(&k->sas);
	tab_fini(&k->groups);
	pool_fini(&k->sa_pool);
	pool_fini(&k->group_pool);
	lane_fini(&k->lane);
	free(k->park);
	free(k->wheel);
	free(k);
}

static err_t start_net(struct plane *k, const uint64_t seed[2])
{
	const struct plug_host *h = k->host;
	err_t e = tun_open(k, conf_bool(h, "offload", true));

	if (e)
		return e;
	e = rtnl_open(&k->rtnl, (uint32_t)conf_int(h, "table", 220), (uint32_t)conf_int(h, "rule_priority", 220), h->fwmark,
		seed);
	if (!e)
		e = rtnl_link_up(k->rtnl, k->device, k->mtu);
	if (e) {
		plane_log(k, 0, "kernel-user: cannot set up the device %s: %s", k->device, strerror(errno));
		return e;
	}
	e = conf_bool(h, "raw_esp", true) ? raw_open(&k->raw, h->fwmark) : E_NOT_SUPPORTED;
	if (e == E_PERM || e == E_IO)
		plane_log(k, 1, "kernel-user: no raw sockets (%s): ESP goes in UDP only; CAP_NET_RAW would allow it without",
			strerror(errno));
	if (!h->fwmark)
		plane_log(k, 1, "kernel-user: aditd.fwmark is 0: selectors that hold the peer's own address cannot be used, and "
			"packets that no policy is for are dropped");
	return e == E_NOMEM ? e : 0;
}

static err_t start_watches(struct plane *k)
{
	const struct plug_host *h = k->host;
	bool ok;

	k->tun_watch = h->watch(h->h, k->tun, 1, on_tun, k);
	k->wake_watch = h->watch(h->h, k->wake, 1, on_wake, k);
	k->rtnl_watch = h->watch(h->h, rtnl_fd(k->rtnl), 1, on_news, k);
	k->tick = h->timer(h->h, 1000, 1000, on_tick, k);
	ok = k->tun_watch && k->wake_watch && k->rtnl_watch && k->tick;
	struct raw_fds fds = k->raw ? raw_fds(k->raw) : (struct raw_fds){ -1, -1 };
	if (fds.v4 >= 0)
		ok &= (k->raw_watch[0] = h->watch(h->h, fds.v4, 1, on_raw, k)) != NULL;
	if (fds.v6 >= 0)
		ok &= (k->raw_watch[1] = h->watch(h->h, fds.v6, 1, on_raw, k)) != NULL;
	return ok ? 0 : E_NOMEM;
}

static struct kern_ops user_ops;

static err_t user_start(const struct plug_host *host, void **self)
{
	struct plane *k = calloc(1, sizeof *k);
	const char *device = host->conf ? host->conf(host->h, "device") : NULL;
	const char *unmatched = host->conf ? host->conf(host->h, "unmatched") : NULL;
	uint64_t seed[2];
	err_t e = E_NOMEM;

	if (!k)
		return e;
	k->host = host;
	k->tun = k->wake = -1;
	k->mtu = (uint32_t)conf_int(host, "mtu", MTU_DEFAULT);
	k->pass_other = !unmatched || strcmp(unmatched, "drop") != 0;
	k->icmp_left = ICMP_PER_SECOND;
	snprintf(k->device, sizeof k->device, "%s", device && *device ? device : "adit0");
	plane_now(k);
	pool_init(&k->sa_pool, sizeof(struct sa));
	pool_init(&k->group_pool, sizeof(struct sa_group));
	k->wheel = calloc(1, sizeof *k->wheel);
	k->park = calloc(PARK_SLOTS, sizeof *k->park);
	k->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!k->wheel || !k->park || k->wake < 0)
		goto out;
	k->wheel->now_s = (uint32_t)(k->now_ms / 1000);
	e = host->random(host->h, (uint8_t *)seed, sizeof seed);
	if (!e)
		e = policies_init(&k->policies, seed);
	if (!e && (!tab_init(&k->sas, seed) || !tab_init(&k->groups, seed)))
		e = E_NOMEM;
	if (!e)
		e = lane_init(&k->lane, k->mtu, host);
	if (!e)
		e = start_net(k, seed);
	if (!e)
		e = start_watches(k);
	if (e)
		goto out;
	if (!k->raw)
		user_ops.caps &= ~(uint32_t)KERN_CAP_RAW_ESP;
	*self = k;
	return 0;
out:
	user_stop(k);
	return e;
}

static struct kern_ops user_ops = {
	.size = sizeof(struct kern_ops),
	.caps = KERN_CAP_ESN | KERN_CAP_ENCAP | KERN_CAP_RAW_ESP | KERN_CAP_TRANSPORT | KERN_CAP_TRAP | KERN_CAP_TFC |
		KERN_CAP_ROUTE | KERN_CAP_MOVE | KERN_CAP_MIXED | KERN_CAP_PORT_RANGES | KERN_CAP_DROPS | KERN_CAP_DSCP_OFF,
	.max_replay_window = REPLAY_WINDOW_MAX,
	.can = user_can,
	.submit = user_submit,
	.usage = user_usage,
	.esp_in_udp = user_esp_in_udp,
	.each_alg = user_each_alg,
};

static const struct plug_feat_row user_feats[] = {
	{ .is = { PLUG_KERNEL_SA, 0, 0 }, .prio = 80, .ops = &user_ops },
};

static const struct plug_conf_key user_conf[] = {
	{ "device", PLUG_CONF_STRING, 0, 0, "adit0", "name of the tunnel device" },
	{ "mtu", PLUG_CONF_INT, 1280, 9000, "1400", "MTU of the tunnel device in bytes" },
	{ "table", PLUG_CONF_INT, 1, UINT32_MAX, "220", "routing table for the routes into the tunnel" },
	{ "rule_priority", PLUG_CONF_INT, 1, 32765, "220", "priority of the rule that looks into that table" },
	{ "offload", PLUG_CONF_BOOL, 0, 0, "yes", "take TCP from the device in large packets and give it likewise" },
	{ "raw_esp", PLUG_CONF_BOOL, 0, 0, "yes", "send and receive ESP without UDP on raw sockets (CAP_NET_RAW)" },
	{ "unmatched", PLUG_CONF_STRING, 0, 0, "pass",
		"packets on such a route that no policy is for: pass (go on as without the route) or drop" },
	{ NULL, 0, 0, 0, NULL, NULL },
};

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "kernel-user",
	.version = "0.1.0",
	.summary = "ESP in user space over a tunnel device",
	.feats = user_feats,
	.n_feats = ARRAY_LEN(user_feats),
	.conf = user_conf,
	.start = user_start,
	.stop = user_stop,
};
