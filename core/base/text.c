/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

struct text text_of(char *buf, size_t cap)
{
	if (cap)
		buf[0] = 0;
	return (struct text){ buf, cap, 0, false };
}

static void append(struct text *t, const char *s, size_t n)
{
	size_t room = t->cap ? t->cap - 1 - t->n : 0;

	if (n > room) {
		n = room;
		t->cut = true;
	}
	if (!n)
		return;
	memcpy(t->p + t->n, s, n);
	t->n += n;
	t->p[t->n] = 0;
}

void text_fmt(struct text *t, const char *fmt, ...)
{
	va_list ap;
	size_t room = t->cap - t->n;

	if (!t->cap)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(t->p + t->n, room, fmt, ap);
	va_end(ap);
	if (n < 0) {
		t->p[t->n] = 0;
		t->cut = true;
	} else if ((size_t)n >= room) {
		t->n = t->cap - 1;
		t->cut = true;
	} else {
		t->n += (size_t)n;
	}
}

void text_str(struct text *t, const char *s)
{
	append(t, s ? s : "", s ? strlen(s) : 0);
}

static const char digits[] = "0123456789abcdef";

void text_hex(struct text *t, slice s)
{
	for (size_t i = 0; i < s.n && !t->cut; i++) {
		char two[2] = { digits[s.p[i] >> 4], digits[s.p[i] & 15] };
		append(t, two, 2);
	}
}

void text_peer(struct text *t, slice s)
{
	for (size_t i = 0; i < s.n && !t->cut; i++) {
		char c = (char)s.p[i], four[4] = { '\\', 'x', digits[s.p[i] >> 4], digits[s.p[i] & 15] };
		if (c >= ' ' && c <= '~' && c != '\\')
			append(t, &c, 1);
		else
			append(t, four, 4);
	}
}

size_t text_utf8(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n = 0;

	if (*p && *p < 0x80)
		n = 1;
	else if (*p >= 0xc2 && *p < 0xe0)
		n = 2;
	else if ((*p & 0xf0) == 0xe0)
		n = 3;
	else if (*p >= 0xf0 && *p < 0xf5)
		n = 4;

	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (n == 3 && *p == 0xe0 && p[1] < 0xa0) || (n == 4 && *p == 0xf0 && p[1] < 0x90);
	bool outside = (n == 3 && *p == 0xed && p[1] > 0x9f) || (n == 4 && *p == 0xf4 && p[1] > 0x8f);
	return overlong || outside ? 0 : n;
}
