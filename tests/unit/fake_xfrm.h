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

#ifndef FAKE_XFRM_ITSELF
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
