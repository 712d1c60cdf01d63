/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structured log. A record has a subsystem, a level, a sentence and the objects it is about; sinks (plugins of kind
 * `log`, stderr, the API's log event) take records at or below their level for that subsystem. The test whether
 * anybody wants a record is one load and a compare, so that detail costs nothing when nobody listens.
 *
 * There is one log hub in a process (it is not part of the engine, which is given a `struct log *` and knows no other
 * global). Any thread may write. Sinks that may wait are fed through a bounded queue; what did not fit is counted and
 * said. Lines a peer can cause are written with log_peer(): rate limited per peer address, the number suppressed told.
 */
#ifndef ADIT_BASE_LOG_H
#define ADIT_BASE_LOG_H

#include "err.h"
#include "netaddr.h"

/* Names as operators know them, from the field and from our own needs. */
#define LOG_SUBSYSTEMS(row) \
	row(ASN1, "asn1") row(CHILD, "child") row(CONFIG, "config") row(DAEMON, "daemon") row(ENCODING, "encoding") \
	row(IKE, "ike") row(IPSEC, "ipsec") row(JOB, "job") row(KERNEL, "kernel") row(MANAGER, "manager") \
	row(NETWORK, "network") row(AUTH, "auth") row(PKI, "pki") row(API, "api") row(PLUGIN, "plugin")

enum log_sub {
#define row(id, name) LOG_##id,
	LOG_SUBSYSTEMS(row)
#undef row
	LOG_SUB_COUNT
};

enum log_level { LOG_SILENT = -1, LOG_AUDIT = 0, LOG_CONTROL = 1, LOG_DETAIL = 2, LOG_RAW = 3, LOG_SECRETS = 4 };

/* What a record is about; all optional (NULL, 0). Borrowed until the call returns. */
struct log_ctx {
	const char *conn, *child;
	uint64_t ike_unique, child_unique;
	uint64_t spi_i, spi_r;
	const struct net_addr *peer;
	err_t code;
};

struct log_record {
	uint64_t time_ns; /* CLOCK_REALTIME */
	enum log_sub sub;
	enum log_level level;
	struct log_ctx ctx;
	const char *text; /* one line, no newline */
};

struct log;
struct log_sink {
	void *self;
	void (*write)(void *self, const struct log_record *r);
	int8_t level[LOG_SUB_COUNT];
	/* The sink may wait (disk, socket): it is fed on the log's own thread. Else write is called on the thread that
	 * logs, one call at a time, and must be quick; what it logs itself is dropped. */
	bool may_wait;
	void (*flush)(void *self); /* may be NULL; called after the last record of a batch */
};

/* Longest text of a record; what is longer is cut. Control characters are replaced. */
enum { LOG_TEXT = 4096 };

struct log *log_new(void);
void log_free(struct log *l); /* sinks are flushed, not closed */
/* The hub copies *s; returns an id for log_levels and log_del, or -1 when 16 are there. */
int log_add(struct log *l, const struct log_sink *s);
void log_levels(struct log *l, int id, const int8_t level[LOG_SUB_COUNT]);
void log_del(struct log *l, int id);
/* "ike=2,child=1,default=1" into a level table; E_BAD_VALUE names the word in why. */
struct diag;
MUST err_t log_levels_parse(const char *spec, int8_t level[LOG_SUB_COUNT], struct diag **why);

bool log_wants(const struct log *l, enum log_sub sub, enum log_level level);
void log_write(struct log *l, enum log_sub sub, enum log_level level, const struct log_ctx *ctx, const char *fmt, ...)
	PRINTF_LIKE(5, 6);
/* As log_write, but at most a few lines per second for one peer address (ctx->peer must be set). */
void log_peer(struct log *l, enum log_sub sub, enum log_level level, const struct log_ctx *ctx, const char *fmt, ...)
	PRINTF_LIKE(5, 6);
/* Tells what log_peer has suppressed of peers that are silent now. Call once per second, any thread. */
void log_tick(struct log *l);
/* Returns when the sinks that may wait have written what was queued before the call. */
void log_flush(struct log *l);
const char *log_sub_name(enum log_sub sub);

/* The usual call: arguments are not evaluated when nobody listens. */
#define LOGF(l, sub, level, ctx, ...) \
	do { \
		if (log_wants((l), (sub), (level))) \
			log_write((l), (sub), (level), (ctx), __VA_ARGS__); \
	} while (0)

#endif
