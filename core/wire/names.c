/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in the number lists of proto.h and notify.h. */
#include "wire/notify.h"
#include "wire/proto.h"

#include <stdio.h>

struct name {
	uint16_t number;
	const char *name;
};

#define row(id, num, name, ...) { num, name },
static const struct name xchgs[] = { XCHG_ROWS(row) };
static const struct name plds[] = { PLD_ROWS(row) };
static const struct name ids[] = { ID_ROWS(row) };
static const struct name auths[] = { AUTH_ROWS(row) };
static const struct name protos[] = { PROTO_ROWS(row) };
static const struct name certs[] = { CERT_ROWS(row) };
static const struct name cpas[] = { CPA_ROWS(row) };
static const struct name tss[] = { TS_ROWS(row) };
static const struct name gws[] = { GW_ROWS(row) };
#undef row
#define row(id, num, name, shrt) { num, shrt },
static const struct name plds_short[] = { PLD_ROWS(row) };
static const struct name cpas_short[] = { CPA_ROWS(row) };
#undef row

#define LIST(a) { a, ARRAY_LEN(a) }
static const struct {
	const struct name *v;
	size_t n;
} lists[WIRE_LIST_END] = {
	[WIRE_XCHG] = LIST(xchgs),
	[WIRE_PLD] = LIST(plds),
	[WIRE_PLD_SHORT] = LIST(plds_short),
	[WIRE_ID] = LIST(ids),
	[WIRE_AUTH] = LIST(auths),
	[WIRE_PROTO] = LIST(protos),
	[WIRE_CERT] = LIST(certs),
	[WIRE_CPA] = LIST(cpas),
	[WIRE_CPA_SHORT] = LIST(cpas_short),
	[WIRE_TS] = LIST(tss),
	[WIRE_GW] = LIST(gws),
};

const char *wire_name(enum wire_list list, uint16_t number)
{
	if ((unsigned int)list >= WIRE_LIST_END)
		return NULL;
	for (size_t i = 0; i < lists[list].n; i++)
		if (lists[list].v[i].number == number)
			return lists[list].v[i].name;
	return NULL;
}

static const char *or_number(const char *name, uint16_t number, char buf[16])
{
	if (name)
		return name;
	snprintf(buf, 16, "(%u)", number);
	return buf;
}

const char *wire_name_or(enum wire_list list, uint16_t number, char buf[16])
{
	return or_number(wire_name(list, number), number, buf);
}

static const struct notify_row rows[] = {
#define row(id, num, shrt, meaning, remedy) { num, #id, shrt, meaning, remedy },
	NOTIFY_ROWS(row)
#undef row
};

const struct notify_row *notify_row(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

const struct notify_row *notify_row_at(size_t n)
{
	return n < ARRAY_LEN(rows) ? &rows[n] : NULL;
}

const char *notify_name(uint16_t type, char buf[16])
{
	const struct notify_row *r = notify_row(type);
	return or_number(r ? r->name : NULL, type, buf);
}

const char *notify_short(uint16_t type, char buf[16])
{
	const struct notify_row *r = notify_row(type);
	return or_number(r ? r->shrt : NULL, type, buf);
}
