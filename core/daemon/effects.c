/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a commit does to living SAs. Per changed connection there is a plan, made of the difference of its two versions:
 * SAs take over what they can as they are (ike_conf_adopt), are rekeyed, authenticated anew, or closed and set up again.
 * SAs of connections that did not change are not looked at twice.
 *
 * A plan whose SA is in the middle of an exchange waits for the next second. Commands whose end matters (closed, so it
 * can be set up again) carry an id of ours: EFFECTS_ID and a number.
 */
#include "base/htab.h"
#include "config/effect.h"
#include "config/pack.h"
#include "daemon/daemon.h"

#include <stdlib.h>
#include <sys/random.h>

enum { WAIT_MAX_MS = 30000 };

/* A child to be set up again when a command has ended. */
struct again {
	struct again *next;
	char child[]; /* "" the IKE SA alone */
};

struct plan {
	struct plan *next;
	struct conf_conn *now;   /* NULL: the connection is gone */
	char *name;
	struct conf_delta delta;
	struct again *again;     /* children that live and are closed now */
	bool lives, busy;
	uint64_t until_ms;       /* waits at most so long for a busy SA */
};

/* A command that was given and has not ended. */
struct waiting {
	struct waiting *next;
	uint64_t id;
	bool reauth;             /* when it fails the SAs are closed instead */
	char *name;
	struct again *again;
};

struct effects {
	struct plan *late;
	struct waiting *waiting;
	uint64_t next_id;
};

static void again_free(struct again *a)
{
	while (a) {
		struct again *next = a->next;
		free(a);
		a = next;
	}
}

static void plan_free(struct plan *p)
{
	conf_conn_unref(&p->now);
	conf_delta_fini(&p->delta);
	again_free(p->again);
	free(p->name);
	free(p);
}

static void again_add(struct again **list, const char *child)
{
	size_t n = strlen(child);

	for (const struct again *a = *list; a; a = a->next)
		if (strcmp(a->child, child) == 0)
			return;
	struct again *a = malloc(sizeof *a + n + 1);
	if (!a)
		return;
	memcpy(a->child, child, n + 1);
	a->next = *list;
	*list = a;
}

/* ---- plans --------------------------------------------------------------------------------------------------------- */

static err_t delta_of(const struct conf_conn *old, const struct conf_conn *now, struct conf_delta *out)
{
	struct conf_node *a = conf_node_section(NULL, ""), *b = conf_node_section(NULL, "");
	err_t e = a && b ? conf_unpack(slice_of(old->source, old->source_n), a) : E_NOMEM;

	if (!e)
		e = conf_unpack(slice_of(now->source, now->source_n), b);
	if (!e)
		e = conf_delta_of(&conf_schema_conn, a, b, out);
	/* Another default of the daemon's retransmission is no key of it. */
	if (!e && !out->greatest)
		out->effect = out->greatest = CONF_FX_HOT;
	conf_node_free(&a);
	conf_node_free(&b);
	return e;
}

struct plan *effects_plan(const struct conf_conn *old, const struct conf_conn *now)
{
	struct plan *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->name = strdup(old->name);
	p->now = now ? conf_conn_ref((struct conf_conn *)now) : NULL;
	p->delta.effect = p->delta.greatest = CONF_FX_CLOSE;
	if (!p->name || (now && delta_of(old, now, &p->delta))) {
		plan_free(p);
		return NULL;
	}
	return p;
}

struct plans {
	struct htab *by_name;
	struct daemon *d;
};

static struct plan *plan_of(const struct plans *ps, const char *name)
{
	uint64_t v;

	return htab_find(ps->by_name, slice_str(name), &v) ? (struct plan *)(uintptr_t)v : NULL;
}

static bool closes_sa(const struct plan *p)
{
	return p->delta.effect >= CONF_FX_RESTART;
}

static bool closes_child(const struct plan *p, const char *child)
{
	const struct conf_delta_child *c = conf_delta_child(&p->delta, child);

	return c && c->effect >= CONF_FX_RESTART;
}

static void look(void *arg, const struct ike_sa_brief *sa)
{
	struct plan *p = plan_of(arg, sa->conn->name);

	if (!p || sa->conn == p->now)
		return;
	p->lives = true;
	if (!p->now || !sa->child || !conf_conn_child(p->now, sa->child->name))
		return;
	if (closes_sa(p) ? p->now->n_remote_addrs > 0 : closes_child(p, sa->child->name))
		again_add(&p->again, sa->child->name);
}

/* ---- taking over --------------------------------------------------------------------------------------------------- */

static struct conf_conn *version(void *arg, const struct conf_conn *old)
{
	const struct plan *p = plan_of(arg, old->name);

	return p && p->now && !closes_sa(p) ? p->now : NULL;
}

static void busy(void *arg, const struct conf_conn *old)
{
	struct plan *p = plan_of(arg, old->name);

	if (p)
		p->busy = true;
}

static bool child_may(void *arg, const char *conn, const char *child)
{
	const struct plan *p = plan_of(arg, conn);

	return p && !closes_child(p, child);
}

/* ---- commands ------------------------------------------------------------------------------------------------------ */

static void command(struct daemon *d, const struct plan *p, struct ike_cmd *cmd, bool reauth, struct again **again)
{
	struct effects *fx = d->effects;
	struct waiting *w = *again || reauth ? calloc(1, sizeof *w) : NULL;

	cmd->ike = p->name;
	if (w && (w->name = strdup(p->name))) {
		w->id = cmd->cmd_id = EFFECTS_ID | ++fx->next_id;
		w->reauth = reauth;
		w->again = *again;
		*again = NULL;
		w->next = fx->waiting;
		fx->waiting = w;
	} else {
		free(w);
	}
	drive_cmd(d, cmd);
}

static void carry_out(struct daemon *d, struct plan *p)
{
	struct again *none = NULL;

	if (!p->lives)
		return;
	if (closes_sa(p)) {
		command(d, p, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE }, false, &p->again);
		return;
	}
	if (p->delta.effect == CONF_FX_REAUTH) {
		command(d, p, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .reauth = true }, true, &none);
		return;
	}
	if (p->delta.effect == CONF_FX_REKEY)
		command(d, p, &(struct ike_cmd){ .verb = IKE_CMD_REKEY }, false, &none);
	for (size_t i = 0; i < p->delta.n_children; i++) {
		const struct conf_delta_child *c = &p->delta.children[i];
		struct again *one = NULL;
		for (const struct again *a = p->again; a; a = a->next)
			if (strcmp(a->child, c->name) == 0)
				again_add(&one, a->child);
		if (c->effect >= CONF_FX_RESTART)
			command(d, p, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .child = c->name }, false, &one);
		else if (c->effect == CONF_FX_REKEY)
			command(d, p, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .child = c->name }, false, &one);
		again_free(one);
	}
}

static void say(struct daemon *d, const struct plan *p)
{
	if (p->lives && p->delta.greatest > CONF_FX_HOT)
		LOGF(d->log, LOG_CONFIG, LOG_CONTROL, &(struct log_ctx){ .conn = p->name }, "connection '%s' has changed: %s",
			p->name, p->delta.greatest == CONF_FX_CLOSE && !p->now ? "it is gone, its SAs are closed" :
			p->delta.effect == CONF_FX_RESTART ? "its SAs are closed and set up again" :
			p->delta.effect == CONF_FX_REAUTH ? "its SAs are authenticated anew" :
			p->delta.greatest >= CONF_FX_RESTART ? "children of it are closed" : "its SAs are rekeyed");
}

static bool index_plans(struct plans *ps, struct plan *list)
{
	uint8_t seed[16];

	ps->by_name = getrandom(seed, sizeof seed, 0) == (ssize_t)sizeof seed ? htab_new(0, seed) : NULL;
	for (struct plan *p = list; p && ps->by_name; p = p->next)
		if (htab_add(ps->by_name, slice_str(p->name), (uintptr_t)p))
			return false;
	return ps->by_name;
}

/* Takes the list. */
static void run(struct daemon *d, struct plan *list, bool first)
{
	struct plans ps = { .d = d };
	struct ike_adopt a = { .arg = &ps, .version = version, .busy = busy, .child = child_may };
	uint64_t now = loop_now_ms();

	if (!index_plans(&ps, list)) {
		htab_free(ps.by_name);
		LOGF(d->log, LOG_CONFIG, LOG_AUDIT, NULL, "no memory: living SAs keep the version they were made with");
		while (list) {
			struct plan *p = list;
			list = p->next;
			plan_free(p);
		}
		return;
	}
	for (struct plan *p = list; p; p = p->next)
		p->busy = false;
	if (first)
		ike_sa_walk(d->engine, look, &ps);
	drive_adopt(d, &a);
	htab_free(ps.by_name);
	for (struct plan *p = list, *next; p; p = next) {
		next = p->next;
		p->until_ms = p->until_ms ? p->until_ms : now + WAIT_MAX_MS;
		if (first)
			say(d, p);
		if (p->busy && now < p->until_ms) {
			p->next = d->effects->late;
			d->effects->late = p;
			continue;
		}
		carry_out(d, p);
		plan_free(p);
	}
}

/* ---- the outside --------------------------------------------------------------------------------------------------- */

err_t effects_new(struct daemon *d)
{
	d->effects = calloc(1, sizeof *d->effects);
	return d->effects ? 0 : E_NOMEM;
}

void effects_free(struct daemon *d)
{
	struct effects *fx = d->effects;

	if (!fx)
		return;
	for (struct plan *p = fx->late, *next; p; p = next) {
		next = p->next;
		plan_free(p);
	}
	for (struct waiting *w = fx->waiting, *next; w; w = next) {
		next = w->next;
		again_free(w->again);
		free(w->name);
		free(w);
	}
	free(fx);
	d->effects = NULL;
}

/* A plan that still waits becomes part of the newer one for the same connection. */
static void join_late(struct effects *fx, struct plan *list)
{
	for (struct plan **p = &fx->late; *p;) {
		struct plan *old = *p, *new = list;
		while (new && strcmp(new->name, old->name) != 0)
			new = new->next;
		if (!new) {
			p = &old->next;
			continue;
		}
		if (old->delta.effect > new->delta.effect)
			new->delta.effect = old->delta.effect;
		*p = old->next;
		plan_free(old);
	}
}

void effects_run(struct daemon *d, struct plan *list)
{
	if (!list)
		return;
	join_late(d->effects, list);
	run(d, list, true);
}

void effects_add(struct plan **list, struct plan *p)
{
	p->next = *list;
	*list = p;
}

void effects_tick(struct daemon *d)
{
	struct plan *list = d->effects ? d->effects->late : NULL;

	if (!list)
		return;
	d->effects->late = NULL;
	run(d, list, false);
}

bool effects_reply(struct daemon *d, const struct fx *fx)
{
	if (!(fx->reply.cmd_id & EFFECTS_ID))
		return false;
	struct waiting *w = NULL;
	for (struct waiting **p = &d->effects->waiting; *p; p = &(*p)->next)
		if ((*p)->id == fx->reply.cmd_id) {
			w = *p;
			*p = w->next;
			break;
		}
	if (!w || d->stop_at_ms)
		goto out;
	if (w->reauth && fx->reply.err && fx->reply.err != E_NOT_FOUND) {
		LOGF(d->log, LOG_CONFIG, LOG_CONTROL, &(struct log_ctx){ .conn = w->name }, "SAs of '%s' cannot be authenticated "
			"anew from here (%s): they are closed, the peer sets them up again", w->name,
			fx->reply.text ? fx->reply.text : "");
		drive_cmd(d, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .ike = w->name });
	}
	for (const struct again *a = w->again; a; a = a->next)
		drive_cmd(d, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .ike = w->name, .child = a->child,
			.unless_there = true });
out:
	if (w) {
		again_free(w->again);
		free(w->name);
		free(w);
	}
	return true;
}
