/* SPDX-License-Identifier: Apache-2.0 */
/* Function tables of the plugin crypto-gnutls, file by file. */
#ifndef ADIT_CRYPTO_GNUTLS_H
#define ADIT_CRYPTO_GNUTLS_H

#include "plugin/abi.h"

#define GT_AES3(x, name) x(name##_128) x(name##_192) x(name##_256)
#define GT_EXTERN(name) extern const struct encr_ops gt_##name;
/* encr.c */
GT_AES3(GT_EXTERN, cbc) GT_AES3(GT_EXTERN, gcm16) GT_AES3(GT_EXTERN, gcm12) GT_AES3(GT_EXTERN, gcm8)
/* encr_nettle.c */
GT_AES3(GT_EXTERN, ctr) GT_AES3(GT_EXTERN, ccm16) GT_AES3(GT_EXTERN, ccm12) GT_AES3(GT_EXTERN, ccm8)
GT_AES3(GT_EXTERN, gmac) GT_AES3(GT_EXTERN, cam_cbc) GT_AES3(GT_EXTERN, cam_ctr)
GT_EXTERN(chacha) GT_EXTERN(tdes) GT_EXTERN(des)
#undef GT_EXTERN
/* mac.c */
extern const struct mac_ops gt_integ_md5, gt_integ_sha1, gt_integ_sha256, gt_integ_sha384, gt_integ_sha512, gt_prf_md5,
	gt_prf_sha1, gt_prf_sha256, gt_prf_sha384, gt_prf_sha512, gt_integ_xcbc, gt_integ_cmac, gt_prf_xcbc, gt_prf_cmac;
extern const struct hash_ops gt_hash_md5, gt_hash_sha1, gt_hash_sha224, gt_hash_sha256, gt_hash_sha384, gt_hash_sha512,
	gt_hash_sha512_224, gt_hash_sha512_256, gt_hash_sha3_224, gt_hash_sha3_256, gt_hash_sha3_384, gt_hash_sha3_512;
/* kex_ec.c, kex_modp.c */
extern const struct kex_ops gt_x25519, gt_x448, gt_ecp192, gt_ecp224, gt_ecp256, gt_ecp384, gt_ecp521;
extern const struct kex_ops gt_modp768, gt_modp1024, gt_modp1536, gt_modp2048, gt_modp3072, gt_modp4096, gt_modp6144,
	gt_modp8192, gt_modp1024s160, gt_modp2048s224, gt_modp2048s256;
/* sign.c */
extern const struct sign_ops gt_rsa_pkcs1, gt_rsa_pss, gt_ed25519, gt_ed448;
extern const struct sign_ops gt_ecdsa_19, gt_ecdsa_20, gt_ecdsa_21, gt_ecdsa_25, gt_ecdsa_26, gt_ecdsa_raw_19,
	gt_ecdsa_raw_20, gt_ecdsa_raw_21, gt_ecdsa_raw_25, gt_ecdsa_raw_26;

struct ecc_curve;
struct ecc_scalar;
/* Wipes and frees (kex_ec.c). */
void gt_scalar_clear(struct ecc_scalar *s, const struct ecc_curve *curve);

#endif
