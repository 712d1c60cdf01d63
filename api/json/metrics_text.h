/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics as text: the events of the method `metrics` in the text format of Prometheus (0.0.4) or as OpenMetrics 1.0. One
 * thread; nothing waits.
 */
#ifndef ADIT_API_METRICS_TEXT_H
#define ADIT_API_METRICS_TEXT_H

#include "api/client/adit_api.h"
#include "base/count.h"

#include <stdbool.h>
#include <stdio.h>

struct metrics_text {
	FILE *to;
	bool open_metrics;
	char last[128]; /* the family that was written last: a piece of the same one has no head of its own */
};

/* One `metric` event. What is no name or number is left out. */
void metrics_text_family(struct metrics_text *t, const struct adit_node *event);
/* A counter of this process: "rest.requests" is adit_rest_requests_total. */
void metrics_text_counter(struct metrics_text *t, const struct counter *c);
void metrics_text_end(struct metrics_text *t);

#endif
