/* SPDX-License-Identifier: Apache-2.0 */
/* The connection of the client library: frames over a Unix socket, calls, streams, events. */
#include "api/client/msg.h"
#include "api/vici/socket_path.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { LEN_BYTES = 4, QUEUE_MAX = 4096 };

struct event {
	struct event *next;
	struct adit_node *body;
	char name[VICI_NAME_MAX + 1];
};

struct adit_api {
	int fd;
	unsigned timeout_ms;
	uint8_t *in;     /* the packet that was read last */
	size_t in_cap;
	size_t got;      /* bytes of the frame that is coming in */
	uint8_t head[LEN_BYTES];
	struct event *events, **tail; /* came while something else was awaited */
	unsigned n_events;
	struct event *given; /* its name was handed out */
	char error[2048], errcode[64];
};

static enum adit_api_status fail(struct adit_api *a, enum adit_api_status st, const char *fmt, ...) PRINTF_LIKE(3, 4);
static enum adit_api_status fail(struct adit_api *a, enum adit_api_status st, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(a->error, sizeof a->error, fmt, ap);
	va_end(ap);
	return st;
}

static void drop(struct adit_api *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

static enum adit_api_status broken(struct adit_api *a, enum adit_api_status st, const char *what)
{
	drop(a);
	return fail(a, st, "%s", what);
}

PUBLIC enum adit_api_status adit_api_open(const char *path, struct adit_api **out)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct adit_api *a = calloc(1, sizeof *a);
	*out = a;
	if (!a)
		return ADIT_API_NOMEM;
	a->fd = -1;
	a->tail = &a->events;
	if (!path)
		path = getenv(API_SOCKET_ENV);
	if (!path || !*path)
		path = API_SOCKET_PATH;
	if (strlen(path) >= sizeof un.sun_path)
		return fail(a, ADIT_API_CONNECT, "the path of the socket is too long: %s", path);
	memcpy(un.sun_path, path, strlen(path) + 1);
	a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (a->fd < 0)
		return fail(a, ADIT_API_CONNECT, "no socket: %s", strerror(errno));
	if (!connect(a->fd, (const struct sockaddr *)&un, sizeof un))
		return ADIT_API_OK;
	int e = errno;
	drop(a);
	if (e == ENOENT || e == ECONNREFUSED)
		return fail(a, ADIT_API_CONNECT, "aditd does not run, or its socket is not %s: start it (systemctl start aditd), or "
			    "name its socket with --socket or " API_SOCKET_ENV, path);
	if (e == EACCES || e == EPERM)
		return fail(a, ADIT_API_CONNECT, "no permission for the socket %s: become root, or a member of a group that the "
			    "setting aditd.api_group_… names", path);
	return fail(a, ADIT_API_CONNECT, "cannot connect to %s: %s", path, strerror(e));
}

PUBLIC void adit_api_close(struct adit_api *a)
{
	if (!a)
		return;
	drop(a);
	while (a->events) {
		struct event *e = a->events;
		a->events = e->next;
		adit_node_free(e->body);
		free(e);
	}
	free(a->given);
	free(a->in);
	free(a);
}

PUBLIC const char *adit_api_error(const struct adit_api *a)
{
	return a ? a->error : "out of memory";
}

PUBLIC const char *adit_api_errcode(const struct adit_api *a)
{
	return a ? a->errcode : "";
}

PUBLIC void adit_api_set_timeout(struct adit_api *a, unsigned timeout_ms)
{
	a->timeout_ms = timeout_ms;
}

PUBLIC int adit_api_fd(const struct adit_api *a)
{
	return a->fd;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* deadline_ms < 0: none. */
static enum adit_api_status wait_for(struct adit_api *a, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd p = { .fd = a->fd, .events = events };
		int64_t left = deadline_ms < 0 ? -1 : deadline_ms - now_ms();
		int r = poll(&p, 1, deadline_ms < 0 ? -1 : left < 0 ? 0 : (int)left);
		if (r > 0)
			return ADIT_API_OK;
		if (r == 0)
			return fail(a, ADIT_API_TIMEOUT, "aditd did not answer in time");
		if (errno != EINTR)
			return fail(a, ADIT_API_IO, "poll: %s", strerror(errno));
	}
}

static enum adit_api_status send_all(struct adit_api *a, slice s, int64_t deadline_ms)
{
	while (s.n) {
		ssize_t n = send(a->fd, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			enum adit_api_status st = wait_for(a, POLLOUT, deadline_ms);
			if (st)
				return broken(a, st, "aditd did not take the request in time");
		} else if (n < 0 && errno != EINTR) {
			return broken(a, ADIT_API_IO, "aditd closed the connection: it stopped, or this user has no permission");
		} else if (n > 0) {
			s.p += n;
			s.n -= (size_t)n;
		}
	}
	return ADIT_API_OK;
}

/* More of a frame of want bytes into p, from a->got on. Keeps what came when the time is over. */
static enum adit_api_status recv_some(struct adit_api *a, uint8_t *p, size_t want, size_t have, int64_t deadline_ms)
{
	while (have < want) {
		ssize_t n = recv(a->fd, p + have, want - have, MSG_DONTWAIT);
		if (n == 0)
			return broken(a, ADIT_API_IO, "aditd closed the connection: it stopped, or this user has no permission");
		if (n > 0) {
			have += (size_t)n;
			a->got += (size_t)n;
		} else if (errno == EAGAIN) {
			enum adit_api_status st = wait_for(a, POLLIN, deadline_ms);
			if (st)
				return st;
		} else if (errno != EINTR) {
			return broken(a, ADIT_API_IO, "the connection to aditd broke");
		}
	}
	return ADIT_API_OK;
}

static enum adit_api_status read_packet(struct adit_api *a, struct vici_packet *p, int64_t deadline_ms)
{
	if (a->fd < 0)
		return fail(a, ADIT_API_IO, "the connection is closed");
	enum adit_api_status st = ADIT_API_OK;
	if (a->got < LEN_BYTES)
		st = recv_some(a, a->head, LEN_BYTES, a->got, deadline_ms);
	if (st)
		return st;
	struct rd r = rd_of(slice_of(a->head, LEN_BYTES));
	size_t n = rd_u32(&r);
	if (n > VICI_PACKET_MAX)
		return broken(a, ADIT_API_PROTOCOL, "what answers on the socket does not speak this protocol");
	if (a->in_cap < n) {
		uint8_t *bigger = realloc(a->in, n);
		if (!bigger)
			return broken(a, ADIT_API_NOMEM, "out of memory");
		a->in = bigger;
		a->in_cap = n;
	}
	st = recv_some(a, a->in, n, a->got - LEN_BYTES, deadline_ms);
	if (st)
		return st;
	a->got = 0;
	if (vici_packet_read(slice_of(a->in, n), p) || vici_check(p->body))
		return broken(a, ADIT_API_PROTOCOL, "what answers on the socket does not speak this protocol");
	return ADIT_API_OK;
}

static void keep_event(struct adit_api *a, const struct vici_packet *p)
{
	struct event *e = a->n_events < QUEUE_MAX ? calloc(1, sizeof *e) : NULL;
	if (!e)
		return;
	memcpy(e->name, p->name.p, p->name.n);
	e->body = node_from(p->body);
	if (!e->body) {
		free(e);
		return;
	}
	*a->tail = e;
	a->tail = &e->next;
	a->n_events++;
}

static enum adit_api_status send_packet(struct adit_api *a, uint8_t type, const char *name, struct adit_msg *m, int64_t until)
{
	struct vici_out o;
	slice frame;
	enum adit_api_status st;
	a->error[0] = a->errcode[0] = 0;
	vici_out_init(&o, type, name, 0);
	o.secret = true;
	if (m) {
		if (!m->o.err && (m->o.depth || m->o.in_list))
			m->o.err = E_MISUSE;
		o.err = o.err ? o.err : m->o.err;
		vici_out_body(&o, slice_of(m->o.p, m->o.n));
	}
	adit_msg_free(m);
	if (vici_out_frame(&o, &frame))
		st = fail(a, ADIT_API_MISUSE, "the arguments of '%s' do not nest or are too long", name);
	else if (a->fd < 0)
		st = fail(a, ADIT_API_IO, "the connection is closed");
	else
		st = send_all(a, frame, until);
	vici_out_fini(&o);
	return st;
}

static int64_t deadline(const struct adit_api *a)
{
	return a->timeout_ms ? now_ms() + a->timeout_ms : -1;
}

/* Reads until a packet that is no event; events go to cb when they are of this name, else they are kept. */
static enum adit_api_status await(struct adit_api *a, struct vici_packet *p, const char *event, adit_api_cb *cb, void *arg)
{
	for (;;) {
		enum adit_api_status st = read_packet(a, p, deadline(a));
		if (st == ADIT_API_TIMEOUT)
			drop(a);
		if (st || p->type != VICI_EVENT)
			return st;
		struct adit_node *body = NULL;
		if (!cb || !slice_equal(p->name, slice_str(event)))
			keep_event(a, p);
		else if ((body = node_from(p->body)))
			cb(arg, event, body);
		adit_node_free(body);
	}
}

static enum adit_api_status finish(struct adit_api *a, const char *method, const struct vici_packet *p, struct adit_node **reply)
{
	if (p->type == VICI_CMD_UNKNOWN)
		return fail(a, ADIT_API_UNKNOWN, "aditd has no method '%s'", method);
	if (p->type != VICI_CMD_RESPONSE)
		return broken(a, ADIT_API_PROTOCOL, "aditd answered out of order");
	struct adit_node *n = node_from(p->body);
	if (!n)
		return fail(a, ADIT_API_NOMEM, "out of memory");
	const char *success = adit_node_text(n, "success"), *msg = adit_node_text(n, "errmsg");
	const char *code = adit_node_text(n, "errcode");
	enum adit_api_status st = success && strcmp(success, "yes") ? ADIT_API_FAILED : ADIT_API_OK;
	if (st) {
		snprintf(a->errcode, sizeof a->errcode, "%s", code ? code : "");
		fail(a, st, "%s", msg ? msg : "it failed, and aditd does not say why");
	}
	if (reply)
		*reply = n;
	else
		adit_node_free(n);
	return st;
}

static enum adit_api_status registration(struct adit_api *a, uint8_t type, const char *event)
{
	struct vici_packet p;
	enum adit_api_status st = send_packet(a, type, event, NULL, deadline(a));
	if (!st)
		st = await(a, &p, NULL, NULL, NULL);
	if (st)
		return st;
	if (p.type == VICI_EVENT_UNKNOWN)
		return fail(a, ADIT_API_UNKNOWN, "aditd has no event '%s'", event);
	return p.type == VICI_EVENT_CONFIRM ? ADIT_API_OK : broken(a, ADIT_API_PROTOCOL, "aditd answered out of order");
}

PUBLIC enum adit_api_status adit_api_call(struct adit_api *a, const char *method, struct adit_msg *m, struct adit_node **reply)
{
	struct vici_packet p;
	if (reply)
		*reply = NULL;
	enum adit_api_status st = send_packet(a, VICI_CMD_REQUEST, method, m, deadline(a));
	if (!st)
		st = await(a, &p, NULL, NULL, NULL);
	return st ? st : finish(a, method, &p, reply);
}

PUBLIC enum adit_api_status adit_api_stream(struct adit_api *a, const char *method, const char *event, struct adit_msg *m,
					    adit_api_cb *cb, void *arg, struct adit_node **reply)
{
	struct vici_packet p;
	char error[sizeof a->error], errcode[sizeof a->errcode];
	if (reply)
		*reply = NULL;
	enum adit_api_status st = registration(a, VICI_EVENT_REGISTER, event);
	if (st) {
		adit_msg_free(m);
		return st;
	}
	st = send_packet(a, VICI_CMD_REQUEST, method, m, deadline(a));
	if (!st)
		st = await(a, &p, event, cb, arg);
	if (!st)
		st = finish(a, method, &p, reply);
	if (a->fd < 0)
		return st;
	/* What the call said counts, not what taking back the registration says. */
	memcpy(error, a->error, sizeof error);
	memcpy(errcode, a->errcode, sizeof errcode);
	enum adit_api_status st2 = registration(a, VICI_EVENT_UNREGISTER, event);
	if (st || !st2) {
		memcpy(a->error, error, sizeof error);
		memcpy(a->errcode, errcode, sizeof errcode);
	}
	return st ? st : st2;
}

PUBLIC enum adit_api_status adit_api_listen(struct adit_api *a, const char *event)
{
	return registration(a, VICI_EVENT_REGISTER, event);
}

PUBLIC enum adit_api_status adit_api_unlisten(struct adit_api *a, const char *event)
{
	return registration(a, VICI_EVENT_UNREGISTER, event);
}

PUBLIC enum adit_api_status adit_api_next(struct adit_api *a, int timeout_ms, const char **event, struct adit_node **body)
{
	int64_t until = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	*body = NULL;
	while (!a->events) {
		struct vici_packet p;
		enum adit_api_status st = read_packet(a, &p, until);
		if (st)
			return st;
		if (p.type == VICI_EVENT)
			keep_event(a, &p);
	}
	free(a->given);
	a->given = a->events;
	a->events = a->given->next;
	if (!a->events)
		a->tail = &a->events;
	a->n_events--;
	*event = a->given->name;
	*body = a->given->body;
	return ADIT_API_OK;
}
