/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the x509 plugin: what a certificate and a CRL are once they are read. Everything in them is immutable and a
 * view of `der` or memory of their arena; the memo of good signatures alone changes, under its lock.
 */
#ifndef ADIT_X509_H
#define ADIT_X509_H

#include "base/arena.h"
#include "base/rdwr.h"
#include "base/secret.h"
#include "plugin/abi_cert.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
	X_CERT_MAX = 1 << 18,  /* bytes of one certificate */
	X_CRL_MAX = 1 << 26,   /* bytes of one CRL */
	X_LIST_MAX = 1024,     /* entries of any list inside an extension */
	X_WHERE = 128
};

/* A Name: as it came, and in the form in which equal names are equal bytes (RFC 5280 section 7.1): each RDN with its
 * length before it, so that a name above another in the tree is a prefix of it. */
struct x_name {
	slice der, canon;
};

enum x_gn_tag {
	X_GN_OTHER = 0,
	X_GN_EMAIL = 1,
	X_GN_DNS = 2,
	X_GN_X400 = 3,
	X_GN_DIR = 4,
	X_GN_EDI = 5,
	X_GN_URI = 6,
	X_GN_IP = 7,
	X_GN_RID = 8
};

struct x_gn {
	uint8_t tag;
	slice value;        /* DIR: the Name as DER */
	slice canon;        /* of DIR */
};

struct x_gns {
	struct x_gn *v;
	size_t n;
};

enum { X_REASONS_ALL = 0x1fe }; /* bits 1 to 8 of ReasonFlags */

/* A distribution point of a certificate, or the issuingDistributionPoint of a CRL. */
struct x_dp {
	bool has_name;
	struct x_gns full;
	slice relative;     /* contents of the RDN (a SET), canonical, with its length: behind a name's canon */
	uint16_t reasons;   /* X_REASONS_ALL when not limited */
	struct x_gns issuer; /* cRLIssuer */
};

struct x_sigalg {
	gnutls_sign_algorithm_t alg; /* 0: unknown */
	uint16_t salt_len;
	bool pss;
	gnutls_digest_algorithm_t hash;
};

/* Keys by which the signature was found good. */
struct x_memo {
	pthread_mutex_t lock;
	uint8_t key[2][32]; /* SHA-256 of the SPKI */
	uint8_t n;
};

struct x_policy {
	slice oid;
};
struct x_mapping {
	slice issuer, subject;
};

struct cert {
	struct cert_info info; /* first */
	atomic_uint refs;
	struct arena arena;
	slice tbs, sig, serial;
	struct x_sigalg alg;
	slice sig_oid;
	uint8_t key_sha256[32];
	struct x_memo memo;
	struct x_name subject, issuer;
	struct x_gns san;
	struct x_policy *policies;
	struct x_mapping *mappings;
	size_t n_policies, n_mappings;
	bool has_policies, has_constraints, has_bc, any_policy;
	int32_t require_explicit, inhibit_mapping, inhibit_any; /* -1: not given */
	struct x_gns permitted, excluded;
	slice permitted_bad; /* a subtree with minimum or maximum: no certificate is below it */
	struct x_dp *dps, *fresh;
	size_t n_dps, n_fresh;
	const slice *fresh_uris; /* where deltas are */
	size_t n_fresh_uris;
	slice unknown_critical; /* OID of the first one */
};

struct x_revoked {
	slice serial;
	const struct x_name *issuer; /* of the certificate: RFC 5280 section 5.3.3 */
	int64_t at;
	uint8_t reason;
};

struct cert_crl {
	struct cert_crl_info info; /* first */
	atomic_uint refs;
	struct arena arena;
	slice tbs, sig;
	struct x_sigalg alg;
	slice sig_oid;
	struct x_memo memo;
	struct x_name issuer;
	bool has_idp, only_user, only_ca, only_attr, indirect;
	struct x_dp idp;
	slice unknown_critical;
	struct x_revoked *revoked; /* by serial */
	size_t n_revoked;
};

/* ---- reading ---- */

struct x_parse {
	struct arena *arena;
	const char *where; /* static text of what is being read */
};

err_t x_fail(struct cert_why *why, err_t e, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* der: the whole SEQUENCE. E_CERT_MALFORMED, E_NOMEM. */
MUST err_t x_name_read(struct arena *a, slice der, struct x_name *out);
/* Canonical form of one RDN: `set` is the contents of the SET. */
MUST err_t x_rdn_canon(struct arena *a, slice set, slice *out);
static inline bool x_name_same(const struct x_name *a, const struct x_name *b)
{
	return slice_equal(a->canon, b->canon);
}

MUST err_t x_gns_read(struct x_parse *x, struct rd r, struct x_gns *out);
MUST err_t x_gn_read(struct x_parse *x, uint8_t tag, slice body, struct x_gn *out);
MUST err_t x_dps_read(struct x_parse *x, struct rd r, struct x_dp **out, size_t *n);
MUST err_t x_dp_name_read(struct x_parse *x, struct rd r, struct x_dp *dp);
MUST err_t x_uris_of_dps(struct x_parse *x, const struct x_dp *v, size_t n, const slice **out, size_t *n_out);
MUST err_t x_exts_read(struct x_parse *x, struct cert *c, struct rd r);

/* AlgorithmIdentifier of a signature (contents of the SEQUENCE). */
struct x_sigalg x_sigalg_read(slice body, slice *oid, uint8_t *sig_id, uint16_t *hash);

/* ---- cert.c, crl.c ---- */

err_t x_cert_parse(slice der, struct cert **out, struct cert_why *why);
struct cert *x_cert_ref(struct cert *c);
void x_cert_unref(struct cert *c);
err_t x_crl_parse(slice der, struct cert_crl **out, struct cert_why *why);
struct cert_crl *x_crl_ref(struct cert_crl *c);
void x_crl_unref(struct cert_crl *c);

/* ---- any.c ---- */

err_t x_parse_any(slice bytes, const char *passphrase, struct cert_objects **out, struct cert_why *why);
void x_objects_free(struct cert_objects *o);
err_t x_key_matches(slice pkcs8, slice spki);
/* PKCS #8 of a private key GnuTLS has read, in locked memory. E_NOT_SUPPORTED: of a kind that does not sign here. */
err_t x_pkcs8_of(gnutls_x509_privkey_t key, struct secret *out);
/* SubjectPublicKeyInfo of a key in PKCS #8 that GnuTLS is not asked about: RSA, and ECDSA on a Brainpool curve with its public
 * half. E_NOT_SUPPORTED: it is something else; E_SPACE. */
err_t x_plain_spki(slice pkcs8, uint8_t *out, size_t cap, size_t *n);
/* The base64 of a PEM block. E_NOT_SUPPORTED: it has headers; E_SYNTAX. */
err_t x_pem_body(slice block, struct secret *out);
/* A private key of any form as PKCS #8. E_CERT_PASSPHRASE: it is encrypted and this is not its passphrase (NULL: none is known);
 * E_NOT_SUPPORTED: it is something else. How often a passphrase is hashed is not bounded here. */
err_t x_key_plain(slice der, const char *passphrase, struct secret *out);

#endif
