/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outer message, as a stranger can send it. Every input is tried as it is and once more with a header that fits, since
 * the first thing a message is refused for is a wrong length. What is accepted is written again: it has to be accepted
 * again and give the same bytes.
 */
#include "fuzz.h"
#include "wire/esp.h"
#include "wire/out.h"

const char *const fuzz_name = "msg";

static bool can_be_written(const struct ike_msg *m)
{
	for (uint16_t i = 0; m->sa && i < m->sa->n; i++)
		for (uint8_t k = 0; k < m->sa->props[i]->n; k++)
			if (m->sa->props[i]->tf[k].unusable)
				return false;
	return !m->sk.payload_at && !m->n_unknown;
}

static slice write_again(const struct ike_msg *m, uint8_t *buf, size_t cap)
{
	struct ike_out o;
	slice msg;
	wire_begin(&o, buf, cap, &m->hdr);
	for (uint16_t i = 0; i < m->n_plds; i++)
		pld_fact(m->plds[i].type)->encode(&o, m, m->plds[i].index);
	FUZZ_CHECK(wire_end(&o, &msg) == 0);
	return msg;
}

static void parse(slice s)
{
	static uint8_t once[70000], twice[70000];
	struct arena a;
	struct ike_msg m, again;
	struct diag *why = NULL;
	TEXT_ON_STACK(t, 1024);

	arena_init(&a, 1 << 20);
	err_t e = wire_parse(&m, s, &a, &why);
	FUZZ_CHECK(!e == !why);
	if (e) {
		FUZZ_CHECK(err_class(e) == ERR_PEER || e == E_NOMEM);
		FUZZ_CHECK(diag_text(why, e, t.p, t.cap) && *t.p);
	} else {
		wire_text(&t, &m);
		FUZZ_CHECK(m.n_plds <= WIRE_MAX_PAYLOADS && m.hdr.len == s.n);
		FUZZ_CHECK(!m.sk.payload_at || (m.sk.body_at > m.sk.payload_at && m.sk.body_at <= s.n));
		if (can_be_written(&m)) {
			slice first = write_again(&m, once, sizeof once);
			FUZZ_CHECK(wire_parse(&again, first, &a, NULL) == 0);
			FUZZ_CHECK(again.clear == m.clear && again.n_plds == m.n_plds);
			FUZZ_CHECK(slice_equal(first, write_again(&again, twice, sizeof twice)));
		}
	}
	diag_free(&why);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	slice body, nonce, cookie;
	esp_classify(slice_of(data, n), &body);
	wire_peek_cookie(slice_of(data, n), &nonce, &cookie);
	FUZZ_CHECK(!nonce.p || (nonce.n >= WIRE_NONCE_MIN && nonce.n <= WIRE_NONCE_MAX));
	FUZZ_CHECK(nonce.n + cookie.n <= n);
	parse(slice_of(data, n));
	if (n >= IKE_HDR_LEN && n <= WIRE_MAX_BYTES) {
		uint8_t *fixed = malloc(n);
		FUZZ_CHECK(fixed);
		memcpy(fixed, data, n);
		fixed[17] = IKE_V2;
		struct wr w = wr_of(fixed, n);
		w.off = 24;
		wr_u32(&w, (uint32_t)n);
		parse(slice_of(fixed, n));
		free(fixed);
	}
	return 0;
}
