/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting the fragments of one message together (RFC 7383 section 2.6), after each has been opened with its own ICV: a
 * stranger cannot add one. One set per IKE SA and direction of exchange; it holds fragments of one message ID, the
 * newest. Rules: a set starts with the first fragment of a message ID; a fragment with a larger total starts it anew
 * (the peer has found a smaller MTU), one with a smaller total or a number that is there is dropped and counted.
 * Bounds: FRAG_MAX fragments, WIRE_MAX_BYTES together. Memory is
 * taken for what came; of what a fragment announces only a table of FRAG_MAX entries depends.
 * Owner: the IKE SA; frag_fini() frees. One thread; nothing waits.
 */
#ifndef ADIT_WIRE_FRAG_H
#define ADIT_WIRE_FRAG_H

#include "wire/msg.h"

enum { FRAG_MAX = 255 };

struct frag_set {
	uint32_t mid;
	uint16_t total, have;
	uint8_t first; /* type of the first payload, from fragment 1 */
	bool active;
	uint32_t bytes;
	slice *v; /* total entries; each owned */
};

/* Adds the opened contents of a fragment (copied). *whole becomes the joined plain text (owned by the caller: free()) when
 * it was the last one missing, and *first its first payload type; the set is then empty again. Else whole->p is NULL.
 * E_SYNTAX, E_TOO_MANY: the message is hopeless, the set is emptied; E_NOMEM. */
MUST err_t frag_add(struct frag_set *f, uint32_t mid, const struct wire_sk *sk, slice plain, slice *whole, uint8_t *first);
/* Forgets what is there: the message was answered or given up. */
void frag_fini(struct frag_set *f);

#endif
