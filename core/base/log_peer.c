/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_peer.h"
#include "base/htab.h"

enum { SECOND_MS = 1000 };

void log_peers_init(struct log_peers *p, const uint8_t seed[16])
{
	memset(p, 0, sizeof *p);
	memcpy(p->seed, seed, sizeof p->seed);
}

/* The row of the address, or the oldest of its set, which it then takes over. */
static struct log_peer_row *row_of(struct log_peers *p, const struct net_addr *peer)
{
	struct log_peer_row *set = p->row[siphash(p->seed, slice_of(peer->a, sizeof peer->a)) % LOG_PEER_SETS];
	struct log_peer_row *oldest = set;

	for (size_t i = 0; i < LOG_PEER_WAYS; i++) {
		if (net_addr_same(&set[i].peer, peer))
			return &set[i];
		if (set[i].since_ms < oldest->since_ms)
			oldest = &set[i];
	}
	p->all_suppressed += oldest->suppressed;
	*oldest = (struct log_peer_row){ .peer = *peer };
	return oldest;
}

bool log_peers_allow(struct log_peers *p, const struct net_addr *peer, uint64_t now_ms)
{
	struct log_peer_row *r = row_of(p, peer);

	if (now_ms - r->since_ms >= SECOND_MS && !r->suppressed) {
		r->since_ms = now_ms;
		r->lines = 0;
	}
	if (now_ms - p->all_since_ms >= SECOND_MS) {
		p->all_since_ms = now_ms;
		p->all_lines = 0;
	}
	if (r->lines >= LOG_PEER_PER_S) {
		r->suppressed++;
		return false;
	}
	if (p->all_lines >= LOG_PEER_ALL_PER_S) {
		p->all_suppressed++;
		return false;
	}
	r->lines++;
	p->all_lines++;
	return true;
}

bool log_peers_next(struct log_peers *p, uint64_t now_ms, struct net_addr *peer, uint64_t *suppressed)
{
	for (; p->sweep < LOG_PEER_SETS * LOG_PEER_WAYS; p->sweep++) {
		struct log_peer_row *r = &p->row[p->sweep / LOG_PEER_WAYS][p->sweep % LOG_PEER_WAYS];
		if (!r->suppressed || now_ms - r->since_ms < SECOND_MS)
			continue;
		*peer = r->peer;
		*suppressed = r->suppressed;
		r->suppressed = 0;
		r->lines = 0;
		r->since_ms = now_ms;
		return true;
	}
	p->sweep = 0;
	if (!p->all_suppressed)
		return false;
	*peer = (struct net_addr){ 0 };
	*suppressed = p->all_suppressed;
	p->all_suppressed = 0;
	return true;
}
