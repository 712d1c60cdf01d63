/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and requests from keys: req, self, issue, signcrl. */
#include "build.h"
#include "derout.h"

#include "base/secret.h"
#include "crypto/keyfmt.h"

#include <stdlib.h>

enum {
	O_KEY = 1,
	O_PASS,
	O_OUT,
	O_DER,
	O_CA_CERT,
	O_CA_KEY,
	O_CA_PASS,
	O_REQ,
	O_PUB,
	O_REVOKE,
	O_LAST,
	O_NUMBER,
	O_DELTA,
	O_FRESH,
	O_CERT,
	O_REASON
};

#define COMMON_OPTIONS { "key", 1, NULL, O_KEY }, { "passphrase-file", 1, NULL, O_PASS }, { "out", 1, NULL, O_OUT }, \
	{ "der", 0, NULL, O_DER }

struct files {
	const char *key, *pass, *out, *ca_cert, *ca_key, *ca_pass, *req, *pub;
	bool der;
};

static int take_file(struct files *f, int c)
{
	const char **const slots[] = {
		[O_KEY] = &f->key,       [O_PASS] = &f->pass,       [O_OUT] = &f->out, [O_CA_CERT] = &f->ca_cert,
		[O_CA_KEY] = &f->ca_key, [O_CA_PASS] = &f->ca_pass, [O_REQ] = &f->req, [O_PUB] = &f->pub
	};

	if (c == O_DER) {
		f->der = true;
		return 0;
	}
	if (c < 1 || (size_t)c >= ARRAY_LEN(slots) || !slots[c])
		return -1;
	*slots[c] = optarg;
	return 0;
}

static int options_of(struct pki *p, int argc, char **argv, const struct option *options, struct build *b,
		      struct files *f)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (take_file(f, c) == 0)
			continue;
		int rc = build_take(b, c, optarg);
		if (rc)
			return rc > 0 ? rc : pki_usage(p);
	}
	return optind < argc ? pki_usage(p) : PKI_OK;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

gnutls_x509_privkey_t pki_key(const struct pki *p, const char *path, const char *pass_file)
{
	char *pass = pass_file ? pki_passphrase(p, pass_file) : NULL;
	struct cert_objects *o;
	gnutls_x509_privkey_t key = NULL;

	if (pass_file && !pass)
		return NULL;
	int rc = pki_objects(p, path, pass, &o);
	pki_passphrase_free(pass);
	if (rc)
		return NULL;
	for (size_t i = 0; i < o->n && !key; i++) {
		const gnutls_datum_t d = { (unsigned char *)(uintptr_t)o->v[i].der.p, (unsigned)o->v[i].der.n };
		if (o->v[i].kind == CERT_OBJ_KEY && gnutls_x509_privkey_init(&key) == 0 &&
		    gnutls_x509_privkey_import_pkcs8(key, &d, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN)) {
			gnutls_x509_privkey_deinit(key);
			key = NULL;
		}
	}
	p->x509->objects_free(o);
	if (!key)
		pki_say(p, 0, "%s: there is no private key in it", path);
	return key;
}

gnutls_privkey_t pki_signer(const struct pki *p, const char *path, const char *pass_file)
{
	gnutls_x509_privkey_t key = pki_key(p, path, pass_file);
	gnutls_privkey_t signer = NULL;

	if (!key)
		return NULL;
	if (gnutls_privkey_init(&signer) || gnutls_privkey_import_x509(signer, key, GNUTLS_PRIVKEY_IMPORT_COPY)) {
		if (signer)
			gnutls_privkey_deinit(signer);
		signer = NULL;
		pki_say(p, 0, "%s: the key cannot be used", path);
	}
	gnutls_x509_privkey_deinit(key);
	return signer;
}

gnutls_x509_crt_t pki_crt(const struct pki *p, const char *path)
{
	struct cert *c = pki_cert(p, path);
	gnutls_x509_crt_t crt = NULL;

	if (!c)
		return NULL;
	slice der = p->x509->info(c)->der;
	const gnutls_datum_t d = { (unsigned char *)(uintptr_t)der.p, (unsigned)der.n };
	if (gnutls_x509_crt_init(&crt) || gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER)) {
		if (crt)
			gnutls_x509_crt_deinit(crt);
		crt = NULL;
		pki_say(p, 0, "%s: GnuTLS does not take this certificate", path);
	}
	p->x509->unref(c);
	return crt;
}

/* Whoever asks chooses how long it takes to verify what the key signed. */
static bool too_dear(gnutls_x509_crq_t crq)
{
	gnutls_datum_t n = { NULL, 0 }, e = { NULL, 0 };
	/* Each may have the zero of its sign. */
	bool dear = gnutls_x509_crq_get_key_rsa_raw(crq, &n, &e) == 0 &&
		keyfmt_too_dear(n.size - (n.size > 0 && !n.data[0]), e.size - (e.size > 0 && !e.data[0]));

	gnutls_free(n.data);
	gnutls_free(e.data);
	return dear;
}

gnutls_x509_crq_t pki_crq(const struct pki *p, const char *path)
{
	struct cert_objects *o;
	gnutls_x509_crq_t crq = NULL;

	if (pki_objects(p, path, NULL, &o))
		return NULL;
	for (size_t i = 0; i < o->n && !crq; i++) {
		const gnutls_datum_t d = { (unsigned char *)(uintptr_t)o->v[i].der.p, (unsigned)o->v[i].der.n };
		if (o->v[i].kind == CERT_OBJ_REQUEST && gnutls_x509_crq_init(&crq) == 0 &&
		    gnutls_x509_crq_import(crq, &d, GNUTLS_X509_FMT_DER)) {
			gnutls_x509_crq_deinit(crq);
			crq = NULL;
		}
	}
	p->x509->objects_free(o);
	if (!crq)
		pki_say(p, 0, "%s: there is no certificate request in it", path);
	else if (too_dear(crq) || gnutls_x509_crq_verify(crq, 0)) {
		pki_say(p, 0, "%s: the request is not signed by its own key%s", path, too_dear(crq) ?
			", which is too long to look at (RSA of more than 16384 bits, or a needlessly long exponent)" : "");
		gnutls_x509_crq_deinit(crq);
		crq = NULL;
	}
	return crq;
}

static int write_crt(const struct pki *p, gnutls_x509_crt_t crt, const struct files *f)
{
	gnutls_datum_t out;

	if (gnutls_x509_crt_export2(crt, f->der ? GNUTLS_X509_FMT_DER : GNUTLS_X509_FMT_PEM, &out))
		return pki_say(p, PKI_NO, "the certificate cannot be written");
	bool ok = pki_write(p, f->out, slice_of(out.data, out.size), false);
	gnutls_free(out.data);
	return ok ? PKI_OK : PKI_NO;
}

/* ---- req --------------------------------------------------------------------------------------------------------- */

gnutls_x509_crq_t pki_make_crq(struct build *b, gnutls_privkey_t key, const char *challenge)
{
	gnutls_x509_crq_t crq;

	if (gnutls_x509_crq_init(&crq))
		return NULL;
	gnutls_pubkey_t pub = NULL;
	int rc = gnutls_pubkey_init(&pub);
	if (!rc)
		rc = gnutls_pubkey_import_privkey(pub, key, 0, 0);
	if (!rc)
		rc = gnutls_x509_crq_set_version(crq, 1);
	if (!rc)
		rc = gnutls_x509_crq_set_pubkey(crq, pub);
	if (!rc && challenge)
		rc = gnutls_x509_crq_set_challenge_password(crq, challenge);
	if (pub)
		gnutls_pubkey_deinit(pub);
	bool ok = !rc && build_subject_crq(b, crq) && build_request(b, crq);
	if (ok) {
		rc = gnutls_x509_crq_privkey_sign(crq, key, build_digest(b, key), 0);
		ok = !rc;
	}
	if (rc)
		pki_say(b->p, 0, "the request cannot be made: %s", gnutls_strerror(rc));
	if (!ok) {
		gnutls_x509_crq_deinit(crq);
		crq = NULL;
	}
	return crq;
}

int pki_req(struct pki *p, int argc, char **argv)
{
	static const struct option options[] = { COMMON_OPTIONS, BUILD_OPTIONS, { NULL, 0, NULL, 0 } };
	struct build b = build_new(p);
	struct files f = { 0 };
	int rc = options_of(p, argc, argv, options, &b, &f);

	if (!rc && !f.key)
		rc = pki_say(p, PKI_MISUSE, "--key names the private key the request is for");
	if (!rc && !b.n_dn && !b.parts.n && !b.san.n)
		rc = pki_say(p, PKI_MISUSE, "a request needs a subject or a subjectAltName: --dn, --cn, --san");
	gnutls_privkey_t key = rc ? NULL : pki_signer(p, f.key, f.pass);
	gnutls_x509_crq_t crq = key ? pki_make_crq(&b, key, NULL) : NULL;
	gnutls_datum_t out;
	if (!rc && !crq)
		rc = PKI_NO;
	if (!rc && gnutls_x509_crq_export2(crq, f.der ? GNUTLS_X509_FMT_DER : GNUTLS_X509_FMT_PEM, &out) == 0) {
		rc = pki_write(p, f.out, slice_of(out.data, out.size), false) ? PKI_OK : PKI_NO;
		gnutls_free(out.data);
	}
	if (crq)
		gnutls_x509_crq_deinit(crq);
	if (key)
		gnutls_privkey_deinit(key);
	build_fini(&b);
	return rc;
}

/* ---- self, issue ------------------------------------------------------------------------------------------------- */

gnutls_x509_crt_t pki_make_crt(struct build *b, gnutls_x509_crq_t crq, gnutls_pubkey_t pub, gnutls_x509_crt_t issuer,
	gnutls_privkey_t key)
{
	gnutls_x509_crt_t crt;
	gnutls_datum_t dn = { NULL, 0 };

	if (gnutls_x509_crt_init(&crt))
		return NULL;
	int rc = pub ? gnutls_x509_crt_set_pubkey(crt, pub) : 0;
	/* Subject and key of the request, unless the options name a subject. */
	if (!rc && crq)
		rc = gnutls_x509_crt_set_crq(crt, crq);
	if (rc)
		pki_say(b->p, 0, "the certificate cannot be made: %s", gnutls_strerror(rc));
	bool ok = !rc;
	if (ok && (b->n_dn || b->parts.n)) {
		if (crq) {
			gnutls_pubkey_t of = NULL;
			gnutls_x509_crt_deinit(crt);
			ok = gnutls_x509_crt_init(&crt) == 0 && gnutls_pubkey_init(&of) == 0 &&
			     gnutls_pubkey_import_x509_crq(of, crq, 0) == 0 && gnutls_x509_crt_set_pubkey(crt, of) == 0;
			if (of)
				gnutls_pubkey_deinit(of);
		}
		ok = ok && build_subject_crt(b, crt);
	}
	ok = ok && build_cert(b, crt, crq, issuer) && build_sign(b, crt, issuer, key);
	gnutls_free(dn.data);
	if (!ok) {
		gnutls_x509_crt_deinit(crt);
		crt = NULL;
	}
	return crt;
}

int pki_self(struct pki *p, int argc, char **argv)
{
	static const struct option options[] = { COMMON_OPTIONS, BUILD_OPTIONS, { NULL, 0, NULL, 0 } };
	struct build b = build_new(p);
	struct files f = { 0 };
	int rc = options_of(p, argc, argv, options, &b, &f);
	gnutls_pubkey_t pub = NULL;

	if (!rc && !f.key)
		rc = pki_say(p, PKI_MISUSE, "--key names the private key of the certificate");
	if (!rc && !b.n_dn && !b.parts.n)
		rc = pki_say(p, PKI_MISUSE, "a self-signed certificate needs a subject: --dn or --cn");
	gnutls_privkey_t key = rc ? NULL : pki_signer(p, f.key, f.pass);
	gnutls_x509_crt_t crt = NULL;
	if (key && gnutls_pubkey_init(&pub) == 0 && gnutls_pubkey_import_privkey(pub, key, 0, 0) == 0)
		crt = pki_make_crt(&b, NULL, pub, NULL, key);
	if (!rc)
		rc = crt ? write_crt(p, crt, &f) : PKI_NO;
	if (crt)
		gnutls_x509_crt_deinit(crt);
	if (pub)
		gnutls_pubkey_deinit(pub);
	if (key)
		gnutls_privkey_deinit(key);
	build_fini(&b);
	return rc;
}

/* The CA's certificate and key have to be a pair, else everything issued would be useless. */
bool pki_is_pair(const struct pki *p, gnutls_x509_crt_t crt, gnutls_privkey_t key)
{
	gnutls_pubkey_t a = NULL, b = NULL;
	gnutls_datum_t x = { NULL, 0 }, y = { NULL, 0 };
	bool ok = gnutls_pubkey_init(&a) == 0 && gnutls_pubkey_init(&b) == 0 &&
		  gnutls_pubkey_import_x509(a, crt, 0) == 0 && gnutls_pubkey_import_privkey(b, key, 0, 0) == 0 &&
		  gnutls_pubkey_export2(a, GNUTLS_X509_FMT_DER, &x) == 0 &&
		  gnutls_pubkey_export2(b, GNUTLS_X509_FMT_DER, &y) == 0 &&
		  slice_equal(slice_of(x.data, x.size), slice_of(y.data, y.size));

	gnutls_free(x.data);
	gnutls_free(y.data);
	if (a)
		gnutls_pubkey_deinit(a);
	if (b)
		gnutls_pubkey_deinit(b);
	return ok || pki_say(p, 0, "%s; %s", err_text(E_CERT_KEY_MISMATCH), cert_remedy(E_CERT_KEY_MISMATCH));
}

int pki_issue(struct pki *p, int argc, char **argv)
{
	static const struct option options[] = { COMMON_OPTIONS,
						 { "ca-cert", 1, NULL, O_CA_CERT },
						 { "ca-key", 1, NULL, O_CA_KEY },
						 { "ca-passphrase-file", 1, NULL, O_CA_PASS },
						 { "req", 1, NULL, O_REQ },
						 { "pub", 1, NULL, O_PUB },
						 BUILD_OPTIONS,
						 { NULL, 0, NULL, 0 } };
	struct build b = build_new(p);
	struct files f = { 0 };
	int rc = options_of(p, argc, argv, options, &b, &f);

	if (!rc && (!f.ca_cert || !f.ca_key || (f.req != NULL) + (f.pub != NULL) + (f.key != NULL) != 1))
		rc = pki_say(p, PKI_MISUSE, "--ca-cert, --ca-key, and one of --req, --pub and --key are needed");
	if (!rc && !f.req && !b.n_dn && !b.parts.n && !b.san.n)
		rc = pki_say(p, PKI_MISUSE, "a certificate needs a subject or a subjectAltName: --dn, --cn, --san");
	gnutls_x509_crt_t ca = rc ? NULL : pki_crt(p, f.ca_cert), crt = NULL;
	gnutls_privkey_t ca_key = ca ? pki_signer(p, f.ca_key, f.ca_pass) : NULL, key = NULL;
	gnutls_x509_crq_t crq = ca_key && f.req ? pki_crq(p, f.req) : NULL;
	gnutls_pubkey_t pub = NULL;
	bool ok = ca_key && pki_is_pair(p, ca, ca_key) && (!f.req || crq);
	if (ok && !f.req) {
		struct cert_objects *o = NULL;
		ok = gnutls_pubkey_init(&pub) == 0;
		if (ok && f.key) {
			key = pki_signer(p, f.key, f.pass);
			ok = key && gnutls_pubkey_import_privkey(pub, key, 0, 0) == 0;
		} else if (ok) {
			ok = pki_objects(p, f.pub, NULL, &o) == PKI_OK && o->v[0].spki.n;
			const gnutls_datum_t d = { ok ? (unsigned char *)(uintptr_t)o->v[0].spki.p : NULL,
						   ok ? (unsigned)o->v[0].spki.n : 0 };
			ok = ok && gnutls_pubkey_import(pub, &d, GNUTLS_X509_FMT_DER) == 0;
			p->x509->objects_free(o);
		}
	}
	if (ok)
		crt = pki_make_crt(&b, crq, pub, ca, ca_key);
	if (!rc)
		rc = crt ? write_crt(p, crt, &f) : PKI_NO;
	if (crt)
		gnutls_x509_crt_deinit(crt);
	if (ca)
		gnutls_x509_crt_deinit(ca);
	if (crq)
		gnutls_x509_crq_deinit(crq);
	if (pub)
		gnutls_pubkey_deinit(pub);
	if (key)
		gnutls_privkey_deinit(key);
	if (ca_key)
		gnutls_privkey_deinit(ca_key);
	build_fini(&b);
	return rc;
}

/* ---- signcrl ----------------------------------------------------------------------------------------------------- */

static bool number_of(slice s, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (*out >> 56)
			return false;
		*out = *out << 8 | s.p[i];
	}
	return true;
}

/* SERIAL[:REASON[:TIME]], hexadecimal */
static bool take_revoke(struct pki *p, struct crl_list *l, const char *arg)
{
	char text[256], *reason, *at;
	uint8_t serial[65] = { 0 };
	size_t n = sizeof serial - 1;
	int64_t when = pki_now();
	int why = -1;

	if (snprintf(text, sizeof text, "%s", arg) >= (int)sizeof text)
		return pki_say(p, 0, "the serial number is too long");
	reason = strchr(text, ':');
	if (reason) {
		*reason++ = 0;
		at = strchr(reason, ':');
		if (at)
			*at++ = 0;
		why = *reason ? der_reason(reason) : -1;
		if (*reason && why < 0)
			return pki_say(p, 0,
				       "\"%s\" is no reason; known are keyCompromise, cACompromise, "
				       "affiliationChanged, superseded, "
				       "cessationOfOperation, certificateHold, removeFromCRL, privilegeWithdrawn",
				       reason);
		if (at && !pki_time(at, &when))
			return pki_say(p, 0, "\"%s\" is no time; write 2026-11-27T12:00:00Z", at);
	}
	const gnutls_datum_t hex = { (unsigned char *)text, (unsigned)strlen(text) };
	if (hex.size % 2 || gnutls_hex_decode(&hex, serial + 1, &n) || !n)
		return pki_say(p, 0, "\"%s\" is no serial number: an even number of hexadecimal digits", text);
	/* As print shows it: the bytes of the INTEGER; a missing sign byte is put back. */
	bool pad = serial[1] & 0x80;
	return crl_list_add(p, l, slice_of(serial + !pad, n + pad), when, why);
}

int pki_signcrl(struct pki *p, int argc, char **argv)
{
	static const struct option options[] = { { "ca-cert", 1, NULL, O_CA_CERT },
						 { "ca-key", 1, NULL, O_CA_KEY },
						 { "ca-passphrase-file", 1, NULL, O_CA_PASS },
						 { "out", 1, NULL, O_OUT },
						 { "der", 0, NULL, O_DER },
						 { "revoke", 1, NULL, O_REVOKE },
						 { "cert", 1, NULL, O_CERT },
						 { "reason", 1, NULL, O_REASON },
						 { "last-crl", 1, NULL, O_LAST },
						 { "number", 1, NULL, O_NUMBER },
						 { "delta-of", 1, NULL, O_DELTA },
						 { "freshest-uri", 1, NULL, O_FRESH },
						 { "lifetime", 1, NULL, B_LIFETIME },
						 { "digest", 1, NULL, B_DIGEST },
						 { NULL, 0, NULL, 0 } };
	struct build b = build_new(p);
	struct files f = { 0 };
	struct crl_plan plan = { .number = 1 };
	struct crl_list list = { 0 };
	const char *last = NULL, *number = NULL;
	bool ok = true;
	int c, rc = PKI_OK, reason = -1;

	b.lifetime_s = 15 * 86400;
	while (!rc && ok && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		struct cert *cert;
		switch (c) {
		case O_REVOKE:
			ok = take_revoke(p, &list, optarg);
			break;
		case O_CERT:
			cert = pki_cert(p, optarg);
			ok = cert && crl_list_add(p, &list, p->x509->info(cert)->serial, pki_now(), reason);
			p->x509->unref(cert);
			break;
		case O_REASON:
			reason = der_reason(optarg);
			ok = reason >= 0 || pki_say(p, 0, "\"%s\" is no reason", optarg);
			break;
		case O_LAST:
			last = optarg;
			break;
		case O_DELTA:
			plan.delta = true;
			last = optarg;
			break;
		case O_NUMBER:
			number = optarg;
			break;
		case O_FRESH:
			plan.fresh_uri = optarg;
			break;
		default:
			rc = take_file(&f, c) == 0 ? 0 : build_take(&b, c, optarg);
			if (rc < 0)
				rc = pki_usage(p);
		}
	}
	if (!ok)
		rc = PKI_MISUSE;
	if (!rc && (optind < argc || !f.ca_cert || !f.ca_key))
		rc = pki_say(p, PKI_MISUSE, "--ca-cert and --ca-key are needed");
	if (!rc && last) {
		struct cert_objects *o;
		rc = pki_objects(p, last, NULL, &o) ? PKI_MISUSE : PKI_OK;
		if (!rc && o->v[0].kind != CERT_OBJ_CRL)
			rc = pki_say(p, PKI_MISUSE, "%s: there is no CRL in it", last);
		if (!rc && (!number_of(p->x509->crl_info(o->v[0].crl)->number, &plan.base) ||
		    (!plan.delta && !crl_list_read(p, &list, p->x509->crl_info(o->v[0].crl)->der))))
			rc = pki_say(p, PKI_NO, "%s: its number or entries cannot be read", last);
		plan.number = plan.base + 1;
		p->x509->objects_free(o);
	}
	if (!rc && number) {
		char *end;
		plan.number = strtoull(number, &end, 10);
		if (*end || end == number)
			rc = pki_say(p, PKI_MISUSE, "\"%s\" is no number", number);
	}
	if (!rc) {
		struct wr out = { 0 };
		plan.issuer = pki_crt(p, f.ca_cert);
		plan.key = plan.issuer ? pki_signer(p, f.ca_key, f.ca_pass) : NULL;
		plan.v = list.v;
		plan.n = list.n;
		plan.this_update = pki_now();
		plan.next_update = plan.this_update + b.lifetime_s;
		if (plan.key)
			plan.digest = build_digest(&b, plan.key);
		rc = plan.key && pki_is_pair(p, plan.issuer, plan.key) &&
			build_usage_is(p, plan.issuer, GNUTLS_KEY_CRL_SIGN) && der_crl(p, &plan, &out) &&
			pki_write_object(p, f.out, wr_done(&out), "X509 CRL", !f.der, false) ? PKI_OK : PKI_NO;
		free(out.base);
	}
	if (plan.issuer)
		gnutls_x509_crt_deinit(plan.issuer);
	if (plan.key)
		gnutls_privkey_deinit(plan.key);
	free(list.v);
	build_fini(&b);
	return rc;
}
