/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile certificates: what can be read is printed, read again the same, and judged as leaf, CA and anchor of itself.
 */
#include "fuzz.h"
#include "plugins/x509/verify.h"

const char *const fuzz_name = "cert";

static void judge(struct cert *c, uint32_t flags, uint8_t mode)
{
	static const char *const policies[] = { "1.2.3.4", "2.5.29.32.0" };
	struct cert *list[] = { c };
	struct cert_report *rep;
	const struct cert_name name = { 2, SLICE_LIT("*.example.com") };
	struct cert_verify v = { .size = sizeof v,
				 .flags = flags,
				 .leaf = c,
				 .intermediates = list,
				 .n_intermediates = 1,
				 .time = c->info.not_before,
				 .rev_mode = mode,
				 .policies = policies,
				 .n_policies = 2,
				 .name = name,
				 .need_eku = CERT_EKU_IKE };

	FUZZ_CHECK(x_verify(&v, &rep) == 0);
	FUZZ_CHECK(rep->verdict != 0); /* there is no anchor */
	x_report_free(rep);
	v.anchors = list;
	v.n_anchors = 1;
	FUZZ_CHECK(x_verify(&v, &rep) == 0);
	FUZZ_CHECK(rep->n_chain >= 1 && rep->n_nodes >= 1);
	x_report_free(rep);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cert *c, *again;
	struct cert_why why;
	struct cert_map *map;
	uint8_t buf[512];
	size_t len = sizeof buf;

	if (x_cert_parse(slice_of(data, n), &c, &why)) {
		FUZZ_CHECK(memchr(why.text, 0, sizeof why.text) && why.text[0]);
		return 0;
	}
	FUZZ_CHECK(c->info.der.n == n && memcmp(c->info.der.p, data, n) == 0);
	FUZZ_CHECK(x_cert_parse(c->info.der, &again, NULL) == 0);
	FUZZ_CHECK(x_name_same(&c->subject, &again->subject) && memcmp(c->info.sha256, again->info.sha256, 32) == 0);
	x_cert_unref(again);
	judge(c, 0, CERT_REV_STRICT);
	judge(c, CERT_EXPLICIT_POLICY | CERT_FOR_IKE | CERT_NAME_IN_CN | CERT_INHIBIT_ANY_POLICY, CERT_REV_RELAXED);
	FUZZ_CHECK(
		x_map_parse("name co lab; serial-number ne 01 | unstructured-subject-name eq x; alt-subject-name nc y",
			    &map, NULL) == 0);
	err_t e = x_map_match(map, c, &why);
	FUZZ_CHECK(e == 0 || e == E_CERT_MAP);
	x_map_free(map);
	e = x_ocsp_request(c, c, SLICE_LIT("nonce"), buf, &len);
	FUZZ_CHECK(e || len <= sizeof buf);
	x_cert_unref(c);
	return 0;
}
