/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One laboratory for all tests of a program, each with two fresh engines: what they ask for all the time, and the list of
 * them. Included by the one file of the program. Where each test brings wishes of its own for the engines: story.h.
 */
#ifndef ADIT_TESTS_EXCHANGE_ONE_LAB_H
#define ADIT_TESTS_EXCHANGE_ONE_LAB_H

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

static inline void initiate(int node, uint64_t cmd_id)
{
	lab_do(&lab, node, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = cmd_id, .ike = "c", .child = "k" });
}

/* E_AGAIN: there is no answer yet. */
static inline err_t reply_err(int node, uint64_t cmd_id)
{
	const struct lab_reply *r = lab_reply(&lab, node, cmd_id);

	return r ? r->err : E_AGAIN;
}

/* What a node shows of its first IKE SA; NULL: none. */
static inline const struct ike_view *view(int node, struct arena *a)
{
	uint32_t cursor = 0;

	return ike_view_next(lab.n[node].e, lab.now_ms, &cursor, a);
}

static inline struct ike_hdr hdr_of(const struct lab_msg *m)
{
	struct rd r = rd_of(slice_of(m->data, m->n));
	struct ike_hdr h = { 0 };

	CHECK(wire_parse_hdr(&r, &h) == 0, "a message has no header");
	return h;
}

struct lab_test {
	const char *name;
	void (*fn)(void);
};

/* All tests, or that of the number in argv[1], with so many additional key exchanges (children have one then, too); the
 * exit code. */
static inline int lab_tests_run(const struct lab_test *tests, size_t n, unsigned extra_kes, int argc, char **argv)
{
	unsigned bad = 0;

	printf("1..%zu\n", n);
	for (size_t i = 0; i < n; i++) {
		if (argc > 1 && (size_t)atoi(argv[1]) != i + 1)
			continue;
		lab_extra_kes = extra_kes;
		if (!lab_init(&lab, i + 1, true, extra_kes > 0))
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

#endif
