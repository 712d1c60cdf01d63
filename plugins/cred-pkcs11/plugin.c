/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cred-pkcs11: private keys on tokens (smart cards, HSMs, SoftHSM) through p11-kit. The key stays on its token; what is
 * kept here is its name, its public half, the certificates beside it, and the PIN. This file is the loop's side.
 */
#include "plugins/cred-pkcs11/token.h"

#include <gnutls/pkcs11.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static err_t say_why(char *why, size_t cap, err_t err, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static err_t say_why(char *why, size_t cap, err_t err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, cap, fmt, ap);
	va_end(ap);
	return err;
}

/* ---- keys ------------------------------------------------------------------------------------------------------------- */

static void found_fini(struct p11_key *k)
{
	for (size_t i = 0; i < k->n_certs; i++)
		free(k->cert[i].der);
	free(k->spki);
	k->spki = NULL;
	k->n_certs = 0;
}

static void key_unref(struct p11_key *k)
{
	if (--k->refs)
		return;
	found_fini(k);
	secret_fini(&k->pin);
	free(k);
}

static struct p11_key *key_by(const struct p11 *s, uint64_t number)
{
	for (struct p11_key *k = s->keys; k; k = k->next)
		if (k->number == number)
			return k;
	return NULL;
}

/* ---- jobs ------------------------------------------------------------------------------------------------------------- */

static void job_free(struct p11_job *j)
{
	key_unref(j->key);
	found_fini(&j->found);
	secret_fini(&j->pin);
	free(j->octets);
	free(j);
}

static struct p11_job *job_new(struct p11 *s, enum job_type type, struct p11_key *k, uint64_t token)
{
	unsigned at = 0;

	while (at < JOBS_MAX && s->all[at])
		at++;
	struct p11_job *j = at < JOBS_MAX ? calloc(1, sizeof *j) : NULL;
	if (!j)
		return NULL;
	s->all[at] = j;
	s->n_jobs++;
	j->self = s;
	j->type = (uint8_t)type;
	j->token = token;
	j->key = k;
	k->refs++;
	return j;
}

static void job_forget(struct p11 *s, struct p11_job *j)
{
	for (unsigned i = 0; i < JOBS_MAX; i++)
		if (s->all[i] == j)
			s->all[i] = NULL;
	s->n_jobs--;
	job_free(j);
}

static void job_put(struct p11_job *j)
{
	struct p11 *s = j->self;

	pthread_mutex_lock(&s->lock);
	*s->tail = j;
	s->tail = &j->next;
	pthread_cond_signal(&s->bell);
	pthread_mutex_unlock(&s->lock);
}

static void key_unlist(struct p11 *s, struct p11_key *k)
{
	struct p11_key **at = &s->keys;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	k->listed = false;
	s->n_keys--;
	/* The thread closes the handle; without room for that it is closed with the process. */
	struct p11_job *j = job_new(s, JOB_CLOSE, k, 0);
	if (j)
		job_put(j);
	key_unref(k);
}

static void loaded(struct p11 *s, struct p11_job *j)
{
	struct p11_key *k = j->key;

	if (!k->listed && !j->err) {
		j->err = E_STALE;
		snprintf(j->why, sizeof j->why, "token key %.200s was unloaded while it was loaded", k->label);
	}
	if (j->err) {
		/* One that was never found is not kept. */
		if (k->listed && !k->spki)
			key_unlist(s, k);
		return;
	}
	found_fini(k);
	k->spki = j->found.spki;
	k->spki_n = j->found.spki_n;
	k->pk = j->found.pk;
	k->bits = j->found.bits;
	memcpy(k->cert, j->found.cert, sizeof k->cert);
	k->n_certs = j->found.n_certs;
	j->found.spki = NULL;
	j->found.n_certs = 0;
}

void p11_job_back(void *arg)
{
	struct p11_job *j = arg;
	struct p11 *s = j->self;
	const struct plug_host *host = s->host;

	if (j->type == JOB_LOAD) {
		uint64_t number = j->key->number;
		loaded(s, j);
		bool found = !j->err;
		host->count(host->h, found ? "loaded" : "load_failed", 1);
		if (found)
			host->cred_changed(host->h);
		if (!j->cancelled)
			host->cred_loaded(host->h, j->token, j->err, found ? number : 0, found ? NULL : j->why);
	} else if (j->type == JOB_SIGN) {
		host->count(host->h, j->err ? "sign_failed" : "signed", 1);
		if (!j->cancelled)
			host->cred_done(host->h, j->token, j->err, slice_of(j->sig, j->err ? 0 : j->sig_n), j->err ? j->why : NULL);
	}
	job_forget(s, j);
}

/* ---- the store -------------------------------------------------------------------------------------------------------- */

static slice attr(const struct cred_attr *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].name, name) == 0)
			return v[i].value;
	return SLICE_NONE;
}

static bool is_hex(slice v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!strchr("0123456789abcdefABCDEF", v.p[i]) || !v.p[i])
			return false;
	return v.n && v.n % 2 == 0;
}

/* Adds ";name=value" with everything percent-encoded but letters and digits (RFC 7512). */
static bool url_add(char *url, const char *name, slice v)
{
	size_t at = strlen(url);
	int n = snprintf(url + at, URL_MAX - at, "%s%s=", at > strlen("pkcs11:") ? ";" : "", name);

	at += (size_t)n;
	for (size_t i = 0; i < v.n; i++) {
		if (at + 4 > URL_MAX)
			return false;
		bool plain = (v.p[i] >= '0' && v.p[i] <= '9') || ((v.p[i] | 32) >= 'a' && (v.p[i] | 32) <= 'z');
		at += (size_t)snprintf(url + at, URL_MAX - at, plain ? "%c" : "%%%02x", v.p[i]);
	}
	return at < URL_MAX;
}

static bool url_add_hex(char *url, slice hex)
{
	size_t at = strlen(url);

	if (at + hex.n / 2 * 3 + 5 > URL_MAX)
		return false;
	at += (size_t)snprintf(url + at, URL_MAX - at, "%sid=", at > strlen("pkcs11:") ? ";" : "");
	for (size_t i = 0; i < hex.n; i += 2)
		at += (size_t)snprintf(url + at, URL_MAX - at, "%%%c%c", hex.p[i], hex.p[i + 1]);
	return true;
}

struct names {
	slice module;
	bool found;
};

static void name_seen(void *arg, const char *name)
{
	struct names *n = arg;

	n->found |= n->module.n == strlen(name) && memcmp(n->module.p, name, n->module.n) == 0;
}

/* Which key is meant: as the token section of swanctl.conf has it, or by label and token name. */
static err_t url_of(const struct p11 *s, const struct cred_attr *v, size_t n, char *url, char *why, size_t cap)
{
	slice id = attr(v, n, "handle"), slot = attr(v, n, "slot"), label = attr(v, n, "label");
	slice token = attr(v, n, "token"), module = attr(v, n, "module");
	struct names known = { .module = module };
	bool fits = true;

	if (!id.n && !label.n)
		return say_why(why, cap, E_BAD_VALUE, "a key on a token is named by handle (its ID in hex) or label; neither is given");
	if (id.n && !is_hex(id))
		return say_why(why, cap, E_BAD_VALUE, "handle is the key's ID in hex, as pkcs11-tool --list-objects shows it, not '%.*s'",
			(int)id.n, (const char *)id.p);
	for (size_t i = 0; i < slot.n; i++)
		if (slot.p[i] < '0' || slot.p[i] > '9')
			return say_why(why, cap, E_BAD_VALUE, "slot is a number, not '%.*s'", (int)slot.n, (const char *)slot.p);
	if (module.n && s->own_modules)
		s->host->conf_each(s->host->h, "", name_seen, &known);
	if (module.n && s->own_modules && !known.found)
		return say_why(why, cap, E_NOT_FOUND, "there is no module '%.*s'; add it to plugins { cred-pkcs11 { %.*s { path } } }",
			(int)module.n, (const char *)module.p, (int)module.n, (const char *)module.p);
	strcpy(url, "pkcs11:");
	if (id.n)
		fits &= url_add_hex(url, id);
	if (label.n)
		fits &= url_add(url, "object", label);
	if (token.n)
		fits &= url_add(url, "token", token);
	if (slot.n)
		fits &= url_add(url, "slot-id", slot);
	return fits ? 0 : say_why(why, cap, E_BAD_VALUE, "the names of the key are longer than %d bytes", URL_MAX);
}

static err_t p11_load(void *self, const struct cred_attr *v, size_t n, uint64_t token, uint64_t *key, char *why, size_t cap)
{
	struct p11 *s = self;
	char url[URL_MAX];
	struct p11_key *k;
	err_t err = url_of(s, v, n, url, why, cap);

	*key = 0;
	if (err)
		return err;
	for (k = s->keys; k && strcmp(k->url, url) != 0;)
		k = k->next;
	if (!k) {
		if (s->n_keys >= KEYS_MAX)
			return say_why(why, cap, E_LIMIT, "more than %d keys on tokens", KEYS_MAX);
		k = calloc(1, sizeof *k);
		if (!k)
			return say_why(why, cap, E_NOMEM, "no memory");
		snprintf(k->url, sizeof k->url, "%s", url);
		snprintf(k->label, sizeof k->label, "%s", url + strlen("pkcs11:"));
		k->number = ++s->last_number;
		k->refs = 1;
		k->listed = true;
		k->next = s->keys;
		s->keys = k;
		s->n_keys++;
	}
	struct p11_job *j = job_new(s, JOB_LOAD, k, token);
	if (j)
		err = secret_copy(&j->pin, attr(v, n, "pin"));
	if (!j || err) {
		if (j)
			job_forget(s, j);
		if (!k->spki)
			key_unlist(s, k);
		return say_why(why, cap, j ? err : E_FULL, "the token has too much to do; load the key again later");
	}
	job_put(j);
	return E_AGAIN;
}

static void p11_each_key(void *self, void (*cb)(void *arg, const struct cred_key_info *k), void *arg)
{
	struct p11 *s = self;

	for (struct p11_key *k = s->keys, *next; k; k = next) {
		next = k->next;
		if (k->spki)
			cb(arg, &(struct cred_key_info){ .key = k->number, .spki = slice_of(k->spki, k->spki_n), .label = k->label });
	}
}

static void p11_each_cert(void *self, void (*cb)(void *arg, const struct cred_cert_info *c), void *arg)
{
	struct p11 *s = self;

	for (struct p11_key *k = s->keys; k; k = k->next)
		for (size_t i = 0; i < k->n_certs; i++)
			cb(arg, &(struct cred_cert_info){ .der = slice_of(k->cert[i].der, k->cert[i].n), .label = k->label });
}

static err_t p11_can(void *self, uint64_t key, uint16_t sign_id, const struct sign_how *how)
{
	struct p11_key *k = key_by(self, key);

	if (!k || !k->spki)
		return E_NOT_FOUND;
	return p11_algorithm(k->pk, sign_id, how) == GNUTLS_SIGN_UNKNOWN ? E_NOT_SUPPORTED : 0;
}

static err_t p11_sign(void *self, const struct cred_sign *what, uint8_t *sig, size_t *len, uint64_t token)
{
	struct p11 *s = self;
	struct p11_key *k = key_by(s, what->key);
	err_t err = p11_can(s, what->key, what->sign_id, &what->how);

	(void)sig, (void)len;
	if (err)
		return err;
	struct p11_job *j = job_new(s, JOB_SIGN, k, token);
	if (!j) {
		s->host->count(s->host->h, "refused_full", 1);
		return E_FULL;
	}
	j->octets = malloc(what->octets.n ? what->octets.n : 1);
	if (!j->octets) {
		job_forget(s, j);
		return E_NOMEM;
	}
	if (what->octets.n)
		memcpy(j->octets, what->octets.p, what->octets.n);
	j->n = what->octets.n;
	j->sign_id = what->sign_id;
	j->how = what->how;
	job_put(j);
	return E_AGAIN;
}

static void p11_cancel(void *self, uint64_t token)
{
	struct p11 *s = self;

	for (unsigned i = 0; i < JOBS_MAX; i++)
		if (s->all[i] && s->all[i]->token == token && s->all[i]->type != JOB_CLOSE)
			s->all[i]->cancelled = true;
}

static err_t p11_unload(void *self, uint64_t key)
{
	struct p11 *s = self;
	struct p11_key *k = key_by(s, key);

	if (!k)
		return E_NOT_FOUND;
	key_unlist(s, k);
	return 0;
}

static void p11_clear(void *self)
{
	struct p11 *s = self;

	while (s->keys)
		(void)p11_unload(s, s->keys->number);
}

/* ---- life --------------------------------------------------------------------------------------------------------------- */

static void module_seen(void *arg, const char *name)
{
	struct p11 *s = arg;
	const struct plug_host *host = s->host;
	char key[128], text[512];

	snprintf(key, sizeof key, "%s.path", name);
	const char *path = host->conf(host->h, key);
	if (!s->own_modules && gnutls_pkcs11_init(GNUTLS_PKCS11_FLAG_MANUAL, NULL) < 0)
		return;
	s->own_modules = true;
	int rc = path ? gnutls_pkcs11_add_provider(path, NULL) : GNUTLS_E_PKCS11_LOAD_ERROR;
	if (rc >= 0)
		return;
	snprintf(text, sizeof text, "module '%s' cannot be loaded from %s: %s; correct its path", name, path ? path : "(no path given)",
		gnutls_strerror(rc));
	host->log(host->h, 0, text);
}

/* A token that hangs must not hold up the end of the daemon: the thread is then left to the process. */
static void p11_stop(void *self)
{
	struct p11 *s = self;
	struct timespec end;

	p11_clear(s);
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	s->quiet = true;
	pthread_cond_signal(&s->bell);
	pthread_mutex_unlock(&s->lock);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 2;
	if (pthread_timedjoin_np(s->thread, NULL, &end))
		return;
	for (unsigned i = 0; i < JOBS_MAX; i++)
		if (s->all[i])
			job_forget(s, s->all[i]);
	gnutls_pkcs11_deinit();
	free(s);
}

static err_t p11_start(const struct plug_host *host, void **self)
{
	struct p11 *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	s->host = host;
	s->tail = &s->head;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->bell, NULL);
	host->conf_each(host->h, "", module_seen, s);
	/* Nothing configured: what p11-kit knows (/etc/pkcs11, /usr/share/p11-kit/modules). */
	if (!s->own_modules && gnutls_pkcs11_init(GNUTLS_PKCS11_FLAG_AUTO, NULL) < 0) {
		host->log(host->h, 0, "p11-kit cannot be started; see p11-kit list-modules");
		free(s);
		return E_IO;
	}
	if (pthread_create(&s->thread, NULL, p11_thread, s)) {
		gnutls_pkcs11_deinit();
		free(s);
		return E_NOMEM;
	}
	*self = s;
	return 0;
}

static const struct cred_ops ops = { .size = sizeof ops, .each_key = p11_each_key, .each_cert = p11_each_cert, .can = p11_can,
	.sign = p11_sign, .cancel = p11_cancel, .load = p11_load, .unload = p11_unload, .clear = p11_clear };

static const struct plug_feat_row feats[] = {
	{ .is = { PLUG_CRED, CRED_STORE_PKCS11, 0 }, .prio = 10, .ops = &ops },
};

static const struct plug_conf_key conf[] = {
	{ "*.path", PLUG_CONF_PATH, 0, 0, NULL, "PKCS#11 module (a shared object) to load; without any, those p11-kit is configured with." },
	{ NULL, 0, 0, 0, NULL, NULL },
};

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "cred-pkcs11",
	.version = "0.1.0",
	.summary = "private keys on PKCS#11 tokens",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
	.conf = conf,
	.start = p11_start,
	.stop = p11_stop,
};
