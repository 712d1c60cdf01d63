/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of adit-rest and its file: options win over the file. One thread. */
#ifndef ADIT_REST_OPTIONS_H
#define ADIT_REST_OPTIONS_H

#include "api/rest/rest.h"
#include "config/rest.h"

enum rest_command { REST_SERVE, REST_TOKEN_ADD, REST_TOKEN_LIST, REST_TOKEN_REVOKE };
enum { REST_OPTIONS_GO = -1 };

struct rest_options {
	enum rest_command command;
	struct rest_conf *conf;
	char *config;          /* the file, NULL: none */
	const char *log;       /* levels, NULL: usual */
	const char *tokens, *web; /* of the settings, or the usual places */
	const char *name;      /* of a token */
	uint8_t role;
	uint64_t expires_s;    /* since 1970, 0 never */
	uint8_t *der;          /* certificate of a caller */
	size_t der_n;
};

/* REST_OPTIONS_GO, or the exit code: 0 help was printed, 1 with why, 2 a wrong command line (said). */
int rest_options_parse(int argc, char *argv[], struct rest_options *out, struct diag **why);
void rest_options_fini(struct rest_options *o);

#endif
