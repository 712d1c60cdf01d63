/* SPDX-License-Identifier: Apache-2.0 */
/* Reading side of the message encoding: packets and elements out of bytes that any client may have sent. */
#include "api/vici/vici.h"

static bool packet_is_named(uint8_t type)
{
	return type == VICI_CMD_REQUEST || type == VICI_EVENT_REGISTER || type == VICI_EVENT_UNREGISTER || type == VICI_EVENT;
}

err_t vici_packet_read(slice packet, struct vici_packet *out)
{
	struct rd r = rd_of(packet);
	*out = (struct vici_packet){ .type = rd_u8(&r) };
	if (r.err)
		return r.err;
	if (out->type >= VICI_PACKET_TYPE_END)
		return E_SYNTAX;
	if (packet_is_named(out->type))
		out->name = rd_bytes(&r, rd_u8(&r));
	out->body = rd_rest(&r);
	return r.err;
}

struct vici_in vici_in_of(slice body)
{
	return (struct vici_in){ .r = rd_of(body) };
}

static slice read_name(struct rd *r)
{
	return rd_bytes(r, rd_u8(r));
}

static slice read_value(struct rd *r)
{
	return rd_bytes(r, rd_u16(r));
}

struct vici_elem vici_next(struct vici_in *in)
{
	/* Which elements may stand inside a list and outside of one. */
	static const struct {
		bool known, in_list, outside;
	} allowed[] = {
		[VICI_SECTION_START] = { true, false, true }, [VICI_SECTION_END] = { true, false, true },
		[VICI_KEY_VALUE] = { true, false, true },     [VICI_LIST_START] = { true, false, true },
		[VICI_LIST_ITEM] = { true, true, false },     [VICI_LIST_END] = { true, true, false },
	};
	struct vici_elem e = { .type = VICI_END };
	if (in->r.err || !rd_left(&in->r))
		return e;
	uint8_t type = rd_u8(&in->r);
	if (type >= ARRAY_LEN(allowed) || !allowed[type].known ||
	    !(in->in_list ? allowed[type].in_list : allowed[type].outside)) {
		rd_fail(&in->r, E_SYNTAX);
		return e;
	}
	switch (type) {
	case VICI_SECTION_START:
		e.name = read_name(&in->r);
		if (in->depth == VICI_DEPTH_MAX)
			rd_fail(&in->r, E_TOO_MANY);
		else
			in->depth++;
		break;
	case VICI_SECTION_END:
		if (!in->depth)
			rd_fail(&in->r, E_SYNTAX);
		else
			in->depth--;
		break;
	case VICI_KEY_VALUE:
		e.name = read_name(&in->r);
		e.value = read_value(&in->r);
		break;
	case VICI_LIST_START:
		e.name = read_name(&in->r);
		in->in_list = true;
		break;
	case VICI_LIST_ITEM:
		e.value = read_value(&in->r);
		break;
	case VICI_LIST_END:
		in->in_list = false;
		break;
	}
	if (in->r.err)
		return (struct vici_elem){ .type = VICI_END };
	e.type = type;
	return e;
}

err_t vici_in_close(const struct vici_in *in)
{
	if (in->r.err)
		return in->r.err;
	if (rd_left(&in->r))
		return E_TRAILING;
	return in->depth || in->in_list ? E_TRUNCATED : 0;
}

err_t vici_check(slice body)
{
	struct vici_in in = vici_in_of(body);
	while (vici_next(&in).type != VICI_END)
		;
	return vici_in_close(&in);
}

void vici_skip(struct vici_in *in, const struct vici_elem *start)
{
	if (start->type == VICI_LIST_START) {
		while (in->in_list && vici_next(in).type != VICI_END)
			;
	} else if (start->type == VICI_SECTION_START) {
		uint8_t outer = (uint8_t)(in->depth - 1);
		while (in->depth > outer && vici_next(in).type != VICI_END)
			;
	}
}

bool vici_find(slice body, const char *key, slice *value)
{
	struct vici_in in = vici_in_of(body);
	for (struct vici_elem e = vici_next(&in); e.type != VICI_END; e = vici_next(&in)) {
		if (e.type == VICI_KEY_VALUE && slice_equal(e.name, slice_str(key))) {
			*value = e.value;
			return true;
		}
		vici_skip(&in, &e);
	}
	return false;
}

bool vici_find_text(slice body, const char *key, char *buf, size_t cap)
{
	slice v;
	if (!vici_find(body, key, &v) || v.n >= cap || (v.n && memchr(v.p, 0, v.n)))
		return false;
	if (v.n)
		memcpy(buf, v.p, v.n);
	buf[v.n] = 0;
	return true;
}

bool vici_find_item(slice body, const char *list, size_t *cursor, slice *value)
{
	struct vici_in in = vici_in_of(body);
	for (struct vici_elem e = vici_next(&in); e.type != VICI_END; e = vici_next(&in)) {
		if (e.type != VICI_LIST_START || !slice_equal(e.name, slice_str(list))) {
			vici_skip(&in, &e);
			continue;
		}
		for (size_t i = 0; (e = vici_next(&in)).type == VICI_LIST_ITEM; i++)
			if (i == *cursor) {
				++*cursor;
				*value = e.value;
				return true;
			}
		return false;
	}
	return false;
}
