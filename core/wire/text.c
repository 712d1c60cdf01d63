/* SPDX-License-Identifier: Apache-2.0 */
/* One line about a message, in the form operators of this field read every day. */
#include "wire/pld.h"

void wire_text_hdr(struct text *t, const struct ike_hdr *h)
{
	char buf[16];
	text_fmt(t, "%s %s %u", wire_name_or(WIRE_XCHG, h->exchange, buf), ike_is_response(h) ? "response" : "request", h->mid);
}

void wire_text(struct text *t, const struct ike_msg *m)
{
	wire_text_hdr(t, &m->hdr);
	text_str(t, " [ ");
	for (uint16_t i = 0; i < m->n_plds; i++) {
		const struct wire_pld *p = &m->plds[i];
		const struct pld_fact *f = pld_fact(p->type);
		if ((p->type == PLD_SK || p->type == PLD_SKF) && m->inner_done)
			continue;
		if (!f)
			text_fmt(t, "(%u)", p->type);
		else if (f->text)
			f->text(t, m, p->index);
		else
			text_str(t, f->shrt);
		text_str(t, " ");
	}
	text_str(t, "]");
}

void wire_out_text(struct text *t, const struct ike_out *o, struct arena *scratch)
{
	slice built = wr_done(&o->w);
	uint8_t *copy = arena_dup(scratch, built.p, built.n);
	struct ike_msg m;
	if (!copy || built.n < IKE_HDR_LEN)
		return;

	/* The lengths of the header and of SK come when it is sealed: set them as if there were neither IV nor padding. */
	struct wr w = wr_of(copy, built.n);
	w.off = 24;
	wr_u32(&w, (uint32_t)built.n);
	if (o->payload_at) {
		w.off = o->payload_at + 2;
		wr_u16(&w, (uint16_t)(built.n - o->payload_at));
	}
	if (wire_parse(&m, slice_of(copy, built.n), scratch, NULL) == 0 &&
	    (m.sk.total || !o->payload_at || wire_parse_inner(&m, wire_sk_inner(o), wire_sk_first(o), NULL) == 0))
		wire_text(t, &m);
	else
		wire_text_hdr(t, &m.hdr);
}
