/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anti-replay window of an inbound ESP SA (RFC 4303 section 3.4.3 and appendix A), as a ring of words that never
 * shifts (the idea of RFC 6479). With extended sequence numbers the upper half, which is not on the wire, is inferred
 * from the window. One thread; no allocation after replay_init.
 *
 * A packet is looked at twice: replay_check before its integrity check (cheap drop, and the full number the check
 * needs), replay_mark after it. Packets of one batch may hold the same number: only the first mark succeeds.
 */
#ifndef ADIT_KERNEL_USER_REPLAY_H
#define ADIT_KERNEL_USER_REPLAY_H

#include "base/err.h"

enum { REPLAY_WINDOW_MAX = 1 << 20 };

struct replay {
	uint64_t top;    /* highest number that was authenticated */
	uint64_t *bits;  /* NULL: window 0, nothing is dropped */
	uint32_t window; /* packets */
	uint32_t mask;   /* words in the ring - 1 */
	bool esn;
};

/* window 0..REPLAY_WINDOW_MAX. E_NOMEM, E_BAD_VALUE. */
MUST err_t replay_init(struct replay *r, uint32_t window, bool esn);
void replay_fini(struct replay *r);
/* The full sequence number of a packet; false: too old, seen before, or 0. */
bool replay_check(const struct replay *r, uint32_t on_wire, uint64_t *seq);
/* Of an authenticated packet. False: meanwhile too old or seen. */
bool replay_mark(struct replay *r, uint64_t seq);

#endif
