/* SPDX-License-Identifier: Apache-2.0 */
/* Narrowing of traffic selectors and the choice of a child configuration: see tsmatch.h. */
#include "ike/tsmatch.h"

static bool holds(const struct ts_sel *v, size_t n, const struct ts_sel *part)
{
	for (size_t i = 0; i < n; i++)
		if (ts_contains(&v[i], part))
			return true;
	return false;
}

/* Adds a selector unless it is inside one that is there; those inside the new one go. */
static void set_add(struct tsm_set *s, const struct ts_sel *t)
{
	if (holds(s->v, s->n, t))
		return;
	size_t keep = 0;
	for (size_t i = 0; i < s->n; i++)
		if (!ts_contains(t, &s->v[i]))
			s->v[keep++] = s->v[i];
	s->n = keep;
	if (s->n == TSM_MAX) {
		s->cut = true;
		return;
	}
	s->v[s->n++] = *t;
}

void tsm_readdress(struct tsm_set *s, const struct net_addr *addr)
{
	struct tsm_set out = { .cut = s->cut };
	for (size_t i = 0; i < s->n; i++) {
		struct ts_sel t = ts_of_addr(addr);
		t.proto = s->v[i].proto;
		t.port_lo = s->v[i].port_lo;
		t.port_hi = s->v[i].port_hi;
		set_add(&out, &t);
	}
	*s = out;
}

/* An address that is not known yet may be any. */
static struct ts_sel end_sel(const struct net_addr *a)
{
	static const uint8_t zero[16];
	struct ts_sel t = ts_of_addr(a);

	if (memcmp(a->a, zero, sizeof zero) == 0)
		memset(t.hi, 0xff, net_addr_len(a->family));
	return t;
}

void tsm_expand(const struct conf_ts *conf, size_t n, const struct tsm_end *end, struct tsm_set *out)
{
	static const struct conf_ts any_dynamic = { .dynamic = true, .sel = { .port_hi = 65535 } };
	*out = (struct tsm_set){ 0 };
	if (n == 0) {
		conf = &any_dynamic;
		n = 1;
	}
	for (size_t i = 0; i < n; i++) {
		if (!conf[i].dynamic) {
			set_add(out, &conf[i].sel);
			continue;
		}
		for (size_t j = 0; j < end->n; j++) {
			struct ts_sel t = end_sel(&end->addrs[j]);
			t.proto = conf[i].sel.proto;
			t.port_lo = conf[i].sel.port_lo;
			t.port_hi = conf[i].sel.port_hi;
			set_add(out, &t);
		}
	}
}

void tsm_narrow(const struct ts_sel *ours, size_t n_ours, const struct ts_sel *peers, size_t n_peers,
		struct tsm_set *out)
{
	*out = (struct tsm_set){ 0 };
	if (n_peers == 0)
		return;
	struct ts_sel t;
	/* What holds the peer's first selector comes first: RFC 7296 section 2.9 wants it in any narrowed answer. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < n_peers; i++)
			for (size_t j = 0; j < n_ours; j++)
				if (ts_intersect(&peers[i], &ours[j], &t) && ts_contains(&t, &peers[0]) == (pass == 0))
					set_add(out, &t);
}

bool tsm_inside(const struct ts_sel *part, size_t n, const struct ts_sel *whole, size_t n_whole)
{
	for (size_t i = 0; i < n; i++)
		if (!holds(whole, n_whole, &part[i]))
			return false;
	return true;
}

bool tsm_set_equal(const struct ts_sel *a, size_t n_a, const struct ts_sel *b, size_t n_b)
{
	return tsm_inside(a, n_a, b, n_b) && tsm_inside(b, n_b, a, n_a);
}

bool tsm_single_addrs(const struct ts_sel *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(v[i].lo, v[i].hi, 16) != 0)
			return false;
	return n > 0;
}

int tsm_score(const struct conf_child *child, const struct tsm_offer *o)
{
	if (child->mode == CONF_PASS || child->mode == CONF_DROP || child->fixed.spi_in || !o->n_local || !o->n_remote)
		return 0;
	struct tsm_set ours_l, ours_r, l, r;
	tsm_expand(child->local_ts, child->n_local_ts, &o->local_end, &ours_l);
	tsm_expand(child->remote_ts, child->n_remote_ts, &o->remote_end, &ours_r);
	tsm_narrow(ours_l.v, ours_l.n, o->local, o->n_local, &l);
	tsm_narrow(ours_r.v, ours_r.n, o->remote, o->n_remote, &r);
	if (!l.n || !r.n)
		return 0;
	int rank = 1;
	if (holds(l.v, l.n, &o->local[0]) && holds(r.v, r.n, &o->remote[0]))
		rank = 2;
	if (tsm_inside(o->local, o->n_local, ours_l.v, ours_l.n) &&
	    tsm_inside(o->remote, o->n_remote, ours_r.v, ours_r.n))
		rank = 3;
	if (tsm_set_equal(o->local, o->n_local, ours_l.v, ours_l.n) &&
	    tsm_set_equal(o->remote, o->n_remote, ours_r.v, ours_r.n))
		rank = 4;
	bool transport = child->mode == CONF_TRANSPORT;
	return rank * 2 + (transport == o->transport);
}

enum { SCORE_USABLE = 100 };

const struct conf_child *tsm_choose(const struct conf_conn *conn, const struct tsm_offer *offer)
{
	const struct conf_child *best = NULL;
	int best_score = 0;
	for (size_t i = 0; i < conn->n_children; i++) {
		int s = tsm_score(conn->children[i], offer);
		/* The other ones only so that the refusal says why. */
		if (s && (!offer->usable || offer->usable(offer->arg, conn->children[i])))
			s += SCORE_USABLE;
		if (s > best_score) {
			best_score = s;
			best = conn->children[i];
		}
	}
	return best;
}
