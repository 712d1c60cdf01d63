/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a child SA gets of the kernel's numbers: its reqid, and marks and interface ids of its own (%unique), which are
 * made of the reqid, because that is unique, stays over a rekey and is shared with the trap.
 */
#include "ike/child_int.h"

enum { OUT_BIT = 1u << 31 };

static uint32_t own(uint32_t value, uint32_t reqid, uint8_t dir)
{
	if (value == CONF_UNIQUE_VALUE)
		return reqid;
	if (value == CONF_UNIQUE_PER_DIR)
		return dir == KERN_OUT ? reqid | OUT_BIT : reqid;
	return value;
}

uint32_t child_mark(const struct conf_child *f, uint32_t reqid, uint8_t dir)
{
	return own(dir == KERN_OUT ? f->mark_out : f->mark_in, reqid, dir);
}

uint32_t child_set_mark(const struct conf_child *f, uint32_t reqid, uint8_t dir)
{
	uint32_t v = dir == KERN_OUT ? f->set_mark_out : f->set_mark_in;

	return v == CONF_UNIQUE_SAME ? child_mark(f, reqid, dir) : own(v, reqid, dir);
}

uint32_t child_if_id(const struct conf_conn *conn, const struct conf_child *f, uint32_t reqid, uint8_t dir)
{
	uint32_t child = dir == KERN_OUT ? f->if_id_out : f->if_id_in;

	return own(child ? child : dir == KERN_OUT ? conn->if_id_out : conn->if_id_in, reqid, dir);
}

err_t child_usable(const struct ike_engine *e, const struct conf_child *f, struct diag **why)
{
	if (!f->lacks || (f->lacks_caps && e->env.kern_has && e->env.kern_has(e->env.arg, f->lacks_caps)))
		return 0;
	return diag_set(why, E_NEEDS, "child '%s' cannot be set up on this host: %s", f->name, f->lacks);
}

static uint32_t left_reqid(struct ike_engine *e, const struct conf_conn *conn, const struct conf_child *f,
			   const struct ts_sel *local, const struct ts_sel *remote)
{
	if (!e->env.kern_left_reqid || !f->policies)
		return 0;
	struct kern_policy p = {
		.dir = KERN_OUT, .local = *local, .remote = *remote, .mark = f->mark_out, .mark_mask = f->mark_out_mask,
		.if_id = f->if_id_out ? f->if_id_out : conn->if_id_out,
	};
	/* What is made of a reqid cannot be looked for before there is one. */
	if (p.mark >= CONF_UNIQUE_SAME || p.if_id >= CONF_UNIQUE_SAME)
		return 0;
	memcpy(p.interface, f->interface, sizeof p.interface);
	return e->env.kern_left_reqid(e->env.arg, &p);
}

/* ---- reqids ---- */

enum { WINDOW = 16384 };

uint32_t child_reqid_first(const struct ike_engine *e)
{
	return e->env.kern_first_reqid ? e->env.kern_first_reqid : 1;
}

/* The highest bit is the direction of marks and interface ids that are made of it. */
static uint32_t reqid_last(const struct ike_engine *e)
{
	return e->env.kern_last_reqid ? e->env.kern_last_reqid : OUT_BIT - 1;
}

static void use(uint8_t *used, uint32_t from, uint32_t id)
{
	if (id >= from && id - from < WINDOW)
		used[(id - from) / 8] |= (uint8_t)(1 << (id - from) % 8);
}

/* The first from `from` on, of so many, that neither a child nor a trap has; 0: none. */
static uint32_t reqid_free(const struct child_world *w, uint32_t from, uint32_t n)
{
	uint8_t used[WINDOW / 8] = { 0 };
	const struct child_sa *c;
	uint32_t cursor = 0;
	handle h;

	while ((c = slab_next(w->children, &cursor, &h)))
		use(used, from, c->reqid);
	for (const struct child_trap *t = w->traps; t; t = t->next)
		use(used, from, t->reqid);
	for (uint32_t i = 0; i < n; i++)
		if (!(used[i / 8] & 1 << i % 8))
			return from + i;
	return 0;
}

/* One after the other; when all were given, those nobody has any more. */
static uint32_t reqid_new(struct ike_engine *e)
{
	struct child_world *w = e->children;
	uint32_t first = child_reqid_first(e), last = reqid_last(e), id = w->next_reqid;

	for (uint32_t seen = 0; w->reqids_again && seen <= last - first;) {
		uint32_t n = last - id + 1 < WINDOW ? last - id + 1 : WINDOW, found = reqid_free(w, id, n);
		seen = found ? UINT32_MAX : seen + n;
		id = found ? found : id + n > last ? first : id + n;
		if (!found && seen > last - first)
			return 0;
	}
	w->reqids_again |= id >= last;
	w->next_reqid = id >= last ? first : id + 1;
	return id;
}

uint32_t child_reqid_pick(struct ike_engine *e, const struct conf_conn *conn, const struct conf_child *f,
			  const struct ts_sel *local, const struct ts_sel *remote)
{
	uint32_t id = f->reqid;

	if (!id)
		id = child_trap_reqid(e, conn->name, f->name);
	if (!id)
		id = left_reqid(e, conn, f, local, remote);
	return id ? id : reqid_new(e);
}

bool ike_left_behind(struct ike_engine *e, const struct conf_conn *conn, const struct conf_child *f)
{
	struct tsm_set local, remote;
	struct tsm_end le = { conn->local_addrs, conn->n_local_addrs ? 1 : 0 };
	struct tsm_end re = { conn->remote_addrs, conn->n_remote_addrs ? 1 : 0 };

	tsm_expand(f->local_ts, f->n_local_ts, &le, &local);
	tsm_expand(f->remote_ts, f->n_remote_ts, &re, &remote);
	return local.n && remote.n && left_reqid(e, conn, f, local.v, remote.v);
}
