/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks of MOBIKE, and what makes an SA move. See mobike.h. */
#include "ike/mobike.h"

#include "ike/child.h"
#include "ike/index.h"
#include "ike/init.h"
#include "ike/life.h"
#include "ike/msgio.h"
#include "ike/wait.h"

#include <stdlib.h>

enum {
	PEER_ADDRS_MAX = 16, /* further addresses of a peer that are kept */
	SETTLE_MS = 300,     /* changes of a host come in groups */
	LOOK_AT_ONCE = 64,   /* SAs that are looked at before others have their turn */
	COOKIE2_LEN = 16     /* 8 to 64 are allowed (RFC 4555 section 4.2.5) */
};

static COUNTER(c_moved, "ike.mobike.moved", "IKE SAs that moved to another address of ours");
static COUNTER(c_followed, "ike.mobike.followed", "IKE SAs that followed the peer to another address");
static COUNTER(c_other, "ike.mobike.other_peer_address", "further addresses of a peer that were tried");
static COUNTER(c_cookie2, "ike.mobike.cookie2_wrong", "IKE SAs ended because a COOKIE2 came back changed");

struct ike_peer_addrs {
	uint8_t n, at;
	struct net_addr v[PEER_ADDRS_MAX];
};

void mobike_free(struct ike_sa *sa)
{
	free(sa->peer_addrs);
	sa->peer_addrs = NULL;
}

/* ---- addresses of both sides ------------------------------------------------------------------------------------------ */

static void peer_addr_add(struct ike_sa *sa, uint8_t family, slice data)
{
	struct net_addr a = { .family = family, .port = sa->remote.port };

	if (data.n != net_addr_len(family))
		return;
	if (!sa->peer_addrs)
		sa->peer_addrs = calloc(1, sizeof *sa->peer_addrs);
	if (!sa->peer_addrs || sa->peer_addrs->n == PEER_ADDRS_MAX)
		return;
	memcpy(a.a, data.p, data.n);
	sa->peer_addrs->v[sa->peer_addrs->n++] = a;
}

void mobike_addresses(struct ike_xch *x)
{
	const struct ike_msg *m = x->in;
	struct ike_sa *sa = x->sa;
	bool fresh = false;

	if (!(sa->flags & SA_MOBIKE))
		return;
	for (uint16_t i = 0; i < m->n_notifies; i++) {
		const struct wire_notify *n = &m->notifies[i];
		if (n->type != N_ADDITIONAL_IP4_ADDRESS && n->type != N_ADDITIONAL_IP6_ADDRESS && n->type != N_NO_ADDITIONAL_ADDRESSES)
			continue;
		/* The list is always told as a whole. */
		if (!fresh && sa->peer_addrs)
			sa->peer_addrs->n = sa->peer_addrs->at = 0;
		fresh = true;
		if (n->type != N_NO_ADDITIONAL_ADDRESSES)
			peer_addr_add(sa, n->type == N_ADDITIONAL_IP6_ADDRESS ? NET_V6 : NET_V4, n->data);
	}
}

static void emit_addresses(const struct ike_sa *sa, struct ike_out *out)
{
	unsigned n = 0;

	for (uint16_t i = 0; i < sa->conn->n_local_addrs; i++) {
		const struct net_addr *a = &sa->conn->local_addrs[i];
		if (net_addr_same(a, &sa->local))
			continue;
		wire_put_notify(out, a->family == NET_V6 ? N_ADDITIONAL_IP6_ADDRESS : N_ADDITIONAL_IP4_ADDRESS,
			slice_of(a->a, net_addr_len(a->family)));
		n++;
	}
	if (!n)
		wire_put_notify(out, N_NO_ADDITIONAL_ADDRESSES, SLICE_NONE);
}

/* ---- IKE_AUTH --------------------------------------------------------------------------------------------------------- */

static enum verdict mobike_apply(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;

	if (!sa->conn->mobike || !wire_notify(x->in, N_MOBIKE_SUPPORTED))
		return V_DONE;
	sa->flags |= SA_MOBIKE | (sa->initiator ? SA_MOVER : 0);
	mobike_addresses(x);
	return V_DONE;
}

static enum verdict mobike_emit(struct ike_xch *x, struct ike_out *out)
{
	if (x->dir == XCH_TX_REQUEST ? !x->sa->conn->mobike : !(x->sa->flags & SA_MOBIKE))
		return V_DONE;
	wire_put_notify(out, N_MOBIKE_SUPPORTED, SLICE_NONE);
	emit_addresses(x->sa, out);
	return V_DONE;
}

const struct task_ops task_mobike = {
	.name = "mobike",
	.order = 35,
	.apply = mobike_apply,
	.emit = mobike_emit,
};

/* ---- moving ----------------------------------------------------------------------------------------------------------- */

/* Where the SA stands now holds for its children as well. */
static void moved(struct ike_engine *e, struct ike_sa *sa, const char *note)
{
	ike_note(e, sa, note);
	index_conn_del(e, sa);
	index_conn_add(e, sa);
	child_addresses_changed(e, sa);
	alive_arm(e, sa);
	ike_event_sa(e, IKE_EV_IKE_UPDATE, sa, true, 0, NULL, NULL);
}

static void queue_first(struct ike_engine *e, struct ike_sa *sa, uint8_t story)
{
	for (const struct ike_work *w = sa->work; w; w = w->next)
		if (w->story == story)
			return;
	struct ike_work *w = ike_work_new(story, NULL, NULL, 0);
	if (w)
		ike_work_add(e, sa, w);
}

static void go_to(struct ike_engine *e, struct ike_sa *sa, const struct net_addr *local, const struct net_addr *remote)
{
	char l[NET_ADDR_TEXT], r[NET_ADDR_TEXT];
	uint16_t lp = sa->local.port, rp = sa->remote.port;

	sa->local = *local;
	sa->remote = *remote;
	sa->local.port = lp;
	sa->remote.port = rp;
	SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "IKE_SA %s[%llu] moves to %s...%s", sa->conn->name, (unsigned long long)sa->unique,
		net_addr_text(&sa->local, true, l), net_addr_text(&sa->remote, true, r));
	/* What is out comes from the new address as well (RFC 4555 section 3.5). */
	if (sa->tx && sa->tx->packet && sa->tx->stage == XCH_IDLE && sa->tx->dir == XCH_TX_REQUEST)
		ike_send(e, sa, sa->tx->packet);
	queue_first(e, sa, STORY_MOVE);
}

static bool may_call_from(const struct conf_conn *c, const struct net_addr *a)
{
	bool any = !c->n_local_addrs;

	for (uint16_t i = 0; i < c->n_local_addrs && !any; i++)
		any = net_addr_same(&c->local_addrs[i], a);
	return any;
}

static void look(struct ike_engine *e, struct ike_sa *sa)
{
	struct net_addr from = { 0 };

	if (sa->state != IKE_S_UP || !(sa->flags & SA_MOVER) || (sa->flags & SA_STANDBY) || !e->env.local_addr)
		return;
	if (!e->env.local_addr(e->env.arg, &sa->remote, &from)) {
		mobike_try_other(e, sa);
		return;
	}
	if (net_addr_same(&from, &sa->local) || !may_call_from(sa->conn, &from))
		return;
	go_to(e, sa, &from, &sa->remote);
}

void mobike_try_other(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_peer_addrs *p = sa->peer_addrs;
	struct net_addr from = { 0 };

	if (sa->state != IKE_S_UP || !(sa->flags & SA_MOVER) || !e->env.local_addr)
		return;
	for (uint8_t i = 0; p && i < p->n; i++) {
		struct net_addr *to = &p->v[(p->at + i) % p->n], was = sa->remote;
		if (net_addr_same(to, &sa->remote) || !e->env.local_addr(e->env.arg, to, &from) || !may_call_from(sa->conn, &from))
			continue;
		count_inc(&c_other);
		go_to(e, sa, &from, to);
		/* The one that was left is a further one now. */
		*to = was;
		p->at = (uint8_t)((p->at + i + 1) % p->n);
		return;
	}
}

static void look_due(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_sa *sa;

	for (int i = 0; i < LOOK_AT_ONCE; i++) {
		sa = ike_sa_next(e, &e->roam_at);
		if (!sa)
			return;
		ike_sa_enter(sa);
		look(e, sa);
		ike_sa_leave(e, sa);
	}
	timer_set(&e->timers, t, e->now_ms + 1, look_due);
}

void mobike_host_changed(struct ike_engine *e)
{
	e->roam_at = 0;
	timer_set(&e->timers, &e->t_roam, e->now_ms + SETTLE_MS, look_due);
}

/* ---- UPDATE_SA_ADDRESSES ---------------------------------------------------------------------------------------------- */

static enum verdict cookie2_new(struct ike_xch *x)
{
	uint8_t *p = x->cookie2.p ? NULL : arena_get(&x->arena, COOKIE2_LEN);

	if (x->cookie2.p)
		return V_DONE;
	if (!p || crypto_random(x->e->env.crypto, p, COOKIE2_LEN))
		return ike_reject(x, E_NOMEM, "no COOKIE2");
	x->cookie2 = slice_of(p, COOKIE2_LEN);
	return V_DONE;
}

static enum verdict cookie2_check(struct ike_xch *x)
{
	const struct wire_notify *n = wire_notify(x->in, N_COOKIE2);

	if (n && slice_equal(n->data, x->cookie2))
		return V_DONE;
	count_inc(&c_cookie2);
	return ike_close(x, E_SYNTAX, "the peer's COOKIE2 is not the one it was sent: it may not be where it says it is");
}

void mobike_emit_cookie2(const struct ike_xch *x, struct ike_out *out)
{
	const struct wire_notify *n = x->dir == XCH_RX_REQUEST ? wire_notify(x->in, N_COOKIE2) : NULL;

	if (n && n->data.n >= 8 && n->data.n <= 64)
		wire_put_notify(out, N_COOKIE2, n->data);
}

/* NO_NATS_ALLOWED has the addresses and ports the sender used: source, destination. */
static bool nat_refused(const struct ike_xch *x)
{
	const struct wire_notify *n = wire_notify(x->in, N_NO_NATS_ALLOWED);
	const struct net_addr *v[] = { &x->in_remote, &x->in_local };
	uint8_t want[2 * 16 + 4];
	struct wr w = wr_of(want, sizeof want);

	if (!n)
		return false;
	for (int i = 0; i < 2; i++)
		wr_bytes(&w, slice_of(v[i]->a, net_addr_len(v[i]->family)));
	for (int i = 0; i < 2; i++)
		wr_u16(&w, v[i]->port);
	return !slice_equal(n->data, wr_done(&w));
}

static enum verdict move_check(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	const struct wire_notify *err;

	if (x->dir == XCH_TX_REQUEST)
		return cookie2_new(x);
	if (x->dir == XCH_RX_RESPONSE) {
		enum verdict v = cookie2_check(x);
		err = wire_error(x->in);
		return v != V_DONE || !err ? v : ike_refused(x, err);
	}
	if (!(sa->flags & SA_MOBIKE))
		return V_DONE; /* an unknown status notify is ignored */
	if (sa->flags & SA_MOVER)
		return ike_reject(x, E_UNEXPECTED, "the peer wants to move, but this side set the IKE SA up and decides");
	if (nat_refused(x)) {
		(void)ike_reject(x, E_REFUSED, "the peer wants no NAT on the path, and there is one");
		x->notify = N_UNEXPECTED_NAT_DETECTED;
		return V_REJECT;
	}
	return V_DONE;
}

static enum verdict move_apply(struct ike_xch *x)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	char l[NET_ADDR_TEXT], r[NET_ADDR_TEXT];

	if (x->dir == XCH_RX_RESPONSE) {
		/* Moved on meanwhile: that move tells of NATs. */
		if (net_addr_same(&sa->local, &x->in_local) && net_addr_same(&sa->remote, &x->in_remote))
			natd_again(x);
		count_inc(&c_moved);
		moved(e, sa, "moved to another address");
		return V_DONE;
	}
	if (!(sa->flags & SA_MOBIKE))
		return V_DONE;
	sa->local = x->in_local;
	sa->remote = x->in_remote;
	natd_again(x);
	mobike_addresses(x);
	count_inc(&c_followed);
	SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "IKE_SA %s[%llu] follows the peer: %s...%s", sa->conn->name,
		(unsigned long long)sa->unique, net_addr_text(&sa->local, true, l), net_addr_text(&sa->remote, true, r));
	moved(e, sa, "followed the peer to another address");
	return V_DONE;
}

static enum verdict move_emit(struct ike_xch *x, struct ike_out *out)
{
	struct ike_sa *sa = x->sa;

	if (x->dir == XCH_TX_REQUEST) {
		wire_put_notify(out, N_UPDATE_SA_ADDRESSES, SLICE_NONE);
		natd_put(x, out, sa->spi_r);
		wire_put_notify(out, N_COOKIE2, x->cookie2);
	} else if (sa->flags & SA_MOBIKE) {
		natd_put(x, out, sa->spi_r);
		mobike_emit_cookie2(x, out);
	}
	return V_DONE;
}

static void move_done(struct ike_xch *x)
{
	if (x->dir == XCH_RX_REQUEST && x->sa->state == IKE_S_UP && x->sa->flags & SA_MOBIKE)
		queue_first(x->e, x->sa, STORY_REACH);
}

const struct task_ops task_move = {
	.name = "address-update",
	.order = 40,
	.check = move_check,
	.apply = move_apply,
	.emit = move_emit,
	.done = move_done,
};

/* ---- COOKIE2 alone ---------------------------------------------------------------------------------------------------- */

static enum verdict reach_check(struct ike_xch *x)
{
	return x->dir == XCH_TX_REQUEST ? cookie2_new(x) : x->dir == XCH_RX_RESPONSE ? cookie2_check(x) : V_DONE;
}

static enum verdict reach_emit(struct ike_xch *x, struct ike_out *out)
{
	/* The peer's own comes back from task_info. */
	if (x->dir == XCH_TX_REQUEST)
		wire_put_notify(out, N_COOKIE2, x->cookie2);
	return V_DONE;
}

const struct task_ops task_reach = {
	.name = "reachability",
	.order = 40,
	.check = reach_check,
	.emit = reach_emit,
};
