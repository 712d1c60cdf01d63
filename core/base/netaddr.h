/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses, prefixes and traffic selectors as the engine, the plugins and the configuration hold them.
 * IPv4 addresses stand in the first 4 bytes; the rest is zero, so that values compare with memcmp.
 */
#ifndef ADIT_BASE_NETADDR_H
#define ADIT_BASE_NETADDR_H

#include "err.h"

enum { NET_NONE = 0, NET_V4 = 4, NET_V6 = 6 };

struct net_addr {
	uint8_t family; /* NET_NONE: any or unknown */
	uint8_t pad;
	uint16_t port; /* host order, 0 none */
	uint8_t a[16];
	uint32_t scope; /* interface index of a link-local IPv6 address, else 0 */
};

/* A range of addresses, a protocol and a range of ports (RFC 7296 section 3.13.1). For ICMP the ports hold type and
 * code as the RFC says; "OPAQUE" is port_lo 65535, port_hi 0. */
struct ts_sel {
	uint8_t family;
	uint8_t proto; /* 0 any */
	uint16_t port_lo, port_hi;
	uint8_t lo[16], hi[16];
};

static inline uint8_t net_addr_len(uint8_t family)
{
	return family == NET_V4 ? 4 : family == NET_V6 ? 16 : 0;
}

/* Same family and address; ports and scope are not looked at. */
static inline bool net_addr_same(const struct net_addr *a, const struct net_addr *b)
{
	return a->family == b->family && memcmp(a->a, b->a, 16) == 0;
}

static inline bool net_addr_same_port(const struct net_addr *a, const struct net_addr *b)
{
	return net_addr_same(a, b) && a->port == b->port;
}

/* Longest texts, with the closing zero. */
enum { NET_ADDR_TEXT = 64, TS_TEXT = 128 };

/* "10.1.0.1", "fd00::1", with `port` also "10.1.0.1:500" or "[fd00::1]:500". E_BAD_VALUE. */
MUST err_t net_addr_parse(const char *text, struct net_addr *out);
/* Writes "10.1.0.1" or, with_port, "10.1.0.1[500]" (the field's usual form); returns buf. "%any" for NET_NONE. */
char *net_addr_text(const struct net_addr *a, bool with_port, char buf[NET_ADDR_TEXT]);

/* A selector in swanctl's form: address, prefix or range, with optional "[proto/port]": "10.1.0.0/24[tcp/22]",
 * "fd00::1-fd00::9", "0.0.0.0/0[udp/1000-2000]", "10.0.0.1/32[icmp/8(0)]". Not "dynamic": the caller knows. */
MUST err_t ts_parse(const char *text, struct ts_sel *out);
/* The same form back, as swanctl prints it ("tcp/ssh" names included when the number has one in a table of ours). */
char *ts_text(const struct ts_sel *t, char buf[TS_TEXT]);
/* The selector of one address (all protocols and ports). */
struct ts_sel ts_of_addr(const struct net_addr *a);
/* The range as prefix length; -1 when it is not one prefix. */
int ts_prefix_len(const struct ts_sel *t);
bool ts_equal(const struct ts_sel *a, const struct ts_sel *b);
/* a contains b entirely. */
bool ts_contains(const struct ts_sel *a, const struct ts_sel *b);
/* The common part; false when there is none. */
bool ts_intersect(const struct ts_sel *a, const struct ts_sel *b, struct ts_sel *out);

#endif
