/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials in the daemon: the stores that plugins offer, the set of certificates and key references, signatures, trust
 * in peers with what has to be fetched for it. Loop thread; work that takes long runs on the crypto workers, and nothing
 * waits: every question of the engine is answered later, each with a bound in time.
 */
#ifndef ADIT_DAEMON_CREDS_H
#define ADIT_DAEMON_CREDS_H

#include "api/server/creds_env.h"
#include "config/psk.h"
#include "cred/own.h"
#include "cred/set.h"
#include "cred/trust.h"
#include "daemon/daemon.h"

struct creds_store {
	const struct cred_ops *ops;
	void *self;
	const char *plugin;
	uint16_t id;      /* enum plug_cred_id */
	uint16_t source;  /* in the set */
};

enum { CREDS_STORES_MAX = 32, CREDS_PENDING_MAX = 4096 };

struct creds_sign;
struct creds_load;
struct creds_key;
struct trusts;
struct cred_life;
struct fetcher;

/* An authority of the configuration: a trust anchor, and where to ask about what it issued. */
struct creds_authority {
	char *name, *subject, *base;  /* base: of hash and URL, may be NULL */
	bool configured;              /* by the configuration, not over load-authority */
	struct cert *cert;
	char **crl_uris, **ocsp_uris; /* NULL-terminated */
};

/* Certificates of peers that list-certs shows. */
enum { CREDS_SEEN_MAX = 32 };

struct creds {
	struct daemon *d;
	const struct cert_ops *ops; /* NULL: nothing that is loaded knows certificates */
	struct cred_set *set;
	struct creds_store store[CREDS_STORES_MAX];
	size_t n_stores;
	struct creds_sign *signs;   /* that wait for a store */
	unsigned n_signs;
	struct creds_load *loads;   /* keys that a store is loading */
	struct creds_pub *pubs;     /* raw public keys that came over the API (DER) */
	size_t n_pubs;
	struct creds_key *keys;     /* of `secrets` of the configuration */
	struct creds_authority **authorities;
	size_t n_authorities;
	uint64_t next_token;
	struct trusts *trusts;
	struct fetcher *fetcher;
	struct cred_life *life;
	struct cert *seen[CREDS_SEEN_MAX]; /* of peers, see creds_seen */
	size_t n_seen;              /* ever; the last ones are there */
	uint32_t hashes;
	struct conf_secrets *stored; /* shared secrets of the stores: owners alone */
	struct secret psk;           /* the one that was read last */
};

/* After the plugins started; before the connections are read. */
MUST err_t creds_start(struct daemon *d, struct diag **why);
void creds_stop(struct daemon *d);
void creds_second(struct daemon *d); /* once a second: bounds of time */

/* The effects of the engine. */
void creds_sign(struct daemon *d, const struct ike_auth_ask *ask);
void creds_trust(struct daemon *d, const struct ike_auth_ask *ask);
/* The functions of struct ike_env; arg is the daemon. */
slice creds_ca_hashes(void *arg, const struct conf_conn *conn, bool *http);
void creds_peer_free(void *arg, void *peer);
char *creds_cert_names(void *arg, slice der, char *buf, size_t cap);
/* " (this host's clock says …)" with what is known about it, for a verdict that depends on it; else "". */
const char *creds_clock_text(err_t verdict, char *buf, size_t cap);

/* ---- cred_life.c ---- */

/* Keeps the certificates of a peer that was accepted, without the anchor, until flush-certs or newer ones: for list-certs. */
void creds_seen(struct creds *c, const struct cert_report *r);
void creds_seen_clear(struct creds *c);

/* The certificates of a peer that was accepted, to be looked at again when a CRL comes; NULL: none or no memory. */
void *creds_peer_new(struct creds *c, const struct cert_report *r);
MUST err_t creds_life_new(struct creds *c);
void creds_life_free(struct creds *c);
void creds_life_second(struct creds *c);

/* Answers of plugins (struct plug_services); arg is the daemon. */
void creds_cred_done(void *arg, uint64_t token, err_t res, slice sig, const char *why);
void creds_cred_loaded(void *arg, uint64_t token, err_t res, uint64_t key, const char *why);
void creds_cred_changed(void *arg, const char *plugin);
void creds_fetch_done(void *arg, uint64_t token, err_t res, unsigned status, slice body, const char *why);

/* Functions of struct conf_can; arg is the daemon. */
bool creds_conf_auth(void *arg, uint8_t cls, const char *method);
err_t creds_conf_cred(void *arg, uint8_t kind, slice text, struct conf_blob *out, char *why, size_t cap);
err_t creds_conf_id(void *arg, const char *conn, const struct conf_blob *cert, struct conf_id *id);

/* NULL: no such store. */
struct creds_store *creds_store_of(struct creds *c, uint16_t id);
struct creds_store *creds_store_at(struct creds *c, uint16_t source);
/* Keys and certificates of a store are read again. */
void creds_store_read(struct creds *c, struct creds_store *s);

/* A file that the configuration names, beside it in `folder` unless absolute. */
void creds_path(const struct daemon *d, const char *folder, slice name, char *out, size_t cap);
/* *out is on the heap. An error with a sentence in why. */
MUST err_t creds_read_file(const char *path, uint8_t **out, size_t *n, char *why, size_t cap);

/* A deep copy in `a`; conn is referenced. NULL: no memory. */
struct ike_auth_ask *creds_ask_keep(struct arena *a, const struct ike_auth_ask *ask);

/* ---- psk.c ---- */

/* Function of struct ike_env; arg is the daemon. */
bool creds_psk(void *arg, const struct conf_psk_ask *ask, struct conf_psk *out);
/* Secrets of a store are read again. */
void creds_psk_read(struct creds *c, struct creds_store *s);
void creds_psk_second(struct creds *c);

/* ---- sign.c ---- */

void creds_sign_second(struct creds *c);
void creds_sign_stop(struct creds *c);

/* ---- creds_list.c ---- */

/* Function of struct api_creds; arg is the daemon. */
bool creds_next(void *arg, enum api_credential_kind kind, uint64_t *cursor, struct api_credential *out);

/* ---- creds_api.c ---- */

extern const struct api_creds creds_api;
void creds_load_second(struct creds *c);
void creds_load_stop(struct creds *c);
/* A section of `authorities`, or of load-authority; arg is the daemon. One of the same name is replaced. */
MUST err_t creds_authority_load(void *arg, const struct conf_node *section, struct diag **why);
/* Function of struct conf_can: would it load? */
MUST err_t creds_authority_check(void *arg, const struct conf_node *section, struct diag **why);
/* Those of a configuration that has been applied; those of the one before go. */
void creds_authorities_sync(struct daemon *d, const struct conf_node *rest);
void creds_authorities_clear(struct creds *c);
void creds_pubs_clear(struct creds *c);
/* NULL: none for certificates of this issuer. */
const struct creds_authority *creds_authority_of(const struct creds *c, const struct cert *issuer);

/* Loads a key into a store of this id for `secrets` of the configuration: creds_key_loaded(serial) follows, maybe at once. */
void creds_load_conf(struct creds *c, uint16_t id, const struct cred_attr *v, size_t n, uint64_t serial);

/* ---- creds_keys.c ---- */

/* Private keys that the configuration names, after a commit. */
void creds_keys_sync(struct daemon *d);
void creds_keys_clear(struct creds *c);
bool creds_keys_has(const struct creds *c, const struct cred_key *key);
void creds_key_loaded(struct creds *c, uint64_t serial, err_t e, const struct creds_store *s, uint64_t key, const char *why);

/* ---- trust.c ---- */

void trusts_flush_ocsp(struct trusts *t);
/* The OCSP answer about a certificate of ours that is here and holds; when there is none or it ends soon one is fetched, for the
 * next time. Borrowed until the loop goes on. */
slice trusts_own_ocsp(struct trusts *t, struct cert *cert, struct cert *issuer);
/* Certificates that came as hash and URL. */
void trusts_flush_urls(struct trusts *t);

MUST err_t trusts_new(struct creds *c, struct trusts **out);
void trusts_free(struct trusts *t);
void trusts_second(struct trusts *t);
void trusts_ask(struct trusts *t, const struct ike_auth_ask *ask);

/* ---- fetch.c ---- */

/* What came; body is borrowed for the call. */
typedef void fetch_fn(void *arg, err_t res, slice body, const char *why);

MUST err_t fetcher_new(struct daemon *d, struct fetcher **out);
void fetcher_free(struct fetcher *f);
/* One request; requests for the same URL without body that are under way are one. Answers E_AGAIN when cb follows (never
 * from within), or an error at once: nobody fetches this scheme, too many, or it failed a moment ago (E_REFUSED with the
 * sentence of then in why). */
MUST err_t fetcher_get(struct fetcher *f, const struct fetch_req *req, fetch_fn *cb, void *arg, char *why, size_t cap);
/* No call-back with this argument any more. */
void fetcher_forget(struct fetcher *f, void *arg);
void fetcher_done(struct fetcher *f, uint64_t token, err_t res, slice body, const char *why);
/* The address and why nothing came from there; most sentences begin with the address already. */
void fetcher_text(char *out, size_t cap, const char *url, const char *why);
/* Would it be refused now because it failed a moment ago? Then it costs nothing: no request, no line in the log. why (NULL: not
 * wanted) gets the sentence of then. */
bool fetcher_spares(const struct fetcher *f, const char *url, char *why, size_t cap);
/* What this address answered cannot be used: as if it had not answered. */
void fetcher_blame(struct fetcher *f, const char *url, const char *why);
/* Did the last request for it fail? */
bool fetcher_failed(const struct fetcher *f, const char *url);
/* Can anybody fetch with http? */
bool fetcher_has(const struct fetcher *f, const char *scheme);

#endif
