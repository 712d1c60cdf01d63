/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time and order: retransmission by the exact formula, giving up, message IDs, liveness checks and what follows when
 * the peer is dead. Two engines, no network, own clock.
 */
#include "ike/msgio.h"
#include "tests/exchange/one_lab.h"

#include <math.h>

/* Drops everything; the times (from the first) of what node 0 sends until it gives up. */
static size_t send_times(uint64_t *at, size_t cap, uint64_t *given_up)
{
	uint64_t start = lab.now_ms;
	size_t n = 0;

	initiate(0, 1);
	while (n < cap) {
		while (lab.n_msgs) {
			at[n++] = lab.now_ms - start;
			lab_drop(&lab, 0);
		}
		if (reply_err(0, 1) != E_AGAIN)
			break;
		uint64_t next = ike_next_ms(lab.n[0].e);
		if (next == UINT64_MAX)
			break;
		lab_pass(&lab, next - lab.now_ms);
	}
	*given_up = lab.now_ms - start;
	return n;
}

static void formula(uint32_t tries, uint32_t timeout_ms, uint32_t base_x1000, uint32_t limit_ms)
{
	uint64_t at[128], up;
	double sum = 0;

	lab.n[0].conn.retry = (struct conf_retry){ .tries = tries, .timeout_ms = timeout_ms, .base_x1000 = base_x1000,
		.limit_ms = limit_ms };
	size_t n = send_times(at, ARRAY_LEN(at), &up);
	CHECK(n == tries + 1, "%zu packets, %u are right", n, tries + 1);
	for (size_t i = 0; i < n; i++) {
		CHECK(fabs((double)at[i] - sum) <= (double)i + 1, "packet %zu at %llu ms, %.1f is right", i, (unsigned long long)at[i], sum);
		double wait = timeout_ms * pow(base_x1000 / 1000.0, (double)i);
		sum += limit_ms && wait > limit_ms ? limit_ms : wait;
	}
	CHECK(fabs((double)up - sum) <= (double)n + 1, "given up after %llu ms, %.1f is right", (unsigned long long)up, sum);
	CHECK(reply_err(0, 1) == E_TIMEOUT, "no time-out told");
	CHECK(lab_ikes(&lab, 0, NULL) == 0, "an SA is left");
}

static void defaults(void)
{
	formula(5, 4000, 1800, 0); /* 165.06 s in all */
}

static void capped(void)
{
	formula(12, 2000, 2000, 7000);
}

static void constant(void)
{
	formula(3, 1500, 1000, 0);
}

static void shrinking(void)
{
	formula(3, 8000, 500, 0);
}

static void no_retry(void)
{
	formula(0, 3000, 1800, 0);
}

static void jitter(void)
{
	uint64_t at[16], up;
	bool shorter = false;
	double wait = 4000;

	lab.n[0].conn.retry = (struct conf_retry){ .tries = 5, .timeout_ms = 4000, .base_x1000 = 1800, .jitter_pct = 20 };
	size_t n = send_times(at, ARRAY_LEN(at), &up);
	CHECK(n == 6, "%zu packets", n);
	for (size_t i = 1; i < n; i++, wait *= 1.8) {
		double gap = (double)(at[i] - at[i - 1]);
		CHECK(gap <= wait + 1 && gap >= wait * 0.8 - 1, "wait %zu is %.0f ms, allowed %.0f to %.0f", i, gap, wait * 0.8, wait);
		shorter |= gap < wait - 2;
	}
	CHECK(shorter, "no jitter in five waits");
}

static void keyingtries(void)
{
	uint64_t at[64], up;

	lab.n[0].conn.keyingtries = 3;
	lab.n[0].conn.retry = (struct conf_retry){ .tries = 1, .timeout_ms = 1000, .base_x1000 = 1000 };
	size_t n = send_times(at, ARRAY_LEN(at), &up);
	CHECK(n == 6, "%zu packets in three tries of two", n);
	CHECK(reply_err(0, 1) == E_TIMEOUT, "no time-out told");
}

/* Any one message of the set-up is lost: it is sent again, and the tunnel comes up. */
static void one_lost(void)
{
	for (unsigned lost = 0; lost < 4; lost++) {
		unsigned i = 0;
		initiate(0, lost + 1);
		for (; lab.n_msgs || lab.now_ms < 100000; i++) {
			if (!lab.n_msgs) {
				if (reply_err(0, lost + 1) != E_AGAIN)
					break;
				lab_pass(&lab, 1000);
				i--;
				continue;
			}
			if (i == lost)
				lab_drop(&lab, 0);
			else
				lab_deliver(&lab, 0);
		}
		CHECK(reply_err(0, lost + 1) == 0, "message %u lost: no tunnel", lost);
		lab_run(&lab, 1000);
		lab_converged(&lab, 1, 1);
		lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = lost + 10, .ike = "c" });
		lab_run(&lab, 1000);
		lab_converged(&lab, 0, 0);
	}
}

/* Old requests, requests from the future and answers nobody waits for. */
static void window(void)
{
	struct lab_msg keep[2];

	initiate(0, 1);
	lab_deliver(&lab, 0);
	lab_deliver(&lab, 0);
	for (int i = 0; i < 2; i++) {
		keep[i] = lab.msgs[0];
		keep[i].data = malloc(keep[i].n);
		memcpy(keep[i].data, lab.msgs[0].data, keep[i].n);
		lab_deliver(&lab, 0); /* 0: IKE_AUTH request, 1: its answer */
	}
	lab_run(&lab, 100);
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 2, .child = "k" });
	lab_run(&lab, 20000);
	lab_converged(&lab, 1, 1);
	for (int i = 0; i < 2; i++) {
		for (int bump = 0; bump < 3; bump++) {
			struct lab_msg *m = &lab.msgs[lab.n_msgs++];
			*m = keep[i];
			m->data = malloc(m->n);
			memcpy(m->data, keep[i].data, m->n);
			m->data[23] = (uint8_t)(m->data[23] + bump * 50);
			lab_deliver(&lab, lab.n_msgs - 1);
			CHECK(lab.n_msgs == 0, "an answer to a message outside the window");
		}
		free(keep[i].data);
	}
	lab_run(&lab, 1000);
	lab_converged(&lab, 1, 1);
}

/* ---- liveness ------------------------------------------------------------------------------------------------------------ */

static void dpd_alive(void)
{
	unsigned probes = 0;

	lab.n[0].conn.dpd_delay_s = 30;
	CHECK(lab_up(&lab), "no tunnel");
	for (int s = 0; s < 300; s++) {
		lab_pass(&lab, 1000);
		while (lab.n_msgs) {
			probes += lab.msgs[0].to == 1;
			lab_deliver(&lab, 0);
		}
	}
	CHECK(probes >= 9 && probes <= 10, "%u probes in 300 s with a delay of 30", probes);
	lab_converged(&lab, 1, 1);
}

static void dpd_traffic(void)
{
	lab.n[0].conn.dpd_delay_s = 30;
	CHECK(lab_up(&lab), "no tunnel");
	for (int s = 0; s < 300; s++) {
		for (size_t i = 0; i < lab.n[0].n_sas; i++)
			lab.n[0].sas[i].packets++;
		lab_pass(&lab, 1000);
		CHECK(lab.n_msgs == 0, "a probe although ESP packets come in");
		while (lab.n_msgs)
			lab_drop(&lab, 0);
	}
}

static void peer_dies(void)
{
	uint64_t start = lab.now_ms;

	while (lab_ikes(&lab, 0, "ESTABLISHED") && lab.now_ms < start + 400000) {
		lab_pass(&lab, 1000);
		while (lab.n_msgs)
			lab_drop(&lab, 0);
	}
	/* 30 s of silence, then 165 s of retransmission. */
	uint64_t took = lab.now_ms - start;
	CHECK(took >= 194000 && took <= 197000, "the dead peer was found after %llu ms", (unsigned long long)took);
}

static void dpd_clear(void)
{
	lab.n[0].conn.dpd_delay_s = 30;
	lab.n[0].kids[0].dpd_action = CONF_DPD_CLEAR;
	CHECK(lab_up(&lab), "no tunnel");
	peer_dies();
	lab_pass(&lab, 10000);
	CHECK(lab_ikes(&lab, 0, NULL) == 0 && lab.n[0].n_sas == 0 && lab.n[0].n_pols == 0, "something is left");
	CHECK(lab.n[0].events[IKE_EV_IKE_UPDOWN][0] == 1 && lab.n[0].events[IKE_EV_ALERT][0] == 1, "events");
}

static void dpd_restart(void)
{
	lab.n[0].conn.dpd_delay_s = 30;
	lab.n[0].kids[0].dpd_action = CONF_DPD_RESTART;
	CHECK(lab_up(&lab), "no tunnel");
	peer_dies();
	CHECK(lab_ikes(&lab, 0, "CONNECTING") == 1, "no new IKE SA is tried");
	lab_run(&lab, 60000);
	CHECK(lab_ikes(&lab, 0, "ESTABLISHED") == 1 && lab_children(&lab, 0, "INSTALLED") == 1, "not restarted");
}

static void dpd_trap(void)
{
	lab.n[0].conn.dpd_delay_s = 30;
	lab.n[0].kids[0].dpd_action = CONF_DPD_TRAP;
	CHECK(lab_up(&lab), "no tunnel");
	peer_dies();
	CHECK(lab_ikes(&lab, 0, NULL) == 0 && lab.n[0].n_sas == 0, "something is left");
	unsigned traps = 0;
	for (size_t i = 0; i < lab.n[0].n_pols; i++)
		traps += lab.n[0].pols[i].action == KERN_TRAP;
	CHECK(traps == 1, "%u traps after a dead peer", traps);
}

static void many_timers(void)
{
	struct timers h;
	struct ike_timer t[500] = { { 0 } };
	uint64_t last = 0;
	unsigned n = 0;

	timers_init(&h);
	CHECK(timer_reserve(&h, 500) == 0, "reserve");
	for (unsigned i = 0; i < 500; i++)
		timer_set(&h, &t[i], (i * 7919u) % 1000, NULL);
	for (unsigned i = 0; i < 500; i += 3)
		timer_set(&h, &t[i], (i * 104729u) % 1000, NULL);
	for (unsigned i = 0; i < 500; i += 5)
		timer_stop(&h, &t[i]);
	for (struct ike_timer *d; (d = timers_due(&h, 2000)); n++) {
		CHECK(d->at_ms >= last, "timers out of order");
		last = d->at_ms;
	}
	CHECK(n == 400, "%u timers fired, 400 are right", n);
	timers_fini(&h);
}

static const struct lab_test tests[] = {
	{ "retransmission, defaults", defaults },
	{ "retransmission with a cap", capped },
	{ "retransmission, base 1", constant },
	{ "retransmission, base below 1", shrinking },
	{ "no retransmission", no_retry },
	{ "retransmission with jitter", jitter },
	{ "keyingtries", keyingtries },
	{ "each message of the set-up lost once", one_lost },
	{ "messages outside the window", window },
	{ "liveness checks of a living peer", dpd_alive },
	{ "ESP traffic is proof of life", dpd_traffic },
	{ "a dead peer, dpd_action clear", dpd_clear },
	{ "a dead peer, dpd_action restart", dpd_restart },
	{ "a dead peer, dpd_action trap", dpd_trap },
	{ "timers", many_timers },
};

int main(int argc, char **argv)
{
	return lab_tests_run(tests, ARRAY_LEN(tests), 0, argc, argv);
}
