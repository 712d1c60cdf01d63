/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API server over socket pairs, with an engine that only pretends: order, half-written frames, limits, permissions,
 * slow and vanishing clients, log lines of other threads.
 */
#include "api/server/server.h"

#include "api/schema/schema.h"
#include "api/vici/vici.h"
#include "base/count.h"
#include "config/store.h"
#include "config/typed.h"
#include "plugin/registry.h"
#include "tests/unit/fake_engine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the bench ---- */

static struct loop *loop;
static struct log *hub;
static struct api_server *server;
static struct conf_store *store;
static struct plug_registry *registry;
static struct ike_cmd last_cmd;
static char last_ike[64];
static uint64_t forgotten;
static unsigned runs, changes;

static void on_run(void *arg, const struct ike_cmd *cmd)
{
	(void)arg;
	last_cmd = *cmd;
	snprintf(last_ike, sizeof last_ike, "%s", cmd->ike ? cmd->ike : "");
	runs++;
}

static void on_forget(void *arg, uint64_t id)
{
	(void)arg;
	forgotten = id;
}

static void on_changed(void *arg, const char *conn)
{
	(void)arg;
	(void)conn;
	changes++;
}

static struct api_env env_of(void)
{
	static const struct conf_can can;
	return (struct api_env){ .loop = loop, .log = hub, .store = store, .registry = registry, .can = &can,
				 .version = "1.2.3", .group_read = (gid_t)-1, .group_operate = (gid_t)-1,
				 .group_configure = (gid_t)-1, .run = on_run, .forget = on_forget, .conf_changed = on_changed };
}

static void setup(void)
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

static void teardown(void)
{
	api_server_free(server);
	conf_store_free(store);
	registry_free(registry);
	log_free(hub);
	loop_free(loop);
}

static int client(uint8_t perm)
{
	int fd[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	cr_assert_eq(api_server_adopt(server, fd[0], perm), 0);
	return fd[1];
}

static void turn(void)
{
	for (int i = 0; i < 4; i++)
		loop_once(loop, 0);
}

static void put(int fd, const void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t k = send(fd, (const char *)p + at, n - at, MSG_NOSIGNAL);
		cr_assert(k > 0 || errno == EAGAIN, "%s", strerror(errno));
		at += k > 0 ? (size_t)k : 0;
		turn();
	}
}

static void send_out(int fd, struct vici_out *o)
{
	slice frame;
	cr_assert_eq(vici_out_frame(o, &frame), 0);
	put(fd, frame.p, frame.n);
	vici_out_fini(o);
}

static void ask(int fd, const char *method, const char *key, const char *value)
{
	struct vici_out o;
	vici_out_init(&o, VICI_CMD_REQUEST, method, 0);
	if (key)
		vici_kv_str(&o, key, value);
	send_out(fd, &o);
}

static void listen_to(int fd, const char *event, uint8_t type)
{
	struct vici_out o;
	vici_out_init(&o, type, event, 0);
	send_out(fd, &o);
}

/* The next packet; false when none comes (or the server closed). buf keeps it. */
static bool next(int fd, struct vici_packet *p, uint8_t *buf, size_t cap)
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

static struct vici_packet expect(int fd, uint8_t type)
{
	struct vici_packet p = { 0 };
	cr_assert(next(fd, &p, big, sizeof big), "no packet");
	cr_assert_eq(p.type, type, "type %u", p.type);
	return p;
}

static void expect_kv(const struct vici_packet *p, const char *key, const char *value)
{
	slice v = SLICE_NONE;
	cr_assert(vici_find(p->body, key, &v), "no %s", key);
	cr_assert(slice_equal(v, slice_str(value)), "%s is %.*s", key, (int)v.n, (const char *)v.p);
}

/* What the server says is what the schema declares: every name known, numbers where numbers are promised. */
static void check_fields(struct vici_in *in, const struct api_field *f, size_t n, bool map, const char *where)
{
	for (struct vici_elem e = vici_next(in); e.type != VICI_END && e.type != VICI_SECTION_END; e = vici_next(in)) {
		const struct api_field *at = map ? NULL : api_field_find(f, n, e.name);
		int64_t num;
		bool flag;
		if (map) {
			cr_assert_eq(e.type, VICI_SECTION_START, "%s: a map holds sections", where);
			check_fields(in, f, n, false, where);
			continue;
		}
		cr_assert_not_null(at, "%s: '%.*s' is not declared", where, (int)e.name.n, (const char *)e.name.p);
		if (at->type == API_UINT || at->type == API_INT)
			cr_assert(api_int(e.value, &num), "%s: %s is no number", where, at->name);
		else if (at->type == API_BOOL)
			cr_assert(api_bool(e.value, &flag), "%s: %s is no bool", where, at->name);
		else if (at->type == API_LIST)
			cr_assert_eq(e.type, VICI_LIST_START, "%s: %s is no list", where, at->name);
		if (e.type == VICI_SECTION_START && at->type != API_ANY) {
			cr_assert(at->type == API_SECTION || at->type == API_MAP, "%s: %s is a section", where, at->name);
			check_fields(in, at->fields, at->n_fields, at->type == API_MAP, at->name);
		} else {
			vici_skip(in, &e);
		}
	}
}

static void check_event(const struct vici_packet *p)
{
	int id = api_event_find(p->name);
	cr_assert_geq(id, 0);
	struct vici_in in = vici_in_of(p->body);
	check_fields(&in, api_events[id].fields, api_events[id].n_fields, false, api_events[id].name);
}

static void check_result(const struct vici_packet *p, const char *method)
{
	int id = api_method_find(slice_str(method));
	struct vici_in in = vici_in_of(p->body);
	check_fields(&in, api_methods[id].result, api_methods[id].n_result, false, method);
}

static bool closed(int fd)
{
	struct vici_packet p;
	char c;
	while (next(fd, &p, big, sizeof big))
		;
	return recv(fd, &c, 1, 0) == 0;
}

TestSuite(api_server, .init = setup, .fini = teardown, .timeout = 60);

Test(api_server, answers_and_unknown_names)
{
	int fd = client(API_PERM_CONFIGURE);
	ask(fd, "version", NULL, NULL);
	struct vici_packet p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "daemon", "aditd");
	expect_kv(&p, "version", "1.2.3");
	ask(fd, "versoin", NULL, NULL);
	expect(fd, VICI_CMD_UNKNOWN);
	listen_to(fd, "ike-updown", VICI_EVENT_REGISTER);
	expect(fd, VICI_EVENT_CONFIRM);
	listen_to(fd, "ike-upside-down", VICI_EVENT_REGISTER);
	expect(fd, VICI_EVENT_UNKNOWN);
	ask(fd, "describe", "method", "initiate");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "yes");
	ask(fd, "describe", NULL, NULL);
	expect(fd, VICI_CMD_RESPONSE);
	ask(fd, "hello", "api", "2");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "errcode", "NOT_SUPPORTED");
	ask(fd, "stats", NULL, NULL);
	expect(fd, VICI_CMD_RESPONSE);
	ask(fd, "get-algorithms", NULL, NULL);
	expect(fd, VICI_CMD_RESPONSE);
	ask(fd, "list-plugins", NULL, NULL);
	expect(fd, VICI_CMD_RESPONSE);
	ask(fd, "get-counters", NULL, NULL);
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "yes");
	ask(fd, "redirect", "ike", "gw");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "no");
	close(fd);
}

Test(api_server, a_frame_in_single_bytes)
{
	static const char frame[] = "\0\0\0\x09\0\7version";
	int fd = client(API_PERM_READ);
	for (size_t i = 0; i < sizeof frame - 1; i++)
		put(fd, frame + i, 1);
	expect(fd, VICI_CMD_RESPONSE);
	close(fd);
}

Test(api_server, requests_of_one_client_stay_in_order)
{
	int fd = client(API_PERM_CONFIGURE);
	ask(fd, "initiate", "ike", "gw");
	ask(fd, "version", NULL, NULL);
	listen_to(fd, "alert", VICI_EVENT_REGISTER);
	struct vici_packet p;
	cr_assert(!next(fd, &p, big, sizeof big), "the version must wait for the end of initiate");
	cr_assert_eq(runs, 1);
	cr_assert_str_eq(last_ike, "gw");
	struct fx fx = { .type = FX_REPLY, .reply = { .cmd_id = last_cmd.cmd_id, .err = E_AUTH_FAILED, .text = "the peer said no" } };
	cr_assert(api_server_reply(server, &fx));
	cr_assert(!api_server_reply(server, &fx), "a second reply finds nobody");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "no");
	expect_kv(&p, "errmsg", "the peer said no");
	expect_kv(&p, "errcode", "AUTH_FAILED");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "daemon", "aditd");
	expect(fd, VICI_EVENT_CONFIRM);
	close(fd);
}

Test(api_server, log_lines_come_before_the_answer_they_belong_to)
{
	int fd = client(API_PERM_OPERATE);
	struct log_ctx mine = { .conn = "gw", .ike_unique = 7 }, other = { .conn = "else" };
	listen_to(fd, "control-log", VICI_EVENT_REGISTER);
	expect(fd, VICI_EVENT_CONFIRM);
	ask(fd, "terminate", "ike", "gw");
	cr_assert(log_wants(hub, LOG_IKE, LOG_CONTROL));
	cr_assert(!log_wants(hub, LOG_IKE, LOG_DETAIL));
	log_write(hub, LOG_IKE, LOG_CONTROL, &other, "of somebody else");
	log_write(hub, LOG_IKE, LOG_CONTROL, &mine, "deleting IKE_SA gw[7]");
	struct fx fx = { .type = FX_REPLY, .reply = { .cmd_id = last_cmd.cmd_id, .matches = 1 } };
	cr_assert(api_server_reply(server, &fx));
	cr_assert(!log_wants(hub, LOG_IKE, LOG_CONTROL), "nobody listens any more");
	struct vici_packet p = expect(fd, VICI_EVENT);
	expect_kv(&p, "msg", "deleting IKE_SA gw[7]");
	expect_kv(&p, "group", "IKE");
	expect_kv(&p, "ikesa-uniqueid", "7");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "matches", "1");
	expect_kv(&p, "terminated", "1");
	close(fd);
}

static void *log_from_thread(void *arg)
{
	(void)arg;
	log_write(hub, LOG_NETWORK, LOG_CONTROL, NULL, "from a worker");
	return NULL;
}

Test(api_server, log_lines_of_other_threads)
{
	int fd = client(API_PERM_READ);
	pthread_t t;
	listen_to(fd, "log", VICI_EVENT_REGISTER);
	expect(fd, VICI_EVENT_CONFIRM);
	cr_assert_eq(pthread_create(&t, NULL, log_from_thread, NULL), 0);
	pthread_join(t, NULL);
	struct vici_packet p = expect(fd, VICI_EVENT);
	expect_kv(&p, "msg", "from a worker");
	expect_kv(&p, "group", "NET");
	listen_to(fd, "log", VICI_EVENT_UNREGISTER);
	expect(fd, VICI_EVENT_CONFIRM);
	cr_assert(!log_wants(hub, LOG_NETWORK, LOG_AUDIT));
	close(fd);
}

Test(api_server, a_vanished_client_is_forgotten)
{
	int fd = client(API_PERM_CONFIGURE);
	ask(fd, "initiate", "ike", "gw");
	turn();
	close(fd);
	turn();
	cr_assert_eq(forgotten, last_cmd.cmd_id);
	struct fx fx = { .type = FX_REPLY, .reply = { .cmd_id = last_cmd.cmd_id } };
	cr_assert(!api_server_reply(server, &fx));
}

Test(api_server, a_client_that_shut_its_writing_side_gets_its_answer)
{
	int fd = client(API_PERM_CONFIGURE);
	ask(fd, "version", NULL, NULL);
	shutdown(fd, SHUT_WR);
	expect(fd, VICI_CMD_RESPONSE);
	cr_assert(closed(fd));
	close(fd);
}

Test(api_server, permissions)
{
	int fd = client(API_PERM_READ);
	ask(fd, "clear-creds", NULL, NULL);
	struct vici_packet p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "errcode", "DENIED");
	ask(fd, "initiate", "child", "net");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "errcode", "DENIED");
	cr_assert_eq(runs, 0);
	ask(fd, "get-conns", NULL, NULL);
	expect(fd, VICI_CMD_RESPONSE);
	close(fd);
}

Test(api_server, what_is_no_packet_closes_the_client)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = { { "\xff\xff\xff\xff", 4 }, { "\0\0\0\0", 4 }, { "\0\0\0\1\x09", 5 },
		    { "\0\0\0\1\1", 5 }, { "GET / HTTP/1.1\r\n\r\n", 18 } };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int fd = client(API_PERM_CONFIGURE);
		cr_assert_eq(send(fd, bad[i].bytes, bad[i].n, 0), (ssize_t)bad[i].n);
		turn();
		cr_assert(closed(fd), "row %zu", i);
		close(fd);
	}
}

Test(api_server, malformed_arguments_are_an_answer)
{
	static const char frame[] = "\0\0\0\x0d\0\7version\3\5ab";
	int fd = client(API_PERM_CONFIGURE);
	put(fd, frame, sizeof frame - 1);
	struct vici_packet p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "errcode", "TRUNCATED");
	ask(fd, "initiate", "chlid", "net");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "errcode", "UNKNOWN_KEY");
	ask(fd, "version", NULL, NULL);
	expect(fd, VICI_CMD_RESPONSE);
	close(fd);
}

/* 20,000 SAs: much more than a socket and the queue hold. Nothing is lost, the queue stays small, others are served. */
Test(api_server, a_long_list_to_a_slow_reader)
{
	int fd = client(API_PERM_READ), other = client(API_PERM_READ);
	struct vici_packet p;
	fake_sas = 20000;
	listen_to(fd, "list-sa", VICI_EVENT_REGISTER);
	expect(fd, VICI_EVENT_CONFIRM);
	ask(fd, "list-sas", NULL, NULL);
	for (int i = 0; i < 200; i++)
		loop_once(loop, 0);
	ask(other, "version", NULL, NULL);
	expect(other, VICI_CMD_RESPONSE);
	unsigned n = 0;
	for (;; n++) {
		cr_assert(next(fd, &p, big, sizeof big), "after %u", n);
		if (p.type == VICI_CMD_RESPONSE)
			break;
		cr_assert_eq(p.type, VICI_EVENT);
	}
	cr_assert_eq(n, fake_sas);
	close(fd);
	close(other);
}

Test(api_server, one_sa_in_the_words_clients_expect)
{
	int fd = client(API_PERM_READ);
	fake_sas = 1;
	listen_to(fd, "list-sa", VICI_EVENT_REGISTER);
	expect(fd, VICI_EVENT_CONFIRM);
	ask(fd, "list-sas", "ike", "gw");
	struct vici_packet p = expect(fd, VICI_EVENT);
	check_event(&p);
	struct vici_in in = vici_in_of(p.body);
	static const char *const want[] = { "gw", "uniqueid=1", "version=2", "state=ESTABLISHED", "initiator=yes",
					    "initiator-spi=0000000000000001", "encr-alg=AES_CBC", "encr-keysize=256",
					    "integ-alg=HMAC_SHA2_256_128", "prf-alg=PRF_HMAC_SHA2_256", "dh-group=CURVE_25519",
					    "child-sas", "net-1", "state=INSTALLED", "mode=TUNNEL", "protocol=ESP",
					    "spi-in=c0000001", "encr-alg=AES_GCM_16", "encr-keysize=128", "bytes-in=252",
					    "packets-in=3", "bytes-out=0", "rekey-time=3000", "life-time=3960", "install-time=0" };
	size_t at = 0;
	for (struct vici_elem e = vici_next(&in); e.type != VICI_END; e = vici_next(&in)) {
		char line[256];
		snprintf(line, sizeof line, e.type == VICI_KEY_VALUE ? "%.*s=%.*s" : "%.*s", (int)e.name.n,
			 (const char *)e.name.p, (int)e.value.n, (const char *)e.value.p);
		at += at < ARRAY_LEN(want) && !strcmp(line, want[at]);
	}
	cr_assert_eq(at, ARRAY_LEN(want), "%s is missing", at < ARRAY_LEN(want) ? want[at] : "");
	expect(fd, VICI_CMD_RESPONSE);
	ask(fd, "list-sas", "ike", "nobody");
	expect(fd, VICI_CMD_RESPONSE);
	close(fd);
}

/* Every answer without arguments, and every event, against the schema. */
Test(api_server, answers_and_events_are_as_declared)
{
	static const char *const methods[] = { "hello", "version", "stats", "get-algorithms", "list-plugins", "get-conns",
					       "get-pools", "get-shared", "get-keys", "get-authorities", "get-counters",
					       "reset-counters", "flush-certs", "reload-settings", "clear-creds" };
	int fd = client(API_PERM_CONFIGURE);
	struct vici_packet p;
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		ask(fd, methods[i], NULL, NULL);
		p = expect(fd, VICI_CMD_RESPONSE);
		check_result(&p, methods[i]);
	}
	struct ts_sel ts = { .family = NET_V4 };
	struct ike_child_view kids[2] = { { .unique = 1, .name = "net", .state = "DELETED", .spi_in = 1, .spi_out = 2, .encr = 20,
					    .encr_bits = 128, .ke = 31, .esn = true, .encap = true, .has_usage = true,
					    .local_ts = &ts, .n_local_ts = 1, .mark_in = 1, .if_id_out = 2 },
					  { .unique = 2, .name = "net", .state = "INSTALLED", .mode = 1 } };
	struct ike_view sa = { .unique = 1, .conn = "gw", .version = 2, .state = "ESTABLISHED", .nat_local = true,
			       .nat_fake = true, .suite = { .encr = 20, .encr_bits = 128, .prf = 5, .ke = 31, .ake = { 36 } },
			       .tasks_queued = { "CHILD_CREATE" }, .children = kids, .n_children = 2, .reauth_in_s = 9,
			       .ring = { { 1234, "IKE_SA established" } }, .n_ring = 1 };
	struct ike_view half = { .unique = 2, .version = 2, .state = "CONNECTING" };
	static const struct {
		uint8_t type;
		const char *name;
	} events[] = { { IKE_EV_IKE_UPDOWN, "ike-updown" },     { IKE_EV_IKE_REKEY, "ike-rekey" },
		       { IKE_EV_IKE_UPDATE, "ike-update" },     { IKE_EV_CHILD_UPDOWN, "child-updown" },
		       { IKE_EV_CHILD_REKEY, "child-rekey" },   { IKE_EV_ALERT, "alert" } };
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		listen_to(fd, events[i].name, VICI_EVENT_REGISTER);
		expect(fd, VICI_EVENT_CONFIRM);
		for (int k = 0; k < 2; k++) {
			struct ike_event ev = { .type = events[i].type, .up = k, .code = E_TIMEOUT, .sa = k ? &sa : &half,
						.other = &sa };
			api_server_event(server, &ev);
			p = expect(fd, VICI_EVENT);
			cr_assert(slice_equal(p.name, slice_str(events[i].name)));
			check_event(&p);
		}
	}
	close(fd);
}

Test(api_server, a_deaf_listener_loses_events_and_is_told)
{
	int fd = client(API_PERM_READ);
	struct vici_packet p;
	slice v;
	int64_t told = 0;
	enum { N = 20000 };
	listen_to(fd, "alert", VICI_EVENT_REGISTER);
	expect(fd, VICI_EVENT_CONFIRM);
	listen_to(fd, "lost", VICI_EVENT_REGISTER);
	expect(fd, VICI_EVENT_CONFIRM);
	for (int i = 0; i < N; i++) {
		api_server_alert(server, E_LIMIT, "a line that takes some room in the queue of the client, to fill it sooner");
		if (i % 100 == 0)
			loop_once(loop, 0);
	}
	int64_t got = 0;
	while (next(fd, &p, big, sizeof big)) {
		if (slice_equal(p.name, SLICE_LIT("lost"))) {
			int64_t n = 0;
			cr_assert(vici_find(p.body, "events", &v) && api_int(v, &n));
			told += n;
		} else {
			got++;
		}
	}
	cr_assert_gt(told, 0);
	cr_assert_eq(got + told, N, "%ld came, %ld told as lost", (long)got, (long)told);
	close(fd);
}

Test(api_server, secrets_go_in_and_never_out)
{
	int fd = client(API_PERM_CONFIGURE);
	struct vici_out o;
	vici_out_init(&o, VICI_CMD_REQUEST, "load-shared", 0);
	vici_kv_str(&o, "id", "ike-1");
	vici_kv_str(&o, "type", "ike");
	vici_kv(&o, "data", slice_of("se\0cret", 7));
	vici_list(&o, "owners");
	vici_item_str(&o, "gwa.test");
	vici_item_str(&o, "gwb.test");
	vici_list_end(&o);
	send_out(fd, &o);
	struct vici_packet p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "yes");
	ask(fd, "load-shared", "type", "nonsense");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "no");
	ask(fd, "get-shared", NULL, NULL);
	p = expect(fd, VICI_CMD_RESPONSE);
	size_t cursor = 0;
	slice v;
	cr_assert(vici_find_item(p.body, "keys", &cursor, &v) && slice_equal(v, SLICE_LIT("ike-1")));
	cr_assert(!vici_find_item(p.body, "keys", &cursor, &v));
	ask(fd, "unload-shared", "id", "ike-1");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "yes");
	ask(fd, "unload-shared", "id", "ike-1");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "errcode", "NOT_FOUND");
	close(fd);
}

static void load_conn(int fd, const char *key, const char *value)
{
	struct vici_out o;
	vici_out_init(&o, VICI_CMD_REQUEST, "load-conn", 0);
	vici_section(&o, "gw");
	vici_list(&o, "remote_addrs");
	vici_item_str(&o, "203.0.113.2");
	vici_list_end(&o);
	vici_kv_str(&o, "version", "2");
	vici_section(&o, "local");
	vici_kv_str(&o, "auth", "psk");
	vici_kv_str(&o, "id", "gwa.test");
	vici_section_end(&o);
	vici_section(&o, "remote");
	vici_kv_str(&o, "auth", "psk");
	vici_kv_str(&o, "id", "gwb.test");
	vici_section_end(&o);
	vici_section(&o, "children");
	vici_section(&o, "net");
	vici_list(&o, "remote_ts");
	vici_item_str(&o, "10.2.0.0/24");
	vici_list_end(&o);
	vici_section_end(&o);
	vici_section_end(&o);
	if (key)
		vici_kv_str(&o, key, value);
	vici_section_end(&o);
	send_out(fd, &o);
}

Test(api_server, connections)
{
	int fd = client(API_PERM_CONFIGURE);
	load_conn(fd, NULL, NULL);
	struct vici_packet p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "yes");
	cr_assert_eq(changes, 1);
	load_conn(fd, NULL, NULL);
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "yes");
	cr_assert_eq(changes, 1, "nothing changed the second time");
	ask(fd, "install", "child", "net");
	turn();
	cr_assert_str_eq(last_ike, "gw", "the connection of a child is found");
	struct fx fx = { .type = FX_REPLY, .reply = { .cmd_id = last_cmd.cmd_id } };
	cr_assert(api_server_reply(server, &fx));
	expect(fd, VICI_CMD_RESPONSE);
	ask(fd, "initiate", "child", "nosuch");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "errcode", "NOT_FOUND");
	load_conn(fd, "rekey_tme", "4h");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "no");
	slice v;
	cr_assert(vici_find(p.body, "errmsg", &v) && memmem(v.p, v.n, "rekey_time", 10), "%.*s", (int)v.n, (const char *)v.p);
	listen_to(fd, "list-conn", VICI_EVENT_REGISTER);
	expect(fd, VICI_EVENT_CONFIRM);
	ask(fd, "list-conns", NULL, NULL);
	p = expect(fd, VICI_EVENT);
	check_event(&p);
	expect(fd, VICI_CMD_RESPONSE);
	ask(fd, "unload-conn", "name", "gw");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "yes");
	ask(fd, "unload-conn", "name", "gw");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "errcode", "NOT_FOUND");
	close(fd);
}

/* Two providers of one algorithm, one of another; nothing of their tables is called. */
static const uint32_t table = sizeof table;
static const struct plug_feat_row fast_rows[] = { { .is = { PLUG_PRF, 5, 0 }, .prio = 9, .ops = &table } };
static const struct plug_feat_row slow_rows[] = { { .is = { PLUG_PRF, 5, 0 }, .prio = 1, .ops = &table },
						  { .is = { PLUG_ENCR, 3, 192 }, .ops = &table, .flags = PLUG_WEAK } };
static const struct plug_desc fast = { ADIT_PLUGIN_HEAD, .name = "fast", .feats = fast_rows, .n_feats = 1 };
static const struct plug_desc slow = { ADIT_PLUGIN_HEAD, .name = "slow", .feats = slow_rows, .n_feats = 2 };

/* One list-algorithm event: its section and some fields. */
static void expect_alg(int fd, const char *name, const char *provider, const char *rank, const char *why, const char *weak)
{
	const char *const fields[][2] = { { "provider", provider }, { "rank", rank }, { "why", why }, { "weak", weak } };
	struct vici_packet p = expect(fd, VICI_EVENT);
	check_event(&p);
	struct vici_in in = vici_in_of(p.body);
	struct vici_elem e = vici_next(&in);
	cr_assert(e.type == VICI_SECTION_START && slice_equal(e.name, slice_str(name)), "%.*s", (int)e.name.n,
		  (const char *)e.name.p);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct vici_in body = in;
		for (e = vici_next(&body); e.type == VICI_KEY_VALUE && !slice_equal(e.name, slice_str(fields[i][0]));)
			e = vici_next(&body);
		cr_assert(slice_equal(e.value, slice_str(fields[i][1])), "%s of %s is %.*s", fields[i][0], name,
			  (int)e.value.n, (const char *)e.value.p);
	}
}

Test(api_server, list_algorithms)
{
	int fd = client(API_PERM_READ);
	cr_assert_eq(registry_add_desc(registry, &slow, NULL), 0);
	cr_assert_eq(registry_add_desc(registry, &fast, NULL), 0);
	registry_speed(registry, "fast", PLUG_PRF, 5, 0, 2000);
	registry_speed(registry, "slow", PLUG_PRF, 5, 0, 1000);
	listen_to(fd, "list-algorithm", VICI_EVENT_REGISTER);
	expect(fd, VICI_EVENT_CONFIRM);
	ask(fd, "list-algorithms", NULL, NULL);
	expect_alg(fd, "3DES_CBC", "slow", "1", "only provider", "yes");
	expect_alg(fd, "PRF_HMAC_SHA2_256", "fast", "1", "speed", "no");
	expect_alg(fd, "PRF_HMAC_SHA2_256", "slow", "2", "", "no");
	expect_alg(fd, "RNG", "kernel", "1", "only provider", "no");
	expect(fd, VICI_CMD_RESPONSE);
	ask(fd, "list-algorithms", "kind", "encr");
	expect_alg(fd, "3DES_CBC", "slow", "1", "only provider", "yes");
	expect(fd, VICI_CMD_RESPONSE);
	ask(fd, "list-algorithms", "name", "PRF_HMAC_SHA2_256");
	expect_alg(fd, "PRF_HMAC_SHA2_256", "fast", "1", "speed", "no");
	expect_alg(fd, "PRF_HMAC_SHA2_256", "slow", "2", "", "no");
	expect(fd, VICI_CMD_RESPONSE);
	close(fd);
}

Test(api_server, socket_file)
{
	char dir[] = "/tmp/adit-api.XXXXXX", path[64], busy[64];
	struct api_server *one = NULL, *two = NULL;
	struct diag *why = NULL;
	struct api_env env = env_of();
	struct stat st;
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/sock", dir);
	snprintf(busy, sizeof busy, "%s/file", dir);
	cr_assert_eq(api_server_new(&env, path, &one, &why), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 077, 0, "open to others");
	cr_assert_eq(api_server_new(&env, path, &two, &why), E_EXISTS);
	cr_assert(strstr(why->text, "another daemon"), "%s", why->text);
	diag_free(&why);
	api_server_free(one);
	cr_assert_neq(stat(path, &st), 0, "the file is removed");

	/* A file nobody listens behind is taken over. */
	cr_assert_eq(api_server_new(&env, path, &one, &why), 0);
	char moved[64];
	snprintf(moved, sizeof moved, "%s/moved", dir);
	cr_assert_eq(rename(path, moved), 0);
	api_server_free(one);
	cr_assert_eq(stat(moved, &st), 0);
	cr_assert_eq(api_server_new(&env, moved, &one, &why), 0);
	api_server_free(one);

	fclose(fopen(busy, "w"));
	cr_assert_eq(api_server_new(&env, busy, &two, &why), E_EXISTS);
	diag_free(&why);
	unlink(busy);
	snprintf(busy, sizeof busy, "%s/nosuch/sock", dir);
	cr_assert_eq(api_server_new(&env, busy, &two, &why), E_IO);
	cr_assert(strstr(why->text, "folder"), "%s", why->text);
	diag_free(&why);
	rmdir(dir);
}
