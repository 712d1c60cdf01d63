/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child SAs in the kernel: which operations install and remove them. What is added within an exchange is one batch that
 * is waited for; what is taken away goes out at once, each SA on its own, so that one which the kernel has already
 * dropped does not hold up the others.
 */
#include "crypto/limits.h"
#include "ike/child_int.h"
#include "ike/meter.h"

#include <stdlib.h>

/* All that the operations of one child depend on. */
struct inst {
	const struct ike_sa *sa;
	const struct conf_conn *conn;
	const struct conf_child *conf;
	const struct suite *suite;
	const struct ts_sel *local, *remote;
	size_t n_local, n_remote;
	uint32_t spi_in, spi_out, reqid;
	uint16_t cpi_in, cpi_out;
	uint8_t proto, mode;
	bool encap, tfc_off;
	uint64_t cookie;
};

static struct inst inst_of_child(const struct child_sa *c)
{
	return (struct inst){
		.sa = c->sa, .conn = c->conn, .conf = c->conf, .suite = &c->suite, .local = child_local(c),
		.remote = child_remote(c), .n_local = c->n_local, .n_remote = c->n_remote, .spi_in = c->spi_in,
		.spi_out = c->spi_out, .reqid = c->reqid, .proto = c->proto, .mode = c->mode,
		.cpi_in = c->cpi_in, .cpi_out = c->cpi_out, .encap = c->flags & CHILD_ENCAP, .tfc_off = c->sa->flags & SA_ESP_TFC_OFF, .cookie = c->spi_in,
	};
}

static struct inst inst_of_neg(const struct ike_sa *sa, const struct child_neg *n)
{
	return (struct inst){
		.sa = sa,
		.conn = n->conn,
		.conf = n->conf,
		.suite = &n->suite,
		.local = n->local.v,
		.remote = n->remote.v,
		.n_local = n->local.n,
		.n_remote = n->remote.n,
		.spi_in = n->spi_in,
		.spi_out = n->spi_out,
		.reqid = n->reqid,
		.cpi_in = n->cpi_out ? n->cpi_in : 0,
		.cpi_out = n->cpi_out,
		.proto = n->proto,
		.mode = n->mode,
		.encap = sa->flags & SA_NATT,
		.tfc_off = n->peer_tfc_off || (sa->flags & SA_ESP_TFC_OFF),
		.cookie = n->spi_in,
	};
}

static uint32_t if_id_of(const struct inst *in, uint8_t dir)
{
	return child_if_id(in->conn, in->conf, in->reqid, dir);
}

/* What names an SA: enough to delete it. */
static struct kern_op sa_op(const struct inst *in, uint8_t verb, uint8_t dir)
{
	const struct ike_sa *sa = in->sa;
	bool out = dir == KERN_OUT;
	struct kern_sa s = {
		.dir = dir,
		.proto = in->proto,
		.mode = in->mode,
		.spi = out ? in->spi_out : in->spi_in,
		.reqid = in->reqid,
		.src = out ? sa->local : sa->remote,
		.dst = out ? sa->remote : sa->local,
		.encap = in->encap,
		.if_id = if_id_of(in, dir),
		.cookie = in->cookie,
		.cpi = out ? in->cpi_out : in->cpi_in,
	};
	return (struct kern_op){ .verb = verb, .sa = s };
}

/* A limit of the traffic until the rekey, less a random part, so that many SAs do not reach it together. */
static uint64_t soft_limit(struct ike_engine *e, uint64_t rekey, uint64_t rnd)
{
	uint64_t cut = rnd ? ike_rand_below(e, rnd + 1) : 0;
	return cut < rekey ? rekey - cut : rekey;
}

static struct kern_op sa_add(struct ike_engine *e, const struct inst *in, uint8_t dir, const struct child_keys *keys,
			     bool ours)
{
	const struct conf_child *f = in->conf;
	struct kern_op op = sa_op(in, KERN_SA_ADD, dir);
	bool by_initiator = (dir == KERN_OUT) == ours;
	const struct crypto_limit limit = crypto_limit_of(in->suite->encr, in->suite->esn);
	struct kern_sa *s = &op.sa;
	s->esn = in->suite->esn;
	s->encr_id = in->suite->encr;
	s->encr_bits = in->suite->encr_bits;
	s->integ_id = in->suite->integ;
	s->encr_key = child_key_encr(keys, by_initiator);
	s->integ_key = child_key_integ(keys, by_initiator);
	s->replay_window = f->replay_window;
	/* Times are the engine's; the hard one is here, too, so that no SA outlives a daemon that was killed. */
	s->life = (struct kern_life){
		.hard_s = f->life_time_s, .hard_bytes = crypto_limit_hard(f->life_bytes, limit.bytes),
		.hard_packets = crypto_limit_hard(f->life_packets, limit.packets),
		.soft_bytes = crypto_limit_soft(soft_limit(e, f->rekey_bytes, f->rand_bytes), limit.bytes),
		.soft_packets = crypto_limit_soft(soft_limit(e, f->rekey_packets, f->rand_packets), limit.packets),
	};
	s->tfc_pad = in->tfc_off ? 0 : f->tfc_pad;
	s->copy_df = f->copy_df;
	s->copy_dscp = f->copy_dscp;
	s->copy_ecn = f->copy_ecn;
	s->mark_in = child_mark(f, in->reqid, KERN_IN);
	s->mark_in_mask = f->mark_in_mask;
	s->mark_out = child_mark(f, in->reqid, KERN_OUT);
	s->mark_out_mask = f->mark_out_mask;
	s->mark_sa = f->mark_in_sa;
	s->set_mark = child_set_mark(f, in->reqid, dir);
	s->set_mark_mask = dir == KERN_OUT ? f->set_mark_out_mask : f->set_mark_in_mask;
	s->sha256_96 = f->sha256_96;
	s->offload = f->hw_offload;
	s->local_ts = in->local;
	s->n_local_ts = (uint16_t)in->n_local;
	s->remote_ts = in->remote;
	s->n_remote_ts = (uint16_t)in->n_remote;
	return op;
}

/* Can packets match both? */
static bool pair_ok(const struct ts_sel *l, const struct ts_sel *r)
{
	return l->family == r->family && (!l->proto || !r->proto || l->proto == r->proto);
}

static struct kern_op policy_op(const struct inst *in, uint8_t verb, uint8_t dir, uint8_t action,
				const struct ts_sel *l, const struct ts_sel *r)
{
	const struct conf_child *f = in->conf;
	bool out = dir == KERN_OUT;
	struct kern_op op = { .verb = verb, .pol = {
		.dir = dir, .action = action, .mode = in->mode, .proto = in->proto, .reqid = in->reqid, .local = *l,
		.remote = *r, .priority = f->priority, .mark = child_mark(f, in->reqid, dir),
		.mark_mask = out ? f->mark_out_mask : f->mark_in_mask, .if_id = if_id_of(in, dir),
		.route = out && action != KERN_DROP && !if_id_of(in, dir), .cookie = in->cookie,
		.ipcomp = in->cpi_out,
		/* Cards look at no policy of what is forwarded. */
		.offload = f->hw_offload == KERN_OFFLOAD_PACKET && action == KERN_PROTECT && dir != KERN_FWD ? KERN_OFFLOAD_PACKET :
			KERN_OFFLOAD_NO,
	} };
	if (in->sa) {
		op.pol.src = out ? in->sa->local : in->sa->remote;
		op.pol.dst = out ? in->sa->remote : in->sa->local;
	}
	memcpy(op.pol.interface, f->interface, sizeof op.pol.interface);
	return op;
}

/* Packets forwarded into the tunnel: a policy that asks nothing of them, above others that would. */
static bool fwd_out(const struct inst *in, uint8_t action)
{
	return in->conf->policies_fwd_out && action == KERN_PROTECT && in->mode != KERN_TRANSPORT;
}

/* The policies of all pairs; v NULL: counts them. */
static size_t policy_ops(const struct inst *in, uint8_t verb, uint8_t action, struct kern_op *v)
{
	size_t n = 0;
	if (!in->conf->policies)
		return 0;
	for (size_t i = 0; i < in->n_local; i++)
		for (size_t j = 0; j < in->n_remote; j++) {
			if (!pair_ok(&in->local[i], &in->remote[j]))
				continue;
			for (uint8_t dir = KERN_IN; dir <= KERN_FWD; dir++) {
				if ((dir == KERN_FWD && in->mode == KERN_TRANSPORT) ||
				    (action == KERN_TRAP && dir != KERN_OUT))
					continue;
				if (v)
					v[n] = policy_op(in, verb, dir, action, &in->local[i], &in->remote[j]);
				n++;
			}
			if (!fwd_out(in, action))
				continue;
			if (v) {
				v[n] = policy_op(in, verb, KERN_FWD, action, &in->remote[j], &in->local[i]);
				v[n].pol.bare = true;
			}
			n++;
		}
	return n;
}

struct kern_op *child_install_ops(struct ike_engine *e, const struct ike_sa *sa, const struct child_neg *n, bool ours,
				  bool out, bool pols, struct arena *a, size_t *n_ops)
{
	struct inst in = inst_of_neg(sa, n);
	size_t want = 1 + out + (pols ? policy_ops(&in, KERN_POLICY_ADD, KERN_PROTECT, NULL) : 0), at = 0;
	struct kern_op *v = arena_get(a, want * sizeof *v);
	if (!v)
		return NULL;
	v[at++] = sa_add(e, &in, KERN_IN, &n->keys, ours);
	if (out)
		v[at++] = sa_add(e, &in, KERN_OUT, &n->keys, ours);
	if (pols)
		at += policy_ops(&in, KERN_POLICY_ADD, KERN_PROTECT, v + at);
	*n_ops = at;
	return v;
}

static void submit(struct ike_engine *e, const struct kern_op *v, size_t n)
{
	if (n)
		(void)ike_kern(e, NULL, v, n);
}

static void submit_policies(struct ike_engine *e, const struct inst *in, uint8_t verb, uint8_t action)
{
	size_t n = policy_ops(in, verb, action, NULL);
	struct kern_op few[8], *v = n <= ARRAY_LEN(few) ? few : reallocarray(NULL, n, sizeof *v);
	if (!v)
		return;
	submit(e, v, policy_ops(in, verb, action, v));
	if (v != few)
		free(v);
}

void child_remove(struct ike_engine *e, struct child_sa *c, uint16_t what)
{
	struct inst in = inst_of_child(c);
	what &= c->flags;
	/* Policies first: nothing is sent towards an SA that is gone. */
	if (what & CHILD_POLICIES)
		submit_policies(e, &in, KERN_POLICY_DEL, KERN_PROTECT);
	if (what & CHILD_OUT) {
		struct kern_op op = sa_op(&in, KERN_SA_DEL, KERN_OUT);
		meter_traffic(e, c, KERN_OUT);
		submit(e, &op, 1);
	}
	if (what & CHILD_IN) {
		meter_traffic(e, c, KERN_IN);
		struct kern_op op = sa_op(&in, KERN_SA_DEL, KERN_IN);
		submit(e, &op, 1);
	}
	c->flags &= (uint16_t)~(what & (CHILD_IN | CHILD_OUT | CHILD_POLICIES));
}

void child_remove_neg(struct ike_engine *e, const struct ike_sa *sa, const struct child_neg *n, bool out, bool pols)
{
	struct inst in = inst_of_neg(sa, n);
	if (pols)
		submit_policies(e, &in, KERN_POLICY_DEL, KERN_PROTECT);
	if (out) {
		struct kern_op op = sa_op(&in, KERN_SA_DEL, KERN_OUT);
		submit(e, &op, 1);
	}
	struct kern_op op = sa_op(&in, KERN_SA_DEL, KERN_IN);
	submit(e, &op, 1);
}

void child_switch(struct ike_engine *e, struct child_sa *old, struct child_sa *new)
{
	if (new->late) {
		struct inst in = inst_of_child(new);
		struct kern_op op = sa_add(e, &in, KERN_OUT, new->late, new->flags & CHILD_OURS);
		ike_kern_watched(e, new->sa, new->unique, &op, 1);
		new->flags |= CHILD_OUT;
		child_keys_fini(new->late);
		free(new->late);
		new->late = NULL;
	}
	if (!(new->flags & CHILD_OUT))
		return;
	/* A new pair without policies takes over those of the old one. */
	if (!(new->flags & CHILD_POLICIES) && (old->flags & CHILD_POLICIES)) {
		struct inst from = inst_of_child(old), to = inst_of_child(new);
		if (from.n_local != to.n_local || from.n_remote != to.n_remote ||
		    memcmp(from.local, to.local, (to.n_local + to.n_remote) * sizeof(struct ts_sel)) ||
		    from.reqid != to.reqid || from.mode != to.mode) {
			submit_policies(e, &to, KERN_POLICY_ADD, KERN_PROTECT);
			child_remove(e, old, CHILD_POLICIES);
		}
		old->flags &= (uint16_t)~CHILD_POLICIES;
		new->flags |= CHILD_POLICIES;
	}
	child_remove(e, old, CHILD_OUT | CHILD_POLICIES);
	if (old->late) {
		child_keys_fini(old->late);
		free(old->late);
		old->late = NULL;
	}
	/* A pair that the old one itself was to replace, and whose delete is still to come. */
	for (struct child_sa *c = new->sa->children; c; c = c->next)
		if (c->replaced_by == old->unique) {
			c->replaced_by = new->unique;
			child_switch(e, c, new);
		}
}

void child_kern_failed(struct ike_engine *e, struct ike_sa *sa, uint64_t child_unique, err_t res)
{
	struct child_sa *c = sa->children;

	while (c && c->unique != child_unique)
		c = c->next;
	if (!c)
		return;
	SA_LOG(e, sa, LOG_CHILD, LOG_AUDIT, "the data plane refused the outbound SA %08x of child '%s': %s; the child is deleted",
	       c->spi_out, c->conf->name, err_text(res));
	c->flags &= (uint16_t)~CHILD_OUT;
	child_queue_delete(e, c, res, 0);
}

/* Policies get their new ends in one batch, so that no packet finds none. */
static void move_policies(struct ike_engine *e, const struct inst *in)
{
	size_t n = policy_ops(in, KERN_POLICY_DEL, KERN_PROTECT, NULL);
	struct kern_op *v = n ? reallocarray(NULL, 2 * n, sizeof *v) : NULL;
	if (!v)
		return;
	policy_ops(in, KERN_POLICY_DEL, KERN_PROTECT, v);
	policy_ops(in, KERN_POLICY_ADD, KERN_PROTECT, v + n);
	submit(e, v, 2 * n);
	free(v);
}

/* A data plane that cannot move an SA gets a new one, made from the new addresses; the old one stays where it was until
 * then. */
static void replace_moved(struct ike_engine *e, struct child_sa *c)
{
	if (c->state != CHILD_S_INSTALLED)
		return; /* a replacement, or the end, is under way */
	SA_LOG(e, c->sa, LOG_CHILD, LOG_CONTROL, "the data plane cannot move child '%s' to other addresses: it is rekeyed",
	       c->conf->name);
	child_queue_rekey(e, c, 0);
}

void child_addresses_changed(struct ike_engine *e, struct ike_sa *sa)
{
	bool can_move = e->env.kern_caps & (KERN_CAP_MOVE | KERN_CAP_NULL);
	for (struct child_sa *c = sa->children; c; c = c->next) {
		if (sa->flags & SA_NATT)
			c->flags |= CHILD_ENCAP;
		else
			c->flags &= (uint16_t)~CHILD_ENCAP;
		struct inst in = inst_of_child(c);
		if (!can_move)
			replace_moved(e, c);
		if (can_move && c->flags & CHILD_IN) {
			struct kern_op op = sa_op(&in, KERN_SA_UPDATE, KERN_IN);
			submit(e, &op, 1);
		}
		/* A packet that comes in between waits for an SA at the new addresses, and there it will be. */
		if (c->flags & CHILD_POLICIES)
			move_policies(e, &in);
		if (can_move && c->flags & CHILD_OUT) {
			struct kern_op op = sa_op(&in, KERN_SA_UPDATE, KERN_OUT);
			submit(e, &op, 1);
		}
	}
}

/* SAs before the policies that want them, and away behind them. */
static void static_pair(struct ike_engine *e, struct inst *in, bool add)
{
	const struct conf_fixed *x = &in->conf->fixed;
	const struct child_keys keys = { .all = x->keys, .encr_len = x->encr_len, .integ_len = x->integ_len }; /* borrowed */
	size_t n = policy_ops(in, KERN_POLICY_ADD, KERN_PROTECT, NULL);

	in->suite = &x->suite;
	in->proto = x->suite.proto == SUITE_AH ? 51 : 50;
	in->spi_in = x->spi_in;
	in->spi_out = x->spi_out;
	struct kern_op *v = reallocarray(NULL, n + 2, sizeof *v);
	if (!v)
		return;
	for (uint8_t dir = KERN_IN; dir <= KERN_OUT; dir++) {
		struct kern_op *op = &v[add ? dir : n + dir];
		*op = add ? sa_add(e, in, dir, &keys, true) : sa_op(in, KERN_SA_DEL, dir);
		op->sa.life = (struct kern_life){ 0 };
	}
	policy_ops(in, add ? KERN_POLICY_ADD : KERN_POLICY_DEL, KERN_PROTECT, v + (add ? 2 : 0));
	submit(e, v, n + 2);
	free(v);
}

void child_trap_policies(struct ike_engine *e, const struct child_trap *t, bool add)
{
	uint8_t mode = t->conf->mode;
	bool shunt = mode == CONF_PASS || mode == CONF_DROP;
	struct ike_sa ends = { .local = t->local, .remote = t->remote };
	struct inst in = {
		.sa = shunt ? NULL : &ends, .conn = t->conn, .conf = t->conf, .local = t->ts, .n_local = t->n_local,
		.remote = t->ts + t->n_local, .n_remote = t->n_remote, .reqid = t->reqid, .proto = 50,
		.mode = shunt ? KERN_TUNNEL : mode, .cookie = t->id,
	};
	if (t->conf->fixed.spi_in) {
		static_pair(e, &in, add);
		return;
	}
	submit_policies(e, &in, add ? KERN_POLICY_ADD : KERN_POLICY_DEL,
			mode == CONF_PASS ? KERN_PASS : mode == CONF_DROP ? KERN_DROP : KERN_TRAP);
}
