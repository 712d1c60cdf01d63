/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every collision of rekeying and deleting, over every order of delivery up to depth 4.
 *
 * A has begun its exchange; B begins its own at any point, and A may be asked for a second thing at any point (depth 3
 * then). At each of the first DEPTH steps one of these is chosen: B
 * begins; a message in flight (any of them) is delivered, lost, or doubled. All choices are tried, by running the
 * whole story again for each path (an odometer over the numbers of choices). Then the rest is delivered in order and
 * two minutes pass: both sides have to agree, with nothing left over. While neither side deletes, neither may ever send
 * on something that the other does not have.
 */
#include "tests/exchange/lab.h"

#include <stdio.h>
#include <stdlib.h>

/* LATE_DEPTH: with answers of the data plane and of jobs that come when they like; messages are only reordered then. */
#ifndef DEPTH
#define DEPTH 4
#define LATE_DEPTH 6
#endif
enum { STEPS = 8 };

struct act {
	const char *name;
	uint8_t verb;
	bool child; /* about the child, else about the IKE SA */
	bool deletes_child, deletes_ike, makes;
};

static const struct act acts[] = {
	{ "child rekey", IKE_CMD_REKEY, true, false, false, false },
	{ "child delete", IKE_CMD_TERMINATE, true, true, false, false },
	{ "IKE rekey", IKE_CMD_REKEY, false, false, false, false },
	{ "IKE delete", IKE_CMD_TERMINATE, false, false, true, false },
	{ "child create", IKE_CMD_INITIATE, true, false, false, true },
};

static void begin(struct lab *lab, int node, const struct act *a, uint64_t id)
{
	struct ike_cmd cmd = { .verb = a->verb, .cmd_id = id, .ike = a->child && !a->makes ? NULL : "c",
			       .child = a->makes ? "k2" : a->child ? "k" : NULL };
	lab_do(lab, node, &cmd);
}

static void give_all(struct lab *lab)
{
	for (int i = 0; i < 2; i++) {
		lab->n[i].kern_hold = lab->n[i].job_hold = false;
		while (lab->n[i].n_held_kern)
			lab_kern_answer(lab, i, 0);
		while (lab->n[i].n_held_jobs)
			lab_job_answer(lab, i, 0);
	}
}

static unsigned late_choices(const struct lab *lab)
{
	return (unsigned)(lab->n_msgs + lab->n[0].n_held_kern + lab->n[0].n_held_jobs + lab->n[1].n_held_kern +
			  lab->n[1].n_held_jobs);
}

/* Messages first, then held answers of A, then of B. */
static void late_choose(struct lab *lab, size_t c)
{
	if (c < lab->n_msgs) {
		lab_deliver(lab, c);
		return;
	}
	c -= lab->n_msgs;
	for (int i = 0; i < 2; i++) {
		struct lab_node *n = &lab->n[i];
		if (c < n->n_held_kern) {
			lab_kern_answer(lab, i, c);
			return;
		}
		c -= n->n_held_kern;
		if (c < n->n_held_jobs) {
			lab_job_answer(lab, i, c);
			return;
		}
		c -= n->n_held_jobs;
	}
}

/* One path: choices[i] at step i; how many there were goes to count[i]. Returns the number of steps that had choices.
 */
static bool deletes(const struct act *a)
{
	return a->deletes_child || a->deletes_ike;
}

struct story {
	const struct act *a, *b, *then; /* `then` may be NULL */
	uint64_t seed;
	bool late;
};

static unsigned run(struct lab *lab, const struct story *st, const unsigned *choices, unsigned *count)
{
	const struct act *a = st->a, *b = st->b;
	unsigned depth = st->late ? LATE_DEPTH : st->then ? DEPTH - 1 : DEPTH, step = 0;
	bool late = st->late, begun = false, then = !st->then;
	size_t at = strlen(lab->story);
	lab->no_gap = !deletes(a) && !deletes(b) && !(st->then && deletes(st->then));
	for (int i = 0; i < 2; i++)
		lab->n[i].kern_hold = lab->n[i].job_hold = late;
	begin(lab, 0, a, 10);
	for (; step < depth && (late_choices(lab) || !begun || !then); step++) {
		unsigned n = (begun ? 0 : 1) + (then ? 0 : 1) + (late ? late_choices(lab) : 3 * (unsigned)lab->n_msgs),
			 c = choices[step];
		count[step] = n;
		at += (size_t)snprintf(lab->story + at, sizeof lab->story - at, " %u/%u", c, n);
		if (!begun) {
			if (c == 0) {
				begin(lab, 1, b, 11);
				begun = true;
				continue;
			}
			c--;
		}
		if (!then) {
			if (c == 0) {
				begin(lab, 0, st->then, 12);
				then = true;
				continue;
			}
			c--;
		}
		if (late)
			late_choose(lab, c);
		else if (c % 3 == 0)
			lab_deliver(lab, c / 3);
		else if (c % 3 == 1)
			lab_drop(lab, c / 3);
		else
			lab_double(lab, c / 3);
	}
	if (!begun)
		begin(lab, 1, b, 11);
	if (!then)
		begin(lab, 0, st->then, 12);
	give_all(lab);
	lab_flush(lab);
	lab_run(lab, 200000);
	return step;
}

static void expect(struct lab *lab, const struct story *st)
{
	const struct act *v[3] = { st->a, st->b, st->then };
	bool gone = false, child_gone = false;
	unsigned made = 0;
	for (int i = 0; i < 3 && v[i]; i++) {
		gone = gone || v[i]->deletes_ike;
		child_gone = child_gone || v[i]->deletes_child;
		made = made || v[i]->makes;
	}
	/* A child that is asked for when the IKE SA has gone already brings a new one, with that child alone. */
	unsigned anew = gone && made ? lab_ikes(lab, 0, NULL) != 0 : 0;
	lab_converged(lab, gone ? anew : 1, gone ? anew : !child_gone + made);
	if (!lab_reply(lab, 0, 10) || !lab_reply(lab, 1, 11) || (st->then && !lab_reply(lab, 0, 12)))
		lab_fail(lab, "a command was never answered");
}

/* fixed: only this path. */
static unsigned long collision(const struct story *st, const unsigned *fixed, unsigned long *fails)
{
	unsigned choices[STEPS] = { 0 }, count[STEPS] = { 0 };
	unsigned long paths = 0;
	if (fixed)
		memcpy(choices, fixed, sizeof choices);
	for (;;) {
		struct lab lab;
		if (!lab_init(&lab, st->seed, true, st->seed % 2 == 0) || !lab_up(&lab)) {
			++*fails;
			return paths;
		}
		snprintf(lab.story, sizeof lab.story, "A: %s%s%s, B: %s, seed %llu%s, path", st->a->name,
			 st->then ? " then " : "", st->then ? st->then->name : "", st->b->name,
			 (unsigned long long)st->seed, st->late ? ", late answers" : "");
		unsigned steps = run(&lab, st, choices, count);
		expect(&lab, st);
		lab_fini(&lab);
		paths++;
		*fails += lab.fails;
		if (*fails > 20)
			return paths;
		if (fixed)
			return paths;
		/* The next path: the last step that has another choice. */
		while (steps > 0 && choices[steps - 1] + 1 >= count[steps - 1])
			choices[--steps] = 0;
		if (steps == 0)
			return paths;
		choices[steps - 1]++;
	}
}

int main(int argc, char **argv)
{
	enum { N = ARRAY_LEN(acts) };
	unsigned long fails = 0, all = 0;
	if (getenv("LAB_EXTRA_KES"))
		lab_extra_kes = (unsigned)atoi(getenv("LAB_EXTRA_KES")) & 3;
	/* "A B then seed late [c1 c2 …]" (-1 any, then -1 none is 5): only that story and path, to look at one failure;
	 * LAB_LOG=1 prints the log. */
	int only[5] = { -1, -1, -1, -1, -1 };
	unsigned path[STEPS] = { 0 };
	for (int i = 0; i < 5 && argc > 1 + i; i++)
		only[i] = atoi(argv[1 + i]);
	for (int i = 0; i < STEPS && argc > 6 + i; i++)
		path[i] = (unsigned)atoi(argv[6 + i]);
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			unsigned long paths = 0, bad = fails;
			for (int then = 0; then <= N; then++)
				/* Seeds decide who has the lowest nonce; even ones rekey children with a key exchange.
				 */
				for (int k = 0; k < 4; k++) {
					int v[5] = { i, j, then, 1 + k % 2, k / 2 };
					struct story st = { &acts[i], &acts[j], then < N ? &acts[then] : NULL,
							    (uint64_t)v[3], v[4] };
					bool skip = (acts[i].makes + acts[j].makes + (st.then && st.then->makes) > 1) ||
						    (st.then && st.late);
					for (int o = 0; o < 5; o++)
						skip = skip || (only[o] >= 0 && only[o] != v[o]);
					if (!skip)
						paths += collision(&st, argc > 6 ? path : NULL, &fails);
				}
			all += paths;
			if (paths)
				printf("%s - %s x %s: %lu paths\n", fails == bad ? "ok" : "not ok", acts[i].name,
				       acts[j].name, paths);
			fflush(stdout);
		}
	/* Once more with a second key exchange in each rekeying (IKE_FOLLOWUP_KE), where there are more messages to cross. */
	lab_extra_kes = 1;
	for (int i = 0; i < N && argc == 1; i++) {
		unsigned long paths = 0, bad = fails;
		for (int j = 0; j < N; j++)
			for (int k = 0; k < 4; k++) {
				struct story st = { &acts[i], &acts[j], NULL, (uint64_t)(1 + k % 2), k / 2 };
				if (!(acts[i].makes && acts[j].makes))
					paths += collision(&st, NULL, &fails);
			}
		all += paths;
		printf("%s - %s x all, two key exchanges: %lu paths\n", fails == bad ? "ok" : "not ok", acts[i].name, paths);
		fflush(stdout);
	}
	printf("# %lu paths, %lu failures\n", all, fails);
	return fails ? 1 : 0;
}
