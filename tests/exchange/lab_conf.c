/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration and algorithms of the laboratory. */
#include "tests/exchange/lab_int.h"

#include "plugin/registry.h"

#include <stdio.h>
#include <stdlib.h>

extern const struct plug_desc adit_plugin; /* crypto-gcrypt, linked in */

static struct plug_registry *registry;
struct net_addr lab_nat_addr;
unsigned lab_extra_kes;

/* ---- crypto ------------------------------------------------------------------------------------------------------ */

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

/* A KEM of the sizes of ML-KEM-768, of no strength, for methods 36 and 37. */
enum { KEM_I = 1184, KEM_R = 1088 };

static err_t kem_offer(void *ctx, uint8_t *pub)
{
	err_t e = lab_random(toy_lab, pub, KEM_I);
	memcpy(ctx, pub, TOY_LEN);
	return e;
}

static err_t kem_answer(slice pub_i, uint8_t *pub_r, uint8_t *ss)
{
	err_t e = lab_random(toy_lab, pub_r, KEM_R);
	toy_mix(pub_i.p, pub_r, ss);
	return e;
}

static const struct kex_ops toy_kem = { .size = sizeof toy_kem, .pub_i_len = KEM_I, .pub_r_len = KEM_R,
	.secret_len = TOY_LEN, .ctx_size = TOY_LEN, .offer = kem_offer, .answer = kem_answer, .finish = toy_finish,
	.fini = toy_fini };

static const void *lab_find(void *arg, uint16_t kind, uint16_t id, uint16_t bits)
{
	const struct lab *lab = arg;
	if (kind == PLUG_KEX && id == 31 && lab->toy_kex)
		return &toy_kex;
	if (kind == PLUG_KEX && (id == 36 || id == 37))
		return &toy_kem;
	return registry_find(registry, kind, id, bits);
}

/* ---- configuration ----------------------------------------------------------------------------------------------- */

static struct conf_conn *lab_conn_match(void *arg, const struct net_addr *local, const struct net_addr *remote,
					size_t *cursor)
{
	struct lab_node *n = arg;
	(void)local, (void)remote;
	size_t at = (*cursor)++;
	return at == 0 ? &n->conn : at == 1 ? n->other : NULL;
}

static struct conf_conn *lab_conn_find(void *arg, const char *name)
{
	struct lab_node *n = arg;
	return strcmp(name, n->conn.name) ? NULL : &n->conn;
}

static bool lab_psk(void *arg, const struct conf_psk_ask *ask, struct conf_psk *out)
{
	const struct lab_node *n = arg;
	bool wrong = n->psk_wrong_id[0] && slice_equal(ask->my_id, slice_of(n->psk_wrong_id, 6));
	*out = (struct conf_psk){ .data = wrong ? SLICE_LIT("another shared secret") : SLICE_LIT("a shared secret of the laboratory"),
				  .name = "lab" };
	return true;
}

static slice lab_ca_hashes(void *arg, const struct conf_conn *conn, bool *http)
{
	static const uint8_t cas[40] = "two CAs of the laboratory";
	const struct lab_node *n = arg;
	(void)conn;
	*http = n->http;
	return slice_of(cas, sizeof cas);
}

static void lab_peer_free(void *arg, void *peer)
{
	(void)arg;
	((struct lab_node *)peer)->peers--;
}

static uint64_t lab_wall(void *arg)
{
	const struct lab_node *n = arg;
	return 1700000000 + n->lab->now_ms / 1000;
}

static char conn_name[] = "c", psk_word[] = "psk", local_1[] = "local-1", remote_1[] = "remote-1";
static char kid_names[LAB_KIDS][4] = { "k", "k2", "k3", "k4" };
static const char *const nets[LAB_KIDS][2] = { { "10.1.0.0/16", "10.2.0.0/16" }, { "10.3.0.0/16", "10.4.0.0/16" },
					       { "fd01::/32", "fd02::/32" }, { "10.5.0.0/16", "10.6.0.0/16" } };
static struct conf_auth auth_l[2], auth_r[2];
static struct net_addr addrs[2];
static uint8_t id_bytes[2][8] = { "a.test", "b.test" };
enum { EXTRA_KES = 3 };
static struct suite_list ike_props[1 + EXTRA_KES], esp_props, pfs_props[1 + EXTRA_KES];
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
	/* The first proposal has the additional ones, the second is for peers that want another first method. */
	static const char *const extra[1 + EXTRA_KES] = { "", "-ke1_mlkem768", "-ke1_mlkem768-ke3_ecp384",
							  "-ke1_mlkem768-ke2_ecp384-ke7_ecp521" };
	for (int i = 0; i <= EXTRA_KES; i++) {
		char ike[100], esp[100];
		snprintf(ike, sizeof ike, "aes128gcm16-prfsha256-x25519%s", extra[i]);
		snprintf(esp, sizeof esp, "aes128gcm16-x25519%s", extra[i]);
		if (suite_list_add(&ike_props[i], NULL, SUITE_IKE, ike, NULL) ||
		    suite_list_add(&ike_props[i], NULL, SUITE_IKE, "aes256gcm16-prfsha256-ecp256", NULL) ||
		    suite_list_add(&pfs_props[i], NULL, SUITE_ESP, esp, NULL) ||
		    suite_list_add(&pfs_props[i], NULL, SUITE_ESP, "aes128gcm16-ecp256", NULL))
			return false;
	}
	if (suite_list_add(&esp_props, NULL, SUITE_ESP, "aes128gcm16", NULL))
		return false;
	for (int i = 0; i < 2; i++) {
		if (net_addr_parse(i ? "192.0.2.2" : "192.0.2.1", &addrs[i]))
			return false;
		auth_l[i] = (struct conf_auth){ .name = local_1, .cls = CONF_AUTH_PSK, .id = { 2, 6, id_bytes[i] }, .method = psk_word };
		auth_r[i] = (struct conf_auth){ .name = remote_1, .cls = CONF_AUTH_PSK, .id = { 2, 6, id_bytes[1 - i] }, .method = psk_word };
	}
	if (net_addr_parse("203.0.113.77", &lab_nat_addr))
		return false;
	for (int k = 0; k < LAB_KIDS; k++)
		for (int i = 0; i < 2; i++)
			if (ts_parse(nets[k][i], &kid_ts[k][i].sel))
				return false;
	return ready = true;
}

static void kid_set(struct lab_node *n, int k, int at, bool pfs)
{
	struct suite_list *l = pfs ? &pfs_props[lab_extra_kes] : &esp_props;
	n->kids[k] = (struct conf_child){
		.name = kid_names[k],
		.mode = CONF_TUNNEL,
		.props = l->v,
		.n_props = l->n,
		.local_ts = &kid_ts[k][at],
		.n_local_ts = 1,
		.remote_ts = &kid_ts[k][1 - at],
		.n_remote_ts = 1,
		.policies = true,
		.replay_window = 32,
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
		.name = conn_name,
		.version = 2,
		.local_addrs = &addrs[at],
		.n_local_addrs = 1,
		.remote_addrs = &addrs[1 - at],
		.n_remote_addrs = 1,
		.local_port = 500,
		.remote_port = 500,
		.props = ike_props[lab_extra_kes].v,
		.n_props = ike_props[lab_extra_kes].n,
		.local = &auth_l[at],
		.remote = &auth_r[at],
		.n_local = 1,
		.n_remote = 1,
		.send_certreq = true,
		.send_cert = 1,
		.children = kid_ptrs[at],
		.n_children = LAB_KIDS,
		.keyingtries = 1,
		.unique = CONF_UNIQUE_NO,
		.retry = n->daemon.retry,
	};
	atomic_store(&n->conn.refs, 1);
	n->env = (struct ike_env){
		.crypto = &lab->crypto, .log = lab->log, .conf = &n->daemon, .inline_jobs = false, .arg = n,
		.conn_match = lab_conn_match, .conn_find = lab_conn_find, .psk = lab_psk, .kern_usage = plane_usage,
		.kern_caps = KERN_CAP_NULL | KERN_CAP_TRAP, .wall_s = lab_wall,
		.sig_hashes = 1u << 2 | 1u << 5, .ca_hashes = lab_ca_hashes, .peer_free = lab_peer_free,
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
			lab_fail(lab, "%s: %u references to its connection are left", n->name,
				 atomic_load(&n->conn.refs) - 1);
	}
	while (lab->n_msgs)
		lab_drop(lab, 0);
	log_free(lab->log);
}
