/* SPDX-License-Identifier: Apache-2.0 */
/* Where the peer's request meets what we have under way: which row of the collision table it is, and what is answered.
 */
#include "ike/child_int.h"

static COUNTER(collisions, "ike.collisions", "requests of the peer that crossed something of ours under way");

struct ike_xch *child_rival_of(const struct ike_xch *x, const struct child_sa *c)
{
	struct ike_xch *tx = x->sa->tx;
	if (!tx || !tx->neg)
		return NULL;
	if (!c)
		return tx->story == STORY_IKE_REKEY ? tx : NULL;
	return tx->story == STORY_CHILD_REKEY && tx->neg->old == c->unique ? tx : NULL;
}

static uint32_t mine_in_flight(const struct ike_xch *tx, const struct child_sa *c)
{
	bool that = c && tx->neg && tx->neg->old == c->unique;
	switch (tx->story) {
	case STORY_INFO:
	case STORY_MOVE:
	case STORY_REACH:
	case STORY_REDIRECT:
		return 1u << CLASH_M_INFO;
	case STORY_CHILD_NEW:
		return 1u << CLASH_M_CHILD_CREATE;
	case STORY_CHILD_REKEY:
		return 1u << (that ? CLASH_M_CHILD_REKEY : CLASH_M_OTHER_REKEY);
	case STORY_CHILD_DELETE:
		return 1u << (that ? CLASH_M_CHILD_DELETE : CLASH_M_OTHER_DELETE);
	case STORY_IKE_REKEY:
		return 1u << CLASH_M_IKE_REKEY;
	case STORY_IKE_DELETE:
		return 1u << CLASH_M_IKE_DELETE;
	default:
		return 1u << CLASH_M_NONE;
	}
}

static enum clash_peer peers_exchange(uint8_t story)
{
	switch (story) {
	case STORY_CHILD_NEW:
		return CLASH_P_CHILD_CREATE;
	case STORY_CHILD_REKEY:
		return CLASH_P_CHILD_REKEY;
	case STORY_CHILD_DELETE:
		return CLASH_P_CHILD_DELETE;
	case STORY_IKE_REKEY:
		return CLASH_P_IKE_REKEY;
	case STORY_IKE_DELETE:
		return CLASH_P_IKE_DELETE;
	default:
		return CLASH_P_INFO;
	}
}

struct child_neg *child_awaited(const struct ike_sa *sa)
{
	const struct ike_xch *tx = sa->tx;
	return tx && (tx->story == STORY_CHILD_NEW || tx->story == STORY_CHILD_REKEY) ? tx->neg : NULL;
}

const struct clash_row *child_clash(const struct ike_xch *x, const struct child_sa *c, bool named)
{
	const struct ike_sa *sa = x->sa;
	enum clash_peer peer = peers_exchange(x->story);
	uint32_t mine = sa->tx ? mine_in_flight(sa->tx, c) : 0;
	if (sa->state == IKE_S_REKEYED)
		mine |= 1u << CLASH_M_IKE_REPLACED;
	if (sa->state == IKE_S_DELETING)
		mine |= 1u << CLASH_M_IKE_DELETE;
	if (named && !c)
		mine |= 1u << (child_awaited(sa) ? CLASH_M_CHILD_UNBORN : CLASH_M_CHILD_GONE);
	if (c && c->state == CHILD_S_REKEYED)
		mine |= 1u << CLASH_M_CHILD_REPLACED;
	/* A delete that only waits for its turn crosses nothing yet, but rekeying such a child is of no use. */
	if (c && c->state == CHILD_S_DELETING && peer == CLASH_P_CHILD_REKEY)
		mine |= 1u << CLASH_M_CHILD_DELETE;
	return clash_find(mine, peer);
}

enum verdict child_clash_answer(struct ike_xch *x, const struct clash_row *row)
{
	if (row && row->verdict <= CLASH_SILENT)
		return V_DONE;
	count_inc(&collisions);
	if (row && row->verdict == CLASH_NOT_FOUND)
		return ike_reject(x, E_CHILD_NOT_FOUND, "%s (RFC 7296 section %s)", row->story, row->rfc);
	return ike_reject(x, E_TEMPORARY, "%s (RFC 7296 section %s)", row ? row->story : "no row",
			  row ? row->rfc : "2.25");
}

void child_rival(struct ike_xch *ours, const struct child_neg *theirs)
{
	struct child_neg *n = ours->neg;
	count_inc(&collisions);
	n->rival = theirs->made;
	n->rival_sa = theirs->new_sa;
	n->rival_ni = arena_slice(&ours->arena, theirs->ni);
	n->rival_nr = arena_slice(&ours->arena, theirs->nr);
}

enum verdict child_collide(struct ike_xch *x)
{
	/* Those that name a child look at it themselves. */
	if (x->story == STORY_CHILD_REKEY || x->story == STORY_CHILD_DELETE || x->story == STORY_NONE)
		return V_DONE;
	const struct clash_row *row = child_clash(x, NULL, false);
	enum verdict v = child_clash_answer(x, row);
	if (v == V_DONE && row->verdict == CLASH_FORGET && x->sa->tx->story == STORY_IKE_REKEY)
		ike_rekey_forgotten(x->sa->tx);
	return v;
}
