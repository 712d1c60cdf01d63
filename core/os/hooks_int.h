/* SPDX-License-Identifier: Apache-2.0 */
/* Between the daemon and its helper: messages over a socket that keeps their borders. */
#ifndef ADIT_OS_HOOKS_INT_H
#define ADIT_OS_HOOKS_INT_H

#include "os/hooks.h"

struct hooks_head { /* to the helper; then label, script, environment, each closed by a zero byte */
	uint64_t key;
	uint32_t timeout_ms;
	uint32_t n; /* strings */
};

struct hooks_told { /* from the helper; then label and line */
	uint32_t what; /* enum hooks_news */
	int32_t status;
};

enum { HOOKS_LABEL_MAX = 256, HOOKS_TOLD_MAX = sizeof(struct hooks_told) + HOOKS_LABEL_MAX + HOOKS_LINE_MAX + 2 };

/* The helper's whole life; ends the process. */
_Noreturn void hooks_helper(int fd, bool debug);

#endif
