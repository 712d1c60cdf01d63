/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile files: PEM, DER, containers, keys with and without passphrase. */
#include "fuzz.h"
#include "plugins/x509/verify.h"

const char *const fuzz_name = "keys";

static void look(const struct cert_objects *o)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct cert_object *k = &o->v[i];
		FUZZ_CHECK((k->kind == CERT_OBJ_CERT) == (k->cert != NULL) &&
			   (k->kind == CERT_OBJ_CRL) == (k->crl != NULL));
		if (k->kind == CERT_OBJ_KEY)
			FUZZ_CHECK(k->der.n && k->spki.n && x_key_matches(k->der, k->spki) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const passphrases[] = { NULL, "secret" };

	for (size_t i = 0; i < ARRAY_LEN(passphrases); i++) {
		struct cert_why why = { "" };
		struct cert_objects *o;
		err_t e = x_parse_any(slice_of(data, n), passphrases[i], &o, &why);
		FUZZ_CHECK(e == 0 ? o && o->n : why.text[0] != 0);
		if (o)
			look(o);
		x_objects_free(o);
	}
	return 0;
}
