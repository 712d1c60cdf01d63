/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of one datagram, one exchange or one command: many small pieces, freed together. Not for secrets.
 * One thread. A bound in bytes is given at the start; beyond it arena_get answers NULL (principle P7).
 */
#ifndef ADIT_BASE_ARENA_H
#define ADIT_BASE_ARENA_H

#include "slice.h"

struct arena_block;
struct arena {
	struct arena_block *head;
	size_t used_bytes;
	size_t limit_bytes;
};

void arena_init(struct arena *a, size_t limit_bytes);
/* Zeroed, aligned for any type; NULL when out of memory or over the limit. */
void *arena_get(struct arena *a, size_t n);
void *arena_dup(struct arena *a, const void *p, size_t n);
slice arena_slice(struct arena *a, slice s);
/* Zero-terminated copy. */
char *arena_str(struct arena *a, slice s);
char *arena_fmt(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Forgets all pieces but keeps the first block for reuse. Debug and sanitizer builds poison what was given out. */
void arena_reset(struct arena *a);
void arena_fini(struct arena *a);

#endif
