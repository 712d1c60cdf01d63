/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MOBIKE (RFC 4555) between two engines: an address of ours changes at any moment, messages are lost and doubled, the new
 * path has a NAT, the peer has a further address, the peer does not want it, COOKIE2 comes back changed.
 */
#include "tests/exchange/lab_int.h"
#include "tests/exchange/one_lab.h"

static struct net_addr here, b_first, b_second;
static bool first_gone; /* B is not reached at its first address */

static bool local_addr(void *arg, const struct net_addr *remote, struct net_addr *out)
{
	(void)remote;
	*out = arg == &lab.n[0] ? here : lab.n[1].addr;
	return true;
}

/* Roaming hosts: any address of ours will do. */
static void roaming(void)
{
	here = lab.n[0].addr;
	b_first = b_second = lab.n[1].addr;
	first_gone = false;
	CHECK(net_addr_parse("192.0.2.77", &b_second) == 0, "address");
	for (int i = 0; i < 2; i++) {
		lab.n[i].conn.mobike = true;
		lab.n[i].daemon.flexible_addresses = true;
		lab.n[i].e->env.local_addr = local_addr;
	}
	lab.n[0].conn.n_local_addrs = 0;
}

static void host_moves(const char *to)
{
	CHECK(net_addr_parse(to, &here) == 0, "address");
	lab_kern_event(&lab, 0, &(struct kern_event){ .type = KERN_EV_LINK });
}

/* The address of the peer or of ours in the view of a node. */
static bool stands_at(int node, bool remote, const struct net_addr *a)
{
	struct arena arena;
	uint32_t cursor = 0;
	bool yes = false;

	arena_init(&arena, 1 << 20);
	const struct ike_view *v = ike_view_next(lab.n[node].e, lab.now_ms, &cursor, &arena);
	if (v)
		yes = net_addr_same(remote ? &v->remote : &v->local, a);
	arena_fini(&arena);
	return yes;
}

/* Both sides and both data planes have A at `here` and B at b. */
static void all_there(const struct net_addr *b)
{
	CHECK(stands_at(0, false, &here) && stands_at(1, true, &here), "the IKE SA is not where A is");
	CHECK(stands_at(0, true, b) && stands_at(1, false, b), "the IKE SA is not where B is");
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < lab.n[i].n_sas; k++) {
			const struct kern_sa *s = &lab.n[i].sas[k].sa;
			bool from_a = (i == 0) == (s->dir == KERN_OUT);
			CHECK(net_addr_same(from_a ? &s->src : &s->dst, &here) && net_addr_same(from_a ? &s->dst : &s->src, b),
				"an SA of %s is elsewhere", lab.n[i].name);
		}
}

/* Delivers one message; what goes to an address that is not reached is lost. */
static void one(void)
{
	if (first_gone && lab.msgs[0].to == 1 && net_addr_same(&lab.msgs[0].dst, &b_first))
		lab_drop(&lab, 0);
	else if (lab.msgs[0].to == 0 && !net_addr_same(&lab.msgs[0].dst, &here))
		lab_drop(&lab, 0); /* A has left that address */
	else
		lab_deliver(&lab, 0);
}

static void run(uint64_t ms)
{
	for (uint64_t t = 0; t < ms; t += 100) {
		for (int i = 0; lab.n_msgs && i < 100; i++)
			one();
		lab_pass(&lab, 100);
	}
	while (lab.n_msgs)
		one();
}

static void plain(void)
{
	roaming();
	CHECK(lab_up(&lab), "no tunnel");
	for (int i = 0; i < 3; i++) {
		host_moves(i & 1 ? "192.0.2.1" : "198.51.100.9");
		run(2000);
		all_there(&b_first);
		lab_converged(&lab, 1, 1);
	}
	CHECK(lab.n[0].events[IKE_EV_IKE_UPDATE][1] == 3 && lab.n[1].events[IKE_EV_IKE_UPDATE][1] == 3, "ike-update events");
	CHECK(lab.n[0].events[IKE_EV_CHILD_UPDOWN][0] == 0, "a child went down");
	/* Nothing changed: nothing is said. */
	lab_kern_event(&lab, 0, &(struct kern_event){ .type = KERN_EV_LINK });
	lab_pass(&lab, 1000);
	CHECK(lab.n_msgs == 0, "an update without a change");
	/* A rekeyed SA moves as well, and the same side decides, whoever rekeyed it. */
	for (int node = 0; node < 2; node++) {
		lab_do(&lab, node, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 5 + (unsigned)node, .ike = "c" });
		run(2000);
		host_moves(node ? "192.0.2.1" : "192.0.2.200");
		run(2000);
		all_there(&b_first);
		lab_do(&lab, node, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 7 + (unsigned)node, .child = "k" });
		run(20000);
		lab_converged(&lab, 1, 1);
		all_there(&b_first);
	}
}

/* Moved at each moment of other exchanges, one message lost, all doubled. */
static void any_moment(void)
{
	for (unsigned at = 0; at < 60; at++) {
		unsigned step = 0;
		lab_fini(&lab);
		if (!lab_init(&lab, at + 9, true, at & 1))
			exit(1);
		snprintf(lab.story, sizeof lab.story, "moved at step %u, message %u lost", at % 12, at / 6);
		roaming();
		CHECK(lab_up(&lab), "no tunnel");
		lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 2, .ike = at & 2 ? "c" : NULL,
			.child = at & 2 ? NULL : "k" });
		lab_do(&lab, 1, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 3, .child = "k" });
		for (unsigned guard = 0; guard < 400; guard++) {
			if (step++ == at % 12)
				host_moves("198.51.100.9");
			if (!lab.n_msgs) {
				lab_pass(&lab, 500);
			} else if (step == at / 6) {
				lab_drop(&lab, 0);
			} else {
				if (lab.n_msgs < 20 && net_addr_same(lab.msgs[0].to ? &lab.msgs[0].dst : &here, lab.msgs[0].to ? &b_first :
					&lab.msgs[0].dst))
					lab_double(&lab, 0);
				one();
			}
		}
		run(200000);
		CHECK(reply_err(0, 2) != E_AGAIN && reply_err(1, 3) != E_AGAIN, "a command was not answered");
		lab_converged(&lab, 1, 1);
		all_there(&b_first);
	}
}

/* What was out when the host moved is sent again at once, from the new address. */
static void in_flight(void)
{
	roaming();
	CHECK(lab_up(&lab), "no tunnel");
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 2, .child = "k" });
	lab_drop(&lab, 0);
	host_moves("198.51.100.9");
	lab_pass(&lab, 500);
	CHECK(lab.n_msgs == 1 && net_addr_same(&lab.msgs[0].src, &here), "not sent again from the new address");
	/* The answer goes to where the request came from, before B has been told of the move. */
	lab_deliver(&lab, 0);
	CHECK(lab.n_msgs == 1 && net_addr_same(&lab.msgs[0].dst, &here), "the answer goes to the old address");
	run(20000);
	CHECK(reply_err(0, 2) == 0, "the rekeying failed");
	lab_converged(&lab, 1, 1);
	all_there(&b_first);
}

static void not_wanted(void)
{
	for (int side = 0; side < 2; side++) {
		lab_fini(&lab);
		if (!lab_init(&lab, 3, true, false))
			exit(1);
		roaming();
		lab.n[side].conn.mobike = false;
		CHECK(lab_up(&lab), "no tunnel");
		host_moves("198.51.100.9");
		lab_pass(&lab, 2000);
		CHECK(lab.n_msgs == 0, "side %d does not want MOBIKE, and it is used", side);
	}
	/* Bound to its address by the configuration. */
	lab_fini(&lab);
	if (!lab_init(&lab, 4, true, false))
		exit(1);
	roaming();
	lab.n[0].conn.n_local_addrs = 1;
	CHECK(lab_up(&lab), "no tunnel");
	host_moves("198.51.100.9");
	lab_pass(&lab, 2000);
	CHECK(lab.n_msgs == 0, "moved to an address that local_addrs does not have");
	/* The side that did not set it up does not decide. */
	lab_kern_event(&lab, 1, &(struct kern_event){ .type = KERN_EV_LINK });
	lab_pass(&lab, 2000);
	CHECK(lab.n_msgs == 0, "the responder moves");
}

static void new_nat(void)
{
	roaming();
	CHECK(lab_up(&lab), "no tunnel");
	CHECK(!lab.n[0].sas[0].sa.encap, "UDP without NAT");
	lab.nat = true;
	host_moves("10.99.0.1");
	lab.n[0].addr = here;
	lab.n[0].addr.port = 4500;
	lab_run(&lab, 3000);
	lab_converged(&lab, 1, 1);
	struct arena a;
	uint32_t cursor = 0;
	arena_init(&a, 1 << 20);
	const struct ike_view *v = ike_view_next(lab.n[0].e, lab.now_ms, &cursor, &a);
	CHECK(v && v->nat_local && !v->nat_remote, "the NAT is not seen by A");
	cursor = 0;
	v = ike_view_next(lab.n[1].e, lab.now_ms, &cursor, &a);
	CHECK(v && v->nat_remote && !v->nat_local, "the NAT is not seen by B");
	arena_fini(&a);
}

/* B has two addresses; the path to the first breaks. */
static void other_path(void)
{
	static struct net_addr both[2];

	roaming();
	both[0] = b_first;
	both[1] = b_second;
	lab.n[1].conn.local_addrs = both;
	lab.n[1].conn.n_local_addrs = 2;
	lab.n[0].conn.dpd_delay_s = 10;
	CHECK(lab_up(&lab), "no tunnel");
	first_gone = true;
	run(60000);
	lab_converged(&lab, 1, 1);
	all_there(&b_second);
	CHECK(lab.n[0].events[IKE_EV_IKE_UPDOWN][0] == 0, "the SA went down");
}

/* COOKIE2 that comes back changed: the SA ends. */
static void wrong_cookie(void)
{
	for (int node = 0; node < 2; node++) {
		lab_fini(&lab);
		if (!lab_init(&lab, 5, true, false))
			exit(1);
		roaming();
		CHECK(lab_up(&lab), "no tunnel");
		host_moves("198.51.100.9");
		lab_pass(&lab, 1000);
		uint32_t cursor = 0;
		struct ike_sa *sa = ike_sa_next(lab.n[node].e, &cursor);
		for (int i = 0; i < 20 && lab.n_msgs && !(sa->tx && sa->tx->cookie2.n); i++)
			lab_deliver(&lab, 0);
		CHECK(sa->tx && sa->tx->cookie2.n, "node %d sends no COOKIE2", node);
		if (!sa->tx)
			continue;
		((uint8_t *)sa->tx->cookie2.p)[3] ^= 1;
		lab_run(&lab, 1000);
		CHECK(lab_ikes(&lab, node, "ESTABLISHED") == 0, "node %d goes on with a wrong COOKIE2", node);
	}
}

/* Over PF_KEY an SA cannot be moved: its side makes a new one, and takes the old away. */
static void no_moving_plane(void)
{
	for (int node = 0; node < 2; node++) {
		lab_fini(&lab);
		if (!lab_init(&lab, 7, true, false))
			exit(1);
		roaming();
		lab.n[node].env.kern_caps = lab.n[node].e->env.kern_caps = KERN_CAP_TRAP | KERN_CAP_ENCAP | KERN_CAP_RAW_ESP | KERN_CAP_TRANSPORT;
		CHECK(lab_up(&lab), "no tunnel");
		uint32_t before = lab.n[node].sas[0].sa.spi;
		for (int i = 0; i < 2; i++) {
			host_moves(i ? "192.0.2.1" : "198.51.100.9");
			run(20000);
			all_there(&b_first);
			lab_converged(&lab, 1, 1);
		}
		CHECK(!plane_sa(&lab.n[node], KERN_IN, before) && !plane_sa(&lab.n[node], KERN_OUT, before), "the old SA is still there");
		CHECK(lab.n[node].events[IKE_EV_CHILD_UPDOWN][0] == 0, "a child went down");
	}
}

static const struct lab_test tests[] = {
	{ "moving, before and after rekeyings", plain },
	{ "moving at any moment", any_moment },
	{ "what is in flight comes from the new address", in_flight },
	{ "who does not want it", not_wanted },
	{ "the new path has a NAT", new_nat },
	{ "another address of the peer", other_path },
	{ "a wrong COOKIE2", wrong_cookie },
	{ "a data plane that cannot move SAs", no_moving_plane },
};

int main(int argc, char **argv)
{
	return lab_tests_run(tests, ARRAY_LEN(tests), 0, argc, argv);
}
