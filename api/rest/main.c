/* SPDX-License-Identifier: Apache-2.0 */
/* adit-rest: the command line, start, signals, end. */
#include "config.h"
#include "api/rest/auth.h"
#include "api/rest/backend.h"
#include "api/rest/deadline.h"
#include "api/rest/hub.h"
#include "api/rest/idem.h"
#include "api/rest/limit.h"
#include "api/rest/options.h"
#include "api/rest/page.h"
#include "api/rest/sandbox.h"
#include "api/rest/tls.h"
#include "base/text.h"
#include "os/ready.h"

#include <gnutls/gnutls.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_S = 1, TLS_LOOK_S = 5 }; /* at slow connections, at the files of the certificate */

static int fail(struct diag *why, err_t err)
{
	char text[2048];
	for (const struct diag *d = why; d; d = d->next)
		fprintf(stderr, "adit-rest: %s\n", diag_text(d, err, text, sizeof text));
	if (!why)
		fprintf(stderr, "adit-rest: %s\n", err_text(err));
	diag_free(&why);
	return 1;
}

static void log_line(void *self, const struct log_record *r)
{
	char when[32];
	time_t s = (time_t)(r->time_ns / 1000000000);
	struct tm tm;
	(void)self;
	if (!localtime_r(&s, &tm) || !strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm))
		when[0] = 0;
	fprintf(stderr, "%s %s: %s\n", when, log_sub_name(r->sub), r->text);
}

static err_t log_start(struct rest *r, const char *levels, struct diag **why)
{
	struct log_sink sink = { .write = log_line };
	memset(sink.level, LOG_CONTROL, sizeof sink.level);
	err_t err = levels ? log_levels_parse(levels, sink.level, why) : 0;
	r->log = err ? NULL : log_new();
	if (!err && (!r->log || log_add(r->log, &sink) < 0))
		err = E_NOMEM;
	return err;
}

static int token_command(const struct rest_options *o)
{
	struct diag *why = NULL;
	char token[AUTH_TOKEN_TEXT] = "";
	err_t err;
	switch (o->command) {
	case REST_TOKEN_ADD:
		err = auth_add(o->tokens, o->name, o->role, o->expires_s, slice_of(o->der, o->der_n), token, &why);
		if (!err && token[0])
			printf("%s\n", token);
		if (!err)
			err = auth_share(o->tokens, o->conf->user, &why);
		explicit_bzero(token, sizeof token);
		break;
	case REST_TOKEN_REVOKE:
		err = auth_revoke(o->tokens, o->name, &why);
		break;
	default:
		err = auth_list(o->tokens, &why);
	}
	return err ? fail(why, err) : 0;
}

/* Everything that works without threads: sockets and keys while there are privileges, the rest without. */
static err_t prepare(struct rest *r, const struct rest_options *o, struct rest_http **http, struct diag **why)
{
	const struct rest_conf *c = r->conf;
	err_t err = rest_http_listen(r, http, why);
	if (!err)
		err = pages_new(o->web, &r->pages, why);
	if (!err)
		err = sandbox_enter(c->user, r->log, why);
	if (!err)
		err = auth_new(o->tokens, &r->auth, why);
	if (!err)
		err = backend_new(c->socket, &r->backend);
	r->deadlines = deadlines_new();
	r->idem = idem_new();
	r->requests = limiter_new(c->rate * 1000, c->burst);
	r->failures = limiter_new(c->failures * 1000 / 60, c->failures);
	if (!err && (!r->deadlines || !r->idem || !r->requests || !r->failures))
		err = E_NOMEM;
	return err;
}

static void finish(struct rest *r, struct rest_http *http)
{
	if (r->hub)
		hub_stop(r->hub);
	rest_http_stop(http);
	hub_free(r->hub);
	backend_free(r->backend);
	auth_free(r->auth);
	deadlines_free(r->deadlines);
	idem_free(r->idem);
	limiter_free(r->requests);
	limiter_free(r->failures);
	pages_free(r->pages);
	pthread_mutex_destroy(&r->write_lock);
	log_free(r->log);
}

static void say_ready(const struct rest *r, const struct rest_http *http)
{
	const char *where;
	for (size_t i = 0; (where = rest_http_where(http, i)); i++)
		LOGF(r->log, LOG_DAEMON, LOG_CONTROL, NULL, "listens on %s", where);
	fprintf(stderr, "adit-rest: ready\n");
	fflush(stderr);
	ready_notify("READY=1");
}

static void reload_tls(const struct rest *r, bool asked)
{
	const char *cert = r->conf->tls_cert, *key = r->conf->tls_key;
	struct diag *why = NULL;
	char text[1024];
	if (!cert || (!asked && !rest_tls_changed(cert, key)))
		return;
	err_t err = rest_tls_load(cert, key, &why);
	if (err)
		LOGF(r->log, LOG_DAEMON, LOG_CONTROL, &(struct log_ctx){ .code = err }, "the certificate stays as it is: %s",
			diag_text(why, err, text, sizeof text));
	else
		LOGF(r->log, LOG_DAEMON, LOG_CONTROL, NULL, "new connections get the certificate that is in %s now", cert);
	diag_free(&why);
}

/* Tokens are read again by themselves; the certificate at SIGHUP and when its files have changed. */
static void wait_for_end(const struct rest *r, const sigset_t *set)
{
	static const struct timespec look = { LOOK_S, 0 };
	for (unsigned n = 1;; n++) {
		int sig = sigtimedwait(set, NULL, &look);
		if (sig > 0 && sig != SIGHUP)
			break;
		if (sig == SIGHUP || n % (TLS_LOOK_S / LOOK_S) == 0)
			reload_tls(r, sig == SIGHUP);
		if (deadlines_sweep(r->deadlines, r->conf->request_timeout_s * UINT64_C(1000)))
			LOGF(r->log, LOG_API, LOG_CONTROL, NULL, "connections that did not send a whole request within %u s were closed",
				r->conf->request_timeout_s);
	}
	ready_notify("STOPPING=1");
}

int main(int argc, char *argv[])
{
	struct rest_options o;
	struct diag *why = NULL;
	int code = rest_options_parse(argc, argv, &o, &why);
	if (code != REST_OPTIONS_GO) {
		rest_options_fini(&o);
		return why ? fail(why, why->code) : code;
	}
	if (o.command != REST_SERVE) {
		code = token_command(&o);
		rest_options_fini(&o);
		return code;
	}
	struct rest r = { .conf = o.conf, .version = PACKAGE_VERSION };
	struct rest_http *http = NULL;
	sigset_t set;
	pthread_mutex_init(&r.write_lock, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	err_t err = log_start(&r, o.log, &why);
	if (!err)
		err = prepare(&r, &o, &http, &why);
	if (!err)
		err = hub_new(r.conf->socket, r.conf->max_streams, &r.hub);
	if (!err)
		err = rest_http_start(http, &why);
	if (!err) {
		say_ready(&r, http);
		wait_for_end(&r, &set);
	}
	code = err ? fail(why, err) : 0;
	finish(&r, http);
	rest_options_fini(&o);
	return code;
}
