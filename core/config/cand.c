/* SPDX-License-Identifier: Apache-2.0 */
/* The candidate of a transaction: connections, secrets and other sections that differ from what runs. */
#include "config/trans_int.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- connections ------------------------------------------------------------------------------------------------- */

struct cand *cand_find(const struct conf_trans *t, const char *name)
{
	uint64_t v;

	return htab_find(t->by_name, slice_str(name), &v) ? (struct cand *)(uintptr_t)v : NULL;
}

void cand_empty(struct cand *c)
{
	conf_conn_unref(&c->conn);
	conf_packed_fini(&c->source);
	diag_free(&c->why);
	c->removed = false;
}

struct cand *cand_get(struct conf_trans *t, const char *name)
{
	struct cand *c = cand_find(t, name);
	size_t n = strlen(name);

	if (c) {
		cand_empty(c);
		return c;
	}
	if (t->n_conns == t->cap_conns) {
		size_t cap = t->cap_conns ? 2 * t->cap_conns : 16;
		struct cand **v = reallocarray(t->conns, cap, sizeof *v);
		if (!v)
			return NULL;
		t->conns = v;
		t->cap_conns = cap;
	}
	c = calloc(1, sizeof *c + n + 1);
	if (!c)
		return NULL;
	memcpy(c->name, name, n + 1);
	if (htab_add(t->by_name, slice_str(name), (uintptr_t)c)) {
		free(c);
		return NULL;
	}
	t->conns[t->n_conns++] = c;
	return c;
}

struct conf_node *conn_tree(const struct conf_conn *c, struct conf_node *root)
{
	struct conf_node *at = conf_node_section(root, c->name);

	return at && !conf_unpack(slice_of(c->source, c->source_n), at) ? at : NULL;
}

struct conf_node *cand_tree(struct conf_trans *t, const char *name, struct conf_node *root, err_t *err)
{
	const struct cand *c = cand_find(t, name);
	const struct conf_conn *conn = c ? c->conn : t->all_conns ? NULL : conf_store_find(t->hub->env.store, name);
	struct conf_node *at = NULL;

	*err = 0;
	if (conn) {
		at = conn_tree(conn, root);
	} else if (c && !c->removed) {
		at = conf_node_section(root, name);
		if (at && conf_unpack(slice_of(c->source.p, c->source.n), at))
			at = NULL;
	} else {
		return NULL;
	}
	if (!at)
		*err = E_NOMEM;
	return at;
}

struct conf_can cand_can(struct conf_trans *t, struct conf_settings **s)
{
	struct conf_can can = *t->hub->env.can;
	const struct conf_node *aditd = t->rest ? conf_node_child(t->rest, "aditd") : NULL;

	*s = NULL;
	if (!t->rest)
		return can;
	/* Wrong settings are found by the check. */
	struct diag *ignored = NULL;
	if (conf_settings_from(aditd, s, &ignored) == 0)
		can.daemon = &(*s)->daemon;
	diag_free(&ignored);
	return can;
}

err_t cand_load(struct conf_trans *t, const struct conf_node *section, struct diag **why)
{
	const struct conf_conn *runs = conf_store_find(t->hub->env.store, section->name);
	struct conf_settings *settings;
	struct conf_conn *conn = NULL;
	struct diag *wrong = NULL;
	struct cand *c;

	struct conf_can can = cand_can(t, &settings);
	err_t e = conf_conn_from(section, &can, &conn, &wrong);
	conf_settings_free(settings);
	if (e == E_NOMEM || (section->kind != CONF_SECTION && e)) {
		diag_copy_all(why, wrong);
		diag_free(&wrong);
		return e;
	}
	c = cand_get(t, section->name);
	if (!c) {
		conf_conn_unref(&conn);
		diag_free(&wrong);
		return E_NOMEM;
	}
	if (!e) {
		/* What did not change keeps its object, and so its tunnels. */
		if (runs && memcmp(runs->digest, conn->digest, sizeof runs->digest) == 0) {
			conf_conn_unref(&conn);
			conn = conf_conn_ref((struct conf_conn *)runs);
		}
		c->conn = conn;
		return 0;
	}
	c->why = wrong;
	diag_copy_all(why, wrong);
	return conf_pack(section, &c->source) ? E_NOMEM : e;
}

/* ---- secrets ----------------------------------------------------------------------------------------------------- */

void cand_secret_fine(struct conf_trans *t, const char *name)
{
	for (struct cand_bad **p = &t->bad_secrets; *p; p = &(*p)->next) {
		struct cand_bad *b = *p;
		if (strcmp(b->name, name) != 0)
			continue;
		*p = b->next;
		diag_free(&b->why);
		free(b);
		return;
	}
}

err_t cand_secret(struct conf_trans *t, const struct conf_node *section, struct diag **why)
{
	size_t n = strlen(section->name);
	struct diag *wrong = NULL;
	err_t e = conf_secret_from(section, t->secrets, &wrong);

	cand_secret_fine(t, section->name);
	if (!e)
		return 0;
	struct cand_bad *b = calloc(1, sizeof *b + n + 1);
	if (!b) {
		diag_free(&wrong);
		return E_NOMEM;
	}
	memcpy(b->name, section->name, n + 1);
	b->why = wrong;
	b->next = t->bad_secrets;
	t->bad_secrets = b;
	if (!wrong)
		diag_set(&b->why, e, "secret '%s': %s", b->name, err_text(e));
	diag_copy_all(why, b->why);
	return e;
}

static struct conf_node *key_tree(const struct conf_secret_view *v, struct conf_node *at)
{
	static const char *const hidden[] = { "secret", "pin" };

	if (!at || conf_unpack(v->data, at))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		if (conf_node_child(at, hidden[i]) && !conf_node_set_str(at, hidden[i], "<hidden>"))
			return NULL;
	return at;
}

struct conf_node *secret_tree(const struct conf_secret_view *v, struct conf_node *root)
{
	struct conf_node *at = conf_node_section(root, v->id);
	char id[1200], key[32];

	if (conf_secret_is_key(v->type))
		return key_tree(v, at);

	for (size_t i = 0; at && i < v->n_owners; i++) {
		snprintf(key, sizeof key, "id-%zu", i + 1);
		conf_id_text(v->owners[i].type, slice_of(v->owners[i].data, v->owners[i].n), id, sizeof id);
		if (!conf_node_set_str(at, key, id))
			return NULL;
	}
	if (at && v->remote.n)
		return conf_node_set_str(at, "local_secret", "<hidden>") && conf_node_set_str(at, "remote_secret", "<hidden>") ? at : NULL;
	return at && conf_node_set_str(at, "secret", "<hidden>") ? at : NULL;
}

/* ---- the other sections -------------------------------------------------------------------------------------------- */

const struct conf_node *cand_rest_look(const struct conf_trans *t)
{
	return t->rest ? t->rest : conf_store_rest(t->hub->env.store);
}

struct conf_node *cand_rest(struct conf_trans *t)
{
	if (!t->rest)
		t->rest = conf_node_copy(conf_store_rest(t->hub->env.store));
	return t->rest;
}
