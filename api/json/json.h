/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON and messages of the API, both ways, in the types of the schema. Shared by `adit --json` and the REST gateway, so
 * that an object looks the same wherever it is printed.
 *
 * To JSON: numbers and booleans as such, a list as an array of texts, a map (sections with free names) as an array of
 * objects with their "name" first. Bytes that are no UTF-8 come out as \xNN. From JSON: objects become sections, arrays
 * lists, true and false "yes" and "no"; what has another type than the schema says, null, lists in lists and what is
 * nested too deep is refused with the path of the value. One thread; nothing waits. What is given back is the caller's.
 */
#ifndef ADIT_API_JSON_H
#define ADIT_API_JSON_H

#include "api/client/adit_api.h"
#include "api/schema/schema.h"

#include <jansson.h>

/* Objects within objects in arguments: less than a message can hold, so that a caller may wrap them. */
enum { API_JSON_DEPTH = 12 };

/* A section; fields NULL: everything is text. NULL: no memory. */
json_t *api_json(const struct adit_node *n, const struct api_field *fields, size_t n_fields);
/* A section of a map: its name goes first, unless it has a field of this name. */
json_t *api_json_named(const struct adit_node *n, const struct api_field *fields, size_t n_fields);
/* Any bytes as a JSON text. */
json_t *api_json_text(const char *s, size_t n);

/* Writes the members of an object as arguments; fields NULL: everything goes. E_UNKNOWN_KEY, E_BAD_VALUE, E_LIMIT with
 * the path ("children.net.mode") and the nearest valid name in why. */
MUST err_t api_json_args(const json_t *object, const struct api_field *fields, size_t n_fields, struct adit_msg *out,
			 struct diag **why);

#endif
