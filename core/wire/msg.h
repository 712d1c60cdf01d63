/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An IKEv2 message as the engine reads it (RFC 7296 section 3): header and decoded payloads.
 *
 * wire_parse() walks the payloads in the clear up to SK or SKF; when that has been opened (crypto/sk.h) or reassembled
 * (wire/frag.h), wire_parse_inner() walks what was inside and adds it to the same view. All slices point into the datagram,
 * which has to outlive the view; lists are in the arena. Nothing here changes any state: parsing is the "collect" of
 * principle P5. What may stand where is the exchange table's business: the codec decodes every payload it knows,
 * notes per part which types came (`clear`, `inner`), and refuses what RFC 7296 calls malformed in any place.
 * Any thread; nothing waits. An error is of class PEER (E_NOMEM apart), and err_notify() of it is the answer to give
 * where RFC 7296 section 2.21 wants one; *why names payload, offset, value and what is allowed.
 */
#ifndef ADIT_WIRE_MSG_H
#define ADIT_WIRE_MSG_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/netaddr.h"
#include "base/rdwr.h"
#include "base/text.h"
#include "crypto/suite.h"
#include "wire/notify.h"
#include "wire/proto.h"

/* Bounds of what one message may hold (principle P7). Beyond them: E_TOO_MANY and counter "wire.rx.too_many". */
enum {
	WIRE_MAX_BYTES = 65535,
	WIRE_MAX_PAYLOADS = 192, /* in both parts together */
	WIRE_MAX_PROPS = 64,     /* in one SA payload */
	WIRE_MAX_TF = 1024,      /* in one SA payload */
	WIRE_MAX_ATTRS = 16,     /* of one transform */
	WIRE_MAX_CP_ATTRS = 256,
	WIRE_NONCE_MIN = 16,
	WIRE_NONCE_MAX = 256
};

struct ike_hdr {
	uint64_t spi_i, spi_r;
	uint8_t next;    /* type of the first payload */
	uint8_t version; /* IKE_V2 */
	uint8_t exchange;
	uint8_t flags;
	uint32_t mid;
	uint32_t len; /* of the whole message; filled in by the builder */
};

static inline bool ike_is_response(const struct ike_hdr *h)
{
	return (h->flags & IKE_FLAG_RESPONSE) != 0;
}

/* Was it sent by the initiator of the IKE SA? */
static inline bool ike_by_initiator(const struct ike_hdr *h)
{
	return (h->flags & IKE_FLAG_INITIATOR) != 0;
}

/* Every payload of the message in its order. */
struct wire_pld {
	uint8_t type;
	bool critical;
	bool inner;     /* came from inside SK */
	uint16_t index; /* in the array of its type */
	uint32_t at;    /* offset of its generic header in the part it came in */
	slice body;     /* without generic header */
};

/* SA payload, section 3.3. Transforms of a type we do not know keep their number: they spoil their proposal. */
struct wire_sa {
	struct suite_prop **props; /* in the order of the wire; suite_prop_order() has been called */
	slice *spis;               /* one per proposal; empty in IKE_SA_INIT */
	uint16_t n;
};

struct wire_ke {
	uint16_t method;
	slice data; /* at least 1 byte */
};

struct wire_id {
	uint8_t type; /* enum id_type; lengths of address types are checked */
	slice data;
};

struct wire_cert {
	uint8_t enc; /* enum cert_enc */
	slice data;  /* CERTREQ: concatenated key hashes, for other encodings whatever they define */
};

struct wire_auth {
	uint8_t method; /* enum auth_method */
	slice data;
};

struct wire_notify {
	uint8_t proto; /* as it came; 0 without an SPI */
	uint16_t type; /* enum notify_type or any other number */
	slice spi, data;
};

struct wire_delete {
	uint8_t proto;    /* PROTO_IKE (no SPIs), PROTO_AH, PROTO_ESP */
	uint8_t spi_size; /* 0 or 4 */
	uint16_t n;
	slice spis;
};

struct wire_ts {
	struct ts_sel *v;
	uint16_t n;       /* those that can be used */
	uint16_t skipped; /* of a type we do not know, or that no packet can match */
};

struct wire_cp_attr {
	uint16_t type; /* enum cp_attr_type or any other number */
	slice data;
};

struct wire_cp {
	uint8_t type; /* enum cp_type */
	struct wire_cp_attr *v;
	uint16_t n;
};

struct wire_eap {
	uint8_t code; /* 1 request, 2 response, 3 success, 4 failure */
	uint8_t id;
	uint8_t type; /* of requests and responses, else 0 */
	slice packet; /* whole EAP packet */
};

/* Where the encrypted part is. Its payload ends with the message. */
struct wire_sk {
	uint32_t payload_at; /* offset of the generic header in the message; 0: there is none */
	uint32_t body_at;    /* offset of the IV */
	uint8_t first;       /* type of the first payload inside (SKF: 0 but in fragment 1) */
	uint16_t frag, total; /* SKF: number from 1 and count; SK: both 0 */
};

struct ike_msg {
	struct ike_hdr hdr;
	slice raw;             /* the datagram */
	struct arena *arena;
	uint64_t clear, inner; /* payset of known types in each part, SK and SKF included in clear */
	bool inner_done;       /* wire_parse_inner() has succeeded */

	/* At most one of each in a message; the pointer is NULL when it did not come. */
	struct wire_sa *sa;
	struct wire_ke *ke;
	slice *nonce;
	struct wire_id *id_i, *id_r;
	struct wire_auth *auth;
	struct wire_ts *ts_i, *ts_r;
	struct wire_cp *cp;
	struct wire_eap *eap;
	struct wire_sk sk;

	/* May be repeated; in the order of the message. */
	struct wire_cert *certs, *certreqs;
	struct wire_notify *notifies;
	struct wire_delete *deletes;
	slice *vids;
	uint16_t n_certs, n_certreqs, n_notifies, n_deletes, n_vids;

	struct wire_pld *plds;
	uint16_t n_plds;
	uint16_t n_unknown; /* payloads of unknown type without critical bit: skipped */

	/* After an error: the payload it is in, 0 the header. With E_CRITICAL it is the data of the notify. */
	uint8_t bad_type;
};

/* Reads the header alone: enough to find the SA. r then stands at the first payload. E_TRUNCATED, E_VERSION (major is
 * not 2; *h is filled), E_SYNTAX (length below the header's). The length is not compared with the datagram. */
MUST err_t wire_parse_hdr(struct rd *r, struct ike_hdr *h);

/* The clear part. *m is overwritten; its header is valid after any error but E_TRUNCATED of the header itself.
 * The datagram has to be exactly as long as its header says. *why may be NULL. */
MUST err_t wire_parse(struct ike_msg *m, slice datagram, struct arena *a, struct diag **why);

/* What was inside SK: `plain` without padding, the type of its first payload from m->sk.first (or the reassembled
 * one). Only after wire_parse() has succeeded. An SK inside SK is E_SYNTAX. An empty plain with first 0 is right. */
MUST err_t wire_parse_inner(struct ike_msg *m, slice plain, uint8_t first, struct diag **why);

/* Nonce and cookie of an IKE_SA_INIT request by a look at its payload headers alone: a responder under load answers
 * without decoding anything. Empty slices when they are not there or of a length that is not allowed. */
void wire_peek_cookie(slice datagram, slice *nonce, slice *cookie);

/* First notify of the type, NULL none. */
const struct wire_notify *wire_notify(const struct ike_msg *m, uint16_t type);
/* First notify that is an error, NULL none. */
const struct wire_notify *wire_error(const struct ike_msg *m);
/* SPI of a delete, host order; 0 behind the last. */
uint32_t wire_delete_spi(const struct wire_delete *d, uint16_t i);
/* A 4-byte SPI in host order; 0 when the slice has another length. */
uint32_t wire_spi4(slice s);
/* An 8-byte one. */
uint64_t wire_spi8(slice s);

/* "IKE_SA_INIT request 0 [ SA KE No N(NATD_S_IP) N(NATD_D_IP) V ]": the line operators know. */
void wire_text(struct text *t, const struct ike_msg *m);
/* The beginning of it: "IKE_SA_INIT request 0". */
void wire_text_hdr(struct text *t, const struct ike_hdr *h);

/* ---- payload facts ------------------------------------------------------------------------------------------- */

enum { /* struct pld_fact.flags */
	PLD_REPEATS = 1,  /* may come more than once */
	PLD_LAST = 2,     /* ends the clear part: nothing may follow */
	PLD_NOT_INNER = 4 /* never inside SK */
};

struct ike_out;

struct pld_fact {
	uint8_t type;
	uint8_t flags;
	uint16_t min_len; /* of the body, without generic header */
	uint16_t max;     /* in one message */
	const char *name, *shrt;
	/* Decodes a body into the array of its type. m->arena for lists. */
	err_t (*decode)(struct ike_msg *m, struct rd *r, struct diag **why);
	/* Writes item `index` of m again, generic header included. */
	void (*encode)(struct ike_out *o, const struct ike_msg *m, uint16_t index);
	/* Adds to the log line what stands in the brackets, or NULL: the short name alone. */
	void (*text)(struct text *t, const struct ike_msg *m, uint16_t index);
};

/* NULL for a type we do not know. */
const struct pld_fact *pld_fact(uint8_t type);
/* The n-th row, NULL at the end. */
const struct pld_fact *pld_fact_at(size_t n);

#endif
