/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE fragmentation (RFC 7383) between two engines: every order of the fragments, loss, doubling, forgery, a path that
 * carries small packets only, peers that do not want it, and what half a message costs.
 */
#include "base/count.h"
#include "tests/exchange/one_lab.h"

/* A long identity makes IKE_AUTH large in both directions. */
#define LONG_ID 900
static uint8_t long_ids[2][LONG_ID];
static struct conf_auth auth_l[2], auth_r[2];
static char word[] = "psk", name[] = "x";

static void long_identities(void)
{
	for (int i = 0; i < 2; i++) {
		memset(long_ids[i], 'a' + i, LONG_ID);
		auth_l[i] = (struct conf_auth){ .name = name, .cls = CONF_AUTH_PSK, .id = { 11, LONG_ID, long_ids[i] }, .method = word };
		auth_r[1 - i] = (struct conf_auth){ .name = name, .cls = CONF_AUTH_PSK, .id = { 11, LONG_ID, long_ids[i] },
			.method = word };
	}
	for (int i = 0; i < 2; i++) {
		lab.n[i].conn.local = &auth_l[i];
		lab.n[i].conn.remote = &auth_r[i];
	}
}

static void both(uint8_t fragmentation, uint32_t size)
{
	for (int i = 0; i < 2; i++) {
		lab.n[i].conn.fragmentation = fragmentation;
		lab.n[i].daemon.fragment_size = size;
	}
}

static bool is_fragment(const struct lab_msg *m)
{
	return m->n > 16 && m->data[16] == PLD_SKF;
}

static unsigned fragments(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < lab.n_msgs; i++)
		n += is_fragment(&lab.msgs[i]);
	return n;
}

static bool up(void)
{
	const struct lab_reply *r = lab_reply(&lab, 0, 1);

	return r && !r->err;
}

/* Up to the request of IKE_AUTH, which is then in flight. */
static void to_auth(void)
{
	initiate(0, 1);
	lab_deliver(&lab, 0);
	lab_deliver(&lab, 0);
}

static void plain(void)
{
	both(CONF_FRAG_YES, 200);
	to_auth();
	unsigned n = fragments();
	CHECK(n >= 2 && n == lab.n_msgs, "IKE_AUTH goes in %u fragments and %zu messages", n, lab.n_msgs);
	for (size_t i = 0; i < lab.n_msgs; i++)
		CHECK(lab.msgs[i].n + 28 <= 200, "a fragment of %zu bytes", lab.msgs[i].n);
	lab_run(&lab, 100);
	CHECK(up(), "no tunnel");
	lab_converged(&lab, 1, 1);
	CHECK(lab.n[1].e->half_bytes == 0, "something is left of the fragments");
	/* The next IKE SA has it from the first. */
	lab_do(&lab, 1, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 2, .ike = "c" });
	lab_run(&lab, 1000);
	lab_converged(&lab, 1, 1);
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 3, .child = "k" });
	lab_run(&lab, 20000);
	lab_converged(&lab, 1, 1);
}

/* The k-th order of what is in flight is delivered. */
static void deliver_order(unsigned k)
{
	for (size_t n = lab.n_msgs; n; n--) {
		lab_deliver(&lab, k % n);
		k /= (unsigned)n;
	}
}

static void orders(void)
{
	for (unsigned k = 0; k < 24; k++) {
		both(CONF_FRAG_YES, 135);
		to_auth();
		unsigned n = fragments();
		CHECK(n == 4, "%u fragments, 4 have 24 orders", n);
		size_t count = lab.n_msgs;
		unsigned kk = k;
		for (size_t i = count; i; i--) {
			/* What the last one brings out stands behind. */
			if (k & 1)
				lab_double(&lab, kk % i);
			lab_deliver(&lab, kk % i);
			kk /= (unsigned)i;
		}
		CHECK(fragments() >= 2, "order %u: no answer in fragments", k);
		deliver_order(k);
		lab_run(&lab, 100);
		CHECK(up(), "order %u: no tunnel", k);
		lab_converged(&lab, 1, 1);
		lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 9, .ike = "c" });
		lab_run(&lab, 1000);
		lab_converged(&lab, 0, 0);
		lab.n[0].n_replies = 0;
	}
}

/* Each single fragment of request and answer lost once. */
static void lost(void)
{
	for (unsigned at = 0; at < 8; at++) {
		both(CONF_FRAG_YES, 180);
		to_auth();
		unsigned i = 0;
		for (unsigned guard = 0; guard < 200 && !up(); guard++) {
			if (!lab.n_msgs)
				lab_pass(&lab, 1000);
			else if (i++ == at)
				lab_drop(&lab, 0);
			else
				lab_deliver(&lab, 0);
		}
		CHECK(up(), "fragment %u lost: no tunnel", at);
		lab_run(&lab, 100);
		lab_converged(&lab, 1, 1);
		lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 9, .ike = "c" });
		lab_run(&lab, 1000);
		lab.n[0].n_replies = 0;
	}
}

/* fragmentation = no on either side, or accept on ours: messages stay whole; accept takes what comes. */
static void not_wanted(void)
{
	const struct { uint8_t a, b; bool request, answer; } cases[] = {
		{ CONF_FRAG_NO, CONF_FRAG_YES, false, false },
		{ CONF_FRAG_YES, CONF_FRAG_NO, false, false },
		{ CONF_FRAG_ACCEPT, CONF_FRAG_YES, false, true },
		{ CONF_FRAG_YES, CONF_FRAG_ACCEPT, true, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		both(CONF_FRAG_YES, 200);
		lab.n[0].conn.fragmentation = cases[i].a;
		lab.n[1].conn.fragmentation = cases[i].b;
		to_auth();
		CHECK((fragments() > 0) == cases[i].request, "case %zu: %u fragments of the request", i, fragments());
		for (size_t n = lab.n_msgs; n; n--)
			lab_deliver(&lab, 0);
		CHECK((fragments() > 0) == cases[i].answer, "case %zu: %u fragments of the answer", i, fragments());
		lab_run(&lab, 100);
		CHECK(up(), "case %zu: no tunnel", i);
		lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 9, .ike = "c" });
		lab_run(&lab, 1000);
		lab_converged(&lab, 0, 0);
		lab.n[0].n_replies = 0;
	}
}

/* The path carries small packets alone, first from us, then to us, then both ways. */
static void small_path(void)
{
	for (unsigned way = 1; way < 4; way++) {
		both(CONF_FRAG_YES, way == 3 ? 900 : 1280);
		long_identities();
		initiate(0, 1);
		for (unsigned guard = 0; guard < 400 && !up(); guard++) {
			if (!lab.n_msgs)
				lab_pass(&lab, 1000);
			else if (lab.msgs[0].n + 28 > 576 && (way & (lab.msgs[0].to ? 1 : 2)))
				lab_drop(&lab, 0);
			else
				lab_deliver(&lab, 0);
		}
		CHECK(up(), "way %u: no tunnel over a path of small packets", way);
		lab_run(&lab, 100);
		lab_converged(&lab, 1, 1);
		lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 9, .ike = "c" });
		lab_run(&lab, 1000);
		lab.n[0].n_replies = 0;
	}
}

/* fragment_size 0: what every host takes. */
static void smallest(void)
{
	both(CONF_FRAG_YES, 0);
	long_identities();
	to_auth();
	CHECK(fragments() >= 2, "%u fragments", fragments());
	for (size_t i = 0; i < lab.n_msgs; i++)
		CHECK(lab.msgs[i].n + 28 <= 576, "a packet of %zu bytes", lab.msgs[i].n + 28);
	lab_run(&lab, 100);
	CHECK(up(), "no tunnel");
}

/* IPv4 packets of 1000 bytes have room for 972 of IKE, and a fragment uses them to the last. */
static void thousand(void)
{
	size_t most = 0;

	both(CONF_FRAG_YES, 1000);
	long_identities();
	to_auth();
	CHECK(fragments() >= 2, "%u fragments", fragments());
	for (size_t i = 0; i < lab.n_msgs; i++)
		most = lab.msgs[i].n > most ? lab.msgs[i].n : most;
	CHECK(most == 972, "the longest message of a fragment has %zu bytes", most);
	lab_run(&lab, 100);
	CHECK(up(), "no tunnel");
}

/* A message no fragments of the allowed size can carry fails, and says so; nothing hangs. */
static void too_small(void)
{
	const struct lab_reply *r;

	both(CONF_FRAG_YES, 60);
	initiate(0, 1);
	lab_run(&lab, 1000);
	r = lab_reply(&lab, 0, 1);
	CHECK(r && r->err, "a fragment of 60 bytes carries something");
}

static void inject(int to, const struct lab_msg *like, const uint8_t *data, size_t n)
{
	struct lab_msg *m = &lab.msgs[lab.n_msgs++];

	*m = *like;
	m->to = to;
	m->data = malloc(n);
	m->n = n;
	memcpy(m->data, data, n);
	lab_deliver(&lab, lab.n_msgs - 1);
}

/* Forged fragments with right SPIs and message ID in between: dropped one by one, the true ones still make the message. */
static void forged(void)
{
	uint8_t bad[2000];

	both(CONF_FRAG_YES, 180);
	to_auth();
	size_t count = lab.n_msgs;
	for (size_t i = 0; i < count; i++) {
		struct lab_msg like = lab.msgs[0];
		memcpy(bad, like.data, like.n);
		for (size_t at = 32; at < like.n; at += 7) {
			bad[at] ^= 0x40; /* numbers, total, IV, contents, ICV */
			inject(1, &like, bad, like.n);
			bad[at] ^= 0x40;
		}
		for (size_t n = 28; n < like.n; n += 9) {
			bad[24] = bad[25] = 0, bad[26] = (uint8_t)(n >> 8), bad[27] = (uint8_t)n;
			inject(1, &like, bad, n);
		}
		CHECK(lab.n_msgs == count - i, "a forged fragment is answered");
		lab_deliver(&lab, 0);
	}
	lab_run(&lab, 100);
	CHECK(up(), "no tunnel after forged fragments");
	lab_converged(&lab, 1, 1);
}

/* A fragment of nobody's message, and one before fragmentation was agreed on: no state, no answer but the usual one. */
static void no_state(void)
{
	struct ike_stats st;
	uint8_t skf[100] = { 0 };
	struct ike_out o;
	struct ike_hdr h = { .spi_i = 0x1234, .spi_r = 0, .version = IKE_V2, .exchange = XCHG_IKE_AUTH, .flags = IKE_FLAG_INITIATOR,
		.mid = 1 };
	struct lab_msg like = { .to = 1, .src = lab.n[0].addr, .dst = lab.n[1].addr };
	size_t n;

	for (int init = 0; init < 2; init++) {
		h.exchange = init ? XCHG_IKE_SA_INIT : XCHG_IKE_AUTH;
		h.mid = !init;
		wire_begin(&o, skf, sizeof skf, &h);
		wire_skf_begin(&o, PLD_SA, 1, 200, 8);
		wr_zero(&o.w, 40);
		CHECK(wire_sk_end(&o, &n) == 0, "cannot be built");
		skf[27] = sizeof skf;
		skf[31] = sizeof skf - 28;
		inject(1, &like, skf, sizeof skf);
		ike_stats_get(lab.n[1].e, &st);
		CHECK(st.ike_sas == 0 && lab.n[1].e->half_bytes == 0, "a fragment from a stranger makes state");
		while (lab.n_msgs)
			lab_drop(&lab, 0);
	}
	/* One side says no: its SA takes none, although the other could send some. */
	both(CONF_FRAG_YES, 180);
	to_auth();
	CHECK(fragments() > 0, "no fragments");
	uint32_t cursor = 0;
	struct ike_sa *sa = ike_sa_next(lab.n[1].e, &cursor);
	sa->flags &= ~(uint32_t)SA_FRAG;
	while (lab.n_msgs)
		lab_deliver(&lab, 0);
	CHECK(lab.n[1].e->half_bytes == 0 && !sa->half, "fragments are kept that were not agreed on");
}

/* Half a request goes after half a minute, or with its SA. */
static void half(void)
{
	for (int way = 0; way < 2; way++) {
		both(CONF_FRAG_YES, 180);
		if (way)
			lab.n[1].daemon.half_open_timeout_ms = 10000;
		to_auth();
		lab_deliver(&lab, 0);
		CHECK(lab.n[1].e->half_bytes > 0, "nothing is kept of a fragment");
		while (lab.n_msgs)
			lab_drop(&lab, 0);
		lab.n[0].conn.retry = (struct conf_retry){ .tries = 0, .timeout_ms = 1000, .base_x1000 = 1000 };
		lab_pass(&lab, way ? 11000 : 31000);
		CHECK(lab.n[1].e->half_bytes == 0, "half a request is kept for ever");
		while (lab.n_msgs)
			lab_drop(&lab, 0);
		lab_run(&lab, 200000);
		lab_converged(&lab, 0, 0);
		lab.n[0].n_replies = 0;
	}
}

/* Loss, doubling and disorder by chance. */
static void chance(void)
{
	for (unsigned k = 0; k < 60; k++) {
		uint32_t rnd = k * 2654435761u + 1;
		both(CONF_FRAG_YES, 150 + k);
		initiate(0, 1);
		for (unsigned guard = 0; guard < 3000 && !up(); guard++) {
			rnd = rnd * 1664525u + 1013904223u;
			unsigned v = rnd >> 16;
			if (!lab.n_msgs || lab.n_msgs > 40)
				lab_pass(&lab, lab.n_msgs ? 0 : 500);
			if (!lab.n_msgs)
				continue;
			size_t at = (v >> 4) % lab.n_msgs;
			if (v % 16 < 2)
				lab_drop(&lab, at);
			else if (v % 16 < 4 && lab.n_msgs < 30)
				lab_double(&lab, at);
			else
				lab_deliver(&lab, at);
		}
		CHECK(up(), "seed %u: no tunnel", k);
		lab_run(&lab, 200000);
		lab_converged(&lab, 1, 1);
		lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 9, .ike = "c" });
		lab_run(&lab, 1000);
		lab.n[0].n_replies = 0;
	}
}

static const struct lab_test tests[] = {
	{ "set-up and rekeying in fragments", plain },
	{ "every order, each fragment doubled", orders },
	{ "each fragment lost once", lost },
	{ "fragmentation no and accept", not_wanted },
	{ "a path that carries small packets alone", small_path },
	{ "fragment_size 0", smallest },
	{ "fragment_size 1000", thousand },
	{ "a size nothing fits in", too_small },
	{ "forged fragments", forged },
	{ "fragments of strangers, and fragments not agreed on", no_state },
	{ "half a request", half },
	{ "loss, doubling and disorder by chance", chance },
};

int main(int argc, char **argv)
{
	return lab_tests_run(tests, ARRAY_LEN(tests), 0, argc, argv);
}
