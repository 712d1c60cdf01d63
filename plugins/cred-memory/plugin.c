/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that come over the API (vici load-key), kept in locked memory until they are unloaded. */
#include "plugins/cred-common/keys.h"

#include <stdio.h>
#include <stdlib.h>

struct memory {
	const struct plug_host *host;
	struct keys *keys;
};

static slice attr(const struct cred_attr *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].name, name) == 0)
			return v[i].value;
	return SLICE_NONE;
}

static err_t take(struct memory *m, const struct cert_objects *o, uint64_t *key, char *why, size_t cap)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct cert_object *k = &o->v[i];
		if (k->kind == CERT_OBJ_LOCKED) {
			snprintf(why, cap, "the private key is encrypted, and no passphrase that opens it was given");
			return E_CERT_PASSPHRASE;
		}
		if (k->kind != CERT_OBJ_KEY)
			continue;
		err_t e = keys_add(m->keys, k->der, k->spki, "", 1, key);
		if (e)
			snprintf(why, cap, "the private key cannot be taken: %s", err_text(e));
		return e;
	}
	snprintf(why, cap, "there is no private key in the data; PEM or DER of PKCS #1, SEC 1 or PKCS #8 is expected");
	return E_BAD_VALUE;
}

static err_t load(void *self, const struct cred_attr *v, size_t n, uint64_t token, uint64_t *key, char *why, size_t cap)
{
	struct memory *m = self;
	const struct cert_ops *ops = m->host->find(m->host->h, PLUG_CERT_VERIFY, 0, 0);
	slice data = attr(v, n, "data"), pass = attr(v, n, "passphrase");
	struct cert_objects *o = NULL;
	struct cert_why said = { "" };

	(void)token;
	if (!ops) {
		snprintf(why, cap, "nothing that is loaded reads keys (plugin x509)");
		return E_NOT_SUPPORTED;
	}
	char *p = pass.n ? strndup((const char *)pass.p, pass.n) : NULL;
	err_t e = ops->parse_any(data, p, &o, &said);
	if (p)
		explicit_bzero(p, pass.n);
	free(p);
	if (e == E_CERT_MALFORMED)
		snprintf(why, cap, "the data is no private key: PEM or DER of PKCS #1, SEC 1 or PKCS #8 is expected");
	else if (e && e != E_CERT_PASSPHRASE)
		snprintf(why, cap, "%s", said.text);
	else
		e = take(m, o, key, why, cap);
	if (o)
		ops->objects_free(o);
	return e;
}

static err_t unload(void *self, uint64_t key)
{
	return keys_del(((struct memory *)self)->keys, key);
}

static void clear(void *self)
{
	keys_del_other(((struct memory *)self)->keys, 0);
}

static void each_key(void *self, void (*cb)(void *arg, const struct cred_key_info *k), void *arg)
{
	keys_each(((struct memory *)self)->keys, cb, arg);
}

static err_t sign(void *self, const struct cred_sign *what, uint8_t *sig, size_t *len, uint64_t token)
{
	(void)token;
	return keys_sign(((struct memory *)self)->keys, what, sig, len);
}

static const struct cred_ops ops = { .size = sizeof ops, .flags = CRED_SYNC_WORKER, .each_key = each_key, .sign = sign,
	.load = load, .unload = unload, .clear = clear };

static const struct plug_feat needs[] = { { PLUG_CERT_VERIFY, 0, 0 }, { 0, 0, 0 } };
static const struct plug_feat_row feats[] = {
	{ .is = { PLUG_CRED, CRED_STORE_MEMORY, 0 }, .prio = 10, .needs = needs, .ops = &ops },
};

static err_t start(const struct plug_host *host, void **self)
{
	struct memory *m = calloc(1, sizeof *m);

	if (!m)
		return E_NOMEM;
	m->host = host;
	m->keys = keys_new(host);
	if (!m->keys) {
		free(m);
		return E_NOMEM;
	}
	*self = m;
	return 0;
}

static void stop(void *self)
{
	struct memory *m = self;

	keys_free(m->keys);
	free(m);
}

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "cred-memory",
	.version = "0.1.0",
	.summary = "private keys that come over the API, in locked memory",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
	.start = start,
	.stop = stop,
};
