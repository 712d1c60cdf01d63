/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing an IKEv2 message: a builder over the write cursor that chains the payloads and fills in lengths by itself.
 *
 * A message in the clear:    wire_begin, wire_put_…, wire_end.
 * A protected message:       wire_begin, (clear payloads,) wire_sk_begin, wire_put_…, wire_sk_end; then sk_seal() with
 *                            o.payload_at, o.body_at and the n_inner it gave.
 * A fragment (RFC 7383):     wire_begin, wire_skf_begin, wr_bytes(&o.w, piece), wire_sk_end; sk_seal(). The first type
 *                            inside goes into fragment 1: wire_sk_first() of the whole message.
 * The first thing that does not fit sets o.w.err (E_SPACE); later calls do nothing; the end functions return it.
 * The caller owns buffer and builder. Any thread; nothing waits, nothing is allocated.
 */
#ifndef ADIT_WIRE_OUT_H
#define ADIT_WIRE_OUT_H

#include "wire/msg.h"

struct ike_out {
	struct wr w;
	size_t next_at;    /* offset of the next-payload byte that names the payload to come */
	size_t payload_at; /* generic header of SK or SKF; 0 none yet */
	size_t body_at;    /* its IV */
	size_t inner_at;   /* first byte to be encrypted */
	struct wr_mark len; /* of the payload being written */
};

/* The header; next and len are filled in later. */
void wire_begin(struct ike_out *o, void *buf, size_t cap, const struct ike_hdr *h);
/* Fills in the length of an unprotected message; *msg is all of it. */
MUST err_t wire_end(struct ike_out *o, slice *msg);

/* Starts SK: generic header and room for the IV. */
void wire_sk_begin(struct ike_out *o, size_t iv_len);
void wire_skf_begin(struct ike_out *o, uint8_t first, uint16_t number, uint16_t total, size_t iv_len);
/* *n_inner: bytes of payloads inside. Lengths are written by sk_seal(). */
MUST err_t wire_sk_end(struct ike_out *o, size_t *n_inner);
/* Type of the first payload inside, after wire_sk_end. */
uint8_t wire_sk_first(const struct ike_out *o);
/* The payloads inside, before sealing: for fragments and for the authenticated data of RFC 9242. */
slice wire_sk_inner(const struct ike_out *o);

/* Any payload by hand: begin writes the generic header, then the body goes to &o->w, then end. */
void wire_pld_begin(struct ike_out *o, uint8_t type);
void wire_pld_end(struct ike_out *o);

/* One proposal for wire_put_sa. The number on the wire is prop->num, or its place from 1 when that is 0. */
struct wire_sa_in {
	const struct suite_prop *prop;
	slice spi; /* empty in IKE_SA_INIT, 8 bytes in an IKE rekey, 4 bytes for ESP and AH */
};
enum { WIRE_SA_NO_KE = 1 }; /* leave out key exchange transforms (IKE_AUTH) */
void wire_put_sa(struct ike_out *o, const struct wire_sa_in *v, size_t n, uint32_t flags);
/* All proposals of a list with one SPI. */
void wire_put_sa_list(struct ike_out *o, const struct suite_prop *const *v, size_t n, slice spi, uint32_t flags);
/* The answer: one suite under the number of the proposal it was taken from. */
void wire_put_sa_suite(struct ike_out *o, const struct suite *s, uint8_t num, slice spi);

void wire_put_ke(struct ike_out *o, uint16_t method, slice data);
/* PLD_IDI or PLD_IDR. */
void wire_put_id(struct ike_out *o, uint8_t pld_type, uint8_t id_type, slice data);
/* PLD_CERT or PLD_CERTREQ. */
void wire_put_cert(struct ike_out *o, uint8_t pld_type, uint8_t enc, slice data);
void wire_put_auth(struct ike_out *o, uint8_t method, slice data);
void wire_put_nonce(struct ike_out *o, slice nonce);
/* A notify about the IKE SA: without protocol and SPI. */
void wire_put_notify(struct ike_out *o, uint16_t type, slice data);
/* With the SPI of a child SA (REKEY_SA, CHILD_SA_NOT_FOUND); `spi` in host order. */
void wire_put_notify_spi(struct ike_out *o, uint16_t type, uint8_t proto, uint32_t spi, slice data);
/* PROTO_IKE without SPIs, or child SPIs in host order. */
void wire_put_delete(struct ike_out *o, uint8_t proto, const uint32_t *spis, size_t n);
void wire_put_vid(struct ike_out *o, slice vid);
/* PLD_TSI or PLD_TSR; at most 255 selectors. */
void wire_put_ts(struct ike_out *o, uint8_t pld_type, const struct ts_sel *v, size_t n);
void wire_put_cp(struct ike_out *o, uint8_t cp_type, const struct wire_cp_attr *v, size_t n);
void wire_put_eap(struct ike_out *o, slice packet);

/* The log line of what has been built, before sealing. Parses it again in `scratch`. */
void wire_out_text(struct text *t, const struct ike_out *o, struct arena *scratch);

/* The body an ID payload has (type, three zeros, data): what AUTH signs (RFC 7296 section 2.15). */
void wire_id_body(struct wr *w, uint8_t id_type, slice data);

#endif
