/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of one size, named by handles. Grows chunk by chunk, never moves an object, has no fixed size; an object's
 * address is stable until it is put back. One thread. Chunks that become empty are given back.
 */
#ifndef ADIT_BASE_SLAB_H
#define ADIT_BASE_SLAB_H

#include "slice.h"

struct slab;

/* max_objects bounds it (0: 2^31). NULL when out of memory. */
struct slab *slab_new(size_t object_size, uint32_t max_objects);
void slab_free(struct slab *s); /* objects still there are dropped without a call */
/* Zeroed; NULL when full or out of memory. */
void *slab_get(struct slab *s, handle *h);
/* NULL when the handle is stale or HANDLE_NONE: a normal answer. */
void *slab_at(const struct slab *s, handle h);
/* The object's handle becomes stale; wiped. */
void slab_put(struct slab *s, handle h);
uint32_t slab_count(const struct slab *s);
/* The next live object at or behind *cursor (start with 0), NULL at the end. Objects may come and go between calls. */
void *slab_next(const struct slab *s, uint32_t *cursor, handle *h);

#endif
