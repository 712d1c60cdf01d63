/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces, the plugins' host, and the small loop that both sides run in. */
#include "tests/contract/lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EVENT_MS = 30000 };

uint64_t lab_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

bool lab_fail(struct lab *l, const char *fmt, ...)
{
	va_list ap;

	if (l->why[0])
		return false; /* the first reason counts */
	va_start(ap, fmt);
	vsnprintf(l->why, sizeof l->why, fmt, ap);
	va_end(ap);
	return false;
}

void lab_enter(struct lab *l, int side)
{
	if (l->side[side].ns >= 0 && setns(l->side[side].ns, CLONE_NEWNET))
		abort(); /* it was opened by us */
}

int lab_sh(struct lab *l, int side, const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof cmd, fmt, ap);
	va_end(ap);
	lab_enter(l, side);
	int st = system(cmd);
	return WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

/* ---- the host ---- */

static const char *host_conf(void *h, const char *key)
{
	struct lab_side *s = h;
	static char path[128];

	if (strcmp(key, "state") == 0) {
		snprintf(path, sizeof path, "%s/%d", s->lab->state, (int)(s - s->lab->side));
		return path;
	}
	for (const struct plug_conf_key *k = s->lab->desc->conf; k && k->key; k++)
		if (strcmp(k->key, key) == 0)
			return k->def;
	return NULL;
}

static void host_log(void *h, int level, const char *text)
{
	struct lab_side *s = h;

	if (getenv("CONTRACT_LOG"))
		fprintf(stderr, "# %c %d %s\n", s == s->lab->side ? 'A' : 'B', level, text);
	if (level > 1)
		return;
	snprintf(s->said, sizeof s->said, "%s", text);
	s->n_said++;
}

static const void *host_find(void *h, uint16_t kind, uint16_t id, uint16_t arg)
{
	const struct plug_desc *d = ((struct lab_side *)h)->lab->crypto;

	for (size_t i = 0; d && i < d->n_feats; i++)
		if (d->feats[i].is.kind == kind && d->feats[i].is.id == id && (d->feats[i].is.arg == arg || !arg))
			return d->feats[i].ops;
	return NULL;
}

static err_t host_random(void *h, uint8_t *out, size_t n)
{
	(void)h;
	return getrandom(out, n, 0) == (ssize_t)n ? 0 : E_IO;
}

static uint64_t host_now(void *h)
{
	(void)h;
	return lab_now_ms();
}

static struct plug_watch *host_watch(void *h, int fd, int events, void (*cb)(void *arg, int fd, int events), void *arg)
{
	struct lab_side *s = h;

	for (size_t i = 0; i < LAB_WATCHES; i++)
		if (!s->watch[i].cb) {
			s->watch[i] = (struct plug_watch){ fd, events, cb, arg };
			return &s->watch[i];
		}
	return NULL;
}

static void host_unwatch(void *h, struct plug_watch *w)
{
	(void)h;
	w->cb = NULL;
}

static struct plug_timer *host_timer(void *h, uint64_t after_ms, uint64_t every_ms, void (*cb)(void *arg), void *arg)
{
	struct lab_side *s = h;

	for (size_t i = 0; i < LAB_TIMERS; i++)
		if (!s->timer[i].cb) {
			s->timer[i] = (struct plug_timer){ lab_now_ms() + after_ms, every_ms, cb, arg };
			return &s->timer[i];
		}
	return NULL;
}

static void host_untimer(void *h, struct plug_timer *t)
{
	(void)h;
	t->cb = NULL;
}

static void host_event(void *h, const struct kern_event *ev)
{
	struct lab_side *s = h;

	if (s->n_ev < LAB_EVENTS)
		s->ev[s->n_ev++] = *ev;
}

static void host_done(void *h, uint64_t token, err_t res)
{
	(void)h, (void)token, (void)res;
}

static void host_count(void *h, const char *name, uint64_t n)
{
	(void)h, (void)name, (void)n;
}

static socklen_t to_sockaddr(const struct net_addr *a, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (a->family == NET_V4) {
		struct sockaddr_in *s = (struct sockaddr_in *)out;
		s->sin_family = AF_INET;
		s->sin_port = htons(a->port);
		memcpy(&s->sin_addr, a->a, 4);
		return sizeof *s;
	}
	struct sockaddr_in6 *s = (struct sockaddr_in6 *)out;
	s->sin6_family = AF_INET6;
	s->sin6_port = htons(a->port);
	memcpy(&s->sin6_addr, a->a, 16);
	return sizeof *s;
}

/* IPv4 is enough for encapsulation: the two families differ in the outer header only. */
static err_t host_udp_send(void *h, const struct net_addr *local, const struct net_addr *remote, const slice *v, size_t n,
	unsigned how)
{
	struct lab_side *s = h;
	struct sockaddr_storage to;
	socklen_t len = to_sockaddr(remote, &to);

	(void)how;
	for (size_t i = 0; i < n; i++)
		(void)!sendto(s->udp[local->port == NATT_OTHER], v[i].p, v[i].n, 0, (struct sockaddr *)&to, len);
	return 0;
}

static err_t host_post(void *h, void (*cb)(void *arg), void *arg)
{
	(void)h;
	cb(arg);
	return 0;
}

static void host_make(struct lab *l, int side)
{
	struct lab_side *s = &l->side[side];

	s->lab = l;
	s->host = (struct plug_host){
		.size = sizeof(struct plug_host), .h = s, .conf = host_conf, .log = host_log, .find = host_find,
		.random = host_random, .now_ms = host_now, .watch = host_watch, .unwatch = host_unwatch, .timer = host_timer,
		.untimer = host_untimer, .post = host_post, .udp_send = host_udp_send, .kern_event = host_event,
		.kern_done = host_done, .count = host_count, .fwmark = LAB_MARK,
	};
}

/* ---- the loop ---- */

static void take_udp(struct lab *l, int side, int fd)
{
	uint8_t buf[FRAME_MAX];
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	ssize_t n = recvfrom(fd, buf, sizeof buf, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
	struct net_addr local = lab_addr(side, false, NET_V4, 0), remote = { .family = NET_V4 };

	if (n <= 0 || !l->ops->esp_in_udp || !l->side[side].self)
		return;
	memcpy(remote.a, &from.sin_addr, 4);
	remote.port = ntohs(from.sin_port);
	local.port = fd == l->side[side].udp[0] ? NATT : NATT_OTHER;
	struct kern_udp u = { &local, &remote, buf, (size_t)n, 0 };
	l->ops->esp_in_udp(l->side[side].self, &u, 1);
}

static void run_timers(struct lab *l)
{
	for (int i = 0; i < LAB_SIDES; i++)
		for (size_t k = 0; k < LAB_TIMERS; k++) {
			struct plug_timer *t = &l->side[i].timer[k];
			if (!t->cb || t->due_ms > lab_now_ms())
				continue;
			t->due_ms = lab_now_ms() + t->every_ms;
			lab_enter(l, i);
			t->cb(t->arg);
		}
}

static void run_once(struct lab *l, int wait_ms)
{
	struct pollfd v[LAB_SIDES * (LAB_WATCHES + 2)];
	struct plug_watch *w[ARRAY_LEN(v)];
	int side[ARRAY_LEN(v)];
	nfds_t n = 0;

	for (int i = 0; i < LAB_SIDES; i++) {
		for (size_t k = 0; k < LAB_WATCHES; k++) {
			struct plug_watch *p = &l->side[i].watch[k];
			if (!p->cb)
				continue;
			w[n] = p;
			side[n] = i;
			v[n++] = (struct pollfd){ .fd = p->fd,
				.events = (short)((p->events & 1 ? POLLIN : 0) | (p->events & 2 ? POLLOUT : 0)) };
		}
		for (int k = 0; k < 2; k++) {
			w[n] = NULL;
			side[n] = i;
			v[n++] = (struct pollfd){ .fd = l->side[i].udp[k], .events = POLLIN };
		}
	}
	if (poll(v, n, wait_ms) > 0)
		for (nfds_t i = 0; i < n; i++) {
			if (!v[i].revents)
				continue;
			lab_enter(l, side[i]);
			if (!w[i])
				take_udp(l, side[i], v[i].fd);
			else if (w[i]->cb)
				w[i]->cb(w[i]->arg, v[i].fd, (v[i].revents & ~POLLOUT ? 1 : 0) | (v[i].revents & POLLOUT ? 2 : 0));
		}
	run_timers(l);
}

void lab_run(struct lab *l, unsigned ms)
{
	uint64_t end = lab_now_ms() + ms;

	do
		run_once(l, ms < 5 ? (int)ms : 5);
	while (lab_now_ms() < end);
}

/* ---- namespaces ---- */

/* A namespace of its own, held by the descriptor. */
static int ns_new(void)
{
	if (unshare(CLONE_NEWNET))
		return -1;
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static bool up_side(struct lab *l, int side)
{
	char me = side == LAB_A ? '1' : '2';

	/* Source checks would refuse what comes out of a tunnel device; what the kernel says by itself is in the way. */
	if (lab_sh(l, side, "set -e; ip link set lo up; for d in all default; do for f in rp_filter accept_local; do "
		"echo 0 >/proc/sys/net/ipv4/conf/$d/$f; done; done; "
		"ip addr add 198.51.100.%c/24 dev wire; ip link set wire address 02:00:00:00:00:0%c up; "
		"ip addr add fd0a::%c/64 dev wire nodad; "
		"for i in 1 2 3 4 5 6 7 8 9; do ip addr add 10.%c.0.$i/32 dev lo; done; ip addr add fd0%c::1/128 dev lo nodad", me, me, me,
		me, me))
		return false;
	char far = side == LAB_A ? '2' : '1';
	return !lab_sh(l, side, "set -e; ip route add 10.%c.0.0/24 via 198.51.100.%c src 10.%c.0.1; "
		"ip -6 route add fd0%c::/64 via fd0a::%c src fd0%c::1; ip neigh replace 198.51.100.%c lladdr 02:00:00:00:00:0%c dev wire; "
		"ip -6 neigh replace fd0a::%c lladdr 02:00:00:00:00:0%c dev wire", far, far, me, far, far, me, far, far, far, far);
}

static bool open_udp(struct lab *l, int side)
{
	int on = 2 /* UDP_ENCAP_ESPINUDP */, level = LAB_MARK;

	lab_enter(l, side);
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(i ? NATT_OTHER : NATT) };
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || setsockopt(fd, SOL_SOCKET, SO_MARK, &level, sizeof level))
			return false;
		if (l->in_kernel && setsockopt(fd, IPPROTO_UDP, 100 /* UDP_ENCAP */, &on, sizeof on))
			return false;
		l->side[side].udp[i] = fd;
	}
	return true;
}

const char *lab_open(struct lab *l, const struct plug_desc *desc, const struct plug_desc *crypto)
{
	static char why[LAB_TEXT];

	*l = (struct lab){ .desc = desc, .crypto = crypto, .ops = desc->feats[0].ops, .next_spi = 0x10000 };
	l->caps = l->ops->caps;
	l->moves = !(l->caps & KERN_CAP_NULL);
	l->in_kernel = l->caps & KERN_CAP_SOCKETS;
	snprintf(l->state, sizeof l->state, "/tmp/adit-contract.XXXXXX");
	for (int i = 0; i < LAB_SIDES; i++) {
		l->side[i].ns = l->side[i].udp[0] = l->side[i].udp[1] = -1;
		host_make(l, i);
	}
	if (!mkdtemp(l->state))
		return "no folder for files can be made in /tmp";
	if (!l->moves)
		return NULL; /* it needs no network */
	for (int i = 0; i < LAB_SIDES; i++) {
		l->side[i].ns = ns_new();
		if (l->side[i].ns < 0) {
			snprintf(why, sizeof why, "no network namespace can be made: %s (root is needed)", strerror(errno));
			return why;
		}
	}
	lab_enter(l, LAB_A);
	if (KERN_OPS_HAS(l->ops, probe) && l->ops->probe(why, sizeof why))
		return why;
	/* The far end of the wire goes to B by the descriptor's path. */
	if (lab_sh(l, LAB_A, "ip link add wire type veth peer name wire netns /proc/%d/fd/%d", (int)getpid(), l->side[LAB_B].ns) ||
		!up_side(l, LAB_A) || !up_side(l, LAB_B) || !open_udp(l, LAB_A) || !open_udp(l, LAB_B))
		return "the two hosts cannot be set up (iproute2, veth and root are needed)";
	return NULL;
}

void lab_close(struct lab *l)
{
	char cmd[128];

	for (int i = 0; i < LAB_SIDES; i++) {
		lab_stop(l, i);
		for (int k = 0; k < 2; k++)
			if (l->side[i].udp[k] >= 0)
				close(l->side[i].udp[k]);
		if (l->side[i].ns >= 0)
			close(l->side[i].ns);
	}
	snprintf(cmd, sizeof cmd, "rm -rf %s", l->state);
	(void)!system(cmd);
}

const char *lab_start(struct lab *l, int side)
{
	struct lab_side *s = &l->side[side];
	static char why[LAB_TEXT + 64];

	lab_enter(l, side);
	s->said[0] = 0;
	err_t e = l->desc->start(&s->host, &s->self);
	if (e) {
		s->self = NULL;
		snprintf(why, sizeof why, "%s", s->said[0] ? s->said : err_text(e));
		return why;
	}
	if (KERN_OPS_HAS(l->ops, caps_now))
		l->caps = l->ops->caps_now(s->self);
	return NULL;
}

void lab_stop(struct lab *l, int side)
{
	if (!l->side[side].self)
		return;
	lab_enter(l, side);
	l->desc->stop(l->side[side].self);
	l->side[side].self = NULL;
	l->side[side].n_live = 0;
}

/* ---- the plugin ---- */

static void note_live(struct lab_side *s, const struct kern_op *op)
{
	if (op->verb == KERN_SA_ADD || op->verb == KERN_POLICY_ADD) {
		if (s->n_live < LAB_LIVE)
			s->live[s->n_live++] = *op;
		return;
	}
	for (size_t i = s->n_live; i-- > 0;) {
		struct kern_op *o = &s->live[i];
		bool same = op->verb == KERN_SA_DEL ? o->verb == KERN_SA_ADD && o->sa.spi == op->sa.spi && o->sa.dir == op->sa.dir :
			op->verb == KERN_SA_UPDATE ? o->verb == KERN_SA_ADD && o->sa.spi == op->sa.spi && o->sa.dir == op->sa.dir :
			o->verb == KERN_POLICY_ADD && o->pol.reqid == op->pol.reqid && o->pol.action == op->pol.action &&
			o->pol.dir == op->pol.dir && ts_equal(&o->pol.local, &op->pol.local) &&
			ts_equal(&o->pol.remote, &op->pol.remote) && o->pol.priority == op->pol.priority;
		if (!same)
			continue;
		if (op->verb == KERN_SA_UPDATE) {
			o->sa.src = op->sa.src;
			o->sa.dst = op->sa.dst;
		} else {
			memmove(o, o + 1, (--s->n_live - i) * sizeof *o);
		}
		return;
	}
}

err_t lab_submit(struct lab *l, int side, struct kern_op *ops, size_t n)
{
	struct lab_side *s = &l->side[side];

	lab_enter(l, side);
	err_t e = l->ops->submit(s->self, ops, n, 1);
	if (e && !l->refused)
		l->refused = e;
	for (size_t i = 0; !e && i < n; i++)
		note_live(s, &ops[i]);
	return e;
}

void lab_clear(struct lab *l)
{
	for (int side = 0; side < LAB_SIDES; side++) {
		struct lab_side *s = &l->side[side];
		while (s->n_live) {
			struct kern_op op = s->live[s->n_live - 1];
			op.verb = op.verb == KERN_SA_ADD ? KERN_SA_DEL : KERN_POLICY_DEL;
			lab_enter(l, side);
			(void)!l->ops->submit(s->self, &op, 1, 1); /* an SA may have expired */
			s->n_live--;
		}
		s->n_ev = 0;
	}
}

bool lab_event(struct lab *l, int side, uint8_t type, uint64_t cookie)
{
	uint64_t end = lab_now_ms() + EVENT_MS;
	const struct lab_side *s = &l->side[side];

	for (;;) {
		for (size_t i = 0; i < s->n_ev; i++)
			if (s->ev[i].type == type && s->ev[i].cookie == cookie)
				return true;
		if (lab_now_ms() >= end)
			return false;
		lab_run(l, 20);
	}
}

bool lab_usage(struct lab *l, int side, uint8_t dir, uint32_t spi, struct kern_usage *out)
{
	lab_enter(l, side);
	return l->ops->usage(l->side[side].self, dir, spi, &(struct net_addr){ .family = NET_NONE }, out) == 0;
}
