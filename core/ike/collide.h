/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collisions: a request of the peer arrives while something of ours is under way (RFC 7296 sections 2.8.1, 2.25). One
 * table says for every pair (mine, the peer's) what to do; it is total, which clash_check() proves (tools/tablecheck).
 * Pure functions over const data: any thread, nothing waits.
 */
#ifndef ADIT_IKE_COLLIDE_H
#define ADIT_IKE_COLLIDE_H

#include "base/slice.h"

/* What is under way here, relative to the child SA that the peer's request names ("that child") where it names one. */
enum clash_mine {
	CLASH_M_NONE = 0,      /* nothing that matters */
	CLASH_M_INFO,          /* an INFORMATIONAL without a Delete: liveness and such */
	CLASH_M_CHILD_CREATE,  /* we create a child SA */
	CLASH_M_CHILD_REKEY,   /* we rekey that child */
	CLASH_M_CHILD_DELETE,  /* we asked to delete that child */
	CLASH_M_CHILD_REPLACED,/* the peer has rekeyed that child and has not deleted it yet */
	CLASH_M_CHILD_GONE,    /* we have no such child (any more) */
	CLASH_M_CHILD_UNBORN,  /* we have no such child, but the answer to a request of ours that is out may bring it */
	CLASH_M_OTHER_REKEY,   /* we rekey a child, another one than that, or the request names none */
	CLASH_M_OTHER_DELETE,  /* we asked to delete a child, as above */
	CLASH_M_IKE_REKEY,     /* we rekey the IKE SA */
	CLASH_M_IKE_REPLACED,  /* the IKE SA was rekeyed, its delete is still to come */
	CLASH_M_IKE_DELETE,    /* we asked to delete the IKE SA */
	CLASH_M_END
};

enum clash_peer {
	CLASH_P_INFO = 0, /* an INFORMATIONAL without a Delete */
	CLASH_P_CHILD_CREATE,
	CLASH_P_CHILD_REKEY,
	CLASH_P_CHILD_DELETE,
	CLASH_P_IKE_REKEY,
	CLASH_P_IKE_DELETE,
	CLASH_P_END
};

/* Ordered: when several things are under way, the largest verdict holds. */
enum clash_verdict {
	CLASH_ACCEPT = 1, /* answer as usual */
	CLASH_COMPARE,    /* answer as usual; when our own answer comes the lowest of the four nonces decides */
	CLASH_FORGET,     /* answer as usual; our own request is forgotten */
	CLASH_SILENT,     /* answer without a Delete payload for that child */
	CLASH_NOT_FOUND,  /* answer CHILD_SA_NOT_FOUND */
	CLASH_TEMPORARY   /* answer TEMPORARY_FAILURE */
};

struct clash_row {
	uint32_t mine;      /* bits 1 << enum clash_mine */
	uint8_t peer;       /* enum clash_peer */
	uint8_t verdict;    /* enum clash_verdict */
	const char *rfc;    /* section of RFC 7296 */
	const char *story;
};

/* mine: bits 1 << enum clash_mine, 0 as CLASH_M_NONE. Never NULL for a complete table; NULL is answered for a pair
 * that no row has, which the caller treats as TEMPORARY_FAILURE. */
const struct clash_row *clash_find(uint32_t mine, enum clash_peer peer);

/* Does our exchange (our nonce, the answer's nonce) hold the lowest of the four? Octet by octet; a nonce that is the
 * beginning of another is the lower one (section 2.8.1). Then what our exchange made is redundant and ours to delete.
 */
bool clash_mine_lowest(slice my_ni, slice my_nr, slice peer_ni, slice peer_nr);

/* For tools/tablecheck: the rows (*n of them); their names; and whether each pair has exactly one row. On failure
 * false, and *mine, *peer name the pair. */
const struct clash_row *clash_rows(size_t *n);
const char *clash_mine_name(enum clash_mine m);
const char *clash_peer_name(enum clash_peer p);
const char *clash_verdict_name(enum clash_verdict v);
bool clash_check(enum clash_mine *mine, enum clash_peer *peer);

#endif
