/* SPDX-License-Identifier: Apache-2.0 */
/* INFORMATIONAL (RFC 7296 section 1.4) and the meaning of the peer's error notifies (3.10.1). */
#include "ike/info.h"
#include "ike/life.h"
#include "ike/mobike.h"

static COUNTER(c_refused, "ike.rx.error_notify", "error notifies received");

void info_log_error(struct ike_xch *x, const struct wire_notify *n)
{
	const struct notify_row *row = notify_row(n->type);
	struct log_ctx ctx = ike_log_ctx(x->sa);
	char name[16], addr[NET_ADDR_TEXT];

	count_inc(&c_refused);
	ctx.code = E_REFUSED;
	log_write(x->e->env.log, LOG_IKE, LOG_CONTROL, &ctx, "received %s notify error from %s in %s %u: %s%s%s",
		notify_name(n->type, name), net_addr_text(&x->sa->remote, false, addr), ike_exchange_name(x->exchange), x->mid,
		row ? row->meaning : "a refusal of a kind unknown here", row && row->remedy[0] ? "; remedy: " : "",
		row ? row->remedy : "");
}

enum verdict ike_refused(struct ike_xch *x, const struct wire_notify *n)
{
	const struct notify_row *row = n ? notify_row(n->type) : NULL;
	char name[16];
	enum verdict v;

	if (!n)
		return ike_reject(x, E_SYNTAX, "the answer has neither what was asked for nor an error");
	info_log_error(x, n);
	v = ike_reject(x, E_REFUSED, "the peer refused with %s: %s%s%s", notify_name(n->type, name),
		row ? row->meaning : "a kind unknown here", row && row->remedy[0] ? "; " : "", row ? row->remedy : "");
	/* An INVALID_SYNTAX ends the SA on both sides (RFC 7296 section 2.21.3). */
	return n->type == N_INVALID_SYNTAX ? V_CLOSE : v;
}

const char *info_end_text(const struct ike_xch *x)
{
	if (x->dir == XCH_RX_REQUEST)
		return "deleted by the peer";
	return x->work && x->work->reason ? err_text(x->work->reason) : "deleted by us";
}

void info_auth_failed(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;

	/* Only when the peer has answered and believes it has an SA: what it sent did not hold. */
	if (x->exchange != XCHG_IKE_AUTH || x->dir != XCH_RX_RESPONSE || !x->in || !x->in->auth || sa->state != IKE_S_AUTH_I)
		return;
	struct ike_work *w = ike_work_new(STORY_INFO, NULL, NULL, 0);
	if (!w)
		return;
	w->notify = N_AUTHENTICATION_FAILED;
	w->reason = x->err;
	ike_state_set(x->e, sa, IKE_S_DELETING);
	ike_work_add(x->e, sa, w);
}

/* ---- delete of the IKE SA -------------------------------------------------------------------------------------------- */

static enum verdict delete_apply(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	char a[256], b[256];

	if (x->dir != XCH_RX_REQUEST)
		return V_DONE;
	ike_note(x->e, sa, "the peer deletes the IKE SA");
	SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "received DELETE for IKE_SA %s[%llu]", sa->conn->name, (unsigned long long)sa->unique);
	if (sa->state == IKE_S_UP)
		SA_LOG(x->e, sa, LOG_IKE, LOG_AUDIT, "deleting IKE_SA %s[%llu] between '%s' ... '%s' on the peer's request",
			sa->conn->name, (unsigned long long)sa->unique,
			conf_id_text(sa->local_id.type, ike_id_slice(&sa->local_id), a, sizeof a),
			conf_id_text(sa->remote_id.type, ike_id_slice(&sa->remote_id), b, sizeof b));
	return V_DONE;
}

static enum verdict delete_emit(struct ike_xch *x, struct ike_out *out)
{
	struct ike_sa *sa = x->sa;
	char a[256], b[256];

	if (x->dir != XCH_TX_REQUEST)
		return V_DONE;
	if (sa->state == IKE_S_UP)
		SA_LOG(x->e, sa, LOG_IKE, LOG_AUDIT, "deleting IKE_SA %s[%llu] between '%s' ... '%s'", sa->conn->name,
			(unsigned long long)sa->unique, conf_id_text(sa->local_id.type, ike_id_slice(&sa->local_id), a, sizeof a),
			conf_id_text(sa->remote_id.type, ike_id_slice(&sa->remote_id), b, sizeof b));
	ike_note(x->e, sa, "we delete the IKE SA");
	wire_put_delete(out, PROTO_IKE, NULL, 0);
	return V_DONE;
}

static void delete_done(struct ike_xch *x)
{
	if (x->dir != XCH_RX_RESPONSE)
		return;
	SA_LOG(x->e, x->sa, LOG_IKE, LOG_CONTROL, "IKE_SA deleted");
	if (x->work)
		ike_cmd_done(x->e, x->work->cmd_id, 0, NULL, x->sa->unique, 0);
}

const struct task_ops task_ike_delete = {
	.name = "ike-delete",
	.order = 40,
	.apply = delete_apply,
	.emit = delete_emit,
	.done = delete_done,
};

/* ---- notifies, liveness ---------------------------------------------------------------------------------------------- */

static enum verdict info_apply(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	const struct ike_msg *m = x->in;
	char name[16];

	mobike_addresses(x);
	for (uint16_t i = 0; i < m->n_notifies; i++) {
		if (notify_is_error(m->notifies[i].type))
			info_log_error(x, &m->notifies[i]);
		else
			SA_LOG(x->e, sa, LOG_IKE, LOG_DETAIL, "received %s in an INFORMATIONAL: not used",
				notify_name(m->notifies[i].type, name));
	}
	if (x->dir == XCH_RX_RESPONSE && sa->conn->dpd_delay_s && !m->n_notifies)
		ike_note(x->e, sa, "the peer is alive");
	return V_DONE;
}

static enum verdict info_emit(struct ike_xch *x, struct ike_out *out)
{
	mobike_emit_cookie2(x, out);
	if (x->dir != XCH_TX_REQUEST || x->story != STORY_INFO || !x->work)
		return V_DONE;
	if (x->work->notify)
		wire_put_notify(out, x->work->notify, SLICE_NONE);
	else
		SA_LOG(x->e, x->sa, LOG_IKE, LOG_CONTROL, "sending DPD request");
	return V_DONE;
}

static void info_done(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;

	/* These end the SA without a delete (RFC 7296 section 2.21.2): told by the peer, or by us. */
	if (x->dir == XCH_RX_REQUEST && (wire_notify(x->in, N_AUTHENTICATION_FAILED) || wire_notify(x->in, N_INVALID_SYNTAX)))
		ike_sa_end(x->e, sa, E_AUTH_FAILED, true, "the peer says that authentication failed on its side");
	else if (x->dir == XCH_RX_RESPONSE && x->story == STORY_INFO && sa->state == IKE_S_DELETING && x->work && x->work->notify)
		ike_sa_end(x->e, sa, x->work->reason, false, err_text(x->work->reason));
}

const struct task_ops task_info = {
	.name = "info",
	.order = 10,
	.apply = info_apply,
	.emit = info_emit,
	.done = info_done,
};
