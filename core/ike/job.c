/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs and kernel operations: what an exchange waits for. A wait is a slab entry that names the exchange by the SA's
 * handle and the exchange's serial; its own handle is the token, so an answer that comes too late finds nothing.
 */
#include "ike/ask.h"
#include "ike/engine_int.h"
#include "ike/redirect.h"
#include "ike/wait.h"

#include <stdlib.h>

static COUNTER(c_stale, "ike.wait.stale", "answers of jobs and of the kernel whose exchange was gone");

static COUNTER(c_unrun, "ike.wait.unrun", "key exchanges the workers had no room for: dropped, or computed in the loop");
static COUNTER(c_overdue, "ike.wait.overdue", "jobs and kernel operations that were not answered in time");

/* Longer than any key exchange, and than netlink ever takes. */
#define WAIT_MAX_MS 60000u

enum job_kind { JOB_OFFER, JOB_ANSWER, JOB_FINISH };

struct ike_job {
	uint8_t kind;
	bool ran;
	err_t res;
	uint64_t token;
	struct ike_ke ke;
	uint16_t peer_len;
	uint8_t peer[];
};

void ike_ke_fini(struct ike_ke *k)
{
	if (k->ops && k->ctx.p)
		k->ops->fini(k->ctx.p);
	secret_fini(&k->ctx);
	secret_fini(&k->ss);
	free(k->pub);
	*k = (struct ike_ke){ 0 };
}

static void ke_move(struct ike_ke *dst, struct ike_ke *src)
{
	*dst = *src;
	*src = (struct ike_ke){ 0 };
}

static void job_free(struct ike_job *j)
{
	ike_ke_fini(&j->ke);
	free(j);
}

static err_t job_work(struct ike_job *j)
{
	struct ike_ke *k = &j->ke;
	slice peer = slice_of(j->peer, j->peer_len);
	err_t e = 0;

	switch (j->kind) {
	case JOB_OFFER:
		k->pub_len = k->ops->pub_i_len;
		e = secret_init(&k->ctx, k->ops->ctx_size);
		break;
	case JOB_ANSWER:
		k->pub_len = k->ops->pub_r_len;
		e = secret_init(&k->ss, k->ops->secret_len);
		break;
	default:
		e = secret_init(&k->ss, k->ops->secret_len);
	}
	if (!e && j->kind != JOB_FINISH && !(k->pub = malloc(k->pub_len)))
		e = E_NOMEM;
	if (e)
		return e;
	if (j->kind == JOB_OFFER)
		return k->ops->offer(k->ctx.p, k->pub);
	if (j->kind == JOB_ANSWER)
		return k->ops->answer(peer, k->pub, k->ss.p);
	return k->ops->finish(k->ctx.p, peer, k->ss.p);
}

void ike_job_run(struct ike_job *j)
{
	j->res = job_work(j);
	j->ran = true;
}

/* Nobody answered: a kernel operation then has failed, a lost job ends the SA. */
static void wait_due(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_xch *x = TIMER_OF(t, struct ike_xch, timer);
	bool kern = x->for_kern, name = x->for_name;

	count_inc(&c_overdue);
	SA_LOG(e, x->sa, LOG_JOB, LOG_AUDIT, "no answer from the %s within %u s: given up",
		kern ? "data plane" : name ? "resolver of names" : "crypto workers",
		WAIT_MAX_MS / 1000);
	if (!ike_wait_take(e, x->token))
		return;
	if (name) {
		redirect_overdue(x);
		ike_resume(x);
		return;
	}
	if (!kern) {
		ike_sa_end(e, x->sa, E_TIMEOUT, false, "a key exchange was not computed in time");
		return;
	}
	x->kern_ready = true;
	x->kern_res = E_TIMEOUT;
	ike_resume(x);
}

uint64_t ike_wait_new(struct ike_xch *x, bool for_kern)
{
	handle h;
	struct ike_wait *w = slab_get(x->e->waits, &h);

	if (!w)
		return 0;
	w->sa = x->sa->h;
	w->serial = x->serial;
	x->waiting = true;
	x->for_kern = for_kern;
	x->for_cred = x->for_name = false;
	x->token = handle_u64(h);
	timer_set(&x->e->timers, &x->timer, x->e->now_ms + WAIT_MAX_MS, wait_due);
	return x->token;
}

struct ike_xch *ike_wait_take(struct ike_engine *e, uint64_t token)
{
	handle h = handle_from_u64(token);
	struct ike_wait *w = slab_at(e->waits, h);

	if (!w)
		return NULL;
	struct ike_sa *sa = ike_sa_at(e, w->sa);
	uint32_t serial = w->serial;
	slab_put(e->waits, h);
	struct ike_xch *x = !sa ? NULL : sa->rx && sa->rx->serial == serial ? sa->rx
		: sa->tx && sa->tx->serial == serial ? sa->tx : NULL;
	if (!x || !x->waiting) {
		count_inc(&c_stale);
		return NULL;
	}
	x->waiting = false;
	timer_stop(&e->timers, &x->timer);
	return x;
}

static enum verdict job_start(struct ike_xch *x, uint8_t kind, struct ike_ke *k, slice peer)
{
	struct ike_engine *e = x->e;
	struct ike_job *j = calloc(1, sizeof *j + peer.n);

	if (!j)
		return ike_reject(x, E_NOMEM, "no memory for a key exchange");
	j->kind = kind;
	j->peer_len = (uint16_t)peer.n;
	if (peer.n)
		memcpy(j->peer, peer.p, peer.n);
	ke_move(&j->ke, k);
	if (e->env.inline_jobs) {
		ike_job_run(j);
		x->job = j;
		return V_DONE;
	}
	struct fx *f = NULL;
	j->token = ike_wait_new(x, false);
	if (j->token)
		f = fx_add(e, FX_JOB);
	if (!f) {
		if (j->token)
			(void)ike_wait_take(e, j->token);
		job_free(j);
		return ike_reject(x, E_FULL, "too many key exchanges wait for a worker");
	}
	f->job = j;
	return V_WAIT;
}

static enum verdict job_take(struct ike_xch *x, struct ike_ke *k)
{
	struct ike_job *j = x->job;
	char name[32];

	x->job = NULL;
	if (!j->ran) {
		/* The workers have too much to do. A stranger's first message is dropped: it will come again. */
		count_inc(&c_unrun);
		if (x->e->stopping || (x->exchange == XCHG_IKE_SA_INIT && x->dir == XCH_RX_REQUEST)) {
			job_free(j);
			return V_DROP;
		}
		ike_job_run(j);
	}
	err_t res = j->res;
	ike_ke_fini(k);
	ke_move(k, &j->ke);
	free(j);
	if (res == E_BAD_PUBLIC || err_class(res) == ERR_PEER)
		return ike_reject(x, E_BAD_PUBLIC, "the peer's %s public value is invalid", suite_alg_name(SUITE_KE, k->id, name));
	if (res)
		return ike_reject(x, res, "key exchange %s failed: %s", suite_alg_name(SUITE_KE, k->id, name), err_text(res));
	return V_DONE;
}

static enum verdict ke_do(struct ike_xch *x, uint8_t kind, struct ike_ke *k, slice peer)
{
	if (!x->job) {
		enum verdict v = job_start(x, kind, k, peer);
		if (v != V_DONE)
			return v;
	}
	return job_take(x, k);
}

static enum verdict ke_pick(struct ike_xch *x, struct ike_ke *k, uint16_t id)
{
	char name[32];

	if (x->job)
		return V_DONE;
	ike_ke_fini(k);
	k->id = id;
	k->ops = crypto_kex(x->e->env.crypto, id);
	if (!k->ops)
		return ike_reject(x, E_NOT_SUPPORTED, "no plugin provides key exchange %s", suite_alg_name(SUITE_KE, id, name));
	return V_DONE;
}

static enum verdict ke_len(struct ike_xch *x, uint16_t want, slice got, uint16_t id)
{
	char name[32];

	if (got.n == want)
		return V_DONE;
	return ike_reject(x, E_BAD_PUBLIC, "the peer's public value for %s has %zu bytes, %u are right",
		suite_alg_name(SUITE_KE, id, name), got.n, want);
}

enum verdict ke_offer(struct ike_xch *x, struct ike_ke *k, uint16_t id)
{
	enum verdict v = ke_pick(x, k, id);

	return v ? v : ke_do(x, JOB_OFFER, k, SLICE_NONE);
}

enum verdict ke_answer(struct ike_xch *x, struct ike_ke *k, uint16_t id, slice peer_pub)
{
	enum verdict v = ke_pick(x, k, id);

	if (!v && !x->job)
		v = ke_len(x, k->ops->pub_i_len, peer_pub, id);
	return v ? v : ke_do(x, JOB_ANSWER, k, peer_pub);
}

enum verdict ke_finish(struct ike_xch *x, struct ike_ke *k, slice peer_pub)
{
	if (!x->job) {
		if (!k->ops || !k->ctx.p)
			return ike_reject(x, E_INTERNAL, "key exchange was not begun");
		enum verdict v = ke_len(x, k->ops->pub_r_len, peer_pub, k->id);
		if (v)
			return v;
	}
	return ke_do(x, JOB_FINISH, k, peer_pub);
}

void ike_job_drop(struct ike_job *j)
{
	job_free(j);
}

void ike_done(struct ike_engine *e, uint64_t now_ms, struct ike_job *job, struct fx_list *out)
{
	ike_enter(e, now_ms, out);
	struct ike_xch *x = ike_wait_take(e, job->token);
	if (!x) {
		job_free(job);
		return;
	}
	x->job = job;
	ike_resume(x);
}

static const struct kern_op *ops_copy(struct arena *a, const struct kern_op *ops, size_t n)
{
	struct kern_op *v = arena_dup(a, ops, n * sizeof *ops);

	for (size_t i = 0; v && i < n; i++) {
		struct kern_sa *sa = &v[i].sa;
		if (v[i].verb != KERN_SA_ADD && v[i].verb != KERN_SA_UPDATE && v[i].verb != KERN_SA_DEL)
			continue;
		bool keys = sa->encr_key.n || sa->integ_key.n;
		if (sa->encr_key.n)
			sa->encr_key = arena_slice(a, sa->encr_key);
		if (sa->integ_key.n)
			sa->integ_key = arena_slice(a, sa->integ_key);
		if (keys && !sa->encr_key.p && !sa->integ_key.p)
			return NULL;
		if (sa->n_local_ts)
			sa->local_ts = arena_dup(a, sa->local_ts, sa->n_local_ts * sizeof *sa->local_ts);
		if (sa->n_remote_ts)
			sa->remote_ts = arena_dup(a, sa->remote_ts, sa->n_remote_ts * sizeof *sa->remote_ts);
		if ((sa->n_local_ts && !sa->local_ts) || (sa->n_remote_ts && !sa->remote_ts))
			return NULL;
	}
	return v;
}

static struct fx *kern_out(struct ike_engine *e, const struct kern_op *ops, size_t n, uint64_t token)
{
	const struct kern_op *v = ops_copy(&e->fx->arena, ops, n);
	struct fx *f = v ? fx_add(e, FX_KERNEL) : NULL;

	if (!f)
		return NULL;
	f->kernel.ops = (struct kern_op *)v;
	f->kernel.n = n;
	f->kernel.token = token;
	return f;
}

enum verdict ike_kern(struct ike_engine *e, struct ike_xch *x, const struct kern_op *ops, size_t n)
{
	if (!x) {
		(void)kern_out(e, ops, n, 0);
		return V_DONE;
	}
	if (x->kern_ready) {
		x->kern_ready = false;
		return V_DONE;
	}
	uint64_t token = ike_wait_new(x, true);
	if (token && kern_out(e, ops, n, token))
		return V_WAIT;
	if (token)
		(void)ike_wait_take(e, token);
	x->kern_res = E_FULL;
	return V_DONE;
}

void ike_kern_watched(struct ike_engine *e, const struct ike_sa *sa, uint64_t child_unique, const struct kern_op *ops, size_t n)
{
	handle h;
	struct ike_wait *w = slab_get(e->waits, &h);

	/* Without memory for a watch it goes out unwatched. */
	if (w)
		*w = (struct ike_wait){ .sa = sa->h, .child = child_unique };
	if (!kern_out(e, ops, n, w ? handle_u64(h) : 0) && w)
		slab_put(e->waits, h);
}

/* The answer to ike_kern_watched; false: it is one that an exchange waits for. */
static bool watched_done(struct ike_engine *e, uint64_t token, err_t res)
{
	handle h = handle_from_u64(token);
	struct ike_wait *w = slab_at(e->waits, h);

	if (!w || w->serial)
		return false;
	struct ike_sa *sa = ike_sa_at(e, w->sa);
	uint64_t child = w->child;
	slab_put(e->waits, h);
	if (sa && res) {
		ike_sa_enter(sa);
		child_kern_failed(e, sa, child, res);
		ike_sa_leave(e, sa);
	}
	return true;
}

void ike_kern_done(struct ike_engine *e, uint64_t now_ms, uint64_t token, err_t res, struct fx_list *out)
{
	ike_enter(e, now_ms, out);
	if (!token || watched_done(e, token, res))
		return;
	struct ike_xch *x = ike_wait_take(e, token);
	if (!x)
		return;
	x->kern_ready = true;
	x->kern_res = res;
	ike_resume(x);
}
