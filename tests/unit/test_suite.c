/* SPDX-License-Identifier: Apache-2.0 */
/* Proposal text, selection by the rules of RFC 7296 section 3.3, and the answer's check. */
#include "crypto/suite.h"
#include "tests/unit/crypto_host.h"

static struct suite_list list_of(uint8_t proto, const char *const *texts)
{
	struct suite_list l = { 0 };
	for (; *texts; texts++)
		cr_assert_eq(suite_list_add(&l, NULL, proto, *texts, NULL), 0, "%s", *texts);
	return l;
}

#define LIST(proto, ...) list_of(proto, (const char *const[]){ __VA_ARGS__, NULL })

static const struct suite_prop *const *props(const struct suite_list *l)
{
	return (const struct suite_prop *const *)l->v;
}

static const char *text_of_prop(const struct suite_prop *p)
{
	static char buf[2048];
	struct text t = text_of(buf, sizeof buf);
	suite_prop_text(&t, p);
	return buf;
}

static const char *words_of_prop(const struct suite_prop *p)
{
	static char buf[2048];
	struct text t = text_of(buf, sizeof buf);
	suite_prop_words(&t, p);
	return buf;
}

static const char *text_of_suite(const struct suite *s)
{
	static char buf[256];
	struct text t = text_of(buf, sizeof buf);
	suite_text(&t, s);
	return buf;
}

Test(suite, text_becomes_transforms)
{
	static const struct {
		uint8_t proto;
		const char *in, *out, *words;
	} rows[] = {
		{ SUITE_IKE, "aes256gcm16-prfsha384-x25519", "IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/CURVE_25519", NULL },
		{ SUITE_IKE, "aes128-sha256-modp2048", "IKE:AES_CBC_128/PRF_HMAC_SHA2_256/HMAC_SHA2_256_128/MODP_2048",
			"aes128-prfsha256-sha256-modp2048" },
		{ SUITE_IKE, "aes-sha1-modp1024", "IKE:AES_CBC_128/PRF_HMAC_SHA1/HMAC_SHA1_96/MODP_1024",
			"aes128-prfsha1-sha1-modp1024" },
		{ SUITE_IKE, "chacha20poly1305-prfsha256-curve25519-ecp384",
			"IKE:CHACHA20_POLY1305/PRF_HMAC_SHA2_256/CURVE_25519/ECP_384",
			"chacha20poly1305-prfsha256-x25519-ecp384" },
		{ SUITE_IKE, "aes256gcm128-sha384-ecp384", "IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_384",
			"aes256gcm16-prfsha384-ecp384" },
		{ SUITE_IKE, "aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke1_none",
			"IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/CURVE_25519/KE1_ML_KEM_768/KE1_NONE",
			"aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke1_modpnone" },
		{ SUITE_IKE, "aes192ctr-aes256-sha512-sha256-modp4096",
			"IKE:AES_CTR_192/AES_CBC_256/PRF_HMAC_SHA2_512/PRF_HMAC_SHA2_256/HMAC_SHA2_512_256/HMAC_SHA2_256_128/"
			"MODP_4096", "aes192ctr-aes256-prfsha512-prfsha256-sha512-sha256-modp4096" },
		{ SUITE_ESP, "aes256gcm16", "ESP:AES_GCM_16_256/NO_EXT_SEQ", "aes256gcm16-noesn" },
		{ SUITE_ESP, "aes128-sha256-x25519-esn-noesn",
			"ESP:AES_CBC_128/HMAC_SHA2_256_128/CURVE_25519/EXT_SEQ/NO_EXT_SEQ", NULL },
		{ SUITE_ESP, "null-sha256", "ESP:NULL/HMAC_SHA2_256_128/NO_EXT_SEQ", "null-sha256-noesn" },
		{ SUITE_ESP, "3des-md5", "ESP:3DES_CBC/HMAC_MD5_96/NO_EXT_SEQ", "3des-md5-noesn" },
		{ SUITE_AH, "sha384-aes256gmac", "AH:HMAC_SHA2_384_192/AES_256_GMAC/NO_EXT_SEQ", NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct suite_list l = { 0 };
		cr_assert_eq(suite_list_add(&l, NULL, rows[i].proto, rows[i].in, NULL), 0, "%s", rows[i].in);
		cr_expect_str_eq(text_of_prop(l.v[0]), rows[i].out);
		if (rows[i].words)
			cr_expect_str_eq(words_of_prop(l.v[0]), rows[i].words);
		char words[2048];
		snprintf(words, sizeof words, "%s", words_of_prop(l.v[0]));
		if (rows[i].proto != SUITE_AH)
			cr_assert_eq(suite_list_add(&l, NULL, rows[i].proto, words, NULL), 0, "%s", words);
		else
			cr_assert_eq(suite_list_add(&l, NULL, rows[i].proto, rows[i].in, NULL), 0);
		cr_expect_str_eq(text_of_prop(l.v[1]), rows[i].out);
		cr_expect_eq(l.v[1]->num, 2);
		suite_list_fini(&l);
	}
}

Test(suite, errors_point_at_the_word)
{
	static const struct {
		uint8_t proto;
		const char *in;
		uint32_t column;
		const char *part;
	} rows[] = {
		{ SUITE_IKE, "aes256gcm16-prfsha385-x25519", 13, "prfsha384" },
		{ SUITE_IKE, "aes257-sha256-modp2048", 1, "aes25" },
		{ SUITE_IKE, "aes256-sha256-x25519-", 22, "a word is missing" },
		{ SUITE_IKE, "", 1, "a word is missing" },
		{ SUITE_IKE, "aes256gcm16-x25519-ke8_mlkem768", 20, "\"ke8_mlkem768\": additional key exchanges are numbered" },
		{ SUITE_IKE, "aes256gcm16-x25519-ke1_mlkem769", 24, "\"mlkem769\"" },
		{ SUITE_IKE, "aes256gcm16-x25519-ke1_sha256", 20, "ke1_sha256" },
		{ SUITE_IKE, "aes256-sha256-x25519-esn", 22, "only for child SAs" },
		{ SUITE_IKE, "sha256-x25519", 0, "no encryption algorithm" },
		{ SUITE_IKE, "aes256-x25519", 0, "no integrity algorithm" },
		{ SUITE_IKE, "aes256-sha256", 0, "no key exchange method" },
		{ SUITE_IKE, "aes256-sha256-none", 0, "cannot do without key exchange" },
		{ SUITE_IKE, "aes256gcm16-aes256-sha256-x25519", 0, "write two" },
		{ SUITE_ESP, "aes256", 0, "no integrity algorithm" },
		{ SUITE_ESP, "aes256gcm16-ke1_mlkem768", 0, "no key exchange method" },
		{ SUITE_AH, "aes256-sha256", 1, "AH does not" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct suite_list l = { 0 };
		struct diag *why = NULL;
		cr_assert_eq(suite_list_add(&l, NULL, rows[i].proto, rows[i].in, &why), E_BAD_VALUE, "%s", rows[i].in);
		cr_assert_not_null(why, "%s", rows[i].in);
		cr_expect_eq(why->column, rows[i].column, "%s: column %u", rows[i].in, why->column);
		cr_expect_not_null(strstr(why->text, rows[i].part), "%s: %s", rows[i].in, why->text);
		cr_expect_eq(l.n, 0);
		diag_free(&why);
	}
}

/* Every word of proposals of strongSwan 6.0 is taken or refused with a sentence about it, never unknown. */
Test(suite, no_word_of_swanctl_is_unknown)
{
	static const char *const words[] = { "null", "des", "3des", "aes", "aes128", "aes192", "aes256", "aesctr", "aes128ctr",
		"aes192ctr", "aes256ctr", "aes128ccm8", "aes128ccm64", "aes128ccm12", "aes128ccm96", "aes128ccm16", "aes128ccm128",
		"aes256ccm16", "aes128gcm8", "aes128gcm64", "aes128gcm12", "aes128gcm96", "aes128gcm16", "aes128gcm128",
		"aes192gcm16", "aes256gcm16", "aes128gmac", "aes192gmac", "aes256gmac", "chacha20poly1305", "blowfish",
		"blowfish128", "blowfish192", "blowfish256", "camellia", "camellia128", "camellia192", "camellia256",
		"camellia128ctr", "camellia192ctr", "camellia256ctr", "camellia128ccm8", "camellia128ccm64", "camellia192ccm12",
		"camellia192ccm96", "camellia256ccm16", "camellia256ccm128", "cast128", "serpent", "serpent128", "serpent192",
		"serpent256", "twofish", "twofish128", "twofish192", "twofish256", "sha", "sha1", "sha1_160", "sha256", "sha2_256",
		"sha256_96", "sha2_256_96", "sha384", "sha2_384", "sha512", "sha2_512", "md5", "md5_128", "aesxcbc",
		"camelliaxcbc", "aescmac", "prfsha1", "prfsha256", "prfsha384", "prfsha512", "prfmd5", "prfaesxcbc",
		"prfcamelliaxcbc", "prfaescmac", "modpnull", "modp768", "modp1024", "modp1536", "modp2048", "modp3072", "modp4096",
		"modp6144", "modp8192", "ecp192", "ecp224", "ecp256", "ecp384", "ecp521", "modp1024s160", "modp2048s224",
		"modp2048s256", "ecp224bp", "ecp256bp", "ecp384bp", "ecp512bp", "curve25519", "x25519", "curve448", "x448",
		"newhope128", "ntru112", "mlkem512", "mlkem768", "mlkem1024", "modpnone", "none", "esn", "noesn", "ke1_mlkem512" };
	unsigned refused = 0;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct suite_list l = { 0 };
		struct diag *why = NULL;
		err_t e = suite_list_add(&l, NULL, SUITE_ESP, words[i], &why);
		cr_expect(!why || !strstr(why->text, "unknown"), "%s: %s", words[i], why->text);
		if (e == E_NOT_SUPPORTED) {
			cr_expect_not_null(strstr(why->text, words[i]), "%s: %s", words[i], why->text);
			cr_expect_not_null(suite_refusal_of(slice_str(words[i])));
			refused++;
		}
		diag_free(&why);
		suite_list_fini(&l);
	}
	cr_expect_eq(refused, 15, "%u", refused);
	cr_expect_null(suite_refusal_of(SLICE_LIT("serpent12x")));
	cr_expect_null(suite_refusal_of(SLICE_LIT("sha256")));
}

Test(suite, integrity_beside_an_aead_is_left_out_with_a_remark)
{
	static const struct {
		uint8_t proto;
		const char *in;
		uint32_t column; /* 0 no remark */
		const char *part;
	} rows[] = {
		{ SUITE_IKE, "aes256gcm16-sha2_256-x25519", 13, "\"sha2_256\" beside an AEAD stands for the pseudo-random function "
			"only: write \"prfsha256\" instead" },
		{ SUITE_IKE, "aes256gcm16-prfsha384-sha1-x25519", 23, "\"sha1\" is left out" },
		{ SUITE_ESP, "aesxcbc-chacha20poly1305", 1, "\"aesxcbc\" is left out, because an AEAD protects integrity by itself" },
		{ SUITE_ESP, "aes256gcm16", 0, NULL },
		{ SUITE_IKE, "aes256-sha256-x25519", 0, NULL },
		{ SUITE_IKE, "default", 0, NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct suite_list l = { 0 };
		struct diag *why = NULL;
		cr_assert_eq(suite_list_add(&l, NULL, rows[i].proto, rows[i].in, &why), 0, "%s", rows[i].in);
		cr_assert_eq(!!why, rows[i].column != 0, "%s", rows[i].in);
		if (why) {
			cr_expect_eq(why->column, rows[i].column, "%s: column %u", rows[i].in, why->column);
			cr_expect_not_null(strstr(why->text, rows[i].part), "%s: %s", rows[i].in, why->text);
			cr_expect_null(suite_prop_first(l.v[0], SUITE_INTEG));
		}
		diag_free(&why);
		suite_list_fini(&l);
	}
}

Test(suite, what_nothing_provides_is_refused_by_name)
{
	struct crypto_host h;
	struct suite_list l = { 0 };
	struct diag *why = NULL;
	crypto_host_init(&h, 0);
	const struct suite_env env = suite_env_crypto(&h.c);

	cr_assert_eq(suite_list_add(&l, &env, SUITE_IKE, "aes256gcm16-prfsha384-x25519", &why), E_NOT_SUPPORTED);
	cr_expect_eq(why->column, 1);
	cr_expect_not_null(strstr(why->text, "AES_GCM_16"));
	cr_expect_not_null(strstr(why->text, "crypto-gcrypt"));
	diag_free(&why);
	cr_expect_eq(suite_list_add(&l, &env, SUITE_IKE, "default", NULL), E_NOT_SUPPORTED);
	registry_free(h.reg);
}

Test(suite, default_is_what_is_loaded)
{
	struct crypto_host h;
	struct suite_list l = { 0 };
	/* The two that offer what does not depend on further libraries being there. */
	crypto_host_init(&h, 3);
	const struct suite_env env = suite_env_crypto(&h.c);

	CRYPTO_NEED(&h, h.desc[0] && h.desc[1]);
	cr_assert_eq(suite_list_add(&l, &env, SUITE_IKE, "default", NULL), 0);
	cr_assert_eq(l.n, 2);
	cr_expect_str_eq(text_of_prop(l.v[0]), "IKE:AES_GCM_16_256/AES_GCM_16_192/AES_GCM_16_128/CHACHA20_POLY1305/"
		"AES_CCM_16_256/AES_CCM_16_192/AES_CCM_16_128/PRF_HMAC_SHA2_256/PRF_HMAC_SHA2_384/PRF_HMAC_SHA2_512/"
		"PRF_AES128_XCBC/PRF_AES128_CMAC/PRF_HMAC_SHA1/CURVE_25519/ECP_256/ECP_384/ECP_521/CURVE_448/ECP_256_BP/"
		"ECP_384_BP/ECP_512_BP/MODP_3072/MODP_4096/MODP_6144/MODP_8192/MODP_2048");
	cr_expect_null(suite_prop_first(l.v[0], SUITE_INTEG));
	cr_expect_not_null(suite_prop_first(l.v[1], SUITE_INTEG));
	cr_expect_eq(suite_list_first_ke(props(&l), l.n), 31);
	cr_expect(suite_list_has_ke(props(&l), l.n, 14));
	cr_expect_not(suite_list_has_ke(props(&l), l.n, 2));
	suite_list_fini(&l);
	cr_assert_eq(suite_list_add(&l, &env, SUITE_ESP, "default", NULL), 0);
	cr_expect_str_eq(text_of_prop(l.v[0]),
		"ESP:AES_GCM_16_256/AES_GCM_16_192/AES_GCM_16_128/CHACHA20_POLY1305/AES_CCM_16_256/AES_CCM_16_192/"
		"AES_CCM_16_128/NO_EXT_SEQ");
	suite_list_fini(&l);
	registry_free(h.reg);
}

/* `want` is the suite, or NULL when nothing matches. */
static const struct {
	uint8_t proto;
	const char *ours[3], *theirs[3];
	uint32_t flags;
	uint16_t hint;
	const char *want;
	uint8_t theirs_at;
} picks[] = {
	{ SUITE_IKE, { "aes256gcm16-prfsha256-x25519" }, { "aes256gcm16-prfsha256-x25519" }, 0, 0,
		"AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519", 0 },
	/* our order, their order */
	{ SUITE_IKE, { "aes256-aes128-sha512-sha256-x25519-ecp256" }, { "aes128-aes256-sha256-sha512-ecp256-x25519" }, 0, 0,
		"AES_CBC-256/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/CURVE_25519", 0 },
	{ SUITE_IKE, { "aes256-aes128-sha512-sha256-x25519-ecp256" }, { "aes128-aes256-sha256-sha512-ecp256-x25519" },
		SUITE_PREFER_PEER, 0, "AES_CBC-128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_256", 0 },
	{ SUITE_IKE, { "aes256gcm16-prfsha256-x25519", "aes256-sha256-x25519" },
		{ "aes256-sha256-x25519", "aes256gcm16-prfsha256-x25519" }, 0, 0,
		"AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519", 1 },
	{ SUITE_IKE, { "aes256gcm16-prfsha256-x25519", "aes256-sha256-x25519" },
		{ "aes256-sha256-x25519", "aes256gcm16-prfsha256-x25519" }, SUITE_PREFER_PEER, 0,
		"AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/CURVE_25519", 0 },
	/* the KE payload that came along saves a round trip */
	{ SUITE_IKE, { "aes256-sha256-x25519-ecp256" }, { "aes256-sha256-x25519-ecp256" }, 0, 19,
		"AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_256", 0 },
	{ SUITE_IKE, { "aes256-sha256-x25519" }, { "aes256-sha256-x25519-ecp256" }, 0, 19,
		"AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/CURVE_25519", 0 },
	/* key lengths are equal or nothing */
	{ SUITE_IKE, { "aes256-sha256-x25519" }, { "aes128-sha256-x25519" }, 0, 0, NULL, 0 },
	{ SUITE_IKE, { "aes256-sha256-x25519" }, { "aes256-sha384-x25519" }, 0, 0, NULL, 0 },
	{ SUITE_IKE, { "aes256-sha256-x25519" }, { "aes256-sha256-modp2048" }, 0, 0, NULL, 0 },
	/* children: PFS or not */
	{ SUITE_ESP, { "aes256gcm16-x25519" }, { "aes256gcm16" }, 0, 0, NULL, 0 },
	{ SUITE_ESP, { "aes256gcm16" }, { "aes256gcm16-x25519" }, 0, 0, NULL, 0 },
	{ SUITE_ESP, { "aes256gcm16-x25519" }, { "aes256gcm16" }, SUITE_STRIP_KE, 0, "AES_GCM_16-256", 0 },
	{ SUITE_ESP, { "aes256gcm16" }, { "aes256gcm16-x25519" }, SUITE_STRIP_KE, 0, "AES_GCM_16-256", 0 },
	{ SUITE_ESP, { "aes256gcm16-x25519" }, { "aes256gcm16" }, SUITE_OPTIONAL_KE, 0, "AES_GCM_16-256", 0 },
	{ SUITE_ESP, { "aes256gcm16-x25519" }, { "aes256gcm16-x25519" }, SUITE_OPTIONAL_KE, 0,
		"AES_GCM_16-256/CURVE_25519", 0 },
	{ SUITE_ESP, { "aes256gcm16-x25519-none" }, { "aes256gcm16" }, 0, 0, "AES_GCM_16-256", 0 },
	{ SUITE_ESP, { "aes256gcm16" }, { "aes256gcm16-x25519-none" }, 0, 0, "AES_GCM_16-256", 0 },
	{ SUITE_ESP, { "aes256gcm16-none-x25519" }, { "aes256gcm16-x25519-none" }, 0, 0, "AES_GCM_16-256", 0 },
	/* ESN */
	{ SUITE_ESP, { "aes256gcm16-esn-noesn" }, { "aes256gcm16-noesn-esn" }, 0, 0, "AES_GCM_16-256/ESN", 0 },
	{ SUITE_ESP, { "aes256gcm16-esn" }, { "aes256gcm16" }, 0, 0, NULL, 0 },
	{ SUITE_ESP, { "aes256gcm16" }, { "aes256gcm16-esn" }, 0, 0, NULL, 0 },
	{ SUITE_AH, { "sha512-sha256" }, { "sha256" }, 0, 0, "HMAC_SHA2_256_128", 0 },
	/* additional key exchanges: no method twice, going back when needed */
	{ SUITE_IKE, { "aes256gcm16-prfsha256-x25519-ke1_mlkem768" }, { "aes256gcm16-prfsha256-x25519-ke1_mlkem768" }, 0, 0,
		"AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519/KE1_ML_KEM_768", 0 },
	{ SUITE_IKE, { "aes256gcm16-prfsha256-x25519-ke1_mlkem768" }, { "aes256gcm16-prfsha256-x25519" }, 0, 0, NULL, 0 },
	{ SUITE_IKE, { "aes256gcm16-prfsha256-x25519-ke1_mlkem768-ke1_none" }, { "aes256gcm16-prfsha256-x25519" }, 0, 0,
		"AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519", 0 },
	{ SUITE_IKE, { "aes256gcm16-prfsha256-x25519-ecp256-ke1_x25519" },
		{ "aes256gcm16-prfsha256-x25519-ecp256-ke1_x25519" }, 0, 0,
		"AES_GCM_16-256/PRF_HMAC_SHA2_256/ECP_256/KE1_CURVE_25519", 0 },
	{ SUITE_IKE, { "aes256gcm16-prfsha256-x25519-ke1_x25519" }, { "aes256gcm16-prfsha256-x25519-ke1_x25519" }, 0, 0,
		NULL, 0 },
};

Test(suite, selection)
{
	for (size_t i = 0; i < ARRAY_LEN(picks); i++) {
		struct suite_list ours = list_of(picks[i].proto, picks[i].ours), theirs = list_of(picks[i].proto, picks[i].theirs);
		struct suite got;
		struct diag *why = NULL;
		size_t ours_at, theirs_at = 99;
		err_t e = suite_select(props(&ours), ours.n, props(&theirs), theirs.n, picks[i].flags, picks[i].hint, &got,
			&ours_at, &theirs_at, &why);
		if (picks[i].want) {
			cr_assert_eq(e, 0, "row %zu: %s", i, why ? why->text : "");
			cr_expect_str_eq(text_of_suite(&got), picks[i].want, "row %zu: %s", i, text_of_suite(&got));
			cr_expect_eq(theirs_at, picks[i].theirs_at, "row %zu", i);
		} else {
			cr_expect_eq(e, E_NO_PROPOSAL, "row %zu: %s", i, text_of_suite(&got));
			cr_expect_not_null(why);
			diag_free(&why);
		}
		suite_list_fini(&ours);
		suite_list_fini(&theirs);
	}
}

Test(suite, the_difference_is_named)
{
	struct suite_list ours = LIST(SUITE_IKE, "aes256-sha256-x25519");
	struct suite_list theirs = LIST(SUITE_IKE, "aes128-sha256-modp2048", "aes256-sha256-modp2048-ecp256");
	struct suite got;
	struct diag *why = NULL;

	cr_assert_eq(suite_select(props(&ours), 1, props(&theirs), 2, 0, 0, &got, NULL, NULL, &why), E_NO_PROPOSAL);
	cr_expect_str_eq(why->text, "our proposal 1 and the peer's proposal 2 differ in KEY_EXCHANGE_METHOD: "
		"ours CURVE_25519, theirs MODP_2048 ECP_256");
	diag_free(&why);
	suite_list_fini(&ours);
	suite_list_fini(&theirs);
}

/* Proposals only a peer can make. */
static struct suite_prop *peer_prop(struct arena *a, uint8_t proto, const struct suite_tf *tf, uint8_t n)
{
	struct suite_prop *p = suite_prop_get(a, proto, 1, n);
	memcpy(p->tf, tf, n * sizeof *tf);
	suite_prop_order(p);
	return p;
}

static bool matches(const struct suite_list *ours, const struct suite_prop *theirs)
{
	struct suite got;
	return suite_select(props(ours), ours->n, &theirs, 1, 0, 0, &got, NULL, NULL, NULL) == 0;
}

#define PEER(proto, ...) \
	peer_prop(&a, proto, (const struct suite_tf[]){ __VA_ARGS__ }, \
		sizeof((const struct suite_tf[]){ __VA_ARGS__ }) / sizeof(struct suite_tf))

Test(suite, odd_proposals_of_a_peer)
{
	struct suite_list gcm = LIST(SUITE_IKE, "aes256gcm16-prfsha256-x25519"), cbc = LIST(SUITE_IKE, "aes256-sha256-x25519");
	struct suite_list esp = LIST(SUITE_ESP, "aes256gcm16");
	const struct suite_tf e_gcm = { 1, false, 20, 256 }, e_cbc = { 1, false, 12, 256 }, prf = { 2, false, 5, 0 };
	const struct suite_tf none = { 3, false, 0, 0 }, sha = { 3, false, 12, 0 }, ke = { 4, false, 31, 0 };
	const struct suite_tf unusable = { 1, true, 20, 256 }, ke_odd = { 4, true, 31, 0 }, type13 = { 13, false, 1, 0 };
	struct arena a;
	arena_init(&a, 65536);

	cr_expect(matches(&gcm, PEER(SUITE_IKE, ke, e_gcm, prf)), "order does not matter");
	cr_expect(matches(&gcm, PEER(SUITE_IKE, e_gcm, prf, none, ke)), "INTEG NONE beside an AEAD");
	cr_expect(matches(&gcm, PEER(SUITE_IKE, e_gcm, e_cbc, prf, none, sha, ke)), "both kinds and NONE");
	cr_expect_not(matches(&gcm, PEER(SUITE_IKE, e_gcm, prf, sha, ke)), "an AEAD with integrity");
	cr_expect_not(matches(&cbc, PEER(SUITE_IKE, e_cbc, prf, ke)), "no integrity");
	cr_expect_not(matches(&cbc, PEER(SUITE_IKE, e_cbc, prf, none, ke)), "integrity none");
	cr_expect_not(matches(&cbc, PEER(SUITE_IKE, e_cbc, sha, ke)), "no PRF");
	cr_expect_not(matches(&cbc, PEER(SUITE_IKE, e_cbc, prf, sha)), "no KE");
	cr_expect_not(matches(&cbc, PEER(SUITE_IKE, e_cbc, prf, sha, { 4, false, 0, 0 })), "KE NONE for IKE");
	cr_expect_not(matches(&cbc, PEER(SUITE_IKE, { 1, false, 12, 0 }, prf, sha, ke)), "AES without key length");
	cr_expect_not(matches(&gcm, PEER(SUITE_IKE, unusable, prf, ke)), "unknown attribute");
	cr_expect(matches(&gcm, PEER(SUITE_IKE, unusable, e_gcm, prf, ke)), "unknown attribute beside a good one");
	cr_expect_not(matches(&gcm, PEER(SUITE_IKE, e_gcm, prf, ke_odd)), "unknown attribute of the only KE");
	cr_expect_not(matches(&gcm, PEER(SUITE_IKE, e_gcm, prf, ke, type13)), "unknown transform type");
	cr_expect_not(matches(&gcm, PEER(SUITE_ESP, e_gcm, prf, ke)), "other protocol");
	cr_expect(matches(&esp, PEER(SUITE_ESP, e_gcm)), "ESP without ESN means no");
	cr_expect(matches(&esp, PEER(SUITE_ESP, e_gcm, { 5, false, 0, 0 }, { 4, false, 0, 0 })), "KE NONE for ESP");
	cr_expect_not(matches(&esp, PEER(SUITE_ESP, e_gcm, prf)), "PRF in ESP");
	cr_expect_not(matches(&esp, PEER(SUITE_ESP, e_gcm, { 5, false, 7, 0 })), "unknown ESN");
	arena_fini(&a);
	suite_list_fini(&gcm);
	suite_list_fini(&cbc);
	suite_list_fini(&esp);
}

Test(suite, the_answer_is_checked)
{
	struct suite_list ours = LIST(SUITE_IKE, "aes256gcm16-prfsha256-x25519-ecp256", "aes256-aes128-sha256-x25519");
	const struct suite_tf prf = { 2, false, 5, 0 }, sha = { 3, false, 12, 0 }, ke = { 4, false, 31, 0 };
	const struct suite_tf cbc128 = { 1, false, 12, 128 }, cbc192 = { 1, false, 12, 192 }, cbc256 = { 1, false, 12, 256 };
	struct suite got;
	struct arena a;
	arena_init(&a, 65536);

	struct suite_prop *p = PEER(SUITE_IKE, cbc128, prf, sha, ke);
	cr_expect_eq(suite_accept(props(&ours), ours.n, p, 0, &got, NULL), E_NO_PROPOSAL, "of the other proposal");
	p->num = 2;
	cr_expect_eq(suite_accept(props(&ours), ours.n, p, 0, &got, NULL), 0);
	cr_expect_str_eq(text_of_suite(&got), "AES_CBC-128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/CURVE_25519");
	p->num = 3;
	cr_expect_eq(suite_accept(props(&ours), ours.n, p, 0, &got, NULL), E_NO_PROPOSAL, "a number we did not use");
	p = PEER(SUITE_IKE, cbc128, cbc256, prf, sha, ke);
	p->num = 2;
	cr_expect_eq(suite_accept(props(&ours), ours.n, p, 0, &got, NULL), E_NO_PROPOSAL, "two of one type");
	p = PEER(SUITE_IKE, cbc192, prf, sha, ke);
	p->num = 2;
	cr_expect_eq(suite_accept(props(&ours), ours.n, p, 0, &got, NULL), E_NO_PROPOSAL, "not offered");
	p = PEER(SUITE_IKE, cbc128, prf, sha);
	p->num = 2;
	cr_expect_eq(suite_accept(props(&ours), ours.n, p, 0, &got, NULL), E_NO_PROPOSAL, "KE left out");
	struct suite_tf tf[SUITE_TF_MAX];
	got = (struct suite){ .proto = SUITE_ESP, .encr = 20, .encr_bits = 128, .esn = true, .ke = 31, .ake = { 36 } };
	cr_expect_eq(suite_transforms(&got, tf), 4);
	cr_expect_eq(tf[2].id, SUITE_ESN_YES);
	cr_expect_eq(tf[3].type, SUITE_AKE1);
	arena_fini(&a);
	suite_list_fini(&ours);
}

Test(suite, key_lengths)
{
	static const struct {
		struct suite s;
		uint16_t encr_len, integ_len;
	} rows[] = {
		{ { .proto = SUITE_ESP, .encr = 20, .encr_bits = 256 }, 36, 0 },
		{ { .proto = SUITE_ESP, .encr = 28 }, 36, 0 },
		{ { .proto = SUITE_ESP, .encr = 12, .encr_bits = 192, .integ = 12 }, 24, 32 },
		{ { .proto = SUITE_ESP, .encr = 13, .encr_bits = 128, .integ = 14 }, 20, 64 },
		{ { .proto = SUITE_ESP, .encr = 16, .encr_bits = 128 }, 19, 0 },
		{ { .proto = SUITE_ESP, .encr = 3, .integ = 1 }, 24, 16 },
		{ { .proto = SUITE_ESP, .encr = 11, .integ = 2 }, 0, 20 },
		{ { .proto = SUITE_AH, .integ = 13 }, 0, 48 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint16_t encr_len, integ_len;
		cr_assert_eq(suite_key_lens(&rows[i].s, &encr_len, &integ_len), 0);
		cr_expect_eq(encr_len, rows[i].encr_len, "row %zu", i);
		cr_expect_eq(integ_len, rows[i].integ_len, "row %zu", i);
	}
	const struct suite unknown = { .proto = SUITE_ESP, .encr = 999 };
	uint16_t n, m;
	cr_expect_eq(suite_key_lens(&unknown, &n, &m), E_NOT_SUPPORTED);
	char buf[32];
	cr_expect_str_eq(suite_alg_name(SUITE_ENCR, 999, buf), "ENCR_999");
	cr_expect_str_eq(suite_alg_name(SUITE_AKE1 + 1, 36, buf), "ML_KEM_768");
}

/* A small space of numbers, so that much matches; some transforms are odd. */
static struct suite_prop *random_prop(struct arena *a, unsigned *seed, uint8_t proto, uint8_t num)
{
	static const uint16_t ids[][4] = { { 20, 12, 28, 13 }, { 5, 6, 7, 2 }, { 12, 13, 0, 14 }, { 31, 19, 14, 0 },
		{ 0, 1, 0, 7 }, { 36, 31, 0, 19 }, { 37, 36, 0, 35 } };
	uint8_t n = (uint8_t)(rand_r(seed) % 30);
	struct suite_prop *p = suite_prop_get(a, proto, num, n);
	for (uint8_t i = 0; i < n; i++) {
		uint8_t type = (uint8_t)(1 + rand_r(seed) % ARRAY_LEN(ids));
		p->tf[i] = (struct suite_tf){ type, rand_r(seed) % 16 == 0, ids[type - 1][rand_r(seed) % 4], 0 };
		bool has_bits = type == SUITE_ENCR && p->tf[i].id != 28;
		p->tf[i].bits = has_bits ? rand_r(seed) % 2 ? 128 : 256 : 0;
	}
	suite_prop_order(p);
	return p;
}

Test(suite, what_a_responder_chooses_its_initiator_accepts)
{
	unsigned seed = 1, matched = 0;
	for (int round = 0; round < 30000; round++) {
		struct arena a;
		struct suite_prop *ours[2], *theirs[2];
		struct suite got, again;
		struct diag *why = NULL;
		size_t at;
		arena_init(&a, 65536);
		for (uint8_t i = 0; i < 2; i++) {
			uint8_t proto = round % 2 ? SUITE_IKE : SUITE_ESP;
			ours[i] = random_prop(&a, &seed, proto, (uint8_t)(i + 1));
			theirs[i] = random_prop(&a, &seed, proto, (uint8_t)(i + 1));
		}
		uint32_t flags = round % 3 ? 0 : SUITE_PREFER_PEER;
		err_t e = suite_select((const struct suite_prop *const *)ours, 2, (const struct suite_prop *const *)theirs, 2,
			flags, 31, &got, NULL, &at, &why);
		if (e == 0) {
			struct suite_tf tf[SUITE_TF_MAX];
			struct suite_prop *answer = peer_prop(&a, got.proto, tf, suite_transforms(&got, tf));
			answer->num = theirs[at]->num;
			cr_assert_eq(suite_accept((const struct suite_prop *const *)theirs, 2, answer, 0, &again, NULL), 0,
				"%s chosen from %s", text_of_suite(&got), text_of_prop(theirs[at]));
			cr_assert_str_eq(text_of_suite(&got), text_of_suite(&again));
			matched++;
		}
		cr_assert_eq(!e, !why);
		diag_free(&why);
		arena_fini(&a);
	}
	cr_expect_gt(matched, 100, "%u", matched);
}

static bool has_all(void *arg, uint8_t proto, const struct suite_tf *tf)
{
	(void)arg;
	(void)proto;
	(void)tf;
	return true;
}

Test(suite, default_of_an_engine_with_several_key_exchanges_starts_with_a_hybrid)
{
	struct suite_env env = { .has = has_all, .hybrid = true };
	struct suite_list l = { 0 };

	cr_assert_eq(suite_list_add(&l, &env, SUITE_IKE, "default", NULL), 0);
	cr_assert_eq(l.n, 3);
	cr_expect_not_null(suite_prop_first(l.v[0], SUITE_AKE1));
	cr_expect_eq(suite_prop_first(l.v[0], SUITE_AKE1)->id, 36);
	cr_expect_null(suite_prop_first(l.v[1], SUITE_AKE1));
	suite_list_fini(&l);
}

Test(suite, des_needs_the_weak_crypto_switch)
{
	struct suite_env env = { .has = has_all };
	struct suite_list l = { 0 };
	struct diag *why = NULL;

	cr_expect_eq(suite_list_add(&l, &env, SUITE_ESP, "des-md5", &why), E_BAD_VALUE);
	cr_expect_not_null(why);
	diag_free(&why);
	env.broken = true;
	cr_expect_eq(suite_list_add(&l, &env, SUITE_ESP, "des-md5", NULL), 0);
	suite_list_fini(&l);
}
