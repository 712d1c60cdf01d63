/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exchange table: which message is allowed when, and what is done about it (principle P6).
 *
 * A cell is (state × exchange × direction); its rows divide all payload sets among them: the first row that fits is
 * taken, and the last row of each cell takes the rest, most often as a named rejection. Cells that cannot happen have a
 * rejection of their own. tools/tablecheck proves that no (cell, payload set) is without row, that no row is without
 * use, that each story has its three rows, and draws the machine.
 *
 * Rows and tasks are const. A task is called with the exchange; all it knows it finds there:
 *   check  reads the message, changes nothing of the SA (its own notes go into x->arena, x->neg, x->sa->setup).
 *          For a request of ours: may we send it now?
 *   apply  every check passed: changes the SA, installs.
 *   emit   writes the task's payloads into the message that goes out (request of ours, or our answer).
 *   done   committed: all tasks are through, the message is out, the row's state is entered. Events and commands are
 *          told here, never before.
 *   drop   the exchange ends in any way, also when the SA dies while waiting: release what the task holds. Once per
 *          exchange for each task of the row, in reverse order; NULL nothing to do.
 * NULL for a step means V_DONE. Order within a row is by `order`. A request of ours runs check and emit, its answer check
 * and apply, a request of the peer check, apply and emit. emit never waits: what needs a job is done before.
 *
 * Verdicts:
 *   V_DONE    go on with the next task
 *   V_MORE    of a check: the story goes on with a further request (IKE_FOLLOWUP_KE); nothing is applied yet
 *   V_WAIT    a job (ike/job.h) or the kernel (ike_kern) was started: called again at the same place when it answered
 *   V_DROP    forget the message as if it had never come: no answer
 *   V_REJECT  the exchange failed; a request is answered with x->notify, the SA stays as it was
 *   V_CLOSE   as V_REJECT, and the SA ends
 * A function never frees the exchange or SA it runs in.
 */
#ifndef ADIT_IKE_TABLE_H
#define ADIT_IKE_TABLE_H

#include "ike/sa.h"
#include "wire/out.h"

enum verdict { V_DONE = 0, V_MORE, V_WAIT, V_DROP, V_REJECT, V_CLOSE };

struct task_ops {
	const char *name;
	uint8_t order;
	enum verdict (*check)(struct ike_xch *x);
	enum verdict (*apply)(struct ike_xch *x);
	enum verdict (*emit)(struct ike_xch *x, struct ike_out *out);
	void (*done)(struct ike_xch *x);
	void (*drop)(struct ike_xch *x);
};

/* Payload sets as the codec makes them (PAYSET, wire/proto.h); one bit more for payloads of unknown type. */
typedef uint64_t payset;
#define PS_UNKNOWN (UINT64_C(1) << 63)
/* What a payload is about, as further bits: D of the IKE SA, D of child SAs, N of an error. */
#define PS_D_IKE (UINT64_C(1) << 62)
#define PS_D_CHILD (UINT64_C(1) << 61)
#define PS_N_ERROR (UINT64_C(1) << 60)
#define PS_ALL UINT64_MAX

enum row_kind {
	ROW_TASKS = 0, /* run the tasks */
	ROW_IGNORE,    /* named rejection: count, log, no answer */
	ROW_ANSWER,    /* named rejection: answer with the row's error (a request), or fail the exchange (an answer) */
	ROW_CLOSE,     /* as ROW_ANSWER and the SA ends */
	ROW_NEVER      /* cannot be asked for by our own code: TX cells */
};

enum row_timer { ROW_T_NONE = 0, ROW_T_RETRANSMIT, ROW_T_HALF_OPEN };

#define ST(state) (1u << (state))

struct xch_row {
	const char *name;    /* unique: "auth request, with child" */
	uint8_t story;       /* enum ike_story; STORY_NONE of rejections */
	uint8_t exchange;    /* enum xchg, 34 to 37; 0: every other */
	uint8_t dir;         /* enum xch_dir */
	uint8_t kind;        /* enum row_kind */
	uint16_t from;       /* set of ST(state) */
	uint8_t to;          /* state after all tasks are done; IKE_S_COUNT: as it was */
	payset clear_must, clear_may; /* outside SK */
	payset sk_must, sk_may;       /* inside SK */
	uint16_t notify;     /* this notify has to be there, 0 none */
	uint32_t facts;      /* have to be proven before `to` is entered */
	const struct task_ops *const *tasks; /* NULL-terminated, by order */
	uint8_t timer;       /* what runs afterwards */
	err_t err;           /* of a rejection */
	uint8_t more;        /* state after a round that is not the last (x->more); IKE_S_NONE: there is but one */
};

extern const struct xch_row xch_rows[];
extern const size_t xch_rows_n;

/* What a message is made of, as the table sees it. */
struct xch_shape {
	payset clear, sk;
	uint8_t story; /* of our request, when it is an answer; of what a further key exchange goes on with; STORY_NONE else */
	bool (*has_notify)(const void *arg, uint16_t type); /* NULL: none */
	const void *arg;
};

/* The row of a cell for a message; NULL only when the table has a hole, which tablecheck proves it has not. */
const struct xch_row *xch_row_find(const struct xch_row *rows, size_t n, uint8_t state, uint8_t exchange, uint8_t dir,
	const struct xch_shape *shape);
/* The TX row of a story in a state, NULL: not now. child: IKE_AUTH with a first child. */
const struct xch_row *xch_row_tx(uint8_t state, uint8_t story, bool child);
/* The TX row of the next round of a story that goes on in IKE_FOLLOWUP_KE, NULL: not now. */
const struct xch_row *xch_row_follow(uint8_t state, uint8_t story);
/* How many rows each story has per direction; STORY_NONE counts the rejections. tablecheck compares. */
extern const uint8_t xch_census[STORY_COUNT][XCH_DIR_COUNT];

/* The facts without which a state is never entered, whatever the row. */
uint32_t ike_state_facts(uint8_t state);
const char *ike_state_name(uint8_t state);  /* "AUTH_I" */
const char *ike_story_name(uint8_t story);
const char *ike_exchange_name(uint8_t exchange); /* "IKE_SA_INIT"; "exchange" for an unknown number */

#endif
