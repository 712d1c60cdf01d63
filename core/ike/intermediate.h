/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE_INTERMEDIATE (RFC 9242) with the additional key exchanges of an IKE SA's set-up (RFC 9370 section 2.2.2). Inside of
 * core/ike.
 *
 * Between IKE_SA_INIT and IKE_AUTH each additional method of the suite has an exchange of its own, protected with the
 * keys of the step before; after it all keys of the SA are made anew. The states are MORE_I and MORE_R; FACT_KE_DONE is
 * proven by the last one, so that no IKE_AUTH is sent or taken before. Every message of these exchanges goes into the
 * octets that AUTH covers.
 */
#ifndef ADIT_IKE_INTERMEDIATE_H
#define ADIT_IKE_INTERMEDIATE_H

#include "ike/engine_int.h"

/* One additional key exchange. */
extern const struct task_ops task_more;

/* Does one of the proposals ask for additional key exchanges? */
bool more_proposed(const struct conf_conn *c);
/* After the first key exchange: which additional ones follow. True: x is followed by IKE_INTERMEDIATE. */
bool more_begin(struct ike_sa *sa);
/* A message of ours in `out`, before it is sealed: taken into the octets of AUTH. */
MUST err_t more_seen_ours(struct ike_sa *sa, const struct ike_out *out);
/* Responder: the peer's next request is protected with the keys that the last answer made. */
void more_keys_due(struct ike_sa *sa);
/* IntAuth of RFC 9242 section 3.3.2, what AUTH covers beside the first message, nonce and identity; empty when there was
 * no IKE_INTERMEDIATE. Lives in the SA's set-up. */
slice more_int_auth(const struct ike_sa *sa);

#endif
