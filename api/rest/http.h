/* SPDX-License-Identifier: Apache-2.0 */
/* Between listening (listen.c) and requests (http.c). */
#ifndef ADIT_REST_HTTP_H
#define ADIT_REST_HTTP_H

#include "api/rest/rest.h"

struct rest_listener {
	struct rest *r;
	bool tls;
	int fd;
	char where[128], path[108]; /* for people; of a Unix socket */
	struct MHD_Daemon *mhd;
};

/* Callbacks of libmicrohttpd; arg is a struct rest_listener. */
enum MHD_Result rest_on_request(void *arg, struct MHD_Connection *c, const char *url, const char *verb, const char *version,
				const char *upload, size_t *upload_n, void **ctx);
void rest_on_completed(void *arg, struct MHD_Connection *c, void **ctx, enum MHD_RequestTerminationCode why);

#endif
