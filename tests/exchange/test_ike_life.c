/* SPDX-License-Identifier: Apache-2.0 */
/* An IKE SA over its life: half open, rekeying, re-authentication, the hard end, message IDs; commands and the shutdown. */
#include "tests/exchange/one_lab.h"

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

static const struct lab_test tests[] = {
	{ "message IDs that run out", message_ids },
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
	return lab_tests_run(tests, ARRAY_LEN(tests), 0, argc, argv);
}
