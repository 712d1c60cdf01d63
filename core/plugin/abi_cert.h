/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates: what a plugin of kind PLUG_CERT_VERIFY offers (`struct cert_ops`). Installed as <adit/plugin/abi_cert.h>.
 *
 * Every function is pure and synchronous: no I/O, no clock (the caller gives the time), no wait; any thread, also at the
 * same time. Data that is missing to decide (a CRL, an OCSP answer, an issuer) is named in the report's `wants`, so that
 * the caller fetches it and asks again. Objects (certificate, CRL, map) are immutable and counted; what a view of one
 * points to lives as long as the object.
 *
 * Texts of a peer inside sentences are printable ASCII with everything else as \xNN.
 */
#ifndef ADIT_PLUGIN_ABI_CERT_H
#define ADIT_PLUGIN_ABI_CERT_H

#include "abi.h"

/* ---- objects ---------------------------------------------------------------------------------------------------- */

struct cert;     /* a certificate, RFC 5280 */
struct cert_crl; /* a CRL or delta CRL */
struct cert_map; /* compiled certificate map */

enum cert_key_kind {
	CERT_KEY_OTHER = 0, CERT_KEY_RSA, CERT_KEY_RSA_PSS, CERT_KEY_EC, CERT_KEY_ED25519, CERT_KEY_ED448, CERT_KEY_DSA
};

/* Bits of keyUsage: bit n of RFC 5280 section 4.2.1.3 is 1 << n. */
enum {
	CERT_KU_SIGN = 1 << 0, CERT_KU_NON_REPUDIATION = 1 << 1, CERT_KU_KEY_ENC = 1 << 2, CERT_KU_DATA_ENC = 1 << 3,
	CERT_KU_AGREE = 1 << 4, CERT_KU_CERT_SIGN = 1 << 5, CERT_KU_CRL_SIGN = 1 << 6, CERT_KU_ENC_ONLY = 1 << 7,
	CERT_KU_DEC_ONLY = 1 << 8
};

/* Extended key usages; the names are those of adit-pki and the configuration. */
#define CERT_EKU_ROWS(row) \
	row(SERVER_AUTH, 0, "serverAuth", "1.3.6.1.5.5.7.3.1") \
	row(CLIENT_AUTH, 1, "clientAuth", "1.3.6.1.5.5.7.3.2") \
	row(CODE_SIGN, 2, "codeSigning", "1.3.6.1.5.5.7.3.3") \
	row(EMAIL, 3, "emailProtection", "1.3.6.1.5.5.7.3.4") \
	row(IPSEC_END, 4, "ipsecEndSystem", "1.3.6.1.5.5.7.3.5") \
	row(IPSEC_TUNNEL, 5, "ipsecTunnel", "1.3.6.1.5.5.7.3.6") \
	row(IPSEC_USER, 6, "ipsecUser", "1.3.6.1.5.5.7.3.7") \
	row(TIME_STAMP, 7, "timeStamping", "1.3.6.1.5.5.7.3.8") \
	row(OCSP_SIGN, 8, "ocspSigning", "1.3.6.1.5.5.7.3.9") \
	row(IKE, 9, "ipsecIKE", "1.3.6.1.5.5.7.3.17") \
	row(IKE_INTERMEDIATE, 10, "iKEIntermediate", "1.3.6.1.5.5.8.2.2") \
	row(MS_LOGON, 11, "msSmartcardLogon", "1.3.6.1.4.1.311.20.2.2") \
	row(ANY, 12, "anyExtendedKeyUsage", "2.5.29.37.0")
enum {
#define row(id, bit, name, oid) CERT_EKU_##id = 1 << (bit),
	CERT_EKU_ROWS(row)
#undef row
	CERT_EKU_OTHER = 1 << 30 /* one that is in no row */
};

/* A name in the form of an ID payload (RFC 7296 section 3.5): type and data. */
struct cert_name {
	uint8_t type; /* 1 IPv4, 2 FQDN, 3 RFC 822, 5 IPv6, 9 DN, 11 key id; 0 any */
	slice data;
};

enum { CERT_OCSP_NOCHECK = 1, CERT_SELF_SIGNED = 2 /* names equal; the signature was not looked at */,
	CERT_NO_KEY_USAGE = 4, CERT_NO_EKU = 8, CERT_V3 = 16 };

struct cert_info {
	uint32_t size;
	uint32_t flags;
	slice der, subject, issuer; /* names as DER */
	slice serial;               /* contents of the INTEGER */
	slice spki;                 /* SubjectPublicKeyInfo, DER */
	slice skid, akid;           /* key identifiers, empty when there are none */
	int64_t not_before, not_after; /* seconds since 1970 UTC */
	uint8_t sha256[32];         /* of der */
	uint8_t key_sha1[20];       /* of spki: CERTREQ and key id (RFC 7296 section 3.7) */
	uint8_t key_kind;           /* enum cert_key_kind */
	uint16_t key_group;         /* EC: IANA KE group of the curve */
	uint16_t key_bits;
	uint8_t sig_id;             /* enum plug_sign_id, 0 other: how the issuer signed */
	uint16_t sig_hash;          /* as in sign_how */
	bool is_ca, self_issued;
	int32_t path_len;           /* -1 no limit */
	uint16_t key_usage;         /* CERT_KU_…; all bits when CERT_NO_KEY_USAGE */
	uint32_t ekus;              /* CERT_EKU_… */
	const struct cert_name *names; /* the subject (when not empty), then each subjectAltName that an ID can carry */
	size_t n_names;
	const slice *crl_uris, *ocsp_uris, *issuer_uris; /* ASCII text, not terminated */
	size_t n_crl_uris, n_ocsp_uris, n_issuer_uris;
};

struct cert_crl_info {
	uint32_t size;
	slice der, issuer;
	int64_t this_update, next_update; /* 0: none given */
	slice number;       /* contents of the INTEGER; empty none */
	slice base;         /* of a delta CRL: the number it builds on; empty: complete */
	slice akid;
	size_t n_revoked;
	const slice *fresh_uris; /* where delta CRLs are (RFC 5280 section 5.2.6) */
	size_t n_fresh_uris;
};

/* Why a call failed: one sentence. */
struct cert_why {
	char text[320];
};

/* ---- files ------------------------------------------------------------------------------------------------------ */

enum cert_object_kind {
	CERT_OBJ_CERT = 1, /* cert */
	CERT_OBJ_CRL,      /* crl */
	CERT_OBJ_KEY,      /* der: PKCS #8 PrivateKeyInfo without encryption, spki: its public half */
	CERT_OBJ_PUBLIC,   /* der = spki: SubjectPublicKeyInfo */
	CERT_OBJ_REQUEST,  /* der: PKCS #10 */
	CERT_OBJ_LOCKED    /* a private key whose passphrase is missing or wrong; der as in the file */
};

struct cert_object {
	uint8_t kind;
	slice der, spki;
	struct cert *cert;
	struct cert_crl *crl;
};

/* Freed with cert_ops.objects_free, which wipes private keys; a certificate to keep is taken with cert_ref. */
struct cert_objects {
	struct cert_object *v;
	size_t n;
};

/* ---- verifying -------------------------------------------------------------------------------------------------- */

/* How much must be known about revocation. OFF: nothing is looked at. RELAXED: what says "revoked" counts, what is missing
 * is a note. IFURI: as STRICT for certificates that name a CRL or OCSP address, else RELAXED. STRICT: each certificate
 * of the path but the anchor needs a good answer that is current. */
enum cert_rev_mode { CERT_REV_OFF = 0, CERT_REV_RELAXED, CERT_REV_IFURI, CERT_REV_STRICT, CERT_REV_DEFAULT = 255 };

/* An OCSP answer as it came: DER of OCSPResponse. nonce: the one that was sent, empty: none was or any is taken. */
struct cert_ocsp {
	slice der;
	slice nonce;
};

/* A kind of key and how strong it has to be. */
struct cert_strength {
	uint8_t key_kind;
	uint16_t min_bits;
};

/* How certificates of the path may be signed; hash 0 any. */
struct cert_scheme {
	uint8_t sig_id;
	uint16_t hash;
};

enum { /* cert_verify.flags */
	CERT_EXPLICIT_POLICY = 1u << 0,   /* the three inputs of RFC 5280 section 6.1.1 (e) (f) (g) */
	CERT_INHIBIT_MAPPING = 1u << 1,
	CERT_INHIBIT_ANY_POLICY = 1u << 2,
	CERT_FOR_IKE = 1u << 3,           /* key usage and EKU of the leaf as RFC 4945 section 5.1.3 has them */
	CERT_NAME_IN_CN = 1u << 4,        /* an FQDN may also be the CN of a leaf without dNSName */
	CERT_ALLOW_SHA1 = 1u << 5,        /* else certificates and CRLs signed with SHA-1 are refused; MD5 always is */
	CERT_NO_ANCHOR_DATES = 1u << 6,   /* an anchor may have expired (RFC 5280 looks at its name and key alone) */
	CERT_NAME_EXACT = 1u << 7         /* the name is what a peer says of itself: no pattern */
};

/* All borrowed for the call. */
struct cert_verify {
	uint32_t size;
	uint32_t flags;
	struct cert *leaf;
	struct cert *const *intermediates; /* also those that sign CRLs */
	struct cert *const *anchors;
	struct cert_crl *const *crls;      /* complete and delta, in any order */
	const struct cert_ocsp *ocsp;
	size_t n_intermediates, n_anchors, n_crls, n_ocsp;
	int64_t time;                      /* seconds since 1970 UTC */
	uint8_t rev_mode;                  /* enum cert_rev_mode */
	const uint8_t *anchor_rev_mode;    /* one per anchor, CERT_REV_DEFAULT: rev_mode; NULL none */
	const char *const *policies;       /* dotted OIDs; none: any policy */
	size_t n_policies;
	/* Who the peer says it is; type 0: not looked at. A name in pattern form ("*.example.com", "C=CH, CN=*") matches any
	 * such name of the certificate. */
	struct cert_name name;
	/* Constraints of a connection; each none: not looked at. */
	struct cert *const *need_ca;       /* one of these has to be on the path above the leaf */
	size_t n_need_ca;
	const struct cert_name *need_ca_name; /* a DN, possibly with "*" values, of a CA on the path */
	const struct cert_strength *strengths; /* a kind that is not listed is refused */
	size_t n_strengths;
	const struct cert_scheme *schemes;
	size_t n_schemes;
	uint32_t need_eku;                 /* the leaf needs one of these EKUs */
	const struct cert_map *map;
};

/* Verdict of one check. */
enum cert_verdict { CERT_OK = 1, CERT_NOTE /* worth reading, does not decide */, CERT_FAIL };

/* What is checked: identifier for machines, and the question for people. */
#define CERT_CHECK_ROWS(row) \
	row(PATH, "path", "is there a path to a trust anchor") \
	row(SIGNATURE, "signature", "did the issuer sign it") \
	row(ALGORITHM, "algorithm", "is the signature algorithm strong enough") \
	row(VALIDITY, "validity", "is it within its validity") \
	row(EXTENSIONS, "extensions", "are all critical extensions known") \
	row(CA, "ca", "may the issuer act as a CA") \
	row(PATH_LEN, "path-length", "is the path no longer than its CAs allow") \
	row(KEY_USAGE, "key-usage", "may the key be used for this") \
	row(EKU, "extended-key-usage", "is the purpose allowed") \
	row(NAME_CONSTRAINTS, "name-constraints", "are its names allowed by the CAs above") \
	row(POLICY, "policy", "does the path have an acceptable policy") \
	row(REVOCATION, "revocation", "is it known not to be revoked") \
	row(CRL, "crl", "is this CRL usable") \
	row(OCSP, "ocsp", "is this OCSP answer usable") \
	row(NAME, "name", "does it name the peer") \
	row(CONSTRAINT, "constraint", "does it satisfy the connection") \
	row(MAP, "map", "does the certificate map match") \
	row(KEY, "key", "is the key strong enough") \
	row(CLOCK, "clock", "is our clock plausible")
enum cert_check {
#define row(id, name, text) CERT_CHECK_##id,
	CERT_CHECK_ROWS(row)
#undef row
	CERT_CHECK_END
};

/* What to do about an error: shown wherever the error is. Codes without a row need no remedy. */
#define CERT_REMEDY_ROWS(row) \
	row(CERT_MALFORMED, "ask the owner for a correct file; adit-pki print FILE shows how far it can be read") \
	row(CERT_EXPIRED, "renew the certificate, or correct this host's clock when it is wrong") \
	row(CERT_NOT_YET, "correct this host's clock (is NTP in sync?), or wait until the certificate becomes valid") \
	row(CERT_REVOKED, "the owner needs a new certificate; ask the CA when the revocation is a mistake") \
	row(CERT_UNKNOWN_CA, "install the issuer's CA certificate as a trust anchor, or let the peer send its intermediate CAs") \
	row(CERT_BAD_SIGNATURE, "the certificate or CRL was changed, or another CA of the same name signed it: fetch it again") \
	row(CERT_WEAK, "let the CA sign with SHA-256 or better and a longer key, or relax the constraint of the connection") \
	row(CERT_NAME, "set the peer's id to a name of its certificate, or issue one with that name as subjectAltName") \
	row(CERT_CONSTRAINT, "use a certificate that satisfies the connection's constraints, or change the constraints") \
	row(CERT_USAGE, "issue the certificate with the key usage or purpose that is missing") \
	row(CERT_NOT_CA, "the issuer is not a CA: let a real CA issue the certificate") \
	row(CERT_PATH_LEN, "a CA allows fewer CAs below it: issue from a CA higher up") \
	row(CERT_NAME_CONSTRAINT, "a CA may not issue for this name: use a name inside its permitted subtrees") \
	row(CERT_POLICY, "issue the certificates with an accepted policy, or accept the policy they have") \
	row(CERT_CRITICAL, "a critical extension is not understood here: issue the certificate without it") \
	row(CERT_MAP, "correct the certificate map or use a certificate that matches") \
	row(CRL_MISSING, "make the CRL or OCSP server reachable, load a CRL, or relax `revocation`") \
	row(CRL_STALE, "let the CA publish a fresh CRL, or correct this host's clock when it is wrong") \
	row(CRL_BAD, "the CRL cannot be used: let the CA publish a correct one") \
	row(OCSP_BAD, "correct the OCSP responder, or use CRLs") \
	row(CERT_PASSPHRASE, "give the passphrase of the file") \
	row(CERT_KEY_MISMATCH, "use the private key that belongs to the certificate")

struct cert_node {
	uint16_t path;       /* number of the candidate path, from 1 */
	uint8_t depth;       /* 0 the leaf, then its issuer… */
	uint8_t check;       /* enum cert_check */
	uint8_t verdict;     /* enum cert_verdict */
	err_t err;           /* of CERT_FAIL and some CERT_NOTE, else 0 */
	const char *subject; /* of the certificate looked at */
	const char *text;    /* one sentence with the figures */
	const char *remedy;  /* or "" */
};

enum cert_want_kind { CERT_WANT_CRL = 1, CERT_WANT_DELTA, CERT_WANT_OCSP, CERT_WANT_ISSUER };

/* Revocation data or an issuer that would help. stale: there was one, out of date. */
struct cert_want {
	uint8_t kind;
	bool stale;
	bool decides;           /* the verdict may change with it */
	struct cert *cert;      /* about this one; borrowed from the request */
	struct cert *issuer;    /* NULL: unknown (CERT_WANT_ISSUER) */
	const slice *uris;      /* to try in order; may be none (OCSP: the caller may know another) */
	size_t n_uris;
	slice ocsp_request;     /* DER without nonce; cert_ops.ocsp_request makes one with */
};

struct cert_report {
	err_t verdict;           /* 0: valid */
	const char *text;        /* the sentence of the verdict */
	const char *remedy;      /* or "" */
	const struct cert_node *nodes; /* candidate path after candidate path, in the order of checking */
	size_t n_nodes;
	struct cert *const *chain; /* leaf first, the anchor last; of a failure the path that came farthest, or none */
	size_t n_chain;
	uint16_t path;           /* its number in the nodes */
	int64_t valid_until;     /* least notAfter of the chain */
	int64_t revocation_until; /* when the revocation answers get stale, 0 unknown */
	const struct cert_want *wants;
	size_t n_wants;
	const char *const *policies; /* of a valid path: the policies it is good for; "any" */
	size_t n_policies;
	const struct cert_name *name; /* the name of the leaf that matched, or NULL */
};

/* ---- OCSP --------------------------------------------------------------------------------------------------------- */

enum cert_status { CERT_STATUS_UNKNOWN = 0, CERT_STATUS_GOOD, CERT_STATUS_REVOKED };

struct cert_ocsp_answer {
	uint32_t size;
	uint8_t status;       /* enum cert_status */
	uint8_t reason;       /* CRLReason when revoked */
	int64_t revoked_at, produced_at, this_update, next_update; /* 0: none given */
	bool has_nonce;       /* and it is the one that was sent, else E_OCSP_BAD */
};

/* ---- the functions ---------------------------------------------------------------------------------------------- */

struct cert_ops {
	uint32_t size;
	/* One certificate, DER. The bytes are copied. E_CERT_MALFORMED, E_NOMEM; `why` may be NULL everywhere. */
	err_t (*parse)(slice der, struct cert **out, struct cert_why *why);
	struct cert *(*ref)(struct cert *c);
	void (*unref)(struct cert *c); /* NULL is fine */
	const struct cert_info *(*info)(const struct cert *c);
	err_t (*crl_parse)(slice der, struct cert_crl **out, struct cert_why *why);
	struct cert_crl *(*crl_ref)(struct cert_crl *c);
	void (*crl_unref)(struct cert_crl *c);
	const struct cert_crl_info *(*crl_info)(const struct cert_crl *c);
	/* Whatever a file holds: PEM (any number of blocks) or DER of certificates, CRLs, keys (PKCS #1, SEC 1, PKCS #8, also
	 * encrypted), public keys, requests, PKCS #7, PKCS #12. passphrase NULL: none is known. An object that
	 * needs one is CERT_OBJ_LOCKED; when that is all there is: E_CERT_PASSPHRASE, with *out set. E_CERT_MALFORMED: nothing
	 * usable. `why` tells the first thing that could not be read, also after success (else it is not touched). */
	err_t (*parse_any)(slice bytes, const char *passphrase, struct cert_objects **out, struct cert_why *why);
	void (*objects_free)(struct cert_objects *o);
	/* 0 when a verdict was reached (report->verdict says which), else E_MISUSE, E_NOMEM. The report holds references. */
	err_t (*verify)(const struct cert_verify *req, struct cert_report **out);
	void (*report_free)(struct cert_report *r);
	/* DER of an OCSPRequest with SHA-1 certIDs. *n is the room and then the length. E_SPACE. nonce empty: none. */
	err_t (*ocsp_request)(const struct cert *cert, const struct cert *issuer, slice nonce, uint8_t *out, size_t *n);
	/* Judges an answer about cert: signature, signer (the issuer, or delegated by it), certID, times, nonce. E_OCSP_BAD,
	 * E_CRL_STALE, E_CRL_MISSING (nothing about this certificate). */
	err_t (*ocsp_answer)(const struct cert_ocsp *o, const struct cert *cert, const struct cert *issuer, int64_t time,
		struct cert_ocsp_answer *out, struct cert_why *why);
	/* Is `name` one of the certificate's (RFC 4945 section 3.1)? Patterns as in cert_verify.name. E_CERT_NAME; the
	 * sentence lists the names that were tried. */
	err_t (*name_check)(const struct cert *c, const struct cert_name *name, uint32_t flags, struct cert_why *why);
	/* Certificate maps: see plugins/x509/README.md for the language. E_PARSE. */
	err_t (*map_parse)(const char *text, struct cert_map **out, struct cert_why *why);
	void (*map_free)(struct cert_map *m);
	/* 0, or E_CERT_MAP and the first rule that failed with the value seen. */
	err_t (*map_match)(const struct cert_map *m, const struct cert *c, struct cert_why *why);
	/* "C=CH, O=Lab, CN=gw" of a Name as DER; buf is returned. */
	char *(*dn_text)(slice name, char *buf, size_t cap);
	/* Is this the private half (PKCS #8) of that public key? E_CERT_KEY_MISMATCH, E_CERT_MALFORMED. */
	err_t (*key_matches)(slice pkcs8, slice spki);
	/* E_BAD_VALUE: not a dotted OID. */
	err_t (*oid_check)(const char *dotted);
};

/* "expired", "crl"…: the identifier of a check; "?" for none. */
static inline const char *cert_check_name(unsigned check)
{
	static const char *const names[] = {
#define row(id, name, text) name,
		CERT_CHECK_ROWS(row)
#undef row
	};
	return check < CERT_CHECK_END ? names[check] : "?";
}

static inline const char *cert_check_question(unsigned check)
{
	static const char *const questions[] = {
#define row(id, name, text) text,
		CERT_CHECK_ROWS(row)
#undef row
	};
	return check < CERT_CHECK_END ? questions[check] : "?";
}

/* The remedy of an error, "" when the table has none. */
static inline const char *cert_remedy(err_t e)
{
	static const struct {
		err_t e;
		const char *text;
	} rows[] = {
#define row(name, text) { E_##name, text },
		CERT_REMEDY_ROWS(row)
#undef row
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].e == e)
			return rows[i].text;
	return "";
}

#endif
