/* SPDX-License-Identifier: Apache-2.0 */
/* log-journald against a socket of its own: the fields of a record, a journal that is away, wrong priorities. */
#include "base/log.h"
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
static const char *levels = "1", *control = "warning";
static int complaints;
static uint64_t lost, now = 100000;

static const char *conf(void *h, const char *key)
{
	(void)h;
	if (strcmp(key, "severity_control") == 0)
		return control;
	for (const struct plug_conf_key *k = adit_plugin.conf; k->key; k++)
		if (strcmp(k->key, key) == 0 && strncmp(key, "severity", 8) == 0)
			return k->def;
	return strcmp(key, "path") == 0 ? sa.sun_path : strcmp(key, "ident") == 0 ? "west" : levels;
}

static void complain(void *h, int level, const char *text)
{
	(void)h, (void)level, (void)text;
	complaints++;
}

static int log_sink(void *h, const struct log_ops *o, void *s, const char *l)
{
	(void)h, (void)l;
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

static const struct plug_host host = { .size = sizeof host, .conf = conf, .log = complain, .log_sink = log_sink,
	.log_unsink = log_unsink, .count = count, .now_ms = now_ms };

static void has(const char *got, const char *field)
{
	char line[128];
	snprintf(line, sizeof line, "\n%s\n", field);
	cr_expect_not_null(strstr(got, line), "%s is not in%s", field, got);
}

Test(log_journald, fields_and_a_journal_that_is_away)
{
	char dir[] = "/tmp/adit-unit-XXXXXX", got[1024] = "\n";
	struct net_addr peer;
	struct log_record r = { .sub = LOG_IKE, .level = LOG_CONTROL, .text = "no suite", .ctx = { .conn = "site\nPRIORITY=0",
		.child = "net", .ike_unique = 7, .child_unique = 9, .spi_i = 0xabc, .peer = &peer, .code = E_NO_PROPOSAL } };
	void *self;

	cr_assert_eq(net_addr_parse("192.0.2.1", &peer), 0);
	cr_assert_not_null(mkdtemp(dir));
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s/socket", dir);
	cr_assert_eq(adit_plugin.start(&host, &self), 0);
	cr_assert_eq(complaints, 0);
	ops->write(sink, &r);
	ops->write(sink, &r);
	cr_assert_eq(lost, 2);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	ops->write(sink, &r);
	cr_assert_eq(lost, 3, "not tried again for a while");
	now += 5000;
	ops->write(sink, &r);
	cr_assert_gt(recv(fd, got + 1, sizeof got - 2, MSG_DONTWAIT), 0);
	has(got, "MESSAGE=no suite");
	has(got, "PRIORITY=4");
	has(got, "SYSLOG_IDENTIFIER=west");
	has(got, "ADIT_SUBSYSTEM=ike");
	has(got, "ADIT_LEVEL=1");
	has(got, "ADIT_CONNECTION=site PRIORITY=0");
	has(got, "ADIT_CHILD=net");
	has(got, "ADIT_IKE_ID=7");
	has(got, "ADIT_CHILD_ID=9");
	has(got, "ADIT_SPI_I=0000000000000abc");
	has(got, "ADIT_PEER=192.0.2.1");
	has(got, "ADIT_CODE=NO_PROPOSAL");
	cr_expect_null(strstr(got, "ADIT_SPI_R"));
	r = (struct log_record){ .sub = LOG_CHILD, .level = LOG_RAW, .text = "bytes" };
	ops->write(sink, &r);
	memset(got, 0, sizeof got);
	got[0] = '\n';
	cr_assert_gt(recv(fd, got + 1, sizeof got - 2, MSG_DONTWAIT), 0);
	has(got, "PRIORITY=7");
	cr_expect_null(strstr(got, "ADIT_CONNECTION"));
	adit_plugin.stop(self);
	cr_assert_null(sink);
	close(fd);
	unlink(sa.sun_path);
	rmdir(dir);
}

Test(log_journald, nothing_unless_asked_for_and_wrong_priorities)
{
	void *self;

	levels = NULL;
	control = "loud";
	cr_assert_eq(adit_plugin.start(&host, &self), 0);
	cr_assert_null(sink);
	cr_assert_eq(complaints, 1);
	levels = "2";
	cr_assert_eq(adit_plugin.reconfigure(self, &host), 0);
	cr_assert_not_null(sink);
	adit_plugin.stop(self);
}
