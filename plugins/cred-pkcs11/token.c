/* SPDX-License-Identifier: Apache-2.0 */
/* The token thread of cred-pkcs11: finds keys and signs, through GnuTLS and p11-kit. */
#include "plugins/cred-pkcs11/token.h"

#include <gnutls/crypto.h>
#include <gnutls/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what can go wrong ----------------------------------------------------------------------------------------------- */

static const struct {
	int rc;
	err_t err;
	const char *text;
} causes[] = {
	{ GNUTLS_E_PKCS11_PIN_ERROR, E_PERM, "the PIN is missing or wrong; correct `pin` (it is not tried again, so that the token "
		"does not lock)" },
	{ GNUTLS_E_PKCS11_PIN_EXPIRED, E_PERM, "the PIN has expired; set a new one on the token" },
	{ GNUTLS_E_PKCS11_PIN_LOCKED, E_PERM, "the PIN is locked after wrong tries; unlock it on the token" },
	{ GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE, E_NOT_FOUND, "no token has such a private key; "
		"`pkcs11-tool --list-objects --login` shows what is there, `handle` is its ID" },
	{ GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE, E_NOT_FOUND, "no token has such a private key; "
		"`pkcs11-tool --list-objects --login` shows what is there, `handle` is its ID" },
	{ GNUTLS_E_PKCS11_SLOT_ERROR, E_NOT_FOUND, "there is no such slot, or no token in it" },
	{ GNUTLS_E_PKCS11_TOKEN_ERROR, E_IO, "the token refused; is it present and initialised?" },
	{ GNUTLS_E_PKCS11_DEVICE_ERROR, E_IO, "the token's device failed" },
	{ GNUTLS_E_PKCS11_LOAD_ERROR, E_NOT_FOUND, "the PKCS#11 module cannot be loaded; correct its path" },
	{ GNUTLS_E_PKCS11_UNSUPPORTED_FEATURE_ERROR, E_NOT_SUPPORTED, "the token cannot do this" },
	{ GNUTLS_E_UNIMPLEMENTED_FEATURE, E_NOT_SUPPORTED, "GnuTLS cannot do this with a token" },
	{ GNUTLS_E_MEMORY_ERROR, E_NOMEM, "no memory" },
};

static void failed(struct p11_job *j, int rc)
{
	const char *text = gnutls_strerror(rc);

	j->err = E_IO;
	for (size_t i = 0; i < ARRAY_LEN(causes); i++)
		if (causes[i].rc == rc) {
			j->err = causes[i].err;
			text = causes[i].text;
		}
	snprintf(j->why, sizeof j->why, "token key %.200s: %s", j->key->label, text);
}

/* ---- finding a key ------------------------------------------------------------------------------------------------------ */

/* A wrong PIN is never tried twice: three wrong ones lock most tokens. */
static int give_pin(void *arg, int attempt, const char *url, const char *label, unsigned flags, char *pin, size_t cap)
{
	const struct secret *s = arg;

	(void)url, (void)label;
	if (attempt || !s->n || s->n >= cap || (flags & (GNUTLS_PIN_SO | GNUTLS_PIN_WRONG)))
		return GNUTLS_E_PKCS11_PIN_ERROR;
	memcpy(pin, s->p, s->n);
	pin[s->n] = 0;
	return 0;
}

static int open_key(const struct p11_key *key, struct secret *pin, gnutls_privkey_t *out)
{
	char url[URL_MAX + 16];
	gnutls_privkey_t k;
	int rc = gnutls_privkey_init(&k);

	if (rc < 0)
		return rc;
	snprintf(url, sizeof url, "%s;type=private", key->url);
	gnutls_privkey_set_pin_function(k, give_pin, pin);
	rc = gnutls_privkey_import_url(k, url, 0);
	if (rc < 0) {
		gnutls_privkey_deinit(k);
		return rc;
	}
	*out = k;
	return 0;
}

static int public_half(gnutls_privkey_t k, struct p11_key *found)
{
	gnutls_pubkey_t pub;
	gnutls_datum_t der = { NULL, 0 };
	int rc = gnutls_pubkey_init(&pub);

	if (rc < 0)
		return rc;
	rc = gnutls_pubkey_import_privkey(pub, k, 0, 0);
	if (rc >= 0)
		rc = gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, &der);
	/* What came from a token does not know its bits. */
	gnutls_pubkey_deinit(pub);
	pub = NULL;
	if (rc >= 0)
		rc = gnutls_pubkey_init(&pub);
	if (rc >= 0)
		rc = gnutls_pubkey_import(pub, &der, GNUTLS_X509_FMT_DER);
	if (rc >= 0) {
		found->pk = gnutls_pubkey_get_pk_algorithm(pub, &found->bits);
		found->spki = malloc(der.size);
		if (found->spki) {
			memcpy(found->spki, der.data, der.size);
			found->spki_n = der.size;
		} else {
			rc = GNUTLS_E_MEMORY_ERROR;
		}
	}
	gnutls_free(der.data);
	gnutls_pubkey_deinit(pub);
	return rc < 0 ? rc : 0;
}

/* The certificates that have the key's id, on its token. Their absence is no failure: they may be in files. */
static void certificates(const struct p11_key *k, struct p11_key *found)
{
	gnutls_pkcs11_obj_t *list = NULL;
	unsigned n = 0;
	char url[URL_MAX + 16];

	snprintf(url, sizeof url, "%s;type=cert", k->url);
	if (gnutls_pkcs11_obj_list_import_url4(&list, &n, url, 0) < 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		gnutls_datum_t der = { NULL, 0 };
		struct p11_cert *c = &found->cert[found->n_certs];
		if (found->n_certs < CERTS_MAX && gnutls_pkcs11_obj_export2(list[i], &der) >= 0 && (c->der = malloc(der.size))) {
			memcpy(c->der, der.data, der.size);
			c->n = der.size;
			found->n_certs++;
		}
		gnutls_free(der.data);
		gnutls_pkcs11_obj_deinit(list[i]);
	}
	gnutls_free(list);
}

static void load(struct p11_job *j)
{
	struct p11_key *k = j->key;
	gnutls_privkey_t open;
	int rc = open_key(k, &j->pin, &open);

	if (rc >= 0) {
		rc = public_half(open, &j->found);
		if (rc < 0)
			gnutls_privkey_deinit(open);
	}
	if (rc < 0) {
		failed(j, rc);
		return;
	}
	certificates(k, &j->found);
	if (k->open)
		gnutls_privkey_deinit(k->open);
	k->open = open;
	/* GnuTLS asks again when the token was pulled. */
	secret_fini(&k->pin);
	secret_move(&k->pin, &j->pin);
	gnutls_privkey_set_pin_function(open, give_pin, &k->pin);
}

/* ---- signing --------------------------------------------------------------------------------------------------------------- */

gnutls_sign_algorithm_t p11_algorithm(int pk, uint16_t sign_id, const struct sign_how *how)
{
	static const struct {
		uint16_t sign_id, hash, salt_len;
		int pk;
		gnutls_sign_algorithm_t alg;
	} rows[] = {
		{ PLUG_SIGN_RSA_PKCS1, PLUG_HASH_SHA1, 0, GNUTLS_PK_RSA, GNUTLS_SIGN_RSA_SHA1 },
		{ PLUG_SIGN_RSA_PKCS1, PLUG_HASH_SHA256, 0, GNUTLS_PK_RSA, GNUTLS_SIGN_RSA_SHA256 },
		{ PLUG_SIGN_RSA_PKCS1, PLUG_HASH_SHA384, 0, GNUTLS_PK_RSA, GNUTLS_SIGN_RSA_SHA384 },
		{ PLUG_SIGN_RSA_PKCS1, PLUG_HASH_SHA512, 0, GNUTLS_PK_RSA, GNUTLS_SIGN_RSA_SHA512 },
		{ PLUG_SIGN_RSA_PSS, PLUG_HASH_SHA256, 32, GNUTLS_PK_RSA, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256 },
		{ PLUG_SIGN_RSA_PSS, PLUG_HASH_SHA384, 48, GNUTLS_PK_RSA, GNUTLS_SIGN_RSA_PSS_RSAE_SHA384 },
		{ PLUG_SIGN_RSA_PSS, PLUG_HASH_SHA512, 64, GNUTLS_PK_RSA, GNUTLS_SIGN_RSA_PSS_RSAE_SHA512 },
		{ PLUG_SIGN_ECDSA, PLUG_HASH_SHA1, 0, GNUTLS_PK_ECDSA, GNUTLS_SIGN_ECDSA_SHA1 },
		{ PLUG_SIGN_ECDSA, PLUG_HASH_SHA256, 0, GNUTLS_PK_ECDSA, GNUTLS_SIGN_ECDSA_SHA256 },
		{ PLUG_SIGN_ECDSA, PLUG_HASH_SHA384, 0, GNUTLS_PK_ECDSA, GNUTLS_SIGN_ECDSA_SHA384 },
		{ PLUG_SIGN_ECDSA, PLUG_HASH_SHA512, 0, GNUTLS_PK_ECDSA, GNUTLS_SIGN_ECDSA_SHA512 },
		{ PLUG_SIGN_ECDSA_RAW, PLUG_HASH_SHA256, 0, GNUTLS_PK_ECDSA, GNUTLS_SIGN_ECDSA_SHA256 },
		{ PLUG_SIGN_ECDSA_RAW, PLUG_HASH_SHA384, 0, GNUTLS_PK_ECDSA, GNUTLS_SIGN_ECDSA_SHA384 },
		{ PLUG_SIGN_ECDSA_RAW, PLUG_HASH_SHA512, 0, GNUTLS_PK_ECDSA, GNUTLS_SIGN_ECDSA_SHA512 },
		{ PLUG_SIGN_ED25519, 0, 0, GNUTLS_PK_EDDSA_ED25519, GNUTLS_SIGN_EDDSA_ED25519 },
		{ PLUG_SIGN_ED448, 0, 0, GNUTLS_PK_EDDSA_ED448, GNUTLS_SIGN_EDDSA_ED448 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].sign_id != sign_id || rows[i].pk != pk || (rows[i].hash && rows[i].hash != how->hash))
			continue;
		if (sign_id == PLUG_SIGN_RSA_PSS && (how->salt_len != rows[i].salt_len || (how->mgf_hash && how->mgf_hash != how->hash)))
			continue;
		return rows[i].alg;
	}
	return GNUTLS_SIGN_UNKNOWN;
}

/* DER of r and s to r | s, each as long as the order of the curve. */
static int raw_ecdsa(const gnutls_datum_t *der, size_t half, struct p11_job *j)
{
	gnutls_datum_t part[2] = { { NULL, 0 }, { NULL, 0 } };
	int rc = gnutls_decode_rs_value(der, &part[0], &part[1]);

	if (rc >= 0 && 2 * half > sizeof j->sig)
		rc = GNUTLS_E_SHORT_MEMORY_BUFFER;
	for (int i = 0; i < 2 && rc >= 0; i++) {
		const uint8_t *p = part[i].data;
		size_t n = part[i].size;
		for (; n > half && !*p; p++)
			n--;
		if (n > half) {
			rc = GNUTLS_E_PK_SIGN_FAILED;
			break;
		}
		memset(j->sig + (size_t)i * half, 0, half - n);
		memcpy(j->sig + (size_t)i * half + half - n, p, n);
	}
	j->sig_n = 2 * half;
	gnutls_free(part[0].data);
	gnutls_free(part[1].data);
	return rc;
}

static int sign_once(struct p11_job *j)
{
	struct p11_key *k = j->key;
	gnutls_datum_t in = { j->octets, (unsigned)j->n }, sig = { NULL, 0 };
	gnutls_sign_algorithm_t alg = p11_algorithm(k->pk, j->sign_id, &j->how);

	if (alg == GNUTLS_SIGN_UNKNOWN)
		return GNUTLS_E_PKCS11_UNSUPPORTED_FEATURE_ERROR;
	int rc = k->open ? 0 : open_key(k, &k->pin, &k->open);
	if (rc >= 0)
		rc = gnutls_privkey_sign_data2(k->open, alg, 0, &in, &sig);
	if (rc >= 0 && j->sign_id == PLUG_SIGN_ECDSA_RAW) {
		rc = raw_ecdsa(&sig, (k->bits + 7) / 8, j);
	} else if (rc >= 0 && sig.size <= sizeof j->sig) {
		memcpy(j->sig, sig.data, sig.size);
		j->sig_n = sig.size;
	} else if (rc >= 0) {
		rc = GNUTLS_E_SHORT_MEMORY_BUFFER;
	}
	gnutls_free(sig.data);
	return rc;
}

/* A token that was pulled and put back has new sessions: opened again once. */
static void sign(struct p11_job *j)
{
	struct p11_key *k = j->key;
	int rc = sign_once(j);

	if (rc < 0 && rc != GNUTLS_E_PKCS11_UNSUPPORTED_FEATURE_ERROR && rc != GNUTLS_E_PKCS11_PIN_ERROR && k->open) {
		gnutls_privkey_deinit(k->open);
		k->open = NULL;
		rc = sign_once(j);
	}
	if (rc < 0)
		failed(j, rc);
}

/* ---- the thread -------------------------------------------------------------------------------------------------------------- */

static struct p11_job *take(struct p11 *s)
{
	struct p11_job *j;

	pthread_mutex_lock(&s->lock);
	while (!s->head && !s->stop)
		pthread_cond_wait(&s->bell, &s->lock);
	j = s->head;
	if (j) {
		s->head = j->next;
		if (!s->head)
			s->tail = &s->head;
	}
	pthread_mutex_unlock(&s->lock);
	return j;
}

void *p11_thread(void *arg)
{
	struct p11 *s = arg;
	struct p11_job *j;

	while ((j = take(s))) {
		if (j->type == JOB_LOAD)
			load(j);
		else if (j->type == JOB_SIGN)
			sign(j);
		else if (j->key->open) {
			gnutls_privkey_deinit(j->key->open);
			j->key->open = NULL;
		}
		/* The mailbox is bounded and empties with every turn of the loop. Under the lock: stop() waits for it. */
		for (;;) {
			pthread_mutex_lock(&s->lock);
			bool given = s->quiet || !s->host->post(s->host->h, p11_job_back, j);
			pthread_mutex_unlock(&s->lock);
			if (given)
				break;
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		}
	}
	return NULL;
}
