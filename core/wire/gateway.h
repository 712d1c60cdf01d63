/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gateways as REDIRECT and REDIRECTED_FROM name them (RFC 5685 section 9): an address or a name of DNS. The types are a
 * table (gateway.c). Any thread; nothing waits.
 */
#ifndef ADIT_WIRE_GATEWAY_H
#define ADIT_WIRE_GATEWAY_H

#include "base/netaddr.h"
#include "base/rdwr.h"

/* Numbers of the registry "Gateway Identity Type". */
enum wire_gateway_type { GATEWAY_NONE = 0, GATEWAY_IPV4 = 1, GATEWAY_IPV6 = 2, GATEWAY_FQDN = 3 };

enum { WIRE_GATEWAY_MAX = 255 };

struct wire_gateway {
	uint8_t type; /* enum wire_gateway_type */
	uint8_t n;
	uint8_t id[WIRE_GATEWAY_MAX + 1]; /* address in network order; name, with a zero byte behind it */
};

/* "192.0.2.1", "2001:db8::1", "gw.example.com": E_BAD_VALUE. */
MUST err_t wire_gateway_of_text(const char *text, struct wire_gateway *out);
/* As it is written, for people; borrowed from g for a name. */
const char *wire_gateway_text(const struct wire_gateway *g, char buf[NET_ADDR_TEXT]);
void wire_gateway_of_addr(const struct net_addr *a, struct wire_gateway *out);
/* False: it is a name. The port is 0. */
bool wire_gateway_addr(const struct wire_gateway *g, struct net_addr *out);

/* Data of the notify. `from`: of REDIRECTED_FROM, which has an address and nothing behind it; else what stands behind the
 * gateway is *nonce (borrowed). Reading: E_SYNTAX, E_TRUNCATED, E_TRAILING. */
MUST err_t wire_gateway_read(slice data, bool from, struct wire_gateway *out, slice *nonce);
void wire_gateway_write(struct wr *w, const struct wire_gateway *g, slice nonce);

#endif
