/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a peer who it says it is? Everything that is known now against its AUTH payload and certificates: one pure function
 * that runs on a crypto worker. What would have to be fetched to decide better stands in the report's wants; the caller
 * (core/daemon/trust.c) gets it and asks again.
 */
#ifndef ADIT_CRED_TRUST_H
#define ADIT_CRED_TRUST_H

#include "cred/set.h"
#include "ike/engine.h"

enum {
	CRED_PEER_CERTS_MAX = 32, /* of one peer, also out of bundles */
	CRED_CERT_BYTES_MAX = 65536
};

struct cred_trust {
	/* in; everything stays as long as the struct */
	const struct crypto *crypto;
	struct cred_pool *pool;
	const struct conf_auth *round;  /* what the connection wants of the peer */
	const struct ike_auth_ask *ask;
	struct cert *const *known;      /* certificates of the host's set that may be the peer's, when it sends none */
	size_t n_known;
	struct cert *const *fetched;    /* issuers that were fetched */
	size_t n_fetched;
	struct cert_crl *const *crls;   /* beside those of the pool */
	size_t n_crls;
	const struct cert_ocsp *ocsp;
	size_t n_ocsp;
	const uint8_t *anchor_rev_mode; /* as cert_verify has it, for the pool's anchors; NULL none */
	int64_t now_s;

	/* out */
	err_t err;
	char why[640];                  /* one sentence with cause and remedy */
	char scheme[48];
	struct cert *certs[CRED_PEER_CERTS_MAX]; /* what the peer sent, the leaf first; references */
	size_t n_certs;
	struct cert_report *report;     /* NULL for raw public keys and pinned certificates */
	uint64_t valid_until_s;
};

void cred_trust_run(struct cred_trust *t);
/* Releases what run() made; it can then run again. */
void cred_trust_clear(struct cred_trust *t);

#endif
