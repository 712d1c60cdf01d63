/* SPDX-License-Identifier: Apache-2.0 */
/* What the methods for certificates and keys need of the daemon. Loop thread; nothing waits. */
#ifndef ADIT_API_CREDS_ENV_H
#define ADIT_API_CREDS_ENV_H

#include "config/psk.h"

struct conf_node;
struct cred_attr;

enum { API_KEYID_LEN = 20 };

struct api_cert {
	const char *type, *flag; /* as list-cert has them */
	bool has_key;
	slice der;
	const char *subject;     /* printable; "" for lists */
	int64_t not_before, not_after; /* seconds since 1970; 0: none (public keys) */
};

/* One authority as list-authority shows it. */
struct api_authority {
	const char *name, *cacert, *cert_uri_base; /* base may be NULL */
	const char *const *crl_uris, *const *ocsp_uris; /* NULL-terminated */
};

/* Something there is, and where. */
enum api_credential_kind { API_CERTS, API_CRLS, API_KEYS, API_SECRETS, API_CREDENTIAL_KINDS };
struct api_credential {
	const char *type;     /* certificate, anchor, ca, ocsp; crl; key; IKE, EAP… of secrets */
	char id[160];         /* SHA-256 of a certificate, id of a key, name of a secret */
	char subject[1024];   /* of a key what it is, of a secret its owners */
	char issuer[1024], serial[128]; /* of a CRL its number */
	int64_t not_before, not_after;  /* 0: none */
	bool has_key;
	const char *where;    /* file, memory, keyring, token, fetched, authority, connection */
	const char *label;    /* path, label of the token…; NULL or "": none */
};

struct api_creds {
	/* The next of a kind; *cursor begins at 0; false behind the last. What is borrowed stays until the next change. */
	bool (*next)(void *arg, enum api_credential_kind kind, uint64_t *cursor, struct api_credential *out);
	/* type X509, X509_AC, X509_CRL, TRUSTED_PUBKEY…; flag NONE, CA, AA, OCSP. */
	err_t (*load_cert)(void *arg, const char *type, const char *flag, slice data, struct diag **why);
	/* Loads a private key into the store of this id (enum plug_cred_id). Exactly one api_server_key_loaded with this
	 * number follows, maybe before this returns. */
	void (*load_key)(void *arg, uint64_t cmd_id, uint16_t store, const struct cred_attr *v, size_t n);
	err_t (*unload_key)(void *arg, const uint8_t id[API_KEYID_LEN]);
	/* The i-th key that was loaded over the API; false behind the last. */
	bool (*key_at)(void *arg, size_t i, uint8_t id[API_KEYID_LEN]);
	/* The next one of raw public keys, certificates by flag, and CRLs, each once however many sources it has; *cursor
	 * begins at 0. False behind the last. What is given stays until the next call. */
	bool (*cert_next)(void *arg, uint64_t *cursor, struct api_cert *out);
	/* The subject of a certificate (DER), printable; NULL: it is none. */
	const char *(*subject)(void *arg, slice der, char *buf, size_t cap);
	/* Everything that was loaded over the API; what was fetched and is kept (type NULL: of every type). */
	void (*clear)(void *arg);
	void (*flush)(void *arg, const char *type);
	err_t (*load_authority)(void *arg, const struct conf_node *section, struct diag **why);
	err_t (*unload_authority)(void *arg, const char *name);
	/* The shared secret the engine would take; NULL: that of the configuration. */
	bool (*psk)(void *arg, const struct conf_psk_ask *ask, struct conf_psk *out);
	bool (*authority_at)(void *arg, size_t i, struct api_authority *out);
};

#endif
