/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signature schemes of IKEv2: which key makes which signature, how it is named in the AUTH payload (method of RFC 7296
 * and RFC 4754, AlgorithmIdentifier of RFC 7427, RFC 8420), in the configuration and in the log. One table.
 * Pure functions; any thread; nothing waits.
 */
#ifndef ADIT_CRED_SCHEME_H
#define ADIT_CRED_SCHEME_H

#include "config/conn.h"
#include "crypto/crypto.h"
#include "plugin/abi_cert.h"

/* What a public key is. */
struct cred_pub {
	uint8_t kind;   /* enum cert_key_kind */
	uint16_t bits;
	uint16_t group; /* EC: KE group of the curve, else 0 */
};

struct cred_scheme {
	const char *name;   /* of the log: "RSA_EMSA_PKCS1_SHA2_256" */
	uint8_t kind;       /* enum cert_key_kind */
	uint16_t group;     /* methods 9 to 11: the curve; 0 any */
	uint8_t sign_id;    /* enum plug_sign_id */
	struct sign_how how;
	uint8_t method;     /* enum auth_method */
	slice alg_id;       /* method 14: DER */
};

/* E_BAD_VALUE, E_NOT_SUPPORTED. */
MUST err_t cred_pub_of(slice spki, struct cred_pub *out);
/* "RSA 2048", "ECDSA 256", "ED25519". */
const char *cred_pub_text(const struct cred_pub *p, char buf[32]);

/* Our signature with a key of ours: the best scheme that the peer (hashes: 1 << number of what it announced, 0 nothing)
 * and the connection's rules allow, from the *at-th on (start with 0; moves behind the answer). NULL: none. */
const struct cred_scheme *cred_scheme_next(const struct cred_pub *pub, uint32_t hashes, const struct conf_sigs *rules,
	size_t *at);
/* The scheme of the peer's AUTH payload for its key, with the signature itself in *sig. E_NOT_SUPPORTED, E_SYNTAX,
 * E_CERT_CONSTRAINT (the rules forbid it) with a sentence in why. `room` keeps a scheme that is in no row (PSS with
 * other parameters). */
MUST err_t cred_scheme_of(uint8_t method, slice auth, const struct cred_pub *pub, const struct conf_sigs *rules,
	struct cred_scheme *room, const struct cred_scheme **out, slice *sig, struct cert_why *why);

/* Hashes that what is loaded can sign and verify with, as 1 << number; EdDSA counts as hash 5. */
uint32_t cred_hashes(const struct crypto *c);
/* Does the public key satisfy kind and strength of the rules? E_CERT_CONSTRAINT. */
MUST err_t cred_key_allowed(const struct cred_pub *pub, const struct conf_sigs *rules, struct cert_why *why);
/* Verifies with the providers of `c`. E_AUTH_FAILED: the signature is wrong; E_NOT_SUPPORTED. */
MUST err_t cred_verify(const struct crypto *c, const struct cred_scheme *s, slice spki, uint16_t group, slice octets,
	slice sig);

#endif
