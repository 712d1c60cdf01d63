/* SPDX-License-Identifier: Apache-2.0 */
#include "config/pool.h"

#include "base/rdwr.h"
#include "config/schema.h"
#include "config/typed_int.h"

#include <stdlib.h>

enum { HOST_BITS_MAX = 31, ATTR_MAX = 64, ATTR_TYPE_MAX = 32767 };

/* What the words stand for: numbers of the attribute for IPv4 and IPv6, 0 none. `net` takes prefixes. */
static const struct {
	const char *name;
	uint16_t v4, v6;
	bool net;
} words[] = {
	{ "dns", 3, 10, false },
	{ "nbns", 4, 11, false },
	{ "dhcp", 6, 12, false },
	{ "netmask", 2, 0, false },
	{ "server", 23456, 23457, false },
	{ "subnet", 13, 15, true },
	{ "split_include", 28676, 0, true },
	{ "split_exclude", 28677, 0, true },
};

void conf_pool_free(struct conf_pool *p)
{
	if (!p)
		return;
	for (uint16_t i = 0; i < p->n_attrs; i++)
		free(p->attrs[i].data);
	free(p->attrs);
	free(p->name);
	free(p->base);
	free(p);
}

/* ---- addresses as numbers --------------------------------------------------------------------------------------- */

/* Only the last 64 bits count: no pool is larger. */
static uint64_t low_bits(const uint8_t *a, size_t n)
{
	uint64_t v = 0;

	for (size_t i = n > 8 ? n - 8 : 0; i < n; i++)
		v = v << 8 | a[i];
	return v;
}

struct net_addr conf_pool_at(const struct conf_pool *p, uint64_t at)
{
	struct net_addr a = p->first;
	size_t n = net_addr_len(a.family), carry_from = n > 8 ? n - 8 : 0;
	uint64_t v = low_bits(a.a, n) + at;

	for (size_t i = n; i-- > carry_from; v >>= 8)
		a.a[i] = (uint8_t)v;
	return a;
}

bool conf_pool_place(const struct conf_pool *p, const struct net_addr *a, uint64_t *at)
{
	size_t n = net_addr_len(p->first.family), high = n > 8 ? n - 8 : 0;

	if (!n || a->family != p->first.family || memcmp(a->a, p->first.a, high) != 0)
		return false;
	*at = low_bits(a->a, n) - low_bits(p->first.a, n);
	return *at < p->size;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static err_t read_addrs(const struct conf_node *n, struct conf_pool *p, struct diag **why)
{
	struct ts_sel t;
	char addr[NET_ADDR_TEXT];

	if (n->kind != CONF_VALUE || ts_parse(n->text, &t) || t.proto || t.port_lo || t.port_hi != 65535)
		return conf_node_fail(n, true, why, E_BAD_VALUE, "'addrs': a prefix (10.3.0.0/24) or a range "
			"(10.3.0.10-10.3.0.99) is expected");
	size_t len = net_addr_len(t.family), high = len > 8 ? len - 8 : 0;
	if (memcmp(t.lo, t.hi, high) != 0 && strchr(n->text, '-'))
		return conf_node_fail(n, true, why, E_BAD_VALUE, "'addrs': the range is too large");
	uint64_t size = memcmp(t.lo, t.hi, high) ? UINT64_MAX : low_bits(t.hi, len) - low_bits(t.lo, len) + 1;
	p->first.family = t.family;
	memcpy(p->first.a, t.lo, sizeof t.lo);
	p->base = strdup(net_addr_text(&p->first, false, addr));
	if (!size || size > UINT64_C(1) << HOST_BITS_MAX)
		size = UINT64_C(1) << HOST_BITS_MAX;
	if (!strchr(n->text, '-') && size > 2) {
		/* The network's own address and that of all its hosts. */
		p->size = size;
		p->first = conf_pool_at(p, 1);
		size -= 2;
	}
	p->size = size;
	return p->base ? 0 : E_NOMEM;
}

static err_t attr_add(struct conf_pool *p, uint16_t type, slice data)
{
	struct conf_pool_attr *v = realloc(p->attrs, (p->n_attrs + 1u) * sizeof *v);

	if (!v)
		return E_NOMEM;
	p->attrs = v;
	uint8_t *copy = malloc(data.n ? data.n : 1);
	if (!copy)
		return E_NOMEM;
	if (data.n)
		memcpy(copy, data.p, data.n);
	v[p->n_attrs++] = (struct conf_pool_attr){ type, (uint16_t)data.n, copy };
	return 0;
}

static uint8_t prefix_len(const struct ts_sel *t)
{
	uint8_t bits = 0;

	for (size_t i = 0; i < net_addr_len(t->family) * 8; i++)
		bits = (uint8_t)(bits + !((t->lo[i / 8] ^ t->hi[i / 8]) >> (7 - i % 8) & 1));
	return bits;
}

/* The body of an attribute: an address, or a network as address and mask (IPv4) or prefix length (IPv6). */
static slice attr_body(const struct ts_sel *t, bool net, uint8_t buf[32])
{
	size_t n = net_addr_len(t->family);
	struct wr w = wr_of(buf, 32);

	wr_bytes(&w, slice_of(t->lo, n));
	if (net && t->family == NET_V4)
		for (size_t i = 0; i < n; i++)
			wr_u8(&w, (uint8_t)~(t->lo[i] ^ t->hi[i]));
	else if (net)
		wr_u8(&w, prefix_len(t));
	return wr_done(&w);
}

static err_t read_attr(const struct conf_node *n, struct conf_pool *p, struct diag **why)
{
	struct conf_items it = { 0 };
	char *end, text[256];
	size_t word = 0;
	err_t e = 0;

	while (word < ARRAY_LEN(words) && strcmp(words[word].name, n->name) != 0)
		word++;
	unsigned long number = strtoul(n->name, &end, 10);
	if (word == ARRAY_LEN(words) && (*end || end == n->name || !number || number > ATTR_TYPE_MAX))
		return conf_node_fail(n, false, why, E_UNKNOWN_KEY, "'%s' is no attribute of a pool: dns, nbns, dhcp, netmask, server, "
			"subnet, split_include, split_exclude or a number", n->name);
	while (!e && conf_items_next(n, &it)) {
		struct ts_sel t;
		uint8_t buf[32];
		if (p->n_attrs == ATTR_MAX)
			return conf_node_fail(n, false, why, E_LIMIT, "a pool has at most %d attributes", ATTR_MAX);
		bool fits = it.text.n < sizeof text;
		if (fits) {
			memcpy(text, it.text.p, it.text.n);
			text[it.text.n] = 0;
		}
		bool parsed = fits && ts_parse(text, &t) == 0 && !t.proto;
		if (word == ARRAY_LEN(words)) {
			/* By number: an address or a network when it looks like one, else the text. */
			bool host = parsed && memcmp(t.lo, t.hi, sizeof t.lo) == 0 && !strchr(text, '/');
			e = attr_add(p, (uint16_t)number, parsed ? attr_body(&t, !host, buf) : it.text);
			continue;
		}
		bool host = parsed && memcmp(t.lo, t.hi, sizeof t.lo) == 0;
		uint16_t type = !parsed ? 0 : t.family == NET_V6 ? words[word].v6 : words[word].v4;
		if (!type || (!words[word].net && !host))
			return conf_node_fail(n, true, why, E_BAD_VALUE, "'%s': %s is expected", n->name,
				words[word].net ? "a network (10.0.0.0/8)" : "an address");
		e = attr_add(p, type, attr_body(&t, words[word].net, buf));
	}
	return e;
}

static err_t read_pool(const struct conf_node *section, bool addrs, struct conf_pool **out, struct diag **why)
{
	struct conf_pool *p = calloc(1, sizeof *p);
	err_t first = 0;

	*out = NULL;
	if (!p)
		return E_NOMEM;
	p->name = strdup(section->name);
	if (!p->name)
		first = E_NOMEM;
	for (const struct conf_node *n = section->first; n; n = n->next) {
		err_t e = addrs && strcmp(n->name, "addrs") == 0 ? read_addrs(n, p, why) : read_attr(n, p, why);
		first = first ? first : e;
	}
	if (!first && addrs && !p->base)
		first = conf_node_fail(section, false, why, E_BAD_VALUE, "pool '%s' has no 'addrs'", section->name);
	if (first)
		conf_pool_free(p);
	else
		*out = p;
	return first;
}

err_t conf_pool_from(const struct conf_node *section, struct conf_pool **out, struct diag **why)
{
	return read_pool(section, true, out, why);
}

err_t conf_attributes_from(const struct conf_node *section, struct conf_pool **out, struct diag **why)
{
	return read_pool(section, false, out, why);
}

err_t conf_pools_from(const struct conf_node *pools, struct conf_pool ***out, struct diag **why)
{
	struct conf_pool **v = calloc((pools ? conf_node_count(pools) : 0) + 1, sizeof *v);
	size_t at = 0;
	err_t first = v ? 0 : E_NOMEM;

	for (const struct conf_node *n = pools && v ? pools->first : NULL; n; n = n->next) {
		err_t e = n->kind != CONF_SECTION ? conf_node_fail(n, false, why, E_BAD_VALUE, "'%s' is a pool: '{' is expected behind it",
			n->name) : conf_pool_from(n, &v[at], why);
		at += !e;
		first = first ? first : e;
	}
	if (first) {
		while (at > 0)
			conf_pool_free(v[--at]);
		free(v);
		v = NULL;
	}
	*out = v;
	return first;
}
