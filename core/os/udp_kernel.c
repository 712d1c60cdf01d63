/* SPDX-License-Identifier: Apache-2.0 */
#include "os/udp_kernel.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif
enum { ESP_IN_UDP = 2 /* UDP_ENCAP_ESPINUDP */ };

int udp_kernel_bypass(int fd, int family)
{
	struct xfrm_userpolicy_info p = { .action = XFRM_POLICY_ALLOW,
		.sel.family = (uint16_t)family };
	int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int name = family == AF_INET6 ? IPV6_XFRM_POLICY : IP_XFRM_POLICY;

	p.dir = XFRM_POLICY_OUT;
	if (setsockopt(fd, level, name, &p, sizeof p))
		return errno;
	p.dir = XFRM_POLICY_IN;
	return setsockopt(fd, level, name, &p, sizeof p) ? errno : 0;
}

int udp_kernel_esp(int fd)
{
	int type = ESP_IN_UDP, off = 0;

	/* Datagrams joined into one would not be opened. */
	(void)!setsockopt(fd, IPPROTO_UDP, UDP_GRO, &off, sizeof off);
	return setsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &type, sizeof type) ? errno : 0;
}
