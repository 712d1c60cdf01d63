/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What trust.c (rounds of verification) and trust_get.c (what is fetched and kept between them) share. Loop thread, but
 * for the body of struct get and struct cred_trust while a worker has them.
 */
#ifndef ADIT_DAEMON_TRUST_INT_H
#define ADIT_DAEMON_TRUST_INT_H

#include "daemon/creds.h"

#include "base/count.h"
#include "base/htab.h"

#include <time.h>

enum { MINE_MAX = 16 /* answers and certificates kept for one peer alone */ };

/* Something that is or was fetched. */
struct get {
	struct get *next;
	struct work work;          /* reading what came */
	struct trusts *ts;
	uint8_t kind;              /* enum cert_want_kind */
	bool running;
	uint64_t started_ms;
	int64_t renew_s, used_s;   /* of a CRL: when it is fetched again; when it was last wanted */
	struct cert *cert, *issuer; /* OCSP; references */
	uint8_t *body;
	size_t n_body;
	struct cert_crl *crl;      /* read from the body */
	struct cert_objects *objects;
	struct cert_ocsp_answer answer;
	err_t err;
	char why[320];
	char url[];
};

struct kept_ocsp {
	struct kept_ocsp *next;
	uint8_t sha256[32];        /* of the certificate */
	int64_t until_s;
	size_t n;
	uint8_t der[];
};

struct waits {
	struct get *get;
	struct waits *next;
};

struct tried {
	struct tried *next;
	const char *url;
	uint8_t kind;
};

struct trust {
	struct work work;
	struct trust *next;
	struct trusts *ts;
	struct arena arena;
	struct ike_auth_ask *ask;
	struct cred_trust t;
	char fetch_why[400];        /* why something could not be fetched */
	unsigned rounds;
	bool in_worker, soft;
	uint64_t until_ms, soft_ms;
	struct waits *waits;        /* what is under way for it */
	struct tried *tried;        /* addresses it has asked; in the arena */
	struct cert *fetched[MINE_MAX], *known[MINE_MAX];
	struct cert_ocsp ocsp[MINE_MAX];
	size_t n_fetched, n_known, n_ocsp;
};

struct trusts {
	struct creds *c;
	struct trust *all;
	unsigned n;
	struct get *gets;
	unsigned n_gets;
	struct htab *ocsp_of;       /* SHA-256 of a certificate -> struct kept_ocsp */
	struct kept_ocsp *ocsp;
	unsigned n_ocsp;
	struct loop_timer *look;    /* runs while somebody waits */
	bool looking;
};

static inline int64_t trust_wall(void)
{
	return (int64_t)time(NULL);
}

/* One verification with all that is here now; may end x. */
void trust_start(struct trust *x);
/* Fetches what the report wants, unless it is under way or was tried: then x waits for it (x->waits). */
void trust_want(struct trust *x, const struct cert_want *w);
/* OCSP answers that are kept, or that the peer sent, for the certificates of x. */
void trust_take_ocsp(struct trust *x);
/* Fetches CRLs again that end soon; forgets those nobody asked for. */
void trust_renew(struct trusts *ts);
/* Takes it out of the list; it must not be under way. */
void trust_get_drop(struct trusts *ts, struct get *g);

#endif
