/* SPDX-License-Identifier: Apache-2.0 */
#include "ike/life.h"
#include "ike/auth.h"
#include "ike/child.h"
#include "ike/index.h"
#include "ike/ppk.h"
#include "ike/redirect.h"
#include "ike/wait.h"

#include <stdlib.h>

/* A hint that the peer lost its state makes a probe at most this often. */
#define PROBE_GAP_MS 5000
/* A rekey that was refused or could not run is tried again after this long. */
#define REKEY_RETRY_MS 10000

/* Before the peer's certificates end it is authenticated anew: a tenth of the time that is left, at most an hour; when less
 * than this is left, it is not. */
#define AGAIN_MAX_MS 3600000
#define AGAIN_LEAST_MS 60000

/* From this message ID on an SA is to be rekeyed, from the second on it is deleted: a few are left for that. */
#define MID_REKEY 0xffff0000u
#define MID_END 0xfffffff0u

static COUNTER(c_mids, "ike.sa.message_ids_used_up", "IKE SAs rekeyed or deleted because their message IDs ran out");
static COUNTER(c_half, "ike.sa.half_open_expired", "half-open IKE SAs whose peer did not go on");
static COUNTER(c_keep, "ike.tx.keepalives", "NAT keepalives sent");
static COUNTER(c_probe, "ike.dpd.probes", "liveness checks");
static COUNTER(c_expired, "ike.sa.cert_expired", "IKE SAs closed because a certificate of the peer expired");
static COUNTER(c_hard, "ike.sa.expired", "IKE SAs that reached their hard lifetime");

/* ---- lifetimes -------------------------------------------------------------------------------------------------------- */

static void life_due(struct ike_engine *e, struct ike_timer *t);

void life_arm(struct ike_engine *e, struct ike_sa *sa)
{
	const uint64_t at[] = { sa->rekey_ms, sa->reauth_ms, sa->end_ms, sa->expire_ms };
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		if (at[i] && at[i] < first)
			first = at[i];
	if (first == UINT64_MAX)
		timer_stop(&e->timers, &sa->t_life);
	else
		timer_set(&e->timers, &sa->t_life, first, life_due);
}

static uint64_t less_rand(struct ike_engine *e, uint64_t time_s, uint64_t rand_s)
{
	uint64_t ms = time_s * 1000, r = rand_s ? ike_rand_below(e, rand_s * 1000 + 1) : 0;

	return r < ms ? ms - r : 1;
}

/* Wall clock to the engine's; 0: it is not known. */
static uint64_t ms_of_wall(const struct ike_engine *e, uint64_t at_s)
{
	uint64_t now_s = e->env.wall_s ? e->env.wall_s(e->env.arg) : 0;

	return !now_s ? 0 : at_s < now_s ? e->now_ms + 1 : e->now_ms + (at_s - now_s + 1) * 1000;
}

void life_expiry(struct ike_engine *e, struct ike_sa *sa)
{
	sa->expire_ms = sa->conn->close_on_expiry && sa->valid_until_s ? ms_of_wall(e, sa->valid_until_s) : 0;
	if (!sa->expire_ms)
		return;
	if (sa->rekey_ms >= sa->expire_ms)
		sa->rekey_ms = 0;
	uint64_t left = sa->expire_ms - e->now_ms, before = left / 10 < AGAIN_MAX_MS ? left / 10 : AGAIN_MAX_MS;
	/* The side that set it up asks for what the peer has by then; when that is near its end again there is nothing newer. */
	if (!sa->initiator || sa->facts & FACT_REKEYED || left < AGAIN_LEAST_MS)
		return;
	uint64_t at = sa->expire_ms - before - ike_rand_below(e, before / 2 + 1);
	if (!sa->reauth_ms || sa->reauth_ms > at)
		sa->reauth_ms = at;
}

void ike_sa_lifetimes(struct ike_engine *e, struct ike_sa *sa)
{
	const struct conf_conn *c = sa->conn;
	uint64_t longest = c->rekey_time_s > c->reauth_time_s ? c->rekey_time_s : c->reauth_time_s;

	sa->rekey_ms = c->rekey_time_s ? e->now_ms + less_rand(e, c->rekey_time_s, c->rand_time_s) : 0;
	/* A rekey keeps the time of the authentication. */
	if (!(sa->facts & FACT_REKEYED))
		sa->reauth_ms = c->reauth_time_s ? e->now_ms + less_rand(e, c->reauth_time_s, c->rand_time_s) : 0;
	sa->end_ms = longest && c->over_time_s ? e->now_ms + (longest + c->over_time_s) * 1000 : 0;
	life_expiry(e, sa);
	life_arm(e, sa);
}

static bool has_work(const struct ike_sa *sa, uint8_t story)
{
	if (sa->tx && sa->tx->story == story)
		return true;
	for (const struct ike_work *w = sa->work; w; w = w->next)
		if (w->story == story)
			return true;
	return false;
}

static void queue(struct ike_engine *e, struct ike_sa *sa, uint8_t story, err_t reason)
{
	struct ike_work *w = has_work(sa, story) ? NULL : ike_work_new(story, NULL, NULL, 0);

	if (!w)
		return;
	w->reason = reason;
	ike_work_add(e, sa, w);
}

void life_check_mids(struct ike_engine *e, struct ike_sa *sa)
{
	uint32_t mid = sa->tx_mid > sa->rx_mid ? sa->tx_mid : sa->rx_mid;

	if (sa->state != IKE_S_UP || mid < MID_REKEY || has_work(sa, STORY_IKE_REKEY) || has_work(sa, STORY_IKE_DELETE))
		return;
	count_inc(&c_mids);
	SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "IKE_SA %s[%llu] has used its message IDs up and is %s", sa->conn->name,
		(unsigned long long)sa->unique, mid < MID_END ? "rekeyed" : "deleted");
	queue(e, sa, mid < MID_END ? STORY_IKE_REKEY : STORY_IKE_DELETE, mid < MID_END ? 0 : E_LIMIT);
}

static void rekey_due(struct ike_engine *e, struct ike_sa *sa)
{
	sa->rekey_ms = e->now_ms + REKEY_RETRY_MS;
	ike_note(e, sa, "rekey time reached");
	queue(e, sa, STORY_IKE_REKEY, 0);
}

static void reauth_due(struct ike_engine *e, struct ike_sa *sa)
{
	struct diag *why = NULL;
	char buf[300];

	sa->reauth_ms = 0;
	ike_note(e, sa, "re-authentication time reached");
	err_t err = life_reauth(e, sa, &why);
	if (!err)
		return;
	SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "no re-authentication: %s", diag_text(why, err, buf, sizeof buf));
	diag_free(&why);
}

static void end_due(struct ike_engine *e, struct ike_sa *sa)
{
	sa->end_ms = 0;
	if (sa->state != IKE_S_UP) {
		ike_sa_end(e, sa, sa->state == IKE_S_REKEYED ? 0 : E_TIMEOUT, false, "not deleted by the peer in time");
		return;
	}
	count_inc(&c_hard);
	ike_note(e, sa, "hard lifetime reached");
	SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "IKE_SA %s[%llu] reached its end and is deleted", sa->conn->name,
		(unsigned long long)sa->unique);
	queue(e, sa, STORY_IKE_DELETE, 0);
}

static void expire_due(struct ike_engine *e, struct ike_sa *sa)
{
	sa->expire_ms = ms_of_wall(e, sa->valid_until_s);
	/* The clock of the host may have been set back. */
	if (sa->expire_ms > e->now_ms + 1)
		return;
	sa->expire_ms = sa->rekey_ms = sa->reauth_ms = 0;
	if (sa->state != IKE_S_UP)
		return;
	count_inc(&c_expired);
	ike_note(e, sa, "certificate lifetime expired");
	SA_LOG(e, sa, LOG_IKE, LOG_AUDIT, "certificate lifetime expired: IKE_SA %s[%llu] is deleted; the peer needs a new certificate",
		sa->conn->name, (unsigned long long)sa->unique);
	queue(e, sa, STORY_IKE_DELETE, E_CERT_EXPIRED);
}

static void life_due(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_sa *sa = TIMER_OF(t, struct ike_sa, t_life);

	ike_sa_enter(sa);
	if (sa->end_ms && sa->end_ms <= e->now_ms)
		end_due(e, sa);
	else if (sa->expire_ms && sa->expire_ms <= e->now_ms)
		expire_due(e, sa);
	else if (sa->reauth_ms && sa->reauth_ms <= e->now_ms)
		reauth_due(e, sa);
	else if (sa->rekey_ms && sa->rekey_ms <= e->now_ms)
		rekey_due(e, sa);
	if (sa->state != IKE_S_GONE)
		life_arm(e, sa);
	ike_sa_leave(e, sa);
}

static void half_due(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_sa *sa = TIMER_OF(t, struct ike_sa, t_life);
	char addr[NET_ADDR_TEXT];

	count_inc(&c_half);
	SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "deleting half open IKE_SA with %s after timeout", net_addr_text(&sa->remote, false, addr));
	ike_sa_end(e, sa, E_TIMEOUT, false, "the peer did not go on with IKE_AUTH");
}

void half_open_arm(struct ike_engine *e, struct ike_sa *sa)
{
	timer_set(&e->timers, &sa->t_life, e->now_ms + e->env.conf->half_open_timeout_ms, half_due);
}

/* ---- DPD, keepalives --------------------------------------------------------------------------------------------------- */

static uint64_t keepalive_ms(const struct ike_engine *e, const struct ike_sa *sa)
{
	return sa->flags & SA_NAT_LOCAL ? (uint64_t)e->env.conf->keep_alive_s * 1000 : 0;
}

static void alive_due(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_sa *sa = TIMER_OF(t, struct ike_sa, t_alive);
	uint64_t ka = keepalive_ms(e, sa), dpd = sa->conn->dpd_delay_s * 1000;

	ike_sa_enter(sa);
	if (ka && e->now_ms - sa->last_out_ms >= ka) {
		count_inc(&c_keep);
		ike_send_bytes(e, sa, SLICE_LIT("\xff"));
	}
	if (dpd && e->now_ms - sa->last_in_ms >= dpd) {
		uint64_t idle = child_idle_in_ms(e, sa);
		if (idle < dpd)
			sa->last_in_ms = e->now_ms - idle;
		else if (!sa->tx && !sa->work) {
			count_inc(&c_probe);
			queue(e, sa, STORY_INFO, 0);
		}
	}
	if (sa->state == IKE_S_UP)
		alive_arm(e, sa);
	ike_sa_leave(e, sa);
}

void alive_arm(struct ike_engine *e, struct ike_sa *sa)
{
	uint64_t ka = keepalive_ms(e, sa), dpd = sa->conn->dpd_delay_s * 1000, at = UINT64_MAX;

	if (ka)
		at = sa->last_out_ms + ka;
	if (dpd && sa->last_in_ms + dpd < at)
		at = sa->last_in_ms + dpd;
	if (at == UINT64_MAX)
		return;
	/* While a request is out, its own clock watches over the peer: look again after another delay. */
	if (at <= e->now_ms)
		at = e->now_ms + (dpd ? dpd : ka);
	timer_set(&e->timers, &sa->t_alive, at, alive_due);
}

void life_probe(struct ike_engine *e, struct ike_sa *sa, const char *text)
{
	if (sa->tx || sa->work || e->now_ms - sa->last_in_ms < PROBE_GAP_MS || e->now_ms - sa->last_out_ms < PROBE_GAP_MS)
		return;
	SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "%s", text);
	count_inc(&c_probe);
	queue(e, sa, STORY_INFO, 0);
}

/* ---- starting ---------------------------------------------------------------------------------------------------------- */

static err_t setup_new(struct ike_engine *e, struct ike_sa *sa)
{
	uint32_t tried = sa->setup ? sa->setup->tried : 0;

	ike_setup_free(sa);
	sa->setup = calloc(1, sizeof *sa->setup);
	if (!sa->setup)
		return E_NOMEM;
	sa->setup->tried = tried + 1;
	return crypto_random(e->env.crypto, sa->setup->nonce, IKE_NONCE_LEN);
}

bool life_local_for(struct ike_engine *e, const struct conf_conn *c, const struct net_addr *remote, struct net_addr *local)
{
	bool any = !c->n_local_addrs;

	*local = (struct net_addr){ 0 };
	for (uint16_t i = 0; i < c->n_local_addrs && local->family == NET_NONE; i++)
		if (c->local_addrs[i].family == remote->family)
			*local = c->local_addrs[i];
	if (local->family == NET_NONE && e->env.local_addr)
		any = e->env.local_addr(e->env.arg, remote, local);
	return any || local->family != NET_NONE;
}

static void set_local(struct ike_engine *e, const struct conf_conn *c, const struct net_addr *remote, struct net_addr *local)
{
	(void)life_local_for(e, c, remote, local);
	local->port = c->local_port && c->local_port != IKE_PORT ? c->local_port : e->env.conf->port;
	if (local->family == NET_NONE)
		local->family = remote->family;
}

/* to: another gateway than that of the configuration, or NULL. */
static void connect_to(struct ike_engine *e, struct ike_sa *sa, const struct net_addr *to)
{
	bool again = sa->setup != NULL;
	const struct conf_conn *c = sa->conn;
	err_t err = setup_new(e, sa);

	if (!err && again)
		err = ike_sa_new_spi(e, sa);
	if (err) {
		ike_sa_end(e, sa, err, false, err_text(err));
		return;
	}
	/* The next of the addresses we may call; a gateway we were sent to and that does not answer is not called again. */
	if (to) {
		sa->setup->tried--;
		sa->remote = *to;
	} else if (again && (c->n_remote_addrs > 1 || (sa->redir && c->n_remote_addrs))) {
		index_conn_del(e, sa);
		sa->remote = c->remote_addrs[(sa->setup->tried - 1) % c->n_remote_addrs];
		if (sa->redir)
			sa->redir->from = (struct net_addr){ 0 };
		index_conn_add(e, sa);
	}
	if (!sa->remote.port)
		sa->remote.port = c->remote_port;
	if (to || (again && sa->redir))
		set_local(e, c, &sa->remote, &sa->local);
	sa->facts = 0;
	sa->flags &= ~(uint32_t)(SA_NAT_LOCAL | SA_NAT_REMOTE | SA_NATT | SA_PEER_NATD | SA_NAT_FAKE | SA_FRAG | SA_PQ | SA_PPK |
		SA_MOBIKE | SA_MOVER | SA_FOLLOWS);
	sa->spi_r = 0;
	sa->tx_mid = 0;
	sa->state = IKE_S_NONE;
	ike_work_run(e, sa);
}

void life_connect(struct ike_engine *e, struct ike_sa *sa)
{
	connect_to(e, sa, NULL);
}

void life_redirect(struct ike_engine *e, struct ike_sa *sa, const struct net_addr *to)
{
	connect_to(e, sa, to);
}

static struct ike_sa *make_initiator(struct ike_engine *e, struct conf_conn *c, struct diag **why)
{
	struct net_addr local, remote;

	if (!c->n_remote_addrs) {
		(void)diag_set(why, E_NOT_FOUND, "connection '%s' has no remote address to call: set remote_addrs", c->name);
		return NULL;
	}
	remote = c->remote_addrs[0];
	if (!remote.port)
		remote.port = c->remote_port;
	set_local(e, c, &remote, &local);
	if (!auth_psk_begin(e, c, &local, &remote, why) || !ppk_begin(e, c, why))
		return NULL;
	struct ike_sa *sa = ike_sa_new(e, true, c, &local, &remote);
	if (sa)
		index_conn_add(e, sa);
	else
		(void)diag_set(why, E_LIMIT, "no further IKE SA: limit or memory");
	return sa;
}

/* An SA of the connection that can take another child: established, or still coming. */
static struct ike_sa *find_usable(struct ike_engine *e, const struct conf_conn *c)
{
	struct ike_sa *coming = NULL;

	for (uint16_t i = 0; i < c->n_remote_addrs; i++)
		for (struct ike_sa *sa = index_conn_first(e, c, &c->remote_addrs[i]); sa; sa = sa->peers.next) {
			if ((sa->flags & (SA_REAUTHING | SA_STANDBY)) || strcmp(sa->conn->name, c->name) != 0)
				continue;
			if (sa->state == IKE_S_UP)
				return sa;
			if (sa->initiator && sa->state < IKE_S_UP)
				coming = sa;
		}
	return coming;
}

err_t ike_initiate_child(struct ike_engine *e, struct ike_work *w, struct diag **why)
{
	struct conf_conn *c = w->conn;
	struct diag *own = NULL;
	char buf[300];

	err_t no = e->stopping ? diag_set(&own, E_SHUTDOWN, "the daemon is stopping") :
		w->child ? child_usable(e, w->child, &own) : 0;
	struct ike_sa *sa = no ? NULL : find_usable(e, c);
	bool fresh = !sa;
	if (!no && !sa)
		sa = make_initiator(e, c, &own);
	if (!sa) {
		err_t err = own ? own->code : E_NOMEM;
		ike_cmd_done(e, w->cmd_id, err, diag_text(own, err, buf, sizeof buf), 0, 0);
		ike_work_free(w);
		diag_free(&own);
		return diag_set(why, err, "%s", buf);
	}
	if (!w->child && sa->state == IKE_S_UP) {
		ike_cmd_done(e, w->cmd_id, 0, NULL, sa->unique, 0);
		ike_work_free(w);
		return 0;
	}
	if (!fresh) {
		ike_work_add(e, sa, w);
		return 0;
	}
	ike_sa_enter(sa);
	w->next = NULL;
	*sa->work_end = w;
	sa->work_end = &w->next;
	life_connect(e, sa);
	ike_sa_leave(e, sa);
	return 0;
}

err_t life_reauth(struct ike_engine *e, struct ike_sa *sa, struct diag **why)
{
	if (sa->flags & SA_REAUTHING)
		return 0;
	if (!sa->conn->n_remote_addrs && !sa->initiator)
		return diag_set(why, E_NOT_SUPPORTED, "only the initiator can authenticate anew, and there is no address to call");
	struct ike_sa *n = ike_sa_new(e, true, sa->conn, &sa->local, &sa->remote);
	if (!n)
		return diag_set(why, E_LIMIT, "no further IKE SA: limit or memory");
	redirect_inherit(sa, n);
	n->local.port = e->env.conf->port;
	if (sa->initiator && n->remote.port == IKE_PORT_NATT)
		n->remote.port = sa->conn->remote_port;
	sa->flags |= SA_REAUTHING;
	SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "reauthenticating IKE_SA %s[%llu]", sa->conn->name, (unsigned long long)sa->unique);
	ike_sa_enter(n);
	child_queue_again(e, sa, n);
	if (e->env.conf->make_before_break) {
		n->replaces = sa->h;
		life_connect(e, n);
	} else {
		sa->heir = n->h;
		sa->flags |= SA_KEEP_QUIET;
		queue(e, sa, STORY_IKE_DELETE, 0);
	}
	ike_sa_leave(e, n);
	return 0;
}

void life_heir_start(struct ike_engine *e, handle heir)
{
	struct ike_sa *sa = ike_sa_at(e, heir);

	if (!sa || e->stopping)
		return;
	ike_sa_enter(sa);
	life_connect(e, sa);
	ike_sa_leave(e, sa);
}

void life_established(struct ike_engine *e, struct ike_sa *sa)
{
	char a[256], b[256], l[NET_ADDR_TEXT], r[NET_ADDR_TEXT];

	SA_LOG(e, sa, LOG_IKE, LOG_AUDIT, "IKE_SA %s[%llu] established between %s[%s]...%s[%s]", sa->conn->name,
		(unsigned long long)sa->unique, net_addr_text(&sa->local, false, l),
		conf_id_text(sa->local_id.type, ike_id_slice(&sa->local_id), a, sizeof a), net_addr_text(&sa->remote, false, r),
		conf_id_text(sa->remote_id.type, ike_id_slice(&sa->remote_id), b, sizeof b));
	if (sa->rekey_ms)
		SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "scheduling rekeying in %llus", (unsigned long long)((sa->rekey_ms - e->now_ms) / 1000));
	if (sa->reauth_ms)
		SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "scheduling reauthentication in %llus",
			(unsigned long long)((sa->reauth_ms - e->now_ms) / 1000));
	ike_note(e, sa, "established");
	sa->flags |= SA_UP_TOLD;
	alive_arm(e, sa);
	ike_event_sa(e, IKE_EV_IKE_UPDOWN, sa, true, 0, NULL, NULL);
	/* Commands that asked for the IKE SA alone. */
	for (struct ike_work **p = &sa->work; *p;) {
		struct ike_work *w = *p;
		if (w->story != STORY_CHILD_NEW || w->child) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		if (!*p)
			sa->work_end = p;
		ike_cmd_done(e, w->cmd_id, 0, NULL, sa->unique, 0);
		ike_work_free(w);
	}
}

void life_replaced(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_sa *old = ike_sa_at(e, sa->replaces);

	if (sa->state != IKE_S_UP || sa->work)
		return;
	sa->replaces = (handle){ 0 };
	if (old && old->state == IKE_S_UP) {
		old->flags |= SA_KEEP_QUIET;
		queue(e, old, STORY_IKE_DELETE, 0);
	}
}
