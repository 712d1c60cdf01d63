/* SPDX-License-Identifier: Apache-2.0 */
/* One client of the API: bytes in, packets, registrations; frames out through a bounded queue. */
#include "api/server/internal.h"

#include "base/count.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static COUNTER(c_bad_frames, "api.bad_frames", "frames of clients that are no packet of the API; the client is closed");
static COUNTER(c_bad_messages, "api.bad_messages", "requests whose elements are malformed");
static COUNTER(c_lost, "api.events_lost", "events a client did not get because it does not read");
static COUNTER(c_requests, "api.requests", "requests of clients");

enum { LEN_BYTES = 4 };

static void doom(struct api_client *c)
{
	c->doomed = true;
	loop_flush_want(c->s->flush);
}

static void watch(struct api_client *c)
{
	int want = (c->eof || c->in_n >= API_IN_MAX ? 0 : LOOP_READ) | (c->out ? LOOP_WRITE : 0);
	if (want != c->watching && !c->doomed) {
		c->watching = want;
		loop_watch_events(c->watch, want);
	}
}

static void on_ready(void *arg, int fd, int events);

err_t api_client_new(struct api_server *s, int fd, uint8_t perm, struct api_client **out)
{
	struct api_client *c = calloc(1, sizeof *c);
	if (!c)
		return E_NOMEM;
	c->s = s;
	c->fd = fd;
	c->perm = perm;
	c->out_tail = &c->out;
	c->watching = LOOP_READ;
	c->watch = loop_watch(s->env.loop, fd, LOOP_READ, on_ready, c);
	if (!c->watch) {
		free(c);
		return E_NOMEM;
	}
	c->next = s->clients;
	s->clients = c;
	s->n_clients++;
	*out = c;
	return 0;
}

static void call_free(struct api_call *call)
{
	if (!call)
		return;
	if (call->state)
		call->state_free(call->state);
	explicit_bzero(call->packet, call->packet_n);
	free(call->packet);
	free(call);
}

void api_client_free(struct api_client *c)
{
	struct api_server *s = c->s;
	for (struct api_client **p = &s->clients; *p; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			break;
		}
	s->n_clients--;
	if (c->call && c->call->cmd_id)
		s->env.forget(s->env.arg, c->call->cmd_id);
	call_free(c->call);
	loop_unwatch(c->watch);
	close(c->fd);
	while (c->out) {
		struct api_frame *f = c->out;
		c->out = f->next;
		free(f);
	}
	if (c->in)
		explicit_bzero(c->in, c->in_cap);
	free(c->in);
	free(c);
}

bool api_client_wants(const struct api_client *c, enum api_event_id id)
{
	return !c->doomed && (c->registered >> id & 1);
}

void api_client_send(struct api_client *c, struct vici_out *o, bool droppable)
{
	slice frame;
	err_t err = vici_out_frame(o, &frame);
	if (c->doomed || (droppable && c->out_bytes > API_OUT_SOFT)) {
		if (!c->doomed) {
			c->lost++;
			count_inc(&c_lost);
		}
	} else {
		struct api_frame *f = err ? NULL : malloc(sizeof *f + frame.n);
		if (f) {
			*f = (struct api_frame){ .n = frame.n };
			memcpy(f->bytes, frame.p, frame.n);
			*c->out_tail = f;
			c->out_tail = &f->next;
			c->out_bytes += f->n;
			loop_flush_want(c->s->flush);
		} else {
			/* A client without an answer would wait for ever. */
			doom(c);
		}
	}
	vici_out_fini(o);
}

static void send_bare(struct api_client *c, uint8_t type)
{
	struct vici_out o;
	vici_out_init(&o, type, NULL, 0);
	api_client_send(c, &o, false);
}

static void tell_lost(struct api_client *c)
{
	struct vici_out o;
	if (!c->lost || c->out_bytes > API_OUT_SOFT / 2)
		return;
	if (api_client_wants(c, API_E_LOST)) {
		api_event_start(&o, API_E_LOST);
		vici_kv_u64(&o, "events", c->lost);
		api_client_send(c, &o, false);
	}
	if (api_client_wants(c, API_E_LOG)) {
		api_event_start(&o, API_E_LOG);
		vici_kv_str(&o, "group", "APP");
		vici_kv_str(&o, "level", "0");
		vici_kv_str(&o, "thread", "0");
		vici_kv_fmt(&o, "msg", "%llu events were lost: this client reads too slowly", (unsigned long long)c->lost);
		api_client_send(c, &o, false);
	}
	c->lost = 0;
}

static void write_out(struct api_client *c)
{
	while (c->out && !c->doomed) {
		struct iovec v[16];
		int n = 0;
		for (struct api_frame *f = c->out; f && n < (int)ARRAY_LEN(v); f = f->next)
			v[n++] = (struct iovec){ f->bytes + f->off, f->n - f->off };
		struct msghdr mh = { .msg_iov = v, .msg_iovlen = (size_t)n };
		ssize_t done = sendmsg(c->fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (done < 0) {
			if (errno != EAGAIN && errno != EINTR)
				doom(c);
			return;
		}
		for (size_t left = (size_t)done; left;) {
			struct api_frame *f = c->out;
			size_t part = f->n - f->off < left ? f->n - f->off : left;
			f->off += part;
			left -= part;
			c->out_bytes -= part;
			if (f->off < f->n)
				break;
			c->out = f->next;
			if (!c->out)
				c->out_tail = &c->out;
			free(f);
		}
	}
}

static void request(struct api_client *c, slice packet, const struct vici_packet *p)
{
	count_inc(&c_requests);
	int id = api_method_find(p->name);
	if (id < 0) {
		send_bare(c, VICI_CMD_UNKNOWN);
		return;
	}
	struct api_call *call = calloc(1, sizeof *call);
	uint8_t *copy = malloc(packet.n);
	if (!call || !copy) {
		free(call);
		free(copy);
		doom(c);
		return;
	}
	memcpy(copy, packet.p, packet.n);
	*call = (struct api_call){ .client = c, .s = c->s, .m = &api_methods[id], .packet = copy, .packet_n = packet.n,
				   .body = slice_of(copy + (p->body.p - packet.p), p->body.n), .loglevel = LOG_SILENT };
	if (!p->body.n)
		call->body = SLICE_NONE;
	c->call = call;
	struct diag *why = NULL;
	err_t err = vici_check(call->body);
	if (err) {
		count_inc(&c_bad_messages);
		api_failf(call, err, "the arguments of '%s' are malformed: %s", call->m->name, err_text(err));
	} else if (c->perm < call->m->perm) {
		api_failf(call, E_DENIED, "'%s' needs the permission '%s', this user has '%s': call it as root or as a member of "
			  "the group that a setting aditd.api_group_* names for it", call->m->name, api_perm_name(call->m->perm),
			  api_perm_name(c->perm));
	} else if ((err = api_args_check(call->m, call->body, &why))) {
		api_fail(call, err, why);
	} else {
		api_handlers[id](call);
	}
}

static void registration(struct api_client *c, const struct vici_packet *p)
{
	int id = api_event_find(p->name);
	if (id < 0 || api_events[id].perm > c->perm) {
		send_bare(c, VICI_EVENT_UNKNOWN);
		return;
	}
	uint64_t bit = 1ull << id;
	c->registered = p->type == VICI_EVENT_REGISTER ? c->registered | bit : c->registered & ~bit;
	send_bare(c, VICI_EVENT_CONFIRM);
	api_clients_changed(c->s);
}

/* Takes one packet from the input; false when there is none that may be taken now. */
static bool take_packet(struct api_client *c)
{
	if (!c->in)
		return false;
	struct rd r = rd_of(slice_of(c->in + c->in_off, c->in_n - c->in_off));
	uint32_t n = rd_u32(&r);
	if (r.err)
		return false;
	struct vici_packet p;
	slice packet = SLICE_NONE;
	err_t err = n > VICI_PACKET_MAX ? E_TOO_MANY : 0;
	if (!err) {
		if (rd_left(&r) < n)
			return false;
		packet = rd_bytes(&r, n);
		err = vici_packet_read(packet, &p);
	}
	if (!err && p.type != VICI_CMD_REQUEST && p.type != VICI_EVENT_REGISTER && p.type != VICI_EVENT_UNREGISTER)
		err = E_SYNTAX;
	if (err) {
		count_inc(&c_bad_frames);
		LOGF(c->s->env.log, LOG_API, LOG_DETAIL, NULL, "a client (pid %d) sent what is no packet of the API (%s): closed",
		     (int)c->pid, err_text(err));
		doom(c);
		return false;
	}
	if (p.type == VICI_CMD_REQUEST)
		request(c, packet, &p);
	else
		registration(c, &p);
	c->in_off += LEN_BYTES + (size_t)n;
	return true;
}

/* Moves what is left to the front; what was taken may have been a secret. */
static void compact(struct api_client *c)
{
	if (!c->in_off)
		return;
	c->in_n -= c->in_off;
	memmove(c->in, c->in + c->in_off, c->in_n);
	explicit_bzero(c->in + c->in_n, c->in_off);
	c->in_off = 0;
}

void api_client_turn(struct api_client *c)
{
	for (unsigned items = 0; !c->doomed && c->out_bytes <= API_OUT_SOFT;) {
		struct api_call *call = c->call;
		if (call && call->ended) {
			c->call = NULL;
			call_free(call);
		} else if (items++ == API_TURN_ITEMS) {
			loop_flush_want(c->s->flush);
			break;
		} else if (call && call->step) {
			if (!call->step(call)) {
				struct vici_out o;
				call->step = NULL;
				api_response(&o);
				api_reply(call, &o);
			}
		} else if (call || !take_packet(c)) {
			break;
		}
	}
	compact(c);
	tell_lost(c);
	write_out(c);
	/* What the queue had no room for goes on when the client has read. */
	if (c->eof && !c->out && !(c->call && !c->call->ended))
		doom(c);
	watch(c);
}

static void read_in(struct api_client *c)
{
	while (c->in_n < API_IN_MAX) {
		if (c->in_cap - c->in_n < 4096) {
			size_t cap = c->in_cap ? c->in_cap * 2 : 8192;
			uint8_t *p = malloc(cap);
			if (!p) {
				doom(c);
				return;
			}
			if (c->in) {
				memcpy(p, c->in, c->in_n);
				explicit_bzero(c->in, c->in_cap);
				free(c->in);
			}
			c->in = p;
			c->in_cap = cap;
		}
		ssize_t n = recv(c->fd, c->in + c->in_n, c->in_cap - c->in_n, MSG_DONTWAIT);
		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				doom(c);
			return;
		}
		if (n == 0) {
			/* One that shut only its writing side still gets its answers. */
			struct pollfd gone = { .fd = c->fd };
			c->eof = true;
			if (poll(&gone, 1, 0) > 0 && (gone.revents & POLLHUP))
				doom(c);
			return;
		}
		c->in_n += (size_t)n;
	}
}

static void on_ready(void *arg, int fd, int events)
{
	struct api_client *c = arg;
	(void)fd;
	if (!events)
		doom(c);
	else if (events & LOOP_READ)
		read_in(c);
	loop_flush_want(c->s->flush);
}
