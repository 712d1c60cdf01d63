/* SPDX-License-Identifier: Apache-2.0 */
/* Where the gateway listens: TCP with or without TLS, Unix sockets; and the life of the HTTP library. */
#include "config.h"
#include "api/rest/deadline.h"
#include "api/rest/http.h"
#include "api/rest/tls.h"
#include "config/rest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Nothing older than TLS 1.3 is spoken, whatever the system's defaults are. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3"

enum { LISTENERS = 8, BACKLOG = 128, HEADER_BYTES = 32 * 1024, STACK = 1024 * 1024, PEM_MAX = 1024 * 1024 };

struct rest_http {
	struct rest *r;
	struct rest_listener v[LISTENERS];
	size_t n;
	bool tls;
	char *ca; /* PEM */
};

static err_t read_pem(const char *path, char **out, struct diag **why)
{
	FILE *f = fopen(path, "re");
	char *b = f ? calloc(1, PEM_MAX + 1) : NULL;
	size_t n = b ? fread(b, 1, PEM_MAX + 1, f) : 0;
	err_t err = !f ? diag_errno(why, E_IO, errno, "cannot read %s", path) :
		    !b ? E_NOMEM :
		    !n || n > PEM_MAX ? diag_set(why, E_BAD_VALUE, "%s is empty or too long", path) : 0;
	if (f)
		fclose(f);
	if (err)
		free(b);
	else
		*out = b;
	return err;
}

/* Whoever may use the gateway is in the group of its user, also when root starts it. */
static err_t give(const char *path, const char *user, struct diag **why)
{
	const struct passwd *p = user && !geteuid() ? getpwnam(user) : NULL;
	return !p || !lchown(path, p->pw_uid, p->pw_gid) ? 0 : diag_errno(why, E_IO, errno, "cannot give %s to the user '%s'", path, user);
}

static err_t listen_unix(struct rest_listener *l, const char *path, struct diag **why)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct stat st;
	if (strlen(path) >= sizeof un.sun_path)
		return diag_set(why, E_BAD_VALUE, "the path of the socket is too long: %s", path);
	memcpy(un.sun_path, path, strlen(path) + 1);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return diag_errno(why, E_IO, errno, "no socket");
	/* One left over by a gateway that is gone is taken over. */
	if (!connect(l->fd, (struct sockaddr *)&un, sizeof un))
		return diag_set(why, E_EXISTS, "somebody answers on %s already", path);
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	mode_t old = umask(0117);
	int bad = bind(l->fd, (struct sockaddr *)&un, sizeof un);
	umask(old);
	if (bad || listen(l->fd, BACKLOG))
		return diag_errno(why, E_IO, errno, "cannot listen on %s", path);
	snprintf(l->path, sizeof l->path, "%s", path);
	snprintf(l->where, sizeof l->where, "unix:%s", path);
	return give(path, l->r->conf->user, why);
}

static bool is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

static err_t listen_tcp(struct rest_listener *l, const char *text, struct diag **why)
{
	char host[80];
	const char *port = strrchr(text, ':');
	struct addrinfo hint = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM }, *ai = NULL;
	size_t n = port ? (size_t)(port - text) : 0, off = *text == '[' && n > 2 && text[n - 1] == ']';
	if (!n || n >= sizeof host)
		return diag_set(why, E_BAD_VALUE, "listen = %s: expected ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH", text);
	snprintf(host, sizeof host, "%.*s", (int)(n - 2 * off), text + off);
	if (getaddrinfo(host, port + 1, &hint, &ai))
		return diag_set(why, E_BAD_VALUE, "listen = %s: expected ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH", text);
	err_t err = 0;
	int on = 1;
	if (!l->tls && !is_loopback(ai->ai_addr))
		err = diag_set(why, E_NEEDS, "listen = %s: other hosts could read tokens on the way: set tls_cert and tls_key, or listen on "
			       "127.0.0.1", text);
	l->fd = err ? -1 : socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!err && (l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
		     (ai->ai_family == AF_INET6 && setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on)) ||
		     bind(l->fd, ai->ai_addr, ai->ai_addrlen) || listen(l->fd, BACKLOG)))
		err = diag_errno(why, E_IO, errno, "cannot listen on %s", text);
	freeaddrinfo(ai);
	/* Port 0 is one the system chooses. */
	struct sockaddr_storage sa;
	socklen_t len = sizeof sa;
	unsigned chosen = err || getsockname(l->fd, (struct sockaddr *)&sa, &len) ? 0 :
			  ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&sa)->sin6_port :
							   ((struct sockaddr_in *)(void *)&sa)->sin_port);
	snprintf(l->where, sizeof l->where, "http%s://%.*s:%u", l->tls ? "s" : "", (int)(port - text), text, chosen);
	return err;
}

static err_t listen_one(struct rest_http *h, const char *text, struct diag **why)
{
	static const char scheme[] = "unix:";
	if (h->n == LISTENERS)
		return diag_set(why, E_LIMIT, "listen: at most %d addresses", LISTENERS);
	bool is_unix = !strncmp(text, scheme, sizeof scheme - 1);
	struct rest_listener *l = &h->v[h->n++];
	*l = (struct rest_listener){ .r = h->r, .fd = -1, .tls = !is_unix && h->tls };
	return is_unix ? listen_unix(l, text + sizeof scheme - 1, why) : listen_tcp(l, text, why);
}

err_t rest_http_listen(struct rest *r, struct rest_http **out, struct diag **why)
{
	static char usual[] = "127.0.0.1:8480";
	static char *const usual_list[] = { usual, NULL };
	const struct rest_conf *c = r->conf;
	struct rest_http *h = calloc(1, sizeof *h);
	err_t err = h ? 0 : E_NOMEM;
	if (h)
		h->r = r;
	if (!err && c->tls_cert) {
		err = rest_tls_load(c->tls_cert, c->tls_key, why);
		h->tls = !err;
	}
	if (!err && c->client_ca)
		err = read_pem(c->client_ca, &h->ca, why);
	for (char *const *p = c->listen ? c->listen : usual_list; !err && *p; p++)
		err = listen_one(h, *p, why);
	if (err && h)
		rest_http_stop(h);
	else
		*out = h;
	return err;
}

/* Paths and queries are decoded by us, piece by piece: a name may hold a slash. */
static size_t leave_escaped(void *arg, struct MHD_Connection *c, char *s)
{
	(void)arg;
	(void)c;
	return strlen(s);
}

static void quiet(void *arg, const char *fmt, va_list ap)
{
	char text[512];
	struct rest *r = arg;
	int n = vsnprintf(text, sizeof text, fmt, ap);
	while (n > 0 && n < (int)sizeof text && text[n - 1] == '\n')
		text[--n] = 0;
	LOGF(r->log, LOG_API, LOG_DETAIL, NULL, "http: %s", text);
}

static err_t start_one(struct rest_http *h, struct rest_listener *l, struct diag **why)
{
	const struct rest_conf *c = h->r->conf;
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)(uintptr_t)rest_tls_retrieve },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES },
		{ h->ca ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0, h->ca },
		{ MHD_OPTION_END, 0, NULL } };
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG |
			 (l->tls ? MHD_USE_TLS : 0);
	size_t stack = STACK;
#ifdef ADIT_SANITIZED
	stack *= 8;
#endif
	l->mhd = MHD_start_daemon(flags, 0, NULL, NULL, rest_on_request, l, MHD_OPTION_EXTERNAL_LOGGER, quiet, h->r,
		MHD_OPTION_LISTEN_SOCKET, l->fd, MHD_OPTION_NOTIFY_COMPLETED, rest_on_completed, l,
		MHD_OPTION_NOTIFY_CONNECTION, deadlines_notify, h->r->deadlines,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)c->max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)c->max_per_client,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)REST_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES,
		MHD_OPTION_THREAD_STACK_SIZE, stack, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
		l->tls ? MHD_OPTION_ARRAY : MHD_OPTION_END, tls, MHD_OPTION_END);
	if (!l->mhd)
		return diag_set(why, E_IO, "cannot start the HTTP server (%s)", l->where);
	l->fd = -1; /* the library closes it */
	return 0;
}

err_t rest_http_start(struct rest_http *h, struct diag **why)
{
	err_t err = 0;
	for (size_t i = 0; !err && i < h->n; i++)
		err = start_one(h, &h->v[i], why);
	return err;
}

void rest_http_stop(struct rest_http *h)
{
	for (size_t i = 0; h && i < h->n; i++) {
		struct rest_listener *l = &h->v[i];
		if (l->mhd)
			MHD_stop_daemon(l->mhd);
		if (l->fd >= 0)
			close(l->fd);
		if (l->path[0])
			unlink(l->path);
	}
	if (!h)
		return;
	rest_tls_free();
	free(h->ca);
	free(h);
}

const char *rest_http_where(const struct rest_http *h, size_t i)
{
	return i < h->n ? h->v[i].where : NULL;
}
