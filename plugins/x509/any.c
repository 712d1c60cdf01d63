/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of any form: PEM with any number of blocks, or DER, of certificates, CRLs, keys, requests, PKCS #7 and PKCS
 * #12. GnuTLS opens the containers and keys; private keys are kept in locked memory, copies of GnuTLS are wiped.
 */
#include "any.h"
#include "der.h"
#include "verify.h"

#include <gnutls/pkcs12.h>
#include <gnutls/pkcs7.h>
#include <stdlib.h>

enum { OBJECTS_MAX = 8192, BYTES_MAX = 1 << 26, LABEL = 64 };

void any_failed(struct any *a, err_t e, const char *text)
{
	if (!a->told && a->why)
		x_fail(a->why, e, "%s", text);
	a->told = true;
	if (!a->err || a->err == E_CERT_MALFORMED)
		a->err = e;
}

struct cert_object *any_add(struct any *a, uint8_t kind)
{
	struct objects *o = a->o;

	if (o->pub.n >= OBJECTS_MAX) {
		any_failed(a, E_LIMIT, "there are too many objects in one file");
		return NULL;
	}
	if (o->pub.n == o->cap) {
		size_t cap = o->cap ? 2 * o->cap : 8;
		struct cert_object *v = reallocarray(o->pub.v, cap, sizeof *v);
		if (!v) {
			any_failed(a, E_NOMEM, "out of memory");
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
		any_failed(a, e, why.text);
		return;
	}
	struct cert_object *o = any_add(a, CERT_OBJ_CERT);
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
		any_failed(a, e, why.text);
		return;
	}
	struct cert_object *o = any_add(a, CERT_OBJ_CRL);
	if (!o) {
		x_crl_unref(c);
		return;
	}
	*o = (struct cert_object){ CERT_OBJ_CRL, c->info.der, SLICE_NONE, NULL, c };
}

void any_add_bytes(struct any *a, uint8_t kind, slice der)
{
	slice copy = arena_slice(&a->o->arena, der);
	struct cert_object *o = copy.p || !der.n ? any_add(a, kind) : NULL;

	if (!copy.p && der.n)
		any_failed(a, E_NOMEM, "out of memory");
	if (o) {
		o->der = copy;
		o->spki = kind == CERT_OBJ_PUBLIC ? copy : SLICE_NONE;
	}
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
			any_add_key(a, key);
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
		any_add_bytes(a, CERT_OBJ_LOCKED, der);
		any_failed(a, E_CERT_PASSPHRASE, a->passphrase ? "the passphrase of the PKCS #12 file is wrong" :
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
		any_failed(a, E_CERT_MALFORMED, der.n ? "it is neither PEM nor DER" : "the file is empty");
		return;
	}

	if (is_spki(der)) {
		any_add_bytes(a, CERT_OBJ_PUBLIC, der);
		return;
	}
	if (is_request(der)) {
		any_add_bytes(a, CERT_OBJ_REQUEST, der);
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
	if (any_costs_too_much(der, 0)) {
		any_failed(a, E_CERT_MALFORMED, "the passphrase would have to be hashed more than 5000000 times");
		return;
	}
	/* GnuTLS would also take the key alone out of a PKCS #12 file. */
	if (try_pkcs12(a, der) || any_try_key(a, der, GNUTLS_X509_FMT_DER) || try_pkcs7(a, der))
		return;
	any_failed(a, E_CERT_MALFORMED, why.text);
}

/* ---- PEM --------------------------------------------------------------------------------------------------------- */

static void read_block(struct any *a, const char *label, slice block)
{
	const gnutls_datum_t pem = { (unsigned char *)(uintptr_t)block.p, (unsigned)block.n };
	gnutls_datum_t der;
	size_t n = strlen(label);

	if (n >= 11 && strcmp(label + n - 11, "PRIVATE KEY") == 0) {
		if (!any_try_key(a, block, GNUTLS_X509_FMT_PEM))
			any_failed(a, E_CERT_MALFORMED, "a private key cannot be read: it is damaged, or encrypted in a way that is not known "
				"here (PBES2 with PBKDF2 is)");
		return;
	}
	if (strcmp(label, "EC PARAMETERS") == 0)
		return;
	if (gnutls_pem_base64_decode2(label, &pem, &der)) {
		any_failed(a, E_CERT_MALFORMED, "a PEM block is not well-formed");
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
			any_failed(a, E_CERT_MALFORMED, "a PEM block has no end");
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
		any_failed(&a, E_CERT_MALFORMED, "nothing in it is a certificate, CRL or key");
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
