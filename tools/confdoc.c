/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints docs/configuration-keys.md out of the schema of the configuration: every key, declared once. With --compat:
 * docs/swanctl-compat.md, what becomes of each key of swanctl.conf. With --words: docs/proposals.md. With --man: the
 * manual page adit.conf(5).
 */
#include "confdoc.h"

#include "config/effect.h"
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

/* ---- swanctl-compat.md ------------------------------------------------------------------------------------------ */

/* Our own keys beside those of swanctl.conf. */
static bool is_ours(const char *path)
{
	static const char *const parts[] = { ".retransmit_", ".vif", ".static_", ".route_", ".inject_routes", ".close_on_", ".hash_and_url",
		".redirect_gateway", ".cert_eku", ".cert_map", ".local_secret", ".remote_secret" };

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strstr(path, parts[i]))
			return true;
	return strncmp(path, "aditd", 5) == 0;
}

static const struct conf_schema *schema_of(const char *path)
{
	return strncmp(path, "connections.", 12) != 0 ? NULL : strstr(path, ".children.") ? &conf_schema_child :
		strstr(path, ".local<suffix>.") ? &conf_schema_local :
		strstr(path, ".remote<suffix>.") ? &conf_schema_remote : &conf_schema_conn;
}

struct counts {
	unsigned yes, later, ignored;
	char refused[256]; /* a section that is refused as a whole; what is in it follows */
	const char *why;
};

static void compat(void *arg, const char *path, const struct conf_key *k)
{
	const struct conf_schema *s = schema_of(path);
	const char *dot = strrchr(path, '.');
	struct counts *n = arg;

	if (is_ours(path))
		return;
	size_t in = strlen(n->refused);
	if (in && strncmp(path, n->refused, in) == 0 && (path[in] == '.' || path[in] == '<')) {
		n->later++;
		printf("| %s | refused: %s |  |\n", path, n->why);
		return;
	}
	if (k->sub && k->flags & CONF_LATER) {
		snprintf(n->refused, sizeof n->refused, "%s", path);
		n->why = k->later;
	}
	n->yes += !(k->flags & (CONF_LATER | CONF_SAFE_IGNORED));
	n->later += !!(k->flags & CONF_LATER);
	n->ignored += !!(k->flags & CONF_SAFE_IGNORED);
	printf("| %s%s%s | ", k->sub ? "**" : "", path, k->sub ? "**" : "");
	waits(k);
	printf(" | %s |\n", s && !k->sub ? conf_effect_name(conf_effect_of(s, dot + 1)) : "");
}

static void compat_page(void)
{
	struct counts n = { 0 };

	printf("<!-- SPDX-License-Identifier: Apache-2.0. Made by tools/confdoc: `make conf-docs`. -->\n"
		"# What becomes of swanctl.conf\n\n"
		"Every key of strongSwan 6.0's `swanctl.conf`. `yes`: it does here what it does there. `refused`: setting it is an\n"
		"error that names the line of `ROADMAP.md` it waits for; nothing is passed over in silence. `only` a value: its\n"
		"default may be written down. `without effect`: accepted, and `configuration-keys.md` says why that is harmless. The\n"
		"last column is what a change of the key does to living SAs (`COMMAND-LINE.md`). Keys that only we have stand in\n"
		"`configuration-keys.md`.\n\n"
		"The syntax is read as it is there: sections, `key = value`, comments, quotes, `include` with wildcards, templates\n"
		"(`name : other { }`), values with `0x` and `0s`, times with `s`, `m`, `h`, `d`, sizes with `k`, `M`, `G`.\n\n"
		"| key | state | effect of a change |\n|---|---|---|\n");
	conf_schema_each(&conf_schema_root, compat, &n);
	printf("\n%u keys and sections are honoured, %u refused by name, %u accepted without effect.\n", n.yes, n.later, n.ignored);
}

/* ---- adit.conf(5) ------------------------------------------------------------------------------------------------ */

static void roff(const char *s)
{
	for (; *s; s++)
		printf(*s == '-' ? "\\-" : *s == '\\' ? "\\e" : "%c", *s);
}

static void man_key(void *arg, const char *path, const struct conf_key *k)
{
	(void)arg;
	printf(".TP\n.B ");
	roff(path);
	if (k->def && !k->sub) {
		printf(" = ");
		roff(k->def);
	}
	printf("\n");
	roff(k->doc);
	if (k->flags & CONF_LATER)
		printf(" Not honoured yet: %s.", k->later);
	printf("\n");
}

static void man_page(void)
{
	printf(".\\\" SPDX-License-Identifier: Apache-2.0. Made by tools/confdoc.\n"
		".TH ADIT.CONF 5 \"\" Adit Adit\n.SH NAME\nadit.conf \\- configuration of the IKE daemon aditd\n.SH DESCRIPTION\n"
		"Written as swanctl.conf: sections with keys and values, comments behind a number sign, quotes, include with\n"
		"wildcards, templates. Times take s, m, h, d; sizes k, M, G; secrets may be written in hexadecimal (0x) or base64\n"
		"(0s). An unknown key or a wrong value is an error with its line, its column and the nearest valid name;\n"
		".B adit config check\nfinds them all without a daemon.\n.SH KEYS\n");
	conf_schema_each(&conf_schema_root, man_key, NULL);
	printf(".SH SEE ALSO\n.BR adit (1),\n.BR aditd (8)\n");
}

static void keys_page(void)
{
	printf("<!-- SPDX-License-Identifier: Apache-2.0. Made by tools/confdoc: `make conf-docs`. -->\n"
		"# Keys of the configuration\n\n"
		"`<suffix>` is anything or nothing: `local`, `local-1`. `configuration.md` tells how values are written. A key that\n"
		"is not honoured is refused with the line of `ROADMAP.md` it waits for, unless it is at its default.\n");
	conf_schema_each(&conf_schema_root, row, NULL);
	printf("\n# Keys of the file of adit-rest\n");
	conf_schema_each(&conf_schema_rest_top, row, NULL);
}

int main(int argc, char *argv[])
{
	if (argc > 1 && strcmp(argv[1], "--compat") == 0)
		compat_page();
	else if (argc > 1 && strcmp(argv[1], "--man") == 0)
		man_page();
	else if (argc > 1 && strcmp(argv[1], "--words") == 0)
		words_page();
	else
		keys_page();
	return 0;
}
