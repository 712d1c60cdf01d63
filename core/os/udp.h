/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UDP sockets of IKE: ports 500 and 4500 (or what was configured) of IPv4 and IPv6. Datagrams come in batches with
 * the local address they were sent to, and leave from the local address the caller names. On the NAT-T port the
 * non-ESP marker is taken off and put on here; ESP in UDP goes to another function, keepalives are counted and dropped
 * (RFC 3948). What is sent during one turn of the loop leaves in batches at its end.
 *
 * Loop thread. Nothing waits: when a socket is full up to UDP_QUEUE datagrams wait, what comes then is dropped and
 * counted ("udp.tx_dropped"); IKE sends again by itself.
 */
#ifndef ADIT_OS_UDP_H
#define ADIT_OS_UDP_H

#include "base/log.h"
#include "os/loop.h"
#include "plugin/abi.h"

enum { UDP_QUEUE = 8192 };

struct udp;

struct udp_conf {
	uint16_t port, port_natt; /* 0: one the system chooses */
	bool v4, v6;              /* a family the system does not have is left out with a line in the log */
	uint32_t fwmark;          /* SO_MARK, 0 none */
	const char *const *interfaces_use, *const *interfaces_ignore; /* names, NULL-terminated; NULL: all. Borrowed */
};

struct udp_user {
	void *arg;
	/* Ports included. data lives until the call returns, without marker. */
	void (*ike)(void *arg, const struct net_addr *local, const struct net_addr *remote, slice data);
	/* ESP in UDP, as many as one read gave; may be changed in place. NULL: dropped and counted. */
	void (*esp)(void *arg, const struct kern_udp *v, size_t n);
	/* After each batch that was received; may be NULL. */
	void (*batch_end)(void *arg);
	/* An IKE datagram (without marker) that this host does not send, and why, as errno. True: it was told where it belongs;
	 * else it is told here. Comes from inside of sending: sends nothing itself. May be NULL. */
	bool (*unsent)(void *arg, const struct net_addr *local, const struct net_addr *remote, slice data, int err);
};

/* *why names the port, the cause and the remedy: busy port, missing privilege. */
MUST err_t udp_open(struct loop *l, struct log *log, const struct udp_conf *conf, const struct udp_user *user,
	struct udp **out, struct diag **why);
/* The address of ours that datagrams to `remote` leave with, without port. Asks the routing table, does
 * not send and does not wait. False: no route. */
bool udp_source_of(const struct net_addr *remote, uint32_t fwmark, struct net_addr *out);
/* The MTU of the path to `remote` as the kernel knows it (its link, route, and what ICMP told); 0: no route. Likewise. */
uint32_t udp_path_mtu(const struct net_addr *local, const struct net_addr *remote, uint32_t fwmark);
void udp_close(struct udp *u); /* what waits is sent as far as it goes without waiting */
/* Other rules about interfaces; borrowed until the next call or the end. */
void udp_interfaces(struct udp *u, const char *const *use, const char *const *ignore);
/* The data plane is the kernel's: IKE bypasses its policies, ESP in UDP does not come here any more. */
MUST err_t udp_for_kernel(struct udp *u, struct diag **why);
/* The ports really bound. */
uint16_t udp_port(const struct udp *u);
uint16_t udp_port_natt(const struct udp *u);
/* One IKE datagram; local->port (0: port) tells the socket, local->family NET_NONE lets the system choose the address.
 * tos: TOS or traffic class. Copied. E_FULL, E_NOT_SUPPORTED (family). */
MUST err_t udp_send(struct udp *u, const struct net_addr *local, const struct net_addr *remote, uint8_t tos,
	slice data);
/* n payloads as they are (ESP, keepalives), at once; how as in plug_host.udp_send. E_FULL when some were
 * dropped, E_SPACE when they are too long for the path (PLUG_UDP_DF). */
MUST err_t udp_send_raw(struct udp *u, const struct net_addr *local, const struct net_addr *remote, const slice *v,
	size_t n, unsigned how);
/* Sends what waits now; the end of each turn does the same. */
void udp_flush(struct udp *u);

#endif
