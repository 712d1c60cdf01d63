/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/gateway.h"

#include <string.h>

static const struct row {
	uint8_t type;
	uint8_t len;    /* bytes of the identity, 0: 1 to 255 */
	uint8_t family; /* NET_NONE: a name */
	bool from;      /* may stand in REDIRECTED_FROM */
} rows[] = {
	{ GATEWAY_IPV4, 4, NET_V4, true },
	{ GATEWAY_IPV6, 16, NET_V6, true },
	{ GATEWAY_FQDN, 0, NET_NONE, false },
};

static const struct row *row_of(uint8_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

/* What a resolver may be asked for: labels of letters, digits, hyphens and underscores. */
static bool is_name(slice s)
{
	size_t label = 0;

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];
		bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
		if (c == '.' ? label == 0 : !word)
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return s.n > 0 && s.n <= 253;
}

static bool looks_numeric(slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') && s.p[i] != '.')
			return false;
	return true;
}

void wire_gateway_of_addr(const struct net_addr *a, struct wire_gateway *out)
{
	*out = (struct wire_gateway){ .type = a->family == NET_V6 ? GATEWAY_IPV6 : GATEWAY_IPV4,
		.n = (uint8_t)net_addr_len(a->family) };
	memcpy(out->id, a->a, out->n);
}

err_t wire_gateway_of_text(const char *text, struct wire_gateway *out)
{
	struct net_addr a;
	slice s = slice_str(text);

	if (net_addr_parse(text, &a) == 0) {
		if (a.port)
			return E_BAD_VALUE;
		wire_gateway_of_addr(&a, out);
		return 0;
	}
	/* 192.0.2.300 is a mistyped address, not a name. */
	if (!is_name(s) || looks_numeric(s))
		return E_BAD_VALUE;
	*out = (struct wire_gateway){ .type = GATEWAY_FQDN, .n = (uint8_t)s.n };
	memcpy(out->id, s.p, s.n);
	return 0;
}

bool wire_gateway_addr(const struct wire_gateway *g, struct net_addr *out)
{
	const struct row *r = row_of(g->type);

	if (!r || r->family == NET_NONE)
		return false;
	*out = (struct net_addr){ .family = r->family };
	memcpy(out->a, g->id, r->len);
	return true;
}

const char *wire_gateway_text(const struct wire_gateway *g, char buf[NET_ADDR_TEXT])
{
	struct net_addr a;

	return wire_gateway_addr(g, &a) ? net_addr_text(&a, false, buf) : (const char *)g->id;
}

err_t wire_gateway_read(slice data, bool from, struct wire_gateway *out, slice *nonce)
{
	struct rd r = rd_of(data);
	uint8_t type = rd_u8(&r);
	slice id = rd_bytes(&r, rd_u8(&r));
	const struct row *row = row_of(type);

	*nonce = from ? SLICE_NONE : rd_rest(&r);
	err_t e = rd_close(&r);
	if (e)
		return e;
	if (!row || (from && !row->from) || (row->len ? id.n != row->len : !is_name(id)))
		return E_SYNTAX;
	*out = (struct wire_gateway){ .type = type, .n = (uint8_t)id.n };
	memcpy(out->id, id.p, id.n);
	return 0;
}

void wire_gateway_write(struct wr *w, const struct wire_gateway *g, slice nonce)
{
	wr_u8(w, g->type);
	wr_u8(w, g->n);
	wr_bytes(w, slice_of(g->id, g->n));
	wr_bytes(w, nonce);
}
