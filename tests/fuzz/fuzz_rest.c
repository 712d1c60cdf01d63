/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What HTTP clients send: the path of a request and a JSON body. The first line is "VERB path", the rest the body. A path
 * that is found yields decoded parameters within their bounds; a body becomes arguments that are well-formed vici and come
 * back as the same JSON, or an error that says why.
 */
#include "api/client/client.h"
#include "api/client/msg.h"
#include "api/json/json.h"
#include "api/rest/route.h"
#include "fuzz.h"

const char *const fuzz_name = "rest";

static void path(const char *line)
{
	char verb[16], param[REST_PARAM_MAX];
	struct rest_path p;
	bool known;
	size_t n = strcspn(line, " ");
	if (n >= sizeof verb)
		return;
	memcpy(verb, line, n);
	verb[n] = 0;
	const struct rest_route *r = rest_route_find(verb, line + n + (line[n] == ' '), &p, &known);
	FUZZ_CHECK(!r || known);
	for (int i = 0; r && i < p.n; i++) {
		size_t len = strnlen(p.param[i], REST_PARAM_MAX);
		FUZZ_CHECK(len && len < REST_PARAM_MAX && p.name_n[i]);
	}
	if (rest_unescape(slice_str(line), param, sizeof param))
		FUZZ_CHECK(strlen(param) < sizeof param);
}

/* Everything that was taken is well-formed for the daemon and the same when it is read back as texts. */
static void round_trip(const json_t *body, const struct api_method *m)
{
	struct adit_msg *msg = adit_msg_new(), *again = adit_msg_new();
	struct diag *why = NULL;
	err_t err = api_json_args(body, m ? m->args : NULL, m ? m->n_args : 0, msg, &why);
	FUZZ_CHECK(!err == !why);
	if (!err && !msg->o.err) {
		slice s = slice_of(msg->o.p, msg->o.n);
		FUZZ_CHECK(!vici_check(s));
		struct adit_node *n = node_from(s);
		json_t *back = n ? api_json(n, NULL, 0) : NULL;
		FUZZ_CHECK(back);
		err = api_json_args(back, NULL, 0, again, &why);
		FUZZ_CHECK(!err);
		if (!again->o.err)
			FUZZ_CHECK(slice_equal(slice_of(again->o.p, again->o.n), s));
		json_decref(back);
		adit_node_free(n);
	}
	diag_free(&why);
	adit_msg_free(msg);
	adit_msg_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char line[REST_PATH_MAX + 32];
	const uint8_t *end = n ? memchr(data, '\n', n) : NULL;
	size_t k = end ? (size_t)(end - data) : n;
	if (k >= sizeof line)
		return 0;
	if (k)
		memcpy(line, data, k);
	line[k] = 0;
	path(line);
	if (!end)
		return 0;
	json_t *body = json_loadb((const char *)end + 1, n - k - 1, JSON_REJECT_DUPLICATES, NULL);
	if (!body)
		return 0;
	round_trip(body, NULL);
	for (size_t i = 0; i < api_n_methods; i++)
		if (api_methods[i].n_args)
			round_trip(body, &api_methods[i]);
	json_decref(body);
	return 0;
}
