/* SPDX-License-Identifier: Apache-2.0 */
/* A message of an IKE SA: kept while the SA waits, checked against the window, opened, handed to its exchange. */
#include "ike/followup.h"
#include "ike/fragment.h"
#include "ike/index.h"
#include "ike/intermediate.h"
#include "ike/life.h"
#include "ike/msgio.h"
#include "ike/wait.h"

#include <stdlib.h>

static COUNTER(c_integrity, "ike.rx.integrity", "messages whose integrity check failed");
static COUNTER(c_clear, "ike.rx.unprotected", "unprotected messages for an IKE SA with keys");
static COUNTER(c_window, "ike.rx.window", "requests outside the window of message IDs");
static COUNTER(c_late, "ike.rx.late", "answers nobody waits for");
static COUNTER(c_inbox, "ike.rx.inbox_full", "messages for a busy IKE SA that found its inbox full");
COUNTER(ike_rx_malformed, "ike.rx.malformed", "messages that could not be read");
COUNTER(ike_rx_duplicate, "ike.rx.duplicate", "requests that came again");

/* ---- inbox ---------------------------------------------------------------------------------------------------------- */

struct ike_inbox {
	struct ike_inbox *next;
	struct net_addr local, remote;
	size_t n;
	uint8_t b[];
};

void ike_inbox_put(struct ike_engine *e, struct ike_sa *sa, const struct net_addr *local, const struct net_addr *remote,
	slice datagram)
{
	struct ike_inbox **p = &sa->inbox;
	uint32_t n = 0;

	for (; *p; p = &(*p)->next, n++)
		if ((*p)->n == datagram.n && memcmp((*p)->b, datagram.p, datagram.n) == 0)
			return;
	struct ike_inbox *m = n < e->env.conf->max_pending_per_ike ? malloc(sizeof *m + datagram.n) : NULL;
	if (!m) {
		count_inc(&c_inbox);
		return;
	}
	m->next = NULL;
	m->local = *local;
	m->remote = *remote;
	m->n = datagram.n;
	memcpy(m->b, datagram.p, datagram.n);
	*p = m;
}

void inbox_free(struct ike_sa *sa)
{
	while (sa->inbox) {
		struct ike_inbox *m = sa->inbox;
		sa->inbox = m->next;
		free(m);
	}
}

void ike_inbox_run(struct ike_engine *e, struct ike_sa *sa)
{
	while (sa->inbox && sa->state != IKE_S_GONE && !ike_sa_waits(sa)) {
		struct ike_inbox *m = sa->inbox;
		slice d = slice_of(m->b, m->n);
		struct rd r = rd_of(d);
		struct ike_hdr h;
		sa->inbox = m->next;
		if (!wire_parse_hdr(&r, &h))
			ike_sa_rx(e, sa, &h, &m->local, &m->remote, d);
		free(m);
	}
}

/* ---- messages of an SA ------------------------------------------------------------------------------------------------- */

static void log_unreadable(struct ike_engine *e, struct ike_sa *sa, const struct ike_hdr *h, err_t err, const struct diag *why)
{
	struct log_ctx ctx = ike_log_ctx(sa);
	char buf[300];

	ctx.code = err;
	log_peer(e->env.log, LOG_ENCODING, LOG_CONTROL, &ctx, "%s %s %u from the peer dropped: %s", ike_exchange_name(h->exchange),
		ike_is_response(h) ? "response" : "request", h->mid, diag_text(why, err, buf, sizeof buf));
}

/* RFC 7296 section 2.21.4: an unprotected notify about our SA is a hint, nothing more. */
static void unprotected(struct ike_engine *e, struct ike_sa *sa, const struct ike_msg *m)
{
	const struct wire_notify *n = wire_error(m);

	count_inc(&c_clear);
	if (n && sa->state == IKE_S_UP && ike_is_response(&m->hdr))
		life_probe(e, sa, "an unprotected error notify came: asking the peer whether it is alive");
}

/* The address of the latest authenticated request is where the peer is (RFC 7296 section 2.23), unless we are behind a NAT
 * ourselves: then it is the peer that follows us. */
static void follow_address(struct ike_engine *e, struct ike_sa *sa, const struct net_addr *local, const struct net_addr *remote)
{
	char was[NET_ADDR_TEXT], is[NET_ADDR_TEXT];

	if (net_addr_same_port(&sa->remote, remote) && net_addr_same_port(&sa->local, local))
		return;
	bool nat_move = e->env.conf->flexible_addresses && (sa->flags & SA_NAT_REMOTE) && !(sa->flags & SA_NAT_LOCAL);
	if (sa->state != IKE_S_MORE_R && sa->state != IKE_S_AUTH_R && !nat_move)
		return;
	SA_LOG(e, sa, LOG_NETWORK, LOG_DETAIL, "peer is now at %s, was at %s", net_addr_text(remote, true, is),
		net_addr_text(&sa->remote, true, was));
	sa->local = *local;
	sa->remote = *remote;
	if (sa->state == IKE_S_UP) {
		index_conn_del(e, sa);
		index_conn_add(e, sa);
		child_addresses_changed(e, sa);
		ike_event_sa(e, IKE_EV_IKE_UPDATE, sa, true, 0, NULL, NULL);
	}
}

void ike_count_in(struct ike_engine *e, const struct ike_sa *sa, const struct ike_hdr *h)
{
	static const uint8_t row[][2] = {
		{ IKE_CNT_INIT_IN_REQ, IKE_CNT_INIT_IN_RESP },
		{ IKE_CNT_AUTH_IN_REQ, IKE_CNT_AUTH_IN_RESP },
		{ IKE_CNT_CREATE_CHILD_IN_REQ, IKE_CNT_CREATE_CHILD_IN_RESP },
		{ IKE_CNT_INFO_IN_REQ, IKE_CNT_INFO_IN_RESP },
	};

	if (h->exchange >= XCHG_IKE_SA_INIT && h->exchange <= XCHG_INFORMATIONAL)
		ike_count(e, sa, row[h->exchange - XCHG_IKE_SA_INIT][ike_is_response(h)]);
}

/* A request that can be opened but not read: INVALID_SYNTAX or UNSUPPORTED_CRITICAL_PAYLOAD is its answer; a request that
 * is badly formatted ends the SA on both sides (RFC 7296 section 2.21.3). */
static void request_unreadable(struct ike_xch *x, err_t err, const struct diag *why)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	uint16_t notify = err_notify(err) ? err_notify(err) : N_INVALID_SYNTAX;
	slice data = notify == N_UNSUPPORTED_CRITICAL_PAYLOAD ? slice_of(&x->in->bad_type, 1) : SLICE_NONE;
	char buf[300];

	SA_LOG(e, sa, LOG_ENCODING, LOG_CONTROL, "%s request %u refused: %s", ike_exchange_name(x->exchange), x->mid,
		diag_text(why, err, buf, sizeof buf));
	if (err_class(err) != ERR_PEER)
		return; /* no memory: the peer will send it again */
	if (msg_answer_error(x, notify, data) == 0)
		sa->rx_mid = x->mid + 1;
	if (notify != N_UNSUPPORTED_CRITICAL_PAYLOAD || sa->state != IKE_S_UP)
		ike_sa_end(e, sa, err, false, "the peer sent a malformed message");
}

/* Said of what is authentic alone: otherwise anybody who has seen the SPIs could fill the log. */
static void log_received(struct ike_xch *x, const struct net_addr *local, const struct net_addr *remote, size_t n)
{
	char l[NET_ADDR_TEXT], a[NET_ADDR_TEXT];

	if (log_wants(x->e->env.log, LOG_NETWORK, LOG_CONTROL))
		SA_LOG(x->e, x->sa, LOG_NETWORK, LOG_CONTROL, "received packet: from %s to %s (%zu bytes)",
			net_addr_text(remote, true, a), net_addr_text(local, true, l), n);
}

/* The first fragment of a request that has been answered, cut anew by a peer whose larger ones or whose answer got lost. */
static bool answered_before(struct ike_engine *e, struct ike_sa *sa, const struct ike_hdr *h, slice datagram)
{
	bool authentic = false;

	if (h->mid + 1 != sa->rx_mid || !sa->answer || h->next != PLD_SKF || !(sa->flags & SA_FRAG))
		return false;
	struct ike_xch *x = ike_xch_get(e, sa, XCH_RX_RESPONSE);
	if (!x)
		return false;
	if (msg_read(x, datagram, &authentic, NULL) && authentic)
		authentic = x->in->sk.frag == 1;
	ike_xch_put(x);
	return authentic;
}

static void sa_request(struct ike_engine *e, struct ike_sa *sa, const struct ike_hdr *h, const struct net_addr *local,
	const struct net_addr *remote, slice datagram)
{
	struct diag *why = NULL;
	bool authentic;

	if (h->mid != sa->rx_mid) {
		if (h->mid + 1 == sa->rx_mid && sa->answer && sa->answer->of == siphash(e->seed, datagram)) {
			count_inc(&ike_rx_duplicate);
			SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "received retransmit of request with ID %u, retransmitting response", h->mid);
			msg_send_answer_again(e, sa, local, remote, false);
			return;
		}
		if (answered_before(e, sa, h, datagram)) {
			count_inc(&ike_rx_duplicate);
			msg_send_answer_again(e, sa, local, remote, true);
			return;
		}
		count_inc(&c_window);
		return;
	}
	if (sa->rx) {
		count_inc(&ike_rx_duplicate);
		return;
	}
	more_keys_due(sa);
	struct ike_xch *x = ike_xch_get(e, sa, XCH_RX_REQUEST);
	if (!x)
		return;
	x->exchange = h->exchange;
	x->mid = h->mid;
	x->in_hash = siphash(e->seed, datagram);
	x->in_local = *local;
	x->in_remote = *remote;
	err_t err = msg_read(x, datagram, &authentic, &why);
	if (!authentic) {
		count_inc(err == E_INTEGRITY ? &c_integrity : err ? &ike_rx_malformed : &c_clear);
		if (err)
			log_unreadable(e, sa, h, err, why);
		else
			unprotected(e, sa, x->in);
		diag_free(&why);
		ike_xch_put(x);
		return;
	}
	log_received(x, local, remote, datagram.n);
	sa->last_in_ms = e->now_ms;
	if (err == E_AGAIN) {
		ike_xch_put(x);
		return;
	}
	frag_request_whole(x);
	ike_count_in(e, sa, h);
	follow_address(e, sa, local, remote);
	if (err) {
		count_inc(&ike_rx_malformed);
		ike_count(e, sa, IKE_CNT_INVALID);
		request_unreadable(x, err, why);
		diag_free(&why);
		ike_xch_put(x);
		return;
	}
	msg_log_in(x);
	x = follow_unpark(x);
	sa->rx = x;
	ike_run_request(x);
}

static bool addr_known(const struct net_addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->a, zero, sizeof zero) != 0;
}

static void sa_answer(struct ike_engine *e, struct ike_sa *sa, const struct ike_hdr *h, const struct net_addr *local,
	const struct net_addr *remote, slice datagram)
{
	struct ike_xch *x = sa->tx;
	struct diag *why = NULL;
	bool authentic;

	if (!x || x->stage != XCH_IDLE || x->dir != XCH_TX_REQUEST || x->mid != h->mid || x->exchange != h->exchange) {
		count_inc(&c_late);
		return;
	}
	x->in_local = *local;
	x->in_remote = *remote;
	err_t err = msg_read(x, datagram, &authentic, &why);
	bool first = x->exchange == XCHG_IKE_SA_INIT;
	if (err && (first || !authentic)) {
		count_inc(err == E_INTEGRITY ? &c_integrity : &ike_rx_malformed);
		log_unreadable(e, sa, h, err, why);
		ike_count(e, sa, IKE_CNT_INVALID);
		x->in = NULL;
	} else if (!first && !authentic) {
		unprotected(e, sa, x->in);
		x->in = NULL;
	} else if (err == E_AGAIN) {
		log_received(x, local, remote, datagram.n);
		sa->last_in_ms = e->now_ms;
		x->in = NULL;
	} else if (err) {
		count_inc(&ike_rx_malformed);
		ike_count(e, sa, IKE_CNT_INVALID);
		log_unreadable(e, sa, h, err, why);
		ike_sa_end(e, sa, err, false, "the peer sent a malformed message");
	} else {
		log_received(x, local, remote, datagram.n);
		msg_log_in(x);
		sa->last_in_ms = e->now_ms;
		ike_count_in(e, sa, h);
		/* The system chose our address when the request left: here it is. */
		if (first && !addr_known(&sa->local)) {
			uint16_t port = sa->local.port;
			sa->local = *local;
			sa->local.port = port;
		}
		ike_run_answer(x);
	}
	diag_free(&why);
}

void ike_sa_rx(struct ike_engine *e, struct ike_sa *sa, const struct ike_hdr *h, const struct net_addr *local,
	const struct net_addr *remote, slice datagram)
{
	if (ike_is_response(h))
		sa_answer(e, sa, h, local, remote, datagram);
	else
		sa_request(e, sa, h, local, remote, datagram);
}
