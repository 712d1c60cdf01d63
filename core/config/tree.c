/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration tree: nodes, building, looking, copying (templates are in resolve.c). */
#include "config/tree.h"

#include "base/htab.h"
#include "base/secret.h"
#include "config/tree_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* From this many children on a section has an index. */
enum { INDEX_FROM = 32 };

static struct conf_node *node_new(uint8_t kind, const char *name)
{
	size_t n = strlen(name);

	if (n > CONF_NAME_MAX)
		return NULL;
	struct conf_node *v = calloc(1, sizeof *v + n + 1);
	if (!v)
		return NULL;
	v->kind = kind;
	memcpy(v->name, name, n + 1);
	return v;
}

struct conf_ext *conf_ext_of(struct conf_node *section)
{
	if (!section->ext)
		section->ext = calloc(1, sizeof *section->ext);
	return section->ext;
}

static void ext_free(struct conf_ext *x)
{
	if (!x)
		return;
	htab_free(x->index);
	while (x->refs) {
		struct conf_ref *gone = x->refs;
		x->refs = gone->next;
		free(gone);
	}
	while (x->files) {
		struct conf_file *gone = x->files;
		x->files = gone->next;
		free(gone);
	}
	free(x);
}

/* What is inside a node; the depth of a tree is bounded when it is built. */
static void empty(struct conf_node *n)
{
	if (n->kind == CONF_VALUE) {
		if (n->text)
			mem_wipe(n->text, n->len);
		free(n->text);
		n->text = NULL;
		n->len = 0;
		return;
	}
	while (n->first) {
		struct conf_node *gone = n->first;
		n->first = gone->next;
		empty(gone);
		free(gone);
	}
	ext_free(n->ext);
	n->ext = NULL;
	n->last = NULL;
	n->n = 0;
}

void conf_node_free(struct conf_node **root)
{
	if (!*root)
		return;
	empty(*root);
	free(*root);
	*root = NULL;
}

static err_t index_add(struct conf_node *section, struct conf_node *child)
{
	struct conf_ext *x = section->ext;

	if (x && x->index)
		return htab_add(x->index, slice_str(child->name), (uintptr_t)child);
	if (section->n < INDEX_FROM)
		return 0;
	uint8_t seed[16];
	x = conf_ext_of(section);
	if (!x || getrandom(seed, sizeof seed, 0) != (ssize_t)sizeof seed)
		return E_NOMEM;
	x->index = htab_new(0, seed);
	if (!x->index)
		return E_NOMEM;
	for (struct conf_node *c = section->first; c; c = c->next)
		if (htab_add(x->index, slice_str(c->name), (uintptr_t)c)) {
			htab_free(x->index);
			x->index = NULL;
			return E_NOMEM;
		}
	return htab_add(x->index, slice_str(child->name), (uintptr_t)child);
}

/* Adds a new node at the end; frees it when that fails. */
static struct conf_node *adopt(struct conf_node *parent, struct conf_node *child)
{
	if (!child)
		return NULL;
	if (parent->kind == CONF_SECTION && index_add(parent, child)) {
		empty(child);
		free(child);
		return NULL;
	}
	child->parent = parent;
	child->file = parent->file;
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->n++;
	return child;
}

static bool too_deep(const struct conf_node *parent)
{
	unsigned depth = 1;

	for (; parent; parent = parent->parent)
		depth++;
	return depth > CONF_DEPTH_MAX;
}

struct conf_node *conf_node_section(struct conf_node *parent, const char *name)
{
	if (!parent)
		return node_new(CONF_SECTION, name);
	struct conf_node *there = conf_node_child(parent, name);
	if (there)
		return there->kind == CONF_SECTION ? there : NULL;
	return too_deep(parent) ? NULL : adopt(parent, node_new(CONF_SECTION, name));
}

static err_t put_text(struct conf_node *n, slice value)
{
	if (value.n > UINT32_MAX - 1)
		return E_LIMIT;
	char *p = malloc(value.n + 1);
	if (!p)
		return E_NOMEM;
	if (value.n)
		memcpy(p, value.p, value.n);
	p[value.n] = 0;
	empty(n);
	n->kind = CONF_VALUE;
	n->text = p;
	n->len = (uint32_t)value.n;
	return 0;
}

struct conf_node *conf_node_set(struct conf_node *section, const char *name, slice value)
{
	struct conf_node *n = conf_node_child(section, name);

	if (n)
		return n->kind == CONF_SECTION || put_text(n, value) ? NULL : n;
	n = node_new(CONF_VALUE, name);
	if (n && put_text(n, value)) {
		free(n);
		return NULL;
	}
	return adopt(section, n);
}

struct conf_node *conf_node_set_str(struct conf_node *section, const char *name, const char *value)
{
	return conf_node_set(section, name, slice_str(value));
}

struct conf_node *conf_node_list(struct conf_node *section, const char *name)
{
	struct conf_node *n = conf_node_child(section, name);

	if (!n)
		return adopt(section, node_new(CONF_LIST, name));
	if (n->kind == CONF_SECTION)
		return NULL;
	empty(n);
	n->kind = CONF_LIST;
	n->first = n->last = NULL;
	n->ext = NULL;
	n->n = 0;
	return n;
}

err_t conf_node_add_item(struct conf_node *list, slice value)
{
	struct conf_node *item = node_new(CONF_VALUE, "");

	if (!item)
		return E_NOMEM;
	err_t e = put_text(item, value);
	if (e) {
		free(item);
		return e;
	}
	return adopt(list, item) ? 0 : E_NOMEM;
}

void conf_node_remove(struct conf_node *section, const char *name)
{
	struct conf_node *gone = conf_node_child(section, name);

	if (!gone)
		return;
	struct conf_node *prev = NULL;
	for (struct conf_node *c = section->first; c != gone; c = c->next)
		prev = c;
	if (prev)
		prev->next = gone->next;
	else
		section->first = gone->next;
	if (section->last == gone)
		section->last = prev;
	section->n--;
	if (section->ext && section->ext->index)
		htab_del(section->ext->index, slice_str(name));
	empty(gone);
	free(gone);
}

static struct conf_node *root_of(struct conf_node *n)
{
	while (n->parent)
		n = n->parent;
	return n;
}

static const struct conf_file *intern(struct conf_node *root, const char *name)
{
	struct conf_ext *x = conf_ext_of(root);

	if (!x)
		return NULL;
	for (struct conf_file *f = x->files; f; f = f->next)
		if (strcmp(f->name, name) == 0)
			return f;
	size_t n = strlen(name) + 1;
	struct conf_file *f = malloc(sizeof *f + n);
	if (!f)
		return NULL;
	memcpy(f->name, name, n);
	f->next = x->files;
	x->files = f;
	return f;
}

err_t conf_node_place(struct conf_node *n, const char *file, uint32_t line, uint32_t column)
{
	n->line = line;
	n->column = column;
	if (!file || (n->file && strcmp(n->file->name, file) == 0))
		return 0;
	n->file = intern(root_of(n), file);
	return n->file ? 0 : E_NOMEM;
}

static err_t take_place(struct conf_node *dst, const struct conf_node *src)
{
	dst->quoted = src->quoted;
	dst->value_line = src->value_line;
	dst->value_column = src->value_column;
	return conf_node_place(dst, src->file ? src->file->name : NULL, src->line, src->column);
}

static err_t copy_items(struct conf_node *list, const struct conf_node *from)
{
	for (const struct conf_node *i = from->first; i; i = i->next) {
		err_t e = conf_node_add_item(list, slice_of(i->text, i->len));
		if (!e)
			e = take_place(list->last, i);
		if (e)
			return e;
	}
	return 0;
}

err_t conf_graft(struct conf_node *into, const struct conf_node *from, bool replace, uint32_t *budget)
{
	for (const struct conf_node *c = from->first; c; c = c->next) {
		struct conf_node *have = conf_node_child(into, c->name), *got;
		err_t e = 0;

		if (have && (have->kind == CONF_SECTION) != (c->kind == CONF_SECTION)) {
			if (!replace)
				continue;
			conf_node_remove(into, c->name);
			have = NULL;
		}
		if (have && c->kind != CONF_SECTION && !replace)
			continue;
		if (!have && (*budget)-- == 0) {
			*budget = 0;
			return E_LIMIT;
		}
		if (c->kind == CONF_SECTION)
			got = conf_node_section(into, c->name);
		else if (c->kind == CONF_LIST)
			got = conf_node_list(into, c->name);
		else
			got = conf_node_set(into, c->name, slice_of(c->text, c->len));
		if (!got)
			return too_deep(into) ? E_LIMIT : E_NOMEM;
		if (!have || c->kind != CONF_SECTION)
			e = take_place(got, c);
		if (!e && c->kind == CONF_SECTION)
			e = conf_graft(got, c, replace, budget);
		else if (!e && c->kind == CONF_LIST)
			e = copy_items(got, c);
		if (e)
			return e;
	}
	return 0;
}

err_t conf_node_merge(struct conf_node *into, const struct conf_node *from, bool replace)
{
	uint32_t budget = UINT32_MAX;

	return conf_graft(into, from, replace, &budget);
}

struct conf_node *conf_node_copy(const struct conf_node *n)
{
	if (n->kind != CONF_SECTION)
		return NULL;
	struct conf_node *root = conf_node_section(NULL, n->name);
	if (root && (take_place(root, n) || conf_node_merge(root, n, true)))
		conf_node_free(&root);
	return root;
}

struct conf_node *conf_node_child(const struct conf_node *section, const char *name)
{
	if (!section || section->kind != CONF_SECTION)
		return NULL;
	if (section->ext && section->ext->index) {
		uint64_t v;
		return htab_find(section->ext->index, slice_str(name), &v) ? (struct conf_node *)(uintptr_t)v : NULL;
	}
	for (struct conf_node *c = section->first; c; c = c->next)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

struct conf_node *conf_node_at(const struct conf_node *section, const char *path)
{
	struct conf_node *n = NULL;
	char name[CONF_NAME_MAX + 1];

	for (;;) {
		size_t len = strcspn(path, ".");
		if (len > CONF_NAME_MAX)
			return NULL;
		memcpy(name, path, len);
		name[len] = 0;
		n = conf_node_child(section, name);
		if (!n || !path[len])
			return n;
		section = n;
		path += len + 1;
	}
}

const char *conf_node_str(const struct conf_node *section, const char *path)
{
	const struct conf_node *n = conf_node_at(section, path);

	return n && n->kind == CONF_VALUE && n->len ? n->text : NULL;
}

const char *conf_node_file(const struct conf_node *n)
{
	return n->file ? n->file->name : NULL;
}

char *conf_node_path(const struct conf_node *n, char *buf, size_t cap)
{
	const struct conf_node *up[CONF_DEPTH_MAX + 2];
	size_t k = 0, off = 0;

	for (; n && n->parent && k < ARRAY_LEN(up); n = n->parent)
		up[k++] = n;
	if (cap)
		buf[0] = 0;
	while (k-- > 0 && off < cap) {
		if (up[k]->name[0])
			off += (size_t)snprintf(buf + off, cap - off, "%s%s", off ? "." : "", up[k]->name);
	}
	return buf;
}

err_t conf_node_fail(const struct conf_node *n, bool at_value, struct diag **why, err_t code, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!why)
		return code;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	at_value = at_value && n->value_line;
	return diag_at(why, code, conf_node_file(n), at_value ? n->value_line : n->line,
		at_value ? n->value_column : n->column, "%s", text);
}

size_t conf_node_count(const struct conf_node *section)
{
	return section && section->kind != CONF_VALUE ? section->n : 0;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool conf_items_next(const struct conf_node *n, struct conf_items *it)
{
	if (n->kind == CONF_LIST) {
		it->item = it->started ? it->item ? it->item->next : NULL : n->first;
		it->started = true;
		if (!it->item)
			return false;
		it->text = slice_of(it->item->text, it->item->len);
		it->line = it->item->line;
		it->column = it->item->column;
		return true;
	}
	if (n->kind != CONF_VALUE)
		return false;
	while (it->off < n->len) {
		size_t from = it->off, to = from;

		while (to < n->len && n->text[to] != ',')
			to++;
		it->off = to + 1;
		while (from < to && blank(n->text[from]))
			from++;
		while (to > from && blank(n->text[to - 1]))
			to--;
		if (from == to)
			continue;
		it->text = slice_of(n->text + from, to - from);
		it->line = n->value_line;
		it->column = n->value_column ? n->value_column + (uint32_t)from + n->quoted : 0;
		return true;
	}
	return false;
}
