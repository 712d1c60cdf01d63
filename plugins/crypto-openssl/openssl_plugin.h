/* SPDX-License-Identifier: Apache-2.0 */
/* Function tables of the plugin crypto-openssl, file by file, and what its files share. */
#ifndef ADIT_CRYPTO_OPENSSL_H
#define ADIT_CRYPTO_OPENSSL_H

#include "plugin/abi.h"

#include <openssl/evp.h>

/* The algorithms as the library's loaded providers have them, fetched once; NULL when this build lacks one. */
#define OS_CIPHERS(x) \
	x(cbc_128, "AES-128-CBC") x(cbc_192, "AES-192-CBC") x(cbc_256, "AES-256-CBC") \
	x(ctr_128, "AES-128-CTR") x(ctr_192, "AES-192-CTR") x(ctr_256, "AES-256-CTR") \
	x(gcm_128, "AES-128-GCM") x(gcm_192, "AES-192-GCM") x(gcm_256, "AES-256-GCM") \
	x(ccm_128, "AES-128-CCM") x(ccm_192, "AES-192-CCM") x(ccm_256, "AES-256-CCM") \
	x(cam_cbc_128, "CAMELLIA-128-CBC") x(cam_cbc_192, "CAMELLIA-192-CBC") x(cam_cbc_256, "CAMELLIA-256-CBC") \
	x(cam_ctr_128, "CAMELLIA-128-CTR") x(cam_ctr_192, "CAMELLIA-192-CTR") x(cam_ctr_256, "CAMELLIA-256-CTR") \
	x(chacha, "ChaCha20-Poly1305") x(tdes, "DES-EDE3-CBC") x(ecb_128, "AES-128-ECB")
#define OS_CIPHER_ENUM(name, text) OS_C_##name,
enum os_cipher { OS_CIPHERS(OS_CIPHER_ENUM) OS_C_COUNT };
extern EVP_CIPHER *os_cipher[OS_C_COUNT];

EVP_MAC *os_hmac(void);
/* The library's hash of an id of PLUG_HASH; NULL none. */
EVP_MD *os_hash(uint16_t id);

/* encr.c */
#define OS_AES3(x, name) x(name##_128) x(name##_192) x(name##_256)
#define OS_ENCR_ALL(x) \
	OS_AES3(x, cbc) OS_AES3(x, ctr) OS_AES3(x, gcm16) OS_AES3(x, gcm12) OS_AES3(x, gcm8) OS_AES3(x, ccm16) \
	OS_AES3(x, ccm12) OS_AES3(x, ccm8) OS_AES3(x, gmac) OS_AES3(x, cam_cbc) OS_AES3(x, cam_ctr) x(chacha) x(tdes)
#define OS_EXTERN(name) extern const struct encr_ops os_##name;
OS_ENCR_ALL(OS_EXTERN)
#undef OS_EXTERN
/* mac.c */
extern const struct mac_ops os_integ_md5, os_integ_sha1, os_integ_sha256, os_integ_sha384, os_integ_sha512, os_prf_md5,
	os_prf_sha1, os_prf_sha256, os_prf_sha384, os_prf_sha512, os_integ_xcbc, os_integ_cmac, os_prf_xcbc, os_prf_cmac;
extern const struct hash_ops os_hash_md5, os_hash_sha1, os_hash_sha224, os_hash_sha256, os_hash_sha384, os_hash_sha512,
	os_hash_sha512_224, os_hash_sha512_256, os_hash_sha3_224, os_hash_sha3_256, os_hash_sha3_384, os_hash_sha3_512,
	os_hash_shake128, os_hash_shake256;
/* kex_ec.c, kex_modp.c */
extern const struct kex_ops os_x25519, os_x448, os_ecp192, os_ecp224, os_ecp256, os_ecp384, os_ecp521, os_bp224,
	os_bp256, os_bp384, os_bp512;
extern const struct kex_ops os_modp768, os_modp1024, os_modp1536, os_modp2048, os_modp3072, os_modp4096, os_modp6144,
	os_modp8192, os_modp1024s160, os_modp2048s224, os_modp2048s256;
/* sign.c */
extern const struct sign_ops os_rsa_pkcs1, os_rsa_pss, os_ed25519, os_ed448;
extern const struct sign_ops os_ecdsa_19, os_ecdsa_20, os_ecdsa_21, os_ecdsa_25, os_ecdsa_26, os_ecdsa_27, os_ecdsa_28,
	os_ecdsa_29, os_ecdsa_30, os_ecdsa_raw_19, os_ecdsa_raw_20, os_ecdsa_raw_21, os_ecdsa_raw_25, os_ecdsa_raw_26,
	os_ecdsa_raw_27, os_ecdsa_raw_28, os_ecdsa_raw_29, os_ecdsa_raw_30;

#endif
