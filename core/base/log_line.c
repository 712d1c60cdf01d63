/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_line.h"

#include <inttypes.h>
#include <time.h>

static const char *const sub_names[LOG_SUB_COUNT] = {
#define row(id, name) [LOG_##id] = name,
	LOG_SUBSYSTEMS(row)
#undef row
};

const char *log_sub_name(enum log_sub sub)
{
	return (unsigned)sub < LOG_SUB_COUNT ? sub_names[sub] : "?";
}

static const char *const severities[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };

int log_severity(const char *word)
{
	for (size_t i = 0; word && i < ARRAY_LEN(severities); i++)
		if (strcmp(word, severities[i]) == 0)
			return (int)i;
	return -1;
}

const char *log_severity_name(int severity)
{
	return severity >= 0 && severity < (int)ARRAY_LEN(severities) ? severities[severity] : "?";
}

static void put_time(struct text *t, uint64_t ns)
{
	time_t s = (time_t)(ns / 1000000000u);
	struct tm tm;

	gmtime_r(&s, &tm);
	text_fmt(t, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		tm.tm_min, tm.tm_sec, (unsigned)(ns / 1000000u % 1000u));
}

void log_line_text(struct text *t, const struct log_record *r, unsigned flags)
{
	const struct log_ctx *c = &r->ctx;

	if (flags & LOG_LINE_TIME) {
		put_time(t, r->time_ns);
		text_str(t, " ");
	}
	text_fmt(t, "[%s] ", log_sub_name(r->sub));
	if (c->conn || c->ike_unique) {
		text_str(t, c->conn ? c->conn : "ike");
		if (c->ike_unique)
			text_fmt(t, "#%" PRIu64, c->ike_unique);
		if (c->child) {
			text_fmt(t, " {%s", c->child);
			if (c->child_unique)
				text_fmt(t, "#%" PRIu64, c->child_unique);
			text_str(t, "}");
		}
		text_str(t, ": ");
	}
	text_str(t, r->text);
}

/* ---- JSON ---- */

static void put_string(struct text *t, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	text_str(t, "\"");
	while (*p) {
		size_t n = text_utf8((const char *)p);
		if (!n)
			text_str(t, "\\ufffd");
		else if (*p == '"' || *p == '\\')
			text_fmt(t, "\\%c", *p);
		else if (*p < ' ')
			text_fmt(t, "\\u%04x", *p);
		else
			text_fmt(t, "%.*s", (int)n, (const char *)p);
		p += n ? n : 1;
	}
	text_str(t, "\"");
}

static void put_member(struct text *t, const char *name, const char *value)
{
	if (!value)
		return;
	text_fmt(t, ",\"%s\":", name);
	put_string(t, value);
}

static void put_number(struct text *t, const char *name, uint64_t v)
{
	if (v)
		text_fmt(t, ",\"%s\":%" PRIu64, name, v);
}

static void put_spi(struct text *t, const char *name, uint64_t v)
{
	if (v)
		text_fmt(t, ",\"%s\":\"%016" PRIx64 "\"", name, v);
}

void log_line_json(struct text *t, const struct log_record *r)
{
	const struct log_ctx *c = &r->ctx;
	char peer[NET_ADDR_TEXT];

	text_str(t, "{\"time\":\"");
	put_time(t, r->time_ns);
	text_fmt(t, "\",\"subsystem\":\"%s\",\"level\":%d", log_sub_name(r->sub), (int)r->level);
	put_member(t, "conn", c->conn);
	put_number(t, "ike_id", c->ike_unique);
	put_member(t, "child", c->child);
	put_number(t, "child_id", c->child_unique);
	put_spi(t, "spi_i", c->spi_i);
	put_spi(t, "spi_r", c->spi_r);
	put_member(t, "peer", c->peer ? net_addr_text(c->peer, c->peer->port != 0, peer) : NULL);
	put_member(t, "code", c->code ? err_name(c->code) : NULL);
	put_member(t, "text", r->text);
	text_str(t, "}");
}
