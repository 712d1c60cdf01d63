/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/speed_cache.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct plug_feat hash = { PLUG_HASH, 2, 0 };
static char folder[] = "/tmp/adit-speed-XXXXXX", cache_file[64], plugin_file[64];

static void touch(const char *text)
{
	FILE *f = fopen(plugin_file, "we");
	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

static uint32_t known(const struct reg_plugin *p)
{
	struct speed_cache *c = speed_cache_open(cache_file);
	uint32_t v = speed_cache_get(c, p, &hash);
	speed_cache_close(c);
	return v;
}

static void keep(const struct reg_plugin *p, uint32_t speed)
{
	struct speed_cache *c = speed_cache_open(cache_file);
	speed_cache_put(c, p, &hash, speed);
	speed_cache_close(c);
}

Test(speed_cache, holds_for_one_version_and_one_file)
{
	struct reg_plugin a = { .name = "a", .version = "1", .path = plugin_file }, b = { .name = "b", .version = "1", .path = "" };
	FILE *f;

	cr_assert_not_null(mkdtemp(folder));
	snprintf(cache_file, sizeof cache_file, "%s/speeds", folder);
	snprintf(plugin_file, sizeof plugin_file, "%s/a.so", folder);
	touch("first");
	cr_expect_eq(known(&a), 0);
	keep(&a, 700);
	keep(&b, 900);
	cr_expect_eq(known(&a), 700);
	cr_expect_eq(known(&b), 900, "linked in: the version alone");
	a.version = "2";
	cr_expect_eq(known(&a), 0, "another version is measured anew");
	a.version = "1";
	touch("another file");
	cr_expect_eq(known(&a), 0, "so is another file");
	cr_expect_eq(known(&b), 900);
	f = fopen(cache_file, "we");
	fputs("adit-speed 1: another processor\nb 1 4 2 0 5\n", f);
	fclose(f);
	cr_expect_eq(known(&b), 0, "so is everything on another processor");
	unlink(cache_file);
	unlink(plugin_file);
	rmdir(folder);
}
