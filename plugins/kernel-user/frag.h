/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts fragments together again where a policy has to see whole packets: selectors with ports (only the first fragment
 * has them, the others would go by in the clear) and transport mode (RFC 4303 section 3.1.1). Bounded: FRAG_SETS
 * packets at a time, the oldest gives way; buffers are taken at first use and kept. Overlaps end a packet (RFC 5722).
 * One thread.
 */
#ifndef ADIT_KERNEL_USER_FRAG_H
#define ADIT_KERNEL_USER_FRAG_H

#include "plugins/kernel-user/ip.h"

enum { FRAG_SETS = 8, FRAG_BYTES = 65536, FRAG_MS = 3000, FRAG_HDR_MAX = 64 };

struct frag_set {
	uint64_t since_ms;  /* 0 free */
	uint8_t family, proto;
	uint8_t src[16], dst[16];
	uint32_t id;
	uint32_t got, total; /* bytes of payload; total 0: the last one has not come */
	uint32_t end;        /* of the payload that came farthest behind: bytes beyond the last fragment are a hole in front */
	uint8_t hdr_len;    /* 0: the first one has not come */
	uint8_t *buf;       /* room for the header, then the payload */
	uint64_t have[FRAG_BYTES / 8 / 64]; /* one bit for 8 bytes */
};

struct frags {
	struct frag_set set[FRAG_SETS];
};

/* The whole packet when this fragment completed it (valid until the next call), else NULL. */
uint8_t *frag_add(struct frags *f, const uint8_t *p, const struct ip_pkt *ip, uint64_t now_ms, size_t *n);
void frags_fini(struct frags *f);

#endif
