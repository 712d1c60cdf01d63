/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other systems' files to our configuration. An importer reads a file line by line, puts what has a meaning here into a
 * tree, and reports everything else with its line: nothing is passed over in silence. One thread.
 */
#ifndef ADIT_TOOLS_IMPORT_H
#define ADIT_TOOLS_IMPORT_H

#include "config/tree.h"

#include <stdio.h>

struct import {
	struct conf_node *root;
	const char *file;    /* of the line that is read */
	uint32_t line;
	unsigned mapped, reported;
	bool failed;         /* a file could not be read, or there is no memory */
	bool libreswan;      /* words of libreswan in an ipsec.conf */
	bool defaults;       /* what is proposed is beside the default, unless it ends with "!" */
	unsigned secrets;    /* how many have a name */
};

/* "file:line: text" on standard error. */
void import_report(struct import *im, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Sets a value below a section; NULL and "" set nothing. */
void import_set(struct import *im, struct conf_node *at, const char *key, const char *value);
/* connections.NAME, with characters a name cannot have replaced. */
struct conf_node *import_section(struct import *im, const char *section, const char *name);
/* A secret of this kind ("ike", "eap", "private") under a fresh name. */
struct conf_node *import_secret(struct import *im, const char *kind);
/* Words of an algorithm list in another dialect ("aes_gcm256-sha2_512;dh21"), as ours; false: one is not known, said. */
bool import_proposals(struct import *im, const char *text, bool esp, char *out, size_t cap);
/* Seconds of "3h", "90m", "3600". */
bool import_time(const char *text, uint64_t *s);
void import_put_time(struct import *im, struct conf_node *at, const char *key, uint64_t s);
/* "@name" is a name, "@#" hex, the rest is as it is. */
const char *import_id(const char *text, char *buf, size_t cap);

void import_ipsec_conf(struct import *im, const char *path);
void import_ipsec_secrets(struct import *im, const char *path);
void import_iked(struct import *im, const char *path);
void import_strongswan_conf(struct import *im, const char *path);

#endif
