/* SPDX-License-Identifier: Apache-2.0 */
/* Who the peer is and how it proves it: ID, CERT, CERTREQ and AUTH payloads (RFC 7296 sections 3.5 to 3.8). */
#include "wire/pld.h"

static err_t id_decode(struct wire_id *id, struct rd *r, struct diag **why)
{
	if (!id)
		return E_NOMEM;
	id->type = rd_u8(r);
	rd_bytes(r, 3);
	id->data = rd_rest(r);
	if (id->type == ID_ANY && !r->err)
		return diag_set(why, E_SYNTAX, "identity type 0 is reserved");
	size_t want = id->type == ID_IPV4_ADDR ? 4 : id->type == ID_IPV6_ADDR ? 16 : id->data.n;
	if (id->data.n != want)
		return diag_set(why, E_SYNTAX, "an identity of type %s has %zu bytes, not %zu", wire_name(WIRE_ID, id->type),
				want, id->data.n);
	return 0;
}

PLD_DECODE(idi)
{
	return id_decode(PLD_ONE(m, id_i), r, why);
}

PLD_DECODE(idr)
{
	return id_decode(PLD_ONE(m, id_r), r, why);
}

void wire_id_body(struct wr *w, uint8_t id_type, slice data)
{
	wr_u8(w, id_type);
	wr_zero(w, 3);
	wr_bytes(w, data);
}

void wire_put_id(struct ike_out *o, uint8_t pld_type, uint8_t id_type, slice data)
{
	wire_pld_begin(o, pld_type);
	wire_id_body(&o->w, id_type, data);
	wire_pld_end(o);
}

PLD_ENCODE(idi)
{
	(void)i;
	wire_put_id(o, PLD_IDI, m->id_i->type, m->id_i->data);
}

PLD_ENCODE(idr)
{
	(void)i;
	wire_put_id(o, PLD_IDR, m->id_r->type, m->id_r->data);
}

static err_t cert_decode(struct ike_msg *m, struct wire_cert **list, uint16_t *n, struct rd *r)
{
	void *v = *list;
	struct wire_cert *c = pld_push(m->arena, &v, n, sizeof *c);
	if (!c)
		return E_NOMEM;
	*list = v;
	c->enc = rd_u8(r);
	c->data = rd_rest(r);
	return 0;
}

PLD_DECODE(cert)
{
	(void)why;
	return cert_decode(m, &m->certs, &m->n_certs, r);
}

PLD_DECODE(certreq)
{
	(void)why;
	return cert_decode(m, &m->certreqs, &m->n_certreqs, r);
}

void wire_put_cert(struct ike_out *o, uint8_t pld_type, uint8_t enc, slice data)
{
	wire_pld_begin(o, pld_type);
	wr_u8(&o->w, enc);
	wr_bytes(&o->w, data);
	wire_pld_end(o);
}

PLD_ENCODE(cert)
{
	wire_put_cert(o, PLD_CERT, m->certs[i].enc, m->certs[i].data);
}

PLD_ENCODE(certreq)
{
	wire_put_cert(o, PLD_CERTREQ, m->certreqs[i].enc, m->certreqs[i].data);
}

PLD_DECODE(auth)
{
	(void)why;
	if (!PLD_ONE(m, auth))
		return E_NOMEM;
	m->auth->method = rd_u8(r);
	rd_bytes(r, 3);
	m->auth->data = rd_rest(r);
	return 0;
}

void wire_put_auth(struct ike_out *o, uint8_t method, slice data)
{
	wire_pld_begin(o, PLD_AUTH);
	wr_u8(&o->w, method);
	wr_zero(&o->w, 3);
	wr_bytes(&o->w, data);
	wire_pld_end(o);
}

PLD_ENCODE(auth)
{
	(void)i;
	wire_put_auth(o, m->auth->method, m->auth->data);
}
