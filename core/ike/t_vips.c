/* SPDX-License-Identifier: Apache-2.0 */
/* Task: the configuration payload in IKE_AUTH, both roles. See vips.h. */
#include "ike/vips.h"

#include "ike/tsmatch.h"

#include <stdlib.h>

enum { ATTRS_MAX = 128 };

static COUNTER(c_none, "ike.vips.none", "peers that asked for a virtual address and got none");
static COUNTER(c_got, "ike.vips.received", "virtual addresses received from peers");

static bool is_any(const struct net_addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->a, zero, sizeof zero) == 0;
}

static struct ike_vips *vips_of(struct ike_sa *sa)
{
	if (!sa->vips)
		sa->vips = calloc(1, sizeof *sa->vips);
	return sa->vips;
}

void vips_ends(const struct ike_sa *sa, struct tsm_end *local, struct tsm_end *remote)
{
	const struct ike_vips *v = sa->vips;

	*local = (struct tsm_end){ &sa->local, sa->local.family ? 1 : 0 };
	*remote = (struct tsm_end){ &sa->remote, sa->remote.family ? 1 : 0 };
	if (v && v->n_local)
		*local = (struct tsm_end){ v->local, v->n_local };
	else if (v && v->n_asked)
		*local = (struct tsm_end){ v->asked, v->n_asked };
	if (v && v->n_remote)
		*remote = (struct tsm_end){ v->remote, v->n_remote };
}

static void host_addr(struct ike_engine *e, const struct ike_sa *sa, const struct net_addr *a, bool add)
{
	struct fx *f = fx_add(e, FX_VIP);

	if (!f)
		return;
	f->vip.add = add;
	f->vip.addr = *a;
	f->vip.outer = sa->local;
}

void vips_free(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_vips *v = sa->vips;

	for (uint8_t i = 0; v && i < v->n_local; i++)
		host_addr(e, sa, &v->local[i], false);
	for (uint8_t i = 0; v && i < v->n_remote; i++)
		pool_release(e, v->lease[i].pool, v->lease[i].at);
	free(v);
	sa->vips = NULL;
}

/* ---- asking ----------------------------------------------------------------------------------------------------------- */

static enum verdict ask(struct ike_xch *x)
{
	const struct conf_conn *c = x->sa->conn;
	struct ike_vips *v = c->vips && c->vips[0] ? vips_of(x->sa) : NULL;

	if (c->vips && c->vips[0] && !v)
		return ike_close(x, E_NOMEM, "no memory for virtual addresses");
	for (size_t i = 0; v && !v->n_asked && c->vips[i] && i < VIPS_MAX; i++)
		if (net_addr_parse(c->vips[i], &v->asked[i]))
			return ike_close(x, E_BAD_VALUE, "vips: '%s' is no address", c->vips[i]);
	for (size_t i = 0; v && c->vips[i] && i < VIPS_MAX; i++)
		v->n_asked = (uint8_t)(i + 1);
	return V_DONE;
}

static void put_addr(struct wire_cp_attr *at, const struct net_addr *a, uint8_t buf[17], bool prefix)
{
	size_t n = net_addr_len(a->family);

	memcpy(buf, a->a, n);
	if (a->family == NET_V6)
		buf[n++] = 128;
	*at = (struct wire_cp_attr){ a->family == NET_V6 ? CPA_INTERNAL_IP6_ADDRESS : CPA_INTERNAL_IP4_ADDRESS,
		prefix ? slice_of(buf, n) : SLICE_NONE };
}

static void emit_request(const struct ike_vips *v, struct ike_out *out)
{
	struct wire_cp_attr at[2 * VIPS_MAX];
	uint8_t buf[VIPS_MAX][17];
	bool v4 = false, v6 = false;
	size_t n = 0;

	for (uint8_t i = 0; i < v->n_asked; i++) {
		put_addr(&at[n++], &v->asked[i], buf[i], !is_any(&v->asked[i]));
		v4 |= v->asked[i].family == NET_V4;
		v6 |= v->asked[i].family == NET_V6;
	}
	if (v4)
		at[n++] = (struct wire_cp_attr){ CPA_INTERNAL_IP4_DNS, SLICE_NONE };
	if (v6)
		at[n++] = (struct wire_cp_attr){ CPA_INTERNAL_IP6_DNS, SLICE_NONE };
	wire_put_cp(out, CP_REQUEST, at, n);
}

static enum verdict got(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_vips *v = sa->vips;
	const struct wire_cp *cp = x->in->cp;
	char text[NET_ADDR_TEXT];

	if (!v || !v->n_asked || !x->in->auth || x->turn)
		return V_DONE;
	for (uint16_t i = 0; cp && cp->type == CP_REPLY && i < cp->n && v->n_local < VIPS_MAX; i++) {
		const struct wire_cp_attr *at = &cp->v[i];
		struct net_addr a = { .family = at->type == CPA_INTERNAL_IP6_ADDRESS ? NET_V6 : NET_V4 };
		if ((at->type != CPA_INTERNAL_IP4_ADDRESS || at->data.n != 4) &&
		    (at->type != CPA_INTERNAL_IP6_ADDRESS || (at->data.n != 17 && at->data.n != 16)))
			continue;
		memcpy(a.a, at->data.p, net_addr_len(a.family));
		if (is_any(&a))
			continue;
		v->local[v->n_local++] = a;
		count_inc(&c_got);
		SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "virtual address %s from the peer", net_addr_text(&a, false, text));
		host_addr(x->e, sa, &a, true);
	}
	if (!v->n_local)
		SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "the peer gave no virtual address; it needs a pool with free addresses");
	return V_DONE;
}

/* ---- giving ----------------------------------------------------------------------------------------------------------- */

/* An address out of the first of the connection's pools that has one. */
static bool give(struct ike_xch *x, const struct net_addr *want)
{
	struct ike_sa *sa = x->sa;
	struct ike_vips *v = vips_of(sa);
	char text[NET_ADDR_TEXT], id[256];

	if (!v || v->n_remote == VIPS_MAX)
		return false;
	for (char **name = sa->conn->pools; name && *name; name++) {
		struct ike_pool *p = pool_find(x->e, *name);
		uint8_t at = v->n_remote;
		if (!p || pool_conf(p)->first.family != want->family)
			continue;
		if (pool_acquire(x->e, p, &sa->remote_id, want, &v->remote[at], &v->lease[at].at))
			continue;
		v->lease[at].pool = p;
		v->n_remote++;
		SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "virtual address %s for '%s' from pool '%s'",
			net_addr_text(&v->remote[at], false, text),
			conf_id_text(sa->remote_id.type, ike_id_slice(&sa->remote_id), id, sizeof id), *name);
		return true;
	}
	return false;
}

static enum verdict asked(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	const struct wire_cp *cp = x->in->cp;
	bool wants = false;

	if (!cp || cp->type != CP_REQUEST || x->turn || x->vips_none || (sa->vips && sa->vips->n_remote))
		return V_DONE;
	for (uint16_t i = 0; i < cp->n; i++) {
		const struct wire_cp_attr *at = &cp->v[i];
		struct net_addr a = { .family = at->type == CPA_INTERNAL_IP6_ADDRESS ? NET_V6 : NET_V4 };
		size_t n = net_addr_len(a.family);
		if (at->type != CPA_INTERNAL_IP4_ADDRESS && at->type != CPA_INTERNAL_IP6_ADDRESS)
			continue;
		if (at->data.n >= n)
			memcpy(a.a, at->data.p, n);
		wants = true;
		(void)give(x, &a);
	}
	if (!wants || (sa->vips && sa->vips->n_remote))
		return V_DONE;
	count_inc(&c_none);
	x->vips_none = true;
	SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "no virtual address for the peer: %s",
		sa->conn->pools && sa->conn->pools[0] ? "the pools of the connection are used up, not loaded, or of another family"
		: "the connection has no pools");
	return V_DONE;
}

bool vips_failed(const struct ike_xch *x)
{
	return x->vips_none;
}

static size_t put_attrs(struct wire_cp_attr at[ATTRS_MAX], size_t n, const struct conf_pool *p)
{
	for (uint16_t k = 0; k < p->n_attrs && n < ATTRS_MAX; k++)
		at[n++] = (struct wire_cp_attr){ p->attrs[k].type, slice_of(p->attrs[k].data, p->attrs[k].n) };
	return n;
}

static void emit_reply(const struct ike_engine *e, const struct ike_sa *sa, struct ike_out *out)
{
	const struct ike_vips *v = sa->vips;
	struct wire_cp_attr at[ATTRS_MAX];
	uint8_t buf[VIPS_MAX][17];
	size_t n = 0;

	for (uint8_t i = 0; i < v->n_remote; i++)
		put_addr(&at[n++], &v->remote[i], buf[i], true);
	for (char **name = sa->conn->pools; name && *name; name++) {
		const struct ike_pool *p = NULL;
		for (uint8_t i = 0; i < v->n_remote && !p; i++)
			if (strcmp(pool_conf(v->lease[i].pool)->name, *name) == 0)
				p = v->lease[i].pool;
		if (p)
			n = put_attrs(at, n, pool_conf(p));
	}
	if (e->env.conf->attributes)
		n = put_attrs(at, n, e->env.conf->attributes);
	wire_put_cp(out, CP_REPLY, at, n);
}

/* ---- task ------------------------------------------------------------------------------------------------------------- */

static enum verdict vips_check(struct ike_xch *x)
{
	return x->dir == XCH_TX_REQUEST ? ask(x) : x->dir == XCH_RX_REQUEST ? asked(x) : V_DONE;
}

static enum verdict vips_apply(struct ike_xch *x)
{
	return x->dir == XCH_RX_RESPONSE ? got(x) : V_DONE;
}

static enum verdict vips_emit(struct ike_xch *x, struct ike_out *out)
{
	const struct ike_vips *v = x->sa->vips;

	if (x->dir == XCH_TX_REQUEST && v && v->n_asked)
		emit_request(v, out);
	else if (x->dir == XCH_RX_REQUEST && v && v->n_remote)
		emit_reply(x->e, x->sa, out);
	return V_DONE;
}

const struct task_ops task_vips = {
	.name = "virtual-addresses",
	.order = 45,
	.check = vips_check,
	.apply = vips_apply,
	.emit = vips_emit,
};
