/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnels between the two sides, and packets: sent through them, caught on the wire, put there again. */
#include "tests/contract/lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ARRIVE_MS = 30000, STEP_MS = 5, CBC = 12, SHA1 = 2, RCVMARK = 75 /* SO_RCVMARK, Linux 5.19 */ };

struct net_addr lab_addr(int side, bool inner, uint8_t family, unsigned n)
{
	char text[48];
	struct net_addr a = { 0 };
	int me = side == LAB_A ? 1 : 2;

	if (family == NET_V4)
		snprintf(text, sizeof text, inner ? "10.%d.0.%u" : "198.51.100.%d", me, n ? n : 1u);
	else
		snprintf(text, sizeof text, inner ? "fd0%d::1" : "fd0a::%d", me);
	(void)!net_addr_parse(text, &a);
	return a;
}

/* ---- tunnels ---- */

struct tun tun_default(void)
{
	return (struct tun){ .proto = 50, .mode = KERN_TUNNEL, .outer = NET_V4, .inner = NET_V4, .window = 32, .encr = CBC,
		.bits = 128, .integ = SHA1, .reqid = 7 };
}

static struct ts_sel net_of(const struct tun *t, int side, uint8_t family)
{
	struct ts_sel s;
	char text[64];

	if (t->mode == KERN_TRANSPORT) {
		struct net_addr a = lab_addr(side, false, t->outer, 0);
		s = ts_of_addr(&a);
		s.proto = IPPROTO_UDP; /* neighbour discovery goes its own way */
		return s;
	}
	if (t->mode == KERN_BEET) {
		struct net_addr a = lab_addr(side, true, family, 0);
		return ts_of_addr(&a);
	}
	snprintf(text, sizeof text, family == NET_V4 ? "10.%d.0.0/24" : "fd0%d::/64", side == LAB_A ? 1 : 2);
	(void)!ts_parse(text, &s);
	return s;
}

static struct net_addr end_of(const struct tun *t, int side)
{
	struct net_addr a = lab_addr(side, false, t->outer, 0);

	a.port = t->encap ? NATT : 0;
	return a;
}

void tun_policy(const struct tun *t, int side, uint8_t dir, uint8_t family, struct kern_policy *out)
{
	int far = !side;

	*out = (struct kern_policy){ .dir = dir, .action = KERN_PROTECT, .mode = t->mode, .proto = t->proto, .reqid = t->reqid,
		.local = net_of(t, side, family), .remote = net_of(t, far, family),
		.src = end_of(t, dir == KERN_OUT ? side : far), .dst = end_of(t, dir == KERN_OUT ? far : side),
		.route = dir == KERN_OUT, .cookie = t->reqid, .ipcomp = t->comp };
	if (t->pol)
		t->pol(out, side);
}

static const uint8_t *key_bytes(void)
{
	static uint8_t key[128];

	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)(i * 37 + 11);
	return key;
}

static size_t encr_len(const struct tun *t)
{
	return t->proto == 51 ? 0 : t->encr == 20 ? t->bits / 8u + 4u : t->bits / 8u;
}

static size_t integ_len(const struct tun *t)
{
	return t->integ == SHA1 ? 20 : t->integ == 12 ? 32 : 0;
}

void tun_sa(const struct tun *t, int side, uint8_t dir, struct kern_sa *out)
{
	static struct ts_sel local[LAB_SIDES][2], remote[LAB_SIDES][2];
	int far = !side, to = dir == KERN_OUT ? far : side;
	uint16_t n = 1;

	local[side][0] = net_of(t, side, t->inner);
	remote[side][0] = net_of(t, far, t->inner);
	if (t->mixed) {
		local[side][1] = net_of(t, side, t->inner == NET_V4 ? NET_V6 : NET_V4);
		remote[side][1] = net_of(t, far, t->inner == NET_V4 ? NET_V6 : NET_V4);
		n = 2;
	}
	*out = (struct kern_sa){ .dir = dir, .proto = t->proto, .mode = t->mode, .esn = t->esn, .spi = t->spi[to],
		.reqid = t->reqid, .src = end_of(t, !to), .dst = end_of(t, to), .encap = t->encap,
		.encr_id = t->proto == 51 ? 0 : t->encr, .encr_bits = t->proto == 51 ? 0 : t->bits, .integ_id = t->integ,
		.encr_key = { key_bytes(), encr_len(t) }, .integ_key = { key_bytes() + 64, integ_len(t) },
		.replay_window = t->window, .copy_ecn = true, .copy_dscp = KERN_DSCP_OUT, .local_ts = local[side],
		.remote_ts = remote[side], .n_local_ts = n, .n_remote_ts = n, .cookie = t->spi[to],
		.cpi = t->comp ? (uint16_t)(0x4000 + (t->spi[to] & 0xfff)) : 0 };
	if (side == LAB_A && dir == KERN_OUT)
		out->life = t->life;
	if (t->sa)
		t->sa(out, side);
}

static size_t policy_ops(const struct tun *t, int side, struct kern_op *v)
{
	size_t n = 0;

	for (int f = 0; f <= t->mixed; f++)
		for (uint8_t dir = KERN_IN; dir <= KERN_FWD; dir++) {
			if (dir == KERN_FWD && t->mode == KERN_TRANSPORT)
				continue;
			v[n].verb = KERN_POLICY_ADD;
			tun_policy(t, side, dir, !f ? t->inner : t->inner == NET_V4 ? NET_V6 : NET_V4, &v[n++].pol);
		}
	return n;
}

bool tun_up(struct lab *l, struct tun *t)
{
	for (int i = 0; i < LAB_SIDES; i++)
		t->spi[i] = l->next_spi++;
	for (int side = LAB_B; side >= LAB_A; side--) {
		struct kern_op v[10] = { { .verb = KERN_SA_ADD }, { .verb = KERN_SA_ADD } };
		tun_sa(t, side, KERN_IN, &v[0].sa);
		tun_sa(t, side, KERN_OUT, &v[1].sa);
		size_t n = 2 + policy_ops(t, side, v + 2);
		err_t e = lab_submit(l, side, v, n);
		if (e)
			return lab_fail(l, "%s refused the tunnel: %s (%s)", side == LAB_A ? "A" : "B", err_text(e), l->side[side].said);
	}
	return true;
}

bool tun_down(struct lab *l, const struct tun *t)
{
	for (int side = LAB_A; side <= LAB_B; side++) {
		struct kern_op pol[8], sa[2] = { { .verb = KERN_SA_DEL }, { .verb = KERN_SA_DEL } };
		size_t n = policy_ops(t, side, pol);
		for (size_t i = 0; i < n; i++)
			pol[i].verb = KERN_POLICY_DEL;
		tun_sa(t, side, KERN_IN, &sa[0].sa);
		tun_sa(t, side, KERN_OUT, &sa[1].sa);
		err_t e = lab_submit(l, side, pol, n);
		if (!e)
			e = lab_submit(l, side, sa, 2);
		if (e)
			return lab_fail(l, "the tunnel cannot be taken away: %s", err_text(e));
	}
	return true;
}

/* ---- talking ---- */

static socklen_t sockaddr_of(const struct net_addr *a, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (a->family == NET_V4) {
		struct sockaddr_in *s = (struct sockaddr_in *)out;
		s->sin_family = AF_INET;
		s->sin_port = htons(port);
		memcpy(&s->sin_addr, a->a, 4);
		return sizeof *s;
	}
	struct sockaddr_in6 *s = (struct sockaddr_in6 *)out;
	s->sin6_family = AF_INET6;
	s->sin6_port = htons(port);
	memcpy(&s->sin6_addr, a->a, 16);
	return sizeof *s;
}

static int udp_open(struct lab *l, int side, const struct net_addr *a, uint16_t port)
{
	struct sockaddr_storage at;
	socklen_t len = sockaddr_of(a, port, &at);
	int on = 1;

	lab_enter(l, side);
	int fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	(void)!setsockopt(fd, SOL_SOCKET, RCVMARK, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&at, len)) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool take(int fd, struct talk *t)
{
	uint8_t buf[FRAME_MAX];
	_Alignas(struct cmsghdr) uint8_t ctl[128];
	struct iovec iov = { buf, sizeof buf };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl };

	if (recvmsg(fd, &m, MSG_DONTWAIT) < 0)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_MARK)
			memcpy(&t->got_mark, CMSG_DATA(c), sizeof t->got_mark);
	return true;
}

static void talk_options(int fd, const struct talk *t)
{
	if (t->mark)
		(void)!setsockopt(fd, SOL_SOCKET, SO_MARK, &t->mark, sizeof t->mark);
	if (t->dev)
		(void)!setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, t->dev, (socklen_t)strlen(t->dev));
	int tos = t->tos;
	if (tos)
		(void)!setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
}

unsigned lab_talk(struct lab *l, struct talk *t)
{
	static const uint8_t text[FRAME_MAX];
	struct net_addr src = lab_addr(t->from, !t->outer, t->family, 0), dst = lab_addr(!t->from, !t->outer, t->family, t->dst);
	uint16_t port = t->port ? t->port : LAB_PORT;
	int out = udp_open(l, t->from, &src, LAB_PORT), in = udp_open(l, !t->from, &dst, port);
	struct sockaddr_storage to;
	socklen_t len = sockaddr_of(&dst, port, &to);
	unsigned got = 0;

	if (out < 0 || in < 0) {
		lab_fail(l, "no socket for packets: %s", strerror(errno));
		goto end;
	}
	talk_options(out, t);
	if (t->inject)
		sniff_send(l, t->inject, t->inject_len);
	for (unsigned i = 0; i < t->n; i++) {
		lab_enter(l, t->from);
		(void)!sendto(out, text, t->size ? t->size : 64, 0, (struct sockaddr *)&to, len);
		lab_run(l, 0); /* a device in user space has a short queue */
	}
	/* Counted in steps: a machine that stood still in the meantime has had them, too. */
	for (unsigned left = (t->quiet_ms ? t->quiet_ms : ARRIVE_MS) / STEP_MS; left > 0; left--) {
		while (take(in, t))
			got++;
		if (!t->quiet_ms && got >= t->n)
			break;
		lab_run(l, STEP_MS);
	}
end:
	if (out >= 0)
		close(out);
	if (in >= 0)
		close(in);
	return got;
}

/* ---- the wire ---- */

struct sniff sniff_open(struct lab *l)
{
	struct sniff s = { .fd = -1 };
	int side = LAB_B;

	lab_enter(l, side);
	s.ifindex = (int)if_nametoindex("wire");
	s.fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = s.ifindex };
	if (s.fd < 0 || bind(s.fd, (struct sockaddr *)&a, sizeof a))
		lab_fail(l, "no packet socket: %s", strerror(errno));
	return s;
}

static bool is_ours(const uint8_t *p, size_t n)
{
	uint8_t proto = n < 40 ? 0 : p[0] >> 4 == 4 ? p[9] : p[6];
	uint16_t port = n < 40 || p[0] >> 4 != 4 ? 0 : (uint16_t)(p[20] << 8 | p[21]);

	return proto == 50 || proto == 51 || (proto == 17 && (port == NATT || port == NATT_OTHER));
}

size_t sniff_next(struct lab *l, const struct sniff *s, uint8_t *p, unsigned ms)
{
	for (uint64_t until = lab_now_ms() + ms;;) {
		struct sockaddr_ll from;
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(s->fd, p, FRAME_MAX, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
		if (n > 0 && from.sll_pkttype != PACKET_OUTGOING && is_ours(p, (size_t)n))
			return (size_t)n;
		if (n > 0)
			continue;
		if (lab_now_ms() >= until)
			return 0;
		lab_run(l, 5);
	}
}

void sniff_send(struct lab *l, const uint8_t *ip, size_t n)
{
	lab_enter(l, LAB_A);
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool v6 = ip[0] >> 4 == 6;
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(v6 ? ETH_P_IPV6 : ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex("wire"), .sll_halen = 6, .sll_addr = { 2, 0, 0, 0, 0, 2 } };

	if (fd < 0 || sendto(fd, ip, n, 0, (struct sockaddr *)&to, sizeof to) < 0)
		lab_fail(l, "a frame cannot be put on the wire: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

void sniff_close(const struct sniff *s)
{
	if (s->fd >= 0)
		close(s->fd);
}
