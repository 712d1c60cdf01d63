/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual interface of a connection and the routes of its children: what the single keys mean together. */
#include "config/typed_int.h"
#include "config/value.h"
#include "plugin/abi.h"

#include <stdio.h>
#include <stdlib.h>

enum { VIF_ADDRS_MAX = 32, NAME_MAX_LETTERS = 15, NUMBER_LETTERS = 10 };

struct vif_build {
	const struct conf_node *sec;
	const struct conf_can *can;
	struct conf_conn *c;
	struct diag **why;
	err_t err;
};

#define BAD(b, key, code, ...) \
	do { \
		const struct conf_node *at_ = conf_node_child((b)->sec, key); \
		err_t e_ = conf_node_fail(at_ ? at_ : (b)->sec, at_ != NULL, (b)->why, code, __VA_ARGS__); \
		(b)->err = (b)->err ? (b)->err : e_; \
	} while (0)

/* ---- addresses and name ---- */

static void read_vif_addrs(struct vif_build *b)
{
	struct conf_vif *v = &b->c->vif;
	size_t n = 0;

	while (v->addr_texts && v->addr_texts[n])
		n++;
	if (n > VIF_ADDRS_MAX) {
		BAD(b, "vif_addrs", E_LIMIT, "'vif_addrs': more than %d addresses", VIF_ADDRS_MAX);
		return;
	}
	v->addrs = calloc(n + 1, sizeof *v->addrs);
	v->bits = calloc(n + 1, sizeof *v->bits);
	if (!v->addrs || !v->bits) {
		b->err = E_NOMEM;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		char text[80];
		const char *slash = strchr(v->addr_texts[i], '/');
		size_t len = slash ? (size_t)(slash - v->addr_texts[i]) : strlen(v->addr_texts[i]);
		char *end = NULL;
		snprintf(text, sizeof text, "%.*s", (int)len, v->addr_texts[i]);
		unsigned long bits = slash ? strtoul(slash + 1, &end, 10) : 128;
		bool bad = len >= sizeof text || net_addr_parse(text, &v->addrs[i]) || (slash && (*end || end == slash + 1));
		unsigned all = net_addr_len(v->addrs[i].family) * 8u;
		if (bad || !all || (slash && bits > all)) {
			BAD(b, "vif_addrs", E_BAD_VALUE, "'vif_addrs' = '%.60s': an address with prefix length is expected, as "
				"10.0.0.1/30 or fd00::1/64", v->addr_texts[i]);
			return;
		}
		v->bits[i] = (uint8_t)(slash ? bits : all);
		v->n_addrs++;
	}
}

static void read_vif_name(struct vif_build *b)
{
	const struct conf_node *n = conf_node_child(b->sec, "vif_name");
	const char *name = conf_is_set(n) && n->kind == CONF_VALUE ? n->text : "ipsec%u", *u = strchr(name, '%');
	size_t len = strlen(name) + (u ? NUMBER_LETTERS - 2 : 0);

	if (u && (u[1] != 'u' || strchr(u + 1, '%')))
		BAD(b, "vif_name", E_BAD_VALUE, "'vif_name' = '%s': %%u once is all that may stand in a name", name);
	else if (!u && (len > NAME_MAX_LETTERS || strpbrk(name, "/ ")))
		BAD(b, "vif_name", E_BAD_VALUE, "'vif_name' = '%s': the name of a network interface has at most %d letters, no "
			"space and no slash", name, NAME_MAX_LETTERS);
	else if (u && (strlen(name) > NAME_MAX_LETTERS - NUMBER_LETTERS + 3 || strpbrk(name, "/ ")))
		BAD(b, "vif_name", E_BAD_VALUE, "'vif_name' = '%s': besides %%u there is room for %d letters, no space and no "
			"slash", name, NAME_MAX_LETTERS - NUMBER_LETTERS + 1);
	else
		snprintf(b->c->vif.name, sizeof b->c->vif.name, "%s", name);
}

/* ---- together ---- */

static bool some_child(const struct conf_conn *c, bool (*is)(const struct conf_conn *c, const struct conf_child *f))
{
	for (uint16_t i = 0; i < c->n_children; i++)
		if (is(c, c->children[i]))
			return true;
	return false;
}

static bool no_if_id(const struct conf_conn *c, const struct conf_child *f)
{
	return !f->if_id_out && !c->if_id_out;
}

/* Known only once there is a child SA. */
static bool unique_if_id(const struct conf_conn *c, const struct conf_child *f)
{
	return (f->if_id_out ? f->if_id_out : c->if_id_out) >= CONF_UNIQUE_SAME;
}

/* An interface has one id for both directions. */
static bool two_if_ids(const struct conf_conn *c, const struct conf_child *f)
{
	uint32_t in = f->if_id_in ? f->if_id_in : c->if_id_in, out = f->if_id_out ? f->if_id_out : c->if_id_out;

	return out && (in != out || out == CONF_UNIQUE_PER_DIR);
}

static bool unique_marks(const struct conf_conn *c, const struct conf_child *f)
{
	(void)c;
	return f->mark_in >= CONF_UNIQUE_SAME || f->mark_out >= CONF_UNIQUE_SAME;
}

static bool no_marks(const struct conf_conn *c, const struct conf_child *f)
{
	(void)c;
	return !f->mark_in || !f->mark_out;
}

static bool not_gre(const struct conf_conn *c, const struct conf_child *f)
{
	(void)c;
	for (uint16_t i = 0; i < f->n_local_ts; i++)
		if (f->local_ts[i].sel.proto != 47)
			return true;
	return f->mode != CONF_TRANSPORT && f->mode != CONF_TUNNEL;
}

static bool traps(const struct conf_conn *c, const struct conf_child *f)
{
	(void)c;
	return f->start_action & CONF_TRAP;
}

static void check_vif(struct vif_build *b)
{
	const struct conf_conn *c = b->c;
	const struct conf_vif *v = &c->vif;
	bool template = strchr(v->name, '%') != NULL;

	if (b->can->kern_known && !b->can->net_vifs)
		BAD(b, "vif", E_NOT_SUPPORTED, "'vif': nothing that is loaded makes interfaces (plugin kernel-net)");
	if (v->kind == CONF_VIF_XFRM && some_child(c, no_if_id))
		BAD(b, "vif", E_BAD_VALUE, "'vif' = 'xfrm': if_id_in and if_id_out have to be set, here or in every child");
	if (v->kind == CONF_VIF_XFRM && some_child(c, two_if_ids))
		BAD(b, "vif", E_BAD_VALUE, "'vif' = 'xfrm': an interface has one id, so that if_id_in and if_id_out have to be the same "
			"(a number, or %%unique); for one in each direction make two interfaces and leave vif out");
	if (v->kind == CONF_VIF_VTI && some_child(c, no_marks))
		BAD(b, "vif", E_BAD_VALUE, "'vif' = 'vti': every child needs mark_in and mark_out");
	if (!template && ((v->kind != CONF_VIF_VTI && v->kind != CONF_VIF_GRE && some_child(c, unique_if_id)) ||
		(v->kind == CONF_VIF_VTI && some_child(c, unique_marks))))
		BAD(b, "vif_name", E_BAD_VALUE, "'vif_name' = '%s': an interface with %s = %%unique is made with its child SA and "
			"needs a template as name, as ipsec%%u", v->name, v->kind == CONF_VIF_VTI ? "mark_in or mark_out" : "if_id_out");
	if (v->kind == CONF_VIF_GRE && some_child(c, not_gre))
		BAD(b, "vif", E_BAD_VALUE, "'vif' = 'gre': every child needs selectors of protocol gre (local_ts = dynamic[gre], "
			"remote_ts = dynamic[gre])");
	if (v->key && v->kind != CONF_VIF_GRE && v->kind != CONF_VIF_AUTO)
		BAD(b, "vif_key", E_BAD_VALUE, "'vif_key' is for GRE alone");
	if (v->netns && (v->n_addrs || *v->borrow || *v->vrf || v->mss_clamp))
		BAD(b, "vif_netns", E_NOT_SUPPORTED, "'vif_netns' goes with neither vif_addrs, vif_borrow, vif_vrf nor vif_mss_clamp: "
			"set these up in the namespace (an updown script can)");
	if (v->netns && strpbrk(v->netns, "/"))
		BAD(b, "vif_netns", E_BAD_VALUE, "'vif_netns' = '%s': the name of a namespace below /run/netns is expected", v->netns);
	if (template && v->n_addrs)
		BAD(b, "vif_addrs", E_BAD_VALUE, "'vif_addrs': all interfaces of the template '%s' would have the same addresses: "
			"let them borrow (vif_borrow)", v->name);
	if (template && some_child(c, traps))
		BAD(b, "vif_name", E_BAD_VALUE, "'vif_name' = '%s': a child that waits for traffic (start_action = trap) needs an "
			"interface of its own, without %%u", v->name);
	if (v->kind == CONF_VIF_GRE && c->n_local_addrs && c->n_remote_addrs &&
		c->local_addrs[0].family != c->remote_addrs[0].family)
		BAD(b, "vif", E_BAD_VALUE, "'vif' = 'gre': local_addrs and remote_addrs are of different families");
}

static void check_inject(struct vif_build *b, const struct conf_child *f)
{
	const struct conf_inject *j = &f->inject;
	const struct conf_node *all = conf_node_child(b->sec, "children");
	struct vif_build in = *b;

	in.sec = all ? conf_node_child(all, f->name) : NULL;
	if (!in.sec || !j->on)
		return;
	if (b->can->kern_known && !b->can->net_vifs)
		BAD(&in, "inject_routes", E_NOT_SUPPORTED, "'inject_routes': nothing that is loaded makes routes (plugin "
			"kernel-net)");
	if (*j->vrf && conf_is_set(conf_node_child(in.sec, "route_table")))
		BAD(&in, "route_vrf", E_BAD_VALUE, "'route_vrf' and 'route_table' exclude each other");
	if (!no_if_id(b->c, f) && !j->next_hop && b->c->vif.kind == CONF_VIF_NONE)
		BAD(&in, "inject_routes", E_BAD_VALUE, "'inject_routes' of a child with if_id_out needs route_next_hop, or vif in the "
			"connection: the interface cannot be guessed");
	for (uint16_t i = 0; i < f->n_remote_ts && !no_if_id(b->c, f); i++)
		if (!f->remote_ts[i].dynamic && ts_prefix_len(&f->remote_ts[i].sel) == 0 && j->table == 254 && !*j->vrf) {
			BAD(&in, "inject_routes", E_BAD_VALUE, "'inject_routes': a default route through an interface would also catch "
				"the packets of the tunnel itself: put it into a VRF or a table of its own (route_vrf, route_table)");
			break;
		}
	b->err = in.err;
}

err_t conf_read_vif(const struct conf_node *sec, const struct conf_can *can, struct conf_conn *c, struct diag **why)
{
	static const char *const parts[] = { "vif_name", "vif_addrs", "vif_borrow", "vif_mtu", "vif_mss_clamp", "vif_vrf",
		"vif_netns", "vif_link", "vif_key" };
	struct vif_build b = { sec, can, c, why, 0 };

	if (c->vif.kind == CONF_VIF_NONE) {
		for (size_t i = 0; i < ARRAY_LEN(parts); i++)
			if (conf_is_set(conf_node_child(sec, parts[i])))
				BAD(&b, parts[i], E_BAD_VALUE, "'%s' has no effect without 'vif'", parts[i]);
	} else {
		read_vif_name(&b);
		read_vif_addrs(&b);
		check_vif(&b);
	}
	for (uint16_t i = 0; i < c->n_children; i++)
		check_inject(&b, c->children[i]);
	return b.err;
}
