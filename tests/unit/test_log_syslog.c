/* SPDX-License-Identifier: Apache-2.0 */
/* log-syslog against a socket of its own: form of a line, a reader that is away, wrong facilities. */
#include "base/log_line.h"
#include "plugin/abi.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

extern const struct plug_desc adit_plugin;

static struct sockaddr_un sa = { .sun_family = AF_UNIX };
static const struct log_ops *ops;
static void *sink;
static int complaints;
static uint64_t lost, now = 100000;

static const char *conf(void *h, const char *key)
{
	(void)h;
	return strcmp(key, "path") == 0 ? sa.sun_path : strcmp(key, "ident") == 0 ? "west" :
		strstr(key, "severity_") ? NULL : "1";
}

static void conf_each(void *h, const char *key, void (*cb)(void *arg, const char *name), void *arg)
{
	(void)h, (void)key;
	cb(arg, "authpriv");
	cb(arg, "kernel");
}

static void complain(void *h, int level, const char *text)
{
	(void)h, (void)level, (void)text;
	complaints++;
}

static int log_sink(void *h, const struct log_ops *o, void *s, const char *levels)
{
	(void)h, (void)levels;
	ops = o;
	sink = s;
	return 0;
}

static void log_unsink(void *h, int id)
{
	(void)h, (void)id;
	sink = NULL;
}

static void count(void *h, const char *name, uint64_t n)
{
	(void)h, (void)name;
	lost += n;
}

static uint64_t now_ms(void *h)
{
	(void)h;
	return now;
}

static const struct plug_host host = { .size = sizeof host, .conf = conf, .conf_each = conf_each, .log = complain,
	.log_sink = log_sink, .log_unsink = log_unsink, .count = count, .now_ms = now_ms };

Test(log_syslog, lines_and_a_reader_that_is_away)
{
	char dir[] = "/tmp/adit-unit-XXXXXX", got[300] = "", want[100];
	struct log_record r = { .time_ns = 1764000000000000000, .sub = LOG_IKE, .level = LOG_AUDIT, .text = "hello" };
	void *self;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s/log", dir);
	cr_assert_eq(adit_plugin.start(&host, &self), 0);
	cr_assert_eq(complaints, 1);
	ops->write(sink, &r);
	ops->write(sink, &r);
	cr_assert_eq(lost, 2);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	ops->write(sink, &r);
	cr_assert_eq(lost, 3, "not tried again for a while");
	now += 5000;
	ops->write(sink, &r);
	cr_assert_gt(recv(fd, got, sizeof got - 1, MSG_DONTWAIT), 0);
	cr_assert_eq(strncmp(got, "<85>Nov 24 ", 11), 0, "%s", got);
	snprintf(want, sizeof want, " west[%d]: [ike] hello", (int)getpid());
	cr_assert_str_eq(strstr(got, " west"), want);
	adit_plugin.stop(self);
	cr_assert_null(sink);
	close(fd);
	unlink(sa.sun_path);
	rmdir(dir);
}
