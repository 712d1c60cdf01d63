/* SPDX-License-Identifier: Apache-2.0 */
/* The SAs (SAD) of the userspace data plane: tables, groups of a reqid, limits, path MTU. */
#include "plugins/kernel-user/plane.h"

enum { ENCR_DES = 2, ENCR_3DES = 3, ENCR_CHACHA = 28 };

/* An outbound SA asks for a new one when 7/8 of its sequence numbers (or of what the cipher allows) are used. */
static uint64_t soft_of(uint64_t max)
{
	return max - max / 8;
}

err_t sa_algs(struct plane *k, uint16_t encr_id, uint16_t encr_bits, uint16_t integ_id, const struct encr_ops **encr,
	const struct mac_ops **integ)
{
	const struct plug_host *h = k->host;

	*encr = NULL;
	*integ = NULL;
	if (encr_id != ESP_ENCR_NULL) {
		*encr = h->find(h->h, PLUG_ENCR, encr_id, encr_bits ? encr_bits : encr_id == ENCR_CHACHA ? 256 :
			encr_id == ENCR_3DES ? 192 : encr_id == ENCR_DES ? 64 : 0);
		if (!*encr)
			return E_NOT_SUPPORTED;
	}
	if (*encr && (*encr)->icv_len)
		return integ_id ? E_NOT_SUPPORTED : 0;
	*integ = integ_id ? h->find(h->h, PLUG_INTEG, integ_id, 0) : NULL;
	return *integ ? 0 : E_NOT_SUPPORTED;
}

/* ---- tables ---- */

static uint32_t sa_hash(struct plane *k, uint8_t dir, uint32_t spi)
{
	uint32_t key[2] = { spi, dir };

	return tab_hash(&k->sas, key, sizeof key);
}

struct sa *sa_find(struct plane *k, uint8_t dir, uint32_t spi, const struct net_addr *dst)
{
	uint32_t h = sa_hash(k, dir, spi);

	for (struct tab_node *n = tab_first(&k->sas, h); n; n = tab_next(n, h)) {
		struct sa *s = (struct sa *)n;
		if (s->keys.spi == spi && s->dir == dir &&
			(!dst || dst->family == NET_NONE || net_addr_same(&s->dst, dst)))
			return s;
	}
	return NULL;
}

struct sa *sa_find_in(struct plane *k, uint32_t spi)
{
	return sa_find(k, KERN_IN, spi, NULL);
}

struct sa_group *sa_group_get(struct plane *k, uint32_t reqid)
{
	uint32_t h = tab_hash(&k->groups, &reqid, sizeof reqid);

	for (struct tab_node *n = tab_first(&k->groups, h); n; n = tab_next(n, h)) {
		struct sa_group *g = (struct sa_group *)n;
		if (g->reqid == reqid) {
			g->refs++;
			return g;
		}
	}
	struct sa_group *g = pool_get(&k->group_pool);
	if (!g)
		return NULL;
	g->reqid = reqid;
	g->refs = 1;
	tab_add(&k->groups, &g->node, h);
	return g;
}

void sa_group_put(struct plane *k, struct sa_group *g)
{
	if (!g || --g->refs)
		return;
	tab_del(&k->groups, &g->node);
	pool_put(&k->group_pool, g);
}

void sa_link(struct plane *k, struct sa *s)
{
	tab_add(&k->sas, &s->node, sa_hash(k, s->dir, s->keys.spi));
	if (s->group) {
		s->group_next = s->group->sas;
		s->group->sas = s;
	}
	sa_arm(k, s);
}

void sa_unlink(struct plane *k, struct sa *s)
{
	wheel_disarm(&s->life);
	event_forget_sa(k, s);
	tab_del(&k->sas, &s->node);
	for (struct sa **at = s->group ? &s->group->sas : NULL; at && *at; at = &(*at)->group_next)
		if (*at == s) {
			*at = s->group_next;
			break;
		}
}

void sa_free(struct plane *k, struct sa *s)
{
	sa_group_put(k, s->group);
	esp_fini(&s->keys);
	free(s->ts);
	pool_put(&k->sa_pool, s);
}

static uint64_t limit_of(uint64_t wanted, uint64_t other)
{
	uint64_t a = wanted ? wanted : UINT64_MAX;

	return a < other ? a : other;
}

static void sa_set_limits(struct sa *s, const struct kern_life *life, const struct encr_ops *encr)
{
	uint64_t packets = encr && encr->max_packets ? encr->max_packets : UINT64_MAX;
	uint64_t bytes = encr && encr->max_bytes ? encr->max_bytes : UINT64_MAX;

	if (s->dir == KERN_OUT && s->keys.seq_max < packets)
		packets = s->keys.seq_max;
	s->soft_bytes = limit_of(life->soft_bytes, bytes == UINT64_MAX ? bytes : soft_of(bytes));
	s->soft_packets = limit_of(life->soft_packets, packets == UINT64_MAX ? packets : soft_of(packets));
	s->hard_bytes = limit_of(life->hard_bytes, bytes);
	s->hard_packets = limit_of(life->hard_packets, packets);
	s->soft_s = life->soft_s < UINT32_MAX / 2 ? (uint32_t)life->soft_s : 0;
	s->hard_s = life->hard_s < UINT32_MAX / 2 ? (uint32_t)life->hard_s : 0;
}

static err_t sa_copy_ts(struct sa *s, const struct kern_sa *in)
{
	size_t n = (size_t)in->n_local_ts + in->n_remote_ts;

	if (!n)
		return 0;
	s->ts = malloc(n * sizeof *s->ts);
	if (!s->ts)
		return E_NOMEM;
	memcpy(s->ts, in->local_ts, in->n_local_ts * sizeof *s->ts);
	memcpy(s->ts + in->n_local_ts, in->remote_ts, in->n_remote_ts * sizeof *s->ts);
	s->n_local = in->n_local_ts;
	s->n_remote = in->n_remote_ts;
	return 0;
}

static err_t sa_check(struct plane *k, const struct kern_sa *in)
{
	const char *what = in->proto != IP_ESP ? "AH" : in->mode != KERN_TUNNEL && in->mode != KERN_TRANSPORT ? "BEET mode" :
		in->mark_in || in->mark_out || in->set_mark_mask ? "marks" : in->if_id ? "interface ids" : in->cpi ? "IPComp" :
		in->sha256_96 ? "HMAC-SHA-256 cut to 96 bits" : in->offload > KERN_OFFLOAD_AUTO ? "hardware offload" :
		!in->encap && !k->raw ? "ESP without UDP here (raw sockets need CAP_NET_RAW)" : NULL;

	if (what)
		return plane_cannot(k, "an SA", what);
	if (in->dir > KERN_OUT || !in->spi || in->src.family != in->dst.family || !net_addr_len(in->src.family) ||
		in->replay_window > REPLAY_WINDOW_MAX)
		return E_BAD_VALUE;
	return sa_find(k, in->dir, in->spi, in->dir == KERN_IN ? NULL : &in->dst) ? E_EXISTS : 0;
}

err_t sa_add(struct plane *k, const struct kern_sa *in, struct sa **out)
{
	const struct encr_ops *encr;
	const struct mac_ops *integ;
	err_t e = sa_check(k, in);

	if (!e)
		e = sa_algs(k, in->encr_id, in->encr_bits, in->integ_id, &encr, &integ);
	if (e)
		return e;
	struct sa *s = pool_get(&k->sa_pool);
	if (!s)
		return E_NOMEM;
	s->dir = in->dir;
	s->mode = in->mode;
	s->encap = in->encap;
	s->copy_df = in->copy_df;
	s->copy_dscp = in->copy_dscp;
	s->copy_ecn = in->copy_ecn;
	s->tfc_pad = in->tfc_pad;
	s->reqid = in->reqid;
	s->cookie = in->cookie;
	s->src = in->src;
	s->dst = in->dst;
	s->installed_s = (uint32_t)(k->now_ms / 1000);
	e = esp_init(&s->keys, in, encr, integ);
	if (e)
		goto out;
	e = sa_copy_ts(s, in);
	if (e)
		goto out;
	sa_set_limits(s, &in->life, encr);
	if (s->dir == KERN_OUT) {
		s->group = sa_group_get(k, in->reqid);
		e = s->group ? 0 : E_NOMEM;
		if (e)
			goto out;
		sa_path(k, s, true);
	}
	sa_link(k, s);
	*out = s;
	return 0;
out:
	sa_free(k, s);
	return e;
}

struct sa *sa_of_policy(const struct policy *p)
{
	struct sa *first = p->sas ? p->sas->sas : NULL;

	if (p->spi)
		for (struct sa *s = first; s; s = s->group_next)
			if (s->keys.spi == p->spi && !s->dead)
				return s;
	while (first && first->dead)
		first = first->group_next;
	return first;
}

/* ---- limits ---- */

void sa_count(struct plane *k, struct sa *s, uint32_t bytes)
{
	s->bytes += bytes;
	s->packets++;
	s->used_ms = k->now_ms;
	if (s->bytes < s->soft_bytes && s->packets < s->soft_packets)
		return;
	if (!s->soft_told) {
		s->soft_told = true;
		event_sa(k, s, SA_EV_SOFT);
	}
	if (!s->dead && (s->bytes >= s->hard_bytes || s->packets >= s->hard_packets)) {
		s->dead = true;
		event_sa(k, s, SA_EV_HARD);
	}
}

void sa_arm(struct plane *k, struct sa *s)
{
	uint32_t after = s->soft_s && !s->soft_told ? s->soft_s : s->hard_s;

	if (after && !s->dead)
		wheel_arm(k->wheel, &s->life, s->installed_s + after);
}

void sa_lifetimes(struct plane *k, uint32_t now_s)
{
	struct wheel_node *w;

	while ((w = wheel_due(k->wheel, now_s))) {
		struct sa *s = (struct sa *)((char *)w - offsetof(struct sa, life));
		if (s->hard_s && s->installed_s + s->hard_s <= now_s) {
			s->dead = true;
			event_sa(k, s, SA_EV_HARD);
		} else if (!s->soft_told) {
			s->soft_told = true;
			event_sa(k, s, SA_EV_SOFT);
		}
		sa_arm(k, s);
	}
}

/* ---- path MTU ---- */

void sa_path(struct plane *k, struct sa *s, bool now)
{
	if (!now && s->pmtu && k->now_ms - s->pmtu_ms < PMTU_REFRESH_MS)
		return;
	uint32_t least = s->dst.family == NET_V4 ? 576 : IP_V6_MIN_MTU;
	uint32_t mtu = rtnl_path_mtu(k->rtnl, &s->src, &s->dst);
	s->pmtu = !mtu ? 1500 : mtu < least ? least : mtu;
	s->pmtu_ms = k->now_ms;
	uint32_t outer = (s->dst.family == NET_V4 ? IP_V4_HDR : IP_V6_HDR) + (s->encap ? 8 : 0);
	s->room = esp_room(&s->keys, s->pmtu - outer);
}
