/* SPDX-License-Identifier: Apache-2.0 */
/* What the API's methods for certificates, keys and authorities do in the daemon; authorities of the configuration too. */
#include "daemon/creds.h"

#include "config/schema.h"
#include "config/value.h"

#include <stdio.h>
#include <stdlib.h>

enum { AUTHORITIES_MAX = 1024, URIS_MAX = 16, PUBS_MAX = 1024, LOAD_MS = 30000 };

/* ---- certificates ---------------------------------------------------------------------------------------------------- */

struct creds_pub {
	uint8_t *p;
	size_t n;
};

static err_t add_pub(struct creds *c, slice spki)
{
	for (size_t i = 0; i < c->n_pubs; i++)
		if (slice_equal(slice_of(c->pubs[i].p, c->pubs[i].n), spki))
			return 0;
	if (c->n_pubs >= PUBS_MAX)
		return E_LIMIT;
	uint8_t *copy = malloc(spki.n + 1);
	struct creds_pub *v = copy ? reallocarray(c->pubs, c->n_pubs + 1, sizeof *v) : NULL;
	if (!v) {
		free(copy);
		return E_NOMEM;
	}
	memcpy(copy, spki.p, spki.n);
	c->pubs = v;
	v[c->n_pubs++] = (struct creds_pub){ copy, spki.n };
	return 0;
}

void creds_pubs_clear(struct creds *c)
{
	while (c->n_pubs)
		free(c->pubs[--c->n_pubs].p);
	free(c->pubs);
	c->pubs = NULL;
}

static err_t add_object(struct creds *c, const struct cert_object *o, uint32_t flags, unsigned *n)
{
	err_t e = 0;

	if (o->kind == CERT_OBJ_CERT)
		e = cred_set_add_cert(c->set, CRED_SRC_API, o->cert, flags, "");
	else if (o->kind == CERT_OBJ_CRL)
		e = cred_set_add_crl(c->set, CRED_SRC_API, o->crl);
	else if (o->kind == CERT_OBJ_PUBLIC)
		e = add_pub(c, o->spki);
	else
		return 0;
	*n += !e;
	return e;
}

static err_t load_cert(void *arg, const char *type, const char *flag, slice data, struct diag **why)
{
	struct creds *c = ((struct daemon *)arg)->creds;
	uint32_t flags = strcasecmp(flag, "CA") == 0 ? CRED_CERT_CA : strcasecmp(flag, "OCSP") == 0 ? CRED_CERT_OCSP : 0;
	struct cert_objects *o = NULL;
	struct cert_why said = { "" };
	unsigned n = 0;

	if (strcasecmp(type, "X509_AC") == 0)
		return diag_set(why, E_NOT_SUPPORTED, "attribute certificates are not supported");
	err_t e = c->ops->parse_any(data, NULL, &o, &said);
	if (e)
		return diag_set(why, e, "%s", said.text);
	for (size_t i = 0; i < o->n && !e; i++)
		e = add_object(c, &o->v[i], flags, &n);
	c->ops->objects_free(o);
	if (e)
		return diag_set(why, e, "the certificate cannot be kept: %s", err_text(e));
	if (!n)
		return diag_set(why, E_BAD_VALUE, "there is no certificate, CRL or public key in the data");
	LOGF(c->d->log, LOG_CONFIG, LOG_DETAIL, NULL, "loaded %u of type %s with flag %s", n, type, flag);
	return 0;
}

/* What list-certs goes through, in this order. */
enum { LIST_PUBS, LIST_NONE, LIST_SEEN_NONE, LIST_CA, LIST_SEEN_CA, LIST_OCSP, LIST_CRLS, LIST_END };

static unsigned list_of(const struct cert_info *info)
{
	return info->is_ca ? LIST_CA : info->ekus & CERT_EKU_OCSP_SIGN ? LIST_OCSP : LIST_NONE;
}

/* Is it among the first n of the set? */
static bool came_before(const struct creds *c, const struct cert_info *info, size_t n)
{
	const struct cred_item *it;

	for (size_t i = 0; i < n && (it = cred_set_cert(c->set, i)); i++)
		if (memcmp(it->info->sha256, info->sha256, sizeof info->sha256) == 0)
			return true;
	return false;
}

/* The at-th entry of a list. False: the list has ended; out->type NULL: it is not shown. */
static bool list_entry(const struct creds *c, unsigned list, size_t at, struct api_cert *out)
{
	static const char *const flags[] = { [LIST_NONE] = "NONE", [LIST_CA] = "CA", [LIST_OCSP] = "OCSP" };
	static char subject[1024];
	uint16_t source;

	*out = (struct api_cert){ .subject = "" };
	if (list == LIST_PUBS) {
		if (at >= c->n_pubs)
			return false;
		out->der = slice_of(c->pubs[at].p, c->pubs[at].n);
		out->has_key = cred_set_key_of(c->set, out->der) != NULL;
		out->type = "PUBKEY";
		return true;
	}
	if (list == LIST_CRLS) {
		struct cert_crl *crl = cred_set_crl(c->set, at, &source);
		if (!crl)
			return false;
		out->der = c->ops->crl_info(crl)->der;
		out->type = "X509_CRL";
		return true;
	}
	const bool of_peers = list == LIST_SEEN_NONE || list == LIST_SEEN_CA;
	const struct cred_item *it = of_peers ? NULL : cred_set_cert(c->set, at);
	struct cert *seen = of_peers && at < CREDS_SEEN_MAX ? c->seen[at] : NULL;
	if (!it && !seen)
		return false;
	const struct cert_info *info = it ? it->info : c->ops->info(seen);
	if (it ? list_of(info) != list : info->is_ca != (list == LIST_SEEN_CA))
		return true;
	if (came_before(c, info, it ? at : SIZE_MAX))
		return true;
	c->ops->dn_text(info->subject, subject, sizeof subject);
	*out = (struct api_cert){ .type = "X509", .flag = flags[list_of(info)], .has_key = cred_set_key_of(c->set, info->spki) != NULL,
		.der = info->der, .subject = subject, .not_before = info->not_before, .not_after = info->not_after };
	return true;
}

static bool cert_next(void *arg, uint64_t *cursor, struct api_cert *out)
{
	const struct creds *c = ((struct daemon *)arg)->creds;

	for (unsigned list; (list = (unsigned)(*cursor >> 32)) < LIST_END;) {
		if (!list_entry(c, list, *cursor & UINT32_MAX, out)) {
			*cursor = (uint64_t)(list + 1) << 32;
			continue;
		}
		++*cursor;
		if (out->type)
			return true;
	}
	return false;
}

static const char *subject(void *arg, slice der, char *buf, size_t cap)
{
	const struct creds *c = ((struct daemon *)arg)->creds;
	struct cert_why why;
	struct cert *cert = NULL;

	if (c->ops->parse(der, &cert, &why))
		return NULL;
	c->ops->dn_text(c->ops->info(cert)->subject, buf, cap);
	c->ops->unref(cert);
	return buf;
}

static void clear(void *arg)
{
	struct creds *c = ((struct daemon *)arg)->creds;
	struct creds_store *s = creds_store_of(c, CRED_STORE_MEMORY);

	creds_keys_clear(c);
	cred_set_clear(c->set, CRED_SRC_API, NULL);
	creds_pubs_clear(c);
	creds_seen_clear(c);
	if (s && s->ops->clear)
		s->ops->clear(s->self);
	if (s)
		creds_store_read(c, s);
}

static void flush(void *arg, const char *type)
{
	struct creds *c = ((struct daemon *)arg)->creds;

	if (!type || !*type || strcasecmp(type, "any") == 0 || strcasecmp(type, "X509_CRL") == 0)
		cred_set_clear(c->set, CRED_SRC_FETCHED, NULL);
	if (!type || !*type || strcasecmp(type, "any") == 0 || strcasecmp(type, "OCSP_RESPONSE") == 0)
		trusts_flush_ocsp(c->trusts);
	if (!type || !*type || strcasecmp(type, "any") == 0 || strcasecmp(type, "X509") == 0)
		trusts_flush_urls(c->trusts);
	if (!type || !*type || strcasecmp(type, "any") == 0 || strcasecmp(type, "X509") == 0)
		creds_seen_clear(c);
}

/* ---- keys -------------------------------------------------------------------------------------------------------------- */

/* A load that a store answers later. */
struct creds_load {
	struct creds_load *next;
	struct creds_store *store;
	uint64_t token, cmd_id, until_ms;
	uint64_t conf; /* of `secrets`: its serial, else 0 */
};

static void loaded(struct creds *c, struct creds_store *s, uint64_t cmd_id, err_t e, uint64_t key, const char *why)
{
	const struct cred_key *k;

	if (!e) {
		creds_store_read(c, s);
		for (size_t i = 0; (k = cred_set_key(c->set, i)); i++)
			if (k->source == s->source && k->key == key)
				break;
		char name[32];
		if (k)
			LOGF(c->d->log, LOG_CONFIG, LOG_CONTROL, NULL, "loaded a private key (%s) into %s", cred_pub_text(&k->pub, name), s->plugin);
		else
			e = E_NOT_FOUND;
		if (cmd_id && c->d->api)
			api_server_key_loaded(c->d->api, cmd_id, e, k ? k->id : NULL, "the store took no private key");
		return;
	}
	LOGF(c->d->log, LOG_CONFIG, LOG_CONTROL, &(struct log_ctx){ .code = e }, "a private key was not loaded: %s",
		why && *why ? why : err_text(e));
	if (cmd_id && c->d->api)
		api_server_key_loaded(c->d->api, cmd_id, e, NULL, why);
}

static err_t no_store(uint16_t id, const char **why)
{
	*why = id == CRED_STORE_PKCS11 ? "keys on tokens need plugin cred-pkcs11, which is not loaded" :
		"nothing that is loaded keeps private keys (plugin cred-memory)";
	return E_NOT_SUPPORTED;
}

static void load_into(struct creds *c, struct creds_store *s, const struct cred_attr *v, size_t n, uint64_t cmd_id, uint64_t conf)
{
	struct creds_load *l = calloc(1, sizeof *l);
	char why[400] = "";
	uint64_t key = 0;

	if (!l) {
		if (conf)
			creds_key_loaded(c, conf, E_NOMEM, s, 0, NULL);
		else
			loaded(c, s, cmd_id, E_NOMEM, 0, NULL);
		return;
	}
	*l = (struct creds_load){ c->loads, s, c->next_token++, cmd_id, loop_now_ms() + LOAD_MS, conf };
	c->loads = l;
	uint64_t token = l->token;
	err_t e = s->ops->load(s->self, v, n, token, &key, why, sizeof why);
	if (e != E_AGAIN)
		creds_cred_loaded(c->d, token, e, key, why);
}

static void load_key(void *arg, uint64_t cmd_id, uint16_t id, const struct cred_attr *v, size_t n)
{
	struct creds *c = ((struct daemon *)arg)->creds;
	struct creds_store *s = creds_store_of(c, id);
	const char *why;

	if (s && s->ops->load) {
		load_into(c, s, v, n, cmd_id, 0);
		return;
	}
	err_t e = no_store(id, &why);
	if (c->d->api)
		api_server_key_loaded(c->d->api, cmd_id, e, NULL, why);
}

void creds_load_conf(struct creds *c, uint16_t id, const struct cred_attr *v, size_t n, uint64_t serial)
{
	struct creds_store *s = creds_store_of(c, id);
	const char *why;

	if (s && s->ops->load) {
		load_into(c, s, v, n, 0, serial);
		return;
	}
	err_t e = no_store(id, &why);
	creds_key_loaded(c, serial, e, NULL, 0, why);
}

void creds_cred_loaded(void *arg, uint64_t token, err_t res, uint64_t key, const char *why)
{
	struct creds *c = ((struct daemon *)arg)->creds;
	struct creds_load **at = c ? &c->loads : NULL, *l;

	while (at && *at && (*at)->token != token)
		at = &(*at)->next;
	if (!at || !*at)
		return;
	l = *at;
	*at = l->next;
	if (!l->conf || !res)
		loaded(c, l->store, l->cmd_id, res, key, why);
	if (l->conf)
		creds_key_loaded(c, l->conf, res, l->store, key, why);
	free(l);
}

void creds_load_second(struct creds *c)
{
	uint64_t now = loop_now_ms();

	for (struct creds_load *l = c->loads, *next; l; l = next) {
		next = l->next;
		if (l->until_ms > now)
			continue;
		if (l->store->ops->cancel)
			l->store->ops->cancel(l->store->self, l->token);
		creds_cred_loaded(c->d, l->token, E_TIMEOUT, 0, "the store did not answer in time");
		return; /* the list may have changed; the next second is soon */
	}
}

void creds_load_stop(struct creds *c)
{
	while (c->loads) {
		struct creds_load *next = c->loads->next;
		free(c->loads);
		c->loads = next;
	}
}

static bool is_apis(struct creds *c, const struct cred_key *k)
{
	const struct creds_store *s = creds_store_at(c, k->source);

	return s && (s->id == CRED_STORE_MEMORY || s->id == CRED_STORE_PKCS11) && !creds_keys_has(c, k);
}

static err_t unload_key(void *arg, const uint8_t id[API_KEYID_LEN])
{
	struct creds *c = ((struct daemon *)arg)->creds;
	const struct cred_key *k = cred_set_key_by_id(c->set, id);
	struct creds_store *s = k ? creds_store_at(c, k->source) : NULL;

	if (!s || !is_apis(c, k) || !s->ops->unload || s->ops->unload(s->self, k->key))
		return E_NOT_FOUND;
	creds_store_read(c, s);
	return 0;
}

static bool key_at(void *arg, size_t i, uint8_t id[API_KEYID_LEN])
{
	struct creds *c = ((struct daemon *)arg)->creds;
	const struct cred_key *k;

	for (size_t at = 0; (k = cred_set_key(c->set, at)); at++)
		if (is_apis(c, k) && !i--) {
			memcpy(id, k->id, API_KEYID_LEN);
			return true;
		}
	return false;
}

/* ---- authorities --------------------------------------------------------------------------------------------------------- */

static void uris_free(char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		free(v[i]);
	free(v);
}

static void authority_free(struct creds *c, struct creds_authority *a)
{
	c->ops->unref(a->cert);
	uris_free(a->crl_uris);
	uris_free(a->ocsp_uris);
	free(a->base);
	free(a->subject);
	free(a->name);
	free(a);
}

static bool authority_drop(struct creds *c, const char *name)
{
	for (size_t i = 0; i < c->n_authorities; i++)
		if (strcmp(c->authorities[i]->name, name) == 0) {
			cred_set_clear(c->set, CRED_SRC_AUTHORITY, name);
			authority_free(c, c->authorities[i]);
			memmove(&c->authorities[i], &c->authorities[i + 1], (c->n_authorities - i - 1) * sizeof c->authorities[0]);
			c->n_authorities--;
			return true;
		}
	return false;
}

static err_t read_uris(const struct conf_node *section, const char *name, char ***out, struct diag **why)
{
	const struct conf_node *n = conf_node_child(section, name);
	struct conf_items it = { 0 };
	size_t have = 0;

	*out = calloc(URIS_MAX + 1, sizeof **out);
	if (!*out)
		return E_NOMEM;
	while (n && conf_items_next(n, &it)) {
		if (have == URIS_MAX)
			return conf_node_fail(n, true, why, E_LIMIT, "'%s' has more than %d addresses", name, URIS_MAX);
		if (!memmem(it.text.p, it.text.n, "://", 3) || memchr(it.text.p, 0, it.text.n))
			return conf_node_fail(n, true, why, E_BAD_VALUE, "'%s' = '%.*s': an address as http://ca.example.com/ca.crl is expected",
				name, (int)(it.text.n > 80 ? 80 : it.text.n), (const char *)it.text.p);
		(*out)[have] = strndup((const char *)it.text.p, it.text.n);
		if (!(*out)[have++])
			return E_NOMEM;
	}
	return 0;
}

static err_t read_ca(struct creds *c, const struct conf_node *section, struct creds_authority *a, struct diag **why)
{
	const struct conf_node *n = conf_node_child(section, "cacert");
	struct conf_blob der = { 0 };
	char said[400] = "", dn[512];

	if (!n || !n->len)
		n = conf_node_child(section, "file");
	if (!n || n->kind != CONF_VALUE || !n->len)
		return conf_node_fail(section, false, why, E_BAD_VALUE, "authority '%s' has no cacert", section->name);
	err_t e = creds_conf_cred(c->d, CONF_CRED_CA, slice_of(n->text, n->len), &der, said, sizeof said);
	if (!e)
		e = c->ops->parse(slice_of(der.p, der.n), &a->cert, NULL);
	free(der.p);
	if (e)
		return conf_node_fail(n, true, why, e, "authority '%s': %s", section->name, said[0] ? said : err_text(e));
	a->subject = strdup(c->ops->dn_text(c->ops->info(a->cert)->subject, dn, sizeof dn));
	return a->subject ? 0 : E_NOMEM;
}

static err_t authority_read(struct creds *c, const struct conf_node *section, struct creds_authority **out, struct diag **why)
{
	const struct conf_node *base = conf_node_child(section, "cert_uri_base");
	struct creds_authority *a = calloc(1, sizeof *a);

	if (!a || !(a->name = strdup(section->name))) {
		free(a);
		return E_NOMEM;
	}
	err_t e = conf_check(&conf_schema_authority, section, NULL, why);
	if (!e)
		e = read_ca(c, section, a, why);
	if (!e)
		e = read_uris(section, "crl_uris", &a->crl_uris, why);
	if (!e)
		e = read_uris(section, "ocsp_uris", &a->ocsp_uris, why);
	if (!e && base && base->kind == CONF_VALUE && base->len && !(a->base = strdup(base->text)))
		e = E_NOMEM;
	if (e)
		authority_free(c, a);
	else
		*out = a;
	return e;
}

static err_t authority_keep(struct creds *c, struct creds_authority *a)
{
	authority_drop(c, a->name);
	err_t e = c->n_authorities < AUTHORITIES_MAX ? cred_set_add_cert(c->set, CRED_SRC_AUTHORITY, a->cert, CRED_CERT_CA, a->name) : E_LIMIT;
	struct creds_authority **v = e ? NULL : reallocarray(c->authorities, c->n_authorities + 1, sizeof *v);
	if (!v) {
		authority_free(c, a);
		return e ? e : E_NOMEM;
	}
	c->authorities = v;
	v[c->n_authorities++] = a;
	LOGF(c->d->log, LOG_CONFIG, LOG_CONTROL, NULL, "loaded authority '%s' (%s)", a->name, a->subject);
	return 0;
}

err_t creds_authority_load(void *arg, const struct conf_node *section, struct diag **why)
{
	struct creds *c = ((struct daemon *)arg)->creds;
	struct creds_authority *a;
	err_t e = authority_read(c, section, &a, why);

	return e ? e : authority_keep(c, a);
}

err_t creds_authority_check(void *arg, const struct conf_node *section, struct diag **why)
{
	struct creds *c = ((struct daemon *)arg)->creds;
	struct creds_authority *a;
	err_t e = authority_read(c, section, &a, why);

	if (!e)
		authority_free(c, a);
	return e;
}

void creds_authorities_sync(struct daemon *d, const struct conf_node *rest)
{
	struct creds *c = d->creds;
	const struct conf_node *all = conf_node_child(rest, "authorities");
	struct creds_authority *a;

	if (!c->ops)
		return;
	for (size_t i = c->n_authorities; i-- > 0;)
		if (c->authorities[i]->configured && (!all || !conf_node_child(all, c->authorities[i]->name)))
			authority_drop(c, c->authorities[i]->name);
	for (const struct conf_node *n = all ? all->first : NULL; n; n = n->next) {
		struct diag *why = NULL;
		char buf[400];
		err_t e = authority_read(c, n, &a, &why);
		if (!e) {
			a->configured = true;
			e = authority_keep(c, a);
		}
		if (e)
			LOGF(d->log, LOG_CONFIG, LOG_AUDIT, &(struct log_ctx){ .code = e }, "authority '%s' is left out: %s", n->name,
				diag_text(why, e, buf, sizeof buf));
		diag_free(&why);
	}
}

static err_t unload_authority(void *arg, const char *name)
{
	return authority_drop(((struct daemon *)arg)->creds, name) ? 0 : E_NOT_FOUND;
}

void creds_authorities_clear(struct creds *c)
{
	while (c->n_authorities)
		authority_drop(c, c->authorities[c->n_authorities - 1]->name);
	free(c->authorities);
	c->authorities = NULL;
}

static bool authority_at(void *arg, size_t i, struct api_authority *out)
{
	const struct creds *c = ((struct daemon *)arg)->creds;

	if (i >= c->n_authorities)
		return false;
	const struct creds_authority *a = c->authorities[i];
	*out = (struct api_authority){ a->name, a->subject, a->base, (const char *const *)a->crl_uris,
		(const char *const *)a->ocsp_uris };
	return true;
}

const struct creds_authority *creds_authority_of(const struct creds *c, const struct cert *issuer)
{
	const struct cert_info *want = issuer ? c->ops->info(issuer) : NULL;

	for (size_t i = 0; want && i < c->n_authorities; i++) {
		const struct cert_info *have = c->ops->info(c->authorities[i]->cert);
		if (slice_equal(have->subject, want->subject) && slice_equal(have->spki, want->spki))
			return c->authorities[i];
	}
	return NULL;
}

const struct api_creds creds_api = {
	.load_cert = load_cert, .load_key = load_key, .unload_key = unload_key, .key_at = key_at, .cert_next = cert_next,
	.subject = subject, .clear = clear,
	.flush = flush, .load_authority = creds_authority_load, .unload_authority = unload_authority, .authority_at = authority_at,
	.psk = creds_psk, .next = creds_next,
};
