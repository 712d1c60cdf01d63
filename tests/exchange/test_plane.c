/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What child SAs ask of the data plane beyond keys: IPComp (RFC 7296 section 2.22), and the reqid of a policy that an
 * earlier run has left.
 */
#include "ike/child_int.h"
#include "tests/exchange/story.h"

/* A node with other capabilities of its data plane, or other answers of it, is a new engine. */
static bool again(struct lab *lab, int node)
{
	ike_engine_free(lab->n[node].e);
	lab->n[node].e = NULL;
	return ike_engine_new(&lab->n[node].env, &lab->n[node].e) == 0;
}

/* ---- IPComp ------------------------------------------------------------------------------------------------------ */

static bool ipcomp(struct lab *lab, bool want_a, bool want_b, bool can_a, bool can_b)
{
	const bool want[] = { want_a, want_b }, can[] = { can_a, can_b };

	for (int i = 0; i < 2; i++) {
		lab->n[i].kids[0].ipcomp = want[i];
		if (can[i])
			lab->n[i].env.kern_caps |= KERN_CAP_IPCOMP;
		if (!again(lab, i))
			return false;
	}
	return true;
}

static const struct kern_sa *newest(const struct lab_node *n, uint8_t dir)
{
	const struct lab_sa *best = NULL;

	for (size_t i = 0; i < n->n_sas; i++)
		if (n->sas[i].sa.dir == dir && (!best || n->sas[i].serial > best->serial))
			best = &n->sas[i];
	return best ? &best->sa : NULL;
}

/* The newest pair: what one side sends with, the other receives with. */
static bool compressed(struct lab *lab)
{
	for (int i = 0; i < 2; i++) {
		const struct kern_sa *out = newest(&lab->n[i], KERN_OUT), *in = newest(&lab->n[!i], KERN_IN);
		if (!out || !in || out->cpi != in->cpi || out->cpi < 256 || out->cpi > 61439)
			return false;
		for (size_t p = 0; p < lab->n[i].n_pols; p++)
			if (!lab->n[i].pols[p].ipcomp)
				return false;
	}
	return true;
}

static bool plain(struct lab *lab)
{
	for (int i = 0; i < 2; i++) {
		for (size_t s = 0; s < lab->n[i].n_sas; s++)
			if (lab->n[i].sas[s].sa.cpi)
				return false;
		for (size_t p = 0; p < lab->n[i].n_pols; p++)
			if (lab->n[i].pols[p].ipcomp)
				return false;
	}
	return true;
}

static void ipcomp_both(struct lab *lab)
{
	if (!ipcomp(lab, true, true, true, true) || !lab_up(lab))
		return;
	CHECK(lab, compressed(lab));
	for (int node = 0; node < 2; node++) {
		uint16_t was = newest(&lab->n[0], KERN_OUT)->cpi;
		cmd(lab, node, IKE_CMD_REKEY, 2 + (unsigned)node, NULL, "k");
		lab_run(lab, 20000);
		CHECK(lab, answer(lab, node, 2 + (unsigned)node) == 0);
		CHECK(lab, compressed(lab) && newest(&lab->n[0], KERN_OUT)->cpi != was);
		lab_converged(lab, 1, 1);
	}
}

/* CPIs are given back: with the child, and when the negotiation fails. */
static void ipcomp_gives_back(struct lab *lab)
{
	if (!ipcomp(lab, true, true, true, true))
		return;
	for (unsigned i = 0; i < 5; i++) {
		cmd(lab, 0, IKE_CMD_INITIATE, 10 + i, "c", "k");
		lab_run(lab, 1000);
		lab->n[i & 1].kern_fail = i < 3;
		cmd(lab, 0, IKE_CMD_REKEY, 20 + i, NULL, "k");
		lab_run(lab, 20000);
		cmd(lab, 0, IKE_CMD_TERMINATE, 30 + i, "c", NULL);
		lab_run(lab, 20000);
		lab->n[0].kern_fail = lab->n[1].kern_fail = 0;
		lab_converged(lab, 0, 0);
		for (int n = 0; n < 2; n++)
			CHECK(lab, htab_count(lab->n[n].e->children->by_spi) == 0);
		lab->n[0].n_replies = lab->n[1].n_replies = 0;
	}
}

static void ipcomp_asked_alone(struct lab *lab)
{
	if (ipcomp(lab, true, false, true, true) && lab_up(lab))
		CHECK(lab, plain(lab));
}

static void ipcomp_not_asked(struct lab *lab)
{
	if (ipcomp(lab, false, true, true, true) && lab_up(lab))
		CHECK(lab, plain(lab));
}

static void ipcomp_peer_cannot(struct lab *lab)
{
	if (ipcomp(lab, true, true, true, false) && lab_up(lab))
		CHECK(lab, plain(lab));
}

/* ---- an earlier run ---------------------------------------------------------------------------------------------- */

enum { LEFT = 33, FIRST = 40 };
static struct ts_sel left_remote;
static bool left;

static uint32_t left_reqid_of(void *arg, const struct kern_policy *p)
{
	(void)arg;
	return left && ts_equal(&p->remote, &left_remote) ? LEFT : 0;
}

/* Of node 0 a policy of child "k" is still in the kernel. */
static bool leave(struct lab *lab, int node)
{
	left = true;
	left_remote = lab->n[node].kids[0].remote_ts[0].sel;
	lab->n[node].env.kern_left_reqid = left_reqid_of;
	lab->n[node].env.kern_first_reqid = FIRST;
	return again(lab, node);
}

static void takes_the_reqid(struct lab *lab)
{
	if (!leave(lab, 0))
		return;
	CHECK(lab, ike_left_behind(lab->n[0].e, &lab->n[0].conn, &lab->n[0].kids[0]));
	CHECK(lab, !ike_left_behind(lab->n[0].e, &lab->n[0].conn, &lab->n[0].kids[1]));
	if (!lab_up(lab))
		return;
	left = false; /* it was taken over */
	CHECK(lab, newest(&lab->n[0], KERN_OUT)->reqid == LEFT && newest(&lab->n[0], KERN_IN)->reqid == LEFT);
	for (size_t i = 0; i < lab->n[0].n_pols; i++)
		CHECK(lab, lab->n[0].pols[i].reqid == LEFT);
	cmd(lab, 1, IKE_CMD_REKEY, 2, NULL, "k");
	lab_run(lab, 20000);
	CHECK(lab, newest(&lab->n[0], KERN_OUT)->reqid == LEFT);
	/* Another one does not come near those that were left. */
	cmd(lab, 0, IKE_CMD_INITIATE, 3, "c", "k2");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 3) == 0);
	CHECK(lab, newest(&lab->n[0], KERN_OUT)->reqid >= FIRST);
	cmd(lab, 0, IKE_CMD_TERMINATE, 4, NULL, "k");
	lab_run(lab, 10000);
	cmd(lab, 0, IKE_CMD_INITIATE, 5, "c", "k");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 5) == 0);
	CHECK(lab, newest(&lab->n[0], KERN_OUT)->reqid != LEFT && newest(&lab->n[0], KERN_OUT)->reqid >= FIRST);
	lab_converged(lab, 1, 2);
}

/* A data plane with few of them: what went is given again, what stands is passed over. */
static void reqids_again(struct lab *lab)
{
	lab->n[0].env.kern_first_reqid = 5;
	lab->n[0].env.kern_last_reqid = 7;
	if (!again(lab, 0) || !lab_up(lab))
		return;
	uint32_t kept = newest(&lab->n[0], KERN_OUT)->reqid, seen = 0;
	for (unsigned i = 0; i < 9; i++) {
		cmd(lab, 0, IKE_CMD_INITIATE, 100 + i, "c", "k2");
		lab_run(lab, 1000);
		uint32_t id = newest(&lab->n[0], KERN_OUT)->reqid;
		CHECK(lab, answer(lab, 0, 100 + i) == 0 && id >= 5 && id <= 7 && id != kept);
		seen |= 1u << id;
		cmd(lab, 0, IKE_CMD_TERMINATE, 200 + i, NULL, "k2");
		lab_run(lab, 10000);
	}
	CHECK(lab, seen == ((7u << 5) & ~(1u << kept)));
	cmd(lab, 0, IKE_CMD_INSTALL, 2, "c", "k3");
	cmd(lab, 0, IKE_CMD_INSTALL, 3, "c", "k4");
	CHECK(lab, answer(lab, 0, 2) == 0 && answer(lab, 0, 3) == 0);
	cmd(lab, 0, IKE_CMD_INITIATE, 4, "c", "k2");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 4) != 0);
	cmd(lab, 0, IKE_CMD_UNINSTALL, 5, "c", "k3");
	cmd(lab, 0, IKE_CMD_INITIATE, 6, "c", "k2");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 6) == 0);
	cmd(lab, 0, IKE_CMD_UNINSTALL, 7, "c", "k4");
	lab_converged(lab, 1, 2);
}

static void takes_the_reqid_answering(struct lab *lab)
{
	if (!leave(lab, 1) || !lab_up(lab))
		return;
	CHECK(lab, newest(&lab->n[1], KERN_OUT)->reqid == LEFT);
	lab_converged(lab, 1, 1);
}

static void configured_reqid(struct lab *lab)
{
	lab->n[0].kids[0].reqid = 77;
	if (!leave(lab, 0) || !lab_up(lab))
		return;
	CHECK(lab, newest(&lab->n[0], KERN_OUT)->reqid == 77);
}

static const struct story tests[] = {
	{ "IPComp, and rekeyings", ipcomp_both, false, false },
	{ "IPComp: CPIs are given back", ipcomp_gives_back, false, false },
	{ "IPComp that the peer does not want", ipcomp_asked_alone, false, false },
	{ "IPComp that we do not want", ipcomp_not_asked, false, false },
	{ "IPComp that the peer's data plane has not", ipcomp_peer_cannot, false, false },
	{ "the reqid of an earlier run's policy", takes_the_reqid, false, false },
	{ "request ids are given again", reqids_again, false, false },
	{ "the same for the one who answers", takes_the_reqid_answering, false, false },
	{ "a reqid of the configuration comes first", configured_reqid, false, false },
};

int main(int argc, char **argv)
{
	return stories_run(tests, ARRAY_LEN(tests), argc, argv);
}
