/* SPDX-License-Identifier: Apache-2.0 */
/* KE and nonce payloads (RFC 7296 sections 3.4 and 3.9). */
#include "wire/pld.h"

PLD_DECODE(ke)
{
	(void)why;
	if (!PLD_ONE(m, ke))
		return E_NOMEM;
	m->ke->method = rd_u16(r);
	rd_u16(r);
	m->ke->data = rd_rest(r);
	return 0;
}

void wire_put_ke(struct ike_out *o, uint16_t method, slice data)
{
	wire_pld_begin(o, PLD_KE);
	wr_u16(&o->w, method);
	wr_u16(&o->w, 0);
	wr_bytes(&o->w, data);
	wire_pld_end(o);
}

PLD_ENCODE(ke)
{
	(void)i;
	wire_put_ke(o, m->ke->method, m->ke->data);
}

PLD_DECODE(nonce)
{
	if (rd_left(r) > WIRE_NONCE_MAX)
		return diag_set(why, E_SYNTAX, "a nonce of %zu bytes, %d to %d are allowed", rd_left(r), WIRE_NONCE_MIN,
				WIRE_NONCE_MAX);
	if (!PLD_ONE(m, nonce))
		return E_NOMEM;
	*m->nonce = rd_rest(r);
	return 0;
}

void wire_put_nonce(struct ike_out *o, slice nonce)
{
	wire_pld_begin(o, PLD_NONCE);
	wr_bytes(&o->w, nonce);
	wire_pld_end(o);
}

PLD_ENCODE(nonce)
{
	(void)i;
	wire_put_nonce(o, *m->nonce);
}
