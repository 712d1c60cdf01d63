/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What trust.c (rounds of verification), trust_get.c (what is fetched and kept between them) and trust_url.c (certificates
 * that come as hash and URL) share. Loop thread, but
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
	bool running, own;         /* own: OCSP about a certificate of ours */
	uint64_t started_ms;
	int64_t renew_s, used_s, came_s; /* of a CRL: when it is fetched again; when it was last wanted; when it came */
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

/* A certificate payload of a peer that is looked up. */
struct part {
	bool url;                  /* it came as hash and URL */
	struct lookup *wait;
	slice der;                 /* what was at the URL, in the arena */
	const char *why;           /* or why it cannot be had, in the arena */
};

struct trust {
	struct work work;
	struct trust *next;
	struct trusts *ts;
	struct arena arena;
	struct ike_auth_ask *ask;
	struct cred_trust t;
	char fetch_why[500];        /* why something could not be fetched */
	unsigned rounds;
	bool in_worker, soft;
	uint64_t until_ms, soft_ms;
	struct waits *waits;        /* what is under way for it */
	struct tried *tried;        /* addresses it has asked; in the arena */
	struct cert *fetched[MINE_MAX], *known[MINE_MAX];
	struct cert_ocsp ocsp[MINE_MAX];
	size_t n_fetched, n_known, n_ocsp;
	struct part *parts;         /* one per payload; in the arena */
	unsigned n_parts_wait;
	struct cert_crl *crls[MINE_MAX]; /* of bundles */
	size_t n_crls;
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
	struct lookup *lookups;     /* URLs of certificates under way */
	unsigned n_lookups;
	struct kept_url *urls, **urls_end; /* the oldest first */
	struct htab *url_of;        /* encoding and SHA-1 -> struct kept_url */
	unsigned n_urls;
	size_t url_bytes;
	struct loop_timer *look;    /* runs while somebody waits */
	bool looking;
};

static inline int64_t trust_wall(void)
{
	return (int64_t)time(NULL);
}

/* One verification with all that is here now; may end x. */
void trust_start(struct trust *x);
/* Everything the peer sent is here: the first verification. */
void trust_begin(struct trust *x);
/* The verdict: the engine is told, x is gone. */
void trust_finish(struct trust *x, err_t e, const char *why);
/* Fetches what the report wants, unless it is under way or was tried: then x waits for it (x->waits). */
void trust_want(struct trust *x, const struct cert_want *w);
/* OCSP answers that are kept, or that the peer sent, for the certificates of x. */
void trust_take_ocsp(struct trust *x);
/* Fetches CRLs again that end soon; forgets those nobody asked for. */
void trust_renew(struct trusts *ts);
/* Takes it out of the list; it must not be under way. */
void trust_get_drop(struct trusts *ts, struct get *g);

/* ---- trust_url.c ---- */

MUST err_t trust_urls_new(struct trusts *ts);
void trust_urls_free(struct trusts *ts);
/* Looks up what the peer sent as hash and URL, then begins; x may be gone afterwards. */
void trust_urls(struct trust *x);

#endif
