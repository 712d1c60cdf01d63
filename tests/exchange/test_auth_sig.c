/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication by signatures: what the engine asks of the credentials of its host, and what it does with answers that
 * are right, wrong, late or never come. The signature is a toy of the laboratory that binds the octets.
 */
#include "tests/exchange/story.h"

#include <stdlib.h>

static char psk[] = "psk", pubkey[] = "pubkey", l1[] = "local-1", r1[] = "remote-1";
static uint8_t ids[2][8] = { "a.test", "b.test" };

/* Which class each side proves itself with. */
static void auth_set(struct lab *lab, struct conf_auth v[2][2], uint8_t a, uint8_t b)
{
	const uint8_t cls[2] = { a, b };
	for (int i = 0; i < 2; i++) {
		v[i][0] = (struct conf_auth){ .name = l1, .cls = cls[i], .id = { 2, 6, ids[i] }, .method = cls[i] == CONF_AUTH_PSK ? psk : pubkey };
		v[i][1] = (struct conf_auth){ .name = r1, .cls = cls[1 - i], .id = { 2, 6, ids[1 - i] },
					      .method = cls[1 - i] == CONF_AUTH_PSK ? psk : pubkey };
		lab->n[i].conn.local = &v[i][0];
		lab->n[i].conn.remote = &v[i][1];
	}
}

static void initiate(struct lab *lab, uint64_t cmd)
{
	lab_do(lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = cmd, .ike = "c", .child = "k" });
}

static bool open_lab(struct lab *lab, struct conf_auth v[2][2], uint8_t a, uint8_t b)
{
	if (!lab_init(lab, 7, true, false))
		return false;
	snprintf(lab->story, sizeof lab->story, "signatures %u %u", a, b);
	auth_set(lab, v, a, b);
	return true;
}

static unsigned close_lab(struct lab *lab)
{
	for (int i = 0; i < 2; i++) {
		lab_shutdown(lab, i);
		lab_run(lab, 2000);
	}
	unsigned fails = lab->fails;
	int peers = lab->n[0].peers + lab->n[1].peers;
	struct lab_node *n = lab->n;
	lab_fini(lab);
	/* What was kept about peers was given back, at the latest now. */
	(void)n;
	return fails + (peers != 0);
}

/* ---- stories --------------------------------------------------------------------------------------------------------- */

static unsigned right(uint8_t a, uint8_t b)
{
	struct conf_auth v[2][2];
	struct lab lab;
	if (!open_lab(&lab, v, a, b))
		return 1;
	lab_up(&lab);
	lab_converged(&lab, 1, 1);
	unsigned signs = (a == CONF_AUTH_PUBKEY) + (b == CONF_AUTH_PUBKEY);
	if (lab.n[0].n_signed + lab.n[1].n_signed != signs || lab.n[0].n_trusted + lab.n[1].n_trusted != signs)
		lab_fail(&lab, "asked for %u signatures and %u verdicts, not %u", lab.n[0].n_signed + lab.n[1].n_signed,
			 lab.n[0].n_trusted + lab.n[1].n_trusted, signs);
	if (b == CONF_AUTH_PUBKEY && (!lab.n[1].last_sign.asked || lab.n[0].last_trust.n_certs != 2))
		lab_fail(&lab, "no certificates were asked for and sent");
	if (signs == 2 && (lab.n[0].last_sign.hashes != (1u << 2 | 1u << 5) || lab.n[1].last_sign.hashes != (1u << 2 | 1u << 5)))
		lab_fail(&lab, "the hash algorithms were not told: %x %x", lab.n[0].last_sign.hashes, lab.n[1].last_sign.hashes);
	/* What is kept about the peer goes along with a rekey. */
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_REKEY, .cmd_id = 9, .ike = "c" });
	lab_run(&lab, 100);
	if (lab.n[0].peers != (b == CONF_AUTH_PUBKEY) || lab.n[1].peers != (a == CONF_AUTH_PUBKEY))
		lab_fail(&lab, "%d and %d objects of peers are out", lab.n[0].peers, lab.n[1].peers);
	return close_lab(&lab);
}

/* One side cannot, or does not believe: both end without an SA, and the command tells why. */
static unsigned refused(int node, bool sign, const char *text)
{
	struct conf_auth v[2][2];
	struct lab lab;
	if (!open_lab(&lab, v, CONF_AUTH_PUBKEY, CONF_AUTH_PUBKEY))
		return 1;
	*(sign ? &lab.n[node].sign_err : &lab.n[node].trust_err) = sign ? E_NO_KEY : E_CERT_REVOKED;
	initiate(&lab, 5);
	lab_run(&lab, 60000);
	const struct lab_reply *r = lab_reply(&lab, 0, 5);
	if (!r || !r->err || r->times != 1)
		lab_fail(&lab, "the command did not fail once");
	else if (!strstr(r->text, text))
		lab_fail(&lab, "the command says \"%s\", not \"%s\"", r->text, text);
	lab_converged(&lab, 0, 0);
	return close_lab(&lab);
}

/* Answers held back: messages that come again in the meantime change nothing. */
static unsigned late(void)
{
	struct conf_auth v[2][2];
	struct lab lab;
	if (!open_lab(&lab, v, CONF_AUTH_PUBKEY, CONF_AUTH_PUBKEY))
		return 1;
	lab.n[0].cred_hold = lab.n[1].cred_hold = true;
	initiate(&lab, 5);
	lab_run(&lab, 3000);
	if (lab.n[0].n_asks != 1)
		lab_fail(&lab, "the initiator did not ask for a signature");
	lab_cred_answer(&lab, 0, 0);
	lab_double(&lab, 0);
	lab_double(&lab, 0);
	lab_run(&lab, 6000); /* retransmitted meanwhile */
	if (lab.n[1].n_asks != 1)
		lab_fail(&lab, "the responder asks %zu questions for one request", lab.n[1].n_asks);
	lab_cred_answer(&lab, 1, 0); /* its verdict */
	if (lab.n[1].n_asks != 1)
		lab_fail(&lab, "the responder did not ask for a signature");
	lab_cred_answer(&lab, 1, 0);
	lab_run(&lab, 1000);
	if (lab.n[0].n_asks != 1)
		lab_fail(&lab, "the initiator did not ask for a verdict");
	lab_cred_answer(&lab, 0, 0);
	lab_run(&lab, 1000);
	lab_converged(&lab, 1, 1);
	return close_lab(&lab);
}

/* Hash and URL goes only to a side that has told it takes them, and it may take its time to fetch. */
static unsigned hash_and_url(bool a, bool b)
{
	struct conf_auth v[2][2];
	struct lab lab;
	if (!open_lab(&lab, v, CONF_AUTH_PUBKEY, CONF_AUTH_PUBKEY))
		return 1;
	lab.n[0].http = a;
	lab.n[1].http = b;
	lab.n[0].conn.ocsp = a ? CONF_OCSP_REQUEST : CONF_OCSP_REPLY;
	lab.n[1].conn.ocsp = b ? CONF_OCSP_BOTH : CONF_OCSP_NEVER;
	initiate(&lab, 5);
	lab_flush(&lab);
	lab_converged(&lab, 1, 1);
	if (lab.n[0].last_sign.http != b || lab.n[1].last_sign.http != a)
		lab_fail(&lab, "announced %d and %d, the signers heard %d and %d", a, b, lab.n[1].last_sign.http, lab.n[0].last_sign.http);
	/* OCSP within IKE is asked for in the same places. */
	if (lab.n[0].last_sign.ocsp != b || lab.n[1].last_sign.ocsp != a)
		lab_fail(&lab, "OCSP was asked for by %d and %d, the signers heard %d and %d", a, b, lab.n[1].last_sign.ocsp, lab.n[0].last_sign.ocsp);
	if (lab.n[0].last_trust.enc != (a ? 12 : 4) || lab.n[1].last_trust.enc != (b ? 12 : 4))
		lab_fail(&lab, "certificates came with encodings %u and %u", lab.n[0].last_trust.enc, lab.n[1].last_trust.enc);
	return close_lab(&lab);
}

/* The fetch takes a while on both sides: what is sent again meanwhile is not asked again; it ends well, or with a failure. */
static unsigned slow_fetch(err_t end)
{
	struct conf_auth v[2][2];
	struct lab lab;
	if (!open_lab(&lab, v, CONF_AUTH_PUBKEY, CONF_AUTH_PUBKEY))
		return 1;
	lab.n[0].http = lab.n[1].http = true;
	lab.n[1].cred_hold = true;
	initiate(&lab, 5);
	lab_run(&lab, 5000);
	if (lab.n[1].n_asks != 1 || lab.n[1].asks[0].enc != 12)
		lab_fail(&lab, "the responder has nothing to fetch");
	for (int i = 0; i < 10 && !lab.n_msgs; i++)
		lab_pass(&lab, 2000); /* until it is sent again */
	if (lab.n_msgs)
		lab_double(&lab, 0);
	lab_run(&lab, 5000);
	if (lab.n[1].n_asks != 1)
		lab_fail(&lab, "the responder fetches %zu times for one request", lab.n[1].n_asks);
	lab.n[1].trust_err = end;
	lab.n[1].cred_hold = false;
	lab_cred_answer(&lab, 1, 0);
	lab_run(&lab, 30000);
	lab_converged(&lab, end ? 0 : 1, end ? 0 : 1);
	const struct lab_reply *r = lab_reply(&lab, 0, 5);
	if (!r || !r->err != !end)
		lab_fail(&lab, "the command says %s", r ? r->text : "nothing");
	return close_lab(&lab);
}

/* Nobody ever answers. */
static unsigned never(int node)
{
	struct conf_auth v[2][2];
	struct lab lab;
	if (!open_lab(&lab, v, CONF_AUTH_PUBKEY, CONF_AUTH_PUBKEY))
		return 1;
	lab.n[node].cred_hold = true;
	initiate(&lab, 5);
	lab_run(&lab, 400000);
	const struct lab_reply *r = lab_reply(&lab, 0, 5);
	if (!r || !r->err)
		lab_fail(&lab, "the command did not end");
	/* An answer for an SA that is gone is a normal thing. */
	while (lab.n[node].n_asks)
		lab_cred_answer(&lab, node, 0);
	lab_run(&lab, 1000);
	lab_converged(&lab, 0, 0);
	return close_lab(&lab);
}

/* The SA is ended by an operator while it waits. */
static unsigned gone(void)
{
	struct conf_auth v[2][2];
	struct lab lab;
	if (!open_lab(&lab, v, CONF_AUTH_PUBKEY, CONF_AUTH_PUBKEY))
		return 1;
	lab.n[0].cred_hold = true;
	initiate(&lab, 5);
	lab_run(&lab, 100);
	lab_do(&lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_TERMINATE, .cmd_id = 6, .ike = "c", .force = true });
	lab_run(&lab, 100);
	while (lab.n[0].n_asks)
		lab_cred_answer(&lab, 0, 0);
	lab_run(&lab, 60000);
	lab_converged(&lab, 0, 0);
	return close_lab(&lab);
}

/* The two connections want different things of each other. */
static unsigned mismatch(uint8_t a_wants_of_b)
{
	struct conf_auth v[2][2];
	struct lab lab;
	if (!open_lab(&lab, v, CONF_AUTH_PUBKEY, CONF_AUTH_PUBKEY))
		return 1;
	v[1][1].cls = CONF_AUTH_PSK; /* B wants a shared secret of A */
	(void)a_wants_of_b;
	initiate(&lab, 5);
	lab_run(&lab, 60000);
	const struct lab_reply *r = lab_reply(&lab, 0, 5);
	if (!r || !r->err)
		lab_fail(&lab, "it came up with the wrong authentication");
	lab_converged(&lab, 0, 0);
	return close_lab(&lab);
}

/* B has a connection "c" that fits the peer best and another one, "d", that takes anybody. */
struct pair {
	struct conf_auth v[2][2], other[2];
	struct conf_conn d;
};

static bool open_pair(struct lab *lab, struct pair *p, uint8_t cls)
{
	static char name[] = "d";
	if (!open_lab(lab, p->v, cls, cls))
		return false;
	struct lab_node *b = &lab->n[1];
	p->other[0] = p->v[1][0];
	p->other[1] = p->v[1][1];
	p->other[1].id = (struct conf_id){ 0 };
	p->d = b->conn;
	p->d.name = name;
	p->d.local = &p->other[0];
	p->d.remote = &p->other[1];
	b->other = &p->d;
	return true;
}

/* Who of B's two connections does not accept the peer. */
static unsigned next_conn(bool c_refuses, bool d_refuses, bool late_answers)
{
	static struct pair p;
	struct lab lab;
	if (!open_pair(&lab, &p, CONF_AUTH_PUBKEY))
		return 1;
	bool up = !c_refuses || !d_refuses;
	lab.n[1].trust_err = c_refuses ? E_CERT_CONSTRAINT : 0;
	lab.n[1].trust_err_conn = d_refuses ? NULL : "c";
	lab.n[1].cred_hold = late_answers;
	initiate(&lab, 5);
	lab_run(&lab, 500);
	for (int i = 0; late_answers && i < 5 && lab.n[1].n_asks; i++) {
		lab_run(&lab, 5000); /* sent again meanwhile */
		lab_cred_answer(&lab, 1, 0);
	}
	lab_run(&lab, 60000);
	lab_converged(&lab, up, up);
	if (strcmp(lab.n[1].last_trust.conn, c_refuses ? "d" : "c") != 0)
		lab_fail(&lab, "the last that was asked is '%s'", lab.n[1].last_trust.conn);
	if (!up && (!strstr(lab.n[1].alert, "2 connections fit") || !strstr(lab.n[1].alert, "'c': the certificate is revoked") ||
	    !strstr(lab.n[1].alert, "'d': the certificate is revoked")))
		lab_fail(&lab, "the alert says \"%s\"", lab.n[1].alert);
	return close_lab(&lab);
}

/* The same with secrets: that of "c" is another one, since we are somebody else there. */
static unsigned next_secret(bool both)
{
	static struct pair p;
	struct lab lab;
	if (!open_pair(&lab, &p, CONF_AUTH_PSK))
		return 1;
	static uint8_t x[8] = "x.test";
	p.v[1][0].id = (struct conf_id){ 2, 6, x };
	p.v[0][1].id = (struct conf_id){ 0 };
	if (both)
		p.other[0].id = p.v[1][0].id;
	memcpy(lab.n[1].psk_wrong_id, x, sizeof x);
	initiate(&lab, 5);
	lab_run(&lab, 60000);
	lab_converged(&lab, !both, !both);
	if (both && (!strstr(lab.n[1].alert, "'c': the peer 'a.test' has another shared secret") || !strstr(lab.n[1].alert, "'d': ")))
		lab_fail(&lab, "the alert says \"%s\"", lab.n[1].alert);
	return close_lab(&lab);
}

/* The peer's certificates end after 1000 seconds: authenticated anew before, closed then, also behind a rekey. */
static unsigned expiry(bool close, uint64_t rekey_s)
{
	struct conf_auth v[2][2];
	struct lab lab;
	if (!open_lab(&lab, v, CONF_AUTH_PUBKEY, CONF_AUTH_PUBKEY))
		return 1;
	for (int i = 0; i < 2; i++) {
		lab.n[i].conn.close_on_expiry = close;
		lab.n[i].conn.rekey_time_s = rekey_s;
		lab.n[i].conn.over_time_s = rekey_s / 2;
		lab.n[i].valid_until_s = 1700000000 + lab.now_ms / 1000 + 1000;
	}
	lab_up(&lab);
	lab_run(&lab, 800 * 1000);
	unsigned before = lab.n[1].n_trusted;
	lab_run(&lab, 195 * 1000);
	lab_converged(&lab, 1, 1);
	if ((lab.n[1].n_trusted > before) != close || before != 1)
		lab_fail(&lab, "the peer was authenticated %u times at first, %u times before the end", before, lab.n[1].n_trusted - before);
	lab_run(&lab, 20 * 1000);
	lab_converged(&lab, !close, !close);
	if (close && lab.n[0].down_code != E_CERT_EXPIRED && lab.n[1].down_code != E_CERT_EXPIRED)
		lab_fail(&lab, "it went down because of %s and %s", err_name(lab.n[0].down_code), err_name(lab.n[1].down_code));
	return close_lab(&lab);
}

/* Large certificates behind a hybrid key exchange (RFC 9370), in fragments (RFC 7383): the octets that are signed cover
 * IKE_INTERMEDIATE on both sides, and messages that are lost or doubled change nothing. */
static unsigned hybrid_fragments(bool loss)
{
	struct conf_auth v[2][2];
	struct lab lab;
	lab_extra_kes = 1;
	bool ready = open_lab(&lab, v, CONF_AUTH_PUBKEY, CONF_AUTH_PUBKEY);
	lab_extra_kes = 0;
	if (!ready)
		return 1;
	for (int i = 0; i < 2; i++) {
		lab.n[i].conn.fragmentation = CONF_FRAG_YES;
		lab.n[i].daemon.fragment_size = 576;
		lab.n[i].cert_bytes = 1900;
	}
	initiate(&lab, 5);
	size_t most = 0, longest = 0;
	for (int i = 0; i < 2000 && !(lab_children(&lab, 0, "INSTALLED") && lab_children(&lab, 1, "INSTALLED")); i++) {
		if (!lab.n_msgs) {
			lab_pass(&lab, 2000);
			continue;
		}
		most = lab.n_msgs > most ? lab.n_msgs : most;
		longest = lab.msgs[0].n > longest ? lab.msgs[0].n : longest;
		if (loss && i % 5 == 2)
			lab_drop(&lab, 0);
		else if (loss && i % 7 == 3)
			lab_double(&lab, 0);
		else
			lab_deliver(&lab, 0);
	}
	lab_run(&lab, 60000);
	lab_converged(&lab, 1, 1);
	if (most < 8 || longest > 1400)
		lab_fail(&lab, "%zu messages at once, the longest of %zu bytes: no fragments", most, longest);
	if (lab.n[0].n_trusted != 1 || lab.n[1].n_trusted != 1 || lab.n[1].last_trust.n_certs != 2)
		lab_fail(&lab, "%u and %u verdicts", lab.n[0].n_trusted, lab.n[1].n_trusted);
	return close_lab(&lab);
}

int main(void)
{
	const uint8_t sig = CONF_AUTH_PUBKEY, key = CONF_AUTH_PSK;
	const struct {
		const char *name;
		unsigned fails;
	} t[] = {
		{ "both sides sign", right(sig, sig) },
		{ "the initiator signs, the responder has a shared secret", right(sig, key) },
		{ "the responder signs, the initiator has a shared secret", right(key, sig) },
		{ "the initiator has no key", refused(0, true, "there is no key") },
		{ "the responder has no key", refused(1, true, "AUTHENTICATION_FAILED") },
		{ "the initiator does not believe", refused(0, false, "is revoked; get another") },
		{ "the responder does not believe", refused(1, false, "AUTHENTICATION_FAILED") },
		{ "hash and URL, neither takes it", hash_and_url(false, false) },
		{ "hash and URL, the initiator takes it", hash_and_url(true, false) },
		{ "hash and URL, the responder takes it", hash_and_url(false, true) },
		{ "hash and URL, both take it", hash_and_url(true, true) },
		{ "hash and URL, slow to fetch", slow_fetch(0) },
		{ "hash and URL, nothing is there", slow_fetch(E_CERT_FETCH) },
		{ "late answers, doubled messages", late() },
		{ "the initiator's credentials never answer", never(0) },
		{ "the responder's credentials never answer", never(1) },
		{ "ended while it waits", gone() },
		{ "the first connection accepts", next_conn(false, false, false) },
		{ "the first connection refuses, the next accepts", next_conn(true, false, false) },
		{ "the same with late answers", next_conn(true, false, true) },
		{ "both connections refuse", next_conn(true, true, false) },
		{ "the secret of the next connection is right", next_secret(false) },
		{ "no secret is right", next_secret(true) },
		{ "large certificates, hybrid key exchange, fragments", hybrid_fragments(false) },
		{ "the same with loss and doubles", hybrid_fragments(true) },
		{ "certificates expire", expiry(true, 0) },
		{ "certificates expire, with rekeys", expiry(true, 300) },
		{ "certificates expire and nobody cares", expiry(false, 300) },
		{ "a shared secret is wanted, a signature comes", mismatch(key) },
	};
	unsigned bad = 0;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		printf("%s %zu - %s\n", t[i].fails ? "not ok" : "ok", i + 1, t[i].name);
		bad += t[i].fails != 0;
	}
	printf("1..%zu\n", ARRAY_LEN(t));
	return bad != 0;
}
