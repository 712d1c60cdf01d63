/* SPDX-License-Identifier: Apache-2.0 */
/* Levels of the log at run time: of its sinks, and rules for a connection, a peer or an identity. */
#include "api/server/internal.h"

#include <stdlib.h>

enum { RULE_S = 3600 };

static const char *const kinds[] = { [LOG_FOCUS_CONN] = "connection", [LOG_FOCUS_PEER] = "peer", [LOG_FOCUS_ID] = "identity" };

static void put_levels(struct vici_out *o, const int8_t level[LOG_SUB_COUNT])
{
	vici_section(o, "levels");
	for (int i = 0; i < LOG_SUB_COUNT; i++)
		vici_kv_fmt(o, log_sub_name((enum log_sub)i), "%d", level[i]);
	vici_section_end(o);
}

void api_do_list_log_levels(struct api_call *call)
{
	struct log *log = call->s->env.log;
	struct log_sink_view sink;
	struct log_focus_view rule;
	struct vici_out o;
	char number[24];

	api_response(&o);
	vici_section(&o, "sinks");
	for (int id = 0; log_sink_next(log, &id, &sink);) {
		if (!sink.name[0])
			continue;
		vici_section(&o, sink.name);
		put_levels(&o, sink.level);
		vici_kv_str(&o, "rules", sink.focus ? "yes" : "no");
		vici_section_end(&o);
	}
	vici_section_end(&o);
	vici_section(&o, "rules");
	for (rule.number = 0; log_focus_next(log, rule.number, &rule);) {
		snprintf(number, sizeof number, "%llu", (unsigned long long)rule.number);
		vici_section(&o, number);
		vici_kv_str(&o, "about", kinds[rule.kind]);
		vici_kv_str(&o, "is", rule.text);
		put_levels(&o, rule.level);
		if (rule.seconds_left)
			vici_kv_u64(&o, "seconds-left", rule.seconds_left);
		vici_section_end(&o);
	}
	vici_section_end(&o);
	api_reply(call, &o);
}

/* ---- sinks ------------------------------------------------------------------------------------------------------------ */

static void set_sinks(struct api_call *call, const char *levels)
{
	struct log *log = call->s->env.log;
	struct log_sink_view sink;
	struct diag *why = NULL;
	char only[API_TEXT_MAX + 1];
	uint64_t n = 0;
	err_t err = 0;

	if (!api_arg(call, "sink", only, sizeof only))
		only[0] = 0;
	for (int id = 0; !err && log_sink_next(log, &id, &sink);) {
		if (!sink.name[0] || (only[0] && strcmp(only, sink.name) != 0))
			continue;
		err = log_levels_change(levels, sink.level, &why);
		if (!err)
			err = log_levels_may(log, sink.level, &why);
		if (!err) {
			log_levels(log, id - 1, sink.level);
			n++;
		}
	}
	if (!err && !n)
		err = only[0] ? diag_set(&why, E_NOT_FOUND, "the log has no sink '%s'; list-log-levels names them", only) :
			diag_set(&why, E_NOT_FOUND, "the log has no sink: set one up (plugins log-file, log-syslog, log-journald)");
	if (err) {
		api_fail(call, err, why);
		return;
	}
	LOGF(log, LOG_API, LOG_AUDIT, NULL, "log levels of %s changed over the API: %s", only[0] ? only : "all sinks", levels);
	struct vici_out o;
	api_response(&o);
	vici_kv_str(&o, "success", "yes");
	vici_kv_u64(&o, "sinks", n);
	api_reply(call, &o);
}

/* ---- rules ------------------------------------------------------------------------------------------------------------ */

static bool id_fits(const void *id, uint8_t type, slice data)
{
	return conf_id_match(id, type, data) > 0;
}

static void id_free(void *id)
{
	conf_id_fini(id);
	free(id);
}

static err_t rule_about(const struct api_call *call, struct log_focus *f, struct diag **why)
{
	static const struct { const char *arg; uint8_t kind; } args[] = {
		{ "ike", LOG_FOCUS_CONN }, { "peer", LOG_FOCUS_PEER }, { "identity", LOG_FOCUS_ID },
	};

	for (size_t i = 0; i < ARRAY_LEN(args); i++) {
		char text[sizeof f->text];
		if (!api_arg(call, args[i].arg, text, sizeof text))
			continue;
		if (f->kind)
			return diag_set(why, E_BAD_VALUE, "only one of 'ike', 'peer' and 'identity' can be given: make a rule for each");
		f->kind = args[i].kind;
		memcpy(f->text, text, sizeof text);
	}
	if (f->kind == LOG_FOCUS_PEER && (strchr(f->text, '[') || ts_parse(f->text, &f->peer)))
		return diag_set(why, E_BAD_VALUE, "'peer' = '%s' is no address, network or range", f->text);
	if (f->kind != LOG_FOCUS_ID)
		return 0;
	f->id = calloc(1, sizeof(struct conf_id));
	if (!f->id)
		return E_NOMEM;
	f->id_fits = id_fits;
	f->id_free = id_free;
	return conf_id_parse(f->text, f->id) ? diag_set(why, E_BAD_VALUE, "'identity' = '%s' is no identity", f->text) : 0;
}

static void set_rule(struct api_call *call, const char *levels, struct log_focus *f)
{
	struct log *log = call->s->env.log;
	struct diag *why = NULL;

	memset(f->level, LOG_SILENT, sizeof f->level);
	f->seconds = api_arg_u64(call, "seconds", RULE_S);
	err_t err = log_levels_change(levels, f->level, &why);
	if (!err)
		err = log_levels_may(log, f->level, &why);
	if (err) {
		if (f->id)
			id_free(f->id);
		api_fail(call, err, why);
		return;
	}
	uint64_t number = log_focus_add(log, f);
	if (!number) {
		api_failf(call, E_LIMIT, "there are too many rules for the log already: take some back (clear-log-level)");
		return;
	}
	LOGF(log, LOG_API, LOG_AUDIT, NULL, "log rule %llu: %s '%s' at %s for %llu s", (unsigned long long)number, kinds[f->kind],
		f->text, levels, (unsigned long long)f->seconds);
	struct vici_out o;
	api_response(&o);
	vici_kv_str(&o, "success", "yes");
	vici_kv_u64(&o, "rule", number);
	api_reply(call, &o);
}

void api_do_set_log_level(struct api_call *call)
{
	struct log_focus f = { 0 };
	struct diag *why = NULL;
	char levels[API_TEXT_MAX + 1], sink[API_TEXT_MAX + 1];

	if (!api_arg(call, "levels", levels, sizeof levels))
		levels[0] = 0;
	err_t err = rule_about(call, &f, &why);
	if (!err && f.kind && api_arg(call, "sink", sink, sizeof sink))
		err = diag_set(&why, E_BAD_VALUE, "a rule holds for all sinks: leave 'sink' out");
	if (err) {
		if (f.id)
			id_free(f.id);
		api_fail(call, err, why);
	} else if (f.kind) {
		set_rule(call, levels, &f);
	} else {
		set_sinks(call, levels);
	}
}

void api_do_clear_log_level(struct api_call *call)
{
	uint64_t rule = api_arg_u64(call, "rule", 0);

	if (!log_focus_del(call->s->env.log, rule) && rule)
		api_failf(call, E_NOT_FOUND, "there is no rule %llu", (unsigned long long)rule);
	else
		api_ok(call);
}
