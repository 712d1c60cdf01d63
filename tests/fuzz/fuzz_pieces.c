/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets the userspace data plane cuts and puts together: fragments, TCP from a peer that is joined, large TCP that is
 * cut. What comes out has to be a packet again, and nothing outside of what was given may be touched.
 *
 * Input: size of the segments (2), then packets, each with its length (2).
 */
#include "fuzz.h"
#include "plugins/kernel-user/frag.h"
#include "plugins/kernel-user/gso.h"

const char *const fuzz_name = "pieces";

enum { KEEP = 64 };

static void cut(const uint8_t *p, const struct ip_pkt *ip, uint16_t size)
{
	struct ip_pkt seg, again;
	struct gso g;
	uint32_t n, bytes = 0;

	if (gso_open(&g, p, ip, size))
		return;
	uint8_t *out = malloc(gso_segment_len(&g));
	FUZZ_CHECK(out);
	while ((n = gso_next(&g, out, &seg))) {
		FUZZ_CHECK(n <= gso_segment_len(&g) && ip_parse(slice_of(out, n), &again) == 0 && again.len == n);
		bytes += n - g.hdr;
	}
	FUZZ_CHECK(bytes == ip->len - g.hdr);
	free(out);
}

static void write_out(struct gro *g)
{
	static uint8_t out[70000];
	struct virtio_net_hdr vh;
	struct ip_pkt ip;
	size_t n = g->ip.len;

	gro_close(g, &vh);
	memcpy(out, g->p, n);
	for (int i = 1; i < g->n; i++) {
		memcpy(out + n, g->piece[i - 1].p, g->piece[i - 1].n);
		n += g->piece[i - 1].n;
	}
	FUZZ_CHECK(n == g->hdr + g->bytes && n <= 65535);
	FUZZ_CHECK(ip_parse(slice_of(out, n), &ip) == 0 && ip.len == n);
	if (g->n > 1)
		FUZZ_CHECK(gso_checksum(out, n, vh.csum_start, vh.csum_offset) == 0);
	g->n = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	slice in = slice_of(data, n);
	uint16_t size = fuzz_u16(&in);
	uint8_t *keep[KEEP];
	size_t kept = 0;
	static struct frags f;
	struct gro g = { 0 };

	while (in.n && kept < KEEP) {
		slice s = fuzz_bytes(&in, fuzz_u16(&in));
		struct ip_pkt ip;
		uint8_t *p = keep[kept++] = malloc(s.n ? s.n : 1);
		FUZZ_CHECK(p);
		if (s.n)
			memcpy(p, s.p, s.n);
		if (ip_parse(slice_of(p, s.n), &ip))
			continue;
		if (ip.fragment) {
			size_t whole;
			uint8_t *w = frag_add(&f, p, &ip, 1 + kept, &whole);
			FUZZ_CHECK(!w || whole <= 65535 + 40);
			if (w && ip_parse(slice_of(w, whole), &ip) == 0)
				FUZZ_CHECK(ip.len == whole);
			continue;
		}
		cut(p, &ip, size);
		enum gro_verdict v = gro_add(&g, p, &ip);
		if (v == GRO_FLUSH) {
			write_out(&g);
			v = gro_add(&g, p, &ip);
			FUZZ_CHECK(v == GRO_JOINED || v == GRO_ALONE);
		}
	}
	if (g.n)
		write_out(&g);
	while (kept)
		free(keep[--kept]);
	frags_fini(&f);
	return 0;
}
