/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events for the host. They wait in two intrusive lists, so that none is lost and none takes memory, and are told
 * from the loop: the engine may then submit operations, which must not happen in the middle of a batch or of submit.
 */
#include "plugins/kernel-user/plane.h"

#include <unistd.h>

static void event_post(struct plane *k)
{
	uint64_t one = 1;

	/* What fails here is told by the next tick. */
	if (!k->ev_posted)
		k->ev_posted = write(k->wake, &one, sizeof one) == sizeof one;
}

void event_wake(struct plane *k)
{
	uint64_t n;

	if (read(k->wake, &n, sizeof n) == sizeof n)
		k->ev_posted = false;
	event_flush(k);
}

void event_sa(struct plane *k, struct sa *s, uint8_t bit)
{
	s->ev_bits |= bit;
	if (!s->ev_queued) {
		s->ev_queued = true;
		s->ev_next = k->ev_sa;
		k->ev_sa = s;
	}
	event_post(k);
}

void event_trap(struct plane *k, struct policy *p, const struct ip_pkt *ip)
{
	p->ev_pkt = *ip;
	if (!p->ev_queued) {
		p->ev_queued = true;
		p->ev_next = k->ev_trap;
		k->ev_trap = p;
	}
	event_post(k);
}

void event_forget_sa(struct plane *k, struct sa *s)
{
	for (struct sa **at = &k->ev_sa; s->ev_queued && *at; at = &(*at)->ev_next)
		if (*at == s) {
			*at = s->ev_next;
			s->ev_queued = false;
			return;
		}
}

void event_forget_trap(struct plane *k, struct policy *p)
{
	for (struct policy **at = &k->ev_trap; p->ev_queued && *at; at = &(*at)->ev_next)
		if (*at == p) {
			*at = p->ev_next;
			p->ev_queued = false;
			return;
		}
}

static struct ts_sel sel_of(const struct ip_pkt *ip, const uint8_t addr[16], uint16_t port)
{
	struct ts_sel t = { .family = ip->family, .proto = ip->proto, .port_hi = 65535 };

	if (ip->ports)
		t.port_lo = t.port_hi = port;
	memcpy(t.lo, addr, 16);
	memcpy(t.hi, addr, 16);
	return t;
}

static void event_tell_sa(struct plane *k, struct sa *s)
{
	static const struct { uint8_t bit, type; } kinds[] = {
		{ SA_EV_MAPPING, KERN_EV_MAPPING }, { SA_EV_HARD, KERN_EV_EXPIRE_HARD }, { SA_EV_SOFT, KERN_EV_EXPIRE_SOFT },
	};
	struct kern_event ev = { .dir = s->dir, .proto = IP_ESP, .spi = s->keys.spi, .cookie = s->cookie, .peer = s->mapped };
	uint8_t bits = s->ev_bits;

	/* The first call may free s. What more there is to tell is told in the next round, when it still lives. */
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (bits & kinds[i].bit) {
			s->ev_bits &= (uint8_t)~kinds[i].bit;
			if (s->ev_bits)
				event_sa(k, s, 0);
			ev.type = kinds[i].type;
			k->host->kern_event(k->host->h, &ev);
			return;
		}
}

void event_flush(struct plane *k)
{
	/* Bounded: what the host does in between may bring new ones, which come with the next post. */
	struct sa *s;
	struct policy *p;

	for (int i = 0; i < 1024 && (s = k->ev_sa); i++) {
		k->ev_sa = s->ev_next;
		s->ev_queued = false;
		event_tell_sa(k, s);
	}
	for (int i = 0; i < 1024 && (p = k->ev_trap); i++) {
		k->ev_trap = p->ev_next;
		p->ev_queued = false;
		struct kern_event ev = {
			.type = KERN_EV_ACQUIRE, .dir = KERN_OUT, .proto = IP_ESP, .cookie = p->cookie,
			.local = sel_of(&p->ev_pkt, p->ev_pkt.src, p->ev_pkt.sport),
			.remote = sel_of(&p->ev_pkt, p->ev_pkt.dst, p->ev_pkt.dport),
		};
		plane_count(k, CTR_ACQUIRES);
		k->host->kern_event(k->host->h, &ev);
	}
	if (k->ev_sa || k->ev_trap)
		event_post(k);
}
