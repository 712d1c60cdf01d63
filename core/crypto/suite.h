/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cipher suites: transforms, proposals, proposal text, selection (RFC 7296 section 3.3, RFC 5282, RFC 9370).
 *
 * Three things: facts about every algorithm of the field (one table), proposals as lists of transforms (ours from the
 * configuration, the peer's from its SA payload), and the choice of one suite out of both.
 * Everything is plain data without locks; proposals are never changed after they were made, so any thread may read
 * them and all SAs of a connection share those of its configuration. Nothing waits.
 */
#ifndef ADIT_CRYPTO_SUITE_H
#define ADIT_CRYPTO_SUITE_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/text.h"

struct crypto;

enum suite_proto { SUITE_IKE = 1, SUITE_AH = 2, SUITE_ESP = 3 };

/* Transform types (IANA). */
enum suite_type {
	SUITE_ENCR = 1,
	SUITE_PRF = 2,
	SUITE_INTEG = 3,
	SUITE_KE = 4,
	SUITE_ESN = 5,
	SUITE_AKE1 = 6, /* additional key exchanges 1 to 7: types 6 to 12 */
	SUITE_AKE7 = 12,
	SUITE_TYPE_END
};

/* Transform ids that code has to know by name; all others are rows of the fact table. */
enum {
	SUITE_NULL = 11,         /* ENCR_NULL */
	SUITE_INTEG_NONE = 0,
	SUITE_KE_NONE = 0,
	SUITE_ESN_NO = 0,
	SUITE_ESN_YES = 1
};

/* ---- facts -------------------------------------------------------------------------------------------------- */

enum { /* struct suite_fact.flags */
	SUITE_WEAK = 1,    /* only when a configuration asks for it by name; never part of "default" */
	SUITE_AEAD = 2,
	SUITE_KEYLEN = 4,  /* has a Key Length attribute on the wire */
	SUITE_DEFAULT = 8, /* part of "default" when something that is loaded provides it */
	SUITE_NO_IKE = 16, /* for ESP and AH only */
	SUITE_NO_CHILD = 32,
	SUITE_BROKEN = 64 /* refused even by name unless suite_env.broken allows it */
};

struct suite_fact {
	uint8_t type;      /* enum suite_type; KE rows serve the additional key exchanges, too */
	uint16_t id;
	uint16_t bits[4];  /* key lengths in bits without salt, best first, 0 ends; of INTEG: the one key length */
	uint8_t salt_len;  /* bytes of keying material behind the key */
	uint8_t out_len;   /* bytes of an ICV (AEAD, INTEG) or of a PRF */
	uint8_t flags;
	const char *name;  /* "AES_GCM_16", "HMAC_SHA2_256_128", "PRF_HMAC_SHA2_256", "CURVE_25519" */
	const char *word;  /* in proposal text; with SUITE_KEYLEN %u stands for the bits ("aes%ugcm16") */
	const char *needs; /* Debian package or plugin that provides it: for error texts; NULL none known */
};

/* NULL when the number is not in the table: a normal answer. */
const struct suite_fact *suite_fact(uint8_t type, uint16_t id);
/* The n-th row in the table's order (best first within a type), NULL at the end. */
const struct suite_fact *suite_fact_at(size_t n);
/* Name of an algorithm; "ENCR_1234" written to buf for an unknown number. */
const char *suite_alg_name(uint8_t type, uint16_t id, char buf[32]);
/* "ENCRYPTION_ALGORITHM", "PSEUDO_RANDOM_FUNCTION", "INTEGRITY_ALGORITHM", "KEY_EXCHANGE_METHOD"… */
const char *suite_type_name(uint8_t type);
/* Name of an IKEv2 hash algorithm (RFC 7427): "HASH_SHA2_256"; NULL unknown. */
const char *suite_hash_name(uint16_t id);

/* Another word for the same algorithm; bits 0: those of the %u in the word, or none. */
struct suite_alias {
	const char *word;
	uint8_t type;
	uint16_t id, bits;
};
const struct suite_alias *suite_alias_at(size_t n);
/* A word that swanctl knows and we refuse; a star at its end stands for digits or nothing. */
struct suite_refusal {
	const char *word, *why; /* half a sentence with the remedy */
};
const struct suite_refusal *suite_refusal_at(size_t n);
const struct suite_refusal *suite_refusal_of(slice word); /* NULL: not one of them */

/* ---- proposals ---------------------------------------------------------------------------------------------- */

struct suite_tf {
	uint8_t type; /* enum suite_type */
	bool unusable; /* of a peer: an attribute we do not understand; never chosen, but the type counts as present */
	uint16_t id;
	uint16_t bits; /* Key Length attribute, 0 none */
};

/* Transforms stand ordered by type, within a type by preference. At most 255. */
struct suite_prop {
	uint8_t proto; /* enum suite_proto */
	uint8_t num;   /* number on the wire; from 1 */
	uint8_t n;
	struct suite_tf tf[];
};

/* A proposal for up to n transforms in the arena (a peer's, decoded); the caller fills it. NULL as arena_get. */
struct suite_prop *suite_prop_get(struct arena *a, uint8_t proto, uint8_t num, uint8_t n);
/* Brings the transforms into the order the other functions expect; what is equal is kept once. */
void suite_prop_order(struct suite_prop *p);

/* An owned list: the proposals of a connection or a child, most preferred first. {0} is empty. */
struct suite_list {
	struct suite_prop **v;
	uint16_t n;
};

void suite_list_fini(struct suite_list *l);

/* Tells whether something that is loaded provides an algorithm: for IKE the crypto plugins, for ESP the data plane. */
struct suite_env {
	bool (*has)(void *arg, uint8_t proto, const struct suite_tf *tf);
	void *arg;
	bool broken; /* the weak-crypto switch: what can be broken by anybody (DES) may be named */
	bool hybrid; /* the engine does several key exchanges (RFC 9370): "default" offers ML-KEM beside a curve first */
};

/* The environment of IKE proposals; *c has to stay. */
struct suite_env suite_env_crypto(const struct crypto *c);

/* Adds the proposal `text` (one, as in swanctl.conf: "aes256gcm16-prfsha384-x25519", "aes128-sha256-modp2048",
 * "chacha20poly1305-prfsha256-curve25519-ke1_mlkem768", "default") to the list. "default" adds one AEAD and one
 * classic proposal of all that is not weak and that env provides. For IKE missing PRFs are those of the integrity
 * algorithms; ESP gets ESN "no" unless the text has esn or noesn. env NULL: everything is provided.
 * E_BAD_VALUE: a word is unknown or the combination makes no proposal; E_NOT_SUPPORTED: nothing provides it. *why has
 * the column (from 1, within text) of the word, the word, and the nearest known one. The list is unchanged after an
 * error. An integrity algorithm beside an AEAD is left out: 0, and *why is a remark about it. */
MUST err_t suite_list_add(struct suite_list *l, const struct suite_env *env, uint8_t proto, const char *text,
	struct diag **why);

/* "IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/CURVE_25519" (all alternatives, in order). */
void suite_prop_text(struct text *t, const struct suite_prop *p);
/* "aes256gcm16-prfsha384-x25519": can be parsed again. */
void suite_prop_words(struct text *t, const struct suite_prop *p);

/* First transform of the type, NULL none. */
const struct suite_tf *suite_prop_first(const struct suite_prop *p, uint8_t type);
/* Does the proposal hold this KE method (any of the list: for INVALID_KE_PAYLOAD)? */
bool suite_list_has_ke(const struct suite_prop *const *v, size_t n, uint16_t ke);
/* Our most preferred KE method (of the first proposal that has one), SUITE_KE_NONE when none. */
uint16_t suite_list_first_ke(const struct suite_prop *const *v, size_t n);

/* ---- choice ------------------------------------------------------------------------------------------------- */

/* What was agreed. Compact: an SA keeps one. */
struct suite {
	uint8_t proto;
	bool esn;
	uint16_t encr, encr_bits; /* encr 0: none (AH); encr_bits 0 only when the algorithm has one key length */
	uint16_t integ;           /* SUITE_INTEG_NONE with an AEAD */
	uint16_t prf;             /* IKE */
	uint16_t ke;              /* SUITE_KE_NONE: no key exchange (child SA without PFS) */
	uint16_t ake[7];          /* additional key exchanges, 0 none */
};

enum { /* flags of suite_select */
	SUITE_PREFER_PEER = 1, /* the peer's order decides, else ours (proposals and transforms) */
	SUITE_STRIP_KE = 2,    /* first child SA in IKE_AUTH: no key exchange, on either side */
	SUITE_OPTIONAL_KE = 4  /* a peer's proposal without KE matches ours with KE (rekey of a child without PFS) */
};

/* Chooses one suite out of our and the peer's proposals. Rules of RFC 7296 section 3.3: every transform type of a
 * proposal has to be agreed on; a type in one and not in the other fails, except that INTEG NONE equals no INTEG, KE
 * NONE equals no KE and no ESN transform means "no"; key lengths equal exactly; an AEAD is chosen without INTEG and
 * anything else with INTEG; an unknown transform type spoils its proposal. ke_hint: the method of the KE payload that
 * came along: among equals the one to take, since it saves a round trip (0 none).
 * *ours_at and *theirs_at (may be NULL) are the indices. E_NO_PROPOSAL; *why says per proposal of ours the first type
 * that differs. Used by a responder; an initiator checks the answer with suite_accept. */
MUST err_t suite_select(const struct suite_prop *const *ours, size_t n_ours, const struct suite_prop *const *theirs,
	size_t n_theirs, uint32_t flags, uint16_t ke_hint, struct suite *out, size_t *ours_at, size_t *theirs_at,
	struct diag **why);

/* The responder's answer: one proposal with one transform per type, which must be among what we offered under the
 * same number. E_NO_PROPOSAL (RFC 7296 section 2.7: the exchange is rejected). Flags: SUITE_STRIP_KE. */
MUST err_t suite_accept(const struct suite_prop *const *ours, size_t n_ours, const struct suite_prop *answer,
	uint32_t flags, struct suite *out, struct diag **why);

/* The suite as transforms (the answer of a responder, or to compare): at most SUITE_TF_MAX; returns how many. */
#define SUITE_TF_MAX 12
uint8_t suite_transforms(const struct suite *s, struct suite_tf out[SUITE_TF_MAX]);

/* The additional key exchanges of a suite in their order, without gaps; returns how many. out may be NULL. */
#define SUITE_EXTRA_KES 7
uint8_t suite_extra_kes(const struct suite *s, uint16_t out[SUITE_EXTRA_KES]);

/* Does one of its key exchanges withstand a quantum computer (ML-KEM)? */
bool suite_is_pq(const struct suite *s);

bool suite_is_aead(const struct suite *s);
/* Bytes of keying material for one direction: key with salt; integrity key (0 with an AEAD). From the fact table,
 * so also for what only the kernel does. E_NOT_SUPPORTED for a number that is not in the table. */
MUST err_t suite_key_lens(const struct suite *s, uint16_t *encr_len, uint16_t *integ_len);

/* "AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519" as swanctl shows an SA. */
void suite_text(struct text *t, const struct suite *s);

#endif
