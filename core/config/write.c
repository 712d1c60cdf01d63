/* SPDX-License-Identifier: Apache-2.0 */
#include "config/write.h"

#include <stdlib.h>
#include <strings.h>

struct out {
	char *p;
	size_t n, cap;
	bool failed;
};

static void add(struct out *o, const char *p, size_t n)
{
	if (o->n + n + 1 > o->cap && !o->failed) {
		size_t cap = o->cap ? o->cap : 256;
		while (cap < o->n + n + 1)
			cap *= 2;
		char *more = realloc(o->p, cap);
		o->failed = !more;
		if (more) {
			o->p = more;
			o->cap = cap;
		}
	}
	if (o->failed)
		return;
	memcpy(o->p + o->n, p, n);
	o->n += n;
	o->p[o->n] = 0;
}

static void add_str(struct out *o, const char *s)
{
	add(o, s, strlen(s));
}

static void add_base64(struct out *o, slice s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	add_str(o, "0s");
	for (size_t i = 0; i < s.n; i += 3) {
		uint32_t v = (uint32_t)s.p[i] << 16 | (i + 1 < s.n ? (uint32_t)s.p[i + 1] << 8 : 0) |
			(i + 2 < s.n ? s.p[i + 2] : 0);
		char q[4] = { digits[v >> 18], digits[v >> 12 & 63], i + 1 < s.n ? digits[v >> 6 & 63] : '=',
			i + 2 < s.n ? digits[v & 63] : '=' };
		add(o, q, sizeof q);
	}
}

/* Bytes that even a quoted text cannot hold. */
static bool is_binary(slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < ' ' && s.p[i] != '\t' && s.p[i] != '\n' && s.p[i] != '\r') || s.p[i] == 127)
			return true;
	return false;
}

static bool is_plain(slice s)
{
	if (!s.n || s.p[0] == ' ' || s.p[s.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || strchr("#{}\"\\", s.p[i]))
			return false;
	return true;
}

static void add_value(struct out *o, slice s, bool quoted)
{
	if (is_binary(s)) {
		add_base64(o, s);
		return;
	}
	if (!quoted && is_plain(s)) {
		add(o, (const char *)s.p, s.n);
		return;
	}
	add_str(o, "\"");
	for (size_t i = 0; i < s.n; i++) {
		char c = (char)s.p[i];
		if (c == '\n' || c == '\t' || c == '\r')
			add_str(o, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
		else if (c == '"' || c == '\\')
			add(o, (char[]){ '\\', c }, 2);
		else
			add(o, &c, 1);
	}
	add_str(o, "\"");
}

static void add_name(struct out *o, const char *name)
{
	bool plain = *name && strcmp(name, "include") != 0;

	for (const char *p = name; *p && plain; p++)
		plain = (unsigned char)*p > ' ' && *p != 127 && !strchr(".,:{}=\"#\\", *p);
	if (plain)
		add_str(o, name);
	else
		add_value(o, slice_str(name), true);
}

/* "a, b, c"; quoted as a whole when an item needs it. */
static void add_items(struct out *o, const struct conf_node *list)
{
	bool plain = true;
	struct out all = { 0 };

	for (const struct conf_node *i = list->first; i; i = i->next) {
		slice s = slice_of(i->text, i->len);
		plain = plain && is_plain(s);
		if (i != list->first)
			add_str(&all, ", ");
		if (is_binary(s))
			add_base64(&all, s);
		else
			add(&all, i->text, i->len);
	}
	if (all.p)
		add_value(o, slice_of(all.p, all.n), !plain);
	o->failed = o->failed || all.failed;
	free(all.p);
}

bool conf_hidden(const struct conf_schema *s, const char *name)
{
	static const char *const words[] = { "secret", "password", "passphrase", "pin", "token", "psk" };
	const struct conf_key *k = s ? conf_schema_key(s, name) : NULL;

	if (k && k->type != CONF_T_ANY)
		return k->flags & CONF_HIDDEN;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = strlen(words[i]), at = strlen(name);
		if (at >= n && strcasecmp(name + at - n, words[i]) == 0 && (at == n || strchr("_-.", name[at - n - 1])))
			return true;
	}
	return false;
}

static const struct conf_schema *below(const struct conf_schema *s, const struct conf_node *n)
{
	const struct conf_key *k = s ? conf_schema_key(s, n->name) : NULL;

	return k ? k->sub : NULL;
}

/* The schema of a section inside `sections` is that of `sections` itself: any name leads to it. */
static bool names_lead(const struct conf_schema *s, const struct conf_node *n)
{
	const struct conf_key *k = s ? conf_schema_key(s, n->name) : NULL;

	return k && k->type == CONF_T_SECTIONS;
}

static void write_inside(struct out *o, const struct conf_node *section, const struct conf_schema *s, bool any_names,
			 unsigned flags, unsigned indent)
{
	for (const struct conf_node *n = section->first; n; n = n->next) {
		bool hidden = n->kind != CONF_SECTION && flags && !any_names && conf_hidden(s, n->name);
		if (hidden && flags & CONF_WRITE_DROP)
			continue;
		for (unsigned i = 0; i < indent; i++)
			add_str(o, "\t");
		add_name(o, n->name);
		if (n->kind == CONF_SECTION) {
			add_str(o, " {\n");
			write_inside(o, n, any_names ? s : below(s, n), !any_names && names_lead(s, n), flags, indent + 1);
			for (unsigned i = 0; i < indent; i++)
				add_str(o, "\t");
			add_str(o, "}\n");
			continue;
		}
		add_str(o, " = ");
		if (hidden)
			add_str(o, CONF_HIDDEN_TEXT);
		else if (n->kind == CONF_LIST)
			add_items(o, n);
		else if (n->len)
			add_value(o, slice_of(n->text, n->len), n->quoted);
		add_str(o, "\n");
	}
}

char *conf_write(const struct conf_node *section, const struct conf_schema *s, unsigned flags, unsigned indent, size_t *n)
{
	struct out o = { 0 };

	add_str(&o, "");
	write_inside(&o, section, s, false, flags, indent);
	if (o.failed) {
		free(o.p);
		return NULL;
	}
	if (n)
		*n = o.n;
	return o.p;
}
