/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of starting: a plugin comes behind those that declare what its features need or like. A circle of likes is
 * cut; a feature whose need nobody offers is left out, and a plugin of which nothing is left is not started.
 */
#include "base/diag.h"
#include "base/text.h"
#include "plugin/kat.h"
#include "plugin/loader_int.h"
#include "plugin/speed_cache.h"

#include <stdlib.h>

static bool same(const struct plug_feat *a, const struct plug_feat *b)
{
	return a->kind == b->kind && a->id == b->id && a->arg == b->arg;
}

static bool declares(const struct loaded *p, const struct plug_feat *f)
{
	for (size_t i = 0; i < p->desc->n_feats; i++)
		if (same(&p->desc->feats[i].is, f))
			return true;
	return false;
}

/* Does another plugin, whose turn is still to come, declare one of the list? */
static bool waits_for(const struct loader *l, const struct loaded *p, const struct plug_feat *list)
{
	for (; list && list->kind; list++)
		for (size_t i = 0; i < l->n; i++)
			if (l->v[i] != p && !l->v[i]->tried && !declares(p, list) && declares(l->v[i], list))
				return true;
	return false;
}

static bool may_start(const struct loader *l, const struct loaded *p, bool heed_likes)
{
	for (size_t i = 0; i < p->desc->n_feats; i++) {
		const struct plug_feat_row *f = &p->desc->feats[i];
		if (waits_for(l, p, f->needs) || (heed_likes && waits_for(l, p, f->likes)))
			return false;
	}
	return true;
}

/* The next one to start: first those that wait for nobody, then without likes, then any (a circle of needs). */
static struct loaded *pick(const struct loader *l)
{
	for (int pass = 0; pass < 3; pass++)
		for (size_t i = 0; i < l->n; i++)
			if (!l->v[i]->tried && (pass == 2 || may_start(l, l->v[i], pass == 0)))
				return l->v[i];
	return NULL;
}

/* ---- features of one plugin ---- */

enum verdict { OPEN = 0, TAKEN, OUT };

static const struct plug_feat *first_unmet(const struct loader *l, const struct loaded *p, const uint8_t *verdict,
	const struct plug_feat *need)
{
	for (; need && need->kind; need++) {
		bool met = registry_find(l->s->reg, need->kind, need->id, need->arg) != NULL;
		for (size_t i = 0; i < p->desc->n_feats && !met; i++)
			met = verdict[i] == TAKEN && same(&p->desc->feats[i].is, need);
		if (!met)
			return need;
	}
	return NULL;
}

/* Which features have what they need; a feature may need another one of the same plugin, in any order. */
static size_t take_features(const struct loader *l, const struct loaded *p, uint8_t *verdict)
{
	size_t taken = 0;

	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < p->desc->n_feats; i++) {
			if (verdict[i] != OPEN || first_unmet(l, p, verdict, p->desc->feats[i].needs))
				continue;
			verdict[i] = TAKEN;
			taken++;
			more = true;
		}
	}
	return taken;
}

static void say_left_out(struct loader *l, struct loaded *p, const struct plug_feat_row *f, const char *why)
{
	LOGF(l->s->log, LOG_PLUGIN, LOG_AUDIT, NULL, "plugin %s: %s %u%s%.0u is left out: %s", p->reg->name,
		plug_kind_name(f->is.kind), f->is.id, f->is.arg ? "/" : "", f->is.arg, why);
}

static void leave_out(struct loader *l, struct loaded *p, const struct plug_feat_row *f, const char *why)
{
	/* Without memory for the row it is not offered all the same; the line says it. */
	if (registry_add_feat(l->s->reg, p->reg, f, why))
		LOGF(l->s->log, LOG_PLUGIN, LOG_AUDIT, NULL, "out of memory");
	say_left_out(l, p, f, why);
}

static void say_unmet(struct loader *l, struct loaded *p, const uint8_t *verdict, size_t i)
{
	const struct plug_feat_row *f = &p->desc->feats[i];
	const struct plug_feat *need = first_unmet(l, p, verdict, f->needs);
	TEXT_ON_STACK(why, 128);

	text_fmt(&why, "it needs %s %u%s%.0u, which no loaded plugin offers", plug_kind_name(need->kind), need->id,
		need->arg ? "/" : "", need->arg);
	leave_out(l, p, f, why.p);
}

static bool test_and_offer(struct loader *l, struct loaded *p, const struct plug_feat_row *f)
{
	struct diag *why = NULL;
	char buf[256];

	/* Hundreds of milliseconds for all providers, and all but one of each are never asked. */
	bool reserve = l->reserve && (f->is.kind == PLUG_KEX || f->is.kind == PLUG_SIGN);
	err_t e = reserve ? kat_table(f, &why) : kat_run(f, &why);
	if (!e && reserve)
		e = registry_add_reserve(l->s->reg, p->reg, f);
	else if (e)
		leave_out(l, p, f, diag_text(why, e, buf, sizeof buf));
	else if (registry_add_feat(l->s->reg, p->reg, f, NULL))
		e = E_NOMEM;
	diag_free(&why);
	return !e;
}

static void start_one(struct loader *l, struct loaded *p)
{
	size_t n = p->desc->n_feats, offered = 0;
	uint8_t *verdict = calloc(n ? n : 1, 1);
	struct diag *why = NULL;
	err_t e = 0;

	if (!verdict) {
		loader_refuse(l, p->reg, NULL, E_NOMEM);
		return;
	}
	size_t taken = take_features(l, p, verdict);
	for (size_t i = 0; i < n; i++)
		if (verdict[i] != TAKEN)
			say_unmet(l, p, verdict, i);
	if (n && !taken) {
		e = diag_set(&why, E_NEEDS, "nothing it offers can be used");
		loader_refuse(l, p->reg, why, e);
		goto out;
	}
	if (p->desc->start)
		e = p->desc->start(host_api(p->host), &p->reg->self);
	if (e) {
		e = diag_set(&why, e, "it could not start: %s", err_text(e));
		loader_refuse(l, p->reg, why, e);
		goto out;
	}
	p->started = true;
	p->reg->state = REG_ACTIVE;
	for (size_t i = 0; i < n; i++)
		if (verdict[i] == TAKEN)
			offered += test_and_offer(l, p, &p->desc->feats[i]);
	LOGF(l->s->log, LOG_PLUGIN, LOG_DETAIL, NULL, "plugin %s %s: %zu of %zu features", p->reg->name,
		p->reg->version, offered, n);
out:
	diag_free(&why);
	free(verdict);
}

struct note {
	const struct reg_plugin *plugin;
	const struct plug_feat_row *row;
	uint32_t speed;
};

/* All crypto features that are offered or in reserve. */
static size_t crypto_features(const struct loader *l, struct note **out)
{
	const struct reg_feat *f;
	size_t cursor = 0, n = 0;
	struct note *v = NULL;

	while ((f = registry_each_feat(l->s->reg, 0, &cursor))) {
		if ((!f->offered && !f->reserve) || f->is.kind > PLUG_RNG)
			continue;
		struct note *more = reallocarray(v, n + 1, sizeof *v);
		if (!more)
			break;
		v = more;
		v[n++] = (struct note){ f->plugin, f->row, 0 };
	}
	*out = v;
	return n;
}

/* The fastest provider of an algorithm is to serve; the figures of those that are alone are for people. */
static void measure(struct loader *l, unsigned us, const char *path)
{
	struct speed_cache *cache = speed_cache_open(path);
	struct note *v;
	size_t n = crypto_features(l, &v);

	for (size_t i = 0; i < n; i++) {
		v[i].speed = speed_cache_get(cache, v[i].plugin, &v[i].row->is);
		if (!v[i].speed) {
			v[i].speed = kat_speed(v[i].row, us);
			speed_cache_put(cache, v[i].plugin, &v[i].row->is, v[i].speed);
		}
	}
	speed_cache_close(cache);
	for (size_t i = 0; i < n; i++)
		if (v[i].speed)
			registry_speed(l->s->reg, v[i].plugin->name, v[i].row->is.kind, v[i].row->is.id,
				v[i].row->is.arg, v[i].speed);
	free(v);
}

static struct loaded *loaded_of(const struct loader *l, const struct reg_plugin *p)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i]->reg == p)
			return l->v[i];
	return NULL;
}

/* The first feature of an algorithm that nobody offers yet. */
static const struct reg_feat *next_to_serve(const struct loader *l)
{
	const struct reg_feat *f, *before = NULL;

	for (size_t cursor = 0; (f = registry_each_feat(l->s->reg, 0, &cursor)); before = f)
		if (f->reserve && !(before && memcmp(&before->is, &f->is, sizeof f->is) == 0))
			return f;
	return NULL;
}

void loader_settle(struct loader *l)
{
	const struct reg_feat *f;

	while ((f = next_to_serve(l))) {
		const struct plug_feat_row *row = f->row;
		struct loaded *p = loaded_of(l, f->plugin);
		struct diag *why = NULL;
		char buf[256];
		err_t e = kat_run(row, &why);
		if (e) {
			registry_withdraw(l->s->reg, p->reg, row, diag_text(why, e, buf, sizeof buf));
			say_left_out(l, p, row, buf);
		} else {
			registry_offer(l->s->reg, p->reg, row);
		}
		diag_free(&why);
	}
}

void loader_start(struct loader *l, unsigned measure_us, const char *cache)
{
	size_t done = 0;
	struct loaded *p;

	l->reserve = measure_us;
	while ((p = pick(l))) {
		p->tried = true;
		start_one(l, p);
		/* Stopping goes backwards through the order of starting. */
		for (size_t i = done; i < l->n; i++)
			if (l->v[i] == p) {
				l->v[i] = l->v[done];
				l->v[done++] = p;
				break;
			}
	}
	if (measure_us)
		measure(l, measure_us, cache);
}
