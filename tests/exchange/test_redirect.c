/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redirect (RFC 5685) between two engines: node 1 has two addresses and plays both gateways, the one that sends away and
 * the one that is gone to. In IKE_SA_INIT, in IKE_AUTH and on command; loops, names, forgeries, clients that do not follow.
 */
#include "tests/exchange/one_lab.h"

static struct net_addr first, second;
static char second_text[] = "192.0.2.77", by_name[] = "gateway.test";

static bool local_addr(void *arg, const struct net_addr *remote, struct net_addr *out)
{
	(void)remote;
	*out = ((struct lab_node *)arg)->addr;
	return true;
}

static void two_gateways(void)
{
	first = lab.n[1].addr;
	CHECK(net_addr_parse(second_text, &second) == 0, "address");
	lab.n[0].name_addr = second;
	for (int i = 0; i < 2; i++) {
		CHECK(lab.n[i].daemon.follow_redirects && lab.n[i].daemon.redirect_limit == 5, "defaults");
		lab.n[i].e->env.local_addr = local_addr;
	}
}

/* Where the newest established IKE SA of a node says the gateway is. */
static bool gateway_at(int node, const struct net_addr *a)
{
	struct arena arena;
	uint32_t cursor = 0;
	bool yes = false;

	arena_init(&arena, 1 << 20);
	for (const struct ike_view *v; (v = ike_view_next(lab.n[node].e, lab.now_ms, &cursor, &arena));)
		if (strcmp(v->state, "ESTABLISHED") == 0)
			yes = net_addr_same(node ? &v->local : &v->remote, a);
	arena_fini(&arena);
	return yes;
}

static void all_at(const struct net_addr *a, const char *what)
{
	CHECK(gateway_at(0, a) && gateway_at(1, a), "%s: the IKE SA is with the other gateway", what);
	lab_converged(&lab, 1, 1);
}

static uint32_t flags_of(int node)
{
	uint32_t cursor = 0;
	struct ike_sa *sa = ike_sa_next(lab.n[node].e, &cursor);

	return sa ? sa->flags : 0;
}

/* ---- IKE_SA_INIT ------------------------------------------------------------------------------------------------------- */

static void in_init(void)
{
	two_gateways();
	lab.n[1].daemon.redirect_gateway = second_text;
	initiate(0, 1);
	lab_run(&lab, 2000);
	CHECK(reply_err(0, 1) == 0, "the command: %s", lab_reply(&lab, 0, 1) ? lab_reply(&lab, 0, 1)->text : "no answer");
	all_at(&second, "sent away in IKE_SA_INIT");
	CHECK(lab.n[1].events[IKE_EV_IKE_UPDOWN][1] == 1, "the first gateway has made an SA");
	CHECK(flags_of(1) & SA_REDIRECTABLE && flags_of(0) & SA_FOLLOWS, "marks");
	/* A further child of the connection joins the SA, although its address is not the configured one. */
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 2, .ike = "c", .child = "k2" });
	lab_run(&lab, 2000);
	lab_converged(&lab, 1, 2);
}

static void thresholds(void)
{
	two_gateways();
	lab.n[1].daemon.redirect_gateway = second_text;
	lab.n[1].daemon.redirect_ike_sas = 1;
	initiate(0, 1);
	lab_run(&lab, 2000);
	all_at(&first, "below the threshold");
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 3, .ike = "c", .reauth = true });
	lab.n[0].daemon.make_before_break = true;
	lab_run(&lab, 5000);
	lab_converged(&lab, 1, 1);
}

static void does_not_follow(void)
{
	two_gateways();
	lab.n[1].daemon.redirect_gateway = second_text;
	lab.n[0].daemon.follow_redirects = false;
	initiate(0, 1);
	lab_run(&lab, 2000);
	CHECK(reply_err(0, 1) == 0, "the command");
	all_at(&first, "a client that does not follow is served");
	CHECK(!(flags_of(1) & SA_REDIRECTABLE), "marks");
	lab_do(&lab, 1, &(struct ike_cmd){ .verb = IKE_CMD_REDIRECT, .cmd_id = 2, .ike = "c", .gateway = second_text });
	CHECK(reply_err(1, 2) == E_NOT_SUPPORTED, "redirected although it does not follow");
}

static void loop(void)
{
	two_gateways();
	/* A name is never an address of the gateway itself, so it always redirects. */
	lab.n[1].daemon.redirect_gateway = "gateway.test";
	initiate(0, 1);
	lab_run(&lab, 2000);
	CHECK(reply_err(0, 1) == E_LIMIT, "a loop ended with %s", err_name(reply_err(0, 1)));
	CHECK(strcmp(lab.n[0].name_asked, "gateway.test") == 0, "the name that was looked up is '%s'", lab.n[0].name_asked);
	lab_converged(&lab, 0, 0);
	/* The limit is one of a time. */
	lab.n[0].daemon.redirect_period_s = 300;
	lab.n[1].daemon.redirect_gateway = NULL;
	initiate(0, 2);
	lab_run(&lab, 2000);
	CHECK(reply_err(0, 2) == 0, "afterwards");
	lab_converged(&lab, 1, 1);
}

static void names(void)
{
	two_gateways();
	lab.n[1].daemon.redirect_gateway = "gateway.test";
	lab.n[0].name_err = E_NOT_FOUND;
	initiate(0, 1);
	lab_run(&lab, 2000);
	CHECK(reply_err(0, 1) == E_NOT_FOUND && strstr(lab_reply(&lab, 0, 1)->text, "the name is not known"), "a name nobody knows");
	lab_converged(&lab, 0, 0);
	/* The answer comes late, and messages that come meanwhile wait. */
	lab.n[0].name_err = 0;
	lab.n[0].name_hold = true;
	initiate(0, 2);
	lab_run(&lab, 3000);
	CHECK(lab.n[0].n_held_names == 1 && reply_err(0, 2) == E_AGAIN, "waits for the name");
	lab.n[1].daemon.redirect_gateway = NULL;
	lab.n[0].name_hold = false;
	lab_name_answer(&lab, 0);
	lab_run(&lab, 2000);
	CHECK(reply_err(0, 2) == 0, "after the name");
	all_at(&second, "by name");
	/* It never comes. */
	lab.n[0].name_hold = true;
	lab_do(&lab, 1, &(struct ike_cmd){ .verb = IKE_CMD_REDIRECT, .cmd_id = 3, .ike = "c", .gateway = "gateway.test" });
	lab_run(&lab, 20000);
	lab_converged(&lab, 1, 1);
	lab.n[1].daemon.redirect_delete_delay_s = 0;
	lab_run(&lab, 60000);
	lab.n[0].n_held_names = 0;
	lab_converged(&lab, 1, 1);
}

static void silent_gateway(void)
{
	two_gateways();
	lab.n[1].daemon.redirect_gateway = second_text;
	lab.n[0].conn.keyingtries = 3;
	initiate(0, 1);
	for (int i = 0; i < 4000 && reply_err(0, 1) == E_AGAIN; i++) {
		/* Nobody is at the second address; the first one serves from the second time on. */
		while (lab.n_msgs) {
			bool lost = lab.msgs[0].to == 1 && net_addr_same(&lab.msgs[0].dst, &second);
			if (lost)
				lab.n[1].daemon.redirect_gateway = NULL;
			(lost ? lab_drop : lab_deliver)(&lab, 0);
		}
		lab_pass(&lab, 100);
	}
	lab_run(&lab, 1000);
	CHECK(reply_err(0, 1) == 0, "back to the configured gateway");
	all_at(&first, "back to the configured gateway");
}

/* The answer as an attacker would make it who does not see the nonce, and cut short at each byte. */
static void forged(void)
{
	two_gateways();
	lab.n[1].daemon.redirect_gateway = second_text;
	for (unsigned at = 0; at < 40; at++) {
		initiate(0, 10 + at);
		lab_deliver(&lab, 0);
		CHECK(lab.n_msgs == 1 && lab.msgs[0].n == 28 + 8 + 2 + 4 + IKE_NONCE_LEN, "a REDIRECT of %zu bytes", lab.msgs[0].n);
		/* Everything behind the type of the notify. */
		if (at < 38)
			lab.msgs[0].data[36 + at] ^= at < 6 ? 0x40 : 1;
		if (at >= 2 && at < 6) {
			/* Another address is no forgery that can be seen: only the nonce is. */
			lab_drop(&lab, 0);
		} else if (at < 38) {
			lab_deliver(&lab, 0);
			CHECK(lab.n_msgs == 0, "byte %u changed: followed", at);
		} else {
			lab_deliver(&lab, 0);
			CHECK(lab.n_msgs == 1 && net_addr_same(&lab.msgs[0].dst, &second), "the right one is not followed");
			lab_drop(&lab, 0);
		}
		lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .ike = "c", .force = true });
		while (lab.n_msgs)
			lab_drop(&lab, 0);
	}
}

/* ---- IKE_AUTH ---------------------------------------------------------------------------------------------------------- */

static void in_auth(void)
{
	two_gateways();
	lab.n[1].conn.redirect_gateway = second_text;
	initiate(0, 1);
	lab_run(&lab, 5000);
	CHECK(reply_err(0, 1) == 0, "the command");
	all_at(&second, "sent away in IKE_AUTH");
	CHECK(lab.n[1].events[IKE_EV_CHILD_UPDOWN][1] == 1 && lab.n[0].events[IKE_EV_CHILD_UPDOWN][1] == 1, "one child came up");
	CHECK(lab.n[0].events[IKE_EV_CHILD_UPDOWN][0] == 0, "no child went down");
}

static void auth_not_followed(void)
{
	two_gateways();
	lab.n[1].conn.redirect_gateway = by_name;
	lab.n[0].name_err = E_NOT_FOUND;
	initiate(0, 1);
	lab_run(&lab, 5000);
	CHECK(reply_err(0, 1) == E_NOT_FOUND, "the command ends with %s", err_name(reply_err(0, 1)));
	lab_converged(&lab, 0, 0);
}

/* ---- on command -------------------------------------------------------------------------------------------------------- */

static void redirect(uint64_t cmd_id, const char *ip, const char *id, const char *to)
{
	lab_do(&lab, 1, &(struct ike_cmd){ .verb = IKE_CMD_REDIRECT, .cmd_id = cmd_id, .peer_ip = ip, .peer_id = id, .gateway = to });
}

static void who_fits(void)
{
	static const struct { const char *ip, *id; bool yes; } rows[] = {
		{ "192.0.2.0/24", NULL, true }, { "192.0.2.1", NULL, true }, { "192.0.2.0-192.0.2.5", NULL, true },
		{ "192.0.2.2-192.0.2.5", NULL, false }, { "198.51.100.0/24", NULL, false }, { "2001:db8::/32", NULL, false },
		{ NULL, "a.test", true }, { NULL, "*.test", true }, { NULL, "%any", true }, { NULL, "b.test", false },
		{ NULL, "*.example", false }, { "192.0.2.0/24", "a.test", true }, { "192.0.2.0/24", "b.test", false },
	};

	two_gateways();
	CHECK(lab_up(&lab), "no tunnel");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		redirect(10 + i, rows[i].ip, rows[i].id, rows[i].yes ? "nowhere.test" : second_text);
		lab.n[0].name_err = E_NOT_FOUND;
		lab.n[1].daemon.redirect_delete_delay_s = 0;
		lab_run(&lab, 1000);
		CHECK(reply_err(1, 10 + i) == (rows[i].yes ? 0 : E_NOT_FOUND), "%s %s: %s", rows[i].ip ? rows[i].ip : "-",
			rows[i].id ? rows[i].id : "-", err_name(reply_err(1, 10 + i)));
	}
	all_at(&first, "a client that cannot follow stays");
	static const char *const bad[][3] = { { "192.0.2.1", NULL, "" }, { "192.0.2.1", NULL, "192.0.2.300" },
		{ "192.0.2.1", NULL, "a b" }, { "192.0.2", NULL, "gw.test" }, { "192.0.2.1[tcp]", NULL, "gw.test" },
		{ NULL, "CN=", "gw.test" } };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		redirect(50 + i, bad[i][0], bad[i][1], bad[i][2]);
		CHECK(reply_err(1, 50 + i) == E_BAD_VALUE || reply_err(1, 50 + i) == E_NOT_FOUND, "bad command %zu: %s", i,
			err_name(reply_err(1, 50 + i)));
	}
	/* Who set the SA up cannot redirect. */
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_REDIRECT, .cmd_id = 90, .ike = "c", .gateway = second_text });
	CHECK(reply_err(0, 90) == E_NOT_SUPPORTED, "an initiator redirects");
}

static void on_command(void)
{
	for (unsigned rekeyed = 0; rekeyed < 3; rekeyed++) {
		lab_fini(&lab);
		if (!lab_init(&lab, 40 + rekeyed, true, false))
			exit(1);
		snprintf(lab.story, sizeof lab.story, "on command, rekeyed by %u", rekeyed);
		two_gateways();
		CHECK(lab_up(&lab), "no tunnel");
		lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 2, .ike = "c", .child = "k2" });
		lab_run(&lab, 1000);
		/* Whoever rekeys it: the client stays the client. */
		if (rekeyed)
			lab_do(&lab, (int)rekeyed - 1, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 3, .ike = "c" });
		lab_run(&lab, 1000);
		redirect(4, NULL, "*.test", second_text);
		CHECK(reply_err(1, 4) == 0 && lab_reply(&lab, 1, 4)->matches == 1, "the command");
		lab_run(&lab, 5000);
		CHECK(gateway_at(0, &second) && gateway_at(1, &second), "with the other gateway");
		lab_converged(&lab, 1, 2);
		CHECK(lab.n[1].events[IKE_EV_ALERT][0] == 0, "an alert");
	}
}

/* A message lost, all doubled: at each place. */
static void lossy(void)
{
	for (unsigned at = 0; at < 24; at++) {
		unsigned step = 0;
		lab_fini(&lab);
		if (!lab_init(&lab, at + 70, true, false))
			exit(1);
		snprintf(lab.story, sizeof lab.story, "redirected %s, message %u lost", at & 1 ? "on command" : "in IKE_AUTH", at / 2);
		two_gateways();
		if (at & 1) {
			CHECK(lab_up(&lab), "no tunnel");
			redirect(4, "192.0.2.0/24", NULL, second_text);
		} else {
			lab.n[1].conn.redirect_gateway = second_text;
			initiate(0, 1);
		}
		for (uint64_t t = 0; t < 30000; t += 100) {
			while (lab.n_msgs) {
				if (step++ == at / 2) {
					lab_drop(&lab, 0);
					continue;
				}
				lab_double(&lab, 0);
				lab_deliver(&lab, 0);
			}
			lab_pass(&lab, 100);
		}
		/* A delete whose answer was lost is given up. */
		lab_run(&lab, 200000);
		all_at(&second, "after losses");
	}
}

/* The client does not delete its old SA: the gateway does, when its time is over. */
static void time_is_over(void)
{
	two_gateways();
	CHECK(lab_up(&lab), "no tunnel");
	lab.n[0].name_err = E_NOT_FOUND;
	redirect(4, "192.0.2.0/24", NULL, "gateway.test");
	lab_run(&lab, 29000);
	lab_converged(&lab, 1, 1);
	lab_run(&lab, 3000);
	lab_converged(&lab, 0, 0);
}

static const struct lab_test tests[] = {
	{ "in IKE_SA_INIT", in_init },
	{ "only when there are too many", thresholds },
	{ "a client that does not follow", does_not_follow },
	{ "gateways that send it to each other", loop },
	{ "gateways by name", names },
	{ "a gateway that does not answer", silent_gateway },
	{ "forged and malformed redirects", forged },
	{ "in IKE_AUTH", in_auth },
	{ "in IKE_AUTH, to nowhere", auth_not_followed },
	{ "which clients a command means", who_fits },
	{ "on command", on_command },
	{ "with losses", lossy },
	{ "a client that stays", time_is_over },
};

int main(int argc, char **argv)
{
	return lab_tests_run(tests, ARRAY_LEN(tests), 0, argc, argv);
}
