/* SPDX-License-Identifier: Apache-2.0 */
/* scep: a certificate from a SCEP server. */
#include "enrol.h"

#include <stdlib.h>

int pki_scep(struct pki *p, int argc, char **argv)
{
	enum { O_URL = 1, O_TRUST, O_KEY, O_CHALLENGE, O_OUT, O_DER };
	static const struct option options[] = { { "url", 1, NULL, O_URL },
						 { "trust", 1, NULL, O_TRUST },
						 { "key", 1, NULL, O_KEY },
						 { "challenge-file", 1, NULL, O_CHALLENGE },
						 { "out", 1, NULL, O_OUT },
						 { "der", 0, NULL, O_DER },
						 BUILD_OPTIONS,
						 { NULL, 0, NULL, 0 } };
	struct enrol e = { .p = p };
	struct build b = build_new(p);
	const char *out = NULL;
	const char **const slots[] = { [O_URL] = &e.url,
				       [O_TRUST] = &e.trust,
				       [O_KEY] = &e.key,
				       [O_CHALLENGE] = &e.challenge_file,
				       [O_OUT] = &out };
	gnutls_datum_t crt = { NULL, 0 };
	bool der = false;
	int c, rc = PKI_OK;

	while (!rc && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == O_DER) {
			der = true;
		} else if (c > 0 && (size_t)c < ARRAY_LEN(slots) && slots[c]) {
			*slots[c] = optarg;
		} else {
			rc = build_take(&b, c, optarg);
			if (rc < 0)
				rc = pki_usage(p);
		}
	}
	if (!rc && (optind < argc || !e.url || !e.trust || !e.key || (!b.n_dn && !b.parts.n)))
		rc = pki_usage(p);
	gnutls_privkey_t key = rc ? NULL : pki_signer(p, e.key, NULL);
	if (!rc)
		rc = key ? scep_enrol(&e, &b, key, &crt) : PKI_NO;
	if (!rc)
		rc = pki_write_object(p, out, slice_of(crt.data, crt.size), "CERTIFICATE", !der, false) ? PKI_OK
													: PKI_NO;
	gnutls_free(crt.data);
	if (key)
		gnutls_privkey_deinit(key);
	build_fini(&b);
	return rc;
}
