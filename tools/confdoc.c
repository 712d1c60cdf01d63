/* SPDX-License-Identifier: Apache-2.0 */
/* Prints docs/configuration-keys.md out of the schema of the configuration: every key, declared once. */
#include "config/rest.h"

#include <stdio.h>
#include <string.h>

/* A bar would end the cell of a table. */
static void cell(const char *text)
{
	for (; *text; text++)
		printf(*text == '|' ? "\\|" : "%c", *text);
}

static void words(const struct conf_key *k)
{
	const char *sep = "";

	for (const struct conf_word *w = k->words; w && w->word; w++) {
		if (w->later)
			continue;
		printf("%s`%s`", sep, w->word);
		sep = ", ";
	}
	if (k->type == CONF_T_FLAGS)
		printf("; several with \\| between");
}

static void number(const struct conf_key *k, int64_t v)
{
	if (k->type == CONF_T_TIME_MS || k->type == CONF_T_DECIMAL)
		printf("%g", (double)v / 1000);
	else
		printf("%lld", (long long)v);
}

static void values(const struct conf_key *k)
{
	if (k->type == CONF_T_ENUM || k->type == CONF_T_FLAGS) {
		words(k);
		return;
	}
	printf("%s", k->type == CONF_T_TIME_MS ? "duration" : conf_type_name(k->type));
	if (k->max) {
		printf(", ");
		number(k, k->min);
		printf(" to ");
		number(k, k->max);
	}
	if (k->unit)
		printf(" %s", k->unit);
	for (const struct conf_word *w = k->words; w && w->word; w++)
		if (!w->later)
			printf(", `%s`", w->word);
}

static void waits(const struct conf_key *k)
{
	const char *sep = "";

	if (k->flags & CONF_LATER)
		printf(k->flags & CONF_CAN_OFF ? "only `%s`: " : "refused: ", k->def);
	if (k->flags & CONF_LATER)
		printf("%s", k->later);
	else if (k->flags & CONF_SAFE_IGNORED)
		printf("without effect");
	else
		printf("yes");
	for (const struct conf_word *w = k->words; w && w->word; w++)
		if (w->later) {
			printf("%s`%s`: %s", *sep ? sep : "; not yet ", w->word, w->later);
			sep = ", ";
		}
}

static void row(void *arg, const char *path, const struct conf_key *k)
{
	(void)arg;
	if (k->type == CONF_T_SECTION || k->type == CONF_T_SECTIONS) {
		const char *of = k->type == CONF_T_SECTIONS && k->sub ? k->sub->name : NULL;
		printf("\n## %s%s%s%s\n\n%s", path, of ? ".<" : "", of ? of : "", of ? ">" : "", k->doc);
		if (k->flags & CONF_LATER)
			printf(" Not honoured yet: %s.", k->later);
		printf("\n\n| key | value | default | honoured | |\n|---|---|---|---|---|\n");
		return;
	}
	const char *dot = strrchr(path, '.');
	printf("| %s | ", dot ? dot + 1 : path);
	values(k);
	printf(" | %s%s%s | ", k->def ? "`" : "", k->def ? k->def : "", k->def ? "`" : "");
	waits(k);
	printf(" | ");
	cell(k->doc);
	printf(" |\n");
}

int main(void)
{
	printf("<!-- SPDX-License-Identifier: Apache-2.0. Made by tools/confdoc: `make conf-docs`. -->\n"
		"# Keys of the configuration\n\n"
		"`<suffix>` is anything or nothing: `local`, `local-1`. `configuration.md` tells how values are written. A key that\n"
		"is not honoured is refused with the line of `ROADMAP.md` it waits for, unless it is at its default.\n");
	conf_schema_each(&conf_schema_root, row, NULL);
	printf("\n# Keys of the file of adit-rest\n");
	conf_schema_each(&conf_schema_rest_top, row, NULL);
	return 0;
}
