/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kernel-user/frag.h"
#include "base/rdwr.h"

#include <stdlib.h>

/* What the headers of one fragment say. */
struct piece {
	uint32_t id, off, len;
	bool last;
	uint8_t proto;   /* next header of the payload */
	const uint8_t *data;
	uint8_t hdr_len; /* that stays */
};

static bool read_v4(const uint8_t *p, const struct ip_pkt *ip, struct piece *out)
{
	struct rd r = rd_of(slice_of(p, ip->len));

	rd_u32(&r);
	out->id = rd_u16(&r);
	uint16_t off = rd_u16(&r);
	out->off = (off & 0x1fffu) * 8;
	out->last = !(off & 0x2000);
	out->hdr_len = (uint8_t)ip->hdr_len;
	out->data = p + ip->hdr_len;
	out->len = ip->len - ip->hdr_len;
	out->proto = ip->proto;
	return ip->hdr_len <= FRAG_HDR_MAX;
}

/* The fragment header right behind the fixed one; anything between them stays as it is, in pieces. */
static bool read_v6(const uint8_t *p, const struct ip_pkt *ip, struct piece *out)
{
	struct rd r = rd_of(slice_of(p, ip->len));

	rd_bytes(&r, 6);
	uint8_t next = rd_u8(&r);
	rd_bytes(&r, IP_V6_HDR - 7);
	out->proto = rd_u8(&r);
	rd_u8(&r);
	uint16_t off = rd_u16(&r);
	out->id = rd_u32(&r);
	out->off = off & 0xfff8u;
	out->last = !(off & 1);
	out->hdr_len = IP_V6_HDR;
	slice data = rd_rest(&r);
	out->data = data.p;
	out->len = (uint32_t)data.n;
	return !r.err && next == 44;
}

static struct frag_set *set_for(struct frags *f, const struct ip_pkt *ip, const struct piece *x, uint64_t now_ms)
{
	struct frag_set *use = &f->set[0];

	for (size_t i = 0; i < FRAG_SETS; i++) {
		struct frag_set *s = &f->set[i];
		bool old = s->since_ms && now_ms - s->since_ms >= FRAG_MS;
		if (old)
			s->since_ms = 0;
		/* RFC 8200 section 4.5: only the first fragment's next header counts. */
		bool proto = ip->family == NET_V6 || s->proto == x->proto;
		if (s->since_ms && s->id == x->id && s->family == ip->family && proto &&
			memcmp(s->src, ip->src, 16) == 0 && memcmp(s->dst, ip->dst, 16) == 0)
			return s;
		if (s->since_ms < use->since_ms)
			use = s;
	}
	if (!use->buf)
		use->buf = malloc(FRAG_HDR_MAX + FRAG_BYTES);
	if (!use->buf)
		return NULL;
	uint8_t *buf = use->buf;
	*use = (struct frag_set){ .since_ms = now_ms ? now_ms : 1, .family = ip->family, .proto = x->proto, .id = x->id,
		.buf = buf };
	memcpy(use->src, ip->src, 16);
	memcpy(use->dst, ip->dst, 16);
	return use;
}

/* False: it overlaps what is there. */
static bool set_take(struct frag_set *s, const struct piece *x)
{
	for (uint32_t u = x->off / 8; u < (x->off + x->len + 7) / 8; u++) {
		uint64_t bit = UINT64_C(1) << u % 64;
		if (s->have[u / 64] & bit)
			return false;
		s->have[u / 64] |= bit;
	}
	memcpy(s->buf + FRAG_HDR_MAX + x->off, x->data, x->len);
	s->got += x->len;
	if (s->end < x->off + x->len)
		s->end = x->off + x->len;
	return true;
}

static uint8_t *set_finish(struct frag_set *s, size_t *n)
{
	uint8_t *p = s->buf + FRAG_HDR_MAX - s->hdr_len;
	uint32_t len = s->hdr_len + s->total;

	if (s->family == NET_V4) {
		if (len > 65535)
			return NULL;
		p[2] = (uint8_t)(len >> 8);
		p[3] = (uint8_t)len;
		p[6] &= 0x40;
		p[7] = 0;
		ip_v4_check(p);
	} else {
		if (s->total > 65535)
			return NULL;
		p[4] = (uint8_t)(s->total >> 8);
		p[5] = (uint8_t)s->total;
		p[6] = s->proto;
	}
	*n = len;
	return p;
}

uint8_t *frag_add(struct frags *f, const uint8_t *p, const struct ip_pkt *ip, uint64_t now_ms, size_t *n)
{
	struct piece x;

	if (!(ip->family == NET_V4 ? read_v4(p, ip, &x) : read_v6(p, ip, &x)))
		return NULL;
	/* All but the last are multiples of 8; none is empty or reaches over the end of the longest packet. */
	if (!x.len || x.off + x.len > FRAG_BYTES - 1 || (!x.last && x.len % 8))
		return NULL;
	struct frag_set *s = set_for(f, ip, &x, now_ms);
	if (!s)
		return NULL;
	if (!set_take(s, &x) || (x.last && s->total)) {
		s->since_ms = 0;
		return NULL;
	}
	if (x.off == 0) {
		s->hdr_len = x.hdr_len;
		s->proto = x.proto;
		memcpy(s->buf + FRAG_HDR_MAX - x.hdr_len, p, x.hdr_len);
	}
	if (x.last)
		s->total = x.off + x.len;
	if (!s->total || !s->hdr_len || s->got < s->total)
		return NULL;
	s->since_ms = 0;
	return s->got == s->total && s->end == s->total ? set_finish(s, n) : NULL;
}

void frags_fini(struct frags *f)
{
	for (size_t i = 0; i < FRAG_SETS; i++)
		free(f->set[i].buf);
	*f = (struct frags){ 0 };
}
