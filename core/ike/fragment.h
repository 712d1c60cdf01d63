/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE fragmentation (RFC 7383) in the engine: announced in IKE_SA_INIT, messages cut to fragments that fit in one
 * datagram each, fragments put together. Inside of core/ike.
 *
 * A message is cut when it would make a larger IP packet than `fragment_size`. When it has to be sent a third time, and
 * when the peer had to cut its own request smaller, ours is cut anew into the smallest packets every path carries.
 * Fragments are taken from peers that announced it alone, each with its own ICV and within the window of message IDs;
 * bounds per message are those of wire/frag.h. What half a request holds is counted over all SAs, bounded, and freed
 * after half a minute.
 */
#ifndef ADIT_IKE_FRAGMENT_H
#define ADIT_IKE_FRAGMENT_H

#include "ike/engine_int.h"
#include "wire/frag.h"

/* IKEV2_FRAGMENTATION_SUPPORTED in both directions. */
extern const struct task_ops task_frag;

/* Seals the message in `out` (in the engine's buffer, begun with header h) into a packet of one or more datagrams.
 * peer_bytes: the largest fragment of the request that is answered, 0 it was none; ours are no larger, since the peer
 * may know the path better. */
MUST err_t frag_seal(struct ike_engine *e, struct ike_sa *sa, const struct ike_hdr *h, struct ike_out *out,
	size_t peer_bytes, struct ike_packet **packet);
/* Cuts a packet of ours that is kept anew, as small as it has to be; it stays when it is that small, or on any error. */
void frag_smaller(struct ike_engine *e, struct ike_sa *sa, struct ike_packet **packet);

/* An opened fragment in x->in, with its contents. 0: the message is whole, *plain and *first are its contents (in the
 * exchange's arena of the message); E_AGAIN: some are missing still; else the message is hopeless. */
MUST err_t frag_take(struct ike_xch *x, slice fragment, slice *plain, uint8_t *first, struct diag **why);
/* The peer's request in x is whole: its in_hash becomes that of fragment 1, which tells it when it comes again. */
void frag_request_whole(struct ike_xch *x);
/* Forgets what is half there of a request. */
void frag_drop(struct ike_engine *e, struct ike_sa *sa);

#endif
