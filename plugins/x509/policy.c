/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificate policies (RFC 5280 section 6.1) as the graph of RFC 9618: one node per policy and level with edges to all
 * its parents, so that hostile mappings cost memory in proportion to the certificates and not to its power. Whether a
 * path is valid comes out the same.
 */
#include "verify.h"

enum { LEVEL_MAX = 1024 };

static const slice any_policy = { (const uint8_t *)"\x55\x1d\x20\x00", 4 };

struct node {
	struct node *next;   /* of its level */
	slice oid;
	slice *expected;     /* expected_policy_set */
	size_t n_expected;
	struct node **parents;
	size_t n_parents;
	bool dead, used;
};

struct v_policy {
	struct v *v;
	size_t n;            /* certificates of the path */
	struct node **level; /* 0..n */
	bool null;           /* the graph is NULL */
	int32_t explicit_policy, mapping, any;
	bool too_many;
};

static bool is_any(slice oid)
{
	return slice_equal(oid, any_policy);
}

static void *get(struct v_policy *g, size_t n)
{
	void *p = arena_get(&g->v->rep->arena, n);

	g->v->nomem |= !p;
	return p;
}

static struct node *find(struct v_policy *g, size_t level, slice oid)
{
	for (struct node *k = g->level[level]; k; k = k->next)
		if (!k->dead && slice_equal(k->oid, oid))
			return k;
	return NULL;
}

static bool expects(const struct node *k, slice oid)
{
	for (size_t i = 0; i < k->n_expected; i++)
		if (slice_equal(k->expected[i], oid))
			return true;
	return false;
}

/* A node of a level whose expected set is itself; parents are added by link(). */
static struct node *add(struct v_policy *g, size_t level, slice oid)
{
	size_t n = 0;

	for (struct node *k = g->level[level]; k; k = k->next)
		n++;
	if (n >= LEVEL_MAX) {
		g->too_many = true;
		return NULL;
	}
	struct node *k = get(g, sizeof *k);
	if (!k)
		return NULL;
	k->oid = oid;
	k->expected = get(g, sizeof *k->expected);
	if (!k->expected)
		return NULL;
	k->expected[0] = oid;
	k->n_expected = 1;
	k->next = g->level[level];
	g->level[level] = k;
	return k;
}

/* Parents: the nodes of the level above that expect the policy; when none does, its anyPolicy node. */
static struct node *add_below(struct v_policy *g, size_t level, slice oid, bool or_any)
{
	size_t n = 0;
	struct node *any = or_any ? find(g, level - 1, any_policy) : NULL;

	for (struct node *k = g->level[level - 1]; k; k = k->next)
		n += !k->dead && expects(k, oid);
	if (!n && !any)
		return NULL;
	struct node *me = add(g, level, oid);
	struct node **parents = get(g, (n + 1) * sizeof *parents);
	if (!me || !parents)
		return NULL;
	me->parents = parents;
	for (struct node *k = g->level[level - 1]; k && n; k = k->next)
		if (!k->dead && expects(k, oid))
			parents[me->n_parents++] = k;
	if (!n)
		parents[me->n_parents++] = any;
	return me;
}

/* Nodes above `level` that lead nowhere are dead; the graph is NULL when its root is. */
static void prune(struct v_policy *g, size_t level)
{
	for (size_t l = level; l > 0; l--) {
		for (struct node *k = g->level[l - 1]; k; k = k->next)
			k->used = false;
		for (struct node *k = g->level[l]; k; k = k->next)
			for (size_t i = 0; i < k->n_parents && !k->dead; i++)
				k->parents[i]->used = true;
		for (struct node *k = g->level[l - 1]; k; k = k->next)
			k->dead |= !k->used;
	}
	if (level)
		g->null = g->level[0]->dead;
}

struct v_policy *v_policy_new(struct v *v, size_t n)
{
	struct v_policy head = { .v = v, .n = n }, *g = get(&head, sizeof *g);
	const uint32_t flags = v->req->flags;

	if (!g)
		return NULL;
	*g = head;
	g->level = get(g, (n + 1) * sizeof *g->level);
	if (!g->level || !add(g, 0, any_policy))
		return NULL;
	int32_t all = (int32_t)n + 1;
	g->explicit_policy = flags & CERT_EXPLICIT_POLICY ? 0 : all;
	g->mapping = flags & CERT_INHIBIT_MAPPING ? 0 : all;
	g->any = flags & CERT_INHIBIT_ANY_POLICY ? 0 : all;
	return g;
}

/* Section 6.1.3 (d). */
static void take_policies(struct v_policy *g, const struct cert *c, size_t i)
{
	for (size_t k = 0; k < c->n_policies; k++)
		if (!is_any(c->policies[k].oid))
			add_below(g, i, c->policies[k].oid, true);
	if (c->any_policy && (g->any > 0 || (i < g->n && c->info.self_issued)))
		for (struct node *up = g->level[i - 1]; up; up = up->next)
			for (size_t k = 0; k < up->n_expected && !up->dead; k++)
				if (!find(g, i, up->expected[k]))
					add_below(g, i, up->expected[k], false);
	prune(g, i);
}

/* Section 6.1.4 (b). */
static void map_policies(struct v_policy *g, const struct cert *c, size_t i)
{
	for (size_t m = 0; m < c->n_mappings; m++) {
		slice from = c->mappings[m].issuer;
		bool first = true;
		for (size_t k = 0; k < m && first; k++)
			first = !slice_equal(c->mappings[k].issuer, from);
		struct node *is = first ? find(g, i, from) : NULL, *any = find(g, i, any_policy);
		if (!first)
			continue;
		if (g->mapping == 0) {
			if (is)
				is->dead = true;
			continue;
		}
		if (!is && any) {
			is = add(g, i, from);
			if (is) {
				is->parents = any->parents;
				is->n_parents = any->n_parents;
			}
		}
		if (!is)
			continue;
		is->expected = get(g, c->n_mappings * sizeof *is->expected);
		is->n_expected = 0;
		for (size_t k = m; k < c->n_mappings && is->expected; k++)
			if (slice_equal(c->mappings[k].issuer, from) && !expects(is, c->mappings[k].subject))
				is->expected[is->n_expected++] = c->mappings[k].subject;
	}
	if (g->mapping == 0)
		prune(g, i);
	bool alive = false;
	for (struct node *k = g->level[i]; k; k = k->next)
		alive |= !k->dead;
	g->null |= !alive;
}

static void lower(int32_t *counter, int32_t to)
{
	if (to >= 0 && to < *counter)
		*counter = to;
}

bool v_policy_step(struct v_policy *g, const struct cert *c, size_t i, size_t depth)
{
	if (!c->has_policies)
		g->null = true;
	if (!g->null)
		take_policies(g, c, i);
	if (g->too_many) {
		V_FAIL(g->v, depth, c, POLICY, E_CERT_POLICY, "more than %d policies", LEVEL_MAX);
		return false;
	}
	if (g->explicit_policy == 0 && g->null) {
		V_FAIL(g->v, depth, c, POLICY, E_CERT_POLICY,
		       c->has_policies ? "none of its policies continues one of the CAs above"
				       : "it has no policy, and one is required");
		return false;
	}
	if (i == g->n)
		return true;
	for (size_t m = 0; m < c->n_mappings; m++)
		if (is_any(c->mappings[m].issuer) || is_any(c->mappings[m].subject)) {
			V_FAIL(g->v, depth, c, POLICY, E_CERT_POLICY, "it maps anyPolicy, which is forbidden");
			return false;
		}
	if (c->n_mappings && !g->null)
		map_policies(g, c, i);
	if (!c->info.self_issued) {
		g->explicit_policy -= g->explicit_policy > 0;
		g->mapping -= g->mapping > 0;
		g->any -= g->any > 0;
	}
	lower(&g->explicit_policy, c->require_explicit);
	lower(&g->mapping, c->inhibit_mapping);
	lower(&g->any, c->inhibit_any);
	return true;
}

static bool wanted(const struct v *v, slice oid)
{
	for (size_t i = 0; i < v->n_policies; i++)
		if (slice_equal(v->policies[i], oid))
			return true;
	return v->n_policies == 0;
}

static bool known(const char *const *list, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], s) == 0)
			return true;
	return false;
}

/* The user's part of what the authorities allow (RFC 9618 section 5.5): the nodes right below an anyPolicy node. */
static size_t user_policies(struct v_policy *g, const char ***out)
{
	struct v *v = g->v;
	size_t cap = v->n_policies + 1, n = 0;

	for (size_t l = 1; l <= g->n; l++)
		for (struct node *k = g->level[l]; k; k = k->next)
			cap++;
	const char **list = get(g, cap * sizeof *list);
	if (!list)
		return 0;
	struct node *any = find(g, g->n, any_policy);
	for (size_t l = 1; l <= g->n; l++)
		for (struct node *k = g->level[l]; k; k = k->next) {
			bool below_any = false;
			for (size_t i = 0; i < k->n_parents; i++)
				below_any |= is_any(k->parents[i]->oid);
			if (k->dead || !below_any || is_any(k->oid) || !wanted(v, k->oid) ||
			    known(list, n, v_oid(v, k->oid)))
				continue;
			list[n++] = v_oid(v, k->oid);
		}
	if (any && !v->n_policies)
		list[n++] = "any";
	for (size_t i = 0; any && i < v->n_policies; i++)
		if (!known(list, n, v_oid(v, v->policies[i])))
			list[n++] = v_oid(v, v->policies[i]);
	*out = list;
	return n;
}

bool v_policy_end(struct v_policy *g, const struct cert *c, size_t depth)
{
	const char **list = NULL;
	size_t n = 0;

	g->explicit_policy -= g->explicit_policy > 0;
	if (c->require_explicit == 0)
		g->explicit_policy = 0;
	if (!g->null)
		n = user_policies(g, &list);
	if (g->explicit_policy == 0 && !n) {
		V_FAIL(g->v, depth, c, POLICY, E_CERT_POLICY, g->null ? "the path has no policy, and one is required" :
			"the path has policies, but none that is accepted");
		return false;
	}
	g->v->good_policies = list;
	g->v->n_good_policies = n;
	if (n)
		V_OK(g->v, depth, c, POLICY, "policy %s%s", list[0], n > 1 ? " and others" : "");
	else
		V_OK(g->v, depth, c, POLICY, "no policy is required");
	return true;
}
