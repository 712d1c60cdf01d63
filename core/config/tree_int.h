/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the configuration tree: for tree.c and resolve.c alone. */
#ifndef ADIT_CONFIG_TREE_INT_H
#define ADIT_CONFIG_TREE_INT_H

#include "config/tree.h"

struct htab;

struct conf_file {
	struct conf_file *next;
	char name[];
};

struct conf_ref {
	struct conf_ref *next;
	uint32_t line, column;
	const struct conf_file *file;
	char path[];
};

struct conf_ext {
	struct htab *index;     /* name → child */
	struct conf_ref *refs;  /* templates in order */
	struct conf_file *files;/* of a root: names the nodes point to */
};

/* Made when it is not there; NULL: no memory. */
struct conf_ext *conf_ext_of(struct conf_node *section);
/* As conf_node_merge; *budget is how many nodes may be made (E_LIMIT). */
MUST err_t conf_graft(struct conf_node *into, const struct conf_node *from, bool replace, uint32_t *budget);

#endif
