/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rest/tls.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PEM_MAX = 1024 * 1024, CHAIN_MAX = 16 };

/* What tells one version of a file from the next. */
struct mark {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec at;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static gnutls_datum_t cert, key; /* PEM, under the lock */
static struct mark cert_mark, key_mark;

static struct mark mark_of(const char *path)
{
	struct stat st;
	if (stat(path, &st))
		return (struct mark){ 0 };
	return (struct mark){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
}

static bool same(const struct mark *a, const struct mark *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->at.tv_sec == b->at.tv_sec && a->at.tv_nsec == b->at.tv_nsec;
}

static void drop(gnutls_datum_t *d)
{
	if (d->data)
		explicit_bzero(d->data, d->size);
	free(d->data);
	*d = (gnutls_datum_t){ NULL, 0 };
}

static err_t read_pem(const char *path, gnutls_datum_t *out, struct diag **why)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return diag_errno(why, E_IO, errno, "cannot read %s", path);
	setvbuf(f, NULL, _IONBF, 0); /* no copy of the key in a buffer */
	unsigned char *b = malloc(PEM_MAX + 1);
	size_t n = b ? fread(b, 1, PEM_MAX + 1, f) : 0;
	fclose(f);
	if (!b)
		return E_NOMEM;
	*out = (gnutls_datum_t){ b, (unsigned)n };
	if (n && n <= PEM_MAX)
		return 0;
	drop(out);
	return diag_set(why, E_BAD_VALUE, "%s is empty or too long", path);
}

/* Does the key belong to the certificate? */
static err_t check(const char *cert_path, const char *key_path, const gnutls_datum_t *c, const gnutls_datum_t *k, struct diag **why)
{
	gnutls_certificate_credentials_t cred;
	if (gnutls_certificate_allocate_credentials(&cred) < 0)
		return E_NOMEM;
	int bad = gnutls_certificate_set_x509_key_mem(cred, c, k, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(cred);
	return bad < 0 ? diag_set(why, E_BAD_VALUE, "cannot use the certificate in %s with the key in %s: %s", cert_path, key_path,
		bad == GNUTLS_E_CERTIFICATE_KEY_MISMATCH ? "the key does not belong to the certificate" : gnutls_strerror(bad)) : 0;
}

err_t rest_tls_load(const char *cert_path, const char *key_path, struct diag **why)
{
	gnutls_datum_t c = { NULL, 0 }, k = { NULL, 0 };
	/* Looked at before the files are read: what changes meanwhile is noticed the next time. */
	cert_mark = mark_of(cert_path);
	key_mark = mark_of(key_path);
	err_t err = read_pem(cert_path, &c, why);
	if (!err)
		err = read_pem(key_path, &k, why);
	if (!err)
		err = check(cert_path, key_path, &c, &k, why);
	if (!err) {
		pthread_mutex_lock(&lock);
		gnutls_datum_t old[] = { cert, key };
		cert = c;
		key = k;
		pthread_mutex_unlock(&lock);
		c = old[0];
		k = old[1];
	}
	drop(&c);
	drop(&k);
	return err;
}

bool rest_tls_changed(const char *cert_path, const char *key_path)
{
	struct mark c = mark_of(cert_path), k = mark_of(key_path);
	return !same(&c, &cert_mark) || !same(&k, &key_mark);
}

void rest_tls_free(void)
{
	pthread_mutex_lock(&lock);
	drop(&cert);
	drop(&key);
	pthread_mutex_unlock(&lock);
}

/* Each handshake has a copy of its own, which the library frees. */
int rest_tls_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info, gnutls_pcert_st **certs, unsigned *n_certs,
		      gnutls_ocsp_data_st **ocsp, unsigned *n_ocsp, gnutls_privkey_t *out, unsigned *flags)
{
	(void)session;
	(void)info;
	unsigned n = CHAIN_MAX;
	gnutls_pcert_st *list = gnutls_calloc(CHAIN_MAX, sizeof *list);
	gnutls_privkey_t priv = NULL;
	if (!list || gnutls_privkey_init(&priv) < 0) {
		gnutls_free(list);
		return -1;
	}
	pthread_mutex_lock(&lock);
	int bad = gnutls_privkey_import_x509_raw(priv, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (bad >= 0)
		bad = gnutls_pcert_list_import_x509_raw(list, &n, &cert, GNUTLS_X509_FMT_PEM, 0);
	pthread_mutex_unlock(&lock);
	if (bad < 0) {
		gnutls_privkey_deinit(priv);
		gnutls_free(list);
		return -1;
	}
	*certs = list;
	*n_certs = n;
	*ocsp = NULL;
	*n_ocsp = 0;
	*out = priv;
	*flags = GNUTLS_CERT_RETR_DEINIT_ALL;
	return 0;
}
