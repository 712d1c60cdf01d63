/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of swanctl.conf syntax: one pass, recursive by section (depth bounded), goes on after an error. */
#include "config/scan.h"

#include "base/secret.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

const struct conf_limits conf_limits_default = {
	.max_bytes = (size_t)256 << 20, .max_nodes = 16u << 20, .max_depth = 16, .max_includes = 10, .max_errors = 50,
};

static void parse_body(struct scan *s, struct conf_node *section, unsigned depth, const struct scan_pos *open);

/* After an error: to the end of the line; a section that opens on it is read into nowhere, so that braces pair. */
static void recover(struct scan *s, unsigned depth)
{
	while (!scan_end(s) && *s->p != '\n' && *s->p != '}') {
		char c = *s->p;
		struct scan_pos open = scan_here(s);

		if (c == '#') {
			scan_skip_line(s);
			return;
		}
		scan_step(s);
		if (c == '{') {
			struct conf_node *nowhere = conf_node_section(NULL, "");
			if (!nowhere) {
				scan_bad(s, open, E_NOMEM, "out of memory");
				return;
			}
			parse_body(s, nowhere, depth + 1, &open);
			conf_node_free(&nowhere);
			return;
		}
	}
}

static bool place(struct scan *s, struct conf_node *n, struct scan_pos at)
{
	if (conf_node_place(n, s->file, at.line, at.column) == 0)
		return true;
	scan_bad(s, at, E_NOMEM, "out of memory");
	return false;
}

static bool count_node(struct scan *s, struct scan_pos at)
{
	if (s->job->nodes_left) {
		s->job->nodes_left--;
		return true;
	}
	scan_bad(s, at, E_LIMIT, "the configuration has more than %u items", s->job->lim->max_nodes);
	return false;
}

/* The section of a dotted name's part, made when it is not there; NULL after an error that was said. */
static struct conf_node *enter(struct scan *s, struct conf_node *in, const char *name, struct scan_pos at)
{
	struct conf_node *have = conf_node_child(in, name);

	if (have && have->kind == CONF_SECTION)
		return have;
	if (have) {
		scan_bad(s, at, E_PARSE, "'%s' is a value (line %u), it cannot be a section, too", name, have->line);
		return NULL;
	}
	if (!count_node(s, at))
		return NULL;
	struct conf_node *n = conf_node_section(in, name);
	if (!n) {
		scan_bad(s, at, E_LIMIT, "the name is longer than %d bytes, or sections are nested too deep",
			CONF_NAME_MAX);
		return NULL;
	}
	return place(s, n, at) ? n : NULL;
}

static void assign(struct scan *s, struct conf_node *in, const char *name, struct scan_pos at, unsigned depth)
{
	struct scan_buf b = { 0 };
	struct scan_pos vat;
	bool quoted;

	if (!scan_value(s, &b, &vat, &quoted)) {
		recover(s, depth);
		goto out;
	}
	const struct conf_node *have = conf_node_child(in, name);
	if (have && have->kind == CONF_SECTION) {
		scan_bad(s, at, E_PARSE, "'%s' is a section (line %u), it cannot be a value, too", name, have->line);
		goto out;
	}
	if (!have && !count_node(s, at))
		goto out;
	struct conf_node *n = conf_node_set(in, name, slice_of(b.p ? b.p : "", b.n));
	if (!n) {
		scan_bad(s, at, E_LIMIT, "the name is longer than %d bytes, or there is no memory", CONF_NAME_MAX);
		goto out;
	}
	n->quoted = quoted;
	n->value_line = vat.line;
	n->value_column = vat.column;
	place(s, n, at);
out:
	scan_buf_free(&b);
}

/* Behind the ':': template names to the '{'. */
static bool read_templates(struct scan *s, struct conf_node *section)
{
	struct scan_buf part = { 0 }, path = { 0 };
	bool ok = false;

	do {
		scan_blank(s, true);
		struct scan_pos at = scan_here(s);
		path.n = 0;
		for (;;) {
			if (!scan_name(s, &part)) {
				scan_bad(s, scan_here(s), E_PARSE, "the name of a template section is expected "
					"behind ':' or ','");
				goto out;
			}
			for (size_t i = 0; i < part.n; i++)
				scan_put(s, &path, part.p[i]);
			if (scan_end(s) || *s->p != '.')
				break;
			scan_put(s, &path, '.');
			scan_step(s);
		}
		if (s->job->stop)
			goto out;
		if (conf_node_refer(section, path.p, at.line, at.column)) {
			scan_bad(s, at, E_NOMEM, "out of memory");
			goto out;
		}
		scan_blank(s, true);
	} while (!scan_end(s) && *s->p == ',' && (scan_step(s), true));
	ok = true;
out:
	scan_buf_free(&part);
	scan_buf_free(&path);
	return ok;
}

static void parse_source(struct scan_job *j, slice text, const char *name, struct conf_node *section, unsigned depth)
{
	struct scan s = { j, name, (const char *)text.p, (const char *)text.p + text.n, (const char *)text.p, 1 };

	if (text.n == 0)
		return;
	if (text.n > j->bytes_left) {
		scan_bad(&s, scan_here(&s), E_LIMIT, "the configuration is larger than %zu bytes", j->lim->max_bytes);
		return;
	}
	j->bytes_left -= text.n;
	parse_body(&s, section, depth, NULL);
}

static void include_one(struct scan *s, struct scan_pos at, const char *path, struct conf_node *section, unsigned depth)
{
	char *text = NULL;
	size_t n = 0;
	int e = scan_file(path, s->job->bytes_left, &text, &n);

	if (e == EFBIG) {
		scan_bad(s, at, E_LIMIT, "with '%s' the configuration is larger than %zu bytes", path,
			s->job->lim->max_bytes);
		return;
	}
	if (e) {
		scan_bad(s, at, e == ENOENT ? E_NOT_FOUND : E_IO, "cannot read '%s': %s", path, strerror(e));
		return;
	}
	s->job->includes++;
	parse_source(s->job, slice_of(text, n), path, section, depth);
	s->job->includes--;
	mem_wipe(text, n);
	free(text);
}

/* Behind the word "include". */
static void include(struct scan *s, struct conf_node *section, unsigned depth)
{
	struct scan_buf b = { 0 };
	struct scan_pos at;
	bool quoted;
	char *pattern = NULL;
	glob_t g = { 0 };

	if (!scan_value(s, &b, &at, &quoted))
		goto out;
	if (!b.n) {
		scan_bad(s, at, E_PARSE, "include wants the name of a file");
		goto out;
	}
	if (s->job->includes >= s->job->lim->max_includes) {
		if (s->job->lim->max_includes)
			scan_bad(s, at, E_LIMIT, "files are included more than %u deep: a circle?",
			s->job->lim->max_includes);
		else
			scan_bad(s, at, E_PARSE, "files cannot be included here");
		goto out;
	}
	const char *slash = strrchr(s->file, '/');
	int dir = b.p[0] != '/' && slash ? (int)(slash - s->file) + 1 : 0;
	if (asprintf(&pattern, "%.*s%s", dir, s->file, b.p) < 0) {
		pattern = NULL;
		scan_bad(s, at, E_NOMEM, "out of memory");
		goto out;
	}
	int e = glob(pattern, GLOB_NOSORT, NULL, &g);
	globfree(&g);
	if (e == 0)
		e = glob(pattern, 0, NULL, &g);
	if (e == GLOB_NOMATCH && !strpbrk(b.p, "*?["))
		scan_bad(s, at, E_NOT_FOUND, "there is no file '%s' to include", pattern);
	else if (e && e != GLOB_NOMATCH)
		scan_bad(s, at, E_IO, "cannot look for files '%s'", pattern);
	for (size_t i = 0; e == 0 && i < g.gl_pathc && !s->job->stop; i++)
		include_one(s, at, g.gl_pathv[i], section, depth);
	globfree(&g);
out:
	free(pattern);
	scan_buf_free(&b);
}

static void open_section(struct scan *s, struct conf_node *section, unsigned depth)
{
	struct scan_pos open = scan_here(s);

	if (depth + 1 > s->job->lim->max_depth) {
		scan_bad(s, open, E_LIMIT, "sections are nested more than %u deep", s->job->lim->max_depth);
		return;
	}
	scan_step(s);
	parse_body(s, section, depth + 1, &open);
}

/* One statement that begins with a name. */
static void statement(struct scan *s, struct conf_node *section, unsigned depth)
{
	struct scan_buf b = { 0 };
	struct scan_pos at = scan_here(s);
	bool quoted = *s->p == '"';

	if (!scan_name(s, &b)) {
		char c = scan_end(s) ? 0 : *s->p;
		if (quoted)
			scan_bad(s, at, E_PARSE, "a name is empty or its quote is never closed");
		else if (c == '=' || c == '{')
			scan_bad(s, at, E_PARSE, "a name is missing before '%c'", c);
		else
			scan_bad(s, at, E_PARSE, "unexpected '%c': a name, 'include' or '}' is expected",
				c > 0x20 && c < 0x7f ? c : '?');
		if (c && c != '{')
			scan_step(s);
		recover(s, depth);
		goto out;
	}
	while (!scan_end(s) && *s->p == '.') {
		section = enter(s, section, b.p, at);
		scan_step(s);
		at = scan_here(s);
		if (!section || !scan_name(s, &b)) {
			if (section)
				scan_bad(s, at, E_PARSE, "a name is expected behind '.'");
			recover(s, depth);
			goto out;
		}
	}
	bool one_line = !scan_end(s) && (*s->p == ' ' || *s->p == '\t' || *s->p == '"');
	scan_blank(s, false);
	if (one_line && !quoted && strcmp(b.p, "include") == 0 && !scan_end(s) && !strchr("={:\n", *s->p)) {
		include(s, section, depth);
		goto out;
	}
	if (!scan_end(s) && *s->p == '=') {
		scan_step(s);
		assign(s, section, b.p, at, depth);
		goto out;
	}
	struct scan_pos after = scan_here(s);
	scan_blank(s, true);
	if (!scan_end(s) && (*s->p == '{' || *s->p == ':')) {
		section = enter(s, section, b.p, at);
		bool ok = section != NULL;
		if (ok && *s->p == ':') {
			scan_step(s);
			ok = read_templates(s, section);
			if (ok && (scan_end(s) || *s->p != '{')) {
				scan_bad(s, scan_here(s), E_PARSE, "'{' is expected behind the names of the templates");
				ok = false;
			}
		}
		if (ok)
			open_section(s, section, depth);
		else
			recover(s, depth);
		goto out;
	}
	scan_bad(s, after, E_PARSE, "'=' or '{' is expected behind '%s'", b.p);
	if (after.line == s->line)
		recover(s, depth);
out:
	scan_buf_free(&b);
}

/* To the closing brace; to the end of the file when open is NULL. */
static void parse_body(struct scan *s, struct conf_node *section, unsigned depth, const struct scan_pos *open)
{
	for (;;) {
		scan_blank(s, true);
		if (scan_end(s)) {
			if (open && !s->job->stop)
				scan_bad(s, *open, E_PARSE, "the section that opens here is never closed: a '}' is "
					"missing");
			return;
		}
		if (*s->p == '}') {
			struct scan_pos at = scan_here(s);
			scan_step(s);
			if (open)
				return;
			scan_bad(s, at, E_PARSE, "'}' without a section that is open");
			continue;
		}
		statement(s, section, depth);
	}
}

static err_t finish(struct scan_job *j, struct conf_node *root, struct conf_node **out)
{
	if (!j->err) {
		j->err = conf_tree_resolve(root, j->lim->max_nodes, j->why);
	}
	if (j->err)
		conf_node_free(&root);
	*out = root;
	return j->err;
}

static struct scan_job job_of(const struct conf_limits *lim, struct diag **why)
{
	lim = lim ? lim : &conf_limits_default;
	return (struct scan_job){ .lim = lim, .why = why, .bytes_left = lim->max_bytes, .nodes_left = lim->max_nodes };
}

err_t conf_parse_text(slice text, const char *name, const struct conf_limits *lim, struct conf_node **out,
		      struct diag **why)
{
	struct scan_job j = job_of(lim, why);
	struct conf_node *root = *out = conf_node_section(NULL, "");

	if (!root)
		return diag_set(why, E_NOMEM, "out of memory");
	if (conf_node_place(root, name, 0, 0))
		j.err = E_NOMEM;
	else
		parse_source(&j, text, name, root, 0);
	return finish(&j, root, out);
}

err_t conf_parse_file(const char *path, const struct conf_limits *lim, struct conf_node **out, struct diag **why)
{
	char *text = NULL;
	size_t n = 0;
	int e = scan_file(path, lim ? lim->max_bytes : conf_limits_default.max_bytes, &text, &n);

	*out = NULL;
	if (e)
		return diag_at(why, e == ENOENT ? E_NOT_FOUND : e == EFBIG ? E_LIMIT : E_IO, path, 0, 0,
			"cannot read the configuration '%s': %s", path, strerror(e));
	err_t r = conf_parse_text(slice_of(text, n), path, lim, out, why);
	mem_wipe(text, n);
	free(text);
	return r;
}
