/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: a class (who is to blame) and a code (what), in one int32_t. 0 is success, an error is negative.
 *
 * ERR_ROWS is the one list: number, name, the sentence for people, and for class PEER the notify that goes to the
 * peer (RFC 7296 section 3.10.1; 0 none). The log, the API, the command line and docs/ERRORS.md are made from it.
 * A number is never reused. Codes below 1000 belong to the core; a plugin uses 1000 and up.
 */
#ifndef ADIT_BASE_ERR_H
#define ADIT_BASE_ERR_H

#include "slice.h"

typedef int32_t err_t;

enum err_class {
	ERR_LOCAL = 1,    /* a bug of ours */
	ERR_SYSTEM = 2,   /* the operating system said no; errno kept in the diagnostic */
	ERR_PEER = 3,     /* the peer broke the protocol or refused */
	ERR_POLICY = 4,   /* no configuration allows it */
	ERR_CONFIG = 5,   /* the configuration or a command is wrong */
	ERR_RESOURCE = 6, /* a limit was reached */
	ERR_CANCELLED = 7 /* overtaken by events, nobody's fault */
};

/* row(class, name, number, notify, sentence) */
#define ERR_ROWS(row) \
	row(LOCAL, INTERNAL, 1, 0, "internal error") \
	row(LOCAL, SPACE, 2, 0, "the output buffer is too small") \
	row(LOCAL, MISUSE, 3, 0, "a function was called in a way its contract forbids") \
	row(SYSTEM, IO, 10, 0, "the operating system refused an operation") \
	row(SYSTEM, NOMEM, 11, 0, "out of memory") \
	row(SYSTEM, PERM, 12, 0, "a privilege is missing") \
	row(SYSTEM, CRYPTO, 13, 0, "a cryptographic library call failed") \
	row(PEER, TRUNCATED, 20, 7, "the data ends before its length says") \
	row(PEER, TRAILING, 21, 7, "bytes are left over after the last field") \
	row(PEER, SYNTAX, 22, 7, "a field has a value the protocol does not allow") \
	row(PEER, TOO_MANY, 23, 7, "more items than the limit allows") \
	row(PEER, CRITICAL, 24, 1, "an unknown payload has its critical bit set") \
	row(PEER, VERSION, 25, 5, "the major version is not supported") \
	row(PEER, UNKNOWN_SPI, 26, 4, "no IKE SA has this SPI") \
	row(PEER, INTEGRITY, 27, 0, "the integrity check failed") \
	row(PEER, MESSAGE_ID, 28, 0, "the message ID is outside the window") \
	row(PEER, UNEXPECTED, 29, 7, "this exchange is not allowed in the present state") \
	row(PEER, NO_PROPOSAL, 30, 14, "no proposal of the peer is acceptable") \
	row(PEER, INVALID_KE, 31, 17, "the key exchange method is not the one we chose") \
	row(PEER, AUTH_FAILED, 32, 24, "authentication failed") \
	row(PEER, TS_UNACCEPTABLE, 33, 38, "no traffic selector is acceptable") \
	row(PEER, NO_ADDITIONAL_SAS, 34, 35, "no further child SA is accepted") \
	row(PEER, TEMPORARY, 35, 43, "busy with another exchange, try again later") \
	row(PEER, CHILD_NOT_FOUND, 36, 44, "no child SA has this SPI") \
	row(PEER, TIMEOUT, 37, 0, "the peer does not answer") \
	row(PEER, REFUSED, 38, 0, "the peer refused with an error notify") \
	row(PEER, BAD_PUBLIC, 39, 7, "the public value of the key exchange is invalid") \
	row(PEER, INTERNAL_ADDRESS, 40, 36, "no internal address could be assigned") \
	row(PEER, FAILED_CP, 41, 37, "a required configuration payload is missing") \
	row(PEER, SINGLE_PAIR, 42, 34, "only single address pairs are accepted") \
	row(PEER, STATE_NOT_FOUND, 43, 47, "this further key exchange belongs to nothing") \
	row(POLICY, NO_CONN, 60, 24, "no connection matches this peer") \
	row(POLICY, NO_CHILD, 61, 38, "no child configuration matches these traffic selectors") \
	row(POLICY, NO_SECRET, 62, 24, "no shared secret for these identities") \
	row(POLICY, WEAK_SECRET, 79, 0, "the shared secret is weaker than what it protects") \
	row(POLICY, NO_KEY, 64, 24, "no certificate with a private key for this identity") \
	row(POLICY, DENIED, 63, 0, "the caller may not do this") \
	row(CONFIG, PARSE, 80, 0, "the text cannot be parsed") \
	row(CONFIG, UNKNOWN_KEY, 81, 0, "unknown key") \
	row(CONFIG, BAD_VALUE, 82, 0, "value of the wrong type or out of range") \
	row(CONFIG, NOT_FOUND, 83, 0, "there is nothing of this name") \
	row(CONFIG, EXISTS, 84, 0, "there is already something of this name") \
	row(CONFIG, NOT_SUPPORTED, 85, 0, "nothing that is loaded supports this") \
	row(CONFIG, ABI, 86, 0, "the plugin was built for another ABI") \
	row(CONFIG, NEEDS, 87, 0, "something this needs is missing") \
	row(CONFIG, CONFLICT, 95, 0, "somebody else has changed it meanwhile") \
	row(CONFIG, KAT, 88, 0, "the known-answer test failed") \
	row(RESOURCE, LIMIT, 100, 0, "a limit is reached") \
	row(RESOURCE, FULL, 101, 0, "a queue is full") \
	row(RESOURCE, RATE, 102, 0, "too many in too short a time") \
	row(CANCELLED, STALE, 120, 0, "what this belongs to is gone") \
	row(CANCELLED, SHUTDOWN, 121, 0, "the daemon is stopping") \
	row(CANCELLED, COLLISION, 122, 0, "overtaken by an exchange of the peer") \
	row(CANCELLED, AGAIN, 123, 0, "not now, will be resumed") \
	row(PEER, CERT_MALFORMED, 140, 24, "a certificate, CRL or key is not well-formed") \
	row(PEER, CERT_EXPIRED, 141, 24, "a certificate has expired") \
	row(PEER, CERT_NOT_YET, 142, 24, "a certificate is not valid yet") \
	row(PEER, CERT_REVOKED, 143, 24, "a certificate is revoked") \
	row(PEER, CERT_UNKNOWN_CA, 144, 24, "a certificate is not under any trust anchor") \
	row(PEER, CERT_BAD_SIGNATURE, 145, 24, "the signature of a certificate is wrong") \
	row(PEER, CERT_WEAK, 146, 24, "a certificate has a key or signature algorithm that is too weak") \
	row(PEER, CERT_NAME, 147, 24, "the certificate does not name the peer") \
	row(PEER, CERT_CONSTRAINT, 148, 24, "the certificate does not satisfy the connection's constraints") \
	row(PEER, CERT_USAGE, 149, 24, "the key usage or purpose of a certificate does not allow this") \
	row(PEER, CERT_NOT_CA, 150, 24, "a certificate was issued by one that is no CA") \
	row(PEER, CERT_PATH_LEN, 151, 24, "a path is longer than one of its CAs allows") \
	row(PEER, CERT_NAME_CONSTRAINT, 152, 24, "a certificate has a name that its CAs may not issue") \
	row(PEER, CERT_POLICY, 153, 24, "a certificate path has no acceptable policy") \
	row(PEER, CERT_CRITICAL, 154, 24, "a certificate has an unknown critical extension") \
	row(PEER, CERT_MAP, 155, 24, "the certificate map does not match") \
	row(PEER, CRL_MISSING, 156, 24, "the revocation status of a certificate is unknown") \
	row(PEER, CRL_STALE, 157, 24, "the revocation data of a certificate is out of date") \
	row(PEER, CRL_BAD, 158, 24, "a CRL cannot be used") \
	row(PEER, OCSP_BAD, 159, 24, "an OCSP answer cannot be used") \
	row(CONFIG, CERT_PASSPHRASE, 160, 0, "a passphrase is missing or wrong") \
	row(CONFIG, CERT_EXPIRES, 166, 0, "a certificate of ours expires soon") \
	row(PEER, CERT_FETCH, 165, 24, "a certificate that was sent as hash and URL cannot be had") \
	row(CONFIG, CERT_KEY_MISMATCH, 161, 0, "the private key does not belong to the certificate")

#define ERR_MAKE(cls, num) ((err_t)(-(((int32_t)(cls) << 16) | (num))))
enum {
#define row(cls, name, num, notify, text) E_##name = ERR_MAKE(ERR_##cls, num),
	ERR_ROWS(row)
#undef row
};

static inline enum err_class err_class(err_t e)
{
	return (enum err_class)(-e >> 16);
}

static inline int err_number(err_t e)
{
	return -e & 0xffff;
}

/* "NO_PROPOSAL"; "OK" for 0; "UNKNOWN" for a number of nobody. Static strings. Any thread. */
const char *err_name(err_t e);
/* The sentence of the row. Static string. Any thread. */
const char *err_text(err_t e);
/* The notify type to send to the peer, 0 for none. */
uint16_t err_notify(err_t e);

#endif
