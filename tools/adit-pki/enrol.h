/* SPDX-License-Identifier: Apache-2.0 */
/* Getting a certificate from a CA over the network: EST (RFC 7030) and SCEP (RFC 8894). Waits. What fails is said. */
#ifndef ADIT_PKI_ENROL_H
#define ADIT_PKI_ENROL_H

#include "build.h"
#include "http.h"

struct enrol {
	const struct pki *p;
	const char *url;      /* EST: https://host[:port][/label]; SCEP: the whole address of the server */
	const char *trust;    /* file of trust anchors for https, and for the issued certificate */
	const char *user, *password_file;
	const char *cert, *key; /* ours: for https, and what is renewed */
	const char *challenge_file; /* SCEP: one-time password */
};

/* The CA certificates as PEM blocks into a file. fingerprint: SHA-256 of the one that has to be among them (first
 * contact, when there is no trust yet), or NULL. */
int est_cacerts(const struct enrol *e, const char *fingerprint, const char *out);
/* Asks for a certificate for the request; again: simplereenroll. DER of the certificate, freed with gnutls_free. PKI_…
 */
int est_enrol(const struct enrol *e, gnutls_x509_crq_t crq, gnutls_privkey_t key, bool again, gnutls_datum_t *crt);
/* A request that repeats names and purposes of a certificate, for this key. NULL: said. */
gnutls_x509_crq_t enrol_again(const struct pki *p, gnutls_x509_crt_t crt, gnutls_privkey_t key);
/* Of the certificates in a PKCS #7 (DER or base64) the one for this key. PKI_… */
int enrol_pick(const struct pki *p, slice answer, gnutls_privkey_t key, gnutls_datum_t *crt);
/* SCEP: asks for a certificate with the names of b for this RSA key; signer and CA are checked against e->trust. PKI_…
 */
int scep_enrol(const struct enrol *e, struct build *b, gnutls_privkey_t key, gnutls_datum_t *crt);

#endif
