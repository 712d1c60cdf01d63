/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may call the gateway: a file with one caller per line,
 *
 *   token NAME ROLE SHA-256-OF-THE-TOKEN CREATED EXPIRES      seconds since 1970, EXPIRES 0 never
 *   cert  NAME ROLE SHA-256-OF-THE-CERTIFICATE CREATED EXPIRES
 *
 * that `adit-rest token add|list|revoke` writes. A token is 32 random bytes: its hash needs no salt and no slow function.
 * The file is read again when it has changed, so that a revoked token ends at once. Comparing takes the same time for
 * every token, known or not. Any thread; reading the file waits on the disk.
 */
#ifndef ADIT_REST_AUTH_H
#define ADIT_REST_AUTH_H

#include "api/rest/rest.h"

enum { AUTH_NAME_MAX = 40, AUTH_CALLERS_MAX = 1024, AUTH_HASH = 32, AUTH_TOKEN_TEXT = 64 };

struct auth;
/* The file need not exist yet: then nobody may call. E_PARSE with the line, E_PERM when others may read or change it. */
MUST err_t auth_new(const char *path, struct auth **out, struct diag **why);
void auth_free(struct auth *a);
/* False: unknown, or over. A file that became wrong lets nobody in; *why then says what (may be NULL). */
bool auth_token(struct auth *a, const char *token, struct principal *out, struct diag **why);
/* A client certificate (DER) that the TLS library has verified. */
bool auth_cert(struct auth *a, slice der, struct principal *out, struct diag **why);

/* Is the caller still let in, with the same role? For what lasts: an event stream ends with its token. */
bool auth_holds(struct auth *a, const struct principal *who);

/* ---- the commands ---- */

/* Adds a caller; the token goes to `token` (AUTH_TOKEN_TEXT bytes). der: a certificate instead, then token may be NULL.
 * expires_s 0: never. E_EXISTS, E_BAD_VALUE, E_LIMIT. */
MUST err_t auth_add(const char *path, const char *name, uint8_t role, uint64_t expires_s, slice der, char *token,
		    struct diag **why);
/* Lets the gateway's user (NULL: adit-rest, when there is one) read a file that root's group alone may read. */
MUST err_t auth_share(const char *path, const char *user, struct diag **why);
MUST err_t auth_revoke(const char *path, const char *name, struct diag **why);
/* A line per caller; never a token or its hash. */
MUST err_t auth_list(const char *path, struct diag **why);
/* "read", "operate", "configure"; API_PERM_NONE: no role. */
uint8_t auth_role(const char *word);

#endif
