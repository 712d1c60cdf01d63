/* SPDX-License-Identifier: Apache-2.0 */
#include "base/count.h"
#include "daemon/creds.h"
#include "daemon/daemon.h"
#include "os/rng.h"

#include <stdlib.h>
#include <time.h>

enum { FX_SPARE = 4 };

struct drive_list {
	struct drive_list *next;
	struct fx_list fx;
};

struct drive_job {
	struct work work;
	struct daemon *d;
	struct ike_job *job;
};

static COUNTER(c_lost, "daemon.effects_lost", "calls of the engine left out because there was no memory");

/* ---- lists of effects ---- */

static struct drive_list *list_get(struct daemon *d)
{
	struct drive_list *l = d->fx_free;

	if (l) {
		d->fx_free = l->next;
		return l;
	}
	l = calloc(1, sizeof *l);
	if (l)
		fx_init(&l->fx);
	else
		count_inc(&c_lost);
	return l;
}

static void list_put(struct daemon *d, struct drive_list *l)
{
	unsigned n = 0;

	fx_reset(&l->fx);
	for (const struct drive_list *f = d->fx_free; f; f = f->next)
		n++;
	if (n >= FX_SPARE) {
		fx_fini(&l->fx);
		free(l);
		return;
	}
	l->next = d->fx_free;
	d->fx_free = l;
}

static void lists_free(struct drive_list *l)
{
	while (l) {
		struct drive_list *next = l->next;
		fx_fini(&l->fx);
		free(l);
		l = next;
	}
}

/* ---- executing ---- */

static void drain(struct daemon *d, struct drive_list *l);

#define DRIVE(d, call) \
	do { \
		struct drive_list *l = list_get(d); \
		if (!l) \
			return; \
		struct fx_list *out = &l->fx; \
		uint64_t now = loop_now_ms(); \
		call; \
		drain((d), l); \
	} while (0)

static void job_given_back(struct daemon *d, struct ike_job *job)
{
	struct drive_list *l = list_get(d);

	if (!l)
		return;
	ike_done(d->engine, loop_now_ms(), job, &l->fx);
	drain(d, l);
}

static void job_run(struct work *w)
{
	ike_job_run(((struct drive_job *)w)->job);
}

static void job_done(struct work *w, bool ran)
{
	struct drive_job *j = (struct drive_job *)w;

	(void)ran;
	job_given_back(j->d, j->job);
	free(j);
}

/* A job the workers have no room for is given back as it is: the engine drops what a stranger asked for
 * and does its own at once, which slows down what makes so many of them. */
static void do_job(struct daemon *d, struct ike_job *job)
{
	struct drive_job *j = malloc(sizeof *j);

	if (j) {
		*j = (struct drive_job){ { .run = job_run, .done = job_done }, d, job };
		if (workers_put(d->workers, &j->work) == 0)
			return;
	}
	free(j);
	job_given_back(d, job);
}

static void do_send(struct daemon *d, const struct fx *fx)
{
	/* What does not go out is counted there; IKE sends again by itself. */
	err_t e = udp_send(d->udp, &fx->send.local, &fx->send.remote, (uint8_t)(fx->send.dscp << 2), fx->send.data);

	if (e == E_NOT_SUPPORTED) {
		char to[NET_ADDR_TEXT];
		log_peer(d->log, LOG_NETWORK, LOG_CONTROL, &(struct log_ctx){ .peer = &fx->send.remote },
			"cannot send to %s: there is no socket of its address family",
			net_addr_text(&fx->send.remote, true, to));
	}
}

static void do_kernel(struct daemon *d, const struct fx *fx)
{
	err_t e = plane_submit(d, fx->kernel.ops, fx->kernel.n, fx->kernel.token);

	if (e != E_AGAIN && fx->kernel.token)
		drive_kern_done(d, fx->kernel.token, e);
}

static void do_vip(struct daemon *d, const struct fx *fx)
{
	char a[NET_ADDR_TEXT];
	err_t e = netplane_vip(d, &fx->vip.addr, fx->vip.add);

	if (e && fx->vip.add)
		LOGF(d->log, LOG_NETWORK, LOG_CONTROL, &(struct log_ctx){ .code = e }, "virtual address %s cannot be put on this "
			"host: %s (plugin kernel-net does it)", net_addr_text(&fx->vip.addr, false, a), err_text(e));
}

static void resolved(void *arg, uint64_t token, err_t err, const char *why, const struct net_addr *v, size_t n)
{
	struct daemon *d = arg;

	if (d->engine)
		DRIVE(d, ike_resolve_done(d->engine, now, token, err, why, v, n, out));
}

static void do_resolve(struct daemon *d, const struct fx *fx)
{
	err_t e = resolver_ask(d->resolver, fx->resolve.name, fx->resolve.token);

	if (e)
		resolved(d, fx->resolve.token, e, err_text(e), NULL, 0);
}

static void do_one(struct daemon *d, const struct fx *fx)
{
	switch ((enum fx_type)fx->type) {
	case FX_SEND:
		do_send(d, fx);
		break;
	case FX_JOB:
		do_job(d, fx->job);
		break;
	case FX_KERNEL:
		do_kernel(d, fx);
		break;
	case FX_EVENT:
		netplane_event(d, &fx->event);
		if (d->api)
			api_server_event(d->api, &fx->event);
		break;
	case FX_SIGN:
		creds_sign(d, fx->ask);
		break;
	case FX_TRUST:
		creds_trust(d, fx->ask);
		break;
	case FX_RESOLVE:
		do_resolve(d, fx);
		break;
	case FX_VIP:
		do_vip(d, fx);
		break;
	case FX_REPLY:
		if (!effects_reply(d, fx) && d->api)
			api_server_reply(d->api, fx);
		break;
	}
}

/* The timer is only set when the engine wants to be called earlier than it will fire; one that fires too early costs a
 * call that does nothing. */
static void tick_set(struct daemon *d)
{
	uint64_t next = ike_next_ms(d->engine), now = loop_now_ms();

	if (next >= d->tick_at_ms)
		return;
	d->tick_at_ms = next;
	loop_timer_set(d->tick, next > now ? next - now : 0);
}

static void drain(struct daemon *d, struct drive_list *l)
{
	l->next = NULL;
	*d->fx_wait_tail = l;
	d->fx_wait_tail = &l->next;
	if (d->fx_busy)
		return;
	d->fx_busy = true;
	while ((l = d->fx_wait)) {
		d->fx_wait = l->next;
		if (!d->fx_wait)
			d->fx_wait_tail = &d->fx_wait;
		for (const struct fx *fx = l->fx.head; fx; fx = fx->next)
			do_one(d, fx);
		list_put(d, l);
	}
	d->fx_busy = false;
	tick_set(d);
}

/* ---- what goes in ---- */

static void tick(void *arg)
{
	struct daemon *d = arg;
	struct drive_list *l = list_get(d);

	d->tick_at_ms = UINT64_MAX;
	if (!l) {
		/* Again soon, when there may be memory. */
		d->tick_at_ms = loop_now_ms() + 1000;
		loop_timer_set(d->tick, 1000);
		return;
	}
	ike_tick(d->engine, loop_now_ms(), &l->fx);
	drain(d, l);
}

void drive_rx(struct daemon *d, const struct net_addr *local, const struct net_addr *remote, slice data)
{
	DRIVE(d, ike_rx(d->engine, now, local, remote, data, out));
}

void drive_cmd(struct daemon *d, const struct ike_cmd *cmd)
{
	DRIVE(d, ike_do(d->engine, now, cmd, out));
}

void drive_forget(struct daemon *d, uint64_t cmd_id)
{
	ike_cmd_forget(d->engine, cmd_id);
}

void drive_conf_changed(struct daemon *d)
{
	DRIVE(d, ike_conf_changed(d->engine, now, out));
}

void drive_adopt(struct daemon *d, const struct ike_adopt *a)
{
	DRIVE(d, ike_conf_adopt(d->engine, now, a, out));
}

void drive_kern_event(struct daemon *d, const struct kern_event *ev)
{
	if (d->engine)
		DRIVE(d, ike_kern_event(d->engine, now, ev, out));
}

void drive_kern_done(struct daemon *d, uint64_t token, err_t res)
{
	if (d->engine)
		DRIVE(d, ike_kern_done(d->engine, now, token, res, out));
}

void drive_sign_done(struct daemon *d, uint64_t token, err_t err, const char *why, const struct ike_signed *s)
{
	if (d->engine)
		DRIVE(d, ike_sign_done(d->engine, now, token, err, why, s, out));
}

void drive_trust_done(struct daemon *d, uint64_t token, err_t err, const char *why, const struct ike_trusted *t)
{
	if (d->engine)
		DRIVE(d, ike_trust_done(d->engine, now, token, err, why, t, out));
}

void drive_shutdown(struct daemon *d)
{
	DRIVE(d, ike_shutdown(d->engine, now, out));
}

/* ---- life ---- */

static uint64_t wall_s(void *arg)
{
	(void)arg;
	return (uint64_t)time(NULL);
}

static struct conf_conn *env_match(void *arg, const struct net_addr *local, const struct net_addr *remote,
	size_t *cursor)
{
	return conf_env_match(((struct daemon *)arg)->store, local, remote, cursor);
}

static struct conf_conn *env_find(void *arg, const char *name)
{
	return conf_env_find(((struct daemon *)arg)->store, name);
}

err_t drive_start(struct daemon *d, struct diag **why)
{
	struct ike_env env = { .crypto = &d->crypto, .log = d->log, .conf = &d->conf, .arg = d, .conn_match = env_match,
		.conn_find = env_find, .local_addr = netplane_source, .psk = creds_psk, .kern_can = plane_can,
		.kern_usage = plane_usage, .path_mtu = netplane_path_mtu, .child_device = netplane_child_device,
		.kern_left_reqid = plane_left_reqid, .kern_first_reqid = plane_first_reqid(d), .kern_last_reqid = plane_last_reqid(d),
		.kern_caps = plane_caps(d), .kern_has = plane_has,
		.wall_s = wall_s,
		.sig_hashes = d->creds->ops ? d->creds->hashes : 0, .ca_hashes = creds_ca_hashes, .peer_free = creds_peer_free, .cert_names = creds_cert_names };

	d->fx_wait_tail = &d->fx_wait;
	d->tick_at_ms = UINT64_MAX;
	d->tick = loop_timer(d->loop, UINT64_MAX, 0, tick, d);
	d->resolver = resolver_new(d->loop, resolved, d);
	if (!d->tick || !d->resolver)
		return diag_set(why, E_NOMEM, "no memory for a timer or the look-up of names");
	err_t e = ike_engine_new(&env, &d->engine);
	return e ? diag_set(why, e, "cannot make the IKE engine: %s", err_text(e)) : 0;
}

void drive_stop(struct daemon *d)
{
	loop_untimer(d->tick);
	resolver_free(d->resolver);
	d->resolver = NULL;
	ike_engine_free(d->engine);
	d->engine = NULL;
	lists_free(d->fx_wait);
	lists_free(d->fx_free);
	d->fx_wait = d->fx_free = NULL;
}
