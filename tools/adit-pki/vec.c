/* SPDX-License-Identifier: Apache-2.0 */
/* Counting: every test against every provider of its algorithm. */
#include "vec.h"

#include <stdio.h>
#include <stdlib.h>

enum { FAILURES_SHOWN = 20 }; /* of one provider and file */

void *vec_mem(struct vec_runner *r, size_t n)
{
	if (r->n_mem == r->cap_mem) {
		r->cap_mem = r->cap_mem ? 2 * r->cap_mem : 256;
		r->mem = reallocarray(r->mem, r->cap_mem, sizeof *r->mem);
	}
	void *p = r->mem ? calloc(1, n ? n : 1) : NULL;
	if (!p) {
		fprintf(stderr, "adit-pki: out of memory\n");
		exit(2);
	}
	r->mem[r->n_mem++] = p;
	return p;
}

void vec_free_all(struct vec_runner *r)
{
	for (size_t i = 0; i < r->n_mem; i++)
		free(r->mem[i]);
	free(r->mem);
	r->mem = NULL;
	r->n_mem = r->cap_mem = 0;
}

void vec_skip(struct vec *v, const char *why)
{
	if (!v->skip)
		v->skip = why;
}

static struct vec_count *count_of(struct vec_runner *r, const char *provider)
{
	for (unsigned i = 0; i < r->n_count; i++)
		if (strcmp(r->count[i].provider, provider) == 0)
			return &r->count[i];
	struct vec_count *c = &r->count[r->n_count < VEC_PROVIDERS ? r->n_count++ : VEC_PROVIDERS - 1];
	snprintf(c->provider, sizeof c->provider, "%s", provider);
	return c;
}

static void note_skip(struct vec_count *c, const char *why)
{
	unsigned i = 0;
	c->skipped++;
	while (i < c->n_why && strcmp(c->why[i].text, why) != 0)
		i++;
	if (i == c->n_why && i < VEC_REASONS) {
		snprintf(c->why[i].text, sizeof c->why[i].text, "%s", why);
		c->n_why++;
	}
	if (i < c->n_why)
		c->why[i].n++;
}

static void run_one(struct vec_runner *r, const struct vec *v, const struct reg_feat *f)
{
	struct vec_count *c = count_of(r, f->plugin->name);
	bool same = false;
	err_t e = v->run(v, f->row->ops, &same);

	if (e == E_NOT_SUPPORTED) {
		note_skip(c, "the library does not do this key, hash or test");
		return;
	}
	bool right = v->want == VEC_VALID ? !e && same : v->want == VEC_INVALID ? e || !same : e || same;
	if (right) {
		c->passed++;
		r->passes++;
		return;
	}
	r->failures++;
	if (c->failed++ < FAILURES_SHOWN)
		printf("FAIL %s %s: test %s: %s\n", f->plugin->name, r->file, v->id,
			e ? err_text(e) : same ? "an invalid test is accepted" : "gives another result");
}

/* Providers of the same kind that do not have this algorithm are rows of the table, too. */
static bool knows_kind(const struct vec_runner *r, const struct reg_plugin *p, uint16_t kind)
{
	const struct reg_feat *f;
	size_t cursor = 0;
	while ((f = registry_each_feat(r->reg, kind, &cursor)))
		if (f->plugin == p && f->offered)
			return true;
	return false;
}

void vec_run(struct vec_runner *r, const struct vec *v)
{
	const struct reg_plugin *p;
	size_t cursor = 0;

	r->tests++;
	if (v->skip) {
		note_skip(count_of(r, "(all)"), v->skip);
		r->skips++;
		return;
	}
	unsigned before = r->passes + r->failures;
	while ((p = registry_each_plugin(r->reg, &cursor))) {
		if (p->state != REG_ACTIVE || (r->only && strcmp(r->only, p->name) != 0))
			continue;
		const struct reg_feat *f = registry_of(r->reg, p->name, v->kind, v->alg, v->arg);
		if (f && f->offered)
			run_one(r, v, f);
		else if (f)
			note_skip(count_of(r, p->name), f->why);
		else if (knows_kind(r, p, v->kind))
			note_skip(count_of(r, p->name), "the plugin does not offer this algorithm");
	}
	r->unserved += r->passes + r->failures == before;
}

void vec_table(struct vec_runner *r)
{
	printf("%s: %u tests\n    %-16s %8s %8s %8s\n", r->file, r->tests, "provider", "passed", "failed", "skipped");
	for (unsigned i = 0; i < r->n_count; i++) {
		const struct vec_count *c = &r->count[i];
		printf("    %-16s %8u %8u %8u\n", c->provider, c->passed, c->failed, c->skipped);
		for (unsigned k = 0; k < c->n_why; k++)
			printf("        %6u skipped: %s\n", c->why[k].n, c->why[k].text);
	}
	if (!r->n_count)
		printf("    no loaded provider could be asked\n");
	memset(r->count, 0, sizeof r->count);
	r->n_count = 0;
	r->tests = 0;
	vec_free_all(r);
}
