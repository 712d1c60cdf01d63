/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration payload (RFC 7296 section 3.15). What an attribute's value means is up to those who use it. */
#include "wire/pld.h"

PLD_DECODE(cp)
{
	struct wire_cp *cp = PLD_ONE(m, cp);
	if (!cp)
		return E_NOMEM;
	cp->type = rd_u8(r);
	rd_bytes(r, 3);
	while (rd_left(r)) {
		if (cp->n >= WIRE_MAX_CP_ATTRS)
			return diag_set(why, E_TOO_MANY, "more than %d attributes", WIRE_MAX_CP_ATTRS);
		void *v = cp->v;
		struct wire_cp_attr *at = pld_push(m->arena, &v, &cp->n, sizeof *at);
		if (!at)
			return E_NOMEM;
		cp->v = v;
		at->type = rd_u16(r) & 0x7fff;
		uint16_t len = rd_u16(r);
		at->data = rd_bytes(r, len);
		if (r->err)
			return diag_set(why, r->err, "attribute %u of %u bytes goes beyond the payload", at->type, len);
	}
	return 0;
}

void wire_put_cp(struct ike_out *o, uint8_t cp_type, const struct wire_cp_attr *v, size_t n)
{
	wire_pld_begin(o, PLD_CP);
	wr_u8(&o->w, cp_type);
	wr_zero(&o->w, 3);
	for (size_t i = 0; i < n; i++) {
		wr_u16(&o->w, v[i].type);
		struct wr_mark len = wr_open(&o->w, 2);
		wr_bytes(&o->w, v[i].data);
		wr_shut(&o->w, len);
	}
	wire_pld_end(o);
}

PLD_ENCODE(cp)
{
	(void)i;
	wire_put_cp(o, m->cp->type, m->cp->v, m->cp->n);
}

PLD_TEXT(cp)
{
	static const char *const types[] = { "CP", "CPRQ", "CPRP", "CPS", "CPA" };
	const struct wire_cp *cp = m->cp;
	(void)i;
	text_fmt(t, "%s(", cp->type < ARRAY_LEN(types) ? types[cp->type] : types[0]);
	for (uint16_t k = 0; k < cp->n; k++) {
		char buf[16];
		text_fmt(t, "%s%s", k ? " " : "", wire_name_or(WIRE_CPA_SHORT, cp->v[k].type, buf));
	}
	text_str(t, ")");
}
