/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounded queue between the threads that log and the log's own thread. A record is copied with all its strings.
 * What does not fit is counted ("log.lost") and told in a record of its own once there is room. Any thread.
 */
#ifndef ADIT_BASE_LOG_QUEUE_H
#define ADIT_BASE_LOG_QUEUE_H

#include "base/log.h"

enum { LOG_QUEUE_RECORDS = 4096, LOG_QUEUE_BYTES = 4 * 1024 * 1024 };

struct log_queue;

/* Starts the thread, which calls write(arg, record) for each record and idle(arg) when there is none left. NULL: no
 * memory or no thread. */
struct log_queue *log_queue_new(void (*write)(void *arg, const struct log_record *r), void (*idle)(void *arg),
	void *arg);
/* Writes what is there, then ends the thread. */
void log_queue_free(struct log_queue *q);
void log_queue_put(struct log_queue *q, const struct log_record *r);
/* Waits until what was put before is written and idle() has run. Not from the log's own thread. */
void log_queue_flush(struct log_queue *q);

#endif
