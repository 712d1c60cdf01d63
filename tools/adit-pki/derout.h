/* SPDX-License-Identifier: Apache-2.0 */
/* What is written as DER because GnuTLS has no function for it: CRLs with reasons and deltas, OCSP answers, CMS. */
#ifndef ADIT_PKI_DEROUT_H
#define ADIT_PKI_DEROUT_H

#include "build.h"
#include "plugins/x509/der.h"

/* A growing buffer behind a cursor: out of memory ends the program. Freed with free(buf.base). */
struct wr der_new(size_t cap);
/* `body` as the contents of a new element; body is freed. */
struct wr der_wrap(uint8_t tag, struct wr body);
void der_put_time(struct wr *w, int64_t t);
/* GeneralizedTime alone (OCSP). */
void der_put_gtime(struct wr *w, int64_t t);
/* INTEGER of a number that is not negative. */
void der_put_number(struct wr *w, uint64_t v);
/* Extension with these contents. */
void der_put_ext(struct wr *w, const char *oid, bool critical, slice value);
void der_put_oid(struct wr *w, const char *oid);

/* AlgorithmIdentifier of a signature; empty: none that is made here. */
slice der_sign_alg(gnutls_sign_algorithm_t alg);
/* SEQUENCE { tbs, algorithm, signature, more }: false: said. out is freed by the caller. */
bool der_sign(const struct pki *p, slice tbs, slice more, gnutls_privkey_t key, gnutls_digest_algorithm_t digest,
	      struct wr *out);

struct crl_entry {
	uint8_t serial[64];
	size_t n_serial;
	int64_t at;
	int reason; /* -1 none */
};

/* Freed with free(list.v). A serial number stands there once. False: said. */
struct crl_list {
	struct crl_entry *v;
	size_t n;
};
bool crl_list_add(const struct pki *p, struct crl_list *l, slice serial, int64_t at, int reason);
/* The entries of a CRL that the plugin has read without complaint. */
bool crl_list_read(const struct pki *p, struct crl_list *l, slice der);

struct crl_plan {
	gnutls_x509_crt_t issuer;
	gnutls_privkey_t key;
	gnutls_digest_algorithm_t digest;
	const struct crl_entry *v;
	size_t n;
	int64_t this_update, next_update;
	uint64_t number;
	bool delta;
	uint64_t base;
	const char *fresh_uri; /* where the deltas of this complete CRL are, NULL none */
};
bool der_crl(const struct pki *p, const struct crl_plan *plan, struct wr *out);

/* "keyCompromise" or "1" to its number, -1: unknown. */
int der_reason(const char *text);
const char *der_reason_name(int reason);

/* ---- OCSP ---- */

struct ocsp_plan {
	gnutls_x509_crt_t issuer;
	gnutls_x509_crt_t signer;      /* may be the issuer */
	gnutls_privkey_t key;
	gnutls_digest_algorithm_t digest;
	int64_t now, next_update;      /* 0: none */
	/* State of a serial number: 0 good, 1 revoked (entry filled), 2 unknown. */
	int (*look)(void *arg, slice serial, struct crl_entry *out);
	void *arg;
};
/* The answer to a request; a bad request is answered with its error status. false: said, nothing made. */
bool der_ocsp_answer(const struct pki *p, slice request, const struct ocsp_plan *plan, struct wr *out);

#endif
