/* SPDX-License-Identifier: Apache-2.0 */
/* Hash and URL of a peer that nobody knows yet, and what its server says is a bundle. */
#include "cred/hashurl.h"
#include "fuzz.h"

const char *const fuzz_name = "hashurl";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char any[] = "*.example.com", one[] = "ca.example.com", *const hosts[] = { any, one, NULL };
	char url[CRED_URL_MAX + 1];
	struct cert_why why = { "" };
	slice sha1, der;
	bool crl;

	err_t e = cred_url_parse(slice_of(data, n), &sha1, url, &why);
	FUZZ_CHECK(e ? why.text[0] != 0 : sha1.n == CRED_HASH_LEN && strlen(url) && strlen(url) + CRED_HASH_LEN <= n);
	if (!e && cred_url_host_is(url, hosts))
		FUZZ_CHECK(strcasestr(url, "example.com") != NULL);
	struct rd r = cred_bundle_open(slice_of(data, n));
	size_t all = 0;
	while (cred_bundle_next(&r, &der, &crl)) {
		FUZZ_CHECK(der.n >= 2 && der.p[0] == 0x30);
		all += der.n;
	}
	FUZZ_CHECK(all <= n);
	return 0;
}
