/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Living SAs take over a changed version of their connection: what is looked at later (liveness, actions, proposals of
 * the next rekey) simply comes from the new version, times are set anew. What stands in the data plane does not change
 * here: a child whose selectors, mode or marks changed keeps its version until it is closed.
 */
#include "ike/child_int.h"
#include "ike/life.h"
#include "ike/wait.h"

static COUNTER(c_adopted, "ike.sa.adopted", "IKE SAs that took over a changed version of their connection");

/* When something is due that was due at `was` by `old_s` and is now by `new_s`; 0 none. */
static uint64_t due(struct ike_engine *e, uint64_t was, uint64_t old_s, uint64_t new_s, uint64_t rand_s, uint64_t from_ms)
{
	uint64_t cut = rand_s ? ike_rand_below(e, rand_s * 1000 + 1) : 0, at;

	if (!new_s)
		return 0;
	if (was && old_s == new_s)
		return was;
	at = from_ms + new_s * 1000 - (cut < new_s * 1000 ? cut : 0);
	/* Long overdue for all at once: spread over some seconds. */
	return at > e->now_ms ? at : e->now_ms + 1 + ike_rand_below(e, 3000);
}

static void times(struct ike_engine *e, struct ike_sa *sa, const struct conf_conn *was, const struct conf_conn *now)
{
	uint64_t from = sa->established_ms ? sa->established_ms : e->now_ms;
	uint64_t longest = now->rekey_time_s > now->reauth_time_s ? now->rekey_time_s : now->reauth_time_s;
	uint64_t old = was->rekey_time_s > was->reauth_time_s ? was->rekey_time_s : was->reauth_time_s;

	sa->rekey_ms = due(e, sa->rekey_ms, was->rekey_time_s, now->rekey_time_s, now->rand_time_s, from);
	sa->reauth_ms = due(e, sa->reauth_ms, was->reauth_time_s, now->reauth_time_s, now->rand_time_s, from);
	sa->end_ms = longest && now->over_time_s ? due(e, sa->end_ms, old + was->over_time_s, longest + now->over_time_s, 0,
		from) : 0;
	if (sa->end_ms && sa->end_ms <= e->now_ms + now->over_time_s * 1000)
		sa->end_ms = e->now_ms + now->over_time_s * 1000; /* time for the rekey that is due at once */
	life_expiry(e, sa);
	life_arm(e, sa);
	alive_arm(e, sa);
}

/* The kernel has the old hard limit: a longer time holds from the next rekey on, a shorter one at once. */
static uint64_t sooner(uint64_t was, uint64_t now)
{
	return was && (!now || was < now) ? was : now;
}

static void child_take(struct ike_engine *e, struct child_sa *c, struct conf_conn *now, const struct conf_child *f)
{
	const struct conf_child *was = c->conf;
	uint64_t from = c->installed_ms;

	c->rekey_ms = sooner(c->rekey_ms, due(e, c->rekey_ms, was->rekey_time_s, f->rekey_time_s, f->rand_time_s, from));
	c->life_ms = sooner(c->life_ms, due(e, c->life_ms, was->life_time_s, f->life_time_s, 0, from));
	if (c->life_ms && c->rekey_ms && c->life_ms <= c->rekey_ms && f->rekey_time_s)
		c->rekey_ms = e->now_ms + 1 + ike_rand_below(e, 3000);
	if (f->inactivity_s != was->inactivity_s && c->state == CHILD_S_INSTALLED)
		c->wake_ms = f->inactivity_s ? e->now_ms + f->inactivity_s * 1000 : 0;
	conf_conn_unref(&c->conn);
	c->conn = conf_conn_ref(now);
	c->conf = f;
	child_timer_set(e, c);
}

/* The version would change under what an exchange has sent already. */
static bool is_busy(const struct ike_sa *sa)
{
	return sa->state != IKE_S_UP || sa->rx || (sa->tx && sa->tx->story != STORY_INFO);
}

static void sa_take(struct ike_engine *e, struct ike_sa *sa, struct conf_conn *now, const struct ike_adopt *a)
{
	struct conf_conn *was = conf_conn_ref(sa->conn);

	for (struct child_sa *c = sa->children; c; c = c->next) {
		const struct conf_child *f = conf_conn_child(now, c->conf->name);
		if (f && child_alive(c) && c->conn == was && a->child(a->arg, now->name, f->name))
			child_take(e, c, now, f);
	}
	conf_conn_unref(&sa->conn);
	sa->conn = conf_conn_ref(now);
	times(e, sa, was, now);
	conf_conn_unref(&was);
	count_inc(&c_adopted);
	ike_note(e, sa, "took over a changed configuration");
	SA_LOG(e, sa, LOG_CONFIG, LOG_DETAIL, "IKE_SA %s[%llu] took over the changed connection", now->name,
		(unsigned long long)sa->unique);
}

void ike_conf_adopt(struct ike_engine *e, uint64_t now_ms, const struct ike_adopt *a, struct fx_list *out)
{
	uint32_t cursor = 0;
	struct ike_sa *sa;

	ike_enter(e, now_ms, out);
	while ((sa = ike_sa_next(e, &cursor))) {
		struct conf_conn *now = sa->conn && !(sa->flags & SA_STANDBY) && sa->state < IKE_S_REKEYED ?
			a->version(a->arg, sa->conn) : NULL;
		if (!now || now == sa->conn)
			continue;
		if (is_busy(sa))
			a->busy(a->arg, sa->conn);
		else
			sa_take(e, sa, now, a);
	}
}

void ike_sa_walk(struct ike_engine *e, void (*cb)(void *arg, const struct ike_sa_brief *sa), void *arg)
{
	uint32_t cursor = 0;
	struct ike_sa *sa;

	while ((sa = ike_sa_next(e, &cursor))) {
		if (!sa->conn || sa->flags & SA_STANDBY || sa->state >= IKE_S_REKEYED)
			continue;
		struct ike_sa_brief b = { .unique = sa->unique, .conn = sa->conn, .peer = sa->peer, .initiator = sa->initiator,
			.up = sa->state == IKE_S_UP };
		cb(arg, &b);
		for (const struct child_sa *c = sa->children; c; c = c->next) {
			b.child = c->conf;
			b.child_unique = c->unique;
			if (child_alive(c))
				cb(arg, &b);
		}
	}
}
