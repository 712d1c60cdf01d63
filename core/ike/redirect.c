/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's side of redirects (RFC 5685): strangers, and the command. The exchanges are t_redirect.c. */
#include "ike/redirect.h"
#include "ike/msgio.h"
#include "ike/wait.h"

#include <stdlib.h>

static COUNTER(c_init, "ike.redirect.init", "IKE_SA_INIT requests answered with the address of another gateway");
static COUNTER(c_cmd, "ike.redirect.commanded", "clients redirected on command");

/* ---- strangers --------------------------------------------------------------------------------------------------------- */

static bool overloaded(const struct ike_engine *e)
{
	const struct conf_daemon *c = e->env.conf;

	if (!c->redirect_ike_sas && !c->redirect_half_open)
		return true;
	return (c->redirect_ike_sas && slab_count(e->sas) >= c->redirect_ike_sas) ||
		(c->redirect_half_open && e->half_open >= c->redirect_half_open);
}

/* Whom the client was sent here by: it is not sent back there. */
static bool came_from(const struct ike_msg *m, const struct wire_gateway *to)
{
	const struct wire_notify *n = wire_notify(m, N_REDIRECTED_FROM);
	struct wire_gateway from;
	slice rest;

	return n && wire_gateway_read(n->data, true, &from, &rest) == 0 && from.type == to->type &&
		slice_equal(slice_of(from.id, from.n), slice_of(to->id, to->n));
}

bool redirect_stranger(struct ike_xch *x, const struct net_addr *local, const struct net_addr *remote)
{
	struct ike_engine *e = x->e;
	const struct ike_msg *m = x->in;
	const char *to = e->env.conf->redirect_gateway;
	struct wire_gateway g;
	struct net_addr at;
	uint8_t buf[2 + WIRE_GATEWAY_MAX + WIRE_NONCE_MAX];
	struct wr w = wr_of(buf, sizeof buf);
	char a[NET_ADDR_TEXT];

	if (!to || !m->nonce || !overloaded(e) || wire_gateway_of_text(to, &g))
		return false;
	if (!wire_notify(m, N_REDIRECT_SUPPORTED) && !wire_notify(m, N_REDIRECTED_FROM))
		return false;
	/* To itself it would be a loop, unless the client called an address of many (section 4). */
	if (came_from(m, &g) || (wire_gateway_addr(&g, &at) && net_addr_same(&at, local)))
		return false;
	wire_gateway_write(&w, &g, *m->nonce);
	if (w.err)
		return false;
	count_inc(&c_init);
	log_peer(e->env.log, LOG_IKE, LOG_CONTROL, &(struct log_ctx){ .peer = remote }, "IKE_SA_INIT request from %s: the client is "
		"redirected to gateway %s", net_addr_text(remote, true, a), to);
	msg_answer_stranger(e, local, remote, &m->hdr, N_REDIRECT, wr_done(&w));
	return true;
}

/* ---- the command ------------------------------------------------------------------------------------------------------- */

struct wanted {
	const struct ike_cmd *cmd;
	struct ts_sel ip;
	struct conf_id id;
	struct wire_gateway *gateway;
};

static err_t wanted_read(const struct ike_cmd *cmd, struct wanted *w, struct diag **why)
{
	*w = (struct wanted){ .cmd = cmd, .gateway = malloc(sizeof *w->gateway) };
	if (!w->gateway)
		return E_NOMEM;
	if (!cmd->gateway || wire_gateway_of_text(cmd->gateway, w->gateway))
		return diag_set(why, E_BAD_VALUE, "gateway '%s': an address or the name of a host is expected",
			cmd->gateway ? cmd->gateway : "");
	if (cmd->peer_ip && (strchr(cmd->peer_ip, '[') || ts_parse(cmd->peer_ip, &w->ip)))
		return diag_set(why, E_BAD_VALUE, "peer-ip '%s': an address, network or range is expected", cmd->peer_ip);
	if (cmd->peer_id && conf_id_parse(cmd->peer_id, &w->id))
		return diag_set(why, E_BAD_VALUE, "peer-id '%s' is no identity", cmd->peer_id);
	return 0;
}

static bool in_range(const struct ts_sel *t, const struct net_addr *a)
{
	size_t n = net_addr_len(a->family);

	return t->family == a->family && memcmp(t->lo, a->a, n) <= 0 && memcmp(a->a, t->hi, n) <= 0;
}

static bool fits(const struct wanted *w, const struct ike_sa *sa)
{
	const struct ike_cmd *c = w->cmd;

	if (sa->state != IKE_S_UP || (sa->flags & SA_STANDBY))
		return false;
	if ((c->ike_id && sa->unique != c->ike_id) || (c->ike && strcmp(sa->conn->name, c->ike) != 0))
		return false;
	if (c->peer_ip && !in_range(&w->ip, &sa->remote))
		return false;
	return !c->peer_id || conf_id_match(&w->id, sa->remote_id.type, ike_id_slice(&sa->remote_id)) > 0;
}

/* Being redirected already counts as done: its time to go runs. */
static bool send_away(struct ike_engine *e, struct ike_sa *sa, const struct wire_gateway *g)
{
	if (!(sa->flags & SA_REDIRECTABLE))
		return false;
	struct ike_work *w = ike_work_new(STORY_REDIRECT, NULL, NULL, 0);
	struct wire_gateway *copy = w ? malloc(sizeof *copy) : NULL;
	if (!copy) {
		ike_work_free(w);
		return false;
	}
	*copy = *g;
	w->gateway = copy;
	count_inc(&c_cmd);
	ike_work_add(e, sa, w);
	return true;
}

uint32_t redirect_cmd(struct ike_engine *e, const struct ike_cmd *cmd, struct diag **why)
{
	uint32_t cursor = 0, fit = 0, sent = 0;
	struct ike_sa *sa;
	struct wanted w;
	err_t err = wanted_read(cmd, &w, why);

	while (!err && (sa = ike_sa_next(e, &cursor)))
		if (fits(&w, sa)) {
			fit++;
			sent += send_away(e, sa, w.gateway);
		}
	conf_id_fini(&w.id);
	free(w.gateway);
	if (err && !*why)
		(void)diag_set(why, err, "%s", err_text(err));
	else if (!err && !fit)
		(void)diag_set(why, E_NOT_FOUND, "no matching SAs to redirect found");
	else if (!err && !sent)
		(void)diag_set(why, E_NOT_SUPPORTED, "none of the %u matching SAs can be redirected: the peer has to have set it up, and to "
			"support it (RFC 5685; follow_redirects)", fit);
	return sent;
}
