/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kernel-user/ip.h"
#include "base/rdwr.h"

/* IPv6 headers that may stand before the upper layer. */
enum { V6_HOP = 0, V6_ROUTING = 43, V6_FRAGMENT = 44, V6_DEST = 60, V6_MAX_EXT = 8 };

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* ---- parsing ---- */

static void parse_ports(struct rd r, struct ip_pkt *out)
{
	slice s;

	switch (out->proto) {
	case IP_TCP: case IP_UDP: case 33 /* DCCP */: case 132 /* SCTP */: case 136 /* UDP-Lite */:
		out->sport = rd_u16(&r);
		out->dport = rd_u16(&r);
		break;
	case IP_ICMP: case IP_ICMP6:
		out->sport = out->dport = rd_u16(&r);
		break;
	case IP_MH:
		s = rd_bytes(&r, 3);
		out->sport = out->dport = s.n ? (uint16_t)(s.p[2] << 8) : 0;
		break;
	}
	out->ports = !r.err;
}

static err_t parse_v4(struct rd r, size_t have, struct ip_pkt *out)
{
	uint8_t ver_len = rd_u8(&r);
	out->tos = rd_u8(&r);
	out->len = rd_u16(&r);
	rd_u16(&r);
	uint16_t frag = rd_u16(&r);
	rd_u8(&r);
	out->proto = rd_u8(&r);
	rd_u16(&r);
	slice src = rd_bytes(&r, 4), dst = rd_bytes(&r, 4);
	out->hdr_len = (uint16_t)((ver_len & 15) * 4);
	rd_bytes(&r, out->hdr_len > IP_V4_HDR ? out->hdr_len - IP_V4_HDR : 0);
	if (r.err)
		return r.err;
	if (out->hdr_len < IP_V4_HDR || out->len < out->hdr_len)
		return E_SYNTAX;
	if (out->len > have)
		return E_TRUNCATED;
	memcpy(out->src, src.p, 4);
	memcpy(out->dst, dst.p, 4);
	out->df = frag & 0x4000;
	out->fragment = frag & 0x3fff;
	if (!(frag & 0x1fff)) {
		r.end = r.p + (out->len - out->hdr_len);
		parse_ports(r, out);
	}
	return 0;
}

static err_t parse_v6(struct rd r, size_t have, struct ip_pkt *out)
{
	uint32_t first = rd_u32(&r);
	out->tos = (uint8_t)(first >> 20);
	out->len = rd_u16(&r) + IP_V6_HDR;
	out->proto = rd_u8(&r);
	rd_u8(&r);
	slice src = rd_bytes(&r, 16), dst = rd_bytes(&r, 16);
	if (r.err)
		return r.err;
	if (out->len > have)
		return E_TRUNCATED;
	memcpy(out->src, src.p, 16);
	memcpy(out->dst, dst.p, 16);
	out->df = true;
	const uint8_t *start = r.p - IP_V6_HDR;
	r.end = start + out->len;
	bool later = false; /* a fragment but the first: what follows is not a header */
	for (int i = 0; !later && (out->proto == V6_HOP || out->proto == V6_ROUTING || out->proto == V6_FRAGMENT ||
		out->proto == V6_DEST || out->proto == IP_AH); i++) {
		if (i == V6_MAX_EXT)
			return E_TOO_MANY;
		uint8_t was = out->proto;
		out->proto = rd_u8(&r);
		uint8_t len = rd_u8(&r);
		if (was == V6_FRAGMENT) {
			uint16_t off = rd_u16(&r);
			rd_u32(&r);
			out->fragment = off & 0xfff9;
			later = off & 0xfff8;
		} else {
			rd_bytes(&r, was == IP_AH ? (len + 2u) * 4 - 2 : (len + 1u) * 8 - 2);
		}
		if (r.err)
			return r.err;
	}
	out->hdr_len = (uint16_t)(r.p - start);
	if (!later)
		parse_ports(r, out);
	return 0;
}

err_t ip_parse(slice s, struct ip_pkt *out)
{
	*out = (struct ip_pkt){ 0 };
	if (!s.n)
		return E_TRUNCATED;
	out->family = s.p[0] >> 4;
	if (out->family == NET_V4)
		return parse_v4(rd_of(s), s.n, out);
	if (out->family == NET_V6)
		return parse_v6(rd_of(s), s.n, out);
	return E_SYNTAX;
}

bool ip_matches(const struct ts_sel *t, const struct ip_pkt *p, const uint8_t addr[16], uint16_t port)
{
	size_t n = net_addr_len(p->family);

	if (t->family != p->family || memcmp(addr, t->lo, n) < 0 || memcmp(addr, t->hi, n) > 0)
		return false;
	if (t->proto && t->proto != p->proto)
		return false;
	if (t->port_lo == 0 && t->port_hi == 65535)
		return true;
	if (t->port_lo > t->port_hi)
		return !p->ports;
	return p->ports && port >= t->port_lo && port <= t->port_hi;
}

/* ---- checksums ---- */

/* 16 bytes at once where the machine can (the compiler makes two words of it where not). */
typedef uint64_t vec2 __attribute__((vector_size(16)));

/* Sum of 32-bit words in host order over a multiple of 32 bytes; no carry is lost below 2^31 words. */
static uint64_t sum_blocks(const uint8_t *p, size_t n)
{
	const vec2 low = { UINT32_MAX, UINT32_MAX };
	vec2 a = { 0 }, b = { 0 }, v, w;

	for (; n >= 32; n -= 32, p += 32) {
		memcpy(&v, p, 16);
		memcpy(&w, p + 16, 16);
		a += (v & low) + (w & low);
		b += (v >> 32) + (w >> 32);
	}
	a += b;
	return a[0] + a[1];
}

uint16_t ip_sum(const uint8_t *p, size_t n, uint32_t before)
{
	/* In host order the sum is the same but for the order of its bytes, which is put right at the end. */
	uint64_t a = (uint64_t)__builtin_bswap16((uint16_t)before) + __builtin_bswap16((uint16_t)(before >> 16));
	size_t whole = n & ~(size_t)31;
	uint32_t w;

	a += sum_blocks(p, whole);
	for (p += whole, n -= whole; n >= 4; n -= 4, p += 4) {
		memcpy(&w, p, 4);
		a += w;
	}
	if (n) {
		w = 0;
		memcpy(&w, p, n);
		a += w;
	}
	a = (a & 0xffffffff) + (a >> 32);
	a = (a & 0xffffffff) + (a >> 32);
	a = (a & 0xffff) + (a >> 16);
	a = (a & 0xffff) + (a >> 16);
	a = (a & 0xffff) + (a >> 16);
	return __builtin_bswap16((uint16_t)a);
}

uint16_t ip_pseudo_sum(const struct ip_pkt *p, uint8_t proto, uint32_t n)
{
	size_t k = net_addr_len(p->family);
	uint32_t s = ip_sum(p->src, k, proto + (n >> 16) + (n & 0xffff));

	return ip_sum(p->dst, k, s);
}

void ip_v4_check(uint8_t *hdr)
{
	put16(hdr + 10, 0);
	put16(hdr + 10, (uint16_t)~ip_sum(hdr, (hdr[0] & 15) * 4u, 0));
}

void ip_fix_upper(uint8_t *p, const struct ip_pkt *ip)
{
	size_t at = ip->proto == IP_TCP ? 16 : ip->proto == IP_UDP ? 6 : 0;
	uint32_t n = ip->len - ip->hdr_len;
	uint8_t *up = p + ip->hdr_len;

	if (!at || ip->fragment || n < at + 2 || (ip->proto == IP_UDP && ip->family == NET_V4 && !get16(up + at)))
		return;
	put16(up + at, 0);
	uint16_t c = (uint16_t)~ip_sum(up, n, ip_pseudo_sum(ip, ip->proto, n));
	put16(up + at, c || ip->proto != IP_UDP ? c : 0xffff);
}

/* ---- DSCP and ECN ---- */

uint8_t ip_tos_out(uint8_t inner, bool copy_dscp, bool copy_ecn)
{
	return (uint8_t)((copy_dscp ? inner & ~ECN_MASK : 0) | (copy_ecn ? inner & ECN_MASK : 0));
}

/* RFC 6040 figure 4. */
static const int8_t ecn_in[4][4] = { /* [inner][outer], columns not-ECT, ECT(1), ECT(0), CE; -1 drop */
	[ECN_NOT] = { ECN_NOT, ECN_NOT, ECN_NOT, -1 },
	[ECN_ECT1] = { ECN_ECT1, ECN_ECT1, ECN_ECT1, ECN_CE },
	[ECN_ECT0] = { ECN_ECT0, ECN_ECT1, ECN_ECT0, ECN_CE },
	[ECN_CE] = { ECN_CE, ECN_CE, ECN_CE, ECN_CE },
};

bool ip_tos_in(uint8_t inner, uint8_t outer, bool copy_dscp, bool copy_ecn, uint8_t *out)
{
	int ecn = copy_ecn ? ecn_in[inner & ECN_MASK][outer & ECN_MASK] : inner & ECN_MASK;

	*out = (uint8_t)(((copy_dscp ? outer : inner) & ~ECN_MASK) | (ecn & ECN_MASK));
	return ecn >= 0;
}

void ip_set_tos(uint8_t *p, uint8_t family, uint8_t tos)
{
	if (family == NET_V4) {
		/* RFC 1624: HC' = ~(~HC + ~m + m') */
		uint32_t c = (uint16_t)~get16(p + 10) + (uint32_t)(uint16_t)~get16(p);
		p[1] = tos;
		c += get16(p);
		c = (c & 0xffff) + (c >> 16);
		c = (c & 0xffff) + (c >> 16);
		put16(p + 10, (uint16_t)~c);
	} else {
		p[0] = (uint8_t)((p[0] & 0xf0) | tos >> 4);
		p[1] = (uint8_t)((p[1] & 0x0f) | tos << 4);
	}
}

/* ---- making packets ---- */

/* Options whose copy bit is not set stay in the first fragment alone; their room is filled with "no operation". */
static void v4_options_later(uint8_t *opt, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		len = opt[i] < 2 || i + 1 == n ? 1 : opt[i + 1];
		if (len < 1 || len > n - i)
			len = n - i;
		if (opt[i] == 0)
			break;
		if (!(opt[i] & 0x80))
			memset(opt + i, 1, len);
	}
}

size_t ip_v4_fragment(slice packet, const struct ip_pkt *ip, size_t mtu, size_t *at, uint8_t *out)
{
	size_t all = ip->len - ip->hdr_len, left = all - *at;

	if (*at >= all || mtu < ip->hdr_len + 8u)
		return 0;
	size_t n = mtu - ip->hdr_len;
	if (n >= left)
		n = left;
	else
		n &= ~(size_t)7;
	memcpy(out, packet.p, ip->hdr_len);
	if (*at)
		v4_options_later(out + IP_V4_HDR, ip->hdr_len - IP_V4_HDR);
	memcpy(out + ip->hdr_len, packet.p + ip->hdr_len + *at, n);
	uint16_t was = get16(packet.p + 6);
	uint16_t off = (uint16_t)((was & 0x1fff) + *at / 8);
	put16(out + 2, (uint32_t)(ip->hdr_len + n));
	put16(out + 6, (uint32_t)((was & 0xc000) | (n < left || was & 0x2000 ? 0x2000 : 0) | off));
	ip_v4_check(out);
	*at += n;
	return ip->hdr_len + n;
}

static bool icmp_allowed(const struct ip_pkt *ip, slice packet)
{
	static const uint8_t zero[16];
	size_t n = net_addr_len(ip->family);

	if (memcmp(ip->src, zero, n) == 0)
		return false;
	if (ip->family == NET_V4) {
		if (ip->src[0] >= 224 || ip->dst[0] >= 224 || (get16(packet.p + 6) & 0x1fff))
			return false;
		/* Only about questions: an error about an error would go round for ever. */
		return ip->proto != IP_ICMP || (ip->ports && (ip->sport >> 8 == 8 || ip->sport >> 8 == 0));
	}
	if (ip->src[0] == 0xff || (ip->fragment && !ip->ports))
		return false;
	return ip->proto != IP_ICMP6 || (ip->ports && ip->sport >> 8 >= 128);
}

size_t ip_icmp_error(enum ip_icmp what, uint32_t mtu, slice packet, const struct ip_pkt *ip, uint8_t *out)
{
	struct net_addr src = { .family = ip->family }, dst = { .family = ip->family };
	struct ip_pkt is = { .family = ip->family };
	bool v4 = ip->family == NET_V4;
	size_t hdr = v4 ? IP_V4_HDR : IP_V6_HDR, most = v4 ? 576 : IP_ICMP_ROOM;
	size_t n = ip->len;

	if (!icmp_allowed(ip, packet))
		return 0;
	if (n > most - hdr - 8)
		n = most - hdr - 8;
	memcpy(src.a, ip->dst, 16);
	memcpy(dst.a, ip->src, 16);
	ip_build(out, &src, &dst, v4 ? IP_ICMP : IP_ICMP6, 0, 0, n + 8);
	uint8_t *c = out + hdr;
	memset(c, 0, 8);
	if (what == IP_ICMP_TOO_BIG) {
		c[0] = v4 ? 3 : 2;
		c[1] = v4 ? 4 : 0;
		put16(c + 4, v4 ? 0 : mtu >> 16);
		put16(c + 6, mtu);
	} else {
		c[0] = v4 ? 3 : 1;
		c[1] = v4 ? 13 : 1;
	}
	memcpy(c + 8, packet.p, n);
	memcpy(is.src, src.a, 16);
	memcpy(is.dst, dst.a, 16);
	put16(c + 2, (uint16_t)~ip_sum(c, n + 8, v4 ? 0 : ip_pseudo_sum(&is, IP_ICMP6, (uint32_t)n + 8)));
	return hdr + 8 + n;
}

size_t ip_build(uint8_t *out, const struct net_addr *src, const struct net_addr *dst, uint8_t proto, uint8_t tos,
	uint16_t id, size_t tail)
{
	if (src->family == NET_V4) {
		memset(out, 0, IP_V4_HDR);
		out[0] = 0x45;
		out[1] = tos;
		put16(out + 2, (uint32_t)(IP_V4_HDR + tail));
		put16(out + 4, id);
		out[8] = 64;
		out[9] = proto;
		memcpy(out + 12, src->a, 4);
		memcpy(out + 16, dst->a, 4);
		ip_v4_check(out);
		return IP_V4_HDR;
	}
	memset(out, 0, 8);
	out[0] = (uint8_t)(0x60 | tos >> 4);
	out[1] = (uint8_t)(tos << 4);
	put16(out + 4, (uint32_t)tail);
	out[6] = proto;
	out[7] = 64;
	memcpy(out + 8, src->a, 16);
	memcpy(out + 24, dst->a, 16);
	return IP_V6_HDR;
}
