/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ipsec.conf as it was read: sections "config setup", "conn NAME", "ca NAME" with indented key=value lines; and what
 * its text has in common with ipsec.secrets. One thread.
 */
#ifndef ADIT_TOOLS_IMPORT_IPSEC_H
#define ADIT_TOOLS_IMPORT_IPSEC_H

#include "tools/adit/import.h"

/* One line as it stood. */
struct ipsec_line {
	struct ipsec_line *next;
	char *file;
	uint32_t number;
	bool used;
	char *key, *value;
};

struct ipsec_sect {
	struct ipsec_sect *next;
	char *kind, *name; /* "conn", "gw" */
	char *file;
	uint32_t number;
	struct ipsec_line *lines, **tail;
};

struct ipsec_conf {
	struct import *im;
	struct ipsec_sect *sects, **tail;
};

/* Reads a file and what it includes behind the sections that are there; c->im and c->tail are set. Errors are reported. */
void ipsec_conf_read(struct ipsec_conf *c, const char *path);
/* Reports each line nobody has used, and releases all. */
void ipsec_conf_free(struct ipsec_conf *c);

/* Without blanks around it, within the same text. */
char *ipsec_trim(char *s);
/* A comment begins with # where a word could begin, outside of quotes. */
void ipsec_cut_comment(char *s);

#endif
