/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ipsec.conf: lines into sections, includes followed. */
#include "tools/adit/import_ipsec.h"

#include <ctype.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 8 };

char *ipsec_trim(char *s)
{
	s += strspn(s, " \t\r\n");
	for (size_t n = strlen(s); n && strchr(" \t\r\n", s[n - 1]); n--)
		s[n - 1] = 0;
	return s;
}

void ipsec_cut_comment(char *s)
{
	bool quoted = false;

	for (char *p = s; *p; p++) {
		quoted = quoted != (*p == '"');
		if (*p == '#' && !quoted && (p == s || p[-1] == ' ' || p[-1] == '\t'))
			*p = 0;
		if (!*p)
			return;
	}
}

static void read_conf(struct ipsec_conf *c, const char *path, unsigned depth);

static void include(struct ipsec_conf *c, const char *from, const char *pattern, unsigned depth)
{
	char full[4096];
	const char *slash = strrchr(from, '/');
	glob_t g;

	if (*pattern == '/' || !slash)
		snprintf(full, sizeof full, "%s", pattern);
	else
		snprintf(full, sizeof full, "%.*s/%s", (int)(slash - from), from, pattern);
	if (glob(full, 0, NULL, &g)) {
		import_report(c->im, "include '%s': there is no such file", pattern);
		return;
	}
	for (size_t i = 0; i < g.gl_pathc; i++)
		read_conf(c, g.gl_pathv[i], depth + 1);
	globfree(&g);
}

static void add_line(struct ipsec_conf *c, struct ipsec_sect *s, char *text)
{
	char *eq = strchr(text, '=');
	struct ipsec_line *l;

	if (!eq || !s) {
		import_report(c->im, "'%s' is no setting of a section", text);
		return;
	}
	*eq = 0;
	l = calloc(1, sizeof *l);
	char *value = ipsec_trim(eq + 1);
	size_t n = strlen(value);
	/* Quotes around the whole value say nothing more. */
	if (n > 1 && value[0] == '"' && value[n - 1] == '"' && !memchr(value + 1, '"', n - 2)) {
		value[n - 1] = 0;
		value++;
	}
	if (!l || !(l->key = strdup(ipsec_trim(text))) || !(l->value = strdup(value)) || !(l->file = strdup(c->im->file))) {
		c->im->failed = true;
		return;
	}
	for (char *p = l->key; *p; p++)
		*p = (char)(*p == '_' ? '-' : tolower((unsigned char)*p));
	l->number = c->im->line;
	*s->tail = l;
	s->tail = &l->next;
}

static struct ipsec_sect *add_sect(struct ipsec_conf *c, const char *kind, const char *name)
{
	struct ipsec_sect *s = calloc(1, sizeof *s);

	if (!s || !(s->kind = strdup(kind)) || !(s->name = strdup(name)) || !(s->file = strdup(c->im->file))) {
		c->im->failed = true;
		return NULL;
	}
	s->number = c->im->line;
	s->tail = &s->lines;
	*c->tail = s;
	c->tail = &s->next;
	return s;
}

static void read_conf(struct ipsec_conf *c, const char *path, unsigned depth)
{
	FILE *f = depth < DEPTH_MAX ? fopen(path, "re") : NULL;
	const char *file = c->im->file;
	uint32_t line = c->im->line;
	char *text = NULL;
	size_t cap = 0;
	struct ipsec_sect *s = NULL;

	if (!f) {
		c->im->file = path;
		import_report(c->im, depth < DEPTH_MAX ? "cannot be read" : "is included too deep");
		c->im->failed = c->im->failed || depth == 0;
		return;
	}
	c->im->file = path;
	c->im->line = 0;
	while (getline(&text, &cap, f) >= 0 && !c->im->failed) {
		bool indented = *text == ' ' || *text == '\t';
		char word[3][256] = { "", "", "" };
		c->im->line++;
		ipsec_cut_comment(text);
		char *p = ipsec_trim(text);
		if (!*p)
			continue;
		int n = sscanf(p, "%255s %255s %255s", word[0], word[1], word[2]);
		if (!strcmp(word[0], "include") && n == 2) {
			include(c, path, word[1], depth);
			c->im->file = path;
		} else if (!indented && n >= 2 && (!strcmp(word[0], "conn") || !strcmp(word[0], "ca") || !strcmp(word[0], "config"))) {
			s = add_sect(c, word[0], word[1]);
		} else if (!indented && !strcmp(word[0], "version")) {
			continue; /* of the format */
		} else {
			add_line(c, s, p);
		}
	}
	free(text);
	fclose(f);
	c->im->file = file;
	c->im->line = line;
}

void ipsec_conf_read(struct ipsec_conf *c, const char *path)
{
	read_conf(c, path, 0);
}

void ipsec_conf_free(struct ipsec_conf *c)
{
	while (c->sects) {
		struct ipsec_sect *s = c->sects;
		c->sects = s->next;
		while (s->lines) {
			struct ipsec_line *l = s->lines;
			s->lines = l->next;
			c->im->file = l->file;
			c->im->line = l->number;
			if (!l->used)
				import_report(c->im, "%s = %s has no meaning here", l->key, l->value);
			free(l->file);
			free(l->key);
			free(l->value);
			free(l);
		}
		free(s->kind);
		free(s->name);
		free(s->file);
		free(s);
	}
}
