/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash table from a few bytes (an SPI, an address, an identity) to a 64-bit value (most often a handle). Seeded
 * SipHash, so that a peer who chooses keys cannot make chains; grows incrementally, never in one long step; a lookup
 * is O(1) at any size. Keys are copied in. Several values under one key are allowed when the caller says
 * so. One thread.
 */
#ifndef ADIT_BASE_HTAB_H
#define ADIT_BASE_HTAB_H

#include "err.h"

struct htab;

/* key_len: all keys have this length (1..64), or 0: keys of any length up to 256. seed: from the random generator. */
struct htab *htab_new(size_t key_len, const uint8_t seed[16]);
void htab_free(struct htab *t);
/* E_EXISTS when the key is there, E_NOMEM. */
MUST err_t htab_add(struct htab *t, slice key, uint64_t val);
/* Adds beside values that are there already. */
MUST err_t htab_add_multi(struct htab *t, slice key, uint64_t val);
bool htab_find(const struct htab *t, slice key, uint64_t *val);
/* All values of a key, the newest first or last: *cursor starts with 0; false at the end. No change in between. */
bool htab_find_next(const struct htab *t, slice key, uint64_t *cursor, uint64_t *val);
/* Removes one value of the key (htab_del_val: this one); false when it is not there. */
bool htab_del(struct htab *t, slice key);
bool htab_del_val(struct htab *t, slice key, uint64_t val);
size_t htab_count(const struct htab *t);
/* Every value once, in no order; *cursor starts with 0; false at the end. No change in between. */
bool htab_each(const struct htab *t, uint64_t *cursor, uint64_t *val);

/* SipHash-2-4 of RFC-less fame: for other seeded uses. */
uint64_t siphash(const uint8_t seed[16], slice data);

#endif
