/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile CRLs: what can be read is read again the same and searched, as a list of its own issuer, for each of its
 * entries. */
#include "fuzz.h"
#include "plugins/x509/verify.h"

const char *const fuzz_name = "crl";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cert_crl *c, *again;
	struct cert_why why;

	if (x_crl_parse(slice_of(data, n), &c, &why)) {
		FUZZ_CHECK(memchr(why.text, 0, sizeof why.text) && why.text[0]);
		return 0;
	}
	FUZZ_CHECK(x_crl_parse(c->info.der, &again, NULL) == 0);
	FUZZ_CHECK(again->n_revoked == c->n_revoked && x_name_same(&c->issuer, &again->issuer));
	x_crl_unref(again);
	for (size_t i = 1; i < c->n_revoked; i++) {
		slice a = c->revoked[i - 1].serial, b = c->revoked[i].serial;
		int d = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
		FUZZ_CHECK(d < 0 || (d == 0 && a.n <= b.n));
	}
	/* A path of certificates that exist only here: the issuer of the list, and one of its entries below it. */
	struct cert issuer = { .subject = c->issuer, .issuer = c->issuer, .info = { .key_usage = UINT16_MAX } };
	struct cert leaf = { .issuer = c->issuer,
			     .serial = c->n_revoked ? c->revoked[c->n_revoked / 2].serial : SLICE_LIT("\x01") };
	struct v_path p = { .v = { &leaf, &issuer }, .n = 2 };
	struct cert_crl *list[] = { c, c };
	struct cert_verify req = { .size = sizeof req, .crls = list, .n_crls = 2, .time = c->info.this_update };
	struct v_status s = { 0 };
	struct v v = { .req = &req };
	FUZZ_CHECK(v_report_new(&v.rep) == 0);
	pthread_mutex_init(&issuer.memo.lock, NULL);
	v_status_by_crl(&v, &p, 0, &s);
	FUZZ_CHECK(s.state == V_UNKNOWN); /* nobody signed it */
	x_report_free(&v.rep->pub);
	pthread_mutex_destroy(&issuer.memo.lock);
	x_crl_unref(c);
	return 0;
}
