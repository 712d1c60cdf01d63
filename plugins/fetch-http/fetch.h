/* SPDX-License-Identifier: Apache-2.0 */
/* State of fetch-http. Loop thread alone. */
#ifndef ADIT_FETCH_HTTP_H
#define ADIT_FETCH_HTTP_H

#include "plugin/abi_cred.h"

#include <curl/curl.h>

struct self;

struct transfer {
	struct transfer *next;
	struct self *self;
	uint64_t token;
	CURL *easy; /* NULL: a file */
	struct curl_slist *headers;
	char *url;
	uint8_t *post;
	uint8_t *body;
	size_t n, cap, max;
	bool too_long;
	char error[CURL_ERROR_SIZE];
	char peer[80]; /* "192.0.2.1 port 80": where it was asked last */
};

struct self {
	const struct plug_host *host;
	CURLM *multi;
	struct plug_timer *timer; /* the one libcurl asked for */
	struct plug_timer *files; /* reads the files that were asked for, after get() has answered */
	struct transfer *list;
	unsigned n_running, parallel;
	long connect_s;
	char proxy[256], tls_ca[512];
};

#endif
