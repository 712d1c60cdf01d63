/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ESP itself (RFC 4303): sealing and opening batches of packets of one SA, in place. Knows keys, sequence numbers and
 * the anti-replay window; knows nothing of IP headers, sockets, policies. No host calls, no allocation per packet.
 * One thread at a time for one SA.
 */
#ifndef ADIT_KERNEL_USER_ESP_H
#define ADIT_KERNEL_USER_ESP_H

#include "plugin/abi.h"
#include "plugins/kernel-user/replay.h"

enum {
	ESP_HDR = 8,
	ESP_IV_MAX = 16,
	ESP_ICV_MAX = 64,
	ESP_HEAD_ROOM = ESP_HDR + ESP_IV_MAX,    /* what sealing may need before the payload */
	ESP_TAIL_ROOM = 2 + 32 + ESP_ICV_MAX + 4, /* and behind it, besides TFC padding */
	ESP_BATCH = 128,
	ESP_ENCR_NULL = 11
};

struct esp_keys {
	uint32_t spi;
	bool esn;
	bool out;
	uint8_t iv_len, icv_len, align;
	bool counter_iv; /* the IV is the sequence number (RFC 4106 section 3.1), else random (CBC) */
	const struct encr_ops *encr; /* NULL: ENCR_NULL */
	const struct mac_ops *integ; /* NULL: an AEAD */
	void *encr_ctx, *integ_ctx;  /* owned */
	uint64_t seq;    /* out: last one used */
	uint64_t seq_max;
	struct replay replay; /* in */
};

struct esp_pkt {
	uint8_t *p;    /* seal: the payload, with room; open: the ESP header. Afterwards the other way round */
	uint32_t n;
	uint32_t tfc;  /* seal: zero bytes to add behind the payload */
	uint8_t next;  /* next header */
	uint64_t seq;
	err_t res;     /* 0; seal: E_LIMIT no numbers left, E_CRYPTO; open: E_TRUNCATED, E_STALE (replay), E_INTEGRITY,
	                * E_SYNTAX (padding) */
};

/* Random bytes for IVs, fetched in lumps; belongs to one thread. */
struct esp_rand {
	err_t (*fill)(void *h, uint8_t *out, size_t n);
	void *h;
	uint32_t left;
	uint8_t pool[4096];
};

/* Keys are copied into contexts. E_NOT_SUPPORTED: no integrity at all; E_BAD_VALUE: key length; E_NOMEM. On error
 * nothing is kept. */
MUST err_t esp_init(struct esp_keys *k, const struct kern_sa *sa, const struct encr_ops *encr,
	const struct mac_ops *integ);
/* Wipes. */
void esp_fini(struct esp_keys *k);

/* n is at most ESP_BATCH. */
void esp_seal(struct esp_keys *k, struct esp_pkt *v, size_t n, struct esp_rand *rnd);
void esp_open(struct esp_keys *k, struct esp_pkt *v, size_t n);

/* Bytes of an ESP packet around a payload of n bytes. */
uint32_t esp_sealed_len(const struct esp_keys *k, uint32_t n);
/* The longest payload that fits into an ESP packet of n bytes; 0 none. */
uint32_t esp_room(const struct esp_keys *k, uint32_t n);

#endif
