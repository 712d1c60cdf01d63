/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic selectors: text forms and set arithmetic (RFC 7296 sections 2.9 and 3.13.1). */
#include "base/netaddr.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { PROTO_ICMP = 1, PROTO_ICMP6 = 58, PROTO_MH = 135 };

static const struct name {
	const char *name;
	uint16_t number;
} protos[] = {
	{ "icmp", 1 }, { "igmp", 2 }, { "ipencap", 4 }, { "tcp", 6 }, { "udp", 17 }, { "dccp", 33 }, { "ipv6", 41 },
	{ "gre", 47 }, { "esp", 50 }, { "ah", 51 }, { "ipv6-icmp", 58 }, { "icmpv6", 58 }, { "ospf", 89 },
	{ "ipip", 94 }, { "pim", 103 }, { "vrrp", 112 }, { "l2tp", 115 }, { "sctp", 132 }, { "mobility-header", 135 },
	{ "udplite", 136 },
}, ports[] = {
	{ "ftp-data", 20 }, { "ftp", 21 }, { "ssh", 22 }, { "telnet", 23 }, { "smtp", 25 }, { "domain", 53 },
	{ "bootps", 67 }, { "bootpc", 68 }, { "tftp", 69 }, { "http", 80 }, { "kerberos", 88 }, { "pop3", 110 },
	{ "sunrpc", 111 }, { "ntp", 123 }, { "imap2", 143 }, { "snmp", 161 }, { "snmp-trap", 162 }, { "bgp", 179 },
	{ "ldap", 389 }, { "https", 443 }, { "microsoft-ds", 445 }, { "isakmp", 500 }, { "syslog", 514 },
	{ "ldaps", 636 }, { "imaps", 993 }, { "pop3s", 995 }, { "l2f", 1701 }, { "l2tp", 1701 }, { "radius", 1812 },
	{ "radius-acct", 1813 }, { "nfs", 2049 }, { "mysql", 3306 }, { "ipsec-nat-t", 4500 }, { "sip", 5060 },
	{ "postgresql", 5432 },
};

static const char *name_of(const struct name *v, size_t n, uint16_t number)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].number == number)
			return v[i].name;
	return NULL;
}

/* A name of the table or a decimal number up to max. */
static bool number_of(const struct name *v, size_t n, const char *s, uint32_t max, uint32_t *out)
{
	char *end;

	for (size_t i = 0; i < n; i++)
		if (strcasecmp(v[i].name, s) == 0) {
			*out = v[i].number;
			return true;
		}
	if (*s < '0' || *s > '9')
		return false;
	unsigned long v_num = strtoul(s, &end, 10);
	*out = (uint32_t)v_num;
	return !*end && v_num <= max;
}

static bool any_ports(const struct ts_sel *t)
{
	return t->port_lo == 0 && t->port_hi == UINT16_MAX;
}

static bool opaque(const struct ts_sel *t)
{
	return t->port_lo == UINT16_MAX && t->port_hi == 0;
}

static bool icmp_like(uint8_t proto)
{
	return proto == PROTO_ICMP || proto == PROTO_ICMP6 || proto == PROTO_MH;
}

/* "8", "8(0)": type and code as a range of "ports". */
static bool icmp_value(const char *s, uint16_t *lo, uint16_t *hi)
{
	unsigned type, code;
	char end;

	if (sscanf(s, "%u(%u)%c", &type, &code, &end) == 2 && type < 256 && code < 256 && s[strlen(s) - 1] == ')') {
		*lo = *hi = (uint16_t)(type << 8 | code);
		return true;
	}
	if (sscanf(s, "%u%c", &type, &end) != 1 || type > 255)
		return false;
	*lo = (uint16_t)(type << 8);
	*hi = (uint16_t)(type << 8 | 255);
	return true;
}

static bool one_port(uint8_t proto, const char *s, uint16_t *lo, uint16_t *hi)
{
	uint32_t v;

	if (icmp_like(proto))
		return icmp_value(s, lo, hi);
	if (!number_of(ports, ARRAY_LEN(ports), s, UINT16_MAX, &v))
		return false;
	*lo = *hi = (uint16_t)v;
	return true;
}

static bool ports_parse(char *s, struct ts_sel *t)
{
	uint16_t ignored;

	if (!*s || strcasecmp(s, "any") == 0 || strcmp(s, "%any") == 0)
		return true;
	if (strcasecmp(s, "opaque") == 0) {
		t->port_lo = UINT16_MAX;
		t->port_hi = 0;
		return true;
	}
	if (one_port(t->proto, s, &t->port_lo, &t->port_hi))
		return true;
	char *dash = strchr(s, '-');
	if (!dash)
		return false;
	*dash = 0;
	return one_port(t->proto, s, &t->port_lo, &ignored) && one_port(t->proto, dash + 1, &ignored, &t->port_hi) &&
		t->port_lo <= t->port_hi;
}

/* "tcp/22", "udp", "/53", "6/1000-2000", "icmp/8(0)" */
static bool proto_ports_parse(char *s, struct ts_sel *t)
{
	char *slash = strchr(s, '/');
	uint32_t v = 0;

	if (slash)
		*slash = 0;
	if (*s && strcasecmp(s, "any") != 0 && strcmp(s, "%any") != 0 &&
	    !number_of(protos, ARRAY_LEN(protos), s, UINT8_MAX, &v))
		return false;
	t->proto = (uint8_t)v;
	return !slash || ports_parse(slash + 1, t);
}

/* The range of a prefix; bits behind it in lo are cleared. */
static void prefix_range(struct ts_sel *t, unsigned bits)
{
	for (unsigned i = 0; i < net_addr_len(t->family); i++) {
		unsigned have = bits > 8 * i ? bits - 8 * i : 0;
		uint8_t mask = have >= 8 ? 0xff : (uint8_t)(0xff00 >> have);
		t->lo[i] &= mask;
		t->hi[i] = (uint8_t)(t->lo[i] | (uint8_t)~mask);
	}
}

static bool addresses_parse(char *s, struct ts_sel *t)
{
	struct net_addr a, b;
	uint32_t bits;

	char *slash = strchr(s, '/');
	if (slash)
		*slash++ = 0;
	char *to = slash ? NULL : strstr(s, "..");
	size_t skip = 2;
	if (!slash && !to) {
		to = strchr(s, '-');
		skip = 1;
	}
	if (to) {
		*to = 0;
		to += skip;
	}
	if (net_addr_parse(s, &a) || a.port || a.scope)
		return false;
	t->family = a.family;
	memcpy(t->lo, a.a, sizeof t->lo);
	if (to) {
		if (net_addr_parse(to, &b) || b.port || b.scope || b.family != a.family || memcmp(a.a, b.a, 16) > 0)
			return false;
		memcpy(t->hi, b.a, sizeof t->hi);
		return true;
	}
	unsigned all = 8u * net_addr_len(a.family);
	if (!slash)
		bits = all;
	else if (!number_of(NULL, 0, slash, all, &bits))
		return false;
	prefix_range(t, bits);
	return true;
}

err_t ts_parse(const char *text, struct ts_sel *out)
{
	char buf[TS_TEXT];
	struct ts_sel t = { .port_hi = UINT16_MAX };

	if (strlen(text) >= sizeof buf)
		return E_BAD_VALUE;
	strcpy(buf, text);
	char *open = strchr(buf, '[');
	if (open) {
		char *shut = open + strlen(open) - 1;
		if (*shut != ']')
			return E_BAD_VALUE;
		*open = *shut = 0;
		if (!proto_ports_parse(open + 1, &t))
			return E_BAD_VALUE;
	}
	if (!addresses_parse(buf, &t))
		return E_BAD_VALUE;
	*out = t;
	return 0;
}

static void icmp_text(struct text *t, uint16_t v, bool code)
{
	text_fmt(t, code ? "%u(%u)" : "%u", v >> 8, v & 255);
}

static void ports_text(const struct ts_sel *t, struct text *out)
{
	if (opaque(t)) {
		text_str(out, "OPAQUE");
	} else if (icmp_like(t->proto)) {
		bool whole_type = (t->port_lo & 255) == 0 && (t->port_hi & 255) == 255;
		icmp_text(out, t->port_lo, !whole_type);
		if (whole_type ? t->port_lo >> 8 == t->port_hi >> 8 : t->port_lo == t->port_hi)
			return;
		text_str(out, "-");
		icmp_text(out, t->port_hi, !whole_type);
	} else if (t->port_lo != t->port_hi) {
		text_fmt(out, "%u-%u", t->port_lo, t->port_hi);
	} else {
		const char *name = name_of(ports, ARRAY_LEN(ports), t->port_lo);
		if (name)
			text_str(out, name);
		else
			text_fmt(out, "%u", t->port_lo);
	}
}

char *ts_text(const struct ts_sel *t, char buf[TS_TEXT])
{
	struct text out = text_of(buf, TS_TEXT);
	char host[INET6_ADDRSTRLEN] = "?";
	int af = t->family == NET_V4 ? AF_INET : AF_INET6, bits = ts_prefix_len(t);

	inet_ntop(af, t->lo, host, sizeof host);
	text_str(&out, host);
	if (bits >= 0) {
		text_fmt(&out, "/%d", bits);
	} else {
		inet_ntop(af, t->hi, host, sizeof host);
		text_fmt(&out, "..%s", host);
	}
	if (!t->proto && any_ports(t))
		return buf;
	const char *name = t->proto ? name_of(protos, ARRAY_LEN(protos), t->proto) : NULL;
	if (name)
		text_fmt(&out, "[%s", name);
	else
		text_fmt(&out, "[%u", t->proto);
	if (!any_ports(t)) {
		text_str(&out, "/");
		ports_text(t, &out);
	}
	text_str(&out, "]");
	return buf;
}

struct ts_sel ts_of_addr(const struct net_addr *a)
{
	struct ts_sel t = { .family = a->family, .port_hi = UINT16_MAX };

	memcpy(t.lo, a->a, sizeof t.lo);
	memcpy(t.hi, a->a, sizeof t.hi);
	return t;
}

int ts_prefix_len(const struct ts_sel *t)
{
	int bits = 0, all = 8 * net_addr_len(t->family);

	while (bits < all && !((t->lo[bits / 8] ^ t->hi[bits / 8]) & (0x80 >> bits % 8)))
		bits++;
	for (int i = bits; i < all; i++)
		if (t->lo[i / 8] & (0x80 >> i % 8) || !(t->hi[i / 8] & (0x80 >> i % 8)))
			return -1;
	return bits;
}

bool ts_equal(const struct ts_sel *a, const struct ts_sel *b)
{
	return a->family == b->family && a->proto == b->proto && a->port_lo == b->port_lo && a->port_hi == b->port_hi &&
		memcmp(a->lo, b->lo, 16) == 0 && memcmp(a->hi, b->hi, 16) == 0;
}

bool ts_contains(const struct ts_sel *a, const struct ts_sel *b)
{
	if (a->family != b->family || (a->proto && a->proto != b->proto))
		return false;
	if (memcmp(a->lo, b->lo, 16) > 0 || memcmp(a->hi, b->hi, 16) < 0)
		return false;
	if (any_ports(a))
		return true;
	if (opaque(a) || opaque(b))
		return opaque(a) && opaque(b);
	return a->port_lo <= b->port_lo && a->port_hi >= b->port_hi;
}

static bool ports_intersect(const struct ts_sel *a, const struct ts_sel *b, struct ts_sel *t)
{
	if (opaque(a) || opaque(b)) {
		t->port_lo = UINT16_MAX;
		t->port_hi = 0;
		return (opaque(a) || any_ports(a)) && (opaque(b) || any_ports(b));
	}
	t->port_lo = a->port_lo > b->port_lo ? a->port_lo : b->port_lo;
	t->port_hi = a->port_hi < b->port_hi ? a->port_hi : b->port_hi;
	return t->port_lo <= t->port_hi;
}

bool ts_intersect(const struct ts_sel *a, const struct ts_sel *b, struct ts_sel *out)
{
	struct ts_sel t = { .family = a->family, .proto = a->proto ? a->proto : b->proto };

	if (a->family != b->family || (a->proto && b->proto && a->proto != b->proto))
		return false;
	memcpy(t.lo, memcmp(a->lo, b->lo, 16) > 0 ? a->lo : b->lo, 16);
	memcpy(t.hi, memcmp(a->hi, b->hi, 16) < 0 ? a->hi : b->hi, 16);
	if (memcmp(t.lo, t.hi, 16) > 0 || !ports_intersect(a, b, &t))
		return false;
	*out = t;
	return true;
}
