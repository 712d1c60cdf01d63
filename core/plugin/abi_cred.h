/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials and fetching, a part of the public plugin header: PLUG_CRED (stores of private keys, certificates and
 * shared secrets: files, tokens, kernel keyrings, memory) and PLUG_FETCH (HTTP and files, for CRLs, OCSP, hash-and-URL).
 *
 * A private key never leaves its store: everybody else knows it as a number of the store and its public half. Whatever may
 * wait answers E_AGAIN at once and its result later through the host, on the loop thread, with the token that was given.
 * After cancel(token) no result is expected any more; one that comes is ignored.
 */
#ifndef ADIT_PLUGIN_ABI_CRED_H
#define ADIT_PLUGIN_ABI_CRED_H

#include "abi.h"

/* ---- PLUG_CRED --------------------------------------------------------------------------------------------------- */

/* The id of the feature: which objects of the configuration and of the API a store takes. */
enum plug_cred_id {
	CRED_STORE_MEMORY = 1, /* keys that come over the API: attributes type, data, passphrase */
	CRED_STORE_FILE,       /* keys in files: file, type, passphrase */
	CRED_STORE_KEYRING,    /* kernel keyrings: description, keyring, type */
	CRED_STORE_PKCS11,     /* tokens: handle, slot, module, label, pin */
	CRED_STORE_OTHER = 1000 /* and up: third parties; they offer what they have by themselves */
};

struct cred_key_info {
	uint64_t key;      /* the store's number, never 0, not given to another key while the daemon runs */
	slice spki;        /* SubjectPublicKeyInfo */
	const char *label; /* for people: a path, the label on the token; may be NULL */
};

enum { /* cred_cert_info.flags */
	CRED_CERT_CA = 1,   /* a trust anchor */
	CRED_CERT_OCSP = 2, /* signs OCSP responses */
	CRED_CERT_CRL = 4,  /* `der` is a revocation list, not a certificate */
	CRED_CERT_RAW = 8   /* `der` is a SubjectPublicKeyInfo that is trusted (RFC 7670) */
};

struct cred_cert_info {
	slice der;
	uint32_t flags;
	const char *label; /* as above */
};

struct cred_secret_info {
	uint64_t secret;    /* the store's number, never 0 */
	const char *type;   /* "IKE", "EAP", "PPK"… */
	const char *owners; /* identities as in swanctl.conf, separated by spaces; "" or NULL: everybody */
	const char *label;
};

/* A named value of the object to load; the values are borrowed for the call. A secret one (pin, passphrase, data of a
 * key) is copied only into wiped memory. */
struct cred_attr {
	const char *name;
	slice value;
};

/* What is signed: with which scheme, by which key. Everything is borrowed for the call alone. */
struct cred_sign {
	uint64_t key;
	uint16_t sign_id;   /* enum plug_sign_id */
	struct sign_how how;
	slice octets;       /* the message itself, not its hash */
};

enum { /* cred_ops.flags */
	/* sign() is called on a crypto worker, several at a time, takes as long as it takes and never answers E_AGAIN.
	 * Without it: loop thread, and what takes longer than a millisecond answers E_AGAIN. */
	CRED_SYNC_WORKER = 1
};

/* Loop thread but where said otherwise; nothing waits. Any function may be NULL: the store has nothing of the kind. */
struct cred_ops {
	uint32_t size;
	uint32_t flags;
	/* What the store has now; called after cred_changed() and at any other time. Borrowed for the callback. */
	void (*each_key)(void *self, void (*cb)(void *arg, const struct cred_key_info *k), void *arg);
	void (*each_cert)(void *self, void (*cb)(void *arg, const struct cred_cert_info *c), void *arg);
	void (*each_secret)(void *self, void (*cb)(void *arg, const struct cred_secret_info *s), void *arg);
	/* 0 when the key can do this scheme (also asked before each signature: answers from memory). NULL: what the type
	 * of the key says. */
	err_t (*can)(void *self, uint64_t key, uint16_t sign_id, const struct sign_how *how);
	/* *len is the room at `sig`, then the length. 0; E_AGAIN: cred_done(token) follows; E_NOT_FOUND: the key is gone;
	 * E_NOT_SUPPORTED; E_PERM: a PIN is missing or wrong. */
	err_t (*sign)(void *self, const struct cred_sign *what, uint8_t *sig, size_t *len, uint64_t token);
	/* Forgets a sign() or load() that was answered with E_AGAIN. */
	void (*cancel)(void *self, uint64_t token);
	/* Loads one object. 0: *key is the number of its private key, 0 when it has none (certificates, a secret);
	 * E_AGAIN: cred_loaded(token) follows. An error with one sentence in why[cap]: E_BAD_VALUE, E_NOT_FOUND, E_PERM.
	 * What is there already is loaded again under its old number. */
	err_t (*load)(void *self, const struct cred_attr *v, size_t n, uint64_t token, uint64_t *key, char *why, size_t cap);
	/* The key is forgotten and wiped here (it stays on a token). E_NOT_FOUND. */
	err_t (*unload)(void *self, uint64_t key);
	/* Forgets everything that came through load(). */
	void (*clear)(void *self);
	/* Hands the bytes of a secret to cb, once, during the call. E_NOT_FOUND, E_PERM. */
	err_t (*read_secret)(void *self, uint64_t secret, void (*cb)(void *arg, slice bytes), void *arg);
};

/* ---- PLUG_FETCH -------------------------------------------------------------------------------------------------- */

/* Bounds are always set by the caller. */
struct fetch_req {
	const char *url;
	slice post;               /* not empty: POST with this body, else GET */
	const char *content_type; /* of the body; NULL none */
	const char *accept;       /* NULL: anything */
	uint32_t max_bytes;       /* a longer answer is E_LIMIT */
	uint32_t timeout_ms;      /* from now to the last byte: E_TIMEOUT */
	uint32_t max_redirects;   /* E_LIMIT */
};

/* The feature's id is 0. Loop thread; never waits, for names neither. */
struct fetch_ops {
	uint32_t size;
	const char *const *schemes; /* "http", "https", "file"; NULL-terminated */
	/* E_AGAIN: fetch_done(token) follows, exactly once unless cancelled. Everything of req is copied. E_FULL: too many
	 * at once; E_NOT_SUPPORTED: not a scheme of ours; E_BAD_VALUE: no URL. */
	err_t (*get)(void *self, const struct fetch_req *req, uint64_t token);
	void (*cancel)(void *self, uint64_t token);
};

#endif
