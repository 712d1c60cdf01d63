/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment over Secure Transport (RFC 7030), the client. */
#include "enrol.h"

#include "base/secret.h"
#include "base/text.h"

#include <gnutls/crypto.h>
#include <stdlib.h>

enum { URL_MAX = 2048 };

static bool est_url(const struct enrol *e, const char *what, char url[URL_MAX])
{
	static const char well_known[] = "/.well-known/est";
	const char *host = strstr(e->url, "://"), *label = host ? strchr(host + 3, '/') : NULL;
	size_t n = label ? (size_t)(label - e->url) : strlen(e->url);

	if (strncmp(e->url, "https://", 8) != 0)
		return pki_say(e->p, 0, "%s: EST speaks https only", e->url);
	/* A whole address that has the well-known part is taken as it is. */
	if (label && strstr(label, well_known))
		return snprintf(url, URL_MAX, "%s/%s", e->url, what) < URL_MAX;
	if (label && !label[1])
		label = NULL;
	return snprintf(url, URL_MAX, "%.*s%s%s/%s", (int)n, e->url, well_known, label ? label : "", what) < URL_MAX ||
		pki_say(e->p, 0, "the address is too long");
}

/* Base64 of EST, or DER from servers that forget it. */
static bool decode(struct http *h, gnutls_datum_t *der)
{
	const gnutls_datum_t in = { h->data, (unsigned)h->n };

	if (h->n && h->data[0] == 0x30) {
		der->data = gnutls_malloc(h->n);
		if (!der->data)
			return false;
		memcpy(der->data, h->data, h->n);
		der->size = (unsigned)h->n;
		return true;
	}
	return h->n && gnutls_base64_decode2(&in, der) == 0;
}

static int refused(const struct enrol *e, const struct http *h)
{
	char buf[200];
	struct text t = text_of(buf, sizeof buf);

	if (h->status == 202)
		return pki_say(e->p, PKI_NO, "the CA has not decided yet: ask again in %ld seconds",
			       h->retry_after_s ? h->retry_after_s : 60);
	/* A line of what the server says about it, when it is text. */
	if (strncmp(h->content_type, "text/plain", 10) == 0)
		text_peer(&t, slice_of(h->data, h->n > 120 ? 120 : h->n));
	return pki_say(e->p, PKI_NO, "%s: %s (HTTP status %ld)%s%s", h->url,
		       h->status == 401 || h->status == 403 ? "the server wants another user, password or certificate"
		       : h->status == 404                   ? "there is no EST server at this address"
							    : "the server refused",
		       h->status, t.n ? ": " : "", buf);
}

int est_cacerts(const struct enrol *e, const char *fingerprint, const char *out)
{
	char url[URL_MAX];
	struct http h = { .url = url,
			  .accept = "application/pkcs7-mime",
			  .ca_file = e->trust,
			  .insecure = !e->trust && fingerprint };
	struct cert_objects *o = NULL;
	struct cert_why why = { "" };
	gnutls_datum_t der = { NULL, 0 };
	char *pem = NULL;
	size_t n_pem = 0;
	bool found = !fingerprint;
	int rc = PKI_NO;

	if (!est_url(e, "cacerts", url) || !pki_http(e->p, &h))
		return PKI_NO;
	if (h.status != 200) {
		rc = refused(e, &h);
		goto out;
	}
	if (!decode(&h, &der) || e->p->x509->parse_any(slice_of(der.data, der.size), NULL, &o, &why)) {
		pki_say(e->p, 0, "%s: the answer is no list of certificates (it says it is %s)", url, h.content_type);
		goto out;
	}
	for (size_t i = 0; i < o->n; i++) {
		const gnutls_datum_t d = { (unsigned char *)(uintptr_t)o->v[i].der.p, (unsigned)o->v[i].der.n };
		gnutls_datum_t one;
		char hex[65];
		struct text t = text_of(hex, sizeof hex);
		if (o->v[i].kind != CERT_OBJ_CERT)
			continue;
		text_hex(&t, slice_of(e->p->x509->info(o->v[i].cert)->sha256, 32));
		found |= fingerprint && strcasecmp(hex, fingerprint) == 0;
		if (gnutls_pem_base64_encode2("CERTIFICATE", &d, &one))
			continue;
		char *more = realloc(pem, n_pem + one.size);
		if (more) {
			pem = more;
			memcpy(pem + n_pem, one.data, one.size);
			n_pem += one.size;
		}
		gnutls_free(one.data);
	}
	if (!found)
		pki_say(e->p, 0, "no CA certificate of the server has this fingerprint: nothing was written");
	else if (pki_write(e->p, out, slice_of(pem, n_pem), false))
		rc = PKI_OK;
out:
	free(pem);
	e->p->x509->objects_free(o);
	gnutls_free(der.data);
	free(h.data);
	return rc;
}

int enrol_pick(const struct pki *p, slice answer, gnutls_privkey_t key, gnutls_datum_t *crt)
{
	struct cert_objects *o = NULL;
	struct cert_why why = { "" };
	gnutls_pubkey_t pub = NULL;
	gnutls_datum_t spki = { NULL, 0 };
	int rc = PKI_NO;

	if (p->x509->parse_any(answer, NULL, &o, &why))
		return pki_say(p, PKI_NO, "the answer is no certificate: %s", why.text);
	if (gnutls_pubkey_init(&pub) == 0 && gnutls_pubkey_import_privkey(pub, key, 0, 0) == 0)
		gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, &spki);
	for (size_t i = 0; i < o->n && rc; i++)
		if (o->v[i].kind == CERT_OBJ_CERT && slice_equal(o->v[i].spki, slice_of(spki.data, spki.size))) {
			crt->data = gnutls_malloc(o->v[i].der.n);
			if (!crt->data)
				break;
			memcpy(crt->data, o->v[i].der.p, o->v[i].der.n);
			crt->size = (unsigned)o->v[i].der.n;
			rc = PKI_OK;
		}
	if (rc)
		pki_say(p, 0, "the CA sent no certificate for our key");
	gnutls_free(spki.data);
	if (pub)
		gnutls_pubkey_deinit(pub);
	p->x509->objects_free(o);
	return rc;
}

int est_enrol(const struct enrol *e, gnutls_x509_crq_t crq, gnutls_privkey_t key, bool again, gnutls_datum_t *crt)
{
	char url[URL_MAX], *password = NULL;
	gnutls_datum_t der = { NULL, 0 }, text = { NULL, 0 }, answer = { NULL, 0 };
	int rc = PKI_NO;

	*crt = (gnutls_datum_t){ NULL, 0 };
	if (!est_url(e, again ? "simplereenroll" : "simpleenroll", url))
		return PKI_MISUSE;
	if (e->password_file && !(password = pki_passphrase(e->p, e->password_file)))
		return PKI_MISUSE;
	if (gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_DER, &der) || gnutls_base64_encode2(&der, &text)) {
		pki_say(e->p, 0, "the request cannot be written");
		goto out;
	}
	struct http h = { .url = url,
			  .body = slice_of(text.data, text.size),
			  .type = "application/pkcs10",
			  .accept = "application/pkcs7-mime",
			  .ca_file = e->trust,
			  .user = e->user,
			  .password = password,
			  .cert_file = e->cert,
			  .key_file = e->cert ? e->key : NULL };
	if (!pki_http(e->p, &h))
		goto out;
	if (h.status != 200)
		rc = refused(e, &h);
	else if (!decode(&h, &answer))
		rc = pki_say(e->p, PKI_NO, "%s: the answer is no certificate (it says it is %s)", url, h.content_type);
	else
		rc = enrol_pick(e->p, slice_of(answer.data, answer.size), key, crt);
	free(h.data);
out:
	pki_passphrase_free(password);
	gnutls_free(der.data);
	gnutls_free(text.data);
	gnutls_free(answer.data);
	return rc;
}

gnutls_x509_crq_t enrol_again(const struct pki *p, gnutls_x509_crt_t crt, gnutls_privkey_t key)
{
	struct build b = build_new(p);
	gnutls_datum_t dn;
	gnutls_x509_crq_t crq = NULL;
	unsigned usage = 0, critical;
	unsigned char buf[4096];

	if (gnutls_x509_crt_get_raw_dn(crt, &dn) == 0 && dn.size <= sizeof b.dn) {
		memcpy(b.dn, dn.data, dn.size);
		b.n_dn = dn.size;
		gnutls_free(dn.data);
	}
	crq = pki_make_crq(&b, key, NULL);
	int rc = crq ? 0 : -1;
	for (unsigned i = 0; !rc; i++) {
		size_t n = sizeof buf;
		int type = gnutls_x509_crt_get_subject_alt_name(crt, i, buf, &n, &critical);
		if (type < 0)
			break;
		if (type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_RFC822NAME || type == GNUTLS_SAN_URI ||
		    type == GNUTLS_SAN_IPADDRESS)
			rc = gnutls_x509_crq_set_subject_alt_name(crq, (gnutls_x509_subject_alt_name_t)type, buf,
								  (unsigned)n, GNUTLS_FSAN_APPEND);
	}
	if (!rc && gnutls_x509_crt_get_key_usage(crt, &usage, &critical) >= 0)
		rc = gnutls_x509_crq_set_key_usage(crq, usage);
	for (unsigned i = 0; !rc; i++) {
		char oid[128];
		size_t n = sizeof oid;
		if (gnutls_x509_crt_get_key_purpose_oid(crt, i, oid, &n, &critical) < 0)
			break;
		rc = gnutls_x509_crq_set_key_purpose_oid(crq, oid, 0);
	}
	if (!rc)
		rc = gnutls_x509_crq_privkey_sign(crq, key, build_digest(&b, key), 0);
	if (rc && crq) {
		pki_say(p, 0, "the request cannot be made: %s", gnutls_strerror(rc));
		gnutls_x509_crq_deinit(crq);
		crq = NULL;
	}
	build_fini(&b);
	return crq;
}
