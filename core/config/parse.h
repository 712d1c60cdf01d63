/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to tree: the syntax of swanctl.conf and strongswan.conf.
 *
 *   # comment                          to the end of the line
 *   name { … }                         a section; a second one of the same name adds to the first
 *   name : template, other.one { … }   takes over what the templates have (paths from the root)
 *   key = value                        to the end of the line, a closing brace or a comment; a later one replaces
 *   key = "a # b" \                    quotes keep everything (\n \t \r \" \\; a backslash at the end of a line joins
 *         , more                       it with the next, in quotes and outside)
 *   a.b.key = value                    the same as a { b { key = value } }
 *   include conf.d/ *.conf             files in order of name, relative to the file that includes
 *
 * All errors are found in one go, each with file, line and column (from 1, in bytes). One thread. Reading files may
 * wait on the disk: not for the loop thread of a daemon that is carrying tunnels, except at start and reload.
 */
#ifndef ADIT_CONFIG_PARSE_H
#define ADIT_CONFIG_PARSE_H

#include "config/tree.h"

struct conf_limits {
	size_t max_bytes;        /* of all files together */
	uint32_t max_nodes;      /* of the tree, after templates are filled in */
	uint16_t max_depth;      /* of nested sections */
	uint16_t max_includes;   /* nested; 0: include is an error (text from the API, fuzzing) */
	uint16_t max_errors;     /* further ones are not looked for */
};

/* 256 MiB, 16 million nodes, depth 16, includes 10 deep, 50 errors. */
extern const struct conf_limits conf_limits_default;

/* `name` stands in messages, and includes are relative to its directory. lim NULL: the defaults. On success *out is a
 * root with templates filled in; after an error it is NULL and *why lists what is wrong: E_PARSE, E_NOT_FOUND (a
 * template or an included file), E_LIMIT, E_NOMEM, E_IO. */
MUST err_t conf_parse_text(slice text, const char *name, const struct conf_limits *lim, struct conf_node **out,
			   struct diag **why);
MUST err_t conf_parse_file(const char *path, const struct conf_limits *lim, struct conf_node **out, struct diag **why);

#endif
