/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of algorithms: IANA numbers, names as the field writes them, words of proposal text, lengths.
 * Within a type the rows stand best first: that is the order of "default".
 */
#include "crypto/suite.h"

/* Plugins, each with the Debian package of its library. */
#define GCRYPT "crypto-gcrypt (libgcrypt20)"
#define GNUTLS "crypto-gnutls (libgnutls30)"
#define OPENSSL "crypto-openssl (libssl3)"
#define LIBS2 GCRYPT ", " GNUTLS " or " OPENSSL
#define LIBSDES GCRYPT " or " GNUTLS
#define LIBS448 GNUTLS " or " OPENSSL
#define LIBSBP GCRYPT " or " OPENSSL
#define LIBS3 GCRYPT ", " GNUTLS ", " OPENSSL " or crypto-sodium (libsodium23)"

#define ENCR(id, bits, salt, icv, flags, name, word, needs) \
	{ SUITE_ENCR, id, BITS_##bits, salt, icv, flags, name, word, needs }
#define BITS_NONE { 0 }
#define BITS_64 { 64 }
#define BITS_128 { 128 }
#define BITS_192 { 192 }
#define BITS_256 { 256 }
#define BITS_AES { 256, 192, 128 }
#define BITS_GOST { 256 }
#define INTEG(id, bits, out, flags, name, word, needs) { SUITE_INTEG, id, { bits }, 0, out, flags, name, word, needs }
#define PRF(id, out, flags, name, word, needs) \
	{ SUITE_PRF, id, { 0 }, 0, out, flags | SUITE_NO_CHILD, name, word, needs }
#define KE(id, flags, name, word, needs) { SUITE_KE, id, { 0 }, 0, 0, flags, name, word, needs }

enum {
	AEAD = SUITE_AEAD,
	AEAD_KL = SUITE_AEAD | SUITE_KEYLEN,
	KL = SUITE_KEYLEN,
	WEAK = SUITE_WEAK,
	DEF = SUITE_DEFAULT,
	NO_IKE = SUITE_NO_IKE
};

static const struct suite_fact facts[] = {
	ENCR(20, AES, 4, 16, AEAD_KL | DEF, "AES_GCM_16", "aes%ugcm16", LIBS2),
	ENCR(28, 256, 4, 16, AEAD | DEF, "CHACHA20_POLY1305", "chacha20poly1305", LIBS3),
	ENCR(12, AES, 0, 0, KL | DEF, "AES_CBC", "aes%u", LIBS2),
	ENCR(13, AES, 4, 0, KL | DEF, "AES_CTR", "aes%uctr", LIBS2),
	ENCR(19, AES, 4, 12, AEAD_KL, "AES_GCM_12", "aes%ugcm12", LIBS2),
	ENCR(18, AES, 4, 8, AEAD_KL, "AES_GCM_8", "aes%ugcm8", LIBS2),
	ENCR(16, AES, 3, 16, AEAD_KL | DEF, "AES_CCM_16", "aes%uccm16", LIBS2),
	ENCR(15, AES, 3, 12, AEAD_KL, "AES_CCM_12", "aes%uccm12", LIBS2),
	ENCR(14, AES, 3, 8, AEAD_KL, "AES_CCM_8", "aes%uccm8", LIBS2),
	ENCR(23, AES, 0, 0, KL | DEF, "CAMELLIA_CBC", "camellia%u", LIBS2),
	ENCR(24, AES, 4, 0, KL, "CAMELLIA_CTR", "camellia%uctr", LIBS2),
	ENCR(27, AES, 3, 16, AEAD_KL, "CAMELLIA_CCM_16", "camellia%uccm16", NULL),
	ENCR(26, AES, 3, 12, AEAD_KL, "CAMELLIA_CCM_12", "camellia%uccm12", NULL),
	ENCR(25, AES, 3, 8, AEAD_KL, "CAMELLIA_CCM_8", "camellia%uccm8", NULL),
	ENCR(21, AES, 4, 16, AEAD_KL | NO_IKE, "NULL_AES_GMAC", "aes%ugmac", LIBS2),
	ENCR(30, AES, 4, 16, AEAD_KL | NO_IKE, "AES_GCM_16_IIV", "aes%ugcm16iiv", NULL),
	ENCR(29, AES, 4, 8, AEAD_KL | NO_IKE, "AES_CCM_8_IIV", "aes%uccm8iiv", NULL),
	ENCR(31, 256, 4, 16, AEAD | NO_IKE, "CHACHA20_POLY1305_IIV", "chacha20poly1305iiv", NULL),
	ENCR(32, GOST, 12, 12, AEAD, "KUZNYECHIK_MGM_KTREE", "kuznyechikmgmktree", NULL),
	ENCR(33, GOST, 4, 8, AEAD, "MAGMA_MGM_KTREE", "magmamgmktree", NULL),
	ENCR(3, 192, 0, 0, WEAK, "3DES_CBC", "3des", LIBS2),
	ENCR(7, AES, 0, 0, KL | WEAK, "BLOWFISH_CBC", "blowfish%u", NULL),
	ENCR(6, 128, 0, 0, KL | WEAK, "CAST_CBC", "cast%u", NULL),
	ENCR(2, 64, 0, 0, WEAK | SUITE_BROKEN, "DES_CBC", "des", LIBSDES),
	ENCR(1, 64, 0, 0, WEAK, "DES_IV64", NULL, NULL),
	ENCR(4, NONE, 0, 0, KL | WEAK, "RC5_CBC", NULL, NULL),
	ENCR(5, NONE, 0, 0, WEAK, "IDEA_CBC", NULL, NULL),
	ENCR(8, NONE, 0, 0, WEAK, "3IDEA", NULL, NULL),
	ENCR(9, 64, 0, 0, WEAK, "DES_IV32", NULL, NULL),
	ENCR(11, NONE, 0, 0, WEAK | NO_IKE, "NULL", "null", NULL),

	INTEG(12, 256, 16, DEF, "HMAC_SHA2_256_128", "sha256", LIBS3),
	INTEG(13, 384, 24, DEF, "HMAC_SHA2_384_192", "sha384", LIBS2),
	INTEG(14, 512, 32, DEF, "HMAC_SHA2_512_256", "sha512", LIBS3),
	INTEG(5, 128, 12, DEF, "AES_XCBC_96", "aesxcbc", LIBS2),
	INTEG(8, 128, 12, DEF, "AES_CMAC_96", "aescmac", LIBS2),
	INTEG(2, 160, 12, DEF, "HMAC_SHA1_96", "sha1", LIBS2),
	INTEG(7, 160, 20, NO_IKE, "HMAC_SHA1_160", "sha1_160", NULL),
	{ SUITE_INTEG, 9, { 128 }, 4, 16, NO_IKE, "AES_128_GMAC", "aes128gmac", NULL },
	{ SUITE_INTEG, 10, { 192 }, 4, 16, NO_IKE, "AES_192_GMAC", "aes192gmac", NULL },
	{ SUITE_INTEG, 11, { 256 }, 4, 16, NO_IKE, "AES_256_GMAC", "aes256gmac", NULL },
	INTEG(1, 128, 12, WEAK, "HMAC_MD5_96", "md5", LIBS2),
	INTEG(6, 128, 16, WEAK | NO_IKE, "HMAC_MD5_128", "md5_128", NULL),
	INTEG(3, 64, 8, WEAK, "DES_MAC", NULL, NULL),
	INTEG(4, 128, 16, WEAK, "KPDK_MD5", NULL, NULL),
	INTEG(0, 0, 0, 0, "NONE", NULL, NULL),

	PRF(5, 32, DEF, "PRF_HMAC_SHA2_256", "prfsha256", LIBS3),
	PRF(6, 48, DEF, "PRF_HMAC_SHA2_384", "prfsha384", LIBS2),
	PRF(7, 64, DEF, "PRF_HMAC_SHA2_512", "prfsha512", LIBS3),
	PRF(4, 16, DEF, "PRF_AES128_XCBC", "prfaesxcbc", LIBS2),
	PRF(8, 16, DEF, "PRF_AES128_CMAC", "prfaescmac", LIBS2),
	PRF(2, 20, DEF, "PRF_HMAC_SHA1", "prfsha1", LIBS2),
	PRF(9, 64, 0, "PRF_HMAC_STREEBOG_512", "prfstreebog512", NULL),
	PRF(1, 16, WEAK, "PRF_HMAC_MD5", "prfmd5", LIBS2),
	PRF(3, 24, WEAK, "PRF_HMAC_TIGER", NULL, NULL),

	KE(31, DEF, "CURVE_25519", "x25519", LIBS3),
	KE(19, DEF, "ECP_256", "ecp256", LIBS2),
	KE(20, DEF, "ECP_384", "ecp384", LIBS2),
	KE(21, DEF, "ECP_521", "ecp521", LIBS2),
	KE(32, DEF, "CURVE_448", "x448", LIBS448),
	KE(28, DEF, "ECP_256_BP", "ecp256bp", LIBSBP),
	KE(29, DEF, "ECP_384_BP", "ecp384bp", LIBSBP),
	KE(30, DEF, "ECP_512_BP", "ecp512bp", LIBSBP),
	KE(15, DEF, "MODP_3072", "modp3072", LIBS2),
	KE(16, DEF, "MODP_4096", "modp4096", LIBS2),
	KE(17, DEF, "MODP_6144", "modp6144", LIBS2),
	KE(18, DEF, "MODP_8192", "modp8192", LIBS2),
	KE(14, DEF, "MODP_2048", "modp2048", LIBS2),
	KE(36, 0, "ML_KEM_768", "mlkem768", "crypto-mlkem (adit)"),
	KE(37, 0, "ML_KEM_1024", "mlkem1024", "crypto-mlkem (adit)"),
	KE(35, 0, "ML_KEM_512", "mlkem512", "crypto-mlkem (adit)"),
	KE(33, 0, "GOST3410_2012_256", "gost3410_256", NULL),
	KE(34, 0, "GOST3410_2012_512", "gost3410_512", NULL),
	KE(24, WEAK, "MODP_2048_256", "modp2048s256", LIBS2),
	KE(23, WEAK, "MODP_2048_224", "modp2048s224", LIBS2),
	KE(22, WEAK, "MODP_1024_160", "modp1024s160", LIBS2),
	KE(26, WEAK, "ECP_224", "ecp224", LIBS2),
	KE(27, WEAK, "ECP_224_BP", "ecp224bp", LIBSBP),
	KE(25, WEAK, "ECP_192", "ecp192", LIBS2),
	KE(5, WEAK, "MODP_1536", "modp1536", LIBS2),
	KE(2, WEAK, "MODP_1024", "modp1024", LIBS2),
	KE(1, WEAK, "MODP_768", "modp768", LIBS2),
	KE(0, 0, "NONE", "modpnone", NULL),

	{ SUITE_ESN, 0, { 0 }, 0, 0, NO_IKE, "NO_EXT_SEQ", "noesn", NULL },
	{ SUITE_ESN, 1, { 0 }, 0, 0, NO_IKE, "EXT_SEQ", "esn", NULL },
};

/* Additional key exchanges use the numbers of transform type 4. */
static uint8_t fact_type(uint8_t type)
{
	return type >= SUITE_AKE1 && type <= SUITE_AKE7 ? SUITE_KE : type;
}

const struct suite_fact *suite_fact(uint8_t type, uint16_t id)
{
	type = fact_type(type);
	for (size_t i = 0; i < ARRAY_LEN(facts); i++)
		if (facts[i].type == type && facts[i].id == id)
			return &facts[i];
	return NULL;
}

const struct suite_fact *suite_fact_at(size_t n)
{
	return n < ARRAY_LEN(facts) ? &facts[n] : NULL;
}

static const struct {
	const char *name;
	const char *shortly;
} types[SUITE_TYPE_END] = {
	[SUITE_ENCR] = { "ENCRYPTION_ALGORITHM", "ENCR" },
	[SUITE_PRF] = { "PSEUDO_RANDOM_FUNCTION", "PRF" },
	[SUITE_INTEG] = { "INTEGRITY_ALGORITHM", "INTEG" },
	[SUITE_KE] = { "KEY_EXCHANGE_METHOD", "KE" },
	[SUITE_ESN] = { "EXTENDED_SEQUENCE_NUMBERS", "ESN" },
	[SUITE_AKE1] = { "ADDITIONAL_KEY_EXCHANGE_1", "KE1" },
	[SUITE_AKE1 + 1] = { "ADDITIONAL_KEY_EXCHANGE_2", "KE2" },
	[SUITE_AKE1 + 2] = { "ADDITIONAL_KEY_EXCHANGE_3", "KE3" },
	[SUITE_AKE1 + 3] = { "ADDITIONAL_KEY_EXCHANGE_4", "KE4" },
	[SUITE_AKE1 + 4] = { "ADDITIONAL_KEY_EXCHANGE_5", "KE5" },
	[SUITE_AKE1 + 5] = { "ADDITIONAL_KEY_EXCHANGE_6", "KE6" },
	[SUITE_AKE7] = { "ADDITIONAL_KEY_EXCHANGE_7", "KE7" },
};

const char *suite_type_name(uint8_t type)
{
	return type < SUITE_TYPE_END && types[type].name ? types[type].name : "UNKNOWN_TRANSFORM_TYPE";
}

const char *suite_alg_name(uint8_t type, uint16_t id, char buf[32])
{
	const struct suite_fact *f = suite_fact(type, id);
	if (f)
		return f->name;
	struct text t = text_of(buf, 32);
	const char *what = type < SUITE_TYPE_END && types[type].shortly ? types[type].shortly : "TRANSFORM";
	text_fmt(&t, "%s_%u", what, (unsigned)id);
	return buf;
}

const char *suite_hash_name(uint16_t id)
{
	static const char *const names[] = { NULL, "HASH_SHA1", "HASH_SHA2_256", "HASH_SHA2_384", "HASH_SHA2_512",
		"HASH_IDENTITY" };
	return id < ARRAY_LEN(names) ? names[id] : NULL;
}
