/* SPDX-License-Identifier: Apache-2.0 */
#include "os/udp_msg.h"

#include <errno.h>
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

static void *put_control(struct msghdr *h, struct udp_msg *m, int level, int type, size_t n)
{
	memset(m->control, 0, sizeof m->control);
	h->msg_control = m->control;
	h->msg_controllen = CMSG_SPACE(n);
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	return CMSG_DATA(c);
}

void udp_msg_for_tx(struct udp_msg *m, struct msghdr *h, const struct net_addr *local, const struct net_addr *remote,
	slice data)
{
	m->iov = (struct iovec){ (void *)data.p, data.n };
	*h = (struct msghdr){ .msg_name = &m->peer, .msg_iov = &m->iov, .msg_iovlen = 1 };
	h->msg_namelen = udp_sa_of(remote, &m->peer);
	if (local->family != remote->family)
		return;
	if (local->family == NET_V4) {
		struct in_pktinfo info = { 0 };
		memcpy(&info.ipi_spec_dst, local->a, 4);
		memcpy(put_control(h, m, IPPROTO_IP, IP_PKTINFO, sizeof info), &info, sizeof info);
	} else {
		struct in6_pktinfo info = { .ipi6_ifindex = local->scope };
		memcpy(&info.ipi6_addr, local->a, 16);
		memcpy(put_control(h, m, IPPROTO_IPV6, IPV6_PKTINFO, sizeof info), &info, sizeof info);
	}
}

static bool local_end(struct cmsghdr *c, struct net_addr *local)
{
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;
		memcpy(&info, CMSG_DATA(c), sizeof info);
		local->family = NET_V4;
		memcpy(local->a, &info.ipi_addr, 4);
		return true;
	}
	if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;
		memcpy(&info, CMSG_DATA(c), sizeof info);
		local->family = NET_V6;
		memcpy(local->a, &info.ipi6_addr, 16);
		if (link_local(&info.ipi6_addr))
			local->scope = info.ipi6_ifindex;
		return true;
	}
	return false;
}

bool udp_msg_ends(const struct msghdr *h, uint16_t port, struct net_addr *local, struct net_addr *remote)
{
	const union udp_sa *peer = h->msg_name;

	*local = (struct net_addr){ .port = port };
	*remote = (struct net_addr){ 0 };
	if (h->msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return false;
	if (peer->sa.sa_family == AF_INET) {
		remote->family = NET_V4;
		remote->port = ntohs(peer->in.sin_port);
		memcpy(remote->a, &peer->in.sin_addr, 4);
	} else if (peer->sa.sa_family == AF_INET6) {
		remote->family = NET_V6;
		remote->port = ntohs(peer->in6.sin6_port);
		memcpy(remote->a, &peer->in6.sin6_addr, 16);
		if (link_local(&peer->in6.sin6_addr))
			remote->scope = peer->in6.sin6_scope_id;
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR((struct msghdr *)h, c))
		if (local_end(c, local))
			return remote->family == local->family;
	return false;
}

static void buffers(int fd, int bytes)
{
	/* Beyond the system's limit only with CAP_NET_ADMIN; without it as much as it gives. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static err_t options(int fd, int family, struct diag **why)
{
	int on = 1, frag4 = IP_PMTUDISC_DONT, frag6 = IPV6_PMTUDISC_DONT;
	bool v4 = family == AF_INET;
	int bad;

	if (v4) {
		bad = setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &frag4, sizeof frag4);
	} else {
		bad = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) ||
			setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
		setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &frag6, sizeof frag6);
	}
	return bad ? diag_errno(why, E_IO, errno, "cannot learn local addresses on a UDP socket (packet info)") : 0;
}

static err_t bind_failed(int family, uint16_t port, int err, struct diag **why)
{
	const char *fam = family == AF_INET ? "IPv4" : "IPv6";

	if (err == EADDRINUSE)
		return diag_errno(why, E_IO, err, "UDP port %u (%s) is taken: stop the other IKE daemon (ss -ulpn 'sport = :%u' "
			"names it) or choose ports with --port and --port-natt", port, fam, port);
	if (err == EACCES || err == EPERM)
		return diag_errno(why, E_PERM, err, "may not bind UDP port %u (%s): start as root or with CAP_NET_BIND_SERVICE, or "
			"choose ports above 1023 with --port and --port-natt", port, fam);
	if (err == EADDRNOTAVAIL)
		return E_NOT_SUPPORTED;
	return diag_errno(why, E_IO, err, "cannot bind UDP port %u (%s)", port, fam);
}

err_t udp_socket(int family, uint16_t *port, int buffer_bytes, int *fd_out, struct diag **why)
{
	struct net_addr any = { .family = family == AF_INET ? NET_V4 : NET_V6, .port = *port };
	union udp_sa sa;
	socklen_t n = udp_sa_of(&any, &sa);
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);

	if (fd < 0)
		return errno == EAFNOSUPPORT ? E_NOT_SUPPORTED : diag_errno(why, E_IO, errno, "cannot make a UDP socket");
	err_t e = options(fd, family, why);
	if (e)
		goto fail;
	buffers(fd, buffer_bytes);
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
