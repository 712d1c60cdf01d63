/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics: those of the daemon and of the gateway as text. Without the daemon those of the gateway, and adit_up 0. */
#include "api/json/metrics_text.h"
#include "api/rest/backend.h"
#include "api/rest/rest.h"
#include "config/rest.h"

#include <stdlib.h>

static void family(void *arg, const char *event, const struct adit_node *body)
{
	(void)event;
	metrics_text_family(arg, body);
}

static void own(void *arg, const struct counter *c)
{
	/* Our process has the counters of libraries it shares with the daemon, too. */
	if (!strncmp(c->name, "rest.", 5))
		metrics_text_counter(arg, c);
}

static bool of_daemon(struct rest_req *q, struct metrics_text *t)
{
	struct adit_api *a;
	if (backend_take(q->r->backend, BACKEND_READ, REST_READ_TIMEOUT_MS, &a, NULL))
		return false;
	struct adit_msg *m = adit_msg_new();
	adit_msg_int(m, "connections", q->r->conf->metrics_connections);
	enum adit_api_status st = adit_api_stream(a, "metrics", "metric", m, family, t, NULL);
	backend_give(q->r->backend, BACKEND_READ, a, st);
	return st == ADIT_API_OK;
}

void rest_do_metrics(struct rest_req *q)
{
	static const char old_type[] = "text/plain; version=0.0.4; charset=utf-8";
	static const char new_type[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";
	const char *accept = rest_header(q, "Accept");
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);
	if (!to) {
		rest_problem(q, 0, E_NOMEM, NULL);
		return;
	}
	struct metrics_text t = { .to = to, .open_metrics = accept && strstr(accept, "application/openmetrics-text") };
	counter_register_all();
	bool up = of_daemon(q, &t);
	fprintf(to, "# HELP adit_up 1: aditd answers the gateway.\n# TYPE adit_up gauge\nadit_up %d\n", up);
	counter_each(own, &t);
	metrics_text_end(&t);
	if (fclose(to)) {
		free(text);
		rest_problem(q, 0, E_NOMEM, NULL);
		return;
	}
	rest_answer_text(q, MHD_HTTP_OK, t.open_metrics ? new_type : old_type, text);
}
