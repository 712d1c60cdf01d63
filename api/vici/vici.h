/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encoding of the message API: vici's framing, packets and elements (design section 7), so that swanctl and the
 * vici libraries of other languages talk to us unmodified.
 *
 * On the stream: 4 bytes of length, then a packet: 1 byte of type, for some types 1 byte of length and a name, then
 * elements. Sections nest, lists hold values only. Names have at most 255 bytes, values 65535, a packet VICI_PACKET_MAX.
 *
 * Reading: vici_next() walks a body element by element over the rd cursor, with a sticky error; nothing is copied, what
 * it yields points into the body. Writing: struct vici_out grows up to a bound; the first thing that does not fit or
 * does not nest sets a sticky error, so that a writer checks once, in vici_out_frame(). One thread; nothing waits.
 */
#ifndef ADIT_API_VICI_H
#define ADIT_API_VICI_H

#include "base/rdwr.h"

#define VICI_PACKET_MAX (512u * 1024) /* bytes behind the length field, as strongSwan's clients expect it */
#define VICI_DEPTH_MAX 16             /* sections in sections */
#define VICI_NAME_MAX 255
#define VICI_VALUE_MAX 65535

enum vici_packet_type {
	VICI_CMD_REQUEST = 0,      /* client, named */
	VICI_CMD_RESPONSE = 1,     /* server */
	VICI_CMD_UNKNOWN = 2,      /* server: no such command */
	VICI_EVENT_REGISTER = 3,   /* client, named */
	VICI_EVENT_UNREGISTER = 4, /* client, named */
	VICI_EVENT_CONFIRM = 5,    /* server */
	VICI_EVENT_UNKNOWN = 6,    /* server */
	VICI_EVENT = 7,            /* server, named */
	VICI_PACKET_TYPE_END
};

enum vici_elem_type {
	VICI_END = 0, /* of the body, or an error: vici_in_close() tells */
	VICI_SECTION_START = 1,
	VICI_SECTION_END = 2,
	VICI_KEY_VALUE = 3,
	VICI_LIST_START = 4,
	VICI_LIST_ITEM = 5,
	VICI_LIST_END = 6
};

/* ---- reading ---- */

struct vici_packet {
	uint8_t type; /* enum vici_packet_type */
	slice name;   /* of the types that have one, else empty */
	slice body;   /* elements, not yet looked at */
};

/* Splits a packet (without its length field). E_TRUNCATED, E_SYNTAX (type unknown). */
MUST err_t vici_packet_read(slice packet, struct vici_packet *out);

struct vici_in {
	struct rd r;
	uint8_t depth; /* open sections */
	bool in_list;
};

struct vici_elem {
	uint8_t type; /* enum vici_elem_type */
	slice name;   /* SECTION_START, KEY_VALUE, LIST_START */
	slice value;  /* KEY_VALUE, LIST_ITEM */
};

struct vici_in vici_in_of(slice body);
/* The next element; its type is VICI_END behind the last and after any error. */
struct vici_elem vici_next(struct vici_in *in);
/* E_TRUNCATED, E_SYNTAX (bad nesting, unknown element type), E_TOO_MANY (depth), or 0 when all was consumed. */
MUST err_t vici_in_close(const struct vici_in *in);
/* Walks the whole body: 0 when every byte is well-formed. After that, walks of the same body cannot fail. */
MUST err_t vici_check(slice body);
/* Behind a SECTION_START or LIST_START: skips to behind its end. */
void vici_skip(struct vici_in *in, const struct vici_elem *start);

/* Value of a key at the top level of a well-formed body; false when it is not there. The first one counts. */
bool vici_find(slice body, const char *key, slice *value);
/* As text of at most cap-1 bytes. *len (may be NULL) is its length. False: absent, too long or with a zero byte inside. */
bool vici_find_text(slice body, const char *key, char *buf, size_t cap);
/* Walks the items of a top-level list: *cursor starts with 0. False at the end or when there is no such list. */
bool vici_find_item(slice body, const char *list, size_t *cursor, slice *value);

/* ---- writing ---- */

struct vici_out {
	uint8_t *p; /* owned */
	size_t n, cap, max;
	err_t err;
	uint8_t depth;
	bool in_list;
	bool secret; /* set by the writer: buffers are wiped before they are given back */
};

/* An empty packet of this type; name NULL for types without one. max: bound of the packet in bytes (0: VICI_PACKET_MAX).
 * Room for the length field is kept in front. */
void vici_out_init(struct vici_out *o, uint8_t type, const char *name, size_t max);
/* Body alone, without length, type and name (to be added to a packet by vici_out_body, or for struct listen_ops). */
void vici_out_init_body(struct vici_out *o, size_t max);
void vici_out_fini(struct vici_out *o);

void vici_section(struct vici_out *o, const char *name);
void vici_section_end(struct vici_out *o);
void vici_kv(struct vici_out *o, const char *key, slice value);
void vici_kv_str(struct vici_out *o, const char *key, const char *value);
void vici_kv_fmt(struct vici_out *o, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
void vici_kv_u64(struct vici_out *o, const char *key, uint64_t value);
void vici_list(struct vici_out *o, const char *name);
void vici_item(struct vici_out *o, slice value);
void vici_item_str(struct vici_out *o, const char *value);
void vici_list_end(struct vici_out *o);
/* Appends elements that somebody encoded before (well-formed by themselves). */
void vici_out_body(struct vici_out *o, slice body);

/* Fills in the length and gives the whole frame, which stays with o. Error: the first that was met; open sections or
 * lists are E_MISUSE. */
MUST err_t vici_out_frame(struct vici_out *o, slice *frame);

#endif
