/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/esp_mtu.h"
#include "base/netaddr.h"
#include "crypto/suite.h"

enum {
	PROTO_ESP = 50, PROTO_AH = 51, MODE_TUNNEL = 1, MODE_TRANSPORT = 2, MODE_BEET = 3,
	ESP_HEADER = 8, ESP_TRAILER = 2, AH_HEADER = 12, GRE_HEADER = 4, UDP_HEADER = 8, TCP_HEADER = 32, TCP_LENGTH = 2,
	PLAIN_MAX = 65535
};

/* IV on the wire and block of a cipher; what is not here has an IV of 8 bytes when it is an AEAD or counter mode. */
static const struct cipher_len {
	uint16_t id;
	uint8_t iv, block;
} ciphers[] = {
	{ 1, 8, 8 }, { 2, 8, 8 }, { 3, 8, 8 }, { 4, 8, 8 }, { 5, 8, 8 }, { 6, 8, 8 }, { 7, 8, 8 }, { 8, 8, 8 },
	{ 9, 4, 8 }, { 11, 0, 1 }, { 12, 16, 16 }, { 13, 8, 1 }, { 14, 8, 1 }, { 15, 8, 1 }, { 16, 8, 1 }, { 18, 8, 1 },
	{ 19, 8, 1 }, { 20, 8, 1 }, { 21, 8, 1 }, { 23, 16, 16 }, { 24, 8, 1 }, { 25, 8, 1 }, { 26, 8, 1 }, { 27, 8, 1 },
	{ 28, 8, 1 }, { 29, 0, 1 }, { 30, 0, 1 }, { 31, 0, 1 }, { 32, 8, 1 }, { 33, 8, 1 },
};

static const struct cipher_len *cipher_len(uint16_t id)
{
	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
		if (ciphers[i].id == id)
			return &ciphers[i];
	return NULL;
}

/* GMAC as an integrity algorithm of AH carries its IV with the ICV (RFC 4543 section 4). */
static uint32_t integ_len(const struct esp_shape *s)
{
	const struct suite_fact *f = s->integ ? suite_fact(SUITE_INTEG, s->integ) : NULL;

	return !f ? 0u : f->out_len + (f->salt_len ? 8u : 0u);
}

static uint32_t icv_len(const struct esp_shape *s)
{
	const struct suite_fact *f = s->encr ? suite_fact(SUITE_ENCR, s->encr) : NULL;

	return f && f->flags & SUITE_AEAD ? f->out_len : integ_len(s);
}

static uint32_t ip_len(uint8_t family)
{
	return family == NET_V6 ? 40 : 20;
}

/* RFC 4303 section 2.4: the block, and never less than 4 bytes. */
static uint32_t esp_block(const struct esp_shape *s)
{
	const struct cipher_len *c = cipher_len(s->encr);

	return c && c->block > 4 ? c->block : 4;
}

static uint32_t round_up(uint32_t n, uint32_t to)
{
	return (n + to - 1) / to * to;
}

static uint32_t gre_len(const struct esp_shape *s)
{
	return s->gre ? ip_len(s->gre) + GRE_HEADER + 4u * s->gre_words : 0;
}

/* What stands around the protected part and does not depend on its length. */
static uint32_t fixed_len(const struct esp_shape *s)
{
	uint32_t n = s->proto ? ip_len(s->outer) : 0;

	if (s->encap == ESP_IN_UDP)
		n += UDP_HEADER;
	else if (s->encap == ESP_IN_TCP)
		n += TCP_HEADER + TCP_LENGTH;
	if (s->proto == PROTO_ESP) {
		const struct cipher_len *c = cipher_len(s->encr);
		n += ESP_HEADER + (c ? c->iv : 0) + icv_len(s);
	} else if (s->proto == PROTO_AH) {
		/* RFC 4302 section 2.6: a multiple of 4 bytes over IPv4, of 8 over IPv6. */
		n += round_up(AH_HEADER + integ_len(s), s->outer == NET_V6 ? 8 : 4);
	}
	return n;
}

/* The header of the packet itself that is not part of what is protected. */
static uint32_t taken_off(const struct esp_shape *s)
{
	if (!s->proto || s->mode == MODE_TUNNEL)
		return 0;
	return ip_len(s->mode == MODE_BEET && s->inner ? s->inner : s->outer);
}

err_t esp_shape_check(const struct esp_shape *s)
{
	if (s->outer != NET_V4 && s->outer != NET_V6)
		return E_BAD_VALUE;
	if (s->proto && (s->proto != PROTO_ESP && s->proto != PROTO_AH))
		return E_BAD_VALUE;
	if (s->proto && (s->mode < MODE_TUNNEL || s->mode > MODE_BEET))
		return E_BAD_VALUE;
	if (!s->proto && (!s->gre || s->encap))
		return E_BAD_VALUE;
	if (s->gre_words > 3 || (s->gre_words && !s->gre))
		return E_BAD_VALUE;
	if (s->gre && (!s->proto || s->mode == MODE_TRANSPORT) && s->gre != s->outer)
		return E_BAD_VALUE;
	if (s->proto == PROTO_AH && (s->encap || s->encr))
		return E_BAD_VALUE;
	if (s->integ && !suite_fact(SUITE_INTEG, s->integ))
		return E_NOT_SUPPORTED;
	if (s->proto == PROTO_ESP && !cipher_len(s->encr))
		return E_NOT_SUPPORTED;
	return 0;
}

uint32_t esp_wire_len(const struct esp_shape *s, uint32_t plain)
{
	uint32_t inside = plain + gre_len(s), off = taken_off(s);

	inside = inside > off ? inside - off : 0;
	if (s->proto == PROTO_ESP)
		inside = round_up(inside + ESP_TRAILER, esp_block(s));
	return fixed_len(s) + inside;
}

uint32_t esp_plain_mtu(const struct esp_shape *s, uint32_t path_mtu)
{
	uint32_t fixed = fixed_len(s), off = taken_off(s), gre = gre_len(s), n;

	if (path_mtu <= fixed)
		return 0;
	n = path_mtu - fixed;
	if (s->proto == PROTO_ESP) {
		n -= n % esp_block(s);
		if (n <= ESP_TRAILER)
			return 0;
		n -= ESP_TRAILER;
	}
	n += off;
	/* No IP packet is longer. */
	n = n > PLAIN_MAX ? PLAIN_MAX : n;
	return n > gre ? n - gre : 0;
}

uint32_t esp_wire_len_padded(const struct esp_shape *s, uint32_t plain, uint32_t path_mtu)
{
	uint32_t room = esp_plain_mtu(s, path_mtu), to = s->tfc_pad < room ? s->tfc_pad : room;

	return esp_wire_len(s, s->proto == PROTO_ESP && plain < to ? to : plain);
}

uint32_t esp_overhead_max(const struct esp_shape *s)
{
	uint32_t n = fixed_len(s) + gre_len(s) - taken_off(s);

	return s->proto == PROTO_ESP ? n + ESP_TRAILER + esp_block(s) - 1 : n;
}

uint16_t esp_mss(uint32_t mtu, uint8_t family)
{
	uint32_t headers = ip_len(family) + 20;

	if (mtu <= headers)
		return 0;
	return (uint16_t)(mtu - headers > UINT16_MAX ? UINT16_MAX : mtu - headers);
}
