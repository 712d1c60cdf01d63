/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch-http: http, https and file for revocation lists, OCSP and certificate look-ups, by libcurl's multi interface on
 * the daemon's loop. Nothing waits: names are resolved by libcurl's own threads, a file is read only when it is a
 * regular one. How many run at once, how long, how much and how often redirected is bounded; what is beyond is an error
 * with its cause and remedy.
 */
#include "plugins/fetch-http/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PARALLEL_DEFAULT = 64, PARALLEL_MAX = 1024, CONNECT_S_DEFAULT = 5 };

/* ---- answers ------------------------------------------------------------------------------------------------------- */

/* What libcurl says, as an error of ours and what to do about it. The rest is E_IO. */
static const struct {
	CURLcode curl;
	err_t err;
	const char *remedy;
} causes[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, E_NOT_FOUND, "correct the name, or the DNS servers of this host" },
	{ CURLE_COULDNT_CONNECT, E_REFUSED, "start the server, or open the way to it" },
	{ CURLE_OPERATION_TIMEDOUT, E_TIMEOUT, "check the way to the server, or take a nearer one" },
	{ CURLE_TOO_MANY_REDIRECTS, E_LIMIT, "the server redirects in circles or too often; use the address it ends at" },
	{ CURLE_UNSUPPORTED_PROTOCOL, E_NOT_SUPPORTED, "only http and https are followed" },
	{ CURLE_URL_MALFORMAT, E_BAD_VALUE, "correct the URL" },
	{ CURLE_PEER_FAILED_VERIFICATION, E_AUTH_FAILED,
		"the server's certificate is not trusted; set tls_ca of fetch-http to the CA that issued it" },
	{ CURLE_SSL_CACERT_BADFILE, E_BAD_VALUE, "tls_ca of fetch-http is not a file of PEM certificates" },
	{ CURLE_GOT_NOTHING, E_REFUSED, "the server closed the connection without an answer" },
	{ CURLE_PARTIAL_FILE, E_TRUNCATED, "the answer ended before its length says" },
	{ CURLE_OUT_OF_MEMORY, E_NOMEM, "free some memory" },
};

static err_t cause_of(CURLcode c, const char **remedy)
{
	for (size_t i = 0; i < ARRAY_LEN(causes); i++)
		if (causes[i].curl == c) {
			*remedy = causes[i].remedy;
			return causes[i].err;
		}
	*remedy = "try the URL with another client";
	return E_IO;
}

static void transfer_free(struct transfer *t)
{
	struct transfer **at = &t->self->list;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->self->n_running--;
	if (t->easy) {
		curl_multi_remove_handle(t->self->multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	curl_slist_free_all(t->headers);
	free(t->body);
	free(t->post);
	free(t->url);
	free(t);
}

/* The transfer is gone before the caller hears of it: it may start or cancel others. */
static void finish(struct transfer *t, err_t err, unsigned status, const char *why)
{
	const struct plug_host *host = t->self->host;
	uint64_t token = t->token;
	uint8_t *body = t->body;
	size_t n = t->n;

	t->body = NULL;
	transfer_free(t);
	host->count(host->h, err ? "failed" : "done", 1);
	host->fetch_done(host->h, token, err, status, err ? SLICE_NONE : slice_of(body, n), why);
	free(body);
}

static void curl_ended(struct transfer *t, CURLcode code)
{
	char why[1024], where[128] = "";
	const char *remedy = "";
	curl_off_t us = 0;
	long status = 0;
	err_t err;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &us);
	snprintf(where, sizeof where, "%s%s, %lld ms", t->peer[0] ? "asked at " : "no address was asked", t->peer, (long long)us / 1000);
	if (t->too_long || code == CURLE_FILESIZE_EXCEEDED) {
		snprintf(why, sizeof why, "%.300s: the answer is longer than %zu bytes (%s); it is not what was expected there", t->url, t->max, where);
		finish(t, E_LIMIT, (unsigned)status, why);
		return;
	}
	if (code == CURLE_OK && status == 200) {
		finish(t, 0, 200, NULL);
		return;
	}
	if (code == CURLE_OK) {
		snprintf(why, sizeof why, "%.300s: the server answered with HTTP status %ld (%s); correct the URL or the server", t->url, status, where);
		finish(t, E_REFUSED, (unsigned)status, why);
		return;
	}
	err = cause_of(code, &remedy);
	snprintf(why, sizeof why, "%.300s: %.300s (%s); %s", t->url, t->error[0] ? t->error : curl_easy_strerror(code), where, remedy);
	finish(t, err, (unsigned)status, why);
}

static void collect(struct self *s)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(s->multi, &left))) {
		struct transfer *t = NULL;
		CURLcode code = m->data.result;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		curl_ended(t, code);
	}
}

static size_t body_in(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t more = size * n;

	if (more > t->max - t->n) {
		t->too_long = true;
		return 0;
	}
	if (t->n + more > t->cap) {
		size_t cap = t->cap ? t->cap : 4096;
		while (cap < t->n + more)
			cap *= 2;
		uint8_t *b = realloc(t->body, cap);
		if (!b)
			return 0;
		t->body = b;
		t->cap = cap;
	}
	memcpy(t->body + t->n, p, more);
	t->n += more;
	return more;
}

/* Which address is asked, for who has to find out why nothing came from there. */
static curl_socket_t open_socket(void *arg, curlsocktype what, struct curl_sockaddr *a)
{
	struct transfer *t = arg;
	char host[64], port[8];

	(void)what;
	if (getnameinfo(&a->addr, a->addrlen, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(t->peer, sizeof t->peer, "%s port %s", host, port);
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ---- libcurl on the loop ---------------------------------------------------------------------------------------------- */

static void on_socket(void *arg, int fd, int events)
{
	struct self *s = arg;
	int running;

	/* An error that is pending is found by either. */
	int what = (events & 1 ? CURL_CSELECT_IN : 0) | (events & 2 ? CURL_CSELECT_OUT : 0) | (events ? 0 : CURL_CSELECT_ERR);
	curl_multi_socket_action(s->multi, fd, what, &running);
	collect(s);
}

static void on_timer(void *arg)
{
	struct self *s = arg;
	int running;

	curl_multi_socket_action(s->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(s);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct self *s = arg;
	int events = (what & CURL_POLL_IN ? 1 : 0) | (what & CURL_POLL_OUT ? 2 : 0);
	struct plug_watch *w = known;

	(void)easy;
	if (w)
		s->host->unwatch(s->host->h, w);
	w = what == CURL_POLL_REMOVE ? NULL : s->host->watch(s->host->h, fd, events, on_socket, s);
	curl_multi_assign(s->multi, fd, w);
	return 0;
}

static int want_timer(CURLM *multi, long ms, void *arg)
{
	struct self *s = arg;

	(void)multi;
	s->host->untimer(s->host->h, s->timer);
	s->timer = ms < 0 ? NULL : s->host->timer(s->host->h, (uint64_t)ms, 0, on_timer, s);
	return 0;
}

/* ---- files -------------------------------------------------------------------------------------------------------------- */

/* A device or FIFO would wait or never end: regular files only. */
static err_t read_file(struct transfer *t, const char *path, char *why, size_t cap)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	err_t err = 0;

	if (fd < 0 || fstat(fd, &st)) {
		err = errno == ENOENT ? E_NOT_FOUND : errno == EACCES ? E_PERM : E_IO;
		snprintf(why, cap, "%.300s: %s", t->url, strerrordesc_np(errno));
	} else if (!S_ISREG(st.st_mode)) {
		err = E_BAD_VALUE;
		snprintf(why, cap, "%.300s: is not a regular file", t->url);
	} else if ((uint64_t)st.st_size > t->max) {
		err = E_LIMIT;
		snprintf(why, cap, "%.300s: the file is longer than %zu bytes", t->url, t->max);
	} else if (!(t->body = malloc((size_t)st.st_size + 1))) {
		err = E_NOMEM;
		snprintf(why, cap, "%.300s: no memory", t->url);
	}
	while (!err && t->n < (size_t)st.st_size) {
		ssize_t n = read(fd, t->body + t->n, (size_t)st.st_size - t->n);
		if (n > 0) {
			t->n += (size_t)n;
		} else if (n == 0) {
			break; /* it became shorter */
		} else if (errno != EINTR) {
			err = E_IO;
			snprintf(why, cap, "%.300s: %s", t->url, strerrordesc_np(errno));
		}
	}
	if (fd >= 0)
		close(fd);
	return err;
}

/* On the loop, after get() has answered. What was cancelled meanwhile is not in the list any more. */
static void files_ready(void *arg)
{
	struct self *s = arg;
	char why[512];

	s->host->untimer(s->host->h, s->files);
	s->files = NULL;
	for (;;) {
		struct transfer *t = s->list;
		while (t && t->easy)
			t = t->next;
		if (!t)
			return;
		err_t err = read_file(t, t->url + strlen("file://"), why, sizeof why);
		finish(t, err, 0, err ? why : NULL);
	}
}

/* ---- the feature -------------------------------------------------------------------------------------------------------- */

static err_t start_file(struct self *s, struct transfer *t)
{
	if (t->url[strlen("file://")] != '/')
		return E_BAD_VALUE; /* a host: file://host/path is of another machine */
	if (!s->files)
		s->files = s->host->timer(s->host->h, 0, 0, files_ready, s);
	return s->files ? 0 : E_NOMEM;
}

static err_t start_curl(struct self *s, struct transfer *t, const struct fetch_req *r)
{
	CURL *c = t->easy = curl_easy_init();
	char line[256];

	if (!c)
		return E_NOMEM;
	if (r->content_type) {
		snprintf(line, sizeof line, "Content-Type: %s", r->content_type);
		t->headers = curl_slist_append(t->headers, line);
	}
	if (r->accept) {
		snprintf(line, sizeof line, "Accept: %s", r->accept);
		t->headers = curl_slist_append(t->headers, line);
	}
	curl_easy_setopt(c, CURLOPT_URL, t->url);
	curl_easy_setopt(c, CURLOPT_PRIVATE, t);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, body_in);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "adit");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	/* Ending does not wait for a resolver thread that hangs. */
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, r->max_redirects ? 1L : 0L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)r->max_redirects);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(r->timeout_ms ? r->timeout_ms : 1));
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, s->connect_s);
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->max);
	/* The environment of the daemon is not where its proxy is configured. */
	curl_easy_setopt(c, CURLOPT_PROXY, s->proxy);
	if (s->tls_ca[0])
		curl_easy_setopt(c, CURLOPT_CAINFO, s->tls_ca);
	if (r->post.n) {
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, (const char *)t->post);
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)r->post.n);
	}
	return curl_multi_add_handle(s->multi, c) == CURLM_OK ? 0 : E_NOMEM;
}

static bool has_scheme(const char *url, const char *scheme)
{
	size_t n = strlen(scheme);

	return strncasecmp(url, scheme, n) == 0 && strncmp(url + n, "://", 3) == 0;
}

static err_t http_get(void *self, const struct fetch_req *r, uint64_t token)
{
	struct self *s = self;
	bool file = has_scheme(r->url, "file");

	if (!file && !has_scheme(r->url, "http") && !has_scheme(r->url, "https"))
		return strstr(r->url, "://") ? E_NOT_SUPPORTED : E_BAD_VALUE;
	if (file && r->post.n)
		return E_NOT_SUPPORTED;
	if (s->n_running >= s->parallel) {
		s->host->count(s->host->h, "refused_full", 1);
		return E_FULL;
	}
	struct transfer *t = calloc(1, sizeof *t);
	if (!t)
		return E_NOMEM;
	t->self = s;
	t->token = token;
	t->max = r->max_bytes;
	t->next = s->list;
	s->list = t;
	s->n_running++;
	t->url = strdup(r->url);
	t->post = r->post.n ? malloc(r->post.n) : NULL;
	err_t err = t->url && (t->post || !r->post.n) ? 0 : E_NOMEM;
	if (!err && r->post.n)
		memcpy(t->post, r->post.p, r->post.n);
	if (!err)
		err = file ? start_file(s, t) : start_curl(s, t, r);
	if (err) {
		transfer_free(t);
		return err;
	}
	s->host->count(s->host->h, "started", 1);
	return E_AGAIN;
}

static void http_cancel(void *self, uint64_t token)
{
	struct self *s = self;

	for (struct transfer *t = s->list; t; t = t->next)
		if (t->token == token) {
			s->host->count(s->host->h, "cancelled", 1);
			transfer_free(t);
			return;
		}
}

/* ---- life --------------------------------------------------------------------------------------------------------------- */

static void read_conf(struct self *s)
{
	const struct plug_host *host = s->host;
	const char *v;

	s->parallel = (v = host->conf(host->h, "parallel")) ? (unsigned)strtoul(v, NULL, 10) : PARALLEL_DEFAULT;
	s->connect_s = (v = host->conf(host->h, "connect_timeout")) ? (long)plug_conf_time_s(v) : CONNECT_S_DEFAULT;
	snprintf(s->proxy, sizeof s->proxy, "%s", (v = host->conf(host->h, "proxy")) ? v : "");
	snprintf(s->tls_ca, sizeof s->tls_ca, "%s", (v = host->conf(host->h, "tls_ca")) ? v : "");
}

static void http_stop(void *self)
{
	struct self *s = self;

	while (s->list)
		transfer_free(s->list);
	if (s->multi)
		curl_multi_cleanup(s->multi);
	s->host->untimer(s->host->h, s->timer);
	s->host->untimer(s->host->h, s->files);
	curl_global_cleanup();
	free(s);
}

static err_t http_start(const struct plug_host *host, void **self)
{
	struct self *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	s->host = host;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(s);
		return E_CRYPTO;
	}
	s->multi = curl_multi_init();
	if (!s->multi) {
		http_stop(s);
		return E_NOMEM;
	}
	curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
	curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
	read_conf(s);
	*self = s;
	return 0;
}

static err_t http_reconfigure(void *self, const struct plug_host *host)
{
	(void)host;
	read_conf(self);
	return 0;
}

static const char *const schemes[] = { "http", "https", "file", NULL };

static const struct fetch_ops ops = { .size = sizeof ops, .schemes = schemes, .get = http_get, .cancel = http_cancel };

static const struct plug_feat_row feats[] = {
	{ .is = { PLUG_FETCH, 0, 0 }, .prio = 10, .ops = &ops },
};

static const struct plug_conf_key conf[] = {
	{ "parallel", PLUG_CONF_INT, 1, PARALLEL_MAX, "64", "Transfers at once; more are refused and tried again later." },
	{ "connect_timeout", PLUG_CONF_TIME_S, 1, 300, "5", "Seconds until a server that does not answer is given up." },
	{ "proxy", PLUG_CONF_STRING, 0, 0, "", "URL of the proxy for http and https; empty: none." },
	{ "tls_ca", PLUG_CONF_PATH, 0, 0, NULL, "PEM file of the CAs that https servers are checked against; default: the system's." },
	{ NULL, 0, 0, 0, NULL, NULL },
};

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "fetch-http",
	.version = "0.1.0",
	.summary = "fetches http, https and file URLs with libcurl",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
	.conf = conf,
	.start = http_start,
	.reconfigure = http_reconfigure,
	.stop = http_stop,
};
