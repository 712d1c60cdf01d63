/* SPDX-License-Identifier: Apache-2.0 */
/* Pools of virtual addresses: what their configuration means, and what is refused. */
#include "config/parse.h"
#include "config/pool.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static err_t pool_of(const char *body, struct conf_pool **out, char *text, size_t cap)
{
	struct conf_node *root = NULL;
	struct diag *why = NULL;
	char buf[1024];

	snprintf(buf, sizeof buf, "pools { p { %s } }", body);
	*out = NULL;
	cr_assert_eq(conf_parse_text(slice_str(buf), "t.conf", NULL, &root, &why), 0);
	err_t e = conf_pool_from(conf_node_at(root, "pools.p"), out, &why);
	if (why)
		diag_text(why, e, text, cap);
	else
		*text = 0;
	diag_free(&why);
	conf_node_free(&root);
	return e;
}

static const char *addr(const struct conf_pool *p, uint64_t at)
{
	static char buf[NET_ADDR_TEXT];
	struct net_addr a = conf_pool_at(p, at);

	return net_addr_text(&a, false, buf);
}

Test(pool, addresses)
{
	static const struct {
		const char *addrs, *base, *first, *last;
		uint64_t size;
	} v[] = {
		{ "10.3.0.0/24", "10.3.0.0", "10.3.0.1", "10.3.0.254", 254 },
		{ "10.3.255.0/23", "10.3.254.0", "10.3.254.1", "10.3.255.254", 510 },
		{ "10.3.0.4/31", "10.3.0.4", "10.3.0.4", "10.3.0.5", 2 },
		{ "10.3.0.7/32", "10.3.0.7", "10.3.0.7", "10.3.0.7", 1 },
		{ "10.3.0.10-10.3.1.9", "10.3.0.10", "10.3.0.10", "10.3.1.9", 256 },
		{ "fd00:1::/120", "fd00:1::", "fd00:1::1", "fd00:1::fe", 254 },
		{ "fd00:1::/64", "fd00:1::", "fd00:1::1", "fd00:1::7fff:fffe", (UINT64_C(1) << 31) - 2 },
		{ "0.0.0.0/0", "0.0.0.0", "0.0.0.1", "127.255.255.254", (UINT64_C(1) << 31) - 2 },
	};
	char text[300], body[100];

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct conf_pool *p;
		uint64_t at = 99;
		snprintf(body, sizeof body, "addrs = %s", v[i].addrs);
		cr_assert_eq(pool_of(body, &p, text, sizeof text), 0, "%s: %s", v[i].addrs, text);
		cr_expect_str_eq(p->base, v[i].base);
		cr_expect_eq(p->size, v[i].size, "%s: %llu", v[i].addrs, (unsigned long long)p->size);
		cr_expect_str_eq(addr(p, 0), v[i].first);
		cr_expect_str_eq(addr(p, p->size - 1), v[i].last);
		struct net_addr last = conf_pool_at(p, p->size - 1), behind = conf_pool_at(p, p->size);
		cr_expect(conf_pool_place(p, &last, &at) && at == p->size - 1);
		cr_expect_not(conf_pool_place(p, &behind, &at));
		conf_pool_free(p);
	}
}

Test(pool, attributes)
{
	struct conf_pool *p;
	char text[300];

	cr_assert_eq(pool_of("addrs = 10.3.0.0/24\ndns = 10.3.0.53, fd00::53\nsubnet = 10.0.0.0/8, fd00::/16\nsplit_include = 10.1.0.0/16\n"
		"25 = example.org\n20 = 10.3.0.9\n", &p, text, sizeof text), 0, "%s", text);
	static const struct {
		uint16_t type, n;
		const char *data;
	} want[] = {
		{ 3, 4, "\x0a\x03\0\x35" },
		{ 10, 16, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x53" },
		{ 13, 8, "\x0a\0\0\0\xff\0\0\0" },
		{ 15, 17, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10" },
		{ 28676, 8, "\x0a\x01\0\0\xff\xff\0\0" },
		{ 25, 11, "example.org" },
		{ 20, 4, "\x0a\x03\0\x09" },
	};
	cr_assert_eq(p->n_attrs, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		cr_expect(p->attrs[i].type == want[i].type && p->attrs[i].n == want[i].n &&
			memcmp(p->attrs[i].data, want[i].data, want[i].n) == 0, "attribute %zu", i);
	conf_pool_free(p);
}

Test(pool, wrong_ones)
{
	static const struct {
		const char *body, *says;
	} v[] = {
		{ "dns = 10.0.0.1", "no 'addrs'" },
		{ "addrs = 10.0.0", "a prefix (10.3.0.0/24) or a range" },
		{ "addrs = 10.0.0.0/24[tcp/80]", "a prefix (10.3.0.0/24) or a range" },
		{ "addrs = 10.0.0.0/24\ndns = nowhere", "'dns': an address is expected" },
		{ "addrs = 10.0.0.0/24\ndns = 10.0.0.0/8", "'dns': an address is expected" },
		{ "addrs = 10.0.0.0/24\nnetmask = fd00::1", "'netmask': an address is expected" },
		{ "addrs = 10.0.0.0/24\nsubnet = x", "'subnet': a network" },
		{ "addrs = 10.0.0.0/24\ndsn = 10.0.0.1", "'dsn' is no attribute of a pool" },
		{ "addrs = 10.0.0.0/24\n99999 = x", "'99999' is no attribute of a pool" },
	};
	struct conf_pool *p;
	char text[400];

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		cr_expect_neq(pool_of(v[i].body, &p, text, sizeof text), 0, "%s", v[i].body);
		cr_expect_null(p);
		cr_expect(strstr(text, v[i].says), "%s: %s", v[i].body, text);
	}
}
