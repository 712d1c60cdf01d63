/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API server with its clients on socket pairs, over an engine that only pretends: what a program of tests asks of it.
 * Each file that includes this has a bench of its own.
 */
#ifndef ADIT_TESTS_API_BENCH_H
#define ADIT_TESTS_API_BENCH_H

#include "api/schema/schema.h"
#include "api/server/server.h"
#include "api/vici/vici.h"
#include "config/store.h"
#include "config/typed.h"
#include "plugin/registry.h"
#include "tests/unit/fake_engine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;
static struct log *hub;
static struct api_server *server;
static struct conf_store *store;
static struct plug_registry *registry;
static struct ike_cmd last_cmd;
static char last_ike[64];
static uint64_t forgotten;
static unsigned runs, changes;

static inline void on_run(void *arg, const struct ike_cmd *cmd)
{
	(void)arg;
	last_cmd = *cmd;
	snprintf(last_ike, sizeof last_ike, "%s", cmd->ike ? cmd->ike : "");
	runs++;
}

static inline void on_forget(void *arg, uint64_t id)
{
	(void)arg;
	forgotten = id;
}

static inline void on_changed(void *arg, const char *conn)
{
	(void)arg;
	(void)conn;
	changes++;
}

static inline struct api_env env_of(void)
{
	static const struct conf_can can;
	return (struct api_env){ .loop = loop, .log = hub, .store = store, .registry = registry, .can = &can,
				 .version = "1.2.3", .group_read = (gid_t)-1, .group_operate = (gid_t)-1,
				 .group_configure = (gid_t)-1, .run = on_run, .forget = on_forget, .conf_changed = on_changed };
}

static inline void setup(void)
{
	fake_sas = runs = changes = 0;
	forgotten = 0;
	cr_assert_eq(loop_new(&loop, NULL), 0);
	hub = log_new();
	registry = registry_new();
	cr_assert_eq(conf_store_new(&store), 0);
	struct api_env env = env_of();
	cr_assert_eq(api_server_new_detached(&env, &server, NULL), 0);
}

static inline void teardown(void)
{
	api_server_free(server);
	conf_store_free(store);
	registry_free(registry);
	log_free(hub);
	loop_free(loop);
}

static inline int client(uint8_t perm)
{
	int fd[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	cr_assert_eq(api_server_adopt(server, fd[0], perm), 0);
	return fd[1];
}

static inline void turn(void)
{
	for (int i = 0; i < 4; i++)
		loop_once(loop, 0);
}

static inline void put(int fd, const void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t k = send(fd, (const char *)p + at, n - at, MSG_NOSIGNAL);
		cr_assert(k > 0 || errno == EAGAIN, "%s", strerror(errno));
		at += k > 0 ? (size_t)k : 0;
		turn();
	}
}

static inline void send_out(int fd, struct vici_out *o)
{
	slice frame;
	cr_assert_eq(vici_out_frame(o, &frame), 0);
	put(fd, frame.p, frame.n);
	vici_out_fini(o);
}

static inline void ask(int fd, const char *method, const char *key, const char *value)
{
	struct vici_out o;
	vici_out_init(&o, VICI_CMD_REQUEST, method, 0);
	if (key)
		vici_kv_str(&o, key, value);
	send_out(fd, &o);
}

static inline void listen_to(int fd, const char *event, uint8_t type)
{
	struct vici_out o;
	vici_out_init(&o, type, event, 0);
	send_out(fd, &o);
}

/* The next packet; false when none comes (or the server closed). buf keeps it. */
static inline bool next(int fd, struct vici_packet *p, uint8_t *buf, size_t cap)
{
	size_t have = 0, want = 4;
	for (int idle = 0; idle < 50;) {
		ssize_t n = recv(fd, buf + have, want - have, 0);
		if (n == 0)
			return false;
		if (n < 0) {
			idle++;
			loop_once(loop, 1);
			continue;
		}
		have += (size_t)n;
		if (have == 4 && want == 4) {
			struct rd r = rd_of(slice_of(buf, 4));
			want = 4 + rd_u32(&r);
			cr_assert_leq(want, cap);
		}
		if (have == want) {
			cr_assert_eq(vici_packet_read(slice_of(buf + 4, want - 4), p), 0);
			cr_assert_eq(vici_check(p->body), 0);
			return true;
		}
	}
	return false;
}

static uint8_t big[600 * 1024];

static inline struct vici_packet expect(int fd, uint8_t type)
{
	struct vici_packet p = { 0 };
	cr_assert(next(fd, &p, big, sizeof big), "no packet");
	cr_assert_eq(p.type, type, "type %u", p.type);
	return p;
}

static inline void expect_kv(const struct vici_packet *p, const char *key, const char *value)
{
	slice v = SLICE_NONE;
	cr_assert(vici_find(p->body, key, &v), "no %s", key);
	cr_assert(slice_equal(v, slice_str(value)), "%s is %.*s", key, (int)v.n, (const char *)v.p);
}

static inline bool closed(int fd)
{
	struct vici_packet p;
	char c;
	while (next(fd, &p, big, sizeof big))
		;
	return recv(fd, &c, 1, 0) == 0;
}

#endif
