/* SPDX-License-Identifier: Apache-2.0 */
/* Going over a section along its schema: names, kinds, types, ranges, defaults. */
#include "config/schema.h"

#include "config/value.h"
#include "wire/gateway.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

const char *conf_type_name(uint8_t type)
{
	static const char *const names[] = {
#define row(name, text) [CONF_T_##name] = text,
		CONF_TYPES(row)
#undef row
	};
	return type < ARRAY_LEN(names) ? names[type] : "?";
}

const struct conf_key *conf_schema_key(const struct conf_schema *s, const char *name)
{
	const struct conf_key *best = NULL;
	size_t best_len = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct conf_key *k = &s->keys[i];
		size_t n = strlen(k->name);
		if (strcmp(k->name, name) == 0)
			return k;
		if (k->flags & CONF_ANY_NAME && !best)
			best = k;
		if (k->flags & CONF_SUFFIX && n > best_len && strncmp(k->name, name, n) == 0) {
			best = k;
			best_len = n;
		}
	}
	return best;
}

static void put_int(void *at, uint8_t size, uint64_t v)
{
	/* The fields are as wide as their ranges: the schema's test compares the two. */
	uint8_t v8 = (uint8_t)v;
	uint16_t v16 = (uint16_t)v;
	uint32_t v32 = (uint32_t)v;

	memcpy(at, size == 1 ? (void *)&v8 : size == 2 ? (void *)&v16 : size == 4 ? (void *)&v32 : (void *)&v,
		size <= 8 ? size : 0);
}

/* What a value is checked with. `say` is NULL when nobody wants the text (defaults of the table). */
struct val {
	const struct conf_key *key;
	const struct conf_node *node;
	slice text;
	void *at; /* NULL: check only */
	struct diag **why;
};

static err_t PRINTF_LIKE(2, 3) wrong(const struct val *v, const char *want, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, want);
	vsnprintf(text, sizeof text, want, ap);
	va_end(ap);
	if (!v->node)
		return E_INTERNAL;
	return conf_node_fail(v->node, true, v->why, E_BAD_VALUE, "'%s' = '%.*s': %s", v->node->name,
		(int)(v->text.n > 80 ? 80 : v->text.n), v->text.p, text);
}

static bool is_word(slice s, const char *word)
{
	return s.n == strlen(word) && strncasecmp((const char *)s.p, word, s.n) == 0;
}

/* "a, b or c" of the words that are honoured. */
static const char *words_text(const struct conf_word *w, char *buf, size_t cap)
{
	size_t off = 0;

	buf[0] = 0;
	for (bool first = true; w && w->word; w++) {
		if (w->later)
			continue;
		off += (size_t)snprintf(buf + off, off < cap ? cap - off : 0, "%s%s", first ? "" : ", ", w->word);
		first = false;
	}
	return buf;
}

static err_t find_word(const struct val *v, slice text, const struct conf_word **out)
{
	char buf[200];

	*out = NULL;
	for (const struct conf_word *w = v->key->words; w && w->word; w++) {
		if (!is_word(text, w->word))
			continue;
		*out = w;
		if (!w->later)
			return 0;
		if (!v->node)
			return E_INTERNAL;
		words_text(v->key->words, buf, sizeof buf);
		return conf_node_fail(v->node, true, v->why, E_NOT_SUPPORTED,
			"'%s' = '%s' is not supported yet (docs/ROADMAP.md: %s)%s%s", v->node->name, w->word, w->later,
			buf[0] ? "; there is: " : "", buf);
	}
	return E_NOT_FOUND;
}

static err_t check_enum(const struct val *v)
{
	const struct conf_word *w;
	char buf[200];
	err_t e = find_word(v, v->text, &w);

	if (e == E_NOT_FOUND)
		return wrong(v, "one of these is expected: %s", words_text(v->key->words, buf, sizeof buf));
	if (!e && v->at)
		put_int(v->at, v->key->size, (uint64_t)w->value);
	return e;
}

static err_t check_flags(const struct val *v)
{
	slice rest = v->text;
	uint64_t bits = 0;
	char buf[200];

	while (rest.n) {
		const uint8_t *bar = memchr(rest.p, '|', rest.n);
		slice one = conf_value_trim(slice_of(rest.p, bar ? (size_t)(bar - rest.p) : rest.n));
		const struct conf_word *w;
		err_t e = find_word(v, one, &w);
		if (e == E_NOT_FOUND)
			return wrong(v, "these are expected, with '|' between several: %s",
				words_text(v->key->words, buf, sizeof buf));
		if (e)
			return e;
		bits |= (uint64_t)w->value;
		rest = bar ? slice_of(bar + 1, (size_t)(rest.p + rest.n - bar - 1)) : SLICE_NONE;
	}
	if (v->at)
		put_int(v->at, v->key->size, bits);
	return 0;
}

static err_t check_bool(const struct val *v)
{
	bool b;

	if (conf_value_bool(v->text, &b))
		return wrong(v, "yes or no is expected");
	if (v->at)
		*(bool *)v->at = b;
	return 0;
}

/* The value as people write it: milliseconds and thousandths with a point. */
static const char *shown(const struct conf_key *k, int64_t n, char buf[32])
{
	if (k->type == CONF_T_TIME_MS || k->type == CONF_T_DECIMAL)
		snprintf(buf, 32, "%lld.%03lld", (long long)n / 1000, (long long)n % 1000);
	else
		snprintf(buf, 32, "%lld", (long long)n);
	return buf;
}

static err_t check_number(const struct val *v)
{
	const struct conf_key *k = v->key;
	const struct conf_word *w;
	uint64_t u = 0;
	int64_t n = 0;
	char lo[32], hi[32];
	err_t e = k->words ? find_word(v, v->text, &w) : E_NOT_FOUND;

	if (e && e != E_NOT_FOUND)
		return e;
	if (e == 0) {
		if (v->at)
			put_int(v->at, k->size, (uint64_t)w->value);
		return 0;
	}
	switch (k->type) {
	case CONF_T_TIME_S: e = conf_value_time_s(v->text, &u); break;
	case CONF_T_TIME_MS: e = conf_value_time_ms(v->text, &u); break;
	case CONF_T_DECIMAL: e = conf_value_decimal(v->text, &u); break;
	case CONF_T_BYTES: e = conf_value_bytes(v->text, &u); break;
	default:
		e = conf_value_int(v->text, &n);
		if (!e && n < 0 && k->min >= 0)
			e = E_BAD_VALUE;
		u = (uint64_t)n;
	}
	bool ranged = k->min || k->max;
	if (!e && ranged && (u > INT64_MAX || (int64_t)u < k->min || (int64_t)u > k->max))
		e = E_BAD_VALUE;
	if (!e) {
		if (v->at)
			put_int(v->at, k->size, u);
		return 0;
	}
	const char *what = k->type == CONF_T_TIME_S ? "a time as 30s, 90m or 1h 30m" : k->type == CONF_T_BYTES ?
		"a number, with k, M or G for powers of 1024" : k->type == CONF_T_TIME_MS ? "seconds as 4.0" :
		k->type == CONF_T_DECIMAL ? "a decimal number" : "a number";
	if (ranged)
		return wrong(v, "%s from %s to %s%s%s is expected", what, shown(k, k->min, lo), shown(k, k->max, hi),
			k->unit ? " " : "", k->unit ? k->unit : "");
	return wrong(v, "%s is expected", what);
}

static err_t check_mark(const struct val *v)
{
	uint32_t pair[2] = { 0, UINT32_MAX };
	const struct conf_word *w;
	slice s[2] = { v->text, SLICE_NONE };
	const uint8_t *slash = memchr(v->text.p, '/', v->text.n);
	if (slash) {
		s[0].n = (size_t)(slash - v->text.p);
		s[1] = slice_of(slash + 1, v->text.n - s[0].n - 1);
	}
	err_t e = find_word(v, s[0], &w);
	if (e && e != E_NOT_FOUND)
		return e;
	if (!e)
		pair[0] = (uint32_t)w->value;
	for (int i = e ? 0 : 1; i < (slash ? 2 : 1); i++) {
		int64_t n;
		if (conf_value_int(s[i], &n) || n < 0 || n > UINT32_MAX)
			return wrong(v, "a mark as 42 or 0x2a/0xff is expected");
		pair[i] = (uint32_t)n;
	}
	if (v->at)
		memcpy(v->at, pair, sizeof pair);
	return 0;
}

static err_t check_dscp(const struct val *v)
{
	uint8_t bits = 0;

	for (size_t i = 0; i < v->text.n; i++)
		bits = (uint8_t)(bits << 1 | (v->text.p[i] & 1));
	if (v->text.n != 6 || strspn((const char *)v->text.p, "01") < 6)
		return wrong(v, "six binary digits are expected, as 101110");
	if (v->at)
		*(uint8_t *)v->at = bits;
	return 0;
}

static err_t check_ifname(const struct val *v)
{
	if (v->text.n > 15 || memchr(v->text.p, '/', v->text.n) || memchr(v->text.p, ' ', v->text.n))
		return wrong(v, "the name of a network interface is expected (at most 15 letters)");
	if (v->at) {
		memset(v->at, 0, v->key->size);
		memcpy(v->at, v->text.p, v->text.n);
	}
	return 0;
}

static err_t check_string(const struct val *v)
{
	if (!v->at)
		return 0;
	char *p = strndup((const char *)v->text.p, v->text.n);
	if (!p)
		return E_NOMEM;
	free(*(char **)v->at);
	*(char **)v->at = p;
	return 0;
}

static err_t check_gateway(const struct val *v)
{
	struct wire_gateway g;
	char text[WIRE_GATEWAY_MAX + 1];

	if (v->text.n >= sizeof text)
		return wrong(v, "an address or the name of a host is expected");
	memcpy(text, v->text.p, v->text.n);
	text[v->text.n] = 0;
	if (wire_gateway_of_text(text, &g))
		return wrong(v, "an address or the name of a host is expected");
	return check_string(v);
}

/* By type: what checks one value. Types without one are the caller's. */
static err_t (*const checks[CONF_T_COUNT])(const struct val *v) = {
	[CONF_T_BOOL] = check_bool, [CONF_T_INT] = check_number, [CONF_T_TIME_S] = check_number,
	[CONF_T_TIME_MS] = check_number, [CONF_T_DECIMAL] = check_number, [CONF_T_BYTES] = check_number,
	[CONF_T_STRING] = check_string, [CONF_T_PATH] = check_string, [CONF_T_ENUM] = check_enum,
	[CONF_T_FLAGS] = check_flags, [CONF_T_MARK] = check_mark, [CONF_T_IF_ID] = check_number,
	[CONF_T_IFNAME] = check_ifname, [CONF_T_DSCP] = check_dscp, [CONF_T_GATEWAY] = check_gateway,
};

/* The next word of an item; the whole item unless white space separates. */
static bool next_word(const struct conf_key *k, slice *left, slice *word)
{
	static const char space[] = " \t\r\n";

	if (!(k->flags & CONF_SPACES)) {
		*word = *left;
		*left = SLICE_NONE;
		return word->n != 0;
	}
	while (left->n && memchr(space, left->p[0], sizeof space - 1))
		*left = slice_of(left->p + 1, left->n - 1);
	size_t n = 0;
	while (n < left->n && !memchr(space, left->p[n], sizeof space - 1))
		n++;
	*word = slice_of(left->p, n);
	*left = slice_of(left->p + n, left->n - n);
	return n != 0;
}

/* Counts the items, or copies the first `cap` of them to v (NULL: only counts). E_NOMEM: v has what could be copied. */
static err_t strings_take(const struct conf_key *k, const struct conf_node *n, char **v, size_t cap, size_t *have)
{
	struct conf_items it = { 0 };
	slice word;

	*have = 0;
	while (conf_items_next(n, &it))
		for (slice left = it.text; next_word(k, &left, &word) && (!v || *have < cap); (*have)++)
			if (v && !(v[*have] = strndup((const char *)word.p, word.n)))
				return E_NOMEM;
	return 0;
}

static err_t check_strings(const struct conf_key *k, const struct conf_node *n, void *at)
{
	size_t have;

	if (!at || strings_take(k, n, NULL, 0, &have))
		return 0;
	char **v = calloc(have + 1, sizeof *v);
	if (!v)
		return E_NOMEM;
	err_t e = strings_take(k, n, v, have, &have);
	for (size_t i = 0; e && v[i]; i++)
		free(v[i]);
	if (e)
		free(v);
	else
		*(char ***)at = v;
	return e;
}

err_t conf_defaults(const struct conf_schema *s, void *obj)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct conf_key *k = &s->keys[i];
		if (!k->def || k->off == CONF_NOWHERE || !checks[k->type])
			continue;
		struct val v = { k, NULL, slice_str(k->def), (char *)obj + k->off, NULL };
		err_t e = checks[k->type](&v);
		if (e)
			return e;
	}
	return 0;
}

static err_t unknown(const struct conf_schema *s, const struct conf_node *n, struct diag **why)
{
	struct conf_near near = conf_near_of(n->name);
	const char *what = n->kind == CONF_SECTION ? "section" : "key";

	for (size_t i = 0; i < s->n; i++)
		if (!(s->keys[i].flags & CONF_ANY_NAME))
			conf_near_try(&near, s->keys[i].name);
	if (near.best)
		return conf_node_fail(n, false, why, E_UNKNOWN_KEY, "unknown %s '%s' in %s: did you mean '%s'?", what,
			n->name, s->name, near.best);
	return conf_node_fail(n, false, why, E_UNKNOWN_KEY, "unknown %s '%s' in %s", what, n->name, s->name);
}

/* A key we do not honour: an error unless it says what happens anyway. */
static err_t check_later(const struct conf_key *k, const struct conf_node *n, struct diag **why)
{
	if (n->kind == CONF_SECTION ? n->n == 0 : n->kind == CONF_VALUE && n->len == 0)
		return 0;
	if (k->flags & CONF_CAN_OFF && n->kind == CONF_VALUE) {
		uint64_t now = 0, def = 0;
		bool a, b;
		struct val v = { k, NULL, slice_of(n->text, n->len), &now, NULL };
		struct val d = { k, NULL, slice_str(k->def), &def, NULL };
		struct conf_key wide = *k;
		wide.size = sizeof now;
		v.key = d.key = &wide;
		if (k->type == CONF_T_BOOL || k->type == CONF_T_STRING) {
			if (conf_value_bool(v.text, &a) == 0 && conf_value_bool(d.text, &b) == 0 && a == b)
				return 0;
		} else if (checks[k->type] && checks[k->type](&v) == 0 && checks[k->type](&d) == 0 &&
			   (uint32_t)now == (uint32_t)def) {
			return 0;
		}
	}
	return conf_node_fail(n, false, why, E_NOT_SUPPORTED, "'%s' is not supported yet (docs/ROADMAP.md: %s)%s%s",
		n->name,
		k->later, k->flags & CONF_CAN_OFF ? "; what can be set is " : "", k->flags & CONF_CAN_OFF ? k->def :
		"");
}

static bool is_section(const struct conf_key *k)
{
	return k->type == CONF_T_SECTION || k->type == CONF_T_SECTIONS;
}

static err_t check_one(const struct conf_schema *s, const struct conf_node *n, void *obj, struct diag **why)
{
	const struct conf_key *k = conf_schema_key(s, n->name);

	if (!k || (k->flags & CONF_SUFFIX && (k->type == CONF_T_SECTION) != (n->kind == CONF_SECTION)))
		return unknown(s, n, why);
	if (k->type == CONF_T_ANY)
		return 0;
	if (is_section(k) != (n->kind == CONF_SECTION))
		return conf_node_fail(n, false, why, E_BAD_VALUE, is_section(k) ?
		"'%s' is a section: '{' is expected behind it" :
			"'%s' is a key: '=' and a value are expected behind it", n->name);
	if (k->flags & CONF_LATER)
		return check_later(k, n, why);
	void *at = obj && k->off != CONF_NOWHERE ? (char *)obj + k->off : NULL;
	if (k->type == CONF_T_STRINGS)
		return check_strings(k, n, at);
	if (!checks[k->type])
		return 0;
	if (n->kind == CONF_LIST)
		return conf_node_fail(n, true, why, E_BAD_VALUE, "'%s' takes one value, not a list", n->name);
	if (n->len == 0)
		return 0;
	if (memchr(n->text, 0, n->len))
		return conf_node_fail(n, true, why, E_BAD_VALUE, "'%s' holds a zero byte", n->name);
	struct val v = { k, n, slice_of(n->text, n->len), at, why };
	return checks[k->type](&v);
}

err_t conf_check(const struct conf_schema *s, const struct conf_node *section, void *obj, struct diag **why)
{
	err_t first = 0;

	for (const struct conf_node *n = section->first; n; n = n->next) {
		err_t e = check_one(s, n, obj, why);
		first = first ? first : e;
	}
	return first;
}

/* The keys of a section first, then what is in the sections inside it. */
static void each(const struct conf_schema *s, const char *path,
		 void (*cb)(void *arg, const char *path, const struct conf_key *key), void *arg)
{
	char full[256];

	for (size_t i = 0; i < 2 * s->n; i++) {
		const struct conf_key *k = &s->keys[i % s->n];
		const char *dot = *path ? "." : "";

		if (is_section(k) != (i >= s->n))
			continue;
		if (k->flags & CONF_ANY_NAME)
			snprintf(full, sizeof full, "%s%s<%s>", path, dot, k->name);
		else
			snprintf(full, sizeof full, "%s%s%s%s", path, dot, k->name,
				k->flags & CONF_SUFFIX ? "<suffix>" : "");
		cb(arg, full, k);
		if (!k->sub)
			continue;
		if (k->type == CONF_T_SECTIONS) {
			size_t n = strlen(full);
			snprintf(full + n, sizeof full - n, ".<%s>", k->sub->name);
		}
		each(k->sub, full, cb, arg);
	}
}

void conf_schema_each(const struct conf_schema *s,
		      void (*cb)(void *arg, const char *path, const struct conf_key *key), void *arg)
{
	each(s, "", cb, arg);
}
