/* SPDX-License-Identifier: Apache-2.0 */
#include "ike/counts.h"
#include "ike/meter.h"

#include <stdlib.h>

/* Connections that have counters of their own; beyond that only the sum is counted. */
#define COUNTS_MAX 65536

struct count_row {
	char *name; /* NULL: all connections together */
	uint64_t v[IKE_COUNT_END];
	struct ike_traffic gone;
};

struct ike_counts {
	struct count_row **v;
	uint32_t n, cap;
	struct htab *by_name; /* hashed name -> index */
	struct count_row all;
};

static const char *const names[IKE_COUNT_END] = {
	"ike-rekey-init", "ike-rekey-resp", "child-rekey", "invalid", "invalid-spi", "ike-init-in-req", "ike-init-in-resp",
	"ike-init-out-req", "ike-init-out-resp", "ike-auth-in-req", "ike-auth-in-resp", "ike-auth-out-req", "ike-auth-out-resp",
	"create-child-in-req", "create-child-in-resp", "create-child-out-req", "create-child-out-resp", "info-in-req",
	"info-in-resp", "info-out-req", "info-out-resp",
};

const char *ike_count_name(enum ike_count c)
{
	return (unsigned)c < IKE_COUNT_END ? names[c] : NULL;
}

err_t counts_new(struct ike_engine *e)
{
	e->counts = calloc(1, sizeof *e->counts);
	if (!e->counts)
		return E_NOMEM;
	e->counts->by_name = htab_new(8, e->seed);
	return e->counts->by_name ? 0 : E_NOMEM;
}

void counts_free(struct ike_engine *e)
{
	struct ike_counts *c = e->counts;

	if (!c)
		return;
	for (uint32_t i = 0; i < c->n; i++) {
		free(c->v[i]->name);
		free(c->v[i]);
	}
	free(c->v);
	htab_free(c->by_name);
	free(c);
	e->counts = NULL;
}

static struct count_row *row_find(const struct ike_engine *e, const char *conn)
{
	struct ike_counts *c = e->counts;
	uint64_t key = siphash(e->seed, slice_str(conn)), cursor = 0, v;

	while (htab_find_next(c->by_name, slice_of(&key, sizeof key), &cursor, &v))
		if (strcmp(c->v[v]->name, conn) == 0)
			return c->v[v];
	return NULL;
}

static struct count_row *row_make(struct ike_engine *e, const char *conn)
{
	struct ike_counts *c = e->counts;
	uint64_t key = siphash(e->seed, slice_str(conn));

	if (c->n == c->cap) {
		uint32_t cap = c->cap ? c->cap * 2 : 16;
		struct count_row **v = cap <= COUNTS_MAX ? realloc(c->v, cap * sizeof(struct count_row *)) : NULL;
		if (!v)
			return NULL;
		c->v = v;
		c->cap = cap;
	}
	struct count_row *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->name = (char *)mem_dup(slice_of(conn, strlen(conn) + 1));
	if (!r->name || htab_add_multi(c->by_name, slice_of(&key, sizeof key), c->n)) {
		free(r->name);
		free(r);
		return NULL;
	}
	c->v[c->n++] = r;
	return r;
}

void ike_count(struct ike_engine *e, const struct ike_sa *sa, enum ike_count c)
{
	e->counts->all.v[c]++;
	/* Before the peer has said who it is, the connection of a responder is a guess. */
	if (!sa || !sa->conn || (!sa->initiator && !sa->established_ms && !sa->remote_id.type))
		return;
	struct count_row *r = row_find(e, sa->conn->name);
	if (!r)
		r = row_make(e, sa->conn->name);
	if (r)
		r->v[c]++;
}

struct ike_traffic *counts_traffic(struct ike_engine *e, const char *conn)
{
	struct count_row *r = conn ? row_find(e, conn) : &e->counts->all;
	return r ? &r->gone : NULL;
}

err_t ike_counts(const struct ike_engine *e, const char *conn, uint64_t out[IKE_COUNT_END])
{
	const struct count_row *r = conn ? row_find(e, conn) : &e->counts->all;

	if (!r)
		return E_NOT_FOUND;
	memcpy(out, r->v, sizeof r->v);
	return 0;
}

const char *ike_counts_next(const struct ike_engine *e, uint32_t *cursor)
{
	return *cursor < e->counts->n ? e->counts->v[(*cursor)++]->name : NULL;
}

void ike_counts_reset(struct ike_engine *e, const char *conn)
{
	struct count_row *r = conn ? row_find(e, conn) : &e->counts->all;

	if (r)
		memset(r->v, 0, sizeof r->v);
}
