/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Setting up and keeping an IKE SA: cookies, other key exchange, NAT, authentication and its failures, uniqueness,
 * duplicates, forged notifies, waiting for jobs and the data plane, lifetimes. Two engines, no network, own clock.
 */
#include "ike/engine_int.h"
#include "tests/exchange/lab.h"

#include <stdio.h>
#include <stdlib.h>

static struct lab lab;

#define CHECK(cond, ...) \
	do { \
		if (!(cond)) \
			lab_fail(&lab, __VA_ARGS__); \
	} while (0)

static void initiate(int node, uint64_t cmd_id)
{
	lab_do(&lab, node, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = cmd_id, .ike = "c", .child = "k" });
}

static err_t reply_err(int node, uint64_t cmd_id)
{
	const struct lab_reply *r = lab_reply(&lab, node, cmd_id);

	return r ? r->err : E_AGAIN;
}

static const struct ike_view *view(int node, struct arena *a)
{
	uint32_t cursor = 0;

	return ike_view_next(lab.n[node].e, lab.now_ms, &cursor, a);
}

/* A message from nowhere for a node. */
static void inject(int to, const struct net_addr *src, const struct net_addr *dst, slice data)
{
	struct lab_msg *m = &lab.msgs[lab.n_msgs++];

	*m = (struct lab_msg){ to, *src, *dst, malloc(data.n), data.n };
	memcpy(m->data, data.p, data.n);
	lab_deliver(&lab, lab.n_msgs - 1);
}

static struct ike_hdr hdr_of(const struct lab_msg *m)
{
	struct rd r = rd_of(slice_of(m->data, m->n));
	struct ike_hdr h = { 0 };

	CHECK(wire_parse_hdr(&r, &h) == 0, "a message has no header");
	return h;
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

static bool other_psk(void *arg, const struct conf_psk_ask *ask, struct conf_psk *out)
{
	(void)arg, (void)ask;
	*out = (struct conf_psk){ .data = SLICE_LIT("not the secret of the laboratory"), .name = "lab" };
	return true;
}

static bool no_psk(void *arg, const struct conf_psk_ask *ask, struct conf_psk *out)
{
	(void)arg, (void)ask;
	(void)out;
	return false;
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

/* ---- authentication ------------------------------------------------------------------------------------------------------- */

static void wrong_psk(void)
{
	lab.n[1].e->env.psk = other_psk;
	initiate(0, 1);
	lab_run(&lab, 5000);
	const struct lab_reply *r = lab_reply(&lab, 0, 1);
	CHECK(r && r->err && strstr(r->text, "AUTHENTICATION_FAILED"), "AUTHENTICATION_FAILED is not told: %s", r ? r->text : "no reply");
	CHECK(lab.n[1].events[IKE_EV_ALERT][0] == 1, "no alert of the responder");
	lab_converged(&lab, 0, 0);
}

/* A secret for each way: node 0 proves itself with the first. Who called may look by host names, who was called may not. */
static bool two_psks(void *arg, const struct conf_psk_ask *ask, struct conf_psk *out)
{
	static const slice v[2] = { SLICE_LIT("what the initiator has to show"), SLICE_LIT("what the responder has to show") };
	int me = arg == &lab.n[1];

	CHECK(ask->addr && (ask->hosts != NULL) == (me == 0 && lab.n[0].conn.remote_texts), "the look-up of node %d is not that of its role", me);
	CHECK(ask->peer_type == 2 && ask->my_type == 2, "the look-up of node %d is without identities", me);
	*out = (struct conf_psk){ .data = v[ask->of_peer ? !me : me], .name = "two" };
	return true;
}

static void asymmetric_psk(void)
{
	lab.n[0].e->env.psk = lab.n[1].e->env.psk = two_psks;
	initiate(0, 1);
	lab_run(&lab, 5000);
	CHECK(reply_err(0, 1) == 0, "it did not come up");
	lab_converged(&lab, 1, 1);
}

static void no_secret(void)
{
	lab.n[0].e->env.psk = no_psk;
	initiate(0, 1);
	CHECK(lab.n_msgs == 0, "the exchange began without a secret");
	lab_run(&lab, 5000);
	CHECK(reply_err(0, 1) == E_NO_SECRET, "the missing secret is not told");
	lab_run(&lab, 31000);
	lab_converged(&lab, 0, 0);
}

static void wrong_id(void)
{
	static struct conf_auth other;
	static uint8_t id[] = "c.test";

	other = lab.n[0].conn.remote[0];
	other.id = (struct conf_id){ 2, 6, id };
	lab.n[0].conn.remote = &other;
	initiate(0, 1);
	lab_run(&lab, 5000);
	CHECK(reply_err(0, 1) != 0 && reply_err(0, 1) != E_AGAIN, "another identity was accepted");
	lab_converged(&lab, 0, 0);
	/* Without IDr in the request it is the initiator who refuses, and tells it. */
	other.id = (struct conf_id){ 2, 6, (uint8_t *)"*.nett" };
	initiate(0, 2);
	lab_run(&lab, 5000);
	CHECK(reply_err(0, 2) == E_AUTH_FAILED, "an identity outside the wildcard was accepted");
	lab_run(&lab, 1000);
	lab_converged(&lab, 0, 0);
}

static void any_id(void)
{
	static struct conf_auth other;

	other = lab.n[1].conn.remote[0];
	other.id = (struct conf_id){ 0 };
	lab.n[1].conn.remote = &other;
	CHECK(lab_up(&lab), "no tunnel with remote id %%any");
	lab_converged(&lab, 1, 1);
}

/* ---- uniqueness ---------------------------------------------------------------------------------------------------------- */

/* A has lost everything and comes again. */
static void restart_a(void)
{
	while (lab.n_msgs)
		lab_drop(&lab, 0);
	ike_engine_free(lab.n[0].e);
	fx_reset(&lab.n[0].fx);
	lab.n[0].n_sas = lab.n[0].n_pols = 0;
	CHECK(ike_engine_new(&lab.n[0].env, &lab.n[0].e) == 0, "no new engine");
}

static void initial_contact(void)
{
	CHECK(lab_up(&lab), "no tunnel");
	restart_a();
	initiate(0, 2);
	lab_run(&lab, 1000);
	CHECK(reply_err(0, 2) == 0, "no tunnel after the restart");
	lab_converged(&lab, 1, 1);
}

static void unique_never(void)
{
	lab.n[1].conn.unique = CONF_UNIQUE_NEVER;
	CHECK(lab_up(&lab), "no tunnel");
	restart_a();
	initiate(0, 2);
	lab_run(&lab, 1000);
	CHECK(lab_ikes(&lab, 1, "ESTABLISHED") == 2, "INITIAL_CONTACT was not ignored");
}

static void unique_keep(void)
{
	lab.n[1].conn.unique = CONF_UNIQUE_KEEP;
	lab.n[0].conn.unique = CONF_UNIQUE_NEVER; /* sends no INITIAL_CONTACT */
	CHECK(lab_up(&lab), "no tunnel");
	restart_a();
	initiate(0, 2);
	lab_run(&lab, 1000);
	CHECK(reply_err(0, 2) != 0, "a second SA was accepted");
	CHECK(lab_ikes(&lab, 1, "ESTABLISHED") == 1, "the first SA was not kept");
}

static void unique_replace(void)
{
	lab.n[1].conn.unique = CONF_UNIQUE_REPLACE;
	lab.n[0].conn.unique = CONF_UNIQUE_NEVER;
	lab.n[0].daemon.retry.tries = lab.n[1].conn.retry.tries = 1;
	CHECK(lab_up(&lab), "no tunnel");
	restart_a();
	initiate(0, 2);
	lab_run(&lab, 60000);
	CHECK(reply_err(0, 2) == 0, "no second SA");
	lab_converged(&lab, 1, 1);
}

/* ---- waiting --------------------------------------------------------------------------------------------------------------- */

static void slow_kernel(void)
{
	lab.n[1].kern_hold = true;
	initiate(0, 1);
	while (lab.n_msgs && !lab.n[1].n_held_kern)
		lab_deliver(&lab, 0);
	CHECK(lab.n[1].n_held_kern == 1 && lab.n_msgs == 0, "the responder answers before its SAs stand");
	/* The request comes again meanwhile: still no answer, and nothing twice. */
	lab_pass(&lab, 4000);
	CHECK(lab.n_msgs == 1, "no retransmission");
	lab_deliver(&lab, 0);
	CHECK(lab.n_msgs == 0, "answered while waiting");
	while (lab.n[1].n_held_kern)
		lab_kern_answer(&lab, 1, 0);
	lab.n[1].kern_hold = false;
	lab_run(&lab, 1000);
	CHECK(reply_err(0, 1) == 0, "no tunnel");
	lab_converged(&lab, 1, 1);
}

static void kernel_never_answers(void)
{
	CHECK(lab_up(&lab), "no tunnel");
	lab.n[1].kern_hold = true;
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 2, .ike = "c", .child = "k2" });
	lab_run(&lab, 59000);
	CHECK(reply_err(0, 2) == E_AGAIN, "answered too early");
	/* The peer is told TEMPORARY_FAILURE and asks again later. */
	lab_run(&lab, 2000);
	/* The late answer finds nobody. */
	lab.n[1].kern_hold = false;
	while (lab.n[1].n_held_kern)
		lab_kern_answer(&lab, 1, 0);
	lab_run(&lab, 100000);
	CHECK(reply_err(0, 2) == 0, "the second try fails as well");
	lab_converged(&lab, 1, 2);
}

static void kernel_says_no(void)
{
	lab.n[1].kern_fail = 1;
	initiate(0, 1);
	lab_run(&lab, 1000);
	CHECK(reply_err(0, 1) != 0, "a failed installation was not told");
	/* The IKE SA stays: a failing first child is no reason to drop it. */
	CHECK(lab_ikes(&lab, 0, "ESTABLISHED") == 1 && lab_ikes(&lab, 1, "ESTABLISHED") == 1, "the IKE SA is gone");
	CHECK(lab_children(&lab, 0, NULL) == 0 && lab_children(&lab, 1, NULL) == 0, "a half of a child is left");
	initiate(0, 2);
	lab_run(&lab, 1000);
	CHECK(reply_err(0, 2) == 0, "the next try fails as well");
	lab_converged(&lab, 1, 1);
}

static void slow_jobs(void)
{
	lab.n[0].job_hold = lab.n[1].job_hold = true;
	initiate(0, 1);
	for (int i = 0; i < 50 && reply_err(0, 1) == E_AGAIN; i++) {
		for (int n = 0; n < 2; n++)
			if (lab.n[n].n_held_jobs)
				lab_job_answer(&lab, n, 0);
		if (lab.n_msgs) {
			lab_double(&lab, 0);
			lab_deliver(&lab, 0);
		}
	}
	CHECK(reply_err(0, 1) == 0, "no tunnel with slow workers");
	lab_converged(&lab, 1, 1);
}

/* The workers have no room: a stranger's first message is dropped and comes again; our own work is done all the same. */
static void no_workers(void)
{
	for (int n = 1; n >= 0; n--) {
		lab.n[n].job_hold = true;
		initiate(0, 10 + (uint64_t)n);
		if (n == 1)
			lab_deliver(&lab, 0);
		CHECK(lab.n[n].n_held_jobs == 1, "no job of node %d", n);
		struct ike_job *job = lab.n[n].held_jobs[--lab.n[n].n_held_jobs];
		lab.n[n].job_hold = false;
		ike_done(lab.n[n].e, lab.now_ms, job, &lab.n[n].fx);
		CHECK(n == 0 || lab.n[1].e->half_open == 0, "the half-open SA stays");
		lab_do(&lab, n, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 20 + (uint64_t)n, .ike = "nothing" });
		lab_run(&lab, 5000);
		CHECK(reply_err(0, 10 + (uint64_t)n) == 0, "no tunnel");
		lab_converged(&lab, 1, 1);
		lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 30 + (uint64_t)n, .ike = "c" });
		lab_run(&lab, 1000);
		lab_converged(&lab, 0, 0);
	}
}

/* The SA dies while a job is out: its result finds nothing, and nothing leaks. */
static void stale_job(void)
{
	lab.n[1].job_hold = true;
	initiate(0, 1);
	lab_deliver(&lab, 0);
	CHECK(lab.n[1].n_held_jobs == 1, "no job");
	lab_pass(&lab, 31000);
	CHECK(lab.n[1].e->half_open == 0, "the half-open SA stays");
	while (lab.n_msgs)
		lab_drop(&lab, 0);
	lab_job_answer(&lab, 1, 0);
	CHECK(lab.n_msgs == 0, "a dead SA answers");
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 2, .ike = "c", .force = true });
	lab.n[1].job_hold = false;
	lab_converged(&lab, 0, 0);
}

/* ---- lifetimes, liveness --------------------------------------------------------------------------------------------------- */

static void half_open(void)
{
	initiate(0, 1);
	lab_deliver(&lab, 0);
	CHECK(lab.n[1].e->half_open == 1, "no half-open SA");
	while (lab.n_msgs)
		lab_drop(&lab, 0);
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 2, .ike = "c", .force = true });
	lab_pass(&lab, 29900);
	CHECK(lab.n[1].e->half_open == 1, "the half-open SA went too early");
	lab_pass(&lab, 200);
	CHECK(lab.n[1].e->half_open == 0, "the half-open SA stays");
	lab_converged(&lab, 0, 0);
}

static void ike_lifetime(void)
{
	struct arena a;

	lab.n[0].conn.rekey_time_s = 3600;
	lab.n[0].conn.rand_time_s = 360;
	lab.n[0].conn.over_time_s = 360;
	CHECK(lab_up(&lab), "no tunnel");
	arena_init(&a, 1 << 20);
	uint64_t spi = view(0, &a)->spi_i, in_s = view(0, &a)->rekey_in_s;
	CHECK(in_s <= 3600 && in_s >= 3240, "rekey in %llu s", (unsigned long long)in_s);
	lab_run(&lab, (in_s + 60) * 1000);
	CHECK(view(0, &a)->spi_i != spi, "no rekey");
	CHECK(lab.n[0].events[IKE_EV_IKE_REKEY][1] == 1 && lab.n[1].events[IKE_EV_IKE_REKEY][1] == 1, "ike-rekey events");
	lab_converged(&lab, 1, 1);
	lab_run(&lab, 20 * 3600 * 1000);
	lab_converged(&lab, 1, 1);
	CHECK(lab.n[0].events[IKE_EV_IKE_UPDOWN][0] == 0, "an SA went down");
	arena_fini(&a);
}

static void reauth(bool make_first)
{
	struct arena a;

	lab.n[0].conn.reauth_time_s = 600;
	lab.n[0].daemon.make_before_break = make_first;
	CHECK(lab_up(&lab), "no tunnel");
	arena_init(&a, 1 << 20);
	uint64_t unique = view(0, &a)->unique;
	lab_run(&lab, 630 * 1000);
	CHECK(view(0, &a) && view(0, &a)->unique != unique, "no re-authentication");
	arena_fini(&a);
	lab_converged(&lab, 1, 1);
}

static void reauth_make_first(void)
{
	reauth(true);
}

static void reauth_break_first(void)
{
	reauth(false);
}

static void hard_end(void)
{
	/* The rekey never gets through; nor does the delete: the SA ends all the same. */
	lab.n[0].conn.rekey_time_s = 100;
	lab.n[0].conn.over_time_s = 50;
	lab.n[0].conn.retry.tries = 2;
	CHECK(lab_up(&lab), "no tunnel");
	for (int i = 0; i < 300; i++) {
		lab_pass(&lab, 1000);
		while (lab.n_msgs)
			lab_drop(&lab, 0);
		if (i == 98)
			CHECK(lab_ikes(&lab, 0, "ESTABLISHED") == 1, "gone too early");
	}
	CHECK(lab_ikes(&lab, 0, NULL) == 0 && lab.n[0].n_sas == 0, "the SA outlives its hard lifetime");
}

static void shutdown_all(void)
{
	CHECK(lab_up(&lab), "no tunnel");
	ike_shutdown(lab.n[0].e, lab.now_ms, &lab.n[0].fx);
	lab_run(&lab, 100);
	lab_pass(&lab, 100);
	/* The effects of a direct call are executed with the next step. */
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 9, .ike = "nothing" });
	lab_run(&lab, 1000);
	CHECK(ike_idle(lab.n[0].e), "not idle after the shutdown");
	CHECK(ike_idle(lab.n[1].e), "the peer was not told");
	initiate(1, 5);
	lab_pass(&lab, 10);
	CHECK(lab.n_msgs >= 1, "no request");
	lab_deliver(&lab, 0);
	CHECK(ike_idle(lab.n[0].e), "a new SA after the shutdown");
	lab_do(&lab, 1, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 6, .ike = "c", .force = true });
}

static void commands(void)
{
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 1, .ike = "nope", .child = "k" });
	CHECK(reply_err(0, 1) == E_NOT_FOUND, "unknown connection");
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 2, .ike = "c", .child = "nope" });
	CHECK(reply_err(0, 2) == E_NOT_FOUND, "unknown child");
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 3, .ike = "c" });
	CHECK(reply_err(0, 3) == E_NOT_FOUND, "nothing to terminate");
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 4, .ike = "c" });
	CHECK(reply_err(0, 4) == E_NOT_FOUND, "nothing to rekey");
	/* By the child's name alone; and one that is given up waiting for. */
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 5, .child = "k", .timeout_ms = 1000 });
	lab_pass(&lab, 1100);
	CHECK(reply_err(0, 5) == E_TIMEOUT, "the time-out of a command");
	lab_run(&lab, 10000);
	lab_converged(&lab, 1, 1);
	/* The IKE SA alone is there already. */
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 6, .ike = "c" });
	CHECK(reply_err(0, 6) == 0, "the IKE SA is there");
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 7, .ike = "c", .force = true });
	CHECK(reply_err(0, 7) == 0 && lab_ikes(&lab, 0, NULL) == 0, "forced termination waits");
	lab_run(&lab, 1000);
	lab_converged(&lab, 0, 0);
	/* An IKE SA without child, which the responder has to allow. */
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 9, .ike = "c" });
	lab_run(&lab, 31000);
	CHECK(reply_err(0, 9) == E_NOT_SUPPORTED, "the peer does not allow it");
	lab_converged(&lab, 0, 0);
	lab.n[1].conn.childless = CONF_CHILDLESS_ALLOW;
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 8, .ike = "c" });
	lab_run(&lab, 1000);
	CHECK(reply_err(0, 8) == 0, "no IKE SA without child");
	lab_converged(&lab, 1, 0);
}

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

/* Message IDs that run out: rekeyed in time, or else closed. */
static void message_ids(void)
{
	for (int way = 0; way < 4; way++) {
		bool end = way & 1;
		int asks = way >> 1;
		uint32_t mid = end ? 0xfffffff0 : 0xffff0000, cursor = 0;
		lab_fini(&lab);
		if (!lab_init(&lab, 8, true, false))
			exit(1);
		CHECK(lab_up(&lab), "no tunnel");
		for (int i = 0; i < 2; i++) {
			cursor = 0;
			struct ike_sa *sa = ike_sa_next(lab.n[i].e, &cursor);
			*(i == asks ? &sa->tx_mid : &sa->rx_mid) = mid;
		}
		lab_do(&lab, asks, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 2, .ike = "c", .child = "k2" });
		lab_run(&lab, 5000);
		CHECK(reply_err(asks, 2) == 0, "the exchange itself failed");
		cursor = 0;
		struct ike_sa *sa = ike_sa_next(lab.n[0].e, &cursor);
		if (end)
			CHECK(!sa, "an SA that has no message IDs left goes on");
		else
			CHECK(sa && sa->unique > 1 && sa->tx_mid < 100 && sa->rx_mid < 100, "not rekeyed");
		lab_converged(&lab, end ? 0 : 1, end ? 0 : 2);
	}
}

static const struct {
	const char *name;
	void (*fn)(void);
} tests[] = {
	{ "children on their own", childless },
	{ "message IDs that run out", message_ids },
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
	{ "another shared secret", wrong_psk },
	{ "no shared secret", no_secret },
	{ "one shared secret for each way", asymmetric_psk },
	{ "another identity", wrong_id },
	{ "any identity", any_id },
	{ "INITIAL_CONTACT after a restart", initial_contact },
	{ "unique = never", unique_never },
	{ "unique = keep", unique_keep },
	{ "unique = replace", unique_replace },
	{ "the answer waits for the data plane", slow_kernel },
	{ "the data plane never answers", kernel_never_answers },
	{ "the data plane refuses the first child", kernel_says_no },
	{ "slow key exchange, every message twice", slow_jobs },
	{ "the workers have no room", no_workers },
	{ "an SA dies while its job is out", stale_job },
	{ "a half-open SA expires", half_open },
	{ "IKE rekeying by time", ike_lifetime },
	{ "re-authentication, make before break", reauth_make_first },
	{ "re-authentication, break before make", reauth_break_first },
	{ "hard lifetime", hard_end },
	{ "shutdown", shutdown_all },
	{ "commands", commands },
};

int main(int argc, char **argv)
{
	unsigned bad = 0;

	printf("1..%zu\n", ARRAY_LEN(tests));
	for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
		if (argc > 1 && (size_t)atoi(argv[1]) != i + 1)
			continue;
		if (!lab_init(&lab, i + 1, true, false))
			return 1;
		snprintf(lab.story, sizeof lab.story, "%s", tests[i].name);
		tests[i].fn();
		lab_fini(&lab);
		printf("%sok %zu - %s\n", lab.fails ? "not " : "", i + 1, tests[i].name);
		fflush(stdout);
		bad += lab.fails != 0;
	}
	return bad ? 1 : 0;
}
