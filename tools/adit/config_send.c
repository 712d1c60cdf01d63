/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration between files, trees and the daemon's transactions. */
#include "tools/adit/cli.h"

#include "api/json/conf_json.h"
#include "config/parse.h"
#include "config/typed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of a tree in one call: well below what a message holds, and no long turn for the daemon. */
enum { BATCH_BYTES = 128 * 1024 };

/* ---- files --------------------------------------------------------------------------------------------------------- */

static err_t json_root(json_t *j, const json_error_t *at, const char *file, struct conf_node **root, struct diag **why)
{
	err_t e;

	if (!j)
		return diag_at(why, E_PARSE, file, at->line > 0 ? (uint32_t)at->line : 0,
			at->column > 0 ? (uint32_t)at->column : 0, "%s", at->text);
	*root = conf_node_section(NULL, "");
	e = *root ? conf_json_tree(j, *root, why) : E_NOMEM;
	json_decref(j);
	return e;
}

static bool begins_with_brace(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && strchr(" \t\r\n", p[i]))
		i++;
	return i < n && p[i] == '{';
}

/* A pipe can be read once: what it is shows in memory. */
static err_t read_stream(FILE *f, const char *file, struct conf_node **root, struct diag **why)
{
	char *p = NULL;
	size_t n = 0;
	json_error_t at;
	ssize_t got = getdelim(&p, &n, EOF, f);
	err_t e;

	n = got > 0 ? (size_t)got : 0;
	if (n && begins_with_brace(p, n))
		e = json_root(json_loadb(p, n, JSON_REJECT_DUPLICATES, &at), &at, file, root, why);
	else
		e = conf_parse_text(slice_of(p, n), file, NULL, root, why);
	if (p)
		explicit_bzero(p, n);
	free(p);
	return e;
}

static err_t read_file(const char *file, struct conf_node **root, struct diag **why)
{
	struct stat st;
	char head[256];
	json_error_t at;
	bool input = !strcmp(file, "-");
	FILE *f = input ? stdin : fopen(file, "re");
	err_t e;

	if (!f)
		return diag_errno(why, E_IO, errno, "cannot read %s", file);
	if (input || fstat(fileno(f), &st) || !S_ISREG(st.st_mode)) {
		e = read_stream(f, input ? "standard input" : file, root, why);
	} else {
		size_t n = fread(head, 1, sizeof head, f);
		rewind(f);
		e = begins_with_brace(head, n) ? json_root(json_loadf(f, JSON_REJECT_DUPLICATES, &at), &at, file, root, why) :
			conf_parse_file(file, NULL, root, why);
	}
	if (!input)
		fclose(f);
	return e;
}

static void put_errors(const struct cli *c, const struct diag *why)
{
	json_t *a = c->json ? json_array() : NULL;

	if (!a) {
		cli_diag(why);
		return;
	}
	for (const struct diag *d = why; d; d = d->next)
		json_array_append_new(a, json_pack("{s:s, s:s?, s:i, s:i, s:s?}", "code", err_name(d->code), "file", d->file,
			"line", (int)d->line, "column", (int)d->column, "text", d->text));
	cli_print_json(a);
}

enum cli_exit config_read(const struct cli *c, const char *file, bool check, struct conf_node **root)
{
	static const struct conf_can all;
	struct diag *why = NULL;
	struct conf_set set;

	*root = NULL;
	err_t e = read_file(file, root, &why);
	if (!e) {
		e = conf_set_from(*root, &all, &set, &why);
		if (!e) {
			conf_set_warnings(&set, *root, &why);
			conf_set_fini(&set);
		}
	}
	if (e) {
		if (!why)
			diag_set(&why, e, "%s: %s", file, err_text(e));
		put_errors(c, why);
		conf_node_free(root);
	} else if (why && !(check && c->json)) {
		for (const struct diag *d = why; d; d = d->next) {
			struct diag one = *d;
			one.next = NULL;
			fputs("warning: ", stderr);
			cli_diag(&one);
		}
	} else if (check && c->json) {
		put_errors(c, why);
	}
	diag_free(&why);
	return e ? CLI_CONFIG : CLI_OK;
}

/* ---- transactions -------------------------------------------------------------------------------------------------- */

static enum cli_exit exit_of(const struct cli *c, enum adit_api_status st)
{
	const char *code = adit_api_errcode(c->api);
	static const char *const config[] = { "PARSE", "UNKNOWN_KEY", "BAD_VALUE", "NOT_SUPPORTED" };

	if (!st)
		return CLI_OK;
	if (st != ADIT_API_FAILED)
		return cli_done(c, st);
	for (size_t i = 0; i < ARRAY_LEN(config); i++)
		if (!strcmp(code, config[i]))
			return CLI_CONFIG;
	return strcmp(code, "CONFLICT") ? CLI_FAILED : CLI_CONFLICT;
}

void config_findings(const struct adit_node *reply)
{
	const struct adit_node *all = reply ? adit_node_at(reply, "findings") : NULL;

	fflush(stdout);
	for (const struct adit_node *f = all ? all->first : NULL; f; f = f->next) {
		if (*cli_text(f, "file"))
			fprintf(stderr, "%s:%s:%s: ", cli_text(f, "file"), cli_text(f, "line"), cli_text(f, "column"));
		fprintf(stderr, "%s\n", cli_text(f, "text"));
	}
}

enum cli_exit config_done(struct cli *c, enum adit_api_status st, const struct adit_node *reply)
{
	enum cli_exit code = exit_of(c, st);

	if (st == ADIT_API_FAILED) {
		if (reply && adit_node_at(reply, "findings"))
			config_findings(reply);
		else
			cli_fail(code, "%s", adit_api_error(c->api));
	}
	return code;
}

const char *config_begin(struct cli *c, char id[24])
{
	struct adit_node *reply = NULL;
	struct adit_msg *hello = adit_msg_new();

	id[0] = 0;
	adit_msg_text(hello, "client", "adit");
	enum adit_api_status st = adit_api_call(c->api, "hello", hello, NULL);
	if (!st)
		st = adit_api_call(c->api, "config-begin", NULL, &reply);
	if (!cli_done(c, st))
		snprintf(id, 24, "%s", cli_text(reply, "transaction"));
	adit_node_free(reply);
	return id;
}

const char *config_open(struct cli *c, char id[24])
{
	struct adit_node *reply = NULL;
	char me[32];
	unsigned n = 0;

	id[0] = 0;
	if (c->transaction) {
		snprintf(id, 24, "%s", c->transaction);
		return id;
	}
	snprintf(me, sizeof me, "uid %u,", (unsigned)geteuid());
	if (cli_done(c, adit_api_call(c->api, "config-status", NULL, &reply)))
		return id;
	const struct adit_node *all = adit_node_at(reply, "transactions");
	for (const struct adit_node *t = all ? all->first : NULL; t; t = t->next)
		if (!strncmp(cli_text(t, "by"), me, strlen(me)) && strstr(cli_text(t, "by"), "adit")) {
			n++;
			snprintf(id, 24, "%s", t->name);
		}
	if (n != 1) {
		id[0] = 0;
		cli_fail(CLI_FAILED, n ? "several transactions are open: choose one with --transaction (\"adit config status\" lists "
			"them)" : "no transaction is open: \"adit config load FILE\" or \"adit config set\" begins one");
	}
	adit_node_free(reply);
	return id;
}

/* ---- trees to the daemon -------------------------------------------------------------------------------------------- */

struct sender {
	struct cli *c;
	const char *id, *how;
	struct adit_msg *m; /* with `config` open; NULL none */
	const char *section;/* open in it, NULL none */
	size_t bytes;
	size_t done, of;
	enum cli_exit code;
};

static size_t size_of(const struct conf_node *n)
{
	size_t size = strlen(n->name) + 8;

	if (n->kind == CONF_VALUE)
		return size + n->len;
	for (const struct conf_node *c = n->first; c; c = c->next)
		size += size_of(c);
	return size;
}

static void put_node(struct adit_msg *m, const struct conf_node *n)
{
	if (n->kind == CONF_VALUE) {
		adit_msg_bytes(m, n->name, n->text, n->len);
		return;
	}
	if (n->kind == CONF_LIST) {
		adit_msg_list(m, n->name);
		for (const struct conf_node *c = n->first; c; c = c->next)
			adit_msg_item(m, c->text, c->len);
		adit_msg_list_end(m);
		return;
	}
	adit_msg_section(m, n->name);
	for (const struct conf_node *c = n->first; c; c = c->next)
		put_node(m, c);
	adit_msg_section_end(m);
}

static void flush(struct sender *s)
{
	struct adit_node *reply = NULL;

	if (!s->m)
		return;
	if (s->section)
		adit_msg_section_end(s->m);
	adit_msg_section_end(s->m);
	enum adit_api_status st = adit_api_call(s->c->api, "config-load", s->m, &reply);
	s->m = NULL;
	s->section = NULL;
	s->bytes = 0;
	s->how = "merge";
	enum cli_exit code = config_done(s->c, st, reply);
	if (!code && reply && adit_node_at(reply, "findings")) {
		config_findings(reply);
		code = CLI_CONFIG;
	}
	s->code = s->code ? s->code : code;
	adit_node_free(reply);
	if (isatty(2) && s->of > 2000)
		fprintf(stderr, "\r%zu of %zu loaded%s", s->done, s->of, s->done == s->of ? "\n" : "");
}

static void open_section(struct sender *s, const char *section)
{
	if (!s->m) {
		s->m = adit_msg_new();
		adit_msg_text(s->m, "transaction", s->id);
		adit_msg_text(s->m, "mode", s->how);
		adit_msg_section(s->m, "config");
	}
	if (s->section && !strcmp(s->section, section))
		return;
	if (s->section)
		adit_msg_section_end(s->m);
	adit_msg_section(s->m, section);
	s->section = section;
}

/* The sections that are replaced as a whole, empty, so that those in the tree start from nothing. */
static void open_all(struct sender *s, const struct conf_node *root)
{
	static const char *const always[] = { "connections", "secrets", "pools", "authorities" };

	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		open_section(s, always[i]);
	if (conf_node_child(root, "aditd"))
		open_section(s, "aditd");
	flush(s);
}

enum cli_exit config_send(struct cli *c, const char *id, const struct conf_node *root, const char *how)
{
	struct sender s = { .c = c, .id = id, .how = how };

	for (const struct conf_node *n = root->first; n; n = n->next)
		if (n->kind == CONF_SECTION && !n->taken)
			s.of += n->n;
	if (strcmp(how, "merge"))
		open_all(&s, root);
	for (const struct conf_node *n = root->first; n && s.code != CLI_CONNECT; n = n->next) {
		if (n->kind != CONF_SECTION || !conf_schema_key(&conf_schema_root, n->name))
			continue; /* a template: what took over from it has it */
		for (const struct conf_node *o = n->first; o && s.code != CLI_CONNECT; o = o->next) {
			size_t size = size_of(o);
			if (s.bytes && s.bytes + size > BATCH_BYTES)
				flush(&s);
			open_section(&s, n->name);
			put_node(s.m, o);
			s.bytes += size;
			s.done++;
		}
	}
	flush(&s);
	return s.code;
}

/* ---- and back -------------------------------------------------------------------------------------------------------- */

bool config_tree(const struct adit_node *from, struct conf_node *into)
{
	for (const struct adit_node *n = from->first; n; n = n->next) {
		struct conf_node *made;
		if (n->kind == ADIT_NODE_VALUE) {
			made = conf_node_set(into, n->name, slice_of(n->value, n->n));
		} else if (n->kind == ADIT_NODE_LIST) {
			made = conf_node_list(into, n->name);
			for (const struct adit_node *i = n->first; made && i; i = i->next)
				if (conf_node_add_item(made, slice_of(i->value, i->n)))
					return false;
		} else {
			made = conf_node_section(into, n->name);
			if (made && !config_tree(n, made))
				return false;
		}
		if (!made)
			return false;
	}
	return true;
}

struct fetch {
	struct conf_node *root;
	bool failed;
};

static void on_object(void *arg, const char *event, const struct adit_node *body)
{
	struct fetch *f = arg;

	(void)event;
	f->failed = !config_tree(body, f->root) || f->failed;
}

struct conf_node *config_fetch(struct cli *c, const char *id, const char *section, bool defaults, enum cli_exit *code)
{
	struct fetch f = { .root = conf_node_section(NULL, "") };
	struct adit_msg *m = adit_msg_new();

	if (id)
		adit_msg_text(m, "transaction", id);
	if (section)
		adit_msg_text(m, "section", section);
	if (defaults)
		adit_msg_text(m, "defaults", "yes");
	*code = cli_done(c, adit_api_stream(c->api, "config-show", "config-object", m, on_object, &f, NULL));
	if (!*code && f.failed)
		*code = cli_fail(CLI_FAILED, "out of memory");
	if (*code)
		conf_node_free(&f.root);
	return f.root;
}
