/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw sockets: ESP as IP protocol 50, and packets that pass the tunnel by. The kernel makes the outer headers (source
 * and TOS by control message; DF is a property of the socket and changed when a batch wants it otherwise), does the
 * fragmentation where DF is not set, and learns path MTUs from ICMP.
 */
#include "plugins/kernel-user/plane.h"
#include "base/rdwr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/uio.h>
#include <unistd.h>

enum { RAW_BATCH = 32, RAW_BYTES = 65536, RAW_CTL = 128, RAW_RCVBUF = 4 << 20 };

struct raw {
	int v4, v6, pass4, pass6;
	bool df4, df6; /* as the sockets are set */
	struct mmsghdr msg[RAW_BATCH];
	struct iovec iov[RAW_BATCH];
	struct sockaddr_in6 from[RAW_BATCH];
	union {
		struct cmsghdr align;
		uint8_t b[RAW_CTL];
	} ctl[RAW_BATCH];
	uint8_t (*buf)[RAW_BYTES];
};

static int raw_socket(int family, int proto, uint32_t fwmark)
{
	int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, proto), big = RAW_RCVBUF;

	if (fd < 0)
		return -1;
	if (fwmark && setsockopt(fd, SOL_SOCKET, SO_MARK, &fwmark, sizeof fwmark) != 0) {
		close(fd);
		return -1;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big) != 0)
		(void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
	(void)!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
	return fd;
}

static void raw_option(int fd, int level, int name, int value)
{
	if (fd >= 0)
		(void)!setsockopt(fd, level, name, &value, sizeof value);
}

static void raw_df(struct raw *r, uint8_t family, bool df)
{
	if (family == NET_V4 && r->df4 != df) {
		raw_option(r->v4, IPPROTO_IP, IP_MTU_DISCOVER, df ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT);
		r->df4 = df;
	} else if (family == NET_V6 && r->df6 != df) {
		raw_option(r->v6, IPPROTO_IPV6, IPV6_MTU_DISCOVER, df ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT);
		raw_option(r->v6, IPPROTO_IPV6, IPV6_DONTFRAG, df);
		r->df6 = df;
	}
}

err_t raw_open(struct raw **out, uint32_t fwmark)
{
	struct raw *r = calloc(1, sizeof *r);

	if (!r)
		return E_NOMEM;
	r->v4 = raw_socket(AF_INET, IPPROTO_ESP, fwmark);
	r->v6 = raw_socket(AF_INET6, IPPROTO_ESP, fwmark);
	r->pass4 = raw_socket(AF_INET, IPPROTO_RAW, fwmark);
	r->pass6 = raw_socket(AF_INET6, IPPROTO_RAW, fwmark);
	r->buf = malloc(RAW_BATCH * sizeof *r->buf);
	if (r->v4 < 0 || r->pass4 < 0 || !r->buf) {
		err_t e = errno == EPERM ? E_PERM : E_IO;
		raw_close(r);
		return e;
	}
	raw_option(r->v4, IPPROTO_IP, IP_PKTINFO, 1);
	raw_option(r->v6, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	raw_option(r->v6, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	r->df4 = r->df6 = true;
	raw_df(r, NET_V4, false);
	raw_df(r, NET_V6, false);
	for (int i = 0; i < RAW_BATCH; i++) {
		r->iov[i] = (struct iovec){ r->buf[i], RAW_BYTES };
		r->msg[i].msg_hdr.msg_iov = &r->iov[i];
		r->msg[i].msg_hdr.msg_iovlen = 1;
	}
	*out = r;
	return 0;
}

void raw_close(struct raw *r)
{
	if (!r)
		return;
	int fd[] = { r->v4, r->v6, r->pass4, r->pass6 };
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		if (fd[i] >= 0)
			close(fd[i]);
	free(r->buf);
	free(r);
}

struct raw_fds raw_fds(const struct raw *r)
{
	return (struct raw_fds){ r->v4, r->v6 };
}

/* ---- receiving ---- */

/* IPv4: the whole packet comes, with its header. */
static bool raw_in_v4(struct in_pkt *p, struct net_addr *local, struct net_addr *remote, size_t n)
{
	struct ip_pkt ip;

	if (ip_parse(slice_of(p->p, n), &ip) || ip.fragment)
		return false;
	*local = (struct net_addr){ .family = NET_V4 };
	*remote = (struct net_addr){ .family = NET_V4 };
	memcpy(local->a, ip.dst, 4);
	memcpy(remote->a, ip.src, 4);
	p->tos = ip.tos;
	p->p += ip.hdr_len;
	p->n = ip.len - ip.hdr_len;
	return true;
}

static bool raw_in_v6(struct in_pkt *p, struct net_addr *local, struct net_addr *remote, struct msghdr *h, size_t n)
{
	const struct sockaddr_in6 *from = h->msg_name;

	*local = (struct net_addr){ .family = NET_V6 };
	*remote = (struct net_addr){ .family = NET_V6, .scope = from->sin6_scope_id };
	memcpy(remote->a, &from->sin6_addr, 16);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			memcpy(local->a, &info.ipi6_addr, 16);
		} else if (c->cmsg_type == IPV6_TCLASS) {
			int tc;
			memcpy(&tc, CMSG_DATA(c), sizeof tc);
			p->tos = (uint8_t)tc;
		}
	}
	p->n = (uint32_t)n;
	return true;
}

void raw_read(struct plane *k, int fd)
{
	struct raw *r = k->raw;
	struct in_pkt v[RAW_BATCH];
	struct net_addr addr[RAW_BATCH][2];
	size_t m = 0;

	for (int i = 0; i < RAW_BATCH; i++) {
		r->msg[i].msg_hdr.msg_name = &r->from[i];
		r->msg[i].msg_hdr.msg_namelen = sizeof r->from[i];
		r->msg[i].msg_hdr.msg_control = r->ctl[i].b;
		r->msg[i].msg_hdr.msg_controllen = RAW_CTL;
	}
	int n = recvmmsg(fd, r->msg, RAW_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		struct in_pkt *p = &v[m];
		*p = (struct in_pkt){ .p = r->buf[i], .local = &addr[m][0], .remote = &addr[m][1] };
		bool ok = !(r->msg[i].msg_hdr.msg_flags & MSG_TRUNC) && (fd == r->v4 ?
			raw_in_v4(p, &addr[m][0], &addr[m][1], r->msg[i].msg_len) :
			raw_in_v6(p, &addr[m][0], &addr[m][1], &r->msg[i].msg_hdr, r->msg[i].msg_len));
		if (ok)
			m++;
		else
			plane_count(k, CTR_IN_MALFORMED);
	}
	in_batch(k, v, m);
}

/* ---- sending ---- */

static size_t raw_control(uint8_t *ctl, const struct net_addr *src, uint8_t tos)
{
	struct msghdr h = { .msg_control = ctl, .msg_controllen = RAW_CTL };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	bool v4 = src->family == NET_V4;
	int value = tos;

	memset(ctl, 0, RAW_CTL);
	c->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = v4 ? IP_TOS : IPV6_TCLASS;
	c->cmsg_len = CMSG_LEN(sizeof value);
	memcpy(CMSG_DATA(c), &value, sizeof value);
	size_t used = CMSG_SPACE(sizeof value);
	c = CMSG_NXTHDR(&h, c);
	c->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	if (v4) {
		struct in_pktinfo info = { 0 };
		memcpy(&info.ipi_spec_dst, src->a, 4);
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof info);
		memcpy(CMSG_DATA(c), &info, sizeof info);
		return used + CMSG_SPACE(sizeof info);
	}
	struct in6_pktinfo info = { .ipi6_ifindex = src->scope };
	memcpy(&info.ipi6_addr, src->a, 16);
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof info);
	memcpy(CMSG_DATA(c), &info, sizeof info);
	return used + CMSG_SPACE(sizeof info);
}

static socklen_t raw_name(struct sockaddr_in6 *out, const struct net_addr *a)
{
	if (a->family == NET_V4) {
		struct sockaddr_in v4 = { .sin_family = AF_INET };
		memcpy(&v4.sin_addr, a->a, 4);
		memcpy(out, &v4, sizeof v4);
		return sizeof v4;
	}
	*out = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_scope_id = a->scope }; /* port 0: raw */
	memcpy(&out->sin6_addr, a->a, 16);
	return sizeof *out;
}

err_t raw_send(struct raw *r, const struct net_addr *src, const struct net_addr *dst, const slice *v, size_t n,
	unsigned how)
{
	struct mmsghdr msg[LANE_SLOTS];
	struct iovec iov[LANE_SLOTS];
	struct sockaddr_in6 to;
	union {
		struct cmsghdr align;
		uint8_t b[RAW_CTL];
	} ctl;
	int fd = dst->family == NET_V4 ? r->v4 : r->v6;
	socklen_t to_len = raw_name(&to, dst);
	size_t ctl_len = raw_control(ctl.b, src, (uint8_t)how);
	err_t e = 0;

	if (n > LANE_SLOTS)
		return E_MISUSE;
	raw_df(r, dst->family, how & PLUG_UDP_DF);
	for (size_t i = 0; i < n; i++) {
		iov[i] = (struct iovec){ (void *)v[i].p, v[i].n };
		msg[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &to, .msg_namelen = to_len, .msg_iov = &iov[i],
			.msg_iovlen = 1, .msg_control = ctl.b, .msg_controllen = ctl_len } };
	}
	for (size_t at = 0; at < n;) {
		int done = sendmmsg(fd, msg + at, (unsigned)(n - at), MSG_DONTWAIT);
		if (done > 0) {
			at += (size_t)done;
			continue;
		}
		e = errno == EMSGSIZE ? E_SPACE : E_IO;
		at++; /* this one is lost */
	}
	return e;
}

err_t raw_pass(struct raw *r, const struct ip_pkt *ip, slice packet)
{
	struct net_addr dst = { .family = ip->family };
	struct sockaddr_in6 to;
	int fd = ip->family == NET_V4 ? r->pass4 : r->pass6;

	memcpy(dst.a, ip->dst, 16);
	socklen_t n = raw_name(&to, &dst);
	if (sendto(fd, packet.p, ip->len, MSG_DONTWAIT, (struct sockaddr *)&to, n) == (ssize_t)ip->len)
		return 0;
	return errno == EMSGSIZE ? E_SPACE : E_IO;
}
