/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

static const struct err_row {
	err_t code;
	uint16_t notify;
	const char *name, *text;
} rows[] = {
#define row(cls, name, num, notify, text) { ERR_MAKE(ERR_##cls, num), notify, #name, text },
	ERR_ROWS(row)
#undef row
};

static const struct err_row *find(err_t e)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].code == e)
			return &rows[i];
	return NULL;
}

const char *err_name(err_t e)
{
	const struct err_row *r = find(e);
	return r ? r->name : e == 0 ? "OK" : "UNKNOWN";
}

const char *err_text(err_t e)
{
	const struct err_row *r = find(e);
	return r ? r->text : e == 0 ? "no error" : "an error of a plugin";
}

uint16_t err_notify(err_t e)
{
	const struct err_row *r = find(e);
	return r ? r->notify : 0;
}
