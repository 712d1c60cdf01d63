/* SPDX-License-Identifier: Apache-2.0 */
#include "api/server/metric_put.h"

static const char *const types[] = { [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_INFO] = "info" };

static void open_event(struct metric_out *m)
{
	api_event_start(&m->o, API_E_METRIC);
	vici_kv_str(&m->o, "name", m->head->name);
	vici_kv_str(&m->o, "type", types[m->head->type]);
	vici_kv_str(&m->o, "help", m->head->help);
	if (m->head->unit)
		vici_kv_str(&m->o, "unit", m->head->unit);
	vici_section(&m->o, "samples");
	m->n = 0;
	m->open = true;
}

static void close_event(struct metric_out *m)
{
	vici_section_end(&m->o);
	api_event_to(m->call, &m->o, API_E_METRIC);
	m->open = false;
}

void metric_begin(struct metric_out *m, struct api_call *call, const struct metric_head *head)
{
	*m = (struct metric_out){ .call = call, .head = head };
	open_event(m);
}

void metric_put(struct metric_out *m, const struct metric_label *labels, uint64_t value)
{
	char number[16];
	if (!m->open)
		open_event(m);
	snprintf(number, sizeof number, "%u", ++m->n);
	vici_section(&m->o, number);
	vici_kv_u64(&m->o, "value", value);
	if (labels && labels->name) {
		vici_section(&m->o, "labels");
		for (; labels->name; labels++)
			vici_kv_str(&m->o, labels->name, labels->value);
		vici_section_end(&m->o);
	}
	vici_section_end(&m->o);
	if (m->n == METRIC_SAMPLES)
		close_event(m);
}

void metric_end(struct metric_out *m)
{
	if (m->open)
		close_event(m);
}
