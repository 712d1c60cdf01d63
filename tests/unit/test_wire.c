/* SPDX-License-Identifier: Apache-2.0 */
/* The codec of IKE messages: every payload out and in again, every way a message can be wrong. */
#include "wire/esp.h"
#include "wire/gateway.h"
#include "wire/out.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const struct ike_hdr INIT = { .spi_i = 0x1122334455667788, .version = IKE_V2, .exchange = XCHG_IKE_SA_INIT,
	.flags = IKE_FLAG_INITIATOR };

static struct suite_prop *prop(struct arena *a, uint8_t proto, const struct suite_tf *tf, uint8_t n)
{
	struct suite_prop *p = suite_prop_get(a, proto, 0, n);
	memcpy(p->tf, tf, n * sizeof *tf);
	return p;
}

static struct suite_prop *some_prop(struct arena *a, uint8_t proto)
{
	static const struct suite_tf tf[] = { { SUITE_ENCR, false, 20, 256 }, { SUITE_ENCR, false, 28, 0 },
		{ SUITE_PRF, false, 5, 0 }, { SUITE_KE, false, 31, 0 } };
	return prop(a, proto, tf, ARRAY_LEN(tf));
}

static struct ts_sel sel(const char *text)
{
	struct ts_sel s;
	cr_assert_eq(ts_parse(text, &s), 0);
	return s;
}

/* A message with every payload that may stand in the clear. */
static slice all_payloads(struct arena *a, void *buf, size_t cap)
{
	struct ike_out o;
	slice msg;
	const struct suite_prop *props[] = { some_prop(a, SUITE_ESP), some_prop(a, SUITE_ESP) };
	struct ts_sel ts[] = { sel("10.1.0.0/16"), sel("fd00::/64[tcp/22]") };
	static const uint8_t nonce[32] = { 1, 2, 3 };
	static const uint32_t spis[] = { 0xc0000001, 0xc0000002 };
	struct wire_cp_attr attrs[] = { { CPA_INTERNAL_IP4_ADDRESS, SLICE_NONE },
		{ CPA_INTERNAL_IP4_DNS, SLICE_LIT("\x0a\x01\x01\x01") } };

	wire_begin(&o, buf, cap, &INIT);
	wire_put_sa_list(&o, props, 2, SLICE_LIT("\xc0\x11\x22\x33"), 0);
	wire_put_ke(&o, 31, SLICE_LIT("public value"));
	wire_put_nonce(&o, slice_of(nonce, sizeof nonce));
	wire_put_id(&o, PLD_IDI, ID_FQDN, SLICE_LIT("gwa.test"));
	wire_put_id(&o, PLD_IDR, ID_IPV4_ADDR, SLICE_LIT("\x0a\x01\x00\x01"));
	for (int i = 0; i < 9; i++)
		wire_put_cert(&o, PLD_CERT, CERT_X509_SIGNATURE, SLICE_LIT("der"));
	wire_put_cert(&o, PLD_CERTREQ, CERT_X509_SIGNATURE, SLICE_LIT("twenty bytes of hash"));
	wire_put_auth(&o, AUTH_PSK, SLICE_LIT("mac"));
	wire_put_notify(&o, N_NAT_DETECTION_SOURCE_IP, SLICE_LIT("hash"));
	wire_put_notify_spi(&o, N_REKEY_SA, PROTO_ESP, 0xc0445566, SLICE_NONE);
	wire_put_notify(&o, 45000, SLICE_NONE);
	wire_put_delete(&o, PROTO_ESP, spis, 2);
	wire_put_delete(&o, PROTO_IKE, NULL, 0);
	wire_put_vid(&o, SLICE_LIT("vendor"));
	wire_put_ts(&o, PLD_TSI, ts, 2);
	wire_put_ts(&o, PLD_TSR, ts, 1);
	wire_put_cp(&o, CP_REQUEST, attrs, 2);
	wire_put_eap(&o, SLICE_LIT("\x01\x07\x00\x05\x04"));
	cr_assert_eq(wire_end(&o, &msg), 0);
	return msg;
}

Test(wire, every_payload_round_trips)
{
	struct arena a;
	struct ike_msg m;
	struct diag *why = NULL;
	uint8_t buf[4096], again[4096];
	TEXT_ON_STACK(t, 512);

	arena_init(&a, 1 << 20);
	slice msg = all_payloads(&a, buf, sizeof buf);
	err_t e = wire_parse(&m, msg, &a, &why);
	cr_assert_eq(e, 0, "%s", why ? why->text : "");
	cr_assert_eq(m.hdr.spi_i, INIT.spi_i);
	cr_assert_eq(m.hdr.len, msg.n);
	cr_assert_eq(m.sa->n, 2);
	cr_assert_eq(m.sa->props[1]->num, 2);
	cr_assert_eq(m.sa->props[0]->n, 4);
	cr_assert_eq(m.sa->props[0]->tf[0].bits, 256);
	cr_assert_eq(wire_spi4(m.sa->spis[0]), 0xc0112233);
	cr_assert_eq(m.ke->method, 31);
	cr_assert(slice_equal(m.ke->data, SLICE_LIT("public value")));
	cr_assert_eq(m.nonce->n, 32);
	cr_assert_eq(m.id_i->type, ID_FQDN);
	cr_assert(slice_equal(m.id_r->data, SLICE_LIT("\x0a\x01\x00\x01")));
	cr_assert_eq(m.n_certs, 9);
	cr_assert(slice_equal(m.certs[8].data, SLICE_LIT("der")));
	cr_assert_eq(m.n_certreqs, 1);
	cr_assert_eq(m.auth->method, AUTH_PSK);
	cr_assert_eq(m.n_notifies, 3);
	cr_assert_eq(wire_spi4(wire_notify(&m, N_REKEY_SA)->spi), 0xc0445566);
	cr_assert_null(wire_error(&m));
	cr_assert_eq(m.n_deletes, 2);
	cr_assert_eq(wire_delete_spi(&m.deletes[0], 1), 0xc0000002);
	cr_assert_eq(wire_delete_spi(&m.deletes[0], 2), 0);
	cr_assert_eq(m.deletes[1].proto, PROTO_IKE);
	cr_assert_eq(m.n_vids, 1);
	struct ts_sel want = sel("fd00::/64[tcp/22]");
	cr_assert_eq(m.ts_i->n, 2);
	cr_assert(ts_equal(&m.ts_i->v[1], &want));
	cr_assert_eq(m.ts_r->n, 1);
	cr_assert_eq(m.cp->n, 2);
	cr_assert_eq(m.eap->type, 4);
	cr_assert_eq(m.clear & PAYSET(PLD_SK), 0);
	cr_assert(m.clear & PAYSET(PLD_EAP));
	wire_text(&t, &m);
	cr_assert_str_eq(t.p, "IKE_SA_INIT request 0 [ SA KE No IDi IDr CERT CERT CERT CERT CERT CERT CERT CERT CERT CERTREQ "
			      "AUTH N(NATD_S_IP) N(REKEY_SA) N((45000)) D D V TSi TSr CPRQ(ADDR DNS) EAP/REQ/MD5 ]");

	/* What was decoded, encoded again by the facts, is the same message. */
	struct ike_out o;
	slice second;
	wire_begin(&o, again, sizeof again, &m.hdr);
	for (uint16_t i = 0; i < m.n_plds; i++)
		pld_fact(m.plds[i].type)->encode(&o, &m, m.plds[i].index);
	cr_assert_eq(wire_end(&o, &second), 0);
	cr_assert(slice_equal(msg, second));
	arena_fini(&a);
}

Test(wire, a_message_cut_anywhere_is_refused)
{
	struct arena a;
	struct ike_msg m;
	uint8_t buf[4096], cut[4096];

	arena_init(&a, 1 << 20);
	slice msg = all_payloads(&a, buf, sizeof buf);
	for (size_t n = 0; n < msg.n; n++) {
		/* Exactly as many bytes as there are, so that a sanitizer sees a read beyond. */
		uint8_t *p = malloc(n ? n : 1);
		memcpy(p, msg.p, n);
		cr_assert_eq(err_class(wire_parse(&m, slice_of(p, n), &a, NULL)), ERR_PEER);
		if (n >= IKE_HDR_LEN) {
			struct wr w = wr_of(p, n);
			w.off = 24;
			wr_u32(&w, (uint32_t)n);
			struct diag *why = NULL;
			cr_assert_eq(err_class(wire_parse(&m, slice_of(p, n), &a, &why)), ERR_PEER, "at %zu", n);
			cr_assert_not_null(why);
			diag_free(&why);
		}
		free(p);
		arena_reset(&a);
	}
	memcpy(cut, msg.p, msg.n);
	cr_assert_eq(wire_parse(&m, slice_of(cut, msg.n + 1), &a, NULL), E_TRAILING);
	arena_fini(&a);
}

/* Header, then `body` as the payloads; the error of the parser. */
static err_t parse_body(struct arena *a, struct ike_msg *m, uint8_t first, slice body)
{
	static uint8_t buf[70000];
	struct wr w = wr_of(buf, sizeof buf);
	wr_u64(&w, 1);
	wr_u64(&w, 2);
	wr_u8(&w, first);
	wr_u8(&w, IKE_V2);
	wr_u8(&w, XCHG_INFORMATIONAL);
	wr_u8(&w, 0);
	wr_u32(&w, 7);
	wr_u32(&w, (uint32_t)(IKE_HDR_LEN + body.n));
	wr_bytes(&w, body);
	cr_assert_eq(w.err, 0);
	struct diag *why = NULL;
	err_t e = wire_parse(m, wr_done(&w), a, &why);
	cr_assert(!e || (why && *why->text));
	diag_free(&why);
	return e;
}

Test(wire, malformed_payloads_are_refused)
{
	static const struct {
		const char *what;
		uint8_t first;
		slice body;
		err_t want;
	} t[] = {
		{ "length below its own header", PLD_NONCE, SLICE_LIT("\0\0\0\3"), E_SYNTAX },
		{ "length beyond the end", PLD_NONCE, SLICE_LIT("\0\0\0\x20" "0123456789abcdef"), E_TRUNCATED },
		{ "bytes behind the last", PLD_NONCE, SLICE_LIT("\0\0\0\x14" "0123456789abcdefX"), E_TRAILING },
		{ "short nonce", PLD_NONCE, SLICE_LIT("\0\0\0\x13" "0123456789abcde"), E_TRUNCATED },
		{ "KE without value", PLD_KE, SLICE_LIT("\0\0\0\x08\0\x1f\0\0"), E_TRUNCATED },
		{ "second nonce", PLD_NONCE, SLICE_LIT("\x28\0\0\x14" "0123456789abcdef\0\0\0\x14" "0123456789abcdef"), E_SYNTAX },
		{ "IPv4 identity of 5 bytes", PLD_IDI, SLICE_LIT("\0\0\0\x0d\1\0\0\0" "12345"), E_SYNTAX },
		{ "identity of type 0", PLD_IDR, SLICE_LIT("\0\0\0\x09\0\0\0\0x"), E_SYNTAX },
		{ "SPI beyond the notify", PLD_NOTIFY, SLICE_LIT("\0\0\0\x0a\3\4\x40\x09\0\0"), E_TRUNCATED },
		{ "delete of 2 SPIs with one", PLD_DELETE, SLICE_LIT("\0\0\0\x0c\3\4\0\2\1\2\3\4"), E_TRUNCATED },
		{ "delete with 5-byte SPIs", PLD_DELETE, SLICE_LIT("\0\0\0\x0d\3\5\0\1\1\2\3\4\5"), E_SYNTAX },
		{ "delete of the IKE SA with SPIs", PLD_DELETE, SLICE_LIT("\0\0\0\x10\1\x08\0\1\1\2\3\4\5\6\7\x08"), E_SYNTAX },
		{ "delete with bytes left", PLD_DELETE, SLICE_LIT("\0\0\0\x0d\3\4\0\1\1\2\3\4\5"), E_TRAILING },
		{ "selector count", PLD_TSI, SLICE_LIT("\0\0\0\x18\2\0\0\0\7\0\0\x10\0\0\xff\xff\1\1\1\1\2\2\2\2"), E_TRUNCATED },
		{ "selector left over", PLD_TSI, SLICE_LIT("\0\0\0\x18\0\0\0\0\7\0\0\x10\0\0\xff\xff\1\1\1\1\2\2\2\2"), E_TRAILING },
		{ "IPv6 selector with IPv4 length", PLD_TSI,
			SLICE_LIT("\0\0\0\x18\1\0\0\0\x08\0\0\x10\0\0\xff\xff\1\1\1\1\2\2\2\2"), E_TRUNCATED },
		{ "selector length 3", PLD_TSI, SLICE_LIT("\0\0\0\x0c\1\0\0\0\7\0\0\3"), E_SYNTAX },
		{ "attribute beyond CP", PLD_CP, SLICE_LIT("\0\0\0\x0c\1\0\0\0\0\1\0\1"), E_TRUNCATED },
		{ "EAP length", PLD_EAP, SLICE_LIT("\0\0\0\x08\1\1\0\5"), E_SYNTAX },
		{ "EAP code", PLD_EAP, SLICE_LIT("\0\0\0\x08\7\1\0\4"), E_SYNTAX },
		{ "EAP request without type", PLD_EAP, SLICE_LIT("\0\0\0\x08\1\1\0\4"), E_TRUNCATED },
		{ "EAP success with data", PLD_EAP, SLICE_LIT("\0\0\0\x09\3\1\0\5x"), E_SYNTAX },
		{ "something behind SK", PLD_SK, SLICE_LIT("\0\0\0\x08" "1234\0\0\0\4"), E_TRAILING },
		{ "fragment 0", PLD_SKF, SLICE_LIT("\0\0\0\x08\0\0\0\1"), E_SYNTAX },
		{ "fragment 3 of 2", PLD_SKF, SLICE_LIT("\0\0\0\x08\0\3\0\2"), E_SYNTAX },
		{ "first payload in fragment 2", PLD_SKF, SLICE_LIT("\x29\0\0\x08\0\2\0\2"), E_SYNTAX },
		{ "unknown critical payload", 200, SLICE_LIT("\0\x80\0\4"), E_CRITICAL },
		{ "unknown critical payload below 33", 5, SLICE_LIT("\0\x80\0\4"), E_CRITICAL },
		{ "SA without a proposal", PLD_SA, SLICE_LIT("\0\0\0\4"), E_TRUNCATED },
		{ "proposal longer than SA", PLD_SA, SLICE_LIT("\0\0\0\x0c\0\0\0\x0c\1\1\0\0"), E_TRUNCATED },
		{ "proposal shorter than its head", PLD_SA, SLICE_LIT("\0\0\0\x0c\0\0\0\x06\1\1\0\0"), E_TRUNCATED },
		{ "\"more\" of a proposal", PLD_SA, SLICE_LIT("\0\0\0\x0c\1\0\0\x08\1\1\0\0"), E_SYNTAX },
		{ "more proposals than there are", PLD_SA, SLICE_LIT("\0\0\0\x0c\2\0\0\x08\1\1\0\0"), E_TRUNCATED },
		{ "a proposal behind the last", PLD_SA, SLICE_LIT("\0\0\0\x14\0\0\0\x08\1\1\0\0\0\0\0\x08\2\1\0\0"), E_TRAILING },
		{ "transform count", PLD_SA, SLICE_LIT("\0\0\0\x0c\0\0\0\x08\1\1\0\1"), E_TRUNCATED },
		{ "transform left over", PLD_SA, SLICE_LIT("\0\0\0\x14\0\0\0\x10\1\1\0\0\0\0\0\x08\1\0\0\x14"), E_TRAILING },
		{ "\"more\" of a transform", PLD_SA, SLICE_LIT("\0\0\0\x14\0\0\0\x10\1\1\0\1\3\0\0\x08\1\0\0\x14"), E_SYNTAX },
		{ "transform length", PLD_SA, SLICE_LIT("\0\0\0\x14\0\0\0\x10\1\1\0\1\0\0\0\x07\1\0\0\x14"), E_SYNTAX },
		{ "half an attribute", PLD_SA, SLICE_LIT("\0\0\0\x16\0\0\0\x12\1\1\0\1\0\0\0\x0a\1\0\0\x14\x80\x0e"), E_TRUNCATED },
		{ "SPI size of ESP", PLD_SA, SLICE_LIT("\0\0\0\x0e\0\0\0\x0a\1\3\2\0\1\2"), E_SYNTAX },
		{ "SPI size of IKE", PLD_SA, SLICE_LIT("\0\0\0\x10\0\0\0\x0c\1\1\4\0\1\2\3\4"), E_SYNTAX },
	};
	struct arena a;
	struct ike_msg m;

	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		err_t e = parse_body(&a, &m, t[i].first, t[i].body);
		cr_expect_eq(e, t[i].want, "%s: %s, not %s", t[i].what, err_name(e), err_name(t[i].want));
		cr_expect_eq(m.hdr.mid, 7);
		if (e != E_TRAILING)
			cr_expect_neq(m.bad_type, 0, "%s", t[i].what);
		arena_reset(&a);
	}
	arena_fini(&a);
}

Test(wire, what_is_only_unknown_is_skipped)
{
	struct arena a;
	struct ike_msg m;

	arena_init(&a, 1 << 20);
	cr_assert_eq(parse_body(&a, &m, 200, SLICE_LIT("\x28\0\0\x05x\0\x80\0\x14" "0123456789abcdef")), 0);
	cr_assert_eq(m.n_unknown, 1);
	cr_assert_eq(m.clear, PAYSET(PLD_NONCE));
	cr_assert_not_null(m.nonce, "the critical bit of a known payload means nothing");
	TEXT_ON_STACK(t, 200);
	wire_text(&t, &m);
	cr_assert_str_eq(t.p, "INFORMATIONAL request 7 [ (200) No ]");

	/* Selectors: an unknown type, an empty range, "OPAQUE" ports, any. */
	cr_assert_eq(parse_body(&a, &m, PLD_TSI, SLICE_LIT("\0\0\0\x40\4\0\0\0\x0a\0\0\x08" "abcd"
		"\7\0\0\x10\0\0\xff\xff\2\1\1\1\1\2\2\2" "\7\6\0\x10\xff\xff\0\0\1\1\1\1\2\2\2\2"
		"\7\0\0\x10\0\0\xff\xff\0\0\0\0\xff\xff\xff\xff")), 0);
	cr_assert_eq(m.ts_i->n, 2);
	cr_assert_eq(m.ts_i->skipped, 2);
	cr_assert_eq(m.ts_i->v[0].port_lo, 65535);

	/* Transforms: a foreign attribute, a key length twice, one we know. */
	cr_assert_eq(parse_body(&a, &m, PLD_SA, SLICE_LIT("\0\0\0\x34\0\0\0\x30\1\1\0\3"
		"\3\0\0\x0c\1\0\0\x14\x80\x0f\1\0" "\3\0\0\x10\1\0\0\x14\x80\x0e\1\0\x80\x0e\0\x80"
		"\0\0\0\x0c\1\0\0\x14\x80\x0e\1\0")), 0);
	cr_assert_eq(m.sa->props[0]->n, 3);
	cr_assert(m.sa->props[0]->tf[0].unusable);
	cr_assert(m.sa->props[0]->tf[1].unusable);
	cr_assert(!m.sa->props[0]->tf[2].unusable);
	arena_fini(&a);
}

Test(wire, cookie_and_nonce_are_found_without_decoding)
{
	struct ike_out o;
	uint8_t buf[256];
	slice msg, nonce, cookie;

	wire_begin(&o, buf, sizeof buf, &INIT);
	wire_put_notify(&o, N_COOKIE, SLICE_LIT("cookie"));
	wire_put_ke(&o, 31, SLICE_LIT("k"));
	wire_put_nonce(&o, SLICE_LIT("0123456789abcdef"));
	cr_assert_eq(wire_end(&o, &msg), 0);
	wire_peek_cookie(msg, &nonce, &cookie);
	cr_assert(slice_equal(nonce, SLICE_LIT("0123456789abcdef")));
	cr_assert(slice_equal(cookie, SLICE_LIT("cookie")));
	for (size_t n = 0; n < msg.n; n++) {
		wire_peek_cookie(slice_of(msg.p, n), &nonce, &cookie);
		cr_assert_null(nonce.p);
	}
}

Test(wire, limits_hold)
{
	struct arena a;
	struct ike_msg m;
	static uint8_t body[66000];
	struct wr w;

	arena_init(&a, 1 << 20);
	for (uint16_t n = 64; n <= 65; n++) {
		w = wr_of(body, sizeof body);
		for (uint16_t i = 1; i <= n; i++)
			wr_bytes(&w, i == n ? SLICE_LIT("\0\0\0\4") : SLICE_LIT("\x2b\0\0\4"));
		cr_assert_eq(parse_body(&a, &m, PLD_VID, wr_done(&w)), n <= 64 ? 0 : E_TOO_MANY);
	}
	w = wr_of(body, sizeof body);
	for (int i = 0; i <= WIRE_MAX_PAYLOADS; i++)
		wr_bytes(&w, SLICE_LIT("\xc8\0\0\4"));
	cr_assert_eq(parse_body(&a, &m, 200, wr_done(&w)), E_TOO_MANY);

	w = wr_of(body, sizeof body);
	wr_u16(&w, 0);
	wr_u16(&w, 4 + 8 * (WIRE_MAX_PROPS + 1));
	for (uint8_t i = 1; i <= WIRE_MAX_PROPS + 1; i++) {
		wr_u32(&w, (i <= WIRE_MAX_PROPS ? 2u << 24 : 0) | 8);
		wr_u8(&w, i);
		wr_bytes(&w, SLICE_LIT("\1\0\0"));
	}
	cr_assert_eq(parse_body(&a, &m, PLD_SA, wr_done(&w)), E_TOO_MANY);

	w = wr_of(body, sizeof body);
	wr_u16(&w, 0);
	wr_u16(&w, 4 + 5 * (8 + 255 * 8));
	for (uint8_t i = 1; i <= 5; i++) {
		wr_u32(&w, (i < 5 ? 2u << 24 : 0) | (8 + 255 * 8));
		wr_u8(&w, i);
		wr_bytes(&w, SLICE_LIT("\1\0\xff"));
		for (int k = 1; k <= 255; k++) {
			wr_u32(&w, (k < 255 ? 3u << 24 : 0) | 8);
			wr_u32(&w, 1u << 24 | (uint32_t)k);
		}
	}
	cr_assert_eq(parse_body(&a, &m, PLD_SA, wr_done(&w)), E_TOO_MANY);

	/* A small arena is no reason to fall over. */
	arena_fini(&a);
	arena_init(&a, 64);
	uint8_t buf[4096];
	struct arena b;
	arena_init(&b, 1 << 20);
	cr_assert_eq(wire_parse(&m, all_payloads(&b, buf, sizeof buf), &a, NULL), E_NOMEM);
	arena_fini(&b);
	arena_fini(&a);
}

Test(wire, header_alone)
{
	uint8_t b[IKE_HDR_LEN] = { [7] = 1, [15] = 2, [16] = 46, [17] = 0x20, [18] = 37, [19] = 0x20, [23] = 9, [27] = 28 };
	struct ike_hdr h;
	struct rd r = rd_of(slice_of(b, sizeof b));

	cr_assert_eq(wire_parse_hdr(&r, &h), 0);
	cr_assert(h.spi_i == 1 && h.spi_r == 2 && h.mid == 9 && h.len == 28 && ike_is_response(&h) && !ike_by_initiator(&h));
	b[17] = 0x21;
	r = rd_of(slice_of(b, sizeof b));
	cr_assert_eq(wire_parse_hdr(&r, &h), 0, "a higher minor version is taken");
	b[17] = 0x10;
	r = rd_of(slice_of(b, sizeof b));
	cr_assert_eq(wire_parse_hdr(&r, &h), E_VERSION);
	cr_assert_eq(h.spi_r, 2);
	b[17] = 0x20;
	b[27] = 27;
	r = rd_of(slice_of(b, sizeof b));
	cr_assert_eq(wire_parse_hdr(&r, &h), E_SYNTAX);
	r = rd_of(slice_of(b, 27));
	cr_assert_eq(wire_parse_hdr(&r, &h), E_TRUNCATED);
}

Test(wire, encrypted_part_is_added_to_the_view)
{
	struct arena a;
	struct ike_msg m;
	struct ike_out o;
	uint8_t buf[512];
	size_t n;
	TEXT_ON_STACK(t, 200);

	arena_init(&a, 1 << 20);
	wire_begin(&o, buf, sizeof buf, &(struct ike_hdr){ .spi_i = 1, .spi_r = 2, .version = IKE_V2,
		.exchange = XCHG_IKE_AUTH, .flags = IKE_FLAG_RESPONSE, .mid = 1 });
	wire_put_vid(&o, SLICE_LIT("clear"));
	wire_sk_begin(&o, 8);
	wire_put_id(&o, PLD_IDR, ID_KEY_ID, SLICE_LIT("k"));
	wire_put_notify(&o, N_AUTHENTICATION_FAILED, SLICE_NONE);
	cr_assert_eq(wire_sk_end(&o, &n), 0);
	cr_assert_eq(n, 9 + 8);
	cr_assert_eq(o.body_at + 8, o.inner_at);
	cr_assert_eq(wire_sk_first(&o), PLD_IDR);
	wire_out_text(&t, &o, &a);
	cr_assert_str_eq(t.p, "IKE_AUTH response 1 [ V IDr N(AUTH_FAILED) ]");

	/* As sealing does: lengths of the header and of SK. */
	buf[27] = (uint8_t)o.w.off;
	buf[o.payload_at + 3] = (uint8_t)(o.w.off - o.payload_at);
	cr_assert_eq(wire_parse(&m, wr_done(&o.w), &a, NULL), 0);
	cr_assert_eq(m.sk.payload_at, o.payload_at);
	cr_assert_eq(m.sk.body_at, o.body_at);
	cr_assert_eq(m.sk.first, PLD_IDR);
	cr_assert_eq(m.clear, PAYSET(PLD_VID) | PAYSET(PLD_SK));
	cr_assert_eq(m.inner, 0);
	cr_assert_eq(wire_parse_inner(&m, wire_sk_inner(&o), m.sk.first, NULL), 0);
	cr_assert_eq(m.inner, PAYSET(PLD_IDR) | PAYSET(PLD_NOTIFY));
	cr_assert_eq(wire_error(&m)->type, N_AUTHENTICATION_FAILED);
	cr_assert_eq(wire_parse_inner(&m, SLICE_NONE, 0, NULL), E_MISUSE);

	cr_assert_eq(wire_parse(&m, wr_done(&o.w), &a, NULL), 0);
	cr_assert_eq(wire_parse_inner(&m, SLICE_LIT("\0\0\0\4"), PLD_SK, NULL), E_SYNTAX);
	cr_assert_eq(wire_parse(&m, wr_done(&o.w), &a, NULL), 0);
	cr_assert_eq(wire_parse_inner(&m, SLICE_NONE, PLD_NONE, NULL), 0, "an empty SK is a liveness check");
	arena_fini(&a);
}

Test(wire, builder_reports_lack_of_room)
{
	uint8_t buf[256];
	struct arena a;
	slice msg;

	arena_init(&a, 1 << 20);
	for (size_t cap = 0; cap < 64; cap++) {
		struct ike_out o;
		wire_begin(&o, buf, cap, &INIT);
		wire_put_sa_list(&o, (const struct suite_prop *[]){ some_prop(&a, SUITE_IKE) }, 1, SLICE_NONE, 0);
		cr_assert_eq(wire_end(&o, &msg), E_SPACE);
		cr_assert_eq(msg.n, 0);
	}
	arena_fini(&a);
}

Test(wire, key_exchange_is_left_out_in_ike_auth)
{
	struct arena a;
	struct ike_out o;
	struct ike_msg m;
	uint8_t buf[256];
	slice msg;
	static const struct suite_tf ke_last[] = { { SUITE_ENCR, false, 12, 128 }, { SUITE_INTEG, false, 12, 0 },
		{ SUITE_ESN, false, 0, 0 }, { SUITE_KE, false, 31, 0 } };

	arena_init(&a, 1 << 20);
	struct wire_sa_in in = { prop(&a, SUITE_ESP, ke_last, 4), SLICE_LIT("\1\2\3\4") };
	wire_begin(&o, buf, sizeof buf, &INIT);
	wire_put_sa(&o, &in, 1, WIRE_SA_NO_KE);
	cr_assert_eq(wire_end(&o, &msg), 0);
	cr_assert_eq(wire_parse(&m, msg, &a, NULL), 0);
	cr_assert_eq(m.sa->props[0]->n, 3);
	cr_assert_null(suite_prop_first(m.sa->props[0], SUITE_KE));
	arena_fini(&a);
}

Test(wire, notify_rows_are_complete)
{
	const struct notify_row *r;
	char buf[16];

	for (size_t i = 0; (r = notify_row_at(i)) != NULL; i++) {
		cr_assert_eq(notify_row(r->type), r, "%s is there twice", r->name);
		cr_assert(*r->meaning && *r->shrt);
		cr_assert_eq(*r->remedy != 0, notify_is_error(r->type), "%s", r->name);
	}
	cr_assert_str_eq(notify_name(14, buf), "NO_PROPOSAL_CHOSEN");
	cr_assert_str_eq(notify_short(9999, buf), "(9999)");
	for (size_t i = 0; pld_fact_at(i); i++)
		cr_assert_eq(pld_fact(pld_fact_at(i)->type), pld_fact_at(i));
	cr_assert_null(wire_name(WIRE_LIST_END, 1));
}

Test(wire, udp_port_4500_is_shared)
{
	slice body;

	cr_assert_eq(esp_classify(SLICE_LIT("\xff"), &body), ESP_IS_KEEPALIVE);
	cr_assert_eq(esp_classify(SLICE_NONE, &body), ESP_IS_NOTHING);
	cr_assert_eq(esp_classify(SLICE_LIT("\0\0\0"), &body), ESP_IS_NOTHING);
	cr_assert_eq(esp_classify(SLICE_LIT("\0\0\0\0xyz"), &body), ESP_IS_IKE);
	cr_assert(slice_equal(body, SLICE_LIT("xyz")));
	cr_assert_eq(esp_classify(SLICE_LIT("\1\0\0\0xyz"), &body), ESP_IS_NOTHING);
	cr_assert_eq(esp_classify(SLICE_LIT("\1\0\0\0xyz!"), &body), ESP_IS_ESP);
	cr_assert_eq(body.n, 8);
	struct rd r = rd_of(body);
	cr_assert_eq(esp_rd_hdr(&r).spi, 0x01000000);
}

Test(wire, gateways_of_redirects)
{
	static const struct {
		const char *text;
		uint8_t type, n;
	} rows[] = { { "192.0.2.1", 1, 4 }, { "2001:db8::1", 2, 16 }, { "gw.example.com", 3, 14 }, { "gw", 3, 2 }, { "a-b_c.example.", 3, 14 } };
	static const char *const bad[] = { "", " ", "gw example", "192.0.2.300", "192.0.2.1:500", "..", ".gw", "gw..com", "gw/24", "*.test", "a\x01" };
	uint8_t buf[600], nonce[32] = { 1, 2, 3 };
	struct wire_gateway g, back;
	char text[NET_ADDR_TEXT];
	slice rest;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cr_assert_eq(wire_gateway_of_text(rows[i].text, &g), 0, "%s", rows[i].text);
		cr_assert(g.type == rows[i].type && g.n == rows[i].n, "%s", rows[i].text);
		cr_assert_str_eq(wire_gateway_text(&g, text), rows[i].text);
		struct wr w = wr_of(buf, sizeof buf);
		wire_gateway_write(&w, &g, slice_of(nonce, sizeof nonce));
		slice all = wr_done(&w);
		cr_assert_eq(all.n, 2u + g.n + sizeof nonce);
		cr_assert_eq(wire_gateway_read(all, false, &back, &rest), 0);
		cr_assert(back.type == g.type && back.n == g.n && memcmp(back.id, g.id, sizeof g.id) == 0);
		cr_assert(slice_equal(rest, slice_of(nonce, sizeof nonce)));
		/* REDIRECTED_FROM: an address, and nothing behind it. */
		cr_assert_eq(wire_gateway_read(all, true, &back, &rest), E_TRAILING);
		cr_assert_eq(wire_gateway_read(slice_of(all.p, 2u + g.n), true, &back, &rest), g.type == 3 ? E_SYNTAX : 0);
		for (size_t n = 0; n < 2u + g.n; n++)
			cr_assert_eq(wire_gateway_read(slice_of(all.p, n), false, &back, &rest), E_TRUNCATED);
		for (unsigned type = 0; type < 256; type++) {
			buf[0] = (uint8_t)type;
			cr_assert_eq(wire_gateway_read(all, false, &back, &rest) == 0, type == g.type || (type == 3 && g.type == 3));
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		cr_assert_eq(wire_gateway_of_text(bad[i], &g), E_BAD_VALUE, "'%s'", bad[i]);
	/* A name with a zero byte, or longer than names are. */
	memcpy(buf, "\x03\x04g\0.c", 6);
	cr_assert_eq(wire_gateway_read(slice_of(buf, 6), false, &back, &rest), E_SYNTAX);
	buf[1] = 255;
	memset(buf + 2, 'a', 255);
	cr_assert_eq(wire_gateway_read(slice_of(buf, 257), false, &back, &rest), E_SYNTAX);
}
