/* SPDX-License-Identifier: Apache-2.0 */
/* What there is of credentials and where it lives, for list-credentials. Nothing secret is among it. */
#include "daemon/creds.h"

#include "api/server/creds_env.h"
#include "base/text.h"
#include "config/store.h"

#include <stdio.h>

/* Places by the number of a plugin's store. */
static const char *place_of(uint16_t store)
{
	static const char *const texts[] = {
		[CRED_STORE_MEMORY] = "memory", [CRED_STORE_FILE] = "file", [CRED_STORE_KEYRING] = "keyring", [CRED_STORE_PKCS11] = "token",
	};

	return store < ARRAY_LEN(texts) && texts[store] ? texts[store] : "store";
}

static const char *where(struct creds *c, uint16_t source)
{
	static const char *const texts[] = { [CRED_SRC_API] = "memory", [CRED_SRC_AUTHORITY] = "authority", [CRED_SRC_FETCHED] = "fetched",
		[CRED_SRC_CONN] = "connection" };
	const struct creds_store *s = creds_store_at(c, source);

	return s ? place_of(s->id) : source < ARRAY_LEN(texts) && texts[source] ? texts[source] : "?";
}

static void hex(slice s, char *out, size_t cap)
{
	struct text t = text_of(out, cap);

	text_hex(&t, s);
}

/* Is one that a connection names there from elsewhere, too? Then that place is shown alone. */
static bool is_double(const struct creds *c, const struct cred_item *it)
{
	const struct cred_item *other;

	for (size_t i = 0; it->source == CRED_SRC_CONN && (other = cred_set_cert(c->set, i)); i++)
		if (other->source != CRED_SRC_CONN && memcmp(other->info->sha256, it->info->sha256, sizeof it->info->sha256) == 0)
			return true;
	return false;
}

static bool cert_at(struct creds *c, size_t i, struct api_credential *out)
{
	const struct cred_item *it = cred_set_cert(c->set, i);

	if (!it || is_double(c, it))
		return it != NULL;
	out->type = it->flags & CRED_CERT_CA ? "anchor" : it->info->is_ca ? "ca" : it->flags & CRED_CERT_OCSP ? "ocsp" : "certificate";
	hex(slice_of(it->info->sha256, sizeof it->info->sha256), out->id, sizeof out->id);
	c->ops->dn_text(it->info->subject, out->subject, sizeof out->subject);
	c->ops->dn_text(it->info->issuer, out->issuer, sizeof out->issuer);
	hex(it->info->serial, out->serial, sizeof out->serial);
	out->not_before = it->info->not_before;
	out->not_after = it->info->not_after;
	out->has_key = cred_set_key_of(c->set, it->info->spki) != NULL;
	out->where = where(c, it->source);
	out->label = it->name;
	return true;
}

static bool crl_at(struct creds *c, size_t i, struct api_credential *out)
{
	uint16_t source;
	struct cert_crl *crl = cred_set_crl(c->set, i, &source);

	if (!crl)
		return false;
	const struct cert_crl_info *info = c->ops->crl_info(crl);
	out->type = "crl";
	snprintf(out->id, sizeof out->id, "crl-%zu", i + 1);
	c->ops->dn_text(info->issuer, out->issuer, sizeof out->issuer);
	hex(info->number, out->serial, sizeof out->serial);
	out->not_before = info->this_update;
	out->not_after = info->next_update;
	out->where = where(c, source);
	return true;
}

static bool key_at(struct creds *c, size_t i, struct api_credential *out)
{
	const struct cred_key *k = cred_set_key(c->set, i);
	char kind[32];

	if (!k)
		return false;
	snprintf(out->subject, sizeof out->subject, "%s", cred_pub_text(&k->pub, kind));
	hex(slice_of(k->id, sizeof k->id), out->id, sizeof out->id);
	out->type = "key";
	out->where = where(c, k->source);
	out->label = k->label;
	return true;
}

static bool secret_at(struct creds *c, size_t i, struct api_credential *out)
{
	const struct conf_secrets *s = conf_store_secrets(c->d->store);
	size_t n = conf_secrets_count(s);
	struct conf_secret_view v;
	struct text t = text_of(out->subject, sizeof out->subject);
	bool stored = i >= n;

	if (stored)
		s = c->stored;
	const char *id = conf_secrets_at(s, stored ? i - n : i);
	if (!id || !conf_secrets_find(s, id, &v))
		return false;
	snprintf(out->id, sizeof out->id, "%s", v.id);
	out->type = v.type;
	out->where = "memory";
	for (size_t k = 0; stored && k < c->n_stores; k++) {
		size_t len = strlen(c->store[k].plugin);
		if (strncmp(v.id, c->store[k].plugin, len) == 0 && v.id[len] == ':')
			out->where = place_of(c->store[k].id);
	}
	for (size_t k = 0; k < v.n_owners; k++) {
		char one[256];
		text_fmt(&t, "%s%s", k ? ", " : "", conf_id_text(v.owners[k].type, slice_of(v.owners[k].data, v.owners[k].n), one, sizeof one));
	}
	return true;
}

bool creds_next(void *arg, enum api_credential_kind kind, uint64_t *cursor, struct api_credential *out)
{
	static bool (*const at[])(struct creds *c, size_t i, struct api_credential *out) = {
		[API_CERTS] = cert_at, [API_CRLS] = crl_at, [API_KEYS] = key_at, [API_SECRETS] = secret_at,
	};
	struct creds *c = ((struct daemon *)arg)->creds;

	if (kind != API_KEYS && kind != API_SECRETS && !c->ops)
		return false;
	do {
		*out = (struct api_credential){ .where = "" };
		if (!at[kind](c, (size_t)(*cursor)++, out))
			return false;
	} while (!out->type);
	return true;
}
