/* SPDX-License-Identifier: Apache-2.0 */
/* Single keys of a candidate by path. */
#include "config/trans_int.h"

#include "config/value.h"

#include <stdio.h>
#include <stdlib.h>

enum { PARTS_MAX = CONF_DEPTH_MAX };

struct path {
	char buf[2048];
	char *part[PARTS_MAX];
	size_t n;
};

/* "a.\"b.c\".d": parts between dots, quotes keep a dot. */
static err_t split(const char *text, struct path *p, struct diag **why)
{
	char *out = p->buf;

	p->n = 0;
	if (strlen(text) >= sizeof p->buf)
		return diag_set(why, E_BAD_VALUE, "the path is longer than %zu bytes", sizeof p->buf - 1);
	for (const char *s = text;; s++) {
		if (p->n == PARTS_MAX)
			return diag_set(why, E_BAD_VALUE, "the path has more than %d parts", PARTS_MAX);
		p->part[p->n++] = out;
		bool quoted = *s == '"';
		for (s += quoted; *s && (quoted ? *s != '"' : *s != '.'); s++)
			*out++ = *s;
		if (quoted && *s++ != '"')
			return diag_set(why, E_BAD_VALUE, "a quote in the path '%s' is never closed", text);
		*out++ = 0;
		if (!p->part[p->n - 1][0] || strlen(p->part[p->n - 1]) > CONF_NAME_MAX || (*s && *s != '.'))
			return diag_set(why, E_BAD_VALUE, "'%s' is no path: names with dots between them, a name that holds a dot "
				"in quotes", text);
		if (!*s)
			return 0;
	}
}

/* Sets or removes parts[from…] below a section. */
static err_t change(struct conf_node *at, const struct path *p, size_t from, const char *value, struct diag **why)
{
	for (; from + 1 < p->n; from++) {
		struct conf_node *next = conf_node_child(at, p->part[from]);
		if (!next && !value)
			return diag_set(why, E_NOT_FOUND, "there is no '%s' to delete", p->part[from]);
		if (next && next->kind != CONF_SECTION)
			return diag_set(why, E_BAD_VALUE, "'%s' is a key, not a section", p->part[from]);
		at = conf_node_section(at, p->part[from]);
		if (!at)
			return E_NOMEM;
	}
	const struct conf_node *old = conf_node_child(at, p->part[from]);
	if (!value) {
		if (!old)
			return diag_set(why, E_NOT_FOUND, "there is no '%s' to delete", p->part[from]);
		conf_node_remove(at, p->part[from]);
		return 0;
	}
	if (old && old->kind == CONF_SECTION)
		return diag_set(why, E_BAD_VALUE, "'%s' is a section: give the path of a key in it", p->part[from]);
	if (old && old->kind == CONF_LIST)
		conf_node_remove(at, p->part[from]);
	return conf_node_set_str(at, p->part[from], value) ? 0 : E_NOMEM;
}

static err_t set_conn(struct conf_trans *t, const struct path *p, const char *value, struct diag **why)
{
	struct conf_node *root = conf_node_section(NULL, ""), *at;
	const char *name = p->part[1];
	err_t e;

	if (!root)
		return E_NOMEM;
	at = cand_tree(t, name, root, &e);
	if (!e && !at && !value)
		e = diag_set(why, E_NOT_FOUND, "there is no connection '%s' to delete%s", name, p->n > 2 ? " from" : "");
	if (!e && p->n == 2 && !value) {
		struct cand *c = cand_get(t, name);
		e = c ? 0 : E_NOMEM;
		if (c)
			c->removed = true;
	} else if (!e && p->n == 2) {
		e = diag_set(why, E_BAD_VALUE, "'%s' is a connection: give the path of a key in it", name);
	} else if (!e) {
		if (!at)
			at = conf_node_section(root, name);
		e = at ? change(at, p, 2, value, why) : E_NOMEM;
		/* A wrong value is kept with what is wrong with it. */
		if (!e) {
			struct diag *kept = NULL;
			e = cand_load(t, at, &kept);
			e = e == E_NOMEM ? e : 0;
			diag_free(&kept);
		}
	}
	conf_node_free(&root);
	return e;
}

/* Of a path: secrets.NAME.secret, local_secret, remote_secret. */
enum which { BOTH, LOCAL, REMOTE, WHICH };
static const char *const which_keys[WHICH] = { "secret", "local_secret", "remote_secret" };

static err_t replace_data(struct conf_trans *t, const struct conf_secret_view *v, enum which which, const char *value,
			  struct diag **why)
{
	struct secret data = { 0 }, remote = { 0 }, *fresh = which == REMOTE ? &remote : &data;
	char id[CONF_NAME_MAX + 1], type[16];
	err_t e = conf_value_secret(slice_str(value), fresh);

	if (e == E_BAD_VALUE)
		return diag_set(why, e, "'%s': behind 0x hexadecimal digits are expected, behind 0s base64", v->id);
	struct conf_id *owners = calloc(v->n_owners + 1, sizeof *owners);
	size_t n = 0;
	snprintf(id, sizeof id, "%s", v->id);
	snprintf(type, sizeof type, "%s", v->type);
	if (!e && !owners)
		e = E_NOMEM;
	if (!e && which == LOCAL)
		e = secret_copy(&remote, v->remote);
	if (!e && which == REMOTE)
		e = secret_copy(&data, v->data);
	for (; !e && n < v->n_owners; n++)
		e = conf_id_copy(&owners[n], v->owners[n].type, slice_of(v->owners[n].data, v->owners[n].n));
	if (!e)
		e = conf_secrets_add(t->secrets, id, type, owners, n, &data, &remote);
	for (size_t i = 0; owners && i < n; i++)
		conf_id_fini(&owners[i]);
	free(owners);
	secret_fini(&data);
	secret_fini(&remote);
	return e;
}

static err_t set_secret(struct conf_trans *t, const struct path *p, const char *value, struct diag **why)
{
	struct conf_secret_view v;
	const char *name = p->part[1];
	bool have = conf_secrets_find(t->secrets, name, &v), bad = false;
	unsigned which = 0;

	for (const struct cand_bad *b = t->bad_secrets; b; b = b->next)
		bad = bad || strcmp(b->name, name) == 0;
	if (p->n == 2 && !value) {
		cand_secret_fine(t, name);
		if (!have && !bad)
			return diag_set(why, E_NOT_FOUND, "there is no secret '%s' to delete", name);
		return !have || conf_secrets_del(t->secrets, name) ? 0 : E_NOMEM;
	}
	if (have && conf_secret_is_key(v.type))
		return diag_set(why, E_NOT_SUPPORTED, "'%s' is a private key: load its whole section", name);
	while (p->n == 3 && which < WHICH && strcmp(p->part[2], which_keys[which]) != 0)
		which++;
	if (p->n == 3 && value && (which == LOCAL || which == REMOTE) && (!have || !v.remote.n))
		return diag_set(why, E_NOT_SUPPORTED, "'%s' has no two secrets: load it with local_secret and remote_secret", name);
	if (p->n != 3 || !value || which == WHICH)
		return diag_set(why, E_NOT_SUPPORTED, "of a secret only its value can be set by a path "
			"(secrets.%s.secret); its owners come with the whole secret: load it", name);
	if (have)
		return replace_data(t, &v, (enum which)which, value, why);
	struct conf_node *root = conf_node_section(NULL, ""), *at = root ? conf_node_section(root, name) : NULL;
	err_t e = at && conf_node_set_str(at, "secret", value) ? cand_secret(t, at, why) : E_NOMEM;
	conf_node_free(&root);
	return e == E_NOMEM ? e : 0;
}

static err_t set_rest(struct conf_trans *t, const struct path *p, const char *value, struct diag **why)
{
	struct conf_node *rest = cand_rest(t);

	return rest ? change(rest, p, 0, value, why) : E_NOMEM;
}

err_t conf_trans_set(struct conf_trans *t, const char *text, const char *value, struct diag **why)
{
	struct path p;
	err_t e = split(text, &p, why);

	if (e)
		return e;
	bool conns = strcmp(p.part[0], "connections") == 0, secrets = strcmp(p.part[0], "secrets") == 0;
	if (!conns && !secrets && !conf_is_rest(p.part[0])) {
		struct conf_near near = conf_near_of(p.part[0]);
		for (size_t i = 0; i < conf_schema_root.n; i++)
			conf_near_try(&near, conf_schema_root.keys[i].name);
		return diag_set(why, E_UNKNOWN_KEY, "there is no section '%s' at the top of the configuration%s%s%s", p.part[0],
			near.best ? ": did you mean '" : "", near.best ? near.best : "", near.best ? "'?" : "");
	}
	if (p.n < 2)
		return diag_set(why, E_BAD_VALUE, "'%s' is a whole section: give the path of an object or key in it", p.part[0]);
	return conns ? set_conn(t, &p, value, why) : secrets ? set_secret(t, &p, value, why) : set_rest(t, &p, value, why);
}
