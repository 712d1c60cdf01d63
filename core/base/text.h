/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded text: appends never overflow; what does not fit is cut and remembered. Always zero-terminated. One thread. */
#ifndef ADIT_BASE_TEXT_H
#define ADIT_BASE_TEXT_H

#include "slice.h"

struct text {
	char *p;
	size_t cap, n;
	bool cut;
};

#define TEXT_ON_STACK(name, size) \
	char name##_buf[size]; \
	struct text name = text_of(name##_buf, sizeof name##_buf)

struct text text_of(char *buf, size_t cap);
void text_fmt(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
void text_str(struct text *t, const char *s);
void text_hex(struct text *t, slice s);
/* Bytes of a peer: printable ASCII as it is, all else as \xNN, so that a log line stays one line. */
void text_peer(struct text *t, slice s);

/* Bytes of the UTF-8 character at s (zero-terminated): 0 when there is none (RFC 3629: no overlong forms, no surrogates). */
size_t text_utf8(const char *s);

#endif
