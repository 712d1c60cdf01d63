/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys in files of any form: plain and encrypted PKCS #8, PKCS #1, SEC 1. */
#include "any.h"
#include "der.h"
#include "verify.h"

#include <stdlib.h>

static bool public_of(struct any *a, gnutls_x509_privkey_t key, slice *spki)
{
	gnutls_privkey_t priv = NULL;
	gnutls_pubkey_t pub = NULL;
	gnutls_datum_t out = { NULL, 0 };
	bool ok = gnutls_privkey_init(&priv) == 0 && gnutls_pubkey_init(&pub) == 0 &&
		gnutls_privkey_import_x509(priv, key, 0) == 0 && gnutls_pubkey_import_privkey(pub, priv, 0, 0) == 0 &&
		gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, &out) == 0;

	if (ok) {
		*spki = arena_slice(&a->o->arena, slice_of(out.data, out.size));
		ok = spki->p != NULL;
	}
	gnutls_free(out.data);
	if (pub)
		gnutls_pubkey_deinit(pub);
	if (priv)
		gnutls_privkey_deinit(priv);
	return ok;
}

/* Keeps what x_pkcs8_of and the like answered; the secret is taken in any case. */
static void keep_key(struct any *a, struct secret *pkcs8, slice spki, err_t err)
{
	struct objects *o = a->o;
	struct secret *more = err ? NULL : reallocarray(o->keys, o->n_keys + 1, sizeof *more);
	struct cert_object *obj = NULL;

	if (more) {
		o->keys = more;
		obj = any_add(a, CERT_OBJ_KEY);
	}
	if (obj) {
		o->keys[o->n_keys] = (struct secret){ 0 };
		secret_move(&o->keys[o->n_keys], pkcs8);
		obj->der = secret_slice(&o->keys[o->n_keys++]);
		obj->spki = spki;
		return;
	}
	secret_fini(pkcs8);
	if (err == E_NOT_SUPPORTED)
		any_failed(a, E_CERT_MALFORMED, "the private key is of a kind that cannot be used here");
	else
		any_failed(a, err ? err : E_NOMEM, "no memory for the private key");
}

void any_add_key(struct any *a, gnutls_x509_privkey_t key)
{
	struct secret pkcs8 = { 0 };
	slice spki = SLICE_NONE;
	err_t err = x_pkcs8_of(key, &pkcs8);

	if (!err && !public_of(a, key, &spki))
		err = E_NOT_SUPPORTED;
	keep_key(a, &pkcs8, spki, err);
}

static bool by_gnutls(struct any *a, slice pkcs8)
{
	const gnutls_datum_t d = { (unsigned char *)(uintptr_t)pkcs8.p, (unsigned)pkcs8.n };
	gnutls_x509_privkey_t key;
	bool ok = false;

	if (gnutls_x509_privkey_init(&key) == 0) {
		ok = gnutls_x509_privkey_import2(key, &d, GNUTLS_X509_FMT_DER, NULL, 0) == 0;
		if (ok)
			any_add_key(a, key);
		gnutls_x509_privkey_deinit(key);
	}
	return ok;
}

/* GnuTLS leaves a part of each RSA key it reads in freed memory, and does not know the Brainpool curves: such PKCS #8 is taken
 * without it. */
static bool take_plain(struct any *a, slice bytes)
{
	uint8_t spki[2200];
	size_t n;
	struct secret pkcs8 = { 0 };

	if (x_plain_spki(bytes, spki, sizeof spki, &n))
		return false;
	slice kept = arena_slice(&a->o->arena, slice_of(spki, n));
	keep_key(a, &pkcs8, kept, kept.p ? secret_copy(&pkcs8, bytes) : E_NOMEM);
	return true;
}

/* The same for what becomes PKCS #8 first. true: it was a key, readable or locked. */
static bool try_plain(struct any *a, slice bytes)
{
	struct secret pkcs8 = { 0 };
	err_t e = x_key_plain(bytes, a->passphrase, &pkcs8);
	bool taken = e == 0 && take_plain(a, secret_slice(&pkcs8));

	/* A key GnuTLS has to look at is handed over decrypted: then it wipes what it makes of it. */
	if (!e && !taken)
		taken = by_gnutls(a, secret_slice(&pkcs8));
	secret_fini(&pkcs8);
	if (e == E_CERT_PASSPHRASE) {
		any_add_bytes(a, CERT_OBJ_LOCKED, bytes);
		any_failed(a, E_CERT_PASSPHRASE, a->passphrase ? "the passphrase of the private key is wrong" :
			"the private key is encrypted and no passphrase was given");
	}
	return taken || e == E_CERT_PASSPHRASE;
}

/* How often a passphrase is hashed is in the file: one that asks for hours is hostile. Each such number stands behind
 * the salt, which is an OCTET STRING. */
bool any_costs_too_much(slice der, unsigned depth)
{
	enum { ROUNDS_MAX = 5000000, DEPTH_MAX = 12 };
	struct rd r = rd_of(der);
	bool salt = false;

	while (rd_left(&r) && depth < DEPTH_MAX) {
		uint8_t tag;
		slice body = asn_any(&r, &tag, NULL);
		struct rd again = rd_of(body);
		if (r.err)
			return false;
		if (salt && tag == ASN_INT && (body.n > 8 || (body.n > 3 && !(body.p[0] & 0x80)))) {
			uint64_t v = 0;
			for (size_t i = 0; i < body.n && body.n <= 8; i++)
				v = v << 8 | body.p[i];
			if (body.n > 8 || v > ROUNDS_MAX)
				return true;
		}
		salt = tag == ASN_OCTETS;
		if ((tag & 0x20 || (tag == ASN_OCTETS && asn_at(&again, ASN_SEQ))) && any_costs_too_much(body, depth + 1))
			return true;
	}
	return false;
}

/* true: it was a key, readable or locked. */
bool any_try_key(struct any *a, slice bytes, gnutls_x509_crt_fmt_t format)
{
	const gnutls_datum_t d = { (unsigned char *)(uintptr_t)bytes.p, (unsigned)bytes.n };
	gnutls_x509_privkey_t key;
	bool is = true;

	if (format == GNUTLS_X509_FMT_PEM) {
		struct secret der = { 0 };
		bool read = x_pem_body(bytes, &der) == 0;
		bool dear = read && any_costs_too_much(secret_slice(&der), 0);
		bool taken = read && !dear && try_plain(a, secret_slice(&der));
		secret_fini(&der);
		if (dear) {
			any_failed(a, E_CERT_MALFORMED, "the passphrase would have to be hashed more than 5000000 times");
			return true;
		}
		if (taken)
			return true;
	}
	if (format == GNUTLS_X509_FMT_DER && try_plain(a, bytes))
		return true;
	if (gnutls_x509_privkey_init(&key)) {
		any_failed(a, E_NOMEM, "out of memory");
		return true;
	}
	int rc = gnutls_x509_privkey_import2(key, &d, format, a->passphrase, 0);
	if (rc == 0) {
		any_add_key(a, key);
	} else if (rc == GNUTLS_E_DECRYPTION_FAILED) {
		any_add_bytes(a, CERT_OBJ_LOCKED, bytes);
		any_failed(a, E_CERT_PASSPHRASE, a->passphrase ? "the passphrase of the private key is wrong" :
			"the private key is encrypted and no passphrase was given");
	} else {
		is = false;
	}
	gnutls_x509_privkey_deinit(key);
	return is;
}

err_t x_key_matches(slice pkcs8, slice spki)
{
	const gnutls_datum_t d = { (unsigned char *)(uintptr_t)pkcs8.p, (unsigned)pkcs8.n };
	struct objects o = { 0 };
	struct any a = { .o = &o };
	gnutls_x509_privkey_t key;
	uint8_t rsa[2200];
	size_t n;
	slice mine;

	if (x_plain_spki(pkcs8, rsa, sizeof rsa, &n) == 0)
		return slice_equal(slice_of(rsa, n), spki) ? 0 : E_CERT_KEY_MISMATCH;
	if (gnutls_x509_privkey_init(&key))
		return E_NOMEM;
	arena_init(&o.arena, 1 << 20);
	err_t e = E_CERT_MALFORMED;
	if (gnutls_x509_privkey_import2(key, &d, GNUTLS_X509_FMT_DER, NULL, 0) == 0 && public_of(&a, key, &mine))
		e = slice_equal(mine, spki) ? 0 : E_CERT_KEY_MISMATCH;
	gnutls_x509_privkey_deinit(key);
	arena_fini(&o.arena);
	return e;
}
