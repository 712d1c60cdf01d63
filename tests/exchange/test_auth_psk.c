/* SPDX-License-Identifier: Apache-2.0 */
/* Authentication by shared secrets and identities, and uniqueness: what becomes of the older IKE SA of a peer. */
#include "tests/exchange/one_lab.h"

static bool other_psk(void *arg, const struct conf_psk_ask *ask, struct conf_psk *out)
{
	(void)arg, (void)ask;
	*out = (struct conf_psk){ .data = SLICE_LIT("not the secret of the laboratory"), .name = "lab" };
	return true;
}

static bool no_psk(void *arg, const struct conf_psk_ask *ask, struct conf_psk *out)
{
	(void)arg, (void)ask;
	(void)out;
	return false;
}

/* ---- authentication ------------------------------------------------------------------------------------------------------- */

static void wrong_psk(void)
{
	lab.n[1].e->env.psk = other_psk;
	initiate(0, 1);
	lab_run(&lab, 5000);
	const struct lab_reply *r = lab_reply(&lab, 0, 1);
	CHECK(r && r->err && strstr(r->text, "AUTHENTICATION_FAILED"), "AUTHENTICATION_FAILED is not told: %s", r ? r->text : "no reply");
	CHECK(lab.n[1].events[IKE_EV_ALERT][0] == 1, "no alert of the responder");
	lab_converged(&lab, 0, 0);
}

/* A secret for each way: node 0 proves itself with the first. Who called may look by host names, who was called may not. */
static bool two_psks(void *arg, const struct conf_psk_ask *ask, struct conf_psk *out)
{
	static const slice v[2] = { SLICE_LIT("what the initiator has to show"), SLICE_LIT("what the responder has to show") };
	int me = arg == &lab.n[1];

	CHECK(ask->addr && (ask->hosts != NULL) == (me == 0 && lab.n[0].conn.remote_texts), "the look-up of node %d is not that of its role", me);
	CHECK(ask->peer_type == 2 && ask->my_type == 2, "the look-up of node %d is without identities", me);
	*out = (struct conf_psk){ .data = v[ask->of_peer ? !me : me], .name = "two" };
	return true;
}

static void asymmetric_psk(void)
{
	lab.n[0].e->env.psk = lab.n[1].e->env.psk = two_psks;
	initiate(0, 1);
	lab_run(&lab, 5000);
	CHECK(reply_err(0, 1) == 0, "it did not come up");
	lab_converged(&lab, 1, 1);
}

static void no_secret(void)
{
	lab.n[0].e->env.psk = no_psk;
	initiate(0, 1);
	CHECK(lab.n_msgs == 0, "the exchange began without a secret");
	lab_run(&lab, 5000);
	CHECK(reply_err(0, 1) == E_NO_SECRET, "the missing secret is not told");
	lab_run(&lab, 31000);
	lab_converged(&lab, 0, 0);
}

static void wrong_id(void)
{
	static struct conf_auth other;
	static uint8_t id[] = "c.test";

	other = lab.n[0].conn.remote[0];
	other.id = (struct conf_id){ 2, 6, id };
	lab.n[0].conn.remote = &other;
	initiate(0, 1);
	lab_run(&lab, 5000);
	CHECK(reply_err(0, 1) != 0 && reply_err(0, 1) != E_AGAIN, "another identity was accepted");
	lab_converged(&lab, 0, 0);
	/* Without IDr in the request it is the initiator who refuses, and tells it. */
	other.id = (struct conf_id){ 2, 6, (uint8_t *)"*.nett" };
	initiate(0, 2);
	lab_run(&lab, 5000);
	CHECK(reply_err(0, 2) == E_AUTH_FAILED, "an identity outside the wildcard was accepted");
	lab_run(&lab, 1000);
	lab_converged(&lab, 0, 0);
}

static void any_id(void)
{
	static struct conf_auth other;

	other = lab.n[1].conn.remote[0];
	other.id = (struct conf_id){ 0 };
	lab.n[1].conn.remote = &other;
	CHECK(lab_up(&lab), "no tunnel with remote id %%any");
	lab_converged(&lab, 1, 1);
}

/* ---- uniqueness ---------------------------------------------------------------------------------------------------------- */

/* A has lost everything and comes again. */
static void restart_a(void)
{
	while (lab.n_msgs)
		lab_drop(&lab, 0);
	ike_engine_free(lab.n[0].e);
	fx_reset(&lab.n[0].fx);
	lab.n[0].n_sas = lab.n[0].n_pols = 0;
	CHECK(ike_engine_new(&lab.n[0].env, &lab.n[0].e) == 0, "no new engine");
}

static void initial_contact(void)
{
	CHECK(lab_up(&lab), "no tunnel");
	restart_a();
	initiate(0, 2);
	lab_run(&lab, 1000);
	CHECK(reply_err(0, 2) == 0, "no tunnel after the restart");
	lab_converged(&lab, 1, 1);
}

static void unique_never(void)
{
	lab.n[1].conn.unique = CONF_UNIQUE_NEVER;
	CHECK(lab_up(&lab), "no tunnel");
	restart_a();
	initiate(0, 2);
	lab_run(&lab, 1000);
	CHECK(lab_ikes(&lab, 1, "ESTABLISHED") == 2, "INITIAL_CONTACT was not ignored");
}

static void unique_keep(void)
{
	lab.n[1].conn.unique = CONF_UNIQUE_KEEP;
	lab.n[0].conn.unique = CONF_UNIQUE_NEVER; /* sends no INITIAL_CONTACT */
	CHECK(lab_up(&lab), "no tunnel");
	restart_a();
	initiate(0, 2);
	lab_run(&lab, 1000);
	CHECK(reply_err(0, 2) != 0, "a second SA was accepted");
	CHECK(lab_ikes(&lab, 1, "ESTABLISHED") == 1, "the first SA was not kept");
}

static void unique_replace(void)
{
	lab.n[1].conn.unique = CONF_UNIQUE_REPLACE;
	lab.n[0].conn.unique = CONF_UNIQUE_NEVER;
	lab.n[0].daemon.retry.tries = lab.n[1].conn.retry.tries = 1;
	CHECK(lab_up(&lab), "no tunnel");
	restart_a();
	initiate(0, 2);
	lab_run(&lab, 60000);
	CHECK(reply_err(0, 2) == 0, "no second SA");
	lab_converged(&lab, 1, 1);
}

static const struct lab_test tests[] = {
	{ "another shared secret", wrong_psk },
	{ "no shared secret", no_secret },
	{ "one shared secret for each way", asymmetric_psk },
	{ "another identity", wrong_id },
	{ "any identity", any_id },
	{ "INITIAL_CONTACT after a restart", initial_contact },
	{ "unique = never", unique_never },
	{ "unique = keep", unique_keep },
	{ "unique = replace", unique_replace },
};

int main(int argc, char **argv)
{
	return lab_tests_run(tests, ARRAY_LEN(tests), 0, argc, argv);
}
