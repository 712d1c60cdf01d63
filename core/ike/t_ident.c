/* SPDX-License-Identifier: Apache-2.0 */
/* Identities in IKE_AUTH, and which connection they belong to. */
#include "ike/ask.h"
#include "ike/auth.h"
#include "ike/init.h"

#include <stdio.h>

void auth_my_id(const struct conf_conn *c, const struct net_addr *local, uint8_t *type, slice *data)
{
	const struct conf_id *id = c->n_local ? &c->local[0].id : NULL;

	if (id && id->type != ID_ANY) {
		*type = id->type;
		*data = slice_of(id->data, id->n);
		return;
	}
	*type = local->family == NET_V6 ? ID_IPV6_ADDR : ID_IPV4_ADDR;
	*data = slice_of(local->a, net_addr_len(local->family));
}

/* ---- initiator ------------------------------------------------------------------------------------------------------- */

static enum verdict request_check(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	uint8_t type;
	slice data;

	auth_my_id(sa->conn, &sa->local, &type, &data);
	ike_id_set(&sa->local_id, type, data);
	return sa->local_id.type ? V_DONE : ike_close(x, E_NOMEM, "no memory for the identity");
}

/* Refused: along with what the notify means goes what we know to be a likely reason. */
static enum verdict refused(struct ike_xch *x)
{
	const struct wire_notify *n = wire_error(x->in);

	(void)ike_refused(x, n);
	if (n && n->type == N_AUTHENTICATION_FAILED && x->proof && x->proof->note) {
		const char *said = x->why;
		(void)ike_close(x, E_REFUSED, "%s; likely: %s", said ? said : "", x->proof->note);
	}
	return V_CLOSE;
}

/* ", and its certificate … names …" of a peer that has another name than is wanted, else "". */
static void names_of(const struct ike_xch *x, char *buf, size_t cap)
{
	const struct ike_env *env = &x->e->env;
	char text[500] = "";

	buf[0] = 0;
	if (env->cert_names && x->in->n_certs && x->in->certs[0].enc == CERT_X509_SIGNATURE)
		(void)env->cert_names(env->arg, x->in->certs[0].data, text, sizeof text);
	if (text[0])
		snprintf(buf, cap, ", and %s", text);
}

static enum verdict answer_check(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	const struct wire_id *id = x->in->id_r;
	const struct conf_id *want = sa->conn->n_remote ? &sa->conn->remote[0].id : NULL;
	char a[256], b[256], names[520];

	if (!x->in->auth)
		return refused(x);
	if (!want || want->type == ID_ANY || conf_id_match(want, id->type, id->data))
		return V_DONE;
	names_of(x, names, sizeof names);
	return ike_close(x, E_AUTH_FAILED, "the peer is '%s', the connection wants '%s'%s; correct remote { id } or the peer's "
		"local { id }%s", conf_id_text(id->type, id->data, a, sizeof a),
		conf_id_text(want->type, slice_of(want->data, want->n), b, sizeof b), names,
		names[0] ? ", or give the peer a certificate with the name that is wanted" : "");
}

/* ---- responder --------------------------------------------------------------------------------------------------------- */

/* 0: this connection is not it, and why; else the higher the better. */
static int score(const struct ike_sa *sa, const struct conf_conn *c, const struct ike_msg *m, const char **why)
{
	const struct conf_auth *l = c->n_local ? &c->local[0] : NULL, *r = c->n_remote ? &c->remote[0] : NULL;
	int peer = 1, me = 1;

	*why = "is for IKEv1 only";
	if (c->version == 1)
		return 0;
	*why = "wants another authentication than what the peer does";
	if (!auth_is_of(m->auth->method, r ? r->cls : CONF_AUTH_PSK))
		return 0;
	*why = "has several authentication rounds";
	if (c->n_local > 1 || c->n_remote > 1)
		return 0;
	*why = "does not have the peer's identity as remote { id }";
	if (r && r->id.type != ID_ANY)
		peer = conf_id_match(&r->id, m->id_i->type, m->id_i->data);
	if (!peer)
		return 0;
	*why = "does not have the identity the peer asks for as local { id }";
	if (m->id_r && m->id_r->type != ID_ANY && l && l->id.type != ID_ANY)
		me = conf_id_match(&l->id, m->id_r->type, m->id_r->data);
	if (!me)
		return 0;
	*why = "does not allow the algorithms that were agreed on";
	if (!suite_is_of(&sa->suite, (const struct suite_prop *const *)c->props, c->n_props))
		return 0;
	return peer * 1000 + me;
}

/* What was said of the SA so far can be given to who asked for this connection (NULL: there is none) or identity. */
static void log_whose(struct ike_xch *x, const struct conf_conn *conn)
{
	const struct wire_id *id = x->dir == XCH_RX_REQUEST ? x->in->id_i : x->in->id_r;
	struct log_ctx ctx = ike_log_ctx(x->sa);

	if (!x->e->env.log)
		return;
	ctx.conn = conn ? conn->name : NULL;
	ctx.conn_guess = false;
	ctx.id_type = id->type;
	ctx.id = id->data;
	log_known(x->e->env.log, &ctx);
}

static bool was_tried(const struct ike_proof *p, const struct conf_conn *c)
{
	for (uint8_t i = 0; i < p->n_tried; i++)
		if (p->tried[i].conn == c)
			return true;
	return false;
}

/* The best connection that has not been tried; why the others are not it in t. NULL: none. */
static struct conf_conn *best_of(struct ike_xch *x, struct text *t)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	struct conf_conn *c, *best = NULL;
	int best_score = 0;
	size_t cursor = 0;
	const char *why;

	while ((c = e->env.conn_match(e->env.arg, &sa->local, &sa->remote, &cursor))) {
		if (was_tried(x->proof, c))
			continue;
		int s = score(sa, c, x->in, &why);
		if (s > best_score) {
			best = c;
			best_score = s;
		}
		if (!s)
			text_fmt(t, "%s'%s' %s", t->n ? "; " : "", c->name, why);
	}
	return best;
}

static bool adopt_conn(struct ike_xch *x, struct conf_conn *c)
{
	struct ike_sa *sa = x->sa;
	const struct ike_msg *m = x->in;
	const struct conf_id *mine = c->n_local ? &c->local[0].id : NULL;
	uint8_t type;
	slice data;

	if (c != sa->conn) {
		conf_conn_unref(&sa->conn);
		sa->conn = conf_conn_ref(c);
	}
	log_whose(x, c);
	SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "selected connection '%s'", c->name);
	ike_id_set(&sa->remote_id, m->id_i->type, m->id_i->data);
	auth_my_id(c, &sa->local, &type, &data);
	/* An open or wildcard identity of ours is the one the peer asks for. */
	if (m->id_r && m->id_r->type != ID_ANY && (!mine || conf_id_is_pattern(mine))) {
		type = m->id_r->type;
		data = m->id_r->data;
	}
	ike_id_set(&sa->local_id, type, data);
	return sa->remote_id.type && sa->local_id.type;
}

bool ident_next(struct ike_xch *x)
{
	struct ike_proof *p = x->proof;
	char name[256];
	TEXT_ON_STACK(t, 400);

	if (p->n_tried == IKE_TRIED_MAX)
		return false;
	p->tried[p->n_tried].conn = conf_conn_ref(x->sa->conn);
	p->tried[p->n_tried].err = x->err;
	p->tried[p->n_tried++].why = x->why ? x->why : err_text(x->err);
	struct conf_conn *c = p->n_tried < IKE_TRIED_MAX ? best_of(x, &t) : NULL;
	if (!c)
		return false;
	SA_LOG(x->e, x->sa, LOG_IKE, LOG_CONTROL, "connection '%s' does not accept '%s': %s; trying '%s'", x->sa->conn->name,
		conf_id_text(x->in->id_i->type, x->in->id_i->data, name, sizeof name), p->tried[p->n_tried - 1].why, c->name);
	return adopt_conn(x, c);
}

static enum verdict peer_check(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	const struct ike_msg *m = x->in;
	char a[256], b[256];
	TEXT_ON_STACK(t, 400);

	if (sa->facts & FACT_PEER_ID_OK)
		return V_DONE; /* resumed */
	if (!ike_proof_of(x))
		return ike_close(x, E_NOMEM, "no memory for the authentication");
	SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "looking for a connection for '%s' ... '%s'",
		m->id_r ? conf_id_text(m->id_r->type, m->id_r->data, a, sizeof a) : "%any",
		conf_id_text(m->id_i->type, m->id_i->data, b, sizeof b));
	struct conf_conn *best = best_of(x, &t);
	if (!best) {
		log_whose(x, NULL);
		return ike_close(x, E_NO_CONN, "no connection for peer '%s'%s%s", conf_id_text(m->id_i->type, m->id_i->data, a, sizeof a),
			t.n ? ": " : "", t.n ? t.p : ": none has these addresses");
	}
	if (!adopt_conn(x, best))
		return ike_close(x, E_AUTH_FAILED, "the peer's identity is empty or cannot be kept");
	sa->facts |= FACT_PEER_ID_OK;
	return V_DONE;
}

/* ---- task -------------------------------------------------------------------------------------------------------------- */

static enum verdict ident_check(struct ike_xch *x)
{
	return x->dir == XCH_TX_REQUEST ? request_check(x) : x->dir == XCH_RX_REQUEST ? peer_check(x) : answer_check(x);
}

static enum verdict ident_apply(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;

	if (x->dir != XCH_RX_RESPONSE)
		return V_DONE;
	ike_id_set(&sa->remote_id, x->in->id_r->type, x->in->id_r->data);
	log_whose(x, sa->conn);
	sa->facts |= FACT_PEER_ID_OK;
	return V_DONE;
}

static enum verdict ident_emit(struct ike_xch *x, struct ike_out *out)
{
	struct ike_sa *sa = x->sa;
	const struct conf_id *want = sa->conn->n_remote ? &sa->conn->remote[0].id : NULL;

	if (x->dir == XCH_RX_REQUEST) {
		wire_put_id(out, PLD_IDR, sa->local_id.type, ike_id_slice(&sa->local_id));
		return V_DONE;
	}
	wire_put_id(out, PLD_IDI, sa->local_id.type, ike_id_slice(&sa->local_id));
	if (want && !conf_id_is_pattern(want))
		wire_put_id(out, PLD_IDR, want->type, slice_of(want->data, want->n));
	return V_DONE;
}

const struct task_ops task_ident = {
	.name = "identities",
	.order = 10,
	.check = ident_check,
	.apply = ident_apply,
	.emit = ident_emit,
};
