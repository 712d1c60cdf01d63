/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to requests with an Idempotency-Key, remembered so that a repetition is answered and not done again. Bounded in
 * number, size and time; the oldest finished one makes room. Any thread; nothing waits.
 */
#ifndef ADIT_REST_IDEM_H
#define ADIT_REST_IDEM_H

#include "api/rest/rest.h"

enum { IDEM_KEY_MAX = 128, IDEM_ENTRIES = 512, IDEM_BODY_MAX = 65536, IDEM_KEEP_S = 3600 };

struct idem;
struct idem_entry;

enum idem_verdict {
	IDEM_FIRST,   /* do it, then idem_done */
	IDEM_AGAIN,   /* *status and *body are the first answer */
	IDEM_RUNNING, /* the first one is not done yet */
	IDEM_OTHER,   /* the key was used for something else */
	IDEM_FULL     /* everything that is remembered is still under way */
};

struct idem *idem_new(void); /* NULL: no memory */
void idem_free(struct idem *i);
/* `who` keeps the keys of callers apart, `what` is all that makes the request (verb, path, body). *body is a copy. */
enum idem_verdict idem_begin(struct idem *i, const char *who, const char *key, slice what, uint64_t now_ms,
			     struct idem_entry **entry, unsigned *status, char **body);
/* Remembers the answer (body NULL: empty). An answer of 5xx is forgotten, so that it can be tried again. */
void idem_done(struct idem *i, struct idem_entry *entry, unsigned status, const char *body);

#endif
