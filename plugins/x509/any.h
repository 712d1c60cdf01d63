/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is being read: what was found in it, and what failed first. Shared by any.c (the file) and any_key.c (private keys). */
#ifndef ADIT_X509_ANY_H
#define ADIT_X509_ANY_H

#include "base/secret.h"
#include "x509.h"

#include <gnutls/x509.h>

struct objects {
	struct cert_objects pub; /* first */
	struct arena arena;
	struct secret *keys;
	size_t n_keys, cap;
};

struct any {
	struct objects *o;
	const char *passphrase;
	struct cert_why *why; /* about the first thing that failed */
	bool told;
	err_t err;
};

/* Tells the first failure; the error stays unless a graver one comes. */
void any_failed(struct any *a, err_t e, const char *text);
/* One more object; NULL: too many or no memory, which is told. */
struct cert_object *any_add(struct any *a, uint8_t kind);
/* One more whose bytes are copied. */
void any_add_bytes(struct any *a, uint8_t kind, slice der);
/* Keeps the key as PKCS #8 in locked memory; *key stays the caller's. */
void any_add_key(struct any *a, gnutls_x509_privkey_t key);
/* Would the passphrase have to be hashed for hours? depth: 0. */
bool any_costs_too_much(slice der, unsigned depth);
/* true: it was a key, readable or locked. */
bool any_try_key(struct any *a, slice bytes, gnutls_x509_crt_fmt_t format);

#endif
