/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes into a certificate or request: the options of self, req, issue and ca, and writing them with GnuTLS. One
 * thread. Everything that fails is said on standard error.
 */
#ifndef ADIT_PKI_BUILD_H
#define ADIT_PKI_BUILD_H

#include "pki.h"

#include <getopt.h>

enum build_option {
	B_DN = 1000,
	B_CN,
	B_OU,
	B_O,
	B_CITY,
	B_STATE,
	B_POSTAL,
	B_COUNTRY,
	B_SAN,
	B_USAGE,
	B_EKU,
	B_CA,
	B_PATH_LEN,
	B_LIFETIME,
	B_NOT_BEFORE,
	B_NOT_AFTER,
	B_SERIAL,
	B_DIGEST,
	B_PSS,
	B_CRL,
	B_OCSP,
	B_ISSUER_URI,
	B_POLICY,
	B_PERMIT,
	B_EXCLUDE,
	B_END
};

/* Rows for getopt_long; a command adds its own before it. */
#define BUILD_OPTIONS \
	{ "dn", 1, NULL, B_DN }, { "cn", 1, NULL, B_CN }, { "ou", 1, NULL, B_OU }, { "o", 1, NULL, B_O }, \
		{ "city", 1, NULL, B_CITY }, { "state", 1, NULL, B_STATE }, { "postal-code", 1, NULL, B_POSTAL }, \
		{ "country", 1, NULL, B_COUNTRY }, { "san", 1, NULL, B_SAN }, { "usage", 1, NULL, B_USAGE }, \
		{ "eku", 1, NULL, B_EKU }, { "ca", 0, NULL, B_CA }, { "path-len", 1, NULL, B_PATH_LEN }, \
		{ "lifetime", 1, NULL, B_LIFETIME }, { "not-before", 1, NULL, B_NOT_BEFORE }, \
		{ "not-after", 1, NULL, B_NOT_AFTER }, { "serial", 1, NULL, B_SERIAL }, \
		{ "digest", 1, NULL, B_DIGEST }, { "pss", 0, NULL, B_PSS }, { "crl-uri", 1, NULL, B_CRL }, \
		{ "ocsp-uri", 1, NULL, B_OCSP }, { "ca-uri", 1, NULL, B_ISSUER_URI }, { "policy", 1, NULL, B_POLICY }, \
		{ "permit", 1, NULL, B_PERMIT }, \
	{ \
		"exclude", 1, NULL, B_EXCLUDE \
	}

#define BUILD_USAGE_NAMES \
	"  --dn TEXT            subject, as \"C=CH, O=Lab, CN=gw\"; or in parts, which are added in this order:\n" \
	"  --country CC --state S --city L --postal-code P --o ORG --ou UNIT --cn NAME\n" \
	"  --san ID             subjectAltName: a host name, mailbox, IPv4 or IPv6 address, uri:...; any number of " \
	"them\n" \
	"  --usage LIST         key usages: digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment, " \
	"keyAgreement,\n" \
	"                       encipherOnly, decipherOnly, keyCertSign, cRLSign\n" \
	"  --eku NAME           purpose: serverAuth, clientAuth, ipsecIKE... or an OID; any number of them\n"
#define BUILD_USAGE_CERT \
	"  --ca                 a CA certificate; --path-len N: at most N further CAs below it\n" \
	"  --lifetime 2y        (default; also d, h, m); --not-before, --not-after: RFC 3339\n" \
	"  --serial HEX         (default: random)\n" \
	"  --digest NAME        sha256 (default), sha384, sha512; --pss: RSA-PSS\n" \
	"  --crl-uri URI --ocsp-uri URI --ca-uri URI --policy OID --permit NAME --exclude NAME\n"

struct build {
	const struct pki *p;
	uint8_t dn[4096];
	size_t n_dn;
	struct pki_list parts; /* pairs: short name, value */
	struct pki_list san, eku, crl, ocsp, ca_uri, policy, permit, exclude;
	unsigned usage; /* GNUTLS_KEY_…; 0: not given */
	bool ca, pss;
	int path_len;   /* -1 none */
	int64_t not_before, not_after, lifetime_s;
	uint8_t serial[20];
	size_t n_serial;
	gnutls_digest_algorithm_t digest;
};

struct build build_new(const struct pki *p);
void build_fini(struct build *b);
/* Takes one option: 0, or PKI_MISUSE (said). -1: not one of these. */
int build_take(struct build *b, int c, const char *arg);

/* Subject into a request or certificate; subject: is one needed? */
bool build_subject_crq(struct build *b, gnutls_x509_crq_t crq);
bool build_subject_crt(struct build *b, gnutls_x509_crt_t crt);
/* subjectAltName, key usage, purposes of a request. */
bool build_request(struct build *b, gnutls_x509_crq_t crq);
/* Does the issuer's certificate allow this use (GNUTLS_KEY_…)? Else a sentence. */
bool build_usage_is(const struct pki *p, gnutls_x509_crt_t issuer, unsigned bit);
/* Everything else of a certificate: version, serial, dates, extensions. `from`: names and usages a request asked for,
 * NULL none; what the options say comes before it. issuer NULL: self-signed. */
bool build_cert(struct build *b, gnutls_x509_crt_t crt, gnutls_x509_crq_t from, gnutls_x509_crt_t issuer);
/* Signs; issuer NULL: self-signed. */
bool build_sign(struct build *b, gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer, gnutls_privkey_t key);
/* A request for this key, signed by it. challenge: the challengePassword of SCEP, or NULL. NULL: said. */
gnutls_x509_crq_t pki_make_crq(struct build *b, gnutls_privkey_t key, const char *challenge);
/* A certificate for the key of a request or for `pub`, signed by `key`. issuer NULL: self-signed. NULL: said. */
gnutls_x509_crt_t pki_make_crt(struct build *b, gnutls_x509_crq_t crq, gnutls_pubkey_t pub, gnutls_x509_crt_t issuer,
	gnutls_privkey_t key);
/* The digest for this key: the one asked for, or what fits its strength. */
gnutls_digest_algorithm_t build_digest(const struct build *b, gnutls_privkey_t key);

#endif
