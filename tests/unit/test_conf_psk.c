/* SPDX-License-Identifier: Apache-2.0 */
/* Shared secrets: the order of the look-up, the best match, both directions, encodings, strength. */
#include "conf_host.h"

#include "config/psk.h"
#include "crypto/strength.h"

static struct conf_set set;

static void load(const char *text)
{
	char buf[2048];

	conf_set_fini(&set);
	cr_assert_eq(conf_build(text, NULL, &set, buf, sizeof buf), 0, "%s", buf);
}

/* What a look-up finds: "name by data". host NULL: the peer called us. */
static const char *find(const char *me, const char *peer, const char *host, const char *addr, bool of_peer)
{
	static const char *const by[] = { "any", "own", "address", "host", "id" };
	static char buf[200];
	const char *hosts[] = { host, "192.0.2.0/24", NULL };
	struct conf_id a = { 0 }, b = { 0 };
	struct net_addr at = { 0 };
	struct conf_psk k;

	cr_assert(!me || conf_id_parse(me, &a) == 0);
	cr_assert(!peer || conf_id_parse(peer, &b) == 0);
	cr_assert(!addr || net_addr_parse(addr, &at) == 0);
	struct conf_psk_ask ask = { .my_type = a.type, .peer_type = b.type, .my_id = slice_of(a.data, a.n), .peer_id = slice_of(b.data, b.n),
		.hosts = host ? hosts : NULL, .addr = addr ? &at : NULL, .of_peer = of_peer };
	if (!conf_secrets_psk(set.secrets, &ask, &k))
		snprintf(buf, sizeof buf, "none");
	else
		snprintf(buf, sizeof buf, "%s %s %.*s", k.name, by[k.by], (int)k.data.n, (const char *)k.data.p);
	conf_id_fini(&a);
	conf_id_fini(&b);
	return buf;
}

Test(conf_psk, order_of_the_look_up)
{
	load("secrets { ike-any { secret = s }\n ike-own { id = gw.test\n secret = s }\n ike-addr { id = 192.0.2.7\n secret = s }\n"
	     "ike-net { id = 192.0.2.0/24\n secret = s }\n ike-host { id = vpn.peer.test\n secret = s }\n ike-id { id = peer.test\n secret = s } }");
	/* Identity, host name, address, our own, everybody: what is missing leaves the next. */
	cr_assert_str_eq(find("gw.test", "peer.test", "vpn.peer.test", "192.0.2.7", false), "ike-id id s");
	cr_assert_str_eq(find("gw.test", NULL, "vpn.peer.test", "192.0.2.7", false), "ike-host host s");
	cr_assert_str_eq(find("gw.test", "other.test", "VPN.peer.test", "192.0.2.7", false), "ike-host host s");
	/* Who calls is not found by a host name, even when that is its address's. */
	cr_assert_str_eq(find("gw.test", "other.test", NULL, "192.0.2.7", false), "ike-addr address s");
	cr_assert_str_eq(find("gw.test", "other.test", "else.test", "192.0.2.8", false), "ike-net address s");
	cr_assert_str_eq(find("gw.test", "other.test", NULL, "203.0.113.1", false), "ike-own own s");
	cr_assert_str_eq(find("gw2.test", "other.test", NULL, "203.0.113.1", false), "ike-any any s");
	cr_assert_str_eq(find("gw2.test", "192.0.2.7", NULL, "203.0.113.1", false), "ike-addr id s");
	/* A host name is a text, also when it would resolve: an address does not make one. */
	cr_assert_str_eq(find("gw2.test", NULL, "192.0.2.9", NULL, false), "ike-any any s");
	conf_set_fini(&set);
}

static const char *ppk(const char *text)
{
	static struct conf_psk k;
	struct conf_id name = { 0 };

	cr_assert_eq(conf_id_parse(text, &name), 0);
	struct conf_psk_ask ask = { .kind = "PPK", .peer_type = name.type, .peer_id = slice_of(name.data, name.n) };
	bool found = conf_secrets_psk(set.secrets, &ask, &k);
	conf_id_fini(&name);
	return found ? k.name : "none";
}

Test(conf_psk, keys_of_another_kind)
{
	load("secrets { ike-all { secret = s }\n ppk-1 { id = key.test\n secret = p }\n ppk-2 { id = *.many.test\n secret = q } }");
	cr_assert_str_eq(ppk("KEY.test"), "ppk-1");
	cr_assert_str_eq(ppk("a.many.test"), "ppk-2");
	/* a secret of IKE is none, and the other way round */
	cr_assert_str_eq(find("gw.test", "key.test", NULL, NULL, false), "ike-all any s");
	cr_assert_str_eq(ppk("gw.test"), "none");
	/* is there one at all */
	const struct conf_psk_ask ask = { .kind = "PPK", .anyone = true };
	struct conf_psk k;
	cr_assert(conf_secrets_psk(set.secrets, &ask, &k));
	load("secrets { ike-all { secret = s } }");
	cr_assert(!conf_secrets_psk(set.secrets, &ask, &k));
	conf_set_fini(&set);
}

Test(conf_psk, the_most_exact_owner)
{
	load("secrets { ike-16 { id = 10.1.0.0/16\n secret = s }\n ike-8 { id = 10.0.0.0/8\n secret = s }\n ike-24 { id = 10.1.2.0/24\n secret = s }\n"
	     "ike-test { id = *.test\n secret = s }\n ike-deep { id = *.b.test\n secret = s }\n ike-mail { id = *@b.test\n secret = s }\n"
	     "ike-x { id = x.b.test\n secret = s }\n ike-me-test { id-1 = gw.test\n id-2 = *.test\n secret = s }\n"
	     "ike-v6 { id = 2001:db8::/32\n secret = s }\n ike-dn { id = \"C=CH, O=Lab, CN=*\"\n secret = s }\n ike-all { id = %any\n secret = s }\n"
	     "ike-three { id-1 = a.three\n id-2 = b.three\n id-3 = c.three\n secret = s } }");
	cr_assert_str_eq(find("gw.test", "nobody.example", NULL, "10.1.2.3", false), "ike-24 address s");
	cr_assert_str_eq(find("gw.test", "nobody.example", NULL, "10.1.3.3", false), "ike-16 address s");
	cr_assert_str_eq(find("gw.test", "nobody.example", NULL, "10.2.3.3", false), "ike-8 address s");
	cr_assert_str_eq(find("gw.test", "nobody.example", NULL, "2001:db8::5", false), "ike-v6 address s");
	/* The peer decides before us: an exact peer alone before a wildcard beside us, as strongSwan does. */
	cr_assert_str_eq(find("gw.test", "x.b.test", NULL, NULL, false), "ike-x id s");
	cr_assert_str_eq(find("gw.test", "y.b.test", NULL, NULL, false), "ike-deep id s");
	cr_assert_str_eq(find("gw.test", "y.c.test", NULL, NULL, false), "ike-me-test id s");
	cr_assert_str_eq(find("else.test", "y.c.test", NULL, NULL, false), "ike-test id s");
	cr_assert_str_eq(find("else.test", "z@b.test", NULL, NULL, false), "ike-mail id s");
	cr_assert_str_eq(find("else.test", "C=CH, O=Lab, CN=gw", NULL, NULL, false), "ike-dn id s");
	cr_assert_str_eq(find("else.test", "nobody", NULL, NULL, false), "ike-all any s");
	/* One secret of several: each with each, and with nobody else. */
	cr_assert_str_eq(find("a.three", "c.three", NULL, NULL, false), "ike-three id s");
	cr_assert(conf_secrets_del(set.secrets, "ike-all"));
	cr_assert_str_eq(find("a.three", "d.three", NULL, NULL, false), "none");
	cr_assert_str_eq(find("a.three", "nobody", NULL, "203.0.113.9", false), "none");
	/* An identity of another kind is another one. */
	load("secrets { ike-1 { id = fqdn:10.0.0.1\n secret = text }\n ike-2 { id = keyid:peer\n secret = key } }");
	cr_assert_str_eq(find("gw.test", "10.0.0.1", NULL, NULL, false), "none");
	cr_assert_str_eq(find("gw.test", "peer", NULL, NULL, false), "none");
	cr_assert_str_eq(find("gw.test", "keyid:peer", NULL, NULL, false), "ike-2 id key");
	conf_set_fini(&set);
}

Test(conf_psk, of_equal_ones_the_first)
{
	load("secrets { ike-b { id = p.test\n secret = 1 }\n ike-a { id = p.test\n secret = 2 } }");
	cr_assert_str_eq(find("gw.test", "p.test", NULL, NULL, false), "ike-b id 1");
	conf_set_fini(&set);
}

Test(conf_psk, one_secret_for_each_way)
{
	load("secrets { ike-1 { id = p.test\n local_secret = mine\n remote_secret = 0x74686569727321 }\n ike-2 { id = q.test\n secret = both } }");
	cr_assert_str_eq(find("gw.test", "p.test", NULL, NULL, false), "ike-1 id mine");
	cr_assert_str_eq(find("gw.test", "p.test", NULL, NULL, true), "ike-1 id theirs!");
	cr_assert_str_eq(find("gw.test", "q.test", NULL, NULL, false), "ike-2 id both");
	cr_assert_str_eq(find("gw.test", "q.test", NULL, NULL, true), "ike-2 id both");
	/* A copy of one's own keeps both. */
	struct conf_secrets *copy = conf_secrets_share(set.secrets);
	cr_assert(conf_secrets_del(set.secrets, "ike-2"));
	cr_assert_str_eq(find("gw.test", "p.test", NULL, NULL, true), "ike-1 id theirs!");
	conf_secrets_free(copy);
	conf_set_fini(&set);
}

static void refused(const char *text, const char *why)
{
	char buf[2048];

	cr_assert_neq(conf_build(text, NULL, &set, buf, sizeof buf), 0, "%s", text);
	cr_assert(strstr(buf, why), "%s: %s", text, buf);
}

Test(conf_psk, what_is_wrong_is_said)
{
	refused("secrets { ike { secret = a\n local_secret = b\n remote_secret = c } }", "set secret, or local_secret and remote_secret");
	refused("secrets { ike { local_secret = b } }", "local_secret only");
	refused("secrets { ike { remote_secret = b } }", "remote_secret only");
	refused("secrets { ike { local_secret = 0xzz\n remote_secret = b } }", "hexadecimal");
	refused("secrets { ike { secret = 0s! } }", "base64");
	refused("secrets { ike { secret = 0x } }", "hexadecimal");
	refused("secrets { eap { local_secret = a\n remote_secret = b\n secret = c } }", "local_secret");
}

Test(conf_psk, encodings)
{
	load("secrets { ike-t { id = t\n secret = cisco }\n ike-x { id = x\n secret = 0x636973636f }\n ike-s { id = s\n secret = 0sY2lzY28= } }");
	cr_assert_str_eq(find("g", "t", NULL, NULL, false), "ike-t id cisco");
	cr_assert_str_eq(find("g", "x", NULL, NULL, false), "ike-x id cisco");
	cr_assert_str_eq(find("g", "s", NULL, NULL, false), "ike-s id cisco");
	conf_set_fini(&set);
}

Test(conf_psk, strength)
{
	/* 20 characters of an alphabet of 94 are as much as 128 bits; 112 need 18, 192 need 30, 256 need 40. */
	cr_assert_eq(conf_psk_chars(112), 18);
	cr_assert_eq(conf_psk_chars(128), 20);
	cr_assert_eq(conf_psk_chars(192), 30);
	cr_assert_eq(conf_psk_chars(256), 40);
	cr_assert_geq(conf_psk_bits(SLICE_LIT("aB3$aB3$aB3$aB3$aB3$")), 128);
	cr_assert_lt(conf_psk_bits(SLICE_LIT("aB3$aB3$aB3$aB3$aB3")), 128);
	cr_assert_eq(conf_psk_bits(SLICE_LIT("\x00\x01\xff\x80\x00\x01\xff\x80\x00\x01\xff\x80\x00\x01\xff\x80")), 128);
	cr_assert_lt(conf_psk_bits(SLICE_LIT("12345678901234567890")), 70);
	cr_assert_eq(conf_psk_bits(SLICE_NONE), 0);
	static const struct {
		const char *text;
		unsigned bits;
	} rows[] = {
		{ "aes128gcm16-prfsha256-x25519", 128 }, { "aes256gcm16-prfsha384-x25519", 128 }, { "aes256gcm16-prfsha384-ecp384", 192 },
		{ "aes256-sha512-ecp521", 256 }, { "aes256-sha256-modp2048", 112 }, { "3des-sha1-modp1024", 80 },
		{ "aes256gcm16-prfsha384-x25519-ke1_mlkem768", 192 }, { "aes192-sha1-modp8192", 160 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct suite_list l = { 0 };
		cr_assert_eq(suite_list_add(&l, NULL, SUITE_IKE, rows[i].text, NULL), 0, "%s", rows[i].text);
		cr_assert_eq(suite_prop_strength(l.v[0]), rows[i].bits, "%s: %u", rows[i].text, suite_prop_strength(l.v[0]));
		suite_list_fini(&l);
	}
}

Test(conf_psk, weak_ones_are_named)
{
	char buf[500];

#define CONN(prop) "connections { c { version = 2\n remote_addrs = 192.0.2.7\n proposals = " prop "\n local { auth = psk\n id = gw.test }\n" \
	"remote { auth = psk\n id = p.test } } }\n"
	load(CONN("aes256gcm16-prfsha384-ecp384") "secrets { ike-1 { id = p.test\n secret = aB3$aB3$aB3$aB3$aB3$ } }");
	cr_assert(conf_psk_weak(set.conns[0], set.secrets, NULL, buf, sizeof buf));
	cr_assert(strstr(buf, "'ike-1'") && strstr(buf, "'c'") && strstr(buf, "131") && strstr(buf, "192") && strstr(buf, "30 random"), "%s", buf);
	cr_assert_not(strstr(buf, "aB3"));
	cr_assert_not(conf_psk_weak(set.conns[0], set.secrets, "ike-2", buf, sizeof buf));
	load(CONN("aes128gcm16-prfsha256-x25519") "secrets { ike-1 { id = p.test\n secret = aB3$aB3$aB3$aB3$aB3$ } }");
	cr_assert_not(conf_psk_weak(set.conns[0], set.secrets, NULL, buf, sizeof buf));
	/* The weaker of two counts, and there is nothing to say about one that is missing. */
	load(CONN("aes128gcm16-prfsha256-x25519") "secrets { ike-1 { id = p.test\n local_secret = aB3$aB3$aB3$aB3$aB3$\n remote_secret = short } }");
	cr_assert(conf_psk_weak(set.conns[0], set.secrets, NULL, buf, sizeof buf));
	load(CONN("aes128gcm16-prfsha256-x25519") "secrets { ike-1 { id = q.test\n secret = short } }");
	cr_assert_not(conf_psk_weak(set.conns[0], set.secrets, NULL, buf, sizeof buf));
	conf_set_fini(&set);
}
