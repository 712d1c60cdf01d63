/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An owned explanation that travels beside an err_t: the same sentence appears in the log, the event, the API answer
 * and on the command line (principle P10). `struct diag **why` may be NULL: then nothing is composed. A function that
 * fails sets *why once (a second diag_set puts the new text before the old: "context: cause"). The receiver frees it.
 */
#ifndef ADIT_BASE_DIAG_H
#define ADIT_BASE_DIAG_H

#include "err.h"

struct diag {
	err_t code;
	int sys_errno;          /* errno of class SYSTEM, else 0 */
	uint32_t line, column;  /* position in a file, 0 none */
	char *file;             /* or NULL */
	char *text;             /* one sentence: cause and remedy */
	struct diag *next;      /* further findings: all errors at once */
};

/* Returns `code`, so that a caller writes: return diag_set(why, E_BAD_VALUE, "…"). */
err_t diag_set(struct diag **why, err_t code, const char *fmt, ...) PRINTF_LIKE(3, 4);
err_t diag_errno(struct diag **why, err_t code, int sys_errno, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Adds a finding with a position to the end of the list, unless it is there (a template has its errors once). */
err_t diag_at(struct diag **why, err_t code, const char *file, uint32_t line, uint32_t column, const char *fmt, ...)
	PRINTF_LIKE(6, 7);
/* "file:line:column: text" or "text"; the err_text of `code` when d is NULL. buf is returned. */
char *diag_text(const struct diag *d, err_t code, char *buf, size_t cap);
/* Copies of all findings to the end of *into; into may be NULL. */
void diag_copy_all(struct diag **into, const struct diag *from);
/* The whole list; *d becomes NULL. */
void diag_free(struct diag **d);

#endif
