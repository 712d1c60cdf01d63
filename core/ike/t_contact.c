/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One IKE SA per pair of identities: INITIAL_CONTACT (RFC 7296 section 2.4) and conn->unique (no: only INITIAL_CONTACT
 * counts; never: not even that; keep: a second SA is refused; replace: the older one goes).
 */
#include "ike/auth.h"
#include "ike/index.h"
#include "ike/life.h"

/* A peer that re-authenticates makes the new SA before it deletes the old one: it gets this long to do so. */
#define REPLACE_DELAY_MS 10000

static COUNTER(c_contact, "ike.unique.initial_contact", "IKE SAs dropped because the peer started anew");
static COUNTER(c_replaced, "ike.unique.replaced", "IKE SAs replaced by a newer one of the same identities");
static COUNTER(c_kept, "ike.unique.kept", "IKE SAs refused because one of the same identities is kept");

static enum verdict contact_check(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa, *o;

	if (x->dir == XCH_TX_REQUEST && !(x->work && x->work->child) && !(sa->flags & SA_CHILDLESS_OK))
		return ike_close(x, E_NOT_SUPPORTED, "the peer does not support an IKE SA without child (RFC 6023); initiate one of the "
			"connection's children");
	if (x->dir == XCH_RX_REQUEST && !x->in->sa && !sa->conn->childless)
		return ike_close(x, E_UNEXPECTED, "the peer wants an IKE SA without child, which childless = never forbids");
	if (x->dir != XCH_RX_REQUEST || sa->conn->unique != CONF_UNIQUE_KEEP || wire_notify(x->in, N_INITIAL_CONTACT))
		return V_DONE;
	o = index_same_ids(x->e, sa, NULL);
	if (!o)
		return V_DONE;
	count_inc(&c_kept);
	return ike_close(x, E_AUTH_FAILED, "IKE_SA %s[%llu] between the same identities is there and kept (unique = keep)",
		o->conn->name, (unsigned long long)o->unique);
}

static enum verdict contact_apply(struct ike_xch *x)
{
	if (x->dir == XCH_RX_REQUEST && wire_notify(x->in, N_INITIAL_CONTACT))
		x->sa->flags |= SA_INIT_CONTACT;
	return V_DONE;
}

static enum verdict contact_emit(struct ike_xch *x, struct ike_out *out)
{
	struct ike_sa *sa = x->sa;
	const struct conf_id *want = sa->conn->n_remote ? &sa->conn->remote[0].id : NULL;

	if (x->dir != XCH_TX_REQUEST || sa->conn->unique == CONF_UNIQUE_NEVER || !handle_none(sa->replaces))
		return V_DONE;
	/* Whether it is the first contact can only be said of an identity we know. */
	if (!want || want->type == ID_ANY)
		return V_DONE;
	struct ike_id none = sa->remote_id;
	sa->remote_id = (struct ike_id){ want->data, want->n, want->type };
	struct ike_sa *other = index_same_ids(x->e, sa, NULL);
	sa->remote_id = none;
	if (!other)
		wire_put_notify(out, N_INITIAL_CONTACT, SLICE_NONE);
	return V_DONE;
}

static void drop_lost(struct ike_engine *e, struct ike_sa *o)
{
	count_inc(&c_contact);
	SA_LOG(e, o, LOG_IKE, LOG_CONTROL, "destroying duplicate IKE_SA for peer, received INITIAL_CONTACT");
	o->flags |= SA_KEEP_QUIET;
	ike_sa_end(e, o, E_STALE, true, "the peer started anew (INITIAL_CONTACT)");
}

static void drop_replaced(struct ike_engine *e, const struct ike_sa *sa, struct ike_sa *o)
{
	uint64_t end = e->now_ms + (net_addr_same(&o->remote, &sa->remote) ? REPLACE_DELAY_MS : 0);

	count_inc(&c_replaced);
	SA_LOG(e, o, LOG_IKE, LOG_CONTROL, "deleting duplicate IKE_SA for peer due to uniqueness policy");
	o->flags |= SA_KEEP_QUIET;
	if (!o->end_ms || o->end_ms > end)
		o->end_ms = end;
	o->rekey_ms = o->reauth_ms = 0;
	life_arm(e, o);
}

static void drop_older(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_sa *o, *next;

	if (sa->conn->unique == CONF_UNIQUE_NEVER)
		return;
	bool lost = (sa->flags & SA_INIT_CONTACT) != 0;
	if (!lost && sa->conn->unique != CONF_UNIQUE_REPLACE)
		return;
	for (o = index_same_ids(e, sa, NULL); o; o = next) {
		next = index_same_ids(e, sa, o);
		/* When both sides initiate at once neither SA is older: the peer could not know of the other one. */
		if (o->established_ms >= sa->created_ms)
			continue;
		if (lost)
			drop_lost(e, o);
		else
			drop_replaced(e, sa, o);
	}
}

static void contact_done(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;

	if (sa->state != IKE_S_UP || sa->flags & SA_UP_TOLD)
		return;
	if (x->dir == XCH_RX_REQUEST)
		drop_older(x->e, sa);
	life_established(x->e, sa);
	if (x->work && !x->work->child)
		ike_cmd_done(x->e, x->work->cmd_id, 0, NULL, sa->unique, 0);
}

const struct task_ops task_contact = {
	.name = "contact",
	.order = 30,
	.check = contact_check,
	.apply = contact_apply,
	.emit = contact_emit,
	.done = contact_done,
};
