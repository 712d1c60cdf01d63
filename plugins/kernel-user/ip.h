/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP headers for the userspace data plane: parsing what the tunnel device and the peer give, the checksum, the rules
 * for DSCP and ECN (RFC 4301 section 5.1.2, RFC 6040), fragments and ICMP errors. Pure functions on bytes: no state,
 * no allocation, any thread. Bytes are read through cursors; what does not parse is an error, never a crash.
 */
#ifndef ADIT_KERNEL_USER_IP_H
#define ADIT_KERNEL_USER_IP_H

#include "base/netaddr.h"

enum {
	IP_ICMP = 1, IP_IPIP = 4, IP_TCP = 6, IP_UDP = 17, IP_IPV6 = 41, IP_ESP = 50, IP_AH = 51, IP_ICMP6 = 58,
	IP_NO_NEXT = 59, IP_MH = 135
};
enum { IP_V4_HDR = 20, IP_V6_HDR = 40, IP_V6_MIN_MTU = 1280 };
enum { ECN_MASK = 3, ECN_NOT = 0, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3 };

struct ip_pkt {
	uint8_t family; /* NET_V4, NET_V6 */
	uint8_t proto;  /* of the upper layer, behind extension headers */
	uint8_t tos;    /* TOS or traffic class */
	bool df;        /* always true for IPv6 */
	bool fragment;  /* one of several */
	bool ports;     /* sport and dport are known: not so in a fragment but the first */
	uint16_t hdr_len; /* up to the upper layer */
	uint32_t len;   /* whole packet as its header says, not more than was given */
	uint16_t sport, dport; /* ICMP, ICMPv6, MH: type and code in both, as traffic selectors hold them */
	uint8_t src[16], dst[16];
};

/* E_TRUNCATED, E_SYNTAX. Bytes behind the packet's own length (TFC padding) are allowed. */
MUST err_t ip_parse(slice s, struct ip_pkt *out);
/* Is the packet's side (addr, port) inside the selector? RFC 4301 section 4.4.1.1: without ports only ANY and OPAQUE
 * selectors fit. */
bool ip_matches(const struct ts_sel *t, const struct ip_pkt *p, const uint8_t addr[16], uint16_t port);

/* One's complement sum of n bytes, folded to 16 bits, not inverted; `sum` is what came before. Odd n: padded by 0. */
uint16_t ip_sum(const uint8_t *p, size_t n, uint32_t sum);
/* Sum of the pseudo header of an upper layer of n bytes. */
uint16_t ip_pseudo_sum(const struct ip_pkt *p, uint8_t proto, uint32_t n);
/* Writes the IPv4 header checksum. */
void ip_v4_check(uint8_t *hdr);
/* Recomputes the TCP or UDP checksum of a whole packet in place (RFC 3948 section 3.1.2); other protocols and
 * fragments stay. */
void ip_fix_upper(uint8_t *p, const struct ip_pkt *ip);

/* TOS of the outer header. */
uint8_t ip_tos_out(uint8_t inner, bool copy_dscp, bool copy_ecn);
/* TOS of the inner header after decapsulation; false: to be dropped (RFC 6040: CE outside, not-ECT inside). */
bool ip_tos_in(uint8_t inner, uint8_t outer, bool copy_dscp, bool copy_ecn, uint8_t *out);
/* Changes TOS or traffic class of a packet in place, with its checksum. */
void ip_set_tos(uint8_t *p, uint8_t family, uint8_t tos);

/* Makes the fragment of an IPv4 packet that starts at `*at` (bytes of payload; start with 0) with at most mtu bytes;
 * out holds mtu bytes. Returns its length, 0 when there is no more or nothing fits; *at moves on. */
size_t ip_v4_fragment(slice packet, const struct ip_pkt *ip, size_t mtu, size_t *at, uint8_t *out);

/* An ICMP error about `packet`, from its destination to its source. Returns the length, 0 when no error may be sent
 * about it (RFC 1122 section 3.2.2, RFC 4443 section 2.4). out holds IP_ICMP_ROOM bytes. */
enum { IP_ICMP_ROOM = 1280 };
enum ip_icmp { IP_ICMP_TOO_BIG, IP_ICMP_PROHIBITED };
size_t ip_icmp_error(enum ip_icmp what, uint32_t mtu, slice packet, const struct ip_pkt *ip, uint8_t *out);

/* Header of a packet that transport mode gave: tail bytes follow it. Returns 20 or 40, the header's length. */
size_t ip_build(uint8_t *out, const struct net_addr *src, const struct net_addr *dst, uint8_t proto, uint8_t tos,
	uint16_t id, size_t tail);

#endif
