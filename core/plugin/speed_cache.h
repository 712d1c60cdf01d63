/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measured speeds of providers, kept in a file between starts: valid for one processor and one version of each plugin and its
 * libraries (the files they are in).
 * Loop thread, before the sandbox closes. Owned by who opened it. No errors: what cannot be read is measured anew.
 */
#ifndef ADIT_PLUGIN_SPEED_CACHE_H
#define ADIT_PLUGIN_SPEED_CACHE_H

#include "plugin/registry.h"

struct speed_cache;

/* path NULL: kept in memory only. NULL: out of memory, which the other functions take as an empty cache. */
struct speed_cache *speed_cache_open(const char *path);
/* 0: not known. */
uint32_t speed_cache_get(struct speed_cache *c, const struct reg_plugin *p, const struct plug_feat *is);
void speed_cache_put(struct speed_cache *c, const struct reg_plugin *p, const struct plug_feat *is, uint32_t speed);
/* Writes the file when something was put (a new one takes the place of the old). */
void speed_cache_close(struct speed_cache *c);

#endif
