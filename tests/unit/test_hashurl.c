/* SPDX-License-Identifier: Apache-2.0 */
/* Hash and URL: what a payload may say, which hosts are asked, bundles. */
#include "cred/hashurl.h"

#include <criterion/criterion.h>

#define HASH "01234567890123456789"

static err_t parse(const char *url, size_t n, char *out, struct cert_why *why)
{
	uint8_t data[2048] = HASH;
	slice sha1;

	memcpy(data + 20, url, n);
	err_t e = cred_url_parse(slice_of(data, 20 + n), &sha1, out, why);
	if (!e)
		cr_assert(slice_equal(sha1, slice_of(HASH, 20)));
	return e;
}

Test(hashurl, parse)
{
	static const struct {
		const char *url;
		size_t n; /* 0: of the text */
		err_t e;
		const char *says;
	} rows[] = {
		{ "http://ca.test/x", 0, 0, "http://ca.test/x" },
		{ "HTTPS://[2001:db8::1]:8443/x?y", 0, 0, "HTTPS://[2001:db8::1]:8443/x?y" },
		{ "http://ca.test/x\0", 17, 0, "http://ca.test/x" },
		{ "", 0, E_CERT_MALFORMED, "lacks the URL" },
		{ "\0", 1, E_CERT_MALFORMED, "lacks the URL" },
		{ "ftp://ca.test/x", 0, E_CERT_MALFORMED, "no URL of http or https" },
		{ "file:///etc/passwd", 0, E_CERT_MALFORMED, "no URL of http or https" },
		{ "http:///x", 0, E_CERT_MALFORMED, "no URL of http or https" },
		{ "http://ca.test/x y", 0, E_CERT_MALFORMED, "0x20" },
		{ "http://ca.test/\nx", 0, E_CERT_MALFORMED, "0x0a" },
		{ "http://ca.test\0/x", 17, E_CERT_MALFORMED, "0x00" },
		{ "http://good.test@bad.test/x", 0, E_CERT_MALFORMED, "user name" },
		{ "http://good.test\\@bad.test/x", 0, E_CERT_MALFORMED, "0x5c" },
	};
	char url[CRED_URL_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cert_why why = { "" };
		err_t e = parse(rows[i].url, rows[i].n ? rows[i].n : strlen(rows[i].url), url, &why);
		cr_expect_eq(e, rows[i].e, "%s: %s %s", rows[i].url, err_name(e), why.text);
		cr_expect(strstr(e ? why.text : url, rows[i].says), "%s: %s", rows[i].url, e ? why.text : url);
	}
	char big[CRED_URL_MAX + 2] = "http://ca.test/";
	memset(big + 15, 'x', sizeof big - 15);
	struct cert_why why;
	cr_expect_eq(parse(big, CRED_URL_MAX, url, &why), 0);
	cr_expect_eq(parse(big, CRED_URL_MAX + 1, url, &why), E_LIMIT);
	slice sha1;
	cr_expect_eq(cred_url_parse(slice_of(HASH, 19), &sha1, url, &why), E_CERT_MALFORMED);
}

Test(hashurl, make)
{
	uint8_t out[100];
	size_t n = sizeof out;

	cr_assert_eq(cred_url_make((const uint8_t *)HASH, "http://c/", out, &n), 0);
	cr_assert_eq(n, 20u + 9 + 40);
	cr_assert_eq(memcmp(out + 20, "http://c/3031323334353637383930313233343536373839", 49), 0);
	n = 68;
	cr_assert_eq(cred_url_make((const uint8_t *)HASH, "http://c/", out, &n), E_SPACE);
}

Test(hashurl, hosts)
{
	char a[] = "ca.test", b[] = "*.example.com", c[] = "[2001:db8::1]", *const hosts[] = { a, b, c, NULL };
	static const struct {
		const char *url;
		bool may;
	} rows[] = {
		{ "http://ca.test/x", true }, { "http://CA.TEST:80/x", true }, { "http://ca.test", true }, { "http://ca.test?x", true },
		{ "http://ca.test.evil/x", false }, { "http://xca.test/", false }, { "http://a.example.com/", true },
		{ "http://a.b.example.com/", true }, { "http://example.com/", false }, { "http://.example.com/", false },
		{ "http://badexample.com/", false }, { "http://evil/a.example.com", false }, { "http://[2001:db8::1]:81/x", true },
		{ "http://[2001:db8::2]/x", false }, { "http://[2001:db8::1/x", false }, { "gopher://ca.test/", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cr_expect_eq(cred_url_host_is(rows[i].url, hosts), rows[i].may, "%s", rows[i].url);
		cr_expect(cred_url_host_is(rows[i].url, NULL));
	}
}

Test(hashurl, bundle)
{
	static const uint8_t good[] = { 0x30, 12, 0xa0, 4, 0x30, 2, 5, 0, 0xa1, 2, 0x30, 0, 0xa0, 0 };
	struct rd r = cred_bundle_open(slice_of(good, sizeof good - 2));
	slice der;
	bool crl;

	cr_assert_not(cred_bundle_next(&r, &der, &crl)); /* shorter than it says */
	cr_assert(r.err);
	r = cred_bundle_open(slice_of(good, sizeof good));
	cr_assert(cred_bundle_next(&r, &der, &crl) && !crl && der.n == 4);
	cr_assert(cred_bundle_next(&r, &der, &crl) && crl && der.n == 2);
	cr_assert_not(cred_bundle_next(&r, &der, &crl)); /* nothing in it */
	cr_assert(r.err);
	static const uint8_t empty[] = { 0x30, 0 }, behind[] = { 0x30, 0, 0 }, plain[] = { 0x30, 2, 0x30, 0 };
	r = cred_bundle_open(slice_of(empty, 2));
	cr_assert_not(cred_bundle_next(&r, &der, &crl));
	cr_assert_eq(r.err, 0);
	r = cred_bundle_open(slice_of(behind, 3));
	cr_assert(!cred_bundle_next(&r, &der, &crl) && r.err);
	r = cred_bundle_open(slice_of(plain, 4));
	cr_assert(!cred_bundle_next(&r, &der, &crl) && r.err);
}
