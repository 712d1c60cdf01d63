/* SPDX-License-Identifier: Apache-2.0 */
/* est: cacerts, enroll, reenroll. */
#include "enrol.h"

#include <stdlib.h>

enum { O_URL = 1, O_TRUST, O_KEY, O_CERT, O_NEW_KEY, O_USER, O_PASSWORD, O_PRINT, O_OUT, O_DER };

struct args {
	struct enrol e;
	struct build b;
	const char *new_key, *fingerprint, *out;
	bool der;
};

static int take(struct pki *p, int argc, char **argv, struct args *a)
{
	static const struct option options[] = { { "url", 1, NULL, O_URL },
						 { "trust", 1, NULL, O_TRUST },
						 { "key", 1, NULL, O_KEY },
						 { "cert", 1, NULL, O_CERT },
						 { "new-key", 1, NULL, O_NEW_KEY },
						 { "user", 1, NULL, O_USER },
						 { "password-file", 1, NULL, O_PASSWORD },
						 { "fingerprint", 1, NULL, O_PRINT },
						 { "out", 1, NULL, O_OUT },
						 { "der", 0, NULL, O_DER },
						 BUILD_OPTIONS,
						 { NULL, 0, NULL, 0 } };
	const char **const slots[] = { [O_URL] = &a->e.url,
				       [O_TRUST] = &a->e.trust,
				       [O_KEY] = &a->e.key,
				       [O_CERT] = &a->e.cert,
				       [O_NEW_KEY] = &a->new_key,
				       [O_USER] = &a->e.user,
				       [O_PASSWORD] = &a->e.password_file,
				       [O_PRINT] = &a->fingerprint,
				       [O_OUT] = &a->out };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == O_DER) {
			a->der = true;
		} else if (c > 0 && (size_t)c < ARRAY_LEN(slots) && slots[c]) {
			*slots[c] = optarg;
		} else {
			int rc = build_take(&a->b, c, optarg);
			if (rc)
				return rc > 0 ? rc : pki_usage(p);
		}
	}
	return optind < argc || !a->e.url ? pki_usage(p) : PKI_OK;
}

static int enroll(struct pki *p, struct args *a)
{
	gnutls_datum_t crt = { NULL, 0 };
	gnutls_privkey_t key;
	int rc = PKI_NO;

	if (!a->e.key || (!a->b.n_dn && !a->b.parts.n && !a->b.san.n))
		return pki_say(p, PKI_MISUSE, "--key, and a name (--cn, --dn, --san) are needed");
	key = pki_signer(p, a->e.key, NULL);
	gnutls_x509_crq_t crq = key ? pki_make_crq(&a->b, key, NULL) : NULL;
	if (crq)
		rc = est_enrol(&a->e, crq, key, false, &crt);
	if (!rc)
		rc = pki_write_object(p, a->out, slice_of(crt.data, crt.size), "CERTIFICATE", !a->der, false) ? PKI_OK
													      : PKI_NO;
	gnutls_free(crt.data);
	if (crq)
		gnutls_x509_crq_deinit(crq);
	if (key)
		gnutls_privkey_deinit(key);
	return rc;
}

static int reenroll(struct pki *p, struct args *a)
{
	gnutls_datum_t crt = { NULL, 0 };
	int rc = PKI_NO;

	if (!a->e.key || !a->e.cert)
		return pki_say(p, PKI_MISUSE, "--cert and --key name what is renewed");
	gnutls_x509_crt_t old = pki_crt(p, a->e.cert);
	gnutls_privkey_t key = old ? pki_signer(p, a->new_key ? a->new_key : a->e.key, NULL) : NULL;
	gnutls_x509_crq_t crq = key ? enrol_again(p, old, key) : NULL;
	if (crq)
		rc = est_enrol(&a->e, crq, key, true, &crt);
	if (!rc)
		rc = pki_write_object(p, a->out, slice_of(crt.data, crt.size), "CERTIFICATE", !a->der, false) ? PKI_OK
													      : PKI_NO;
	gnutls_free(crt.data);
	if (crq)
		gnutls_x509_crq_deinit(crq);
	if (key)
		gnutls_privkey_deinit(key);
	if (old)
		gnutls_x509_crt_deinit(old);
	return rc;
}

static int cacerts(struct pki *p, struct args *a)
{
	if (!a->e.trust && !a->fingerprint)
		return pki_say(
			p, PKI_MISUSE,
			"whom to trust: --trust FILE, or --fingerprint of the CA certificate for the first contact");
	return est_cacerts(&a->e, a->fingerprint, a->out);
}

int pki_est(struct pki *p, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct pki *p, struct args *a);
	} subs[] = { { "cacerts", cacerts }, { "enroll", enroll }, { "reenroll", reenroll } };
	struct args a = { .e.p = p, .b = build_new(p) };
	int rc = -1;

	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(subs); i++)
		if (strcmp(argv[1], subs[i].name) == 0) {
			rc = take(p, argc - 1, argv + 1, &a);
			if (!rc)
				rc = subs[i].run(p, &a);
		}
	build_fini(&a.b);
	return rc < 0 ? pki_usage(p) : rc;
}
