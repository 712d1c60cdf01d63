/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands. A command counts what it waits for; when the last part has ended it makes its one FX_REPLY. Parts name it by
 * its id alone, so that a command that was answered by its time-out or forgotten is simply not found any more.
 */
#include "ike/cmd.h"
#include "ike/life.h"
#include "ike/redirect.h"
#include "ike/wait.h"

#include <stdlib.h>

struct cmd {
	handle h;
	uint64_t id;
	uint32_t open;    /* parts that have not ended */
	uint32_t matches;
	err_t err;        /* of the first part that failed */
	char *text;
	uint64_t ike_unique, child_unique;
	struct ike_timer timer;
};

struct ike_cmds {
	struct slab *all;
	struct htab *by_id;
};

/* A bound on commands that wait at the same time. */
#define CMDS_MAX 1000000

err_t cmds_new(struct ike_engine *e)
{
	e->cmds = calloc(1, sizeof *e->cmds);
	if (!e->cmds)
		return E_NOMEM;
	e->cmds->all = slab_new(sizeof(struct cmd), CMDS_MAX);
	e->cmds->by_id = htab_new(8, e->seed);
	return e->cmds->all && e->cmds->by_id ? 0 : E_NOMEM;
}

void cmds_free(struct ike_engine *e)
{
	uint32_t cursor = 0;
	struct cmd *c;
	handle h;

	if (!e->cmds)
		return;
	while (e->cmds->all && (c = slab_next(e->cmds->all, &cursor, &h)))
		free(c->text);
	if (e->cmds->all)
		slab_free(e->cmds->all);
	htab_free(e->cmds->by_id);
	free(e->cmds);
	e->cmds = NULL;
}

static struct cmd *cmd_find(struct ike_engine *e, uint64_t id)
{
	uint64_t v;

	return id && htab_find(e->cmds->by_id, slice_of(&id, sizeof id), &v) ? slab_at(e->cmds->all, handle_from_u64(v)) : NULL;
}

static void cmd_free(struct ike_engine *e, struct cmd *c)
{
	htab_del(e->cmds->by_id, slice_of(&c->id, sizeof c->id));
	timer_stop(&e->timers, &c->timer);
	timer_release(&e->timers, 1);
	free(c->text);
	slab_put(e->cmds->all, c->h);
}

static void reply(struct ike_engine *e, uint64_t id, err_t err, const char *text, uint32_t matches, uint64_t ike_unique,
	uint64_t child_unique)
{
	struct fx *f = id ? fx_add(e, FX_REPLY) : NULL;

	if (!f)
		return;
	f->reply.cmd_id = id;
	f->reply.err = err;
	f->reply.text = err ? arena_str(&e->fx->arena, slice_str(text ? text : err_text(err))) : NULL;
	f->reply.matches = matches;
	f->reply.ike_unique = ike_unique;
	f->reply.child_unique = child_unique;
}

static void cmd_end(struct ike_engine *e, struct cmd *c)
{
	reply(e, c->id, c->err, c->text, c->matches, c->ike_unique, c->child_unique);
	cmd_free(e, c);
}

static void cmd_due(struct ike_engine *e, struct ike_timer *t)
{
	struct cmd *c = TIMER_OF(t, struct cmd, timer);

	free(c->text);
	c->text = NULL;
	c->err = E_TIMEOUT;
	reply(e, c->id, E_TIMEOUT, "not done within the time that was asked for; it goes on", c->matches, c->ike_unique,
		c->child_unique);
	cmd_free(e, c);
}

void ike_cmd_hold(struct ike_engine *e, uint64_t cmd_id)
{
	struct cmd *c = cmd_find(e, cmd_id);

	if (c)
		c->open++;
}

void ike_cmd_done(struct ike_engine *e, uint64_t cmd_id, err_t err, const char *text, uint64_t ike_unique, uint64_t child_unique)
{
	struct cmd *c = cmd_find(e, cmd_id);

	if (!c)
		return;
	if (err && !c->err) {
		c->err = err;
		c->text = (char *)mem_dup(slice_of(text ? text : err_text(err), strlen(text ? text : err_text(err)) + 1));
	}
	c->ike_unique = ike_unique ? ike_unique : c->ike_unique;
	c->child_unique = child_unique ? child_unique : c->child_unique;
	if (c->open)
		c->open--;
	if (!c->open)
		cmd_end(e, c);
}

void ike_cmd_forget(struct ike_engine *e, uint64_t cmd_id)
{
	struct cmd *c = cmd_find(e, cmd_id);

	if (c)
		cmd_free(e, c);
}

/* With one part of its own open, which ends when ike_do returns. */
static struct cmd *cmd_new(struct ike_engine *e, const struct ike_cmd *in)
{
	handle h;

	if (timer_reserve(&e->timers, 1))
		return NULL;
	struct cmd *c = slab_get(e->cmds->all, &h);
	if (!c || htab_add(e->cmds->by_id, slice_of(&in->cmd_id, sizeof in->cmd_id), handle_u64(h))) {
		if (c)
			slab_put(e->cmds->all, h);
		timer_release(&e->timers, 1);
		return NULL;
	}
	c->h = h;
	c->id = in->cmd_id;
	c->open = 1;
	if (in->timeout_ms)
		timer_set(&e->timers, &c->timer, e->now_ms + in->timeout_ms, cmd_due);
	return c;
}

/* ---- initiate ---------------------------------------------------------------------------------------------------------- */

static struct conf_conn *conn_of(struct ike_engine *e, const struct ike_cmd *cmd, const struct conf_child **child, struct diag **why)
{
	struct net_addr any = { 0 };
	struct conf_conn *c;
	size_t cursor = 0;

	*child = NULL;
	if (cmd->ike) {
		c = e->env.conn_find(e->env.arg, cmd->ike);
		if (!c) {
			(void)diag_set(why, E_NOT_FOUND, "IKE_SA config '%s' not found", cmd->ike);
			return NULL;
		}
		if (cmd->child && !(*child = conf_conn_child(c, cmd->child))) {
			(void)diag_set(why, E_NOT_FOUND, "CHILD_SA config '%s' not found in connection '%s'", cmd->child, cmd->ike);
			return NULL;
		}
		return c;
	}
	while (cmd->child && (c = e->env.conn_match(e->env.arg, &any, &any, &cursor)))
		if ((*child = conf_conn_child(c, cmd->child)))
			return c;
	(void)diag_set(why, E_NOT_FOUND, "there is no child '%s' in any connection", cmd->child ? cmd->child : "");
	return NULL;
}

static err_t do_initiate(struct ike_engine *e, const struct ike_cmd *cmd, uint32_t *matches, struct diag **why)
{
	const struct conf_child *child;
	struct conf_conn *c = conn_of(e, cmd, &child, why);

	if (!c)
		return E_NOT_FOUND;
	if (c->version == 1)
		return diag_set(why, E_NOT_SUPPORTED, "connection '%s' is for IKEv1, which is not supported", c->name);
	if (child && (child->mode == CONF_PASS || child->mode == CONF_DROP))
		return diag_set(why, E_MISUSE, "child '%s' is a %s policy: install it instead", child->name,
			child->mode == CONF_PASS ? "pass" : "drop");
	if (child && child->fixed.spi_in)
		return diag_set(why, E_MISUSE, "child '%s' has static SAs: install it instead", child->name);
	if (cmd->unless_there && child && child_is_there(e, c, child))
		return 0;
	struct ike_work *w = ike_work_new(STORY_CHILD_NEW, c, child, cmd->cmd_id);
	if (!w)
		return E_NOMEM;
	w->by_command = true;
	*matches = 1;
	ike_cmd_hold(e, cmd->cmd_id);
	/* The command is told of a failure there. */
	if (ike_initiate_child(e, w, NULL))
		*matches = 0;
	return 0;
}

/* ---- terminate, rekey --------------------------------------------------------------------------------------------------- */

static bool sa_fits(const struct ike_sa *sa, const struct ike_cmd *cmd)
{
	if ((sa->flags & SA_STANDBY) || (cmd->ike_id && sa->unique != cmd->ike_id))
		return false;
	return !cmd->ike || (sa->conn && strcmp(sa->conn->name, cmd->ike) == 0);
}

static void terminate_sa(struct ike_engine *e, struct ike_sa *sa, const struct ike_cmd *cmd)
{
	sa->flags |= SA_KEEP_QUIET;
	struct ike_work *w = sa->state == IKE_S_UP && !cmd->force ? ike_work_new(STORY_IKE_DELETE, NULL, NULL, cmd->cmd_id) : NULL;
	if (cmd->reason)
		SA_LOG(e, sa, LOG_IKE, LOG_AUDIT, "IKE_SA %s[%llu] is deleted: %s", sa->conn->name, (unsigned long long)sa->unique,
			err_text(cmd->reason));
	if (w) {
		w->reason = cmd->reason;
		ike_cmd_hold(e, cmd->cmd_id);
		ike_work_add(e, sa, w);
		return;
	}
	if (sa->state == IKE_S_UP && sa->tx == NULL) {
		/* Forced: the peer is told once, and nobody waits for its answer. */
		w = ike_work_new(STORY_IKE_DELETE, NULL, NULL, 0);
		ike_sa_enter(sa);
		if (w)
			ike_work_add(e, sa, w);
		ike_sa_end(e, sa, 0, false, "terminated by command, without waiting");
		ike_sa_leave(e, sa);
		return;
	}
	ike_sa_end(e, sa, 0, false, "terminated by command");
}

static err_t do_terminate(struct ike_engine *e, const struct ike_cmd *cmd, uint32_t *matches, struct diag **why)
{
	uint32_t cursor = 0;
	struct ike_sa *sa;

	if (cmd->child || cmd->child_id) {
		*matches = child_cmd_terminate(e, cmd);
	} else if (cmd->ike_id) {
		sa = ike_sa_by_unique(e, cmd->ike_id);
		if (sa && sa_fits(sa, cmd)) {
			terminate_sa(e, sa, cmd);
			*matches = 1;
		}
	} else {
		while ((sa = ike_sa_next(e, &cursor)))
			if (sa_fits(sa, cmd) && sa->state != IKE_S_DELETING && sa->state != IKE_S_REKEYED) {
				terminate_sa(e, sa, cmd);
				(*matches)++;
			}
	}
	return *matches ? 0 : diag_set(why, E_NOT_FOUND, "no matching SAs to terminate found");
}

static err_t rekey_sa(struct ike_engine *e, struct ike_sa *sa, const struct ike_cmd *cmd, struct diag **why)
{
	if (cmd->reauth)
		return life_reauth(e, sa, why);
	struct ike_work *w = ike_work_new(STORY_IKE_REKEY, NULL, NULL, cmd->cmd_id);
	if (!w)
		return E_NOMEM;
	ike_cmd_hold(e, cmd->cmd_id);
	ike_work_add(e, sa, w);
	return 0;
}

static err_t do_rekey(struct ike_engine *e, const struct ike_cmd *cmd, uint32_t *matches, struct diag **why)
{
	uint32_t cursor = 0;
	struct ike_sa *sa;
	err_t err = 0;

	if (cmd->child || cmd->child_id) {
		*matches = child_cmd_rekey(e, cmd);
	} else {
		while (!err && (sa = ike_sa_next(e, &cursor)))
			if (sa->state == IKE_S_UP && sa_fits(sa, cmd)) {
				err = rekey_sa(e, sa, cmd, why);
				(*matches)++;
			}
	}
	if (err)
		return err;
	return *matches ? 0 : diag_set(why, E_NOT_FOUND, "no matching SAs to rekey found");
}

static err_t do_install(struct ike_engine *e, const struct ike_cmd *cmd, uint32_t *matches, struct diag **why)
{
	err_t err = child_cmd_install(e, cmd, why);

	*matches = err ? 0 : 1;
	return err;
}

static err_t do_uninstall(struct ike_engine *e, const struct ike_cmd *cmd, uint32_t *matches, struct diag **why)
{
	err_t err = child_cmd_uninstall(e, cmd, why);

	*matches = err ? 0 : 1;
	return err;
}

static err_t do_redirect(struct ike_engine *e, const struct ike_cmd *cmd, uint32_t *matches, struct diag **why)
{
	*matches = redirect_cmd(e, cmd, why);
	return *matches || !*why ? 0 : (*why)->code;
}

static err_t (*const verbs[])(struct ike_engine *, const struct ike_cmd *, uint32_t *, struct diag **) = {
	[IKE_CMD_INITIATE] = do_initiate,
	[IKE_CMD_TERMINATE] = do_terminate,
	[IKE_CMD_REKEY] = do_rekey,
	[IKE_CMD_INSTALL] = do_install,
	[IKE_CMD_UNINSTALL] = do_uninstall,
	[IKE_CMD_REDIRECT] = do_redirect,
};

void ike_do(struct ike_engine *e, uint64_t now_ms, const struct ike_cmd *cmd, struct fx_list *out)
{
	struct diag *why = NULL;
	uint32_t matches = 0;
	char buf[400];

	ike_enter(e, now_ms, out);
	struct cmd *c = cmd->cmd_id ? cmd_new(e, cmd) : NULL;
	if (cmd->cmd_id && !c) {
		reply(e, cmd->cmd_id, E_FULL, "too many commands wait, or the command id is in use", 0, 0, 0);
		return;
	}
	err_t err = cmd->verb < ARRAY_LEN(verbs) && verbs[cmd->verb] ? verbs[cmd->verb](e, cmd, &matches, &why)
		: diag_set(&why, E_MISUSE, "there is no command %u", cmd->verb);
	/* Its own part is still open, so it is still there. */
	if (c)
		c->matches = matches;
	if (c && cmd->no_wait)
		c->open = 1;
	ike_cmd_done(e, cmd->cmd_id, err, err ? diag_text(why, err, buf, sizeof buf) : NULL, 0, 0);
	diag_free(&why);
}
