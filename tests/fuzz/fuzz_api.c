/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of the API that sends anything: whatever comes, the server stays, its answers are well-formed, and an honest
 * client beside it is answered.
 *
 * Input: pieces, each two bytes of length (the top bit: sent as it is, else framed as a packet) and the bytes.
 */
#include "api/server/server.h"

#include "api/schema/schema.h"
#include "api/vici/vici.h"
#include "config/store.h"
#include "config/typed.h"
#include "fuzz.h"
#include "plugin/registry.h"
#include "tests/unit/fake_engine.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

const char *const fuzz_name = "api";

enum { INPUTS_PER_SERVER = 500, PIECES = 32 };

static struct loop *loop;
static struct log *hub;
static struct conf_store *store;
static struct plug_registry *registry;
static struct api_server *server;
static unsigned inputs;

/* Every second command is answered at once, the others never. */
static void on_run(void *arg, const struct ike_cmd *cmd)
{
	(void)arg;
	struct log_ctx ctx = { .conn = cmd->ike, .ike_unique = cmd->ike_id };
	struct fx fx = { .type = FX_REPLY, .reply = { .cmd_id = cmd->cmd_id, .err = cmd->force ? E_TIMEOUT : 0, .matches = 1 } };
	log_write(hub, LOG_IKE, LOG_CONTROL, &ctx, "verb %u", cmd->verb);
	if (cmd->cmd_id % 2)
		(void)api_server_reply(server, &fx);
}

static void on_forget(void *arg, uint64_t id)
{
	(void)arg;
	(void)id;
}

static void on_changed(void *arg, const char *conn)
{
	(void)arg;
	FUZZ_CHECK(*conn);
}

static void start(void)
{
	static const struct conf_can can;
	FUZZ_CHECK(!loop_new(&loop, NULL) && !conf_store_new(&store));
	hub = log_new();
	registry = registry_new();
	struct api_env env = { .loop = loop, .log = hub, .store = store, .registry = registry, .can = &can, .version = "0",
			       .group_read = (gid_t)-1, .group_operate = (gid_t)-1, .group_configure = (gid_t)-1, .run = on_run,
			       .forget = on_forget, .conf_changed = on_changed };
	FUZZ_CHECK(!api_server_new_detached(&env, &server, NULL));
	fake_sas = 3;
}

static void stop(void)
{
	api_server_free(server);
	conf_store_free(store);
	registry_free(registry);
	log_free(hub);
	loop_free(loop);
}

static int client(void)
{
	int fd[2];
	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
	FUZZ_CHECK(!api_server_adopt(server, fd[0], API_PERM_CONFIGURE));
	return fd[1];
}

/* Reads what came; all of it are packets of a server. */
static void read_all(int fd)
{
	static uint8_t buf[1 << 20];
	size_t have = 0;
	for (ssize_t n; have < sizeof buf && (n = recv(fd, buf + have, sizeof buf - have, 0)) > 0;)
		have += (size_t)n;
	struct rd r = rd_of(slice_of(buf, have));
	while (rd_left(&r) > 4) {
		struct vici_packet p;
		uint32_t n = rd_u32(&r);
		if (rd_left(&r) < n)
			return;
		FUZZ_CHECK(!vici_packet_read(rd_bytes(&r, n), &p));
		FUZZ_CHECK(p.type == VICI_CMD_RESPONSE || p.type == VICI_CMD_UNKNOWN || p.type == VICI_EVENT ||
			   p.type == VICI_EVENT_CONFIRM || p.type == VICI_EVENT_UNKNOWN);
		FUZZ_CHECK(!vici_check(p.body));
	}
}

static void turn(int fd)
{
	loop_once(loop, 0);
	loop_once(loop, 0);
	read_all(fd);
}

static void honest(void)
{
	static const char ask[] = "\0\0\0\x09\0\7version";
	uint8_t answer[16];
	int fd = client();
	FUZZ_CHECK(send(fd, ask, sizeof ask - 1, 0) == sizeof ask - 1);
	loop_once(loop, 0);
	loop_once(loop, 0);
	FUZZ_CHECK(recv(fd, answer, sizeof answer, 0) == sizeof answer && answer[4] == VICI_CMD_RESPONSE);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	slice in = slice_of(data, n);
	if (inputs++ % INPUTS_PER_SERVER == 0) {
		if (server)
			stop();
		start();
	}
	int fd = client();
	for (int i = 0; i < PIECES && in.n; i++) {
		uint16_t head = fuzz_u16(&in);
		slice s = fuzz_bytes(&in, head & 0x7fff);
		uint8_t len[4] = { (uint8_t)(s.n >> 24), (uint8_t)(s.n >> 16), (uint8_t)(s.n >> 8), (uint8_t)s.n };
		if (!(head & 0x8000) && send(fd, len, sizeof len, MSG_NOSIGNAL) < 0)
			break;
		if (s.n && send(fd, s.p, s.n, MSG_NOSIGNAL) < 0)
			break;
		turn(fd);
	}
	honest();
	close(fd);
	loop_once(loop, 0);
	loop_once(loop, 0);
	return 0;
}
