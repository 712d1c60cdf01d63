/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as trees: one block of memory holds the nodes and, behind them, the texts. */
#include "api/client/client.h"

#include <stdlib.h>

struct build {
	struct adit_node *node; /* NULL: only counting */
	char *text;
	size_t nodes, bytes;
};

static struct adit_node *add(struct build *b, enum adit_node_kind kind, slice name, slice value)
{
	struct adit_node *n = b->node ? &b->node[b->nodes] : NULL;
	if (n) {
		char *t = b->text + b->bytes;
		*n = (struct adit_node){ .kind = kind, .name = t, .value = t + name.n + 1, .n = value.n };
		if (name.n)
			memcpy(t, name.p, name.n);
		t[name.n] = 0;
		if (value.n)
			memcpy(t + name.n + 1, value.p, value.n);
		t[name.n + 1 + value.n] = 0;
	}
	b->nodes++;
	b->bytes += name.n + value.n + 2;
	return n;
}

/* Fills one section or list up to its end; depth is bounded by the reader. */
static void fill(struct build *b, struct vici_in *in, struct adit_node *parent)
{
	const struct adit_node **tail = parent ? &parent->first : NULL;
	for (struct vici_elem e = vici_next(in); e.type != VICI_END && e.type != VICI_SECTION_END && e.type != VICI_LIST_END;
	     e = vici_next(in)) {
		enum adit_node_kind kind = e.type == VICI_SECTION_START ? ADIT_NODE_SECTION
					 : e.type == VICI_LIST_START	? ADIT_NODE_LIST
									: ADIT_NODE_VALUE;
		struct adit_node *n = add(b, kind, e.name, e.value);
		if (tail) {
			*tail = n;
			tail = &n->next;
		}
		if (kind != ADIT_NODE_VALUE)
			fill(b, in, n);
	}
}

struct adit_node *node_from(slice body)
{
	struct build b = { 0 };
	struct vici_in in = vici_in_of(body);
	add(&b, ADIT_NODE_SECTION, SLICE_NONE, SLICE_NONE);
	fill(&b, &in, NULL);
	if (vici_in_close(&in))
		return NULL;
	b.node = malloc(b.nodes * sizeof *b.node + b.bytes);
	if (!b.node)
		return NULL;
	b.text = (char *)(b.node + b.nodes);
	b.nodes = b.bytes = 0;
	in = vici_in_of(body);
	struct adit_node *root = add(&b, ADIT_NODE_SECTION, SLICE_NONE, SLICE_NONE);
	fill(&b, &in, root);
	return root;
}

PUBLIC void adit_node_free(struct adit_node *root)
{
	free(root);
}

PUBLIC const struct adit_node *adit_node_at(const struct adit_node *n, const char *path)
{
	while (n && *path) {
		size_t len = strcspn(path, ".");
		const struct adit_node *c = n->first;
		while (c && (strlen(c->name) != len || memcmp(c->name, path, len)))
			c = c->next;
		n = c;
		path += len + (path[len] == '.');
	}
	return n;
}

PUBLIC const char *adit_node_text(const struct adit_node *n, const char *path)
{
	const struct adit_node *at = adit_node_at(n, path);
	return at && at->kind == ADIT_NODE_VALUE ? at->value : NULL;
}
