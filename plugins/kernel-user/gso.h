/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segmentation of large TCP packets the kernel hands over whole, completion of checksums it left to us, and the other
 * way round: joining TCP packets that came in a row, so that the kernel takes them as one (the virtio header of the
 * tunnel device tells both sides). Pure functions on bytes: one thread, no allocation, no calls.
 */
#ifndef ADIT_KERNEL_USER_GSO_H
#define ADIT_KERNEL_USER_GSO_H

#include "plugins/kernel-user/ip.h"

#include <linux/virtio_net.h>

/* A large packet on its way into segments. */
struct gso {
	const uint8_t *p;
	struct ip_pkt ip;
	uint32_t hdr;     /* IP and TCP header */
	uint32_t size;    /* payload of a segment */
	uint32_t at;      /* payload that was taken */
	uint32_t seq;
	uint16_t id;
};

/* E_SYNTAX: no TCP packet, or headers that do not fit. */
MUST err_t gso_open(struct gso *g, const uint8_t *p, const struct ip_pkt *ip, uint16_t size);
static inline uint32_t gso_segment_len(const struct gso *g)
{
	return g->hdr + g->size;
}
/* Writes the next segment, whole and with its checksums (gso_segment_len bytes at most), and its facts; 0 at the end. */
uint32_t gso_next(struct gso *g, uint8_t *out, struct ip_pkt *ip);

/* Completes a checksum: `at` bytes into the packet starts what it covers, `offset` further it stands and already
 * holds the sum of the pseudo header. E_SYNTAX. */
MUST err_t gso_checksum(uint8_t *p, size_t n, size_t at, size_t offset);

/* TCP packets of one connection in a row. */
enum { GRO_PIECES = 64, GRO_BYTES = 65535 - 128 };
struct gro {
	uint8_t *p;        /* the first packet: its headers become those of the whole */
	struct ip_pkt ip;  /* of the first */
	uint32_t hdr;      /* IP and TCP header */
	uint32_t size;     /* payload of each but the last */
	uint32_t bytes;    /* payload of all */
	uint32_t next_seq;
	bool closed;       /* the last was shorter or carried PSH: nothing may follow */
	uint16_t n;        /* packets; 0 none */
	slice piece[GRO_PIECES]; /* payloads behind the first */
};

enum gro_verdict {
	GRO_JOINED,   /* it is in, and its bytes have to stay */
	GRO_FLUSH,    /* same connection, but it cannot follow: write g, then offer it again */
	GRO_OTHER,    /* another connection */
	GRO_ALONE     /* never joined; of another connection or none (g unaffected) */
};
/* Offers a packet with a valid length. An empty g takes what can be the first of several. */
enum gro_verdict gro_add(struct gro *g, uint8_t *p, const struct ip_pkt *ip);
/* Prepares the first packet's headers and the virtio header for writing; g->p with hdr + payload of the first, then
 * the pieces. The payload of the first is ip.len - hdr bytes. */
void gro_close(struct gro *g, struct virtio_net_hdr *vh);

#endif
