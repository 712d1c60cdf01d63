/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our request in flight: sent, sent again, given up. The wait after try n is
 *   min(limit, timeout × base^n) × (1 − rnd(0..jitter)/100),  n = 0..tries,
 * drawn anew for each wait; after the last wait the exchange is given up.
 */
#include "ike/fragment.h"
#include "ike/life.h"
#include "ike/meter.h"
#include "ike/mobike.h"
#include "ike/msgio.h"
#include "ike/wait.h"

#include <stdio.h>

/* No wait is shorter or longer than this, whatever the settings. */
#define WAIT_MIN_MS 10.0
#define WAIT_MAX_MS 86400000.0

/* After so many tries the message may be too large for the path. */
#define SAME_SIZE_TRIES 2

/* After so many tries the path to this address of the peer may be broken. */
#define SAME_PATH_TRIES 2

static COUNTER(c_again, "ike.tx.retransmitted", "requests sent again");
static COUNTER(c_given_up, "ike.tx.given_up", "requests given up without answer");

const struct conf_retry *retry_of(const struct ike_engine *e, const struct ike_sa *sa)
{
	return sa->conn && sa->conn->retry.timeout_ms ? &sa->conn->retry : &e->env.conf->retry;
}

double retry_wait_ms(const struct conf_retry *r, uint32_t n)
{
	double wait = r->timeout_ms, base = r->base_x1000 / 1000.0;

	for (uint32_t i = 0; i < n && wait < WAIT_MAX_MS && wait > WAIT_MIN_MS; i++)
		wait *= base;
	if (r->limit_ms && wait > r->limit_ms)
		wait = r->limit_ms;
	return wait > WAIT_MAX_MS ? WAIT_MAX_MS : wait;
}

static void window_due(struct ike_engine *e, struct ike_timer *t);

static void window_arm(struct ike_xch *x)
{
	struct ike_engine *e = x->e;
	const struct conf_retry *r = retry_of(e, x->sa);
	double wait = retry_wait_ms(r, x->sent - 1);

	if (r->jitter_pct)
		wait *= 1.0 - (double)ike_rand_below(e, (uint64_t)r->jitter_pct * 1000 + 1) / 100000.0;
	if (wait < WAIT_MIN_MS)
		wait = WAIT_MIN_MS;
	timer_set(&e->timers, &x->timer, e->now_ms + (uint64_t)(wait + 0.5), window_due);
}

static void window_give_up(struct ike_xch *x)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	char peer[NET_ADDR_TEXT];
	err_t err = x->doubtful && x->err ? x->err : E_TIMEOUT;
	bool setup = sa->setup != NULL;
	const char *why = x->doubtful && x->why ? x->why : x->unsent;

	count_inc(&c_given_up);
	meter_exchange(x, err);
	ike_note(e, sa, x->doubtful ? "given up: refused" : x->unsent ? "given up: nothing leaves this host" : "given up: no answer");
	SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "giving up %s %u after %u tries: %s", ike_exchange_name(x->exchange), x->mid, x->sent,
		why ? why : "the peer does not answer; check the path to it, its address and its firewall");
	if (setup && sa->state == IKE_S_INIT_I && !x->doubtful &&
	    (!sa->conn->keyingtries || sa->setup->tried < sa->conn->keyingtries)) {
		SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "peer %s not responding, trying again (%u/%u)",
			net_addr_text(&sa->remote, false, peer), sa->setup->tried + 1, sa->conn->keyingtries);
		sa->tx = NULL;
		ike_xch_put(x);
		life_connect(e, sa);
		return;
	}
	if (x->work)
		ike_cmd_done(e, x->work->cmd_id, x->story == STORY_IKE_DELETE ? 0 : err,
			why ? why : err_text(err), sa->unique, 0);
	ike_event_sa(e, IKE_EV_ALERT, sa, false, err, why ? why : "the peer does not answer", NULL);
	ike_sa_end(e, sa, x->story == STORY_IKE_DELETE ? x->work ? x->work->reason : 0 : err, false,
		why ? why : err_text(err));
}

bool ike_unsent(struct ike_engine *e, const struct net_addr *local, const struct net_addr *remote, slice datagram, const char *why)
{
	struct rd r = rd_of(datagram);
	uint64_t spi_i = rd_u64(&r), spi_r = rd_u64(&r), v;
	char from[NET_ADDR_TEXT], to[NET_ADDR_TEXT], text[256];

	uint8_t flags = rd_u32(&r) & 0xff; /* behind payload, version and exchange */
	uint64_t ours = flags & IKE_FLAG_INITIATOR ? spi_i : spi_r;
	struct ike_sa *sa = ours && htab_find(e->by_spi, slice_of(&ours, sizeof ours), &v) ? ike_sa_at(e, handle_from_u64(v)) : NULL;
	if (!sa)
		return false;
	snprintf(text, sizeof text, "nothing leaves this host from %s to %s: %s; check local_addrs, the addresses of this host and its "
		"routes", net_addr_text(local, false, from), net_addr_text(remote, false, to), why);
	SA_LOG(e, sa, LOG_NETWORK, LOG_CONTROL, "%s", text);
	if (sa->tx && !(flags & IKE_FLAG_RESPONSE))
		sa->tx->unsent = arena_str(&sa->tx->arena, slice_str(text));
	return true;
}

static const uint8_t request_counter[] = { [XCHG_IKE_SA_INIT] = IKE_CNT_INIT_OUT_REQ, [XCHG_IKE_AUTH] = IKE_CNT_AUTH_OUT_REQ,
	[XCHG_CREATE_CHILD_SA] = IKE_CNT_CREATE_CHILD_OUT_REQ, [XCHG_INFORMATIONAL] = IKE_CNT_INFO_OUT_REQ };

void window_send(struct ike_xch *x)
{
	x->sent = 1;
	x->unsent = NULL;
	if (x->exchange >= XCHG_IKE_SA_INIT && x->exchange < ARRAY_LEN(request_counter))
		ike_count(x->e, x->sa, request_counter[x->exchange]);
	ike_send(x->e, x->sa, x->packet);
	window_arm(x);
}

static void window_due(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_xch *x = TIMER_OF(t, struct ike_xch, timer);
	struct ike_sa *sa = x->sa;

	ike_sa_enter(sa);
	if (x->doubtful || x->sent > retry_of(e, sa)->tries) {
		window_give_up(x);
	} else {
		count_inc(&c_again);
		SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "retransmit %u of request with message ID %u", x->sent, x->mid);
		x->sent++;
		if (x->sent > SAME_PATH_TRIES)
			mobike_try_other(e, sa);
		if (x->sent > SAME_SIZE_TRIES)
			frag_smaller(e, sa, &x->packet);
		x->unsent = NULL;
		ike_send(e, sa, x->packet);
		window_arm(x);
	}
	ike_sa_leave(e, sa);
}

void window_rearm(struct ike_xch *x)
{
	window_arm(x);
}

void window_doubt(struct ike_xch *x, uint64_t after_ms)
{
	uint64_t at = x->e->now_ms + after_ms;

	if (x->doubtful)
		return;
	x->doubtful = true;
	if (x->timer.at_ms > at || !timer_runs(&x->timer))
		timer_set(&x->e->timers, &x->timer, at, window_due);
}
