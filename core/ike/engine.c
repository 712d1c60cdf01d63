/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's entries: what comes in is brought to its SA and exchange. */
#include "ike/cmd.h"
#include "ike/counts.h"
#include "ike/meter.h"
#include "ike/dos.h"
#include "ike/life.h"
#include "ike/mobike.h"
#include "ike/pool.h"
#include "ike/redirect.h"
#include "ike/msgio.h"
#include "ike/wait.h"

#include <stdlib.h>

#define SCRATCH_BYTES ((size_t)4 << 20)
/* The first message of a stranger is kept until IKE_AUTH: so much memory a half-open SA may cost. */
#define INIT_MAX_BYTES 16384
/* One timer call handles at most so many, so that a tick with 100,000 due timers does not hold the loop. */
#define TICK_MAX 2048

static COUNTER(c_rx, "ike.rx.messages", "IKE messages received");
static COUNTER(c_rx_bytes, "ike.rx.bytes", "bytes of IKE messages received");
static COUNTER(c_version, "ike.rx.version", "messages of another major version");
static COUNTER(c_spi, "ike.rx.unknown_spi", "messages for an IKE SA that is not there");
static COUNTER(c_dropped, "ike.rx.init_dropped", "IKE_SA_INIT requests not admitted");
static COUNTER(c_cookie, "ike.rx.cookie_asked", "IKE_SA_INIT requests answered with a cookie");

/* ---- IKE_SA_INIT from strangers -------------------------------------------------------------------------------------------- */

static void init_log(struct ike_engine *e, const struct net_addr *remote, err_t code, const char *text)
{
	struct log_ctx ctx = { .peer = remote, .code = code };
	char a[NET_ADDR_TEXT];

	log_peer(e->env.log, LOG_IKE, LOG_CONTROL, &ctx, "IKE_SA_INIT request from %s %s", net_addr_text(remote, true, a), text);
}

static void init_new_sa(struct ike_xch *x, const struct net_addr *local, const struct net_addr *remote)
{
	struct ike_engine *e = x->e;
	const struct ike_hdr *h = &x->in->hdr;
	size_t cursor = 0;
	struct conf_conn *conn = e->env.conn_match(e->env.arg, local, remote, &cursor);

	if (!conn) {
		init_log(e, remote, E_NO_CONN, "refused: no connection has these addresses; add one, or correct local_addrs and "
			"remote_addrs");
		msg_answer_stranger(e, local, remote, h, N_NO_PROPOSAL_CHOSEN, SLICE_NONE);
		ike_xch_put(x);
		return;
	}
	struct ike_sa *sa = ike_sa_new(e, false, conn, local, remote);
	if (!sa) {
		ike_xch_put(x);
		return;
	}
	ike_sa_enter(sa);
	x->sa = sa;
	sa->rx = x;
	sa->spi_i = h->spi_i;
	sa->facts |= FACT_COOKIE_OK;
	sa->setup = calloc(1, sizeof *sa->setup);
	if (sa->setup) {
		sa->setup->init_from = *remote;
		sa->setup->init_hash = siphash(e->seed, x->in_bytes);
	}
	if (sa->setup && dos_half_open_add(e, sa) == 0) {
		half_open_arm(e, sa);
		ike_count_in(e, sa, h);
		msg_log_in(x);
		ike_run_request(x);
	} else {
		ike_sa_end(e, sa, E_NOMEM, false, err_text(E_NOMEM));
	}
	ike_sa_leave(e, sa);
}

/* Under load: does the request bring a cookie of ours? Otherwise it has been answered with one, undecoded. */
static bool init_cookie(struct ike_engine *e, const struct ike_hdr *h, const struct net_addr *local,
	const struct net_addr *remote, slice datagram)
{
	uint8_t cookie[DOS_COOKIE_LEN];
	slice nonce, got;

	wire_peek_cookie(datagram, &nonce, &got);
	if (nonce.p && got.p && dos_cookie_ok(e, remote, h->spi_i, nonce, got))
		return true;
	if (nonce.p) {
		count_inc(&c_cookie);
		dos_cookie_make(e, remote, h->spi_i, nonce, cookie);
		msg_answer_stranger(e, local, remote, h, N_COOKIE, slice_of(cookie, sizeof cookie));
	}
	return false;
}

/* Can the request be read into x->in? Otherwise it has been answered or dropped. */
static bool init_read(struct ike_xch *x, const struct net_addr *local, const struct net_addr *remote, slice datagram)
{
	struct ike_engine *e = x->e;
	struct diag *why = NULL;
	err_t err = msg_read_clear(x, datagram, &why);

	if (err) {
		char buf[300];
		uint16_t notify = err_notify(err);
		count_inc(&ike_rx_malformed);
		ike_count(e, NULL, IKE_CNT_INVALID);
		init_log(e, remote, err, diag_text(why, err, buf, sizeof buf));
		diag_free(&why);
		if (x->in && notify)
			msg_answer_stranger(e, local, remote, &x->in->hdr, notify,
				err == E_CRITICAL ? slice_of(&x->in->bad_type, 1) : SLICE_NONE);
		return false;
	}
	return true;
}

static void init_request(struct ike_engine *e, const struct ike_hdr *h, const struct net_addr *local,
	const struct net_addr *remote, slice datagram)
{
	const char *text = NULL;
	struct ike_sa *sa = dos_init_find(e, remote, h->spi_i);

	if (sa) {
		count_inc(&ike_rx_duplicate);
		if (sa->answer && sa->setup && sa->setup->init_hash == siphash(e->seed, datagram))
			msg_send_answer_again(e, sa, local, remote, false);
		return;
	}
	enum dos_verdict v = dos_admit(e, remote, &text);
	if (v == DOS_DROP) {
		count_inc(&c_dropped);
		init_log(e, remote, E_LIMIT, text);
		return;
	}
	if (datagram.n > INIT_MAX_BYTES) {
		count_inc(&c_dropped);
		init_log(e, remote, E_TOO_MANY, "dropped: it is larger than any set of proposals needs");
		return;
	}
	if (v == DOS_COOKIE && !init_cookie(e, h, local, remote, datagram))
		return;
	struct ike_xch *x = ike_xch_get(e, NULL, XCH_RX_REQUEST);
	if (!x)
		return;
	x->exchange = h->exchange;
	x->mid = h->mid;
	if (!init_read(x, local, remote, datagram) || redirect_stranger(x, local, remote))
		ike_xch_put(x);
	else
		init_new_sa(x, local, remote);
}

/* ---- entries ------------------------------------------------------------------------------------------------------------ */

static void stranger(struct ike_engine *e, const struct ike_hdr *h, const struct net_addr *local, const struct net_addr *remote)
{
	struct log_ctx ctx = { .peer = remote, .spi_i = h->spi_i, .spi_r = h->spi_r, .code = E_UNKNOWN_SPI };
	char a[NET_ADDR_TEXT];

	count_inc(&c_spi);
	ike_count(e, NULL, IKE_CNT_INVALID_SPI);
	log_peer(e->env.log, LOG_IKE, LOG_CONTROL, &ctx, "%s %s %u from %s for an IKE SA that is not here",
		ike_exchange_name(h->exchange), ike_is_response(h) ? "response" : "request", h->mid, net_addr_text(remote, true, a));
	if (!ike_is_response(h))
		msg_answer_stranger(e, local, remote, h, N_INVALID_IKE_SPI, SLICE_NONE);
}

static void header_log(struct ike_engine *e, const struct net_addr *remote, err_t err, const struct ike_hdr *h, size_t n)
{
	struct log_ctx ctx = { .peer = remote, .code = err ? err : E_SYNTAX };
	char a[NET_ADDR_TEXT];

	if (err == E_TRUNCATED)
		log_peer(e->env.log, LOG_ENCODING, LOG_CONTROL, &ctx, "datagram of %zu bytes from %s dropped: too short for an IKE "
			"message", n, net_addr_text(remote, true, a));
	else
		log_peer(e->env.log, LOG_ENCODING, LOG_CONTROL, &ctx, "message of %zu bytes from %s dropped: %s", n,
			net_addr_text(remote, true, a), h->len == n ? "its initiator SPI is zero" : "its header has another length");
}

void ike_rx(struct ike_engine *e, uint64_t now_ms, const struct net_addr *local, const struct net_addr *remote, slice datagram,
	struct fx_list *out)
{
	struct rd r = rd_of(datagram);
	struct ike_hdr h = { 0 };

	ike_enter(e, now_ms, out);
	count_inc(&c_rx);
	count_add(&c_rx_bytes, datagram.n);
	err_t err = wire_parse_hdr(&r, &h);
	if (err == E_VERSION) {
		count_inc(&c_version);
		init_log(e, remote, err, "or other message with a major version that is not 2; the peer has to be set to IKEv2");
		if (!ike_is_response(&h) && h.version >> 4 > 2)
			msg_answer_stranger(e, local, remote, &h, N_INVALID_MAJOR_VERSION, SLICE_NONE);
		return;
	}
	if (err || h.len != datagram.n || !h.spi_i) {
		header_log(e, remote, err, &h, datagram.n);
		count_inc(&ike_rx_malformed);
		ike_count(e, NULL, IKE_CNT_INVALID);
		return;
	}
	if (h.exchange == XCHG_IKE_SA_INIT && !ike_is_response(&h)) {
		if (h.spi_r || h.mid || !ike_by_initiator(&h)) {
			count_inc(&ike_rx_malformed);
			return;
		}
		init_request(e, &h, local, remote, datagram);
		return;
	}
	bool mine_i = !ike_by_initiator(&h);
	uint64_t spi = mine_i ? h.spi_i : h.spi_r, v;
	struct ike_sa *sa = NULL;
	if (spi && htab_find(e->by_spi, slice_of(&spi, sizeof spi), &v))
		sa = ike_sa_at(e, handle_from_u64(v));
	uint64_t theirs = !sa ? 0 : mine_i ? sa->spi_r : sa->spi_i;
	if (!sa || sa->initiator != mine_i || (theirs && theirs != (mine_i ? h.spi_r : h.spi_i))) {
		stranger(e, &h, local, remote);
		return;
	}
	if (ike_sa_waits(sa)) {
		ike_inbox_put(e, sa, local, remote, datagram);
		return;
	}
	ike_sa_enter(sa);
	ike_sa_rx(e, sa, &h, local, remote, datagram);
	ike_inbox_run(e, sa);
	ike_sa_leave(e, sa);
}

uint64_t ike_next_ms(const struct ike_engine *e)
{
	return timers_next_ms(&e->timers);
}

void ike_tick(struct ike_engine *e, uint64_t now_ms, struct fx_list *out)
{
	struct ike_timer *t;

	ike_enter(e, now_ms, out);
	for (int i = 0; i < TICK_MAX && (t = timers_due(&e->timers, e->now_ms)); i++)
		t->fire(e, t);
}

void ike_kern_event(struct ike_engine *e, uint64_t now_ms, const struct kern_event *ev, struct fx_list *out)
{
	ike_enter(e, now_ms, out);
	if (ev->type == KERN_EV_LINK)
		mobike_host_changed(e);
	else
		child_kern_event(e, ev);
}

void ike_conf_changed(struct ike_engine *e, uint64_t now_ms, struct fx_list *out)
{
	ike_enter(e, now_ms, out);
	child_conf_changed(e);
}

void ike_events_wanted(struct ike_engine *e, uint32_t type_mask)
{
	e->events_mask = type_mask;
}

void ike_shutdown(struct ike_engine *e, uint64_t now_ms, struct fx_list *out)
{
	uint32_t cursor = 0;
	struct ike_sa *sa;

	ike_enter(e, now_ms, out);
	if (e->stopping)
		return;
	e->stopping = true;
	child_world_stop(e);
	while ((sa = ike_sa_next(e, &cursor))) {
		sa->flags |= SA_KEEP_QUIET;
		struct ike_work *w = sa->state == IKE_S_UP ? ike_work_new(STORY_IKE_DELETE, NULL, NULL, 0) : NULL;
		if (!w) {
			ike_sa_end(e, sa, E_SHUTDOWN, false, err_text(E_SHUTDOWN));
			continue;
		}
		w->reason = E_SHUTDOWN;
		ike_work_add(e, sa, w);
	}
}

bool ike_idle(const struct ike_engine *e)
{
	return slab_count(e->sas) == 0;
}

err_t ike_engine_new(const struct ike_env *env, struct ike_engine **out)
{
	struct ike_engine *e = calloc(1, sizeof *e);
	err_t err = E_NOMEM;

	*out = NULL;
	if (!e)
		return E_NOMEM;
	e->env = *env;
	e->events_mask = UINT32_MAX;
	arena_init(&e->scratch, SCRATCH_BYTES);
	timers_init(&e->timers);
	err = crypto_random(env->crypto, e->seed, sizeof e->seed);
	if (err)
		goto out;
	err = E_NOMEM;
	e->buf = malloc(ENGINE_BUF);
	e->sas = slab_new(sizeof(struct ike_sa), env->conf->max_ike_sas);
	e->waits = slab_new(sizeof(struct ike_wait), 0);
	e->by_spi = htab_new(8, e->seed);
	e->by_unique = htab_new(8, e->seed);
	e->by_ids = htab_new(8, e->seed);
	e->by_conn = htab_new(8, e->seed);
	if (!e->buf || !e->sas || !e->waits || !e->by_spi || !e->by_unique || !e->by_ids || !e->by_conn)
		goto out;
	err = timer_reserve(&e->timers, 1);
	if (!err)
		err = dos_new(e);
	if (!err)
		err = counts_new(e);
	if (!err)
		err = meters_new(e);
	if (!err)
		err = cmds_new(e);
	if (!err)
		err = child_world_new(e, &e->children);
out:
	if (err) {
		ike_engine_free(e);
		return err;
	}
	*out = e;
	return 0;
}

void ike_engine_free(struct ike_engine *e)
{
	struct fx_list fx;
	uint32_t cursor = 0;
	struct ike_sa *sa;

	if (!e)
		return;
	fx_init(&fx);
	e->fx = &fx;
	e->events_mask = 0;
	e->stopping = true;
	while (e->sas && (sa = ike_sa_next(e, &cursor))) {
		sa->flags |= SA_KEEP_QUIET;
		ike_sa_end(e, sa, E_SHUTDOWN, false, err_text(E_SHUTDOWN));
		fx_reset(&fx);
	}
	child_world_free(e->children);
	cmds_free(e);
	counts_free(e);
	meters_free(e);
	pools_free(e);
	dos_free(e);
	while (e->spare) {
		struct ike_xch *x = e->spare;
		e->spare = x->next_free;
		arena_fini(&x->arena);
		arena_fini(&x->in_arena);
		free(x);
	}
	htab_free(e->by_spi);
	htab_free(e->by_unique);
	htab_free(e->by_ids);
	htab_free(e->by_conn);
	if (e->sas)
		slab_free(e->sas);
	if (e->waits)
		slab_free(e->waits);
	timers_fini(&e->timers);
	arena_fini(&e->scratch);
	fx_fini(&fx);
	free(e->buf);
	mem_wipe(e->seed, sizeof e->seed);
	free(e);
}

void ike_stats_get(const struct ike_engine *e, struct ike_stats *out)
{
	*out = (struct ike_stats){
		.ike_sas = slab_count(e->sas),
		.half_open = e->half_open + e->connecting,
		.children = child_count(e->children),
		.bytes_tables = (uint64_t)slab_count(e->sas) * sizeof(struct ike_sa) + (uint64_t)e->timers.cap * sizeof(void *) +
			child_world_bytes(e->children),
	};
}
