/* SPDX-License-Identifier: Apache-2.0 */
/* Child SAs as they are shown, and the commands on child SAs that exist. */
#include "crypto/esp_mtu.h"
#include "ike/child_int.h"
#include "ike/meter.h"

/* ---- views ------------------------------------------------------------------------------------------------------- */

static uint64_t left_s(uint64_t at_ms, uint64_t now_ms)
{
	return at_ms > now_ms ? (at_ms - now_ms + 999) / 1000 : 0;
}

static void view_mtu(struct ike_engine *e, const struct child_sa *c, struct ike_child_view *v)
{
	const struct esp_shape s = { .proto = c->proto, .mode = c->mode, .outer = c->sa->remote.family,
		.inner = c->n_local ? child_local(c)[0].family : NET_NONE,
		.encap = c->flags & CHILD_ENCAP ? ESP_IN_UDP : ESP_IN_IP, .encr = c->suite.encr, .integ = c->suite.integ };
	if (!e->env.path_mtu || esp_shape_check(&s))
		return;
	v->path_mtu = e->env.path_mtu(e->env.arg, &c->sa->local, &c->sa->remote);
	v->mtu = esp_plain_mtu(&s, v->path_mtu);
}

static bool view_fill(struct ike_engine *e, struct child_sa *c, struct arena *a, struct ike_child_view *v)
{
	const struct conf_child *f = c->conf;
	*v = (struct ike_child_view){
		.conn = c->conn,
		.conf = f,
		.unique = c->unique,
		.name = f->name,
		.state = child_state_name(c->state),
		.reqid = c->reqid,
		.mode = c->mode,
		.proto = c->proto,
		.encap = c->flags & CHILD_ENCAP,
		.esn = c->suite.esn,
		.up = c->flags & CHILD_UP_TOLD,
		.spi_in = c->spi_in,
		.spi_out = c->spi_out,
		.encr = c->suite.encr,
		.encr_bits = c->suite.encr_bits,
		.integ = c->suite.integ,
		.ke = c->suite.ke,
		.ake = { c->suite.ake[0], c->suite.ake[1], c->suite.ake[2], c->suite.ake[3], c->suite.ake[4],
			 c->suite.ake[5], c->suite.ake[6] },
		.install_ago_s = (e->now_ms - c->installed_ms) / 1000,
		.local_ts = arena_dup(a, child_local(c), c->n_local * sizeof(struct ts_sel)),
		.remote_ts = arena_dup(a, child_remote(c), c->n_remote * sizeof(struct ts_sel)),
		.n_local_ts = c->n_local,
		.n_remote_ts = c->n_remote,
		.mark_in = child_mark(f, c->reqid, KERN_IN),
		.mark_out = child_mark(f, c->reqid, KERN_OUT),
		.if_id_in = child_if_id(c->conn, f, c->reqid, KERN_IN),
		.if_id_out = child_if_id(c->conn, f, c->reqid, KERN_OUT),
		.cpi_in = c->cpi_out ? c->cpi_in : 0,
		.cpi_out = c->cpi_out,
		.h = c->h,
		.life_in_s = left_s(c->life_ms, e->now_ms),
	};
	if (c->state == CHILD_S_INSTALLED)
		v->rekey_in_s = left_s(c->rekey_ms, e->now_ms);
	view_mtu(e, c, v);
	if (e->env.child_device && !e->env.child_device(e->env.arg, c->unique, v->device))
		v->device[0] = 0;
	bool in = meter_usage(e, c, KERN_IN, &v->in), out = meter_usage(e, c, KERN_OUT, &v->out);
	v->has_usage = in || out;
	return v->local_ts && v->remote_ts;
}

const struct ike_child_view *child_views(struct ike_engine *e, const struct ike_sa *sa, uint64_t unique,
					 struct arena *a, uint16_t *n)
{
	uint16_t want = 0, at = 0;
	*n = 0;
	for (struct child_sa *c = sa->children; c; c = c->next)
		want += !unique || c->unique == unique;
	struct ike_child_view *v = want ? arena_get(a, want * sizeof *v) : NULL;
	if (!v)
		return NULL;
	for (struct child_sa *c = sa->children; c && at < want; c = c->next) {
		if (unique && c->unique != unique)
			continue;
		if (!view_fill(e, c, a, &v[at]))
			return NULL;
		at++;
	}
	*n = at;
	return v;
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

static bool fits(const struct ike_cmd *cmd, const struct ike_sa *sa, const struct child_sa *c)
{
	return child_alive(c) && (!cmd->ike || (sa->conn && !strcmp(sa->conn->name, cmd->ike))) &&
	       (!cmd->ike_id || cmd->ike_id == sa->unique) && (!cmd->child || !strcmp(c->conf->name, cmd->child)) &&
	       (!cmd->child_id || cmd->child_id == c->unique);
}

/* Calls `act` once for each child that fits. It may free the child and end its IKE SA: the next one is looked for anew,
 * by unique id, which only grows within a list. */
static uint32_t each_fit(struct ike_engine *e, const struct ike_cmd *cmd,
			 void (*act)(struct ike_engine *e, struct child_sa *c, const struct ike_cmd *cmd))
{
	uint32_t cursor = 0, n = 0;
	uint64_t bound = e->children->next_unique;
	for (struct ike_sa *sa; (sa = ike_sa_next(e, &cursor));) {
		handle h = sa->h;
		for (uint64_t last = 0; (sa = ike_sa_at(e, h));) {
			struct child_sa *next = NULL;
			for (struct child_sa *c = sa->children; c; c = c->next)
				if (c->unique > last && c->unique < bound && fits(cmd, sa, c) &&
				    (!next || c->unique < next->unique))
					next = c;
			if (!next)
				break;
			last = next->unique;
			n++;
			act(e, next, cmd);
		}
	}
	return n;
}

static void terminate(struct ike_engine *e, struct child_sa *c, const struct ike_cmd *cmd)
{
	ike_cmd_hold(e, cmd->cmd_id);
	c->flags |= CHILD_UNWANTED;
	if (!cmd->force) {
		child_queue_delete(e, c, 0, cmd->cmd_id);
		return;
	}
	/* Nothing is waited for, but the peer is told; what stands in the kernel goes now. */
	uint64_t ike_unique = c->sa->unique, unique = c->unique;
	child_remove(e, c, CHILD_IN | CHILD_OUT | CHILD_POLICIES);
	child_tell(e, c, false, 0, NULL);
	child_queue_delete(e, c, 0, 0);
	ike_cmd_done(e, cmd->cmd_id, 0, NULL, ike_unique, unique);
}

uint32_t child_cmd_terminate(struct ike_engine *e, const struct ike_cmd *cmd)
{
	return each_fit(e, cmd, terminate);
}

static void rekey(struct ike_engine *e, struct child_sa *c, const struct ike_cmd *cmd)
{
	/* One that is being rekeyed already is as good as asked for. */
	if (c->state == CHILD_S_REKEYING)
		return;
	ike_cmd_hold(e, cmd->cmd_id);
	child_queue_rekey(e, c, cmd->cmd_id);
	child_timer_set(e, c);
}

uint32_t child_cmd_rekey(struct ike_engine *e, const struct ike_cmd *cmd)
{
	return each_fit(e, cmd, rekey);
}

/* ---- start actions ---------------------------------------------------------------------------------------------- */

static bool same_ts(const struct conf_ts *a, uint16_t n_a, const struct conf_ts *b, uint16_t n_b)
{
	if (n_a != n_b)
		return false;
	for (uint16_t i = 0; i < n_a; i++)
		if (a[i].dynamic != b[i].dynamic || !ts_equal(&a[i].sel, &b[i].sel))
			return false;
	return true;
}

static bool same_child(const struct conf_child *a, const struct conf_child *b)
{
	return a && a->mode == b->mode && !strcmp(a->name, b->name) &&
	       same_ts(a->local_ts, a->n_local_ts, b->local_ts, b->n_local_ts) &&
	       same_ts(a->remote_ts, a->n_remote_ts, b->remote_ts, b->n_remote_ts);
}

static bool is_coming(const struct ike_work *w, const struct conf_child *child)
{
	return w && w->story == STORY_CHILD_NEW && same_child(w->child, child);
}

uint64_t child_same(const struct ike_sa *sa, const struct conf_child *child)
{
	for (const struct child_sa *c = sa->children; c; c = c->next)
		if (child_alive(c) && same_child(c->conf, child))
			return c->unique;
	return 0;
}

bool child_is_there(struct ike_engine *e, const struct conf_conn *conn, const struct conf_child *child)
{
	uint32_t cursor = 0;
	for (struct ike_sa *sa; (sa = ike_sa_next(e, &cursor));) {
		if (!sa->conn || strcmp(sa->conn->name, conn->name) || sa->state == IKE_S_DELETING)
			continue;
		if (sa->tx && is_coming(sa->tx->work, child))
			return true;
		for (const struct ike_work *w = sa->work; w; w = w->next)
			if (is_coming(w, child))
				return true;
		if (child_same(sa, child))
			return true;
	}
	return false;
}
