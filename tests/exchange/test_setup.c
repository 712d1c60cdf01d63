/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Setting up an IKE SA: the plain way, duplicates, cookies, other key exchange, forged notifies, NAT, IKE SAs without a
 * child. Two engines, no network, own clock.
 */
#include "tests/exchange/one_lab.h"

/* A message from nowhere for a node. */
static void inject(int to, const struct net_addr *src, const struct net_addr *dst, slice data)
{
	struct lab_msg *m = &lab.msgs[lab.n_msgs++];

	*m = (struct lab_msg){ to, *src, *dst, malloc(data.n), data.n };
	memcpy(m->data, data.p, data.n);
	lab_deliver(&lab, lab.n_msgs - 1);
}

static bool has_notify(const struct lab_msg *m, uint16_t type)
{
	struct arena a;
	struct ike_msg msg;

	arena_init(&a, 1 << 20);
	bool has = wire_parse(&msg, slice_of(m->data, m->n), &a, NULL) == 0 && wire_notify(&msg, type);
	arena_fini(&a);
	return has;
}

/* ---- the plain way ---------------------------------------------------------------------------------------------------- */

static void plain(void)
{
	struct arena a;

	CHECK(lab_up(&lab), "no tunnel");
	lab_converged(&lab, 1, 1);
	arena_init(&a, 1 << 20);
	const struct ike_view *v = view(0, &a), *w = view(1, &a);
	CHECK(v && w && v->spi_i == w->spi_i && v->spi_r == w->spi_r && v->spi_i && v->spi_r, "SPIs differ");
	CHECK(v->initiator && !w->initiator, "roles");
	CHECK(v->local.port == 500 && !v->nat_local && !v->nat_remote, "no NAT, and yet one is seen");
	CHECK(slice_equal(v->local_id, w->remote_id) && slice_equal(v->remote_id, w->local_id), "identities differ");
	CHECK(v->n_ring > 0, "nothing in the ring");
	arena_fini(&a);
	CHECK(lab.n[0].events[IKE_EV_IKE_UPDOWN][1] == 1 && lab.n[1].events[IKE_EV_IKE_UPDOWN][1] == 1, "ike-updown events");
	CHECK(lab.n[0].events[IKE_EV_CHILD_UPDOWN][1] == 1 && lab.n[1].events[IKE_EV_CHILD_UPDOWN][1] == 1, "child-updown events");
	/* A second child of the connection joins the IKE SA. */
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 2, .ike = "c", .child = "k2" });
	lab_run(&lab, 100);
	lab_converged(&lab, 1, 2);
	lab_do(&lab, 1, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 3, .ike = "c" });
	lab_run(&lab, 100);
	CHECK(reply_err(1, 3) == 0, "terminate failed");
	lab_converged(&lab, 0, 0);
	CHECK(lab.n[0].events[IKE_EV_IKE_UPDOWN][0] == 1 && lab.n[1].events[IKE_EV_IKE_UPDOWN][0] == 1, "ike-updown (down) events");
}

/* Every message of the set-up comes twice; every answer is the same then. */
static void doubled(void)
{
	initiate(0, 1);
	for (int i = 0; i < 20 && lab.n_msgs; i++) {
		lab_double(&lab, 0);
		lab_deliver(&lab, 0);
	}
	lab_run(&lab, 100);
	CHECK(reply_err(0, 1) == 0, "no tunnel");
	lab_converged(&lab, 1, 1);
}

static void answer_is_kept(void)
{
	uint8_t first[4096];

	initiate(0, 1);
	lab_deliver(&lab, 0);
	lab_deliver(&lab, 0);
	CHECK(lab.n_msgs == 1, "IKE_AUTH is not out");
	lab_double(&lab, 0);
	CHECK(lab.n_msgs == 2, "no answer");
	struct lab_msg a = lab.msgs[1];
	CHECK(a.n < sizeof first, "answer too long");
	memcpy(first, a.data, a.n);
	lab_double(&lab, 0);
	CHECK(lab.n_msgs == 3 && lab.msgs[2].n == a.n && memcmp(lab.msgs[2].data, first, a.n) == 0,
	      "the answer to a request that comes again is another one");
	lab_run(&lab, 100);
	lab_converged(&lab, 1, 1);
}

static void both_initiate(void)
{
	initiate(0, 1);
	initiate(1, 1);
	lab_run(&lab, 1000);
	CHECK(reply_err(0, 1) == 0 && reply_err(1, 1) == 0, "one of two simultaneous set-ups failed");
	lab_converged(&lab, 2, 2);
}

/* The same, and the peer's INITIAL_CONTACT comes when our own SA has just come up. */
static void both_initiate_late(void)
{
	initiate(0, 1);
	initiate(1, 1);
	lab_deliver(&lab, 0);
	lab_deliver(&lab, 0);
	lab_deliver(&lab, 0);
	lab_deliver(&lab, 0);
	/* IKE_AUTH of both is out: that of A is answered before B's is looked at. */
	CHECK(lab.n_msgs == 2 && lab.msgs[0].to != lab.msgs[1].to, "not two requests");
	lab_deliver(&lab, 0);
	lab_deliver(&lab, 1);
	lab_run(&lab, 1000);
	CHECK(reply_err(0, 1) == 0 && reply_err(1, 1) == 0, "one of two simultaneous set-ups failed");
	lab_converged(&lab, 2, 2);
}

/* ---- cookies, key exchange ------------------------------------------------------------------------------------------------ */

static void cookie(void)
{
	static const char *const stranger = "198.51.100.9";
	struct net_addr from;

	lab.n[1].daemon.cookie_threshold = 1;
	CHECK(net_addr_parse(stranger, &from) == 0, "address");
	from.port = 500;
	initiate(0, 1);
	/* A half-open SA of somebody else: from now on cookies are wanted. */
	struct lab_msg first = lab.msgs[0];
	uint8_t copy[2048];
	memcpy(copy, first.data, first.n);
	copy[0] ^= 0x55;
	inject(1, &from, &first.dst, slice_of(copy, first.n));
	lab_drop(&lab, 1);
	lab_deliver(&lab, 0);
	CHECK(lab.n_msgs == 1 && has_notify(&lab.msgs[0], N_COOKIE), "no cookie was asked for");
	CHECK(lab.n[1].e->half_open == 1, "a half-open SA was made without cookie");
	lab_deliver(&lab, 0);
	CHECK(lab.n_msgs == 1 && has_notify(&lab.msgs[0], N_COOKIE), "the request was not repeated with the cookie");
	/* The cookie is bound to the address. */
	memcpy(copy, lab.msgs[0].data, lab.msgs[0].n);
	inject(1, &from, &lab.msgs[0].dst, slice_of(copy, lab.msgs[0].n));
	CHECK(lab.n[1].e->half_open == 1, "a cookie worked from another address");
	lab_drop(&lab, 1);
	lab_run(&lab, 1000);
	CHECK(reply_err(0, 1) == 0, "no tunnel with cookie");
	CHECK(lab_ikes(&lab, 1, "ESTABLISHED") == 1, "no IKE SA");
	lab_run(&lab, 31000);
	lab_converged(&lab, 1, 1);
}

static void block(void)
{
	uint8_t copy[2048];

	lab.n[1].daemon.block_threshold = 3;
	initiate(0, 1);
	struct lab_msg first = lab.msgs[0];
	memcpy(copy, first.data, first.n);
	for (unsigned i = 0; i < 5; i++) {
		copy[1] = (uint8_t)(copy[1] + 1);
		inject(1, &first.src, &first.dst, slice_of(copy, first.n));
	}
	CHECK(lab.n[1].e->half_open == 3, "%u half-open SAs of one address, 3 are allowed", lab.n[1].e->half_open);
	while (lab.n_msgs)
		lab_drop(&lab, 0);
	/* A peer at the same address that proves itself with a cookie gets through meanwhile. */
	lab_run(&lab, 6000);
	CHECK(lab.n[1].e->half_open == 3, "the flood is gone already");
	CHECK(lab_ikes(&lab, 1, "ESTABLISHED") == 1, "a proven peer is locked out");
	lab_run(&lab, 60000);
	CHECK(lab.n[1].e->half_open == 0, "half-open SAs stay for ever");
	CHECK(reply_err(0, 1) == 0, "no tunnel after the flood");
	lab_converged(&lab, 1, 1);
}

static void invalid_ke(void)
{
	static struct suite_list ecp;

	if (!ecp.n)
		CHECK(suite_list_add(&ecp, NULL, SUITE_IKE, "aes256gcm16-prfsha256-ecp256", NULL) == 0, "proposal");
	lab.n[1].conn.props = ecp.v;
	lab.n[1].conn.n_props = ecp.n;
	initiate(0, 1);
	size_t request = lab.msgs[0].n;
	lab_deliver(&lab, 0);
	CHECK(lab.n_msgs == 1 && has_notify(&lab.msgs[0], N_INVALID_KE_PAYLOAD), "no INVALID_KE_PAYLOAD");
	CHECK(lab.n[1].e->half_open == 0, "a refused request left an SA");
	lab_deliver(&lab, 0);
	CHECK(lab.n_msgs == 1 && lab.msgs[0].n > request, "the second request does not have the full list and the larger KE");
	lab_run(&lab, 1000);
	CHECK(reply_err(0, 1) == 0, "no tunnel with the other key exchange");
	lab_converged(&lab, 1, 1);
}

static void no_proposal(void)
{
	static struct suite_list cbc;

	if (!cbc.n)
		CHECK(suite_list_add(&cbc, NULL, SUITE_IKE, "aes128-sha256-x25519", NULL) == 0, "proposal");
	lab.n[1].conn.props = cbc.v;
	lab.n[1].conn.n_props = cbc.n;
	initiate(0, 1);
	lab_run(&lab, 5000);
	const struct lab_reply *r = lab_reply(&lab, 0, 1);
	CHECK(r && r->err == E_REFUSED && strstr(r->text, "NO_PROPOSAL_CHOSEN"), "NO_PROPOSAL_CHOSEN is not told: %s",
	      r ? r->text : "no reply");
	lab_converged(&lab, 0, 0);
}

static void forged_refusal(void)
{
	uint8_t buf[128];
	struct ike_out out;
	slice msg;

	initiate(0, 1);
	struct ike_hdr h = hdr_of(&lab.msgs[0]);
	h.flags = IKE_FLAG_RESPONSE;
	static const uint16_t types[] = { N_NO_PROPOSAL_CHOSEN, N_INVALID_SYNTAX, N_AUTHENTICATION_FAILED, N_INVALID_MAJOR_VERSION };
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		wire_begin(&out, buf, sizeof buf, &h);
		wire_put_notify(&out, types[i], SLICE_NONE);
		CHECK(wire_end(&out, &msg) == 0, "build");
		inject(0, &lab.msgs[0].dst, &lab.msgs[0].src, msg);
	}
	lab_run(&lab, 3000);
	CHECK(reply_err(0, 1) == 0, "a forged refusal stopped the set-up");
	lab_converged(&lab, 1, 1);
}

/* Unprotected notifies about an established SA change nothing; they make us ask. */
static void forged_later(void)
{
	uint8_t buf[128];
	struct ike_out out;
	struct arena a;
	slice msg;

	CHECK(lab_up(&lab), "no tunnel");
	lab_run(&lab, 10000);
	arena_init(&a, 1 << 20);
	const struct ike_view *v = view(0, &a);
	struct ike_hdr h = { .spi_i = v->spi_i, .spi_r = v->spi_r, .version = IKE_V2, .exchange = XCHG_INFORMATIONAL,
		.flags = IKE_FLAG_RESPONSE, .mid = 2 };
	static const uint16_t types[] = { N_INVALID_IKE_SPI, N_INVALID_SYNTAX, N_AUTHENTICATION_FAILED };
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		for (int request = 0; request < 2; request++) {
			h.flags = request ? 0 : IKE_FLAG_RESPONSE;
			wire_begin(&out, buf, sizeof buf, &h);
			wire_put_notify(&out, types[i], SLICE_NONE);
			CHECK(wire_end(&out, &msg) == 0, "build");
			inject(0, &v->remote, &v->local, msg);
		}
	/* A delete in the clear. */
	h.flags = 0;
	wire_begin(&out, buf, sizeof buf, &h);
	wire_put_delete(&out, PROTO_IKE, NULL, 0);
	CHECK(wire_end(&out, &msg) == 0, "build");
	inject(0, &v->remote, &v->local, msg);
	arena_fini(&a);
	lab_run(&lab, 1000);
	lab_converged(&lab, 1, 1);
}

static void stranger(void)
{
	uint8_t buf[128];
	struct ike_out out;
	struct ike_hdr h = { .spi_i = 7, .spi_r = 8, .version = IKE_V2, .exchange = XCHG_INFORMATIONAL, .flags = IKE_FLAG_INITIATOR,
		.mid = 5 };
	slice msg;

	for (unsigned i = 0; i < 3000; i++) {
		wire_begin(&out, buf, sizeof buf, &h);
		wire_put_notify(&out, N_INITIAL_CONTACT, SLICE_NONE);
		CHECK(wire_end(&out, &msg) == 0, "build");
		inject(1, &lab.n[0].addr, &lab.n[1].addr, msg);
		if (i == 0) {
			CHECK(lab.n_msgs == 1 && has_notify(&lab.msgs[0], N_INVALID_IKE_SPI), "no INVALID_IKE_SPI");
			struct ike_hdr r = hdr_of(&lab.msgs[0]);
			CHECK(r.spi_i == 7 && r.spi_r == 8 && r.mid == 5 && ike_is_response(&r), "not the header of the request");
		}
		if (lab.n_msgs)
			lab_drop(&lab, 0);
		else
			break;
		CHECK(i < 2000, "unprotected answers have no limit");
	}
	/* Never an answer to an answer. */
	h.flags |= IKE_FLAG_RESPONSE;
	lab.now_ms += 60000;
	wire_begin(&out, buf, sizeof buf, &h);
	CHECK(wire_end(&out, &msg) == 0, "build");
	inject(1, &lab.n[0].addr, &lab.n[1].addr, msg);
	CHECK(lab.n_msgs == 0, "an answer was answered");
	/* Another major version. */
	memcpy(buf, msg.p, msg.n);
	buf[17] = 0x30;
	buf[19] = IKE_FLAG_INITIATOR;
	inject(1, &lab.n[0].addr, &lab.n[1].addr, slice_of(buf, msg.n));
	CHECK(lab.n_msgs == 1 && has_notify(&lab.msgs[0], N_INVALID_MAJOR_VERSION), "no INVALID_MAJOR_VERSION");
	while (lab.n_msgs)
		lab_drop(&lab, 0);
}

/* ---- NAT ---------------------------------------------------------------------------------------------------------------- */

static void nat(void)
{
	struct arena a;

	lab.nat = true;
	CHECK(lab_up(&lab), "no tunnel through a NAT");
	arena_init(&a, 1 << 20);
	const struct ike_view *v = view(0, &a), *w = view(1, &a);
	CHECK(v->nat_local && !v->nat_remote && w->nat_remote && !w->nat_local, "the NAT is seen on the wrong side");
	CHECK(v->local.port == 4500 && v->remote.port == 4500 && w->local.port == 4500 && w->remote.port == 14500,
	      "ports are %u, %u and %u, %u", v->local.port, v->remote.port, w->local.port, w->remote.port);
	CHECK(v->n_children == 1 && v->children[0].encap && w->children[0].encap, "no UDP encapsulation");
	arena_fini(&a);
	/* Keepalives: one byte every 20 seconds, by the one behind the NAT alone. */
	unsigned n = 0;
	for (int s = 0; s < 60; s++) {
		lab_pass(&lab, 1000);
		while (lab.n_msgs) {
			n += lab.msgs[0].n == 1 && lab.msgs[0].data[0] == 0xff && lab.msgs[0].to == 1;
			lab_drop(&lab, 0);
		}
	}
	CHECK(n == 3 || n == 2, "%u keepalives in a minute", n);
}

static void forced_encap(void)
{
	struct arena a;

	lab.n[0].conn.encap = true;
	CHECK(lab_up(&lab), "no tunnel");
	arena_init(&a, 1 << 20);
	const struct ike_view *v = view(0, &a), *w = view(1, &a);
	CHECK(v->local.port == 4500 && w->remote.port == 4500 && v->children[0].encap && w->children[0].encap && v->nat_fake,
	      "encap is not forced");
	arena_fini(&a);
}

/* ---- without a child -------------------------------------------------------------------------------------------------------- */

/* An IKE SA alone first, its child on its own (RFC 6023): all pairs of settings. */
static void childless(void)
{
	static const char *const names[] = { "never", "allow", "force", "prefer" };

	for (uint8_t a = 0; a < 4; a++)
		for (uint8_t b = 0; b < 4; b++) {
			lab_fini(&lab);
			if (!lab_init(&lab, 7, true, false))
				exit(1);
			lab.n[0].conn.childless = a;
			lab.n[1].conn.childless = b;
			unsigned auth_with_child = 0, creates = 0;
			initiate(0, 1);
			while (lab.n_msgs) {
				struct ike_hdr h = hdr_of(&lab.msgs[0]);
				/* A first message with a child is larger by its proposals and selectors. */
				auth_with_child += h.exchange == XCHG_IKE_AUTH && lab.msgs[0].to == 1 && lab.msgs[0].n > 180;
				creates += h.exchange == XCHG_CREATE_CHILD_SA && lab.msgs[0].to == 1;
				lab_deliver(&lab, 0);
			}
			bool alone = a == CONF_CHILDLESS_FORCE || (a == CONF_CHILDLESS_PREFER && b != CONF_CHILDLESS_NEVER);
			bool works = a == CONF_CHILDLESS_FORCE ? b != CONF_CHILDLESS_NEVER : alone || b != CONF_CHILDLESS_FORCE;
			CHECK((reply_err(0, 1) == 0) == works, "%s to %s: %s", names[a], names[b], lab_reply(&lab, 0, 1)->text);
			CHECK(auth_with_child == !alone && creates == (alone && works), "%s to %s: %u and %u requests with a child", names[a],
				names[b], auth_with_child, creates);
			if (works)
				lab_converged(&lab, 1, 1);
		}
}

static const struct lab_test tests[] = {
	{ "children on their own", childless },
	{ "a tunnel comes up, gets a second child and is deleted", plain },
	{ "every message comes twice", doubled },
	{ "a request that comes again gets the same answer", answer_is_kept },
	{ "both sides initiate at once", both_initiate },
	{ "both sides initiate at once, one is ready first", both_initiate_late },
	{ "cookies are asked for and given, bound to the address", cookie },
	{ "one address cannot open many IKE SAs", block },
	{ "another key exchange method is asked for", invalid_ke },
	{ "no common proposal", no_proposal },
	{ "forged refusals of the first message", forged_refusal },
	{ "forged messages for an established SA", forged_later },
	{ "messages of strangers", stranger },
	{ "behind a NAT", nat },
	{ "forced UDP encapsulation", forced_encap },
};

int main(int argc, char **argv)
{
	return lab_tests_run(tests, ARRAY_LEN(tests), 0, argc, argv);
}
