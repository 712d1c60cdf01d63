/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Encrypted payload SK and its fragment form SKF: seal and open in place (RFC 7296 section 3.14, RFC 5282,
 * RFC 7383 section 2.5). Contexts of the providers live on the stack for one message; an SA keeps key bytes only.
 * Any thread (two threads need two IV counters); nothing waits; nothing is allocated here.
 *
 * A message in the buffer:   IKE header | … | SK generic header (SKF: and its 4 bytes) | IV | inner | padding | ICV
 *                            0                payload_at                                body_at
 */
#ifndef ADIT_CRYPTO_SK_H
#define ADIT_CRYPTO_SK_H

#include "crypto/crypto.h"
#include "crypto/keymat.h"

/* Keys of one direction. Borrowed from the SA. */
struct sk_key {
	const struct encr_ops *encr;
	const struct mac_ops *integ; /* NULL with an AEAD */
	slice encr_key;              /* with salt */
	slice integ_key;
};

/* The keys of what the initiator of the IKE SA sends, or of what its responder sends. */
struct sk_key sk_key_of(const struct crypto_algs *algs, const struct ike_keys *keys, bool by_initiator);

/* Where the first inner payload is written: body_at plus the IV. */
static inline size_t sk_inner_at(const struct sk_key *k, size_t body_at)
{
	return body_at + k->encr->iv_len;
}

/* Bytes of the whole message when `n_inner` bytes of payloads are sealed. */
size_t sk_sealed_len(const struct sk_key *k, size_t body_at, size_t n_inner);
/* Most inner bytes that fit in a message of `cap` bytes (for fragments); 0 when nothing does. */
size_t sk_inner_max(const struct sk_key *k, size_t body_at, size_t cap);

/* Seals: the header, everything up to body_at and the inner payloads at sk_inner_at() are in place, next-payload
 * fields included. Fills in the length of the IKE header (bytes 24 to 27), the length of the payload at payload_at,
 * IV, padding and ICV; *n_msg is the length of the message. *iv_counter belongs to this key (one per SA and
 * direction, from 0) and is counted up: with AEAD and counter modes it is the IV, so it must never go back under the
 * same key. CBC takes a random IV. E_SPACE when cap is too small, E_LIMIT when the key is used up: rekey. */
MUST err_t sk_seal(const struct crypto *c, const struct sk_key *k, uint64_t *iv_counter, uint8_t *msg, size_t cap,
	size_t payload_at, size_t body_at, size_t n_inner, size_t *n_msg);

/* Opens a message of n_msg bytes; the SK payload has to be its last and end with it (the caller's decoder has seen
 * to both). *inner points at the decrypted payloads in msg, without padding. E_INTEGRITY, E_TRUNCATED: not from the
 * peer (drop, no answer); E_SYNTAX: the peer's padding is wrong. After an error the bytes behind body_at are spoilt. */
MUST err_t sk_open(const struct sk_key *k, uint8_t *msg, size_t n_msg, size_t body_at, slice *inner);

#endif
