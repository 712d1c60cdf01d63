/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to aditd: two bounded sets, so that commands that take their time (a negotiation with a peer that does not
 * answer) never keep anybody from looking. A connection that aditd closed, since it was started anew, is replaced before
 * it is used. Any thread; waits.
 */
#ifndef ADIT_REST_BACKEND_H
#define ADIT_REST_BACKEND_H

#include "api/client/adit_api.h"
#include "base/diag.h"

struct backend;
enum backend_set { BACKEND_READ, BACKEND_ACT };

/* path NULL: where aditd usually is. */
MUST err_t backend_new(const char *path, struct backend **out);
void backend_free(struct backend *b);
const char *backend_path(const struct backend *b); /* or NULL */

/* A connection for one call, to be given back. E_FULL: all are busy for too long; E_IO: aditd does not answer. */
MUST err_t backend_take(struct backend *b, enum backend_set set, unsigned timeout_ms, struct adit_api **out, struct diag **why);
/* What the call said: a broken connection is closed. */
void backend_give(struct backend *b, enum backend_set set, struct adit_api *a, enum adit_api_status st);

#endif
