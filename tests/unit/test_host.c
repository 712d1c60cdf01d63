/* SPDX-License-Identifier: Apache-2.0 */
/* The services of a plugin's host: configuration with defaults and checks, log, counters, loop, and what is missing. */
#include "base/count.h"
#include "plugin/host.h"

#include <criterion/criterion.h>
#include <stdio.h>

static char said[4096];
static struct log *hub;
static struct loop *loop;
static struct host *h;
static const struct plug_host *api;

static const char *conf(void *arg, const char *plugin, const char *key)
{
	(void)arg;
	cr_assert_str_eq(plugin, "test");
	return strcmp(key, "threads") == 0 ? "900" : strcmp(key, "main.path") == 0 ? "/var/log/x" :
		strcmp(key, "life") == 0 ? "5m" : strcmp(key, "on") == 0 ? "perhaps" : NULL;
}

static void conf_each(void *arg, const char *plugin, const char *key, void (*cb)(void *cb_arg, const char *name), void *cb_arg)
{
	(void)arg, (void)plugin, (void)key;
	cb(cb_arg, "main");
}

static const struct plug_conf_key keys[] = {
	{ "threads", PLUG_CONF_INT, 1, 64, "4", "" }, { "life", PLUG_CONF_TIME_S, 1, 3600, "60", "" },
	{ "on", PLUG_CONF_BOOL, 0, 0, "yes", "" }, { "*.path", PLUG_CONF_PATH, 0, 0, NULL, "" },
	{ "*.format", PLUG_CONF_STRING, 0, 0, "text", "" }, { NULL, 0, 0, 0, NULL, NULL }
};

static void note(void *self, const struct log_record *r)
{
	(void)self;
	snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", r->text);
}

static struct plug_services services;

static void up(void)
{
	struct log_sink s = { .write = note };

	memset(s.level, LOG_DETAIL, sizeof s.level);
	hub = log_new();
	log_add(hub, &s);
	cr_assert_eq(loop_new(&loop, NULL), 0);
	services = (struct plug_services){ .log = hub, .loop = loop, .conf = conf, .conf_each = conf_each, .fwmark = 7 };
	h = host_new(&services, "test", keys);
	api = host_api(h);
}

static void down(void)
{
	host_free(h);
	loop_free(loop);
	log_free(hub);
}

TestSuite(host, .init = up, .fini = down, .timeout = 300);

static void first_section(void *arg, const char *name)
{
	snprintf(arg, 16, "%s", name);
}

Test(host, configuration)
{
	char section[16] = "", wanted[96];

	cr_assert_str_eq(api->conf(api->h, "threads"), "4", "out of range: the default");
	cr_assert(strstr(said, "plugins.test.threads = 900: expected a number from 1 to 64; the default (4) is used"), "%s", said);
	cr_assert_str_eq(api->conf(api->h, "on"), "yes");
	cr_assert_str_eq(api->conf(api->h, "life"), "5m");
	cr_assert_str_eq(api->conf(api->h, "main.path"), "/var/log/x");
	cr_assert_str_eq(api->conf(api->h, "main.format"), "text");
	cr_assert_null(api->conf(api->h, "other.path"));
	cr_assert_null(api->conf(api->h, "nosuch"));
	api->conf_each(api->h, "", first_section, section);
	cr_assert_str_eq(section, "main");
	cr_assert_eq(host_conf_check(keys, "main.path.deeper", "x", wanted, sizeof wanted), E_UNKNOWN_KEY);
	cr_assert_eq(host_conf_check(keys, "path", "/x", wanted, sizeof wanted), E_UNKNOWN_KEY);
	cr_assert_eq(host_conf_check(NULL, "path", "/x", wanted, sizeof wanted), E_UNKNOWN_KEY);
	cr_assert_eq(host_conf_check(keys, "life", "2h", wanted, sizeof wanted), 0);
	cr_assert_eq(host_conf_check(keys, "life", "2x", wanted, sizeof wanted), E_BAD_VALUE);
	cr_assert_eq(host_conf_check(keys, "threads", "3x", wanted, sizeof wanted), E_BAD_VALUE);
	cr_assert_str_eq(wanted, "a number from 1 to 64");
}

static uint64_t counted;

static void count_of(void *arg, const struct counter *c)
{
	if (strcmp(c->name, arg) == 0)
		counted = counter_get(c);
}

Test(host, counters_by_name)
{
	char name[32], drops[] = "plugin.test.drops";

	for (int round = 0; round < 3; round++)
		api->count(api->h, "drops", 5);
	counter_each(count_of, drops);
	cr_assert_eq(counted, 15);
	/* A plugin that makes up names does not eat the memory. */
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "n%d", i);
		api->count(api->h, name, 1);
	}
	api->count(api->h, "drops", 1);
	counter_each(count_of, drops);
	cr_assert_eq(counted, 16);
}

static char told[256];

static void note_cred(void *arg, uint64_t token, err_t res, slice sig, const char *why)
{
	(void)arg;
	snprintf(told, sizeof told, "%llu %s %zu %s", (unsigned long long)token, err_name(res), sig.n, why ? why : "-");
}

static void note_fetch(void *arg, uint64_t token, err_t res, unsigned status, slice body, const char *why)
{
	(void)arg;
	snprintf(told, sizeof told, "%llu %s %u %zu %s", (unsigned long long)token, err_name(res), status, body.n, why ? why : "-");
}

static void note_changed(void *arg, const char *plugin)
{
	(void)arg;
	snprintf(told, sizeof told, "%s", plugin);
}

Test(host, answers_of_stores_and_fetchers)
{
	/* Without a daemon they are nobody's. */
	api->cred_done(api->h, 1, 0, SLICE_NONE, NULL);
	api->cred_loaded(api->h, 1, 0, 2, NULL);
	api->cred_changed(api->h);
	api->fetch_done(api->h, 1, 0, 200, SLICE_NONE, NULL);
	services.cred_done = note_cred;
	services.cred_changed = note_changed;
	services.fetch_done = note_fetch;
	api->cred_done(api->h, 7, E_PERM, SLICE_LIT("abc"), "the PIN is wrong");
	cr_assert_str_eq(told, "7 PERM 3 the PIN is wrong");
	api->cred_changed(api->h);
	cr_assert_str_eq(told, "test");
	api->fetch_done(api->h, 8, 0, 200, SLICE_LIT("body"), NULL);
	cr_assert_str_eq(told, "8 OK 200 4 -");
}

static int lines;

static void sink_write(void *sink, const struct log_record *r)
{
	(void)sink;
	lines += strcmp(r->text, "test: hello") == 0;
}

Test(host, log_and_sinks)
{
	static const struct log_ops ops = { .size = sizeof ops, .write = sink_write }, small = { .size = 4, .write = sink_write };

	cr_assert_eq(api->log_sink(api->h, &ops, NULL, "nosuch=1"), -1);
	cr_assert(strstr(said, "log level \"nosuch=1\""));
	cr_assert_eq(api->log_sink(api->h, &small, NULL, "1"), -1);
	int id = api->log_sink(api->h, &ops, NULL, "1");
	cr_assert_geq(id, 0);
	api->log(api->h, LOG_CONTROL, "hello");
	api->log_unsink(api->h, id);
	api->log_unsink(api->h, id);
	api->log(api->h, LOG_CONTROL, "hello");
	cr_assert_eq(lines, 1);
	cr_assert_geq(api->log_sink(api->h, &ops, NULL, NULL), 0, "host_free takes it back");
}

static int fired;

static void fire(void *arg)
{
	(void)arg;
	fired++;
}

Test(host, loop_and_what_is_not_there)
{
	struct net_addr a = { .family = NET_V4 };
	uint8_t r[8] = { 0 }, zero[8] = { 0 };

	cr_assert_eq(api->fwmark, 7);
	struct plug_timer *t = api->timer(api->h, 1, 0, fire, NULL);
	cr_assert_eq(api->post(api->h, fire, NULL), 0);
	for (int i = 0; i < 50 && fired < 2; i++)
		loop_once(loop, 5);
	cr_assert_eq(fired, 2);
	api->untimer(api->h, t);
	cr_assert_eq(api->random(api->h, r, sizeof r), 0);
	cr_assert_neq(memcmp(r, zero, sizeof r), 0);
	cr_assert_null(api->find(api->h, PLUG_HASH, 1, 0));
	cr_assert_eq(api->udp_send(api->h, &a, &a, NULL, 0, 0), E_NOT_SUPPORTED);
	api->kern_event(api->h, &(struct kern_event){ .type = KERN_EV_LINK });
	api->kern_done(api->h, 1, 0);
	services.loop = NULL;
	cr_assert_eq(api->post(api->h, fire, NULL), E_NOT_SUPPORTED);
	cr_assert_null(api->timer(api->h, 1, 0, fire, NULL));
}
