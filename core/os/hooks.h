/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts of the administrator, run by a small helper process so that the loop never waits for one. The helper is forked
 * before there are threads or keys in memory, has the capabilities of the daemon and no more, and runs scripts with
 * `/bin/sh -c`, a fixed environment and no descriptor but its output. Scripts of one key run one after the other in the
 * order given, others side by side (HOOKS_SIDE_BY_SIDE). When the daemon is gone the helper runs what waits and ends.
 *
 * Thread: that of the loop. Nothing waits but hooks_free.
 */
#ifndef ADIT_OS_HOOKS_H
#define ADIT_OS_HOOKS_H

#include "base/log.h"
#include "os/loop.h"

#include <sys/types.h>

enum {
	HOOKS_SIDE_BY_SIDE = 8,
	HOOKS_WAITING = 4096,     /* jobs that wait, here and in the helper; more are left out and counted */
	HOOKS_JOB_MAX = 16 * 1024, /* bytes of script and environment */
	HOOKS_LINES = 100,        /* of output that are told for one script */
	HOOKS_LINE_MAX = 500,
	HOOKS_STOP_MS = 10000     /* how long hooks_free waits for scripts to end */
};

struct hooks_child { /* what hooks_fork leaves behind */
	int fd;
	pid_t pid;
};

struct hooks_job {
	uint64_t key;
	uint32_t timeout_ms;    /* then the script and all it started is killed */
	const char *label;      /* comes back with what is told about it */
	const char *script;
	const char *const *env; /* "NAME=value", NULL-terminated */
};

enum hooks_news { HOOKS_LINE = 1, HOOKS_END /* status: exit code, 128 + signal */, HOOKS_KILLED /* too slow */,
	HOOKS_CUT /* status: lines not told */, HOOKS_FULL /* not run */ };
typedef void hooks_fn(void *arg, enum hooks_news what, const char *label, int status, const char *line);

struct hooks;

/* Before anything else is started: the process has one thread. debug: as caps_drop. */
MUST err_t hooks_fork(bool debug, struct hooks_child *out, struct diag **why);
/* Takes the child over, also when it fails. */
MUST err_t hooks_new(struct loop *l, struct log *log, struct hooks_child *child, hooks_fn *cb, void *arg,
	struct hooks **out);
/* E_FULL, E_LIMIT (too long), E_STALE (the helper is gone): said in the log by the caller. */
MUST err_t hooks_run(struct hooks *h, const struct hooks_job *job);
/* Waits until what was asked for has run, at most HOOKS_STOP_MS. NULL is fine. */
void hooks_free(struct hooks *h);
/* Of a child that nobody took over. */
void hooks_child_end(struct hooks_child *child);

#endif
