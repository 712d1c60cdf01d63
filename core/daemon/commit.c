/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions on this daemon: a set becomes what runs, revisions go to the disk on a worker, the API tells of it. */
#include "daemon/creds.h"
#include "daemon/daemon.h"

#include "config/history.h"
#include "config/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

static uint64_t now_ms(void *arg)
{
	(void)arg;
	return loop_now_ms();
}

static uint64_t wall_s(void *arg)
{
	(void)arg;
	return (uint64_t)time(NULL);
}

/* ---- a set becomes what runs --------------------------------------------------------------------------------------- */

struct changes {
	struct daemon *d;
	conf_change_fn *cb;
	void *cb_arg;
	bool effects;
	struct plan *plans;
	struct conf_conn **start; /* whose start actions are due */
	size_t n, cap;
	unsigned count[CONF_REMOVED + 1];
};

static void start_add(struct changes *c, const struct conf_conn *conn)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 16;
		struct conf_conn **v = reallocarray(c->start, cap, sizeof *v);
		if (!v)
			return;
		c->start = v;
		c->cap = cap;
	}
	c->start[c->n++] = conf_conn_ref((struct conf_conn *)conn);
}

static void note(void *arg, enum conf_change what, const struct conf_conn *old, const struct conf_conn *now)
{
	static const char *const words[] = { "", "added", "changed", "removed" };
	struct changes *c = arg;
	struct plan *p = NULL;

	c->count[what]++;
	if (c->cb)
		c->cb(c->cb_arg, what, old, now);
	if (what == CONF_SAME)
		return;
	LOGF(c->d->log, LOG_CONFIG, LOG_DETAIL, NULL, "%s connection '%s'", words[what], now ? now->name : old->name);
	if (now)
		conf_log_remarks(c->d->log, now);
	if (what == CONF_REMOVED)
		netplane_conn_gone(c->d, old->name);
	if (c->effects && old)
		p = effects_plan(old, now);
	if (p)
		effects_add(&c->plans, p);
	if (now)
		start_add(c, now);
}

/* They were checked with the rest of the set. */
static void take_pools(struct daemon *d)
{
	struct conf_pool **v = NULL;

	if (conf_pools_from(conf_node_child(conf_store_rest(d->store), "pools"), &v, NULL))
		return;
	ike_pools_set(d->engine, v);
	free(v);
}

static err_t apply(void *arg, struct conf_set *set, uint32_t flags, bool effects, conf_change_fn *cb, void *cb_arg,
		   struct diag **why)
{
	struct daemon *d = arg;
	struct changes c = { .d = d, .cb = cb, .cb_arg = cb_arg, .effects = effects };
	bool settings = set->settings != NULL;

	err_t e = settings ? conf_check_settings(d, set->settings, why) : 0;
	if (!e && conf_store_apply(d->store, set, flags, note, &c))
		e = diag_set(why, E_NOMEM, "no memory to take over the configuration");
	if (e)
		return e;
	if (settings)
		conf_take_settings(d, &set->settings);
	creds_authorities_sync(d, conf_store_rest(d->store));
	creds_keys_sync(d);
	take_pools(d);
	drive_conf_changed(d);
	effects_run(d, c.plans);
	for (size_t i = 0; i < c.n; i++) {
		conf_start_actions(d, c.start[i]);
		conf_conn_unref(&c.start[i]);
	}
	free(c.start);
	LOGF(d->log, LOG_CONFIG, LOG_CONTROL, NULL, "configuration: %zu connections (%u added, %u changed, %u "
		"removed), %zu secrets", conf_store_count(d->store), c.count[CONF_ADDED], c.count[CONF_CHANGED],
		c.count[CONF_REMOVED], conf_secrets_count(conf_store_secrets(d->store)));
	return 0;
}

/* ---- revisions on disk --------------------------------------------------------------------------------------------- */

struct keep {
	struct work work;
	struct daemon *d;
	char *dir;
	struct conf_rev rev;
	uint64_t gone;
	struct diag *why;
};

static void keep_run(struct work *w)
{
	struct keep *k = (struct keep *)w;

	(void)!conf_rev_write(k->dir, &k->rev, &k->why);
	if (k->gone)
		conf_rev_remove(k->dir, k->gone);
}

static void keep_done(struct work *w, bool ran)
{
	struct keep *k = (struct keep *)w;
	char buf[512];

	/* The daemon ends: this one is still written. */
	if (!ran)
		keep_run(w);
	if (k->why)
		LOGF(k->d->log, LOG_CONFIG, LOG_AUDIT, NULL, "%s: the history of the configuration is not kept",
			diag_text(k->why, k->why->code, buf, sizeof buf));
	diag_free(&k->why);
	conf_snap_unref(&k->rev.snap);
	free(k->rev.who);
	free(k->rev.comment);
	free(k->dir);
	free(k);
}

static void keep(void *arg, const struct conf_rev *rev, uint64_t gone)
{
	struct daemon *d = arg;
	const char *dir = conf_hub_history(d->hub)->dir;
	struct keep *k = dir ? calloc(1, sizeof *k) : NULL;

	if (!k)
		return;
	*k = (struct keep){ .work = { .run = keep_run, .done = keep_done }, .d = d, .dir = strdup(dir), .rev = *rev,
		.gone = gone };
	k->rev.snap = conf_snap_ref(rev->snap);
	k->rev.who = rev->who ? strdup(rev->who) : NULL;
	k->rev.comment = rev->comment ? strdup(rev->comment) : NULL;
	if (!k->dir || workers_put(d->workers, &k->work))
		keep_done(&k->work, k->dir ? false : true);
}

/* ---- events -------------------------------------------------------------------------------------------------------- */

static void tell(void *arg, const struct conf_told *t)
{
	struct daemon *d = arg;
	unsigned long long n = t->rev->number, old = t->instead_of;

	if (t->what == CONF_TOLD_CONFIRMED)
		LOGF(d->log, LOG_CONFIG, LOG_AUDIT, NULL, "revision %llu of the configuration is confirmed", n);
	else if (t->what == CONF_TOLD_ROLLED_BACK)
		LOGF(d->log, LOG_CONFIG, LOG_AUDIT, NULL, "revision %llu of the configuration: %s (instead of %llu)", n,
			t->rev->comment ? t->rev->comment : "", old);
	else if (t->confirm_s)
		LOGF(d->log, LOG_CONFIG, LOG_AUDIT, NULL, "revision %llu of the configuration by %s; it is taken back unless "
			"confirmed within %u s", n, t->rev->who ? t->rev->who : "", t->confirm_s);
	else
		LOGF(d->log, LOG_CONFIG, LOG_AUDIT, NULL, "revision %llu of the configuration by %s", n,
			t->rev->who ? t->rev->who : "");
	if (d->api)
		api_server_config(d->api, t);
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

/* Where the history is kept: as set, else the usual place for the daemon on the usual socket alone. */
static const char *state_dir(const struct daemon *d)
{
	if (d->settings->state_dir)
		return *d->settings->state_dir ? d->settings->state_dir : NULL;
	return d->opt.socket || d->settings->socket ? NULL : ADIT_STATE_DIR;
}

static void history_start(struct daemon *d)
{
	const char *dir = state_dir(d);
	struct diag *why = NULL;
	char path[4000], buf[512];

	if (!dir)
		return;
	(void)!mkdir(dir, 0755);
	snprintf(path, sizeof path, "%s/history", dir);
	err_t e = conf_history_open(conf_hub_history(d->hub), path, &why);
	if (e)
		LOGF(d->log, LOG_CONFIG, LOG_CONTROL, NULL, "%s: it is kept in memory alone",
			diag_text(why, e, buf, sizeof buf));
	diag_free(&why);
}

err_t commit_start(struct daemon *d, struct diag **why)
{
	struct conf_hub_env env = { .store = d->store, .can = &d->can, .arg = d, .now_ms = now_ms, .wall_s = wall_s,
		.apply = apply, .keep = keep, .tell = tell };

	if (effects_new(d) || conf_hub_new(&env, &d->hub))
		return diag_set(why, E_NOMEM, "no memory for transactions of the configuration");
	history_start(d);
	return 0;
}

void commit_stop(struct daemon *d)
{
	conf_hub_free(d->hub);
	d->hub = NULL;
	effects_free(d);
}
