/* SPDX-License-Identifier: Apache-2.0 */
/* The message builder: header, chain of payloads, reserved room of SK and SKF. */
#include "wire/out.h"

void wire_begin(struct ike_out *o, void *buf, size_t cap, const struct ike_hdr *h)
{
	*o = (struct ike_out){ .w = wr_of(buf, cap), .next_at = 16 };
	wr_u64(&o->w, h->spi_i);
	wr_u64(&o->w, h->spi_r);
	wr_u8(&o->w, PLD_NONE);
	wr_u8(&o->w, h->version);
	wr_u8(&o->w, h->exchange);
	wr_u8(&o->w, h->flags);
	wr_u32(&o->w, h->mid);
	wr_u32(&o->w, 0);
}

err_t wire_end(struct ike_out *o, slice *msg)
{
	wr_shut(&o->w, (struct wr_mark){ .at = 24, .width = 4, .self = true, .from = 0 });
	*msg = wr_done(&o->w);
	return o->w.err;
}

/* Names the payload that starts here in the one before. */
static void chain(struct ike_out *o, uint8_t type, uint8_t next)
{
	if (!o->w.err)
		o->w.base[o->next_at] = type;
	o->next_at = o->w.off;
	wr_u8(&o->w, next);
	wr_u8(&o->w, 0);
}

void wire_pld_begin(struct ike_out *o, uint8_t type)
{
	size_t from = o->w.off;
	chain(o, type, PLD_NONE);
	o->len = wr_open_from(&o->w, 2, from);
}

void wire_pld_end(struct ike_out *o)
{
	wr_shut(&o->w, o->len);
}

void wire_sk_begin(struct ike_out *o, size_t iv_len)
{
	o->payload_at = o->w.off;
	chain(o, PLD_SK, PLD_NONE);
	wr_u16(&o->w, 0);
	o->body_at = o->w.off;
	wr_zero(&o->w, iv_len);
	o->inner_at = o->w.off;
}

void wire_skf_begin(struct ike_out *o, uint8_t first, uint16_t number, uint16_t total, size_t iv_len)
{
	o->payload_at = o->w.off;
	chain(o, PLD_SKF, number == 1 ? first : PLD_NONE);
	wr_u16(&o->w, 0);
	wr_u16(&o->w, number);
	wr_u16(&o->w, total);
	o->body_at = o->w.off;
	wr_zero(&o->w, iv_len);
	o->inner_at = o->w.off;
}

err_t wire_sk_end(struct ike_out *o, size_t *n_inner)
{
	*n_inner = o->w.err ? 0 : o->w.off - o->inner_at;
	return o->w.err;
}

uint8_t wire_sk_first(const struct ike_out *o)
{
	return o->w.err || !o->payload_at ? PLD_NONE : o->w.base[o->payload_at];
}

slice wire_sk_inner(const struct ike_out *o)
{
	return o->w.err ? SLICE_NONE : slice_of(o->w.base + o->inner_at, o->w.off - o->inner_at);
}
