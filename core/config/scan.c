/* SPDX-License-Identifier: Apache-2.0 */
/* The words of configuration text: names, values, quotes, comments; and files as text. */
#include "config/scan.h"

#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct scan_pos scan_here(const struct scan *s)
{
	return (struct scan_pos){ s->line, (uint32_t)(s->p - s->line_start) + 1 };
}

void scan_bad(struct scan *s, struct scan_pos at, err_t code, const char *fmt, ...)
{
	struct scan_job *j = s->job;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (!j->err)
		j->err = code;
	if (j->stop)
		return;
	diag_at(j->why, code, s->file, at.line, at.column, "%s", text);
	if (++j->errors >= j->lim->max_errors || code == E_NOMEM || code == E_LIMIT) {
		if (code != E_NOMEM && code != E_LIMIT)
			diag_at(j->why, E_LIMIT, s->file, at.line, at.column, "too many errors: the rest was not read");
		j->stop = true;
	}
}

bool scan_end(const struct scan *s)
{
	return s->p >= s->end || s->job->stop;
}

void scan_step(struct scan *s)
{
	if (*s->p++ == '\n') {
		s->line++;
		s->line_start = s->p;
	}
}

static bool joins_lines(const struct scan *s)
{
	return s->p[0] == '\\' && s->end - s->p > 1 &&
		(s->p[1] == '\n' || (s->p[1] == '\r' && s->end - s->p > 2 && s->p[2] == '\n'));
}

void scan_skip_line(struct scan *s)
{
	while (!scan_end(s) && *s->p != '\n')
		scan_step(s);
}

void scan_blank(struct scan *s, bool lines)
{
	while (!scan_end(s)) {
		char c = *s->p;

		if (c == ' ' || c == '\t' || c == '\r' || (lines && c == '\n'))
			scan_step(s);
		else if (joins_lines(s))
			while (*s->p != '\n' || (scan_step(s), false))
				scan_step(s);
		else if (lines && c == '#')
			scan_skip_line(s);
		else
			break;
	}
}

void scan_put(struct scan *s, struct scan_buf *b, char c)
{
	if (b->n + 1 >= b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 128;
		char *p = malloc(cap);
		if (!p) {
			scan_bad(s, scan_here(s), E_NOMEM, "out of memory");
			return;
		}
		if (b->p) {
			memcpy(p, b->p, b->n);
			mem_wipe(b->p, b->n);
			free(b->p);
		}
		b->p = p;
		b->cap = cap;
	}
	b->p[b->n++] = c;
	b->p[b->n] = 0;
}

void scan_buf_free(struct scan_buf *b)
{
	if (b->p)
		mem_wipe(b->p, b->n);
	free(b->p);
	*b = (struct scan_buf){ 0 };
}

/* At the opening quote. */
static bool read_quoted(struct scan *s, struct scan_buf *b)
{
	struct scan_pos open = scan_here(s);

	scan_step(s);
	while (!scan_end(s) && *s->p != '"') {
		if (joins_lines(s)) {
			scan_step(s);
			if (*s->p == '\r')
				scan_step(s);
			scan_step(s);
			continue;
		}
		char c = *s->p;
		if (c == '\\' && s->end - s->p > 1) {
			scan_step(s);
			c = *s->p;
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
		}
		if (c == 0) {
			scan_bad(s, scan_here(s), E_PARSE, "a zero byte in a text file");
			c = ' ';
		}
		scan_put(s, b, c);
		scan_step(s);
	}
	if (s->job->stop)
		return false;
	if (s->p >= s->end) {
		scan_bad(s, open, E_PARSE, "the quote that opens here is never closed");
		return false;
	}
	scan_step(s);
	return true;
}

static bool name_char(char c)
{
	return (unsigned char)c > 0x20 && c != 0x7f && !strchr(".,:{}=\"#", c);
}

bool scan_name(struct scan *s, struct scan_buf *b)
{
	b->n = 0;
	if (scan_end(s))
		return false;
	if (*s->p == '"')
		return read_quoted(s, b) && b->n > 0;
	while (!scan_end(s) && name_char(*s->p)) {
		scan_put(s, b, *s->p);
		scan_step(s);
	}
	return b->n > 0;
}

/* A custom identity type is written "{9}:…": braces without a blank in them belong to the value it begins with. */
static bool read_braced(struct scan *s, struct scan_buf *b)
{
	const char *q = s->p + 1;

	while (q < s->end && *q >= '0' && *q <= '9')
		q++;
	if (b->n || q == s->p + 1 || q >= s->end || *q != '}')
		return false;
	for (q++; s->p < q; scan_step(s))
		scan_put(s, b, *s->p);
	return true;
}

bool scan_value(struct scan *s, struct scan_buf *b, struct scan_pos *at, bool *quoted)
{
	size_t keep = 0;
	bool fine = true;

	b->n = 0;
	scan_blank(s, false);
	*at = scan_here(s);
	*quoted = !scan_end(s) && *s->p == '"';
	while (!scan_end(s) && *s->p != '\n' && *s->p != '#' && *s->p != '}') {
		unsigned char c = (unsigned char)*s->p;

		if (c == '"') {
			if (!read_quoted(s, b))
				return false;
			keep = b->n;
		} else if (joins_lines(s)) {
			scan_blank(s, false);
		} else if (c == '{') {
			if (!read_braced(s, b)) {
				scan_bad(s, scan_here(s), E_PARSE, "'{' in a value has to stand in quotes; a "
					"section has no '='");
				return false;
			}
		} else if (c < 0x20 && c != '\t' && c != '\r') {
			if (fine)
				scan_bad(s, scan_here(s), E_PARSE, "a control character (code %u) in a value", c);
			fine = false;
			scan_step(s);
		} else {
			scan_put(s, b, (char)c);
			scan_step(s);
		}
	}
	while (b->n > keep && (b->p[b->n - 1] == ' ' || b->p[b->n - 1] == '\t' || b->p[b->n - 1] == '\r'))
		b->p[--b->n] = 0;
	return fine && !s->job->stop;
}

int scan_file(const char *path, size_t max, char **out, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), e = 0;
	struct stat st;
	char *p = NULL;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode)) {
		e = S_ISDIR(st.st_mode) ? EISDIR : errno;
		goto out;
	}
	if (st.st_size < 0 || (uint64_t)st.st_size > max) {
		e = EFBIG;
		goto out;
	}
	/* Pipes and /proc files have no size: read on until the end, but not beyond the limit. */
	size_t cap = (size_t)st.st_size + 4096, got = 0;
	p = malloc(cap);
	while (p && got < cap) {
		ssize_t r = read(fd, p + got, cap - got);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0) {
			e = errno;
			break;
		}
		if (r == 0)
			break;
		got += (size_t)r;
		if (got == cap && got < max) {
			size_t more = cap * 2;
			char *q = malloc(more);
			if (q)
				memcpy(q, p, got);
			mem_wipe(p, got);
			free(p);
			p = q;
			cap = more;
		}
	}
	if (!p || e) {
		if (p)
			mem_wipe(p, got);
		free(p);
		p = NULL;
		e = e ? e : ENOMEM;
	} else if (got > max) {
		mem_wipe(p, got);
		free(p);
		p = NULL;
		e = EFBIG;
	}
	*out = p;
	*n = got;
out:
	close(fd);
	return e;
}
