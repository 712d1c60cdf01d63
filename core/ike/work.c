/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of what an SA still wants to ask of its peer: one request at a time, in order, deletes first. */
#include "ike/child.h"
#include "ike/life.h"
#include "ike/wait.h"

#include <stdio.h>
#include <stdlib.h>

struct ike_work *ike_work_new(uint8_t story, struct conf_conn *conn, const struct conf_child *child, uint64_t cmd_id)
{
	struct ike_work *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->story = story;
	w->conn = conn ? conf_conn_ref(conn) : NULL;
	w->child = child;
	w->cmd_id = cmd_id;
	return w;
}

void ike_work_free(struct ike_work *w)
{
	if (!w)
		return;
	conf_conn_unref(&w->conn);
	free(w->gateway);
	free(w);
}

static void work_push(struct ike_sa *sa, struct ike_work *w, bool front)
{
	if (front) {
		w->next = sa->work;
		sa->work = w;
		if (!w->next)
			sa->work_end = &w->next;
		return;
	}
	w->next = NULL;
	*sa->work_end = w;
	sa->work_end = &w->next;
}

void ike_work_add(struct ike_engine *e, struct ike_sa *sa, struct ike_work *w)
{
	work_push(sa, w, w->story == STORY_IKE_DELETE || w->story == STORY_MOVE);
	ike_work_run(e, sa);
}

void ike_work_again(struct ike_xch *x, uint64_t after_ms)
{
	struct ike_work *w = x->work;

	if (!w)
		return;
	x->work = NULL;
	w->tries++;
	w->not_before_ms = x->e->now_ms + after_ms;
	work_push(x->sa, w, false);
}

static void work_due(struct ike_engine *e, struct ike_timer *t)
{
	ike_work_run(e, TIMER_OF(t, struct ike_sa, t_work));
}

/* What the state wants by itself, before anything that is queued. */
static uint8_t own_story(const struct ike_sa *sa)
{
	if (!sa->initiator || !sa->setup)
		return STORY_NONE;
	switch (sa->state) {
	case IKE_S_NONE:
		return STORY_INIT;
	case IKE_S_MORE_I:
		return STORY_MORE;
	case IKE_S_AUTH_I:
		return STORY_AUTH;
	default:
		return STORY_NONE;
	}
}

/* A command asks for a child that the SA has already: a second one beside it would only share its traffic. */
static bool doubles(struct ike_engine *e, struct ike_sa *sa, const struct ike_work *w)
{
	char text[300];
	uint64_t there = w->story == STORY_CHILD_NEW && w->by_command && w->child ? child_same(sa, w->child) : 0;

	if (!there)
		return false;
	snprintf(text, sizeof text, "establishing CHILD_SA '%s' failed: %s{%llu} of this IKE SA is the same and up already; "
		"rekey it, or terminate it before", w->child->name, w->child->name, (unsigned long long)there);
	SA_LOG(e, sa, LOG_CHILD, LOG_CONTROL, "%s", text);
	ike_cmd_done(e, w->cmd_id, E_EXISTS, text, sa->unique, there);
	return true;
}

static struct ike_work *work_take(struct ike_engine *e, struct ike_sa *sa, uint8_t own)
{
	uint64_t soonest = UINT64_MAX;

	for (struct ike_work **p = &sa->work; *p;) {
		struct ike_work *w = *p;
		bool fits = own == STORY_AUTH ? w->story == STORY_CHILD_NEW : xch_row_tx(sa->state, w->story, true) != NULL;
		if (!fits || w->not_before_ms > e->now_ms) {
			if (fits && w->not_before_ms < soonest)
				soonest = w->not_before_ms;
			p = &w->next;
			continue;
		}
		*p = w->next;
		if (!*p)
			sa->work_end = p;
		w->next = NULL;
		if (!doubles(e, sa, w))
			return w;
		ike_work_free(w);
	}
	if (soonest != UINT64_MAX)
		timer_set(&e->timers, &sa->t_work, soonest, work_due);
	return NULL;
}

/* Is the IKE SA set up alone, and its child in an exchange of its own (RFC 6023)? */
static bool childless(const struct ike_sa *sa)
{
	return sa->conn->childless == CONF_CHILDLESS_FORCE ||
		(sa->conn->childless == CONF_CHILDLESS_PREFER && (sa->flags & SA_CHILDLESS_OK));
}

void ike_work_run(struct ike_engine *e, struct ike_sa *sa)
{
	if (sa->tx || sa->state == IKE_S_GONE || ike_sa_waits(sa))
		return;
	uint8_t own = own_story(sa);
	bool bare = own == STORY_INIT || own == STORY_MORE || (own == STORY_AUTH && childless(sa));
	struct ike_work *w = bare ? NULL : work_take(e, sa, own);
	if (!w && own == STORY_NONE) {
		if (!handle_none(sa->replaces))
			life_replaced(e, sa);
		return;
	}
	uint8_t story = own != STORY_NONE ? own : w->story;
	const struct xch_row *row = xch_row_tx(sa->state, story, story != STORY_AUTH || (w && w->child));
	struct ike_xch *x = row ? ike_xch_get(e, sa, XCH_TX_REQUEST) : NULL;
	if (!x) {
		if (w) {
			ike_cmd_done(e, w->cmd_id, E_NOMEM, "no memory for an exchange", sa->unique, 0);
			ike_work_free(w);
		}
		return;
	}
	x->row = row;
	x->story = story;
	x->exchange = row->exchange;
	x->mid = sa->tx_mid;
	x->work = w;
	sa->tx = x;
	ike_sa_enter(sa);
	ike_run_ask(x);
	ike_sa_leave(e, sa);
}
