/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which shared secret two peers have, and is it strong enough. The order of the look-up:
 *
 *   1. by the peer's identity, when it is known: the initiator knows the one its connection names, the responder the one
 *      that came in IKE_AUTH;
 *   2. initiator alone: by the name of the peer's host as the configuration writes it (never resolved);
 *   3. by the peer's address;
 *   4. a secret for our identity alone, or for everybody.
 *
 * Of several on one step the most exact owner wins (equal before wildcard, the longer prefix or suffix first), then the
 * one that names us, too, then the one that was loaded first. A secret that names others beside us is not taken for a
 * peer it does not name. Pure functions; nothing waits.
 */
#ifndef ADIT_CONFIG_PSK_H
#define ADIT_CONFIG_PSK_H

#include "config/conn.h"

enum conf_psk_by { CONF_PSK_ANY = 0, CONF_PSK_OWN, CONF_PSK_ADDRESS, CONF_PSK_HOST, CONF_PSK_ID };

struct conf_psk_ask {
	uint8_t my_type, peer_type;  /* 0: not known */
	slice my_id, peer_id;
	const char *const *hosts;    /* names the peer was called by, NULL-terminated (addresses among them are passed over);
	                              * NULL: it called us */
	const struct net_addr *addr; /* of the peer; NULL: unknown */
	bool of_peer;                /* what the peer proves itself with; else what we do */
	const char *kind;            /* of the secret; NULL: "IKE" */
	bool anyone;                 /* whosever it is: is there one at all? */
};

struct conf_psk {
	slice data;                  /* borrowed until the next change */
	const char *name;            /* of the secret, also borrowed */
	uint8_t by;                  /* enum conf_psk_by */
	uint32_t score;              /* of two answers to one question the higher is the better */
};

/* The IKE secret that fits best; false: there is none. */
bool conf_secrets_psk(const struct conf_secrets *s, const struct conf_psk_ask *ask, struct conf_psk *out);
/* "the peer's identity", "the peer's address"…: for the log. */
const char *conf_psk_by_text(uint8_t by);

/* How many bits somebody would have to try: a text is taken as chosen at random out of the 94 printable characters
 * (digits alone: out of 10, letters of one case: out of 26), other bytes as random. */
unsigned conf_psk_bits(slice data);
/* The letters a random text of that strength has. */
unsigned conf_psk_chars(unsigned bits);

/* Is a secret of this connection (only: the one of this name; NULL any) weaker than the proposal it would rather have? One
 * sentence in buf, else false. */
bool conf_psk_weak(const struct conf_conn *c, const struct conf_secrets *s, const char *only, char *buf, size_t cap);

#endif
