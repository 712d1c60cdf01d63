/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer with the right keys can send: the input is the inside of SK. It is sealed, then goes the way of a received
 * message: outer walk, opening, reassembly, inner walk. One flipped bit anywhere in the sealed message has to be noticed.
 *
 * Input: flags, first payload type, number of fragments, position of the flip (2), then the payloads.
 */
#include "crypto/sk.h"
#include "fuzz.h"
#include "toy_crypto.h"
#include "wire/frag.h"
#include "wire/out.h"

const char *const fuzz_name = "sk";

enum { USE_CBC = 1, USE_FRAGMENTS = 2, FLIP = 4, BUF = 70000 };

static const struct ike_hdr HDR = { .spi_i = 1, .spi_r = 2, .version = IKE_V2, .exchange = XCHG_IKE_AUTH,
	.flags = IKE_FLAG_INITIATOR, .mid = 1 };

struct setup {
	struct crypto crypto;
	uint64_t rng, iv;
	struct sk_key key;
	struct arena arena;
};

static void setup(struct setup *s, bool cbc)
{
	static const uint8_t keys[64] = { 1, 2, 3 };
	*s = (struct setup){ 0 };
	toy_crypto_init(&s->crypto, &s->rng);
	s->key.encr = cbc ? &toy_cbc : &toy_aead;
	s->key.integ = cbc ? &toy_integ : NULL;
	s->key.encr_key = slice_of(keys, cbc ? 16 : 36);
	s->key.integ_key = slice_of(keys, cbc ? 32 : 0);
	arena_init(&s->arena, 1 << 20);
}

/* Seals `plain` as SK, or as fragment no of total; false when it does not fit. */
static bool seal(struct setup *s, slice plain, uint8_t first, uint16_t no, uint16_t total, uint8_t *buf, size_t *n)
{
	struct ike_out o;
	size_t n_inner;
	wire_begin(&o, buf, WIRE_MAX_BYTES, &HDR);
	if (total) {
		wire_skf_begin(&o, first, no, total, s->key.encr->iv_len);
	} else {
		wire_sk_begin(&o, s->key.encr->iv_len);
		if (!o.w.err)
			buf[o.payload_at] = first;
	}
	wr_bytes(&o.w, plain);
	if (wire_sk_end(&o, &n_inner))
		return false;
	FUZZ_CHECK(n_inner == plain.n);
	return sk_seal(&s->crypto, &s->key, &s->iv, buf, WIRE_MAX_BYTES, o.payload_at, o.body_at, n_inner, n) == 0;
}

static void inner(struct ike_msg *m, slice plain, uint8_t first)
{
	struct diag *why = NULL;
	TEXT_ON_STACK(t, 512);
	err_t e = wire_parse_inner(m, plain, first, &why);
	FUZZ_CHECK(!e == !why);
	FUZZ_CHECK(!e || err_class(e) == ERR_PEER || e == E_NOMEM);
	FUZZ_CHECK(!(m->inner & (PAYSET(PLD_SK) | PAYSET(PLD_SKF))));
	wire_text(&t, m);
	diag_free(&why);
}

/* Outer walk and opening of a message that was sealed right. */
static slice receive(struct setup *s, struct ike_msg *m, uint8_t *buf, size_t n)
{
	slice plain;
	FUZZ_CHECK(wire_parse(m, slice_of(buf, n), &s->arena, NULL) == 0);
	FUZZ_CHECK(m->sk.payload_at);
	FUZZ_CHECK(sk_open(&s->key, buf, n, m->sk.body_at, &plain) == 0);
	return plain;
}

static void whole(struct setup *s, slice plain, uint8_t first)
{
	static uint8_t buf[BUF];
	struct ike_msg m;
	size_t n;
	if (!seal(s, plain, first, 0, 0, buf, &n))
		return;
	slice got = receive(s, &m, buf, n);
	FUZZ_CHECK(slice_equal(got, plain));
	FUZZ_CHECK(m.sk.first == first && m.sk.total == 0);
	inner(&m, got, first);
}

static void in_fragments(struct setup *s, slice plain, uint8_t first, uint16_t total)
{
	static uint8_t buf[BUF];
	struct frag_set set = { 0 };
	struct ike_msg m;
	size_t step = plain.n / total + 1, n;
	slice left = plain, joined = SLICE_NONE;
	uint8_t joined_first = 0;

	for (uint16_t no = 1; no <= total; no++) {
		if (!seal(s, fuzz_bytes(&left, step), first, no, total, buf, &n))
			break;
		slice got = receive(s, &m, buf, n);
		FUZZ_CHECK(frag_add(&set, HDR.mid, &m.sk, got, &joined, &joined_first) == 0);
		FUZZ_CHECK((joined.p != NULL) == (no == total));
	}
	if (joined.p) {
		FUZZ_CHECK(slice_equal(joined, plain) && joined_first == first);
		inner(&m, joined, joined_first);
		free((void *)joined.p);
	}
	frag_fini(&set);
}

static void flipped(struct setup *s, slice plain, uint8_t first, uint16_t at)
{
	static uint8_t buf[BUF];
	struct ike_msg m;
	size_t n;
	slice got;
	if (!seal(s, plain, first, 0, 0, buf, &n))
		return;
	buf[at % n] ^= (uint8_t)(1u << (at & 7));
	if (wire_parse(&m, slice_of(buf, n), &s->arena, NULL) == 0 && m.sk.payload_at)
		FUZZ_CHECK(sk_open(&s->key, buf, n, m.sk.body_at, &got) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	slice in = slice_of(data, n);
	uint8_t flags = fuzz_u8(&in), first = fuzz_u8(&in), total = fuzz_u8(&in);
	uint16_t at = fuzz_u16(&in);
	struct setup s;

	setup(&s, flags & USE_CBC);
	if (flags & FLIP)
		flipped(&s, in, first, at);
	else if (flags & USE_FRAGMENTS)
		in_fragments(&s, in, first, total ? total : 1);
	else
		whole(&s, in, first);
	arena_fini(&s.arena);
	return 0;
}
