/* SPDX-License-Identifier: Apache-2.0 */
/* A log record as one line for people or as one JSON object (RFC 8259): the same for every sink. Any thread. */
#ifndef ADIT_BASE_LOG_LINE_H
#define ADIT_BASE_LOG_LINE_H

#include "base/log.h"
#include "base/text.h"

/* Room for any record in either form. */
enum { LOG_LINE = 8 * LOG_TEXT };

enum { LOG_LINE_TIME = 1 }; /* flags */
/* "2026-11-21T06:16:03.123Z [ike] net-net#3 {esp-1#7}: text": what is not known is left out. No newline. */
void log_line_text(struct text *t, const struct log_record *r, unsigned flags);
/* {"time":…,"subsystem":…,"level":…,"text":…} and what is known of conn, ike_id, child, child_id, spi_i, spi_r, peer,
 * code. Bytes that are no UTF-8 become U+FFFD. No newline. */
void log_line_json(struct text *t, const struct log_record *r);

/* Severities of syslog (RFC 5424 section 6.2.1): "notice" is 5; -1: no such word (NULL is none). */
enum { LOG_SEV_NOTICE = 5, LOG_SEV_INFO = 6, LOG_SEV_DEBUG = 7 };
int log_severity(const char *word);
const char *log_severity_name(int severity);

#endif
