/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch-http against a server of its own on loopback: answers, and the ways a server misbehaves (slow, endless,
 * redirecting in circles, closing, lying about its length). Each ends in one answer with a cause; the loop never waits.
 */
#include "plugin/abi_cred.h"
#include "plugin/host.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct plug_desc adit_plugin;

/* ---- the server: one thread, one connection after the other -------------------------------------------------------- */

static int listener;
static uint16_t port;
static pthread_t server;

static void say(int fd, const char *text)
{
	cr_assert_geq(send(fd, text, strlen(text), MSG_NOSIGNAL), 0);
}

static void serve_one(int fd)
{
	char in[4096] = "";
	ssize_t n = 0, got;

	while (!strstr(in, "\r\n\r\n") && (got = recv(fd, in + n, sizeof in - 1 - (size_t)n, 0)) > 0)
		in[n += got] = 0;
	if (strstr(in, " /ok "))
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
	else if (strncmp(in, "POST /echo ", 11) == 0) {
		bool typed = strstr(in, "Content-Type: application/ocsp-request") && strstr(in, "Accept: application/ocsp-response");
		while (n < 4095 && !strstr(in, "the body") && (got = recv(fd, in + n, sizeof in - 1 - (size_t)n, 0)) > 0)
			in[n += got] = 0;
		say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
		say(fd, typed ? "typed " : "untyped ");
		say(fd, strstr(in, "\r\n\r\n") + 4);
	} else if (strstr(in, " /moved "))
		say(fd, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	else if (strstr(in, " /circle "))
		say(fd, "HTTP/1.1 302 Found\r\nLocation: /circle\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	else if (strstr(in, " /file "))
		say(fd, "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	else if (strstr(in, " /short "))
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\nhello");
	else if (strstr(in, " /long "))
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\nConnection: close\r\n\r\nhello");
	else if (strstr(in, " /endless ")) {
		say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
		while (send(fd, in, sizeof in, MSG_NOSIGNAL) > 0)
			;
	} else if (strstr(in, " /slow "))
		while (recv(fd, in, sizeof in, 0) > 0)
			; /* until the client gives up */
	else if (!strstr(in, " /nothing "))
		say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	close(fd);
}

static void *serve(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		serve_one(fd);
	return NULL;
}

/* ---- the host -------------------------------------------------------------------------------------------------------- */

enum { ANSWERS = 256 };
static struct { uint64_t token; err_t err; unsigned status; char body[4096], why[1024]; } answers[ANSWERS];
static unsigned n_answers;

static void fetch_done(void *arg, uint64_t token, err_t res, unsigned status, slice body, const char *why)
{
	(void)arg;
	cr_assert_lt(n_answers, (unsigned)ANSWERS);
	answers[n_answers].token = token;
	answers[n_answers].err = res;
	answers[n_answers].status = status;
	snprintf(answers[n_answers].body, sizeof answers[0].body, "%.*s", (int)body.n, body.n ? (const char *)body.p : "");
	snprintf(answers[n_answers++].why, sizeof answers[0].why, "%s", why ? why : "");
}

static const char *conf(void *arg, const char *plugin, const char *key)
{
	(void)arg, (void)plugin;
	return strcmp(key, "parallel") == 0 ? "8" : NULL;
}

static struct plug_services services = { .conf = conf, .fetch_done = fetch_done };
static struct host *h;
static void *self;
static const struct fetch_ops *ops;
static char dir[] = "/tmp/adit-unit-XXXXXX";

static void up(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
	cr_assert_eq(listen(listener, 64), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&a, &n), 0);
	port = ntohs(a.sin_port);
	cr_assert_eq(pthread_create(&server, NULL, serve, NULL), 0);
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(loop_new(&services.loop, NULL), 0);
	h = host_new(&services, "fetch-http", adit_plugin.conf);
	cr_assert_eq(adit_plugin.start(host_api(h), &self), 0);
	ops = adit_plugin.feats[0].ops;
}

static void down(void)
{
	adit_plugin.stop(self);
	loop_once(services.loop, 0);
	loop_free(services.loop);
	host_free(h);
	shutdown(listener, SHUT_RDWR);
	close(listener);
	pthread_join(server, NULL);
	char cmd[64];
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	cr_assert_eq(system(cmd), 0);
}

TestSuite(fetch_http, .init = up, .fini = down, .timeout = 300);

static void wait_for(unsigned n)
{
	for (uint64_t end = loop_now_ms() + 60000; n_answers < n && loop_now_ms() < end;)
		loop_once(services.loop, 50);
	cr_assert_eq(n_answers, n);
}

static err_t get_url(const char *url, uint64_t token, uint32_t timeout_ms)
{
	struct fetch_req r = { .url = url, .max_bytes = 100000, .timeout_ms = timeout_ms, .max_redirects = 3 };

	return ops->get(self, &r, token);
}

static err_t get(const char *path, uint64_t token)
{
	char url[256];

	snprintf(url, sizeof url, "http://127.0.0.1:%u/%s", port, path);
	return get_url(url, token, 10000);
}

/* ---- tests ------------------------------------------------------------------------------------------------------------ */

Test(fetch_http, answers)
{
	char url[64];
	struct fetch_req post = { .url = url, .post = slice_str("the body"), .content_type = "application/ocsp-request",
		.accept = "application/ocsp-response", .max_bytes = 1000, .timeout_ms = 10000 };

	cr_assert_eq(get("ok", 1), E_AGAIN);
	wait_for(1);
	cr_assert_eq(answers[0].token, 1);
	cr_assert_eq(answers[0].err, 0, "%s", answers[0].why);
	cr_assert_eq(answers[0].status, 200);
	cr_assert_str_eq(answers[0].body, "hello");
	cr_assert_eq(get("moved", 2), E_AGAIN);
	wait_for(2);
	cr_assert_str_eq(answers[1].body, "hello");
	snprintf(url, sizeof url, "http://127.0.0.1:%u/echo", port);
	cr_assert_eq(ops->get(self, &post, 3), E_AGAIN);
	wait_for(3);
	cr_assert_str_eq(answers[2].body, "typed the body");
}

Test(fetch_http, misbehaving_servers)
{
	static const struct { const char *path; err_t err; const char *why; } rows[] = {
		{ "missing", E_REFUSED, "HTTP status 404" },
		{ "circle", E_LIMIT, "redirects" },
		{ "file", E_NOT_SUPPORTED, "only http and https are followed" },
		{ "short", E_TRUNCATED, "ended before its length" },
		{ "long", E_LIMIT, "longer than 100000 bytes" },
		{ "endless", E_LIMIT, "longer than 100000 bytes" },
		{ "nothing", E_REFUSED, "without an answer" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		cr_assert_eq(get(rows[i].path, i), E_AGAIN);
		wait_for(i + 1);
		cr_assert_eq(answers[i].err, rows[i].err, "%s: %s, %s", rows[i].path, err_name(answers[i].err), answers[i].why);
		cr_assert(strstr(answers[i].why, rows[i].why), "%s: %s", rows[i].path, answers[i].why);
		cr_assert(strstr(answers[i].why, rows[i].path), "the URL is not in: %s", answers[i].why);
		cr_assert_str_empty(answers[i].body);
	}
}

Test(fetch_http, nobody_there)
{
	cr_assert_eq(get_url("http://127.0.0.1:1/x", 1, 10000), E_AGAIN);
	wait_for(1);
	cr_assert_eq(answers[0].err, E_REFUSED, "%s", answers[0].why);
	cr_assert_eq(get_url("http://no-such-name.invalid/x", 2, 10000), E_AGAIN);
	wait_for(2);
	cr_assert_eq(answers[1].err, E_NOT_FOUND, "%s", answers[1].why);
}

Test(fetch_http, a_slow_server_holds_up_nobody)
{
	char url[64];

	snprintf(url, sizeof url, "http://127.0.0.1:%u/slow", port);
	uint64_t from = loop_now_ms();
	cr_assert_eq(get_url(url, 1, 300), E_AGAIN);
	cr_assert_lt(loop_now_ms() - from, 250u);
	wait_for(1);
	cr_assert_eq(answers[0].err, E_TIMEOUT, "%s", answers[0].why);
}

Test(fetch_http, bounds_and_cancel)
{
	char url[64];

	snprintf(url, sizeof url, "http://127.0.0.1:%u/slow", port);
	for (uint64_t i = 0; i < 8; i++)
		cr_assert_eq(get_url(url, i, 60000), E_AGAIN);
	cr_assert_eq(get_url(url, 8, 60000), E_FULL);
	loop_once(services.loop, 10);
	for (uint64_t i = 0; i < 8; i++)
		ops->cancel(self, i);
	ops->cancel(self, 77);
	cr_assert_eq(get("ok", 9), E_AGAIN);
	wait_for(1);
	cr_assert_eq(answers[0].token, 9);
	cr_assert_eq(answers[0].err, 0, "%s", answers[0].why);
	/* left running: stop() takes it away */
	cr_assert_eq(get_url(url, 10, 60000), E_AGAIN);
}

Test(fetch_http, files)
{
	char path[128], url[160];

	snprintf(path, sizeof path, "%s/a", dir);
	snprintf(url, sizeof url, "file://%s", path);
	cr_assert_eq(get_url(url, 1, 1000), E_AGAIN);
	FILE *f = fopen(path, "w");
	fputs("from a file", f);
	fclose(f);
	cr_assert_eq(n_answers, 0);
	wait_for(1);
	cr_assert_str_eq(answers[0].body, "from a file");
	cr_assert_eq(get_url("file:///nowhere/x", 2, 1000), E_AGAIN);
	wait_for(2);
	cr_assert_eq(answers[1].err, E_NOT_FOUND);
	snprintf(path, sizeof path, "%s/fifo", dir);
	cr_assert_eq(mkfifo(path, 0600), 0);
	snprintf(url, sizeof url, "file://%s", path);
	cr_assert_eq(get_url(url, 3, 1000), E_AGAIN);
	wait_for(3);
	cr_assert_eq(answers[2].err, E_BAD_VALUE);
	cr_assert_eq(get_url("file:///dev/zero", 4, 1000), E_AGAIN);
	wait_for(4);
	cr_assert_eq(answers[3].err, E_BAD_VALUE);
	struct fetch_req small = { .url = "file:///etc/passwd", .max_bytes = 3, .timeout_ms = 1000 };
	cr_assert_eq(ops->get(self, &small, 5), E_AGAIN);
	wait_for(5);
	cr_assert_eq(answers[4].err, E_LIMIT);
}

Test(fetch_http, what_is_no_url_of_ours)
{
	cr_assert_eq(get_url("ftp://127.0.0.1/x", 1, 1000), E_NOT_SUPPORTED);
	cr_assert_eq(get_url("gopher://127.0.0.1/x", 1, 1000), E_NOT_SUPPORTED);
	cr_assert_eq(get_url("nonsense", 1, 1000), E_BAD_VALUE);
	cr_assert_eq(get_url("", 1, 1000), E_BAD_VALUE);
	cr_assert_eq(get_url("file://host/etc/passwd", 1, 1000), E_BAD_VALUE);
	cr_assert_eq(n_answers, 0);
}
