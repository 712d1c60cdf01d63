/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of adit-rest: `rest { … }` of its file. Owned, immutable once made; one thread. */
#ifndef ADIT_CONFIG_REST_H
#define ADIT_CONFIG_REST_H

#include "config/schema.h"

struct rest_conf {
	char **listen;               /* "127.0.0.1:8480", "[::1]:8443", "unix:/run/…"; NULL-terminated */
	char *socket;                /* of aditd; NULL: where it usually is */
	char *tokens;                /* file of the callers; NULL: the usual place */
	char *web;                   /* folder of the pages; NULL: the usual place */
	char *tls_cert, *tls_key;    /* PEM; NULL: no TLS */
	char *client_ca;             /* PEM: client certificates it signed may have a role */
	char *user;                  /* to become after the start */
	char **cors;                 /* origins that may call from a browser */
	uint32_t max_connections, max_per_client, max_streams, max_body;
	uint32_t rate, burst, failures;
	uint32_t request_timeout_s;  /* until a request is there as a whole */
	uint32_t metrics_connections;
};

extern const struct conf_schema conf_schema_rest;     /* below rest */
extern const struct conf_schema conf_schema_rest_top; /* a whole file */

/* From a section `rest` (NULL: defaults). */
MUST err_t conf_rest_from(const struct conf_node *section, struct rest_conf **out, struct diag **why);
void conf_rest_free(struct rest_conf *c);

#endif
