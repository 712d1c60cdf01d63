/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The credentials of this host: certificates, CRLs, and references to private keys that stay in their stores. Each has a
 * source (a store, the API, a connection), by which it is replaced and deleted. Bounded; what does not fit is E_LIMIT.
 *
 * Thread: one owner (the loop). What workers need they get as a pool: an immutable, counted snapshot of trust anchors,
 * other certificates and CRLs, made anew after a change. Nothing waits. core/cred knows certificates only through the
 * functions of a PLUG_CERT_VERIFY plugin.
 */
#ifndef ADIT_CRED_SET_H
#define ADIT_CRED_SET_H

#include "cred/scheme.h"
#include "plugin/abi_cred.h"

enum { CRED_CERTS_MAX = 16384, CRED_KEYS_MAX = 4096, CRED_CRLS_MAX = 4096, CRED_CRLS_PER_ISSUER = 8, CRED_KEYID_LEN = 20 };

/* Numbers of sources: stores have those from CRED_SRC_STORE on. */
enum { CRED_SRC_API = 1, CRED_SRC_AUTHORITY = 2, CRED_SRC_FETCHED = 3, CRED_SRC_CONN = 4, CRED_SRC_STORE = 16 };

struct cred_set;

struct cred_key {
	uint16_t source;
	uint64_t key;              /* the store's number */
	uint8_t id[CRED_KEYID_LEN]; /* SHA-1 of the public key's bits, as swanctl names keys */
	struct cred_pub pub;
	slice spki;
	const char *label;
};

struct cred_item {
	struct cert *cert;
	const struct cert_info *info;
	uint32_t flags;   /* CRED_CERT_… */
	uint16_t source;
	const char *name; /* of the authority, file… or "" */
};

/* What a verification takes. */
struct cred_pool {
	_Atomic unsigned refs;
	const struct cert_ops *ops;
	struct cert **anchors, **others;
	struct cert_crl **crls;
	size_t n_anchors, n_others, n_crls;
};

MUST err_t cred_set_new(const struct cert_ops *ops, const struct crypto *crypto, struct cred_set **out);
void cred_set_free(struct cred_set *s);
const struct cert_ops *cred_set_ops(const struct cred_set *s);

/* Takes a reference of its own. The same certificate of the same source is there once; its flags are added. */
MUST err_t cred_set_add_cert(struct cred_set *s, uint16_t source, struct cert *c, uint32_t flags, const char *name);
MUST err_t cred_set_add_crl(struct cred_set *s, uint16_t source, struct cert_crl *c);
MUST err_t cred_set_add_key(struct cred_set *s, uint16_t source, const struct cred_key_info *k);
/* Forgets all of a source, or those of one name when name is not NULL. */
void cred_set_clear(struct cred_set *s, uint16_t source, const char *name);
void cred_set_clear_keys(struct cred_set *s, uint16_t source);
bool cred_set_del_key(struct cred_set *s, const struct cred_key *k);

/* Borrowed until the next change; NULL behind the last. */
const struct cred_item *cred_set_cert(const struct cred_set *s, size_t i);
const struct cred_key *cred_set_key(const struct cred_set *s, size_t i);
struct cert_crl *cred_set_crl(const struct cred_set *s, size_t i, uint16_t *source);
const struct cred_key *cred_set_key_of(const struct cred_set *s, slice spki);
const struct cred_key *cred_set_key_by_id(const struct cred_set *s, const uint8_t id[CRED_KEYID_LEN]);
/* SHA-1 of the keys of all trust anchors, 20 bytes each. */
slice cred_set_cas(struct cred_set *s);
/* The id of a public key. E_BAD_VALUE. */
MUST err_t cred_keyid(const struct crypto *c, slice spki, uint8_t out[CRED_KEYID_LEN]);

/* How many CRLs were added so far: has a new one come since? */
uint64_t cred_set_crls_added(const struct cred_set *s);
/* A reference; NULL: no memory. */
struct cred_pool *cred_set_pool(struct cred_set *s);
struct cred_pool *cred_pool_ref(struct cred_pool *p);
void cred_pool_unref(struct cred_pool *p); /* any thread */

#endif
