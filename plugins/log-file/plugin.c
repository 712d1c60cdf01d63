/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log-file: one file per subsection, text lines or JSON lines. Lines are gathered and written at the end of each batch
 * of the log's thread. A reload opens every file again, so that a rotated one is let go.
 */
#include "base/log_line.h"
#include "plugin/abi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUFFER = 65536 };

struct file {
	struct file *next;
	struct self *self;
	int fd;
	int sink; /* id of the host */
	bool json, close;
	size_t n;
	char buf[BUFFER];
};

struct self {
	const struct plug_host *host;
	struct file *files;
};

/* On the log's thread. A disk that is full costs lines, not the daemon. */
static void file_flush(void *arg)
{
	struct file *f = arg;
	const struct plug_host *host = f->self->host;

	for (size_t at = 0; at < f->n;) {
		ssize_t done = write(f->fd, f->buf + at, f->n - at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			host->count(host->h, "bytes_lost", f->n - at);
			break;
		}
		at += (size_t)done;
	}
	f->n = 0;
}

static void file_write(void *arg, const struct log_record *r)
{
	static _Thread_local char line[LOG_LINE];
	struct text t = text_of(line, sizeof line);
	struct file *f = arg;

	if (f->json)
		log_line_json(&t, r);
	else
		log_line_text(&t, r, LOG_LINE_TIME);
	if (f->n + t.n + 1 > sizeof f->buf)
		file_flush(f);
	memcpy(f->buf + f->n, t.p, t.n);
	f->n += t.n;
	f->buf[f->n++] = '\n';
}

static const struct log_ops ops = { .size = sizeof ops, .write = file_write, .flush = file_flush };

static void say(const struct plug_host *host, const char *path, const char *what, int err)
{
	char text[512];

	snprintf(text, sizeof text, "%s: %s%s%s", path, what, err ? ": " : "", err ? strerrordesc_np(err) : "");
	host->log(host->h, 0, text);
}

static const char *conf_of(const struct plug_host *host, const char *section, const char *key)
{
	char full[256];

	snprintf(full, sizeof full, "%s.%s", section, key);
	return host->conf(host->h, full);
}

static bool yes(const char *v)
{
	return v && (strcmp(v, "yes") == 0 || strcmp(v, "true") == 0 || strcmp(v, "on") == 0 || strcmp(v, "1") == 0 ||
		strcmp(v, "enabled") == 0);
}

static int open_path(const char *path, bool append, bool *close_it)
{
	*close_it = false;
	if (strcmp(path, "stdout") == 0)
		return STDOUT_FILENO;
	if (strcmp(path, "stderr") == 0)
		return STDERR_FILENO;
	*close_it = true;
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | (append ? 0 : O_TRUNC), 0640);
}

static void file_close(struct file *f)
{
	const struct plug_host *host = f->self->host;

	if (f->sink >= 0)
		host->log_unsink(host->h, f->sink);
	file_flush(f);
	if (f->close)
		close(f->fd);
	free(f);
}

static void file_open(void *arg, const char *section)
{
	struct self *s = arg;
	const struct plug_host *host = s->host;
	const char *path = conf_of(host, section, "path"), *format = conf_of(host, section, "format");

	if (!path) {
		say(host, section, "has no path: nothing is written", 0);
		return;
	}
	struct file *f = calloc(1, sizeof *f);
	if (!f)
		return;
	f->self = s;
	f->sink = -1;
	f->json = format && strcmp(format, "json") == 0;
	if (format && !f->json && strcmp(format, "text") != 0)
		say(host, path, "format is neither text nor json: text is written", 0);
	f->fd = open_path(path, yes(conf_of(host, section, "append")), &f->close);
	if (f->fd < 0) {
		say(host, path, "cannot be opened for the log", errno);
		free(f);
		return;
	}
	f->sink = host->log_sink(host->h, &ops, f, conf_of(host, section, "levels"));
	if (f->sink < 0) {
		say(host, path, "is not written: its levels are wrong or there are too many logs", 0);
		file_close(f);
		return;
	}
	if (host->log_sink_name)
		host->log_sink_name(host->h, f->sink, section);
	f->next = s->files;
	s->files = f;
}

static void close_all(struct self *s)
{
	while (s->files) {
		struct file *f = s->files;
		s->files = f->next;
		file_close(f);
	}
}

static err_t start(const struct plug_host *host, void **self)
{
	struct self *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	s->host = host;
	host->conf_each(host->h, "", file_open, s);
	*self = s;
	return 0;
}

static err_t reconfigure(void *self, const struct plug_host *host)
{
	close_all(self);
	host->conf_each(host->h, "", file_open, self);
	return 0;
}

static void stop(void *self)
{
	close_all(self);
	free(self);
}

static const struct plug_feat_row feats[] = { { .is = { PLUG_LOG, 0, 0 }, .ops = &ops } };

static const struct plug_conf_key conf[] = {
	{ "*.path", PLUG_CONF_PATH, 0, 0, NULL, "file to write, or stdout or stderr; has to be set" },
	{ "*.levels", PLUG_CONF_STRING, 0, 0, "1", "what is written, as \"1, ike=2\"" },
	{ "*.format", PLUG_CONF_STRING, 0, 0, "text", "text or json" },
	{ "*.append", PLUG_CONF_BOOL, 0, 0, "yes", "no: the file starts empty with each start and reload" },
	{ NULL, 0, 0, 0, NULL, NULL }
};

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD, .name = "log-file", .version = "1.0", .summary = "log to files, as text or JSON lines",
	.feats = feats, .n_feats = ARRAY_LEN(feats), .conf = conf, .start = start, .reconfigure = reconfigure,
	.stop = stop
};
