/* SPDX-License-Identifier: Apache-2.0 */
/* ca: a certification authority that is set up in a minute: init, issue, revoke, crl, list, serve. */
#include "ca.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { O_TYPE = 1, O_SIZE, O_URL, O_PASS, O_KEY, O_REQ, O_OUT, O_REASON, O_DELTA, O_LISTEN };

struct ca_args {
	struct build b;
	const char *type, *url, *pass, *key, *req, *out, *listen;
	unsigned size;
	int reason;
	bool delta;
	const char *dir, *what; /* positional */
};

static int take(struct pki *p, int argc, char **argv, struct ca_args *a, int n_max)
{
	static const struct option options[] = { { "type", 1, NULL, O_TYPE },
						 { "size", 1, NULL, O_SIZE },
						 { "url", 1, NULL, O_URL },
						 { "passphrase-file", 1, NULL, O_PASS },
						 { "key", 1, NULL, O_KEY },
						 { "req", 1, NULL, O_REQ },
						 { "out", 1, NULL, O_OUT },
						 { "reason", 1, NULL, O_REASON },
						 { "delta", 0, NULL, O_DELTA },
						 { "listen", 1, NULL, O_LISTEN },
						 BUILD_OPTIONS,
						 { NULL, 0, NULL, 0 } };
	const char **const slots[] = {
		[O_TYPE] = &a->type, [O_URL] = &a->url, [O_PASS] = &a->pass,    [O_KEY] = &a->key,
		[O_REQ] = &a->req,   [O_OUT] = &a->out, [O_LISTEN] = &a->listen
	};
	int c, rc;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == O_SIZE) {
			a->size = (unsigned)strtoul(optarg, NULL, 10);
		} else if (c == O_DELTA) {
			a->delta = true;
		} else if (c == O_REASON) {
			a->reason = der_reason(optarg);
			if (a->reason < 0)
				return pki_say(
					p, PKI_MISUSE,
					"\"%s\" is no reason; known are keyCompromise, affiliationChanged, superseded, "
					"cessationOfOperation, certificateHold, privilegeWithdrawn",
					optarg);
		} else if (c > 0 && (size_t)c < ARRAY_LEN(slots) && slots[c]) {
			*slots[c] = optarg;
		} else {
			rc = build_take(&a->b, c, optarg);
			if (rc)
				return rc > 0 ? rc : pki_usage(p);
		}
	}
	if (optind < argc)
		a->dir = argv[optind++];
	if (optind < argc && n_max > 1)
		a->what = argv[optind++];
	return !a->dir || optind < argc || (n_max > 1 && !a->what) ? pki_usage(p) : PKI_OK;
}

static bool write_crl(struct ca *ca, bool delta)
{
	char path[4096];
	struct wr crl = { 0 };
	bool ok = ca_crl(ca, delta, &crl) && pki_write_object(ca->p, ca_path(ca, delta ? "delta.pem" : "crl.pem", path),
							      wr_done(&crl), "X509 CRL", true, false);

	free(crl.base);
	return ok;
}

static int write_crt(const struct pki *p, gnutls_x509_crt_t crt, const char *path)
{
	gnutls_datum_t out;

	if (gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &out))
		return pki_say(p, PKI_NO, "the certificate cannot be written");
	bool ok = pki_write(p, path, slice_of(out.data, out.size), false);
	gnutls_free(out.data);
	return ok ? PKI_OK : PKI_NO;
}

/* ---- init -------------------------------------------------------------------------------------------------------- */

static int init(struct pki *p, struct ca_args *a)
{
	char path[4096], *pass = NULL;
	struct ca ca = { .p = p, .dir = a->dir, .lock = -1 };
	int rc = PKI_NO;

	if (!a->b.n_dn && !a->b.parts.n)
		return pki_say(p, PKI_MISUSE, "a CA needs a name: --cn \"Lab CA\" or --dn");
	if (mkdir(a->dir, 0755) && errno != EEXIST)
		return pki_say(p, PKI_NO, "%s: cannot be made: %s", a->dir, strerror(errno));
	if (access(ca_path(&ca, "ca.key", path), F_OK) == 0 || access(ca_path(&ca, "ca.json", path), F_OK) == 0)
		return pki_say(p, PKI_NO, "%s: there is a CA already; it is left as it is", a->dir);
	if (a->url && strlen(a->url) > 2000)
		return pki_say(p, PKI_MISUSE, "the URL is too long");
	if (a->pass && !(pass = pki_passphrase(p, a->pass)))
		return PKI_MISUSE;
	a->b.ca = true;
	a->b.lifetime_s = a->b.lifetime_s == build_new(p).lifetime_s ? 10 * 31557600LL : a->b.lifetime_s;
	gnutls_x509_privkey_t key = pki_generate(p, a->type ? a->type : "ec",
						 a->size   ? a->size
						 : a->type ? 0
							   : 384,
						 false);
	gnutls_pubkey_t pub = NULL;
	if (key && gnutls_privkey_init(&ca.key) == 0 && gnutls_privkey_import_x509(ca.key, key, 0) == 0 &&
	    gnutls_pubkey_init(&pub) == 0 && gnutls_pubkey_import_privkey(pub, ca.key, 0, 0) == 0)
		ca.crt = pki_make_crt(&a->b, NULL, pub, NULL, ca.key);
	ca.state = json_pack("{s:s, s:i, s:[]}", "url", a->url ? a->url : "", "crl-number", 0, "certificates");
	if (ca.crt && ca.state && pki_write_key(p, key, ca_path(&ca, "ca.key", path), pass, true) == PKI_OK &&
	    write_crt(p, ca.crt, ca_path(&ca, "ca.crt", path)) == PKI_OK && write_crl(&ca, false) && ca_save(&ca)) {
		printf("%s/ca.crt is the trust anchor to give to everybody; %s/ca.key stays here.\n", a->dir, a->dir);
		rc = PKI_OK;
	}
	if (key)
		gnutls_x509_privkey_deinit(key);
	if (pub)
		gnutls_pubkey_deinit(pub);
	pki_passphrase_free(pass);
	ca_close(&ca);
	return rc;
}

/* ---- issue ------------------------------------------------------------------------------------------------------- */

/* With a request: its certificate. Else a key is made, unless one is given, and both are written: PREFIX.key,
 * PREFIX.crt. */
static int issue(struct pki *p, struct ca_args *a)
{
	struct ca ca;
	char path[4096], crl[2100], ocsp[2100], crt_uri[2100];
	gnutls_x509_crq_t crq = NULL;
	gnutls_x509_privkey_t made = NULL;
	gnutls_privkey_t key = NULL;
	gnutls_pubkey_t pub = NULL;
	gnutls_x509_crt_t crt = NULL;
	int rc = PKI_NO;

	if (!a->req && !a->b.n_dn && !a->b.parts.n && !a->b.san.n)
		return pki_say(p, PKI_MISUSE,
			       "a certificate needs a name: --san gw.example.com, --cn gw, or a request (--req)");
	if (!a->out && !a->req)
		return pki_say(p, PKI_MISUSE, "--out PREFIX names the files: PREFIX.key and PREFIX.crt");
	if (!ca_open(&ca, p, a->dir, a->pass, true))
		return PKI_NO;
	const char *url = ca_url(&ca);
	if (url) {
		snprintf(crl, sizeof crl, "%s/crl", url);
		snprintf(ocsp, sizeof ocsp, "%s/ocsp", url);
		snprintf(crt_uri, sizeof crt_uri, "%s/ca.crt", url);
		pki_list_add(&a->b.crl, crl);
		pki_list_add(&a->b.ocsp, ocsp);
		pki_list_add(&a->b.ca_uri, crt_uri);
	}
	bool ok = true;
	if (a->req) {
		crq = pki_crq(p, a->req);
		ok = crq != NULL;
	} else if (a->key) {
		key = pki_signer(p, a->key, NULL);
		ok = key != NULL;
	} else {
		made = pki_generate(p, a->type ? a->type : "ec", a->size, false);
		ok = made && gnutls_privkey_init(&key) == 0 && gnutls_privkey_import_x509(key, made, 0) == 0;
	}
	if (ok && key)
		ok = gnutls_pubkey_init(&pub) == 0 && gnutls_pubkey_import_privkey(pub, key, 0, 0) == 0;
	/* A name in the subjectAltName is enough: the first one also is the common name, which people look at. */
	if (ok && !crq && !a->b.n_dn && !a->b.parts.n) {
		pki_list_add(&a->b.parts, (void *)(uintptr_t)"CN");
		pki_list_add(&a->b.parts, a->b.san.v[0]);
	}
	if (ok)
		crt = pki_make_crt(&a->b, crq, pub, ca.crt, ca.key);
	if (crt) {
		snprintf(path, sizeof path, "%s.key", a->out ? a->out : "");
		rc = made ? pki_write_key(p, made, path, NULL, true) : PKI_OK;
		if (a->out)
			snprintf(path, sizeof path, "%s.crt", a->out);
		if (!rc && !(ca_note(&ca, crt) && ca_save(&ca)))
			rc = PKI_NO;
		if (!rc)
			rc = write_crt(p, crt, a->out ? path : NULL);
	}
	if (made)
		gnutls_x509_privkey_deinit(made);
	if (key)
		gnutls_privkey_deinit(key);
	if (pub)
		gnutls_pubkey_deinit(pub);
	if (crq)
		gnutls_x509_crq_deinit(crq);
	if (crt)
		gnutls_x509_crt_deinit(crt);
	ca_close(&ca);
	return rc;
}

/* ---- revoke, crl, list, serve ------------------------------------------------------------------------------------ */

/* By serial number, or by the certificate's file. */
static json_t *find(struct pki *p, struct ca *ca, const char *what)
{
	char serial[160];
	struct text t = text_of(serial, sizeof serial);
	json_t *one;
	size_t i;

	if (access(what, R_OK) == 0) {
		struct cert *c = pki_cert(p, what);
		if (!c)
			return NULL;
		text_hex(&t, p->x509->info(c)->serial);
		p->x509->unref(c);
	} else {
		text_str(&t, what);
	}
	json_array_foreach(json_object_get(ca->state, "certificates"), i, one)
		if (strcasecmp(json_string_value(json_object_get(one, "serial")), serial) == 0)
			return one;
	pki_say(p, 0, "%s: this CA issued no such certificate (adit-pki ca list shows them)", what);
	return NULL;
}

static int revoke_one(struct pki *p, struct ca_args *a)
{
	struct ca ca;
	char when[32];
	int rc = PKI_NO;

	if (!ca_open(&ca, p, a->dir, a->pass, true))
		return PKI_NO;
	json_t *one = find(p, &ca, a->what);
	if (one && json_object_get(one, "revoked-at")) {
		pki_say(p, 0, "it is revoked since %s", json_string_value(json_object_get(one, "revoked-at")));
		rc = PKI_OK;
	} else if (one) {
		json_object_set_new(one, "revoked-at", json_string(pki_time_text(pki_now(), when)));
		if (a->reason > 0)
			json_object_set_new(one, "reason", json_string(der_reason_name(a->reason)));
		rc = write_crl(&ca, false) && ca_save(&ca) ? PKI_OK : PKI_NO;
	}
	ca_close(&ca);
	return rc;
}

static int crl(struct pki *p, struct ca_args *a)
{
	struct ca ca;

	if (!ca_open(&ca, p, a->dir, a->pass, true))
		return PKI_NO;
	bool ok = write_crl(&ca, a->delta) && ca_save(&ca);
	ca_close(&ca);
	return ok ? PKI_OK : PKI_NO;
}

static int list(struct pki *p, struct ca_args *a)
{
	struct ca ca = { .p = p, .dir = a->dir, .lock = -1 };
	json_t *one;
	size_t i;

	if (!ca_reload(&ca))
		return PKI_NO;
	json_array_foreach(json_object_get(ca.state, "certificates"), i, one) {
		const char *at = json_string_value(json_object_get(one, "revoked-at"));
		printf("%s  until %s  %s%s  %s\n", json_string_value(json_object_get(one, "serial")),
			json_string_value(json_object_get(one, "not-after")), at ? "revoked " : "good", at ? at : "",
			json_string_value(json_object_get(one, "subject")));
	}
	ca_close(&ca);
	return PKI_OK;
}

static int serve(struct pki *p, struct ca_args *a)
{
	char host[256] = "127.0.0.1";
	const char *listen = a->listen ? a->listen : "127.0.0.1:8080", *port = strrchr(listen, ':');
	struct ca ca;

	if (port && port != listen)
		snprintf(host, sizeof host, "%.*s", (int)(port - listen), listen);
	if (!port || !port[1])
		return pki_say(p, PKI_MISUSE, "--listen takes ADDRESS:PORT");
	if (!ca_open(&ca, p, a->dir, a->pass, false))
		return PKI_NO;
	int rc = ca_serve(&ca, host, port + 1);
	ca_close(&ca);
	return rc;
}

static const struct {
	const char *name;
	int n_max; /* positional arguments */
	int (*run)(struct pki *p, struct ca_args *a);
} subs[] = { { "init", 1, init }, { "issue", 1, issue }, { "revoke", 2, revoke_one },
	     { "crl", 1, crl },   { "list", 1, list },   { "serve", 1, serve } };

int pki_ca(struct pki *p, int argc, char **argv)
{
	struct ca_args a = { .b = build_new(p), .reason = -1 };
	int rc = -1;

	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(subs); i++)
		if (strcmp(argv[1], subs[i].name) == 0) {
			rc = take(p, argc - 1, argv + 1, &a, subs[i].n_max);
			if (!rc)
				rc = subs[i].run(p, &a);
		}
	build_fini(&a.b);
	return rc < 0 ? pki_usage(p) : rc;
}
