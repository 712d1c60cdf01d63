/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptor, start and stop, and the operations of struct kern_ops. */
#include "plugins/kernel-xfrm/xfrm.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { FEW = 8, TICK_MS = 1000, STAT_EVERY_S = 5, NEWS_BYTES = 8 << 20 };

/* What was done for one operation. */
struct done {
	struct xsa *sa;               /* ADD: made; UPDATE: moved; DEL: to go */
	struct net_addr src, dst;     /* UPDATE: before */
	bool encap;
	struct policy_undo *pol;      /* one for each kernel policy */
	size_t n_pol;
};

/* ---- one operation ---- */

static void say_sa(struct xfrm *k, const struct kern_sa *a, err_t e)
{
	char dst[INET6_ADDRSTRLEN] = "?", what[160];

	(void)inet_ntop(xfrm_af(a->dst.family), a->dst.a, dst, sizeof dst);
	snprintf(what, sizeof what, "%s SA %08x to %s (%s, encryption %u of %u bits, integrity %u)",
		a->dir == KERN_OUT ? "the outbound" : "the inbound", a->spi, dst, a->proto == 51 ? "AH" : "ESP", a->encr_id,
		a->encr_bits, a->integ_id);
	if (k->nl.fail.err)
		xfrm_say(k, what, &k->nl.fail);
	else
		xfrm_log(k, 0, "%s cannot be installed: %s", what, e == E_EXISTS ? "its SPI is in use" :
			e == E_NOT_SUPPORTED ? "the kernel has no such algorithm" : e == E_NOMEM ? "out of memory" :
			"its ends are not of one address family");
}

static err_t add_sa(struct xfrm *k, struct kern_op *op, size_t i, struct done *d)
{
	err_t e = sa_add(k, &op->sa, i, &d->sa);

	if (e)
		say_sa(k, &op->sa, e);
	return e;
}

/* Hardware that does not take an SA is no reason to go without, unless it was asked for. */
static const struct kern_sa *offload_auto(struct kern_op *ops, size_t n)
{
	const struct kern_sa *one = NULL;

	for (size_t i = 0; i < n; i++)
		if (ops[i].verb == KERN_SA_ADD && ops[i].sa.offload == KERN_OFFLOAD_AUTO) {
			ops[i].sa.offload = KERN_OFFLOAD_NO;
			one = &ops[i].sa;
		}
	return one;
}

static bool any_auto(const struct kern_op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ops[i].verb == KERN_SA_ADD && ops[i].sa.offload == KERN_OFFLOAD_AUTO)
			return true;
	return false;
}

static err_t move_sa(struct xfrm *k, const struct kern_sa *a, struct done *d)
{
	struct xsa *s = sa_find(k, a->dir, a->spi, &a->dst);

	if (!s)
		s = sa_find(k, a->dir, a->spi, &(struct net_addr){ .family = NET_NONE });
	if (!s)
		return E_NOT_FOUND;
	*d = (struct done){ .src = s->src, .dst = s->dst, .encap = sa_encap(s) };
	err_t e = sa_move(k, s, &a->src, &a->dst, a->encap, 0);
	if (e)
		say_sa(k, a, e);
	else
		d->sa = s;
	return e;
}

static err_t one_policy(struct xfrm *k, struct kern_op *op, struct done *d)
{
	struct xkey key[SPLIT_MAX];
	size_t n;
	err_t e = policy_keys(&op->pol, key, &n);

	if (e) {
		if (e == E_NOT_FOUND)
			xfrm_log(k, 0, "there is no interface '%s' for a policy: make it first or correct 'interface' of the child",
				op->pol.interface);
		else
			xfrm_log(k, 0, "the ranges of addresses and ports of a policy make more than %d policies of the kernel: "
				"choose prefixes for them", SPLIT_MAX);
		return e;
	}
	d->pol = calloc(n, sizeof *d->pol);
	if (!d->pol)
		return E_NOMEM;
	for (size_t i = 0; i < n && !e; i++) {
		e = op->verb == KERN_POLICY_ADD ? policy_add(k, &op->pol, &key[i], &d->pol[i]) :
			policy_del(k, &op->pol, &key[i], &d->pol[i]);
		d->n_pol += !e;
	}
	return e;
}

/* ---- a batch ---- */

static void take_back(struct xfrm *k, struct kern_op *ops, struct done *d, size_t n)
{
	for (size_t i = n; i-- > 0;)
		for (size_t p = d[i].n_pol; p-- > 0;)
			policy_undo(k, &d[i].pol[p]);
	nl_clear(&k->nl);
	if (policy_sync(k))
		xfrm_say(k, "to take back policies", &k->nl.fail);
	nl_clear(&k->nl);
	for (size_t i = n; i-- > 0;)
		if (ops[i].verb == KERN_SA_ADD && d[i].sa)
			sa_del_msg(k, d[i].sa, i);
	(void)nl_flush(&k->nl);
	nl_clear(&k->nl);
	for (size_t i = n; i-- > 0;) {
		if (ops[i].verb == KERN_SA_ADD && d[i].sa)
			sa_forget(k, d[i].sa);
		if (ops[i].verb == KERN_SA_UPDATE && d[i].sa)
			(void)!sa_move(k, d[i].sa, &d[i].src, &d[i].dst, d[i].encap, 0);
	}
}

/* Which operation a refused policy belongs to. */
static size_t op_of_name(const struct done *d, size_t n, const struct xname *x)
{
	for (size_t i = 0; i < n; i++)
		for (size_t p = 0; p < d[i].n_pol; p++)
			if (d[i].pol[p].name == x)
				return i;
	return 0;
}

/* One line for a tunnel whose packets the network card could have worked on. */
static void say_no_offload(struct xfrm *k, const struct kern_sa *a)
{
	char src[INET6_ADDRSTRLEN] = "?";

	(void)inet_ntop(xfrm_af(a->src.family), a->src.a, src, sizeof src);
	k->host->count(k->host->h, "offload_refused", 1);
	xfrm_log(k, 1, "the interface of %s has no hardware offload for the SA %08x: the kernel works on its packets itself", src,
		a->spi);
}

/* Some kernels take the SA without the offload and say nothing. */
static err_t check_offload(struct xfrm *k, const struct kern_op *ops, size_t n, const struct done *d, size_t *at)
{
	for (*at = 0; *at < n; ++*at) {
		const struct kern_sa *a = &ops[*at].sa;
		if (ops[*at].verb != KERN_SA_ADD || a->offload == KERN_OFFLOAD_NO || sa_offloaded(k, d[*at].sa))
			continue;
		if (a->offload == KERN_OFFLOAD_AUTO && a->dir == KERN_OUT)
			say_no_offload(k, a);
		if (a->offload == KERN_OFFLOAD_AUTO)
			continue;
		xfrm_log(k, 0, "the SA %08x cannot be given to the network interface, which has no such offload: ask for hw_offload = "
			"auto or no", a->spi);
		return E_NOT_SUPPORTED;
	}
	return 0;
}

static err_t add_sas(struct xfrm *k, struct kern_op *ops, size_t n, struct done *d, size_t *at)
{
	err_t e = 0;

	nl_clear(&k->nl);
	for (*at = 0; *at < n && !e; ++*at)
		if (ops[*at].verb == KERN_SA_ADD)
			e = add_sa(k, &ops[*at], *at, &d[*at]);
	if (e) {
		--*at;
		return e;
	}
	if (nl_flush(&k->nl)) {
		*at = k->nl.fail.op;
		e = xfrm_err(k->nl.fail.err);
		if (!any_auto(ops, n))
			say_sa(k, &ops[*at].sa, e);
	}
	return e ? e : check_offload(k, ops, n, d, at);
}

static err_t all_policies(struct xfrm *k, struct kern_op *ops, size_t n, struct done *d, size_t *at)
{
	err_t e = 0;

	for (*at = 0; *at < n && !e; ++*at)
		if (ops[*at].verb == KERN_POLICY_ADD || ops[*at].verb == KERN_POLICY_DEL)
			e = one_policy(k, &ops[*at], &d[*at]);
	if (e) {
		--*at;
		return e;
	}
	nl_clear(&k->nl);
	if (policy_sync(k)) {
		struct xname *x = (struct xname *)(uintptr_t)k->nl.fail.op;
		char what[160];
		policy_key_text(&x->key, what, sizeof what);
		xfrm_say(k, what, &k->nl.fail);
		*at = op_of_name(d, n, x);
		e = xfrm_err(k->nl.fail.err);
	}
	return e;
}

/* SAs stand before the policies that want them, and go after those have gone. */
static err_t do_all(struct xfrm *k, struct kern_op *ops, size_t n, struct done *d, size_t *at)
{
	err_t e = add_sas(k, ops, n, d, at);

	if (e)
		return e;
	for (*at = 0; *at < n; ++*at) {
		if (ops[*at].verb == KERN_SA_UPDATE)
			e = move_sa(k, &ops[*at].sa, &d[*at]);
		else if (ops[*at].verb == KERN_SA_DEL) {
			d[*at].sa = sa_find(k, ops[*at].sa.dir, ops[*at].sa.spi, &ops[*at].sa.dst);
			e = d[*at].sa ? 0 : E_NOT_FOUND;
		} else if (ops[*at].verb < KERN_SA_ADD || ops[*at].verb > KERN_POLICY_DEL)
			e = E_MISUSE;
		if (e)
			return e;
	}
	return all_policies(k, ops, n, d, at);
}

static void settle(struct xfrm *k, struct kern_op *ops, size_t n, struct done *d)
{
	nl_clear(&k->nl);
	for (size_t i = 0; i < n; i++)
		if (ops[i].verb == KERN_SA_DEL)
			sa_del_msg(k, d[i].sa, i);
	if (nl_flush(&k->nl))
		xfrm_say(k, "to delete an SA", &k->nl.fail);
	for (size_t i = 0; i < n; i++) {
		if (ops[i].verb == KERN_SA_DEL)
			sa_forget(k, d[i].sa);
		if (ops[i].verb == KERN_SA_ADD && ops[i].sa.dir == KERN_OUT && k->left)
			left_retire(k, ops[i].sa.reqid);
		for (size_t p = 0; p < d[i].n_pol; p++)
			policy_settle(k, &d[i].pol[p]);
	}
}

static err_t attempt(struct xfrm *k, struct kern_op *ops, size_t n)
{
	struct done few[FEW] = { 0 }, *d = n <= FEW ? few : calloc(n, sizeof *d);
	size_t at = 0;

	if (!d)
		return E_NOMEM;
	err_t e = do_all(k, ops, n, d, &at);
	if (e)
		take_back(k, ops, d, n);
	else
		settle(k, ops, n, d);
	for (size_t i = 0; i < n; i++) {
		ops[i].res = !e ? 0 : i == at ? e : E_STALE;
		free(d[i].pol);
	}
	if (d != few)
		free(d);
	return e;
}

static err_t x_submit(void *self, struct kern_op *ops, size_t n, uint64_t token)
{
	struct xfrm *k = self;

	(void)token;
	err_t e = attempt(k, ops, n);
	if (e && any_auto(ops, n)) {
		const struct kern_sa *one = offload_auto(ops, n);
		e = attempt(k, ops, n);
		if (!e)
			say_no_offload(k, one);
	}
	return e;
}

/* ---- looking ---- */

static err_t x_can(void *self, uint16_t encr_id, uint16_t encr_bits, uint16_t integ_id, bool esn)
{
	const struct xfrm *k = self;

	(void)esn;
	if (encr_id && !algs_has(k, PLUG_ENCR, encr_id, encr_bits))
		return E_NOT_SUPPORTED;
	return integ_id && !algs_has(k, PLUG_INTEG, integ_id, 0) ? E_NOT_SUPPORTED : 0;
}

static err_t x_usage(void *self, uint8_t dir, uint32_t spi, const struct net_addr *dst, struct kern_usage *out)
{
	struct xsa *s = sa_find(self, dir, spi, dst);

	return s ? sa_usage(self, s, out) : E_NOT_FOUND;
}

static void x_each_alg(void *self, void (*cb)(void *arg, uint8_t kind, uint16_t id, uint16_t bits), void *arg)
{
	algs_each(self, cb, arg);
}

static err_t x_probe(char *why, size_t cap)
{
	struct nl *nl = calloc(1, sizeof *nl);
	err_t e = nl ? nl_open(nl) : E_NOMEM;

	if (e)
		snprintf(why, cap, "%s", e == E_NOT_SUPPORTED ? "this kernel has no XFRM: load the module xfrm_user, or take a "
			"kernel with CONFIG_XFRM_USER" : "no netlink socket for XFRM can be opened");
	else
		e = algs_probe(nl, NULL, NULL, why, cap);
	if (nl)
		nl_close(nl);
	free(nl);
	return e;
}

static uint32_t x_caps_now(void *self)
{
	struct xfrm *k = self;

	algs_modules(&k->nl, &k->caps);
	return k->caps;
}

static uint32_t x_left_reqid(void *self, const struct kern_policy *pol)
{
	struct xfrm *k = self;
	struct xkey key[SPLIT_MAX];
	size_t n;

	if (!k->left_until_s || policy_keys(pol, key, &n) || !n)
		return 0;
	const struct xname *x = policy_name(k, &key[0], false);
	return x && x->left ? x->left_reqid : 0;
}

static uint32_t x_first_reqid(void *self)
{
	return ((struct xfrm *)self)->next_reqid;
}

static void x_keep(void *self)
{
	((struct xfrm *)self)->keep = true;
}

/* ---- start and stop ---- */

static void tick(void *arg)
{
	struct xfrm *k = arg;
	uint32_t now_s = xfrm_now_s(k);

	left_tick(k, now_s);
	if (now_s % STAT_EVERY_S == 0)
		host_stat(k, false);
}

static void remove_all(struct xfrm *k)
{
	for (uint32_t b = 0; b <= k->name.mask; b++)
		for (struct tab_node *t = k->name.bucket[b]; t; t = t->next) {
			struct xname *x = (struct xname *)t;
			x->top = NULL; /* the pool frees it */
			x->left = false;
			policy_dirty(k, x);
		}
	nl_clear(&k->nl);
	(void)policy_sync(k);
	nl_clear(&k->nl);
	for (uint32_t b = 0; b <= k->sa.mask; b++)
		for (struct tab_node *t = k->sa.bucket[b]; t; t = t->next)
			sa_del_msg(k, (struct xsa *)t, 0);
	(void)nl_flush(&k->nl);
	k->left_until_s = k->left ? 1 : 0;
	left_tick(k, UINT32_MAX);
}

static void x_stop(void *self)
{
	struct xfrm *k = self;

	if (!k)
		return;
	if (k->tick)
		k->host->untimer(k->host->h, k->tick);
	event_close(k);
	if (k->nl.s && k->name.bucket && k->sa.bucket && !k->keep) {
		remove_all(k);
		host_restore(k);
	}
	nl_close(&k->nl);
	left_free(k);
	tab_fini(&k->sa);
	tab_fini(&k->name);
	tab_fini(&k->index);
	pool_fini(&k->sa_pool);
	pool_fini(&k->name_pool);
	pool_fini(&k->use_pool);
	free(k);
}

static uint32_t number(const struct plug_host *host, const char *key, uint32_t def)
{
	const char *s = host->conf(host->h, key);

	return s ? (uint32_t)strtoul(s, NULL, 10) : def;
}

static err_t open_all(struct xfrm *k)
{
	char why[256];
	uint64_t seed[2];

	pool_init(&k->sa_pool, sizeof(struct xsa));
	pool_init(&k->name_pool, sizeof(struct xname));
	pool_init(&k->use_pool, sizeof(struct xuse));
	err_t e = k->host->random(k->host->h, (uint8_t *)seed, sizeof seed);
	if (e)
		return e;
	if (!tab_init(&k->sa, seed) || !tab_init(&k->name, seed) || !tab_init(&k->index, seed))
		return E_NOMEM;
	e = nl_open(&k->nl);
	if (e)
		return e;
	e = algs_probe(&k->nl, k->has_alg, &k->caps, why, sizeof why);
	if (e) {
		xfrm_log(k, 0, "%s", why);
		return e;
	}
	if (!(k->caps & KERN_CAP_IF_ID))
		xfrm_log(k, 1, "this kernel has no interface ids: connections with if_id_in, if_id_out or vif = xfrm are refused; take "
			"Linux 4.19 or a newer one");
	e = event_open(k, number(k->host, "receive_buffer", NEWS_BYTES));
	if (!e)
		e = host_apply(k);
	return e ? e : left_find(k, number(k->host, "left_time", 60));
}

enum { CAPS = KERN_CAP_ESN | KERN_CAP_ENCAP | KERN_CAP_RAW_ESP | KERN_CAP_TRANSPORT | KERN_CAP_BEET | KERN_CAP_TRAP |
	KERN_CAP_TFC | KERN_CAP_IF_ID | KERN_CAP_MARK | KERN_CAP_SOCKETS | KERN_CAP_SET_MARK | KERN_CAP_OFFLOAD |
	KERN_CAP_FWD | KERN_CAP_SHA256_96 | KERN_CAP_MOVE | KERN_CAP_MIXED | KERN_CAP_PORT_RANGES | KERN_CAP_INTERFACE |
	KERN_CAP_DROPS | KERN_CAP_DSCP_OFF };

static err_t x_start(const struct plug_host *host, void **self)
{
	struct xfrm *k = calloc(1, sizeof *k);

	if (!k)
		return E_NOMEM;
	k->host = host;
	k->caps = CAPS;
	k->owner = number(host, "owner", 173);
	k->left_delay_s = number(host, "left_delay", 5);
	k->next_reqid = k->next_index = k->next_seq = 1;
	err_t e = open_all(k);
	if (!e) {
		k->tick = host->timer(host->h, TICK_MS, TICK_MS, tick, k);
		e = k->tick ? 0 : E_NOMEM;
	}
	if (e) {
		k->keep = true; /* what stands belongs to the earlier run still */
		x_stop(k);
		return e;
	}
	host_stat(k, true);
	*self = k;
	return 0;
}

static const struct kern_ops x_ops = {
	.size = sizeof(struct kern_ops),
	.caps = CAPS | KERN_CAP_AH | KERN_CAP_IPCOMP,
	.max_replay_window = WINDOW_MAX,
	.can = x_can,
	.submit = x_submit,
	.usage = x_usage,
	.each_alg = x_each_alg,
	.probe = x_probe,
	.caps_now = x_caps_now,
	.left_reqid = x_left_reqid,
	.first_reqid = x_first_reqid,
	.keep = x_keep,
};

static const struct plug_feat_row feats[] = {
	{ .is = { PLUG_KERNEL_SA, 0, 0 }, .prio = 100, .ops = &x_ops },
};

static const struct plug_conf_key conf[] = {
	{ "owner", PLUG_CONF_INT, 1, 255, "173",
	  "Number that marks our SAs and policies in the kernel; two daemons in one network namespace need different ones." },
	{ "left_time", PLUG_CONF_TIME_S, 0, 86400, "60",
	  "Seconds in which new tunnels may take over what an earlier run has left; the rest is then removed." },
	{ "left_delay", PLUG_CONF_TIME_S, 0, 3600, "5",
	  "Seconds for which SAs of the earlier run are kept once new ones have taken their place." },
	{ "hold", PLUG_CONF_BOOL, 0, 0, "yes",
	  "Whether the kernel keeps packets that ask for a tunnel until it is up (net.core.xfrm_larval_drop = 0)." },
	{ "receive_buffer", PLUG_CONF_INT, 4096, 1 << 30, "8388608",
	  "Bytes of events (first packets, lifetimes) the kernel keeps for the daemon; when they do not do, some are lost and all "
	  "SAs are looked at." },
	{ "hash_ipv4_local", PLUG_CONF_INT, 0, 32, NULL,
	  "Shortest local IPv4 prefix of policies that the kernel looks up by hash; the kernel's own (32) unless set." },
	{ "hash_ipv4_remote", PLUG_CONF_INT, 0, 32, NULL, "Shortest remote IPv4 prefix of such policies." },
	{ "hash_ipv6_local", PLUG_CONF_INT, 0, 128, NULL, "Shortest local IPv6 prefix (the kernel's own: 128)." },
	{ "hash_ipv6_remote", PLUG_CONF_INT, 0, 128, NULL, "Shortest remote IPv6 prefix." },
	{ "default_in", PLUG_CONF_STRING, 0, 0, NULL,
	  "What happens to inbound packets no policy is for: accept or block; the kernel's setting unless set." },
	{ "default_fwd", PLUG_CONF_STRING, 0, 0, NULL, "The same for packets that are forwarded." },
	{ "default_out", PLUG_CONF_STRING, 0, 0, NULL, "The same for outbound packets." },
	{ 0 },
};

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "kernel-xfrm",
	.version = "0.1.0",
	.summary = "data plane of the Linux kernel (XFRM over netlink)",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
	.conf = conf,
	.start = x_start,
	.stop = x_stop,
};
