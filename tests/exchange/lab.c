/* SPDX-License-Identifier: Apache-2.0 */
/* The laboratory of two engines: see lab.h. */
#include "tests/exchange/lab.h"

#include "plugin/registry.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

extern const struct plug_desc adit_plugin; /* crypto-gcrypt, linked in */

static struct plug_registry *registry;

/* ---- failing ---------------------------------------------------------------------------------------------------- */

void lab_fail(struct lab *lab, const char *fmt, ...)
{
	va_list ap;
	if (lab->fails++ >= 6)
		return; /* the first ones tell it */
	printf("# FAIL at %llu ms, %s: ", (unsigned long long)lab->now_ms, lab->story);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

/* ---- crypto -------------------------------------------------------------------------------------------------------- */

static struct lab *toy_lab; /* of the one laboratory that runs: the toy has no argument of its own */

static err_t lab_random(void *arg, uint8_t *out, size_t n)
{
	struct lab *lab = arg;
	for (size_t i = 0; i < n; i++) {
		lab->seed += 0x9e3779b97f4a7c15u;
		uint64_t z = lab->seed;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		out[i] = (uint8_t)(z ^ z >> 31);
	}
	return 0;
}

enum { TOY_LEN = 32 };

static err_t toy_offer(void *ctx, uint8_t *pub)
{
	err_t e = lab_random(toy_lab, pub, TOY_LEN);
	memcpy(ctx, pub, TOY_LEN);
	return e;
}

static void toy_mix(const uint8_t *a, const uint8_t *b, uint8_t *ss)
{
	for (int i = 0; i < TOY_LEN; i++)
		ss[i] = (uint8_t)(a[i] * 3 + b[i]);
}

static err_t toy_answer(slice pub_i, uint8_t *pub_r, uint8_t *ss)
{
	err_t e = lab_random(toy_lab, pub_r, TOY_LEN);
	toy_mix(pub_i.p, pub_r, ss);
	return e;
}

static err_t toy_finish(void *ctx, slice pub_r, uint8_t *ss)
{
	toy_mix(ctx, pub_r.p, ss);
	return 0;
}

static void toy_fini(void *ctx)
{
	mem_wipe(ctx, TOY_LEN);
}

static const struct kex_ops toy_kex = { .size = sizeof toy_kex, .pub_i_len = TOY_LEN, .pub_r_len = TOY_LEN,
	.secret_len = TOY_LEN, .ctx_size = TOY_LEN, .offer = toy_offer, .answer = toy_answer, .finish = toy_finish,
	.fini = toy_fini };

static const void *lab_find(void *arg, uint16_t kind, uint16_t id, uint16_t bits)
{
	const struct lab *lab = arg;
	if (kind == PLUG_KEX && id == 31 && lab->toy_kex)
		return &toy_kex;
	return registry_find(registry, kind, id, bits);
}

/* ---- data plane ------------------------------------------------------------------------------------------------------ */

static struct lab_sa *sa_find(struct lab_node *n, uint8_t dir, uint32_t spi)
{
	for (size_t i = 0; i < n->n_sas; i++)
		if (n->sas[i].sa.dir == dir && n->sas[i].sa.spi == spi)
			return &n->sas[i];
	return NULL;
}

static bool same_policy(const struct kern_policy *a, const struct kern_policy *b)
{
	return a->dir == b->dir && ts_equal(&a->local, &b->local) && ts_equal(&a->remote, &b->remote) &&
	       a->priority == b->priority && a->reqid == b->reqid && a->action == b->action;
}

static err_t kern_sa_add(struct lab_node *n, const struct kern_sa *sa)
{
	if (sa_find(n, sa->dir, sa->spi))
		return E_EXISTS;
	if (n->n_sas == LAB_SAS)
		return E_LIMIT;
	struct lab_sa *s = &n->sas[n->n_sas++];
	*s = (struct lab_sa){ .sa = *sa, .serial = ++n->lab->serial, .key_len = sa->encr_key.n };
	memcpy(s->key, sa->encr_key.p, sa->encr_key.n < sizeof s->key ? sa->encr_key.n : sizeof s->key);
	s->sa.local_ts = s->sa.remote_ts = NULL;
	return 0;
}

static err_t kern_sa_del(struct lab_node *n, const struct kern_sa *sa)
{
	struct lab_sa *s = sa_find(n, sa->dir, sa->spi);
	if (!s)
		return E_NOT_FOUND;
	if (n->lab->no_gap && s->sa.dir == KERN_IN && s->last_sent_ms && n->lab->now_ms - s->last_sent_ms < 1000)
		lab_fail(n->lab, "%s takes inbound SA %08x away %llu ms after its peer has sent on it", n->name, sa->spi,
			 (unsigned long long)(n->lab->now_ms - s->last_sent_ms));
	*s = n->sas[--n->n_sas];
	return 0;
}

static err_t kern_one(struct lab_node *n, const struct kern_op *op)
{
	switch (op->verb) {
	case KERN_SA_ADD:
		return kern_sa_add(n, &op->sa);
	case KERN_SA_DEL:
		return kern_sa_del(n, &op->sa);
	case KERN_SA_UPDATE: {
		struct lab_sa *s = sa_find(n, op->sa.dir, op->sa.spi);
		if (!s)
			return E_NOT_FOUND;
		s->sa.src = op->sa.src;
		s->sa.dst = op->sa.dst;
		return 0;
	}
	case KERN_POLICY_ADD:
		if (n->n_pols == LAB_POLS)
			return E_LIMIT;
		n->pols[n->n_pols++] = op->pol;
		return 0;
	default:
		for (size_t i = n->n_pols; i-- > 0;)
			if (same_policy(&n->pols[i], &op->pol)) {
				n->pols[i] = n->pols[--n->n_pols];
				return 0;
			}
		return E_NOT_FOUND;
	}
}

static err_t kern_submit(struct lab_node *n, const struct kern_op *ops, size_t n_ops)
{
	struct lab_sa sas[LAB_SAS];
	struct kern_policy pols[LAB_POLS];
	size_t n_sas = n->n_sas, n_pols = n->n_pols;
	bool adds = false;
	for (size_t i = 0; i < n_ops; i++)
		adds = adds || ops[i].verb == KERN_SA_ADD;
	if (adds && n->kern_fail > 0) {
		n->kern_fail--;
		return E_IO;
	}
	memcpy(sas, n->sas, sizeof sas);
	memcpy(pols, n->pols, sizeof pols);
	for (size_t i = 0; i < n_ops; i++) {
		err_t e = kern_one(n, &ops[i]);
		if (e) {
			memcpy(n->sas, sas, sizeof sas);
			memcpy(n->pols, pols, sizeof pols);
			n->n_sas = n_sas;
			n->n_pols = n_pols;
			return e;
		}
	}
	return 0;
}

static err_t lab_usage(void *arg, uint8_t dir, uint32_t spi, const struct net_addr *dst, struct kern_usage *out)
{
	struct lab_sa *s = sa_find(arg, dir, spi);
	(void)dst;
	if (!s)
		return E_NOT_FOUND;
	*out = (struct kern_usage){ .packets = s->packets, .bytes = s->packets * 100,
				    .use_time_s = s->packets ? 0 : UINT64_MAX };
	return 0;
}

/* The SA a side sends the traffic of child "k" on: the newest outbound one with the reqid of the outbound policy. */
static struct lab_sa *current_out(struct lab_node *n)
{
	struct lab_sa *best = NULL;
	for (size_t i = 0; i < n->n_pols; i++) {
		if (n->pols[i].dir != KERN_OUT || n->pols[i].action != KERN_PROTECT ||
		    !ts_equal(&n->pols[i].local, &n->kids[0].local_ts[0].sel))
			continue;
		for (size_t j = 0; j < n->n_sas; j++)
			if (n->sas[j].sa.dir == KERN_OUT && n->sas[j].sa.reqid == n->pols[i].reqid &&
			    (!best || n->sas[j].serial > best->serial))
				best = &n->sas[j];
	}
	return best;
}

static void check_gap(struct lab *lab)
{
	for (int i = 0; lab->no_gap && i < 2; i++) {
		struct lab_node *n = &lab->n[i], *peer = &lab->n[1 - i];
		struct lab_sa *out = current_out(n);
		if (!out) {
			lab_fail(lab, "%s has nothing to send on", n->name);
			continue;
		}
		struct lab_sa *in = sa_find(peer, KERN_IN, out->sa.spi);
		if (!in)
			lab_fail(lab, "%s sends on %08x, which %s does not have", n->name, out->sa.spi, peer->name);
		else if (in->key_len != out->key_len || memcmp(in->key, out->key, in->key_len) != 0)
			lab_fail(lab, "the two sides have different keys for %08x", out->sa.spi);
		else
			in->last_sent_ms = lab->now_ms;
	}
}

/* ---- effects -------------------------------------------------------------------------------------------------------- */

static void net_add(struct lab *lab, int from, const struct fx *f)
{
	if (lab->n_msgs == LAB_MSGS) {
		lab_fail(lab, "more than %d messages are in flight", LAB_MSGS);
		return;
	}
	struct lab_msg *m = &lab->msgs[lab->n_msgs];
	m->to = 1 - from;
	m->src = f->send.local;
	m->dst = f->send.remote;
	if (!m->src.family) {
		uint16_t port = m->src.port;
		m->src = lab->n[from].addr;
		m->src.port = port;
	}
	m->data = malloc(f->send.data.n ? f->send.data.n : 1);
	m->n = f->send.data.n;
	if (!m->data)
		return;
	memcpy(m->data, f->send.data.p, m->n);
	lab->n_msgs++;
}

static void reply_add(struct lab_node *n, const struct fx *f)
{
	struct lab_reply *r = NULL;
	for (size_t i = 0; i < n->n_replies; i++)
		if (n->replies[i].cmd_id == f->reply.cmd_id)
			r = &n->replies[i];
	if (!r && n->n_replies < LAB_REPLIES) {
		r = &n->replies[n->n_replies++];
		*r = (struct lab_reply){ 0 };
	}
	if (!r)
		return;
	r->cmd_id = f->reply.cmd_id;
	r->err = f->reply.err;
	r->matches = f->reply.matches;
	r->child_unique = f->reply.child_unique;
	r->times++;
	snprintf(r->text, sizeof r->text, "%s", f->reply.text ? f->reply.text : "");
}

/* Executes what came out and gives answers back, until nothing is left to do. */
static void settle(struct lab *lab, int at)
{
	struct lab_node *n = &lab->n[at];
	struct { uint64_t token; err_t res; struct ike_job *job; } todo[LAB_HELD];
	size_t n_todo = 0, done = 0;
	do {
		for (struct fx *f = n->fx.head; f; f = f->next) {
			switch (f->type) {
			case FX_SEND:
				net_add(lab, at, f);
				break;
			case FX_JOB:
				if (n->job_hold && n->n_held_jobs < LAB_HELD) {
					n->held_jobs[n->n_held_jobs++] = f->job;
				} else if (n_todo < LAB_HELD) {
					ike_job_run(f->job);
					todo[n_todo].token = 0;
					todo[n_todo++].job = f->job;
				}
				break;
			case FX_KERNEL: {
				err_t res = kern_submit(n, f->kernel.ops, f->kernel.n);
				if (f->kernel.token && n->kern_hold && n->n_held_kern < LAB_HELD) {
					n->held_kern[n->n_held_kern] = f->kernel.token;
					n->held_res[n->n_held_kern++] = res;
				} else if (f->kernel.token && n_todo < LAB_HELD) {
					todo[n_todo].token = f->kernel.token;
					todo[n_todo].job = NULL;
					todo[n_todo++].res = res;
				}
				break;
			}
			case FX_EVENT:
				if (f->event.type <= IKE_EV_ALERT)
					n->events[f->event.type][f->event.up]++;
				break;
			default:
				reply_add(n, f);
			}
		}
		fx_reset(&n->fx);
		if (done < n_todo) {
			if (todo[done].job)
				ike_done(n->e, lab->now_ms, todo[done].job, &n->fx);
			else
				ike_kern_done(n->e, lab->now_ms, todo[done].token, todo[done].res, &n->fx);
			done++;
			if (done == n_todo)
				done = n_todo = 0;
		}
	} while (n->fx.head || done < n_todo);
	check_gap(lab);
}

/* ---- steps ------------------------------------------------------------------------------------------------------------ */

void lab_do(struct lab *lab, int node, const struct ike_cmd *cmd)
{
	ike_do(lab->n[node].e, lab->now_ms, cmd, &lab->n[node].fx);
	settle(lab, node);
}

void lab_conf_changed(struct lab *lab, int node)
{
	ike_conf_changed(lab->n[node].e, lab->now_ms, &lab->n[node].fx);
	settle(lab, node);
}

void lab_shutdown(struct lab *lab, int node)
{
	ike_shutdown(lab->n[node].e, lab->now_ms, &lab->n[node].fx);
	settle(lab, node);
}

const struct lab_reply *lab_reply(const struct lab *lab, int node, uint64_t cmd_id)
{
	for (size_t i = 0; i < lab->n[node].n_replies; i++)
		if (lab->n[node].replies[i].cmd_id == cmd_id)
			return &lab->n[node].replies[i];
	return NULL;
}

static struct lab_msg msg_take(struct lab *lab, size_t at)
{
	struct lab_msg m = lab->msgs[at];
	memmove(&lab->msgs[at], &lab->msgs[at + 1], (lab->n_msgs - at - 1) * sizeof m);
	lab->n_msgs--;
	return m;
}

static struct net_addr nat_addr;

static void msg_in(struct lab *lab, const struct lab_msg *m)
{
	struct net_addr src = m->src, dst = m->dst;
	/* The address node 0 is seen with, and the way back. */
	if (lab->nat && m->to == 1) {
		src = nat_addr;
		src.port = (uint16_t)(m->src.port + 10000);
	}
	if (lab->nat && m->to == 0) {
		dst = lab->n[0].addr;
		dst.port = (uint16_t)(m->dst.port - 10000);
	}
	ike_rx(lab->n[m->to].e, lab->now_ms, &dst, &src, slice_of(m->data, m->n), &lab->n[m->to].fx);
	settle(lab, m->to);
}

void lab_deliver(struct lab *lab, size_t at)
{
	struct lab_msg m = msg_take(lab, at);
	msg_in(lab, &m);
	free(m.data);
}

void lab_drop(struct lab *lab, size_t at)
{
	free(msg_take(lab, at).data);
}

void lab_double(struct lab *lab, size_t at)
{
	struct lab_msg m = lab->msgs[at];
	msg_in(lab, &m);
}

void lab_flush(struct lab *lab)
{
	for (int i = 0; lab->n_msgs; i++) {
		if (i == 200) {
			lab_fail(lab, "the two sides never stop talking");
			while (lab->n_msgs)
				lab_drop(lab, 0);
			return;
		}
		lab_deliver(lab, 0);
	}
}

static void pass(struct lab *lab, uint64_t ms, bool deliver)
{
	uint64_t end = lab->now_ms + ms;
	for (int guard = 0; guard < 100000; guard++) {
		if (deliver)
			lab_flush(lab);
		uint64_t a = ike_next_ms(lab->n[0].e), b = ike_next_ms(lab->n[1].e), at = a < b ? a : b;
		if (at > end)
			break;
		if (at > lab->now_ms)
			lab->now_ms = at;
		for (int i = 0; i < 2; i++) {
			if (ike_next_ms(lab->n[i].e) > lab->now_ms)
				continue;
			ike_tick(lab->n[i].e, lab->now_ms, &lab->n[i].fx);
			settle(lab, i);
		}
	}
	lab->now_ms = end;
}

void lab_run(struct lab *lab, uint64_t ms)
{
	pass(lab, ms, true);
}

void lab_pass(struct lab *lab, uint64_t ms)
{
	pass(lab, ms, false);
}

void lab_kern_event(struct lab *lab, int node, const struct kern_event *ev)
{
	ike_kern_event(lab->n[node].e, lab->now_ms, ev, &lab->n[node].fx);
	settle(lab, node);
}

void lab_kern_answer(struct lab *lab, int node, size_t i)
{
	struct lab_node *n = &lab->n[node];
	uint64_t token = n->held_kern[i];
	err_t res = n->held_res[i];
	n->n_held_kern--;
	memmove(&n->held_kern[i], &n->held_kern[i + 1], (n->n_held_kern - i) * sizeof n->held_kern[0]);
	memmove(&n->held_res[i], &n->held_res[i + 1], (n->n_held_kern - i) * sizeof n->held_res[0]);
	ike_kern_done(n->e, lab->now_ms, token, res, &n->fx);
	settle(lab, node);
}

void lab_job_answer(struct lab *lab, int node, size_t i)
{
	struct lab_node *n = &lab->n[node];
	struct ike_job *job = n->held_jobs[i];
	n->n_held_jobs--;
	memmove(&n->held_jobs[i], &n->held_jobs[i + 1], (n->n_held_jobs - i) * sizeof n->held_jobs[0]);
	ike_job_run(job);
	ike_done(n->e, lab->now_ms, job, &n->fx);
	settle(lab, node);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------ */

static struct conf_conn *lab_conn_match(void *arg, const struct net_addr *local, const struct net_addr *remote, size_t *cursor)
{
	struct lab_node *n = arg;
	(void)local, (void)remote;
	return (*cursor)++ ? NULL : &n->conn;
}

static struct conf_conn *lab_conn_find(void *arg, const char *name)
{
	struct lab_node *n = arg;
	return strcmp(name, n->conn.name) ? NULL : &n->conn;
}

static slice lab_psk(void *arg, uint8_t my_type, slice my_id, uint8_t peer_type, slice peer_id)
{
	(void)arg, (void)my_type, (void)my_id, (void)peer_type, (void)peer_id;
	return SLICE_LIT("a shared secret of the laboratory");
}

static uint64_t lab_wall(void *arg)
{
	(void)arg;
	return 1700000000;
}

static char conn_name[] = "c", psk_word[] = "psk", local_1[] = "local-1", remote_1[] = "remote-1";
static char kid_names[LAB_KIDS][4] = { "k", "k2", "k3", "k4" };
static const char *const nets[LAB_KIDS][2] = { { "10.1.0.0/16", "10.2.0.0/16" }, { "10.3.0.0/16", "10.4.0.0/16" },
					       { "fd01::/32", "fd02::/32" }, { "10.5.0.0/16", "10.6.0.0/16" } };
static struct conf_auth auth_l[2], auth_r[2];
static struct net_addr addrs[2];
static uint8_t id_bytes[2][8] = { "a.test", "b.test" };
static struct suite_list ike_props, esp_props, pfs_props;
static struct conf_ts kid_ts[LAB_KIDS][2];

static bool once(void)
{
	static bool ready;
	if (ready)
		return true;
	registry = registry_new();
	void *self;
	if (!registry || adit_plugin.start(NULL, &self) || registry_add_desc(registry, &adit_plugin, self))
		return false;
	if (suite_list_add(&ike_props, NULL, SUITE_IKE, "aes128gcm16-prfsha256-x25519", NULL) ||
	    suite_list_add(&ike_props, NULL, SUITE_IKE, "aes256gcm16-prfsha256-ecp256", NULL) ||
	    suite_list_add(&esp_props, NULL, SUITE_ESP, "aes128gcm16", NULL) ||
	    suite_list_add(&pfs_props, NULL, SUITE_ESP, "aes128gcm16-x25519", NULL) ||
	    suite_list_add(&pfs_props, NULL, SUITE_ESP, "aes128gcm16-ecp256", NULL))
		return false;
	for (int i = 0; i < 2; i++) {
		if (net_addr_parse(i ? "192.0.2.2" : "192.0.2.1", &addrs[i]))
			return false;
		auth_l[i] = (struct conf_auth){ local_1, CONF_AUTH_PSK, { 2, 6, id_bytes[i] }, psk_word };
		auth_r[i] = (struct conf_auth){ remote_1, CONF_AUTH_PSK, { 2, 6, id_bytes[1 - i] }, psk_word };
	}
	if (net_addr_parse("203.0.113.77", &nat_addr))
		return false;
	for (int k = 0; k < LAB_KIDS; k++)
		for (int i = 0; i < 2; i++)
			if (ts_parse(nets[k][i], &kid_ts[k][i].sel))
				return false;
	return ready = true;
}

static void kid_set(struct lab_node *n, int k, int at, bool pfs)
{
	struct suite_list *l = pfs ? &pfs_props : &esp_props;
	n->kids[k] = (struct conf_child){
		.name = kid_names[k], .mode = CONF_TUNNEL, .props = l->v, .n_props = l->n, .local_ts = &kid_ts[k][at],
		.n_local_ts = 1, .remote_ts = &kid_ts[k][1 - at], .n_remote_ts = 1, .policies = true, .replay_window = 32,
	};
}

static bool node_init(struct lab *lab, int at, bool pfs)
{
	static struct conf_child *kid_ptrs[2][LAB_KIDS];
	struct lab_node *n = &lab->n[at];
	n->lab = lab;
	n->name = at ? "B" : "A";
	n->addr = addrs[at];
	n->addr.port = 500;
	conf_daemon_defaults(&n->daemon);
	n->daemon.retry = (struct conf_retry){ .tries = 5, .timeout_ms = 4000, .base_x1000 = 1800 };
	for (int k = 0; k < LAB_KIDS; k++) {
		kid_set(n, k, at, pfs);
		kid_ptrs[at][k] = &n->kids[k];
	}
	n->conn = (struct conf_conn){
		.name = conn_name, .version = 2, .local_addrs = &addrs[at], .n_local_addrs = 1, .remote_addrs = &addrs[1 - at],
		.n_remote_addrs = 1, .local_port = 500, .remote_port = 500, .props = ike_props.v, .n_props = ike_props.n,
		.local = &auth_l[at], .remote = &auth_r[at], .n_local = 1, .n_remote = 1, .children = kid_ptrs[at],
		.n_children = LAB_KIDS, .keyingtries = 1, .unique = CONF_UNIQUE_NO, .retry = n->daemon.retry,
	};
	atomic_store(&n->conn.refs, 1);
	n->env = (struct ike_env){
		.crypto = &lab->crypto, .log = lab->log, .conf = &n->daemon, .inline_jobs = false, .arg = n,
		.conn_match = lab_conn_match, .conn_find = lab_conn_find, .psk = lab_psk, .kern_usage = lab_usage,
		.kern_caps = KERN_CAP_NULL | KERN_CAP_TRAP, .wall_s = lab_wall,
	};
	fx_init(&n->fx);
	return ike_engine_new(&n->env, &n->e) == 0;
}

static void log_line(void *self, const struct log_record *r)
{
	struct lab *lab = self;
	fprintf(stderr, "%8llu %s: %s\n", (unsigned long long)lab->now_ms, log_sub_name(r->sub), r->text);
}

bool lab_init(struct lab *lab, uint64_t seed, bool toy, bool pfs)
{
	*lab = (struct lab){ .seed = seed, .toy_kex = toy, .now_ms = 1000 };
	toy_lab = lab;
	lab->log = log_new();
	crypto_init(&lab->crypto, lab_find, lab_random, lab);
	if (getenv("LAB_LOG")) {
		struct log_sink sink = { .self = lab, .write = log_line };
		memset(sink.level, 2, sizeof sink.level);
		(void)log_add(lab->log, &sink);
	}
	if (lab->log && once() && node_init(lab, 0, pfs) && node_init(lab, 1, pfs))
		return true;
	printf("# the laboratory cannot be set up\n");
	return false;
}

void lab_fini(struct lab *lab)
{
	for (int i = 0; i < 2; i++) {
		struct lab_node *n = &lab->n[i];
		ike_engine_free(n->e);
		fx_fini(&n->fx);
		if (atomic_load(&n->conn.refs) != 1)
			lab_fail(lab, "%s: %u references to its connection are left", n->name, atomic_load(&n->conn.refs) - 1);
	}
	while (lab->n_msgs)
		lab_drop(lab, 0);
	log_free(lab->log);
}

/* ---- looking -------------------------------------------------------------------------------------------------------------- */

bool lab_up(struct lab *lab)
{
	lab_do(lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 1, .ike = "c", .child = "k" });
	lab_run(lab, 100);
	const struct lab_reply *r = lab_reply(lab, 0, 1);
	if (r && !r->err && lab_children(lab, 0, "INSTALLED") == 1 && lab_children(lab, 1, "INSTALLED") == 1)
		return true;
	lab_fail(lab, "the tunnel does not come up: %s", r ? r->text : "no reply");
	return false;
}

unsigned lab_ikes(struct lab *lab, int node, const char *state)
{
	struct arena a;
	uint32_t cursor = 0;
	unsigned n = 0;
	arena_init(&a, 1 << 20);
	for (const struct ike_view *v; (v = ike_view_next(lab->n[node].e, lab->now_ms, &cursor, &a));)
		n += !state || !strcmp(v->state, state);
	arena_fini(&a);
	return n;
}

unsigned lab_children(struct lab *lab, int node, const char *state)
{
	struct arena a;
	uint32_t cursor = 0;
	unsigned n = 0;
	arena_init(&a, 1 << 20);
	for (const struct ike_view *v; (v = ike_view_next(lab->n[node].e, lab->now_ms, &cursor, &a));)
		for (uint16_t i = 0; i < v->n_children; i++)
			n += !state || !strcmp(v->children[i].state, state);
	arena_fini(&a);
	return n;
}

void lab_converged(struct lab *lab, unsigned ikes, unsigned kids)
{
	for (int i = 0; i < 2; i++) {
		struct lab_node *n = &lab->n[i], *peer = &lab->n[1 - i];
		struct ike_stats st;
		ike_stats_get(n->e, &st);
		if (lab_ikes(lab, i, NULL) != ikes || lab_ikes(lab, i, "ESTABLISHED") != ikes || st.ike_sas != ikes)
			lab_fail(lab, "%s has %u IKE SAs, %u established, not %u", n->name, lab_ikes(lab, i, NULL),
				 lab_ikes(lab, i, "ESTABLISHED"), ikes);
		if (lab_children(lab, i, NULL) != kids || lab_children(lab, i, "INSTALLED") != kids || st.children != kids)
			lab_fail(lab, "%s has %u children, %u installed, not %u", n->name, lab_children(lab, i, NULL),
				 lab_children(lab, i, "INSTALLED"), kids);
		if (n->n_sas != 2 * kids)
			lab_fail(lab, "%s has %zu SAs in its data plane, not %u", n->name, n->n_sas, 2 * kids);
		if (n->n_pols != 3 * kids)
			lab_fail(lab, "%s has %zu policies in its data plane, not %u", n->name, n->n_pols, 3 * kids);
		for (size_t k = 0; k < n->n_sas; k++) {
			const struct lab_sa *s = &n->sas[k], *o = sa_find(peer, 1 - s->sa.dir, s->sa.spi);
			if (!o)
				lab_fail(lab, "%s has SA %08x alone", n->name, s->sa.spi);
			else if (o->key_len != s->key_len || memcmp(o->key, s->key, s->key_len) != 0)
				lab_fail(lab, "SA %08x has two keys", s->sa.spi);
		}
		for (size_t k = 0; k < n->n_replies; k++)
			if (n->replies[k].times != 1)
				lab_fail(lab, "%s: command %llu was answered %u times", n->name,
					 (unsigned long long)n->replies[k].cmd_id, n->replies[k].times);
		if (n->n_held_jobs || n->n_held_kern)
			lab_fail(lab, "%s still has answers held back", n->name);
	}
}
