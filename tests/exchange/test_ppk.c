/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Post-quantum preshared keys (RFC 8784): every row of its table, by who has which key, who insists, and how the ends
 * authenticate; keys that differ; rekeying; answers about credentials that come late.
 */
#include "ike/engine_int.h"
#include "tests/exchange/story.h"

static char psk[] = "psk", pubkey[] = "pubkey", l1[] = "local-1", r1[] = "remote-1", k_id[] = "key.test", other_id[] = "other.test";
static uint8_t ids[2][8] = { "a.test", "b.test" };

/* What each node has: NULL nothing. */
static const char *keys[2];
static struct lab *the_lab;

static bool secrets(void *arg, const struct conf_psk_ask *ask, struct conf_psk *out)
{
	int me = arg == &the_lab->n[1];

	*out = (struct conf_psk){ .data = SLICE_LIT("a shared secret of the laboratory"), .name = "lab" };
	if (!ask->kind)
		return true;
	if (!keys[me] || !(ask->anyone || slice_equal(ask->peer_id, slice_str(k_id))))
		return false;
	*out = (struct conf_psk){ .data = slice_str(keys[me]), .name = "ppk-lab" };
	return true;
}

struct end {
	char *ppk_id;
	bool required;
	const char *key;
};

static bool has(struct lab *lab, int node)
{
	struct arena a;
	uint32_t cursor = 0;

	arena_init(&a, 1 << 20);
	const struct ike_view *v = ike_view_next(lab->n[node].e, lab->now_ms, &cursor, &a);
	bool yes = v && v->ppk && v->pq;
	arena_fini(&a);
	return yes;
}

static void begin(struct lab *lab, struct conf_auth v[2][2], const struct end *e, uint8_t cls)
{
	the_lab = lab;
	for (int i = 0; i < 2; i++) {
		keys[i] = e[i].key;
		lab->n[i].conn.ppk_id = e[i].ppk_id;
		lab->n[i].conn.ppk_required = e[i].required;
		lab->n[i].e->env.psk = secrets;
		v[i][0] = (struct conf_auth){ .name = l1, .cls = cls, .id = { 2, 6, ids[i] }, .method = cls == CONF_AUTH_PSK ? psk : pubkey };
		v[i][1] = (struct conf_auth){ .name = r1, .cls = cls, .id = { 2, 6, ids[1 - i] }, .method = cls == CONF_AUTH_PSK ? psk : pubkey };
		lab->n[i].conn.local = &v[i][0];
		lab->n[i].conn.remote = &v[i][1];
	}
}

static unsigned ended(struct lab *lab)
{
	for (int i = 0; i < 2; i++) {
		lab->n[i].conn.ppk_id = NULL;
		lab_shutdown(lab, i);
		lab_run(lab, 2000);
	}
	unsigned fails = lab->fails;
	lab_fini(lab);
	return fails;
}

enum come { WITH, WITHOUT, REFUSED };

/* Both ends: the same keys of children, and the same opinion whether the PPK is in them. */
static unsigned ends(const struct end *e, uint8_t cls, enum come want, const char *words)
{
	static struct lab lab;
	struct conf_auth v[2][2];

	if (!lab_init(&lab, 11, true, false))
		return 1;
	begin(&lab, v, e, cls);
	snprintf(lab.story, sizeof lab.story, "%s %d %s, %s %d %s, class %u", e[0].ppk_id ? e[0].ppk_id : "-", e[0].required,
		e[0].key ? e[0].key : "-", e[1].ppk_id ? e[1].ppk_id : "-", e[1].required, e[1].key ? e[1].key : "-", cls);
	cmd(&lab, 0, IKE_CMD_INITIATE, 5, "c", "k");
	lab_run(&lab, 60000);
	const struct lab_reply *r = lab_reply(&lab, 0, 5);
	if (want == REFUSED) {
		if (!r || !r->err || !strstr(r->text, words))
			lab_fail(&lab, "the command says \"%s\", not \"%s\"", r ? r->text : "nothing", words);
		lab_converged(&lab, 0, 0);
	} else {
		CHECK(&lab, answer(&lab, 0, 5) == 0);
		lab_converged(&lab, 1, 1);
		CHECK(&lab, has(&lab, 0) == (want == WITH) && has(&lab, 1) == (want == WITH));
		/* It is mixed in once; what is made of these keys has it. */
		cmd(&lab, 0, IKE_CMD_REKEY, 9, "c", NULL);
		lab_run(&lab, 1000);
		lab_converged(&lab, 1, 1);
		CHECK(&lab, has(&lab, 0) == (want == WITH) && has(&lab, 1) == (want == WITH));
	}
	/* The second signature is made only by who can do without the key. */
	if (cls == CONF_AUTH_PUBKEY && want != REFUSED && e[0].ppk_id && e[0].key)
		CHECK(&lab, lab.n[0].n_signed == (e[1].ppk_id || e[1].key ? 2u - e[0].required : 1u));
	return ended(&lab);
}

/* Both signatures of the initiator, and the verdict, are held back; requests come twice meanwhile. */
static unsigned late(const char *key_of_b, bool with)
{
	static struct lab lab;
	struct conf_auth v[2][2];
	const struct end e[2] = { { k_id, false, "a key" }, { NULL, false, key_of_b } };

	if (!lab_init(&lab, 12, true, false))
		return 1;
	begin(&lab, v, e, CONF_AUTH_PUBKEY);
	lab.n[1].conn.ppk_id = other_id;
	if (with)
		lab.n[1].conn.ppk_id = NULL;
	snprintf(lab.story, sizeof lab.story, "late answers, %s the key", with ? "with" : "without");
	lab.n[0].cred_hold = lab.n[1].cred_hold = true;
	cmd(&lab, 0, IKE_CMD_INITIATE, 5, "c", "k");
	for (int i = 0; i < 2; i++) {
		lab_run(&lab, 2000);
		if (lab.n[0].n_asks != 1)
			lab_fail(&lab, "the initiator did not ask for signature %d", i + 1);
		lab_cred_answer(&lab, 0, 0);
	}
	lab_double(&lab, 0);
	lab_run(&lab, 6000);
	for (int i = 0; i < 2; i++) {
		if (lab.n[1].n_asks != 1)
			lab_fail(&lab, "the responder has %zu questions at step %d", lab.n[1].n_asks, i);
		lab_cred_answer(&lab, 1, 0);
	}
	lab_run(&lab, 1000);
	lab_cred_answer(&lab, 0, 0);
	lab_run(&lab, 1000);
	lab_converged(&lab, 1, 1);
	CHECK(&lab, has(&lab, 0) == with && has(&lab, 1) == with);
	return ended(&lab);
}

int main(void)
{
	static const struct {
		const char *name;
		struct end e[2];
		enum come want;
		const char *words;
	} rows[] = {
		{ "both have it", { { k_id, false, "a key" }, { k_id, false, "a key" } }, WITH, "" },
		{ "both insist", { { k_id, true, "a key" }, { k_id, true, "a key" } }, WITH, "" },
		{ "the responder takes any it has", { { k_id, true, "a key" }, { NULL, false, "a key" } }, WITH, "" },
		{ "the responder has none", { { k_id, false, "a key" }, { NULL, false, NULL } }, WITHOUT, "" },
		{ "the responder has another", { { k_id, false, "a key" }, { other_id, false, "a key" } }, WITHOUT, "" },
		{ "the responder lacks what it names", { { k_id, false, "a key" }, { k_id, false, NULL } }, WITHOUT, "" },
		{ "the initiator has none", { { NULL, false, NULL }, { k_id, false, "a key" } }, WITHOUT, "" },
		{ "the initiator lacks what it names", { { k_id, false, NULL }, { k_id, false, "a key" } }, WITHOUT, "" },
		{ "the initiator insists, the responder has none", { { k_id, true, "a key" }, { NULL, false, NULL } }, REFUSED, "uses no post-quantum" },
		{ "the initiator insists, the responder has another", { { k_id, true, "a key" }, { other_id, false, "a key" } }, REFUSED,
		  "AUTHENTICATION_FAILED" },
		{ "the initiator insists and has none", { { k_id, true, NULL }, { k_id, false, "a key" } }, REFUSED, "no post-quantum preshared key" },
		{ "the initiator insists and names none", { { NULL, true, "a key" }, { k_id, false, "a key" } }, REFUSED, "no ppk_id" },
		{ "the responder insists, the initiator has none", { { NULL, false, NULL }, { k_id, true, "a key" } }, REFUSED, "AUTHENTICATION_FAILED" },
		{ "the responder insists and lacks it", { { k_id, false, "a key" }, { k_id, true, NULL } }, REFUSED, "AUTHENTICATION_FAILED" },
		{ "the keys differ", { { k_id, false, "a key" }, { k_id, false, "b key" } }, REFUSED, "AUTHENTICATION_FAILED" },
	};
	static const struct {
		const char *name;
		uint8_t cls;
	} ways[] = { { "shared secrets", CONF_AUTH_PSK }, { "signatures", CONF_AUTH_PUBKEY } };
	size_t n = 0, bad = 0;

	for (size_t w = 0; w < ARRAY_LEN(ways); w++)
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			unsigned fails = ends(rows[i].e, ways[w].cls, rows[i].want, rows[i].words);
			printf("%s %zu - %s, %s\n", fails ? "not ok" : "ok", ++n, rows[i].name, ways[w].name);
			bad += fails != 0;
		}
	for (int with = 0; with < 2; with++) {
		unsigned fails = late("a key", with);
		printf("%s %zu - late answers, %s the key\n", fails ? "not ok" : "ok", ++n, with ? "with" : "without");
		bad += fails != 0;
	}
	printf("1..%zu\n", n);
	return bad != 0;
}
