/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API server over socket pairs, with an engine that only pretends: order, half-written frames, limits, permissions,
 * slow and vanishing clients, log lines of other threads.
 */
#include "tests/unit/api_bench.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

TestSuite(api_server, .init = setup, .fini = teardown, .timeout = 300);

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
