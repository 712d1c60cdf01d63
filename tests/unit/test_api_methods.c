/* SPDX-License-Identifier: Apache-2.0 */
/* What methods and events say, in the words of the schema and of vici's clients: SAs, connections, secrets, algorithms. */
#include "tests/unit/api_bench.h"

TestSuite(api_methods, .init = setup, .fini = teardown, .timeout = 300);

/* What the server says is what the schema declares: every name known, numbers where numbers are promised. */
static void check_fields(struct vici_in *in, const struct api_field *f, size_t n, bool map, const char *where)
{
	for (struct vici_elem e = vici_next(in); e.type != VICI_END && e.type != VICI_SECTION_END; e = vici_next(in)) {
		const struct api_field *at = map ? NULL : api_field_find(f, n, e.name);
		int64_t num;
		bool flag;
		if (map) {
			cr_assert_eq(e.type, VICI_SECTION_START, "%s: a map holds sections", where);
			check_fields(in, f, n, false, where);
			continue;
		}
		cr_assert_not_null(at, "%s: '%.*s' is not declared", where, (int)e.name.n, (const char *)e.name.p);
		if (at->type == API_UINT || at->type == API_INT)
			cr_assert(api_int(e.value, &num), "%s: %s is no number", where, at->name);
		else if (at->type == API_BOOL)
			cr_assert(api_bool(e.value, &flag), "%s: %s is no bool", where, at->name);
		else if (at->type == API_LIST)
			cr_assert_eq(e.type, VICI_LIST_START, "%s: %s is no list", where, at->name);
		if (e.type == VICI_SECTION_START && at->type != API_ANY) {
			cr_assert(at->type == API_SECTION || at->type == API_MAP, "%s: %s is a section", where, at->name);
			check_fields(in, at->fields, at->n_fields, at->type == API_MAP, at->name);
		} else {
			vici_skip(in, &e);
		}
	}
}

static void check_event(const struct vici_packet *p)
{
	int id = api_event_find(p->name);
	cr_assert_geq(id, 0);
	struct vici_in in = vici_in_of(p->body);
	check_fields(&in, api_events[id].fields, api_events[id].n_fields, false, api_events[id].name);
}

static void check_result(const struct vici_packet *p, const char *method)
{
	int id = api_method_find(slice_str(method));
	struct vici_in in = vici_in_of(p->body);
	check_fields(&in, api_methods[id].result, api_methods[id].n_result, false, method);
}

Test(api_methods, one_sa_in_the_words_clients_expect)
{
	int fd = client(API_PERM_READ);
	fake_sas = 1;
	listen_to(fd, "list-sa", VICI_EVENT_REGISTER);
	expect(fd, VICI_EVENT_CONFIRM);
	ask(fd, "list-sas", "ike", "gw");
	struct vici_packet p = expect(fd, VICI_EVENT);
	check_event(&p);
	struct vici_in in = vici_in_of(p.body);
	static const char *const want[] = { "gw", "uniqueid=1", "version=2", "state=ESTABLISHED", "initiator=yes",
					    "initiator-spi=0000000000000001", "encr-alg=AES_CBC", "encr-keysize=256",
					    "integ-alg=HMAC_SHA2_256_128", "prf-alg=PRF_HMAC_SHA2_256", "dh-group=CURVE_25519",
					    "child-sas", "net-1", "state=INSTALLED", "mode=TUNNEL", "protocol=ESP",
					    "spi-in=c0000001", "encr-alg=AES_GCM_16", "encr-keysize=128", "bytes-in=252",
					    "packets-in=3", "bytes-out=0", "rekey-time=3000", "life-time=3960", "install-time=0" };
	size_t at = 0;
	for (struct vici_elem e = vici_next(&in); e.type != VICI_END; e = vici_next(&in)) {
		char line[256];
		snprintf(line, sizeof line, e.type == VICI_KEY_VALUE ? "%.*s=%.*s" : "%.*s", (int)e.name.n,
			 (const char *)e.name.p, (int)e.value.n, (const char *)e.value.p);
		at += at < ARRAY_LEN(want) && !strcmp(line, want[at]);
	}
	cr_assert_eq(at, ARRAY_LEN(want), "%s is missing", at < ARRAY_LEN(want) ? want[at] : "");
	expect(fd, VICI_CMD_RESPONSE);
	ask(fd, "list-sas", "ike", "nobody");
	expect(fd, VICI_CMD_RESPONSE);
	close(fd);
}

/* Every answer without arguments, and every event, against the schema. */
Test(api_methods, answers_and_events_are_as_declared)
{
	static const char *const methods[] = { "hello", "version", "stats", "get-algorithms", "list-plugins", "get-conns",
					       "get-pools", "get-shared", "get-keys", "get-authorities", "get-counters",
					       "reset-counters", "flush-certs", "reload-settings", "clear-creds" };
	int fd = client(API_PERM_CONFIGURE);
	struct vici_packet p;
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		ask(fd, methods[i], NULL, NULL);
		p = expect(fd, VICI_CMD_RESPONSE);
		check_result(&p, methods[i]);
	}
	struct ts_sel ts = { .family = NET_V4 };
	struct ike_child_view kids[2] = { { .unique = 1, .name = "net", .state = "DELETED", .spi_in = 1, .spi_out = 2, .encr = 20,
					    .encr_bits = 128, .ke = 31, .esn = true, .encap = true, .has_usage = true,
					    .local_ts = &ts, .n_local_ts = 1, .mark_in = 1, .if_id_out = 2 },
					  { .unique = 2, .name = "net", .state = "INSTALLED", .mode = 1 } };
	struct ike_view sa = { .unique = 1, .conn = "gw", .version = 2, .state = "ESTABLISHED", .nat_local = true,
			       .nat_fake = true, .suite = { .encr = 20, .encr_bits = 128, .prf = 5, .ke = 31, .ake = { 36 } },
			       .tasks_queued = { "CHILD_CREATE" }, .children = kids, .n_children = 2, .reauth_in_s = 9,
			       .ring = { { 1234, "IKE_SA established" } }, .n_ring = 1 };
	struct ike_view half = { .unique = 2, .version = 2, .state = "CONNECTING" };
	static const struct {
		uint8_t type;
		const char *name;
	} events[] = { { IKE_EV_IKE_UPDOWN, "ike-updown" },     { IKE_EV_IKE_REKEY, "ike-rekey" },
		       { IKE_EV_IKE_UPDATE, "ike-update" },     { IKE_EV_CHILD_UPDOWN, "child-updown" },
		       { IKE_EV_CHILD_REKEY, "child-rekey" },   { IKE_EV_ALERT, "alert" } };
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		listen_to(fd, events[i].name, VICI_EVENT_REGISTER);
		expect(fd, VICI_EVENT_CONFIRM);
		for (int k = 0; k < 2; k++) {
			struct ike_event ev = { .type = events[i].type, .up = k, .code = E_TIMEOUT, .sa = k ? &sa : &half,
						.other = &sa };
			api_server_event(server, &ev);
			p = expect(fd, VICI_EVENT);
			cr_assert(slice_equal(p.name, slice_str(events[i].name)));
			check_event(&p);
		}
	}
	close(fd);
}

Test(api_methods, secrets_go_in_and_never_out)
{
	int fd = client(API_PERM_CONFIGURE);
	struct vici_out o;
	vici_out_init(&o, VICI_CMD_REQUEST, "load-shared", 0);
	vici_kv_str(&o, "id", "ike-1");
	vici_kv_str(&o, "type", "ike");
	vici_kv(&o, "data", slice_of("se\0cret", 7));
	vici_list(&o, "owners");
	vici_item_str(&o, "gwa.test");
	vici_item_str(&o, "gwb.test");
	vici_list_end(&o);
	send_out(fd, &o);
	struct vici_packet p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "yes");
	ask(fd, "load-shared", "type", "nonsense");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "no");
	ask(fd, "get-shared", NULL, NULL);
	p = expect(fd, VICI_CMD_RESPONSE);
	size_t cursor = 0;
	slice v;
	cr_assert(vici_find_item(p.body, "keys", &cursor, &v) && slice_equal(v, SLICE_LIT("ike-1")));
	cr_assert(!vici_find_item(p.body, "keys", &cursor, &v));
	ask(fd, "unload-shared", "id", "ike-1");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "yes");
	ask(fd, "unload-shared", "id", "ike-1");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "errcode", "NOT_FOUND");
	close(fd);
}

static void load_conn(int fd, const char *key, const char *value)
{
	struct vici_out o;
	vici_out_init(&o, VICI_CMD_REQUEST, "load-conn", 0);
	vici_section(&o, "gw");
	vici_list(&o, "remote_addrs");
	vici_item_str(&o, "203.0.113.2");
	vici_list_end(&o);
	vici_kv_str(&o, "version", "2");
	vici_section(&o, "local");
	vici_kv_str(&o, "auth", "psk");
	vici_kv_str(&o, "id", "gwa.test");
	vici_section_end(&o);
	vici_section(&o, "remote");
	vici_kv_str(&o, "auth", "psk");
	vici_kv_str(&o, "id", "gwb.test");
	vici_section_end(&o);
	vici_section(&o, "children");
	vici_section(&o, "net");
	vici_list(&o, "remote_ts");
	vici_item_str(&o, "10.2.0.0/24");
	vici_list_end(&o);
	vici_section_end(&o);
	vici_section_end(&o);
	if (key)
		vici_kv_str(&o, key, value);
	vici_section_end(&o);
	send_out(fd, &o);
}

Test(api_methods, connections)
{
	int fd = client(API_PERM_CONFIGURE);
	load_conn(fd, NULL, NULL);
	struct vici_packet p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "yes");
	cr_assert_eq(changes, 1);
	load_conn(fd, NULL, NULL);
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "yes");
	cr_assert_eq(changes, 1, "nothing changed the second time");
	ask(fd, "install", "child", "net");
	turn();
	cr_assert_str_eq(last_ike, "gw", "the connection of a child is found");
	struct fx fx = { .type = FX_REPLY, .reply = { .cmd_id = last_cmd.cmd_id } };
	cr_assert(api_server_reply(server, &fx));
	expect(fd, VICI_CMD_RESPONSE);
	ask(fd, "initiate", "child", "nosuch");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "errcode", "NOT_FOUND");
	load_conn(fd, "rekey_tme", "4h");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "no");
	slice v;
	cr_assert(vici_find(p.body, "errmsg", &v) && memmem(v.p, v.n, "rekey_time", 10), "%.*s", (int)v.n, (const char *)v.p);
	listen_to(fd, "list-conn", VICI_EVENT_REGISTER);
	expect(fd, VICI_EVENT_CONFIRM);
	ask(fd, "list-conns", NULL, NULL);
	p = expect(fd, VICI_EVENT);
	check_event(&p);
	expect(fd, VICI_CMD_RESPONSE);
	ask(fd, "unload-conn", "name", "gw");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "success", "yes");
	ask(fd, "unload-conn", "name", "gw");
	p = expect(fd, VICI_CMD_RESPONSE);
	expect_kv(&p, "errcode", "NOT_FOUND");
	close(fd);
}

/* Two providers of one algorithm, one of another; nothing of their tables is called. */
static const uint32_t table = sizeof table;
static const struct plug_feat_row fast_rows[] = { { .is = { PLUG_PRF, 5, 0 }, .prio = 9, .ops = &table } };
static const struct plug_feat_row slow_rows[] = { { .is = { PLUG_PRF, 5, 0 }, .prio = 1, .ops = &table },
						  { .is = { PLUG_ENCR, 3, 192 }, .ops = &table, .flags = PLUG_WEAK } };
static const struct plug_desc fast = { ADIT_PLUGIN_HEAD, .name = "fast", .feats = fast_rows, .n_feats = 1 };
static const struct plug_desc slow = { ADIT_PLUGIN_HEAD, .name = "slow", .feats = slow_rows, .n_feats = 2 };

/* One list-algorithm event: its section and some fields. */
static void expect_alg(int fd, const char *name, const char *provider, const char *rank, const char *why, const char *weak)
{
	const char *const fields[][2] = { { "provider", provider }, { "rank", rank }, { "why", why }, { "weak", weak } };
	struct vici_packet p = expect(fd, VICI_EVENT);
	check_event(&p);
	struct vici_in in = vici_in_of(p.body);
	struct vici_elem e = vici_next(&in);
	cr_assert(e.type == VICI_SECTION_START && slice_equal(e.name, slice_str(name)), "%.*s", (int)e.name.n,
		  (const char *)e.name.p);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct vici_in body = in;
		for (e = vici_next(&body); e.type == VICI_KEY_VALUE && !slice_equal(e.name, slice_str(fields[i][0]));)
			e = vici_next(&body);
		cr_assert(slice_equal(e.value, slice_str(fields[i][1])), "%s of %s is %.*s", fields[i][0], name,
			  (int)e.value.n, (const char *)e.value.p);
	}
}

Test(api_methods, list_algorithms)
{
	int fd = client(API_PERM_READ);
	cr_assert_eq(registry_add_desc(registry, &slow, NULL), 0);
	cr_assert_eq(registry_add_desc(registry, &fast, NULL), 0);
	registry_speed(registry, "fast", PLUG_PRF, 5, 0, 2000);
	registry_speed(registry, "slow", PLUG_PRF, 5, 0, 1000);
	listen_to(fd, "list-algorithm", VICI_EVENT_REGISTER);
	expect(fd, VICI_EVENT_CONFIRM);
	ask(fd, "list-algorithms", NULL, NULL);
	expect_alg(fd, "3DES_CBC", "slow", "1", "only provider", "yes");
	expect_alg(fd, "PRF_HMAC_SHA2_256", "fast", "1", "speed", "no");
	expect_alg(fd, "PRF_HMAC_SHA2_256", "slow", "2", "", "no");
	expect_alg(fd, "RNG", "kernel", "1", "only provider", "no");
	expect(fd, VICI_CMD_RESPONSE);
	ask(fd, "list-algorithms", "kind", "encr");
	expect_alg(fd, "3DES_CBC", "slow", "1", "only provider", "yes");
	expect(fd, VICI_CMD_RESPONSE);
	ask(fd, "list-algorithms", "name", "PRF_HMAC_SHA2_256");
	expect_alg(fd, "PRF_HMAC_SHA2_256", "fast", "1", "speed", "no");
	expect_alg(fd, "PRF_HMAC_SHA2_256", "slow", "2", "", "no");
	expect(fd, VICI_CMD_RESPONSE);
	close(fd);
}
