/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds of what people write: words of settings, configuration files, URLs. */
#include "tests/fuzz/make_seeds.h"

void word_seeds(void)
{
	static const char *const words[] = { "0aes256gcm16-prfsha384-x25519", "0aes128-sha256-modp2048,default", "0default",
		"0chacha20poly1305-prfsha256-curve25519-ke1_mlkem768", "1aes256-sha512-esn-noesn", "1null-sha256",
		"1aes128ctr-sha384", "210.1.0.0/24[tcp/22]", "2fd00::1-fd00::9", "20.0.0.0/0[udp/1000-2000]",
		"210.0.0.1/32[icmp/8(0)]", "2::/0[opaque]", "310.1.0.1", "3fe80::1%lo", "310.0.0.1:500", "3[fd00::1]:4500", "3%any" };
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		char name[32];
		snprintf(name, sizeof name, "%02zu", i);
		seed1("words", name, slice_str(words[i]));
	}
}

void conf_seeds(void)
{
	static const char *const texts[] = {
		"connections {\n  gw {\n    version = 2\n    local_addrs = 10.0.0.1, fd00::1\n    remote_addrs = %any\n"
		"    proposals = aes256gcm16-prfsha256-x25519, default\n    local-1 { auth = psk\n id = gw.test }\n"
		"    remote { auth = psk\n id = *@test }\n    rekey_time = 4h\n    dpd_delay = 30s\n"
		"    children {\n      net {\n        local_ts = 10.1.0.0/24[tcp/22], dynamic\n        remote_ts = 0.0.0.0/0\n"
		"        esp_proposals = aes128-sha256-modp2048\n        start_action = trap|start\n        life_bytes = 10G\n"
		"        mark_in = 0x10/0xff\n        copy_dscp = out\n      }\n    }\n  }\n}\n",
		"secrets {\n  ike-1 {\n    id-a = gw.test\n    id-b = \"C=CH, O=x, CN=*\"\n    secret = 0x0102ff\n  }\n"
		"  ike-2 { secret = 0saGVsbG8= }\n  eap-x { id = carol\n secret = \"a \\\" b\" }\n}\n",
		"base { a = 1\n b { c = 2 } }\nother : base, base.b { a = 3 # comment\n }\nx.y.z = 5\n",
		"aditd {\n  workers = 2\n  log = \"1, ike=2\"\n  retransmit_tries = 5\n  plugins {\n    log-file { main { path = /tmp/x } }\n"
		"  }\n  load = crypto-gcrypt, kernel-null\n}\ncharon { }\n",
		"connections { a : t { }\n }\nt { children { c : u { } } }\nu : u { }\n",
		"connections { gw { rekey_tme = 4h\n version = 9\n children { n { local_ts = 10.0.0.0/99\n } } } }\n",
		"include /etc/passwd\n", "a = \"unfinished\n", "a { b { c {\n", "}\n", "a = b \\\n c\n", "\xef\xbb\xbf" "a=1\r\nb = 2\r\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char name[32];
		snprintf(name, sizeof name, "%02zu.conf", i);
		seed1("conf", name, slice_str(texts[i]));
	}
}

void url_seeds(void)
{
	static const char *const urls[] = { "http://ca.example.com/certs/0123", "https://[2001:db8::1]:8443/x.der?y#z",
		"http://198.51.100.2:8000/b", "ldap://x/y", "http://user@h/", "http://h.test" };
	char name[16];

	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		const slice v[] = { slice_of(seed_filler, 20), slice_str(urls[i]), { seed_filler, 0 } };
		snprintf(name, sizeof name, "url-%zu", i);
		seed("hashurl", name, v, ARRAY_LEN(v));
	}
	/* A bundle of two certificates and a list, each an empty sequence or one of a few bytes. */
	seed1("hashurl", "bundle", SLICE_LIT("\x30\x10\xa0\x04\x30\x02\x05\x00\xa1\x02\x30\x00\xa0\x04\x30\x02\x05\x00"));
}
