/* SPDX-License-Identifier: Apache-2.0 */
/* An IKE SA that waits: for the data plane and the workers, which are slow, refuse, have no room or never answer. */
#include "tests/exchange/one_lab.h"

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

static const struct lab_test tests[] = {
	{ "the answer waits for the data plane", slow_kernel },
	{ "the data plane never answers", kernel_never_answers },
	{ "the data plane refuses the first child", kernel_says_no },
	{ "slow key exchange, every message twice", slow_jobs },
	{ "the workers have no room", no_workers },
	{ "an SA dies while its job is out", stale_job },
};

int main(int argc, char **argv)
{
	return lab_tests_run(tests, ARRAY_LEN(tests), 0, argc, argv);
}
