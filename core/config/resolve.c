/* SPDX-License-Identifier: Apache-2.0 */
/* Templates ("name : a, b.c { }") and the search for the nearest known name. */
#include "config/tree.h"

#include "config/tree_int.h"

#include <ctype.h>
#include <stdlib.h>

err_t conf_node_refer(struct conf_node *section, const char *path, uint32_t line, uint32_t column)
{
	struct conf_ext *x = conf_ext_of(section);
	size_t n = strlen(path) + 1;
	struct conf_ref *r = x ? malloc(sizeof *r + n) : NULL;

	if (!r)
		return E_NOMEM;
	r->next = NULL;
	r->line = line;
	r->column = column;
	r->file = section->file;
	memcpy(r->path, path, n);
	struct conf_ref **end = &x->refs;
	while (*end)
		end = &(*end)->next;
	*end = r;
	return 0;
}

enum { WHITE = 0, GREY = 1, BLACK = 2 };

/* Templates that take over from templates, one behind the other. */
enum { CHAIN_MAX = 100 };

struct resolve {
	struct conf_node *root;
	uint32_t budget, chain;
	struct diag **why;
	err_t err;
};

static void resolve_section(struct resolve *r, struct conf_node *s);

/* Finds a template; sections on the way that get their content from templates themselves are filled in first. */
static struct conf_node *find_template(struct resolve *r, const char *path)
{
	struct conf_node *at = r->root;
	char name[CONF_NAME_MAX + 1];

	for (;;) {
		size_t len = strcspn(path, ".");
		if (len > CONF_NAME_MAX)
			return NULL;
		memcpy(name, path, len);
		name[len] = 0;
		struct conf_node *next = conf_node_child(at, name);
		if (!next && at->mark == WHITE) {
			resolve_section(r, at);
			next = conf_node_child(at, name);
		}
		if (!next || next->kind != CONF_SECTION)
			return NULL;
		next->taken = true;
		if (!path[len])
			return next;
		at = next;
		path += len + 1;
	}
}

static void fail(struct resolve *r, const struct conf_ref *ref, err_t code, const char *text)
{
	if (!r->err)
		r->err = code;
	diag_at(r->why, code, ref->file ? ref->file->name : NULL, ref->line, ref->column, text, ref->path);
}

static void resolve_section(struct resolve *r, struct conf_node *s)
{
	s->mark = GREY;
	if (++r->chain > CHAIN_MAX && r->err != E_LIMIT)
		r->err = conf_node_fail(s, false, r->why, E_LIMIT, "more than %d sections take over from each other in a row",
			CHAIN_MAX);
	for (struct conf_node *c = s->first; c && r->err != E_LIMIT; c = c->next)
		if (c->kind == CONF_SECTION && c->mark == WHITE)
			resolve_section(r, c);
	for (const struct conf_ref *ref = s->ext ? s->ext->refs : NULL; ref && r->err != E_LIMIT; ref = ref->next) {
		struct conf_node *t = find_template(r, ref->path);
		if (!t) {
			fail(r, ref, E_NOT_FOUND, "there is no section '%s' to take over: write its name from the top, "
				"parts separated by dots");
			continue;
		}
		if (t->mark == WHITE)
			resolve_section(r, t);
		if (t->mark == GREY) {
			fail(r, ref, E_PARSE, "'%s' is the section itself or contains it: a circle");
			continue;
		}
		err_t e = conf_graft(s, t, false, &r->budget);
		if (e)
			fail(r, ref, e, e == E_LIMIT ? "taking over '%s' makes the configuration too large" :
				"no memory to take over '%s'");
	}
	r->chain--;
	s->mark = BLACK;
}

static uint32_t count(const struct conf_node *n)
{
	uint32_t k = 1;

	if (n->kind != CONF_VALUE)
		for (const struct conf_node *c = n->first; c; c = c->next)
			k += count(c);
	return k;
}

err_t conf_tree_resolve(struct conf_node *root, uint32_t max_nodes, struct diag **why)
{
	struct resolve r = { .root = root, .why = why };
	uint32_t have = count(root);

	r.budget = have < max_nodes ? max_nodes - have : 0;
	resolve_section(&r, root);
	return r.err;
}

/* ---- the nearest name ---------------------------------------------------------------------------------------- */

enum { NEAR_MAX = 40 };

static int same_letter(char a, char b)
{
	if (a == '-')
		a = '_';
	if (b == '-')
		b = '_';
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edit distance with swapped neighbours counted once. */
static unsigned distance(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	unsigned row[3][NEAR_MAX + 1];

	if (na > NEAR_MAX || nb > NEAR_MAX)
		return NEAR_MAX;
	for (size_t j = 0; j <= nb; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *now = row[i % 3], *up = row[(i - 1) % 3], *up2 = row[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned d = up[j - 1] + !same_letter(a[i - 1], b[j - 1]);
			if (up[j] + 1 < d)
				d = up[j] + 1;
			if (now[j - 1] + 1 < d)
				d = now[j - 1] + 1;
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]) &&
			    up2[j - 2] + 1 < d)
				d = up2[j - 2] + 1;
			now[j] = d;
		}
	}
	return row[na % 3][nb];
}

struct conf_near conf_near_of(const char *word)
{
	return (struct conf_near){ word, NULL, (unsigned)(strlen(word) / 3 + 2) };
}

void conf_near_try(struct conf_near *n, const char *candidate)
{
	unsigned d = distance(n->word, candidate);

	if (d < n->distance && d < strlen(candidate)) {
		n->distance = d;
		n->best = candidate;
	}
}
