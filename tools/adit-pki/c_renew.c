/* SPDX-License-Identifier: Apache-2.0 */
/*
 * renew: looks at certificates and renews those that end soon, over EST or with a CA folder of this host. Meant for a
 * timer: what needs nothing costs nothing, and one that fails does not keep the others from it.
 */
#include "ca.h"
#include "enrol.h"

#include "base/secret.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BEFORE_S = 30 * 86400, LINES_MAX = 64 };
extern char **environ;

/* One certificate: the keys of a file, or the options of the command line. */
struct job {
	const char *name;
	const char *cert, *key, *est, *trust, *ca, *before, *reload, *user, *password_file, *new_key;
	char *text; /* that they point into, or NULL */
};

static const struct {
	const char *key;
	size_t at;
} keys[] = {
	{ "cert", offsetof(struct job, cert) },
	{ "key", offsetof(struct job, key) },
	{ "est", offsetof(struct job, est) },
	{ "trust", offsetof(struct job, trust) },
	{ "ca", offsetof(struct job, ca) },
	{ "before", offsetof(struct job, before) },
	{ "reload", offsetof(struct job, reload) },
	{ "user", offsetof(struct job, user) },
	{ "password-file", offsetof(struct job, password_file) },
	{ "new-key", offsetof(struct job, new_key) },
};

static bool set(struct job *j, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strcmp(keys[i].key, key) == 0) {
			*(const char **)((char *)j + keys[i].at) = value;
			return true;
		}
	return false;
}

static char *trim(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	for (size_t n = strlen(s); n && isspace((unsigned char)s[n - 1]);)
		s[--n] = 0;
	return s;
}

/* "key = value" lines; '#' begins a comment. */
static bool read_job(const struct pki *p, const char *path, struct job *j)
{
	uint8_t *bytes;
	size_t n;
	unsigned line = 0;
	char *save = NULL;

	*j = (struct job){ .name = path };
	if (!pki_read(p, path, &bytes, &n))
		return false;
	j->text = (char *)bytes;
	for (char *s = strtok_r(j->text, "\n", &save); s; s = strtok_r(NULL, "\n", &save)) {
		char *t = trim(s), *eq = strchr(t, '=');
		line++;
		if (!*t || *t == '#')
			continue;
		if (!eq)
			return pki_say(p, 0, "%s: \"%s\" is no \"key = value\"", path, t);
		*eq = 0;
		if (!set(j, trim(t), trim(eq + 1)))
			return pki_say(p, 0,
				       "%s: there is no key \"%s\"; known are cert, key, est, trust, ca, before, "
				       "reload, user, "
				       "password-file, new-key",
				       path, trim(t));
	}
	return line > 0 || pki_say(p, 0, "%s: is empty", path);
}

/* From the CA folder of this host: the same names, a new end. */
static int from_ca(const struct pki *p, const struct job *j, gnutls_x509_crq_t crq, gnutls_datum_t *out)
{
	struct build b = build_new(p);
	struct ca ca;
	char uri[3][2100];
	int rc = PKI_NO;

	if (!ca_open(&ca, p, j->ca, NULL, true))
		return PKI_NO;
	if (ca_url(&ca)) {
		static const char *const tails[] = { "crl", "ocsp", "ca.crt" };
		struct pki_list *const lists[] = { &b.crl, &b.ocsp, &b.ca_uri };
		for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
			snprintf(uri[i], sizeof uri[i], "%s/%s", ca_url(&ca), tails[i]);
			pki_list_add(lists[i], uri[i]);
		}
	}
	gnutls_x509_crt_t crt = pki_make_crt(&b, crq, NULL, ca.crt, ca.key);
	if (crt && ca_note(&ca, crt) && ca_save(&ca) && gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, out) == 0)
		rc = PKI_OK;
	if (crt)
		gnutls_x509_crt_deinit(crt);
	build_fini(&b);
	ca_close(&ca);
	return rc;
}

/* The words of the command, without a shell. */
static bool reload(const struct pki *p, const struct job *j)
{
	char *copy = strdup(j->reload), *argv[LINES_MAX + 1], *save = NULL;
	size_t n = 0;
	pid_t pid;
	int status = 0;

	if (!copy)
		return false;
	for (char *w = strtok_r(copy, " \t", &save); w && n < LINES_MAX; w = strtok_r(NULL, " \t", &save))
		argv[n++] = w;
	argv[n] = NULL;
	int rc = n ? posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) : EINVAL;
	if (!rc)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	free(copy);
	return (!rc && WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	       pki_say(p, 0, "%s: renewed, but \"%s\" failed: %s", j->cert, j->reload,
		       rc ? strerror(rc) : "it gave a bad status");
}

static int renew(struct pki *p, const struct job *j, bool force, bool dry)
{
	int64_t before = BEFORE_S;
	gnutls_datum_t der = { NULL, 0 };
	gnutls_x509_privkey_t made = NULL;
	gnutls_privkey_t key = NULL;
	gnutls_x509_crq_t crq = NULL;
	char until[32];
	int rc = PKI_NO;

	if (!j->cert || !j->key || !j->est == !j->ca)
		return pki_say(p, PKI_MISUSE, "%s: cert, key, and one of est and ca are needed", j->name);
	if (j->before && !pki_lifetime(j->before, &before))
		return pki_say(p, PKI_MISUSE, "%s: \"%s\" is no time; write 30d", j->name, j->before);
	gnutls_x509_crt_t old = pki_crt(p, j->cert);
	if (!old)
		return PKI_NO;
	int64_t end = gnutls_x509_crt_get_expiration_time(old);
	if (!force && end - pki_now() > before) {
		printf("%s: good until %s\n", j->cert, pki_time_text(end, until));
		rc = PKI_OK;
		goto out;
	}
	if (dry) {
		printf("%s: would be renewed, it ends at %s\n", j->cert, pki_time_text(end, until));
		rc = PKI_OK;
		goto out;
	}
	bool fresh = j->new_key && strcmp(j->new_key, "yes") == 0;
	if (fresh) {
		unsigned bits = 0;
		int pk = gnutls_x509_crt_get_pk_algorithm(old, &bits);
		made = pki_generate(p,
				    pk == GNUTLS_PK_RSA || pk == GNUTLS_PK_RSA_PSS ? "rsa"
				    : pk == GNUTLS_PK_EDDSA_ED25519                ? "ed25519"
				    : pk == GNUTLS_PK_EDDSA_ED448                  ? "ed448"
										   : "ec",
				    pk == GNUTLS_PK_RSA || pk == GNUTLS_PK_ECDSA ? bits : 0, false);
		if (!made || gnutls_privkey_init(&key) || gnutls_privkey_import_x509(key, made, 0))
			goto out;
	} else {
		key = pki_signer(p, j->key, NULL);
	}
	crq = key ? enrol_again(p, old, key) : NULL;
	if (!crq)
		goto out;
	const struct enrol e = { .p = p,
				 .url = j->est,
				 .trust = j->trust,
				 .user = j->user,
				 .password_file = j->password_file,
				 .cert = j->cert,
				 .key = j->key };
	rc = j->ca ? from_ca(p, j, crq, &der) : est_enrol(&e, crq, key, true, &der);
	/* The key goes first: whoever reads in between finds a pair that does not fit for a moment, never one that is
	 * lost. */
	if (!rc && made)
		rc = pki_write_key(p, made, j->key, NULL, true);
	if (!rc)
		rc = pki_write_object(p, j->cert, slice_of(der.data, der.size), "CERTIFICATE", true, false) ? PKI_OK
													    : PKI_NO;
	if (!rc)
		printf("%s: renewed\n", j->cert);
	if (!rc && j->reload && !reload(p, j))
		rc = PKI_NO;
out:
	gnutls_free(der.data);
	if (crq)
		gnutls_x509_crq_deinit(crq);
	if (key)
		gnutls_privkey_deinit(key);
	if (made)
		gnutls_x509_privkey_deinit(made);
	gnutls_x509_crt_deinit(old);
	return rc;
}

static int is_conf(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 5 && d->d_name[0] != '.' && strcmp(d->d_name + n - 5, ".conf") == 0;
}

static int renew_all(struct pki *p, const char *dir, bool force, bool dry)
{
	struct dirent **v;
	int n = scandir(dir, &v, is_conf, alphasort), worst = PKI_OK;

	if (n < 0)
		return pki_say(p, PKI_MISUSE, "%s: %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		struct job j;
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", dir, v[i]->d_name);
		int rc = read_job(p, path, &j) ? renew(p, &j, force, dry) : PKI_MISUSE;
		worst = rc > worst ? rc : worst;
		free(j.text);
		free(v[i]);
	}
	free(v);
	return worst;
}

int pki_renew(struct pki *p, int argc, char **argv)
{
	enum { O_ALL = 256, O_CONFIG, O_FORCE, O_DRY, O_NEW };
	static const struct option options[] = {
		{ "cert", 1, NULL, 0 },        { "key", 1, NULL, 0 },         { "est", 1, NULL, 0 },
		{ "trust", 1, NULL, 0 },       { "ca", 1, NULL, 0 },          { "before", 1, NULL, 0 },
		{ "reload", 1, NULL, 0 },      { "user", 1, NULL, 0 },        { "password-file", 1, NULL, 0 },
		{ "new-key", 0, NULL, O_NEW }, { "all", 2, NULL, O_ALL },     { "config", 1, NULL, O_CONFIG },
		{ "force", 0, NULL, O_FORCE }, { "dry-run", 0, NULL, O_DRY }, { NULL, 0, NULL, 0 }
	};
	struct job j = { .name = "the command line" };
	const char *all = NULL, *config = NULL;
	bool force = false, dry = false;
	int c, i, rc;

	while ((c = getopt_long(argc, argv, "", options, &i)) != -1) {
		if (c == 0)
			set(&j, options[i].name, optarg);
		else if (c == O_NEW)
			j.new_key = "yes";
		else if (c == O_ALL)
			all = optarg ? optarg : ADIT_SYSCONF_DIR "/adit/renew.d";
		else if (c == O_CONFIG)
			config = optarg;
		else if (c == O_FORCE)
			force = true;
		else if (c == O_DRY)
			dry = true;
		else
			return pki_usage(p);
	}
	if (optind < argc || (all && config) || ((all || config) && (j.cert || j.key)))
		return pki_usage(p);
	if (all)
		return renew_all(p, all, force, dry);
	if (config) {
		rc = read_job(p, config, &j) ? renew(p, &j, force, dry) : PKI_MISUSE;
		free(j.text);
		return rc;
	}
	return renew(p, &j, force, dry);
}
