/* SPDX-License-Identifier: Apache-2.0 */
/* Stores, the set, and what the configuration and the engine ask of them. Signatures are sign.c, trust is trust.c. */
#include "daemon/creds.h"

#include "base/count.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };
#define CLOCK_LEAST_S 1704067200 /* 2024-01-01 */

/* ---- stores -------------------------------------------------------------------------------------------------------- */

struct creds_store *creds_store_of(struct creds *c, uint16_t id)
{
	for (size_t i = 0; i < c->n_stores; i++)
		if (c->store[i].id == id)
			return &c->store[i];
	return NULL;
}

struct creds_store *creds_store_at(struct creds *c, uint16_t source)
{
	for (size_t i = 0; i < c->n_stores; i++)
		if (c->store[i].source == source)
			return &c->store[i];
	return NULL;
}

struct reading {
	struct creds *c;
	struct creds_store *s;
	unsigned keys, certs, bad;
};

static void read_key(void *arg, const struct cred_key_info *k)
{
	struct reading *r = arg;
	err_t e = cred_set_add_key(r->c->set, r->s->source, k);

	r->keys += !e;
	r->bad += e != 0;
	if (e)
		LOGF(r->c->d->log, LOG_CONFIG, LOG_AUDIT, &(struct log_ctx){ .code = e }, "private key %s of %s is left out: %s",
			k->label ? k->label : "", r->s->plugin, err_text(e));
}

static void read_cert(void *arg, const struct cred_cert_info *i)
{
	struct reading *r = arg;
	const struct cert_ops *ops = r->c->ops;
	struct cert_why why = { "" };
	struct cert_crl *crl;
	struct cert *cert;
	err_t e;

	if (i->flags & CRED_CERT_RAW)
		return; /* used where a connection names it */
	if (i->flags & CRED_CERT_CRL) {
		e = ops->crl_parse(i->der, &crl, &why);
		if (!e) {
			e = cred_set_add_crl(r->c->set, r->s->source, crl);
			ops->crl_unref(crl);
		}
	} else {
		e = ops->parse(i->der, &cert, &why);
		if (!e) {
			e = cred_set_add_cert(r->c->set, r->s->source, cert, i->flags, i->label);
			ops->unref(cert);
		}
	}
	r->certs += !e;
	r->bad += e != 0;
	if (e)
		LOGF(r->c->d->log, LOG_CONFIG, LOG_AUDIT, &(struct log_ctx){ .code = e }, "%s of %s is left out: %s",
			i->label ? i->label : "a certificate", r->s->plugin, why.text[0] ? why.text : err_text(e));
}

void creds_store_read(struct creds *c, struct creds_store *s)
{
	struct reading r = { .c = c, .s = s };

	cred_set_clear(c->set, s->source, NULL);
	cred_set_clear_keys(c->set, s->source);
	creds_psk_read(c, s);
	if (s->ops->each_key && c->ops)
		s->ops->each_key(s->self, read_key, &r);
	if (s->ops->each_cert && c->ops)
		s->ops->each_cert(s->self, read_cert, &r);
	if (r.keys || r.certs || r.bad)
		LOGF(c->d->log, LOG_CONFIG, LOG_DETAIL, NULL, "%s: %u private keys, %u certificates and CRLs, %u left out", s->plugin,
			r.keys, r.certs, r.bad);
}

static void stores_find(struct creds *c)
{
	const struct reg_feat *f;
	size_t cursor = 0;

	while ((f = registry_each_feat(c->d->reg, PLUG_CRED, &cursor)) && c->n_stores < CREDS_STORES_MAX) {
		if (!f->offered)
			continue;
		struct creds_store *s = &c->store[c->n_stores];
		*s = (struct creds_store){ f->row->ops, f->plugin->self, f->plugin->name, f->is.id,
			(uint16_t)(CRED_SRC_STORE + c->n_stores) };
		c->n_stores++;
		creds_store_read(c, s);
	}
}

void creds_cred_changed(void *arg, const char *plugin)
{
	struct daemon *d = arg;

	/* Before the start everything is read anyway. */
	for (size_t i = 0; d->creds && i < d->creds->n_stores; i++)
		if (strcmp(d->creds->store[i].plugin, plugin) == 0)
			creds_store_read(d->creds, &d->creds->store[i]);
}

/* ---- what a connection names -------------------------------------------------------------------------------------------- */

bool creds_conf_auth(void *arg, uint8_t cls, const char *method)
{
	const struct daemon *d = arg;

	(void)method;
	return cls == CONF_AUTH_PSK || (cls == CONF_AUTH_PUBKEY && d->creds && d->creds->ops);
}

static bool looks_like_data(slice t)
{
	return (t.n > 1 && t.p[0] == 0x30 && t.p[1] >= 0x80) || memchr(t.p, 0, t.n) || memmem(t.p, t.n, "-----BEGIN", 10);
}

/* Relative paths are below the folder of the configuration, as swanctl has it. */
void creds_path(const struct daemon *d, const char *folder, slice name, char *out, size_t cap)
{
	const char *conf = d->opt.config ? d->opt.config : "";
	const char *slash = strrchr(conf, '/');

	if (name.n && name.p[0] == '/')
		snprintf(out, cap, "%.*s", (int)name.n, (const char *)name.p);
	else
		snprintf(out, cap, "%.*s/%s/%.*s", slash ? (int)(slash - conf) : 1, slash ? conf : ".", folder, (int)name.n,
			(const char *)name.p);
}

err_t creds_read_file(const char *path, uint8_t **out, size_t *n, char *why, size_t cap)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	err_t e = 0;

	*out = NULL;
	if (fd < 0 || fstat(fd, &st)) {
		snprintf(why, cap, "%s: %s", path, strerror(errno));
		e = errno == ENOENT ? E_NOT_FOUND : E_IO;
	} else if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		snprintf(why, cap, "%s is not a regular file of at most %d bytes", path, FILE_MAX);
		e = E_BAD_VALUE;
	} else if (!(*out = malloc((size_t)st.st_size + 1))) {
		e = E_NOMEM;
	} else {
		ssize_t got = read(fd, *out, (size_t)st.st_size);
		*n = got < 0 ? 0 : (size_t)got;
		if (got < 0) {
			snprintf(why, cap, "%s: %s", path, strerror(errno));
			e = E_IO;
		}
	}
	if (fd >= 0)
		close(fd);
	return e;
}

static err_t blob_set(struct conf_blob *out, slice der)
{
	out->p = malloc(der.n ? der.n : 1);
	if (!out->p)
		return E_NOMEM;
	memcpy(out->p, der.p, der.n);
	out->n = (uint32_t)der.n;
	return 0;
}

/* The first object of the wanted kind; other certificates of a bundle (a full chain) are intermediates. */
static err_t take_objects(struct creds *c, uint8_t kind, const struct cert_objects *o, struct conf_blob *out, char *why, size_t cap)
{
	err_t e = 0;

	for (size_t i = 0; i < o->n && !e; i++) {
		const struct cert_object *v = &o->v[i];
		if (kind == CONF_CRED_PUBKEY && (v->kind == CERT_OBJ_PUBLIC || v->kind == CERT_OBJ_CERT) && !out->p)
			e = blob_set(out, v->kind == CERT_OBJ_CERT ? c->ops->info(v->cert)->spki : v->spki);
		if (kind == CONF_CRED_PUBKEY || v->kind != CERT_OBJ_CERT)
			continue;
		if (!out->p)
			e = blob_set(out, c->ops->info(v->cert)->der);
		if (!e)
			e = cred_set_add_cert(c->set, CRED_SRC_CONN, v->cert, kind == CONF_CRED_CA ? CRED_CERT_CA : 0, "");
	}
	if (!e && !out->p) {
		snprintf(why, cap, "there is no %s in it", kind == CONF_CRED_PUBKEY ? "public key" : "certificate");
		e = E_BAD_VALUE;
	}
	return e;
}

static err_t check_map(struct creds *c, slice text, char *why, size_t cap)
{
	char *copy = strndup((const char *)text.p, text.n);
	struct cert_map *m = NULL;
	struct cert_why said = { "" };
	err_t e = copy ? c->ops->map_parse(copy, &m, &said) : E_NOMEM;

	if (e)
		snprintf(why, cap, "%s", said.text[0] ? said.text : err_text(e));
	else
		c->ops->map_free(m);
	free(copy);
	return e;
}

err_t creds_conf_cred(void *arg, uint8_t kind, slice text, struct conf_blob *out, char *why, size_t cap)
{
	struct daemon *d = arg;
	struct creds *c = d->creds;
	struct cert_objects *o = NULL;
	struct cert_why said = { "" };
	uint8_t *bytes = NULL;
	char path[4096] = "";
	size_t n = 0;
	err_t e = 0;

	if (!c || !c->ops) {
		snprintf(why, cap, "nothing that is loaded reads certificates (plugin x509)");
		return E_NOT_SUPPORTED;
	}
	if (kind == CONF_CRED_MAP)
		return check_map(c, text, why, cap);
	if (!looks_like_data(text)) {
		static const char *const folders[] = { [CONF_CRED_CERT] = "x509", [CONF_CRED_CA] = "x509ca", [CONF_CRED_PUBKEY] = "pubkey" };
		creds_path(d, folders[kind], text, path, sizeof path);
		e = creds_read_file(path, &bytes, &n, why, cap);
		text = slice_of(bytes, n);
	}
	if (!e && (e = c->ops->parse_any(text, NULL, &o, &said)))
		snprintf(why, cap, "%s%s%s", path, path[0] ? ": " : "", said.text);
	if (!e)
		e = take_objects(c, kind, o, out, why, cap);
	if (o)
		c->ops->objects_free(o);
	free(bytes);
	if (e && !why[0])
		snprintf(why, cap, "%s", err_text(e));
	return e;
}

err_t creds_conf_id(void *arg, const char *conn, const struct conf_blob *cert, struct conf_id *id)
{
	struct daemon *d = arg;
	const struct cert_ops *ops = d->creds->ops;
	struct cert_name name = { id->type, slice_of(id->data, id->n) };
	struct cert_why why;
	struct cert *c;
	char was[256], is[256];

	if (ops->parse(slice_of(cert->p, cert->n), &c, &why))
		return 0;
	const struct cert_info *info = ops->info(c);
	int64_t now = (int64_t)time(NULL);
	err_t dates = now > info->not_after ? E_CERT_EXPIRED : now < info->not_before ? E_CERT_NOT_YET : 0;
	if (dates)
		LOGF(d->log, LOG_PKI, LOG_AUDIT, (&(struct log_ctx){ .code = dates }), "connection '%s': our certificate \"%s\" %s%s; %s", conn,
			ops->dn_text(info->subject, was, sizeof was), dates == E_CERT_EXPIRED ? "has expired" : "is not valid yet",
			creds_clock_text(dates, is, sizeof is), cert_remedy(dates));
	if (!cred_set_key_of(d->creds->set, info->spki))
		LOGF(d->log, LOG_CONFIG, LOG_AUDIT, &(struct log_ctx){ .code = E_NO_KEY }, "connection '%s': no private key for its certificate "
			"\"%s\" is loaded; load it before the connection is used", conn, ops->dn_text(info->subject, was, sizeof was));
	err_t e = id->type && ops->name_check(c, &name, CERT_NAME_IN_CN, &why) == 0 ? 0 : E_CERT_NAME;
	if (e && info->n_names) {
		if (id->type)
			LOGF(d->log, LOG_CONFIG, LOG_CONTROL, NULL, "identity '%s' is not confirmed by its certificate: '%s' is used",
				conf_id_text(id->type, name.data, was, sizeof was),
				conf_id_text(info->names[0].type, info->names[0].data, is, sizeof is));
		conf_id_fini(id);
		e = conf_id_copy(id, info->names[0].type, info->names[0].data);
	} else {
		e = 0;
	}
	ops->unref(c);
	return e;
}

/* ---- what the engine asks ------------------------------------------------------------------------------------------------ */

struct ike_auth_ask *creds_ask_keep(struct arena *a, const struct ike_auth_ask *ask)
{
	struct ike_auth_ask *q = arena_dup(a, ask, sizeof *ask);
	struct ike_cert *v = q && q->n_certs ? arena_dup(a, q->certs, q->n_certs * sizeof *v) : NULL;

	if (!q || (q->n_certs && !v))
		return NULL;
	q->my_id = arena_slice(a, q->my_id);
	q->peer_id = arena_slice(a, q->peer_id);
	q->octets = arena_slice(a, q->octets);
	q->cas = arena_slice(a, q->cas);
	q->auth = arena_slice(a, q->auth);
	for (uint16_t i = 0; i < q->n_certs; i++)
		v[i].data = arena_slice(a, v[i].data);
	q->certs = v;
	q->conn = conf_conn_ref(ask->conn);
	return q;
}

/* Of the CAs a connection accepts, or of all. */
slice creds_ca_hashes(void *arg, const struct conf_conn *conn, bool *http)
{
	static _Thread_local uint8_t some[64 * CRED_KEYID_LEN];
	struct daemon *d = arg;
	struct creds *c = d->creds;
	const struct conf_auth *r = conn && conn->n_remote ? &conn->remote[0] : NULL;
	struct cert *cert;
	size_t n = 0;

	*http = false;
	if (!c || !c->ops)
		return SLICE_NONE;
	*http = fetcher_has(c->fetcher, "http") && d->conf.hash_and_url && (!conn || conn->hash_and_url);
	if (!r || !r->n_cacerts)
		return cred_set_cas(c->set);
	for (uint16_t i = 0; i < r->n_cacerts && n < 64; i++)
		if (c->ops->parse(slice_of(r->cacerts[i].p, r->cacerts[i].n), &cert, NULL) == 0) {
			memcpy(some + n++ * CRED_KEYID_LEN, c->ops->info(cert)->key_sha1, CRED_KEYID_LEN);
			c->ops->unref(cert);
		}
	return slice_of(some, n * CRED_KEYID_LEN);
}

char *creds_cert_names(void *arg, slice der, char *buf, size_t cap)
{
	const struct daemon *d = arg;
	const struct cert_ops *ops = d->creds ? d->creds->ops : NULL;
	struct text t = text_of(buf, cap);
	struct cert *c;
	char one[256];

	if (!ops || ops->parse(der, &c, NULL))
		return buf;
	const struct cert_info *info = ops->info(c);
	text_str(&t, "its certificate \"");
	text_str(&t, ops->dn_text(info->subject, one, sizeof one));
	text_str(&t, "\"");
	/* The subject is among the names. */
	unsigned n = 0;
	for (size_t i = 0; i < info->n_names; i++)
		if (!slice_equal(info->names[i].data, info->subject))
			text_fmt(&t, "%s'%s'", n++ ? ", " : " names ", conf_id_text(info->names[i].type, info->names[i].data, one, sizeof one));
	if (!n)
		text_str(&t, " has no subjectAltName");
	ops->unref(c);
	return buf;
}

const char *creds_clock_text(err_t verdict, char *buf, size_t cap)
{
	struct timex ntp = { .modes = 0 };
	time_t now = time(NULL);
	struct tm tm;
	char at[32] = "?";

	buf[0] = 0;
	if (verdict != E_CERT_EXPIRED && verdict != E_CERT_NOT_YET && verdict != E_CRL_STALE)
		return buf;
	if (gmtime_r(&now, &tm))
		(void)strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &tm);
	int state = adjtimex(&ntp);
	snprintf(buf, cap, " (this host's clock says %s%s%s)", at, now < CLOCK_LEAST_S ? ", which cannot be: it was never set" : "",
		state < 0 ? "" : state == TIME_ERROR || ntp.status & STA_UNSYNC ? "; NTP does not hold it in sync" : "; NTP holds it in sync");
	return buf;
}

void creds_trust(struct daemon *d, const struct ike_auth_ask *ask)
{
	if (d->creds && d->creds->ops && d->creds->ops->verify)
		trusts_ask(d->creds->trusts, ask);
	else
		drive_trust_done(d, ask->token, E_NOT_SUPPORTED, "nothing that is loaded verifies certificates (plugin x509)", NULL);
}

/* ---- life ----------------------------------------------------------------------------------------------------------------- */

err_t creds_start(struct daemon *d, struct diag **why)
{
	struct creds *c = calloc(1, sizeof *c);

	if (!c)
		return diag_set(why, E_NOMEM, "no memory for credentials");
	d->creds = c;
	c->d = d;
	c->next_token = 1;
	c->ops = registry_find(d->reg, PLUG_CERT_VERIFY, 0, 0);
	c->hashes = cred_hashes(&d->crypto);
	err_t e = cred_set_new(c->ops, &d->crypto, &c->set);
	if (!e && !(c->stored = conf_secrets_new()))
		e = E_NOMEM;
	if (!e)
		e = fetcher_new(d, &c->fetcher);
	if (!e)
		e = trusts_new(c, &c->trusts);
	if (!e)
		e = creds_life_new(c);
	if (e)
		return diag_set(why, e, "no memory for credentials");
	stores_find(c);
	/* A clock that was never set makes every certificate wrong. */
	if (time(NULL) < CLOCK_LEAST_S)
		LOGF(d->log, LOG_PKI, LOG_AUDIT, &(struct log_ctx){ .code = E_CERT_NOT_YET }, "this host's clock stands before 2024: certificates will "
			"not be valid; set it (is NTP in sync?)");
	d->can.auth = creds_conf_auth;
	d->can.cred = c->ops ? creds_conf_cred : NULL;
	d->can.cred_id = c->ops ? creds_conf_id : NULL;
	d->can.authority = c->ops ? creds_authority_check : NULL;
	d->can.arg = d;
	return 0;
}

void creds_second(struct daemon *d)
{
	creds_psk_second(d->creds);
	creds_sign_second(d->creds);
	creds_load_second(d->creds);
	trusts_second(d->creds->trusts);
	creds_life_second(d->creds);
}

void creds_stop(struct daemon *d)
{
	struct creds *c = d->creds;

	if (!c)
		return;
	creds_sign_stop(c);
	creds_load_stop(c);
	creds_keys_clear(c);
	creds_authorities_clear(c);
	creds_pubs_clear(c);
	creds_life_free(c);
	creds_seen_clear(c);
	trusts_free(c->trusts);
	fetcher_free(c->fetcher);
	cred_set_free(c->set);
	creds_psk_second(c);
	conf_secrets_free(c->stored);
	free(c);
	d->creds = NULL;
}
