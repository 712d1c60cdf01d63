/* SPDX-License-Identifier: Apache-2.0 */
/* From the tunnel device to the peer: policy, SA, size, ESP, socket. */
#include "plugins/kernel-user/plane.h"

#include <unistd.h>

enum { OUT_RUN_BYTES = 64000, OUT_READS = 64, OUT_TURN_BYTES = 1 << 20, OUT_LONGEST = 65000 };

err_t lane_init(struct lane *l, uint32_t mtu, const struct plug_host *host)
{
	l->slot_bytes = (SLOT_HEAD + (mtu < 1500 ? 1500 : mtu) + SLOT_TAIL + 63) & ~63u;
	l->slots = aligned_alloc(64, (size_t)LANE_SLOTS * l->slot_bytes);
	l->scratch = malloc(SCRATCH_BYTES);
	l->large = malloc(l->slot_bytes + SCRATCH_BYTES);
	l->rnd = (struct esp_rand){ .fill = host->random, .h = host->h };
	return l->slots && l->scratch && l->large ? 0 : E_NOMEM;
}

void lane_fini(struct lane *l)
{
	free(l->slots);
	free(l->scratch);
	free(l->large);
	frags_fini(&l->frags);
	l->slots = l->scratch = l->large = NULL;
}

static uint8_t *lane_slot(struct lane *l)
{
	return l->slots + (size_t)l->n * l->slot_bytes;
}

/* ---- sending what is sealed ---- */

static void out_failed(struct plane *k, struct sa *s, err_t e)
{
	if (e != E_LIMIT) {
		plane_count(k, CTR_OUT_CRYPTO);
		s->other_drops++;
		return;
	}
	/* No sequence numbers are left: never wrap (RFC 4303 section 3.3.3). */
	plane_count(k, CTR_OUT_EXPIRED);
	if (!s->dead) {
		s->dead = true;
		event_sa(k, s, SA_EV_HARD);
	}
}

/* Runs of one length, each may end with a shorter one: such a run leaves as one where the system can do it. */
static err_t out_send(struct plane *k, struct sa *s, const slice *v, size_t n, unsigned how)
{
	err_t e = 0, one;

	if (!s->encap)
		return raw_send(k->raw, &s->src, &s->dst, v, n, how);
	for (size_t m; n; v += m, n -= m) {
		size_t bytes = v[0].n;
		for (m = 1; m < n && v[m - 1].n == v[0].n && v[m].n <= v[0].n && bytes + v[m].n < OUT_RUN_BYTES; m++)
			bytes += v[m].n;
		one = k->host->udp_send(k->host->h, &s->src, &s->dst, v, m, how);
		e = e ? e : one;
	}
	return e;
}

/* One SA, one kind of outer header. */
static void out_run(struct plane *k, size_t from, size_t n)
{
	struct lane *l = &k->lane;
	struct sa *s = l->item[from].sa;
	struct esp_pkt *v = &l->pkt[from];
	uint32_t inner[LANE_SLOTS];
	slice out[LANE_SLOTS];
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		inner[i] = v[i].n;
	esp_seal(&s->keys, v, n, &l->rnd);
	for (size_t i = 0; i < n; i++) {
		if (v[i].res) {
			out_failed(k, s, v[i].res);
			continue;
		}
		out[m++] = slice_of(v[i].p, v[i].n);
		sa_count(k, s, inner[i]);
		k->ctr[CTR_OUT_BYTES] += inner[i];
	}
	if (!m)
		return;
	k->ctr[CTR_OUT_PACKETS] += m;
	err_t e = out_send(k, s, out, m, l->item[from].how);
	if (!e)
		return;
	plane_count(k, CTR_OUT_SEND_FAILED);
	if (e == E_SPACE)
		sa_path(k, s, true);
}

static void out_flush(struct plane *k)
{
	struct lane *l = &k->lane;

	for (size_t at = 0, n; at < l->n; at += n) {
		for (n = 1; at + n < l->n && l->item[at + n].sa == l->item[at].sa &&
			l->item[at + n].how == l->item[at].how; n++)
			;
		out_run(k, at, n);
	}
	l->n = 0;
}

/* Longer than a slot, up to the longest IP packet: sealed and sent by itself. */
static void out_long(struct plane *k, struct sa *s, const uint8_t *p, uint32_t n, uint8_t next, unsigned how)
{
	struct lane *l = &k->lane;
	slice out;

	out_flush(k); /* what came before leaves before */
	if (esp_sealed_len(&s->keys, n) > OUT_LONGEST) {
		plane_count(k, CTR_OUT_TOO_BIG);
		return;
	}
	l->pkt[0] = (struct esp_pkt){ .p = memmove(l->large + SLOT_HEAD, p, n), .n = n, .next = next };
	esp_seal(&s->keys, l->pkt, 1, &l->rnd);
	if (l->pkt[0].res) {
		out_failed(k, s, l->pkt[0].res);
		return;
	}
	sa_count(k, s, n);
	k->ctr[CTR_OUT_BYTES] += n;
	plane_count(k, CTR_OUT_PACKETS);
	out = slice_of(l->pkt[0].p, l->pkt[0].n);
	if (out_send(k, s, &out, 1, how & ~(unsigned)PLUG_UDP_DF))
		plane_count(k, CTR_OUT_SEND_FAILED);
}

/* The payload lies in the current slot behind its head room, or somewhere else: then it is copied there. */
static void out_queue(struct plane *k, struct sa *s, uint8_t *p, uint32_t n, uint8_t next, unsigned how)
{
	struct lane *l = &k->lane;
	uint8_t *slot = lane_slot(l), *end = slot + l->slot_bytes;

	if (p < slot + SLOT_HEAD || p >= end) {
		if (n > l->slot_bytes - SLOT_HEAD - SLOT_TAIL) {
			out_long(k, s, p, n, next, how);
			return;
		}
		memcpy(slot + SLOT_HEAD, p, n);
		p = slot + SLOT_HEAD;
	}
	uint32_t tfc = 0, want = s->mode == KERN_TUNNEL ? s->tfc_pad : 0, fits = (uint32_t)(end - SLOT_TAIL - p);
	want = want > s->room ? s->room : want;
	want = want > fits ? fits : want;
	tfc = want > n ? want - n : 0;
	l->pkt[l->n] = (struct esp_pkt){ .p = p, .n = n, .tfc = tfc, .next = next };
	l->item[l->n] = (struct out_item){ s, how };
	if (++l->n == LANE_SLOTS)
		out_flush(k);
}

/* ---- one packet ---- */

static void out_icmp(struct plane *k, enum ip_icmp what, uint32_t mtu, slice packet, const struct ip_pkt *ip)
{
	uint8_t buf[IP_ICMP_ROOM];

	if (!k->icmp_left) {
		plane_count(k, CTR_ICMP_LIMITED);
		return;
	}
	size_t n = ip_icmp_error(what, mtu, packet, ip, buf);
	if (!n)
		return;
	k->icmp_left--;
	plane_count(k, CTR_ICMP_SENT);
	tun_write(k, buf, n);
}

static bool out_df(const struct sa *s, const struct ip_pkt *ip)
{
	return s->copy_df == KERN_COPY_DF_SET || (s->copy_df == KERN_COPY_DF_YES && ip->df);
}

/* Too long for the path, IPv4, may be fragmented: before encryption, so that the peer need not put ESP together. */
static void out_fragments(struct plane *k, struct sa *s, const uint8_t *p, const struct ip_pkt *ip, unsigned how)
{
	struct lane *l = &k->lane;
	slice packet = slice_of(l->scratch, ip->len);
	size_t at = 0, n;

	memcpy(l->scratch, p, ip->len);
	while ((n = ip_v4_fragment(packet, ip, s->room < k->mtu ? s->room : k->mtu, &at, lane_slot(l) + SLOT_HEAD))) {
		plane_count(k, CTR_OUT_FRAGMENTS);
		out_queue(k, s, lane_slot(l) + SLOT_HEAD, (uint32_t)n, IP_IPIP, how);
	}
}

static void out_tunnel(struct plane *k, struct sa *s, uint8_t *p, const struct ip_pkt *ip, bool whole)
{
	unsigned how = ip_tos_out(ip->tos, s->copy_dscp & KERN_DSCP_OUT, s->copy_ecn);
	bool v4 = ip->family == NET_V4, df = out_df(s, ip);

	if (ip->len > s->room) {
		/* Whole: the selectors have ports, so that the peer could not check fragments; or it came in fragments, so that
		 * nobody expects it to arrive in one. Then ESP is fragmented instead. */
		bool outside = (!v4 && ip->len <= IP_V6_MIN_MTU) || (whole && (!ip->df || ip->len > k->mtu));
		if (v4 && !ip->df && !outside) {
			out_fragments(k, s, p, ip, how | (df ? PLUG_UDP_DF : 0));
			return;
		}
		if (!outside && s->copy_df != KERN_COPY_DF_CLEAR) {
			uint32_t mtu = v4 || s->room > IP_V6_MIN_MTU ? s->room : IP_V6_MIN_MTU;
			plane_count(k, CTR_OUT_TOO_BIG);
			out_icmp(k, IP_ICMP_TOO_BIG, mtu, slice_of(p, ip->len), ip);
			return;
		}
		df = false; /* the ESP packet is fragmented */
	}
	out_queue(k, s, p, ip->len, v4 ? IP_IPIP : IP_IPV6, how | (df ? PLUG_UDP_DF : 0));
}

static void out_transport(struct plane *k, struct sa *s, uint8_t *p, const struct ip_pkt *ip)
{
	size_t addr = net_addr_len(ip->family);
	bool v4 = ip->family == NET_V4, df = ip->df;
	uint32_t hdr = v4 ? ip->hdr_len : IP_V6_HDR;
	uint8_t next = v4 ? ip->proto : p[6];

	/* ESP protects whole packets between the ends of the SA; what has to stand before ESP (hop-by-hop options) the
	 * sockets cannot send. */
	if (s->dst.family != ip->family || memcmp(ip->src, s->src.a, addr) != 0 || memcmp(ip->dst, s->dst.a, addr) != 0 ||
		ip->fragment || (!v4 && next == 0)) {
		plane_count(k, CTR_OUT_MALFORMED);
		s->other_drops++;
		return;
	}
	if (ip->len - hdr > s->room && ip->len <= k->mtu) {
		if (df) {
			plane_count(k, CTR_OUT_TOO_BIG);
			out_icmp(k, IP_ICMP_TOO_BIG, s->room + hdr, slice_of(p, ip->len), ip);
			return;
		}
	}
	/* What is longer than the device allows came in fragments. */
	df = df && ip->len <= k->mtu;
	out_queue(k, s, p + hdr, ip->len - hdr, next, ip->tos | (v4 && df ? PLUG_UDP_DF : 0u));
}

static void out_protect(struct plane *k, const struct policy *pol, struct sa *s, uint8_t *p, const struct ip_pkt *ip)
{
	sa_path(k, s, false);
	if (s->mode == KERN_TRANSPORT)
		out_transport(k, s, p, ip);
	else
		out_tunnel(k, s, p, ip, pol->whole);
}

/* Round the tunnel, with our mark, as if the route were not there. */
static void out_pass(struct plane *k, uint8_t *p, const struct ip_pkt *ip)
{
	if (!k->raw || !k->host->fwmark) {
		plane_count(k, CTR_OUT_DROPPED);
		return;
	}
	err_t e = raw_pass(k->raw, ip, slice_of(p, ip->len));
	if (!e) {
		plane_count(k, CTR_OUT_PASSED);
		return;
	}
	plane_count(k, CTR_OUT_SEND_FAILED);
	if (e == E_SPACE && ip->df) {
		struct net_addr dst = { .family = ip->family };
		memcpy(dst.a, ip->dst, 16);
		uint32_t mtu = rtnl_path_mtu(k->rtnl, &(struct net_addr){ .family = NET_NONE }, &dst);
		if (mtu)
			out_icmp(k, IP_ICMP_TOO_BIG, mtu, slice_of(p, ip->len), ip);
	}
}

/* ---- traps ---- */

static void out_trap(struct plane *k, struct policy *p, const uint8_t *packet, const struct ip_pkt *ip)
{
	if (!p->asked_ms || k->now_ms - p->asked_ms >= HELD_MS) {
		p->asked_ms = k->now_ms ? k->now_ms : 1;
		event_trap(k, p, ip);
	}
	struct held *h = p->n_held < POLICY_QUEUE ? malloc(sizeof *h + ip->len) : NULL;
	if (!h) {
		plane_count(k, CTR_OUT_HELD_FULL);
		return;
	}
	h->next = NULL;
	h->n = ip->len;
	memcpy(h->p, packet, ip->len);
	struct held **tail = &p->held;
	while (*tail)
		tail = &(*tail)->next;
	*tail = h;
	plane_count(k, CTR_OUT_HELD);
	if (p->n_held++)
		return;
	p->held_next = k->held;
	if (k->held)
		k->held->held_link = &p->held_next;
	p->held_link = &k->held;
	k->held = p;
}

static void out_held_unlink(struct policy *p)
{
	*p->held_link = p->held_next;
	if (p->held_next)
		p->held_next->held_link = p->held_link;
	p->held_link = NULL;
}

void out_forget_held(struct policy *p)
{
	if (p->held_link)
		out_held_unlink(p);
	while (p->held) {
		struct held *h = p->held;
		p->held = h->next;
		free(h);
	}
	p->n_held = 0;
}

/* Sends a packet that waited if there is an SA now. */
static bool out_held_try(struct plane *k, struct held *h)
{
	struct ip_pkt ip;

	if (ip_parse(slice_of(h->p, h->n), &ip))
		return true;
	struct policy *p = policy_find(&k->policies, &ip);
	struct sa *s = p && p->action == KERN_PROTECT ? sa_of_policy(p) : NULL;
	if (!s)
		return false;
	out_protect(k, p, s, h->p, &ip);
	return true;
}

void out_held(struct plane *k)
{
	for (struct policy *p = k->held, *next; p; p = next) {
		bool old = k->now_ms - p->asked_ms >= HELD_MS;
		next = p->held_next;
		for (struct held **at = &p->held; *at;) {
			struct held *h = *at;
			bool sent = out_held_try(k, h);
			if (!sent && !old) {
				at = &h->next;
				continue;
			}
			if (sent)
				p->asked_ms = 0;
			else
				plane_count(k, CTR_OUT_HELD_OLD);
			*at = h->next;
			free(h);
			p->n_held--;
		}
		if (!p->n_held)
			out_held_unlink(p);
	}
	out_flush(k);
}

/* ---- the device ---- */

static void out_packet(struct plane *k, struct policy *pol, uint8_t *p, const struct ip_pkt *ip)
{
	struct sa *s;

	switch (pol ? pol->action : k->pass_other ? KERN_PASS : KERN_DROP) {
	case KERN_PROTECT:
		s = sa_of_policy(pol);
		if (s)
			out_protect(k, pol, s, p, ip);
		else
			plane_count(k, CTR_OUT_NO_SA);
		break;
	case KERN_PASS:
		out_pass(k, p, ip);
		break;
	case KERN_TRAP:
		out_trap(k, pol, p, ip);
		break;
	default:
		plane_count(k, CTR_OUT_DROPPED);
		if (!pol)
			out_icmp(k, IP_ICMP_PROHIBITED, 0, slice_of(p, ip->len), ip);
		break;
	}
}

/* Cut into the slots; all segments have the same policy. */
static void out_large(struct plane *k, struct policy *pol, const uint8_t *p, const struct ip_pkt *whole, uint16_t size)
{
	struct lane *l = &k->lane;
	struct ip_pkt ip;
	struct gso g;

	if (gso_open(&g, p, whole, size) || gso_segment_len(&g) > l->slot_bytes - SLOT_HEAD - SLOT_TAIL) {
		plane_count(k, CTR_OUT_MALFORMED);
		return;
	}
	plane_count(k, CTR_OUT_LARGE);
	uint64_t too_big = k->ctr[CTR_OUT_TOO_BIG];
	/* When one is too long for the path, the others are: the sender is told once. */
	while (too_big == k->ctr[CTR_OUT_TOO_BIG] && gso_next(&g, lane_slot(l) + SLOT_HEAD, &ip))
		out_packet(k, pol, lane_slot(l) + SLOT_HEAD, &ip);
}

/* A packet as it came from the device. */
static void out_take(struct plane *k, uint8_t *p, size_t n, uint16_t gso)
{
	struct lane *l = &k->lane;
	struct ip_pkt ip;

	if (ip_parse(slice_of(p, n), &ip)) {
		plane_count(k, CTR_OUT_MALFORMED);
		return;
	}
	if (ip.fragment && k->policies.n_whole) {
		p = frag_add(&l->frags, p, &ip, k->now_ms, &n);
		if (!p || ip_parse(slice_of(p, n), &ip))
			return;
		plane_count(k, CTR_OUT_WHOLE);
	}
	struct policy *pol = policy_find(&k->policies, &ip);
	if (!pol)
		plane_count(k, CTR_OUT_NO_POLICY);
	if (!gso) {
		out_packet(k, pol, p, &ip);
		return;
	}
	if (p != l->large) /* the slot is where the first segment goes */
		p = memcpy(l->large, p, ip.len);
	out_large(k, pol, p, &ip, gso);
}

void out_read(struct plane *k)
{
	struct lane *l = &k->lane;
	size_t n, bytes = 0;
	uint16_t gso;
	uint8_t *p;

	k->now_ms = k->host->now_ms(k->host->h);
	for (int i = 0; i < OUT_READS && bytes < OUT_TURN_BYTES; i++, bytes += n) {
		n = tun_read(k, lane_slot(l) + SLOT_HEAD, l->slot_bytes - SLOT_HEAD - SLOT_TAIL, &p, &gso);
		if (!n)
			break;
		out_take(k, p, n, gso);
	}
	out_flush(k);
}
