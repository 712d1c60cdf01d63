/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DER (X.690) over the bounded cursor: lengths definite and in their shortest form, tags of one byte. The first thing
 * that is wrong sets the cursor's error and everything after it reads as empty, so that a decoder checks once, with
 * rd_close().
 */
#ifndef ADIT_X509_DER_H
#define ADIT_X509_DER_H

#include "base/rdwr.h"

enum {
	ASN_BOOL = 0x01,
	ASN_INT = 0x02,
	ASN_BITS = 0x03,
	ASN_OCTETS = 0x04,
	ASN_NULL = 0x05,
	ASN_OID = 0x06,
	ASN_ENUM = 0x0a,
	ASN_UTF8 = 0x0c,
	ASN_NUMERIC = 0x12,
	ASN_PRINTABLE = 0x13,
	ASN_T61 = 0x14,
	ASN_IA5 = 0x16,
	ASN_UTC = 0x17,
	ASN_GENERALIZED = 0x18,
	ASN_VISIBLE = 0x1a,
	ASN_UNIVERSAL = 0x1c,
	ASN_BMP = 0x1e,
	ASN_SEQ = 0x30,
	ASN_SET = 0x31
};

/* The next element: its tag, contents, and (raw) the whole of it with tag and length. */
static inline slice asn_any(struct rd *r, uint8_t *tag, slice *raw)
{
	const uint8_t *from = r->p;

	*tag = rd_u8(r);
	size_t n = rd_u8(r);
	if ((*tag & 0x1f) == 0x1f)
		rd_fail(r, E_SYNTAX);
	if (n >= 0x80) {
		size_t k = n & 0x7f;
		n = 0;
		if (k < 1 || k > 4)
			rd_fail(r, E_SYNTAX);
		for (size_t i = 0; i < k && !r->err; i++)
			n = n << 8 | rd_u8(r);
		if (n < 0x80 || (k > 1 && n >> (8 * (k - 1)) == 0))
			rd_fail(r, E_SYNTAX);
	}
	slice body = rd_bytes(r, n);
	if (raw)
		*raw = r->err ? SLICE_NONE : slice_of(from, (size_t)(r->p - from));
	return r->err ? SLICE_NONE : body;
}

/* The contents of the next element, which has to have this tag. */
static inline slice asn_next(struct rd *r, uint8_t tag)
{
	uint8_t is;
	slice s = asn_any(r, &is, NULL);

	if (is != tag) {
		rd_fail(r, E_SYNTAX);
		return SLICE_NONE;
	}
	return s;
}

/* As asn_next, but with tag and length. */
static inline slice asn_whole(struct rd *r, uint8_t tag)
{
	uint8_t is;
	slice raw;

	asn_any(r, &is, &raw);
	if (is != tag) {
		rd_fail(r, E_SYNTAX);
		return SLICE_NONE;
	}
	return raw;
}

static inline bool asn_at(const struct rd *r, uint8_t tag)
{
	return !r->err && rd_left(r) && r->p[0] == tag;
}

static inline struct rd asn_in(struct rd *r, uint8_t tag)
{
	struct rd in = rd_of(asn_next(r, tag));

	in.err = r->err;
	return in;
}

/* A BOOLEAN: DER knows 0 and 0xff alone. */
static inline bool asn_bool(struct rd *r)
{
	slice s = asn_next(r, ASN_BOOL);

	if (!r->err && (s.n != 1 || (s.p[0] != 0 && s.p[0] != 0xff)))
		rd_fail(r, E_SYNTAX);
	return !r->err && s.p[0];
}

/* Contents of an INTEGER of any size and sign. */
static inline slice asn_int(struct rd *r, uint8_t tag)
{
	slice s = asn_next(r, tag);

	if (!r->err &&
	    (!s.n || (s.n > 1 && ((s.p[0] == 0 && !(s.p[1] & 0x80)) || (s.p[0] == 0xff && (s.p[1] & 0x80))))))
		rd_fail(r, E_SYNTAX);
	return r->err ? SLICE_NONE : s;
}

/* An INTEGER from 0 to max; more is taken as max. */
static inline int32_t asn_small(struct rd *r, uint8_t tag, int32_t max)
{
	slice s = asn_int(r, tag);
	int64_t v = 0;

	if (!r->err && s.p[0] & 0x80)
		rd_fail(r, E_SYNTAX);
	for (size_t i = 0; i < s.n && v <= max; i++)
		v = v << 8 | s.p[i];
	return r->err ? 0 : v > max ? max : (int32_t)v;
}

/* BIT STRING of named bits: bit n of the string is 1 << n. At most 16 are looked at. */
static inline uint16_t asn_named_bits(struct rd *r, uint8_t tag)
{
	slice s = asn_next(r, tag);
	uint16_t v = 0;

	if (!r->err && (!s.n || s.p[0] > 7 || (s.n == 1 && s.p[0])))
		rd_fail(r, E_SYNTAX);
	for (size_t i = 1; !r->err && i < s.n && i <= 2; i++)
		for (unsigned b = 0; b < 8; b++)
			if (s.p[i] & 0x80u >> b)
				v |= (uint16_t)(1u << (8 * (i - 1) + b));
	return v;
}

/* BIT STRING that holds bytes. */
static inline slice asn_bit_bytes(struct rd *r)
{
	slice s = asn_next(r, ASN_BITS);

	if (!r->err && (!s.n || s.p[0]))
		rd_fail(r, E_SYNTAX);
	return r->err ? SLICE_NONE : slice_of(s.p + 1, s.n - 1);
}

/* The BIT STRING of a signature. One that does not end with a byte is no signature: empty, which nothing verifies. */
static inline slice asn_signature(struct rd *r)
{
	slice s = asn_next(r, ASN_BITS);

	if (!r->err && (!s.n || s.p[0] > 7))
		rd_fail(r, E_SYNTAX);
	return r->err || s.p[0] ? SLICE_NONE : slice_of(s.p + 1, s.n - 1);
}

/* UTCTime or GeneralizedTime in the only forms of RFC 5280 section 4.1.2.5, as seconds since 1970. */
int64_t asn_time(struct rd *r);
static inline bool asn_at_time(const struct rd *r)
{
	return asn_at(r, ASN_UTC) || asn_at(r, ASN_GENERALIZED);
}

/* Writing: tag, length in the shortest form, contents. */
void asn_put(struct wr *w, uint8_t tag, slice body);
/* Head of an element of n bytes. */
void asn_put_head(struct wr *w, uint8_t tag, size_t n);

/* "2.5.29.15" to contents of an OBJECT IDENTIFIER and back. E_BAD_VALUE, E_SPACE. */
MUST err_t asn_oid_parse(const char *dotted, uint8_t *out, size_t cap, size_t *n);
char *asn_oid_text(slice oid, char *buf, size_t cap);

#endif
