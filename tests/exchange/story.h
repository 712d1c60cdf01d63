/* SPDX-License-Identifier: Apache-2.0 */
/* A list of stories in the laboratory, each with two fresh engines, and what they ask for all the time. */
#ifndef ADIT_TESTS_EXCHANGE_STORY_H
#define ADIT_TESTS_EXCHANGE_STORY_H

#include "tests/exchange/lab.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK(lab, what) \
	do { \
		if (!(what)) \
			lab_fail((lab), "line %d: %s", __LINE__, #what); \
	} while (0)

static inline void cmd(struct lab *lab, int node, uint8_t verb, uint64_t id, const char *ike, const char *child)
{
	lab_do(lab, node, &(struct ike_cmd){ .verb = verb, .cmd_id = id, .ike = ike, .child = child });
}

static inline err_t answer(const struct lab *lab, int node, uint64_t id)
{
	const struct lab_reply *r = lab_reply(lab, node, id);
	return r && r->times == 1 ? r->err : E_MISUSE;
}

/* What a node shows of its first child; false: none. */
static inline bool first_child(struct lab *lab, int node, struct ike_child_view *out)
{
	struct arena a;
	uint32_t cursor = 0;
	arena_init(&a, 1 << 20);
	const struct ike_view *v = ike_view_next(lab->n[node].e, lab->now_ms, &cursor, &a);
	bool ok = v && v->n_children;
	if (ok)
		*out = v->children[0];
	out->local_ts = out->remote_ts = NULL;
	out->name = "";
	arena_fini(&a);
	return ok;
}

struct story {
	const char *name;
	void (*run)(struct lab *lab);
	bool real_kex, pfs;
};

/* All stories, or that of the number in argv[1]; the exit code. */
static inline int stories_run(const struct story *tests, size_t n, int argc, char **argv)
{
	unsigned fails = 0;
	for (size_t i = 0; i < n; i++) {
		static struct lab lab;
		if (argc > 1 && atoi(argv[1]) != (int)i)
			continue;
		bool ok = lab_init(&lab, 100 + i, !tests[i].real_kex, tests[i].pfs);
		snprintf(lab.story, sizeof lab.story, "%s", tests[i].name);
		if (ok) {
			tests[i].run(&lab);
			lab_fini(&lab);
		}
		ok = ok && !lab.fails;
		fails += !ok;
		printf("%s - %s\n", ok ? "ok" : "not ok", tests[i].name);
		fflush(stdout);
	}
	return fails ? 1 : 0;
}

#endif
