/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Privileges: what the daemon keeps, what it gives up for good. Call before any thread is made: Linux gives
 * capabilities to threads, and a new one has those of its maker.
 */
#ifndef ADIT_OS_CAPS_H
#define ADIT_OS_CAPS_H

#include "base/log.h"

/* No core dumps, no ptrace by others of the same user, no new privileges by exec, limits of locked memory and of open
 * files as high as allowed; then all capabilities but CAP_NET_ADMIN, CAP_NET_BIND_SERVICE and CAP_NET_RAW are given up.
 * One that is missing from the start is said in the log with what will not work; that is no error.
 * debug: core dumps and ptrace stay allowed. */
MUST err_t caps_drop(struct log *log, bool debug, struct diag **why);
/* Behind caps_drop, in a process that runs programs without being root: what was kept stays with them. As root it does
 * anyhow. */
void caps_for_scripts(void);

#endif
