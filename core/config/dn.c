/* SPDX-License-Identifier: Apache-2.0 */
/* Distinguished names: text to DER, DER to text, comparison by parts. */
#include "config/dn.h"

#include "base/rdwr.h"

#include <ctype.h>
#include <strings.h>

enum { DER_SEQUENCE = 0x30, DER_SET = 0x31, DER_OID = 0x06, DER_UTF8 = 0x0c, DER_PRINTABLE = 0x13, DER_IA5 = 0x16 };
enum { RDN_MAX = 64, VALUE_MAX = 1024 };

/* Attribute types: the first name of an OID is the one shown. */
static const struct attr {
	const char *name;
	const char *oid; /* DER content */
	uint8_t n;
	uint8_t string; /* 0: printable when it can be, else UTF-8 */
} attrs[] = {
	{ "C", "\x55\x04\x06", 3, DER_PRINTABLE },
	{ "ST", "\x55\x04\x08", 3, 0 },
	{ "S", "\x55\x04\x08", 3, 0 },
	{ "L", "\x55\x04\x07", 3, 0 },
	{ "O", "\x55\x04\x0a", 3, 0 },
	{ "OU", "\x55\x04\x0b", 3, 0 },
	{ "CN", "\x55\x04\x03", 3, 0 },
	{ "SN", "\x55\x04\x04", 3, 0 },
	{ "surname", "\x55\x04\x04", 3, 0 },
	{ "serialNumber", "\x55\x04\x05", 3, 0 },
	{ "street", "\x55\x04\x09", 3, 0 },
	{ "T", "\x55\x04\x0c", 3, 0 },
	{ "title", "\x55\x04\x0c", 3, 0 },
	{ "D", "\x55\x04\x0d", 3, 0 },
	{ "description", "\x55\x04\x0d", 3, 0 },
	{ "postalCode", "\x55\x04\x11", 3, 0 },
	{ "N", "\x55\x04\x29", 3, 0 },
	{ "name", "\x55\x04\x29", 3, 0 },
	{ "G", "\x55\x04\x2a", 3, 0 },
	{ "GN", "\x55\x04\x2a", 3, 0 },
	{ "givenName", "\x55\x04\x2a", 3, 0 },
	{ "I", "\x55\x04\x2b", 3, 0 },
	{ "initials", "\x55\x04\x2b", 3, 0 },
	{ "ID", "\x55\x04\x2d", 3, 0 },
	{ "dnQualifier", "\x55\x04\x2e", 3, DER_PRINTABLE },
	{ "pseudonym", "\x55\x04\x41", 3, 0 },
	{ "E", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9, DER_IA5 },
	{ "Email", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9, DER_IA5 },
	{ "emailAddress", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9, DER_IA5 },
	{ "unstructuredName", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x02", 9, 0 },
	{ "UN", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x02", 9, 0 },
	{ "unstructuredAddress", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x08", 9, 0 },
	{ "UID", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", 10, 0 },
	{ "DC", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", 10, DER_IA5 },
};

static const struct attr *attr_of_name(slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++)
		if (strlen(attrs[i].name) == name.n && strncasecmp(attrs[i].name, (const char *)name.p, name.n) == 0)
			return &attrs[i];
	return NULL;
}

static bool is_printable_string(slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum(s.p[i]) && (s.p[i] == 0 || !strchr(" '()+,-./:=?*", s.p[i])))
			return false;
	return true;
}

/* Tag, length in the shortest form, content. */
static void wr_der(struct wr *w, uint8_t tag, slice content)
{
	wr_u8(w, tag);
	if (content.n < 0x80) {
		wr_u8(w, (uint8_t)content.n);
	} else if (content.n < 0x100) {
		wr_u8(w, 0x81);
		wr_u8(w, (uint8_t)content.n);
	} else if (content.n < 0x10000) {
		wr_u8(w, 0x82);
		wr_u16(w, (uint16_t)content.n);
	} else {
		w->err = E_SPACE;
	}
	wr_bytes(w, content);
}

/* One "name=value" with the text behind; *text moves on behind the separator. */
static err_t parse_rdn(const char **text, char sep, struct wr *out)
{
	uint8_t value[VALUE_MAX], inner[VALUE_MAX + 64], seq[VALUE_MAX + 80];
	size_t n = 0, keep = 0;
	const char *p = *text, *name;
	bool quoted = false;

	while (*p == ' ')
		p++;
	name = p;
	while (*p && *p != '=' && *p != sep)
		p++;
	const char *name_end = p;
	while (name_end > name && name_end[-1] == ' ')
		name_end--;
	const struct attr *a = attr_of_name(slice_of(name, (size_t)(name_end - name)));
	if (*p != '=' || !a)
		return E_BAD_VALUE;
	for (p++; *p == ' '; p++)
		;
	for (; *p && (quoted || *p != sep); p++) {
		if (*p == '"') {
			quoted = !quoted;
			keep = n;
			continue;
		}
		bool escaped = *p == '\\' && p[1];
		if (escaped)
			p++;
		if (n >= sizeof value)
			return E_BAD_VALUE;
		value[n++] = (uint8_t)*p;
		if (quoted || escaped)
			keep = n;
	}
	if (quoted)
		return E_BAD_VALUE;
	while (n > keep && value[n - 1] == ' ')
		n--;
	if (n == 0)
		return E_BAD_VALUE;
	slice v = slice_of(value, n);
	uint8_t tag = a->string ? a->string : is_printable_string(v) ? DER_PRINTABLE : DER_UTF8;
	struct wr w = wr_of(inner, sizeof inner), w2 = wr_of(seq, sizeof seq);
	wr_der(&w, DER_OID, slice_of(a->oid, a->n));
	wr_der(&w, tag, v);
	wr_der(&w2, DER_SEQUENCE, wr_done(&w));
	if (w.err || w2.err)
		return E_BAD_VALUE;
	wr_der(out, DER_SET, wr_done(&w2));
	*text = *p ? p + 1 : p;
	return out->err ? E_BAD_VALUE : 0;
}

err_t conf_dn_parse(const char *text, uint8_t *out, size_t cap, size_t *n)
{
	uint8_t body[4096];
	struct wr w = wr_of(body, sizeof body), all = wr_of(out, cap);
	char sep = ',';
	unsigned parts = 0;

	while (*text == ' ')
		text++;
	if (*text == '/') {
		sep = '/';
		text++;
	}
	while (*text) {
		err_t e = ++parts > RDN_MAX ? E_BAD_VALUE : parse_rdn(&text, sep, &w);
		if (e)
			return e;
		while (*text == ' ')
			text++;
	}
	if (!parts)
		return E_BAD_VALUE;
	wr_der(&all, DER_SEQUENCE, wr_done(&w));
	*n = wr_done(&all).n;
	return all.err ? E_BAD_VALUE : 0;
}

/* One element: its tag and a window on its content. */
static struct rd rd_der(struct rd *r, uint8_t *tag)
{
	*tag = rd_u8(r);
	size_t n = rd_u8(r);

	if (n & 0x80) {
		size_t bytes = n & 0x7f;
		if (bytes < 1 || bytes > 3)
			rd_fail(r, E_SYNTAX);
		for (n = 0; bytes-- > 0 && !r->err;)
			n = n << 8 | rd_u8(r);
	}
	return rd_sub(r, n);
}

struct ava {
	slice oid, value;
	uint8_t tag;
	bool first; /* of its RDN */
};

struct walk {
	struct rd rdns, set;
	bool in_set, bad;
};

static struct walk walk_of(slice der)
{
	struct rd r = rd_of(der);
	uint8_t tag;
	struct walk w = { .rdns = rd_der(&r, &tag) };

	w.bad = tag != DER_SEQUENCE || rd_close(&r) != 0;
	return w;
}

/* The next attribute and value; false at the end or when the DER is bad. */
static bool walk_next(struct walk *w, struct ava *a)
{
	uint8_t tag;

	a->first = false;
	if (w->bad)
		return false;
	if (!w->in_set || rd_left(&w->set) == 0) {
		if (rd_left(&w->rdns) == 0)
			return false;
		w->set = rd_der(&w->rdns, &tag);
		w->in_set = true;
		a->first = true;
		if (tag != DER_SET || w->set.err) {
			w->bad = true;
			return false;
		}
	}
	struct rd seq = rd_der(&w->set, &tag);
	bool ok = tag == DER_SEQUENCE;
	struct rd oid = rd_der(&seq, &tag);
	ok = ok && tag == DER_OID;
	struct rd value = rd_der(&seq, &a->tag);
	if (!ok || rd_close(&seq)) {
		w->bad = true;
		return false;
	}
	a->oid = slice_of(oid.p, rd_left(&oid));
	a->value = slice_of(value.p, rd_left(&value));
	return true;
}

static void put_oid(struct text *t, slice oid)
{
	uint64_t v = 0;
	bool first = true;

	for (size_t i = 0; i < oid.n; i++) {
		v = (v & (UINT64_MAX >> 7)) << 7 | (oid.p[i] & 0x7f);
		if (oid.p[i] & 0x80)
			continue;
		if (first)
			text_fmt(t, "%u.%u", v >= 80 ? 2u : (unsigned)(v / 40), (unsigned)(v >= 80 ? v - 80 : v % 40));
		else
			text_fmt(t, ".%llu", (unsigned long long)v);
		first = false;
		v = 0;
	}
}

void conf_dn_text(slice der, struct text *t)
{
	struct walk w = walk_of(der), probe = w;
	struct ava a;
	bool any = false;

	while (walk_next(&probe, &a))
		;
	if (probe.bad) {
		text_str(t, "(invalid DN)");
		return;
	}
	while (walk_next(&w, &a)) {
		const struct attr *k = NULL;
		for (size_t i = 0; !k && i < ARRAY_LEN(attrs); i++)
			if (slice_equal(a.oid, slice_of(attrs[i].oid, attrs[i].n)))
				k = &attrs[i];
		text_str(t, !any ? "" : a.first ? ", " : " + ");
		if (k)
			text_str(t, k->name);
		else
			put_oid(t, a.oid);
		text_str(t, "=");
		text_peer(t, a.value);
		any = true;
	}
}

static bool text_tag(uint8_t tag)
{
	return tag == DER_UTF8 || tag == DER_PRINTABLE || tag == DER_IA5 || tag == 0x14 /* T61 */;
}

static bool same_value(const struct ava *a, const struct ava *b)
{
	if (a->value.n != b->value.n)
		return false;
	if (!text_tag(a->tag) || !text_tag(b->tag))
		return a->tag == b->tag && slice_equal(a->value, b->value);
	for (size_t i = 0; i < a->value.n; i++)
		if (tolower(a->value.p[i]) != tolower(b->value.p[i]))
			return false;
	return true;
}

int conf_dn_match(slice pattern, slice der)
{
	struct walk p = walk_of(pattern), d = walk_of(der);
	struct ava a, b;
	int wild = 0;

	for (;;) {
		bool more = walk_next(&p, &a), other = walk_next(&d, &b);
		if (p.bad || d.bad || more != other)
			return -1;
		if (!more)
			return wild;
		if (a.first != b.first || !slice_equal(a.oid, b.oid))
			return -1;
		if (a.value.n == 1 && a.value.p[0] == '*' && text_tag(a.tag))
			wild++;
		else if (!same_value(&a, &b))
			return -1;
	}
}
