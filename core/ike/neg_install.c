/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a negotiation: its SAs go to the kernel and a child SA comes out of it, or everything is taken back. */
#include "ike/followup.h"

#include <stdlib.h>

/* Keeps the outbound keys until the old pair is not sent on any more. */
static bool keep_late(struct child_sa *c, struct child_neg *n)
{
	c->late = calloc(1, sizeof *c->late);
	if (!c->late)
		return false;
	c->late->encr_len = n->keys.encr_len;
	c->late->integ_len = n->keys.integ_len;
	secret_move(&c->late->all, &n->keys.all);
	return true;
}

/* What the peer is told when the data plane has refused: nothing that makes it try the same again at once, unless that can
 * help (RFC 7296 sections 1.3 and 3.10.1). What is not in the table: NO_ADDITIONAL_SAS. */
static const struct {
	err_t err;
	uint16_t notify;
} refusals[] = {
	{ E_NOT_SUPPORTED, N_NO_PROPOSAL_CHOSEN }, { E_BAD_VALUE, N_NO_PROPOSAL_CHOSEN }, { E_TIMEOUT, N_TEMPORARY_FAILURE },
	{ E_NOMEM, N_TEMPORARY_FAILURE }, { E_FULL, N_TEMPORARY_FAILURE },
};

static uint16_t refusal_notify(err_t err)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		if (refusals[i].err == err)
			return refusals[i].notify;
	return N_NO_ADDITIONAL_SAS;
}

enum verdict neg_install(struct ike_xch *x, struct child_neg *n, bool with_out, bool with_policies,
			 struct child_sa **out)
{
	struct ike_sa *sa = x->sa;
	bool ours = x->dir != XCH_RX_REQUEST;
	*out = NULL;
	if (sa->state == IKE_S_REKEYED || sa->state == IKE_S_DELETING)
		return ike_reject(x, E_TEMPORARY, "child '%s' is too late: its IKE SA is being replaced or deleted",
				  n->conf->name);
	if (!n->ops) {
		n->ops = child_install_ops(x->e, sa, n, ours, with_out, with_policies, &x->arena, &n->n_ops);
		if (!n->ops)
			return ike_reject(x, E_NOMEM, "out of memory");
		n->installing = true;
	}
	enum verdict v = ike_kern(x->e, x, n->ops, n->n_ops);
	if (v != V_DONE)
		return v;
	if (x->kern_res) {
		/* Without an answer it may stand all the same: it is taken back. */
		n->installing = x->kern_res == E_TIMEOUT;
		/* E_EXISTS tells a command that its child is up; this is what stands in the child's way. */
		err_t code = x->kern_res == E_EXISTS ? E_CONFLICT : x->kern_res;
		(void)ike_reject(x, code, "the data plane refused child '%s': %s", n->conf->name, err_text(x->kern_res));
		x->notify = refusal_notify(x->kern_res);
		return V_REJECT;
	}
	struct child_sa *c = child_new(x->e, sa, n, ours);
	if (!c)
		return ike_reject(x, E_NOMEM, "out of memory");
	n->installing = false;
	c->flags |= CHILD_IN | (with_out ? CHILD_OUT : 0) | (with_policies ? CHILD_POLICIES : 0);
	if (!with_out && !keep_late(c, n))
		SA_LOG(x->e, sa, LOG_CHILD, LOG_CONTROL, "child '%s' cannot be sent on: out of memory", n->conf->name);
	if (n->peer_tfc_off)
		sa->flags |= SA_ESP_TFC_OFF;
	child_lifetimes(x->e, c);
	if (c->conf->inactivity_s)
		c->wake_ms = x->e->now_ms + c->conf->inactivity_s * 1000;
	child_timer_set(x->e, c);
	child_trap_served(x->e, c->reqid);
	char l[TS_TEXT], r[TS_TEXT];
	SA_LOG(x->e, sa, LOG_CHILD, LOG_CONTROL,
	       "CHILD_SA %s{%llu} established with SPIs %08x_i %08x_o and TS %s%s === %s%s", c->conf->name,
	       (unsigned long long)c->unique, c->spi_in, c->spi_out, ts_text(&child_local(c)[0], l),
	       c->n_local > 1 ? " …" : "", ts_text(&child_remote(c)[0], r), c->n_remote > 1 ? " …" : "");
	*out = c;
	return V_DONE;
}

bool neg_deleted_early(const struct child_neg *n)
{
	for (uint8_t i = 0; i < n->n_early; i++)
		if (n->early[i] == n->spi_out)
			return true;
	return false;
}

void neg_drop(struct ike_xch *x)
{
	struct child_neg *n = x->neg;
	if (!n)
		return;
	if (n->installing) {
		bool out = n->n_ops > 1 && n->ops[1].verb == KERN_SA_ADD;
		child_remove_neg(x->e, x->sa, n, out, n->n_ops > 1u + out);
	}
	ipcomp_drop(x->e, n);
	if (n->spi_held)
		child_spi_free(x->e, n->spi_in);
	ike_ke_fini(&n->ke);
	follow_fini(n);
	child_keys_fini(&n->keys);
	conf_conn_unref(&n->conn);
	x->neg = NULL;
}
