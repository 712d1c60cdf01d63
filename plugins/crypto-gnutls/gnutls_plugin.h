/* SPDX-License-Identifier: Apache-2.0 */
/* Function tables of the plugin crypto-gnutls, file by file. */
#ifndef ADIT_CRYPTO_GNUTLS_H
#define ADIT_CRYPTO_GNUTLS_H

#include "plugin/abi.h"

/* encr.c */
extern const struct encr_ops gt_cbc_128, gt_cbc_192, gt_cbc_256;
extern const struct encr_ops gt_gcm16_128, gt_gcm16_192, gt_gcm16_256, gt_gcm12_128, gt_gcm12_192, gt_gcm12_256,
	gt_gcm8_128, gt_gcm8_192, gt_gcm8_256;
/* encr_nettle.c */
extern const struct encr_ops gt_ctr_128, gt_ctr_192, gt_ctr_256, gt_chacha;
/* mac.c */
extern const struct mac_ops gt_integ_sha1, gt_integ_sha256, gt_integ_sha384, gt_integ_sha512, gt_prf_sha1,
	gt_prf_sha256, gt_prf_sha384, gt_prf_sha512;
extern const struct hash_ops gt_hash_sha1, gt_hash_sha256, gt_hash_sha384, gt_hash_sha512;
/* kex_ec.c, kex_modp.c */
extern const struct kex_ops gt_x25519, gt_ecp256, gt_ecp384, gt_ecp521, gt_modp2048, gt_modp3072, gt_modp4096;

#endif
