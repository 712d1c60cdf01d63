/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing families of metrics as events of a running `metrics`. A family with many samples goes out in pieces, each a
 * whole event. Loop thread; nothing waits.
 */
#ifndef ADIT_API_METRIC_PUT_H
#define ADIT_API_METRIC_PUT_H

#include "api/server/internal.h"

enum { METRIC_COUNTER = 1, METRIC_GAUGE, METRIC_INFO };
/* Samples of one event: within a packet's bound with the longest names there are. */
enum { METRIC_SAMPLES = 400, METRIC_LABELS = 6 };

struct metric_head {
	const char *name, *help, *unit; /* unit NULL: a plain number */
	uint8_t type;
};

struct metric_label {
	const char *name, *value;
};

struct metric_out {
	struct api_call *call;
	const struct metric_head *head;
	struct vici_out o;
	unsigned n;    /* samples of the event that is being written */
	bool open;
};

void metric_begin(struct metric_out *m, struct api_call *call, const struct metric_head *head);
/* labels end with a name of NULL; NULL: none. */
void metric_put(struct metric_out *m, const struct metric_label *labels, uint64_t value);
/* A family without samples is told all the same: what could be there. */
void metric_end(struct metric_out *m);

#endif
