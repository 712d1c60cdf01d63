/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What shares the UDP ports with IKE: ESP in UDP, the non-ESP marker and the keepalive (RFC 3948 section 2), and the
 * two words in front of every ESP packet (RFC 4303 section 2). Any thread; nothing waits.
 */
#ifndef ADIT_WIRE_ESP_H
#define ADIT_WIRE_ESP_H

#include "base/rdwr.h"

enum { ESP_HDR_LEN = 8, ESP_MARKER_LEN = 4, ESP_KEEPALIVE_BYTE = 0xff, ESP_SPI_MIN = 256 };

enum esp_kind { ESP_IS_NOTHING, ESP_IS_IKE, ESP_IS_ESP, ESP_IS_KEEPALIVE };

/* What a datagram on the NAT traversal port is. For ESP_IS_IKE *body is what follows the marker, for ESP_IS_ESP the
 * packet from its SPI on; ESP_IS_NOTHING is too short to be either. */
static inline enum esp_kind esp_classify(slice datagram, slice *body)
{
	*body = datagram;
	if (datagram.n == 1 && datagram.p[0] == ESP_KEEPALIVE_BYTE)
		return ESP_IS_KEEPALIVE;
	struct rd r = rd_of(datagram);
	uint32_t first = rd_u32(&r);
	if (r.err)
		return ESP_IS_NOTHING;
	if (first == 0) {
		*body = rd_rest(&r);
		return ESP_IS_IKE;
	}
	return rd_left(&r) >= ESP_HDR_LEN - 4 ? ESP_IS_ESP : ESP_IS_NOTHING;
}

struct esp_hdr {
	uint32_t spi, seq;
};

/* SPI and low sequence number; r stands behind them. */
static inline struct esp_hdr esp_rd_hdr(struct rd *r)
{
	uint32_t spi = rd_u32(r);
	return (struct esp_hdr){ spi, rd_u32(r) };
}

static inline void esp_wr_hdr(struct wr *w, struct esp_hdr h)
{
	wr_u32(w, h.spi);
	wr_u32(w, h.seq);
}

#endif
