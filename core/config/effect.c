/* SPDX-License-Identifier: Apache-2.0 */
#include "config/effect.h"

#include "config/store.h"
#include "config/write.h"

#include <stdio.h>
#include <stdlib.h>

const char *conf_effect_name(uint8_t effect)
{
	static const char *const names[] = { "none", "hot", "rekey", "reauth", "restart", "close" };

	return effect < ARRAY_LEN(names) ? names[effect] : "?";
}

/* A key that is in no row has the class of its schema's row without key. */
static const struct row {
	const struct conf_schema *schema;
	uint8_t effect;
	const char *const *keys; /* NULL-terminated; NULL: all others */
} rows[] = {
	{ &conf_schema_conn, CONF_FX_NONE, (const char *const[]){ "keyingtries", "unique", "send_certreq", "send_cert", "hash_and_url", "close_on_revocation",
		"dscp", "redirect_gateway", "pull", "childless", "ocsp", NULL } },
	{ &conf_schema_conn, CONF_FX_HOT, (const char *const[]){ "dpd_delay", "dpd_timeout", "rekey_time", "reauth_time",
		"over_time", "rand_time", "close_on_expiry", "retransmit_tries", "retransmit_timeout", "retransmit_base",
		"retransmit_jitter", "retransmit_limit", "vif_addrs", "vif_borrow", "vif_mtu", "vif_mss_clamp", "vif_vrf", NULL } },
	{ &conf_schema_conn, CONF_FX_REKEY, (const char *const[]){ "proposals", NULL } },
	{ &conf_schema_conn, CONF_FX_RESTART, (const char *const[]){ "version", "local_addrs", "remote_addrs",
		"local_port", "remote_port", "encap", "if_id_in", "if_id_out", "mediation", "mediated_by",
		"mediation_peer", "vif", "vif_name", "vif_netns", "vif_link", "vif_key", NULL } },
	{ &conf_schema_conn, CONF_FX_REAUTH, NULL },
	{ &conf_schema_local, CONF_FX_REAUTH, NULL },
	{ &conf_schema_remote, CONF_FX_REAUTH, NULL },
	{ &conf_schema_child, CONF_FX_NONE, (const char *const[]){ "start_action", "label_mode", "updown", "hostaccess", NULL } },
	{ &conf_schema_child, CONF_FX_HOT, (const char *const[]){ "rekey_time", "life_time", "rand_time", "inactivity",
		"close_action", "dpd_action", NULL } },
	{ &conf_schema_child, CONF_FX_REKEY, (const char *const[]){ "esp_proposals", "rekey_bytes", "life_bytes",
		"rand_bytes", "rekey_packets", "life_packets", "rand_packets", "replay_window", "tfc_padding", "copy_df",
		"copy_ecn", "copy_dscp", "hw_offload", "sha256_96", NULL } },
	{ &conf_schema_child, CONF_FX_RESTART, NULL },
	{ &conf_schema_aditd, CONF_FX_RESTART, (const char *const[]){ "port", "port_nat_t", "workers", "socket", "pidfile",
		"plugin_dir", "load", "kernel", "fwmark", "max_api_clients", "api_group_read", "api_group_operate",
		"api_group_configure", "state_dir", NULL } },
	{ &conf_schema_aditd, CONF_FX_HOT, NULL },
	{ &conf_schema_secrets, CONF_FX_NONE, NULL },
	{ &conf_schema_pool, CONF_FX_NONE, NULL },
	{ &conf_schema_authority, CONF_FX_NONE, NULL },
};

uint8_t conf_effect_of(const struct conf_schema *s, const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].schema != s)
			continue;
		if (!rows[i].keys)
			return rows[i].effect;
		for (const char *const *k = rows[i].keys; *k; k++)
			if (strcmp(*k, key) == 0)
				return rows[i].effect;
	}
	return CONF_FX_NONE;
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

struct cmp {
	struct conf_delta *d;
	struct conf_delta_child *child; /* in which child, NULL none */
	err_t err;
};

/* A value as text: what stood behind '='. */
static char *text_of_node(const struct conf_node *n)
{
	struct conf_node *tmp = conf_node_section(NULL, "");
	char *all = NULL, *out = NULL;

	if (tmp && n->kind == CONF_VALUE) {
		struct conf_node *v = conf_node_set(tmp, "v", slice_of(n->text, n->len));
		if (v)
			v->quoted = false;
	} else if (tmp) {
		struct conf_node *l = conf_node_list(tmp, "v");
		for (const struct conf_node *i = n->first; l && i; i = i->next)
			if (conf_node_add_item(l, slice_of(i->text, i->len)))
				break;
	}
	if (tmp && tmp->first)
		all = conf_write(tmp, NULL, 0, 0, NULL);
	if (all && strncmp(all, "v = ", 4) == 0) {
		all[strcspn(all, "\n")] = 0;
		out = strdup(all + 4);
	}
	free(all);
	conf_node_free(&tmp);
	return out;
}

static void note(struct cmp *c, const struct conf_schema *s, const char *path, const struct conf_node *was,
		 const struct conf_node *now, uint8_t effect)
{
	struct conf_delta *d = c->d;
	const char *name = was ? was->name : now->name;
	bool hide = conf_hidden(s, name);

	if ((d->n_keys & (d->n_keys + 1)) == 0) { /* full at 0, 1, 3, 7 … */
		struct conf_delta_key *v = realloc(d->keys, (2 * d->n_keys + 1) * sizeof *v);
		if (!v) {
			c->err = E_NOMEM;
			return;
		}
		d->keys = v;
	}
	struct conf_delta_key *k = &d->keys[d->n_keys++];
	*k = (struct conf_delta_key){ .path = strdup(path), .effect = effect,
		.was = !was ? NULL : hide ? strdup(CONF_HIDDEN_TEXT) : text_of_node(was),
		.now = !now ? NULL : hide ? strdup(CONF_HIDDEN_TEXT) : text_of_node(now) };
	if (!k->path || (was && !k->was) || (now && !k->now))
		c->err = E_NOMEM;
	uint8_t *at = c->child ? &c->child->effect : &d->effect;
	*at = effect > *at ? effect : *at;
}

static bool same(const struct conf_node *a, const struct conf_node *b)
{
	if (a->kind == CONF_VALUE && b->kind == CONF_VALUE)
		return a->len == b->len && memcmp(a->text ? a->text : "", b->text ? b->text : "", a->len) == 0;
	/* A list and the same items between commas are the same. */
	struct conf_items x = { 0 }, y = { 0 };
	for (;;) {
		bool p = conf_items_next(a, &x), q = conf_items_next(b, &y);
		if (p != q || (p && !slice_equal(x.text, y.text)))
			return false;
		if (!p)
			return true;
	}
}

static void compare(struct cmp *c, const struct conf_schema *s, const char *path, const struct conf_node *was,
		    const struct conf_node *now, uint8_t fixed);

static void compare_child(struct cmp *c, const char *path, const struct conf_node *was, const struct conf_node *now)
{
	struct conf_delta *d = c->d;
	struct conf_delta_child *v = realloc(d->children, (d->n_children + 1) * sizeof *v);

	if (!v) {
		c->err = E_NOMEM;
		return;
	}
	d->children = v;
	c->child = &v[d->n_children];
	*c->child = (struct conf_delta_child){ .name = strdup(was ? was->name : now->name),
		.change = !was ? CONF_ADDED : !now ? CONF_REMOVED : CONF_CHANGED,
		.effect = !now ? CONF_FX_CLOSE : CONF_FX_NONE };
	d->n_children++;
	size_t before = d->n_keys;
	if (!c->child->name)
		c->err = E_NOMEM;
	else if (was && now)
		compare(c, &conf_schema_child, path, was, now, 0);
	if (was && now && d->n_keys == before && !c->err) { /* nothing of it changed */
		free(c->child->name);
		d->n_children--;
	} else if (c->child->effect > d->greatest) {
		d->greatest = c->child->effect;
	}
	c->child = NULL;
}

static void one(struct cmp *c, const struct conf_schema *s, const char *path, const struct conf_node *was,
		const struct conf_node *now, uint8_t fixed)
{
	const struct conf_node *n = now ? now : was;
	const struct conf_key *k = s ? conf_schema_key(s, n->name) : NULL;
	char full[512];

	snprintf(full, sizeof full, "%s%s%s", path, *path ? "." : "", n->name);
	if (s == &conf_schema_conn && strcmp(n->name, "children") == 0) {
		for (const struct conf_node *i = was ? was->first : NULL; i && !c->err; i = i->next) {
			char at[700];
			snprintf(at, sizeof at, "%s.%s", full, i->name);
			if (i->kind == CONF_SECTION)
				compare_child(c, at, i, now ? conf_node_child(now, i->name) : NULL);
		}
		for (const struct conf_node *i = now ? now->first : NULL; i && !c->err; i = i->next)
			if (i->kind == CONF_SECTION && !(was && conf_node_child(was, i->name)))
				compare_child(c, full, NULL, i);
		return;
	}
	uint8_t effect = fixed ? fixed : s ? conf_effect_of(s, k && k->flags & CONF_SUFFIX ? k->name : n->name) : 0;
	if (n->kind == CONF_SECTION)
		compare(c, k ? k->sub : NULL, full, was && was->kind == CONF_SECTION ? was : NULL,
			now && now->kind == CONF_SECTION ? now : NULL, effect);
	else if (!was || !now || was->kind == CONF_SECTION || !same(was, now))
		note(c, s, full, was && was->kind != CONF_SECTION ? was : NULL, now, effect);
}

/* fixed: the class of a key above, which holds for all below; 0: each key has its own. */
static void compare(struct cmp *c, const struct conf_schema *s, const char *path, const struct conf_node *was,
		    const struct conf_node *now, uint8_t fixed)
{
	for (const struct conf_node *n = was ? was->first : NULL; n && !c->err; n = n->next)
		one(c, s, path, n, now ? conf_node_child(now, n->name) : NULL, fixed);
	for (const struct conf_node *n = now ? now->first : NULL; n && !c->err; n = n->next)
		if (!was || !conf_node_child(was, n->name))
			one(c, s, path, NULL, n, fixed);
}

err_t conf_delta_of(const struct conf_schema *s, const struct conf_node *was, const struct conf_node *now,
		    struct conf_delta *out)
{
	struct cmp c = { .d = out };

	*out = (struct conf_delta){ 0 };
	if (was && now)
		compare(&c, s, "", was, now, 0);
	else if (was && s == &conf_schema_conn)
		out->effect = CONF_FX_CLOSE;
	if (out->effect > out->greatest)
		out->greatest = out->effect;
	if (c.err)
		conf_delta_fini(out);
	return c.err;
}

void conf_delta_fini(struct conf_delta *d)
{
	for (size_t i = 0; i < d->n_keys; i++) {
		free(d->keys[i].path);
		free(d->keys[i].was);
		free(d->keys[i].now);
	}
	for (size_t i = 0; i < d->n_children; i++)
		free(d->children[i].name);
	free(d->keys);
	free(d->children);
	*d = (struct conf_delta){ 0 };
}

const struct conf_delta_child *conf_delta_child(const struct conf_delta *d, const char *name)
{
	for (size_t i = 0; i < d->n_children; i++)
		if (strcmp(d->children[i].name, name) == 0)
			return &d->children[i];
	return NULL;
}
