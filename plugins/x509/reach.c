/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificates that may be on a path: from the leaf upwards all whose name is that of an issuer and whose key made the
 * signature. Each is looked at once, however many ways lead to it; a thousand certificates of one name and key are one
 * place. What leads to no anchor is known before the search for paths begins.
 */
#include "verify.h"

#include <stdlib.h>

bool v_is_anchor(const struct v *v, const struct cert *c, const struct cert *anchor)
{
	if (anchor)
		return v_same_cert(anchor, c);
	for (size_t i = 0; i < v->req->n_anchors; i++)
		if (v_same_cert(v->req->anchors[i], c))
			return true;
	return false;
}

/* Anchors first, then intermediates; NULL: an anchor that does not count here. */
static struct cert *candidate(const struct v *v, const struct cert *anchor, size_t i)
{
	const struct cert_verify *req = v->req;

	if (i >= req->n_anchors)
		return req->intermediates[i - req->n_anchors];
	return !anchor || v_same_cert(anchor, req->anchors[i]) ? req->anchors[i] : NULL;
}

static size_t n_candidates(const struct v *v)
{
	return v->req->n_anchors + v->req->n_intermediates;
}

static bool same_who(const struct cert *a, const struct cert *b)
{
	return memcmp(a->key_sha256, b->key_sha256, 32) == 0 && x_name_same(&a->subject, &b->subject);
}

static struct v_who *who_of(struct v *v, struct v_reach *r, size_t i, const struct cert *c)
{
	if (r->who_of[i])
		return &r->who[r->who_of[i] - 1];
	size_t k = 0;
	while (k < r->n_who && !same_who(r->who[k].any, c))
		k++;
	if (k == V_REACH_MAX) {
		v->gave_up = true;
		return NULL;
	}
	if (k == r->n_who)
		r->who[r->n_who++] = (struct v_who){ .any = c };
	r->who_of[i] = (uint16_t)(k + 1);
	return &r->who[k];
}

static void put(struct v *v, struct v_reach *r, struct cert *c, uint16_t who, uint16_t depth, bool anchor)
{
	if (r->n_nodes == V_REACH_MAX) {
		v->gave_up = true;
		return;
	}
	r->nodes[r->n_nodes++] = (struct v_node_up){ .c = c, .who = who, .depth = depth, .anchor = anchor,
		.height = anchor ? 0 : V_NO_HEIGHT,
		.in_date = c->info.not_before <= v->req->time && v->req->time <= c->info.not_after };
}

/* All certificates of a name and key, each once. */
static void put_who(struct v *v, struct v_reach *r, const struct cert *anchor, uint16_t who, uint16_t depth)
{
	size_t begin = r->n_nodes;

	r->who[who].reached = true;
	for (int dated = 1; dated >= 0; dated--)
		for (size_t i = 0; i < n_candidates(v); i++) {
			struct cert *c = candidate(v, anchor, i);
			if (!c || !same_who(c, r->who[who].any) ||
			    dated != (c->info.not_before <= v->req->time && v->req->time <= c->info.not_after))
				continue;
			bool there = false;
			for (size_t k = begin; k < r->n_nodes && !there; k++)
				there = memcmp(r->nodes[k].c->info.sha256, c->info.sha256, 32) == 0;
			if (!there)
				put(v, r, c, who, depth, v_is_anchor(v, c, anchor));
		}
}

static bool key_id_fits(const struct cert *c, const struct cert *by)
{
	return c->info.akid.n && by->info.skid.n && slice_equal(c->info.akid, by->info.skid);
}

/* Those whose key identifier fits first, or only the others: signatures are dear. */
static void find_issuers(struct v *v, struct v_reach *r, const struct cert *anchor, size_t at, bool fits)
{
	struct v_node_up *node = &r->nodes[at];

	for (size_t i = 0; i < n_candidates(v) && node->n_by < V_BY_MAX; i++) {
		const struct cert *by = candidate(v, anchor, i);
		if (!by || !x_name_same(&node->c->issuer, &by->subject) || key_id_fits(node->c, by) != fits)
			continue;
		struct v_who *who = who_of(v, r, i, by);
		if (!who || who->tried == at + 1 || (at && who == &r->who[node->who]))
			continue;
		who->tried = (unsigned)at + 1;
		if (v_signed_cert(v, node->c, by)) {
			node->by[node->n_by++] = (uint16_t)(who - r->who);
			if (!who->reached)
				put_who(v, r, anchor, (uint16_t)(who - r->who), (uint16_t)(node->depth + 1));
		}
	}
}

/* Steps to the next anchor: as many rounds as a path may be long. */
static void find_heights(struct v_reach *r, uint16_t *least)
{
	for (size_t k = 0; k < r->n_who; k++)
		least[k] = V_NO_HEIGHT;
	for (int round = 0; round < V_DEPTH_MAX; round++) {
		bool changed = false;
		for (size_t i = 1; i < r->n_nodes; i++)
			if (r->nodes[i].height < least[r->nodes[i].who])
				least[r->nodes[i].who] = r->nodes[i].height;
		for (size_t i = 0; i < r->n_nodes; i++)
			for (size_t k = 0; k < r->nodes[i].n_by; k++) {
				uint16_t h = least[r->nodes[i].by[k]];
				if (h != V_NO_HEIGHT && h + 1 < r->nodes[i].height) {
					r->nodes[i].height = (uint16_t)(h + 1);
					changed = true;
				}
			}
		if (!changed)
			return;
	}
}

static int by_order(const void *a, const void *b, void *arg)
{
	const struct v_node_up *nodes = arg, *x = &nodes[*(const uint16_t *)a], *y = &nodes[*(const uint16_t *)b];

	if (x->who != y->who)
		return x->who < y->who ? -1 : 1;
	if (x->in_date != y->in_date)
		return x->in_date ? -1 : 1;
	if (x->height != y->height)
		return x->height < y->height ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void sort(struct v_reach *r)
{
	size_t n = r->n_nodes - 1; /* the leaf is nobody's issuer */

	for (size_t i = 0; i < n; i++)
		r->order[i] = (uint16_t)(i + 1);
	qsort_r(r->order, n, sizeof *r->order, by_order, r->nodes);
	for (size_t i = 0; i < n; i++) {
		struct v_who *who = &r->who[r->nodes[r->order[i]].who];
		if (!who->n++)
			who->first = (unsigned)i;
	}
}

bool v_reach_find(struct v *v, struct cert *leaf, const struct cert *anchor, struct v_reach *r)
{
	size_t room = n_candidates(v) + 1;

	room = room > V_REACH_MAX ? V_REACH_MAX : room;
	r->nodes = calloc(room, sizeof *r->nodes);
	r->who = calloc(room, sizeof *r->who);
	r->order = calloc(room, 2 * sizeof *r->order);
	r->who_of = calloc(n_candidates(v) + 1, sizeof *r->who_of);
	if (!r->nodes || !r->who || !r->order || !r->who_of) {
		v_reach_fini(r);
		v->nomem = true;
		return false;
	}
	put(v, r, leaf, 0, 0, false);
	for (size_t at = 0; at < r->n_nodes; at++)
		for (int others = 0; others < 2 && !(anchor && r->nodes[at].anchor); others++)
			find_issuers(v, r, anchor, at, !others);
	if (v->n_signatures >= V_SIGNATURES_MAX)
		v->gave_up = true;
	find_heights(r, r->order + room);
	sort(r);
	return true;
}

void v_reach_fini(struct v_reach *r)
{
	free(r->nodes);
	free(r->who);
	free(r->order);
	free(r->who_of);
	*r = (struct v_reach){ .nodes = NULL };
}

const struct v_node_up *v_reach_top(const struct v_reach *r)
{
	const struct v_node_up *top = &r->nodes[0];

	for (size_t i = 1; i < r->n_nodes; i++) {
		const struct v_node_up *n = &r->nodes[i];
		bool open = !n->n_by, had = !top->n_by;
		if (open != had ? open : n->depth > top->depth)
			top = n;
	}
	return top;
}
