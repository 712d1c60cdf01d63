/* SPDX-License-Identifier: Apache-2.0 */
/* Children of connections: what the data plane at hand cannot do, SA pairs with keys of the configuration. */
#include "conf_host.h"
#include "plugin/abi.h"

Test(conf_child, what_the_data_plane_cannot_do_leaves_a_child_out)
{
	static const char text[] = "connections { t { remote_addrs = 10.0.0.1\n local { auth = psk }\n remote { auth = psk }\n"
		"children { a { mode = beet\n mark_out = 5\n replay_window = 5000\n if_id_in = 7\n start_action = trap\n mark_in = 0 }\n"
		"b { }\n c { ah_proposals = sha256 }\n d { ipcomp = yes } } } }";
	struct conf_can can = { .kern_known = true, .kern_caps = KERN_CAP_TRANSPORT, .max_replay_window = 4096 };
	struct conf_set set;
	char buf[2048];

	struct diag *remarks = NULL;

	cr_assert_eq(conf_build(text, &can, &set, buf, sizeof buf), 0, "%s", buf);
	const struct conf_child *k = conf_conn_child(set.conns[0], "a");
	cr_assert(k->lacks && k->lacks_caps == 0, "a window does not come while the daemon runs");
	cr_assert_null(conf_conn_child(set.conns[0], "b")->lacks);
	k = conf_conn_child(set.conns[0], "c");
	cr_assert(k->lacks && k->lacks_caps == KERN_CAP_AH, "a module may");
	cr_assert_null(conf_conn_child(set.conns[0], "d")->lacks, "without IPComp it goes without compression");
	diag_copy_all(&remarks, set.conns[0]->remarks);
	conf_findings(&remarks, buf, sizeof buf);
	HAS(buf, "t.conf:4:23: 'mode' = 'beet'");
	HAS(buf, "'mark_out': the data plane that is loaded has no marks; without it child 'a' is left out");
	HAS(buf, "t.conf:6:18: 'replay_window' = 5000: the data plane that is loaded takes at most 4096");
	HAS(buf, "'if_id_in'");
	HAS(buf, "'start_action' = 'trap'");
	HAS(buf, "'ah_proposals': the data plane that is loaded has no AH: load Linux's modules ah4 and ah6");
	HAS(buf, "'ipcomp': the data plane that is loaded has no IPComp");
	conf_set_fini(&set);
	can.kern_caps = UINT32_MAX;
	can.max_replay_window = 1 << 20;
	cr_assert_eq(conf_build(text, &can, &set, buf, sizeof buf), 0, "%s", buf);
	conf_set_fini(&set);
}

static bool has_no_chacha(void *arg, uint8_t proto, const struct suite_tf *tf)
{
	(void)arg, (void)proto;
	return tf->type != SUITE_ENCR || tf->id != 28;
}

Test(conf_child, what_the_data_plane_does_not_carry_leaves_a_child_out)
{
	struct suite_env env = { .has = has_no_chacha };
	struct conf_can can = { .child = &env };
	struct conf_set set;
	struct diag *remarks = NULL;
	char buf[2048];

	cr_assert_eq(conf_build("connections { t { local { auth = psk }\n remote { auth = psk }\n"
		"children { a { esp_proposals = chacha20poly1305 }\n b { esp_proposals = chacha20poly1305, aes128gcm16 } } } }", &can, &set,
		buf, sizeof buf), 0, "%s", buf);
	cr_assert_not_null(conf_conn_child(set.conns[0], "a")->lacks);
	cr_assert_null(conf_conn_child(set.conns[0], "b")->lacks);
	cr_assert_eq(conf_conn_child(set.conns[0], "b")->n_props, 1);
	diag_copy_all(&remarks, set.conns[0]->remarks);
	conf_findings(&remarks, buf, sizeof buf);
	HAS(buf, "does not carry \"chacha20poly1305\"");
	HAS(buf, "child 'a' is left out");
	conf_set_fini(&set);
}

Test(conf_child, static_pairs)
{
	static const struct {
		const char *child, *says; /* NULL: it is right */
	} rows[] = {
		{ "esp_proposals = aes128-sha1\n static_spi_in = 256\n static_spi_out = 0x1000\n static_key_in = 0x"
		  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223\n static_key_out = "
		  "\"123456789012345678901234567890123456\"\n", NULL },
		{ "ah_proposals = sha1\n static_spi_in = 256\n static_spi_out = 257\n static_key_in = 12345678901234567890\n "
		  "static_key_out = abcdefghijklmnopqrst\n", NULL },
		{ "esp_proposals = aes128-sha1\n static_spi_in = 256\n static_spi_out = 257\n static_key_in = 0x00\n "
		  "static_key_out = 0x00\n", "'static_key_in' has 1 bytes, and the first proposal takes 16 for encryption and behind them 20" },
		{ "esp_proposals = aes128-sha1\n static_spi_in = 255\n static_spi_out = 257\n static_key_in = 0x00\n", "to 256 or more" },
		{ "esp_proposals = aes128-sha1\n static_spi_in = 256\n static_spi_out = 257\n", "'static_key_out' is missing" },
		{ "esp_proposals = aes128gcm16\n static_spi_in = 256\n static_spi_out = 257\n", "encrypts with a counter" },
		{ "esp_proposals = aes128ctr-sha1\n static_spi_in = 256\n static_spi_out = 257\n", "encrypts with a counter" },
		{ "esp_proposals = aes128-sha1-esn\n static_spi_in = 256\n static_spi_out = 257\n", "leave esn out" },
		{ "mode = drop\n static_spi_in = 256\n", "have no place here" },
	};
	char text[1024], buf[2048];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_set set;
		snprintf(text, sizeof text, "connections { t { local_addrs = 10.0.0.1\n remote_addrs = 10.0.0.2\n children { a { %s } } } }",
			rows[i].child);
		err_t e = conf_build(text, NULL, &set, buf, sizeof buf);
		if (rows[i].says) {
			cr_assert_eq(e, E_BAD_VALUE, "%s", text);
			HAS(buf, rows[i].says);
			HAS_NOT(buf, "000102");
			continue;
		}
		cr_assert_eq(e, 0, "%s", buf);
		const struct conf_child *k = conf_conn_child(set.conns[0], "a");
		size_t n = (size_t)k->fixed.encr_len + k->fixed.integ_len;
		cr_assert(k->fixed.spi_in == 256 && k->replay_window == 0 && k->rekey_time_s == 0);
		cr_assert_eq(secret_slice(&k->fixed.keys).n, 2 * n);
		cr_assert_eq(secret_slice(&k->fixed.keys).p[0], i ? 'a' : '1', "outbound first");
		conf_set_fini(&set);
	}
}
