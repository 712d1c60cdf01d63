/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diagnostics: what a bug report needs, in one call. Its parts are methods that show no secret; each runs as a call of its
 * own inside this one, a piece at a time, and what it says goes out as diagnostic events.
 */
#include "api/server/internal.h"

#include <stdlib.h>

static const enum api_method_id parts[] = { API_M_VERSION, API_M_STATS, API_M_CONFIG_STATUS, API_M_LIST_PLUGINS, API_M_GET_ALGORITHMS,
	API_M_CONFIG_SHOW, API_M_CONFIG_HISTORY, API_M_LIST_CONNS, API_M_LIST_SAS, API_M_LIST_POLICIES, API_M_GET_POOLS,
	API_M_LIST_AUTHORITIES, API_M_LIST_CERTS, API_M_GET_COUNTERS, API_M_METRICS, API_M_LIST_LOG_LEVELS, API_M_LIST_EVENTS };

struct walk {
	size_t at;    /* the part that runs, or is next */
	bool runs;
	struct api_call part;
};

void api_diagnostic(struct api_call *part, struct vici_out *said)
{
	struct api_call *call = part->outer;
	struct vici_packet p;
	struct vici_out o;
	slice frame;

	err_t err = vici_out_frame(said, &frame);
	if (!err)
		err = vici_packet_read(slice_of(frame.p + 4, frame.n - 4), &p);
	if (!err) {
		api_event_start(&o, API_E_DIAGNOSTIC);
		vici_kv_str(&o, "part", part->m->name);
		vici_section(&o, "data");
		vici_out_body(&o, p.body);
		vici_section_end(&o);
		api_event_to(call, &o, API_E_DIAGNOSTIC);
	}
	vici_out_fini(said);
}

static void part_end(struct walk *w)
{
	if (w->runs && w->part.state)
		w->part.state_free(w->part.state);
	w->part = (struct api_call){ 0 };
	w->runs = false;
	w->at++;
}

static void part_begin(struct api_call *call, struct walk *w)
{
	w->part = (struct api_call){ .client = call->client, .s = call->s, .m = &api_methods[parts[w->at]], .outer = call,
		.loglevel = LOG_SILENT };
	w->runs = true;
	if (call->client->perm < w->part.m->perm)
		part_end(w);
	else
		api_handlers[parts[w->at]](&w->part);
}

static bool step(struct api_call *call)
{
	struct walk *w = call->state;

	if (w->at >= ARRAY_LEN(parts))
		return false;
	if (!w->runs)
		part_begin(call, w);
	else if (w->part.ended || !w->part.step || !w->part.step(&w->part))
		part_end(w);
	return true;
}

static void walk_free(void *state)
{
	part_end(state);
	free(state);
}

void api_do_diagnostics(struct api_call *call)
{
	call->state = calloc(1, sizeof(struct walk));
	call->state_free = walk_free;
	if (!call->state)
		api_fail(call, E_NOMEM, NULL);
	else
		api_stream(call, step);
}
