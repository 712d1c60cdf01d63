/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several key exchanges (RFC 9370) in IKE_INTERMEDIATE (RFC 9242) and IKE_FOLLOWUP_KE between two engines: one to three of
 * them, in the set-up, for further children, in rekeyings; loss, doubling, fragments; peers that know nothing of it; what
 * is out of place; exchanges that are never completed.
 */
#include "tests/exchange/one_lab.h"

/* The suite and the post-quantum mark of the one IKE SA of a node. */
static struct suite suite_of(int node, bool *pq)
{
	struct arena a;
	uint32_t cursor = 0;
	struct suite s = { 0 };

	arena_init(&a, 1 << 20);
	const struct ike_view *v = ike_view_next(lab.n[node].e, lab.now_ms, &cursor, &a);
	CHECK(v != NULL, "no SA");
	if (v) {
		s = v->suite;
		*pq = v->pq;
	}
	arena_fini(&a);
	return s;
}

static void another_lab(unsigned kes)
{
	char story[sizeof lab.story];
	unsigned fails = lab.fails;

	memcpy(story, lab.story, sizeof story);
	lab_fini(&lab);
	fails = lab.fails > fails ? lab.fails : fails;
	lab_extra_kes = kes;
	if (!lab_init(&lab, 77 + kes, true, true))
		exit(1);
	memcpy(lab.story, story, sizeof story);
	lab.fails = fails;
}

/* Counts the messages of the set-up by exchange. */
static void setup(void)
{
	for (unsigned kes = 1; kes <= 3; kes++) {
		unsigned seen[64] = { 0 };
		bool pq[2] = { false, false };
		another_lab(kes);
		initiate(0, 1);
		while (lab.n_msgs) {
			seen[hdr_of(&lab.msgs[0]).exchange & 63]++;
			lab_deliver(&lab, 0);
		}
		CHECK(reply_err(0, 1) == 0, "%u additional key exchanges: no tunnel", kes);
		CHECK(seen[XCHG_IKE_INTERMEDIATE] == 2 * kes && seen[XCHG_IKE_AUTH] == 2 && seen[XCHG_IKE_SA_INIT] == 2,
			"%u IKE_INTERMEDIATE messages for %u key exchanges", seen[XCHG_IKE_INTERMEDIATE], kes);
		struct suite a = suite_of(0, &pq[0]), b = suite_of(1, &pq[1]);
		CHECK(suite_extra_kes(&a, NULL) == kes && memcmp(a.ake, b.ake, sizeof a.ake) == 0 && a.ake[0] == 36, "suites");
		CHECK(pq[0] && pq[1], "not marked as post-quantum");
		lab_run(&lab, 100);
		lab_converged(&lab, 1, 1);
	}
}

/* Everything else that exchanges keys. */
static void all_stories(void)
{
	for (unsigned kes = 1; kes <= 3; kes++) {
		another_lab(kes);
		CHECK(lab_up(&lab), "no tunnel");
		for (int node = 0; node < 2; node++) {
			uint64_t id = 10 * (unsigned)(node + 1);
			lab_do(&lab, node, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = id, .child = "k" });
			lab_run(&lab, 20000);
			CHECK(reply_err(node, id) == 0, "rekeying of the child failed");
			lab_converged(&lab, 1, 1 + (unsigned)node);
			lab_do(&lab, node, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = id + 1, .ike = "c" });
			lab_run(&lab, 20000);
			CHECK(reply_err(node, id + 1) == 0, "rekeying of the IKE SA failed");
			lab_do(&lab, node, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = id + 2, .ike = "c",
				.child = node ? "k3" : "k2" });
			lab_run(&lab, 20000);
			CHECK(reply_err(node, id + 2) == 0, "a further child failed");
			lab_converged(&lab, 1, 2 + (unsigned)node);
		}
		bool pq = false;
		struct suite s = suite_of(1, &pq);
		CHECK(suite_extra_kes(&s, NULL) == kes && pq, "the rekeyed SA has %u additional key exchanges", suite_extra_kes(&s, NULL));
		lab_do(&lab, 1, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 50, .ike = "c" });
		lab_run(&lab, 1000);
		lab_converged(&lab, 0, 0);
	}
}

/* Each message of set-up and rekeyings lost once, the others doubled; with and without fragments. */
static void lost(void)
{
	for (unsigned at = 0; at < 48; at++) {
		unsigned i = 0;
		another_lab(2);
		snprintf(lab.story, sizeof lab.story, "message %u lost", at / 2);
		for (int k = 0; k < 2; k++) {
			lab.n[k].conn.fragmentation = at & 1 ? CONF_FRAG_YES : CONF_FRAG_NO;
			lab.n[k].daemon.fragment_size = 576;
		}
		for (uint64_t step = 1; step <= 3; step++) {
			if (step == 1)
				initiate(0, 1);
			else
				lab_do(&lab, (int)step - 2, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = step,
					.ike = step == 2 ? "c" : NULL, .child = step == 2 ? NULL : "k" });
			for (unsigned guard = 0; guard < 300; guard++) {
				if (lab.n_msgs && i++ == at / 2) {
					lab_drop(&lab, 0);
				} else if (lab.n_msgs) {
					if (lab.n_msgs < 20)
						lab_double(&lab, 0);
					lab_deliver(&lab, 0);
				} else if (reply_err(step == 3, step) != E_AGAIN) {
					break;
				} else {
					lab_pass(&lab, 1000);
				}
			}
			CHECK(reply_err(step == 3, step) == 0, "message %u lost: step %llu failed", at / 2, (unsigned long long)step);
		}
		lab_run(&lab, 200000);
		lab_converged(&lab, 1, 1);
	}
}

/* A peer whose proposals have none, on either side: the second proposal it is, and nothing more is said of it. */
static void fallback(void)
{
	for (int plain = 0; plain < 2; plain++) {
		bool pq = true;
		another_lab(1);
		/* The second proposal has one method alone. */
		lab.n[plain].conn.props++;
		lab.n[plain].conn.n_props = 1;
		CHECK(lab_up(&lab), "no tunnel when side %d knows one key exchange only", plain);
		struct suite s = suite_of(0, &pq);
		CHECK(s.ke == 19 && !suite_extra_kes(&s, NULL) && !pq, "not the second proposal");
		lab_converged(&lab, 1, 1);
	}
}

/* A peer that chooses or proposes further key exchanges without supporting IKE_INTERMEDIATE. */
static void no_support(void)
{
	for (int way = 0; way < 2; way++) {
		another_lab(1);
		initiate(0, 1);
		if (way)
			lab_deliver(&lab, 0);
		struct lab_msg *m = &lab.msgs[0];
		for (size_t i = 28; i + 8 <= m->n; i++)
			if (m->data[i] == 0 && m->data[i + 1] == 0 && m->data[i + 2] == (N_INTERMEDIATE_EXCHANGE_SUPPORTED >> 8) &&
				m->data[i + 3] == (N_INTERMEDIATE_EXCHANGE_SUPPORTED & 255))
				m->data[i + 2] = 0x9f; /* a status notify that nobody knows */
		lab_run(&lab, 1000);
		CHECK(reply_err(0, 1) && reply_err(0, 1) != E_AGAIN, "way %d: it goes on without the exchange it needs", way);
	}
}

/* IKE_AUTH and what belongs elsewhere before the last key exchange: ignored, and the set-up goes on. */
static void out_of_place(void)
{
	another_lab(2);
	initiate(0, 1);
	lab_deliver(&lab, 0);
	lab_deliver(&lab, 0);
	CHECK(lab.n_msgs == 1 && hdr_of(&lab.msgs[0]).exchange == XCHG_IKE_INTERMEDIATE, "no IKE_INTERMEDIATE");
	for (uint8_t exchange = XCHG_IKE_AUTH; exchange <= XCHG_IKE_FOLLOWUP_KE; exchange++) {
		if (exchange == XCHG_IKE_INTERMEDIATE)
			continue;
		struct lab_msg *m = &lab.msgs[lab.n_msgs++];
		*m = lab.msgs[0];
		m->data = malloc(m->n);
		memcpy(m->data, lab.msgs[0].data, m->n);
		m->data[18] = exchange;
		lab_deliver(&lab, lab.n_msgs - 1);
		CHECK(lab.n_msgs == 1, "exchange %u is answered", exchange);
	}
	uint32_t cursor = 0;
	struct ike_sa *sa = ike_sa_next(lab.n[1].e, &cursor);
	CHECK(sa && sa->state == IKE_S_MORE_R && !(sa->facts & FACT_KE_DONE), "state after forgeries");
	lab_run(&lab, 100);
	CHECK(reply_err(0, 1) == 0, "no tunnel");
	lab_converged(&lab, 1, 1);
}

/* The initiator vanishes between two rounds of a rekeying: the responder forgets it, and nothing is left. */
static void abandoned(void)
{
	for (int ike = 0; ike < 2; ike++) {
		another_lab(1);
		CHECK(lab_up(&lab), "no tunnel");
		lab.n[0].conn.retry = (struct conf_retry){ .tries = 9, .timeout_ms = 30000, .base_x1000 = 1000 };
		lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 2, .ike = ike ? "c" : NULL,
			.child = ike ? NULL : "k" });
		lab_deliver(&lab, 0);
		uint32_t cursor = 0;
		struct ike_sa *sa = ike_sa_next(lab.n[1].e, &cursor);
		CHECK(sa && sa->parked, "nothing is parked");
		/* The answer is lost for longer than it is kept. */
		for (int i = 0; i < 7; i++) {
			while (lab.n_msgs)
				lab_drop(&lab, 0);
			lab_pass(&lab, 10000);
		}
		CHECK(sa && !sa->parked, "kept for ever");
		/* The follow-up finds nothing: begun anew. */
		lab_run(&lab, 100000);
		CHECK(reply_err(0, 2) == 0, "the rekeying does not begin anew");
		lab_run(&lab, 20000);
		lab_converged(&lab, 1, 1);
	}
}

static const struct lab_test tests[] = {
	{ "set-up with one to three additional key exchanges", setup },
	{ "rekeyings and further children", all_stories },
	{ "each message lost once, the others doubled", lost },
	{ "peers that know one key exchange only", fallback },
	{ "further key exchanges without IKE_INTERMEDIATE", no_support },
	{ "what is out of place before the last key exchange", out_of_place },
	{ "a rekeying that is abandoned between two rounds", abandoned },
};

int main(int argc, char **argv)
{
	return lab_tests_run(tests, ARRAY_LEN(tests), 1, argc, argv);
}
