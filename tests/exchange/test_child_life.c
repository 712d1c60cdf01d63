/* SPDX-License-Identifier: Apache-2.0 */
/* Child SAs over their life: rekeying, lifetimes, and what happens when the data plane says no. */
#include "tests/exchange/story.h"

/* ---- life and rekeying ------------------------------------------------------------------------------------------- */

static void up_and_down(struct lab *lab)
{
	if (!lab_up(lab))
		return;
	lab_converged(lab, 1, 1);
	cmd(lab, 1, IKE_CMD_TERMINATE, 2, "c", NULL);
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 1, 2) == 0);
	lab_converged(lab, 0, 0);
	for (int i = 0; i < 2; i++) {
		CHECK(lab, lab->n[i].events[IKE_EV_CHILD_UPDOWN][1] == 1);
		CHECK(lab, lab->n[i].events[IKE_EV_CHILD_UPDOWN][0] <= 1);
		CHECK(lab, lab->n[i].events[IKE_EV_IKE_UPDOWN][1] == 1);
		CHECK(lab, lab->n[i].events[IKE_EV_IKE_UPDOWN][0] == 1);
	}
}

static void second_child(struct lab *lab)
{
	if (!lab_up(lab))
		return;
	cmd(lab, 1, IKE_CMD_INITIATE, 2, "c", "k2");
	cmd(lab, 1, IKE_CMD_INITIATE, 3, "c", "k3");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 1, 2) == 0);
	CHECK(lab, answer(lab, 1, 3) == 0);
	lab_converged(lab, 1, 3);
	cmd(lab, 0, IKE_CMD_TERMINATE, 4, NULL, "k2");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 4) == 0);
	lab_converged(lab, 1, 2);
}

static void rekeys(struct lab *lab)
{
	if (!lab_up(lab))
		return;
	lab->no_gap = true;
	cmd(lab, 0, IKE_CMD_REKEY, 2, NULL, "k");
	lab_run(lab, 1000);
	CHECK(lab, answer(lab, 0, 2) == 0);
	CHECK(lab, lab_children(lab, 0, "DELETED") == 1);
	CHECK(lab, lab_children(lab, 1, "DELETED") == 1);
	lab_run(lab, 6000);
	lab_converged(lab, 1, 1);
	cmd(lab, 1, IKE_CMD_REKEY, 3, NULL, "k");
	lab_run(lab, 10000);
	CHECK(lab, answer(lab, 1, 3) == 0);
	lab_converged(lab, 1, 1);
	for (int i = 0; i < 2; i++) {
		CHECK(lab, lab->n[i].events[IKE_EV_CHILD_REKEY][0] + lab->n[i].events[IKE_EV_CHILD_REKEY][1] == 2);
		CHECK(lab, lab->n[i].events[IKE_EV_CHILD_UPDOWN][0] == 0);
	}
	cmd(lab, 0, IKE_CMD_REKEY, 4, "c", NULL);
	lab_run(lab, 10000);
	cmd(lab, 1, IKE_CMD_REKEY, 5, "c", NULL);
	lab_run(lab, 10000);
	CHECK(lab, answer(lab, 0, 4) == 0);
	CHECK(lab, answer(lab, 1, 5) == 0);
	cmd(lab, 0, IKE_CMD_REKEY, 6, NULL, "k");
	lab_run(lab, 10000);
	CHECK(lab, answer(lab, 0, 6) == 0);
	lab_converged(lab, 1, 1);
	for (int i = 0; i < 2; i++) {
		CHECK(lab, lab->n[i].events[IKE_EV_IKE_REKEY][0] + lab->n[i].events[IKE_EV_IKE_REKEY][1] == 2);
		CHECK(lab, lab->n[i].events[IKE_EV_IKE_UPDOWN][0] == 0);
	}
}

/* Rekeyed again and again by time, both sides at nearly the same moment, with loss. */
static void lifetimes(struct lab *lab)
{
	for (int i = 0; i < 2; i++) {
		lab->n[i].kids[0].rekey_time_s = 100;
		lab->n[i].kids[0].life_time_s = 120;
		lab->n[i].kids[0].rand_time_s = i ? 0 : 10;
	}
	if (!lab_up(lab))
		return;
	lab->no_gap = true;
	for (int i = 0; i < 1000; i++) {
		lab_pass(lab, 1000);
		for (int j = 0; j < 20 && lab->n_msgs; j++) {
			if ((i + j) % 7 == 3)
				lab_drop(lab, 0);
			else
				lab_deliver(lab, lab->n_msgs - 1);
		}
	}
	for (int i = 0; i < 2; i++)
		lab->n[i].kids[0].rekey_time_s = lab->n[i].kids[0].life_time_s = 0;
	/* The children that stand still have their times: once more, then none has any. */
	lab_run(lab, 300000);
	lab_converged(lab, 1, 1);
	CHECK(lab, lab->n[0].events[IKE_EV_CHILD_REKEY][0] + lab->n[0].events[IKE_EV_CHILD_REKEY][1] >= 9);
}

static void soft_and_hard_by_volume(struct lab *lab)
{
	struct ike_child_view v;
	if (!lab_up(lab) || !first_child(lab, 0, &v))
		return;
	lab_kern_event(lab, 0, &(struct kern_event){ .type = KERN_EV_EXPIRE_SOFT, .dir = KERN_OUT, .proto = 50,
						     .spi = v.spi_out, .cookie = v.spi_in });
	lab_kern_event(lab, 0, &(struct kern_event){ .type = KERN_EV_EXPIRE_SOFT, .dir = KERN_IN, .proto = 50,
						     .spi = v.spi_in, .cookie = v.spi_in });
	lab_run(lab, 10000);
	lab_converged(lab, 1, 1);
	CHECK(lab, lab->n[0].events[IKE_EV_CHILD_REKEY][0] + lab->n[0].events[IKE_EV_CHILD_REKEY][1] == 1);
	if (!first_child(lab, 1, &v))
		return;
	lab_kern_event(lab, 1, &(struct kern_event){ .type = KERN_EV_EXPIRE_HARD, .dir = KERN_IN, .proto = 50,
						     .spi = v.spi_in, .cookie = v.spi_in });
	lab_run(lab, 10000);
	lab_converged(lab, 1, 0);
}

static void hard_lifetime(struct lab *lab)
{
	for (int i = 0; i < 2; i++)
		lab->n[i].kids[0].life_time_s = 60;
	if (!lab_up(lab))
		return;
	lab_run(lab, 59000);
	lab_converged(lab, 1, 1);
	lab_run(lab, 10000);
	lab_converged(lab, 1, 0);
}

/* A pair that was replaced and is not deleted by the peer goes with its hard lifetime; the new one is switched to
 * before. */
static void peer_never_deletes(struct lab *lab)
{
	lab->n[1].kids[0].life_time_s = 100;
	if (!lab_up(lab))
		return;
	cmd(lab, 0, IKE_CMD_REKEY, 2, NULL, "k");
	lab_deliver(lab, 0);
	lab_deliver(lab, 0);
	/* A has the new pair and asks to delete the old one: lost, until both are old. */
	for (size_t i = 0; i < lab->n[1].n_sas; i++)
		lab->n[1].sas[i].packets = 1;
	lab->no_gap = true;
	for (int i = 0; i < 3; i++) {
		lab_pass(lab, 1000);
		while (lab->n_msgs)
			lab_drop(lab, 0);
	}
	unsigned out = 0;
	for (size_t i = 0; i < lab->n[1].n_sas; i++)
		out += lab->n[1].sas[i].sa.dir == KERN_OUT;
	CHECK(lab, out == 1);
	lab_run(lab, 20000);
	lab_converged(lab, 1, 1);
}

/* Both rekey at once, and no delete arrives for more than a minute. */
static void deletes_get_lost(struct lab *lab)
{
	if (!lab_up(lab))
		return;
	lab->no_gap = true;
	cmd(lab, 0, IKE_CMD_REKEY, 2, NULL, "k");
	cmd(lab, 1, IKE_CMD_REKEY, 3, NULL, "k");
	for (int i = 0; i < 4; i++)
		lab_deliver(lab, 0);
	CHECK(lab, lab_children(lab, 0, NULL) == 3);
	CHECK(lab, lab_children(lab, 1, NULL) == 3);
	for (int i = 0; i < 70; i++) {
		while (lab->n_msgs)
			lab_drop(lab, 0);
		lab_pass(lab, 1000);
	}
	lab_run(lab, 100000);
	CHECK(lab, answer(lab, 0, 2) == 0);
	CHECK(lab, answer(lab, 1, 3) == 0);
	lab_converged(lab, 1, 1);
}

static void no_delay(struct lab *lab)
{
	for (int i = 0; i < 2; i++)
		lab->n[i].daemon.delete_rekeyed_delay_s = 0;
	if (!lab_up(lab))
		return;
	cmd(lab, 1, IKE_CMD_REKEY, 2, NULL, "k");
	lab_flush(lab);
	lab_converged(lab, 1, 1);
}

static void inactivity(struct lab *lab)
{
	lab->n[0].kids[0].inactivity_s = 30;
	if (!lab_up(lab))
		return;
	for (size_t i = 0; i < lab->n[0].n_sas; i++)
		lab->n[0].sas[i].packets = 5; /* the laboratory's packets are always fresh */
	lab_run(lab, 60000);
	lab_converged(lab, 1, 1);
	for (size_t i = 0; i < lab->n[0].n_sas; i++)
		lab->n[0].sas[i].packets = 0;
	lab_run(lab, 60000);
	lab_converged(lab, 1, 0);
}

/* ---- the data plane says no -------------------------------------------------------------------------------------- */

static void plane_fails(struct lab *lab)
{
	if (!lab_up(lab))
		return;
	for (int i = 0; i < 2; i++) {
		uint64_t id = 10 + 10 * (uint64_t)i;
		lab->n[i].kern_fail = 1;
		cmd(lab, 0, IKE_CMD_INITIATE, id, "c", "k2");
		lab_run(lab, 10000);
		/* What fails at the responder is said to the other side, which does not ask again at once. */
		CHECK(lab, answer(lab, 0, id) != 0);
		CHECK(lab, i == 0 || strstr(lab_reply(lab, 0, id)->text, "NO_ADDITIONAL_SAS"));
		cmd(lab, 1, IKE_CMD_TERMINATE, id + 2, NULL, "k2");
		lab_run(lab, 1000);
		lab_converged(lab, 1, 1);
		lab->n[i].kern_fail = 1;
		cmd(lab, 0, IKE_CMD_REKEY, id + 1, NULL, "k");
		lab_run(lab, 120000);
		lab_converged(lab, 1, 1);
	}
	cmd(lab, 0, IKE_CMD_REKEY, 40, NULL, "k");
	lab_run(lab, 10000);
	CHECK(lab, answer(lab, 0, 40) == 0);
	lab_converged(lab, 1, 1);
}

static void plane_fails_at_first(struct lab *lab)
{
	for (int i = 0; i < 2; i++) {
		lab->n[i].kern_fail = 1;
		cmd(lab, 0, IKE_CMD_INITIATE, 1 + (uint64_t)i, "c", "k");
		lab_run(lab, 10000);
		CHECK(lab, answer(lab, 0, 1 + (uint64_t)i) != 0);
		lab_converged(lab, 1, 0);
		cmd(lab, 0, IKE_CMD_TERMINATE, 20 + (uint64_t)i, "c", NULL);
		lab_run(lab, 10000);
		lab_converged(lab, 0, 0);
	}
}

/* The IKE SA goes while the data plane works on a child: nothing stays. */
static void gone_while_waiting(struct lab *lab)
{
	lab->n[0].conn.dpd_delay_s = lab->n[1].conn.dpd_delay_s = 30;
	if (!lab_up(lab))
		return;
	for (int i = 0; i < 2; i++) {
		if (i && !lab_up(lab))
			return;
		lab->n[i].kern_hold = true;
		cmd(lab, 0, IKE_CMD_INITIATE, 10 + (uint64_t)i, "c", "k2");
		lab_flush(lab);
		CHECK(lab, lab->n[i].n_held_kern == 1);
		lab_do(lab, i, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 20, .ike = "c", .force = true });
		lab_run(lab, 1000);
		lab->n[i].kern_hold = false;
		while (lab->n[i].n_held_kern)
			lab_kern_answer(lab, i, 0);
		lab_run(lab, 400000);
		lab_converged(lab, 0, 0);
		for (int j = 0; j < 2; j++)
			lab->n[j].n_replies = 0;
	}
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static const struct story tests[] = {
	{ "a tunnel comes up and goes", up_and_down, true, false },
	{ "further children", second_child, false, true },
	{ "rekeying of child and IKE SA, both sides", rekeys, true, true },
	{ "lifetimes by time, with loss and reordering", lifetimes, false, false },
	{ "hard lifetime by time", hard_lifetime, false, false },
	{ "the peer does not delete what it has replaced", peer_never_deletes, false, false },
	{ "both rekey and the deletes get lost", deletes_get_lost, false, false },
	{ "no delay for what was rekeyed", no_delay, false, true },
	{ "lifetimes by volume", soft_and_hard_by_volume, false, true },
	{ "inactivity", inactivity, false, false },
	{ "the data plane fails", plane_fails, false, false },
	{ "the data plane fails in IKE_AUTH", plane_fails_at_first, false, false },
	{ "the IKE SA goes while the data plane works", gone_while_waiting, false, false },
};

int main(int argc, char **argv)
{
	return stories_run(tests, ARRAY_LEN(tests), argc, argv);
}
