/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as JSON, both ways: sections are objects, values have the types of the schema (numbers, booleans,
 * arrays of what stands between commas), all else is text as it would be written. Shared by `adit config` and the REST
 * gateway. One thread; nothing waits.
 */
#ifndef ADIT_API_CONF_JSON_H
#define ADIT_API_CONF_JSON_H

#include "config/schema.h"

#include <jansson.h>

/* What is inside a section of this schema (NULL: everything is text). NULL: no memory. */
json_t *conf_json(const struct conf_node *section, const struct conf_schema *s);
/* The members of an object into a section. E_BAD_VALUE, E_LIMIT with the path of what does not fit. */
MUST err_t conf_json_tree(const json_t *object, struct conf_node *into, struct diag **why);

#endif
