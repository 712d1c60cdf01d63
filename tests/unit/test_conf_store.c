/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_host.h"

#include "config/store.h"

#include <stdlib.h>

static struct conf_store *loaded(const char *text)
{
	struct conf_store *s;
	struct conf_set set;
	char buf[2048];

	cr_assert_eq(conf_store_new(&s), 0);
	cr_assert_eq(conf_build(text, NULL, &set, buf, sizeof buf), 0, "%s", buf);
	cr_assert_eq(conf_store_apply(s, &set, CONF_REPLACE_ALL, NULL, NULL), 0);
	conf_set_fini(&set);
	return s;
}

/* Names of the candidates for a pair of addresses, best first. */
static const char *candidates(struct conf_store *s, const char *local, const char *remote)
{
	static char names[512];
	struct net_addr l = { 0 }, r = { 0 };
	size_t cursor = 0, off = 0;
	const struct conf_conn *c;

	cr_assert_eq(*local ? net_addr_parse(local, &l) : 0, 0);
	cr_assert_eq(*remote ? net_addr_parse(remote, &r) : 0, 0);
	names[0] = 0;
	while ((c = conf_env_match(s, &l, &r, &cursor)))
		off += (size_t)snprintf(names + off, sizeof names - off, "%s%s", off ? " " : "", c->name);
	return names;
}

#define AUTH "local { auth = psk }\n remote { auth = psk }"

Test(conf_store, candidates_come_best_first)
{
	struct conf_store *s = loaded("connections {\n"
		"any { " AUTH " }\n"
		"net8 { remote_addrs = 10.0.0.0/8\n " AUTH " }\n"
		"net24 { remote_addrs = 10.0.0.0/24\n " AUTH " }\n"
		"one { remote_addrs = 10.0.0.1\n " AUTH " }\n"
		"one-local { local_addrs = 192.0.2.1\n remote_addrs = 10.0.0.1\n " AUTH " }\n"
		"any-local { local_addrs = 192.0.2.1\n " AUTH " }\n"
		"any-localnet { local_addrs = 192.0.2.0/24\n " AUTH " }\n"
		"list { remote_addrs = 10.0.0.1, 10.0.0.0/24, 10.0.0.2\n " AUTH " }\n"
		"range { remote_addrs = 10.0.0.1-10.0.0.3\n " AUTH " }\n"
		"v6 { remote_addrs = fd00::1\n " AUTH " }\n"
		"any2 { remote_addrs = %any\n " AUTH " }\n"
		"shunt { children { p { mode = pass } } }\n"
		"}");

	cr_assert_str_eq(candidates(s, "192.0.2.1", "10.0.0.1"),
		"one-local one list range net24 net8 any-local any-localnet any any2");
	cr_assert_str_eq(candidates(s, "192.0.2.9", "10.0.0.2"), "list range net24 net8 any-localnet any any2");
	cr_assert_str_eq(candidates(s, "198.51.100.1", "10.0.0.77"), "net24 list net8 any any2");
	cr_assert_str_eq(candidates(s, "198.51.100.1", "10.9.0.1"), "net8 any any2");
	cr_assert_str_eq(candidates(s, "fd00::9", "fd00::1"), "v6 any any2");
	cr_assert_str_eq(candidates(s, "", "fd00::1"), "v6 any-local any-localnet any any2");
	cr_assert_str_eq(candidates(s, "192.0.2.1", ""), "any net8 net24 one one-local any-local any-localnet list range v6 any2");
	cr_assert_eq(conf_store_unload(s, "one"), 0);
	cr_assert_eq(conf_store_unload(s, "list"), 0);
	cr_assert_eq(conf_store_unload(s, "list"), E_NOT_FOUND);
	cr_assert_str_eq(candidates(s, "198.51.100.1", "10.0.0.1"), "range net24 net8 any any2");
	cr_assert_null(conf_env_find(s, "list"));
	cr_assert_str_eq(conf_env_find(s, "any")->name, "any");
	conf_store_free(s);
}

struct seen {
	int n[4];
	char names[256];
};

static void see(void *arg, enum conf_change what, const struct conf_conn *old, const struct conf_conn *now)
{
	struct seen *seen = arg;

	cr_assert_eq(old == NULL, what == CONF_ADDED);
	cr_assert_eq(now == NULL, what == CONF_REMOVED);
	cr_assert(what != CONF_SAME || old == now);
	seen->n[what]++;
	if (what == CONF_CHANGED || what == CONF_REMOVED)
		strcat(seen->names, (now ? now : old)->name);
}

static void apply(struct conf_store *s, const char *text, uint32_t flags, struct seen *seen)
{
	struct conf_set set;
	char buf[1024];

	*seen = (struct seen){ 0 };
	cr_assert_eq(conf_build(text, NULL, &set, buf, sizeof buf), 0, "%s", buf);
	cr_assert_eq(conf_store_apply(s, &set, flags, see, seen), 0);
	cr_assert_eq(set.n_conns, 0);
	conf_set_fini(&set);
}

Test(conf_store, a_reload_touches_only_what_changed)
{
	struct conf_store *s = loaded("connections { a { " AUTH " }\n b { " AUTH " }\n c { " AUTH " } }\nsecrets { ike-1 { secret = x } }");
	struct conf_conn *a = conf_conn_ref(conf_store_find(s, "a"));
	struct conf_conn *old_b = conf_conn_ref(conf_store_find(s, "b"));
	uint64_t cursor = 0, before = conf_store_generation(s);
	struct seen seen;

	apply(s, "connections { a { " AUTH " }\n b { encap = yes\n " AUTH " }\n d { " AUTH " } }", CONF_REPLACE_ALL, &seen);
	cr_assert(seen.n[CONF_SAME] == 1 && seen.n[CONF_ADDED] == 1 && seen.n[CONF_CHANGED] == 1 && seen.n[CONF_REMOVED] == 1);
	cr_assert_str_eq(seen.names, "bc");
	cr_assert_eq(conf_store_find(s, "a"), a);
	cr_assert_eq(a->generation, before);
	cr_assert_neq(conf_store_find(s, "b"), old_b);
	cr_assert_eq(conf_store_find(s, "b")->generation, before + 1);
	cr_assert_not(old_b->encap); /* who holds the old version keeps it */
	cr_assert_eq(conf_secrets_count(conf_store_secrets(s)), 0);
	cr_assert_eq(conf_store_count(s), 3);

	apply(s, "connections { e { " AUTH " }\n b { " AUTH " } }\nsecrets { ike-2 { secret = y } }", 0, &seen);
	cr_assert(seen.n[CONF_ADDED] == 1 && seen.n[CONF_CHANGED] == 1 && seen.n[CONF_REMOVED] == 0);
	cr_assert_eq(conf_store_count(s), 4);
	cr_assert_eq(conf_secrets_count(conf_store_secrets(s)), 1);
	static const char *const order[] = { "a", "b", "d", "e" };
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		cr_assert_str_eq(conf_store_next(s, &cursor)->name, order[i]);
	cr_assert_null(conf_store_next(s, &cursor));
	cr_assert_str_eq(candidates(s, "", "10.0.0.1"), "a b d e");
	conf_conn_unref(&a);
	conf_conn_unref(&old_b);
	conf_store_free(s);
}

Test(conf_store, single_loads)
{
	static const struct conf_can all;
	struct conf_store *s = loaded("connections { a { " AUTH " }\n b { " AUTH " } }");
	struct conf_node *r = conf_tree("a { remote_addrs = 10.0.0.1\n" AUTH "}");
	enum conf_change what;
	struct conf_conn *c;
	struct diag *why = NULL;

	cr_assert_eq(conf_conn_from(r->first, &all, &c, &why), 0);
	cr_assert_eq(conf_store_load(s, &c, &what), 0);
	cr_assert_eq(what, CONF_CHANGED);
	cr_assert_null(c);
	cr_assert_eq(conf_conn_from(r->first, &all, &c, &why), 0);
	cr_assert_eq(conf_store_load(s, &c, &what), 0);
	cr_assert_eq(what, CONF_SAME);
	conf_node_free(&r);
	cr_assert_str_eq(candidates(s, "", "10.0.0.1"), "a b");
	cr_assert_str_eq(candidates(s, "", "10.0.0.2"), "b");
	cr_assert_eq(conf_store_unload(s, "a"), 0);
	cr_assert_eq(conf_store_unload(s, "b"), 0);
	cr_assert_str_eq(candidates(s, "", "10.0.0.1"), "");
	conf_store_free(s);
}

static const char *psk(const struct conf_secrets *s, const char *me, const char *peer)
{
	static char buf[64];
	struct conf_id a = { 0 }, b = { 0 };

	cr_assert_eq(conf_id_parse(me, &a), 0);
	cr_assert_eq(conf_id_parse(peer, &b), 0);
	const struct conf_psk_ask ask = { .my_type = a.type, .peer_type = b.type, .my_id = slice_of(a.data, a.n),
		.peer_id = slice_of(b.data, b.n) };
	struct conf_psk psk;
	slice k = conf_secrets_psk(s, &ask, &psk) ? psk.data : SLICE_NONE;
	snprintf(buf, sizeof buf, "%.*s", (int)k.n, (const char *)k.p);
	conf_id_fini(&a);
	conf_id_fini(&b);
	return buf;
}

Test(conf_secrets, the_best_fit_wins)
{
	struct conf_set set;
	char buf[1024];

	cr_assert_eq(conf_build("secrets {\n"
		"ike-all { secret = all }\n"
		"ike-wild { id = *.b.test\n secret = wild }\n"
		"ike-peer { id = x.b.test\n secret = peer }\n"
		"ike-both { id-1 = gw.test\n id-2 = x.b.test\n secret = both }\n"
		"ike-me { id = me.test\n secret = mine }\n"
		"ike-addr { id-1 = 10.0.0.1\n id-2 = 10.0.0.2\n secret = 0s/w== }\n"
		"ike-team { id-1 = a@b\n id-2 = b@b\n secret = team }\n"
		"ike-dn { id = \"C=CH, O=Lab, CN=*\"\n secret = dn }\n"
		"eap-1 { id = e.test\n secret = password }\n"
		"}", NULL, &set, buf, sizeof buf), 0, "%s", buf);
	struct conf_secrets *s = set.secrets;

	cr_assert_str_eq(psk(s, "gw.test", "x.b.test"), "both");
	cr_assert_str_eq(psk(s, "GW.test", "X.b.TEST"), "both");
	cr_assert_str_eq(psk(s, "other.test", "x.b.test"), "peer");
	cr_assert_str_eq(psk(s, "other.test", "y.b.test"), "wild");
	cr_assert_str_eq(psk(s, "me.test", "nobody"), "mine");
	cr_assert_str_eq(psk(s, "other.test", "nobody"), "all");
	cr_assert_str_eq(psk(s, "10.0.0.1", "10.0.0.2"), "\xff");
	cr_assert_str_eq(psk(s, "gw.test", "a@b"), "team");
	cr_assert_str_eq(psk(s, "gw.test", "C=CH, O=Lab, CN=x"), "dn");
	cr_assert_str_eq(psk(s, "gw.test", "e.test"), "all"); /* a password of EAP is no key of IKE */
	/* What names us and another peer says nothing about this one. */
	cr_assert(conf_secrets_del(s, "ike-all"));
	cr_assert_str_eq(psk(s, "a@b", "nobody"), "");
	cr_assert_str_eq(psk(s, "10.0.0.1", "10.0.0.3"), "");
	/* Only our own identity is known yet. */
	cr_assert_str_eq(psk(s, "10.0.0.1", "%any"), "\xff");
	cr_assert_not(conf_secrets_del(s, "ike-all"));
	cr_assert_eq(conf_secrets_count(s), 8);

	struct secret fresh = { 0 };
	struct conf_id owner;
	cr_assert_eq(conf_id_parse("x.b.test", &owner), 0);
	cr_assert_eq(secret_copy(&fresh, SLICE_LIT("fresh")), 0);
	cr_assert_eq(conf_secrets_add(s, "ike-peer", "IKE", &owner, 1, &fresh, NULL), 0);
	cr_assert_null(fresh.p);
	cr_assert_eq(conf_secrets_count(s), 8);
	cr_assert_str_eq(psk(s, "other.test", "x.b.test"), "fresh");
	conf_id_fini(&owner);
	size_t n = 0;
	while (conf_secrets_at(s, n))
		n++;
	cr_assert_eq(n, 8);
	conf_secrets_clear(s);
	cr_assert_eq(conf_secrets_count(s), 0);
	cr_assert_str_eq(psk(s, "gw.test", "x.b.test"), "");
	conf_set_fini(&set);
}

/* A hundred times as many connections may take a hundred times as long, not ten thousand times. */
Test(conf_store, many_connections, .timeout = 300)
{
	enum { N = 20000 };
	size_t cap = N * 260, off = 0;
	char *text = malloc(cap), buf[1024];
	struct conf_set set;
	struct conf_store *s;

	off += (size_t)snprintf(text, cap, "base { version = 2\n local { auth = psk\n id = gw.test }\n children { net { } } }\nconnections {\n");
	for (int i = 0; i < N; i++)
		off += (size_t)snprintf(text + off, cap - off, "c%d : base { remote_addrs = 10.%d.%d.%d\n remote { auth = psk\n id = p%d.test } }\n",
			i, 1 + i / 65536, i / 256 % 256, i % 256, i);
	off += (size_t)snprintf(text + off, cap - off, "}\nsecrets {\n");
	for (int i = 0; i < N; i++)
		off += (size_t)snprintf(text + off, cap - off, "ike-%d { id-a = gw.test\n id-b = p%d.test\n secret = s%d }\n", i, i, i);
	off += (size_t)snprintf(text + off, cap - off, "}\n");
	cr_assert_lt(off, cap);
	cr_assert_eq(conf_build(text, NULL, &set, buf, sizeof buf), 0, "%s", buf);
	free(text);
	cr_assert_eq(conf_store_new(&s), 0);
	cr_assert_eq(conf_store_apply(s, &set, CONF_REPLACE_ALL, NULL, NULL), 0);
	conf_set_fini(&set);
	cr_assert_eq(conf_store_count(s), N);
	for (int i = 0; i < N; i += 7) {
		char name[32], addr[32], key[32];
		snprintf(addr, sizeof addr, "10.%d.%d.%d", 1 + i / 65536, i / 256 % 256, i % 256);
		snprintf(name, sizeof name, "c%d", i);
		cr_assert_str_eq(candidates(s, "192.0.2.1", addr), name);
		snprintf(name, sizeof name, "p%d.test", i);
		snprintf(key, sizeof key, "s%d", i);
		cr_assert_str_eq(psk(conf_store_secrets(s), "gw.test", name), key);
	}
	for (int i = 0; i < N; i++) {
		char name[32];
		snprintf(name, sizeof name, "c%d", i);
		cr_assert_eq(conf_store_unload(s, name), 0);
	}
	cr_assert_eq(conf_store_count(s), 0);
	conf_store_free(s);
}
