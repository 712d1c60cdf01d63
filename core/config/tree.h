/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration tree: sections, key/values and lists, each with its place in a file. One shape for the text of
 * swanctl.conf and `aditd { }`, for a message of the API and for a JSON body: whoever reads a format builds a tree,
 * and the schema (schema.h) checks every tree in the same way.
 *
 * A tree is owned by its root (conf_node_free frees all below; text is wiped, it may hold secrets). Children keep the
 * order in which they came; looking up a child by name is O(1) at any number of children. One thread; nothing waits.
 * Functions that allocate answer NULL or E_NOMEM.
 */
#ifndef ADIT_CONFIG_TREE_H
#define ADIT_CONFIG_TREE_H

#include "base/diag.h"
#include "base/slice.h"

struct conf_ext;
struct conf_file;

enum conf_kind { CONF_SECTION = 1, CONF_VALUE, CONF_LIST };

/* Longest name of a section or key, in bytes (what the API can name, API_TEXT_MAX); most sections within each other. */
enum { CONF_NAME_MAX = 127, CONF_DEPTH_MAX = 32 };

struct conf_node {
	struct conf_node *next, *parent;
	uint8_t kind;       /* enum conf_kind */
	uint8_t mark;       /* belongs to conf_tree_resolve */
	bool quoted;        /* VALUE: it begins with a quote */
	bool taken;         /* SECTION: somebody takes over from it or from a section in it */
	uint32_t line, column;             /* of the name; 0 none (a message of the API) */
	uint32_t value_line, value_column; /* of the first character of the value */
	const struct conf_file *file;      /* NULL none; conf_node_file() */
	union {
		struct { /* SECTION and LIST; the items of a list are VALUEs with the name "" */
			struct conf_node *first, *last;
			struct conf_ext *ext; /* index of the children, templates, names of files; NULL none of them */
			uint32_t n;
		};
		struct { /* VALUE: len bytes and a closing zero */
			char *text;
			uint32_t len;
		};
	};
	char name[];
};

/* ---- building ------------------------------------------------------------------------------------------------ */

/* A section without parent is a root: conf_node_section(NULL, ""). With a parent it is added at its end; a section of
 * this name that is there already is given back instead (sections merge). NULL: no memory, a name over
 * CONF_NAME_MAX, nested deeper than CONF_DEPTH_MAX, or the name is there and not a section. */
struct conf_node *conf_node_section(struct conf_node *parent, const char *name);
/* Sets a value below a section; one that is there is replaced and keeps its place. NULL as above. */
struct conf_node *conf_node_set(struct conf_node *section, const char *name, slice value);
struct conf_node *conf_node_set_str(struct conf_node *section, const char *name, const char *value);
/* An empty list below a section; what has this name is replaced. */
struct conf_node *conf_node_list(struct conf_node *section, const char *name);
MUST err_t conf_node_add_item(struct conf_node *list, slice value);
/* Removes a child and all below it. */
void conf_node_remove(struct conf_node *section, const char *name);
/* Where the node was written. `file` is kept by the root of the tree. */
MUST err_t conf_node_place(struct conf_node *n, const char *file, uint32_t line, uint32_t column);
/* A deep copy as a root of its own (references are not copied: resolve first). */
struct conf_node *conf_node_copy(const struct conf_node *n);
/* Copies all children of `from` into `into`; what is in both: sections merge, values of `from` win when `replace`. */
MUST err_t conf_node_merge(struct conf_node *into, const struct conf_node *from, bool replace);
/* Frees a root and all below; *root becomes NULL. */
void conf_node_free(struct conf_node **root);

/* ---- looking ------------------------------------------------------------------------------------------------- */

struct conf_node *conf_node_child(const struct conf_node *section, const char *name);
/* "connections.gw.children": names separated by dots, from `section`. NULL when there is none. */
struct conf_node *conf_node_at(const struct conf_node *section, const char *path);
/* The text of a VALUE at path; NULL when it is not there or empty. */
const char *conf_node_str(const struct conf_node *section, const char *path);
/* File of the node, NULL none. */
const char *conf_node_file(const struct conf_node *n);
/* "connections.gw.version": for messages. buf is returned. */
char *conf_node_path(const struct conf_node *n, char *buf, size_t cap);
/* Adds a finding at the node's name (or its value) to the list. Returns code. */
err_t conf_node_fail(const struct conf_node *n, bool at_value, struct diag **why, err_t code, const char *fmt, ...)
	PRINTF_LIKE(5, 6);
size_t conf_node_count(const struct conf_node *section); /* of children */

/* The items of a list, however it was written: the items of a LIST, or the parts of a VALUE between commas, blanks at
 * both ends taken off. An empty value has no items. Start with {0}. */
struct conf_items {
	const struct conf_node *item; /* of a LIST */
	size_t off;
	bool started;
	/* The item; it may hold zero bytes. Not zero-terminated. */
	slice text;
	uint32_t line, column;
};
bool conf_items_next(const struct conf_node *n, struct conf_items *it);

/* ---- templates ------------------------------------------------------------------------------------------------ */

/* Notes that `section` takes over everything of the section `path` (from the root) it does not have itself. */
MUST err_t conf_node_refer(struct conf_node *section, const char *path, uint32_t line, uint32_t column);
/* Copies what every section takes over from its templates behind its own children, in the order of the references;
 * sections that both have merge, and what stands nearer wins. A template that does not exist, a circle, or more than
 * max_nodes nodes in the end are findings (E_NOT_FOUND, E_PARSE, E_LIMIT). Call once, when the tree is complete. */
MUST err_t conf_tree_resolve(struct conf_node *root, uint32_t max_nodes, struct diag **why);

/* The name nearest to `word` (a few wrong letters), NULL when none is near. Feed with conf_near_try. */
struct conf_near {
	const char *word, *best;
	unsigned distance;
};
struct conf_near conf_near_of(const char *word);
void conf_near_try(struct conf_near *n, const char *candidate);

#endif
