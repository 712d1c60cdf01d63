/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds of IKE messages, with the encoders of core/wire: whole, their insides, under SK, in fragments. */
#include "tests/fuzz/make_seeds.h"

/* Of the stories. */
static struct suite_list ike_props, esp_props, ah_props;

static const struct suite_prop *const *list(const struct suite_list *l)
{
	return (const struct suite_prop *const *)l->v;
}

static struct ts_sel sel(const char *text)
{
	struct ts_sel s;
	if (ts_parse(text, &s))
		exit(1);
	return s;
}

/* ---- payloads, by message ----------------------------------------------------------------------------------------- */

static void natd(struct ike_out *o)
{
	wire_put_notify(o, N_NAT_DETECTION_SOURCE_IP, slice_of(seed_filler, 20));
	wire_put_notify(o, N_NAT_DETECTION_DESTINATION_IP, slice_of(seed_filler, 20));
}

static void init_request(struct ike_out *o)
{
	wire_put_notify(o, N_COOKIE, slice_of(seed_filler, 16));
	wire_put_sa_list(o, list(&ike_props), ike_props.n, SLICE_NONE, 0);
	wire_put_ke(o, 31, slice_of(seed_filler, 32));
	wire_put_nonce(o, slice_of(seed_filler, 32));
	natd(o);
	wire_put_notify(o, N_IKEV2_FRAGMENTATION_SUPPORTED, SLICE_NONE);
	wire_put_notify(o, N_SIGNATURE_HASH_ALGORITHMS, SLICE_LIT("\0\2\0\3\0\4\0\5"));
	wire_put_notify(o, N_REDIRECT_SUPPORTED, SLICE_NONE);
	wire_put_vid(o, slice_of(seed_filler, 16));
}

static void init_cookie(struct ike_out *o)
{
	wire_put_notify(o, N_COOKIE, slice_of(seed_filler, 24));
}

static void init_invalid_ke(struct ike_out *o)
{
	wire_put_notify(o, N_INVALID_KE_PAYLOAD, SLICE_LIT("\0\x0e"));
}

static void init_response(struct ike_out *o)
{
	struct suite s = { .proto = SUITE_IKE, .encr = 20, .encr_bits = 256, .prf = 5, .ke = 31 };
	wire_put_sa_suite(o, &s, 1, SLICE_NONE);
	wire_put_ke(o, 31, slice_of(seed_filler, 32));
	wire_put_nonce(o, slice_of(seed_filler, 32));
	natd(o);
	wire_put_cert(o, PLD_CERTREQ, CERT_X509_SIGNATURE, slice_of(seed_filler, 40));
}

static void ts_pair(struct ike_out *o)
{
	struct ts_sel i[] = { sel("10.1.0.0/24"), sel("fd00:1::/64[tcp/22]") };
	struct ts_sel r[] = { sel("10.2.0.0-10.2.0.99[udp/1000-2000]"), sel("10.3.0.1/32[icmp/8(0)]"), sel("::/0") };
	wire_put_ts(o, PLD_TSI, i, 2);
	wire_put_ts(o, PLD_TSR, r, 3);
}

static void auth_request(struct ike_out *o)
{
	static const struct wire_cp_attr attrs[] = { { CPA_INTERNAL_IP4_ADDRESS, { NULL, 0 } },
		{ CPA_INTERNAL_IP6_ADDRESS, { NULL, 0 } }, { CPA_INTERNAL_IP4_DNS, { NULL, 0 } } };
	wire_put_id(o, PLD_IDI, ID_FQDN, SLICE_LIT("gwa.test"));
	wire_put_notify(o, N_INITIAL_CONTACT, SLICE_NONE);
	wire_put_id(o, PLD_IDR, ID_IPV4_ADDR, SLICE_LIT("\x0a\1\0\1"));
	wire_put_cert(o, PLD_CERT, CERT_X509_SIGNATURE, slice_of(seed_filler, 60));
	wire_put_auth(o, AUTH_PSK, slice_of(seed_filler, 32));
	wire_put_cp(o, CP_REQUEST, attrs, ARRAY_LEN(attrs));
	wire_put_sa_list(o, list(&esp_props), esp_props.n, SLICE_LIT("\xc0\1\2\3"), WIRE_SA_NO_KE);
	ts_pair(o);
	wire_put_notify(o, N_MOBIKE_SUPPORTED, SLICE_NONE);
	wire_put_notify(o, N_ADDITIONAL_IP4_ADDRESS, SLICE_LIT("\x0a\0\0\1"));
	wire_put_notify(o, N_MULTIPLE_AUTH_SUPPORTED, SLICE_NONE);
}

static void auth_eap(struct ike_out *o)
{
	wire_put_eap(o, SLICE_LIT("\1\7\0\x16\4\x10" "0123456789abcdef"));
}

static void auth_eap_done(struct ike_out *o)
{
	wire_put_eap(o, SLICE_LIT("\3\x08\0\4"));
}

static void auth_response(struct ike_out *o)
{
	static const struct wire_cp_attr attrs[] = { { CPA_INTERNAL_IP4_ADDRESS, { (const uint8_t *)"\x0a\3\0\1", 4 } },
		{ CPA_INTERNAL_IP4_DNS, { (const uint8_t *)"\x0a\3\0\2", 4 } } };
	struct suite s = { .proto = SUITE_ESP, .encr = 12, .encr_bits = 128, .integ = 12 };
	wire_put_id(o, PLD_IDR, ID_KEY_ID, SLICE_LIT("key"));
	wire_put_auth(o, AUTH_DIGITAL_SIGNATURE, slice_of(seed_filler, 70));
	wire_put_cp(o, CP_REPLY, attrs, ARRAY_LEN(attrs));
	wire_put_sa_suite(o, &s, 2, SLICE_LIT("\xc0\4\5\6"));
	ts_pair(o);
	wire_put_notify(o, N_AUTH_LIFETIME, SLICE_LIT("\0\0\x0e\x10"));
}

static void auth_failed(struct ike_out *o)
{
	wire_put_notify(o, N_AUTHENTICATION_FAILED, SLICE_NONE);
}

static void child_rekey(struct ike_out *o)
{
	wire_put_notify_spi(o, N_REKEY_SA, PROTO_ESP, 0xc0010203, SLICE_NONE);
	wire_put_notify(o, N_USE_TRANSPORT_MODE, SLICE_NONE);
	wire_put_sa_list(o, list(&esp_props), esp_props.n, SLICE_LIT("\xc0\1\2\4"), 0);
	wire_put_nonce(o, slice_of(seed_filler, 32));
	wire_put_ke(o, 31, slice_of(seed_filler, 32));
	ts_pair(o);
}

static void child_ah(struct ike_out *o)
{
	wire_put_sa_list(o, list(&ah_props), ah_props.n, SLICE_LIT("\xc0\1\2\5"), 0);
	wire_put_nonce(o, slice_of(seed_filler, 16));
	ts_pair(o);
	wire_put_notify(o, N_ESP_TFC_PADDING_NOT_SUPPORTED, SLICE_NONE);
}

static void ike_rekey(struct ike_out *o)
{
	wire_put_sa_list(o, list(&ike_props), ike_props.n, SLICE_LIT("\1\2\3\4\5\6\7\x08"), 0);
	wire_put_nonce(o, slice_of(seed_filler, 32));
	wire_put_ke(o, 31, slice_of(seed_filler, 32));
}

static void child_refused(struct ike_out *o)
{
	wire_put_notify_spi(o, N_CHILD_SA_NOT_FOUND, PROTO_ESP, 0xc0010203, SLICE_NONE);
}

static void deletes(struct ike_out *o)
{
	static const uint32_t spis[] = { 0xc0010203, 0xc0010204, 0xc0010205 };
	wire_put_delete(o, PROTO_ESP, spis, 3);
	wire_put_delete(o, PROTO_AH, spis, 1);
}

static void delete_ike(struct ike_out *o)
{
	wire_put_delete(o, PROTO_IKE, NULL, 0);
}

static void liveness(struct ike_out *o)
{
	(void)o;
}

static void unknown(struct ike_out *o)
{
	wire_pld_begin(o, 200);
	wr_bytes(&o->w, slice_of(seed_filler, 9));
	wire_pld_end(o);
	wire_put_notify(o, 45000, slice_of(seed_filler, 3));
}

const struct seed_story seed_stories[] = {
	{ "init-request", init_request, XCHG_IKE_SA_INIT, true },
	{ "init-cookie", init_cookie, XCHG_IKE_SA_INIT, true },
	{ "init-invalid-ke", init_invalid_ke, XCHG_IKE_SA_INIT, true },
	{ "init-response", init_response, XCHG_IKE_SA_INIT, true },
	{ "unknown", unknown, XCHG_INFORMATIONAL, true },
	{ "auth-request", auth_request, XCHG_IKE_AUTH, false },
	{ "auth-eap", auth_eap, XCHG_IKE_AUTH, false },
	{ "auth-eap-done", auth_eap_done, XCHG_IKE_AUTH, false },
	{ "auth-response", auth_response, XCHG_IKE_AUTH, false },
	{ "auth-failed", auth_failed, XCHG_IKE_AUTH, false },
	{ "child-rekey", child_rekey, XCHG_CREATE_CHILD_SA, false },
	{ "child-ah", child_ah, XCHG_CREATE_CHILD_SA, false },
	{ "child-refused", child_refused, XCHG_CREATE_CHILD_SA, false },
	{ "ike-rekey", ike_rekey, XCHG_CREATE_CHILD_SA, false },
	{ "deletes", deletes, XCHG_INFORMATIONAL, false },
	{ "delete-ike", delete_ike, XCHG_INFORMATIONAL, false },
	{ "liveness", liveness, XCHG_INFORMATIONAL, false },
};
const size_t n_seed_stories = ARRAY_LEN(seed_stories);

static void message_seeds(const struct seed_story *st)
{
	static uint8_t buf[8192];
	struct ike_hdr h = { .spi_i = 0x0102030405060708, .version = IKE_V2, .exchange = st->exchange,
		.flags = IKE_FLAG_INITIATOR };
	struct ike_out o;
	slice msg;

	wire_begin(&o, buf, sizeof buf, &h);
	st->write(&o);
	if (wire_end(&o, &msg))
		exit(1);
	seed1("msg", st->name, msg);

	/* What stands behind the header is the inside of SK. */
	uint8_t first = msg.p[16];
	slice inner = slice_of(msg.p + IKE_HDR_LEN, msg.n - IKE_HDR_LEN);
	seed("inner", st->name, (slice[]){ slice_of(&first, 1), inner }, 2);
	if (st->clear)
		return;
	/* AEAD whole, CBC whole, AEAD in fragments, CBC with a flipped bit (fuzz_sk.c). */
	static const uint8_t variants[] = { 0, 1, 2, 5 };
	for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
		uint8_t head[] = { variants[i], first, 3, 0, (uint8_t)(31 + 7 * i) };
		char name[64];
		snprintf(name, sizeof name, "%s-%u", st->name, variants[i]);
		seed("sk", name, (slice[]){ slice_of(head, sizeof head), inner }, 2);
	}
}

/* The outer view of a protected message and of a fragment. */
static void sealed_seeds(void)
{
	uint8_t buf[256];
	struct ike_hdr h = { .spi_i = 1, .spi_r = 2, .version = IKE_V2, .exchange = XCHG_IKE_AUTH, .flags = IKE_FLAG_INITIATOR,
		.mid = 1 };
	struct ike_out o;
	slice msg;
	wire_begin(&o, buf, sizeof buf, &h);
	wire_pld_begin(&o, PLD_SK);
	wr_bytes(&o.w, slice_of(seed_filler, 72));
	wire_pld_end(&o);
	if (wire_end(&o, &msg) == 0)
		seed1("msg", "sk", msg);
	wire_begin(&o, buf, sizeof buf, &h);
	wire_pld_begin(&o, PLD_SKF);
	wr_u32(&o.w, 1u << 16 | 3);
	wr_bytes(&o.w, slice_of(seed_filler, 72));
	wire_pld_end(&o);
	if (wire_end(&o, &msg) == 0)
		seed1("msg", "skf", msg);
	seed1("msg", "marker", SLICE_LIT("\0\0\0\0"));
	seed1("msg", "keepalive", SLICE_LIT("\xff"));
}

static void frag_seeds(void)
{
	seed1("frag", "in-order", SLICE_LIT("\1\1\3\x23\1\0" "\1\2\3\0\1\0" "\1\3\3\0\0\x20"));
	seed1("frag", "backwards", SLICE_LIT("\1\3\3\0\1\0" "\1\2\3\0\1\0" "\1\1\3\x23\0\x20"));
	seed1("frag", "twice", SLICE_LIT("\1\1\3\x23\1\0" "\1\1\3\x23\1\0" "\1\2\3\0\1\0"));
	seed1("frag", "smaller", SLICE_LIT("\1\1\2\x23\2\0" "\1\1\3\x23\1\0" "\1\2\2\0\2\0" "\1\2\3\0\1\0" "\1\3\3\0\1\0"));
	seed1("frag", "next-message", SLICE_LIT("\1\1\2\x23\2\0" "\2\1\2\x23\1\0" "\2\2\2\0\1\0"));
	seed1("frag", "huge", SLICE_LIT("\1\1\xff\x23\xff\xff" "\1\2\xff\0\xff\xff" "\1\1\xfe\0\0\1"));
}

void seed_stories_init(void)
{
	if (suite_list_add(&ike_props, NULL, SUITE_IKE, "aes256gcm16-aes128gcm16-prfsha256-x25519-modp2048", NULL) ||
	    suite_list_add(&ike_props, NULL, SUITE_IKE, "aes128-sha256-modp2048", NULL) ||
	    suite_list_add(&esp_props, NULL, SUITE_ESP, "aes256gcm16-x25519-esn-noesn", NULL) ||
	    suite_list_add(&esp_props, NULL, SUITE_ESP, "aes128-sha256", NULL) ||
	    suite_list_add(&ah_props, NULL, SUITE_AH, "sha256", NULL))
		exit(1);
}

void seed_stories_fini(void)
{
	suite_list_fini(&ike_props);
	suite_list_fini(&esp_props);
	suite_list_fini(&ah_props);
}

void ike_seeds(void)
{
	for (size_t i = 0; i < n_seed_stories; i++)
		message_seeds(&seed_stories[i]);
	sealed_seeds();
	frag_seeds();
}
