/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running an exchange: row, checks, applies, the message that goes out, commit. Nothing of an SA changes before the
 * message was authenticated and the last check has passed (principle P5).
 */
#include "ike/followup.h"
#include "ike/info.h"
#include "ike/life.h"
#include "ike/meter.h"
#include "ike/msgio.h"
#include "ike/wait.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Pieces of one exchange; a hostile message cannot make it larger. */
#define XCH_ARENA_BYTES ((size_t)1 << 20)
#define XCH_SPARE_MAX 32

static COUNTER(c_reject, "ike.rx.rejected", "requests answered with an error, and answers that failed our request");
static COUNTER(c_row, "ike.rx.out_of_place", "messages the exchange table does not allow in their state");
static COUNTER(c_build, "ike.tx.unbuilt", "messages of ours that could not be built");

/* ---- objects -------------------------------------------------------------------------------------------------------- */

struct ike_xch *ike_xch_get(struct ike_engine *e, struct ike_sa *sa, uint8_t dir)
{
	struct ike_xch *x = e->spare;

	if (x) {
		e->spare = x->next_free;
		e->n_spare--;
		struct arena keep = x->arena, keep_in = x->in_arena;
		*x = (struct ike_xch){ .arena = keep, .in_arena = keep_in };
	} else {
		x = calloc(1, sizeof *x);
		if (!x)
			return NULL;
		arena_init(&x->arena, XCH_ARENA_BYTES);
		arena_init(&x->in_arena, XCH_ARENA_BYTES);
	}
	x->e = e;
	x->sa = sa;
	x->dir = dir;
	x->serial = ++e->serial ? e->serial : ++e->serial; /* 0 is nobody */
	return x;
}

static void drop_tasks(struct ike_xch *x)
{
	size_t n = 0;

	if (!x->row || !x->row->tasks)
		return;
	while (x->row->tasks[n])
		n++;
	while (n-- > 0)
		if (x->row->tasks[n]->drop)
			x->row->tasks[n]->drop(x);
}

void ike_xch_put(struct ike_xch *x)
{
	struct ike_engine *e = x->e;

	drop_tasks(x);
	timer_stop(&e->timers, &x->timer);
	if (x->job)
		ike_job_drop(x->job);
	ike_work_free(x->work);
	free(x->packet);
	frag_fini(&x->frags);
	if (e->n_spare >= XCH_SPARE_MAX) {
		arena_fini(&x->arena);
		arena_fini(&x->in_arena);
		free(x);
		return;
	}
	arena_reset(&x->arena);
	arena_reset(&x->in_arena);
	x->next_free = e->spare;
	e->spare = x;
	e->n_spare++;
}

/* ---- verdicts -------------------------------------------------------------------------------------------------------- */

static void reject_set(struct ike_xch *x, err_t code, const char *fmt, va_list ap)
{
	char buf[1024];

	vsnprintf(buf, sizeof buf, fmt, ap);
	x->err = code;
	x->notify = err_notify(code);
	x->why = arena_str(&x->arena, slice_str(buf));
}

enum verdict ike_reject(struct ike_xch *x, err_t code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	reject_set(x, code, fmt, ap);
	va_end(ap);
	return V_REJECT;
}

enum verdict ike_close(struct ike_xch *x, err_t code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	reject_set(x, code, fmt, ap);
	va_end(ap);
	return V_CLOSE;
}

void ike_reject_data(struct ike_xch *x, slice data)
{
	x->notify_data = arena_slice(&x->arena, data);
}

static const char *why_of(const struct ike_xch *x)
{
	return x->why ? x->why : err_text(x->err);
}

static enum verdict run_stage(struct ike_xch *x, uint8_t stage)
{
	const struct task_ops *const *t = x->row->tasks;

	for (; t && t[x->task]; x->task++) {
		enum verdict (*fn)(struct ike_xch *) = stage == XCH_CHECK ? t[x->task]->check : t[x->task]->apply;
		enum verdict v = fn ? fn(x) : V_DONE;
		if (v != V_DONE)
			return v;
		if (x->sa->state == IKE_S_GONE)
			return V_DROP;
	}
	x->task = 0;
	return V_DONE;
}

static enum verdict run_emit(struct ike_xch *x, struct ike_out *out)
{
	const struct task_ops *const *t = x->row->tasks;

	for (size_t i = 0; t && t[i]; i++) {
		enum verdict v = t[i]->emit ? t[i]->emit(x, out) : V_DONE;
		if (v != V_DONE)
			return v;
	}
	return V_DONE;
}

static void run_done(struct ike_xch *x)
{
	const struct task_ops *const *t = x->row->tasks;

	for (size_t i = 0; t && t[i]; i++)
		if (t[i]->done)
			t[i]->done(x);
}

static bool facts_ok(struct ike_xch *x)
{
	uint32_t need = x->more ? ike_state_facts(x->row->more) : x->row->facts;

	if ((x->sa->facts & need) == need)
		return true;
	(void)ike_reject(x, E_INTERNAL, "row \"%s\" is through, but facts 0x%x of 0x%x are proven", x->row->name, x->sa->facts,
		need);
	return false;
}

/* A delete of ours may have crossed the peer's: it had its reason. */
static err_t end_reason(const struct ike_xch *x)
{
	const struct ike_work *w = x->work ? x->work : x->sa->tx && x->sa->tx->story == STORY_IKE_DELETE ? x->sa->tx->work : NULL;

	return w ? w->reason : 0;
}

static void state_after(struct ike_xch *x)
{
	if (x->row->to == IKE_S_GONE)
		ike_sa_end(x->e, x->sa, end_reason(x), x->dir == XCH_RX_REQUEST, info_end_text(x));
	else if (x->row->to != IKE_S_COUNT)
		ike_state_set(x->e, x->sa, x->more ? x->row->more : x->row->to);
}

/* ---- requests of the peer ---------------------------------------------------------------------------------------------- */

/* What was queued while the request was waited for starts now, however it ended. */
static void rx_finish(struct ike_xch *x)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;

	sa->rx = NULL;
	ike_xch_put(x);
	life_check_mids(e, sa);
	ike_work_run(e, sa);
}

static void rx_answered(struct ike_xch *x)
{
	x->sa->rx_mid = x->mid + 1;
}

static void rx_reject(struct ike_xch *x, enum verdict v)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	struct log_ctx ctx = ike_log_ctx(sa);
	char name[16], addr[NET_ADDR_TEXT];

	count_inc(&c_reject);
	meter_exchange(x, x->err);
	ctx.code = x->err;
	log_peer(e->env.log, LOG_IKE, LOG_CONTROL, &ctx, "%s request %u from %s %s%s: %s", ike_exchange_name(x->exchange), x->mid,
		net_addr_text(&sa->remote, false, addr), x->notify ? "refused with " : "failed",
		x->notify ? notify_name(x->notify, name) : "", why_of(x));
	ike_note(e, sa, err_text(x->err));
	uint16_t notify = x->notify ? x->notify : x->exchange == XCHG_IKE_SA_INIT ? N_NO_PROPOSAL_CHOSEN : N_TEMPORARY_FAILURE;
	if (v == V_CLOSE && !x->notify && x->exchange == XCHG_IKE_AUTH)
		notify = N_AUTHENTICATION_FAILED;
	if (msg_answer_error(x, notify, x->notify_data))
		count_inc(&c_build);
	rx_answered(x);
	if (x->exchange == XCHG_IKE_AUTH)
		ike_event_sa(e, IKE_EV_ALERT, sa, false, x->err, why_of(x), NULL);
	if (v == V_CLOSE || x->exchange == XCHG_IKE_SA_INIT)
		ike_sa_end(e, sa, x->err, false, why_of(x));
	rx_finish(x);
}

static void rx_run(struct ike_xch *x)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	enum verdict v = V_DONE;

	if (x->stage == XCH_CHECK) {
		v = run_stage(x, XCH_CHECK);
		if (v == V_DONE)
			x->stage = XCH_APPLY;
	}
	bool park = v == V_MORE;
	if (park)
		v = V_DONE;
	else if (v == V_DONE)
		v = run_stage(x, XCH_APPLY);
	if (v == V_WAIT)
		return;
	if (sa->state == IKE_S_GONE || v == V_DROP) {
		if (x->exchange == XCHG_IKE_SA_INIT)
			ike_sa_end(e, sa, E_STALE, false, "the request was dropped");
		rx_finish(x);
		return;
	}
	if (v != V_DONE) {
		rx_reject(x, v);
		return;
	}
	x->stage = XCH_EMIT;
	struct ike_out out;
	msg_begin(x, &out, true);
	v = run_emit(x, &out);
	if (v == V_DONE && msg_end_answer(x, &out)) {
		count_inc(&c_build);
		v = ike_close(x, E_SPACE, "the answer could not be written");
	}
	if (v == V_DONE && !facts_ok(x))
		v = V_CLOSE;
	if (v != V_DONE) {
		rx_reject(x, v);
		return;
	}
	msg_send_answer(x);
	rx_answered(x);
	meter_exchange(x, 0);
	if (park) {
		sa->rx = NULL;
		follow_park(x);
		ike_work_run(e, sa);
		return;
	}
	state_after(x);
	if (x->row->timer == ROW_T_HALF_OPEN && sa->state != IKE_S_GONE)
		half_open_arm(e, sa);
	run_done(x);
	rx_finish(x);
}

static bool has_notify(const void *arg, uint16_t type)
{
	return wire_notify(arg, type) != NULL;
}

static struct xch_shape shape_of(const struct ike_msg *m, uint8_t story)
{
	struct xch_shape s = { .clear = m->clear, .sk = m->inner, .story = story, .has_notify = has_notify, .arg = m };
	payset extra = 0;

	if (m->n_unknown)
		extra |= PS_UNKNOWN;
	for (uint16_t i = 0; i < m->n_deletes; i++)
		extra |= m->deletes[i].proto == PROTO_IKE ? PS_D_IKE : PS_D_CHILD;
	if (wire_error(m))
		extra |= PS_N_ERROR;
	*(m->inner_done ? &s.sk : &s.clear) |= extra;
	return s;
}

static void log_out_of_place(struct ike_xch *x, const char *kind)
{
	struct log_ctx ctx = ike_log_ctx(x->sa);

	ctx.code = x->row ? x->row->err : E_UNEXPECTED;
	log_peer(x->e->env.log, LOG_IKE, LOG_CONTROL, &ctx, "%s %u from the peer in state %s %s: %s", ike_exchange_name(x->exchange),
		x->mid, ike_state_name(x->sa->state), kind, x->row ? x->row->name : "no row");
}

void ike_run_request(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	struct xch_shape shape = shape_of(x->in, follow_round(x) ? x->story : STORY_NONE);
	const struct xch_row *row = xch_row_find(xch_rows, xch_rows_n, sa->state, x->exchange, XCH_RX_REQUEST, &shape);

	/* Of a round before this one: its tasks do not go on. */
	if (x->row && (!row || row->kind != ROW_TASKS))
		drop_tasks(x);
	x->row = row;
	if (!x->row || x->row->kind == ROW_IGNORE) {
		count_inc(&c_row);
		log_out_of_place(x, "ignored");
		rx_finish(x);
		return;
	}
	x->story = x->row->story;
	if (x->row->kind != ROW_TASKS) {
		count_inc(&c_row);
		log_out_of_place(x, "refused");
		(void)ike_reject(x, x->row->err, "%s", x->row->name);
		rx_reject(x, x->row->kind == ROW_CLOSE ? V_CLOSE : V_REJECT);
		return;
	}
	if (sa->tx) {
		enum verdict v = child_collide(x);
		if (v == V_DROP) {
			rx_finish(x);
			return;
		}
		if (v != V_DONE) {
			rx_reject(x, v);
			return;
		}
	}
	rx_run(x);
}

/* ---- requests of ours ---------------------------------------------------------------------------------------------------- */

static void tx_finish(struct ike_xch *x)
{
	if (x->sa->tx == x)
		x->sa->tx = NULL;
	ike_xch_put(x);
}

static void tx_fail(struct ike_xch *x, enum verdict v)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;

	if (v != V_DROP) {
		count_inc(&c_reject);
		meter_exchange(x, x->err);
		SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "%s %u failed: %s", ike_exchange_name(x->exchange), x->mid, why_of(x));
		ike_note(e, sa, err_text(x->err));
	}
	if (x->work)
		ike_cmd_done(e, x->work->cmd_id, x->err ? x->err : E_COLLISION, why_of(x), sa->unique, 0);
	bool setup = sa->state == IKE_S_NONE || sa->state == IKE_S_INIT_I || sa->state == IKE_S_MORE_I ||
		sa->state == IKE_S_AUTH_I;
	if (x->exchange == XCHG_IKE_AUTH || setup)
		v = V_CLOSE;
	if (v == V_CLOSE) {
		if (setup)
			ike_event_sa(e, IKE_EV_ALERT, sa, false, x->err, why_of(x), NULL);
		info_auth_failed(x);
	}
	bool end = v == V_CLOSE && sa->state != IKE_S_DELETING;
	if (end)
		ike_sa_end(e, sa, x->err, false, why_of(x));
	tx_finish(x);
	if (!end)
		ike_work_run(e, sa);
}

void ike_run_ask(struct ike_xch *x)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	enum verdict v = run_stage(x, XCH_CHECK);

	if (v == V_WAIT)
		return;
	if (sa->state == IKE_S_GONE) {
		tx_finish(x);
		return;
	}
	if (v == V_DONE) {
		struct ike_out out;
		msg_begin(x, &out, false);
		v = run_emit(x, &out);
		if (v == V_DONE && msg_end_request(x, &out)) {
			count_inc(&c_build);
			v = ike_reject(x, E_SPACE, "the request could not be written");
		}
	}
	if (v == V_DONE && !facts_ok(x))
		v = V_CLOSE;
	if (v != V_DONE) {
		tx_fail(x, v);
		return;
	}
	sa->tx_mid = x->mid + 1;
	x->stage = XCH_IDLE;
	if (x->row->to != IKE_S_COUNT)
		ike_state_set(e, sa, x->row->to);
	if (x->row->timer == ROW_T_RETRANSMIT)
		window_send(x);
}

/* The answer is half of it: the next key exchange is asked for. */
static void tx_follow(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	const struct xch_row *row = xch_row_follow(sa->state, x->story);

	timer_stop(&x->e->timers, &x->timer);
	if (!row) {
		tx_fail(x, ike_reject(x, E_STALE, "the IKE SA is being replaced or deleted"));
		return;
	}
	x->row = row;
	x->exchange = row->exchange;
	x->dir = XCH_TX_REQUEST;
	x->stage = XCH_CHECK;
	x->task = 0;
	x->mid = sa->tx_mid;
	x->in = NULL;
	free(x->packet);
	x->packet = NULL;
	frag_fini(&x->frags);
	ike_run_ask(x);
}

static void answer_run(struct ike_xch *x)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	enum verdict v = V_DONE;

	if (x->stage == XCH_CHECK) {
		v = run_stage(x, XCH_CHECK);
		if (v == V_DONE)
			x->stage = XCH_APPLY;
	}
	if (v == V_DONE)
		v = run_stage(x, XCH_APPLY);
	if (v == V_WAIT)
		return;
	if (sa->state == IKE_S_GONE) {
		tx_finish(x);
		return;
	}
	if (v == V_MORE) {
		tx_follow(x);
		return;
	}
	if (v == V_DROP) {
		/* As if the answer had never come: the request stays out. */
		x->dir = XCH_TX_REQUEST;
		x->stage = XCH_IDLE;
		x->task = 0;
		x->in = NULL;
		if (!timer_runs(&x->timer))
			window_rearm(x);
		return;
	}
	timer_stop(&e->timers, &x->timer);
	if (v == V_DONE && !facts_ok(x))
		v = V_CLOSE;
	if (v != V_DONE) {
		tx_fail(x, v);
		return;
	}
	meter_exchange(x, 0);
	state_after(x);
	run_done(x);
	tx_finish(x);
	life_check_mids(e, sa);
	if (sa->state != IKE_S_GONE)
		ike_work_run(e, sa);
}

void ike_run_answer(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	struct xch_shape shape = shape_of(x->in, x->story);
	const struct xch_row *row = xch_row_find(xch_rows, xch_rows_n, sa->state, x->exchange, XCH_RX_RESPONSE, &shape);

	if (!row || row->kind == ROW_IGNORE) {
		count_inc(&c_row);
		log_out_of_place(x, "ignored");
		x->in = NULL;
		return;
	}
	x->dir = XCH_RX_RESPONSE;
	x->stage = XCH_CHECK;
	x->task = 0;
	if (row->kind != ROW_TASKS) {
		count_inc(&c_row);
		timer_stop(&x->e->timers, &x->timer);
		enum verdict v = ike_reject(x, row->err, "%s", row->name);
		tx_fail(x, row->kind == ROW_CLOSE ? V_CLOSE : v);
		return;
	}
	x->row = row;
	answer_run(x);
}

void ike_resume(struct ike_xch *x)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;

	ike_sa_enter(sa);
	if (x->dir == XCH_RX_REQUEST)
		rx_run(x);
	else if (x->dir == XCH_RX_RESPONSE)
		answer_run(x);
	else
		ike_run_ask(x);
	ike_inbox_run(e, sa);
	ike_sa_leave(e, sa);
}
