/* SPDX-License-Identifier: Apache-2.0 */
/* IKE sockets beside a data plane in the kernel. Any thread; nothing waits. Both return an errno. */
#ifndef ADIT_OS_UDP_KERNEL_H
#define ADIT_OS_UDP_KERNEL_H

#include "base/err.h"

/* family: AF_INET, AF_INET6. What the socket sends and receives passes the kernel's policies by: IKE must work where all else is protected or
 * dropped. EPERM, ENOPROTOOPT (no XFRM in the kernel). */
int udp_kernel_bypass(int fd, int family);
/* ESP in UDP that comes to the socket is for the kernel's SAs (RFC 3948). */
int udp_kernel_esp(int fd);

#endif
