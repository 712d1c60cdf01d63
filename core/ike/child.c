/* SPDX-License-Identifier: Apache-2.0 */
/* Child SAs as objects: tables, states, lifetimes, timers, their end. See child.h and child_int.h. */
#include "ike/child_int.h"

#include <stdlib.h>

static COUNTER(made, "child.made", "child SAs set up");
static COUNTER(rekeys_due, "child.rekeys_due", "child SAs that came to their rekey time");
static COUNTER(hard_ends, "child.hard_ends", "child SAs that ended by their hard lifetime");

/* How often a pair that waits for the peer's delete is looked at, and how long at most. */
enum { SWITCH_POLL_MS = 1000, REDUNDANT_LIMIT_MS = 60000 };
/* When a child whose replacement was taken back comes to its rekey time again. */
enum { TAKEN_BACK_MS = 60000 };

err_t child_world_new(struct ike_engine *e, struct child_world **out)
{
	uint8_t seed[16];
	struct child_world *w = calloc(1, sizeof *w);
	*out = w;
	if (!w)
		return E_NOMEM;
	err_t err = crypto_random(e->env.crypto, seed, sizeof seed);
	if (err)
		goto out;
	err = E_NOMEM;
	w->children = slab_new(sizeof(struct child_sa), 0);
	w->by_spi = htab_new(sizeof(uint32_t), seed);
	if (!w->children || !w->by_spi)
		goto out;
	w->next_unique = w->next_trap = 1;
	w->next_reqid = child_reqid_first(e);
	return 0;
out:
	child_world_free(w);
	*out = NULL;
	return err;
}

static void child_fini(struct child_sa *c)
{
	free(c->ts);
	if (c->late) {
		child_keys_fini(c->late);
		free(c->late);
	}
	conf_conn_unref(&c->conn);
}

static void trap_free(struct child_trap *t)
{
	conf_conn_unref(&t->conn);
	free(t->ts);
	free(t);
}

void child_world_free(struct child_world *w)
{
	if (!w)
		return;
	uint32_t cursor = 0;
	handle h;
	for (struct child_sa *c; w->children && (c = slab_next(w->children, &cursor, &h));)
		child_fini(c);
	while (w->traps) {
		struct child_trap *t = w->traps;
		w->traps = t->next;
		trap_free(t);
	}
	slab_free(w->children);
	htab_free(w->by_spi);
	free(w);
}

static slice spi_key(const uint32_t *spi)
{
	return slice_of(spi, sizeof *spi);
}

err_t child_spi_new(struct ike_engine *e, uint32_t *spi)
{
	uint32_t mask = (1u << e->env.shard_bits) - 1;
	for (int i = 0; i < 16; i++) {
		uint32_t v;
		err_t err = crypto_random(e->env.crypto, (uint8_t *)&v, sizeof v);
		if (err)
			return err;
		v = (v & ~mask) | (e->env.shard & mask);
		/* The highest byte of all zeros or ones is left to markers and manual SAs. */
		if (v >> 24 == 0 || v >> 24 == 0xff)
			continue;
		err = htab_add(e->children->by_spi, spi_key(&v), 0);
		if (err == E_EXISTS)
			continue;
		*spi = v;
		return err;
	}
	return E_LIMIT;
}

void child_spi_free(struct ike_engine *e, uint32_t spi)
{
	htab_del(e->children->by_spi, spi_key(&spi));
}

bool child_alive(const struct child_sa *c)
{
	return c->state == CHILD_S_INSTALLED || c->state == CHILD_S_REKEYING;
}

const char *child_state_name(uint8_t state)
{
	static const char *const names[CHILD_S_COUNT] = {
		[CHILD_S_INSTALLED] = "INSTALLED", [CHILD_S_REKEYING] = "REKEYING", [CHILD_S_REKEYED] = "REKEYED",
		[CHILD_S_DELETING] = "DELETING", [CHILD_S_DELETED] = "DELETED",
	};
	return state < CHILD_S_COUNT && names[state] ? names[state] : "CREATED";
}

void child_state_set(struct child_sa *c, uint8_t state)
{
	c->state = state;
}

struct child_sa *child_new(struct ike_engine *e, struct ike_sa *sa, struct child_neg *n, bool ours)
{
	struct child_world *w = e->children;
	size_t n_ts = n->local.n + n->remote.n;
	struct ts_sel *ts = reallocarray(NULL, n_ts ? n_ts : 1, sizeof *ts);
	handle h;
	struct child_sa *c = ts && !timer_reserve(&e->timers, 1) ? slab_get(w->children, &h) : NULL;
	if (!c) {
		free(ts);
		return NULL;
	}
	memcpy(ts, n->local.v, n->local.n * sizeof *ts);
	memcpy(ts + n->local.n, n->remote.v, n->remote.n * sizeof *ts);
	*c = (struct child_sa){
		.sa = sa, .h = h, .unique = w->next_unique++, .conn = conf_conn_ref(n->conn), .conf = n->conf, .ts = ts,
		.installed_ms = e->now_ms, .reqid = n->reqid, .spi_in = n->spi_in, .spi_out = n->spi_out,
		.cpi_in = n->cpi_in, .cpi_out = n->cpi_out,
		.n_local = (uint8_t)n->local.n, .n_remote = (uint8_t)n->remote.n, .state = CHILD_S_INSTALLED,
		.proto = n->proto, .mode = n->mode, .suite = n->suite,
	};
	if (ours)
		c->flags |= CHILD_OURS;
	if (sa->flags & SA_NATT)
		c->flags |= CHILD_ENCAP;
	/* The SPI was entered with 0 when it was chosen. */
	htab_del(w->by_spi, spi_key(&c->spi_in));
	if (htab_add(w->by_spi, spi_key(&c->spi_in), handle_u64(h)))
		SA_LOG(e, sa, LOG_CHILD, LOG_CONTROL, "inbound SPI %08x of child '%s' is not entered: out of memory",
		       c->spi_in, c->conf->name);
	n->spi_held = false;
	n->cpi_held = false;
	n->made = c->unique;
	c->next = sa->children;
	sa->children = c;
	count_inc(&made);
	return c;
}

void child_free(struct ike_engine *e, struct child_sa *c)
{
	child_remove(e, c, CHILD_IN | CHILD_OUT | CHILD_POLICIES);
	struct ike_xch *tx = c->sa->tx;
	if ((c->flags & CHILD_UNWANTED) && tx && tx->neg && tx->neg->old == c->unique)
		tx->neg->unwanted = true;
	/* A rival of a rekeying that is still out: without it the old one has no replacement yet. */
	for (struct child_sa *o = c->sa->children; o; o = o->next)
		if (o->replaced_by == c->unique && child_alive(o))
			o->replaced_by = 0;
	for (struct child_sa **at = &c->sa->children; *at; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			break;
		}
	timer_stop(&e->timers, &c->timer);
	timer_release(&e->timers, 1);
	child_spi_free(e, c->spi_in);
	if (c->cpi_in)
		child_spi_free(e, c->cpi_in);
	child_fini(c);
	slab_put(e->children->children, c->h);
}

struct child_sa *child_of(const struct ike_sa *sa, uint64_t unique)
{
	struct child_sa *c = unique ? sa->children : NULL;
	while (c && c->unique != unique)
		c = c->next;
	return c;
}

struct child_sa *child_by_out(const struct ike_sa *sa, uint8_t proto, uint32_t spi_out)
{
	struct child_sa *c = sa->children;
	while (c && (c->spi_out != spi_out || c->proto != proto || c->state == CHILD_S_DELETED))
		c = c->next;
	return c;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

void child_tell(struct ike_engine *e, struct child_sa *c, bool up, err_t why, const char *text)
{
	if (up == !!(c->flags & CHILD_UP_TOLD))
		return;
	c->flags ^= CHILD_UP_TOLD;
	ike_event_child(e, c->sa, c->unique, up, why, text);
}

/* ---- work about a child ------------------------------------------------------------------------------------------ */

static struct ike_work *child_work(struct child_sa *c, uint8_t story, uint64_t cmd_id)
{
	struct ike_work *w = ike_work_new(story, c->conn, c->conf, cmd_id);
	if (!w)
		return NULL;
	w->child_unique = c->unique;
	w->proto = c->proto;
	w->reqid = c->reqid;
	return w;
}

void child_queue_rekey(struct ike_engine *e, struct child_sa *c, uint64_t cmd_id)
{
	struct ike_work *w = child_work(c, STORY_CHILD_REKEY, cmd_id);
	if (!w) {
		ike_cmd_done(e, cmd_id, E_NOMEM, "out of memory", c->sa->unique, c->unique);
		return;
	}
	child_state_set(c, CHILD_S_REKEYING);
	ike_work_add(e, c->sa, w);
}

void child_queue_delete(struct ike_engine *e, struct child_sa *c, err_t why, uint64_t cmd_id)
{
	struct ike_work *w = child_work(c, STORY_CHILD_DELETE, cmd_id);
	if (!w) {
		ike_cmd_done(e, cmd_id, E_NOMEM, "out of memory", c->sa->unique, c->unique);
		return;
	}
	w->reason = why;
	child_state_set(c, CHILD_S_DELETING);
	child_timer_set(e, c);
	ike_work_add(e, c->sa, w);
}

void child_action(struct ike_engine *e, struct conf_conn *conn, const struct conf_child *conf, uint8_t action)
{
	struct diag *why = NULL;
	char text[256];
	err_t err = 0;
	if (e->stopping || !action)
		return;
	if ((action & CONF_TRAP) && !child_trap_find(e->children, conn->name, conf->name))
		err = child_trap_add(e, conn, conf, &why);
	if (!err && (action & CONF_START)) {
		struct ike_work *w = ike_work_new(STORY_CHILD_NEW, conn, conf, 0);
		err = w ? ike_initiate_child(e, w, &why) : E_NOMEM;
	}
	if (err) {
		struct log_ctx ctx = { .conn = conn->name, .child = conf->name, .code = err };
		LOGF(e->env.log, LOG_CHILD, LOG_CONTROL, &ctx, "child '%s' of connection '%s' is not set up again: %s",
		     conf->name, conn->name, diag_text(why, err, text, sizeof text));
	}
	diag_free(&why);
}

/* ---- lifetimes --------------------------------------------------------------------------------------------------- */

void child_lifetimes(struct ike_engine *e, struct child_sa *c)
{
	const struct conf_child *f = c->conf;
	uint64_t now = e->now_ms, rand_ms = f->rand_time_s * 1000;
	if (f->rekey_time_s) {
		uint64_t cut = rand_ms ? ike_rand_below(e, rand_ms + 1) : 0, rekey = f->rekey_time_s * 1000;
		c->rekey_ms = now + (cut < rekey ? rekey - cut : rekey);
	}
	if (f->life_time_s)
		c->life_ms = now + f->life_time_s * 1000;
}

static void timer_fired(struct ike_engine *e, struct ike_timer *t);

void child_timer_set(struct ike_engine *e, struct child_sa *c)
{
	uint64_t at = UINT64_MAX;
	if (c->state == CHILD_S_DELETED || c->state == CHILD_S_REKEYED) {
		at = c->wake_ms;
	} else if (child_alive(c)) {
		if (c->rekey_ms && c->state == CHILD_S_INSTALLED)
			at = c->rekey_ms;
		if (c->conf->inactivity_s && c->wake_ms && c->wake_ms < at)
			at = c->wake_ms;
	}
	if (c->state != CHILD_S_DELETED && c->life_ms && c->life_ms < at)
		at = c->life_ms;
	if (at == UINT64_MAX)
		timer_stop(&e->timers, &c->timer);
	else
		timer_set(&e->timers, &c->timer, at, timer_fired);
}

static bool used(struct ike_engine *e, const struct child_sa *c, uint8_t dir, uint64_t *idle_s)
{
	struct kern_usage u = { 0 };
	const struct net_addr *dst = dir == KERN_IN ? &c->sa->local : &c->sa->remote;
	if (!e->env.kern_usage || e->env.kern_usage(e->env.arg, dir, dir == KERN_IN ? c->spi_in : c->spi_out, dst, &u))
		return false;
	*idle_s = u.use_time_s;
	return u.packets > 0;
}

/* Nothing in either direction for conf->inactivity_s? Else wake_ms says when to look again. */
static bool inactive(struct ike_engine *e, struct child_sa *c)
{
	uint64_t limit = c->conf->inactivity_s, idle = (e->now_ms - c->installed_ms) / 1000, in, out;
	if (!limit)
		return false;
	if (used(e, c, KERN_IN, &in) && in < idle)
		idle = in;
	if (used(e, c, KERN_OUT, &out) && out < idle)
		idle = out;
	if (idle >= limit)
		return true;
	c->wake_ms = e->now_ms + (limit - idle) * 1000;
	return false;
}

/* A pair that was replaced and waits for its delete: the new one is switched to as soon as the peer uses it. */
static void rekeyed_poll(struct ike_engine *e, struct child_sa *c)
{
	struct child_sa *new = child_of(c->sa, c->replaced_by);
	uint64_t idle;
	if ((c->flags & CHILD_REDUNDANT) && e->now_ms >= c->installed_ms + REDUNDANT_LIMIT_MS) {
		SA_LOG(e, c->sa, LOG_CHILD, LOG_CONTROL,
		       "the peer has not deleted its redundant child '%s' (%08x): deleted by us", c->conf->name,
		       c->spi_in);
		child_queue_delete(e, c, 0, 0);
		return;
	}
	if (new && new->late && used(e, new, KERN_IN, &idle))
		child_switch(e, c, new);
	c->wake_ms = e->now_ms + SWITCH_POLL_MS;
	child_timer_set(e, c);
}

static void timer_fired(struct ike_engine *e, struct ike_timer *t)
{
	struct child_sa *c = TIMER_OF(t, struct child_sa, timer);
	if (c->state == CHILD_S_DELETED) {
		child_free(e, c);
	} else if (c->life_ms && e->now_ms >= c->life_ms) {
		struct child_sa *new = child_of(c->sa, c->replaced_by);
		count_inc(&hard_ends);
		c->life_ms = 0;
		if (c->state == CHILD_S_REKEYED && new)
			child_switch(e, c, new);
		if (c->state == CHILD_S_DELETING)
			return;
		SA_LOG(e, c->sa, LOG_CHILD, LOG_CONTROL, "child '%s' (%08x) has reached its hard lifetime: deleted",
		       c->conf->name, c->spi_in);
		child_queue_delete(e, c, E_TIMEOUT, 0);
	} else if (c->state == CHILD_S_REKEYED) {
		rekeyed_poll(e, c);
	} else if (child_alive(c) && c->conf->inactivity_s && inactive(e, c)) {
		SA_LOG(e, c->sa, LOG_CHILD, LOG_CONTROL, "child '%s' was not used for %llu s: deleted", c->conf->name,
		       (unsigned long long)c->conf->inactivity_s);
		c->flags |= CHILD_UNWANTED;
		child_queue_delete(e, c, 0, 0);
	} else if (c->state == CHILD_S_INSTALLED && c->rekey_ms && e->now_ms >= c->rekey_ms) {
		count_inc(&rekeys_due);
		c->rekey_ms = 0;
		child_queue_rekey(e, c, 0);
		child_timer_set(e, c);
	} else {
		child_timer_set(e, c);
	}
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* The peer has rekeyed a child and takes the new one back (its data plane said no): the old one, which is still sent
 * on, stays. Returns its unique id, 0 none. */
static uint64_t child_take_back(struct ike_engine *e, struct child_sa *new)
{
	for (struct child_sa *c = new->late ? new->sa->children : NULL; c; c = c->next)
		if (c->replaced_by == new->unique && c->state == CHILD_S_REKEYED && (c->flags & CHILD_OUT)) {
			c->replaced_by = 0;
			c->flags &= (uint16_t)~CHILD_BY_PEER;
			c->wake_ms = 0;
			if (!c->rekey_ms && c->conf->rekey_time_s)
				c->rekey_ms = e->now_ms + TAKEN_BACK_MS;
			child_state_set(c, CHILD_S_INSTALLED);
			child_timer_set(e, c);
			return c->unique;
		}
	return 0;
}

void child_deleted(struct ike_engine *e, struct child_sa *c, err_t why, bool by_peer)
{
	struct child_sa *new = child_of(c->sa, c->replaced_by);
	struct ike_sa *sa = c->sa;
	if (new)
		child_switch(e, c, new);
	if (c->replaced_by) {
		/* Nothing is sent on it any more, but what the peer sent before it switched may still be on its way. */
		child_remove(e, c, CHILD_OUT | CHILD_POLICIES);
		uint64_t keep_ms = (uint64_t)e->env.conf->delete_rekeyed_delay_s * 1000;
		if (keep_ms && (c->flags & CHILD_IN)) {
			child_state_set(c, CHILD_S_DELETED);
			c->wake_ms = e->now_ms + keep_ms;
			child_timer_set(e, c);
			return;
		}
		child_free(e, c);
		return;
	}
	struct child_sa *back = child_of(sa, child_take_back(e, c));
	struct conf_conn *conn = conf_conn_ref(c->conn);
	const struct conf_child *conf = c->conf;
	bool act = by_peer && !back && !(c->flags & CHILD_REDUNDANT) && !(sa->flags & SA_KEEP_QUIET);
	SA_LOG(e, sa, LOG_CHILD, LOG_CONTROL, "CHILD_SA %s{%llu} with SPIs %08x_i %08x_o closed%s", conf->name,
	       (unsigned long long)c->unique, c->spi_in, c->spi_out, by_peer ? " by the peer" : "");
	child_state_set(c, CHILD_S_DELETED);
	child_tell(e, c, false, why, by_peer ? "deleted by the peer" : NULL);
	child_free(e, c);
	if (back)
		child_tell(e, back, true, 0, "its replacement was taken back");
	if (act)
		child_action(e, conn, conf, conf->close_action);
	conf_conn_unref(&conn);
}

void child_sa_lost(struct ike_sa *sa, struct ike_engine *e, err_t why, bool by_peer)
{
	/* Actions may start a new IKE SA: they are taken when nothing of this one is left. */
	struct {
		struct conf_conn *conn;
		const struct conf_child *conf;
		uint8_t action;
	} todo[16];
	size_t n = 0;
	while (sa->children) {
		struct child_sa *c = sa->children;
		uint8_t action = 0;
		if (why == E_TIMEOUT)
			action = c->conf->dpd_action == CONF_DPD_TRAP ? CONF_TRAP :
				 c->conf->dpd_action == CONF_DPD_RESTART ? CONF_START : CONF_NONE;
		else if (by_peer)
			action = c->conf->close_action;
		if (!child_alive(c) || (sa->flags & SA_KEEP_QUIET))
			action = CONF_NONE;
		if (action && n < ARRAY_LEN(todo)) {
			todo[n].conn = conf_conn_ref(c->conn);
			todo[n].conf = c->conf;
			todo[n++].action = action;
		}
		child_tell(e, c, false, why, NULL);
		child_free(e, c);
	}
	for (size_t i = 0; i < n; i++) {
		child_action(e, todo[i].conn, todo[i].conf, todo[i].action);
		conf_conn_unref(&todo[i].conn);
	}
}

void child_move_all(struct ike_sa *from, struct ike_sa *to)
{
	struct child_sa **end = &to->children;
	while (*end)
		end = &(*end)->next;
	*end = from->children;
	from->children = NULL;
	for (struct child_sa *c = *end; c; c = c->next)
		c->sa = to;
}

uint64_t child_idle_in_ms(struct ike_engine *e, const struct ike_sa *sa)
{
	uint64_t best = UINT64_MAX, idle_s;
	for (const struct child_sa *c = sa->children; c; c = c->next)
		if ((c->flags & CHILD_IN) && used(e, c, KERN_IN, &idle_s) && idle_s < best / 1000)
			best = idle_s * 1000;
	return best;
}

void child_queue_again(struct ike_engine *e, struct ike_sa *from, struct ike_sa *to)
{
	for (struct child_sa *c = from->children; c; c = c->next) {
		const struct conf_child *conf = conf_conn_child(to->conn, c->conf->name);
		if (!child_alive(c) || !conf)
			continue;
		struct ike_work *w = ike_work_new(STORY_CHILD_NEW, to->conn, conf, 0);
		if (!w)
			continue;
		w->reqid = c->reqid;
		ike_work_add(e, to, w);
	}
}

uint32_t child_count(const struct child_world *w)
{
	return slab_count(w->children);
}

uint64_t child_world_bytes(const struct child_world *w)
{
	return sizeof *w +
	       (uint64_t)slab_count(w->children) * (sizeof(struct child_sa) + 2 * sizeof(struct ts_sel) + 32) +
	       w->n_traps * sizeof(struct child_trap);
}

uint16_t child_count_of(const struct ike_sa *sa)
{
	uint16_t n = 0;
	for (const struct child_sa *c = sa->children; c; c = c->next)
		n++;
	return n;
}
