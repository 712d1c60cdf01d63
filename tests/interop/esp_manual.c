/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A data plane without IKE: loads the crypto plugins and kernel-user as aditd does, opens the UDP sockets and takes
 * SAs and policies with manual keys from lines on standard input. For tests and measurements of the data plane alone.
 *
 *   esp_manual PLUGIN-DIR [PLUGIN.KEY=VALUE…]
 *
 * Lines (words key=value, in any order; what is not given stays as it was in the line before of the same verb):
 *   sa add|del|update  dir=in|out spi= reqid= src= dst= encap=0|1 mode=tunnel|transport encr=ID:BITS integ=ID esn=0|1
 *                      window= gen=N (names the keys) tfc= df=yes|set|clear dscp= ecn= soft_packets= hard_packets=
 *                      hard_s= local= remote= (selectors for the check)
 *   pol add|del        dir= action=protect|pass|drop|trap reqid= mode= local= remote= dst= route=0|1 prio= cookie=
 *   usage dir= spi=    count    quit
 * Answers: "ok", "error NAME", events as "event …" lines. Keys are a pattern of `gen` and the SPI.
 */
#include "base/count.h"
#include "os/loop.h"
#include "os/udp.h"
#include "plugin/loader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct loop *loop;
static struct udp *udp;
static struct log *hub;
static const struct kern_ops *ops;
static void *plane;
static char **settings;

/* ---- services ---- */

static const char *conf(void *arg, const char *plugin, const char *key)
{
	size_t p = strlen(plugin), k = strlen(key);

	(void)arg;
	for (char **s = settings; *s; s++)
		if (strncmp(*s, plugin, p) == 0 && (*s)[p] == '.' && strncmp(*s + p + 1, key, k) == 0 && (*s)[p + 1 + k] == '=')
			return *s + p + k + 2;
	return NULL;
}

static err_t send_udp(void *arg, const struct net_addr *local, const struct net_addr *remote, const slice *v, size_t n,
	unsigned how)
{
	(void)arg;
	return udp_send_raw(udp, local, remote, v, n, how);
}

static void on_event(void *arg, const struct kern_event *ev)
{
	static const char *const names[] = { "?", "acquire", "soft", "hard", "mapping", "link" };
	char a[TS_TEXT], b[TS_TEXT], peer[NET_ADDR_TEXT];

	(void)arg;
	printf("event %s dir=%u spi=%u cookie=%llu local=%s remote=%s peer=%s\n", names[ev->type], ev->dir, ev->spi,
		(unsigned long long)ev->cookie, ev->local.family ? ts_text(&ev->local, a) : "-",
		ev->remote.family ? ts_text(&ev->remote, b) : "-", net_addr_text(&ev->peer, true, peer));
	fflush(stdout);
}

static void on_ike(void *arg, const struct net_addr *local, const struct net_addr *remote, slice data)
{
	(void)arg, (void)local, (void)remote, (void)data;
}

static void on_esp(void *arg, const struct kern_udp *v, size_t n)
{
	(void)arg;
	ops->esp_in_udp(plane, v, n);
}

static void to_stderr(void *self, const struct log_record *r)
{
	(void)self;
	fprintf(stderr, "%s\n", r->text);
}

/* ---- lines ---- */

static struct {
	char dir[8], encr[16], action[12], mode[12], df[8], local[256], remote[256], src[64], dst[64];
	unsigned long spi, reqid, encap, integ, esn, window, gen, tfc, dscp, ecn, soft_packets, hard_packets, hard_s, route,
		prio, cookie;
} w = { .dir = "in", .encr = "20:128", .action = "protect", .mode = "tunnel", .df = "yes", .window = 64, .route = 1,
	.reqid = 1, .encap = 1 };

static const struct { const char *name; char *text; size_t cap; unsigned long *number; } words[] = {
#define text(n) { #n, w.n, sizeof w.n, NULL },
#define number(n) { #n, NULL, 0, &w.n },
	text(dir) text(encr) text(action) text(mode) text(df) text(local) text(remote) text(src) text(dst)
	number(spi) number(reqid) number(encap) number(integ) number(esn) number(window) number(gen) number(tfc)
	number(dscp) number(ecn) number(soft_packets) number(hard_packets) number(hard_s) number(route) number(prio)
	number(cookie)
#undef text
#undef number
};

static bool word(const char *s)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = strlen(words[i].name);
		if (strncmp(s, words[i].name, n) != 0 || s[n] != '=')
			continue;
		if (words[i].number)
			*words[i].number = strtoul(s + n + 1, NULL, 0);
		else
			snprintf(words[i].text, words[i].cap, "%s", s + n + 1);
		return true;
	}
	return false;
}

/* "203.0.113.2:4500" or an address alone (raw ESP). */
static struct net_addr addr(const char *s)
{
	struct net_addr a = { 0 };

	if (*s && net_addr_parse(s, &a))
		printf("error bad address %s\n", s);
	return a;
}

static uint16_t sels(char *s, struct ts_sel *out, uint16_t max)
{
	char copy[256], *save = NULL;
	uint16_t n = 0;

	snprintf(copy, sizeof copy, "%s", s);
	for (char *t = strtok_r(copy, ",", &save); t && n < max; t = strtok_r(NULL, ",", &save))
		if (ts_parse(t, &out[n]) == 0)
			n++;
		else
			printf("error bad selector %s\n", t);
	return n;
}

static void key_fill(uint8_t *key, size_t n, uint8_t which)
{
	for (size_t i = 0; i < n; i++)
		key[i] = (uint8_t)(w.gen * 31 + w.spi * 7 + i * 3 + which);
}

static uint8_t mode(void)
{
	return strcmp(w.mode, "transport") == 0 ? KERN_TRANSPORT : KERN_TUNNEL;
}

static err_t do_sa(uint8_t verb)
{
	static uint8_t encr_key[64], integ_key[64];
	static struct ts_sel local[16], remote[16];
	struct kern_op op = { .verb = verb };
	unsigned id = 0, bits = 0;

	sscanf(w.encr, "%u:%u", &id, &bits);
	uint16_t dir = strcmp(w.dir, "out") == 0 ? KERN_OUT : KERN_IN;
	op.sa = (struct kern_sa){
		.dir = (uint8_t)dir, .proto = 50, .mode = mode(), .esn = w.esn, .spi = (uint32_t)w.spi,
		.reqid = (uint32_t)w.reqid, .src = addr(w.src), .dst = addr(w.dst), .encap = w.encap, .encr_id = (uint16_t)id,
		.encr_bits = (uint16_t)bits, .integ_id = (uint16_t)w.integ, .replay_window = (uint32_t)w.window,
		.life = { .soft_packets = w.soft_packets, .hard_packets = w.hard_packets, .hard_s = w.hard_s },
		.tfc_pad = (uint16_t)w.tfc, .copy_dscp = (uint8_t)w.dscp, .copy_ecn = w.ecn, .cookie = w.spi,
		.copy_df = strcmp(w.df, "set") == 0 ? KERN_COPY_DF_SET : strcmp(w.df, "clear") == 0 ? KERN_COPY_DF_CLEAR :
			KERN_COPY_DF_YES,
		.local_ts = local, .remote_ts = remote, .n_local_ts = sels(w.local, local, 16),
		.n_remote_ts = sels(w.remote, remote, 16),
	};
	key_fill(encr_key, sizeof encr_key, 1);
	key_fill(integ_key, sizeof integ_key, 2);
	op.sa.encr_key = slice_of(encr_key, bits / 8 + (id == 20 || id == 28 || id == 13 ? 4 : 0));
	op.sa.integ_key = slice_of(integ_key, w.integ == 2 ? 20 : w.integ == 12 ? 32 : w.integ == 13 ? 48 : w.integ ? 64 : 0);
	return ops->submit(plane, &op, 1, 0);
}

static err_t do_policy(uint8_t verb)
{
	static const char *const actions[] = { "protect", "pass", "drop", "trap" };
	struct kern_op op = { .verb = verb };
	struct ts_sel local[1], remote[1];

	if (sels(w.local, local, 1) != 1 || sels(w.remote, remote, 1) != 1)
		return E_BAD_VALUE;
	op.pol = (struct kern_policy){
		.dir = strcmp(w.dir, "in") == 0 ? KERN_IN : KERN_OUT, .mode = mode(), .proto = 50, .reqid = (uint32_t)w.reqid,
		.local = local[0], .remote = remote[0], .src = addr(w.src), .dst = addr(w.dst), .priority = (uint32_t)w.prio,
		.route = w.route, .cookie = w.cookie,
	};
	for (uint8_t i = 0; i < ARRAY_LEN(actions); i++)
		if (strcmp(w.action, actions[i]) == 0)
			op.pol.action = i;
	return ops->submit(plane, &op, 1, 0);
}

static void do_usage(void)
{
	struct kern_usage u;
	struct net_addr any = { 0 };

	if (ops->usage(plane, strcmp(w.dir, "out") == 0 ? KERN_OUT : KERN_IN, (uint32_t)w.spi, &any, &u)) {
		printf("error NOT_FOUND\n");
		return;
	}
	printf("usage packets=%llu bytes=%llu replay=%llu icv=%llu policy=%llu other=%llu\n", (unsigned long long)u.packets,
		(unsigned long long)u.bytes, (unsigned long long)u.replay_drops, (unsigned long long)u.icv_fails,
		(unsigned long long)u.policy_drops, (unsigned long long)u.other_drops);
}

static void one_counter(void *arg, const struct counter *c)
{
	(void)arg;
	if (counter_get(c))
		printf("counter %s=%llu\n", c->name, (unsigned long long)counter_get(c));
}

static void one_line(char *line)
{
	char *save = NULL, *verb = strtok_r(line, " \n", &save), *what = NULL;
	err_t e = E_PARSE;

	if (!verb || *verb == '#')
		return;
	for (char *t = strtok_r(NULL, " \n", &save); t; t = strtok_r(NULL, " \n", &save))
		if (!strchr(t, '='))
			what = t;
		else if (!word(t))
			printf("error unknown word %s\n", t);
	if (strcmp(verb, "quit") == 0) {
		loop_stop(loop);
		return;
	}
	if (strcmp(verb, "usage") == 0) {
		do_usage();
		return;
	}
	if (strcmp(verb, "count") == 0) {
		counter_each(one_counter, NULL);
		e = 0;
	} else if (what && strcmp(verb, "sa") == 0) {
		e = do_sa(strcmp(what, "add") == 0 ? KERN_SA_ADD : strcmp(what, "del") == 0 ? KERN_SA_DEL : KERN_SA_UPDATE);
	} else if (what && strcmp(verb, "pol") == 0) {
		e = do_policy(strcmp(what, "add") == 0 ? KERN_POLICY_ADD : KERN_POLICY_DEL);
	}
	if (e)
		printf("error %s\n", err_name(e));
	else
		printf("ok\n");
}

static void on_stdin(void *arg, int fd, int events)
{
	static char buf[65536];
	static size_t n;
	ssize_t got = read(fd, buf + n, sizeof buf - 1 - n);

	(void)arg, (void)events;
	if (got <= 0) {
		loop_stop(loop);
		return;
	}
	n += (size_t)got;
	buf[n] = 0;
	char *at = buf;
	for (char *end; (end = strchr(at, '\n')); at = end + 1) {
		*end = 0;
		one_line(at);
	}
	n -= (size_t)(at - buf);
	memmove(buf, at, n);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "crypto-gcrypt", "crypto-gnutls", "crypto-sodium", "kernel-user", NULL };
	struct diag *why = NULL;
	struct loader *loader = NULL;
	struct log_sink sink = { .write = to_stderr };
	const struct udp_user user = { NULL, on_ike, on_esp, NULL, NULL };
	uint32_t mark = 220;
	char text[512];

	if (argc < 2) {
		fprintf(stderr, "usage: esp_manual PLUGIN-DIR [PLUGIN.KEY=VALUE...]\n");
		return 2;
	}
	settings = argv + 2;
	memset(sink.level, LOG_CONTROL, sizeof sink.level);
	for (char **s = settings; *s; s++)
		if (strncmp(*s, "fwmark=", 7) == 0)
			mark = (uint32_t)strtoul(*s + 7, NULL, 0);
	struct udp_conf uc = { .port = 500, .port_natt = 4500, .v4 = true, .v6 = true, .fwmark = mark };
	hub = log_new();
	struct plug_registry *reg = registry_new();
	if (!hub || !reg || log_add(hub, &sink) < 0 || loop_new(&loop, &why) || udp_open(loop, hub, &uc, &user, &udp, &why))
		goto fail;
	struct plug_services s = { .log = hub, .loop = loop, .reg = reg, .conf = conf, .udp_send = send_udp,
		.kern_event = on_event, .fwmark = mark };
	if (loader_new(&s, &loader, &why) || loader_open(loader, argv[1], names, &why))
		goto fail;
	loader_start(loader, 0, NULL);
	const struct reg_feat *f = registry_best(reg, PLUG_KERNEL_SA, 0, 0);
	if (!f) {
		fprintf(stderr, "kernel-user does not start\n");
		return 1;
	}
	ops = f->row->ops;
	plane = f->plugin->self;
	struct loop_watch *in = loop_watch(loop, 0, LOOP_READ, on_stdin, NULL);
	printf("ready\n");
	fflush(stdout);
	loop_run(loop);
	loop_unwatch(in);
	loader_free(loader);
	udp_close(udp);
	loop_free(loop);
	registry_free(reg);
	log_free(hub);
	return 0;
fail:
	fprintf(stderr, "esp_manual: %s\n", diag_text(why, E_INTERNAL, text, sizeof text));
	return 1;
}
