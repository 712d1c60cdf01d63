/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often one message may be written: a bounded table by message, which is named by its format. What was suppressed is
 * counted and told. Not thread-safe: the log hub calls it under a lock. Times in milliseconds, monotonic.
 */
#ifndef ADIT_BASE_LOG_RATE_H
#define ADIT_BASE_LOG_RATE_H

#include "base/log.h"

enum { LOG_RATE_SETS = 128, LOG_RATE_WAYS = 4 };

struct log_rate_row {
	const char *fmt; /* static text; NULL none */
	uint64_t since_ms; /* start of the present second */
	uint32_t lines;
	uint64_t suppressed;
	uint8_t sub;
	int8_t level;
};

struct log_rate {
	struct log_rate_row row[LOG_RATE_SETS][LOG_RATE_WAYS];
	size_t sweep;
};

/* Suppressed lines of one message, to be told. */
struct log_rate_told {
	const char *fmt;
	uint64_t suppressed; /* 0: nothing */
	uint8_t sub;
	int8_t level;
};

/* May this message be written now? What the row had before is told by *told. */
bool log_rate_allow(struct log_rate *r, const char *fmt, enum log_sub sub, enum log_level level, uint32_t per_s, uint64_t now_ms,
	struct log_rate_told *told);
/* The next suppression that is over and untold. Call until false. */
bool log_rate_next(struct log_rate *r, uint64_t now_ms, struct log_rate_told *told);

#endif
