/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a packet becomes under ESP or AH, and the longest one that goes through a path without fragments: the
 * plaintext MTU. Pure functions over facts (RFC 4303 section 2, RFC 4302 section 2, RFC 3948, RFC 9329); any thread.
 *
 * A plaintext length is always that of the whole IP packet before IPsec, so in transport mode its own IP header counts.
 * With GRE it is the length of the packet inside GRE. IPComp has no part in it: a packet that does not become shorter is
 * sent as it is (RFC 3173 section 2.2), so it never makes one longer. IPv4 options and IPv6 extension headers are not
 * counted.
 */
#ifndef ADIT_CRYPTO_ESP_MTU_H
#define ADIT_CRYPTO_ESP_MTU_H

#include "base/err.h"

enum { ESP_IN_IP = 0, ESP_IN_UDP = 17, ESP_IN_TCP = 6 }; /* TCP: header with timestamps, and RFC 9329's length */

struct esp_shape {
	uint8_t proto;     /* 50 ESP, 51 AH, 0 no IPsec (GRE alone) */
	uint8_t mode;      /* enum kern_mode of the plugin ABI: 1 tunnel, 2 transport, 3 BEET */
	uint8_t outer;     /* NET_V4, NET_V6: the packets on the path */
	uint8_t inner;     /* BEET: the packets inside; NET_NONE: as outer */
	uint8_t encap;     /* ESP_IN_… */
	uint8_t gre;       /* family of the GRE packets inside IPsec, NET_NONE no GRE; in transport mode it equals outer */
	uint8_t gre_words; /* how many of key, checksum and sequence number GRE carries, 0..3 */
	uint16_t encr, integ; /* IANA transform ids; 0 none */
	uint16_t tfc_pad;  /* plaintext is padded to at least this many bytes, but never over the path's MTU */
};

/* E_NOT_SUPPORTED: an algorithm whose lengths are not known; E_BAD_VALUE: the parts do not go together. */
MUST err_t esp_shape_check(const struct esp_shape *s);
/* Bytes on the path of a packet of `plain` bytes; tfc_pad is not looked at. */
uint32_t esp_wire_len(const struct esp_shape *s, uint32_t plain);
/* The same with tfc_pad, on a path of this MTU. */
uint32_t esp_wire_len_padded(const struct esp_shape *s, uint32_t plain, uint32_t path_mtu);
/* The longest plaintext that fits; 0: none does. */
uint32_t esp_plain_mtu(const struct esp_shape *s, uint32_t path_mtu);
/* The most bytes that are ever added, of a plaintext of any length. */
uint32_t esp_overhead_max(const struct esp_shape *s);
/* The TCP MSS of packets of that family under an MTU: without IP and TCP header; 0: none. */
uint16_t esp_mss(uint32_t mtu, uint8_t family);

#endif
