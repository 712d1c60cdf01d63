/* SPDX-License-Identifier: Apache-2.0 */
/* Identities (RFC 7296 section 3.5): from text, to text, matching. Distinguished names are in dn.c. */
#include "config/conn.h"

#include "base/text.h"
#include "config/dn.h"
#include "config/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
	ID_ANY = 0, ID_IPV4 = 1, ID_FQDN = 2, ID_RFC822 = 3, ID_IPV4_NET = 4, ID_IPV6 = 5, ID_IPV6_NET = 6,
	ID_IPV4_RANGE = 7, ID_IPV6_RANGE = 8, ID_DN = 9, ID_GN = 10, ID_KEY_ID = 11
};

enum { MATCH_ANY = 1, MATCH_WILD = 2, MATCH_WILD_MAX = 99, MATCH_EQUAL = 100 };

/* The longest data of an identity we take. */
enum { ID_MAX = 4096 };

static const struct {
	const char *prefix;
	uint8_t type;
} prefixes[] = {
	{ "ipv4:", ID_IPV4 }, { "ipv6:", ID_IPV6 }, { "ipv4net:", ID_IPV4_NET }, { "ipv6net:", ID_IPV6_NET },
	{ "ipv4range:", ID_IPV4_RANGE }, { "ipv6range:", ID_IPV6_RANGE }, { "rfc822:", ID_RFC822 },
	{ "email:", ID_RFC822 }, { "userfqdn:", ID_RFC822 }, { "fqdn:", ID_FQDN }, { "dns:", ID_FQDN },
	{ "asn1dn:", ID_DN }, { "asn1gn:", ID_GN }, { "keyid:", ID_KEY_ID },
};

err_t conf_id_copy(struct conf_id *dst, uint8_t type, slice data)
{
	uint8_t *p = NULL;

	if (data.n > UINT16_MAX)
		return E_BAD_VALUE;
	if (data.n) {
		p = malloc(data.n + 1);
		if (!p)
			return E_NOMEM;
		memcpy(p, data.p, data.n);
		p[data.n] = 0;
	}
	*dst = (struct conf_id){ type, (uint16_t)data.n, p };
	return 0;
}

void conf_id_fini(struct conf_id *id)
{
	free(id->data);
	*id = (struct conf_id){ 0 };
}

/* Address, prefix or range into the data of the id types for them. */
static err_t parse_addr(const char *text, struct conf_id *out)
{
	struct net_addr a;
	struct ts_sel ts;

	if (!strpbrk(text, "/-[") && net_addr_parse(text, &a) == 0 && a.port == 0)
		return conf_id_copy(out, a.family == NET_V4 ? ID_IPV4 : ID_IPV6, slice_of(a.a, net_addr_len(a.family)));
	if (!strpbrk(text, "/-") || strchr(text, '[') || ts_parse(text, &ts))
		return E_BAD_VALUE;
	uint8_t buf[32], len = net_addr_len(ts.family);
	int bits = ts_prefix_len(&ts);
	memcpy(buf, ts.lo, len);
	if (bits < 0) {
		memcpy(buf + len, ts.hi, len);
	} else {
		for (unsigned i = 0; i < len; i++) {
			int left = bits - (int)i * 8;
			buf[len + i] = left >= 8 ? 0xff : left <= 0 ? 0 : (uint8_t)(0xff << (8 - left));
		}
	}
	bool v6 = ts.family == NET_V6;
	return conf_id_copy(out, bits < 0 ? (v6 ? ID_IPV6_RANGE : ID_IPV4_RANGE) : v6 ? ID_IPV6_NET : ID_IPV4_NET, slice_of(buf, 2u * len));
}

static err_t parse_hex(uint8_t type, const char *text, struct conf_id *out)
{
	size_t n = strlen(text);
	uint8_t *buf = malloc(n / 2 + 1);

	if (!buf)
		return E_NOMEM;
	err_t e = conf_value_hex(slice_of(text, n), buf, n / 2, &n);
	if (!e)
		e = n ? conf_id_copy(out, type, slice_of(buf, n)) : E_BAD_VALUE;
	free(buf);
	return e;
}

static err_t parse_dn(const char *text, struct conf_id *out)
{
	uint8_t buf[ID_MAX];
	size_t n;
	err_t e = conf_dn_parse(text, buf, sizeof buf, &n);

	return e ? e : conf_id_copy(out, ID_DN, slice_of(buf, n));
}

/* Behind "type:". An address or a name may be written as text; "#" announces hexadecimal digits. */
static err_t parse_typed(uint8_t type, const char *text, struct conf_id *out)
{
	if (*text == '#')
		return parse_hex(type, text + 1, out);
	if (!*text)
		return E_BAD_VALUE;
	if (type == ID_DN)
		return parse_dn(text, out);
	if (type == ID_IPV4 || (type >= ID_IPV4_NET && type <= ID_IPV6_RANGE)) {
		struct conf_id id = { 0 };
		err_t e = parse_addr(text, &id);
		if (!e && id.type != type) {
			conf_id_fini(&id);
			e = E_BAD_VALUE;
		}
		if (!e)
			*out = id;
		return e;
	}
	return conf_id_copy(out, type, slice_str(text));
}

static bool is_any(const char *text)
{
	static const char *const any[] = { "", "%any", "%any4", "%any6", "0.0.0.0", "0.0.0.0/0", "*", "::", "0::0",
		"::/0" };

	for (size_t i = 0; i < ARRAY_LEN(any); i++)
		if (strcmp(text, any[i]) == 0)
			return true;
	return false;
}

err_t conf_id_parse(const char *text, struct conf_id *out)
{
	err_t e;

	*out = (struct conf_id){ 0 };
	if (is_any(text))
		return 0;
	if (strlen(text) > ID_MAX)
		return E_BAD_VALUE;
	if (text[0] == '{') {
		char *end;
		unsigned long type = strtoul(text + 1, &end, 10);
		if (!isdigit((unsigned char)text[1]) || end[0] != '}' || end[1] != ':' || type < 1 || type > 255)
			return E_BAD_VALUE;
		text = end + 2;
		return *text == '#' ? parse_hex((uint8_t)type, text + 1, out) : !*text ? E_BAD_VALUE :
			conf_id_copy(out, (uint8_t)type, slice_str(text));
	}
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		size_t n = strlen(prefixes[i].prefix);
		if (strncasecmp(text, prefixes[i].prefix, n) == 0)
			return parse_typed(prefixes[i].type, text + n, out);
	}
	if (strncmp(text, "@#", 2) == 0)
		return parse_hex(ID_KEY_ID, text + 2, out);
	if (strncmp(text, "@@", 2) == 0)
		return text[2] ? conf_id_copy(out, ID_RFC822, slice_str(text + 2)) : E_BAD_VALUE;
	if (text[0] == '@')
		return text[1] ? conf_id_copy(out, ID_FQDN, slice_str(text + 1)) : E_BAD_VALUE;
	if (strchr(text, '=') && parse_dn(text, out) == 0)
		return 0;
	if (strchr(text, '@'))
		return conf_id_copy(out, ID_RFC822, slice_str(text));
	e = parse_addr(text, out);
	if (e != E_BAD_VALUE)
		return e;
	/* As operators know it: what has a colon or an equals sign and is nothing of the above is a key id. */
	return conf_id_copy(out, strchr(text, ':') || strchr(text, '=') ? ID_KEY_ID : ID_FQDN, slice_str(text));
}

static bool printable(slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return s.n > 0;
}

static void put_addr(struct text *t, uint8_t family, const uint8_t *p)
{
	char buf[NET_ADDR_TEXT];
	struct net_addr a = { .family = family };

	memcpy(a.a, p, net_addr_len(family));
	text_str(t, net_addr_text(&a, false, buf));
}

static void put_pair(struct text *t, uint8_t type, slice s)
{
	bool v6 = type == ID_IPV6_NET || type == ID_IPV6_RANGE, net = type == ID_IPV4_NET || type == ID_IPV6_NET;
	size_t len = v6 ? 16 : 4;
	unsigned bits = 0;

	put_addr(t, v6 ? NET_V6 : NET_V4, s.p);
	for (size_t i = 0; i < len; i++)
		bits += (unsigned)__builtin_popcount(s.p[len + i]);
	text_str(t, net ? "/" : "-");
	if (net)
		text_fmt(t, "%u", bits);
	else
		put_addr(t, v6 ? NET_V6 : NET_V4, s.p + len);
}

char *conf_id_text(uint8_t type, slice s, char *buf, size_t cap)
{
	/* Bytes the data of a type must have; 0: any number. */
	static const uint8_t want[] = { 0, 4, 0, 0, 8, 16, 32, 8, 32 };
	struct text t = text_of(buf, cap);

	if (type < ARRAY_LEN(want) && want[type] && s.n != want[type]) {
		text_str(&t, "(invalid id)");
		return buf;
	}
	switch (type) {
	case ID_ANY:
		text_str(&t, "%any");
		break;
	case ID_IPV4:
	case ID_IPV6:
		put_addr(&t, type == ID_IPV4 ? NET_V4 : NET_V6, s.p);
		break;
	case ID_IPV4_NET:
	case ID_IPV6_NET:
	case ID_IPV4_RANGE:
	case ID_IPV6_RANGE:
		put_pair(&t, type, s);
		break;
	case ID_FQDN:
	case ID_RFC822:
		text_peer(&t, s);
		break;
	case ID_DN:
		conf_dn_text(s, &t);
		break;
	default:
		if (type != ID_KEY_ID)
			text_fmt(&t, "{%u}:", type);
		if (printable(s)) {
			text_peer(&t, s);
		} else {
			for (size_t i = 0; i < s.n; i++)
				text_fmt(&t, i ? ":%02x" : "%02x", s.p[i]);
		}
	}
	return buf;
}

static bool same_text(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (tolower(a[i]) != tolower(b[i]))
			return false;
	return true;
}

/* "*tail": the more of it is given, the better. */
static int match_tail(const struct conf_id *p, slice s)
{
	size_t tail = p->n - 1u;

	if (s.n < tail || !same_text(p->data + 1, s.p + s.n - tail, tail))
		return 0;
	return MATCH_WILD + (int)(tail < MATCH_WILD_MAX - MATCH_WILD ? tail : MATCH_WILD_MAX - MATCH_WILD);
}

/* An address in a prefix or range: the longer the prefix the better. */
static int match_addr(const struct conf_id *p, uint8_t type, slice s)
{
	bool v6 = p->type == ID_IPV6_NET || p->type == ID_IPV6_RANGE;
	size_t len = v6 ? 16 : 4;
	unsigned bits = 0;

	if (type != (v6 ? ID_IPV6 : ID_IPV4) || s.n != len || p->n != 2 * len)
		return 0;
	if (p->type == ID_IPV4_RANGE || p->type == ID_IPV6_RANGE)
		return memcmp(s.p, p->data, len) >= 0 && memcmp(s.p, p->data + len, len) <= 0 ? MATCH_WILD : 0;
	for (size_t i = 0; i < len; i++) {
		if ((s.p[i] ^ p->data[i]) & p->data[len + i])
			return 0;
		bits += (unsigned)__builtin_popcount(p->data[len + i]);
	}
	return MATCH_WILD + (int)(v6 ? bits / 2 : bits);
}

int conf_id_match(const struct conf_id *p, uint8_t type, slice s)
{
	if (p->type == ID_ANY)
		return MATCH_ANY;
	if (p->type == ID_IPV4_NET || p->type == ID_IPV6_NET || p->type == ID_IPV4_RANGE || p->type == ID_IPV6_RANGE)
		return match_addr(p, type, s);
	if (p->type != type)
		return 0;
	if (type == ID_DN) {
		int wild = conf_dn_match(slice_of(p->data, p->n), s);
		return wild < 0 ? 0 : wild == 0 ? MATCH_EQUAL : wild > 40 ? MATCH_WILD : MATCH_WILD_MAX - 2 * wild;
	}
	if (type == ID_FQDN || type == ID_RFC822) {
		if (p->n == s.n && same_text(p->data, s.p, s.n))
			return MATCH_EQUAL;
		return p->n && p->data[0] == '*' ? match_tail(p, s) : 0;
	}
	return slice_equal(slice_of(p->data, p->n), s) ? MATCH_EQUAL : 0;
}

bool conf_id_is_pattern(const struct conf_id *id)
{
	slice s = slice_of(id->data, id->n);

	switch (id->type) {
	case ID_ANY:
	case ID_IPV4_NET:
	case ID_IPV6_NET:
	case ID_IPV4_RANGE:
	case ID_IPV6_RANGE:
		return true;
	case ID_FQDN:
	case ID_RFC822:
		return s.n && memchr(s.p, '*', s.n);
	case ID_DN:
		return conf_dn_match(s, s) > 0;
	default:
		return false;
	}
}
