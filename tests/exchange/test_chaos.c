/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anything may happen: random commands on both sides, messages lost, doubled, reordered and damaged, data planes and
 * workers that answer late or say no. Then the network heals and ten minutes pass: with liveness checks on, both sides have to
 * agree, every command was answered exactly once and nothing is left over. The same seed is the same story.
 *
 *     test_chaos [first seed [seeds]]
 */
#include "tests/exchange/lab.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 400, STEPS = 150 };

static struct lab lab;
static uint64_t state;

static unsigned pick(unsigned n)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)((state >> 33) % n);
}

static void command(uint64_t id)
{
	static const struct {
		uint8_t verb;
		const char *ike, *child;
		bool force;
	} v[] = {
		{ IKE_CMD_INITIATE, "c", "k", false }, { IKE_CMD_INITIATE, "c", "k2", false }, { IKE_CMD_INITIATE, "c", NULL, false },
		{ IKE_CMD_REKEY, "c", NULL, false }, { IKE_CMD_REKEY, NULL, "k", false }, { IKE_CMD_TERMINATE, NULL, "k", false },
		{ IKE_CMD_TERMINATE, "c", NULL, false }, { IKE_CMD_TERMINATE, "c", NULL, true },
	};
	/* Making is twice as likely as ending. */
	unsigned at = pick(2) ? pick(3) : pick(ARRAY_LEN(v));
	int node = (int)pick(2);

	if (lab.n[node].n_replies == LAB_REPLIES)
		return;
	lab_do(&lab, node, &(struct ike_cmd){ .verb = v[at].verb, .cmd_id = id, .ike = v[at].ike, .child = v[at].child,
		.force = v[at].force });
}

static void damage(void)
{
	struct lab_msg *m = &lab.msgs[pick((unsigned)lab.n_msgs)];

	if (m->n)
		m->data[pick((unsigned)m->n)] ^= (uint8_t)(1 + pick(255));
}

static void let_go(void)
{
	for (int i = 0; i < 2; i++) {
		lab.n[i].job_hold = lab.n[i].kern_hold = false;
		lab.n[i].kern_fail = 0;
		while (lab.n[i].n_held_jobs)
			lab_job_answer(&lab, i, pick((unsigned)lab.n[i].n_held_jobs));
		while (lab.n[i].n_held_kern)
			lab_kern_answer(&lab, i, pick((unsigned)lab.n[i].n_held_kern));
	}
}

static void step(uint64_t id)
{
	unsigned what = pick(24), at = lab.n_msgs ? pick((unsigned)lab.n_msgs) : 0;
	int node = (int)pick(2);

	if (what < 3) {
		command(id);
	} else if (what < 5) {
		lab_pass(&lab, 100 + pick(8000));
	} else if (what == 5) {
		lab.n[node].job_hold = !lab.n[node].job_hold;
	} else if (what == 6) {
		lab.n[node].kern_hold = !lab.n[node].kern_hold;
	} else if (what == 7) {
		lab.n[node].kern_fail = (int)pick(2);
	} else if (what == 8 && lab.n[node].n_held_jobs) {
		lab_job_answer(&lab, node, pick((unsigned)lab.n[node].n_held_jobs));
	} else if (what == 9 && lab.n[node].n_held_kern) {
		lab_kern_answer(&lab, node, pick((unsigned)lab.n[node].n_held_kern));
	} else if (lab.n_msgs > LAB_MSGS / 2) {
		lab_drop(&lab, at);
	} else if (lab.n_msgs) {
		if (what == 10)
			lab_drop(&lab, at);
		else if (what == 11)
			lab_double(&lab, at);
		else if (what == 12)
			damage();
		else
			lab_deliver(&lab, at);
	}
}

static bool chaos(uint64_t seed)
{
	state = seed * 7919;
	/* Every third with up to three further key exchanges, every fourth in fragments. */
	lab_extra_kes = seed % 3 ? 0 : 1 + (unsigned)(seed / 3 % 3);
	if (!lab_init(&lab, seed, true, seed % 2 != 0))
		return false;
	snprintf(lab.story, sizeof lab.story, "seed %llu", (unsigned long long)seed);
	for (int i = 0; i < 2; i++) {
		lab.n[i].conn.dpd_delay_s = 20;
		lab.n[i].conn.childless = CONF_CHILDLESS_ALLOW;
		lab.n[i].daemon.dos_protection = false;
		lab.n[i].conn.fragmentation = seed % 4 ? CONF_FRAG_NO : CONF_FRAG_YES;
		lab.n[i].conn.retry = (struct conf_retry){ .tries = 3, .timeout_ms = 2000, .base_x1000 = 1500 };
	}
	for (unsigned i = 0; i < STEPS && !lab.fails; i++)
		step(100 + i);
	while (lab.n_msgs)
		lab_drop(&lab, 0);
	let_go();
	lab_run(&lab, 600000);
	let_go();
	lab_converged(&lab, lab_ikes(&lab, 0, "ESTABLISHED"), lab_children(&lab, 0, "INSTALLED"));
	for (int i = 0; i < 2; i++)
		lab_do(&lab, i, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 1000, .ike = "c" });
	lab_run(&lab, 60000);
	lab_converged(&lab, 0, 0);
	bool ok = !lab.fails;
	lab_fini(&lab);
	return ok && !lab.fails;
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, n = argc > 2 ? strtoull(argv[2], NULL, 10) : argc > 1 ? 1 : SEEDS;
	unsigned bad = 0;

	for (uint64_t seed = first; seed < first + n && bad < 10; seed++)
		if (!chaos(seed)) {
			bad++;
			printf("not ok - seed %llu\n", (unsigned long long)seed);
			fflush(stdout);
		}
	printf("%sok - %llu random stories end well\n", bad ? "not " : "", (unsigned long long)n);
	return bad ? 1 : 0;
}
