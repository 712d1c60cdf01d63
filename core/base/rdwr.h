/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cursors: the only way bytes from outside are read (principle P1) and wire formats are written.
 *
 * Reading: the first read past the end sets a sticky error; that read and all later ones give zeros or empty
 * slices, so a decoder reads straight on and checks once, with rd_close(). A sub-window is cut off with rd_sub() and
 * has to be consumed exactly. Writing: the first write that does not fit sets the error and later ones do nothing.
 * A length field is reserved by wr_open() and filled by wr_shut() from what was written in between.
 * Not thread-safe; nothing waits; nothing is allocated. All numbers are in network order.
 */
#ifndef ADIT_BASE_RDWR_H
#define ADIT_BASE_RDWR_H

#include "err.h"

struct rd {
	const uint8_t *p;
	const uint8_t *end;
	err_t err;
};

struct wr {
	uint8_t *base;
	size_t cap;
	size_t off;
	err_t err;
};

struct wr_mark {
	size_t at;     /* where the length field is */
	uint8_t width; /* its bytes: 1, 2 or 4 */
	bool self;     /* the length counts the bytes from `from` on, else those behind the field */
	size_t from;
};

static inline struct rd rd_of(slice s)
{
	return (struct rd){ s.p, s.p ? s.p + s.n : s.p, 0 };
}

static inline size_t rd_left(const struct rd *r)
{
	return (size_t)(r->end - r->p);
}

static inline void rd_fail(struct rd *r, err_t e)
{
	if (!r->err)
		r->err = e;
	r->p = r->end;
}

/* n bytes, or an empty slice and E_TRUNCATED. */
static inline slice rd_bytes(struct rd *r, size_t n)
{
	if (rd_left(r) < n) {
		rd_fail(r, E_TRUNCATED);
		return SLICE_NONE;
	}
	slice s = { r->p, n };
	if (n) /* nothing is added to NULL, not even nothing */
		r->p += n;
	return s;
}

static inline uint8_t rd_u8(struct rd *r)
{
	slice s = rd_bytes(r, 1);
	return s.n ? s.p[0] : 0;
}

static inline uint16_t rd_u16(struct rd *r)
{
	slice s = rd_bytes(r, 2);
	return s.n ? (uint16_t)(s.p[0] << 8 | s.p[1]) : 0;
}

static inline uint32_t rd_u32(struct rd *r)
{
	slice s = rd_bytes(r, 4);
	return s.n ? (uint32_t)s.p[0] << 24 | (uint32_t)s.p[1] << 16 | (uint32_t)s.p[2] << 8 | s.p[3] : 0;
}

static inline uint64_t rd_u64(struct rd *r)
{
	uint64_t hi = rd_u32(r);
	return hi << 32 | rd_u32(r);
}

/* All that is left. */
static inline slice rd_rest(struct rd *r)
{
	return rd_bytes(r, rd_left(r));
}

/* A window of n bytes; the parent moves past it. When n is too large both are in error. */
static inline struct rd rd_sub(struct rd *r, size_t n)
{
	slice s = rd_bytes(r, n);
	struct rd sub = rd_of(s);
	sub.err = r->err;
	return sub;
}

/* The first error, or E_TRAILING when bytes are left. */
MUST static inline err_t rd_close(const struct rd *r)
{
	if (r->err)
		return r->err;
	return rd_left(r) ? E_TRAILING : 0;
}

static inline struct wr wr_of(void *base, size_t cap)
{
	return (struct wr){ (uint8_t *)base, cap, 0, 0 };
}

/* n bytes to be filled by the caller, or NULL and E_SPACE. */
static inline uint8_t *wr_room(struct wr *w, size_t n)
{
	if (w->err || w->cap - w->off < n) {
		w->err = w->err ? w->err : E_SPACE;
		return NULL;
	}
	uint8_t *p = w->base + w->off;
	w->off += n;
	return p;
}

static inline void wr_bytes(struct wr *w, slice s)
{
	uint8_t *p = wr_room(w, s.n);
	if (p && s.n)
		memcpy(p, s.p, s.n);
}

static inline void wr_zero(struct wr *w, size_t n)
{
	uint8_t *p = wr_room(w, n);
	if (p)
		memset(p, 0, n);
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
	uint8_t *p = wr_room(w, 1);
	if (p)
		p[0] = v;
}

static inline void wr_u16(struct wr *w, uint16_t v)
{
	uint8_t *p = wr_room(w, 2);
	if (p) {
		p[0] = (uint8_t)(v >> 8);
		p[1] = (uint8_t)v;
	}
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
	wr_u16(w, (uint16_t)(v >> 16));
	wr_u16(w, (uint16_t)v);
}

static inline void wr_u64(struct wr *w, uint64_t v)
{
	wr_u32(w, (uint32_t)(v >> 32));
	wr_u32(w, (uint32_t)v);
}

/* Reserves a length field of `width` bytes that will count what is written behind it. */
static inline struct wr_mark wr_open(struct wr *w, uint8_t width)
{
	struct wr_mark m = { w->off, width, false, 0 };
	wr_zero(w, width);
	return m;
}

/* As wr_open, but the length will count from offset `from` (a header that counts itself). */
static inline struct wr_mark wr_open_from(struct wr *w, uint8_t width, size_t from)
{
	struct wr_mark m = { w->off, width, true, from };
	wr_zero(w, width);
	return m;
}

static inline void wr_shut(struct wr *w, struct wr_mark m)
{
	if (w->err)
		return;
	size_t n = m.self ? w->off - m.from : w->off - m.at - m.width;
	if (m.width < sizeof n && n >> (8 * m.width)) {
		w->err = E_SPACE;
		return;
	}
	for (uint8_t i = m.width; i-- > 0; n >>= 8)
		w->base[m.at + i] = (uint8_t)n;
}

/* What has been written so far. */
static inline slice wr_done(const struct wr *w)
{
	return slice_of(w->base, w->err ? 0 : w->off);
}

#endif
