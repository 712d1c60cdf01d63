/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <curl/curl.h>
#include <stdlib.h>

enum { ANSWER_MAX = 8 << 20, REDIRECTS_MAX = 3, TIMEOUT_S = 30 };

static size_t gather(char *data, size_t size, size_t n, void *arg)
{
	struct http *h = arg;

	n *= size;
	if (h->n + n > ANSWER_MAX)
		return 0;
	uint8_t *more = realloc(h->data, h->n + n + 1);
	if (!more)
		return 0;
	memcpy(more + h->n, data, n);
	h->data = more;
	h->n += n;
	h->data[h->n] = 0;
	return n;
}

bool pki_http(const struct pki *p, struct http *h)
{
	char why[CURL_ERROR_SIZE] = "", header[256];
	struct curl_slist *headers = NULL;
	CURL *c = curl_easy_init();

	if (!c)
		return pki_say(p, 0, "libcurl cannot be started");
	h->data = NULL;
	h->n = 0;
	h->status = 0;
	curl_easy_setopt(c, CURLOPT_URL, h->url);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, h->timeout_s ? (long)h->timeout_s : (long)TIMEOUT_S);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, gather);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "adit-pki");
	if (h->type) {
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)h->body.n);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, h->body.n ? (const char *)h->body.p : "");
		snprintf(header, sizeof header, "Content-Type: %s", h->type);
		headers = curl_slist_append(headers, header);
		headers = curl_slist_append(headers, "Expect:");
	}
	if (h->accept) {
		snprintf(header, sizeof header, "Accept: %s", h->accept);
		headers = curl_slist_append(headers, header);
	}
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	if (h->user) {
		curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC | CURLAUTH_DIGEST);
		curl_easy_setopt(c, CURLOPT_USERNAME, h->user);
		curl_easy_setopt(c, CURLOPT_PASSWORD, h->password ? h->password : "");
	}
	if (h->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file);
	if (h->insecure) {
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (h->cert_file) {
		curl_easy_setopt(c, CURLOPT_SSLCERT, h->cert_file);
		curl_easy_setopt(c, CURLOPT_SSLKEY, h->key_file);
	}
	CURLcode rc = curl_easy_perform(c);
	if (rc == CURLE_OK) {
		const char *type = NULL;
		curl_off_t after = 0;
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &h->status);
		curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
		curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &after);
		snprintf(h->content_type, sizeof h->content_type, "%s", type ? type : "");
		h->retry_after_s = (long)after;
	} else {
		pki_say(p, 0, "%s: no answer: %s", h->url, rc == CURLE_WRITE_ERROR ? "it is longer than 8 MB" :
			why[0] ? why : curl_easy_strerror(rc));
		free(h->data);
		h->data = NULL;
		h->n = 0;
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
	return rc == CURLE_OK;
}
