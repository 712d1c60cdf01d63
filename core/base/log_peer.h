/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many lines a peer may cause: a bounded table of addresses, each with a few lines per second, and a bound for all
 * of them together. Not thread-safe: the log hub calls it under its lock. Times in milliseconds, monotonic.
 */
#ifndef ADIT_BASE_LOG_PEER_H
#define ADIT_BASE_LOG_PEER_H

#include "base/netaddr.h"

enum { LOG_PEER_PER_S = 5, LOG_PEER_ALL_PER_S = 200, LOG_PEER_SETS = 256, LOG_PEER_WAYS = 4 };

struct log_peer_row {
	struct net_addr peer;
	uint64_t since_ms; /* start of the present second */
	uint32_t lines, suppressed;
};

struct log_peers {
	uint8_t seed[16];
	struct log_peer_row row[LOG_PEER_SETS][LOG_PEER_WAYS];
	uint64_t all_since_ms;
	uint32_t all_lines;
	uint64_t all_suppressed; /* of peers that did not get a row, or beyond the common bound; told by log_peers_next */
	size_t sweep;
};

void log_peers_init(struct log_peers *p, const uint8_t seed[16]);
/* May this peer cause a line now? */
bool log_peers_allow(struct log_peers *p, const struct net_addr *peer, uint64_t now_ms);
/* The next suppression that is over and untold; family NET_NONE: of many peers. Call until false. */
bool log_peers_next(struct log_peers *p, uint64_t now_ms, struct net_addr *peer, uint64_t *suppressed);

#endif
