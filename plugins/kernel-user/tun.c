/* SPDX-License-Identifier: Apache-2.0 */
/* The tunnel device: packets the kernel routes to the peers come out of it, what peers sent goes into it. */
#include "plugins/kernel-user/plane.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

err_t tun_open(struct plane *k)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL };

	k->tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (k->tun < 0) {
		plane_log(k, 0, "kernel-user: cannot open /dev/net/tun (%s): load the module tun, or give the container the device",
			strerror(errno));
		return E_IO;
	}
	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", k->device);
	if (ioctl(k->tun, TUNSETIFF, &ifr) == 0)
		return 0;
	int was = errno;
	if (was == EBUSY)
		plane_log(k, 0, "kernel-user: the device %s is in use, perhaps by another daemon: set another name with "
			"plugins.kernel-user.device", k->device);
	else if (was == EPERM)
		plane_log(k, 0, "kernel-user: no right to make the device %s: CAP_NET_ADMIN is needed", k->device);
	else
		plane_log(k, 0, "kernel-user: cannot make the device %s: %s", k->device, strerror(was));
	return was == EBUSY ? E_EXISTS : was == EPERM ? E_PERM : E_IO;
}

void tun_write(struct plane *k, const uint8_t *p, size_t n)
{
	if (write(k->tun, p, n) != (ssize_t)n)
		plane_count(k, CTR_TUN_FAILED);
}
