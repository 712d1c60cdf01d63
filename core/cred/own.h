/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which certificate and key of ours prove an identity to a peer, and which certificates go along. Owner thread of the set;
 * nothing waits.
 */
#ifndef ADIT_CRED_OWN_H
#define ADIT_CRED_OWN_H

#include "cred/set.h"

enum { CRED_CHAIN_MAX = 8 };

struct cred_own_ask {
	const struct conf_auth *round;
	struct cert_name id;
	slice cas;       /* of the peer, 20 bytes each; empty: any */
	uint32_t hashes; /* the peer announced */
	int64_t now_s;
	/* Can this key make this signature? NULL: every one. */
	bool (*can)(void *arg, const struct cred_key *k, const struct cred_scheme *s);
	void *arg;
};

struct cred_own {
	const struct cred_key *key; /* borrowed from the set */
	const struct cred_scheme *scheme;
	struct cert *cert;          /* a reference; NULL: a raw public key */
	struct cert *chain[CRED_CHAIN_MAX]; /* intermediates upwards, without the anchor; references */
	size_t n_chain;
	bool below;                 /* under one of the CAs the peer asks for, or it asks for none */
};

/* E_NO_KEY, E_CERT_NAME, E_CERT_CONSTRAINT with cause and remedy in why. *out is to be given to cred_own_fini. */
MUST err_t cred_own_find(struct cred_set *s, const struct cred_own_ask *ask, struct cred_own *out, struct cert_why *why);
void cred_own_fini(struct cred_set *s, struct cred_own *o);

#endif
