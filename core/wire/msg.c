/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over the payloads of a message: chain, bounds, critical bit; what is in a payload is in pld_*.c. */
#include "base/count.h"
#include "wire/pld.h"

static COUNTER(n_malformed, "wire.rx.malformed", "IKE messages refused because they were malformed");
static COUNTER(n_too_many, "wire.rx.too_many", "IKE messages refused because they hold more items than the limits allow");
static COUNTER(n_critical, "wire.rx.critical", "IKE messages refused for an unknown payload marked critical");
static COUNTER(n_version, "wire.rx.version", "IKE messages of another major version");
static COUNTER(n_unknown, "wire.rx.unknown_payload", "payloads of unknown type that were skipped");

static err_t counted(err_t e)
{
	if (e == E_TOO_MANY)
		count_inc(&n_too_many);
	else if (e == E_CRITICAL)
		count_inc(&n_critical);
	else if (e == E_VERSION)
		count_inc(&n_version);
	else if (e && e != E_NOMEM)
		count_inc(&n_malformed);
	return e;
}

err_t wire_parse_hdr(struct rd *r, struct ike_hdr *h)
{
	h->spi_i = rd_u64(r);
	h->spi_r = rd_u64(r);
	h->next = rd_u8(r);
	h->version = rd_u8(r);
	h->exchange = rd_u8(r);
	h->flags = rd_u8(r);
	h->mid = rd_u32(r);
	h->len = rd_u32(r);
	if (r->err)
		return r->err;
	if (h->version >> 4 != IKE_V2 >> 4)
		return E_VERSION;
	return h->len < IKE_HDR_LEN ? E_SYNTAX : 0;
}

/* Puts the payload's name and place before what the decoder said. */
static err_t bad(struct ike_msg *m, struct diag **why, err_t e, uint8_t type, size_t at, bool inner)
{
	char buf[16];
	m->bad_type = type;
	if (why && !*why)
		diag_set(why, e, "%s", err_text(e));
	return diag_set(why, e, "%s payload at byte %zu of the %s part", wire_name_or(WIRE_PLD_SHORT, type, buf), at,
			inner ? "encrypted" : "clear");
}

static uint16_t *count_of(uint16_t counts[64], uint8_t type)
{
	return payset_of(type) ? &counts[type - 33] : NULL;
}

static err_t note(struct ike_msg *m, const struct wire_pld *p)
{
	void *v = m->plds;
	struct wire_pld *at = pld_push(m->arena, &v, &m->n_plds, sizeof *at);
	if (!at)
		return E_NOMEM;
	m->plds = v;
	*at = *p;
	return 0;
}

/* One payload of known type. */
static err_t take(struct ike_msg *m, const struct pld_fact *f, struct wire_pld *p, uint16_t *have, struct diag **why)
{
	if (p->inner && (f->flags & PLD_NOT_INNER))
		return diag_set(why, E_SYNTAX, "it may not stand inside an encrypted payload");
	if (*have >= f->max)
		return f->flags & PLD_REPEATS ?
			diag_set(why, E_TOO_MANY, "a message may hold %u of them", f->max) :
			diag_set(why, E_SYNTAX, "it may come only once");
	if (p->body.n < f->min_len)
		return diag_set(why, E_TRUNCATED, "%zu bytes of content, at least %u are needed", p->body.n, f->min_len);
	p->index = (*have)++;
	struct rd r = rd_of(p->body);
	err_t e = f->decode(m, &r, why);
	return e ? e : rd_close(&r);
}

static err_t walk(struct ike_msg *m, slice part, size_t base, uint8_t next, bool inner, struct diag **why)
{
	uint16_t counts[64] = { 0 };
	for (uint16_t i = 0; i < m->n_plds; i++)
		if (count_of(counts, m->plds[i].type))
			++*count_of(counts, m->plds[i].type);

	struct rd r = rd_of(part);
	while (next != PLD_NONE) {
		struct wire_pld p = { .type = next, .inner = inner, .at = (uint32_t)(base + part.n - rd_left(&r)) };
		const struct pld_fact *f = pld_fact(next);
		err_t e = 0;

		next = rd_u8(&r);
		p.critical = (rd_u8(&r) & 0x80) != 0;
		uint16_t len = rd_u16(&r);
		if (!r.err && len < IKE_PLD_LEN)
			return bad(m, why, diag_set(why, E_SYNTAX, "length field of %u, it counts its own %d bytes", len,
						    IKE_PLD_LEN), p.type, p.at, inner);
		p.body = rd_bytes(&r, r.err ? 0 : len - IKE_PLD_LEN);
		if (r.err)
			return bad(m, why, r.err, p.type, p.at, inner);
		if (m->n_plds >= WIRE_MAX_PAYLOADS)
			return bad(m, why, diag_set(why, E_TOO_MANY, "a message may hold %d payloads", WIRE_MAX_PAYLOADS),
				   p.type, p.at, inner);
		if (f) {
			if (f->flags & PLD_LAST) {
				m->sk = (struct wire_sk){ .payload_at = p.at, .body_at = p.at + IKE_PLD_LEN, .first = next };
				next = PLD_NONE;
			}
			e = take(m, f, &p, count_of(counts, p.type), why);
		} else if (p.critical) {
			e = E_CRITICAL;
		} else {
			m->n_unknown++;
			count_inc(&n_unknown);
		}
		if (!e)
			e = note(m, &p);
		if (e)
			return bad(m, why, e, p.type, p.at, inner);
		if (f)
			*(inner ? &m->inner : &m->clear) |= payset_of(p.type);
	}
	if (rd_left(&r))
		return diag_set(why, E_TRAILING, "%zu bytes follow the last payload of the %s part", rd_left(&r),
				inner ? "encrypted" : "clear");
	return 0;
}

err_t wire_parse(struct ike_msg *m, slice datagram, struct arena *a, struct diag **why)
{
	*m = (struct ike_msg){ .raw = datagram, .arena = a };
	struct rd r = rd_of(datagram);
	err_t e = wire_parse_hdr(&r, &m->hdr);
	if (e == E_TRUNCATED)
		return counted(diag_set(why, e, "a datagram of %zu bytes is no IKE message, its header has %d", datagram.n,
					IKE_HDR_LEN));
	if (e == E_VERSION)
		return counted(diag_set(why, e, "IKE version %u.%u, only 2.0 is spoken here", m->hdr.version >> 4,
					m->hdr.version & 15));
	if (e || m->hdr.len != datagram.n)
		return counted(diag_set(why, e ? e : m->hdr.len > datagram.n ? E_TRUNCATED : E_TRAILING,
					"the header says %u bytes, the datagram has %zu", m->hdr.len, datagram.n));
	if (datagram.n > WIRE_MAX_BYTES)
		return counted(diag_set(why, E_TOO_MANY, "a message of %zu bytes, at most %d are taken", datagram.n,
					WIRE_MAX_BYTES));
	return counted(walk(m, rd_rest(&r), IKE_HDR_LEN, m->hdr.next, false, why));
}

err_t wire_parse_inner(struct ike_msg *m, slice plain, uint8_t first, struct diag **why)
{
	if (m->inner_done || !m->sk.payload_at)
		return diag_set(why, E_MISUSE, "this message has no encrypted part that is still to be read");
	err_t e = walk(m, plain, 0, first, true, why);
	m->inner_done = !e;
	return counted(e);
}

void wire_peek_cookie(slice datagram, slice *nonce, slice *cookie)
{
	struct rd r = rd_of(datagram);
	struct ike_hdr h;

	*nonce = *cookie = SLICE_NONE;
	if (wire_parse_hdr(&r, &h))
		return;
	uint8_t type = h.next;
	for (int i = 0; type != PLD_NONE && i < WIRE_MAX_PAYLOADS && !r.err; i++) {
		uint8_t next = rd_u8(&r);
		rd_u8(&r);
		uint16_t len = rd_u16(&r);
		struct rd body = rd_sub(&r, len >= IKE_PLD_LEN ? len - IKE_PLD_LEN : 0);
		if (type == PLD_NONCE && !nonce->p && rd_left(&body) >= WIRE_NONCE_MIN && rd_left(&body) <= WIRE_NONCE_MAX) {
			*nonce = rd_rest(&body);
		} else if (type == PLD_NOTIFY && !cookie->p) {
			rd_u8(&body);
			uint8_t spi_size = rd_u8(&body);
			uint16_t notify = rd_u16(&body);
			rd_bytes(&body, spi_size);
			if (notify == N_COOKIE && !body.err)
				*cookie = rd_rest(&body);
		}
		if (len < IKE_PLD_LEN)
			return;
		type = next;
	}
}

const struct wire_notify *wire_notify(const struct ike_msg *m, uint16_t type)
{
	for (uint16_t i = 0; i < m->n_notifies; i++)
		if (m->notifies[i].type == type)
			return &m->notifies[i];
	return NULL;
}

const struct wire_notify *wire_error(const struct ike_msg *m)
{
	for (uint16_t i = 0; i < m->n_notifies; i++)
		if (notify_is_error(m->notifies[i].type))
			return &m->notifies[i];
	return NULL;
}

uint32_t wire_delete_spi(const struct wire_delete *d, uint16_t i)
{
	struct rd r = rd_of(d->spis);
	rd_bytes(&r, (size_t)i * 4);
	return d->spi_size == 4 && i < d->n ? rd_u32(&r) : 0;
}

uint32_t wire_spi4(slice s)
{
	struct rd r = rd_of(s);
	return s.n == 4 ? rd_u32(&r) : 0;
}

uint64_t wire_spi8(slice s)
{
	struct rd r = rd_of(s);
	return s.n == 8 ? rd_u64(&r) : 0;
}
