/* SPDX-License-Identifier: Apache-2.0 */
/* Commits and what comes after them: history, confirmation, roll back. */
#include "config/trans_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

err_t conf_hub_new(const struct conf_hub_env *env, struct conf_hub **out)
{
	struct conf_hub *h = calloc(1, sizeof *h);

	*out = h;
	if (!h)
		return E_NOMEM;
	h->env = *env;
	h->next_id = 1;
	h->history.lock_fd = -1;
	return 0;
}

void conf_hub_free(struct conf_hub *h)
{
	if (!h)
		return;
	while (h->open) {
		struct conf_trans *t = h->open;
		conf_trans_abort(&t);
	}
	conf_snap_unref(&h->before);
	conf_history_close(&h->history);
	free(h);
}

struct conf_history *conf_hub_history(struct conf_hub *h)
{
	return &h->history;
}

/* One line, cut to what the history keeps. */
static char *one_line(const char *s)
{
	char *p = s && *s ? strndup(s, CONF_COMMENT_MAX) : NULL;

	for (char *c = p; c && *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = ' ';
	return p;
}

static struct conf_rev *record(struct conf_hub *h, const char *who, const char *comment, const struct conf_committed *c,
			       bool confirmed)
{
	struct conf_rev r = { .time_s = h->env.wall_s(h->env.arg), .who = one_line(who), .comment = one_line(comment),
		.confirmed = confirmed, .snap = conf_snap_of(h->env.store) };
	uint64_t gone;

	if (c) {
		r.added = c->added;
		r.changed = c->changed;
		r.removed = c->removed;
	}
	struct conf_rev *at = conf_history_add(&h->history, &r, &gone);
	if (h->env.keep && at->snap)
		h->env.keep(h->env.arg, at, gone);
	return at;
}

static struct conf_rev *newest(const struct conf_hub *h)
{
	return h->history.n ? (struct conf_rev *)&h->history.revs[h->history.n - 1] : NULL;
}

uint64_t conf_hub_revision(const struct conf_hub *h, bool *changed)
{
	const struct conf_rev *r = newest(h);

	if (changed && r && r->snap)
		*changed = !conf_snap_is_now(r->snap, h->env.store);
	else if (changed)
		*changed = conf_store_count(h->env.store) || conf_secrets_count(conf_store_secrets(h->env.store)) ||
			conf_node_count(conf_store_rest(h->env.store));
	return r ? r->number : 0;
}

/* What came over the API since the last revision becomes one, so that a commit can be taken back to it. */
static err_t record_running(struct conf_hub *h)
{
	bool changed;

	conf_hub_revision(h, &changed);
	if (!changed)
		return 0;
	return record(h, "api", "changes by single commands", NULL, true)->snap ? 0 : E_NOMEM;
}

static err_t may_commit(const struct conf_trans *t, struct diag **why)
{
	struct conf_hub *h = t->hub;
	err_t e = conf_hub_may_change(h, why);

	if (!e && t->base != conf_store_generation(h->env.store))
		return diag_set(why, E_CONFLICT, "the running configuration has changed since this transaction began: abort it, "
			"begin again and look at the difference");
	return e;
}

static bool differs(struct conf_trans *t)
{
	struct conf_diff_at at = { 0 };
	struct conf_diff d;

	if (!conf_trans_diff(t, &at, &d))
		return false;
	conf_delta_fini(&d.delta);
	return true;
}

static void tell(struct conf_hub *h, uint8_t what, uint32_t confirm_s, uint64_t instead_of)
{
	struct conf_told told = { what, newest(h), confirm_s, instead_of };

	if (h->env.tell && told.rev)
		h->env.tell(h->env.arg, &told);
}

static err_t commit(struct conf_trans *t, const struct conf_commit *how, struct conf_committed *out, struct diag **why)
{
	struct conf_hub *h = t->hub;
	struct conf_snap *before = NULL;

	*out = (struct conf_committed){ 0 };
	err_t e = conf_trans_check(t, why);
	if (e || !differs(t))
		return e;
	e = record_running(h);
	if (!e && how->confirm_s) {
		before = conf_snap_of(h->env.store);
		e = before ? 0 : E_NOMEM;
	}
	uint64_t number = conf_hub_revision(h, NULL);
	if (!e)
		e = conf_trans_apply(t, !how->no_effects, out, why);
	if (e) {
		conf_snap_unref(&before);
		return e;
	}
	out->revision = record(h, t->who, how->comment, out, !how->confirm_s)->number;
	if (how->confirm_s) {
		h->pending = out->revision;
		h->pending_until_ms = h->env.now_ms(h->env.arg) + how->confirm_s * 1000ull;
		conf_snap_unref(&h->before);
		h->before = before;
		h->before_number = number;
	}
	return 0;
}

err_t conf_trans_commit(struct conf_trans **t, const struct conf_commit *how, struct conf_committed *out,
			struct diag **why)
{
	struct conf_hub *h = (*t)->hub;
	err_t e = may_commit(*t, why);

	*out = (struct conf_committed){ 0 };
	if (!e)
		e = commit(*t, how, out, why);
	if (e)
		return e;
	conf_trans_abort(t);
	if (out->revision)
		tell(h, CONF_TOLD_COMMITTED, how->confirm_s, 0);
	return 0;
}

err_t conf_hub_load(struct conf_hub *h, const struct conf_node *root, enum conf_load how, const char *who,
		    const struct conf_commit *with, struct conf_committed *out, struct diag **why)
{
	struct conf_trans *t;

	*out = (struct conf_committed){ 0 };
	err_t e = conf_trans_begin(h, who, &t, why);
	if (!e)
		e = conf_trans_load(t, root, how, why);
	if (!e)
		e = conf_trans_commit(&t, with, out, why);
	conf_trans_abort(&t);
	return e;
}

/* ---- confirmation --------------------------------------------------------------------------------------------------- */

err_t conf_hub_may_change(const struct conf_hub *h, struct diag **why)
{
	if (!h->pending)
		return 0;
	return diag_set(why, E_CONFLICT, "revision %" PRIu64 " waits for its confirmation: confirm it or roll it back first",
		h->pending);
}

uint64_t conf_hub_pending(const struct conf_hub *h, uint32_t *left_s)
{
	uint64_t now = h->pending ? h->env.now_ms(h->env.arg) : 0;

	*left_s = h->pending && h->pending_until_ms > now ? (uint32_t)((h->pending_until_ms - now + 999) / 1000) : 0;
	return h->pending;
}

static void pending_end(struct conf_hub *h)
{
	h->pending = 0;
	conf_snap_unref(&h->before);
}

err_t conf_hub_confirm(struct conf_hub *h, struct diag **why)
{
	struct conf_rev *r = conf_history_find(&h->history, h->pending);

	if (!h->pending)
		return diag_set(why, E_NOT_FOUND, "no commit waits for a confirmation");
	pending_end(h);
	if (r) {
		r->confirmed = true;
		if (h->env.keep && r->snap)
			h->env.keep(h->env.arg, r, 0);
	}
	tell(h, CONF_TOLD_CONFIRMED, 0, 0);
	return 0;
}

/* ---- roll back ------------------------------------------------------------------------------------------------------ */

/* The revision before the newest one that ran; 0 none. */
static uint64_t one_back(const struct conf_hub *h)
{
	if (h->pending)
		return h->before_number;
	return h->history.n > 1 ? h->history.revs[h->history.n - 2].number : 0;
}

err_t conf_hub_rollback(struct conf_hub *h, uint64_t number, const char *who, const struct conf_commit *how,
			struct conf_committed *out, struct diag **why)
{
	struct conf_snap *before = h->pending ? conf_snap_ref(h->before) : NULL;
	uint64_t to = number ? number : one_back(h), pending = h->pending, runs = conf_hub_revision(h, NULL);
	struct conf_commit with = *how;
	char comment[CONF_COMMENT_MAX];
	struct conf_trans *t = NULL;
	err_t e;

	*out = (struct conf_committed){ 0 };
	if (!to && !before)
		return diag_set(why, E_NOT_FOUND, "there is no revision to go back to");
	snprintf(comment, sizeof comment, "back to revision %" PRIu64 "%s%s", to, how->comment ? ": " : "",
		how->comment ? how->comment : "");
	with.comment = comment;
	e = conf_trans_begin(h, who, &t, why);
	/* Before a commit that waits ran maybe what is no revision at all (an empty start). */
	if (!e && before && to == h->before_number)
		e = conf_trans_snap(t, before);
	else if (!e)
		e = conf_trans_revision(t, to, why);
	h->pending = 0; /* it must not forbid its own end */
	if (!e)
		e = conf_trans_commit(&t, &with, out, why);
	if (e)
		h->pending = pending;
	else if (pending && !with.confirm_s)
		conf_snap_unref(&h->before);
	conf_trans_abort(&t);
	conf_snap_unref(&before);
	if (!e && out->revision)
		tell(h, CONF_TOLD_ROLLED_BACK, with.confirm_s, runs);
	return e;
}

void conf_hub_tick(struct conf_hub *h)
{
	uint64_t now = h->env.now_ms(h->env.arg);
	struct conf_committed done;
	struct diag *why = NULL;

	if (h->pending && now >= h->pending_until_ms) {
		struct conf_commit how = { .comment = "not confirmed in time" };
		/* Only memory can be missing: it is tried again. */
		if (conf_hub_rollback(h, 0, "aditd", &how, &done, &why))
			h->pending_until_ms = now + 5000;
		diag_free(&why);
	}
	for (struct conf_trans *t = h->open, *next; t; t = next) {
		next = t->next;
		if (now - t->used_ms >= TRANS_IDLE_MS)
			conf_trans_abort(&t);
	}
}
