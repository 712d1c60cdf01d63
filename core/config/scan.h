/* SPDX-License-Identifier: Apache-2.0 */
/* The words of configuration text: for scan.c and parse.c alone. Errors are said through scan_bad, which collects. */
#ifndef ADIT_CONFIG_SCAN_H
#define ADIT_CONFIG_SCAN_H

#include "config/parse.h"

/* Shared by a file and all it includes. */
struct scan_job {
	const struct conf_limits *lim;
	struct diag **why;
	err_t err;
	uint32_t errors;
	size_t bytes_left;
	uint32_t nodes_left;
	uint16_t includes;
	bool stop;
};

struct scan {
	struct scan_job *job;
	const char *file;
	const char *p, *end, *line_start;
	uint32_t line;
};

struct scan_pos {
	uint32_t line, column;
};

struct scan_buf {
	char *p;
	size_t n, cap;
};

struct scan_pos scan_here(const struct scan *s);
/* Adds a finding; sets job->stop after too many, or when going on makes no sense (E_NOMEM, E_LIMIT). */
void scan_bad(struct scan *s, struct scan_pos at, err_t code, const char *fmt, ...) PRINTF_LIKE(4, 5);
bool scan_end(const struct scan *s);
/* One character on; not at the end. */
void scan_step(struct scan *s);
void scan_skip_line(struct scan *s);
/* Blanks and joined lines; with `lines` also line ends and comments. */
void scan_blank(struct scan *s, bool lines);
void scan_put(struct scan *s, struct scan_buf *b, char c);
/* Wipes. */
void scan_buf_free(struct scan_buf *b);
/* One part of a name; false when there is none. */
bool scan_name(struct scan *s, struct scan_buf *b);
/* What stands behind '='; false after an error that was said. */
bool scan_value(struct scan *s, struct scan_buf *b, struct scan_pos *at, bool *quoted);
/* Reads a whole file of at most max bytes; *out is to be wiped and freed. 0 or an errno. */
int scan_file(const char *path, size_t max, char **out, size_t *n);

#endif
