/* SPDX-License-Identifier: Apache-2.0 */
/* Notify, delete and vendor ID payloads (RFC 7296 sections 3.10 to 3.12). */
#include "wire/pld.h"

PLD_DECODE(notify)
{
	void *v = m->notifies;
	struct wire_notify *n = pld_push(m->arena, &v, &m->n_notifies, sizeof *n);
	if (!n)
		return E_NOMEM;
	m->notifies = v;
	n->proto = rd_u8(r);
	uint8_t spi_size = rd_u8(r);
	n->type = rd_u16(r);
	n->spi = rd_bytes(r, spi_size);
	n->data = rd_rest(r);
	if (r->err)
		return diag_set(why, r->err, "an SPI of %u bytes does not fit in it", spi_size);
	return 0;
}

static void put_notify(struct ike_out *o, uint16_t type, uint8_t proto, slice spi, slice data)
{
	wire_pld_begin(o, PLD_NOTIFY);
	wr_u8(&o->w, proto);
	wr_u8(&o->w, (uint8_t)spi.n);
	wr_u16(&o->w, type);
	wr_bytes(&o->w, spi);
	wr_bytes(&o->w, data);
	wire_pld_end(o);
}

void wire_put_notify(struct ike_out *o, uint16_t type, slice data)
{
	put_notify(o, type, PROTO_NONE, SLICE_NONE, data);
}

void wire_put_notify_spi(struct ike_out *o, uint16_t type, uint8_t proto, uint32_t spi, slice data)
{
	uint8_t b[4];
	struct wr w = wr_of(b, sizeof b);
	wr_u32(&w, spi);
	put_notify(o, type, proto, wr_done(&w), data);
}

PLD_ENCODE(notify)
{
	const struct wire_notify *n = &m->notifies[i];
	put_notify(o, n->type, n->proto, n->spi, n->data);
}

PLD_TEXT(notify)
{
	char buf[16];
	text_fmt(t, "N(%s)", notify_short(m->notifies[i].type, buf));
}

PLD_DECODE(delete)
{
	void *v = m->deletes;
	struct wire_delete *d = pld_push(m->arena, &v, &m->n_deletes, sizeof *d);
	if (!d)
		return E_NOMEM;
	m->deletes = v;
	d->proto = rd_u8(r);
	d->spi_size = rd_u8(r);
	d->n = rd_u16(r);
	bool child = d->proto == PROTO_AH || d->proto == PROTO_ESP;
	if (child && d->spi_size != 4)
		return diag_set(why, E_SYNTAX, "SPIs of %u bytes, those of child SAs have 4", d->spi_size);
	if (d->proto == PROTO_IKE && (d->spi_size || d->n))
		return diag_set(why, E_SYNTAX, "%u SPIs of %u bytes, the delete of an IKE SA has none", d->n, d->spi_size);
	if (!d->spi_size && d->n)
		return diag_set(why, E_SYNTAX, "%u SPIs of no bytes", d->n);
	d->spis = rd_bytes(r, (size_t)d->spi_size * d->n);
	return r->err;
}

void wire_put_delete(struct ike_out *o, uint8_t proto, const uint32_t *spis, size_t n)
{
	wire_pld_begin(o, PLD_DELETE);
	wr_u8(&o->w, proto);
	wr_u8(&o->w, proto == PROTO_IKE ? 0 : 4);
	wr_u16(&o->w, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		wr_u32(&o->w, spis[i]);
	wire_pld_end(o);
}

PLD_ENCODE(delete)
{
	const struct wire_delete *d = &m->deletes[i];
	wire_pld_begin(o, PLD_DELETE);
	wr_u8(&o->w, d->proto);
	wr_u8(&o->w, d->spi_size);
	wr_u16(&o->w, d->n);
	wr_bytes(&o->w, d->spis);
	wire_pld_end(o);
}

PLD_DECODE(vid)
{
	(void)why;
	void *v = m->vids;
	slice *s = pld_push(m->arena, &v, &m->n_vids, sizeof *s);
	if (!s)
		return E_NOMEM;
	m->vids = v;
	*s = rd_rest(r);
	return 0;
}

void wire_put_vid(struct ike_out *o, slice vid)
{
	wire_pld_begin(o, PLD_VID);
	wr_bytes(&o->w, vid);
	wire_pld_end(o);
}

PLD_ENCODE(vid)
{
	wire_put_vid(o, m->vids[i]);
}
