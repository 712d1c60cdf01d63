/* SPDX-License-Identifier: Apache-2.0 */
/* Which network interfaces IKE is spoken on, by name. What is known of an interface is looked at again after a while,
 * since numbers are used again. Loop thread; asks the system for a name at most once per interface and few seconds. */
#ifndef ADIT_OS_UDP_FILTER_H
#define ADIT_OS_UDP_FILTER_H

#include "base/err.h"

enum { UDP_FILTER_KNOWN = 64, UDP_FILTER_KEEP_MS = 5000 };

struct udp_filter {
	const char *const *use, *const *ignore; /* NULL-terminated, borrowed; NULL: no rule */
	struct {
		unsigned index;
		bool may;
		uint64_t until_ms;
	} known[UDP_FILTER_KNOWN];
};

/* May a datagram that came in by this interface be looked at? */
bool udp_filter_may(struct udp_filter *f, unsigned index, uint64_t now_ms);

#endif
