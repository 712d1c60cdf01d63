/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/registry.h"

#include <criterion/criterion.h>

static const int ops_a, ops_b;
static const struct plug_feat_row feats_a[] = {
	{ .is = { PLUG_HASH, 2, 0 }, .prio = 5, .ops = &ops_a }, { .is = { PLUG_KEX, 31, 0 }, .ops = &ops_a } };
static const struct plug_feat_row feats_b[] = { { .is = { PLUG_HASH, 2, 0 }, .prio = 9, .ops = &ops_b } };
static const struct plug_desc a = { ADIT_PLUGIN_HEAD, .name = "a", .version = "1", .feats = feats_a, .n_feats = 2 };
static const struct plug_desc b = { ADIT_PLUGIN_HEAD, .name = "b", .feats = feats_b, .n_feats = 1 };

static struct plug_registry *both(void)
{
	struct plug_registry *r = registry_new();

	cr_assert_eq(registry_add_desc(r, &a, NULL), 0);
	cr_assert_eq(registry_add_desc(r, &b, NULL), 0);
	return r;
}

Test(registry, the_best_provider_answers)
{
	struct plug_registry *r = both();
	const char *const order[] = { "a", "b" };

	cr_assert_eq(registry_find(r, PLUG_HASH, 2, 0), &ops_b);
	cr_assert_str_eq(registry_best(r, PLUG_HASH, 2, 0)->why, "priority");
	cr_assert_eq(registry_find(r, PLUG_KEX, 31, 0), &ops_a);
	cr_assert_null(registry_find(r, PLUG_KEX, 32, 0));
	registry_speed(r, "a", PLUG_HASH, 2, 0, 200);
	registry_speed(r, "b", PLUG_HASH, 2, 0, 100);
	cr_assert_eq(registry_find(r, PLUG_HASH, 2, 0), &ops_a);
	registry_speed(r, "b", PLUG_HASH, 2, 0, 300);
	cr_assert_eq(registry_find(r, PLUG_HASH, 2, 0), &ops_b);
	registry_prefer(r, order, 2);
	cr_assert_eq(registry_find(r, PLUG_HASH, 2, 0), &ops_a);
	cr_assert_str_eq(registry_best(r, PLUG_HASH, 2, 0)->why, "configured");
	registry_free(r);
}

Test(registry, what_is_in_reserve_is_not_found_until_it_is_offered)
{
	static const struct plug_feat_row rows[] = { { .is = { PLUG_KEX, 31, 0 }, .prio = 1, .ops = &ops_a },
		{ .is = { PLUG_KEX, 31, 0 }, .prio = 2, .ops = &ops_b } };
	static const struct plug_desc c = { ADIT_PLUGIN_HEAD, .name = "c", .version = "1" },
		d = { ADIT_PLUGIN_HEAD, .name = "d", .version = "1" };
	struct plug_registry *r = registry_new();
	struct reg_plugin *p = registry_add_plugin(r, "c", NULL, &c), *q = registry_add_plugin(r, "d", NULL, &d);
	size_t cursor = 0;

	cr_assert_eq(registry_add_reserve(r, p, &rows[0]), 0);
	cr_assert_eq(registry_add_reserve(r, q, &rows[1]), 0);
	cr_assert_null(registry_find(r, PLUG_KEX, 31, 0));
	cr_assert_eq(registry_each_feat(r, 0, &cursor)->plugin, q);
	registry_speed(r, "c", PLUG_KEX, 31, 0, 20);
	registry_speed(r, "d", PLUG_KEX, 31, 0, 10);
	cursor = 0;
	cr_assert_eq(registry_each_feat(r, 0, &cursor)->plugin, p);
	registry_offer(r, p, &rows[0]);
	cr_assert_eq(registry_find(r, PLUG_KEX, 31, 0), &ops_a);
	cr_assert_str_eq(registry_best(r, PLUG_KEX, 31, 0)->why, "speed");
	cr_assert(registry_of(r, "d", PLUG_KEX, 31, 0)->reserve);
	registry_withdraw(r, p, &rows[0], "broken");
	cr_assert_null(registry_find(r, PLUG_KEX, 31, 0));
	registry_offer(r, q, &rows[1]);
	cr_assert_eq(registry_find(r, PLUG_KEX, 31, 0), &ops_b);
	registry_free(r);
}

Test(registry, what_is_withdrawn_is_not_found)
{
	struct plug_registry *r = both();
	size_t cursor = 0;

	registry_best(r, PLUG_HASH, 2, 0);
	struct reg_plugin *p = (struct reg_plugin *)registry_of(r, "b", PLUG_HASH, 2, 0)->plugin;
	registry_withdraw(r, p, &feats_b[0], "known-answer test 1 failed");
	cr_assert_eq(registry_find(r, PLUG_HASH, 2, 0), &ops_a);
	cr_assert_str_eq(registry_of(r, "b", PLUG_HASH, 2, 0)->why, "known-answer test 1 failed");
	p = (struct reg_plugin *)registry_of(r, "a", PLUG_HASH, 2, 0)->plugin;
	registry_refuse(r, p, "no reason");
	cr_assert_null(registry_find(r, PLUG_HASH, 2, 0));
	cr_assert_null(registry_find(r, PLUG_KEX, 31, 0));
	int n = 0;
	while (registry_each_feat(r, 0, &cursor))
		n++;
	cr_assert_eq(n, 3);
	registry_free(r);
}
