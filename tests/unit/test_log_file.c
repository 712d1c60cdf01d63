/* SPDX-License-Identifier: Apache-2.0 */
/* log-file with a host of its own: text, JSON, reopening, bad configuration. */
#include "base/log_line.h"
#include "plugin/abi.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern const struct plug_desc adit_plugin;

static char dir[32], path[2][64];
static const char *formats[2] = { "text", "json" };
static struct {
	const struct log_ops *ops;
	void *sink;
	bool used;
} sinks[4];
static int complaints;

static const char *conf(void *h, const char *key)
{
	(void)h;
	if (strcmp(key, "a.path") == 0)
		return path[0];
	if (strcmp(key, "b.path") == 0)
		return path[1];
	if (strcmp(key, "a.format") == 0)
		return formats[0];
	if (strcmp(key, "b.format") == 0)
		return formats[1];
	if (strcmp(key, "c.path") == 0)
		return "/nonexistent/dir/file";
	return strstr(key, ".append") ? "yes" : NULL;
}

static void conf_each(void *h, const char *key, void (*cb)(void *arg, const char *name), void *arg)
{
	(void)h;
	cr_assert_str_eq(key, "");
	cb(arg, "a");
	cb(arg, "b");
	cb(arg, "c");
	cb(arg, "d");
}

static void complain(void *h, int level, const char *text)
{
	(void)h, (void)level, (void)text;
	complaints++;
}

static int log_sink(void *h, const struct log_ops *ops, void *sink, const char *levels)
{
	(void)h, (void)levels;
	for (int i = 0; i < 4; i++)
		if (!sinks[i].used) {
			sinks[i].ops = ops;
			sinks[i].sink = sink;
			sinks[i].used = true;
			return i;
		}
	return -1;
}

static void log_unsink(void *h, int id)
{
	(void)h;
	sinks[id].used = false;
}

static void count(void *h, const char *name, uint64_t n)
{
	(void)h, (void)name, (void)n;
}

static const struct plug_host host = { .size = sizeof host, .conf = conf, .conf_each = conf_each, .log = complain,
	.log_sink = log_sink, .log_unsink = log_unsink, .count = count };

static void write_all(const struct log_record *r)
{
	for (int i = 0; i < 4; i++)
		if (sinks[i].used) {
			sinks[i].ops->write(sinks[i].sink, r);
			sinks[i].ops->flush(sinks[i].sink);
		}
}

static void expect(const char *file, const char *want)
{
	char buf[2000] = "";
	FILE *f = fopen(file, "r");

	cr_assert_not_null(f, "%s", file);
	buf[fread(buf, 1, sizeof buf - 1, f)] = 0;
	fclose(f);
	cr_assert_str_eq(buf, want);
}

Test(log_file, lines_in_both_forms_and_after_a_rotation)
{
	struct net_addr peer = { .family = NET_V4, .port = 500, .a = { 192, 0, 2, 1 } };
	struct log_record r = { .time_ns = UINT64_C(1764000000123456789), .sub = LOG_IKE, .level = LOG_CONTROL,
		.ctx = { .conn = "gw\"1", .ike_unique = 3, .child = "net", .child_unique = 4, .spi_i = 0xab, .peer = &peer,
			.code = E_TIMEOUT }, .text = "no answer\xff" };
	char moved[80];
	void *self;

	strcpy(dir, "/tmp/adit-unit-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path[0], sizeof path[0], "%s/a.log", dir);
	snprintf(path[1], sizeof path[1], "%s/b.log", dir);
	cr_assert_eq(adit_plugin.start(&host, &self), 0);
	cr_assert_eq(complaints, 2);
	write_all(&r);
	const char *text = "2025-11-24T16:00:00.123Z [ike] gw\"1#3 {net#4}: no answer\xff\n";
	const char *json = "{\"time\":\"2025-11-24T16:00:00.123Z\",\"subsystem\":\"ike\",\"level\":1,\"conn\":\"gw\\\"1\","
		"\"ike_id\":3,\"child\":\"net\",\"child_id\":4,\"spi_i\":\"00000000000000ab\",\"peer\":\"192.0.2.1[500]\","
		"\"code\":\"TIMEOUT\",\"text\":\"no answer\\ufffd\"}\n";
	expect(path[0], text);
	expect(path[1], json);
	snprintf(moved, sizeof moved, "%s.1", path[0]);
	cr_assert_eq(rename(path[0], moved), 0);
	cr_assert_eq(adit_plugin.reconfigure(self, &host), 0);
	write_all(&r);
	expect(path[0], text);
	expect(moved, text);
	adit_plugin.stop(self);
	for (int i = 0; i < 4; i++)
		cr_assert_not(sinks[i].used);
	unlink(path[0]);
	unlink(path[1]);
	unlink(moved);
	rmdir(dir);
}
