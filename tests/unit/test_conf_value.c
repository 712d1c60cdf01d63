/* SPDX-License-Identifier: Apache-2.0 */
#include "config/value.h"

#include "config/conn.h"

#include <criterion/criterion.h>

#define S(x) slice_str(x)

Test(conf_value, numbers_and_units)
{
	static const struct { const char *text; uint64_t s; } times[] = {
		{ "0", 0 }, { "30", 30 }, { "30s", 30 }, { "5m", 300 }, { "1h 30m", 5400 }, { "1h30m", 5400 }, { "2d", 172800 },
		{ "1W", 604800 },
	};
	static const char *const bad_times[] = { "", "h", "1x", "-1", "1.5h", "99999999999999999999", "99999999999999999w", "1h m" };
	static const struct { const char *text; uint64_t ms; } ms[] = {
		{ "4.0", 4000 }, { "0.25", 250 }, { "30", 30000 }, { "30s", 30000 }, { "250ms", 250 }, { "1.5m", 90000 },
	};
	static const struct { const char *text; uint64_t n; } sizes[] = {
		{ "1500", 1500 }, { "10k", 10240 }, { "10M", 10485760 }, { "1G", 1073741824 }, { "1 GB", 1073741824 }, { "7B", 7 },
	};
	uint64_t v;
	int64_t i;
	bool b;

	for (size_t k = 0; k < ARRAY_LEN(times); k++)
		cr_assert(conf_value_time_s(S(times[k].text), &v) == 0 && v == times[k].s, "%s", times[k].text);
	for (size_t k = 0; k < ARRAY_LEN(bad_times); k++)
		cr_assert_eq(conf_value_time_s(S(bad_times[k]), &v), E_BAD_VALUE, "%s", bad_times[k]);
	for (size_t k = 0; k < ARRAY_LEN(ms); k++)
		cr_assert(conf_value_time_ms(S(ms[k].text), &v) == 0 && v == ms[k].ms, "%s", ms[k].text);
	cr_assert_neq(conf_value_time_ms(S("1.2345"), &v), 0);
	cr_assert_neq(conf_value_time_ms(S("0.5ms"), &v), 0);
	for (size_t k = 0; k < ARRAY_LEN(sizes); k++)
		cr_assert(conf_value_bytes(S(sizes[k].text), &v) == 0 && v == sizes[k].n, "%s", sizes[k].text);
	cr_assert_neq(conf_value_bytes(S("1x"), &v), 0);
	cr_assert_neq(conf_value_bytes(S("17179869184G"), &v), 0);
	cr_assert(conf_value_decimal(S("1.8"), &v) == 0 && v == 1800);
	cr_assert(conf_value_decimal(S("2"), &v) == 0 && v == 2000);
	cr_assert_neq(conf_value_decimal(S("1."), &v), 0);
	cr_assert_neq(conf_value_decimal(S(".5"), &v), 0);
	cr_assert(conf_value_int(S("0x2a"), &i) == 0 && i == 42);
	cr_assert(conf_value_int(S("-7"), &i) == 0 && i == -7);
	cr_assert_neq(conf_value_int(S("7 "), &i), 0);
	cr_assert_neq(conf_value_int(S("0x"), &i), 0);
	cr_assert(conf_value_bool(S("Yes"), &b) == 0 && b);
	cr_assert(conf_value_bool(S("disabled"), &b) == 0 && !b);
	cr_assert_neq(conf_value_bool(S("y"), &b), 0);
}

static void secret_is(const char *text, const char *want, size_t n)
{
	struct secret s = { 0 };

	cr_assert_eq(conf_value_secret(S(text), &s), 0, "%s", text);
	cr_assert(s.n == n && memcmp(s.p, want, n) == 0, "%s", text);
	secret_fini(&s);
}

Test(conf_value, secrets)
{
	static const char *const bad[] = { "0x", "0x1", "0xzz", "0s", "0sA", "0s!!!!" };
	struct secret s = { 0 };

	secret_is("correct horse", "correct horse", 13);
	secret_is("0x00ff41", "\x00\xff\x41", 3);
	secret_is("0sAP9B", "\x00\xff\x41", 3);
	secret_is("0sQQ==", "A", 1);
	secret_is("0sQUI=", "AB", 2);
	for (size_t k = 0; k < ARRAY_LEN(bad); k++)
		cr_assert_eq(conf_value_secret(S(bad[k]), &s), E_BAD_VALUE, "%s", bad[k]);
}

static const struct {
	const char *text;
	uint8_t type;
	const char *data;
	size_t n;
	const char *shown;
} ids[] = {
	{ "%any", 0, "", 0, "%any" },
	{ "*", 0, "", 0, "%any" },
	{ "0.0.0.0", 0, "", 0, "%any" },
	{ "10.0.0.1", 1, "\x0a\0\0\1", 4, "10.0.0.1" },
	{ "fd00::1", 5, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16, "fd00::1" },
	{ "10.1.0.0/16", 4, "\x0a\1\0\0\xff\xff\0\0", 8, "10.1.0.0/16" },
	{ "10.0.0.1-10.0.0.9", 7, "\x0a\0\0\1\x0a\0\0\x09", 8, "10.0.0.1-10.0.0.9" },
	{ "gwa.test", 2, "gwa.test", 8, "gwa.test" },
	{ "@gwa.test", 2, "gwa.test", 8, "gwa.test" },
	{ "fqdn:10.0.0.1", 2, "10.0.0.1", 8, "10.0.0.1" },
	{ "dns:x", 2, "x", 1, "x" },
	{ "a@b.test", 3, "a@b.test", 8, "a@b.test" },
	{ "@@a@b", 3, "a@b", 3, "a@b" },
	{ "rfc822:a", 3, "a", 1, "a" },
	{ "keyid:abc", 11, "abc", 3, "abc" },
	{ "keyid:#0aff", 11, "\x0a\xff", 2, "0a:ff" },
	{ "@#0aff", 11, "\x0a\xff", 2, "0a:ff" },
	{ "some:thing", 11, "some:thing", 10, "some:thing" },
	{ "ipv4:10.0.0.1", 1, "\x0a\0\0\1", 4, "10.0.0.1" },
	{ "ipv4:#0a000001", 1, "\x0a\0\0\1", 4, "10.0.0.1" },
	{ "{201}:#4142", 201, "AB", 2, "{201}:AB" },
	{ "{2}:x", 2, "x", 1, "x" },
	{ "C=CH", 9, "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02" "CH", 15, "C=CH" },
	{ "asn1dn:#3000", 9, "\x30\x00", 2, "" },
	{ "foo=bar", 11, "foo=bar", 7, "foo=bar" },
};

Test(conf_id, text_and_back)
{
	static const char *const bad[] = { "keyid:", "@#", "@#0", "@", "@@", "{0}:x", "{9}x", "{300}:x", "{9}:", "ipv4:gw", "ipv4:fd00::1",
		"asn1dn:x=y", "asn1dn:C=", "fqdn:#0" };
	char buf[256];

	for (size_t k = 0; k < ARRAY_LEN(ids); k++) {
		struct conf_id id;
		cr_assert_eq(conf_id_parse(ids[k].text, &id), 0, "%s", ids[k].text);
		cr_assert_eq(id.type, ids[k].type, "%s: type %u", ids[k].text, id.type);
		cr_assert(id.n == ids[k].n && memcmp(id.data ? (char *)id.data : "", ids[k].data, id.n) == 0, "%s", ids[k].text);
		cr_assert_str_eq(conf_id_text(id.type, slice_of(id.data, id.n), buf, sizeof buf), ids[k].shown);
		conf_id_fini(&id);
	}
	for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
		struct conf_id id;
		cr_assert_eq(conf_id_parse(bad[k], &id), E_BAD_VALUE, "%s", bad[k]);
	}
}

static int match(const char *pattern, const char *text)
{
	struct conf_id p, t;

	cr_assert_eq(conf_id_parse(pattern, &p), 0, "%s", pattern);
	cr_assert_eq(conf_id_parse(text, &t), 0, "%s", text);
	int m = conf_id_match(&p, t.type, slice_of(t.data, t.n));
	conf_id_fini(&p);
	conf_id_fini(&t);
	return m;
}

Test(conf_id, matching)
{
	cr_assert_eq(match("%any", "gw.test"), 1);
	cr_assert_eq(match("gw.test", "GW.Test"), 100);
	cr_assert_eq(match("gw.test", "gv.test"), 0);
	cr_assert_eq(match("gw.test", "10.0.0.1"), 0);
	cr_assert_gt(match("*.a.test", "x.a.test"), match("*.test", "x.a.test"));
	cr_assert_gt(match("*.test", "x.test"), 1);
	cr_assert_eq(match("*.test", "x.org"), 0);
	cr_assert_gt(match("*@test", "a@test"), 1);
	cr_assert_eq(match("*@test", "test"), 0);
	cr_assert_gt(match("10.0.0.0/24", "10.0.0.7"), match("10.0.0.0/8", "10.0.0.7"));
	cr_assert_eq(match("10.0.0.0/24", "10.0.1.7"), 0);
	cr_assert_gt(match("10.0.0.1-10.0.0.9", "10.0.0.7"), 1);
	cr_assert_eq(match("10.0.0.1-10.0.0.5", "10.0.0.7"), 0);
	cr_assert_eq(match("C=CH, O=Lab, CN=gw", "/C=ch/O=Lab/CN=GW"), 100);
	cr_assert_eq(match("C=CH, O=Lab, CN=gw", "C=CH, O=Lab"), 0);
	cr_assert_eq(match("C=CH, O=Lab", "O=Lab, C=CH"), 0);
	cr_assert_gt(match("C=CH, O=Lab, CN=*", "C=CH, O=Lab, CN=x"), match("C=CH, O=*, CN=*", "C=CH, O=Lab, CN=x"));
	cr_assert_eq(match("C=CH, CN=\"a, b\"", "C=CH, CN=a\\, b"), 100);
	cr_assert_eq(match("keyid:abc", "keyid:abc"), 100);
	cr_assert_eq(match("keyid:abc", "keyid:ABC"), 0);
}

Test(conf_id, names_of_peers_are_harmless)
{
	static const char dn[] = "\x30\x1b\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02" "CH" "\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03" "a\nb";
	char buf[128];

	conf_id_text(9, slice_of(dn, sizeof dn - 1), buf, sizeof buf);
	cr_assert_str_eq(buf, "C=CH, CN=a\\x0ab");
	for (size_t n = 0; n < sizeof dn - 1; n++) {
		uint8_t copy[sizeof dn];
		memcpy(copy, dn, n);
		cr_assert_str_eq(conf_id_text(9, slice_of(copy, n), buf, sizeof buf), "(invalid DN)", "%zu", n);
		memcpy(copy, dn, sizeof dn);
		for (int v = 0; v < 256; v++) {
			struct conf_id p = { 9, sizeof dn - 1, (uint8_t *)(uintptr_t)dn };
			copy[n] = (uint8_t)v;
			conf_id_text(9, slice_of(copy, sizeof dn - 1), buf, sizeof buf);
			(void)conf_id_match(&p, 9, slice_of(copy, sizeof dn - 1));
		}
	}
	cr_assert_str_eq(conf_id_text(1, SLICE_LIT("abc"), buf, sizeof buf), "(invalid id)");
	cr_assert_str_eq(conf_id_text(2, SLICE_LIT("a\x1b[31m"), buf, sizeof buf), "a\\x1b[31m");
	cr_assert_str_eq(conf_id_text(11, SLICE_LIT("\x00\x01"), buf, sizeof buf), "00:01");
}
