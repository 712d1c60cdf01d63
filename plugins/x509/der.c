/* SPDX-License-Identifier: Apache-2.0 */
/* DER: times, object identifiers, writing. */
#include "der.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int two(const uint8_t *p)
{
	return p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9' ? (p[0] - '0') * 10 + p[1] - '0' : -1;
}

int64_t asn_time(struct rd *r)
{
	bool utc = asn_at(r, ASN_UTC);
	slice s = asn_next(r, utc ? ASN_UTC : ASN_GENERALIZED);
	int v[6], at = utc ? 0 : 2;

	if (r->err)
		return 0;
	if (s.n != (utc ? 13u : 15u) || s.p[s.n - 1] != 'Z') {
		rd_fail(r, E_SYNTAX);
		return 0;
	}
	for (int i = 0; i < 6; i++)
		v[i] = two(s.p + at + 2 * i);
	int century = utc ? (v[0] >= 50 ? 19 : 20) : two(s.p);
	if (v[0] < 0 || century < 0 || v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31 || v[3] < 0 || v[3] > 23 ||
	    v[4] < 0 || v[4] > 59 || v[5] < 0 || v[5] > 59) {
		rd_fail(r, E_SYNTAX);
		return 0;
	}
	struct tm tm = { .tm_year = century * 100 + v[0] - 1900, .tm_mon = v[1] - 1, .tm_mday = v[2], .tm_hour = v[3],
		.tm_min = v[4], .tm_sec = v[5] };
	return timegm(&tm);
}

void asn_put_head(struct wr *w, uint8_t tag, size_t n)
{
	wr_u8(w, tag);
	if (n < 0x80) {
		wr_u8(w, (uint8_t)n);
		return;
	}
	uint8_t k = n > 0xffffff ? 4 : n > 0xffff ? 3 : n > 0xff ? 2 : 1;
	wr_u8(w, 0x80 | k);
	while (k-- > 0)
		wr_u8(w, (uint8_t)(n >> (8 * k)));
}

void asn_put(struct wr *w, uint8_t tag, slice body)
{
	asn_put_head(w, tag, body.n);
	wr_bytes(w, body);
}

static void put_base128(struct wr *w, uint64_t v)
{
	unsigned k = 1;

	while (k < 9 && v >> (7 * k))
		k++;
	while (k-- > 0)
		wr_u8(w, (uint8_t)((v >> (7 * k) & 0x7f) | (k ? 0x80 : 0)));
}

err_t asn_oid_parse(const char *dotted, uint8_t *out, size_t cap, size_t *n)
{
	struct wr w = wr_of(out, cap);
	uint64_t first = 0;
	unsigned arcs = 0;

	for (const char *p = dotted;; p++) {
		uint64_t v = 0;
		const char *from = p;
		for (; *p >= '0' && *p <= '9'; p++) {
			if (v > UINT64_MAX >> 8)
				return E_BAD_VALUE;
			v = 10 * v + (uint64_t)(*p - '0');
		}
		if (p == from || (*from == '0' && p - from > 1) || (*p && *p != '.'))
			return E_BAD_VALUE;
		if (arcs == 0 && v > 2)
			return E_BAD_VALUE;
		if (arcs == 1 && first < 2 && v > 39)
			return E_BAD_VALUE;
		if (arcs == 0)
			first = v;
		else
			put_base128(&w, arcs == 1 ? first * 40 + v : v);
		arcs++;
		if (!*p)
			break;
	}
	*n = w.off;
	return arcs < 2 ? E_BAD_VALUE : w.err;
}

char *asn_oid_text(slice oid, char *buf, size_t cap)
{
	uint64_t v = 0;
	size_t at = 0;
	bool first = true;

	buf[0] = 0;
	for (size_t i = 0; i < oid.n && at < cap; i++) {
		v = (v & (UINT64_MAX >> 7)) << 7 | (oid.p[i] & 0x7f);
		if (oid.p[i] & 0x80)
			continue;
		unsigned top = v >= 80 ? 2 : (unsigned)(v / 40);
		int k = first ? snprintf(buf + at, cap - at, "%u.%llu", top, (unsigned long long)(v - top * 40)) :
			snprintf(buf + at, cap - at, ".%llu", (unsigned long long)v);
		at += k > 0 ? (size_t)k : 0;
		first = false;
		v = 0;
	}
	return buf;
}
