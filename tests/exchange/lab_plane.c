/* SPDX-License-Identifier: Apache-2.0 */
/* The data planes of the laboratory: books of SAs and policies, and the check that nobody sends into the void. */
#include "tests/exchange/lab_int.h"

struct lab_sa *plane_sa(struct lab_node *n, uint8_t dir, uint32_t spi)
{
	for (size_t i = 0; i < n->n_sas; i++)
		if (n->sas[i].sa.dir == dir && n->sas[i].sa.spi == spi)
			return &n->sas[i];
	return NULL;
}

static bool same_policy(const struct kern_policy *a, const struct kern_policy *b)
{
	return a->dir == b->dir && ts_equal(&a->local, &b->local) && ts_equal(&a->remote, &b->remote) &&
	       a->priority == b->priority && a->reqid == b->reqid && a->action == b->action;
}

static err_t kern_sa_add(struct lab_node *n, const struct kern_sa *sa)
{
	if (plane_sa(n, sa->dir, sa->spi))
		return E_EXISTS;
	if (n->n_sas == LAB_SAS)
		return E_LIMIT;
	struct lab_sa *s = &n->sas[n->n_sas++];
	*s = (struct lab_sa){ .sa = *sa, .serial = ++n->lab->serial, .key_len = sa->encr_key.n };
	memcpy(s->key, sa->encr_key.p, sa->encr_key.n < sizeof s->key ? sa->encr_key.n : sizeof s->key);
	s->sa.local_ts = s->sa.remote_ts = NULL;
	return 0;
}

static err_t kern_sa_del(struct lab_node *n, const struct kern_sa *sa)
{
	struct lab_sa *s = plane_sa(n, sa->dir, sa->spi);
	if (!s)
		return E_NOT_FOUND;
	if (n->lab->no_gap && s->sa.dir == KERN_IN && s->last_sent_ms && n->lab->now_ms - s->last_sent_ms < 1000)
		lab_fail(n->lab, "%s takes inbound SA %08x away %llu ms after its peer has sent on it", n->name,
			 sa->spi, (unsigned long long)(n->lab->now_ms - s->last_sent_ms));
	*s = n->sas[--n->n_sas];
	return 0;
}

static err_t kern_one(struct lab_node *n, const struct kern_op *op)
{
	switch (op->verb) {
	case KERN_SA_ADD:
		return kern_sa_add(n, &op->sa);
	case KERN_SA_DEL:
		return kern_sa_del(n, &op->sa);
	case KERN_SA_UPDATE: {
		struct lab_sa *s = plane_sa(n, op->sa.dir, op->sa.spi);
		if (!(n->env.kern_caps & (KERN_CAP_MOVE | KERN_CAP_NULL)))
			return E_NOT_SUPPORTED;
		if (!s)
			return E_NOT_FOUND;
		s->sa.src = op->sa.src;
		s->sa.dst = op->sa.dst;
		return 0;
	}
	case KERN_POLICY_ADD:
		if (n->n_pols == LAB_POLS)
			return E_LIMIT;
		n->pols[n->n_pols++] = op->pol;
		return 0;
	default:
		for (size_t i = n->n_pols; i-- > 0;)
			if (same_policy(&n->pols[i], &op->pol)) {
				n->pols[i] = n->pols[--n->n_pols];
				return 0;
			}
		return E_NOT_FOUND;
	}
}

err_t plane_submit(struct lab_node *n, const struct kern_op *ops, size_t n_ops)
{
	struct lab_sa sas[LAB_SAS];
	struct kern_policy pols[LAB_POLS];
	size_t n_sas = n->n_sas, n_pols = n->n_pols;
	bool adds = false;
	for (size_t i = 0; i < n_ops; i++)
		adds = adds || ops[i].verb == KERN_SA_ADD;
	if (adds && n->kern_fail > 0) {
		n->kern_fail--;
		return E_IO;
	}
	memcpy(sas, n->sas, sizeof sas);
	memcpy(pols, n->pols, sizeof pols);
	for (size_t i = 0; i < n_ops; i++) {
		err_t e = kern_one(n, &ops[i]);
		if (e) {
			memcpy(n->sas, sas, sizeof sas);
			memcpy(n->pols, pols, sizeof pols);
			n->n_sas = n_sas;
			n->n_pols = n_pols;
			return e;
		}
	}
	return 0;
}

err_t plane_usage(void *arg, uint8_t dir, uint32_t spi, const struct net_addr *dst, struct kern_usage *out)
{
	struct lab_sa *s = plane_sa(arg, dir, spi);
	(void)dst;
	if (!s)
		return E_NOT_FOUND;
	*out = (struct kern_usage){ .packets = s->packets, .bytes = s->packets * 100,
				    .use_time_s = s->packets ? 0 : UINT64_MAX };
	return 0;
}

/* The SA a side sends the traffic of child "k" on: the newest outbound one with the reqid of the outbound policy. */
static struct lab_sa *current_out(struct lab_node *n)
{
	struct lab_sa *best = NULL;
	for (size_t i = 0; i < n->n_pols; i++) {
		if (n->pols[i].dir != KERN_OUT || n->pols[i].action != KERN_PROTECT ||
		    !ts_equal(&n->pols[i].local, &n->kids[0].local_ts[0].sel))
			continue;
		for (size_t j = 0; j < n->n_sas; j++)
			if (n->sas[j].sa.dir == KERN_OUT && n->sas[j].sa.reqid == n->pols[i].reqid &&
			    (!best || n->sas[j].serial > best->serial))
				best = &n->sas[j];
	}
	return best;
}

void plane_check_gap(struct lab *lab)
{
	for (int i = 0; lab->no_gap && i < 2; i++) {
		struct lab_node *n = &lab->n[i], *peer = &lab->n[1 - i];
		struct lab_sa *out = current_out(n);
		if (!out) {
			lab_fail(lab, "%s has nothing to send on", n->name);
			continue;
		}
		struct lab_sa *in = plane_sa(peer, KERN_IN, out->sa.spi);
		if (!in)
			lab_fail(lab, "%s sends on %08x, which %s does not have", n->name, out->sa.spi, peer->name);
		else if (in->key_len != out->key_len || memcmp(in->key, out->key, in->key_len) != 0)
			lab_fail(lab, "the two sides have different keys for %08x", out->sa.spi);
		else
			in->last_sent_ms = lab->now_ms;
	}
}
