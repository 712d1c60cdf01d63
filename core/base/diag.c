/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Text of the format, with `cause` behind a colon when there is one; NULL: out of memory. */
static char *compose(const char *fmt, va_list ap, const char *cause)
{
	va_list again;

	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return NULL;
	size_t cap = (size_t)n + (cause ? strlen(cause) + 2 : 0) + 1;
	char *p = malloc(cap);
	if (!p)
		return NULL;
	vsnprintf(p, cap, fmt, ap);
	if (cause)
		snprintf(p + n, cap - (size_t)n, ": %s", cause);
	return p;
}

/* The first finding is made, or gets the new text before its own. Without memory the code alone has to do. */
static void put_first(struct diag **why, err_t code, int sys_errno, const char *cause, const char *fmt, va_list ap)
{
	struct diag *d = *why;
	char *text = compose(fmt, ap, d ? d->text : cause);

	if (!text)
		return;
	if (!d)
		d = *why = calloc(1, sizeof *d);
	if (!d) {
		free(text);
		return;
	}
	free(d->text);
	d->text = text;
	d->code = code;
	if (sys_errno)
		d->sys_errno = sys_errno;
}

err_t diag_set(struct diag **why, err_t code, const char *fmt, ...)
{
	va_list ap;

	if (!why)
		return code;
	va_start(ap, fmt);
	put_first(why, code, 0, NULL, fmt, ap);
	va_end(ap);
	return code;
}

err_t diag_errno(struct diag **why, err_t code, int sys_errno, const char *fmt, ...)
{
	va_list ap;
	char buf[128];

	if (!why)
		return code;
	va_start(ap, fmt);
	put_first(why, code, sys_errno, strerror_r(sys_errno, buf, sizeof buf), fmt, ap);
	va_end(ap);
	return code;
}

static bool same(const struct diag *a, const struct diag *b)
{
	return a->line == b->line && a->column == b->column && a->code == b->code && !strcmp(a->text ? a->text : "", b->text ? b->text : "") &&
	       !strcmp(a->file ? a->file : "", b->file ? b->file : "");
}

err_t diag_at(struct diag **why, err_t code, const char *file, uint32_t line, uint32_t column, const char *fmt, ...)
{
	va_list ap;

	if (!why)
		return code;
	struct diag *d = calloc(1, sizeof *d);
	if (!d)
		return code;
	va_start(ap, fmt);
	d->text = compose(fmt, ap, NULL);
	va_end(ap);
	d->file = file ? strdup(file) : NULL;
	d->code = code;
	d->line = line;
	d->column = column;
	while (*why && !same(*why, d))
		why = &(*why)->next;
	if (*why)
		diag_free(&d);
	else
		*why = d;
	return code;
}

char *diag_text(const struct diag *d, err_t code, char *buf, size_t cap)
{
	const char *text = d && d->text ? d->text : err_text(d ? d->code : code);

	if (d && d->file && d->line)
		snprintf(buf, cap, "%s:%u:%u: %s", d->file, d->line, d->column, text);
	else if (d && d->file)
		snprintf(buf, cap, "%s: %s", d->file, text);
	else
		snprintf(buf, cap, "%s", text);
	return buf;
}

void diag_copy_all(struct diag **into, const struct diag *from)
{
	for (; from; from = from->next)
		diag_at(into, from->code, from->file, from->line, from->column, "%s", from->text ? from->text : "");
}

void diag_free(struct diag **d)
{
	while (*d) {
		struct diag *gone = *d;
		*d = gone->next;
		free(gone->file);
		free(gone->text);
		free(gone);
	}
}
