/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json/metrics_text.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

/* What stands behind the name of a family in the name of its samples. */
static const struct {
	const char *type, *suffix, *old_type; /* the old format knows no info */
} types[] = { { "counter", "_total", "counter" }, { "gauge", "", "gauge" }, { "info", "_info", "gauge" } };

static bool is_name(const char *s)
{
	return *s && !strchr("0123456789", *s) &&
	       !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")];
}

static bool is_number(const char *s)
{
	return *s && !s[strspn(s, "0123456789.-+e")];
}

/* A scraper refuses everything when one name is no UTF-8: such bytes are written as the four characters \xNN. */
static void escaped(FILE *to, const char *s, bool quote)
{
	for (size_t n; *s; s += n) {
		n = text_utf8(s);
		if (!n)
			fprintf(to, "\\\\x%02x", (unsigned char)*s);
		else if (*s == '\n')
			fputs("\\n", to);
		else if (*s == '\\' || (quote && *s == '"'))
			fprintf(to, "\\%c", *s);
		else
			fwrite(s, 1, n, to);
		n = n ? n : 1;
	}
}

/* False: no type we know. */
static bool head(struct metrics_text *t, const char *name, const char *type, const char *help, const char *unit, const char **suffix)
{
	size_t i = 0;
	while (i < sizeof types / sizeof types[0] && strcmp(types[i].type, type) != 0)
		i++;
	if (i == sizeof types / sizeof types[0] || strlen(name) >= sizeof t->last)
		return false;
	*suffix = types[i].suffix;
	if (!strcmp(t->last, name))
		return true;
	strcpy(t->last, name);
	const char *full = t->open_metrics ? "" : *suffix;
	fprintf(t->to, "# HELP %s%s ", name, full);
	escaped(t->to, help, t->open_metrics);
	fprintf(t->to, "\n# TYPE %s%s %s\n", name, full, t->open_metrics ? types[i].type : types[i].old_type);
	if (t->open_metrics && unit)
		fprintf(t->to, "# UNIT %s %s\n", name, unit);
	return true;
}

static void labels(FILE *to, const struct adit_node *l)
{
	const char *sep = "{";
	for (l = l ? l->first : NULL; l; l = l->next) {
		if (l->kind != ADIT_NODE_VALUE || !is_name(l->name))
			continue;
		fprintf(to, "%s%s=\"", sep, l->name);
		escaped(to, l->value, true);
		fputc('"', to);
		sep = ",";
	}
	if (*sep == ',')
		fputc('}', to);
}

void metrics_text_family(struct metrics_text *t, const struct adit_node *event)
{
	const char *name = adit_node_text(event, "name"), *type = adit_node_text(event, "type"), *help = adit_node_text(event, "help");
	const struct adit_node *samples = adit_node_at(event, "samples");
	const char *suffix;
	if (!name || !is_name(name) || !type || !samples || !samples->first ||
	    !head(t, name, type, help ? help : "", adit_node_text(event, "unit"), &suffix))
		return;
	for (const struct adit_node *s = samples->first; s; s = s->next) {
		const char *value = adit_node_text(s, "value");
		if (!value || !is_number(value))
			continue;
		fprintf(t->to, "%s%s", name, suffix);
		labels(t->to, adit_node_at(s, "labels"));
		fprintf(t->to, " %s\n", value);
	}
}

void metrics_text_counter(struct metrics_text *t, const struct counter *c)
{
	char name[128];
	const char *suffix;
	snprintf(name, sizeof name, "adit_%s", c->name);
	for (char *p = name; *p; p++)
		*p = *p == '.' || *p == '-' ? '_' : *p;
	if (head(t, name, "counter", c->help, NULL, &suffix))
		fprintf(t->to, "%s%s %" PRIu64 "\n", name, suffix, counter_get(c));
}

void metrics_text_end(struct metrics_text *t)
{
	if (t->open_metrics)
		fputs("# EOF\n", t->to);
}
