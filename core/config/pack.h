/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sections in one piece of memory: what a connection was made from is kept with it, so that the running configuration
 * can be shown, compared and put back without a tree for every one of 100,000 connections. Values may hold any byte.
 * Places in files are not kept. One thread; nothing waits.
 */
#ifndef ADIT_CONFIG_PACK_H
#define ADIT_CONFIG_PACK_H

#include "base/secret.h"
#include "config/tree.h"

struct conf_packed {
	uint8_t *p; /* owned */
	uint32_t n;
};

/* What is inside a section. *out must be empty. E_NOMEM, E_LIMIT (over 2 GiB). */
MUST err_t conf_pack(const struct conf_node *section, struct conf_packed *out);
/* As conf_pack, for sections that hold secrets. */
MUST err_t conf_pack_secret(const struct conf_node *section, struct secret *out);
void conf_packed_fini(struct conf_packed *p);
/* Puts it into a section that is there. E_NOMEM. */
MUST err_t conf_unpack(slice packed, struct conf_node *section);

#endif
