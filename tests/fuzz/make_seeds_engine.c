/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds of the engine: operations on two of them, and messages under an SA's keys. */
#include "tests/fuzz/make_seeds.h"

/* Operations of fuzz_engine.c, in its order. */
enum op { DELIVER, LOSE, TWICE, LATER, FLIP, CUT, INSIDE, INVENT, TIME, COMMAND, KERNEL_EVENT, KERNEL_FAILS, SHUTDOWN };
enum { INITIATE, TERMINATE, REKEY, INSTALL, UNINSTALL, REAUTH = 8, FORCE = 16, IKE = 32, NET = 64, TWO = 128 };

static void put(struct wr *w, const char *ops)
{
	for (; *ops; ops++)
		switch (*ops) {
		case 'd': /* deliver 12 messages */
			wr_zero(w, 12);
			break;
		case '1':
			wr_u8(w, DELIVER);
			break;
		case 'l':
			wr_u8(w, LOSE);
			break;
		case '2':
			wr_u8(w, TWICE);
			break;
		case 'r':
			wr_u8(w, LATER);
			break;
		case 'f':
			wr_bytes(w, SLICE_LIT("\4\0\x30\x55"));
			break;
		case 'c':
			wr_bytes(w, SLICE_LIT("\5\0\x40"));
			break;
		case 'i': /* two bytes inside SK */
			wr_bytes(w, SLICE_LIT("\6\2\0\x09\1\x77\0\x21\1\3"));
			break;
		case 's': /* the inside cut short */
			wr_bytes(w, SLICE_LIT("\6\1\0\x20\xd0\0"));
			break;
		case 't': /* 5 s */
			wr_bytes(w, SLICE_LIT("\x08\0\x14"));
			break;
		case 'T': /* 4 h */
			wr_bytes(w, SLICE_LIT("\x08\xe1\0"));
			break;
		case 'x': /* an SA expires */
			wr_bytes(w, SLICE_LIT("\x0a\0\1\0\0\0"));
			break;
		case 'q': /* a packet hits a trap */
			wr_bytes(w, SLICE_LIT("\x0a\0\0\1\0\0"));
			break;
		case 'm': /* the peer's address changes */
			wr_bytes(w, SLICE_LIT("\x0a\0\3\0\0\1"));
			break;
		case 'k':
			wr_bytes(w, SLICE_LIT("\x0b\1"));
			break;
		case 'e':
			wr_bytes(w, SLICE_LIT("\x0c\0"));
			break;
		}
}

static void put_command(struct wr *w, uint8_t who, uint8_t verb, uint8_t flags)
{
	uint8_t low = 0;
	while ((flags + low) % 5 != verb)
		low++;
	wr_u8(w, COMMAND);
	wr_u8(w, who);
	wr_u8(w, (uint8_t)(flags + low));
}

/* A message of our own under the SA's keys; flags: response, exchange, which SA. */
static void put_invented(struct wr *w, uint8_t to, uint8_t exchange, bool response, void (*write)(struct ike_out *o))
{
	static uint8_t buf[1024];
	struct ike_hdr h = { .version = IKE_V2, .exchange = exchange };
	struct ike_out o;
	slice msg;
	wire_begin(&o, buf, sizeof buf, &h);
	write(&o);
	if (wire_end(&o, &msg))
		exit(1);
	wr_u8(w, INVENT);
	wr_u8(w, to);
	wr_u8(w, (uint8_t)((exchange - XCHG_IKE_SA_INIT) << 1 | response));
	wr_u8(w, msg.p[16]);
	wr_u8(w, 0);
	wr_u16(w, (uint16_t)(msg.n - IKE_HDR_LEN));
	wr_bytes(w, slice_of(msg.p + IKE_HDR_LEN, msg.n - IKE_HDR_LEN));
}

void engine_seeds(void)
{
	static const struct {
		const char *name, *before; /* operations before and after the commands */
		struct { uint8_t who, verb, flags; } cmd[2];
		const char *after;
	} v[] = {
		{ "setup", "d", { { 0, 9, 0 } }, "d" },
		{ "loss", "1l1ttl1tt1l1tttt", { { 0, 9, 0 } }, "d" },
		{ "twice", "222222", { { 0, 9, 0 } }, "2222" },
		{ "reorder", "r1r1r1", { { 0, REKEY, IKE }, { 1, REKEY, IKE } }, "rr1r1rrd" },
		{ "flip", "1f1tt1ftttd", { { 0, 9, 0 } }, "ftttd" },
		{ "cut", "1c1tt1ctttd", { { 0, 9, 0 } }, "ctttd" },
		{ "inside-auth", "11id", { { 0, 9, 0 } }, "d" },
		{ "inside-auth-answer", "111id", { { 0, 9, 0 } }, "d" },
		{ "short-auth", "11sd", { { 0, 9, 0 } }, "d" },
		{ "rekey-child", "d", { { 0, REKEY, NET }, { 0, 9, 0 } }, "iddi" },
		{ "rekey-child-both", "d", { { 0, REKEY, NET }, { 1, REKEY, NET } }, "ddd" },
		{ "rekey-child-both-late", "d", { { 0, REKEY, NET }, { 1, REKEY, NET } }, "rlrttttddd" },
		{ "rekey-ike", "d", { { 0, REKEY, IKE }, { 0, 9, 0 } }, "dttd" },
		{ "rekey-ike-both", "d", { { 0, REKEY, IKE }, { 1, REKEY, IKE } }, "dttddTd" },
		{ "reauth", "d", { { 0, REKEY, IKE | REAUTH }, { 0, 9, 0 } }, "dddtt" },
		{ "delete-child-both", "d", { { 0, TERMINATE, NET }, { 1, TERMINATE, NET } }, "dd" },
		{ "delete-rekey", "d", { { 0, TERMINATE, NET }, { 1, REKEY, NET } }, "ddd" },
		{ "rekey-ike-child", "d", { { 0, REKEY, IKE }, { 1, REKEY, NET } }, "dddttd" },
		{ "delete-ike-rekey", "d", { { 0, TERMINATE, IKE }, { 1, REKEY, IKE } }, "ddd" },
		{ "force", "d", { { 0, TERMINATE, IKE | FORCE }, { 0, INITIATE, IKE | TWO } }, "dd" },
		{ "second-child", "d", { { 0, INITIATE, IKE | TWO }, { 1, INITIATE, IKE | TWO } }, "dd" },
		{ "trap", "", { { 0, INSTALL, IKE | TWO }, { 0, 9, 0 } }, "dqddq" },
		{ "expire", "dx", { { 0, 9, 0 } }, "dxdxd" },
		{ "mapping", "dm", { { 0, 9, 0 } }, "dmd" },
		{ "hours", "dTdTdTdTd", { { 0, 9, 0 } }, "TdTdTd" },
		{ "kernel-fails", "kd", { { 0, INITIATE, IKE | TWO }, { 0, 9, 0 } }, "kdd" },
		{ "shutdown", "d", { { 1, REKEY, IKE }, { 0, 9, 0 } }, "1ed" },
		{ "no-peer", "llllllll", { { 0, INITIATE, IKE | NET }, { 0, 9, 0 } }, "TlTlTlTl" },
	};
	uint8_t buf[2048];
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		for (uint8_t mode = 0; mode < 3; mode++) {
			struct wr w = wr_of(buf, sizeof buf);
			char name[64];
			wr_u8(&w, mode);
			put(&w, v[i].before);
			for (size_t k = 0; k < 2; k++)
				if (v[i].cmd[k].verb != 9 && (k == 0 || v[i].cmd[k].flags))
					put_command(&w, v[i].cmd[k].who, v[i].cmd[k].verb, v[i].cmd[k].flags);
			put(&w, v[i].after);
			snprintf(name, sizeof name, "%s-%u", v[i].name, mode);
			if (mode == 1 || i < 2 || (i & 3) == mode)
				seed1("engine", name, wr_done(&w));
		}
	for (size_t i = 0; i < n_seed_stories; i++)
		for (uint8_t response = 0; response < 2; response++) {
			struct wr w = wr_of(buf, sizeof buf);
			char name[64];
			wr_u8(&w, 1);
			put(&w, "d");
			put_invented(&w, response, seed_stories[i].exchange, response, seed_stories[i].write);
			put(&w, "dtd");
			snprintf(name, sizeof name, "invent-%s-%u", seed_stories[i].name, response);
			seed1("engine", name, wr_done(&w));
		}
}
