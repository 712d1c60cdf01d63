/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tunnel device: packets the kernel routes to the peers come out of it, what peers sent goes into it. With offload
 * it gives TCP in pieces of up to 64 KiB and takes them likewise, which saves most of the cost of each packet.
 */
#include "plugins/kernel-user/plane.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

static void tun_offload(struct plane *k)
{
	unsigned want = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

	k->offload = ioctl(k->tun, TUNSETOFFLOAD, want) == 0;
}

err_t tun_open(struct plane *k, bool offload)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL | IFF_VNET_HDR };

	k->tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (k->tun < 0) {
		plane_log(k, 0, "kernel-user: cannot open /dev/net/tun (%s): load the module tun, or give the container the device",
			strerror(errno));
		return E_IO;
	}
	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", k->device);
	if (ioctl(k->tun, TUNSETIFF, &ifr) == 0) {
		if (offload)
			tun_offload(k);
		return 0;
	}
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

size_t tun_read(struct plane *k, uint8_t *slot, size_t slot_bytes, uint8_t **p, uint16_t *gso)
{
	struct virtio_net_hdr vh;
	struct iovec iov[] = { { &vh, sizeof vh }, { slot, slot_bytes }, { k->lane.large + slot_bytes, SCRATCH_BYTES } };
	ssize_t got = readv(k->tun, iov, ARRAY_LEN(iov));

	if (got <= (ssize_t)sizeof vh)
		return 0;
	size_t n = (size_t)got - sizeof vh;
	*p = slot;
	*gso = 0;
	if (n > slot_bytes) {
		memcpy(k->lane.large, slot, slot_bytes);
		*p = k->lane.large;
	}
	if (vh.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		*gso = vh.gso_size;
	else if ((vh.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) && gso_checksum(*p, n, vh.csum_start, vh.csum_offset))
		plane_count(k, CTR_OUT_MALFORMED);
	return n;
}

/* ---- writing ---- */

void tun_write(struct plane *k, const uint8_t *p, size_t n)
{
	struct virtio_net_hdr vh = { 0 };
	struct iovec iov[] = { { &vh, sizeof vh }, { (void *)p, n } };

	if (writev(k->tun, iov, ARRAY_LEN(iov)) != (ssize_t)(sizeof vh + n))
		plane_count(k, CTR_TUN_FAILED);
}

static void flow_write(struct plane *k, struct gro *g)
{
	struct virtio_net_hdr vh;
	struct iovec iov[2 + GRO_PIECES] = { { &vh, sizeof vh }, { g->p, g->ip.len } };
	ssize_t want = (ssize_t)(sizeof vh + g->hdr + g->bytes);

	gro_close(g, &vh);
	for (int i = 1; i < g->n; i++)
		iov[1 + i] = (struct iovec){ (void *)g->piece[i - 1].p, g->piece[i - 1].n };
	if (writev(k->tun, iov, 1 + g->n) != want)
		plane_count(k, CTR_TUN_FAILED);
	k->ctr[CTR_IN_JOINED] += g->n > 1 ? g->n : 0;
	g->n = 0;
}

void tun_flush(struct plane *k)
{
	for (unsigned i = 0; i < k->lane.n_flows; i++)
		if (k->lane.flow[i].n)
			flow_write(k, &k->lane.flow[i]);
	k->lane.n_flows = 0;
}

void tun_write_later(struct plane *k, uint8_t *p, const struct ip_pkt *ip)
{
	struct lane *l = &k->lane;

	for (unsigned i = 0; k->offload && i < l->n_flows; i++) {
		struct gro *g = &l->flow[i];
		enum gro_verdict v = gro_add(g, p, ip);
		if (v == GRO_FLUSH) {
			flow_write(k, g);
			v = gro_add(g, p, ip);
		}
		if (v == GRO_JOINED)
			return;
		if (v == GRO_ALONE) {
			tun_write(k, p, ip->len);
			return;
		}
	}
	if (l->n_flows == LANE_FLOWS)
		tun_flush(k);
	struct gro *g = &l->flow[l->n_flows];
	g->n = 0;
	if (k->offload && gro_add(g, p, ip) == GRO_JOINED)
		l->n_flows++;
	else
		tun_write(k, p, ip->len);
}
