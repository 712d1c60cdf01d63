/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificate maps: rules of the form FIELD OP VALUE, ';' between rules that all have to hold, '|' or a new line
 * between alternatives of which one has to. README.md of this plugin is the manual. Texts compare without case, names
 * without the spaces around ',' and '='.
 */
#include "base/text.h"
#include "config/dn.h"
#include "der.h"
#include "verify.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum { RULES_MAX = 256, VALUE_MAX = 512 };

enum field { F_SUBJECT, F_ISSUER, F_ALT, F_NAME, F_SERIAL, F_UNSTRUCTURED, F_START, F_END };
enum op { OP_EQ, OP_NE, OP_CO, OP_NC, OP_LT, OP_LE, OP_GT, OP_GE };

static const struct {
	const char *name;
	uint8_t field;
	bool date;
} fields[] = {
	{ "subject-name", F_SUBJECT, false }, { "issuer-name", F_ISSUER, false },
	{ "alt-subject-name", F_ALT, false }, { "name", F_NAME, false },
	{ "serial-number", F_SERIAL, false }, { "unstructured-subject-name", F_UNSTRUCTURED, false },
	{ "valid-start", F_START, true },     { "expires-on", F_END, true },
};
static const struct {
	const char *name;
	uint8_t op;
	bool text, date;
} ops[] = {
	{ "eq", OP_EQ, true, true },  { "ne", OP_NE, true, true },  { "co", OP_CO, true, false },
	{ "nc", OP_NC, true, false }, { "lt", OP_LT, false, true }, { "le", OP_LE, false, true },
	{ "gt", OP_GT, false, true }, { "ge", OP_GE, false, true },
};

struct rule {
	uint8_t field, op;
	bool last; /* of its alternative */
	const char *field_name, *op_name;
	int64_t when;
	char value[VALUE_MAX]; /* folded */
};

struct cert_map {
	size_t n;
	struct rule v[];
};

/* Lower case; spaces around ',', '=' and '+' and at the ends away, others made one. */
static size_t fold(const char *in, size_t n, char *out, size_t cap)
{
	size_t k = 0;
	bool space = false;

	for (size_t i = 0; i < n && k + 2 < cap; i++) {
		unsigned char c = (unsigned char)in[i];
		if (isspace(c)) {
			space = true;
			continue;
		}
		bool tight = strchr(",=+", c) || (k && strchr(",=+", out[k - 1]));
		if (space && k && !tight)
			out[k++] = ' ';
		space = false;
		out[k++] = (char)tolower(c);
	}
	out[k] = 0;
	return k;
}

/* Serial numbers are hexadecimal, with or without colons and leading zeros. */
static void fold_serial(char *s)
{
	size_t k = 0;

	for (const char *p = s; *p; p++)
		if (isxdigit((unsigned char)*p) && (k || *p != '0'))
			s[k++] = *p;
	s[k] = 0;
}

/* "2026-11-27" or "2026-11-27T12:00:00Z" */
static bool read_date(const char *s, int64_t *out)
{
	struct tm tm = { 0 };
	const char *end = strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm);

	if (!end || *end) {
		tm = (struct tm){ 0 };
		end = strptime(s, "%Y-%m-%d", &tm);
	}
	*out = timegm(&tm);
	return end && !*end;
}

static const char *word(const char **p, char *buf, size_t cap)
{
	size_t n = 0;

	while (**p == ' ' || **p == '\t')
		++*p;
	while (**p && !strchr(" \t;|\n", **p)) {
		if (n + 1 < cap)
			buf[n++] = **p;
		++*p;
	}
	buf[n] = 0;
	return buf;
}

/* Up to ';', '|', the end of the line or of its quotes. */
static bool value(const char **p, char *buf, size_t cap)
{
	while (**p == ' ' || **p == '\t')
		++*p;
	char quote = **p == '"' || **p == '\'' ? *(*p)++ : 0;
	const char *from = *p;
	while (**p && (quote ? **p != quote : !strchr(";|\n", **p)))
		++*p;
	size_t n = (size_t)(*p - from);
	if (quote && *(*p)++ != quote)
		return false;
	while (**p == ' ' || **p == '\t' || **p == '\r')
		++*p;
	return n < cap && fold(from, n, buf, cap) > 0 && (!**p || strchr(";|\n", **p));
}

static err_t read_rule(const char **p, struct rule *r, struct cert_why *why)
{
	char field[64], op[16];
	size_t f = 0, o = 0;

	word(p, field, sizeof field);
	word(p, op, sizeof op);
	while (f < ARRAY_LEN(fields) && strcasecmp(fields[f].name, field) != 0)
		f++;
	while (o < ARRAY_LEN(ops) && strcasecmp(ops[o].name, op) != 0)
		o++;
	if (f == ARRAY_LEN(fields))
		return x_fail(
			why, E_PARSE,
			"\"%s\" is no field of a certificate map; known are subject-name, issuer-name, "
			"alt-subject-name, name, serial-number, unstructured-subject-name, valid-start, expires-on",
			field);
	if (o == ARRAY_LEN(ops) || !(fields[f].date ? ops[o].date : ops[o].text))
		return x_fail(why, E_PARSE, "\"%s\" is no operator of %s; known are %s", op, field,
			fields[f].date ? "eq, ne, lt, le, gt, ge" : "eq, ne, co, nc");
	*r = (struct rule){
		.field = fields[f].field, .op = ops[o].op, .field_name = fields[f].name, .op_name = ops[o].name
	};
	if (!value(p, r->value, sizeof r->value))
		return x_fail(why, E_PARSE, "the value of %s %s is missing, too long or has an open quote", field, op);
	if (fields[f].date) {
		for (char *c = r->value; *c; c++)
			*c = (char)toupper((unsigned char)*c);
		if (!read_date(r->value, &r->when))
			return x_fail(why, E_PARSE, "\"%s\" is no date; write 2026-11-27 or 2026-11-27T12:00:00Z",
				      r->value);
	}
	if (r->field == F_SERIAL)
		fold_serial(r->value);
	return 0;
}

err_t x_map_parse(const char *text, struct cert_map **out, struct cert_why *why)
{
	struct cert_map *m = calloc(1, sizeof *m + RULES_MAX * sizeof m->v[0]);
	const char *p = text;
	err_t e = 0;

	*out = NULL;
	if (!m)
		return x_fail(why, E_NOMEM, "out of memory");
	while (!e) {
		p += strspn(p, " \t\r\n|;");
		if (!*p)
			break;
		if (m->n == RULES_MAX) {
			e = x_fail(why, E_PARSE, "a certificate map has at most %d rules", RULES_MAX);
			break;
		}
		e = read_rule(&p, &m->v[m->n], why);
		m->v[m->n++].last = *p != ';';
	}
	if (!e && !m->n)
		e = x_fail(why, E_PARSE, "the certificate map has no rule");
	if (e) {
		x_map_free(m);
		return e;
	}
	m->v[m->n - 1].last = true;
	struct cert_map *fit = realloc(m, sizeof *m + m->n * sizeof m->v[0]);
	*out = fit ? fit : m;
	return 0;
}

void x_map_free(struct cert_map *m)
{
	free(m);
}

/* ---- matching ---------------------------------------------------------------------------------------------------- */

/* What a rule sees: all values of its field, one call each. `hit` gathers whether one of them equals or contains. */
struct seen {
	const struct rule *r;
	bool hit;
	struct text list;
	char buf[256];
};

static void see(struct seen *s, slice text)
{
	char folded[1024];

	fold((const char *)text.p, text.n, folded, sizeof folded);
	s->hit |= s->r->op == OP_CO || s->r->op == OP_NC ? strstr(folded, s->r->value) != NULL
							 : strcmp(folded, s->r->value) == 0;
	text_str(&s->list, s->list.n ? ", " : "");
	text_peer(&s->list, text);
}

static void see_dn(struct seen *s, slice name)
{
	char buf[1024];
	struct text t = text_of(buf, sizeof buf);

	conf_dn_text(name, &t);
	see(s, slice_of(buf, t.n));
}

static void see_alt(struct seen *s, const struct cert *c)
{
	for (size_t i = 0; i < c->san.n; i++) {
		const struct x_gn *g = &c->san.v[i];
		char buf[NET_ADDR_TEXT];
		struct net_addr a = { .family = g->value.n == 4 ? NET_V4 : NET_V6 };
		if (g->tag == X_GN_DIR)
			see_dn(s, g->value);
		else if (g->tag == X_GN_IP && (g->value.n == 4 || g->value.n == 16))
			see(s, slice_str((memcpy(a.a, g->value.p, g->value.n), net_addr_text(&a, false, buf))));
		else if (g->tag == X_GN_DNS || g->tag == X_GN_EMAIL || g->tag == X_GN_URI)
			see(s, g->value);
	}
}

static void see_unstructured(struct seen *s, const struct cert *c)
{
	static const slice oid = { (const uint8_t *)"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x02", 9 };
	struct rd all = rd_of(c->info.subject), rdns = asn_in(&all, ASN_SEQ);

	while (rd_left(&rdns)) {
		struct rd set = asn_in(&rdns, ASN_SET);
		while (rd_left(&set)) {
			struct rd ava = asn_in(&set, ASN_SEQ);
			uint8_t tag;
			bool is = slice_equal(asn_next(&ava, ASN_OID), oid);
			slice v = asn_any(&ava, &tag, NULL);
			if (is && !ava.err)
				see(s, v);
		}
	}
}

static void see_serial(struct seen *s, const struct cert *c)
{
	char buf[256];
	struct text t = text_of(buf, sizeof buf);

	text_hex(&t, slice_of(c->serial.p, c->serial.n > 100 ? 100 : c->serial.n));
	fold_serial(buf);
	see(s, slice_str(buf));
}

static bool date_holds(const struct rule *r, int64_t t)
{
	switch (r->op) {
	case OP_EQ:
		return t == r->when;
	case OP_NE:
		return t != r->when;
	case OP_LT:
		return t < r->when;
	case OP_LE:
		return t <= r->when;
	case OP_GT:
		return t > r->when;
	default:
		return t >= r->when;
	}
}

static bool holds(const struct rule *r, const struct cert *c, struct seen *s)
{
	*s = (struct seen){ .r = r };
	s->list = text_of(s->buf, sizeof s->buf);
	if (r->field == F_START || r->field == F_END) {
		time_t t = r->field == F_START ? c->info.not_before : c->info.not_after;
		struct tm tm;
		if (gmtime_r(&t, &tm))
			s->list.n = strftime(s->buf, sizeof s->buf, "%Y-%m-%dT%H:%M:%SZ", &tm);
		return date_holds(r, t);
	}
	if (r->field == F_SUBJECT || r->field == F_NAME)
		see_dn(s, c->info.subject);
	if (r->field == F_ISSUER)
		see_dn(s, c->info.issuer);
	if (r->field == F_ALT || r->field == F_NAME)
		see_alt(s, c);
	if (r->field == F_SERIAL)
		see_serial(s, c);
	if (r->field == F_UNSTRUCTURED)
		see_unstructured(s, c);
	return s->hit == (r->op == OP_EQ || r->op == OP_CO);
}

err_t x_map_match(const struct cert_map *m, const struct cert *c, struct cert_why *why)
{
	char buf[sizeof why->text];
	struct text said = text_of(buf, sizeof buf);
	bool ok = true;
	struct seen s;

	/* Each rule that does not hold is told. */
	for (size_t i = 0; i < m->n; i++) {
		const struct rule *r = &m->v[i];
		if (!holds(r, c, &s)) {
			ok = false;
			text_fmt(&said, "%srule \"%s %s %s\" does not hold: the certificate has \"%s\"", said.n ? "; " : "",
				 r->field_name, r->op_name, r->value, s.buf);
		}
		if (r->last && ok)
			return 0;
		if (r->last)
			ok = true;
	}
	return x_fail(why, E_CERT_MAP, "%s", buf);
}
