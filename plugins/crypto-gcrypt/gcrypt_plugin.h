/* SPDX-License-Identifier: Apache-2.0 */
/* Function tables of the plugin crypto-gcrypt, file by file. */
#ifndef ADIT_CRYPTO_GCRYPT_H
#define ADIT_CRYPTO_GCRYPT_H

#include "plugin/abi.h"

#include <gcrypt.h>

/* encr.c */
#define GC_AES3(x, name) x(name##_128) x(name##_192) x(name##_256)
#define GC_ENCR_ALL(x) \
	GC_AES3(x, cbc) GC_AES3(x, ctr) GC_AES3(x, gcm16) GC_AES3(x, gcm12) GC_AES3(x, gcm8) GC_AES3(x, ccm16) \
	GC_AES3(x, ccm12) GC_AES3(x, ccm8) GC_AES3(x, gmac) GC_AES3(x, cam_cbc) GC_AES3(x, cam_ctr) x(chacha) x(tdes) x(des)
#define GC_EXTERN(name) extern const struct encr_ops gc_##name;
GC_ENCR_ALL(GC_EXTERN)
#undef GC_EXTERN
/* mac.c */
extern const struct mac_ops gc_integ_md5, gc_integ_sha1, gc_integ_sha256, gc_integ_sha384, gc_integ_sha512, gc_prf_md5,
	gc_prf_sha1, gc_prf_sha256, gc_prf_sha384, gc_prf_sha512, gc_integ_xcbc, gc_integ_cmac, gc_prf_xcbc, gc_prf_cmac;
extern const struct hash_ops gc_hash_md5, gc_hash_sha1, gc_hash_sha224, gc_hash_sha256, gc_hash_sha384, gc_hash_sha512,
	gc_hash_sha512_224, gc_hash_sha512_256, gc_hash_sha3_224, gc_hash_sha3_256, gc_hash_sha3_384, gc_hash_sha3_512,
	gc_hash_shake128, gc_hash_shake256;
/* kex_ec.c, kex_modp.c */
extern const struct kex_ops gc_x25519, gc_ecp192, gc_ecp224, gc_ecp256, gc_ecp384, gc_ecp521, gc_bp224,
	gc_bp256, gc_bp384, gc_bp512;
extern const struct kex_ops gc_modp768, gc_modp1024, gc_modp1536, gc_modp2048, gc_modp3072, gc_modp4096, gc_modp6144,
	gc_modp8192, gc_modp1024s160, gc_modp2048s224, gc_modp2048s256;
/* sign.c */
extern const struct sign_ops gc_rsa_pkcs1, gc_rsa_pss, gc_ed25519, gc_ed448;
extern const struct sign_ops gc_ecdsa_19, gc_ecdsa_20, gc_ecdsa_21, gc_ecdsa_25, gc_ecdsa_26, gc_ecdsa_27, gc_ecdsa_28,
	gc_ecdsa_29, gc_ecdsa_30, gc_ecdsa_raw_19, gc_ecdsa_raw_20, gc_ecdsa_raw_21, gc_ecdsa_raw_25, gc_ecdsa_raw_26,
	gc_ecdsa_raw_27, gc_ecdsa_raw_28, gc_ecdsa_raw_29, gc_ecdsa_raw_30;

/* The first out_len bytes of a hash of the library (mac.c). */
err_t gc_digest(int algo, uint16_t out_len, const slice *v, size_t n, uint8_t *out);
/* Is x | y a point of the curve, both below p (kex_ec.c)? */
bool gc_point_on_curve(gcry_ctx_t ec, slice xy);

#endif
