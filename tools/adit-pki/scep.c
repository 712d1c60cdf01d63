/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simple Certificate Enrolment Protocol (RFC 8894), the client. GnuTLS signs and opens SignedData; the EnvelopedData
 * inside, which it does not know, is written and read here: RSA (PKCS #1 v1.5) for the key, AES or 3DES in CBC.
 */
#include "derout.h"
#include "enrol.h"

#include "base/secret.h"
#include "base/text.h"

#include <gnutls/crypto.h>
#include <gnutls/pkcs7.h>
#include <stdlib.h>

#define OID_MESSAGE_TYPE "2.16.840.1.113733.1.9.2"
#define OID_STATUS "2.16.840.1.113733.1.9.3"
#define OID_FAIL_INFO "2.16.840.1.113733.1.9.4"
#define OID_SENDER_NONCE "2.16.840.1.113733.1.9.5"
#define OID_RECIPIENT_NONCE "2.16.840.1.113733.1.9.6"
#define OID_TRANSACTION "2.16.840.1.113733.1.9.7"

enum { KEY_LEN = 16, BLOCK = 16, NONCE_LEN = 16, URL_MAX = 2048 };

/* ---- EnvelopedData ----------------------------------------------------------------------------------------------- */

/* SEQUENCE { version 0, issuer and serial of the recipient, rsaEncryption, the encrypted key } in a SET. */
static bool put_recipient(struct wr *w, gnutls_x509_crt_t to, const gnutls_datum_t *locked)
{
	unsigned char serial[64];
	size_t n = sizeof serial;
	gnutls_datum_t issuer;

	if (gnutls_x509_crt_get_serial(to, serial, &n) || gnutls_x509_crt_get_raw_issuer_dn(to, &issuer))
		return false;
	struct wr who = der_new(issuer.size + 128), alg = der_new(64), r = der_new(issuer.size + locked->size + 512);
	wr_bytes(&who, slice_of(issuer.data, issuer.size));
	asn_put(&who, ASN_INT, slice_of(serial, n));
	who = der_wrap(ASN_SEQ, who);
	der_put_oid(&alg, "1.2.840.113549.1.1.1");
	asn_put(&alg, ASN_NULL, SLICE_NONE);
	alg = der_wrap(ASN_SEQ, alg);
	der_put_number(&r, 0);
	wr_bytes(&r, wr_done(&who));
	wr_bytes(&r, wr_done(&alg));
	asn_put(&r, ASN_OCTETS, slice_of(locked->data, locked->size));
	r = der_wrap(ASN_SET, der_wrap(ASN_SEQ, r));
	wr_bytes(w, wr_done(&r));
	gnutls_free(issuer.data);
	free(who.base);
	free(alg.base);
	free(r.base);
	return true;
}

static bool seal(const struct pki *p, slice plain, gnutls_x509_crt_t to, struct wr *out)
{
	uint8_t key[KEY_LEN], iv[BLOCK];
	size_t n = plain.n + BLOCK - plain.n % BLOCK;
	uint8_t *buf = pki_alloc(n);
	const gnutls_datum_t k = { key, sizeof key }, v = { iv, sizeof iv };
	gnutls_datum_t locked = { NULL, 0 };
	gnutls_cipher_hd_t c = NULL;
	gnutls_pubkey_t pub = NULL;

	memcpy(buf, plain.p, plain.n);
	memset(buf + plain.n, (int)(n - plain.n), n - plain.n);
	bool ok = gnutls_rnd(GNUTLS_RND_KEY, key, sizeof key) == 0 &&
		  gnutls_rnd(GNUTLS_RND_NONCE, iv, sizeof iv) == 0 &&
		  gnutls_cipher_init(&c, GNUTLS_CIPHER_AES_128_CBC, &k, &v) == 0 &&
		  gnutls_cipher_encrypt(c, buf, n) == 0 && gnutls_pubkey_init(&pub) == 0 &&
		  gnutls_pubkey_import_x509(pub, to, 0) == 0 && gnutls_pubkey_encrypt_data(pub, 0, &k, &locked) == 0;
	struct wr data = der_new(n + locked.size + 4096), content = der_new(n + 256), alg = der_new(64),
		  info = der_new(n + locked.size + 8192);
	der_put_number(&data, 0);
	ok = ok && put_recipient(&data, to, &locked);
	der_put_oid(&alg, "2.16.840.1.101.3.4.1.2");
	asn_put(&alg, ASN_OCTETS, slice_of(iv, sizeof iv));
	alg = der_wrap(ASN_SEQ, alg);
	der_put_oid(&content, "1.2.840.113549.1.7.1");
	wr_bytes(&content, wr_done(&alg));
	asn_put(&content, 0x80, slice_of(buf, n));
	content = der_wrap(ASN_SEQ, content);
	wr_bytes(&data, wr_done(&content));
	data = der_wrap(0xa0, der_wrap(ASN_SEQ, data));
	der_put_oid(&info, "1.2.840.113549.1.7.3");
	wr_bytes(&info, wr_done(&data));
	*out = der_wrap(ASN_SEQ, info);
	if (c)
		gnutls_cipher_deinit(c);
	if (pub)
		gnutls_pubkey_deinit(pub);
	mem_wipe(key, sizeof key);
	gnutls_free(locked.data);
	free(data.base);
	free(content.base);
	free(alg.base);
	free(buf);
	return (ok && !out->err) || pki_say(p, 0, "the request cannot be encrypted for the CA: is its key RSA?");
}

static const struct {
	const char *oid;
	gnutls_cipher_algorithm_t alg;
	size_t key_len, block;
} ciphers[] = {
	{ "2.16.840.1.101.3.4.1.2", GNUTLS_CIPHER_AES_128_CBC, 16, 16 },
	{ "2.16.840.1.101.3.4.1.22", GNUTLS_CIPHER_AES_192_CBC, 24, 16 },
	{ "2.16.840.1.101.3.4.1.42", GNUTLS_CIPHER_AES_256_CBC, 32, 16 },
	{ "1.2.840.113549.3.7", GNUTLS_CIPHER_3DES_CBC, 24, 8 },
};

/* The contents of an IMPLICIT OCTET STRING, which may come in pieces. */
static bool pieces(struct rd *r, uint8_t *buf, size_t *n)
{
	uint8_t tag;
	slice body = asn_any(r, &tag, NULL);

	*n = 0;
	if (tag == 0x80 && body.n) {
		memcpy(buf, body.p, body.n);
		*n = body.n;
		return true;
	}
	struct rd in = rd_of(body);
	while (tag == 0xa0 && rd_left(&in)) {
		slice s = asn_next(&in, ASN_OCTETS);
		if (s.n)
			memcpy(buf + *n, s.p, s.n);
		*n += s.n;
	}
	return tag == 0xa0 && !r->err && !in.err && *n;
}

/* Opens an EnvelopedData that is for our key; *n plain bytes. NULL: it cannot be opened. */
static uint8_t *unseal(slice der, gnutls_privkey_t key, size_t *n)
{
	struct rd all = rd_of(der), info = asn_in(&all, ASN_SEQ);
	asn_next(&info, ASN_OID);
	struct rd box = asn_in(&info, 0xa0), data = asn_in(&box, ASN_SEQ);
	asn_next(&data, ASN_INT);
	struct rd recipients = asn_in(&data, ASN_SET), one = asn_in(&recipients, ASN_SEQ);
	asn_next(&one, ASN_INT);
	asn_next(&one, ASN_SEQ);
	asn_next(&one, ASN_SEQ);
	slice locked = asn_next(&one, ASN_OCTETS);
	struct rd content = asn_in(&data, ASN_SEQ);
	asn_next(&content, ASN_OID);
	struct rd alg = asn_in(&content, ASN_SEQ);
	char oid[64];
	asn_oid_text(asn_next(&alg, ASN_OID), oid, sizeof oid);
	slice iv = asn_next(&alg, ASN_OCTETS);
	size_t i = 0;
	while (i < ARRAY_LEN(ciphers) && strcmp(ciphers[i].oid, oid) != 0)
		i++;
	uint8_t *buf = pki_alloc(der.n);
	gnutls_datum_t plain_key = { NULL, 0 };
	const gnutls_datum_t l = { (unsigned char *)(uintptr_t)locked.p, (unsigned)locked.n },
			     v = { (unsigned char *)(uintptr_t)iv.p, (unsigned)iv.n };
	gnutls_cipher_hd_t c = NULL;
	bool ok = i < ARRAY_LEN(ciphers) && locked.n && pieces(&content, buf, n) && iv.n == ciphers[i].block &&
		  *n % ciphers[i].block == 0 && gnutls_privkey_decrypt_data(key, 0, &l, &plain_key) == 0 &&
		  plain_key.size == ciphers[i].key_len && gnutls_cipher_init(&c, ciphers[i].alg, &plain_key, &v) == 0 &&
		  gnutls_cipher_decrypt(c, buf, *n) == 0;
	if (c)
		gnutls_cipher_deinit(c);
	if (plain_key.data)
		mem_wipe(plain_key.data, plain_key.size);
	gnutls_free(plain_key.data);
	uint8_t pad = ok ? buf[*n - 1] : 0;
	if (!ok || pad < 1 || pad > ciphers[i].block) {
		free(buf);
		return NULL;
	}
	*n -= pad;
	return buf;
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static bool add_attr(gnutls_pkcs7_attrs_t *attrs, const char *oid, uint8_t tag, slice v)
{
	uint8_t buf[256];
	struct wr w = wr_of(buf, sizeof buf);

	asn_put(&w, tag, v);
	gnutls_datum_t d = { buf, (unsigned)w.off };
	return !w.err && gnutls_pkcs7_add_attr(attrs, oid, &d, 0) == 0;
}

/* The value of a signed attribute, without tag and length; empty: it is not there. Points into *keep. */
static slice attr(gnutls_pkcs7_attrs_t attrs, const char *want, gnutls_datum_t *keep)
{
	char *oid;

	for (unsigned i = 0; gnutls_pkcs7_get_attr(attrs, i, &oid, keep, 0) == 0; i++) {
		if (strcmp(oid, want) == 0) {
			struct rd r = rd_of(slice_of(keep->data, keep->size));
			uint8_t tag;
			return asn_any(&r, &tag, NULL);
		}
		gnutls_free(keep->data);
	}
	*keep = (gnutls_datum_t){ NULL, 0 };
	return SLICE_NONE;
}

static bool attr_is(gnutls_pkcs7_attrs_t attrs, const char *oid, slice want)
{
	gnutls_datum_t keep;
	bool same = slice_equal(attr(attrs, oid, &keep), want);

	gnutls_free(keep.data);
	return same;
}

static const char *fail_text(gnutls_pkcs7_attrs_t attrs)
{
	static const char *const texts[] = { "it does not take this algorithm (badAlg)",
					     "the message was damaged (badMessageCheck)",
					     "it may not be asked for this, or the challenge is wrong (badRequest)",
					     "the time is wrong (badTime)", "it has no such certificate (badCertId)" };
	gnutls_datum_t keep;
	slice v = attr(attrs, OID_FAIL_INFO, &keep);
	const char *text = v.n == 1 && v.p[0] >= '0' && v.p[0] <= '4' ? texts[v.p[0] - '0'] : "it gives no reason";

	gnutls_free(keep.data);
	return text;
}

struct exchange {
	const struct enrol *e;
	gnutls_x509_crt_t ca;   /* signs answers; requests are encrypted for it */
	gnutls_privkey_t key;
	uint8_t nonce[NONCE_LEN];
	char transaction[65];
};

/* Judges a CertRep and takes the certificate out of it. */
static int read_answer(const struct exchange *x, slice der, gnutls_datum_t *crt)
{
	const struct pki *p = x->e->p;
	const gnutls_datum_t d = { (unsigned char *)(uintptr_t)der.p, (unsigned)der.n };
	gnutls_pkcs7_signature_info_st info = { 0 };
	gnutls_datum_t inner = { NULL, 0 };
	gnutls_pkcs7_t p7;
	int rc = PKI_NO;

	if (gnutls_pkcs7_init(&p7))
		return PKI_NO;
	if (gnutls_pkcs7_import(p7, &d, GNUTLS_X509_FMT_DER) || gnutls_pkcs7_get_signature_info(p7, 0, &info)) {
		pki_say(p, 0, "%s: the answer is no SCEP message", x->e->url);
		goto out;
	}
	/* "Pending" and "failure" have no content, and GnuTLS verifies no signature without one. Nothing is taken from
	 * such an answer: whoever forges it could as well have kept it back. */
	bool full = gnutls_pkcs7_get_embedded_data(p7, 0, &inner) == 0 && inner.size;
	int bad = full ? gnutls_pkcs7_verify_direct(p7, x->ca, 0, NULL, 0) : 0;
	if (bad)
		pki_say(p, 0, "%s: the CA did not sign the answer: %s", x->e->url, gnutls_strerror(bad));
	else if (!attr_is(info.signed_attrs, OID_TRANSACTION, slice_str(x->transaction)) ||
	    !attr_is(info.signed_attrs, OID_RECIPIENT_NONCE, slice_of(x->nonce, NONCE_LEN)))
		pki_say(p, 0, "%s: the answer belongs to another request", x->e->url);
	else if (attr_is(info.signed_attrs, OID_STATUS, SLICE_LIT("3")))
		pki_say(p, 0, "the CA has not decided yet: ask again later");
	else if (!full || !attr_is(info.signed_attrs, OID_STATUS, SLICE_LIT("0")))
		pki_say(p, 0, "the CA refused: %s", fail_text(info.signed_attrs));
	else {
		size_t n;
		uint8_t *plain = unseal(slice_of(inner.data, inner.size), x->key, &n);
		rc = plain ? enrol_pick(p, slice_of(plain, n), x->key, crt)
			   : pki_say(p, PKI_NO, "the answer cannot be decrypted with our key");
		free(plain);
	}
	gnutls_pkcs7_signature_info_deinit(&info);
out:
	gnutls_free(inner.data);
	gnutls_pkcs7_deinit(p7);
	return rc;
}

/* GetCACert: one certificate, or a PKCS #7 with several. The one that can be encrypted for is the CA's or its
 * registrar's. */
static int get_ca(const struct enrol *e, struct cert_objects **o)
{
	char url[URL_MAX];
	struct cert_why why;
	struct http h = { .url = url };
	int rc = PKI_NO;

	if (snprintf(url, sizeof url, "%s?operation=GetCACert&message=", e->url) >= (int)sizeof url ||
	    !pki_http(e->p, &h))
		return PKI_NO;
	if (h.status != 200)
		pki_say(e->p, 0, "%s: there is no SCEP server (HTTP status %ld)", e->url, h.status);
	else if (e->p->x509->parse_any(slice_of(h.data, h.n), NULL, o, &why))
		pki_say(e->p, 0, "%s: the answer is no certificate", e->url);
	else
		rc = PKI_OK;
	free(h.data);
	return rc;
}

/* Trusted is what the file of anchors has, or what stands below one of them. */
static bool trusted(const struct enrol *e, const struct cert_objects *got, struct cert *leaf,
		    const struct cert_objects *anchors)
{
	struct pki_list a = { 0 }, between = { 0 };
	struct cert_report *rep;

	for (size_t i = 0; i < anchors->n; i++)
		if (anchors->v[i].cert)
			pki_list_add(&a, anchors->v[i].cert);
	for (size_t i = 0; i < got->n; i++)
		if (got->v[i].cert)
			pki_list_add(&between, got->v[i].cert);
	const struct cert_verify v = { .size = sizeof v,
				       .leaf = leaf,
				       .anchors = (struct cert *const *)a.v,
				       .n_anchors = a.n,
				       .intermediates = (struct cert *const *)between.v,
				       .n_intermediates = between.n,
				       .time = pki_now() };
	bool ok = e->p->x509->verify(&v, &rep) == 0;
	if (ok) {
		ok = rep->verdict == 0;
		e->p->x509->report_free(rep);
	}
	free(a.v);
	free(between.v);
	return ok;
}

static gnutls_x509_crt_t choose_ca(const struct enrol *e)
{
	struct cert_objects *got = NULL, *anchors = NULL;
	gnutls_x509_crt_t crt = NULL;
	bool untrusted = false;

	if (pki_objects(e->p, e->trust, NULL, &anchors) || get_ca(e, &got)) {
		e->p->x509->objects_free(anchors);
		return NULL;
	}
	for (size_t i = 0; i < got->n && !crt; i++) {
		struct cert *c = got->v[i].cert;
		const struct cert_info *info = c ? e->p->x509->info(c) : NULL;
		/* A registrar comes beside its CA; with one alone it is the CA itself. */
		if (!c || info->key_kind != CERT_KEY_RSA ||
		    (got->n > 1 && info->is_ca && !(info->key_usage & CERT_KU_KEY_ENC)))
			continue;
		if (!trusted(e, got, c, anchors)) {
			untrusted = true;
			continue;
		}
		const gnutls_datum_t d = { (unsigned char *)(uintptr_t)info->der.p, (unsigned)info->der.n };
		if (gnutls_x509_crt_init(&crt) == 0 && gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER)) {
			gnutls_x509_crt_deinit(crt);
			crt = NULL;
		}
	}
	if (!crt)
		pki_say(e->p, 0,
			untrusted ? "%s: the CA certificate of the server is not under a trust anchor of ours"
				  : "%s: the server has no CA certificate with an RSA key, which SCEP needs",
			e->url);
	e->p->x509->objects_free(got);
	e->p->x509->objects_free(anchors);
	return crt;
}

int scep_enrol(const struct enrol *e, struct build *b, gnutls_privkey_t key, gnutls_datum_t *crt)
{
	struct exchange x = { .e = e, .key = key };
	gnutls_x509_crt_t self = NULL;
	gnutls_x509_crq_t crq = NULL;
	gnutls_pubkey_t pub = NULL;
	gnutls_pkcs7_t p7 = NULL;
	gnutls_pkcs7_attrs_t attrs = NULL;
	gnutls_datum_t der = { NULL, 0 }, spki = { NULL, 0 }, message = { NULL, 0 };
	struct wr envelope = { 0 };
	uint8_t hash[32];
	char url[URL_MAX], *challenge = NULL;
	int rc = PKI_NO;
	struct text id = text_of(x.transaction, sizeof x.transaction);
	struct build own = *b; /* of the self-signed certificate that carries the request */

	*crt = (gnutls_datum_t){ NULL, 0 };
	if (gnutls_privkey_get_pk_algorithm(key, NULL) != GNUTLS_PK_RSA)
		return pki_say(e->p, PKI_MISUSE, "SCEP needs an RSA key: adit-pki gen --type rsa");
	if (e->challenge_file && !(challenge = pki_passphrase(e->p, e->challenge_file)))
		return PKI_MISUSE;
	x.ca = choose_ca(e);
	crq = x.ca ? pki_make_crq(b, key, challenge) : NULL;
	own.ca = false;
	own.lifetime_s = 7 * 86400;
	own.usage = GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_ENCIPHERMENT;
	if (!crq || gnutls_pubkey_init(&pub) || gnutls_pubkey_import_privkey(pub, key, 0, 0) ||
	    !(self = pki_make_crt(&own, NULL, pub, NULL, key)) ||
	    gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_DER, &der) ||
	    gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, &spki) ||
	    gnutls_hash_fast(GNUTLS_DIG_SHA256, spki.data, spki.size, hash) ||
	    gnutls_rnd(GNUTLS_RND_NONCE, x.nonce, sizeof x.nonce) ||
	    !seal(e->p, slice_of(der.data, der.size), x.ca, &envelope))
		goto out;
	text_hex(&id, slice_of(hash, sizeof hash));
	gnutls_datum_t inner = { envelope.base, (unsigned)envelope.off };
	if (!add_attr(&attrs, OID_MESSAGE_TYPE, ASN_PRINTABLE, SLICE_LIT("19")) ||
	    !add_attr(&attrs, OID_TRANSACTION, ASN_PRINTABLE, slice_str(x.transaction)) ||
	    !add_attr(&attrs, OID_SENDER_NONCE, ASN_OCTETS, slice_of(x.nonce, sizeof x.nonce)) ||
	    gnutls_pkcs7_init(&p7) ||
	    gnutls_pkcs7_sign(p7, self, key, &inner, attrs, NULL, GNUTLS_DIG_SHA256,
			      GNUTLS_PKCS7_EMBED_DATA | GNUTLS_PKCS7_INCLUDE_CERT | GNUTLS_PKCS7_INCLUDE_TIME) ||
	    gnutls_pkcs7_export2(p7, GNUTLS_X509_FMT_DER, &message)) {
		pki_say(e->p, 0, "the request cannot be signed");
		goto out;
	}
	snprintf(url, sizeof url, "%s?operation=PKIOperation", e->url);
	struct http h = { .url = url,
			  .body = slice_of(message.data, message.size),
			  .type = "application/x-pki-message" };
	if (!pki_http(e->p, &h))
		goto out;
	rc = h.status == 200 ? read_answer(&x, slice_of(h.data, h.n), crt) :
		pki_say(e->p, PKI_NO, "%s: the server refused (HTTP status %ld)", e->url, h.status);
	free(h.data);
out:
	pki_passphrase_free(challenge);
	gnutls_free(der.data);
	gnutls_free(spki.data);
	gnutls_free(message.data);
	free(envelope.base);
	if (attrs)
		gnutls_pkcs7_attrs_deinit(attrs);
	if (p7)
		gnutls_pkcs7_deinit(p7);
	if (pub)
		gnutls_pubkey_deinit(pub);
	if (self)
		gnutls_x509_crt_deinit(self);
	if (crq)
		gnutls_x509_crq_deinit(crq);
	if (x.ca)
		gnutls_x509_crt_deinit(x.ca);
	return rc;
}
