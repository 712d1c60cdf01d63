/* SPDX-License-Identifier: Apache-2.0 */
/* Task: a new child SA in IKE_AUTH and in CREATE_CHILD_SA, both roles (RFC 7296 sections 1.2, 1.3.1). */
#include "ike/child_int.h"
#include "ike/vips.h"

static bool in_auth(const struct ike_xch *x)
{
	return x->exchange == XCHG_IKE_AUTH;
}

/* In IKE_AUTH a failure concerns the child alone: it is kept here and the exchange goes on. */
static enum verdict fail_alone(struct ike_xch *x, struct child_neg *n, enum verdict v)
{
	if (v != V_REJECT || !in_auth(x))
		return v;
	n->failed = true;
	n->fail_err = x->err;
	n->fail_notify = x->notify ? x->notify : N_NO_PROPOSAL_CHOSEN;
	n->fail_data = x->notify_data;
	n->fail_why = x->why;
	x->err = 0;
	x->notify = 0;
	x->notify_data = SLICE_NONE;
	x->why = NULL;
	SA_LOG(x->e, x->sa, LOG_CHILD, LOG_CONTROL, "the IKE SA is kept, but without its child: %s",
	       n->fail_why ? n->fail_why : err_text(n->fail_err));
	return V_DONE;
}

static enum verdict check_tx(struct ike_xch *x)
{
	struct ike_work *w = x->work;
	if (!w || !w->child)
		return V_DONE;
	struct child_neg *n = neg_get(x);
	if (!n)
		return ike_reject(x, E_NOMEM, "out of memory");
	if (!n->conf) {
		n->conf = w->child;
		n->conn = conf_conn_ref(w->conn);
	}
	return neg_propose(x, n);
}

/* SINGLE_PAIR_REQUIRED (RFC 7296 section 2.9): asked again for the addresses of the packet that wants the child. */
static bool single_pair(struct ike_xch *x, const struct wire_notify *err)
{
	struct ike_work *w = x->work;
	if (err->type != N_SINGLE_PAIR_REQUIRED || !w || !w->from_trap || w->single_pair)
		return false;
	w->single_pair = true;
	(void)ike_reject(x, E_SINGLE_PAIR,
			 "the peer wants one pair of addresses per child: asked again for that of the packet");
	if (!in_auth(x)) {
		ike_work_again(x, 0);
		return true;
	}
	/* IKE_AUTH goes on without the child. */
	struct ike_work *again = ike_work_new(STORY_CHILD_NEW, w->conn, w->child, 0);
	if (again) {
		struct conf_conn *conn = again->conn;
		*again = *w;
		again->next = NULL;
		again->conn = conn;
		again->cmd_id = 0;
		ike_work_add(x->e, x->sa, again);
	}
	return true;
}

static enum verdict check_answer(struct ike_xch *x, struct child_neg *n)
{
	const struct wire_notify *err = wire_error(x->in);
	if (err && single_pair(x, err))
		return V_REJECT;
	if (err && !in_auth(x) &&
	    neg_try_again(x, err, n->want_ke ? n->ke.id : 0, (const struct suite_prop *const *)n->conf->props,
			  n->conf->n_props))
		return V_REJECT;
	if (err)
		return ike_refused(x, err);
	return neg_check_answer(x, n);
}

static enum verdict check(struct ike_xch *x)
{
	if (x->dir == XCH_TX_REQUEST)
		return check_tx(x);
	if (x->turn)
		return V_DONE; /* the client goes elsewhere */
	if (x->dir == XCH_RX_RESPONSE) {
		if (!x->neg || !x->neg->conf || x->neg->failed)
			return V_DONE;
		return fail_alone(x, x->neg, check_answer(x, x->neg));
	}
	if (in_auth(x) && !x->in->sa)
		return V_DONE;
	struct child_neg *n = neg_get(x);
	if (!n)
		return ike_reject(x, E_NOMEM, "out of memory");
	if (!in_auth(x) && !x->job) {
		ike_rekey_claimed(x->e, x->sa);
		enum verdict v = child_clash_answer(x, child_clash(x, NULL, false));
		if (v != V_DONE)
			return v;
	}
	if (in_auth(x) && x->sa->conn->childless == CONF_CHILDLESS_FORCE)
		return fail_alone(x, n, ike_reject(x, E_NO_ADDITIONAL_SAS, "children are made on their own here (childless = force)"));
	if (in_auth(x) && vips_failed(x))
		return fail_alone(x, n, ike_reject(x, E_INTERNAL_ADDRESS, "there is no virtual address for the peer"));
	return fail_alone(x, n, neg_check_request(x, n));
}

static enum verdict apply(struct ike_xch *x)
{
	struct child_neg *n = x->neg;
	struct child_sa *c;
	if (x->dir == XCH_TX_REQUEST || x->turn || !n || !n->conf || n->failed)
		return V_DONE;
	if (!n->ops && neg_deleted_early(n))
		return ike_reject(x, E_COLLISION, "the peer has deleted child '%s' right away", n->conf->name);
	enum verdict v = neg_install(x, n, true, true, &c);
	if (v == V_REJECT && x->dir == XCH_RX_RESPONSE) {
		/* The peer has its half: it is told to take it away. */
		err_t err = x->err;
		c = child_new(x->e, x->sa, n, true);
		if (c)
			child_queue_delete(x->e, c, err, 0);
	}
	return fail_alone(x, n, v);
}

static enum verdict emit(struct ike_xch *x, struct ike_out *out)
{
	struct child_neg *n = x->neg;
	if (!n || (!n->conf && !n->failed))
		return V_DONE;
	if (n->failed) {
		wire_put_notify(out, n->fail_notify, n->fail_data);
		return V_DONE;
	}
	return x->dir == XCH_TX_REQUEST ? neg_emit_request(x, n, out) : neg_emit_answer(x, n, out);
}

static void done(struct ike_xch *x)
{
	struct child_neg *n = x->neg;
	uint64_t cmd = x->work ? x->work->cmd_id : 0;
	struct child_sa *c = n ? child_of(x->sa, n->made) : NULL;
	if (x->dir == XCH_TX_REQUEST)
		return;
	if (c && child_alive(c))
		child_tell(x->e, c, true, 0, NULL);
	if (n && n->failed)
		ike_cmd_done(x->e, cmd, n->fail_err, n->fail_why, x->sa->unique, 0);
	else
		ike_cmd_done(x->e, cmd, 0, NULL, x->sa->unique, n ? n->made : 0);
	if (x->work)
		x->work->cmd_id = 0;
}

static void drop(struct ike_xch *x)
{
	if (x->work && x->work->from_trap && !(x->neg && x->neg->made))
		child_trap_served(x->e, x->work->reqid);
	neg_drop(x);
}

const struct task_ops task_child_create = {
	.name = "child-create", .order = 60, .check = check, .apply = apply, .emit = emit, .done = done, .drop = drop,
};
