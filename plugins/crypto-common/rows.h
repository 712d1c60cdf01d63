/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feature rows of the crypto plugins as lists: IANA number, name of the function table behind the plugin's prefix, name
 * of its known-answer tests. A plugin that has a whole list takes it; one that has a part names single rows with ROW
 * and ENCR. Weak algorithms carry the mark of crypto/suite.h. Priorities count only among providers nobody measured.
 */
#ifndef ADIT_CRYPTO_COMMON_ROWS_H
#define ADIT_CRYPTO_COMMON_ROWS_H

#include "plugins/crypto-common/kats_ecdsa.h"
#include "plugins/crypto-common/kats_encr.h"
#include "plugins/crypto-common/kats_encr_more.h"
#include "plugins/crypto-common/kats_kex.h"
#include "plugins/crypto-common/kats_kex_more.h"
#include "plugins/crypto-common/kats_mac.h"
#include "plugins/crypto-common/kats_mac_more.h"
#include "plugins/crypto-common/kats_sign.h"

#define ENCR(number, bits, p, table, kat) { .is = { PLUG_ENCR, number, bits }, .prio = p, .ops = &table, KATS(kat) },
#define ENCR_WEAK(number, bits, p, table, kat) \
	{ .is = { PLUG_ENCR, number, bits }, .prio = p, .ops = &table, KATS(kat), .flags = PLUG_WEAK },
#define AES(number, p, table, kat) \
	ENCR(number, 128, p, table##_128, kat##_128) ENCR(number, 192, p, table##_192, kat##_192) \
	ENCR(number, 256, p, table##_256, kat##_256)
#define ROW(kind, number, p, table, kat) { .is = { kind, number, 0 }, .prio = p, .ops = &table, KATS(kat) },
#define ROW_WEAK(kind, number, p, table, kat) \
	{ .is = { kind, number, 0 }, .prio = p, .ops = &table, KATS(kat), .flags = PLUG_WEAK },

#define ROWS_CCM(pre) AES(16, 50, pre##_ccm16, aes_ccm16) AES(15, 50, pre##_ccm12, aes_ccm12) AES(14, 50, pre##_ccm8, aes_ccm8)
#define ROWS_GMAC(pre) AES(21, 50, pre##_gmac, aes_gmac)
#define ROWS_CAMELLIA(pre) AES(23, 50, pre##_cam_cbc, camellia_cbc) AES(24, 50, pre##_cam_ctr, camellia_ctr)
#define ROWS_AES(pre) \
	AES(20, 50, pre##_gcm16, aes_gcm16) AES(19, 50, pre##_gcm12, aes_gcm12) AES(18, 50, pre##_gcm8, aes_gcm8) \
	AES(12, 50, pre##_cbc, aes_cbc) AES(13, 50, pre##_ctr, aes_ctr)
#define ROWS_ENCR_WIDE(pre) \
	ROWS_AES(pre) ROWS_CCM(pre) ROWS_GMAC(pre) ROWS_CAMELLIA(pre) ENCR(28, 256, 50, pre##_chacha, chacha20_poly1305) \
	ENCR_WEAK(3, 192, 50, pre##_tdes, 3des)

#define ROWS_XCBC(pre) \
	ROW(PLUG_INTEG, 5, 50, pre##_integ_xcbc, integ_xcbc) ROW(PLUG_INTEG, 8, 50, pre##_integ_cmac, integ_cmac) \
	ROW(PLUG_PRF, 4, 50, pre##_prf_xcbc, prf_xcbc) ROW(PLUG_PRF, 8, 50, pre##_prf_cmac, prf_cmac)
#define ROWS_MD5(pre) \
	ROW_WEAK(PLUG_INTEG, 1, 50, pre##_integ_md5, integ_md5) ROW_WEAK(PLUG_PRF, 1, 50, pre##_prf_md5, prf_md5)
#define ROWS_HMAC(pre) \
	ROW(PLUG_INTEG, 2, 50, pre##_integ_sha1, integ_sha1) ROW(PLUG_INTEG, 12, 50, pre##_integ_sha256, integ_sha256) \
	ROW(PLUG_INTEG, 13, 50, pre##_integ_sha384, integ_sha384) ROW(PLUG_INTEG, 14, 50, pre##_integ_sha512, integ_sha512) \
	ROW(PLUG_PRF, 2, 50, pre##_prf_sha1, prf_sha1) ROW(PLUG_PRF, 5, 50, pre##_prf_sha256, prf_sha256) \
	ROW(PLUG_PRF, 6, 50, pre##_prf_sha384, prf_sha384) ROW(PLUG_PRF, 7, 50, pre##_prf_sha512, prf_sha512)
#define ROWS_MAC_WIDE(pre) ROWS_HMAC(pre) ROWS_XCBC(pre) ROWS_MD5(pre)

#define HASH_ROW(number, pre, name) ROW(PLUG_HASH, number, 50, pre##_hash_##name, hash_##name)
#define ROWS_SHA2(pre) \
	HASH_ROW(PLUG_HASH_SHA1, pre, sha1) HASH_ROW(PLUG_HASH_SHA256, pre, sha256) HASH_ROW(PLUG_HASH_SHA384, pre, sha384) \
	HASH_ROW(PLUG_HASH_SHA512, pre, sha512) HASH_ROW(PLUG_HASH_SHA224, pre, sha224)
#define ROWS_SHA512T(pre) HASH_ROW(PLUG_HASH_SHA512_224, pre, sha512_224) HASH_ROW(PLUG_HASH_SHA512_256, pre, sha512_256)
#define ROWS_SHA3(pre) \
	HASH_ROW(PLUG_HASH_SHA3_224, pre, sha3_224) HASH_ROW(PLUG_HASH_SHA3_256, pre, sha3_256) \
	HASH_ROW(PLUG_HASH_SHA3_384, pre, sha3_384) HASH_ROW(PLUG_HASH_SHA3_512, pre, sha3_512)
#define ROWS_SHAKE(pre) HASH_ROW(PLUG_HASH_SHAKE128, pre, shake128) HASH_ROW(PLUG_HASH_SHAKE256, pre, shake256)
#define ROWS_HASH_MD5(pre) ROW_WEAK(PLUG_HASH, PLUG_HASH_MD5, 50, pre##_hash_md5, hash_md5)
#define ROWS_HASH_WIDE(pre) ROWS_SHA2(pre) ROWS_SHA512T(pre) ROWS_SHA3(pre) ROWS_SHAKE(pre) ROWS_HASH_MD5(pre)

#define ROWS_MODP(pre, p) \
	ROW(PLUG_KEX, 14, p, pre##_modp2048, modp2048) ROW(PLUG_KEX, 15, p, pre##_modp3072, modp3072) \
	ROW(PLUG_KEX, 16, p, pre##_modp4096, modp4096) ROW(PLUG_KEX, 17, p, pre##_modp6144, modp6144) \
	ROW(PLUG_KEX, 18, p, pre##_modp8192, modp8192) ROW_WEAK(PLUG_KEX, 1, p, pre##_modp768, modp768) \
	ROW_WEAK(PLUG_KEX, 2, p, pre##_modp1024, modp1024) ROW_WEAK(PLUG_KEX, 5, p, pre##_modp1536, modp1536) \
	ROW_WEAK(PLUG_KEX, 22, p, pre##_modp1024s160, modp1024s160) \
	ROW_WEAK(PLUG_KEX, 23, p, pre##_modp2048s224, modp2048s224) \
	ROW_WEAK(PLUG_KEX, 24, p, pre##_modp2048s256, modp2048s256)
#define ROWS_ECP(pre, p) \
	ROW(PLUG_KEX, 19, p, pre##_ecp256, ecp256) ROW(PLUG_KEX, 20, p, pre##_ecp384, ecp384) \
	ROW(PLUG_KEX, 21, p, pre##_ecp521, ecp521) ROW_WEAK(PLUG_KEX, 25, p, pre##_ecp192, ecp192) \
	ROW_WEAK(PLUG_KEX, 26, p, pre##_ecp224, ecp224)
#define ROWS_BRAINPOOL(pre, p) \
	ROW_WEAK(PLUG_KEX, 27, p, pre##_bp224, bp224) ROW(PLUG_KEX, 28, p, pre##_bp256, bp256) \
	ROW(PLUG_KEX, 29, p, pre##_bp384, bp384) ROW(PLUG_KEX, 30, p, pre##_bp512, bp512)
#define ROWS_XDH(pre, p) ROW(PLUG_KEX, 31, p, pre##_x25519, x25519) ROW(PLUG_KEX, 32, p, pre##_x448, x448)
#define ROWS_KEX_WIDE(pre) ROWS_XDH(pre, 50) ROWS_ECP(pre, 50) ROWS_BRAINPOOL(pre, 50) ROWS_MODP(pre, 50)

#define SIGN(number, group, p, table, kat) { .is = { PLUG_SIGN, number, group }, .prio = p, .ops = &table, KATS(kat) },
#define SIGN_CURVE(pre, group, p) \
	SIGN(PLUG_SIGN_ECDSA, group, p, pre##_ecdsa_##group, ecdsa_##group) \
	SIGN(PLUG_SIGN_ECDSA_RAW, group, p, pre##_ecdsa_raw_##group, ecdsa_raw_##group)
#define ROWS_RSA(pre, p) \
	SIGN(PLUG_SIGN_RSA_PKCS1, 0, p, pre##_rsa_pkcs1, rsa_pkcs1) SIGN(PLUG_SIGN_RSA_PSS, 0, p, pre##_rsa_pss, rsa_pss)
#define ROWS_EDDSA(pre, p) \
	SIGN(PLUG_SIGN_ED25519, 0, p, pre##_ed25519, ed25519) SIGN(PLUG_SIGN_ED448, 0, p, pre##_ed448, ed448)
#define ROWS_ECDSA_NIST(pre, p) SIGN_CURVE(pre, 19, p) SIGN_CURVE(pre, 20, p) SIGN_CURVE(pre, 21, p)
#define ROWS_SIGN(pre, p) \
	ROWS_RSA(pre, p) ROWS_EDDSA(pre, p) ROWS_ECDSA_NIST(pre, p) SIGN_CURVE(pre, 25, p) SIGN_CURVE(pre, 26, p)
#define ROWS_SIGN_WIDE(pre, p) \
	ROWS_SIGN(pre, p) SIGN_CURVE(pre, 27, p) SIGN_CURVE(pre, 28, p) SIGN_CURVE(pre, 29, p) SIGN_CURVE(pre, 30, p)

#endif
