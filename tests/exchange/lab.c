/* SPDX-License-Identifier: Apache-2.0 */
/* The laboratory of two engines: what comes out of them is executed here, and the steps of a story. See lab.h. */
#include "tests/exchange/lab_int.h"

#include "base/htab.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- failing ----------------------------------------------------------------------------------------------------- */

void lab_fail(struct lab *lab, const char *fmt, ...)
{
	va_list ap;
	if (lab->fails++ >= 6)
		return; /* the first ones tell it */
	printf("# FAIL at %llu ms, %s: ", (unsigned long long)lab->now_ms, lab->story);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

/* ---- effects ----------------------------------------------------------------------------------------------------- */

static void net_add(struct lab *lab, int from, const struct fx *f)
{
	if (lab->n_msgs == LAB_MSGS) {
		lab_fail(lab, "more than %d messages are in flight", LAB_MSGS);
		return;
	}
	struct lab_msg *m = &lab->msgs[lab->n_msgs];
	m->to = 1 - from;
	m->src = f->send.local;
	m->dst = f->send.remote;
	if (!m->src.family) {
		uint16_t port = m->src.port;
		m->src = lab->n[from].addr;
		m->src.port = port;
	}
	m->data = malloc(f->send.data.n ? f->send.data.n : 1);
	m->n = f->send.data.n;
	if (!m->data)
		return;
	memcpy(m->data, f->send.data.p, m->n);
	lab->n_msgs++;
}

static void reply_add(struct lab_node *n, const struct fx *f)
{
	struct lab_reply *r = NULL;
	for (size_t i = 0; i < n->n_replies; i++)
		if (n->replies[i].cmd_id == f->reply.cmd_id)
			r = &n->replies[i];
	if (!r && n->n_replies < LAB_REPLIES) {
		r = &n->replies[n->n_replies++];
		*r = (struct lab_reply){ 0 };
	}
	if (!r)
		return;
	r->cmd_id = f->reply.cmd_id;
	r->err = f->reply.err;
	r->matches = f->reply.matches;
	r->child_unique = f->reply.child_unique;
	r->times++;
	snprintf(r->text, sizeof r->text, "%s", f->reply.text ? f->reply.text : "");
}

/* ---- credentials ------------------------------------------------------------------------------------------------- */

static uint64_t toy_sum(slice octets)
{
	static const uint8_t seed[16] = "toy signatures";
	return siphash(seed, octets);
}

static struct lab_ask ask_of(const struct fx *f)
{
	const struct ike_auth_ask *q = f->ask;
	struct lab_ask a = { .token = q->token, .type = f->type, .sum = toy_sum(q->octets), .n_certs = q->n_certs, .asked = q->asked,
			     .hashes = q->hashes, .http = q->http, .ocsp = q->ocsp, .conn = q->conn->name, .enc = q->n_certs ? q->certs[0].enc : 0 };
	if (f->type == FX_TRUST && q->auth.n == sizeof a.said)
		memcpy(&a.said, q->auth.p, sizeof a.said);
	return a;
}

static void cred_answer(struct lab *lab, int at, const struct lab_ask *a)
{
	struct lab_node *n = &lab->n[at];
	static const uint8_t der[8192] = "certificate";
	size_t len = n->cert_bytes ? n->cert_bytes : 12;
	struct ike_cert certs[2] = { { a->http ? 12 : 4, slice_of(der, len) }, { 4, slice_of(der, len) } };
	if (a->type == FX_SIGN) {
		struct ike_signed s = { .method = 14, .auth = slice_of(&a->sum, sizeof a->sum), .certs = certs,
					.n_certs = a->asked ? 2 : 0, .scheme = "toy" };
		n->n_signed += !n->sign_err;
		n->last_sign = *a;
		ike_sign_done(n->e, lab->now_ms, a->token, n->sign_err, n->sign_err ? "there is no key, load one" : NULL, &s, &n->fx);
		return;
	}
	bool mine = !n->trust_err_conn || strcmp(n->trust_err_conn, a->conn) == 0;
	err_t e = n->trust_err && mine ? n->trust_err : a->said != a->sum ? E_AUTH_FAILED : 0;
	struct ike_trusted t = { .scheme = "toy", .valid_until_s = n->valid_until_s ? n->valid_until_s : 1800000000, .peer = n };
	n->n_trusted += !e;
	n->peers += !e;
	n->last_trust = *a;
	ike_trust_done(n->e, lab->now_ms, a->token, e, e ? "the certificate is revoked; get another" : NULL, e ? NULL : &t, &n->fx);
}

static void name_answer(struct lab *lab, int at)
{
	struct lab_node *n = &lab->n[at];
	uint64_t token = n->held_names[--n->n_held_names];
	ike_resolve_done(n->e, lab->now_ms, token, n->name_err, n->name_err ? "the name is not known" : NULL, &n->name_addr,
			 n->name_err ? 0 : 1, &n->fx);
}

static void vip_set(struct lab_node *n, const struct fx *f)
{
	if (f->vip.add && n->n_vips < LAB_VIPS)
		n->vips[n->n_vips++] = f->vip.addr;
	for (size_t i = 0; !f->vip.add && i < n->n_vips; i++)
		if (net_addr_same(&n->vips[i], &f->vip.addr)) {
			n->vips[i] = n->vips[--n->n_vips];
			break;
		}
}

/* Executes what came out and gives answers back, until nothing is left to do. */
static void settle(struct lab *lab, int at)
{
	struct lab_node *n = &lab->n[at];
	struct { uint64_t token; err_t res; struct ike_job *job; } todo[LAB_HELD];
	size_t n_todo = 0, done = 0;
	do {
		for (struct fx *f = n->fx.head; f; f = f->next) {
			switch (f->type) {
			case FX_SEND:
				net_add(lab, at, f);
				break;
			case FX_JOB:
				if (n->job_hold && n->n_held_jobs < LAB_HELD) {
					n->held_jobs[n->n_held_jobs++] = f->job;
				} else if (n_todo < LAB_HELD) {
					ike_job_run(f->job);
					todo[n_todo].token = 0;
					todo[n_todo++].job = f->job;
				}
				break;
			case FX_KERNEL: {
				err_t res = plane_submit(n, f->kernel.ops, f->kernel.n);
				if (f->kernel.token && n->kern_hold && n->n_held_kern < LAB_HELD) {
					n->held_kern[n->n_held_kern] = f->kernel.token;
					n->held_res[n->n_held_kern++] = res;
				} else if (f->kernel.token && n_todo < LAB_HELD) {
					todo[n_todo].token = f->kernel.token;
					todo[n_todo].job = NULL;
					todo[n_todo++].res = res;
				}
				break;
			}
			case FX_EVENT:
				if (f->event.type <= IKE_EV_ALERT)
					n->events[f->event.type][f->event.up]++;
				if (f->event.type == IKE_EV_IKE_UPDOWN && !f->event.up)
					n->down_code = f->event.code;
				if (f->event.type == IKE_EV_ALERT)
					snprintf(n->alert, sizeof n->alert, "%s", f->event.text ? f->event.text : "");
				break;
			case FX_SIGN:
			case FX_TRUST:
				if (n->n_asks < LAB_HELD)
					n->asks[n->n_asks++] = ask_of(f);
				break;
			case FX_RESOLVE:
				snprintf(n->name_asked, sizeof n->name_asked, "%s", f->resolve.name);
				if (n->n_held_names < LAB_HELD)
					n->held_names[n->n_held_names++] = f->resolve.token;
				break;
			case FX_VIP:
				vip_set(n, f);
				break;
			default:
				reply_add(n, f);
			}
		}
		fx_reset(&n->fx);
		if (n->n_asks && !n->cred_hold) {
			struct lab_ask a = n->asks[0];
			n->n_asks--;
			memmove(&n->asks[0], &n->asks[1], n->n_asks * sizeof a);
			cred_answer(lab, at, &a);
		} else if (n->n_held_names && !n->name_hold) {
			name_answer(lab, at);
		} else if (done < n_todo) {
			if (todo[done].job)
				ike_done(n->e, lab->now_ms, todo[done].job, &n->fx);
			else
				ike_kern_done(n->e, lab->now_ms, todo[done].token, todo[done].res, &n->fx);
			done++;
			if (done == n_todo)
				done = n_todo = 0;
		}
	} while (n->fx.head || done < n_todo || (n->n_asks && !n->cred_hold) || (n->n_held_names && !n->name_hold));
	plane_check_gap(lab);
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

void lab_do(struct lab *lab, int node, const struct ike_cmd *cmd)
{
	ike_do(lab->n[node].e, lab->now_ms, cmd, &lab->n[node].fx);
	settle(lab, node);
}

void lab_conf_changed(struct lab *lab, int node)
{
	ike_conf_changed(lab->n[node].e, lab->now_ms, &lab->n[node].fx);
	settle(lab, node);
}

void lab_shutdown(struct lab *lab, int node)
{
	ike_shutdown(lab->n[node].e, lab->now_ms, &lab->n[node].fx);
	settle(lab, node);
}

const struct lab_reply *lab_reply(const struct lab *lab, int node, uint64_t cmd_id)
{
	for (size_t i = 0; i < lab->n[node].n_replies; i++)
		if (lab->n[node].replies[i].cmd_id == cmd_id)
			return &lab->n[node].replies[i];
	return NULL;
}

static struct lab_msg msg_take(struct lab *lab, size_t at)
{
	struct lab_msg m = lab->msgs[at];
	memmove(&lab->msgs[at], &lab->msgs[at + 1], (lab->n_msgs - at - 1) * sizeof m);
	lab->n_msgs--;
	return m;
}

static void msg_in(struct lab *lab, const struct lab_msg *m)
{
	struct net_addr src = m->src, dst = m->dst;
	/* The address node 0 is seen with, and the way back. */
	if (lab->nat && m->to == 1) {
		src = lab_nat_addr;
		src.port = (uint16_t)(m->src.port + 10000);
	}
	if (lab->nat && m->to == 0) {
		dst = lab->n[0].addr;
		dst.port = (uint16_t)(m->dst.port - 10000);
	}
	ike_rx(lab->n[m->to].e, lab->now_ms, &dst, &src, slice_of(m->data, m->n), &lab->n[m->to].fx);
	settle(lab, m->to);
}

void lab_deliver(struct lab *lab, size_t at)
{
	struct lab_msg m = msg_take(lab, at);
	msg_in(lab, &m);
	free(m.data);
}

void lab_drop(struct lab *lab, size_t at)
{
	free(msg_take(lab, at).data);
}

void lab_double(struct lab *lab, size_t at)
{
	struct lab_msg m = lab->msgs[at];
	msg_in(lab, &m);
}

void lab_flush(struct lab *lab)
{
	for (int i = 0; lab->n_msgs; i++) {
		if (i == 200) {
			lab_fail(lab, "the two sides never stop talking");
			while (lab->n_msgs)
				lab_drop(lab, 0);
			return;
		}
		lab_deliver(lab, 0);
	}
}

static void pass(struct lab *lab, uint64_t ms, bool deliver)
{
	uint64_t end = lab->now_ms + ms;
	for (int guard = 0; guard < 100000; guard++) {
		if (deliver)
			lab_flush(lab);
		uint64_t a = ike_next_ms(lab->n[0].e), b = ike_next_ms(lab->n[1].e), at = a < b ? a : b;
		if (at > end)
			break;
		if (at > lab->now_ms)
			lab->now_ms = at;
		for (int i = 0; i < 2; i++) {
			if (ike_next_ms(lab->n[i].e) > lab->now_ms)
				continue;
			ike_tick(lab->n[i].e, lab->now_ms, &lab->n[i].fx);
			settle(lab, i);
		}
	}
	lab->now_ms = end;
}

void lab_run(struct lab *lab, uint64_t ms)
{
	pass(lab, ms, true);
}

void lab_pass(struct lab *lab, uint64_t ms)
{
	pass(lab, ms, false);
}

void lab_kern_event(struct lab *lab, int node, const struct kern_event *ev)
{
	ike_kern_event(lab->n[node].e, lab->now_ms, ev, &lab->n[node].fx);
	settle(lab, node);
}

void lab_kern_answer(struct lab *lab, int node, size_t i)
{
	struct lab_node *n = &lab->n[node];
	uint64_t token = n->held_kern[i];
	err_t res = n->held_res[i];
	n->n_held_kern--;
	memmove(&n->held_kern[i], &n->held_kern[i + 1], (n->n_held_kern - i) * sizeof n->held_kern[0]);
	memmove(&n->held_res[i], &n->held_res[i + 1], (n->n_held_kern - i) * sizeof n->held_res[0]);
	ike_kern_done(n->e, lab->now_ms, token, res, &n->fx);
	settle(lab, node);
}

void lab_name_answer(struct lab *lab, int node)
{
	name_answer(lab, node);
	settle(lab, node);
}

void lab_job_answer(struct lab *lab, int node, size_t i)
{
	struct lab_node *n = &lab->n[node];
	struct ike_job *job = n->held_jobs[i];
	n->n_held_jobs--;
	memmove(&n->held_jobs[i], &n->held_jobs[i + 1], (n->n_held_jobs - i) * sizeof n->held_jobs[0]);
	ike_job_run(job);
	ike_done(n->e, lab->now_ms, job, &n->fx);
	settle(lab, node);
}

void lab_cred_answer(struct lab *lab, int node, size_t i)
{
	struct lab_node *n = &lab->n[node];
	struct lab_ask a = n->asks[i];
	n->n_asks--;
	memmove(&n->asks[i], &n->asks[i + 1], (n->n_asks - i) * sizeof a);
	cred_answer(lab, node, &a);
	settle(lab, node);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

bool lab_up(struct lab *lab)
{
	lab_do(lab, 0, &(struct ike_cmd){ .verb = IKE_CMD_INITIATE, .cmd_id = 1, .ike = "c", .child = "k" });
	lab_run(lab, 100);
	const struct lab_reply *r = lab_reply(lab, 0, 1);
	if (r && !r->err && lab_children(lab, 0, "INSTALLED") == 1 && lab_children(lab, 1, "INSTALLED") == 1)
		return true;
	lab_fail(lab, "the tunnel does not come up: %s", r ? r->text : "no reply");
	return false;
}

unsigned lab_ikes(struct lab *lab, int node, const char *state)
{
	struct arena a;
	uint32_t cursor = 0;
	unsigned n = 0;
	arena_init(&a, 1 << 20);
	for (const struct ike_view *v; (v = ike_view_next(lab->n[node].e, lab->now_ms, &cursor, &a));)
		n += !state || !strcmp(v->state, state);
	arena_fini(&a);
	return n;
}

unsigned lab_children(struct lab *lab, int node, const char *state)
{
	struct arena a;
	uint32_t cursor = 0;
	unsigned n = 0;
	arena_init(&a, 1 << 20);
	for (const struct ike_view *v; (v = ike_view_next(lab->n[node].e, lab->now_ms, &cursor, &a));)
		for (uint16_t i = 0; i < v->n_children; i++)
			n += !state || !strcmp(v->children[i].state, state);
	arena_fini(&a);
	return n;
}

void lab_converged(struct lab *lab, unsigned ikes, unsigned kids)
{
	for (int i = 0; i < 2; i++) {
		struct lab_node *n = &lab->n[i], *peer = &lab->n[1 - i];
		struct ike_stats st;
		ike_stats_get(n->e, &st);
		if (lab_ikes(lab, i, NULL) != ikes || lab_ikes(lab, i, "ESTABLISHED") != ikes || st.ike_sas != ikes)
			lab_fail(lab, "%s has %u IKE SAs, %u established, not %u", n->name, lab_ikes(lab, i, NULL),
				 lab_ikes(lab, i, "ESTABLISHED"), ikes);
		if (lab_children(lab, i, NULL) != kids || lab_children(lab, i, "INSTALLED") != kids ||
		    st.children != kids)
			lab_fail(lab, "%s has %u children, %u installed, not %u", n->name, lab_children(lab, i, NULL),
				 lab_children(lab, i, "INSTALLED"), kids);
		if (n->n_sas != 2 * kids)
			lab_fail(lab, "%s has %zu SAs in its data plane, not %u", n->name, n->n_sas, 2 * kids);
		if (n->n_pols != 3 * kids)
			lab_fail(lab, "%s has %zu policies in its data plane, not %u", n->name, n->n_pols, 3 * kids);
		for (size_t k = 0; k < n->n_sas; k++) {
			const struct lab_sa *s = &n->sas[k], *o = plane_sa(peer, 1 - s->sa.dir, s->sa.spi);
			if (!o)
				lab_fail(lab, "%s has SA %08x alone", n->name, s->sa.spi);
			else if (o->key_len != s->key_len || memcmp(o->key, s->key, s->key_len) != 0)
				lab_fail(lab, "SA %08x has two keys", s->sa.spi);
		}
		for (size_t k = 0; k < n->n_replies; k++)
			if (n->replies[k].times != 1)
				lab_fail(lab, "%s: command %llu was answered %u times", n->name,
					 (unsigned long long)n->replies[k].cmd_id, n->replies[k].times);
		if (n->n_held_jobs || n->n_held_kern)
			lab_fail(lab, "%s still has answers held back", n->name);
	}
}
