/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP of the client commands, with libcurl: bounded in size, time and redirects. Waits. One thread. */
#ifndef ADIT_PKI_HTTP_H
#define ADIT_PKI_HTTP_H

#include "pki.h"

struct http {
	const char *url;
	slice body;               /* POST when not empty, or when type is set */
	const char *type;         /* Content-Type of the body */
	const char *accept;
	const char *user, *password;      /* basic authentication, NULL none */
	const char *ca_file;              /* trust for https; NULL: the system's */
	const char *cert_file, *key_file; /* our own for https */
	bool insecure;            /* take any server: for the first contact, whose answer is compared by fingerprint */
	unsigned timeout_s;       /* 0: 30 */
	/* Answer: */
	long status;
	uint8_t *data;            /* freed by the caller */
	size_t n;
	char content_type[128];
	long retry_after_s;       /* 0 none */
};

/* false: no answer came, and why was said. An answer of any status is true. */
bool pki_http(const struct pki *p, struct http *h);

#endif
