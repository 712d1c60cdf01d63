/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names in canonical form. Strings of any type are decoded to code points, letters folded to one case, spaces at the
 * ends dropped and runs of them made one (RFC 5280 section 7.1, RFC 4518 in its parts that meet certificates: case
 * pairs of the Latin, Greek and Cyrillic blocks, spaces, characters that are mapped to nothing). Other values compare
 * by their bytes. RDNs are sets: their parts are sorted.
 */
#include "der.h"
#include "x509.h"

#include <stdlib.h>

enum { AVAS_MAX = 16, RDNS_MAX = 128 };

/* Upper-case code points and where their lower case is. step 2: every other one, the next is its lower case. */
static const struct fold {
	uint32_t lo, hi, add;
	uint8_t step;
} folds[] = {
	{ 'A', 'Z', 32, 1 },     { 0xc0, 0xd6, 32, 1 },   { 0xd8, 0xde, 32, 1 },    { 0x100, 0x12f, 1, 2 },
	{ 0x132, 0x137, 1, 2 },  { 0x139, 0x148, 1, 2 },  { 0x14a, 0x177, 1, 2 },   { 0x179, 0x17e, 1, 2 },
	{ 0x391, 0x3a1, 32, 1 }, { 0x3a3, 0x3ab, 32, 1 }, { 0x400, 0x40f, 80, 1 },  { 0x410, 0x42f, 32, 1 },
	{ 0x460, 0x481, 1, 2 },  { 0x48a, 0x4bf, 1, 2 },  { 0x1e00, 0x1e95, 1, 2 }, { 0x1ea0, 0x1eff, 1, 2 },
};

static uint32_t fold(uint32_t c)
{
	if (c == 0x178)
		return 0xff;
	for (size_t i = 0; i < ARRAY_LEN(folds); i++)
		if (c >= folds[i].lo && c <= folds[i].hi)
			return folds[i].step == 2 && (c - folds[i].lo) % 2 ? c : c + folds[i].add;
	return c;
}

static bool is_space(uint32_t c)
{
	return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool is_nothing(uint32_t c)
{
	return c == 0xad || c == 0x200b || c == 0x2060 || c == 0xfeff || (c >= 0xfe00 && c <= 0xfe0f) || c < 9 ||
		(c > 13 && c < 32) || (c >= 0x7f && c <= 0x84) || (c >= 0x86 && c <= 0x9f);
}

static uint32_t utf8_next(struct rd *r)
{
	uint8_t b = rd_u8(r);
	unsigned more = b < 0x80                ? 0
			: b >= 0xc2 && b < 0xe0 ? 1
			: b >= 0xe0 && b < 0xf0 ? 2
			: b >= 0xf0 && b < 0xf5 ? 3
						: 9;
	uint32_t c = more == 0 ? b : b & (0x3fu >> more);

	if (more == 9) {
		rd_fail(r, E_SYNTAX);
		return 0;
	}
	for (unsigned i = 0; i < more; i++) {
		b = rd_u8(r);
		if ((b & 0xc0) != 0x80)
			rd_fail(r, E_SYNTAX);
		c = c << 6 | (b & 0x3f);
	}
	return c;
}

/* Code point by code point; 0 at an error. */
static uint32_t next_char(struct rd *r, uint8_t tag)
{
	switch (tag) {
	case ASN_BMP:
		return rd_u16(r);
	case ASN_UNIVERSAL:
		return rd_u32(r);
	case ASN_UTF8:
		return utf8_next(r);
	default:
		return rd_u8(r); /* the ASCII types; Teletex as Latin-1, as everybody writes it */
	}
}

static void put_utf8(struct wr *w, uint32_t c)
{
	if (c < 0x80) {
		wr_u8(w, (uint8_t)c);
	} else if (c < 0x800) {
		wr_u8(w, (uint8_t)(0xc0 | c >> 6));
		wr_u8(w, (uint8_t)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		wr_u8(w, (uint8_t)(0xe0 | c >> 12));
		wr_u8(w, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
		wr_u8(w, (uint8_t)(0x80 | (c & 0x3f)));
	} else {
		wr_u8(w, (uint8_t)(0xf0 | (c >> 18 & 7)));
		wr_u8(w, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
		wr_u8(w, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
		wr_u8(w, (uint8_t)(0x80 | (c & 0x3f)));
	}
}

static bool is_string(uint8_t tag)
{
	return tag == ASN_UTF8 || tag == ASN_NUMERIC || tag == ASN_PRINTABLE || tag == ASN_T61 || tag == ASN_IA5 ||
		tag == ASN_VISIBLE || tag == ASN_UNIVERSAL || tag == ASN_BMP;
}

/* false: not a string of its type. */
static bool put_folded(struct wr *w, uint8_t tag, slice value)
{
	struct rd r = rd_of(value);
	bool space = false, any = false;

	while (rd_left(&r)) {
		uint32_t c = next_char(&r, tag);
		if (r.err || c > 0x10ffff)
			return false;
		if (is_space(c)) {
			space = true;
		} else if (!is_nothing(c)) {
			if (space && any)
				wr_u8(w, ' ');
			put_utf8(w, fold(c));
			space = false;
			any = true;
		}
	}
	return true;
}

static int by_bytes(const void *a, const void *b)
{
	const slice *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int d = n ? memcmp(x->p, y->p, n) : 0;

	return d ? d : x->n < y->n ? -1 : x->n > y->n;
}

err_t x_rdn_canon(struct arena *a, slice set, slice *out)
{
	/* A code point takes at most three times the bytes it had (Latin-1 twice, UTF-16 half as much again). */
	size_t cap = 3 * set.n + 16;
	uint8_t *buf = arena_get(a, cap);
	slice ava[AVAS_MAX];
	struct rd r = rd_of(set);
	struct wr w = wr_of(buf, cap);
	size_t n = 0;

	if (!buf)
		return E_NOMEM;
	while (rd_left(&r)) {
		struct rd in = asn_in(&r, ASN_SEQ);
		uint8_t tag;
		slice oid = asn_next(&in, ASN_OID), raw, value = asn_any(&in, &tag, &raw);
		size_t from = w.off;
		if (r.err || rd_close(&in) || n == AVAS_MAX)
			return E_CERT_MALFORMED;
		wr_u16(&w, (uint16_t)oid.n);
		wr_bytes(&w, oid);
		size_t at = w.off;
		wr_u8(&w, 1);
		if (!is_string(tag) || !put_folded(&w, tag, value)) {
			w.off = at;
			wr_u8(&w, 0);
			wr_bytes(&w, raw);
		}
		ava[n++] = slice_of(buf + from, w.off - from);
	}
	if (!n || w.err)
		return E_CERT_MALFORMED;
	qsort(ava, n, sizeof ava[0], by_bytes);
	size_t total = 4;
	for (size_t i = 0; i < n; i++)
		total += 4 + ava[i].n;
	struct wr all = wr_of(arena_get(a, total), total);
	if (!all.base)
		return E_NOMEM;
	wr_u32(&all, (uint32_t)total - 4);
	for (size_t i = 0; i < n; i++) {
		wr_u32(&all, (uint32_t)ava[i].n);
		wr_bytes(&all, ava[i]);
	}
	*out = wr_done(&all);
	return all.err;
}

err_t x_name_read(struct arena *a, slice der, struct x_name *out)
{
	struct rd all = rd_of(der), r = asn_in(&all, ASN_SEQ);
	slice rdn[RDNS_MAX];
	size_t n = 0, total = 0;

	if (rd_close(&all))
		return E_CERT_MALFORMED;
	while (rd_left(&r)) {
		slice set = asn_next(&r, ASN_SET);
		if (r.err || n == RDNS_MAX)
			return E_CERT_MALFORMED;
		err_t e = x_rdn_canon(a, set, &rdn[n]);
		if (e)
			return e;
		total += rdn[n++].n;
	}
	uint8_t *p = arena_get(a, total + 1);
	struct wr w = wr_of(p, total);
	if (!p)
		return E_NOMEM;
	for (size_t i = 0; i < n; i++)
		wr_bytes(&w, rdn[i]);
	*out = (struct x_name){ der, slice_of(p, total) };
	return rd_close(&r) ? E_CERT_MALFORMED : 0;
}
