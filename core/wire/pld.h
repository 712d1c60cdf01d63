/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside core/wire: the decoders, encoders and text writers that the payload facts (pld.c) are made of, one group per
 * pld_*.c. A decoder reads the body from r, puts the result into *m and need not look for bytes left over: the walker
 * does. It sets *why only when it knows more than the error's own sentence.
 */
#ifndef ADIT_WIRE_PLD_H
#define ADIT_WIRE_PLD_H

#include "wire/out.h"

/* Room for one more item in an arena array of *n items, which may move; *n is counted up. NULL: no memory. */
void *pld_push(struct arena *a, void **v, uint16_t *n, size_t size);
/* The item of a payload that comes once, E_NOMEM. */
#define PLD_ONE(m, field) ((m)->field = arena_get((m)->arena, sizeof *(m)->field))

#define PLD_DECODE(name) err_t pld_##name##_decode(struct ike_msg *m, struct rd *r, struct diag **why)
#define PLD_ENCODE(name) void pld_##name##_encode(struct ike_out *o, const struct ike_msg *m, uint16_t i)
#define PLD_TEXT(name) void pld_##name##_text(struct text *t, const struct ike_msg *m, uint16_t i)

PLD_DECODE(sa);
PLD_ENCODE(sa);
PLD_DECODE(ke);
PLD_ENCODE(ke);
PLD_DECODE(nonce);
PLD_ENCODE(nonce);
PLD_DECODE(idi);
PLD_ENCODE(idi);
PLD_DECODE(idr);
PLD_ENCODE(idr);
PLD_DECODE(cert);
PLD_ENCODE(cert);
PLD_DECODE(certreq);
PLD_ENCODE(certreq);
PLD_DECODE(auth);
PLD_ENCODE(auth);
PLD_DECODE(notify);
PLD_ENCODE(notify);
PLD_TEXT(notify);
PLD_DECODE(delete);
PLD_ENCODE(delete);
PLD_DECODE(vid);
PLD_ENCODE(vid);
PLD_DECODE(tsi);
PLD_ENCODE(tsi);
PLD_DECODE(tsr);
PLD_ENCODE(tsr);
PLD_DECODE(cp);
PLD_ENCODE(cp);
PLD_TEXT(cp);
PLD_DECODE(eap);
PLD_ENCODE(eap);
PLD_TEXT(eap);
PLD_DECODE(sk);
PLD_DECODE(skf);
PLD_TEXT(skf);

#endif
