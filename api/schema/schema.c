/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in the tables of the API, and the check of a call's arguments. */
#include "api/schema/schema.h"

#include "api/vici/vici.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

/* Names are ordered, the table is small: binary search over `name`, the first member of a row. */
static int find(const void *table, size_t n, size_t row_size, slice name)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		slice at = slice_str(*(const char *const *)((const char *)table + mid * row_size));
		size_t common = at.n < name.n ? at.n : name.n;
		int d = common ? memcmp(name.p, at.p, common) : 0;
		if (!d)
			d = (name.n > at.n) - (name.n < at.n);
		if (!d)
			return (int)mid;
		if (d < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return -1;
}

int api_method_find(slice name)
{
	return find(api_methods, api_n_methods, sizeof api_methods[0], name);
}

int api_event_find(slice name)
{
	return find(api_events, api_n_events, sizeof api_events[0], name);
}

const struct api_field *api_field_find(const struct api_field *f, size_t n, slice name)
{
	const struct api_field *any = NULL;
	for (size_t i = 0; i < n; i++) {
		if (slice_equal(slice_str(f[i].name), name))
			return &f[i];
		if (!strcmp(f[i].name, "*"))
			any = &f[i];
	}
	return any;
}

const char *api_type_name(uint8_t type)
{
	static const char *const names[] = { [API_BOOL] = "bool", [API_UINT] = "uint",       [API_INT] = "int",
					     [API_TEXT] = "text", [API_HEX] = "hex",         [API_ENUM] = "enum",
					     [API_LIST] = "list", [API_SECTION] = "section", [API_MAP] = "map",
					     [API_ANY] = "any",   [API_BYTES] = "bytes" };
	return type < ARRAY_LEN(names) && names[type] ? names[type] : "?";
}

const char *api_perm_name(uint8_t perm)
{
	static const char *const names[] = { "none", "read", "operate", "configure" };
	return perm < ARRAY_LEN(names) ? names[perm] : "?";
}

/* Edits (insert, remove, change) from one word to the other; words longer than the table are far apart. */
static unsigned distance(slice a, slice b)
{
	enum { MAX = 40 };
	unsigned row[MAX + 1];
	if (a.n > MAX || b.n > MAX)
		return MAX;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned diag = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned best = diag + (a.p[i - 1] != b.p[j - 1]);
			best = row[j] + 1 < best ? row[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			diag = row[j];
			row[j] = best;
		}
	}
	return row[b.n];
}

struct nearest {
	slice word;
	unsigned best;
	const char *name;
};

static void nearer(struct nearest *n, const char *name)
{
	unsigned d = distance(n->word, slice_str(name));
	if (d < n->best) {
		n->best = d;
		n->name = name;
	}
}

/* More than a third of the word wrong is a different word. */
static struct nearest nearest_of(slice word)
{
	return (struct nearest){ word, (unsigned)(word.n / 3 + 2), NULL };
}

const char *api_method_near(slice name)
{
	struct nearest n = nearest_of(name);
	for (size_t i = 0; i < api_n_methods; i++)
		nearer(&n, api_methods[i].name);
	return n.name;
}

bool api_bool(slice v, bool *out)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = { { "yes", true }, { "true", true }, { "1", true }, { "on", true }, { "enabled", true },
		      { "no", false }, { "false", false }, { "0", false }, { "off", false }, { "disabled", false } };
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (v.n == strlen(words[i].word) && !strncasecmp((const char *)v.p, words[i].word, v.n)) {
			*out = words[i].value;
			return true;
		}
	return false;
}

bool api_int(slice v, int64_t *out)
{
	bool neg = v.n && v.p[0] == '-';
	size_t i = neg;
	if (i == v.n)
		return false;
	int64_t n = 0;
	for (; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9' || n > (INT64_MAX - 9) / 10)
			return false;
		n = n * 10 + (v.p[i] - '0');
	}
	*out = neg ? -n : n;
	return true;
}

static bool in_words(const char *words, slice v)
{
	for (const char *p = words; p && *p;) {
		size_t n = strcspn(p, ",");
		if (slice_equal(slice_of(p, n), v))
			return true;
		p += n + (p[n] == ',');
	}
	return false;
}

/* Hexadecimal digits, also with 0x before them. */
static bool is_hex(slice v)
{
	size_t i = v.n > 2 && v.p[0] == '0' && (v.p[1] | 0x20) == 'x' ? 2 : 0;
	while (i < v.n && isxdigit(v.p[i]))
		i++;
	return i == v.n;
}

static err_t check_value(const struct api_method *m, const struct api_field *f, slice v, struct diag **why)
{
	int64_t n;
	bool b;
	switch (f->type) {
	case API_BOOL:
		return api_bool(v, &b) ? 0 : diag_set(why, E_BAD_VALUE, "argument '%s' of '%s' is yes or no", f->name, m->name);
	case API_UINT:
	case API_INT:
		if (!api_int(v, &n) || (f->type == API_UINT && n < 0))
			return diag_set(why, E_BAD_VALUE, "argument '%s' of '%s' is not a number", f->name, m->name);
		if (f->ranged && (n < f->min || n > f->max))
			return diag_set(why, E_BAD_VALUE, "argument '%s' of '%s' is %" PRId64 ", allowed is %" PRId64 " to %" PRId64,
					f->name, m->name, n, f->min, f->max);
		return 0;
	case API_ENUM:
		return in_words(f->values, v) ? 0 : diag_set(why, E_BAD_VALUE, "argument '%s' of '%s' is '%.*s', allowed is one of %s",
			f->name, m->name, (int)(v.n > 40 ? 40 : v.n), (const char *)v.p, f->values);
	case API_HEX:
		if (!is_hex(v))
			return diag_set(why, E_BAD_VALUE, "argument '%s' of '%s' is not hexadecimal", f->name, m->name);
		/* fallthrough */
	default:
		/* Texts become C strings; only secrets and files may hold every byte. A name cut short would be another name. */
		if (f->secret || f->type == API_BYTES)
			return 0;
		if (v.n && memchr(v.p, 0, v.n))
			return diag_set(why, E_BAD_VALUE, "argument '%s' of '%s' holds a zero byte", f->name, m->name);
		if (v.n > (f->ranged ? (uint64_t)f->max : API_TEXT_MAX))
			return diag_set(why, E_BAD_VALUE, "argument '%s' of '%s' is longer than %" PRIu64 " bytes", f->name, m->name,
					f->ranged ? (uint64_t)f->max : API_TEXT_MAX);
		return 0;
	}
}

static bool shape_fits(const struct api_field *f, uint8_t elem)
{
	switch (f->type) {
	case API_ANY:
		return true;
	case API_LIST:
		return elem == VICI_LIST_START;
	case API_SECTION:
	case API_MAP:
		return elem == VICI_SECTION_START;
	default:
		return elem == VICI_KEY_VALUE;
	}
}

static err_t unknown_arg(const struct api_method *m, slice name, struct diag **why)
{
	struct nearest n = nearest_of(name);
	for (size_t i = 0; i < m->n_args; i++)
		nearer(&n, m->args[i].name);
	return diag_set(why, E_UNKNOWN_KEY, "'%s' has no argument '%.*s'%s%s%s", m->name, (int)name.n, (const char *)name.p,
			n.name ? ": did you mean '" : "", n.name ? n.name : "", n.name ? "'?" : "");
}

err_t api_args_check(const struct api_method *m, slice body, struct diag **why)
{
	uint64_t seen = 0;
	struct vici_in in = vici_in_of(body);
	for (struct vici_elem e = vici_next(&in); e.type != VICI_END; e = vici_next(&in)) {
		const struct api_field *f = api_field_find(m->args, m->n_args, e.name);
		if (!f)
			return unknown_arg(m, e.name, why);
		if (!shape_fits(f, e.type))
			return diag_set(why, E_BAD_VALUE, "argument '%s' of '%s' is a %s", f->name, m->name, api_type_name(f->type));
		err_t err = e.type == VICI_KEY_VALUE ? check_value(m, f, e.value, why) : 0;
		if (err)
			return err;
		if (seen >> (f - m->args) & 1 && strcmp(f->name, "*"))
			return diag_set(why, E_BAD_VALUE, "argument '%s' of '%s' is given twice", f->name, m->name);
		seen |= 1ull << (f - m->args);
		vici_skip(&in, &e);
	}
	for (size_t i = 0; i < m->n_args; i++)
		if (m->args[i].required && !(seen >> i & 1))
			return diag_set(why, E_BAD_VALUE, "'%s' needs %s%s%s", m->name,
					!strcmp(m->args[i].name, "*") ? "a section with the name of what is loaded" : "the argument '",
					!strcmp(m->args[i].name, "*") ? "" : m->args[i].name,
					!strcmp(m->args[i].name, "*") ? "" : "'");
	return 0;
}
