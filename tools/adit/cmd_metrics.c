/* SPDX-License-Identifier: Apache-2.0 */
/* adit metrics */
#include "tools/adit/cli.h"

#include "api/json/metrics_text.h"

static void family_text(void *arg, const char *event, const struct adit_node *body)
{
	(void)event;
	metrics_text_family(arg, body);
}

static void family_json(void *arg, const char *event, const struct adit_node *body)
{
	const struct api_event *e = cli_event(event);
	json_array_append_new(arg, api_json(body, e->fields, e->n_fields));
}

enum cli_exit cmd_metrics(struct cli *c)
{
	bool open_metrics = c->n_words && !strcmp(c->word[0], "openmetrics");
	if (c->n_words && !open_metrics)
		return cli_fail(CLI_USAGE, "usage: adit metrics [openmetrics]");
	if (c->json || c->yaml) {
		json_t *a = json_array();
		enum cli_exit code = cli_done(c, adit_api_stream(c->api, "metrics", "metric", NULL, family_json, a, NULL));
		if (code == CLI_OK)
			return cli_print_json(a);
		json_decref(a);
		return code;
	}
	struct metrics_text t = { .to = stdout, .open_metrics = open_metrics };
	enum cli_exit code = cli_done(c, adit_api_stream(c->api, "metrics", "metric", NULL, family_text, &t, NULL));
	if (code == CLI_OK)
		metrics_text_end(&t);
	return code;
}
