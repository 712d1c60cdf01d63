/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log-syslog: to the system's log, in the form of RFC 3164 that local syslog daemons and journald take. Each subsection
 * is a facility with its levels. The socket is our own: the C library would look for it anew with every line while
 * nobody listens on it. What is not taken at once is counted, not waited for.
 */
#include "plugins/log-common/datagram.h"
#include "plugins/log-common/severity.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { FACILITIES = 8 };

struct self;
struct target {
	struct self *self;
	int facility;
	int severity[LOG_SEVERITIES];
	int sink; /* id of the host */
};

struct self {
	const struct plug_host *host;
	struct target v[FACILITIES];
	size_t n;
	struct log_datagram out;
	char ident[64];
};

static const struct {
	const char *name;
	int facility;
} names[] = {
	{ "user", 1 }, { "daemon", 3 }, { "auth", 4 }, { "authpriv", 10 }, { "local0", 16 }, { "local1", 17 },
	{ "local2", 18 }, { "local3", 19 }, { "local4", 20 }, { "local5", 21 }, { "local6", 22 }, { "local7", 23 },
};

static void target_write(void *arg, const struct log_record *r)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
		"Dec" };
	static _Thread_local char line[LOG_LINE];
	struct text t = text_of(line, sizeof line);
	const struct target *to = arg;
	struct self *s = to->self;
	int severity = to->severity[r->level <= 0 ? 0 : r->level == 1 ? 1 : 2];
	time_t now = (time_t)(r->time_ns / 1000000000u);
	struct tm tm;

	localtime_r(&now, &tm);
	text_fmt(&t, "<%d>%s %2d %02d:%02d:%02d %s[%d]: ", to->facility << 3 | severity, months[tm.tm_mon], tm.tm_mday,
		tm.tm_hour, tm.tm_min, tm.tm_sec, s->ident, (int)getpid());
	log_line_text(&t, r, 0);
	log_datagram_send(s->host, &s->out, t.p, t.n);
}

static const struct log_ops ops = { .size = sizeof ops, .write = target_write };

static void section(void *arg, const char *name)
{
	struct self *s = arg;
	char text[160];

	for (size_t i = 0; i < ARRAY_LEN(names) && s->n < FACILITIES; i++) {
		if (strcmp(names[i].name, name) != 0)
			continue;
		struct target *t = &s->v[s->n];
		*t = (struct target){ .self = s, .facility = names[i].facility, .sink = -1 };
		log_severities(s->host, name, t->severity);
		snprintf(text, sizeof text, "%s.levels", name);
		t->sink = s->host->log_sink(s->host->h, &ops, t, s->host->conf(s->host->h, text));
		if (t->sink >= 0 && s->host->log_sink_name)
			s->host->log_sink_name(s->host->h, t->sink, name);
		s->n += t->sink >= 0;
		return;
	}
	snprintf(text, sizeof text, "\"%.40s\" is no facility of syslog (daemon, auth, authpriv, user, local0 to "
		"local7), or there are more than %d", name, FACILITIES);
	s->host->log(s->host->h, 0, text);
}

static void open_all(struct self *s)
{
	snprintf(s->ident, sizeof s->ident, "%s", s->host->conf(s->host->h, "ident"));
	log_datagram_init(&s->out, s->host->conf(s->host->h, "path"));
	s->host->conf_each(s->host->h, "", section, s);
}

static void close_all(struct self *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->host->log_unsink(s->host->h, s->v[i].sink);
	s->n = 0;
	log_datagram_fini(&s->out);
}

static err_t start(const struct plug_host *host, void **self)
{
	struct self *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	s->host = host;
	open_all(s);
	*self = s;
	return 0;
}

static err_t reconfigure(void *self, const struct plug_host *host)
{
	(void)host;
	close_all(self);
	open_all(self);
	return 0;
}

static void stop(void *self)
{
	close_all(self);
	free(self);
}

static const struct plug_feat_row feats[] = { { .is = { PLUG_LOG, 0, 0 }, .ops = &ops } };

static const struct plug_conf_key conf[] = {
	{ "ident", PLUG_CONF_STRING, 0, 0, "aditd", "name in front of each line" },
	{ "path", PLUG_CONF_PATH, 0, 0, "/dev/log", "socket of the system's log" },
	{ "*.levels", PLUG_CONF_STRING, 0, 0, "1", "what goes to this facility, as \"1, ike=2\"" },
	{ "*.severity_audit", PLUG_CONF_STRING, 0, 0, "notice", "severity of level 0" },
	{ "*.severity_control", PLUG_CONF_STRING, 0, 0, "info", "severity of level 1" },
	{ "*.severity_detail", PLUG_CONF_STRING, 0, 0, "debug", "severity of level 2 and above" },
	{ NULL, 0, 0, 0, NULL, NULL }
};

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD, .name = "log-syslog", .version = "1.0", .summary = "log to the system's log (syslog)",
	.feats = feats, .n_feats = ARRAY_LEN(feats), .conf = conf, .start = start, .reconfigure = reconfigure,
	.stop = stop
};
