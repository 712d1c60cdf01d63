/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More detail for some: rules that raise the levels for one connection, for peers at an address or for an identity, for a
 * time. Of an IKE SA whose connection or identity is not known yet the lines that a rule might want are kept until it is:
 * at most FOCUS_SAS SAs, FOCUS_LINES lines of each, FOCUS_BYTES in all; what had no room is counted. Not thread-safe: the log
 * hub calls it under its lock. Times in milliseconds, monotonic.
 */
#ifndef ADIT_BASE_LOG_FOCUS_H
#define ADIT_BASE_LOG_FOCUS_H

#include "base/log.h"

enum { FOCUS_RULES = 32, FOCUS_SAS = 1024, FOCUS_LINES = 64, FOCUS_BYTES = 4 << 20 };

struct focus_rule {
	uint64_t number;     /* 0: not used */
	uint64_t until_ms;   /* UINT64_MAX: for ever */
	struct log_focus is;
};

/* A line that was kept. */
struct focus_line {
	struct focus_line *next;
	uint64_t time_ns;
	struct net_addr peer;
	uint64_t spi_i, spi_r;
	err_t code;
	uint8_t sub;
	int8_t level;
	char text[];
};

struct focus_kept {
	uint64_t unique; /* 0: none */
	struct focus_line *first, **last;
	uint32_t n;
};

struct focus {
	struct focus_rule rule[FOCUS_RULES];
	struct focus_kept *kept; /* FOCUS_SAS, from the first line on */
	size_t bytes;
	uint64_t next_number;
};

void focus_fini(struct focus *f);
/* Its number; 0: there are FOCUS_RULES already. Takes is->id over in every case. */
uint64_t focus_add(struct focus *f, const struct log_focus *is, uint64_t now_ms);
bool focus_del(struct focus *f, uint64_t number); /* 0: all; false: there was none */
/* Rules whose time is over go; true: some went. */
bool focus_expire(struct focus *f, uint64_t now_ms);
/* The most detailed level of any rule for this subsystem, LOG_SILENT none. */
int8_t focus_most(const struct focus *f, enum log_sub sub);
bool focus_any(const struct focus *f);
/* The level the rules give to what the context is about. *maybe: another rule might want this level when more is known. */
int8_t focus_level(const struct focus *f, enum log_sub sub, enum log_level level, const struct log_ctx *ctx, bool *maybe);
void focus_keep(struct focus *f, const struct log_record *r);
/* Takes out what was kept of an SA: the caller's to free; NULL nothing. */
struct focus_line *focus_take(struct focus *f, uint64_t ike_unique);
void focus_lines_free(struct focus_line *l);

#endif
