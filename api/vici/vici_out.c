/* SPDX-License-Identifier: Apache-2.0 */
/* Writing side of the message encoding: a packet that grows up to a bound. */
#include "api/vici/vici.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LEN_BYTES = 4, FIRST_BYTES = 512 };

static void drop(struct vici_out *o)
{
	if (o->p && o->secret)
		explicit_bzero(o->p, o->n);
	free(o->p);
}

static uint8_t *room(struct vici_out *o, size_t n)
{
	if (o->err)
		return NULL;
	if (n > o->max || o->n > o->max - n) {
		o->err = E_SPACE;
		return NULL;
	}
	if (o->cap - o->n < n) {
		size_t cap = o->cap ? o->cap : FIRST_BYTES;
		while (cap - o->n < n)
			cap *= 2;
		uint8_t *p = malloc(cap);
		if (!p) {
			o->err = E_NOMEM;
			return NULL;
		}
		if (o->n)
			memcpy(p, o->p, o->n);
		drop(o);
		o->p = p;
		o->cap = cap;
	}
	uint8_t *at = o->p + o->n;
	o->n += n;
	return at;
}

static void put_u8(struct vici_out *o, uint8_t v)
{
	uint8_t *p = room(o, 1);
	if (p)
		*p = v;
}

static void put_bytes(struct vici_out *o, slice s)
{
	uint8_t *p = room(o, s.n);
	if (p && s.n)
		memcpy(p, s.p, s.n);
}

static void put_name(struct vici_out *o, const char *name)
{
	slice s = slice_str(name);
	if (s.n > VICI_NAME_MAX) {
		o->err = o->err ? o->err : E_SPACE;
		return;
	}
	put_u8(o, (uint8_t)s.n);
	put_bytes(o, s);
}

static void put_value(struct vici_out *o, slice s)
{
	if (s.n > VICI_VALUE_MAX) {
		o->err = o->err ? o->err : E_SPACE;
		return;
	}
	put_u8(o, (uint8_t)(s.n >> 8));
	put_u8(o, (uint8_t)s.n);
	put_bytes(o, s);
}

/* Sections and keys outside of lists, items inside. */
static bool fits(struct vici_out *o, bool in_list)
{
	if (!o->err && o->in_list != in_list)
		o->err = E_MISUSE;
	return !o->err;
}

void vici_out_init_body(struct vici_out *o, size_t max)
{
	*o = (struct vici_out){ .max = max ? max : VICI_PACKET_MAX };
}

void vici_out_init(struct vici_out *o, uint8_t type, const char *name, size_t max)
{
	vici_out_init_body(o, (max ? max : VICI_PACKET_MAX) + LEN_BYTES);
	room(o, LEN_BYTES);
	put_u8(o, type);
	if (name)
		put_name(o, name);
}

void vici_out_fini(struct vici_out *o)
{
	drop(o);
	*o = (struct vici_out){ .err = E_MISUSE };
}

void vici_section(struct vici_out *o, const char *name)
{
	if (!fits(o, false))
		return;
	if (o->depth == VICI_DEPTH_MAX) {
		o->err = E_MISUSE;
		return;
	}
	o->depth++;
	put_u8(o, VICI_SECTION_START);
	put_name(o, name);
}

void vici_section_end(struct vici_out *o)
{
	if (!fits(o, false))
		return;
	if (!o->depth) {
		o->err = E_MISUSE;
		return;
	}
	o->depth--;
	put_u8(o, VICI_SECTION_END);
}

void vici_kv(struct vici_out *o, const char *key, slice value)
{
	if (!fits(o, false))
		return;
	put_u8(o, VICI_KEY_VALUE);
	put_name(o, key);
	put_value(o, value);
}

void vici_kv_str(struct vici_out *o, const char *key, const char *value)
{
	vici_kv(o, key, slice_str(value));
}

void vici_kv_fmt(struct vici_out *o, const char *key, const char *fmt, ...)
{
	char buf[1024], *text = buf;
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(buf, sizeof buf, fmt, ap);
	if (n >= (int)sizeof buf && vasprintf(&text, fmt, again) < 0) {
		o->err = o->err ? o->err : E_NOMEM;
		text = buf;
	}
	if (n >= 0)
		vici_kv_str(o, key, text);
	if (text != buf)
		free(text);
	va_end(again);
	va_end(ap);
}

void vici_kv_u64(struct vici_out *o, const char *key, uint64_t value)
{
	vici_kv_fmt(o, key, "%" PRIu64, value);
}

void vici_list(struct vici_out *o, const char *name)
{
	if (!fits(o, false))
		return;
	o->in_list = true;
	put_u8(o, VICI_LIST_START);
	put_name(o, name);
}

void vici_item(struct vici_out *o, slice value)
{
	if (!fits(o, true))
		return;
	put_u8(o, VICI_LIST_ITEM);
	put_value(o, value);
}

void vici_item_str(struct vici_out *o, const char *value)
{
	vici_item(o, slice_str(value));
}

void vici_list_end(struct vici_out *o)
{
	if (!fits(o, true))
		return;
	o->in_list = false;
	put_u8(o, VICI_LIST_END);
}

void vici_out_body(struct vici_out *o, slice body)
{
	if (fits(o, false))
		put_bytes(o, body);
}

err_t vici_out_frame(struct vici_out *o, slice *frame)
{
	if (!o->err && (o->depth || o->in_list))
		o->err = E_MISUSE;
	if (o->err)
		return o->err;
	struct wr w = wr_of(o->p, LEN_BYTES);
	wr_u32(&w, (uint32_t)(o->n - LEN_BYTES));
	*frame = slice_of(o->p, o->n);
	return 0;
}
