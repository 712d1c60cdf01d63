/* SPDX-License-Identifier: Apache-2.0 */
/* A section of `connections` to a struct conf_conn. */
#include "config/typed.h"

#include "base/htab.h"
#include "config/pack.h"
#include "config/schema.h"
#include "config/typed_int.h"
#include "config/value.h"
#include "plugin/abi.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHILDREN_MAX = UINT16_MAX - 1, ROUNDS_MAX = 16 };

struct build {
	const struct conf_can *can;
	struct diag **why, **remarks;
	err_t err;
};

static void note(struct build *b, err_t e)
{
	if (!b->err)
		b->err = e;
}

/* ---- children ------------------------------------------------------------------------------------------------- */

/* What a key needs of the data plane. */
static const struct need {
	const char *key;
	uint32_t cap;
	const char *what;
} needs[] = {
	{ "mark_in", KERN_CAP_MARK, "marks" }, { "mark_out", KERN_CAP_MARK, "marks" },
	{ "if_id_in", KERN_CAP_IF_ID, "interface ids (Linux has them since 4.19)" },
	{ "if_id_out", KERN_CAP_IF_ID, "interface ids (Linux has them since 4.19)" },
	{ "tfc_padding", KERN_CAP_TFC, "padding of packets" },
	{ "ah_proposals", KERN_CAP_AH, "AH: load Linux's modules ah4 and ah6" },
	{ "set_mark_in", KERN_CAP_SET_MARK, "marks set on packets" }, { "mark_in_sa", KERN_CAP_SET_MARK, "marks of SAs" },
	{ "set_mark_out", KERN_CAP_SET_MARK, "marks set on packets" },
	{ "policies_fwd_out", KERN_CAP_FWD, "policies for packets that are forwarded" },
	{ "hw_offload", KERN_CAP_OFFLOAD, "hardware offload" },
	{ "sha256_96", KERN_CAP_SHA256_96, "other lengths of HMAC-SHA-256" },
	{ "interface", KERN_CAP_INTERFACE, "policies of one network interface" },
	{ "copy_dscp", KERN_CAP_DSCP_OFF, "way to keep the DSCP out of the outer header" },
};

static bool needs_it(const struct conf_child *c, const char *key, bool set)
{
	if (strcmp(key, "mark_in") == 0)
		return c->mark_in || c->mark_in_mask;
	if (strcmp(key, "mark_out") == 0)
		return c->mark_out || c->mark_out_mask;
	if (strcmp(key, "if_id_in") == 0)
		return c->if_id_in != 0;
	if (strcmp(key, "if_id_out") == 0)
		return c->if_id_out != 0;
	if (strcmp(key, "set_mark_in") == 0)
		return c->set_mark_in_mask != 0;
	if (strcmp(key, "set_mark_out") == 0)
		return c->set_mark_out_mask != 0;
	if (strcmp(key, "mark_in_sa") == 0)
		return c->mark_in_sa;
	if (strcmp(key, "policies_fwd_out") == 0)
		return c->policies_fwd_out;
	if (strcmp(key, "hw_offload") == 0)
		return c->hw_offload > KERN_OFFLOAD_AUTO;
	if (strcmp(key, "sha256_96") == 0)
		return c->sha256_96;
	if (strcmp(key, "interface") == 0)
		return *c->interface;
	if (strcmp(key, "copy_dscp") == 0)
		return set && !(c->copy_dscp & KERN_DSCP_OUT);
	return strcmp(key, "tfc_padding") == 0 ? c->tfc_pad != 0 : set;
}

/* What this host lacks is no error of the configuration: the child stays out, everything else works. cap: what would help,
 * 0 nothing that could come while the daemon runs. */
PRINTF_LIKE(5, 6)
static void lack(struct build *b, struct conf_child *c, const struct conf_node *n, uint32_t cap, const char *fmt, ...)
{
	bool for_good = c->lacks && !c->lacks_caps;
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)conf_node_fail(n, n->kind == CONF_VALUE, b->remarks, E_NEEDS, "%s; without it child '%s' is left out, and the rest works",
		text, c->name ? c->name : "");
	c->lacks_caps = for_good || !cap ? 0 : c->lacks_caps | cap;
	if (!c->lacks && !(c->lacks = strdup(text)))
		note(b, E_NOMEM);
}

static void check_plane(struct build *b, const struct conf_node *sec, struct conf_child *c)
{
	const struct conf_can *can = b->can;
	static const uint32_t mode_caps[] = { [CONF_TRANSPORT] = KERN_CAP_TRANSPORT, [CONF_BEET] = KERN_CAP_BEET };
	const struct conf_node *n;

	if (!can->kern_known)
		return;
	for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
		n = conf_node_child(sec, needs[i].key);
		if (!(can->kern_caps & needs[i].cap) && needs_it(c, needs[i].key, conf_is_set(n)))
			lack(b, c, n ? n : sec, needs[i].cap, "'%s': the data plane that is loaded has no %s", needs[i].key,
				needs[i].what);
	}
	n = conf_node_child(sec, "ipcomp");
	if (c->ipcomp && !(can->kern_caps & KERN_CAP_IPCOMP))
		(void)conf_node_fail(n ? n : sec, n != NULL, b->remarks, E_NEEDS, "'ipcomp': the data plane that is loaded has no IPComp: "
			"load Linux's modules ipcomp and ipcomp6; until then child '%s' goes without compression", c->name ? c->name : "");
	if (c->ipcomp && c->mode == CONF_BEET)
		(void)conf_node_fail(n ? n : sec, n != NULL, b->remarks, E_NOT_SUPPORTED, "'ipcomp': no kernel has IPComp in BEET mode: "
			"child '%s' goes without compression", c->name ? c->name : "");
	n = conf_node_child(sec, "mode");
	if (n && c->mode < ARRAY_LEN(mode_caps) && mode_caps[c->mode] && !(can->kern_caps & mode_caps[c->mode]))
		lack(b, c, n, mode_caps[c->mode], "'mode' = '%s': the data plane that is loaded has no such mode", n->text);
	n = conf_node_child(sec, "replay_window");
	if (c->replay_window > can->max_replay_window)
		lack(b, c, n ? n : sec, 0, "'replay_window' = %u: the data plane that is loaded takes at most %u", c->replay_window,
			can->max_replay_window);
	n = conf_node_child(sec, "start_action");
	if (c->start_action & CONF_TRAP && c->mode < CONF_PASS && !(can->kern_caps & KERN_CAP_TRAP))
		lack(b, c, n ? n : sec, KERN_CAP_TRAP, "'start_action' = 'trap': the data plane that is loaded cannot wait for traffic");
}

/* Proposals the data plane does not carry are left out and remarked; a child without any other lacks them. */
static void read_props_of(struct build *b, const struct conf_node *sec, const struct conf_node *n, uint8_t proto,
	struct suite_list *l, struct conf_child *c)
{
	err_t e = conf_read_props(sec, n, proto, b->can->child, l, b->remarks, b->why);

	if (e == E_NEEDS)
		lack(b, c, n ? n : sec, 0, "'%s' has nothing the data plane that is loaded carries",
			proto == SUITE_AH ? "ah_proposals" : "esp_proposals");
	else
		note(b, e);
}

static void read_child_props(struct build *b, const struct conf_node *sec, struct conf_child *c)
{
	const struct conf_node *esp = conf_node_child(sec, "esp_proposals"), *ah = conf_node_child(sec, "ah_proposals");
	struct suite_list l = { 0 };

	if (conf_is_set(ah))
		read_props_of(b, sec, ah, SUITE_AH, &l, c);
	if (!conf_is_set(ah) || conf_is_set(esp))
		read_props_of(b, sec, esp, SUITE_ESP, &l, c);
	c->props = l.v;
	c->n_props = l.n;
}

/* An end before the rekey: traffic would stop each time. */
static void check_lives(struct build *b, const struct conf_node *sec, const struct conf_child *c)
{
	const struct {
		const char *life, *rekey;
		uint64_t life_v, rekey_v;
	} rows[] = {
		{ "life_time", "rekey_time", c->life_time_s, c->rekey_time_s },
		{ "life_bytes", "rekey_bytes", c->life_bytes, c->rekey_bytes },
		{ "life_packets", "rekey_packets", c->life_packets, c->rekey_packets },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct conf_node *life = conf_node_child(sec, rows[i].life), *rekey = conf_node_child(sec, rows[i].rekey);
		if (conf_is_set(life) && conf_is_set(rekey) && rows[i].life_v && rows[i].rekey_v && rows[i].life_v < rows[i].rekey_v)
			note(b, conf_node_fail(life, true, b->why, E_BAD_VALUE, "'%s' = '%s' is below '%s' = '%s': the child SA "
				"would end before it is rekeyed", life->name, life->kind == CONF_VALUE ? life->text : "", rekey->name,
				rekey->kind == CONF_VALUE ? rekey->text : ""));
	}
}

static void read_child(struct build *b, const struct conf_node *sec, const struct conf_conn *conn, struct conf_child *c)
{
	c->name = strdup(sec->name);
	if (!c->name)
		note(b, E_NOMEM);
	c->rekey_time_s = c->life_time_s = c->rand_time_s = UINT64_MAX;
	c->life_bytes = c->rand_bytes = c->life_packets = c->rand_packets = UINT64_MAX;
	c->if_id_in = conn->if_id_in;
	c->if_id_out = conn->if_id_out;
	note(b, conf_defaults(&conf_schema_child, c));
	note(b, conf_check(&conf_schema_child, sec, c, b->why));
	note(b, conf_read_ts(conf_node_child(sec, "local_ts"), &c->local_ts, &c->n_local_ts, b->why));
	note(b, conf_read_ts(conf_node_child(sec, "remote_ts"), &c->remote_ts, &c->n_remote_ts, b->why));
	if (!b->err)
		check_lives(b, sec, c);
	conf_derive_child(c);
	if (c->mode != CONF_PASS && c->mode != CONF_DROP)
		read_child_props(b, sec, c);
	else
		c->rekey_time_s = c->life_time_s = c->rand_time_s = 0;
	note(b, conf_read_fixed(sec, conn, c, b->why));
	check_plane(b, sec, c);
	const struct conf_node *start = conf_node_child(sec, "start_action");
	if (start && c->start_action & CONF_START && c->mode < CONF_PASS && conn->n_remote_addrs == 0)
		note(b, conf_node_fail(start, true, b->why, E_BAD_VALUE,
			"'start_action' = 'start' needs an address to call in "
			"remote_addrs of the connection"));
}

static void read_children(struct build *b, const struct conf_node *sec, struct conf_conn *c)
{
	const struct conf_node *all = conf_node_child(sec, "children");

	if (!all || all->kind != CONF_SECTION)
		return;
	if (all->n > CHILDREN_MAX) {
		note(b, conf_node_fail(all, false, b->why, E_LIMIT, "more than %d children", CHILDREN_MAX));
		return;
	}
	c->children = calloc((size_t)all->n + 1, sizeof *c->children);
	if (!c->children) {
		note(b, E_NOMEM);
		return;
	}
	for (const struct conf_node *n = all->first; n; n = n->next) {
		if (n->kind != CONF_SECTION) {
			note(b, conf_node_fail(n, false, b->why, E_BAD_VALUE,
				"'%s': a section with a child SA is expected here, "
				"'{' behind its name", n->name));
			continue;
		}
		struct conf_child *child = calloc(1, sizeof *child);
		if (!child) {
			note(b, E_NOMEM);
			return;
		}
		c->children[c->n_children++] = child;
		read_child(b, n, c, child);
	}
}

/* ---- authentication rounds -------------------------------------------------------------------------------------- */

static int64_t round_of(const struct conf_node *sec)
{
	const struct conf_node *n = conf_node_child(sec, "round");
	int64_t v = 0;

	return n && n->kind == CONF_VALUE && conf_value_int(slice_of(n->text, n->len), &v) == 0 ? v : 0;
}

static void read_rounds(struct build *b, const struct conf_node *sec, const char *prefix,
			const struct conf_schema *schema, struct conf_auth **out, uint16_t *n_out)
{
	const struct conf_node *rounds[ROUNDS_MAX];
	size_t n = 0, len = strlen(prefix);

	for (const struct conf_node *c = sec->first; c; c = c->next) {
		if (c->kind != CONF_SECTION || strncmp(c->name, prefix, len) != 0)
			continue;
		if (n == ROUNDS_MAX) {
			note(b, conf_node_fail(c, false, b->why, E_LIMIT, "more than %d rounds", ROUNDS_MAX));
			break;
		}
		size_t at = n++;
		for (; at > 0 && round_of(rounds[at - 1]) > round_of(c); at--)
			rounds[at] = rounds[at - 1];
		rounds[at] = c;
	}
	*out = calloc(n + 1, sizeof **out);
	if (!*out) {
		note(b, E_NOMEM);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct conf_auth *a = &(*out)[(*n_out)++];
		a->name = strdup(rounds[i]->name);
		if (!a->name)
			note(b, E_NOMEM);
		note(b, conf_check(schema, rounds[i], NULL, b->why));
		note(b, conf_read_auth(rounds[i], conf_node_child(rounds[i], "auth"), b->can, a, b->why));
		note(b, conf_read_id(conf_node_child(rounds[i], "id"), &a->id, b->why));
		note(b, conf_read_creds(sec->name, rounds[i], schema == &conf_schema_local, b->can, a, b->why));
	}
	if (n > 1)
		note(b, conf_node_fail(rounds[1], false, b->why, E_NOT_SUPPORTED,
			"several rounds of authentication are not "
			"supported yet (docs/ROADMAP.md: multiple authentication)"));
}

/* A connection whose children are all pass, drop or static never talks to anybody. */
static bool only_shunts(const struct conf_conn *c)
{
	for (uint16_t i = 0; i < c->n_children; i++)
		if (c->children[i]->mode != CONF_PASS && c->children[i]->mode != CONF_DROP && !c->children[i]->fixed.spi_in)
			return false;
	return c->n_children > 0;
}

/* ---- the connection ------------------------------------------------------------------------------------------- */

static void digest_add(uint8_t state[16], slice data)
{
	uint8_t other[16];
	uint64_t lo = siphash(state, data), hi;

	for (int i = 0; i < 16; i++)
		other[i] = state[i] ^ 0x5c;
	hi = siphash(other, data);
	memcpy(state, &lo, 8);
	memcpy(state + 8, &hi, 8);
}

static void digest_node(uint8_t state[16], const struct conf_node *n)
{
	uint32_t head[2] = { n->kind, n->kind == CONF_VALUE ? n->len : n->n };

	digest_add(state, slice_of(head, sizeof head));
	digest_add(state, slice_of(n->name, strlen(n->name)));
	if (n->kind == CONF_VALUE)
		digest_add(state, slice_of(n->text, n->len));
	else
		for (const struct conf_node *c = n->first; c; c = c->next)
			digest_node(state, c);
}

/* A file that has changed makes another connection of the same text. */
static void digest_creds(uint8_t state[16], const struct conf_auth *v, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		for (uint16_t k = 0; k < v[i].n_certs; k++)
			digest_add(state, slice_of(v[i].certs[k].p, v[i].certs[k].n));
		for (uint16_t k = 0; k < v[i].n_cacerts; k++)
			digest_add(state, slice_of(v[i].cacerts[k].p, v[i].cacerts[k].n));
		for (uint16_t k = 0; k < v[i].n_pubkeys; k++)
			digest_add(state, slice_of(v[i].pubkeys[k].p, v[i].pubkeys[k].n));
	}
}

/* Virtual addresses to ask for: a few addresses, zeros for any. */
static void check_vips(struct build *b, const struct conf_node *sec, const struct conf_conn *c)
{
	enum { VIPS = 4 };
	const struct conf_node *n = conf_node_child(sec, "vips");
	struct net_addr a;
	size_t i = 0;

	for (; n && c->vips && c->vips[i]; i++)
		if (net_addr_parse(c->vips[i], &a))
			note(b, conf_node_fail(n, true, b->why, E_BAD_VALUE, "'vips': '%s' is no address (0.0.0.0 and :: ask for any)",
				c->vips[i]));
	if (i > VIPS)
		note(b, conf_node_fail(n, true, b->why, E_LIMIT, "'vips': at most %d addresses can be asked for", VIPS));
}

/* It goes into a notify as it is. */
static err_t check_ppk(const struct conf_node *node, const struct conf_conn *c, struct diag **why)
{
	enum { PPK_ID_MAX = 255 };
	struct conf_id id = { 0 };
	err_t e = !c->ppk_id ? 0 : strlen(c->ppk_id) > PPK_ID_MAX ? E_LIMIT : conf_id_parse(c->ppk_id, &id);

	conf_id_fini(&id);
	return e ? conf_node_fail(node, true, why, e, "'ppk_id' = '%.80s' is no identity (a name of at most %d letters)", c->ppk_id,
		PPK_ID_MAX) : 0;
}

static err_t read_conn(const struct conf_node *sec, const struct conf_can *can, struct conf_conn *c, struct diag **why)
{
	struct build b = { can, why, &c->remarks, 0 };
	struct conf_daemon defaults;
	struct conf_addrs addrs = { 0 };
	struct suite_list props = { 0 };

	if (!can->daemon)
		conf_daemon_defaults(&defaults);
	c->retry = can->daemon ? can->daemon->retry : defaults.retry;
	c->rekey_time_s = c->over_time_s = c->rand_time_s = UINT64_MAX;
	c->name = strdup(sec->name);
	note(&b, c->name ? 0 : E_NOMEM);
	note(&b, conf_defaults(&conf_schema_conn, c));
	note(&b, conf_check(&conf_schema_conn, sec, c, why));
	check_vips(&b, sec, c);
	conf_derive_conn(c);

	note(&b, conf_read_addrs(conf_node_child(sec, "local_addrs"), &addrs, why));
	c->local_addrs = addrs.addrs;
	c->n_local_addrs = addrs.n_addrs;
	c->local_nets = addrs.nets;
	c->n_local_nets = addrs.n_nets;
	c->local_texts = addrs.texts;
	addrs = (struct conf_addrs){ 0 };
	note(&b, conf_read_addrs(conf_node_child(sec, "remote_addrs"), &addrs, why));
	c->remote_addrs = addrs.addrs;
	c->n_remote_addrs = addrs.n_addrs;
	c->remote_nets = addrs.nets;
	c->n_remote_nets = addrs.n_nets;
	c->remote_texts = addrs.texts;
	for (uint16_t i = 0; i < c->n_local_addrs; i++)
		c->local_addrs[i].port = c->local_port;
	for (uint16_t i = 0; i < c->n_remote_addrs; i++)
		c->remote_addrs[i].port = c->remote_port;

	note(&b, check_ppk(conf_node_child(sec, "ppk_id"), c, why));
	note(&b, conf_read_props(sec, conf_node_child(sec, "proposals"), SUITE_IKE, can->ike, &props, b.remarks, why));
	c->props = props.v;
	c->n_props = props.n;
	read_rounds(&b, sec, "local", &conf_schema_local, &c->local, &c->n_local);
	read_rounds(&b, sec, "remote", &conf_schema_remote, &c->remote, &c->n_remote);
	read_children(&b, sec, c);
	if (!b.err && !only_shunts(c) && (!c->n_local || !c->n_remote))
		note(&b, conf_node_fail(sec, false, why, E_BAD_VALUE,
			"'%s' has no section '%s': write %s { auth = psk ... }",
			sec->name, c->n_local ? "remote" : "local", c->n_local ? "remote" : "local"));
	note(&b, conf_read_vif(sec, can, c, why));
	digest_node(c->digest, sec);
	digest_add(c->digest, slice_of(&c->retry, sizeof c->retry));
	digest_creds(c->digest, c->local, c->n_local);
	digest_creds(c->digest, c->remote, c->n_remote);
	return b.err;
}

err_t conf_conn_from(const struct conf_node *sec, const struct conf_can *can, struct conf_conn **out, struct diag **why)
{
	struct conf_conn *c;

	*out = NULL;
	if (sec->kind != CONF_SECTION || !sec->name[0])
		return conf_node_fail(sec, false, why, E_BAD_VALUE, "'%s': a section with a connection is expected "
			"here, '{' "
			"behind its name", sec->name);
	c = calloc(1, sizeof *c);
	if (!c)
		return E_NOMEM;
	atomic_init(&c->refs, 1);
	err_t e = read_conn(sec, can, c, why);
	struct conf_packed source = { 0 };
	if (!e)
		e = conf_pack(sec, &source);
	c->source = source.p;
	c->source_n = source.n;
	if (e)
		conf_conn_unref(&c);
	else
		*out = c;
	return e;
}
