/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys, certificates and CRLs in the folders of a swanctl directory, so that aditd has them without anybody loading them, and
 * again after it was started anew. Looked at every few seconds: what has changed is read, what is gone is forgotten.
 */
#include "plugins/cred-common/keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 4096, FILE_MAX = 8 << 20, CERTS_MAX = 16384, PATH_LEN = 4096 };

/* A certificate or list as it was read. */
struct item {
	slice der; /* owned */
	uint32_t flags;
	char *label;
};

struct files {
	const struct plug_host *host;
	struct keys *keys;
	struct item *items;
	size_t n_items;
	uint64_t round;  /* of reading: what has an older one is gone */
	uint64_t seen;   /* sum of names, sizes and times of all files */
	struct plug_timer *timer;
};

static const struct {
	const char *name;
	bool keys;
	uint32_t flags;
} folders[] = {
	{ "x509", false, 0 }, { "x509ca", false, CRED_CERT_CA }, { "x509ocsp", false, CRED_CERT_OCSP }, { "x509crl", false, CRED_CERT_CRL },
	{ "private", true, 0 }, { "rsa", true, 0 }, { "ecdsa", true, 0 }, { "pkcs8", true, 0 }, { "pkcs12", true, 0 },
};

static void PRINTF_LIKE(3, 4) say(const struct files *f, int level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	f->host->log(f->host->h, level, text);
}

/* ---- what is kept -------------------------------------------------------------------------------------------------- */

static void items_clear(struct files *f)
{
	for (size_t i = 0; i < f->n_items; i++) {
		free((void *)f->items[i].der.p);
		free(f->items[i].label);
	}
	free(f->items);
	f->items = NULL;
	f->n_items = 0;
}

static void item_add(struct files *f, slice der, uint32_t flags, const char *label)
{
	struct item *v = f->n_items < CERTS_MAX ? reallocarray(f->items, f->n_items + 1, sizeof *v) : NULL;
	uint8_t *copy = v ? malloc(der.n ? der.n : 1) : NULL;
	char *name = copy ? strdup(label) : NULL;

	if (v)
		f->items = v;
	if (!name) {
		free(copy);
		return;
	}
	memcpy(copy, der.p, der.n);
	f->items[f->n_items++] = (struct item){ slice_of(copy, der.n), flags, name };
}

/* ---- one file ---------------------------------------------------------------------------------------------------------- */

struct want {
	struct files *f;
	const char *file;
	const char *secret;
};

/* A subsection names a file, by path or by its last part, and its passphrase. */
static void look_for(void *arg, const char *name)
{
	struct want *w = arg;
	const struct plug_host *h = w->f->host;
	char key[256];

	snprintf(key, sizeof key, "%s.file", name);
	const char *file = h->conf(h->h, key), *slash = strrchr(w->file, '/');
	if (!file || (strcmp(file, w->file) != 0 && strcmp(file, slash ? slash + 1 : w->file) != 0))
		return;
	snprintf(key, sizeof key, "%s.secret", name);
	w->secret = h->conf(h->h, key);
}

static void take(struct files *f, const struct cert_ops *ops, const char *path, size_t folder, const struct cert_objects *o)
{
	uint64_t number;

	for (size_t i = 0; i < o->n; i++) {
		const struct cert_object *v = &o->v[i];
		if (v->kind == CERT_OBJ_CERT)
			item_add(f, ops->info(v->cert)->der, folders[folder].flags & ~(uint32_t)CRED_CERT_CRL, path);
		else if (v->kind == CERT_OBJ_CRL)
			item_add(f, ops->crl_info(v->crl)->der, CRED_CERT_CRL, path);
		else if (v->kind == CERT_OBJ_LOCKED)
			say(f, 0, "%s is encrypted: give its passphrase as secret beside file in aditd.plugins.cred-file", path);
		else if (v->kind == CERT_OBJ_KEY && folders[folder].keys) {
			err_t e = keys_add(f->keys, v->der, v->spki, path, f->round, &number);
			if (e)
				say(f, 0, "the private key in %s cannot be used: %s", path, err_text(e));
		}
	}
}

static void read_file(struct files *f, const char *path, size_t folder)
{
	const struct cert_ops *ops = f->host->find(f->host->h, PLUG_CERT_VERIFY, 0, 0);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct want w = { f, path, NULL };
	struct cert_objects *o = NULL;
	struct cert_why why = { "" };
	struct stat st;
	uint8_t *bytes = NULL;
	ssize_t n = -1;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX && (bytes = malloc((size_t)st.st_size + 1)))
		n = read(fd, bytes, (size_t)st.st_size);
	if (n < 0) {
		say(f, 0, "%s cannot be read: %s", path, fd < 0 ? strerror(errno) : "not a regular file of at most 8 MB");
	} else {
		if (folders[folder].keys && st.st_mode & S_IROTH)
			say(f, 0, "%s holds a private key and may be read by everybody: chmod o-r %s", path, path);
		f->host->conf_each(f->host->h, "", look_for, &w);
		err_t e = ops->parse_any(slice_of(bytes, (size_t)n), w.secret, &o, &why);
		if (o)
			take(f, ops, path, folder, o);
		else
			say(f, 0, "%s is left out: %s", path, why.text[0] ? why.text : err_text(e));
	}
	if (o)
		ops->objects_free(o);
	if (bytes)
		explicit_bzero(bytes, n > 0 ? (size_t)n : 0);
	free(bytes);
	if (fd >= 0)
		close(fd);
}

/* ---- all of them --------------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t sum, uint64_t v)
{
	sum ^= v + 0x9e3779b97f4a7c15u + (sum << 6) + (sum >> 2);
	return sum * 0xbf58476d1ce4e5b9u;
}

/* Goes over the files of a folder: `sum` alone, or reads them, too. */
static void walk(struct files *f, const char *base, size_t folder, bool read, uint64_t *sum, unsigned *n)
{
	char path[PATH_LEN];
	struct dirent *e;
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", base, folders[folder].name);
	DIR *d = opendir(path);
	while (d && *n < FILES_MAX && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s/%s", base, folders[folder].name, e->d_name);
		if (stat(path, &st) || S_ISDIR(st.st_mode))
			continue;
		uint64_t one = mix(mix(mix(folder, (uint64_t)st.st_size), (uint64_t)st.st_mtim.tv_sec), (uint64_t)st.st_mtim.tv_nsec);
		for (const char *p = e->d_name; *p; p++)
			one = mix(one, (uint8_t)*p);
		*sum += mix(one, st.st_ino);
		++*n;
		if (read)
			read_file(f, path, folder);
	}
	if (d)
		closedir(d);
}

static void look(struct files *f, bool always)
{
	const char *base = f->host->conf(f->host->h, "directory");
	uint64_t sum = 0;
	unsigned n = 0;

	if (!base)
		return;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		walk(f, base, i, false, &sum, &n);
	if (sum == f->seen && !always)
		return;
	f->seen = sum;
	f->round++;
	items_clear(f);
	n = 0;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		walk(f, base, i, true, &sum, &n);
	keys_del_other(f->keys, f->round);
	if (n == FILES_MAX)
		say(f, 0, "more than %d files below %s: the rest is not read", FILES_MAX, base);
	say(f, 1, "%zu private keys, %zu certificates and CRLs in %s", keys_count(f->keys), f->n_items, base);
	f->host->cred_changed(f->host->h);
}

static void tick(void *arg)
{
	look(arg, false);
}

/* ---- the store ----------------------------------------------------------------------------------------------------------- */

static void each_key(void *self, void (*cb)(void *arg, const struct cred_key_info *k), void *arg)
{
	keys_each(((struct files *)self)->keys, cb, arg);
}

static void each_cert(void *self, void (*cb)(void *arg, const struct cred_cert_info *c), void *arg)
{
	const struct files *f = self;

	for (size_t i = 0; i < f->n_items; i++)
		cb(arg, &(struct cred_cert_info){ f->items[i].der, f->items[i].flags, f->items[i].label });
}

static err_t sign(void *self, const struct cred_sign *what, uint8_t *sig, size_t *len, uint64_t token)
{
	(void)token;
	return keys_sign(((struct files *)self)->keys, what, sig, len);
}

static const struct cred_ops ops = { .size = sizeof ops, .flags = CRED_SYNC_WORKER, .each_key = each_key, .each_cert = each_cert,
	.sign = sign };

static const struct plug_feat needs[] = { { PLUG_CERT_VERIFY, 0, 0 }, { 0, 0, 0 } };
static const struct plug_feat_row feats[] = {
	{ .is = { PLUG_CRED, CRED_STORE_FILE, 0 }, .prio = 10, .needs = needs, .ops = &ops },
};

static const struct plug_conf_key conf[] = {
	{ "directory", PLUG_CONF_PATH, 0, 0, NULL, "Folder with x509, x509ca, x509crl, x509ocsp, private, rsa, ecdsa, pkcs8, pkcs12; unless set nothing is read." },
	{ "interval", PLUG_CONF_TIME_S, 1, 86400, "10", "How often it is looked for changes." },
	{ "*.file", PLUG_CONF_STRING, 0, 0, NULL, "A file that is encrypted, by its path or name." },
	{ "*.secret", PLUG_CONF_STRING, 0, 0, NULL, "Its passphrase." },
	{ NULL, 0, 0, 0, NULL, NULL },
};

static err_t start(const struct plug_host *host, void **self)
{
	struct files *f = calloc(1, sizeof *f);
	const char *s = host->conf(host->h, "interval");
	uint64_t ms = (uint64_t)(s ? atoi(s) : 10) * 1000;

	if (!f)
		return E_NOMEM;
	f->host = host;
	f->keys = keys_new(host);
	f->timer = host->timer(host->h, ms, ms, tick, f);
	if (!f->keys || !f->timer) {
		keys_free(f->keys);
		free(f);
		return E_NOMEM;
	}
	look(f, true);
	*self = f;
	return 0;
}

static err_t reconfigure(void *self, const struct plug_host *host)
{
	(void)host;
	look(self, true);
	return 0;
}

static void stop(void *self)
{
	struct files *f = self;

	f->host->untimer(f->host->h, f->timer);
	items_clear(f);
	keys_free(f->keys);
	free(f);
}

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "cred-file",
	.version = "0.1.0",
	.summary = "private keys, certificates and CRLs in folders that are watched",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
	.conf = conf,
	.start = start,
	.reconfigure = reconfigure,
	.stop = stop,
};
