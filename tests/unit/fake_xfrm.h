/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel's XFRM for unit tests of kernel-xfrm: the plugin's sources are compiled with this header in front, so that its
 * netlink sockets are books in memory here. It keeps SAs and policies, answers dumps, refuses what a test wants refused,
 * and tells events.
 */
#ifndef ADIT_TESTS_FAKE_XFRM_H
#define ADIT_TESTS_FAKE_XFRM_H

#include <libmnl/libmnl.h>
#include <sys/socket.h>

struct mnl_socket *fake_open(int bus, int flags);
int fake_bind(struct mnl_socket *s, unsigned groups, pid_t pid);
int fake_close(struct mnl_socket *s);
ssize_t fake_send(const struct mnl_socket *s, const void *buf, size_t n);
int fake_fd(const struct mnl_socket *s);
unsigned fake_portid(const struct mnl_socket *s);
int fake_option(const struct mnl_socket *s, int type, void *buf, socklen_t n);
ssize_t fake_recv(int fd, void *buf, size_t n, int flags);

#ifdef FAKE_XFRM_ITSELF
#include <linux/xfrm.h>
#include <stdbool.h>
#include <stdint.h>

/* The first socket that is opened asks, the second has the events. */
enum { FAKE_ASK = 0, FAKE_NEWS = 1, FAKE_SOCKS = 2, FAKE_FD = 1000, FAKE_MSGS = 64, FAKE_QUEUE = 256 };

struct fake_stored {
	size_t n;
	_Alignas(struct nlmsghdr) uint8_t b[1024];
};

/* The books; a test sets what is refused. */
extern struct fake_kern {
	int opened;
	struct fake_stored sa[FAKE_MSGS], pol[FAKE_MSGS];
	size_t n_sa, n_pol;
	struct fake_stored queue[FAKE_SOCKS][FAKE_QUEUE];
	size_t head[FAKE_SOCKS], tail[FAKE_SOCKS];
	bool lost;               /* the next look for events finds that some were lost */
	int open_err;            /* errno of socket() */
	int refuse;              /* errno for SAs, */
	uint8_t refuse_proto;    /* of this protocol, 0 all; */
	unsigned refuse_after;   /* not for the first ones */
	bool refuse_policy;      /* for policies instead */
	bool refuse_offload;     /* only those with an offload */
	bool no_if_id;           /* an old kernel: it forgets them */
	unsigned n_new, n_upd, n_del; /* messages about policies */
} fake_kern;

struct xfrm_usersa_info *fake_sa_of(const struct fake_stored *s);
struct xfrm_userpolicy_info *fake_pol_of(const struct fake_stored *s);
/* NULL: there is none. */
struct fake_stored *fake_sa_find(const xfrm_address_t *dst, uint32_t spi, uint8_t proto);
/* Keeps the SA or policy of a message. */
void fake_keep(struct fake_stored *s, const struct nlmsghdr *m);
#else
#define mnl_socket_open2 fake_open
#define mnl_socket_bind fake_bind
#define mnl_socket_close fake_close
#define mnl_socket_sendto fake_send
#define mnl_socket_get_fd fake_fd
#define mnl_socket_get_portid fake_portid
#define mnl_socket_setsockopt fake_option
#define recv fake_recv
#endif

#endif
