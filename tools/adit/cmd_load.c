/* SPDX-License-Identifier: Apache-2.0 */
/* Commands for configuration files: load, check. */
#include "tools/adit/cli.h"

#include "config/parse.h"
#include "config/typed.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_FILE ADIT_SYSCONF_DIR "/adit/adit.conf"

struct load {
	struct cli *c;
	unsigned conns, secrets, removed, failed;
	json_t *errors; /* NULL: as text */
};

static enum cli_exit config_errors(struct diag **why, err_t err)
{
	if (*why)
		cli_diag(*why);
	else
		cli_fail(CLI_CONFIG, "%s", err_text(err));
	diag_free(why);
	return CLI_CONFIG;
}

enum cli_exit cmd_check(struct cli *c)
{
	struct diag *why = NULL;
	err_t err = conf_check_file(c->word[0], &why);
	if (c->json) {
		json_t *a = json_array();
		for (const struct diag *d = why; d; d = d->next)
			json_array_append_new(a, json_pack("{s:s, s:s?, s:i, s:i, s:s?}", "code", err_name(d->code), "file", d->file,
							   "line", (int)d->line, "column", (int)d->column, "text", d->text));
		diag_free(&why);
		cli_print_json(a);
		return err ? CLI_CONFIG : CLI_OK;
	}
	if (err)
		return config_errors(&why, err);
	diag_free(&why);
	printf("%s: no errors\n", c->word[0]);
	return CLI_OK;
}

/* A failed item does not end the load: all are tried, all failures are said. */
static bool item_done(struct load *l, enum adit_api_status st, const char *kind, const char *name)
{
	if (!st)
		return true;
	l->failed++;
	if (l->errors)
		json_array_append_new(l->errors, json_pack("{s:s, s:s, s:s}", "kind", kind, "name", name, "text",
							   adit_api_error(l->c->api)));
	else
		cli_fail(CLI_FAILED, "%s '%s': %s", kind, name, adit_api_error(l->c->api));
	return st == ADIT_API_FAILED;
}

static void put_node(struct adit_msg *m, const struct conf_node *n)
{
	switch (n->kind) {
	case CONF_SECTION:
		adit_msg_section(m, n->name);
		for (const struct conf_node *c = n->first; c; c = c->next)
			put_node(m, c);
		adit_msg_section_end(m);
		break;
	case CONF_LIST:
		adit_msg_list(m, n->name);
		for (const struct conf_node *c = n->first; c; c = c->next)
			adit_msg_item(m, c->text, c->len);
		adit_msg_list_end(m);
		break;
	default:
		adit_msg_bytes(m, n->name, n->text, n->len);
	}
}

static bool load_conn(struct load *l, const struct conf_node *conn)
{
	struct adit_msg *m = adit_msg_new();
	put_node(m, conn);
	enum adit_api_status st = adit_api_call(l->c->api, "load-conn", m, NULL);
	l->conns += !st;
	return item_done(l, st, "connection", conn->name);
}

/* "ike-gw" is of type IKE: the letters in front decide. */
static const char *secret_type(const char *name)
{
	static const char *const types[] = { "ike", "eap", "xauth", "ntlm", "ppk" };
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (!strncasecmp(name, types[i], strlen(types[i])))
			return types[i];
	return name;
}

static bool load_secret(struct load *l, const struct conf_node *s)
{
	const struct conf_node *value = conf_node_child(s, "secret");
	struct secret data = { 0 };
	struct adit_msg *m = adit_msg_new();
	adit_msg_text(m, "id", s->name);
	adit_msg_text(m, "type", secret_type(s->name));
	/* The check before has found what is wrong with it. */
	if (value && value->kind == CONF_VALUE && !conf_value_secret(slice_of(value->text, value->len), &data))
		adit_msg_bytes(m, "data", data.p, data.n);
	secret_fini(&data);
	adit_msg_list(m, "owners");
	for (const struct conf_node *n = s->first; n; n = n->next)
		if (n->kind == CONF_VALUE && !strncmp(n->name, "id", 2))
			adit_msg_item(m, n->text, n->len);
	adit_msg_list_end(m);
	enum adit_api_status st = adit_api_call(l->c->api, "load-shared", m, NULL);
	l->secrets += !st;
	return item_done(l, st, "secret", s->name);
}

/* Unloads what the daemon has and the file has not. */
static bool remove_rest(struct load *l, const struct conf_node *section, const char *get, const char *list, const char *unload,
			const char *key, const char *kind)
{
	struct adit_node *reply;
	if (!item_done(l, adit_api_call(l->c->api, get, NULL, &reply), kind, "list"))
		return false;
	const struct adit_node *names = adit_node_at(reply, list);
	bool go_on = true;
	for (const struct adit_node *i = names ? names->first : NULL; i && go_on; i = i->next) {
		if (section && conf_node_child(section, i->value))
			continue;
		struct adit_msg *m = adit_msg_new();
		adit_msg_text(m, key, i->value);
		enum adit_api_status st = adit_api_call(l->c->api, unload, m, NULL);
		l->removed += !st;
		go_on = item_done(l, st, kind, i->value);
	}
	adit_node_free(reply);
	return go_on;
}

static bool load_all(struct load *l, const struct conf_node *root)
{
	const struct conf_node *secrets = conf_node_child(root, "secrets"), *conns = conf_node_child(root, "connections");
	for (const struct conf_node *n = secrets ? secrets->first : NULL; n; n = n->next)
		if (n->kind == CONF_SECTION && !load_secret(l, n))
			return false;
	if (!remove_rest(l, secrets, "get-shared", "keys", "unload-shared", "id", "secret"))
		return false;
	for (const struct conf_node *n = conns ? conns->first : NULL; n; n = n->next)
		if (n->kind == CONF_SECTION && !load_conn(l, n))
			return false;
	return remove_rest(l, conns, "get-conns", "conns", "unload-conn", "name", "connection");
}

enum cli_exit cmd_load(struct cli *c)
{
	const char *file = c->n_words ? c->word[0] : DEFAULT_FILE;
	struct conf_node *root = NULL;
	struct diag *why = NULL;
	struct load l = { .c = c, .errors = c->json ? json_array() : NULL };
	/* Nothing is sent when the file has an error: all of it or nothing. */
	err_t err = conf_check_file(file, &why);
	if (!err)
		err = conf_parse_file(file, NULL, &root, &why);
	if (err) {
		json_decref(l.errors);
		return config_errors(&why, err);
	}
	bool complete = load_all(&l, root);
	conf_node_free(&root);
	if (c->json)
		cli_print_json(json_pack("{s:i, s:i, s:i, s:o}", "connections", (int)l.conns, "secrets", (int)l.secrets, "removed",
					 (int)l.removed, "errors", l.errors));
	else
		printf("%s: %u connections and %u secrets loaded, %u removed, %u failed\n", file, l.conns, l.secrets, l.removed,
		       l.failed);
	return !complete ? CLI_CONNECT : l.failed ? CLI_FAILED : CLI_OK;
}
