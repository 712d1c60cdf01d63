/* SPDX-License-Identifier: Apache-2.0 */
/* IKE SAs as others see them: views for lists and events. Everything of a view lives in the arena that is given. */
#include "ike/vips.h"
#include "ike/wait.h"

static const char *state_word(const struct ike_sa *sa)
{
	switch (sa->state) {
	case IKE_S_UP:
		return sa->tx && sa->tx->story == STORY_IKE_REKEY ? "REKEYING" : "ESTABLISHED";
	case IKE_S_REKEYED:
		return "REKEYED";
	case IKE_S_DELETING:
		return "DELETING";
	case IKE_S_GONE: /* only events see it */
		return sa->established_ms ? "DELETING" : "DESTROYING";
	default:
		return "CONNECTING";
	}
}

/* The names swanctl users know. */
static const char *const task_words[STORY_COUNT] = {
	[STORY_INIT] = "IKE_INIT", [STORY_MORE] = "IKE_INIT", [STORY_AUTH] = "IKE_AUTH", [STORY_CHILD_NEW] = "CHILD_CREATE", [STORY_CHILD_REKEY] = "CHILD_REKEY",
	[STORY_IKE_REKEY] = "IKE_REKEY", [STORY_CHILD_DELETE] = "CHILD_DELETE", [STORY_IKE_DELETE] = "IKE_DELETE",
	[STORY_MOVE] = "IKE_MOBIKE", [STORY_REACH] = "IKE_MOBIKE", [STORY_REDIRECT] = "IKE_REDIRECT", [STORY_INFO] = "IKE_DPD",
};

static uint64_t in_s(const struct ike_engine *e, uint64_t at_ms)
{
	return !at_ms ? 0 : at_ms <= e->now_ms ? 1 : (at_ms - e->now_ms + 999) / 1000;
}

static struct ike_view *view_make(struct ike_engine *e, const struct ike_sa *sa, struct arena *a)
{
	struct ike_view *v = arena_get(a, sizeof *v);
	size_t n = 0;

	if (!v)
		return NULL;
	*v = (struct ike_view){
		.h = sa->h,
		.unique = sa->unique,
		.conn = sa->conn ? arena_str(a, slice_str(sa->conn->name)) : "(unnamed)",
		.version = 2,
		.state = state_word(sa),
		.local = sa->local,
		.remote = sa->remote,
		.local_id_type = sa->local_id.type,
		.remote_id_type = sa->remote_id.type,
		.local_id = arena_slice(a, ike_id_slice(&sa->local_id)),
		.remote_id = arena_slice(a, ike_id_slice(&sa->remote_id)),
		.initiator = sa->initiator,
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.nat_local = (sa->flags & SA_NAT_LOCAL) != 0,
		.nat_remote = (sa->flags & SA_NAT_REMOTE) != 0,
		.nat_fake = (sa->flags & SA_NAT_FAKE) != 0,
		.suite = sa->suite,
		.pq = (sa->flags & SA_PQ) != 0,
		.ppk = (sa->flags & SA_PPK) != 0,
		.local_vips = sa->vips ? arena_dup(a, sa->vips->local, sa->vips->n_local * sizeof *sa->vips->local) : NULL,
		.remote_vips = sa->vips ? arena_dup(a, sa->vips->remote, sa->vips->n_remote * sizeof *sa->vips->remote) : NULL,
		.established_ago_s = sa->established_ms ? (e->now_ms - sa->established_ms) / 1000 : 0,
		.rekey_in_s = in_s(e, sa->rekey_ms),
		.reauth_in_s = in_s(e, sa->reauth_ms),
		.valid_until_s = sa->valid_until_s,
		.peer = sa->peer,
	};
	v->n_local_vips = v->local_vips ? sa->vips->n_local : 0;
	v->n_remote_vips = v->remote_vips ? sa->vips->n_remote : 0;
	for (const struct ike_work *w = sa->work; w && n < ARRAY_LEN(v->tasks_queued); w = w->next)
		v->tasks_queued[n++] = task_words[w->story];
	if (sa->tx)
		v->tasks_active[0] = task_words[sa->tx->story];
	if (sa->rx)
		v->tasks_passive[0] = task_words[sa->rx->story];
	for (uint8_t i = 0; i < IKE_RING; i++) {
		const struct ike_ring *r = &sa->ring[(sa->ring_at + IKE_RING - 1 - i) % IKE_RING];
		if (!r->text)
			break;
		v->ring[v->n_ring].ms_ago = e->now_ms - r->at_ms;
		v->ring[v->n_ring++].text = r->text;
	}
	return v;
}

static const struct ike_view *view_full(struct ike_engine *e, uint64_t now_ms, const struct ike_sa *sa, struct arena *a)
{
	if (now_ms > e->now_ms)
		e->now_ms = now_ms;
	struct ike_view *v = sa ? view_make(e, sa, a) : NULL;
	if (v)
		v->children = child_views(e, sa, 0, a, &v->n_children);
	return v;
}

const struct ike_view *ike_view_next(struct ike_engine *e, uint64_t now_ms, uint32_t *cursor, struct arena *a)
{
	struct ike_sa *sa;

	/* One that a rekey is making is none yet. */
	do
		sa = ike_sa_next(e, cursor);
	while (sa && (sa->flags & SA_STANDBY));
	return view_full(e, now_ms, sa, a);
}

const struct ike_view *ike_view_get(struct ike_engine *e, uint64_t now_ms, handle h, struct arena *a)
{
	return view_full(e, now_ms, ike_sa_at(e, h), a);
}

const struct ike_view *ike_view_unique(struct ike_engine *e, uint64_t now_ms, uint64_t unique, struct arena *a)
{
	return view_full(e, now_ms, ike_sa_by_unique(e, unique), a);
}

const struct ike_policy_view *ike_policy_next(struct ike_engine *e, uint32_t *cursor, struct arena *a)
{
	return child_policy_next(e->children, cursor, a);
}

/* ---- events -------------------------------------------------------------------------------------------------------------- */

static struct ike_event *event_new(struct ike_engine *e, uint8_t type, bool up, err_t code, const char *text)
{
	struct fx *f = e->events_mask & (UINT32_C(1) << type) ? fx_add(e, FX_EVENT) : NULL;

	if (!f)
		return NULL;
	f->event = (struct ike_event){ .type = type, .up = up, .code = code };
	f->event.text = text ? arena_str(&e->fx->arena, slice_str(text)) : NULL;
	return &f->event;
}

void ike_event_sa(struct ike_engine *e, uint8_t type, struct ike_sa *sa, bool up, err_t code, const char *text,
	struct ike_sa *other)
{
	struct ike_event *ev = event_new(e, type, up, code, text);

	if (!ev)
		return;
	ev->sa = view_full(e, e->now_ms, sa, &e->fx->arena);
	ev->other = view_full(e, e->now_ms, other, &e->fx->arena);
}

void ike_event_child(struct ike_engine *e, struct ike_sa *sa, uint64_t child_unique, bool up, err_t code, const char *text)
{
	struct ike_event *ev = event_new(e, IKE_EV_CHILD_UPDOWN, up, code, text);
	struct ike_view *v = ev ? view_make(e, sa, &e->fx->arena) : NULL;

	if (!v)
		return;
	v->children = child_views(e, sa, child_unique, &e->fx->arena, &v->n_children);
	ev->sa = v;
	if (v->children)
		ev->conn = conf_conn_ref(v->children[0].conn);
}

void ike_event_child_rekey(struct ike_engine *e, struct ike_sa *sa, uint64_t old_unique, uint64_t new_unique)
{
	struct ike_event *ev = event_new(e, IKE_EV_CHILD_REKEY, true, 0, NULL);
	struct arena *a = &e->fx->arena;
	struct ike_view *v = ev ? view_make(e, sa, a) : NULL;
	uint16_t n_old = 0, n_new = 0;

	if (!v)
		return;
	ev->sa = v;
	const struct ike_child_view *o = child_views(e, sa, old_unique, a, &n_old);
	const struct ike_child_view *n = child_views(e, sa, new_unique, a, &n_new);
	struct ike_child_view *both = n_old && n_new ? arena_get(a, 2 * sizeof *both) : NULL;
	if (!both)
		return;
	both[0] = o[0];
	both[1] = n[0];
	v->children = both;
	v->n_children = 2;
}
