/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key schedules of IKEv2 (RFC 7296 sections 2.13 to 2.18, RFC 9370 section 2.2): pure functions of what is passed.
 * Any thread; nothing waits. Results are secrets that the caller owns. Errors: E_CRYPTO from a provider, E_NOMEM and
 * E_LIMIT from the secret pool, E_MISUSE for lengths no suite has; outputs are then empty.
 */
#ifndef ADIT_CRYPTO_KEYMAT_H
#define ADIT_CRYPTO_KEYMAT_H

#include "base/secret.h"
#include "crypto/crypto.h"
#include "crypto/suite.h"

/* prf+ (section 2.13): len bytes, at most 255 times the output of the PRF. The seed is n pieces. */
MUST err_t keymat_prf_plus(const struct mac_ops *prf, slice key, const slice *seed, size_t n, uint8_t *out, size_t len);

/* SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr, packed. */
enum ike_key_id { IKE_SK_D = 0, IKE_SK_AI, IKE_SK_AR, IKE_SK_EI, IKE_SK_ER, IKE_SK_PI, IKE_SK_PR, IKE_SK_COUNT };

struct ike_keys {
	struct secret all;
	uint8_t d_len;     /* also of SK_pi and SK_pr */
	uint8_t integ_len; /* 0 with an AEAD */
	uint8_t encr_len;  /* with salt */
};

/* Borrowed; empty when it was dropped. */
slice ike_key(const struct ike_keys *k, enum ike_key_id which);
/* SK_pi and SK_pr are wiped: not needed once both sides are authenticated. */
void ike_keys_drop_auth(struct ike_keys *k);
void ike_keys_fini(struct ike_keys *k);
void ike_keys_move(struct ike_keys *dst, struct ike_keys *src);
/* *dst has to be empty. E_NOMEM. */
MUST err_t ike_keys_copy(struct ike_keys *dst, const struct ike_keys *src);

/* What both key schedules of an IKE SA take. Nonces are without payload header; SPIs are those of the new SA. */
struct keymat_ike_in {
	const struct suite *suite;        /* of the new SA */
	const struct crypto_algs *algs;   /* of the new SA */
	slice ni, nr;
	uint64_t spi_i, spi_r;
	const slice *ss;                  /* shared secrets: g^ir, then those of the additional key exchanges */
	size_t n_ss;
};

/* Section 2.14: SKEYSEED = prf(Ni | Nr, g^ir). *out must be empty. n_ss is 1. */
MUST err_t keymat_ike_first(const struct keymat_ike_in *in, struct ike_keys *out);
/* Section 2.18 (rekey): SKEYSEED = prf(SK_d of the old SA, g^ir | Ni | Nr | SK(1) | …) with the old SA's PRF.
 * Also the update after an IKE_INTERMEDIATE exchange (RFC 9370 section 2.2.2), with the SA's own SPIs and nonces. */
MUST err_t keymat_ike_next(const struct keymat_ike_in *in, const struct mac_ops *old_prf, slice old_sk_d,
	struct ike_keys *out);

/* Post-quantum preshared key (RFC 8784 section 3): SK_d, SK_pi and SK_pr become prf+(PPK, SK_x), of the same length; the
 * other keys stay. Before IKE_AUTH on both sides, and never twice. */
MUST err_t keymat_ppk(const struct mac_ops *prf, slice ppk, struct ike_keys *keys);

/* Keys of a child SA: encryption and integrity of initiator to responder, then of responder to initiator, packed. */
struct child_keys {
	struct secret all;
	uint16_t encr_len; /* with salt */
	uint16_t integ_len;
};

/* Borrowed. by_initiator: the direction from the initiator of the exchange that made the child SA. */
slice child_key_encr(const struct child_keys *k, bool by_initiator);
slice child_key_integ(const struct child_keys *k, bool by_initiator);
void child_keys_fini(struct child_keys *k);

/* Section 2.17: KEYMAT = prf+(SK_d, Ni | Nr), with key exchanges prf+(SK_d, g^ir | Ni | Nr | SK(1) | …); the nonces
 * are those of the exchange that makes the child SA. n_ss may be 0. *out must be empty. */
MUST err_t keymat_child(const struct mac_ops *prf, slice sk_d, const struct suite *child, slice ni, slice nr,
	const slice *ss, size_t n_ss, struct child_keys *out);

/* Section 2.15: the octets a side signs or MACs, as pieces (nothing is copied): its first message (IKE_SA_INIT as on
 * the wire, without the non-ESP marker), the other side's nonce, prf(SK_p, body of its ID payload), and what
 * IKE_INTERMEDIATE adds (RFC 9242 section 3.3.2; empty without). */
struct keymat_octets {
	slice v[4];
	uint8_t maced_id[CRYPTO_MAC_MAX];
};

/* sk_p and id_body: SK_pi and IDi for the initiator's octets, SK_pr and IDr for the responder's. id_body starts with
 * the ID type. The result points into o itself: it may not be copied. */
MUST err_t keymat_octets(const struct mac_ops *prf, slice first_msg, slice nonce, slice sk_p, slice id_body,
	slice int_auth, struct keymat_octets *o);

/* AUTH = prf(prf(Shared Secret, "Key Pad for IKEv2"), octets); out has prf->out_len bytes. With a key from an EAP
 * method (MSK) the same. */
MUST err_t keymat_psk_auth(const struct mac_ops *prf, slice psk, const struct keymat_octets *o, uint8_t *out);
/* Compares in constant time. E_AUTH_FAILED. */
MUST err_t keymat_psk_verify(const struct mac_ops *prf, slice psk, const struct keymat_octets *o, slice auth);

#endif
