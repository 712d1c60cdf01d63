/* SPDX-License-Identifier: Apache-2.0 */
/* IKE SAs as objects: made, found, moved from state to state, handed over, ended. */
#include "base/text.h"
#include "ike/dos.h"
#include "ike/followup.h"
#include "ike/fragment.h"
#include "ike/index.h"
#include "ike/life.h"
#include "ike/meter.h"
#include "ike/mobike.h"
#include "ike/vips.h"
#include "ike/wait.h"

#include <stdlib.h>

/* Timers of one SA: t_life, t_alive, t_work, t_answer and one in each of three exchanges. */
#define SA_TIMERS 7
/* An SA that was replaced by a rekey and is not deleted by the peer within this time is dropped. */
#define REKEYED_WAIT_MS 30000

static COUNTER(c_made, "ike.sa.made", "IKE SAs made, connecting ones included");
static COUNTER(c_full, "ike.sa.full", "IKE SAs not made: limit or memory");
static COUNTER(c_up, "ike.sa.established", "IKE SAs established");
static COUNTER(c_facts, "ike.sa.facts", "states refused because a fact was not proven (a bug)");

struct ike_sa *ike_sa_at(struct ike_engine *e, handle h)
{
	struct ike_sa *sa = slab_at(e->sas, h);

	return sa && sa->state != IKE_S_GONE ? sa : NULL;
}

struct ike_sa *ike_sa_next(struct ike_engine *e, uint32_t *cursor)
{
	handle h;

	for (;;) {
		struct ike_sa *sa = slab_next(e->sas, cursor, &h);
		if (!sa || sa->state != IKE_S_GONE)
			return sa;
	}
}

struct ike_sa *ike_sa_by_unique(struct ike_engine *e, uint64_t unique)
{
	uint64_t v;

	if (!htab_find(e->by_unique, slice_of(&unique, sizeof unique), &v))
		return NULL;
	return ike_sa_at(e, handle_from_u64(v));
}

err_t ike_spi_new(struct ike_engine *e, uint64_t *spi)
{
	uint64_t mask = (UINT64_C(1) << e->env.shard_bits) - 1, v;

	for (int i = 0; i < 8; i++) {
		err_t err = crypto_random(e->env.crypto, (uint8_t *)&v, sizeof v);
		if (err)
			return err;
		v = (v & ~mask) | (e->env.shard & mask);
		if (v && !htab_find(e->by_spi, slice_of(&v, sizeof v), NULL)) {
			*spi = v;
			return 0;
		}
	}
	return E_CRYPTO;
}

static void sa_dispose(struct ike_engine *e, struct ike_sa *sa)
{
	uint64_t spi = ike_sa_spi(sa), h = handle_u64(sa->h);

	if (spi)
		htab_del_val(e->by_spi, slice_of(&spi, sizeof spi), h);
	htab_del_val(e->by_unique, slice_of(&sa->unique, sizeof sa->unique), h);
	conf_conn_unref(&sa->conn);
	timer_release(&e->timers, SA_TIMERS);
	slab_put(e->sas, sa->h);
}

struct ike_sa *ike_sa_new(struct ike_engine *e, bool initiator, struct conf_conn *conn, const struct net_addr *local,
	const struct net_addr *remote)
{
	uint32_t max = e->env.conf->max_ike_sas;
	struct log_ctx ctx = { .peer = remote, .conn = conn ? conn->name : NULL, .code = E_LIMIT };
	struct ike_sa *sa = NULL;
	handle h;
	uint64_t spi;

	if ((!max || slab_count(e->sas) < max) && timer_reserve(&e->timers, SA_TIMERS) == 0) {
		sa = slab_get(e->sas, &h);
		if (!sa)
			timer_release(&e->timers, SA_TIMERS);
	}
	if (!sa) {
		count_inc(&c_full);
		log_peer(e->env.log, LOG_IKE, LOG_CONTROL, &ctx,
			"no new IKE SA: %u are there; raise the limit of IKE SAs or add memory", slab_count(e->sas));
		return NULL;
	}
	sa->h = h;
	sa->unique = ++e->next_unique;
	sa->initiator = initiator;
	sa->local = *local;
	sa->remote = *remote;
	sa->created_ms = sa->last_in_ms = sa->last_out_ms = e->now_ms;
	sa->work_end = &sa->work;
	if (conn)
		sa->conn = conf_conn_ref(conn);
	err_t err = ike_spi_new(e, &spi);
	if (!err) {
		*(initiator ? &sa->spi_i : &sa->spi_r) = spi;
		err = htab_add(e->by_spi, slice_of(&spi, sizeof spi), handle_u64(h));
	}
	if (!err)
		err = htab_add(e->by_unique, slice_of(&sa->unique, sizeof sa->unique), handle_u64(h));
	if (err) {
		count_inc(&c_full);
		sa_dispose(e, sa);
		return NULL;
	}
	count_inc(&c_made);
	return sa;
}

err_t ike_sa_new_spi(struct ike_engine *e, struct ike_sa *sa)
{
	uint64_t old = ike_sa_spi(sa), spi;
	err_t err = ike_spi_new(e, &spi);

	if (err)
		return err;
	err = htab_add(e->by_spi, slice_of(&spi, sizeof spi), handle_u64(sa->h));
	if (err)
		return err;
	htab_del_val(e->by_spi, slice_of(&old, sizeof old), handle_u64(sa->h));
	*(sa->initiator ? &sa->spi_i : &sa->spi_r) = spi;
	return 0;
}

void ike_id_set(struct ike_id *id, uint8_t type, slice data)
{
	uint8_t *p = data.n ? malloc(data.n) : NULL;

	free(id->data);
	*id = (struct ike_id){ 0 };
	if (data.n && !p)
		return;
	if (data.n)
		memcpy(p, data.p, data.n);
	*id = (struct ike_id){ p, (uint16_t)data.n, type };
}

uint8_t *mem_dup(slice s)
{
	uint8_t *p = malloc(s.n ? s.n : 1);

	if (p && s.n)
		memcpy(p, s.p, s.n);
	return p;
}

/* ---- states -------------------------------------------------------------------------------------------------------- */

void ike_setup_free(struct ike_sa *sa)
{
	struct ike_setup *s = sa->setup;

	if (!s)
		return;
	ike_ke_fini(&s->ke);
	ike_keys_fini(&s->next_keys);
	ike_keys_fini(&s->plain_keys);
	free(s->init_mine);
	free(s->init_peer);
	free(s->peer_cas);
	mem_wipe(s, sizeof *s);
	free(s);
	sa->setup = NULL;
}

static void half_open_leave(struct ike_engine *e, struct ike_sa *sa)
{
	if (sa->flags & SA_CONNECTING) {
		sa->flags &= ~(uint32_t)SA_CONNECTING;
		e->connecting--;
	}
	if (!(sa->flags & SA_HALF_OPEN))
		return;
	sa->flags &= ~(uint32_t)SA_HALF_OPEN;
	e->half_open--;
	if (sa->setup)
		dos_half_open_del(e, sa);
}

void ike_state_set(struct ike_engine *e, struct ike_sa *sa, uint8_t state)
{
	uint32_t need = ike_state_facts(state);

	if (sa->state == IKE_S_GONE || sa->state == state)
		return;
	if ((sa->facts & need) != need) {
		count_inc(&c_facts);
		SA_LOG(e, sa, LOG_IKE, LOG_AUDIT, "refused to enter state %s: facts 0x%x of 0x%x proven; please report this",
			ike_state_name(state), sa->facts, need);
		ike_sa_end(e, sa, E_INTERNAL, false, "a state was entered without proof");
		return;
	}
	SA_LOG(e, sa, LOG_IKE, LOG_DETAIL, "IKE_SA %s[%llu] state change: %s => %s", sa->conn ? sa->conn->name : "(unnamed)",
		(unsigned long long)sa->unique, ike_state_name(sa->state), ike_state_name(state));
	sa->state = state;
	if (state == IKE_S_INIT_I && !(sa->flags & SA_CONNECTING)) {
		sa->flags |= SA_CONNECTING;
		e->connecting++;
	}
	switch (state) {
	case IKE_S_UP:
		if (suite_is_pq(&sa->suite))
			sa->flags |= SA_PQ;
		count_inc(&c_up);
		if (sa->setup)
			meter_setup(e, sa, 0);
		half_open_leave(e, sa);
		ike_setup_free(sa);
		ike_keys_drop_auth(&sa->keys);
		index_ids_add(e, sa);
		index_conn_add(e, sa);
		sa->established_ms = e->now_ms;
		ike_sa_lifetimes(e, sa);
		alive_arm(e, sa);
		break;
	case IKE_S_REKEYED:
		index_ids_del(e, sa);
		index_conn_del(e, sa);
		timer_stop(&e->timers, &sa->t_alive);
		sa->rekey_ms = sa->reauth_ms = sa->expire_ms = 0;
		sa->end_ms = e->now_ms + REKEYED_WAIT_MS;
		life_arm(e, sa);
		break;
	case IKE_S_DELETING:
		index_conn_del(e, sa);
		timer_stop(&e->timers, &sa->t_alive);
		sa->rekey_ms = sa->reauth_ms = sa->end_ms = sa->expire_ms = 0;
		life_arm(e, sa);
		break;
	default:
		break;
	}
}

/* ---- handing over ----------------------------------------------------------------------------------------------------- */

static void work_move(struct ike_engine *e, struct ike_sa *from, struct ike_sa *to)
{
	struct ike_work **p = &from->work;

	while (*p) {
		struct ike_work *w = *p;
		if (w->story == STORY_IKE_DELETE || w->story == STORY_INFO) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		w->next = NULL;
		if (w->story == STORY_IKE_REKEY) {
			/* Just done, whoever began it. */
			ike_cmd_done(e, w->cmd_id, 0, NULL, to->unique, 0);
			ike_work_free(w);
			continue;
		}
		*to->work_end = w;
		to->work_end = &w->next;
	}
	from->work_end = p;
}

void ike_sa_take_over(struct ike_engine *e, struct ike_sa *from, struct ike_sa *to)
{
	char a[256], b[256], l[NET_ADDR_TEXT], r[NET_ADDR_TEXT];

	ike_id_set(&to->local_id, from->local_id.type, ike_id_slice(&from->local_id));
	ike_id_set(&to->remote_id, from->remote_id.type, ike_id_slice(&from->remote_id));
	if (!to->conn)
		to->conn = conf_conn_ref(from->conn);
	to->local = from->local;
	to->remote = from->remote;
	to->flags |= from->flags & (SA_NAT_LOCAL | SA_NAT_REMOTE | SA_NAT_FAKE | SA_NATT | SA_PEER_NATD | SA_ESP_TFC_OFF |
		SA_CHILDLESS_OK | SA_UP_TOLD | SA_FRAG | SA_PQ | SA_PPK | SA_MOBIKE | SA_MOVER |
		SA_REDIRECTABLE | SA_FOLLOWS);
	to->replaces = from->replaces;
	to->redir = from->redir;
	from->redir = NULL;
	to->vips = from->vips;
	from->vips = NULL;
	to->peer_addrs = from->peer_addrs;
	from->peer_addrs = NULL;
	to->facts |= FACT_SUITE_OK | FACT_KE_DONE | FACT_REKEYED |
		(from->facts & (FACT_PEER_ID_OK | FACT_PEER_AUTH_OK | FACT_AUTH_SENT | FACT_COOKIE_OK));
	to->valid_until_s = from->valid_until_s;
	to->peer = from->peer;
	from->peer = NULL;
	to->reauth_ms = from->reauth_ms;
	ike_state_set(e, to, IKE_S_UP);
	child_move_all(from, to);
	work_move(e, from, to);
	ike_note(e, to, "took over by rekey");
	SA_LOG(e, to, LOG_IKE, LOG_AUDIT, "IKE_SA %s[%llu] rekeyed between %s[%s]...%s[%s]", to->conn->name,
		(unsigned long long)to->unique, net_addr_text(&to->local, false, l),
		conf_id_text(to->local_id.type, ike_id_slice(&to->local_id), a, sizeof a), net_addr_text(&to->remote, false, r),
		conf_id_text(to->remote_id.type, ike_id_slice(&to->remote_id), b, sizeof b));
	from->flags |= SA_CLOSE_TOLD;
	ike_event_sa(e, IKE_EV_IKE_REKEY, from, true, 0, NULL, to);
	ike_state_set(e, from, IKE_S_REKEYED);
	ike_work_run(e, to);
}

/* ---- the end ---------------------------------------------------------------------------------------------------------- */

static void work_drop_all(struct ike_engine *e, struct ike_sa *sa)
{
	bool asked = sa->end_err == 0;

	while (sa->work) {
		struct ike_work *w = sa->work;
		sa->work = w->next;
		bool delete = w->story == STORY_IKE_DELETE || w->story == STORY_CHILD_DELETE;
		err_t err = delete ? 0 : asked ? E_STALE : sa->end_err;
		const char *text = delete ? NULL : sa->end_text ? sa->end_text : err_text(err);
		ike_cmd_done(e, w->cmd_id, err, text, sa->unique, 0);
		ike_work_free(w);
	}
	sa->work_end = &sa->work;
}

static void ring_dump(struct ike_engine *e, const struct ike_sa *sa);

static void sa_finish(struct ike_engine *e, struct ike_sa *sa)
{
	bool was_up = (sa->flags & SA_UP_TOLD) && !(sa->flags & SA_CLOSE_TOLD);
	handle heir = sa->heir;

	sa->busy = 1;
	timer_stop(&e->timers, &sa->t_life);
	timer_stop(&e->timers, &sa->t_alive);
	timer_stop(&e->timers, &sa->t_work);
	timer_stop(&e->timers, &sa->t_answer);
	half_open_leave(e, sa);
	if (sa->setup && sa->end_err)
		meter_setup(e, sa, sa->end_err);
	if (sa->end_err && err_class(sa->end_err) != ERR_CANCELLED)
		ring_dump(e, sa);
	if (e->env.log && !(sa->facts & (FACT_PEER_ID_OK | FACT_REKEYED))) {
		struct log_ctx ctx = ike_log_ctx(sa);
		log_known(e->env.log, &ctx);
	}
	if (was_up) {
		sa->flags |= SA_CLOSE_TOLD;
		ike_event_sa(e, IKE_EV_IKE_UPDOWN, sa, false, sa->end_err, sa->end_text, NULL);
	}
	for (int i = 0; i < 2; i++) {
		struct ike_xch *x = i ? sa->tx : sa->rx;
		if (x && x->work) {
			/* What was under way ends like what was still queued. */
			x->work->next = sa->work;
			sa->work = x->work;
			if (sa->work_end == &sa->work)
				sa->work_end = &x->work->next;
			x->work = NULL;
		}
		*(i ? &sa->tx : &sa->rx) = NULL;
		if (x)
			ike_xch_put(x);
	}
	follow_drop(sa);
	child_sa_lost(sa, e, sa->end_err, sa->end_by_peer);
	work_drop_all(e, sa);
	inbox_free(sa);
	frag_drop(e, sa);
	mobike_free(sa);
	free(sa->redir);
	sa->redir = NULL;
	vips_free(e, sa);
	index_ids_del(e, sa);
	index_conn_del(e, sa);
	ike_setup_free(sa);
	ike_keys_fini(&sa->keys);
	free(sa->local_id.data);
	free(sa->remote_id.data);
	if (sa->peer && e->env.peer_free)
		e->env.peer_free(e->env.arg, sa->peer);
	free(sa->answer);
	free(sa->end_text);
	sa_dispose(e, sa);
	if (!handle_none(heir))
		life_heir_start(e, heir);
}

void ike_sa_leave(struct ike_engine *e, struct ike_sa *sa)
{
	if (--sa->busy == 0 && sa->state == IKE_S_GONE)
		sa_finish(e, sa);
}

void ike_sa_end(struct ike_engine *e, struct ike_sa *sa, err_t why, bool by_peer, const char *text)
{
	if (sa->state == IKE_S_GONE)
		return;
	SA_LOG(e, sa, LOG_IKE, LOG_DETAIL, "IKE_SA %s[%llu] ends in state %s: %s", sa->conn ? sa->conn->name : "(unnamed)",
		(unsigned long long)sa->unique, ike_state_name(sa->state), text ? text : err_text(why));
	sa->state = IKE_S_GONE;
	sa->end_err = why;
	sa->end_by_peer = by_peer;
	/* Without memory for it the text of the code has to do. */
	if (text)
		sa->end_text = (char *)mem_dup(slice_of(text, strlen(text) + 1));
	if (!sa->busy)
		sa_finish(e, sa);
}

void ike_note(struct ike_engine *e, struct ike_sa *sa, const char *text)
{
	sa->ring[sa->ring_at] = (struct ike_ring){ text, e->now_ms };
	sa->ring_at = (uint8_t)((sa->ring_at + 1) % IKE_RING);
}

struct log_ctx ike_log_ctx(const struct ike_sa *sa)
{
	struct log_ctx ctx = { .conn = sa->conn ? sa->conn->name : NULL, .ike_unique = sa->unique, .spi_i = sa->spi_i,
		.spi_r = sa->spi_r, .peer = &sa->remote, .id_type = sa->remote_id.type, .id = ike_id_slice(&sa->remote_id),
		.conn_guess = !sa->initiator && !(sa->facts & (FACT_PEER_ID_OK | FACT_REKEYED)) };

	/* Whom we call is known before he has said so, unless it may be anybody. */
	if (!ctx.id_type && sa->initiator && sa->conn && sa->conn->n_remote) {
		ctx.id_type = sa->conn->remote[0].id.type;
		ctx.id = slice_of(sa->conn->remote[0].id.data, sa->conn->remote[0].id.n);
	}
	return ctx;
}

/* What led to a failure, for who has not looked before. */
static void ring_dump(struct ike_engine *e, const struct ike_sa *sa)
{
	TEXT_ON_STACK(t, 600);

	if (!log_wants(e->env.log, LOG_IKE, LOG_CONTROL))
		return;
	for (uint8_t i = 0; i < IKE_RING; i++) {
		const struct ike_ring *r = &sa->ring[(sa->ring_at + i) % IKE_RING];
		if (r->text)
			text_fmt(&t, "%s%llu s ago: %s", t.n ? "; " : "", (unsigned long long)((e->now_ms - r->at_ms) / 1000), r->text);
	}
	if (!t.n)
		return;
	struct log_ctx ctx = ike_log_ctx(sa);
	ctx.code = sa->end_err;
	/* A stranger can fail as often as he likes. */
	log_peer(e->env.log, LOG_IKE, LOG_CONTROL, &ctx, "IKE_SA %s[%llu] has failed (%s). Its last events: %s", sa->conn ? sa->conn->name :
		"(unnamed)", (unsigned long long)sa->unique, sa->end_text ? sa->end_text : err_text(sa->end_err), t.p);
}

uint64_t ike_rand_below(struct ike_engine *e, uint64_t n)
{
	uint64_t v = ++e->rand_count;

	return siphash(e->seed, slice_of(&v, sizeof v)) % n;
}
