/* SPDX-License-Identifier: Apache-2.0 */
/* The list of effects: everything of it lives in one arena. */
#include "ike/engine_int.h"

/* One call of the engine emits a few datagrams; a shutdown of many SAs is spread by the caller's resets. */
#define FX_LIMIT_BYTES ((size_t)256 << 20)

static COUNTER(c_lost, "ike.fx.lost", "effects that did not fit in the list");

void fx_init(struct fx_list *l)
{
	arena_init(&l->arena, FX_LIMIT_BYTES);
	l->head = NULL;
	l->tail = &l->head;
}

/* Keys of kernel operations are the only secrets in the list; events hold references. */
static void let_go(struct fx_list *l)
{
	for (struct fx *f = l->head; f; f = f->next) {
		if (f->type == FX_EVENT)
			conf_conn_unref(&f->event.conn);
		for (size_t i = 0; f->type == FX_KERNEL && i < f->kernel.n; i++) {
			struct kern_op *op = &f->kernel.ops[i];
			if (op->verb != KERN_SA_ADD)
				continue;
			mem_wipe((void *)op->sa.encr_key.p, op->sa.encr_key.n);
			mem_wipe((void *)op->sa.integ_key.p, op->sa.integ_key.n);
		}
	}
}

void fx_reset(struct fx_list *l)
{
	let_go(l);
	arena_reset(&l->arena);
	l->head = NULL;
	l->tail = &l->head;
}

void fx_fini(struct fx_list *l)
{
	let_go(l);
	arena_fini(&l->arena);
	l->head = NULL;
	l->tail = &l->head;
}

struct fx *fx_add(struct ike_engine *e, uint8_t type)
{
	struct fx *f = arena_get(&e->fx->arena, sizeof *f);

	if (!f) {
		count_inc(&c_lost);
		return NULL;
	}
	f->type = type;
	*e->fx->tail = f;
	e->fx->tail = &f->next;
	return f;
}

void fx_send(struct ike_engine *e, const struct net_addr *local, const struct net_addr *remote, uint8_t dscp, slice data)
{
	slice copy = arena_slice(&e->fx->arena, data);

	if (!copy.p) {
		count_inc(&c_lost);
		return;
	}
	struct fx *f = fx_add(e, FX_SEND);
	if (!f)
		return;
	f->send.local = *local;
	f->send.remote = *remote;
	f->send.data = copy;
	f->send.dscp = dscp;
}
