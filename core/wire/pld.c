/* SPDX-License-Identifier: Apache-2.0 */
/* The payload facts: one row per payload type. The walker, the log lines, the limits and the fuzzers live on them. */
#include "wire/pld.h"

#define CODEC(fn) .decode = pld_##fn##_decode, .encode = pld_##fn##_encode
#define ONCE .max = 1
#define UP_TO(n) .flags = PLD_REPEATS, .max = (n)

/* Names and numbers are in PLD_ROWS; here is what the codec knows besides. */
#define FACT_SA CODEC(sa), .min_len = 8, ONCE
#define FACT_KE CODEC(ke), .min_len = 5, ONCE
#define FACT_IDI CODEC(idi), .min_len = 4, ONCE
#define FACT_IDR CODEC(idr), .min_len = 4, ONCE
#define FACT_CERT CODEC(cert), .min_len = 1, UP_TO(32)
#define FACT_CERTREQ CODEC(certreq), .min_len = 1, UP_TO(32)
#define FACT_AUTH CODEC(auth), .min_len = 4, ONCE
#define FACT_NONCE CODEC(nonce), .min_len = WIRE_NONCE_MIN, ONCE
#define FACT_NOTIFY CODEC(notify), .text = pld_notify_text, .min_len = 4, UP_TO(96)
#define FACT_DELETE CODEC(delete), .min_len = 4, UP_TO(32)
#define FACT_VID CODEC(vid), .min_len = 0, UP_TO(64)
#define FACT_TSI CODEC(tsi), .min_len = 4, ONCE
#define FACT_TSR CODEC(tsr), .min_len = 4, ONCE
#define FACT_SK .decode = pld_sk_decode, .min_len = 0, ONCE, .flags = PLD_LAST | PLD_NOT_INNER
#define FACT_CP CODEC(cp), .text = pld_cp_text, .min_len = 4, ONCE
#define FACT_EAP CODEC(eap), .text = pld_eap_text, .min_len = 4, ONCE
#define FACT_SKF .decode = pld_skf_decode, .text = pld_skf_text, .min_len = 4, ONCE, .flags = PLD_LAST | PLD_NOT_INNER

static const struct pld_fact facts[] = {
#define row(id, num, rfc_name, short_name) { .type = num, .name = rfc_name, .shrt = short_name, FACT_##id },
	PLD_ROWS(row)
#undef row
};

const struct pld_fact *pld_fact(uint8_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(facts); i++)
		if (facts[i].type == type)
			return &facts[i];
	return NULL;
}

const struct pld_fact *pld_fact_at(size_t n)
{
	return n < ARRAY_LEN(facts) ? &facts[n] : NULL;
}

void *pld_push(struct arena *a, void **v, uint16_t *n, size_t size)
{
	/* Room is 4, 8, 16…: full when the count is 0 or a power of two from 4 on. */
	if (*n == 0 || (*n >= 4 && (*n & (*n - 1)) == 0)) {
		void *more = arena_get(a, (*n ? 2 * (size_t)*n : 4) * size);
		if (!more)
			return NULL;
		if (*n)
			memcpy(more, *v, *n * size);
		*v = more;
	}
	return (uint8_t *)*v + (*n)++ * size;
}
