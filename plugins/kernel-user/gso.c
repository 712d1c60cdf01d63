/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kernel-user/gso.h"

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32, TCP_ECE = 64, TCP_CWR = 128 };
enum { TCP_HDR = 20, TCP_CSUM = 16 };

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* Length of both headers; 0: not a whole TCP packet. */
static uint32_t tcp_headers(const uint8_t *p, const struct ip_pkt *ip)
{
	if (ip->proto != IP_TCP || ip->fragment || ip->len < ip->hdr_len + (uint32_t)TCP_HDR)
		return 0;
	uint32_t tcp = (uint32_t)(p[ip->hdr_len + 12] >> 4) * 4;
	return tcp < TCP_HDR || ip->hdr_len + tcp > ip->len ? 0 : ip->hdr_len + tcp;
}

static void set_ip_len(uint8_t *p, const struct ip_pkt *ip, uint32_t len)
{
	if (ip->family == NET_V4) {
		put16(p + 2, len);
		ip_v4_check(p);
	} else {
		put16(p + 4, len - IP_V6_HDR);
	}
}

/* ---- out: one into many ---- */

err_t gso_open(struct gso *g, const uint8_t *p, const struct ip_pkt *ip, uint16_t size)
{
	*g = (struct gso){ .p = p, .ip = *ip, .hdr = tcp_headers(p, ip), .size = size };
	if (!g->hdr || !size)
		return E_SYNTAX;
	g->seq = get32(p + ip->hdr_len + 4);
	g->id = get16(p + 4);
	return 0;
}

uint32_t gso_next(struct gso *g, uint8_t *out, struct ip_pkt *ip)
{
	uint32_t all = g->ip.len - g->hdr, n = all - g->at;
	bool last = n <= g->size;

	if (g->at && g->at >= all)
		return 0;
	n = last ? n : g->size;
	memcpy(out, g->p, g->hdr);
	memcpy(out + g->hdr, g->p + g->hdr + g->at, n);
	*ip = g->ip;
	ip->len = g->hdr + n;
	if (g->ip.family == NET_V4)
		put16(out + 4, g->id++);
	set_ip_len(out, ip, ip->len);
	uint8_t *tcp = out + g->ip.hdr_len;
	put32(tcp + 4, g->seq + g->at);
	if (!last)
		tcp[13] &= (uint8_t)~(TCP_FIN | TCP_PSH);
	if (g->at)
		tcp[13] &= (uint8_t)~TCP_CWR;
	ip_fix_upper(out, ip);
	g->at += n ? n : 1;
	return ip->len;
}

err_t gso_checksum(uint8_t *p, size_t n, size_t at, size_t offset)
{
	if (at > n || offset + 2 > n - at)
		return E_SYNTAX;
	uint16_t c = (uint16_t)~ip_sum(p + at, n - at, 0);
	put16(p + at + offset, c ? c : 0xffff);
	return 0;
}

/* ---- in: many into one ---- */

static bool same_connection(const struct gro *g, const struct ip_pkt *ip)
{
	return g->ip.sport == ip->sport && g->ip.dport == ip->dport && g->ip.family == ip->family &&
		memcmp(g->ip.src, ip->src, 16) == 0 && memcmp(g->ip.dst, ip->dst, 16) == 0;
}

/* Everything but lengths, the IPv4 id, numbers, PSH and checksums has to be equal. */
static bool same_headers(const struct gro *g, const uint8_t *p, const struct ip_pkt *ip)
{
	const uint8_t *a = g->p + g->ip.hdr_len, *b = p + ip->hdr_len;
	bool v4 = ip->family == NET_V4;

	if (ip->tos != g->ip.tos || ip->df != g->ip.df || (v4 ? p[8] != g->p[8] : p[7] != g->p[7]))
		return false;
	/* Acknowledgement, offset and flags, window, urgent pointer, options. */
	return memcmp(a + 8, b + 8, 5) == 0 && ((a[13] ^ b[13]) & ~TCP_PSH) == 0 && memcmp(a + 14, b + 14, 2) == 0 &&
		memcmp(a + 18, b + 18, g->hdr - g->ip.hdr_len - 18) == 0;
}

static bool checksum_right(const uint8_t *p, const struct ip_pkt *ip)
{
	uint32_t n = ip->len - ip->hdr_len;

	return ip_sum(p + ip->hdr_len, n, ip_pseudo_sum(ip, IP_TCP, n)) == 0xffff;
}

enum gro_verdict gro_add(struct gro *g, uint8_t *p, const struct ip_pkt *ip)
{
	uint32_t hdr = tcp_headers(p, ip), n = ip->len - hdr;

	if (!hdr)
		return GRO_ALONE;
	if (g->n && !same_connection(g, ip))
		return GRO_OTHER;
	const uint8_t *tcp = p + ip->hdr_len;
	bool plain = (tcp[13] & (TCP_FIN | TCP_SYN | TCP_RST | TCP_URG | TCP_CWR | TCP_ACK)) == TCP_ACK && n > 0 &&
		ip->hdr_len == (ip->family == NET_V4 ? IP_V4_HDR : IP_V6_HDR);
	/* A wrong checksum has to stay wrong: it is the receiver's to find. */
	if (!plain || !checksum_right(p, ip))
		return g->n ? GRO_FLUSH : GRO_ALONE;
	bool psh = tcp[13] & TCP_PSH;
	if (!g->n) {
		g->p = p;
		g->ip = *ip;
		g->hdr = hdr;
		g->size = n;
		g->bytes = n;
		g->next_seq = get32(tcp + 4) + n;
		g->closed = psh;
		g->n = 1;
		return GRO_JOINED;
	}
	if (g->closed || hdr != g->hdr || n > g->size || get32(tcp + 4) != g->next_seq || g->n == GRO_PIECES ||
		g->hdr + g->bytes + n > GRO_BYTES || !same_headers(g, p, ip))
		return GRO_FLUSH;
	g->piece[g->n - 1] = slice_of(p + hdr, n);
	g->n++;
	g->bytes += n;
	g->next_seq += n;
	g->closed = psh || n < g->size;
	if (psh)
		g->p[g->ip.hdr_len + 13] |= TCP_PSH;
	return GRO_JOINED;
}

void gro_close(struct gro *g, struct virtio_net_hdr *vh)
{
	*vh = (struct virtio_net_hdr){ 0 };
	if (g->n < 2)
		return;
	struct ip_pkt whole = g->ip;
	whole.len = g->hdr + g->bytes;
	set_ip_len(g->p, &whole, whole.len);
	uint8_t *tcp = g->p + g->ip.hdr_len;
	put16(tcp + TCP_CSUM, ip_pseudo_sum(&whole, IP_TCP, whole.len - g->ip.hdr_len));
	vh->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	vh->gso_type = g->ip.family == NET_V4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
	vh->hdr_len = (uint16_t)g->hdr;
	vh->gso_size = (uint16_t)g->size;
	vh->csum_start = g->ip.hdr_len;
	vh->csum_offset = TCP_CSUM;
}
