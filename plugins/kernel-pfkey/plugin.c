/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptor, start and stop, and the operations of struct kern_ops. */
#include "plugins/kernel-pfkey/pfkey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TICK_MS = 1000 };

static err_t apply(struct pfkey *k, struct kern_op *op, size_t at)
{
	switch (op->verb) {
	case KERN_SA_ADD:
		return pf_sa_add(k, &op->sa);
	case KERN_SA_UPDATE:
		/* An SA can only be moved by making it anew, which would begin its sequence numbers again. */
		pf_log(k, 1, "kernel-pfkey: an SA cannot be moved to other addresses over PF_KEY: a new one has to be made");
		return E_NOT_SUPPORTED;
	case KERN_SA_DEL:
		return pf_sa_del(k, &op->sa);
	case KERN_POLICY_ADD:
		return pf_policy_add(k, &op->pol, at);
	case KERN_POLICY_DEL:
		return pf_policy_del(k, &op->pol, at);
	}
	return E_MISUSE;
}

/* An SA that was removed cannot come back: its keys are gone. The engine never mixes that with what may fail. */
static err_t p_submit(void *self, struct kern_op *ops, size_t n, uint64_t token)
{
	struct pfkey *k = self;
	err_t e = 0;
	size_t i = 0, at = 0;

	(void)token;
	for (; !e && i < n; i++) {
		e = ops[i].res = apply(k, &ops[i], i);
		at = i;
	}
	if (!e)
		e = pf_policies_sync(k, &at);
	if (!e) {
		pf_policies_settle(k);
		for (i = 0; i < n && k->left; i++)
			if (ops[i].verb == KERN_SA_ADD && ops[i].sa.dir == KERN_OUT)
				pf_left_retire(k, ops[i].sa.reqid);
		return 0;
	}
	pf_policies_undo(k);
	size_t added = i - (at + 1 == i && ops[at].res != 0);
	while (added-- > 0)
		if (ops[added].verb == KERN_SA_ADD)
			(void)!pf_sa_del(k, &ops[added].sa);
	for (size_t o = 0; o < n; o++)
		ops[o].res = o == at ? e : E_STALE;
	return e;
}

static err_t p_can(void *self, uint16_t encr, uint16_t bits, uint16_t integ, bool esn)
{
	return pf_can(self, encr, bits, integ, esn);
}

static err_t p_usage(void *self, uint8_t dir, uint32_t spi, const struct net_addr *dst, struct kern_usage *out)
{
	struct pf_sa *s = pf_sa_find(self, dir, spi, dst);

	return s ? pf_sa_usage(self, s, out) : E_NOT_FOUND;
}

static void p_each_alg(void *self, void (*cb)(void *arg, uint8_t kind, uint16_t id, uint16_t bits), void *arg)
{
	pf_each_alg(self, cb, arg);
}

static err_t p_probe(char *why, size_t cap)
{
	int fd = pf_open();

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	bool priv = errno == EPERM || errno == EACCES;
	snprintf(why, cap, "%s", priv ? "PF_KEY needs CAP_NET_ADMIN" : "the kernel has no PF_KEY (modprobe af_key)");
	return priv ? E_PERM : E_NOT_SUPPORTED;
}

static void p_stop(void *self)
{
	struct pfkey *k = self;

	if (!k)
		return;
	if (k->tick)
		k->host->untimer(k->host->h, k->tick);
	pf_news_close(k);
	if (k->ask >= 0 && !k->keep) {
		pf_left_tick(k, UINT32_MAX);
		pf_policies_clear(k);
		for (uint32_t b = 0; k->sas.bucket && b <= k->sas.mask; b++)
			for (struct tab_node *t = k->sas.bucket[b]; t; t = t->next) {
				struct pf_sa *s = (struct pf_sa *)t;
				(void)!pf_sa_remove(k, s->proto, s->spi, &s->src, &s->dst);
			}
	}
	if (k->ask >= 0)
		close(k->ask);
	pf_journal_close(k);
	pf_left_free(k);
	tab_fini(&k->sas);
	tab_fini(&k->names);
	pool_fini(&k->sa_pool);
	pool_fini(&k->name_pool);
	pool_fini(&k->use_pool);
	free(k->changes);
	free(k);
}

static void tick(void *arg)
{
	struct pfkey *k = arg;

	pf_left_tick(k, pf_now_s(k));
}

static uint32_t number(const struct plug_host *host, const char *key, uint32_t def)
{
	const char *s = host->conf(host->h, key);

	return s ? (uint32_t)strtoul(s, NULL, 10) : def;
}

static err_t open_all(struct pfkey *k)
{
	const char *path = k->host->conf(k->host->h, "state");
	uint64_t seed[2];

	k->ask = pf_open();
	err_t e = k->ask >= 0 ? 0 : pf_fail(k, errno, "open a PF_KEY socket");
	if (!e)
		e = k->host->random(k->host->h, (uint8_t *)seed, sizeof seed);
	if (!e && (!tab_init(&k->sas, seed) || !tab_init(&k->names, seed)))
		e = E_NOMEM;
	if (!e)
		e = pf_register(k);
	if (!e)
		e = pf_news_open(k);
	if (e)
		return e;
	struct pf_rec *v;
	size_t n;
	pf_journal_open(k, path && *path ? path : ADIT_RUN_DIR "/aditd.pfkey", &v, &n);
	e = pf_left_find(k, v, n, number(k->host, "left_time", 60));
	free(v);
	if (e)
		return e;
	k->tick = k->host->timer(k->host->h, TICK_MS, TICK_MS, tick, k);
	return k->tick ? 0 : E_NOMEM;
}

static err_t p_start(const struct plug_host *host, void **self)
{
	struct pfkey *k = calloc(1, sizeof *k);

	if (!k)
		return E_NOMEM;
	k->host = host;
	k->ask = k->news = k->journal = -1;
	k->left_delay_s = number(host, "left_delay", 5);
	pool_init(&k->sa_pool, sizeof(struct pf_sa));
	pool_init(&k->name_pool, sizeof(struct pf_name));
	pool_init(&k->use_pool, sizeof(struct pf_use));
	err_t e = open_all(k);
	if (e) {
		k->keep = true; /* what stands belongs to the earlier run still */
		p_stop(k);
		return e;
	}
	*self = k;
	return 0;
}

static uint32_t p_left_reqid(void *self, const struct kern_policy *pol)
{
	return pf_policy_left_reqid(self, pol);
}

static uint32_t p_first_reqid(void *self)
{
	return ((struct pfkey *)self)->first_reqid;
}

static void p_keep(void *self)
{
	((struct pfkey *)self)->keep = true;
}

static const struct kern_ops p_ops = {
	.size = sizeof(struct kern_ops),
	.caps = KERN_CAP_ENCAP | KERN_CAP_RAW_ESP | KERN_CAP_TRANSPORT | KERN_CAP_AH | KERN_CAP_TRAP | KERN_CAP_SOCKETS |
		KERN_CAP_FWD,
	.max_replay_window = WINDOW_MAX,
	.can = p_can,
	.submit = p_submit,
	.usage = p_usage,
	.each_alg = p_each_alg,
	.probe = p_probe,
	.left_reqid = p_left_reqid,
	.first_reqid = p_first_reqid,
	.keep = p_keep,
	.last_reqid = REQID_MAX,
};

static const struct plug_feat_row p_feats[] = {
	{ .is = { PLUG_KERNEL_SA, 0, 0 }, .prio = 60, .ops = &p_ops },
};

static const struct plug_conf_key p_conf[] = {
	{ "state", PLUG_CONF_PATH, 0, 0, NULL,
		"File that remembers what is in the kernel, so that the next run can take it over or remove it." },
	{ "left_time", PLUG_CONF_TIME_S, 0, 86400, "60",
		"Seconds in which new tunnels may take over what an earlier run has left; the rest is then removed." },
	{ "left_delay", PLUG_CONF_TIME_S, 0, 3600, "5",
		"Seconds for which SAs of the earlier run are kept once new ones have taken their place." },
	{ NULL, 0, 0, 0, NULL, NULL },
};

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "kernel-pfkey",
	.version = "0.1.0",
	.summary = "data plane of the Linux kernel over PF_KEY version 2",
	.feats = p_feats,
	.n_feats = ARRAY_LEN(p_feats),
	.conf = p_conf,
	.start = p_start,
	.stop = p_stop,
};
