/* SPDX-License-Identifier: Apache-2.0 */
/* Task: REDIRECT in IKE_SA_INIT, IKE_AUTH and INFORMATIONAL, both roles (RFC 5685 sections 3, 5 and 6). */
#include "ike/index.h"
#include "ike/info.h"
#include "ike/life.h"
#include "ike/redirect.h"
#include "ike/wait.h"

#include <stdlib.h>

static COUNTER(c_bad, "ike.redirect.malformed", "REDIRECT notifies that could not be read, or with another nonce than ours");
static COUNTER(c_unasked, "ike.redirect.unasked", "REDIRECT notifies to a side that does not follow");
static COUNTER(c_loop, "ike.redirect.loops", "redirects not followed: too many in too short a time");
static COUNTER(c_followed, "ike.redirect.followed", "redirects followed");
static COUNTER(c_auth, "ike.redirect.auth", "clients redirected after their authentication");

/* A redirect that this exchange brings or gives; in the exchange's arena. */
struct ike_turn {
	struct wire_gateway to;
	struct net_addr addr;   /* of it, when it is followed */
	bool asked, answered;   /* the name */
	err_t err;              /* not followed */
	const char *why;
};

static struct ike_turn *turn_new(struct ike_xch *x)
{
	x->turn = arena_get(&x->arena, sizeof *x->turn);
	if (x->turn)
		*x->turn = (struct ike_turn){ 0 };
	return x->turn;
}

void redirect_inherit(const struct ike_sa *from, struct ike_sa *to)
{
	if (!from->redir)
		return;
	to->redir = malloc(sizeof *to->redir);
	if (to->redir) {
		*to->redir = *from->redir;
		to->redir->from = (struct net_addr){ 0 };
	}
}

/* ---- following: may we, where to ----------------------------------------------------------------------------------------- */

static bool loops(const struct ike_engine *e, const struct ike_sa *sa)
{
	const struct conf_daemon *c = e->env.conf;
	const struct ike_redir *r = sa->redir;
	uint32_t max = c->redirect_limit < REDIRECT_TIMES ? c->redirect_limit : REDIRECT_TIMES;

	if (!r || r->n < max)
		return !max;
	return e->now_ms - r->at_ms[(r->n - max) % REDIRECT_TIMES] < (uint64_t)c->redirect_period_s * 1000;
}

static enum verdict not_followed(struct ike_xch *x, err_t err, const char *why)
{
	x->turn->err = err;
	x->turn->why = why;
	return V_DONE;
}

static bool is_unicast(const struct net_addr *a)
{
	static const uint8_t zero[16];
	uint8_t first = a->a[0];

	if (memcmp(a->a, zero, sizeof zero) == 0)
		return false;
	return a->family == NET_V6 ? first != 0xff : first != 0 && first < 224;
}

/* The address of the gateway; V_WAIT while a name is looked up. Why it is not followed is in x->turn. */
static enum verdict find(struct ike_xch *x)
{
	struct ike_engine *e = x->e;
	struct ike_turn *t = x->turn;
	struct net_addr local;

	if (t->err)
		return V_DONE;
	if (!t->answered && !wire_gateway_addr(&t->to, &t->addr)) {
		struct fx *f = NULL;
		uint64_t token = ike_wait_new(x, false);
		if (token)
			f = fx_add(e, FX_RESOLVE);
		if (!f) {
			if (token)
				(void)ike_wait_take(e, token);
			return not_followed(x, E_FULL, "too many names are being looked up");
		}
		x->for_name = true;
		f->resolve.token = token;
		f->resolve.name = arena_str(&e->fx->arena, slice_of(t->to.id, t->to.n));
		f->resolve.family = x->sa->remote.family;
		return V_WAIT;
	}
	if (!is_unicast(&t->addr))
		return not_followed(x, E_BAD_VALUE, "the gateway it names has no usable address");
	if (!life_local_for(e, x->sa->conn, &t->addr, &local))
		return not_followed(x, E_BAD_VALUE, "there is no route, or no address of ours, to the gateway it names");
	return V_DONE;
}

static void name_done(struct ike_xch *x, err_t err, const char *why, const struct net_addr *v, size_t n)
{
	struct ike_turn *t = x->turn;

	t->answered = true;
	if (err || !n) {
		(void)not_followed(x, err ? err : E_NOT_FOUND,
			why ? arena_str(&x->arena, slice_str(why)) : "the name of the gateway has no address");
		return;
	}
	/* Best the family we talk in. */
	t->addr = v[0];
	for (size_t i = n; i-- > 0;)
		if (v[i].family == x->sa->remote.family)
			t->addr = v[i];
	t->addr.port = 0;
}

void ike_resolve_done(struct ike_engine *e, uint64_t now_ms, uint64_t token, err_t err, const char *why, const struct net_addr *addrs,
	size_t n, struct fx_list *out)
{
	ike_enter(e, now_ms, out);
	struct ike_xch *x = ike_wait_take(e, token);
	if (!x || !x->for_name || !x->turn)
		return;
	name_done(x, err, why, addrs, n);
	ike_resume(x);
}

void redirect_overdue(struct ike_xch *x)
{
	name_done(x, E_TIMEOUT, "the name of the gateway was not looked up in time", NULL, 0);
}

/* ---- the notify is here -------------------------------------------------------------------------------------------------- */

/* V_DROP: as if it were not there. */
static enum verdict read_turn(struct ike_xch *x, slice want_nonce)
{
	struct ike_sa *sa = x->sa;
	struct wire_gateway to;
	slice nonce;
	char a[NET_ADDR_TEXT];

	if (!(sa->flags & SA_FOLLOWS)) {
		count_inc(&c_unasked);
		SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "received a REDIRECT that is not followed (follow_redirects, and only by who has set "
			"the IKE SA up)");
		return V_DROP;
	}
	if (wire_gateway_read(wire_notify(x->in, N_REDIRECT)->data, false, &to, &nonce) || !slice_equal(nonce, want_nonce)) {
		count_inc(&c_bad);
		SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "received a REDIRECT that is malformed, or has not the nonce of our request: ignored");
		return V_DROP;
	}
	if (!turn_new(x))
		return ike_reject(x, E_NOMEM, "no memory for a redirect");
	x->turn->to = to;
	SA_LOG(x->e, sa, LOG_IKE, LOG_AUDIT, "received REDIRECT to gateway %s", wire_gateway_text(&to, a));
	if (loops(x->e, sa)) {
		count_inc(&c_loop);
		return not_followed(x, E_LIMIT, "it was redirected too often in a short time: gateways that send it to each other? "
			"(aditd.redirect_limit, redirect_period)");
	}
	return V_DONE;
}

static enum verdict init_away(struct ike_xch *x)
{
	if (!x->turn) {
		enum verdict v = read_turn(x, slice_of(x->sa->setup->nonce, IKE_NONCE_LEN));
		if (v != V_DONE)
			return v;
	}
	enum verdict v = find(x);
	if (v != V_DONE || !x->turn->err)
		return v;
	return ike_close(x, x->turn->err, "the peer redirects to another gateway, and %s", x->turn->why);
}

/* In IKE_AUTH and INFORMATIONAL the exchange itself succeeds whatever becomes of the redirect. */
static enum verdict sa_away(struct ike_xch *x)
{
	if (!x->turn) {
		enum verdict v = read_turn(x, SLICE_NONE);
		if (v != V_DONE)
			return v == V_DROP ? V_DONE : v;
	}
	return find(x);
}

/* Behind AUTH in the order of tasks: the client has proven who it is. */
static enum verdict auth_send(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	const char *to = sa->conn->redirect_gateway;
	struct net_addr at;
	char id[256];

	if (!to || x->turn || !(sa->flags & SA_REDIRECTABLE))
		return V_DONE;
	if (!turn_new(x))
		return ike_close(x, E_NOMEM, "no memory for a redirect");
	if (wire_gateway_of_text(to, &x->turn->to) || (wire_gateway_addr(&x->turn->to, &at) && net_addr_same(&at, &sa->local))) {
		x->turn = NULL;
		return V_DONE;
	}
	count_inc(&c_auth);
	SA_LOG(x->e, sa, LOG_IKE, LOG_AUDIT, "'%s' is redirected to gateway %s (redirect_gateway of '%s')",
		conf_id_text(x->in->id_i->type, x->in->id_i->data, id, sizeof id), to, sa->conn->name);
	return V_DONE;
}

static enum verdict redirect_check(struct ike_xch *x)
{
	if (x->dir == XCH_TX_REQUEST)
		return V_DONE;
	if (x->exchange == XCHG_IKE_AUTH && x->dir == XCH_RX_REQUEST)
		return auth_send(x);
	if (!wire_notify(x->in, N_REDIRECT))
		return V_DONE;
	if (x->exchange == XCHG_IKE_SA_INIT)
		return x->dir == XCH_RX_RESPONSE && !x->in->sa ? init_away(x) : V_DONE;
	/* A gateway's own request is not answered with another redirect. */
	return x->exchange == XCHG_INFORMATIONAL && x->dir == XCH_RX_RESPONSE ? V_DONE : sa_away(x);
}

static enum verdict redirect_apply(struct ike_xch *x)
{
	const struct ike_msg *m = x->in;

	if (x->exchange == XCHG_IKE_SA_INIT && x->dir == XCH_RX_REQUEST &&
	    (wire_notify(m, N_REDIRECT_SUPPORTED) || wire_notify(m, N_REDIRECTED_FROM)))
		x->sa->flags |= SA_REDIRECTABLE;
	return V_DONE;
}

/* ---- writing ------------------------------------------------------------------------------------------------------------- */

static void emit_init(struct ike_xch *x, struct ike_out *out)
{
	struct ike_sa *sa = x->sa;
	uint8_t buf[2 + 16];
	struct wr w = wr_of(buf, sizeof buf);
	struct wire_gateway from;

	if (!x->e->env.conf->follow_redirects)
		return;
	sa->flags |= SA_FOLLOWS;
	if (!sa->redir || sa->redir->from.family == NET_NONE) {
		wire_put_notify(out, N_REDIRECT_SUPPORTED, SLICE_NONE);
		return;
	}
	wire_gateway_of_addr(&sa->redir->from, &from);
	wire_gateway_write(&w, &from, SLICE_NONE);
	wire_put_notify(out, N_REDIRECTED_FROM, wr_done(&w));
}

static void emit_redirect(const struct wire_gateway *to, struct ike_out *out)
{
	uint8_t buf[2 + WIRE_GATEWAY_MAX];
	struct wr w = wr_of(buf, sizeof buf);

	wire_gateway_write(&w, to, SLICE_NONE);
	wire_put_notify(out, N_REDIRECT, wr_done(&w));
}

static enum verdict redirect_emit(struct ike_xch *x, struct ike_out *out)
{
	char a[NET_ADDR_TEXT];

	if (x->exchange == XCHG_IKE_SA_INIT && x->dir == XCH_TX_REQUEST) {
		emit_init(x, out);
	} else if (x->exchange == XCHG_IKE_AUTH && x->dir == XCH_RX_REQUEST && x->turn) {
		emit_redirect(&x->turn->to, out);
	} else if (x->story == STORY_REDIRECT && x->dir == XCH_TX_REQUEST && x->work && x->work->gateway) {
		SA_LOG(x->e, x->sa, LOG_IKE, LOG_AUDIT, "redirecting the client to gateway %s", wire_gateway_text(x->work->gateway, a));
		emit_redirect(x->work->gateway, out);
	}
	return V_DONE;
}

/* ---- going --------------------------------------------------------------------------------------------------------------- */

/* What `to` remembers: that `from` was redirected now. */
static void remember(struct ike_engine *e, const struct ike_sa *from, struct ike_sa *to)
{
	struct ike_redir *r = to->redir ? to->redir : calloc(1, sizeof *r);

	if (!r)
		return;
	if (from != to && from->redir)
		*r = *from->redir;
	if (!r->n)
		r->home = from->remote;
	r->from = from->remote;
	r->at_ms[r->n++ % REDIRECT_TIMES] = e->now_ms;
	to->redir = r;
}

/* What waits for a child of `from` waits at `to`. */
static void move_work(struct ike_sa *from, struct ike_sa *to)
{
	for (struct ike_work **p = &from->work; *p;) {
		struct ike_work *w = *p;
		if (w->story != STORY_CHILD_NEW) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		if (!*p)
			from->work_end = p;
		w->next = NULL;
		*to->work_end = w;
		to->work_end = &w->next;
	}
}

static void follow(struct ike_xch *x)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	struct net_addr local = { 0 }, remote = x->turn->addr;
	char a[NET_ADDR_TEXT];

	remote.port = sa->conn->remote_port;
	(void)life_local_for(e, sa->conn, &remote, &local);
	struct ike_sa *n = ike_sa_new(e, true, sa->conn, &local, &remote);
	if (!n)
		return;
	count_inc(&c_followed);
	SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "following to %s with IKE_SA %s[%llu]", net_addr_text(&remote, false, a), n->conn->name,
		(unsigned long long)n->unique);
	ike_note(e, sa, "redirected to another gateway");
	remember(e, sa, n);
	ike_sa_enter(n);
	if (x->work && x->work->story == STORY_CHILD_NEW) {
		*n->work_end = x->work;
		n->work_end = &x->work->next;
		x->work = NULL;
	}
	move_work(sa, n);
	child_queue_again(e, sa, n);
	index_conn_del(e, sa);
	index_conn_add(e, n);
	sa->flags |= SA_REAUTHING;
	/* In IKE_AUTH there is no child to keep alive: what this SA itself was to replace waits for the next one. */
	n->replaces = x->exchange == XCHG_IKE_AUTH ? sa->replaces : sa->h;
	life_connect(e, n);
	ike_sa_leave(e, n);
}

static void client_done(struct ike_xch *x)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	struct ike_turn *t = x->turn;
	bool in_auth = x->exchange == XCHG_IKE_AUTH;

	if (t->err) {
		SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "the redirect is not followed: %s", t->why);
		if (x->work)
			ike_cmd_done(e, x->work->cmd_id, t->err, t->why, sa->unique, 0);
		if (x->work)
			x->work->cmd_id = 0;
	} else if (!(sa->flags & SA_REAUTHING)) {
		follow(x);
	}
	if (!in_auth)
		return;
	sa->replaces = (handle){ 0 };
	struct ike_work *w = ike_work_new(STORY_IKE_DELETE, NULL, NULL, 0);
	if (w) {
		sa->flags |= SA_KEEP_QUIET;
		w->reason = t->err;
		ike_work_add(e, sa, w);
	}
}

/* The client has time to set up its SAs with the new gateway; then this one goes, whether it has deleted it or not. */
static void gateway_done(struct ike_xch *x)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	uint32_t delay_s = e->env.conf->redirect_delete_delay_s;

	ike_note(e, sa, "the client was redirected");
	sa->rekey_ms = sa->reauth_ms = 0;
	if (delay_s)
		sa->end_ms = e->now_ms + (uint64_t)delay_s * 1000;
	life_arm(e, sa);
}

static void redirect_done(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;

	if (x->story == STORY_REDIRECT && x->dir == XCH_RX_RESPONSE) {
		if (sa->state == IKE_S_UP)
			gateway_done(x);
		return;
	}
	if (!x->turn || x->dir == XCH_TX_REQUEST)
		return;
	if (x->exchange == XCHG_IKE_SA_INIT) {
		count_inc(&c_followed);
		remember(x->e, sa, sa);
		life_redirect(x->e, sa, &x->turn->addr);
	} else if (sa->state == IKE_S_UP) {
		if (x->exchange == XCHG_IKE_AUTH && x->dir == XCH_RX_REQUEST)
			gateway_done(x);
		else
			client_done(x);
	}
}

const struct task_ops task_redirect = {
	.name = "redirect",
	.order = 25,
	.check = redirect_check,
	.apply = redirect_apply,
	.emit = redirect_emit,
	.done = redirect_done,
};
