/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structured log. A record has a subsystem, a level, a sentence and the objects it is about; sinks (plugins of kind
 * `log`, stderr, the API's log event) take records at or below their level for that subsystem. The test whether
 * anybody wants a record is one load and a compare, so that detail costs nothing when nobody listens.
 *
 * There is one log hub in a process (it is not part of the engine, which is given a `struct log *` and knows no other
 * global). Any thread may write. Sinks that may wait are fed through a bounded queue; what did not fit is counted and
 * said. Lines a peer can cause are written with log_peer(): rate limited per peer address, the number suppressed told; and
 * one message (its format) may be written so often per second, but for audit lines and what a rule below asks for.
 *
 * Besides the levels of the sinks there are rules (log_focus_add): more detail about one connection, peer or identity, for a
 * time, in all sinks that take part. Lines about an IKE SA of which that is not known yet are kept, a bounded number, and
 * written when it is (log_known). Level 4 has keys in it: no sink gets such a line unless log_allow_secrets said so.
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
	uint8_t id_type;  /* identity of the peer (RFC 7296 section 3.5), 0 not known yet */
	slice id;
	bool conn_guess;  /* conn is only the best one so far */
};

struct log_record {
	uint64_t time_ns; /* CLOCK_REALTIME */
	enum log_sub sub;
	enum log_level level;
	struct log_ctx ctx;
	const char *text; /* one line, no newline */
	int8_t boost; /* a rule asks for lines up to this level about this */
	bool late;    /* written by a rule alone, later than it happened */
};

struct diag;
struct log;
struct log_sink {
	void *self;
	void (*write)(void *self, const struct log_record *r);
	int8_t level[LOG_SUB_COUNT];
	/* The sink may wait (disk, socket): it is fed on the log's own thread. Else write is called on the thread that
	 * logs, one call at a time, and must be quick; what it logs itself is dropped. */
	bool may_wait;
	void (*flush)(void *self); /* may be NULL; called after the last record of a batch */
	bool focus;      /* rules hold for this sink */
	char name[48];   /* for people: "stderr", "log-file/main" */
};

/* Longest text of a record; what is longer is cut. Control characters are replaced. */
enum { LOG_TEXT = 4096 };

struct log *log_new(void);
void log_free(struct log *l); /* sinks are flushed, not closed */
/* The hub copies *s; returns an id for log_levels and log_del, or -1 when 16 are there. */
int log_add(struct log *l, const struct log_sink *s);
void log_levels(struct log *l, int id, const int8_t level[LOG_SUB_COUNT]);
void log_del(struct log *l, int id);
/* What a sink is called. */
void log_name(struct log *l, int id, const char *name);
struct log_sink_view {
	char name[48];
	int8_t level[LOG_SUB_COUNT];
	bool focus;
};
/* The next sink at or behind *id (start with 0), which becomes its id + 1; false at the end. */
bool log_sink_next(struct log *l, int *id, struct log_sink_view *out);

/* Lines of one message per second; 0: no limit (the default). */
void log_rate_set(struct log *l, uint32_t per_s);
/* Whether level 4 is written. */
void log_allow_secrets(struct log *l, bool yes);
/* Do these levels ask for level 4 without being allowed to? 0, or E_DENIED with the remedy. */
MUST err_t log_levels_may(const struct log *l, const int8_t level[LOG_SUB_COUNT], struct diag **why);

enum log_focus_kind { LOG_FOCUS_CONN = 1, LOG_FOCUS_PEER, LOG_FOCUS_ID };
/* A rule: levels for what is about a connection (its name is text), a peer (addresses of `peer`), or an identity. */
struct log_focus {
	uint8_t kind;         /* enum log_focus_kind */
	int8_t level[LOG_SUB_COUNT];
	uint64_t seconds;     /* 0: until it is taken back */
	struct ts_sel peer;
	char text[256];       /* as it was asked for */
	void *id;             /* LOG_FOCUS_ID: pattern, for id_fits; the hub's from log_focus_add on */
	bool (*id_fits)(const void *id, uint8_t type, slice data);
	void (*id_free)(void *id);
};
/* Its number; 0: there are too many. */
uint64_t log_focus_add(struct log *l, const struct log_focus *f);
bool log_focus_del(struct log *l, uint64_t number); /* 0: all; false: there was none */
struct log_focus_view {
	uint64_t number, seconds_left; /* 0: for ever */
	uint8_t kind;
	int8_t level[LOG_SUB_COUNT];
	char text[256];
};
/* The rule behind `after` (0: the first); false at the end. */
bool log_focus_next(struct log *l, uint64_t after, struct log_focus_view *out);
/* Connection and identity of this IKE SA are known now, as far as ever: what was kept of it is written or dropped. */
void log_known(struct log *l, const struct log_ctx *ctx);

/* "ike=2,child=1,default=1" into a level table; E_BAD_VALUE names the word in why. */
MUST err_t log_levels_parse(const char *spec, int8_t level[LOG_SUB_COUNT], struct diag **why);

bool log_wants(const struct log *l, enum log_sub sub, enum log_level level);
/* The same, changing only what is named; "2" alone and default change all. */
MUST err_t log_levels_change(const char *spec, int8_t level[LOG_SUB_COUNT], struct diag **why);

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
