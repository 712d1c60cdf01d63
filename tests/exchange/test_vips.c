/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual addresses between two engines: asked for and given in IKE_AUTH, in selectors, across rekeyings, given back at the
 * end; the same identity gets the same address again; pools that are used up, missing, changed under living SAs.
 */
#include "ike/pool.h"
#include "tests/exchange/one_lab.h"

static char pool_name[] = "road", pool6_name[] = "road6", any4[] = "0.0.0.0", any6[] = "::", fixed[] = "10.9.0.7";
static char *vips4[] = { any4, NULL }, *vips46[] = { any4, any6, NULL }, *vips_fixed[] = { fixed, NULL };
static char *pools[] = { pool_name, pool6_name, NULL };
static struct conf_ts dynamic = { .dynamic = true, .sel = { .port_hi = 65535 } };
static struct conf_ts inside;

static struct conf_pool *pool(const char *name, const char *first, uint64_t size)
{
	struct conf_pool *p = calloc(1, sizeof *p);

	p->name = strdup(name);
	p->base = strdup(first);
	CHECK(net_addr_parse(first, &p->first) == 0, "address");
	p->size = size;
	p->attrs = calloc(1, sizeof *p->attrs);
	p->attrs[0] = (struct conf_pool_attr){ 3, 4, malloc(4) };
	memcpy(p->attrs[0].data, "\x0a\x09\0\x35", 4);
	p->n_attrs = 1;
	return p;
}

static void pools_are(struct conf_pool *a, struct conf_pool *b)
{
	struct conf_pool *v[] = { a, b, NULL };

	ike_pools_set(lab.n[1].e, v);
}

/* A asks, B gives out of 10.9.0.1 to 10.9.0.<size>. */
static void road(char **vips, uint64_t size)
{
	CHECK(ts_parse("10.2.0.0/16", &inside.sel) == 0, "selector");
	lab.n[0].conn.vips = vips;
	lab.n[1].conn.pools = pools;
	lab.n[0].kids[0].local_ts = lab.n[1].kids[0].remote_ts = &dynamic;
	lab.n[0].kids[0].remote_ts = lab.n[1].kids[0].local_ts = &inside;
	pools_are(pool(pool_name, "10.9.0.1", size), pool(pool6_name, "fd09::1", size));
}

static bool online(const char *name, uint64_t on, uint64_t off)
{
	struct arena a;
	const struct ike_pool_view *v = NULL;
	bool ok = false;

	arena_init(&a, 1 << 20);
	while ((v = ike_pool_next(lab.n[1].e, v ? v->name : NULL, &a)))
		if (strcmp(v->name, name) == 0)
			ok = v->online == on && v->offline == off;
	arena_fini(&a);
	return ok;
}

/* The virtual address of A as both sides, the host and the selectors have it. */
static void has(const char *text)
{
	struct net_addr want;
	struct arena a;
	char buf[NET_ADDR_TEXT] = "-";

	arena_init(&a, 1 << 20);
	CHECK(net_addr_parse(text, &want) == 0, "address");
	const struct ike_view *v = view(0, &a), *w = view(1, &a);
	CHECK(v && v->n_local_vips && net_addr_same(&v->local_vips[0], &want), "A has %s, not %s",
		v && v->n_local_vips ? net_addr_text(&v->local_vips[0], false, buf) : "-", text);
	CHECK(w && w->n_remote_vips && net_addr_same(&w->remote_vips[0], &want), "B gave another");
	CHECK(lab.n[0].n_vips && net_addr_same(&lab.n[0].vips[0], &want), "the host does not have it");
	for (uint16_t i = 0; v && i < v->n_children; i++)
		CHECK(memcmp(v->children[i].local_ts[0].lo, want.a, 4) == 0 && memcmp(v->children[i].local_ts[0].hi, want.a, 4) == 0,
			"selectors of A");
	for (uint16_t i = 0; w && i < w->n_children; i++)
		CHECK(memcmp(w->children[i].remote_ts[0].lo, want.a, 4) == 0, "selectors of B");
	arena_fini(&a);
}

static void down(void)
{
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 90, .ike = "c" });
	lab_run(&lab, 2000);
	lab_converged(&lab, 0, 0);
	CHECK(lab.n[0].n_vips == 0, "the host keeps its virtual address");
	lab.n[0].n_replies = 0;
}

static void life(void)
{
	road(vips4, 10);
	CHECK(lab_up(&lab), "no tunnel");
	has("10.9.0.1");
	CHECK(online(pool_name, 1, 0) && online(pool6_name, 0, 0), "leases");
	for (int node = 0; node < 2; node++) {
		lab_do(&lab, node, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 5 + (unsigned)node, .ike = "c" });
		lab_run(&lab, 3000);
		lab_do(&lab, node, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 7 + (unsigned)node, .child = "k" });
		lab_run(&lab, 20000);
		lab_converged(&lab, 1, 1);
		has("10.9.0.1");
		CHECK(online(pool_name, 1, 0) && lab.n[0].n_vips == 1, "a rekeying takes a second lease");
	}
	down();
	CHECK(online(pool_name, 0, 1), "the lease does not end");
	CHECK(lab_up(&lab), "no tunnel");
	has("10.9.0.1");
	CHECK(online(pool_name, 1, 0), "the lease of before is not used again");
	down();
}

static void both_families(void)
{
	struct arena a;

	road(vips46, 10);
	CHECK(lab_up(&lab), "no tunnel");
	arena_init(&a, 1 << 20);
	const struct ike_view *v = view(0, &a);
	CHECK(v && v->n_local_vips == 2 && v->local_vips[1].family == NET_V6, "no IPv6 address");
	arena_fini(&a);
	CHECK(online(pool_name, 1, 0) && online(pool6_name, 1, 0) && lab.n[0].n_vips == 2, "leases");
	down();
}

static void wanted(void)
{
	road(vips_fixed, 10);
	CHECK(lab_up(&lab), "no tunnel");
	has("10.9.0.7");
	down();
	/* One that the pool does not have: another one. */
	pools_are(pool(pool_name, "10.77.0.1", 4), NULL);
	CHECK(!lab_ikes(&lab, 0, NULL), "an SA is left");
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 1, .ike = "c", .child = "k" });
	lab_run(&lab, 1000);
	struct arena a;
	arena_init(&a, 1 << 20);
	const struct ike_view *v = view(1, &a);
	CHECK(v && v->n_remote_vips == 1 && v->remote_vips[0].a[1] == 77, "no other address was given");
	arena_fini(&a);
}

/* No address: the IKE SA stands, its child does not, and both sides say why. */
static void none(void)
{
	for (int way = 0; way < 3; way++) {
		lab_fini(&lab);
		if (!lab_init(&lab, 5, true, false))
			exit(1);
		road(vips4, 1);
		if (way == 0)
			lab.n[1].conn.pools = NULL;
		else if (way == 1)
			pools_are(NULL, NULL);
		else {
			struct net_addr any = { .family = NET_V4 }, got;
			struct ike_id other = { (uint8_t *)(uintptr_t)"other", 5, 2 };
			uint64_t at;
			CHECK(pool_acquire(lab.n[1].e, pool_find(lab.n[1].e, pool_name), &other, &any, &got, &at) == 0, "no lease");
		}
		lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 1, .ike = "c", .child = "k" });
		lab_run(&lab, 1000);
		const struct lab_reply *r = lab_reply(&lab, 0, 1);
		CHECK(r && r->err && strstr(r->text, "INTERNAL_ADDRESS_FAILURE"), "way %d: %s", way, r ? r->text : "no reply");
		CHECK(lab_ikes(&lab, 0, "ESTABLISHED") == 1 && lab_children(&lab, 0, NULL) == 0 && lab_children(&lab, 1, NULL) == 0,
			"way %d: SAs", way);
	}
}

/* Leases as such: all of a pool, the longest unused first, two SAs of one identity. */
static void leases(void)
{
	struct net_addr any = { .family = NET_V4 }, got;
	uint64_t at[300];

	road(vips4, 200);
	struct ike_engine *e = lab.n[1].e;
	struct ike_pool *p = pool_find(e, pool_name);
	for (unsigned i = 0; i < 200; i++) {
		char id[16];
		snprintf(id, sizeof id, "peer%u", i);
		struct ike_id who = { (uint8_t *)id, (uint16_t)strlen(id), 2 };
		CHECK(pool_acquire(e, p, &who, &any, &got, &at[i]) == 0 && at[i] == i, "lease %u", i);
	}
	struct ike_id late = { (uint8_t *)(uintptr_t)"late", 4, 2 }, peer5 = { (uint8_t *)(uintptr_t)"peer5", 5, 2 };
	CHECK(pool_acquire(e, p, &late, &any, &got, &at[200]) == E_FULL, "more leases than addresses");
	pool_release(e, p, at[5]);
	pool_release(e, p, at[7]);
	pool_release(e, p, at[7]); /* once too often */
	CHECK(online(pool_name, 198, 2), "online and offline");
	CHECK(pool_acquire(e, p, &peer5, &any, &got, &at[5]) == 0 && at[5] == 5, "not its address of before");
	CHECK(pool_acquire(e, p, &late, &any, &got, &at[200]) == 0 && at[200] == 7, "not the one that is idle");
	/* The same address once more, while a new SA of the same identity takes over. */
	CHECK(pool_acquire(e, p, &peer5, &(struct net_addr){ .family = NET_V4, .a = { 10, 9, 0, 6 } }, &got, &at[201]) == 0 &&
		at[201] == 5, "the identity does not get its own address twice");
	pool_release(e, p, 5);
	CHECK(online(pool_name, 200, 0), "gone with the first of two");
	/* Another range under the same name: fresh leases; the old ones can still be given back. */
	pools_are(pool(pool_name, "10.10.0.1", 4), NULL);
	CHECK(online(pool_name, 0, 0), "leases of another range");
	for (unsigned i = 0; i < 200; i++)
		if (i != 7)
			pool_release(e, p, i);
	pool_release(e, p, 7);
}

static const struct lab_test tests[] = {
	{ "asked for, given, rekeyed, given back, given again", life },
	{ "IPv4 and IPv6", both_families },
	{ "a certain address", wanted },
	{ "no address", none },
	{ "leases", leases },
};

int main(int argc, char **argv)
{
	return lab_tests_run(tests, ARRAY_LEN(tests), 0, argc, argv);
}
