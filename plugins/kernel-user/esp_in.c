/* SPDX-License-Identifier: Apache-2.0 */
/* From the peer to the tunnel device: SA by SPI, ESP, the checks of RFC 4301 section 5.2. */
#include "plugins/kernel-user/plane.h"
#include "base/rdwr.h"

static void in_drop(struct plane *k, enum plane_counter c, uint64_t *of_sa)
{
	plane_count(k, c);
	(*of_sa)++;
}

/* RFC 4301 section 5.2 step 4: what came through an SA has to fit the selectors of that SA. */
static bool in_selectors(const struct sa *s, const struct ip_pkt *ip)
{
	bool src = false, dst = false;

	if (!s->ts)
		return true;
	for (uint16_t i = 0; i < s->n_local && !dst; i++)
		dst = ip_matches(&s->ts[i], ip, ip->dst, ip->dport);
	for (uint16_t i = 0; i < s->n_remote && !src; i++)
		src = ip_matches(&s->ts[s->n_local + i], ip, ip->src, ip->sport);
	return src && dst;
}

static void in_tunnel(struct plane *k, struct sa *s, const struct in_pkt *in, struct esp_pkt *e)
{
	struct ip_pkt ip;
	uint8_t tos;

	/* What lies behind the packet's own length is TFC padding. */
	if (ip_parse(slice_of(e->p, e->n), &ip) || ip.family != (e->next == IP_IPIP ? NET_V4 : NET_V6)) {
		in_drop(k, CTR_IN_MALFORMED, &s->other_drops);
		return;
	}
	if (!in_selectors(s, &ip)) {
		in_drop(k, CTR_IN_SELECTOR, &s->policy_drops);
		return;
	}
	if (!ip_tos_in(ip.tos, in->tos, s->copy_dscp & KERN_DSCP_IN, s->copy_ecn, &tos)) {
		in_drop(k, CTR_IN_ECN, &s->other_drops);
		return;
	}
	if (tos != ip.tos)
		ip_set_tos(e->p, ip.family, tos);
	tun_write_later(k, e->p, &ip);
}

/* Gets a header again, as if the packet had come in the clear between the ends of the SA. */
static void in_transport(struct plane *k, struct sa *s, const struct in_pkt *in, struct esp_pkt *e)
{
	uint8_t *p = k->lane.scratch;
	struct ip_pkt ip;

	if (e->n > 65535 - IP_V4_HDR) {
		in_drop(k, CTR_IN_MALFORMED, &s->other_drops);
		return;
	}
	size_t hdr = ip_build(p, &s->src, &s->dst, e->next, in->tos, ++s->ip_id, e->n);
	memcpy(p + hdr, e->p, e->n);
	if (ip_parse(slice_of(p, hdr + e->n), &ip)) {
		in_drop(k, CTR_IN_MALFORMED, &s->other_drops);
		return;
	}
	if (!in_selectors(s, &ip)) {
		in_drop(k, CTR_IN_SELECTOR, &s->policy_drops);
		return;
	}
	/* The sender's checksum is over addresses that a NAT changed; the ICV has proved the bytes. */
	if (in->udp)
		ip_fix_upper(p, &ip);
	tun_write(k, p, hdr + e->n);
}

/* An authentic, newest packet from a new place: the peer's NAT has a new mapping. */
static void in_mapping(struct plane *k, struct sa *s, const struct in_pkt *in, const struct esp_pkt *e)
{
	if (!in->udp || !s->encap || e->seq != s->keys.replay.top)
		return;
	if (net_addr_same_port(in->remote, &s->src)) {
		s->mapped.family = NET_NONE;
		return;
	}
	if (net_addr_same_port(in->remote, &s->mapped))
		return;
	s->mapped = *in->remote;
	event_sa(k, s, SA_EV_MAPPING);
}

static void in_deliver(struct plane *k, struct sa *s, const struct in_pkt *in, struct esp_pkt *e)
{
	switch (e->res) {
	case 0:
		break;
	case E_STALE:
		in_drop(k, CTR_IN_REPLAY, &s->replay_drops);
		return;
	case E_INTEGRITY:
		in_drop(k, CTR_IN_ICV, &s->icv_fails);
		return;
	case E_TRUNCATED:
		in_drop(k, CTR_IN_SHORT, &s->other_drops);
		return;
	default:
		in_drop(k, CTR_IN_MALFORMED, &s->other_drops);
		return;
	}
	sa_count(k, s, e->n);
	plane_count(k, CTR_IN_PACKETS);
	k->ctr[CTR_IN_BYTES] += e->n;
	in_mapping(k, s, in, e);
	if (e->next == IP_NO_NEXT)
		plane_count(k, CTR_IN_DUMMY);
	else if (s->mode == KERN_TRANSPORT)
		in_transport(k, s, in, e);
	else if (e->next == IP_IPIP || e->next == IP_IPV6)
		in_tunnel(k, s, in, e);
	else
		in_drop(k, CTR_UNKNOWN_PROTO, &s->other_drops);
}

/* ---- packets whose SA is not there yet ---- */

static void in_park(struct plane *k, uint32_t spi, const struct in_pkt *in)
{
	struct parked *free_slot = NULL;

	plane_count(k, CTR_IN_UNKNOWN_SPI);
	if (in->n > sizeof k->park->p)
		return;
	for (size_t i = 0; i < PARK_SLOTS && !free_slot; i++)
		if (k->park[i].until_ms <= k->now_ms)
			free_slot = &k->park[i];
	if (!free_slot) {
		plane_count(k, CTR_IN_PARK_FULL);
		return;
	}
	*free_slot = (struct parked){ .until_ms = k->now_ms + PARK_MS, .spi = spi, .n = in->n, .local = *in->local,
		.remote = *in->remote, .tos = in->tos, .udp = in->udp };
	memcpy(free_slot->p, in->p, in->n);
	plane_count(k, CTR_IN_PARKED);
}

void in_unpark(struct plane *k, uint32_t spi)
{
	for (size_t i = 0; i < PARK_SLOTS; i++) {
		struct parked *q = &k->park[i];
		if (q->spi != spi || q->until_ms <= k->now_ms)
			continue;
		struct in_pkt in = { &q->local, &q->remote, q->p, q->n, q->tos, q->udp };
		q->until_ms = 0;
		in_batch(k, &in, 1);
	}
}

/* ---- batches ---- */

static struct sa *in_find(struct plane *k, const struct in_pkt *in)
{
	struct rd r = rd_of(slice_of(in->p, in->n));
	uint32_t spi = rd_u32(&r);

	if (r.err) {
		plane_count(k, CTR_IN_SHORT);
		return NULL;
	}
	struct sa *s = sa_find_in(k, spi);
	if (!s)
		in_park(k, spi, in);
	else if (s->dead)
		plane_count(k, CTR_IN_EXPIRED);
	return s && !s->dead ? s : NULL;
}

/* Packets of one SA in a row are opened together. */
static void in_chunk(struct plane *k, struct in_pkt *v, size_t n)
{
	struct sa *sa[ESP_BATCH];
	struct esp_pkt e[ESP_BATCH];

	for (size_t i = 0; i < n; i++) {
		sa[i] = in_find(k, &v[i]);
		e[i] = (struct esp_pkt){ .p = v[i].p, .n = v[i].n };
	}
	for (size_t at = 0, m; at < n; at += m) {
		for (m = 1; at + m < n && sa[at + m] == sa[at]; m++)
			;
		if (!sa[at])
			continue;
		esp_open(&sa[at]->keys, &e[at], m);
		for (size_t i = at; i < at + m; i++)
			in_deliver(k, sa[i], &v[i], &e[i]);
	}
}

void in_batch(struct plane *k, struct in_pkt *v, size_t n)
{
	for (size_t at = 0; at < n; at += ESP_BATCH)
		in_chunk(k, v + at, n - at < ESP_BATCH ? n - at : ESP_BATCH);
	tun_flush(k);
}
