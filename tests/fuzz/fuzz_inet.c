/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the userspace data plane does with packets besides ESP: putting fragments together, cutting large TCP packets
 * into segments, joining segments. Input: operations of kind (1), argument (2), length (2) and a packet.
 */
#include "fuzz.h"
#include "plugins/kernel-user/frag.h"
#include "plugins/kernel-user/gso.h"

const char *const fuzz_name = "inet";

enum { OP_FRAGMENT, OP_SEGMENT, OP_JOIN, OP_CHECKSUM, OP_END, PIECES = 128 };

struct state {
	struct frags frags;
	struct gro gro;
	uint8_t *kept[PIECES]; /* packets that gro points to */
	size_t n_kept;
	uint64_t now_ms;
};

static void gro_end(struct state *s)
{
	struct virtio_net_hdr vh;
	if (s->gro.n) {
		gro_close(&s->gro, &vh);
		uint32_t sum = s->gro.ip.len - s->gro.hdr;
		for (uint16_t i = 0; i + 1 < s->gro.n; i++)
			sum += (uint32_t)s->gro.piece[i].n;
		FUZZ_CHECK(sum == s->gro.bytes && s->gro.hdr + s->gro.bytes <= 65535);
	}
	s->gro = (struct gro){ 0 };
	while (s->n_kept)
		free(s->kept[--s->n_kept]);
}

static void segment(uint8_t *p, const struct ip_pkt *whole, uint16_t size)
{
	struct ip_pkt ip;
	struct gso g;
	uint32_t n, payload = 0, count = 0;
	if (gso_open(&g, p, whole, size))
		return;
	uint8_t *out = malloc(gso_segment_len(&g));
	FUZZ_CHECK(out);
	while ((n = gso_next(&g, out, &ip)) != 0) {
		FUZZ_CHECK(n <= gso_segment_len(&g) && ++count <= 70000);
		payload += n - g.hdr;
	}
	FUZZ_CHECK(payload == whole->len - g.hdr);
	free(out);
}

/* True when the packet is kept. */
static bool join(struct state *s, uint8_t *p, const struct ip_pkt *ip)
{
	if (s->n_kept == PIECES)
		gro_end(s);
	enum gro_verdict v = gro_add(&s->gro, p, ip);
	if (v == GRO_FLUSH || v == GRO_OTHER) {
		gro_end(s);
		v = gro_add(&s->gro, p, ip);
		FUZZ_CHECK(v == GRO_JOINED || v == GRO_ALONE);
	}
	if (v != GRO_JOINED)
		return false;
	s->kept[s->n_kept++] = p;
	return true;
}

static void one(struct state *s, uint8_t kind, uint16_t arg, slice packet)
{
	uint8_t *p = malloc(packet.n ? packet.n : 1), *whole;
	struct ip_pkt ip;
	size_t n;
	bool kept = false;

	FUZZ_CHECK(p);
	if (packet.n)
		memcpy(p, packet.p, packet.n);
	if (kind % OP_END == OP_CHECKSUM) {
		err_t e = gso_checksum(p, packet.n, arg & 0xff, arg >> 8);
		FUZZ_CHECK(e == 0 || e == E_SYNTAX);
	} else if (ip_parse(slice_of(p, packet.n), &ip) == 0) {
		switch (kind % OP_END) {
		case OP_FRAGMENT:
			s->now_ms += arg & 0xfff;
			whole = ip.fragment ? frag_add(&s->frags, p, &ip, s->now_ms, &n) : NULL;
			if (whole) {
				FUZZ_CHECK(n <= FRAG_BYTES + IP_V6_HDR);
				FUZZ_CHECK(ip_parse(slice_of(whole, n), &ip) != 0 || ip.len <= n);
			}
			break;
		case OP_SEGMENT:
			segment(p, &ip, arg);
			break;
		default:
			kept = join(s, p, &ip);
			break;
		}
	}
	if (!kept)
		free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	slice in = slice_of(data, n);
	static struct state state;
	struct state *s = &state;

	*s = (struct state){ .now_ms = 1 };
	while (in.n) {
		uint8_t kind = fuzz_u8(&in);
		uint16_t arg = fuzz_u16(&in);
		one(s, kind, arg, fuzz_bytes(&in, fuzz_u16(&in)));
	}
	gro_end(s);
	frags_fini(&s->frags);
	return 0;
}
