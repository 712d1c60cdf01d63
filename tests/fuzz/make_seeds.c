/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the seeds of the fuzz targets with the project's own encoders, and the dictionary of the codec's numbers for
 * libFuzzer. Run by `make fuzz-seeds`; what it writes is committed.
 *
 *   make_seeds FOLDER
 */
#include "api/vici/vici.h"
#include "wire/out.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *folder;

static FILE *create(const char *target, const char *name)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/%s", folder, target);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/%s/%s", folder, target, name);
	FILE *f = fopen(path, "wb");
	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

static void seed(const char *target, const char *name, const slice *v, size_t n)
{
	FILE *f = create(target, name);
	for (size_t i = 0; i < n; i++)
		if (v[i].n && fwrite(v[i].p, 1, v[i].n, f) != v[i].n)
			exit(1);
	fclose(f);
}

static void seed1(const char *target, const char *name, slice s)
{
	seed(target, name, &s, 1);
}

static const uint8_t filler[512] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
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
	wire_put_notify(o, N_NAT_DETECTION_SOURCE_IP, slice_of(filler, 20));
	wire_put_notify(o, N_NAT_DETECTION_DESTINATION_IP, slice_of(filler, 20));
}

static void init_request(struct ike_out *o)
{
	wire_put_notify(o, N_COOKIE, slice_of(filler, 16));
	wire_put_sa_list(o, list(&ike_props), ike_props.n, SLICE_NONE, 0);
	wire_put_ke(o, 31, slice_of(filler, 32));
	wire_put_nonce(o, slice_of(filler, 32));
	natd(o);
	wire_put_notify(o, N_IKEV2_FRAGMENTATION_SUPPORTED, SLICE_NONE);
	wire_put_notify(o, N_SIGNATURE_HASH_ALGORITHMS, SLICE_LIT("\0\2\0\3\0\4\0\5"));
	wire_put_notify(o, N_REDIRECT_SUPPORTED, SLICE_NONE);
	wire_put_vid(o, slice_of(filler, 16));
}

static void init_cookie(struct ike_out *o)
{
	wire_put_notify(o, N_COOKIE, slice_of(filler, 24));
}

static void init_invalid_ke(struct ike_out *o)
{
	wire_put_notify(o, N_INVALID_KE_PAYLOAD, SLICE_LIT("\0\x0e"));
}

static void init_response(struct ike_out *o)
{
	struct suite s = { .proto = SUITE_IKE, .encr = 20, .encr_bits = 256, .prf = 5, .ke = 31 };
	wire_put_sa_suite(o, &s, 1, SLICE_NONE);
	wire_put_ke(o, 31, slice_of(filler, 32));
	wire_put_nonce(o, slice_of(filler, 32));
	natd(o);
	wire_put_cert(o, PLD_CERTREQ, CERT_X509_SIGNATURE, slice_of(filler, 40));
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
	wire_put_cert(o, PLD_CERT, CERT_X509_SIGNATURE, slice_of(filler, 60));
	wire_put_auth(o, AUTH_PSK, slice_of(filler, 32));
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
	wire_put_auth(o, AUTH_DIGITAL_SIGNATURE, slice_of(filler, 70));
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
	wire_put_nonce(o, slice_of(filler, 32));
	wire_put_ke(o, 31, slice_of(filler, 32));
	ts_pair(o);
}

static void child_ah(struct ike_out *o)
{
	wire_put_sa_list(o, list(&ah_props), ah_props.n, SLICE_LIT("\xc0\1\2\5"), 0);
	wire_put_nonce(o, slice_of(filler, 16));
	ts_pair(o);
	wire_put_notify(o, N_ESP_TFC_PADDING_NOT_SUPPORTED, SLICE_NONE);
}

static void ike_rekey(struct ike_out *o)
{
	wire_put_sa_list(o, list(&ike_props), ike_props.n, SLICE_LIT("\1\2\3\4\5\6\7\x08"), 0);
	wire_put_nonce(o, slice_of(filler, 32));
	wire_put_ke(o, 31, slice_of(filler, 32));
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
	wr_bytes(&o->w, slice_of(filler, 9));
	wire_pld_end(o);
	wire_put_notify(o, 45000, slice_of(filler, 3));
}

static const struct story {
	const char *name;
	void (*write)(struct ike_out *o);
	uint8_t exchange;
	bool clear;
} stories[] = {
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

static void message_seeds(const struct story *st)
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
	wr_bytes(&o.w, slice_of(filler, 72));
	wire_pld_end(&o);
	if (wire_end(&o, &msg) == 0)
		seed1("msg", "sk", msg);
	wire_begin(&o, buf, sizeof buf, &h);
	wire_pld_begin(&o, PLD_SKF);
	wr_u32(&o.w, 1u << 16 | 3);
	wr_bytes(&o.w, slice_of(filler, 72));
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

static void vici_seed(const char *name, struct vici_out *o)
{
	slice frame;
	if (vici_out_frame(o, &frame))
		exit(1);
	seed1("vici", name, slice_of(frame.p + 4, frame.n - 4));
	vici_out_fini(o);
}

static void vici_seeds(void)
{
	struct vici_out o;
	vici_out_init(&o, VICI_CMD_REQUEST, "version", 0);
	vici_seed("version", &o);
	vici_out_init(&o, VICI_EVENT_REGISTER, "ike-updown", 0);
	vici_seed("register", &o);
	vici_out_init(&o, VICI_CMD_REQUEST, "load-conn", 0);
	vici_section(&o, "gw");
	vici_kv_str(&o, "version", "2");
	vici_list(&o, "local_addrs");
	vici_item_str(&o, "10.0.0.1");
	vici_item_str(&o, "fd00::1");
	vici_list_end(&o);
	vici_section(&o, "local-1");
	vici_kv_str(&o, "auth", "psk");
	vici_section_end(&o);
	vici_section(&o, "children");
	vici_section(&o, "net");
	vici_list(&o, "local_ts");
	vici_item_str(&o, "10.1.0.0/24");
	vici_list_end(&o);
	vici_section_end(&o);
	vici_section_end(&o);
	vici_section_end(&o);
	vici_seed("load-conn", &o);
	vici_out_init(&o, VICI_CMD_REQUEST, "load-shared", 0);
	vici_kv_str(&o, "type", "IKE");
	vici_kv(&o, "data", slice_of(filler, 16));
	vici_list(&o, "owners");
	vici_item_str(&o, "gwa.test");
	vici_list_end(&o);
	vici_seed("load-shared", &o);
	vici_out_init(&o, VICI_CMD_REQUEST, "initiate", 0);
	vici_kv_str(&o, "child", "net");
	vici_kv_str(&o, "timeout", "-1");
	vici_kv_str(&o, "name", "x");
	vici_kv_str(&o, "ike", "gw");
	vici_seed("initiate", &o);
}

/* Packets one after the other, each behind its length (fuzz_api.c). */
static void api_seed(const char *name, struct vici_out *o, size_t n)
{
	FILE *f = create("api", name);
	for (size_t i = 0; i < n; i++) {
		slice frame;
		if (vici_out_frame(&o[i], &frame))
			exit(1);
		fputc((int)((frame.n - 4) >> 8), f);
		fputc((int)((frame.n - 4) & 0xff), f);
		fwrite(frame.p + 4, 1, frame.n - 4, f);
		vici_out_fini(&o[i]);
	}
	fclose(f);
}

static void api_list_seed(const char *name, const char *event, const char *method)
{
	struct vici_out o[3];
	vici_out_init(&o[0], VICI_EVENT_REGISTER, event, 0);
	vici_out_init(&o[1], VICI_CMD_REQUEST, method, 0);
	vici_out_init(&o[2], VICI_EVENT_UNREGISTER, event, 0);
	api_seed(name, o, ARRAY_LEN(o));
}

static void api_conn(struct vici_out *o)
{
	vici_out_init(o, VICI_CMD_REQUEST, "load-conn", 0);
	vici_section(o, "gw");
	vici_kv_str(o, "version", "2");
	vici_list(o, "remote_addrs");
	vici_item_str(o, "10.0.0.2");
	vici_list_end(o);
	vici_section(o, "local");
	vici_kv_str(o, "auth", "psk");
	vici_kv_str(o, "id", "gwa.test");
	vici_section_end(o);
	vici_section(o, "remote");
	vici_kv_str(o, "auth", "psk");
	vici_section_end(o);
	vici_section(o, "children");
	vici_section(o, "net");
	vici_list(o, "remote_ts");
	vici_item_str(o, "10.2.0.0/24[tcp/22]");
	vici_list_end(o);
	vici_kv_str(o, "esp_proposals", "aes128gcm16-x25519, default");
	vici_kv_str(o, "rekey_time", "1h");
	vici_section_end(o);
	vici_section_end(o);
	vici_section_end(o);
}

static void api_seeds(void)
{
	struct vici_out o[4];
	api_list_seed("list-sas", "list-sa", "list-sas");
	api_list_seed("list-conns", "list-conn", "list-conns");
	api_list_seed("list-policies", "list-policy", "list-policies");
	api_list_seed("get-algorithms", "log", "get-algorithms");
	api_list_seed("describe", "alert", "describe");
	api_conn(&o[0]);
	vici_out_init(&o[1], VICI_EVENT_REGISTER, "control-log", 0);
	vici_out_init(&o[2], VICI_CMD_REQUEST, "initiate", 0);
	vici_kv_str(&o[2], "child", "net");
	vici_kv_str(&o[2], "timeout", "2000");
	vici_kv_str(&o[2], "loglevel", "2");
	vici_out_init(&o[3], VICI_CMD_REQUEST, "unload-conn", 0);
	vici_kv_str(&o[3], "name", "gw");
	api_seed("conn", o, 4);
	vici_out_init(&o[0], VICI_CMD_REQUEST, "load-shared", 0);
	vici_kv_str(&o[0], "id", "ike-1");
	vici_kv_str(&o[0], "type", "ike");
	vici_kv_str(&o[0], "data", "secret");
	vici_list(&o[0], "owners");
	vici_item_str(&o[0], "gwa.test");
	vici_item_str(&o[0], "C=CH, O=Lab, CN=user");
	vici_list_end(&o[0]);
	vici_out_init(&o[1], VICI_CMD_REQUEST, "get-shared", 0);
	vici_out_init(&o[2], VICI_CMD_REQUEST, "unload-shared", 0);
	vici_kv_str(&o[2], "id", "ike-1");
	vici_out_init(&o[3], VICI_CMD_REQUEST, "terminate", 0);
	vici_kv_str(&o[3], "ike-id", "7");
	vici_kv_str(&o[3], "force", "yes");
	api_seed("shared", o, 4);
}

static void word_seeds(void)
{
	static const char *const words[] = { "0aes256gcm16-prfsha384-x25519", "0aes128-sha256-modp2048,default", "0default",
		"0chacha20poly1305-prfsha256-curve25519-ke1_mlkem768", "1aes256-sha512-esn-noesn", "1null-sha256",
		"1aes128ctr-sha384", "210.1.0.0/24[tcp/22]", "2fd00::1-fd00::9", "20.0.0.0/0[udp/1000-2000]",
		"210.0.0.1/32[icmp/8(0)]", "2::/0[opaque]", "310.1.0.1", "3fe80::1%lo", "310.0.0.1:500", "3[fd00::1]:4500", "3%any" };
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		char name[32];
		snprintf(name, sizeof name, "%02zu", i);
		seed1("words", name, slice_str(words[i]));
	}
}

/* Packets as they stand inside ESP; flags as in fuzz_esp.c. */
static void esp_seeds(void)
{
	static const uint8_t v4_udp[] = { 0x45, 0, 0, 32, 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 1, 0, 1, 10, 2, 0, 1, 4, 0, 0, 53, 0, 12, 0, 0,
		1, 2, 3, 4 };
	static const uint8_t v4_tcp_options[] = { 0x46, 2, 0, 48, 0, 1, 0, 0, 64, 6, 0, 0, 10, 1, 0, 1, 10, 2, 0, 1, 0x94, 4, 0, 0, 4, 0, 0,
		22, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4 };
	static const uint8_t v4_fragment[] = { 0x45, 0, 0, 28, 0, 1, 0x20, 9, 64, 17, 0, 0, 10, 1, 0, 1, 10, 2, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t v6_icmp[] = { 0x60, 0, 0, 0, 0, 8, 58, 64, 0xfd, [23] = 1, [24] = 0xfd, [39] = 2, [40] = 128, [47] = 1 };
	static const uint8_t v6_ext[] = { 0x60, 0, 0, 0, 0, 32, 0, 64, 0xfd, [23] = 1, [24] = 0xfd, [39] = 2, [40] = 44, [48] = 60,
		[56] = 17, [71] = 8 };
	static const struct {
		const char *name;
		slice packet;
		uint8_t next;
	} v[] = {
		{ "v4-udp", { v4_udp, sizeof v4_udp }, 4 }, { "v4-tcp-options", { v4_tcp_options, sizeof v4_tcp_options }, 4 },
		{ "v4-fragment", { v4_fragment, sizeof v4_fragment }, 4 }, { "v6-icmp", { v6_icmp, sizeof v6_icmp }, 41 },
		{ "v6-extensions", { v6_ext, sizeof v6_ext }, 41 }, { "dummy", { NULL, 0 }, 59 },
	};
	static const uint8_t variants[] = { 0, 1, 2, 3, 18, 4, 8, 9, 0x60 };
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		for (size_t k = 0; k < ARRAY_LEN(variants); k += 1 + (i > 0)) {
			uint8_t head[] = { variants[k], 0, (uint8_t)(9 * k), v[i].next };
			char name[64];
			snprintf(name, sizeof name, "%s-%02x", v[i].name, variants[k]);
			seed("esp", name, (slice[]){ slice_of(head, sizeof head), v[i].packet }, 2);
		}
	uint8_t sealed[] = { 4 /* raw */, 0, 0, 4, 0xc0, 1, 2, 3, 0, 0, 0, 1, [51] = 9 };
	seed1("esp", "raw", slice_of(sealed, sizeof sealed));
}

static void put_op(struct wr *w, uint8_t kind, uint16_t arg, slice packet)
{
	wr_u8(w, kind);
	wr_u16(w, arg);
	struct wr_mark len = wr_open(w, 2);
	wr_bytes(w, packet);
	wr_shut(w, len);
}

/* A fragment of `n` bytes at `off`; more: others follow. */
static void put_fragment(struct wr *w, bool v6, uint16_t off, uint16_t n, bool more)
{
	uint8_t b[128];
	struct wr p = wr_of(b, sizeof b);
	if (v6) {
		wr_u32(&p, 6u << 28);
		wr_u16(&p, (uint16_t)(8 + n));
		wr_u16(&p, 44 << 8 | 64);
		wr_bytes(&p, slice_of(filler, 32));
		wr_u16(&p, 17 << 8);
		wr_u16(&p, (uint16_t)(off | more));
		wr_u32(&p, 7);
	} else {
		wr_u16(&p, 0x4500);
		wr_u16(&p, (uint16_t)(20 + n));
		wr_u16(&p, 7);
		wr_u16(&p, (uint16_t)(off / 8 | (more ? 0x2000 : 0)));
		wr_u32(&p, 64u << 24 | 17u << 16);
		wr_bytes(&p, slice_of(filler, 8));
	}
	wr_bytes(&p, slice_of(filler, n));
	put_op(w, 0, 1, wr_done(&p));
}

/* A TCP segment with a right checksum, which gro_add wants. */
static void put_tcp(struct wr *w, uint8_t kind, uint16_t arg, uint32_t seq, uint16_t n)
{
	uint8_t b[256];
	struct wr p = wr_of(b, sizeof b);
	wr_u16(&p, 0x4500);
	wr_u16(&p, (uint16_t)(40 + n));
	wr_u32(&p, 0);
	wr_u32(&p, 64u << 24 | 6u << 16);
	wr_bytes(&p, slice_of(filler, 8));
	wr_u16(&p, 1000);
	wr_u16(&p, 80);
	wr_u32(&p, seq);
	wr_u32(&p, 1);
	wr_u32(&p, 0x50100400);
	wr_u32(&p, 0);
	wr_bytes(&p, slice_of(filler, n));
	uint32_t sum = 6 + 20 + n;
	for (size_t i = 12; i < p.off; i += 2)
		sum += (uint32_t)(b[i] << 8 | (i + 1 < p.off ? b[i + 1] : 0));
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	b[36] = (uint8_t)(sum >> 8);
	b[37] = (uint8_t)sum;
	put_op(w, kind, arg, wr_done(&p));
}

/* Operations of fuzz_inet.c. */
static void inet_seeds(void)
{
	uint8_t buf[2048];
	for (uint8_t v6 = 0; v6 < 2; v6++) {
		struct wr w = wr_of(buf, sizeof buf);
		put_fragment(&w, v6, 0, 16, true);
		put_fragment(&w, v6, 16, 8, true);
		put_fragment(&w, v6, 24, 5, false);
		seed1("inet", v6 ? "fragments-v6" : "fragments-v4", wr_done(&w));
		w = wr_of(buf, sizeof buf);
		put_fragment(&w, v6, 24, 5, false);
		put_fragment(&w, v6, 8, 16, true);
		put_fragment(&w, v6, 0, 16, true);
		seed1("inet", v6 ? "overlap-v6" : "overlap-v4", wr_done(&w));
		w = wr_of(buf, sizeof buf);
		put_fragment(&w, v6, 32, 8, true);
		put_fragment(&w, v6, 16, 8, false);
		put_fragment(&w, v6, 0, 8, true);
		seed1("inet", v6 ? "beyond-v6" : "beyond-v4", wr_done(&w));
	}
	struct wr w = wr_of(buf, sizeof buf);
	put_tcp(&w, 1, 30, 5, 100);
	seed1("inet", "segments", wr_done(&w));
	w = wr_of(buf, sizeof buf);
	put_tcp(&w, 2, 0, 5, 40);
	put_tcp(&w, 2, 0, 45, 40);
	put_tcp(&w, 2, 0, 85, 10);
	put_tcp(&w, 2, 0, 95, 10);
	seed1("inet", "join", wr_done(&w));
	w = wr_of(buf, sizeof buf);
	put_op(&w, 3, 6 << 8 | 20, slice_of(filler, 60));
	seed1("inet", "checksum", wr_done(&w));
}

static void conf_seeds(void)
{
	static const char *const texts[] = {
		"connections {\n  gw {\n    version = 2\n    local_addrs = 10.0.0.1, fd00::1\n    remote_addrs = %any\n"
		"    proposals = aes256gcm16-prfsha256-x25519, default\n    local-1 { auth = psk\n id = gw.test }\n"
		"    remote { auth = psk\n id = *@test }\n    rekey_time = 4h\n    dpd_delay = 30s\n"
		"    children {\n      net {\n        local_ts = 10.1.0.0/24[tcp/22], dynamic\n        remote_ts = 0.0.0.0/0\n"
		"        esp_proposals = aes128-sha256-modp2048\n        start_action = trap|start\n        life_bytes = 10G\n"
		"        mark_in = 0x10/0xff\n        copy_dscp = out\n      }\n    }\n  }\n}\n",
		"secrets {\n  ike-1 {\n    id-a = gw.test\n    id-b = \"C=CH, O=x, CN=*\"\n    secret = 0x0102ff\n  }\n"
		"  ike-2 { secret = 0saGVsbG8= }\n  eap-x { id = carol\n secret = \"a \\\" b\" }\n}\n",
		"base { a = 1\n b { c = 2 } }\nother : base, base.b { a = 3 # comment\n }\nx.y.z = 5\n",
		"aditd {\n  workers = 2\n  log = \"1, ike=2\"\n  retransmit_tries = 5\n  plugins {\n    log-file { main { path = /tmp/x } }\n"
		"  }\n  load = crypto-gcrypt, kernel-null\n}\ncharon { }\n",
		"connections { a : t { }\n }\nt { children { c : u { } } }\nu : u { }\n",
		"connections { gw { rekey_tme = 4h\n version = 9\n children { n { local_ts = 10.0.0.0/99\n } } } }\n",
		"include /etc/passwd\n", "a = \"unfinished\n", "a { b { c {\n", "}\n", "a = b \\\n c\n", "\xef\xbb\xbf" "a=1\r\nb = 2\r\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char name[32];
		snprintf(name, sizeof name, "%02zu.conf", i);
		seed1("conf", name, slice_str(texts[i]));
	}
}

/* Operations of fuzz_engine.c, in its order. */
enum op { DELIVER, LOSE, TWICE, LATER, FLIP, CUT, INSIDE, INVENT, TIME, COMMAND, KERNEL_EVENT, KERNEL_FAILS, SHUTDOWN };
enum { INITIATE, TERMINATE, REKEY, INSTALL, UNINSTALL, REAUTH = 8, FORCE = 16, IKE = 32, NET = 64, TWO = 128 };

static void put(struct wr *w, const char *ops)
{
	for (; *ops; ops++)
		switch (*ops) {
		case 'd': /* deliver 12 messages */
			wr_zero(w, 12);
			break;
		case '1':
			wr_u8(w, DELIVER);
			break;
		case 'l':
			wr_u8(w, LOSE);
			break;
		case '2':
			wr_u8(w, TWICE);
			break;
		case 'r':
			wr_u8(w, LATER);
			break;
		case 'f':
			wr_bytes(w, SLICE_LIT("\4\0\x30\x55"));
			break;
		case 'c':
			wr_bytes(w, SLICE_LIT("\5\0\x40"));
			break;
		case 'i': /* two bytes inside SK */
			wr_bytes(w, SLICE_LIT("\6\2\0\x09\1\x77\0\x21\1\3"));
			break;
		case 's': /* the inside cut short */
			wr_bytes(w, SLICE_LIT("\6\1\0\x20\xd0\0"));
			break;
		case 't': /* 5 s */
			wr_bytes(w, SLICE_LIT("\x08\0\x14"));
			break;
		case 'T': /* 4 h */
			wr_bytes(w, SLICE_LIT("\x08\xe1\0"));
			break;
		case 'x': /* an SA expires */
			wr_bytes(w, SLICE_LIT("\x0a\0\1\0\0\0"));
			break;
		case 'q': /* a packet hits a trap */
			wr_bytes(w, SLICE_LIT("\x0a\0\0\1\0\0"));
			break;
		case 'm': /* the peer's address changes */
			wr_bytes(w, SLICE_LIT("\x0a\0\3\0\0\1"));
			break;
		case 'k':
			wr_bytes(w, SLICE_LIT("\x0b\1"));
			break;
		case 'e':
			wr_bytes(w, SLICE_LIT("\x0c\0"));
			break;
		}
}

static void put_command(struct wr *w, uint8_t who, uint8_t verb, uint8_t flags)
{
	uint8_t low = 0;
	while ((flags + low) % 5 != verb)
		low++;
	wr_u8(w, COMMAND);
	wr_u8(w, who);
	wr_u8(w, (uint8_t)(flags + low));
}

/* A message of our own under the SA's keys; flags: response, exchange, which SA. */
static void put_invented(struct wr *w, uint8_t to, uint8_t exchange, bool response, void (*write)(struct ike_out *o))
{
	static uint8_t buf[1024];
	struct ike_hdr h = { .version = IKE_V2, .exchange = exchange };
	struct ike_out o;
	slice msg;
	wire_begin(&o, buf, sizeof buf, &h);
	write(&o);
	if (wire_end(&o, &msg))
		exit(1);
	wr_u8(w, INVENT);
	wr_u8(w, to);
	wr_u8(w, (uint8_t)((exchange - XCHG_IKE_SA_INIT) << 1 | response));
	wr_u8(w, msg.p[16]);
	wr_u8(w, 0);
	wr_u16(w, (uint16_t)(msg.n - IKE_HDR_LEN));
	wr_bytes(w, slice_of(msg.p + IKE_HDR_LEN, msg.n - IKE_HDR_LEN));
}

static void engine_seeds(void)
{
	static const struct {
		const char *name, *before; /* operations before and after the commands */
		struct { uint8_t who, verb, flags; } cmd[2];
		const char *after;
	} v[] = {
		{ "setup", "d", { { 0, 9, 0 } }, "d" },
		{ "loss", "1l1ttl1tt1l1tttt", { { 0, 9, 0 } }, "d" },
		{ "twice", "222222", { { 0, 9, 0 } }, "2222" },
		{ "reorder", "r1r1r1", { { 0, REKEY, IKE }, { 1, REKEY, IKE } }, "rr1r1rrd" },
		{ "flip", "1f1tt1ftttd", { { 0, 9, 0 } }, "ftttd" },
		{ "cut", "1c1tt1ctttd", { { 0, 9, 0 } }, "ctttd" },
		{ "inside-auth", "11id", { { 0, 9, 0 } }, "d" },
		{ "inside-auth-answer", "111id", { { 0, 9, 0 } }, "d" },
		{ "short-auth", "11sd", { { 0, 9, 0 } }, "d" },
		{ "rekey-child", "d", { { 0, REKEY, NET }, { 0, 9, 0 } }, "iddi" },
		{ "rekey-child-both", "d", { { 0, REKEY, NET }, { 1, REKEY, NET } }, "ddd" },
		{ "rekey-child-both-late", "d", { { 0, REKEY, NET }, { 1, REKEY, NET } }, "rlrttttddd" },
		{ "rekey-ike", "d", { { 0, REKEY, IKE }, { 0, 9, 0 } }, "dttd" },
		{ "rekey-ike-both", "d", { { 0, REKEY, IKE }, { 1, REKEY, IKE } }, "dttddTd" },
		{ "reauth", "d", { { 0, REKEY, IKE | REAUTH }, { 0, 9, 0 } }, "dddtt" },
		{ "delete-child-both", "d", { { 0, TERMINATE, NET }, { 1, TERMINATE, NET } }, "dd" },
		{ "delete-rekey", "d", { { 0, TERMINATE, NET }, { 1, REKEY, NET } }, "ddd" },
		{ "rekey-ike-child", "d", { { 0, REKEY, IKE }, { 1, REKEY, NET } }, "dddttd" },
		{ "delete-ike-rekey", "d", { { 0, TERMINATE, IKE }, { 1, REKEY, IKE } }, "ddd" },
		{ "force", "d", { { 0, TERMINATE, IKE | FORCE }, { 0, INITIATE, IKE | TWO } }, "dd" },
		{ "second-child", "d", { { 0, INITIATE, IKE | TWO }, { 1, INITIATE, IKE | TWO } }, "dd" },
		{ "trap", "", { { 0, INSTALL, IKE | TWO }, { 0, 9, 0 } }, "dqddq" },
		{ "expire", "dx", { { 0, 9, 0 } }, "dxdxd" },
		{ "mapping", "dm", { { 0, 9, 0 } }, "dmd" },
		{ "hours", "dTdTdTdTd", { { 0, 9, 0 } }, "TdTdTd" },
		{ "kernel-fails", "kd", { { 0, INITIATE, IKE | TWO }, { 0, 9, 0 } }, "kdd" },
		{ "shutdown", "d", { { 1, REKEY, IKE }, { 0, 9, 0 } }, "1ed" },
		{ "no-peer", "llllllll", { { 0, INITIATE, IKE | NET }, { 0, 9, 0 } }, "TlTlTlTl" },
	};
	uint8_t buf[2048];
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		for (uint8_t mode = 0; mode < 3; mode++) {
			struct wr w = wr_of(buf, sizeof buf);
			char name[64];
			wr_u8(&w, mode);
			put(&w, v[i].before);
			for (size_t k = 0; k < 2; k++)
				if (v[i].cmd[k].verb != 9 && (k == 0 || v[i].cmd[k].flags))
					put_command(&w, v[i].cmd[k].who, v[i].cmd[k].verb, v[i].cmd[k].flags);
			put(&w, v[i].after);
			snprintf(name, sizeof name, "%s-%u", v[i].name, mode);
			if (mode == 1 || i < 2 || (i & 3) == mode)
				seed1("engine", name, wr_done(&w));
		}
	for (size_t i = 0; i < ARRAY_LEN(stories); i++)
		for (uint8_t response = 0; response < 2; response++) {
			struct wr w = wr_of(buf, sizeof buf);
			char name[64];
			wr_u8(&w, 1);
			put(&w, "d");
			put_invented(&w, response, stories[i].exchange, response, stories[i].write);
			put(&w, "dtd");
			snprintf(name, sizeof name, "invent-%s-%u", stories[i].name, response);
			seed1("engine", name, wr_done(&w));
		}
}

static void dictionary(void)
{
	const struct pld_fact *f;
	const struct notify_row *n;
	char path[1024];
	snprintf(path, sizeof path, "%s/ike.dict", folder);
	FILE *out = fopen(path, "w");
	if (!out)
		exit(1);
	fprintf(out, "# Made by make_seeds from the tables of core/wire.\n");
	for (size_t i = 0; (f = pld_fact_at(i)) != NULL; i++)
		fprintf(out, "pld_%s=\"\\x%02x\\x00\\x00\"\n", f->shrt, f->type);
	for (size_t i = 0; (n = notify_row_at(i)) != NULL; i++)
		fprintf(out, "n_%s=\"\\x%02x\\x%02x\"\n", n->name, n->type >> 8, n->type & 255);
	fclose(out);
}

/* ---- hash and URL ------------------------------------------------------------------------------------------------------ */

static void url_seeds(void)
{
	static const char *const urls[] = { "http://ca.example.com/certs/0123", "https://[2001:db8::1]:8443/x.der?y#z",
		"http://198.51.100.2:8000/b", "ldap://x/y", "http://user@h/", "http://h.test" };
	char name[16];

	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		const slice v[] = { slice_of(filler, 20), slice_str(urls[i]), { filler, 0 } };
		snprintf(name, sizeof name, "url-%zu", i);
		seed("hashurl", name, v, ARRAY_LEN(v));
	}
	/* A bundle of two certificates and a list, each an empty sequence or one of a few bytes. */
	seed1("hashurl", "bundle", SLICE_LIT("\x30\x10\xa0\x04\x30\x02\x05\x00\xa1\x02\x30\x00\xa0\x04\x30\x02\x05\x00"));
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	folder = argv[1];
	if (suite_list_add(&ike_props, NULL, SUITE_IKE, "aes256gcm16-aes128gcm16-prfsha256-x25519-modp2048", NULL) ||
	    suite_list_add(&ike_props, NULL, SUITE_IKE, "aes128-sha256-modp2048", NULL) ||
	    suite_list_add(&esp_props, NULL, SUITE_ESP, "aes256gcm16-x25519-esn-noesn", NULL) ||
	    suite_list_add(&esp_props, NULL, SUITE_ESP, "aes128-sha256", NULL) ||
	    suite_list_add(&ah_props, NULL, SUITE_AH, "sha256", NULL))
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(stories); i++)
		message_seeds(&stories[i]);
	sealed_seeds();
	frag_seeds();
	vici_seeds();
	api_seeds();
	word_seeds();
	esp_seeds();
	inet_seeds();
	conf_seeds();
	engine_seeds();
	url_seeds();
	dictionary();
	suite_list_fini(&ike_props);
	suite_list_fini(&esp_props);
	suite_list_fini(&ah_props);
	return 0;
}
