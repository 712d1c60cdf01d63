/* SPDX-License-Identifier: Apache-2.0 */
#include "cred/hashurl.h"

#include "cred/why.h"
#include "crypto/keyfmt.h"

#include <stdio.h>
#include <strings.h>

enum { BUNDLE_CERT = 0xa0, BUNDLE_CRL = 0xa1 };

/* From the host on; NULL: not a URL we follow. */
static const char *authority_of(const char *url)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
			return url + strlen(schemes[i]);
	return NULL;
}

err_t cred_url_parse(slice data, slice *sha1, char *url, struct cert_why *why)
{
	struct rd r = rd_of(data);
	const char *host;

	*sha1 = rd_bytes(&r, CRED_HASH_LEN);
	slice text = rd_rest(&r);
	while (text.n && !text.p[text.n - 1])
		text.n--;
	if (r.err || !text.n)
		return cred_why(why, E_CERT_MALFORMED, "a hash and URL of %zu bytes lacks the URL", data.n);
	if (text.n > CRED_URL_MAX)
		return cred_why(why, E_LIMIT, "a URL of %zu bytes is longer than %d", text.n, CRED_URL_MAX);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] > '~' || text.p[i] == '\\')
			return cred_why(why, E_CERT_MALFORMED, "a URL holds the byte 0x%02x", text.p[i]);
	memcpy(url, text.p, text.n);
	url[text.n] = 0;
	host = authority_of(url);
	if (!host || !strcspn(host, "/?#:"))
		return cred_why(why, E_CERT_MALFORMED, "'%.200s' is no URL of http or https", url);
	if (memchr(host, '@', strcspn(host, "/?#")))
		return cred_why(why, E_CERT_MALFORMED, "'%.200s' has a user name, which is not followed", url);
	return 0;
}

err_t cred_url_make(const uint8_t sha1[CRED_HASH_LEN], const char *base, uint8_t *out, size_t *n)
{
	static const char digits[] = "0123456789abcdef";
	struct wr w = wr_of(out, *n);

	wr_bytes(&w, slice_of(sha1, CRED_HASH_LEN));
	wr_bytes(&w, slice_str(base));
	for (size_t i = 0; i < CRED_HASH_LEN; i++) {
		wr_u8(&w, (uint8_t)digits[sha1[i] >> 4]);
		wr_u8(&w, (uint8_t)digits[sha1[i] & 15]);
	}
	*n = w.off;
	return w.err;
}

bool cred_url_host_is(const char *url, char *const *hosts)
{
	const char *host = authority_of(url);

	if (!hosts)
		return true;
	if (!host)
		return false;
	/* An IPv6 address stands in brackets and holds colons. */
	size_t n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
	if (*host == '[' && !strchr(host, ']'))
		return false;
	for (; *hosts; hosts++) {
		const char *want = *hosts;
		size_t len = strlen(want);
		if (len == n && strncasecmp(want, host, n) == 0)
			return true;
		if (strncmp(want, "*.", 2) == 0 && n > len - 1 && strncasecmp(want + 1, host + n - (len - 1), len - 1) == 0)
			return true;
	}
	return false;
}

struct rd cred_bundle_open(slice der)
{
	struct rd all = rd_of(der), in = rd_of(der_next(&all, DER_SEQ));

	if (all.err || rd_left(&all))
		rd_fail(&in, E_CERT_MALFORMED);
	return in;
}

bool cred_bundle_next(struct rd *r, slice *der, bool *crl)
{
	if (r->err || !rd_left(r))
		return false;
	*crl = der_at(r, BUNDLE_CRL);
	slice body = der_next(r, *crl ? BUNDLE_CRL : BUNDLE_CERT);
	struct rd in = rd_of(body);
	(void)der_next(&in, DER_SEQ);
	if (in.err || rd_left(&in))
		rd_fail(r, E_CERT_MALFORMED);
	*der = body;
	return !r->err;
}
