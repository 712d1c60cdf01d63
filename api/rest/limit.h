/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often a client may come: a bucket of tokens per key (name of a token, or address of who has none), filled at a
 * rate up to a burst. The table is bounded; when it is full the one that was used longest ago makes room. Any thread.
 */
#ifndef ADIT_REST_LIMIT_H
#define ADIT_REST_LIMIT_H

#include "base/slice.h"

struct limiter;

/* NULL: no memory. per_s: how fast the bucket fills, in thousandths per second; 0: no limit. */
struct limiter *limiter_new(uint32_t milli_per_s, uint32_t burst);
void limiter_free(struct limiter *l);
/* Takes one (take = false: looks whether there is one). 0: fine, else the seconds to wait. */
unsigned limiter_take(struct limiter *l, const char *key, bool take, uint64_t now_ms);

#endif
