/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_host.h"
#include "config/psk.h"

#include "config/schema.h"
#include "plugin/abi.h"

static const char site[] =
	"connections {\n"
	"  t {\n"
	"    version = 2\n"
	"    local_addrs = 198.51.100.2\n"
	"    remote_addrs = 203.0.113.2, 203.0.113.64/26\n"
	"    proposals = aes128gcm16-prfsha256-x25519, aes256-sha256-modp2048\n"
	"    dpd_delay = 30s\n"
	"    unique = replace\n"
	"    mobike = no\n"
	"    dscp = 000000\n"
	"    retransmit_tries = 2\n"
	"    local { auth = psk\n id = gwa.test }\n"
	"    remote { auth = psk\n id = gwb.test }\n"
	"    children {\n"
	"      net {\n"
	"        local_ts = 10.1.0.0/24, fd01::/64[tcp/22]\n"
	"        remote_ts = dynamic[udp/53]\n"
	"        esp_proposals = aes128gcm16-x25519\n"
	"        rekey_time = 20m\n"
	"        rekey_bytes = 10M\n"
	"        start_action = trap|start\n"
	"        dpd_action = restart\n"
	"        tfc_padding = mtu\n"
	"        mark_in = 1/0xff\n"
	"        copy_dscp = yes\n"
	"      }\n"
	"      plain { }\n"
	"    }\n"
	"  }\n"
	"}\n"
	"secrets { ike-1 { id-a = gwa.test\n id-b = gwb.test\n secret = \"correct horse\" } }\n"
	"aditd { retransmit_timeout = 0.5\n port = 1500\n plugins { log-file { main { path = /tmp/x } } } }\n";

Test(conf_typed, a_connection_with_all_its_defaults)
{
	struct conf_set set;
	char buf[2048];

	cr_assert_eq(conf_build(site, NULL, &set, buf, sizeof buf), 0, "%s", buf);
	cr_assert_eq(set.n_conns, 1);
	const struct conf_conn *c = set.conns[0];
	cr_assert_str_eq(c->name, "t");
	cr_assert_eq(c->version, 2);
	cr_assert(c->n_local_addrs == 1 && c->n_local_nets == 1);
	cr_assert(c->n_remote_addrs == 1 && c->n_remote_nets == 2);
	cr_assert_eq(c->remote_addrs[0].port, 500);
	cr_assert_str_eq(c->remote_texts[1], "203.0.113.64/26");
	cr_assert_null(c->remote_texts[2]);
	cr_assert_eq(c->n_props, 2);
	cr_assert(c->dpd_delay_s == 30 && c->unique == CONF_UNIQUE_REPLACE && !c->mobike && c->dscp == 0);
	cr_assert(c->rekey_time_s == 14400 && c->over_time_s == 1440 && c->rand_time_s == 1440 && c->reauth_time_s == 0);
	cr_assert(c->keyingtries == 1 && c->fragmentation == 1 && c->send_certreq && c->pull);
	cr_assert(c->retry.tries == 2 && c->retry.timeout_ms == 500 && c->retry.base_x1000 == 1800);
	cr_assert(c->n_local == 1 && c->local[0].cls == CONF_AUTH_PSK && c->local[0].id.type == 2);
	cr_assert_str_eq(c->remote[0].method, "psk");
	cr_assert_eq(c->n_children, 2);
	const struct conf_child *k = conf_conn_child(c, "net");
	cr_assert(k && k->mode == CONF_TUNNEL && k->n_props == 1 && k->n_local_ts == 2 && k->n_remote_ts == 1);
	cr_assert(k->rekey_time_s == 1200 && k->life_time_s == 1320 && k->rand_time_s == 120);
	cr_assert(k->rekey_bytes == 10485760 && k->life_bytes == 11534336 && k->rand_bytes == 1048576);
	cr_assert(k->rekey_packets == 0 && k->life_packets == 0 && k->rand_packets == 0);
	cr_assert_eq(k->start_action, CONF_TRAP | CONF_START);
	cr_assert(k->dpd_action == CONF_DPD_RESTART && k->tfc_pad == 65535 && k->mark_in == 1 && k->mark_in_mask == 0xff);
	cr_assert(k->copy_dscp == (KERN_DSCP_OUT | KERN_DSCP_IN) && k->copy_ecn && k->policies && k->replay_window == 32);
	cr_assert(!k->local_ts[0].dynamic && k->local_ts[1].sel.proto == 6 && k->local_ts[1].sel.port_lo == 22);
	cr_assert(k->remote_ts[0].dynamic && k->remote_ts[0].sel.proto == 17 && k->remote_ts[0].sel.port_hi == 53);
	cr_assert_eq(k->remote_ts[0].sel.family, NET_NONE);
	k = conf_conn_child(c, "plain");
	cr_assert(k->rekey_time_s == 3600 && k->life_time_s == 3960 && k->rand_time_s == 360 && k->n_local_ts == 1);
	cr_assert(k->local_ts[0].dynamic && k->local_ts[0].sel.port_hi == 65535 && k->n_props >= 1);
	cr_assert_null(conf_conn_child(c, "nosuch"));

	cr_assert_eq(conf_secrets_count(set.secrets), 1);
	const struct conf_psk_ask ask = { .my_type = 2, .peer_type = 2, .my_id = SLICE_LIT("gwa.test"), .peer_id = SLICE_LIT("gwb.test") };
	struct conf_psk psk;
	cr_assert(conf_secrets_psk(set.secrets, &ask, &psk));
	cr_assert(slice_equal(psk.data, SLICE_LIT("correct horse")));
	cr_assert_eq(set.settings->daemon.port, 1500);
	cr_assert_eq(set.settings->daemon.port_natt, 4500);
	cr_assert_str_eq(conf_settings_plugin(set.settings, "log-file", "main.path"), "/tmp/x");
	cr_assert_null(conf_settings_plugin(set.settings, "log-file", "main.nosuch"));
	cr_assert_null(conf_settings_plugin(set.settings, "nosuch", "path"));
	conf_set_fini(&set);
}

Test(conf_typed, lifetimes_that_follow_from_others)
{
	struct conf_set set;
	char buf[1024];
	err_t e = conf_build("connections { t { reauth_time = 10h\n local { auth = psk }\n remote { auth = psk }\n"
		"children { a { life_time = 1100s }\n b { rekey_time = 0\n life_time = 0 }\n c { rekey_time = 100\n rand_time = 900 }"
		" d { life_packets = 50 } } } }", NULL, &set, buf, sizeof buf);

	cr_assert_eq(e, 0, "%s", buf);
	const struct conf_conn *c = set.conns[0];
	cr_assert(c->rekey_time_s == 0 && c->over_time_s == 3600 && c->rand_time_s == 3600);
	cr_assert(c->n_remote_nets == 0 && c->n_local_nets == 0);
	cr_assert_str_eq(c->remote_texts[0], "%any");
	const struct conf_child *k = conf_conn_child(c, "a");
	cr_assert(k->rekey_time_s == 1000 && k->rand_time_s == 100);
	k = conf_conn_child(c, "b");
	cr_assert(k->rekey_time_s == 0 && k->life_time_s == 0 && k->rand_time_s == 0);
	k = conf_conn_child(c, "c");
	cr_assert(k->life_time_s == 110 && k->rand_time_s == 100);
	k = conf_conn_child(c, "d");
	cr_assert(k->rekey_packets == 0 && k->life_packets == 50 && k->rand_packets == 0);
	conf_set_fini(&set);
}

Test(conf_typed, every_finding_has_its_place)
{
	struct conf_set set;
	char buf[8192];
	err_t e = conf_build(
		"connections {\n"
		"  t {\n"
		"    verion = 2\n"
		"    version = 3\n"
		"    remote_addrs = 10.0.0.1, 10.0.0.300/99, gw.example.com\n"
		"    proposals = aes128gcm16-prfsha256-x25519, aes128-sha256-nosuch\n"
		"    dpd_delay = soon\n"
		"    keyingtries = -1\n"
		"    local_port = 70000\n"
		"    dscp = 10111\n"
		"    vips = 10.0.0.300\n"
		"    aggressive = yes\n"
		"    pull = yes\n"
		"    local { auth = eap-tls\n eap_id = x }\n"
		"    remote { auth = psk\n id = keyid: }\n"
		"    remote-2 { auth = psks }\n"
		"    children { net {\n"
		"      mode = tunel\n"
		"      start_action = trap|go\n"
		"      local_ts = 10.1.0.0/24, 10.2.0.0/33\n"
		"      esp_proposals = aes128gmc\n"
		"      mark_in = %uniqe\n"
		"      per_cpu_sas = yes\n"
		"      hw_offload = packets\n"
		"      interface = a-name-that-is-too-long\n"
		"      copy_ecn = maybe\n"
		"      updwn = /bin/x\n"
		"      # nothing\n"
		"    } }\n"
		"    unique { }\n"
		"  }\n"
		"}\n"
		"conections { }\n"
		"pools { p { addrs = 10.0.0 } }\n"
		"secrets { ike { secret = 0xq }\n ike-2 { }\n psk-1 { secret = x }\n rsa { secret = x }\n ike-3 { secret = hidden\n"
		" sekret = y } }\n"
		"aditd { prot = 500\n port = x\n redirect_gateway = 192.0.2.300 }\n"
		"stray = 1\n", NULL, &set, buf, sizeof buf);
	static const char *const want[] = {
		"t.conf:3:5: unknown key 'verion' in connection: did you mean 'version'?",
		"t.conf:4:15: 'version' = '3': one of these is expected: 0, 2",
		"t.conf:5:30: 'remote_addrs' = '10.0.0.300/99': an address",
		"t.conf:5:45: 'remote_addrs' = 'gw.example.com': names of hosts are not looked up yet",
		"t.conf:6:61: 'proposals' = 'aes128-sha256-nosuch'",
		"t.conf:7:17: 'dpd_delay' = 'soon': a time",
		"t.conf:8:19: 'keyingtries' = '-1': a number from 0",
		"t.conf:9:18: 'local_port' = '70000': a number from 1 to 65535",
		"t.conf:10:12: 'dscp' = '10111': six binary digits are expected",
		"t.conf:11:12: 'vips'",
		"t.conf:12:5: 'aggressive' is not supported yet (docs/ROADMAP.md: IKEv1); what can be set is no",
		"t.conf:14:20: 'auth' = 'eap-tls': nothing that is loaded can authenticate this way",
		"t.conf:15:2: 'eap_id' is not supported yet",
		"t.conf:17:7: 'id' = 'keyid:' is no identity",
		"t.conf:18:23: 'auth' = 'psks'",
		"t.conf:18:5: several rounds",
		"t.conf:20:14: 'mode' = 'tunel': one of these is expected: tunnel, transport, beet, pass, drop",
		"t.conf:21:22: 'start_action'",
		"t.conf:23:23: 'esp_proposals' = 'aes128gmc'",
		"t.conf:24:17: 'mark_in' = '%uniqe': a mark as 42 or 0x2a/0xff is expected",
		"t.conf:25:7: 'per_cpu_sas' is not supported yet",
		"t.conf:26:20: 'hw_offload' = 'packets': one of these is expected: no, auto, yes, crypto, packet",
		"t.conf:27:19: 'interface'",
		"t.conf:28:18: 'copy_ecn' = 'maybe': yes or no",
		"t.conf:29:7: unknown key 'updwn' in child: did you mean 'updown'?",
		"t.conf:32:5: 'unique' is a key",
		"t.conf:35:1: unknown section 'conections' at the top of the configuration: did you mean 'connections'?",
		"t.conf:36:21: 'addrs': a prefix",
		"t.conf:37:26: 'ike': behind 0x hexadecimal digits",
		"t.conf:38:2: 'ike-2' has no secret",
		"t.conf:39:2: unknown section 'psk-1' in secrets",
		"t.conf:40:2: 'rsa' has no file",
		"t.conf:42:2: unknown key 'sekret' in preshared key: did you mean 'secret'?",
		"t.conf:43:9: unknown key 'prot' in aditd: did you mean 'port'?",
		"t.conf:44:9: 'port' = 'x': a number from 0 to 65535",
		"t.conf:45:21: 'redirect_gateway' = '192.0.2.300': an address or the name of a host is expected",
		"t.conf:46:1: unknown key 'stray'",
	};

	cr_assert_neq(e, 0);
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		HAS(buf, want[i]);
	cr_assert_lt(strstr(buf, "t.conf:3:5"), strstr(buf, "t.conf:43:9"), "not in the order of the text");
	HAS_NOT(buf, "'pull'");
	HAS_NOT(buf, "hidden");
	cr_assert(set.n_conns == 0 && !set.secrets && !set.settings);
}

Test(conf_typed, marks_of_their_own_and_what_the_kernel_does)
{
	struct conf_set set;
	char buf[2048];
	err_t e = conf_build("connections { t { local { auth = psk }\n remote { auth = psk }\n children { a { mark_in = %unique\n"
		"mark_out = %unique-dir/0xff\n set_mark_in = %same\n set_mark_out = 7/0xf\n if_id_in = %unique\n mark_in_sa = yes\n"
		"ipcomp = yes\n hw_offload = auto\n policies_fwd_out = yes\n sha256_96 = yes } } } }", NULL, &set, buf, sizeof buf);

	cr_assert_eq(e, 0, "%s", buf);
	const struct conf_child *k = conf_conn_child(set.conns[0], "a");
	cr_assert(k->mark_in == CONF_UNIQUE_VALUE && k->mark_in_mask == UINT32_MAX);
	cr_assert(k->mark_out == CONF_UNIQUE_PER_DIR && k->mark_out_mask == 0xff);
	cr_assert(k->set_mark_in == CONF_UNIQUE_SAME && k->set_mark_in_mask == UINT32_MAX);
	cr_assert(k->set_mark_out == 7 && k->set_mark_out_mask == 0xf && k->if_id_in == CONF_UNIQUE_VALUE);
	cr_assert(k->mark_in_sa && k->ipcomp && k->hw_offload == KERN_OFFLOAD_AUTO && k->policies_fwd_out && k->sha256_96);
	conf_set_fini(&set);
}

static bool has_no_chacha(void *arg, uint8_t proto, const struct suite_tf *tf)
{
	(void)arg, (void)proto;
	return tf->type != SUITE_ENCR || tf->id != 28;
}

static bool can_eap(void *arg, uint8_t cls, const char *method)
{
	(void)arg;
	return cls == CONF_AUTH_PSK || strcmp(method, "eap-md5") == 0;
}

Test(conf_typed, what_no_plugin_provides_is_refused_by_name)
{
	struct suite_env env = { .has = has_no_chacha };
	struct conf_can can = { .ike = &env, .auth = can_eap };
	struct conf_set set;
	char buf[2048];
	err_t e = conf_build("connections { t { proposals = chacha20poly1305-prfsha256-x25519\n local { auth = eap-md5 }\n"
		"remote { auth = eap-tls } } }", &can, &set, buf, sizeof buf);

	cr_assert_eq(e, E_NOT_SUPPORTED);
	HAS(buf, "t.conf:1:31: 'proposals' = 'chacha20poly1305-prfsha256-x25519'");
	HAS(buf, "'auth' = 'eap-tls'");
	HAS_NOT(buf, "eap-md5");
}

Test(conf_typed, what_counts_in_part_is_a_remark)
{
	struct conf_set set;
	struct diag *remarks = NULL;
	char buf[2048];

	cr_assert_eq(conf_build("connections { t { local { auth = psk }\n remote { auth = psk }\n"
		"proposals = aes256gcm16-sha384-x25519, aes128-sha256-x25519\n"
		"children { a { esp_proposals = aes128gcm16-sha1 } } } }", NULL, &set, buf, sizeof buf), 0, "%s", buf);
	diag_copy_all(&remarks, set.conns[0]->remarks);
	conf_findings(&remarks, buf, sizeof buf);
	HAS(buf, "t.conf:3:25: 'proposals' = 'aes256gcm16-sha384-x25519': \"sha384\"");
	HAS(buf, "write \"prfsha384\" instead");
	HAS(buf, "t.conf:4:44: 'esp_proposals' = 'aes128gcm16-sha1': \"sha1\" is left out");
	HAS_NOT(buf, "sha256");
	conf_set_fini(&set);
}

Test(conf_typed, connections_that_cannot_work)
{
	struct conf_set set;
	char buf[2048];

	cr_assert_neq(conf_build("connections { t { } }", NULL, &set, buf, sizeof buf), 0);
	HAS(buf, "t.conf:1:15: 't' has no section 'local'");
	cr_assert_neq(conf_build("connections { t = 1 }", NULL, &set, buf, sizeof buf), 0);
	HAS(buf, "t.conf:1:15: 't': a section with a connection is expected");
	cr_assert_neq(conf_build("connections { t { local { auth = eap }\n remote { auth = psk } } }", NULL, &set, buf, sizeof buf), 0);
	HAS(buf, "t.conf:1:34: 'auth' = 'eap'");
	cr_assert_neq(conf_build("connections { t { local { auth = rsa-sha257 }\n remote { auth = psk } } }", NULL, &set, buf, sizeof buf), 0);
	HAS(buf, "'sha257' is none of pubkey, rsa, rsa/pss");
	cr_assert_neq(conf_build("connections { t { local { auth = psk }\n remote { auth = psk }\n"
		"children { a { start_action = start } } } }", NULL, &set, buf, sizeof buf), 0);
	HAS(buf, "t.conf:3:31: 'start_action' = 'start' needs an address to call");
	/* Policies without a tunnel need nobody to talk to. */
	cr_assert_eq(conf_build("connections { s { children { p { mode = pass\n local_ts = 10.0.0.0/8\n remote_ts = 10.0.0.0/8\n"
		"start_action = trap } } } }", NULL, &set, buf, sizeof buf), 0, "%s", buf);
	conf_set_fini(&set);
	/* A template that nobody uses, and sections of other programs, are no errors. */
	cr_assert_eq(conf_build("my-defaults { anything = 1 }\nconnections { }\npools { }", NULL, &set, buf, sizeof buf), 0, "%s", buf);
	conf_set_fini(&set);
}

Test(conf_typed, a_message_is_checked_like_a_file)
{
	static const struct conf_can all;
	struct conf_node *root = conf_node_section(NULL, ""), *t = conf_node_section(root, "t"), *l;
	struct diag *why = NULL;
	struct conf_conn *c;
	char buf[1024];

	conf_node_set_str(t, "version", "2");
	l = conf_node_list(t, "remote_addrs");
	cr_assert_eq(conf_node_add_item(l, SLICE_LIT("10.0.0.1")), 0);
	cr_assert_eq(conf_node_add_item(l, SLICE_LIT("10.0.0.2")), 0);
	l = conf_node_list(t, "proposals");
	cr_assert_eq(conf_node_add_item(l, SLICE_LIT("default")), 0);
	conf_node_set_str(conf_node_section(t, "local-1"), "auth", "psk");
	conf_node_set_str(conf_node_section(t, "remote-1"), "auth", "psk");
	conf_node_section(conf_node_section(t, "children"), "net");
	cr_assert_eq(conf_conn_from(t, &all, &c, &why), 0, "%s", conf_findings(&why, buf, sizeof buf));
	cr_assert_eq(c->n_remote_addrs, 2);
	cr_assert_str_eq(c->local[0].name, "local-1");
	conf_conn_unref(&c);

	conf_node_set(t, "version", SLICE_LIT("2\0"));
	l = conf_node_list(t, "encap");
	cr_assert_eq(conf_node_add_item(conf_node_list(t, "vips"), SLICE_LIT("10.0.0.300")), 0);
	cr_assert_eq(conf_conn_from(t, &all, &c, &why), E_BAD_VALUE);
	conf_findings(&why, buf, sizeof buf);
	HAS(buf, "'version' holds a zero byte");
	HAS(buf, "'encap' takes one value, not a list");
	HAS(buf, "'vips': '10.0.0.300' is no address");
	conf_node_free(&root);
}

/* What a refused key waits for is a line of docs/ROADMAP.md. */
static bool on_roadmap(const char *what)
{
	static char text[1 << 16];
	char line[128];

	if (!text[0]) {
		FILE *f = fopen(TEST_SOURCE_DIR "/docs/ROADMAP.md", "r");
		cr_assert_not_null(f);
		text[fread(text, 1, sizeof text - 1, f)] = 0;
		fclose(f);
	}
	snprintf(line, sizeof line, "\n- %s: ", what);
	return strstr(text, line);
}

static void check_key(void *arg, const char *path, const struct conf_key *k)
{
	static const uint8_t sizes[CONF_T_COUNT] = { [CONF_T_BOOL] = 1, [CONF_T_MARK] = 8, [CONF_T_DSCP] = 1, [CONF_T_BYTES] = 8,
		[CONF_T_TIME_S] = 0, [CONF_T_STRING] = 8, [CONF_T_PATH] = 8, [CONF_T_STRINGS] = 8, [CONF_T_IFNAME] = 16 };
	size_t *n = arg;

	++*n;
	cr_assert(k->doc && k->doc[strlen(k->doc) - 1] == '.', "%s has no sentence of documentation", path);
	cr_assert(!(k->flags & CONF_LATER) || k->later, "%s does not say what it waits for", path);
	cr_assert(!k->later || on_roadmap(k->later), "%s: '%s' is not in docs/ROADMAP.md", path, k->later);
	cr_assert(!(k->flags & CONF_CAN_OFF) || k->def, "%s has no default to be set to", path);
	cr_assert(k->off == CONF_NOWHERE || !sizes[k->type] || sizes[k->type] == k->size, "%s: the field has %u bytes", path, k->size);
	if (k->max && k->size && k->size < 8 && k->type != CONF_T_MARK)
		cr_assert_leq((uint64_t)k->max, ((uint64_t)1 << (8 * k->size)) - 1, "%s: the range does not fit the field", path);
	for (const struct conf_word *w = k->words; w && w->word; w++)
		cr_assert(!w->later || on_roadmap(w->later), "%s: '%s' is not in docs/ROADMAP.md", path, w->later);
	for (const struct conf_word *w = k->words; w && w->word && k->off != CONF_NOWHERE; w++)
		cr_assert(k->size >= 4 || (uint64_t)w->value < (uint64_t)1 << (8 * k->size), "%s: %s", path, w->word);
}

Test(conf_schema, is_whole)
{
	size_t n = 0;
	struct conf_daemon d;

	conf_schema_each(&conf_schema_root, check_key, &n);
	cr_assert_gt(n, 150);
	conf_daemon_defaults(&d);
	cr_assert(d.port == 500 && d.port_natt == 4500 && d.retry.tries == 5 && d.retry.timeout_ms == 4000);
	cr_assert(d.retry.base_x1000 == 1800 && d.half_open_timeout_ms == 30000 && d.cookie_threshold == 30);
	cr_assert(d.block_threshold == 5 && d.dos_protection && d.keep_alive_s == 20 && d.max_pending_per_ike == 8);
	cr_assert_str_eq(conf_schema_key(&conf_schema_conn, "local-7")->name, "local");
	cr_assert_str_eq(conf_schema_key(&conf_schema_conn, "local_addrs")->name, "local_addrs");
	cr_assert_str_eq(conf_schema_key(&conf_schema_remote, "cert_policy")->name, "cert_policy");
	cr_assert_null(conf_schema_key(&conf_schema_conn, "nosuch"));
}

Test(conf_settings, options_of_strongswan_conf)
{
	struct conf_node *swan = conf_tree(
		"charon {\n"
		"  retransmit_tries = 3\n"
		"  retransmit_timeout = 1.5\n"
		"  half_open_timeout = 5\n"
		"  port = 1500\n"
		"  threads = 16\n"
		"  load_modular = yes\n"
		"  ikesa_limit = 7\n"
		"  follow_redirects = no\n"
		"  install_routes = no\n"
		"  routing_table = 221\n"
		"  plugins { aes { load = yes }\n sha1 { load = yes }\n vici { socket = unix:///run/x.vici }\n"
		"    dhcp { server = 10.0.0.1 } }\n"
		"  filelog { main { path = /var/log/c.log\n default = 1\n ike = 2\n cfg = 0\n time_format = %b } }\n"
		"  syslog { identifier = me\n daemon { default = 0\n knl = 2 } }\n"
		"}\n"
		"charon-systemd { port = 2500 }\n"
		"pki { x = 1 }\n");
	struct conf_node *into = conf_tree("aditd { retransmit_tries = 9 }");
	struct diag *notes = NULL, *why = NULL;
	struct conf_settings *s;
	char buf[2048];

	cr_assert_eq(conf_swan_map(swan, into, &notes, &why), 0);
	conf_findings(&notes, buf, sizeof buf);
	HAS(buf, "t.conf:6:3: 'charon.threads' is ignored");
	HAS(buf, "'charon.load_modular' is ignored");
	HAS(buf, "'charon.plugins.*.load' are ignored");
	HAS(buf, "'charon.plugins.dhcp.server' is ignored");
	HAS(buf, "'charon.filelog.main.time_format' is ignored");
	HAS(buf, "t.conf:26:1: 'pki' is ignored: only charon and charon-systemd are read");
	HAS_NOT(buf, "retransmit");
	conf_node_free(&swan);
	cr_assert_eq(conf_settings_from(conf_node_child(into, "aditd"), &s, &why), 0, "%s", conf_findings(&why, buf, sizeof buf));
	cr_assert(s->daemon.retry.tries == 9 && s->daemon.retry.timeout_ms == 1500 && s->daemon.half_open_timeout_ms == 5000);
	cr_assert(s->daemon.port == 2500 && s->daemon.max_ike_sas == 7 && !s->daemon.follow_redirects);
	cr_assert_str_eq(s->socket, "/run/x.vici");
	cr_assert_str_eq(conf_settings_plugin(s, "kernel-net", "install_routes"), "no");
	cr_assert_str_eq(conf_settings_plugin(s, "kernel-net", "table"), "221");
	cr_assert_str_eq(conf_settings_plugin(s, "log-file", "main.path"), "/var/log/c.log");
	cr_assert_str_eq(conf_settings_plugin(s, "log-file", "main.levels"), "1, ike=2, config=0");
	cr_assert_str_eq(conf_settings_plugin(s, "log-syslog", "daemon.levels"), "0, kernel=2");
	cr_assert_str_eq(conf_settings_plugin(s, "log-syslog", "ident"), "me");
	conf_settings_free(s);
	conf_node_free(&into);

	swan = conf_tree("charon {\n retransmit_base = lots\n}");
	into = conf_node_section(NULL, "");
	cr_assert_eq(conf_swan_map(swan, into, &notes, &why), 0);
	cr_assert_eq(conf_settings_from(conf_node_child(into, "aditd"), &s, &why), E_BAD_VALUE);
	HAS(conf_findings(&why, buf, sizeof buf), "t.conf:2:20: 'retransmit_base' = 'lots'");
	conf_node_free(&swan);
	conf_node_free(&into);
}

/* Every option that has a meaning here, and where it goes. */
Test(conf_settings, each_option_of_strongswan_conf)
{
	static const struct {
		const char *in, *path, *want; /* want NULL: reported as ignored */
	} rows[] = {
		{ "port = 1500", "port", "1500" },
		{ "port_nat_t = 4501", "port_nat_t", "4501" },
		{ "retransmit_tries = 3", "retransmit_tries", "3" },
		{ "retransmit_timeout = 2.5", "retransmit_timeout", "2.5" },
		{ "retransmit_base = 1.5", "retransmit_base", "1.5" },
		{ "retransmit_jitter = 10", "retransmit_jitter", "10" },
		{ "retransmit_limit = 60", "retransmit_limit", "60" },
		{ "half_open_timeout = 20", "half_open_timeout", "20" },
		{ "init_limit_half_open = 500", "init_limit_half_open", "500" },
		{ "cookie_threshold = 100", "cookie_threshold", "100" },
		{ "block_threshold = 10", "block_threshold", "10" },
		{ "dos_protection = no", "dos_protection", "no" },
		{ "keep_alive = 30s", "keep_alive", "30s" },
		{ "delete_rekeyed_delay = 7", "delete_rekeyed_delay", "7" },
		{ "make_before_break = yes", "make_before_break", "yes" },
		{ "initiator_only = yes", "initiator_only", "yes" },
		{ "ikesa_limit = 900", "max_ike_sas", "900" },
		{ "follow_redirects = no", "follow_redirects", "no" },
		{ "fragment_size = 1400", "fragment_size", "1400" },
		{ "hash_and_url = yes", "hash_and_url", "yes" },
		{ "install_routes = no", "plugins.kernel-net.install_routes", "no" },
		{ "routing_table = 221", "plugins.kernel-net.table", "221" },
		{ "routing_table_prio = 222", "plugins.kernel-net.rule_priority", "222" },
		{ "install_virtual_ip_on = eth0", "plugins.kernel-net.virtual_ip_device", "eth0" },
		{ "interfaces_use = eth0, eth1", "interfaces_use", "eth0, eth1" },
		{ "interfaces_ignore = eth2", "interfaces_ignore", "eth2" },
		{ "filelog { main { path = /var/log/c.log } }", "plugins.log-file.main.path", "/var/log/c.log" },
		{ "filelog { main { append = no } }", "plugins.log-file.main.append", "no" },
		{ "filelog { main { enc = 2\n default = 1 } }", "plugins.log-file.main.levels", "1, encoding=2" },
		{ "syslog { auth { ike = 2 } }", "plugins.log-syslog.auth.levels", "ike=2" },
		{ "syslog { identifier = vpn }", "plugins.log-syslog.ident", "vpn" },
		{ "journal { cfg = 0\n default = 1 }", "plugins.log-journald.levels", "1, config=0" },
		{ "plugins { vici { socket = unix:///run/c.vici } }", "socket", "/run/c.vici" },
		{ "plugins { socket-default { fwmark = 66 } }", "fwmark", "66" },
		{ "plugins { kernel-netlink { receive_buffer_size = 4194304 } }", "plugins.kernel-xfrm.receive_buffer", "4194304" },
		{ "plugins { kernel-netlink { spdh_thresh { ipv4 { lbits = 24 } } } }", "plugins.kernel-xfrm.hash_ipv4_local", "24" },
		{ "plugins { kernel-netlink { spdh_thresh { ipv4 { rbits = 25 } } } }", "plugins.kernel-xfrm.hash_ipv4_remote", "25" },
		{ "plugins { kernel-netlink { spdh_thresh { ipv6 { lbits = 64 } } } }", "plugins.kernel-xfrm.hash_ipv6_local", "64" },
		{ "plugins { kernel-netlink { spdh_thresh { ipv6 { rbits = 65 } } } }", "plugins.kernel-xfrm.hash_ipv6_remote", "65" },
		{ "plugins { attr { dns = 10.0.0.53, fd00::53 } }", "attributes.dns", "10.0.0.53, fd00::53" },
		{ "plugins { attr { nbns = 10.0.0.54 } }", "attributes.nbns", "10.0.0.54" },
		{ "plugins { attr { dhcp = 10.0.0.55 } }", "attributes.dhcp", "10.0.0.55" },
		{ "plugins { attr { netmask = 255.255.255.0 } }", "attributes.netmask", "255.255.255.0" },
		{ "plugins { attr { server = 10.0.0.56 } }", "attributes.server", "10.0.0.56" },
		{ "plugins { attr { subnet = 10.0.0.0/8 } }", "attributes.subnet", "10.0.0.0/8" },
		{ "plugins { attr { split-include = 10.1.0.0/16 } }", "attributes.split_include", "10.1.0.0/16" },
		{ "plugins { attr { split-exclude = 10.2.0.0/16 } }", "attributes.split_exclude", "10.2.0.0/16" },
		{ "plugins { attr { 28672 = welcome } }", "attributes.28672", "welcome" },
		{ "threads = 16", "charon.threads", NULL },
		{ "install_virtual_ip = no", "plugins.kernel-net.install_virtual_ips", "no" },
		{ "dns1 = 10.0.0.1\ndns2 = fd00::1", "attributes.dns", "10.0.0.1, fd00::1" },
		{ "nbns1 = 10.0.0.3\nplugins { attr { nbns = 10.0.0.4 } }", "attributes.nbns", "10.0.0.3, 10.0.0.4" },
		{ "plugins { attr { dns-domain = lab.test } }", "attributes.25", "lab.test" },
		{ "filelog { /var/log/c.log { ike = 2 } }", "plugins.log-file.var-log-c-log.path", "/var/log/c.log" },
		{ "filelog { stderr { knl = 1 } }", "plugins.log-file.stderr.path", "stderr" },
		{ "plugins { pkcs11 { modules { hsm { path = /usr/lib/hsm.so } } } }", "plugins.cred-pkcs11.hsm.path", "/usr/lib/hsm.so" },
		{ "plugins { kernel-netlink { fwmark = !0x42 }\n socket-default { fwmark = 0x42 } }", "fwmark", "0x42" },
		{ "replay_window = 64", "charon.replay_window' is ignored: write replay_window into the children", NULL },
		{ "plugins { vici { socket = tcp://127.0.0.1:4502 } }", "charon.plugins.vici.socket' is ignored: the API has a Unix socket", NULL },
		{ "cisco_unity = yes", "charon.cisco_unity", NULL },
		{ "plugins { attr { address = 10.0.0.1 } }", "charon.plugins.attr.address", NULL },
		{ "plugins { kernel-netlink { fwmark = !0x42 } }", "charon.plugins.kernel-netlink.fwmark", NULL },
		{ "plugins { eap-radius { servers { a { address = 10.0.0.1 } } } }", "charon.plugins.eap-radius.servers.a.address", NULL },
		{ "filelog { main { time_format = %b } }", "charon.filelog.main.time_format", NULL },
		{ "leak_detective { detailed = no }", "charon.leak_detective.detailed", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[512], buf[1024];
		struct diag *notes = NULL, *why = NULL;
		struct conf_settings *s = NULL;
		snprintf(text, sizeof text, "charon {\n%s\n}\n", rows[i].in);
		struct conf_node *swan = conf_tree(text), *into = conf_node_section(NULL, "");
		cr_assert_eq(conf_swan_map(swan, into, &notes, &why), 0);
		const struct conf_node *n = rows[i].want ? conf_node_at(conf_node_child(into, "aditd"), rows[i].path) : NULL;
		if (rows[i].want)
			cr_assert(n && n->kind == CONF_VALUE && !strcmp(n->text, rows[i].want) && !notes, "%s", rows[i].in);
		conf_findings(&notes, buf, sizeof buf);
		if (!rows[i].want)
			cr_assert(strstr(buf, rows[i].path) && strstr(buf, "is ignored"), "%s: %s", rows[i].in, buf);
		cr_assert_eq(conf_settings_from(conf_node_child(into, "aditd"), &s, &why), 0, "%s: %s", rows[i].in,
			     conf_findings(&why, buf, sizeof buf));
		cr_assert_eq(s->daemon.attributes != NULL, strstr(rows[i].path, "attributes.") == rows[i].path);
		conf_settings_free(s);
		conf_node_free(&swan);
		conf_node_free(&into);
	}
}

Test(conf_typed, virtual_interfaces)
{
	static const char head[] = "connections { c { remote_addrs = 10.0.0.9\n local { auth = psk }\n remote { auth = psk }\n";
	static const struct {
		const char *lines, *child, *want; /* want NULL: it is right */
	} rows[] = {
		{ "vif = xfrm\n if_id_in = 1\n if_id_out = 1\n vif_name = ipsec0\n vif_addrs = 10.0.0.1/30, fd00::1/64\n", "", NULL },
		{ "vif = xfrm\n vif_name = peer%u\n vif_borrow = lo\n", "if_id_in = 1\n if_id_out = 1\n", NULL },
		{ "vif = vti\n vif_mtu = 1400\n", "mark_in = 5\n mark_out = 5\n", NULL },
		{ "vif = gre\n vif_key = 7\n", "local_ts = dynamic[gre]\n remote_ts = dynamic[gre]\n mode = transport\n", NULL },
		{ "", "inject_routes = yes\n route_table = main\n", NULL },
		{ "vif = xfrm\n", "", "if_id_in and if_id_out have to be set" },
		{ "vif = vti\n", "mark_in = 5\n", "every child needs mark_in and mark_out" },
		{ "vif = gre\n", "", "every child needs selectors of protocol gre" },
		{ "vif = auto\n vif_name = a%u%u\n", "", "once is all that may stand in a name" },
		{ "vif = auto\n vif_name = longer%u\n", "", NULL },
		{ "vif = auto\n vif_name = longest%u\n", "", "there is room for 6 letters" },
		{ "vif = auto\n vif_netns = x\n vif_vrf = y\n", "", "'vif_netns' goes with neither" },
		{ "vif = auto\n vif_addrs = 10.0.0.1/30\n", "", "would have the same addresses" },
		{ "vif = auto\n vif_name = a\n vif_addrs = 10.0.0.1/x\n", "", "an address with prefix length is expected" },
		{ "vif = auto\n", "start_action = trap\n", "needs an interface of its own" },
		{ "vif_key = 1\n", "", "'vif_key' has no effect without 'vif'" },
		{ "vif = xfrm\n vif_key = 1\n if_id_in = 1\n if_id_out = 1\n", "", "'vif_key' is for GRE alone" },
		{ "if_id_out = 3\n", "inject_routes = yes\n", "needs route_next_hop" },
		{ "", "inject_routes = yes\n route_table = 7\n route_vrf = red\n", "exclude each other" },
		{ "if_id_out = 3\n", "inject_routes = yes\n route_next_hop = x\n remote_ts = 0.0.0.0/0\n", "would also catch" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[1024], buf[2048];
		struct conf_set set = { 0 };
		snprintf(text, sizeof text, "%s%s children { n { %s } } } }\nsecrets { ike { secret = x } }\n", head, rows[i].lines,
			rows[i].child);
		err_t e = conf_build(text, NULL, &set, buf, sizeof buf);
		cr_assert_eq(e == 0, rows[i].want == NULL, "row %zu: %s", i, buf);
		if (rows[i].want)
			HAS(buf, rows[i].want);
		else
			conf_set_fini(&set);
	}
}
