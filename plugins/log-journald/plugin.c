/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log-journald: records to systemd's journal with their fields (the native protocol of systemd-journald: a datagram of
 * "FIELD=value" lines). What is not taken at once is counted, not waited for. See README.md.
 */
#include "base/text.h"
#include "plugins/log-common/datagram.h"
#include "plugins/log-common/severity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DATAGRAM = 4 * LOG_TEXT, DAEMON = 3 };

struct self {
	const struct plug_host *host;
	struct log_datagram out;
	int sink;          /* id of the host, -1: nothing is written */
	int severity[LOG_SEVERITIES];
	char ident[64];
};

/* A value in one line; a name from a configuration could hold a line's end, which would begin a field of its own. */
static void put(struct text *t, const char *field, const char *value)
{
	text_fmt(t, "%s=", field);
	for (; *value; value++)
		text_fmt(t, "%c", (unsigned char)*value < ' ' ? ' ' : *value);
	text_str(t, "\n");
}

static void put_u64(struct text *t, const char *field, uint64_t value)
{
	if (value)
		text_fmt(t, "%s=%" PRIu64 "\n", field, value);
}

static void put_spi(struct text *t, const char *field, uint64_t spi)
{
	if (spi)
		text_fmt(t, "%s=%016" PRIx64 "\n", field, spi);
}

static void put_record(struct text *t, const struct self *s, const struct log_record *r)
{
	const struct log_ctx *c = &r->ctx;
	int level = r->level < 0 ? 0 : r->level;
	char peer[NET_ADDR_TEXT];

	text_fmt(t, "PRIORITY=%d\nSYSLOG_FACILITY=%d\n", s->severity[level < LOG_SEVERITIES ? level : LOG_SEVERITIES - 1],
		DAEMON);
	put(t, "SYSLOG_IDENTIFIER", s->ident);
	put(t, "ADIT_SUBSYSTEM", log_sub_name(r->sub));
	text_fmt(t, "ADIT_LEVEL=%d\n", (int)r->level);
	if (c->conn)
		put(t, "ADIT_CONNECTION", c->conn);
	if (c->child)
		put(t, "ADIT_CHILD", c->child);
	put_u64(t, "ADIT_IKE_ID", c->ike_unique);
	put_u64(t, "ADIT_CHILD_ID", c->child_unique);
	put_spi(t, "ADIT_SPI_I", c->spi_i);
	put_spi(t, "ADIT_SPI_R", c->spi_r);
	if (c->peer && c->peer->family)
		put(t, "ADIT_PEER", net_addr_text(c->peer, false, peer));
	if (c->code)
		put(t, "ADIT_CODE", err_name(c->code));
	put(t, "MESSAGE", r->text);
}

static void sink_write(void *arg, const struct log_record *r)
{
	static _Thread_local char buf[DATAGRAM];
	struct text t = text_of(buf, sizeof buf);
	struct self *s = arg;

	put_record(&t, s, r);
	log_datagram_send(s->host, &s->out, t.p, t.n);
}

static const struct log_ops ops = { .size = sizeof ops, .write = sink_write };

static void sink_open(struct self *s)
{
	const char *levels = s->host->conf(s->host->h, "levels");

	snprintf(s->ident, sizeof s->ident, "%s", s->host->conf(s->host->h, "ident"));
	log_datagram_init(&s->out, s->host->conf(s->host->h, "path"));
	log_severities(s->host, NULL, s->severity);
	s->sink = levels && *levels ? s->host->log_sink(s->host->h, &ops, s, levels) : -1;
}

static void sink_close(struct self *s)
{
	if (s->sink >= 0)
		s->host->log_unsink(s->host->h, s->sink);
	s->sink = -1;
	log_datagram_fini(&s->out);
}

static err_t start(const struct plug_host *host, void **self)
{
	struct self *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	s->host = host;
	sink_open(s);
	*self = s;
	return 0;
}

static err_t reconfigure(void *self, const struct plug_host *host)
{
	(void)host;
	sink_close(self);
	sink_open(self);
	return 0;
}

static void stop(void *self)
{
	sink_close(self);
	free(self);
}

static const struct plug_feat_row feats[] = { { .is = { PLUG_LOG, 0, 0 }, .ops = &ops } };

static const struct plug_conf_key conf[] = {
	{ "levels", PLUG_CONF_STRING, 0, 0, NULL, "what goes to the journal, as \"1, ike=2\"; unset: nothing" },
	{ "ident", PLUG_CONF_STRING, 0, 0, "aditd", "SYSLOG_IDENTIFIER of each record" },
	{ "path", PLUG_CONF_PATH, 0, 0, "/run/systemd/journal/socket", "socket of systemd-journald" },
	{ "severity_audit", PLUG_CONF_STRING, 0, 0, "notice", "priority of level 0" },
	{ "severity_control", PLUG_CONF_STRING, 0, 0, "info", "priority of level 1" },
	{ "severity_detail", PLUG_CONF_STRING, 0, 0, "debug", "priority of level 2 and above" },
	{ NULL, 0, 0, 0, NULL, NULL }
};

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD, .name = "log-journald", .version = "0.1.0", .summary = "log to systemd's journal, with fields",
	.feats = feats, .n_feats = ARRAY_LEN(feats), .conf = conf, .start = start, .reconfigure = reconfigure,
	.stop = stop
};
