/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cost of an IKE SA with one child (PSK, X25519, AES-GCM) in the engine alone: two engines in one process and one
 * thread, no sockets, no data plane. Prints CPU per set-up of both sides together, what of it is key exchange, and
 * bytes per SA of one side; then the same for a rekey of every IKE SA.
 *
 *     engine_bench PLUGIN-DIR [SAs]
 */
#include "base/log.h"
#include "ike/engine.h"
#include "plugin/registry.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum { SAS_DEFAULT = 20000 };

struct msg {
	int to;
	struct net_addr src, dst;
	uint8_t *data;
	size_t n;
};

struct node {
	struct ike_engine *e;
	struct ike_env env;
	struct conf_daemon daemon;
	struct conf_conn conn;
	struct conf_child child, *children[1];
	struct conf_auth local, remote;
	struct conf_ts ts_l, ts_r;
	struct net_addr addr[2];
	struct fx_list fx;
	double cpu;
	uint32_t replies, failed;
	char last[200];
};

static struct node nodes[2];
static struct msg *queue; /* room for one message per IKE SA in either direction */
static size_t q_head, q_tail, q_cap;
static double kex_cpu;
static uint64_t now_ms = 1000;
static struct plug_registry *registry;
static struct conf_conn *conns; /* the initiator's: one per IKE SA, so that each command makes its own */
static const char *const plugins[] = { "crypto-sodium", "crypto-gnutls", "crypto-gcrypt" };

static double cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static const void *find(void *arg, uint16_t kind, uint16_t id, uint16_t bits)
{
	return registry_find(arg, kind, id, bits);
}

static err_t random_bytes(void *arg, uint8_t *out, size_t n)
{
	(void)arg;
	return getrandom(out, n, 0) == (ssize_t)n ? 0 : E_CRYPTO;
}

static struct conf_conn *conn_match(void *arg, const struct net_addr *local, const struct net_addr *remote, size_t *cursor)
{
	struct node *n = arg;

	(void)local, (void)remote;
	return (*cursor)++ ? NULL : &n->conn;
}

static struct conf_conn *conn_find(void *arg, const char *name)
{
	(void)arg;
	return &conns[strtoul(name + 1, NULL, 10)];
}

static bool psk(void *arg, const struct conf_psk_ask *ask, struct conf_psk *out)
{
	(void)arg, (void)ask;
	*out = (struct conf_psk){ .data = SLICE_LIT("a secret of the benchmark"), .name = "lab" };
	return true;
}

static void settle(int at)
{
	struct node *n = &nodes[at];
	struct fx_list fx = n->fx;

	/* Effects of the answers go to a fresh list: the loop ends when one came out empty. */
	while (fx.head) {
		fx_init(&n->fx);
		for (struct fx *f = fx.head; f; f = f->next) {
			if (f->type == FX_SEND) {
				struct msg *m = &queue[q_tail++ % q_cap];
				*m = (struct msg){ 1 - at, f->send.local, f->send.remote, malloc(f->send.data.n), f->send.data.n };
				memcpy(m->data, f->send.data.p, m->n);
			} else if (f->type == FX_JOB) {
				double t = cpu_now();
				ike_job_run(f->job);
				kex_cpu += cpu_now() - t;
				ike_done(n->e, now_ms, f->job, &n->fx);
			} else if (f->type == FX_KERNEL && f->kernel.token) {
				ike_kern_done(n->e, now_ms, f->kernel.token, 0, &n->fx);
			} else if (f->type == FX_REPLY) {
				n->replies++;
				n->failed += f->reply.err != 0;
				if (f->reply.err)
					snprintf(n->last, sizeof n->last, "%s", f->reply.text);
			}
		}
		fx_fini(&fx);
		fx = n->fx;
	}
	fx_fini(&fx);
	fx_init(&n->fx);
}

static void pump(void)
{
	while (q_head != q_tail) {
		struct msg m = queue[q_head++ % q_cap];
		struct node *n = &nodes[m.to];
		double t = cpu_now(), k = kex_cpu;
		ike_rx(n->e, now_ms, &m.dst, &m.src, slice_of(m.data, m.n), &n->fx);
		settle(m.to);
		n->cpu += cpu_now() - t - (kex_cpu - k);
		free(m.data);
	}
}

static bool node_init(int at, const struct crypto *c, struct log *log, struct suite_list *ike, struct suite_list *esp)
{
	static uint8_t ids[2][8] = { "a.test", "b.test" };
	static char names[3][8] = { "bench", "child", "psk" };
	struct node *n = &nodes[at];

	conf_daemon_defaults(&n->daemon);
	n->daemon.dos_protection = false;
	for (int i = 0; i < 2; i++) {
		if (net_addr_parse(i == at ? "192.0.2.1" : "192.0.2.2", &n->addr[i]))
			return false;
	}
	if (ts_parse("10.0.0.0/8", &n->ts_l.sel) || ts_parse("10.0.0.0/8", &n->ts_r.sel))
		return false;
	n->local = (struct conf_auth){ .name = names[2], .cls = CONF_AUTH_PSK, .id = { 2, 6, ids[at] }, .method = names[2] };
	n->remote = (struct conf_auth){ .name = names[2], .cls = CONF_AUTH_PSK, .id = { 2, 6, ids[1 - at] }, .method = names[2] };
	n->child = (struct conf_child){ .name = names[1], .mode = CONF_TUNNEL, .props = esp->v, .n_props = esp->n, .local_ts = &n->ts_l,
		.n_local_ts = 1, .remote_ts = &n->ts_r, .n_remote_ts = 1, .replay_window = 32 };
	n->children[0] = &n->child;
	n->conn = (struct conf_conn){ .name = names[0], .version = 2, .remote_addrs = &n->addr[1], .n_remote_addrs = 1,
		.local_addrs = &n->addr[0], .n_local_addrs = 1, .local_port = 500, .remote_port = 500, .props = ike->v,
		.n_props = ike->n, .local = &n->local, .remote = &n->remote, .n_local = 1, .n_remote = 1, .children = n->children,
		.n_children = 1, .keyingtries = 1, .unique = CONF_UNIQUE_NEVER, .rekey_time_s = 14400, .over_time_s = 1440,
		.retry = n->daemon.retry };
	atomic_store(&n->conn.refs, 1);
	n->env = (struct ike_env){ .crypto = c, .log = log, .conf = &n->daemon, .arg = n, .conn_match = conn_match,
		.conn_find = conn_find, .psk = psk };
	fx_init(&n->fx);
	return ike_engine_new(&n->env, &n->e) == 0;
}

static void report(const char *what, uint32_t n, double cpu)
{
	double own0 = nodes[0].cpu / n * 1e6, own1 = nodes[1].cpu / n * 1e6;

	printf("%-8s %u done: %.1f us CPU both sides together (%.1f us key exchange); engine alone: initiator %.1f us, "
	       "responder %.1f us\n", what, n, cpu / n * 1e6, kex_cpu / n * 1e6, own0, own1);
}

int main(int argc, char **argv)
{
	uint32_t sas = argc > 2 ? (uint32_t)atoi(argv[2]) : SAS_DEFAULT;
	struct suite_list ike = { 0 }, esp = { 0 };
	struct crypto c;
	char path[4096];
	void *self;

	if (argc < 2 || !sas) {
		fputs("usage: engine_bench PLUGIN-DIR [SAs]\n", stderr);
		return 2;
	}
	q_cap = 2 * (size_t)sas + 16;
	queue = calloc(q_cap, sizeof *queue);
	registry = registry_new();
	for (size_t i = 0; i < ARRAY_LEN(plugins); i++) {
		snprintf(path, sizeof path, "%s/%s.so", argv[1], plugins[i]);
		void *dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		const struct plug_desc *d = dl ? dlsym(dl, "adit_plugin") : NULL;
		if (d && (!d->start || d->start(NULL, &self) == 0) && registry_add_desc(registry, d, NULL) == 0)
			continue;
		fprintf(stderr, "%s is left out\n", plugins[i]);
	}
	crypto_init(&c, find, random_bytes, registry);
	struct log *log = log_new();
	if (!queue || suite_list_add(&ike, NULL, SUITE_IKE, "aes128gcm16-prfsha256-x25519", NULL) ||
	    suite_list_add(&esp, NULL, SUITE_ESP, "aes128gcm16", NULL) || !node_init(0, &c, log, &ike, &esp) ||
	    !node_init(1, &c, log, &ike, &esp)) {
		fputs("the engines cannot be made\n", stderr);
		return 1;
	}
	conns = calloc(sas, sizeof *conns);
	char(*names)[16] = calloc(sas, sizeof *names);
	for (uint32_t i = 0; conns && names && i < sas; i++) {
		conns[i] = nodes[0].conn;
		snprintf(names[i], sizeof names[i], "c%u", i);
		conns[i].name = names[i];
	}
	struct mallinfo2 m0 = mallinfo2();
	double start = cpu_now();
	for (uint32_t i = 0; i < sas; i++) {
		double t = cpu_now(), k = kex_cpu;
		struct ike_cmd cmd = { .verb = IKE_CMD_INITIATE, .cmd_id = i + 1, .ike = conns[i].name, .child = "child" };
		ike_do(nodes[0].e, now_ms, &cmd, &nodes[0].fx);
		settle(0);
		nodes[0].cpu += cpu_now() - t - (kex_cpu - k);
		pump();
	}
	double cpu = cpu_now() - start;
	struct mallinfo2 m1 = mallinfo2();
	struct ike_stats s[2];
	for (int i = 0; i < 2; i++)
		ike_stats_get(nodes[i].e, &s[i]);
	if (s[0].ike_sas != sas || s[1].ike_sas != sas || s[1].children != sas) {
		printf("%u of %u set-ups failed: %s\n", sas - s[0].ike_sas, sas, nodes[0].last);
		return 1;
	}
	report("set-up", sas, cpu);
	printf("memory   %.0f bytes per IKE SA with one child on one side (heap; key bytes of locked pages not counted)\n",
		(double)(m1.uordblks + m1.hblkhd - m0.uordblks - m0.hblkhd) / 2 / sas);
	nodes[0].cpu = nodes[1].cpu = kex_cpu = 0;
	start = cpu_now();
	double t = cpu_now();
	struct ike_cmd cmd = { .verb = IKE_CMD_REKEY, .cmd_id = sas + 1 };
	ike_do(nodes[0].e, now_ms, &cmd, &nodes[0].fx);
	settle(0);
	nodes[0].cpu += cpu_now() - t;
	pump();
	report("rekey", sas, cpu_now() - start);
	for (int i = 0; i < 2; i++) {
		ike_engine_free(nodes[i].e);
		fx_fini(&nodes[i].fx);
	}
	suite_list_fini(&ike);
	suite_list_fini(&esp);
	log_free(log);
	registry_free(registry);
	free(queue);
	free(conns);
	free(names);
	return 0;
}
