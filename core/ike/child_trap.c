/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traps and shunts: policies that stand without an IKE SA. The first packet that hits a trap starts its child; a shunt
 * passes or drops. And the events of the kernel, which name a child by its inbound SPI and a trap by its number.
 */
#include "ike/child_int.h"

#include <stdlib.h>

static COUNTER(acquires, "child.acquires", "packets that asked for a child SA");
static COUNTER(acquires_idle, "child.acquires_ignored", "such packets while the child SA was being set up, or unknown");

/* A second packet does not start a second negotiation within this time. */
enum { ACQUIRE_HOLD_MS = 20000 };

struct child_trap *child_trap_find(const struct child_world *w, const char *conn, const char *child)
{
	for (struct child_trap *t = w->traps; t; t = t->next)
		if ((!conn || !strcmp(t->conn->name, conn)) && (!child || !strcmp(t->conf->name, child)))
			return t;
	return NULL;
}

uint32_t child_trap_reqid(const struct ike_engine *e, const char *conn, const char *child)
{
	const struct child_trap *t = child_trap_find(e->children, conn, child);
	return t ? t->reqid : 0;
}

/* Its SAs stand with the policies, without IKE. */
static bool is_static(const struct conf_child *f)
{
	return f->fixed.spi_in != 0;
}

static bool is_shunt(const struct conf_child *f)
{
	return f->mode == CONF_PASS || f->mode == CONF_DROP;
}

err_t child_trap_add(struct ike_engine *e, struct conf_conn *conn, const struct conf_child *conf, struct diag **why)
{
	static const struct net_addr any[] = { { .family = NET_V4 }, { .family = NET_V6 } };
	static const struct tsm_end every = { any, ARRAY_LEN(any) };
	struct child_world *w = e->children;
	struct tsm_set local, remote;
	struct tsm_end le = { conn->local_addrs, conn->n_local_addrs ? 1 : 0 };
	struct tsm_end re = { conn->remote_addrs, conn->n_remote_addrs ? 1 : 0 };
	if (child_trap_find(w, conn->name, conf->name))
		return 0;
	err_t err = child_usable(e, conf, why);
	if (err)
		return err;
	if (!is_shunt(conf) && !conn->n_remote_addrs)
		return diag_set(why, E_BAD_VALUE,
				"child '%s' cannot be installed: connection '%s' has no address to call; set "
				"remote_addrs",
				conf->name, conn->name);
	/* What passes or is dropped without a tunnel has no ends: "dynamic" is every address. */
	if (is_shunt(conf) && !le.n)
		le = every;
	if (is_shunt(conf) && !re.n)
		re = every;
	tsm_expand(conf->local_ts, conf->n_local_ts, &le, &local);
	tsm_expand(conf->remote_ts, conf->n_remote_ts, &re, &remote);
	if (!local.n || !remote.n)
		return diag_set(why, E_BAD_VALUE,
				"child '%s' cannot be installed: its dynamic selectors need local_addrs and "
				"remote_addrs in connection '%s'",
				conf->name, conn->name);
	struct child_trap *t = calloc(1, sizeof *t);
	struct ts_sel *ts = reallocarray(NULL, local.n + remote.n, sizeof *ts);
	if (!t || !ts) {
		free(t);
		free(ts);
		return diag_set(why, E_NOMEM, "child '%s' cannot be installed: out of memory", conf->name);
	}
	uint32_t reqid = is_shunt(conf) ? 0 : child_reqid_pick(e, conn, conf, local.v, remote.v);
	if (!reqid && !is_shunt(conf)) {
		free(t);
		free(ts);
		return diag_set(why, E_LIMIT, "child '%s' cannot be installed: no request id of the data plane is free", conf->name);
	}
	err = is_static(conf) ? htab_add(w->by_spi, slice_of(&conf->fixed.spi_in, 4), 0) : 0;
	if (err) {
		free(t);
		free(ts);
		return diag_set(why, err, "child '%s' cannot be installed: its SPI %08x is in use", conf->name, conf->fixed.spi_in);
	}
	memcpy(ts, local.v, local.n * sizeof *ts);
	memcpy(ts + local.n, remote.v, remote.n * sizeof *ts);
	*t = (struct child_trap){
		.next = w->traps, .id = w->next_trap++, .conn = conf_conn_ref(conn), .conf = conf, .ts = ts,
		.n_local = (uint8_t)local.n, .n_remote = (uint8_t)remote.n,
	};
	if (!is_shunt(conf)) {
		t->reqid = reqid;
		if (conn->n_local_addrs)
			t->local = conn->local_addrs[0];
		t->remote = conn->remote_addrs[0];
	}
	w->traps = t;
	w->n_traps++;
	child_trap_policies(e, t, true);
	return 0;
}

void child_trap_del(struct ike_engine *e, struct child_trap *t)
{
	struct child_world *w = e->children;
	for (struct child_trap **at = &w->traps; *at; at = &(*at)->next)
		if (*at == t) {
			*at = t->next;
			break;
		}
	w->n_traps--;
	child_trap_policies(e, t, false);
	if (is_static(t->conf))
		child_spi_free(e, t->conf->fixed.spi_in);
	conf_conn_unref(&t->conn);
	free(t->ts);
	free(t);
}

void child_trap_served(struct ike_engine *e, uint32_t reqid)
{
	for (struct child_trap *t = e->children->traps; t; t = t->next)
		if (t->reqid && t->reqid == reqid)
			t->busy_until_ms = 0;
}

void child_acquire(struct ike_engine *e, const struct kern_event *ev)
{
	struct child_trap *t = e->children->traps;
	struct diag *why = NULL;
	char text[256], l[TS_TEXT], r[TS_TEXT];
	while (t && t->id != ev->cookie)
		t = t->next;
	if (!t || is_shunt(t->conf) || is_static(t->conf) || e->stopping || t->busy_until_ms > e->now_ms) {
		count_inc(&acquires_idle);
		return;
	}
	count_inc(&acquires);
	t->busy_until_ms = e->now_ms + ACQUIRE_HOLD_MS;
	struct log_ctx ctx = { .conn = t->conn->name, .child = t->conf->name, .peer = &t->remote };
	LOGF(e->env.log, LOG_CHILD, LOG_CONTROL, &ctx, "a packet from %s to %s asks for child '%s'",
	     ts_text(&ev->local, l), ts_text(&ev->remote, r), t->conf->name);
	struct ike_work *w = ike_work_new(STORY_CHILD_NEW, t->conn, t->conf, 0);
	err_t err = E_NOMEM;
	if (w) {
		w->from_trap = true;
		w->reqid = t->reqid;
		w->ts_local = ev->local;
		w->ts_remote = ev->remote;
		err = ike_initiate_child(e, w, &why);
	}
	if (err)
		LOGF(e->env.log, LOG_CHILD, LOG_CONTROL, &ctx, "child '%s' cannot be set up: %s", ctx.child,
		     diag_text(why, err, text, sizeof text));
	diag_free(&why);
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

err_t child_cmd_install(struct ike_engine *e, const struct ike_cmd *cmd, struct diag **why)
{
	struct conf_conn *conn = cmd->ike ? e->env.conn_find(e->env.arg, cmd->ike) : NULL;
	const struct conf_child *conf = NULL;
	if (!cmd->ike)
		return diag_set(why, E_NOT_FOUND, "say in which connection child '%s' is",
				cmd->child ? cmd->child : "");
	if (conn && cmd->child)
		conf = conf_conn_child(conn, cmd->child);
	if (!conf)
		return diag_set(why, E_NOT_FOUND, "there is no child '%s' in a connection '%s'",
				cmd->child ? cmd->child : "", cmd->ike);
	return child_trap_add(e, conn, conf, why);
}

err_t child_cmd_uninstall(struct ike_engine *e, const struct ike_cmd *cmd, struct diag **why)
{
	struct child_trap *t = child_trap_find(e->children, cmd->ike, cmd->child);
	if (!t || !cmd->child)
		return diag_set(why, E_NOT_FOUND, "policy '%s' not found: no trap or shunt of this child is installed", cmd->child ? cmd->child : "");
	child_trap_del(e, t);
	return 0;
}

void child_conf_changed(struct ike_engine *e)
{
	for (struct child_trap *t = e->children->traps, *next; t; t = next) {
		next = t->next;
		struct conf_conn *conn = e->env.conn_find(e->env.arg, t->conn->name);
		const struct conf_child *conf = conn ? conf_conn_child(conn, t->conf->name) : NULL;
		if (conf == t->conf)
			continue;
		struct diag *why = NULL;
		char text[256];
		child_trap_del(e, t);
		err_t err = conf ? child_trap_add(e, conn, conf, &why) : 0;
		if (err) {
			struct log_ctx ctx = { .conn = conn->name, .child = conf->name, .code = err };
			LOGF(e->env.log, LOG_CHILD, LOG_CONTROL, &ctx,
			     "changed child '%s' is not installed any more: %s", conf->name,
			     diag_text(why, err, text, sizeof text));
		}
		diag_free(&why);
	}
}

void child_world_stop(struct ike_engine *e)
{
	while (e->children->traps)
		child_trap_del(e, e->children->traps);
}

const struct ike_policy_view *child_policy_next(struct child_world *w, uint32_t *cursor, struct arena *a)
{
	const struct child_trap *t = w->traps;
	for (uint32_t i = 0; t && i < *cursor; i++)
		t = t->next;
	struct ike_policy_view *v = t ? arena_get(a, sizeof *v) : NULL;
	if (!v)
		return NULL;
	++*cursor;
	*v = (struct ike_policy_view){
		.conn = t->conn->name, .child = t->conf->name, .mode = t->conf->mode, .trap = !is_shunt(t->conf) && !is_static(t->conf),
		.local_ts = arena_dup(a, t->ts, t->n_local * sizeof *t->ts),
		.remote_ts = arena_dup(a, t->ts + t->n_local, t->n_remote * sizeof *t->ts),
		.n_local_ts = t->n_local, .n_remote_ts = t->n_remote,
	};
	return v->local_ts && v->remote_ts ? v : NULL;
}

/* ---- events of the kernel ---------------------------------------------------------------------------------------- */

static struct child_sa *child_by_in(struct ike_engine *e, uint64_t cookie)
{
	uint32_t spi = (uint32_t)cookie;
	uint64_t v = 0;
	if (!htab_find(e->children->by_spi, slice_of(&spi, sizeof spi), &v) || !v)
		return NULL;
	return slab_at(e->children->children, handle_from_u64(v));
}

static void expired_soft(struct ike_engine *e, struct child_sa *c)
{
	if (c->state == CHILD_S_INSTALLED)
		child_queue_rekey(e, c, 0);
}

static void expired_hard(struct ike_engine *e, struct child_sa *c, uint8_t dir)
{
	SA_LOG(e, c->sa, LOG_CHILD, LOG_CONTROL, "%s SA %08x of child '%s' has reached its hard lifetime: deleted",
	       dir == KERN_OUT ? "outbound" : "inbound", dir == KERN_OUT ? c->spi_out : c->spi_in, c->conf->name);
	if (c->state != CHILD_S_DELETING && c->state != CHILD_S_DELETED)
		child_queue_delete(e, c, E_TIMEOUT, 0);
}

/* The peer's NAT has given it another address: an authenticated packet proves it (RFC 7296 section 2.23). */
static void mapping_changed(struct ike_engine *e, struct child_sa *c, const struct net_addr *peer)
{
	struct ike_sa *sa = c->sa;
	char text[NET_ADDR_TEXT];
	if (!e->env.conf->flexible_addresses || !(sa->flags & SA_NAT_REMOTE) || (sa->flags & SA_NAT_LOCAL) || net_addr_same_port(&sa->remote, peer))
		return;
	SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "the peer is seen at %s now: its NAT has a new mapping",
	       net_addr_text(peer, true, text));
	sa->remote = *peer;
	child_addresses_changed(e, sa);
	ike_event_sa(e, IKE_EV_IKE_UPDATE, sa, true, 0, NULL, NULL);
}

void child_kern_event(struct ike_engine *e, const struct kern_event *ev)
{
	if (ev->type == KERN_EV_ACQUIRE) {
		child_acquire(e, ev);
		return;
	}
	struct child_sa *c = child_by_in(e, ev->cookie);
	if (!c)
		return;
	if (ev->type == KERN_EV_EXPIRE_SOFT)
		expired_soft(e, c);
	else if (ev->type == KERN_EV_EXPIRE_HARD)
		expired_hard(e, c, ev->dir);
	else if (ev->type == KERN_EV_MAPPING)
		mapping_changed(e, c, &ev->peer);
}
