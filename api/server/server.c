/* SPDX-License-Identifier: Apache-2.0 */
/* Life of the API server, its clients as a whole, and the ends of calls. */
#include "api/server/internal.h"

#include "api/server/socket.h"
#include "base/count.h"
#include "base/htab.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_DEFAULT = 64 };

static COUNTER(c_clients, "api.clients", "connections accepted");
static COUNTER(c_refused, "api.clients_refused", "connections refused: too many, or no permission");

static void on_flush(void *arg)
{
	struct api_server *s = arg;
	for (struct api_client *c = s->clients; c; c = c->next)
		if (!c->doomed)
			api_client_turn(c);
	bool gone = false;
	for (struct api_client *c = s->clients, *next; c; c = next) {
		next = c->next;
		if (c->doomed) {
			api_client_free(c);
			gone = true;
		}
	}
	if (gone)
		api_clients_changed(s);
}

static void on_accept(void *arg, int fd, int events)
{
	struct api_server *s = arg;
	struct api_peer peer;
	(void)fd;
	(void)events;
	for (int got; (got = api_socket_accept(s->listen_fd, &peer)) >= 0;) {
		uint8_t perm = api_peer_perm(&s->env, &peer);
		struct api_client *c;
		if (perm == API_PERM_NONE || s->n_clients >= s->env.max_clients) {
			count_inc(&c_refused);
			LOGF(s->env.log, LOG_API, LOG_CONTROL, NULL, perm ? "a client (uid %u, pid %d) is refused: %u are connected" :
			     "a client (uid %u, pid %d) is refused: only root and members of the groups in aditd.api_group_* may use the "
			     "socket (%u are connected)", (unsigned)peer.uid, (int)peer.pid, s->n_clients);
			close(got);
		} else if (api_client_new(s, got, perm, &c)) {
			close(got);
		} else {
			count_inc(&c_clients);
			c->uid = peer.uid;
			c->pid = peer.pid;
		}
	}
}

err_t api_server_new_detached(const struct api_env *env, struct api_server **out, struct diag **why)
{
	struct api_server *s = calloc(1, sizeof *s);
	struct timespec now;
	if (!s)
		return diag_set(why, E_NOMEM, "out of memory at the start of the API server");
	s->env = *env;
	if (!s->env.max_clients)
		s->env.max_clients = CLIENTS_DEFAULT;
	s->listen_fd = -1;
	s->sink = -1;
	s->next_cmd = 1;
	s->thread = pthread_self();
	s->log_tail = &s->log_head;
	pthread_mutex_init(&s->log_lock, NULL);
	clock_gettime(CLOCK_REALTIME, &now);
	s->started_wall_s = (uint64_t)now.tv_sec;
	s->started_ms = loop_now_ms();
	s->flush = loop_flush(env->loop, on_flush, s);
	s->wake = loop_wake(env->loop, api_log_drain, s);
	if (!s->flush || !s->wake || api_log_start(s)) {
		api_server_free(s);
		return diag_set(why, E_NOMEM, "out of memory at the start of the API server");
	}
	api_clients_changed(s);
	*out = s;
	return 0;
}

err_t api_server_new(const struct api_env *env, const char *path, struct api_server **out, struct diag **why)
{
	struct api_server *s;
	err_t err = api_server_new_detached(env, &s, why);
	if (err)
		return err;
	err = api_socket_listen(env, path, &s->listen_fd, &s->dev, &s->ino, why);
	if (err)
		goto out;
	s->path = strdup(path);
	s->listen_watch = loop_watch(env->loop, s->listen_fd, LOOP_READ, on_accept, s);
	if (!s->path || !s->listen_watch) {
		err = diag_set(why, E_NOMEM, "out of memory at the start of the API server");
		goto out;
	}
	*out = s;
	return 0;
out:
	api_server_free(s);
	return err;
}

void api_server_free(struct api_server *s)
{
	if (!s)
		return;
	while (s->clients)
		api_client_free(s->clients);
	api_log_stop(s);
	loop_unwatch(s->listen_watch);
	if (s->listen_fd >= 0) {
		close(s->listen_fd);
		if (s->path)
			api_socket_remove(s->path, s->dev, s->ino);
	}
	loop_unflush(s->flush);
	if (s->wake)
		loop_unwake(s->wake);
	pthread_mutex_destroy(&s->log_lock);
	for (size_t i = 0; i < API_PAST; i++)
		free(s->past[i].body);
	htab_free(s->sa_counts);
	free(s->path);
	free(s);
}

err_t api_server_adopt(struct api_server *s, int fd, uint8_t perm)
{
	struct api_client *c;
	return api_client_new(s, fd, perm, &c);
}

void api_clients_changed(struct api_server *s)
{
	static const struct {
		uint8_t event, engine;
	} map[] = { { API_E_IKE_UPDOWN, IKE_EV_IKE_UPDOWN },     { API_E_IKE_REKEY, IKE_EV_IKE_REKEY },
		    { API_E_IKE_UPDATE, IKE_EV_IKE_UPDATE },     { API_E_CHILD_UPDOWN, IKE_EV_CHILD_UPDOWN },
		    { API_E_CHILD_REKEY, IKE_EV_CHILD_REKEY },   { API_E_ALERT, IKE_EV_ALERT } };
	uint32_t mask = 0;
	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (api_event_kept(map[i].event) || api_event_listened(s, map[i].event))
			mask |= 1u << map[i].engine;
	if (s->env.events_wanted)
		s->env.events_wanted(s->env.arg, mask);
	api_log_levels(s);
}

/* ---- ends of calls ---- */

void api_response(struct vici_out *o)
{
	vici_out_init(o, VICI_CMD_RESPONSE, NULL, 0);
}

/* An answer that says success = no is a failed call. */
static void tally(struct api_call *call, slice frame)
{
	enum { HEAD = 5 }; /* length and type */
	struct api_tally *t = &call->s->tally[call->m - api_methods];
	slice v;
	bool yes = true;
	if (frame.n > HEAD && vici_find(slice_of(frame.p + HEAD, frame.n - HEAD), "success", &v))
		yes = !api_bool(v, &yes) || yes;
	*(yes ? &t->done : &t->failed) += 1;
}

void api_reply(struct api_call *call, struct vici_out *o)
{
	slice frame;
	if (call->outer) {
		call->ended = true;
		api_diagnostic(call, o);
		return;
	}
	err_t err = vici_out_frame(o, &frame);
	call->ended = true;
	call->cmd_id = 0;
	if (err) {
		vici_out_fini(o);
		api_response(o);
		api_put_error(o, err, "the answer does not fit into one message");
		err = vici_out_frame(o, &frame);
	}
	if (!err)
		tally(call, frame);
	api_client_send(call->client, o, false);
	if (call->loglevel != LOG_SILENT) {
		call->loglevel = LOG_SILENT;
		api_log_levels(call->s);
	}
}

void api_ok(struct api_call *call)
{
	struct vici_out o;
	api_response(&o);
	vici_kv_str(&o, "success", "yes");
	api_reply(call, &o);
}

void api_put_reason(struct vici_out *o, err_t code, const char *text)
{
	vici_kv_str(o, "errmsg", text && *text ? text : err_text(code));
	vici_kv_str(o, "errcode", err_name(code));
}

void api_ok_warning(struct api_call *call, const char *text)
{
	struct vici_out o;
	api_response(&o);
	vici_kv_str(&o, "success", "yes");
	if (text && *text)
		vici_kv_str(&o, "warning", text);
	api_reply(call, &o);
}

void api_put_error(struct vici_out *o, err_t code, const char *text)
{
	vici_kv_str(o, "success", "no");
	api_put_reason(o, code, text);
}

void api_fail(struct api_call *call, err_t code, struct diag *why)
{
	/* All findings in one line: clients of this field take text that holds a line end for binary. */
	TEXT_ON_STACK(t, 16384);
	for (const struct diag *d = why; d; d = d->next) {
		char one[2048];
		text_fmt(&t, "%s%s", t.n ? "; " : "", diag_text(d, code, one, sizeof one));
	}
	if (!t.n)
		text_str(&t, err_text(code));
	struct vici_out o;
	api_response(&o);
	api_put_error(&o, code, t.p);
	api_reply(call, &o);
	diag_free(&why);
}

void api_failf(struct api_call *call, err_t code, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	struct vici_out o;
	api_response(&o);
	api_put_error(&o, code, text);
	api_reply(call, &o);
}

void api_stream(struct api_call *call, api_step step)
{
	call->step = step;
}

void api_command(struct api_call *call, struct ike_cmd *cmd)
{
	cmd->cmd_id = call->cmd_id = call->s->next_cmd++;
	call->s->env.run(call->s->env.arg, cmd);
}

const char *api_arg(const struct api_call *call, const char *name, char *buf, size_t cap)
{
	return vici_find_text(call->body, name, buf, cap) && *buf ? buf : NULL;
}

int64_t api_arg_i64(const struct api_call *call, const char *name, int64_t otherwise)
{
	slice v;
	int64_t n;
	return vici_find(call->body, name, &v) && api_int(v, &n) ? n : otherwise;
}

uint64_t api_arg_u64(const struct api_call *call, const char *name, uint64_t otherwise)
{
	return (uint64_t)api_arg_i64(call, name, (int64_t)otherwise);
}

bool api_arg_bool(const struct api_call *call, const char *name, bool otherwise)
{
	slice v;
	bool b;
	return vici_find(call->body, name, &v) && api_bool(v, &b) ? b : otherwise;
}
