/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the callers: its rows. Shared by the gateway, which reads it, and the commands, which write it. */
#ifndef ADIT_REST_AUTH_FILE_H
#define ADIT_REST_AUTH_FILE_H

#include "api/rest/auth.h"

enum auth_kind { AUTH_TOKEN = 1, AUTH_CERT };

struct auth_caller {
	uint8_t kind, role;
	char name[AUTH_NAME_MAX + 1];
	uint8_t hash[AUTH_HASH];
	uint64_t created_s, expires_s;
};

struct auth_callers {
	struct auth_caller *v;
	size_t n, cap;
};

MUST err_t auth_file_read(const char *path, struct auth_callers *out, struct diag **why);
MUST err_t auth_callers_add(struct auth_callers *l, const struct auth_caller *c);
void auth_callers_free(struct auth_callers *l);
/* a-z A-Z 0-9 . _ - and not too long */
bool auth_name_ok(const char *name);

#endif
