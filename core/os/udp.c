/* SPDX-License-Identifier: Apache-2.0 */
#include "os/udp.h"
#include "base/count.h"
#include "os/udp_filter.h"
#include "os/udp_kernel.h"
#include "os/udp_msg.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { RX_BATCH = 32, RX_ROUNDS = 4, RX_BYTES = 65536, TX_BATCH = 64, ESP_BATCH = 256, GSO_BYTES = 65000,
	SOCKET_BUFFER = 8 << 20, MARKER = 4 };
enum { SOCK_IKE4, SOCK_NATT4, SOCK_IKE6, SOCK_NATT6, SOCKS };

struct dgram {
	struct dgram *next;
	struct net_addr local, remote;
	size_t n;
	uint8_t tos;
	uint8_t data[];
};

struct sock {
	struct udp *u;
	int fd; /* -1: none */
	int family;
	bool natt, df, no_gso;
	uint16_t port;
	struct loop_watch *watch;
	struct dgram *first, **last;
	bool blocked; /* waits until the socket is writable */
};

struct udp {
	struct loop *loop;
	struct log *log;
	struct udp_user user;
	struct sock sock[SOCKS];
	struct udp_filter filter;
	struct loop_flush *flush;
	size_t queued;
	struct udp_msg rx[RX_BATCH];
	struct mmsghdr rx_hdr[RX_BATCH];
	struct udp_info rx_info[RX_BATCH];
	uint8_t *rx_buf; /* RX_BATCH times RX_BYTES */
	struct kern_udp esp[ESP_BATCH];
	size_t n_esp;
};

static COUNTER(c_rx, "udp.rx", "datagrams received");
static COUNTER(c_rx_short, "udp.rx_short", "datagrams dropped: too short for IKE or ESP");
static COUNTER(c_rx_cut, "udp.rx_truncated", "datagrams dropped: larger than the buffer or without local address");
static COUNTER(c_rx_interface, "udp.rx_interface", "datagrams dropped: their interface is not one to speak IKE on");
static COUNTER(c_rx_esp, "udp.rx_esp", "ESP packets received in UDP");
static COUNTER(c_rx_esp_none, "udp.rx_esp_dropped", "ESP packets in UDP that no data plane takes");
static COUNTER(c_keepalive, "udp.rx_keepalive", "NAT keepalives received");
static COUNTER(c_tx, "udp.tx", "datagrams sent");
static COUNTER(c_tx_dropped, "udp.tx_dropped", "datagrams dropped because the send queue was full");
static COUNTER(c_tx_failed, "udp.tx_failed", "datagrams the system refused to send");

/* ---- receiving ---- */

static void esp_give(struct udp *u)
{
	if (!u->n_esp)
		return;
	count_add(u->user.esp ? &c_rx_esp : &c_rx_esp_none, u->n_esp);
	if (u->user.esp)
		u->user.esp(u->user.arg, u->esp, u->n_esp);
	u->n_esp = 0;
}

static void datagram(struct sock *s, const struct udp_info *i, uint8_t *p, size_t n)
{
	static const uint8_t zero[MARKER];
	struct udp *u = s->u;

	count_inc(&c_rx);
	if (!s->natt) {
		u->user.ike(u->user.arg, &i->local, &i->remote, slice_of(p, n));
	} else if (n == 1 && p[0] == 0xff) {
		count_inc(&c_keepalive);
	} else if (n <= MARKER) {
		count_inc(&c_rx_short);
	} else if (memcmp(p, zero, MARKER) == 0) {
		u->user.ike(u->user.arg, &i->local, &i->remote, slice_of(p + MARKER, n - MARKER));
	} else {
		u->esp[u->n_esp++] = (struct kern_udp){ &i->local, &i->remote, p, n, i->tos };
		if (u->n_esp == ESP_BATCH)
			esp_give(u);
	}
}

/* One read may be several datagrams the system joined. */
static void message(struct sock *s, const struct udp_info *i, uint8_t *p, size_t n)
{
	size_t step = i->segment ? i->segment : n;

	do {
		size_t k = n < step ? n : step;
		datagram(s, i, p, k);
		p += k;
		n -= k;
	} while (n);
}

/* One batch; true when there may be more. */
static bool receive(struct sock *s)
{
	struct udp *u = s->u;
	uint64_t now_ms = loop_now_ms();

	for (int i = 0; i < RX_BATCH; i++)
		udp_msg_for_rx(&u->rx[i], &u->rx_hdr[i].msg_hdr, u->rx_buf + (size_t)i * RX_BYTES, RX_BYTES);
	int n = recvmmsg(s->fd, u->rx_hdr, RX_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		if (!udp_msg_info(&u->rx_hdr[i].msg_hdr, s->port, &u->rx_info[i]))
			count_inc(&c_rx_cut);
		else if (!udp_filter_may(&u->filter, u->rx_info[i].interface, now_ms))
			count_inc(&c_rx_interface);
		else
			message(s, &u->rx_info[i], u->rx_buf + (size_t)i * RX_BYTES, u->rx_hdr[i].msg_len);
	}
	esp_give(u);
	/* An error here is one the network reported for a datagram of ours (ICMP): reading took it away. */
	return n == RX_BATCH;
}

/* ---- sending ---- */

static void sent_or_dropped(struct sock *s)
{
	struct dgram *d = s->first;

	s->first = d->next;
	if (!s->first)
		s->last = &s->first;
	s->u->queued--;
	free(d);
}

static void say_refused(const struct sock *s, const struct dgram *d, int err)
{
	char from[NET_ADDR_TEXT], to[NET_ADDR_TEXT];
	struct log_ctx ctx = { .peer = &d->remote };
	struct udp *u = s->u;
	size_t marker = s->natt ? MARKER : 0;

	count_inc(&c_tx_failed);
	if (u->user.unsent && u->user.unsent(u->user.arg, &d->local, &d->remote, slice_of(d->data + marker, d->n - marker), err))
		return;
	log_peer(u->log, LOG_NETWORK, LOG_CONTROL, &ctx, "cannot send %zu bytes from %s to %s: %s", d->n,
		net_addr_text(&d->local, true, from), net_addr_text(&d->remote, true, to), strerrordesc_np(err));
}

static void set_blocked(struct sock *s, bool blocked)
{
	if (s->blocked == blocked)
		return;
	s->blocked = blocked;
	loop_watch_events(s->watch, blocked ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

static void set_df(struct sock *s, bool df)
{
	if (s->df == df)
		return;
	s->df = df;
	udp_socket_df(s->fd, s->family, df);
}

/* Sends from the head of the queue until it is empty or the socket full. */
static void send_queued(struct sock *s)
{
	struct udp_msg m[TX_BATCH];
	struct mmsghdr h[TX_BATCH];

	set_df(s, false);
	while (s->first) {
		unsigned n = 0;
		for (struct dgram *d = s->first; d && n < TX_BATCH; d = d->next, n++) {
			m[n].iov = (struct iovec){ d->data, d->n };
			udp_msg_for_tx(&m[n], &h[n].msg_hdr, &d->local, &d->remote, &m[n].iov, 1, d->tos, 0);
		}
		int done = sendmmsg(s->fd, h, n, MSG_DONTWAIT);
		if (done < 0 && errno == EAGAIN) {
			set_blocked(s, true);
			return;
		}
		/* A full queue of the interface is not one the socket could be waited for. */
		if (done < 0 && errno == ENOBUFS) {
			count_inc(&c_tx_dropped);
			sent_or_dropped(s);
			continue;
		}
		if (done < 0) {
			say_refused(s, s->first, errno);
			sent_or_dropped(s);
			continue;
		}
		count_add(&c_tx, (uint64_t)done);
		for (int i = 0; i < done; i++)
			sent_or_dropped(s);
	}
	set_blocked(s, false);
}

void udp_flush(struct udp *u)
{
	for (int i = 0; i < SOCKS; i++)
		if (u->sock[i].fd >= 0 && !u->sock[i].blocked)
			send_queued(&u->sock[i]);
}

static void flush_due(void *arg)
{
	udp_flush(arg);
}

static struct sock *sock_for(struct udp *u, const struct net_addr *local, const struct net_addr *remote)
{
	bool natt = local->port != 0 && local->port == u->sock[remote->family == NET_V6 ? SOCK_NATT6 : SOCK_NATT4].port;
	struct sock *s = &u->sock[(remote->family == NET_V6 ? SOCK_IKE6 : SOCK_IKE4) + natt];

	return s->fd >= 0 && (remote->family == NET_V4 || remote->family == NET_V6) ? s : NULL;
}

err_t udp_send(struct udp *u, const struct net_addr *local, const struct net_addr *remote, uint8_t tos,
	slice data)
{
	struct sock *s = sock_for(u, local, remote);

	if (!s)
		return E_NOT_SUPPORTED;
	size_t marker = s->natt ? MARKER : 0;
	struct dgram *d = u->queued < UDP_QUEUE ? malloc(sizeof *d + marker + data.n) : NULL;
	if (!d) {
		count_inc(&c_tx_dropped);
		return E_FULL;
	}
	d->next = NULL;
	d->local = *local;
	d->remote = *remote;
	d->tos = tos;
	d->n = marker + data.n;
	memset(d->data, 0, marker);
	memcpy(d->data + marker, data.p, data.n);
	*s->last = d;
	s->last = &d->next;
	u->queued++;
	loop_flush_want(u->flush);
	return 0;
}

static err_t raw_error(int err, size_t n)
{
	bool full = err == EAGAIN || err == ENOBUFS;

	count_add(full ? &c_tx_dropped : &c_tx_failed, n);
	return full ? E_FULL : err == EMSGSIZE ? E_SPACE : E_IO;
}

/* All of one size but the last, which may be shorter: the system can cut them from one. */
static bool one_size(const slice *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (i + 1 < n ? v[i].n != v[0].n : v[i].n > v[0].n || !v[i].n)
			return false;
	return v[0].n > 0 && v[0].n < GSO_BYTES / 2;
}

/* How many went as segments of one message; 0: send them one by one. */
static size_t send_joined(struct sock *s, const struct net_addr *local, const struct net_addr *remote, const slice *v,
	size_t n, uint8_t tos)
{
	struct iovec iov[TX_BATCH];
	struct udp_msg m;
	struct msghdr h;
	size_t most = GSO_BYTES / v[0].n;

	n = n < most ? n : most;
	n = n < TX_BATCH ? n : TX_BATCH;
	for (size_t i = 0; i < n; i++)
		iov[i] = (struct iovec){ (void *)v[i].p, v[i].n };
	udp_msg_for_tx(&m, &h, local, remote, iov, n, tos, (uint16_t)v[0].n);
	if (sendmsg(s->fd, &h, MSG_DONTWAIT) >= 0) {
		count_add(&c_tx, n);
		return n;
	}
	/* A system or interface that cannot do it. */
	if (errno == EIO || errno == EOPNOTSUPP || errno == ENOPROTOOPT)
		s->no_gso = true;
	return 0;
}

/* How many went, or an error. */
static err_t send_single(struct sock *s, const struct net_addr *local, const struct net_addr *remote, const slice *v,
	size_t n, uint8_t tos, size_t *done)
{
	struct udp_msg m[TX_BATCH];
	struct mmsghdr h[TX_BATCH];
	unsigned k = n < TX_BATCH ? (unsigned)n : TX_BATCH;

	for (unsigned i = 0; i < k; i++) {
		m[i].iov = (struct iovec){ (void *)v[i].p, v[i].n };
		udp_msg_for_tx(&m[i], &h[i].msg_hdr, local, remote, &m[i].iov, 1, tos, 0);
	}
	int r = sendmmsg(s->fd, h, k, MSG_DONTWAIT);
	if (r <= 0)
		return raw_error(errno, n);
	count_add(&c_tx, (uint64_t)r);
	*done = (size_t)r;
	return 0;
}

err_t udp_send_raw(struct udp *u, const struct net_addr *local, const struct net_addr *remote, const slice *v, size_t n,
	unsigned how)
{
	struct sock *s = sock_for(u, local, remote);

	if (!s)
		return E_NOT_SUPPORTED;
	set_df(s, how & PLUG_UDP_DF);
	bool join = n > 1 && !s->no_gso && one_size(v, n);
	while (n) {
		size_t done = join && n > 1 ? send_joined(s, local, remote, v, n, (uint8_t)how) : 0;
		err_t e = done ? 0 : send_single(s, local, remote, v, n, (uint8_t)how, &done);
		if (e)
			return e;
		v += done;
		n -= done;
	}
	return 0;
}

static void ready(void *arg, int fd, int events)
{
	struct sock *s = arg;
	struct udp *u = s->u;

	(void)fd;
	if (events & LOOP_WRITE)
		send_queued(s);
	if (events == LOOP_WRITE)
		return;
	for (int i = 0; i < RX_ROUNDS && receive(s); i++)
		;
	if (u->user.batch_end)
		u->user.batch_end(u->user.arg);
}

/* ---- life ---- */

static err_t sock_open(struct udp *u, int i, uint16_t port, uint32_t fwmark, struct diag **why)
{
	struct sock *s = &u->sock[i];

	s->family = i >= SOCK_IKE6 ? AF_INET6 : AF_INET;
	s->natt = i == SOCK_NATT4 || i == SOCK_NATT6;
	s->port = port;
	err_t e = udp_socket(s->family, &s->port, SOCKET_BUFFER, fwmark, &s->fd, why);
	if (e)
		return e;
	s->watch = loop_watch(u->loop, s->fd, LOOP_READ, ready, s);
	return s->watch ? 0 : diag_set(why, E_NOMEM, "no memory for a socket");
}

static err_t open_all(struct udp *u, const struct udp_conf *c, struct diag **why)
{
	uint16_t port[2] = { c->port, c->port_natt };

	for (int i = 0; i < SOCKS; i++) {
		bool v6 = i >= SOCK_IKE6;
		if (v6 ? !c->v6 : !c->v4)
			continue;
		err_t e = sock_open(u, i, port[i % 2], c->fwmark, why);
		if (e == E_NOT_SUPPORTED) {
			LOGF(u->log, LOG_NETWORK, LOG_CONTROL, NULL, "this system has no %s: left out",
				v6 ? "IPv6" : "IPv4");
			if (why)
				diag_free(why);
			continue;
		}
		if (e)
			return e;
		/* A port the system chose for the first family is the one of the second, too. */
		port[i % 2] = u->sock[i].port;
	}
	if (u->sock[SOCK_IKE4].fd < 0 && u->sock[SOCK_IKE6].fd < 0)
		return diag_set(why, E_NOT_SUPPORTED, "no UDP socket: neither IPv4 nor IPv6 is there");
	return 0;
}

err_t udp_open(struct loop *l, struct log *log, const struct udp_conf *conf, const struct udp_user *user,
	struct udp **out, struct diag **why)
{
	struct udp *u = calloc(1, sizeof *u);

	if (!u)
		return diag_set(why, E_NOMEM, "no memory for sockets");
	u->loop = l;
	u->log = log;
	u->user = *user;
	udp_interfaces(u, conf->interfaces_use, conf->interfaces_ignore);
	for (int i = 0; i < SOCKS; i++) {
		u->sock[i] = (struct sock){ .u = u, .fd = -1 };
		u->sock[i].last = &u->sock[i].first;
	}
	u->rx_buf = malloc((size_t)RX_BATCH * RX_BYTES);
	u->flush = loop_flush(l, flush_due, u);
	err_t e = u->rx_buf && u->flush ? open_all(u, conf, why) : diag_set(why, E_NOMEM, "no memory for sockets");
	if (e) {
		udp_close(u);
		return e;
	}
	*out = u;
	return 0;
}

void udp_close(struct udp *u)
{
	if (!u)
		return;
	udp_flush(u);
	for (int i = 0; i < SOCKS; i++) {
		struct sock *s = &u->sock[i];
		while (s->first)
			sent_or_dropped(s);
		loop_unwatch(s->watch);
		if (s->fd >= 0)
			close(s->fd);
	}
	loop_unflush(u->flush);
	free(u->rx_buf);
	free(u);
}

void udp_interfaces(struct udp *u, const char *const *use, const char *const *ignore)
{
	u->filter = (struct udp_filter){ .use = use, .ignore = ignore };
}

err_t udp_for_kernel(struct udp *u, struct diag **why)
{
	for (int i = 0; i < SOCKS; i++) {
		struct sock *s = &u->sock[i];
		int err = s->fd < 0 ? 0 : udp_kernel_bypass(s->fd, s->family);
		if (err)
			return diag_errno(why, err == EPERM ? E_PERM : E_NOT_SUPPORTED, err, "the IKE sockets cannot bypass "
				"the kernel's policies, so a policy that holds the peer's own address would stop IKE; CAP_NET_ADMIN "
				"is needed");
		err = s->fd < 0 || !s->natt ? 0 : udp_kernel_esp(s->fd);
		if (err)
			return diag_errno(why, E_NOT_SUPPORTED, err, "the kernel does not take ESP in UDP on port %u, so no "
				"tunnel works through a NAT", s->port);
	}
	return 0;
}

uint16_t udp_port(const struct udp *u)
{
	return u->sock[u->sock[SOCK_IKE4].fd >= 0 ? SOCK_IKE4 : SOCK_IKE6].port;
}

uint16_t udp_port_natt(const struct udp *u)
{
	return u->sock[u->sock[SOCK_NATT4].fd >= 0 ? SOCK_NATT4 : SOCK_NATT6].port;
}
