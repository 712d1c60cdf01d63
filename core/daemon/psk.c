/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared secrets for the engine: those of the configuration and the API, and those in stores (keyrings of the kernel). Of
 * the latter only the owners are kept here; the bytes are read when a peer needs them and wiped within a second.
 */
#include "daemon/creds.h"

#include "config/store.h"

#include <stdio.h>
#include <stdlib.h>

enum { OWNERS_MAX = 64, STORED_MAX = 4096 };

struct reading {
	struct creds *c;
	struct creds_store *s;
};

static void name_of(const struct creds_store *s, uint64_t number, char out[160])
{
	snprintf(out, 160, "%.100s:%llu", s->plugin, (unsigned long long)number);
}

static err_t owners_of(const char *text, struct conf_id *ids, size_t *n)
{
	char copy[1024], *save = NULL;
	err_t e = 0;

	if (strlen(text) >= sizeof copy)
		return E_LIMIT;
	strcpy(copy, text);
	for (char *w = strtok_r(copy, " ", &save); w && !e; w = strtok_r(NULL, " ", &save))
		e = *n == OWNERS_MAX ? E_LIMIT : conf_id_parse(w, &ids[*n]) ? E_BAD_VALUE : (++*n, 0);
	return e;
}

static void take(void *arg, const struct cred_secret_info *i)
{
	struct reading *r = arg;
	struct conf_id owners[OWNERS_MAX];
	struct secret none = { 0 };
	char name[160];
	size_t n = 0;
	err_t e = conf_secrets_count(r->c->stored) < STORED_MAX ? owners_of(i->owners ? i->owners : "", owners, &n) : E_LIMIT;

	name_of(r->s, i->secret, name);
	if (!e)
		e = conf_secrets_add(r->c->stored, name, i->type, owners, n, &none, NULL);
	for (size_t k = 0; k < n; k++)
		conf_id_fini(&owners[k]);
	if (e)
		LOGF(r->c->d->log, LOG_CONFIG, LOG_AUDIT, &(struct log_ctx){ .code = e }, "the secret '%s' of %s is left out: %s", i->label ? i->label : "",
			r->s->plugin, e == E_BAD_VALUE ? "an owner is no identity" : err_text(e));
}

void creds_psk_read(struct creds *c, struct creds_store *s)
{
	struct reading r = { c, s };
	size_t plugin = strlen(s->plugin), i = 0;
	const char *id;

	while ((id = conf_secrets_at(c->stored, i))) {
		char copy[160];
		snprintf(copy, sizeof copy, "%s", id);
		if (strncmp(id, s->plugin, plugin) != 0 || id[plugin] != ':' || !conf_secrets_del(c->stored, copy))
			i++;
	}
	if (s->ops->each_secret && s->ops->read_secret)
		s->ops->each_secret(s->self, take, &r);
}

static void keep(void *arg, slice bytes)
{
	struct creds *c = arg;
	struct secret fresh = { 0 };

	secret_fini(&c->psk);
	if (secret_copy(&fresh, bytes) == 0)
		secret_move(&c->psk, &fresh);
}

static bool read_stored(struct creds *c, struct conf_psk *out)
{
	const char *colon = strrchr(out->name, ':');
	unsigned long long number = colon ? strtoull(colon + 1, NULL, 10) : 0;
	char name[160];

	secret_fini(&c->psk);
	for (size_t i = 0; i < c->n_stores; i++) {
		struct creds_store *s = &c->store[i];
		name_of(s, number, name);
		if (strcmp(name, out->name) != 0)
			continue;
		err_t e = s->ops->read_secret(s->self, number, keep, c);
		if (e)
			LOGF(c->d->log, LOG_IKE, LOG_AUDIT, &(struct log_ctx){ .code = e }, "the secret '%s' cannot be read: %s", name, err_text(e));
	}
	out->data = secret_slice(&c->psk);
	return c->psk.n > 0;
}

bool creds_psk(void *arg, const struct conf_psk_ask *ask, struct conf_psk *out)
{
	struct daemon *d = arg;
	struct conf_psk stored;
	bool have = conf_secrets_psk(conf_store_secrets(d->store), ask, out);
	bool more = d->creds && d->creds->stored && conf_secrets_psk(d->creds->stored, ask, &stored);

	if (more && (!have || stored.score > out->score) && read_stored(d->creds, &stored)) {
		*out = stored;
		have = true;
	}
	return have;
}

void creds_psk_second(struct creds *c)
{
	secret_fini(&c->psk);
}
