/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys that `secrets` of the configuration names: files go into the store in memory, tokens to theirs. After each
 * commit what is new is loaded, what is gone or has changed is unloaded. Loop thread; a token may answer later.
 */
#include "daemon/creds.h"

#include "config/pack.h"

#include <stdio.h>
#include <stdlib.h>

enum { SHA256_LEN = 32 };

struct creds_key {
	struct creds_key *next;
	uint64_t serial;
	uint8_t digest[SHA256_LEN]; /* of its section */
	uint16_t source;            /* of the set; 0: it is not loaded (yet) */
	uint64_t key;
	char id[];
};

static void drop(struct creds *c, struct creds_key **at)
{
	struct creds_key *k = *at;
	struct creds_store *s = k->source ? creds_store_at(c, k->source) : NULL;

	*at = k->next;
	if (s && s->ops->unload && s->ops->unload(s->self, k->key) == 0)
		creds_store_read(c, s);
	free(k);
}

static bool digest_of(const struct creds *c, slice data, uint8_t out[SHA256_LEN])
{
	const struct hash_ops *h = crypto_hash(&c->d->crypto, PLUG_HASH_SHA256);

	return h && h->digest(&data, 1, out) == 0;
}

static bool still_there(const struct creds *c, const struct conf_secrets *all, const struct creds_key *k)
{
	struct conf_secret_view v;
	uint8_t now[SHA256_LEN];

	return conf_secrets_find(all, k->id, &v) && digest_of(c, v.data, now) && !memcmp(now, k->digest, SHA256_LEN);
}

static slice value_of(const struct conf_node *section, const char *name)
{
	const struct conf_node *n = conf_node_child(section, name);

	return n && n->kind == CONF_VALUE ? slice_of(n->text, n->len) : SLICE_NONE;
}

static void load_file(struct creds *c, struct creds_key *k, const char *type, const struct conf_node *section)
{
	char folder[16], path[4096], why[400] = "";
	uint8_t *bytes = NULL;
	size_t n = 0, i = 0;

	for (; type[i] && i < sizeof folder - 1; i++)
		folder[i] = (char)(type[i] | 0x20);
	folder[i] = 0;
	creds_path(c->d, folder, value_of(section, "file"), path, sizeof path);
	err_t e = creds_read_file(path, &bytes, &n, why, sizeof why);
	if (e) {
		creds_key_loaded(c, k->serial, e, NULL, 0, why);
	} else {
		const struct cred_attr v[] = { { "data", slice_of(bytes, n) }, { "passphrase", value_of(section, "secret") } };
		creds_load_conf(c, CRED_STORE_MEMORY, v, v[1].value.n ? 2 : 1, k->serial);
	}
	if (bytes)
		explicit_bzero(bytes, n);
	free(bytes);
}

static void load_token(struct creds *c, struct creds_key *k, const struct conf_node *section)
{
	static const char *const names[] = { "handle", "slot", "module", "pin" };
	struct cred_attr v[ARRAY_LEN(names)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (conf_node_child(section, names[i]))
			v[n++] = (struct cred_attr){ names[i], value_of(section, names[i]) };
	creds_load_conf(c, CRED_STORE_PKCS11, v, n, k->serial);
}

static void load(struct creds *c, const struct conf_secret_view *v)
{
	size_t n = strlen(v->id) + 1;
	struct creds_key *k = calloc(1, sizeof *k + n);
	struct conf_node *section = conf_node_section(NULL, "");

	if (k && section && digest_of(c, v->data, k->digest) && conf_unpack(v->data, section) == 0) {
		memcpy(k->id, v->id, n);
		k->serial = c->next_token++;
		k->next = c->keys;
		c->keys = k;
		if (strcmp(v->type, "TOKEN") == 0)
			load_token(c, k, section);
		else
			load_file(c, k, v->type, section);
	} else {
		LOGF(c->d->log, LOG_CONFIG, LOG_AUDIT, &(struct log_ctx){ .code = E_NOMEM }, "secrets.%s: no memory for the key", v->id);
		free(k);
	}
	conf_node_free(&section);
}

void creds_key_loaded(struct creds *c, uint64_t serial, err_t e, const struct creds_store *s, uint64_t key, const char *why)
{
	struct creds_key *k = c->keys;

	while (k && k->serial != serial)
		k = k->next;
	if (k && e)
		LOGF(c->d->log, LOG_CONFIG, LOG_AUDIT, &(struct log_ctx){ .code = e }, "secrets.%s: the private key is not loaded: %s; correct "
			"it and load the configuration again", k->id, why && *why ? why : err_text(e));
	else if (k) {
		k->source = s->source;
		k->key = key;
	} else if (!e && s->ops->unload && s->ops->unload(s->self, key) == 0) {
		creds_store_read(c, (struct creds_store *)s); /* it has gone meanwhile */
	}
}

void creds_keys_sync(struct daemon *d)
{
	struct creds *c = d->creds;
	const struct conf_secrets *all = conf_store_secrets(d->store);
	struct conf_secret_view v;
	const char *id;

	if (!c->ops)
		return;
	/* What could not be loaded is tried again. */
	for (struct creds_key **at = &c->keys; *at;)
		if (still_there(c, all, *at) && (*at)->source)
			at = &(*at)->next;
		else
			drop(c, at);
	for (size_t i = 0; (id = conf_secrets_at(all, i)); i++) {
		struct creds_key *k = c->keys;
		while (k && strcmp(k->id, id) != 0)
			k = k->next;
		if (!k && conf_secrets_find(all, id, &v) && conf_secret_is_key(v.type))
			load(c, &v);
	}
}

bool creds_keys_has(const struct creds *c, const struct cred_key *key)
{
	for (const struct creds_key *k = c->keys; k; k = k->next)
		if (k->source == key->source && k->key == key->key)
			return true;
	return false;
}

void creds_keys_clear(struct creds *c)
{
	while (c->keys)
		drop(c, &c->keys);
}
