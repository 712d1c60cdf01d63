/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees to text in the syntax conf_parse_text reads. What is written reads back as the same tree, but for bytes that
 * cannot stand in text: a value or item with such bytes is written as 0s and base64. One thread; nothing waits.
 */
#ifndef ADIT_CONFIG_WRITE_H
#define ADIT_CONFIG_WRITE_H

#include "config/schema.h"

enum { /* flags */
	CONF_WRITE_HIDE = 1, /* secrets and what looks like one (conf_hidden) become "<hidden>" */
	CONF_WRITE_DROP = 2  /* … are left out */
};

/* Is a value of this name a secret? By the schema (NULL: unknown) or, in settings of plugins, by its name. */
bool conf_hidden(const struct conf_schema *s, const char *name);
#define CONF_HIDDEN_TEXT "<hidden>"

/* What is inside `section`, whose schema is s (NULL: unknown), each line indented by `indent` tabs. Allocated,
 * zero-terminated; NULL: no memory. *n may be NULL. */
char *conf_write(const struct conf_node *section, const struct conf_schema *s, unsigned flags, unsigned indent, size_t *n);

#endif
