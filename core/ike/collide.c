/* SPDX-License-Identifier: Apache-2.0 */
/* The collision table: see collide.h. */
#include "ike/collide.h"

#define M(x) (1u << CLASH_M_##x)

/* Things of ours that concern neither that child nor the IKE SA as a whole. */
#define M_IDLE (M(NONE) | M(INFO))
#define M_ELSEWHERE (M(OTHER_REKEY) | M(OTHER_DELETE))
/* That child is not here. */
#define M_ABSENT (M(CHILD_GONE) | M(CHILD_UNBORN))
#define M_ON_CHILDREN (M(CHILD_CREATE) | M(CHILD_REKEY) | M(CHILD_DELETE) | M_ELSEWHERE)

static const struct clash_row rows[] = {
	/* a check whether we live */
	{ (1u << CLASH_M_END) - 1, CLASH_P_INFO, CLASH_ACCEPT, "2.4",
	  "a liveness check is answered whatever is under way" },

	/* the peer creates a child SA */
	{ M_IDLE | M_ON_CHILDREN | M(CHILD_REPLACED) | M_ABSENT, CLASH_P_CHILD_CREATE, CLASH_ACCEPT, "1.3.1",
	  "a new child SA does not touch the others" },
	{ M(IKE_REKEY), CLASH_P_CHILD_CREATE, CLASH_TEMPORARY, "2.25.2",
	  "we rekey the IKE SA: the peer creates its child SA on the new one" },
	{ M(IKE_REPLACED), CLASH_P_CHILD_CREATE, CLASH_TEMPORARY, "2.25.2",
	  "this IKE SA was replaced: the peer creates its child SA on the new one" },
	{ M(IKE_DELETE), CLASH_P_CHILD_CREATE, CLASH_TEMPORARY, "2.25.2",
	  "we close the IKE SA: nothing is created on it any more" },

	/* the peer rekeys a child SA */
	{ M_IDLE | M(CHILD_CREATE) | M_ELSEWHERE, CLASH_P_CHILD_REKEY, CLASH_ACCEPT, "1.3.3",
	  "that child SA is not being changed by us" },
	{ M(CHILD_REKEY), CLASH_P_CHILD_REKEY, CLASH_COMPARE, "2.8.1",
	  "both rekey the same child SA: both new ones come up, the one with the lowest nonce is closed by its maker" },
	{ M(CHILD_DELETE), CLASH_P_CHILD_REKEY, CLASH_TEMPORARY, "2.25.1",
	  "we close that child SA: no use to rekey it" },
	{ M(CHILD_REPLACED), CLASH_P_CHILD_REKEY, CLASH_TEMPORARY, "2.25.1",
	  "that child SA was rekeyed already and only waits for its delete" },
	{ M(CHILD_GONE), CLASH_P_CHILD_REKEY, CLASH_NOT_FOUND, "2.25.1",
	  "that child SA does not exist here: the peer forgets it" },
	{ M(CHILD_UNBORN), CLASH_P_CHILD_REKEY, CLASH_TEMPORARY, "2.25",
	  "the answer that brings that child SA is still on its way to us: the peer tries again" },
	{ M(IKE_REKEY), CLASH_P_CHILD_REKEY, CLASH_TEMPORARY, "2.25.2",
	  "we rekey the IKE SA: the peer rekeys its child SA on the new one" },
	{ M(IKE_REPLACED), CLASH_P_CHILD_REKEY, CLASH_TEMPORARY, "2.25.2",
	  "this IKE SA was replaced: the child SAs live on the new one" },
	{ M(IKE_DELETE), CLASH_P_CHILD_REKEY, CLASH_TEMPORARY, "2.25.2", "we close the IKE SA and all its child SAs" },

	/* the peer deletes a child SA */
	{ M_IDLE | M(CHILD_CREATE) | M_ELSEWHERE, CLASH_P_CHILD_DELETE, CLASH_ACCEPT, "1.4.1",
	  "our half of the pair is deleted and named in the answer" },
	{ M(CHILD_REKEY), CLASH_P_CHILD_DELETE, CLASH_ACCEPT, "2.25.1",
	  "deleted although we rekey it: our rekeying will be refused, or makes the one that stays" },
	{ M(CHILD_DELETE), CLASH_P_CHILD_DELETE, CLASH_SILENT, "1.4.1",
	  "both delete the same child SA: each has named its half in its request, the answers name none" },
	{ M(CHILD_REPLACED), CLASH_P_CHILD_DELETE, CLASH_ACCEPT, "2.8", "the end of a rekeying of the peer" },
	{ M(CHILD_GONE), CLASH_P_CHILD_DELETE, CLASH_SILENT, "2.25.1",
	  "there is no such child SA any more: nothing to name in the answer" },
	{ M(CHILD_UNBORN), CLASH_P_CHILD_DELETE, CLASH_SILENT, "2.25.1",
	  "deleted before the answer that brings it has reached us: noted, and not set up when the answer comes" },
	{ M(IKE_REKEY), CLASH_P_CHILD_DELETE, CLASH_ACCEPT, "2.25.2",
	  "a child SA may go while the IKE SA is rekeyed: it is not inherited" },
	{ M(IKE_REPLACED), CLASH_P_CHILD_DELETE, CLASH_SILENT, "2.25.2",
	  "the child SAs have moved to the new IKE SA: on this one there is none to delete" },
	{ M(IKE_DELETE), CLASH_P_CHILD_DELETE, CLASH_ACCEPT, "2.25.1", "it goes with the IKE SA anyway" },

	/* the peer rekeys the IKE SA */
	{ M_IDLE | M(CHILD_REPLACED) | M_ABSENT, CLASH_P_IKE_REKEY, CLASH_ACCEPT, "1.3.2",
	  "nothing of ours is under way on this IKE SA" },
	{ M_ON_CHILDREN, CLASH_P_IKE_REKEY, CLASH_TEMPORARY, "2.25.2",
	  "we create, rekey or close a child SA on it: the peer tries again when that is over" },
	{ M(IKE_REKEY), CLASH_P_IKE_REKEY, CLASH_COMPARE, "2.8.1",
	  "both rekey the IKE SA: both new ones come up, the one with the lowest nonce is closed by its maker, the "
	  "other "
	  "inherits the child SAs" },
	{ M(IKE_REPLACED), CLASH_P_IKE_REKEY, CLASH_TEMPORARY, "2.25.2",
	  "this IKE SA was replaced and only waits for its delete" },
	{ M(IKE_DELETE), CLASH_P_IKE_REKEY, CLASH_TEMPORARY, "2.25.2", "we close the IKE SA: no use to rekey it" },

	/* the peer deletes the IKE SA */
	{ M_IDLE | M_ON_CHILDREN | M(CHILD_REPLACED) | M_ABSENT, CLASH_P_IKE_DELETE, CLASH_FORGET, "1.4.1",
	  "all of the IKE SA goes, and what we had under way on it" },
	{ M(IKE_REKEY), CLASH_P_IKE_DELETE, CLASH_FORGET, "2.25.2",
	  "our rekeying is forgotten; when the peer's own rekeying was answered, its new SA is the one that stays" },
	{ M(IKE_REPLACED), CLASH_P_IKE_DELETE, CLASH_ACCEPT, "2.8", "the end of a rekeying" },
	{ M(IKE_DELETE), CLASH_P_IKE_DELETE, CLASH_FORGET, "2.25.2",
	  "both close it: answered as usual, our own request is forgotten" },
};

const struct clash_row *clash_rows(size_t *n)
{
	*n = ARRAY_LEN(rows);
	return rows;
}

const struct clash_row *clash_find(uint32_t mine, enum clash_peer peer)
{
	const struct clash_row *best = NULL;
	if (!mine)
		mine = M(NONE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].peer == peer && (rows[i].mine & mine) && (!best || rows[i].verdict > best->verdict))
			best = &rows[i];
	return best;
}

bool clash_check(enum clash_mine *mine, enum clash_peer *peer)
{
	for (unsigned m = 0; m < CLASH_M_END; m++)
		for (unsigned p = 0; p < CLASH_P_END; p++) {
			unsigned hits = 0;
			for (size_t i = 0; i < ARRAY_LEN(rows); i++)
				hits += rows[i].peer == p && (rows[i].mine & 1u << m);
			if (hits != 1) {
				*mine = (enum clash_mine)m;
				*peer = (enum clash_peer)p;
				return false;
			}
		}
	return true;
}

static int nonce_cmp(slice a, slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;
	return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool clash_mine_lowest(slice my_ni, slice my_nr, slice peer_ni, slice peer_nr)
{
	slice mine = nonce_cmp(my_ni, my_nr) < 0 ? my_ni : my_nr;
	slice peers = nonce_cmp(peer_ni, peer_nr) < 0 ? peer_ni : peer_nr;
	return nonce_cmp(mine, peers) < 0;
}

static const char *const mine_names[CLASH_M_END] = {
	"nothing",
	"informational",
	"child create",
	"rekey of that child",
	"delete of that child",
	"that child replaced",
	"that child gone",
	"that child not here yet",
	"rekey of another child",
	"delete of another child",
	"IKE rekey",
	"IKE SA replaced",
	"IKE delete",
};

static const char *const peer_names[CLASH_P_END] = {
	"informational", "child create", "child rekey", "child delete", "IKE rekey", "IKE delete",
};

static const char *const verdict_names[] = {
	[CLASH_ACCEPT] = "accept", [CLASH_COMPARE] = "accept, compare nonces", [CLASH_FORGET] = "accept, forget ours",
	[CLASH_SILENT] = "answer without Delete", [CLASH_NOT_FOUND] = "CHILD_SA_NOT_FOUND",
	[CLASH_TEMPORARY] = "TEMPORARY_FAILURE",
};

const char *clash_mine_name(enum clash_mine m)
{
	return (unsigned)m < ARRAY_LEN(mine_names) ? mine_names[m] : "?";
}

const char *clash_peer_name(enum clash_peer p)
{
	return (unsigned)p < ARRAY_LEN(peer_names) ? peer_names[p] : "?";
}

const char *clash_verdict_name(enum clash_verdict v)
{
	return v > 0 && (unsigned)v < ARRAY_LEN(verdict_names) ? verdict_names[v] : "?";
}
