/* SPDX-License-Identifier: Apache-2.0 */
/* Security association payload: proposals, transforms, attributes (RFC 7296 section 3.3). */
#include "base/count.h"
#include "wire/pld.h"

enum { MORE_PROPS = 2, MORE_TFS = 3, ATTR_TV = 0x8000, ATTR_KEY_LENGTH = 14 };

static COUNTER(n_unusable, "wire.rx.tf_unusable", "transforms set aside for an attribute that is not understood");

/* Section 3.3.6: a transform with an attribute that is not understood is not chosen; the message stays valid. */
static err_t attrs_decode(struct suite_tf *tf, struct rd *r, struct diag **why)
{
	for (int n = 0; rd_left(r); n++) {
		if (n >= WIRE_MAX_ATTRS)
			return diag_set(why, E_TOO_MANY, "more than %d attributes in a transform", WIRE_MAX_ATTRS);
		uint16_t type = rd_u16(r), value = rd_u16(r);
		if (!(type & ATTR_TV))
			rd_bytes(r, value);
		if (type != (ATTR_TV | ATTR_KEY_LENGTH) || value == 0 || (tf->bits && tf->bits != value))
			tf->unusable = true;
		else
			tf->bits = value;
	}
	if (tf->unusable)
		count_inc(&n_unusable);
	return r->err;
}

static err_t tf_decode(struct suite_tf *tf, struct rd *r, bool last, struct diag **why)
{
	uint8_t more = rd_u8(r);
	rd_u8(r);
	uint16_t len = rd_u16(r);
	if (!r->err && (more != (last ? 0 : MORE_TFS) || len < 8))
		return diag_set(why, E_SYNTAX, "it has length %u and says %u for \"more\", not %u", len, more, last ? 0 : MORE_TFS);
	struct rd sub = rd_sub(r, len >= 4 ? len - 4 : 0);
	tf->type = rd_u8(&sub);
	rd_u8(&sub);
	tf->id = rd_u16(&sub);
	err_t e = sub.err ? sub.err : attrs_decode(tf, &sub, why);
	return e ? e : rd_close(&sub);
}

static bool spi_fits(uint8_t proto, uint8_t spi_size)
{
	if (proto == PROTO_IKE)
		return spi_size == 0 || spi_size == 8;
	return (proto != PROTO_AH && proto != PROTO_ESP) || spi_size == 4;
}

/* One proposal; r stands behind its "more" byte. */
static err_t prop_decode(struct ike_msg *m, struct rd *r, size_t *n_tf, struct diag **why)
{
	struct wire_sa *sa = m->sa;
	rd_u8(r);
	uint16_t len = rd_u16(r);
	struct rd sub = rd_sub(r, len >= 4 ? len - 4 : 0);
	uint8_t num = rd_u8(&sub), proto = rd_u8(&sub), spi_size = rd_u8(&sub), n = rd_u8(&sub);
	slice spi = rd_bytes(&sub, spi_size);
	if (sub.err)
		return sub.err;
	if (!spi_fits(proto, spi_size))
		return diag_set(why, E_SYNTAX, "an SPI of %u bytes for protocol %u", spi_size, proto);
	/* A transform has 8 bytes at least: no room is made for what cannot be there. */
	if (n > rd_left(&sub) / 8)
		return diag_set(why, E_TRUNCATED, "%u transforms are announced in %zu bytes", n, rd_left(&sub));
	*n_tf += n;
	if (*n_tf > WIRE_MAX_TF)
		return diag_set(why, E_TOO_MANY, "more than %d transforms", WIRE_MAX_TF);
	struct suite_prop *prop = suite_prop_get(m->arena, proto, num, n);
	if (!prop)
		return E_NOMEM;
	for (uint8_t i = 0; i < n; i++) {
		prop->tf[i] = (struct suite_tf){ 0 };
		err_t e = tf_decode(&prop->tf[i], &sub, i + 1 == n, why);
		if (e)
			return diag_set(why, e, "transform %u", i + 1);
	}
	prop->n = n;
	suite_prop_order(prop);
	sa->props[sa->n] = prop;
	sa->spis[sa->n++] = spi;
	return rd_close(&sub);
}

PLD_DECODE(sa)
{
	struct wire_sa *sa = PLD_ONE(m, sa);
	uint8_t more = MORE_PROPS;
	size_t n_tf = 0, room = rd_left(r) / 8;
	if (!sa)
		return E_NOMEM;
	if (room > WIRE_MAX_PROPS)
		room = WIRE_MAX_PROPS;
	sa->props = arena_get(m->arena, room * sizeof *sa->props);
	sa->spis = arena_get(m->arena, room * sizeof *sa->spis);
	if (!sa->props || !sa->spis)
		return E_NOMEM;
	while (more == MORE_PROPS && !r->err) {
		if (sa->n >= WIRE_MAX_PROPS)
			return diag_set(why, E_TOO_MANY, "more than %d proposals", WIRE_MAX_PROPS);
		if (rd_left(r) < 8)
			return diag_set(why, E_TRUNCATED, "a further proposal is announced but not there");
		more = rd_u8(r);
		if (more != 0 && more != MORE_PROPS)
			return diag_set(why, E_SYNTAX, "proposal %u says %u for \"more\", 0 and 2 are allowed", sa->n + 1, more);
		err_t e = prop_decode(m, r, &n_tf, why);
		if (e)
			return diag_set(why, e, "proposal %u", sa->n + 1);
	}
	return r->err;
}

static void put_tf(struct wr *w, const struct suite_tf *tf, bool last)
{
	size_t from = w->off;
	wr_u8(w, last ? 0 : MORE_TFS);
	wr_u8(w, 0);
	struct wr_mark len = wr_open_from(w, 2, from);
	wr_u8(w, tf->type);
	wr_u8(w, 0);
	wr_u16(w, tf->id);
	if (tf->bits) {
		wr_u16(w, ATTR_TV | ATTR_KEY_LENGTH);
		wr_u16(w, tf->bits);
	}
	wr_shut(w, len);
}

static bool left_out(const struct suite_tf *tf, uint32_t flags)
{
	return (flags & WIRE_SA_NO_KE) && (tf->type == SUITE_KE || (tf->type >= SUITE_AKE1 && tf->type <= SUITE_AKE7));
}

static void put_prop(struct wr *w, uint8_t num, uint8_t proto, slice spi, const struct suite_tf *tf, uint8_t n, bool last,
	uint32_t flags)
{
	size_t from = w->off;
	uint8_t n_out = 0;
	for (uint8_t i = 0; i < n; i++)
		n_out += !left_out(&tf[i], flags);
	wr_u8(w, last ? 0 : MORE_PROPS);
	wr_u8(w, 0);
	struct wr_mark len = wr_open_from(w, 2, from);
	wr_u8(w, num);
	wr_u8(w, proto);
	wr_u8(w, (uint8_t)spi.n);
	wr_u8(w, n_out);
	wr_bytes(w, spi);
	for (uint8_t i = 0; i < n; i++)
		if (!left_out(&tf[i], flags))
			put_tf(w, &tf[i], --n_out == 0);
	wr_shut(w, len);
}

void wire_put_sa(struct ike_out *o, const struct wire_sa_in *v, size_t n, uint32_t flags)
{
	wire_pld_begin(o, PLD_SA);
	for (size_t i = 0; i < n; i++) {
		const struct suite_prop *p = v[i].prop;
		put_prop(&o->w, p->num ? p->num : (uint8_t)(i + 1), p->proto, v[i].spi, p->tf, p->n, i + 1 == n, flags);
	}
	wire_pld_end(o);
}

void wire_put_sa_list(struct ike_out *o, const struct suite_prop *const *v, size_t n, slice spi, uint32_t flags)
{
	wire_pld_begin(o, PLD_SA);
	for (size_t i = 0; i < n; i++)
		put_prop(&o->w, v[i]->num ? v[i]->num : (uint8_t)(i + 1), v[i]->proto, spi, v[i]->tf, v[i]->n, i + 1 == n, flags);
	wire_pld_end(o);
}

void wire_put_sa_suite(struct ike_out *o, const struct suite *s, uint8_t num, slice spi)
{
	struct suite_tf tf[SUITE_TF_MAX];
	uint8_t n = suite_transforms(s, tf);
	wire_pld_begin(o, PLD_SA);
	put_prop(&o->w, num, s->proto, spi, tf, n, true, 0);
	wire_pld_end(o);
}

PLD_ENCODE(sa)
{
	(void)i;
	wire_pld_begin(o, PLD_SA);
	for (uint16_t k = 0; k < m->sa->n; k++) {
		const struct suite_prop *p = m->sa->props[k];
		put_prop(&o->w, p->num, p->proto, m->sa->spis[k], p->tf, p->n, k + 1 == m->sa->n, 0);
	}
	wire_pld_end(o);
}
