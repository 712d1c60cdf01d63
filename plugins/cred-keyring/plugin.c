/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cred-keyring: private keys and shared secrets in a keyring of the Linux kernel (keyrings(7)). They stay there: a private
 * key is read for one signature, into locked memory, and wiped; a secret is read for one authentication. What is kept here
 * are serial numbers, descriptions and public halves, looked at again every `rescan` seconds.
 *
 * Threads: the loop owns the table; sign() runs on crypto workers and takes the serial number from it under the lock.
 */
#include "base/secret.h"
#include "plugin/abi_cert.h"
#include "plugin/abi_cred.h"

#include <errno.h>
#include <keyutils.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS_MAX = 4096, DESC_MAX = 512, PAYLOAD_MAX = 32 * 1024, CTX_MAX = 16384 };

/* What a key is, by the beginning of its description. */
static const struct kind {
	const char *prefix;
	const char *type; /* of a secret; NULL: a private key */
} kinds[] = {
	{ "adit:key:", NULL },
	{ "adit:psk:", "IKE" },
	{ "adit:eap:", "EAP" },
	{ "adit:ppk:", "PPK" },
	{ "adit:xauth:", "XAUTH" },
};

struct item {
	struct item *next;
	uint64_t number;
	key_serial_t serial;
	const struct kind *kind;
	char *rest;  /* the description behind the prefix: label, or owners */
	uint8_t *spki;
	size_t spki_n;
	bool seen;   /* by the scan that runs */
	bool loaded; /* named by load(): stays when its keyring is not the configured one */
};

struct self {
	const struct plug_host *host;
	const struct cert_ops *certs;
	pthread_mutex_t lock; /* of the list: changed by the loop, read by workers */
	struct item *items;
	unsigned n_items;
	uint64_t last_number;
	struct plug_timer *timer;
	char ring[128];
	bool said; /* that the keyring cannot be read */
};

/* ---- the kernel ------------------------------------------------------------------------------------------------------- */

/* A keyring's keys may be read by who possesses it: whose own keyrings lead there. Each thread has its own. */
static void possess(key_serial_t ring)
{
	(void)keyctl_link(ring, KEY_SPEC_THREAD_KEYRING);
}

static key_serial_t ring_of(const char *name)
{
	static const struct {
		const char *name;
		key_serial_t id;
	} known[] = {
		{ "user", KEY_SPEC_USER_KEYRING }, { "session", KEY_SPEC_SESSION_KEYRING }, { "process", KEY_SPEC_PROCESS_KEYRING },
	};
	key_serial_t id;

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].name, name) == 0)
			return keyctl_get_keyring_ID(known[i].id, 1);
	if (strcmp(name, "persistent") == 0)
		return (key_serial_t)keyctl_get_persistent((uid_t)-1, KEY_SPEC_THREAD_KEYRING);
	possess(KEY_SPEC_USER_KEYRING);
	id = (key_serial_t)keyctl_search(KEY_SPEC_USER_KEYRING, "keyring", name, 0);
	return id > 0 ? id : find_key_by_type_and_desc("keyring", name, 0);
}

/* The payload, straight into locked memory. */
static err_t read_payload(key_serial_t serial, struct secret *out)
{
	long n = keyctl_read(serial, NULL, 0);

	if (n < 0 && errno == EACCES) {
		possess(serial);
		n = keyctl_read(serial, NULL, 0);
	}
	if (n < 0)
		return errno == EACCES || errno == EPERM ? E_PERM : E_NOT_FOUND;
	if (n == 0 || n > PAYLOAD_MAX)
		return E_BAD_VALUE;
	err_t err = secret_init(out, (size_t)n);
	if (err)
		return err;
	long got = keyctl_read(serial, (char *)out->p, (size_t)n);
	if (got < 0 || got > n) {
		secret_fini(out);
		return got < 0 ? E_NOT_FOUND : E_STALE;
	}
	secret_trim(out, (size_t)got);
	return 0;
}

/* ---- the table -------------------------------------------------------------------------------------------------------- */

static void item_free(struct item *i)
{
	free(i->rest);
	free(i->spki);
	free(i);
}

/* PKCS #8 of a private key in any of its forms; objects_free wipes it. */
static err_t parse_key(const struct self *s, slice payload, struct cert_objects **out, struct cert_object **key, struct cert_why *why)
{
	err_t err = s->certs->parse_any(payload, NULL, out, why);

	*key = NULL;
	if (err)
		return err;
	for (size_t i = 0; i < (*out)->n && !*key; i++)
		if ((*out)->v[i].kind == CERT_OBJ_KEY)
			*key = &(*out)->v[i];
	if (*key)
		return 0;
	s->certs->objects_free(*out);
	*out = NULL;
	snprintf(why->text, sizeof why->text, "it holds no private key");
	return E_BAD_VALUE;
}

static err_t find_public(const struct self *s, struct item *i, char *why, size_t cap)
{
	struct secret payload = { 0 };
	struct cert_objects *all = NULL;
	struct cert_object *key;
	struct cert_why w = { "" };
	err_t err = read_payload(i->serial, &payload);

	if (err)
		snprintf(w.text, sizeof w.text, "it cannot be read; give its user the permission to (keyctl setperm)");
	else
		err = parse_key(s, secret_slice(&payload), &all, &key, &w);
	secret_fini(&payload);
	if (!err) {
		i->spki = malloc(key->spki.n);
		i->spki_n = key->spki.n;
		if (i->spki)
			memcpy(i->spki, key->spki.p, key->spki.n);
		else
			err = E_NOMEM;
		s->certs->objects_free(all);
	}
	if (err)
		snprintf(why, cap, "key %d '%s%.200s' of the kernel is no private key for us: %s", i->serial, i->kind->prefix, i->rest,
			w.text[0] ? w.text : err_text(err));
	return err;
}

/* 0: known already or added; E_NOT_FOUND: not a description of ours. */
static err_t take(struct self *s, key_serial_t serial, const char *desc, bool loaded, uint64_t *number, char *why, size_t cap)
{
	const struct kind *kind = NULL;

	for (size_t i = 0; i < ARRAY_LEN(kinds) && !kind; i++)
		if (strncmp(desc, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
			kind = &kinds[i];
	if (!kind) {
		snprintf(why, cap, "the description of a key begins with adit:key:, adit:psk:, adit:eap:, adit:ppk: or adit:xauth:, not '%.100s'",
			desc);
		return E_BAD_VALUE;
	}
	const char *rest = desc + strlen(kind->prefix);
	for (struct item *i = s->items; i; i = i->next)
		if (i->serial == serial && i->kind == kind && strcmp(i->rest, rest) == 0) {
			i->seen = true;
			i->loaded |= loaded;
			*number = i->number;
			return 0;
		}
	if (s->n_items >= ITEMS_MAX) {
		snprintf(why, cap, "more than %d keys of ours in the keyring", ITEMS_MAX);
		return E_LIMIT;
	}
	struct item *i = calloc(1, sizeof *i);
	if (!i || !(i->rest = strdup(rest))) {
		free(i);
		snprintf(why, cap, "no memory");
		return E_NOMEM;
	}
	i->serial = serial;
	i->kind = kind;
	i->seen = true;
	i->loaded = loaded;
	err_t err = kind->type ? 0 : find_public(s, i, why, cap);
	if (err) {
		item_free(i);
		return err;
	}
	pthread_mutex_lock(&s->lock);
	*number = i->number = ++s->last_number;
	i->next = s->items;
	s->items = i;
	s->n_items++;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static bool drop_unseen(struct self *s)
{
	bool any = false;

	pthread_mutex_lock(&s->lock);
	for (struct item **at = &s->items; *at;) {
		struct item *i = *at;
		if (i->seen) {
			at = &i->next;
			continue;
		}
		*at = i->next;
		s->n_items--;
		item_free(i);
		any = true;
	}
	pthread_mutex_unlock(&s->lock);
	return any;
}

/* Type and description of a key: "user;0;0;3f010000;adit:key:gw". NULL: it is none of type user. */
static const char *describe(key_serial_t serial, char *buf, size_t cap)
{
	char *p = buf;
	int n = keyctl_describe(serial, buf, cap);

	if (n <= 0 || (size_t)n > cap || strncmp(buf, "user;", 5) != 0)
		return NULL;
	for (int field = 0; field < 4 && p; field++)
		p = (p = strchr(p, ';')) ? p + 1 : NULL;
	return p;
}

static void scan(void *arg)
{
	struct self *s = arg;
	uint64_t last = s->last_number, number;
	char buf[DESC_MAX], why[512];
	key_serial_t *keys = NULL, ring = ring_of(s->ring);

	if (ring > 0)
		possess(ring);
	long n = ring > 0 ? keyctl_read_alloc(ring, (void **)&keys) : -1;
	if (n < 0 && !s->said) {
		snprintf(why, sizeof why, "keyring '%s' cannot be read: %s; create it (keyctl newring %s @u) or set `keyring`", s->ring,
			strerrordesc_np(errno), s->ring);
		s->host->log(s->host->h, 1, why);
	}
	s->said = n < 0;
	for (struct item *i = s->items; i; i = i->next)
		i->seen = i->loaded && keyctl_describe(i->serial, NULL, 0) > 0;
	for (long i = 0; i < n / (long)sizeof *keys; i++) {
		const char *desc = describe(keys[i], buf, sizeof buf);
		if (desc && strncmp(desc, "adit:", 5) == 0 && take(s, keys[i], desc, false, &number, why, sizeof why))
			s->host->log(s->host->h, 1, why);
	}
	free(keys);
	if (drop_unseen(s) || s->last_number != last)
		s->host->cred_changed(s->host->h);
}

/* ---- the store -------------------------------------------------------------------------------------------------------- */

static void ring_each_key(void *self, void (*cb)(void *arg, const struct cred_key_info *k), void *arg)
{
	struct self *s = self;

	for (struct item *i = s->items; i; i = i->next)
		if (!i->kind->type)
			cb(arg, &(struct cred_key_info){ .key = i->number, .spki = slice_of(i->spki, i->spki_n), .label = i->rest });
}

static void ring_each_secret(void *self, void (*cb)(void *arg, const struct cred_secret_info *c), void *arg)
{
	struct self *s = self;

	for (struct item *i = s->items; i; i = i->next)
		if (i->kind->type)
			cb(arg, &(struct cred_secret_info){ .secret = i->number, .type = i->kind->type, .owners = i->rest, .label = i->rest });
}

static key_serial_t serial_of(struct self *s, uint64_t number, bool secret)
{
	key_serial_t serial = 0;

	pthread_mutex_lock(&s->lock);
	for (struct item *i = s->items; i && !serial; i = i->next)
		if (i->number == number && !!i->kind->type == secret)
			serial = i->serial;
	pthread_mutex_unlock(&s->lock);
	return serial;
}

static err_t ring_read_secret(void *self, uint64_t number, void (*cb)(void *arg, slice bytes), void *arg)
{
	key_serial_t serial = serial_of(self, number, true);
	struct secret payload = { 0 };
	err_t err = serial ? read_payload(serial, &payload) : E_NOT_FOUND;

	if (!err)
		cb(arg, secret_slice(&payload));
	secret_fini(&payload);
	return err;
}

static err_t sign_with(const struct sign_ops *ops, slice pkcs8, const struct cred_sign *what, uint8_t *sig, size_t *len)
{
	_Alignas(16) uint8_t ctx[CTX_MAX];

	if (ops->ctx_size > sizeof ctx || !ops->load_private)
		return E_NOT_SUPPORTED;
	err_t err = ops->load_private(ctx, pkcs8);
	if (!err)
		err = ops->sign(ctx, &what->how, &what->octets, 1, sig, len);
	ops->fini(ctx);
	mem_wipe(ctx, ops->ctx_size);
	return err;
}

/* The curve of an EC key is what its provider is found by; it is asked for each there is. */
static err_t sign_by_any(const struct self *s, slice pkcs8, const struct cred_sign *what, uint8_t *sig, size_t *len)
{
	static const uint16_t curves[] = { 19, 20, 21, 28, 29, 30 };
	bool ec = what->sign_id == PLUG_SIGN_ECDSA || what->sign_id == PLUG_SIGN_ECDSA_RAW;
	err_t err = E_NOT_SUPPORTED;

	for (size_t i = 0; i < (ec ? ARRAY_LEN(curves) : 1) && err; i++) {
		const struct sign_ops *ops = s->host->find(s->host->h, PLUG_SIGN, what->sign_id, ec ? curves[i] : 0);
		if (ops)
			err = sign_with(ops, pkcs8, what, sig, len);
	}
	return err;
}

/* On a crypto worker. */
static err_t ring_sign(void *self, const struct cred_sign *what, uint8_t *sig, size_t *len, uint64_t token)
{
	struct self *s = self;
	key_serial_t serial = serial_of(s, what->key, false);
	struct secret payload = { 0 };
	struct cert_objects *all = NULL;
	struct cert_object *key;
	struct cert_why why;
	err_t err = serial ? read_payload(serial, &payload) : E_NOT_FOUND;

	(void)token;
	if (!err)
		err = parse_key(s, secret_slice(&payload), &all, &key, &why);
	secret_fini(&payload);
	if (!err) {
		err = sign_by_any(s, key->der, what, sig, len);
		s->certs->objects_free(all);
	}
	s->host->count(s->host->h, err ? "sign_failed" : "signed", 1);
	return err;
}

static bool text_of_attr(const struct cred_attr *v, size_t n, const char *name, char *out, size_t cap)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].name, name) == 0 && v[i].value.n < cap && !memchr(v[i].value.p, 0, v[i].value.n)) {
			memcpy(out, v[i].value.p, v[i].value.n);
			out[v[i].value.n] = 0;
			return true;
		}
	return false;
}

/* Names one key by its description, in the configured keyring or another. */
static err_t ring_load(void *self, const struct cred_attr *v, size_t n, uint64_t token, uint64_t *key, char *why, size_t cap)
{
	struct self *s = self;
	char desc[DESC_MAX], ring[128];
	uint64_t number = 0;

	(void)token;
	*key = 0;
	if (!text_of_attr(v, n, "description", desc, sizeof desc)) {
		snprintf(why, cap, "a key of a kernel keyring is named by its description, which is not given or too long");
		return E_BAD_VALUE;
	}
	if (!text_of_attr(v, n, "keyring", ring, sizeof ring))
		snprintf(ring, sizeof ring, "%s", s->ring);
	key_serial_t id = ring_of(ring);
	if (id > 0)
		possess(id);
	key_serial_t serial = id > 0 ? (key_serial_t)keyctl_search(id, "user", desc, 0) : -1;
	if (serial <= 0) {
		snprintf(why, cap, "keyring '%.100s' has no key of type user with the description '%.200s': %s; add it with keyctl padd user",
			ring, desc, strerrordesc_np(errno));
		return E_NOT_FOUND;
	}
	err_t err = take(s, serial, desc, true, &number, why, cap);
	if (err)
		return err;
	if (serial_of(s, number, false))
		*key = number;
	s->host->cred_changed(s->host->h);
	return 0;
}

static err_t ring_unload(void *self, uint64_t number)
{
	struct self *s = self;
	bool found = false;

	for (struct item *i = s->items; i; i = i->next) {
		i->seen = i->number != number;
		found |= !i->seen;
	}
	drop_unseen(s);
	return found ? 0 : E_NOT_FOUND;
}

static void ring_clear(void *self)
{
	struct self *s = self;

	for (struct item *i = s->items; i; i = i->next)
		i->loaded = false;
	scan(s);
}

/* ---- life --------------------------------------------------------------------------------------------------------------- */

static void ring_stop(void *self)
{
	struct self *s = self;

	s->host->untimer(s->host->h, s->timer);
	for (struct item *i = s->items; i; i = i->next)
		i->seen = false;
	drop_unseen(s);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static err_t ring_reconfigure(void *self, const struct plug_host *host)
{
	struct self *s = self;
	const char *v = host->conf(host->h, "keyring"), *every = host->conf(host->h, "rescan");
	uint64_t every_ms = plug_conf_time_s(every) * 1000;

	snprintf(s->ring, sizeof s->ring, "%s", v ? v : "user");
	host->untimer(host->h, s->timer);
	s->timer = every_ms ? host->timer(host->h, every_ms, every_ms, scan, s) : NULL;
	scan(s);
	return 0;
}

static err_t ring_start(const struct plug_host *host, void **self)
{
	struct self *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	s->host = host;
	s->certs = host->find(host->h, PLUG_CERT_VERIFY, 0, 0);
	if (!s->certs) {
		free(s);
		host->log(host->h, 0, "keys cannot be read without a plugin for certificates; load x509");
		return E_NEEDS;
	}
	pthread_mutex_init(&s->lock, NULL);
	*self = s;
	return ring_reconfigure(s, host);
}

static const struct cred_ops ops = { .size = sizeof ops, .flags = CRED_SYNC_WORKER, .each_key = ring_each_key,
	.each_secret = ring_each_secret, .sign = ring_sign, .load = ring_load, .unload = ring_unload, .clear = ring_clear,
	.read_secret = ring_read_secret };

static const struct plug_feat needs_certs[] = { { PLUG_CERT_VERIFY, 0, 0 }, { 0, 0, 0 } };

static const struct plug_feat_row feats[] = {
	{ .is = { PLUG_CRED, CRED_STORE_KEYRING, 0 }, .prio = 10, .needs = needs_certs, .ops = &ops },
};

static const struct plug_conf_key conf[] = {
	{ "keyring", PLUG_CONF_STRING, 0, 0, "user", "Keyring that is looked at: user, session, process, persistent, or its name." },
	{ "rescan", PLUG_CONF_TIME_S, 0, 86400, "60", "Seconds between two looks for keys that came or went; 0: only on reload." },
	{ NULL, 0, 0, 0, NULL, NULL },
};

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "cred-keyring",
	.version = "0.1.0",
	.summary = "private keys and shared secrets in Linux kernel keyrings",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
	.conf = conf,
	.start = ring_start,
	.reconfigure = ring_reconfigure,
	.stop = ring_stop,
};
