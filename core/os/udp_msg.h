/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/os: one datagram as recvmmsg and sendmmsg want it, with its local address (IP_PKTINFO),
 * and its socket. */
#ifndef ADIT_OS_UDP_MSG_H
#define ADIT_OS_UDP_MSG_H

#include "base/diag.h"
#include "base/netaddr.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

union udp_sa {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct udp_msg {
	union udp_sa peer;
	struct iovec iov;
	/* Local address, traffic class, size of segments. */
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int))];
};

/* What came with a datagram. */
struct udp_info {
	struct net_addr local, remote;
	unsigned interface; /* index it came in by */
	uint8_t tos;
	size_t segment; /* the datagram is several of this size that the system joined; 0: it is one */
};

socklen_t udp_sa_of(const struct net_addr *a, union udp_sa *out);
void udp_msg_for_rx(struct udp_msg *m, struct msghdr *h, uint8_t *buf, size_t cap);
/* local of family NET_NONE: the system chooses. The n pieces are sent as one datagram, or with segment as datagrams of
 * this size (the last may be shorter). v is borrowed until it is sent. */
void udp_msg_for_tx(struct udp_msg *m, struct msghdr *h, const struct net_addr *local, const struct net_addr *remote,
	struct iovec *v, size_t n, uint8_t tos, uint16_t segment);
/* False when the datagram was cut off or came without its local address. */
bool udp_msg_info(const struct msghdr *h, uint16_t port, struct udp_info *out);
/* A bound socket with local addresses in both directions; *port 0 is filled in. E_NOT_SUPPORTED: no such family. */
MUST err_t udp_socket(int family, uint16_t *port, int buffer_bytes, uint32_t fwmark, int *fd, struct diag **why);
/* Sets DF (IPv6: no fragment header) for what is sent from now on. */
void udp_socket_df(int fd, int family, bool df);

#endif
