/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the credentials of the host: for a signature of ours (FX_SIGN), for a verdict about the peer's (FX_TRUST).
 * Both may take long (a token, a CRL to fetch), so the exchange waits (principle P4). Inside of core/ike.
 */
#ifndef ADIT_IKE_ASK_H
#define ADIT_IKE_ASK_H

#include "ike/engine_int.h"

enum { IKE_TRIED_MAX = 8 };

/* How far the authentication of an IKE_AUTH exchange is; in the exchange's arena, made by ike_proof_of. */
struct ike_proof {
	bool peer_right;         /* the peer's AUTH is verified */
	bool weak_told;          /* that the shared secret is weak was said */
	bool answered;           /* the fields below are the answer to what was asked last */
	err_t err;
	const char *why;
	/* Our AUTH payload and the certificates that go with it. */
	uint8_t method;
	slice auth;
	const struct ike_cert *certs;
	uint16_t n_certs;
	const char *scheme;
	const char *note;        /* of struct ike_signed, or NULL */
	/* Our AUTH with the PPK while the one without is made, and then that (ike/ppk.h). */
	struct ike_our_auth {
		uint8_t method;
		slice auth;
		const struct ike_cert *certs;
		uint16_t n_certs;
		const char *scheme, *note;
	} ours;
	slice no_ppk;
	bool ppk_known;          /* which PPK the peer names was looked at for the present connection */
	/* Of the peer; goes to the SA when everything is applied. */
	uint64_t valid_until_s;
	void *peer;
	/* Connections of the responder that did not accept the peer, the best match first; references. */
	struct {
		struct conf_conn *conn;
		err_t err;
		const char *why;
	} tried[IKE_TRIED_MAX];
	uint8_t n_tried;
};

/* NULL: no memory. */
struct ike_proof *ike_proof_of(struct ike_xch *x);
/* Gives back what the proof holds; called when the exchange ends. */
void ike_proof_drop(struct ike_xch *x);

/* Hands out what is asked (copied; token and the fields every question has are filled in) and answers V_WAIT. Called
 * again after the wait it answers V_DONE with the answer in x->proof, or V_CLOSE with the sentence of its error. */
enum verdict ike_ask(struct ike_xch *x, uint8_t fx_type, struct ike_auth_ask *ask, const slice *octets, size_t n_octets);
/* Nobody answered in time: x->proof says so. */
void ike_ask_overdue(struct ike_xch *x);

#endif
