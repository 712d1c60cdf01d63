/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling the outside about the life of the daemon: the notify protocol of systemd's service managers (one datagram
 * to the socket named by NOTIFY_SOCKET), and the pid file. Nothing waits.
 */
#ifndef ADIT_OS_READY_H
#define ADIT_OS_READY_H

#include "base/diag.h"

/* "READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=…", "STATUS=…". Without NOTIFY_SOCKET nothing
 * happens; a manager that does not listen is not an error of ours. */
void ready_notify(const char *state);
/* RELOADING=1 with the time systemd wants beside it; READY=1 has to follow. */
void ready_reloading(void);

/* Makes or takes over the file, locks it and writes our pid: while we live a second daemon cannot have it. The file is
 * found stale when its lock is free. *fd belongs to the caller. E_EXISTS names the other one's pid and the remedy. */
MUST err_t pidfile_take(const char *path, int *fd, struct diag **why);
/* Removes the file and gives the lock back. */
void pidfile_drop(const char *path, int fd);

#endif
