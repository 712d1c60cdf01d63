/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two engines that talk through the fuzzer: it has the keys of both. It can lose, repeat, reorder, change and invent
 * messages, also inside SK, pass time, give commands and kernel events, and let the kernel refuse.
 *
 * Input: operations, one byte each with arguments behind it (enum op). Whatever happens, both engines stay sane, all queues
 * stay bounded, and in the end everything can be given back (leak sanitizer).
 */
#include "config/parse.h"
#include "config/store.h"
#include "crypto/sk.h"
#include "fuzz.h"
#include "ike/engine_int.h"
#include "toy_crypto.h"
#include "wire/out.h"

const char *const fuzz_name = "engine";

enum op { OP_DELIVER, OP_LOSE, OP_TWICE, OP_LATER, OP_FLIP, OP_CUT, OP_INSIDE, OP_INVENT, OP_TIME, OP_COMMAND, OP_KERNEL_EVENT,
	OP_KERNEL_FAILS, OP_SHUTDOWN, OP_END };
enum { STEPS = 400, QUEUE = 64, TIME_STEP_MS = 250, MSG = 4096 };

struct datagram {
	uint8_t to; /* which engine */
	size_t n;
	uint8_t b[MSG];
};

struct world {
	struct crypto crypto;
	uint64_t rng, now_ms;
	struct conf_daemon daemon;
	struct conf_store *store[2];
	struct log *log;
	struct ike_engine *e[2];
	struct datagram q[QUEUE];
	size_t n_q;
	uint8_t kernel_fails; /* so many next operations */
	bool down[2];
	struct { uint8_t who; uint64_t token; err_t res; } kern[QUEUE];
	size_t n_kern;
	struct { uint8_t who; struct ike_job *job; } jobs[QUEUE];
	size_t n_jobs;
};

static const char *const texts[2] = {
	"connections { t { version = 2 \n local_addrs = 10.0.0.1 \n remote_addrs = 10.0.0.2 \n"
	" proposals = aes256gcm16-prfsha256-x25519, aes128-sha256-x25519 \n"
	" local { auth = psk \n id = a.test \n } remote { auth = psk \n id = b.test \n }"
	" children { net { local_ts = 10.1.0.0/24, fd01::/64 \n remote_ts = 10.2.0.0/24, fd02::/64 \n"
	" esp_proposals = aes256gcm16-x25519, aes128-sha256 \n } two { local_ts = 10.1.1.0/24 \n remote_ts = 10.2.1.0/24 \n"
	" esp_proposals = aes128-sha256 \n start_action = trap \n } } } }"
	" secrets { ike-1 { id-1 = a.test \n id-2 = b.test \n secret = secret \n } }",
	"connections { t { version = 2 \n local_addrs = 10.0.0.2 \n remote_addrs = 10.0.0.1 \n"
	" proposals = aes256gcm16-prfsha256-x25519, aes128-sha256-x25519 \n"
	" local { auth = psk \n id = b.test \n } remote { auth = psk \n id = a.test \n }"
	" children { net { local_ts = 10.2.0.0/24, fd02::/64 \n remote_ts = 10.1.0.0/24, fd01::/64 \n"
	" esp_proposals = aes256gcm16-x25519, aes128-sha256 \n } two { local_ts = 10.2.1.0/24 \n remote_ts = 10.1.1.0/24 \n"
	" esp_proposals = aes128-sha256 \n } } } }"
	" secrets { ike-1 { id-1 = a.test \n id-2 = b.test \n secret = secret \n } }",
};

static struct net_addr addr(uint8_t who)
{
	return (struct net_addr){ .family = NET_V4, .port = 500, .a = { 10, 0, 0, (uint8_t)(who + 1) } };
}

/* With FUZZ_LOG in the environment the log of both engines, to see what an input does. */
static void print_record(void *self, const struct log_record *r)
{
	(void)self;
	fprintf(stderr, "%s: %s\n", log_sub_name(r->sub), r->text);
}

static struct log *make_log(void)
{
	struct log *l = log_new();
	FUZZ_CHECK(l);
	if (getenv("FUZZ_LOG")) {
		struct log_sink sink = { .write = print_record };
		memset(sink.level, LOG_DETAIL, sizeof sink.level);
		FUZZ_CHECK(log_add(l, &sink) >= 0);
	}
	return l;
}

static uint64_t wall(void *arg)
{
	(void)arg;
	return 1700000000;
}

static void load(struct world *w, uint8_t who)
{
	static const struct conf_can can = { 0 };
	struct conf_node *root = NULL;
	struct conf_set set = { 0 };
	struct diag *why = NULL;
	err_t e = conf_parse_text(slice_str(texts[who]), "fuzz", NULL, &root, &why);
	if (!e)
		e = conf_set_from(root, &can, &set, &why);
	if (e) {
		char buf[300];
		fprintf(stderr, "%s\n", diag_text(why, e, buf, sizeof buf));
		abort();
	}
	FUZZ_CHECK(conf_store_new(&w->store[who]) == 0);
	FUZZ_CHECK(conf_store_apply(w->store[who], &set, CONF_REPLACE_ALL, NULL, NULL) == 0);
	conf_set_fini(&set);
	conf_node_free(&root);
}

static void push(struct world *w, uint8_t to, slice s)
{
	if (w->n_q == QUEUE || s.n > MSG)
		return;
	struct datagram *d = &w->q[w->n_q++];
	d->to = to;
	d->n = s.n;
	memcpy(d->b, s.p, s.n);
}

/* Carries out the effects of one call; answers of the kernel and results of jobs come later, in order. */
static void effects(struct world *w, uint8_t who, struct fx_list *l)
{
	for (struct fx *f = l->head; f; f = f->next) {
		if (f->type == FX_SEND) {
			push(w, !who, f->send.data);
		} else if (f->type == FX_JOB) {
			FUZZ_CHECK(w->n_jobs < QUEUE);
			w->jobs[w->n_jobs].who = who;
			w->jobs[w->n_jobs++].job = f->job;
		} else if (f->type == FX_KERNEL && f->kernel.token) {
			FUZZ_CHECK(w->n_kern < QUEUE);
			w->kern[w->n_kern].who = who;
			w->kern[w->n_kern].token = f->kernel.token;
			w->kern[w->n_kern++].res = w->kernel_fails ? E_IO : 0;
			if (w->kernel_fails)
				w->kernel_fails--;
		}
	}
	fx_fini(l);
}

/* Finishes what waits, oldest first. */
static void settle(struct world *w)
{
	while (w->n_kern || w->n_jobs) {
		struct fx_list l;
		fx_init(&l);
		uint8_t who;
		if (w->n_kern) {
			who = w->kern[0].who;
			uint64_t token = w->kern[0].token;
			err_t res = w->kern[0].res;
			memmove(w->kern, w->kern + 1, --w->n_kern * sizeof w->kern[0]);
			ike_kern_done(w->e[who], w->now_ms, token, res, &l);
		} else {
			who = w->jobs[0].who;
			struct ike_job *job = w->jobs[0].job;
			memmove(w->jobs, w->jobs + 1, --w->n_jobs * sizeof w->jobs[0]);
			ike_job_run(job);
			ike_done(w->e[who], w->now_ms, job, &l);
		}
		effects(w, who, &l);
	}
}

static void receive(struct world *w, uint8_t to, slice s)
{
	struct net_addr me = addr(to), peer = addr(!to);
	struct fx_list l;
	/* In memory of its own size: a sanitizer sees a read beyond it. */
	uint8_t *p = malloc(s.n ? s.n : 1);
	FUZZ_CHECK(p);
	if (s.n)
		memcpy(p, s.p, s.n);
	fx_init(&l);
	ike_rx(w->e[to], w->now_ms, &me, &peer, slice_of(p, s.n), &l);
	effects(w, to, &l);
	free(p);
}

static void pass_time(struct world *w, uint64_t ms)
{
	w->now_ms += ms;
	for (uint8_t who = 0; who < 2; who++) {
		struct fx_list l;
		fx_init(&l);
		ike_tick(w->e[who], w->now_ms, &l);
		effects(w, who, &l);
	}
}

static void command(struct world *w, uint8_t who, uint8_t what)
{
	struct ike_cmd cmd = { .verb = (uint8_t)(IKE_CMD_INITIATE + what % 5), .cmd_id = w->now_ms + 1, .ike = what & 32 ? "t" : NULL,
		.child = what & 64 ? "net" : what & 128 ? "two" : NULL, .force = what & 16, .reauth = what & 8 };
	struct fx_list l;
	if (cmd.verb == IKE_CMD_INITIATE && !cmd.ike)
		cmd.ike = "t";
	fx_init(&l);
	ike_do(w->e[who], w->now_ms, &cmd, &l);
	effects(w, who, &l);
}

/* The n-th IKE SA of an engine that has keys. */
static struct ike_sa *sa_with_keys(struct world *w, uint8_t who, uint8_t n)
{
	struct ike_sa *sa, *found = NULL;
	uint32_t cursor = 0;
	handle h;
	while ((sa = slab_next(w->e[who]->sas, &cursor, &h)) != NULL)
		if (sa->keys.all.n && sa->algs.encr) {
			found = sa;
			if (!n--)
				break;
		}
	return found;
}

static void kernel_event(struct world *w, uint8_t who, slice *in)
{
	struct kern_event ev = { .type = (uint8_t)(KERN_EV_ACQUIRE + fuzz_u8(in) % 5), .dir = fuzz_u8(in) & 1, .proto = 50,
		.spi = fuzz_u8(in), .cookie = fuzz_u8(in), .peer = addr(!who) };
	struct ike_child_view view = { 0 };
	struct arena a;
	uint32_t cursor = 0;
	struct fx_list l;

	/* Most often about a child SA that is there. */
	arena_init(&a, 1 << 20);
	const struct ike_view *v = ike_view_next(w->e[who], w->now_ms, &cursor, &a);
	if (v && v->n_children && ev.spi < 200) {
		view = v->children[ev.spi % v->n_children];
		ev.spi = ev.dir ? view.spi_out : view.spi_in;
		ev.cookie = ev.cookie < 128 ? view.unique : ev.cookie;
	}
	FUZZ_CHECK(ts_parse(who ? "10.2.1.7/32[udp/99]" : "10.1.1.7/32[udp/99]", &ev.local) == 0);
	FUZZ_CHECK(ts_parse(who ? "10.1.1.9/32[udp/53]" : "10.2.1.9/32[udp/53]", &ev.remote) == 0);
	ev.peer.port = (uint16_t)(500 + (ev.cookie & 1) * 4000);
	fx_init(&l);
	ike_kern_event(w->e[who], w->now_ms, &ev, &l);
	effects(w, who, &l);
	arena_fini(&a);
}

/* Seals `plain` as the peer of engine `to` would. */
static slice reseal(struct world *w, struct ike_sa *sa, const struct ike_hdr *h, slice plain, uint8_t first, uint8_t *buf)
{
	struct sk_key key = sk_key_of(&sa->algs, &sa->keys, ike_by_initiator(h));
	uint64_t iv = w->rng++;
	struct ike_out o;
	size_t n_inner, n;
	wire_begin(&o, buf, MSG, h);
	wire_sk_begin(&o, key.encr->iv_len);
	if (!o.w.err)
		buf[o.payload_at] = first;
	wr_bytes(&o.w, plain);
	if (wire_sk_end(&o, &n_inner) || sk_seal(&w->crypto, &key, &iv, buf, MSG, o.payload_at, o.body_at, n_inner, &n))
		return SLICE_NONE;
	return slice_of(buf, n);
}

/* A protected message: opened, its inside changed, sealed again. */
static void inside(struct world *w, struct datagram *d, slice *in)
{
	static uint8_t buf[MSG];
	struct arena a;
	struct ike_msg m;
	slice plain;
	uint8_t n_changes = fuzz_u8(in) & 7;

	arena_init(&a, 1 << 20);
	if (wire_parse(&m, slice_of(d->b, d->n), &a, NULL) == 0 && m.sk.payload_at) {
		struct ike_sa *sa = NULL, *s;
		uint32_t cursor = 0;
		handle h;
		while ((s = slab_next(w->e[!d->to]->sas, &cursor, &h)) != NULL)
			if (s->spi_i == m.hdr.spi_i && s->keys.all.n)
				sa = s;
		struct sk_key key;
		if (sa)
			key = sk_key_of(&sa->algs, &sa->keys, ike_by_initiator(&m.hdr));
		uint8_t first = m.sk.first;
		if (sa && sk_open(&key, d->b, d->n, m.sk.body_at, &plain) == 0) {
			uint8_t *p = (uint8_t *)plain.p;
			for (uint8_t i = 0; i < n_changes && plain.n; i++) {
				size_t at = fuzz_u16(in) % plain.n;
				uint8_t how = fuzz_u8(in), v = fuzz_u8(in);
				if (how < 200)
					p[at] = (uint8_t)(how & 1 ? v : p[at] ^ v);
				else if (how < 230)
					plain.n = at;
				else
					first = v;
			}
			slice s2 = reseal(w, sa, &m.hdr, plain, first, buf);
			d->n = s2.n;
			if (s2.n)
				memcpy(d->b, s2.p, s2.n);
		}
	}
	arena_fini(&a);
}

/* A message of any exchange with any payloads under the keys of an SA. */
static void invent(struct world *w, slice *in)
{
	static uint8_t buf[MSG];
	uint8_t to = fuzz_u8(in) & 1, flags = fuzz_u8(in), first = fuzz_u8(in), mid = fuzz_u8(in);
	uint16_t len = fuzz_u16(in);
	struct ike_sa *sa = sa_with_keys(w, to, flags >> 6);
	slice plain = fuzz_bytes(in, len);
	if (!sa)
		return;
	bool response = flags & 1;
	struct ike_hdr h = { .spi_i = sa->spi_i, .spi_r = sa->spi_r, .version = IKE_V2,
		.exchange = (uint8_t)(XCHG_IKE_SA_INIT + (flags >> 1 & 3)),
		.flags = (uint8_t)((sa->initiator ? 0 : IKE_FLAG_INITIATOR) | (response ? IKE_FLAG_RESPONSE : 0)),
		.mid = mid < 128 ? (response ? sa->tx_mid - 1 : sa->rx_mid) + (mid & 1) : mid };
	slice s = reseal(w, sa, &h, plain, first, buf);
	if (s.n)
		receive(w, to, s);
}

static void step(struct world *w, uint8_t op, slice *in)
{
	struct datagram d = { 0 };
	size_t at;

	switch (op) {
	case OP_TIME:
		pass_time(w, (uint64_t)fuzz_u16(in) * TIME_STEP_MS);
		return;
	case OP_COMMAND:
		at = fuzz_u8(in);
		command(w, at & 1, fuzz_u8(in));
		return;
	case OP_KERNEL_EVENT:
		kernel_event(w, fuzz_u8(in) & 1, in);
		return;
	case OP_KERNEL_FAILS:
		w->kernel_fails = fuzz_u8(in) & 7;
		return;
	case OP_INVENT:
		invent(w, in);
		return;
	case OP_SHUTDOWN:
		at = fuzz_u8(in) & 1;
		if (!w->down[at]) {
			struct fx_list l;
			fx_init(&l);
			ike_shutdown(w->e[at], w->now_ms, &l);
			effects(w, (uint8_t)at, &l);
			w->down[at] = true;
		}
		return;
	}
	if (!w->n_q) {
		pass_time(w, TIME_STEP_MS);
		return;
	}
	d = w->q[0];
	memmove(w->q, w->q + 1, --w->n_q * sizeof w->q[0]);
	switch (op) {
	case OP_LOSE:
		return;
	case OP_LATER:
		push(w, d.to, slice_of(d.b, d.n));
		return;
	case OP_TWICE:
		receive(w, d.to, slice_of(d.b, d.n));
		break;
	case OP_FLIP:
		at = fuzz_u16(in) % d.n;
		d.b[at] ^= (uint8_t)(fuzz_u8(in) | 1);
		break;
	case OP_CUT:
		d.n = fuzz_u16(in) % d.n;
		break;
	case OP_INSIDE:
		inside(w, &d, in);
		break;
	}
	receive(w, d.to, slice_of(d.b, d.n));
}

static bool inside_one(const struct ts_sel *t, const char *const *nets, size_t n)
{
	struct ts_sel net;
	for (size_t i = 0; i < n; i++)
		if (ts_parse(nets[i], &net) == 0 && ts_contains(&net, t))
			return true;
	return false;
}

/* Whatever a peer says: no established SA with another identity, no selector outside the configuration. */
static void look_at_sa(const struct ike_view *v, uint8_t who)
{
	static const char *const net[2][2] = { { "10.1.0.0/24", "fd01::/64" }, { "10.2.0.0/24", "fd02::/64" } };
	static const char *const two[2][1] = { { "10.1.1.0/24" }, { "10.2.1.0/24" } };
	if (strcmp(v->state, "ESTABLISHED") == 0)
		FUZZ_CHECK(slice_equal(v->remote_id, slice_str(who ? "a.test" : "b.test")));
	for (uint16_t i = 0; i < v->n_children; i++) {
		const struct ike_child_view *c = &v->children[i];
		bool is_net = strcmp(c->name, "net") == 0;
		for (uint16_t k = 0; k < c->n_local_ts; k++)
			FUZZ_CHECK(inside_one(&c->local_ts[k], is_net ? net[who] : two[who], is_net ? 2 : 1));
		for (uint16_t k = 0; k < c->n_remote_ts; k++)
			FUZZ_CHECK(inside_one(&c->remote_ts[k], is_net ? net[!who] : two[!who], is_net ? 2 : 1));
	}
}

static void look(struct world *w, uint8_t who)
{
	const struct ike_view *v;
	struct arena a;
	struct ike_stats st;
	uint32_t cursor = 0;
	arena_init(&a, 1 << 22);
	while ((v = ike_view_next(w->e[who], w->now_ms, &cursor, &a)) != NULL)
		look_at_sa(v, who);
	ike_stats_get(w->e[who], &st);
	FUZZ_CHECK(st.ike_sas < 1000 && st.half_open <= st.ike_sas);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct world world;
	struct world *w = &world;
	slice in = slice_of(data, n);

	*w = (struct world){ .now_ms = 1000 };
	toy_crypto_init(&w->crypto, &w->rng);
	conf_daemon_defaults(&w->daemon);
	w->log = make_log();
	uint8_t mode = fuzz_u8(&in);
	for (uint8_t who = 0; who < 2; who++) {
		struct ike_env env = { .crypto = &w->crypto, .log = w->log, .conf = &w->daemon, .inline_jobs = mode & 1,
			.conn_match = conf_env_match, .conn_find = conf_env_find, .psk = conf_env_psk, .wall_s = wall };
		load(w, who);
		env.arg = w->store[who];
		FUZZ_CHECK(ike_engine_new(&env, &w->e[who]) == 0);
	}
	command(w, 0, 100); /* initiate child "net" of "t" */
	settle(w);
	for (int i = 0; i < STEPS && in.n; i++) {
		step(w, fuzz_u8(&in) % OP_END, &in);
		if (!(mode & 2) || w->n_kern > QUEUE / 2 || w->n_jobs > QUEUE / 2)
			settle(w);
		if (i % 16 == 15) {
			look(w, 0);
			look(w, 1);
		}
	}
	settle(w);
	for (uint8_t who = 0; who < 2; who++) {
		look(w, who);
		/* What still waits for an answer is dropped with the engine; jobs are always given back. */
		ike_engine_free(w->e[who]);
		conf_store_free(w->store[who]);
	}
	log_free(w->log);
	return 0;
}
