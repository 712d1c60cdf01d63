/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values as YAML 1.2: block style, texts quoted unless they are plain words. */
#include "tools/adit/cli.h"

#include <ctype.h>
#include <string.h>

bool cli_yaml;

static bool plain(const char *s)
{
	static const char *const words[] = { "true", "false", "null", "yes", "no", "on", "off", "y", "n" };

	if (!isalpha((unsigned char)*s))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcasecmp(s, words[i]))
			return false;
	return !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./")];
}

static void scalar(FILE *f, const json_t *j)
{
	if (json_is_string(j) && plain(json_string_value(j)))
		fputs(json_string_value(j), f);
	else
		/* A JSON text is a YAML text in double quotes. */
		json_dumpf(j, f, JSON_ENCODE_ANY);
	putc('\n', f);
}

static void dump(FILE *f, const json_t *j, int indent, bool inline_first);

static bool is_empty(const json_t *j)
{
	return (json_is_object(j) && !json_object_size(j)) || (json_is_array(j) && !json_array_size(j));
}

static void below(FILE *f, const json_t *v, int indent)
{
	if (is_empty(v)) {
		fputs(json_is_object(v) ? " {}\n" : " []\n", f);
	} else if (json_is_object(v) || json_is_array(v)) {
		putc('\n', f);
		dump(f, v, indent, false);
	} else {
		putc(' ', f);
		scalar(f, v);
	}
}

static void dump(FILE *f, const json_t *j, int indent, bool inline_first)
{
	const char *key;
	json_t *v;
	size_t i;

	if (json_is_object(j)) {
		json_object_foreach((json_t *)(uintptr_t)j, key, v) {
			json_t *name = json_string(key);
			fprintf(f, "%*s", inline_first ? 0 : indent, "");
			inline_first = false;
			if (plain(key))
				fputs(key, f);
			else
				json_dumpf(name, f, JSON_ENCODE_ANY);
			json_decref(name);
			putc(':', f);
			below(f, v, indent + 2);
		}
		return;
	}
	json_array_foreach(j, i, v) {
		fprintf(f, "%*s-", inline_first ? 0 : indent, "");
		inline_first = false;
		if ((json_is_object(v) || json_is_array(v)) && !is_empty(v)) {
			putc(' ', f);
			dump(f, v, indent + 2, true);
		} else {
			below(f, v, indent + 2);
		}
	}
}

void cli_print_yaml(FILE *f, const json_t *j)
{
	if (is_empty(j))
		fputs(json_is_object(j) ? "{}\n" : "[]\n", f);
	else if (json_is_object(j) || json_is_array(j))
		dump(f, j, 0, false);
	else
		scalar(f, j);
}
