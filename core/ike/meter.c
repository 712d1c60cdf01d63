/* SPDX-License-Identifier: Apache-2.0 */
#include "ike/meter.h"
#include "ike/child_int.h"
#include "ike/table.h"

#include <stdlib.h>

/* Numbers of the core's errors are below this; 0 is success. */
enum { RESULTS = 128, ROLES = 2 };

struct ike_meters {
	uint64_t setup[ROLES][RESULTS];
	uint64_t exchange[STORY_COUNT][ROLES][RESULTS];
};

static unsigned result_of(err_t err)
{
	unsigned n = (unsigned)err_number(err);
	return n < RESULTS ? n : (unsigned)err_number(E_INTERNAL);
}

static err_t code_of(unsigned number)
{
#define row(cls, name, num, notify, text) { num, E_##name },
	static const struct { unsigned number; err_t code; } rows[] = { ERR_ROWS(row) };
#undef row
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].number == number)
			return rows[i].code;
	return 0;
}

err_t meters_new(struct ike_engine *e)
{
	e->meters = calloc(1, sizeof *e->meters);
	return e->meters ? 0 : E_NOMEM;
}

void meters_free(struct ike_engine *e)
{
	free(e->meters);
	e->meters = NULL;
}

void meter_setup(struct ike_engine *e, const struct ike_sa *sa, err_t result)
{
	e->meters->setup[!sa->initiator][result_of(result)]++;
}

void meter_exchange(const struct ike_xch *x, err_t result)
{
	uint8_t story = x->row && x->row->story ? x->row->story : x->story;
	if (story < STORY_COUNT)
		x->e->meters->exchange[story][x->dir == XCH_RX_REQUEST][result_of(result)]++;
}

static const char *exchange_of(uint8_t story)
{
	static const uint8_t of[STORY_COUNT] = {
		[STORY_INIT] = XCHG_IKE_SA_INIT, [STORY_MORE] = XCHG_IKE_INTERMEDIATE, [STORY_AUTH] = XCHG_IKE_AUTH,
		[STORY_CHILD_NEW] = XCHG_CREATE_CHILD_SA, [STORY_CHILD_REKEY] = XCHG_CREATE_CHILD_SA,
		[STORY_IKE_REKEY] = XCHG_CREATE_CHILD_SA, [STORY_CHILD_DELETE] = XCHG_INFORMATIONAL,
		[STORY_IKE_DELETE] = XCHG_INFORMATIONAL, [STORY_INFO] = XCHG_INFORMATIONAL };
	return of[story] ? ike_exchange_name(of[story]) : "none";
}

void ike_meters_each(const struct ike_engine *e, void (*cb)(void *arg, const struct ike_meter *m), void *arg)
{
	for (unsigned role = 0; role < ROLES; role++)
		for (unsigned i = 0; i < RESULTS; i++) {
			struct ike_meter m = { .initiator = !role, .result = code_of(i), .n = e->meters->setup[role][i] };
			/* Success is told from the start, so that a rate has something to begin with. */
			if (m.n || !i)
				cb(arg, &m);
			for (uint8_t s = STORY_NONE; s < STORY_COUNT; s++) {
				m.exchange = exchange_of(s);
				m.story = ike_story_name(s);
				m.n = e->meters->exchange[s][role][i];
				if (m.n || (!i && s != STORY_NONE))
					cb(arg, &m);
			}
		}
}

/* ---- traffic ---------------------------------------------------------------------------------------------------------- */

bool meter_usage(struct ike_engine *e, struct child_sa *c, uint8_t dir, struct kern_usage *out)
{
	bool o = dir == KERN_OUT;
	struct child_seen *seen = &c->seen[o];
	*out = (struct kern_usage){ .use_time_s = UINT64_MAX };
	bool told = e->env.kern_usage && (c->flags & (o ? CHILD_OUT : CHILD_IN)) &&
		    !e->env.kern_usage(e->env.arg, dir, o ? c->spi_out : c->spi_in, o ? &c->sa->remote : &c->sa->local, out);
	if (told && out->bytes >= seen->bytes)
		*seen = (struct child_seen){ out->bytes, out->packets };
	out->bytes = seen->bytes;
	out->packets = seen->packets;
	return told || seen->packets;
}

void ike_traffic_add(struct ike_traffic *t, const struct kern_usage *u, bool out)
{
	*(out ? &t->bytes_out : &t->bytes_in) += u->bytes;
	*(out ? &t->packets_out : &t->packets_in) += u->packets;
	t->replay_drops += u->replay_drops;
	t->icv_fails += u->icv_fails;
	t->policy_drops += u->policy_drops;
	t->other_drops += u->other_drops;
}

void meter_traffic(struct ike_engine *e, struct child_sa *c, uint8_t dir)
{
	struct kern_usage u;
	if (!meter_usage(e, c, dir, &u))
		return;
	struct ike_traffic *rows[] = { counts_traffic(e, NULL), counts_traffic(e, c->conn->name) };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i])
			ike_traffic_add(rows[i], &u, dir == KERN_OUT);
	c->seen[dir == KERN_OUT] = (struct child_seen){ 0 };
}

err_t ike_traffic_gone(const struct ike_engine *e, const char *conn, struct ike_traffic *out)
{
	const struct ike_traffic *t = counts_traffic((struct ike_engine *)(uintptr_t)e, conn);
	*out = t ? *t : (struct ike_traffic){ 0 };
	return t ? 0 : E_NOT_FOUND;
}
