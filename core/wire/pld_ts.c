/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic selector payloads (RFC 7296 section 3.13). */
#include "base/count.h"
#include "wire/pld.h"

static COUNTER(n_skipped, "wire.rx.ts_skipped", "traffic selectors of unknown type or empty range that were skipped");

/* Can a packet match it? "OPAQUE" ports (65535 to 0) stand for packets whose ports cannot be seen. */
static bool usable(const struct ts_sel *s)
{
	bool opaque = s->port_lo == 65535 && s->port_hi == 0;
	return memcmp(s->lo, s->hi, sizeof s->lo) <= 0 && (s->port_lo <= s->port_hi || opaque);
}

static err_t sel_decode(struct wire_ts *ts, struct rd *r, struct diag **why)
{
	struct ts_sel s = { 0 };
	uint8_t type = rd_u8(r);
	s.proto = rd_u8(r);
	uint16_t len = rd_u16(r);
	struct rd sub = rd_sub(r, len >= 4 ? len - 4 : 0);
	if (r->err || len < 4)
		return diag_set(why, r->err ? r->err : E_SYNTAX, "selector %u has a length of %u", ts->n + ts->skipped + 1, len);
	s.family = type == TS_IPV4_ADDR_RANGE ? NET_V4 : type == TS_IPV6_ADDR_RANGE ? NET_V6 : NET_NONE;
	if (s.family == NET_NONE) {
		ts->skipped++;
		count_inc(&n_skipped);
		return 0;
	}
	s.port_lo = rd_u16(&sub);
	s.port_hi = rd_u16(&sub);
	size_t n = net_addr_len(s.family);
	slice lo = rd_bytes(&sub, n), hi = rd_bytes(&sub, n);
	err_t e = rd_close(&sub);
	if (e)
		return diag_set(why, e, "selector %u of type %s has a length of %u", ts->n + ts->skipped + 1,
				wire_name(WIRE_TS, type), len);
	memcpy(s.lo, lo.p, n);
	memcpy(s.hi, hi.p, n);
	if (usable(&s)) {
		ts->v[ts->n++] = s;
	} else {
		ts->skipped++;
		count_inc(&n_skipped);
	}
	return 0;
}

static err_t ts_decode(struct ike_msg *m, struct wire_ts *ts, struct rd *r, struct diag **why)
{
	if (!ts)
		return E_NOMEM;
	uint8_t n = rd_u8(r);
	rd_bytes(r, 3);
	/* A selector has 8 bytes at least: no room is made for what cannot be there. */
	if (n > rd_left(r) / 4)
		return diag_set(why, E_TRUNCATED, "%u selectors are announced in %zu bytes", n, rd_left(r));
	ts->v = arena_get(m->arena, (n ? n : 1u) * sizeof *ts->v);
	if (!ts->v)
		return E_NOMEM;
	for (uint8_t i = 0; i < n; i++) {
		err_t e = sel_decode(ts, r, why);
		if (e)
			return e;
	}
	return 0;
}

PLD_DECODE(tsi)
{
	return ts_decode(m, PLD_ONE(m, ts_i), r, why);
}

PLD_DECODE(tsr)
{
	return ts_decode(m, PLD_ONE(m, ts_r), r, why);
}

void wire_put_ts(struct ike_out *o, uint8_t pld_type, const struct ts_sel *v, size_t n)
{
	if (n > 255)
		o->w.err = o->w.err ? o->w.err : E_SPACE;
	wire_pld_begin(o, pld_type);
	wr_u8(&o->w, (uint8_t)n);
	wr_zero(&o->w, 3);
	for (size_t i = 0; i < n; i++) {
		size_t len = net_addr_len(v[i].family);
		wr_u8(&o->w, v[i].family == NET_V4 ? TS_IPV4_ADDR_RANGE : TS_IPV6_ADDR_RANGE);
		wr_u8(&o->w, v[i].proto);
		wr_u16(&o->w, (uint16_t)(8 + 2 * len));
		wr_u16(&o->w, v[i].port_lo);
		wr_u16(&o->w, v[i].port_hi);
		wr_bytes(&o->w, slice_of(v[i].lo, len));
		wr_bytes(&o->w, slice_of(v[i].hi, len));
	}
	wire_pld_end(o);
}

PLD_ENCODE(tsi)
{
	(void)i;
	wire_put_ts(o, PLD_TSI, m->ts_i->v, m->ts_i->n);
}

PLD_ENCODE(tsr)
{
	(void)i;
	wire_put_ts(o, PLD_TSR, m->ts_r->v, m->ts_r->n);
}
