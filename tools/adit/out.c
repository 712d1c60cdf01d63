/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the daemon, errors, small texts. */
#include "tools/adit/cli.h"

#include <stdarg.h>
#include <string.h>

enum cli_exit cli_fail(enum cli_exit code, const char *fmt, ...)
{
	va_list ap;
	fflush(stdout);
	fprintf(stderr, "%s ", cli_hue_err(HUE_BAD, "adit:"));
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

enum cli_exit cli_done(const struct cli *c, enum adit_api_status st)
{
	if (st == ADIT_API_OK)
		return CLI_OK;
	return cli_fail(st == ADIT_API_FAILED || st == ADIT_API_UNKNOWN || st == ADIT_API_MISUSE ? CLI_FAILED : CLI_CONNECT, "%s",
			adit_api_error(c->api));
}

void cli_diag(const struct diag *why)
{
	fflush(stdout);
	for (; why; why = why->next) {
		char text[2048];
		fprintf(stderr, "%s\n", diag_text(why, why->code, text, sizeof text));
	}
}

void cli_json_named(json_t *array, const struct adit_node *body, const struct api_event *e)
{
	for (const struct adit_node *c = body->first; c; c = c->next) {
		const struct api_field *f = api_field_find(e->fields, e->n_fields, slice_str(c->name));
		if (c->kind == ADIT_NODE_SECTION)
			json_array_append_new(array, api_json_named(c, f ? f->fields : NULL, f ? f->n_fields : 0));
	}
}

enum cli_exit cli_print_json(json_t *j)
{
	int bad = 0;
	if (cli_yaml) {
		cli_print_yaml(stdout, j);
	} else {
		bad = json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
		putchar('\n');
	}
	json_decref(j);
	return bad ? cli_fail(CLI_FAILED, "cannot write JSON") : CLI_OK;
}

const struct api_event *cli_event(const char *name)
{
	int i = api_event_find(slice_str(name));
	return i < 0 ? NULL : &api_events[i];
}

const struct api_method *cli_method(const char *name)
{
	int i = api_method_find(slice_str(name));
	return i < 0 ? NULL : &api_methods[i];
}

const char *cli_text(const struct adit_node *n, const char *path)
{
	const char *t = adit_node_text(n, path);
	return t ? t : "";
}

const char *cli_items(const struct adit_node *n, const char *path, char *buf, size_t cap)
{
	const struct adit_node *list = adit_node_at(n, path);
	size_t at = 0;
	buf[0] = 0;
	for (const struct adit_node *i = list ? list->first : NULL; i && at < cap; i = i->next) {
		int k = snprintf(buf + at, cap - at, "%s%s", at ? " " : "", i->value);
		at += k > 0 ? (size_t)k : 0;
	}
	return buf;
}
