/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log-syslog: to the system's log. Each subsection is a facility with its levels; without any, `daemon` gets level 1 and
 * `authpriv` what concerns audits.
 */
#include "base/log_line.h"
#include "plugin/abi.h"

#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

enum { FACILITIES = 8 };

struct target {
	int facility;
	int sink; /* id of the host */
};

struct self {
	const struct plug_host *host;
	struct target v[FACILITIES];
	size_t n;
	char ident[64]; /* openlog keeps the pointer */
};

static const struct {
	const char *name;
	int facility;
} names[] = {
	{ "daemon", LOG_DAEMON }, { "auth", LOG_AUTH }, { "authpriv", LOG_AUTHPRIV }, { "user", LOG_USER },
	{ "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 }, { "local2", LOG_LOCAL2 }, { "local3", LOG_LOCAL3 },
	{ "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 }, { "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 },
};

static void target_write(void *arg, const struct log_record *r)
{
	static _Thread_local char line[LOG_LINE];
	struct text t = text_of(line, sizeof line);
	const struct target *to = arg;
	int priority = r->level <= 0 ? LOG_NOTICE : r->level == 1 ? LOG_INFO : LOG_DEBUG;

	log_line_text(&t, r, 0);
	syslog(to->facility | priority, "%s", line);
}

static const struct log_ops ops = { .size = sizeof ops, .write = target_write };

static void target_add(struct self *s, int facility, const char *levels)
{
	if (s->n == FACILITIES)
		return;
	struct target *t = &s->v[s->n];
	t->facility = facility;
	t->sink = s->host->log_sink(s->host->h, &ops, t, levels);
	if (t->sink >= 0)
		s->n++;
}

static void section(void *arg, const char *name)
{
	struct self *s = arg;
	char text[128];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i].name, name) != 0)
			continue;
		snprintf(text, sizeof text, "%s.levels", name);
		target_add(s, names[i].facility, s->host->conf(s->host->h, text));
		return;
	}
	snprintf(text, sizeof text, "\"%.40s\" is no facility of syslog (daemon, auth, authpriv, user, local0 to local7)", name);
	s->host->log(s->host->h, 0, text);
}

static void count_section(void *arg, const char *name)
{
	(void)name;
	++*(int *)arg;
}

static void open_all(struct self *s)
{
	const char *ident = s->host->conf(s->host->h, "ident");
	int sections = 0;

	snprintf(s->ident, sizeof s->ident, "%s", ident ? ident : "aditd");
	openlog(s->ident, LOG_PID, LOG_DAEMON);
	s->host->conf_each(s->host->h, "", count_section, &sections);
	if (sections) {
		s->host->conf_each(s->host->h, "", section, s);
	} else {
		target_add(s, LOG_DAEMON, "1");
		target_add(s, LOG_AUTHPRIV, "-1, auth=0, config=0, api=0");
	}
}

static void close_all(struct self *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->host->log_unsink(s->host->h, s->v[i].sink);
	s->n = 0;
	closelog();
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
	{ "*.levels", PLUG_CONF_STRING, 0, 0, "1", "what goes to this facility, as \"1, ike=2\"" },
	{ NULL, 0, 0, 0, NULL, NULL }
};

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD, .name = "log-syslog", .version = "1.0", .summary = "log to the system's log (syslog)",
	.feats = feats, .n_feats = ARRAY_LEN(feats), .conf = conf, .start = start, .reconfigure = reconfigure, .stop = stop
};
