/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash and URL (RFC 7296 section 3.6): a CERT payload that holds the SHA-1 of a certificate or of a bundle, and the URL it
 * is at. Pure functions; any thread; nothing waits. What is read comes from a peer that nobody has authenticated yet.
 */
#ifndef ADIT_CRED_HASHURL_H
#define ADIT_CRED_HASHURL_H

#include "base/rdwr.h"
#include "plugin/abi_cert.h"

enum { CRED_HASH_LEN = 20, CRED_URL_MAX = 1024 };

/* Splits the data of the payload; url[CRED_URL_MAX + 1] is terminated. Stray zeros behind the URL are taken (some peers
 * send them). Only http and https, printable, without user name. E_CERT_MALFORMED, E_LIMIT, with a sentence in why. */
MUST err_t cred_url_parse(slice data, slice *sha1, char *url, struct cert_why *why);
/* Makes it. *n is the room and then the length. E_SPACE. */
MUST err_t cred_url_make(const uint8_t sha1[CRED_HASH_LEN], const char *base, uint8_t *out, size_t *n);
/* Is the host of this URL one of these? A host that begins with "*." stands for all below it. NULL: every host is. */
bool cred_url_host_is(const char *url, char *const *hosts);

/* The next element of a CertificateBundle: the DER of a certificate, or of a CRL (*crl). False at the end, or when it is
 * not well-formed (r->err). Begin with cred_bundle_open. */
struct rd cred_bundle_open(slice der);
bool cred_bundle_next(struct rd *r, slice *der, bool *crl);

#endif
