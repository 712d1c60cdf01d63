/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of any form: PEM with any number of blocks, or DER, of certificates, CRLs, keys, requests, PKCS #7 and PKCS
 * #12. GnuTLS opens the containers and keys; private keys are kept in locked memory, copies of GnuTLS are wiped.
 */
#include "base/secret.h"
#include "der.h"
#include "verify.h"

#include <gnutls/pkcs12.h>
#include <gnutls/pkcs7.h>
#include <stdlib.h>

enum { OBJECTS_MAX = 8192, BYTES_MAX = 1 << 26, LABEL = 64 };

struct objects {
	struct cert_objects pub; /* first */
	struct arena arena;
	struct secret *keys;
	size_t n_keys, cap;
};

struct any {
	struct objects *o;
	const char *passphrase;
	struct cert_why *why; /* about the first thing that failed */
	bool told;
	err_t err;
};

static void failed(struct any *a, err_t e, const char *text)
{
	if (!a->told && a->why)
		x_fail(a->why, e, "%s", text);
	a->told = true;
	if (!a->err || a->err == E_CERT_MALFORMED)
		a->err = e;
}

static struct cert_object *add(struct any *a, uint8_t kind)
{
	struct objects *o = a->o;

	if (o->pub.n >= OBJECTS_MAX) {
		failed(a, E_LIMIT, "there are too many objects in one file");
		return NULL;
	}
	if (o->pub.n == o->cap) {
		size_t cap = o->cap ? 2 * o->cap : 8;
		struct cert_object *v = reallocarray(o->pub.v, cap, sizeof *v);
		if (!v) {
			failed(a, E_NOMEM, "out of memory");
			return NULL;
		}
		o->pub.v = v;
		o->cap = cap;
	}
	o->pub.v[o->pub.n] = (struct cert_object){ .kind = kind };
	return &o->pub.v[o->pub.n++];
}

static void add_cert(struct any *a, slice der)
{
	struct cert_why why;
	struct cert *c;
	err_t e = x_cert_parse(der, &c, &why);

	if (e) {
		failed(a, e, why.text);
		return;
	}
	struct cert_object *o = add(a, CERT_OBJ_CERT);
	if (!o) {
		x_cert_unref(c);
		return;
	}
	*o = (struct cert_object){ CERT_OBJ_CERT, c->info.der, c->info.spki, c, NULL };
}

static void add_crl(struct any *a, slice der)
{
	struct cert_why why;
	struct cert_crl *c;
	err_t e = x_crl_parse(der, &c, &why);

	if (e) {
		failed(a, e, why.text);
		return;
	}
	struct cert_object *o = add(a, CERT_OBJ_CRL);
	if (!o) {
		x_crl_unref(c);
		return;
	}
	*o = (struct cert_object){ CERT_OBJ_CRL, c->info.der, SLICE_NONE, NULL, c };
}

static void add_bytes(struct any *a, uint8_t kind, slice der)
{
	slice copy = arena_slice(&a->o->arena, der);
	struct cert_object *o = copy.p || !der.n ? add(a, kind) : NULL;

	if (!copy.p && der.n)
		failed(a, E_NOMEM, "out of memory");
	if (o) {
		o->der = copy;
		o->spki = kind == CERT_OBJ_PUBLIC ? copy : SLICE_NONE;
	}
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

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
		obj = add(a, CERT_OBJ_KEY);
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
		failed(a, E_CERT_MALFORMED, "the private key is of a kind that cannot be used here");
	else
		failed(a, err ? err : E_NOMEM, "no memory for the private key");
}

static void add_key(struct any *a, gnutls_x509_privkey_t key)
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
			add_key(a, key);
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
		add_bytes(a, CERT_OBJ_LOCKED, bytes);
		failed(a, E_CERT_PASSPHRASE, a->passphrase ? "the passphrase of the private key is wrong" :
			"the private key is encrypted and no passphrase was given");
	}
	return taken || e == E_CERT_PASSPHRASE;
}

/* How often a passphrase is hashed is in the file: one that asks for hours is hostile. Each such number stands behind
 * the salt, which is an OCTET STRING. */
static bool costs_too_much(slice der, unsigned depth)
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
		if ((tag & 0x20 || (tag == ASN_OCTETS && asn_at(&again, ASN_SEQ))) && costs_too_much(body, depth + 1))
			return true;
	}
	return false;
}

/* true: it was a key, readable or locked. */
static bool try_key(struct any *a, slice bytes, gnutls_x509_crt_fmt_t format)
{
	const gnutls_datum_t d = { (unsigned char *)(uintptr_t)bytes.p, (unsigned)bytes.n };
	gnutls_x509_privkey_t key;
	bool is = true;

	if (format == GNUTLS_X509_FMT_PEM) {
		struct secret der = { 0 };
		bool read = x_pem_body(bytes, &der) == 0;
		bool dear = read && costs_too_much(secret_slice(&der), 0);
		bool taken = read && !dear && try_plain(a, secret_slice(&der));
		secret_fini(&der);
		if (dear) {
			failed(a, E_CERT_MALFORMED, "the passphrase would have to be hashed more than 5000000 times");
			return true;
		}
		if (taken)
			return true;
	}
	if (format == GNUTLS_X509_FMT_DER && try_plain(a, bytes))
		return true;
	if (gnutls_x509_privkey_init(&key)) {
		failed(a, E_NOMEM, "out of memory");
		return true;
	}
	int rc = gnutls_x509_privkey_import2(key, &d, format, a->passphrase, 0);
	if (rc == 0) {
		add_key(a, key);
	} else if (rc == GNUTLS_E_DECRYPTION_FAILED) {
		add_bytes(a, CERT_OBJ_LOCKED, bytes);
		failed(a, E_CERT_PASSPHRASE, a->passphrase ? "the passphrase of the private key is wrong" :
			"the private key is encrypted and no passphrase was given");
	} else {
		is = false;
	}
	gnutls_x509_privkey_deinit(key);
	return is;
}

/* ---- containers -------------------------------------------------------------------------------------------------- */

static bool try_pkcs7(struct any *a, slice der)
{
	const gnutls_datum_t d = { (unsigned char *)(uintptr_t)der.p, (unsigned)der.n };
	gnutls_datum_t raw;
	gnutls_pkcs7_t p7;

	if (gnutls_pkcs7_init(&p7))
		return false;
	bool is = gnutls_pkcs7_import(p7, &d, GNUTLS_X509_FMT_DER) == 0;
	for (int i = 0; is && i < OBJECTS_MAX && gnutls_pkcs7_get_crt_raw2(p7, (unsigned)i, &raw) == 0; i++) {
		add_cert(a, slice_of(raw.data, raw.size));
		gnutls_free(raw.data);
	}
	for (int i = 0; is && i < OBJECTS_MAX && gnutls_pkcs7_get_crl_raw2(p7, (unsigned)i, &raw) == 0; i++) {
		add_crl(a, slice_of(raw.data, raw.size));
		gnutls_free(raw.data);
	}
	gnutls_pkcs7_deinit(p7);
	return is;
}

static void add_crts(struct any *a, gnutls_x509_crt_t *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		gnutls_datum_t raw;
		if (gnutls_x509_crt_export2(v[i], GNUTLS_X509_FMT_DER, &raw) == 0) {
			add_cert(a, slice_of(raw.data, raw.size));
			gnutls_free(raw.data);
		}
		gnutls_x509_crt_deinit(v[i]);
	}
	gnutls_free(v);
}

/* A file without a private key, as trust stores are: GnuTLS takes it apart only bag by bag. False: not that either. */
static bool read_bags(struct any *a, gnutls_pkcs12_t p12, const char *pass)
{
	gnutls_pkcs12_bag_t bag;
	bool any = false;

	if (gnutls_pkcs12_verify_mac(p12, pass))
		return false;
	for (int i = 0; i < OBJECTS_MAX && gnutls_pkcs12_bag_init(&bag) == 0; i++) {
		bool there = gnutls_pkcs12_get_bag(p12, i, bag) == 0;
		if (there && gnutls_pkcs12_bag_get_type(bag, 0) == GNUTLS_BAG_ENCRYPTED)
			(void)gnutls_pkcs12_bag_decrypt(bag, pass);
		for (unsigned k = 0; there && (int)k < gnutls_pkcs12_bag_get_count(bag); k++) {
			gnutls_datum_t d;
			int type = gnutls_pkcs12_bag_get_type(bag, k);
			if ((type != GNUTLS_BAG_CERTIFICATE && type != GNUTLS_BAG_CRL) || gnutls_pkcs12_bag_get_data(bag, k, &d))
				continue;
			any = true;
			if (type == GNUTLS_BAG_CERTIFICATE)
				add_cert(a, slice_of(d.data, d.size));
			else
				add_crl(a, slice_of(d.data, d.size));
		}
		gnutls_pkcs12_bag_deinit(bag);
		if (!there)
			break;
	}
	return any;
}

static bool try_pkcs12(struct any *a, slice der)
{
	const gnutls_datum_t d = { (unsigned char *)(uintptr_t)der.p, (unsigned)der.n };
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t *chain = NULL, *extra = NULL;
	unsigned n_chain = 0, n_extra = 0;
	gnutls_x509_crl_t crl = NULL;
	gnutls_pkcs12_t p12;

	if (gnutls_pkcs12_init(&p12))
		return false;
	if (gnutls_pkcs12_import(p12, &d, GNUTLS_X509_FMT_DER, 0)) {
		gnutls_pkcs12_deinit(p12);
		return false;
	}
	int rc = gnutls_pkcs12_simple_parse(p12, a->passphrase ? a->passphrase : "", &key, &chain, &n_chain, &extra,
					    &n_extra, &crl, 0);
	if (rc == 0) {
		add_crts(a, chain, n_chain);
		add_crts(a, extra, n_extra);
		if (key) {
			add_key(a, key);
			gnutls_x509_privkey_deinit(key);
		}
		if (crl) {
			gnutls_datum_t raw;
			if (gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_DER, &raw) == 0) {
				add_crl(a, slice_of(raw.data, raw.size));
				gnutls_free(raw.data);
			}
			gnutls_x509_crl_deinit(crl);
		}
	} else if (!read_bags(a, p12, a->passphrase ? a->passphrase : "")) {
		add_bytes(a, CERT_OBJ_LOCKED, der);
		failed(a, E_CERT_PASSPHRASE, a->passphrase ? "the passphrase of the PKCS #12 file is wrong" :
			"the PKCS #12 file is encrypted and no passphrase was given");
	}
	gnutls_pkcs12_deinit(p12);
	return true;
}

/* ---- what is it -------------------------------------------------------------------------------------------------- */

static bool is_spki(slice der)
{
	struct rd all = rd_of(der), r = asn_in(&all, ASN_SEQ), alg = asn_in(&r, ASN_SEQ);

	asn_next(&alg, ASN_OID);
	asn_next(&r, ASN_BITS);
	return !alg.err && !rd_close(&r) && !rd_close(&all);
}

/* CertificationRequest: SEQ { SEQ { INTEGER 0, … }, SEQ, BITS } */
static bool is_request(slice der)
{
	struct rd all = rd_of(der), r = asn_in(&all, ASN_SEQ), info = asn_in(&r, ASN_SEQ);
	slice version = asn_int(&info, ASN_INT);

	asn_next(&r, ASN_SEQ);
	asn_next(&r, ASN_BITS);
	return !info.err && version.n == 1 && version.p[0] == 0 && !rd_close(&r) && !rd_close(&all);
}

/* SEQ { SEQ { version, if any, SEQ, SEQ, time: where a certificate has its issuer and dates. */
static bool is_crl(slice der)
{
	struct rd all = rd_of(der), r = asn_in(&all, ASN_SEQ), tbs = asn_in(&r, ASN_SEQ);

	if (asn_at(&tbs, ASN_INT))
		asn_next(&tbs, ASN_INT);
	asn_next(&tbs, ASN_SEQ);
	asn_next(&tbs, ASN_SEQ);
	return asn_at_time(&tbs);
}

static void read_der(struct any *a, slice der)
{
	struct cert *c;
	struct cert_why why;

	if (!der.n || der.p[0] != ASN_SEQ) {
		failed(a, E_CERT_MALFORMED, der.n ? "it is neither PEM nor DER" : "the file is empty");
		return;
	}

	if (is_spki(der)) {
		add_bytes(a, CERT_OBJ_PUBLIC, der);
		return;
	}
	if (is_request(der)) {
		add_bytes(a, CERT_OBJ_REQUEST, der);
		return;
	}
	if (is_crl(der)) {
		add_crl(a, der); /* and says what is wrong with it */
		return;
	}
	err_t e = x_cert_parse(der, &c, &why);
	if (e == 0) {
		x_cert_unref(c);
		add_cert(a, der);
		return;
	}
	if (costs_too_much(der, 0)) {
		failed(a, E_CERT_MALFORMED, "the passphrase would have to be hashed more than 5000000 times");
		return;
	}
	/* GnuTLS would also take the key alone out of a PKCS #12 file. */
	if (try_pkcs12(a, der) || try_key(a, der, GNUTLS_X509_FMT_DER) || try_pkcs7(a, der))
		return;
	failed(a, E_CERT_MALFORMED, why.text);
}

/* ---- PEM --------------------------------------------------------------------------------------------------------- */

static void read_block(struct any *a, const char *label, slice block)
{
	const gnutls_datum_t pem = { (unsigned char *)(uintptr_t)block.p, (unsigned)block.n };
	gnutls_datum_t der;
	size_t n = strlen(label);

	if (n >= 11 && strcmp(label + n - 11, "PRIVATE KEY") == 0) {
		if (!try_key(a, block, GNUTLS_X509_FMT_PEM))
			failed(a, E_CERT_MALFORMED, "a private key cannot be read: it is damaged, or encrypted in a way that is not known "
				"here (PBES2 with PBKDF2 is)");
		return;
	}
	if (strcmp(label, "EC PARAMETERS") == 0)
		return;
	if (gnutls_pem_base64_decode2(label, &pem, &der)) {
		failed(a, E_CERT_MALFORMED, "a PEM block is not well-formed");
		return;
	}
	slice s = slice_of(der.data, der.size);
	if (strcmp(label, "TRUSTED CERTIFICATE") == 0) { /* OpenSSL's own: the certificate and what it is trusted for */
		struct rd r = rd_of(s);
		s = asn_whole(&r, ASN_SEQ);
	}
	if (strcmp(label, "CERTIFICATE") == 0 || strcmp(label, "X509 CERTIFICATE") == 0 ||
	    strcmp(label, "TRUSTED CERTIFICATE") == 0)
		add_cert(a, s);
	else if (strcmp(label, "X509 CRL") == 0)
		add_crl(a, s);
	else
		read_der(a, s);
	gnutls_free(der.data);
}

static const uint8_t *find(slice s, const char *what)
{
	return s.n ? memmem(s.p, s.n, what, strlen(what)) : NULL;
}

static bool read_pem(struct any *a, slice bytes)
{
	static const char begin[] = "-----BEGIN ";
	bool any = false;

	for (slice left = bytes;;) {
		const uint8_t *p = find(left, begin);
		if (!p)
			return any;
		slice rest = slice_of(p, (size_t)(left.p + left.n - p));
		const uint8_t *label = p + sizeof begin - 1;
		slice after = slice_of(label, (size_t)(rest.p + rest.n - label));
		const uint8_t *dash = find(after, "-----");
		char name[LABEL], end[LABEL + 16];
		size_t n = dash ? (size_t)(dash - label) : LABEL;
		if (n >= LABEL || memchr(label, '\n', n) || memchr(label, 0, n)) {
			left = after;
			continue;
		}
		memcpy(name, label, n);
		name[n] = 0;
		memcpy(stpcpy(stpcpy(end, "-----END "), name), "-----", 6);
		const uint8_t *stop = find(after, end);
		if (!stop) {
			failed(a, E_CERT_MALFORMED, "a PEM block has no end");
			return true;
		}
		stop += strlen(end);
		any = true;
		read_block(a, name, slice_of(p, (size_t)(stop - p)));
		left = slice_of(stop, (size_t)(bytes.p + bytes.n - stop));
	}
}

err_t x_parse_any(slice bytes, const char *passphrase, struct cert_objects **out, struct cert_why *why)
{
	struct any a = { .passphrase = passphrase, .why = why };
	bool usable = false;

	*out = NULL;
	if (bytes.n > BYTES_MAX)
		return x_fail(why, E_CERT_MALFORMED, "%zu bytes are more than any file of certificates has", bytes.n);
	a.o = calloc(1, sizeof *a.o);
	if (!a.o)
		return x_fail(why, E_NOMEM, "out of memory");
	arena_init(&a.o->arena, 4 * bytes.n + (1 << 20));
	if (!read_pem(&a, bytes))
		read_der(&a, bytes);
	for (size_t i = 0; i < a.o->pub.n; i++)
		usable |= a.o->pub.v[i].kind != CERT_OBJ_LOCKED;
	if (!usable && !a.err)
		failed(&a, E_CERT_MALFORMED, "nothing in it is a certificate, CRL or key");
	if (!usable && a.err != E_CERT_PASSPHRASE) {
		x_objects_free(&a.o->pub);
		return a.err;
	}
	*out = &a.o->pub;
	return usable ? 0 : E_CERT_PASSPHRASE;
}

void x_objects_free(struct cert_objects *pub)
{
	struct objects *o = (struct objects *)pub;

	if (!o)
		return;
	for (size_t i = 0; i < o->pub.n; i++) {
		x_cert_unref(o->pub.v[i].cert);
		if (o->pub.v[i].crl)
			x_crl_unref(o->pub.v[i].crl);
	}
	for (size_t i = 0; i < o->n_keys; i++)
		secret_fini(&o->keys[i]);
	free(o->keys);
	free(o->pub.v);
	arena_fini(&o->arena);
	free(o);
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
