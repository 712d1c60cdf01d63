/* SPDX-License-Identifier: Apache-2.0 */
/* A whole configuration: a tree to connections, secrets and settings. */
#include "config/typed.h"

#include "config/pack.h"
#include "config/parse.h"
#include "config/pool.h"
#include "config/psk.h"
#include "config/schema.h"
#include "config/typed_int.h"
#include "config/value.h"

#include <ctype.h>
#include <stdlib.h>

/* Further connections with errors are not looked at. */
enum { BAD_MAX = 50, OWNERS_MAX = 1024 };

/* One of the keys that hold a secret; *data stays empty when it is not there. */
static err_t read_value(const struct conf_node *sec, const char *key, struct secret *data, struct diag **why)
{
	const struct conf_node *value = conf_node_child(sec, key);

	if (!conf_is_set(value))
		return 0;
	if (value->kind != CONF_VALUE || !value->len)
		return conf_node_fail(value, true, why, E_BAD_VALUE, "'%s' of '%s' is empty", key, sec->name);
	err_t e = conf_value_secret(slice_of(value->text, value->len), data);
	if (e == E_BAD_VALUE)
		conf_node_fail(value, true, why, e, "'%s': behind 0x hexadecimal digits are expected, behind 0s base64", sec->name);
	return e;
}

/* secret, or local_secret and remote_secret. */
static err_t read_values(const struct conf_node *sec, struct secret *data, struct secret *remote, struct diag **why)
{
	struct secret mine = { 0 };
	err_t e = read_value(sec, "secret", data, why);

	if (!e)
		e = read_value(sec, "local_secret", &mine, why);
	if (!e)
		e = read_value(sec, "remote_secret", remote, why);
	if (!e && data->n && (mine.n || remote->n))
		e = conf_node_fail(sec, false, why, E_BAD_VALUE, "'%s' has a secret for both ways and one for one way: set secret, or "
			"local_secret and remote_secret", sec->name);
	else if (!e && !data->n && !mine.n && !remote->n)
		e = conf_node_fail(sec, false, why, E_BAD_VALUE, "'%s' has no secret", sec->name);
	else if (!e && !mine.n != !remote->n)
		e = conf_node_fail(sec, false, why, E_BAD_VALUE, "'%s' has %s only: set both local_secret and remote_secret", sec->name,
			mine.n ? "local_secret" : "remote_secret");
	if (!e && mine.n)
		secret_move(data, &mine);
	secret_fini(&mine);
	return e;
}

static err_t read_secret(const struct conf_node *sec, const struct conf_schema *schema, const char *type,
			 struct conf_secrets *into, struct diag **why)
{
	struct conf_id *owners = calloc((size_t)sec->n + 1, sizeof *owners);
	struct secret data = { 0 }, remote = { 0 };
	size_t n = 0;
	err_t first = conf_check(schema, sec, NULL, why), e;

	if (!owners)
		return E_NOMEM;
	for (const struct conf_node *c = sec->first; c && n < OWNERS_MAX; c = c->next) {
		if (strncmp(c->name, "id", 2) != 0 || !conf_is_set(c))
			continue;
		e = conf_read_id(c, &owners[n], why);
		first = first ? first : e;
		n += !e;
	}
	e = read_values(sec, &data, &remote, why);
	first = first ? first : e;
	if (!first)
		first = conf_secrets_add(into, sec->name, type, owners, n, &data, &remote);
	secret_fini(&data);
	secret_fini(&remote);
	for (size_t i = 0; i < n; i++)
		conf_id_fini(&owners[i]);
	free(owners);
	return first;
}

/* A private key to load: its section is kept as it is, since a passphrase or PIN may be in it. */
static err_t read_key(const struct conf_node *sec, const struct conf_schema *schema, const char *type, struct conf_secrets *into,
		      struct diag **why)
{
	const char *needs = strcmp(type, "TOKEN") == 0 ? "handle" : "file";
	struct secret data = { 0 }, none = { 0 };
	err_t e = conf_check(schema, sec, NULL, why);

	if (!e && !conf_is_set(conf_node_child(sec, needs)))
		e = conf_node_fail(sec, false, why, E_BAD_VALUE, "'%s' has no %s", sec->name, needs);
	if (!e)
		e = conf_pack_secret(sec, &data);
	if (!e)
		e = conf_secrets_add(into, sec->name, type, NULL, 0, &data, &none);
	secret_fini(&data);
	return e;
}

err_t conf_secret_from(const struct conf_node *sec, struct conf_secrets *into, struct diag **why)
{
	const struct conf_key *k = conf_schema_key(&conf_schema_secrets, sec->name);
	char type[16];
	size_t i = 0;

	/* Names and kinds were checked with the section around it; other users get the same here. */
	if (!k || sec->kind != CONF_SECTION || k->flags & CONF_LATER)
		return conf_node_fail(sec, false, why, E_NOT_SUPPORTED,
			"'%s' is no kind of secret that is supported: ike, eap, "
			"xauth, ntlm, ppk, private, rsa, ecdsa, pkcs8, pkcs12 or token with any suffix", sec->name);
	for (; k->name[i] && i < sizeof type - 1; i++)
		type[i] = (char)toupper((unsigned char)k->name[i]);
	type[i] = 0;
	return conf_secret_is_key(type) ? read_key(sec, k->sub, type, into, why) : read_secret(sec, k->sub, type, into, why);
}

static err_t read_secrets(const struct conf_node *sec, struct conf_set *out, struct diag **why)
{
	err_t first = conf_check(&conf_schema_secrets, sec, NULL, why);

	out->secrets = conf_secrets_new();
	if (!out->secrets)
		return E_NOMEM;
	for (const struct conf_node *n = sec->first; n; n = n->next) {
		const struct conf_key *k = conf_schema_key(&conf_schema_secrets, n->name);
		if (!k || n->kind != CONF_SECTION || k->flags & CONF_LATER)
			continue;
		err_t e = conf_secret_from(n, out->secrets, why);
		first = first ? first : e;
	}
	return first;
}

static err_t read_conns(const struct conf_node *sec, const struct conf_can *can, struct conf_set *out,
	struct diag **why)
{
	unsigned bad = 0;
	err_t first = 0;

	out->conns = calloc((size_t)sec->n + 1, sizeof *out->conns);
	if (!out->conns)
		return E_NOMEM;
	for (const struct conf_node *n = sec->first; n; n = n->next) {
		err_t e = conf_conn_from(n, can, &out->conns[out->n_conns], why);
		out->n_conns += !e;
		first = first ? first : e;
		if (e && ++bad == BAD_MAX) {
			conf_node_fail(n, false, why, E_LIMIT, "too many connections with errors: the rest was not "
				"read");
			break;
		}
	}
	return first;
}

/* What is not of the schema at the top may be a template; a mistyped name of ours is not. */
static err_t unknown_top(const struct conf_node *n, struct diag **why)
{
	struct conf_near near = conf_near_of(n->name);

	for (size_t i = 0; i < conf_schema_root.n; i++)
		conf_near_try(&near, conf_schema_root.keys[i].name);
	if (n->kind == CONF_SECTION && (n->taken || !near.best))
		return 0;
	return conf_node_fail(n, false, why, E_UNKNOWN_KEY, "unknown %s '%s' at the top of the configuration%s%s%s",
		n->kind == CONF_SECTION ? "section" : "key", n->name, near.best ? ": did you mean '" : "",
		near.best ? near.best : "", near.best ? "'?" : "");
}

struct placed {
	struct diag *d;
	size_t file, at; /* rank of the file, place in the list */
};

static int by_place(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->d->line != y->d->line)
		return x->d->line < y->d->line ? -1 : 1;
	if (x->d->column != y->d->column)
		return x->d->column < y->d->column ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

/* Findings in the order of the text, file by file; those of the API, which have no place, stay as they came. */
static void sort_findings(struct diag **why)
{
	struct placed *v;
	size_t n = 0, i = 0;

	for (struct diag *d = why ? *why : NULL; d; d = d->next)
		n++;
	v = n > 1 ? calloc(n, sizeof *v) : NULL;
	if (!v)
		return;
	for (struct diag *d = *why; d; d = d->next, i++) {
		v[i] = (struct placed){ d, i, i };
		for (size_t k = 0; k < i; k++)
			if (d->file && v[k].d->file ? strcmp(d->file, v[k].d->file) == 0 : d->file == v[k].d->file) {
				v[i].file = v[k].file;
				break;
			}
	}
	qsort(v, n, sizeof *v, by_place);
	for (i = 0; i < n; i++) {
		*why = v[i].d;
		why = &v[i].d->next;
	}
	*why = NULL;
	free(v);
}

bool conf_is_rest(const char *section)
{
	return conf_schema_key(&conf_schema_root, section) && strcmp(section, "connections") != 0 &&
		strcmp(section, "secrets") != 0;
}

/* What has no typed object of its own in the store is kept as it was read. */
static err_t keep_rest(const struct conf_node *root, struct conf_set *out)
{
	err_t e = 0;

	out->rest = conf_node_section(NULL, "");
	for (const struct conf_node *n = root->first; n && out->rest && !e; n = n->next) {
		if (n->kind != CONF_SECTION || !conf_is_rest(n->name))
			continue;
		struct conf_node *into = conf_node_section(out->rest, n->name);
		e = into ? conf_node_merge(into, n, true) : E_NOMEM;
	}
	return out->rest ? e : E_NOMEM;
}

/* They are kept as they are (conf_set.rest); whoever uses them reads them again. */
static err_t check_authorities(const struct conf_node *section, const struct conf_can *can, struct diag **why)
{
	err_t first = 0, e;

	for (const struct conf_node *n = section->first; n; n = n->next) {
		e = n->kind != CONF_SECTION ? conf_node_fail(n, false, why, E_BAD_VALUE, "'%s': a section with an authority is expected", n->name) :
			conf_check(&conf_schema_authority, n, NULL, why);
		if (!e && can->authority)
			e = can->authority(can->arg, n, why);
		first = first ? first : e;
	}
	return first;
}

static err_t check_pools(const struct conf_node *n, struct diag **why)
{
	struct conf_pool **v;
	err_t e = conf_pools_from(n, &v, why);

	for (size_t i = 0; v && v[i]; i++)
		conf_pool_free(v[i]);
	free(v);
	return e;
}

err_t conf_set_from(const struct conf_node *root, const struct conf_can *can, struct conf_set *out, struct diag **why)
{
	const struct conf_node *aditd = conf_node_child(root, "aditd");
	struct conf_can with = *can;
	err_t first = 0, e;

	*out = (struct conf_set){ 0 };
	/* The settings come first: they hold defaults of the connections. */
	if (aditd && aditd->kind == CONF_SECTION) {
		first = conf_settings_from(aditd, &out->settings, why);
		if (!first)
			with.daemon = &out->settings->daemon;
	}
	for (const struct conf_node *n = root->first; n; n = n->next) {
		const struct conf_key *k = conf_schema_key(&conf_schema_root, n->name);
		if (!k)
			e = unknown_top(n, why);
		else if (n->kind != CONF_SECTION)
			e = conf_node_fail(n, false, why, E_BAD_VALUE, "'%s' is a section: '{' is expected behind "
				"it", n->name);
		else if (k->flags & CONF_LATER)
			e = n->n == 0 ? 0 : conf_node_fail(n, false, why, E_NOT_SUPPORTED, "'%s' is not supported yet "
				"(docs/ROADMAP.md: %s)", n->name, k->later);
		else if (strcmp(n->name, "connections") == 0)
			e = read_conns(n, &with, out, why);
		else if (strcmp(n->name, "secrets") == 0)
			e = read_secrets(n, out, why);
		else if (strcmp(n->name, "authorities") == 0)
			e = check_authorities(n, can, why);
		else if (strcmp(n->name, "pools") == 0)
			e = check_pools(n, why);
		else
			e = 0;
		first = first ? first : e;
	}
	if (!first)
		first = keep_rest(root, out);
	if (first) {
		conf_set_fini(out);
		sort_findings(why);
	}
	return first;
}

void conf_set_warnings(const struct conf_set *set, const struct conf_node *root, struct diag **why)
{
	const struct conf_node *conns = conf_node_child(root, "connections");
	unsigned n = 0;
	char text[500];

	for (size_t i = 0; set->secrets && i < set->n_conns && i < CONF_WARNINGS_LOOK && n < CONF_WARNINGS_MAX; i++) {
		const struct conf_node *at = conns && conf_psk_weak(set->conns[i], set->secrets, NULL, text, sizeof text) ?
			conf_node_child(conns, set->conns[i]->name) : NULL;
		if (at) {
			(void)conf_node_fail(at, false, why, E_WEAK_SECRET, "%s", text);
			n++;
		}
	}
	for (size_t i = 0; i < set->n_conns && n < CONF_WARNINGS_MAX; i++) {
		diag_copy_all(why, set->conns[i]->remarks);
		n += set->conns[i]->remarks != NULL;
	}
}

void conf_set_fini(struct conf_set *set)
{
	for (size_t i = 0; i < set->n_conns; i++)
		conf_conn_unref(&set->conns[i]);
	free(set->conns);
	conf_secrets_free(set->secrets);
	conf_settings_free(set->settings);
	conf_node_free(&set->rest);
	for (size_t i = 0; i < set->n_gone; i++)
		free(set->gone[i]);
	free(set->gone);
	*set = (struct conf_set){ 0 };
}

err_t conf_check_file(const char *path, struct diag **why)
{
	struct conf_node *root;
	struct conf_set set;
	const struct conf_can all = { 0 };
	err_t e = conf_parse_file(path, NULL, &root, why);

	if (e)
		return e;
	e = conf_set_from(root, &all, &set, why);
	if (!e)
		conf_set_fini(&set);
	conf_node_free(&root);
	return e;
}
