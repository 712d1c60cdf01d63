/* SPDX-License-Identifier: Apache-2.0 */
/* What the API server asks an engine for, answered without one: any number of equal SAs. */
#include "tests/unit/fake_engine.h"

uint32_t fake_sas;

const struct ike_view *ike_view_next(struct ike_engine *e, uint64_t now_ms, uint32_t *cursor, struct arena *a)
{
	(void)e;
	(void)now_ms;
	if (*cursor >= fake_sas)
		return NULL;
	struct ike_view *v = arena_get(a, sizeof *v);
	struct ike_child_view *c = arena_get(a, sizeof *c);
	*c = (struct ike_child_view){ .unique = *cursor + 1, .name = "net", .state = "INSTALLED", .reqid = 1, .mode = 1,
				      .proto = 50, .spi_in = 0xc0000001, .spi_out = 0xc0000002, .encr = 20, .encr_bits = 128,
				      .rekey_in_s = 3000, .life_in_s = 3960, .has_usage = true };
	c->in.bytes = 252;
	c->in.packets = 3;
	*v = (struct ike_view){ .unique = *cursor + 1, .conn = "gw", .version = 2, .state = "ESTABLISHED",
				.initiator = true, .spi_i = 1, .spi_r = 2, .children = c, .n_children = 1,
				.suite = { .encr = 12, .encr_bits = 256, .integ = 12, .prf = 5, .ke = 31 } };
	++*cursor;
	return v;
}

const struct ike_policy_view *ike_policy_next(struct ike_engine *e, uint32_t *cursor, struct arena *a)
{
	(void)e;
	(void)cursor;
	(void)a;
	return NULL;
}

const char *ike_count_name(enum ike_count c)
{
	(void)c;
	return "ike-rekey-init";
}

err_t ike_counts(const struct ike_engine *e, const char *conn, uint64_t out[IKE_COUNT_END])
{
	(void)e;
	memset(out, 0, sizeof(uint64_t) * IKE_COUNT_END);
	return conn ? E_NOT_FOUND : 0;
}

const char *ike_counts_next(const struct ike_engine *e, uint32_t *cursor)
{
	(void)e;
	(void)cursor;
	return NULL;
}

void ike_counts_reset(struct ike_engine *e, const char *conn)
{
	(void)e;
	(void)conn;
}

void ike_stats_get(const struct ike_engine *e, struct ike_stats *out)
{
	(void)e;
	*out = (struct ike_stats){ .ike_sas = fake_sas, .children = fake_sas };
}

void ike_sa_walk(struct ike_engine *e, void (*cb)(void *arg, const struct ike_sa_brief *sa), void *arg)
{
	(void)e;
	(void)cb;
	(void)arg;
}

void ike_meters_each(const struct ike_engine *e, void (*cb)(void *arg, const struct ike_meter *m), void *arg)
{
	struct ike_meter m = { .initiator = true, .n = 7 };
	(void)e;
	cb(arg, &m);
}

void ike_traffic_add(struct ike_traffic *t, const struct kern_usage *u, bool out)
{
	*(out ? &t->bytes_out : &t->bytes_in) += u->bytes;
}

err_t ike_traffic_gone(const struct ike_engine *e, const char *conn, struct ike_traffic *out)
{
	(void)e;
	(void)conn;
	*out = (struct ike_traffic){ .bytes_in = 5 };
	return 0;
}

const struct ike_pool_view *ike_pool_next(struct ike_engine *e, const char *after, struct arena *a)
{
	static const struct ike_pool_view pool = { "road", "10.3.0.0", 254, 1, 1 };
	(void)e, (void)a;
	return after ? NULL : &pool;
}

const struct ike_lease_view *ike_lease_next(struct ike_engine *e, const char *pool, uint32_t *cursor, struct arena *a)
{
	static const struct ike_lease_view leases[] = {
		{ { .family = NET_V4, .a = { 10, 3, 0, 1 } }, 2, { (const uint8_t *)"a.test", 6 }, true },
		{ { .family = NET_V4, .a = { 10, 3, 0, 2 } }, 2, { (const uint8_t *)"b.test", 6 }, false },
	};
	(void)e, (void)pool, (void)a;
	return *cursor < 2 ? &leases[(*cursor)++] : NULL;
}
