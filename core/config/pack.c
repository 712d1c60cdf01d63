/* SPDX-License-Identifier: Apache-2.0 */
/* Per node: kind, length of the name, name; of a value its length and bytes; of a section or list how many are inside. */
#include "config/pack.h"

#include "base/rdwr.h"

#include <stdlib.h>

enum { QUOTED = 0x80 };

static uint64_t size_of(const struct conf_node *n)
{
	uint64_t size = 2 + strlen(n->name) + 4;

	if (n->kind == CONF_VALUE)
		return size + n->len;
	for (const struct conf_node *c = n->first; c; c = c->next)
		size += size_of(c);
	return size;
}

static uint64_t size_inside(const struct conf_node *section)
{
	uint64_t size = 0;

	for (const struct conf_node *c = section->first; c; c = c->next)
		size += size_of(c);
	return size;
}

static void put(struct wr *w, const struct conf_node *n)
{
	wr_u8(w, (uint8_t)(n->kind | (n->kind == CONF_VALUE && n->quoted ? QUOTED : 0)));
	wr_u8(w, (uint8_t)strlen(n->name));
	wr_bytes(w, slice_str(n->name));
	wr_u32(w, n->kind == CONF_VALUE ? n->len : n->n);
	if (n->kind == CONF_VALUE)
		wr_bytes(w, slice_of(n->text, n->len));
	else
		for (const struct conf_node *c = n->first; c; c = c->next)
			put(w, c);
}

static void put_inside(struct wr *w, const struct conf_node *section)
{
	for (const struct conf_node *c = section->first; c; c = c->next)
		put(w, c);
}

err_t conf_pack(const struct conf_node *section, struct conf_packed *out)
{
	uint64_t size = size_inside(section);

	if (size > INT32_MAX)
		return E_LIMIT;
	out->p = malloc(size ? size : 1);
	if (!out->p)
		return E_NOMEM;
	struct wr w = wr_of(out->p, size);
	put_inside(&w, section);
	out->n = (uint32_t)size;
	return 0;
}

err_t conf_pack_secret(const struct conf_node *section, struct secret *out)
{
	uint64_t size = size_inside(section);

	if (size > INT32_MAX)
		return E_LIMIT;
	err_t e = secret_init(out, size);
	if (e)
		return e;
	struct wr w = wr_of(out->p, size);
	put_inside(&w, section);
	return 0;
}

void conf_packed_fini(struct conf_packed *p)
{
	free(p->p);
	*p = (struct conf_packed){ 0 };
}

static err_t take(struct rd *r, struct conf_node *into)
{
	char name[CONF_NAME_MAX + 1];
	uint8_t kind = rd_u8(r), len = rd_u8(r);
	slice text = rd_bytes(r, len);
	uint32_t n = rd_u32(r);
	struct conf_node *made;
	err_t e = 0;

	if (len > CONF_NAME_MAX)
		return E_INTERNAL;
	if (text.n)
		memcpy(name, text.p, text.n);
	name[text.n] = 0;
	switch (kind & ~QUOTED) {
	case CONF_VALUE:
		text = rd_bytes(r, n);
		if (into->kind == CONF_LIST)
			return conf_node_add_item(into, text);
		made = conf_node_set(into, name, text);
		if (made)
			made->quoted = kind & QUOTED;
		return made ? 0 : E_NOMEM;
	case CONF_LIST:
		made = conf_node_list(into, name);
		break;
	default:
		made = conf_node_section(into, name);
	}
	for (; made && n && !e && !r->err; n--)
		e = take(r, made);
	return made ? e : E_NOMEM;
}

err_t conf_unpack(slice packed, struct conf_node *section)
{
	struct rd r = rd_of(packed);
	err_t e = 0;

	while (!e && !r.err && rd_left(&r))
		e = take(&r, section);
	return e ? e : r.err;
}
