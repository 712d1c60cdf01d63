/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lengths under ESP and AH: plaintext MTUs and overheads known from elsewhere, and each formula against the other.
 *
 * Of the same source, but no lengths under a transform, are: fragments of 1500 through 1400 and how many ten packets make
 * (test_esp_ip), IKE messages in packets of 1000 bytes (tests/exchange/test_fragment). How long a learned path MTU holds
 * (10 minutes), its least value and the 1 + 2k packets that k bottlenecks cost are the kernel's, which does the path MTU
 * discovery (net.ipv4.route.mtu_expires, min_pmtu); counters of one device's fragments are no arithmetic at all.
 */
#include "base/netaddr.h"
#include "crypto/esp_mtu.h"
#include "crypto/suite.h"
#include "plugin/abi.h"

#include <criterion/criterion.h>

enum { ESP = 50, AH = 51 };
enum { NUL = 11, DES3 = 3, CBC = 12, CTR = 13, CCM16 = 16, GCM16 = 20, GMAC = 21 };
enum { NONE = 0, MD5 = 1, SHA1 = 2, XCBC = 5, CMAC = 8, SHA256 = 12, SHA384 = 13, SHA512 = 14 };

static struct esp_shape shape(uint16_t encr, uint16_t integ, uint8_t mode, uint8_t outer)
{
	return (struct esp_shape){ .proto = ESP, .mode = mode, .outer = outer, .encr = encr, .integ = integ };
}

/* Columns: tunnel IPv4, tunnel IPv6, transport IPv4, transport IPv6. */
struct mtu_row {
	uint16_t encr, integ, path, plain[4];
};

static const struct mtu_row mtus[] = {
	{ CBC, SHA1, 1500, { 1438, 1422, 1458, 1462 } },   { CBC, SHA1, 1400, { 1342, 1310, 1362, 1350 } },
	{ CBC, SHA1, 1280, { 1214, 1198, 1234, 1238 } },   { CBC, MD5, 1500, { 1438, 1422, 1458, 1462 } },
	{ CBC, MD5, 1400, { 1342, 1310, 1362, 1350 } },    { CBC, MD5, 1280, { 1214, 1198, 1234, 1238 } },
	{ CBC, XCBC, 1500, { 1438, 1422, 1458, 1462 } },   { CBC, CMAC, 1500, { 1438, 1422, 1458, 1462 } },
	{ CBC, SHA256, 1500, { 1438, 1406, 1458, 1446 } }, { CBC, SHA256, 1400, { 1326, 1310, 1346, 1350 } },
	{ CBC, SHA256, 1280, { 1214, 1198, 1234, 1238 } }, { CBC, SHA384, 1500, { 1422, 1406, 1442, 1446 } },
	{ CBC, SHA384, 1400, { 1326, 1310, 1346, 1350 } }, { CBC, SHA384, 1280, { 1198, 1182, 1218, 1222 } },
	{ CBC, SHA512, 1500, { 1422, 1390, 1442, 1430 } }, { CBC, SHA512, 1400, { 1310, 1294, 1330, 1334 } },
	{ CBC, SHA512, 1280, { 1198, 1182, 1218, 1222 } }, { DES3, SHA1, 1500, { 1446, 1430, 1466, 1470 } },
	{ DES3, SHA1, 1400, { 1350, 1326, 1370, 1366 } },  { DES3, SHA1, 1280, { 1230, 1206, 1250, 1246 } },
	{ GCM16, NONE, 1500, { 1446, 1426, 1466, 1466 } }, { GCM16, NONE, 1400, { 1346, 1326, 1366, 1366 } },
	{ GCM16, NONE, 1280, { 1226, 1206, 1246, 1246 } }, { CCM16, NONE, 1500, { 1446, 1426, 1466, 1466 } },
	{ CCM16, NONE, 1400, { 1346, 1326, 1366, 1366 } }, { CCM16, NONE, 1280, { 1226, 1206, 1246, 1246 } },
	{ GMAC, NONE, 1500, { 1446, 1426, 1466, 1466 } },  { GMAC, NONE, 1400, { 1346, 1326, 1366, 1366 } },
	{ GMAC, NONE, 1280, { 1226, 1206, 1246, 1246 } },  { NUL, SHA1, 1500, { 1458, 1438, 1478, 1478 } },
	{ NUL, SHA1, 1400, { 1358, 1338, 1378, 1378 } },   { NUL, SHA1, 1280, { 1238, 1218, 1258, 1258 } },
	{ NUL, SHA256, 1500, { 1454, 1434, 1474, 1474 } }, { NUL, SHA256, 1400, { 1354, 1334, 1374, 1374 } },
	{ NUL, SHA256, 1280, { 1234, 1214, 1254, 1254 } }, { CTR, SHA1, 1500, { 1450, 1430, 1470, 1470 } },
	{ CTR, SHA1, 1400, { 1350, 1330, 1370, 1370 } },   { CTR, SHA1, 1280, { 1230, 1210, 1250, 1250 } },
	/* AES-CBC tunnels: the same plaintext for any path from 1496 to 1511 */
	{ CBC, SHA1, 1496, { 1438, 1422, 1458, 1462 } },   { CBC, SHA1, 1511, { 1438, 1422, 1458, 1462 } },
};

Test(esp_mtu, plaintext_mtu)
{
	static const struct {
		uint8_t mode, outer;
	} cols[] = { { KERN_TUNNEL, NET_V4 }, { KERN_TUNNEL, NET_V6 }, { KERN_TRANSPORT, NET_V4 }, { KERN_TRANSPORT, NET_V6 } };

	for (size_t i = 0; i < ARRAY_LEN(mtus); i++)
		for (size_t c = 0; c < ARRAY_LEN(cols); c++) {
			const struct mtu_row *r = &mtus[i];
			if (r->path != 1500 && r->path != 1400 && r->path != 1280 && c)
				continue;
			struct esp_shape s = shape(r->encr, r->integ, cols[c].mode, cols[c].outer);
			cr_assert_eq(esp_shape_check(&s), 0);
			cr_assert_eq(esp_plain_mtu(&s, r->path), r->plain[c], "encr %u integ %u path %u column %zu: %u, not %u",
				r->encr, r->integ, r->path, c, esp_plain_mtu(&s, r->path), r->plain[c]);
		}
}

Test(esp_mtu, length_of_a_packet)
{
	static const struct {
		uint16_t plain, wire;
	} rows[] = { { 1421, 1480 }, { 1422, 1480 }, { 1423, 1496 }, { 1430, 1496 }, { 1431, 1496 }, { 1438, 1496 },
		{ 1439, 1512 }, { 1440, 1512 }, { 31, 104 }, { 30, 88 } };
	struct esp_shape s = shape(CBC, SHA1, KERN_TUNNEL, NET_V4);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_assert_eq(esp_wire_len(&s, rows[i].plain), rows[i].wire, "%u", rows[i].plain);
}

/* Columns: tunnel IPv4, tunnel IPv6, GRE over IPv4 in transport mode, the same over IPv6, the same with a key. */
Test(esp_mtu, worst_overhead)
{
	static const struct {
		uint16_t encr, integ, most[5];
	} rows[] = {
		{ CBC, SHA1, { 73, 93, 77, 97, 101 } },    { CBC, SHA256, { 77, 97, 81, 101, 105 } },
		{ CBC, SHA384, { 85, 105, 89, 109, 113 } }, { CBC, SHA512, { 93, 113, 97, 117, 121 } },
		{ DES3, SHA1, { 57, 77, 61, 81, 85 } },    { GCM16, NONE, { 57, 77, 61, 81, 85 } },
		{ CCM16, NONE, { 57, 77, 61, 81, 85 } },   { GMAC, NONE, { 57, 77, 61, 81, 85 } },
		{ NUL, SHA1, { 45, 65, 49, 69, 73 } },     { CBC, MD5, { 73, 93, 77, 97, 101 } },
		{ CBC, XCBC, { 73, 93, 77, 97, 101 } },    { CBC, CMAC, { 73, 93, 77, 97, 101 } },
	};
	static const struct {
		uint8_t mode, outer, gre, words;
	} cols[] = { { KERN_TUNNEL, NET_V4, 0, 0 }, { KERN_TUNNEL, NET_V6, 0, 0 }, { KERN_TRANSPORT, NET_V4, NET_V4, 0 },
		{ KERN_TRANSPORT, NET_V6, NET_V6, 0 }, { KERN_TRANSPORT, NET_V6, NET_V6, 1 } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t c = 0; c < ARRAY_LEN(cols); c++) {
			struct esp_shape s = shape(rows[i].encr, rows[i].integ, cols[c].mode, cols[c].outer);
			s.gre = cols[c].gre;
			s.gre_words = cols[c].words;
			cr_assert_eq(esp_shape_check(&s), 0);
			cr_assert_eq(esp_overhead_max(&s), rows[i].most[c], "encr %u integ %u column %zu: %u", rows[i].encr,
				rows[i].integ, c, esp_overhead_max(&s));
		}
}

Test(esp_mtu, gre)
{
	struct esp_shape s = shape(CBC, SHA1, KERN_TRANSPORT, NET_V6);
	struct esp_shape bare = { .outer = NET_V4, .gre = NET_V4 };

	s.gre = NET_V6;
	cr_assert_eq(esp_plain_mtu(&s, 1500), 1418); /* 1462 less 44 */
	s.outer = s.gre = NET_V4;
	cr_assert_eq(esp_plain_mtu(&s, 1500), 1434); /* 1458 less 24 */
	/* In tunnel mode the GRE packet is the plaintext; the families need not be the same. */
	s.mode = KERN_TUNNEL;
	cr_assert_eq(esp_plain_mtu(&s, 1500), 1438 - 24);
	s.gre = NET_V6;
	cr_assert_eq(esp_shape_check(&s), 0);
	cr_assert_eq(esp_plain_mtu(&s, 1500), 1438 - 44);
	s.mode = KERN_TRANSPORT;
	cr_assert_eq(esp_shape_check(&s), E_BAD_VALUE);

	cr_assert_eq(esp_shape_check(&bare), 0);
	cr_assert_eq(esp_plain_mtu(&bare, 1500), 1476);
	cr_assert_eq(esp_overhead_max(&bare), 24);
	bare.outer = bare.gre = NET_V6;
	cr_assert_eq(esp_plain_mtu(&bare, 1500), 1456);
	cr_assert_eq(esp_mss(1456, NET_V4), 1416);
	bare.gre_words = 1;
	cr_assert_eq(esp_plain_mtu(&bare, 1500), 1452);
	bare.gre_words = 3;
	cr_assert_eq(esp_overhead_max(&bare), 56);
}

Test(esp_mtu, ah)
{
	static const struct {
		uint16_t integ, tun4, tun6, tra4, tra6;
	} rows[] = { /* overheads */
		{ SHA1, 44, 64, 24, 24 }, { MD5, 44, 64, 24, 24 }, { XCBC, 44, 64, 24, 24 }, { CMAC, 44, 64, 24, 24 },
		{ SHA256, 48, 72, 28, 32 }, { SHA384, 56, 80, 36, 40 }, { SHA512, 64, 88, 44, 48 },
		{ 9 /* AES-128-GMAC: 8 bytes IV, 16 ICV */, 56, 80, 36, 40 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct esp_shape s = { .proto = AH, .mode = KERN_TUNNEL, .outer = NET_V4, .integ = rows[i].integ };
		cr_assert_eq(esp_overhead_max(&s), rows[i].tun4, "integ %u", rows[i].integ);
		cr_assert_eq(esp_plain_mtu(&s, 1500), 1500u - rows[i].tun4);
		s.outer = NET_V6;
		cr_assert_eq(esp_overhead_max(&s), rows[i].tun6, "integ %u", rows[i].integ);
		s.mode = KERN_TRANSPORT;
		cr_assert_eq(esp_overhead_max(&s), rows[i].tra6, "integ %u", rows[i].integ);
		cr_assert_eq(esp_plain_mtu(&s, 1500), 1500u - rows[i].tra6);
		s.outer = NET_V4;
		cr_assert_eq(esp_overhead_max(&s), rows[i].tra4, "integ %u", rows[i].integ);
	}
}

Test(esp_mtu, encapsulation_beet_padding)
{
	struct esp_shape s = shape(GCM16, NONE, KERN_TUNNEL, NET_V4);

	s.encap = ESP_IN_UDP;
	cr_assert_eq(esp_plain_mtu(&s, 1500), 1438);
	cr_assert_eq(esp_overhead_max(&s), 65);
	s.encap = ESP_IN_TCP;
	cr_assert_eq(esp_overhead_max(&s), 57 + 34);
	s.encap = ESP_IN_IP;
	s.tfc_pad = 500;
	cr_assert_eq(esp_wire_len_padded(&s, 100, 1500), esp_wire_len(&s, 500));
	cr_assert_eq(esp_wire_len_padded(&s, 501, 1500), esp_wire_len(&s, 501));
	s.tfc_pad = UINT16_MAX;
	cr_assert_eq(esp_wire_len_padded(&s, 1, 1500), 1500);
	cr_assert_eq(esp_wire_len_padded(&s, 1446, 1500), 1500);

	/* BEET: the inner header is not sent. */
	s = shape(GCM16, NONE, KERN_BEET, NET_V4);
	cr_assert_eq(esp_plain_mtu(&s, 1500), 1466);
	s.inner = NET_V6;
	cr_assert_eq(esp_plain_mtu(&s, 1500), 1486);
	s.outer = NET_V6;
	s.inner = NET_V4;
	cr_assert_eq(esp_plain_mtu(&s, 1500), 1446);
}

/* Path MTUs after the worst overhead, as a host that only knows the cipher has to reckon. */
Test(esp_mtu, path_less_overhead)
{
	struct esp_shape s = shape(CBC, SHA1, KERN_TUNNEL, NET_V4);

	cr_assert_eq(1500 - esp_overhead_max(&s), 1427);
	cr_assert_leq(1500 - esp_overhead_max(&s), esp_plain_mtu(&s, 1500));
	s = shape(GCM16, NONE, KERN_TRANSPORT, NET_V6);
	s.gre = NET_V6;
	s.gre_words = 1;
	cr_assert_eq(esp_overhead_max(&s), 85);
}

Test(esp_mtu, wrong_shapes)
{
	struct esp_shape s = shape(GCM16, NONE, KERN_TUNNEL, NET_V4);

	s.encr = 999;
	cr_assert_eq(esp_shape_check(&s), E_NOT_SUPPORTED);
	s = shape(CBC, 999, KERN_TUNNEL, NET_V4);
	cr_assert_eq(esp_shape_check(&s), E_NOT_SUPPORTED);
	s = shape(CBC, SHA1, 0, NET_V4);
	cr_assert_eq(esp_shape_check(&s), E_BAD_VALUE);
	s = shape(CBC, SHA1, KERN_TUNNEL, NET_NONE);
	cr_assert_eq(esp_shape_check(&s), E_BAD_VALUE);
	s = (struct esp_shape){ .proto = AH, .mode = KERN_TUNNEL, .outer = NET_V4, .integ = SHA1, .encap = ESP_IN_UDP };
	cr_assert_eq(esp_shape_check(&s), E_BAD_VALUE);
	s = shape(GCM16, NONE, KERN_TUNNEL, NET_V4);
	cr_assert_eq(esp_plain_mtu(&s, 0), 0);
	cr_assert_eq(esp_plain_mtu(&s, 54), 0);
	cr_assert_eq(esp_plain_mtu(&s, UINT32_MAX), 65535);
	cr_assert_eq(esp_mss(40, NET_V4), 0);
	cr_assert_eq(esp_mss(1438, NET_V6), 1378);
}

/* For each cipher of the fact table, mode, family and path: what fits fits, one byte more does not. */
Test(esp_mtu, one_byte_more_does_not_fit)
{
	const struct suite_fact *f;
	unsigned tried = 0;

	for (size_t n = 0; (f = suite_fact_at(n)); n++) {
		if (f->type != SUITE_ENCR)
			continue;
		for (unsigned v = 0; v < 3 * 2 * 3; v++) {
			struct esp_shape s = shape(f->id, f->flags & SUITE_AEAD ? NONE : SHA256, (uint8_t)(1 + v % 3),
				v / 3 % 2 ? NET_V6 : NET_V4);
			s.encap = v / 6 == 1 ? ESP_IN_UDP : ESP_IN_IP;
			s.gre = v / 6 == 2 ? s.outer : NET_NONE;
			cr_assert_eq(esp_shape_check(&s), 0, "%s", f->name);
			for (uint32_t path = 576; path < 1600; path += 7, tried++) {
				uint32_t p = esp_plain_mtu(&s, path), w = esp_wire_len(&s, p);
				cr_assert(p && w <= path && esp_wire_len(&s, p + 1) > path, "%s at %u", f->name, path);
				cr_assert(w - p <= esp_overhead_max(&s) && esp_overhead_max(&s) < 256);
			}
		}
	}
	cr_assert_gt(tried, 50000);
}
