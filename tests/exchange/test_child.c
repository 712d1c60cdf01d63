/* SPDX-License-Identifier: Apache-2.0 */
/* Child SAs: negotiation and its refusals, traps and shunts, actions, commands. */
#include "ike/engine_int.h"
#include "tests/exchange/story.h"

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

static void selectors_refused(struct lab *lab)
{
	static struct conf_ts none;
	if (ts_parse("172.16.0.0/24", &none.sel))
		return;
	for (int k = 0; k < LAB_KIDS; k++)
		lab->n[1].kids[k].remote_ts = &none;
	cmd(lab, 0, IKE_CMD_INITIATE, 1, "c", "k");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 1) != 0 && answer(lab, 0, 1) != E_MISUSE);
	lab_converged(lab, 1, 0);
	cmd(lab, 0, IKE_CMD_INITIATE, 2, "c", "k2");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 2) != 0 && answer(lab, 0, 2) != E_MISUSE);
	lab_converged(lab, 1, 0);
}

static void proposals_refused(struct lab *lab)
{
	struct suite_list other = { 0 };
	if (suite_list_add(&other, NULL, SUITE_ESP, "chacha20poly1305", NULL))
		return;
	for (int k = 0; k < LAB_KIDS; k++) {
		lab->n[1].kids[k].props = other.v;
		lab->n[1].kids[k].n_props = other.n;
	}
	cmd(lab, 0, IKE_CMD_INITIATE, 1, "c", "k");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 1) != 0 && answer(lab, 0, 1) != E_MISUSE);
	cmd(lab, 0, IKE_CMD_INITIATE, 2, "c", "k2");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 2) != 0 && answer(lab, 0, 2) != E_MISUSE);
	lab_converged(lab, 1, 0);
	suite_list_fini(&other);
}

static bool has_by_now(void *arg, uint32_t caps)
{
	(void)arg;
	return caps == KERN_CAP_AH;
}

/* One side's host lacks what the child needs: refused with the sentence, in both roles; once it is there, it comes up. */
static void host_lacks(struct lab *lab)
{
	static char no_ah[] = "'ah_proposals': the data plane that is loaded has no AH";
	for (int node = 0; node < 2; node++) {
		for (int k = 0; k < LAB_KIDS; k++) {
			lab->n[node].kids[k].lacks = no_ah;
			lab->n[node].kids[k].lacks_caps = KERN_CAP_AH;
		}
		cmd(lab, 0, IKE_CMD_INITIATE, 10 + node, "c", "k");
		cmd(lab, 0, IKE_CMD_INITIATE, 20 + node, "c", "k2");
		cmd(lab, node, IKE_CMD_INSTALL, 30 + node, "c", "k4");
		lab_run(lab, 1000);
		CHECK(lab, node ? answer(lab, 0, 11) != 0 : answer(lab, 0, 10) == E_NEEDS);
		CHECK(lab, answer(lab, 0, 20 + node) != 0);
		CHECK(lab, answer(lab, node, 30 + node) == E_NEEDS);
		lab_converged(lab, node, 0);
		CHECK(lab, lab->n[node].n_pols == 0 && lab->n[node].n_sas == 0);
		lab->n[node].e->env.kern_has = has_by_now;
	}
	cmd(lab, 0, IKE_CMD_INITIATE, 1, "c", "k");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 1) == 0);
	lab_converged(lab, 1, 1);
}

/* Without extended sequence numbers there are 2^32 packets, whatever the cipher; the rekey comes before. */
static void sequence_numbers_end(struct lab *lab)
{
	struct suite_list cbc = { 0 };
	if (suite_list_add(&cbc, NULL, SUITE_ESP, "aes128-sha256", NULL))
		return;
	for (int i = 0; i < 2; i++) {
		lab->n[i].kids[0].props = cbc.v;
		lab->n[i].kids[0].n_props = cbc.n;
	}
	if (lab_up(lab))
		for (size_t i = 0; i < lab->n[0].n_sas; i++) {
			const struct kern_life *l = &lab->n[0].sas[i].sa.life;
			CHECK(lab, l->hard_packets == UINT32_MAX && l->soft_packets && l->soft_packets < l->hard_packets);
		}
	cmd(lab, 0, IKE_CMD_TERMINATE, 9, "c", NULL);
	lab_run(lab, 1000);
	suite_list_fini(&cbc);
}

/* The responder wants its own order: INVALID_KE_PAYLOAD, and the second try succeeds. */
static void other_key_exchange(struct lab *lab)
{
	struct suite_list other = { 0 };
	if (suite_list_add(&other, NULL, SUITE_ESP, "aes128gcm16-ecp256", NULL))
		return;
	for (int k = 0; k < LAB_KIDS; k++) {
		lab->n[1].kids[k].props = other.v;
		lab->n[1].kids[k].n_props = other.n;
	}
	if (lab_up(lab)) {
		cmd(lab, 0, IKE_CMD_REKEY, 2, NULL, "k");
		cmd(lab, 0, IKE_CMD_INITIATE, 3, "c", "k2");
		lab_run(lab, 10000);
		CHECK(lab, answer(lab, 0, 2) == 0);
		CHECK(lab, answer(lab, 0, 3) == 0);
		lab_converged(lab, 1, 2);
	}
	struct ike_child_view v = { 0 };
	CHECK(lab, first_child(lab, 0, &v) && v.ke == 19);
	cmd(lab, 0, IKE_CMD_TERMINATE, 9, "c", NULL);
	lab_run(lab, 1000);
	suite_list_fini(&other);
}

/* The peer's configuration was narrowed meanwhile: the new child has other selectors than the old one. */
static void selectors_change(struct lab *lab)
{
	static struct conf_ts narrow[2];
	struct ts_sel one;
	if (ts_parse("10.2.8.0/24", &narrow[0].sel) || ts_parse("10.2.9.0/24", &narrow[1].sel) ||
	    ts_parse("10.2.8.0/24", &one) || !lab_up(lab))
		return;
	lab->n[1].kids[0].local_ts = narrow;
	cmd(lab, 0, IKE_CMD_REKEY, 2, NULL, "k");
	lab_run(lab, 10000);
	CHECK(lab, answer(lab, 0, 2) == 0);
	lab_converged(lab, 1, 1);
	for (size_t i = 0; i < lab->n[0].n_pols; i++)
		CHECK(lab, ts_equal(&lab->n[0].pols[i].remote, &one));
	lab->n[1].kids[0].n_local_ts = 2;
	cmd(lab, 1, IKE_CMD_REKEY, 3, NULL, "k");
	lab_run(lab, 10000);
	CHECK(lab, answer(lab, 1, 3) == 0);
	for (int i = 0; i < 2; i++)
		CHECK(lab, lab->n[i].n_pols == 6 && lab->n[i].n_sas == 2);
}

static void other_mode(struct lab *lab)
{
	struct ike_child_view v = { 0 };
	lab->n[0].kids[0].mode = CONF_TRANSPORT;
	if (!lab_up(lab))
		return;
	for (int i = 0; i < 2; i++)
		CHECK(lab, first_child(lab, i, &v) && v.mode == KERN_TUNNEL);
	lab_converged(lab, 1, 1);
}

static void no_tfc_at_peer(struct lab *lab)
{
	lab->n[0].kids[0].tfc_pad = lab->n[1].kids[0].tfc_pad = 1000;
	lab->n[1].env.kern_caps = 0;
	ike_engine_free(lab->n[1].e);
	if (ike_engine_new(&lab->n[1].env, &lab->n[1].e) || !lab_up(lab))
		return;
	for (size_t i = 0; i < lab->n[0].n_sas; i++)
		CHECK(lab, lab->n[0].sas[i].sa.tfc_pad == 0);
	for (size_t i = 0; i < lab->n[1].n_sas; i++)
		CHECK(lab, lab->n[1].sas[i].sa.tfc_pad == 1000);
	cmd(lab, 0, IKE_CMD_REKEY, 2, "c", NULL);
	lab_run(lab, 1000);
	cmd(lab, 0, IKE_CMD_REKEY, 3, NULL, "k");
	lab_run(lab, 10000);
	for (size_t i = 0; i < lab->n[0].n_sas; i++)
		CHECK(lab, lab->n[0].sas[i].sa.tfc_pad == 0);
	lab_converged(lab, 1, 1);
}

/* The key exchange the IKE SA came up with is not the one it is to be rekeyed with. */
static void other_ike_key_exchange(struct lab *lab)
{
	struct suite_list other = { 0 }, none = { 0 };
	if (suite_list_add(&other, NULL, SUITE_IKE, "aes256gcm16-prfsha256-ecp256", NULL) ||
	    suite_list_add(&none, NULL, SUITE_IKE, "aes256gcm16-prfsha384-ecp384", NULL) || !lab_up(lab))
		return;
	struct suite_prop **v = lab->n[1].conn.props;
	uint16_t n = lab->n[1].conn.n_props;
	lab->n[1].conn.props = other.v;
	lab->n[1].conn.n_props = other.n;
	cmd(lab, 0, IKE_CMD_REKEY, 2, "c", NULL);
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 2) == 0);
	lab_converged(lab, 1, 1);
	lab->n[1].conn.props = none.v;
	lab->n[1].conn.n_props = none.n;
	cmd(lab, 0, IKE_CMD_REKEY, 3, "c", NULL);
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 3) != 0 && answer(lab, 0, 3) != E_MISUSE);
	lab_converged(lab, 1, 1);
	lab->n[1].conn.props = v;
	lab->n[1].conn.n_props = n;
	unsigned before = lab->n[0].events[IKE_EV_IKE_REKEY][0] + lab->n[0].events[IKE_EV_IKE_REKEY][1];
	lab_run(lab, 120000);
	CHECK(lab, lab->n[0].events[IKE_EV_IKE_REKEY][0] + lab->n[0].events[IKE_EV_IKE_REKEY][1] == before + 1);
	lab_converged(lab, 1, 1);
	suite_list_fini(&other);
	suite_list_fini(&none);
}

static void too_many_children(struct lab *lab)
{
	lab->n[1].daemon.max_children_per_ike = 2;
	if (!lab_up(lab))
		return;
	cmd(lab, 0, IKE_CMD_INITIATE, 2, "c", "k2");
	lab_run(lab, 1000);
	cmd(lab, 0, IKE_CMD_INITIATE, 3, "c", "k3");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 2) == 0);
	CHECK(lab, answer(lab, 0, 3) != 0 && answer(lab, 0, 3) != E_MISUSE);
	lab_converged(lab, 1, 2);
}

/* A command for a child that is up makes no second one, whoever set it up; one that was asked for meanwhile neither. */
static void up_already(struct lab *lab)
{
	if (!lab_up(lab))
		return;
	for (int node = 0; node < 2; node++) {
		cmd(lab, node, IKE_CMD_INITIATE, 2, "c", "k");
		lab_run(lab, 1000);
		CHECK(lab, answer(lab, node, 2) == E_EXISTS && strstr(lab_reply(lab, node, 2)->text, "'k' failed: k{1}"));
	}
	cmd(lab, 0, IKE_CMD_INITIATE, 3, "c", "k2");
	cmd(lab, 0, IKE_CMD_INITIATE, 4, "c", "k2");
	cmd(lab, 0, IKE_CMD_INITIATE, 5, "c", "k3");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 3) == 0 && answer(lab, 0, 4) == E_EXISTS && answer(lab, 0, 5) == 0);
	lab_converged(lab, 1, 3);
	cmd(lab, 0, IKE_CMD_TERMINATE, 6, NULL, "k2");
	lab_run(lab, 1000);
	cmd(lab, 0, IKE_CMD_INITIATE, 7, "c", "k2");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 7) == 0);
	lab_converged(lab, 1, 3);
}

/* Who does not wait is told at once what was begun, and a name that nobody has is an error all the same. */
static void not_waited_for(struct lab *lab)
{
	lab_do(lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 1, .ike = "c", .child = "k", .no_wait = true });
	CHECK(lab, answer(lab, 0, 1) == 0);
	lab_do(lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 2, .ike = "x", .no_wait = true });
	CHECK(lab, answer(lab, 0, 2) == E_NOT_FOUND);
	lab_run(lab, 1000);
	lab_converged(lab, 1, 1);
	lab_do(lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 3, .ike = "c", .no_wait = true });
	CHECK(lab, answer(lab, 0, 3) == 0 && lab_reply(lab, 0, 3)->matches == 1);
	lab_run(lab, 1000);
	lab_converged(lab, 0, 0);
	lab_do(lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 4, .ike = "c", .no_wait = true });
	CHECK(lab, answer(lab, 0, 4) == E_NOT_FOUND);
}

/* A peer that makes one child per IKE SA only: a new IKE SA with a new child takes over. */
static void no_rekey_at_peer(struct lab *lab)
{
	struct ike_child_view before = { 0 }, after = { 0 };
	if (!lab_up(lab) || !first_child(lab, 0, &before))
		return;
	lab->no_gap = true;
	lab->n[1].daemon.max_children_per_ike = 0;
	cmd(lab, 0, IKE_CMD_REKEY, 2, NULL, "k");
	lab_deliver(lab, 0);
	lab->n[1].daemon.max_children_per_ike = 10;
	lab->no_gap = false; /* the old IKE SA takes its child along */
	lab_run(lab, 60000);
	CHECK(lab, answer(lab, 0, 2) != E_MISUSE);
	lab_converged(lab, 1, 1);
	CHECK(lab, first_child(lab, 0, &after) && after.spi_in != before.spi_in && after.reqid == before.reqid);
}

/* ---- traps, shunts, actions -------------------------------------------------------------------------------------- */

static void acquire(struct lab *lab, int node, uint64_t cookie)
{
	struct kern_event ev = { .type = KERN_EV_ACQUIRE, .dir = KERN_OUT, .proto = 50, .cookie = cookie };
	if (ts_parse(node ? "10.2.0.7/32[udp/5353]" : "10.1.0.7/32[udp/5353]", &ev.local) ||
	    ts_parse(node ? "10.1.0.9/32[udp/53]" : "10.2.0.9/32[udp/53]", &ev.remote))
		return;
	lab_kern_event(lab, node, &ev);
}

static unsigned traps(const struct lab *lab, int node)
{
	unsigned n = 0;
	for (size_t i = 0; i < lab->n[node].n_pols; i++)
		n += lab->n[node].pols[i].action == KERN_TRAP;
	return n;
}

static uint64_t trap_cookie(const struct lab *lab, int node)
{
	for (size_t i = 0; i < lab->n[node].n_pols; i++)
		if (lab->n[node].pols[i].action == KERN_TRAP)
			return lab->n[node].pols[i].cookie;
	return 0;
}

static void trap(struct lab *lab)
{
	struct ike_child_view v = { 0 };
	cmd(lab, 0, IKE_CMD_INSTALL, 1, "c", "k");
	CHECK(lab, answer(lab, 0, 1) == 0);
	CHECK(lab, traps(lab, 0) == 1);
	cmd(lab, 0, IKE_CMD_INSTALL, 2, "c", "k");
	CHECK(lab, answer(lab, 0, 2) == 0);
	CHECK(lab, traps(lab, 0) == 1);
	for (int i = 0; i < 3; i++)
		acquire(lab, 0, trap_cookie(lab, 0));
	lab_run(lab, 1000);
	CHECK(lab, lab_children(lab, 0, "INSTALLED") == 1);
	CHECK(lab, lab_children(lab, 1, "INSTALLED") == 1);
	CHECK(lab, traps(lab, 0) == 1);
	/* Trap and tunnel share the reqid: the trap's packets find the tunnel. */
	CHECK(lab, first_child(lab, 0, &v));
	for (size_t i = 0; i < lab->n[0].n_pols; i++)
		CHECK(lab, lab->n[0].pols[i].reqid == v.reqid);
	cmd(lab, 0, IKE_CMD_UNINSTALL, 3, "c", "k");
	CHECK(lab, answer(lab, 0, 3) == 0);
	lab_converged(lab, 1, 1);
	cmd(lab, 0, IKE_CMD_UNINSTALL, 4, "c", "k");
	CHECK(lab, answer(lab, 0, 4) == E_NOT_FOUND);
	cmd(lab, 0, IKE_CMD_INSTALL, 5, "c", "nothing");
	CHECK(lab, answer(lab, 0, 5) == E_NOT_FOUND);
}

static void shunts(struct lab *lab)
{
	lab->n[0].kids[1].mode = CONF_PASS;
	lab->n[0].kids[3].mode = CONF_DROP;
	cmd(lab, 0, IKE_CMD_INSTALL, 1, "c", "k2");
	cmd(lab, 0, IKE_CMD_INSTALL, 2, "c", "k4");
	CHECK(lab, lab->n[0].n_pols == 6);
	struct arena a;
	uint32_t cursor = 0;
	unsigned n = 0;
	arena_init(&a, 1 << 16);
	for (const struct ike_policy_view *v; (v = ike_policy_next(lab->n[0].e, &cursor, &a)); n++)
		CHECK(lab, !v->trap && v->n_local_ts == 1);
	CHECK(lab, n == 2);
	arena_fini(&a);
	lab->n[0].conn.n_children = 2; /* k4 vanishes from the configuration */
	lab_conf_changed(lab, 0);
	CHECK(lab, lab->n[0].n_pols == 3);
	cmd(lab, 0, IKE_CMD_UNINSTALL, 3, "c", "k2");
	CHECK(lab, lab->n[0].n_pols == 0);
}

/* SAs with keys of the configuration stand with their policies, and nobody asks the peer. */
static void static_pair(struct lab *lab)
{
	struct conf_child *k = &lab->n[0].kids[1];
	static const uint8_t keys[72] = { 1, 2, 3 };
	k->fixed = (struct conf_fixed){ .spi_in = 0x2001, .spi_out = 0x2002, .encr_len = 16, .integ_len = 20,
		.suite = { .proto = SUITE_ESP, .encr = 12, .encr_bits = 128, .integ = 2 } };
	if (secret_copy(&k->fixed.keys, slice_of(keys, sizeof keys)))
		return;
	cmd(lab, 0, IKE_CMD_INSTALL, 1, "c", "k2");
	CHECK(lab, answer(lab, 0, 1) == 0);
	CHECK(lab, lab->n[0].n_pols == 3 && lab->n[0].n_sas == 2 && lab->n_msgs == 0);
	for (size_t i = 0; i < lab->n[0].n_sas; i++) {
		const struct kern_sa *s = &lab->n[0].sas[i].sa;
		CHECK(lab, s->spi == (s->dir == KERN_OUT ? 0x2002u : 0x2001u) && s->encr_id == 12 && s->integ_id == 2 && s->reqid);
		CHECK(lab, s->life.hard_s == 0 && s->life.hard_packets == 0);
	}
	struct arena a;
	uint32_t cursor = 0;
	arena_init(&a, 1 << 16);
	const struct ike_policy_view *v = ike_policy_next(lab->n[0].e, &cursor, &a);
	CHECK(lab, v && !v->trap);
	arena_fini(&a);
	cmd(lab, 0, IKE_CMD_INITIATE, 2, "c", "k2");
	CHECK(lab, answer(lab, 0, 2) == E_MISUSE);
	/* The peer's request is not answered with it. */
	cmd(lab, 1, IKE_CMD_INITIATE, 3, "c", "k2");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 1, 3) != 0);
	cmd(lab, 0, IKE_CMD_UNINSTALL, 4, "c", "k2");
	CHECK(lab, lab->n[0].n_pols == 0 && lab->n[0].n_sas == 0);
	cmd(lab, 0, IKE_CMD_INSTALL, 5, "c", "k2");
	CHECK(lab, answer(lab, 0, 5) == 0 && lab->n[0].n_sas == 2);
	cmd(lab, 0, IKE_CMD_UNINSTALL, 6, "c", "k2");
	secret_fini(&k->fixed.keys);
	k->fixed.spi_in = 0;
}

static void close_action(struct lab *lab)
{
	lab->n[0].kids[0].close_action = CONF_START;
	lab->n[1].kids[0].close_action = CONF_TRAP;
	if (!lab_up(lab))
		return;
	/* Not for what is asked for on this side … */
	cmd(lab, 0, IKE_CMD_TERMINATE, 2, NULL, "k");
	lab_run(lab, 1000);
	CHECK(lab, lab_children(lab, 0, NULL) == 0);
	CHECK(lab, traps(lab, 1) == 1);
	cmd(lab, 1, IKE_CMD_UNINSTALL, 3, "c", "k");
	/* … but for what the peer does. */
	cmd(lab, 0, IKE_CMD_INITIATE, 4, "c", "k");
	lab_run(lab, 1000);
	cmd(lab, 1, IKE_CMD_TERMINATE, 5, NULL, "k");
	lab_run(lab, 1000);
	lab_converged(lab, 1, 1);
}

static void dpd_action(struct lab *lab)
{
	lab->n[0].kids[0].dpd_action = CONF_DPD_TRAP;
	lab->n[0].conn.dpd_delay_s = 10;
	if (!lab_up(lab))
		return;
	for (int i = 0; i < 600; i++) {
		lab_pass(lab, 1000);
		while (lab->n_msgs)
			lab_drop(lab, 0);
	}
	CHECK(lab, lab_ikes(lab, 0, NULL) == 0);
	CHECK(lab, traps(lab, 0) == 1);
	acquire(lab, 0, trap_cookie(lab, 0));
	lab_run(lab, 1000);
	CHECK(lab, lab_children(lab, 0, "INSTALLED") == 1);
}

static void transport_behind_nat(struct lab *lab)
{
	static struct conf_ts dynamic = { .dynamic = true, .sel = { .port_hi = 65535 } };
	for (int i = 0; i < 2; i++) {
		struct conf_child *k = &lab->n[i].kids[0];
		k->mode = CONF_TRANSPORT;
		k->local_ts = k->remote_ts = &dynamic;
	}
	lab->nat = true;
	cmd(lab, 0, IKE_CMD_INITIATE, 1, "c", "k");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 1) == 0);
	struct ike_child_view v = { 0 };
	for (int i = 0; i < 2; i++)
		CHECK(lab, first_child(lab, i, &v) && v.mode == KERN_TRANSPORT && v.encap);
	CHECK(lab, lab->n[1].n_pols == 2 && lab->n[0].n_pols == 2);
	for (size_t i = 0; i < lab->n[1].n_pols; i++)
		CHECK(lab, lab->n[1].pols[i].remote.lo[0] == 203);
	for (size_t i = 0; i < lab->n[0].n_pols; i++)
		CHECK(lab, lab->n[0].pols[i].remote.lo[0] == 192 && lab->n[0].pols[i].local.lo[3] == 1);
}

/* The NAT of the peer gives it another port: what is sent follows it. */
static void mapping(struct lab *lab)
{
	struct ike_child_view v = { 0 };
	lab->nat = true;
	if (!lab_up(lab) || !first_child(lab, 1, &v))
		return;
	struct kern_event ev = {
		.type = KERN_EV_MAPPING, .dir = KERN_IN, .proto = 50, .spi = v.spi_in, .cookie = v.spi_in
	};
	if (net_addr_parse("203.0.113.77", &ev.peer))
		return;
	ev.peer.port = 34567;
	lab_kern_event(lab, 1, &ev);
	for (size_t i = 0; i < lab->n[1].n_sas; i++) {
		const struct kern_sa *s = &lab->n[1].sas[i].sa;
		CHECK(lab, (s->dir == KERN_OUT ? s->dst : s->src).port == 34567);
	}
	CHECK(lab, lab->n[1].n_pols == 3);
	CHECK(lab, lab->n[1].events[IKE_EV_IKE_UPDATE][0] + lab->n[1].events[IKE_EV_IKE_UPDATE][1] == 1);
}

static void bad_installs(struct lab *lab)
{
	static struct conf_ts dynamic = { .dynamic = true, .sel = { .port_hi = 65535 } };
	lab->n[0].kids[0].local_ts = &dynamic;
	lab->n[0].conn.n_local_addrs = 0;
	cmd(lab, 0, IKE_CMD_INSTALL, 1, "c", "k");
	CHECK(lab, answer(lab, 0, 1) == E_BAD_VALUE);
	lab->n[0].conn.n_remote_addrs = 0;
	cmd(lab, 0, IKE_CMD_INSTALL, 2, "c", "k2");
	CHECK(lab, answer(lab, 0, 2) == E_BAD_VALUE);
	CHECK(lab, lab->n[0].n_pols == 0);
}

static void reauthenticate(struct lab *lab)
{
	struct ike_child_view before = { 0 }, after = { 0 };
	lab->n[0].daemon.make_before_break = true;
	if (!lab_up(lab) || !first_child(lab, 0, &before))
		return;
	lab_do(lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 2, .ike = "c", .reauth = true });
	lab_run(lab, 20000);
	CHECK(lab, answer(lab, 0, 2) == 0);
	lab_converged(lab, 1, 1);
	CHECK(lab, first_child(lab, 0, &after) && after.spi_in != before.spi_in && after.reqid == before.reqid);
}

static void force(struct lab *lab)
{
	if (!lab_up(lab))
		return;
	lab_do(lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 2, .child = "k", .force = true });
	CHECK(lab, answer(lab, 0, 2) == 0);
	CHECK(lab, lab->n[0].n_sas == 0);
	lab_run(lab, 1000);
	lab_converged(lab, 1, 0);
}

static void shutdown_leaves_nothing(struct lab *lab)
{
	if (!lab_up(lab))
		return;
	cmd(lab, 0, IKE_CMD_INSTALL, 2, "c", "k2");
	lab_shutdown(lab, 0);
	lab_run(lab, 1000);
	CHECK(lab, ike_idle(lab->n[0].e));
	lab_converged(lab, 0, 0);
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static const struct story tests[] = {
	{ "traffic selectors refused", selectors_refused, false, false },
	{ "proposals refused", proposals_refused, false, false },
	{ "sequence numbers end", sequence_numbers_end, false, false },
	{ "what the host lacks", host_lacks, false, false },
	{ "another key exchange method is asked for", other_key_exchange, true, true },
	{ "selectors that change with a rekeying", selectors_change, false, false },
	{ "transport mode is not wanted", other_mode, false, false },
	{ "TFC padding is not wanted", no_tfc_at_peer, false, false },
	{ "another key exchange method for the IKE SA", other_ike_key_exchange, true, false },
	{ "too many children", too_many_children, false, false },
	{ "a child that is up already", up_already, false, false },
	{ "commands nobody waits for", not_waited_for, false, false },
	{ "no further child at the peer", no_rekey_at_peer, false, false },
	{ "trap", trap, false, false },
	{ "shunts", shunts, false, false },
	{ "a static pair", static_pair, false, false },
	{ "close action", close_action, false, false },
	{ "DPD action", dpd_action, false, false },
	{ "transport mode behind a NAT", transport_behind_nat, false, false },
	{ "a new mapping of the peer's NAT", mapping, false, false },
	{ "what cannot be installed", bad_installs, false, false },
	{ "re-authentication, make before break", reauthenticate, false, false },
	{ "terminate by force", force, false, false },
	{ "shutdown", shutdown_leaves_nothing, false, false },
};

int main(int argc, char **argv)
{
	return stories_run(tests, ARRAY_LEN(tests), argc, argv);
}
