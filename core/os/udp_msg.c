/* SPDX-License-Identifier: Apache-2.0 */
#include "os/udp_msg.h"
#include "os/udp.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/udp.h>
#include <unistd.h>

static bool link_local(const struct in6_addr *a)
{
	return IN6_IS_ADDR_LINKLOCAL(a);
}

socklen_t udp_sa_of(const struct net_addr *a, union udp_sa *out)
{
	memset(out, 0, sizeof *out);
	if (a->family == NET_V4) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons(a->port);
		memcpy(&out->in.sin_addr, a->a, 4);
		return sizeof out->in;
	}
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons(a->port);
	out->in6.sin6_scope_id = a->scope;
	memcpy(&out->in6.sin6_addr, a->a, 16);
	return sizeof out->in6;
}

void udp_msg_for_rx(struct udp_msg *m, struct msghdr *h, uint8_t *buf, size_t cap)
{
	m->iov = (struct iovec){ buf, cap };
	*h = (struct msghdr){ .msg_name = &m->peer, .msg_namelen = sizeof m->peer, .msg_iov = &m->iov, .msg_iovlen = 1,
		.msg_control = m->control, .msg_controllen = sizeof m->control };
}

static void put_control(struct msghdr *h, int level, int type, const void *data, size_t n)
{
	struct cmsghdr *c = (struct cmsghdr *)((uint8_t *)h->msg_control + h->msg_controllen);

	memset(c, 0, CMSG_SPACE(n));
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), data, n);
	h->msg_controllen += CMSG_SPACE(n);
}

void udp_msg_for_tx(struct udp_msg *m, struct msghdr *h, const struct net_addr *local, const struct net_addr *remote,
	struct iovec *v, size_t n, uint8_t tos, uint16_t segment)
{
	bool v4 = remote->family == NET_V4;

	*h = (struct msghdr){ .msg_name = &m->peer, .msg_iov = v, .msg_iovlen = n, .msg_control = m->control };
	h->msg_namelen = udp_sa_of(remote, &m->peer);
	if (local->family == NET_V4 && v4) {
		struct in_pktinfo info = { 0 };
		memcpy(&info.ipi_spec_dst, local->a, 4);
		put_control(h, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
	} else if (local->family == NET_V6 && !v4) {
		struct in6_pktinfo info = { .ipi6_ifindex = local->scope };
		memcpy(&info.ipi6_addr, local->a, 16);
		put_control(h, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
	}
	if (tos)
		put_control(h, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, &(int){ tos }, sizeof(int));
	if (segment)
		put_control(h, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment);
}

static void info_ip(struct cmsghdr *c, struct udp_info *out)
{
	struct in_pktinfo info;

	if (c->cmsg_type == IP_PKTINFO) {
		memcpy(&info, CMSG_DATA(c), sizeof info);
		out->local.family = NET_V4;
		memcpy(out->local.a, &info.ipi_addr, 4);
		out->interface = (unsigned)info.ipi_ifindex;
	} else if (c->cmsg_type == IP_TOS) {
		out->tos = *CMSG_DATA(c);
	}
}

static void info_ipv6(struct cmsghdr *c, struct udp_info *out)
{
	struct in6_pktinfo info;
	int tclass;

	if (c->cmsg_type == IPV6_PKTINFO) {
		memcpy(&info, CMSG_DATA(c), sizeof info);
		out->local.family = NET_V6;
		memcpy(out->local.a, &info.ipi6_addr, 16);
		out->interface = (unsigned)info.ipi6_ifindex;
		if (link_local(&info.ipi6_addr))
			out->local.scope = info.ipi6_ifindex;
	} else if (c->cmsg_type == IPV6_TCLASS) {
		memcpy(&tclass, CMSG_DATA(c), sizeof tclass);
		out->tos = (uint8_t)tclass;
	}
}

static void remote_end(const union udp_sa *peer, struct net_addr *out)
{
	if (peer->sa.sa_family == AF_INET) {
		out->family = NET_V4;
		out->port = ntohs(peer->in.sin_port);
		memcpy(out->a, &peer->in.sin_addr, 4);
	} else if (peer->sa.sa_family == AF_INET6) {
		out->family = NET_V6;
		out->port = ntohs(peer->in6.sin6_port);
		memcpy(out->a, &peer->in6.sin6_addr, 16);
		if (link_local(&peer->in6.sin6_addr))
			out->scope = peer->in6.sin6_scope_id;
	}
}

bool udp_msg_info(const struct msghdr *h, uint16_t port, struct udp_info *out)
{
	int segment;

	*out = (struct udp_info){ .local.port = port };
	if (h->msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return false;
	remote_end(h->msg_name, &out->remote);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR((struct msghdr *)h, c)) {
		if (c->cmsg_level == IPPROTO_IP) {
			info_ip(c, out);
		} else if (c->cmsg_level == IPPROTO_IPV6) {
			info_ipv6(c, out);
		} else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&segment, CMSG_DATA(c), sizeof segment);
			out->segment = segment > 0 ? (size_t)segment : 0;
		}
	}
	return out->local.family != NET_NONE && out->local.family == out->remote.family;
}

static void buffers(int fd, int bytes)
{
	/* Beyond the system's limit only with CAP_NET_ADMIN; without it as much as it gives. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

void udp_socket_df(int fd, int family, bool df)
{
	int v4 = df ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT, v6 = df ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT;

	if (family == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof v4);
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof v6);
}

static err_t options(int fd, int family, struct diag **why)
{
	int on = 1;
	int bad;

	if (family == AF_INET) {
		bad = setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
		setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof on);
	} else {
		bad = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) ||
			setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof on);
	}
	/* Kernels before 5.0 cannot join datagrams: then they come one by one. */
	setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
	udp_socket_df(fd, family, false);
	return bad ? diag_errno(why, E_IO, errno, "cannot learn local addresses on a UDP socket (packet info)") : 0;
}

static err_t bind_failed(int family, uint16_t port, int err, struct diag **why)
{
	const char *fam = family == AF_INET ? "IPv4" : "IPv6";

	if (err == EADDRINUSE)
		return diag_errno(why, E_IO, err, "UDP port %u (%s) is taken: stop the other IKE daemon (ss -ulpn "
			"'sport = :%u' names it) or choose ports with --port and --port-natt", port, fam, port);
	if (err == EACCES || err == EPERM)
		return diag_errno(why, E_PERM, err, "may not bind UDP port %u (%s): start as root or with "
			"CAP_NET_BIND_SERVICE, or choose ports above 1023 with --port and --port-natt", port, fam);
	if (err == EADDRNOTAVAIL)
		return E_NOT_SUPPORTED;
	return diag_errno(why, E_IO, err, "cannot bind UDP port %u (%s)", port, fam);
}

err_t udp_socket(int family, uint16_t *port, int buffer_bytes, uint32_t fwmark, int *fd_out, struct diag **why)
{
	struct net_addr any = { .family = family == AF_INET ? NET_V4 : NET_V6, .port = *port };
	union udp_sa sa;
	socklen_t n = udp_sa_of(&any, &sa);
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);

	if (fd < 0)
		return errno == EAFNOSUPPORT ? E_NOT_SUPPORTED : diag_errno(why, E_IO, errno, "cannot make a UDP "
			"socket");
	err_t e = options(fd, family, why);
	if (e)
		goto fail;
	buffers(fd, buffer_bytes);
	/* Without CAP_NET_ADMIN there is no mark; but then there are no routing rules of a data plane to
	 * look at it either. */
	if (fwmark && setsockopt(fd, SOL_SOCKET, SO_MARK, &fwmark, sizeof fwmark) && errno != EPERM) {
		e = diag_errno(why, E_IO, errno, "cannot set the mark %u on a UDP socket (aditd.fwmark)", fwmark);
		goto fail;
	}
	if (bind(fd, &sa.sa, n)) {
		e = bind_failed(family, *port, errno, why);
		goto fail;
	}
	n = sizeof sa;
	if (getsockname(fd, &sa.sa, &n)) {
		e = diag_errno(why, E_IO, errno, "cannot read the port of a UDP socket");
		goto fail;
	}
	*port = ntohs(family == AF_INET ? sa.in.sin_port : sa.in6.sin6_port);
	*fd_out = fd;
	return 0;
fail:
	close(fd);
	return e;
}

/* A socket that would send to `remote` (from `local`, when it has a family); -1: no route. */
static int probe(const struct net_addr *local, const struct net_addr *remote, uint32_t fwmark)
{
	union udp_sa sa, from;
	struct net_addr to = *remote, me = *local;
	bool v6 = to.family == NET_V6;
	int family = v6 ? AF_INET6 : AF_INET;

	if (!to.port)
		to.port = 500;
	me.port = 0;
	socklen_t n = udp_sa_of(&to, &sa), m = udp_sa_of(&me, &from);
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
	if (fd < 0)
		return -1;
	/* The mark of the daemon's sockets: the routes of the data plane are not for them. Refused
	 * without CAP_NET_ADMIN. */
	if (fwmark)
		(void)!setsockopt(fd, SOL_SOCKET, SO_MARK, &fwmark, sizeof fwmark);
	/* Nor are its policies: what is asked for is the path itself. Refused likewise, and where there is no XFRM. */
	struct xfrm_userpolicy_info pass = { .sel.family = (uint16_t)family, .dir = XFRM_POLICY_OUT,
		.action = XFRM_POLICY_ALLOW };
	(void)!setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_XFRM_POLICY : IP_XFRM_POLICY, &pass, sizeof pass);
	if ((me.family == to.family && bind(fd, &from.sa, m)) || connect(fd, &sa.sa, n)) {
		close(fd);
		return -1;
	}
	return fd;
}

bool udp_source_of(const struct net_addr *remote, uint32_t fwmark, struct net_addr *out)
{
	union udp_sa sa;
	socklen_t n = sizeof sa;
	int fd = probe(&(struct net_addr){ .family = NET_NONE }, remote, fwmark);

	if (fd < 0)
		return false;
	bool ok = getsockname(fd, &sa.sa, &n) == 0;
	close(fd);
	if (!ok)
		return false;
	*out = (struct net_addr){ .family = remote->family };
	if (remote->family == NET_V4) {
		memcpy(out->a, &sa.in.sin_addr, 4);
	} else {
		memcpy(out->a, &sa.in6.sin6_addr, 16);
		out->scope = sa.in6.sin6_scope_id;
	}
	return true;
}

uint32_t udp_path_mtu(const struct net_addr *local, const struct net_addr *remote, uint32_t fwmark)
{
	int mtu = 0, fd = probe(local, remote, fwmark);
	bool v6 = remote->family == NET_V6;

	if (fd < 0)
		return 0;
	if (getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &mtu, &(socklen_t){ sizeof mtu }))
		mtu = 0;
	close(fd);
	return mtu > 0 ? (uint32_t)mtu : 0;
}
