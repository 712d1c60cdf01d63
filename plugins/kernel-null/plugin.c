/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A data plane that moves no packets: it keeps books of SAs and policies, tells their time lifetimes and answers
 * usage. For tests and for load runs of many SAs, so an SA costs about 110 bytes; keys are not kept.
 */
#include "plugins/kernel-common/table.h"

struct null_sa {
	struct tab_node node;
	struct wheel_node life;
	uint64_t cookie;
	uint32_t spi, reqid;
	uint8_t dst[16];
	uint8_t dst_family, dir, proto;
	bool soft_told;
	uint32_t installed_s, soft_s, hard_s;
};

struct null_policy {
	struct tab_node node;
	struct ts_sel local, remote;
	uint32_t mark, mark_mask, if_id, priority;
	uint32_t reqid, spi;
	uint64_t cookie;
	uint8_t dir, action;
};

struct null_plane {
	const struct plug_host *host;
	struct pool sa_pool, policy_pool;
	struct tab sa, policy;
	struct wheel *wheel;
	struct plug_timer *tick;
};

/* How to take back one operation. */
struct null_undo {
	struct null_sa *sa;
	struct null_policy *pol;
	uint8_t old_dst[16]; /* of an UPDATE */
	uint8_t old_family;
};

static uint32_t null_now_s(struct null_plane *k)
{
	return (uint32_t)(k->host->now_ms(k->host->h) / 1000);
}

/* ---- SAs ---- */

static uint32_t null_sa_hash(struct null_plane *k, uint8_t dir, uint32_t spi)
{
	uint32_t key[2] = { spi, dir };

	return tab_hash(&k->sa, key, sizeof key);
}

static struct null_sa *null_sa_find(struct null_plane *k, uint8_t dir, uint32_t spi, const struct net_addr *dst)
{
	uint32_t h = null_sa_hash(k, dir, spi);

	for (struct tab_node *n = tab_first(&k->sa, h); n; n = tab_next(n, h)) {
		struct null_sa *s = (struct null_sa *)n;
		if (s->spi == spi && s->dir == dir && (dst->family == NET_NONE ||
			(s->dst_family == dst->family && memcmp(s->dst, dst->a, sizeof s->dst) == 0)))
			return s;
	}
	return NULL;
}

static void null_sa_arm(struct null_plane *k, struct null_sa *s)
{
	uint32_t after = s->soft_s && !s->soft_told ? s->soft_s : s->hard_s;

	if (after)
		wheel_arm(k->wheel, &s->life, s->installed_s + after);
}

static err_t null_sa_add(struct null_plane *k, const struct kern_sa *a, struct null_undo *u)
{
	if (null_sa_find(k, a->dir, a->spi, &a->dst))
		return E_EXISTS;
	struct null_sa *s = pool_get(&k->sa_pool);
	if (!s)
		return E_NOMEM;
	s->cookie = a->cookie;
	s->spi = a->spi;
	s->reqid = a->reqid;
	memcpy(s->dst, a->dst.a, sizeof s->dst);
	s->dst_family = a->dst.family;
	s->dir = a->dir;
	s->proto = a->proto;
	s->installed_s = null_now_s(k);
	s->soft_s = a->life.soft_s < UINT32_MAX / 2 ? (uint32_t)a->life.soft_s : 0;
	s->hard_s = a->life.hard_s < UINT32_MAX / 2 ? (uint32_t)a->life.hard_s : 0;
	null_sa_arm(k, s);
	tab_add(&k->sa, &s->node, null_sa_hash(k, s->dir, s->spi));
	u->sa = s;
	return 0;
}

/* The new dst stands in the operation; the SA is the one of (spi, dir). */
static err_t null_sa_update(struct null_plane *k, const struct kern_sa *a, struct null_undo *u)
{
	struct null_sa *s = null_sa_find(k, a->dir, a->spi, &a->dst);

	if (!s)
		s = null_sa_find(k, a->dir, a->spi, &(struct net_addr){ .family = NET_NONE });
	if (!s)
		return E_NOT_FOUND;
	u->sa = s;
	memcpy(u->old_dst, s->dst, sizeof s->dst);
	u->old_family = s->dst_family;
	memcpy(s->dst, a->dst.a, sizeof s->dst);
	s->dst_family = a->dst.family;
	return 0;
}

static err_t null_sa_del(struct null_plane *k, const struct kern_sa *a, struct null_undo *u)
{
	struct null_sa *s = null_sa_find(k, a->dir, a->spi, &a->dst);

	if (!s)
		return E_NOT_FOUND;
	wheel_disarm(&s->life);
	tab_del(&k->sa, &s->node);
	u->sa = s;
	return 0;
}

/* ---- policies ---- */

static uint32_t null_policy_hash(struct null_plane *k, const struct ts_sel *local, const struct ts_sel *remote, uint8_t dir)
{
	uint8_t key[2 * sizeof(struct ts_sel) + 1];

	memcpy(key, local, sizeof *local);
	memcpy(key + sizeof *local, remote, sizeof *remote);
	key[sizeof key - 1] = dir;
	return tab_hash(&k->policy, key, sizeof key);
}

/* A name may be used several times (a trap below a tunnel, two tunnels while one replaces the other): what is taken
 * away is the newest with the same reqid and action, else the newest. */
static struct null_policy *null_policy_find(struct null_plane *k, const struct kern_policy *a)
{
	uint32_t h = null_policy_hash(k, &a->local, &a->remote, a->dir);
	struct null_policy *any = NULL;

	for (struct tab_node *n = tab_first(&k->policy, h); n; n = tab_next(n, h)) {
		struct null_policy *p = (struct null_policy *)n;
		if (p->dir != a->dir || memcmp(&p->local, &a->local, sizeof a->local) != 0 ||
			memcmp(&p->remote, &a->remote, sizeof a->remote) != 0 || p->mark != a->mark ||
			p->mark_mask != a->mark_mask || p->if_id != a->if_id || p->priority != a->priority)
			continue;
		if (p->reqid == a->reqid && p->action == a->action)
			return p;
		if (!any)
			any = p;
	}
	return any;
}

static err_t null_policy_add(struct null_plane *k, const struct kern_policy *a, struct null_undo *u)
{
	struct null_policy *p = pool_get(&k->policy_pool);

	if (!p)
		return E_NOMEM;
	p->local = a->local;
	p->remote = a->remote;
	p->mark = a->mark;
	p->mark_mask = a->mark_mask;
	p->if_id = a->if_id;
	p->priority = a->priority;
	p->reqid = a->reqid;
	p->spi = a->spi;
	p->cookie = a->cookie;
	p->dir = a->dir;
	p->action = a->action;
	tab_add(&k->policy, &p->node, null_policy_hash(k, &p->local, &p->remote, p->dir));
	u->pol = p;
	return 0;
}

static err_t null_policy_del(struct null_plane *k, const struct kern_policy *a, struct null_undo *u)
{
	struct null_policy *p = null_policy_find(k, a);

	if (!p)
		return E_NOT_FOUND;
	tab_del(&k->policy, &p->node);
	u->pol = p;
	return 0;
}

/* ---- operations ---- */

static void null_undo(struct null_plane *k, uint8_t verb, struct null_undo *u)
{
	switch (verb) {
	case KERN_SA_ADD:
		wheel_disarm(&u->sa->life);
		tab_del(&k->sa, &u->sa->node);
		pool_put(&k->sa_pool, u->sa);
		break;
	case KERN_SA_UPDATE:
		memcpy(u->sa->dst, u->old_dst, sizeof u->old_dst);
		u->sa->dst_family = u->old_family;
		break;
	case KERN_SA_DEL:
		null_sa_arm(k, u->sa);
		tab_add(&k->sa, &u->sa->node, u->sa->node.hash);
		break;
	case KERN_POLICY_ADD:
		tab_del(&k->policy, &u->pol->node);
		pool_put(&k->policy_pool, u->pol);
		break;
	case KERN_POLICY_DEL:
		tab_add(&k->policy, &u->pol->node, u->pol->node.hash);
		break;
	}
}

static err_t null_apply(struct null_plane *k, struct kern_op *op, struct null_undo *u)
{
	switch (op->verb) {
	case KERN_SA_ADD:
		return null_sa_add(k, &op->sa, u);
	case KERN_SA_UPDATE:
		return null_sa_update(k, &op->sa, u);
	case KERN_SA_DEL:
		return null_sa_del(k, &op->sa, u);
	case KERN_POLICY_ADD:
		return null_policy_add(k, &op->pol, u);
	case KERN_POLICY_DEL:
		return null_policy_del(k, &op->pol, u);
	}
	return E_MISUSE;
}

static err_t null_submit(void *self, struct kern_op *ops, size_t n, uint64_t token)
{
	struct null_plane *k = self;
	struct null_undo few[16], *undo = n <= ARRAY_LEN(few) ? few : calloc(n, sizeof *undo);
	err_t e = undo ? 0 : E_NOMEM;
	size_t i = 0;

	(void)token;
	for (; !e && i < n; i++)
		e = ops[i].res = null_apply(k, &ops[i], &undo[i]);
	if (e) {
		for (i = i ? i - 1 : 0; i-- > 0;) {
			null_undo(k, ops[i].verb, &undo[i]);
			ops[i].res = E_STALE;
		}
	} else {
		for (i = 0; i < n; i++) {
			if (ops[i].verb == KERN_SA_DEL)
				pool_put(&k->sa_pool, undo[i].sa);
			if (ops[i].verb == KERN_POLICY_DEL)
				pool_put(&k->policy_pool, undo[i].pol);
		}
	}
	if (undo != few)
		free(undo);
	return e;
}

static err_t null_can(void *self, uint16_t encr_id, uint16_t encr_bits, uint16_t integ_id, bool esn)
{
	(void)self, (void)encr_id, (void)encr_bits, (void)integ_id, (void)esn;
	return 0;
}

static err_t null_usage(void *self, uint8_t dir, uint32_t spi, const struct net_addr *dst, struct kern_usage *out)
{
	if (!null_sa_find(self, dir, spi, dst))
		return E_NOT_FOUND;
	*out = (struct kern_usage){ .use_time_s = UINT64_MAX };
	return 0;
}

/* IANA transform types 1 and 3 as `list-algs` shows them; anything else is taken as well. */
static void null_each_alg(void *self, void (*cb)(void *arg, uint8_t kind, uint16_t id, uint16_t bits), void *arg)
{
	static const struct plug_feat alg[] = {
		{ PLUG_ENCR, 11, 0 }, { PLUG_ENCR, 12, 128 }, { PLUG_ENCR, 12, 192 }, { PLUG_ENCR, 12, 256 },
		{ PLUG_ENCR, 13, 128 }, { PLUG_ENCR, 13, 256 }, { PLUG_ENCR, 20, 128 }, { PLUG_ENCR, 20, 192 },
		{ PLUG_ENCR, 20, 256 }, { PLUG_ENCR, 28, 256 }, { PLUG_INTEG, 2, 0 }, { PLUG_INTEG, 12, 0 },
		{ PLUG_INTEG, 13, 0 }, { PLUG_INTEG, 14, 0 },
	};

	(void)self;
	for (size_t i = 0; i < ARRAY_LEN(alg); i++)
		cb(arg, (uint8_t)alg[i].kind, alg[i].id, alg[i].arg);
}

/* ---- lifetimes, start and stop ---- */

static void null_tick(void *arg)
{
	struct null_plane *k = arg;
	uint32_t now_s = null_now_s(k);
	struct wheel_node *w;

	while ((w = wheel_due(k->wheel, now_s))) {
		struct null_sa *s = (struct null_sa *)((char *)w - offsetof(struct null_sa, life));
		bool hard = s->hard_s && s->installed_s + s->hard_s <= now_s;
		struct kern_event ev = {
			.type = hard ? KERN_EV_EXPIRE_HARD : KERN_EV_EXPIRE_SOFT,
			.dir = s->dir, .proto = s->proto, .spi = s->spi, .cookie = s->cookie,
		};
		s->soft_told = true;
		if (hard)
			s->hard_s = 0; /* told once */
		null_sa_arm(k, s);
		k->host->kern_event(k->host->h, &ev);
	}
}

static void null_stop(void *self)
{
	struct null_plane *k = self;

	if (!k)
		return;
	if (k->tick)
		k->host->untimer(k->host->h, k->tick);
	tab_fini(&k->sa);
	tab_fini(&k->policy);
	pool_fini(&k->sa_pool);
	pool_fini(&k->policy_pool);
	free(k->wheel);
	free(k);
}

static err_t null_start(const struct plug_host *host, void **self)
{
	struct null_plane *k = calloc(1, sizeof *k);
	uint64_t seed[2];
	err_t e = E_NOMEM;

	if (!k)
		return e;
	k->host = host;
	pool_init(&k->sa_pool, sizeof(struct null_sa));
	pool_init(&k->policy_pool, sizeof(struct null_policy));
	k->wheel = calloc(1, sizeof *k->wheel);
	if (!k->wheel)
		goto out;
	k->wheel->now_s = null_now_s(k);
	e = host->random(host->h, (uint8_t *)seed, sizeof seed);
	if (e)
		goto out;
	e = E_NOMEM;
	if (!tab_init(&k->sa, seed) || !tab_init(&k->policy, seed))
		goto out;
	k->tick = host->timer(host->h, 1000, 1000, null_tick, k);
	if (!k->tick)
		goto out;
	*self = k;
	return 0;
out:
	null_stop(k);
	return e;
}

static const struct kern_ops null_ops = {
	.size = sizeof(struct kern_ops),
	.caps = KERN_CAP_ESN | KERN_CAP_ENCAP | KERN_CAP_RAW_ESP | KERN_CAP_TRANSPORT | KERN_CAP_BEET | KERN_CAP_AH |
		KERN_CAP_TRAP | KERN_CAP_TFC | KERN_CAP_IF_ID | KERN_CAP_MARK | KERN_CAP_ROUTE | KERN_CAP_IPCOMP | KERN_CAP_SET_MARK |
		KERN_CAP_OFFLOAD | KERN_CAP_FWD | KERN_CAP_SHA256_96 | KERN_CAP_MOVE | KERN_CAP_MIXED | KERN_CAP_PORT_RANGES |
		KERN_CAP_INTERFACE | KERN_CAP_DSCP_OFF | KERN_CAP_NULL,
	.max_replay_window = 4096,
	.can = null_can,
	.submit = null_submit,
	.usage = null_usage,
	.each_alg = null_each_alg,
};

static const struct plug_feat_row null_feats[] = {
	/* Weak: a host must never run without a data plane because the real one failed to start. */
	{ .is = { PLUG_KERNEL_SA, 0, 0 }, .prio = 1, .ops = &null_ops, .flags = PLUG_WEAK },
};

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "kernel-null",
	.version = "0.1.0",
	.summary = "data plane without packets, for tests and load runs",
	.feats = null_feats,
	.n_feats = ARRAY_LEN(null_feats),
	.start = null_start,
	.stop = null_stop,
};
