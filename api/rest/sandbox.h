/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gateway gives up for good before it hears the first byte from outside: its user, every capability, new
 * privileges, core dumps, and the system calls it has no business with. Call before any thread is made.
 */
#ifndef ADIT_REST_SANDBOX_H
#define ADIT_REST_SANDBOX_H

#include "base/log.h"
#include "base/diag.h"

/* user NULL: stays who it is. E_NOT_FOUND, E_PERM with the remedy. */
MUST err_t sandbox_enter(const char *user, struct log *log, struct diag **why);

#endif
