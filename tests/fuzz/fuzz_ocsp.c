/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile OCSP answers: nothing that was changed is ever "good". The input is a certificate, its issuer and the answer.
 */
#include "fuzz.h"
#include "plugins/x509/der.h"
#include "plugins/x509/verify.h"

const char *const fuzz_name = "ocsp";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct rd r = rd_of(slice_of(data, n));
	slice cert_der = asn_whole(&r, ASN_SEQ), issuer_der = asn_whole(&r, ASN_SEQ), rest = rd_rest(&r);
	struct cert *cert = NULL, *issuer = NULL;
	struct cert_ocsp_answer a;
	struct cert_why why = { "" };

	/* An answer alone is judged about two certificates that are none, too. */
	if (x_cert_parse(cert_der, &cert, NULL) || x_cert_parse(issuer_der, &issuer, NULL)) {
		struct cert nobody = { .info = { .key_usage = 0 } };
		const struct cert_ocsp o = { slice_of(data, n), SLICE_NONE };
		FUZZ_CHECK(x_ocsp_answer(&o, &nobody, &nobody, 0, &a, &why) != 0 && why.text[0]);
	} else {
		const struct cert_ocsp o = { rest, SLICE_LIT("0123456789abcdef") };
		const struct cert_ocsp plain = { rest, SLICE_NONE };
		err_t e = x_ocsp_answer(&o, cert, issuer, issuer->info.not_before, &a, &why);
		FUZZ_CHECK(e == 0 || why.text[0]);
		x_ocsp_answer(&plain, cert, issuer, issuer->info.not_after, &a, &why);
	}
	x_cert_unref(cert);
	x_cert_unref(issuer);
	return 0;
}
